//! Names as the server keeps them: folded, cut at 63 bytes, optionally qualified by a schema.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::unknown;

/// Longest identifier in bytes: `NAMEDATALEN - 1` (manual, section 4.1.1).
pub const MAX_IDENTIFIER: usize = 63;

/// An identifier cut as the server cuts it: at 63 bytes, never inside a character.
pub fn truncate(identifier: &str) -> SmolStr {
    if identifier.len() <= MAX_IDENTIFIER {
        return SmolStr::new(identifier);
    }
    let mut end = MAX_IDENTIFIER;
    while !identifier.is_char_boundary(end) {
        end -= 1;
    }
    SmolStr::new(&identifier[..end])
}

/// A possibly schema-qualified name, already folded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The schema, where one was written.
    pub schema: Option<SmolStr>,
    /// The name itself.
    pub name: SmolStr,
}

impl Name {
    /// An unqualified name.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self {
            schema: None,
            name: truncate(name.as_ref()),
        }
    }

    /// A name with an optional schema; an empty one is none, as SQLAlchemy takes it.
    pub fn qualified(schema: Option<&str>, name: impl AsRef<str>) -> Self {
        Self {
            schema: schema.filter(|schema| !schema.is_empty()).map(truncate),
            name: truncate(name.as_ref()),
        }
    }

    /// Whether a part of it is not known.
    pub fn is_unknown(&self) -> bool {
        unknown::has_hole(&self.name) || self.schema.as_deref().is_some_and(unknown::has_hole)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(formatter, "{}.", Quoted(schema))?;
        }
        write!(formatter, "{}", Quoted(&self.name))
    }
}

/// Words that may not stand unquoted as the name of a table or column (manual, appendix C: reserved, and reserved but for
/// functions and types), sorted.
const RESERVED: [&str; 101] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Whether a word may not stand unquoted as the name of a table or column.
pub(crate) fn is_reserved(word: &str) -> bool {
    static WORDS: LazyLock<FxHashSet<&str>> = LazyLock::new(|| RESERVED.into_iter().collect());
    WORDS.contains(word)
}

/// Displays an identifier as SQL: quoted only where it must be; an unknown part as `{?}`.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.0.chars().enumerate().all(|(index, character)| {
            character.is_ascii_lowercase()
                || character == '_'
                || character == unknown::HOLE
                || (index > 0 && (character.is_ascii_digit() || character == '$'))
        });
        let shown: Cow<'_, str> = if unknown::has_hole(self.0) {
            Cow::Owned(self.0.replace(unknown::HOLE, "{?}"))
        } else {
            Cow::Borrowed(self.0)
        };
        if plain && !self.0.is_empty() && !is_reserved(self.0) {
            return formatter.write_str(&shown);
        }
        write!(formatter, "\"{}\"", shown.replace('"', "\"\""))
    }
}

/// Kinds of things in a database, for keys, messages and `DROP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectKind {
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Sequence,
    Column,
    Constraint,
    Type,
    EnumLabel,
    Domain,
    Schema,
    Function,
    Procedure,
    Routine,
    Aggregate,
    Trigger,
    EventTrigger,
    Policy,
    Rule,
    Extension,
    Role,
    Database,
    Tablespace,
    Publication,
    Subscription,
    Statistics,
    Collation,
    Conversion,
    Cast,
    Operator,
    OperatorClass,
    OperatorFamily,
    Language,
    AccessMethod,
    ForeignDataWrapper,
    Server,
    UserMapping,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Transform,
    Comment,
    Rows,
    Sequences,
    Settings,
}

impl ObjectKind {
    /// All kinds, in order.
    pub const ALL: [Self; 47] = [
        Self::Table,
        Self::ForeignTable,
        Self::View,
        Self::MaterializedView,
        Self::Index,
        Self::Sequence,
        Self::Column,
        Self::Constraint,
        Self::Type,
        Self::EnumLabel,
        Self::Domain,
        Self::Schema,
        Self::Function,
        Self::Procedure,
        Self::Routine,
        Self::Aggregate,
        Self::Trigger,
        Self::EventTrigger,
        Self::Policy,
        Self::Rule,
        Self::Extension,
        Self::Role,
        Self::Database,
        Self::Tablespace,
        Self::Publication,
        Self::Subscription,
        Self::Statistics,
        Self::Collation,
        Self::Conversion,
        Self::Cast,
        Self::Operator,
        Self::OperatorClass,
        Self::OperatorFamily,
        Self::Language,
        Self::AccessMethod,
        Self::ForeignDataWrapper,
        Self::Server,
        Self::UserMapping,
        Self::TextSearchConfiguration,
        Self::TextSearchDictionary,
        Self::TextSearchParser,
        Self::TextSearchTemplate,
        Self::Transform,
        Self::Comment,
        Self::Rows,
        Self::Sequences,
        Self::Settings,
    ];

    /// The kind as the server's messages spell it: `table`, `materialized view`.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Sequence | Self::Sequences => "sequence",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Type => "type",
            Self::EnumLabel => "enum label",
            Self::Domain => "domain",
            Self::Schema => "schema",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Routine => "routine",
            Self::Aggregate => "aggregate",
            Self::Trigger => "trigger",
            Self::EventTrigger => "event trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Extension => "extension",
            Self::Role => "role",
            Self::Database => "database",
            Self::Tablespace => "tablespace",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::Statistics => "statistics object",
            Self::Collation => "collation",
            Self::Conversion => "conversion",
            Self::Cast => "cast",
            Self::Operator => "operator",
            Self::OperatorClass => "operator class",
            Self::OperatorFamily => "operator family",
            Self::Language => "language",
            Self::AccessMethod => "access method",
            Self::ForeignDataWrapper => "foreign-data wrapper",
            Self::Server => "server",
            Self::UserMapping => "user mapping",
            Self::TextSearchConfiguration => "text search configuration",
            Self::TextSearchDictionary => "text search dictionary",
            Self::TextSearchParser => "text search parser",
            Self::TextSearchTemplate => "text search template",
            Self::Transform => "transform",
            Self::Comment => "comment",
            Self::Rows => "rows of",
            Self::Settings => "setting",
        }
    }
}

/// Identifies one thing in a database for traces, labels and diffs. Names are fully qualified with `.`:
/// `public.t` (relations, types), `public.t.c` (columns, constraints, triggers, policies), `t` (schemas, roles),
/// `public.f(integer)` (functions), `public.t` of kind [`ObjectKind::Rows`] (the rows of a table).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its qualified name.
    pub name: SmolStr,
}

impl ObjectKey {
    /// A key of a kind and a qualified name.
    pub fn new(kind: ObjectKind, name: impl AsRef<str>) -> Self {
        Self {
            kind,
            name: SmolStr::new(name.as_ref()),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.strip_prefix("public.").unwrap_or(&self.name);
        write!(
            formatter,
            "{} {}",
            self.kind.noun(),
            name.replace(unknown::HOLE, "{?}")
        )
    }
}
