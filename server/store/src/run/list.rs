//! Runs in a list.

use engine::ids::{DocumentId, RunId, WorkflowId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{Result, Scope, Store, line};

/// A run in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RunItem {
    pub id: RunId,
    pub workflow: WorkflowId,
    pub workflow_name: String,
    pub version: Option<i32>,
    pub title: String,
    pub state: String,
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or the whole workspace is paused.
    pub paused: bool,
    /// While it waits in line because its workflow lets only so many runs go at the same time.
    pub line: Option<line::Waiting>,
    pub error: Option<Json>,
    pub retry_of: Option<RunId>,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub started_at: Option<Timestamp>,
    #[serde(skip)]
    pub finished_at: Option<Timestamp>,
}

/// Which runs a list shows; trial runs are in no list unless asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<String>,
    /// The code of the run's error, or of one that lies within it, as that of an entry lies within its list's.
    pub error: Option<String>,
    pub workflow: Option<WorkflowId>,
    pub trial: bool,
    /// Part of the title, of the workflow's name, of the input, or of a number that it drew, any case.
    pub text: Option<String>,
    /// Its version prints this document.
    pub document: Option<DocumentId>,
    /// Accepted at this instant or later.
    pub from: Option<Timestamp>,
    /// Accepted earlier than this.
    pub before: Option<Timestamp>,
    /// Older than this run.
    pub after: Option<RunId>,
    pub limit: i64,
}

/// The runs of a list, each with whether it may wait in line. Plans are made without knowing the parameters, so what makes an index
/// serve stands in the text (`$indexed`).
macro_rules! listed {
    ($store:expr, $scope:expr, $filter:expr, $indexed:literal) => {
        sqlx::query!(
            r#"select run.id as "id!", run.workflow_id as "workflow_id!", coalesce(workflow.name, '') as "workflow_name!",
                      version.number as "version?", run.title as "title!", run.source as "source!", run.trial as "trial!",
                      run.error as "error?", run.retry_of as "retry_of?",
                      case when run.state in ('queued', 'waiting') and exists (
                          select 1 from queue_entry q where q.run_id = run.id and q.lease_owner is not null)
                      then 'running' else run.state end as "state!",
                      (run.finished_at is null and exists (select from paused_workflow p where p.id = run.workflow_id)) as "paused!",
                      (run.limited and run.state = 'queued') as "may_wait!",
                      run.created_at as "created_at!: jiff_sqlx::Timestamp", run.started_at as "started_at?: jiff_sqlx::Timestamp",
                      run.finished_at as "finished_at?: jiff_sqlx::Timestamp"
               from run left join workflow on workflow.id = run.workflow_id left join version on version.id = run.version_id
               where run.workspace_id = $1 and run.trial = $2 "#
                + $indexed
                + r#"
                 and ($3::text is null or run.state = $3)
                 and ($4::uuid is null or run.workflow_id = $4)
                 and ($5::uuid is null or run.id < $5)
                 and ($6::text is null or position(lower($6) in lower(run.title)) > 0
                      or position(lower($6) in lower(workflow.name)) > 0
                      or position(lower($6) in lower(run.input::text)) > 0
                      or exists (select from number n where n.run_id = run.id and position(lower($6) in lower(n.number)) > 0))
                 and ($8::text is null
                      or jsonb_path_exists(run.error, '$.**.code ? (@ == $code)', jsonb_build_object('code', $8::text)))
                 and ($9::uuid is null
                      or run.version_id in (select p.version_id from version_document p where p.workspace_id = $1 and p.document_id = $9))
                 and ($10::timestamptz is null or run.created_at >= $10)
                 and ($11::timestamptz is null or run.created_at < $11)
               order by run.id desc limit $7"#,
            $scope.workspace().as_uuid(),
            $filter.trial,
            $filter.state,
            $filter.workflow.map(WorkflowId::as_uuid),
            $filter.after.map(RunId::as_uuid),
            $filter.text,
            $filter.limit.clamp(1, 200),
            $filter.error,
            $filter.document.map(DocumentId::as_uuid),
            $filter.from.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
            $filter.before.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
        )
        .fetch_all(&$store.pool)
        .await?
        .into_iter()
        .map(|row| {
            let item = RunItem {
                id: row.id.into(),
                workflow: row.workflow_id.into(),
                workflow_name: row.workflow_name,
                version: row.version,
                title: row.title,
                state: row.state,
                source: row.source,
                trial: row.trial,
                paused: row.paused,
                line: None,
                error: row.error,
                retry_of: row.retry_of.map(Into::into),
                created_at: row.created_at.to_jiff(),
                started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
                finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
            };
            (item, row.may_wait)
        })
        .collect()
    };
}

/// Newest first.
pub async fn list(store: &Store, scope: &Scope, filter: &Filter) -> Result<Vec<RunItem>> {
    let failed = filter.error.is_some() || filter.state.as_deref() == Some("failed");
    let mut rows: Vec<(RunItem, bool)> = if failed && !filter.trial {
        // As the index `run_failed` has it.
        listed!(
            store,
            scope,
            filter,
            "and run.state = 'failed' and not run.trial"
        )
    } else {
        listed!(store, scope, filter, "")
    };
    let may_wait = rows.iter().filter(|(_, may_wait)| *may_wait);
    let may_wait: Vec<RunId> = may_wait.map(|(item, _)| item.id).collect();
    let mut lines = line::waiting(store, scope, &may_wait).await?;
    for (item, _) in &mut rows {
        item.line = lines.remove(&item.id);
    }
    Ok(rows.into_iter().map(|(item, _)| item).collect())
}

/// A run that was given a value.
#[derive(Clone, Debug)]
pub struct StartedWith {
    pub value: String,
    pub run: RunId,
    pub title: String,
    pub state: String,
    pub created_at: Timestamp,
}

/// Runs of a workflow that began after another one and were given one of these values, newest first, at most 500; no trial runs. Of a run and
/// those that tried it again, which share what they made, the newest one that did not fail, or else the newest.
pub async fn started_with(
    store: &Store,
    scope: &Scope,
    workflow: WorkflowId,
    (name, values): (&str, &[String]),
    after: RunId,
) -> Result<Vec<StartedWith>> {
    let rows = sqlx::query!(
        r#"select id as "id!", value as "value!", title as "title!", state as "state!",
                  created_at as "created_at!: jiff_sqlx::Timestamp"
           from (select distinct on (first_run) id, input ->> $4::text as value, title, state, created_at
                 from run
                 where workspace_id = $1 and workflow_id = $2 and id > $3 and not trial and input ->> $4::text = any($5::text[])
                 order by first_run, state in ('failed', 'cancelled'), id desc) chain
           order by id desc limit 500"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
        after.as_uuid(),
        name,
        values,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StartedWith {
            value: row.value,
            run: row.id.into(),
            title: row.title,
            state: row.state,
            created_at: row.created_at.to_jiff(),
        })
        .collect())
}
