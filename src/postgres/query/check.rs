//! What the server checks before a query runs, so on empty tables too: names of relations and columns, literals against
//! the types that they meet, types that no operator joins; and the names and types of a query's output.

use std::rc::Rc;

use smol_str::SmolStr;

use super::cast::{Kind, check_literal, kind_of_type};
use super::scope::{Found, Frame, Scope, find};
use super::types::{Type, type_of};
use super::{
    Context, Environment, OutputColumn, Table, functions, grouping, join, sequences, sets,
    signatures,
};
use crate::postgres::catalog::Catalog;
use crate::postgres::catalog::casts::{CastContext, Casts};
use crate::postgres::expression::{
    CommonTable, Datum, Expr, Query, QueryBody, Select, Target, TypeName,
};
use crate::postgres::expression::{children, subquery};
use crate::postgres::statement::Statement;
use crate::postgres::{ServerError, SqlState};

/// The columns that a query gives: what a view or CREATE TABLE AS made from it has.
///
/// The flag says that there may be more, which are not known (`*` over a table of which nothing is known).
pub fn output_columns(
    catalog: &Catalog,
    environment: &Environment<'_>,
    query: &Query,
) -> Result<(Vec<OutputColumn>, bool), ServerError> {
    let context = Context::new(catalog, environment);
    check_query(query, None, &context).map(|output| (output.columns, output.open))
}

/// Columns of a query, and whether there may be more.
pub(crate) struct Output {
    pub(crate) columns: Vec<OutputColumn>,
    pub(crate) open: bool,
}

impl Output {
    /// Whether an expression is the name of one of its columns.
    pub(super) fn is_named_by(&self, key: &Expr) -> bool {
        matches!(key, Expr::Column { qualifier, name } if qualifier.is_empty()
            && self.columns.iter().any(|column| column.name == *name))
    }
}

