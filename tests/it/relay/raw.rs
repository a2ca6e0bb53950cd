//! Connections without manners: each layer's bytes as a stranger would send them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use nearcall::election::Rng;
use nearcall::net::tls;
use nearcall::proto::Kind;
use nearcall::proto::control::{self, ClientMessage, Join, Member, Subscribe};
use nearcall::proto::manifest::RelayEntry;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wtransport::endpoint::endpoint_side::Client as ClientSide;
use wtransport::{Connection, Endpoint};

use super::client::{PATIENCE, Say, everything, hello};

pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Garbage that is the same in every run.
pub fn garbage(rng: &mut Rng, len: usize) -> Vec<u8> {
    std::iter::repeat_with(|| rng.bits().to_be_bytes()).flatten().take(len).collect()
}

pub fn connector(pins: &[String]) -> TlsConnector {
    TlsConnector::from(Arc::new(tls::client_config(pins, &[b"http/1.1"])))
}

pub fn address(entry: &RelayEntry) -> SocketAddr {
    let url = url::Url::parse(entry.websocket.as_deref().unwrap()).unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}

/// A finished TLS handshake.
pub async fn tls(entry: &RelayEntry, connector: &TlsConnector) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address(entry)).await?;
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// The same through a proxy that comes for somebody else.
pub async fn introduced(
    entry: &RelayEntry,
    connector: &TlsConnector,
    from: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut stream = TcpStream::connect(address(entry)).await?;
    stream.write_all(format!("PROXY TCP4 {from} 192.0.2.1 4711 443\r\n").as_bytes()).await?;
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// A finished upgrade.
pub async fn websocket(entry: &RelayEntry, connector: &TlsConnector) -> Socket {
    let stream = tls(entry, connector).await.unwrap();
    tokio_tungstenite::client_async(entry.websocket.as_deref().unwrap(), stream).await.unwrap().0
}

/// Sends bytes over TLS and reads until the relay ends it.
pub async fn answer(entry: &RelayEntry, request: &[u8]) -> String {
    let mut stream = tls(entry, &connector(&entry.pins)).await.unwrap();
    // The relay may end it before it has read everything.
    let _ = stream.write_all(request).await;
    read_to_end(stream).await
}

/// Whatever comes until the other side ends it, in whatever way.
pub async fn read_to_end(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the relay holds on to it");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status and body of a GET.
pub async fn get(entry: &RelayEntry, path: &str) -> (u16, String) {
    let answer = answer(entry, format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n").as_bytes()).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), body.unwrap_or_default())
}

/// One QUIC endpoint for any number of connections to a relay.
pub fn endpoint(entry: &RelayEntry) -> Endpoint<ClientSide> {
    let mut transport = quinn::TransportConfig::default();
    // What a test does not read is not to fill this process.
    transport.keep_alive_interval(Some(Duration::from_secs(4))).receive_window((256u32 << 10).into());
    let config = wtransport::ClientConfig::builder()
        .with_bind_address((Ipv4Addr::LOCALHOST, 0).into())
        .with_custom_tls_and_transport(tls::client_config(&entry.pins, &[b"h3"]), transport)
        .build();
    Endpoint::client(config).unwrap()
}

/// A session over an endpoint that may have others. As `net` does: HTTP/3 fails now and then for no reason of ours.
pub async fn connect(endpoint: &Endpoint<ClientSide>, entry: &RelayEntry) -> Connection {
    let url = entry.webtransport.as_deref().unwrap();
    match endpoint.connect(url).await {
        Ok(connection) => connection,
        Err(_) => endpoint.connect(url).await.unwrap(),
    }
}

/// A WebTransport session on which nothing was said.
pub async fn webtransport(entry: &RelayEntry) -> Connection {
    connect(&endpoint(entry), entry).await
}

/// A control message as the stream carries it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes(), message].concat()
}

/// A control message as WebSocket carries it.
pub fn tagged(kind: Kind, body: &[u8]) -> Vec<u8> {
    [&[kind as u8], body].concat()
}

/// First packets of so many QUIC connections whose clients will not answer.
pub async fn initials(entry: &RelayEntry, count: usize) -> Vec<Vec<u8>> {
    let trap = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls::client_config(&entry.pins, &[b"h3"])).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let (mut waiting, mut packets) = (Vec::new(), std::collections::BTreeMap::new());
    let mut packet = vec![0; 2048];
    while packets.len() < count {
        waiting.push(client.connect_with(config.clone(), trap.local_addr().unwrap(), "localhost").unwrap());
        let before = packets.len();
        // A repetition has the connection id of the first.
        while packets.len() == before {
            let len = trap.recv(&mut packet).await.unwrap();
            let id = packet[6..6 + usize::from(packet[5])].to_vec();
            packets.entry(id).or_insert_with(|| packet[..len].to_vec());
        }
    }
    packets.into_values().collect()
}

/// Hello, Join and Subscribe of a participant, one after the other.
fn introduction(room: &str, id: u64) -> Vec<Bytes> {
    let subscribe = Subscribe { sequence: 1, wishes: everything(), resume: Vec::new() };
    let join = Join { member: Some(Member::default()), standby: false };
    let all = [Say::Hello(hello(room, id)), Say::Join(join), Say::Subscribe(subscribe)];
    all.map(|body| control::encode(&ClientMessage { body: Some(body) })).into()
}

/// A member that wants everything and never reads, with little room in its kernel.
pub async fn deaf_websocket(entry: &RelayEntry, room: &str, id: u64) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(address(entry)).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream = connector(&entry.pins).connect(name, stream).await.unwrap();
    let url = entry.websocket.as_deref().unwrap();
    let mut socket = tokio_tungstenite::client_async(url, stream).await.unwrap().0;
    for message in introduction(room, id) {
        socket.send(Message::binary(tagged(Kind::Control, &message))).await.unwrap();
    }
    socket
}

/// The same over QUIC: it takes in no stream.
pub async fn deaf_webtransport(
    entry: &RelayEntry,
    room: &str,
    id: u64,
) -> (Connection, wtransport::SendStream, wtransport::RecvStream) {
    let connection = webtransport(entry).await;
    let (mut send, receive) = connection.open_bi().await.unwrap().await.unwrap();
    send.write_all(&[Kind::Control as u8]).await.unwrap();
    for message in introduction(room, id) {
        send.write_all(&framed(&message)).await.unwrap();
    }
    (connection, send, receive)
}
