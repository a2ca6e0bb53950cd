//! How a relay is found: what clients are told to connect to, and the names that its certificate is for. Used by `relay` where it starts.

use std::net::{Ipv6Addr, SocketAddr};

use super::{Config, RelayError};

/// HOST:PORT as clients reach it.
pub fn advertised(config: &Config, address: SocketAddr) -> Result<String, RelayError> {
    let port = address.port();
    match &config.advertise {
        Some(host) if host.parse::<Ipv6Addr>().is_ok() => Ok(format!("[{host}]:{port}")),
        Some(host) if host.ends_with(']') || !host.contains(':') => Ok(format!("{host}:{port}")),
        Some(host) => Ok(host.clone()),
        None if address.ip().to_canonical().is_unspecified() => Err(RelayError::NoAddress),
        None => Ok(address.to_string()),
    }
}

/// The names that a self-signed certificate is for.
pub fn names(advertised: &str) -> Vec<String> {
    let host = advertised.rsplit_once(':').map_or(advertised, |(host, _)| host).trim_matches(['[', ']']);
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}
