//! Which rule reports a failing call: one cause is one finding, by the rule that knows most of it.
//!
//! The rules on what fails in a run ask here, and leave to others what those report.

use super::{
    Context, enum_create_type_ignored, enum_left_behind, statement_forbidden_in_transaction,
    swallowed_error_in_transaction,
};
use crate::trace::{Event, Run};

/// Whether a rule that knows more of its cause reports a call which fails, or changes something again, in a run.
pub(super) fn is_claimed(context: &Context<'_>, run: Run, event: &Event) -> bool {
    swallowed_error_in_transaction::claims(event, context)
        || statement_forbidden_in_transaction::claims(event, context, run)
        || match run {
            Run::First | Run::Rerun => enum_create_type_ignored::claims(event, context.config),
            Run::Downgrade | Run::Reupgrade => enum_left_behind::claims(event, context, run),
        }
}
