//! The list of workflows with everything its table shows, in two statements.

use std::collections::HashMap;

use engine::ids::{RunId, WorkflowId};
use jiff::{Timestamp, civil::Date};
use serde_json::Value as Json;

use crate::{Result, Scope, Store};

/// Counting stops here; more is "many" to people.
const MOST_RUNS: i64 = 10_000;

#[derive(Clone, Debug)]
pub struct WorkflowItem {
    pub id: WorkflowId,
    pub name: String,
    pub slug: String,
    pub state: String,
    pub paused_at: Option<Timestamp>,
    /// Number of the live version.
    pub version: Option<i32>,
    /// The draft differs from the live version.
    pub changed: bool,
    /// `nodes` of the draft's document.
    pub nodes: Json,
    pub last_run: Option<LastRun>,
    /// The last 14 days, oldest first.
    pub days: Vec<Day>,
    /// Trial runs left out; at most 10,000 are counted.
    pub runs: i64,
    pub changed_at: Timestamp,
    pub changed_by: Option<String>,
}

#[derive(Clone, Debug)]
pub struct LastRun {
    pub id: RunId,
    pub state: String,
    pub created_at: Timestamp,
    pub title: String,
}

#[derive(Clone, Copy, Debug)]
pub struct Day {
    pub date: Date,
    pub succeeded: i64,
    pub failed: i64,
}

/// All workflows, newest change first; days are counted in `time_zone`, `today` is its date.
pub async fn list(
    store: &Store,
    scope: &Scope,
    time_zone: &str,
    today: Date,
) -> Result<Vec<WorkflowItem>> {
    let rows = sqlx::query!(
        r#"select w.id, w.name, w.slug, w.state, w.paused_at as "paused_at: jiff_sqlx::Timestamp", v.number as "number?",
                  (v.document is null or v.document <> d.document) as "changed!", d.document -> 'nodes' as nodes,
                  w.changed_at as "changed_at: jiff_sqlx::Timestamp", m.name as "changed_by?",
                  r.id as "run_id?", r.state as "run_state?", r.created_at as "run_at?: jiff_sqlx::Timestamp",
                  r.title as "run_title?",
                  (select count(*) from (select from run where run.workspace_id = w.workspace_id
                       and run.workflow_id = w.id and not run.trial limit $2) counted) as "runs!"
           from workflow w
           join draft d on d.workflow_id = w.id
           left join version v on v.id = w.live_version_id
           left join member m on m.id = w.changed_by
           left join lateral (
               select run.id, run.state, run.created_at, run.title from run
               where run.workspace_id = w.workspace_id and run.workflow_id = w.id and not run.trial
               order by run.id desc limit 1
           ) r on true
           where w.workspace_id = $1 and w.deleted_at is null
           order by w.changed_at desc, w.id desc limit 1000"#,
        scope.workspace().as_uuid(),
        MOST_RUNS
    )
    .fetch_all(&store.pool)
    .await?;
    let mut counts: HashMap<(uuid::Uuid, Date), (i64, i64)> = sqlx::query!(
        r#"select workflow_id, (finished_at at time zone $2)::date as "date!: jiff_sqlx::Date",
                  count(*) filter (where state = 'succeeded') as "succeeded!",
                  count(*) filter (where state = 'failed') as "failed!"
           from run
           where workspace_id = $1 and not trial and finished_at is not null
             and id >= uuid_floor(now() - interval '15 days')
           group by 1, 2"#,
        scope.workspace().as_uuid(),
        time_zone
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| {
        (
            (row.workflow_id, row.date.to_jiff()),
            (row.succeeded, row.failed),
        )
    })
    .collect();
    Ok(rows
        .into_iter()
        .map(|row| WorkflowItem {
            days: (0..14)
                .rev()
                .filter_map(|back| today.checked_sub(jiff::Span::new().days(back)).ok())
                .map(|date| {
                    let (succeeded, failed) = counts.remove(&(row.id, date)).unwrap_or_default();
                    Day {
                        date,
                        succeeded,
                        failed,
                    }
                })
                .collect(),
            id: row.id.into(),
            name: row.name,
            slug: row.slug,
            state: row.state,
            paused_at: row.paused_at.map(jiff_sqlx::Timestamp::to_jiff),
            version: row.number,
            changed: row.changed,
            nodes: row.nodes.unwrap_or_default(),
            last_run: row
                .run_id
                .zip(row.run_state)
                .zip(row.run_at)
                .zip(row.run_title)
                .map(|(((id, state), at), title)| LastRun {
                    id: id.into(),
                    state,
                    created_at: at.to_jiff(),
                    title,
                }),
            runs: row.runs,
            changed_at: row.changed_at.to_jiff(),
            changed_by: row.changed_by,
        })
        .collect())
}
