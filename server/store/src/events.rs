//! What changed, for whoever watches: in this process at once, in other processes through one coalesced NOTIFY that is sent on its
//! own connection after the commit. Losing a notification loses time, never truth: everything important is also polled.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{
    ids::{RunId, WorkspaceId},
    node::Answer,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgNotification},
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::run::{Reached, Until};

/// From so many runs on, those that nobody waits for any more are looked for.
const MANY_WAITERS: usize = 1024;

/// Somebody in this process who waits for a run to get that far.
type Waiter = (Until, oneshot::Sender<Reached>);

/// The one channel of all Formwork processes on a database.
const CHANNEL: &str = "formwork";

/// At most twenty notifications a second and process.
const COALESCE: Duration = Duration::from_millis(50);

/// Postgres refuses payloads of 8000 bytes and more.
const MAX_PAYLOAD_BYTES: usize = 7_800;

/// What a slow watcher may lag behind before it must read the current state again.
const BACKLOG: usize = 4_096;

/// One change: `topic` is `run:<id>`, `runs`, `batches`, `workflow:<id>`, `document:<id>`, `models`, `deliveries`, `tables` or `table:<id>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub workspace: WorkspaceId,
    pub topic: String,
    /// Such as `run.changed`.
    pub kind: String,
    pub data: Json,
}

/// What may have become due, for those who work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wake {
    Queue,
    Deliveries,
    Generations,
}

/// The hub of one process.
#[derive(Clone)]
pub struct Events(Arc<Hub>);

struct Hub {
    pool: PgPool,
    /// Tells our own notifications from those of others.
    origin: Uuid,
    sender: broadcast::Sender<Event>,
    /// Runs that are over, for those who may still work on them.
    ended: broadcast::Sender<RunId>,
    queue: watch::Sender<u64>,
    deliveries: watch::Sender<u64>,
    generations: watch::Sender<u64>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    pending: Mutex<Option<mpsc::UnboundedReceiver<Outgoing>>>,
    /// Whether another process that serves or runs may be interested; without one nothing is sent to such.
    others: AtomicBool,
    /// Whether a model's process may be interested; it hears only of requests.
    models: AtomicBool,
    started: AtomicBool,
    waiters: Mutex<HashMap<RunId, Vec<Waiter>>>,
    polled: Mutex<Option<Instant>>,
}

enum Outgoing {
    Event(Event),
    Wake(Wake),
}

/// The payload of one notification; short names because space is scarce.
#[derive(Default, Serialize, Deserialize)]
struct Payload {
    /// Origin.
    o: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    w: Vec<Wake>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    e: Vec<Event>,
}

impl Events {
    pub fn new(pool: PgPool) -> Self {
        let (outgoing, pending) = mpsc::unbounded_channel();
        Self(Arc::new(Hub {
            pool,
            origin: Uuid::now_v7(),
            sender: broadcast::channel(BACKLOG).0,
            ended: broadcast::channel(BACKLOG).0,
            queue: watch::channel(0).0,
            deliveries: watch::channel(0).0,
            generations: watch::channel(0).0,
            outgoing,
            pending: Mutex::new(Some(pending)),
            others: AtomicBool::new(true),
            models: AtomicBool::new(true),
            started: AtomicBool::new(false),
            waiters: Mutex::new(HashMap::new()),
            polled: Mutex::new(None),
        }))
    }

    /// Joins this process to the others: from now on it hears them and they hear it. Called once by `main`; without it everything
    /// stays in the process.
    pub fn start(&self) {
        let Some(pending) = lock(&self.0.pending).take() else {
            return;
        };
        self.0.started.store(true, Ordering::Release);
        tokio::spawn(send(self.clone(), pending));
        tokio::spawn(listen(self.clone()));
    }

    /// Tells everybody who watches. Call it after the commit.
    pub fn publish(&self, event: Event) {
        self.local(&event);
        if self.shared() {
            // The receiver lives as long as the process; when it is gone there is nobody to tell.
            let _ = self.0.outgoing.send(Outgoing::Event(event));
        }
    }

    /// Tells those who work. Call it after the commit.
    pub fn wake(&self, wake: Wake) {
        self.local_wake(wake);
        let heard = match wake {
            Wake::Generations => {
                self.0.models.load(Ordering::Relaxed) && self.0.started.load(Ordering::Acquire)
            }
            Wake::Queue | Wake::Deliveries => self.shared(),
        };
        if heard {
            let _ = self.0.outgoing.send(Outgoing::Wake(wake));
        }
    }

