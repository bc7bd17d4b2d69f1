//! Enums: labels and name from strings or Python classes, CREATE TYPE before a table, `create` and `drop`.
//!
//! Which of them is emitted and whether it looks first differs by class and SQLAlchemy version; the facts are measured.

use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::SqlType;
use crate::alembic::arguments::{hole, int_of, items_of, name_of};
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::exceptions;
use crate::alembic::object::{self, Interp};
use crate::config::PackageVersion;
use crate::postgres::catalog::{QualifiedName, RelationKind};
use crate::postgres::statement::{CreateType, Drop, DropTarget, TypeDefinition};
use crate::postgres::{Name, ObjectKind, Session, Statement, TypeName};
use crate::python::{Arguments, Eval, Value};
use crate::trace::EnumType;

/// What makes a type an enum.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Enumeration {
    pub labels: Vec<SmolStr>,
    pub name: Option<SmolStr>,
    pub schema: Option<SmolStr>,
    pub inherit_schema: bool,
    pub native: bool,
    pub create_constraint: bool,
    pub create_type: bool,
    /// Belongs to a MetaData: up to SQLAlchemy 2.0 a table then does not make it.
    pub metadata: bool,
    /// It is `postgresql.ENUM`.
    pub postgres: bool,
    /// It says `create_type=False`, honoured or not.
    pub create_type_off: bool,
    pub length: Option<i64>,
    /// The Python class of its labels.
    pub class: Option<Value>,
}

impl Enumeration {
    /// An enum of its constructor's arguments.
    pub fn new(interp: &mut Interp, arguments: &Arguments, postgres: bool) -> Eval<Self> {
        let class = match arguments.positional.first() {
            Some(value @ Value::Class(_)) => Some(value.clone()),
            Some(value @ Value::Unknown(_)) if arguments.positional.len() == 1 => {
                Some(value.clone())
            }
            _ => None,
        };
        let values_callable = arguments
            .named("values_callable")
            .filter(|value| !value.is_none())
            .cloned();
        let labels = match &class {
            Some(class) => class_labels(interp, class, values_callable.as_ref())?,
            None => {
                let mut labels = Vec::new();
                for value in &arguments.positional {
                    labels.push(name_of(interp, value)?.unwrap_or_else(hole));
                }
                if arguments.incomplete {
                    labels.push(hole());
                }
                labels
            }
        };
        let name = match arguments.named("name").cloned() {
            Some(name) => name_of(interp, &name)?,
            None => match &class {
                Some(Value::Class(class)) => Some(SmolStr::new(class.name.to_lowercase())),
                Some(_) => Some(hole()),
                None => arguments.incomplete.then(hole),
            },
        };
        let metadata = arguments
            .named("metadata")
            .filter(|value| !value.is_none())
            .cloned();
        let mut schema = match arguments.named("schema").cloned() {
            Some(schema) => name_of(interp, &schema)?,
            None => None,
        };
        if schema.is_none()
            && let Some(metadata) = &metadata
        {
            schema = crate::alembic::schema::metadata_schema(metadata);
        }
        let flag =
            |interp: &mut Interp, name: &str, default: bool| match arguments.named(name).cloned() {
                Some(value) => interp.truth(&value),
                None => Ok(default),
            };
        let honours_create_type =
            postgres || interp.host.settings.sqlalchemy >= PackageVersion(2, 1, 0);
        let create_type = flag(interp, "create_type", true)?;
        Ok(Self {
            labels,
            name,
            schema,
            inherit_schema: flag(interp, "inherit_schema", false)?,
            native: postgres || flag(interp, "native_enum", true)?,
            create_constraint: flag(interp, "create_constraint", default_constraint(interp))?,
            create_type: !honours_create_type || create_type,
            create_type_off: !create_type,
            metadata: metadata.is_some(),
            postgres,
            length: arguments.named("length").and_then(int_of),
            class,
        })
    }

