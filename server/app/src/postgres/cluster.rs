//! One running cluster: made at the first start, started on a thread that lives as long as the process (the kernel's death signal
//! is bound to the starting thread), stopped when dropped.

use std::{
    fmt,
    fs::{self, File, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process, test_kill_process};

use super::{
    Account, PostgresError,
    account::{lookup_name, make_folder},
    binaries,
};

/// Room for the write-ahead log and the first tables.
const NEEDED_FIRST_MB: u64 = 200;
/// Room for what an existing cluster writes while it starts and recovers.
const NEEDED_AGAIN_MB: u64 = 64;
const START_LIMIT: Duration = Duration::from_mins(2);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long a stop waits for others to leave the database by themselves.
const LEAVE_LIMIT: Duration = Duration::from_secs(2);
/// A socket's path must fit `sockaddr_un`, with `/.s.PGSQL.5432` behind the folder.
const LONGEST_SOCKET_DIR: usize = 90;
const ROLE: &str = "formwork";
/// How Postgres's programs say ENOSPC.
const NO_SPACE: &str = "No space left on device";

#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The program's data folder; the cluster lies in `postgres` below it.
    pub data_dir: PathBuf,
    pub postgres_dir: Option<PathBuf>,
    /// Off for tests only: a crash of the machine may lose everything.
    pub durable: bool,
}

/// Dropping it stops Postgres and waits for it.
pub struct Cluster {
    socket_dir: PathBuf,
    stop: mpsc::Sender<()>,
    runner: Option<thread::JoinHandle<()>>,
    exited: tokio::sync::watch::Receiver<bool>,
    _lock: File,
}

impl Cluster {
    /// Starts the cluster, making it first if there is none; returns when it answers.
    pub fn start(options: &ClusterOptions) -> Result<Self, PostgresError> {
        let account = Account::for_this_process()?;
        let folder = |dir: &Path, error: std::io::Error| PostgresError::Folder {
            dir: dir.into(),
            reason: error.to_string(),
        };
        let base = options.data_dir.as_path();
        make_folder(base, 0o711).map_err(|error| folder(base, error))?;
        if !account.may("-x", base) {
            return Err(PostgresError::Closed {
                user: account.name,
                dir: base.into(),
            });
        }
        let lock = lock(base)?;
        let data = base.join("postgres");
        let first = cluster_major(&data).is_none();
        check_room(
            base,
            if first {
                NEEDED_FIRST_MB
            } else {
                NEEDED_AGAIN_MB
            },
        )?;
        let log = base.join("postgres.log");
        wait_for_predecessor(&data, base)?;
        let found = binaries::find_all(options.postgres_dir.as_deref());
        let chosen = binaries::choose(&found, cluster_major(&data))?;
        if first {
            make(&chosen.dir, &account, base, &data, &log)?;
        }
        fs::write(data.join("pg_ident.conf"), ident(&account))
            .map_err(|error| folder(&data, error))?;
        account
            .own(&data.join("pg_ident.conf"))
            .map_err(|error| folder(&data, error))?;
        let socket_dir = socket_dir(base);
        make_folder(&socket_dir, 0o700)
            .and_then(|_| ours(&socket_dir, &account))
            .and_then(|()| account.own(&socket_dir))
            .map_err(|error| folder(&socket_dir, error))?;

        let mut command = account.command(&chosen.dir.join("postgres"), Some("INT"));
        command
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&socket_dir)
            .args(["-c", "listen_addresses="]);
        command.args(settings(options.durable));
        // The last run's log says why it ended.
        let _ = fs::rename(&log, base.join("postgres.log.old"));
        let output = private_file(&log).map_err(|error| folder(&log, error))?;
        let errors = output.try_clone().map_err(|error| folder(&log, error))?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);

        let (stop, stop_asked) = mpsc::channel();
        let (started, start_result) = mpsc::channel();
        let (exited_sender, exited) = tokio::sync::watch::channel(false);
        let status_file = data.join("postmaster.pid");
        let runner = thread::Builder::new()
            .name("postgres".into())
            .spawn(move || {
                let result = command.spawn().map_err(|error| error.to_string());
                let mut child = match result {
                    Ok(child) => child,
                    Err(reason) => return drop(started.send(Err(reason))),
                };
                let ready = wait_until_ready(&mut child, &status_file);
                let up = ready.is_ok();
                let _ = started.send(ready);
                if up {
                    wait_or_stop(&mut child, &stop_asked);
                }
                let _ = exited_sender.send(true);
            })
            .map_err(|error| folder(base, error))?;
        let cluster = Self {
            socket_dir,
            stop,
            runner: Some(runner),
            exited,
            _lock: lock,
        };
        match start_result.recv() {
            Ok(Ok(())) => Ok(cluster),
            Ok(Err(reason)) => {
                let last = last_error(&log).unwrap_or(reason);
                if last.contains(NO_SPACE) {
                    return Err(PostgresError::NoSpace { dir: base.into() });
                }
                Err(PostgresError::Failed {
                    program: "postgres",
                    reason: last,
                    log,
                })
            }
            Err(_) => Err(PostgresError::Failed {
                program: "postgres",
                reason: "it ended at once".into(),
                log,
            }),
        }
    }

    /// The address of one database of this cluster.
    pub fn url(&self, database: &str) -> String {
        url(&self.socket_dir, database)
    }

    /// The same for the cluster of a data folder, whoever runs it.
    pub fn url_in(data_dir: &Path, database: &str) -> String {
        url(&socket_dir(data_dir), database)
    }

    /// Turns true when Postgres has ended by itself or was stopped.
    pub fn exited(&self) -> tokio::sync::watch::Receiver<bool> {
        self.exited.clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(runner) = self.runner.take() {
            let _ = runner.join();
        }
    }
}

