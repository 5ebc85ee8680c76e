//! The guard on the way out: what is connected to is what was checked.

use std::{
    future::Future,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    routing::{any, get},
};
use outbound::{Allow, Client, Error, Lookup, Request};

/// A server on this machine; returns its port and counts who reached it.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = reached.clone();
    let app = Router::new()
        .route(
            "/",
            any(|headers: HeaderMap| async move { format!("host {:?}", headers.get("host")) }),
        )
        .route("/large", get(|| async { "x".repeat(10_000) }))
        .route(
            "/slow",
            get(|| async { std::future::pending::<()>().await }),
        )
        .route(
            "/away",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/")], "") }),
        )
        .layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::Relaxed);
                next.run(request)
            },
        ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (port, reached)
}

fn request(url: String) -> Request {
    Request {
        method: "GET".into(),
        url,
        timeout: Duration::from_secs(10),
        max_bytes: 1_000,
        ..Request::default()
    }
}

fn client(allow: &str) -> Client {
    Client::new(
        Allow::parse(allow).expect("the list is well-formed"),
        "formwork-test",
    )
}

#[tokio::test]
async fn private_addresses_are_closed_unless_listed() {
    let (port, reached) = server().await;
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0x7f000001",
        "2130706433",
        "0.0.0.0",
        "127.1",
    ] {
        for url in [format!("http://{host}:{port}/"), format!("http://{host}/")] {
            let refused = client("").send(request(url.clone())).await;
            assert!(
                matches!(refused, Err(Error::Refused(_))),
                "{url}: {refused:?}"
            );
        }
    }
    assert_eq!(reached.load(Ordering::Relaxed), 0);
    for (allow, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "localhost"),
        ("localhost", "localhost"),
    ] {
        let answer = client(allow)
            .send(request(format!("http://{host}:{port}/")))
            .await
            .expect("the address is listed");
        assert_eq!(answer.status, 200, "{allow}");
    }
    let only = client(&format!("127.0.0.1:{port}"));
    assert!(
        only.send(request(format!("http://127.0.0.1:{port}/")))
            .await
            .is_ok()
    );
    assert!(matches!(
        only.send(request("http://127.0.0.1:1/".into())).await,
        Err(Error::Refused(_))
    ));
}

#[tokio::test]
async fn only_web_addresses_without_secrets_are_taken() {
    let open = client("127.0.0.1");
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user:pass@127.0.0.1/",
        "nonsense",
        "http://",
    ] {
        assert!(
            matches!(open.send(request(url.into())).await, Err(Error::Invalid(_))),
            "{url}"
        );
    }
    assert!(matches!(
        client("")
            .send(request("https://example.org:22/".into()))
            .await,
        Err(Error::Refused(_))
    ));
}

#[tokio::test]
async fn redirects_are_answers_and_sizes_and_times_are_limited() {
    let (port, reached) = server().await;
    let open = client("127.0.0.1");
    let url = |path: &str| format!("http://127.0.0.1:{port}{path}");
    assert_eq!(
        open.send(request(url("/away")))
            .await
            .expect("an answer")
            .status,
        302
    );
    assert_eq!(reached.load(Ordering::Relaxed), 1);
    assert!(matches!(
        open.send(request(url("/large"))).await,
        Err(Error::TooLarge(1_000))
    ));
    let cut = Request {
        cut: true,
        ..request(url("/large"))
    };
    assert_eq!(open.send(cut).await.expect("an answer").body.len(), 1_000);
    let hasty = Request {
        timeout: Duration::from_millis(50),
        ..request(url("/slow"))
    };
    assert!(matches!(open.send(hasty).await, Err(Error::TimedOut(_))));
    let rude = Request {
        headers: vec![("host".into(), "other.test".into())],
        ..request(url("/"))
    };
    assert!(matches!(open.send(rude).await, Err(Error::Invalid(_))));
}

/// First a public address, then this machine: what a rebinding attack does.
struct Rebinding(AtomicUsize);

impl Lookup for Rebinding {
    fn lookup(
        &self,
        _host: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        let address = if first { "192.0.2.1" } else { "127.0.0.1" };
        Box::pin(async move { Ok(vec![address.parse().expect("an address")]) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let (port, reached) = server().await;
    let lookup = Arc::new(Rebinding(AtomicUsize::new(0)));
    let allow = Allow::parse(&format!("192.0.2.0/24:{port}")).expect("the list is well-formed");
    let client = Client::with_lookup(allow, "formwork-test", lookup.clone());
    client
        .check(&format!("http://changing.test:{port}/"))
        .expect("nothing speaks against it before it is resolved");
    // The name is resolved for every connection; this one gets the second answer.
    lookup.0.store(1, Ordering::Relaxed);
    let refused = client
        .send(request(format!("http://changing.test:{port}/")))
        .await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    assert_eq!(reached.load(Ordering::Relaxed), 0);
}
