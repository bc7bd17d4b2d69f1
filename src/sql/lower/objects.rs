//! CREATE and ALTER of everything but relations and functions: schemas, types, sequences, extensions, roles, policies...

use pg_query::protobuf::{
    AlterEnumStmt, AlterPublicationAction, AlterPublicationStmt, CreateDomainStmt,
    CreateSchemaStmt, CreateSeqStmt, DefElemAction, DefineStmt, ObjectType,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::create_table::{column, constraint};
use super::drop_rename::{by_method, cast, operator, user_mapping};
use super::names::{
    dotted, integer, kind, list, object, option, option_is_on, options, relation, relation_of,
    relations, role, some, string, strings, value_text,
};
use super::{Context, expressions, types};
use crate::postgres::name::truncate;
use crate::postgres::statement::{
    AlterEnum, ConstraintKind, CreateNamed, CreateSequence, CreateType, NamedAction,
    SequenceOptions, TypeDefinition,
};
use crate::postgres::{Expr, Name, ObjectKind, Statement, TypeName};

/// Statements of this subject.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    create(context, node)
        .or_else(|| create_named(node))
        .or_else(|| alter(context, node))
}

fn create(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    Some(match node {
        NodeEnum::CreateSchemaStmt(create) => create_schema(context, create),
        NodeEnum::CreateSeqStmt(create) => {
            Statement::CreateSequence(Box::new(create_sequence(create)))
        }
        NodeEnum::CreateEnumStmt(create) => made_type(
            dotted(&create.type_name),
            TypeDefinition::Enum {
                // labels are identifiers in length only: kept as written
                labels: strings(&create.vals),
            },
        ),
        NodeEnum::CompositeTypeStmt(create) => made_type(
            relation_of(create.typevar.as_ref()),
            TypeDefinition::Composite {
                attributes: create
                    .coldeflist
                    .iter()
                    .filter_map(|node| match node.node.as_ref()? {
                        NodeEnum::ColumnDef(definition) => Some(column(context, definition)),
                        _ => None,
                    })
                    .collect(),
            },
        ),
        NodeEnum::CreateRangeStmt(create) => made_type(
            dotted(&create.type_name),
            TypeDefinition::Range {
                subtype: type_option(&create.params, "subtype")
                    .unwrap_or_else(|| TypeName::new("")),
            },
        ),
        NodeEnum::CreateDomainStmt(create) => create_domain(context, create),
        NodeEnum::DefineStmt(define) if define.kind() == ObjectType::ObjectType => {
            let definition = if define.definition.is_empty() {
                TypeDefinition::Shell
            } else {
                TypeDefinition::Base
            };
            made_type(dotted(&define.defnames), definition)
        }
        NodeEnum::CreateExtensionStmt(create) => Statement::CreateExtension {
            name: truncate(&create.extname),
            if_not_exists: create.if_not_exists,
            schema: option(&create.options, "schema")
                .and_then(|option| option.arg.as_deref())
                .and_then(string)
                .map(truncate),
            cascade: option(&create.options, "cascade").is_some(),
        },
        NodeEnum::CreatePolicyStmt(create) => Statement::CreatePolicy {
            name: truncate(&create.policy_name),
            table: relation_of(create.table.as_ref()),
            using: expressions::optional(context, create.qual.as_deref()).map(Box::new),
            check: expressions::optional(context, create.with_check.as_deref()).map(Box::new),
        },
        NodeEnum::RuleStmt(create) => Statement::CreateRule {
            name: truncate(&create.rulename),
            table: relation_of(create.relation.as_ref()),
            or_replace: create.replace,
        },
        _ => return None,
    })
}

fn create_schema(context: &Context<'_>, create: &CreateSchemaStmt) -> Statement {
    let name = some(&create.schemaname).map_or_else(|| role(create.authrole.as_ref()), truncate);
    let mut elements: Vec<Statement> = create
        .schema_elts
        .iter()
        .map(|element| super::statement(context, Some(element)))
        .collect();
    // the server makes them by kind, whatever the order in which they are written
    elements.sort_by_key(|element| match element {
        Statement::CreateSequence(_) => 0,
        Statement::CreateTable(_) => 1,
        Statement::CreateView(_) => 2,
        Statement::CreateIndex(_) => 3,
        Statement::CreateTrigger(_) => 4,
        _ => 5,
    });
    Statement::CreateSchema {
        name,
        if_not_exists: create.if_not_exists,
        elements,
    }
}

