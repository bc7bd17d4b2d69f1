//! Repairs a project in memory: applies fixes, has the project simulated again, keeps only what comes out clean.
//!
//! In: a first analysis whose findings carry proposals, and a way to analyse the project with some texts replaced. Out:
//! the new texts, and what was fixed. A fix is kept if its finding is gone, no finding of its severity or a higher one has
//! come, the first run of each revision leaves what it left, and nothing has become unknown. All fixes of a pass are tried at once;
//! where something goes wrong, each file's are tried apart from the others' (`repair/pass.rs`). All of it is bounded by passes, trials and
//! steps ([`Limit::RepairSteps`]). No IO.

mod pass;

use std::borrow::Borrow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::{self, Applicability, Diagnostic, Edit, Severity};
use crate::fix::{Attempts, Proof, Target};
use crate::limits::Limit;
use crate::postgres::Catalog;
use crate::source::{Site, SourceMap, Span};

use pass::{Outcome, Pass};

/// How often fixes are applied and looked for again.
const PASSES: usize = 24;

/// How often, in one pass, the fixes of the files are tried in parts.
const TRIALS: usize = 64;

/// The same for a report, which must not take many times as long: what is not proven by then is not offered.
const TRIALS_OF_REPORT: usize = 8;

/// What a report's proofs may take of what [`Limit::RepairSteps`] allows a repair.
const SHARE_OF_REPORT: u64 = 4;

/// New texts of some files.
pub type Texts = BTreeMap<Utf8PathBuf, Arc<str>>;

/// The catalogs that each database's revisions leave to those behind them, in their linear order.
pub type Left = Vec<Arc<[Catalog]>>;

/// The project as it is to be analysed.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// The texts that are replaced.
    pub texts: &'a Texts,
    /// Proposals that were tried before: they are passed over.
    pub attempts: &'a Attempts,
    /// Each revision starts from what the one before it left there, whatever that leaves now: none answers for another.
    pub apart: Option<&'a Left>,
}

/// One analysis of the project.
pub struct Round {
    /// The texts that were analysed.
    pub sources: Arc<SourceMap>,
    /// Findings as they are reported, with their proposals.
    pub diagnostics: Vec<Diagnostic>,
    /// What each revision does, in the order of the databases.
    pub proofs: Vec<Proof>,
    /// The catalogs that each database's revisions leave.
    pub left: Left,
    /// What all analyses of the project so far took ([`Effort::steps`](crate::replay::Effort::steps)).
    pub effort: u64,
}

/// A fix that was kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed {
    /// The finding that is gone.
    pub target: Target,
    /// What was done.
    pub message: String,
}

/// What came of it.
pub struct Repaired {
    /// The files that changed, with their new texts.
    pub texts: Texts,
    /// What was fixed, in the order of the passes.
    pub fixed: Vec<Fixed>,
    /// The analysis of the new texts.
    pub last: Round,
    /// [`Limit::RepairSteps`] was met: fixes may be left.
    pub ended_early: bool,
}

/// Which fixes are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those too that may lose something.
    pub unsafe_too: bool,
    /// Only of these rules; empty: of all.
    pub rules: Vec<String>,
    /// Only these findings; `None`: all.
    pub only: Option<BTreeSet<Target>>,
}

impl Wanted {
    /// Whether a diagnostic has a fix that is wanted.
    pub fn has(&self, diagnostic: &Diagnostic) -> bool {
        diagnostic.fix.as_ref().is_some_and(|fix| {
            (self.unsafe_too || fix.applicability == Applicability::Safe)
                && (self.rules.is_empty() || self.rules.iter().any(|rule| rule == diagnostic.rule))
        })
    }
}

/// A fix about to be tried.
#[derive(Clone)]
struct Chosen {
    target: Target,
    severity: Severity,
    message: String,
    edits: Vec<Edit>,
}

/// Analyses the project.
pub type Analyse<'a> = dyn Fn(Trial<'_>) -> Round + 'a;

