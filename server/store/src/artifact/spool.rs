//! A file while it arrives: on the disk, beside the files that are kept, where it has no name and goes with whoever holds it, also when
//! the process dies. What becomes of it is the caller's business.

use bytes::Bytes;
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

use super::{ArtifactStore, files};
use crate::Result;

/// What has arrived of a file.
#[derive(Debug)]
pub struct Spool {
    file: File,
    bytes: usize,
}

impl Spool {
    pub async fn open(artifacts: &ArtifactStore) -> Result<Self> {
        let folder = artifacts.folder.clone();
        let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder));
        let file = file.await.map_err(files)?.map_err(files)?;
        Ok(Self {
            file: File::from_std(file),
            bytes: 0,
        })
    }

    /// Puts a piece behind the others.
    pub async fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.file.write_all(piece).await.map_err(files)?;
        // Else an error would be told with the next piece, or never.
        self.file.flush().await.map_err(files)?;
        self.bytes += piece.len();
        Ok(())
    }

    /// All of it in memory.
    pub async fn read(&self) -> Result<Bytes> {
        let mut file = self.file.try_clone().await.map_err(files)?;
        file.rewind().await.map_err(files)?;
        let mut bytes = Vec::with_capacity(self.bytes);
        file.read_to_end(&mut bytes).await.map_err(files)?;
        Ok(bytes.into())
    }
}