fn made_type(name: Name, definition: TypeDefinition) -> Statement {
    Statement::CreateType(Box::new(CreateType { name, definition }))
}

fn type_option(options: &[Node], name: &str) -> Option<TypeName> {
    match option(options, name)?.arg.as_deref()?.node.as_ref()? {
        NodeEnum::TypeName(name) => Some(types::type_name(name)),
        _ => None,
    }
}

fn create_sequence(create: &CreateSeqStmt) -> CreateSequence {
    CreateSequence {
        name: relation_of(create.sequence.as_ref()),
        if_not_exists: create.if_not_exists,
        temporary: create
            .sequence
            .as_ref()
            .is_some_and(|sequence| sequence.relpersistence == "t"),
        options: sequence_options(&create.options),
    }
}

pub(super) fn sequence_options(nodes: &[Node]) -> SequenceOptions {
    let mut read = SequenceOptions::default();
    for element in options(nodes) {
        let argument = element.arg.as_deref();
        match element.defname.as_str() {
            "owned_by" => {
                let mut parts = argument.map(|node| strings(list(node))).unwrap_or_default();
                let column = parts.pop().unwrap_or_default();
                // OWNED BY NONE is the one that has no table
                read.owned_by = Some(
                    (!parts.is_empty()).then(|| (super::names::dotted_relation(&parts), column)),
                );
            }
            "restart" => {
                read.restart = true;
                if let Some(start) = argument.and_then(integer) {
                    read.start = Some(start);
                }
            }
            "start" => {
                read.start = argument.and_then(integer);
                read.irregular |= read.start.is_none();
            }
            "increment" => {
                read.increment = argument.and_then(integer);
                read.irregular |= read.increment.is_none();
            }
            // NO MINVALUE has none
            "minvalue" | "cache" => {
                read.irregular |= argument.is_some_and(|value| integer(value) != Some(1));
            }
            "cycle" => read.irregular = true,
            _ => {}
        }
    }
    read
}

fn create_domain(context: &Context<'_>, create: &CreateDomainStmt) -> Statement {
    let mut not_null = false;
    let mut default: Option<Expr> = None;
    let mut constraints = Vec::new();
    for node in &create.constraints {
        let Some(NodeEnum::Constraint(definition)) = &node.node else {
            continue;
        };
        if definition.contype() == pg_query::protobuf::ConstrType::ConstrDefault {
            default = expressions::optional(context, definition.raw_expr.as_deref());
        } else if let Some(constraint) = constraint(context, definition) {
            match constraint.kind {
                ConstraintKind::NotNull { .. } => not_null = true,
                _ => constraints.push(constraint),
            }
        }
    }
    made_type(
        dotted(&create.domainname),
        TypeDefinition::Domain {
            base: types::type_of(create.type_name.as_ref()),
            not_null,
            default: default.map(Box::new),
            constraints,
        },
    )
}

fn named(kind: ObjectKind, name: Name) -> CreateNamed {
    CreateNamed {
        kind,
        name: Some(name),
        if_not_exists: false,
        or_replace: false,
        makes_slot: false,
        relations: Vec::new(),
        columns: Vec::new(),
    }
}

