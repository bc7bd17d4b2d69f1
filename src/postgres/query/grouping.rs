//! Groups: which columns a grouped query may name (42803), where aggregates, window functions and functions that return sets
//! may not stand, and what DISTINCT lets ORDER BY say (42P10).
//!
//! Only what is certain is refused: a function that the server does not bring along may be an aggregate, and of an expression that
//! is grouped by, each column counts as grouped.

use rustc_hash::FxHashSet;

use super::aggregate::{has_aggregate, is_aggregate};
use super::check::{Output, star};
use super::functions::is_builtin;
use super::scope::{Frame, Scope, position};
use super::types::{Type, type_of};
use super::{Context, Resolved};
use crate::postgres::catalog::builtin;
use crate::postgres::expression::{
    Datum, Expr, FromItem, OrderBy, Select, Target, TypeName, children, subquery,
};
use crate::postgres::name::Name;
use crate::postgres::{ServerError, SqlState};

/// A column of a scope: its source and its place there.
type Place = (usize, usize);

/// Functions of the server that return sets.
fn returns_set(name: &str) -> bool {
    matches!(
        name,
        "unnest"
            | "generate_series"
            | "generate_subscripts"
            | "json_array_elements"
            | "json_array_elements_text"
            | "json_each"
            | "json_each_text"
            | "json_object_keys"
            | "jsonb_array_elements"
            | "jsonb_array_elements_text"
            | "jsonb_each"
            | "jsonb_each_text"
            | "jsonb_object_keys"
            | "jsonb_path_query"
            | "regexp_matches"
            | "regexp_split_to_table"
            | "string_to_table"
    )
}

/// What goes over rows, or gives several, in a call: the words for it, and the SQLSTATE where that may not be.
fn over_rows(expression: &Expr) -> Option<(&Name, SqlState, &'static str)> {
    let Expr::Call { name, window, .. } = expression else {
        return None;
    };
    let (state, what) = if *window {
        (SqlState::WINDOWING_ERROR, "window functions")
    } else if is_aggregate(&name.name) {
        (SqlState::GROUPING_ERROR, "aggregate functions")
    } else if returns_set(&name.name) {
        (SqlState::FEATURE_NOT_SUPPORTED, "set-returning functions")
    } else {
        return None;
    };
    Some((name, state, what))
}

/// Whether an expression calls anything that goes over rows, by its name: nothing else is refused by [`refuse_over_rows`].
pub(crate) fn may_go_over_rows(expression: &Expr) -> bool {
    over_rows(expression).is_some() || children(expression).into_iter().any(may_go_over_rows)
}

/// Refuses aggregates, window functions and functions that return sets where the server takes none; `place` as it says it, in the
/// plural. Those of subqueries are not looked at.
pub(crate) fn refuse_over_rows(
    expression: &Expr,
    place: &str,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if let Some((name, state, what)) = over_rows(expression)
        && is_the_servers(name, context)
    {
        let message = format!("{what} are not allowed in {place}");
        return Err(ServerError::new(state, message));
    }
    children(expression)
        .into_iter()
        .try_for_each(|child| refuse_over_rows(child, place, context))
}

/// Whether a function's name means one that comes with the server.
fn is_the_servers(name: &Name, context: &Context<'_>) -> bool {
    let is_own = |schema: Option<&str>| schema.is_none_or(|schema| schema == "pg_catalog");
    is_own(name.schema.as_deref())
        && is_builtin(&name.name)
        && !context
            .catalog
            .functions
            .keys()
            .any(|made| made.name == name.name)
}

/// Refuses what a SELECT says beside its groups, or beside DISTINCT.
pub(super) fn check_groups(
    select: &Select,
    order_by: &[OrderBy],
    output: &Output,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let scope = frame.scope;
    // in a subquery an aggregate may be one of the query around it
    if frame.outer.is_none() {
        if let Some(filter) = &select.filter {
            refuse_over_rows(filter, "WHERE", context)?;
        }
        for item in &select.from {
            refuse_in_joins(item, context)?;
        }
        for key in &select.group_by {
            refuse_over_rows(key, "GROUP BY", context)?;
        }
    }
    if select.distinct && select.distinct_on.is_empty() {
        for column in &output.columns {
            if let Some(type_name) = &column.type_name {
                refuse_unequal(type_name, "equality")?;
            }
        }
        check_distinct(select, order_by, output, scope)?;
    }
    check_distinct_on(select, order_by, scope)?;
    let keys = select
        .group_by
        .iter()
        .filter_map(|key| meant(key, select, scope));
    for key in keys.chain(&select.distinct_on) {
        if let Type::Named(type_name) = type_of(key, frame, context) {
            refuse_unequal(&type_name, "equality")?;
        }
    }
    for order in order_by {
        if let Type::Named(type_name) = type_of(&order.value, frame, context) {
            refuse_unequal(&type_name, "ordering")?;
        }
    }
    let targets = || select.targets.iter().map(|target| &target.value);
    let sorts = || order_by.iter().map(|order| &order.value);
    targets()
        .chain(sorts())
        .chain(&select.having)
        .try_for_each(refuse_nested)?;
    let is_grouped = !select.group_by.is_empty()
        || select.having.is_some()
        || targets().chain(sorts()).any(has_aggregate);
    if !is_grouped {
        return Ok(());
    }
    let Some(groups) = Groups::of(select, scope, context) else {
        return Ok(());
    };
    for target in targets() {
        match target {
            Expr::Star { qualifier } => {
                let (columns, _) = star(qualifier, scope)?;
                if let Some(place) = columns.into_iter().find(|place| !groups.has(*place)) {
                    return Err(groups.refused(place));
                }
            }
            other => groups.check_output(other)?,
        }
    }
    if let Some(having) = &select.having {
        groups.check(having)?;
    }
    for sort in sorts() {
        if !is_output(sort, output) {
            groups.check_output(sort)?;
        }
    }
    Ok(())
}

