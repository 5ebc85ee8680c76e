//! Which batches are looked at when. A look asks for the runs of all rows that have begun, which can be thousands that wait for people: so
//! batches of which nothing tells that there is something to do are left alone for some passes. What a look does is in `advance`.

use std::collections::{HashMap, HashSet};

use engine::ids::{BatchId, MemberId, RunId, WorkflowId};
use uuid::Uuid;

use super::advance::take_further;
use crate::{Result, Scope, Store};

/// Passes that leave a batch alone at most whose rows wait for room: a run may have come to wait for a person, which nothing tells.
const LONGEST_FOR_ROOM: u32 = 3;
/// Passes that leave another one alone at most: what tells of the ends of runs may be lost.
const LONGEST: u32 = 39;

/// What a process remembers of the batches between two passes.
#[derive(Default)]
pub struct Feeder {
    known: HashMap<BatchId, Known>,
}

struct Known {
    signs: Signs,
    /// Looks in a row that changed nothing.
    calm: u32,
    /// Passes that still leave it alone.
    rests: u32,
}

/// A batch that is not over.
pub(super) struct Open {
    pub(super) id: BatchId,
    pub(super) workflow: WorkflowId,
    pub(super) scope: Scope,
    pub(super) signs: Signs,
}

/// What there may be to do, as far as it is known without a look at runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Signs {
    /// Rows have not begun, and may.
    pub(super) begins: bool,
    /// Rows are to be tried again.
    pub(super) retries: bool,
    /// Runs that have begun are to be stopped.
    pub(super) stops_runs: bool,
}

impl Signs {
    /// Passes that leave the batch alone after so many looks that changed nothing.
    fn rests(self, calm: u32) -> u32 {
        let longest = if self.stops_runs {
            0
        } else if self.begins || self.retries {
            LONGEST_FOR_ROOM
        } else {
            LONGEST
        };
        ((1_u32 << calm.min(6)) - 1).min(longest)
    }
}

impl Feeder {
    /// Takes batches a bit further; whether one of them is under way. `over`: runs that have ended since the pass before, as far as that is
    /// known. A batch that cannot be taken further is told, and keeps no other from it.
    pub async fn pass(&mut self, store: &Store, over: &[RunId]) -> Result<bool> {
        // What is not put back is looked at in the next pass, as everything is after an error.
        let mut before = std::mem::take(&mut self.known);
        let open = sqlx::query!(
            r#"select b.id, b.workspace_id, b.workflow_id, b.created_by, b.stop_runs, (b.state = 'running') as "is_running!",
                      (b.state = 'running' and w.state = 'live' and w.deleted_at is null
                       and exists (select from batch_row r where r.batch_id = b.id and r.state = 'ready')) as "begins!",
                      (b.state = 'running' and exists (select from batch_row r where r.batch_id = b.id and r.retry)) as "retries!"
               from batch b join workflow w on w.id = b.workflow_id
               where b.state <> 'finished' and (b.state = 'running' or b.stop_runs
                     or exists (select from batch_row r where r.batch_id = b.id and r.state = 'begun'))
               order by b.id"#
        )
        .fetch_all(&store.pool)
        .await?;
        if open.is_empty() {
            return Ok(false);
        }
        let touched = batches_of(store, over).await?;
        let mut is_under_way = false;
        for row in open {
            let open = Open {
                id: row.id.into(),
                workflow: row.workflow_id.into(),
                scope: Scope::new(row.workspace_id.into(), row.created_by.map(MemberId::from)),
                signs: Signs {
                    begins: row.begins,
                    retries: row.retries,
                    stops_runs: row.stop_runs,
                },
            };
            is_under_way |= row.is_running || row.stop_runs;
            let mut calm = 0;
            if let Some(known) = before.remove(&open.id)
                && known.signs == open.signs
                && !touched.contains(&open.id)
            {
                if let Some(rests) = known.rests.checked_sub(1) {
                    self.known.insert(open.id, Known { rests, ..known });
                    continue;
                }
                calm = known.calm;
            }
            match take_further(store, &open).await {
                Ok(has_changed) => {
                    let calm = if has_changed { 0 } else { calm + 1 };
                    let known = Known {
                        signs: open.signs,
                        calm,
                        rests: open.signs.rests(calm),
                    };
                    self.known.insert(open.id, known);
                }
                Err(error) => {
                    tracing::error!(batch.id = %open.id, %error, "a batch could not be taken further; it is tried again");
                }
            }
        }
        Ok(is_under_way)
    }
}

/// The batches whose rows these runs are.
async fn batches_of(store: &Store, runs: &[RunId]) -> Result<HashSet<BatchId>> {
    if runs.is_empty() {
        return Ok(HashSet::new());
    }
    let runs: Vec<Uuid> = runs.iter().map(|run| run.as_uuid()).collect();
    let batches = sqlx::query_scalar!(
        "select distinct batch_id from batch_row where run_id = any($1) and state = 'begun'",
        &runs,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(batches.into_iter().map(BatchId::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_as_it_is_is_looked_at_less_and_less() {
        let check = |begins, stops_runs, expected: [u32; 7]| {
            let signs = Signs {
                begins,
                retries: false,
                stops_runs,
            };
            assert_eq!(
                [0, 1, 2, 3, 5, 6, 1_000_000].map(|calm| signs.rests(calm)),
                expected
            );
        };
        check(false, false, [0, 1, 3, 7, 31, 39, 39]);
        check(true, false, [0, 1, 3, 3, 3, 3, 3]);
        check(true, true, [0; 7]);
    }
}
