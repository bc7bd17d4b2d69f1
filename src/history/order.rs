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

/// The way down.
struct Walk<'a> {
    graph: &'a Graph,
    /// The length of each revision's longest way down to a base: it is higher than all that it stands on.
    heights: Vec<usize>,
    /// Where each line is, and what stands above that.
    heads: Vec<Index>,
    above: Vec<Ancestors>,
    looks: usize,
}

/// More than [`LOOKS`].
struct TooLong;

impl Graph {
    /// Alembic's order; none where the walk takes too long. The graph is one that Alembic takes, `sorted` has parents first.
    pub(super) fn as_alembic_runs(&self, sorted: &[Index]) -> Option<Vec<Index>> {
        let mut walk = Walk::new(self, sorted);
        let mut met = vec![false; self.revisions.len()];
        let mut order = Vec::with_capacity(sorted.len());
        let mut at = 0;
        while let Some(candidate) = walk.heads.get(at).copied() {
            if let Some(other) = walk.behind(at).ok()? {
                at = other;
                continue;
            }
            if !std::mem::replace(&mut met[candidate], true) {
                order.push(candidate);
            }
            if !walk.go_down(at, &met).ok()? {
                walk.heads.remove(at);
                walk.above.remove(at);
                at = at.saturating_sub(1);
            }
        }
        order.reverse();
        (order.len() == sorted.len()).then_some(order)
    }
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, sorted: &[Index]) -> Self {
        let mut heights = vec![0; graph.revisions.len()];
        for index in sorted {
            let below = graph.above(*index).map(|parent| heights[parent] + 1).max();
            heights[*index] = below.unwrap_or(0);
        }
        let mut heads = graph.effective_heads();
        heads.sort_unstable();
        let mut walk = Self {
            graph,
            heights,
            heads: Vec::new(),
            above: Vec::new(),
            looks: 0,
        };
        for head in heads {
            walk.begin_line(head);
        }
        walk
    }

    fn ancestors(&self, head: Index) -> Ancestors {
        Ancestors {
            found: FxHashSet::from_iter([head]),
            edge: BinaryHeap::from([(self.heights[head], head)]),
        }
    }

    fn begin_line(&mut self, head: Index) {
        self.above.push(self.ancestors(head));
        self.heads.push(head);
    }

    fn look(&mut self) -> Result<(), TooLong> {
        self.looks += 1;
        if self.looks > LOOKS {
            return Err(TooLong);
        }
        Ok(())
    }

    /// The first other line that stands on where this one is.
    fn behind(&mut self, at: usize) -> Result<Option<usize>, TooLong> {
        for other in (0..self.heads.len()).filter(|other| *other != at) {
            if self.stands_on(other, self.heads[at])? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    /// Whether a line's head is a revision, or stands on it.
    fn stands_on(&mut self, line: usize, wanted: Index) -> Result<bool, TooLong> {
        self.look()?;
        while let Some((height, next)) = self.above[line].edge.peek().copied()
            && height > self.heights[wanted]
        {
            let graph = self.graph;
            self.above[line].edge.pop();
            for parent in graph.above(next) {
                self.look()?;
                let height = self.heights[parent];
                let above = &mut self.above[line];
                if above.found.insert(parent) {
                    above.edge.push((height, parent));
                }
            }
        }
        Ok(self.above[line].found.contains(&wanted))
    }

    /// Goes on with the parents of where a line is that were not met yet: the first continues it, others begin lines. Whether
    /// there was one.
    fn go_down(&mut self, at: usize, met: &[bool]) -> Result<bool, TooLong> {
        let index = self.heads[at];
        let needed = self.needed_dependencies(index)?;
        let mut parents = self.graph.parents[index].clone();
        let is_line = needed.is_empty() && parents.len() == 1;
        parents.extend(needed);
        parents.retain(|parent| !met[*parent] && !self.heads.contains(parent));
        let mut parents = parents.into_iter();
        let Some(first) = parents.next() else {
            return Ok(false);
        };
        self.heads[at] = first;
        // what stands above the one parent is what stood above its child
        if !is_line {
            self.above[at] = self.ancestors(first);
        }
        parents.for_each(|parent| self.begin_line(parent));
        Ok(true)
    }

    /// The dependencies of a revision that none of those before it has.
    fn needed_dependencies(&mut self, index: Index) -> Result<Vec<Index>, TooLong> {
        let graph = self.graph;
        let mut needed = graph.dependencies[index].clone();
        let mut todo = graph.parents[index].clone();
        let mut seen = FxHashSet::default();
        while !needed.is_empty()
            && let Some(next) = todo.pop()
        {
            self.look()?;
            if seen.insert(next) {
                needed.retain(|one| !graph.dependencies[next].contains(one));
                todo.extend(&graph.parents[next]);
            }
        }
        Ok(needed)
    }
}