fn url(socket_dir: &Path, database: &str) -> String {
    let mut host = String::new();
    for byte in socket_dir.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            host.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = fmt::Write::write_fmt(&mut host, format_args!("%{byte:02X}"));
        }
    }
    format!("postgres://{ROLE}@localhost/{database}?host={host}")
}

/// One Formwork per data folder; the lock goes with the process, however it ends.
fn lock(base: &Path) -> Result<File, PostgresError> {
    let path = base.join("lock");
    let file = private_file(&path).map_err(|error| PostgresError::Folder {
        dir: base.into(),
        reason: error.to_string(),
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(PostgresError::InUse { dir: base.into() }),
        Err(TryLockError::Error(error)) => Err(PostgresError::Folder {
            dir: base.into(),
            reason: error.to_string(),
        }),
    }
}

/// Others could hold a lock that they can open, and read values in the log's error messages.
fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file)
}

fn check_room(base: &Path, needed_mb: u64) -> Result<(), PostgresError> {
    let Ok(disk) = rustix::fs::statvfs(base) else {
        return Ok(());
    };
    let free_mb = disk.f_bavail.saturating_mul(disk.f_frsize) / 1_048_576;
    if free_mb < needed_mb {
        return Err(PostgresError::DiskFull {
            dir: base.into(),
            free_mb,
            needed_mb,
        });
    }
    Ok(())
}

