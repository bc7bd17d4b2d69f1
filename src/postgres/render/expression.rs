//! Expressions and queries. Operands that are operators themselves stand in parentheses: plain, and never wrong.

use super::super::expression::{
    CommonTable, Datum, Expr, FromItem, JoinKind, OrderBy, Query, QueryBody, Select, SetOperator,
    Target,
};
use super::super::name::Quoted;
use super::{Sql, shown, type_name};

/// Deeper nesting is shown as `...`: nobody reads it, and the stack is finite.
const MAX_DEPTH: usize = 200;

pub(super) fn datum(out: &mut Sql, value: &Datum) {
    match value {
        Datum::Null => out.add("NULL"),
        Datum::Bool(true) => out.add("true"),
        Datum::Bool(false) => out.add("false"),
        Datum::Int(number) => out.add(number),
        Datum::Float(number) => out.add(number),
        Datum::Text(text) => out.literal(text),
        Datum::Array(items) => {
            out.add("ARRAY[");
            out.list(items, datum);
            out.add("]");
        }
        Datum::Fresh => out.add("{new}"),
        Datum::Stored | Datum::Unknown => out.add("{?}"),
    }
}

/// An operand: in parentheses where it is made of operators.
fn operand(out: &mut Sql, expression: &Expr, depth: usize) {
    let wrapped = matches!(
        expression,
        Expr::Binary { .. }
            | Expr::And(_)
            | Expr::Or(_)
            | Expr::Not(_)
            | Expr::IsNull { .. }
            | Expr::IsBool { .. }
            | Expr::In { .. }
            | Expr::InQuery { .. }
            | Expr::Between { .. }
            | Expr::Quantified { .. }
            | Expr::Unary { .. }
    );
    out.when(wrapped, "(");
    bare(out, expression, depth);
    out.when(wrapped, ")");
}

/// An expression; `depth` 0 is where no parentheses are needed.
pub(super) fn value(out: &mut Sql, expression: &Expr, depth: usize) {
    if depth == 0 {
        bare(out, expression, 1);
    } else {
        operand(out, expression, depth);
    }
}

fn joined(out: &mut Sql, items: &[Expr], word: &str, depth: usize) {
    for (index, item) in items.iter().enumerate() {
        out.when(index > 0, word);
        operand(out, item, depth);
    }
}

fn expressions(out: &mut Sql, items: &[Expr], depth: usize) {
    out.list(items, |out, item| bare(out, item, depth));
}

