//! SELECT: `select(...)` in all its styles, its clauses, subqueries, CTEs, unions and joins.

mod join;
mod subquery;

use std::any::Any;

use smol_str::SmolStr;

use super::convert::{column_of_attribute, convert, flatten, merge_sources, source_of_table};
use super::operators::conjunction;
use super::{Element, Source, substitute};
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::orm;
use crate::alembic::schema::Table;
use crate::alembic::text::TextClause;
use crate::postgres::expression::{
    CommonTable, FromItem, JoinKind, OrderBy, QueryBody, Select, SetOperator, Target,
};
use crate::postgres::{Datum, Expr, Name, Query};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::unknown::Reason;

use join::free_join;
pub use join::{JoinObject, join};
pub use subquery::Subquery;
use subquery::SubqueryColumns;

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "select" => function("Select", |interp, arguments| {
            Ok(object::value(SelectObject::new(interp, &arguments)?))
        }),
        "union" => function("union", |interp, arguments| {
            set(interp, &arguments.positional, SetOperator::Union, false)
        }),
        "union_all" => function("union_all", |interp, arguments| {
            set(interp, &arguments.positional, SetOperator::Union, true)
        }),
        "intersect" => function("intersect", |interp, arguments| {
            set(interp, &arguments.positional, SetOperator::Intersect, false)
        }),
        "except_" => function("except_", |interp, arguments| {
            set(interp, &arguments.positional, SetOperator::Except, false)
        }),
        "join" => function("Join", |interp, arguments| {
            free_join(interp, &arguments, JoinKind::Inner)
        }),
        "outerjoin" => function("Join", |interp, arguments| {
            free_join(interp, &arguments, JoinKind::Left)
        }),
        "alias" => function("alias", |interp, mut arguments| {
            if arguments.positional.is_empty() {
                return Ok(interp.unknown(Reason::Unsupported, "alias()"));
            }
            let subject = arguments.positional.remove(0);
            let method = interp.attribute(&subject, "alias")?;
            interp.call(&method, arguments)
        }),
        "values" => function("values", |interp, _| {
            Ok(interp.unknown(Reason::Unsupported, "values(...)"))
        }),
        _ => return None,
    })
}

/// The clauses of a SELECT.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Parts {
    pub distinct: bool,
    /// The columns of DISTINCT ON.
    pub distinct_on: Vec<Expr>,
    pub targets: Vec<Target>,
    /// FROM as written by `select_from` and `join`.
    pub from: Vec<FromItem>,
    /// What the expressions bring with them.
    pub sources: Vec<Source>,
    pub filter: Vec<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Vec<Expr>,
    pub order_by: Vec<OrderBy>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    /// A set operation or a text instead of the clauses above.
    pub body: Option<Box<Query>>,
    /// The model that is all it selects: an ORM session makes objects of it.
    pub entity: Option<Value>,
}

/// `select(...)`.
#[derive(Clone, Debug)]
pub struct SelectObject {
    /// Its clauses.
    pub parts: Parts,
}

impl SelectObject {
    fn new(interp: &mut Interp, arguments: &Arguments) -> Eval<Self> {
        let mut targets = Vec::new();
        let mut filter = None;
        match arguments.positional.first() {
            // 1.4's list style: select([columns], whereclause)
            Some(Value::List(_) | Value::Tuple(_)) => {
                targets = flatten(interp, &arguments.positional[..1])?;
                filter = arguments.positional.get(1).cloned();
            }
            _ => targets.extend(arguments.positional.iter().cloned()),
        }
        if let Some(columns) = arguments.named("columns") {
            targets = flatten(interp, std::slice::from_ref(columns))?;
        }
        let mut select = Self::of_targets(interp, &targets)?;
        if arguments.incomplete {
            select.parts.targets.push(unknown_target());
        } else if let [entity @ Value::Class(_)] = targets.as_slice() {
            select.parts.entity = orm::table_of(entity).map(|_| entity.clone());
        }
        if let Some(filter) = filter.or_else(|| arguments.named("whereclause").cloned()) {
            select.add_filter(interp, &filter)?;
        }
        if let Some(from) = arguments.named("from_obj") {
            for item in flatten(interp, std::slice::from_ref(from))? {
                select.add_from(interp, &item)?;
            }
        }
        for (name, value) in &arguments.keyword {
            match name.as_str() {
                "distinct" => {
                    select.parts.distinct = !matches!(value, Value::Bool(false) | Value::None);
                }
                "limit" => select.parts.limit = Some(super::expression(interp, value)?),
                "offset" => select.parts.offset = Some(super::expression(interp, value)?),
                "order_by" => select.add_order(interp, std::slice::from_ref(value))?,
                "group_by" => {
                    for item in flatten(interp, std::slice::from_ref(value))? {
                        let expr = select.clause(interp, &item)?;
                        select.parts.group_by.push(expr);
                    }
                }
                _ => {}
            }
        }
        Ok(select)
    }

