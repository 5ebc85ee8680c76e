//! Runs runs: claims heads of segments, runs their steps, commits what came of them, sends deliveries and keeps house. It decides
//! nothing about a workflow (`engine` does) and writes no SQL (`store` does).

mod background;
pub mod backoff;
mod claim;
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
mod work;

use std::{any::Any, sync::Arc, time::Duration};

use engine::{catalogue::Catalogue, ids::WorkerId, node::Services};
use jiff::Timestamp;
use store::{
    Store, StoreError,
    queue::{ClaimForm, ClaimedEntry, Holder, LocalExecutor, Slot},
    worker::{self, Kind},
};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use claim::{claim, try_suspects};
use commit::Committer;
use fault::Faults;
use held::Held;
use program::Programs;
use work::{give_back, work};

/// How long an orderly stop waits for what is running; then the leases are given back and others take over.
const PATIENCE: Duration = Duration::from_secs(20);

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
            committer: Committer::new(config.store.clone(), config.faults.clone()),
            held: Held::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            config,
        });
        // Those who lease are waited for at the stop.
        inner.tasks.spawn(claim(inner.clone()));
        inner.tasks.spawn(try_suspects(inner.clone()));
        inner.tasks.spawn(deliver::work(inner.clone()));
        background::start(&inner);
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

    /// `true`: the executor stops.
    async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stopping.cancelled() => true,
            () = tokio::time::sleep(pause) => false,
        }
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
