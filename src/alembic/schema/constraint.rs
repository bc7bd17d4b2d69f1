//! Constraint objects: `PrimaryKeyConstraint`, `ForeignKeyConstraint`, `ForeignKey`, `UniqueConstraint`,
//! `CheckConstraint`, `ExcludeConstraint`, and their definitions in statements.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use smol_str::SmolStr;

use super::{Column, build, ddl};
use crate::alembic::arguments::{column_name, column_names, hole, items_of, name_of};
use crate::alembic::naming::{self, GivenName, Subject};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::Name;
use crate::postgres::statement::{
    ConstraintDefinition, ConstraintKind, IndexElement, ReferentialAction,
};
use crate::python::value::HostObject;
use crate::python::{Arguments, Eval, HostRef, Value};

/// A constraint of a table.
#[derive(Debug)]
pub struct Constraint {
    /// What it was made of.
    pub data: RefCell<ConstraintData>,
    /// The table object from which it was taken.
    table: RefCell<Option<Weak<dyn HostObject>>>,
}

/// `ForeignKey(...)` beside a column.
#[derive(Debug)]
pub struct ForeignKey {
    /// What it was made of; its own column is filled in by the table.
    pub data: RefCell<ConstraintData>,
    /// The constraint of which it is one column, where it has several or stands by itself.
    pub whole: Option<Box<ConstraintData>>,
}

/// The parts of a constraint.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct ConstraintData {
    pub name: GivenName,
    pub shape: Shape,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub not_valid: bool,
    /// The table, where the constraint stands by itself.
    pub table: Option<Name>,
    /// `ddl_if(dialect=...)`: not made with its table here. Its copies have it too.
    pub elsewhere: Rc<Cell<bool>>,
}

/// What a constraint demands.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub enum Shape {
    PrimaryKey {
        columns: Vec<SmolStr>,
        include: Vec<SmolStr>,
    },
    Unique {
        columns: Vec<SmolStr>,
        include: Vec<SmolStr>,
        nulls_not_distinct: bool,
    },
    Check {
        condition: Value,
    },
    ForeignKey {
        columns: Vec<SmolStr>,
        table: Name,
        referenced: Vec<SmolStr>,
        on_delete: ReferentialAction,
        on_update: ReferentialAction,
        use_alter: bool,
    },
    Exclude {
        elements: Vec<(Value, SmolStr)>,
        method: SmolStr,
        filter: Option<Value>,
        operator_classes: Vec<(SmolStr, SmolStr)>,
    },
    /// `drop_constraint` without a type.
    #[default]
    Any,
}

impl Shape {
    /// The key of naming conventions.
    pub fn key(&self) -> &'static str {
        match self {
            Self::PrimaryKey { .. } => "pk",
            Self::Unique { .. } => "uq",
            Self::Check { .. } => "ck",
            Self::ForeignKey { .. } => "fk",
            Self::Exclude { .. } | Self::Any => "",
        }
    }

    /// The columns of the constraint itself.
    pub fn columns(&self) -> &[SmolStr] {
        match self {
            Self::PrimaryKey { columns, .. }
            | Self::Unique { columns, .. }
            | Self::ForeignKey { columns, .. } => columns,
            _ => &[],
        }
    }
}

pub(super) fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "PrimaryKeyConstraint" => object::function("PrimaryKeyConstraint", |interp, arguments| {
            let columns = positional_columns(interp, &arguments)?;
            let include = include(interp, &arguments)?;
            made(interp, &arguments, Shape::PrimaryKey { columns, include })
        }),
        "UniqueConstraint" => object::function("UniqueConstraint", |interp, arguments| {
            let shape = unique_shape(interp, &arguments)?;
            made(interp, &arguments, shape)
        }),
        "CheckConstraint" => object::function("CheckConstraint", |interp, arguments| {
            let condition = arguments
                .get(0, "sqltext")
                .cloned()
                .unwrap_or_else(|| crate::alembic::arguments::unsupported(interp, "sqltext"));
            let name = arguments.get(1, "name").cloned();
            let mut data = data_of(interp, &arguments, Shape::Check { condition })?;
            data.name = naming::given(interp, name.as_ref())?;
            Ok(Constraint::value(data))
        }),
        "ForeignKeyConstraint" => object::function("ForeignKeyConstraint", foreign_key_constraint),
        "ForeignKey" => object::function("ForeignKey", foreign_key),
        "ExcludeConstraint" => object::function("ExcludeConstraint", |interp, arguments| {
            let elements = exclude_elements(interp, &arguments.positional)?;
            let shape = exclude_shape(interp, elements, &arguments)?;
            made(interp, &arguments, shape)
        }),
        _ => return None,
    })
}

