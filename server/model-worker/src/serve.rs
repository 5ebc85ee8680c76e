//! `formwork-model serve`: finds or fetches a model, loads it, then claims and answers requests until it is told to stop. What it
//! holds and how fast it is stands in the database, for everyone who waits.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use engine::{ids::WorkerId, node::StepError};
use serde_json::{Value as Json, json};
use store::{
    Database, Store, StoreConfig, StoreError,
    events::{Event, Wake},
    generation, model, worker,
};
use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    backend::{About, Engine, EngineError},
    config::{self, Choice, Serve},
    fake::Fake,
    fetch::{FetchError, Progress},
    folder::{self, Found},
    known::Known,
    model::{
        file::LoadError,
        writer::{Options, Writer},
    },
    supply,
    work::{self, Ended},
};

/// A request that is due is found at the latest after this, even when every hint is lost.
const POLL: Duration = Duration::from_millis(500);
/// Between two looks for a model that could not be fetched, and before the first new try to fetch it; doubled before each further one.
const LOOK_AGAIN: Duration = Duration::from_secs(20);
/// A network that comes back is noticed after this long.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// A source that sends wrong bytes would be asked for gigabytes again and again.
const LONGEST_DISTRUST: Duration = Duration::from_hours(1);

/// Why the process ends; one clear line each.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("The database cannot be used: {0}.")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Load(#[from] LoadError),
    #[error("The model's thread could not be started: {0}.")]
    Thread(String),
    #[error("The model ended while it worked; its request is given to the next process.")]
    Broken,
    #[error("The process cannot listen for signals: {0}.")]
    Signals(std::io::Error),
}

impl ServeError {
    /// What people read of it.
    fn told(&self) -> StepError {
        match self {
            Self::Load(error) => error.told(),
            Self::Store(_) | Self::Thread(_) | Self::Broken | Self::Signals(_) => {
                let reason = self.to_string();
                StepError::new("model_not_loaded", reason.as_str()).with("reason", reason)
            }
        }
    }
}

/// Runs until it is told to stop.
pub async fn run(config: Serve) -> Result<(), ServeError> {
    let stop = CancellationToken::new();
    listen(&stop, config.with_parent)?;
    let store = Store::connect(StoreConfig {
        database: Database::Url(config.database_url.clone()),
        // No artifact is touched here.
        artifact_dir: config.folder(),
        // The master key is never given to a model worker.
        key: None,
        max_connections: 4,
    })
    .await?;
    store.events.start();
    let presence = Presence::announce(&store, &config, &stop).await?;
    let result = with_model(&store, &config, &presence, &stop).await;
    stop.cancel();
    worker::remove(&store, presence.id).await?;
    tell_models(&store);
    result
}

async fn with_model(
    store: &Store,
    config: &Serve,
    presence: &Presence,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let Some((engine, name)) = load(store, config, presence, stop).await? else {
        return Ok(());
    };
    let about = engine.about().clone();
    model::set_ready(
        store,
        &name,
        model::Measured {
            tokens_per_second: about.tokens_per_second,
            memory_bytes: about.memory_bytes,
            context_tokens: about.context_tokens,
        },
    )
    .await?;
    presence.hold(&name, "ready", Some(&about)).await?;
    tell_models(store);
    tracing::info!(model = %name, tokens_per_second = about.tokens_per_second, "the model is ready");
    answer(store, config, &engine, &name, presence, stop).await
}