    /// A SELECT of these columns, tables and models.
    pub fn of_targets(interp: &mut Interp, targets: &[Value]) -> Eval<Self> {
        let mut select = Self {
            parts: Parts::default(),
        };
        for target in targets {
            select.add_target(interp, target)?;
        }
        Ok(select)
    }

    /// A SELECT that is a query already.
    pub fn of_query(query: Query) -> Self {
        Self {
            parts: Parts {
                body: Some(Box::new(query)),
                ..Parts::default()
            },
        }
    }

    fn add_target(&mut self, interp: &mut Interp, target: &Value) -> Eval<()> {
        if let Some(table) = orm::table_of(target) {
            self.add_table(interp, &table);
            return Ok(());
        }
        if let Some(subquery) = object::get::<Subquery>(target) {
            self.parts.targets.push(Target {
                value: Expr::Star {
                    qualifier: vec![subquery.name.clone()],
                },
                alias: None,
            });
            merge_sources(&mut self.parts.sources, vec![subquery.source()]);
            return Ok(());
        }
        // 1.4 takes plain text as a column
        if let Some(text) = target.as_str() {
            self.parts.targets.push(Target {
                value: super::convert::parse_text(text),
                alias: None,
            });
            return Ok(());
        }
        if let Value::Unknown(_) = target {
            self.parts.targets.push(unknown_target());
            return Ok(());
        }
        if let Value::Tuple(_) | Value::List(_) = target {
            for item in flatten(interp, std::slice::from_ref(target))? {
                self.add_target(interp, &item)?;
            }
            return Ok(());
        }
        let converted = convert(interp, target)?;
        merge_sources(&mut self.parts.sources, converted.sources);
        self.parts.targets.push(Target {
            value: converted.expr,
            alias: converted.label,
        });
        Ok(())
    }

    fn add_table(&mut self, interp: &mut Interp, table: &Value) {
        let _ = interp;
        let Some(table) = object::get::<Table>(table) else {
            return;
        };
        let data = table.data.borrow();
        if data.incomplete || data.columns.is_empty() {
            let qualifier = data.alias.clone().unwrap_or_else(|| data.name.name.clone());
            self.parts.targets.push(Target {
                value: Expr::Star {
                    qualifier: vec![qualifier],
                },
                alias: None,
            });
        } else {
            for column in &data.columns {
                if let Some(column) = object::get::<crate::alembic::schema::Column>(column) {
                    let converted = super::convert::of_column(&column.data.borrow());
                    self.parts.targets.push(Target {
                        value: converted.expr,
                        alias: None,
                    });
                }
            }
        }
        merge_sources(&mut self.parts.sources, vec![source_of_table(&data)]);
    }

    fn clause(&mut self, interp: &mut Interp, value: &Value) -> Eval<Expr> {
        if let Some(text) = value.as_str() {
            return Ok(super::convert::parse_text(text));
        }
        let converted = convert(interp, value)?;
        merge_sources(&mut self.parts.sources, converted.sources);
        Ok(converted.expr)
    }

