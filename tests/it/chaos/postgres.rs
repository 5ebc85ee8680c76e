//! A durable Postgres of the harness's own that can be killed with all its processes, and a proxy before it whose connections can be cut.

use std::{
    fs::{self, Permissions},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use app::postgres::{Cluster, ClusterOptions};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// Stops with the value.
pub(super) struct Postgres {
    cluster: Option<Cluster>,
    folder: TempDir,
}

impl Postgres {
    pub(super) fn start() -> Self {
        // The database's own user must be able to enter.
        let folder = tempfile::Builder::new()
            .prefix("formwork-chaos-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir()
            .expect("a folder");
        let mut postgres = Self {
            cluster: None,
            folder,
        };
        postgres.up();
        postgres
    }

    /// As if the power went, for all its processes at once; then it recovers.
    pub(super) fn strike(&mut self) {
        let data = self.folder.path().join("postgres");
        let data = fs::canonicalize(data).expect("the cluster's folder");
        // The first one would replace what is killed, so it goes first.
        let status = fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
        let first = status
            .lines()
            .next()
            .and_then(|pid| pid.trim().parse().ok());
        kill(first.expect("a process"));
        loop {
            let left = working_in(&data);
            if left.is_empty() {
                break;
            }
            left.into_iter().for_each(kill);
            std::thread::yield_now();
        }
        self.cluster = None;
        self.up();
    }

    /// The address of its first database, past the proxy.
    pub(super) fn url(&self) -> String {
        self.cluster
            .as_ref()
            .expect("it was started")
            .url("postgres")
    }

    fn up(&mut self) {
        let cluster = Cluster::start(&ClusterOptions {
            data_dir: self.folder.path().to_path_buf(),
            postgres_dir: None,
            durable: true,
        });
        self.cluster = Some(cluster.expect("Postgres starts"));
    }

    fn socket(&self) -> PathBuf {
        let url: url::Url = self.url().parse().expect("an address");
        let host = url.query_pairs().find(|(name, _)| name == "host");
        let (_, folder) = host.expect("a private socket");
        Path::new(folder.as_ref()).join(".s.PGSQL.5432")
    }
}

fn kill(pid: i32) {
    // It may have gone by itself meanwhile.
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
}

/// Every process of a cluster works in its folder.
fn working_in(data: &Path) -> Vec<i32> {
    fs::read_dir("/proc")
        .expect("processes")
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let folder = fs::read_link(entry.path().join("cwd")).ok()?;
            (folder == data).then_some(pid)
        })
        .collect()
}

/// Stands between the programs and their database.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    cut: watch::Sender<u64>,
    refusals: Arc<AtomicUsize>,
}

impl Proxy {
    pub(super) async fn before(postgres: &Postgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            cut: watch::Sender::new(0),
            refusals: Arc::default(),
        };
        tokio::spawn(accept(
            listener,
            postgres.socket(),
            proxy.cut.clone(),
            proxy.refusals.clone(),
        ));
        proxy
    }

    /// Breaks every connection, whatever is under way on it.
    pub(super) fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Lets nobody in until so many have tried.
    pub(super) fn refuse(&self, attempts: usize) {
        self.refusals.store(attempts, Ordering::SeqCst);
    }

    pub(super) fn refuses(&self) -> bool {
        self.refusals.load(Ordering::SeqCst) > 0
    }
}

async fn accept(
    listener: TcpListener,
    socket: PathBuf,
    cut: watch::Sender<u64>,
    refusals: Arc<AtomicUsize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let refused = refusals.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if refused.is_err() {
            tokio::spawn(pass(stream, socket.clone(), cut.subscribe()));
        }
    }
}

async fn pass(mut client: TcpStream, socket: PathBuf, mut cut: watch::Receiver<u64>) {
    let _ = client.set_nodelay(true);
    // A database that is down answers nobody.
    let Ok(mut server) = UnixStream::connect(socket).await else {
        return;
    };
    tokio::select! {
        _ = cut.changed() => {}
        _ = copy_bidirectional(&mut client, &mut server) => {}
    }
}
