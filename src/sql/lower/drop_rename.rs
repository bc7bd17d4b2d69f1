//! DROP, RENAME, SET SCHEMA, OWNER TO, COMMENT, GRANT: statements that name an object of any kind.

use pg_query::protobuf::{
    AlterDefaultPrivilegesStmt, AlterObjectSchemaStmt, AlterOwnerStmt, CommentStmt, DropBehavior,
    DropStmt, GrantRoleStmt, GrantStmt, GrantTargetType, ObjectType, RenameStmt,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{
    composed, dotted, dotted_relation, kind, list, object, option, relation, role, roles, some,
    string, strings,
};
use super::types;
use crate::postgres::name::truncate;
use crate::postgres::statement::{Drop, DropTarget, Rename};
use crate::postgres::{Name, ObjectKind, Statement, TypeName};
use crate::sql::lower::Context;

/// Statements of this subject.
pub(super) fn statement(_: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    if is_of_large_object(node) {
        return Some(Statement::Unreadable {
            why: "which large objects there are is not known".into(),
            data: false,
        });
    }
    match node {
        NodeEnum::DropStmt(drop) => drop_objects(drop),
        NodeEnum::DropRoleStmt(drop) => Some(drop_names(
            ObjectKind::Role,
            roles(&drop.roles),
            drop.missing_ok,
        )),
        NodeEnum::DropdbStmt(drop) => Some(drop_names(
            ObjectKind::Database,
            vec![truncate(&drop.dbname)],
            drop.missing_ok,
        )),
        NodeEnum::DropTableSpaceStmt(drop) => Some(drop_names(
            ObjectKind::Tablespace,
            vec![truncate(&drop.tablespacename)],
            drop.missing_ok,
        )),
        NodeEnum::DropSubscriptionStmt(drop) => Some(drop_names(
            ObjectKind::Subscription,
            vec![truncate(&drop.subname)],
            drop.missing_ok,
        )),
        NodeEnum::DropUserMappingStmt(drop) => {
            let name = user_mapping(&role(drop.user.as_ref()), &drop.servername);
            Some(dropped(
                ObjectKind::UserMapping,
                vec![target(name)],
                drop.missing_ok,
            ))
        }
        NodeEnum::RenameStmt(node) => rename(node),
        NodeEnum::AlterObjectSchemaStmt(node) => set_schema(node),
        NodeEnum::AlterOwnerStmt(node) => owner(node),
        NodeEnum::CommentStmt(node) => comment(node),
        NodeEnum::GrantStmt(node) => Some(grant(node)),
        NodeEnum::GrantRoleStmt(node) => Some(grant_role(node)),
        NodeEnum::AlterDefaultPrivilegesStmt(node) => Some(default_privileges(node)),
        _ => None,
    }
}

/// Whether a statement is about a large object, which functions make and no statement.
fn is_of_large_object(node: &NodeEnum) -> bool {
    let object = match node {
        NodeEnum::AlterOwnerStmt(node) => node.object_type(),
        NodeEnum::CommentStmt(node) => node.objtype(),
        NodeEnum::GrantStmt(node) => node.objtype(),
        _ => return false,
    };
    object == ObjectType::ObjectLargeobject
}

/// How a user mapping is named: `role on server`.
pub(super) fn user_mapping(role: &str, server: &str) -> Name {
    composed(None, format!("{role} on {server}"))
}

/// How an operator is named: with its argument types, since names are shared.
pub(super) fn operator(name: &Name, arguments: &[TypeName]) -> Name {
    let types: Vec<String> = arguments.iter().map(types::type_text).collect();
    composed(
        name.schema.clone(),
        format!("{}({})", name.name, types.join(",")),
    )
}

/// How a cast is named: `source as target`.
pub(super) fn cast(source: &TypeName, target: &TypeName) -> Name {
    composed(
        None,
        format!(
            "{} as {}",
            types::type_text(source),
            types::type_text(target)
        ),
    )
}

/// How an operator class or family is named: `name using method`.
pub(super) fn by_method(name: &Name, method: &str) -> Name {
    composed(name.schema.clone(), format!("{} using {method}", name.name))
}

fn target(name: Name) -> DropTarget {
    DropTarget {
        name,
        member: None,
        arguments: None,
    }
}

fn dropped(kind: ObjectKind, targets: Vec<DropTarget>, if_exists: bool) -> Statement {
    Statement::Drop(Box::new(Drop {
        kind,
        targets,
        if_exists,
        cascade: false,
        concurrently: false,
    }))
}

fn drop_names(kind: ObjectKind, names: Vec<SmolStr>, if_exists: bool) -> Statement {
    let targets = names.into_iter().map(|name| target(Name::new(name)));
    dropped(kind, targets.collect(), if_exists)
}

fn drop_objects(drop: &DropStmt) -> Option<Statement> {
    let kind = kind(drop.remove_type)?;
    Some(Statement::Drop(Box::new(Drop {
        kind,
        targets: drop
            .objects
            .iter()
            .map(|object| drop_target(kind, object))
            .collect(),
        if_exists: drop.missing_ok,
        cascade: drop.behavior() == DropBehavior::DropCascade,
        concurrently: drop.concurrent,
    })))
}

fn drop_target(kind: ObjectKind, node: &Node) -> DropTarget {
    let (name, member, arguments) = identify(kind, node);
    DropTarget {
        name,
        member,
        arguments,
    }
}

/// The object that a node names: its name, its member (of a table), its argument types.
fn identify(kind: ObjectKind, node: &Node) -> (Name, Option<SmolStr>, Option<Vec<TypeName>>) {
    match kind {
        ObjectKind::Trigger
        | ObjectKind::Policy
        | ObjectKind::Rule
        | ObjectKind::Column
        | ObjectKind::Constraint => {
            let members = list(node);
            if let [first, last] = members
                && let Some(NodeEnum::TypeName(domain)) = &first.node
            {
                let member = string(last).map(truncate);
                return (types::type_name(domain).name, member, None);
            }
            let mut parts = strings(members);
            let member = parts.pop();
            (dotted_relation(&parts), member, None)
        }
        ObjectKind::Cast | ObjectKind::Transform => (pair(list(node)), None, None),
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => {
            let members = list(node);
            let method = members.first().and_then(string).unwrap_or_default();
            let name = dotted(members.get(1..).unwrap_or_default());
            (by_method(&name, method), None, None)
        }
        ObjectKind::Operator => {
            let (name, arguments) = object(node);
            (operator(&name, &arguments.unwrap_or_default()), None, None)
        }
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => match &node.node {
            Some(NodeEnum::List(names)) => (dotted_relation(&strings(&names.items)), None, None),
            _ => (object(node).0, None, None),
        },
        _ => {
            let (name, arguments) = object(node);
            (name, None, arguments)
        }
    }
}

/// A cast's two types, or a transform's type and language.
fn pair(nodes: &[Node]) -> Name {
    let type_at = |index: usize| match nodes.get(index)?.node.as_ref()? {
        NodeEnum::TypeName(name) => Some(types::type_name(name)),
        NodeEnum::String(name) => Some(TypeName::new(&name.sval)),
        _ => None,
    };
    let absent = || TypeName::new("");
    cast(
        &type_at(0).unwrap_or_else(absent),
        &type_at(1).unwrap_or_else(absent),
    )
}

fn rename(node: &RenameStmt) -> Option<Statement> {
    let member = some(&node.subname).map(truncate);
    let related = node.relation.as_ref().map(relation);
    let new_name = truncate(&node.newname);
    let made = |kind, name, member, arguments| {
        Some(Statement::Rename(Box::new(Rename {
            kind,
            name,
            member,
            arguments,
            new_name: new_name.clone(),
            if_exists: node.missing_ok,
        })))
    };
    match node.rename_type() {
        ObjectType::ObjectAttribute => made(ObjectKind::Type, related?, member, None),
        ObjectType::ObjectDomconstraint => {
            let (name, _) = object(node.object.as_deref()?);
            made(ObjectKind::Domain, name, member, None)
        }
        _ => {
            let kind = kind(node.rename_type)?;
            if let Some(name) = related {
                return made(kind, name, member, None);
            }
            match node.object.as_deref() {
                // roles, schemas, databases, tablespaces
                None => made(kind, Name::new(member?), None, None),
                Some(object) => {
                    let (name, _, arguments) = identify(kind, object);
                    made(kind, name, None, arguments)
                }
            }
        }
    }
}

fn set_schema(node: &AlterObjectSchemaStmt) -> Option<Statement> {
    let kind = kind(node.object_type)?;
    let (name, arguments) = match (&node.relation, node.object.as_deref()) {
        (Some(range), _) => (relation(range), None),
        (None, Some(object)) => {
            let (name, _, arguments) = identify(kind, object);
            (name, arguments)
        }
        _ => return None,
    };
    Some(Statement::SetSchema {
        kind,
        name,
        arguments,
        if_exists: node.missing_ok,
        schema: truncate(&node.newschema),
    })
}

fn owner(node: &AlterOwnerStmt) -> Option<Statement> {
    let kind = kind(node.object_type)?;
    let (name, arguments) = match (&node.relation, node.object.as_deref()) {
        (Some(range), _) => (relation(range), None),
        (None, Some(object)) => {
            let (name, _, arguments) = identify(kind, object);
            (name, arguments)
        }
        _ => return None,
    };
    Some(Statement::Owner {
        kind,
        name,
        arguments,
        role: role(node.newowner.as_ref()),
    })
}

fn comment(node: &CommentStmt) -> Option<Statement> {
    let kind = kind(node.objtype)?;
    let (name, member, _) = identify(kind, node.object.as_deref()?);
    Some(Statement::Comment {
        kind,
        name,
        member,
        // the tree has no difference between NULL and an empty comment, and neither has the server
        text: some(&node.comment).map(Into::into),
    })
}

fn grant(node: &GrantStmt) -> Statement {
    let in_schema = node.targtype() == GrantTargetType::AclTargetAllInSchema;
    let kind = if in_schema {
        Some(ObjectKind::Schema)
    } else {
        kind(node.objtype)
    };
    Statement::Grant {
        kind,
        names: node.objects.iter().map(|node| object(node).0).collect(),
        grantees: roles(&node.grantees),
        grant: node.is_grant,
    }
}

fn grant_role(node: &GrantRoleStmt) -> Statement {
    Statement::Grant {
        kind: Some(ObjectKind::Role),
        names: roles(&node.granted_roles).iter().map(Name::new).collect(),
        grantees: roles(&node.grantee_roles),
        grant: node.is_grant,
    }
}

/// Default privileges: they need their schemas and roles, and change nothing that is modelled.
fn default_privileges(node: &AlterDefaultPrivilegesStmt) -> Statement {
    let schemas: Vec<Name> = option(&node.options, "schemas")
        .and_then(|option| option.arg.as_deref())
        .map(|schemas| strings(list(schemas)).iter().map(Name::new).collect())
        .unwrap_or_default();
    let action = node.action.as_ref();
    Statement::Grant {
        kind: (!schemas.is_empty()).then_some(ObjectKind::Schema),
        names: schemas,
        grantees: action
            .map(|action| roles(&action.grantees))
            .unwrap_or_default(),
        grant: action.is_none_or(|action| action.is_grant),
    }
}
