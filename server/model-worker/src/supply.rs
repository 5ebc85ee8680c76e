//! Gets a model through the guarded client, with one line on the terminal that tells how far it is.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use url::Url;

use crate::{
    config::Download,
    fetch::{self, Answer, FetchError, Progress, Transport},
    known::{self, KNOWN, Known, Source},
};

/// The named model if it can be downloaded, else the default one.
pub fn wanted(download: &Download) -> (&'static Known, Source) {
    download
        .name
        .as_deref()
        .and_then(|name| KNOWN.iter().find(|known| known.name == name))
        .and_then(|known| known.source.map(|source| (known, source)))
        .unwrap_or_else(known::default_download)
}

/// Fetches a model into the folder.
pub async fn fetch(
    download: &Download,
    known: &Known,
    source: Source,
    progress: watch::Sender<Progress>,
) -> Result<PathBuf, FetchError> {
    let url = source.url(&download.hub);
    let unusable = |reason: String| FetchError::Unreachable {
        title: known.title.into(),
        host: download.hub.clone(),
        reason,
        file: known.file.into(),
        folder: download.folder.clone(),
    };
    let url = Url::parse(&url).map_err(|error| unusable(error.to_string()))?;
    let allow = outbound::Allow::parse(&download.allow.join(","))
        .map_err(|error| unusable(error.to_string()))?;
    let transport = Guarded(outbound::Client::new(
        allow,
        concat!("formwork/", env!("CARGO_PKG_VERSION")),
    ));
    let terminal = tokio::spawn(show(known.title.to_owned(), progress.subscribe()));
    let fetched = fetch::fetch(&transport, known, &url, &download.folder, &progress).await;
    drop(progress);
    let _ = terminal.await;
    fetched
}

struct Guarded(outbound::Client);

#[async_trait]
impl Transport for Guarded {
    async fn get(&self, url: &Url, from: u64) -> Result<Answer, String> {
        let headers = if from > 0 {
            vec![("range".to_owned(), format!("bytes={from}-"))]
        } else {
            Vec::new()
        };
        let request = outbound::Request {
            method: "GET".into(),
            url: url.to_string(),
            headers,
            timeout: Duration::from_secs(30),
            ..outbound::Request::default()
        };
        let opened = self
            .0
            .open(request)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Answer {
            status: opened.status,
            headers: opened.headers,
            body: opened
                .body
                .map(|piece| {
                    piece
                        .map(|bytes| bytes.to_vec())
                        .map_err(|error| error.to_string())
                })
                .boxed(),
        })
    }
}

/// One line that is written over on a terminal; elsewhere a line at every tenth.
async fn show(title: String, mut progress: watch::Receiver<Progress>) {
    let mut out = std::io::stderr();
    let terminal = out.is_terminal();
    let mut tenth = 0;
    let mut shown = false;
    while progress.changed().await.is_ok() {
        let now = *progress.borrow_and_update();
        let line = fetch::line(&title, &now);
        if terminal {
            let _ = write!(out, "\r\x1b[2K{line}");
            let _ = out.flush();
            shown = true;
        } else {
            let reached = (now.done_bytes * 10)
                .checked_div(now.size_bytes)
                .unwrap_or(0);
            if reached > tenth || !shown {
                tenth = reached;
                shown = true;
                let _ = writeln!(out, "{line}");
            }
        }
    }
    if terminal && shown {
        let _ = writeln!(out);
    }
}
