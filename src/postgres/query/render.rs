//! How the server prints names, types and definitions.
//!
//! Only what is sure to read as the server would print it; anything else is `None`, so that no guard compares with text
//! that is merely alike.

use smol_str::SmolStr;

use super::{Context, system};
use crate::postgres::catalog::{Constraint, Index, QualifiedName, Relation};
use crate::postgres::expression::{Datum, Expr, TypeName};
use crate::postgres::name::Quoted;
use crate::postgres::statement::{ConstraintKind, ReferentialAction};

/// Whether a word must be quoted as an identifier; the common ones among the reserved.
pub(crate) fn is_reserved(word: &str) -> bool {
    matches!(
        word,
        "all"
            | "analyse"
            | "analyze"
            | "and"
            | "any"
            | "array"
            | "as"
            | "asc"
            | "asymmetric"
            | "authorization"
            | "between"
            | "binary"
            | "both"
            | "case"
            | "cast"
            | "check"
            | "collate"
            | "column"
            | "constraint"
            | "create"
            | "cross"
            | "current_catalog"
            | "current_date"
            | "current_role"
            | "current_time"
            | "current_timestamp"
            | "current_user"
            | "default"
            | "deferrable"
            | "desc"
            | "distinct"
            | "do"
            | "else"
            | "end"
            | "except"
            | "false"
            | "fetch"
            | "for"
            | "foreign"
            | "freeze"
            | "from"
            | "full"
            | "grant"
            | "group"
            | "having"
            | "ilike"
            | "in"
            | "initially"
            | "inner"
            | "intersect"
            | "into"
            | "is"
            | "isnull"
            | "join"
            | "lateral"
            | "leading"
            | "left"
            | "like"
            | "limit"
            | "localtime"
            | "localtimestamp"
            | "natural"
            | "not"
            | "notnull"
            | "null"
            | "offset"
            | "on"
            | "only"
            | "or"
            | "order"
            | "outer"
            | "overlaps"
            | "placing"
            | "primary"
            | "references"
            | "returning"
            | "right"
            | "select"
            | "session_user"
            | "similar"
            | "some"
            | "symmetric"
            | "table"
            | "tablesample"
            | "then"
            | "to"
            | "trailing"
            | "true"
            | "union"
            | "unique"
            | "user"
            | "using"
            | "variadic"
            | "verbose"
            | "when"
            | "where"
            | "window"
            | "with"
            | "values"
            | "coalesce"
            | "exists"
            | "interval"
            | "time"
            | "timestamp"
            | "row"
            | "position"
            | "overlay"
            | "substring"
            | "trim"
    )
}

fn quoted(name: &str) -> String {
    if is_reserved(name) {
        format!("\"{name}\"")
    } else {
        Quoted(name).to_string()
    }
}

/// A name, with its schema only where the search path does not find it.
pub(crate) fn visible_name(name: &QualifiedName, context: &Context<'_>) -> String {
    let first = context.path().find(|schema| {
        let candidate = QualifiedName::new(schema, &name.name);
        context.catalog.relations.contains_key(&candidate)
            || context.catalog.types.contains_key(&candidate)
            || context.catalog.functions.contains_key(&candidate)
    });
    if first.is_some_and(|schema| schema == name.schema) || name.schema == "pg_catalog" {
        return quoted(&name.name);
    }
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}

/// A type's name as messages print it.
pub(crate) fn type_text(type_name: &TypeName) -> String {
    let mut text = type_text_plain(type_name);
    if type_name.array {
        text.push_str("[]");
    }
    text
}

/// A type's name without modifiers and brackets.
pub(crate) fn type_text_plain(type_name: &TypeName) -> String {
    match system::types::printed(&type_name.name.name) {
        Some(printed) if type_name.name.schema.is_none() => printed.to_owned(),
        _ => match type_name.name.schema.as_deref() {
            None | Some("public") => quoted(&type_name.name.name),
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&type_name.name.name)),
        },
    }
}

fn list(columns: &[SmolStr]) -> String {
    columns
        .iter()
        .map(|column| quoted(column))
        .collect::<Vec<_>>()
        .join(", ")
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
    }
}

/// The rule of a referential action as `information_schema` words it.
pub(crate) fn action_text(of: ReferentialAction) -> &'static str {
    action(of)
}