fn positional_columns(interp: &mut Interp, arguments: &Arguments) -> Eval<Vec<SmolStr>> {
    let mut columns = Vec::with_capacity(arguments.positional.len());
    for value in &arguments.positional {
        columns.push(column_name(interp, value)?);
    }
    if arguments.incomplete {
        columns.push(hole());
    }
    Ok(columns)
}

fn include(interp: &mut Interp, arguments: &Arguments) -> Eval<Vec<SmolStr>> {
    match arguments
        .named("postgresql_include")
        .filter(|value| !value.is_none())
    {
        Some(value) => column_names(interp, &value.clone()),
        None => Ok(Vec::new()),
    }
}

fn unique_shape(interp: &mut Interp, arguments: &Arguments) -> Eval<Shape> {
    let nulls_not_distinct = flag(interp, arguments, "postgresql_nulls_not_distinct")?;
    Ok(Shape::Unique {
        columns: positional_columns(interp, arguments)?,
        include: include(interp, arguments)?,
        nulls_not_distinct,
    })
}

fn flag(interp: &mut Interp, arguments: &Arguments, name: &str) -> Eval<bool> {
    match arguments.named(name).cloned() {
        Some(Value::None) | None => Ok(false),
        Some(value) => interp.truth(&value),
    }
}

/// The parts that all constraints have, from keyword arguments.
pub fn data_of(interp: &mut Interp, arguments: &Arguments, shape: Shape) -> Eval<ConstraintData> {
    let name = arguments.named("name").cloned();
    let initially = match arguments.named("initially").cloned() {
        Some(value) => name_of(interp, &value)?,
        None => None,
    };
    let initially_deferred = initially.is_some_and(|word| word.eq_ignore_ascii_case("deferred"));
    Ok(ConstraintData {
        name: naming::given(interp, name.as_ref())?,
        shape,
        deferrable: flag(interp, arguments, "deferrable")? || initially_deferred,
        initially_deferred,
        not_valid: flag(interp, arguments, "postgresql_not_valid")?,
        table: None,
        elsewhere: Rc::default(),
    })
}

fn made(interp: &mut Interp, arguments: &Arguments, shape: Shape) -> Eval<Value> {
    Ok(Constraint::value(data_of(interp, arguments, shape)?))
}

/// ON DELETE or ON UPDATE of an argument.
pub fn action(interp: &mut Interp, value: Option<&Value>) -> Eval<ReferentialAction> {
    let Some(value) = value else {
        return Ok(ReferentialAction::NoAction);
    };
    let word = name_of(interp, value)?.unwrap_or_default();
    Ok(match word.to_ascii_uppercase().trim() {
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        "RESTRICT" => ReferentialAction::Restrict,
        _ => ReferentialAction::NoAction,
    })
}

/// A foreign key's target: `table`, `table.column`, `schema.table.column`, a Column.
fn target(interp: &mut Interp, value: &Value) -> Eval<(Name, Option<SmolStr>)> {
    if let Some(column) = object::get::<Column>(value) {
        let data = column.data.borrow();
        let table = data.table.clone().unwrap_or_else(|| Name::new(hole()));
        return Ok((table, Some(data.name.clone())));
    }
    // an attribute of a declarative model knows its table by its text
    let text = name_of(interp, value)?.unwrap_or_else(hole);
    let mut parts: Vec<&str> = text.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let Some(table) = parts.pop() else {
        if crate::unknown::has_hole(&text) {
            return Ok((Name::new(hole()), Some(hole())));
        }
        return Ok((Name::new(last), None));
    };
    let schema = parts.join(".");
    let schema = (!schema.is_empty()).then_some(schema);
    Ok((
        Name::qualified(schema.as_deref(), table),
        Some(SmolStr::new(last)),
    ))
}

