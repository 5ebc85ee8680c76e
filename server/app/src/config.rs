//! Everything the environment can set, read once at start. No other module of this program reads the environment.

use std::{
    env,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;
use store::queue::ClaimForm;
use url::Url;

const PUBLIC_URL: &str = "FORMWORK_PUBLIC_URL";
const PUBLIC_URL_WANTS: &str =
    "it must be a full address without a path, such as https://forms.example.com";

/// A setting that cannot be used; the message names the variable and what it wants.
#[derive(Debug, thiserror::Error)]
#[error("{variable} is \"{value}\", but {wants}.")]
pub struct ConfigError {
    variable: &'static str,
    value: String,
    wants: &'static str,
}

#[derive(Clone, Debug)]
pub struct Config {
    /// `FORMWORK_LISTEN`, default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// `FORMWORK_PUBLIC_URL`: the address people and webhooks see; default `http://` and the listen address.
    pub public_url: Url,
    /// `DATABASE_URL`: use this Postgres; absent, the program runs its own.
    pub database_url: Option<String>,
    /// `FORMWORK_DATA_DIR`: database, files, models and key; default `$XDG_DATA_HOME/formwork`, for root `/var/lib/formwork`.
    pub data_dir: PathBuf,
    /// `FORMWORK_POSTGRES_DIR`: a folder with Postgres binaries, searched first.
    pub postgres_dir: Option<PathBuf>,
    /// `FORMWORK_KEY_FILE`: the master key, created with mode 0600 when absent; default `key` in the data folder.
    pub key_file: PathBuf,
    /// `FORMWORK_WEB_DIR`: the built web pages.
    pub web_dir: PathBuf,
    /// `FORMWORK_FONT_DIRS`: folders with further fonts, separated by colons.
    pub font_dirs: Vec<PathBuf>,
    /// `FORMWORK_MODEL`: a GGUF file, `fake` (tests only) or `none`.
    pub model: Option<String>,
    /// `FORMWORK_MODEL_THREADS`: default is one less than the cores.
    pub model_threads: usize,
    /// `FORMWORK_MODEL_DIR`: where model files lie; default `models` in the data folder.
    pub model_dir: PathBuf,
    /// `FORMWORK_OWNER_EMAIL` and `FORMWORK_OWNER_PASSWORD`: unattended set-up.
    pub owner: Option<(String, String)>,
    /// `FORMWORK_TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is believed, separated by commas.
    pub trusted_proxies: Vec<IpNet>,
    /// `FORMWORK_OUTBOUND_ALLOW`: private hosts and networks that steps and webhooks may reach, separated by commas.
    pub outbound_allow: Vec<String>,
    /// This machine's name, in the list of processes: `HOSTNAME`, else what the kernel says.
    pub host: String,
    /// `FORMWORK_EXECUTOR_SLOTS`: runs worked on at the same time; default 40.
    pub executor_slots: usize,
    /// `FORMWORK_LEASE_SECONDS`: how long a worker may be silent; default 30.
    pub lease: Duration,
    /// `FORMWORK_QUEUE`: how several workers share the queue, `skip-locked` or `compare`; default `skip-locked`.
    pub claim_form: ClaimForm,
    /// `FORMWORK_LOG`: what is logged, as `tracing` filters; default `info`.
    pub log: String,
    /// `FORMWORK_TEST=1`: allows the fake model and fault points.
    pub test: bool,
    /// `FORMWORK_FAULT`: a named point at which the process aborts; only with `FORMWORK_TEST=1`.
    pub fault: Option<String>,
}

impl Config {
    pub fn from_env() -> Result<Self, ConfigError> {
        let listen: SocketAddr = parse(
            "FORMWORK_LISTEN",
            "it must be an address and a port, such as 127.0.0.1:8080",
        )?
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url = match parse::<Url>(PUBLIC_URL, PUBLIC_URL_WANTS)? {
            Some(url) if is_site(&url) => url,
            Some(url) => {
                return Err(ConfigError {
                    variable: PUBLIC_URL,
                    value: url.into(),
                    wants: PUBLIC_URL_WANTS,
                });
            }
            None => local_url(listen),
        };
        let data_dir = path("FORMWORK_DATA_DIR").unwrap_or_else(default_data_dir);
        let test = variable("FORMWORK_TEST").as_deref() == Some("1");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            listen,
            public_url,
            database_url: variable("DATABASE_URL"),
            postgres_dir: path("FORMWORK_POSTGRES_DIR"),
            key_file: path("FORMWORK_KEY_FILE").unwrap_or_else(|| data_dir.join("key")),
            web_dir: path("FORMWORK_WEB_DIR").unwrap_or_else(default_web_dir),
            font_dirs: variable("FORMWORK_FONT_DIRS")
                .map_or_else(default_font_dirs, |dirs| env::split_paths(&dirs).collect()),
            model: model()?,
            model_threads: parse::<NonZeroUsize>("FORMWORK_MODEL_THREADS", COUNT)?
                .map_or_else(|| cores.saturating_sub(1).max(1), NonZeroUsize::get),
            model_dir: path("FORMWORK_MODEL_DIR").unwrap_or_else(|| data_dir.join("models")),
            owner: owner()?,
            trusted_proxies: list(
                "FORMWORK_TRUSTED_PROXIES",
                "it must be networks such as 10.0.0.0/8, separated by commas",
            )?,
            outbound_allow: list(
                "FORMWORK_OUTBOUND_ALLOW",
                "it must be hosts or networks, separated by commas",
            )?,
            executor_slots: parse::<NonZeroUsize>("FORMWORK_EXECUTOR_SLOTS", COUNT)?
                .map_or(40, NonZeroUsize::get),
            host: host(),
            lease: Duration::from_secs(
                parse::<NonZeroU32>("FORMWORK_LEASE_SECONDS", COUNT)?
                    .map_or(30, |seconds| seconds.get().into()),
            ),
            claim_form: parse("FORMWORK_QUEUE", "it must be skip-locked or compare")?
                .unwrap_or_default(),
            log: variable("FORMWORK_LOG").unwrap_or_else(|| "info,sqlx=warn".into()),
            fault: variable("FORMWORK_FAULT").filter(|_| test),
            test,
            data_dir,
        })
    }
}