fn bare(out: &mut Sql, expression: &Expr, depth: usize) {
    if depth > MAX_DEPTH {
        out.add("...");
        return;
    }
    let deeper = depth + 1;
    match expression {
        Expr::Value(value) => datum(out, value),
        Expr::Parameter(name) if name.parse::<u32>().is_ok() => out.add(format_args!("${name}")),
        Expr::Parameter(name) => out.add(format_args!(":{name}")),
        Expr::Column { qualifier, name } => {
            for part in qualifier {
                out.add(format_args!("{}.", Quoted(part)));
            }
            out.add(Quoted(name));
        }
        Expr::Star { qualifier } => {
            for part in qualifier {
                out.add(format_args!("{}.", Quoted(part)));
            }
            out.add("*");
        }
        Expr::Cast {
            value,
            type_name: target,
        } => {
            operand(out, value, deeper);
            out.add("::");
            type_name(out, target);
        }
        Expr::Unary { operator, value } => {
            out.add(operator);
            operand(out, value, deeper);
        }
        Expr::Binary {
            operator,
            left,
            right,
        } => {
            operand(out, left, deeper);
            out.add(format_args!(" {} ", spelled(operator)));
            operand(out, right, deeper);
        }
        Expr::And(items) => joined(out, items, " AND ", deeper),
        Expr::Or(items) => joined(out, items, " OR ", deeper),
        Expr::Not(value) => {
            out.add("NOT ");
            operand(out, value, deeper);
        }
        Expr::IsNull { value, negated } => {
            operand(out, value, deeper);
            out.add(if *negated { " IS NOT NULL" } else { " IS NULL" });
        }
        Expr::IsBool {
            value,
            expected,
            negated,
        } => {
            operand(out, value, deeper);
            out.add(if *negated { " IS NOT " } else { " IS " });
            out.add(if *expected { "TRUE" } else { "FALSE" });
        }
        Expr::In {
            value,
            list,
            negated,
        } => {
            operand(out, value, deeper);
            out.add(if *negated { " NOT IN (" } else { " IN (" });
            expressions(out, list, deeper);
            out.add(")");
        }
        Expr::InQuery {
            value,
            query: select,
            negated,
        } => {
            operand(out, value, deeper);
            out.add(if *negated { " NOT IN (" } else { " IN (" });
            query(out, select, deeper);
            out.add(")");
        }
        Expr::Between {
            value,
            low,
            high,
            negated,
        } => {
            operand(out, value, deeper);
            out.add(if *negated {
                " NOT BETWEEN "
            } else {
                " BETWEEN "
            });
            operand(out, low, deeper);
            out.add(" AND ");
            operand(out, high, deeper);
        }
        Expr::Quantified {
            value,
            operator,
            array,
            all,
        } => {
            operand(out, value, deeper);
            out.add(format_args!(
                " {} {} (",
                spelled(operator),
                if *all { "ALL" } else { "ANY" }
            ));
            bare(out, array, deeper);
            out.add(")");
        }
        Expr::Call {
            name,
            arguments,
            star,
            distinct,
            filter,
            window,
        } => {
            if name.schema.is_none() && arguments.is_empty() && !star && is_plain_word(&name.name) {
                out.add(name.name.to_uppercase());
                return;
            }
            out.add(format_args!("{name}("));
            out.when(*star, "*");
            out.when(*distinct, "DISTINCT ");
            expressions(out, arguments, deeper);
            out.add(")");
            if let Some(filter) = filter {
                out.add(" FILTER (WHERE ");
                bare(out, filter, deeper);
                out.add(")");
            }
            out.when(*window, " OVER (...)");
        }
        Expr::Case {
            operand: tested,
            arms,
            otherwise,
        } => {
            out.add("CASE");
            if let Some(tested) = tested {
                out.add(" ");
                bare(out, tested, deeper);
            }
            for (condition, result) in arms {
                out.add(" WHEN ");
                bare(out, condition, deeper);
                out.add(" THEN ");
                bare(out, result, deeper);
            }
            if let Some(otherwise) = otherwise {
                out.add(" ELSE ");
                bare(out, otherwise, deeper);
            }
            out.add(" END");
        }
        Expr::Array(items) => {
            out.add("ARRAY[");
            expressions(out, items, deeper);
            out.add("]");
        }
        Expr::Row(items) => {
            out.add("(");
            expressions(out, items, deeper);
            out.add(")");
        }
        Expr::Exists(select) => {
            out.add("EXISTS (");
            query(out, select, deeper);
            out.add(")");
        }
        Expr::Subquery(select) => {
            out.add("(");
            query(out, select, deeper);
            out.add(")");
        }
        Expr::ArrayQuery(select) => {
            out.add("ARRAY(");
            query(out, select, deeper);
            out.add(")");
        }
        Expr::Subscript { value, indexes } => {
            operand(out, value, deeper);
            for index in indexes {
                out.add("[");
                bare(out, index, deeper);
                out.add("]");
            }
        }
        Expr::Field { value, name } => {
            out.add("(");
            bare(out, value, deeper);
            out.add(format_args!(").{}", Quoted(name)));
        }
        Expr::Default => out.add("DEFAULT"),
        Expr::Unknown(what) => out.add(format_args!("{{?: {}}}", shown(what))),
    }
}

/// Functions that PostgreSQL writes without parentheses.
fn is_plain_word(name: &str) -> bool {
    matches!(
        name,
        "current_timestamp"
            | "current_date"
            | "current_time"
            | "current_user"
            | "current_role"
            | "current_catalog"
            | "current_schema"
            | "session_user"
            | "user"
            | "localtime"
            | "localtimestamp"
    )
}

/// An operator as one writes it.
fn spelled(operator: &str) -> &str {
    match operator {
        "~~" => "LIKE",
        "!~~" => "NOT LIKE",
        "~~*" => "ILIKE",
        "!~~*" => "NOT ILIKE",
        other => other,
    }
}

pub(super) fn common_tables(out: &mut Sql, tables: &[CommonTable], depth: usize) {
    if tables.is_empty() {
        return;
    }
    out.add("WITH ");
    out.when(tables.iter().any(|table| table.recursive), "RECURSIVE ");
    out.list(tables, |out, table| {
        out.add(Quoted(&table.name));
        out.columns(&table.columns);
        out.add(" AS (");
        match table.statement.as_ref() {
            super::Statement::Query(select) => query(out, select, depth + 1),
            // a data-modifying member holds no further member: nesting ends here
            other if depth < MAX_DEPTH => super::statement(out, other),
            _ => out.add("..."),
        }
        out.add(")");
    });
    out.add(" ");
}

