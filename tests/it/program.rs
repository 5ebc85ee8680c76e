//! The program as people start it: its own process, a data folder of its own, the private Postgres, signals as a terminal sends them,
//! and the one sentence it says when it cannot go on.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use formwork_tests::TestDb;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use tempfile::TempDir;

/// A place for one installation, open to the database's own user, unlike the test runner's home.
struct Place {
    dir: TempDir,
    listen: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).expect("rights");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = free.local_addr().expect("its address").to_string();
        Self { dir, listen }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// The program with this place's settings and no others.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        for (name, _) in std::env::vars_os() {
            if name == "DATABASE_URL" || name.to_string_lossy().starts_with("FORMWORK_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("FORMWORK_DATA_DIR", self.data())
            .env("FORMWORK_LISTEN", &self.listen)
            .env("FORMWORK_MODEL", "fake")
            .env("FORMWORK_TEST", "1")
            .stdin(Stdio::null());
        command
    }

    fn ask(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        self.command(arguments)
            .envs(environment.iter().copied())
            .output()
            .expect("the program starts")
    }

    /// Runs it although it cannot work; its only line.
    #[track_caller]
    fn refusal(&self, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let output = self.ask(arguments, environment);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "it went on: {said}");
        let log = [" INFO ", "slow statement"];
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| !log.iter().any(|mark| line.contains(mark)))
            .collect();
        assert_eq!(lines.len(), 1, "one sentence: {said}");
        lines[0].to_owned()
    }

    /// Running, in a process group of its own as a terminal makes one, and ready. Nobody reads its output after that.
    fn start(&self) -> Running {
        let mut child = self
            .command(&["run"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line.contains("Ctrl-C stops")));
        assert!(ready, "it ended before it was ready");
        let postgres = postmaster(&self.data());
        Running { child, postgres }
    }
}

struct Running {
    child: Child,
    postgres: Pid,
}

impl Running {
    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Every process below it: the database, the model worker.
    fn children(&self) -> Vec<Pid> {
        let own = self.pid().as_raw_nonzero().to_string();
        let processes = fs::read_dir("/proc").expect("/proc").flatten();
        processes
            .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
            .filter(|pid| {
                let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                status.lines().any(|line| {
                    line.strip_prefix("PPid:")
                        .is_some_and(|id| id.trim() == own)
                })
            })
            .filter_map(Pid::from_raw)
            .collect()
    }

    fn finish(self) -> Output {
        self.child.wait_with_output().expect("it ended")
    }
}

fn postmaster(data: &Path) -> Pid {
    let text = fs::read_to_string(data.join("postgres/postmaster.pid")).expect("a pid file");
    let first = text.lines().next().and_then(|line| line.parse().ok());
    first.and_then(Pid::from_raw).expect("a number")
}

/// Waits without a limit of its own: the test runner has one.
fn wait_until_gone(pid: Pid) {
    while test_kill_process(pid).is_ok() {
        std::thread::yield_now();
    }
}

fn program() -> PathBuf {
    formwork_tests::model::program().with_file_name("formwork")
}

#[test]
fn ctrl_c_stops_everything_without_noise() {
    let place = Place::new();
    let running = place.start();
    let children = running.children();
    assert!(children.len() >= 2, "database and model worker");
    kill_process_group(running.pid(), Signal::INT).expect("as the terminal does");
    let output = running.finish();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    for pid in children {
        assert!(test_kill_process(pid).is_err(), "process {pid:?} is left");
    }
    let noise = said
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("WARN"));
    // A busy disk is no fault of the stop.
    let noise: Vec<&str> = noise
        .filter(|line| !line.contains("slow statement"))
        .collect();
    assert!(noise.is_empty(), "{noise:#?}");
    let log = fs::read_to_string(place.data().join("postgres.log")).expect("a log");
    assert!(log.contains("database system is shut down"), "{log}");
    assert!(
        !log.contains("terminating connection"),
        "connections were closed first: {log}"
    );
}

#[test]
fn killed_it_takes_everything_along_and_recovers() {
    let place = Place::new();
    let running = place.start();
    let children = running.children();
    kill_process(running.pid(), Signal::KILL).expect("kill -9");
    let _ = running.finish();
    children.into_iter().for_each(wait_until_gone);

    // And when even Postgres had no time to stop.
    let running = place.start();
    let postgres = running.postgres;
    kill_process(postgres, Signal::KILL).expect("kill -9");
    let output = running.finish();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success(),
        "it does not go on without a database"
    );
    assert!(said.contains("the private Postgres ended"), "{said}");

    let running = place.start();
    kill_process(running.pid(), Signal::TERM).expect("stop");
    assert!(running.finish().status.success());
}

