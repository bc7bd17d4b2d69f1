//! Indexes and constraints as reflection lists them.

use smol_str::SmolStr;

use crate::alembic::literal;
use crate::alembic::object::Interp;
use crate::postgres::Expr;
use crate::postgres::catalog::Relation;
use crate::postgres::statement::{ConstraintKind, ReferentialAction};
use crate::python::Value;
use crate::unknown::HOLE;

fn list(names: &[SmolStr]) -> Value {
    Value::list(names.iter().map(|name| Value::str(name.as_str())).collect())
}

/// `get_indexes`: the primary key's index never, a UNIQUE constraint's with `duplicates_constraint`, one with an
/// expression only from SQLAlchemy 2.0 on.
pub(super) fn indexes(interp: &mut Interp, relation: &Relation) -> Value {
    let is_new = interp.host.settings.sqlalchemy.0 >= 2;
    let mut found = Vec::new();
    for index in relation.indexes.iter().filter(|index| !index.primary) {
        let columns: Vec<Option<&SmolStr>> = index
            .elements
            .iter()
            .map(|element| match &element.value {
                Expr::Column { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        let has_expression = columns.iter().any(Option::is_none);
        if has_expression && !is_new {
            continue;
        }
        let column_names = columns
            .iter()
            .map(|name| name.map_or(Value::None, |name| Value::str(name.as_str())))
            .collect();
        let mut entries = vec![
            ("name", Value::str(index.name.as_str())),
            ("unique", Value::Bool(index.unique)),
            ("column_names", Value::list(column_names)),
        ];
        if has_expression {
            let expressions = columns
                .iter()
                .map(|name| {
                    name.map_or_else(
                        || Value::str(HOLE.to_string()),
                        |name| Value::str(name.as_str()),
                    )
                })
                .collect();
            entries.push(("expressions", Value::list(expressions)));
        }
        if let Some(constraint) = &index.constraint {
            entries.push(("duplicates_constraint", Value::str(constraint.as_str())));
        }
        let mut options = vec![("postgresql_include", list(&index.include))];
        if index.method != "btree" && !index.method.is_empty() {
            options.push(("postgresql_using", Value::str(index.method.as_str())));
        }
        if index.filter.is_some() {
            options.push(("postgresql_where", Value::str(HOLE.to_string())));
        }
        entries.push(("include_columns", list(&index.include)));
        entries.push(("dialect_options", literal::dict(options)));
        found.push(literal::dict(entries));
    }
    Value::list(found)
}

/// `get_unique_constraints`: constraints only, never an index made by CREATE UNIQUE INDEX.
pub(super) fn unique(relation: &Relation) -> Value {
    let found = relation.constraints.iter().filter_map(|constraint| {
        let ConstraintKind::Unique {
            columns,
            nulls_not_distinct,
            ..
        } = &constraint.definition.kind
        else {
            return None;
        };
        let columns = if columns.is_empty() {
            &constraint.columns
        } else {
            columns
        };
        Some(literal::dict(vec![
            ("name", Value::str(constraint.name.as_str())),
            ("column_names", list(columns)),
            ("comment", Value::None),
            (
                "dialect_options",
                literal::dict(vec![(
                    "postgresql_nulls_not_distinct",
                    Value::Bool(*nulls_not_distinct),
                )]),
            ),
        ]))
    });
    Value::list(found.collect())
}

/// `get_pk_constraint`: no columns and no name where there is none.
pub(super) fn primary_key(interp: &mut Interp, relation: &Relation) -> Value {
    let _ = interp;
    let found = relation.constraints.iter().find_map(|constraint| {
        let ConstraintKind::PrimaryKey { columns, .. } = &constraint.definition.kind else {
            return None;
        };
        let columns = if columns.is_empty() {
            &constraint.columns
        } else {
            columns
        };
        Some((list(columns), Value::str(constraint.name.as_str())))
    });
    let (columns, name) = found.unwrap_or_else(|| (list(&[]), Value::None));
    literal::dict(vec![
        ("constrained_columns", columns),
        ("name", name),
        ("comment", Value::None),
    ])
}

fn action(action: ReferentialAction) -> Option<&'static str> {
    match action {
        ReferentialAction::NoAction => None,
        ReferentialAction::Restrict => Some("RESTRICT"),
        ReferentialAction::Cascade => Some("CASCADE"),
        ReferentialAction::SetNull => Some("SET NULL"),
        ReferentialAction::SetDefault => Some("SET DEFAULT"),
    }
}

/// `get_foreign_keys`: the referred schema only where the name alone would not find the table.
pub(super) fn foreign_keys(
    interp: &mut Interp,
    relation: &Relation,
    schema: Option<&str>,
) -> Value {
    let mut found = Vec::new();
    for constraint in &relation.constraints {
        let ConstraintKind::ForeignKey {
            columns,
            table,
            referenced,
            on_delete,
            on_update,
        } = &constraint.definition.kind
        else {
            continue;
        };
        let columns = if columns.is_empty() {
            &constraint.columns
        } else {
            columns
        };
        let (referred_schema, referred_table) = match &constraint.references {
            Some(name) => (Some(name.schema.clone()), name.name.clone()),
            None => (table.schema.clone(), table.name.clone()),
        };
        let is_visible = referred_schema
            .as_ref()
            .is_none_or(|referred| interp.host.session.search_path.contains(referred));
        let referred_schema = match (&referred_schema, schema) {
            (Some(referred), Some(schema)) if referred == schema => Value::str(referred.as_str()),
            (Some(referred), _) if !is_visible => Value::str(referred.as_str()),
            _ => Value::None,
        };
        let mut options = Vec::new();
        if let Some(action) = action(*on_update) {
            options.push(("onupdate", Value::str(action)));
        }
        if let Some(action) = action(*on_delete) {
            options.push(("ondelete", Value::str(action)));
        }
        if constraint.definition.deferrable {
            options.push(("deferrable", Value::Bool(true)));
        }
        if constraint.definition.initially_deferred {
            options.push(("initially", Value::str("DEFERRED")));
        }
        found.push(literal::dict(vec![
            ("name", Value::str(constraint.name.as_str())),
            ("constrained_columns", list(columns)),
            ("referred_schema", referred_schema),
            ("referred_table", Value::str(referred_table.as_str())),
            ("referred_columns", list(referenced)),
            ("options", literal::dict(options)),
            ("comment", Value::None),
        ]));
    }
    Value::list(found)
}

/// `get_check_constraints`; their text is the server's own wording and not modelled.
pub(super) fn checks(relation: &Relation) -> Value {
    let found = relation.constraints.iter().filter_map(|constraint| {
        let ConstraintKind::Check(_) = &constraint.definition.kind else {
            return None;
        };
        Some(literal::dict(vec![
            ("name", Value::str(constraint.name.as_str())),
            ("sqltext", Value::str(HOLE.to_string())),
            ("comment", Value::None),
        ]))
    });
    Value::list(found.collect())
}