/// A killed predecessor's Postgres is still shutting down for a moment; we hold the lock, so it can only be a leftover.
fn wait_for_predecessor(data: &Path, base: &Path) -> Result<(), PostgresError> {
    let Some(pid) = running_pid(data) else {
        return Ok(());
    };
    let _ = kill_process(pid, Signal::INT);
    let since = Instant::now();
    while test_kill_process(pid).is_ok() && works_in(pid, data) {
        if since.elapsed() > STOP_LIMIT {
            return Err(PostgresError::InUse { dir: base.into() });
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn running_pid(data: &Path) -> Option<Pid> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    works_in(pid, data).then_some(pid)
}

/// After a crash of the machine the number may belong to any program, another Postgres too; a Postgres works in its data folder.
fn works_in(pid: Pid, data: &Path) -> bool {
    let folder = fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
    folder.is_ok_and(|folder| fs::canonicalize(data).is_ok_and(|data| data == folder))
}

fn cluster_major(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Makes the cluster beside its final place and renames it, so that a half-made one is never used.
fn make(
    bin: &Path,
    account: &Account,
    base: &Path,
    data: &Path,
    log: &Path,
) -> Result<(), PostgresError> {
    let failed = |reason: String| PostgresError::Failed {
        program: "initdb",
        reason,
        log: log.into(),
    };
    let io = |error: std::io::Error| failed(error.to_string());
    let fresh = base.join("postgres.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(io)?;
    }
    fs::create_dir(&fresh).map_err(io)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o700)).map_err(io)?;
    account.own(&fresh).map_err(io)?;
    let initdb = |arguments: &[&str]| {
        let mut command = account.command(&bin.join("initdb"), None);
        let output = command
            .arg("-D")
            .arg(&fresh)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(io)?;
        if output.status.success() {
            return Ok(());
        }
        let _ = private_file(log).and_then(|mut file| file.write_all(&output.stderr));
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains(NO_SPACE) {
            return Err(PostgresError::NoSpace { dir: base.into() });
        }
        Err(failed(
            text.lines()
                .find(|line| line.contains("error:"))
                .unwrap_or("see the log")
                .trim()
                .to_owned(),
        ))
    };
    initdb(&[
        "--username",
        ROLE,
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--data-checksums",
        "--auth-host=reject",
        "--auth-local=peer",
        "--no-sync",
    ])?;
    fs::write(
        fresh.join("pg_hba.conf"),
        "local all all peer map=formwork\n",
    )
    .map_err(io)?;
    account.own(&fresh.join("pg_hba.conf")).map_err(io)?;
    // One sync at the end instead of one for every file.
    initdb(&["--sync-only"])?;
    fs::rename(&fresh, data).map_err(io)
}

/// Who may connect through the private socket: the account itself and whoever runs this program.
fn ident(account: &Account) -> String {
    let own = lookup_name(geteuid().as_raw());
    let mut lines = format!("formwork {own} {ROLE}\n");
    if account.name != own {
        lines.push_str(&format!("formwork {} {ROLE}\n", account.name));
    }
    lines
}

fn settings(durable: bool) -> Vec<String> {
    let mut settings = vec![
        // A program opens up to 32, and several may work on one database.
        "max_connections=300",
        "shared_buffers=128MB",
        "timezone=UTC",
        "log_timezone=UTC",
        "unix_socket_permissions=0700",
    ];
    // Short queries over hot, small tables: planning per statement costs more than it finds, and dead rows must go quickly.
    settings.extend([
        "jit=off",
        "wal_compression=on",
        "autovacuum_naptime=15s",
        "idle_in_transaction_session_timeout=20s",
    ]);
    if !durable {
        settings.extend([
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
        ]);
    }
    settings
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting.to_owned()])
        .collect()
}

/// A short socket folder lies where everybody may make folders: one that somebody else made is not used.
fn ours(dir: &Path, account: &Account) -> std::io::Result<()> {
    let about = fs::symlink_metadata(dir)?;
    let owners = [geteuid().as_raw(), account.uid()];
    if about.is_dir() && owners.contains(&about.uid()) {
        return Ok(());
    }
    Err(std::io::Error::other("it belongs to somebody else"))
}

fn socket_dir(base: &Path) -> PathBuf {
    let own = base.join("socket");
    if own.as_os_str().len() <= LONGEST_SOCKET_DIR {
        return own;
    }
    let mut hasher = DefaultHasher::new();
    base.hash(&mut hasher);
    std::env::temp_dir().join(format!("formwork-{:016x}", hasher.finish()))
}

/// Postgres writes its state into the eighth line of `postmaster.pid`; asking it costs no connection.
fn wait_until_ready(child: &mut Child, status_file: &Path) -> Result<(), String> {
    let since = Instant::now();
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended at once ({status})"));
        }
        // A killed server leaves its file behind, so the first line must be our child (`setpriv` replaces itself by Postgres).
        let text = fs::read_to_string(status_file).unwrap_or_default();
        let ours = text
            .lines()
            .next()
            .is_some_and(|pid| pid.trim() == child.id().to_string());
        if ours
            && text
                .lines()
                .nth(7)
                .is_some_and(|state| state.trim() == "ready")
        {
            return Ok(());
        }
        if since.elapsed() > START_LIMIT {
            let _ = child.kill();
            return Err(format!(
                "it was not ready within {} s",
                START_LIMIT.as_secs()
            ));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn wait_or_stop(child: &mut Child, stop_asked: &mpsc::Receiver<()>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) =
        stop_asked.recv_timeout(Duration::from_millis(100))
    {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
    }
    // TERM is Postgres's smart shutdown: it waits for whoever is connected, and a client that left in the middle of a question still is,
    // until that is answered. INT is the fast one: connections are ended, nothing is lost.
    for (signal, limit) in [(Signal::TERM, LEAVE_LIMIT), (Signal::INT, STOP_LIMIT)] {
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
        let since = Instant::now();
        while since.elapsed() < limit {
            if let Ok(Some(_)) = child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn last_error(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let line = text
        .lines()
        .rev()
        .find(|line| line.contains("FATAL:") || line.contains("PANIC:"))?;
    Some(
        line.split_once(":  ")
            .map_or(line, |(_, reason)| reason)
            .trim()
            .to_owned(),
    )
}