/// Checks a query and says what it gives.
pub(crate) fn check_query(
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Output, ServerError> {
    let Some(_depth) = context.enter() else {
        return Ok(Output {
            columns: Vec::new(),
            open: true,
        });
    };
    let mark = context.tables.borrow().len();
    let result =
        check_with(&query.with, outer, context).and_then(|()| check_body(query, outer, context));
    context.tables.borrow_mut().truncate(mark);
    result
}

pub(crate) fn check_with(
    members: &[CommonTable],
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    for member in members {
        let output = match &*member.statement {
            Statement::Query(query) => {
                if member.recursive
                    && let QueryBody::Set { left, .. } = &query.body
                {
                    let first = check_query(left, outer, context)?;
                    declare(member, first, context);
                }
                check_query(query, outer, context)?
            }
            _ if is_declared(&member.name, context) => continue,
            _ => Output {
                columns: Vec::new(),
                open: true,
            },
        };
        declare(member, output, context);
    }
    Ok(())
}

pub(crate) fn is_declared(name: &str, context: &Context<'_>) -> bool {
    context
        .tables
        .borrow()
        .iter()
        .any(|(known, _)| known == name)
}

fn declare(member: &CommonTable, output: Output, context: &Context<'_>) {
    let columns = rename(output.columns, &member.columns);
    let table = Rc::new(Table::unknown(columns, output.open));
    context
        .tables
        .borrow_mut()
        .push((member.name.clone(), table));
}

/// Columns under the names of an alias's list.
pub(crate) fn rename(mut columns: Vec<OutputColumn>, names: &[SmolStr]) -> Vec<OutputColumn> {
    for (index, name) in names.iter().enumerate() {
        match columns.get_mut(index) {
            Some(column) => column.name = name.clone(),
            None => columns.push(OutputColumn::new(name.clone(), None)),
        }
    }
    columns
}

fn check_body(
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Output, ServerError> {
    match &query.body {
        QueryBody::Select(select) => check_select(select, query, outer, context),
        QueryBody::Values(rows) => {
            let scope = Scope::default();
            let frame = Frame::inside(&scope, &[], outer);
            for value in rows.iter().flatten() {
                if *value != Expr::Default {
                    check(value, &frame, context)?;
                }
            }
            let width = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|row| row.len() != width) {
                return Err(ServerError::new(
                    SqlState::SYNTAX_ERROR,
                    "VALUES lists must all be the same length",
                ));
            }
            let columns = (0..width)
                .map(|index| {
                    let type_name = rows
                        .iter()
                        .map(|row| type_of(&row[index], &frame, context))
                        .find(|known| *known != Type::Literal)
                        .unwrap_or(Type::Literal)
                        .into_name();
                    OutputColumn::new(format!("column{}", index + 1), type_name)
                })
                .collect();
            Ok(Output {
                columns,
                open: false,
            })
        }
        QueryBody::Set {
            operator,
            all,
            left,
            right,
        } => {
            let sides = [&**left, &**right];
            let left = check_query(left, outer, context)?;
            let right = check_query(right, outer, context)?;
            sets::check(*operator, sides, [&left, &right], context)?;
            let kept = left.columns.iter().filter(|_| !*all);
            kept.filter_map(|column| column.type_name.as_ref())
                .try_for_each(|type_name| grouping::refuse_unequal(type_name, "equality"))?;
            Ok(Output {
                open: left.open || right.open,
                columns: left.columns,
            })
        }
    }
}

fn check_select(
    select: &Select,
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Output, ServerError> {
    let scope = join::scope_of(&select.from, outer, context)?;
    let frame = Frame::inside(&scope, &[], outer);
    join::check_conditions(&select.from, 0, &frame, context)?;
    let output = check_targets(&select.targets, &frame, context)?;
    if let Some(filter) = &select.filter {
        check_condition(filter, &frame, context)?;
    }
    for key in &select.group_by {
        check_sort_key(key, &output, &frame, context)?;
    }
    if let Some(having) = &select.having {
        check_condition(having, &frame, context)?;
    }
    for order in &query.order_by {
        check_sort_key(&order.value, &output, &frame, context)?;
    }
    grouping::check_groups(select, &query.order_by, &output, &frame, context)?;
    Ok(output)
}

/// GROUP BY and ORDER BY may name an output column or give its position.
fn check_sort_key(
    key: &Expr,
    output: &Output,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    match key {
        key if output.is_named_by(key) => Ok(()),
        Expr::Value(Datum::Int(position)) => {
            let within = usize::try_from(*position)
                .is_ok_and(|position| position >= 1 && position <= output.columns.len());
            if within || output.open {
                return Ok(());
            }
            Err(ServerError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("ORDER BY position {position} is not in select list"),
            ))
        }
        other => check(other, frame, context),
    }
}

/// Checks the targets of a SELECT or RETURNING and names them.
pub(crate) fn check_targets(
    targets: &[Target],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Output, ServerError> {
    let mut output = Output {
        columns: Vec::new(),
        open: false,
    };
    for target in targets {
        if let Expr::Star { qualifier } = &target.value {
            let (columns, open) = star(qualifier, frame.scope)?;
            output.columns.extend(
                columns
                    .into_iter()
                    .map(|(source, column)| frame.scope.sources[source].columns[column].clone()),
            );
            output.open |= open;
            continue;
        }
        check(&target.value, frame, context)?;
        let name = match &target.alias {
            Some(alias) => alias.clone(),
            None => column_name(&target.value).unwrap_or_else(|| SmolStr::new_static("?column?")),
        };
        let type_name = type_of(&target.value, frame, context).into_name();
        output.columns.push(OutputColumn { name, type_name });
    }
    Ok(output)
}

/// The columns that a `*` stands for, as source and column, and whether there may be more.
pub(crate) fn star(
    qualifier: &[SmolStr],
    scope: &Scope,
) -> Result<(Vec<(usize, usize)>, bool), ServerError> {
    let mut columns = Vec::new();
    let mut open = false;
    let mut found = false;
    let mut merged_seen: Vec<&str> = Vec::new();
    for (index, source) in scope.sources.iter().enumerate() {
        if qualifier.last().is_some_and(|alias| *alias != source.alias) {
            continue;
        }
        found = true;
        open |= source.open;
        for (position, column) in source.columns.iter().enumerate() {
            if qualifier.is_empty() && scope.merged.contains(&column.name) {
                if merged_seen.contains(&column.name.as_str()) {
                    continue;
                }
                merged_seen.push(&column.name);
            }
            columns.push((index, position));
        }
    }
    match qualifier.last() {
        Some(alias) if !found => Err(ServerError::new(
            SqlState::UNDEFINED_TABLE,
            format!("missing FROM-clause entry for table \"{alias}\""),
        )),
        _ => Ok((columns, open)),
    }
}

/// The name that the server gives an output column or an index's (`FigureColname`, `FigureIndexColname`).
pub(crate) fn column_name(expression: &Expr) -> Option<SmolStr> {
    figured_name(expression).map(|(name, _)| name)
}

/// The name of a query's first column: a scalar subquery has it too.
fn first_name(query: &Query) -> Option<SmolStr> {
    match &query.body {
        QueryBody::Select(select) => {
            let target = select.targets.first()?;
            let alias = target.alias.clone();
            alias.or_else(|| column_name(&target.value))
        }
        QueryBody::Set { left, .. } => first_name(left),
        QueryBody::Values(_) => Some(SmolStr::new_static("column1")),
    }
}

/// The name, and whether it is a strong one.
fn figured_name(expression: &Expr) -> Option<(SmolStr, bool)> {
    let strong = |name: &str| Some((SmolStr::new(name), true));
    match expression {
        Expr::Column { name, .. } | Expr::Field { name, .. } => strong(name),
        Expr::Subscript { value, .. } => figured_name(value),
        Expr::Cast { value, type_name } => match figured_name(value) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name.name.name.clone(), false)),
        },
        Expr::Call { name, .. } => strong(&name.name),
        Expr::Case { otherwise, .. } => match otherwise.as_deref().and_then(figured_name) {
            Some((name, true)) => Some((name, true)),
            _ => Some((SmolStr::new_static("case"), false)),
        },
        Expr::Array(_) | Expr::ArrayQuery(_) => strong("array"),
        Expr::Row(_) => strong("row"),
        Expr::Exists(_) => strong("exists"),
        Expr::Subquery(query) => first_name(query).map(|name| (name, true)),
        _ => None,
    }
}

