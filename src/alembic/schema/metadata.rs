//! `sa.MetaData`: its tables, schema and naming convention; `create_all`, `drop_all`.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::constraint::{self, ForeignKey, Shape};
use super::events::Listeners;
use super::{ColumnData, Table, TableData, build};
use crate::alembic::arguments::{items_of, name_of};
use crate::alembic::bridge;
use crate::alembic::object::{self, Interp, Object};
use crate::config::PackageVersion;
use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::{AlterTable, AlterTableCommand};
use crate::postgres::{Name, ObjectKind, Statement};
use crate::python::{Arguments, Eval, HostRef, Key, Truth, Value};
use crate::source::FileId;

/// A collection of tables.
#[derive(Debug, Default)]
pub struct MetaData {
    /// Default schema of its tables.
    pub schema: RefCell<Option<SmolStr>>,
    /// Naming convention; empty: SQLAlchemy's own.
    pub convention: RefCell<BTreeMap<String, String>>,
    /// Tables by `name` or `schema.name`, in the order in which they were made.
    pub tables: RefCell<IndexMap<SmolStr, Value>>,
    /// What `metadata.bind = engine` left there, 1.4's way.
    pub bind: RefCell<Option<Value>>,
    /// Sequences that are its own: `Sequence(..., metadata=...)`.
    pub sequences: RefCell<Vec<Value>>,
    /// What is called before and behind its making and dropping.
    pub listeners: Listeners,
    /// Not all tables are known.
    pub incomplete: RefCell<bool>,
    /// `reflect` has read the database.
    pub reflected: RefCell<bool>,
    /// The file that makes it.
    home: Option<FileId>,
    /// No file makes it: a library has it.
    pub shared: RefCell<bool>,
}

pub(super) fn lookup(_: &mut Interp, name: &str) -> Option<Value> {
    (name == "MetaData").then(|| {
        object::function("MetaData", |interp, arguments| {
            let metadata = MetaData {
                home: interp.frames().last().map(|frame| frame.file),
                ..MetaData::default()
            };
            metadata.configure(interp, &arguments)?;
            Ok(object::value(metadata))
        })
    })
}

/// The default schema of a MetaData value.
pub fn metadata_schema(value: &Value) -> Option<SmolStr> {
    object::get::<MetaData>(value)?.schema.borrow().clone()
}

/// A naming convention given as a dict; templates by function are not known, so they are holes.
pub fn convention_of(interp: &mut Interp, value: &Value) -> Eval<BTreeMap<String, String>> {
    let Value::Dict(dict) = value else {
        return Ok(BTreeMap::new());
    };
    let entries: Vec<(Key, Value)> = dict
        .borrow()
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut convention = BTreeMap::new();
    for (key, value) in entries {
        if let Key::Str(key) = key
            && let Some(template) = name_of(interp, &value)?
        {
            convention.insert(key.to_string(), template.to_string());
        }
    }
    Ok(convention)
}

pub(super) fn key_of(name: &Name) -> SmolStr {
    match &name.schema {
        Some(schema) => SmolStr::new(format!("{schema}.{}", name.name)),
        None => name.name.clone(),
    }
}

impl MetaData {
    fn configure(&self, interp: &mut Interp, arguments: &Arguments) -> Eval<()> {
        if let Some(schema) = arguments.named("schema").cloned() {
            *self.schema.borrow_mut() = name_of(interp, &schema)?;
        }
        let bindable = interp.host.settings.sqlalchemy < PackageVersion(2, 0, 0);
        match arguments.named("bind") {
            Some(_) if !bindable => {
                return Err(interp.error(
                    "TypeError",
                    "MetaData.__init__() got an unexpected keyword argument 'bind'",
                ));
            }
            Some(bind) => *self.bind.borrow_mut() = Some(bind.clone()),
            None if bindable => *self.bind.borrow_mut() = arguments.positional.first().cloned(),
            None => {}
        }
        if let Some(convention) = arguments.named("naming_convention").cloned() {
            *self.convention.borrow_mut() = convention_of(interp, &convention)?;
        }
        Ok(())
    }

