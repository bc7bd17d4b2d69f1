//! Operations on constraints.

use smol_str::SmolStr;

use super::{Effect, guard, since, sqlalchemy_2, table_name};
use crate::alembic::arguments::{Bound, column_names, unexpected_keyword};
use crate::alembic::object::Interp;
use crate::alembic::schema::constraint::{self, ConstraintData, Shape};
use crate::alembic::schema::metadata::alter;
use crate::alembic::{exceptions, naming};
use crate::postgres::Name;
use crate::postgres::statement::AlterTableCommand;
use crate::python::{Arguments, Eval, Value};

/// The options of a constraint operation as the constructor takes them.
fn options(bound: &Bound) -> Arguments {
    let named = ["deferrable", "initially"]
        .iter()
        .filter_map(|name| Some((SmolStr::new(*name), bound.get(name)?.clone())));
    Arguments {
        positional: Vec::new(),
        keyword: named.chain(bound.keywords.iter().cloned()).collect(),
        incomplete: bound.incomplete,
    }
}

fn add(interp: &mut Interp, bound: &Bound, table: &Name, shape: Shape) -> Eval<Effect> {
    let mut data = constraint::data_of(interp, &options(bound), shape)?;
    let name = bound.given("constraint_name").cloned();
    data.name = naming::given(interp, name.as_ref())?;
    let definition = constraint::definition(interp, &data, Some(table), None)?;
    Ok(Effect::of(vec![alter(
        table,
        AlterTableCommand::AddConstraint(Box::new(definition)),
    )]))
}

fn columns(interp: &mut Interp, bound: &Bound, parameter: &str) -> Eval<Vec<SmolStr>> {
    match bound.given(parameter).cloned() {
        Some(value) => column_names(interp, &value),
        None => Ok(vec![crate::alembic::arguments::hole()]),
    }
}

fn include(interp: &mut Interp, bound: &Bound) -> Eval<Vec<SmolStr>> {
    match bound.keyword("postgresql_include").cloned() {
        Some(value) => column_names(interp, &value),
        None => Ok(Vec::new()),
    }
}

pub(super) fn create_unique_constraint(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let shape = Shape::Unique {
        columns: columns(interp, bound, "columns")?,
        include: include(interp, bound)?,
        nulls_not_distinct: guard(interp, bound, "postgresql_nulls_not_distinct")?,
    };
    add(interp, bound, &table, shape)
}

pub(super) fn create_check_constraint(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let condition = bound.given("condition").cloned().unwrap_or(Value::None);
    add(interp, bound, &table, Shape::Check { condition })
}

pub(super) fn create_primary_key(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let shape = Shape::PrimaryKey {
        columns: columns(interp, bound, "columns")?,
        include: Vec::new(),
    };
    add(interp, bound, &table, shape)
}

pub(super) fn create_foreign_key(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "source_table", "source_schema")?;
    let referent = table_name(interp, bound, "referent_table", "referent_schema")?;
    let on_update = bound.get("onupdate").cloned();
    let on_delete = bound.get("ondelete").cloned();
    let shape = Shape::ForeignKey {
        columns: columns(interp, bound, "local_cols")?,
        table: referent,
        referenced: columns(interp, bound, "remote_cols")?,
        on_delete: constraint::action(interp, on_delete.as_ref())?,
        on_update: constraint::action(interp, on_update.as_ref())?,
        use_alter: false,
    };
    add(interp, bound, &table, shape)
}

pub(super) fn create_exclude_constraint(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let elements = constraint::exclude_elements(interp, &bound.rest)?;
    let shape = constraint::exclude_shape(interp, elements, &options(bound))?;
    add(interp, bound, &table, shape)
}

pub(super) fn drop_constraint(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    if bound.given("if_exists").is_some() && !since(interp, 1, 16, 0) {
        return Err(unexpected_keyword(interp, "drop_constraint", "if_exists"));
    }
    let if_exists = guard(interp, bound, "if_exists")?;
    if if_exists && !sqlalchemy_2(interp) {
        return Err(interp.error(
            "NotImplementedError",
            "SQLAlchemy 2.0 or higher is required for if_exists",
        ));
    }
    let table = table_name(interp, bound, "table_name", "schema")?;
    let shape = match bound.name(interp, "type_")?.as_deref() {
        None => Shape::Any,
        Some("foreignkey") => Shape::ForeignKey {
            columns: Vec::new(),
            table: Name::default(),
            referenced: Vec::new(),
            on_delete: crate::postgres::statement::ReferentialAction::NoAction,
            on_update: crate::postgres::statement::ReferentialAction::NoAction,
            use_alter: false,
        },
        Some("primary") => Shape::PrimaryKey {
            columns: Vec::new(),
            include: Vec::new(),
        },
        Some("unique") => Shape::Unique {
            columns: Vec::new(),
            include: Vec::new(),
            nulls_not_distinct: false,
        },
        Some("check") => Shape::Check {
            condition: Value::str(""),
        },
        Some(word) if crate::unknown::has_hole(word) => Shape::Any,
        Some(_) => {
            return Err(interp.error(
                "TypeError",
                "'type' can be one of 'check', 'foreignkey', 'primary', 'unique', None",
            ));
        }
    };
    let name = bound.given("constraint_name").cloned();
    let data = ConstraintData {
        name: naming::given(interp, name.as_ref())?,
        shape,
        ..ConstraintData::default()
    };
    let Some(name) = constraint::final_name(interp, &data, Some(&table), None)? else {
        return Err(exceptions::raise(
            interp,
            "CompileError",
            "Can't emit DROP CONSTRAINT for constraint; it has no name",
        ));
    };
    Ok(Effect::of(vec![alter(
        &table,
        AlterTableCommand::DropConstraint {
            name,
            if_exists,
            cascade: false,
        },
    )]))
}
