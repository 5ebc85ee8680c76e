//! Answers connections until it is told to stop; then streams end and requests that have begun are finished.

use std::{io, net::SocketAddr};

use axum::{Extension, Router};
use tokio::{net::TcpListener, sync::watch};

/// Becomes true when the server stops; event streams end then, because they would never end by themselves.
#[derive(Clone)]
pub struct Stopping(pub watch::Receiver<bool>);

impl Stopping {
    /// Returns when the server stops.
    pub async fn stopped(mut self) {
        // A dropped sender means that nobody will ever say it: stop, too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Serves until `stop` becomes true.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let stopping = Stopping(stop);
    let router = router.layer(Extension(stopping.clone()));
    axum::serve(
        listener,
        router.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(stopping.stopped())
    .await
}
