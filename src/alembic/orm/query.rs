//! `session.query(...)`: a SELECT with the ORM's way of reading it.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::session::OrmSession;
use super::{columns_of, mapper, model, table_of};
use crate::alembic::connection;
use crate::alembic::core::dml::{Change, Kind};
use crate::alembic::core::operators::binary_expr;
use crate::alembic::core::select::{METHODS, SelectObject};
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::result::{self, ResultObject, Rows, Shape};
use crate::alembic::schema::Column;
use crate::postgres::expression::{QueryBody, Target};
use crate::postgres::{Expr, Parameters, Statement};
use crate::python::{Arguments, Class, Eval, HostRef, Instance, Value};
use crate::trace::Origin;
use crate::unknown::{Reason, Unknown};

/// A query of a session.
#[derive(Clone, Debug)]
pub struct OrmQuery {
    session: Value,
    entities: Vec<Value>,
    /// The SELECT that it is.
    pub select: SelectObject,
}

const OWN: &[&str] = &[
    "all",
    "first",
    "one",
    "one_or_none",
    "scalar",
    "count",
    "get",
    "update",
    "delete",
    "with_entities",
    "add_entity",
    "add_column",
    "yield_per",
    "enable_eagerloads",
    "populate_existing",
    "autoflush",
    // Query has these as SELECT has them
    "where",
    "filter",
    "filter_by",
    "join",
    "outerjoin",
    "select_from",
    "group_by",
    "having",
    "order_by",
    "limit",
    "offset",
    "distinct",
    "subquery",
    "cte",
    "scalar_subquery",
    "as_scalar",
    "label",
    "exists",
    "union",
    "union_all",
    "add_columns",
    "correlate",
    "with_for_update",
    "execution_options",
    "options",
    "params",
    "slice",
    "in_",
    "notin_",
    "with_only_columns",
    "column",
    "prefix_with",
    "with_hint",
    "alias",
    "intersect",
    "except_",
    "apply_labels",
];

impl OrmQuery {
    /// A query of models and columns.
    pub fn new(interp: &mut Interp, session: Value, entities: &[Value]) -> Eval<Self> {
        let mut select = SelectObject::of_targets(interp, entities)?;
        if let [entity @ Value::Class(_)] = entities {
            select.parts.entity = table_of(entity).map(|_| entity.clone());
        }
        Ok(Self {
            session,
            entities: entities.to_vec(),
            select,
        })
    }

    /// A query of the model that a SELECT is of, if it is of one alone.
    pub fn of_select(session: Value, select: &SelectObject) -> Option<Self> {
        let entity = select.parts.entity.clone()?;
        select.parts.body.is_none().then(|| Self {
            session,
            entities: vec![entity],
            select: select.clone(),
        })
    }

    fn flush(&self, interp: &mut Interp) -> Eval<()> {
        match object::get::<OrmSession>(&self.session) {
            Some(session) => session.flush(interp),
            None => Ok(()),
        }
    }

    fn run(&self, interp: &mut Interp) -> Eval<ResultObject> {
        self.flush(interp)?;
        let statement = Statement::Query(Box::new(self.select.query()));
        connection::run(interp, Origin::Orm, vec![statement], Parameters::default())
    }

    /// The result as the ORM gives it: objects for a single model, values stay rows for columns.
    fn result(&self, interp: &mut Interp) -> Eval<ResultObject> {
        let result = self.run(interp)?;
        let [entity @ (Value::Class(_) | Value::Unknown(_))] = self.entities.as_slice() else {
            return Ok(result);
        };
        let (Value::Class(class), Some(table)) = (entity, table_of(entity)) else {
            // objects, of which not even the attributes are known
            let unknown = Unknown::new(Reason::Data, "rows of a model that can't be read");
            return Ok(result::of_rows(
                Vec::new(),
                Rows::Unknown(unknown),
                Shape::Scalars,
            ));
        };
        let keys: Vec<SmolStr> = columns_of(&table).into_iter().map(|(key, _)| key).collect();
        let rows = match result.take(interp, None)? {
            Ok(rows) => rows,
            // objects that nothing tells apart: one stands for them, so that what is done to each is seen
            Err(unknown) => {
                let values: Vec<Value> = keys
                    .iter()
                    .map(|key| Value::unknown(unknown.then(&format!("[...].{key}"))))
                    .collect();
                let some = result.has_some();
                let doubt = (!some).then_some(&unknown);
                let row = vec![self.object(class, &keys, &values, doubt)];
                let why = unknown;
                let rows = Rows::Like { row, some, why };
                return Ok(result::of_rows(Vec::new(), rows, Shape::Scalars));
            }
        };
        let objects = rows
            .iter()
            .filter_map(object::get::<result::Row>)
            .map(|row| vec![self.object(class, &keys, &row.values, None)])
            .collect();
        let rows = Rows::Known(objects);
        Ok(result::of_rows(Vec::new(), rows, Shape::Scalars))
    }

    /// An object of a row, which the session knows from now on; with why there may be no such row.
    fn object(
        &self,
        class: &Rc<Class>,
        keys: &[SmolStr],
        values: &[Value],
        doubt: Option<&Unknown>,
    ) -> Value {
        let instance = Rc::new(Instance {
            class: class.clone(),
            attributes: RefCell::default(),
        });
        for (key, value) in keys.iter().zip(values) {
            let name = model::attribute_of(class, key);
            instance.attributes.borrow_mut().insert(name, value.clone());
        }
        if let Some(session) = object::get::<OrmSession>(&self.session) {
            session.remember(&instance, doubt);
        }
        Value::Instance(instance)
    }

