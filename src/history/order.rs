//! The linear order in which `alembic upgrade heads` runs revisions.
//!
//! Alembic walks from the heads down (`RevisionMap._topological_sort`, 1.20.1) and runs what it met in reverse: along one line as
//! long as no other head stands on where it is, then along that other. Heads are taken in the order of their files. So where
//! branches are independent, one is run whole before the next begins.

use std::collections::BinaryHeap;

use rustc_hash::FxHashSet;

use super::{Graph, Index};

/// So many looks at a revision may the walk take; a graph of more heads and merges than that is ordered by its ids.
const LOOKS: usize = 2_000_000;

/// What stands above a head, found as far down as was asked.
struct Ancestors {
    found: FxHashSet<Index>,
    /// Found and not yet looked behind, the highest first.
    edge: BinaryHeap<(usize, Index)>,
}

impl Ancestors {
    fn of(head: Index, heights: &[usize]) -> Self {
        Self {
            found: FxHashSet::from_iter([head]),
            edge: BinaryHeap::from([(heights[head], head)]),
        }
    }

    /// Whether a revision is the head or above it; counts the looks that it takes.
    fn contains(
        &mut self,
        graph: &Graph,
        heights: &[usize],
        wanted: Index,
        looks: &mut usize,
    ) -> bool {
        *looks += 1;
        // a revision is higher than all that it stands on
        while let Some((height, next)) = self.edge.peek().copied()
            && height > heights[wanted]
        {
            self.edge.pop();
            for parent in graph.above(next) {
                *looks += 1;
                if self.found.insert(parent) {
                    self.edge.push((heights[parent], parent));
                }
            }
        }
        self.found.contains(&wanted)
    }
}

impl Graph {
    /// Alembic's order; none where the graph is one that Alembic refuses, or the walk takes too long. `sorted` has parents first.
    pub(super) fn as_alembic_runs(&self, sorted: &[Index]) -> Option<Vec<Index>> {
        let heights = self.heights(sorted);
        let mut heads = self.effective_heads();
        heads.sort_unstable();
        let mut above: Vec<Ancestors> = heads
            .iter()
            .map(|head| Ancestors::of(*head, &heights))
            .collect();
        let mut met = vec![false; self.revisions.len()];
        let mut order = Vec::with_capacity(sorted.len());
        let (mut at, mut looks) = (0, 0);
        while let Some(candidate) = heads.get(at).copied() {
            let mut behind = None;
            for other in (0..heads.len()).filter(|other| *other != at) {
                if looks > LOOKS {
                    return None;
                }
                if above[other].contains(self, &heights, candidate, &mut looks) {
                    behind = Some(other);
                    break;
                }
            }
            if let Some(other) = behind {
                at = other;
                continue;
            }
            if !std::mem::replace(&mut met[candidate], true) {
                order.push(candidate);
            }
            let needed = self.needed_dependencies(candidate, &mut looks);
            let is_line = needed.is_empty() && self.parents[candidate].len() == 1;
            let mut parents = self.parents[candidate].clone();
            parents.extend(needed);
            parents.retain(|parent| !met[*parent] && !heads.contains(parent));
            let mut parents = parents.into_iter();
            let Some(first) = parents.next() else {
                heads.remove(at);
                above.remove(at);
                at = at.saturating_sub(1);
                continue;
            };
            heads[at] = first;
            if !is_line {
                above[at] = Ancestors::of(first, &heights);
            }
            for parent in parents {
                heads.push(parent);
                above.push(Ancestors::of(parent, &heights));
            }
        }
        order.reverse();
        (order.len() == sorted.len()).then_some(order)
    }

    /// The length of the longest way down to a base.
    fn heights(&self, sorted: &[Index]) -> Vec<usize> {
        let mut heights = vec![0; self.revisions.len()];
        for index in sorted {
            let below = self.above(*index).map(|parent| heights[parent] + 1).max();
            heights[*index] = below.unwrap_or(0);
        }
        heights
    }

    /// The dependencies of a revision that none of those before it has.
    fn needed_dependencies(&self, index: Index, looks: &mut usize) -> Vec<Index> {
        let mut needed = self.dependencies[index].clone();
        let mut todo = self.parents[index].clone();
        let mut seen = FxHashSet::default();
        while !needed.is_empty()
            && let Some(next) = todo.pop()
        {
            *looks += 1;
            if seen.insert(next) {
                needed.retain(|one| !self.dependencies[next].contains(one));
                todo.extend(&self.parents[next]);
            }
        }
        needed
    }
}