fn foreign_key_constraint(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let columns = match arguments.get(0, "columns").cloned() {
        Some(columns) => column_names(interp, &columns)?,
        None => vec![hole()],
    };
    let targets = match arguments.get(1, "refcolumns").cloned() {
        Some(targets) => items_of(interp, &targets)?,
        None => (Vec::new(), true),
    };
    let mut table = None;
    let mut referenced = Vec::new();
    for (index, value) in targets.0.iter().enumerate() {
        let (name, column) = target(interp, value)?;
        table.get_or_insert(name);
        referenced.push(
            column
                .or_else(|| columns.get(index).cloned())
                .unwrap_or_else(hole),
        );
    }
    let name = arguments.get(2, "name").cloned();
    let on_update = action(interp, arguments.get(3, "onupdate").cloned().as_ref())?;
    let on_delete = action(interp, arguments.get(4, "ondelete").cloned().as_ref())?;
    let shape = Shape::ForeignKey {
        columns,
        table: table.unwrap_or_else(|| Name::new(hole())),
        referenced,
        on_delete,
        on_update,
        use_alter: flag(interp, &arguments, "use_alter")?,
    };
    let mut data = data_of(interp, &arguments, shape)?;
    data.name = naming::given(interp, name.as_ref())?;
    Ok(Constraint::value(data))
}

fn foreign_key(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let (table, column) = match arguments.get(0, "column").cloned() {
        Some(value) => target(interp, &value)?,
        None => (Name::new(hole()), Some(hole())),
    };
    let shape = Shape::ForeignKey {
        columns: Vec::new(),
        table,
        referenced: column.into_iter().collect(),
        on_delete: action(interp, arguments.named("ondelete").cloned().as_ref())?,
        on_update: action(interp, arguments.named("onupdate").cloned().as_ref())?,
        use_alter: flag(interp, &arguments, "use_alter")?,
    };
    let data = data_of(interp, &arguments, shape)?;
    Ok(object::value(ForeignKey {
        data: RefCell::new(data),
        whole: None,
    }))
}

/// Elements of an exclusion constraint: pairs of column or expression and operator.
pub fn exclude_elements(interp: &mut Interp, values: &[Value]) -> Eval<Vec<(Value, SmolStr)>> {
    let mut elements = Vec::new();
    for value in values {
        let (pair, _) = items_of(interp, value)?;
        let element = pair
            .first()
            .cloned()
            .unwrap_or_else(|| crate::alembic::arguments::unsupported(interp, "element"));
        let operator = match pair.get(1) {
            Some(operator) => name_of(interp, operator)?.unwrap_or_else(hole),
            None => hole(),
        };
        elements.push((element, operator));
    }
    Ok(elements)
}

/// An exclusion constraint's `using`, `where`, `ops`.
pub fn exclude_shape(
    interp: &mut Interp,
    elements: Vec<(Value, SmolStr)>,
    arguments: &Arguments,
) -> Eval<Shape> {
    let method = match arguments.named("using").cloned() {
        Some(value) => name_of(interp, &value)?.unwrap_or_else(|| SmolStr::new("gist")),
        None => SmolStr::new("gist"),
    };
    let operator_classes = match arguments.named("ops").cloned() {
        Some(ops) => super::index::operator_classes(interp, &ops)?,
        None => Vec::new(),
    };
    Ok(Shape::Exclude {
        elements,
        method,
        filter: arguments
            .named("where")
            .filter(|value| !value.is_none())
            .cloned(),
        operator_classes,
    })
}

impl Constraint {
    /// A constraint object of data.
    pub fn value(data: ConstraintData) -> Value {
        object::value(Self {
            data: RefCell::new(data),
            table: RefCell::new(None),
        })
    }

