//! What a world is made of, as data: relays, clients, the ways between them, and what happens when.
//!
//! A scene and a base instant decide a run entirely. Tests draw scenes, shrink them and print them. Never: behaviour.

use std::time::Duration;

use super::Time;
use super::path::{Condition, Course};
use crate::election::{Command, Config};
use crate::proto::Transport;
use crate::proto::probe::RelayState;

/// Both directions of a way; each has its own course, so a route may be asymmetric.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub up: Course,
    pub down: Course,
}

impl Route {
    /// A symmetric route with this round trip and nothing else.
    pub fn rtt_ms(rtt_ms: f64) -> Self {
        Self::steady(Condition::half_of_rtt_ms(rtt_ms))
    }

    /// The same in both directions for ever. The round trip is twice the delay (and twice the jitter's mean).
    pub fn steady(condition: Condition) -> Self {
        Self::both(Course::steady(condition))
    }

    /// The same course in both directions.
    pub fn both(course: Course) -> Self {
        Self { up: course.clone(), down: course }
    }

    /// Nothing gets through.
    pub fn closed() -> Self {
        Self::steady(Condition::down())
    }
}

/// How a client reaches a relay, by transport.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    pub webtransport: Route,
    pub websocket: Route,
}

impl From<Route> for Reach {
    fn from(route: Route) -> Self {
        Self { webtransport: route.clone(), websocket: route }
    }
}

/// A relay.
#[derive(Debug, Clone, PartialEq)]
pub struct RelaySpec {
    pub id: String,
    pub region: String,
    pub provider: String,
    /// In the manifest from the start.
    pub listed: bool,
    /// What probe replies say at the start.
    pub state: RelayState,
    /// By which it can be reached at all.
    pub transports: Vec<Transport>,
}

impl RelaySpec {
    /// A relay that is ready, listed and reached by both transports. `london-2` lies in the region `london`.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            region: id.split('-').next().unwrap_or(id).to_owned(),
            provider: "test".to_owned(),
            listed: true,
            state: RelayState::Ready,
            transports: vec![Transport::WebTransport, Transport::WebSocket],
        }
    }
}

/// A client.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientSpec {
    /// Of its election.
    pub config: Config,
    /// How it reaches each relay, in the order of the scene's relays.
    pub reach: Vec<Reach>,
    /// When the program starts, and with it the race.
    pub starts: Time,
    /// When the user asks for Join; `None`: never, only the race.
    pub joins: Option<Time>,
    /// Only members of one room hear each other.
    pub room: u32,
    /// Sends 50 audio packets a second from the moment when it is in the room.
    pub voice: bool,
    /// And 30 video frames a second.
    pub camera: bool,
    /// No datagram gets through, to nobody and from nobody.
    pub udp_blocked: bool,
}

impl ClientSpec {
    /// Starts and joins at once, alone with its election: no media.
    pub fn new(reach: Vec<Reach>) -> Self {
        Self {
            config: Config::default(),
            reach,
            starts: Time::ZERO,
            joins: Some(Time::ZERO),
            room: 0,
            voice: false,
            camera: false,
            udp_blocked: false,
        }
    }

    /// Sends audio.
    #[must_use]
    pub fn talking(mut self) -> Self {
        self.voice = true;
        self
    }
}

/// How relays are joined: one way from each to each, the same for all but those that are named.
#[derive(Debug, Clone, PartialEq)]
pub struct Bus {
    pub delay: Duration,
    /// `(from, to, one way)`, by relay.
    pub others: Vec<(usize, usize, Duration)>,
}

impl Default for Bus {
    /// A continent: 20 ms.
    fn default() -> Self {
        Self { delay: Duration::from_millis(20), others: Vec::new() }
    }
}

impl Bus {
    pub(super) fn delay(&self, from: usize, to: usize) -> Duration {
        let named = self.others.iter().find(|(a, b, _)| (*a, *b) == (from, to));
        named.map_or(self.delay, |(_, _, delay)| *delay)
    }
}

/// What happens to the world. Relays and clients are named by their places in the scene.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The process is gone at once: TCP says so, UDP does not. With it goes its part of the bus.
    Kill(usize),
    /// A new process in its place, ready, that knows nobody.
    Revive(usize),
    /// No client reaches the relay any more (`true`), and nobody is told; or again.
    Blackhole(usize, bool),
    /// What the relay says of itself in answer to probes. Isolated also cuts it off from the bus.
    State(usize, RelayState),
    /// The relay takes no new session (`true`), or again.
    Refuse(usize, bool),
    /// The relay admits and does not forward media (`true`), or again.
    Withhold(usize, bool),
    /// The relay goes away: says so to its sessions, takes no new ones, and ends at the deadline.
    Drain {
        relay: usize,
        deadline: Duration,
        spread: Duration,
    },
    /// The relay joins the manifest or leaves it, and every client reads that at once.
    List(usize, bool),
    /// From now on a client reaches a relay like this.
    Reach {
        client: usize,
        relay: usize,
        reach: Reach,
    },
    /// The client's own network is gone (`true`), or back.
    Outage {
        client: usize,
        on: bool,
    },
    /// UDP is blocked at the client, or no longer.
    UdpBlocked {
        client: usize,
        on: bool,
    },
    /// The client has a new address: QUIC goes on, TCP connections fall silent for good.
    Rebind {
        client: usize,
    },
    /// Connections of a client to a relay are reset, and it is told.
    Reset {
        client: usize,
        relay: usize,
    },
    /// The machine sleeps for so long.
    Suspend {
        client: usize,
        length: Duration,
    },
    /// The user asks for Join.
    Join {
        client: usize,
    },
    Command {
        client: usize,
        command: Command,
    },
    /// Whether the client sends audio, and video.
    Media {
        client: usize,
        voice: bool,
        camera: bool,
    },
}

/// A world before it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Decides every random moment, of the weather and of the elections.
    pub seed: u64,
    pub relays: Vec<RelaySpec>,
    pub clients: Vec<ClientSpec>,
    pub bus: Bus,
    pub steps: Vec<(Time, Step)>,
    /// Keeps probes and their answers in [`super::Client::records`] too.
    pub trace: bool,
}

impl Scene {
    /// One client that races and joins at once, and a relay for each name and round trip, ms.
    pub fn rtts(seed: u64, relays: &[(&str, f64)]) -> Self {
        let reach = relays.iter().map(|(_, rtt_ms)| Route::rtt_ms(*rtt_ms).into()).collect();
        Self::new(seed, relays.iter().map(|(id, _)| *id), vec![ClientSpec::new(reach)])
    }

    /// Relays with these ids, and clients.
    pub fn new<'a>(seed: u64, relays: impl IntoIterator<Item = &'a str>, clients: Vec<ClientSpec>) -> Self {
        let relays = relays.into_iter().map(RelaySpec::new).collect();
        Self { seed, relays, clients, bus: Bus::default(), steps: Vec::new(), trace: false }
    }

    /// Something happens at a moment.
    #[must_use]
    pub fn at(mut self, at: Time, step: Step) -> Self {
        self.steps.push((at, step));
        self
    }
}