fn create_named(node: &NodeEnum) -> Option<Statement> {
    let plain = |kind, name: &str| named(kind, Name::new(name));
    let made = match node {
        NodeEnum::CreateRoleStmt(create) => plain(ObjectKind::Role, &create.role),
        NodeEnum::CreatedbStmt(create) => plain(ObjectKind::Database, &create.dbname),
        NodeEnum::CreateTableSpaceStmt(create) => {
            plain(ObjectKind::Tablespace, &create.tablespacename)
        }
        NodeEnum::CreateEventTrigStmt(create) => plain(ObjectKind::EventTrigger, &create.trigname),
        NodeEnum::CreateAmStmt(create) => plain(ObjectKind::AccessMethod, &create.amname),
        NodeEnum::CreateFdwStmt(create) => plain(ObjectKind::ForeignDataWrapper, &create.fdwname),
        NodeEnum::CreateSubscriptionStmt(create) => CreateNamed {
            makes_slot: ["connect", "create_slot"].iter().all(|wish| {
                option(&create.options, wish).is_none() || option_is_on(&create.options, wish)
            }),
            ..plain(ObjectKind::Subscription, &create.subname)
        },
        NodeEnum::CreatePlangStmt(create) => CreateNamed {
            or_replace: create.replace,
            ..plain(ObjectKind::Language, &create.plname)
        },
        NodeEnum::CreateForeignServerStmt(create) => CreateNamed {
            if_not_exists: create.if_not_exists,
            ..plain(ObjectKind::Server, &create.servername)
        },
        NodeEnum::CreateUserMappingStmt(create) => CreateNamed {
            if_not_exists: create.if_not_exists,
            ..named(
                ObjectKind::UserMapping,
                user_mapping(&role(create.user.as_ref()), &create.servername),
            )
        },
        NodeEnum::CreatePublicationStmt(create) => CreateNamed {
            relations: publication_tables(&create.pubobjects),
            ..plain(ObjectKind::Publication, &create.pubname)
        },
        NodeEnum::CreateStatsStmt(create) => CreateNamed {
            name: (!create.defnames.is_empty()).then(|| dotted(&create.defnames)),
            if_not_exists: create.if_not_exists,
            relations: relations(&create.relations),
            columns: statistics_columns(&create.exprs),
            ..plain(ObjectKind::Statistics, "")
        },
        NodeEnum::CreateCastStmt(create) => named(
            ObjectKind::Cast,
            cast(
                &types::type_of(create.sourcetype.as_ref()),
                &types::type_of(create.targettype.as_ref()),
            ),
        ),
        NodeEnum::CreateTransformStmt(create) => CreateNamed {
            or_replace: create.replace,
            ..named(
                ObjectKind::Transform,
                cast(
                    &types::type_of(create.type_name.as_ref()),
                    &TypeName::new(&create.lang),
                ),
            )
        },
        NodeEnum::CreateConversionStmt(create) => {
            named(ObjectKind::Conversion, dotted(&create.conversion_name))
        }
        NodeEnum::CreateOpClassStmt(create) => named(
            ObjectKind::OperatorClass,
            by_method(&dotted(&create.opclassname), &create.amname),
        ),
        NodeEnum::CreateOpFamilyStmt(create) => named(
            ObjectKind::OperatorFamily,
            by_method(&dotted(&create.opfamilyname), &create.amname),
        ),
        NodeEnum::DefineStmt(define) => defined(define)?,
        _ => return None,
    };
    Some(Statement::CreateNamed(made))
}

/// Collations, operators, text search objects.
fn defined(define: &DefineStmt) -> Option<CreateNamed> {
    let kind = kind(define.kind)?;
    let mut name = dotted(&define.defnames);
    if kind == ObjectKind::Operator {
        let sides = ["leftarg", "rightarg"];
        let arguments: Vec<TypeName> = sides
            .iter()
            .filter_map(|side| type_option(&define.definition, side))
            .collect();
        name = operator(&name, &arguments);
    }
    Some(CreateNamed {
        if_not_exists: define.if_not_exists,
        or_replace: define.replace,
        ..named(kind, name)
    })
}

fn statistics_columns(nodes: &[Node]) -> Vec<SmolStr> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::StatsElem(element) => some(&element.name).map(truncate),
            _ => None,
        })
        .collect()
}

/// SET TABLESPACE copies a database, which no transaction block can hold.
fn moves_database(options: &[Node]) -> bool {
    options.iter().any(|option| {
        matches!(&option.node, Some(NodeEnum::DefElem(element)) if element.defname == "tablespace")
    })
}

