//! Schedules of live workflows, and beginning their runs. Which moments there are says `engine::schedule`; here they are compared with
//! the database's clock, and a due one becomes a run in the commit that puts the next one in its place.

use std::time::Duration;

use engine::{
    firm::Firm,
    ids::{RunId, VersionId, WorkflowId, WorkspaceId},
    schedule::{Calendar, Schedule, input},
};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result, Scope, Store,
    queue::{self, Accept, Source},
};

/// Moments that are told ahead.
const AHEAD: usize = 3;

/// A live schedule as people see it.
#[derive(Clone, Debug)]
pub struct Planned {
    pub node: String,
    /// The next moments; none while the workflow is off.
    pub next: Vec<Timestamp>,
    /// The moment that the last run was begun for, and that run.
    pub last: Option<(Timestamp, RunId)>,
}

/// The schedules of a workflow's live version.
pub async fn planned(store: &Store, scope: &Scope, workflow: WorkflowId) -> Result<Vec<Planned>> {
    let rows = sqlx::query!(
        r#"select node, schedule, time_zone, next_at as "next_at: jiff_sqlx::Timestamp",
                  last_at as "last_at: jiff_sqlx::Timestamp", last_run_id
           from schedule where workspace_id = $1 and workflow_id = $2 order by node"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid()
    )
    .fetch_all(&store.pool)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let holidays = holidays(&mut *store.pool.acquire().await?, scope.workspace()).await?;
    rows.into_iter()
        .map(|row| {
            let schedule: Schedule = serde_json::from_value(row.schedule)?;
            let calendar = Calendar::of(&row.time_zone, holidays.clone());
            let first = row.next_at.map(jiff_sqlx::Timestamp::to_jiff);
            let next = std::iter::successors(first, |at| schedule.rule.next_after(&calendar, *at));
            Ok(Planned {
                node: row.node,
                next: next.take(AHEAD).collect(),
                last: row
                    .last_at
                    .zip(row.last_run_id)
                    .map(|(at, run)| (at.to_jiff(), run.into())),
            })
        })
        .collect()
}

/// Those of a version that becomes live. What is as it was keeps its next moment, everything else begins to count now.
pub(crate) async fn replace(
    connection: &mut PgConnection,
    scope: &Scope,
    workflow: WorkflowId,
    schedules: &[(String, Schedule)],
    time_zone: &str,
) -> Result<()> {
    let nodes: Vec<String> = schedules.iter().map(|(node, _)| node.clone()).collect();
    sqlx::query!(
        "delete from schedule where workspace_id = $1 and workflow_id = $2 and node <> all($3)",
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
        &nodes
    )
    .execute(&mut *connection)
    .await?;
    for (node, schedule) in schedules {
        sqlx::query!(
            "insert into schedule (workflow_id, node, workspace_id, schedule, time_zone) values ($1, $2, $3, $4, $5)
             on conflict on constraint schedule_pkey do update set
                 next_at = case when schedule.schedule - 'missed' = excluded.schedule - 'missed' and schedule.time_zone = excluded.time_zone
                                then schedule.next_at end,
                 schedule = excluded.schedule, time_zone = excluded.time_zone",
            workflow.as_uuid(),
            node,
            scope.workspace().as_uuid(),
            serde_json::to_value(schedule)?,
            time_zone
        )
        .execute(&mut *connection)
        .await?;
    }
    follow(connection, scope, workflow).await
}

/// Brings the schedules in line with their workflow: one that is off or deleted has no next moment, one that is live has one from now.
pub(crate) async fn follow(
    connection: &mut PgConnection,
    scope: &Scope,
    workflow: WorkflowId,
) -> Result<()> {
    sqlx::query!(
        "update schedule s set next_at = null from workflow w
         where s.workspace_id = $1 and s.workflow_id = $2 and w.id = s.workflow_id
           and (w.state <> 'live' or w.deleted_at is not null)",
        scope.workspace().as_uuid(),
        workflow.as_uuid()
    )
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query_as!(
        Idle,
        r#"select s.workflow_id, s.node, s.schedule, s.time_zone, now() as "now!: jiff_sqlx::Timestamp"
           from schedule s join workflow w on w.id = s.workflow_id
           where s.workspace_id = $1 and s.workflow_id = $2 and s.next_at is null and w.state = 'live' and w.deleted_at is null
           for update of s"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid()
    )
    .fetch_all(&mut *connection)
    .await?;
    plan(connection, scope, rows).await
}

