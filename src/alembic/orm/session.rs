//! ORM sessions: objects added are inserted at the next flush, objects loaded and changed are updated.
//!
//! A session on Alembic's connection joins its transaction: `commit` flushes and does not commit it, `rollback` rolls it
//! back whole (SQLAlchemy's `join_transaction_mode` is `rollback_only` where no savepoint is open).

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::query::OrmQuery;
use super::{columns_of, mapper, model, relationships, state, table_of};
use crate::alembic::connection;
use crate::alembic::core::convert::has_null;
use crate::alembic::core::dml::{Change, Kind};
use crate::alembic::core::operators::binary_expr;
use crate::alembic::core::select::SelectObject;
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::schema::Column;
use crate::postgres::{Datum, Expr, Parameters, Statement};
use crate::python::{Arguments, Eval, HostRef, Instance, Raise, Value};
use crate::trace::{BoundaryKind, Origin};
use crate::unknown::{Reason, Unknown};

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "Session" => function("Session", |_, arguments| Ok(of_call(&arguments))),
        "sessionmaker" => function("sessionmaker", |_, arguments| Ok(factory(&arguments))),
        "scoped_session" => function("scoped_session", |interp, arguments| {
            match arguments.positional.first().cloned() {
                Some(maker) => interp.call(&maker, Arguments::default()),
                None => Ok(interp.unknown(Reason::Unsupported, "scoped_session()")),
            }
        }),
        _ => return None,
    })
}

fn of_call(arguments: &Arguments) -> Value {
    let bind = arguments.get(0, "bind").cloned().unwrap_or(Value::None);
    of_bind(bind)
}

/// A session on an engine.
pub(super) fn of_bind(bind: Value) -> Value {
    object::value(OrmSession::new(bind))
}

fn factory(arguments: &Arguments) -> Value {
    object::value(SessionMaker {
        bind: RefCell::new(arguments.get(0, "bind").cloned().unwrap_or(Value::None)),
    })
}

/// `sessionmaker(...)`.
#[derive(Debug)]
struct SessionMaker {
    bind: RefCell<Value>,
}

impl Object for SessionMaker {
    fn type_name(&self) -> &'static str {
        "sessionmaker"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["configure", "begin"]
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let bind = arguments
            .named("bind")
            .cloned()
            .unwrap_or_else(|| self.bind.borrow().clone());
        Ok(object::value(OrmSession::new(bind)))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if method == "begin" {
            let session = self.call(interp, this, Arguments::default())?;
            return Ok(object::value(Block {
                session,
                savepoint: RefCell::new(None),
            }));
        }
        if let Some(bind) = arguments.named("bind") {
            *self.bind.borrow_mut() = bind.clone();
        }
        Ok(Value::None)
    }
}

/// Values by column key.
type Row = Vec<(SmolStr, Value)>;

/// An object that a query loaded, with its values by then.
#[derive(Debug)]
struct Loaded {
    instance: Rc<Instance>,
    values: Vec<(SmolStr, Value)>,
    /// Why there may be no such object.
    doubt: Option<Unknown>,
}

/// An object that waits for the next flush.
#[derive(Debug)]
struct Waiting {
    instance: Rc<Instance>,
    /// Why it may not have been given to the session at all.
    doubt: Option<Unknown>,
}

/// An ORM session.
#[derive(Debug)]
pub struct OrmSession {
    bind: Value,
    new: RefCell<Vec<Waiting>>,
    loaded: RefCell<Vec<Loaded>>,
    deleted: RefCell<Vec<Waiting>>,
}

impl OrmSession {
    fn new(bind: Value) -> Self {
        Self {
            bind,
            new: RefCell::default(),
            loaded: RefCell::default(),
            deleted: RefCell::default(),
        }
    }

    /// Remembers an object that was loaded, to see whether it changes.
    pub fn remember(&self, instance: &Rc<Instance>, doubt: Option<&Unknown>) {
        let values = attribute_values(instance);
        self.loaded.borrow_mut().push(Loaded {
            instance: instance.clone(),
            values,
            doubt: doubt.cloned(),
        });
    }

