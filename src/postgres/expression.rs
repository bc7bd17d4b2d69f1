//! Expressions and queries as the server's parser leaves them, reduced to what a simulation can use.
//!
//! Built by `sql` from text and by `alembic` from SQLAlchemy constructs. Names are folded. Anything not modelled is
//! [`Expr::Unknown`], never dropped.

use std::sync::Arc;

use smol_str::SmolStr;

use super::name::Name;

/// A value in a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// SQL NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of any width.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, and every other type in its text form.
    Text(Arc<str>),
    /// An array, or a list bound to a parameter.
    Array(Arc<[Datum]>),
    /// A value that is new each time it is computed: equal to nothing.
    Fresh,
    /// A value of a row that was new when it was written: not known, no NULL, and the same each time it is read.
    Stored,
    /// A value that can't be known.
    Unknown,
}

impl Datum {
    /// Whether it is known which value it is.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Fresh | Self::Stored | Self::Unknown)
    }

    /// A text value; one that holds [`crate::unknown::HOLE`] is unknown, one that holds
    /// [`crate::unknown::FRESH`] is fresh.
    pub fn text(text: &str) -> Self {
        if crate::unknown::has_hole(text) {
            Self::Unknown
        } else if crate::unknown::is_fresh(text) {
            Self::Fresh
        } else {
            Self::Text(text.into())
        }
    }
}

/// The name of a type, canonical where PostgreSQL has aliases: `int4`, `int8`, `varchar`, `timestamptz`, `bool`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// Name, with its schema where one was written (never `pg_catalog`).
    pub name: Name,
    /// Modifiers in order: `varchar(50)` has `["50"]`, `geometry(Point,4326)` has `["Point", "4326"]`.
    pub modifiers: Vec<SmolStr>,
    /// Whether it is an array of that type.
    pub array: bool,
}

impl TypeName {
    /// A type without modifiers; `name` must be canonical.
    pub fn new(name: &str) -> Self {
        Self {
            name: Name::new(name),
            modifiers: Vec::new(),
            array: false,
        }
    }
}

