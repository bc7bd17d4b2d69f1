//! A revision's identifiers, read without running it: `revision`, `down_revision`, `branch_labels`, `depends_on`.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use smol_str::SmolStr;

use crate::history::Identifiers;
use crate::python::syntax::{Module, ParameterKind};
use crate::python::{Function, names};
use crate::source::Span;

/// What a module says of itself; `None` where it assigns no constant `revision`, so that it is no revision (or one that
/// only running it would identify).
///
/// `down_revision` that is no constant counts as none: the revision stays in the graph.
pub fn identifiers(module: &Module) -> Option<Identifiers> {
    let revision = module.constant("revision")?;
    let (id, _) = revision.strings()?.into_iter().next()?;
    let down_revision = module.constant("down_revision")?;
    let down_revision_computed = down_revision.strings().is_none();
    let several = |name: &str| -> Vec<String> {
        module
            .constant(name)
            .and_then(|constant| constant.strings())
            .unwrap_or_default()
            .into_iter()
            .map(|(text, _)| text.to_string())
            .collect()
    };
    let span = |name: &str| module.constant(name).map(|constant| constant.span);
    Some(Identifiers {
        revision: id.to_string(),
        down_revisions: several("down_revision"),
        // Alembic takes an empty text for nothing
        depends_on: several("depends_on")
            .into_iter()
            .filter(|id| !id.is_empty())
            .collect(),
        branch_labels: several("branch_labels"),
        branch_labels_computed: module
            .constant("branch_labels")
            .is_some_and(|labels| labels.strings().is_none()),
        revision_span: revision.span,
        down_revision_computed,
        down_revision_span: span("down_revision").unwrap_or_default(),
        depends_on_span: span("depends_on"),
    })
}

/// What a revision's text says beside what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `upgrade()` does nothing.
    pub upgrade_empty: bool,
    /// The module's docstring says that nothing is meant to happen, or more than a title.
    pub says_empty: bool,
    /// The first comment that Alembic's autogenerate leaves to be looked at.
    pub template_comment: Option<Span>,
    /// Names that `upgrade()` or `downgrade()` reads and nothing binds.
    pub undefined: Vec<(SmolStr, Span)>,
    /// What it says and does (0: not read, the file is no revision of Alembic's), without what changes neither: comments, the module's docstring, layout, quotes.
    pub substance: u64,
}

/// Reads what a module says; `text` is its text.
pub fn facts(module: &Module, text: &str) -> Facts {
    let upgrade = module.top_level_function("upgrade");
    let mut undefined: Vec<(SmolStr, Span)> = Vec::new();
    for name in ["upgrade", "downgrade"] {
        if let Some(function) = module.top_level_function(name) {
            undefined.extend(names::undefined(module, function));
        }
    }
    Facts {
        upgrade_empty: upgrade.is_some_and(|function| module.is_empty_function(function)),
        says_empty: module
            .docstring()
            .is_some_and(|(docstring, _)| says_empty(docstring)),
        template_comment: module
            .comments
            .iter()
            .find(|comment| comment.text.contains("please adjust!"))
            .map(|comment| comment.span),
        undefined,
        substance: substance(module, text),
    }
}

/// Words by which a title says that its revision does nothing on purpose.
const EMPTY_WORDS: [&str; 6] = ["noop", "no-op", "empty", "placeholder", "nothing", "dummy"];

/// Whether the docstring of a module without content says why it has none: by its title, or by a paragraph behind that.
fn says_empty(docstring: &str) -> bool {
    // what templates and licences put there: `Revision ID: ...`, `SPDX-License-Identifier: ...`
    let is_header = |line: &str| {
        let key = line.split_once(':').map(|(key, _)| key);
        let is_key = |key: &str| key.split_whitespace().count() <= 2 && !key.contains(['`', '(']);
        line.starts_with("Copyright") || key.is_some_and(is_key)
    };
    let lines = docstring.lines().map(str::trim);
    let said: Vec<&str> = lines.filter(|line| !is_header(line)).collect();
    let mut paragraphs = said
        .split(|line| line.is_empty())
        .filter(|lines| !lines.is_empty());
    let Some(title) = paragraphs.next() else {
        return false;
    };
    let title = title.join(" ").to_ascii_lowercase();
    let mut words = title.split(|sign: char| !sign.is_alphanumeric() && sign != '-');
    // `empty message` is what Alembic writes where none is given
    let by_title = title != "empty message" && words.any(|word| EMPTY_WORDS.contains(&word));
    by_title || paragraphs.any(|lines| lines.join(" ").split_whitespace().count() > 2)
}

