//! What stands beside the figures: a bare page, bare durable commits of the same Postgres, the machine's memory.

use std::{
    hint::{black_box, spin_loop},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use app::postgres::{Cluster, binaries};
use axum::{Router, response::Html, routing::get};

/// The first argument that makes this program the bare page's server.
pub(crate) const HELLO: &str = "hello";

/// A server of axum alone, in a process of its own.
pub(crate) struct Hello {
    child: Child,
    pub(crate) address: String,
}

impl Hello {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let child = Command::new(std::env::current_exe()?)
            .args([HELLO, &port.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn ready(&self, client: &reqwest::Client) -> anyhow::Result<()> {
        for _ in 0..2_000 {
            if client.get(&self.address).send().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("the bare page's server does not answer")
    }
}

impl Drop for Hello {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves one page of about the size of a form until it is killed.
pub(crate) async fn serve_hello(port: &str) -> anyhow::Result<()> {
    let page: &'static str =
        Box::leak(format!("<!doctype html>{}", "<p>Hello</p>".repeat(1_000)).into());
    let router = Router::new().route("/", get(async move || Html(page)));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// What `pgbench` found for a script that is run again and again.
pub(crate) struct Commits {
    pub(crate) per_second: f64,
    pub(crate) milliseconds: f64,
}

/// One durable row.
const ROW: &str =
    "insert into step (payload, result) values (repeat('p', 190), repeat('r', 110));\n";

/// What a run of five light steps cannot do without, as rows of the same size: a commit that stores the run and its leased entry, and
/// one that takes the entry away, stores the five steps and ends the run.
const LIGHT_RUN: &str = "\\set id random(1, 9000000000000000000)
with made as (insert into run (id, input) values (:id, repeat('p', 190))) insert into entry (run_id) values (:id);
with taken as (delete from entry where run_id = :id), ended as (update run set ended = true where id = :id)
insert into run_step (run_id, number, payload, result) select cast(:id as bigint), number, repeat('p', 190), repeat('r', 110)
from generate_series(1, 5) number;
";

/// `psql` on a database of the program's cluster; the statement is the caller's.
pub(crate) fn psql(data_dir: &Path, database: &str) -> anyhow::Result<Command> {
    let program = clients()?.join("psql");
    let mut command = Command::new(program);
    command
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(Cluster::url_in(data_dir, database));
    Ok(command)
}

/// One figure from the program's own database.
pub(crate) fn ask(data_dir: &Path, statement: &str) -> anyhow::Result<String> {
    let told = run(psql(data_dir, "formwork")?.args(["-c", statement]))?;
    Ok(told.trim().to_owned())
}

/// Durable single-row commits through so many connections, into a database of their own in the program's cluster.
pub(crate) fn commits(data_dir: &Path, connections: u32, seconds: u32) -> anyhow::Result<Commits> {
    pgbench(data_dir, ROW, connections, seconds)
}

/// Milliseconds of a durable single-row commit through one connection, each so long after the one before: Postgres, the disk and the caller
/// have rested meanwhile. One processor is busy.
pub(crate) fn commit_after(data_dir: &Path, pause: Duration, seconds: u32) -> anyhow::Result<f64> {
    let script = format!("\\sleep {} us\n{ROW}", pause.as_micros());
    let over = AtomicBool::new(false);
    let told = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                spin_loop();
            }
        });
        let told = tell(data_dir, &script, 1, seconds, &["-r"]);
        over.store(true, Ordering::Relaxed);
        told
    })?;
    let mut lines = told
        .lines()
        .filter(|line| line.contains("insert into step"));
    let line = lines.next_back().context("the insert's line of pgbench")?;
    let figure = line.split_whitespace().next().context("a figure")?;
    Ok(figure.parse()?)
}

/// The rows of light runs, in two durable commits each, through so many connections.
pub(crate) fn light_runs(
    data_dir: &Path,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Commits> {
    pgbench(data_dir, LIGHT_RUN, connections, seconds)
}

fn pgbench(
    data_dir: &Path,
    statements: &str,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Commits> {
    let told = tell(data_dir, statements, connections, seconds, &[])?;
    let figure = |name: &str| -> anyhow::Result<f64> {
        let line = told
            .lines()
            .find(|line| line.starts_with(name))
            .context("a line of pgbench")?;
        let text = line
            .split('=')
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .context("a figure")?;
        Ok(text.parse()?)
    };
    Ok(Commits {
        per_second: figure("tps")?,
        milliseconds: figure("latency average")?,
    })
}

/// What `pgbench` says of a script; more options tell more.
fn tell(
    data_dir: &Path,
    statements: &str,
    connections: u32,
    seconds: u32,
    more: &[&str],
) -> anyhow::Result<String> {
    make_bench_database(data_dir)?;
    let script = std::env::temp_dir().join(format!("formwork-bench-{}.sql", std::process::id()));
    std::fs::write(&script, statements)?;
    let told = run(Command::new(clients()?.join("pgbench"))
        .args([
            "-n",
            "-M",
            "prepared",
            "-c",
            &connections.to_string(),
            "-j",
            "2",
            "-T",
            &seconds.to_string(),
            "-f",
        ])
        .arg(&script)
        .args(more)
        .arg(Cluster::url_in(data_dir, "bench")));
    let _ = std::fs::remove_file(&script);
    told
}

/// The folder of the clients' programs: not every folder with a server in it has them, too.
fn clients() -> anyhow::Result<PathBuf> {
    binaries::find_all(None)
        .into_iter()
        .map(|found| found.dir)
        .find(|dir| dir.join("pgbench").is_file() && dir.join("psql").is_file())
        .context("pgbench and psql are not installed; they come with Postgres")
}

fn make_bench_database(data_dir: &Path) -> anyhow::Result<()> {
    let sql =
        |database: &str, statement: &str| run(psql(data_dir, database)?.args(["-c", statement]));
    let durable = sql(
        "postgres",
        "select current_setting('fsync') || current_setting('synchronous_commit')",
    )?;
    ensure!(
        durable.trim() == "onon",
        "the cluster is not durable: {durable}"
    );
    let made = sql(
        "postgres",
        "select count(*) from pg_database where datname = 'bench'",
    )?;
    if made.trim() == "0" {
        sql("postgres", "create database bench")?;
        sql(
            "bench",
            "create table step (id bigserial primary key, payload text not null, result text not null);
             create table run (id bigint primary key, input text not null, ended boolean not null default false)
                 with (fillfactor = 70);
             create table entry (run_id bigint primary key) with (fillfactor = 70);
             create table run_step (run_id bigint, number integer, payload text not null, result text not null,
                                    primary key (run_id, number))",
        )?;
    }
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Bytes per second that `threads` threads read from memory, each from a quarter of a gigabyte of its own.
#[expect(clippy::cast_precision_loss, reason = "gigabytes")]
pub(crate) fn memory_bandwidth(threads: usize) -> f64 {
    const NUMBERS: usize = 32 * 1024 * 1024;
    let readers: Vec<_> = (0..threads)
        .map(|number| {
            thread::spawn(move || {
                let numbers = vec![number as u64 + 1; NUMBERS];
                // The first pass only brings the pages in.
                black_box(numbers.iter().fold(0, |sum: u64, n| sum ^ n));
                let (since, mut passes) = (Instant::now(), 0_u32);
                while since.elapsed() < Duration::from_secs(1) {
                    black_box(numbers.iter().fold(0, |sum: u64, n| sum ^ n));
                    passes += 1;
                }
                f64::from(passes) * (NUMBERS * 8) as f64 / since.elapsed().as_secs_f64()
            })
        })
        .collect();
    readers
        .into_iter()
        .filter_map(|reader| reader.join().ok())
        .sum()
}

/// Where cargo put this program: the release folder that holds the others, too, unless an argument says otherwise.
pub(crate) fn beside() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()))
        .unwrap_or_else(|| PathBuf::from("target/release"))
}
