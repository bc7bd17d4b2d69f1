//! `alembic_utils`: functions, views, triggers, policies, extensions and grants as objects, and `op.create_entity`,
//! `op.replace_entity`, `op.drop_entity` (statements as version 0.8 sends them).

use std::any::Any;

use super::custom;
use crate::alembic::arguments::{text_of, texts_of};
use crate::alembic::bridge;
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::text::TextClause;
use crate::python::{Arguments, Eval, HostRef, Str, Truth, Value};
use crate::trace::Origin;

/// The package.
pub const PACKAGE: &str = "alembic_utils";

/// Looks up the names of the package.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if module.split('.').next() != Some(PACKAGE) {
        return None;
    }
    match name {
        // it watches what autogenerate compares
        "register_entities" => Some(object::function("register_entities", |_, _| {
            Ok(Value::None)
        })),
        "PGGrantTableChoice" => Some(object::value(Choices)),
        _ => {
            let mut kinds = KINDS.iter();
            let kind = kinds.find(|kind| kind.type_name() == name)?;
            Some(object::value(*kind))
        }
    }
}

const KINDS: [Kind; 7] = [
    Kind::Function,
    Kind::View,
    Kind::MaterializedView,
    Kind::Trigger,
    Kind::Policy,
    Kind::Extension,
    Kind::Grant,
];

/// A class of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Function,
    View,
    MaterializedView,
    Trigger,
    Policy,
    Extension,
    Grant,
}

impl Object for Kind {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Function => "PGFunction",
            Self::View => "PGView",
            Self::MaterializedView => "PGMaterializedView",
            Self::Trigger => "PGTrigger",
            Self::Policy => "PGPolicy",
            Self::Extension => "PGExtension",
            Self::Grant => "PGGrantTable",
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.type_name())))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        Ok(object::value(Entity::new(interp, *self, &arguments)?))
    }
    fn is_instance(&self, _: &mut Interp, value: &Value) -> Eval<Truth> {
        let entity = object::get::<Entity>(value);
        Ok(Truth::Known(
            entity.is_some_and(|entity| entity.kind == *self),
        ))
    }
}

/// `PGGrantTableChoice.SELECT`.
#[derive(Debug)]
struct Choices;

impl Object for Choices {
    fn type_name(&self) -> &'static str {
        "PGGrantTableChoice"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let is_choice = name.bytes().all(|byte| byte.is_ascii_uppercase());
        Ok(is_choice.then(|| Value::str(name)))
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        Ok(arguments.get(0, "value").cloned().unwrap_or(Value::None))
    }
}

/// An entity, and the statements that make and drop it.
#[derive(Debug)]
struct Entity {
    kind: Kind,
    attributes: Vec<(&'static str, String)>,
    /// The class and the message of the exception where the definition can't be read.
    create: Result<String, Refusal>,
    drop: String,
    replace: Result<Vec<String>, Refusal>,
}

type Refusal = (&'static str, &'static str);

impl Entity {
    fn new(interp: &mut Interp, kind: Kind, given: &Arguments) -> Eval<Self> {
        if kind == Kind::Grant {
            return Self::grant(interp, given);
        }
        let schema = bare(&text_of(interp, given.get(0, "schema"))?);
        let signature = bare(&text_of(interp, given.get(1, "signature"))?);
        let definition = match kind {
            Kind::Extension => String::new(),
            _ => trimmed(&text_of(interp, given.get(2, "definition"))?).to_owned(),
        };
        let mut attributes = vec![("schema", schema.clone()), ("signature", signature.clone())];
        let named = format!("{}.\"{signature}\"", quoted(&schema));
        let (create, drop, replace) = match kind {
            Kind::Function => function(&schema, &signature, &escaped(&definition)),
            Kind::View => view(&named, &definition),
            Kind::MaterializedView => {
                let with_data = flag(interp, given.get(3, "with_data"), true)?;
                materialized_view(&named, &definition, with_data)
            }
            Kind::Extension => (
                Ok(format!(
                    "CREATE EXTENSION \"{signature}\" WITH SCHEMA {};",
                    quoted(&schema)
                )),
                format!("DROP EXTENSION \"{signature}\" "),
                Err(("NotImplementedError", "")),
            ),
            Kind::Trigger | Kind::Policy | Kind::Grant => {
                let on = bare(&text_of(interp, given.get(3, "on_entity"))?);
                let on = if on.contains('.') {
                    on
                } else {
                    format!("public.{on}")
                };
                attributes.push(("on_entity", on.clone()));
                let definition = escaped(&definition);
                if kind == Kind::Trigger {
                    let is_constraint = flag(interp, given.get(4, "is_constraint"), false)?;
                    trigger((&schema, &signature, &on), &definition, is_constraint)
                } else {
                    policy(&signature, &on, &definition)
                }
            }
        };
        attributes.push(("definition", definition));
        Ok(Self {
            kind,
            attributes,
            create,
            drop,
            replace,
        })
    }

