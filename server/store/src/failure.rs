//! Workflows that are to hear of failed runs: their runs are stored in the commit that ends the failed ones. What such a run calls or does
//! may fail, too; that begins no other.

use engine::{
    call::{Failure, Offer},
    ids::RunId,
};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use crate::{
    Result, call, fresh_id,
    line::{self, Line},
    records::Records,
};

/// What was begun for failed runs.
#[derive(Default)]
pub(crate) struct Begun {
    /// There was something to begin.
    pub(crate) any: bool,
    /// The lines in which some of it stands.
    pub(crate) joined: Vec<Line>,
}

/// Begins the runs that the versions of failed runs ask for; their rows say how they failed.
pub(crate) async fn begin(connection: &mut PgConnection, failed: &[RunId]) -> Result<Begun> {
    if failed.is_empty() {
        return Ok(Begun::default());
    }
    let ids: Vec<_> = failed.iter().map(|id| id.as_uuid()).collect();
    let asked = sqlx::query!(
        r#"select run.id as "run!", coalesce(own.name, '') as "workflow!", run.error as "error?", other.id as "other?",
                  other.name as "other_name?", live.id as "version?", live.offer as "offer?"
           from run join version v on v.id = run.version_id left join workflow own on own.id = run.workflow_id
                left join workflow other on other.id = (v.document ->> 'on_failure')::uuid and other.workspace_id = run.workspace_id
                     and other.state = 'live' and other.deleted_at is null
                left join version live on live.id = other.live_version_id
           where run.id = any($1) and run.failure_of is null and v.document ->> 'on_failure' is not null
           order by run.id"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut rows: Vec<Json> = Vec::new();
    for row in asked {
        let (Some(other), Some(version), Some(offer)) = (row.other, row.version, row.offer) else {
            tracing::warn!(run.id = %row.run, "the workflow that is to hear of a failed run is switched off, deleted or cannot be called");
            continue;
        };
        let offer: Offer = serde_json::from_value(offer)?;
        let error = row.error.unwrap_or_default();
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let failure = Failure {
            run: row.run.into(),
            workflow: &row.workflow,
            step: text("step"),
            code: text("code"),
            message: text("message"),
        };
        let id: RunId = fresh_id();
        rows.push(json!({
            "id": id, "failed": row.run, "workflow_id": other, "version_id": version, "trigger_node": offer.trigger,
            "title": row.other_name, "input": failure.input(&offer),
        }));
    }
    if rows.is_empty() {
        return Ok(Begun::default());
    }
    let made = sqlx::query!(
        "insert into run (id, workspace_id, workflow_id, version_id, source, trigger_node, title, input, firm, first_run, failure_of,
                          limited)
         select f.id, run.workspace_id, f.workflow_id, f.version_id, 'failure', f.trigger_node, f.title, f.input, run.firm, f.id, run.id,
                exists (select from version where version.id = f.version_id and version.concurrency is not null)
         from json_to_recordset($1::json) f (id uuid, failed uuid, workflow_id uuid, version_id uuid, trigger_node text, title text,
                  input jsonb)
              join run on run.id = f.failed
         returning id, limited",
        Records(&rows) as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    call::enter(connection, &rows).await?;
    let limited = made.into_iter().filter(|row| row.limited);
    let limited: Vec<RunId> = limited.map(|row| row.id.into()).collect();
    Ok(Begun {
        any: true,
        joined: line::join(connection, &limited, None).await?,
    })
}
