//! Wires and runs the whole program: database, store, executor, HTTP and the model worker, in any combination of roles.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use engine::{catalogue::Catalogue, node::Services};
use executor::{Executor, fault::Faults};
use store::{Database, Store, StoreConfig, StoreError, seal::MasterKey};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};
use tracing::{error, info, warn};

use crate::{
    config::Config,
    fonts::Fonts,
    model_worker::{self, ModelWorkerOptions},
    postgres::{Account, Cluster, ClusterOptions, make_folder},
    presence::Presence,
};

const DATABASE: &str = "formwork";
/// How long open requests may go on after a stop was asked for.
const PATIENCE: Duration = Duration::from_secs(10);
/// A database elsewhere that is silent for so long is not there.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Which parts this process plays; several processes may share one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub serve: bool,
    pub work: bool,
    pub model: bool,
}

/// A database that is up, and the cluster behind it if it is ours.
pub struct Opened {
    pub url: String,
    /// Dropped last: everything else uses it.
    pub cluster: Option<Cluster>,
}

/// The configured database, or the private cluster, started now.
pub async fn open_database(config: &Config) -> anyhow::Result<Opened> {
    if let Some(url) = &config.database_url {
        let version = answering_version(url).await?;
        if version < crate::postgres::binaries::OLDEST * 10_000 {
            bail!(
                "DATABASE_URL names Postgres {}, but Formwork needs {} or newer; upgrade that server, or take DATABASE_URL away to use a private one.",
                version / 10_000,
                crate::postgres::binaries::OLDEST
            );
        }
        return Ok(Opened {
            url: url.clone(),
            cluster: None,
        });
    }
    let options = ClusterOptions {
        data_dir: config.data_dir.clone(),
        postgres_dir: config.postgres_dir.clone(),
        durable: true,
    };
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
    store::database::ensure(&cluster.url("postgres"), DATABASE).await?;
    Ok(Opened {
        url: cluster.url(DATABASE),
        cluster: Some(cluster),
    })
}

/// The version of the database that `DATABASE_URL` names, or one sentence about what is wrong with it. The address itself holds a
/// password and is never part of a message.
pub async fn answering_version(url: &str) -> anyhow::Result<u32> {
    let asked = tokio::time::timeout(ANSWER_LIMIT, store::database::server_version(url)).await;
    match asked {
        Ok(Ok(version)) => Ok(version),
        Ok(Err(StoreError::Unavailable(reason))) => bail!(
            "the database that DATABASE_URL names does not answer ({reason}); start it, or correct the address."
        ),
        Ok(Err(StoreError::Database(reason))) => bail!(
            "the database that DATABASE_URL names cannot be used ({reason}); correct the address, the user or the password."
        ),
        Ok(Err(other)) => Err(other.into()),
        Err(_) => bail!(
            "the database that DATABASE_URL names did not answer within {} s; start it, or correct the address.",
            ANSWER_LIMIT.as_secs()
        ),
    }
}

/// The address of a private database that another process keeps running, or of the configured one.
pub async fn running_database(config: &Config) -> Option<String> {
    let url = config
        .database_url
        .clone()
        .unwrap_or_else(|| Cluster::url_in(&config.data_dir, DATABASE));
    store::database::server_version(&url)
        .await
        .is_ok()
        .then_some(url)
}

pub async fn connect(config: &Config, url: &str) -> anyhow::Result<Store> {
    let key = MasterKey::load_or_create(&config.key_file).with_context(|| {
        format!(
            "the master key {} cannot be used",
            config.key_file.display()
        )
    })?;
    Ok(Store::connect(StoreConfig {
        database: Database::Url(url.to_owned()),
        artifact_dir: config.data_dir.join("artifacts"),
        key: Some(key),
        max_connections: 24,
    })
    .await?)
}

/// Everything that was started, in the order in which it is stopped.
struct Running {
    stopping: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
    executor: Option<Executor>,
    presence: Option<Presence>,
    model_worker: Option<JoinHandle<()>>,
    store: Store,
    opened: Opened,
}

/// Runs until Ctrl-C, SIGTERM or the end of its terminal, then stops everything it started; asked a second time it does not wait for
/// open requests.
pub async fn run(config: Config, roles: Roles, catalogue: Catalogue) -> anyhow::Result<()> {
    let mut stop_asked = stop_signal()?;
    let mut running = tokio::select! {
        started = start(&config, roles, catalogue) => started?,
        // What was started so far is dropped, which stops it.
        () = stop_asked.recv() => return Ok(()),
    };
    let mut cluster_gone = running.opened.cluster.as_ref().map(Cluster::exited);
    let reason = tokio::select! {
        () = stop_asked.recv() => None,
        () = gone(cluster_gone.as_mut()) => Some("the private Postgres ended; the end of postgres.log in the data folder says why"),
    };
    info!("stopping");
    tokio::select! {
        () = running.wind_down() => {}
        () = stop_asked.recv() => warn!("stopping at once"),
    }
    tokio::task::spawn_blocking(move || drop(running)).await?;
    info!("stopped");
    match reason {
        Some(reason) => bail!(reason),
        None => Ok(()),
    }
}

