//! Resolves names for the client and lets only permitted addresses through, so that what is checked is what is connected to: a name
//! that changes its address between a check and the connection gains nothing.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{Allow, refused};

/// How names become addresses.
pub trait Lookup: Send + Sync + 'static {
    fn lookup(&self, host: String)
    -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The operating system's resolver.
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(
        &self,
        host: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0))
                .await?
                .map(|address| address.ip())
                .collect())
        })
    }
}

/// The guard's refusal, as it travels through the client's errors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refusal(pub(crate) String);

pub(crate) struct Guard {
    pub(crate) allow: Arc<Allow>,
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) port: u16,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, lookup, port) = (self.allow.clone(), self.lookup.clone(), self.port);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = lookup.lookup(host.clone()).await?;
            let permitted = permitted(&allow, &host, port, &found, &crate::address::PORTS)?;
            Ok(Box::new(
                permitted
                    .into_iter()
                    .map(|address| SocketAddr::new(address, 0)),
            ) as Addrs)
        })
    }
}

/// The addresses that may be connected to; an error when there is none. `ports` are open without being listed.
pub(crate) fn permitted(
    allow: &Allow,
    host: &str,
    port: u16,
    found: &[IpAddr],
    ports: &[u16],
) -> Result<Vec<IpAddr>, Refusal> {
    if allow.host(host, port) {
        return Ok(found.to_vec());
    }
    let open = ports.contains(&port);
    let mut why = None;
    let permitted: Vec<IpAddr> = found
        .iter()
        .copied()
        .filter(|address| {
            if allow.address(*address, port) {
                return true;
            }
            match refused(*address) {
                Some(range) => {
                    why = Some(range);
                    false
                }
                None => open,
            }
        })
        .collect();
    if permitted.is_empty() {
        return Err(Refusal(match (why, found.is_empty()) {
            (Some(range), _) => message(host, range),
            (None, true) => format!("{host} has no address"),
            (None, false) => closed_port(port, ports),
        }));
    }
    Ok(permitted)
}

/// Why a port is refused.
pub(crate) fn closed_port(port: u16, ports: &[u16]) -> String {
    let open: Vec<String> = ports.iter().map(ToString::to_string).collect();
    format!(
        "port {port} is not open; {} are. The operator can allow it with FORMWORK_OUTBOUND_ALLOW",
        open.join(", ")
    )
}

pub(crate) fn message(host: &str, range: &str) -> String {
    format!(
        "{host} leads into {range}, which workflows may not reach. The operator can allow it with FORMWORK_OUTBOUND_ALLOW"
    )
}
