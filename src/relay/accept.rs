//! Takes in connections: WebTransport over UDP and HTTP over TLS over TCP, on one port number.
//!
//! Bounded: so many at a time in handshake, so many open; who comes beyond that is turned away before it costs memory.

use std::net::{SocketAddr, TcpListener as StdTcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::{Core, http, session};
use crate::net::websocket;
use crate::net::webtransport::{Handshake, Server};

/// Tries to find a port number that is free for UDP and TCP.
const PORTS: usize = 32;
/// Bytes that the UDP socket may hold, each way.
const SOCKET_BUFFER: usize = 4 << 20;
/// After a failed accept (no file descriptors, mostly) a moment's rest, or the loop spins.
const REST: Duration = Duration::from_millis(50);

/// Counts one open connection for as long as it lives.
#[derive(Debug)]
pub(super) struct Connection {
    core: Arc<Core>,
}

impl Connection {
    /// `None` where there are too many.
    fn open(core: &Arc<Core>) -> Option<Arc<Self>> {
        let before = core.connections.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Self { core: core.clone() });
        (before < core.limits.connections).then_some(connection)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.core.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both sockets on one port number; port 0 takes any.
///
/// # Errors
/// The address is not ours or taken.
pub(super) fn bind(listen: SocketAddr) -> std::io::Result<(StdTcpListener, UdpSocket)> {
    let mut tried = 0;
    loop {
        let tcp = StdTcpListener::bind(listen)?;
        let address = tcp.local_addr()?;
        tried += 1;
        match UdpSocket::bind(address) {
            Ok(udp) => {
                widen(&udp);
                tcp.set_nonblocking(true)?;
                return Ok((tcp, udp));
            }
            // Somebody has this number for UDP alone: another one.
            Err(_) if listen.port() == 0 && tried < PORTS => {}
            Err(error) => return Err(error),
        }
    }
}

/// One socket carries every session: the system's default holds a few ms of a large room. As much as the system allows.
fn widen(socket: &UdpSocket) {
    let socket = socket2::SockRef::from(socket);
    if let Err(error) = socket.set_recv_buffer_size(SOCKET_BUFFER).and(socket.set_send_buffer_size(SOCKET_BUFFER)) {
        tracing::debug!(%error, "the socket's buffers stay as they are");
    }
}

/// Accepts WebTransport sessions for as long as the endpoint lives.
pub(super) async fn serve_quic(core: Arc<Core>, server: Arc<Server>) {
    let half_open = Arc::new(Semaphore::new(core.limits.half_open));
    while let Some(handshake) = server.accept().await {
        match (half_open.clone().try_acquire_owned(), Connection::open(&core)) {
            (Ok(permit), Some(connection)) => {
                tokio::spawn(finish_quic(core.clone(), handshake, permit, connection));
            }
            _ => handshake.refuse(),
        }
    }
}

async fn finish_quic(core: Arc<Core>, handshake: Handshake, permit: OwnedSemaphorePermit, connection: Arc<Connection>) {
    let finished = handshake.finish(core.responder.clone()).await;
    drop(permit);
    match finished {
        Ok(link) => session::run(core, link, connection).await,
        Err(error) => tracing::debug!(%error, "no WebTransport session"),
    }
}

/// Accepts HTTP over TLS.
pub(super) async fn serve_tcp(core: Arc<Core>, listener: TcpListener, tls: TlsAcceptor) {
    let half_open = Arc::new(Semaphore::new(core.limits.half_open));
    loop {
        let Some((stream, remote)) = accept(&listener).await else { continue };
        if let (Ok(permit), Some(connection)) = (half_open.clone().try_acquire_owned(), Connection::open(&core)) {
            tokio::spawn(finish_tcp(core.clone(), stream, remote, tls.clone(), permit, connection));
        }
    }
}

async fn finish_tcp(
    core: Arc<Core>,
    stream: TcpStream,
    remote: SocketAddr,
    tls: TlsAcceptor,
    permit: OwnedSemaphorePermit,
    connection: Arc<Connection>,
) {
    let request = async {
        websocket::tune(&stream)?;
        let stream = tls.accept(stream).await?;
        http::serve(&core, stream, remote, Some(connection)).await.map_err(std::io::Error::other)
    };
    match tokio::time::timeout(core.limits.handshake, request).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "no request"),
        Err(_) => tracing::debug!("the handshake took too long"),
    }
    drop(permit);
}

/// Serves health and the manifest in the clear, for whoever runs the relay.
pub(super) async fn serve_admin(core: Arc<Core>, listener: TcpListener) {
    let half_open = Arc::new(Semaphore::new(core.limits.half_open));
    loop {
        let Some((stream, remote)) = accept(&listener).await else { continue };
        let Ok(permit) = half_open.clone().try_acquire_owned() else { continue };
        let core = core.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(core.limits.handshake, http::serve(&core, stream, remote, None)).await;
            drop(permit);
        });
    }
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "cannot accept");
            tokio::time::sleep(REST).await;
            None
        }
    }
}