/// Checks a WHERE, ON or HAVING condition.
pub(crate) fn check_condition(
    condition: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    check(condition, frame, context)?;
    check_boolean("WHERE", condition, frame, context)
}

/// 42804 for what stands where a boolean must, and is none; `place` as the server says it.
pub(crate) fn check_boolean(
    place: &str,
    value: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    match type_of(value, frame, context) {
        Type::Named(name)
            if !matches!(kind_of_type(&name, context), Kind::Boolean | Kind::Other) =>
        {
            let shown = super::render::type_text(&name);
            Err(ServerError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of {place} must be type boolean, not type {shown}"),
            ))
        }
        _ => Ok(()),
    }
}

/// Checks an expression: names, literals, operators.
pub(crate) fn check(
    expression: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let Some(_depth) = context.enter() else {
        return Ok(());
    };
    match expression {
        Expr::Column { qualifier, name } => {
            if let Found::Variable(_) = find(frame, qualifier, name, context)? {
                return Ok(());
            }
        }
        Expr::Call {
            name,
            arguments,
            distinct,
            ..
        } => {
            for argument in arguments.iter().filter(|_| *distinct) {
                if let Type::Named(type_name) = type_of(argument, frame, context) {
                    grouping::refuse_unequal(&type_name, "equality")?;
                }
            }
            functions::check_call(name, arguments, frame, context)?;
            sequences::check(&name.name, arguments, context)?;
        }
        _ => {}
    }
    for child in children(expression) {
        check(child, frame, context)?;
    }
    if let Some(query) = subquery(expression) {
        let output = check_query(query, Some(frame), context)?;
        let single = matches!(
            expression,
            Expr::Subquery(_) | Expr::ArrayQuery(_) | Expr::InQuery { .. }
        ) && !matches!(expression, Expr::InQuery { value, .. } if matches!(**value, Expr::Row(_)));
        if single && !output.open && output.columns.len() > 1 {
            return Err(ServerError::new(
                SqlState::SYNTAX_ERROR,
                "subquery must return only one column",
            ));
        }
    }
    match expression {
        Expr::Cast { value, type_name } => {
            super::cast::check_type(type_name, context)?;
            if let Expr::Value(Datum::Text(text)) = &**value {
                check_literal(type_name, text, context)?;
            }
            match type_of(value, frame, context) {
                // its items are cast one by one
                Type::Named(_) if matches!(**value, Expr::Array(_)) => Ok(()),
                Type::Named(from) => check_cast(&from, type_name, context),
                Type::Literal | Type::Unknown => Ok(()),
            }
        }
        Expr::And(all) => all
            .iter()
            .try_for_each(|one| check_boolean("AND", one, frame, context)),
        Expr::Or(all) => all
            .iter()
            .try_for_each(|one| check_boolean("OR", one, frame, context)),
        Expr::Not(value) => check_boolean("NOT", value, frame, context),
        Expr::IsBool {
            value,
            expected,
            negated,
        } => {
            let place = match (expected, negated) {
                (true, false) => "IS TRUE",
                (true, true) => "IS NOT TRUE",
                (false, false) => "IS FALSE",
                (false, true) => "IS NOT FALSE",
            };
            check_boolean(place, value, frame, context)
        }
        Expr::Binary {
            operator,
            left,
            right,
        } => {
            if is_comparison(operator) {
                return check_pair(operator, left, right, frame, context);
            }
            signatures::check_operator(operator, left, right, frame, context)
        }
        Expr::Unary { operator, value } if operator == "-" => {
            match type_of(value, frame, context) {
                Type::Named(name) => check_negated(&name, context),
                Type::Literal | Type::Unknown => Ok(()),
            }
        }
        Expr::Subscript { value, .. } => match type_of(value, frame, context) {
            Type::Named(name) => check_subscripted(&name, context),
            Type::Literal | Type::Unknown => Ok(()),
        },
        Expr::In { value, list, .. } => list
            .iter()
            .try_for_each(|item| check_pair("=", value, item, frame, context)),
        // an array of bare literals is one of text
        Expr::Quantified {
            value,
            operator,
            array,
            ..
        } if is_comparison(operator)
            && matches!(&**array, Expr::Array(items) if !items.is_empty()
                && items.iter().all(|item| matches!(item, Expr::Value(Datum::Text(_))))) =>
        {
            match type_of(value, frame, context) {
                Type::Named(name) => {
                    check_operator(operator, &name, &TypeName::new("text"), context)
                }
                _ => Ok(()),
            }
        }
        Expr::Between {
            value, low, high, ..
        } => {
            check_pair(">=", value, low, frame, context)?;
            check_pair("<=", value, high, frame, context)
        }
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => {
            if let Some(operand) = operand {
                for (when, _) in arms {
                    check_pair("=", operand, when, frame, context)?;
                }
            }
            let results: Vec<&Expr> = arms
                .iter()
                .map(|(_, result)| result)
                .chain(otherwise.as_deref())
                .collect();
            check_choice("CASE", &results, frame, context)
        }
        Expr::Call {
            name, arguments, ..
        } if name.schema.is_none() => {
            if let ("nullif", [left, right]) = (name.name.as_str(), arguments.as_slice()) {
                return check_pair("=", left, right, frame, context);
            }
            let construct = match name.name.as_str() {
                "coalesce" => "COALESCE",
                "greatest" => "GREATEST",
                "least" => "LEAST",
                _ => return Ok(()),
            };
            check_choice(
                construct,
                &arguments.iter().collect::<Vec<_>>(),
                frame,
                context,
            )
        }
        _ => Ok(()),
    }
}

