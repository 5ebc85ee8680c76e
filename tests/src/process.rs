//! The real programs as processes over a database of their own: started, killed and started again, together or apart.

use std::{
    fs::File,
    io::Write as _,
    net::TcpListener,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    TestDb,
    model::program,
    office::{Caller, EMAIL, PASSWORD},
};

/// Longest wait for something that should happen soon; only a broken test takes it.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers HTTP, runs nothing.
    Serve,
    /// Answers HTTP and runs steps.
    Run,
    /// Runs steps.
    Work,
    /// Writes texts, made-up ones.
    Model,
}

/// A database, a data folder and an address, without anything that runs.
pub struct Installation {
    pub db: TestDb,
    pub address: String,
    environment: Vec<(&'static str, String)>,
}

/// A running program; killed when dropped, and by the kernel when the test's thread ends in any other way.
pub struct Program {
    pub role: Role,
    child: Child,
    log: PathBuf,
}

impl Installation {
    /// `environment` adds to or overrides what every process gets.
    pub async fn new(environment: &[(&'static str, &str)]) -> Self {
        Self::on(TestDb::new().await, environment)
    }

    /// A copy of the database, with files and an address of its own. Nothing may run in this one.
    pub async fn copy(&self, environment: &[(&'static str, &str)]) -> Self {
        Self::on(self.db.copy().await, environment)
    }

    /// The same with a database of the caller's own.
    pub fn on(db: TestDb, environment: &[(&'static str, &str)]) -> Self {
        // Nobody else is given this port while it is fresh; the server takes it again after every death.
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let fonts = db.folder().join("fonts");
        std::fs::create_dir_all(&fonts).expect("a folder");
        let folder = db.folder().display().to_string();
        let mut all = vec![
            ("DATABASE_URL", db.url.clone()),
            ("FORMWORK_TEST", "1".into()),
            ("FORMWORK_LISTEN", address.to_string()),
            ("FORMWORK_DATA_DIR", folder.clone()),
            ("FORMWORK_MODEL_DIR", folder),
            // Bundled fonts are enough, and the machine's take a second to read.
            ("FORMWORK_FONT_DIRS", fonts.display().to_string()),
            ("FORMWORK_OUTBOUND_ALLOW", "127.0.0.1".into()),
            // So that one machine can be many visitors.
            ("FORMWORK_TRUSTED_PROXIES", "127.0.0.1/32".into()),
            ("FORMWORK_OWNER_EMAIL", EMAIL.into()),
            ("FORMWORK_OWNER_PASSWORD", PASSWORD.into()),
            ("FORMWORK_LOG", "warn".into()),
            ("RUST_LOG", "warn".into()),
        ];
        all.extend(
            environment
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        // Only the first of several tests in this process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            db,
            address: format!("http://{address}"),
            environment: all,
        }
    }

    /// Starts a program; `fault` names the point at which it dies.
    pub fn start(&self, role: Role, fault: Option<&str>) -> Program {
        self.start_with(role, fault, &[])
    }

    /// The same with an environment of its own on top of everybody's.
    pub fn start_with(
        &self,
        role: Role,
        fault: Option<&str>,
        environment: &[(&str, &str)],
    ) -> Program {
        let model = program();
        let (binary, arguments): (PathBuf, &[&str]) = match role {
            Role::Serve => (model.with_file_name("formwork"), &["serve"]),
            Role::Run => (
                model.with_file_name("formwork"),
                &["run", "--without-model"],
            ),
            Role::Work => (model.with_file_name("formwork"), &["work"]),
            Role::Model => (model, &["serve", "--model", "fake"]),
        };
        assert!(binary.is_file(), "{} is not built", binary.display());
        let log = self
            .db
            .folder()
            .join(format!("{role:?}-{}.log", uuid::Uuid::now_v7().simple()));
        let file = File::create(&log).expect("a log file");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(binary)
            .args(arguments)
            .env_clear()
            .envs(
                ["PATH", "HOME", "TMPDIR", "FORMWORK_QUEUE"]
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(environment.iter().copied())
            .current_dir(self.db.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file);
        if let Some(fault) = fault {
            let name = if role == Role::Model {
                "FORMWORK_MODEL_FAULT"
            } else {
                "FORMWORK_FAULT"
            };
            command.env(name, fault);
        }
        Program {
            role,
            child: command.spawn().expect("the program starts"),
            log,
        }
    }

    /// Waits until the server answers.
    pub async fn answers(&self, server: &mut Program) {
        let deadline = Instant::now() + PATIENCE;
        let address = self.address.trim_start_matches("http://").to_owned();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(
                server.ended().is_none() && Instant::now() < deadline,
                "the server does not answer: {}",
                server.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a query gives what is expected.
    pub async fn until(&self, query: &str, expected: &str) {
        self.db.until(query, expected).await;
    }

    /// The owner, signed in.
    pub async fn owner(&self) -> Caller {
        let mut owner = Caller {
            address: self.address.clone(),
            ..Caller::default()
        };
        owner.sign_in(EMAIL, PASSWORD).await.expect(200);
        owner
    }
}

impl Program {
    /// As if the power went.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether a fault froze it (`proc_pid_stat(5)`: state T).
    pub fn is_frozen(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the program runs");
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    /// As if its machine stood still.
    pub fn pause(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).expect("the program runs");
    }

    /// Lets it go on as if nothing had been.
    pub fn resume(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).expect("the program runs");
    }

    /// Asks for an orderly stop and waits for it.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("the program runs");
        self.child.wait().expect("our own child")
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child")
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("our own child")
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        // A test that fails shows what its programs said.
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "{}:\n{}", self.log.display(), self.log());
        }
    }
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "{what}: never");
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether an armed fault ended it: the program aborts itself.
pub fn is_abort(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::ABORT.as_raw())
}