    fn add(&self, value: &Value, doubt: Option<&Unknown>) {
        let Value::Instance(instance) = value else {
            return;
        };
        for instance in relationships::with_held(instance) {
            self.add_alone(&instance, doubt);
        }
    }

    fn add_alone(&self, instance: &Rc<Instance>, doubt: Option<&Unknown>) {
        let is_known = self
            .new
            .borrow()
            .iter()
            .any(|known| Rc::ptr_eq(&known.instance, instance))
            || self
                .loaded
                .borrow()
                .iter()
                .any(|known| Rc::ptr_eq(&known.instance, instance));
        if !is_known {
            self.new.borrow_mut().push(Waiting {
                instance: instance.clone(),
                doubt: doubt.cloned(),
            });
        }
    }

    /// Sends what the session's objects need.
    pub fn flush(&self, interp: &mut Interp) -> Eval<()> {
        let new: Vec<Waiting> = self.new.borrow_mut().drain(..).collect();
        let all: Vec<Rc<Instance>> = new.iter().map(|one| one.instance.clone()).collect();
        let links = relationships::Links::of(&all);
        let mut batch: Vec<Rc<Instance>> = Vec::new();
        let mut doubt = None;
        for waiting in new {
            let parents = links.parents(&waiting.instance);
            let waits = |one: &Rc<Instance>| parents.iter().any(|parent| Rc::ptr_eq(parent, one));
            if !parents.is_empty() && batch.iter().any(waits) {
                let instances = std::mem::take(&mut batch);
                self.insert(interp, &instances, doubt.as_ref())?;
            }
            relationships::fill_keys(interp, &waiting.instance, &links);
            mapper::settle(&waiting.instance);
            // objects of one model with the same attributes set go in one statement
            if batch
                .last()
                .is_some_and(|last| !is_alike(last, &waiting.instance))
            {
                let instances = std::mem::take(&mut batch);
                self.insert(interp, &instances, doubt.as_ref())?;
            }
            if batch.is_empty() {
                doubt = waiting.doubt;
            }
            batch.push(waiting.instance);
        }
        self.insert(interp, &batch, doubt.as_ref())?;
        self.update_changed(interp)?;
        let deleted: Vec<Waiting> = self.deleted.borrow_mut().drain(..).collect();
        for Waiting { instance, doubt } in deleted {
            interp.in_doubt(doubt.as_ref(), |interp| delete(interp, &instance))?;
        }
        Ok(())
    }

    fn insert(
        &self,
        interp: &mut Interp,
        instances: &[Rc<Instance>],
        doubt: Option<&Unknown>,
    ) -> Eval<()> {
        let Some(first) = instances.first() else {
            return Ok(());
        };
        let Some(table) = table_of(&Value::Instance(first.clone())) else {
            return Ok(());
        };
        let rows: Vec<Vec<(SmolStr, Value)>> = instances.iter().map(row_values).collect();
        let change = Change::new(Kind::Insert, table);
        let statement = change.statement(interp, &rows)?;
        interp.in_doubt(doubt, |interp| {
            connection::run(interp, Origin::Orm, vec![statement], Parameters::default())
        })?;
        for instance in instances {
            fill_in(interp, instance);
            self.remember(instance, doubt);
        }
        Ok(())
    }

    fn update_changed(&self, interp: &mut Interp) -> Eval<()> {
        let changed: Vec<(Rc<Instance>, Option<Unknown>, Row)> = self
            .loaded
            .borrow_mut()
            .iter_mut()
            .filter_map(|loaded| {
                let now = attribute_values(&loaded.instance);
                let changes: Vec<(SmolStr, Value)> =
                    now.iter()
                        .filter(|(name, value)| {
                            !loaded.values.iter().any(|(known, before)| {
                                known == name && is_same(interp, before, value)
                            })
                        })
                        .cloned()
                        .collect();
                loaded.values = now;
                (!changes.is_empty())
                    .then(|| (loaded.instance.clone(), loaded.doubt.clone(), changes))
            })
            .collect();
        for (instance, doubt, changes) in changed {
            let Some((table, key)) = identity(interp, &instance)? else {
                continue;
            };
            let mut change = Change::new(Kind::Update, table);
            change.restrict(key, Vec::new());
            let statement = change.statement(interp, &[changes])?;
            interp.in_doubt(doubt.as_ref(), |interp| {
                connection::run(interp, Origin::Orm, vec![statement], Parameters::default())
            })?;
        }
        Ok(())
    }

