//! Dials a candidate's address, by whatever transport: resolves it, tries each address, gives up in time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use url::Url;

use super::link::{Link, LinkError};
use super::{websocket, webtransport};
use crate::proto::Transport;

/// Addresses of one host are tried this far apart (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one host that are tried.
const ADDRESSES: usize = 4;

/// Connects to `url` (`https://` for WebTransport, `wss://` for WebSocket) and returns a link on which probes are answered.
///
/// # Errors
/// [`LinkError::Address`] for an address that cannot be used, [`LinkError::Timeout`] after `patience`, or the last
/// address's own error.
pub async fn dial(transport: Transport, url: &str, pins: &[String], patience: Duration) -> Result<Link, LinkError> {
    let parsed = Url::parse(url).map_err(|error| LinkError::Address(format!("{url}: {error}")))?;
    let dialling = async {
        let mut dials = JoinSet::new();
        for (n, address) in resolve(&parsed).await?.into_iter().enumerate() {
            let (url, pins) = (parsed.clone(), pins.to_vec());
            dials.spawn(async move {
                tokio::time::sleep(STAGGER * n as u32).await;
                match transport {
                    Transport::WebTransport => webtransport::dial(url.as_str(), address, &pins).await,
                    Transport::WebSocket => websocket::dial(&url, address, &pins).await,
                }
            });
        }
        let mut last = LinkError::Address(format!("{url}: the host has no address"));
        while let Some(dialled) = dials.join_next().await {
            match dialled {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => last = error,
                Err(error) => last = LinkError::Handshake(error.to_string()),
            }
        }
        Err(last)
    };
    tokio::time::timeout(patience, dialling).await.unwrap_or(Err(LinkError::Timeout(patience)))
}

/// Addresses of a host, families in turn (RFC 8305 section 4).
async fn resolve(url: &Url) -> Result<Vec<SocketAddr>, LinkError> {
    let host = url.host_str().ok_or_else(|| LinkError::Address(format!("{url}: no host")))?;
    let port = url.port_or_known_default().unwrap_or(443);
    let host = host.trim_matches(['[', ']']);
    let found =
        tokio::net::lookup_host((host, port)).await.map_err(|error| LinkError::Address(format!("{host}: {error}")))?;
    let (six, four): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
    let mut addresses = Vec::new();
    for n in 0..six.len().max(four.len()) {
        addresses.extend(six.get(n).into_iter().chain(four.get(n)));
    }
    addresses.truncate(ADDRESSES);
    Ok(addresses)
}
