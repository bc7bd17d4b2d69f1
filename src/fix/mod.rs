//! Fixes: how a finding can be repaired by a program, as edits of the revision's own text.
//!
//! In: a revision with its runs, its parsed module and text, and the findings on it. Out: a [`Fix`] on each finding that
//! has one. What is made here is a proposal: whether it cures its finding and harms nothing is shown by [`crate::repair`],
//! which has the project simulated again. One file a kind of repair; rules know nothing of them, since they never see syntax.

mod again;
mod ask;
mod blocks;
mod code;
mod downgrade;
mod enums;
mod guards;
mod helpers;
mod imports;
mod insert;
mod layout;
mod names;
mod native;
mod not_exists;
mod proof;
mod script;
mod setup;
mod sql_text;
mod style;

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;
use rustc_hash::FxHashMap;

use crate::config::Config;
use crate::diagnostic::{self, Applicability, Diagnostic, Edit, Fix};
use crate::postgres::Catalog;
use crate::python::syntax;
use crate::replay::Replayed;
use crate::replay::Revision;
use crate::rules::missing_guard::Cause;
use crate::rules::second_run::{self, Fault};
use crate::rules::{self, missing_import};
use crate::source::{FileId, Site, SourceMap, Span};

pub use proof::Proof;
pub use style::{Style, line_length};

use code::Code;

/// A finding, however its file is renumbered and its lines move.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The rule.
    pub rule: &'static str,
    /// The file.
    pub path: Utf8PathBuf,
    /// The message.
    pub message: String,
}

impl Target {
    /// The target that a diagnostic is.
    pub fn of(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        Self {
            rule: diagnostic.rule,
            path: sources.file(diagnostic.site.file).path().to_owned(),
            message: diagnostic.message.clone(),
        }
    }
}

/// How many proposals for a finding were tried and turned out wrong: the next one is made.
pub type Attempts = BTreeMap<Target, usize>;

/// That findings are to have fixes, with what all proposals of a database have in common.
#[derive(Clone, Debug)]
pub struct Request {
    /// How the project guards.
    pub style: Style,
    /// The texts.
    pub sources: Arc<SourceMap>,
    /// What was tried before.
    pub attempts: Arc<Attempts>,
    /// What each revision leaves to the one behind it, whatever its text does now: each is judged apart from the others.
    pub apart: Option<Arc<[Catalog]>>,
}

/// What a repair looks at.
struct Facts<'a> {
    replayed: &'a Replayed,
    config: &'a Config,
    style: &'a Style,
    code: &'a Code<'a>,
    causes: &'a [Cause<'a>],
    /// Which cause is reported at a place: the first.
    cause_at: FxHashMap<Site, usize>,
    /// What goes wrong with rows on a second run, by place, in order.
    rows_at: FxHashMap<Site, Vec<Fault<'a>>>,
    /// How many proposals of each cause were refused.
    refused: Vec<usize>,
    /// Where something goes wrong on a second run, in the order of the text.
    spots: &'a [guards::Spot<'a>],
    /// How each spot is repaired as things stand.
    repairs: Vec<Option<guards::Repair>>,
}

impl Facts<'_> {
    fn fix(
        &self,
        message: impl Into<String>,
        applicability: Applicability,
        edits: Vec<(Span, String)>,
    ) -> Option<Fix> {
        fix_of(self.replayed.revision.file, message, applicability, edits)
    }
}

/// A fix of a file, if there are edits and none of them overlap.
fn fix_of(
    file: FileId,
    message: impl Into<String>,
    applicability: Applicability,
    edits: Vec<(Span, String)>,
) -> Option<Fix> {
    let edits = edits.into_iter().map(|(span, replacement)| Edit {
        site: Site { file, span },
        replacement,
    });
    let kept = diagnostic::in_order(edits.collect());
    let overlap = kept
        .windows(2)
        .any(|pair| pair[1].site.span.start < pair[0].site.span.end);
    (!overlap && !kept.is_empty()).then(|| Fix {
        message: message.into(),
        applicability,
        edits: kept,
    })
}

/// Makes the proposal for a finding that follows some that were refused: the first is the best.
type Fixer = fn(&Facts<'_>, &Diagnostic, usize) -> Option<Fix>;

/// Which kind of repair goes with which rule.
static FIXERS: &[(&str, Fixer)] = &[
    ("enum-create-type-ignored", enums::honoured),
    ("enum-left-behind", enums::left_behind),
    ("guard-of-another-object", guards::fix),
    ("guard-proves-only-table", guards::fix),
    ("missing-downgrade", downgrade::fix),
    ("missing-guard", guards::fix),
    ("non-idempotent-insert", insert::fix),
    ("partial-commit", blocks::partial),
    ("statement-forbidden-in-transaction", blocks::forbidden),
    ("unnamed-constraint", guards::fix),
];

/// Rules of the graph and of whole commands whose findings have repairs too.
static ELSEWHERE: [&str; 2] = ["enum-value-used-before-commit", "missing-import"];

/// Whether a rule reports causes of what goes wrong on a second run.
fn is_about_guards(rule: &str) -> bool {
    matches!(
        rule,
        "missing-guard"
            | "guard-proves-only-table"
            | "guard-of-another-object"
            | "unnamed-constraint"
    )
}

/// Ids of the rules that have fixes.
pub fn rules_with_fixes() -> impl Iterator<Item = &'static str> {
    FIXERS
        .iter()
        .map(|(rule, _)| *rule)
        .chain(ELSEWHERE)
        .filter(|rule| rules::RULES.iter().any(|known| known.info.id == *rule))
}