#[test]
fn nothing_it_writes_can_be_read_by_others() {
    let place = Place::new();
    let running = place.start();
    kill_process(running.pid(), Signal::TERM).expect("stop");
    assert!(running.finish().status.success());
    let rights = |name: &str| {
        let about = fs::metadata(place.data().join(name)).expect(name);
        about.permissions().mode() & 0o077
    };
    for name in [
        "artifacts",
        "key",
        "lock",
        "postgres",
        "postgres.log",
        "socket",
    ] {
        assert_eq!(rights(name), 0, "{name} is open to others");
    }
}

#[test]
fn says_in_one_sentence_why_it_cannot_start() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("its address").to_string();
    let said = place.refusal(&["run"], &[("FORMWORK_LISTEN", &listen)]);
    assert!(
        said.contains("is in use by another program") && said.contains("FORMWORK_LISTEN="),
        "{said}"
    );
    assert!(!place.data().exists(), "nothing was started for it");

    let secret = "postgres://me:hush@127.0.0.1:9/none";
    let said = place.refusal(&["run"], &[("DATABASE_URL", secret)]);
    assert!(
        said.contains("DATABASE_URL") && said.contains("does not answer"),
        "{said}"
    );
    assert!(!said.contains("hush"), "a password in a message: {said}");

    for (variable, value) in [
        ("FORMWORK_LISTEN", "8080"),
        ("FORMWORK_PUBLIC_URL", "localhost:8080"),
        ("FORMWORK_PUBLIC_URL", "https://example.com/forms"),
        ("FORMWORK_MODEL", "/nowhere/model.gguf"),
        ("FORMWORK_EXECUTOR_SLOTS", "0"),
        ("FORMWORK_LEASE_SECONDS", "0"),
        ("FORMWORK_OWNER_EMAIL", "only@example.com"),
        ("FORMWORK_TRUSTED_PROXIES", "everyone"),
        ("FORMWORK_LOG", "a=b=c"),
    ] {
        let said = place.refusal(&["run"], &[(variable, value)]);
        assert!(said.contains(variable), "{variable}: {said}");
    }
}

