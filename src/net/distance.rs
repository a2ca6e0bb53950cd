//! Emulated distance: a port, UDP and TCP, that leads to another port with delay, jitter, loss, a rate and outages.
//!
//! Used by the demo, the drills, the tests and the benches, so that a laptop without a network has regions. All
//! that is shaped passes one thread, which waits for exact moments: tokio's timers are a millisecond coarse.

mod carry;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock;

/// Bytes on their way in one direction beyond which packets are dropped, whatever the shape.
const MAX_IN_FLIGHT: usize = 32 << 20;
/// A client's UDP address is forgotten when it was silent for this long.
const UDP_IDLE: Duration = Duration::from_secs(60);
/// What a lost TCP segment costs beyond the round trip: the least retransmission time-out of Linux.
const TCP_RETRANSMIT: Duration = Duration::from_millis(200);

/// Bytes that a connection has received before they are on the path.
const RECEIVED: u32 = 16_384;
/// After this it is looked again how long the queue is: its rate may be another one by then.
const MOST_HELD_BACK: Duration = Duration::from_millis(50);

/// How one direction of a path behaves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shape {
    /// One way.
    pub delay: Duration,
    /// Uniform, plus or minus; the order is kept.
    pub jitter: Duration,
    /// A jitter stays for so long before another one is drawn: what waits behind a late packet comes in one burst, as out of a
    /// queue. Zero: each packet draws its own.
    pub jitter_hold: Duration,
    /// Share of packets lost, 0-1. On TCP a loss is a delay.
    pub loss: f64,
    /// Losses that come in bursts, beside the even ones.
    pub burst: Option<Burst>,
    /// Bytes a second of all that passes, as of one access link; `None` is no limit.
    pub bytes_per_second: Option<u64>,
    /// How much waits in front of the rate before packets are dropped; TCP is held back then.
    pub queue: Duration,
    /// Nothing passes.
    pub dead: bool,
    /// UDP does not pass.
    pub udp_blocked: bool,
}

impl Shape {
    /// A path of this round trip and nothing else.
    pub fn rtt(rtt: Duration) -> Self {
        Self { delay: rtt / 2, ..Self::default() }
    }
}

/// Losses in bursts: a path that is good or bad, and may change with each packet (Gilbert 1960, Elliott 1963). The mean burst
/// is `1 / ends` packets, the share of bad packets `begins / (begins + ends)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Chance that a good path turns bad, a packet.
    pub begins: f64,
    /// Chance that a bad path turns good, a packet.
    pub ends: f64,
    /// Share of packets lost while it is bad, 0-1.
    pub loss: f64,
}

