//! The rest of `pg_catalog`: schemas, types, enums, functions, extensions, roles, comments.

use smol_str::SmolStr;

use super::super::functions;
use super::{DATABASE, Scan, is_certain, oid, types};
use crate::postgres::catalog::{Presence, QualifiedName, Type, TypeKind};
use crate::postgres::expression::Datum;
use crate::postgres::name::ObjectKind;

/// Fills a scan of one of these tables; `None`: it is none of them.
pub(super) fn scan(table: &str, scan: &mut Scan<'_, '_>) -> Option<bool> {
    Some(match table {
        "pg_namespace" => namespaces(scan),
        "pg_type" => type_rows(scan),
        "pg_enum" => labels(scan),
        "pg_range" => ranges(scan),
        "pg_proc" => procedures(scan),
        "pg_extension" => extensions(scan),
        "pg_roles" | "pg_authid" | "pg_user" | "pg_shadow" | "pg_group" => roles(table, scan),
        "pg_database" => databases(scan),
        "pg_description" => descriptions(scan),
        "pg_publication" => named(scan, ObjectKind::Publication, "pubname"),
        "pg_publication_tables" => publication_tables(scan),
        "pg_subscription" => named(scan, ObjectKind::Subscription, "subname"),
        "pg_event_trigger" => named(scan, ObjectKind::EventTrigger, "evtname"),
        "pg_foreign_server" => named(scan, ObjectKind::Server, "srvname"),
        "pg_foreign_data_wrapper" => named(scan, ObjectKind::ForeignDataWrapper, "fdwname"),
        "pg_statistic_ext" => named(scan, ObjectKind::Statistics, "stxname"),
        _ => return None,
    })
}

fn namespaces(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    let own = context
        .catalog
        .schemas
        .iter()
        .map(|(name, presence)| (name.as_str(), *presence))
        .chain([("pg_toast", Presence::Certain)]);
    for (name, presence) in own {
        if !scan.allows("nspname", name) || !scan.allows_oid("oid", oid::schema(name)) {
            continue;
        }
        found = true;
        scan.row(is_certain(presence), |column| match column {
            "oid" => Datum::Int(oid::schema(name)),
            "nspname" => Datum::text(name),
            _ => Datum::Unknown,
        });
    }
    !context.catalog.open
        || (found && (scan.wanted("nspname").is_some() || scan.wanted("oid").is_some()))
}

fn typtype(definition: &TypeKind) -> Datum {
    match definition {
        TypeKind::Enum { .. } => Datum::text("e"),
        TypeKind::Composite { .. } => Datum::text("c"),
        TypeKind::Range { .. } => Datum::text("r"),
        TypeKind::Domain { .. } => Datum::text("d"),
        TypeKind::Shell => Datum::text("p"),
        TypeKind::Base => Datum::text("b"),
        TypeKind::Open => Datum::Unknown,
    }
}

/// Types that a name or oid may mean.
fn wanted_types<'c>(scan: &Scan<'_, 'c>, name: &str, number: &str) -> Vec<&'c Type> {
    scan.context
        .catalog
        .types
        .values()
        .map(AsRef::as_ref)
        .filter(|made| {
            scan.allows(name, &made.name.name)
                && scan.allows_oid(number, oid::made_type(&made.name))
        })
        .collect()
}

fn type_rows(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    for made in wanted_types(scan, "typname", "oid") {
        found = true;
        scan.row(is_certain(made.presence), |column| match column {
            "oid" => Datum::Int(oid::made_type(&made.name)),
            "typname" => Datum::text(&made.name.name),
            "typnamespace" => Datum::Int(oid::schema(&made.name.schema)),
            "typtype" => typtype(&made.definition),
            "typcategory" => match &made.definition {
                TypeKind::Enum { .. } => Datum::text("E"),
                TypeKind::Composite { .. } => Datum::text("C"),
                TypeKind::Range { .. } => Datum::text("R"),
                _ => Datum::Unknown,
            },
            "typarray" => Datum::Int(oid::array_type(oid::made_type(&made.name))),
            "typelem" => Datum::Int(0),
            "typrelid" => match &made.definition {
                TypeKind::Composite { .. } => Datum::Int(oid::relation(&made.name)),
                _ => Datum::Int(0),
            },
            "typisdefined" => Datum::Bool(!matches!(made.definition, TypeKind::Shell)),
            "typnotnull" => match &made.definition {
                TypeKind::Domain { not_null, .. } => Datum::Bool(*not_null),
                _ => Datum::Bool(false),
            },
            "typbasetype" => match &made.definition {
                TypeKind::Domain { base, .. } => {
                    types::oid_of_type(base, context).map_or(Datum::Unknown, Datum::Int)
                }
                _ => Datum::Int(0),
            },
            _ => Datum::Unknown,
        });
    }
    for (name, number) in types::builtin() {
        if !scan.allows("typname", name) || !scan.allows_oid("oid", number) {
            continue;
        }
        found = true;
        scan.row(true, |column| match column {
            "oid" => Datum::Int(number),
            "typname" => Datum::text(name),
            "typnamespace" => Datum::Int(oid::schema("pg_catalog")),
            "typarray" => Datum::Int(oid::array_type(number)),
            "typisdefined" => Datum::Bool(true),
            "typrelid" | "typelem" => Datum::Int(0),
            "typtype" => Datum::text(
                if name.starts_with("any") || matches!(name, "void" | "trigger" | "record") {
                    "p"
                } else if name.ends_with("multirange") {
                    "m"
                } else if name.ends_with("range") {
                    "r"
                } else {
                    "b"
                },
            ),
            _ => Datum::Unknown,
        });
    }
    found |= row_types(scan);
    let maybe = !found
        && scan.wanted("typname").is_some_and(|names| {
            names.iter().any(|name| match name {
                Datum::Text(name) => context.may_exist(&crate::postgres::Name::new(&**name)),
                _ => false,
            })
        });
    let named = scan.wanted("typname").is_some() || scan.wanted("oid").is_some();
    (!context.catalog.open && !maybe) || (found && named)
}

