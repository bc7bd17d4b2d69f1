//! Declarative models: a class of the project with a declarative base becomes a Table.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::members::{columns_among, members};
use super::registry::{AsBase, Registry};
use super::state::{self, STATE};
use super::{automap, columns_of, make, sqlmodel, table_of, validators};
use crate::alembic::arguments::int_of;
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::schema::metadata::MetaData;
use crate::alembic::schema::{Column, Table, TableData};
use crate::postgres::Name;
use crate::python::interpreter::has_unknown_base;
use crate::python::{Arguments, Class, Eval, HostRef, Instance, Value};
use crate::unknown::Reason;

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "declarative_base" => function("declarative_base", |interp, arguments| {
            Base::of_function(interp, &arguments, BaseKind::Declarative)
        }),
        "automap_base" => function("automap_base", |interp, arguments| {
            Base::of_function(interp, &arguments, BaseKind::Automap)
        }),
        "DeclarativeBase" | "DeclarativeBaseNoMeta" | "DeclarativeMeta" => object::value(Base {
            metadata: RefCell::new(None),
            class: None,
            kind: BaseKind::Root,
        }),
        "as_declarative" => function("as_declarative", |interp, arguments| {
            let metadata = given_metadata(interp, &arguments)?;
            Ok(object::value(AsBase { metadata }))
        }),
        // what they add is no column
        "AsyncAttrs" | "MappedAsDataclass" => Value::Class(Rc::new(Class {
            name: name.into(),
            bases: Vec::new(),
            namespace: RefCell::default(),
            site: None,
        })),
        "registry" => function("registry", |interp, arguments| {
            let metadata = given_metadata(interp, &arguments)?;
            Ok(object::value(Registry { metadata }))
        }),
        "declared_attr" => object::value(DeclaredAttributeClass),
        "declarative_mixin" => function("declarative_mixin", |_, arguments| {
            Ok(arguments.positional.first().cloned().unwrap_or(Value::None))
        }),
        "mapped_column" => function("Column", mapped_column),
        "aliased" => function("AliasedClass", |interp, arguments| {
            let subject = arguments.get(0, "element").cloned().unwrap_or(Value::None);
            let Some(table) = table_of(&subject) else {
                return Ok(interp.unknown(Reason::Unsupported, "aliased(...)"));
            };
            let name = arguments
                .get(1, "alias")
                .or_else(|| arguments.named("name"));
            let name = name.and_then(Value::as_str).map(SmolStr::new);
            Ok(object::value(AliasedClass {
                table: crate::alembic::core::table::alias(&table, name),
            }))
        }),
        "Mapped" | "WriteOnlyMapped" | "DynamicMapped" => object::value(Mapped),
        _ => return None,
    })
}

/// `mapped_column(...)`: a Column; the annotation beside it fills in what it leaves open ([`super::annotated`]).
fn mapped_column(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    const OF_ORM: &[&str] = &[
        "init",
        "repr",
        "kw_only",
        "compare",
        "deferred",
        "deferred_group",
        "use_existing_column",
        "sort_order",
        "active_history",
        "hash",
        "dataclass_metadata",
    ];
    let mut arguments = arguments;
    let sort_order = arguments.named("sort_order").and_then(int_of);
    // what a row is given, whatever a dataclass gives the attribute
    for of_row in ["insert_default", "default_factory"] {
        let Some(at) = arguments
            .keyword
            .iter()
            .position(|(name, _)| name == of_row)
        else {
            continue;
        };
        let (_, value) = arguments.keyword.remove(at);
        if of_row == "insert_default" {
            arguments.keyword.retain(|(name, _)| name != "default");
        }
        if arguments.named("default").is_none() {
            arguments.keyword.push(("default".into(), value));
        }
    }
    arguments
        .keyword
        .retain(|(name, _)| !OF_ORM.contains(&name.as_str()));
    let made = make(interp, "sqlalchemy", "Column", arguments)?;
    if let (Some(column), Some(sort_order)) = (object::get::<Column>(&made), sort_order) {
        column.data.borrow_mut().sort_order = sort_order;
    }
    Ok(made)
}

/// `Mapped[int]`.
#[derive(Debug)]
struct Mapped;

