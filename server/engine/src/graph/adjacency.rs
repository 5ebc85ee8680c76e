//! Order, cycles, ancestors and certainty over node indexes; it knows nothing of documents or node types.

/// One edge between node indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arc {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Fires when `from` failed instead of when it succeeded.
    pub(super) on_failure: bool,
}

/// A set of node indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set(Vec<u64>);

impl Set {
    pub(super) fn empty(size: usize) -> Self {
        Self(vec![0; size.div_ceil(64)])
    }
    fn full(size: usize) -> Self {
        Self(vec![u64::MAX; size.div_ceil(64)])
    }
    pub(super) fn insert(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }
    pub(super) fn contains(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word & (1 << (index % 64)) != 0)
    }
    fn unite(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }
    fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }
}

/// What one node may count on about the others.
#[derive(Clone, Debug)]
pub(super) struct Knowledge {
    pub(super) ancestors: Set,
    /// Ancestors that have certainly succeeded when the node runs.
    pub(super) succeeded: Set,
    /// Ancestors that have certainly failed into their `error` way when the node runs.
    pub(super) failed: Set,
}

/// Topological order, ties in index order; or, when there is none, one cycle in edge order.
pub(super) fn order(size: usize, arcs: &[Arc]) -> Result<Vec<usize>, Vec<usize>> {
    let mut waiting = vec![0_usize; size];
    let mut next = vec![Vec::new(); size];
    for arc in arcs {
        waiting[arc.to] += 1;
        next[arc.from].push(arc.to);
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..size).filter(|&index| waiting[index] == 0).collect();
    let mut order = Vec::with_capacity(size);
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for &to in &next[index] {
            waiting[to] -= 1;
            if waiting[to] == 0 {
                ready.insert(to);
            }
        }
    }
    if order.len() == size {
        return Ok(order);
    }
    // Every node left over has a predecessor that is left over, too: walking backwards must meet itself.
    let left: Vec<bool> = waiting.iter().map(|&count| count > 0).collect();
    let start = left.iter().position(|&left| left).unwrap_or(0);
    let mut path = vec![start];
    loop {
        let at = path[path.len() - 1];
        let Some(before) = arcs
            .iter()
            .find(|arc| arc.to == at && left[arc.from])
            .map(|arc| arc.from)
        else {
            return Err(path);
        };
        if let Some(met) = path.iter().position(|&index| index == before) {
            let mut cycle = path.split_off(met);
            cycle.reverse();
            // Begins at the node that comes first in the document.
            let first = cycle
                .iter()
                .enumerate()
                .min_by_key(|(_, index)| **index)
                .map_or(0, |(position, _)| position);
            cycle.rotate_left(first);
            return Err(cycle);
        }
        path.push(before);
    }
}

/// What each node knows; `order` is topological. A node runs when at least one edge into it fired, so it counts on what all its
/// edges agree on.
pub(super) fn knowledge(size: usize, arcs: &[Arc], order: &[usize]) -> Vec<Knowledge> {
    let mut all: Vec<Knowledge> = (0..size)
        .map(|_| Knowledge {
            ancestors: Set::empty(size),
            succeeded: Set::empty(size),
            failed: Set::empty(size),
        })
        .collect();
    let mut incoming = vec![Vec::new(); size];
    for arc in arcs {
        incoming[arc.to].push(*arc);
    }
    for &index in order {
        if incoming[index].is_empty() {
            continue;
        }
        let mut ancestors = Set::empty(size);
        let mut succeeded = Set::full(size);
        let mut failed = Set::full(size);
        for arc in &incoming[index] {
            let before = &all[arc.from];
            ancestors.unite(&before.ancestors);
            ancestors.insert(arc.from);
            let mut certain = before.succeeded.clone();
            let mut certainly_failed = before.failed.clone();
            if arc.on_failure {
                certainly_failed.insert(arc.from);
            } else {
                certain.insert(arc.from);
            }
            succeeded.intersect(&certain);
            failed.intersect(&certainly_failed);
        }
        all[index] = Knowledge {
            ancestors,
            succeeded,
            failed,
        };
    }
    all
}

/// Nodes that an edge path joins to one of `starts`, these included.
pub(super) fn reachable(size: usize, arcs: &[Arc], starts: impl Iterator<Item = usize>) -> Set {
    let mut reached = Set::empty(size);
    let mut next: Vec<usize> = starts.collect();
    while let Some(index) = next.pop() {
        if !reached.contains(index) {
            reached.insert(index);
            next.extend(
                arcs.iter()
                    .filter(|arc| arc.from == index)
                    .map(|arc| arc.to),
            );
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arcs(pairs: &[(usize, usize)]) -> Vec<Arc> {
        pairs
            .iter()
            .map(|&(from, to)| Arc {
                from,
                to,
                on_failure: false,
            })
            .collect()
    }

    #[test]
    fn a_cycle_is_named_in_edge_order() {
        assert_eq!(order(3, &arcs(&[(2, 1), (1, 0)])), Ok(vec![2, 1, 0]));
        assert_eq!(
            order(5, &arcs(&[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)])),
            Err(vec![1, 2, 3])
        );
        assert_eq!(order(2, &arcs(&[(0, 1), (1, 1)])), Err(vec![1]));
    }

    #[test]
    fn a_join_counts_only_on_what_both_ways_agree_on() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3
        let arcs = arcs(&[(0, 1), (0, 2), (1, 3), (2, 3)]);
        let order = order(4, &arcs).expect("no cycle");
        let all = knowledge(4, &arcs, &order);
        assert!(all[3].succeeded.contains(0));
        assert!(!all[3].succeeded.contains(1));
        assert!(all[3].ancestors.contains(1));
        assert!(!all[1].ancestors.contains(2));
    }
}
