//! Accepting runs: what was handed in, the run and its first entry are stored in one commit, together with those of others that come
//! meanwhile. Whoever asks may leave at any moment; what was leased is started all the same.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use engine::ids::{
    ArtifactId, MemberId, RunId, SubmissionId, VersionId, WorkerId, WorkflowId, WorkspaceId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{mpsc, oneshot};

use super::{ClaimedEntry, Holder, Lease, LocalExecutor, Slot};
use crate::{
    Result, Scope, Store, StoreError, artifact,
    events::{Event, Events, Wake},
    fresh_id, gather, line,
    records::Records,
    run::RunRecord,
    storable,
};

/// How long an idempotency key is remembered.
pub(crate) const IDEMPOTENCY_HOURS: i32 = 72;

/// How long a trial run is kept.
const TRIAL_HOURS: i32 = 24;

/// Longest title people see in lists; the rest is cut.
const MAX_TITLE_CHARS: usize = 200;

/// Most runs accepted in one commit.
const GROUP: usize = 100;

/// What a run runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    Version(VersionId),
    /// A draft's revision; trial runs only.
    Draft(i64),
}

/// How a run came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Form,
    Webhook,
    Api,
    Manual,
    Schedule,
    /// A row of a file.
    Batch,
    Trial,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Webhook => "webhook",
            Self::Api => "api",
            Self::Manual => "manual",
            Self::Schedule => "schedule",
            Self::Batch => "batch",
            Self::Trial => "trial",
        }
    }
}

/// What to start.
#[derive(Clone, Debug)]
pub struct Accept {
    /// Minted by whoever accepts, so that it can be watched from the beginning.
    pub run: RunId,
    pub workflow: WorkflowId,
    pub what: What,
    pub trigger_node: String,
    pub source: Source,
    /// The trigger's checked input; the trigger node puts it out.
    pub input: Json,
    /// Minted with the form; fresh when absent.
    pub submission_id: Option<SubmissionId>,
    /// What was handed in, when it differs from `input`.
    pub submission: Option<Json>,
    pub title: String,
    /// (scope, key): the same pair starts the same run only once within 72 hours.
    pub idempotency: Option<(String, String)>,
    pub trial: Option<Trial>,
    /// Somebody waits for it at a screen or on the line.
    pub awaited: bool,
    /// Uploads of this form session that become files of the run.
    pub uploads: Vec<ArtifactId>,
    /// Leases the first entry at once.
    pub lease: Option<Holder>,
}

impl Accept {
    /// A run of a published version with nothing special about it.
    pub fn new(
        workflow: WorkflowId,
        version: VersionId,
        trigger_node: &str,
        source: Source,
        input: Json,
    ) -> Self {
        Self {
            run: fresh_id(),
            workflow,
            what: What::Version(version),
            trigger_node: trigger_node.into(),
            source,
            input,
            submission_id: None,
            submission: None,
            title: String::new(),
            idempotency: None,
            trial: None,
            awaited: matches!(source, Source::Form | Source::Manual),
            uploads: Vec::new(),
            lease: None,
        }
    }

    /// Its place among the runs of its workflow; a step of it counts as much as an hour of waiting.
    fn priority(&self) -> i16 {
        match (&self.trial, self.awaited) {
            (Some(_), _) => 2,
            (None, true) => 1,
            (None, false) => 0,
        }
    }
}

/// What only trial runs have.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// Ends after this node.
    pub until_node: Option<String>,
    /// Outputs taken as they are: `{node: output}`.
    pub pinned: Option<Json>,
    pub really_send: bool,
}

/// The answer to `accept`.
#[derive(Debug)]
pub struct Accepted {
    pub run_id: RunId,
    /// The idempotency key was known: this is the earlier run.
    pub already: bool,
    /// The leased first entry, when a lease was asked for, nothing is paused, and the workflow limits no runs.
    pub claimed: Option<ClaimedEntry>,
}

/// Where runs are handed in; every store has one.
#[derive(Clone)]
pub(crate) struct Accepting(mpsc::UnboundedSender<Job>);

/// A run on its way into the database.
struct Job {
    scope: Scope,
    new: Accept,
    /// Who runs it, in a place that is kept for it.
    place: Option<(Arc<dyn LocalExecutor>, Slot)>,
    answer: oneshot::Sender<Result<Accepted>>,
}