/// Fixes what can be fixed. `writable` says whether a file may be changed.
pub fn repair(
    first: Round,
    analyse: &Analyse<'_>,
    wanted: &Wanted,
    writable: &dyn Fn(&Utf8Path) -> bool,
) -> Repaired {
    let budget = Budget::after(&first, 1);
    let mut round = first;
    let mut texts = Texts::new();
    let mut attempts = Attempts::new();
    let as_it_is = |texts: &Texts, attempts: &Attempts| {
        budget.spend(analyse(Trial {
            texts,
            attempts,
            apart: None,
        }))
    };
    let mut fixed = Vec::new();
    // since refusals were last forgotten
    let mut kept_since = false;
    let mut ended_early = false;
    for _ in 0..PASSES {
        let candidates = candidates(&round, wanted, writable);
        if candidates.is_empty() && (!kept_since || attempts.is_empty()) {
            break;
        }
        ended_early = budget.is_spent();
        if ended_early {
            break;
        }
        if candidates.is_empty() {
            // what was refused may go now that others are done: else a second call would find it
            attempts.clear();
            kept_since = false;
            round = as_it_is(&texts, &attempts);
            continue;
        }
        let pass = Pass {
            before: &round,
            texts: &texts,
            attempts: &attempts,
            analyse,
            trials: TRIALS,
            budget: &budget,
        };
        let Outcome {
            kept,
            refused,
            after,
        } = pass.run(candidates);
        let again = !refused.is_empty();
        for target in refused {
            *attempts.entry(target).or_default() += 1;
        }
        if let Some((next, new_texts)) = after {
            kept_since |= !kept.is_empty();
            fixed.extend(kept.into_iter().map(|one| Fixed {
                target: one.target,
                message: one.message,
            }));
            texts = new_texts;
            round = next;
        }
        if again {
            // for the proposals that follow those that were refused
            round = as_it_is(&texts, &attempts);
        }
    }
    fixed.sort();
    Repaired {
        texts,
        fixed,
        last: round,
        ended_early,
    }
}

/// How much may be simulated. Counted in steps, so that what is fixed does not depend on the machine.
struct Budget {
    /// The effort at which it is spent.
    end: u64,
    /// The effort of the analyses so far.
    now: Cell<u64>,
}

impl Budget {
    /// What the bound allows, or a part of it, behind a first analysis.
    fn after(first: &Round, share: u64) -> Self {
        Self {
            end: first
                .effort
                .saturating_add(Limit::RepairSteps.get() / share),
            now: Cell::new(first.effort),
        }
    }

    fn spend(&self, round: Round) -> Round {
        self.now.set(self.now.get().max(round.effort));
        round
    }

    fn is_spent(&self) -> bool {
        self.now.get() > self.end
    }
}

/// Takes the fixes off the findings that do not stand the proof, each on the text as it is: what is offered is proven.
/// Gives whether all were tried.
pub fn prove(
    round: &mut Round,
    analyse: &Analyse<'_>,
    writable: &dyn Fn(&Utf8Path) -> bool,
) -> bool {
    let budget = Budget::after(round, SHARE_OF_REPORT);
    let wanted = Wanted {
        unsafe_too: true,
        ..Wanted::default()
    };
    let (texts, attempts) = (Texts::new(), Attempts::new());
    let mut proven: BTreeSet<Target> = BTreeSet::new();
    let mut judged: BTreeSet<Target> = BTreeSet::new();
    for _ in 0..2 {
        if budget.is_spent() {
            break;
        }
        let pass = Pass {
            before: round,
            texts: &texts,
            attempts: &attempts,
            analyse,
            trials: TRIALS_OF_REPORT,
            budget: &budget,
        };
        let waiting: Vec<Chosen> = all_chosen(round, &wanted, writable)
            .into_iter()
            .filter(|one| !judged.contains(&one.target))
            .collect();
        let candidates = without_overlaps(waiting);
        if candidates.is_empty() {
            break;
        }
        judged.extend(candidates.iter().map(|one| one.target.clone()));
        let kept = pass.run(candidates).kept;
        proven.extend(kept.into_iter().map(|one| one.target));
    }
    let sources = round.sources.clone();
    for diagnostic in &mut round.diagnostics {
        if !proven.contains(&Target::of(diagnostic, &sources)) {
            diagnostic.fix = None;
        } else if let Some(fix) = &mut diagnostic.fix {
            // an insertion and the replacement behind it are one edit for whoever applies it
            fix.edits = joined(std::mem::take(&mut fix.edits));
        }
    }
    !budget.is_spent()
}

/// Edits that touch, as one.
fn joined(edits: Vec<Edit>) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    for edit in edits {
        match out.last_mut() {
            Some(last) if last.site.span.end == edit.site.span.start => {
                last.site.span.end = edit.site.span.end;
                last.replacement.push_str(&edit.replacement);
            }
            _ => out.push(edit),
        }
    }
    out
}

fn all_chosen(round: &Round, wanted: &Wanted, writable: &dyn Fn(&Utf8Path) -> bool) -> Vec<Chosen> {
    let mut known: BTreeMap<Utf8PathBuf, bool> = BTreeMap::new();
    round
        .diagnostics
        .iter()
        .filter(|diagnostic| wanted.has(diagnostic))
        .filter_map(|diagnostic| {
            let fix = diagnostic.fix.as_ref()?;
            let target = Target::of(diagnostic, &round.sources);
            if wanted
                .only
                .as_ref()
                .is_some_and(|only| !only.contains(&target))
            {
                return None;
            }
            let may = *known
                .entry(target.path.clone())
                .or_insert_with(|| writable(&target.path));
            let inside = fix
                .edits
                .iter()
                .all(|edit| edit.site.file == diagnostic.site.file);
            (may && inside).then(|| Chosen {
                target,
                severity: diagnostic.severity,
                message: fix.message.clone(),
                edits: fix.edits.clone(),
            })
        })
        .collect()
}

