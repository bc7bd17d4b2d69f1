//! One pass of a repair: which of the proposed fixes are right, by themselves and together.
//!
//! In: an analysis, and fixes that can be applied together. Out: those that are kept, those that are refused, and the analysis
//! with what is kept. If all are right together, that is all. Else each file's fixes are judged apart: its revision starts from
//! what it started from before, so that none answers for another, and all files can be halved at once, down to the fixes that are
//! to blame. What is right apart is tried together; what is not right even so goes, the first in the history first, since what is
//! behind it may only follow from it.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Analyse, Budget, Chosen, Round, Texts, Trial, apply};
use crate::diagnostic::{Edit, Severity};
use crate::fix::{Attempts, Target};

/// How often what is right apart is tried together, with one file's fixes less each time.
const TOGETHER: usize = 8;

pub(super) struct Pass<'a> {
    pub(super) before: &'a Round,
    pub(super) texts: &'a Texts,
    pub(super) attempts: &'a Attempts,
    pub(super) analyse: &'a Analyse<'a>,
    /// How often the fixes of the files are tried in parts.
    pub(super) trials: usize,
    pub(super) budget: &'a Budget,
}

/// What came of a pass.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) kept: Vec<Chosen>,
    pub(super) refused: Vec<Target>,
    /// The project with what is kept.
    pub(super) after: Option<(Round, Texts)>,
}

impl Pass<'_> {
    pub(super) fn run(&self, candidates: Vec<Chosen>) -> Outcome {
        let (after, texts) = self.with(&candidates, false);
        if self.bad(&after, &candidates, false).is_empty() {
            return Outcome {
                kept: candidates,
                refused: Vec::new(),
                after: Some((after, texts)),
            };
        }
        let (right, refused) = self.right_apart(candidates);
        self.right_together(right, refused)
    }

    /// Fixes that are right as long as the other files stay as they are, and those that are not. What can't be tried any more
    /// is neither.
    fn right_apart(&self, candidates: Vec<Chosen>) -> (Vec<Chosen>, Vec<Target>) {
        let mut parts = Parts::new(candidates);
        let mut right: BTreeMap<Utf8PathBuf, Vec<Chosen>> = BTreeMap::new();
        let mut refused = Vec::new();
        for _ in 0..self.trials {
            let next = parts.next();
            if next.is_empty() || self.budget.is_spent() {
                break;
            }
            let own = |path: &Utf8PathBuf| right.get(path).into_iter().flatten();
            let trial: Vec<Chosen> = next
                .iter()
                .flat_map(|(path, part)| own(path).chain(part))
                .cloned()
                .collect();
            let (after, _) = self.with(&trial, true);
            let bad = self.bad(&after, &trial, true);
            for (path, mut part) in next {
                if !bad.contains(&path) {
                    right.entry(path).or_default().append(&mut part);
                } else if part.len() == 1 {
                    refused.extend(part.into_iter().map(|one| one.target));
                } else {
                    let second = part.split_off(part.len().div_ceil(2));
                    parts.put_back(path.clone(), second);
                    parts.put_back(path, part);
                }
            }
        }
        (right.into_values().flatten().collect(), refused)
    }

    /// What is left of fixes that are right apart once they are tried together.
    fn right_together(&self, mut kept: Vec<Chosen>, mut refused: Vec<Target>) -> Outcome {
        for left in (0..TOGETHER).rev() {
            if kept.is_empty() {
                break;
            }
            let (after, texts) = self.with(&kept, false);
            let mut bad = self.bad(&after, &kept, false);
            if bad.is_empty() {
                return Outcome {
                    kept,
                    refused,
                    after: Some((after, texts)),
                };
            }
            // at the end all that are under suspicion go at once
            if left > 1 && !self.budget.is_spent() {
                let mut proofs = self.before.proofs.iter().map(|proof| &proof.path);
                let first = proofs.find(|path| bad.contains(*path));
                bad = first.cloned().map_or(bad, |first| BTreeSet::from([first]));
            }
            let (wrong, others): (Vec<Chosen>, Vec<Chosen>) = kept
                .into_iter()
                .partition(|one| bad.contains(&one.target.path));
            refused.extend(wrong.into_iter().map(|one| one.target));
            kept = others;
        }
        Outcome {
            refused,
            ..Outcome::default()
        }
    }

    /// The project with fixes; `apart`: each revision starts from what it started from before.
    fn with(&self, chosen: &[Chosen], apart: bool) -> (Round, Texts) {
        let mut by_path: BTreeMap<&Utf8Path, Vec<&Edit>> = BTreeMap::new();
        for one in chosen {
            by_path
                .entry(&one.target.path)
                .or_default()
                .extend(&one.edits);
        }
        let mut texts = self.texts.clone();
        for (path, edits) in by_path {
            let Some(file) = edits.first().map(|edit| edit.site.file) else {
                continue;
            };
            let text = apply(self.before.sources.file(file).text(), &edits);
            texts.insert(path.to_owned(), text.into());
        }
        let round = self.budget.spend((self.analyse)(Trial {
            texts: &texts,
            attempts: self.attempts,
            apart: apart.then_some(&self.before.left),
        }));
        (round, texts)
    }

    /// The files among those that were changed whose fixes did not come out clean.
    fn bad(&self, after: &Round, chosen: &[Chosen], apart: bool) -> BTreeSet<Utf8PathBuf> {
        let mut blame = Blame::new(self.before, chosen, apart);
        let old = counts(self.before);
        let new = counts(after);
        let mut fixed: BTreeMap<&Target, usize> = BTreeMap::new();
        for one in chosen {
            *fixed.entry(&one.target).or_default() += 1;
        }
        for (target, times) in fixed {
            let was = old.get(target).map_or(0, |(count, _)| *count);
            let is = new.get(target).map_or(0, |(count, _)| *count);
            if is + times > was {
                blame.of(&target.path);
            }
        }
        // a revision that an exception ended and that goes on now: what was behind is not the fix's doing
        let shown: BTreeSet<&Utf8PathBuf> = self
            .before
            .proofs
            .iter()
            .zip(&after.proofs)
            .filter(|(before, now)| before.path == now.path && before.goes_on(now))
            .map(|(before, _)| &before.path)
            .collect();
        for (target, (count, severity)) in &new {
            if shown.contains(&target.path) {
                continue;
            }
            let least = chosen
                .iter()
                .filter(|one| one.target.path == target.path)
                .map(|one| one.severity)
                .min()
                .unwrap_or(Severity::Error);
            if *count > old.get(target).map_or(0, |(count, _)| *count) && *severity >= least {
                blame.of(&target.path);
            }
        }
        for (before, now) in self.before.proofs.iter().zip(&after.proofs) {
            if before.path != now.path || !before.holds(now) {
                blame.of(&before.path);
            }
        }
        if self.before.proofs.len() != after.proofs.len() {
            blame.all();
        }
        blame.bad
    }
}