impl Accepting {
    /// Starts the accepting task; it ends when the last handle is dropped.
    pub(crate) fn start(pool: PgPool, events: Events) -> Self {
        let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                let mut group = vec![job];
                gather(&mut jobs, &mut group, GROUP).await;
                // A panic fails those it meets, and nobody after them.
                let accepted = tokio::spawn(accept_group(pool.clone(), events.clone(), group));
                if accepted.await.is_err() {
                    tracing::error!("accepting runs panicked");
                }
            }
        });
        Self(sender)
    }
}

/// Stores the submission, the run and its first entry in one commit, leased to the executor of this process if it has a free slot.
/// When this returns the submission cannot be lost.
pub async fn submit(
    store: &Store,
    local: Option<&Arc<dyn LocalExecutor>>,
    scope: &Scope,
    mut new: Accept,
) -> Result<Accepted> {
    check(&new)?;
    let place = local.and_then(|local| Some((local.clone(), local.reserve()?)));
    new.lease = place.as_ref().map(|(_, slot)| slot.holder);
    let (answer, answered) = oneshot::channel();
    let job = Job {
        scope: *scope,
        new,
        place,
        answer,
    };
    store.accepting.0.send(job).map_err(|_| unavailable())?;
    answered.await.map_err(|_| unavailable())?
}

fn unavailable() -> StoreError {
    StoreError::Unavailable(sqlx::Error::WorkerCrashed)
}

/// One that the database refuses fails alone.
async fn accept_group(pool: PgPool, events: Events, group: Vec<Job>) {
    let asked: Vec<(Scope, Accept)> = group
        .iter()
        .map(|job| (job.scope, job.new.clone()))
        .collect();
    match accept_all(&pool, &events, &asked).await {
        Ok(accepted) => {
            for (job, accepted) in group.into_iter().zip(accepted) {
                hand_over(job, Ok(accepted));
            }
        }
        Err(error) if asked.len() == 1 => {
            if let Some(job) = group.into_iter().next() {
                hand_over(job, Err(error));
            }
        }
        // Asking for each of them again would only make them wait in turn.
        Err(StoreError::Unavailable(_)) => {
            for job in group {
                hand_over(job, Err(unavailable()));
            }
        }
        Err(error) => {
            tracing::warn!(runs = asked.len(), %error, "a group of runs could not be accepted; one by one now");
            let mut has_gone = false;
            for (job, asked) in group.into_iter().zip(asked) {
                let alone = if has_gone {
                    Err(unavailable())
                } else {
                    accept_all(&pool, &events, &[asked]).await.and_then(only)
                };
                has_gone |= matches!(alone, Err(StoreError::Unavailable(_)));
                hand_over(job, alone);
            }
        }
    }
}

fn hand_over(job: Job, accepted: Result<Accepted>) {
    let accepted = accepted.map(|mut accepted| {
        if let (Some((local, slot)), Some(claimed)) = (job.place, accepted.claimed.take()) {
            local.start(slot, claimed);
        }
        accepted
    });
    // Whoever asked may have left.
    let _ = job.answer.send(accepted);
}

/// `submit` without the hand-over: the caller runs `Accepted::claimed` itself.
pub async fn accept(store: &Store, scope: &Scope, new: Accept) -> Result<Accepted> {
    check(&new)?;
    accept_all(&store.hot, &store.events, &[(*scope, new)])
        .await
        .and_then(only)
}

fn only(mut accepted: Vec<Accepted>) -> Result<Accepted> {
    let lost = || StoreError::Damaged("a run was accepted without an answer".into());
    accepted.pop().ok_or_else(lost)
}

fn check(new: &Accept) -> Result<()> {
    let clean = storable::json(&new.input)
        && storable::text(&new.title)
        && new.submission.as_ref().is_none_or(storable::json)
        && new
            .idempotency
            .as_ref()
            .is_none_or(|(scope, key)| storable::text(scope) && storable::text(key))
        && new
            .trial
            .as_ref()
            .is_none_or(|trial| trial.pinned.as_ref().is_none_or(storable::json));
    if !clean {
        return Err(StoreError::invalid(
            "nul_character",
            "",
            "The text contains a NUL character (U+0000), which cannot be stored. Remove it.",
        ));
    }
    if let Some((_, key)) = &new.idempotency
        && (key.is_empty() || key.chars().count() > 500)
    {
        return Err(StoreError::invalid(
            "idempotency_key_length",
            "",
            "An idempotency key has 1 to 500 characters.",
        ));
    }
    Ok(())
}