/// Tables have a row type of their name; only asked for by name or number.
fn row_types(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    if scan.wanted("typname").is_none() && scan.wanted("typrelid").is_none() {
        return false;
    }
    for relation in context.catalog.relations.values() {
        let wanted = super::relations::has_columns(relation.kind)
            && scan.allows("typname", &relation.name.name)
            && scan.allows_oid("typrelid", oid::relation(&relation.name));
        if !wanted {
            continue;
        }
        found = true;
        scan.row(is_certain(relation.presence), |column| match column {
            "oid" => Datum::Int(oid::made_type(&relation.name)),
            "typname" => Datum::text(&relation.name.name),
            "typnamespace" => Datum::Int(oid::schema(&relation.name.schema)),
            "typtype" => Datum::text("c"),
            "typrelid" => Datum::Int(oid::relation(&relation.name)),
            "typisdefined" => Datum::Bool(true),
            _ => Datum::Unknown,
        });
    }
    found
}

fn labels(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    let mut known = true;
    for made in wanted_types(scan, "typname", "enumtypid") {
        let TypeKind::Enum { labels } = &made.definition else {
            known &= !matches!(made.definition, TypeKind::Open);
            continue;
        };
        found = true;
        for (index, label) in labels.iter().enumerate() {
            if !scan.allows("enumlabel", label) {
                continue;
            }
            let maybe = context
                .catalog
                .maybe
                .contains(&made.name.member(ObjectKind::EnumLabel, label));
            scan.row(is_certain(made.presence) && !maybe, |column| match column {
                "oid" => Datum::Int(oid::member("label", &made.name, label)),
                "enumtypid" => Datum::Int(oid::made_type(&made.name)),
                "enumsortorder" => Datum::Int(index as i64 + 1),
                "enumlabel" => Datum::text(label),
                _ => Datum::Unknown,
            });
        }
    }
    known && (!context.catalog.open || (found && scan.wanted("enumtypid").is_some()))
}

fn ranges(scan: &mut Scan<'_, '_>) -> bool {
    for made in wanted_types(scan, "rngtypname", "rngtypid") {
        if matches!(made.definition, TypeKind::Range { .. }) {
            scan.row(is_certain(made.presence), |column| match column {
                "rngtypid" => Datum::Int(oid::made_type(&made.name)),
                _ => Datum::Unknown,
            });
        }
    }
    !scan.context.catalog.open
}

fn procedures(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    for (name, overloads) in &context.catalog.functions {
        if !scan.allows("proname", &name.name) {
            continue;
        }
        for (index, function) in overloads.iter().enumerate() {
            let number = oid::function(name, index);
            if !scan.allows_oid("oid", number) {
                continue;
            }
            found = true;
            scan.row(is_certain(function.presence), |column| match column {
                "oid" => Datum::Int(number),
                "proname" => Datum::text(&name.name),
                "pronamespace" => Datum::Int(oid::schema(&name.schema)),
                "prokind" => Datum::text(match function.kind {
                    ObjectKind::Procedure => "p",
                    ObjectKind::Aggregate => "a",
                    _ => "f",
                }),
                "proisagg" => Datum::Bool(function.kind == ObjectKind::Aggregate),
                "pronargs" => Datum::Int(function.arguments.len() as i64),
                "pronargdefaults" => Datum::Int(function.defaults as i64),
                "prosrc" => Datum::text(&function.body),
                "prorettype" => match function
                    .returns
                    .type_name
                    .as_ref()
                    .map(|one| &*one.name.name)
                {
                    Some("trigger") => Datum::Int(2279),
                    Some("void") => Datum::Int(2278),
                    _ => Datum::Unknown,
                },
                _ => Datum::Unknown,
            });
        }
    }
    let Some(names) = scan.wanted("proname") else {
        // those of the server and of extensions are not listed
        return scan.wanted("oid").is_some() && found;
    };
    let mut sure = true;
    for name in names {
        let Datum::Text(name) = name else { continue };
        if functions::is_builtin(name) {
            found = true;
            scan.row(true, |column| match column {
                "oid" => Datum::Int(oid::named("builtin", name)),
                "proname" => Datum::text(name),
                "pronamespace" => Datum::Int(oid::schema("pg_catalog")),
                _ => Datum::Unknown,
            });
            continue;
        }
        match functions::extension_of(name) {
            Some(extension) => {
                if let Some(schema) = context.catalog.extensions.get(extension) {
                    scan.row(true, |column| match column {
                        "oid" => Datum::Int(oid::named("extension function", name)),
                        "proname" => Datum::text(name),
                        "pronamespace" => Datum::Int(oid::schema(schema)),
                        _ => Datum::Unknown,
                    });
                    found = true;
                }
            }
            None => sure &= functions::extensions_are_listed(context),
        }
    }
    (sure && !context.catalog.open) || found
}

