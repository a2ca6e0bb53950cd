//! Links over QUIC: dialling, accepting, and the tasks of a link.
//!
//! A link has these tasks: datagrams in, control in, video in (one more task for each open stream), and one that writes what could not
//! be written at once. They end with the connection.

mod subgroups;
mod writer;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use wtransport::config::{DnsLookupFuture, DnsResolver};
use wtransport::endpoint::{IncomingSession, endpoint_side};
use wtransport::error::{ConnectingError, ConnectionError};
use wtransport::{Connection, Endpoint, RecvStream};

use self::subgroups::accept_subgroups;
pub(super) use self::writer::Writer;
pub use super::congestion::CallCongestion;
use super::link::{Answers, Incoming, Link, LinkError, LinkSender, Shared};
use super::tls::{self, Serving};
use crate::clock;
use crate::proto::{CALL_PATH, Kind, Transport, limits};
use crate::rate::Bucket;

const ALPN: &[&[u8]] = &[b"h3"];
/// A connection on which nothing arrives for this long is dead. The election notices in a third of a second; this
/// is for what nobody watches.
const IDLE: Duration = Duration::from_secs(15);
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Bytes of audio that QUIC may hold: 300 ms of one voice. More waits in our own queue, where age counts.
const DATAGRAM_BUFFER: usize = 3 * 1024;
/// A peer acknowledges at least every so many packets, and within its usual 25 ms (draft-ietf-quic-ack-frequency): a frame of video
/// costs one acknowledgement, not one for each two packets.
const ACK_EVERY: u32 = 12;
/// Packets that may overtake one before it counts as lost, as in RFC 9002 section 6.1.1: earlier acknowledgements help nobody.
const REORDERING: u32 = 3;
/// Datagrams a second that a relay takes, and at once: above what sessions may send; a call sends two hundred.
const DATAGRAMS: (u32, u32) = (4000, 8000);
/// QUIC's code for "this subgroup is given up".
const GIVEN_UP: u32 = 1;
/// Codes with which HTTP/3 ends a connection (RFC 9114 section 8.1).
const HTTP3_ERRORS: std::ops::RangeInclusive<u64> = 0x101..=0x110;
/// How often a connection is begun whose HTTP/3 is broken off, or hangs.
const ATTEMPTS: usize = 3;
/// A handshake that takes longer than the farthest needs may hang.
const HUNG: Duration = Duration::from_millis(1500);
/// How long the reason for a close may take behind the end of the control stream.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a handshake may take on the relay's side.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Makes the congestion controllers of connections.
pub type Congestion = Arc<dyn quinn::congestion::ControllerFactory + Send + Sync>;

fn transport_config(congestion: Congestion) -> quinn::TransportConfig {
    let mut acks = quinn::AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(ACK_EVERY.into()).reordering_threshold(REORDERING.into());
    let mut config = quinn::TransportConfig::default();
    config
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(Some(IDLE.try_into().expect("fifteen seconds fit")))
        .keep_alive_interval(Some(KEEP_ALIVE))
        // A lost first packet costs three of these.
        .initial_rtt(Duration::from_millis(100))
        .congestion_controller_factory(congestion)
        .datagram_send_buffer_size(DATAGRAM_BUFFER)
        .datagram_receive_buffer_size(Some(64 * 1024))
        .max_concurrent_uni_streams(limits::SUBGROUPS.into())
        .max_concurrent_bidi_streams(4u32.into())
        .stream_receive_window((limits::VIDEO_FRAME_BYTES as u32 + 65_536).into())
        .receive_window((4u32 << 20).into())
        .send_window(512 * 1024)
        // Streams are written in order of priority, not in turn.
        .send_fairness(false);
    config
}

/// The relay's endpoint.
pub struct Server {
    endpoint: Endpoint<endpoint_side::Server>,
    closed: watch::Sender<bool>,
}

/// A connection that has begun.
pub struct Handshake {
    incoming: IncomingSession,
}