    /// Adds a condition.
    pub fn add_filter(&mut self, interp: &mut Interp, value: &Value) -> Eval<()> {
        if value.is_none() {
            return Ok(());
        }
        let expr = self.clause(interp, value)?;
        self.parts.filter.push(expr);
        Ok(())
    }

    /// `filter_by(name=value)`: columns of the first table.
    pub fn add_filter_by(&mut self, interp: &mut Interp, arguments: &Arguments) -> Eval<()> {
        let qualifier = match self.parts.from.first().or(self
            .parts
            .sources
            .first()
            .map(|source| &source.item))
        {
            Some(FromItem::Table { name, alias, .. }) => {
                vec![alias.clone().unwrap_or_else(|| name.name.clone())]
            }
            _ => Vec::new(),
        };
        for (name, value) in &arguments.keyword {
            let of_model = match &self.parts.entity {
                Some(Value::Class(model)) => column_of_attribute(model, name),
                _ => None,
            };
            let column = Expr::Column {
                qualifier: qualifier.clone(),
                name: of_model.unwrap_or_else(|| name.clone()),
            };
            let right = super::expression(interp, value)?;
            let expr = if matches!(right, Expr::Value(Datum::Null)) {
                Expr::IsNull {
                    value: Box::new(column),
                    negated: false,
                }
            } else {
                super::operators::binary_expr("=", column, right)
            };
            self.parts.filter.push(expr);
        }
        Ok(())
    }

    fn add_order(&mut self, interp: &mut Interp, values: &[Value]) -> Eval<()> {
        for value in flatten(interp, values)? {
            if value.is_none() {
                continue;
            }
            let (expr, ordering) = match value.as_str() {
                Some(text) => (super::convert::parse_text(text), None),
                None => {
                    let converted = convert(interp, &value)?;
                    merge_sources(&mut self.parts.sources, converted.sources);
                    (converted.expr, converted.ordering)
                }
            };
            self.parts.order_by.push(OrderBy {
                value: expr,
                descending: ordering.is_some_and(|ordering| ordering.descending),
                nulls_first: ordering.and_then(|ordering| ordering.nulls_first),
            });
        }
        Ok(())
    }

    fn add_from(&mut self, interp: &mut Interp, value: &Value) -> Eval<()> {
        if let Some(source) = source_of(interp, value)? {
            for table in source.with {
                merge_sources(
                    &mut self.parts.sources,
                    vec![Source {
                        item: source.item.clone(),
                        with: vec![table],
                    }],
                );
            }
            if !self.parts.from.contains(&source.item) {
                self.parts.from.push(source.item);
            }
        }
        Ok(())
    }

    fn add_join(&mut self, interp: &mut Interp, arguments: &Arguments, kind: JoinKind) -> Eval<()> {
        let Some(target) = arguments.get(0, "target").cloned() else {
            return Ok(());
        };
        let Some(right) = source_of(interp, &target)? else {
            // a relationship attribute: which table it leads to is not modelled
            self.parts
                .filter
                .push(Expr::Unknown(SmolStr::new_static("join")));
            return Ok(());
        };
        let on = match arguments.get(1, "onclause").cloned() {
            Some(on) if !on.is_none() => {
                let converted = convert(interp, &on)?;
                merge_sources(&mut self.parts.sources, converted.sources);
                converted.expr
            }
            _ => Expr::Unknown(SmolStr::new_static("join condition")),
        };
        let kind = match arguments.named("isouter") {
            Some(Value::Bool(true)) => JoinKind::Left,
            _ => match arguments.named("full") {
                Some(Value::Bool(true)) => JoinKind::Full,
                _ => kind,
            },
        };
        if !right.with.is_empty() {
            self.parts.sources.push(right.clone());
        }
        let left = match self.parts.from.pop() {
            Some(left) => Some(left),
            None => self
                .parts
                .sources
                .iter()
                .map(|source| &source.item)
                .find(|item| **item != right.item)
                .cloned(),
        };
        self.parts.from.push(match left {
            Some(left) => FromItem::Join {
                kind,
                left: Box::new(left),
                right: Box::new(right.item),
                on: Some(on),
                using: Vec::new(),
                natural: false,
            },
            None => right.item,
        });
        Ok(())
    }