/// 42883 for the negation of what is no number, interval or amount of money.
fn check_negated(type_name: &TypeName, context: &Context<'_>) -> Result<(), ServerError> {
    match kind_of_type(type_name, context) {
        Kind::Number | Kind::Other => Ok(()),
        Kind::Text | Kind::Boolean | Kind::Time | Kind::Uuid | Kind::Enum => {
            let shown = super::render::type_text(type_name);
            Err(ServerError::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("operator does not exist: - {shown}"),
            ))
        }
    }
}

/// 42804 for a subscript of a type that has no elements.
fn check_subscripted(type_name: &TypeName, context: &Context<'_>) -> Result<(), ServerError> {
    let has_elements = type_name.array
        || matches!(
            type_name.name.name.as_str(),
            "jsonb"
                | "hstore"
                | "point"
                | "lseg"
                | "box"
                | "name"
                | "int2vector"
                | "oidvector"
                | "unknown"
        );
    let text = TypeName::new("text");
    if has_elements
        || type_name.name.schema.is_some()
        || casts(context).can(type_name, &text, CastContext::Explicit) != Some(true)
    {
        return Ok(());
    }
    let shown = super::render::type_text(type_name);
    Err(ServerError::new(
        SqlState::DATATYPE_MISMATCH,
        format!("cannot subscript type {shown} because it does not support subscripting"),
    ))
}

