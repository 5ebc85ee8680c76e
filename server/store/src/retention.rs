//! How long a workspace keeps its runs and their files: what people set, and what the last clean-up did. Numbers are kept for good.

mod clean;

use std::collections::HashSet;

use engine::{
    check::Problem,
    ids::{MemberId, WorkflowId},
};
use jiff::Timestamp;
use serde_json::json;
use sqlx::PgConnection;

use crate::{Result, Scope, Store, StoreError};

pub use clean::{Cleaned, clean};
pub(crate) use clean::{drop_empty_partitions, missing_file, removed_file};

/// How long runs are kept where nobody said anything else.
pub const DEFAULT_RUN_DAYS: i32 = 90;

/// What is younger always stays: idempotency keys still lead to it, and people still look for it.
const SAFE_HOURS: i32 = 72;
const LEAST_DAYS: i32 = 3;
const MOST_DAYS: i32 = 36_500;
const MOST_RUNS: i64 = 1_000_000_000;
const LEAST_BYTES: i64 = 1_000_000;
const MOST_BYTES: i64 = 1_000_000_000_000_000;

/// What a workspace keeps; `None` sets no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after a run's end.
    pub run_days: Option<i32>,
    /// The newest runs of all workflows together.
    pub most_runs: Option<i64>,
    /// Days after a run's start; the run itself may stay longer.
    pub file_days: Option<i32>,
    /// Of all files of runs together.
    pub most_file_bytes: Option<i64>,
    /// Workflows with a number of days of their own.
    pub workflows: Vec<(WorkflowId, i32)>,
}

/// How it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub retention: Retention,
    /// Bytes of all files of runs; the same bytes in two files count twice.
    pub file_bytes: i64,
    /// When the oldest run was handed in.
    pub oldest_at: Option<Timestamp>,
    pub last: Option<CleanUp>,
}

/// The last clean-up that removed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanUp {
    pub at: Timestamp,
    pub runs: i64,
    pub deliveries: i64,
    pub files: i64,
    pub file_bytes: i64,
    /// Runs that are old enough and stay, since they have an open number or messages under way.
    pub kept: i64,
}

pub async fn standing(store: &Store, scope: &Scope) -> Result<Standing> {
    let workspace = scope.workspace().as_uuid();
    let row = sqlx::query!(
        r#"select r.workspace_id as "set?", r.run_days, r.most_runs, r.file_days, r.most_file_bytes,
                  coalesce((select sum(size_bytes) from artifact a
                            where a.workspace_id = workspace.id and a.run_id is not null and a.deleted_at is null), 0)::bigint
                      as "file_bytes!",
                  (select created_at from run where run.workspace_id = workspace.id and not trial order by run.id limit 1)
                      as "oldest_at: jiff_sqlx::Timestamp",
                  c.at as "at?: jiff_sqlx::Timestamp", c.runs as "runs?", c.deliveries as "deliveries?", c.files as "files?",
                  c.file_bytes as "removed_bytes?", c.kept as "kept?"
           from workspace left join retention r on r.workspace_id = workspace.id left join clean_up c on c.workspace_id = workspace.id
           where workspace.id = $1"#,
        workspace,
    )
    .fetch_one(&store.pool)
    .await?;
    let own = sqlx::query!(
        r#"select id, run_days as "run_days!" from workflow
           where workspace_id = $1 and run_days is not null and deleted_at is null order by lower(name), id"#,
        workspace,
    )
    .fetch_all(&store.pool)
    .await?;
    let last = row.at.map(|at| CleanUp {
        at: at.to_jiff(),
        runs: row.runs.unwrap_or(0),
        deliveries: row.deliveries.unwrap_or(0),
        files: row.files.unwrap_or(0),
        file_bytes: row.removed_bytes.unwrap_or(0),
        kept: row.kept.unwrap_or(0),
    });
    Ok(Standing {
        retention: Retention {
            run_days: match row.set {
                Some(_) => row.run_days,
                None => Some(DEFAULT_RUN_DAYS),
            },
            most_runs: row.most_runs,
            file_days: row.file_days,
            most_file_bytes: row.most_file_bytes,
            workflows: own
                .into_iter()
                .map(|workflow| (workflow.id.into(), workflow.run_days))
                .collect(),
        },
        file_bytes: row.file_bytes,
        oldest_at: row.oldest_at.map(jiff_sqlx::Timestamp::to_jiff),
        last,
    })
}