impl Object for Mapped {
    fn type_name(&self) -> &'static str {
        "Mapped"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn item(&self, _: &mut Interp, this: &HostRef, _: &Value) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
}

/// `declared_attr` as a decorator.
#[derive(Debug)]
struct DeclaredAttributeClass;

impl Object for DeclaredAttributeClass {
    fn type_name(&self) -> &'static str {
        "type"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(matches!(name, "directive" | "cascading").then(|| Value::Host(this.clone())))
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let function = arguments.positional.first().cloned().unwrap_or(Value::None);
        Ok(object::value(DeclaredAttribute { function }))
    }
}

/// A function whose value for a model is an attribute of it.
#[derive(Debug)]
struct DeclaredAttribute {
    function: Value,
}

impl Object for DeclaredAttribute {
    fn type_name(&self) -> &'static str {
        "declared_attr"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A declarative base: what `declarative_base()` gives, or the class `DeclarativeBase` itself.
#[derive(Debug)]
pub struct Base {
    metadata: RefCell<Option<Value>>,
    /// What all models inherit from too: `declarative_base(cls=...)`.
    class: Option<Value>,
    kind: BaseKind,
}

/// How models come of a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BaseKind {
    /// It is `DeclarativeBase`: the classes that derive from it are the bases of models.
    Root,
    /// By attributes and `Mapped[...]`.
    Declarative,
    /// It is SQLModel: what says `table=True` is a model, by its fields.
    Fields,
    /// `automap_base()`: of tables that are there, too.
    Automap,
    /// Flask-SQLAlchemy's: a model with a primary key has a table without saying how it is called.
    Flask,
}

/// `SQLModel`.
pub(super) fn sqlmodel_base() -> Value {
    object::value(Base {
        metadata: RefCell::new(None),
        class: None,
        kind: BaseKind::Fields,
    })
}

/// `db.Model` of Flask-SQLAlchemy.
pub(super) fn flask_base(metadata: &Value) -> Value {
    object::value(Base {
        metadata: RefCell::new(Some(metadata.clone())),
        class: None,
        kind: BaseKind::Flask,
    })
}

/// `metadata=`, or a new one.
pub(super) fn given_metadata(interp: &mut Interp, arguments: &Arguments) -> Eval<Value> {
    match arguments.named("metadata") {
        Some(metadata) if !metadata.is_none() => Ok(metadata.clone()),
        _ => make(interp, "sqlalchemy", "MetaData", Arguments::default()),
    }
}

impl Base {
    /// What all models of a MetaData derive from, and of a class too where one is given.
    pub(super) fn declarative(metadata: Value, class: Option<Value>) -> Self {
        Self {
            metadata: RefCell::new(Some(metadata)),
            class,
            kind: BaseKind::Declarative,
        }
    }

    /// What `declarative_base(metadata=, cls=)` and its like give.
    fn of_function(interp: &mut Interp, arguments: &Arguments, kind: BaseKind) -> Eval<Value> {
        Ok(object::value(Self {
            metadata: RefCell::new(Some(given_metadata(interp, arguments)?)),
            class: arguments.named("cls").cloned(),
            kind,
        }))
    }

    fn metadata(&self, interp: &mut Interp) -> Eval<Value> {
        if let Some(metadata) = self.metadata.borrow().clone() {
            return Ok(metadata);
        }
        let metadata = make(interp, "sqlalchemy", "MetaData", Arguments::default())?;
        if let Some(made) = object::get::<MetaData>(&metadata) {
            *made.shared.borrow_mut() = self.kind == BaseKind::Fields;
        }
        *self.metadata.borrow_mut() = Some(metadata.clone());
        Ok(metadata)
    }

    /// The class that all models inherit from too.
    fn shared(&self) -> Option<&Rc<Class>> {
        match &self.class {
            Some(Value::Class(class)) => Some(class),
            _ => None,
        }
    }

    /// Whether a model may have columns that can't be seen: of a base that is not known.
    fn is_open(&self, class: &Class) -> bool {
        has_unknown_base(class)
            || matches!(self.class, Some(Value::Unknown(_)))
            || self.shared().is_some_and(|shared| has_unknown_base(shared))
    }

