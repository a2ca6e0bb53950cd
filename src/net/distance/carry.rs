//! What comes in at an emulated distance's port goes on to where it leads, and back: UDP by client, TCP by connection.
//!
//! Used by `distance` alone, which delays all of it. Never: how long.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Exit, LANE_DOWN, LANE_UP, Lane, Path, UDP_IDLE, tcp_socket};
use crate::clock;

/// A client's UDP as the relay sees it: an address of its own. Dropped, nothing comes back through it.
struct Binding {
    inside: Arc<UdpSocket>,
    seen: Instant,
    back: JoinHandle<()>,
}

impl Drop for Binding {
    fn drop(&mut self) {
        self.back.abort();
    }
}

pub(super) async fn udp(outside: Arc<UdpSocket>, path: Arc<Path>) {
    let mut clients: HashMap<SocketAddr, Binding> = HashMap::new();
    let mut bindings = 0;
    let _ = outside.writable().await;
    let mut buffer = vec![0; 65_536];
    loop {
        // An unreachable client shows as an error of the next read; it concerns nobody else.
        let Ok((len, client)) = outside.recv_from(&mut buffer).await else { continue };
        let now = clock::now();
        let newest = path.lock().bindings;
        if std::mem::replace(&mut bindings, newest) != newest {
            clients.clear();
        }
        clients
            .retain(|_, binding| now.saturating_duration_since(binding.seen) < UDP_IDLE || !binding.back.is_finished());
        let inside = match clients.get_mut(&client) {
            Some(binding) => {
                binding.seen = now;
                binding.inside.clone()
            }
            None => {
                let to = *path.to.borrow();
                let Ok(inside) = connect_udp(to).await else { continue };
                let back = tokio::spawn(back(inside.clone(), outside.clone(), client, path.clone()));
                clients.insert(client, Binding { inside: inside.clone(), seen: now, back });
                inside
            }
        };
        path.send(LANE_UP, Exit::Udp { socket: inside, to: None }, buffer[..len].to_vec());
    }
}

async fn connect_udp(to: SocketAddr) -> io::Result<Arc<UdpSocket>> {
    // From any address of this machine, for the relay need not be on it.
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let inside = UdpSocket::bind(any).await?;
    inside.connect(to).await?;
    // The thread only tries to send: until the socket is known to be writable, what it sends is lost.
    inside.writable().await?;
    Ok(Arc::new(inside))
}

async fn back(inside: Arc<UdpSocket>, outside: Arc<UdpSocket>, client: SocketAddr, path: Arc<Path>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(received) = tokio::time::timeout(UDP_IDLE, inside.recv(&mut buffer)).await {
        let Ok(len) = received else {
            // The relay is not there (any more): as a router would, say nothing.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        path.send(LANE_DOWN, Exit::Udp { socket: outside.clone(), to: Some(client) }, buffer[..len].to_vec());
    }
}

pub(super) async fn tcp(outside: TcpListener, path: Arc<Path>) {
    let mut lane = LANE_UP;
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = outside.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        lane += 2;
        connections.spawn(connection(client, path.clone(), lane));
    }
}

async fn connection(client: TcpStream, path: Arc<Path>, lane: Lane) {
    // The handshake of TCP passed here without distance: pay its round trip now.
    wait_while_dead(&path).await;
    let round_trip = path.lock().shapes.iter().map(|shape| shape.delay).sum();
    tokio::time::sleep(round_trip).await;
    let mut leads = path.to.subscribe();
    let to = *leads.borrow_and_update();
    let Ok(socket) = tcp_socket(to) else { return };
    let Ok(relay) = socket.connect(to).await else { return };
    let _ = (client.set_nodelay(true), relay.set_nodelay(true));
    let (client_in, client_out) = client.into_split();
    let (relay_in, relay_out) = relay.into_split();
    tokio::select! {
        () = pump(client_in, relay_out, &path, lane) => {}
        () = pump(relay_in, client_out, &path, lane + 1) => {}
        _ = leads.changed() => {}
    }
    let mut state = path.lock();
    state.lanes.remove(&lane);
    state.lanes.remove(&(lane + 1));
}

/// Reads, delays, writes; ends when either side does.
async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    path: &Path,
    lane: Lane,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Vec<u8>>();
    let reading = async {
        let mut buffer = vec![0; 16_384];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            wait_while_dead(path).await;
            path.send(lane, Exit::Tcp(sender.clone()), buffer[..len].to_vec());
            wait_while_full(path, lane).await;
        }
        // An empty piece arrives last and ends the writer.
        path.send(lane, Exit::Tcp(sender), Vec::new());
    };
    let writing = async {
        while let Some(bytes) = receiver.recv().await {
            wait_while_dead(path).await;
            if bytes.is_empty() || to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(reading, writing);
}

/// A queue that is full would lose segments, and the sender send less.
async fn wait_while_full(path: &Path, lane: Lane) {
    loop {
        let wait = path.lock().too_long(clock::now(), lane);
        if wait.is_zero() {
            return;
        }
        tokio::time::sleep(wait).await;
    }
}

async fn wait_while_dead(path: &Path) {
    while path.lock().shapes.iter().any(|shape| shape.dead) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
