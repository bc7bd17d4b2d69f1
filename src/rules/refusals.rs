//! What the server or Python refuses in a run, told as one finding: the first refusal, what it has to do with the rest of the
//! revision, and the remedy for it.

use super::{Context, Rule, issued_elsewhere, label, rollback, second_run, words};
use crate::diagnostic::Diagnostic;
use crate::postgres::catalog::casts::{CastContext, Casts};
use crate::postgres::name::Quoted;
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{Catalog, ObjectKey, ObjectKind, ServerError, SqlState, TypeName};
use crate::replay::Replayed;
use crate::trace::{Event, Origin, Raised, Run, Trace};

/// How a message begins: which command stops, and what that means.
fn opening(run: Run) -> &'static str {
    match run {
        Run::Downgrade => "`alembic downgrade` stops here and undoes nothing",
        _ => "`alembic upgrade` stops here",
    }
}

/// The catalog on which a run begins.
fn catalog(replayed: &Replayed, run: Run) -> &Catalog {
    match run {
        Run::Downgrade => &replayed.after,
        _ => &replayed.before,
    }
}

/// An exception that ends a run.
pub(super) fn raises(context: &Context<'_>, rule: &Rule, run: Run, raised: &Raised) -> Diagnostic {
    let site = raised.site.unwrap_or_else(|| match run {
        Run::Downgrade => rollback::place(context.replayed),
        _ => context.replayed.revision.place,
    });
    let mut message = format!("{}: {}", opening(run), raised.class);
    if !raised.message.is_empty() {
        message.push_str(": ");
        message.push_str(&shortened(&raised.message));
    }
    let mut diagnostic = context.diagnostic(rule, site, message);
    diagnostic.help = Some(
        match raised.class.as_str() {
            "ObjectNotExecutableError" => {
                "wrap the string in `sa.text(...)`, or use `op.execute(...)`; where SQLAlchemy 1.4 is installed, which takes it as it is, set `sqlalchemy-version`"
            }
            "DuplicateColumnError" => "leave out one of the two, or give it a name of its own",
            "NoSuchTableError" | "NoSuchColumnError" if run == Run::Downgrade => {
                "ask only for what the upgrade leaves, under the name that it has then"
            }
            "CompileError" if raised.message.contains("ENUM type requires a name") => {
                "say which is which: the values first, then `name=\"...\"`"
            }
            _ if run == Run::Downgrade => {
                "run `alembic upgrade head` and `alembic downgrade -1` once before the release"
            }
            _ if raised.explicit => {
                "a database that starts from nothing never gets past it: return where there is nothing to do"
            }
            _ => "run `alembic upgrade head` once before the release",
        }
        .to_owned(),
    );
    diagnostic
}

/// A message on one line, cut where it grows long: SQLAlchemy puts whole statements into its own.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 100;
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// The first call of a run that the server refuses; the others are labels.
pub(super) fn refused<'a>(
    context: &Context<'_>,
    rule: &Rule,
    run: Run,
    event: &Event,
    error: &ServerError,
    others: impl Iterator<Item = (&'a Event, &'a ServerError)>,
) -> Diagnostic {
    let replayed = context.replayed;
    let message = format!(
        "{}: {} fails ({}: {})",
        opening(run),
        words::call(event),
        error.sqlstate,
        error.message
    );
    let mut diagnostic = context.diagnostic(rule, event.site, message);
    diagnostic.help = Some(remedy(context, run, event, error));
    if let Some(key) = &error.object {
        let earlier = touched_before(replayed.trace(run), event, key);
        let made = second_run::makers(replayed, std::iter::once(key))
            .get(key)
            .copied();
        if let Some(earlier) = earlier {
            let what = if error.sqlstate.says_duplicate() {
                "is made here already"
            } else if retyped(event, error).is_some() {
                "is made here"
            } else {
                "goes here already"
            };
            diagnostic.labels.push(label(
                earlier.site,
                format!(
                    "{} {what}, with {}",
                    words::named(key),
                    words::call(earlier)
                ),
            ));
        } else if let Some(made) = made.filter(|made| run == Run::Downgrade && *made != event.site)
        {
            diagnostic.labels.push(label(
                made,
                format!("the upgrade makes or changes {} here", words::named(key)),
            ));
        }
    }
    diagnostic.labels.extend(issued_elsewhere(event));
    let mut places = vec![event.site];
    let mut more = 0;
    for (other, error) in others {
        more += 1;
        if !places.contains(&other.site) {
            places.push(other.site);
            diagnostic.labels.push(label(
                other.site,
                format!("{} fails too ({})", words::call(other), error.sqlstate),
            ));
        }
    }
    if more >= places.len() {
        let part = match run {
            Run::Downgrade => "downgrade",
            _ => "upgrade",
        };
        diagnostic
            .notes
            .push(format!("{more} more calls of the {part} fail"));
    }
    diagnostic
}