    /// The query that it is.
    pub fn query(&self) -> Query {
        substitute::bounded_query(self.whole())
    }

    fn whole(&self) -> Query {
        let parts = &self.parts;
        let (mut from, with) = (parts.from.clone(), common_tables(&parts.sources));
        let mut present = Vec::new();
        for item in &from {
            leaves(item, &mut present);
        }
        for source in &parts.sources {
            if !present.contains(&source.item) {
                present.push(source.item.clone());
                from.push(source.item.clone());
            }
        }
        // columns of what is not known come from tables that are not known: a condition's names may be theirs
        if from.is_empty() && !parts.filter.is_empty() && parts.targets.contains(&unknown_target())
        {
            from.push(FromItem::Table {
                name: Name::new(crate::alembic::arguments::hole()),
                alias: None,
                columns: Vec::new(),
            });
        }
        if let Some(body) = &parts.body {
            let mut query = (**body).clone();
            query.order_by.extend(parts.order_by.iter().cloned());
            query.limit = parts.limit.clone().or(query.limit);
            query.offset = parts.offset.clone().or(query.offset);
            query.with.extend(with);
            return query;
        }
        let mut select = Select {
            distinct: parts.distinct,
            distinct_on: parts.distinct_on.clone(),
            targets: parts.targets.clone(),
            from,
            filter: (!parts.filter.is_empty()).then(|| conjunction(parts.filter.clone())),
            group_by: parts.group_by.clone(),
            having: (!parts.having.is_empty()).then(|| conjunction(parts.having.clone())),
        };
        if let Some(filter) = &mut select.filter {
            substitute::correlate(filter, &present);
        }
        for target in &mut select.targets {
            substitute::correlate(&mut target.value, &present);
        }
        Query {
            with,
            body: QueryBody::Select(Box::new(select)),
            order_by: parts.order_by.clone(),
            limit: parts.limit.clone(),
            offset: parts.offset.clone(),
            into: None,
        }
    }
}

fn unknown_target() -> Target {
    Target {
        value: Expr::Unknown(SmolStr::new_static("columns")),
        alias: None,
    }
}

/// The CTEs of sources, each once.
pub fn common_tables(sources: &[Source]) -> Vec<CommonTable> {
    let mut with: Vec<CommonTable> = Vec::new();
    for source in sources {
        for table in &source.with {
            if !with.iter().any(|known| known.name == table.name) {
                with.push(table.clone());
            }
        }
    }
    with
}

fn leaves(item: &FromItem, into: &mut Vec<FromItem>) {
    if let FromItem::Join { left, right, .. } = item {
        leaves(left, into);
        leaves(right, into);
        return;
    }
    into.push(item.clone());
}

/// A table, alias, model, join, subquery or function as a member of FROM.
pub fn source_of(interp: &mut Interp, value: &Value) -> Eval<Option<Source>> {
    if let Some(table) = orm::table_of(value) {
        return Ok(object::get::<Table>(&table).map(|table| source_of_table(&table.data.borrow())));
    }
    if let Some(subquery) = object::get::<Subquery>(value) {
        return Ok(Some(subquery.source()));
    }
    if let Some(join) = object::get::<JoinObject>(value) {
        return Ok(Some(join.source.clone()));
    }
    if let Some(select) = object::get::<SelectObject>(value) {
        return Ok(Some(Source {
            item: FromItem::Query {
                query: Box::new(select.query()),
                alias: Some(SmolStr::new_static("anon_1")),
                columns: Vec::new(),
                lateral: false,
            },
            with: Vec::new(),
        }));
    }
    if let Some(clause) = object::get::<TextClause>(value) {
        return Ok(Some(Source {
            item: FromItem::Table {
                name: Name::new(clause.text()),
                alias: None,
                columns: Vec::new(),
            },
            with: Vec::new(),
        }));
    }
    if let Some(element) = object::get::<Element>(value)
        && let Expr::Call { .. } = element.expr
    {
        return Ok(Some(Source {
            item: FromItem::Function {
                call: element.expr.clone(),
                alias: None,
                columns: Vec::new(),
            },
            with: Vec::new(),
        }));
    }
    let _ = interp;
    Ok(None)
}