    /// Its columns: the table's own where it is known from which table object it is taken.
    fn columns(&self) -> Vec<Value> {
        let data = self.data.borrow();
        let table = self.table.borrow().as_ref().and_then(Weak::upgrade);
        let own = table.map(HostRef).and_then(|table| {
            object::downcast::<super::Table>(&table)
                .map(|table| table.data.borrow().columns.clone())
        });
        let column = |name: &SmolStr| {
            let known = own.as_deref().and_then(|own| Column::find(own, name));
            known
                .cloned()
                .unwrap_or_else(|| Column::named(name, data.table.as_ref()))
        };
        data.shape.columns().iter().map(column).collect()
    }

    /// Remembers the table object from which it is taken.
    pub(super) fn belongs_to(&self, table: &HostRef) {
        *self.table.borrow_mut() = Some(Rc::downgrade(&table.0));
    }
}

/// The definition of a constraint in a statement, with its final name.
pub fn definition(
    interp: &mut Interp,
    data: &ConstraintData,
    table: Option<&Name>,
    convention: Option<&BTreeMap<String, String>>,
) -> Eval<ConstraintDefinition> {
    let name = final_name(interp, data, table, convention)?;
    let kind = match &data.shape {
        Shape::PrimaryKey { columns, include } => ConstraintKind::PrimaryKey {
            columns: columns.clone(),
            include: include.clone(),
            using_index: None,
        },
        Shape::Unique {
            columns,
            include,
            nulls_not_distinct,
        } => ConstraintKind::Unique {
            columns: columns.clone(),
            include: include.clone(),
            nulls_not_distinct: *nulls_not_distinct,
            using_index: None,
        },
        Shape::Check { condition } => {
            ConstraintKind::Check(Box::new(build::sql_expression(interp, condition)?))
        }
        Shape::ForeignKey {
            columns,
            table,
            referenced,
            on_delete,
            on_update,
            ..
        } => ConstraintKind::ForeignKey {
            columns: columns.clone(),
            table: table.clone(),
            referenced: referenced.clone(),
            on_delete: *on_delete,
            on_update: *on_update,
        },
        Shape::Exclude {
            elements,
            method,
            filter,
            operator_classes,
        } => {
            let mut made: Vec<IndexElement> = Vec::new();
            for (value, operator) in elements {
                let mut element = super::index::element(interp, value, operator_classes)?;
                element.with_operator = Some(operator.clone());
                made.push(element);
            }
            ConstraintKind::Exclude {
                elements: made,
                method: method.clone(),
                filter: match filter {
                    Some(filter) => Some(Box::new(build::sql_expression(interp, filter)?)),
                    None => None,
                },
            }
        }
        Shape::Any => ConstraintKind::Check(Box::new(crate::postgres::Expr::Unknown(
            "constraint".into(),
        ))),
    };
    let mut definition = ConstraintDefinition::new(name.as_deref(), kind);
    definition.deferrable = data.deferrable;
    definition.initially_deferred = data.initially_deferred;
    definition.not_valid = data.not_valid;
    Ok(definition)
}

/// The name of a constraint as it goes into a statement; `None`: the server makes one.
pub fn final_name(
    interp: &mut Interp,
    data: &ConstraintData,
    table: Option<&Name>,
    convention: Option<&BTreeMap<String, String>>,
) -> Eval<Option<SmolStr>> {
    let referred = match &data.shape {
        Shape::ForeignKey {
            table, referenced, ..
        } => Some((table, referenced.as_slice())),
        _ => None,
    };
    let subject = Subject {
        key: data.shape.key(),
        table,
        columns: data.shape.columns(),
        referred,
    };
    naming::resolve(interp, &data.name, &subject, convention)
}