/// The fixes that can be applied together, in the order of the findings; the others wait for the next pass.
fn candidates(round: &Round, wanted: &Wanted, writable: &dyn Fn(&Utf8Path) -> bool) -> Vec<Chosen> {
    without_overlaps(all_chosen(round, wanted, writable))
}

fn without_overlaps(chosen: Vec<Chosen>) -> Vec<Chosen> {
    let mut taken: BTreeMap<Utf8PathBuf, Taken> = BTreeMap::new();
    let mut out = Vec::new();
    for one in chosen {
        let taken = taken.entry(one.target.path.clone()).or_default();
        if one.edits.iter().all(|edit| taken.is_free(edit)) {
            one.edits.iter().for_each(|edit| taken.take(edit));
            out.push(one);
        }
    }
    out
}

/// Edits of one file that can be done together, by place: a large file has many thousands.
#[derive(Default)]
struct Taken {
    edits: BTreeSet<Edit>,
    /// Where text is replaced: starts with their ends. None overlaps another.
    replaced: BTreeMap<u32, u32>,
}

impl Taken {
    /// Whether none of them collides with an edit.
    fn is_free(&self, edit: &Edit) -> bool {
        let span = edit.site.span;
        let before = self.replaced.range(..span.start).next_back();
        if before.is_some_and(|(_, end)| *end > span.start) {
            return false;
        }
        let first = Edit {
            site: Site {
                span: Span::new(span.start, span.start),
                ..edit.site
            },
            replacement: String::new(),
        };
        let mut behind = self
            .edits
            .range(first..)
            .take_while(|other| other.site.span.start <= span.end);
        !behind.any(|other| collide(edit, other))
    }

    fn take(&mut self, edit: &Edit) {
        let span = edit.site.span;
        if span.start < span.end {
            self.replaced.insert(span.start, span.end);
        }
        self.edits.insert(edit.clone());
    }
}

/// Whether two edits can't both be done. The same edit twice is one.
fn collide(one: &Edit, other: &Edit) -> bool {
    if one == other {
        return false;
    }
    let (a, b) = (one.site.span, other.site.span);
    if a.start == a.end && b.start == b.end {
        return false;
    }
    if a == b {
        return true;
    }
    a.start < b.end && b.start < a.end
}

/// A text with edits done. Insertions at one place follow each other in the order given, each once.
pub fn apply(text: &str, edits: &[impl Borrow<Edit>]) -> String {
    let edits = edits.iter().map(Borrow::borrow);
    let added: usize = edits.clone().map(|edit| edit.replacement.len()).sum();
    let mut out = String::with_capacity(text.len() + added);
    let mut at = 0;
    for edit in diagnostic::in_order(edits.collect::<Vec<&Edit>>()) {
        let range = edit.site.span.range();
        if range.start < at || range.end > text.len() {
            continue;
        }
        out.push_str(&text[at..range.start]);
        out.push_str(&edit.replacement);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn edit(start: u32, end: u32, replacement: &str) -> Edit {
        Edit {
            site: Site {
                file: FileId(0),
                span: Span::new(start, end),
            },
            replacement: replacement.to_owned(),
        }
    }

    #[test]
    fn insertions_at_one_place_come_in_order_and_once() {
        let edits = [
            edit(2, 2, "x"),
            edit(2, 4, "CD"),
            edit(2, 2, "x"),
            edit(2, 2, "y"),
        ];
        assert_eq!(apply("abcdef", &edits), "abxyCDef");
    }

    #[test]
    fn only_edits_of_the_same_bytes_collide() {
        assert!(!collide(&edit(1, 1, "a"), &edit(1, 3, "b")));
        assert!(!collide(&edit(1, 3, "a"), &edit(3, 3, "b")));
        assert!(collide(&edit(1, 3, "a"), &edit(2, 2, "b")));
        assert!(collide(&edit(1, 3, "a"), &edit(2, 5, "b")));
        assert!(collide(&edit(1, 3, "a"), &edit(1, 3, "b")));
        assert!(!collide(&edit(1, 3, "a"), &edit(1, 3, "a")));
    }

    #[test]
    fn what_is_taken_collides_as_each_edit_does() {
        let spans = || (0..5).flat_map(|start| (start..5).map(move |end| (start, end)));
        for (first, (start, end)) in spans().flat_map(|one| spans().map(move |two| (one, two))) {
            let known = edit(first.0, first.1, "x");
            let mut taken = Taken::default();
            taken.take(&known);
            for replacement in ["x", "y"] {
                let asked = edit(start, end, replacement);
                assert_eq!(
                    taken.is_free(&asked),
                    !collide(&asked, &known),
                    "{known:?} {asked:?}"
                );
            }
        }
    }
}
