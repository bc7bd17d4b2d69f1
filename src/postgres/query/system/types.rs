//! The server's own types: their names, aliases and numbers, and how a type is printed.

use super::super::{Context, render};
use super::oid;
use crate::postgres::expression::TypeName;

/// Canonical name, oid, name as printed, further aliases.
type Row = (&'static str, i64, &'static str, &'static [&'static str]);

#[rustfmt::skip]
static TYPES: &[Row] = &[
    ("bool", 16, "boolean", &[]),
    ("bytea", 17, "bytea", &[]),
    ("char", 18, "\"char\"", &[]),
    ("name", 19, "name", &[]),
    ("int8", 20, "bigint", &["bigserial", "serial8"]),
    ("int2", 21, "smallint", &["smallserial", "serial2"]),
    ("int4", 23, "integer", &["int", "serial", "serial4"]),
    ("regproc", 24, "regproc", &[]),
    ("text", 25, "text", &[]),
    ("oid", 26, "oid", &[]),
    ("tid", 27, "tid", &[]),
    ("xid", 28, "xid", &[]),
    ("int2vector", 22, "int2vector", &[]),
    ("oidvector", 30, "oidvector", &[]),
    ("json", 114, "json", &[]),
    ("xml", 142, "xml", &[]),
    ("point", 600, "point", &[]),
    ("lseg", 601, "lseg", &[]),
    ("path", 602, "path", &[]),
    ("box", 603, "box", &[]),
    ("polygon", 604, "polygon", &[]),
    ("line", 628, "line", &[]),
    ("cidr", 650, "cidr", &[]),
    ("float4", 700, "real", &[]),
    ("float8", 701, "double precision", &["float"]),
    ("circle", 718, "circle", &[]),
    ("macaddr8", 774, "macaddr8", &[]),
    ("money", 790, "money", &[]),
    ("macaddr", 829, "macaddr", &[]),
    ("inet", 869, "inet", &[]),
    ("bpchar", 1042, "character", &["char"]),
    ("varchar", 1043, "character varying", &[]),
    ("date", 1082, "date", &[]),
    ("time", 1083, "time without time zone", &[]),
    ("timestamp", 1114, "timestamp without time zone", &[]),
    ("timestamptz", 1184, "timestamp with time zone", &[]),
    ("interval", 1186, "interval", &[]),
    ("timetz", 1266, "time with time zone", &[]),
    ("bit", 1560, "bit", &[]),
    ("varbit", 1562, "bit varying", &[]),
    ("numeric", 1700, "numeric", &["decimal", "dec"]),
    ("refcursor", 1790, "refcursor", &[]),
    ("regprocedure", 2202, "regprocedure", &[]),
    ("regoper", 2203, "regoper", &[]),
    ("regoperator", 2204, "regoperator", &[]),
    ("regclass", 2205, "regclass", &[]),
    ("regtype", 2206, "regtype", &[]),
    ("cstring", 2275, "cstring", &[]),
    ("void", 2278, "void", &[]),
    ("trigger", 2279, "trigger", &[]),
    ("record", 2249, "record", &[]),
    ("any", 2276, "\"any\"", &[]),
    ("anyelement", 2283, "anyelement", &[]),
    ("anyarray", 2277, "anyarray", &[]),
    ("uuid", 2950, "uuid", &[]),
    ("pg_lsn", 3220, "pg_lsn", &[]),
    ("tsvector", 3614, "tsvector", &[]),
    ("tsquery", 3615, "tsquery", &[]),
    ("regconfig", 3734, "regconfig", &[]),
    ("regdictionary", 3769, "regdictionary", &[]),
    ("jsonb", 3802, "jsonb", &[]),
    ("event_trigger", 3838, "event_trigger", &[]),
    ("int4range", 3904, "int4range", &[]),
    ("numrange", 3906, "numrange", &[]),
    ("tsrange", 3908, "tsrange", &[]),
    ("tstzrange", 3910, "tstzrange", &[]),
    ("daterange", 3912, "daterange", &[]),
    ("int8range", 3926, "int8range", &[]),
    ("jsonpath", 4072, "jsonpath", &[]),
    ("regnamespace", 4089, "regnamespace", &[]),
    ("regrole", 4096, "regrole", &[]),
    ("int4multirange", 4451, "int4multirange", &[]),
    ("nummultirange", 4532, "nummultirange", &[]),
    ("tsmultirange", 4533, "tsmultirange", &[]),
    ("tstzmultirange", 4534, "tstzmultirange", &[]),
    ("datemultirange", 4535, "datemultirange", &[]),
    ("int8multirange", 4536, "int8multirange", &[]),
    ("pg_snapshot", 5038, "pg_snapshot", &[]),
    ("xid8", 5069, "xid8", &[]),
    ("txid_snapshot", 2970, "txid_snapshot", &[]),
    ("unknown", 705, "unknown", &[]),
    ("regcollation", 4191, "regcollation", &[]),
    ("aclitem", 1033, "aclitem", &[]),
    ("cid", 29, "cid", &[]),
];

fn row(name: &str) -> Option<&'static Row> {
    TYPES.iter().find(|row| row.0 == name)
}

/// Names and oids of the server's own types.
pub(crate) fn builtin() -> impl Iterator<Item = (&'static str, i64)> {
    TYPES.iter().map(|row| (row.0, row.1))
}

/// Whether a canonical name is that of a type of the server's own.
pub(crate) fn is_builtin(name: &str) -> bool {
    canonical(name).is_some()
}

/// The canonical name of a type of the server's own by any of its names.
pub(crate) fn canonical(name: &str) -> Option<&'static str> {
    row(name)
        .or_else(|| {
            TYPES
                .iter()
                .find(|row| row.2 == name || row.3.contains(&name))
        })
        .map(|row| row.0)
}

/// A built-in type's name as the server prints it.
pub(crate) fn printed(name: &str) -> Option<&'static str> {
    row(name).map(|row| row.2)
}

/// The oid of a type, where it is there.
pub(crate) fn oid_of_type(type_name: &TypeName, context: &Context<'_>) -> Option<i64> {
    let element = if type_name.name.schema.is_none()
        && let Some(row) = row(&type_name.name.name)
    {
        row.1
    } else {
        match context.made_type(&type_name.name) {
            Some(made) => oid::made_type(&made.name),
            // a table's row type
            None => oid::made_type(&context.relation(&type_name.name)?.name),
        }
    };
    Some(if type_name.array {
        oid::array_type(element)
    } else {
        element
    })
}

/// A type's name as `regtype` prints it.
pub(crate) fn text_of_oid(oid: i64, context: &Context<'_>) -> Option<String> {
    if let Some(row) = TYPES.iter().find(|row| row.1 == oid) {
        return Some(row.2.to_owned());
    }
    if let Some(row) = TYPES.iter().find(|row| oid::array_type(row.1) == oid) {
        return Some(format!("{}[]", row.2));
    }
    context.catalog.types.keys().find_map(|name| {
        let own = oid::made_type(name);
        if own == oid {
            Some(render::visible_name(name, context))
        } else if oid::array_type(own) == oid {
            Some(format!("{}[]", render::visible_name(name, context)))
        } else {
            None
        }
    })
}
