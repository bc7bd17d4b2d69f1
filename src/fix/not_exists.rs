//! `WHERE NOT EXISTS` for an INSERT whose rows no unique key covers: the rows are looked for by the values that they are given.
//!
//! In: the text of a plain literal with one INSERT, and the types of its columns. Out: edits of that literal. Values that
//! are new each time (`now()`, `gen_random_uuid()`) are not looked for; a column whose type has no equality is not either.

use super::ask::qualified;
use super::{Facts, sql_text};
use crate::postgres::catalog::Relation;
use crate::postgres::expression::{Datum, Expr, FromItem, QueryBody, Select, TypeName};
use crate::postgres::name::Quoted;
use crate::postgres::query::render::type_text;
use crate::postgres::statement::{ConflictAction, Insert, InsertSource, Statement};
use crate::rules::second_run::Fault;
use crate::source::Span;
use crate::sql::{self, Token};

/// What the rows that are there are called in the subquery.
const THERE: &str = "existing";

/// What several rows of VALUES are called.
const ADDED: &str = "added";

/// Edits that look for the rows first.
pub(super) struct Looked {
    pub(super) edits: Vec<(Span, String)>,
    /// Every value that is the same each time is looked for, and the values are the statement's own.
    pub(super) whole: bool,
}

/// The edits for the literal that the calls of a place execute.
pub(super) fn edits(facts: &Facts<'_>, faults: &[Fault<'_>]) -> Option<Looked> {
    let (literal, text, placeholders) = sql_text::literal(facts, faults)?;
    let parsed = sql::parse_once(text, placeholders);
    let [one] = parsed.as_slice() else {
        return None;
    };
    let Statement::Insert(insert) = &one.statement else {
        return None;
    };
    let name = qualified(facts.replayed, &insert.table);
    let table = facts.replayed.after.relations.get(&name)?;
    let own = text.get(one.span.range())?;
    let mut tokens = sql::tokens(own);
    // what stops at another key stays, behind
    let conflict = tokens
        .windows(2)
        .position(|pair| pair[0].is_word(own, "ON") && pair[1].is_word(own, "CONFLICT"));
    tokens.truncate(conflict.unwrap_or(tokens.len()));
    let writer = Writer {
        text: own,
        tokens,
        insert,
        table,
    };
    let (local, whole) = writer.edits()?;
    let start = literal.span.start + one.span.start;
    let place = |(from, to, text): (usize, usize, String)| {
        (Span::new(start + from as u32, start + to as u32), text)
    };
    Some(Looked {
        edits: local.into_iter().map(place).collect(),
        whole,
    })
}

/// An edit of the statement, by bytes in it.
type Local = (usize, usize, String);

struct Writer<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    insert: &'a Insert,
    table: &'a Relation,
}

