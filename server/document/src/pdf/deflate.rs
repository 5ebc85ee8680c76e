//! Compression of streams (ISO 32000-1, 7.4.4). What it works in takes longer to make than a small stream to compress, so it is kept
//! from stream to stream.

use flate2::{Compress, Compression, FlushCompress, Status};
use lopdf::Stream;

use super::Result;

/// A few hundredths larger than the smallest, in a fraction of its time.
const LEVEL: u32 = 3;
/// What there has to be room for at the least.
const ROOM: usize = 512;

pub(super) struct Deflate(Compress);

impl Deflate {
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::new(LEVEL), true))
    }

    /// Compresses a stream where that makes it smaller.
    pub(super) fn stream(&mut self, stream: &mut Stream) -> Result<()> {
        // Metadata stay legible for programs that know nothing of PDF.
        if stream.dict.has(b"Filter") || stream.dict.has_type(b"Metadata") {
            return Ok(());
        }
        let packed = self.pack(&stream.content)?;
        if packed.len() < stream.content.len() {
            stream.dict.set("Filter", "FlateDecode");
            stream.content = packed;
        }
        Ok(())
    }

    pub(super) fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut packed = Vec::with_capacity(bytes.len() / 2 + ROOM);
        self.add(bytes, &mut packed)?;
        self.end(&mut packed)?;
        Ok(packed)
    }

    /// A part of what is compressed together.
    pub(super) fn add(&mut self, mut bytes: &[u8], packed: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            packed.reserve(ROOM);
            let before = self.0.total_in();
            let status = self.0.compress_vec(bytes, packed, FlushCompress::None);
            status.map_err(|error| error.to_string())?;
            let taken = usize::try_from(self.0.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// After the last part.
    pub(super) fn end(&mut self, packed: &mut Vec<u8>) -> Result<()> {
        loop {
            packed.reserve(ROOM);
            let status = self.0.compress_vec(&[], packed, FlushCompress::Finish);
            if status.map_err(|error| error.to_string())? == Status::StreamEnd {
                self.0.reset();
                return Ok(());
            }
        }
    }
}