/// Checks expressions of which one is the result: their types must go together (42804), and a literal takes the type of the
/// others (22P02).
fn check_choice(
    construct: &str,
    choices: &[&Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let mut chosen: Option<TypeName> = None;
    let mut unknown_is_among = false;
    for choice in choices {
        let name = match type_of(choice, frame, context) {
            Type::Named(name) => name,
            Type::Literal => continue,
            Type::Unknown => {
                unknown_is_among = true;
                continue;
            }
        };
        let Some(known) = &chosen else {
            chosen = Some(name);
            continue;
        };
        let (before, now) = (kind_of_type(known, context), kind_of_type(&name, context));
        if before == Kind::Other || now == Kind::Other || known.array || name.array {
            return Ok(());
        }
        if before != now {
            return Err(ServerError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "{construct} types {} and {} cannot be matched",
                    super::render::type_text(known),
                    super::render::type_text(&name)
                ),
            ));
        }
        // the wider of two numbers; which it is does not matter to what a literal may be
        if now == Kind::Number && name.name != known.name {
            chosen = Some(TypeName::new("numeric"));
        }
    }
    match chosen {
        Some(name) if !unknown_is_among => choices
            .iter()
            .try_for_each(|choice| check_value(&name, choice, context)),
        _ => Ok(()),
    }
}

pub(super) fn is_comparison(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" | "IS DISTINCT FROM" | "IS NOT DISTINCT FROM"
    )
}

/// Checks the two sides of a comparison: a literal against the other side's type, or one type against the other.
fn check_pair(
    operator: &str,
    left: &Expr,
    right: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let left_type = type_of(left, frame, context);
    let right_type = type_of(right, frame, context);
    // the only type of values that has no equality; with NULL, IS DISTINCT FROM is a test for NULL
    let json = |side: &Type| side.is("json");
    let null = |side: &Expr| matches!(side, Expr::Value(Datum::Null));
    let tests_null = operator.starts_with("IS ") && (null(left) || null(right));
    if tests_null {
        return Ok(());
    }
    if json(&left_type) && (json(&right_type) || right_type == Type::Literal)
        || json(&right_type) && left_type == Type::Literal
    {
        let shown = |side: &Type| if json(side) { "json" } else { "unknown" };
        return Err(no_operator(shown(&left_type), operator, shown(&right_type)));
    }
    match (&left_type, &right_type) {
        (Type::Named(name), Type::Literal) => check_value(name, right, context),
        (Type::Literal, Type::Named(name)) => check_value(name, left, context),
        (Type::Named(left), Type::Named(right)) => check_operator(operator, left, right, context),
        _ => Ok(()),
    }
}

