//! The plain copy: what the first connection sends, on streams and in datagrams, goes to all others, byte for byte. quinn as its
//! documentation shows it, one thread, one task for each receiver, large socket buffers. It knows no rooms, queues or priorities.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use nearcall::net::tls::{Certificate, Serving};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, EndpointConfig, RecvStream, SendStream, ServerConfig, TokioRuntime};
use tokio::sync::mpsc;

use super::serve::Address;

/// Chunks that may wait for a receiver's task.
const WAITING: usize = 1024;

/// What happens on a stream that is copied.
#[derive(Clone)]
enum Copied {
    Chunk(u64, Bytes),
    End(u64),
}

/// Everybody who has sent nothing yet.
#[derive(Default)]
struct Receivers {
    all: Mutex<Vec<(Connection, mpsc::Sender<Copied>)>>,
}

impl Receivers {
    fn each(&self, mut give: impl FnMut(&Connection, &mpsc::Sender<Copied>)) {
        self.all.lock().expect("no panic under it").iter().for_each(|(connection, queue)| give(connection, queue));
    }

    /// Who sends receives nothing.
    fn remove(&self, sender: usize) {
        self.all.lock().expect("no panic under it").retain(|(other, _)| other.stable_id() != sender);
    }
}

/// Starts it on a thread of its own.
pub fn start() -> anyhow::Result<Address> {
    let certificate = Certificate::self_signed(&["127.0.0.1".into()])?;
    let pins = vec![certificate.pin()];
    let tls = Serving::new(Arc::new(certificate))?.server_config(&[b"copy"]);
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    let transport = Arc::get_mut(&mut config.transport).expect("nobody else has it");
    transport.max_concurrent_uni_streams(256u32.into());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    widen(&socket)?;
    let address = socket.local_addr()?;
    let url = format!("https://{address}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("copy".into()).spawn(move || {
        runtime.block_on(async {
            let endpoint = Endpoint::new(EndpointConfig::default(), Some(config), socket, Arc::new(TokioRuntime))?;
            serve(endpoint).await;
            std::io::Result::Ok(())
        })
    })?;
    Ok(Address { url, pins })
}

/// As much as the system allows.
pub fn widen(socket: &UdpSocket) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    socket.set_recv_buffer_size(4 << 20)?;
    socket.set_send_buffer_size(4 << 20)
}

async fn serve(endpoint: Endpoint) {
    let receivers = Arc::new(Receivers::default());
    while let Some(incoming) = endpoint.accept().await {
        let receivers = receivers.clone();
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            let (queue, waiting) = mpsc::channel(WAITING);
            receivers.all.lock().expect("no panic under it").push((connection.clone(), queue));
            tokio::spawn(write(connection.clone(), waiting));
            let streams = async {
                while let Ok(stream) = connection.accept_uni().await {
                    receivers.remove(connection.stable_id());
                    tokio::spawn(copy_stream(stream, connection.stable_id(), receivers.clone()));
                }
            };
            let datagrams = async {
                while let Ok(datagram) = connection.read_datagram().await {
                    receivers.each(|other, _| drop(other.send_datagram(datagram.clone())));
                }
            };
            tokio::join!(streams, datagrams);
        });
    }
}

async fn copy_stream(mut stream: RecvStream, from: usize, receivers: Arc<Receivers>) {
    let id = quinn::VarInt::from(stream.id()).into_inner() | (from as u64) << 32;
    let tell = |copied: Copied| receivers.each(|_, queue| drop(queue.try_send(copied.clone())));
    let mut chunks: [Bytes; 32] = Default::default();
    while let Ok(Some(count)) = stream.read_chunks(&mut chunks).await {
        for chunk in &mut chunks[..count] {
            tell(Copied::Chunk(id, std::mem::take(chunk)));
        }
    }
    tell(Copied::End(id));
}

/// A receiver's task: writes what waits, as much as there is at a time.
async fn write(connection: Connection, mut waiting: mpsc::Receiver<Copied>) -> Option<()> {
    let mut open: Vec<(u64, SendStream)> = Vec::new();
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, WAITING).await > 0 {
        let mut chunks: Vec<Bytes> = Vec::new();
        let mut of = None;
        for copied in batch.drain(..) {
            let id = match &copied {
                Copied::Chunk(id, _) | Copied::End(id) => *id,
            };
            if of.is_some_and(|of| of != id) {
                flush(&connection, &mut open, of?, &mut chunks).await?;
            }
            of = Some(id);
            match copied {
                Copied::Chunk(_, chunk) => chunks.push(chunk),
                Copied::End(id) => {
                    flush(&connection, &mut open, id, &mut chunks).await?;
                    open.retain_mut(|(of, stream)| *of != id || stream.finish().is_err());
                }
            }
        }
        flush(&connection, &mut open, of?, &mut chunks).await?;
    }
    Some(())
}

async fn flush(
    connection: &Connection,
    open: &mut Vec<(u64, SendStream)>,
    id: u64,
    chunks: &mut Vec<Bytes>,
) -> Option<()> {
    if chunks.is_empty() {
        return Some(());
    }
    if !open.iter().any(|(of, _)| *of == id) {
        open.push((id, connection.open_uni().await.ok()?));
    }
    let (_, stream) = open.iter_mut().find(|(of, _)| *of == id)?;
    stream.write_all_chunks(chunks).await.ok()?;
    chunks.clear();
    Some(())
}
