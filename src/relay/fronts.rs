//! Who stands in front of a relay, and what is believed of him: the networks of proxies, the header of the PROXY protocol, and
//! forwarded headers. Used by `accept` and `http`.
//!
//! Pure: reads bytes, opens nothing. Must never believe an address that was not configured.

mod forwarded;
mod network;
pub mod proxy_protocol;

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;

pub use self::forwarded::ForwardedHeader;
pub use self::network::{Network, NetworkError};

/// The proxies that a relay knows of. Without any, everybody is who he seems.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fronts {
    /// TCP connections from here begin with the header of the PROXY protocol; others must not.
    pub proxy_protocol_from: Vec<Network>,
    /// Forwarded headers of requests from here are believed.
    pub trusted_proxies: Vec<Network>,
    /// The one that they write.
    pub header: ForwardedHeader,
}

impl Fronts {
    /// Whether a connection from here may stand for somebody else.
    pub fn is_proxy(&self, peer: IpAddr) -> bool {
        [&self.proxy_protocol_from, &self.trusted_proxies].into_iter().flatten().any(|network| network.contains(peer))
    }

    /// Whether a connection from here has to say for whom it stands.
    pub fn must_introduce(&self, peer: IpAddr) -> bool {
        self.proxy_protocol_from.iter().any(|network| network.contains(peer))
    }

    /// Who asks: `peer`, or whom it stands for where it is trusted. The port is 0 where nobody said it.
    pub fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        forwarded::client(peer, headers, self.header, &self.trusted_proxies)
    }
}