/// The last earlier call of a run that made or took away a thing which a later one stumbles over.
fn touched_before<'a>(trace: &'a Trace, event: &Event, key: &ObjectKey) -> Option<&'a Event> {
    trace
        .events
        .iter()
        .take_while(|earlier| !std::ptr::eq(*earlier, event))
        .filter(|earlier| earlier.changes.contains(key))
        .last()
}

/// The index or constraint over a column that does not go with the type which a call gives it.
fn retyped<'a>(event: &Event, error: &'a ServerError) -> Option<&'a ObjectKey> {
    let changes_type = event.statements.iter().any(|statement| {
        let Statement::AlterTable(alter) = statement else {
            return false;
        };
        let mut commands = alter.commands.iter();
        commands.any(|command| matches!(command, AlterTableCommand::AlterType { .. }))
    });
    let key = error.object.as_ref()?;
    let is_over_it = matches!(key.kind, ObjectKind::Index | ObjectKind::Constraint);
    (changes_type && is_over_it && !error.sqlstate.says_duplicate()).then_some(key)
}

/// Whether a call drops things.
fn takes_away(event: &Event) -> bool {
    event.statements.iter().any(|statement| match statement {
        Statement::Drop(_) => true,
        Statement::AlterTable(alter) => alter.commands.iter().any(|command| {
            matches!(
                command,
                AlterTableCommand::DropColumn { .. } | AlterTableCommand::DropConstraint { .. }
            )
        }),
        _ => false,
    })
}

/// Whether a call makes things that stand on others.
fn makes(event: &Event) -> bool {
    event.statements.iter().any(|statement| match statement {
        Statement::CreateTable(_) | Statement::CreateView(_) | Statement::CreateIndex(_) => true,
        Statement::AlterTable(alter) => alter
            .commands
            .iter()
            .any(|command| matches!(command, AlterTableCommand::AddConstraint(_))),
        _ => false,
    })
}

/// Where statements for other databases go.
const ELSEWHERE: &str =
    "what is meant for another database belongs behind `if op.get_bind().dialect.name == ...`";

