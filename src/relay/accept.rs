//! Takes in connections: WebTransport over UDP and HTTP over TLS over TCP, on one port number.
//!
//! Bounded: so many at a time in handshake, so many open. Handshakes that hang keep nobody out, for the oldest makes room;
//! beyond the limit of connections a newcomer is told that the relay is full.

mod doorstep;
mod proxied;

use std::net::{SocketAddr, TcpListener as StdTcpListener, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use self::doorstep::{Doorstep, Step};
pub(super) use self::proxied::serve_plain;
use super::http::Calls;
use super::limits::{Knock, Limit, Visitor};
use super::metrics::{Door, Handshake as Ended};
use super::{Core, http, session};
use crate::clock;
use crate::net::webtransport::{Handshake, Server};
use crate::net::{Answers, websocket};

/// Tries to find a port number that is free for UDP and TCP.
const PORTS: usize = 32;
/// Bytes that the UDP socket may hold, each way.
const SOCKET_BUFFER: usize = 4 << 20;
/// After a failed accept (no file descriptors, mostly) a moment's rest, or the loop spins.
const REST: Duration = Duration::from_millis(50);

/// Counts one open connection for as long as it lives, at the relay and at its address.
#[derive(Debug)]
pub(super) struct Connection {
    core: Arc<Core>,
    /// Not there yet where a proxy stands in between.
    visitor: OnceLock<Visitor>,
}

impl Connection {
    /// `None` where there are too many.
    fn open(core: &Arc<Core>, visitor: Option<Visitor>) -> Option<Arc<Self>> {
        let before = core.connections.fetch_add(1, Ordering::Relaxed);
        let connection =
            Arc::new(Self { core: core.clone(), visitor: visitor.map(OnceLock::from).unwrap_or_default() });
        let fits = before < core.limits.connections;
        if !fits {
            core.met.count(Limit::Connections);
        }
        fits.then_some(connection)
    }

    /// Counts it at the address that it comes from, if that was not known before.
    ///
    /// # Errors
    /// What there is too much of from there.
    pub(super) fn admit(&self, remote: SocketAddr) -> Result<(), Limit> {
        if self.visitor.get().is_some() {
            return Ok(());
        }
        match knock(&self.core, remote, true) {
            Knock::In(visitor) => {
                // Set once: one request is answered on a connection.
                let _ = self.visitor.set(visitor);
                Ok(())
            }
            Knock::TooMany => Err(Limit::ConnectionsOfAddress),
            Knock::TooFast | Knock::Prove => Err(Limit::NewConnectionsOfAddress),
        }
    }

    /// What answers probes on it.
    pub(super) fn answers(&self) -> Answers {
        Answers {
            responder: self.core.responder.clone(),
            allowance: self.visitor.get().map(|visitor| visitor.probes.clone()),
        }
    }
}

/// Whether somebody from this address may come in now; counts who may not.
fn knock(core: &Core, remote: SocketAddr, proven: bool) -> Knock {
    let knock = core.addresses.knock(clock::now(), remote.ip(), proven);
    match knock {
        Knock::TooMany => core.met.count(Limit::ConnectionsOfAddress),
        Knock::TooFast => core.met.count(Limit::NewConnectionsOfAddress),
        Knock::In(_) | Knock::Prove => {}
    }
    knock
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
    let doorstep = Doorstep::new(core.limits.half_open);
    while let Some(handshake) = server.accept().await {
        if doorstep.is_crowded() && !handshake.remote_is_validated() {
            handshake.retry();
            continue;
        }
        let visitor = match knock(&core, handshake.remote(), handshake.remote_is_validated()) {
            Knock::In(visitor) => visitor,
            Knock::Prove => {
                handshake.retry();
                continue;
            }
            Knock::TooMany | Knock::TooFast => {
                handshake.refuse();
                continue;
            }
        };
        match Connection::open(&core, Some(visitor)) {
            Some(connection) => {
                tokio::spawn(finish_quic(core.clone(), handshake, doorstep.enter(), connection));
            }
            None => {
                core.metrics.handshake(Door::Udp, Ended::Full);
                handshake.refuse();
            }
        }
    }
}

async fn finish_quic(core: Arc<Core>, handshake: Handshake, step: Step, connection: Arc<Connection>) {
    let ended = |how| core.metrics.handshake(Door::Udp, how);
    match step.finish(handshake.finish(connection.answers())).await {
        Some(Ok(link)) => {
            ended(Ended::Done);
            session::run(core, link, connection).await;
        }
        Some(Err(error)) => {
            ended(Ended::Failed);
            tracing::debug!(%error, "no WebTransport session");
        }
        None => {
            ended(Ended::MadeRoom);
            tracing::debug!("a handshake made room for newer ones");
        }
    }
}

/// Accepts HTTP over TLS.
pub(super) async fn serve_tcp(core: Arc<Core>, listener: TcpListener, tls: TlsAcceptor) {
    let doorstep = Doorstep::new(core.limits.half_open);
    loop {
        let Some((stream, remote)) = accept(&listener).await else { continue };
        let calls = if core.fronts.is_proxy(remote.ip()) {
            // For whom it stands is known later, and asked then.
            Connection::open(&core, None).map_or(Calls::Full, Calls::Taken)
        } else {
            match knock(&core, remote, true) {
                Knock::In(visitor) => Connection::open(&core, Some(visitor)).map_or(Calls::Full, Calls::Taken),
                Knock::TooMany => Calls::Crowded,
                // Who comes too often is not worth a handshake.
                Knock::TooFast | Knock::Prove => continue,
            }
        };
        tokio::spawn(finish_tcp(core.clone(), stream, remote, calls, tls.clone(), doorstep.enter()));
    }
}

async fn finish_tcp(
    core: Arc<Core>,
    mut stream: TcpStream,
    remote: SocketAddr,
    calls: Calls,
    tls: TlsAcceptor,
    step: Step,
) {
    let ended = |how| core.metrics.handshake(Door::Tcp, how);
    if matches!(calls, Calls::Full) {
        ended(Ended::Full);
    }
    let request = async {
        websocket::tune(&stream)?;
        let remote = proxied::client(&core.fronts, &mut stream, remote).await?;
        let calls = introduced(&core, remote, calls)?;
        let stream = tls.accept(stream).await?;
        http::serve(&core, stream, remote, calls).await.map_err(std::io::Error::other)
    };
    match step.finish(tokio::time::timeout(core.limits.handshake, request)).await {
        Some(Ok(Ok(()))) => ended(Ended::Done),
        Some(Ok(Err(error))) => {
            ended(Ended::Failed);
            tracing::debug!(%error, "no request");
        }
        Some(Err(_)) => {
            ended(Ended::TimedOut);
            tracing::debug!("the handshake took too long");
        }
        None => {
            ended(Ended::MadeRoom);
            tracing::debug!("a handshake made room for newer ones");
        }
    }
}

/// Whom a proxy brought counts like whoever comes by himself, before TLS is spent on him.
fn introduced(core: &Core, remote: SocketAddr, calls: Calls) -> std::io::Result<Calls> {
    match &calls {
        // Where it is still a proxy, its request says for whom.
        Calls::Taken(connection) if !core.fronts.is_proxy(remote.ip()) => match connection.admit(remote) {
            Ok(()) => Ok(calls),
            Err(Limit::ConnectionsOfAddress) => Ok(Calls::Crowded),
            Err(_) => Err(std::io::Error::other("too many new connections from there")),
        },
        _ => Ok(calls),
    }
}

/// Serves health, the manifest and metrics in the clear, for whoever runs the relay.
pub(super) async fn serve_admin(core: Arc<Core>, listener: TcpListener) {
    let doorstep = Doorstep::new(core.limits.half_open);
    loop {
        let Some((stream, remote)) = accept(&listener).await else { continue };
        let (core, step) = (core.clone(), doorstep.enter());
        tokio::spawn(async move {
            let served = http::serve(&core, stream, remote, Calls::Elsewhere);
            let _ = step.finish(tokio::time::timeout(core.limits.handshake, served)).await;
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
