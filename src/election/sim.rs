//! Virtual time for the elector's tests: relays with weather, and a loop that jumps from event to event.
//!
//! Deterministic. Checks what must hold always: no output for a dead link, no id twice, no wake-up without work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport};

use super::rng::Rng;
use super::*;

/// How it is to reach a relay at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) rtt_ms: f64,
    pub(super) loss: f64,
    pub(super) way: Way,
    pub(super) state: RelayState,
    pub(super) refuses: bool,
    pub(super) delivers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// Nothing gets through, nobody is told.
    Hole,
    /// The process is gone: TCP notices, UDP does not.
    Killed,
    /// What we send is lost; what comes, comes.
    NoUplink,
}

pub(super) fn rtt(rtt_ms: f64) -> Weather {
    let state = RelayState::Ready;
    Weather { rtt_ms, loss: 0.0, way: Way::Open, state, refuses: false, delivers: true }
}

pub(super) fn candidate(relay: &str, transport: Transport) -> Candidate {
    // "london-2" lies in "london".
    let region = relay.split("-").next().unwrap_or(relay).to_owned();
    let url = format!("https://{relay}.test/v1/call");
    Candidate { relay: relay.into(), region, provider: "test".into(), transport, url }
}

/// Both transports of each relay.
pub(super) fn candidates(relays: &[&str]) -> Vec<Candidate> {
    let both = [Transport::WebTransport, Transport::WebSocket];
    relays.iter().flat_map(|relay| both.map(|transport| candidate(relay, transport))).collect()
}

type Forecast = Box<dyn Fn(&Candidate, f64) -> Weather>;

pub(super) struct World {
    pub(super) base: Instant,
    pub(super) now: Instant,
    pub(super) elector: Elector,
    forecast: Forecast,
    rng: Rng,
    wire: BTreeMap<(Instant, u64), Input>,
    order: u64,
    live: BTreeMap<LinkId, Candidate>,
    admitted: BTreeSet<LinkId>,
    seen_links: BTreeSet<LinkId>,
    last_probe: Option<u64>,
    /// Media flows over the active link, every 20 ms.
    media: Option<Instant>,
    pub(super) log: Vec<(f64, Output)>,
    pub(super) wakeups: usize,
    pub(super) probes: usize,
}

impl World {
    pub(super) fn new(relays: &[&str], forecast: impl Fn(&Candidate, f64) -> Weather + 'static) -> Self {
        Self::with(Config::default(), candidates(relays), 1, forecast)
    }

    pub(super) fn with(
        config: Config,
        candidates: Vec<Candidate>,
        seed: u64,
        forecast: impl Fn(&Candidate, f64) -> Weather + 'static,
    ) -> Self {
        let base = crate::clock::now();
        let mut world = World {
            base,
            now: base,
            elector: Elector::new(base, config, candidates, seed),
            forecast: Box::new(forecast),
            rng: Rng::new(seed ^ 0xdead),
            wire: BTreeMap::new(),
            order: 0,
            live: BTreeMap::new(),
            admitted: BTreeSet::new(),
            seen_links: BTreeSet::new(),
            last_probe: None,
            media: None,
            log: Vec::new(),
            wakeups: 0,
            probes: 0,
        };
        world.drain();
        world
    }

    pub(super) fn ms(&self) -> f64 {
        (self.now - self.base).as_secs_f64() * 1e3
    }

    fn later(&mut self, ms: f64, input: Input) {
        self.order += 1;
        self.wire.insert((self.now + Duration::from_secs_f64(ms / 1e3), self.order), input);
    }

    /// Says it now.
    pub(super) fn say(&mut self, input: Input) {
        self.deliver(input);
    }

    pub(super) fn set_media(&mut self, on: bool) {
        let period = on.then_some(Duration::from_millis(20));
        self.media = on.then_some(self.now);
        self.say(Input::MediaExpected { period });
    }

