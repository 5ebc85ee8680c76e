//! What stands beside the figures: a bare page, bare durable commits of the same Postgres, the machine's memory.

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
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

/// What `pgbench` found for rows that are inserted and committed one at a time.
pub(crate) struct Commits {
    pub(crate) per_second: f64,
    pub(crate) milliseconds: f64,
}

/// One figure from the program's own database.
pub(crate) fn ask(data_dir: &Path, statement: &str) -> anyhow::Result<String> {
    let psql = binaries::find_all(None)
        .into_iter()
        .map(|found| found.dir.join("psql"))
        .find(|program| program.is_file())
        .context("psql is not installed; it comes with Postgres")?;
    let url = Cluster::url_in(data_dir, "formwork");
    let told = run(Command::new(psql).args(["-X", "-q", "-A", "-t", "-c", statement, &url]))?;
    Ok(told.trim().to_owned())
}

/// Durable commits per second through so many connections, into a database of their own in the program's cluster.
pub(crate) fn commits(data_dir: &Path, connections: u32, seconds: u32) -> anyhow::Result<Commits> {
    // Not every folder with a server in it has the clients' programs, too.
    let bin = binaries::find_all(None)
        .into_iter()
        .map(|found| found.dir)
        .find(|dir| dir.join("pgbench").is_file() && dir.join("psql").is_file())
        .context("pgbench is not installed; it comes with Postgres")?;
    let url = |database: &str| Cluster::url_in(data_dir, database);
    let sql = |url: &str, statement: &str| {
        run(Command::new(bin.join("psql")).args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            url,
        ]))
    };
    let durable = sql(
        &url("postgres"),
        "select current_setting('fsync') || current_setting('synchronous_commit')",
    )?;
    ensure!(
        durable.trim() == "onon",
        "the cluster is not durable: {durable}"
    );
    if sql(
        &url("postgres"),
        "select count(*) from pg_database where datname = 'bench'",
    )?
    .trim()
        == "0"
    {
        sql(&url("postgres"), "create database bench")?;
        sql(
            &url("bench"),
            "create table step (id bigserial primary key, payload text not null, result text not null)",
        )?;
    }
    let script = std::env::temp_dir().join(format!("formwork-bench-{}.sql", std::process::id()));
    std::fs::write(
        &script,
        "insert into step (payload, result) values (repeat('p', 190), repeat('r', 110));\n",
    )?;
    let told = run(Command::new(bin.join("pgbench"))
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
        .arg(url("bench")));
    let _ = std::fs::remove_file(&script);
    let told = told?;
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