/// Replaces what the workspace keeps. The next clean-up goes by it.
pub async fn set(store: &Store, scope: &Scope, to: &Retention) -> Result<()> {
    check(to)?;
    let mut transaction = store.pool.begin().await?;
    sqlx::query!(
        "insert into retention (workspace_id, run_days, most_runs, file_days, most_file_bytes, changed_by)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (workspace_id) do update set run_days = excluded.run_days, most_runs = excluded.most_runs,
             file_days = excluded.file_days, most_file_bytes = excluded.most_file_bytes, changed_by = excluded.changed_by,
             changed_at = now()",
        scope.workspace().as_uuid(),
        to.run_days,
        to.most_runs,
        to.file_days,
        to.most_file_bytes,
        scope.member().map(MemberId::as_uuid),
    )
    .execute(&mut *transaction)
    .await?;
    set_workflows(&mut transaction, scope, &to.workflows).await?;
    Ok(transaction.commit().await?)
}

async fn set_workflows(
    connection: &mut PgConnection,
    scope: &Scope,
    workflows: &[(WorkflowId, i32)],
) -> Result<()> {
    let ids: Vec<_> = workflows.iter().map(|(id, _)| id.as_uuid()).collect();
    let days: Vec<i32> = workflows.iter().map(|(_, days)| *days).collect();
    // Locked in the order of ids first, as two people may save at once. What is deleted is not shown and keeps its days.
    sqlx::query!(
        "select id from workflow where workspace_id = $1 and (run_days is not null or id = any($2)) order by id for no key update",
        scope.workspace().as_uuid(),
        &ids,
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "update workflow set run_days = null where workspace_id = $1 and run_days is not null and id <> all($2) and deleted_at is null",
        scope.workspace().as_uuid(),
        &ids,
    )
    .execute(&mut *connection)
    .await?;
    let found = sqlx::query!(
        "update workflow w set run_days = own.days from unnest($2::uuid[], $3::integer[]) own (id, days)
         where w.workspace_id = $1 and w.id = own.id and w.deleted_at is null",
        scope.workspace().as_uuid(),
        &ids,
        &days,
    )
    .execute(connection)
    .await?;
    if found.rows_affected() == ids.len() as u64 {
        return Ok(());
    }
    Err(StoreError::invalid(
        "unknown_workflow",
        "/workflows",
        "One of these workflows is not there any more. Load the page again.",
    ))
}

/// Everything that cannot be kept to.
fn check(retention: &Retention) -> Result<()> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: &str, code: &str, message: &str| {
        problems.push(Problem::error(code, json!({}), message).at(pointer));
    };
    let are_days = |days: i32| (LEAST_DAYS..=MOST_DAYS).contains(&days);
    let days = "Between 3 and 36,500 days.";
    if retention.run_days.is_some_and(|days| !are_days(days)) {
        wrong("/run_days", "retention_days", days);
    }
    if retention.file_days.is_some_and(|days| !are_days(days)) {
        wrong("/file_days", "retention_days", days);
    }
    if retention
        .most_runs
        .is_some_and(|runs| !(1..=MOST_RUNS).contains(&runs))
    {
        let message = "Between 1 and 1,000,000,000 runs.";
        wrong("/most_runs", "retention_runs", message);
    }
    if retention
        .most_file_bytes
        .is_some_and(|bytes| !(LEAST_BYTES..=MOST_BYTES).contains(&bytes))
    {
        let message = "Between 1 MB and 1,000 TB.";
        wrong("/most_file_bytes", "retention_bytes", message);
    }
    let mut seen = HashSet::new();
    for (index, (workflow, own)) in retention.workflows.iter().enumerate() {
        if !are_days(*own) {
            let at = format!("/workflows/{index}/days");
            wrong(&at, "retention_days", days);
        }
        if !seen.insert(*workflow) {
            let at = format!("/workflows/{index}/id");
            let message = "This workflow is in the list twice.";
            wrong(&at, "retention_workflow_twice", message);
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Problems(problems))
    }
}