    /// Joins at once.
    pub(super) fn join(mut self) -> Self {
        self.say(Input::Join);
        self
    }

    pub(super) fn weather(&self, candidate: &Candidate) -> Weather {
        (self.forecast)(candidate, self.ms())
    }

    pub(super) fn run_to(&mut self, ms: f64) -> &mut Self {
        let end = self.base + Duration::from_secs_f64(ms / 1e3);
        loop {
            let wire = self.wire.keys().next().map(|(at, _)| *at);
            let wake = self.elector.poll_timeout();
            let Some(next) = [wire, wake, self.media].into_iter().flatten().min().filter(|next| *next <= end) else {
                break;
            };
            self.now = next.max(self.now);
            if wire == Some(next) {
                let (_, input) = self.wire.pop_first().unwrap();
                self.deliver(input);
            } else if self.media == Some(next) {
                self.media = Some(next + Duration::from_millis(20));
                let active = self.elector.active().filter(|link| self.live.contains_key(link));
                if let Some(link) = active
                    && matches!(self.weather(&self.live[&link]).way, Way::Open | Way::NoUplink)
                {
                    self.deliver(Input::Heard { link });
                }
            } else {
                self.wakeups += 1;
                self.elector.handle_timeout(self.now);
                self.drain();
                let again = self.elector.poll_timeout();
                assert!(again.is_none_or(|again| again > self.now), "a wake-up without work at {} ms", self.ms());
            }
        }
        self.now = end;
        self
    }

