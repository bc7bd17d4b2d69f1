//! FROM and WHERE: which rows of which relations come together.
//!
//! Inner joins are taken in the order that lets known values narrow the next relation (`relname = 't'`, then
//! `indrelid = that oid`): a guard's query on a catalog of thousands of objects touches a handful of them.

mod plan;

use std::rc::Rc;

use smol_str::SmolStr;

use super::check::{check, check_condition, check_query, rename};
use super::evaluate::{evaluate, is_true};
use super::scan::scan;
use super::scope::{Frame, Scope, Source, position};
use super::types::type_of;
use super::{Context, OutputColumn, Resolved, Table, TableRow};
use crate::postgres::catalog::{Relation, RelationKind};
use crate::postgres::expression::{Datum, Expr, FromItem};
use crate::postgres::name::Name;
use crate::postgres::{ServerError, SqlState, Version};
use plan::{Condition, Plan, Step, choose, conjuncts, equality, flatten, needs};

/// Rows of FROM that WHERE lets through.
pub(crate) struct Joined {
    pub(crate) scope: Scope,
    pub(crate) rows: Vec<TableRow>,
    pub(crate) complete: bool,
}

/// Values that a column must have: a scan may leave out all else.
pub(crate) type Wanted = Vec<(SmolStr, Vec<Datum>)>;

/// The scope that FROM makes, or what the server refuses in it.
pub(crate) fn scope_of(
    items: &[FromItem],
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Scope, ServerError> {
    let mut scope = Scope::default();
    for item in items {
        add_item(item, &mut scope, outer, context)?;
    }
    Ok(scope)
}

fn add_item(
    item: &FromItem,
    scope: &mut Scope,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    match item {
        FromItem::Table {
            name,
            alias,
            columns,
        } => {
            let source = source_of_table(name, alias.as_ref(), columns, context)?;
            add_source(source, scope)
        }
        FromItem::Query {
            query,
            alias,
            columns,
            lateral,
        } => {
            check_named(alias.as_ref(), context.environment.version)?;
            let output = {
                let frame = Frame::inside(scope, &[], outer);
                check_query(query, if *lateral { Some(&frame) } else { outer }, context)?
            };
            add_source(
                Source {
                    alias: alias.clone().unwrap_or_default(),
                    schema: None,
                    columns: rename(output.columns, columns).into(),
                    open: output.open,
                    offset: 0,
                },
                scope,
            )
        }
        FromItem::Function {
            call,
            alias,
            columns,
        } => {
            let source = {
                let frame = Frame::inside(scope, &[], outer);
                check(call, &frame, context)?;
                source_of_function(call, alias.as_ref(), columns, &frame, context)
            };
            add_source(source, scope)
        }
        FromItem::Join {
            left,
            right,
            using,
            natural,
            ..
        } => {
            let before = scope.sources.len();
            add_item(left, scope, outer, context)?;
            let middle = scope.sources.len();
            add_item(right, scope, outer, context)?;
            let columns = if *natural {
                common_columns(&scope.sources[before..middle], &scope.sources[middle..])
            } else {
                using.clone()
            };
            for column in columns {
                let sides = [&scope.sources[before..middle], &scope.sources[middle..]];
                for side in sides {
                    let found = side.iter().any(|source| {
                        source.open || source.columns.iter().any(|known| known.name == column)
                    });
                    if !found {
                        return Err(ServerError::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{column}\" specified in USING clause does not exist"),
                        ));
                    }
                }
                scope.merged.push(column);
            }
            Ok(())
        }
    }
}

/// A subquery in FROM needs no alias since 16; older servers refuse it as they parse.
pub(crate) fn check_named(alias: Option<&SmolStr>, version: Version) -> Result<(), ServerError> {
    if alias.is_some() || version.0 >= 16 {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::SYNTAX_ERROR,
        "subquery in FROM must have an alias",
    ))
}

fn common_columns(left: &[Source], right: &[Source]) -> Vec<SmolStr> {
    left.iter()
        .flat_map(|source| source.columns.iter())
        .filter(|column| {
            right
                .iter()
                .any(|source| source.columns.iter().any(|other| other.name == column.name))
        })
        .map(|column| column.name.clone())
        .collect()
}

fn add_source(source: Source, scope: &mut Scope) -> Result<(), ServerError> {
    let taken = !source.alias.is_empty()
        && scope.sources.iter().any(|known| {
            known.alias == source.alias
                && (known.schema.is_none()
                    || source.schema.is_none()
                    || known.schema == source.schema)
        });
    if taken {
        return Err(ServerError::new(
            SqlState::DUPLICATE_ALIAS,
            format!("table name \"{}\" specified more than once", source.alias),
        ));
    }
    scope.push(source);
    Ok(())
}

