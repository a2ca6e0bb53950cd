//! A bottleneck in virtual time, each way, and the flows that share it: what RFC 8867 section 4 asks of a test bed.
//!
//! A pipe has a rate that changes, a drop-tail queue and, behind it, each flow's own propagation delay with jitter that keeps the
//! order (RFC 8868's NR-BPDV). Times are µs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use nearcall::election::Rng;

use super::media::Media;
use super::tcp::Tcp;

pub type Us = u64;
pub const SECOND: Us = 1_000_000;
pub const MS: Us = 1_000;

/// Bytes that arrived, by second.
#[derive(Default)]
pub struct Arrived(Vec<u64>);

impl Arrived {
    pub fn add(&mut self, now: Us, bytes: u32) {
        let second = (now / SECOND) as usize;
        self.0.resize(self.0.len().max(second + 1), 0);
        self.0[second] += u64::from(bytes);
    }

    /// Bits a second, mean of these seconds.
    pub fn rate(&self, from: usize, to: usize) -> f64 {
        let sum: u64 = (from..to).map(|second| self.0.get(second).copied().unwrap_or(0)).sum();
        sum as f64 * 8.0 / (to - from) as f64
    }
}

/// What a packet is to its flow.
#[derive(Debug, Clone)]
pub enum Cargo {
    Data(u64),
    /// Numbers that arrived.
    Acks(Vec<u64>),
    /// When it was sent; and when it arrived at the other side, on its way back.
    Probe(Us),
    Answer(Us, Us),
}

#[derive(Debug, Clone)]
pub struct Packet {
    pub flow: usize,
    pub bytes: u32,
    pub cargo: Cargo,
}

/// One way through the bottleneck.
pub struct Pipe {
    /// From when on, bits a second.
    course: Vec<(Us, f64)>,
    queue_bytes: u32,
    /// The queue holds so much time at the rate as it is, rather than so many bytes.
    pub holds: Option<Us>,
    queue: VecDeque<(Us, Packet)>,
    bytes: u32,
}

impl Pipe {
    pub fn rate(&self, at: Us) -> f64 {
        self.course.iter().rev().find(|(from, _)| *from <= at).map_or(self.course[0].1, |(_, rate)| *rate)
    }

    /// How long what waits takes, ms.
    fn queue_ms(&self, at: Us) -> f64 {
        f64::from(self.bytes) * 8000.0 / self.rate(at)
    }

    fn is_full(&self, now: Us, bytes: u32) -> bool {
        let most = self.holds.map_or(self.queue_bytes, |time| (self.rate(now) / 8e6 * time as f64) as u32);
        self.bytes + bytes > most && !self.queue.is_empty()
    }

    fn takes(&self, now: Us, bytes: u32) -> Us {
        (f64::from(bytes) * 8e6 / self.rate(now)) as Us
    }
}

pub enum Flow {
    Media(Box<Media>),
    Tcp(Box<Tcp>),
}

#[derive(Debug, Clone)]
enum Event {
    /// A pipe has sent its first packet.
    Departs(usize),
    Arrives(Packet),
    /// The flow's own, by a number of its own.
    Flow(usize, u32),
    Sample,
}

/// Where flows leave what they want of the world.
#[derive(Default)]
pub struct Out {
    pub sends: Vec<Packet>,
    pub answers: Vec<Packet>,
    pub timers: Vec<(Us, u32)>,
}

impl Out {
    pub fn send(&mut self, bytes: u32, cargo: Cargo) {
        self.sends.push(Packet { flow: 0, bytes, cargo });
    }

    pub fn answer(&mut self, bytes: u32, cargo: Cargo) {
        self.answers.push(Packet { flow: 0, bytes, cargo });
    }
}

pub struct World {
    now: Us,
    rng: Rng,
    /// There and back.
    pub pipes: [Pipe; 2],
    pub flows: Vec<Flow>,
    /// One way, of each flow, and which pipe its data takes.
    pub routes: Vec<(Us, usize)>,
    pub jitter: Us,
    /// Ms of queue on the way there, every 10 ms.
    pub queue_ms: Vec<f64>,
    heap: BinaryHeap<Reverse<(Us, u64)>>,
    events: HashMap<u64, Event>,
    sequence: u64,
    last: HashMap<(usize, usize), Us>,
}

