//! Type names, canonical as the catalog has them.

use pg_query::protobuf::{TypeName as TypeNode, a_const};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{string, strings, value_text};
use crate::postgres::{Name, TypeName};

/// A type name; one that is absent has an empty name.
pub(super) fn type_of(node: Option<&TypeNode>) -> TypeName {
    node.map_or_else(|| TypeName::new(""), type_name)
}

/// The canonical form of a written type. `t.c%TYPE` keeps its text as its name.
pub(super) fn type_name(node: &TypeNode) -> TypeName {
    if node.pct_type {
        return TypeName::new(&format!("{}%type", strings(&node.names).join(".")));
    }
    let parts: Vec<&str> = node.names.iter().filter_map(string).collect();
    let name = match parts.as_slice() {
        [] => Name::default(),
        [name] => Name::new(alias(name)),
        ["pg_catalog", name] => Name::new(name),
        [.., schema, name] => Name::qualified(Some(schema), name),
    };
    let modifiers = if name.schema.is_none() && name.name == "interval" {
        // fields of an interval are a bit mask in the tree; they change nothing that is modelled
        Vec::new()
    } else {
        modifiers(&node.typmods)
    };
    TypeName {
        name,
        modifiers,
        array: !node.array_bounds.is_empty(),
    }
}

/// Names that the parser leaves as they are and the server's DDL code reads.
pub(in crate::sql) fn alias(name: &str) -> &str {
    match name {
        "serial4" => "serial",
        "serial8" => "bigserial",
        "serial2" => "smallserial",
        other => other,
    }
}

fn modifiers(nodes: &[Node]) -> Vec<SmolStr> {
    nodes
        .iter()
        .map(|node| match node.node.as_ref() {
            Some(NodeEnum::AConst(constant)) => match &constant.val {
                // the tree leaves out a zero
                Some(a_const::Val::Ival(value)) => SmolStr::new(value.ival.to_string()),
                _ => value_text(node).unwrap_or_default(),
            },
            _ => value_text(node).unwrap_or_default(),
        })
        .collect()
}

/// Argument types of a function named in DROP, ALTER or COMMENT.
pub(super) fn arguments(nodes: &[Node]) -> Vec<TypeName> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::TypeName(name) => Some(type_name(name)),
            _ => None,
        })
        .collect()
}

/// A type as text: `varchar(50)[]`.
pub(in crate::sql) fn type_text(type_name: &TypeName) -> String {
    let mut text = type_name.name.to_string();
    if !type_name.modifiers.is_empty() {
        text.push('(');
        text.push_str(&type_name.modifiers.join(","));
        text.push(')');
    }
    if type_name.array {
        text.push_str("[]");
    }
    text
}
