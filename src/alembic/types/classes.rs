//! The type classes that can be imported, one line each: how each is spelled on PostgreSQL.
//!
//! Facts from SQLAlchemy's `PGTypeCompiler` and the packages' own `get_col_spec`.

use crate::python::Class;

/// How a type class makes a type name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Always this name.
    Name(&'static str),
    /// With its `length`, if it has one.
    Length(&'static str),
    /// NUMERIC(precision, scale).
    Numeric,
    /// FLOAT(precision).
    Float,
    /// With its `timezone` flag: names without and with.
    Zoned(&'static str, &'static str),
    /// UUID, or CHAR(32) with `native_uuid=False`.
    Uuid,
    /// BIT(length), BIT VARYING(length).
    Bit,
    /// An array of its first argument.
    Array,
    /// `sa.Enum`; true for `postgresql.ENUM`.
    Enum(bool),
    /// `postgresql.DOMAIN`.
    Domain,
    /// Its implementation is its attribute `impl`.
    Decorator,
    /// Its spelling is what `get_col_spec` gives.
    UserDefined,
    /// geoalchemy2's `geometry(POINT,4326)`.
    Spatial(&'static str),
    /// pgvector's, with a dimension.
    Vector(&'static str),
    /// No type was given.
    Null,
    /// Has no spelling on PostgreSQL: SQLAlchemy refuses it.
    Foreign,
    /// A base class that is never used itself.
    Abstract,
    /// Not known how it is spelled.
    Unknown,
}

/// A type class.
#[derive(Debug)]
pub struct TypeClass {
    /// Class name.
    pub name: &'static str,
    /// Class that it derives from, by name in this table; empty for the root.
    pub base: &'static str,
    /// How it is spelled.
    pub form: Form,
}

const fn class(name: &'static str, base: &'static str, form: Form) -> TypeClass {
    TypeClass { name, base, form }
}

/// SQLAlchemy's generic and SQL standard types.
pub static GENERIC: &[TypeClass] = &[
    class("TypeEngine", "", Form::Abstract),
    class("String", "TypeEngine", Form::Length("varchar")),
    class("Text", "String", Form::Length("text")),
    class("Unicode", "String", Form::Length("varchar")),
    class("UnicodeText", "Text", Form::Length("text")),
    class("VARCHAR", "String", Form::Length("varchar")),
    class("NVARCHAR", "Unicode", Form::Length("nvarchar")),
    class("CHAR", "String", Form::Length("bpchar")),
    class("NCHAR", "Unicode", Form::Length("bpchar")),
    class("TEXT", "Text", Form::Length("text")),
    class("CLOB", "Text", Form::Name("clob")),
    class("Integer", "TypeEngine", Form::Name("int4")),
    class("INTEGER", "Integer", Form::Name("int4")),
    class("INT", "Integer", Form::Name("int4")),
    class("SmallInteger", "Integer", Form::Name("int2")),
    class("SMALLINT", "SmallInteger", Form::Name("int2")),
    class("BigInteger", "Integer", Form::Name("int8")),
    class("BIGINT", "BigInteger", Form::Name("int8")),
    class("Numeric", "TypeEngine", Form::Numeric),
    class("NUMERIC", "Numeric", Form::Numeric),
    class("DECIMAL", "Numeric", Form::Numeric),
    class("Float", "Numeric", Form::Float),
    class("FLOAT", "Float", Form::Float),
    class("REAL", "Float", Form::Name("float4")),
    class("Double", "Float", Form::Name("float8")),
    class("DOUBLE", "Double", Form::Name("double")),
    class("DOUBLE_PRECISION", "Double", Form::Name("float8")),
    class("Boolean", "TypeEngine", Form::Name("bool")),
    class("BOOLEAN", "Boolean", Form::Name("bool")),
    class("Date", "TypeEngine", Form::Name("date")),
    class("DATE", "Date", Form::Name("date")),
    class(
        "DateTime",
        "TypeEngine",
        Form::Zoned("timestamp", "timestamptz"),
    ),
    class("DATETIME", "DateTime", Form::Name("datetime")),
    class(
        "TIMESTAMP",
        "DateTime",
        Form::Zoned("timestamp", "timestamptz"),
    ),
    class("Time", "TypeEngine", Form::Zoned("time", "timetz")),
    class("TIME", "Time", Form::Zoned("time", "timetz")),
    class("Interval", "TypeEngine", Form::Name("interval")),
    class("LargeBinary", "TypeEngine", Form::Name("bytea")),
    class("BLOB", "LargeBinary", Form::Name("blob")),
    class("BINARY", "TypeEngine", Form::Name("binary")),
    class("VARBINARY", "TypeEngine", Form::Name("varbinary")),
    class("PickleType", "TypeDecorator", Form::Name("bytea")),
    class("JSON", "TypeEngine", Form::Name("json")),
    class("Uuid", "TypeEngine", Form::Uuid),
    class("UUID", "Uuid", Form::Uuid),
    class("ARRAY", "TypeEngine", Form::Array),
    class("Enum", "String", Form::Enum(false)),
    class("TypeDecorator", "TypeEngine", Form::Decorator),
    class("UserDefinedType", "TypeEngine", Form::UserDefined),
    class("NullType", "TypeEngine", Form::Null),
    class("Concatenable", "", Form::Abstract),
    class("Indexable", "", Form::Abstract),
    class("SchemaType", "", Form::Abstract),
    class("MatchType", "Boolean", Form::Name("bool")),
    class("Variant", "TypeDecorator", Form::Decorator),
    class("AbstractType", "TypeEngine", Form::Abstract),
];

/// Types of `sqlalchemy.dialects.postgresql` that SQLAlchemy's generic table has not, or has otherwise.
pub static POSTGRESQL: &[TypeClass] = &[
    class("ENUM", "Enum", Form::Enum(true)),
    class("DOMAIN", "TypeEngine", Form::Domain),
    class("ARRAY", "ARRAY", Form::Array),
    class("UUID", "Uuid", Form::Uuid),
    class("JSON", "JSON", Form::Name("json")),
    class("JSONB", "JSON", Form::Name("jsonb")),
    class("JSONPATH", "TypeEngine", Form::Name("jsonpath")),
    class("HSTORE", "TypeEngine", Form::Name("hstore")),
    class("BYTEA", "LargeBinary", Form::Name("bytea")),
    class("INET", "TypeEngine", Form::Name("inet")),
    class("CIDR", "TypeEngine", Form::Name("cidr")),
    class("MACADDR", "TypeEngine", Form::Name("macaddr")),
    class("MACADDR8", "TypeEngine", Form::Name("macaddr8")),
    class("MONEY", "TypeEngine", Form::Name("money")),
    class("OID", "TypeEngine", Form::Name("oid")),
    class("REGCLASS", "TypeEngine", Form::Name("regclass")),
    class("REGCONFIG", "TypeEngine", Form::Name("regconfig")),
    class("TSVECTOR", "TypeEngine", Form::Name("tsvector")),
    class("TSQUERY", "TypeEngine", Form::Name("tsquery")),
    class("BIT", "TypeEngine", Form::Bit),
    class("INTERVAL", "Interval", Form::Name("interval")),
    class(
        "TIMESTAMP",
        "TIMESTAMP",
        Form::Zoned("timestamp", "timestamptz"),
    ),
    class("TIME", "TIME", Form::Zoned("time", "timetz")),
    class("CITEXT", "TEXT", Form::Name("citext")),
    class("INT4RANGE", "TypeEngine", Form::Name("int4range")),
    class("INT8RANGE", "TypeEngine", Form::Name("int8range")),
    class("NUMRANGE", "TypeEngine", Form::Name("numrange")),
    class("DATERANGE", "TypeEngine", Form::Name("daterange")),
    class("TSRANGE", "TypeEngine", Form::Name("tsrange")),
    class("TSTZRANGE", "TypeEngine", Form::Name("tstzrange")),
    class("INT4MULTIRANGE", "TypeEngine", Form::Name("int4multirange")),
    class("INT8MULTIRANGE", "TypeEngine", Form::Name("int8multirange")),
    class("NUMMULTIRANGE", "TypeEngine", Form::Name("nummultirange")),
    class("DATEMULTIRANGE", "TypeEngine", Form::Name("datemultirange")),
    class("TSMULTIRANGE", "TypeEngine", Form::Name("tsmultirange")),
    class("TSTZMULTIRANGE", "TypeEngine", Form::Name("tstzmultirange")),
];

/// Types of other dialects of SQLAlchemy's, met in variants and type comparisons.
pub static OTHER_DIALECTS: &[TypeClass] = &[
    class("TINYINT", "Integer", Form::Foreign),
    class("MEDIUMINT", "Integer", Form::Foreign),
    class("LONGTEXT", "Text", Form::Foreign),
    class("MEDIUMTEXT", "Text", Form::Foreign),
    class("TINYTEXT", "Text", Form::Foreign),
    class("LONGBLOB", "LargeBinary", Form::Foreign),
    class("MEDIUMBLOB", "LargeBinary", Form::Foreign),
    class("TINYBLOB", "LargeBinary", Form::Foreign),
    class("YEAR", "TypeEngine", Form::Foreign),
    class("SET", "String", Form::Foreign),
    class("ENUM", "Enum", Form::Enum(false)),
    class("BIT", "TypeEngine", Form::Foreign),
    class("DATETIME2", "DateTime", Form::Foreign),
    class("DATETIMEOFFSET", "DateTime", Form::Foreign),
    class("NTEXT", "UnicodeText", Form::Foreign),
    class("UNIQUEIDENTIFIER", "Uuid", Form::Foreign),
    class("IMAGE", "LargeBinary", Form::Foreign),
    class("VARCHAR2", "String", Form::Foreign),
    class("NUMBER", "Numeric", Form::Foreign),
];

/// Types of other packages, by the package.
pub static PACKAGES: &[(&str, &[TypeClass])] = &[
    (
        "geoalchemy2",
        &[
            class("Geometry", "UserDefinedType", Form::Spatial("geometry")),
            class("Geography", "UserDefinedType", Form::Spatial("geography")),
            class("Raster", "UserDefinedType", Form::Name("raster")),
        ],
    ),
    (
        "pgvector",
        &[
            class("Vector", "UserDefinedType", Form::Vector("vector")),
            class("VECTOR", "UserDefinedType", Form::Vector("vector")),
            class("HALFVEC", "UserDefinedType", Form::Vector("halfvec")),
            class("SPARSEVEC", "UserDefinedType", Form::Vector("sparsevec")),
            class("BIT", "UserDefinedType", Form::Vector("bit")),
        ],
    ),
    (
        "sqlmodel",
        &[class("AutoString", "String", Form::Length("varchar"))],
    ),
    ("citext", &[class("CIText", "String", Form::Name("citext"))]),
    ("sqlalchemy_json", &[]),
    (
        "sqlalchemy_utils",
        &[
            class("UUIDType", "TypeDecorator", Form::Uuid),
            class("JSONType", "TypeDecorator", Form::Name("json")),
            class("EmailType", "TypeDecorator", Form::Length("varchar")),
            class("URLType", "TypeDecorator", Form::Name("text")),
            class("ArrowType", "TypeDecorator", Form::Name("timestamp")),
            class("IPAddressType", "TypeDecorator", Form::Length("varchar")),
            class("ColorType", "TypeDecorator", Form::Length("varchar")),
            class("CountryType", "TypeDecorator", Form::Length("varchar")),
            class("CurrencyType", "TypeDecorator", Form::Length("varchar")),
            class("LocaleType", "TypeDecorator", Form::Length("varchar")),
            class("PhoneNumberType", "TypeDecorator", Form::Length("varchar")),
            class("ScalarListType", "TypeDecorator", Form::Name("text")),
            class("TimezoneType", "TypeDecorator", Form::Length("varchar")),
            class("PasswordType", "TypeDecorator", Form::Name("bytea")),
            class("LtreeType", "UserDefinedType", Form::Name("ltree")),
            class("TSVectorType", "TypeDecorator", Form::Name("tsvector")),
            class("EncryptedType", "TypeDecorator", Form::Name("bytea")),
            class(
                "StringEncryptedType",
                "TypeDecorator",
                Form::Length("varchar"),
            ),
            class("ChoiceType", "TypeDecorator", Form::Unknown),
            class("IntRangeType", "TypeDecorator", Form::Name("int4range")),
            class("DateRangeType", "TypeDecorator", Form::Name("daterange")),
            class("DateTimeRangeType", "TypeDecorator", Form::Name("tsrange")),
            class("NumericRangeType", "TypeDecorator", Form::Name("numrange")),
        ],
    ),
];

/// The class of a name in a module of SQLAlchemy or of a package with types.
pub fn find(module: &str, name: &str) -> Option<&'static TypeClass> {
    let within = |classes: &'static [TypeClass]| classes.iter().find(|class| class.name == name);
    if let Some(dialect) = module.strip_prefix("sqlalchemy.dialects.") {
        let own = if dialect.starts_with("postgresql") {
            within(POSTGRESQL)
        } else {
            within(OTHER_DIALECTS)
        };
        // a dialect re-exports the SQL standard's types, which are upper case
        let standard = || within(GENERIC).filter(|class| !class.name.contains(char::is_lowercase));
        return own.or_else(standard);
    }
    let package = module.split('.').next()?;
    if package == "sqlalchemy" {
        return within(GENERIC);
    }
    PACKAGES
        .iter()
        .find(|(known, _)| *known == package)
        .and_then(|(_, classes)| within(classes))
}

/// The generic class of a name.
pub fn generic(name: &str) -> Option<&'static TypeClass> {
    GENERIC.iter().find(|class| class.name == name)
}

impl TypeClass {
    /// Whether a class of the project that derives from it is what its `impl` says: a TypeDecorator, or one of SQLAlchemy's own with
    /// another `impl` than it has.
    pub fn is_decorator_of(&self, class: &Class) -> bool {
        self.form == Form::Decorator || self.is_a("TypeDecorator") && class.lookup("impl").is_some()
    }

    /// Whether it is the class of a name or derives from it.
    pub fn is_a(&self, name: &str) -> bool {
        if self.name == name {
            return true;
        }
        let mut base = self.base;
        // the table's chains are short; the bound keeps a wrong line from looping
        for _ in 0..8 {
            if base.is_empty() {
                return false;
            }
            if base == name {
                return true;
            }
            base = generic(base).map_or("", |class| class.base);
        }
        false
    }
}
