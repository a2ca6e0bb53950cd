//! The world: an exact virtual clock, and everything that happens on it.
//!
//! The clock jumps from one event to the next: a delivery, a deadline of an election, a frame, a step of the scene. Two
//! runs of one scene from one base are equal to the last output. Never: a thread, a socket, a clock of the machine.

mod network;
mod relaying;
mod steps;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Time;
use super::client::{Act, Client, TICK};
use super::path::Path;
use super::queue::Queue;
use super::relay::Relay;
use super::rng::Rng;
use super::scene::{Bus, ClientSpec, Reach, Route, Scene, Step};
use super::wire::{Frame, Kind, Packet, Way, Wire};
use crate::election::{Candidate, Input, LinkId};
use crate::proto::Transport;

/// From one audio packet to the next, and from one video frame to the next.
const AUDIO: Duration = Duration::from_millis(20);
const VIDEO: Duration = Duration::from_nanos(33_333_333);
/// A sleep that is shorter is not noticed.
const SLEPT: Duration = Duration::from_secs(1);
/// Frames of which is known when they were sent, and whether the weather took a copy.
const REMEMBERED: u32 = 2048;

/// A frame that somebody should have received and did not, though no copy of it was lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unexplained {
    pub sent: Time,
    /// Clients, by their places in the scene.
    pub from: usize,
    pub receiver: usize,
    pub kind: Kind,
    pub number: u32,
}

#[derive(Debug)]
pub(super) enum Event {
    Start(usize),
    Wake(usize),
    Tick(usize),
    Frame(usize, Kind),
    Thaw(usize),
    Slept(usize),
    Arrive { wire: usize, way: Way, packet: Packet, lane: Option<(usize, u64, u32)> },
    Again { wire: usize, way: Way, packet: Packet, lane: (usize, u64, u32) },
    DialTimeout { wire: usize },
    NoSuchRelay { client: usize, link: LinkId },
    Idle { wire: usize },
    Bus { to: usize, room: u32, frame: Frame },
    End { relay: usize, instance: u64 },
    Step(Box<Step>),
}

/// A client and what is around it.
#[derive(Debug)]
pub(super) struct Node {
    spec: ClientSpec,
    seed: u64,
    client: Option<Client>,
    /// By relay, transport and way.
    paths: Vec<[[Path; 2]; 2]>,
    links: BTreeMap<LinkId, usize>,
    outage: bool,
    asleep: bool,
    /// When it wakes, or woke.
    wakes: Time,
    /// The manifest changed while it slept.
    outdated: bool,
    /// The earliest wake-up that is planned.
    wake: Option<Time>,
    ticking: bool,
    /// Which kinds are being sent.
    running: [bool; 2],
    /// When the last frames of each kind were sent; the number of the first one.
    sent: [(u32, std::collections::VecDeque<Time>); 2],
}

/// See the module.
#[derive(Debug)]
pub struct World {
    base: Instant,
    now: Time,
    trace: bool,
    bus: Bus,
    queue: Queue<Event>,
    rng: Rng,
    relays: Vec<Relay>,
    nodes: Vec<Node>,
    wires: Vec<Wire>,
    /// Frames of which the weather took a copy, by sender, kind and number; `None`: before it went to anybody.
    lost: BTreeMap<(usize, Kind, u32), Vec<Option<usize>>>,
    unexplained: Vec<Unexplained>,
    events: u64,
}

impl World {
    /// Builds it; nothing has happened yet. `base` is the moment at which it starts on the elections' clock: any will do.
    pub fn new(base: Instant, scene: &Scene) -> Self {
        let mut rng = Rng::new(scene.seed ^ 0x5eed_0fa1);
        let mut queue = Queue::new();
        let node = |(index, spec): (usize, &ClientSpec)| {
            queue.push(spec.starts, Event::Start(index));
            if let Some(at) = spec.joins {
                queue.push(at.max(spec.starts), Event::Step(Box::new(Step::Join { client: index })));
            }
            Node {
                spec: spec.clone(),
                seed: rng.bits(),
                client: None,
                paths: spec.reach.iter().map(paths).collect(),
                links: BTreeMap::new(),
                outage: false,
                asleep: false,
                wakes: Time::ZERO,
                outdated: false,
                wake: None,
                ticking: false,
                running: [false; 2],
                sent: Default::default(),
            }
        };
        let nodes = scene.clients.iter().enumerate().map(node).collect();
        for (at, step) in &scene.steps {
            queue.push(*at, Event::Step(Box::new(step.clone())));
        }
        Self {
            base,
            now: Time::ZERO,
            trace: scene.trace,
            bus: scene.bus.clone(),
            queue,
            rng,
            relays: scene.relays.iter().cloned().map(Relay::new).collect(),
            nodes,
            wires: Vec::new(),
            lost: BTreeMap::new(),
            unexplained: Vec::new(),
            events: 0,
        }
    }

    /// Since the start.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A client, by its place in the scene.
    ///
    /// # Panics
    /// There is no such client, or it has not started yet (its `starts` is ahead of [`World::now`]; run first).
    pub fn client(&self, index: usize) -> &Client {
        self.nodes[index].client.as_ref().expect("it has started")
    }