    /// An attribute of the type object.
    pub fn attribute(&self, name: &str) -> Option<Value> {
        let text = |value: &Option<SmolStr>| {
            value
                .as_ref()
                .map_or(Value::None, |value| Value::str(value.as_str()))
        };
        match name {
            "enums" => Some(Value::list(
                self.labels
                    .iter()
                    .map(|label| Value::str(label.as_str()))
                    .collect(),
            )),
            "name" => Some(text(&self.name)),
            "schema" => Some(text(&self.schema)),
            "native_enum" => Some(Value::Bool(self.native)),
            "create_type" => Some(Value::Bool(self.create_type)),
            "enum_class" => Some(self.class.clone().unwrap_or(Value::None)),
            "length" => Some(Value::Int(self.text_length())),
            _ => None,
        }
    }

    fn text_length(&self) -> i64 {
        let longest = self
            .labels
            .iter()
            .map(|label| label.chars().count())
            .max()
            .unwrap_or(0) as i64;
        self.length.unwrap_or(0).max(longest)
    }

    /// The type of a column that has it.
    pub fn type_name(&self, interp: &mut Interp) -> Eval<TypeName> {
        if !self.native {
            return Ok(TypeName {
                modifiers: vec![SmolStr::new(self.text_length().to_string())],
                ..TypeName::new("varchar")
            });
        }
        Ok(TypeName {
            name: self.qualified(interp)?,
            modifiers: Vec::new(),
            array: false,
        })
    }

    /// Its name; a native enum must have one.
    pub fn qualified(&self, interp: &mut Interp) -> Eval<Name> {
        match &self.name {
            Some(name) => Ok(Name::qualified(self.schema.as_deref(), name)),
            None => Err(exceptions::raise(
                interp,
                "CompileError",
                "PostgreSQL ENUM type requires a name.",
            )),
        }
    }

    /// `CREATE TYPE ... AS ENUM`.
    pub fn create_statement(&self, interp: &mut Interp) -> Eval<Statement> {
        Ok(Statement::CreateType(Box::new(CreateType {
            name: self.qualified(interp)?,
            definition: TypeDefinition::Enum {
                labels: self.labels.clone(),
            },
        })))
    }

    /// `DROP TYPE`.
    pub fn drop_statement(&self, interp: &mut Interp) -> Eval<Statement> {
        Ok(Statement::Drop(Box::new(Drop {
            kind: ObjectKind::Type,
            targets: vec![DropTarget {
                name: self.qualified(interp)?,
                member: None,
                arguments: None,
            }],
            if_exists: false,
            cascade: false,
            concurrently: false,
        })))
    }
}

/// Up to SQLAlchemy 1.3 a non-native enum made its CHECK by default.
fn default_constraint(interp: &Interp) -> bool {
    interp.host.settings.sqlalchemy < PackageVersion(1, 4, 0)
}

fn class_labels(
    interp: &mut Interp,
    class: &Value,
    values_callable: Option<&Value>,
) -> Eval<Vec<SmolStr>> {
    if let Some(callable) = values_callable {
        let arguments = Arguments {
            positional: vec![class.clone()],
            ..Arguments::default()
        };
        let values = interp.call(callable, arguments)?;
        let (items, incomplete) = items_of(interp, &values)?;
        let mut labels = Vec::new();
        for item in &items {
            labels.push(name_of(interp, item)?.unwrap_or_else(hole));
        }
        if incomplete {
            labels.push(hole());
        }
        return Ok(labels);
    }
    let (members, incomplete) = items_of(interp, class)?;
    let mut labels = Vec::new();
    for member in &members {
        let name = interp.attribute(member, "name")?;
        labels.push(name_of(interp, &name)?.unwrap_or_else(hole));
    }
    if incomplete {
        labels.push(hole());
    }
    Ok(labels)
}