impl Writer<'_> {
    fn edits(&self) -> Option<(Vec<Local>, bool)> {
        let plain = self.insert.with.is_empty()
            && self
                .insert
                .on_conflict
                .as_ref()
                .is_none_or(|one| one.action == ConflictAction::Nothing)
            && self.insert.returning.is_empty()
            && !self.insert.columns.is_empty();
        if !plain {
            return None;
        }
        match &self.insert.source {
            InsertSource::Values(rows) if rows.len() == 1 => self.row(&rows[0]),
            InsertSource::Values(rows) => self.rows(rows),
            InsertSource::Query(query) => {
                let simple = query.with.is_empty()
                    && query.order_by.is_empty()
                    && query.limit.is_none()
                    && query.offset.is_none();
                match &query.body {
                    QueryBody::Select(select) if simple => self.select(select),
                    _ => None,
                }
            }
            InsertSource::DefaultValues => None,
        }
    }

    /// `VALUES (...)` becomes `SELECT ... WHERE NOT EXISTS (...)`.
    fn row(&self, values: &[Expr]) -> Option<(Vec<Local>, bool)> {
        let mut words = self.tokens.iter();
        let keyword = words.position(|token| token.is_word(self.text, "VALUES"))?;
        let open = self
            .tokens
            .get(keyword + 1)
            .filter(|one| one.is(self.text, "("))?;
        let close = self.tokens.last().filter(|one| one.is(self.text, ")"))?;
        let parts = self.parts(keyword + 2, self.tokens.len() - 1);
        if parts.len() != values.len() || values.len() != self.insert.columns.len() {
            return None;
        }
        let mut conditions = Vec::new();
        let mut whole = true;
        for ((column, value), part) in self.insert.columns.iter().zip(values).zip(&parts) {
            let known = self.table.column(column)?;
            match Self::compared(column, value, part, &known.type_name) {
                Some(condition) => conditions.push(condition),
                None => whole &= is_fresh(value),
            }
        }
        let keyword = &self.tokens[keyword];
        let select = self.cased(keyword, "SELECT");
        // a line break between the two stays
        let gap = self.text[keyword.end..open.start].trim_matches(' ');
        let gap = if gap.is_empty() { " " } else { gap };
        let lead = (keyword.start, open.end, format!("{select}{gap}"));
        let tail = (
            close.start,
            close.end,
            format!(" {}", self.absent(&conditions, keyword)?),
        );
        Some((vec![lead, tail], whole))
    }

    /// `VALUES (...), (...)` becomes `SELECT * FROM (VALUES (...), (...)) AS added (...) WHERE NOT EXISTS (...)`.
    fn rows(&self, rows: &[Vec<Expr>]) -> Option<(Vec<Local>, bool)> {
        let columns = &self.insert.columns;
        let is_fit = |row: &Vec<Expr>| row.len() == columns.len() && !row.contains(&Expr::Default);
        if !rows.iter().all(is_fit) {
            return None;
        }
        let mut words = self.tokens.iter();
        let keyword = words.position(|token| token.is_word(self.text, "VALUES"))?;
        let close = self.tokens.last().filter(|one| one.is(self.text, ")"))?;
        let keyword = &self.tokens[keyword];
        let (mut selected, mut conditions) = (Vec::new(), Vec::new());
        let (mut whole, mut is_cast) = (true, false);
        for (place, column) in columns.iter().enumerate() {
            let values = || rows.iter().map(|row| &row[place]);
            let known = self.table.column(column)?;
            let own = format!("{ADDED}.{}", Quoted(column));
            // a bare literal is text there, and not what the column makes of it
            let value = if has_own_type(values(), &known.type_name) {
                own
            } else {
                is_cast = true;
                // a length would cut
                let kind = if is_textual(&known.type_name) {
                    "text".to_owned()
                } else {
                    type_text(&known.type_name)
                };
                format!(
                    "{}({own} {} {kind})",
                    self.cased(keyword, "CAST"),
                    self.cased(keyword, "AS")
                )
            };
            if has_equality(&known.type_name) && !values().any(is_fresh) {
                let is_null = |value: &Expr| matches!(value, Expr::Value(Datum::Null));
                let is = if values().any(is_null) {
                    self.cased(keyword, "IS NOT DISTINCT FROM")
                } else {
                    "=".to_owned()
                };
                conditions.push(format!("{THERE}.{} {is} {value}", Quoted(column)));
                whole &= values().all(is_literal);
            } else {
                whole &= values().all(is_fresh);
            }
            selected.push(value);
        }
        let selected = if is_cast {
            selected.join(", ")
        } else {
            "*".to_owned()
        };
        let names: Vec<String> = columns
            .iter()
            .map(|name| Quoted(name).to_string())
            .collect();
        let lead = format!(
            "{} {selected} {} (",
            self.cased(keyword, "SELECT"),
            self.cased(keyword, "FROM")
        );
        let tail = format!(
            ") {} {ADDED} ({}){}{}",
            self.cased(keyword, "AS"),
            names.join(", "),
            self.gap_like(keyword),
            self.absent(&conditions, keyword)?
        );
        let edits = vec![
            (keyword.start, keyword.start, lead),
            (close.end, close.end, tail),
        ];
        Some((edits, whole))
    }

    /// A query gets one more condition.
    fn select(&self, select: &Select) -> Option<(Vec<Local>, bool)> {
        let plain = !select.distinct && select.group_by.is_empty() && select.having.is_none();
        if !plain || select.targets.len() != self.insert.columns.len() {
            return None;
        }
        let mut conditions = Vec::new();
        for (column, target) in self.insert.columns.iter().zip(&select.targets) {
            let known = self.table.column(column)?;
            if !has_equality(&known.type_name) {
                continue;
            }
            let value = match &target.value {
                Expr::Value(Datum::Text(text)) => format!("'{}'", text.replace('\'', "''")),
                Expr::Value(Datum::Int(number)) => number.to_string(),
                Expr::Value(Datum::Bool(value)) => value.to_string(),
                Expr::Column { qualifier, name } => {
                    let of = match qualifier.as_slice() {
                        [] => only_table(select)?,
                        [one] => one.to_string(),
                        _ => continue,
                    };
                    format!("{}.{}", Quoted(&of), Quoted(name))
                }
                _ => continue,
            };
            let is = match &target.value {
                Expr::Column { .. } => "IS NOT DISTINCT FROM",
                _ => "=",
            };
            conditions.push(format!("{THERE}.{} {is} {value}", Quoted(column)));
        }
        let depth = self.depths();
        let at = |word: &str| {
            let mut all = self.tokens.iter().zip(&depth);
            all.position(|(token, depth)| *depth == 0 && token.is_word(self.text, word))
        };
        let begin = at("SELECT")?;
        let end = self.tokens.last()?.end;
        let absent = self.absent(&conditions, &self.tokens[begin])?;
        let mut found = Vec::new();
        match at("WHERE") {
            Some(place) => {
                let first = self.tokens.get(place + 1)?.start;
                let rest = absent.split_once(' ')?.1;
                let and = self.cased(&self.tokens[begin], "AND");
                if matches!(select.filter, Some(Expr::Or(_))) {
                    found.push((first, first, "(".to_owned()));
                    found.push((end, end, format!(") {and} {rest}")));
                } else {
                    found.push((end, end, format!(" {and} {rest}")));
                }
            }
            None => found.push((end, end, format!(" {absent}"))),
        }
        Some((found, false))
    }

    /// The condition that a column of the table has a value; `None` where it can't be asked.
    fn compared(column: &str, value: &Expr, part: &str, kind: &TypeName) -> Option<String> {
        let name = Quoted(column);
        if matches!(value, Expr::Value(Datum::Null)) {
            return Some(format!("{name} IS NULL"));
        }
        if !has_equality(kind) {
            return None;
        }
        let text = is_textual(kind);
        let asked = match value {
            Expr::Value(Datum::Text(_)) | Expr::Parameter(_) | Expr::Cast { .. } => true,
            // a number has no equality with a text, though it may be put into one
            Expr::Value(Datum::Int(_) | Datum::Float(_)) => !text,
            Expr::Unary { .. } => !text,
            Expr::Value(Datum::Bool(_)) => !text,
            _ => false,
        };
        asked.then(|| format!("{name} = {part}"))
    }

    /// `WHERE NOT EXISTS (...)`, in the case of a word of the statement.
    fn absent(&self, conditions: &[String], like: &Token) -> Option<String> {
        if conditions.is_empty() {
            return None;
        }
        let table = &self.insert.table;
        let alias = if conditions[0].starts_with(THERE) {
            format!(" {} {THERE}", self.cased(like, "AS"))
        } else {
            String::new()
        };
        let and = format!(" {} ", self.cased(like, "AND"));
        Some(format!(
            "{} ({} 1 {} {table}{alias} {} {})",
            self.cased(like, "WHERE NOT EXISTS"),
            self.cased(like, "SELECT"),
            self.cased(like, "FROM"),
            self.cased(like, "WHERE"),
            conditions.join(&and)
        ))
    }

    /// What stands before a word that begins a line: the next clause begins one too.
    fn gap_like(&self, word: &Token) -> &str {
        let before = &self.text[..word.start];
        let own = before.trim_end_matches([' ', '\t']);
        let own = own
            .strip_suffix('\n')
            .map_or(own.len(), |line| line.trim_end_matches('\r').len());
        if before[own..].contains('\n') {
            &before[own..]
        } else {
            " "
        }
    }

    fn cased(&self, like: &Token, words: &str) -> String {
        if like
            .text(self.text)
            .starts_with(|one: char| one.is_ascii_lowercase())
        {
            words.to_ascii_lowercase()
        } else {
            words.to_owned()
        }
    }

    /// How many brackets are open before each token.
    fn depths(&self) -> Vec<i32> {
        let mut depth = 0;
        let mut found = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            if token.is(self.text, ")") || token.is(self.text, "]") {
                depth -= 1;
            }
            found.push(depth);
            if token.is(self.text, "(") || token.is(self.text, "[") {
                depth += 1;
            }
        }
        found
    }

    /// The texts between commas of a row of tokens.
    #[expect(
        clippy::needless_range_loop,
        reason = "the end of the row is a place too"
    )]
    fn parts(&self, from: usize, to: usize) -> Vec<&str> {
        let depth = self.depths();
        let own = depth.get(from).copied().unwrap_or(0);
        let mut parts = Vec::new();
        let mut start = from;
        for index in from..=to {
            let cut = index == to || (depth[index] == own && self.tokens[index].is(self.text, ","));
            if cut && start < index {
                parts.push(&self.text[self.tokens[start].start..self.tokens[index - 1].end]);
                start = index + 1;
            }
        }
        parts
    }
}