/// A run to be made.
struct Fresh<'a> {
    id: RunId,
    scope: &'a Scope,
    new: &'a Accept,
    title: String,
}

/// As a part of the caller's transaction: what is left are those whose keys were not known. `tell` of them when it has committed.
pub(crate) async fn accept_within(
    connection: &mut PgConnection,
    asked: &mut Vec<(Scope, Accept)>,
) -> Result<()> {
    for (_, new) in asked.iter() {
        check(new)?;
    }
    let earlier = remember(connection, &fresh(asked)).await?;
    asked.retain(|(_, new)| !earlier.contains_key(&new.run));
    let runs = fresh(asked);
    insert(connection, &runs.iter().collect::<Vec<_>>()).await?;
    Ok(())
}

/// Wakes those who run what was accepted, and those who watch.
pub(crate) fn tell(events: &Events, accepted: &[(Scope, Accept)]) {
    let runs = fresh(accepted);
    tell_of(events, &runs.iter().collect::<Vec<_>>(), false);
}

/// `leased`: whoever runs them has them all.
fn tell_of(events: &Events, runs: &[&Fresh<'_>], leased: bool) {
    if !leased && !runs.is_empty() {
        events.wake(Wake::Queue);
    }
    for run in runs.iter().filter(|_| events.watched()) {
        announce(events, run);
    }
}

fn fresh(asked: &[(Scope, Accept)]) -> Vec<Fresh<'_>> {
    let runs = asked.iter().map(|(scope, new)| Fresh {
        id: new.run,
        scope,
        new,
        title: new.title.chars().take(MAX_TITLE_CHARS).collect(),
    });
    runs.collect()
}

/// All of them in one commit, answered in the order given.
async fn accept_all(
    pool: &PgPool,
    events: &Events,
    asked: &[(Scope, Accept)],
) -> Result<Vec<Accepted>> {
    let runs = fresh(asked);
    let mut transaction = pool.begin().await?;
    let earlier = remember(&mut transaction, &runs).await?;
    let fresh: Vec<&Fresh<'_>> = runs
        .iter()
        .filter(|run| !earlier.contains_key(&run.id))
        .collect();
    let mut claimed = insert(&mut transaction, &fresh).await?;
    transaction.commit().await?;
    tell_of(events, &fresh, claimed.len() == fresh.len());
    Ok(runs
        .iter()
        .map(|run| match earlier.get(&run.id) {
            Some(earlier) => Accepted {
                run_id: *earlier,
                already: true,
                claimed: None,
            },
            None => Accepted {
                run_id: run.id,
                already: false,
                claimed: claimed.remove(&run.id),
            },
        })
        .collect())
}

/// Tells who watches the list of runs.
fn announce(events: &Events, run: &Fresh<'_>) {
    if run.new.trial.is_none() {
        events.publish(Event {
            workspace: run.scope.workspace(),
            topic: "runs".into(),
            kind: "run.changed".into(),
            data: json!({ "run": run.id, "workflow": run.new.workflow, "state": "queued" }),
        });
    }
}