impl Object for Constraint {
    fn type_name(&self) -> &'static str {
        match self.data.borrow().shape {
            Shape::PrimaryKey { .. } => "PrimaryKeyConstraint",
            Shape::Unique { .. } => "UniqueConstraint",
            Shape::Check { .. } => "CheckConstraint",
            Shape::ForeignKey { .. } => "ForeignKeyConstraint",
            Shape::Exclude { .. } => "ExcludeConstraint",
            Shape::Any => "Constraint",
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if matches!(name, "columns" | "c") {
            return Ok(Some(Value::list(self.columns())));
        }
        Ok(attribute(&self.data.borrow(), name))
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        Ok(Value::list(self.columns()))
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        Ok(Some(self.columns().len()))
    }
    fn methods(&self) -> &'static [&'static str] {
        &["copy", "_copy", "ddl_if"]
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
        let copy = Constraint::value(unattached(&self.data.borrow()));
        // without a table for it, the copy holds the columns of the old one, and attaches itself to that
        let by_columns = matches!(self.data.borrow().shape, Shape::Unique { .. });
        if by_columns && arguments.named("target_table").is_none() {
            let table = self.table.borrow().as_ref().and_then(Weak::upgrade);
            if let Some(table) = table.map(HostRef)
                && let Some(table) = object::downcast::<super::Table>(&table)
            {
                table.data.borrow_mut().constraints.push(copy.clone());
            }
        }
        Ok(copy)
    }
}

/// The same constraint without a table.
fn unattached(data: &ConstraintData) -> ConstraintData {
    ConstraintData {
        table: None,
        ..data.clone()
    }
}

/// The foreign keys of a constraint, one a column (`elements`).
pub(super) fn foreign_keys_of(data: &ConstraintData) -> Vec<Value> {
    let Shape::ForeignKey {
        columns,
        table,
        referenced,
        on_delete,
        on_update,
        use_alter,
    } = &data.shape
    else {
        return Vec::new();
    };
    let one = |(at, column): (usize, &SmolStr)| {
        object::value(ForeignKey {
            data: RefCell::new(ConstraintData {
                shape: Shape::ForeignKey {
                    columns: vec![column.clone()],
                    table: table.clone(),
                    referenced: referenced.get(at).cloned().into_iter().collect(),
                    on_delete: *on_delete,
                    on_update: *on_update,
                    use_alter: *use_alter,
                },
                ..data.clone()
            }),
            whole: Some(Box::new(data.clone())),
        })
    };
    columns.iter().enumerate().map(one).collect()
}

impl Object for ForeignKey {
    fn type_name(&self) -> &'static str {
        "ForeignKey"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if name == "constraint" {
            let whole = match &self.whole {
                Some(whole) => (**whole).clone(),
                None => self.data.borrow().clone(),
            };
            return Ok(Some(Constraint::value(whole)));
        }
        Ok(attribute(&self.data.borrow(), name))
    }
    fn methods(&self) -> &'static [&'static str] {
        &["copy", "_copy"]
    }
    fn invoke(&self, _: &mut Interp, _: &HostRef, _: &str, _: Arguments) -> Eval<Value> {
        Ok(object::value(ForeignKey {
            data: RefCell::new(unattached(&self.data.borrow())),
            whole: None,
        }))
    }
}

fn attribute(data: &ConstraintData, name: &str) -> Option<Value> {
    match name {
        "name" => Some(
            data.name
                .text()
                .map_or(Value::None, |name| Value::str(name.as_str())),
        ),
        "column_keys" => Some(Value::list(
            data.shape
                .columns()
                .iter()
                .map(|column| Value::str(column.as_str()))
                .collect(),
        )),
        "elements" => Some(Value::list(foreign_keys_of(data))),
        "ondelete" | "onupdate" | "target_fullname" | "column_name" => {
            let Shape::ForeignKey {
                table,
                referenced,
                on_delete,
                on_update,
                ..
            } = &data.shape
            else {
                return None;
            };
            let action = |action: ReferentialAction| match action {
                ReferentialAction::NoAction => Value::None,
                ReferentialAction::Cascade => Value::str("CASCADE"),
                ReferentialAction::SetNull => Value::str("SET NULL"),
                ReferentialAction::SetDefault => Value::str("SET DEFAULT"),
                ReferentialAction::Restrict => Value::str("RESTRICT"),
            };
            Some(match name {
                "ondelete" => action(*on_delete),
                "onupdate" => action(*on_update),
                _ => Value::str(format!(
                    "{table}.{}",
                    referenced.first().map_or("", SmolStr::as_str)
                )),
            })
        }
        _ => None,
    }
}
