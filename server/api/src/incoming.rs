//! How much of what visitors send is held at the same time, over all requests of the process: answers in memory, files on the disk. No
//! network has more than a quarter of either, so that one that sends without end does not keep the others out.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::client::network;

const MEMORY_BYTES: usize = 128 * 1024 * 1024;
const DISK_BYTES: usize = 4 * 1024 * 1024 * 1024;
/// Files that are in memory as a whole, while they are looked at and kept.
const FILES_AT_ONCE: usize = 4;

/// The room for bodies that arrive.
pub(crate) struct Incoming {
    pub(crate) memory: Arc<Room>,
    pub(crate) disk: Arc<Room>,
    turns: Semaphore,
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Self::of(MEMORY_BYTES, DISK_BYTES)
    }

    pub(crate) fn of(memory_bytes: usize, disk_bytes: usize) -> Self {
        Self {
            memory: Arc::new(Room::of(memory_bytes)),
            disk: Arc::new(Room::of(disk_bytes)),
            turns: Semaphore::new(FILES_AT_ONCE),
        }
    }

    /// Waits until few enough files are in memory; whoever holds the turn may read one.
    pub(crate) async fn turn(&self) -> SemaphorePermit<'_> {
        let turn = self.turns.acquire().await;
        turn.expect("nobody closes it")
    }
}

/// So many bytes, and who has them.
#[derive(Debug)]
pub(crate) struct Room {
    most: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

impl Room {
    fn of(most: usize) -> Self {
        Self {
            most,
            used: Mutex::default(),
        }
    }

    /// What one request from this address holds: nothing yet.
    pub(crate) fn hold(self: &Arc<Self>, address: IpAddr) -> Held {
        Held {
            room: self.clone(),
            network: network(address),
            bytes: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of one request; they are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    room: Arc<Room>,
    network: IpAddr,
    bytes: usize,
}

impl Held {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// `false`: there is no room for so many more.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let mut used = self.room.lock();
        let own = used.by.get(&self.network).copied().unwrap_or_default();
        if used.all + bytes > self.room.most || own + bytes > self.room.most / 4 {
            return false;
        }
        used.all += bytes;
        used.by.insert(self.network, own + bytes);
        self.bytes += bytes;
        true
    }

    /// Gives some of them back.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        let mut used = self.room.lock();
        used.all -= bytes;
        if let Entry::Occupied(mut own) = used.by.entry(self.network) {
            *own.get_mut() -= bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
        self.bytes -= bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_a_quarter_and_what_is_dropped_is_free() {
        let room = Arc::new(Room::of(100));
        let address = |last: u8| IpAddr::from([203, 0, 113, last]);
        let mut first = room.hold(address(1));
        let mut again = room.hold(address(1));
        assert!(first.grow(20));
        assert!(!again.grow(6), "the quarter is that of both");
        assert!(again.grow(5));
        let mut others: Vec<Held> = (2..5).map(|last| room.hold(address(last))).collect();
        assert!(others.iter_mut().all(|held| held.grow(25)));
        assert!(!room.hold(address(9)).grow(1), "all of it is in use");
        first.shrink(5);
        assert!(room.hold(address(9)).grow(5));
        drop((first, again, others));
        let used = room.lock();
        assert!(used.all == 0 && used.by.is_empty(), "{used:?}");
    }
}
