//! Types of expressions, as far as reading needs them: enum columns, `regclass` values, plain literals.

use super::Context;
use super::scope::{Found, Frame, find};
use crate::postgres::expression::{Datum, Expr, TypeName};

/// What is known of an expression's type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// A quoted literal or NULL: takes the type of what it meets.
    Literal,
    /// This type.
    Named(TypeName),
    /// Not known.
    Unknown,
}

impl Type {
    pub(crate) fn plain(name: &str) -> Self {
        Self::Named(TypeName::new(name))
    }

    pub(crate) fn named(&self) -> Option<&TypeName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Literal | Self::Unknown => None,
        }
    }

    pub(crate) fn into_name(self) -> Option<TypeName> {
        match self {
            Self::Named(name) => Some(name),
            Self::Literal => Some(TypeName::new("text")),
            Self::Unknown => None,
        }
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.named()
            .is_some_and(|known| known.name.name == name && !known.array)
    }
}

/// The type of an expression.
pub(crate) fn type_of(expression: &Expr, frame: &Frame<'_>, context: &Context<'_>) -> Type {
    match expression {
        Expr::Value(value) => of_value(value),
        Expr::Parameter(name) => context
            .environment
            .parameters
            .get(name)
            .map_or(Type::Unknown, of_value),
        Expr::Column { qualifier, name } => match find(frame, qualifier, name, context) {
            Ok(Found::Column { column, .. }) => {
                column.type_name.clone().map_or(Type::Unknown, Type::Named)
            }
            _ => Type::Unknown,
        },
        Expr::Cast { type_name, .. } => Type::Named((**type_name).clone()),
        Expr::And(_)
        | Expr::Or(_)
        | Expr::Not(_)
        | Expr::IsNull { .. }
        | Expr::IsBool { .. }
        | Expr::In { .. }
        | Expr::InQuery { .. }
        | Expr::Between { .. }
        | Expr::Quantified { .. }
        | Expr::Exists(_) => Type::plain("bool"),
        Expr::Binary {
            operator,
            left,
            right,
        } => match operator.as_str() {
            "+" | "-" | "*" | "/" | "%" => of_arithmetic(
                operator,
                type_of(left, frame, context),
                &type_of(right, frame, context),
            ),
            "||" => of_concatenation(
                type_of(left, frame, context),
                type_of(right, frame, context),
            ),
            "->>" | "#>>" => Type::plain("text"),
            "->" | "#>" => Type::Unknown,
            "="
            | "<>"
            | "!="
            | "<"
            | ">"
            | "<="
            | ">="
            | "~~"
            | "!~~"
            | "~~*"
            | "!~~*"
            | "~"
            | "!~"
            | "~*"
            | "!~*"
            | "@>"
            | "<@"
            | "&&"
            | "?"
            | "?|"
            | "?&"
            | "IS DISTINCT FROM"
            | "IS NOT DISTINCT FROM" => Type::plain("bool"),
            _ => Type::Unknown,
        },
        Expr::Unary { value, .. } => type_of(value, frame, context),
        Expr::Call {
            name, arguments, ..
        } => of_call(&name.name, arguments, frame, context),
        Expr::Case {
            arms, otherwise, ..
        } => {
            let all = arms
                .iter()
                .map(|(_, value)| value)
                .chain(otherwise.as_deref());
            of_choice(all, frame, context)
        }
        Expr::Array(items) => of_array(items, frame, context),
        _ => Type::Unknown,
    }
}

/// The type of `ARRAY[...]`: one of texts where its items are literals, else of their type where that is one.
fn of_array(items: &[Expr], frame: &Frame<'_>, context: &Context<'_>) -> Type {
    let types: Vec<Type> = items
        .iter()
        .map(|item| type_of(item, frame, context))
        .collect();
    let is_typed = |item: &&Type| **item != Type::Literal;
    let Some(first) = types.iter().find(is_typed).or(types.first()) else {
        return Type::Unknown;
    };
    if !types.iter().filter(is_typed).all(|item| item == first) {
        return Type::Unknown;
    }
    match first.clone() {
        Type::Literal => Type::Named(TypeName {
            array: true,
            ..TypeName::new("text")
        }),
        Type::Named(name) if !name.array => Type::Named(TypeName {
            array: true,
            modifiers: Vec::new(),
            ..name
        }),
        _ => Type::Unknown,
    }
}

fn of_arithmetic(operator: &str, left: Type, right: &Type) -> Type {
    let Type::Named(name) = &left else {
        return Type::Unknown;
    };
    if left != *right || name.array {
        return Type::Unknown;
    }
    match (operator, name.name.name.as_str()) {
        ("-", "date") => Type::plain("int4"),
        ("-", "timestamp" | "timestamptz" | "time") => Type::plain("interval"),
        (_, "int2" | "int4" | "int8" | "float4" | "float8" | "numeric")
        | ("+" | "-", "interval") => left,
        _ => Type::Unknown,
    }
}