/// 42883 for a type whose values the server can't tell apart, or put in order: `json` before all.
pub(super) fn refuse_unequal(type_name: &TypeName, operator: &str) -> Result<(), ServerError> {
    if !builtin::is_without_order(&type_name.name.name)
        || type_name.array
        || type_name.name.schema.is_some()
    {
        return Ok(());
    }
    let message = format!(
        "could not identify an {operator} operator for type {}",
        super::render::type_text(type_name)
    );
    Err(ServerError::new(SqlState::UNDEFINED_FUNCTION, message))
}

/// 42803 for an aggregate of an aggregate.
fn refuse_nested(expression: &Expr) -> Result<(), ServerError> {
    let parts = children(expression);
    let is_aggregated = matches!(expression, Expr::Call { name, window: false, .. }
        if is_aggregate(&name.name));
    if is_aggregated && parts.iter().any(|part| has_aggregate(part)) {
        return Err(ServerError::new(
            SqlState::GROUPING_ERROR,
            "aggregate function calls cannot be nested",
        ));
    }
    parts.into_iter().try_for_each(refuse_nested)
}

fn refuse_in_joins(item: &FromItem, context: &Context<'_>) -> Result<(), ServerError> {
    let FromItem::Join {
        left, right, on, ..
    } = item
    else {
        return Ok(());
    };
    refuse_in_joins(left, context)?;
    refuse_in_joins(right, context)?;
    match on {
        Some(on) => refuse_over_rows(on, "JOIN conditions", context),
        None => Ok(()),
    }
}

/// Whether a sort key means an output column, by its name or its place.
fn is_output(key: &Expr, output: &Output) -> bool {
    output.is_named_by(key) || matches!(key, Expr::Value(Datum::Int(_)))
}

/// 42P10 for a column that DISTINCT leaves out.
fn check_distinct(
    select: &Select,
    order_by: &[OrderBy],
    output: &Output,
    scope: &Scope,
) -> Result<(), ServerError> {
    let keys = order_by
        .iter()
        .map(|order| &order.value)
        .filter(|key| !is_output(key, output));
    for key in keys {
        let Some(place) = column_of(key, scope) else {
            continue;
        };
        let mut is_listed = output.open;
        for Target { value, .. } in &select.targets {
            is_listed |= match value {
                Expr::Star { qualifier } => star(qualifier, scope)?.0.contains(&place),
                value => column_of(value, scope) == Some(place),
            };
        }
        if !is_listed {
            return Err(ServerError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
            ));
        }
    }
    Ok(())
}

/// 42P10 where the first sort keys are not those of DISTINCT ON.
fn check_distinct_on(
    select: &Select,
    order_by: &[OrderBy],
    scope: &Scope,
) -> Result<(), ServerError> {
    let places: Option<Vec<Place>> = select
        .distinct_on
        .iter()
        .map(|one| column_of(one, scope))
        .collect();
    let Some(places) = places else {
        return Ok(());
    };
    let first = order_by.iter().take(places.len());
    for order in first {
        if column_of(&order.value, scope).is_some_and(|place| !places.contains(&place)) {
            return Err(ServerError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            ));
        }
    }
    Ok(())
}

/// The column of a scope that an expression is.
fn column_of(expression: &Expr, scope: &Scope) -> Option<Place> {
    match expression {
        Expr::Column { qualifier, name } if !scope.merged.contains(name) => {
            position(scope, qualifier, name).ok().flatten()
        }
        _ => None,
    }
}

/// What a query is grouped by.
struct Groups<'q> {
    /// The keys that are no columns.
    keys: Vec<&'q Expr>,
    /// The keys that are columns.
    plain: FxHashSet<Place>,
    /// All columns in keys.
    columns: FxHashSet<Place>,
    /// Sources of which each column has one value a group.
    whole: Vec<usize>,
    scope: &'q Scope,
    context: &'q Context<'q>,
}