impl Running {
    async fn wind_down(&mut self) {
        let _ = self.stopping.send(true);
        if let Some(server) = self.server.take() {
            let _ = tokio::time::timeout(PATIENCE, server).await;
        }
        if let Some(executor) = &self.executor {
            executor.shutdown().await;
        }
        if let Some(presence) = self.presence.take() {
            presence.end().await;
        }
        if let Some(model_worker) = self.model_worker.take() {
            let _ = model_worker.await;
        }
        // Nothing may still ask a database that is gone.
        self.store.close().await;
    }
}

async fn start(config: &Config, roles: Roles, catalogue: Catalogue) -> anyhow::Result<Running> {
    let since = Instant::now();
    // First of all: a taken port is said before anything is started.
    let listener = if roles.serve {
        Some(listen(config.listen).await?)
    } else {
        None
    };
    let opened = open_database(config).await?;
    let store = connect(config, &opened.url).await?;
    store.migrate().await?;
    store::maintenance::make_partitions(&store).await?;
    check_node_types(&store, &catalogue).await?;
    // Whoever needs no file is served all the same.
    if let Err(error) = store::artifact::check_folder(&store).await {
        error!(%error, "files cannot be used yet");
    }
    store.events.start();
    if let Some((email, password)) = &config.owner {
        store::account::ensure_owner(&store, email, password).await?;
    }

    let outbound = outbound::Client::new(
        outbound::Allow::parse(&config.outbound_allow.join(","))?,
        concat!("Formwork/", env!("CARGO_PKG_VERSION")),
    );
    let font_dirs = config.font_dirs.clone();
    let renderer = document::Renderer::new(Box::new(Fonts::new(font_dirs)));
    let renderer = Arc::new(renderer.with_clock(thread_time));
    let catalogue = Arc::new(catalogue);
    let executor = if roles.work {
        Some(start_executor(config, roles, &store, &catalogue, &renderer, &outbound).await?)
    } else {
        None
    };

    // An executor says itself that it is there. Who only serves must say it, too: others tell only those they know of what happens.
    let presence = if roles.work {
        None
    } else {
        Some(Presence::announce(&store, &config.host, heartbeat(config.lease)).await?)
    };

    let (stopping, stop) = watch::channel(false);
    let model_worker = if roles.model {
        start_model_worker(config, &opened.url, stop.clone())?
    } else {
        None
    };
    let mut server = None;
    if let Some(listener) = listener {
        let state = api::State {
            store: store.clone(),
            catalogue,
            renderer,
            outbound,
            local: executor.as_ref().map(Executor::local),
            read_sheet: nodes::read_sheet,
            config: api::Config {
                public_url: config.public_url.clone(),
                trusted_proxies: config.trusted_proxies.clone(),
                web_dir: Some(config.web_dir.clone()),
            },
        };
        let router = api::router(state);
        let silence = api::Silence::default();
        server = Some(tokio::spawn(api::serve(
            listener,
            router,
            silence,
            stop.clone(),
        )));
        announce(config, &store, since).await?;
    }
    Ok(Running {
        stopping,
        server,
        executor,
        presence,
        model_worker,
        store,
        opened,
    })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                "{address} is in use by another program; stop it, or choose another address with FORMWORK_LISTEN=127.0.0.1:8081."
            )
        }
        Err(error) => Err(error)
            .with_context(|| format!("{address} cannot be listened on; set FORMWORK_LISTEN")),
    }
}

async fn start_executor(
    config: &Config,
    roles: Roles,
    store: &Store,
    catalogue: &Arc<Catalogue>,
    renderer: &Arc<document::Renderer>,
    outbound: &outbound::Client,
) -> anyhow::Result<Executor> {
    let services = Services::default().with(renderer.clone());
    let mut options = executor::Config::new(
        store.clone(),
        catalogue.clone(),
        services,
        outbound.clone(),
        config.public_url.as_str(),
    );
    options.kind = if roles.serve {
        store::worker::Kind::Run
    } else {
        store::worker::Kind::Work
    };
    options.host.clone_from(&config.host);
    options.slots = config.executor_slots;
    options.lease = config.lease;
    options.claim_form = config.claim_form;
    options.heartbeat = heartbeat(config.lease);
    options.rescue = rescue(config.lease);
    if let Some(fault) = &config.fault {
        options.faults = fault.parse::<Faults>()?;
    }
    Ok(Executor::start(options).await?)
}

