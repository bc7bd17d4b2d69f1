//! What rules say in Alembic's words, said of SQL files.
//!
//! Rules judge traces and need not know where a statement came from; the names of the two directions, and the way out of
//! a transaction, are the tool's.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::diagnostic::Diagnostic;
use crate::scripts::{Format, Script, Sending};

/// Alembic's words and those of SQL files: where two begin at the same place, the first is meant.
const WORDS: [(&str, &str); 21] = [
    (
        "`alembic downgrade` stops here with an AttributeError: the revision has no `downgrade()`",
        "a rollback can't pass here: the migration has no down part, and others of its folder have one",
    ),
    (
        "the next `alembic upgrade`",
        "the next run of the migration",
    ),
    (
        "Alembic runs a revision in one",
        "its tool sends the migration in one",
    ),
    ("`alembic downgrade`", "a rollback"),
    ("`alembic upgrade`", "the migration"),
    ("give it a `server_default`, or", "give it a DEFAULT, or"),
    (
        "run `alembic upgrade head` once before the release",
        "run the migrations once on an empty database before the release",
    ),
    (
        "use `sa.Text()`, which has no length; where",
        "use `text`, which has no length; where",
    ),
    (
        "where another database needs the length: `sa.String(...).with_variant(sa.Text(), \"postgresql\")`",
        "another database's file may keep it",
    ),
    (
        "; what is meant for another database belongs behind `if op.get_bind().dialect.name == ...`",
        "",
    ),
    ("`downgrade()` raises", "the down part fails"),
    ("`downgrade()`", "the down part"),
    ("`upgrade()`", "the up part"),
    ("a docstring", "a comment"),
    ("the docstring", "the comment"),
    ("this revision", "this migration"),
    ("the revision", "the migration"),
    ("a revision", "a migration"),
    ("earlier revision", "earlier migration"),
    ("later revision", "later migration"),
    ("revisions", "migrations"),
];

/// Says findings about a SQL file in its words.
pub(super) fn translate(mut found: Vec<Diagnostic>, script: &Script) -> Vec<Diagnostic> {
    for diagnostic in &mut found {
        say(&mut diagnostic.message);
        if let Some(help) = &mut diagnostic.help {
            if help.contains("autocommit_block") || help.contains("transaction_per_migration") {
                *help = outside(script, help);
            } else {
                say(help);
            }
        }
        let labels = diagnostic.labels.iter_mut();
        labels.for_each(|label| say(&mut label.message));
        diagnostic.notes.iter_mut().for_each(say);
    }
    found
}

/// Says a text in the words of SQL files; most are neither's.
fn say(text: &mut String) {
    static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::DFA))
            .build(WORDS.map(|(alembic, _)| alembic))
            .ok()
    });
    if let Some(finder) = &*FINDER
        && finder.is_match(text.as_str())
    {
        let mut said = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut said, |found, _, said| {
            said.push_str(WORDS[found.pattern()].1);
            true
        });
        *text = said;
    }
}

/// How to have a statement committed by itself, in place of what Alembic's help says of it.
fn outside(script: &Script, help: &str) -> String {
    let facts = script.format.facts();
    match (facts.opt_out, facts.one_transaction) {
        (Some(place), Some(apart)) if help.contains("transaction_per_migration") => format!(
            "put it {place}, so that it is committed before what follows, or {apart}"
        ),
        (Some(place), _) => {
            format!("put it {place}, so that it is committed before what follows")
        }
        (None, Some(apart)) if help.contains("before it is used") => {
            format!("add the value in a file of its own, and {apart}")
        }
        (None, _) if facts.without_transaction == Sending::Block => {
            "send it apart from the migrations, as with psql: their tool has a transaction around each"
                .to_owned()
        }
        (None, _) if script.format == Format::Plain => {
            "put it before BEGIN, or in a file of its own that runs outside of a transaction"
                .to_owned()
        }
        (None, _) => "put it in a file of its own that runs outside of a transaction".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_phrases_go_first() {
        let said = |text: &str| {
            let mut text = text.to_owned();
            say(&mut text);
            text
        };
        assert_eq!(
            said("`alembic downgrade` reports success and undoes nothing: `downgrade()` is empty"),
            "a rollback reports success and undoes nothing: the down part is empty"
        );
        assert_eq!(said("say in a docstring why"), "say in a comment why");
    }
}
