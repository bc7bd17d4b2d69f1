//! `op.sync_enum_values(...)` of alembic-postgresql-enum, which autogenerate writes where that is installed: the type is
//! renamed, made anew, and each column moved over (statements as version 1.11 sends them).

use std::any::Any;

use super::custom;
use crate::alembic::arguments::{hole, text_of, texts_of};
use crate::alembic::connection;
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::Parameters;
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::sql::{self, Placeholders};
use crate::trace::Origin;

/// The package.
pub const PACKAGE: &str = "alembic_postgresql_enum";

/// Looks up the names of the package.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if module.split('.').next() != Some(PACKAGE) {
        return None;
    }
    match name {
        "TableReference" | "TableIndex" => Some(object::function("TableReference", |_, given| {
            Ok(object::value(Reference(given)))
        })),
        "ColumnType" => Some(object::value(ColumnType)),
        _ => None,
    }
}

/// A `TableReference` or `TableIndex`: what it was given.
#[derive(Debug)]
struct Reference(Arguments);

impl Object for Reference {
    fn type_name(&self) -> &'static str {
        "TableReference"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(self.0.named(name).cloned())
    }
}

/// `ColumnType.COMMON`, `ColumnType.ARRAY`.
#[derive(Debug)]
struct ColumnType;

impl Object for ColumnType {
    fn type_name(&self) -> &'static str {
        "ColumnType"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(matches!(name, "COMMON" | "ARRAY").then(|| Value::str(name)))
    }
}

/// A column of the type.
struct Column {
    table: String,
    name: String,
    array: bool,
    default: Option<String>,
}

/// `op.sync_enum_values(enum_schema, enum_name, new_values, affected_columns, enum_values_to_rename, indexes_to_recreate)`.
pub fn call(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let schema = text_of(interp, arguments.get(0, "enum_schema"))?;
    let name = text_of(interp, arguments.get(1, "enum_name"))?;
    let labels = match arguments.get(2, "new_values").cloned() {
        Some(values) => texts_of(interp, &values)?,
        None => None,
    };
    let affected = match arguments.get(3, "affected_columns").cloned() {
        Some(columns) => interp.items(&columns)?,
        None => Ok(Vec::new()),
    };
    let Ok(affected) = affected else {
        custom::unknown(interp, "sync_enum_values", &arguments);
        return Ok(Value::None);
    };
    let renamed = pairs(interp, arguments.get(4, "enum_values_to_rename"))?;
    let mut columns = Vec::with_capacity(affected.len());
    for column in &affected {
        columns.push(column_of(interp, column, &schema)?);
    }
    let indexes = indexes(interp, arguments.get(5, "indexes_to_recreate"))?;
    let labels = labels.map_or_else(
        || hole().to_string(),
        |labels| {
            labels
                .iter()
                .map(|label| format!("'{label}'"))
                .collect::<Vec<_>>()
                .join(", ")
        },
    );
    let made = format!("\"{schema}\".\"{name}\"");
    let old = format!("\"{schema}\".\"{name}_old\"");
    let operators = [("!=", "new_old_not_equals"), ("=", "new_old_equals")];
    let mut statements = vec![
        format!("ALTER TYPE {made} RENAME TO \"{name}_old\""),
        format!("CREATE TYPE {made} AS ENUM({labels})"),
    ];
    for (operator, function) in operators {
        statements.push(format!(
            "CREATE FUNCTION \"{schema}\".{function}(new_enum_val {made}, old_enum_val {old}) RETURNS boolean AS $$ \
             SELECT new_enum_val::text {operator} {}; $$ LANGUAGE SQL IMMUTABLE",
            carried("old_enum_val", &renamed),
        ));
        statements.push(format!(
            "CREATE OPERATOR \"{schema}\".{operator} (leftarg = {made}, rightarg = {old}, procedure = \"{schema}\".{function})"
        ));
    }
    for (index, _) in &indexes {
        statements.push(format!("DROP INDEX IF EXISTS {}", quoted(index)));
    }
    for column in &columns {
        move_over(column, (&schema, &name), &renamed, &mut statements);
    }
    for (operator, function) in operators {
        statements.push(format!(
            "DROP OPERATOR IF EXISTS \"{schema}\".{operator} ({made}, {old})"
        ));
        statements.push(format!(
            "DROP FUNCTION \"{schema}\".{function}(new_enum_val {made}, old_enum_val {old})"
        ));
    }
    statements.push(format!("DROP TYPE {old}"));
    statements.extend(indexes.into_iter().map(|(_, definition)| definition));
    for statement in statements {
        run(interp, &statement)?;
    }
    Ok(Value::None)
}