    fn execute(&self, interp: &mut Interp, this: &HostRef, arguments: &Arguments) -> Eval<Value> {
        let Some(statement) = arguments.get(0, "statement").cloned() else {
            return Err(interp.error(
                "TypeError",
                "missing 1 required positional argument: 'statement'",
            ));
        };
        if let Some(select) = object::get::<SelectObject>(&statement) {
            self.flush(interp)?;
            if let Some(query) = OrmQuery::of_select(Value::Host(this.clone()), select) {
                return Ok(object::value(query.rows(interp)?));
            }
        }
        // 1.4's Session.execute makes a text of a plain string
        let statement = match &statement {
            Value::Str(text) if interp.host.settings.sqlalchemy.0 < 2 => {
                object::value(crate::alembic::text::TextClause::new(text.clone()))
            }
            _ => statement,
        };
        let parameters = connection::multiple(arguments);
        connection::execute(interp, &statement, parameters.as_ref(), Origin::Construct)
    }

    /// `session.merge(instance)`: the row of its key takes its attributes, or it becomes a new one.
    fn merge(&self, interp: &mut Interp, this: &HostRef, given: &Value) -> Eval<Value> {
        let (Value::Instance(instance), Some(table)) = (given, table_of(given)) else {
            return Ok(given.clone());
        };
        // what waits is sent first, so that what it looks for is found
        self.flush(interp)?;
        let class = Value::Class(instance.class.clone());
        let key: Option<Vec<Value>> = key_columns(&table)
            .iter()
            .map(|key| {
                let name = model::attribute_of(&instance.class, key);
                let value = instance.attributes.borrow().get(&name).cloned();
                value.filter(|value| !value.is_none())
            })
            .collect();
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            self.add(given, interp.conditional());
            return Ok(given.clone());
        };
        let query = OrmQuery::new(interp, Value::Host(this.clone()), &[class])?;
        let found = query.get(interp, &Value::tuple(key))?;
        if let Value::Instance(known) = &found {
            let mut values = instance.attributes.borrow().clone();
            values.retain(|name, _| name != state::STATE && state::is_set(instance, name));
            known.attributes.borrow_mut().extend(values);
            return Ok(found);
        }
        // whether there is such a row decides between an INSERT and an UPDATE
        let doubt = match &found {
            Value::Unknown(unknown) => Some(&**unknown),
            _ => interp.conditional(),
        };
        self.add(given, doubt);
        Ok(given.clone())
    }

    fn then(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        arguments: &Arguments,
        method: &str,
    ) -> Eval<Value> {
        let result = self.execute(interp, this, arguments)?;
        let method = interp.attribute(&result, method)?;
        interp.call(&method, Arguments::default())
    }

    fn bulk_mappings(interp: &mut Interp, arguments: &Arguments, method: &str) -> Eval<Value> {
        let model = arguments.get(0, "mapper").cloned().unwrap_or(Value::None);
        let rows = arguments.get(1, "mappings").cloned().unwrap_or(Value::None);
        let Some(table) = table_of(&model) else {
            return Ok(interp.unknown(Reason::Unsupported, method));
        };
        let doubt = interp.may_be_empty(&rows).cloned();
        if method == "bulk_insert_mappings" {
            if matches!(&rows, Value::List(rows) if rows.borrow().is_empty()) {
                return Ok(Value::None);
            }
            let statement = crate::alembic::core::dml::insert_rows(interp, &model, &rows)?;
            interp.in_doubt(doubt.as_ref(), |interp| {
                connection::run(interp, Origin::Orm, vec![statement], Parameters::default())
            })?;
            return Ok(Value::None);
        }
        let Ok(rows) = interp.items(&rows)? else {
            let call = Statement::Unreadable {
                why: "rows of an UPDATE that can't be known".into(),
                data: true,
            };
            connection::run(interp, Origin::Orm, vec![call], Parameters::default())?;
            return Ok(Value::None);
        };
        let mut statements = Vec::new();
        for row in rows {
            let Some(row) = crate::alembic::core::dml::row_of(interp, &row) else {
                continue;
            };
            let keys = key_columns(&table);
            let (key, values): (Vec<_>, Vec<_>) =
                row.into_iter().partition(|(name, _)| keys.contains(name));
            let mut change = Change::new(Kind::Update, table.clone()).of_model(&model);
            let mut filter = Vec::new();
            for (name, value) in key {
                let value = crate::alembic::core::expression(interp, &value)?;
                filter.push(binary_expr("=", Expr::column(&name), value));
            }
            change.restrict(filter, Vec::new());
            statements.push(change.statement(interp, &[values])?);
        }
        if !statements.is_empty() {
            interp.in_doubt(doubt.as_ref(), |interp| {
                connection::run(interp, Origin::Orm, statements, Parameters::default())
            })?;
        }
        Ok(Value::None)
    }

    fn rollback(&self, interp: &mut Interp) {
        self.new.borrow_mut().clear();
        self.loaded.borrow_mut().clear();
        self.deleted.borrow_mut().clear();
        interp.host.session.rollback();
        interp.host.session.begin();
    }
}