    /// The result as `Session.execute` gives it: rows, each of one object.
    pub fn rows(&self, interp: &mut Interp) -> Eval<ResultObject> {
        let name = match self.entities.first() {
            Some(Value::Class(class)) => SmolStr::new(&class.name),
            _ => SmolStr::default(),
        };
        Ok(self.result(interp)?.in_rows(name))
    }

    /// The object of a key.
    pub fn get(&self, interp: &mut Interp, key: &Value) -> Eval<Value> {
        let Some(table) = self.entities.first().and_then(table_of) else {
            return Ok(interp.unknown(Reason::Unsupported, "query.get(...)"));
        };
        let keys: Vec<Value> = match key {
            Value::Tuple(keys) => keys.to_vec(),
            other => vec![other.clone()],
        };
        let columns: Vec<Value> = columns_of(&table)
            .into_iter()
            .filter(|(_, column)| {
                object::get::<Column>(column).is_some_and(|column| column.data.borrow().primary_key)
            })
            .map(|(_, column)| column)
            .collect();
        let mut query = self.clone();
        for (column, key) in columns.iter().zip(&keys) {
            let left = crate::alembic::core::expression(interp, column)?;
            let right = crate::alembic::core::expression(interp, key)?;
            query
                .select
                .parts
                .filter
                .push(binary_expr("=", left, right));
        }
        let result = object::value(query.result(interp)?);
        let method = interp.attribute(&result, "first")?;
        interp.call(&method, Arguments::default())
    }

    fn count(&self, interp: &mut Interp) -> Eval<Value> {
        self.flush(interp)?;
        let mut query = self.select.query();
        let is_plain = query.limit.is_none() && query.offset.is_none();
        if let QueryBody::Select(select) = &mut query.body
            && is_plain
            && !select.distinct
            && select.group_by.is_empty()
        {
            query.order_by.clear();
            select.targets = vec![Target {
                value: count_star(),
                alias: None,
            }];
        } else {
            let inner = query;
            query = connection::select_of(count_star());
            if let QueryBody::Select(select) = &mut query.body {
                select
                    .from
                    .push(crate::postgres::expression::FromItem::Query {
                        query: Box::new(inner),
                        alias: Some(SmolStr::new_static("anon_1")),
                        columns: Vec::new(),
                        lateral: false,
                    });
            }
        }
        let statement = Statement::Query(Box::new(query));
        let result = connection::run(interp, Origin::Orm, vec![statement], Parameters::default())?;
        let result = object::value(result);
        let method = interp.attribute(&result, "scalar")?;
        interp.call(&method, Arguments::default())
    }

    fn change(&self, interp: &mut Interp, kind: Kind, values: Option<&Value>) -> Eval<Value> {
        self.flush(interp)?;
        let Some(table) = self.entities.first().and_then(table_of) else {
            let unreadable = Statement::Unreadable {
                why: "a query of a model that can't be read".into(),
                data: true,
            };
            let result =
                connection::run(interp, Origin::Orm, vec![unreadable], Parameters::default())?;
            return Ok(result.row_count());
        };
        let mut change = Change::new(kind, table);
        if let Some(model) = self.entities.first() {
            change = change.of_model(model);
            change.restrict(mapper::criterion(model).into_iter().collect(), Vec::new());
        }
        change.restrict(self.select.parts.filter.clone(), Vec::new());
        let sources = self.select.parts.sources.clone();
        change.restrict(Vec::new(), sources);
        if let Some(values) = values {
            change.add_values(interp, values)?;
        }
        let statement = change.statement(interp, &[])?;
        let result = connection::run(interp, Origin::Orm, vec![statement], Parameters::default())?;
        Ok(result.row_count())
    }
}

fn count_star() -> Expr {
    Expr::Call {
        name: Box::new(crate::postgres::Name::new("count")),
        arguments: Vec::new(),
        star: true,
        distinct: false,
        filter: None,
        window: false,
    }
}

impl Object for OrmQuery {
    fn type_name(&self) -> &'static str {
        "Query"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        OWN
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "statement" | "selectable" => Some(object::value(self.select.clone())),
            "session" => Some(self.session.clone()),
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
        match method {
            "all" | "first" | "one" | "one_or_none" | "scalar" => {
                let result = object::value(self.result(interp)?);
                let method = interp.attribute(&result, method)?;
                return interp.call(&method, Arguments::default());
            }
            "count" => return self.count(interp),
            "get" => {
                let key = arguments.get(0, "ident").cloned().unwrap_or(Value::None);
                return self.get(interp, &key);
            }
            "update" => return self.change(interp, Kind::Update, arguments.get(0, "values")),
            "delete" => return self.change(interp, Kind::Delete, None),
            "with_entities" => {
                let mut next = self.clone();
                next.entities.clone_from(&arguments.positional);
                if let Some(select) =
                    next.select
                        .with_clause(interp, "with_only_columns", &arguments)?
                {
                    next.select = select;
                }
                return Ok(object::value(next));
            }
            _ => {}
        }
        if let Some(select) = self.select.with_clause(interp, method, &arguments)? {
            let mut next = Self {
                select,
                ..self.clone()
            };
            if matches!(method, "add_columns" | "add_column" | "add_entity") {
                next.entities.extend(arguments.positional.iter().cloned());
            }
            return Ok(object::value(next));
        }
        if METHODS.contains(&method)
            && let Some(wrapped) = self.select.wrapped(interp, method, &arguments)?
        {
            return Ok(wrapped);
        }
        Ok(interp.unknown(Reason::Unsupported, &format!("query.{method}()")))
    }
    fn iterate(&self, interp: &mut Interp, _: &HostRef) -> Eval<Value> {
        self.result(interp)?.list(interp, None)
    }
}
