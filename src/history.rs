//! The revision graph: who comes after whom, and one linear order.
//!
//! In: identifiers of each revision, as its file states them. Out: parents, heads, bases, an order with parents first
//! (`down_revision` and `depends_on` alike): the one in which Alembic runs them. What is wrong with the graph is recorded and never
//! fatal: every revision stays in it, once. Nothing recurses: a chain may have 100,000 revisions.

mod order;
mod resolve;

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{FileId, Span};

/// What a revision file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifiers {
    /// `revision`.
    pub revision: String,
    /// `down_revision`: none for a base, several for a merge.
    pub down_revisions: Vec<String>,
    /// `depends_on`: revision ids, their abbreviations, branch labels, `label@head`.
    pub depends_on: Vec<String>,
    /// `branch_labels`.
    pub branch_labels: Vec<String>,
    /// There are branch labels that only running the file would tell.
    pub branch_labels_computed: bool,
    /// The place of the value of `revision`.
    pub revision_span: Span,
    /// The place of the value of `down_revision`.
    pub down_revision_span: Span,
    /// `down_revision` is no constant: only running the file would tell.
    pub down_revision_computed: bool,
    /// The place of the value of `depends_on`, where it is assigned.
    pub depends_on_span: Option<Span>,
}

/// A revision: its identifiers and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// What it says of itself.
    pub identifiers: Identifiers,
    /// Its file.
    pub file: FileId,
}

/// Number of a revision in the graph: the index into [`Graph::revisions`].
pub type Index = usize;

/// Something wrong with the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// Two files with one id: the first by order of the input is meant where the id is named.
    Duplicate {
        /// The id.
        revision: String,
        /// The revision that counts.
        first: Index,
        /// The one that repeats it.
        second: Index,
    },
    /// A parent that no file is.
    MissingParent {
        /// The child.
        child: Index,
        /// The id that it names.
        parent: String,
        /// Named by `depends_on`, not by `down_revision`.
        dependency: bool,
    },
    /// An abbreviation that several revisions begin with.
    Ambiguous {
        /// The child.
        child: Index,
        /// The abbreviation.
        parent: String,
    },
    /// Revisions that are their own ancestors; sorted by id.
    Cycle {
        /// Its members.
        members: Vec<Index>,
    },
}

/// The graph of one database.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    revisions: Vec<Revision>,
    by_id: BTreeMap<String, Index>,
    /// Parents by `down_revision`, in its order.
    parents: Vec<Vec<Index>>,
    /// Parents by `depends_on`.
    dependencies: Vec<Vec<Index>>,
    children: Vec<Vec<Index>>,
    problems: Vec<Problem>,
    order: Vec<Index>,
}

impl Graph {
    /// The graph of some revisions; where two have one id, the first is the one that others mean.
    pub fn new(revisions: Vec<Revision>) -> Self {
        let mut graph = Self {
            revisions,
            ..Self::default()
        };
        for (index, revision) in graph.revisions.iter().enumerate() {
            let id = &revision.identifiers.revision;
            if let Some(first) = graph.by_id.get(id) {
                graph.problems.push(Problem::Duplicate {
                    revision: id.clone(),
                    first: *first,
                    second: index,
                });
            } else {
                graph.by_id.insert(id.clone(), index);
            }
        }
        graph.connect_parents();
        graph.connect_dependencies();
        graph.sort();
        graph.problems.sort();
        graph
    }

    fn connect_parents(&mut self) {
        let count = self.revisions.len();
        self.parents = vec![Vec::new(); count];
        self.children = vec![Vec::new(); count];
        self.dependencies = vec![Vec::new(); count];
        for child in 0..count {
            for name in self.revisions[child].identifiers.down_revisions.clone() {
                // Alembic looks a `down_revision` up whole; only `depends_on` may be a label or an abbreviation
                match self.by_id.get(&name).copied() {
                    Some(parent) => {
                        if !self.parents[child].contains(&parent) {
                            self.parents[child].push(parent);
                            self.children[parent].push(child);
                        }
                    }
                    None => self
                        .problems
                        .push(resolve::Unresolved::Missing.of(child, name, false)),
                }
            }
        }
    }

    fn connect_dependencies(&mut self) {
        let labels = self.labels();
        for child in 0..self.revisions.len() {
            for name in self.revisions[child].identifiers.depends_on.clone() {
                match self.target(&name, child, &labels) {
                    Ok(parents) => {
                        for parent in parents {
                            if parent != child && !self.dependencies[child].contains(&parent) {
                                self.dependencies[child].push(parent);
                            }
                        }
                    }
                    Err(missing) => self.problems.push(missing.of(child, name, true)),
                }
            }
        }
    }

