//! Fetches a model file: resumable, checked against its pinned hash, in the background. Which addresses may be reached is the
//! transport's business (the guarded client); this follows at most three redirects, each checked like the first.

use std::{
    fs::TryLockError,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use engine::node::StepError;
use futures_util::{StreamExt as _, stream::BoxStream};
use tokio::{
    fs,
    io::{AsyncWriteExt as _, BufWriter},
    sync::watch,
    time::{sleep, timeout},
};
use url::Url;

use crate::{folder, known::Known, memory::size};

const REDIRECTS: usize = 3;
/// Tries without any new byte before it is given up.
const TRIES: u32 = 5;
/// A server that is silent for this long is asked again.
const SILENCE: Duration = Duration::from_secs(30);
/// Between two looks whether another process still fetches the same file.
const LOOK: Duration = if cfg!(test) {
    Duration::from_millis(1)
} else {
    Duration::from_secs(1)
};
/// Before the second try; doubled before each further one.
const FIRST_PAUSE: Duration = if cfg!(test) {
    Duration::from_millis(1)
} else {
    Duration::from_secs(1)
};

/// An answer's head, and its body as it comes.
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: BoxStream<'static, Result<Vec<u8>, String>>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Something that gets a URL without following redirects.
#[async_trait]
pub trait Transport: Send + Sync {
    /// `from`: the first byte wanted.
    async fn get(&self, url: &Url, from: u64) -> Result<Answer, String>;
}

/// A download as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done_bytes: u64,
    pub size_bytes: u64,
    pub bytes_per_second: Option<u64>,
    pub seconds_left: Option<u64>,
}

/// Why there is no file: what happened, why, what to do.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "{title} could not be downloaded. {host} cannot be reached ({reason}). Check the network, or put {file} into {folder} by hand."
    )]
    Unreachable {
        title: String,
        host: String,
        reason: String,
        file: String,
        folder: PathBuf,
    },
    #[error(
        "{title} could not be downloaded. {host} answered {status}. Try again later, or put {file} into {folder} by hand."
    )]
    Refused {
        title: String,
        host: String,
        status: String,
        file: String,
        folder: PathBuf,
    },
    #[error(
        "{title} could not be stored. The disk of {folder} is full. Free {needed} and start again; the download goes on where it was."
    )]
    DiskFull {
        title: String,
        folder: PathBuf,
        needed: String,
    },
    #[error(
        "{title} could not be stored. {folder} cannot be written ({reason}). Check its permissions."
    )]
    Unwritable {
        title: String,
        folder: PathBuf,
        reason: String,
    },
    #[error(
        "{title} was downloaded, but it is not the file it should be. Its SHA-256 is {got}. The file was removed; start again, and if \
         it happens again, distrust the source {host}."
    )]
    Changed {
        title: String,
        got: String,
        host: String,
    },
}

impl FetchError {
    /// What people read of it.
    pub fn told(&self) -> StepError {
        let message = self.to_string();
        match self {
            Self::Unreachable {
                title,
                host,
                reason,
                file,
                folder,
            } => StepError::new("model_source_unreachable", message)
                .with("title", title.as_str())
                .with("host", host.as_str())
                .with("reason", reason.as_str())
                .with("file", file.as_str())
                .with("folder", folder.display().to_string()),
            Self::Refused {
                title,
                host,
                status,
                file,
                folder,
            } => StepError::new("model_source_refused", message)
                .with("title", title.as_str())
                .with("host", host.as_str())
                .with("status", status.as_str())
                .with("file", file.as_str())
                .with("folder", folder.display().to_string()),
            Self::DiskFull {
                title,
                folder,
                needed,
            } => StepError::new("model_disk_full", message)
                .with("title", title.as_str())
                .with("folder", folder.display().to_string())
                .with("needed", needed.as_str()),
            Self::Unwritable {
                title,
                folder,
                reason,
            } => StepError::new("model_folder_unwritable", message)
                .with("title", title.as_str())
                .with("folder", folder.display().to_string())
                .with("reason", reason.as_str()),
            Self::Changed { title, got, host } => StepError::new("model_download_changed", message)
                .with("title", title.as_str())
                .with("sha256", got.as_str())
                .with("host", host.as_str()),
        }
    }
}