/// A running emulation. Dropping it ends every connection through it.
#[derive(Debug)]
pub struct Distance {
    address: SocketAddr,
    path: Arc<Path>,
    tasks: Vec<JoinHandle<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Distance {
    /// Puts `shape` in front of `to`, at a free port of loopback. `seed` decides losses and jitter.
    ///
    /// # Errors
    /// No port, or no thread, to be had.
    pub async fn start(to: SocketAddr, shape: Shape, seed: u64) -> io::Result<Self> {
        let (tcp, udp) = bind_both().await?;
        let address = tcp.local_addr()?;
        let path = Arc::new(Path {
            to: watch::Sender::new(to),
            state: Mutex::new(State::new(shape, seed)),
            due: Condvar::new(),
        });
        let thread = std::thread::Builder::new().name("distance".into()).spawn({
            let path = path.clone();
            move || path.deliver()
        })?;
        let tasks =
            vec![tokio::spawn(carry::udp(Arc::new(udp), path.clone())), tokio::spawn(carry::tcp(tcp, path.clone()))];
        Ok(Self { address, path, tasks, thread: Some(thread) })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path's behaviour from now on, the same in both directions.
    pub fn set(&self, shape: Shape) {
        self.set_ways(shape, shape);
    }

    /// The same with a behaviour for each direction: from the client, and back to it. A TCP connection stands still where
    /// either one is dead.
    pub fn set_ways(&self, up: Shape, down: Shape) {
        self.path.lock().shapes = [up, down];
    }

    /// Leads elsewhere from now on, as an anycast address does when routes change: who is on the way is a stranger there. TCP
    /// connections end; UDP goes on to somebody who knows nothing of it.
    pub fn lead_to(&self, to: SocketAddr) {
        self.path.to.send_replace(to);
        self.rebind();
    }

    /// Gives every client's UDP another address, as a NAT does that has forgotten it: what is on its way back to the old one
    /// is lost. TCP connections keep theirs.
    pub fn rebind(&self) {
        self.path.lock().bindings += 1;
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.path.lock().stopped = true;
        self.path.due.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What waits in a TCP connection in front of the path is so little: the path has a queue of its own.
fn tcp_socket(to: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_recv_buffer_size(RECEIVED)?;
    Ok(socket)
}

/// A TCP and a UDP socket with one port number.
async fn bind_both() -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..16 {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let tcp = tcp_socket(any)?;
        tcp.bind(any)?;
        let tcp = tcp.listen(128)?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[derive(Debug)]
struct Path {
    to: watch::Sender<SocketAddr>,
    state: Mutex<State>,
    due: Condvar,
}

#[derive(Debug)]
struct State {
    /// From the client, and back to it.
    shapes: [Shape; 2],
    /// How often clients were given another address.
    bindings: u64,
    random: u64,
    heap: BinaryHeap<Reverse<Item>>,
    sequence: u64,
    lanes: HashMap<Lane, LaneState>,
    /// When the last packet leaves the rate limiter of each direction.
    idle: [Option<Instant>; 2],
    in_flight: usize,
    stopped: bool,
}

/// What keeps its order: all UDP of a direction, or one TCP connection in a direction. Even ones lead away from the client.
type Lane = u64;
const LANE_UP: Lane = 0;
const LANE_DOWN: Lane = 1;

#[derive(Debug, Default, Clone, Copy)]
struct LaneState {
    /// When the last packet arrives.
    last: Option<Instant>,
    /// The path is in a burst of losses.
    bad: bool,
    /// The jitter in force, -1 to 1, and until when.
    jitter: f64,
    jitter_until: Option<Instant>,
}

#[derive(Debug)]
enum Exit {
    Udp { socket: Arc<UdpSocket>, to: Option<SocketAddr> },
    Tcp(mpsc::UnboundedSender<Vec<u8>>),
}

#[derive(Debug)]
struct Item {
    at: Instant,
    sequence: u64,
    exit: Exit,
    bytes: Vec<u8>,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl State {
    fn new(shape: Shape, seed: u64) -> Self {
        Self {
            shapes: [shape; 2],
            bindings: 0,
            random: seed,
            heap: BinaryHeap::new(),
            sequence: 0,
            lanes: HashMap::new(),
            idle: [None; 2],
            in_flight: 0,
            stopped: false,
        }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014), 0-1.
    fn random(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn shape_of(&self, lane: Lane) -> Shape {
        self.shapes[(lane % 2) as usize]
    }

    /// Whether the next packet is lost; moves the path between good and bad.
    fn loses(&mut self, shape: &Shape, state: &mut LaneState) -> bool {
        let mut lost = shape.loss > 0.0 && self.random() < shape.loss;
        if let Some(burst) = shape.burst {
            let change = if state.bad { burst.ends } else { burst.begins };
            state.bad ^= self.random() < change;
            lost |= state.bad && self.random() < burst.loss;
        }
        lost
    }

    /// How long a sender that is not told by losses must be held back: until the queue is no longer than it may be.
    fn too_long(&self, now: Instant, lane: Lane) -> Duration {
        let shape = self.shape_of(lane);
        let queue = self.idle[(lane % 2) as usize].map_or(Duration::ZERO, |idle| idle.saturating_duration_since(now));
        queue.saturating_sub(shape.queue).min(MOST_HELD_BACK)
    }

    /// When a packet arrives, or `None` where it is lost.
    fn admit(&mut self, now: Instant, lane: Lane, len: usize, tcp: bool) -> Option<Instant> {
        let shape = self.shape_of(lane);
        if self.in_flight + len > MAX_IN_FLIGHT || (!tcp && (shape.dead || shape.udp_blocked)) {
            return None;
        }
        let mut state = self.lanes.get(&lane).copied().unwrap_or_default();
        let mut at = now;
        let lost = self.loses(&shape, &mut state);
        if lost && !tcp {
            self.lanes.insert(lane, state);
            return None;
        }
        if let Some(rate) = shape.bytes_per_second {
            let idle = &mut self.idle[(lane % 2) as usize];
            let start = idle.map_or(now, |idle| idle.max(now));
            if !tcp && start.saturating_duration_since(now) > shape.queue {
                return None;
            }
            at = start + Duration::from_secs_f64(len as f64 / rate.max(1) as f64);
            *idle = Some(at);
        }
        at += shape.delay;
        if lost {
            at += TCP_RETRANSMIT.max(shape.delay * 2);
        }
        if !shape.jitter.is_zero() {
            if state.jitter_until.is_none_or(|until| until <= now) {
                state.jitter = 2.0 * self.random() - 1.0;
                state.jitter_until = Some(now + shape.jitter_hold);
            }
            let jitter = shape.jitter.as_secs_f64() * state.jitter;
            at = if jitter < 0.0 {
                at.checked_sub(Duration::from_secs_f64(-jitter)).unwrap_or(at)
            } else {
                at + Duration::from_secs_f64(jitter)
            };
        }
        at = state.last.map_or(at, |last| last.max(at)).max(now);
        state.last = Some(at);
        self.lanes.insert(lane, state);
        Some(at)
    }
}

impl Path {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the path")
    }

    fn send(&self, lane: Lane, exit: Exit, bytes: Vec<u8>) {
        let now = clock::now();
        let mut state = self.lock();
        let Some(at) = state.admit(now, lane, bytes.len(), matches!(exit, Exit::Tcp(_))) else { return };
        state.sequence += 1;
        state.in_flight += bytes.len();
        let sequence = state.sequence;
        let first = state.heap.peek().is_none_or(|Reverse(first)| at < first.at);
        state.heap.push(Reverse(Item { at, sequence, exit, bytes }));
        drop(state);
        if first {
            self.due.notify_one();
        }
    }

    /// The thread: hands each packet on at its moment.
    fn deliver(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let now = clock::now();
            let wait = state.heap.peek().map(|Reverse(item)| item.at.saturating_duration_since(now));
            match wait {
                Some(Duration::ZERO) => {}
                Some(wait) => {
                    state = self.due.wait_timeout(state, wait).expect("nobody panics while holding the path").0;
                    continue;
                }
                None => {
                    state = self.due.wait(state).expect("nobody panics while holding the path");
                    continue;
                }
            }
            let Some(Reverse(item)) = state.heap.pop() else { continue };
            state.in_flight -= item.bytes.len();
            let dead = |shape: &Shape| shape.dead || shape.udp_blocked;
            let [up_dead, down_dead] = [dead(&state.shapes[0]), dead(&state.shapes[1])];
            drop(state);
            match item.exit {
                // A full socket buffer is a loss like any other.
                Exit::Udp { socket, to: Some(to) } if !down_dead => drop(socket.try_send_to(&item.bytes, to)),
                Exit::Udp { socket, to: None } if !up_dead => drop(socket.try_send(&item.bytes)),
                Exit::Udp { .. } => {}
                Exit::Tcp(writer) => drop(writer.send(item.bytes)),
            }
            state = self.lock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who is asked through a path, and who asks.
    async fn ends(shape: Shape) -> (UdpSocket, UdpSocket, Distance) {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let distance = Distance::start(server.local_addr().unwrap(), shape, 1).await.unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        client.connect(distance.address()).await.unwrap();
        (server, client, distance)
    }

    async fn read(socket: &UdpSocket) -> (u8, SocketAddr) {
        let mut byte = [0];
        let patience = Duration::from_secs(5);
        let (_, from) = tokio::time::timeout(patience, socket.recv_from(&mut byte)).await.unwrap().unwrap();
        (byte[0], from)
    }

    #[tokio::test]
    async fn each_way_has_a_behaviour_of_its_own() {
        let (server, client, distance) = ends(Shape::default()).await;
        let slow = Duration::from_millis(80);
        distance.set_ways(Shape::default(), Shape { delay: slow, ..Shape::default() });
        let sent = clock::now();
        client.send(&[1]).await.unwrap();
        let (_, from) = read(&server).await;
        server.send_to(&[2], from).await.unwrap();
        assert_eq!(read(&client).await.0, 2);
        assert!(clock::now() - sent >= slow);
        // Nothing comes up any more; what is sent down arrives.
        distance.set_ways(Shape { dead: true, ..Shape::default() }, Shape::default());
        client.send(&[3]).await.unwrap();
        server.send_to(&[4], from).await.unwrap();
        assert_eq!(read(&client).await.0, 4);
        assert!(server.try_recv(&mut [0]).is_err());
    }

    #[test]
    fn a_rate_is_shared_by_all_that_goes_one_way_and_tcp_is_held_back() {
        let [queue, ms] = [Duration::from_millis(300), Duration::from_millis(1)];
        let mut state = State::new(Shape { bytes_per_second: Some(100_000), queue, ..Shape::default() }, 7);
        let (now, tcp) = (clock::now(), LANE_UP + 2);
        let mut after = |lane, len| (state.admit(now, lane, len, lane == tcp).unwrap() - now).as_millis();
        assert_eq!([after(LANE_UP, 10_000), after(tcp, 10_000), after(LANE_DOWN, 10_000)], [100, 200, 100]);
        assert_eq!(after(tcp, 20_000), 400);
        assert_eq!(state.admit(now, LANE_UP, 1, false), None, "the queue is full");
        assert_eq!([state.too_long(now, tcp), state.too_long(now + 70 * ms, tcp)], [MOST_HELD_BACK, 30 * ms]);
        assert_eq!(state.too_long(now + 100 * ms, tcp), Duration::ZERO);
    }

    #[test]
    fn losses_come_in_bursts_of_the_length_that_was_asked_for() {
        let burst = Burst { begins: 0.005, ends: 0.1, loss: 1.0 };
        let mut state = State::new(Shape { burst: Some(burst), ..Shape::default() }, 7);
        let now = clock::now();
        let passed: Vec<bool> = (0..100_000).map(|_| state.admit(now, LANE_UP, 100, false).is_some()).collect();
        let lost = passed.iter().filter(|passed| !**passed).count();
        let bursts = passed.windows(2).filter(|pair| pair[0] && !pair[1]).count();
        assert!((3500..6500).contains(&lost), "{lost} of 100000 lost, 4762 to be expected");
        assert!((8..12).contains(&(lost / bursts)), "{lost} in {bursts} bursts");
    }

    #[test]
    fn a_jitter_that_holds_is_one_delay_for_all_that_is_sent_meanwhile() {
        let [jitter, hold] = [Duration::from_millis(80), Duration::from_millis(60)];
        let shape = Shape { delay: Duration::from_millis(100), jitter, jitter_hold: hold, ..Shape::default() };
        let (mut state, start) = (State::new(shape, 7), clock::now());
        let delays: Vec<f64> = (0..6000u32)
            .map(|n| {
                let now = start + Duration::from_millis(5) * n;
                (state.admit(now, LANE_UP, 100, false).unwrap() - now).as_secs_f64() * 1000.0
            })
            .collect();
        // What is late is caught up with within its lateness, so low delays are there although the order is kept.
        let share = |within: std::ops::Range<f64>| {
            delays.iter().filter(|delay| within.contains(delay)).count() as f64 / delays.len() as f64
        };
        assert!(delays.iter().all(|delay| (19.9..180.1).contains(delay)));
        assert!(share(0.0..80.0) > 0.15 && share(140.0..181.0) > 0.2, "{} {}", share(0.0..80.0), share(140.0..181.0));
    }

    #[tokio::test]
    async fn a_rebound_client_has_another_address_and_the_old_one_leads_nowhere() {
        let (server, client, distance) = ends(Shape::default()).await;
        client.send(&[1]).await.unwrap();
        let (_, old) = read(&server).await;
        distance.rebind();
        client.send(&[2]).await.unwrap();
        let (_, new) = read(&server).await;
        assert_ne!(old, new);
        // The order is kept, so the first would have come first.
        let _ = server.send_to(&[3], old).await;
        server.send_to(&[4], new).await.unwrap();
        assert_eq!(read(&client).await.0, 4);
    }
}