/// Gives the findings on a revision the fixes that they may have.
pub fn propose(context: &rules::Context<'_>, diagnostics: &mut [Diagnostic], request: &Request) {
    let replayed = context.replayed;
    let fixable = |diagnostic: &Diagnostic| {
        diagnostic.site.file == replayed.revision.file
            && FIXERS.iter().any(|(rule, _)| *rule == diagnostic.rule)
    };
    if !diagnostics.iter().any(fixable) {
        return;
    }
    // a SQL file has text alone
    let empty;
    let module = match replayed.revision.module() {
        Some(module) => module,
        None => {
            empty = Arc::new(syntax::parse(replayed.revision.file, ""));
            &empty
        }
    };
    if module.is_broken() {
        return;
    }
    let source = request.sources.file(replayed.revision.file);
    let causes = context.schema_causes();
    let tried = |diagnostic: &Diagnostic| {
        let target = Target::of(diagnostic, &request.sources);
        request.attempts.get(&target).copied().unwrap_or(0)
    };
    // a large file has ten thousand of each: none is looked for among all others
    let mut finding_at: FxHashMap<Site, &Diagnostic> = FxHashMap::default();
    for one in diagnostics.iter().filter(|one| is_about_guards(one.rule)) {
        finding_at.entry(one.site).or_insert(one);
    }
    let mut cause_at: FxHashMap<Site, usize> = FxHashMap::default();
    let mut refused = Vec::with_capacity(causes.len());
    for (number, cause) in causes.iter().enumerate() {
        let site = cause.faults[0].event.site;
        cause_at.entry(site).or_insert(number);
        refused.push(finding_at.get(&site).map_or(0, |one| tried(one)));
    }
    let code = Code::new(module, source.text(), request.style.line_length);
    let spots = guards::spots(&code, causes);
    let mut facts = Facts {
        replayed,
        config: context.config,
        style: &request.style,
        code: &code,
        causes,
        cause_at,
        rows_at: rows_at(replayed),
        refused,
        spots: &spots,
        repairs: Vec::new(),
    };
    facts.repairs = guards::repairs(&facts, None);
    for diagnostic in diagnostics.iter_mut().filter(|one| fixable(one)) {
        let Some((_, fixer)) = FIXERS.iter().find(|(rule, _)| *rule == diagnostic.rule) else {
            continue;
        };
        let attempt = tried(diagnostic);
        diagnostic.fix = if replayed.revision.script().is_none() {
            fixer(&facts, diagnostic, attempt)
        } else if is_about_guards(diagnostic.rule) {
            script::fix(&facts, diagnostic, attempt)
        } else if diagnostic.rule == insert::RULE {
            insert::fix(&facts, diagnostic, attempt)
        } else {
            None
        };
    }
}

/// What goes wrong with rows on a second run, by place.
fn rows_at(replayed: &Replayed) -> FxHashMap<Site, Vec<Fault<'_>>> {
    let mut found: FxHashMap<Site, Vec<Fault<'_>>> = FxHashMap::default();
    for fault in second_run::faults(replayed) {
        if second_run::is_data(&fault) {
            found.entry(fault.event.site).or_default().push(fault);
        }
    }
    found
}

/// Gives the findings on the graph and on whole commands the fixes that they may have.
pub fn propose_elsewhere(
    revisions: &[Arc<Revision>],
    diagnostics: &mut [Diagnostic],
    request: &Request,
) {
    for diagnostic in diagnostics {
        if !ELSEWHERE.contains(&diagnostic.rule) {
            continue;
        }
        let mut all = revisions.iter();
        let own = all.find(|revision| revision.file == diagnostic.site.file);
        let Some(module) = own.and_then(|revision| revision.module()) else {
            continue;
        };
        if module.is_broken() {
            continue;
        }
        let source = request.sources.file(module.file);
        let code = Code::new(module, source.text(), request.style.line_length);
        let target = Target::of(diagnostic, &request.sources);
        let attempt = request.attempts.get(&target).copied().unwrap_or(0);
        diagnostic.fix = if diagnostic.rule == missing_import::ID {
            let modules = revisions.iter().filter_map(|revision| revision.module());
            (attempt == 0)
                .then(|| imports::fix(&code, diagnostic, modules.map(AsRef::as_ref)))
                .flatten()
        } else {
            blocks::used_before_commit(&code, diagnostic, attempt)
        };
    }
}