fn source_of_table(
    name: &Name,
    alias: Option<&SmolStr>,
    columns: &[SmolStr],
    context: &Context<'_>,
) -> Result<Source, ServerError> {
    let mut source = match context.resolve(name)? {
        Resolved::Table(table) => Source {
            alias: name.name.clone(),
            schema: None,
            columns: table.columns.clone().into(),
            open: table.open,
            offset: 0,
        },
        Resolved::System(table) => Source {
            alias: name.name.clone(),
            schema: Some(table.schema.into()),
            columns: table.columns(),
            open: false,
            offset: 0,
        },
        Resolved::Relation(relation) => {
            if relation.kind == RelationKind::Index {
                return Err(ServerError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot open relation \"{}\"", name.name),
                ));
            }
            source_of_relation(&relation)
        }
        Resolved::Open(qualified) => Source {
            alias: name.name.clone(),
            schema: Some(qualified.schema),
            columns: Rc::from([]),
            open: true,
            offset: 0,
        },
    };
    if let Some(alias) = alias {
        source.alias = alias.clone();
        source.schema = None;
    }
    if !columns.is_empty() {
        source.columns = rename(source.columns.to_vec(), columns).into();
    }
    Ok(source)
}

/// A relation of the catalog as a FROM item.
pub(crate) fn source_of_relation(relation: &Relation) -> Source {
    let columns: Vec<OutputColumn> = if relation.kind == RelationKind::Sequence {
        ["last_value", "log_cnt", "is_called"]
            .into_iter()
            .map(|name| OutputColumn::new(name, None))
            .collect()
    } else {
        relation
            .columns
            .iter()
            .map(|column| OutputColumn::new(column.name.clone(), Some(column.type_name.clone())))
            .collect()
    };
    Source {
        alias: relation.name.name.clone(),
        schema: Some(relation.name.schema.clone()),
        columns: columns.into(),
        open: relation.may_have_more(),
        offset: 0,
    }
}