fn extensions(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    for (name, schema) in &context.catalog.extensions {
        if !scan.allows("extname", name) {
            continue;
        }
        found = true;
        let maybe = context
            .catalog
            .maybe
            .contains(&crate::postgres::ObjectKey::new(
                ObjectKind::Extension,
                name,
            ));
        scan.row(!maybe, |column| match column {
            "oid" => Datum::Int(oid::named("extension", name)),
            "extname" => Datum::text(name),
            "extnamespace" => Datum::Int(oid::schema(schema)),
            _ => Datum::Unknown,
        });
    }
    !context.catalog.open || (found && scan.wanted("extname").is_some())
}

fn roles(table: &str, scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let (name_column, number_column) = match table {
        "pg_user" | "pg_shadow" => ("usename", "usesysid"),
        "pg_group" => ("groname", "grosysid"),
        _ => ("rolname", "oid"),
    };
    let mut found = false;
    let made = context
        .catalog
        .named
        .keys()
        .filter(|key| key.kind == ObjectKind::Role)
        .map(|key| key.name.clone())
        .chain([SmolStr::new_static("postgres")]);
    for name in made {
        if !scan.allows(name_column, &name) {
            continue;
        }
        found = true;
        scan.row(true, |column| match column {
            _ if column == name_column => Datum::text(&name),
            _ if column == number_column => Datum::Int(oid::named("role", &name)),
            _ => Datum::Unknown,
        });
    }
    let named = scan.wanted(name_column).is_some();
    // roles belong to the cluster: who lists them finds others too
    named && (found || !context.catalog.open)
}

fn databases(scan: &mut Scan<'_, '_>) -> bool {
    if scan.allows("datname", DATABASE) {
        scan.row(true, |column| match column {
            "datname" => Datum::text(DATABASE),
            "datallowconn" => Datum::Bool(true),
            "datistemplate" => Datum::Bool(false),
            _ => Datum::Unknown,
        });
        return scan.wanted("datname").is_some();
    }
    false
}

fn descriptions(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    for (key, comment) in &context.catalog.comments {
        let parts: Vec<&str> = key.name.splitn(3, '.').collect();
        let (object, member) = match (key.kind, parts.as_slice()) {
            (ObjectKind::Column, [schema, table, column]) => {
                let name = QualifiedName::new(schema, table);
                let number = context
                    .catalog
                    .relations
                    .get(&name)
                    .map_or(Datum::Unknown, |relation| {
                        super::attribute_number(relation, column)
                    });
                (oid::relation(&name), number)
            }
            (_, [schema, name]) => (
                oid::relation(&QualifiedName::new(schema, name)),
                Datum::Int(0),
            ),
            _ => continue,
        };
        if !scan.allows_oid("objoid", object) {
            continue;
        }
        scan.row(true, |column| match column {
            "objoid" => Datum::Int(object),
            "objsubid" => member.clone(),
            "description" => Datum::text(comment),
            _ => Datum::Unknown,
        });
    }
    !context.catalog.open
}

/// Kinds that are known by name only.
fn named(scan: &mut Scan<'_, '_>, kind: ObjectKind, name_column: &str) -> bool {
    let context = scan.context;
    let mut found = false;
    for key in context.catalog.named.keys().filter(|key| key.kind == kind) {
        let plain = key.name.rsplit('.').next().unwrap_or(&key.name);
        if !scan.allows(name_column, plain) {
            continue;
        }
        found = true;
        scan.row(!context.catalog.maybe.contains(key), |column| {
            if column == name_column {
                Datum::text(plain)
            } else if column == "oid" {
                Datum::Int(oid::named("named", &key.name))
            } else {
                Datum::Unknown
            }
        });
    }
    !context.catalog.open || (found && scan.wanted(name_column).is_some())
}

fn publication_tables(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    for (key, publication) in &context.catalog.named {
        if key.kind != ObjectKind::Publication || !scan.allows("pubname", &key.name) {
            continue;
        }
        for relation in &publication.relations {
            if !scan.allows("tablename", &relation.name) {
                continue;
            }
            scan.row(true, |column| match column {
                "pubname" => Datum::text(&key.name),
                "schemaname" => Datum::text(&relation.schema),
                "tablename" => Datum::text(&relation.name),
                _ => Datum::Unknown,
            });
        }
    }
    !context.catalog.open
}
