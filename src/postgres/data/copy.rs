//! COPY: the names are checked; which rows come is not known.

use std::sync::Arc;

use super::insert::forget_numbers;
use super::target::{self, Target};
use super::{DataAnswer, Effect, attempt};
use crate::postgres::catalog::Catalog;
use crate::postgres::name::Name;
use crate::postgres::query::{Context, Environment};

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
            forget_numbers(relation, &context);
            catalog.relations.insert(Arc::new(changed));
        }
        let assumed = context.assumed.take();
        target::assume(catalog, &assumed);
        Ok(Effect {
            assumed,
            ..Effect::default()
        })
    })
}
