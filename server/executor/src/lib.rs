//! Runs runs: claims heads of segments, runs their steps, commits what came of them, sends deliveries and keeps house. It decides
//! nothing about a workflow (`engine` does) and writes no SQL (`store` does).

pub mod backoff;
mod columns;
mod commit;
mod context;
mod deliver;
pub mod fault;
mod held;
mod mail;
mod program;
mod segment;
pub mod signature;
mod step;

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    catalogue::Catalogue,
    firm::Firm,
    ids::WorkerId,
    node::{Services, StepError},
};
use jiff::Timestamp;
use store::{
    Store, StoreError,
    batch::Feeder,
    events::Wake,
    failure_notice, generation, maintenance, output, private,
    queue::{self, ClaimForm, ClaimedEntry, Holder, Lease, LocalExecutor, Slot, Turn},
    run, schedule,
    segment::{Committed, Writes},
    worker::{self, Kind},
};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        broadcast::error::{RecvError, TryRecvError},
    },
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use commit::{Committer, Failure};
use fault::{Faults, Point};
use held::Held;
use program::{Programs, Unusable};
use segment::{Done, Known, large};

/// Most entries claimed at once.
const BATCH: usize = 64;

/// How long an orderly stop waits for what is running; then the leases are given back and others take over.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two rounds of the slow part of maintenance.
const DAY: Duration = Duration::from_hours(24);

