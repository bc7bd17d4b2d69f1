//! Names as the source gives them: the table, column or constraint that a call's own arguments say.
//!
//! Literals, variables, attributes, f-strings: whatever gives the same name each time it is read.

use super::ask::TableText;
use super::code::{Call, Code, Place, last_name};
use crate::postgres::catalog::QualifiedName;
use crate::python::syntax::{ExpressionId, ExpressionKind, StatementKind};

/// A table of the catalog as a literal.
pub(super) fn named_table(code: &Code<'_>, name: &QualifiedName) -> TableText {
    TableText {
        name: code.literal(&name.name),
        schema: (name.schema != "public").then(|| code.literal(&name.schema)),
        literal: Some(name.name.to_string()),
    }
}

/// Whether an argument is a literal.
pub(super) fn call_is_literal(
    code: &Code<'_>,
    call: &Call<'_>,
    index: usize,
    names: &[&str],
) -> bool {
    call.argument(index, names)
        .and_then(|id| literal_text(code, unwrapped(code, id)))
        .is_some()
}

/// An argument that names a table, with its schema.
pub(super) fn table_argument(
    code: &Code<'_>,
    call: &Call<'_>,
    index: usize,
    names: &[&str],
    schema: &str,
) -> Option<TableText> {
    let id = call.argument(index, names)?;
    let name = name_text(code, id)?;
    let schema = match call.keyword(schema) {
        Some(id) if matches!(code.module.expression(id).kind, ExpressionKind::None) => None,
        Some(id) => Some(name_text(code, id)?),
        None => None,
    };
    Some(TableText {
        name,
        schema,
        literal: literal_text(code, unwrapped(code, id)),
    })
}

/// The table of the batch whose object a call belongs to.
pub(super) fn batch_table(
    code: &Code<'_>,
    place: &Place<'_>,
    call: &Call<'_>,
) -> Option<TableText> {
    let ExpressionKind::Attribute { value, .. } = &code.module.expression(call.callee).kind else {
        return None;
    };
    let ExpressionKind::Name(receiver) = &code.module.expression(*value).kind else {
        return None;
    };
    place.enclosing().find_map(|statement| {
        let StatementKind::With { items, .. } = &statement.kind else {
            return None;
        };
        let item = items.iter().find(|item| {
            item.target.is_some_and(|target| {
                matches!(&code.module.expression(target).kind, ExpressionKind::Name(name) if name == receiver)
            })
        })?;
        let expression = code.module.expression(item.value);
        let ExpressionKind::Call { callee, arguments } = &expression.kind else {
            return None;
        };
        if last_name(code.module, *callee) != Some("batch_alter_table") {
            return None;
        }
        let batch = Call {
            span: expression.span,
            callee: *callee,
            arguments,
        };
        table_argument(code, &batch, 0, &["table_name"], "schema")
    })
}

/// An expression that gives a name each time it is read: literals, names, attributes, f-strings of those.
pub(super) fn name_text(code: &Code<'_>, id: ExpressionId) -> Option<String> {
    let id = unwrapped(code, id);
    let expression = code.module.expression(id);
    let pure = match &expression.kind {
        ExpressionKind::Str { .. } | ExpressionKind::Name(_) | ExpressionKind::Joined(_) => true,
        ExpressionKind::Attribute { value, .. } => {
            matches!(
                code.module.expression(*value).kind,
                ExpressionKind::Name(_) | ExpressionKind::Attribute { .. }
            )
        }
        ExpressionKind::Subscript { value, index } => {
            matches!(code.module.expression(*value).kind, ExpressionKind::Name(_))
                && matches!(
                    code.module.expression(*index).kind,
                    ExpressionKind::Str { .. } | ExpressionKind::Int(_) | ExpressionKind::Name(_)
                )
        }
        ExpressionKind::Binary { .. } => true,
        _ => false,
    };
    let text = code.slice(expression.span);
    (pure && !text.contains('\n')).then(|| match expression.kind {
        ExpressionKind::Binary { .. } => format!("({text})"),
        _ => text.to_owned(),
    })
}

/// What stands inside `op.f(...)` and `sa.quoted_name(...)`: the name itself.
pub(super) fn unwrapped(code: &Code<'_>, id: ExpressionId) -> ExpressionId {
    if let ExpressionKind::Call { callee, arguments } = &code.module.expression(id).kind
        && matches!(last_name(code.module, *callee), Some("f" | "quoted_name"))
        && let Some(crate::python::syntax::Argument::Positional(inner)) = arguments.first()
    {
        return *inner;
    }
    id
}

/// The text of a literal.
pub(super) fn literal_text(code: &Code<'_>, id: ExpressionId) -> Option<String> {
    match &code.module.expression(id).kind {
        ExpressionKind::Str { text, .. } => Some(text.to_string()),
        _ => None,
    }
}

/// The name of the column that an expression makes: of `Column("c", ...)`, or of a variable that holds one.
pub(super) fn column_name(code: &Code<'_>, id: ExpressionId) -> Option<String> {
    let expression = code.module.expression(id);
    match &expression.kind {
        ExpressionKind::Call { callee, arguments }
            if last_name(code.module, *callee)?.ends_with("Column") =>
        {
            let call = Call {
                span: expression.span,
                callee: *callee,
                arguments,
            };
            name_text(code, call.argument(0, &["name"])?)
        }
        ExpressionKind::Name(name) => Some(format!("{name}.name")),
        _ => None,
    }
}
