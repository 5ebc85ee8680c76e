//! The only way out of the house: a client for HTTP and mail that checks the address it really connects to, follows no redirects, uses
//! no proxy, and limits time, headers and body. It does not know what it carries; secrets are added by the caller.

mod address;
pub mod mail;
mod open;
mod resolver;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

pub use address::{Allow, BadEntry, refused};
pub use open::Opened;
pub use resolver::{Lookup, SystemLookup};

/// Longest wait for a connection, name and TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Most header bytes of an answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Clients are kept by port; with more ports in use they are made anew.
const MAX_CLIENTS: usize = 64;

/// A client for the whole process; cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    allow: Arc<Allow>,
    lookup: Arc<dyn Lookup>,
    user_agent: String,
    /// By port, because the resolver has to know which one will be connected to.
    clients: Mutex<HashMap<u16, reqwest::Client>>,
}

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Upper case.
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// From start to the last byte of the answer.
    pub timeout: Duration,
    /// Largest answer body.
    pub max_bytes: usize,
    /// Whether a longer answer is cut instead of refused.
    pub cut: bool,
}

/// One answer, whatever its status: 3xx is an answer like any other.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Response {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's request cannot be sent.
    #[error("{0}")]
    Invalid(String),
    /// The guard says no.
    #[error("{0}")]
    Refused(String),
    /// No connection, a broken one, or bad TLS. Trying later may work.
    #[error("{0}")]
    Unreachable(String),
    #[error("no complete answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
}

impl Error {
    /// Stable slug.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "request_invalid",
            Self::Refused(_) => "address_refused",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "answer_timed_out",
            Self::TooLarge(_) => "answer_too_large",
        }
    }

    /// Whether the same request may work later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut(_) => true,
            Self::Invalid(_) | Self::Refused(_) | Self::TooLarge(_) => false,
        }
    }
}

impl Client {
    /// A client that reaches the public internet and what `allow` lists.
    pub fn new(allow: Allow, user_agent: &str) -> Self {
        Self::with_lookup(allow, user_agent, Arc::new(SystemLookup))
    }

    /// With another way to resolve names, for tests.
    pub fn with_lookup(allow: Allow, user_agent: &str, lookup: Arc<dyn Lookup>) -> Self {
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(Arc::new(Inner {
            allow: Arc::new(allow),
            lookup,
            user_agent: user_agent.to_owned(),
            clients: Mutex::new(HashMap::new()),
        }))
    }