/// `pg_get_constraintdef`.
pub(crate) fn constraint_definition(
    relation: &Relation,
    constraint: &Constraint,
    context: &Context<'_>,
) -> Option<String> {
    let _ = relation;
    let definition = &constraint.definition;
    let mut text = match &definition.kind {
        ConstraintKind::PrimaryKey { columns, .. } => format!("PRIMARY KEY ({})", list(columns)),
        ConstraintKind::Unique {
            columns,
            nulls_not_distinct,
            ..
        } => {
            let nulls = if *nulls_not_distinct {
                "NULLS NOT DISTINCT "
            } else {
                ""
            };
            format!("UNIQUE {nulls}({})", list(columns))
        }
        ConstraintKind::ForeignKey {
            columns,
            referenced,
            on_delete,
            on_update,
            ..
        } => {
            let target = constraint.references.as_ref()?;
            if referenced.is_empty() {
                return None;
            }
            let mut text = format!(
                "FOREIGN KEY ({}) REFERENCES {}({})",
                list(columns),
                visible_name(target, context),
                list(referenced)
            );
            if *on_update != ReferentialAction::NoAction {
                text.push_str(" ON UPDATE ");
                text.push_str(action(*on_update));
            }
            if *on_delete != ReferentialAction::NoAction {
                text.push_str(" ON DELETE ");
                text.push_str(action(*on_delete));
            }
            text
        }
        ConstraintKind::NotNull { column } => format!("NOT NULL {}", quoted(column)),
        ConstraintKind::Check(_) | ConstraintKind::Exclude { .. } => return None,
    };
    if definition.deferrable {
        text.push_str(" DEFERRABLE");
    }
    if definition.initially_deferred {
        text.push_str(" INITIALLY DEFERRED");
    }
    if definition.not_valid {
        text.push_str(" NOT VALID");
    }
    Some(text)
}

/// `pg_get_indexdef` of an index's relation.
pub(crate) fn index_definition_of(relation: &Relation, context: &Context<'_>) -> Option<String> {
    let table = context.catalog.relations.get(relation.index_of.as_ref()?)?;
    let index = table
        .indexes
        .iter()
        .find(|index| index.name == relation.name.name)?;
    index_definition(table, index)
}

/// `pg_indexes.indexdef`: plain columns only.
pub(crate) fn index_definition(table: &Relation, index: &Index) -> Option<String> {
    if index.filter.is_some() {
        return None;
    }
    let mut elements = Vec::with_capacity(index.elements.len());
    for element in &index.elements {
        let Expr::Column { name, .. } = &element.value else {
            return None;
        };
        let mut text = quoted(name);
        if let Some(class) = &element.operator_class {
            text.push(' ');
            text.push_str(class);
        }
        if element.descending {
            text.push_str(" DESC");
        }
        elements.push(text);
    }
    let unique = if index.unique { "UNIQUE " } else { "" };
    let mut text = format!(
        "CREATE {unique}INDEX {} ON {}.{} USING {} ({})",
        quoted(&index.name),
        quoted(&table.name.schema),
        quoted(&table.name.name),
        if index.method.is_empty() {
            "btree"
        } else {
            &index.method
        },
        elements.join(", ")
    );
    if !index.include.is_empty() {
        text.push_str(" INCLUDE (");
        text.push_str(&list(&index.include));
        text.push(')');
    }
    if index.nulls_not_distinct {
        text.push_str(" NULLS NOT DISTINCT");
    }
    Some(text)
}

/// A default as `information_schema.columns` prints it.
pub(crate) fn default_text(default: &Expr, type_name: &TypeName) -> Option<String> {
    match default {
        Expr::Value(Datum::Int(number)) => Some(number.to_string()),
        Expr::Value(Datum::Bool(value)) => Some(value.to_string()),
        Expr::Value(Datum::Float(number)) => Some(number.to_string()),
        Expr::Value(Datum::Text(text)) => {
            let escaped = text.replace('\'', "''");
            match type_name.name.name.as_str() {
                "bool" if type_name.name.schema.is_none() => {
                    super::cast::parse_bool(text).map(|value| value.to_string())
                }
                _ => Some(format!("'{escaped}'::{}", type_text(type_name))),
            }
        }
        Expr::Call {
            name, arguments, ..
        } if arguments.is_empty() => Some(match name.name.as_str() {
            "current_timestamp" => "CURRENT_TIMESTAMP".to_owned(),
            "current_date" => "CURRENT_DATE".to_owned(),
            "current_user" => "CURRENT_USER".to_owned(),
            "localtimestamp" => "LOCALTIMESTAMP".to_owned(),
            other => format!("{}()", quoted(other)),
        }),
        Expr::Call {
            name, arguments, ..
        } if name.name == "nextval" => match arguments.first()? {
            Expr::Value(Datum::Text(sequence)) => Some(format!("nextval('{sequence}'::regclass)")),
            Expr::Cast { value, .. } => match &**value {
                Expr::Value(Datum::Text(sequence)) => {
                    Some(format!("nextval('{sequence}'::regclass)"))
                }
                _ => None,
            },
            _ => None,
        },
        Expr::Cast { value, .. } if matches!(**value, Expr::Value(_)) => {
            default_text(value, type_name)
        }
        _ => None,
    }
}