impl<'q> Groups<'q> {
    /// The groups of a query; `None` where they are not known.
    fn of(select: &'q Select, scope: &'q Scope, context: &'q Context<'q>) -> Option<Self> {
        let mut groups = Self {
            keys: Vec::new(),
            plain: FxHashSet::default(),
            columns: FxHashSet::default(),
            whole: Vec::new(),
            scope,
            context,
        };
        for key in &select.group_by {
            let key = meant(key, select, scope)?;
            groups.add(key)?;
            match column_of(key, scope) {
                Some(place) => {
                    groups.plain.insert(place);
                }
                None => groups.keys.push(key),
            }
        }
        let mut source = 0;
        for item in &select.from {
            groups.note_whole(item, &mut source);
        }
        Some(groups)
    }

    /// The columns of a key count as grouped.
    fn add(&mut self, key: &Expr) -> Option<()> {
        if matches!(key, Expr::Unknown(_) | Expr::Star { .. }) || subquery(key).is_some() {
            return None;
        }
        if let Expr::Column { qualifier, name } = key {
            for (index, source) in self.scope.sources.iter().enumerate() {
                let is_meant = qualifier.last().is_none_or(|alias| *alias == source.alias);
                let place = source
                    .columns
                    .iter()
                    .position(|column| column.name == *name);
                self.columns
                    .extend(place.filter(|_| is_meant).map(|place| (index, place)));
            }
        }
        children(key)
            .into_iter()
            .try_for_each(|child| self.add(child))
    }

    /// Notes the sources whose primary key is grouped by: the others of their columns follow from it.
    fn note_whole(&mut self, item: &FromItem, source: &mut usize) {
        match item {
            FromItem::Join { left, right, .. } => {
                self.note_whole(left, source);
                self.note_whole(right, source);
            }
            FromItem::Table { name, .. } => {
                if self.is_whole(name, *source) {
                    self.whole.push(*source);
                }
                *source += 1;
            }
            FromItem::Query { .. } | FromItem::Function { .. } => *source += 1,
        }
    }

    fn is_whole(&self, name: &Name, source: usize) -> bool {
        let Some(own) = self.scope.sources.get(source) else {
            return true;
        };
        match self.context.resolve(name) {
            Ok(Resolved::Relation(relation)) => relation.primary_key().is_some_and(|key| {
                key.iter().all(|member| {
                    let place = own.columns.iter().position(|column| column.name == *member);
                    place.is_some_and(|place| self.columns.contains(&(source, place)))
                })
            }),
            Ok(Resolved::Table(_)) => false,
            _ => true,
        }
    }

    fn has(&self, (source, column): Place) -> bool {
        self.columns.contains(&(source, column))
            || self.whole.contains(&source)
            || self.scope.sources[source].open
    }

    /// Checks what stands by itself: a column must be a key then, not only a part of one.
    fn check_output(&self, expression: &Expr) -> Result<(), ServerError> {
        let Some(place) = column_of(expression, self.scope) else {
            return self.check(expression);
        };
        let is_key = self.plain.contains(&place)
            || self.whole.contains(&place.0)
            || self.scope.sources[place.0].open;
        if is_key {
            return Ok(());
        }
        Err(self.refused(place))
    }

    fn check(&self, expression: &Expr) -> Result<(), ServerError> {
        if self.keys.contains(&expression) {
            return Ok(());
        }
        match expression {
            Expr::Column { .. } => match column_of(expression, self.scope) {
                Some(place) if !self.has(place) => Err(self.refused(place)),
                _ => Ok(()),
            },
            Expr::Call { name, window, .. }
                if (!window && is_aggregate(&name.name)) || !is_the_servers(name, self.context) =>
            {
                Ok(())
            }
            other => children(other)
                .into_iter()
                .try_for_each(|child| self.check(child)),
        }
    }

    fn refused(&self, (source, column): Place) -> ServerError {
        let source = &self.scope.sources[source];
        ServerError::new(
            SqlState::GROUPING_ERROR,
            format!(
                "column \"{}.{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                source.alias, source.columns[column].name
            ),
        )
    }
}

/// What a key of GROUP BY means: an input column, else an output column by its name or its place.
fn meant<'q>(key: &'q Expr, select: &'q Select, scope: &Scope) -> Option<&'q Expr> {
    match key {
        Expr::Value(Datum::Int(place)) => {
            let place = usize::try_from(*place).ok()?.checked_sub(1)?;
            let before = select.targets.get(..=place)?;
            let is_star = |target: &Target| matches!(target.value, Expr::Star { .. });
            (!before.iter().any(is_star)).then(|| &before[place].value)
        }
        Expr::Column { qualifier, name }
            if qualifier.is_empty() && matches!(position(scope, qualifier, name), Ok(None)) =>
        {
            let named = |target: &&Target| target.alias.as_ref() == Some(name);
            select
                .targets
                .iter()
                .find(named)
                .map(|target| &target.value)
        }
        key => Some(key),
    }
}
