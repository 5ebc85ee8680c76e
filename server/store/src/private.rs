//! Hiding private values when their time is over, and with them whatever steps made of them, also in the runs that were called or that
//! told of a failure, in one commit for each run. Which values those are, and what is left of them, is said by `engine::private`; files that
//! were made stay as long as files do.

use std::collections::HashMap;

use engine::{
    approval::{ApprovalRequest, Verdict},
    ids::{ArtifactId, RunId, WorkspaceId},
    private::{MASK, Private, has_mask, veil, veil_error},
    value::FileRef,
};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result, Scope, Store, StoreError, artifact,
    output::{self, Kept, Large},
    records::Records,
};

/// How long after a run's end values stay that are hidden and not removed.
const MASK_HOURS: i32 = 24;

/// Runs looked for at once.
const BATCH: i64 = 50;

/// Large values that are held at the same time; a run may have called many others, each with its own.
const READ_TOGETHER: usize = 8;

/// A run whose values must go.
struct Due {
    run: Uuid,
    workspace: WorkspaceId,
    trigger_node: String,
    private: Private,
}

impl Due {
    /// What is left of what a step put out: what came in keeps what is not private; of everything else nobody knows what it was made of.
    fn left_of(&self, mut output: Json, run: Uuid, node: &str, files: &[ArtifactId]) -> Json {
        if run == self.run && node == self.trigger_node {
            self.private.hide(&mut output);
        } else {
            veil(&mut output, files);
        }
        output
    }

    fn files(&self, input: &Json) -> Vec<ArtifactId> {
        let files = self.private.files(input).into_iter();
        files.map(|file| file.id).collect()
    }
}

/// What comes in the place of large values, by run, node and item path.
type Replaced = HashMap<(Uuid, String, String), Left>;

/// What is left of a large value.
struct Left {
    /// Of the value as it was.
    sha256: Vec<u8>,
    /// `None`: it is large, too.
    output: Option<Json>,
    large: Option<Large>,
}

/// Hides what is due. A run whose messages are under way waits for them, and one of a chain of retries for the others.
pub async fn hide(store: &Store) -> Result<u64> {
    let mut hidden = 0;
    let mut after = Uuid::nil();
    loop {
        let due = due(store, after).await?;
        // What cannot be hidden now must not hold up what comes behind it.
        let Some(last) = due.last() else {
            return Ok(hidden);
        };
        after = last.run;
        for due in &due {
            match hide_run(store, due).await {
                Ok(done) => hidden += u64::from(done),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(run.id = %due.run, %error, "the private values of a run could not be hidden");
                }
            }
        }
    }
}

/// `offset 0` keeps the planner from joining the few that are due with every run that is under way.
async fn due(store: &Store, after: Uuid) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"select run.id, run.workspace_id, run.trigger_node, version.private -> run.trigger_node as "private!"
           from run join version on version.id = run.version_id
           where run.private is not null and run.masked_at is null
             and (run.private = 'never' and run.finished_at is not null
                  or run.private = 'mask' and run.finished_at < now() - make_interval(hours => $1))
             and version.private -> run.trigger_node is not null
             and not exists (select from run other where other.first_run = run.first_run and other.finished_at is null offset 0)
             and not exists (select from delivery d where d.run_id = run.id and d.finished_at is null and d.state <> 'held' offset 0)
             and not exists (select from run other where (other.parent_run = run.id or other.failure_of = run.id)
                             and other.finished_at is null offset 0)
             and run.id > $3
           order by run.id limit $2"#,
        MASK_HOURS,
        BATCH,
        after,
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                run: row.id,
                workspace: row.workspace_id.into(),
                trigger_node: row.trigger_node,
                private: serde_json::from_value(row.private)?,
            })
        })
        .collect()
}

