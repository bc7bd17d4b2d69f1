//! A revision's identifiers, read without running it: `revision`, `down_revision`, `branch_labels`, `depends_on`.

use crate::python::Function;

/// Whether a function must be given one argument, as the functions of Alembic's multidb template.
pub fn takes_argument(function: &Function) -> bool {
    let _ = function;
    false
}
