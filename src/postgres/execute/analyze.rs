//! Parse analysis of a query: the tables that it names must be there, its output columns as far as known, and what it
//! depends on.
//!
//! Column references are checked where all tables in scope are known; what can't be resolved is left alone.

use imbl::OrdSet;
use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName, RelationKind};
use crate::postgres::expression::{FromItem, QueryBody, Select, Target, children, subquery};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::Statement;
use crate::postgres::{Expr, Name, Query, ServerError, Session, SqlState, TypeName};

use super::{Effect, Failure, data, expressions, resolve};
use crate::postgres::query::{OutputColumn, check_named, column_name};

/// What a query is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Analysis {
    /// Its output columns; `None` where they can't be known.
    pub(crate) columns: Option<Vec<OutputColumn>>,
    /// Relations, columns and functions that it uses.
    pub(crate) depends_on: OrdSet<ObjectKey>,
}

/// A member of FROM in scope.
#[derive(Clone, Debug)]
struct Source {
    alias: SmolStr,
    /// The relation behind it, where it is one of the catalog.
    relation: Option<QualifiedName>,
    /// Its columns; `None`: not known.
    columns: Option<Vec<SmolStr>>,
    /// Columns that a JOIN ... USING to its left has already: `*` gives them once.
    merged: Vec<SmolStr>,
}

impl Source {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().flatten().any(|known| known == column)
    }
}

/// A common table's name, with its output columns where known.
type CommonColumns = (SmolStr, Option<Vec<SmolStr>>);

/// Names of common tables in scope.
#[derive(Clone, Debug, Default)]
struct Common {
    tables: Vec<CommonColumns>,
}

/// Analyzes a query: its tables and what it depends on here, all else as where a query is run.
pub(crate) fn query(session: &mut Session, query: &Query) -> Effect<Analysis> {
    let mut depends_on = OrdSet::new();
    let names = analyze(session, query, &Common::default(), &[], &mut depends_on)?;
    let (checked, open) = data::output_columns(session, query)?;
    let columns = names.map(|names| {
        let is_all = !open && names.len() == checked.len();
        let mut types = checked.into_iter().filter(|_| is_all);
        let column = |name| OutputColumn::new(name, types.next().and_then(|one| one.type_name));
        names.into_iter().map(column).collect()
    });
    Ok(Analysis {
        columns,
        depends_on,
    })
}

/// `SELECT expression FROM table`.
pub(crate) fn over(table: &QualifiedName, expression: &Expr) -> Query {
    let select = Select {
        distinct: false,
        distinct_on: Vec::new(),
        targets: vec![Target {
            value: expression.clone(),
            alias: None,
        }],
        from: vec![FromItem::Table {
            name: Name::qualified(Some(&table.schema), &table.name),
            alias: None,
            columns: Vec::new(),
        }],
        filter: None,
        group_by: Vec::new(),
        having: None,
    };
    Query::from(QueryBody::Select(Box::new(select)))
}

fn analyze(
    session: &mut Session,
    query: &Query,
    outer_common: &Common,
    outer: &[Source],
    depends: &mut OrdSet<ObjectKey>,
) -> Effect<Option<Vec<SmolStr>>> {
    let mut common = outer_common.clone();
    for member in &query.with {
        if member.recursive {
            common.tables.push((member.name.clone(), None));
        }
        let columns = match member.statement.as_ref() {
            Statement::Query(inner) => analyze(session, inner, &common, outer, depends)?,
            _ => None,
        };
        let columns = rename(columns, &member.columns);
        common.tables.retain(|(name, _)| *name != member.name);
        common.tables.push((member.name.clone(), columns));
    }
    match &query.body {
        QueryBody::Select(inner) => select(session, inner, &common, outer, depends),
        QueryBody::Values(rows) => {
            for row in rows {
                for value in row {
                    expression(session, value, &common, outer, depends)?;
                }
            }
            Ok(rows.first().map(|row| {
                (1..=row.len())
                    .map(|number| SmolStr::new(format!("column{number}")))
                    .collect()
            }))
        }
        QueryBody::Set { left, right, .. } => {
            let columns = analyze(session, left, &common, outer, depends)?;
            analyze(session, right, &common, outer, depends)?;
            Ok(columns)
        }
    }
}

fn rename(columns: Option<Vec<SmolStr>>, names: &[SmolStr]) -> Option<Vec<SmolStr>> {
    let mut columns = columns?;
    for (column, name) in columns.iter_mut().zip(names) {
        column.clone_from(name);
    }
    Some(columns)
}

