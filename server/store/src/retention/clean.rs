//! Removing what is kept no longer: in batches, each a commit of its own, by any process and only one at a time in a workspace. A chain
//! of retries goes as a whole, because its runs share files; unfinished runs, open numbers and messages under way keep it, also those of
//! runs that called one of it, directly or through others.

use std::collections::{BTreeSet, HashMap, HashSet};

use engine::{call::MAX_DEPTH, ids::WorkspaceId, value::FileRef};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{DEFAULT_RUN_DAYS, SAFE_HOURS};
use crate::{Result, Store, artifact};

/// Most runs that are looked at in one commit.
const BATCH: i64 = 100;

/// Runs removed from one workspace in one pass; the next pass goes on.
const MOST_IN_A_PASS: u64 = 20_000;

/// What was removed from one workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    pub runs: u64,
    pub deliveries: u64,
    pub files: u64,
    pub file_bytes: i64,
    /// Runs that are old enough and stay.
    pub kept: u64,
}

/// Runs of one workflow that are due.
struct Due {
    workspace: WorkspaceId,
    workflow: Uuid,
    /// Ids are instants: what was handed in before.
    below: Uuid,
    ended_before: jiff_sqlx::Timestamp,
}

/// Files of the runs of one workspace that are due.
struct DueFiles {
    workspace: WorkspaceId,
    /// Of runs that were handed in before it all of them are.
    below: Option<Uuid>,
    most_bytes: Option<i64>,
}

/// One pass over all workspaces: a few statements when nothing is due.
pub async fn clean(store: &Store) -> Result<Cleaned> {
    let mut by_workspace: HashMap<WorkspaceId, Cleaned> = HashMap::new();
    // A run can be too old and one too many.
    let mut kept: HashMap<WorkspaceId, HashSet<Uuid>> = HashMap::new();
    let mut outcome = Ok(());
    for due in due_runs(store).await? {
        let cleaned = by_workspace.entry(due.workspace).or_default();
        let kept = kept.entry(due.workspace).or_default();
        if cleaned.runs < MOST_IN_A_PASS {
            outcome = outcome.and(clean_runs(store, &due, cleaned, kept).await);
        }
        cleaned.kept = kept.len() as u64;
    }
    for due in due_files(store).await? {
        let cleaned = by_workspace.entry(due.workspace).or_default();
        outcome = outcome.and(clean_files(store, &due, cleaned).await);
    }
    for workspace in workspaces_with_loose_deliveries(store).await? {
        let cleaned = by_workspace.entry(workspace).or_default();
        outcome = outcome.and(clean_loose_deliveries(store, workspace, cleaned).await);
    }
    let mut all = Cleaned::default();
    for (workspace, cleaned) in by_workspace {
        outcome = outcome.and(note(store, workspace, &cleaned).await);
        all.add(&cleaned);
    }
    outcome.map(|()| all)
}

impl Cleaned {
    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.deliveries += other.deliveries;
        self.files += other.files;
        self.file_bytes += other.file_bytes;
        self.kept += other.kept;
    }

    fn has_removed(&self) -> bool {
        self.runs + self.deliveries + self.files > 0
    }
}

/// Workflows with runs that are too old, and those of workspaces with too many. Each is asked for its oldest run by one step into an
/// index; without the limit the planner would join them with all runs.
async fn due_runs(store: &Store) -> Result<Vec<Due>> {
    let rows = sqlx::query!(
        r#"select w.workspace_id, w.id, due.below as "below!", due.ended_before as "ended_before!: jiff_sqlx::Timestamp"
           from workspace
           left join retention r on r.workspace_id = workspace.id
           left join lateral (
               select least(nth.id, uuid_floor(now() - make_interval(hours => $2))) as below
               from (select run.id from run where run.workspace_id = workspace.id and not run.trial
                     order by run.id desc offset r.most_runs - 1 limit 1) nth
           ) many on r.most_runs is not null
           join workflow w on w.workspace_id = workspace.id
           cross join lateral (
               select uuid_floor(now() - make_interval(days => days)) as below, now() - make_interval(days => days) as ended_before
               from (select coalesce(w.run_days, case when r.workspace_id is null then $1 else r.run_days end) as days) rule
               where days is not null
               union all
               select many.below, now() - make_interval(hours => $2) where many.below is not null
           ) due
           cross join lateral (
               select from run where run.workspace_id = w.workspace_id and run.workflow_id = w.id and not run.trial and run.id < due.below
               order by run.id limit 1
           ) oldest
           order by w.workspace_id, due.below"#,
        DEFAULT_RUN_DAYS,
        SAFE_HOURS,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Due {
            workspace: row.workspace_id.into(),
            workflow: row.id,
            below: row.below,
            ended_before: row.ended_before,
        })
        .collect())
}

