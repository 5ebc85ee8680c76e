//! How long runs and their files are kept, and what the last clean-up removed.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::retention::Retention;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{App, auth::Caller, error::Result, extract::Body};

/// A workflow with a number of days of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowRetention {
    pub id: Uuid,
    #[schema(minimum = 3, maximum = 36500)]
    pub days: i32,
}

/// What is kept; null sets no limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetentionIn {
    /// Days after a run's end.
    #[schema(minimum = 3, maximum = 36500)]
    pub run_days: Option<i32>,
    /// The newest runs of all workflows together.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub most_runs: Option<i64>,
    /// Days after a run's start; the run itself may stay longer.
    #[schema(minimum = 3, maximum = 36500)]
    pub file_days: Option<i32>,
    /// Of all files of runs together.
    #[schema(minimum = 1_000_000, maximum = 1_000_000_000_000_000_i64)]
    pub most_file_bytes: Option<i64>,
    /// Workflows with a number of days of their own.
    #[serde(default)]
    #[schema(required = false)]
    pub workflows: Vec<WorkflowRetention>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionOut {
    pub run_days: Option<i32>,
    pub most_runs: Option<i64>,
    pub file_days: Option<i32>,
    pub most_file_bytes: Option<i64>,
    pub workflows: Vec<WorkflowRetention>,
    /// Bytes of all files of runs; the same bytes in two files count twice.
    pub file_bytes: i64,
    /// When the oldest run was handed in.
    pub oldest_at: Option<Timestamp>,
    /// Null: nothing has been removed so far.
    pub last: Option<CleanUpOut>,
}

/// The last clean-up that removed something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CleanUpOut {
    pub at: Timestamp,
    pub runs: i64,
    pub deliveries: i64,
    pub files: i64,
    pub file_bytes: i64,
    /// Runs that are old enough and stay: with an open number, or messages under way.
    pub kept: i64,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_retention, write_retention))
}

/// What is kept, and what the last clean-up removed.
#[utoipa::path(get, path = "/retention", tag = "runs", responses((status = 200, body = RetentionOut)))]
async fn read_retention(State(app): State<App>, caller: Caller) -> Result<Json<RetentionOut>> {
    Ok(Json(retention_out(&app, &caller).await?))
}

/// Replaces what is kept. The next clean-up, within minutes, goes by it.
#[utoipa::path(put, path = "/retention", tag = "runs", request_body = RetentionIn, responses((status = 200, body = RetentionOut)))]
async fn write_retention(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<RetentionIn>,
) -> Result<Json<RetentionOut>> {
    let to = Retention {
        run_days: body.run_days,
        most_runs: body.most_runs,
        file_days: body.file_days,
        most_file_bytes: body.most_file_bytes,
        workflows: body
            .workflows
            .into_iter()
            .map(|own| (own.id.into(), own.days))
            .collect(),
    };
    store::retention::set(&app.store, &caller.scope, &to).await?;
    Ok(Json(retention_out(&app, &caller).await?))
}

async fn retention_out(app: &App, caller: &Caller) -> Result<RetentionOut> {
    let standing = store::retention::standing(&app.store, &caller.scope).await?;
    let retention = standing.retention;
    Ok(RetentionOut {
        run_days: retention.run_days,
        most_runs: retention.most_runs,
        file_days: retention.file_days,
        most_file_bytes: retention.most_file_bytes,
        workflows: retention
            .workflows
            .into_iter()
            .map(|(id, days)| WorkflowRetention {
                id: id.as_uuid(),
                days,
            })
            .collect(),
        file_bytes: standing.file_bytes,
        oldest_at: standing.oldest_at,
        last: standing.last.map(|last| CleanUpOut {
            at: last.at,
            runs: last.runs,
            deliveries: last.deliveries,
            files: last.files,
            file_bytes: last.file_bytes,
            kept: last.kept,
        }),
    })
}