fn select(
    session: &mut Session,
    select: &Select,
    common: &Common,
    outer: &[Source],
    depends: &mut OrdSet<ObjectKey>,
) -> Effect<Option<Vec<SmolStr>>> {
    let mut sources: Vec<Source> = outer.to_vec();
    let own_from = sources.len();
    for item in &select.from {
        from_item(session, item, common, &mut sources, depends)?;
    }
    for target in &select.targets {
        expression(session, &target.value, common, &sources, depends)?;
    }
    for part in select.filter.iter().chain(&select.having) {
        expression(session, part, common, &sources, depends)?;
    }
    let aliases: Vec<&SmolStr> = select
        .targets
        .iter()
        .filter_map(|target| target.alias.as_ref())
        .collect();
    for part in &select.group_by {
        let is_alias = matches!(part, Expr::Column { qualifier, name } if qualifier.is_empty() && aliases.contains(&name));
        if !is_alias {
            expression(session, part, common, &sources, depends)?;
        }
    }
    Ok(output(select, &sources[own_from..], depends))
}

fn output(
    select: &Select,
    sources: &[Source],
    depends: &mut OrdSet<ObjectKey>,
) -> Option<Vec<SmolStr>> {
    let mut columns = Vec::new();
    for target in &select.targets {
        if let Expr::Star { qualifier } = &target.value {
            for source in sources {
                if qualifier
                    .last()
                    .is_some_and(|wanted| *wanted != source.alias)
                {
                    continue;
                }
                let known = source.columns.as_ref()?;
                for column in known {
                    if qualifier.is_empty() && source.merged.contains(column) {
                        continue;
                    }
                    if let Some(relation) = &source.relation {
                        depends.insert(relation.member(ObjectKind::Column, column));
                    }
                    columns.push(column.clone());
                }
            }
            continue;
        }
        let name = target
            .alias
            .clone()
            .or_else(|| column_name(&target.value))
            .unwrap_or_else(|| SmolStr::new_static("?column?"));
        columns.push(name);
    }
    Some(columns)
}

fn from_item(
    session: &mut Session,
    item: &FromItem,
    common: &Common,
    sources: &mut Vec<Source>,
    depends: &mut OrdSet<ObjectKey>,
) -> Effect {
    match item {
        FromItem::Table {
            name,
            alias,
            columns,
        } => {
            let shown = alias.clone().unwrap_or_else(|| name.name.clone());
            let of_common = name
                .schema
                .is_none()
                .then(|| {
                    common
                        .tables
                        .iter()
                        .rev()
                        .find(|(known, _)| *known == name.name)
                })
                .flatten();
            if let Some((_, known)) = of_common {
                sources.push(Source {
                    alias: shown,
                    relation: None,
                    columns: rename(known.clone(), columns),
                    merged: Vec::new(),
                });
                return Ok(());
            }
            let relation = resolve::relation_in_query(session, name)?;
            let known = relation
                .as_ref()
                .and_then(|relation| session.catalog.relation(relation))
                .filter(|relation| !relation.columns_open)
                .filter(|relation| relation.kind != RelationKind::Sequence)
                .filter(|relation| {
                    relation
                        .columns
                        .iter()
                        .all(|column| column.presence != Presence::Maybe)
                })
                .map(|relation| {
                    depends.insert(relation.key());
                    relation
                        .columns
                        .iter()
                        .map(|column| column.name.clone())
                        .collect::<Vec<_>>()
                });
            if let Some(found) = relation
                .as_ref()
                .and_then(|relation| session.catalog.relation(relation))
            {
                depends.insert(found.key());
            }
            sources.push(Source {
                alias: shown,
                relation: if columns.is_empty() { relation } else { None },
                columns: rename(known, columns),
                merged: Vec::new(),
            });
        }
        FromItem::Query {
            query,
            alias,
            columns,
            lateral,
        } => {
            check_named(alias.as_ref(), session.version).map_err(Failure::Error)?;
            let outer: Vec<Source> = if *lateral {
                sources.clone()
            } else {
                Vec::new()
            };
            let known = analyze(session, query, common, &outer, depends)?;
            sources.push(Source {
                alias: alias.clone().unwrap_or_default(),
                relation: None,
                columns: rename(known, columns),
                merged: Vec::new(),
            });
        }
        FromItem::Function { call, alias, .. } => {
            let scope = sources.clone();
            expression(session, call, common, &scope, depends)?;
            let shown = alias
                .clone()
                .or_else(|| column_name(call))
                .unwrap_or_default();
            sources.push(Source {
                alias: shown,
                relation: None,
                columns: None,
                merged: Vec::new(),
            });
        }
        FromItem::Join {
            left,
            right,
            on,
            using,
            natural,
            ..
        } => {
            let before = sources.len();
            from_item(session, left, common, sources, depends)?;
            let middle = sources.len();
            from_item(session, right, common, sources, depends)?;
            let (left, right) = sources.split_at_mut(middle);
            for source in right {
                let own = source.columns.iter().flatten();
                let shared = own.filter(|column| {
                    using.contains(column)
                        || *natural && left[before..].iter().any(|other| other.has(column))
                });
                source.merged = shared.cloned().collect();
            }
            if let Some(on) = on {
                let scope = sources.clone();
                expression(session, on, common, &scope, depends)?;
            }
        }
    }
    Ok(())
}

