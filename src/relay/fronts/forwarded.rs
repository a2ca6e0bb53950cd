//! Whom a proxy at layer 7 says that it stands for: `X-Forwarded-For`, or `Forwarded` (RFC 7239). Pure.
//!
//! One of the two is read, never both: a proxy writes the one that it knows and passes the other on as a stranger sent it. Of
//! the addresses in it the rightmost counts that is no proxy of ours: what is left of it a stranger may have written.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use hyper::header::{FORWARDED, HeaderName};
use serde::Deserialize;

use super::Network;

/// The header that the proxies in front write.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// What Caddy, HAProxy, nginx and most others write.
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// See [`super::Fronts::client`].
pub(super) fn client(
    peer: SocketAddr,
    headers: &HeaderMap,
    header: ForwardedHeader,
    trusted: &[Network],
) -> SocketAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer;
    for value in values(headers, header).rev() {
        if !is_trusted(client.ip()) {
            break;
        }
        let node = match header {
            ForwardedHeader::XForwardedFor => node(value),
            ForwardedHeader::Forwarded => element(value),
        };
        // Hidden or unreadable: whoever wrote it is as far as can be seen.
        let Some(node) = node else { break };
        client = node;
    }
    client
}

/// The items of the list, over all its lines. Text that is not ASCII is an item that says nothing.
fn values(headers: &HeaderMap, header: ForwardedHeader) -> impl DoubleEndedIterator<Item = &str> {
    let name = match header {
        ForwardedHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        ForwardedHeader::Forwarded => FORWARDED,
    };
    let lines: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    lines.into_iter().flat_map(|line| line.split(',')).map(str::trim)
}

/// The `for` of an element of `Forwarded`: `for="[2001:db8::7]:4711";proto=https`.
fn element(text: &str) -> Option<SocketAddr> {
    let mut pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    node(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// An address, with a port or without; IPv6 in brackets or bare.
fn node(text: &str) -> Option<SocketAddr> {
    let bare = || text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).parse::<IpAddr>();
    let found: SocketAddr = text.parse().or_else(|_| bare().map(|address| (address, 0).into())).ok()?;
    Some((found.ip().to_canonical(), found.port()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ForwardedHeader::{Forwarded, XForwardedFor};

    fn found(peer: &str, header: ForwardedHeader, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap());
        client(peer.parse().unwrap(), &headers, header, &trusted).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_of_ours_counts() {
        let x = "x-forwarded-for";
        for (why, peer, lines, expected) in [
            ("no header", "10.0.0.1:7", vec![], "10.0.0.1:7"),
            ("one hop", "10.0.0.1:7", vec![(x, "203.0.113.9")], "203.0.113.9:0"),
            ("a stranger's word about himself", "203.0.113.9:7", vec![(x, "192.0.2.1")], "203.0.113.9:7"),
            ("what a stranger wrote before it", "10.0.0.1:7", vec![(x, "192.0.2.1, 203.0.113.9")], "203.0.113.9:0"),
            ("two proxies of ours", "10.0.0.1:7", vec![(x, "192.0.2.1, 203.0.113.9, 10.9.9.9")], "203.0.113.9:0"),
            ("several lines", "[::1]:7", vec![(x, "192.0.2.1"), (x, "203.0.113.9,10.9.9.9")], "203.0.113.9:0"),
            ("nobody but proxies", "10.0.0.1:7", vec![(x, "10.0.0.3, 10.0.0.2")], "10.0.0.3:0"),
            ("nonsense", "10.0.0.1:7", vec![(x, "192.0.2.1, unknown")], "10.0.0.1:7"),
            ("nonsense behind a proxy", "10.0.0.1:7", vec![(x, "192.0.2.1, , 10.0.0.2")], "10.0.0.2:0"),
            ("IPv6, with a port", "10.0.0.1:7", vec![(x, "[2001:db8::7]:4711")], "[2001:db8::7]:4711"),
            ("IPv6, bare", "10.0.0.1:7", vec![(x, "2001:db8::7")], "[2001:db8::7]:0"),
            ("IPv4 over IPv6", "10.0.0.1:7", vec![(x, "::ffff:203.0.113.9")], "203.0.113.9:0"),
            ("the other header", "10.0.0.1:7", vec![("forwarded", "for=192.0.2.1")], "10.0.0.1:7"),
        ] {
            assert_eq!(found(peer, XForwardedFor, &lines), expected, "{why}");
        }
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_the_one() {
        for (value, expected) in [
            ("for=203.0.113.9", "203.0.113.9:0"),
            ("For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1", "203.0.113.9:4711"),
            ("for=192.0.2.1, proto=https; for=\"[2001:db8::7]:4711\"", "[2001:db8::7]:4711"),
            ("for=192.0.2.1, for=10.0.0.2", "192.0.2.1:0"),
            ("for=192.0.2.1, for=_hidden", "10.0.0.1:7"),
            ("for=192.0.2.1;host=\"a, for=203.0.113.9", "203.0.113.9:0"),
            ("proto=https", "10.0.0.1:7"),
        ] {
            let lines = [("x-forwarded-for", "192.0.2.66"), ("forwarded", value)];
            assert_eq!(found("10.0.0.1:7", Forwarded, &lines), expected, "{value}");
        }
    }
}
