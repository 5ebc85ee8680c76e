//! Retrying an ended run: which steps run again, and where the new run begins.

use std::collections::{BTreeSet, HashMap};

use engine::{
    ids::{MemberId, RunId},
    private::files_in,
    value::FileRef,
    workflow::Workflow,
};
use serde_json::Value as Json;
use sqlx::PgConnection;

use super::{StepRow, announce, get, step_rows, whole};
use crate::{
    Result, Scope, Store, StoreError, batch, fresh_id, line, private, queue, retention, series,
    storable,
};

/// What a retry runs again.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// From this node on; `None`: everything that failed or was stopped.
    pub from_node: Option<String>,
    /// New input; the whole run is done again.
    pub input: Option<Json>,
    /// One of many: nobody waits for this one.
    pub unattended: bool,
}

/// A new run of the same version that keeps the results of the steps it does not run again. An ended run is never reopened.
pub async fn retry(store: &Store, scope: &Scope, run: RunId, retry: Retry) -> Result<RunId> {
    let detail = get(store, scope, run).await?;
    if detail.item.finished_at.is_none() {
        return Err(StoreError::conflict(
            "run_not_over",
            "This run is not over yet. Stop it first, or wait for its end.",
        ));
    }
    let Some(version) = detail.version_id else {
        return Err(StoreError::conflict(
            "trial_run",
            "A trial run is not retried. Start a new one in the editor.",
        ));
    };
    check_input(retry.input.as_ref())?;
    let workflow: Workflow = serde_json::from_value(detail.document)?;
    let mut rows = step_rows(store, &[run])
        .await?
        .remove(&run)
        .unwrap_or_default();
    whole(store, scope, run, &mut rows).await?;
    let mut transaction = store.pool.begin().await?;
    expect_alone(&mut transaction, run).await?;
    private::expect_kept(&mut transaction, run, retry.input.as_ref()).await?;
    let voided = series::voided(&mut transaction, run).await?;
    let again = if retry.input.is_some() {
        workflow.nodes.iter().map(|node| node.id.clone()).collect()
    } else {
        again(&workflow, &rows, retry.from_node.as_deref(), &voided)?
    };
    let kept: Vec<&StepRow> = rows
        .iter()
        .filter(|row| !again.contains(&row.node))
        .collect();
    let frontier = frontier(&workflow, &kept, &detail.trigger_node);
    if frontier.heads.is_empty() {
        return Err(nothing_to_retry());
    }
    let input = retry.input.as_ref().unwrap_or(&detail.input);
    expect_files(&mut transaction, scope, run, &kept, input).await?;
    let kept: Vec<String> = kept.into_iter().map(|row| row.node.clone()).collect();
    let new: RunId = fresh_id();
    let limited = sqlx::query_scalar!(
        "insert into run (id, workspace_id, workflow_id, version_id, source, trigger_node, submission_id, title, input, firm,
                          retry_of, first_run, priority, started_by, failure_of, private, limited)
         select $1, workspace_id, workflow_id, $4, source, trigger_node, submission_id, title, coalesce($5, input), firm,
                id, first_run, $6, coalesce($7, started_by), failure_of, private, limited
         from run where id = $2 and workspace_id = $3
         returning limited",
        new.as_uuid(),
        run.as_uuid(),
        scope.workspace().as_uuid(),
        version.as_uuid(),
        retry.input,
        i16::from(!retry.unattended),
        // Whoever changed what was handed in may not decide on it, as whoever starts a run.
        retry.input.as_ref().and(scope.member()).map(MemberId::as_uuid),
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into step (run_id, node, item_path, workspace_id, state, attempt, ports, output, output_sha256, error, warnings, kept,
                           worker_id, started_at, finished_at)
         select $1, node, item_path, workspace_id, state, attempt, ports, output, output_sha256, error, warnings, kept,
                worker_id, started_at, finished_at
         from step where run_id = $2 and node = any($3)",
        new.as_uuid(),
        run.as_uuid(),
        &kept,
    )
    .execute(&mut *transaction)
    .await?;
    if !kept.is_empty() {
        begin_at(&mut transaction, scope, new, &workflow, &frontier).await?;
    }
    enter(&mut transaction, new, &frontier.heads).await?;
    series::take_over(&mut transaction, run, new, &kept).await?;
    batch::take_over(&mut transaction, run, new, retry.unattended).await?;
    let limited: &[RunId] = if limited { &[new] } else { &[] };
    let joined = line::join(&mut transaction, limited, Some(&frontier.heads)).await?;
    let admitted = line::advance(&mut transaction, joined, &[]).await?;
    transaction.commit().await?;
    line::tell(&store.events, &admitted);
    queue::wake(store);
    announce(store, scope, new, detail.item.workflow, "queued", false);
    Ok(new)
}

