//! Links over TLS over TCP: dialling, accepting, and the two tasks of a link.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::hop::Hop;
use super::link::{Answers, Incoming, Link, LinkError, LinkSender, Shared};
use super::outbox::Next;
use super::tls;
use crate::clock;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{Kind, Transport, limits};
use crate::rate::{Bucket, Happened};

const ALPN: &[&[u8]] = &[b"http/1.1"];
/// Bytes that the kernel may hold unsent: more would put audio behind video where no queue of ours reaches.
const UNSENT: u32 = 8 * 1024;
/// A write that takes longer belongs to a peer that is gone.
const WRITE: Duration = Duration::from_secs(10);

/// Messages a second that a relay takes, of every kind, pings and pongs among them, and at once: above all that a call sends.
const MESSAGES: (u32, u32) = (4000, 8000);

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(limits::MESSAGE_BYTES))
        .max_frame_size(Some(limits::MESSAGE_BYTES))
}

/// Settings that a TCP socket needs for a call: no Nagle, and a short queue in the kernel.
///
/// # Errors
/// The socket is not a connected TCP socket.
pub fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

/// Connects to `url`, whose host resolved to `address`.
///
/// # Errors
/// No answer, a certificate that is not accepted, or no upgrade for the asking.
pub async fn dial(url: &url::Url, address: SocketAddr, pins: &[String]) -> Result<Link, LinkError> {
    let stream = TcpStream::connect(address).await?;
    tune(&stream)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|error| LinkError::Address(error.to_string()))?;
    let tls = tokio_rustls::TlsConnector::from(Arc::new(tls::client_config(pins, ALPN)));
    let stream = tls.connect(name, stream).await?;
    let (socket, answer) = tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(config()))
        .await
        .map_err(|error| LinkError::Handshake(error.to_string()))?;
    Ok(Link { hop: Hop::read(answer.headers()), ..link(socket, address, None) })
}

/// A link over a connection that HTTP has upgraded.
pub async fn accept<S>(io: S, remote: SocketAddr, answers: impl Into<Answers>) -> Link
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config())).await;
    link(socket, remote, Some(answers.into()))
}

fn link<S>(socket: WebSocketStream<S>, remote: SocketAddr, answers: Option<Answers>) -> Link
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (shared, incoming) = Shared::new(Transport::WebSocket, remote, answers, None, None);
    let (sink, stream) = socket.split();
    let writer = shared.clone();
    tokio::spawn(async move {
        if let Err(error) = write(&writer, sink).await {
            writer.close(&error.to_string());
        }
    });
    let reader = shared.clone();
    tokio::spawn(async move {
        tokio::select! {
            ended = read(&reader, stream) => reader.close(&ended.map_or_else(|error| error.to_string(), |()| "closed by the peer".into())),
            () = reader.closed() => {}
        }
        let reason = reader.reason();
        let _ = reader.events.send(Incoming::Closed { reason }).await;
    });
    Link { sender: LinkSender::new(shared), incoming, hop: None }
}

async fn read(
    shared: &Shared,
    mut stream: impl StreamExt<Item = Result<Message, Error>> + Unpin,
) -> anyhow::Result<()> {
    let mut allowance = Bucket::new(clock::now(), MESSAGES.0, MESSAGES.1);
    while let Some(message) = stream.next().await {
        anyhow::ensure!(!shared.is_at_relay() || allowance.take(clock::now()), "too many messages at a time");
        let bytes = match message? {
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return Ok(()),
            // Pings are answered below us; text has no meaning here.
            _ => continue,
        };
        let Some(kind) = bytes.first() else { anyhow::bail!("an empty message") };
        let event = match Kind::try_from(*kind) {
            Ok(Kind::Control) => {
                let (len, max) = (bytes.len() - 1, limits::CONTROL_BYTES);
                anyhow::ensure!(len <= max, "a control message of {len} bytes is over the limit of {max}");
                Incoming::Control(bytes.slice(1..))
            }
            Ok(Kind::Video) => Incoming::Video { frame: VideoFrame::from_bytes(bytes.slice(1..))?, at: clock::now() },
            Ok(_) => {
                shared.take_datagram(&bytes)?;
                continue;
            }
            // A kind of a later version.
            Err(_) => continue,
        };
        if shared.events.send(event).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn write(shared: &Shared, mut sink: impl SinkExt<Message, Error = Error> + Unpin) -> anyhow::Result<()> {
    while !shared.is_closed() {
        let (next, late) = shared.outbox.pop();
        shared.report_late(late);
        let mut video = None;
        let control = matches!(next, Some(Next::Control(_)));
        let message = match next {
            Some(Next::Control(message)) => with_kind(Kind::Control, &message),
            Some(Next::Urgent(message)) => message,
            Some(Next::Video(frame)) => {
                video = Some(frame.bytes.len());
                with_kind(Kind::Video, &frame.bytes)
            }
            None => {
                tokio::select! {
                    () = shared.outbox.ready.notified() => {}
                    () = shared.closed() => {}
                }
                continue;
            }
        };
        let bytes = message.len() as u64;
        tokio::select! {
            sent = tokio::time::timeout(WRITE, sink.send(Message::Binary(message))) => sent??,
            () = shared.closed() => {}
        }
        let now = clock::now();
        shared.taken.note(now, Happened::Sent(bytes));
        shared.taken.note(now, Happened::Delivered(bytes, None));
        if let Some(bytes) = video {
            shared.outbox.video_written(bytes);
        }
        if control {
            shared.outbox.control_written();
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(1), sink.close()).await;
    Ok(())
}

fn with_kind(kind: Kind, body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + body.len());
    message.put_u8(kind as u8);
    message.put_slice(body);
    message.freeze()
}