fn source_of_function(
    call: &Expr,
    alias: Option<&SmolStr>,
    columns: &[SmolStr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Source {
    let (name, arguments): (&str, &[Expr]) = match call {
        Expr::Call {
            name, arguments, ..
        } => (&name.name, arguments),
        _ => ("", &[]),
    };
    let alias_name = alias.cloned().unwrap_or_else(|| name.into());
    let known: Option<Vec<OutputColumn>> = match name {
        "unnest" => Some(
            (0..arguments.len().max(1))
                .map(|index| {
                    let element = arguments.get(index).and_then(|argument| {
                        type_of(argument, frame, context)
                            .into_name()
                            .filter(|type_name| type_name.array)
                    });
                    let element = element.map(|mut type_name| {
                        type_name.array = false;
                        type_name
                    });
                    let name = if arguments.len() > 1 {
                        "unnest".into()
                    } else {
                        alias_name.clone()
                    };
                    OutputColumn::new(name, element)
                })
                .collect(),
        ),
        "generate_series"
        | "generate_subscripts"
        | "regexp_split_to_table"
        | "string_to_table"
        | "jsonb_object_keys"
        | "json_object_keys" => Some(vec![OutputColumn::new(alias_name.clone(), None)]),
        "jsonb_array_elements"
        | "json_array_elements"
        | "jsonb_array_elements_text"
        | "json_array_elements_text" => {
            // named `value`, unless the alias of a function with one column names it
            let column = alias.cloned().unwrap_or_else(|| "value".into());
            Some(vec![OutputColumn::new(column, None)])
        }
        _ => None,
    };
    // a second name after the alias's natural columns is that of WITH ORDINALITY
    let open = known.is_none() && columns.is_empty();
    Source {
        alias: alias_name,
        schema: None,
        columns: rename(known.unwrap_or_default(), columns).into(),
        open: open || matches!(name, "jsonb_array_elements" | "json_array_elements"),
        offset: 0,
    }
}

/// Checks the ON conditions of FROM items, of which the first is the scope's source at `first`: each sees what it joins.
pub(crate) fn check_conditions(
    items: &[FromItem],
    first: usize,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let mut next = first;
    items
        .iter()
        .try_for_each(|item| check_joins(item, &mut next, frame, context))
}

fn check_joins(
    item: &FromItem,
    next: &mut usize,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let FromItem::Join {
        left, right, on, ..
    } = item
    else {
        *next += 1;
        return Ok(());
    };
    let from = *next;
    check_joins(left, next, frame, context)?;
    check_joins(right, next, frame, context)?;
    let Some(on) = on else {
        return Ok(());
    };
    let all = &frame.scope.sources;
    if from == 0 && *next >= all.len() {
        return check_condition(on, frame, context);
    }
    let scope = Scope {
        sources: all.get(from..*next).unwrap_or_default().to_vec(),
        merged: frame.scope.merged.clone(),
    };
    check_condition(on, &Frame::inside(&scope, &[], frame.outer), context)
}

/// The scope of a statement that writes to `target` with further FROM items, which see it only in conditions.
pub(crate) fn check_from_over(
    target: &Source,
    items: &[FromItem],
    context: &Context<'_>,
) -> Result<Scope, ServerError> {
    let mut scope = Scope::of(target.clone());
    let others = scope_of(items, None, context)?;
    for source in others.sources {
        add_source(source, &mut scope)?;
    }
    let frame = Frame::new(&scope, &[]);
    check_conditions(items, 1, &frame, context)?;
    Ok(scope)
}

/// Rows of further FROM items that match a row of the target, the first source of `scope`.
pub(crate) fn run_from_over(
    scope: &Scope,
    row: &[Datum],
    items: &[FromItem],
    filter: Option<&Expr>,
    context: &Context<'_>,
) -> Result<Joined, ServerError> {
    let own = Scope::of(scope.sources.first().cloned().unwrap_or(Source {
        alias: SmolStr::default(),
        schema: None,
        columns: Rc::from([]),
        open: true,
        offset: 0,
    }));
    let frame = Frame::new(&own, row);
    run_from(items, filter, Some(&frame), context)
}

/// Executes FROM and WHERE.
pub(crate) fn run_from(
    items: &[FromItem],
    filter: Option<&Expr>,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Joined, ServerError> {
    let scope = scope_of(items, outer, context)?;
    let mut plan = Plan {
        steps: Vec::new(),
        conditions: Vec::new(),
        shared: Vec::new(),
        unsupported: scope.sources.len() > 60,
    };
    for item in items {
        flatten(item, &scope, &mut plan);
    }
    if let Some(filter) = filter {
        conjuncts(filter, &mut plan.conditions);
    }
    if plan.unsupported {
        return Ok(Joined {
            scope,
            rows: Vec::new(),
            complete: false,
        });
    }
    let mut conditions: Vec<Condition<'_>> = plan
        .conditions
        .iter()
        .map(|expression| Condition {
            expression,
            needs: needs(expression, &scope, context),
            done: false,
        })
        .collect();
    let mut state = Joined {
        rows: vec![TableRow {
            values: vec![Datum::Unknown; scope.width()],
            certain: true,
        }],
        complete: true,
        scope,
    };
    let mut bound = 0_u64;
    apply(&mut state, &mut conditions, bound, outer, context)?;
    let mut left: Vec<Step<'_>> = plan.steps;
    while !left.is_empty() && !state.rows.is_empty() {
        let index = choose(&left, &conditions, bound, &state.scope, context);
        let step = left.remove(index);
        join_step(
            &mut state,
            &step,
            &conditions,
            &plan.shared,
            bound,
            outer,
            context,
        )?;
        bound |= 1 << step.source;
        apply(&mut state, &mut conditions, bound, outer, context)?;
        if state.rows.len() > 50_000 {
            state.rows.clear();
            state.complete = false;
        }
    }
    Ok(state)
}

/// Filters by all conditions whose sources are bound.
fn apply(
    state: &mut Joined,
    conditions: &mut [Condition<'_>],
    bound: u64,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let all = (1_u64 << state.scope.sources.len().min(63)) - 1;
    for condition in conditions.iter_mut().filter(|condition| !condition.done) {
        if condition.needs & all & !bound != 0 {
            continue;
        }
        condition.done = true;
        if !context.works(state.rows.len()) {
            state.rows.clear();
            state.complete = false;
            return Ok(());
        }
        let mut kept = Vec::with_capacity(state.rows.len());
        for mut row in std::mem::take(&mut state.rows) {
            let frame = Frame::inside(&state.scope, &row.values, outer);
            match is_true(&evaluate(condition.expression, &frame, context)?) {
                Some(true) => {}
                Some(false) => continue,
                None => row.certain = false,
            }
            kept.push(row);
        }
        state.rows = kept;
        // a condition that surely fails leaves nothing, known or not, if it needs no row
        if state.rows.is_empty() && bound == 0 {
            state.complete = true;
        }
    }
    Ok(())
}

fn join_step(
    state: &mut Joined,
    step: &Step<'_>,
    conditions: &[Condition<'_>],
    shared: &[(usize, usize, SmolStr)],
    bound: u64,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let scope = &state.scope;
    let (offset, width) = {
        let source = &scope.sources[step.source];
        (source.offset, source.columns.len())
    };
    let narrowing: Vec<(SmolStr, Vec<&Expr>)> = match &step.optional {
        None => conditions
            .iter()
            .filter(|condition| !condition.done)
            .filter_map(|condition| {
                equality(condition.expression, step.source, bound, scope, context)
            })
            .collect(),
        Some(parts) => parts
            .iter()
            .filter_map(|part| equality(part, step.source, bound, scope, context))
            .collect(),
    };
    let pairs: Vec<(usize, SmolStr)> = shared
        .iter()
        .filter_map(|(left, right, column)| {
            if *right == step.source && bound & (1 << left) != 0 {
                Some((*left, column.clone()))
            } else if *left == step.source && bound & (1 << right) != 0 {
                Some((*right, column.clone()))
            } else {
                None
            }
        })
        .collect();
    let constant = narrowing
        .iter()
        .all(|(_, values)| values.iter().all(|value| needs(value, scope, context) == 0));
    let lateral = matches!(
        step.item,
        FromItem::Function { .. } | FromItem::Query { .. }
    );
    // a lateral subquery sees what stands before it, not itself
    let before = matches!(step.item, FromItem::Query { lateral: true, .. }).then(|| Scope {
        sources: scope.sources[..step.source].to_vec(),
        merged: scope.merged.clone(),
    });
    let mut cached: Option<Table> = None;
    let mut rows = Vec::with_capacity(state.rows.len());
    let mut complete = state.complete;
    for row in &state.rows {
        let frame = Frame::inside(before.as_ref().unwrap_or(scope), &row.values, outer);
        let reusable = constant && pairs.is_empty() && !lateral;
        let table = match cached.take() {
            Some(table) if reusable => table,
            _ => {
                let wanted = wanted_values(&narrowing, &pairs, &frame, context)?;
                // an outer join whose right side must be missing is a guard too
                let guard = step.optional.is_some() || context.is_guard();
                context.as_guard(guard, || {
                    scan(step.item, step.source, &wanted, &frame, outer, context)
                })?
            }
        };
        let mut matched = Some(false);
        for candidate in &table.rows {
            let mut joined = row.clone();
            joined.certain &= candidate.certain;
            for (index, value) in candidate.values.iter().take(width).enumerate() {
                if let Some(place) = joined.values.get_mut(offset + index) {
                    *place = value.clone();
                }
            }
            let mut verdict = Some(true);
            for (other, column) in &pairs {
                let side = |source: usize| {
                    position(
                        &Scope::of(Source {
                            ..scope.sources[source].clone()
                        }),
                        &[],
                        column,
                    )
                    .ok()
                    .flatten()
                    .and_then(|(_, index)| joined.values.get(scope.sources[source].offset + index))
                    .cloned()
                    .unwrap_or(Datum::Unknown)
                };
                let same = super::operators::binary("=", &side(*other), &side(step.source));
                verdict = both(verdict, is_true(&same));
            }
            if let Some(parts) = &step.optional {
                let frame = Frame::inside(scope, &joined.values, outer);
                for part in parts {
                    verdict = both(verdict, is_true(&evaluate(part, &frame, context)?));
                }
            }
            match verdict {
                Some(false) => continue,
                Some(true) => {
                    if candidate.certain {
                        matched = Some(true);
                    } else if matched == Some(false) {
                        matched = None;
                    }
                }
                None => {
                    joined.certain = false;
                    if matched == Some(false) {
                        matched = None;
                    }
                }
            }
            rows.push(joined);
        }
        if step.optional.is_some() && matched != Some(true) {
            let mut alone = row.clone();
            for place in alone.values.iter_mut().skip(offset).take(width) {
                *place = Datum::Null;
            }
            if matched.is_none() || !table.complete {
                alone.certain = false;
            }
            rows.push(alone);
        }
        complete &= table.complete;
        if reusable {
            cached = Some(table);
        }
    }
    state.rows = rows;
    state.complete = complete;
    Ok(())
}

fn both(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn wanted_values(
    narrowing: &[(SmolStr, Vec<&Expr>)],
    pairs: &[(usize, SmolStr)],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Wanted, ServerError> {
    let mut wanted = Wanted::new();
    for (column, expressions) in narrowing {
        let mut values = Vec::with_capacity(expressions.len());
        let mut usable = true;
        for expression in expressions {
            match evaluate(expression, frame, context)? {
                Datum::Array(items) => values.extend(items.iter().cloned()),
                Datum::Text(text) if text.starts_with('{') => match super::parse_array(&text) {
                    Some(items) => {
                        values.push(Datum::Text(text));
                        values.extend(items);
                    }
                    None => values.push(Datum::Text(text)),
                },
                Datum::Fresh | Datum::Stored => usable = false,
                value => values.push(value),
            }
        }
        if usable && !values.contains(&Datum::Unknown) {
            wanted.push((column.clone(), values));
        }
    }
    for (other, column) in pairs {
        let source = &frame.scope.sources[*other];
        let value = source
            .columns
            .iter()
            .position(|known| known.name == *column)
            .and_then(|index| frame.row.get(source.offset + index));
        if let Some(value) = value
            && value.is_known()
        {
            wanted.push((column.clone(), vec![value.clone()]));
        }
    }
    Ok(wanted)
}
