//! Links over QUIC: dialling, accepting, and the tasks of a link.
//!
//! A link has four tasks: datagrams in, control in, video in (one more task for each open stream) and one that
//! writes control and one that writes video. They end with the connection.

mod subgroups;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::SendStream;
use tokio::sync::watch;
use wtransport::config::{DnsLookupFuture, DnsResolver};
use wtransport::endpoint::{IncomingSession, endpoint_side};
use wtransport::error::{ConnectingError, ConnectionError};
use wtransport::{Connection, Endpoint, RecvStream};

use self::subgroups::accept_subgroups;
pub use super::congestion::CallCongestion;
use super::link::{Incoming, Link, LinkError, LinkSender, Responder, Shared};
use super::outbox::MAX_AGE;
use super::tls::{self, Serving};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{CALL_PATH, Kind, Layer, ParticipantId, SubgroupHead, Track, Transport, limits};

const ALPN: &[&[u8]] = &[b"h3"];
/// A connection on which nothing arrives for this long is dead. The election notices in a third of a second; this
/// is for what nobody watches.
const IDLE: Duration = Duration::from_secs(15);
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Audio that may wait for the congestion window: more would be stale.
const DATAGRAM_BUFFER: usize = 8 * 1024;
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
    let mut config = quinn::TransportConfig::default();
    config
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
    pub async fn finish(self, responder: Arc<Responder>) -> Result<Link, LinkError> {
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
        Ok(link(connection, Some(responder)))
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

/// Starts the tasks of a link. A relay has a responder and waits for the control stream, a client opens it.
fn link(connection: Connection, responder: Option<Arc<Responder>>) -> Link {
    let accepts = responder.is_some();
    let connection = Arc::new(connection);
    let remote = connection.remote_address();
    let (shared, incoming) = Shared::new(Transport::WebTransport, remote, responder, Some(connection.clone()));
    tokio::spawn(read_datagrams(shared.clone(), connection.clone()));
    tokio::spawn(run_control(shared.clone(), connection.clone(), accepts));
    tokio::spawn(accept_subgroups(shared.clone(), connection.clone()));
    tokio::spawn(write_video(shared.clone(), connection.clone()));
    let supervised = shared.clone();
    tokio::spawn(async move {
        let error = connection.closed().await;
        supervised.close(&error.to_string());
        let reason = supervised.reason();
        let _ = supervised.events.send(Incoming::Closed { reason }).await;
    });
    Link { sender: LinkSender::new(shared), incoming }
}

async fn read_datagrams(shared: Arc<Shared>, connection: Arc<Connection>) {
    while let Ok(datagram) = connection.receive_datagram().await {
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
    // A stream that ends with its connection does not know why; the connection does, and tells it itself.
    let failed = |error: &dyn std::fmt::Display| {
        if connection.quic_connection().close_reason().is_none() {
            shared.close(&format!("control stream: {error}"));
        }
    };
    let writing = async {
        let mut send = send;
        if let Err(error) = write_control(&shared, send.quic_stream_mut()).await {
            failed(&error);
        }
    };
    let reading = async {
        if let Err(error) = read_control(&shared, receive).await {
            // A peer that closes ends its stream a packet before it says why.
            let _ = tokio::time::timeout(LAST_WORDS, connection.closed()).await;
            failed(&error);
        }
    };
    tokio::join!(writing, reading);
}

async fn write_control(shared: &Shared, stream: &mut SendStream) -> Result<(), quinn::WriteError> {
    let _ = stream.set_priority(i32::MAX);
    stream.write_all(&[Kind::Control as u8]).await?;
    while !shared.is_closed() {
        let Some(message) = shared.outbox.pop_control() else {
            tokio::select! {
                () = shared.outbox.control_ready.notified() => {}
                () = shared.closed() => {}
            }
            continue;
        };
        let length = (message.len() as u32).to_be_bytes();
        stream.write_all_chunks(&mut [Bytes::copy_from_slice(&length), message]).await?;
        shared.outbox.control_written();
    }
    Ok(())
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

/// What a stream is kept for: one of each is open at a time.
type LayerKey = (ParticipantId, Track, Layer);

async fn write_video(shared: Arc<Shared>, connection: Arc<Connection>) {
    let mut open = BTreeMap::new();
    while !shared.is_closed() {
        let (frame, late) = shared.outbox.pop_video();
        for head in &late {
            reset(&mut open, head);
        }
        shared.report_late(late);
        let Some(frame) = frame else {
            tokio::select! {
                () = shared.outbox.video_ready.notified() => {}
                () = shared.closed() => {}
            }
            continue;
        };
        let head = SubgroupHead::of(&frame.header);
        match tokio::time::timeout(MAX_AGE, write_frame(&connection, &mut open, frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "subgroup cannot be written"),
            Err(_) => {
                reset(&mut open, &head);
                shared.outbox.give_up(head);
                shared.report_late(vec![head]);
            }
        }
    }
}

async fn write_frame(
    connection: &Connection,
    open: &mut BTreeMap<LayerKey, (SubgroupHead, wtransport::SendStream)>,
    frame: VideoFrame,
) -> anyhow::Result<()> {
    let head = SubgroupHead::of(&frame.header);
    let key = (head.participant, head.track, head.layer);
    let begins = open.get(&key).is_none_or(|(current, _)| *current != head);
    if begins {
        if let Some((_, mut before)) = open.remove(&key) {
            // Not wtransport's own finish, which waits for the acknowledgement.
            let _ = before.quic_stream_mut().finish();
        }
        let stream = connection.open_uni().await?.await?;
        stream.set_priority(priority(&head));
        // Before the first byte: whoever gives up in the middle resets it.
        open.insert(key, (head, stream));
    }
    let Some((_, stream)) = open.get_mut(&key) else { return Ok(()) };
    if begins {
        stream.quic_stream_mut().write_all(&head.to_bytes()).await?;
    }
    let length = Bytes::copy_from_slice(&(frame.bytes.len() as u32).to_be_bytes());
    let written = stream.quic_stream_mut().write_all_chunks(&mut [length, frame.bytes]).await;
    if written.is_err() {
        // The peer stopped the stream: it wants no more of this subgroup.
        open.remove(&key);
    }
    Ok(written?)
}

/// Small before large, base layers before those that refer to them.
fn priority(head: &SubgroupHead) -> i32 {
    100 - 10 * i32::from(head.layer.spatial) - i32::from(head.layer.temporal)
}

fn reset(open: &mut BTreeMap<LayerKey, (SubgroupHead, wtransport::SendStream)>, head: &SubgroupHead) {
    let key = (head.participant, head.track, head.layer);
    if open.get(&key).is_some_and(|(current, _)| current == head)
        && let Some((_, mut stream)) = open.remove(&key)
    {
        // Dropped without this, the stream would end as if it were whole.
        let _ = stream.reset(GIVEN_UP.into());
    }
}
