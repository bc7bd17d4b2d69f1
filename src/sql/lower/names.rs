//! Names, kinds and small values out of the parser's tree.

use pg_query::protobuf::{DefElem, ObjectType, RangeVar, RoleSpec, RoleSpecType, a_const};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::types;
use crate::postgres::name::truncate;
use crate::postgres::{Name, ObjectKind, TypeName};

/// The string of a String node.
pub(super) fn string(node: &Node) -> Option<&str> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(&string.sval),
        _ => None,
    }
}

/// The strings of a list of String nodes.
pub(super) fn strings(nodes: &[Node]) -> Vec<SmolStr> {
    nodes.iter().filter_map(string).map(SmolStr::new).collect()
}

/// The members of a List node; another node is its own only member.
pub(super) fn list(node: &Node) -> &[Node] {
    match &node.node {
        Some(NodeEnum::List(list)) => &list.items,
        _ => std::slice::from_ref(node),
    }
}

/// A relation's name.
pub(super) fn relation(relation: &RangeVar) -> Name {
    Name::qualified(some(&relation.schemaname), &relation.relname)
}

/// A relation's name, empty where there is none.
pub(super) fn relation_of(range: Option<&RangeVar>) -> Name {
    range.map(relation).unwrap_or_default()
}

/// Relations of a list.
pub(super) fn relations(nodes: &[Node]) -> Vec<Name> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::RangeVar(range) => Some(relation(range)),
            _ => None,
        })
        .collect()
}

/// `None` for the empty string, which is the parser's absent one.
pub(super) fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A dotted name; `pg_catalog` is dropped, as is a database before the schema.
pub(super) fn dotted(nodes: &[Node]) -> Name {
    let parts: Vec<&str> = nodes.iter().filter_map(string).collect();
    match parts.as_slice() {
        [] => Name::default(),
        [name] => Name::new(name),
        [.., schema, name] => Name::qualified((*schema != "pg_catalog").then_some(*schema), name),
    }
}

/// A dotted name of a relation, its schema kept.
pub(super) fn dotted_relation(parts: &[SmolStr]) -> Name {
    match parts {
        [] => Name::default(),
        [name] => Name::new(name),
        [.., schema, name] => Name::qualified(Some(schema), name),
    }
}

/// A name that is longer than an identifier: casts, operators, user mappings with what identifies them.
pub(super) fn composed(schema: Option<SmolStr>, name: String) -> Name {
    Name {
        schema,
        name: SmolStr::new(name),
    }
}

/// A role as GRANT and OWNER write it; the words `current_user`, `session_user`, `public` stand for themselves.
pub(super) fn role(role: Option<&RoleSpec>) -> SmolStr {
    let Some(role) = role else {
        return SmolStr::default();
    };
    match role.roletype() {
        RoleSpecType::RolespecCurrentRole | RoleSpecType::RolespecCurrentUser => {
            SmolStr::new("current_user")
        }
        RoleSpecType::RolespecSessionUser => SmolStr::new("session_user"),
        RoleSpecType::RolespecPublic => SmolStr::new("public"),
        _ => truncate(&role.rolename),
    }
}

/// Roles of a list.
pub(super) fn roles(nodes: &[Node]) -> Vec<SmolStr> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::RoleSpec(spec) => Some(role(Some(spec))),
            NodeEnum::AccessPriv(privilege) => Some(truncate(&privilege.priv_name)),
            _ => None,
        })
        .collect()
}

/// An object named in DROP, COMMENT, ALTER ... RENAME: its name and, for functions, its argument types.
pub(super) fn object(node: &Node) -> (Name, Option<Vec<TypeName>>) {
    match &node.node {
        Some(NodeEnum::String(name)) => (Name::new(&name.sval), None),
        Some(NodeEnum::List(list)) => (dotted(&list.items), None),
        Some(NodeEnum::TypeName(type_name)) => (types::type_name(type_name).name, None),
        Some(NodeEnum::ObjectWithArgs(object)) => {
            let name = dotted(&object.objname);
            let arguments = (!object.args_unspecified).then(|| types::arguments(&object.objargs));
            (name, arguments)
        }
        Some(NodeEnum::RangeVar(range)) => (relation(range), None),
        Some(NodeEnum::RoleSpec(spec)) => (Name::new(role(Some(spec))), None),
        _ => (Name::default(), None),
    }
}