/// Checks a literal against the type that it takes, whatever the modifier of that.
pub(crate) fn check_value(
    type_name: &TypeName,
    value: &Expr,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let text = match value {
        Expr::Value(Datum::Text(text)) => text,
        Expr::Parameter(name) => match context.environment.parameters.get(name) {
            Some(Datum::Text(text)) => text,
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    // a modifier of the column does not cut what it is compared with
    let plain = TypeName {
        modifiers: Vec::new(),
        ..type_name.clone()
    };
    check_literal(&plain, text, context)
}

fn check_operator(
    operator: &str,
    left: &TypeName,
    right: &TypeName,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let (left_kind, right_kind) = (kind_of_type(left, context), kind_of_type(right, context));
    let comparable = left_kind == right_kind
        || left_kind == Kind::Other
        || right_kind == Kind::Other
        || left.array != right.array;
    let are_enums = left_kind == Kind::Enum && right_kind == Kind::Enum;
    let never = if are_enums {
        are_two(left, right, context)
    } else {
        comparable
            && (left_kind == Kind::Other || right_kind == Kind::Other)
            && signatures::never_compares(operator, left, right, context)
    };
    if comparable && !never {
        return Ok(());
    }
    // it is a form of `=`
    let operator = if operator.starts_with("IS ") {
        "="
    } else {
        operator
    };
    let shown = super::render::type_text;
    Err(no_operator(&shown(left), operator, &shown(right)))
}

/// Whether two names are of two types that are there.
fn are_two(one: &TypeName, other: &TypeName, context: &Context<'_>) -> bool {
    match (context.made_type(&one.name), context.made_type(&other.name)) {
        (Some(one), Some(other)) => one.name != other.name,
        _ => false,
    }
}

/// 42883 for an operator between types, as messages show them.
pub(super) fn no_operator(left: &str, operator: &str, right: &str) -> ServerError {
    ServerError::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("operator does not exist: {left} {operator} {right}"),
    )
}

/// Checks a value that is assigned to a column: its literal, its length, or whether its type can be assigned at all.
pub(crate) fn check_assignment(
    column: &str,
    type_name: &TypeName,
    value: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let literal = match value {
        Expr::Value(Datum::Text(text)) => Some(text),
        Expr::Parameter(name) => match context.environment.parameters.get(name) {
            Some(Datum::Text(text)) => Some(text),
            _ => None,
        },
        _ => None,
    };
    if let Some(text) = literal {
        return check_literal(type_name, text, context);
    }
    let Type::Named(from) = type_of(value, frame, context) else {
        return Ok(());
    };
    check_assignable(column, type_name, &from, context)
}

/// 42846 where no value of one type can be cast to another.
fn check_cast(from: &TypeName, to: &TypeName, context: &Context<'_>) -> Result<(), ServerError> {
    let is_same = from.name.name == to.name.name && from.array == to.array;
    if is_same || casts(context).can(from, to, CastContext::Explicit) != Some(false) {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::CANNOT_COERCE,
        format!(
            "cannot cast type {} to {}",
            super::render::type_text(from),
            super::render::type_text(to)
        ),
    ))
}

/// The casts of the database.
pub(super) fn casts<'a>(context: &'a Context<'_>) -> Casts<'a> {
    Casts {
        catalog: context.catalog,
        version: context.environment.version,
        search_path: context.environment.search_path,
    }
}

/// 42804 where no value of one type can be assigned to a column of another.
pub(crate) fn check_assignable(
    column: &str,
    type_name: &TypeName,
    from: &TypeName,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    // two types may have one name in two schemas
    let is_same = from.name.name == type_name.name.name && from.array == type_name.array;
    if is_same || casts(context).can(from, type_name, CastContext::Assignment) != Some(false) {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "column \"{column}\" is of type {} but expression is of type {}",
            super::render::type_text(type_name),
            super::render::type_text(from)
        ),
    ))
}
