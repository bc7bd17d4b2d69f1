//! Names of revisions as Alembic understands them: ids, their beginnings, branch labels, `label@head`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Graph, Index, Problem};

/// Why a name means no single revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    Missing,
    Ambiguous,
}

impl Unresolved {
    pub(super) fn of(self, child: Index, parent: String, dependency: bool) -> Problem {
        match self {
            Self::Missing => Problem::MissingParent {
                child,
                parent,
                dependency,
            },
            Self::Ambiguous => Problem::Ambiguous { child, parent },
        }
    }
}

/// Branch labels: the revision that bears one, and all of its branch.
pub(super) struct Labels(BTreeMap<String, (Index, BTreeSet<Index>)>);

impl Labels {
    /// Whether any label belongs to a revision.
    pub(super) fn hold(&self, index: Index) -> bool {
        self.0.values().any(|(_, branch)| branch.contains(&index))
    }
}

impl Graph {
    /// The revision of an id, or of the only id of four characters or more that begins with it.
    pub(super) fn named(&self, name: &str) -> Result<Index, Unresolved> {
        if let Some(index) = self.by_id.get(name) {
            return Ok(*index);
        }
        if name.is_empty() {
            return Err(Unresolved::Missing);
        }
        let mut found = self
            .by_id
            .range(name.to_owned()..)
            .take_while(|(id, _)| id.starts_with(name))
            .filter(|(id, _)| id.len() > 3)
            .map(|(_, index)| *index);
        match (found.next(), found.next()) {
            (Some(index), None) => Ok(index),
            (Some(_), Some(_)) => Err(Unresolved::Ambiguous),
            (None, _) => Err(Unresolved::Missing),
        }
    }

    /// Labels with their branches: a label belongs to its revision, to all after it, and to those before it up to the
    /// point where the branch begins.
    pub(super) fn labels(&self) -> Labels {
        let mut labels = BTreeMap::new();
        for (index, revision) in self.revisions.iter().enumerate() {
            let own = &revision.identifiers;
            // a label that is not known is one all the same; nothing can name it
            let unknown = own
                .branch_labels_computed
                .then(|| format!("{}{}", crate::unknown::HOLE, own.revision));
            for label in own.branch_labels.iter().chain(&unknown) {
                let mut branch = BTreeSet::new();
                let mut todo = vec![index];
                while let Some(member) = todo.pop() {
                    if branch.insert(member) {
                        todo.extend(&self.children[member]);
                    }
                }
                let mut above = index;
                while let [parent] = self.parents[above].as_slice() {
                    if self.children[*parent].len() > 1
                        || self.is_merge(*parent)
                        || !branch.insert(*parent)
                    {
                        break;
                    }
                    above = *parent;
                }
                labels.entry(label.clone()).or_insert((index, branch));
            }
        }
        Labels(labels)
    }

    /// What a name in `depends_on` means; `child` is the revision that says so.
    pub(super) fn target(
        &self,
        name: &str,
        child: Index,
        labels: &Labels,
    ) -> Result<Vec<Index>, Unresolved> {
        if let Some((label, symbol)) = name.split_once('@') {
            let (_, branch) = labels.0.get(label).ok_or(Unresolved::Missing)?;
            return match symbol {
                "head" | "heads" => Ok(self.heads_of(branch, child)),
                "base" => Ok(self.sorted(branch.iter().copied().filter(|index| {
                    self.parents[*index]
                        .iter()
                        .all(|parent| !branch.contains(parent))
                }))),
                id => {
                    let index = self.named(id)?;
                    if branch.contains(&index) {
                        Ok(vec![index])
                    } else {
                        Err(Unresolved::Missing)
                    }
                }
            };
        }
        match self.named(name) {
            Ok(index) => Ok(vec![index]),
            Err(Unresolved::Missing) => match labels.0.get(name) {
                Some((index, _)) => Ok(vec![*index]),
                None => Err(Unresolved::Missing),
            },
            Err(ambiguous) => Err(ambiguous),
        }
    }

    /// Members of a branch that none of it follows; the asking revision itself aside.
    fn heads_of(&self, branch: &BTreeSet<Index>, child: Index) -> Vec<Index> {
        self.sorted(branch.iter().copied().filter(|index| {
            *index != child
                && self.children[*index]
                    .iter()
                    .all(|next| !branch.contains(next) || *next == child)
        }))
    }
}
