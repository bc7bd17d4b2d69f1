//! `sa.Index`: made of its arguments, and its CREATE INDEX.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use smol_str::SmolStr;

use super::generated::relation_exists;
use super::{Column, build, ddl};
use crate::alembic::arguments::{column_names, hole, name_of};
use crate::alembic::bridge;
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::naming::{self, GivenName, Subject};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::statement::{CreateIndex, Drop, DropTarget, IndexElement};
use crate::postgres::{Expr, Name, ObjectKind, Statement};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::sql;

/// An index.
#[derive(Debug)]
pub struct Index {
    /// What it was made of.
    pub data: RefCell<IndexData>,
}

/// The parts of an index.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct IndexData {
    pub name: GivenName,
    pub table: Option<Name>,
    /// Column names, columns, texts, expressions.
    pub expressions: Vec<Value>,
    pub unique: bool,
    pub concurrently: bool,
    pub method: Option<SmolStr>,
    pub filter: Option<Value>,
    pub include: Vec<SmolStr>,
    /// Column and operator class.
    pub operator_classes: Vec<(SmolStr, SmolStr)>,
    pub nulls_not_distinct: bool,
    /// `ddl_if(dialect=...)`: not made with its table here. Its copies have it too.
    pub elsewhere: Rc<Cell<bool>>,
}

pub(super) fn lookup(name: &str) -> Option<Value> {
    (name == "Index").then(|| {
        object::function("Index", |interp, arguments| {
            let mut positional = arguments.positional.iter();
            let name = positional
                .next()
                .or_else(|| arguments.named("name"))
                .cloned();
            let mut data = IndexData {
                name: naming::given(interp, name.as_ref())?,
                expressions: positional.cloned().collect(),
                ..IndexData::default()
            };
            data.table = data.expressions.iter().find_map(|value| {
                let column = object::get::<Column>(value);
                let of_column = column.and_then(|column| column.data.borrow().table.clone());
                of_column.or_else(|| bridge::table_of_expression(value))
            });
            data.options(interp, &arguments.keyword)?;
            attach(interp, &data);
            Ok(object::value(Index {
                data: RefCell::new(data),
            }))
        })
    })
}

/// Gives an index to the table whose columns it is made of: `Index("ix", table.c.name)` outside of a table's definition. The
/// first of the columns keeps it, with names in the place of columns, so that the two do not keep each other alive; one of
/// expressions alone is kept by the table's name.
fn attach(interp: &mut Interp, data: &IndexData) {
    let Some(first) = data
        .expressions
        .iter()
        .filter_map(object::get::<Column>)
        .find(|column| column.data.borrow().table.is_some())
    else {
        let table = data
            .expressions
            .iter()
            .find_map(bridge::table_of_expression);
        if let Some(table) = table {
            let index = object::value(Index {
                data: RefCell::new(data.clone()),
            });
            interp.host.note(&loose_key(&table), index);
        }
        return;
    };
    let named = |value: &Value| match object::get::<Column>(value) {
        Some(column) => Value::str(column.data.borrow().name.as_str()),
        None => value.clone(),
    };
    let kept = IndexData {
        expressions: data.expressions.iter().map(named).collect(),
        ..data.clone()
    };
    first.data.borrow_mut().indexes.push(object::value(Index {
        data: RefCell::new(kept),
    }));
}

fn loose_key(table: &Name) -> String {
    format!("indexes of expressions on {table}")
}

/// The indexes of expressions alone that were made outside of a table's definition.
pub fn loose(interp: &Interp, table: &Name) -> Vec<Value> {
    interp.host.noted(&loose_key(table))
}

/// `{"column": "operator_class"}` as pairs.
pub fn operator_classes(interp: &mut Interp, value: &Value) -> Eval<Vec<(SmolStr, SmolStr)>> {
    let Value::Dict(dict) = value else {
        return Ok(Vec::new());
    };
    let entries: Vec<_> = dict
        .borrow()
        .iter()
        .filter_map(|(key, value)| match key {
            crate::python::Key::Str(key) => Some((SmolStr::new(&**key), value.clone())),
            _ => None,
        })
        .collect();
    let mut pairs = Vec::new();
    for (column, class) in entries {
        pairs.push((column, name_of(interp, &class)?.unwrap_or_else(hole)));
    }
    Ok(pairs)
}

