//! What the process is told, by arguments and environment. The only module of this crate that reads the environment.

use std::{num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use clap::{Args, Parser, Subcommand};

/// Text models for Formwork: answers the requests that runs leave in the database.
#[derive(Debug, Parser)]
#[command(name = "formwork-model", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers requests until it is stopped. Without a model file it fetches the default one first.
    Serve(ServeArguments),
    /// Fetches the default model into the models folder and ends.
    Fetch(FetchArguments),
    /// Measures a model's speed and prints one line of JSON.
    Bench(BenchArguments),
    /// Lists the models Formwork knows, as JSON.
    Known,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Where Postgres is; default: the environment variable `DATABASE_URL`, which does not show in process lists.
    #[arg(long)]
    database_url: Option<String>,
    /// A GGUF file, `auto`, or `fake` (tests only); default: `FORMWORK_MODEL`, else `auto`.
    #[arg(long)]
    model: Option<String>,
    /// The name under which requests ask for it; default: the known name of the file, else the file's own.
    #[arg(long)]
    name: Option<String>,
    /// Where model files lie; default: `FORMWORK_MODEL_DIR`, else the cache folder.
    #[arg(long)]
    models_dir: Option<PathBuf>,
    /// Default: `FORMWORK_MODEL_THREADS`, else one less than the cores.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Longest prompt and answer together, in tokens.
    #[arg(long, default_value_t = 4096)]
    context: usize,
    /// End when standard input closes: the parent is gone.
    #[arg(long)]
    with_parent: bool,
    /// Never download.
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub struct FetchArguments {
    /// Where model files lie; default: `FORMWORK_MODEL_DIR`, else the cache folder.
    #[arg(long)]
    models_dir: Option<PathBuf>,
    /// A known model's name; default: the first that can be downloaded.
    #[arg(long)]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub struct BenchArguments {
    /// A GGUF file.
    #[arg(long)]
    pub model: PathBuf,
    /// Default: every core.
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// Tokens to read.
    #[arg(long, default_value_t = 128)]
    pub prompt: u32,
    /// Tokens to write.
    #[arg(long, default_value_t = 48)]
    pub output: u32,
    /// The best of so many tries.
    #[arg(long, default_value_t = 3)]
    pub tries: u32,
}

/// A setting that cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// What `serve` does.
#[derive(Clone, Debug)]
pub struct Serve {
    pub database_url: String,
    pub choice: Choice,
    pub name: Option<String>,
    pub context_tokens: usize,
    pub with_parent: bool,
    /// How long this process may be silent before others take its request over.
    pub lease: Duration,
    pub download: Download,
    /// A named point at which the process aborts, for crash tests.
    pub fault: Option<String>,
}

impl Serve {
    /// The folder in which the model lies or will lie.
    pub fn folder(&self) -> PathBuf {
        match &self.choice {
            Choice::File(path) => path
                .parent()
                .map(PathBuf::from)
                .filter(|folder| folder.is_dir()),
            Choice::Auto | Choice::Fake { .. } => None,
        }
        .unwrap_or_else(|| self.download.folder.clone())
    }
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    File(PathBuf),
    /// A known file in the models folder, else the default model is downloaded.
    Auto,
    Fake {
        pause: Duration,
    },
}

/// Where models come from and go.
#[derive(Clone, Debug)]
pub struct Download {
    pub folder: PathBuf,
    pub hub: String,
    pub offline: bool,
    /// Private hosts and networks that may be reached, for a mirror in the house.
    pub allow: Vec<String>,
    /// A known model's name.
    pub name: Option<String>,
}

impl ServeArguments {
    pub fn resolve(self) -> Result<Serve, ConfigError> {
        let test = env("FORMWORK_TEST").as_deref() == Some("1");
        let choice = match self.model.or_else(|| env("FORMWORK_MODEL")).as_deref() {
            None | Some("auto") => Choice::Auto,
            Some("fake") if test => Choice::Fake {
                pause: Duration::from_millis(number("FORMWORK_FAKE_TOKEN_MS")?.unwrap_or(0)),
            },
            Some("fake") => {
                return Err(ConfigError(
                    "The fake model is only for tests: it is refused unless FORMWORK_TEST=1."
                        .into(),
                ));
            }
            Some(path) => Choice::File(path.into()),
        };
        let database_url = self.database_url.or_else(|| env("DATABASE_URL")).ok_or_else(|| {
            ConfigError("No database is named. Set DATABASE_URL, or start this program through `formwork run`.".into())
        })?;
        Ok(Serve {
            database_url,
            choice,
            name: self.name,
            context_tokens: self.context.max(256),
            with_parent: self.with_parent,
            lease: Duration::from_secs(number("FORMWORK_LEASE_SECONDS")?.unwrap_or(30).max(1)),
            download: download(self.models_dir, self.offline, None)?,
            fault: env("FORMWORK_MODEL_FAULT").filter(|_| test),
        })
    }
}

impl FetchArguments {
    pub fn resolve(self) -> Result<Download, ConfigError> {
        download(self.models_dir, false, self.name)
    }
}

fn download(
    folder: Option<PathBuf>,
    offline: bool,
    name: Option<String>,
) -> Result<Download, ConfigError> {
    let folder = folder
        .or_else(|| env("FORMWORK_MODEL_DIR").map(PathBuf::from))
        .or_else(cache_folder)
        .ok_or_else(|| {
            ConfigError("There is no folder for models. Set FORMWORK_MODEL_DIR.".into())
        })?;
    Ok(Download {
        folder,
        hub: env("FORMWORK_MODEL_HUB").unwrap_or_else(|| "https://huggingface.co".into()),
        offline: offline || env("FORMWORK_OFFLINE").as_deref() == Some("1"),
        allow: env("FORMWORK_OUTBOUND_ALLOW")
            .map(|list| {
                list.split(',')
                    .map(|one| one.trim().to_owned())
                    .filter(|one| !one.is_empty())
                    .collect()
            })
            .unwrap_or_default(),
        name,
    })
}

impl Command {
    /// The threads this command wants; `None` when it computes nothing.
    pub fn threads(&self) -> Result<Option<usize>, ConfigError> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(match self {
            Self::Serve(serve) => Some(match serve.threads {
                Some(threads) => threads.get(),
                // One core is left to the database, the pages and the documents.
                None => usize::try_from(number("FORMWORK_MODEL_THREADS")?.unwrap_or(0))
                    .ok()
                    .filter(|threads| *threads > 0)
                    .unwrap_or(cores.saturating_sub(1).max(1)),
            }),
            Self::Bench(bench) => Some(bench.threads.map_or(cores, NonZeroUsize::get)),
            Self::Fetch(_) | Self::Known => None,
        })
    }
}