/// Fetches `known` into `folder` and gives the file's path. An unfinished download goes on where it was.
pub async fn fetch(
    transport: &dyn Transport,
    known: &Known,
    url: &Url,
    folder: &Path,
    progress: &watch::Sender<Progress>,
) -> Result<PathBuf, FetchError> {
    let path = folder.join(known.file);
    let job = Job {
        transport,
        known,
        url,
        folder,
        part: path.with_added_extension("part"),
        progress,
    };
    fs::create_dir_all(folder)
        .await
        .map_err(|error| job.disk(&error, 0))?;
    let _lock = job.lock().await?;
    if fs::try_exists(&path).await.unwrap_or(false) {
        return Ok(path);
    }
    let mut silent = 0;
    loop {
        let before = job.length().await;
        match job.attempt(before).await {
            Ok(()) => break,
            Err(Attempt::Final(error)) => return Err(error),
            Err(Attempt::Again(error)) => {
                silent = if job.length().await > before {
                    0
                } else {
                    silent + 1
                };
                if silent >= TRIES {
                    return Err(error);
                }
                // The next tries in a row have nothing new to say.
                if silent <= 1 {
                    tracing::warn!(%error, "the download stopped; it is tried again");
                }
                sleep(FIRST_PAUSE * 2_u32.pow(silent)).await;
            }
        }
    }
    job.accept(&path).await?;
    Ok(path)
}

enum Attempt {
    Again(FetchError),
    Final(FetchError),
}

struct Job<'a> {
    transport: &'a dyn Transport,
    known: &'a Known,
    url: &'a Url,
    folder: &'a Path,
    part: PathBuf,
    progress: &'a watch::Sender<Progress>,
}

impl Job<'_> {
    /// Two processes that wrote into one file would spoil it: the second waits, and finds the file.
    async fn lock(&self) -> Result<std::fs::File, FetchError> {
        let lock = std::fs::File::open(self.folder).map_err(|error| self.disk(&error, 0))?;
        // A file system without locks has none to wait for.
        while let Err(TryLockError::WouldBlock) = lock.try_lock() {
            sleep(LOOK).await;
        }
        Ok(lock)
    }

    /// Says that the disk is too small before it is full.
    fn check_room(&self, have: u64) -> Result<(), FetchError> {
        let missing = self.known.size_bytes.saturating_sub(have);
        match rustix::fs::statvfs(self.folder) {
            Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < missing => {
                Err(self.disk(&ErrorKind::StorageFull.into(), have))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn length(&self) -> u64 {
        fs::metadata(&self.part)
            .await
            .map_or(0, |about| about.len())
    }

    async fn attempt(&self, have: u64) -> Result<(), Attempt> {
        let total = self.known.size_bytes;
        if have == total {
            return Ok(());
        }
        let from = if have > total { 0 } else { have };
        self.check_room(from).map_err(Attempt::Final)?;
        let (answer, host) = self.open(from).await?;
        let start = match answer.status {
            206 if continues_at(answer.header("content-range"), from) => from,
            200 => 0,
            // The server has another idea of the file: from the beginning.
            206 | 416 if from > 0 => {
                let _ = fs::remove_file(&self.part).await;
                return Err(Attempt::Again(
                    self.refused(&host, "a part that was not asked for"),
                ));
            }
            429 | 500..=599 => {
                return Err(Attempt::Again(
                    self.refused(&host, &answer.status.to_string()),
                ));
            }
            status => return Err(Attempt::Final(self.refused(&host, &status.to_string()))),
        };
        self.receive(answer, start, &host).await
    }

    /// Asks, following redirects by hand.
    async fn open(&self, from: u64) -> Result<(Answer, String), Attempt> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let host = url.host_str().unwrap_or_default().to_owned();
            let answer = timeout(SILENCE, self.transport.get(&url, from))
                .await
                .unwrap_or_else(|_| Err("no answer within 30 seconds".into()))
                .map_err(|reason| Attempt::Again(self.unreachable(&host, reason)))?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return Ok((answer, host));
            }
            let next = answer.header("location").and_then(|to| url.join(to).ok());
            match next {
                // A secure address never leads to an insecure one.
                Some(next) if next.scheme() == "https" || next.scheme() == url.scheme() => {
                    url = next;
                }
                _ => {
                    return Err(Attempt::Final(
                        self.refused(&host, "a redirect that leads nowhere"),
                    ));
                }
            }
        }
        let host = url.host_str().unwrap_or_default();
        Err(Attempt::Final(self.refused(host, "too many redirects")))
    }

    async fn receive(&self, mut answer: Answer, start: u64, host: &str) -> Result<(), Attempt> {
        let total = self.known.size_bytes;
        let full = |error: std::io::Error, done: u64| Attempt::Final(self.disk(&error, done));
        let file = fs::OpenOptions::new()
            .create(true)
            .append(start > 0)
            .write(true)
            .truncate(start == 0)
            .open(&self.part)
            .await
            .map_err(|error| full(error, start))?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        let mut done = start;
        let mut meter = Meter::new(total);
        let ended = loop {
            match timeout(SILENCE, answer.body.next()).await {
                Ok(Some(Ok(bytes))) => {
                    done += bytes.len() as u64;
                    if done > total {
                        let _ = fs::remove_file(&self.part).await;
                        return Err(Attempt::Final(
                            self.refused(host, "with more than the file"),
                        ));
                    }
                    file.write_all(&bytes)
                        .await
                        .map_err(|error| full(error, done))?;
                    if let Some(progress) = meter.at(done, Instant::now()) {
                        self.progress.send_replace(progress);
                    }
                }
                Ok(Some(Err(reason))) => break Err(reason),
                Ok(None) if done < total => break Err("the connection ended early".to_owned()),
                Ok(None) => break Ok(()),
                Err(_) => break Err("no bytes for 30 seconds".to_owned()),
            }
        };
        file.flush().await.map_err(|error| full(error, done))?;
        file.get_ref()
            .sync_all()
            .await
            .map_err(|error| full(error, done))?;
        ended.map_err(|reason| Attempt::Again(self.unreachable(host, reason)))
    }

    /// Checks the whole file and puts it in its place.
    async fn accept(&self, path: &Path) -> Result<(), FetchError> {
        let part = self.part.clone();
        let got = tokio::task::spawn_blocking(move || folder::sha256(&part))
            .await
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| self.disk(&error, 0))?;
        let _ = fs::remove_file(self.part.with_added_extension("sha256")).await;
        if got != self.known.sha256 {
            let _ = fs::remove_file(&self.part).await;
            return Err(FetchError::Changed {
                title: self.known.title.into(),
                got,
                host: self.url.host_str().unwrap_or_default().into(),
            });
        }
        fs::rename(&self.part, path)
            .await
            .map_err(|error| self.disk(&error, 0))
    }

    fn unreachable(&self, host: &str, reason: String) -> FetchError {
        FetchError::Unreachable {
            title: self.known.title.into(),
            host: host.into(),
            reason,
            file: self.known.file.into(),
            folder: self.folder.into(),
        }
    }

    fn refused(&self, host: &str, status: &str) -> FetchError {
        FetchError::Refused {
            title: self.known.title.into(),
            host: host.into(),
            status: status.into(),
            file: self.known.file.into(),
            folder: self.folder.into(),
        }
    }

    fn disk(&self, error: &std::io::Error, done: u64) -> FetchError {
        let title = self.known.title.to_owned();
        let folder = self.folder.to_path_buf();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FetchError::DiskFull {
                title,
                folder,
                needed: size(self.known.size_bytes.saturating_sub(done)),
            },
            _ => FetchError::Unwritable {
                title,
                folder,
                reason: error.to_string(),
            },
        }
    }
}

