//! Subscribers: many connections over a few sockets, read with as little as possible, so that one core holds more of them than the
//! relay's core serves. What they cannot do without is real: TLS, QUIC, HTTP/3, WebTransport, Hello, Join, Subscribe.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use std::{cell::RefCell, collections::BTreeMap};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use nearcall::net::{self, Incoming, Link, tls};
use nearcall::proto::control::client_message::Body as Say;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{self, ClientMessage, Hello, Join, Member, ServerMessage, Subscribe, Wish};
use nearcall::proto::{Kind, MediaHeader, SubgroupHead, Track, Transport, VERSION};
use quinn::crypto::rustls::QuicClientConfig;

use super::copy::widen;
use super::measure::now_us;
use super::serve::Address;

/// Connections that share a socket.
const SHARED: usize = 25;
const PATIENCE: Duration = Duration::from_secs(60);
/// The session's number in front of a datagram of WebTransport.
const DATAGRAM_HEAD: usize = 1;

/// What all subscribers got: number and delay in µs of each packet or frame, by sender.
#[derive(Default)]
pub struct Got {
    pub audio: BTreeMap<u64, Vec<(u32, u32)>>,
    pub video: BTreeMap<u64, Vec<(u32, u32)>>,
}

pub type Log = Rc<RefCell<Got>>;

fn note(log: &Log, header: &[u8]) {
    let Ok(header) = MediaHeader::from_bytes(header) else { return };
    let delay = now_us().saturating_sub(header.capture_us) as u32;
    let mut got = log.borrow_mut();
    let got = if header.track.is_audio() { &mut got.audio } else { &mut got.video };
    got.entry(header.participant.0).or_default().push((header.frame, delay));
}

/// Sockets that connections share.
pub enum Sockets {
    WebTransport(Vec<wtransport::Endpoint<wtransport::endpoint::endpoint_side::Client>>),
    Copy(Vec<quinn::Endpoint>),
    WebSocket,
}

impl Sockets {
    pub fn open(transport: Transport, copy: bool, address: &Address, connections: usize) -> anyhow::Result<Self> {
        if transport == Transport::WebSocket {
            return Ok(Self::WebSocket);
        }
        let mut config = quinn::TransportConfig::default();
        config.max_concurrent_uni_streams(256u32.into()).datagram_receive_buffer_size(Some(64 * 1024));
        let config = Arc::new(config);
        let sockets = 0..connections.div_ceil(SHARED);
        if copy {
            let tls = QuicClientConfig::try_from(tls::client_config(&address.pins, &[b"copy"]))?;
            let mut client = quinn::ClientConfig::new(Arc::new(tls));
            client.transport_config(config);
            let open = |_| {
                let mut endpoint = quinn::Endpoint::new(
                    quinn::EndpointConfig::default(),
                    None,
                    socket()?,
                    Arc::new(quinn::TokioRuntime),
                )?;
                endpoint.set_default_client_config(client.clone());
                anyhow::Ok(endpoint)
            };
            return Ok(Self::Copy(sockets.map(open).collect::<Result<_, _>>()?));
        }
        let open = |_| {
            let mut config = quinn::TransportConfig::default();
            config.max_concurrent_uni_streams(256u32.into()).datagram_receive_buffer_size(Some(64 * 1024));
            let tls = tls::client_config(&address.pins, &[b"h3"]);
            let config = wtransport::ClientConfig::builder()
                .with_bind_socket(socket()?)
                .with_custom_tls_and_transport(tls, config)
                .build();
            anyhow::Ok(wtransport::Endpoint::client(config)?)
        };
        Ok(Self::WebTransport(sockets.map(open).collect::<Result<_, _>>()?))
    }

