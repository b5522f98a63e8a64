//! From where does a request come? Networks, and the address behind proxies that are trusted.
//!
//! Never believes a header that somebody else than a trusted proxy wrote.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

const FORWARDED: &str = "x-forwarded-for";

/// A network such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    base: u128,
    bits: u32,
}

/// An address as a number; IPv4 as it is mapped into IPv6.
pub(super) fn number(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

/// The network that an address is counted with: `/24`, of IPv6 `/64`.
pub(super) fn neighbourhood(address: IpAddr) -> u128 {
    let bits = if address.to_canonical().is_ipv4() { 96 + 24 } else { 64 };
    number(address) & mask(bits)
}

const fn mask(bits: u32) -> u128 {
    match bits {
        0 => 0,
        bits => u128::MAX << (128 - bits),
    }
}

impl Network {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        number(address) & mask(self.bits) == self.base
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| ())?)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| ())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        if bits > width {
            return Err(());
        }
        let bits = bits + 128 - width;
        Ok(Self { base: number(address) & mask(bits), bits })
    }
}

/// The caller's address: the last one in the chain of proxies that no trusted proxy has.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return client;
    }
    let values = headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for hop in chain.iter().rev() {
        let Some(address) = parse(hop) else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// An address, perhaps with a port, as proxies write it.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let with_port = text.parse::<std::net::SocketAddr>().ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    with_port.map(|address| address.ip()).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(ip(inside)), "{network:?} {inside}");
            assert!(!network.contains(ip(outside)), "{network:?} {outside}");
        }
        assert!("10.0.0.0/8".parse::<Network>().unwrap().contains(ip("::ffff:10.1.2.3")));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "proxy", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let with = |peer: &str, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED, value.parse().unwrap());
            }
            client(ip(peer), &headers, &trusted)
        };
        // Not a proxy of ours: what it says counts for nothing.
        assert_eq!(with("203.0.113.1", &["198.51.100.1"]), ip("203.0.113.1"));
        assert_eq!(with("10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
        // The caller writes a first entry of its own: the last stranger counts.
        assert_eq!(with("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(with("10.0.0.1", &["1.1.1.1", "198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(with("::1", &["[2001:db8::9]:443"]), ip("2001:db8::9"));
        assert_eq!(with("10.0.0.1", &["198.51.100.1:8080"]), ip("198.51.100.1"));
        assert_eq!(with("10.0.0.1", &["unknown"]), ip("10.0.0.1"));
        assert_eq!(with("10.0.0.1", &[]), ip("10.0.0.1"));
    }
}