impl World {
    /// `queue`: of each pipe, at this rate.
    pub fn new(seed: u64, courses: [Vec<(Us, f64)>; 2], reference_bps: f64, queue: Us) -> Self {
        let queue_bytes = (reference_bps / 8.0 * queue as f64 / SECOND as f64) as u32;
        let pipe = |course| Pipe { course, queue_bytes, holds: None, queue: VecDeque::new(), bytes: 0 };
        let mut world = Self {
            now: 0,
            rng: Rng::new(seed),
            pipes: courses.map(pipe),
            flows: Vec::new(),
            routes: Vec::new(),
            jitter: 30 * MS,
            queue_ms: Vec::new(),
            heap: BinaryHeap::new(),
            events: HashMap::new(),
            sequence: 0,
            last: HashMap::new(),
        };
        world.at(0, Event::Sample);
        world
    }

    /// Adds a flow that begins at `start`.
    pub fn add(&mut self, flow: Flow, delay: Us, pipe: usize, start: Us) {
        self.flows.push(flow);
        self.routes.push((delay, pipe));
        self.at(start, Event::Flow(self.flows.len() - 1, 0));
    }

    fn at(&mut self, time: Us, event: Event) {
        self.sequence += 1;
        self.heap.push(Reverse((time, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    pub fn run(&mut self, until: Us) {
        while let Some(Reverse((time, key))) = self.heap.pop() {
            if time > until {
                break;
            }
            self.now = time;
            match self.events.remove(&key).expect("each event is there once") {
                Event::Sample => {
                    self.queue_ms.push(self.pipes[0].queue_ms(time));
                    self.at(time + 10 * MS, Event::Sample);
                }
                Event::Departs(pipe) => self.departs(pipe),
                Event::Arrives(packet) => self.arrives(packet),
                Event::Flow(flow, timer) => {
                    let mut out = Out::default();
                    match &mut self.flows[flow] {
                        Flow::Media(media) => media.timer(time, timer, &mut self.rng, &mut out),
                        Flow::Tcp(tcp) => tcp.timer(time, timer, &mut self.rng, &mut out),
                    }
                    self.take(flow, out);
                }
            }
        }
    }

    fn arrives(&mut self, packet: Packet) {
        let mut out = Out::default();
        match &mut self.flows[packet.flow] {
            Flow::Media(media) => media.arrives(self.now, packet.cargo, &mut out),
            Flow::Tcp(tcp) => tcp.arrives(self.now, packet.cargo, &mut out),
        }
        self.take(packet.flow, out);
    }

    fn take(&mut self, flow: usize, out: Out) {
        let pipe = self.routes[flow].1;
        out.sends.into_iter().for_each(|packet| self.enters(pipe, Packet { flow, ..packet }));
        out.answers.into_iter().for_each(|packet| self.enters(1 - pipe, Packet { flow, ..packet }));
        out.timers.into_iter().for_each(|(time, timer)| self.at(time, Event::Flow(flow, timer)));
    }

    fn enters(&mut self, number: usize, packet: Packet) {
        let (now, pipe) = (self.now, &mut self.pipes[number]);
        if pipe.is_full(now, packet.bytes) {
            return;
        }
        pipe.bytes += packet.bytes;
        let (takes, first) = (pipe.takes(now, packet.bytes), pipe.queue.is_empty());
        pipe.queue.push_back((now, packet));
        if first {
            self.at(now + takes, Event::Departs(number));
        }
    }

    fn departs(&mut self, number: usize) {
        let (now, pipe) = (self.now, &mut self.pipes[number]);
        let Some((entered, packet)) = pipe.queue.pop_front() else { return };
        pipe.bytes -= packet.bytes;
        let next = pipe.queue.front().map(|(_, next)| pipe.takes(now, next.bytes));
        if let Some(takes) = next {
            self.at(now + takes, Event::Departs(number));
        }
        let (delay, data) = self.routes[packet.flow];
        if data == number
            && let Flow::Media(media) = &mut self.flows[packet.flow]
        {
            media.queued_ms.push((now - entered) as f64 / 1000.0);
        }
        let jitter = (self.rng.unit() * self.jitter as f64) as Us;
        let last = self.last.entry((packet.flow, number)).or_default();
        let arrives = (now + delay + jitter).max(*last);
        *last = arrives;
        self.at(arrives, Event::Arrives(packet));
    }

    pub fn media(&self, flow: usize) -> &Media {
        match &self.flows[flow] {
            Flow::Media(media) => media,
            Flow::Tcp(_) => panic!("flow {flow} is TCP"),
        }
    }
}
