//! `formwork doctor`: looks at everything the program needs and says in words what it finds and what to do about it.

use std::{
    fmt, fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, time::Duration,
};

use crate::{
    config::Config,
    files::{self, Folder},
    postgres::{PostgresError, binaries},
    program,
};

/// How long the database is asked for its folder.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// One finding; `Bad` keeps the program from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Note,
    Bad,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub what: &'static str,
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Good => "ok  ",
            Verdict::Note => "note",
            Verdict::Bad => "BAD ",
        };
        write!(f, "{mark}  {:<10}  {}", self.what, self.text)
    }
}

/// Everything that can be seen without starting anything.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![
        folder(config),
        disk(config),
        postgres(config).await,
        artifacts(config).await,
        key(config),
        address(config),
        web(config),
        model(config),
        fonts(config),
    ];
    findings.retain(|finding| !finding.text.is_empty());
    findings
}

pub fn finding(verdict: Verdict, what: &'static str, text: impl Into<String>) -> Finding {
    Finding {
        verdict,
        what,
        text: text.into(),
    }
}

fn folder(config: &Config) -> Finding {
    let dir = config.data_dir.display();
    match fs::metadata(&config.data_dir) {
        Ok(data) if data.is_dir() => finding(
            Verdict::Good,
            "data",
            format!("everything is kept in {dir}"),
        ),
        Ok(_) => finding(
            Verdict::Bad,
            "data",
            format!("{dir} is not a folder; set FORMWORK_DATA_DIR to one"),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => finding(
            Verdict::Note,
            "data",
            format!("{dir} does not exist yet; the first start makes it"),
        ),
        Err(error) => finding(
            Verdict::Bad,
            "data",
            format!("{dir} cannot be entered ({error}); check its owner and rights"),
        ),
    }
}

fn disk(config: &Config) -> Finding {
    let existing = config
        .data_dir
        .ancestors()
        .find(|dir| dir.exists())
        .unwrap_or(Path::new("/"));
    let Ok(disk) = rustix::fs::statvfs(existing) else {
        return finding(Verdict::Note, "disk", "its free room cannot be read");
    };
    let free_mb = disk.f_bavail.saturating_mul(disk.f_frsize) / 1_048_576;
    let verdict = if free_mb < 200 {
        Verdict::Bad
    } else if free_mb < 2_000 {
        Verdict::Note
    } else {
        Verdict::Good
    };
    finding(
        verdict,
        "disk",
        format!("{free_mb} MB free; the database needs 200 MB, the default model 1,120 MB"),
    )
}

async fn postgres(config: &Config) -> Finding {
    if let Some(url) = &config.database_url {
        return match program::answering_version(url).await {
            Ok(version) if version < binaries::OLDEST * 10_000 => finding(
                Verdict::Bad,
                "postgres",
                format!(
                    "DATABASE_URL names Postgres {}; Formwork needs {} or newer",
                    version / 10_000,
                    binaries::OLDEST
                ),
            ),
            Ok(version) => finding(
                Verdict::Good,
                "postgres",
                format!(
                    "DATABASE_URL names Postgres {}, which answers; no private one is started",
                    version / 10_000
                ),
            ),
            Err(error) => finding(Verdict::Bad, "postgres", error.to_string()),
        };
    }
    let found = binaries::find_all(config.postgres_dir.as_deref());
    let listed: Vec<String> = found
        .iter()
        .map(|binaries| format!("{} in {}", binaries.major, binaries.dir.display()))
        .collect();
    let major = fs::read_to_string(config.data_dir.join("postgres/PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse().ok());
    match binaries::choose(&found, major) {
        Ok(chosen) => finding(
            Verdict::Good,
            "postgres",
            format!(
                "uses {} in {}; found: {}",
                chosen.major,
                chosen.dir.display(),
                listed.join(", ")
            ),
        ),
        Err(error @ (PostgresError::NotFound | PostgresError::TooOld { .. })) => {
            finding(Verdict::Bad, "postgres", error.to_string())
        }
        Err(error) => finding(
            Verdict::Bad,
            "postgres",
            format!("{error} (found: {})", listed.join(", ")),
        ),
    }
}

/// Whether the files are those of the database. Nothing while that does not run: only it knows.
async fn artifacts(config: &Config) -> Finding {
    let folder = config.data_dir.join("artifacts");
    let looked = tokio::time::timeout(LONGEST_LOOK, async {
        let url = program::running_database(config).await?;
        files::look(&url, &folder).await.ok()
    });
    let dir = folder.display();
    match looked.await.ok().flatten() {
        None => finding(Verdict::Good, "files", ""),
        Some(Folder::New) => finding(
            Verdict::Note,
            "files",
            format!("none so far; they will be in {dir}"),
        ),
        Some(Folder::Ours) => finding(
            Verdict::Good,
            "files",
            format!("they are in {dir}, which belongs to this database"),
        ),
        Some(Folder::Missing { id }) => finding(
            Verdict::Bad,
            "files",
            format!(
                "{dir} is not the folder with this installation's files: its file \"installation\" is missing; mount the disk that has them, or share the folder with this machine (if the files are lost for good, write {id} into {dir}/installation)"
            ),
        ),
        Some(Folder::Foreign { id, found }) => {
            let instead = id.map_or_else(
                || "and the database knows of none".to_owned(),
                |id| format!("and the database has {id}"),
            );
            finding(
                Verdict::Bad,
                "files",
                format!(
                    "{dir} belongs to another installation: its file \"installation\" has {found}, {instead}; mount the right disk, or set FORMWORK_DATA_DIR or DATABASE_URL right"
                ),
            )
        }
    }
}

fn key(config: &Config) -> Finding {
    let path = config.key_file.display();
    match fs::metadata(&config.key_file) {
        Ok(data) if data.permissions().mode() & 0o077 != 0 => finding(
            Verdict::Bad,
            "key",
            format!("{path} can be read by others; run `chmod 600 {path}`"),
        ),
        Ok(_) => finding(
            Verdict::Good,
            "key",
            format!("the master key is {path}; keep a copy of it apart from the backups"),
        ),
        Err(_) => finding(
            Verdict::Note,
            "key",
            format!("{path} does not exist yet; the first start makes it"),
        ),
    }
}

fn address(config: &Config) -> Finding {
    let listen = config.listen;
    let public = &config.public_url;
    match TcpListener::bind(listen) {
        Ok(_) => finding(
            Verdict::Good,
            "address",
            format!("{listen} is free; people reach it as {public}"),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => finding(
            Verdict::Note,
            "address",
            format!(
                "{listen} is in use: by a running Formwork, or by another program (then set FORMWORK_LISTEN)"
            ),
        ),
        Err(error) => finding(
            Verdict::Bad,
            "address",
            format!("{listen} cannot be used ({error}); set FORMWORK_LISTEN"),
        ),
    }
}

fn web(config: &Config) -> Finding {
    if config.web_dir.join("index.html").is_file() {
        finding(
            Verdict::Good,
            "web",
            format!("the pages are in {}", config.web_dir.display()),
        )
    } else {
        finding(
            Verdict::Bad,
            "web",
            format!(
                "no pages in {}; run `make run`, or set FORMWORK_WEB_DIR",
                config.web_dir.display()
            ),
        )
    }
}

fn model(config: &Config) -> Finding {
    if crate::model_worker::program().is_none() {
        return finding(
            Verdict::Bad,
            "model",
            "the program formwork-model is not beside this one; steps that write will wait",
        );
    }
    match &config.model {
        Some(name) if ["auto", "fake", "none"].contains(&name.as_str()) => {
            finding(Verdict::Note, "model", format!("FORMWORK_MODEL={name}"))
        }
        Some(path) if Path::new(path).is_file() => {
            finding(Verdict::Good, "model", format!("uses {path}"))
        }
        Some(path) => finding(
            Verdict::Bad,
            "model",
            format!("FORMWORK_MODEL names {path}, which does not exist"),
        ),
        None => {
            let files = fs::read_dir(&config.model_dir)
                .into_iter()
                .flatten()
                .flatten();
            let names: Vec<String> = files
                .map(|file| file.file_name().to_string_lossy().into_owned())
                .filter(|name| name.ends_with(".gguf"))
                .collect();
            if names.is_empty() {
                finding(
                    Verdict::Note,
                    "model",
                    format!(
                        "none in {} yet; the program fetches one when it runs",
                        config.model_dir.display()
                    ),
                )
            } else {
                finding(
                    Verdict::Good,
                    "model",
                    format!("{} in {}", names.join(", "), config.model_dir.display()),
                )
            }
        }
    }
}

fn fonts(config: &Config) -> Finding {
    let found = config
        .font_dirs
        .iter()
        .any(|dir| dir.join("opentype/noto/NotoSansCJK-Regular.ttc").is_file());
    if found {
        finding(
            Verdict::Good,
            "fonts",
            "Chinese, Japanese and Korean letters are at hand",
        )
    } else {
        finding(
            Verdict::Note,
            "fonts",
            "no Noto Sans CJK found; documents in Chinese, Japanese or Korean need it (apt-get install fonts-noto-cjk)",
        )
    }
}