/// A number that is the same for texts that differ in comments, the module's docstring, white space and quotes only.
fn substance(module: &Module, text: &str) -> u64 {
    let mut cut: Vec<Span> = module.comments.iter().map(|comment| comment.span).collect();
    cut.extend(module.docstring().map(|(_, span)| span));
    cut.sort();
    let mut hasher = FxHasher::default();
    let mut at = 0;
    let mut feed = |part: &str| {
        for character in part.chars() {
            match character {
                '"' => hasher.write_u32(u32::from('\'')),
                // a trailing comma is layout
                ',' => {}
                other if other.is_whitespace() => {}
                other => hasher.write_u32(u32::from(other)),
            }
        }
    };
    for span in cut {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < at {
            continue;
        }
        feed(text.get(at..start).unwrap_or_default());
        at = end;
    }
    feed(text.get(at..).unwrap_or_default());
    hasher.finish()
}

/// Whether a function must be given one argument, as the functions of Alembic's multidb template are: the engine's name.
pub fn takes_argument(function: &Function) -> bool {
    let definition = function.syntax.function(function.definition);
    definition.parameters.first().is_some_and(|first| {
        first.default.is_none()
            && matches!(
                first.kind,
                ParameterKind::Normal | ParameterKind::PositionalOnly
            )
    })
}

/// The parameters that a function can't be called without, by name.
pub fn required_parameters(function: &Function) -> Vec<SmolStr> {
    let definition = function.syntax.function(function.definition);
    definition
        .parameters
        .iter()
        .filter(|parameter| {
            parameter.default.is_none()
                && matches!(
                    parameter.kind,
                    ParameterKind::Normal | ParameterKind::KeywordOnly
                )
        })
        .map(|parameter| parameter.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::syntax;
    use crate::source::FileId;

    fn read(text: &str) -> Option<Identifiers> {
        identifiers(&syntax::parse(FileId(0), text))
    }

    #[test]
    fn a_revision_says_where_it_stands() {
        let found = read("revision = 'b'\ndown_revision: str | None = 'a'\nbranch_labels = None\n")
            .expect("a revision");
        assert_eq!(found.revision, "b");
        assert_eq!(found.revision_span, crate::source::Span::new(11, 14));
        assert_eq!(found.down_revisions, ["a"]);
        assert!(found.branch_labels.is_empty());
    }

    #[test]
    fn an_empty_dependency_is_none() {
        let found =
            read("revision = 'b'\ndown_revision = 'a'\ndepends_on = ''\n").expect("a revision");
        assert!(found.depends_on.is_empty());
    }

    #[test]
    fn a_merge_has_several_parents() {
        let found =
            read("revision = 'm'\ndown_revision = ('a', 'b')\ndepends_on = ['x']").expect("read");
        assert_eq!(found.down_revisions, ["a", "b"]);
        assert_eq!(found.depends_on, ["x"]);
    }

    #[test]
    fn a_parent_that_must_be_computed_is_not_known() {
        let found = read("revision = 'b'\ndown_revision = previous()").expect("read");
        assert!(found.down_revision_computed && found.down_revisions.is_empty());
        let base = read("revision = 'a'\ndown_revision = None").expect("read");
        assert!(!base.down_revision_computed);
    }

    #[test]
    fn labels_that_must_be_computed_are_labels() {
        let found = |labels: &str| {
            let text = format!("revision = 'b'\ndown_revision = None\nbranch_labels = {labels}");
            read(&text).expect("read").branch_labels_computed
        };
        assert!(found("(cli.EXPAND,)") && found("LABEL"));
        assert!(!found("None") && !found("('expand',)"));
    }

    #[test]
    fn a_docstring_says_why_nothing_is_done() {
        let header = "\n\nRevision ID: a\nRevises: b\nCreate Date: 2024-01-01 10:00:00.1\n";
        let says = |text: &str| says_empty(&format!("{text}{header}"));
        assert!(says("Base revision -- noop."));
        assert!(says("empty expand for symmetry with contract01"));
        assert!(says("placeholder\n"));
        assert!(says(
            "Job states\n\nIts content moved to the next revision."
        ));
        assert!(!says("empty message"));
        assert!(!says("add the table of jobs"));
        assert!(!says(
            "Location: ./a.py\nSPDX-License-Identifier: Apache-2.0\n\nmerge two heads"
        ));
    }

    #[test]
    fn comments_layout_and_quotes_are_no_substance() {
        let of = |text: &str| facts(&syntax::parse(FileId(0), text), text).substance;
        let text = "\"\"\"Message\n\nCreate Date: 1\n\"\"\"\nrevision = 'a'\n\ndef upgrade():\n    f('x', 1)\n";
        let same = "# new\nrevision = \"a\"  # the id\n\n\ndef upgrade():\n    f(\n        \"x\",\n        1,\n    )\n";
        assert_eq!(of(text), of(same));
        assert_ne!(of(text), of(&text.replace("'x'", "'y'")));
        assert_ne!(of(text), of(&text.replace("'a'", "'b'")));
    }

    #[test]
    fn a_module_without_identifiers_is_no_revision() {
        assert!(read("x = 1").is_none());
        assert!(read("revision = 'a'").is_none());
    }
}