    /// Connects subscriber `n` and reads from then on.
    pub async fn subscribe(&self, n: usize, address: &Address, log: Log) -> anyhow::Result<Kept> {
        match self {
            Self::WebTransport(endpoints) => {
                let connection = endpoints[n / SHARED].connect(&address.url).await?;
                let (mut send, mut receive) = connection.open_bi().await?.await?;
                send.write_all(&[&[Kind::Control as u8][..], &hellos(n as u64)].concat()).await?;
                tokio::time::timeout(PATIENCE, subscribed(&mut receive)).await.context("no Subscribed")??;
                let quic = connection.quic_connection().clone();
                tokio::task::spawn_local(read_datagrams(quic.clone(), DATAGRAM_HEAD, log.clone()));
                tokio::task::spawn_local(accept_streams(Streams::WebTransport(connection, send, receive), log));
                Ok(Kept::Quinn(quic))
            }
            Self::Copy(endpoints) => {
                let to: SocketAddr = address.url.trim_start_matches("https://").parse()?;
                let connection = endpoints[n / SHARED].connect(to, "127.0.0.1")?.await?;
                tokio::task::spawn_local(read_datagrams(connection.clone(), 0, log.clone()));
                tokio::task::spawn_local(accept_streams(Streams::Copy(connection.clone()), log));
                Ok(Kept::Quinn(connection))
            }
            Self::WebSocket => {
                let mut link = join(Transport::WebSocket, address, n as u64).await?;
                let sender = link.sender.clone();
                tokio::task::spawn_local(async move {
                    while let Some(incoming) = link.incoming.recv().await {
                        match incoming {
                            Incoming::Audio { body, .. } => note(&log, &body),
                            Incoming::Video { frame, .. } => note(&log, &frame.bytes),
                            _ => {}
                        }
                    }
                });
                Ok(Kept::Link(sender))
            }
        }
    }
}