impl Server {
    /// Listens on a bound UDP socket; whoever comes is shown the certificate that is served then.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub fn bind(socket: std::net::UdpSocket, certificate: &Arc<Serving>) -> Result<Self, LinkError> {
        let config = wtransport::ServerConfig::builder()
            .with_bind_socket(socket)
            .with_custom_tls_and_transport(certificate.server_config(ALPN), transport_config(Arc::new(CallCongestion)))
            .build();
        Ok(Self { endpoint: Endpoint::server(config)?, closed: watch::Sender::new(false) })
    }

    /// The next connection, to be finished in a task of its own; `None` once closed.
    pub async fn accept(&self) -> Option<Handshake> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            // First, for a closed endpoint must not be asked.
            biased;
            _ = closed.wait_for(|closed| *closed) => None,
            incoming = self.endpoint.accept() => Some(Handshake { incoming }),
        }
    }

    /// Connections that are open or in handshake.
    pub fn open_connections(&self) -> usize {
        self.endpoint.open_connections()
    }

    /// Closes every connection and stops accepting.
    pub fn close(&self, reason: &str) {
        self.closed.send_replace(true);
        self.endpoint.close(0u32.into(), reason.as_bytes());
    }

    /// Resolves once the peers of closed connections know.
    pub async fn wait_idle(&self) {
        self.endpoint.wait_idle().await;
    }
}

impl Handshake {
    /// The peer's address, not validated yet.
    pub fn remote(&self) -> SocketAddr {
        self.incoming.remote_address()
    }

    /// Whether the peer has shown that it gets what is sent to its address.
    pub fn remote_is_validated(&self) -> bool {
        self.incoming.remote_address_validated()
    }

    /// Asks the peer to come again with a token, which shows that its address is its own (RFC 9000 section 8.1.2). Costs us
    /// no state, and the peer a round trip.
    pub fn retry(self) {
        self.incoming.retry();
    }

    /// Turns the peer away without an answer that costs us state.
    pub fn refuse(self) {
        self.incoming.refuse();
    }

    /// Finishes the handshakes of QUIC, HTTP/3 and WebTransport.
    ///
    /// # Errors
    /// The peer breaks off, is too slow, or asks for another path.
    pub async fn finish(self, answers: impl Into<Answers>) -> Result<Link, LinkError> {
        let handshake = async {
            let request = self.incoming.await.map_err(failed)?;
            if request.path() != CALL_PATH {
                let path = request.path().to_owned();
                request.not_found().await;
                return Err(LinkError::Handshake(format!("asked for {path}")));
            }
            request.accept().await.map_err(failed)
        };
        let connection =
            tokio::time::timeout(HANDSHAKE, handshake).await.map_err(|_| LinkError::Timeout(HANDSHAKE))??;
        Ok(link(connection, Some(answers.into())))
    }
}

/// Connects to `url`, whose host resolved to `address`. The connection has a socket of its own.
///
/// # Errors
/// No answer, a certificate that is not accepted, or no session for the asking.
pub async fn dial(url: &str, address: SocketAddr, pins: &[String]) -> Result<Link, LinkError> {
    dial_with(url, address, pins, Arc::new(CallCongestion)).await
}

/// As [`dial`], with another congestion controller: what a bench compares with.
///
/// # Errors
/// See [`dial`].
pub async fn dial_with(
    url: &str,
    address: SocketAddr,
    pins: &[String],
    congestion: Congestion,
) -> Result<Link, LinkError> {
    let any = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let mut config = wtransport::ClientConfig::builder()
        .with_bind_address(any)
        .with_custom_tls_and_transport(tls::client_config(pins, ALPN), transport_config(congestion))
        .build();
    config.set_dns_resolver(Resolved(address));
    let endpoint = Endpoint::client(config)?;
    connect(&endpoint, url).await.map(|connection| link(connection, None)).map_err(failed)
}

/// Connects, with another attempt where HTTP/3 is broken off, and one beside the first where it hangs.
async fn connect(endpoint: &Endpoint<endpoint_side::Client>, url: &str) -> Result<Connection, ConnectingError> {
    let mut attempts = FuturesUnordered::from_iter([endpoint.connect(url)]);
    let mut left = ATTEMPTS - 1;
    let mut hung = pin!(tokio::time::sleep(HUNG));
    loop {
        tokio::select! {
            Some(ended) = attempts.next() => match ended {
                Err(error) if left > 0 && is_broken_off(&error) => tracing::debug!(%error, "once more"),
                Err(_) if !attempts.is_empty() => continue,
                ended => return ended,
            },
            () = hung.as_mut(), if left > 0 => {}
        }
        left -= 1;
        hung.as_mut().reset((crate::clock::now() + HUNG).into());
        attempts.push(endpoint.connect(url));
    }
}

