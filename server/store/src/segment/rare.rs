//! What few segments write, beside the rows of `Rows`.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use engine::{
    ids::{DeliveryId, EndpointId, RunId},
    node::{Attach, Receiver},
};
use sqlx::PgConnection;

use super::{Segment, Writes, rows::Rows};
use crate::{Result, approval, delivery::Channel, fresh_id, records::Records, run};

/// `true`: mails to those who are asked were written.
pub(super) async fn write_approvals(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<bool> {
    let mut asks = false;
    for (run, writes) in writes {
        let Some(segment) = segments.get(run) else {
            continue;
        };
        for approval in &writes.approvals {
            let new = approval::New {
                scope: &segment.scope,
                run: *run,
                node: &approval.node,
                item_path: &approval.item_path,
                request: &approval.request,
            };
            asks |= approval::insert(connection, &new, approval.now).await?;
        }
    }
    Ok(asks)
}

/// Calls off what a run goes on without; what is still open ends with the run. Steps that its segment settled itself are already written.
/// Gives the runs whose questions to people were withdrawn.
pub(super) async fn end_others(
    connection: &mut PgConnection,
    ended: &[RunId],
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<HashSet<RunId>> {
    let mut asked = HashSet::new();
    for (run, writes) in writes {
        // With the run everything ends at once.
        let alone = !writes.run.as_ref().is_some_and(|run| run.cancels);
        for (node, item_path) in writes.cancelled.iter().filter(|_| alone) {
            if run::end_step(connection, *run, node, item_path).await? {
                asked.insert(*run);
            }
        }
    }
    let stopped: Vec<RunId> = ended
        .iter()
        .copied()
        .filter(|run| {
            writes
                .get(run)
                .and_then(|writes| writes.run.as_ref())
                .is_some_and(|run| run.cancels)
        })
        .collect();
    if !stopped.is_empty() {
        asked.extend(run::end_open(connection, &stopped).await?);
    }
    Ok(asked)
}

pub(super) async fn write_attempts(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    if rows.attempts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into attempt (run_id, workspace_id, node, item_path, attempt, error, worker_id, started_at, finished_at)
         select run_id, workspace_id, node, item_path, attempt, error, worker_id,
                now() - started_ago_ms * interval '1 millisecond', now() - finished_ago_ms * interval '1 millisecond'
         from json_to_recordset($1::json) as a (run_id uuid, workspace_id uuid, node text, item_path text, attempt integer,
              error jsonb, worker_id uuid, started_ago_ms bigint, finished_ago_ms bigint)
         on conflict (run_id, node, item_path, attempt) do nothing",
        Records(&rows.attempts) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What comes back later comes back when its step's time is up at the latest, whoever then takes it up.
pub(super) async fn bring_forward(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    let limited = rows.steps.iter().filter(|step| step.row.total_ms.is_some());
    let runs: Vec<_> = limited.map(|step| step.run_id.as_uuid()).collect();
    if runs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update queue_entry q set due_at = s.end_by from step s
         where q.run_id = any($1) and q.lease_owner is null and s.run_id = q.run_id and s.node = q.node and s.item_path = q.item_path
           and s.end_by < q.due_at",
        &runs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn write_deliveries(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    for (segment, delivery) in &rows.deliveries {
        let id: DeliveryId = fresh_id();
        let (channel, endpoint) = match delivery.request.receiver {
            Receiver::Endpoint(endpoint) => (Channel::Webhook, Some(endpoint)),
            Receiver::Mail => (Channel::Mail, None),
        };
        sqlx::query!(
            "insert into delivery (id, workspace_id, run_id, node, item_path, endpoint_id, state, message, artifacts, attach, awaited, channel)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            id.as_uuid(),
            segment.scope.workspace().as_uuid(),
            segment.lease.run.as_uuid(),
            delivery.node,
            delivery.item_path,
            endpoint.map(EndpointId::as_uuid),
            if delivery.held { "held" } else { "due" },
            delivery.message,
            serde_json::to_value(&delivery.request.artifacts)?,
            match delivery.request.attach {
                Attach::Link => "link",
                Attach::Inline => "inline",
            },
            delivery.awaited,
            channel.as_str(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