/// Keeps a connection open.
pub enum Kept {
    Quinn(#[expect(dead_code, reason = "held, not used")] quinn::Connection),
    Link(#[expect(dead_code, reason = "held, not used")] net::LinkSender),
}

/// A link of ours in the room, which wants everything.
pub async fn join(transport: Transport, address: &Address, n: u64) -> anyhow::Result<Link> {
    let mut link = net::dial(transport, &address.url, &address.pins, PATIENCE).await?;
    for message in messages(n) {
        link.sender.control(message)?;
    }
    loop {
        match link.incoming.recv().await.context("closed")? {
            Incoming::Control(body) if is_subscribed(&body)? => return Ok(link),
            Incoming::Closed { reason } => anyhow::bail!(reason),
            _ => {}
        }
    }
}

/// Hello, Join, Subscribe. A room has 256 members, so that many subscribers are several links of one.
fn messages(n: u64) -> Vec<Bytes> {
    let participant = 1 + n % 200;
    // Senders receive nothing.
    let tracks = if n >= SENDER { &[][..] } else { &Track::ALL[..] };
    let participant = if n >= SENDER { n } else { participant };
    let wish = |track: &Track| Wish { participant: 0, track: *track as u32, max_spatial: 2, max_temporal: 2 };
    let wishes = tracks.iter().map(wish).collect();
    let says = [
        Say::Hello(Hello { version: VERSION, room: "bench".into(), participant, ..Hello::default() }),
        Say::Join(Join { member: Some(Member::default()), standby: false }),
        Say::Subscribe(Subscribe { sequence: 1, wishes, resume: Vec::new() }),
    ];
    says.into_iter().map(|body| control::encode(&ClientMessage { body: Some(body) })).collect()
}

/// Participants from here on send.
pub const SENDER: u64 = 1 << 32;

fn hellos(n: u64) -> Vec<u8> {
    messages(n).iter().flat_map(|message| [&(message.len() as u32).to_be_bytes()[..], message].concat()).collect()
}

fn is_subscribed(body: &Bytes) -> anyhow::Result<bool> {
    let message: ServerMessage = control::decode(body)?;
    match message.body {
        Some(Told::Refused(refused)) => anyhow::bail!(refused.message),
        body => Ok(matches!(body, Some(Told::Subscribed(_)))),
    }
}

async fn subscribed(receive: &mut wtransport::RecvStream) -> anyhow::Result<()> {
    let mut kind = [0];
    receive.read_exact(&mut kind).await?;
    loop {
        let mut length = [0; 4];
        receive.read_exact(&mut length).await?;
        let mut message = BytesMut::zeroed(u32::from_be_bytes(length) as usize);
        receive.read_exact(&mut message).await?;
        if is_subscribed(&message.freeze())? {
            return Ok(());
        }
    }
}

fn socket() -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    widen(&socket)?;
    Ok(socket)
}

/// Reads beside wtransport, which keeps the first one for a reader that never comes and then holds still.
async fn read_datagrams(connection: quinn::Connection, head: usize, log: Log) {
    while let Ok(datagram) = connection.read_datagram().await {
        if datagram.get(head) == Some(&(Kind::Audio as u8)) {
            note(&log, &datagram[head + 1..]);
        }
    }
}

enum Streams {
    /// With its control stream.
    WebTransport(wtransport::Connection, wtransport::SendStream, wtransport::RecvStream),
    Copy(quinn::Connection),
}

async fn accept_streams(streams: Streams, log: Log) {
    match streams {
        Streams::WebTransport(connection, _control, mut told) => {
            let drain = async {
                let mut waste = [0; 4096];
                while let Ok(Some(_)) = told.read(&mut waste).await {}
            };
            let accept = async {
                while let Ok(stream) = connection.accept_uni().await {
                    tokio::task::spawn_local(read_frames(Stream::WebTransport(stream), log.clone()));
                }
            };
            tokio::join!(drain, accept);
        }
        Streams::Copy(connection) => {
            while let Ok(stream) = connection.accept_uni().await {
                tokio::task::spawn_local(read_frames(Stream::Quinn(stream), log.clone()));
            }
        }
    }
}

enum Stream {
    WebTransport(wtransport::RecvStream),
    Quinn(quinn::RecvStream),
}

impl Stream {
    fn quic(&mut self) -> &mut quinn::RecvStream {
        match self {
            Self::WebTransport(stream) => stream.quic_stream_mut(),
            Self::Quinn(stream) => stream,
        }
    }
}

/// Reads frames without keeping them: the head of each, and then as many bytes as it has.
async fn read_frames(mut stream: Stream, log: Log) {
    let mut scan = Scan { head: Vec::new(), need: SubgroupHead::LEN, left: None, log };
    while let Ok(Some(chunk)) = stream.quic().read_chunk(64 * 1024, true).await {
        scan.take(&chunk.bytes);
    }
}

struct Scan {
    head: Vec<u8>,
    /// Bytes until the head is whole.
    need: usize,
    /// Within a frame: bytes until it is whole.
    left: Option<usize>,
    log: Log,
}

impl Scan {
    fn take(&mut self, mut bytes: &[u8]) {
        const HEAD: usize = 4 + MediaHeader::LEN;
        while !bytes.is_empty() {
            if let Some(left) = &mut self.left {
                let step = bytes.len().min(*left);
                bytes = &bytes[step..];
                *left -= step;
                if *left > 0 {
                    return;
                }
                note(&self.log, &self.head[4..]);
                (self.left, self.need) = (None, HEAD);
                self.head.clear();
                continue;
            }
            let step = bytes.len().min(self.need - self.head.len());
            self.head.extend_from_slice(&bytes[..step]);
            bytes = &bytes[step..];
            if self.head.len() < self.need {
                return;
            }
            if self.need == HEAD {
                let length = u32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]) as usize;
                self.left = Some(length - MediaHeader::LEN);
            } else {
                self.head.clear();
                self.need = HEAD;
            }
        }
    }
}

/// A connection of a sender to the plain copy.
pub async fn connect_copy(sockets: &Sockets, address: &Address) -> anyhow::Result<quinn::Connection> {
    let Sockets::Copy(endpoints) = sockets else { anyhow::bail!("not a copy") };
    let to: SocketAddr = address.url.trim_start_matches("https://").parse()?;
    let endpoint = endpoints.first().context("no socket")?;
    Ok(endpoint.connect(to, "127.0.0.1")?.await?)
}
