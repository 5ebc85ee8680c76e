//! The body of a form while it arrives. Every byte counts as held in memory from its arrival until it is put down; who sends more than
//! one request may hold, or than there is room for, is read on for a while without keeping anything and then refused.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{BoxError, body::Body};
use bytes::Bytes;
use futures_util::{
    StreamExt as _,
    stream::{self, Stream},
};
use store::artifact::{ArtifactStore, Spool};

use super::answers::Refusal;
use crate::{
    App,
    client::ClientAddress,
    extract::drain,
    incoming::{Held, Incoming},
};

/// Answers with the names and heads of their parts, of one request.
const MAX_HELD_BYTES: usize = 12 * 1024 * 1024;

/// Where one request puts what it brings.
pub(crate) struct Desk<'a> {
    pub(crate) incoming: &'a Incoming,
    pub(crate) artifacts: &'a ArtifactStore,
    pub(crate) address: IpAddr,
}

impl<'a> Desk<'a> {
    pub(crate) fn of(app: &'a App, address: ClientAddress) -> Self {
        Self {
            incoming: &app.incoming,
            artifacts: &app.store.artifacts,
            address: address.0,
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory(Arc::new(Mutex::new(Counted {
            held: self.incoming.memory.hold(self.address),
            refusal: None,
        })))
    }

    /// A file of which nothing has arrived.
    pub(crate) async fn spool(&self) -> Result<Spool, Refusal> {
        Spool::open(self.artifacts)
            .await
            .map_err(|error| unwritten(&error))
    }
}

/// The disk does not take what arrives.
pub(crate) fn unwritten(error: &store::StoreError) -> Refusal {
    tracing::error!(%error, "a file that arrives cannot be written");
    Refusal::Busy
}

/// What one request holds in memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Mutex<Counted>>);

#[derive(Debug)]
struct Counted {
    held: Held,
    refusal: Option<Refusal>,
}

impl Memory {
    /// `false`: the request is refused.
    fn take(&self, bytes: usize) -> bool {
        let mut counted = self.lock();
        if counted.refusal.is_none() {
            if counted.held.bytes() + bytes > MAX_HELD_BYTES {
                counted.refusal = Some(Refusal::TooLarge);
            } else if !counted.held.grow(bytes) {
                counted.refusal = Some(Refusal::Busy);
            }
        }
        counted.refusal.is_none()
    }

    /// So many bytes are on the disk, or of no use.
    pub(crate) fn put_down(&self, bytes: usize) {
        self.lock().held.shrink(bytes);
    }

    /// Nothing more of it is kept; the first reason counts.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.lock().refusal.get_or_insert(refusal);
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.lock().refusal
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pieces of a body, until it is refused. A browser that is still writing would show a broken connection instead of the page that
/// says why.
pub(crate) fn pieces(
    body: Body,
    memory: Memory,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static {
    stream::unfold(body.into_data_stream(), move |mut pieces| {
        let memory = memory.clone();
        async move {
            match pieces.next().await? {
                Ok(piece) if memory.take(piece.len()) => Some((Ok(piece), pieces)),
                Ok(_) => {
                    drain(&mut pieces).await;
                    Some((Err(BoxError::from("the request is refused")), pieces))
                }
                Err(error) => Some((Err(BoxError::from(error)), pieces)),
            }
        }
    })
}
