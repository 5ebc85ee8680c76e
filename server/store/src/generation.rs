//! Requests to models: written inside a segment's commit, claimed by model workers under a fence, ended in one commit that also
//! readies the waiting step. It does not know what a model is.

use std::time::Duration;

use engine::{
    ids::{GenerationId, RunId, WorkerId, WorkspaceId},
    node::{GenerationRequest, GenerationResult, StepError},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Scope, Store, events::Event, queue};

/// A request is given to a worker this often before it counts as the one that kills workers.
pub const MAX_CLAIMS: i32 = 3;

/// A row for a segment's commit.
#[derive(Clone, Debug)]
pub struct New<'a> {
    pub workspace: WorkspaceId,
    pub run: RunId,
    pub node: &'a str,
    pub item_path: &'a str,
    pub attempt: u32,
    /// From claim to result.
    pub timeout_ms: u64,
    /// It fails if the model writes nothing for so long.
    pub heartbeat_ms: Option<u64>,
    /// Higher is served first.
    pub priority: i16,
    pub request: &'a GenerationRequest,
}

/// What a worker works on. Every write through it is conditional on its fence.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: GenerationId,
    pub workspace: WorkspaceId,
    pub run: RunId,
    pub node: String,
    pub item_path: String,
    pub fence: i64,
    pub timeout_ms: u64,
    pub request: GenerationRequest,
}

/// Whether a fenced write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fenced {
    Done,
    /// Stopped, or given to another worker: nothing was written.
    Stale,
}

/// A generation as the run page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Generation {
    pub id: GenerationId,
    pub node: String,
    pub item_path: String,
    pub attempt: i32,
    pub round: i32,
    /// The model that wrote it, else the one it waits for; `null` for any.
    pub model: Option<String>,
    pub state: String,
    pub request: Json,
    pub result: Option<Json>,
    pub error: Option<Json>,
    pub fence: i64,
    /// Requests that will be served before this one, while it is ready.
    pub place: Option<i64>,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub started_at: Option<Timestamp>,
    #[serde(skip)]
    pub finished_at: Option<Timestamp>,
}

/// A piece of text while it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chunk {
    pub fence: i64,
    pub seq: i32,
    pub text: String,
}

/// Stores a request in the caller's transaction. A request that names no model takes the workspace's default.
pub async fn insert(connection: &mut PgConnection, new: New<'_>) -> Result<GenerationId> {
    let id = Uuid::now_v7();
    sqlx::query!(
        r#"insert into generation (id, workspace_id, run_id, node, item_path, attempt, round, model, request, timeout_ms, priority,
                                   heartbeat_ms)
           values ($1, $2, $3, $4, $5, $6, $7,
                   coalesce($8, (select default_model from workspace where workspace.id = $2)), $9::text::json, $10, $11, $12)"#,
        id,
        new.workspace.as_uuid(),
        new.run.as_uuid(),
        new.node,
        new.item_path,
        int(new.attempt),
        int(new.request.round),
        new.request.model,
        // As text: sqlx sends values as jsonb, which forgets the order of a schema's properties.
        serde_json::to_string(new.request)?,
        i64::try_from(new.timeout_ms).unwrap_or(i64::MAX),
        new.priority,
        new.heartbeat_ms
            .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX)),
    )
    .execute(connection)
    .await?;
    Ok(id.into())
}

/// What the step that waited is resumed with; `None` while it is not finished or was cancelled.
pub async fn outcome(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<Option<std::result::Result<GenerationResult, StepError>>> {
    let row = sqlx::query!(
        r#"select state, result, error from generation where run_id = $1 and node = $2 and item_path = $3
           order by attempt desc, round desc limit 1"#,
        run.as_uuid(),
        node,
        item_path,
    )
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) => match (row.result, row.error) {
            (Some(result), _) => Some(Ok(serde_json::from_value(result)?)),
            (None, Some(error)) => Some(Err(serde_json::from_value(error)?)),
            (None, None) => None,
        },
        None => None,
    })
}