/// The label of a member in the enum behind a type; `None`: it is none of its members.
pub fn label_of(interp: &mut Interp, type_: &Value, member: &Value) -> Eval<Option<SmolStr>> {
    let Some(enumeration) = of_column(interp, type_, None)? else {
        return Ok(None);
    };
    let Some(class) = &enumeration.class else {
        return Ok(None);
    };
    let (members, _) = items_of(interp, class)?;
    let same = |known: &Value| match (known, member) {
        (Value::Instance(known), Value::Instance(member)) => Rc::ptr_eq(known, member),
        _ => false,
    };
    let position = members.iter().position(same);
    Ok(position.and_then(|at| enumeration.labels.get(at).cloned()))
}

/// The enum behind a column's type: through variants, decorators and arrays.
pub fn of_column(
    interp: &mut Interp,
    type_: &Value,
    table_schema: Option<&SmolStr>,
) -> Eval<Option<Enumeration>> {
    let mut current = super::implementation(interp, type_)?;
    for _ in 0..4 {
        let Some(instance) = object::get::<SqlType>(&current) else {
            return Ok(None);
        };
        if let Some(enumeration) = &instance.enumeration {
            let mut enumeration = enumeration.clone();
            if enumeration.inherit_schema {
                enumeration.schema = table_schema.cloned();
            }
            return Ok(Some(enumeration));
        }
        if !instance.class.is_a("ARRAY") {
            return Ok(None);
        }
        let Some(item) = instance.argument(0, "item_type").cloned() else {
            return Ok(None);
        };
        current = super::implementation(interp, &item)?;
    }
    Ok(None)
}

/// What a trace tells of the native enum behind a column's type, if it has a name.
pub fn told(
    interp: &mut Interp,
    type_: Option<&Value>,
    table_schema: Option<&SmolStr>,
) -> Eval<Option<EnumType>> {
    let Some(type_) = type_ else { return Ok(None) };
    let found = of_column(interp, type_, table_schema)?.filter(|found| found.native);
    Ok(found.and_then(|found| {
        Some(EnumType {
            name: Name::qualified(found.schema.as_deref(), found.name.as_ref()?),
            postgres: found.postgres,
            create_type_off: found.create_type_off,
            metadata: found.metadata,
        })
    }))
}

/// How a table is being made: decides whether its enums look first and whose memo they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableCreation {
    /// `op.create_table`: no look at the catalog, the memo of the run.
    Operation,
    /// `Table.create`, `create_all`, with their `checkfirst`; a memo of its own.
    Schema {
        /// Look whether the type is there.
        checkfirst: bool,
    },
}

/// Begins the keys of the memo of made types, which lives as long as the command.
const MADE: &str = "enum made by this run ";

/// The memo of the types that were made, for the next revision of a command.
pub fn memo(host: &Environment) -> impl Iterator<Item = &str> {
    host.memo
        .keys()
        .map(String::as_str)
        .filter(|key| key.starts_with(MADE))
}

/// Remembers the types that earlier revisions of the command made.
pub fn remember(host: &mut Environment, made: &[String]) {
    for key in made {
        host.memo.insert(key.clone(), Value::Bool(true));
    }
}

/// The CREATE TYPE that a column's enum needs before its table is made, if any.
pub fn before_table(
    interp: &mut Interp,
    enumeration: &Enumeration,
    creation: TableCreation,
    memo: &mut Vec<Name>,
) -> Eval<Option<Statement>> {
    if !enumeration.native || !enumeration.create_type {
        return Ok(None);
    }
    let name = enumeration.qualified(interp)?;
    let by_metadata =
        enumeration.metadata && interp.host.settings.sqlalchemy < PackageVersion(2, 1, 0);
    match creation {
        TableCreation::Operation => {
            if by_metadata {
                return Ok(None);
            }
            let key = format!("{MADE}{name}");
            if interp.host.memo.insert(key, Value::Bool(true)).is_some() {
                return Ok(None);
            }
        }
        TableCreation::Schema { checkfirst } => {
            if by_metadata && !checkfirst {
                return Ok(None);
            }
            if memo.contains(&name) {
                return Ok(None);
            }
            memo.push(name.clone());
            if checkfirst && exists(&interp.host.session, &name) {
                return Ok(None);
            }
        }
    }
    enumeration.create_statement(interp).map(Some)
}