/// Schedules that go by business days count again; what is due already stays due.
pub(crate) async fn holidays_changed(connection: &mut PgConnection, scope: &Scope) -> Result<()> {
    let rows = sqlx::query_as!(
        Idle,
        r#"select workflow_id, node, schedule, time_zone, now() as "now!: jiff_sqlx::Timestamp"
           from schedule where workspace_id = $1 and schedule #>> '{days,days}' = 'business' and next_at > now()
           order by workflow_id, node for update"#,
        scope.workspace().as_uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;
    plan(connection, scope, rows).await
}

/// A schedule whose next moment is to be found.
struct Idle {
    workflow_id: Uuid,
    node: String,
    schedule: serde_json::Value,
    time_zone: String,
    now: jiff_sqlx::Timestamp,
}

async fn plan(connection: &mut PgConnection, scope: &Scope, rows: Vec<Idle>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let holidays = holidays(connection, scope.workspace()).await?;
    for row in rows {
        let schedule: Schedule = serde_json::from_value(row.schedule)?;
        let calendar = Calendar::of(&row.time_zone, holidays.clone());
        let next = schedule.rule.next_after(&calendar, row.now.to_jiff());
        sqlx::query!(
            "update schedule set next_at = $4::text::timestamptz where workspace_id = $1 and workflow_id = $2 and node = $3",
            scope.workspace().as_uuid(),
            row.workflow_id,
            row.node,
            next.map(|at| at.to_string())
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn holidays(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Vec<jiff::civil::Date>> {
    let record = sqlx::query_scalar!(
        "select record from firm where workspace_id = $1",
        workspace.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    let firm: Option<Firm> = record.map(serde_json::from_value).transpose()?;
    Ok(firm.map_or_else(Vec::new, |firm| firm.holidays))
}

/// Begins what is due, each in a commit of its own; how long it is to the next one. One that cannot be begun is told, keeps no other from
/// it, and is tried again with the next round.
pub async fn begin_due(store: &Store) -> Result<Option<Duration>> {
    let mut failed: Vec<Uuid> = Vec::new();
    loop {
        let mut transaction = store.pool.begin().await?;
        let Some(due) = lock_due(&mut transaction, &failed).await? else {
            break;
        };
        let workflow = due.workflow;
        match begin(&mut transaction, due).await {
            Ok(asked) => {
                transaction.commit().await?;
                queue::tell(&store.events, &asked);
            }
            Err(error) => {
                tracing::error!(workflow.id = %workflow, %error, "the runs of a schedule could not be begun");
                failed.push(workflow.as_uuid());
            }
        }
    }
    let next_ms = sqlx::query_scalar!(
        "select ceil(extract(epoch from min(next_at) - clock_timestamp()) * 1000)::bigint from schedule
         where next_at is not null and workflow_id <> all($1)",
        &failed
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(next_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
}

/// One due schedule, locked until the end of the transaction.
struct Due {
    workflow: WorkflowId,
    workspace: WorkspaceId,
    node: String,
    version: VersionId,
    name: String,
    schedule: serde_json::Value,
    time_zone: String,
    next_at: Timestamp,
    last_at: Option<Timestamp>,
    now: Timestamp,
}

/// The workflow is locked, too: publishing locks it before its schedules, and waits for nothing here because nothing here waits.
async fn lock_due(connection: &mut PgConnection, failed: &[Uuid]) -> Result<Option<Due>> {
    let row = sqlx::query!(
        r#"select s.workflow_id, s.workspace_id, s.node, s.schedule, s.time_zone, w.name, w.live_version_id as "version_id!",
                  s.next_at as "next_at!: jiff_sqlx::Timestamp", s.last_at as "last_at: jiff_sqlx::Timestamp",
                  now() as "now!: jiff_sqlx::Timestamp"
           from schedule s join workflow w on w.id = s.workflow_id
           where s.next_at <= now() and w.state = 'live' and w.deleted_at is null and s.workflow_id <> all($1)
           order by s.next_at limit 1 for update of s skip locked for key share of w skip locked"#,
        failed
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Due {
        workflow: row.workflow_id.into(),
        workspace: row.workspace_id.into(),
        node: row.node,
        version: row.version_id.into(),
        name: row.name,
        schedule: row.schedule,
        time_zone: row.time_zone,
        next_at: row.next_at.to_jiff(),
        last_at: row.last_at.map(jiff_sqlx::Timestamp::to_jiff),
        now: row.now.to_jiff(),
    }))
}

/// Accepts the runs and puts the next moment in place.
async fn begin(connection: &mut PgConnection, due: Due) -> Result<Vec<(Scope, Accept)>> {
    let scope = Scope::new(due.workspace, None);
    let holidays = holidays(connection, due.workspace).await?;
    let calendar = Calendar::of(&due.time_zone, holidays);
    let schedule: Schedule = serde_json::from_value(due.schedule.clone())?;
    let moments = schedule.due(&calendar, due.next_at, due.now);
    let mut asked = Vec::with_capacity(moments.len());
    let mut previous = due.last_at;
    for at in &moments {
        asked.push((scope, new_run(&due, &calendar, *at, previous)));
        previous = Some(*at);
    }
    // A moment whose run was begun before begins no other.
    queue::accept_within(connection, &mut asked).await?;
    let last = moments.last().filter(|_| !asked.is_empty());
    let last_run = asked.last().map(|(_, new)| new.run.as_uuid());
    let next = schedule.rule.next_after(&calendar, due.now);
    sqlx::query!(
        "update schedule set next_at = $4::text::timestamptz, last_at = coalesce($5::text::timestamptz, last_at),
                last_run_id = coalesce($6, last_run_id)
         where workspace_id = $1 and workflow_id = $2 and node = $3",
        due.workspace.as_uuid(),
        due.workflow.as_uuid(),
        due.node,
        next.map(|at| at.to_string()),
        last.map(ToString::to_string),
        last_run
    )
    .execute(connection)
    .await?;
    tracing::info!(workflow.id = %due.workflow, step.id = %due.node, runs = asked.len(), "a schedule was due");
    Ok(asked)
}

fn new_run(due: &Due, calendar: &Calendar, at: Timestamp, previous: Option<Timestamp>) -> Accept {
    let local = at.to_zoned(calendar.zone.clone());
    let key_scope = format!("schedule:{}:{}", due.workflow, due.node);
    let mut new = Accept::new(
        due.workflow,
        due.version,
        &due.node,
        Source::Schedule,
        input(calendar, at, previous),
    );
    new.title = format!("{}, {}", due.name, local.strftime("%Y-%m-%d %H:%M"));
    new.idempotency = Some((key_scope, at.to_string()));
    new
}