fn publication_tables(nodes: &[Node]) -> Vec<Name> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::PublicationObjSpec(spec) => {
                spec.pubtable.as_ref()?.relation.as_ref().map(relation)
            }
            _ => None,
        })
        .collect()
}

fn alter(_: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    let plain = |kind, name: &str| unchanged(kind, Name::new(name));
    Some(match node {
        NodeEnum::AlterEnumStmt(alter) => Statement::AlterEnum(Box::new(alter_enum(alter))),
        NodeEnum::AlterSeqStmt(alter) => Statement::AlterSequence {
            name: relation_of(alter.sequence.as_ref()),
            if_exists: alter.missing_ok,
            options: Box::new(sequence_options(&alter.options)),
        },
        NodeEnum::AlterPolicyStmt(alter) => Statement::AlterPolicy {
            name: truncate(&alter.policy_name),
            table: relation_of(alter.table.as_ref()),
        },
        NodeEnum::AlterRoleStmt(alter) => plain(ObjectKind::Role, &role(alter.role.as_ref())),
        NodeEnum::AlterRoleSetStmt(alter) if alter.role.is_some() => {
            plain(ObjectKind::Role, &role(alter.role.as_ref()))
        }
        NodeEnum::AlterDatabaseStmt(alter) if moves_database(&alter.options) => Statement::Other {
            tag: "ALTER DATABASE SET TABLESPACE".into(),
            object: Some(Name::new(&alter.dbname)),
        },
        NodeEnum::AlterDatabaseStmt(alter) => plain(ObjectKind::Database, &alter.dbname),
        NodeEnum::AlterDatabaseSetStmt(alter) => plain(ObjectKind::Database, &alter.dbname),
        NodeEnum::AlterDatabaseRefreshCollStmt(alter) => plain(ObjectKind::Database, &alter.dbname),
        NodeEnum::AlterTableSpaceOptionsStmt(alter) => {
            plain(ObjectKind::Tablespace, &alter.tablespacename)
        }
        NodeEnum::AlterEventTrigStmt(alter) => plain(ObjectKind::EventTrigger, &alter.trigname),
        NodeEnum::AlterExtensionStmt(alter) => plain(ObjectKind::Extension, &alter.extname),
        NodeEnum::AlterExtensionContentsStmt(alter) => plain(ObjectKind::Extension, &alter.extname),
        NodeEnum::AlterSubscriptionStmt(alter) => plain(ObjectKind::Subscription, &alter.subname),
        NodeEnum::AlterPublicationStmt(alter) => alter_publication(alter),
        NodeEnum::AlterForeignServerStmt(alter) => with_action(
            plain(ObjectKind::Server, &alter.servername),
            option_action(&alter.options),
        ),
        NodeEnum::AlterFdwStmt(alter) => with_action(
            plain(ObjectKind::ForeignDataWrapper, &alter.fdwname),
            option_action(&alter.options),
        ),
        NodeEnum::AlterUserMappingStmt(alter) => with_action(
            unchanged(
                ObjectKind::UserMapping,
                user_mapping(&role(alter.user.as_ref()), &alter.servername),
            ),
            option_action(&alter.options),
        ),
        NodeEnum::AlterFunctionStmt(alter) => unchanged(
            kind(alter.objtype).unwrap_or(ObjectKind::Function),
            alter
                .func
                .as_ref()
                .map(|function| dotted(&function.objname))
                .unwrap_or_default(),
        ),
        NodeEnum::AlterOperatorStmt(alter) => {
            let operator_node = alter.opername.as_ref()?;
            let arguments = types::arguments(&operator_node.objargs);
            unchanged(
                ObjectKind::Operator,
                operator(&dotted(&operator_node.objname), &arguments),
            )
        }
        NodeEnum::AlterOpFamilyStmt(alter) => unchanged(
            ObjectKind::OperatorFamily,
            by_method(&dotted(&alter.opfamilyname), &alter.amname),
        ),
        NodeEnum::AlterTypeStmt(alter) => unchanged(ObjectKind::Type, dotted(&alter.type_name)),
        NodeEnum::AlterCollationStmt(alter) => {
            unchanged(ObjectKind::Collation, dotted(&alter.collname))
        }
        NodeEnum::AlterStatsStmt(alter) => {
            let mut statement = unchanged(ObjectKind::Statistics, dotted(&alter.defnames));
            if let Statement::AlterNamed { if_exists, .. } = &mut statement {
                *if_exists = alter.missing_ok;
            }
            statement
        }
        NodeEnum::AlterTsdictionaryStmt(alter) => {
            unchanged(ObjectKind::TextSearchDictionary, dotted(&alter.dictname))
        }
        NodeEnum::AlterTsconfigurationStmt(alter) => {
            unchanged(ObjectKind::TextSearchConfiguration, dotted(&alter.cfgname))
        }
        NodeEnum::AlterObjectDependsStmt(alter) => {
            let name = match (&alter.relation, alter.object.as_deref()) {
                (Some(range), _) => relation(range),
                (None, Some(node)) => object(node).0,
                _ => return None,
            };
            unchanged(kind(alter.object_type)?, name)
        }
        _ => return None,
    })
}