fn delete(interp: &mut Interp, instance: &Rc<Instance>) -> Eval<()> {
    let Some((table, key)) = identity(interp, instance)? else {
        return Ok(());
    };
    let mut change = Change::new(Kind::Delete, table);
    change.restrict(key, Vec::new());
    let statement = change.statement(interp, &[])?;
    connection::run(interp, Origin::Orm, vec![statement], Parameters::default())?;
    Ok(())
}

fn is_alike(left: &Rc<Instance>, right: &Rc<Instance>) -> bool {
    let names = |instance: &Rc<Instance>| -> Vec<SmolStr> {
        row_values(instance)
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    };
    Rc::ptr_eq(&left.class, &right.class) && names(left) == names(right)
}

fn is_same(interp: &mut Interp, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Unknown(left), Value::Unknown(right)) => Rc::ptr_eq(left, right),
        (Value::Fresh(left), Value::Fresh(right)) => left == right,
        // the same text, whatever its holes hide
        (Value::Str(left), Value::Str(right)) if left.text == right.text => true,
        _ => interp.equal(left, right) == Some(true),
    }
}

/// The values of an object's column attributes, by column key.
fn attribute_values(instance: &Rc<Instance>) -> Vec<(SmolStr, Value)> {
    let Some(table) = table_of(&Value::Class(instance.class.clone())) else {
        return Vec::new();
    };
    let attributes = instance.attributes.borrow();
    columns_of(&table)
        .into_iter()
        .filter_map(|(key, _)| {
            let name = model::attribute_of(&instance.class, &key);
            attributes.get(&name).map(|value| (key, value.clone()))
        })
        .collect()
}

/// The values that an INSERT of the object gives: an attribute that was never set is left to its default, and so is None but where
/// it is JSON's null.
fn row_values(instance: &Rc<Instance>) -> Vec<(SmolStr, Value)> {
    let columns = table_of(&Value::Class(instance.class.clone())).map(|table| columns_of(&table));
    let is_json = |key: &SmolStr| {
        let mut columns = columns.iter().flatten();
        let is_set = || state::is_set(instance, &model::attribute_of(&instance.class, key));
        columns.any(|(known, column)| known == key && has_null(column)) && is_set()
    };
    attribute_values(instance)
        .into_iter()
        .filter(|(key, value)| !value.is_none() || is_json(key))
        .collect()
}