    /// `PGGrantTable(schema, table, role, grant, columns, with_grant_option)`.
    fn grant(interp: &mut Interp, given: &Arguments) -> Eval<Self> {
        let schema = bare(&text_of(interp, given.get(0, "schema"))?);
        let table = bare(&text_of(interp, given.get(1, "table"))?);
        let role = bare(&text_of(interp, given.get(2, "role"))?);
        let privilege = text_of(interp, given.get(3, "grant"))?;
        let list = given.get(4, "columns").filter(|list| !list.is_none());
        let mut columns = match list.cloned() {
            Some(list) => texts_of(interp, &list)?.unwrap_or_default(),
            None => Vec::new(),
        };
        columns.sort();
        let of_columns = matches!(&*privilege, "SELECT" | "INSERT" | "UPDATE" | "REFERENCES");
        if of_columns == columns.is_empty() {
            let must = if of_columns { "must" } else { "must not" };
            let message =
                format!("When grant type is {privilege} a value {must} be provided for columns");
            return Err(interp.error("BadInputException", &message));
        }
        let columns = if columns.is_empty() {
            String::new()
        } else {
            format!("( {} )", columns.join(", "))
        };
        let option = if flag(interp, given.get(5, "with_grant_option"), false)? {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        let on = format!("{}.{}", quoted(&schema), quoted(&table));
        let create = format!(
            "GRANT {privilege} {columns} ON {on} TO {} {option}",
            quoted(&role)
        );
        let drop = format!("REVOKE {privilege} ON {on} FROM {}", quoted(&role));
        Ok(Self {
            kind: Kind::Grant,
            attributes: vec![
                ("schema", schema),
                ("table", table),
                ("role", role),
                ("grant", privilege),
            ],
            replace: Ok(vec![drop.clone(), create.clone()]),
            create: Ok(create),
            drop,
        })
    }

    /// What DROP is sent as; CASCADE means nothing to REVOKE.
    fn drop_text(&self, cascade: bool) -> String {
        match (self.kind, cascade) {
            (Kind::Grant, _) | (_, false) => self.drop.clone(),
            (_, true) => format!("{}cascade", self.drop),
        }
    }
}

impl Object for Entity {
    fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let found = self.attributes.iter().find(|(known, _)| *known == name);
        Ok(found.map(|(_, text)| Value::str(text.as_str())))
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "to_sql_statement_create",
            "to_sql_statement_create_or_replace",
            "to_sql_statement_drop",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "to_sql_statement_create" => Ok(clause(&known(interp, &self.create)?)),
            "to_sql_statement_drop" => {
                let cascade = flag(interp, arguments.get(0, "cascade"), false)?;
                Ok(clause(&self.drop_text(cascade)))
            }
            _ => {
                let statements = known(interp, &self.replace)?;
                Ok(Value::list(
                    statements.iter().map(|text| clause(text)).collect(),
                ))
            }
        }
    }
}

type Statements = (
    Result<String, Refusal>,
    String,
    Result<Vec<String>, Refusal>,
);

fn function(schema: &str, signature: &str, definition: &str) -> Statements {
    let Some((name, rest)) = signature.split_once('(') else {
        let refused = (
            "ValueError",
            "not enough values to unpack (expected 2, got 1)",
        );
        return (Err(refused), String::new(), Err(refused));
    };
    let schema = quoted(schema);
    let name = name.trim();
    let parameters = rest.strip_suffix(')').unwrap_or(rest);
    let parameters: Vec<&str> = parameters.split(',').map(without_default).collect();
    let made = format!("FUNCTION {schema}.\"{name}\"({rest} {definition}");
    (
        Ok(format!("CREATE {made}")),
        format!(
            "DROP FUNCTION {schema}.\"{name}\"({}) ",
            parameters.join(", ")
        ),
        Ok(vec![format!("CREATE OR REPLACE {made}")]),
    )
}

/// A parameter without its DEFAULT, which DROP FUNCTION does not take.
fn without_default(parameter: &str) -> &str {
    let end = parameter.to_ascii_lowercase().find("default");
    parameter[..end.unwrap_or(parameter.len())].trim()
}

fn view(named: &str, definition: &str) -> Statements {
    (
        Ok(format!("CREATE VIEW {named} AS {definition};")),
        format!("DROP VIEW {named} "),
        Ok(vec![format!(
            "do $$ begin CREATE OR REPLACE VIEW {named} AS {definition}; exception when others then \
             DROP VIEW IF EXISTS {named}; CREATE VIEW {named} AS {definition}; end; $$ language 'plpgsql'"
        )]),
    )
}

fn materialized_view(named: &str, definition: &str, with_data: bool) -> Statements {
    let no = if with_data { "" } else { "NO" };
    let create = format!("CREATE MATERIALIZED VIEW {named} AS {definition} WITH {no} DATA");
    (
        Ok(create.clone()),
        format!("DROP MATERIALIZED VIEW {named} "),
        Ok(vec![
            format!("DROP MATERIALIZED VIEW IF EXISTS {named}; "),
            create,
        ]),
    )
}