fn remedy(context: &Context<'_>, run: Run, event: &Event, error: &ServerError) -> String {
    let replayed = context.replayed;
    let down = run == Run::Downgrade;
    if let Some(key) = retyped(event, error) {
        return format!(
            "drop {} before, and make it again after: the server reads its condition again with the new type",
            words::named(key)
        );
    }
    if let Some(key) = &error.object
        && touched_before(replayed.trace(run), event, key).is_some()
    {
        return if error.sqlstate.says_duplicate() {
            "give it another name, or leave it out"
        } else {
            "leave it out, or put it before what takes it along"
        }
        .to_owned();
    }
    if error.sqlstate == SqlState::UNDEFINED_OBJECT
        && let Some(advice) = constraint_names(replayed, run, event)
    {
        return advice;
    }
    let missing = error.object.as_ref().map(|key| key.kind);
    match error.sqlstate {
        SqlState::SYNTAX_ERROR => match reserved_word(error) {
            Some(word) => format!(
                "where `{word}` is a name, write it in double quotes: PostgreSQL reserves the word; {ELSEWHERE}"
            ),
            None => format!("write it as PostgreSQL does; {ELSEWHERE}"),
        },
        SqlState::DATATYPE_MISMATCH => conversion(context, run, event).unwrap_or_else(|| {
            "write a value of the column's type (`true` and `false` for a boolean), or cast it"
                .to_owned()
        }),
        // only the length of a type is refused in a table's definition
        SqlState::INVALID_PARAMETER_VALUE if defines_columns(event) => {
            "use `sa.Text()`, which has no length; where another database needs the length: `sa.String(...).with_variant(sa.Text(), \"postgresql\")`"
                .to_owned()
        }
        SqlState::UNIQUE_VIOLATION if makes_type(event) => {
            "name each label once".to_owned()
        }
        SqlState::NOT_NULL_VIOLATION if adds_column(event) => {
            "give it a `server_default`, or add it nullable, fill it, and set NOT NULL then"
                .to_owned()
        }
        SqlState::NOT_NULL_VIOLATION if sets_not_null(event) => {
            "fill the rows that have none first".to_owned()
        }
        SqlState::UNIQUE_VIOLATION => stale_sequence(context, run, event, error)
            .unwrap_or_else(|| fallback(down)),
        SqlState::GROUPING_ERROR => {
            "name it in GROUP BY or put it into an aggregate; an aggregate over other rows is a subquery: `(SELECT count(*) FROM ...)`"
                .to_owned()
        }
        SqlState::INVALID_FOREIGN_KEY => {
            "give the columns that it refers to a primary key or unique constraint first".to_owned()
        }
        SqlState::UNDEFINED_OBJECT if missing == Some(ObjectKind::Type) && !takes_away(event) => {
            "make the type before it is used, or use one that PostgreSQL has".to_owned()
        }
        SqlState::UNDEFINED_FUNCTION if error.message.starts_with("could not identify") => {
            "cast it to `jsonb` or `text`, whose values can be compared".to_owned()
        }
        SqlState::UNDEFINED_FUNCTION if !error.misses_object() => {
            "cast one side to the type of the other".to_owned()
        }
        SqlState::UNDEFINED_FUNCTION if !takes_away(event) => {
            "make the function before it is used".to_owned()
        }
        // a name that FROM does not have, not a table that is missing
        SqlState::UNDEFINED_TABLE if error.object.is_none() => {
            "name in FROM what the query uses; in the ON of a join neither the table that is changed nor what is joined later can be used: put that into WHERE"
                .to_owned()
        }
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN if down && makes(event) => {
            "make what it stands on first: undo the upgrade's changes in reverse order".to_owned()
        }
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_OBJECT
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME => if down {
            "drop only what the upgrade makes, once and under the name that it has then"
        } else {
            "use what the earlier revisions make, under the name that it has by then"
        }
        .to_owned(),
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST => if down {
            "drop what depends on it first: undo the upgrade's changes in reverse order"
        } else {
            "drop what depends on it first"
        }
        .to_owned(),
        _ if error.sqlstate.says_duplicate() => if down {
            "make again only what the upgrade removes: it is still there"
        } else {
            "leave it out: an earlier revision makes it; where older databases may lack it, ask for it first"
        }
        .to_owned(),
        _ => fallback(down),
    }
}

/// Whether a call alters a table in some way.
fn alters(event: &Event, way: fn(&AlterTableCommand) -> bool) -> bool {
    event.statements.iter().any(|statement| {
        matches!(statement, Statement::AlterTable(alter) if alter.commands.iter().any(way))
    })
}

/// Whether a statement asks of rows that they have no NULL in a column.
fn sets_not_null(event: &Event) -> bool {
    alters(event, |command| {
        matches!(command, AlterTableCommand::SetNotNull { .. })
    })
}

/// How a sequence gets past the rows that were given numbers of their own.
fn stale_sequence(
    context: &Context<'_>,
    run: Run,
    event: &Event,
    error: &ServerError,
) -> Option<String> {
    let key = error.object.as_ref()?;
    let inserted = event
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::Insert(insert) => Some(insert),
            _ => None,
        })?;
    // the table may be one of the same revision
    let catalogs = [&context.replayed.after, catalog(context.replayed, run)];
    let relation = catalogs
        .iter()
        .find_map(|catalog| catalog.find_relation(&["public".into()], &inserted.table))?;
    let mut constraints = relation.constraints.iter();
    let broken =
        constraints.find(|one| relation.name.member(ObjectKind::Constraint, &one.name) == *key)?;
    let column = relation.columns.iter().find(|column| {
        column.is_numbered()
            && broken.columns.contains(&column.name)
            && !inserted.columns.contains(&column.name)
    })?;
    let (table, column) = (&inserted.table, &column.name);
    Some(format!(
        "the sequence of `{table}.{column}` gives a number that an earlier row was given by hand: move it on behind such rows, `SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT max({column}) FROM {table}))`"
    ))
}

