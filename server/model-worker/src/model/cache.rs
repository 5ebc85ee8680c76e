//! Keeps the keys and values of recent texts, so that the part of a prompt that stays the same is read once. Nothing is shared
//! between workspaces.

use candle_core::Result;
use engine::ids::WorkspaceId;

use super::forward::{Model, Sequence};

/// Shorter common beginnings are not worth a copy.
const WORTH: usize = 32;
const ENTRIES: usize = 4;

/// Recent texts, newest last.
#[derive(Default)]
pub struct PrefixCache {
    entries: Vec<(WorkspaceId, Sequence)>,
    max_bytes: u64,
}

impl PrefixCache {
    pub fn new(max_bytes: u64) -> Self {
        Self {
            entries: Vec::new(),
            max_bytes,
        }
    }

    /// A sequence that already holds the longest known beginning of `prompt`; always less than all of it, because the last token
    /// has to be read again for what follows.
    pub fn begin(
        &self,
        model: &Model,
        workspace: WorkspaceId,
        prompt: &[u32],
        capacity: usize,
    ) -> Result<Sequence> {
        let usable = prompt.len().saturating_sub(1);
        let best = self
            .entries
            .iter()
            .filter(|(owner, _)| *owner == workspace)
            .map(|(_, sequence)| (common(sequence.tokens(), &prompt[..usable]), sequence))
            .max_by_key(|(length, _)| *length);
        match best {
            Some((length, sequence)) if length >= WORTH => model.fork(sequence, length, capacity),
            _ => model.sequence(capacity),
        }
    }

    /// Keeps what a request has read and written.
    pub fn keep(&mut self, model: &Model, workspace: WorkspaceId, sequence: Sequence) {
        // A text that goes on where an older one ended replaces it.
        self.entries.retain(|(owner, old)| {
            *owner != workspace || common(old.tokens(), sequence.tokens()) < old.len()
        });
        self.entries.push((workspace, sequence));
        let per_token = model.shape().kv_bytes_per_token();
        while self.entries.len() > ENTRIES
            || (self.entries.len() > 1
                && self
                    .entries
                    .iter()
                    .map(|(_, kept)| kept.capacity() as u64 * per_token)
                    .sum::<u64>()
                    > self.max_bytes)
        {
            self.entries.remove(0);
        }
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