/// Heads beside the trigger are steps that are ready: the state machine finds them so, and their limits count from now on.
async fn begin_at(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    workflow: &Workflow,
    frontier: &Frontier,
) -> Result<()> {
    let limits = frontier.heads.iter().map(|head| {
        let node = workflow.nodes.iter().find(|node| node.id == *head);
        node.and_then(|node| node.limits).unwrap_or_default()
    });
    let (start_ms, total_ms): (Vec<Option<i64>>, Vec<Option<i64>>) = limits
        .map(|limits| (limits.start_ms.map(signed), limits.total_ms.map(signed)))
        .unzip();
    sqlx::query!(
        "insert into step (run_id, node, item_path, workspace_id, state, finished_at, start_by, end_by)
         select $1::uuid, node, '', $2::uuid, 'ready', null::timestamptz, now() + start_ms * interval '1 millisecond',
                now() + total_ms * interval '1 millisecond'
         from unnest($3::text[], $4::bigint[], $5::bigint[]) head (node, start_ms, total_ms)
         union all select $1, node, '', $2, 'skipped', now(), null, null from unnest($6::text[]) node",
        run.as_uuid(),
        scope.workspace().as_uuid(),
        &frontier.heads,
        &start_ms as &[Option<i64>],
        &total_ms as &[Option<i64>],
        &frontier.skipped,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// Entries of the heads, unless the run waits in line for them.
async fn enter(connection: &mut PgConnection, run: RunId, heads: &[String]) -> Result<()> {
    sqlx::query!(
        "insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority)
         select run.id, head, '', run.workspace_id, run.workflow_id, run.priority from run, unnest($2::text[]) head
         where run.id = $1 and not run.limited",
        run.as_uuid(),
        heads,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn check_input(input: Option<&Json>) -> Result<()> {
    if input.is_none_or(storable::json) {
        return Ok(());
    }
    Err(StoreError::invalid(
        "nul_character",
        "/input",
        "The text contains a NUL character, which cannot be stored.",
    ))
}

/// Refuses a retry beside another run of the same chain: both would hold the same numbers. Until the transaction ends no other retry of
/// the chain begins. What began while this one waited is seen by the second statement only.
async fn expect_alone(connection: &mut PgConnection, run: RunId) -> Result<()> {
    let chain = sqlx::query!(
        "select chain.id from run join run chain on chain.first_run = run.first_run
         where run.id = $1 order by chain.id for no key update of chain",
        run.as_uuid()
    )
    .fetch_all(&mut *connection)
    .await?;
    if chain.is_empty() {
        // It was removed since it was read.
        return Err(StoreError::NotFound("run"));
    }
    let is_busy = sqlx::query_scalar!(
        r#"select exists (select 1 from run join run chain on chain.first_run = run.first_run
                          where run.id = $1 and chain.finished_at is null) as "busy!""#,
        run.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    if is_busy {
        return Err(StoreError::conflict(
            "retry_under_way",
            "Another retry of this run is not over yet. Stop it first, or wait for its end.",
        ));
    }
    Ok(())
}

/// Refuses a retry that would go on with files which are kept no longer, or with values that cannot be read.
async fn expect_files(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    kept: &[&StepRow],
    input: &Json,
) -> Result<()> {
    for row in kept {
        if let Some(what) = &row.damage {
            tracing::error!(what, "a large value is lost");
            return Err(StoreError::conflict(
                "retry_value_lost",
                format!(
                    "What the step \"{}\" put out cannot be read any more, and this retry would need it. Retry from that step, or start a new run.",
                    row.node
                ),
            ));
        }
    }
    let outputs = kept.iter().filter_map(|row| row.output.as_deref());
    let texts: Vec<String> = outputs.chain([input]).map(Json::to_string).collect();
    let mut gone = retention::removed_file(&mut *connection, run.as_uuid(), &texts).await?;
    if gone.is_none() {
        gone = missing_file(connection, scope, run, kept, input).await?;
    }
    match gone {
        None => Ok(()),
        Some(name) => Err(StoreError::conflict(
            "retry_files_gone",
            format!(
                "The file \"{name}\" is not kept any more, and this retry would need it. Retry from the step that made it, or start a new run."
            ),
        )),
    }
}

/// The name of a file of another run that is gone without a trace: of one that was called, or whose file somebody handed in. What messages
/// and servers tell of files that lie elsewhere looks the same, so it is asked only where there may be one of those.
async fn missing_file(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    kept: &[&StepRow],
    input: &Json,
) -> Result<Option<String>> {
    let has = sqlx::query!(
        r#"select trigger_node, source <> 'webhook' as "handed_in!",
                  exists (select from version_call c where c.version_id = run.version_id) as "called!"
           from run where id = $1"#,
        run.as_uuid()
    )
    .fetch_one(&mut *connection)
    .await?;
    let behind = kept
        .iter()
        .filter(|row| has.called && row.node != has.trigger_node);
    let outputs = behind.filter_map(|row| row.output.as_deref());
    let values = outputs.chain(has.handed_in.then_some(input));
    let files: Vec<FileRef> = values.flat_map(files_in).collect();
    retention::missing_file(connection, scope.workspace(), &files).await
}

/// The nodes that run again: the named one, all that did not end well or lost their number, and everything behind them.
fn again(
    workflow: &Workflow,
    rows: &[StepRow],
    from: Option<&str>,
    voided: &[String],
) -> Result<BTreeSet<String>> {
    let caught = |id: &str| {
        workflow
            .nodes
            .iter()
            .any(|node| node.id == id && node.on_error != engine::workflow::OnError::Stop)
    };
    let parents: HashMap<&str, &str> = workflow
        .nodes
        .iter()
        .filter_map(|node| Some((node.id.as_str(), node.parent.as_deref()?)))
        .collect();
    // What lies in a container runs again with it, or not at all: its failures are the container's business.
    let outermost = |id: &str| {
        std::iter::successors(Some(id), |id| parents.get(id).copied())
            .take(workflow.nodes.len())
            .last()
            .unwrap_or(id)
            .to_owned()
    };
    // Also beside the named one: with a failure in it the new run would be over before it began.
    let mut again: BTreeSet<String> = rows
        .iter()
        .filter(|row| !parents.contains_key(row.node.as_str()))
        .filter(|row| match row.state.as_str() {
            "succeeded" | "skipped" => false,
            "failed" => !caught(&row.node),
            _ => true,
        })
        .map(|row| row.node.clone())
        .collect();
    match from {
        Some(node) if workflow.nodes.iter().any(|other| other.id == node) => {
            if rows
                .iter()
                .any(|row| row.node == outermost(node) && row.state == "skipped")
            {
                return Err(StoreError::conflict(
                    "step_skipped",
                    "This step was skipped: no way led to it. Choose a step that ran.",
                ));
            }
            again.insert(outermost(node));
        }
        Some(_) => {
            return Err(StoreError::invalid(
                "unknown_node",
                "/from_node",
                "The workflow of this run has no such step.",
            ));
        }
        None if again.is_empty() => {
            return Err(nothing_to_retry());
        }
        None => {}
    }
    let ran = |node: &&String| rows.iter().any(|row| row.node == **node);
    again.extend(voided.iter().filter(ran).map(|node| outermost(node)));
    let known: BTreeSet<&str> = rows.iter().map(|row| row.node.as_str()).collect();
    again.extend(
        workflow
            .nodes
            .iter()
            .filter(|node| node.parent.is_none() && !known.contains(node.id.as_str()))
            .map(|node| node.id.clone()),
    );
    loop {
        let behind: Vec<String> = workflow
            .edges
            .iter()
            .filter(|edge| again.contains(&edge.from) && !again.contains(&edge.to))
            .map(|edge| edge.to.clone())
            .collect();
        if behind.is_empty() {
            let inside = parents.keys().filter(|id| again.contains(&outermost(id)));
            let inside: Vec<String> = inside.map(|id| (*id).to_owned()).collect();
            again.extend(inside);
            return Ok(again);
        }
        again.extend(behind);
    }
}

fn nothing_to_retry() -> StoreError {
    StoreError::conflict(
        "nothing_to_retry",
        "Every step of this run ended well. Choose the step to start from.",
    )
}

/// Where a retry begins.
#[derive(Debug, Default, PartialEq)]
struct Frontier {
    /// Nodes that can start at once: everything before them is kept, and a way leads to them.
    heads: Vec<String>,
    /// Nodes that no way leads to any more.
    skipped: Vec<String>,
}

/// Without kept steps a retry begins with the trigger, like any run.
fn frontier(workflow: &Workflow, kept: &[&StepRow], trigger: &str) -> Frontier {
    let mut frontier = Frontier::default();
    if kept.is_empty() {
        frontier.heads.push(trigger.to_owned());
        return frontier;
    }
    let mut settled: HashMap<&str, &[String]> = kept
        .iter()
        .map(|row| (row.node.as_str(), row.ports.as_slice()))
        .collect();
    loop {
        let mut skipped = Vec::new();
        for node in &workflow.nodes {
            let id = node.id.as_str();
            if node.parent.is_some()
                || settled.contains_key(id)
                || frontier.heads.iter().any(|head| head == id)
            {
                continue;
            }
            let before: Vec<_> = workflow.edges.iter().filter(|edge| edge.to == id).collect();
            if !before
                .iter()
                .all(|edge| settled.contains_key(edge.from.as_str()))
            {
                continue;
            }
            let fired = |edge: &&engine::workflow::Edge| {
                settled
                    .get(edge.from.as_str())
                    .is_some_and(|ports| ports.contains(&edge.port))
            };
            if id == trigger || before.iter().any(fired) {
                frontier.heads.push(id.to_owned());
            } else {
                skipped.push(id);
            }
        }
        if skipped.is_empty() {
            return frontier;
        }
        settled.extend(skipped.iter().map(|id| (*id, [].as_slice())));
        frontier
            .skipped
            .extend(skipped.into_iter().map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn workflow() -> Workflow {
        let nodes: Vec<Json> = ["form", "left", "right", "join", "end"]
            .iter()
            .map(|id| json!({"id": id, "type": "t", "version": 1, "name": id}))
            .collect();
        let edges: Vec<Json> = [
            ("form", "left"),
            ("form", "right"),
            ("left", "join"),
            ("right", "join"),
            ("join", "end"),
        ]
        .iter()
        .map(|(from, to)| json!({"from": from, "port": "out", "to": to}))
        .collect();
        serde_json::from_value(json!({
            "format": "formwork/1", "name": "n", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": nodes, "edges": edges,
        }))
        .expect("the workflow is well-formed")
    }

    /// What succeeded fired `out`.
    fn rows(states: &[(&str, &str)]) -> Vec<StepRow> {
        states
            .iter()
            .map(|(node, state)| StepRow {
                node: (*node).into(),
                state: (*state).into(),
                ports: (*state == "succeeded")
                    .then(|| "out".to_owned())
                    .into_iter()
                    .collect(),
                ..StepRow::default()
            })
            .collect()
    }

    #[test]
    fn what_lies_in_a_container_is_kept_or_runs_again_with_it() {
        let mut workflow = workflow();
        for node in &mut workflow.nodes {
            if node.id == "right" || node.id == "join" {
                node.parent = Some("left".into());
            }
        }
        workflow
            .edges
            .retain(|edge| edge.to != "join" && edge.from != "right");
        workflow.edges.push(engine::workflow::Edge {
            from: "left".into(),
            port: "out".into(),
            to: "end".into(),
        });
        let inner = |state: &str, path: &str| StepRow {
            item_path: path.into(),
            ..rows(&[("right", state)]).remove(0)
        };
        let mut steps = rows(&[
            ("form", "succeeded"),
            ("left", "succeeded"),
            ("end", "failed"),
        ]);
        steps.extend([inner("succeeded", "0"), inner("failed", "1")]);
        let runs = |again: BTreeSet<String>| again.into_iter().collect::<Vec<_>>().join(" ");
        // The container counted the failure of an entry out; only what came after it runs again.
        assert_eq!(
            runs(again(&workflow, &steps, None, &[]).expect("a retry")),
            "end"
        );
        assert_eq!(
            runs(again(&workflow, &steps, Some("right"), &[]).expect("a retry")),
            "end join left right"
        );
        let kept: Vec<&StepRow> = steps.iter().filter(|row| row.node == "form").collect();
        assert_eq!(frontier(&workflow, &kept, "form").heads, ["left"]);
    }

    #[test]
    fn a_retry_starts_where_everything_before_is_kept() {
        let check =
            |states: &[(&str, &str)], from: Option<&str>, heads: &[&str], skipped: &[&str]| {
                let (workflow, rows) = (workflow(), rows(states));
                let again =
                    again(&workflow, &rows, from, &[]).expect("there is something to retry");
                let kept: Vec<&StepRow> = rows
                    .iter()
                    .filter(|row| !again.contains(&row.node))
                    .collect();
                let found = frontier(&workflow, &kept, "form");
                assert_eq!(found.heads, heads, "{states:?} {from:?}");
                assert_eq!(found.skipped, skipped, "{states:?} {from:?}");
            };
        let failed = [
            ("form", "succeeded"),
            ("left", "failed"),
            ("right", "succeeded"),
            ("join", "cancelled"),
            ("end", "cancelled"),
        ];
        check(&failed, None, &["left"], &[]);
        // The failure beside the chosen step is not carried over.
        check(&failed, Some("right"), &["left", "right"], &[]);
        let stopped = [
            ("form", "succeeded"),
            ("left", "cancelled"),
            ("right", "cancelled"),
        ];
        check(&stopped, None, &["left", "right"], &[]);
        let ended = ["form", "left", "right", "join", "end"].map(|node| (node, "succeeded"));
        check(&ended, Some("join"), &["join"], &[]);
        check(&ended, Some("form"), &["form"], &[]);
        assert!(again(&workflow(), &rows(&ended), None, &[]).is_err());
        // No way leads on: what would have joined is skipped in the new run, too.
        let dead = [
            ("form", "succeeded"),
            ("left", "skipped"),
            ("right", "skipped"),
        ];
        let kept = rows(&dead);
        let found = frontier(&workflow(), &kept.iter().collect::<Vec<_>>(), "form");
        assert!(found.heads.is_empty());
        assert_eq!(found.skipped, ["join", "end"]);
        assert!(again(&workflow(), &kept, None, &[]).is_err());
        assert!(again(&workflow(), &kept, Some("left"), &[]).is_err());
    }
}