    /// The metadata of a class: its own, or its bases', or this base's.
    fn metadata_of(&self, interp: &mut Interp, class: &Class) -> Eval<Value> {
        match class.lookup("metadata") {
            Some(metadata) => Ok(metadata),
            None => self.metadata(interp),
        }
    }
}

impl Object for Base {
    fn type_name(&self) -> &'static str {
        "DeclarativeMeta"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        match self.kind {
            BaseKind::Automap => &["prepare"],
            BaseKind::Root | BaseKind::Declarative | BaseKind::Fields | BaseKind::Flask => &[],
        }
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        _: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let metadata = self.metadata(interp)?;
        automap::prepare(interp, &metadata, &arguments)?;
        Ok(Value::None)
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        match name {
            "metadata" => Ok(Some(self.metadata(interp)?)),
            "classes" if self.kind == BaseKind::Automap => {
                let metadata = self.metadata(interp)?;
                Ok(Some(object::value(automap::Classes {
                    base: this.clone(),
                    metadata,
                })))
            }
            "registry" => Ok(Some(interp.unknown(Reason::Unsupported, "registry"))),
            _ => Ok(None),
        }
    }
    fn class_defined(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        keywords: &[(SmolStr, Value)],
    ) -> Eval<()> {
        let own = |name: &str| class.namespace.borrow().get(name).cloned();
        if self.kind == BaseKind::Fields {
            let flag = keywords.iter().find(|(name, _)| name == "table");
            if !matches!(flag, Some((_, Value::Bool(true)))) {
                return Ok(());
            }
            let named = table_name(interp, self, class)?;
            let name = named.unwrap_or_else(|| sqlmodel::default_name(class));
            sqlmodel::add_columns(interp, class)?;
            return define(interp, self, class, &name);
        }
        let is_direct = |base: &Value| matches!(base, Value::Host(_));
        if self.kind == BaseKind::Root && class.bases.iter().any(is_direct) {
            // `class Base(DeclarativeBase)`: a metadata of its own
            if own("metadata").is_none() {
                let metadata = make(interp, "sqlalchemy", "MetaData", Arguments::default())?;
                let mut namespace = class.namespace.borrow_mut();
                namespace.insert("metadata".into(), metadata);
            }
            return Ok(());
        }
        if matches!(own("__abstract__"), Some(Value::Bool(true))) {
            return Ok(());
        }
        if let Some(table) = own("__table__") {
            for (key, column) in columns_of(&table) {
                let mut namespace = class.namespace.borrow_mut();
                namespace.entry(key).or_insert(column);
            }
            return Ok(());
        }
        // the models of another database
        if self.kind == BaseKind::Flask && class.lookup("__bind_key__").is_some() {
            return Ok(());
        }
        let named = table_name(interp, self, class)?;
        let implied = self.kind == BaseKind::Flask && !is_derived(class) && has_key(interp, class);
        let Some(name) = named.or_else(|| implied.then(|| snake_case(&class.name))) else {
            return extend_parent(interp, class);
        };
        define(interp, self, class, &name)
    }
    fn instantiate(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        let Some(table) = table_of(&Value::Class(class.clone())) else {
            return Ok(None);
        };
        if class.lookup("__init__").is_some() {
            return Ok(None);
        }
        let instance = Instance {
            class: class.clone(),
            attributes: RefCell::default(),
        };
        {
            let mut attributes = instance.attributes.borrow_mut();
            for (key, _) in columns_of(&table) {
                attributes.insert(attribute_of(class, &key), Value::None);
            }
            if !arguments.positional.is_empty() {
                // a dataclass takes its fields in their order
                for (key, _) in columns_of(&table) {
                    let value = interp.unknown(Reason::Unsupported, "a field of a dataclass");
                    attributes.insert(attribute_of(class, &key), value);
                }
            }
            for (name, value) in &arguments.keyword {
                attributes.insert(name.clone(), value.clone());
            }
            attributes.insert(STATE.into(), state::of(arguments));
        }
        let instance = Rc::new(instance);
        validators::apply(interp, &instance)?;
        Ok(Some(Value::Instance(instance)))
    }
    fn inherited(
        &self,
        interp: &mut Interp,
        receiver: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        if !name.starts_with("__")
            && let Some(shared) = self.shared()
            && let Some(found) = shared.lookup(name)
        {
            return interp.bind_to(receiver, shared, found).map(Some);
        }
        match name {
            "metadata" => Ok(Some(self.metadata_of(interp, class)?)),
            "__init__" => Ok(Some(object::value(Initializer {
                receiver: receiver.clone(),
            }))),
            "registry" | "__mapper__" | "query" => {
                Ok(Some(interp.unknown(Reason::Unsupported, name)))
            }
            "__table__" | "__tablename__" | "__table_args__" => Ok(None),
            _ if name.starts_with("__") => Ok(None),
            // `relationship(..., backref=...)` of another model gives its objects attributes
            _ if matches!(receiver, Value::Instance(_)) => {
                let what = format!("{}.{name}", class.name);
                Ok(Some(interp.unknown(Reason::Unsupported, &what)))
            }
            // a model knows its attributes; one whose table is not known does not, nor one with a base that is not known
            _ if table_of(&Value::Class(class.clone())).is_some() && !self.is_open(class) => {
                Ok(None)
            }
            _ => Ok(Some(interp.unknown(Reason::Unsupported, name))),
        }
    }
}

