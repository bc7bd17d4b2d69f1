//! Which rule reports a failing call: one cause is one finding, by the rule that knows most of it.
//!
//! The rules on what fails in a run ask here, and leave to others what those report.

use super::{
    Context, bind_parameter_in_literal, conflict_target_missing, enum_create_type_ignored,
    enum_created_twice, enum_left_behind, enum_type_not_created, enum_value_used_before_commit,
    geometry_index_twice, stale_inspector, statement_forbidden_in_transaction,
    swallowed_error_in_transaction,
};
use crate::trace::{Event, Run};

/// Whether a rule that knows more of its cause reports a call which fails, or changes something again, in a run.
pub(super) fn is_claimed(context: &Context<'_>, run: Run, event: &Event) -> bool {
    swallowed_error_in_transaction::claims(event, context)
        || bind_parameter_in_literal::claims(event)
        || statement_forbidden_in_transaction::claims(event, context, run)
        || match run {
            Run::First | Run::Rerun => enum_create_type_ignored::claims(event, context.config),
            Run::Downgrade | Run::Reupgrade => enum_left_behind::claims(event, context, run),
        }
}

/// Whether a rule that knows more of its cause reports a call which fails in the first run.
pub(super) fn is_told(context: &Context<'_>, event: &Event) -> bool {
    let stale = stale_inspector::guards(context.replayed);
    is_claimed(context, Run::First, event)
        || event
            .guards()
            .iter()
            .any(|guard| stale.contains(&guard.site))
        || conflict_target_missing::claims(event, context.config)
        || enum_created_twice::claims(event, context.config)
        || enum_type_not_created::claims(event, context.config)
        || enum_value_used_before_commit::claims(event, context.config)
        || geometry_index_twice::claims(event, context)
}