/// Runs that were started before with the same key, by the run that is not needed now. A second request waits here until the first one
/// has committed.
async fn remember(
    connection: &mut PgConnection,
    runs: &[Fresh<'_>],
) -> Result<HashMap<RunId, RunId>> {
    let mut keyed: Vec<(WorkspaceId, &str, &str, RunId)> = runs
        .iter()
        .filter_map(|run| {
            let (key_scope, key) = run.new.idempotency.as_ref()?;
            Some((
                run.scope.workspace(),
                key_scope.as_str(),
                key.as_str(),
                run.id,
            ))
        })
        .collect();
    if keyed.is_empty() {
        return Ok(HashMap::new());
    }
    // In one order everywhere, so that two groups wait for each other and never in a circle.
    keyed.sort();
    // One statement cannot write a row twice: of those with one key the first one asks for all of them.
    let mut asking = keyed.clone();
    asking.dedup_by(|(a, b, c, _), (d, e, f, _)| (a, b, c) == (d, e, f));
    let workspaces: Vec<_> = asking.iter().map(|(id, ..)| id.as_uuid()).collect();
    let scopes: Vec<String> = asking
        .iter()
        .map(|(_, scope, ..)| (*scope).into())
        .collect();
    let keys: Vec<String> = asking.iter().map(|(_, _, key, _)| (*key).into()).collect();
    let ids: Vec<_> = asking.iter().map(|(.., id)| id.as_uuid()).collect();
    let mine: HashSet<RunId> = sqlx::query_scalar!(
        "insert into idempotency_key (workspace_id, scope, key, run_id, expires_at)
         select workspace_id, scope, key, run_id, now() + make_interval(hours => $5)
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) k (workspace_id, scope, key, run_id)
         on conflict (workspace_id, scope, key) do update
             set run_id = excluded.run_id, expires_at = excluded.expires_at where idempotency_key.expires_at < now()
         returning run_id",
        &workspaces,
        &scopes,
        &keys,
        &ids,
        IDEMPOTENCY_HOURS,
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(RunId::from)
    .collect();
    let mut earlier = HashMap::new();
    for (workspace, scope, key, id) in keyed.iter().filter(|(.., id)| !mine.contains(id)) {
        let known = sqlx::query_scalar!(
            "select run_id from idempotency_key where workspace_id = $1 and scope = $2 and key = $3",
            workspace.as_uuid(),
            *scope,
            *key,
        )
        .fetch_one(&mut *connection)
        .await?;
        earlier.insert(*id, known.into());
    }
    Ok(earlier)
}

/// Runs with their submissions, files and first entries; those that have a holder are leased to it unless they are paused. Limited ones
/// stand in line instead, and are claimed like any other when it is their turn. Gives what was leased.
async fn insert(
    connection: &mut PgConnection,
    runs: &[&Fresh<'_>],
) -> Result<HashMap<RunId, ClaimedEntry>> {
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row<'_>> = runs.iter().map(|run| Row::of(run)).collect();
    let made = sqlx::query!(
        r#"with r as materialized (
               select * from json_to_recordset($1::json) r (id uuid, workspace_id uuid, workflow_id uuid, version_id uuid,
                    draft_revision bigint, trial boolean, source text, trigger_node text, submission_id uuid, title text, input jsonb,
                    submission jsonb, until_node text, pinned jsonb, really_send boolean, priority smallint, started_by uuid,
                    lease_owner uuid, lease_ms bigint)),
           made as (
               insert into run (id, workspace_id, workflow_id, version_id, draft_revision, trial, source, trigger_node, submission_id,
                                title, input, until_node, pinned, really_send, first_run, expires_at, firm, priority, started_by, private,
                                limited)
               select id, workspace_id, workflow_id, version_id, draft_revision, trial, source, trigger_node, submission_id, title,
                      coalesce(input, 'null'), until_node, nullif(pinned, 'null'), really_send, id,
                      case when trial then now() + make_interval(hours => $2) end,
                      coalesce((select record from firm where firm.workspace_id = r.workspace_id), '{}'), priority, started_by,
                      case when jsonb_path_exists(private -> r.trigger_node, '$.* ? (@ == "never")') then 'never'
                           when private ? r.trigger_node then 'mask' end,
                      not trial and concurrency is not null
               from r left join lateral (select private, concurrency from version where version.id = r.version_id limit 1) v on true
               returning id, firm, limited, created_at),
           handed_in as (
               insert into submission (id, workspace_id, workflow_id, run_id, source, input)
               select submission_id, workspace_id, workflow_id, id, source, coalesce(nullif(submission, 'null'), input, 'null')
               from r where submission_id is not null),
           entered as (
               insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority, lease_owner, lease_until)
               select id, trigger_node, '', workspace_id, workflow_id, priority, holder,
                      case when holder is not null then now() + lease_ms * interval '1 millisecond' end
               from r join made using (id)
                    cross join lateral (select case when not exists (select from paused_workflow p where p.id = r.workflow_id)
                                               then lease_owner end as holder) free
               where not made.limited
               returning run_id, fence, lease_owner, head_at)
           select made.id as "id!", made.firm as "firm!", made.limited as "limited!",
                  made.created_at as "created_at!: jiff_sqlx::Timestamp", entered.fence as "fence?",
                  entered.lease_owner as "lease_owner?", entered.head_at as "head_at?: jiff_sqlx::Timestamp"
           from made left join entered on entered.run_id = made.id"#,
        Records(&rows) as _,
        TRIAL_HOURS,
    )
    .fetch_all(&mut *connection)
    .await?;
    for run in runs {
        artifact::adopt(&mut *connection, run.scope, run.id, &run.new.uploads).await?;
    }
    let limited = made.iter().filter(|row| row.limited);
    let limited: Vec<RunId> = limited.map(|row| row.id.into()).collect();
    // The last thing that is locked.
    let joined = line::join(connection, &limited, None).await?;
    line::advance(connection, joined, &[]).await?;
    let by_id: HashMap<RunId, &Fresh<'_>> = runs.iter().map(|run| (run.id, *run)).collect();
    Ok(made
        .into_iter()
        .filter_map(|row| {
            let id = RunId::from(row.id);
            let (fence, head_at, _) = (row.fence?, row.head_at?, row.lease_owner?);
            let run = by_id.get(&id)?;
            let lease = Lease {
                run: id,
                node: run.new.trigger_node.clone(),
                item_path: String::new(),
                fence,
                lost: 0,
                head_at: head_at.to_jiff(),
            };
            let entry = ClaimedEntry {
                lease,
                run: Arc::new(record(run, row.firm, row.created_at.to_jiff())),
                steps: Vec::new(),
                solo: true,
                runs: false,
            };
            Some((id, entry))
        })
        .collect())
}