/// The only table of a query, as its columns may be qualified.
fn only_table(select: &Select) -> Option<String> {
    match select.from.as_slice() {
        [FromItem::Table { name, alias, .. }] => {
            Some(alias.as_ref().unwrap_or(&name.name).to_string())
        }
        _ => None,
    }
}

/// Whether a value is another one each time.
fn is_fresh(value: &Expr) -> bool {
    match value {
        Expr::Call { name, .. } => matches!(
            name.name.as_str(),
            "now"
                | "gen_random_uuid"
                | "uuid_generate_v4"
                | "clock_timestamp"
                | "nextval"
                | "random"
                | "current_timestamp"
                | "current_date"
        ),
        Expr::Cast { value, .. } => is_fresh(value),
        _ => false,
    }
}

fn is_textual(kind: &TypeName) -> bool {
    matches!(
        kind.name.name.as_str(),
        "text"
            | "varchar"
            | "bpchar"
            | "character varying"
            | "character"
            | "char"
            | "citext"
            | "name"
    )
}

/// Whether a column of VALUES is of a type that goes into the table's column and compares with it, without a cast.
fn has_own_type<'a>(mut values: impl Iterator<Item = &'a Expr>, kind: &TypeName) -> bool {
    let name = kind.name.name.as_str();
    let is_number = matches!(
        name,
        "int2"
            | "int4"
            | "int8"
            | "smallint"
            | "int"
            | "integer"
            | "bigint"
            | "numeric"
            | "float4"
            | "float8"
            | "real"
            | "double precision"
    );
    let is_bool = matches!(name, "bool" | "boolean");
    let mut typed = false;
    let fits = values.all(|value| match value {
        Expr::Value(Datum::Null) => true,
        Expr::Value(Datum::Text(_)) => {
            typed = true;
            is_textual(kind)
        }
        Expr::Value(Datum::Int(_) | Datum::Float(_)) => {
            typed = true;
            is_number
        }
        Expr::Value(Datum::Bool(_)) => {
            typed = true;
            is_bool
        }
        Expr::Cast { type_name, .. } => {
            typed = true;
            **type_name == *kind
        }
        _ => false,
    });
    // NULL alone is text
    fits && (typed || is_textual(kind))
}

/// Whether a value stands in the statement.
fn is_literal(value: &Expr) -> bool {
    match value {
        Expr::Value(_) | Expr::Parameter(_) => true,
        Expr::Cast { value, .. } | Expr::Unary { value, .. } => is_literal(value),
        _ => false,
    }
}

/// Whether values of a type can be compared by `=`.
fn has_equality(kind: &TypeName) -> bool {
    !matches!(
        kind.name.name.as_str(),
        "json" | "xml" | "point" | "polygon" | "box"
    )
}