fn expression(
    session: &mut Session,
    value: &Expr,
    common: &Common,
    sources: &[Source],
    depends: &mut OrdSet<ObjectKey>,
) -> Effect {
    match value {
        Expr::Column { qualifier, name } => {
            return column(session, qualifier, name, sources, depends);
        }
        Expr::Cast {
            value: inner,
            type_name,
        } => {
            let resolved = resolve::type_name(session, type_name)?;
            note_type(&resolved, depends);
            expressions::check_literal(session, inner, &resolved)?;
        }
        Expr::Call { name, .. } => {
            if let Some((found, _)) = session.catalog.find_functions(&session.search_path, name) {
                depends.insert(found.key(ObjectKind::Function));
            }
        }
        _ => {}
    }
    if let Some(inner) = subquery(value) {
        analyze(session, inner, common, sources, depends)?;
    }
    for child in children(value) {
        expression(session, child, common, sources, depends)?;
    }
    Ok(())
}

fn note_type(resolved: &TypeName, depends: &mut OrdSet<ObjectKey>) {
    if let Some(schema) = &resolved.name.schema {
        depends.insert(ObjectKey::new(
            ObjectKind::Type,
            format!("{schema}.{}", resolved.name.name),
        ));
    }
}

fn column(
    session: &mut Session,
    qualifier: &[SmolStr],
    name: &SmolStr,
    sources: &[Source],
    depends: &mut OrdSet<ObjectKey>,
) -> Effect {
    if let Some(wanted) = qualifier.last() {
        let schema = qualifier.len().checked_sub(2).map(|at| &qualifier[at]);
        let found = sources.iter().rev().find(|source| {
            let of_schema = match (schema, &source.relation) {
                (Some(schema), Some(relation)) => relation.schema == *schema,
                _ => true,
            };
            source.alias == *wanted && of_schema
        });
        let Some(source) = found else {
            return Ok(());
        };
        if let Some(relation) = &source.relation {
            depends.insert(relation.member(ObjectKind::Column, name));
        }
        let known = source
            .columns
            .as_ref()
            .is_none_or(|columns| columns.contains(name));
        if known || resolve::is_system_column(name) || source.relation.is_none() {
            return Ok(());
        }
        return missing(
            format!("column {wanted}.{name} does not exist"),
            source,
            name,
        );
    }
    let mut open = sources.is_empty();
    for source in sources.iter().rev() {
        match &source.columns {
            None => open = true,
            Some(columns) if columns.contains(name) => {
                if let Some(relation) = &source.relation {
                    depends.insert(relation.member(ObjectKind::Column, name));
                }
                return Ok(());
            }
            Some(_) => {}
        }
    }
    let whole_row = sources.iter().any(|source| source.alias == *name);
    // a column of the one relation whose columns are not all known
    if let [source] = sources
        && open
        && let Some(relation) = &source.relation
    {
        depends.insert(relation.member(ObjectKind::Column, name));
    }
    if open || whole_row || resolve::is_system_column(name) {
        return Ok(());
    }
    let _ = session;
    match sources.last() {
        Some(source) => missing(format!("column \"{name}\" does not exist"), source, name),
        None => Ok(()),
    }
}

fn missing(message: String, source: &Source, name: &str) -> Effect {
    let error = ServerError::new(SqlState::UNDEFINED_COLUMN, message);
    Err(Failure::Error(match &source.relation {
        Some(relation) => error.about(relation.member(ObjectKind::Column, name)),
        None => error,
    }))
}