fn fallback(down: bool) -> String {
    if down {
        "undo the upgrade's changes in reverse order, each with what its schema allows"
    } else {
        "run `alembic upgrade head` once before the release"
    }
    .to_owned()
}

/// How the values of a column become those of its new type: over another where no cast leads there.
fn conversion(context: &Context<'_>, run: Run, event: &Event) -> Option<String> {
    let catalog = catalog(context.replayed, run);
    event.statements.iter().find_map(|statement| {
        let Statement::AlterTable(alter) = statement else {
            return None;
        };
        alter.commands.iter().find_map(|command| match command {
            AlterTableCommand::AlterType {
                column,
                type_name,
                using: None,
            } => {
                let search_path = ["public".into()];
                let old = catalog
                    .find_relation(&search_path, &alter.name)
                    .and_then(|relation| relation.column(column))
                    .map(|column| &column.type_name);
                let casts = Casts {
                    catalog,
                    version: context.config.postgres_version,
                    search_path: &search_path,
                };
                let leads = |old| casts.can(old, type_name, CastContext::Explicit) != Some(false);
                let is_bool = |name: &TypeName| name.name.name == "bool";
                let over = match old {
                    Some(old) if leads(old) => "",
                    Some(old) if is_bool(old) || is_bool(type_name) => "::integer",
                    _ => "::text",
                };
                let cast = format!("{}{over}::{}", Quoted(column), words::type_of(type_name));
                Some(match event.origin {
                    Origin::Operation { .. } => format!(
                        "say how the old values become new ones: `postgresql_using=\"{}\"`",
                        cast.replace('"', "\\\"")
                    ),
                    _ => format!("say how the old values become new ones: `USING {cast}`"),
                })
            }
            _ => None,
        })
    })
}

/// The word at which the parser stopped, if PostgreSQL reserves it.
fn reserved_word(error: &ServerError) -> Option<String> {
    let (_, word) = error.message.split_once("at or near \"")?;
    let word = word.strip_suffix('"')?.to_lowercase();
    let is_word = !word.is_empty()
        && word
            .chars()
            .all(|sign| sign.is_ascii_alphabetic() || sign == '_');
    (is_word && Quoted(&word).to_string() != word).then_some(word)
}

/// Whether a call gives columns their types.
fn defines_columns(event: &Event) -> bool {
    let mut statements = event.statements.iter();
    statements.any(|statement| matches!(statement, Statement::CreateTable(_)))
        || alters(event, |command| {
            matches!(
                command,
                AlterTableCommand::AddColumn { .. } | AlterTableCommand::AlterType { .. }
            )
        })
}

fn makes_type(event: &Event) -> bool {
    event
        .statements
        .iter()
        .any(|statement| matches!(statement, Statement::CreateType(_)))
}

fn adds_column(event: &Event) -> bool {
    alters(event, |command| {
        matches!(command, AlterTableCommand::AddColumn { .. })
    })
}

/// The names that a table's constraints have, where a call drops another.
fn constraint_names(replayed: &Replayed, run: Run, event: &Event) -> Option<String> {
    let Some(Statement::AlterTable(alter)) = event.statements.first() else {
        return None;
    };
    if !matches!(
        alter.commands.first(),
        Some(AlterTableCommand::DropConstraint { .. })
    ) {
        return None;
    }
    let table = words::relation(catalog(replayed, run), &alter.name)?;
    let names: Vec<String> = table
        .constraints
        .iter()
        .map(|constraint| format!("`{}`", Quoted(&constraint.name)))
        .collect();
    if names.is_empty() {
        let when = match run {
            Run::Downgrade => "after the upgrade",
            _ => "here",
        };
        return Some(format!(
            "`{}` has no constraint {when}: leave the call out",
            alter.name
        ));
    }
    Some(format!(
        "use the name that it has: the constraints of `{}` are {}",
        alter.name,
        words::list_of(&names, 6)
    ))
}
