//! Repairs of enum types.

use super::Facts;
use super::code::Code;
use super::setup;
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::catalog::TypeKind;
use crate::python::syntax::ExpressionKind;
use crate::source::Span;

/// Drops the types that a downgrade leaves behind, after what used them.
pub(super) fn left_behind(
    facts: &Facts<'_>,
    diagnostic: &Diagnostic,
    attempt: usize,
) -> Option<Fix> {
    (attempt == 0).then(|| drop_types(facts, diagnostic))?
}

fn drop_types(facts: &Facts<'_>, diagnostic: &Diagnostic) -> Option<Fix> {
    let code = facts.code;
    let place = code.place(diagnostic.site.span.start)?;
    if place.function.name != "downgrade" {
        return None;
    }
    let statement = place.outermost()?;
    let restored = facts.replayed.restored.as_ref()?;
    let left = restored.types.iter().filter(|(name, found)| {
        matches!(found.definition, TypeKind::Enum { .. })
            && !facts.replayed.before.types.contains_key(*name)
            && (diagnostic.message.contains(&format!("`{}`", name.name))
                || diagnostic
                    .message
                    .contains(&format!("`{}.{}`", name.schema, name.name)))
    });
    let sqlalchemy = setup::imported_module(code, "sqlalchemy")?;
    let indent = code.indent(statement.span.start)?;
    let mut text = String::new();
    for (name, _) in left {
        let schema = if name.schema == "public" {
            String::new()
        } else {
            format!(", schema={}", code.literal(&name.schema))
        };
        let line = format!(
            "{indent}{sqlalchemy}.Enum(name={}{schema}).drop(op.get_bind(), checkfirst=True)",
            code.literal(&name.name)
        );
        text.push('\n');
        text.push_str(&super::layout::fit(&line, code.unit(place.function), code.limit).join("\n"));
    }
    if text.is_empty() {
        return None;
    }
    let end = code.line_end(statement.span.end);
    let mut edits = vec![(Span::new(end, end), code.with_line_ends(&text))];
    edits.extend(setup::import_of_op(code));
    facts.fix(
        "drop the type that is left behind",
        Applicability::Safe,
        edits,
    )
}

/// `sa.Enum(..., create_type=False)` as the type of PostgreSQL's own, which honours it.
pub(super) fn honoured(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    (attempt == 0).then(|| postgresql_enum(facts, diagnostic))?
}

fn postgresql_enum(facts: &Facts<'_>, diagnostic: &Diagnostic) -> Option<Fix> {
    let code: &Code<'_> = facts.code;
    let statement = code.place(diagnostic.site.span.start)?;
    let statement = statement.statement()?;
    let mut edits = Vec::new();
    for call in code.calls(statement.span, "Enum") {
        let off = call.keyword("create_type").is_some_and(|id| {
            matches!(code.module.expression(id).kind, ExpressionKind::Bool(false))
        });
        if off {
            let (dialect, import) = setup::postgresql(code)?;
            edits.extend(import);
            let callee = code.module.expression(call.callee).span;
            edits.push((callee, format!("{dialect}.ENUM")));
        }
    }
    facts.fix("use `postgresql.ENUM`", Applicability::Safe, edits)
}