    /// A table by name.
    pub fn table(&self, name: &Name) -> Option<Value> {
        self.tables.borrow().get(&key_of(name)).cloned()
    }

    /// Adds or replaces a table.
    pub fn add(&self, name: &Name, table: Value) {
        self.tables.borrow_mut().insert(key_of(name), table);
    }

    /// Its naming convention, SQLAlchemy's own where none was set.
    pub fn convention(&self) -> BTreeMap<String, String> {
        let convention = self.convention.borrow();
        if convention.is_empty() {
            return crate::alembic::naming::default_convention();
        }
        convention.clone()
    }
}

/// Foreign keys from column to column that lend a type, one after the other: a bound for circles.
const LENDERS: usize = 16;

/// The type that a column without one has of its foreign key: that of the column of the same MetaData to which it refers.
pub(super) fn lent_type(table: &TableData, column: &ColumnData) -> Option<Value> {
    let metadata = table.metadata.clone()?;
    let metadata = object::get::<MetaData>(&metadata)?;
    let mut column = column.clone();
    let mut of = table.clone();
    for _ in 0..LENDERS {
        let (name, referenced) = target_of(&of, &column)?;
        let found = metadata.table(&name).or_else(|| {
            let schema = metadata.schema.borrow().clone();
            metadata.table(&Name::qualified(schema.as_deref(), &name.name))
        });
        of = data_of(&found?)?;
        column = of
            .columns
            .iter()
            .filter_map(build::column_data)
            .find(|known| known.name == referenced || known.key.as_ref() == Some(&referenced))?;
        if column.type_.is_some() {
            return column.type_;
        }
    }
    None
}

/// The table and column to which a column's foreign key refers.
fn target_of(table: &TableData, column: &ColumnData) -> Option<(Name, SmolStr)> {
    let own = column.items.iter().find_map(object::get::<ForeignKey>);
    if let Some(own) = own {
        let data = own.data.borrow();
        let Shape::ForeignKey {
            table, referenced, ..
        } = &data.shape
        else {
            return None;
        };
        return Some((table.clone(), referenced.first()?.clone()));
    }
    let constraints = table
        .constraints
        .iter()
        .filter_map(object::get::<constraint::Constraint>);
    constraints.into_iter().find_map(|constraint| {
        let data = constraint.data.borrow();
        let Shape::ForeignKey {
            table,
            columns,
            referenced,
            ..
        } = &data.shape
        else {
            return None;
        };
        let at = columns.iter().position(|name| *name == column.name)?;
        Some((table.clone(), referenced.get(at)?.clone()))
    })
}

pub(super) fn data_of(value: &Value) -> Option<TableData> {
    object::get::<Table>(value).map(|table| table.data.borrow().clone())
}