/// Three times a lease; and often enough for others to know that this process lives.
fn heartbeat(lease: Duration) -> Duration {
    (lease / 3).min(Duration::from_secs(10))
}

/// How often leases that ran out are looked for: whoever is lost is noticed within two leases.
fn rescue(lease: Duration) -> Duration {
    lease / 6
}

/// A step that is stored but not built in could neither be shown nor run: better not to start than to fail one run after the other.
async fn check_node_types(store: &Store, catalogue: &Catalogue) -> anyhow::Result<()> {
    let missing: Vec<String> = store::run::needed_node_types(store)
        .await?
        .into_iter()
        .filter(|needed| {
            u32::try_from(needed.version)
                .ok()
                .and_then(|version| catalogue.get(&needed.node_type, version))
                .is_none()
        })
        .map(|needed| {
            format!(
                "{} version {} (in {})",
                needed.node_type,
                needed.version,
                needed.workflows.join(", ")
            )
        })
        .collect();
    if !missing.is_empty() {
        bail!(
            "published workflows or unfinished runs need step types that this program does not have: {}. Start the version of \
             Formwork that was used before, or restore the backup made with it.",
            missing.join("; ")
        );
    }
    Ok(())
}

fn start_model_worker(
    config: &Config,
    database_url: &str,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    if config.model.as_deref() == Some("none") {
        return Ok(None);
    }
    let Some(program) = model_worker::program() else {
        info!(
            "formwork-model is not beside this program: steps that write wait for a model worker"
        );
        return Ok(None);
    };
    let account = Account::for_this_process()?;
    let made = make_folder(&config.model_dir, 0o755)
        .with_context(|| format!("{} cannot be made", config.model_dir.display()))?;
    // A folder that somebody else made, outside ours, keeps its owner.
    if made || config.model_dir.starts_with(&config.data_dir) {
        account.own(&config.model_dir)?;
    }
    if let Some(model) = &config.model
        && !account.may("-r", Path::new(model))
        && model != "fake"
    {
        bail!(
            "the system user \"{}\", as which the model worker runs, may not read {model}; move the file to a folder that everybody may enter.",
            account.name
        );
    }
    let mut environment = vec![
        ("DATABASE_URL".to_owned(), database_url.to_owned()),
        (
            "FORMWORK_MODEL_DIR".to_owned(),
            config.model_dir.display().to_string(),
        ),
        (
            "FORMWORK_MODEL_THREADS".to_owned(),
            config.model_threads.to_string(),
        ),
    ];
    environment.extend(
        config
            .model
            .clone()
            .map(|model| ("FORMWORK_MODEL".to_owned(), model)),
    );
    let options = ModelWorkerOptions {
        program,
        arguments: vec!["serve".into(), "--with-parent".into()],
        threads: config.model_threads,
        account,
        environment,
    };
    Ok(Some(model_worker::supervise(options, stop)))
}

/// What the person at the terminal needs next.
async fn announce(config: &Config, store: &Store, since: Instant) -> anyhow::Result<()> {
    let address = &config.public_url;
    let mut text = format!(
        "\n  Formwork is ready after {:.1} s:  {address}\n",
        since.elapsed().as_secs_f32()
    );
    if let Some(token) = store::account::setup_token(store).await? {
        let base = address.as_str().trim_end_matches('/');
        text.push_str(&format!(
            "  Make the owner's account here (the link works once):\n  {base}/setup?token={token}\n"
        ));
    }
    text.push_str("  Ctrl-C stops everything.\n\n");
    // Nobody may be reading any more, which is no reason to stop.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

struct StopSignal {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// The terminal was closed.
    hang_up: tokio::signal::unix::Signal,
}

impl StopSignal {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

fn stop_signal() -> std::io::Result<StopSignal> {
    Ok(StopSignal {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
    })
}

/// What this thread has worked so far.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

async fn gone(exited: Option<&mut watch::Receiver<bool>>) {
    match exited {
        Some(exited) => {
            let _ = exited.wait_for(|gone| *gone).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_worker_is_noticed_within_two_leases_and_a_busy_one_is_not_lost() {
        for seconds in [1, 2, 30, 3_600, u64::from(u32::MAX)] {
            let lease = Duration::from_secs(seconds);
            // It was heard of just before it fell silent, and its lease was looked at just before that ran out.
            assert!(lease + rescue(lease) <= 2 * lease, "{seconds} s");
            assert!(3 * heartbeat(lease) <= lease, "{seconds} s");
        }
    }
}
