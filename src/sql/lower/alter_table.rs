//! ALTER TABLE and what shares its grammar: indexes, views, sequences, composite types; ALTER DOMAIN.

use pg_query::protobuf::{
    AlterDomainStmt, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, Constraint,
    DropBehavior, ObjectType,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::create_table::{column, constraint, identity, partition_bound};
use super::names::{dotted, integer, kind, list, options, relation, relation_of, role};
use super::objects::sequence_options;
use super::{Context, expressions, types};
use crate::postgres::name::truncate;
use crate::postgres::statement::{
    AlterTable, AlterTableCommand, AttributeCommand, DomainCommand, Identity,
};
use crate::postgres::{Name, ObjectKind, Statement};

/// Statements of this subject.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    match node {
        NodeEnum::AlterTableStmt(alter) if alter.objtype() == ObjectType::ObjectType => {
            Some(Statement::AlterCompositeType {
                name: relation_of(alter.relation.as_ref()),
                commands: commands(alter)
                    .filter_map(|command| attribute(context, command))
                    .collect(),
            })
        }
        NodeEnum::AlterTableStmt(alter) => {
            Some(Statement::AlterTable(Box::new(alter_table(context, alter))))
        }
        NodeEnum::AlterDomainStmt(alter) => Some(Statement::AlterDomain {
            name: dotted(&alter.type_name),
            command: Box::new(domain_command(context, alter)?),
        }),
        _ => None,
    }
}

fn commands(alter: &AlterTableStmt) -> impl Iterator<Item = &AlterTableCmd> {
    alter
        .cmds
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::AlterTableCmd(command) => Some(&**command),
            _ => None,
        })
}

fn alter_table(context: &Context<'_>, alter: &AlterTableStmt) -> AlterTable {
    let mut all: Vec<AlterTableCommand> = commands(alter)
        .map(|command| self::command(context, command))
        .collect();
    // mostly one, of 250 bytes, in room for four
    all.shrink_to_fit();
    AlterTable {
        kind: kind(alter.objtype).unwrap_or(ObjectKind::Table),
        name: relation_of(alter.relation.as_ref()),
        if_exists: alter.missing_ok,
        only: alter
            .relation
            .as_ref()
            .is_some_and(|relation| !relation.inh),
        commands: all,
    }
}

fn cascades(behavior: i32) -> bool {
    behavior == DropBehavior::DropCascade as i32
}

fn column_of(command: &AlterTableCmd) -> Option<&ColumnDef> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::ColumnDef(definition) => Some(&**definition),
        _ => None,
    }
}

fn constraint_of(command: &AlterTableCmd) -> Option<&Constraint> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::Constraint(definition) => Some(&**definition),
        _ => None,
    }
}

fn relation_in(node: Option<&Node>) -> Name {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::RangeVar(range)) => relation(range),
        _ => Name::default(),
    }
}

fn column_option(command: &AlterTableCmd, what: &str) -> AlterTableCommand {
    AlterTableCommand::ColumnOption {
        column: truncate(&command.name),
        what: SmolStr::new(what),
    }
}

fn option(what: &str) -> AlterTableCommand {
    AlterTableCommand::Option {
        what: SmolStr::new(what),
    }
}