/// `false`: another process did it, or something began meanwhile that needs the values.
async fn hide_run(store: &Store, due: &Due) -> Result<bool> {
    let mut replaced = replace_large(store, due).await?;
    let mut transaction = store.pool.begin().await?;
    let Some(made_of_it) = lock(&mut transaction, due.run).await? else {
        return Ok(false);
    };
    let row = sqlx::query!(
        "select input, error from run where id = $1 and masked_at is null and finished_at is not null",
        due.run
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(row) = row else {
        return Ok(false);
    };
    let all: Vec<Uuid> = std::iter::once(due.run)
        .chain(made_of_it.iter().copied())
        .collect();
    if is_needed(&mut transaction, &all).await? {
        return Ok(false);
    }
    let files = due.files(&row.input);
    let (mut input, mut error) = (row.input, row.error);
    due.private.hide(&mut input);
    error.iter_mut().for_each(|error| veil_error(error, &files));
    sqlx::query!(
        "update run set input = $2, error = $3, masked_at = now() where id = $1",
        due.run,
        input,
        error,
    )
    .execute(&mut *transaction)
    .await?;
    hide_submission(&mut transaction, due, &input).await?;
    for run in made_of_it {
        hide_input(&mut transaction, run, &files).await?;
    }
    let (mut gone, mut written) = (Vec::new(), Vec::new());
    for run in &all {
        let steps = hide_steps(&mut transaction, due, *run, &files, &mut replaced).await?;
        let Some((were, are)) = steps else {
            return Ok(false);
        };
        gone.extend(were);
        written.extend(are);
        hide_attempts(&mut transaction, *run, &files).await?;
        hide_deliveries(&mut transaction, *run, &files).await?;
        hide_approvals(&mut transaction, *run, &files).await?;
    }
    sqlx::query!("delete from generation where run_id = any($1)", &all)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from answer where run_id = any($1)", &all)
        .execute(&mut *transaction)
        .await?;
    gone.extend(delete_files(&mut transaction, due, &files).await?);
    transaction.commit().await?;
    for large in &written {
        output::keep(store, large).await;
    }
    artifact::remove_unnamed(store, due.workspace, &gone).await;
    tracing::info!(run.id = %due.run, "the private values of a run were hidden");
    Ok(true)
}

/// Reads the large values of a run and of those that were made of it, and writes what is left of them: files take their time, so it is
/// done before anything is held. Who holds the runs compares.
async fn replace_large(store: &Store, due: &Due) -> Result<Replaced> {
    let mut connection = store.pool.acquire().await?;
    let mut runs = made_of_it(&mut connection, due.run).await?;
    runs.push(due.run);
    let input = sqlx::query_scalar!("select input from run where id = $1", due.run)
        .fetch_optional(&mut *connection)
        .await?;
    let rows = sqlx::query!(
        r#"select run_id, node, item_path, output_sha256 as "output_sha256!" from step
           where run_id = any($1) and output_sha256 is not null"#,
        &runs
    )
    .fetch_all(&mut *connection)
    .await?;
    drop(connection);
    let files = due.files(&input.unwrap_or_default());
    let large = rows.iter().enumerate().filter_map(|(index, row)| {
        let step = (row.node.as_str(), row.item_path.as_str());
        let sha256 = Some(row.output_sha256.as_slice());
        Kept::of(index, due.workspace, row.run_id.into(), step, sha256)
    });
    let mut large: Vec<_> = large.collect();
    let scope = Scope::new(due.workspace, None);
    let mut replaced = Replaced::new();
    while !large.is_empty() {
        let some = large.split_off(large.len().saturating_sub(READ_TOGETHER));
        for (index, value) in output::whole(store, some).await? {
            let row = &rows[index];
            // Of one that is lost nothing is left to hide.
            let value = value.unwrap_or_else(|what| {
                tracing::warn!(what, "a value that had to be hidden is damaged");
                MASK.into()
            });
            let output = due.left_of(value, row.run_id, &row.node, &files);
            let large = output::put(store, scope, &output).await?;
            let left = Left {
                sha256: row.output_sha256.clone(),
                output: large.is_none().then_some(output),
                large,
            };
            replaced.insert((row.run_id, row.node.clone(), row.item_path.clone()), left);
        }
    }
    Ok(replaced)
}

/// Holds the run with its chain of retries, which share its files, and the runs that were made of it, which are given: all in the order in which
/// others hold them. `None`: there are more of them than were seen before they were held.
async fn lock(connection: &mut PgConnection, run: Uuid) -> Result<Option<Vec<Uuid>>> {
    let seen = made_of_it(connection, run).await?;
    sqlx::query!(
        "select id from run where id = any($2) or first_run = (select first_run from run of where of.id = $1) order by id for update",
        run,
        &seen,
    )
    .fetch_all(&mut *connection)
    .await?;
    let now = made_of_it(connection, run).await?;
    Ok(now.iter().all(|run| seen.contains(run)).then_some(now))
}

/// Deletes the files that were handed in as private values, unless another run of the chain still has them as its own; the hashes of their
/// bytes.
async fn delete_files(
    connection: &mut PgConnection,
    due: &Due,
    files: &[ArtifactId],
) -> Result<Vec<Vec<u8>>> {
    let mut files: Vec<Uuid> = files.iter().map(|file| file.as_uuid()).collect();
    files.sort_unstable();
    files.dedup();
    Ok(sqlx::query_scalar!(
        "with chain as (select chain.id, chain.masked_at, chain.input from run join run chain on chain.first_run = run.first_run where run.id = $3),
              held as (
                  select id from artifact
                  where workspace_id = $1 and id = any($2) and deleted_at is null and upload_session is not null
                    and run_id in (select id from chain)
                    and not exists (select from chain where masked_at is null and strpos(input::text, artifact.id::text) > 0)
                  order by id for update)
         update artifact set deleted_at = now(), name = $4 from held where artifact.id = held.id returning artifact.sha256",
        due.workspace.as_uuid(),
        &files,
        due.run,
        MASK,
    )
    .fetch_all(connection)
    .await?)
}

/// The runs that its steps called, directly or through others, those that told of a failure, and the retries of all these; they are
/// younger than it.
async fn made_of_it(connection: &mut PgConnection, run: Uuid) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"with recursive made (id) as (
               select id from run where parent_run = $1 or failure_of = $1
               union
               select run.id from made join run on run.parent_run = made.id or run.failure_of = made.id
                    or run.first_run = (select first_run from run of where of.id = made.id))
           select id as "id!" from made order by 1"#,
        run
    )
    .fetch_all(connection)
    .await?)
}