/// A scalar expression.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Expr {
    /// A literal or a bound value.
    Value(Datum),
    /// A bind parameter by name (`:x`, `%(x)s`) or number (`$1` is `"1"`); its value comes with the call.
    Parameter(SmolStr),
    /// A column, with what stood before its dots.
    Column {
        qualifier: Vec<SmolStr>,
        name: SmolStr,
    },
    /// `*` or `t.*`.
    Star {
        qualifier: Vec<SmolStr>,
    },
    Cast {
        value: Box<Expr>,
        type_name: Box<TypeName>,
    },
    /// Prefix operator: `-`, `+`, `@`.
    Unary {
        operator: SmolStr,
        value: Box<Expr>,
    },
    /// Infix operator as PostgreSQL names it: `=`, `<>`, `<`, `||`, `~~` (LIKE), `~~*` (ILIKE), `!~~`, `~`,
    /// `IS DISTINCT FROM`, `IS NOT DISTINCT FROM`.
    Binary {
        operator: SmolStr,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    IsNull {
        value: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE`, `IS [NOT] FALSE`.
    IsBool {
        value: Box<Expr>,
        expected: bool,
        negated: bool,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        value: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    Between {
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    /// `value operator ANY (array)`, or ALL.
    Quantified {
        value: Box<Expr>,
        operator: SmolStr,
        array: Box<Expr>,
        all: bool,
    },
    /// A function, aggregate or window function call; COALESCE, GREATEST, NULLIF and CURRENT_* too, by lower-case name.
    Call {
        name: Box<Name>,
        arguments: Vec<Expr>,
        /// `count(*)`.
        star: bool,
        distinct: bool,
        filter: Option<Box<Expr>>,
        /// Has an OVER clause.
        window: bool,
    },
    Case {
        operand: Option<Box<Expr>>,
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Array(Vec<Expr>),
    Row(Vec<Expr>),
    Exists(Box<Query>),
    /// A scalar subquery.
    Subquery(Box<Query>),
    /// `ARRAY(SELECT ...)`.
    ArrayQuery(Box<Query>),
    /// `value[index]` or a slice.
    Subscript {
        value: Box<Expr>,
        indexes: Vec<Expr>,
    },
    /// `(value).field`.
    Field {
        value: Box<Expr>,
        name: SmolStr,
    },
    /// `DEFAULT` as a value of INSERT or UPDATE.
    Default,
    /// Anything else, with what it is.
    Unknown(SmolStr),
}

impl Expr {
    /// A text literal.
    pub fn text(text: &str) -> Self {
        Self::Value(Datum::text(text))
    }

    /// An unqualified column.
    pub fn column(name: &str) -> Self {
        Self::Column {
            qualifier: Vec::new(),
            name: SmolStr::new(name),
        }
    }

    /// A plain function call.
    pub fn call(name: &str, arguments: Vec<Expr>) -> Self {
        Self::Call {
            name: Box::new(Name::new(name)),
            arguments,
            star: false,
            distinct: false,
            filter: None,
            window: false,
        }
    }
}

/// A SELECT, VALUES or set operation with its clauses.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Query {
    pub with: Vec<CommonTable>,
    pub body: QueryBody,
    pub order_by: Vec<OrderBy>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    /// `SELECT ... INTO name`.
    pub into: Option<Name>,
}

impl From<QueryBody> for Query {
    /// A query without clauses around its body.
    fn from(body: QueryBody) -> Self {
        Self {
            with: Vec::new(),
            body,
            order_by: Vec::new(),
            limit: None,
            offset: None,
            into: None,
        }
    }
}

impl From<Select> for Query {
    fn from(select: Select) -> Self {
        QueryBody::Select(Box::new(select)).into()
    }
}

/// One member of WITH: a query or a data-modifying statement.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CommonTable {
    pub name: SmolStr,
    pub columns: Vec<SmolStr>,
    pub statement: Box<super::statement::Statement>,
    pub recursive: bool,
}

/// The body of a query.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum QueryBody {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    Set {
        operator: SetOperator,
        all: bool,
        left: Box<Query>,
        right: Box<Query>,
    },
}

/// UNION, INTERSECT, EXCEPT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

/// One plain SELECT.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Select {
    pub distinct: bool,
    /// The expressions of DISTINCT ON.
    pub distinct_on: Vec<Expr>,
    pub targets: Vec<Target>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
}

/// An output column, or one of RETURNING.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Target {
    pub value: Expr,
    pub alias: Option<SmolStr>,
}

/// A member of FROM.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FromItem {
    Table {
        name: Name,
        alias: Option<SmolStr>,
        columns: Vec<SmolStr>,
    },
    Query {
        query: Box<Query>,
        alias: Option<SmolStr>,
        columns: Vec<SmolStr>,
        lateral: bool,
    },
    Function {
        call: Expr,
        alias: Option<SmolStr>,
        columns: Vec<SmolStr>,
    },
    Join {
        kind: JoinKind,
        left: Box<FromItem>,
        right: Box<FromItem>,
        on: Option<Expr>,
        using: Vec<SmolStr>,
        natural: bool,
    },
}

/// How two FROM items join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

/// One ORDER BY element.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct OrderBy {
    pub value: Expr,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

/// The direct parts of an expression, subqueries left out.
pub(crate) fn children(expression: &Expr) -> Vec<&Expr> {
    match expression {
        Expr::Cast { value, .. }
        | Expr::Unary { value, .. }
        | Expr::IsNull { value, .. }
        | Expr::IsBool { value, .. }
        | Expr::Field { value, .. }
        | Expr::InQuery { value, .. } => vec![value],
        Expr::Not(value) => vec![value],
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::And(parts) | Expr::Or(parts) | Expr::Array(parts) | Expr::Row(parts) => {
            parts.iter().collect()
        }
        Expr::In { value, list, .. } => std::iter::once(&**value).chain(list).collect(),
        Expr::Between {
            value, low, high, ..
        } => vec![value, low, high],
        Expr::Quantified { value, array, .. } => vec![value, array],
        Expr::Call {
            arguments, filter, ..
        } => arguments.iter().chain(filter.as_deref()).collect(),
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => operand
            .as_deref()
            .into_iter()
            .chain(arms.iter().flat_map(|(when, then)| [when, then]))
            .chain(otherwise.as_deref())
            .collect(),
        Expr::Subscript { value, indexes } => std::iter::once(&**value).chain(indexes).collect(),
        Expr::Value(_)
        | Expr::Parameter(_)
        | Expr::Column { .. }
        | Expr::Star { .. }
        | Expr::Exists(_)
        | Expr::Subquery(_)
        | Expr::ArrayQuery(_)
        | Expr::Default
        | Expr::Unknown(_) => Vec::new(),
    }
}

/// The subquery that an expression holds itself.
pub(crate) fn subquery(expression: &Expr) -> Option<&Query> {
    match expression {
        Expr::Exists(query)
        | Expr::Subquery(query)
        | Expr::ArrayQuery(query)
        | Expr::InQuery { query, .. } => Some(query),
        _ => None,
    }
}