async fn clean_runs(
    store: &Store,
    due: &Due,
    cleaned: &mut Cleaned,
    kept: &mut HashSet<Uuid>,
) -> Result<()> {
    let mut after = Uuid::nil();
    while cleaned.runs < MOST_IN_A_PASS {
        let found = sqlx::query!(
            "select id, first_run from run
             where workspace_id = $1 and workflow_id = $2 and not trial and id > $3 and id < $4 and finished_at < $5
             order by id limit $6",
            due.workspace.as_uuid(),
            due.workflow,
            after,
            due.below,
            due.ended_before as _,
            BATCH,
        )
        .fetch_all(&store.pool)
        .await?;
        let Some(last) = found.last() else {
            return Ok(());
        };
        after = last.id;
        // Two of one chain may lie in one batch.
        let chains: BTreeSet<Uuid> = found.iter().map(|row| row.first_run).collect();
        let chains: Vec<Uuid> = chains.into_iter().collect();
        let Some((removed, gone)) = remove_chains(store, due, &chains).await? else {
            return Ok(());
        };
        kept.extend(found.iter().map(|row| row.id));
        for run in gone {
            kept.remove(&run);
        }
        cleaned.add(&removed);
    }
    Ok(())
}

/// Removes the chains whose every run is due and that nothing keeps; the runs that are gone. `None`: another process is cleaning this
/// workspace.
async fn remove_chains(
    store: &Store,
    due: &Due,
    chains: &[Uuid],
) -> Result<Option<(Cleaned, Vec<Uuid>)>> {
    let mut transaction = store.pool.begin().await?;
    if !lock_workspace(&mut transaction, due.workspace).await? {
        return Ok(None);
    }
    let locked = lock_chains(&mut transaction, due.workspace, chains).await?;
    // Asked once everything is held: a retry or a message sent again may have begun while this waited.
    let needed = needed_above(&mut transaction, chains, true).await?;
    let runs = sqlx::query_scalar!(
        "select run.id from run
         where run.id = any($1)
           and not exists (select from run other where other.first_run = run.first_run
                           and (other.id >= $2 or other.finished_at is null or other.finished_at >= $3))
           and run.first_run <> all ($4)
           and not exists (select from run other where other.first_run = run.first_run and other.private is not null and other.masked_at is null)
           and not exists (select from number n where n.first_run = run.first_run and n.state = 'open')
           and not exists (select from run other join delivery d on d.run_id = other.id
                           where other.first_run = run.first_run and d.finished_at is null and d.state <> 'held')",
        &locked,
        due.below,
        due.ended_before as _,
        &needed,
    )
    .fetch_all(&mut *transaction)
    .await?;
    if runs.is_empty() {
        return Ok(Some((Cleaned::default(), runs)));
    }
    let (cleaned, bytes) = delete_runs(&mut transaction, due.workspace, &runs).await?;
    transaction.commit().await?;
    artifact::remove_unnamed(store, due.workspace, &bytes).await;
    Ok(Some((cleaned, runs)))
}

/// One process at a time; two would each remove what is too much.
async fn lock_workspace(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended($1, 4)) as "mine!""#,
        workspace.to_string()
    )
    .fetch_one(connection)
    .await?)
}

/// The runs of the chains, held with their messages in the order in which others hold them. Held with them are the chains that called them,
/// directly or through others: a retry of those looks for files that are gone. So it finds what goes here, or is found under way.
async fn lock_chains(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    chains: &[Uuid],
) -> Result<Vec<Uuid>> {
    let held = sqlx::query!(
        r#"with recursive above (chain, height) as (
               select chain, 0 from unnest($2::uuid[]) chain
               union
               select caller.first_run, above.height + 1
               from above join run called on called.first_run = above.chain join run caller on caller.id = called.parent_run
               where above.height < $3)
           select id, first_run = any($2) as "is_own!" from run
           where workspace_id = $1 and first_run in (select chain from above) and not trial order by id for update"#,
        workspace.as_uuid(),
        chains,
        i32::from(MAX_DEPTH),
    )
    .fetch_all(&mut *connection)
    .await?;
    let own = held.into_iter().filter(|run| run.is_own);
    let runs: Vec<Uuid> = own.map(|run| run.id).collect();
    sqlx::query!(
        "select id from delivery where run_id = any($1) order by id for update",
        &runs
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}