/// How an executor works.
#[derive(Clone)]
pub struct Config {
    pub store: Store,
    pub catalogue: Arc<Catalogue>,
    pub services: Services,
    pub outbound: outbound::Client,
    /// Base of the links in deliveries.
    pub public_url: String,
    /// What this process says of itself.
    pub kind: Kind,
    pub host: String,
    /// Segments at once.
    pub slots: usize,
    /// Deliveries at once.
    pub senders: usize,
    /// How often due entries and deliveries are looked for without being woken.
    pub poll: Duration,
    pub lease: Duration,
    pub heartbeat: Duration,
    /// How often leases of lost workers are taken back, and silent models are looked for.
    pub rescue: Duration,
    pub maintain: Duration,
    /// How often due schedules are looked for at least; what is due sooner is begun then.
    pub schedules: Duration,
    /// How long the result of a step that reached outside is held while the file store does not take it; then that try has failed.
    pub holds_results: Duration,
    /// Between two passes over the batches while one is under way; otherwise they are looked for half as often.
    pub batches: Duration,
    pub claim_form: ClaimForm,
    /// Pauses before each try of a delivery.
    pub delivery_schedule: Vec<Duration>,
    pub faults: Faults,
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Config {
    /// What suits a server; the rest of the fields can be changed afterwards.
    pub fn new(
        store: Store,
        catalogue: Arc<Catalogue>,
        services: Services,
        outbound: outbound::Client,
        public_url: &str,
    ) -> Self {
        Self {
            store,
            catalogue,
            services,
            outbound,
            public_url: public_url.to_owned(),
            kind: Kind::Run,
            host: "localhost".into(),
            slots: 40,
            senders: 8,
            poll: Duration::from_millis(250),
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            rescue: Duration::from_secs(5),
            maintain: Duration::from_mins(5),
            schedules: Duration::from_secs(5),
            holds_results: Duration::from_mins(1),
            batches: Duration::from_millis(500),
            claim_form: ClaimForm::SkipLocked,
            delivery_schedule: backoff::DELIVERY_SCHEDULE.to_vec(),
            faults: Faults::default(),
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// A running executor; cheap to clone.
#[derive(Clone)]
pub struct Executor(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) worker: WorkerId,
    slots: Arc<Semaphore>,
    /// Nothing is worked on any more, and no lease needs to be extended.
    idle: CancellationToken,
    programs: Programs,
    committer: Committer,
    held: Held,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
}

impl Executor {
    /// Registers the process and begins to work.
    pub async fn start(config: Config) -> Result<Self, StoreError> {
        let worker = worker::register(&config.store, config.kind, &config.host, &about()).await?;
        worker::heartbeat(&config.store, worker, config.kind, &config.host, &about()).await?;
        let inner = Arc::new(Inner {
            worker,
            slots: Arc::new(Semaphore::new(config.slots)),
            idle: CancellationToken::new(),
            programs: Programs::new(config.catalogue.clone()),
            committer: Committer::start(config.store.clone(), config.faults.clone()),
            held: Held::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            config,
        });
        // Those who lease are waited for at the stop.
        inner.tasks.spawn(claim(inner.clone()));
        inner.tasks.spawn(try_suspects(inner.clone()));
        inner.tasks.spawn(deliver::work(inner.clone()));
        tokio::spawn(heartbeat(inner.clone()));
        tokio::spawn(rescue(inner.clone()));
        tokio::spawn(tell_failures(inner.clone()));
        tokio::spawn(hide_private(inner.clone()));
        tokio::spawn(maintain(inner.clone()));
        tokio::spawn(begin_scheduled(inner.clone()));
        tokio::spawn(advance_batches(inner.clone()));
        tokio::spawn(notice_ends(inner.clone()));
        Ok(Self(inner))
    }

    /// For those who accept in this process.
    pub fn local(&self) -> Arc<dyn LocalExecutor> {
        Arc::new(self.clone())
    }

    pub fn worker(&self) -> WorkerId {
        self.0.worker
    }

    /// Claims nothing more, lets running steps end and commits them, gives the rest back.
    pub async fn shutdown(&self) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(PATIENCE, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some steps did not end in time; they are run again elsewhere");
        }
        self.0.idle.cancel();
        give_back(&self.0, &self.0.held.all()).await;
        let store = &self.0.config.store;
        if let Err(error) = worker::remove(store, self.0.worker).await {
            tracing::warn!(%error, "this process could not say goodbye");
        }
    }
}

impl LocalExecutor for Executor {
    fn reserve(&self) -> Option<Slot> {
        if self.0.is_stopping() {
            return None;
        }
        let permit = self.0.slots.clone().try_acquire_owned().ok()?;
        Some(Slot {
            holder: self.0.holder(),
            permit: Box::new(permit),
        })
    }

    fn start(&self, slot: Slot, entry: ClaimedEntry) {
        drop(self.0.spawn(slot.permit, entry));
    }
}

impl Inner {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// While this process stops its database may be closed already: that is no news.
    fn put_off(&self, what: &str, error: &StoreError) {
        if !self.is_stopping() {
            tracing::warn!(%error, "{what}; it is tried again later");
        }
    }

    /// This process as one who leases.
    pub(crate) fn holder(&self) -> Holder {
        Holder {
            worker: self.worker,
            lease_ms: i64::try_from(self.config.lease.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Works on an entry on a thread of its own: steps such as rendering would hold up everybody else's input and output.
    fn spawn(self: &Arc<Self>, permit: Box<dyn Any + Send>, entry: ClaimedEntry) -> JoinHandle<()> {
        let inner = self.clone();
        let runtime = tokio::runtime::Handle::current();
        self.tasks.spawn_blocking(move || {
            runtime.block_on(work(&inner, entry));
            drop(permit);
        })
    }
}

fn about() -> serde_json::Value {
    serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })
}

/// Looks for due entries whenever there are free slots.
async fn claim(inner: Arc<Inner>) {
    let store = &inner.config.store;
    let mut woken = store.events.woken(Wake::Queue);
    let mut turn = Turn::default();
    loop {
        woken.borrow_and_update();
        let first = tokio::select! {
            biased;
            () = inner.stopping.cancelled() => return,
            permit = inner.slots.clone().acquire_owned() => match permit {
                Ok(permit) => permit,
                Err(_) => return,
            },
        };
        let mut permits = vec![first];
        while permits.len() < BATCH
            && let Ok(permit) = inner.slots.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        let wanted = permits.len();
        let claimed = queue::claim(
            store,
            inner.holder(),
            &mut turn,
            i64::try_from(wanted).unwrap_or(1),
            inner.config.claim_form,
        )
        .await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "entries could not be claimed");
            Vec::new()
        });
        // One of several workflows gives no more than its share, even where the others have less than theirs.
        let mut workflows = claimed.iter().map(|entry| entry.run.workflow);
        let first = workflows.next();
        let more = claimed.len() == wanted || workflows.any(|workflow| Some(workflow) != first);
        for (permit, entry) in permits.drain(..).zip(claimed) {
            drop(inner.spawn(Box::new(permit), entry));
        }
        if more {
            continue;
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            _ = woken.changed() => {}
            () = tokio::time::sleep(inner.config.poll) => {}
        }
    }
}