/// A run with what was handed in and its first entry.
#[derive(Serialize)]
struct Row<'a> {
    id: RunId,
    workspace_id: WorkspaceId,
    workflow_id: WorkflowId,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<VersionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    draft_revision: Option<i64>,
    trial: bool,
    source: &'a str,
    trigger_node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission_id: Option<SubmissionId>,
    title: &'a str,
    input: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<&'a Json>,
    really_send: bool,
    priority: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_by: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_owner: Option<WorkerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_ms: Option<i64>,
}

impl<'a> Row<'a> {
    fn of(run: &'a Fresh<'_>) -> Self {
        let new = run.new;
        let (version_id, draft_revision) = match new.what {
            What::Version(version) => (Some(version), None),
            What::Draft(revision) => (None, Some(revision)),
        };
        let trial = new.trial.as_ref();
        Self {
            id: run.id,
            workspace_id: run.scope.workspace(),
            workflow_id: new.workflow,
            version_id,
            draft_revision,
            trial: trial.is_some(),
            source: new.source.name(),
            trigger_node: &new.trigger_node,
            submission_id: trial
                .is_none()
                .then(|| new.submission_id.unwrap_or_else(fresh_id)),
            title: &run.title,
            input: &new.input,
            submission: new.submission.as_ref(),
            until_node: trial.and_then(|trial| trial.until_node.as_deref()),
            pinned: trial.and_then(|trial| trial.pinned.as_ref()),
            really_send: trial.is_some_and(|trial| trial.really_send),
            priority: new.priority(),
            started_by: run.scope.member(),
            lease_owner: new.lease.map(|holder| holder.worker),
            lease_ms: new.lease.map(|holder| holder.lease_ms),
        }
    }
}

/// The run as its executor knows it.
fn record(run: &Fresh<'_>, firm: Json, created_at: jiff::Timestamp) -> RunRecord {
    let new = run.new;
    let trial = new.trial.as_ref();
    RunRecord {
        id: run.id,
        scope: *run.scope,
        workflow: new.workflow,
        what: new.what,
        trial: trial.is_some(),
        source: new.source.name().into(),
        trigger_node: new.trigger_node.clone(),
        state: "queued".into(),
        title: run.title.clone(),
        input: new.input.clone(),
        firm,
        until_node: trial.and_then(|trial| trial.until_node.clone()),
        pinned: trial.and_then(|trial| trial.pinned.clone()),
        really_send: trial.is_some_and(|trial| trial.really_send),
        priority: new.priority(),
        // One that stands in line is not claimed when it is accepted.
        limited: false,
        parent: None,
        depth: 0,
        created_at,
    }
}