/// Whether a type of a name is visible, whatever its kind: SQLAlchemy asks by name only, tables have types too.
pub fn exists(session: &Session, name: &Name) -> bool {
    let schemas: Vec<&SmolStr> = match &name.schema {
        Some(schema) => vec![schema],
        None => session.search_path.iter().collect(),
    };
    schemas.iter().any(|schema| {
        let qualified = QualifiedName::new(schema, &name.name);
        session.catalog.types.contains_key(&qualified)
            || session
                .catalog
                .relations
                .get(&qualified)
                .is_some_and(|relation| {
                    !matches!(relation.kind, RelationKind::Index | RelationKind::Sequence)
                })
    })
}

/// DROP TYPE, unless `checkfirst` finds that the type is not there.
pub fn drop_call(
    interp: &mut Interp,
    enumeration: &Enumeration,
    checkfirst: bool,
) -> Eval<Option<Statement>> {
    let name = enumeration.qualified(interp)?;
    let there = exists(&interp.host.session, &name);
    // in an open world a type never heard of may be there, and then it goes
    if checkfirst && !there && !interp.host.session.catalog.open {
        return Ok(None);
    }
    let mut statement = enumeration.drop_statement(interp)?;
    if let Statement::Drop(drop) = &mut statement {
        drop.if_exists = checkfirst && !there;
    }
    Ok(Some(statement))
}

/// `enum.create(bind, checkfirst=...)`, `enum.drop(...)`.
pub fn create_or_drop(
    interp: &mut Interp,
    type_: &SqlType,
    create: bool,
    arguments: &Arguments,
) -> Eval<Value> {
    let enumeration = match &type_.enumeration {
        // the variant for PostgreSQL is what is made
        Some(_) if !type_.variants.is_empty() => {
            let variant = type_.variants.first().map(|(_, variant)| variant.clone());
            match variant {
                Some(variant) => of_column(interp, &variant, None)?,
                None => None,
            }
        }
        own => own.clone(),
    };
    let Some(enumeration) = enumeration.filter(|enumeration| enumeration.native) else {
        return Ok(Value::None);
    };
    let checkfirst = match arguments.get(1, "checkfirst").cloned() {
        Some(value) => interp.truth(&value)?,
        // `sa.Enum` does not look by default, `postgresql.ENUM` does
        None => enumeration.postgres,
    };
    let statement = if create {
        let name = enumeration.qualified(interp)?;
        if checkfirst && exists(&interp.host.session, &name) {
            return Ok(Value::None);
        }
        enumeration.create_statement(interp)?
    } else {
        match drop_call(interp, &enumeration, checkfirst)? {
            Some(statement) => statement,
            None => return Ok(Value::None),
        }
    };
    let what = if create { "Enum.create" } else { "Enum.drop" };
    let call = DriverCall::schema(what, statement, checkfirst);
    Environment::execute(interp, call)?;
    Ok(Value::None)
}

/// The CHECK of an enum without a native type, as an expression text's parts: column and labels.
pub fn check_of(enumeration: &Enumeration, column: &str) -> Option<crate::postgres::Expr> {
    use crate::postgres::{Datum, Expr};
    if enumeration.native || !enumeration.create_constraint {
        return None;
    }
    Some(Expr::In {
        value: Box::new(Expr::column(column)),
        list: enumeration
            .labels
            .iter()
            .map(|label| Expr::Value(Datum::Text(Arc::from(label.as_str()))))
            .collect(),
        negated: false,
    })
}
