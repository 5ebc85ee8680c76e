//! The numbers of a commit: drawn for the steps that ask for them, used when their runs succeed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use engine::ids::RunId;
use sqlx::PgConnection;

use super::{Segment, Writes};
use crate::{
    Result,
    series::{self, Draw},
};

/// Draws the numbers that steps ask for and puts them into what the steps put out.
pub(super) async fn draw_numbers(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &mut BTreeMap<RunId, Arc<Writes>>,
) -> Result<()> {
    let draws: Vec<Draw<'_>> = writes
        .iter()
        .filter_map(|(run, writes)| Some((*run, segments.get(run)?.scope.workspace(), writes)))
        .flat_map(|(run, workspace, writes)| {
            writes.numbers.iter().map(move |number| Draw {
                workspace,
                run,
                node: &number.node,
                item_path: &number.item_path,
                request: number.request,
            })
        })
        .collect();
    if draws.is_empty() {
        return Ok(());
    }
    let drawn = series::draw(connection, &draws).await?;
    let drawn: Vec<_> = draws
        .iter()
        .map(|draw| (draw.run, draw.node.to_owned(), draw.item_path.to_owned()))
        .zip(drawn)
        .collect();
    for ((run, node, item_path), number) in drawn {
        // Should the commit be tried again, the segment itself has no number yet.
        let steps = writes
            .get_mut(&run)
            .map(|writes| &mut Arc::make_mut(writes).steps);
        let step = steps.into_iter().flatten().find(|step| {
            step.node == node && step.item_path == item_path && step.state == "succeeded"
        });
        if let Some(step) = step {
            step.output = Some(Arc::new(number));
            step.large = None;
        }
    }
    Ok(())
}

pub(super) async fn use_numbers(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<()> {
    let succeeded: Vec<RunId> = writes
        .iter()
        .filter(|(run, writes)| {
            let draws = segments.get(run).is_some_and(|known| known.draws_numbers);
            draws
                && writes
                    .run
                    .as_ref()
                    .is_some_and(|run| run.state == "succeeded")
        })
        .map(|(run, _)| *run)
        .collect();
    if succeeded.is_empty() {
        return Ok(());
    }
    series::use_numbers(connection, &succeeded).await
}