/// What the server and the defaults filled in is not known to Python.
fn fill_in(interp: &mut Interp, instance: &Rc<Instance>) {
    let Some(table) = table_of(&Value::Class(instance.class.clone())) else {
        return;
    };
    for (key, column) in columns_of(&table) {
        let Some(column) = object::get::<Column>(&column) else {
            continue;
        };
        let data = column.data.borrow();
        if !data.primary_key && data.server_default.is_none() && data.default.is_none() {
            continue;
        }
        let name = model::attribute_of(&instance.class, &key);
        let is_unset = instance
            .attributes
            .borrow()
            .get(&name)
            .is_none_or(Value::is_none);
        if is_unset {
            let value = interp.unknown(Reason::Data, &key);
            instance.attributes.borrow_mut().insert(name, value);
        }
    }
}

fn key_columns(table: &Value) -> Vec<SmolStr> {
    columns_of(table)
        .into_iter()
        .filter(|(_, column)| {
            object::get::<Column>(column).is_some_and(|column| column.data.borrow().primary_key)
        })
        .map(|(key, _)| key)
        .collect()
}

/// The table of an object and the condition that its key makes.
fn identity(interp: &mut Interp, instance: &Rc<Instance>) -> Eval<Option<(Value, Vec<Expr>)>> {
    let Some(table) = table_of(&Value::Instance(instance.clone())) else {
        return Ok(None);
    };
    let mut filter = Vec::new();
    for key in key_columns(&table) {
        let name = model::attribute_of(&instance.class, &key);
        let value = instance.attributes.borrow().get(&name).cloned();
        let value = match value {
            Some(value) => crate::alembic::core::expression(interp, &value)?,
            None => Expr::Value(Datum::Unknown),
        };
        filter.push(binary_expr("=", Expr::column(&key), value));
    }
    Ok(Some((table, filter)))
}