fn command(context: &Context<'_>, command: &AlterTableCmd) -> AlterTableCommand {
    let name = truncate(&command.name);
    let definition = command.def.as_deref();
    match command.subtype() {
        AlterTableType::AtAddColumn => match column_of(command) {
            Some(definition) => AlterTableCommand::AddColumn {
                column: Box::new(column(context, definition)),
                if_not_exists: command.missing_ok,
            },
            None => option("ADD COLUMN"),
        },
        AlterTableType::AtDropColumn => AlterTableCommand::DropColumn {
            name,
            if_exists: command.missing_ok,
            cascade: cascades(command.behavior),
        },
        AlterTableType::AtAlterColumnType => AlterTableCommand::AlterType {
            column: name,
            type_name: types::type_of(
                column_of(command).and_then(|column| column.type_name.as_ref()),
            ),
            using: column_of(command)
                .and_then(|column| expressions::optional(context, column.raw_default.as_deref()))
                .map(Box::new),
        },
        AlterTableType::AtColumnDefault => AlterTableCommand::SetDefault {
            column: name,
            default: expressions::optional(context, definition).map(Box::new),
        },
        AlterTableType::AtSetNotNull => AlterTableCommand::SetNotNull { column: name },
        AlterTableType::AtDropNotNull => AlterTableCommand::DropNotNull { column: name },
        AlterTableType::AtSetExpression => AlterTableCommand::SetExpression {
            column: name,
            value: Box::new(expressions::required(context, definition)),
        },
        AlterTableType::AtDropExpression => AlterTableCommand::DropExpression {
            column: name,
            if_exists: command.missing_ok,
        },
        AlterTableType::AtAddIdentity => AlterTableCommand::AddIdentity {
            column: name,
            identity: constraint_of(command).map_or(Identity::Always, |constraint| {
                identity(&constraint.generated_when)
            }),
            first_number: constraint_of(command)
                .and_then(|constraint| sequence_options(&constraint.options).first_number()),
        },
        AlterTableType::AtSetIdentity => set_identity(name, definition),
        AlterTableType::AtDropIdentity => AlterTableCommand::DropIdentity {
            column: name,
            if_exists: command.missing_ok,
        },
        // of an index's column by its number
        AlterTableType::AtSetStatistics if command.name.is_empty() => option("SET STATISTICS"),
        AlterTableType::AtSetStatistics => column_option(command, "SET STATISTICS"),
        AlterTableType::AtSetStorage => column_option(command, "SET STORAGE"),
        AlterTableType::AtSetCompression => column_option(command, "SET COMPRESSION"),
        AlterTableType::AtSetOptions => column_option(command, "SET"),
        AlterTableType::AtResetOptions => column_option(command, "RESET"),
        AlterTableType::AtAlterColumnGenericOptions => column_option(command, "OPTIONS"),
        AlterTableType::AtAddConstraint => {
            match constraint_of(command).and_then(|node| constraint(context, node)) {
                Some(constraint) => AlterTableCommand::AddConstraint(Box::new(constraint)),
                None => option("ADD CONSTRAINT"),
            }
        }
        AlterTableType::AtDropConstraint => AlterTableCommand::DropConstraint {
            name,
            if_exists: command.missing_ok,
            cascade: cascades(command.behavior),
        },
        AlterTableType::AtValidateConstraint => AlterTableCommand::ValidateConstraint { name },
        AlterTableType::AtAlterConstraint => alter_constraint(definition, name),
        AlterTableType::AtAttachPartition => attach(context, definition),
        AlterTableType::AtDetachPartition | AlterTableType::AtDetachPartitionFinalize => {
            detach(definition)
        }
        AlterTableType::AtAddInherit => AlterTableCommand::Inherit {
            parent: relation_in(definition),
        },
        AlterTableType::AtDropInherit => AlterTableCommand::NoInherit {
            parent: relation_in(definition),
        },
        AlterTableType::AtChangeOwner => AlterTableCommand::Owner {
            role: role(command.newowner.as_ref()),
        },
        AlterTableType::AtEnableTrig
        | AlterTableType::AtEnableAlwaysTrig
        | AlterTableType::AtEnableReplicaTrig => trigger(Some(name), true),
        AlterTableType::AtDisableTrig => trigger(Some(name), false),
        AlterTableType::AtEnableTrigAll | AlterTableType::AtEnableTrigUser => trigger(None, true),
        AlterTableType::AtDisableTrigAll | AlterTableType::AtDisableTrigUser => {
            trigger(None, false)
        }
        AlterTableType::AtEnableRule
        | AlterTableType::AtEnableAlwaysRule
        | AlterTableType::AtEnableReplicaRule => AlterTableCommand::Rule { name, enable: true },
        AlterTableType::AtDisableRule => AlterTableCommand::Rule {
            name,
            enable: false,
        },
        AlterTableType::AtEnableRowSecurity => row_security(Some(true), None),
        AlterTableType::AtDisableRowSecurity => row_security(Some(false), None),
        AlterTableType::AtForceRowSecurity => row_security(None, Some(true)),
        AlterTableType::AtNoForceRowSecurity => row_security(None, Some(false)),
        AlterTableType::AtReplicaIdentity => replica_identity(definition),
        AlterTableType::AtSetLogged => AlterTableCommand::SetLogged { logged: true },
        AlterTableType::AtSetUnLogged => AlterTableCommand::SetLogged { logged: false },
        AlterTableType::AtClusterOn => AlterTableCommand::ClusterOn { index: name },
        AlterTableType::AtDropCluster => option("SET WITHOUT CLUSTER"),
        AlterTableType::AtDropOids => option("SET WITHOUT OIDS"),
        AlterTableType::AtSetAccessMethod => option("SET ACCESS METHOD"),
        AlterTableType::AtSetTableSpace => option("SET TABLESPACE"),
        AlterTableType::AtSetRelOptions => option("SET"),
        AlterTableType::AtResetRelOptions => option("RESET"),
        AlterTableType::AtGenericOptions => option("OPTIONS"),
        AlterTableType::AtAddOf => option("OF"),
        AlterTableType::AtDropOf => option("NOT OF"),
        _ => option("ALTER"),
    }
}