/// Text, unless both sides are of one type that has its own: arrays, JSON, bytes.
fn of_concatenation(left: Type, right: Type) -> Type {
    let is_plain = |side: &Type| match side {
        Type::Literal => true,
        Type::Named(name) => {
            !name.array
                && matches!(
                    name.name.name.as_str(),
                    "text"
                        | "varchar"
                        | "bpchar"
                        | "name"
                        | "int2"
                        | "int4"
                        | "int8"
                        | "bool"
                        | "uuid"
                )
        }
        Type::Unknown => false,
    };
    match (left, right) {
        (left, right) if is_plain(&left) && is_plain(&right) => Type::plain("text"),
        (left, right) if left == right => left,
        (Type::Literal, side) | (side, Type::Literal)
            if side.is("jsonb") || side.named().is_some_and(|name| name.array) =>
        {
            side
        }
        _ => Type::Unknown,
    }
}

fn of_choice<'e>(
    choices: impl Iterator<Item = &'e Expr>,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Type {
    let mut result = Type::Literal;
    for choice in choices {
        match type_of(choice, frame, context) {
            // literals alone make it text
            Type::Literal if !matches!(choice, Expr::Value(Datum::Null)) => {
                result = Type::plain("text");
            }
            Type::Literal => {}
            other => return other,
        }
    }
    result
}

fn of_value(value: &Datum) -> Type {
    match value {
        Datum::Null | Datum::Text(_) => Type::Literal,
        Datum::Bool(_) => Type::plain("bool"),
        Datum::Int(value) if i32::try_from(*value).is_ok() => Type::plain("int4"),
        Datum::Int(_) => Type::plain("int8"),
        Datum::Float(_) => Type::plain("numeric"),
        Datum::Array(_) | Datum::Fresh | Datum::Stored | Datum::Unknown => Type::Unknown,
    }
}

fn of_call(name: &str, arguments: &[Expr], frame: &Frame<'_>, context: &Context<'_>) -> Type {
    match name {
        "to_regclass" => Type::plain("regclass"),
        "to_regtype" => Type::plain("regtype"),
        "to_regproc" => Type::plain("regproc"),
        "to_regnamespace" => Type::plain("regnamespace"),
        "count" | "row_number" | "rank" | "dense_rank" => Type::plain("int8"),
        "length" | "char_length" | "strpos" | "position" | "array_length" | "cardinality" => {
            Type::plain("int4")
        }
        "bool_or" | "bool_and" | "every" | "pg_table_is_visible" | "pg_type_is_visible" => {
            Type::plain("bool")
        }
        // of a range it is a bound, of bytes it is bytes
        "lower" | "upper" | "substring" | "substr" | "trim" | "btrim" | "ltrim" | "rtrim" => {
            match arguments
                .first()
                .map(|first| type_of(first, frame, context))
            {
                Some(Type::Literal) => Type::plain("text"),
                Some(Type::Named(name))
                    if !name.array
                        && matches!(
                            name.name.name.as_str(),
                            "text" | "varchar" | "bpchar" | "name"
                        ) =>
                {
                    Type::plain("text")
                }
                _ => Type::Unknown,
            }
        }
        "concat"
        | "concat_ws"
        | "replace"
        | "format"
        | "left"
        | "right"
        | "split_part"
        | "md5"
        | "quote_ident"
        | "quote_literal"
        | "quote_nullable"
        | "string_agg"
        | "regexp_replace"
        | "to_char"
        | "format_type"
        | "pg_get_constraintdef"
        | "pg_get_indexdef"
        | "pg_get_viewdef"
        | "version"
        | "current_setting"
        | "initcap"
        | "repeat"
        | "lpad"
        | "rpad"
        | "encode"
        | "array_to_string"
        | "obj_description"
        | "col_description" => Type::plain("text"),
        "now"
        | "current_timestamp"
        | "clock_timestamp"
        | "statement_timestamp"
        | "transaction_timestamp" => Type::plain("timestamptz"),
        "current_date" => Type::plain("date"),
        "localtimestamp" => Type::plain("timestamp"),
        "gen_random_uuid" | "uuid_generate_v4" | "uuid_generate_v1" | "uuidv4" | "uuidv7" => {
            Type::plain("uuid")
        }
        "nextval" | "currval" | "setval" | "lastval" => Type::plain("int8"),
        "jsonb_build_object" | "jsonb_build_array" | "to_jsonb" | "jsonb_set" | "jsonb_agg"
        | "jsonb_object_agg" => Type::plain("jsonb"),
        "coalesce" | "greatest" | "least" => of_choice(arguments.iter(), frame, context),
        "nullif" | "min" | "max" => arguments
            .first()
            .map_or(Type::Unknown, |first| type_of(first, frame, context)),
        "current_database" | "current_schema" | "current_user" | "session_user" | "user"
        | "current_catalog" | "current_role" => Type::plain("name"),
        _ => Type::Unknown,
    }
}
