//! How a run stands, and waiting until it is so far.

use std::time::Duration;

use engine::{ids::RunId, node::Answer};
use serde::Serialize;
use serde_json::Value as Json;
use tokio::sync::oneshot;

use crate::{Result, Scope, Store, StoreError, answer};

/// How often those who wait for a run are looked up, all of them in one query.
const WAIT_POLL: Duration = Duration::from_millis(100);

/// How a run stands, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub state: String,
    pub finished: bool,
    pub error: Option<Json>,
}

/// How a run stands.
pub async fn standing(store: &Store, scope: &Scope, run: RunId) -> Result<Standing> {
    let row = sqlx::query!(
        r#"select state, error, (finished_at is not null) as "finished!" from run where id = $1 and workspace_id = $2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    Ok(Standing {
        state: row.state,
        finished: row.finished,
        error: row.error,
    })
}

/// How far a caller waits for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Finished,
    /// A step has answered, or the run is over.
    Answered,
}

/// What a wait ended with.
#[derive(Debug)]
pub(crate) enum Reached {
    Over,
    Answered(Option<Answer>),
}

/// Somebody who waits for a run, from before it was accepted.
pub struct Watch(oneshot::Receiver<Reached>);

/// Begins to wait for a run that is about to be accepted: nothing of it is missed.
pub fn watch(store: &Store, run: RunId, until: Until) -> Watch {
    Watch(store.events.reached(run, until))
}

/// How a wait ended.
#[derive(Debug)]
pub enum Waited {
    /// The run is that far; what a step answered, if that came along.
    Reached(Option<Answer>),
    TooLong,
}

/// Waits until the run is that far, at most `limit`. Woken in process or by a notification; one query every 100 ms for all who wait is
/// the truth.
pub async fn wait_on(store: &Store, watch: Watch, limit: Duration) -> Waited {
    let Watch(mut reached) = watch;
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        tokio::select! {
            biased;
            reached = &mut reached => return match reached {
                Ok(Reached::Answered(answer)) => Waited::Reached(answer),
                Ok(Reached::Over) | Err(_) => Waited::Reached(None),
            },
            () = tokio::time::sleep_until(deadline) => return Waited::TooLong,
            () = tokio::time::sleep(WAIT_POLL) => {
                if let Err(error) = wake_reached(store).await {
                    tracing::warn!(%error, "runs that are waited for could not be looked up");
                }
            }
        }
    }
}

/// Waits for a run that may be that far already.
pub async fn wait(
    store: &Store,
    scope: &Scope,
    run: RunId,
    until: Until,
    limit: Duration,
) -> Result<()> {
    if limit.is_zero() {
        return Ok(());
    }
    let watch = watch(store, run, until);
    let answered = match until {
        Until::Finished => false,
        Until::Answered => answer::of_run(store, scope, run).await?.is_some(),
    };
    if !answered && !standing(store, scope, run).await?.finished {
        wait_on(store, watch, limit).await;
    }
    Ok(())
}

/// One query for all who wait in this process; whoever comes first asks for everybody.
async fn wake_reached(store: &Store) -> Result<()> {
    if !store.events.may_poll(WAIT_POLL) {
        return Ok(());
    }
    let awaited: Vec<_> = store
        .events
        .awaited()
        .into_iter()
        .map(RunId::as_uuid)
        .collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let reached = sqlx::query!(
        r#"select id as "id!", true as "over!" from run where id = any($1) and finished_at is not null
           union all select run_id, false from answer where run_id = any($1)"#,
        &awaited
    )
    .fetch_all(&store.hot)
    .await?;
    for row in reached {
        if row.over {
            store.events.over(row.id.into());
        } else {
            store.events.answered(row.id.into(), None);
        }
    }
    Ok(())
}