fn set(interp: &mut Interp, members: &[Value], operator: SetOperator, all: bool) -> Eval<Value> {
    let mut result: Option<Query> = None;
    for member in flatten(interp, members)? {
        let Some(right) = super::operators::query_of(interp, &member)? else {
            return Ok(interp.unknown(Reason::Unsupported, "union(...)"));
        };
        result = Some(match result {
            None => right,
            Some(left) => Query::from(QueryBody::Set {
                operator,
                all,
                left: Box::new(left),
                right: Box::new(right),
            }),
        });
    }
    Ok(match result {
        Some(query) => object::value(SelectObject::of_query(query)),
        None => interp.unknown(Reason::Unsupported, "union()"),
    })
}

/// Methods of a SELECT; ORM queries have them too.
pub const METHODS: &[&str] = &[
    "where",
    "filter",
    "filter_by",
    "join",
    "outerjoin",
    "join_from",
    "outerjoin_from",
    "select_from",
    "group_by",
    "having",
    "order_by",
    "limit",
    "offset",
    "fetch",
    "distinct",
    "alias",
    "subquery",
    "cte",
    "scalar_subquery",
    "as_scalar",
    "label",
    "exists",
    "union",
    "union_all",
    "intersect",
    "except_",
    "with_only_columns",
    "add_columns",
    "column",
    "columns",
    "correlate",
    "correlate_except",
    "with_for_update",
    "execution_options",
    "options",
    "prefix_with",
    "suffix_with",
    "with_hint",
    "params",
    "compile",
    "slice",
    "select",
    "lateral",
    "add_cte",
    "set_label_style",
    "apply_labels",
    "reduce_columns",
    "in_",
    "notin_",
];

impl SelectObject {
    /// A clause-adding method; `None`: not one of those.
    pub fn with_clause(
        &self,
        interp: &mut Interp,
        method: &str,
        arguments: &Arguments,
    ) -> Eval<Option<Self>> {
        let mut next = self.clone();
        match method {
            "where" | "filter" => {
                for condition in &arguments.positional {
                    next.add_filter(interp, condition)?;
                }
            }
            "filter_by" => next.add_filter_by(interp, arguments)?,
            "join" => next.add_join(interp, arguments, JoinKind::Inner)?,
            "outerjoin" => next.add_join(interp, arguments, JoinKind::Left)?,
            "join_from" | "outerjoin_from" => {
                let mut rest = arguments.clone();
                if !rest.positional.is_empty() {
                    let left = rest.positional.remove(0);
                    next.add_from(interp, &left)?;
                    let kind = if method == "join_from" {
                        JoinKind::Inner
                    } else {
                        JoinKind::Left
                    };
                    next.add_join(interp, &rest, kind)?;
                }
            }
            "select_from" => {
                for item in flatten(interp, &arguments.positional)? {
                    next.add_from(interp, &item)?;
                }
            }
            "group_by" => {
                for item in flatten(interp, &arguments.positional)? {
                    let expr = next.clause(interp, &item)?;
                    next.parts.group_by.push(expr);
                }
            }
            "having" => {
                for item in &arguments.positional {
                    let expr = next.clause(interp, item)?;
                    next.parts.having.push(expr);
                }
            }
            "order_by" => next.add_order(interp, &arguments.positional)?,
            "limit" | "offset" | "fetch" => {
                if let Some(count) = arguments.positional.first() {
                    let expr = (!count.is_none())
                        .then(|| super::expression(interp, count))
                        .transpose()?;
                    if method == "offset" {
                        next.parts.offset = expr;
                    } else {
                        next.parts.limit = expr;
                    }
                }
            }
            "distinct" => {
                next.parts.distinct = true;
                for item in flatten(interp, &arguments.positional)? {
                    let expr = next.clause(interp, &item)?;
                    next.parts.distinct_on.push(expr);
                }
            }
            "with_only_columns" => {
                next.parts.targets.clear();
                next.parts.entity = None;
                for target in flatten(interp, &arguments.positional)? {
                    next.add_target(interp, &target)?;
                }
            }
            "add_columns" | "column" | "add_column" | "add_entity" => {
                next.parts.entity = None;
                for target in flatten(interp, &arguments.positional)? {
                    next.add_target(interp, &target)?;
                }
            }
            "correlate" | "correlate_except" | "with_for_update" | "execution_options"
            | "options" | "prefix_with" | "suffix_with" | "with_hint" | "params"
            | "set_label_style" | "apply_labels" | "reduce_columns" | "add_cte" | "slice"
            | "yield_per" | "enable_eagerloads" | "populate_existing" | "autoflush" => {}
            _ => return Ok(None),
        }
        Ok(Some(next))
    }