/// `bytes 100-199/200` begins at 100.
fn continues_at(range: Option<&str>, from: u64) -> bool {
    range
        .and_then(|range| range.strip_prefix("bytes "))
        .and_then(|range| range.split('-').next())
        .and_then(|start| start.trim().parse::<u64>().ok())
        == Some(from)
}

/// Speed over the last seconds.
struct Meter {
    total: u64,
    told: Option<Instant>,
    window: std::collections::VecDeque<(Instant, u64)>,
}

impl Meter {
    fn new(total: u64) -> Self {
        Self {
            total,
            told: None,
            window: std::collections::VecDeque::new(),
        }
    }

    /// A report, five times a second and at the end.
    fn at(&mut self, done: u64, now: Instant) -> Option<Progress> {
        let due = self
            .told
            .is_none_or(|told| now.duration_since(told) >= Duration::from_millis(200));
        if !due && done < self.total {
            return None;
        }
        self.told = Some(now);
        self.window.push_back((now, done));
        while self.window.len() > 2
            && self
                .window
                .front()
                .is_some_and(|(at, _)| now.duration_since(*at) > Duration::from_secs(5))
        {
            self.window.pop_front();
        }
        let (first, before) = *self.window.front()?;
        let millis = u64::try_from(now.duration_since(first).as_millis()).unwrap_or(u64::MAX);
        let rate = (done - before)
            .saturating_mul(1000)
            .checked_div(millis)
            .filter(|rate| *rate > 0);
        Some(Progress {
            done_bytes: done,
            size_bytes: self.total,
            bytes_per_second: rate,
            seconds_left: rate.map(|rate| (self.total - done).div_ceil(rate)),
        })
    }
}

/// `Qwen2.5 1.5B Instruct  [#####-----]  48 %  540 MB of 1.1 GB  12 MB/s  50 s left`
pub fn line(title: &str, progress: &Progress) -> String {
    let percent = (progress.done_bytes * 100)
        .checked_div(progress.size_bytes)
        .unwrap_or(0);
    let filled = usize::try_from(percent / 5).unwrap_or(0).min(20);
    let mut line = format!(
        "{title}  [{}{}]  {percent} %  {} of {}",
        "#".repeat(filled),
        "-".repeat(20 - filled),
        size(progress.done_bytes),
        size(progress.size_bytes)
    );
    if let (Some(rate), Some(left)) = (progress.bytes_per_second, progress.seconds_left) {
        let left = if left >= 120 {
            format!("{} min", left.div_ceil(60))
        } else {
            format!("{left} s")
        };
        line.push_str(&format!("  {}/s  {left} left", size(rate)));
    }
    line
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