pub(super) fn query(out: &mut Sql, query: &Query, depth: usize) {
    if depth > MAX_DEPTH {
        out.add("...");
        return;
    }
    common_tables(out, &query.with, depth);
    match &query.body {
        QueryBody::Select(plain) => select(out, plain, query, depth),
        QueryBody::Values(rows) => {
            out.add("VALUES ");
            out.list(rows, |out, row| {
                out.add("(");
                expressions(out, row, depth + 1);
                out.add(")");
            });
        }
        QueryBody::Set {
            operator,
            all,
            left,
            right,
        } => {
            self::query(out, left, depth + 1);
            out.add(match operator {
                SetOperator::Union => " UNION ",
                SetOperator::Intersect => " INTERSECT ",
                SetOperator::Except => " EXCEPT ",
            });
            out.when(*all, "ALL ");
            self::query(out, right, depth + 1);
        }
    }
    if !query.order_by.is_empty() {
        out.add(" ORDER BY ");
        out.list(&query.order_by, |out, order| order_by(out, order, depth));
    }
    for (word, limit) in [(" LIMIT ", &query.limit), (" OFFSET ", &query.offset)] {
        if let Some(limit) = limit {
            out.add(word);
            bare(out, limit, depth + 1);
        }
    }
}

fn order_by(out: &mut Sql, order: &OrderBy, depth: usize) {
    bare(out, &order.value, depth + 1);
    out.when(order.descending, " DESC");
    match order.nulls_first {
        Some(true) => out.add(" NULLS FIRST"),
        Some(false) => out.add(" NULLS LAST"),
        None => {}
    }
}

fn select(out: &mut Sql, select: &Select, query: &Query, depth: usize) {
    out.add("SELECT ");
    out.when(select.distinct, "DISTINCT ");
    if !select.distinct_on.is_empty() {
        out.add("ON (");
        out.list(&select.distinct_on, |out, one| value(out, one, 0));
        out.add(") ");
    }
    targets(out, &select.targets, depth);
    if let Some(into) = &query.into {
        out.add(format_args!(" INTO {into}"));
    }
    if !select.from.is_empty() {
        out.add(" FROM ");
        from_items(out, &select.from, depth);
    }
    if let Some(filter) = &select.filter {
        out.add(" WHERE ");
        bare(out, filter, depth + 1);
    }
    if !select.group_by.is_empty() {
        out.add(" GROUP BY ");
        expressions(out, &select.group_by, depth + 1);
    }
    if let Some(having) = &select.having {
        out.add(" HAVING ");
        bare(out, having, depth + 1);
    }
}

pub(super) fn targets(out: &mut Sql, targets: &[Target], depth: usize) {
    out.list(targets, |out, target| {
        bare(out, &target.value, depth + 1);
        if let Some(alias) = &target.alias {
            out.add(format_args!(" AS {}", Quoted(alias)));
        }
    });
}

pub(super) fn from_items(out: &mut Sql, items: &[FromItem], depth: usize) {
    out.list(items, |out, item| from_item(out, item, depth + 1));
}

fn alias(out: &mut Sql, alias: Option<&smol_str::SmolStr>, columns: &[smol_str::SmolStr]) {
    if let Some(alias) = alias {
        out.add(format_args!(" AS {}", Quoted(alias)));
        out.columns(columns);
    }
}

fn from_item(out: &mut Sql, item: &FromItem, depth: usize) {
    if depth > MAX_DEPTH {
        out.add("...");
        return;
    }
    match item {
        FromItem::Table {
            name,
            alias: other,
            columns,
        } => {
            out.add(name);
            alias(out, other.as_ref(), columns);
        }
        FromItem::Query {
            query: inner,
            alias: other,
            columns,
            lateral,
        } => {
            out.when(*lateral, "LATERAL ");
            out.add("(");
            query(out, inner, depth + 1);
            out.add(")");
            alias(out, other.as_ref(), columns);
        }
        FromItem::Function {
            call,
            alias: other,
            columns,
        } => {
            bare(out, call, depth + 1);
            alias(out, other.as_ref(), columns);
        }
        FromItem::Join {
            kind,
            left,
            right,
            on,
            using,
            natural,
        } => {
            from_item(out, left, depth + 1);
            out.when(*natural, " NATURAL");
            out.add(match kind {
                JoinKind::Inner => " JOIN ",
                JoinKind::Left => " LEFT JOIN ",
                JoinKind::Right => " RIGHT JOIN ",
                JoinKind::Full => " FULL JOIN ",
                JoinKind::Cross => " CROSS JOIN ",
            });
            from_item(out, right, depth + 1);
            if let Some(on) = on {
                out.add(" ON ");
                bare(out, on, depth + 1);
            }
            if !using.is_empty() {
                out.add(" USING");
                out.columns(using);
            }
        }
    }
}
