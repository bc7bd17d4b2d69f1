//! What every server has without a statement making it: types, and which extension brings what else.
//!
//! Tables of facts from the manual (chapter 8, appendix F) and `pg_type`; names are canonical.

/// Types of `pg_catalog` that a statement may name, sorted.
const TYPES: &[&str] = &[
    "aclitem",
    "any",
    "anyarray",
    "anycompatible",
    "anycompatiblearray",
    "anycompatiblemultirange",
    "anycompatiblenonarray",
    "anycompatiblerange",
    "anyelement",
    "anyenum",
    "anymultirange",
    "anynonarray",
    "anyrange",
    "bigint",
    "bigserial",
    "bit",
    "bool",
    "boolean",
    "box",
    "bpchar",
    "bytea",
    "char",
    "character",
    "cid",
    "cidr",
    "circle",
    "cstring",
    "date",
    "datemultirange",
    "daterange",
    "decimal",
    "event_trigger",
    "fdw_handler",
    "float4",
    "float8",
    "gtsvector",
    "index_am_handler",
    "inet",
    "information_schema",
    "int",
    "int2",
    "int2vector",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "integer",
    "internal",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "language_handler",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_ddl_command",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "real",
    "record",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallint",
    "smallserial",
    "table_am_handler",
    "text",
    "tid",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "trigger",
    "tsm_handler",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "unknown",
    "uuid",
    "varbit",
    "varchar",
    "void",
    "xid",
    "xid8",
    "xml",
];

/// Whether `pg_catalog` has a type of this canonical name.
pub fn is_builtin_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// Whether the server can't put values of one of its types in order, nor by an operator class of its own tell them apart.
pub fn is_without_order(name: &str) -> bool {
    matches!(
        name,
        "json" | "xml" | "point" | "box" | "circle" | "line" | "lseg" | "path" | "polygon"
    )
}

/// The extension whose type this is, where it is a well-known one.
pub fn extension_of_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "geometry" | "geography" | "box2d" | "box3d" | "geometry_dump" => "postgis",
        "raster" => "postgis_raster",
        "topogeometry" => "postgis_topology",
        "vector" | "halfvec" | "sparsevec" => "vector",
        "citext" => "citext",
        "hstore" => "hstore",
        "ltree" | "lquery" | "ltxtquery" => "ltree",
        "cube" => "cube",
        "earth" => "earthdistance",
        "seg" => "seg",
        "isbn" | "isbn13" | "issn" | "issn13" | "ismn" | "ismn13" | "ean13" | "upc" => "isn",
        "lo" => "lo",
        "query_int" | "intbig_gkey" => "intarray",
        "semver" => "semver",
        "roaringbitmap" => "roaringbitmap",
        "agtype" => "age",
        _ => return None,
    })
}

/// The extension whose operator class this is, where it is a well-known one.
pub fn extension_of_operator_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "gin_trgm_ops" | "gist_trgm_ops" => "pg_trgm",
        "vector_l2_ops"
        | "vector_ip_ops"
        | "vector_cosine_ops"
        | "vector_l1_ops"
        | "halfvec_l2_ops"
        | "halfvec_ip_ops"
        | "halfvec_cosine_ops"
        | "halfvec_l1_ops"
        | "sparsevec_l2_ops"
        | "sparsevec_ip_ops"
        | "sparsevec_cosine_ops"
        | "bit_hamming_ops"
        | "bit_jaccard_ops" => "vector",
        "gist_geometry_ops_2d" | "gist_geometry_ops_nd" | "gist_geography_ops" => "postgis",
        "gin_hstore_ops" | "gist_hstore_ops" => "hstore",
        "gist_ltree_ops" | "gist__ltree_ops" => "ltree",
        "gin__int_ops" | "gist__int_ops" | "gist__intbig_ops" => "intarray",
        _ => return None,
    })
}

/// The extension whose index access method this is; `Some("")` for the server's own.
pub fn extension_of_access_method(name: &str) -> Option<&'static str> {
    Some(match name {
        "btree" | "hash" | "gist" | "gin" | "brin" | "spgist" | "" => "",
        "bloom" => "bloom",
        "hnsw" | "ivfflat" => "vector",
        "rum" => "rum",
        "bm25" => "pg_search",
        "pgroonga" => "pgroonga",
        _ => return None,
    })
}

/// The extension whose function this is, where it is a well-known one that the given major does not have itself.
pub fn extension_of_function(name: &str, major: u16) -> Option<&'static str> {
    Some(match name {
        "uuid_generate_v1" | "uuid_generate_v1mc" | "uuid_generate_v3" | "uuid_generate_v4"
        | "uuid_generate_v5" | "uuid_nil" | "uuid_ns_dns" | "uuid_ns_url" => "uuid-ossp",
        "gen_random_uuid" if major < 13 => "pgcrypto",
        "crypt" | "gen_salt" | "digest" | "hmac" | "gen_random_bytes" | "pgp_sym_encrypt"
        | "pgp_sym_decrypt" => "pgcrypto",
        "unaccent" => "unaccent",
        "similarity" | "word_similarity" | "show_trgm" => "pg_trgm",
        "st_makepoint" | "st_geomfromtext" | "st_setsrid" | "st_transform" | "st_point" => {
            "postgis"
        }
        "ll_to_earth" | "earth_distance" | "earth_box" => "earthdistance",
        "soundex" | "levenshtein" | "metaphone" | "dmetaphone" => "fuzzystrmatch",
        _ => return None,
    })
}

/// The canonical name of a type that may have been written with an alias.
pub fn canonical_type(name: &str) -> &str {
    match name {
        "int" | "integer" | "serial" | "serial4" => "int4",
        "bigint" | "bigserial" | "serial8" => "int8",
        "smallint" | "smallserial" | "serial2" => "int2",
        "boolean" => "bool",
        "real" => "float4",
        "decimal" => "numeric",
        "character" => "bpchar",
        other => other,
    }
}

/// The name that messages use for a type: `character varying`, `timestamp with time zone`.
pub fn display_type(name: &str) -> &str {
    match name {
        "int4" | "int" => "integer",
        "int8" => "bigint",
        "int2" => "smallint",
        "bool" => "boolean",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "varbit" => "bit varying",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_types_is_sorted() {
        assert!(TYPES.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(is_builtin_type("jsonb"));
        assert!(!is_builtin_type("citext"));
    }
}