/// Whether HTTP/3 failed where it cannot fail. wtransport reads a peer's settings in a way that loses their first bytes when
/// they come in two packets and something else comes between them; what follows is an error, or silence. The next attempt has
/// new packets.
fn is_broken_off(error: &ConnectingError) -> bool {
    match error {
        ConnectingError::ConnectionError(ConnectionError::ApplicationClosed(close)) => {
            HTTP3_ERRORS.contains(&close.code().into_inner())
        }
        ConnectingError::ConnectionError(ConnectionError::LocalH3Error(_)) => true,
        _ => false,
    }
}

/// Answers with the address that was chosen before.
#[derive(Debug)]
struct Resolved(SocketAddr);

impl DnsResolver for Resolved {
    fn resolve(&self, _host: &str) -> std::pin::Pin<Box<dyn DnsLookupFuture>> {
        let address = self.0;
        Box::pin(async move { Ok(Some(address)) })
    }
}

fn failed(error: impl std::fmt::Display) -> LinkError {
    LinkError::Handshake(error.to_string())
}

/// Starts the tasks of a link. A relay answers probes and waits for the control stream, a client opens it.
fn link(connection: Connection, answers: Option<Answers>) -> Link {
    let accepts = answers.is_some();
    let connection = Arc::new(connection);
    let remote = connection.remote_address();
    let writer = Some(Writer::new(&connection));
    let (shared, incoming) = Shared::new(Transport::WebTransport, remote, answers, Some(connection.clone()), writer);
    tokio::spawn(read_datagrams(shared.clone(), connection.clone()));
    tokio::spawn(run_control(shared.clone(), connection.clone(), accepts));
    tokio::spawn(accept_subgroups(shared.clone(), connection.clone()));
    tokio::spawn(writer::run(shared.clone()));
    let supervised = shared.clone();
    tokio::spawn(async move {
        let error = connection.closed().await;
        supervised.close(&error.to_string());
        let reason = supervised.reason();
        let _ = supervised.events.send(Incoming::Closed { reason }).await;
    });
    Link { sender: LinkSender::new(shared), incoming, hop: None }
}

async fn read_datagrams(shared: Arc<Shared>, connection: Arc<Connection>) {
    let mut allowance = Bucket::new(clock::now(), DATAGRAMS.0, DATAGRAMS.1);
    while let Ok(datagram) = connection.receive_datagram().await {
        // At once: QUIC queues packets without bound for a connection that does not keep up with them.
        if shared.is_at_relay() && !allowance.take(clock::now()) {
            shared.close("too many datagrams at a time");
            return;
        }
        if let Err(error) = shared.take_datagram(&datagram.payload()) {
            tracing::debug!(%error, "bad datagram");
        }
    }
}

async fn run_control(shared: Arc<Shared>, connection: Arc<Connection>, accepts: bool) {
    let streams = if accepts {
        connection.accept_bi().await.ok()
    } else {
        match connection.open_bi().await {
            Ok(opening) => opening.await.ok(),
            Err(_) => None,
        }
    };
    let Some((send, receive)) = streams else { return };
    if let Some(writer) = &shared.writer {
        writer.set_control(&shared.outbox, send);
    }
    // A stream that ends with its connection does not know why; the connection does, and tells it itself.
    let failed = |error: &dyn std::fmt::Display| {
        if connection.quic_connection().close_reason().is_none() {
            shared.close(&format!("control stream: {error}"));
        }
    };
    if let Err(error) = read_control(&shared, receive).await {
        // A peer that closes ends its stream a packet before it says why.
        let _ = tokio::time::timeout(LAST_WORDS, connection.closed()).await;
        failed(&error);
    }
}

async fn read_control(shared: &Shared, mut stream: RecvStream) -> anyhow::Result<()> {
    let mut kind = [0];
    stream.read_exact(&mut kind).await?;
    anyhow::ensure!(kind[0] == Kind::Control as u8, "it begins with {:#04x}, not as a control stream", kind[0]);
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).await?;
        let length = u32::from_be_bytes(length) as usize;
        let max = limits::CONTROL_BYTES;
        anyhow::ensure!(length <= max, "a message of {length} bytes is over the limit of {max}");
        let mut message = BytesMut::zeroed(length);
        stream.read_exact(&mut message).await?;
        if shared.events.send(Incoming::Control(message.freeze())).await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