const COUNT: &str = "it must be a whole number from 1";

fn is_site(url: &Url) -> bool {
    ["http", "https"].contains(&url.scheme())
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
}

/// A file must be there now: a worker that cannot find it would only be started again and again.
fn model() -> Result<Option<String>, ConfigError> {
    let Some(value) = variable("FORMWORK_MODEL") else {
        return Ok(None);
    };
    if ["auto", "fake", "none"].contains(&value.as_str()) {
        return Ok(Some(value));
    }
    match std::path::absolute(&value) {
        Ok(path) if path.is_file() => Ok(Some(path.display().to_string())),
        _ => Err(ConfigError {
            variable: "FORMWORK_MODEL",
            value,
            wants: "it must be the path of a GGUF file, `auto` or `none`",
        }),
    }
}

fn owner() -> Result<Option<(String, String)>, ConfigError> {
    let email = variable("FORMWORK_OWNER_EMAIL");
    let password = variable("FORMWORK_OWNER_PASSWORD");
    if email.is_some() == password.is_some() {
        return Ok(email.zip(password));
    }
    Err(ConfigError {
        variable: "FORMWORK_OWNER_EMAIL",
        value: email.unwrap_or_default(),
        wants: "it and FORMWORK_OWNER_PASSWORD must be set together",
    })
}

fn local_url(listen: SocketAddr) -> Url {
    // An unspecified address is where we listen, not where anybody can go.
    let host = if listen.ip().is_unspecified() {
        format!("localhost:{}", listen.port())
    } else {
        listen.to_string()
    };
    format!("http://{host}/")
        .parse()
        .expect("a socket address makes a valid URL")
}

fn host() -> String {
    variable("HOSTNAME")
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map_or_else(|| "localhost".into(), |name| name.trim().to_owned())
}

fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        // An unprivileged Postgres cannot reach root's home.
        return PathBuf::from("/var/lib/formwork");
    }
    path("XDG_DATA_HOME")
        .or_else(|| path("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("formwork")
}

/// Beside the binary in an installation, `web/dist` in a checkout.
fn default_web_dir() -> PathBuf {
    let beside = env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|dir| dir.join("web")));
    beside
        .filter(|dir| dir.join("index.html").exists())
        .unwrap_or_else(|| PathBuf::from("web/dist"))
}

fn default_font_dirs() -> Vec<PathBuf> {
    ["/usr/share/fonts", "/usr/local/share/fonts"]
        .map(PathBuf::from)
        .to_vec()
}

fn variable(name: &str) -> Option<String> {
    env::var(name)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
}

/// Absolute, because what runs as another user works in another folder.
fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(|value| std::path::absolute(&value).unwrap_or_else(|_| value.into()))
}

fn parse<T: std::str::FromStr>(
    name: &'static str,
    wants: &'static str,
) -> Result<Option<T>, ConfigError> {
    variable(name)
        .map(|value| {
            value.parse().map_err(|_| ConfigError {
                variable: name,
                value,
                wants,
            })
        })
        .transpose()
}

fn list<T: std::str::FromStr>(
    name: &'static str,
    wants: &'static str,
) -> Result<Vec<T>, ConfigError> {
    let Some(value) = variable(name) else {
        return Ok(Vec::new());
    };
    value
        .split(',')
        .map(|part| {
            part.trim().parse().map_err(|_| ConfigError {
                variable: name,
                value: value.clone(),
                wants,
            })
        })
        .collect()
}