    fn deliver(&mut self, input: Input) {
        match &input {
            Input::Connected { link } | Input::Admitted { link } if !self.live.contains_key(link) => return,
            Input::DialFailed { link, .. } | Input::Closed { link, .. } if self.live.remove(link).is_none() => return,
            Input::ProbeReply { link, .. }
                if self.live.get(link).is_some_and(|candidate| self.weather(candidate).way != Way::Open) =>
            {
                return;
            }
            Input::Admitted { link } => {
                self.admitted.insert(*link);
            }
            _ => {}
        }
        self.elector.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            let queued = self.elector.poll_timeout();
            let Some(output) = self.elector.poll_output() else { return };
            assert!(queued.is_some_and(|at| at <= self.now), "output is queued, and the timeout is not now");
            self.react(&output);
            if !matches!(output, Output::Probe { .. }) {
                self.log.push((self.ms(), output));
            }
        }
        panic!("outputs without end");
    }

    fn alive(&self, link: LinkId) -> Candidate {
        self.live.get(&link).unwrap_or_else(|| panic!("output for dead link {link}: {:#?}", self.log.last())).clone()
    }

    fn react(&mut self, output: &Output) {
        match output.clone() {
            Output::Dial { link, candidate } => self.dial(link, candidate),
            Output::HangUp { link } => {
                self.alive(link);
                self.live.remove(&link);
            }
            Output::Probe { link, id } => self.probe(link, id),
            Output::Admit { link } => self.admit(link),
            Output::Move { from, to, .. } => {
                if let Some(from) = from {
                    self.alive(from);
                }
                if self.admitted.contains(&to) {
                    self.delivery(to, 0.0);
                } else {
                    self.admit(to);
                }
            }
            Output::Elected { from, to, .. } => {
                self.alive(to);
                if let Some(from) = from {
                    self.admitted.remove(&from);
                }
            }
            Output::Duplicate { link, .. } => {
                self.alive(link);
            }
            Output::Abandon { .. } | Output::Reconnecting | Output::Event(_) => {}
        }
    }

    fn dial(&mut self, link: LinkId, candidate: Candidate) {
        assert!(self.seen_links.insert(link), "link id {link} twice");
        let weather = self.weather(&candidate);
        let websocket = candidate.transport == Transport::WebSocket;
        let trips = if websocket { 3.0 } else { 2.0 };
        self.live.insert(link, candidate);
        match weather.way {
            Way::Open => {
                let lost =
                    self.rng.between(Duration::ZERO, Duration::from_secs(1)).as_secs_f64() < weather.loss * trips;
                let stall = if lost { 1000.0 } else { 0.0 };
                self.later(weather.rtt_ms * trips + stall, Input::Connected { link });
            }
            Way::Killed if websocket => {
                self.later(weather.rtt_ms, Input::DialFailed { link, error: "refused".into() });
            }
            _ => self.later(5000.0, Input::DialFailed { link, error: "no answer".into() }),
        }
    }

    fn probe(&mut self, link: LinkId, id: u64) {
        assert!(self.last_probe.is_none_or(|last| id > last), "probe ids grow");
        self.last_probe = Some(id);
        self.probes += 1;
        let candidate = self.alive(link);
        let weather = self.weather(&candidate);
        let lost = self.rng.between(Duration::ZERO, Duration::from_secs(1)).as_secs_f64() < weather.loss;
        if weather.way != Way::Open || (lost && candidate.transport == Transport::WebTransport) {
            return;
        }
        let rtt_ms = weather.rtt_ms + if lost { weather.rtt_ms + 200.0 } else { 0.0 };
        let rtt = Duration::from_secs_f64(rtt_ms / 1e3);
        let instance = RelayInstance(1);
        self.later(rtt_ms, Input::ProbeReply { link, id, rtt, state: weather.state, instance });
    }

    fn admit(&mut self, link: LinkId) {
        let weather = self.weather(&self.alive(link));
        if weather.way != Way::Open {
            return;
        }
        if weather.refuses {
            return self.later(weather.rtt_ms, Input::Refused { link, error: "full".into() });
        }
        self.later(weather.rtt_ms, Input::Admitted { link });
        self.delivery(link, weather.rtt_ms);
    }

    fn delivery(&mut self, link: LinkId, after_ms: f64) {
        let weather = self.weather(&self.alive(link));
        if weather.way == Way::Open && weather.delivers {
            self.later(after_ms + weather.rtt_ms + 20.0, Input::Delivered { link });
        }
    }

    /// Closes every link that matches.
    pub(super) fn close(&mut self, which: impl Fn(&Candidate) -> bool) {
        let links: Vec<_> = self.live.iter().filter(|(_, c)| which(c)).map(|(link, _)| *link).collect();
        for link in links {
            self.deliver(Input::Closed { link, error: "reset".into() });
        }
    }

    /// The link to a relay by a transport.
    pub(super) fn link(&self, relay: &str, transport: Transport) -> Option<LinkId> {
        self.live.iter().find(|(_, c)| c.relay == relay && c.transport == transport).map(|(link, _)| *link)
    }

    /// The relay and transport that carry the call.
    pub(super) fn carrier(&self) -> Option<(String, Transport)> {
        let candidate = self.elector.candidate_of(self.elector.active()?)?;
        Some((candidate.relay.clone(), candidate.transport))
    }

    pub(super) fn carrying_relay(&self) -> String {
        self.carrier().map(|(relay, _)| relay).unwrap_or_default()
    }

    /// When and why elections took place after a moment.
    pub(super) fn elections(&self, from_ms: f64) -> Vec<(f64, Reason)> {
        let elected = |(at, output): &(f64, Output)| match output {
            Output::Elected { reason, .. } if *at >= from_ms => Some((*at, *reason)),
            _ => None,
        };
        self.log.iter().filter_map(elected).collect()
    }

    pub(super) fn events(&self, from_ms: f64, which: impl Fn(&EventKind) -> bool) -> Vec<(f64, EventKind)> {
        let event = |(at, output): &(f64, Output)| match output {
            Output::Event(event) if *at >= from_ms && which(&event.kind) => Some((*at, event.kind.clone())),
            _ => None,
        };
        self.log.iter().filter_map(event).collect()
    }

    pub(super) fn count(&self, from_ms: f64, which: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().filter(|(at, output)| *at >= from_ms && which(output)).count()
    }
}
