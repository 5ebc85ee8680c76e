//! Order, cycles, ancestors and certainty over node indexes; it knows nothing of documents or node types.

/// What an edge tells of the node it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// It has succeeded and put something out.
    Output,
    /// It has failed.
    Error,
    /// It has succeeded and put nothing out.
    Nothing,
}

/// One edge between node indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arc {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) carries: Carries,
    /// Fires whenever `from` succeeds: it is the only way out.
    pub(super) always: bool,
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
    /// Everything that an edge path leads from.
    pub(super) before: Set,
    /// Of these the ones that have ended when the node runs, and so can be read.
    pub(super) ancestors: Set,
    /// Ancestors that have certainly succeeded, and put something out, when the node runs.
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

impl Knowledge {
    fn nothing(size: usize) -> Self {
        Self {
            before: Set::empty(size),
            ancestors: Set::empty(size),
            succeeded: Set::empty(size),
            failed: Set::empty(size),
        }
    }
}

/// What matters of one node for what others know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// The container it lies in: what nothing leads to there begins with the container.
    pub(super) container: Option<usize>,
    /// It goes on with the first edge that fires.
    pub(super) first: bool,
    /// Its failures, or what it ends with empty-handed, leave by a way of their own, so that whoever comes after it cannot count on
    /// its output.
    pub(super) branches_off: bool,
}

/// What each node knows; `order` is topological.
pub(super) fn knowledge(
    size: usize,
    arcs: &[Arc],
    order: &[usize],
    facts: &[Facts],
) -> Vec<Knowledge> {
    let mut all: Vec<Knowledge> = (0..size).map(|_| Knowledge::nothing(size)).collect();
    let mut incoming = vec![Vec::new(); size];
    let mut outgoing = vec![Vec::new(); size];
    for arc in arcs {
        incoming[arc.to].push(*arc);
        outgoing[arc.from].push(*arc);
    }
    for &index in order {
        if incoming[index].is_empty() {
            if let Some(container) = facts[index].container {
                all[index] = all[container].clone();
            }
            continue;
        }
        let mut known = agreed(&all, &incoming[index], facts[index].first);
        if !facts[index].first {
            follow(&mut known, &outgoing, order, facts);
        }
        all[index] = known;
    }
    all
}

/// What can be counted on when the whole inside of a container has ended; `last` are the ways that lead nowhere there.
pub(super) fn at_end(
    all: &[Knowledge],
    container: usize,
    last: &[Arc],
    arcs: &[Arc],
    order: &[usize],
    facts: &[Facts],
) -> Knowledge {
    if last.is_empty() {
        return all[container].clone();
    }
    let mut outgoing = vec![Vec::new(); all.len()];
    for arc in arcs {
        outgoing[arc.from].push(*arc);
    }
    let mut known = agreed(all, last, false);
    follow(&mut known, &outgoing, order, facts);
    known
}

/// A node runs when at least one edge into it fired, so it counts on what all its edges agree on. One that goes on with the first of
/// them can only read what lies before every one: the others may be anywhere.
fn agreed(all: &[Knowledge], incoming: &[Arc], first: bool) -> Knowledge {
    let size = all.len();
    let mut known = Knowledge {
        before: Set::empty(size),
        ancestors: if first {
            Set::full(size)
        } else {
            Set::empty(size)
        },
        succeeded: Set::full(size),
        failed: Set::full(size),
    };
    for arc in incoming {
        let before = &all[arc.from];
        let mut ancestors = before.ancestors.clone();
        ancestors.insert(arc.from);
        known.before.unite(&before.before);
        known.before.insert(arc.from);
        if first {
            known.ancestors.intersect(&ancestors);
        } else {
            known.ancestors.unite(&ancestors);
        }
        let mut succeeded = before.succeeded.clone();
        let mut failed = before.failed.clone();
        match arc.carries {
            Carries::Output => succeeded.insert(arc.from),
            Carries::Error => failed.insert(arc.from),
            Carries::Nothing => {}
        }
        known.succeeded.intersect(&succeeded);
        known.failed.intersect(&failed);
    }
    known
}

/// What certainly succeeded went on by its only way, and where that leads has ended too, since everything before a node has: parallel
/// ways that meet again can both be counted on.
fn follow(known: &mut Knowledge, outgoing: &[Vec<Arc>], order: &[usize], facts: &[Facts]) {
    for &index in order {
        if !known.succeeded.contains(index) {
            continue;
        }
        for arc in &outgoing[index] {
            if arc.always && known.ancestors.contains(arc.to) && !facts[arc.to].branches_off {
                known.succeeded.insert(arc.to);
            }
        }
    }
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
                carries: Carries::Output,
                always: false,
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

    fn known(arcs: &[Arc], facts: &[Facts]) -> Vec<Knowledge> {
        let order = order(facts.len(), arcs).expect("no cycle");
        knowledge(facts.len(), arcs, &order, facts)
    }

    #[test]
    fn a_join_counts_only_on_what_both_ways_agree_on() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3
        let all = known(
            &arcs(&[(0, 1), (0, 2), (1, 3), (2, 3)]),
            &[Facts::default(); 4],
        );
        assert!(all[3].succeeded.contains(0));
        assert!(!all[3].succeeded.contains(1));
        assert!(all[3].ancestors.contains(1));
        assert!(!all[1].ancestors.contains(2));
    }

    #[test]
    fn nothing_can_be_read_of_a_node_on_its_empty_way() {
        // 0 -> 1, from there -> 2 by the way that carries something, -> 3 by the other, and both meet in 4.
        let mut arcs = arcs(&[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)]);
        arcs[0].always = true;
        arcs[2].carries = Carries::Nothing;
        let mut facts = [Facts::default(); 5];
        facts[1].branches_off = true;
        let all = known(&arcs, &facts);
        assert!(all[2].succeeded.contains(1));
        for reader in [3, 4] {
            assert!(all[reader].ancestors.contains(1));
            assert!(!all[reader].succeeded.contains(1) && !all[reader].failed.contains(1));
        }
    }

    #[test]
    fn a_join_counts_on_both_of_two_ways_that_always_run() {
        let mut arcs = arcs(&[(0, 1), (0, 2), (1, 3), (2, 3)]);
        for arc in &mut arcs {
            arc.always = true;
        }
        let mut facts = [Facts::default(); 4];
        let all = known(&arcs, &facts);
        assert!(all[3].succeeded.contains(1) && all[3].succeeded.contains(2));
        // A failure of 2 may have left by another way.
        facts[2].branches_off = true;
        let all = known(&arcs, &facts);
        assert!(all[3].succeeded.contains(1) && !all[3].succeeded.contains(2));
    }

    #[test]
    fn who_goes_on_with_the_first_way_reads_only_what_lies_before_all() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3 -> 4
        let mut arcs = arcs(&[(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]);
        for arc in &mut arcs {
            arc.always = true;
        }
        let mut facts = [Facts::default(); 5];
        facts[3].first = true;
        let all = known(&arcs, &facts);
        for reader in [3, 4] {
            assert!(all[reader].succeeded.contains(0));
            assert!(!all[reader].ancestors.contains(1));
            assert!(!all[reader].ancestors.contains(2));
        }
        assert!(all[4].succeeded.contains(3));
    }
}