    /// Parents of both kinds.
    fn above(&self, index: Index) -> impl Iterator<Item = Index> + '_ {
        self.parents[index]
            .iter()
            .chain(&self.dependencies[index])
            .copied()
    }

    /// Kahn's algorithm with a sorted set of the ready ones. Members of a cycle, and what hangs on it, follow: the least
    /// id first, as if its missing parents were done.
    fn sort(&mut self) {
        let count = self.revisions.len();
        let mut waiting: Vec<usize> = (0..count)
            .map(|index| self.above(index).collect::<BTreeSet<_>>().len())
            .collect();
        let mut below: Vec<Vec<Index>> = vec![Vec::new(); count];
        for index in 0..count {
            for parent in self.above(index).collect::<BTreeSet<_>>() {
                below[parent].push(index);
            }
        }
        let key = |index: Index| (self.revisions[index].identifiers.revision.clone(), index);
        let mut ready: BTreeSet<(String, Index)> = (0..count)
            .filter(|index| waiting[*index] == 0)
            .map(key)
            .collect();
        let mut left: BTreeSet<(String, Index)> = (0..count).map(key).collect();
        let mut order = Vec::with_capacity(count);
        let mut done = vec![false; count];
        let mut cycles = Vec::new();
        while order.len() < count {
            let next = match ready.pop_first() {
                Some(next) => next,
                None => match self.next_of_cycle(&left, &done, &mut cycles) {
                    Some(next) => next,
                    None => break,
                },
            };
            if !left.remove(&next) {
                continue;
            }
            order.push(next.1);
            done[next.1] = true;
            for child in &below[next.1] {
                waiting[*child] = waiting[*child].saturating_sub(1);
                let child = key(*child);
                if waiting[child.1] == 0 && left.contains(&child) {
                    ready.insert(child);
                }
            }
        }
        // what Alembic refuses has no order of its own
        let is_refused = !cycles.is_empty() || self.by_id.len() < count;
        let alembic = (!is_refused)
            .then(|| self.as_alembic_runs(&order))
            .flatten();
        self.order = alembic.unwrap_or(order);
        self.problems.extend(cycles);
    }

    /// The least member of a cycle among what is left; the cycle is recorded.
    fn next_of_cycle(
        &self,
        left: &BTreeSet<(String, Index)>,
        done: &[bool],
        cycles: &mut Vec<Problem>,
    ) -> Option<(String, Index)> {
        // walking up from anything left must meet itself: each has a parent among what is left
        let mut path: Vec<Index> = Vec::new();
        let mut at: BTreeMap<Index, usize> = BTreeMap::new();
        let mut current = left.first()?.1;
        let members = loop {
            if let Some(start) = at.get(&current) {
                break path[*start..].to_vec();
            }
            at.insert(current, path.len());
            path.push(current);
            match self.above(current).find(|parent| !done[*parent]) {
                Some(parent) => current = parent,
                None => break vec![current],
            }
        };
        let mut members: Vec<(String, Index)> = members
            .into_iter()
            .map(|index| (self.revisions[index].identifiers.revision.clone(), index))
            .collect();
        members.sort();
        cycles.push(Problem::Cycle {
            members: members.iter().map(|(_, index)| *index).collect(),
        });
        members.into_iter().next()
    }

    /// All revisions, in the order of the input.
    pub fn revisions(&self) -> &[Revision] {
        &self.revisions
    }

    /// The revision of an id, whole.
    pub fn find(&self, id: &str) -> Option<Index> {
        self.by_id.get(id).copied()
    }

    /// Parents by `down_revision`.
    pub fn parents(&self, index: Index) -> &[Index] {
        &self.parents[index]
    }

    /// Parents by `depends_on`.
    pub fn dependencies(&self, index: Index) -> &[Index] {
        &self.dependencies[index]
    }

    /// Children by `down_revision`.
    pub fn children(&self, index: Index) -> &[Index] {
        &self.children[index]
    }

    /// Whether it has several parents by `down_revision`.
    pub fn is_merge(&self, index: Index) -> bool {
        self.revisions[index].identifiers.down_revisions.len() > 1
    }

    /// Revisions that no other follows, by id.
    pub fn heads(&self) -> Vec<Index> {
        self.sorted((0..self.revisions.len()).filter(|index| self.children[*index].is_empty()))
    }

    /// Revisions without a `down_revision`, by id.
    pub fn bases(&self) -> Vec<Index> {
        self.sorted(
            (0..self.revisions.len())
                .filter(|index| self.revisions[*index].identifiers.down_revisions.is_empty()),
        )
    }

    /// Revisions where the known graph begins: bases, and those whose parents are missing; by id.
    pub fn roots(&self) -> Vec<Index> {
        self.sorted((0..self.revisions.len()).filter(|index| self.parents[*index].is_empty()))
    }

    /// Whether everything begins at a base: no parent is missing.
    pub fn is_closed(&self) -> bool {
        let computed = |revision: &Revision| revision.identifiers.down_revision_computed;
        !self.bases().is_empty()
            && !self.revisions.iter().any(computed)
            && !self.problems.iter().any(|problem| {
                matches!(
                    problem,
                    Problem::MissingParent {
                        dependency: false,
                        ..
                    }
                )
            })
    }

    /// Whether a branch label belongs to it: its branch is one on purpose.
    pub fn is_labelled(&self, index: Index) -> bool {
        self.labels().hold(index)
    }

    /// Revisions that no other follows, by `down_revision` or `depends_on`, by id.
    pub fn effective_heads(&self) -> Vec<Index> {
        let needed: BTreeSet<Index> = self.dependencies.iter().flatten().copied().collect();
        let mut heads = self.heads();
        heads.retain(|head| !needed.contains(head));
        heads
    }

    /// Heads that should be one: several of a connected part of the graph, without a branch label that says that they are
    /// meant to be; each part's by id.
    pub fn heads_to_join(&self) -> Vec<Vec<Index>> {
        let heads = self.effective_heads();
        let unmeant = |head: &Index| {
            let id = &self.revisions[*head].identifiers.revision;
            !self.is_labelled(*head) && self.find(id) == Some(*head)
        };
        self.components()
            .into_iter()
            .map(|part| {
                let own = heads.iter().filter(|head| part.contains(head));
                own.copied().filter(unmeant).collect::<Vec<Index>>()
            })
            .filter(|heads| heads.len() > 1)
            .collect()
    }

    /// The parts of the graph that nothing connects, each sorted, in the order of their least members.
    pub fn components(&self) -> Vec<Vec<Index>> {
        let count = self.revisions.len();
        let mut beside: Vec<Vec<Index>> = vec![Vec::new(); count];
        for index in 0..count {
            for parent in self.above(index) {
                beside[index].push(parent);
                beside[parent].push(index);
            }
        }
        let mut seen = vec![false; count];
        let mut components = Vec::new();
        for start in 0..count {
            let mut component = BTreeSet::new();
            let mut todo = vec![start];
            while let Some(index) = todo.pop() {
                if !seen[index] {
                    seen[index] = true;
                    component.insert(index);
                    todo.extend(&beside[index]);
                }
            }
            if !component.is_empty() {
                components.push(component.into_iter().collect());
            }
        }
        components
    }

    fn sorted(&self, indexes: impl Iterator<Item = Index>) -> Vec<Index> {
        let mut indexes: Vec<Index> = indexes.collect();
        indexes.sort_by_key(|index| (self.revisions[*index].identifiers.revision.as_str(), *index));
        indexes
    }

    /// The linear order: parents first, every revision once.
    pub fn order(&self) -> &[Index] {
        &self.order
    }

    /// What is wrong with the graph, sorted.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// These revisions and all that they stand on, by `down_revision` and `depends_on`.
    pub fn ancestors_of(&self, heads: impl IntoIterator<Item = Index>) -> BTreeSet<Index> {
        let mut found = BTreeSet::new();
        let mut todo: Vec<Index> = heads.into_iter().collect();
        while let Some(index) = todo.pop() {
            if index < self.revisions.len() && found.insert(index) {
                todo.extend(self.above(index));
            }
        }
        found
    }

    /// The revisions that do not stand on all those before them in the linear order: another head is there beside them.
    pub fn beside_others(&self) -> BTreeSet<Index> {
        let mut heads = BTreeSet::new();
        let is_beside = |index: &Index| {
            for parent in self.above(*index) {
                heads.remove(&parent);
            }
            heads.insert(*index);
            heads.len() > 1
        };
        self.order.iter().copied().filter(is_beside).collect()
    }

    /// The revisions that a user means by a name (`start-after`, `--revision`): an id or its beginning, a branch label,
    /// `label@head`, `head`, `heads`, `base`; none where nothing is meant.
    pub fn named_by_user(&self, name: &str) -> Vec<Index> {
        match name {
            "head" | "heads" => self.heads(),
            "base" => self.bases(),
            _ => self
                .target(name, usize::MAX, &self.labels())
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