/// Claims and answers, one request after the other.
async fn answer(
    store: &Store,
    config: &Serve,
    engine: &Engine,
    name: &str,
    presence: &Presence,
    stop: &CancellationToken,
) -> Result<(), ServeError> {
    let names = [name.to_owned()];
    let lease_ms = i64::try_from(config.lease.as_millis()).unwrap_or(i64::MAX);
    let faults = work::Faults::new(config.fault.as_deref());
    let mut hint = store.events.woken(Wake::Generations);
    while !stop.is_cancelled() {
        hint.mark_unchanged();
        match generation::claim(store, presence.id, &names, lease_ms).await {
            Ok(Some(claimed)) => {
                faults.pass("after_claim");
                presence.busy(true);
                let ended = work::work(store, engine, &claimed, lease_ms, &faults, stop).await;
                presence.busy(false);
                if ended == Ended::Broken {
                    return Err(ServeError::Broken);
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "no request could be claimed; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(POLL) => {}
            _ = hint.changed() => {}
        }
    }
    Ok(())
}

/// The loaded model and its name; `None` when it was stopped before.
async fn load(
    store: &Store,
    config: &Serve,
    presence: &Presence,
    stop: &CancellationToken,
) -> Result<Option<(Engine, String)>, ServeError> {
    if let Choice::Fake { pause } = config.choice {
        let name = config.name.clone().unwrap_or_else(|| "fake".into());
        let about = model::About {
            name: &name,
            title: "Made-up text (tests)",
            file: "",
            sha256: None,
            size_bytes: 0,
            licence: "none",
        };
        model::describe(store, &about).await?;
        let backend = name.clone();
        let engine = Engine::start(move || Ok::<_, LoadError>(Fake::new(backend, pause)))
            .await
            .map_err(refused)?;
        return Ok(Some((engine, name)));
    }
    loop {
        let Some(found) = find(store, config, presence, stop).await? else {
            return Ok(None);
        };
        let name = config.name.clone().unwrap_or_else(|| found.name());
        presence.hold(&name, "loading", None).await?;
        match load_file(store, config, &found, &name).await {
            Ok(Some(engine)) => return Ok(Some((engine, name))),
            // A damaged file was put aside; look again.
            Ok(None) => {}
            Err(error) => {
                model::set_state(store, &name, model::State::Failed, Some(&error.told())).await?;
                tell_models(store);
                return Err(error);
            }
        }
    }
}

async fn load_file(
    store: &Store,
    config: &Serve,
    found: &Found,
    name: &str,
) -> Result<Option<Engine>, ServeError> {
    let size_bytes = tokio::fs::metadata(&found.path)
        .await
        .map_or(0, |about| about.len());
    let title = found.title();
    let file = found
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut about = model::About {
        name,
        title: &title,
        file: &file,
        sha256: found.known.map(|known| known.sha256),
        size_bytes,
        licence: found.known.map_or("unknown", |known| known.licence),
    };
    model::describe(store, &about).await?;
    model::set_state(store, name, model::State::Loading, None).await?;
    tell_models(store);
    let path = found.path.clone();
    let sha256 = tokio::task::spawn_blocking(move || folder::sha256(&path))
        .await
        .map_err(|error| ServeError::Thread(error.to_string()))?
        .map_err(|source| LoadError::Unreadable {
            path: found.path.clone(),
            source,
        })?;
    if let Some(known) = found.known
        && known.sha256 != sha256
    {
        let path = found.path.display().to_string();
        let why = StepError::new(
            "model_file_changed",
            format!(
                "{path} is not the file it should be: its SHA-256 is {sha256}. It is damaged or was changed. It was renamed; the right \
                 file is fetched again."
            ),
        )
        .with("path", path)
        .with("sha256", sha256);
        tracing::error!("{why}");
        if config.choice == Choice::Auto {
            let aside = found.path.with_added_extension("damaged");
            if tokio::fs::rename(&found.path, &aside).await.is_ok() {
                model::set_state(store, name, model::State::Missing, Some(&why)).await?;
                return Ok(None);
            }
        }
        return Err(ServeError::Load(LoadError::Broken {
            path: found.path.clone(),
            reason: "its SHA-256 is not the one of the model it is named after".into(),
        }));
    }
    about.sha256 = Some(&sha256);
    model::describe(store, &about).await?;
    let options = Options {
        name: name.into(),
        sha256,
        context_tokens: config.context_tokens,
    };
    let path = found.path.clone();
    let engine = Engine::start(move || Writer::load(&path, options))
        .await
        .map_err(refused)?;
    Ok(Some(engine))
}

/// The model file: the named one, one in the folder, or one that is fetched now; `None` when it was stopped before.
async fn find(
    store: &Store,
    config: &Serve,
    presence: &Presence,
    stop: &CancellationToken,
) -> Result<Option<Found>, ServeError> {
    if let Choice::File(path) = &config.choice {
        return Ok(Some(Found::at(path.clone())));
    }
    let mut told = false;
    let mut pause = LOOK_AGAIN;
    loop {
        if let Some(found) = folder::find(&config.download.folder) {
            return Ok(Some(found));
        }
        let (known, source) = supply::wanted(&config.download);
        describe(store, known).await?;
        let mut longest = LONGEST_PAUSE;
        let why = if config.download.offline {
            let folder = config.download.folder.display().to_string();
            let message = format!(
                "There is no model. Downloads are switched off. Put {} into {folder}.",
                known.file
            );
            StepError::new("model_downloads_off", message)
                .with("file", known.file)
                .with("folder", folder)
        } else {
            presence.hold(known.name, "downloading", None).await?;
            let (sender, receiver) = watch::channel(Progress::default());
            let report = tokio::spawn(report(store.clone(), known.name, receiver));
            let fetched = tokio::select! {
                () = stop.cancelled() => {
                    report.abort();
                    return Ok(None);
                }
                fetched = supply::fetch(&config.download, known, source, sender) => fetched,
            };
            report.abort();
            match fetched {
                Ok(_) => continue,
                Err(error) => {
                    if matches!(error, FetchError::Changed { .. }) {
                        longest = LONGEST_DISTRUST;
                    }
                    error.told()
                }
            }
        };
        if !told {
            tracing::warn!("{why}");
            told = true;
        }
        model::set_state(store, known.name, model::State::Missing, Some(&why)).await?;
        tell_models(store);
        // A file put there by hand is noticed soon, a network that comes back a little later.
        let again = Instant::now() + pause;
        pause = (pause * 2).min(longest);
        while Instant::now() < again && folder::find(&config.download.folder).is_none() {
            tokio::select! {
                () = stop.cancelled() => return Ok(None),
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

/// Writes a download's progress where people see it, about once a second.
async fn report(store: Store, name: &'static str, mut progress: watch::Receiver<Progress>) {
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        let stored = model::Progress {
            done_bytes: now.done_bytes,
            bytes_per_second: now.bytes_per_second,
            seconds_left: now.seconds_left,
        };
        if let Err(error) = model::set_progress(&store, name, stored).await {
            tracing::warn!(%error, "the download's progress could not be stored");
        }
        tell_models(&store);
        sleep(Duration::from_secs(1)).await;
    }
}

async fn describe(store: &Store, known: &Known) -> Result<(), StoreError> {
    let about = model::About {
        name: known.name,
        title: known.title,
        file: known.file,
        sha256: Some(known.sha256),
        size_bytes: known.size_bytes,
        licence: known.licence,
    };
    model::describe(store, &about).await
}

/// Models are the machine's, not a workspace's: everyone who looks at them is told.
fn tell_models(store: &Store) {
    store.events.publish(Event {
        workspace: uuid::Uuid::nil().into(),
        topic: "models".into(),
        kind: "model.changed".into(),
        data: Json::Null,
    });
}

fn refused(error: EngineError<LoadError>) -> ServeError {
    match error {
        EngineError::Load(error) => ServeError::Load(error),
        EngineError::Thread(error) => ServeError::Thread(error.to_string()),
        EngineError::Ended => ServeError::Thread("it ended while it loaded".into()),
    }
}

/// This process in the list of processes.
struct Presence {
    store: Store,
    id: WorkerId,
    info: watch::Sender<Json>,
    busy: Arc<AtomicBool>,
    /// Requests answered since the start.
    served: Arc<AtomicU64>,
}

impl Presence {
    async fn announce(
        store: &Store,
        config: &Serve,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let host = config::host();
        let info = json!({"state": "starting"});
        let id = worker::register(store, worker::Kind::Model, &host, &info).await?;
        let (sender, mut receiver) = watch::channel(info);
        let presence = Self {
            store: store.clone(),
            id,
            info: sender,
            busy: Arc::default(),
            served: Arc::default(),
        };
        let (store, stop) = (store.clone(), stop.clone());
        let (busy, served) = (presence.busy.clone(), presence.served.clone());
        let every = config.lease / 3;
        tokio::spawn(async move {
            loop {
                let mut info = receiver.borrow_and_update().clone();
                info["busy"] = busy.load(Ordering::Relaxed).into();
                info["served"] = served.load(Ordering::Relaxed).into();
                if let Err(error) =
                    worker::heartbeat(&store, id, worker::Kind::Model, &host, &info).await
                {
                    tracing::warn!(%error, "this process could not say that it is alive");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(every) => {}
                    _ = receiver.changed() => {}
                }
            }
        });
        Ok(presence)
    }

    /// Which model this process holds, and how far it is. Written at once, so that nobody reads that it is not there.
    async fn hold(&self, name: &str, state: &str, about: Option<&About>) -> Result<(), StoreError> {
        let mut info = json!({"model": name, "state": state});
        if let Some(about) = about {
            info["sha256"] = about.sha256.clone().into();
            info["tokens_per_second"] = about.tokens_per_second.into();
            info["memory_bytes"] = about.memory_bytes.into();
        }
        worker::heartbeat(
            &self.store,
            self.id,
            worker::Kind::Model,
            &config::host(),
            &info,
        )
        .await?;
        self.info.send_replace(info);
        Ok(())
    }

    fn busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
        if !busy {
            self.served.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// SIGTERM, SIGINT and, with `with_parent`, the end of standard input stop claiming.
fn listen(stop: &CancellationToken, with_parent: bool) -> Result<(), ServeError> {
    let mut term = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
            () = token.cancelled() => {}
        }
        token.cancel();
    });
    if with_parent {
        let token = stop.clone();
        tokio::spawn(async move {
            let mut input = tokio::io::stdin();
            let mut buffer = [0_u8; 64];
            while !matches!(input.read(&mut buffer).await, Ok(0) | Err(_)) {}
            token.cancel();
        });
    }
    Ok(())
}

/// What `fetch` on the command line ended with.
pub async fn fetch(download: &config::Download) -> Result<PathBuf, FetchError> {
    let (known, source) = supply::wanted(download);
    let path = download.folder.join(known.file);
    if path.is_file() {
        return Ok(path);
    }
    let (sender, _receiver) = watch::channel(Progress::default());
    supply::fetch(download, known, source, sender).await
}
