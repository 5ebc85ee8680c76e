//! Answers connections until it is told to stop; then streams end and requests that have begun are finished.

use std::{net::SocketAddr, time::Duration};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower_http::timeout::{DeadlineBody, TimeoutBody};

/// After a connection could not be taken, most likely because too many are open.
const BREATH: Duration = Duration::from_millis(100);

/// How long a connection may be silent, and a body take: whoever sends nothing, or too slowly, holds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    /// Until the head of a request is whole, and so between two requests. Proxies keep idle connections for 60 s: a server that ends
    /// them first meets requests that are already under way.
    pub head: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
    /// Until a body is whole, however its pieces come: 110 MB at 1.5 Mbit/s.
    pub whole: Duration,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            whole: Duration::from_mins(10),
        }
    }
}

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

/// Serves HTTP/1.1 until `stop` becomes true.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    silence: Silence,
    stop: watch::Receiver<bool>,
) {
    let stopping = Stopping(stop);
    let router = router.layer(Extension(stopping.clone()));
    let open = GracefulShutdown::new();
    let stopped = stopping.stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => answer(&open, stream, address, router.clone(), silence),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                }
            },
        }
    }
    drop(listener);
    open.shutdown().await;
}

fn answer(
    open: &GracefulShutdown,
    stream: TcpStream,
    address: SocketAddr,
    router: Router,
    silence: Silence,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        router.call(
            request
                .map(|body| DeadlineBody::new(silence.whole, TimeoutBody::new(silence.body, body))),
        )
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(silence.head)
        .serve_connection(TokioIo::new(stream), service);
    let connection = open.watch(connection);
    tokio::spawn(async move {
        // Broken connections are the other side's business.
        if let Err(error) = connection.await {
            tracing::trace!(%error, %address, "a connection broke");
        }
    });
}
