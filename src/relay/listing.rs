//! How a relay is found: what clients are told to connect to, the names that its certificate is for, and its manifest as a file. Used by
//! `relay` where it starts, and where its pins change.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{Config, RelayError};
use crate::proto::manifest::{Manifest, RelayEntry};

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

/// Whoever reads the file finds a whole one, old or new.
pub fn write_manifest(path: &Path, own: RelayEntry) -> std::io::Result<()> {
    let manifest = Manifest { relays: vec![own] };
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::other)? + "\n";
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::fs::write(&beside, json)?;
    std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