/// `super().__init__(**kwargs)` of a model.
#[derive(Debug)]
struct Initializer {
    receiver: Value,
}

impl Object for Initializer {
    fn type_name(&self) -> &'static str {
        "method"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        if let Value::Instance(instance) = &self.receiver {
            let state = state::of(&arguments);
            let mut attributes = instance.attributes.borrow_mut();
            attributes.extend(arguments.keyword);
            attributes.insert(STATE.into(), state);
        }
        Ok(Value::None)
    }
}

/// The attribute of a model that holds a column: its own name, where it differs from the column's.
pub fn attribute_of(class: &Class, key: &str) -> SmolStr {
    let own = class.namespace.borrow();
    for (name, value) in own.iter() {
        if let Some(column) = object::get::<Column>(value)
            && let Ok(data) = column.data.try_borrow()
            && (data.name == key || data.key.as_deref() == Some(key))
        {
            return name.clone();
        }
    }
    SmolStr::new(key)
}

/// A declared attribute's value for a class; any other value as it is.
pub(super) fn resolve(interp: &mut Interp, class: &Rc<Class>, value: Value) -> Eval<Value> {
    let Some(declared) = object::get::<DeclaredAttribute>(&value) else {
        return Ok(value);
    };
    let function = match &declared.function {
        // @declared_attr above @classmethod
        Value::Method { function, .. } => (**function).clone(),
        other => other.clone(),
    };
    let arguments = Arguments {
        positional: vec![Value::Class(class.clone())],
        ..Arguments::default()
    };
    interp.call(&function, arguments)
}

fn table_name(interp: &mut Interp, base: &Base, class: &Rc<Class>) -> Eval<Option<SmolStr>> {
    // a name inherited from another mapped class is single-table inheritance
    let declared = match class.namespace.borrow().get("__tablename__") {
        Some(own) => Some(own.clone()),
        None => inherited_name(class),
    };
    let of_base = || match base.shared() {
        Some(shared) if !is_derived(class) => shared.lookup("__tablename__"),
        _ => None,
    };
    let declared = declared.or_else(of_base);
    let Some(declared) = declared else {
        return Ok(None);
    };
    Ok(match resolve(interp, class, declared)? {
        Value::Str(name) => Some(SmolStr::new(&*name.text)),
        Value::Unknown(_) => Some(SmolStr::new("\u{F8FF}")),
        _ => None,
    })
}

/// Whether a class derives from a model that has a table: it is in that one.
fn is_derived(class: &Class) -> bool {
    class
        .bases
        .iter()
        .any(|base| matches!(base, Value::Class(base) if is_mapped(base) || is_derived(base)))
}

/// Whether a class has a column that is a primary key.
fn has_key(interp: &Interp, class: &Rc<Class>) -> bool {
    members(interp, class, None).iter().any(|member| {
        let column = member.value.as_ref().and_then(object::get::<Column>);
        column.is_some_and(|column| column.data.borrow().primary_key)
    })
}

/// `UserRole` as `user_role`, `HTTPServer` as `http_server`: the name that Flask-SQLAlchemy gives a table.
fn snake_case(name: &str) -> SmolStr {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || letters.get(at + 1).is_some_and(char::is_ascii_lowercase)
            });
        if starts {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out.into()
}