    /// Whether a URL could be sent to at all; names are only resolved when a request is sent.
    pub fn check(&self, url: &str) -> Result<(), Error> {
        self.target(url).map(drop)
    }

    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let (url, port) = self.target(&request.url)?;
        let client = self.client(port)?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| {
            Error::Invalid(format!(
                "\u{201c}{}\u{201d} is no HTTP method",
                request.method
            ))
        })?;
        let headers = headers(&request.headers)?;
        let timeout = request.timeout;
        let exchange = async {
            let answer = client
                .request(method, url)
                .headers(headers)
                .body(request.body)
                .send()
                .await
                .map_err(|error| tell(&error))?;
            read(answer, request.max_bytes, request.cut).await
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut(timeout)),
        }
    }

    /// Everything that can be said before a name is resolved.
    fn target(&self, url: &str) -> Result<(Url, u16), Error> {
        let url = Url::parse(url)
            .map_err(|error| Error::Invalid(format!("the address is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Invalid(format!(
                "the address begins with {}:, not with https:",
                url.scheme()
            )));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Invalid(
                "the address holds a user name or password; use a credential".into(),
            ));
        }
        let port = url.port_or_known_default().unwrap_or(443);
        let allow = &self.0.allow;
        let listed = match url.host() {
            None => return Err(Error::Invalid("the address has no host".into())),
            Some(Host::Domain(name)) => allow.host(name, port) || allow.any_on(port),
            Some(Host::Ipv4(address)) => self.literal(IpAddr::V4(address), port)?,
            Some(Host::Ipv6(address)) => self.literal(IpAddr::V6(address), port)?,
        };
        if !listed && !address::PORTS.contains(&port) {
            return Err(Error::Refused(resolver::closed_port(port, &address::PORTS)));
        }
        Ok((url, port))
    }

    /// Whether the operator listed an address; one that is neither listed nor public is refused. No resolver is asked for these.
    fn literal(&self, address: IpAddr, port: u16) -> Result<bool, Error> {
        if self.0.allow.address(address, port) {
            return Ok(true);
        }
        match refused(address) {
            Some(why) => Err(Error::Refused(resolver::message(&address.to_string(), why))),
            None => Ok(false),
        }
    }

    fn client(&self, port: u16) -> Result<reqwest::Client, Error> {
        let mut clients = self
            .0
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&port) {
            return Ok(client.clone());
        }
        let resolver = resolver::Guard {
            allow: self.0.allow.clone(),
            lookup: self.0.lookup.clone(),
            port,
        };
        let client = reqwest::Client::builder()
            .user_agent(&self.0.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .dns_resolver(Arc::new(resolver))
            .build()
            .map_err(|error| {
                Error::Unreachable(format!(
                    "no connection can be made ({error:?}); is the package ca-certificates installed?"
                ))
            })?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(port, client.clone());
        Ok(client)
    }
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::Invalid(format!("\u{201c}{name}\u{201d} is no header name")))?;
        if matches!(
            name.as_str(),
            "host" | "content-length" | "transfer-encoding" | "connection" | "upgrade"
        ) {
            return Err(Error::Invalid(format!(
                "the header {name} is set by Formwork itself"
            )));
        }
        let value = HeaderValue::from_str(value).map_err(|_| {
            Error::Invalid(format!(
                "the header {name} holds characters that headers cannot carry"
            ))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

async fn read(answer: reqwest::Response, max_bytes: usize, cut: bool) -> Result<Response, Error> {
    let status = answer.status().as_u16();
    let mut header_bytes = 0;
    let mut headers = Vec::new();
    for (name, value) in answer.headers() {
        header_bytes += name.as_str().len() + value.len() + 4;
        headers.push((
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        ));
    }
    if header_bytes > MAX_HEADER_BYTES {
        return Err(Error::TooLarge(MAX_HEADER_BYTES));
    }
    if !cut
        && answer
            .content_length()
            .is_some_and(|length| length > max_bytes as u64)
    {
        return Err(Error::TooLarge(max_bytes));
    }
    let mut body = BytesMut::new();
    let mut stream = answer.bytes_stream();
    while let Some(piece) = stream.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            // What arrived is enough when only the head is wanted.
            Err(_) if cut => break,
            Err(error) => return Err(tell(&error)),
        };
        let room = max_bytes - body.len();
        if piece.len() > room {
            if !cut {
                return Err(Error::TooLarge(max_bytes));
            }
            body.extend_from_slice(&piece[..room]);
            break;
        }
        body.extend_from_slice(&piece);
    }
    Ok(Response {
        status,
        headers,
        body: body.freeze(),
    })
}

/// The guard's own words where it refused, else the innermost cause; never the URL, which may hold a secret.
fn tell(error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(inner) = cause {
        if let Some(refusal) = inner.downcast_ref::<resolver::Refusal>() {
            return Error::Refused(refusal.0.clone());
        }
        if inner.downcast_ref::<reqwest::Error>().is_none() {
            last = inner.to_string();
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        return Error::TimedOut(CONNECT_TIMEOUT);
    }
    if error.is_builder() {
        return Error::Invalid("the request cannot be sent as it is".into());
    }
    let what = if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    Error::Unreachable(if last.is_empty() {
        what.into()
    } else {
        format!("{what}: {last}")
    })
}