impl Object for MetaData {
    fn type_name(&self) -> &'static str {
        "MetaData"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["create_all", "drop_all", "reflect", "remove", "clear"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "create_all" | "drop_all" => {
                self.read_models(interp)?;
                let chosen = chosen_tables(interp, &arguments)?;
                let checkfirst = match arguments.named("checkfirst").cloned() {
                    Some(flag) => interp.truth(&flag)?,
                    None => true,
                };
                if *self.incomplete.borrow() {
                    let site = interp.frames().last().map(|frame| frame.site);
                    interp.host.note_gap(
                        site,
                        format!("metadata.{method}() of tables that are not known"),
                    );
                    interp.host.session.catalog.open = true;
                }
                let this = Value::Host(this.clone());
                if method == "create_all" {
                    self.create_all(interp, &this, chosen.as_deref(), checkfirst)?;
                } else {
                    self.drop_all(interp, &this, chosen.as_deref(), checkfirst)?;
                }
            }
            "reflect" => bridge::reflect_metadata(interp, &Value::Host(this.clone()), &arguments)?,
            "remove" => {
                if let Some(data) = arguments.positional.first().and_then(data_of) {
                    self.tables.borrow_mut().shift_remove(&key_of(&data.name));
                }
            }
            _ => self.tables.borrow_mut().clear(),
        }
        Ok(Value::None)
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "tables" => {
                self.read_models(interp)?;
                Some(object::value(super::tables::Tables(this.clone())))
            }
            "sorted_tables" => {
                self.read_models(interp)?;
                Some(Value::list(self.sorted(interp)?))
            }
            "schema" => Some(
                self.schema
                    .borrow()
                    .as_ref()
                    .map_or(Value::None, |schema| Value::str(schema.as_str())),
            ),
            "naming_convention" => {
                let entries = self
                    .convention()
                    .into_iter()
                    .map(|(key, template)| (Key::Str(key.into()), Value::str(template)))
                    .collect();
                Some(Value::Dict(std::rc::Rc::new(RefCell::new(entries))))
            }
            "bind" => Some(self.bind.borrow().clone().unwrap_or(Value::None)),
            _ => None,
        })
    }
    fn set_attribute(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        match name {
            "naming_convention" => {
                let convention = convention_of(interp, &value)?;
                *self.convention.borrow_mut() = convention;
            }
            "schema" => {
                let schema = name_of(interp, &value)?;
                *self.schema.borrow_mut() = schema;
            }
            "bind" => *self.bind.borrow_mut() = Some(value),
            _ => {}
        }
        Ok(())
    }
    fn contains(&self, interp: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        let name = name_of(interp, item)?.unwrap_or_default();
        Ok(Truth::Known(self.tables.borrow().contains_key(&name)))
    }
}

/// `tables=[...]` of `create_all`.
fn chosen_tables(interp: &mut Interp, arguments: &Arguments) -> Eval<Option<Vec<Name>>> {
    let Some(tables) = arguments.get(1, "tables").cloned() else {
        return Ok(None);
    };
    if tables.is_none() {
        return Ok(None);
    }
    let (tables, _) = items_of(interp, &tables)?;
    Ok(Some(
        tables
            .iter()
            .filter_map(data_of)
            .map(|data| data.name)
            .collect(),
    ))
}

impl MetaData {
    /// Whether the application's models, not those of the revision, are in it.
    fn is_of_application(&self, interp: &Interp) -> bool {
        let foreign = |home| home != interp.host.revision_file;
        *self.shared.borrow() || self.home.is_some_and(foreign)
    }

    /// Loads the modules of models: imports are read when they are used, and those that only define models never are.
    fn read_models(&self, interp: &mut Interp) -> Eval<()> {
        // where a model was used, its modules were read
        let has_models = !self.tables.borrow().is_empty();
        if has_models || !self.is_of_application(interp) || interp.frames().is_empty() {
            return Ok(());
        }
        let revision = interp.host.revision_file;
        if interp.loads_another_than(revision) {
            return Ok(());
        }
        if !interp.load_imports(revision)? && !*self.incomplete.borrow() {
            *self.incomplete.borrow_mut() = true;
        }
        Ok(())
    }

    /// Remembers that a table was made as the application's models have it, where it was.
    pub(super) fn note_model(&self, interp: &mut Interp, table: &Name) {
        if self.is_of_application(interp) {
            let schema = table.schema.as_deref().unwrap_or("public");
            let name = QualifiedName::new(schema, &table.name);
            interp.host.session.catalog.modelled.insert(name);
        }
    }
}

/// `ALTER TABLE` with one command.
pub fn alter(table: &Name, command: AlterTableCommand) -> Statement {
    Statement::AlterTable(Box::new(AlterTable {
        kind: ObjectKind::Table,
        name: table.clone(),
        if_exists: false,
        only: false,
        commands: vec![command],
    }))
}
