//! MERGE and COPY: the names are checked; which rows they touch is not known.

use std::sync::Arc;

use super::target::{self, Target};
use super::{DataAnswer, Effect, attempt};
use crate::postgres::catalog::Catalog;
use crate::postgres::name::Name;
use crate::postgres::query::{Context, Environment, Frame, check_condition, check_from_over};
use crate::postgres::statement::Merge;
use crate::postgres::{ServerError, SqlState, Version};

/// Executes a MERGE (15 and later).
pub(crate) fn run(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Merge,
) -> Result<Effect, ServerError> {
    if environment.version < Version(15) {
        return Err(ServerError::new(
            SqlState::SYNTAX_ERROR,
            "syntax error at or near \"MERGE\"",
        ));
    }
    let before = catalog.clone();
    let context = Context::new(&before, environment);
    let target = target::find(&statement.table, &context)?;
    let own = target::source(&target, statement.alias.as_deref());
    let scope = check_from_over(&own, std::slice::from_ref(&statement.source), &context)?;
    check_condition(&statement.on, &Frame::new(&scope, &[]), &context)?;
    let mut effect = Effect::default();
    let touched = statement.inserts_when_not_matched || statement.changes_when_matched;
    if touched {
        forget_rows(&target, catalog);
    }
    let assumed = context.assumed.take();
    target::assume(catalog, &assumed);
    effect.assumed = assumed;
    Ok(effect)
}

/// Rows may be there, and those that are known may be gone or changed.
fn forget_rows(target: &Target, catalog: &mut Catalog) {
    if let Target::Table(relation) = target {
        let mut changed = (**relation).clone();
        changed.rows.known.clear();
        changed.rows.others = true;
        catalog
            .relations
            .insert(relation.name.clone(), Arc::new(changed));
    }
}

/// Executes `COPY t FROM` (or `TO`): rows come that are not known.
pub fn copy(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    table: Option<&Name>,
    from: bool,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        let Some(table) = table else {
            return Ok(Effect::default());
        };
        let before = catalog.clone();
        let context = Context::new(&before, environment);
        let target = target::find(table, &context)?;
        if from && let Target::Table(relation) = &target {
            let mut changed = (**relation).clone();
            changed.rows.others = true;
            catalog
                .relations
                .insert(relation.name.clone(), Arc::new(changed));
        }
        let assumed = context.assumed.take();
        target::assume(catalog, &assumed);
        Ok(Effect {
            assumed,
            ..Effect::default()
        })
    })
}
