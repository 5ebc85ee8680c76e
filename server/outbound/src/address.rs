//! Which addresses and ports may be reached. Private networks, this machine, link-local and special ranges may not, in any of their
//! spellings, unless the operator lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Ports of requests that are open without being listed.
pub(crate) const PORTS: [u16; 4] = [80, 443, 8080, 8443];

/// What the operator allows beyond the public internet: hosts by name, or networks. An entry may end in `:port`.
#[derive(Clone, Debug, Default)]
pub struct Allow {
    hosts: Vec<(String, Option<u16>)>,
    networks: Vec<(IpNet, Option<u16>)>,
}

/// An entry of the allow-list that is neither a host nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\u{201c}{0}\u{201d} is neither a host name nor a network; write for example printer.local, 10.0.0.0/8, 127.0.0.1:9000 or [::1]:9000"
)]
pub struct BadEntry(pub String);

impl Allow {
    /// Reads a list such as `printer.local, 10.1.0.0/16, 127.0.0.1:9000, [::1]:9000`, separated by commas or spaces.
    pub fn parse(list: &str) -> Result<Self, BadEntry> {
        let mut allow = Self::default();
        for entry in list
            .split([',', ' ', '\n', '\t'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            allow.add(entry)?;
        }
        Ok(allow)
    }

    fn add(&mut self, entry: &str) -> Result<(), BadEntry> {
        let bad = || BadEntry(entry.to_owned());
        if let Some(network) = network(entry) {
            self.networks.push((network, None));
        } else if let Some((host, port)) = entry.rsplit_once(':') {
            let port = port.parse().map_err(|_| bad())?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            match network(host) {
                Some(network) => self.networks.push((network, Some(port))),
                None if is_host(host) => self.hosts.push((host.to_ascii_lowercase(), Some(port))),
                None => return Err(bad()),
            }
        } else if is_host(entry) {
            self.hosts.push((entry.to_ascii_lowercase(), None));
        } else {
            return Err(bad());
        }
        Ok(())
    }

    /// Whether a name is listed for this port, so that whatever it resolves to may be reached.
    pub(crate) fn host(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        self.hosts.iter().any(|(allowed, only)| {
            allowed.eq_ignore_ascii_case(host) && only.is_none_or(|only| only == port)
        })
    }

    /// Whether some network is listed for this port, so that a name on it may be looked up; its address still has to be in one.
    pub(crate) fn any_on(&self, port: u16) -> bool {
        self.networks
            .iter()
            .any(|(_, only)| only.is_none_or(|only| only == port))
    }

    /// Whether an address is listed for this port.
    pub(crate) fn address(&self, address: IpAddr, port: u16) -> bool {
        let plain = plain(address);
        self.networks
            .iter()
            .any(|(network, only)| network.contains(&plain) && only.is_none_or(|only| only == port))
    }
}

/// Why an address is refused; `None` for the public internet.
pub fn refused(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    const RANGES: [(&str, &str); 17] = [
        ("0.0.0.0/8", "this machine"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a provider's private network"),
        ("127.0.0.0/8", "this machine"),
        ("169.254.0.0/16", "the local link"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a special range"),
        ("192.0.2.0/24", "a range for examples"),
        ("192.88.99.0/24", "a special range"),
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "a range for measurements"),
        ("198.51.100.0/24", "a range for examples"),
        ("203.0.113.0/24", "a range for examples"),
        ("224.0.0.0/4", "a multicast range"),
        ("240.0.0.0/4", "a reserved range"),
        ("255.255.255.255/32", "the broadcast address"),
        ("168.63.129.16/32", "a cloud's own service"),
    ];
    RANGES
        .iter()
        .find(|(range, _)| {
            range
                .parse::<Ipv4Net>()
                .is_ok_and(|range| range.contains(&address))
        })
        .map(|(_, why)| *why)
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    const RANGES: [(&str, &str); 11] = [
        ("::/128", "this machine"),
        ("::1/128", "this machine"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "the local link"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "a multicast range"),
        ("100::/64", "a special range"),
        ("2001:db8::/32", "a range for examples"),
        ("2001::/32", "a tunnel"),
        ("64:ff9b:1::/48", "a private network"),
        ("5f00::/16", "a special range"),
    ];
    if let Some(inner) = embedded(address) {
        // The range of an IPv4 address counts in every IPv6 spelling of it.
        return refused_v4(inner).or(Some("a tunnel"));
    }
    RANGES
        .iter()
        .find(|(range, _)| {
            range
                .parse::<Ipv6Net>()
                .is_ok_and(|range| range.contains(&address))
        })
        .map(|(_, why)| *why)
}

/// The IPv4 address inside of `::a.b.c.d`, `::ffff:a.b.c.d`, NAT64 and 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let last = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(last()),
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(last()),
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

/// `::ffff:10.0.0.1` is `10.0.0.1` for the allow-list as well.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(inner) => inner.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn network(text: &str) -> Option<IpNet> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_open() {
        let check = |address: &str, open: bool| {
            let address: IpAddr = address.parse().expect("the test names an address");
            assert_eq!(refused(address).is_none(), open, "{address}");
        };
        for closed in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::8.8.8.8",
            "2002:7f00:1::",
            "2002:808:808::",
            "2001:0:1::1",
            "64:ff9b:1::1",
            "::ffff:0:127.0.0.1",
        ] {
            check(closed, false);
        }
        for open in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            check(open, true);
        }
    }

    #[test]
    fn the_operator_opens_hosts_networks_and_single_ports() {
        let allow =
            Allow::parse("printer.local, 10.1.0.0/16 127.0.0.1:9000,[::1]:9001,hook.test:81")
                .expect("the list is well-formed");
        let check = |address: &str, port, expected| {
            assert_eq!(
                allow.address(address.parse().expect("an address"), port),
                expected,
                "{address}:{port}"
            );
        };
        check("10.1.2.3", 80, true);
        check("10.2.2.3", 80, false);
        check("127.0.0.1", 9000, true);
        check("::ffff:127.0.0.1", 9000, true);
        check("127.0.0.1", 9001, false);
        check("::1", 9001, true);
        assert!(allow.host("Printer.local.", 12_345));
        assert!(allow.host("hook.test", 81));
        assert!(!allow.host("hook.test", 80));
        for bad in ["10.0.0.0/99", "a b/c", "host:port", "http://x"] {
            assert!(
                bad.split(' ').any(|part| Allow::parse(part).is_err()),
                "{bad}"
            );
        }
    }
}