    /// Tells those who work in this process alone.
    pub fn wake_here(&self, wake: Wake) {
        self.local_wake(wake);
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.sender.subscribe()
    }

    /// Runs as they end, so that an executor can stop working on one that a person stopped.
    pub fn ended(&self) -> broadcast::Receiver<RunId> {
        self.0.ended.subscribe()
    }

    /// Whether anybody would hear an event; spares making those nobody would.
    pub fn watched(&self) -> bool {
        self.0.sender.receiver_count() > 0 || self.shared()
    }

    /// Changes whenever there may be work of this sort; several changes may be seen as one.
    pub fn woken(&self, wake: Wake) -> watch::Receiver<u64> {
        self.waker(wake).subscribe()
    }

    /// Which other live processes share the database, as the worker table says. While there is none, nothing is sent.
    pub fn set_others(&self, processes: bool, models: bool) {
        self.0.others.store(processes, Ordering::Relaxed);
        self.0.models.store(models, Ordering::Relaxed);
    }

    /// Resolves when the run is known to be that far; the caller also polls, see `run::wait`.
    pub(crate) fn reached(&self, run: RunId, until: Until) -> oneshot::Receiver<Reached> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = lock(&self.0.waiters);
        // Those whose run never came about: nothing else would take them out.
        if waiters.len() >= MANY_WAITERS {
            waiters.retain(|_, senders| senders.iter().any(|(_, sender)| !sender.is_closed()));
        }
        waiters.entry(run).or_default().push((until, sender));
        receiver
    }

    /// Runs that somebody in this process waits for.
    pub(crate) fn awaited(&self) -> Vec<RunId> {
        let mut waiters = lock(&self.0.waiters);
        waiters.retain(|_, senders| {
            senders.retain(|(_, sender)| !sender.is_closed());
            !senders.is_empty()
        });
        waiters.keys().copied().collect()
    }

    /// Whether the last look at the awaited runs is `pause` ago; the caller then takes the look.
    pub(crate) fn may_poll(&self, pause: Duration) -> bool {
        let mut polled = lock(&self.0.polled);
        let due = polled.is_none_or(|at| at.elapsed() + Duration::from_millis(5) >= pause);
        if due {
            *polled = Some(Instant::now());
        }
        due
    }

    /// The run is over.
    pub(crate) fn over(&self, run: RunId) {
        for (_, waiter) in lock(&self.0.waiters).remove(&run).unwrap_or_default() {
            // The caller gave up waiting.
            let _ = waiter.send(Reached::Over);
        }
    }

    /// A step of the run has answered whoever called; `None`: what it said is not known here.
    pub(crate) fn answered(&self, run: RunId, answer: Option<&Answer>) {
        let mut waiters = lock(&self.0.waiters);
        let Some(senders) = waiters.get_mut(&run) else {
            return;
        };
        for (_, waiter) in senders.extract_if(.., |(until, _)| *until == Until::Answered) {
            let _ = waiter.send(Reached::Answered(answer.cloned()));
        }
    }

    fn shared(&self) -> bool {
        self.0.started.load(Ordering::Acquire) && self.0.others.load(Ordering::Relaxed)
    }

    fn local(&self, event: &Event) {
        if event.kind == "run.changed"
            && event.data.get("finished").and_then(Json::as_bool) == Some(true)
            && let Some(run) = event
                .topic
                .strip_prefix("run:")
                .and_then(|id| id.parse().ok())
        {
            self.over(run);
            let _ = self.0.ended.send(run);
        }
        // Nobody watching is fine.
        let _ = self.0.sender.send(event.clone());
    }

    fn local_wake(&self, wake: Wake) {
        self.waker(wake).send_modify(|count| *count += 1);
    }

    fn waker(&self, wake: Wake) -> &watch::Sender<u64> {
        match wake {
            Wake::Queue => &self.0.queue,
            Wake::Deliveries => &self.0.deliveries,
            Wake::Generations => &self.0.generations,
        }
    }

    fn receive(&self, notification: &PgNotification) {
        match serde_json::from_str::<Payload>(notification.payload()) {
            Ok(payload) if payload.o == self.0.origin => {}
            Ok(payload) => {
                // A greeting: a process that has just come and may want to hear us.
                if payload.w.is_empty() && payload.e.is_empty() {
                    self.set_others(true, true);
                }
                for wake in payload.w {
                    self.local_wake(wake);
                }
                for event in payload.e {
                    self.local(&event);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a notification of another process could not be read");
            }
        }
    }
}