/// The table in the definition gets the entity's own schema.
fn trigger(
    (schema, signature, on): (&str, &str, &str),
    definition: &str,
    is_constraint: bool,
) -> Statements {
    let constraint = if is_constraint { " CONSTRAINT " } else { " " };
    let create = parts_of_trigger(definition)
        .map(|(event, table, action)| {
            let table = table.split_once('.').map_or(table, |(_, name)| name);
            format!(
                "CREATE{constraint}TRIGGER \"{signature}\" {event} ON {schema}.{table} {action}"
            )
        })
        .ok_or((
            "SQLParseFailure",
            "Failed to parse SQL into PGTrigger.definition",
        ));
    let drop = format!("DROP TRIGGER \"{signature}\" ON {on} ");
    let replace = create.clone().map(|create| {
        vec![
            format!("DROP TRIGGER IF EXISTS \"{signature}\" ON {on};"),
            create,
        ]
    });
    (create, drop, replace)
}

/// What stands before the first ` ON `, the table, and the rest.
fn parts_of_trigger(definition: &str) -> Option<(&str, &str, &str)> {
    let mut words = definition.split_whitespace();
    words.next()?;
    let on = words.find(|word| word.eq_ignore_ascii_case("on"))?;
    let table = words.next()?;
    let action = words.next()?;
    let place = |word: &str| word.as_ptr() as usize - definition.as_ptr() as usize;
    Some((
        definition[..place(on)].trim_end(),
        table,
        &definition[place(action)..],
    ))
}

fn policy(signature: &str, on: &str, definition: &str) -> Statements {
    let create = format!("CREATE POLICY {signature} on {on} {definition}");
    let replace = vec![
        format!("DROP POLICY IF EXISTS {signature} on {on};"),
        format!("{create};"),
    ];
    (
        Ok(create),
        format!("DROP POLICY {signature} on {on} "),
        Ok(replace),
    )
}

/// `op.create_entity(entity)`, `op.replace_entity(entity)`, `op.drop_entity(entity, cascade=False)`; `None`: another operation.
pub fn call(interp: &mut Interp, name: &str, arguments: &Arguments) -> Eval<Option<Value>> {
    if !matches!(name, "create_entity" | "replace_entity" | "drop_entity") {
        return Ok(None);
    }
    let target = arguments.get(0, "target").cloned().unwrap_or(Value::None);
    let Some(entity) = object::get::<Entity>(&target) else {
        return Ok(Some(custom::unknown(interp, name, arguments)));
    };
    let statements = match name {
        "create_entity" => vec![known(interp, &entity.create)?],
        "replace_entity" => known(interp, &entity.replace)?,
        _ => vec![entity.drop_text(flag(interp, arguments.get(1, "cascade"), false)?)],
    };
    for statement in statements {
        bridge::execute(interp, &clause(&statement), None, Origin::Text)?;
    }
    Ok(Some(Value::None))
}

fn known<T: Clone>(interp: &Interp, made: &Result<T, Refusal>) -> Eval<T> {
    made.clone()
        .map_err(|(class, message)| interp.error(class, message))
}

fn clause(text: &str) -> Value {
    object::value(TextClause::new(Str {
        text: text.into(),
        literal: None,
    }))
}

fn flag(interp: &mut Interp, value: Option<&Value>, default: bool) -> Eval<bool> {
    match value.cloned() {
        Some(value) => interp.truth(&value),
        None => Ok(default),
    }
}

/// Blanks joined and quotes taken away.
fn bare(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('"', "")
}

fn quoted(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, name)) => format!("\"{schema}\".\"{name}\""),
        None => format!("\"{name}\""),
    }
}

fn trimmed(definition: &str) -> &str {
    definition.trim().trim_end_matches(';').trim()
}

/// Colons that `text()` would read as bind parameters, escaped: not `::`, nor `:=` of PL/pgSQL.
fn escaped(definition: &str) -> String {
    let words: Vec<&str> = definition.split_whitespace().collect();
    let is_procedural = words
        .join(" ")
        .to_lowercase()
        .replace('\'', "")
        .contains("language plpgsql");
    let mut text = String::with_capacity(definition.len());
    let mut rest = definition;
    while let Some(at) = rest.find(':') {
        text.push_str(&rest[..at]);
        let behind = &rest[at..];
        let width = match behind.as_bytes().get(1) {
            Some(b':') => 2,
            Some(b'=') if is_procedural => 2,
            _ => 1,
        };
        if width == 1 && !(is_procedural && rest[..at].ends_with('\\')) {
            text.push('\\');
        }
        text.push_str(&behind[..width]);
        rest = &behind[width..];
    }
    text.push_str(rest);
    text
}