/// Works on an entry and on what follows from it, until another takes over or nothing follows.
async fn work(inner: &Arc<Inner>, entry: ClaimedEntry) {
    let mut next = Some(entry);
    while let Some(entry) = next.take() {
        inner.config.faults.pass(Point::AfterClaim);
        let hold = inner.held.add(&entry.lease);
        next = one(inner, entry, hold.token()).await;
    }
}

/// One segment and its commit; the head it goes on with, if there is one.
async fn one(
    inner: &Arc<Inner>,
    entry: ClaimedEntry,
    token: &CancellationToken,
) -> Option<ClaimedEntry> {
    let store = &inner.config.store;
    let entry = whole(inner, entry).await?;
    let run = entry.run.clone();
    let program = match inner.programs.get(store, &run).await {
        Ok(program) => program,
        Err(Unusable::Broken(error)) => {
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
        Err(Unusable::Store(error @ StoreError::NotFound(_))) => {
            let error = StepError::new(
                "workflow_missing",
                format!("What this run runs is gone ({error})."),
            )
            .with("reason", error.to_string());
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
        Err(Unusable::Store(error)) => {
            tracing::warn!(run.id = %run.id, %error, "a run's workflow could not be read; it is tried again later");
            put_off(inner, &entry.lease).await;
            return None;
        }
    };
    let firm: Firm = match serde_json::from_value(run.firm.clone()) {
        Ok(firm) => firm,
        Err(error) => {
            let error = StepError::new(
                "firm_unreadable",
                format!("The firm's record of this run cannot be read: {error}."),
            )
            .with("reason", error.to_string());
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
    };
    if program.plan.node(&entry.lease.node).is_none() {
        let error = StepError::new(
            "step_missing",
            format!(
                "The workflow of this run has no step \u{201c}{}\u{201d}.",
                entry.lease.node
            ),
        )
        .with("step", entry.lease.node.as_str());
        fail_unusable(inner, &entry, &error).await;
        return None;
    }
    if let Some(damage) = entry.steps.iter().find_map(|step| step.damage.as_deref()) {
        let error = StepError::new(
            "value_damaged",
            format!("What a step before has put out cannot be read any more: {damage}."),
        )
        .with("reason", damage);
        fail_unusable(inner, &entry, &error).await;
        return None;
    }
    let known = Known::new(entry, program, Arc::new(firm));
    let done = known.run(inner, token).await?;
    let done = large::put(inner, &known, done, token).await?;
    let writes = done.writes(&known.rows);
    // A head for each successor that a free slot can take; the others are for whoever comes.
    let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
    let mut heads = 0;
    if !inner.is_stopping() {
        let most = writes.heads.iter().filter(|head| head.leased).count();
        while permits.len() + 1 < most
            && let Ok(permit) = inner.slots.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        heads = 1 + permits.len();
    }
    let (writes, leases) = commit(inner, &known, done, writes, heads).await?;
    follow(inner, known, writes, leases, permits).await
}

/// The entry with whole values in place of stand-ins. They are read here, under its lease and in its slot: what is slow or cannot be read
/// holds up no claim, and so nobody else. `None`: the file store does not give them now.
async fn whole(inner: &Inner, mut entry: ClaimedEntry) -> Option<ClaimedEntry> {
    let store = &inner.config.store;
    let (scope, id) = (entry.run.scope, entry.run.id);
    let Err(error) = run::whole(store, &scope, id, &mut entry.steps).await else {
        return Some(entry);
    };
    tracing::warn!(run.id = %id, %error, "values of a run could not be read; it is tried again later");
    put_off(inner, &entry.lease).await;
    None
}

/// Lets an entry come back in a while: as things are, nobody can go on with it.
async fn put_off(inner: &Inner, lease: &Lease) {
    if let Err(error) = queue::put_off(&inner.config.store, inner.worker, lease).await {
        tracing::warn!(run.id = %lease.run, %error, "an entry could not be put off; its lease runs out by itself");
    }
}

/// Hands a segment to the committer; rows that the database refuses become a failed step.
async fn commit(
    inner: &Arc<Inner>,
    known: &Known,
    done: Done,
    writes: Writes,
    heads: usize,
) -> Option<(Writes, Vec<Lease>)> {
    let (instead, large) = (done.unstorable(), done.large());
    let segment = known.segment(done, writes, heads);
    let answer = match inner.committer.commit(segment).await {
        Err(Failure::Refused(reason)) => {
            tracing::error!(run.id = %known.run.id, step.id = %known.lease.node, reason, "the results of a step cannot be stored");
            let writes = instead.writes(&known.rows);
            let segment = known.segment(instead, writes, heads);
            inner.committer.commit(segment).await
        }
        answer => answer,
    };
    // Also where nobody knows whether it was committed.
    for large in large {
        output::keep(&inner.config.store, &large).await;
    }
    match answer {
        Ok(Committed::Done { writes, leases }) => Some((Arc::unwrap_or_clone(writes), leases)),
        Ok(Committed::Stale) => {
            tracing::info!(run.id = %known.run.id, step.id = %known.lease.node, "a segment was dropped: stopped, or taken over");
            None
        }
        Err(failure) => {
            tracing::error!(run.id = %known.run.id, ?failure, "a segment was not committed; its lease runs out and it is run again");
            None
        }
    }
}

/// Goes on with the first leased head and starts the others in the slots that were kept for them.
async fn follow(
    inner: &Arc<Inner>,
    known: Known,
    writes: Writes,
    mut leases: Vec<Lease>,
    permits: Vec<OwnedSemaphorePermit>,
) -> Option<ClaimedEntry> {
    if leases.is_empty() {
        return None;
    }
    // The rows come back in any order; the plan's order decides what is kept.
    let place = |lease: &Lease| {
        writes
            .heads
            .iter()
            .position(|head| head.node == lease.node && head.item_path == lease.item_path)
    };
    leases.sort_by_key(|lease| place(lease));
    let run = known.run.clone();
    if known.solo && writes.heads.len() == 1 && leases.len() == 1 {
        let steps = known.after(writes);
        // A retry goes on beside a step that this segment left waiting: somebody else may end that wait.
        if queue::is_alone(&steps, &leases[0]) {
            return Some(ClaimedEntry {
                lease: leases.pop()?,
                run,
                steps,
                solo: true,
            });
        }
    }
    let loaded = queue::load(&inner.config.store, inner.worker, leases.clone()).await;
    let mut entries = match loaded {
        Ok(entries) => entries.into_iter(),
        Err(error) => {
            tracing::warn!(run.id = %run.id, %error, "what follows could not be read; it is given back");
            give_back(inner, &leases).await;
            return None;
        }
    };
    let first = entries.next();
    for (entry, permit) in entries.zip(permits) {
        drop(inner.spawn(Box::new(permit), entry));
    }
    first
}

/// So that others need not wait until leases run out, which would also count as a lost worker.
async fn give_back(inner: &Inner, leases: &[Lease]) {
    if let Err(error) = queue::release(&inner.config.store, inner.worker, leases).await {
        tracing::warn!(%error, "leases could not be given back; they run out by themselves");
    }
}

/// The run fails without its workflow: there is no plan to ask.
async fn fail_unusable(inner: &Arc<Inner>, entry: &ClaimedEntry, error: &StepError) {
    tracing::error!(run.id = %entry.run.id, code = error.code, "a run cannot run");
    let segment = segment::unusable(entry, inner.holder(), error);
    if let Err(failure) = inner.committer.commit(segment).await {
        tracing::error!(run.id = %entry.run.id, ?failure, "the failure of a run could not be stored");
    }
}

/// Extends the leases of everything that is being worked on, in one statement.
async fn heartbeat(inner: Arc<Inner>) {
    let config = &inner.config;
    loop {
        tokio::select! {
            () = inner.idle.cancelled() => return,
            () = tokio::time::sleep(config.heartbeat) => {}
        }
        let held = inner.held.all();
        if !held.is_empty() {
            match queue::heartbeat(&config.store, inner.holder(), &held).await {
                Ok(alive) => inner.held.keep(&held, &alive),
                Err(error) => tracing::warn!(%error, "leases could not be extended"),
            }
        }
        if let Err(error) = worker::heartbeat(
            &config.store,
            inner.worker,
            config.kind,
            &config.host,
            &about(),
        )
        .await
        {
            tracing::warn!(%error, "this process could not say that it is alive");
        }
    }
}

async fn rescue(inner: Arc<Inner>) {
    while !pause(&inner, inner.config.rescue).await {
        if let Err(error) = queue::rescue(&inner.config.store).await {
            tracing::warn!(%error, "leases of lost workers could not be taken back");
        }
        if let Err(error) = generation::fail_silent(&inner.config.store).await {
            tracing::warn!(%error, "models that are silent could not be looked for");
        }
    }
}

/// Writes the mails about failed runs that are due.
async fn tell_failures(inner: Arc<Inner>) {
    while !pause(&inner, inner.config.rescue).await {
        let now = (inner.config.clock)();
        if let Err(error) = failure_notice::tell(&inner.config.store, now).await {
            tracing::warn!(%error, "members could not be told of failed runs");
        }
    }
}

/// Hides private values of runs whose time is over.
async fn hide_private(inner: Arc<Inner>) {
    while !pause(&inner, inner.config.rescue).await {
        if let Err(error) = private::hide(&inner.config.store).await {
            tracing::warn!(%error, "private values could not be hidden; it is tried again later");
        }
    }
}

/// Works on entries that lost their worker repeatedly, one at a time: whatever dies with this process then is not one of them.
async fn try_suspects(inner: Arc<Inner>) {
    while !pause(&inner, inner.config.rescue).await {
        while !inner.is_stopping() {
            let permit = tokio::select! {
                biased;
                () = inner.stopping.cancelled() => return,
                permit = inner.slots.clone().acquire_owned() => match permit {
                    Ok(permit) => permit,
                    Err(_) => return,
                },
            };
            match queue::claim_suspect(&inner.config.store, inner.holder(), inner.config.claim_form)
                .await
            {
                // A panic is told where it happens; the lease runs out.
                Ok(Some(entry)) => drop(inner.spawn(Box::new(permit), entry).await),
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "entries that lost their workers could not be claimed");
                    break;
                }
            }
        }
    }
}

async fn maintain(inner: Arc<Inner>) {
    let store = &inner.config.store;
    let mut day: Option<Instant> = None;
    loop {
        let mut done = maintenance::pass(store).await.map(drop);
        if day.is_none_or(|since| since.elapsed() >= DAY) {
            day = Some(Instant::now());
            done = done.and(maintenance::daily(store).await);
        }
        if let Err(error) = done {
            inner.put_off("maintenance did not get through", &error);
        }
        if pause(&inner, inner.config.maintain).await {
            return;
        }
    }
}

/// Begins the runs of schedules when they are due: whichever process comes first does it.
async fn begin_scheduled(inner: Arc<Inner>) {
    let store = &inner.config.store;
    loop {
        let next = match schedule::begin_due(store).await {
            Ok(next) => next.unwrap_or(inner.config.schedules),
            Err(error) => {
                inner.put_off("scheduled runs could not be begun", &error);
                inner.config.schedules
            }
        };
        // What another process has at this moment is due already: there is no need to ask all the time.
        let wait = next.clamp(
            inner.config.poll,
            inner.config.schedules.max(inner.config.poll),
        );
        if pause(&inner, wait).await {
            return;
        }
    }
}

/// Takes batches further, bit by bit: a file of thousands of rows must not stand before anybody's form. What is begun wakes the queue.
async fn advance_batches(inner: Arc<Inner>) {
    let config = &inner.config;
    let mut feeder = Feeder::default();
    let mut ended = config.store.events.ended();
    loop {
        let mut over = Vec::new();
        loop {
            match ended.try_recv() {
                Ok(run) => over.push(run),
                // Some were missed: nothing that is known counts any more.
                Err(TryRecvError::Lagged(_)) => feeder = Feeder::default(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let wait = match feeder.pass(&config.store, &over).await {
            Ok(true) => config.batches,
            Ok(false) => config.batches * 2,
            Err(error) => {
                inner.put_off("batches could not be looked at", &error);
                config.schedules
            }
        };
        if pause(&inner, wait).await {
            return;
        }
    }
}

/// Work on a run that is over stops at once; the commit would be dropped anyway.
async fn notice_ends(inner: Arc<Inner>) {
    let mut ended = inner.config.store.events.ended();
    loop {
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            run = ended.recv() => match run {
                Ok(run) => inner.held.end(run),
                // The fence still drops what was missed here.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// `true`: the executor stops.
async fn pause(inner: &Inner, pause: Duration) -> bool {
    tokio::select! {
        () = inner.stopping.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}
