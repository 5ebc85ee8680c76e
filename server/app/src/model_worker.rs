//! Keeps one model worker process running beside the server: its own threads, its own memory, and without the master key.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{process::Command, sync::watch, task::JoinHandle};
use tracing::{info, warn};

use crate::postgres::Account;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// After this long a crash counts as the first one again.
const SETTLED: Duration = Duration::from_mins(2);

#[derive(Clone, Debug)]
pub(crate) struct ModelWorkerOptions {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) threads: usize,
    pub(crate) account: Account,
    pub(crate) environment: Vec<(String, String)>,
}

/// Runs until `stopping` turns true; restarts the process with growing pauses.
pub(crate) fn supervise(
    options: ModelWorkerOptions,
    mut stopping: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut pause = FIRST_PAUSE;
        while !has_stopped(&stopping) {
            let since = Instant::now();
            let mut child = match command(&options).spawn() {
                Ok(child) => child,
                Err(error) => {
                    warn!(%error, program = %options.program.display(), "the model worker could not be started");
                    return;
                }
            };
            // `wait` would close the input that we did not take, and the worker would think that we are gone.
            let input = child.stdin.take();
            tokio::select! {
                status = child.wait() => match status {
                    Ok(status) if status.success() => info!("the model worker ended"),
                    Ok(status) => warn!(%status, "the model worker ended; it is started again"),
                    Err(error) => warn!(%error, "the model worker cannot be watched"),
                },
                () = stopped(&mut stopping) => {
                    // Closing its input asks it to release what it has claimed.
                    drop(input);
                    if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
                        let _ = child.kill().await;
                    }
                    return;
                }
            }
            pause = if since.elapsed() > SETTLED {
                FIRST_PAUSE
            } else {
                (pause * 2).min(LONGEST_PAUSE)
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopped(&mut stopping) => return,
            }
        }
    })
}

fn has_stopped(stopping: &watch::Receiver<bool>) -> bool {
    *stopping.borrow()
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop, too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

fn command(options: &ModelWorkerOptions) -> Command {
    let mut command = Command::from(options.account.command(&options.program, None));
    let threads = options.threads.to_string();
    command
        .args(&options.arguments)
        // Its open input is how it notices that we are gone, however we went.
        .stdin(Stdio::piped())
        .env_remove("FORMWORK_KEY_FILE")
        .env_remove("FORMWORK_OWNER_PASSWORD")
        .env("CANDLE_NUM_THREADS", &threads)
        .env("RAYON_NUM_THREADS", &threads)
        .envs(
            options
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        )
        .kill_on_drop(true);
    command
}

/// The worker's program lies beside ours.
pub(crate) fn program() -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()?
        .parent()
        .map(|dir| dir.join("formwork-model"))?;
    Path::new(&beside).is_file().then_some(beside)
}