fn trigger(name: Option<SmolStr>, enable: bool) -> AlterTableCommand {
    AlterTableCommand::Trigger { name, enable }
}

fn row_security(enable: Option<bool>, force: Option<bool>) -> AlterTableCommand {
    AlterTableCommand::RowSecurity { enable, force }
}

fn alter_constraint(definition: Option<&Node>, name: SmolStr) -> AlterTableCommand {
    match definition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::AtalterConstraint(constraint)) => AlterTableCommand::AlterConstraint {
            name: truncate(&constraint.conname),
            deferrable: constraint.deferrable,
            initially_deferred: constraint.initdeferred,
        },
        Some(NodeEnum::Constraint(constraint)) => AlterTableCommand::AlterConstraint {
            name: truncate(&constraint.conname),
            deferrable: constraint.deferrable,
            initially_deferred: constraint.initdeferred,
        },
        _ => AlterTableCommand::AlterConstraint {
            name,
            deferrable: false,
            initially_deferred: false,
        },
    }
}

fn attach(context: &Context<'_>, definition: Option<&Node>) -> AlterTableCommand {
    match definition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::PartitionCmd(command)) => AlterTableCommand::AttachPartition {
            partition: relation_of(command.name.as_ref()),
            bound: command
                .bound
                .as_ref()
                .map(|bound| partition_bound(context, bound))
                .unwrap_or_default(),
        },
        _ => option("ATTACH PARTITION"),
    }
}

fn detach(definition: Option<&Node>) -> AlterTableCommand {
    match definition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::PartitionCmd(command)) => AlterTableCommand::DetachPartition {
            partition: relation_of(command.name.as_ref()),
            concurrently: command.concurrent,
        },
        _ => option("DETACH PARTITION"),
    }
}

/// `SET GENERATED`, and the options of the sequence.
fn set_identity(column: SmolStr, definition: Option<&Node>) -> AlterTableCommand {
    let all = definition.map(list).unwrap_or_default();
    let kind = options(all).find(|option| option.defname == "generated");
    let kind = kind.and_then(|option| integer(option.arg.as_deref()?));
    AlterTableCommand::SetIdentity {
        column,
        identity: kind.map(|letter| {
            if letter == i64::from(b'd') {
                Identity::ByDefault
            } else {
                Identity::Always
            }
        }),
        renumbers: options(all).any(|option| option.defname != "generated"),
    }
}

fn replica_identity(definition: Option<&Node>) -> AlterTableCommand {
    let index = match definition.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ReplicaIdentityStmt(identity)) if identity.identity_type == "i" => {
            Some(truncate(&identity.name))
        }
        _ => None,
    };
    AlterTableCommand::ReplicaIdentity { index }
}

fn attribute(context: &Context<'_>, command: &AlterTableCmd) -> Option<AttributeCommand> {
    Some(match command.subtype() {
        AlterTableType::AtAddColumn => {
            AttributeCommand::Add(Box::new(column(context, column_of(command)?)))
        }
        AlterTableType::AtDropColumn => AttributeCommand::Drop {
            name: truncate(&command.name),
            if_exists: command.missing_ok,
        },
        AlterTableType::AtAlterColumnType => AttributeCommand::AlterType {
            name: truncate(&command.name),
            type_name: types::type_of(column_of(command)?.type_name.as_ref()),
        },
        _ => return None,
    })
}

fn domain_command(context: &Context<'_>, alter: &AlterDomainStmt) -> Option<DomainCommand> {
    let definition = alter.def.as_deref();
    let name = truncate(&alter.name);
    Some(match alter.subtype.as_str() {
        "T" => DomainCommand::SetDefault(expressions::optional(context, definition)),
        "N" => DomainCommand::SetNotNull(false),
        "O" => DomainCommand::SetNotNull(true),
        "C" => match definition.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::Constraint(node)) => {
                DomainCommand::AddConstraint(constraint(context, node)?)
            }
            _ => return None,
        },
        "X" => DomainCommand::DropConstraint {
            name,
            if_exists: alter.missing_ok,
            cascade: cascades(alter.behavior),
        },
        "V" => DomainCommand::ValidateConstraint { name },
        _ => return None,
    })
}
