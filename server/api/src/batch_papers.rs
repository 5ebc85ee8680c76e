//! The documents of a batch in one file: a ZIP as it is read, or one PDF bound of all PDFs. Few at a time, because both are work.

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use document::{Binder, Unbindable};
use engine::check::Problem;
use jiff::Timestamp;
use serde_json::json;
use store::{Scope, Store, StoreError, artifact, batch::Paper};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::error::{ApiError, Result};

/// Files made at once in a process.
const AT_ONCE: usize = 2;
/// Seconds after which somebody who found all busy may ask again.
const BUSY_SECONDS: u64 = 10;
/// Most bytes of the PDFs that are bound; all of them are held in memory.
pub(crate) const MAX_BOUND_BYTES: u64 = 100 * 1024 * 1024;
/// How long a reader may take nothing.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pieces of a ZIP that wait for a slow reader, of `PIECE` bytes each.
const PIECES: usize = 8;
const PIECE: usize = 64 * 1024;
/// Longest name of a file in a ZIP before its ending, in letters; some programs take no longer ones.
const MAX_NAME: usize = 120;

/// Whose turn it is in this process.
pub(crate) struct Papers(Arc<Semaphore>);

impl Papers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    fn permit(&self) -> Result<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_owned().map_err(|_| {
            ApiError::too_many(
                BUSY_SECONDS,
                "Other documents are being put together at this moment. Try again in a few seconds.",
            )
        })
    }

    /// Whether the next file could be made at this moment.
    pub(crate) fn check(&self) -> Result<()> {
        self.permit().map(drop)
    }

    /// The documents as a ZIP, written while it is read. What fails in the middle breaks the connection: a file that is not whole must not
    /// look as if it were.
    pub(crate) fn zip(&self, store: Store, scope: Scope, papers: Vec<Paper>) -> Result<Body> {
        let permit = self.permit()?;
        let (sender, receiver) = mpsc::channel(PIECES);
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let pipe = Pipe {
                runtime: runtime.clone(),
                sender: sender.clone(),
            };
            if let Err(error) = write_zip(&runtime, &store, &scope, &papers, pipe) {
                if error.kind() != io::ErrorKind::BrokenPipe {
                    tracing::error!(%error, "a ZIP of documents could not be finished");
                }
                // Whoever read it may have left, or take nothing any more.
                let _ = sender.try_send(Err(error));
            }
        });
        let pieces = futures_util::stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        });
        Ok(Body::from_stream(pieces))
    }

    /// All PDFs of the documents as one.
    pub(crate) async fn bind(
        &self,
        store: Store,
        scope: Scope,
        papers: Vec<Paper>,
        title: String,
    ) -> Result<Vec<u8>> {
        let permit = self.permit()?;
        let runtime = Handle::current();
        let bound = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            bind(&runtime, &store, &scope, &papers, &title)
        });
        bound.await.map_err(ApiError::internal)?
    }
}

/// Whether a document is one of the pages that can be bound.
pub(crate) fn is_pdf(paper: &Paper) -> bool {
    paper.artifact.file.content_type == "application/pdf"
}

/// How many bytes these documents have together.
pub(crate) fn bytes_of<'a>(papers: impl Iterator<Item = &'a Paper>) -> u64 {
    papers.map(|paper| paper.artifact.file.size_bytes).sum()
}