pub(super) fn is_mapped(class: &Class) -> bool {
    class.namespace.borrow().contains_key("__table__")
}

fn inherited_name(class: &Class) -> Option<Value> {
    class.bases.iter().find_map(|base| match base {
        Value::Class(base) if !is_mapped(base) => base
            .namespace
            .borrow()
            .get("__tablename__")
            .cloned()
            .or_else(|| inherited_name(base)),
        _ => None,
    })
}

/// A model without a table of its own, of one that has one, puts its columns there (single-table inheritance).
fn extend_parent(interp: &mut Interp, class: &Rc<Class>) -> Eval<()> {
    let Some(parent) = table_of(&Value::Class(class.clone())) else {
        return Ok(());
    };
    let found = members(interp, class, None);
    let columns = columns_among(interp, class, found)?;
    let Some(table) = object::get::<Table>(&parent) else {
        return Ok(());
    };
    for value in columns {
        let Some(column) = object::get::<Column>(&value) else {
            continue;
        };
        let name = column.data.borrow().name.clone();
        let of_parent = table.data.borrow().name.clone();
        let has_it = columns_of(&parent).iter().any(|(_, known)| {
            object::get::<Column>(known).is_some_and(|known| known.data.borrow().name == name)
        });
        if !has_it {
            column.data.borrow_mut().table = Some(of_parent);
            table.data.borrow_mut().columns.push(value.clone());
        }
    }
    Ok(())
}

fn define(interp: &mut Interp, base: &Base, class: &Rc<Class>, table: &str) -> Eval<()> {
    let found = members(interp, class, base.shared());
    let columns = columns_among(interp, class, found)?;
    let arguments = class.lookup("__table_args__");
    let arguments = match arguments {
        Some(arguments) => resolve(interp, class, arguments)?,
        None => Value::None,
    };
    let (mut extras, mut keywords) = (Vec::new(), Vec::new());
    let parts = match &arguments {
        Value::Dict(_) => vec![arguments.clone()],
        Value::Tuple(items) => items.to_vec(),
        _ => Vec::new(),
    };
    for part in parts {
        match crate::alembic::literal::text_entries(&part) {
            Some(entries) => keywords.extend(
                entries
                    .into_iter()
                    .map(|(key, value)| (SmolStr::new(&*key), value)),
            ),
            None => extras.push(part),
        }
    }
    let metadata = base.metadata_of(interp, class)?;
    let mut positional = vec![Value::str(table), metadata.clone()];
    positional.extend(columns.iter().cloned());
    positional.extend(extras);
    // models of several modules may name a table twice; the last one holds
    keywords.retain(|(name, _)| name != "extend_existing");
    keywords.push(("extend_existing".into(), Value::Bool(true)));
    let schema = keywords
        .iter()
        .find(|(name, _)| name == "schema")
        .and_then(|(_, value)| value.as_str().map(str::to_owned));
    let arguments = Arguments {
        positional,
        keyword: keywords,
        incomplete: base.is_open(class),
    };
    let made = make(interp, "sqlalchemy", "Table", arguments)?;
    let made = if object::get::<Table>(&made).is_some() {
        made
    } else {
        plain_table(
            &Name::qualified(schema.as_deref(), table),
            columns,
            metadata,
        )
    };
    class
        .namespace
        .borrow_mut()
        .insert("__table__".into(), made);
    Ok(())
}

/// A Table of these columns.
fn plain_table(name: &Name, columns: Vec<Value>, metadata: Value) -> Value {
    for column in &columns {
        if let Some(column) = object::get::<Column>(column) {
            column.data.borrow_mut().table = Some(name.clone());
        }
    }
    object::value(Table::of(TableData {
        name: name.clone(),
        columns,
        metadata: Some(metadata),
        ..TableData::default()
    }))
}

/// `aliased(Model)`.
#[derive(Debug)]
pub struct AliasedClass {
    /// The aliased Table.
    pub table: Value,
}

impl Object for AliasedClass {
    fn type_name(&self) -> &'static str {
        "AliasedClass"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(columns_of(&self.table)
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, column)| column))
    }
}