/// Those of the chains that were called, directly or through others, by runs that may still need what they made: because a run of the caller's
/// chain is not over or a message of it is under way, and with `numbers` because it has an open number, with which it may be tried again.
async fn needed_above(
    connection: &mut PgConnection,
    chains: &[Uuid],
    numbers: bool,
) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        r#"with recursive above (chain, caller, height) as (
               select called.first_run, caller.first_run, 1 from run called join run caller on caller.id = called.parent_run
               where called.first_run = any($1)
               union
               select above.chain, caller.first_run, above.height + 1
               from above join run called on called.first_run = above.caller join run caller on caller.id = called.parent_run
               where above.height < $2)
           select distinct above.chain as "chain!" from above
           where exists (select from run again where again.first_run = above.caller and again.finished_at is null)
              or exists (select from run again join delivery d on d.run_id = again.id
                         where again.first_run = above.caller and d.finished_at is null and d.state <> 'held')
              or $3 and exists (select from number n where n.first_run = above.caller and n.state = 'open')"#,
        chains,
        i32::from(MAX_DEPTH),
        numbers,
    )
    .fetch_all(connection)
    .await?)
}

/// Deletes runs with everything that belongs to them alone; the hashes of their files and large values.
async fn delete_runs(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    runs: &[Uuid],
) -> Result<(Cleaned, Vec<Vec<u8>>)> {
    let deliveries = sqlx::query_scalar!(
        "delete from delivery where run_id = any($1) returning id",
        runs
    )
    .fetch_all(&mut *connection)
    .await?;
    delete_tries(connection, &deliveries).await?;
    let outputs = sqlx::query_scalar!(
        r#"with gone as (delete from step where run_id = any($1) returning output_sha256)
           select distinct output_sha256 as "sha256!" from gone where output_sha256 is not null"#,
        runs
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!("delete from attempt where run_id = any($1)", runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from generation where run_id = any($1)", runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from answer where run_id = any($1)", runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!("delete from approval where run_id = any($1)", runs)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "delete from submission where workspace_id = $1 and run_id = any($2)",
        workspace.as_uuid(),
        runs
    )
    .execute(&mut *connection)
    .await?;
    let files = sqlx::query!(
        "delete from artifact where workspace_id = $1 and run_id = any($2) returning sha256, size_bytes, deleted_at is null as \"kept!\"",
        workspace.as_uuid(),
        runs
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!("delete from run where id = any($1)", runs)
        .execute(connection)
        .await?;
    let kept = || files.iter().filter(|file| file.kept);
    let cleaned = Cleaned {
        runs: runs.len() as u64,
        deliveries: deliveries.len() as u64,
        files: kept().count() as u64,
        file_bytes: kept().map(|file| file.size_bytes).sum(),
        kept: 0,
    };
    let bytes = kept().map(|file| file.sha256.clone());
    Ok((cleaned, bytes.chain(outputs).collect()))
}

async fn delete_tries(connection: &mut PgConnection, deliveries: &[Uuid]) -> Result<()> {
    sqlx::query!(
        "delete from delivery_attempt where delivery_id = any($1)",
        deliveries
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Workspaces that limit their files apart from their runs.
async fn due_files(store: &Store) -> Result<Vec<DueFiles>> {
    let rows = sqlx::query!(
        "select workspace_id, most_file_bytes, uuid_floor(now() - make_interval(days => file_days)) as below from retention
         where file_days is not null or most_file_bytes is not null order by workspace_id"
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DueFiles {
            workspace: row.workspace_id.into(),
            below: row.below,
            most_bytes: row.most_file_bytes,
        })
        .collect())
}

async fn clean_files(store: &Store, due: &DueFiles, cleaned: &mut Cleaned) -> Result<()> {
    let mut after = Uuid::nil();
    let mut looked_at = 0;
    while looked_at < MOST_IN_A_PASS {
        let mut transaction = store.pool.begin().await?;
        if !lock_workspace(&mut transaction, due.workspace).await? {
            return Ok(());
        }
        let chosen = choose_files(&mut transaction, due, after).await?;
        let Some(last) = chosen.last() else {
            return Ok(());
        };
        after = *last;
        looked_at += chosen.len() as u64;
        let (removed, bytes) = delete_files(&mut transaction, due.workspace, &chosen).await?;
        transaction.commit().await?;
        artifact::remove_unnamed(store, due.workspace, &bytes).await;
        cleaned.add(&removed);
    }
    Ok(())
}

/// The next runs, oldest first, whose files are too old or too many.
async fn choose_files(
    connection: &mut PgConnection,
    due: &DueFiles,
    after: Uuid,
) -> Result<Vec<Uuid>> {
    let mut excess = match due.most_bytes {
        Some(most) => stored_bytes(connection, due.workspace).await? - most,
        None => 0,
    };
    let rows = sqlx::query!(
        r#"select run_id as "run_id!", sum(size_bytes)::bigint as "bytes!", coalesce(run_id < $3, false) as "old!" from artifact
           where workspace_id = $1 and run_id > $2 and run_id < uuid_floor(now() - make_interval(hours => $4)) and deleted_at is null
           group by run_id order by run_id limit $5"#,
        due.workspace.as_uuid(),
        after,
        due.below,
        SAFE_HOURS,
        BATCH,
    )
    .fetch_all(connection)
    .await?;
    let mut chosen = Vec::new();
    for row in rows {
        if !row.old && excess <= 0 {
            break;
        }
        excess -= row.bytes;
        chosen.push(row.run_id);
    }
    Ok(chosen)
}

async fn stored_bytes(connection: &mut PgConnection, workspace: WorkspaceId) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(size_bytes), 0)::bigint as "bytes!" from artifact
           where workspace_id = $1 and run_id is not null and deleted_at is null"#,
        workspace.as_uuid()
    )
    .fetch_one(connection)
    .await?)
}