/// Gathers what happens within a short time and sends it as few notifications as it fits into.
async fn send(events: Events, mut pending: mpsc::UnboundedReceiver<Outgoing>) {
    // A greeting, so that processes that believed themselves alone begin to speak.
    notify(
        &events,
        &[Payload {
            o: events.0.origin,
            ..Payload::default()
        }],
    )
    .await;
    while let Some(first) = pending.recv().await {
        tokio::time::sleep(COALESCE).await;
        let mut gathered = vec![first];
        while let Ok(next) = pending.try_recv() {
            gathered.push(next);
        }
        notify(&events, &pack(events.0.origin, gathered)).await;
    }
}

async fn notify(events: &Events, payloads: &[Payload]) {
    let texts: Vec<String> = payloads
        .iter()
        .filter_map(|payload| serde_json::to_string(payload).ok())
        .collect();
    let sent = sqlx::query!(
        "select pg_notify($1, payload) from unnest($2::text[]) payload",
        CHANNEL,
        &texts
    )
    .fetch_all(&events.0.pool)
    .await;
    if let Err(error) = sent {
        tracing::warn!(%error, "other processes could not be notified; they find out by polling");
    }
}

/// Repeated changes of one thing are told once; an event too long for a notification is told without its data.
fn pack(origin: Uuid, gathered: Vec<Outgoing>) -> Vec<Payload> {
    let mut wakes = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    for item in gathered {
        match item {
            Outgoing::Wake(wake) if wakes.contains(&wake) => {}
            Outgoing::Wake(wake) => wakes.push(wake),
            Outgoing::Event(event) if events.contains(&event) => {}
            Outgoing::Event(event) => events.push(event),
        }
    }
    let mut payloads = vec![Payload {
        o: origin,
        w: wakes,
        e: Vec::new(),
    }];
    let mut bytes = 200;
    for mut event in events {
        let mut length = length(&event);
        if length > MAX_PAYLOAD_BYTES - 200 {
            event.data = Json::Null;
            length = self::length(&event);
        }
        if bytes + length > MAX_PAYLOAD_BYTES {
            payloads.push(Payload {
                o: origin,
                ..Payload::default()
            });
            bytes = 200;
        }
        bytes += length + 1;
        if let Some(last) = payloads.last_mut() {
            last.e.push(event);
        }
    }
    payloads
}

fn length(event: &Event) -> usize {
    serde_json::to_string(event).map_or(0, |text| text.len())
}

/// Hears other processes; a lost connection is made again for ever.
async fn listen(events: Events) {
    let mut pause = Duration::from_millis(200);
    loop {
        match PgListener::connect_with(&events.0.pool).await {
            Ok(mut listener) => match listener.listen(CHANNEL).await {
                Ok(()) => {
                    pause = Duration::from_millis(200);
                    // Something may have happened while nobody listened.
                    for wake in [Wake::Queue, Wake::Deliveries, Wake::Generations] {
                        events.local_wake(wake);
                    }
                    while let Ok(notification) = listener.recv().await {
                        events.receive(&notification);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot listen to other processes; trying again");
                }
            },
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "cannot listen to other processes; trying again"),
        }
        if events.0.pool.is_closed() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(text: &str) -> Outgoing {
        Outgoing::Event(Event {
            workspace: Uuid::nil().into(),
            topic: "runs".into(),
            kind: "run.changed".into(),
            data: json!({ "text": text }),
        })
    }

    #[test]
    fn notifications_are_few_short_and_without_repetition() {
        let check = |gathered: Vec<Outgoing>, expected: &[usize]| {
            let payloads = pack(Uuid::nil(), gathered);
            let counts: Vec<usize> = payloads.iter().map(|payload| payload.e.len()).collect();
            assert_eq!(counts, expected);
            for payload in payloads {
                assert!(
                    serde_json::to_string(&payload)
                        .expect("payloads are JSON")
                        .len()
                        < 8_000
                );
            }
        };
        check(
            vec![Outgoing::Wake(Wake::Queue), Outgoing::Wake(Wake::Queue)],
            &[0],
        );
        check(vec![event("a"), event("a"), event("b")], &[2]);
        check(vec![event(&"x".repeat(20_000)), event("b")], &[2]);
        check(
            vec![event(&"x".repeat(5_000)), event(&"y".repeat(5_000))],
            &[1, 1],
        );
    }
}