    /// The clients that have started, with their places.
    pub fn clients(&self) -> impl Iterator<Item = (usize, &Client)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| Some((index, node.client.as_ref()?)))
    }

    /// Frames that were lost although no copy of them was.
    pub fn unexplained(&self) -> &[Unexplained] {
        &self.unexplained
    }

    /// What elections did that they must never do: when, which client, what.
    pub fn breaches(&self) -> Vec<(Time, usize, String)> {
        let of = |(index, client): (usize, &Client)| {
            client.breaches().iter().map(move |(at, what)| (*at, index, what.clone())).collect::<Vec<_>>()
        };
        self.clients().flat_map(of).collect()
    }

    /// Events so far, and those that are planned: what a run costs, and that it does not grow.
    pub fn events(&self) -> (u64, usize) {
        (self.events, self.queue.len())
    }

    /// Lets everything happen up to `end` and including it.
    pub fn run_to(&mut self, end: Time) -> &mut Self {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = self.now.max(at);
            self.events += 1;
            self.happen(event);
        }
        self.now = self.now.max(end);
        self
    }

    /// Lets everything happen until `done` says so, asked after each event, or until `end`. True if it was done.
    pub fn run_until(&mut self, end: Time, mut done: impl FnMut(&World) -> bool) -> bool {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.now = self.now.max(at);
            self.events += 1;
            self.happen(event);
            if done(self) {
                return true;
            }
        }
        self.now = self.now.max(end);
        false
    }

    /// Tells a client's election something, now, as if its call had: for what no relay and no weather would do.
    pub fn tell(&mut self, client: usize, input: Input) {
        self.with(client, |client, now| client.feed(now, input));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(index) => self.start(index),
            Event::Wake(index) => self.wake(index),
            Event::Tick(index) => self.tick(index),
            Event::Frame(index, kind) => self.frame(index, kind),
            Event::Thaw(index) => self.thaw(index),
            Event::Slept(index) => self.with(index, |client, now| client.feed(now, Input::Suspended)),
            Event::Arrive { wire, way, packet, lane } => self.arrive(wire, way, packet, lane),
            Event::Again { wire, way, packet, lane } => self.attempt(wire, way, packet, Some(lane)),
            Event::DialTimeout { wire } => self.dial_timeout(wire),
            Event::NoSuchRelay { client, link } => {
                self.with(client, |client, now| client.ended(now, link, "no such host"));
            }
            Event::Idle { wire } => self.idle(wire),
            Event::Bus { to, room, frame } => self.take_from_bus(to, room, frame),
            Event::End { relay, instance } => self.end(relay, instance),
            Event::Step(step) => self.apply(*step),
        }
    }

    /// Does something with a client, if it has started and is awake, and then what it wants.
    fn with(&mut self, index: usize, act: impl FnOnce(&mut Client, Time)) {
        let node = &mut self.nodes[index];
        let Some(client) = node.client.as_mut().filter(|_| !node.asleep) else { return };
        act(client, self.now);
        let acts = client.take_acts();
        self.carry_out(index, acts);
        self.plan_wake(index);
    }

    fn carry_out(&mut self, index: usize, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Dial { link, candidate } => self.dial(index, link, &candidate),
                Act::Send { link, packet } => {
                    if let Some(wire) = self.nodes[index].links.get(&link) {
                        self.transmit(*wire, Way::Up, packet);
                    }
                }
                Act::HangUp { link } => self.hang_up(index, link),
                Act::Tick(at) => self.queue.push(at, Event::Tick(index)),
                Act::Unsent(frame) => self.note_lost(&frame, None),
            }
        }
    }

    fn plan_wake(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let Some(wake) = node.client.as_ref().and_then(Client::wake) else { return };
        let wake = wake.max(self.now);
        if node.wake.is_none_or(|planned| wake < planned) {
            node.wake = Some(wake);
            self.queue.push(wake, Event::Wake(index));
        }
    }

    fn start(&mut self, index: usize) {
        let candidates = self.manifest();
        let node = &mut self.nodes[index];
        node.client = Some(Client::start(self.base, self.now, &node.spec, candidates, node.seed, self.trace));
        self.with(index, |_, _| ());
        self.plan_media(index);
    }

    /// What the relays that are listed make of candidates.
    fn manifest(&self) -> Vec<Candidate> {
        let listed = self.relays.iter().filter(|relay| relay.listed);
        let of = |relay: &Relay| {
            let spec = relay.spec.clone();
            spec.transports.clone().into_iter().map(move |transport| Candidate {
                relay: spec.id.clone(),
                region: spec.region.clone(),
                provider: spec.provider.clone(),
                transport,
                url: format!("https://{}.test/v1/call", spec.id),
            })
        };
        listed.flat_map(of).collect()
    }

    fn wake(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        if node.wake.is_none_or(|planned| planned > self.now) {
            // An earlier plan took its place, and has run.
            return;
        }
        node.wake = None;
        if node.client.as_ref().and_then(Client::wake).is_some_and(|at| at <= self.now) {
            self.with(index, Client::wake_up);
        }
        if !self.nodes[index].asleep {
            self.plan_wake(index);
        }
    }

    fn thaw(&mut self, index: usize) {
        self.nodes[index].asleep = false;
        self.plan_wake(index);
        if std::mem::take(&mut self.nodes[index].outdated) {
            let candidates = self.manifest();
            self.with(index, |client, now| client.feed(now, Input::Manifest(candidates)));
        }
    }

    fn tick(&mut self, index: usize) {
        self.with(index, Client::tick);
        self.explain(index);
        if self.nodes[index].ticking {
            self.queue.push(self.now + TICK, Event::Tick(index));
        }
    }
}

/// By transport and way.
fn paths(reach: &Reach) -> [[Path; 2]; 2] {
    let both = |route: &Route| [Path::new(route.up.clone()), Path::new(route.down.clone())];
    [both(&reach.webtransport), both(&reach.websocket)]
}

/// Where a transport stands in [`Node::paths`].
fn place(transport: Transport) -> usize {
    match transport {
        Transport::WebTransport => 0,
        Transport::WebSocket => 1,
    }
}