/// Takes the files of runs away that nothing waits for; their rows stay with the history. A retry of theirs may be under way, and a
/// message that carries them.
async fn delete_files(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    runs: &[Uuid],
) -> Result<(Cleaned, Vec<Vec<u8>>)> {
    let chains = sqlx::query_scalar!(
        "select distinct first_run from run where workspace_id = $1 and id = any($2)",
        workspace.as_uuid(),
        runs,
    )
    .fetch_all(&mut *connection)
    .await?;
    lock_chains(connection, workspace, &chains).await?;
    let needed = needed_above(connection, &chains, false).await?;
    let files = sqlx::query!(
        "update artifact a set deleted_at = now()
         where a.workspace_id = $1 and a.run_id = any($2) and a.deleted_at is null
           and not exists (select from run join run other on other.first_run = run.first_run
                           where run.id = a.run_id and other.finished_at is null)
           and not exists (select from run where run.id = a.run_id and run.first_run = any($3))
           and not exists (select from run join run other on other.first_run = run.first_run join delivery d on d.run_id = other.id
                           where run.id = a.run_id and d.finished_at is null and d.state <> 'held')
         returning a.sha256, a.size_bytes",
        workspace.as_uuid(),
        runs,
        &needed,
    )
    .fetch_all(connection)
    .await?;
    let cleaned = Cleaned {
        files: files.len() as u64,
        file_bytes: files.iter().map(|file| file.size_bytes).sum(),
        ..Cleaned::default()
    };
    Ok((cleaned, files.into_iter().map(|file| file.sha256).collect()))
}

/// Workspaces with messages older than their runs may be that belong to no run: tests, letters of the program, trial runs that are gone.
async fn workspaces_with_loose_deliveries(store: &Store) -> Result<Vec<WorkspaceId>> {
    let rows = sqlx::query_scalar!(
        r#"select workspace.id from workspace left join retention r on r.workspace_id = workspace.id
           cross join lateral (
               select from delivery d where d.workspace_id = workspace.id
                 and d.id < uuid_floor(now() - make_interval(days => case when r.workspace_id is null then $1 else r.run_days end))
               order by d.id limit 1
           ) oldest
           order by workspace.id"#,
        DEFAULT_RUN_DAYS,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(WorkspaceId::from).collect())
}

