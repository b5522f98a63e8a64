//! May a webhook go there? Only to public addresses, unless the settings say otherwise.
//!
//! Judged where the connection is made, so that a name cannot mean something else by then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Longest address of a webhook.
const URL_BYTES: usize = 2_000;

/// Whether anybody can be reached there from anywhere: no address of a machine, a network of its
/// own, or one that only looks like that.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !(reserved
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

/// Only what is given out for the internet (`2000::/3`) and does not carry an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let carries = first == 0x2002 || (first == 0x2001 && second < 0x200);
    let documentation = (first == 0x2001 && second == 0xdb8) || first == 0x3fff;
    first & 0xe000 == 0x2000 && !carries && !documentation
}

/// What is wrong with the address of a webhook, if anything.
pub(super) fn fault(url: &str, private: bool) -> Option<&'static str> {
    let Ok(uri) = url.parse::<Uri>() else {
        return Some("url: not an address");
    };
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
        return Some("url: without a host");
    };
    let host = host.trim_matches(['[', ']']);
    let number = host.parse::<IpAddr>().ok();
    let own = host == "localhost" || number.is_some_and(|address| address.is_loopback());
    match uri.scheme_str() {
        _ if url.len() > URL_BYTES => Some("url: up to 2,000 bytes"),
        _ if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            Some("url: without a user")
        }
        Some("https") => None,
        Some("http") if own => None,
        Some("http") => Some("url: https, or http on this machine"),
        _ => Some("url: https"),
    }
    .or_else(|| {
        let refused = own || number.is_some_and(|address| !is_public(address));
        (refused && !private).then_some("url: not a public address")
    })
}

/// Looks a name up, and refuses it if any of its addresses is not public.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) private: bool,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        if self.private || found.iter().all(|address| is_public(address.ip())) {
            Ok(found)
        } else {
            Err(Error::BadUri("not a public address".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_for_everybody_are_refused() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn only_https_goes_out() {
        for url in ["https://example.org/hook", "https://8.8.8.8:8443/x"] {
            assert_eq!(fault(url, false), None, "{url}");
        }
        for url in [
            "",
            "/path",
            "example.org",
            "ftp://example.org/",
            "http://example.org/",
            "https://ana:secret@example.org/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "http://127.0.0.1/",
        ] {
            assert!(fault(url, false).is_some(), "{url}");
        }
        for url in ["http://127.0.0.1:9/", "http://localhost/", "https://10.0.0.1/"] {
            assert_eq!(fault(url, true), None, "{url}");
        }
        assert!(fault("http://10.0.0.1/", true).is_some());
    }
}