    /// `subquery()`, `cte()`, `exists()`, `union()`...; `None`: not one of those.
    pub fn wrapped(
        &self,
        interp: &mut Interp,
        method: &str,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        let name = arguments
            .get(0, "name")
            .and_then(Value::as_str)
            .map(SmolStr::new);
        Ok(Some(match method {
            "alias" | "subquery" | "lateral" => object::value(Subquery {
                query: self.query(),
                name: name.unwrap_or_else(|| SmolStr::new_static("anon_1")),
                common: false,
            }),
            "cte" => object::value(Subquery {
                query: self.query(),
                name: name.unwrap_or_else(|| SmolStr::new_static("anon_1")),
                common: true,
            }),
            "scalar_subquery" | "as_scalar" => {
                Element::new(Expr::Subquery(Box::new(self.query()))).value()
            }
            "label" => Element {
                label: name,
                ..Element::new(Expr::Subquery(Box::new(self.query())))
            }
            .value(),
            "exists" => Element::new(Expr::Exists(Box::new(self.query()))).value(),
            "union" | "union_all" | "intersect" | "except_" => {
                let operator = match method {
                    "intersect" => SetOperator::Intersect,
                    "except_" => SetOperator::Except,
                    _ => SetOperator::Union,
                };
                let mut members = vec![object::value(self.clone())];
                members.extend(arguments.positional.iter().cloned());
                set(interp, &members, operator, method == "union_all")?
            }
            "in_" | "notin_" => {
                let element = Element::new(Expr::Subquery(Box::new(self.query()))).value();
                super::operators::method(interp, &element, method, arguments)?
            }
            _ => return Ok(None),
        }))
    }
}

impl Object for SelectObject {
    fn type_name(&self) -> &'static str {
        "Select"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let _ = interp;
        Ok(match name {
            "c" | "selected_columns" | "exported_columns" => Some(object::value(SubqueryColumns {
                qualifier: None,
                names: output_names(&self.query()),
                source: None,
            })),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if let Some(next) = self.with_clause(interp, method, &arguments)? {
            return Ok(object::value(next));
        }
        if let Some(wrapped) = self.wrapped(interp, method, &arguments)? {
            return Ok(wrapped);
        }
        Ok(interp.unknown(Reason::Unsupported, &format!("select.{method}()")))
    }
}

/// Names of a query's output columns, as far as they are written.
pub fn output_names(query: &Query) -> Vec<SmolStr> {
    match &query.body {
        QueryBody::Select(select) => select
            .targets
            .iter()
            .filter_map(|target| {
                target
                    .alias
                    .clone()
                    .or_else(|| Element::new(target.value.clone()).name())
            })
            .collect(),
        QueryBody::Set { left, .. } => output_names(left),
        QueryBody::Values(_) => Vec::new(),
    }
}
