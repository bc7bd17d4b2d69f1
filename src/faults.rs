//! A failure on purpose, so that a test can show what a real one does: `FORESHOT_TEST_PANIC=STAGE:NAME` makes a stage of the analysis panic over what has
//! this name (`read:a.py`, `run:3f2a`, `judge:3f2a`, `fix:3f2a`). For tests of foreshot alone; the environment belongs to who starts it, not to
//! who wrote the migrations.

use std::sync::OnceLock;

/// Panics where the environment asks for it.
#[allow(clippy::panic)]
pub(crate) fn trip(stage: &str, name: &str) {
    static WANTED: OnceLock<Option<(String, String)>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("FORESHOT_TEST_PANIC").ok()?;
        let (stage, name) = text.split_once(':')?;
        Some((stage.to_owned(), name.to_owned()))
    });
    if let Some((at, of)) = wanted
        && at == stage
        && name.ends_with(of.as_str())
    {
        panic!("a failure on purpose");
    }
}