/// Where a blocking writer puts what an async reader takes, who must not hold up others by taking nothing.
struct Pipe {
    runtime: Handle,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pipe {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sending = self.sender.send(Ok(Bytes::copy_from_slice(piece)));
        match self.runtime.block_on(timeout(PATIENCE, sending)) {
            Ok(Ok(())) => Ok(piece.len()),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_zip(
    runtime: &Handle,
    store: &Store,
    scope: &Scope,
    papers: &[Paper],
    pipe: Pipe,
) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(BufWriter::with_capacity(PIECE, pipe));
    let mut taken = HashSet::new();
    for paper in papers {
        let bytes = match runtime.block_on(artifact::read(store, scope, paper.artifact.file.id)) {
            Ok(bytes) => bytes,
            // It went since the list was made, as files do whose time is over.
            Err(StoreError::NotFound(_)) => continue,
            Err(error) => return Err(io::Error::other(error)),
        };
        zip.start_file(name_of(paper, &mut taken), SimpleFileOptions::default())?;
        zip.write_all(&bytes)?;
    }
    zip.finish()?.into_inner().flush()
}

/// `0012 Müller - invoice.pdf`: the row, what its run is called, and the file's own name; never one twice, whatever the capitals.
fn name_of(paper: &Paper, taken: &mut HashSet<String>) -> String {
    let own = &paper.artifact.file.name;
    let (stem, ending) = match own.rfind('.') {
        Some(dot) if dot > 0 => own.split_at(dot),
        _ => (own.as_str(), ""),
    };
    let title = paper.title.trim();
    let named = match title {
        "" => format!("{:04} {stem}", paper.number),
        title => format!("{:04} {title} - {stem}", paper.number),
    };
    let named: String = named.chars().take(MAX_NAME).collect();
    let clean = |stem: &str| artifact::clean_name(&format!("{stem}{ending}"));
    let mut name = clean(named.trim());
    let mut copy = 2;
    while !taken.insert(name.to_lowercase()) {
        let short: String = named.chars().take(MAX_NAME - 20).collect();
        name = clean(&format!("{} ({copy})", short.trim()));
        copy += 1;
    }
    name
}

fn bind(
    runtime: &Handle,
    store: &Store,
    scope: &Scope,
    papers: &[Paper],
    title: &str,
) -> Result<Vec<u8>> {
    let mut binder = Binder::default();
    let mut problems = Vec::new();
    for paper in papers {
        let bytes = match runtime.block_on(artifact::read(store, scope, paper.artifact.file.id)) {
            Ok(bytes) => bytes,
            Err(StoreError::NotFound(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let mark = match paper.title.trim() {
            "" => &paper.artifact.file.name,
            title => title,
        };
        if let Err(reason) = binder.add(mark, &bytes) {
            problems.push(unbindable(paper, reason));
        }
    }
    if !problems.is_empty() {
        return Err(ApiError::from_problems(
            "Not all of these PDFs can be bound. Take the ZIP instead.",
            problems,
        ));
    }
    binder
        .finish(title, Timestamp::now())
        .map_err(|reason| ApiError::internal(io::Error::other(reason)))
}

fn unbindable(paper: &Paper, reason: Unbindable) -> Problem {
    let code = match reason {
        Unbindable::Unreadable => "batch_pdf_unreadable",
        Unbindable::Locked => "batch_pdf_locked",
        Unbindable::Empty => "batch_pdf_empty",
        Unbindable::Complex => "batch_pdf_complex",
    };
    let name = &paper.artifact.file.name;
    let params = json!({"row": paper.number, "name": name});
    let message = format!("Row {}, \"{name}\": {reason}.", paper.number);
    Problem::error(code, params, message)
}

#[cfg(test)]
mod tests {
    use engine::{ids::ArtifactId, value::FileRef};

    use super::*;

    fn paper(number: i32, title: &str, name: &str) -> Paper {
        Paper {
            number,
            title: title.into(),
            artifact: artifact::Artifact {
                file: FileRef {
                    id: ArtifactId(uuid::Uuid::nil()),
                    name: name.into(),
                    content_type: "application/pdf".into(),
                    size_bytes: 1,
                },
                run: None,
                sha256: [0; 32],
                created_at: Timestamp::UNIX_EPOCH,
            },
        }
    }

    #[test]
    fn files_are_named_by_row_and_title_and_never_alike() {
        let mut taken = HashSet::new();
        let mut check = |number, title: &str, name: &str, expected: &str| {
            assert_eq!(name_of(&paper(number, title, name), &mut taken), expected);
        };
        check(
            2,
            "Müller, Ada",
            "invoice.pdf",
            "0002 Müller, Ada - invoice.pdf",
        );
        check(
            2,
            "Müller, Ada",
            "Invoice.pdf",
            "0002 Müller, Ada - Invoice (2).pdf",
        );
        check(3, " ", "invoice.pdf", "0003 invoice.pdf");
        check(4, "a/../b", "x", "0004 a-..-b - x");
        let long = name_of(&paper(5, &"x".repeat(300), "invoice.pdf"), &mut taken);
        assert!(
            long.ends_with(".pdf") && long.chars().count() <= 120,
            "{long}"
        );
    }
}