impl IndexData {
    /// Reads `unique` and the `postgresql_*` options; other dialects' are ignored.
    pub fn options(&mut self, interp: &mut Interp, keywords: &[(SmolStr, Value)]) -> Eval<()> {
        for (keyword, value) in keywords {
            if value.is_none() {
                continue;
            }
            match keyword.as_str() {
                "unique" => self.unique = interp.truth(value)?,
                "postgresql_concurrently" => self.concurrently = interp.truth(value)?,
                "postgresql_using" => self.method = name_of(interp, value)?,
                "postgresql_where" => self.filter = Some(value.clone()),
                "postgresql_include" => self.include = column_names(interp, value)?,
                "postgresql_ops" => self.operator_classes = operator_classes(interp, value)?,
                "postgresql_nulls_not_distinct" => {
                    self.nulls_not_distinct = interp.truth(value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The name as it goes into a statement.
    pub fn final_name(
        &self,
        interp: &mut Interp,
        table: Option<&Name>,
        convention: Option<&BTreeMap<String, String>>,
    ) -> Eval<Option<SmolStr>> {
        let mut columns = Vec::new();
        for value in &self.expressions {
            columns.push(match value {
                Value::Str(text) => SmolStr::new(&text.text),
                value => match object::get::<Column>(value) {
                    Some(column) => column.data.borrow().name.clone(),
                    None => hole(),
                },
            });
        }
        let subject = Subject {
            key: "ix",
            table,
            columns: &columns,
            referred: None,
        };
        naming::resolve(interp, &self.name, &subject, convention)
    }

    /// `CREATE INDEX`.
    pub fn create_statement(
        &self,
        interp: &mut Interp,
        table: &Name,
        if_not_exists: bool,
        convention: Option<&BTreeMap<String, String>>,
    ) -> Eval<Statement> {
        let name = self.final_name(interp, Some(table), convention)?;
        if name.is_none() {
            return Err(crate::alembic::exceptions::raise(
                interp,
                "CompileError",
                "CREATE INDEX requires that the index have a name",
            ));
        }
        let mut elements = Vec::with_capacity(self.expressions.len());
        for value in &self.expressions {
            elements.push(element(interp, value, &self.operator_classes)?);
        }
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            name,
            table: table.clone(),
            unique: self.unique,
            concurrently: self.concurrently,
            if_not_exists,
            only: false,
            method: self
                .method
                .as_ref()
                .map_or_else(|| SmolStr::new("btree"), |name| name.to_lowercase().into()),
            elements,
            include: self.include.clone(),
            filter: match &self.filter {
                Some(filter) => Some(Box::new(build::sql_expression(interp, filter)?)),
                None => None,
            },
            nulls_not_distinct: self.nulls_not_distinct,
        })))
    }

    /// `DROP INDEX`, which PostgreSQL finds by the table's schema.
    pub fn drop_statement(
        &self,
        interp: &mut Interp,
        table: Option<&Name>,
        if_exists: bool,
        convention: Option<&BTreeMap<String, String>>,
    ) -> Eval<Statement> {
        let name = self
            .final_name(interp, table, convention)?
            .unwrap_or_else(hole);
        let schema = table.and_then(|table| table.schema.as_deref());
        Ok(Statement::Drop(Box::new(Drop {
            kind: ObjectKind::Index,
            targets: vec![DropTarget {
                name: Name::qualified(schema, name),
                member: None,
                arguments: None,
            }],
            if_exists,
            cascade: false,
            concurrently: self.concurrently,
        })))
    }
}

/// One element of an index: a column's name, a Column, a text, an expression.
pub fn element(
    interp: &mut Interp,
    value: &Value,
    operator_classes: &[(SmolStr, SmolStr)],
) -> Eval<IndexElement> {
    let plain = |name: &str| IndexElement {
        value: Expr::column(name),
        operator_class: operator_classes
            .iter()
            .find(|(column, _)| column == name)
            .map(|(_, class)| class.clone()),
        descending: false,
        with_operator: None,
    };
    if let Value::Str(text) = value {
        return Ok(plain(&text.text));
    }
    if let Some(column) = object::get::<Column>(value) {
        return Ok(plain(&column.data.borrow().name));
    }
    if let Some(text) = bridge::text(value)
        && let Some(element) = sql::parse_index_element(&text)
    {
        return Ok(element);
    }
    if let Value::Unknown(_) = value {
        return Ok(plain(&hole()));
    }
    let descending = bridge::is_descending(value);
    let element = match build::sql_expression(interp, value)? {
        Expr::Column { name, .. } => plain(&name),
        value => IndexElement {
            value,
            operator_class: None,
            descending: false,
            with_operator: None,
        },
    };
    Ok(IndexElement {
        descending,
        ..element
    })
}

impl Object for Index {
    fn type_name(&self) -> &'static str {
        "Index"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["create", "drop", "ddl_if"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if method == "ddl_if" {
            return ddl::ddl_if(interp, this, &arguments, &self.data.borrow().elsewhere);
        }
        let data = self.data.borrow().clone();
        let checkfirst = match arguments.get(1, "checkfirst").cloned() {
            Some(flag) => interp.truth(&flag)?,
            None => false,
        };
        let create = method == "create";
        let table = data.table.clone();
        if checkfirst {
            let name = data.final_name(interp, table.as_ref(), None)?;
            let name = Name::qualified(
                table.as_ref().and_then(|table| table.schema.as_deref()),
                name.unwrap_or_default(),
            );
            if relation_exists(interp, &name) == create {
                return Ok(Value::None);
            }
        }
        let table = table.unwrap_or_else(|| Name::new(hole()));
        let (origin, statement) = if create {
            (
                "Index.create",
                data.create_statement(interp, &table, false, None)?,
            )
        } else {
            (
                "Index.drop",
                data.drop_statement(interp, Some(&table), false, None)?,
            )
        };
        let call = DriverCall::schema(origin, statement, checkfirst);
        Environment::execute(interp, call)?;
        Ok(Value::None)
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let data = self.data.borrow();
        Ok(match name {
            "name" => Some(
                data.name
                    .text()
                    .map_or(Value::None, |name| Value::str(name.as_str())),
            ),
            "unique" => Some(Value::Bool(data.unique)),
            "columns" | "expressions" => {
                let column = |value: &Value| match value {
                    Value::Str(name) => Column::named(&name.text, data.table.as_ref()),
                    _ => value.clone(),
                };
                Some(Value::list(data.expressions.iter().map(column).collect()))
            }
            _ => None,
        })
    }
}
