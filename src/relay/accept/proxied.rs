//! Connections that come through a proxy: the header that says for whom (PROXY protocol), and the port without TLS for proxies
//! that end it. Used by `accept`. Never: whom to believe, which is `fronts`' to say.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};

use super::doorstep::{Doorstep, Step};
use super::{Connection, accept};
use crate::net::websocket;
use crate::relay::Core;
use crate::relay::fronts::Fronts;
use crate::relay::fronts::proxy_protocol::{self, Progress};
use crate::relay::http::{self, Calls};

/// Whose connection it is: the peer's, or that of whom the peer stands for. Reads the header where one has to come, and not a
/// byte beyond it. The caller sets the time limit.
///
/// # Errors
/// The header is missing or wrong, or the connection ended before its end.
pub(super) async fn client<S: AsyncRead + Unpin>(
    fronts: &Fronts,
    stream: &mut S,
    peer: SocketAddr,
) -> std::io::Result<SocketAddr> {
    if !fronts.must_introduce(peer.ip()) {
        return Ok(peer);
    }
    let mut head = Vec::new();
    loop {
        let more = match proxy_protocol::read(&head).map_err(|error| Error::new(ErrorKind::InvalidData, error))? {
            Progress::Whole(header) => return Ok(header.source.unwrap_or(peer)),
            Progress::More(more) => more as u64,
        };
        // What there is, not all that is missing: a stranger's first bytes give him away.
        if (&mut *stream).take(more).read_buf(&mut head).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Accepts HTTP without TLS: WebSocket and `/regions.json`, for a proxy on this machine or in a private network.
pub(in crate::relay) async fn serve_plain(core: Arc<Core>, listener: TcpListener) {
    let doorstep = Doorstep::new(core.limits.half_open);
    loop {
        let Some((stream, remote)) = accept(&listener).await else { continue };
        tokio::spawn(finish_plain(core.clone(), stream, remote, doorstep.enter()));
    }
}

async fn finish_plain(core: Arc<Core>, stream: TcpStream, remote: SocketAddr, step: Step) {
    let calls = Connection::open(&core, None).map_or(Calls::Full, Calls::Taken);
    let request = async {
        websocket::tune(&stream)?;
        http::serve(&core, stream, remote, calls).await.map_err(Error::other)
    };
    match step.finish(tokio::time::timeout(core.limits.handshake, request)).await {
        Some(Ok(Ok(()))) => {}
        Some(Ok(Err(error))) => tracing::debug!(%error, %remote, "no request"),
        Some(Err(_)) => tracing::debug!(%remote, "the handshake took too long"),
        None => tracing::debug!(%remote, "a handshake made room for newer ones"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_that_stands_for_others_says_for_whom_and_the_rest_is_the_clients() {
        let proxied = Fronts { proxy_protocol_from: vec!["10.0.0.0/8".parse().unwrap()], ..Fronts::default() };
        let (proxy, stranger): (SocketAddr, _) = ("10.0.0.1:7".parse().unwrap(), "203.0.113.9:7".parse().unwrap());
        let introduced = b"PROXY TCP4 192.0.2.7 10.0.0.2 4711 443\r\nhello";
        let mut stream = &introduced[..];
        assert_eq!(client(&proxied, &mut stream, proxy).await.unwrap(), "192.0.2.7:4711".parse().unwrap());
        assert_eq!(stream, b"hello");
        // A stranger's header is his first bytes, like any others.
        let mut stream = &introduced[..];
        assert_eq!(client(&proxied, &mut stream, stranger).await.unwrap(), stranger);
        assert_eq!(stream, introduced);
        for wrong in [&b"\x16\x03\x01\x02\x00"[..], b"PROXY TCP4 192.0.2.7", b""] {
            assert!(client(&proxied, &mut &*wrong, proxy).await.is_err(), "{wrong:?}");
        }
    }
}