#[test]
fn refuses_databases_it_cannot_use() {
    let place = Place::new();
    fs::create_dir_all(place.data().join("postgres")).expect("a folder");
    fs::write(place.data().join("postgres/PG_VERSION"), "99\n").expect("a version");
    let said = place.refusal(&["run"], &[]);
    assert!(
        said.contains("made by Postgres 99") && said.contains("formwork backup"),
        "{said}"
    );
    fs::remove_dir_all(place.data()).expect("away with it");

    // A Postgres that is too old and comes first is passed over; `none at all` and `too old` are unit tests of `binaries`.
    let old = place.dir.path().join("old");
    fs::create_dir(&old).expect("a folder");
    for (name, text) in [
        ("initdb", "exit 1"),
        ("postgres", "echo 'postgres (PostgreSQL) 13.9'"),
    ] {
        let script = old.join(name);
        fs::write(&script, format!("#!/bin/sh\n{text}\n")).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("rights");
    }
    let found = place.ask(
        &["doctor"],
        &[("FORMWORK_POSTGRES_DIR", &place.file("old"))],
    );
    let said = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(said.contains("13 in"), "{said}");
    assert!(!said.contains("uses 13"), "{said}");

    // Root's rights open every folder, and so does being the owner; only somebody else can be kept out.
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o700)).expect("rights");
        let said = place.refusal(&["run"], &[]);
        assert!(
            said.contains("may not enter") && said.contains("FORMWORK_DATA_DIR"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_doctor_tells_whose_files_the_folder_has() {
    let place = Place::new();
    let db = TestDb::new().await;
    let files = || {
        let found = place.ask(&["doctor"], &[("DATABASE_URL", &db.url)]);
        let said = String::from_utf8_lossy(&found.stdout).into_owned();
        let line = said.lines().find(|line| line.contains("  files "));
        line.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    db.sql("update artifact_folder set marked = false");
    assert!(files().starts_with("note"), "{}", files());
    db.sql("update artifact_folder set marked = true");
    let said = files();
    assert!(
        said.starts_with("BAD") && said.contains("mount the disk"),
        "{said}"
    );
    let marker = place.data().join("artifacts/installation");
    fs::create_dir_all(place.data().join("artifacts")).expect("a folder");
    fs::write(&marker, "018f4f5e-0000-7000-8000-000000000001\n").expect("a marker");
    let said = files();
    assert!(
        said.starts_with("BAD") && said.contains("belongs to another installation"),
        "{said}"
    );
    fs::write(&marker, db.sql("select id from artifact_folder")).expect("a marker");
    assert!(files().starts_with("ok"), "{}", files());
}

#[tokio::test]
async fn says_why_a_database_cannot_be_migrated() {
    let place = Place::new();
    let db = TestDb::new().await;
    let migrate = || place.refusal(&["migrate"], &[("DATABASE_URL", &db.url)]);
    // A step that fails: it finds its own tables.
    let step = 6;
    db.sql(&format!(
        "delete from _sqlx_migrations where version = {step}"
    ));
    let said = migrate();
    assert!(
        said.contains("could not be brought to this version"),
        "{said}"
    );
    assert!(said.contains("left nothing behind"), "{said}");
    let checksum = "'\\x00'";
    db.sql(&format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values ({step}, 'x', true, {checksum}, 0)"
    ));
    let said = migrate();
    assert!(said.contains("made by another build"), "{said}");
    db.sql(&format!(
        "update _sqlx_migrations set version = 9999 where version = {step}"
    ));
    let said = migrate();
    assert!(said.contains("made by a newer Formwork"), "{said}");
}

#[test]
fn a_backup_made_while_it_runs_is_restored_into_an_empty_place() {
    let place = Place::new();
    let owner = [
        ("FORMWORK_OWNER_EMAIL", "marta@example.com"),
        ("FORMWORK_OWNER_PASSWORD", "correct horse battery"),
    ];
    let running = place.start();
    let stored = place.data().join("artifacts/ab/cdef");
    fs::create_dir_all(stored.parent().expect("a parent")).expect("a folder");
    fs::write(&stored, "a document").expect("an artifact");
    fs::write(place.data().join("artifacts/ab/cdef#1"), "half a doc")
        .expect("a file being written");
    let file = place.file("all.tar");
    let made = place.ask(&["backup", &file], &owner);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    assert_eq!(
        fs::metadata(&file)
            .expect("the backup")
            .permissions()
            .mode()
            & 0o077,
        0
    );
    let said = place.refusal(&["restore", &file], &[]);
    assert!(said.contains("already holds data"), "{said}");
    // As when the disk with the files is not mounted.
    let (folder, disk) = (place.data().join("artifacts"), place.data().join("disk"));
    let without = place.file("without.tar");
    fs::rename(&folder, &disk).expect("away with it");
    let said = place.refusal(&["backup", &without], &[]);
    assert!(said.contains("nothing was backed up"), "{said}");
    fs::rename(&disk, &folder).expect("back with it");
    kill_process(running.pid(), Signal::TERM).expect("stop");
    assert!(running.finish().status.success());

    let other = Place::new();
    let junk = other.file("junk.tar");
    fs::write(&junk, "not a backup").expect("a file");
    let said = other.refusal(&["restore", &junk], &[]);
    assert!(said.contains("is not a whole Formwork backup"), "{said}");
    // A folder that somebody else keeps files in.
    let marker = other.data().join("artifacts/installation");
    fs::create_dir_all(other.data().join("artifacts")).expect("a folder");
    fs::write(&marker, "018f4f5e-0000-7000-8000-000000000001\n").expect("a marker");
    let said = other.refusal(&["restore", &file], &[]);
    assert!(
        said.contains("belongs to another installation") && said.contains("nothing was restored"),
        "{said}"
    );
    fs::remove_file(&marker).expect("away with it");
    let restored = other.ask(&["restore", &file], &[]);
    let said = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(
        restored.status.success(),
        "{}",
        String::from_utf8_lossy(&restored.stderr)
    );
    assert!(
        said.contains("the database and 2 files") && said.contains("master key"),
        "{said}"
    );
    let copy = fs::read_to_string(other.data().join("artifacts/ab/cdef")).expect("the document");
    assert_eq!(copy, "a document");
    fs::copy(place.data().join("key"), other.data().join("key")).expect("the key");
    let running = other.start();
    kill_process(running.pid(), Signal::TERM).expect("stop");
    assert!(running.finish().status.success());
}