fn unchanged(kind: ObjectKind, name: Name) -> Statement {
    Statement::AlterNamed {
        kind,
        name,
        if_exists: false,
        action: NamedAction::Options,
    }
}

fn with_action(mut statement: Statement, made: NamedAction) -> Statement {
    if let Statement::AlterNamed { action, .. } = &mut statement {
        *action = made;
    }
    statement
}

fn alter_enum(alter: &AlterEnumStmt) -> AlterEnum {
    AlterEnum {
        name: dotted(&alter.type_name),
        label: SmolStr::new(&alter.new_val),
        rename_from: some(&alter.old_val).map(SmolStr::new),
        if_not_exists: alter.skip_if_new_val_exists,
        neighbour: some(&alter.new_val_neighbor)
            .map(|neighbour| (!alter.new_val_is_after, SmolStr::new(neighbour))),
    }
}

fn alter_publication(alter: &AlterPublicationStmt) -> Statement {
    let tables: Vec<SmolStr> = publication_tables(&alter.pubobjects)
        .iter()
        .map(plain_text)
        .collect();
    let action = match alter.action() {
        _ if alter.pubobjects.is_empty() => NamedAction::Options,
        AlterPublicationAction::ApAddObjects => NamedAction::Add(tables),
        AlterPublicationAction::ApDropObjects => NamedAction::DropMembers(tables),
        _ => NamedAction::SetMembers(tables),
    };
    with_action(
        unchanged(ObjectKind::Publication, Name::new(&alter.pubname)),
        action,
    )
}

/// A name without quotes, as keys have it.
fn plain_text(name: &Name) -> SmolStr {
    match &name.schema {
        Some(schema) => SmolStr::new(format!("{schema}.{}", name.name)),
        None => name.name.clone(),
    }
}

/// `OPTIONS (ADD host 'x')`: one kind of action is told apart, a mixture is not.
fn option_action(nodes: &[Node]) -> NamedAction {
    let of = |wanted: &[DefElemAction]| -> Vec<SmolStr> {
        options(nodes)
            .filter(|element| wanted.contains(&element.defaction()))
            .map(|element| SmolStr::new(&element.defname))
            .collect()
    };
    let added = of(&[DefElemAction::DefelemAdd, DefElemAction::DefelemUnspec]);
    let dropped = of(&[DefElemAction::DefelemDrop]);
    let total = options(nodes).count();
    if total > 0 && added.len() == total {
        NamedAction::Add(added)
    } else if total > 0 && dropped.len() == total {
        NamedAction::DropMembers(dropped)
    } else {
        NamedAction::Options
    }
}

/// The plain values of an option list, as `name=value`.
pub(super) fn option_texts(nodes: &[Node]) -> Vec<SmolStr> {
    options(nodes)
        .map(|element| {
            let value = element.arg.as_deref().and_then(value_text);
            SmolStr::new(format!("{}={}", element.defname, value.unwrap_or_default()))
        })
        .collect()
}
