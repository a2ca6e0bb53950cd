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

/// HOST or HOST:PORT as clients reach it over WebSocket: `host` itself, or a proxy's.
pub fn advertised_websocket(config: &Config, host: &str) -> String {
    match &config.advertise_websocket {
        Some(proxy) if proxy.parse::<Ipv6Addr>().is_ok() => format!("[{proxy}]"),
        Some(proxy) => proxy.clone(),
        None => host.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets_wherever_it_is_told() {
        let with = |host: &str| Config {
            advertise: Some(host.into()),
            advertise_websocket: Some(host.into()),
            ..Config::local("oslo")
        };
        let address: SocketAddr = "[::]:4433".parse().expect("it is one");
        for (host, told, over_websocket) in [
            ("2001:db8::7", "[2001:db8::7]:4433", "[2001:db8::7]"),
            ("[2001:db8::7]", "[2001:db8::7]:4433", "[2001:db8::7]"),
            ("[2001:db8::7]:443", "[2001:db8::7]:443", "[2001:db8::7]:443"),
            ("relay.example", "relay.example:4433", "relay.example"),
        ] {
            let config = with(host);
            assert_eq!(advertised(&config, address).unwrap(), told);
            assert_eq!(advertised_websocket(&config, told), over_websocket);
        }
        assert_eq!(advertised_websocket(&Config::local("oslo"), "relay.example:4433"), "relay.example:4433");
    }
}
