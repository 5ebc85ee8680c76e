//! Makes a process that only serves known to the others, so that they tell it what happens. Executors and model workers do it themselves.

use std::time::Duration;

use serde_json::json;
use store::{
    Store,
    worker::{self, Kind},
};
use tokio::task::JoinHandle;
use tracing::warn;

/// A registered process.
pub(crate) struct Presence {
    store: Store,
    id: engine::ids::WorkerId,
    beating: JoinHandle<()>,
}

impl Presence {
    /// Registers the process and says every so often that it is alive.
    pub(crate) async fn announce(
        store: &Store,
        host: &str,
        every: Duration,
    ) -> store::Result<Self> {
        let about = json!({ "version": env!("CARGO_PKG_VERSION") });
        let id = worker::register(store, Kind::Serve, host, &about).await?;
        let beating = tokio::spawn({
            let (store, host) = (store.clone(), host.to_owned());
            async move {
                loop {
                    if let Err(error) =
                        worker::heartbeat(&store, id, Kind::Serve, &host, &about).await
                    {
                        warn!(%error, "this process could not say that it is alive");
                    }
                    tokio::time::sleep(every).await;
                }
            }
        });
        Ok(Self {
            store: store.clone(),
            id,
            beating,
        })
    }

    /// An orderly goodbye.
    pub(crate) async fn end(self) {
        self.beating.abort();
        if let Err(error) = worker::remove(&self.store, self.id).await {
            warn!(%error, "this process could not say goodbye");
        }
    }
}