/// What was handed to a run by another one.
async fn hide_input(connection: &mut PgConnection, run: Uuid, files: &[ArtifactId]) -> Result<()> {
    let row = sqlx::query!("select input, error from run where id = $1", run)
        .fetch_one(&mut *connection)
        .await?;
    let (mut input, mut error) = (row.input, row.error);
    veil(&mut input, files);
    error.iter_mut().for_each(|error| veil_error(error, files));
    sqlx::query!(
        "update run set input = $2, error = $3, masked_at = now() where id = $1",
        run,
        input,
        error,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Asked once the runs are held: a retry or a message sent again may have begun while this waited.
async fn is_needed(connection: &mut PgConnection, runs: &[Uuid]) -> Result<bool> {
    sqlx::query!(
        "select id from delivery where run_id = any($1) order by id for update",
        runs
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar!(
        r#"select exists (select from run join run other on other.first_run = run.first_run
                          where run.id = any($1) and other.finished_at is null)
               or exists (select from delivery d where d.run_id = any($1) and d.finished_at is null and d.state <> 'held') as "needed!""#,
        runs
    )
    .fetch_one(connection)
    .await?)
}

/// What was handed in may have been written otherwise than the input that was made of it; so it is replaced by that.
async fn hide_submission(connection: &mut PgConnection, due: &Due, input: &Json) -> Result<()> {
    sqlx::query!(
        "update submission set input = $3 where workspace_id = $1 and run_id = $2",
        due.workspace.as_uuid(),
        due.run,
        input,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The hashes of large values that are named no longer, and what was written in their place. `None`: one of them is not the one that was
/// read before.
async fn hide_steps(
    connection: &mut PgConnection,
    due: &Due,
    run: Uuid,
    files: &[ArtifactId],
    replaced: &mut Replaced,
) -> Result<Option<(Vec<Vec<u8>>, Vec<Large>)>> {
    let rows = sqlx::query!(
        "select node, item_path, output, output_sha256, error, kept, signal from step where run_id = $1",
        run
    )
    .fetch_all(&mut *connection)
    .await?;
    let veiled = |value: Option<Json>| {
        value.map(|mut value| {
            veil(&mut value, files);
            value
        })
    };
    let (mut hidden, mut gone, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let (output, large) = if let Some(sha256) = &row.output_sha256 {
            match replaced.remove(&(run, row.node.clone(), row.item_path.clone())) {
                Some(left) if left.sha256 == *sha256 => (left.output, left.large),
                Some(_) | None => return Ok(None),
            }
        } else {
            let output = row.output;
            let output = output.map(|output| due.left_of(output, run, &row.node, files));
            (output, None)
        };
        let mut error = row.error;
        error.iter_mut().for_each(|error| veil_error(error, files));
        hidden.push(json!({
            "node": row.node, "item_path": row.item_path,
            "output": large.as_ref().map(|large| &large.stand_in).or(output.as_ref()),
            "output_sha256": large.as_ref().map(Large::hash), "error": error,
            "kept": veiled(row.kept), "signal": veiled(row.signal),
        }));
        gone.extend(row.output_sha256);
        written.extend(large);
    }
    sqlx::query!(
        "update step set output = nullif(h.output, 'null'), output_sha256 = h.output_sha256, error = nullif(h.error, 'null'),
                kept = nullif(h.kept, 'null'), signal = nullif(h.signal, 'null'), warnings = null
         from json_to_recordset($2::json) h (node text, item_path text, output jsonb, output_sha256 bytea, error jsonb, kept jsonb,
              signal jsonb)
         where step.run_id = $1 and step.node = h.node and step.item_path = h.item_path",
        run,
        Records(&hidden) as _,
    )
    .execute(connection)
    .await?;
    Ok(Some((gone, written)))
}

async fn hide_attempts(
    connection: &mut PgConnection,
    run: Uuid,
    files: &[ArtifactId],
) -> Result<()> {
    let rows = sqlx::query!(
        "select node, item_path, attempt, error from attempt where run_id = $1",
        run
    )
    .fetch_all(&mut *connection)
    .await?;
    for mut row in rows {
        veil_error(&mut row.error, files);
        sqlx::query!(
            "update attempt set error = $5 where run_id = $1 and node = $2 and item_path = $3 and attempt = $4",
            run,
            row.node,
            row.item_path,
            row.attempt,
            row.error,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Messages keep what kind they were and when they were written, those that asked somebody to decide among them.
async fn hide_deliveries(
    connection: &mut PgConnection,
    run: Uuid,
    files: &[ArtifactId],
) -> Result<()> {
    let rows = sqlx::query!(
        "select id, message, artifacts, error from delivery
         where run_id = $1 or channel = 'mail' and run_id is null and message -> 'data' -> 'values' ->> 'approval' in (
             select id::text from approval where approval.run_id = $1)",
        run
    )
    .fetch_all(&mut *connection)
    .await?;
    for mut row in rows {
        let data = row.message.get_mut("data").into_iter();
        data.for_each(|data| veil(data, files));
        row.error
            .iter_mut()
            .for_each(|error| veil_error(error, files));
        let mut artifacts: Vec<FileRef> = serde_json::from_value(row.artifacts)?;
        artifacts.retain(|file| !files.contains(&file.id));
        sqlx::query!(
            "update delivery set message = $2, artifacts = $3, error = $4, masked_at = now() where id = $1",
            row.id,
            row.message,
            json!(artifacts),
            row.error,
        )
        .execute(&mut *connection)
        .await?;
        // A receiver may have repeated what it was sent.
        sqlx::query!(
            "update delivery_attempt set answer_head = null, error = case when error is not null then jsonb_build_object('code', error -> 'code') end where delivery_id = $1",
            row.id
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// What people were asked; all of it is over.
async fn hide_approvals(
    connection: &mut PgConnection,
    run: Uuid,
    files: &[ArtifactId],
) -> Result<()> {
    let rows = sqlx::query!(
        "select id, request, verdict, answered_by from approval where run_id = $1",
        run
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let mut request: ApprovalRequest = serde_json::from_value(row.request)?;
        let verdict: Option<Verdict> = row.verdict.map(serde_json::from_value).transpose()?;
        request.veil(files);
        let verdict = verdict.map(|mut verdict| {
            verdict.veil(row.answered_by.is_some());
            json!(verdict)
        });
        sqlx::query!(
            "update approval set request = $2, verdict = $3, addresses = '[]', barred_addresses = '{}' where id = $1",
            row.id,
            json!(request),
            verdict,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Refuses a retry of a run whose private values are gone, unless its new input has them.
pub(crate) async fn expect_kept(
    connection: &mut PgConnection,
    run: RunId,
    input: Option<&Json>,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select version.private -> run.trigger_node as "private" from run join version on version.id = run.version_id
           where run.id = $1 and run.masked_at is not null"#,
        run.as_uuid()
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let private: Option<Private> = row.private.map(serde_json::from_value).transpose()?;
    let Some(input) = input else {
        return Err(StoreError::conflict(
            "private_values_gone",
            "Private values of this run are not kept any more, so its steps cannot run again. Retry it with changed input and fill them in, or start a new run.",
        ));
    };
    let pointer = match &private {
        Some(private) => private
            .hidden_in(input)
            .map(|path| format!("/input/{}", path.split('.').next().unwrap_or(path))),
        // It was made of the private values of another run.
        None => has_mask(input).then(|| "/input".to_owned()),
    };
    match pointer {
        None => Ok(()),
        Some(pointer) => Err(StoreError::invalid(
            "private_value_hidden",
            &pointer,
            "This value is not kept any more. Write it again.",
        )),
    }
}

/// Whether some of what a run was given is kept for less long than the run, or of what a run was given that called it, or of whose failure it
/// tells: a copy of its values must not outlive them.
pub async fn concerns(store: &Store, scope: &Scope, run: RunId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"with recursive above (id, caller, private) as (
               select id, coalesce(parent_run, failure_of), private is not null or masked_at is not null from run
               where id = $1 and workspace_id = $2
               union all
               select run.id, coalesce(run.parent_run, run.failure_of), run.private is not null or run.masked_at is not null
               from above join run on run.id = above.caller)
           select coalesce(bool_or(private), false) as "private!" from above"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_one(&store.pool)
    .await?)
}
