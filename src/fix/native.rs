//! Arguments that guard a call: `if_not_exists=True`, `if_exists=True`, `checkfirst=True`.

use super::code::{Call, Code};
use crate::config::PackageVersion;
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::python::syntax::ExpressionKind;
use crate::source::Span;

/// Since which Alembic an operation has an argument that guards it, and its name
/// (measured; `advice` of the rules says the same in words).
pub(super) fn argument(operation: &str, batch: bool) -> Option<(&'static str, PackageVersion)> {
    crate::rules::native_guard(operation, batch)
}

/// Whether the argument guards all that a statement does: not a column's own constraints (measured: made again before 13).
pub(super) fn covers(statement: &Statement) -> bool {
    match statement {
        Statement::AlterTable(alter) => match alter.commands.as_slice() {
            [AlterTableCommand::AddColumn { column, .. }] => column.constraints.is_empty(),
            [_] => true,
            _ => false,
        },
        Statement::CreateTable(_) | Statement::Drop(_) | Statement::CreateIndex(_) => true,
        _ => false,
    }
}

/// The edit that sets a keyword argument to `True`.
pub(super) fn set(code: &Code<'_>, call: &Call<'_>, name: &str) -> Option<(Span, String)> {
    if call.spreads() {
        return None;
    }
    match call.keyword(name) {
        Some(id) => {
            let expression = code.module.expression(id);
            matches!(expression.kind, ExpressionKind::Bool(false))
                .then(|| (expression.span, "True".to_owned()))
        }
        None => call.with_argument(code, &format!("{name}=True")),
    }
}