impl Object for OrmSession {
    fn type_name(&self) -> &'static str {
        "Session"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "add",
            "add_all",
            "bulk_save_objects",
            "bulk_insert_mappings",
            "bulk_update_mappings",
            "merge",
            "delete",
            "flush",
            "commit",
            "rollback",
            "close",
            "execute",
            "exec",
            "scalar",
            "scalars",
            "query",
            "get",
            "begin",
            "begin_nested",
            "refresh",
            "expunge",
            "expunge_all",
            "expire",
            "expire_all",
            "connection",
            "get_bind",
            "remove",
            "in_transaction",
            "__call__",
        ]
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "bind" => Some(match &self.bind {
                Value::None => connection::bind(interp),
                bind => bind.clone(),
            }),
            "no_autoflush" => Some(object::value(Block {
                session: Value::Host(this.clone()),
                savepoint: RefCell::new(None),
            })),
            "is_active" => Some(Value::Bool(true)),
            "dirty" | "new" | "deleted" => Some(interp.unknown(Reason::Unsupported, name)),
            _ => None,
        })
    }
    fn call(&self, _: &mut Interp, this: &HostRef, _: Arguments) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let first = arguments.positional.first().cloned().unwrap_or(Value::None);
        match method {
            "add" => self.add(&first, interp.conditional()),
            "add_all" | "bulk_save_objects" => {
                if let Ok(items) = interp.items(&first)? {
                    let doubt = interp.may_be_empty(&first).or(interp.conditional());
                    for item in &items {
                        self.add(item, doubt);
                    }
                }
                if method == "bulk_save_objects" {
                    self.flush(interp)?;
                }
            }
            "bulk_insert_mappings" | "bulk_update_mappings" => {
                return Self::bulk_mappings(interp, &arguments, method);
            }
            "merge" => return self.merge(interp, this, &first),
            "delete" => {
                if let Value::Unknown(unknown) = &first {
                    let why = format!(
                        "it deletes an object that can't be known ({})",
                        unknown.what
                    );
                    let why = Statement::Unreadable {
                        why: why.into(),
                        data: true,
                    };
                    connection::run(interp, Origin::Orm, vec![why], Parameters::default())?;
                }
                if let Value::Instance(instance) = &first {
                    self.new
                        .borrow_mut()
                        .retain(|known| !Rc::ptr_eq(&known.instance, instance));
                    self.deleted.borrow_mut().push(Waiting {
                        instance: instance.clone(),
                        doubt: interp.conditional().cloned(),
                    });
                }
            }
            "flush" | "commit" => self.flush(interp)?,
            "rollback" => {
                if connection::is_bind(&self.bind) == Some(false) {
                    connection::note_end(interp, BoundaryKind::Rollback);
                }
                self.rollback(interp);
            }
            "close" | "expunge_all" | "remove" => {
                self.new.borrow_mut().clear();
                self.loaded.borrow_mut().clear();
                self.deleted.borrow_mut().clear();
            }
            "execute" => return self.execute(interp, this, &arguments),
            "scalar" | "scalars" => return self.then(interp, this, &arguments, method),
            "exec" => return self.then(interp, this, &arguments, "scalars"),
            "query" => {
                return Ok(object::value(OrmQuery::new(
                    interp,
                    Value::Host(this.clone()),
                    &arguments.positional,
                )?));
            }
            "get" => {
                self.flush(interp)?;
                let query = OrmQuery::new(
                    interp,
                    Value::Host(this.clone()),
                    std::slice::from_ref(&first),
                )?;
                let key = arguments.get(1, "ident").cloned().unwrap_or(Value::None);
                return query.get(interp, &key);
            }
            "begin" => {
                return Ok(object::value(Block {
                    session: Value::Host(this.clone()),
                    savepoint: RefCell::new(None),
                }));
            }
            "begin_nested" => {
                self.flush(interp)?;
                let savepoint = connection::begin_nested(interp);
                return Ok(object::value(Block {
                    session: Value::Host(this.clone()),
                    savepoint: RefCell::new(Some(savepoint)),
                }));
            }
            "connection" | "get_bind" => return Ok(connection::bind(interp)),
            "in_transaction" => return Ok(Value::Bool(true)),
            "__call__" => return Ok(Value::Host(this.clone())),
            _ => {}
        }
        Ok(Value::None)
    }
    fn exit(&self, interp: &mut Interp, this: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        // closing drops what was not flushed
        self.invoke(interp, this, "close", Arguments::default())?;
        Ok(false)
    }
}

/// `with session.begin()`, `with session.begin_nested()`, `with session.no_autoflush`.
#[derive(Debug)]
struct Block {
    session: Value,
    savepoint: RefCell<Option<Value>>,
}

impl Block {
    fn end(&self, interp: &mut Interp, keep: bool) -> Eval<()> {
        if keep && let Some(session) = object::get::<OrmSession>(&self.session) {
            session.flush(interp)?;
        }
        match self.savepoint.take() {
            Some(savepoint) => {
                let method =
                    interp.attribute(&savepoint, if keep { "commit" } else { "rollback" })?;
                interp.call(&method, Arguments::default())?;
            }
            None if !keep => {
                if let Some(session) = object::get::<OrmSession>(&self.session) {
                    session.rollback(interp);
                }
            }
            None => {}
        }
        Ok(())
    }
}

impl Object for Block {
    fn type_name(&self) -> &'static str {
        "SessionTransaction"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["commit", "rollback", "close"]
    }
    fn invoke(&self, interp: &mut Interp, _: &HostRef, method: &str, _: Arguments) -> Eval<Value> {
        match method {
            "commit" => self.end(interp, true)?,
            "rollback" => self.end(interp, false)?,
            _ => {}
        }
        Ok(Value::None)
    }
    fn enter(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        Ok(self.session.clone())
    }
    fn exit(&self, interp: &mut Interp, _: &HostRef, raised: Option<&Raise>) -> Eval<bool> {
        self.end(interp, raised.is_none())?;
        Ok(false)
    }
}
