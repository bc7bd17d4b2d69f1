//! `offline-incompatible`: the revision asks the database where `--sql` has none.

use super::{Check, Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: crate::replay::OFFLINE_RULE,
        summary: "`alembic upgrade --sql` fails here, since the revision asks a database that is not there",
        tags: &["history"],
        category: "history",
        default_level: Level::Off,
        markdown: include_str!("../../rules/offline-incompatible.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(raised) = context
        .replayed
        .offline
        .as_ref()
        .and_then(|trace| trace.raised.as_ref())
    else {
        return Vec::new();
    };
    let Some(site) = raised.site else {
        return Vec::new();
    };
    if raised.explicit || context.replayed.first.raised.is_some() {
        return Vec::new();
    }
    let (why, help) = match raised.class.as_str() {
        "NoInspectionAvailable" => (
            "there is no database to inspect",
            "inspect only `if not context.is_offline_mode():`, or use guards that are SQL (`if_not_exists=True`, `IF NOT EXISTS`)",
        ),
        "AttributeError" | "TypeError" => (
            "there is no database to ask, and what `execute()` returns is None",
            "read rows only `if not context.is_offline_mode():`, or do it in SQL (`INSERT ... SELECT`, `UPDATE ... FROM`)",
        ),
        _ => return Vec::new(),
    };
    let message = format!(
        "`alembic upgrade --sql` stops here (`{}`): {why}",
        raised.class
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(help.to_owned());
    vec![diagnostic]
}