/// The kind that the grammar names.
pub(super) fn kind(code: i32) -> Option<ObjectKind> {
    Some(match ObjectType::try_from(code).ok()? {
        ObjectType::ObjectAccessMethod => ObjectKind::AccessMethod,
        ObjectType::ObjectAggregate => ObjectKind::Aggregate,
        ObjectType::ObjectAttribute | ObjectType::ObjectColumn => ObjectKind::Column,
        ObjectType::ObjectCast => ObjectKind::Cast,
        ObjectType::ObjectCollation => ObjectKind::Collation,
        ObjectType::ObjectConversion => ObjectKind::Conversion,
        ObjectType::ObjectDatabase => ObjectKind::Database,
        ObjectType::ObjectDomain => ObjectKind::Domain,
        ObjectType::ObjectDomconstraint | ObjectType::ObjectTabconstraint => ObjectKind::Constraint,
        ObjectType::ObjectEventTrigger => ObjectKind::EventTrigger,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectFdw => ObjectKind::ForeignDataWrapper,
        ObjectType::ObjectForeignServer => ObjectKind::Server,
        ObjectType::ObjectForeignTable => ObjectKind::ForeignTable,
        ObjectType::ObjectFunction => ObjectKind::Function,
        ObjectType::ObjectIndex => ObjectKind::Index,
        ObjectType::ObjectLanguage => ObjectKind::Language,
        ObjectType::ObjectMatview => ObjectKind::MaterializedView,
        ObjectType::ObjectOpclass => ObjectKind::OperatorClass,
        ObjectType::ObjectOperator => ObjectKind::Operator,
        ObjectType::ObjectOpfamily => ObjectKind::OperatorFamily,
        ObjectType::ObjectPolicy => ObjectKind::Policy,
        ObjectType::ObjectProcedure => ObjectKind::Procedure,
        ObjectType::ObjectPublication => ObjectKind::Publication,
        ObjectType::ObjectRole => ObjectKind::Role,
        ObjectType::ObjectRoutine => ObjectKind::Routine,
        ObjectType::ObjectRule => ObjectKind::Rule,
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectSequence => ObjectKind::Sequence,
        ObjectType::ObjectSubscription => ObjectKind::Subscription,
        ObjectType::ObjectStatisticExt => ObjectKind::Statistics,
        ObjectType::ObjectTable => ObjectKind::Table,
        ObjectType::ObjectTablespace => ObjectKind::Tablespace,
        ObjectType::ObjectTransform => ObjectKind::Transform,
        ObjectType::ObjectTrigger => ObjectKind::Trigger,
        ObjectType::ObjectTsconfiguration => ObjectKind::TextSearchConfiguration,
        ObjectType::ObjectTsdictionary => ObjectKind::TextSearchDictionary,
        ObjectType::ObjectTsparser => ObjectKind::TextSearchParser,
        ObjectType::ObjectTstemplate => ObjectKind::TextSearchTemplate,
        ObjectType::ObjectType => ObjectKind::Type,
        ObjectType::ObjectUserMapping => ObjectKind::UserMapping,
        ObjectType::ObjectView => ObjectKind::View,
        _ => return None,
    })
}

/// The option of that name.
pub(super) fn option<'a>(options: &'a [Node], name: &str) -> Option<&'a DefElem> {
    options.iter().find_map(|node| match node.node.as_ref()? {
        NodeEnum::DefElem(element) if element.defname == name => Some(&**element),
        _ => None,
    })
}

/// All options of a list.
pub(super) fn options(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match node.node.as_ref()? {
        NodeEnum::DefElem(element) => Some(&**element),
        _ => None,
    })
}

/// Whether an option is there and not switched off.
pub(super) fn option_is_on(nodes: &[Node], name: &str) -> bool {
    let Some(element) = option(nodes, name) else {
        return false;
    };
    match element.arg.as_deref().and_then(|arg| arg.node.as_ref()) {
        None => true,
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        Some(NodeEnum::String(value)) => {
            !["false", "off", "no", "0"].contains(&value.sval.to_ascii_lowercase().as_str())
        }
        Some(_) => true,
    }
}

/// A plain value as text: of SET, of options, of type modifiers. `None` for what is no plain value.
pub(super) fn value_text(node: &Node) -> Option<SmolStr> {
    Some(match node.node.as_ref()? {
        NodeEnum::String(value) => SmolStr::new(&value.sval),
        NodeEnum::Integer(value) => SmolStr::new(value.ival.to_string()),
        NodeEnum::Float(value) => SmolStr::new(&value.fval),
        NodeEnum::Boolean(value) => SmolStr::new(value.boolval.to_string()),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            a_const::Val::Ival(value) => SmolStr::new(value.ival.to_string()),
            a_const::Val::Fval(value) => SmolStr::new(&value.fval),
            a_const::Val::Boolval(value) => SmolStr::new(value.boolval.to_string()),
            a_const::Val::Sval(value) => SmolStr::new(&value.sval),
            a_const::Val::Bsval(value) => SmolStr::new(&value.bsval),
        },
        NodeEnum::ColumnRef(column) => column
            .fields
            .iter()
            .filter_map(string)
            .collect::<Vec<_>>()
            .join(".")
            .into(),
        NodeEnum::TypeCast(cast) => return value_text(cast.arg.as_deref()?),
        NodeEnum::TypeName(name) => types::type_text(&types::type_name(name)).into(),
        NodeEnum::List(list) => dotted(&list.items).to_string().into(),
        _ => return None,
    })
}

/// A whole number, of an option.
pub(super) fn integer(node: &Node) -> Option<i64> {
    match node.node.as_ref()? {
        NodeEnum::Integer(value) => Some(i64::from(value.ival)),
        NodeEnum::Float(value) => value.fval.parse().ok(),
        _ => None,
    }
}