/// Which changed files have to answer for what went wrong.
struct Blame<'a> {
    changed: BTreeSet<&'a Utf8PathBuf>,
    /// Where the files stand in the history.
    places: BTreeMap<&'a Utf8PathBuf, usize>,
    apart: bool,
    bad: BTreeSet<Utf8PathBuf>,
}

impl<'a> Blame<'a> {
    fn new(before: &'a Round, chosen: &'a [Chosen], apart: bool) -> Self {
        let proofs = before.proofs.iter().enumerate();
        Self {
            changed: chosen.iter().map(|one| &one.target.path).collect(),
            places: proofs.map(|(place, proof)| (&proof.path, place)).collect(),
            apart,
            bad: BTreeSet::new(),
        }
    }

    /// Something is wrong in a file: in a changed one, or behind one.
    fn of(&mut self, path: &Utf8PathBuf) {
        if self.changed.contains(path) {
            self.bad.insert(path.clone());
        } else if !self.apart {
            let place = self.places.get(path);
            let before = |one: &&Utf8PathBuf| self.places.get(*one) < place;
            let nearest = self.changed.iter().filter(|one| before(one));
            match nearest.max_by_key(|one| self.places.get(**one)) {
                Some(nearest) => _ = self.bad.insert((*nearest).clone()),
                None => self.all(),
            }
        }
    }

    fn all(&mut self) {
        self.bad
            .extend(self.changed.iter().map(|one| (*one).clone()));
    }
}

/// The fixes of each file in parts that are still to be tried, the next one last.
struct Parts {
    waiting: BTreeMap<Utf8PathBuf, Vec<Vec<Chosen>>>,
}

impl Parts {
    fn new(candidates: Vec<Chosen>) -> Self {
        let mut by_file: BTreeMap<Utf8PathBuf, Vec<Chosen>> = BTreeMap::new();
        for one in candidates {
            let path = one.target.path.clone();
            by_file.entry(path).or_default().push(one);
        }
        let whole = by_file.into_iter().map(|(path, all)| (path, vec![all]));
        Self {
            waiting: whole.collect(),
        }
    }

    /// The next part of each file.
    fn next(&mut self) -> Vec<(Utf8PathBuf, Vec<Chosen>)> {
        let next = self
            .waiting
            .iter_mut()
            .filter_map(|(path, parts)| Some((path.clone(), parts.pop()?)));
        next.collect()
    }

    fn put_back(&mut self, path: Utf8PathBuf, part: Vec<Chosen>) {
        self.waiting.entry(path).or_default().push(part);
    }
}

fn counts(round: &Round) -> BTreeMap<Target, (usize, Severity)> {
    let mut counts: BTreeMap<Target, (usize, Severity)> = BTreeMap::new();
    for diagnostic in &round.diagnostics {
        let entry = counts
            .entry(Target::of(diagnostic, &round.sources))
            .or_insert((0, diagnostic.severity));
        entry.0 += 1;
        entry.1 = entry.1.max(diagnostic.severity);
    }
    counts
}