async fn clean_loose_deliveries(
    store: &Store,
    workspace: WorkspaceId,
    cleaned: &mut Cleaned,
) -> Result<()> {
    let mut after = Uuid::nil();
    let mut looked_at = 0;
    while looked_at < MOST_IN_A_PASS {
        let mut transaction = store.pool.begin().await?;
        let found = sqlx::query!(
            r#"select d.id, (d.finished_at is not null and not exists (select from run where run.id = d.run_id)) as "loose!"
               from delivery d left join retention r on r.workspace_id = d.workspace_id
               where d.workspace_id = $1 and d.id > $2 and d.finished_at is not null and not exists (select from run where run.id = d.run_id)
                 and d.id < uuid_floor(now() - make_interval(days => case when r.workspace_id is null then $3 else r.run_days end))
               order by d.id limit $4 for update of d skip locked"#,
            workspace.as_uuid(),
            after,
            DEFAULT_RUN_DAYS,
            BATCH,
        )
        .fetch_all(&mut *transaction)
        .await?;
        let Some(last) = found.last() else {
            return Ok(());
        };
        after = last.id;
        looked_at += found.len() as u64;
        let loose: Vec<Uuid> = found
            .iter()
            .filter(|row| row.loose)
            .map(|row| row.id)
            .collect();
        sqlx::query!("delete from delivery where id = any($1)", &loose)
            .execute(&mut *transaction)
            .await?;
        delete_tries(&mut transaction, &loose).await?;
        transaction.commit().await?;
        cleaned.deliveries += loose.len() as u64;
    }
    Ok(())
}

/// Tells what was done, and keeps it for people to see.
async fn note(store: &Store, workspace: WorkspaceId, cleaned: &Cleaned) -> Result<()> {
    let Cleaned {
        runs,
        deliveries,
        files,
        file_bytes,
        kept,
    } = *cleaned;
    if !cleaned.has_removed() {
        sqlx::query!(
            "update clean_up set kept = $2 where workspace_id = $1 and kept <> $2",
            workspace.as_uuid(),
            number(kept),
        )
        .execute(&store.pool)
        .await?;
        return Ok(());
    }
    tracing::info!(workspace.id = %workspace, runs, deliveries, files, file_bytes, kept, "what is kept no longer was removed");
    sqlx::query!(
        "insert into clean_up (workspace_id, runs, deliveries, files, file_bytes, kept) values ($1, $2, $3, $4, $5, $6)
         on conflict (workspace_id) do update set at = now(), runs = excluded.runs, deliveries = excluded.deliveries,
             files = excluded.files, file_bytes = excluded.file_bytes, kept = excluded.kept",
        workspace.as_uuid(),
        number(runs),
        number(deliveries),
        number(files),
        file_bytes,
        number(kept),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Drops the partitions of past months that hold nothing any more; others that make or drop them are not waited for.
pub(crate) async fn drop_empty_partitions(store: &Store) -> Result<i32> {
    let mut transaction = store.pool.begin().await?;
    let mine = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('formwork partitions')) as "mine!""#
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !mine {
        return Ok(0);
    }
    let dropped = sqlx::query_scalar!(r#"select drop_empty_partitions() as "dropped!""#)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    if dropped > 0 {
        tracing::info!(tables = dropped, "partitions that were empty are dropped");
    }
    Ok(dropped)
}

/// The name of one of these files that is not kept any more: the run that made it may be gone as a whole.
pub(crate) async fn missing_file(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    files: &[FileRef],
) -> Result<Option<String>> {
    if files.is_empty() {
        return Ok(None);
    }
    let ids: Vec<Uuid> = files.iter().map(|file| file.id.as_uuid()).collect();
    let kept = sqlx::query_scalar!(
        "select id from artifact where workspace_id = $1 and id = any($2) and deleted_at is null",
        workspace.as_uuid(),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    let mut gone = files
        .iter()
        .filter(|file| !kept.contains(&file.id.as_uuid()));
    Ok(gone.next().map(|file| file.name.clone()))
}

/// The name of a file of the run's chain, or of the runs that it called, that was removed and that these texts still name.
pub(crate) async fn removed_file(
    connection: &mut PgConnection,
    run: Uuid,
    texts: &[String],
) -> Result<Option<String>> {
    let removed = sqlx::query!(
        r#"with recursive made_by (id, workspace_id) as (
               select chain.id, chain.workspace_id from run join run chain on chain.first_run = run.first_run where run.id = $1
               union
               select called.id, called.workspace_id from made_by join run called on called.parent_run = made_by.id)
           select a.id as "id!", a.name as "name!" from made_by
                join artifact a on a.workspace_id = made_by.workspace_id and a.run_id = made_by.id
           where a.deleted_at is not null order by a.created_at, a.id"#,
        run,
    )
    .fetch_all(connection)
    .await?;
    Ok(removed
        .into_iter()
        .find(|file| {
            let id = file.id.to_string();
            texts.iter().any(|text| text.contains(&id))
        })
        .map(|file| file.name))
}