/// The variables that candle's and rayon's pools read once, at the first computation.
pub const THREAD_VARIABLES: [&str; 2] = ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"];

/// Whether this process was started with pools of `threads` threads. They cannot be changed from inside without unsafe code, so
/// `main` starts the program over with the right values.
pub fn has_threads(threads: usize) -> bool {
    THREAD_VARIABLES
        .iter()
        .all(|name| env(name) == Some(threads.to_string()))
}

/// What the log shows, as `RUST_LOG` says.
pub fn log_filter() -> String {
    env("RUST_LOG").unwrap_or_else(|| "info".into())
}

/// This machine's name.
pub fn host() -> String {
    env("HOSTNAME")
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map_or_else(|| "localhost".into(), |name| name.trim().to_owned())
}

/// The small model for tests: `FORMWORK_TEST_MODEL`, else the file in the cache's models folder.
pub fn test_model() -> Option<PathBuf> {
    let path = match env("FORMWORK_TEST_MODEL") {
        Some(path) => PathBuf::from(path),
        None => cache_folder()?.join("smollm2-135m-instruct-q4_1.gguf"),
    };
    path.is_file().then_some(path)
}

/// `$XDG_CACHE_HOME/formwork/models`.
fn cache_folder() -> Option<PathBuf> {
    let base = env("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("formwork/models"))
}

fn number(name: &str) -> Result<Option<u64>, ConfigError> {
    env(name)
        .map(|value| {
            value.parse().map_err(|_| {
                ConfigError(format!(
                    "{name} is \"{value}\", but it must be a whole number."
                ))
            })
        })
        .transpose()
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