/// Withdraws every unfinished request of a run, in the transaction that stops it; returns how many.
pub async fn cancel_for_run(connection: &mut PgConnection, run: RunId) -> Result<u64> {
    let done = sqlx::query!(
        "update generation set state = 'cancelled', lease_owner = null, lease_until = null, finished_at = now()
         where run_id = $1 and state in ('ready', 'running')",
        run.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Withdraws the unfinished requests of one step, when something else ended its wait.
pub async fn cancel_for_step(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<u64> {
    let done = sqlx::query!(
        "update generation set state = 'cancelled', lease_owner = null, lease_until = null, finished_at = now()
         where run_id = $1 and node = $2 and item_path = $3 and state in ('ready', 'running')",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Leases the next request for one of `models`; a lost worker's request comes before new ones. A request that cannot be read, or
/// that lost its worker `MAX_CLAIMS` times, is failed on the way.
pub async fn claim(
    store: &Store,
    worker: WorkerId,
    models: &[String],
    lease_ms: i64,
) -> Result<Option<Claimed>> {
    fail_exhausted(store).await?;
    loop {
        let row = sqlx::query!(
            r#"update generation g
               set state = 'running', lease_owner = $1, lease_until = now() + $3::bigint * interval '1 millisecond',
                   fence = fence + 1, claims = claims + 1, started_at = now()
               where id = (
                   select id from generation
                   where ((state = 'running' and lease_until < now()) or state = 'ready')
                     and (model is null or model = any($2)) and claims < $4
                   order by (state = 'ready'), priority desc, created_at, id
                   limit 1 for update skip locked)
               returning id, workspace_id, run_id, node, item_path, fence, timeout_ms, request"#,
            worker.as_uuid(),
            models,
            lease_ms,
            MAX_CLAIMS,
        )
        .fetch_optional(&store.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let held = Held {
            id: row.id,
            run: row.run_id,
            node: &row.node,
            item_path: &row.item_path,
            fence: row.fence,
        };
        match serde_json::from_value(row.request) {
            Ok(request) => {
                return Ok(Some(Claimed {
                    id: row.id.into(),
                    workspace: row.workspace_id.into(),
                    run: row.run_id.into(),
                    node: row.node,
                    item_path: row.item_path,
                    fence: row.fence,
                    timeout_ms: u64::try_from(row.timeout_ms).unwrap_or(0),
                    request,
                }));
            }
            Err(error) => {
                tracing::error!(%error, "a stored request to a model could not be read");
                let error = StepError::new(
                    "generation_unreadable",
                    "The stored request to the model could not be read. It was made by another version of Formwork. Run the \
                     step again.",
                );
                end(store, &held, &End::Failed(&error)).await?;
            }
        }
    }
}

/// Extends the lease; `Stale` tells the worker to stop at once.
pub async fn renew(store: &Store, claimed: &Claimed, lease_ms: i64) -> Result<Fenced> {
    let done = sqlx::query!(
        "update generation set lease_until = now() + $3::bigint * interval '1 millisecond'
         where id = $1 and fence = $2 and state = 'running'",
        claimed.id.as_uuid(),
        claimed.fence,
        lease_ms,
    )
    .execute(&store.pool)
    .await?;
    Ok(fenced(done.rows_affected()))
}

/// Whether the worker still holds the request; asked while there is no text to append.
pub async fn held(store: &Store, claimed: &Claimed) -> Result<Fenced> {
    let found = sqlx::query_scalar!(
        r#"select count(*) as "count!" from generation where id = $1 and fence = $2 and state = 'running'"#,
        claimed.id.as_uuid(),
        claimed.fence,
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(fenced(u64::try_from(found).unwrap_or(0)))
}

/// Gives the request back unfinished: an orderly stop, which does not count as a lost worker.
pub async fn release(store: &Store, claimed: &Claimed) -> Result<Fenced> {
    let done = sqlx::query!(
        "update generation set state = 'ready', lease_owner = null, lease_until = null, claims = claims - 1
         where id = $1 and fence = $2 and state = 'running'",
        claimed.id.as_uuid(),
        claimed.fence,
    )
    .execute(&store.pool)
    .await?;
    Ok(fenced(done.rows_affected()))
}

/// Appends text for whoever watches and tells them; `seq` counts from 0 within one claim.
pub async fn append_chunk(
    store: &Store,
    claimed: &Claimed,
    seq: i32,
    text: &str,
) -> Result<Fenced> {
    let done = sqlx::query!(
        "insert into generation_chunk (generation_id, fence, seq, text)
         select id, fence, $3, $4 from generation where id = $1 and fence = $2 and state = 'running'
         on conflict do nothing",
        claimed.id.as_uuid(),
        claimed.fence,
        seq,
        text,
    )
    .execute(&store.pool)
    .await?;
    let fenced = fenced(done.rows_affected());
    if fenced == Fenced::Done {
        store.events.publish(Event {
            workspace: claimed.workspace,
            topic: format!("run:{}", claimed.run),
            kind: "generation.text".into(),
            data: serde_json::json!({
                "node": claimed.node, "item_path": claimed.item_path, "generation": claimed.id,
                "fence": claimed.fence, "seq": seq, "text": text,
            }),
        });
    }
    Ok(fenced)
}

/// The text of the newest claim after (`fence`, `seq`); older claims' text is dropped.
pub async fn chunks_after(
    store: &Store,
    scope: &Scope,
    generation: GenerationId,
    fence: i64,
    seq: i32,
) -> Result<Vec<Chunk>> {
    let chunks = sqlx::query_as!(
        Chunk,
        "select chunk.fence, chunk.seq, chunk.text from generation_chunk chunk
         join generation on generation.id = chunk.generation_id and generation.fence = chunk.fence
         where generation.id = $1 and generation.workspace_id = $2
           and (chunk.fence > $3 or (chunk.fence = $3 and chunk.seq > $4))
         order by chunk.seq",
        generation.as_uuid(),
        scope.workspace().as_uuid(),
        fence,
        seq,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(chunks)
}

/// How a result was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    Done,
    /// Stopped, or given to another worker: nothing was written.
    Stale,
    /// The output breaks the request's schema: nothing was written; the worker fails the request with this.
    Refused(StepError),
}

/// Stores result, usage, model hash and seed and readies the waiting step, in one fenced commit. An output that violates its
/// request's schema cannot be stored.
pub async fn finish(store: &Store, claimed: &Claimed, result: &GenerationResult) -> Result<Finish> {
    if let Err(error) = satisfies(&claimed.request, result) {
        return Ok(Finish::Refused(error));
    }
    let done = end(store, &Held::of(claimed), &End::Succeeded(result)).await?;
    Ok(match done {
        Fenced::Done => Finish::Done,
        Fenced::Stale => Finish::Stale,
    })
}

/// Ends the request with an error and readies the waiting step, which is resumed with it.
pub async fn fail(store: &Store, claimed: &Claimed, error: &StepError) -> Result<Fenced> {
    end(store, &Held::of(claimed), &End::Failed(error)).await
}

/// Every request of a run, oldest first, with its place in the line while it waits.
pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Generation>> {
    let rows = sqlx::query!(
        r#"select g.id, g.node, g.item_path, g.attempt, g.round, coalesce(g.result ->> 'model', g.model) as model,
                  -- One whose worker is gone waits for the next.
                  case when g.state = 'running' and g.lease_until < now() then 'ready' else g.state end as "state!",
                  g.request, g.result, g.error, g.fence,
                  g.created_at as "created_at: jiff_sqlx::Timestamp",
                  g.started_at as "started_at: jiff_sqlx::Timestamp",
                  g.finished_at as "finished_at: jiff_sqlx::Timestamp",
                  case when g.state = 'ready' then (
                      select count(*) from generation other
                      where (other.state = 'running' or (other.state = 'ready' and (-other.priority, other.created_at, other.id)
                             < (-g.priority, g.created_at, g.id)))
                        and (other.model is null or g.model is null or other.model = g.model)) end as place
           from generation g where g.run_id = $1 and g.workspace_id = $2
           order by g.created_at, g.id"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Generation {
            id: row.id.into(),
            node: row.node,
            item_path: row.item_path,
            attempt: row.attempt,
            round: row.round,
            model: row.model,
            state: row.state,
            request: row.request,
            result: row.result,
            error: row.error,
            fence: row.fence,
            place: row.place,
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// Removes text of requests that are over, left by workers that died between two commits.
pub async fn delete_old_chunks(store: &Store) -> Result<u64> {
    let done = sqlx::query!(
        "delete from generation_chunk chunk where not exists (
             select 1 from generation where id = chunk.generation_id and state in ('ready', 'running'))",
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected())
}

/// Fails requests that lost their worker too often.
async fn fail_exhausted(store: &Store) -> Result<()> {
    let rows = sqlx::query!(
        "select id, run_id, node, item_path, fence from generation
         where state = 'running' and lease_until < now() and claims >= $1 limit 20",
        MAX_CLAIMS,
    )
    .fetch_all(&store.pool)
    .await?;
    for row in rows {
        let held = Held {
            id: row.id,
            run: row.run_id,
            node: &row.node,
            item_path: &row.item_path,
            fence: row.fence,
        };
        let error = StepError::new(
            "model_worker_lost",
            "The model's process ended three times while it wrote this. Perhaps the machine has too little memory for the model. \
             See the server's log, or choose a smaller model.",
        );
        end(store, &held, &End::Failed(&error)).await?;
    }
    Ok(())
}

/// Fails requests whose model has written nothing for longer than they allow; what reads the instruction is silent, too. Any process may
/// do it. Returns how many there were.
pub async fn fail_silent(store: &Store) -> Result<usize> {
    let rows = sqlx::query!(
        r#"select id, run_id, node, item_path, fence, heartbeat_ms as "heartbeat_ms!" from generation g
           where state = 'running' and heartbeat_ms is not null
             and greatest(started_at, (select max(c.created_at) from generation_chunk c where c.generation_id = g.id and c.fence = g.fence))
                 < now() - heartbeat_ms * interval '1 millisecond'
           limit 20"#
    )
    .fetch_all(&store.pool)
    .await?;
    for row in &rows {
        let held = Held {
            id: row.id,
            run: row.run_id,
            node: &row.node,
            item_path: &row.item_path,
            fence: row.fence,
        };
        let limit = Duration::from_millis(u64::try_from(row.heartbeat_ms).unwrap_or(0));
        let error = StepError::new(
            "model_silent",
            format!("The model wrote nothing for {} s.", limit.as_secs_f64()),
        );
        let error = error.with("seconds", limit.as_secs_f64());
        end(store, &held, &End::Failed(&error)).await?;
    }
    Ok(rows.len())
}

/// The row and the number that a write depends on.
struct Held<'a> {
    id: Uuid,
    run: Uuid,
    node: &'a str,
    item_path: &'a str,
    fence: i64,
}

impl<'a> Held<'a> {
    fn of(claimed: &'a Claimed) -> Self {
        Self {
            id: claimed.id.as_uuid(),
            run: claimed.run.as_uuid(),
            node: &claimed.node,
            item_path: &claimed.item_path,
            fence: claimed.fence,
        }
    }
}

enum End<'a> {
    Succeeded(&'a GenerationResult),
    Failed(&'a StepError),
}

/// The run is locked before its generation, in the same order as Stop does it.
async fn end(store: &Store, held: &Held<'_>, end: &End<'_>) -> Result<Fenced> {
    let (state, result, error) = match end {
        End::Succeeded(result) => ("succeeded", Some(encode(result)?), None),
        End::Failed(error) => ("failed", None, Some(encode(error)?)),
    };
    let mut transaction = store.pool.begin().await?;
    sqlx::query!("select id from run where id = $1 for update", held.run)
        .fetch_optional(&mut *transaction)
        .await?;
    let done = sqlx::query!(
        "update generation set state = $3, result = $4, error = $5, finished_at = now(), lease_owner = null, lease_until = null
         where id = $1 and fence = $2 and state = 'running'",
        held.id,
        held.fence,
        state,
        result,
        error,
    )
    .execute(&mut *transaction)
    .await?;
    if fenced(done.rows_affected()) == Fenced::Stale {
        return Ok(Fenced::Stale);
    }
    sqlx::query!(
        "delete from generation_chunk where generation_id = $1",
        held.id
    )
    .execute(&mut *transaction)
    .await?;
    queue::ready_waiting(&mut transaction, held.run.into(), held.node, held.item_path).await?;
    transaction.commit().await?;
    queue::wake(store);
    Ok(Fenced::Done)
}

/// The request's schema is the last word, whatever wrote the output.
fn satisfies(
    request: &GenerationRequest,
    result: &GenerationResult,
) -> std::result::Result<(), StepError> {
    let Some(schema) = &request.schema else {
        return Ok(());
    };
    let refuse = |why: String| {
        let error = StepError::new(
            "output_breaks_schema",
            format!(
                "The model's output does not fit the fields it had to fill: {why}. Nothing was stored. Run the step again."
            ),
        );
        Err(error.with("reason", why))
    };
    let Some(values) = &result.values else {
        return refuse("it has no values".into());
    };
    match jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(schema)
    {
        Ok(validator) => match validator.iter_errors(values).next() {
            // The text itself may be private: only where it breaks is told.
            Some(error) => refuse(format!(
                "at \"{}\" it breaks \"{}\"",
                error.instance_path(),
                error.schema_path()
            )),
            None => Ok(()),
        },
        Err(error) => refuse(format!("the schema itself is not valid ({error})")),
    }
}

fn fenced(rows: u64) -> Fenced {
    if rows == 0 {
        Fenced::Stale
    } else {
        Fenced::Done
    }
}

fn encode(value: &impl Serialize) -> Result<Json> {
    Ok(serde_json::to_value(value)?)
}

fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