/// The statements that give a column the new type.
fn move_over(
    column: &Column,
    (schema, name): (&str, &str),
    renamed: &[(String, String)],
    statements: &mut Vec<String>,
) {
    let made = format!("\"{schema}\".\"{name}\"");
    let own = format!("\"{}\"", column.name);
    let table = &column.table;
    if column.default.is_some() {
        statements.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {own} DROP DEFAULT"
        ));
    }
    statements.push(if column.array {
        let moved = renamed
            .iter()
            .fold(format!("{own}::text[]"), |inner, (from, to)| {
                format!("array_replace({inner}, '{from}', '{to}')")
            });
        format!("ALTER TABLE {table} ALTER COLUMN {own} TYPE {made}[] USING {moved}::{made}[]")
    } else {
        let moved = carried(&own, renamed);
        format!("ALTER TABLE {table} ALTER COLUMN {own} TYPE {made} USING ({moved})::{made}")
    });
    if let Some(default) = &column.default {
        let mut value = default.split("::").next().unwrap_or(default).to_owned();
        if default.starts_with("ARRAY[") {
            value.clone_from(default);
        }
        for (from, to) in renamed {
            value = value.replace(&format!("'{from}'"), &format!("'{to}'"));
        }
        let brackets = if column.array { "[]" } else { "" };
        statements.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {own} SET DEFAULT {value}::{schema}.{name}{brackets}"
        ));
    }
}

/// The text of a value of the old type under its new name.
fn carried(value: &str, renamed: &[(String, String)]) -> String {
    if renamed.is_empty() {
        return format!("{value}::text");
    }
    let arms: Vec<String> = renamed
        .iter()
        .map(|(from, to)| format!("WHEN {value}::text = '{from}' THEN '{to}'"))
        .collect();
    format!("CASE {} ELSE {value}::text END", arms.join(" "))
}

fn quoted(name: &str) -> String {
    let parts: Vec<String> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.trim_matches('"')))
        .collect();
    parts.join(".")
}

fn run(interp: &mut Interp, text: &str) -> Eval<()> {
    Environment::execute(interp, DriverCall::of_text(Origin::Construct, text)).map(|_| ())
}

/// Pairs of texts; none where they are not known.
fn pairs(interp: &mut Interp, values: Option<&Value>) -> Eval<Vec<(String, String)>> {
    let mut all = Vec::new();
    let Some(values) = values.cloned() else {
        return Ok(all);
    };
    let Ok(items) = interp.items(&values)? else {
        return Ok(all);
    };
    for item in &items {
        if let Some(pair) = texts_of(interp, item)?
            && let [from, to] = pair.as_slice()
        {
            all.push((from.clone(), to.clone()));
        }
    }
    Ok(all)
}

fn indexes(interp: &mut Interp, values: Option<&Value>) -> Eval<Vec<(String, String)>> {
    let mut all = Vec::new();
    let Some(values) = values.filter(|values| !values.is_none()).cloned() else {
        return Ok(all);
    };
    let Ok(items) = interp.items(&values)? else {
        return Ok(all);
    };
    for item in &items {
        if let Some(Reference(given)) = object::get::<Reference>(item) {
            let name = text_of(interp, given.get(0, "name"))?;
            let definition = text_of(interp, given.get(1, "definition"))?;
            all.push((name, definition));
        }
    }
    Ok(all)
}

/// A `TableReference`, or the older form: table, column and perhaps the kind of column, whose default is asked for.
fn column_of(interp: &mut Interp, value: &Value, schema: &str) -> Eval<Column> {
    let qualified = |schema: &str, table: &str| match schema {
        "" => format!("\"{table}\""),
        schema => format!("\"{schema}\".\"{table}\""),
    };
    let is_array = |value: Option<&Value>| value.and_then(Value::as_str) == Some("ARRAY");
    if let Some(Reference(given)) = object::get::<Reference>(value) {
        let own = match given.get(2, "table_schema") {
            Some(Value::None) => String::new(),
            None => schema.to_owned(),
            schema => text_of(interp, schema)?,
        };
        let default = given.get(4, "existing_server_default");
        return Ok(Column {
            table: qualified(&own, &text_of(interp, given.get(0, "table_name"))?),
            name: text_of(interp, given.get(1, "column_name"))?,
            array: is_array(given.get(3, "column_type")),
            default: match default.filter(|default| !default.is_none()) {
                Some(_) => Some(text_of(interp, default)?),
                None => None,
            },
        });
    }
    let parts = interp.items(value)?.unwrap_or_default();
    let table = text_of(interp, parts.first())?;
    let name = text_of(interp, parts.get(1))?;
    let question = format!(
        "SELECT column_default FROM information_schema.columns WHERE table_schema = '{schema}' AND table_name = '{table}' AND column_name = '{name}'"
    );
    let statements = sql::parse(&question, Placeholders::None);
    let statements = statements.iter().map(|one| one.statement.clone()).collect();
    let result = connection::run(interp, Origin::Construct, statements, Parameters::default())?;
    let result = object::value(result);
    let scalar = interp.attribute(&result, "scalar")?;
    let default = interp.call(&scalar, Arguments::default())?;
    Ok(Column {
        table: qualified(schema, &table),
        name,
        array: is_array(parts.get(2)),
        default: default.as_str().map(str::to_owned),
    })
}
