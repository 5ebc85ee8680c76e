//! The real program as people run it: a process with a data folder of its own on a free port, and the owner who calls its API.

use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use app::postgres::Cluster;
use formwork_tests::office::{Caller, EMAIL, PASSWORD};
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::steps;

/// A folder with a cluster in it; the program is started on it as often as needed.
pub(crate) struct Place {
    folder: TempDir,
    programs: PathBuf,
}

/// A running program.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: String,
    started: Instant,
}

impl Place {
    pub(crate) fn new(programs: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("formwork-bench-")
            .tempdir_in("/tmp")?;
        // Postgres runs as a user of its own when this runs as root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(Self {
            folder,
            programs: programs.into(),
        })
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Everything in one process.
    pub(crate) fn start(&self, environment: &[(&str, &str)]) -> anyhow::Result<Program> {
        self.start_as("run", environment)
    }

    /// Everything in one process of this program, with the node type of `steps`.
    pub(crate) fn start_busy(&self) -> anyhow::Result<Program> {
        self.start_program(&std::env::current_exe()?, steps::BUSY_SERVER, &[])
    }

    /// Answers HTTP over the private database, and runs nothing.
    pub(crate) fn serve(&self, environment: &[(&str, &str)]) -> anyhow::Result<Program> {
        self.start_as("serve", environment)
    }

    /// Runs steps over the private database, which another process keeps running.
    pub(crate) fn work(&self) -> anyhow::Result<Program> {
        let database = Cluster::url_in(&self.data_dir(), "formwork");
        self.start_as("work", &[("DATABASE_URL", &database)])
    }

    fn start_as(&self, role: &str, environment: &[(&str, &str)]) -> anyhow::Result<Program> {
        self.start_program(&self.programs.join("formwork"), role, environment)
    }

    fn start_program(
        &self,
        program: &Path,
        role: &str,
        environment: &[(&str, &str)],
    ) -> anyhow::Result<Program> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(self.folder.path().join(format!("log-{role}-{port}")))?;
        let started = Instant::now();
        let child = Command::new(program)
            .arg(role)
            .env_remove("DATABASE_URL")
            .env("FORMWORK_DATA_DIR", self.data_dir())
            .env("FORMWORK_LISTEN", format!("127.0.0.1:{port}"))
            .env("FORMWORK_OWNER_EMAIL", EMAIL)
            .env("FORMWORK_OWNER_PASSWORD", PASSWORD)
            .env("FORMWORK_OUTBOUND_ALLOW", "127.0.0.1")
            .env("FORMWORK_MODEL", "none")
            .env("FORMWORK_LOG", "warn")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", program.display()))?;
        Ok(Program {
            child,
            address: format!("http://127.0.0.1:{port}"),
            started,
        })
    }
}

impl Program {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gets a page as soon as there is one, and tells how long after the start that was.
    pub(crate) async fn first_page(&mut self, path: &str) -> anyhow::Result<Duration> {
        let client = client();
        loop {
            if let Ok(answer) = client.get(format!("{}{path}", self.address)).send().await {
                ensure!(answer.status().is_success(), "{path}: {}", answer.status());
                answer.bytes().await?;
                return Ok(self.started.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended at once: {status}");
            }
            ensure!(
                self.started.elapsed() < Duration::from_mins(1),
                "the program does not answer"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn owner(&self) -> anyhow::Result<Caller> {
        let mut owner = Caller {
            address: self.address.clone(),
            client: client(),
            ..Caller::default()
        };
        let answer = owner.sign_in(EMAIL, PASSWORD).await;
        ensure!(
            answer.status == 200,
            "sign-in: {} {}",
            answer.status,
            answer.json
        );
        Ok(owner)
    }

    /// An orderly stop.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = Pid::from_raw(i32::try_from(self.child.id())?) {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let (Ok(None), Some(pid)) = (
            self.child.try_wait(),
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw),
        ) {
            let _ = kill_process(pid, Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// A published workflow.
pub(crate) struct Published {
    pub(crate) id: String,
    /// Path of its form, when it has one.
    pub(crate) form: Option<String>,
}

/// Makes a workflow, lets `change` touch its document, and publishes it.
pub(crate) async fn publish(
    owner: &Caller,
    new: Json,
    change: impl FnOnce(&mut Json),
) -> anyhow::Result<Published> {
    let made = call(owner.post("/api/workflows", new).await, 201)?;
    let id = made["id"].as_str().context("an id")?.to_owned();
    let mut document = made["draft"]["document"].clone();
    let mut revision = made["draft"]["revision"].clone();
    let before = document.clone();
    change(&mut document);
    if document != before {
        let body = json!({"base_revision": revision, "document": document});
        let saved = owner.put(&format!("/api/workflows/{id}/draft"), body).await;
        revision = call(saved, 200)?["revision"].clone();
    }
    let body = json!({"base_revision": revision});
    let answer = owner
        .post(&format!("/api/workflows/{id}/publish"), body)
        .await;
    ensure!(
        (200..300).contains(&answer.status),
        "publish: {} {}",
        answer.status,
        answer.json
    );
    let workflow = call(owner.get(&format!("/api/workflows/{id}")).await, 200)?;
    let form = workflow["form_url"]
        .as_str()
        .and_then(|url| Some(url::Url::parse(url).ok()?.path().to_owned()));
    Ok(Published { id, form })
}

pub(crate) fn call(answer: formwork_tests::office::Answer, status: u16) -> anyhow::Result<Json> {
    ensure!(
        answer.status == status,
        "{} instead of {status}: {}",
        answer.status,
        answer.json
    );
    Ok(answer.json)
}

pub(crate) fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without certificates")
}
