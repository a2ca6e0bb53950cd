//! What the tests of rules need around a world: usual maps, and questions in milliseconds.

use std::ops::Range;

use nearcall::clock;
use nearcall::election::{Command, EventKind, Input, Output, Reason};
use nearcall::proto::Transport;
use nearcall::sim::{Client, ClientSpec, Condition, Course, Reach, Route, Scene, Step, Time, World, ms};

/// Three regions, far from one another.
pub const THREE: [(&str, f64); 3] = [("singapore", 40.0), ("frankfurt", 170.0), ("us-east", 254.0)];

/// Two relays in one region, one in another: a standby that is near.
pub const PAIR: [(&str, f64); 3] = [("london-1", 50.0), ("london-2", 56.0), ("paris-1", 80.0)];

/// One client over these relays, that joins at once.
pub fn scene(map: &[(&str, f64)]) -> Scene {
    Scene::rtts(1, map)
}

/// The same, and a second person who talks and whom no change of the first one's ways concerns.
pub fn talk(map: &[(&str, f64)]) -> Scene {
    let mut scene = scene(map);
    let talker = scene.clients[0].clone().talking();
    scene.clients[0].voice = true;
    scene.clients.push(talker);
    scene
}

/// The client's way to a relay changes between two moments, in both directions and by both transports.
pub fn during(scene: &mut Scene, relay: &str, span: Range<f64>, change: impl Fn(&mut Condition) + Copy) {
    let index = index(scene, relay);
    let Reach { webtransport, websocket } = &mut scene.clients[0].reach[index];
    for course in [&mut webtransport.up, &mut webtransport.down, &mut websocket.up, &mut websocket.down] {
        *course = course.clone().during(ms(span.start), ms(span.end), change);
    }
}

/// The round trip between two moments.
pub fn rtt_during(scene: &mut Scene, relay: &str, span: Range<f64>, rtt_ms: f64) {
    during(scene, relay, span, |condition| condition.delay = ms(rtt_ms / 2.0));
}

/// Nothing gets through between two moments, by one transport.
pub fn hole(route: &mut Route, span: Range<f64>) {
    let cut = |course: &Course| course.clone().during(ms(span.start), ms(span.end), |c| c.down = true);
    (route.up, route.down) = (cut(&route.up), cut(&route.down));
}

/// The place of a relay.
pub fn index(scene: &Scene, relay: &str) -> usize {
    scene.relays.iter().position(|spec| spec.id == relay).unwrap()
}

/// For ever, nearly.
pub const END: f64 = 1e9;

/// A world that is looked at with the eyes of its first client.
pub struct Stage {
    pub world: World,
    relays: Vec<String>,
}

impl Stage {
    pub fn new(scene: &Scene) -> Self {
        Self {
            world: World::new(clock::now(), scene),
            relays: scene.relays.iter().map(|spec| spec.id.clone()).collect(),
        }
    }

    /// Runs, and nothing that must never happen has happened.
    pub fn to(&mut self, at_ms: f64) -> &mut Self {
        self.world.run_to(ms(at_ms));
        assert_eq!(self.world.breaches(), []);
        self
    }

    pub fn client(&self) -> &Client {
        self.world.client(0)
    }

    pub fn ms(&self) -> f64 {
        to_ms(self.world.now())
    }

    pub fn relay(&self, name: &str) -> usize {
        self.relays.iter().position(|relay| relay == name).unwrap()
    }

    pub fn command(&mut self, command: Command) -> &mut Self {
        self.world.apply(Step::Command { client: 0, command });
        self
    }

    pub fn tell(&mut self, input: Input) {
        self.world.tell(0, input);
    }

    /// Resets the client's connections to a relay.
    pub fn reset(&mut self, relay: &str) -> &mut Self {
        let relay = self.relay(relay);
        self.world.apply(Step::Reset { client: 0, relay });
        self
    }

    /// The relay that carries the call, or nothing.
    pub fn carrier(&self) -> &str {
        self.client().carrier().map_or("", |(relay, _)| relay)
    }

    pub fn transport(&self) -> Option<Transport> {
        self.client().carrier().map(|(_, transport)| transport)
    }

    pub fn elections(&self, from_ms: f64) -> Vec<(f64, Reason)> {
        self.client().elections(ms(from_ms)).into_iter().map(|(at, reason)| (to_ms(at), reason)).collect()
    }

    pub fn reasons(&self, from_ms: f64) -> Vec<Reason> {
        self.elections(from_ms).into_iter().map(|(_, reason)| reason).collect()
    }

    pub fn events(&self, from_ms: f64, which: impl Fn(&EventKind) -> bool) -> Vec<(f64, EventKind)> {
        let events = self.client().events(ms(from_ms)).filter(|(_, event)| which(event));
        events.map(|(at, event)| (to_ms(at), event.clone())).collect()
    }

    /// When doubt began and ended.
    pub fn doubts(&self, from_ms: f64) -> Vec<f64> {
        let doubts = self.events(from_ms, |event| matches!(event, EventKind::Suspect { .. }));
        doubts.into_iter().map(|(at, _)| at).collect()
    }

    pub fn count(&self, from_ms: f64, which: impl Fn(&Output) -> bool) -> usize {
        self.client().said(ms(from_ms)).filter(|(_, output)| which(output)).count()
    }

    /// Dials to a relay by a transport.
    pub fn dials(&self, from_ms: f64, relay: &str, transport: Transport) -> usize {
        self.count(from_ms, |output| {
            matches!(output, Output::Dial { candidate, .. }
                if candidate.relay == relay && candidate.transport == transport)
        })
    }
}

pub fn to_ms(at: Time) -> f64 {
    at.as_secs_f64() * 1e3
}

/// A client that races and never joins.
pub fn lobby(map: &[(&str, f64)]) -> Scene {
    let mut scene = scene(map);
    scene.clients[0] = ClientSpec { joins: None, ..scene.clients[0].clone() };
    scene
}
