//! A client: an elector, and the part of a call that serves it.
//!
//! Does what `call::controller` does, without sockets: dials, hangs up, probes, asks for admission, publishes on both
//! links during a move, tells the elector when media flows, was delivered, or should. `world` calls it and carries out
//! its [`Act`]s. Never: weather.

mod ask;
mod check;
mod publish;
mod questions;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Time;
use super::media::Receiver;
use super::scene::ClientSpec;
use super::wire::{Frame, Kind, Packet, Wanted};
use crate::election::{Candidate, Elector, EventKind, Input, LinkId, Output};

use check::Check;
use publish::Publisher;

/// How often expectations and deliveries are looked at while there is media, as in a call.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// A link that was moved away from is kept so long for what is on its way over it.
const LINGER: Duration = Duration::from_millis(600);
/// Media that came within this time is expected to go on.
const EXPECTED: Duration = Duration::from_secs(2);
/// What arrived on a link within this time flows on it.
const FLOWING: Duration = Duration::from_millis(400);
/// A probe that was not answered for so long never will be.
const PROBE_MEMORY: Duration = Duration::from_secs(10);

/// What was told to an election, or what it said, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub at: Time,
    pub what: What,
}

/// See [`Record`].
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    Told(Input),
    Said(Output),
}

/// What a client wants the world to do.
#[derive(Debug)]
pub(super) enum Act {
    Dial {
        link: LinkId,
        candidate: Candidate,
    },
    Send {
        link: LinkId,
        packet: Packet,
    },
    HangUp {
        link: LinkId,
    },
    /// Look again then.
    Tick(Time),
    /// A frame that no link took.
    Unsent(Frame),
}

/// One link, as a call sees it.
#[derive(Debug)]
struct Session {
    wanted: Wanted,
    asked: u32,
    confirmed: u32,
    probes: VecDeque<(u64, Time)>,
    /// When the newest answered probe was sent.
    answered: Option<Time>,
    arrivals: BTreeMap<(usize, Kind), Time>,
}

impl Session {
    fn new() -> Self {
        Self {
            wanted: Wanted::Nothing,
            asked: 0,
            confirmed: 0,
            probes: VecDeque::new(),
            answered: None,
            arrivals: BTreeMap::new(),
        }
    }

    fn is_admitted(&self) -> bool {
        self.asked > 0 && self.confirmed == self.asked
    }

    /// Whether this link has shown since `since` that it carries all that `old` carries.
    fn delivers_what(&self, old: &Session, since: Time, now: Time) -> bool {
        let flows = |at: &Time| now.saturating_sub(*at) < FLOWING;
        let has = |of: &(usize, Kind)| self.arrivals.get(of).is_some_and(|at| *at >= since);
        self.is_admitted()
            && self.answered.is_some_and(|sent| sent >= since)
            && old.arrivals.iter().filter(|(_, at)| flows(at)).all(|(of, _)| has(of))
    }
}

#[derive(Debug)]
struct Moving {
    from: Option<LinkId>,
    to: LinkId,
    since: Time,
    delivered: bool,
}

#[derive(Debug)]
struct Release {
    at: Time,
    link: LinkId,
    close: bool,
}

/// A client, and all that can be asked about it after a run.
#[derive(Debug)]
pub struct Client {
    base: Instant,
    /// What the machine slept so far: the clock that elections live by does not count it.
    slept: Time,
    elector: Elector,
    sessions: BTreeMap<LinkId, Session>,
    active: Option<LinkId>,
    moving: Option<Moving>,
    duplicate: Option<LinkId>,
    releases: Vec<Release>,
    doubt_since: Option<Time>,
    entered: Option<Time>,
    expected: Option<Duration>,
    receiver: Receiver,
    publisher: Publisher,
    check: Check,
    trace: bool,
    records: Vec<Record>,
    acts: Vec<Act>,
    probes: u64,
    wake_ups: u64,
}

impl Client {
    pub(super) fn start(
        base: Instant,
        now: Time,
        spec: &ClientSpec,
        candidates: Vec<Candidate>,
        seed: u64,
        trace: bool,
    ) -> Self {
        let elector = Elector::new(base + now, spec.config.clone(), candidates, seed);
        let mut client = Self {
            base,
            slept: Time::ZERO,
            elector,
            sessions: BTreeMap::new(),
            active: None,
            moving: None,
            duplicate: None,
            releases: Vec::new(),
            doubt_since: None,
            entered: None,
            expected: None,
            receiver: Receiver::default(),
            publisher: Publisher::new(spec.voice, spec.camera),
            check: Check::default(),
            trace,
            records: Vec::new(),
            acts: Vec::new(),
            probes: 0,
            wake_ups: 0,
        };
        client.drain(now);
        client
    }

    /// A moment on the clock that the election lives by.
    fn instant(&self, now: Time) -> Instant {
        self.base + now.saturating_sub(self.slept)
    }

    /// When the election wants to be woken.
    pub(super) fn wake(&self) -> Option<Time> {
        self.elector.poll_timeout().map(|at| at.saturating_duration_since(self.base) + self.slept)
    }

    pub(super) fn slept(&mut self, length: Time) {
        self.slept += length;
    }

    pub(super) fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Does what is due, if anything is.
    pub(super) fn wake_up(&mut self, now: Time) {
        self.wake_ups += 1;
        self.elector.handle_timeout(self.instant(now));
        self.drain(now);
        if self.wake().is_some_and(|again| again <= now) {
            self.check.breach(now, "a wake-up without work".into());
        }
    }

    /// Tells the election, and carries out what it says.
    pub(super) fn feed(&mut self, now: Time, input: Input) {
        self.check.told(now, &input);
        let kept = match input {
            // Hundreds a second, and every one the same.
            Input::Heard { .. } => false,
            Input::ProbeReply { .. } => self.trace,
            _ => true,
        };
        if kept {
            self.records.push(Record { at: now, what: What::Told(input.clone()) });
        }
        self.elector.handle_input(self.instant(now), input);
        self.drain(now);
    }

    fn drain(&mut self, now: Time) {
        for _ in 0..10_000 {
            let queued = self.wake();
            let Some(output) = self.elector.poll_output() else { return };
            if queued.is_none_or(|at| at > now) {
                self.check.breach(now, "output is queued, and the timeout is not now".into());
            }
            self.check.said(now, &output);
            self.carry_out(now, &output);
            if self.trace || !matches!(output, Output::Probe { .. }) {
                self.records.push(Record { at: now, what: What::Said(output) });
            }
        }
        self.check.breach(now, "outputs without end".into());
    }

    fn carry_out(&mut self, now: Time, output: &Output) {
        match output {
            Output::Dial { link, candidate } => {
                self.acts.push(Act::Dial { link: *link, candidate: candidate.clone() });
            }
            Output::HangUp { link } => self.hang_up(*link),
            Output::Probe { link, id } => self.probe(now, *link, *id),
            Output::Admit { link } => self.ask(now, *link, Wanted::Standby),
            Output::Move { from, to, .. } => self.start_move(now, *from, *to),
            Output::Abandon { to } => self.abandon(now, *to),
            Output::Elected { from, to, .. } => self.elected(now, *from, *to),
            Output::Duplicate { on, link } => self.duplicate = on.then_some(*link),
            Output::Reconnecting => {
                (self.active, self.moving, self.duplicate) = (None, None, None);
                self.doubt_since.get_or_insert(now);
            }
            Output::Event(event) => match event.kind {
                EventKind::Suspect { on: true, .. } => {
                    self.doubt_since.get_or_insert(now);
                }
                EventKind::Suspect { on: false, .. } if self.moving.is_none() => self.doubt_since = None,
                _ => {}
            },
        }
    }

    fn hang_up(&mut self, link: LinkId) {
        if let Some(release) = self.releases.iter_mut().find(|release| release.link == link) {
            release.close = true;
            return;
        }
        self.sessions.remove(&link);
        self.acts.push(Act::HangUp { link });
    }

    fn probe(&mut self, now: Time, link: LinkId, id: u64) {
        self.probes += 1;
        let Some(session) = self.sessions.get_mut(&link) else { return };
        while session.probes.front().is_some_and(|(_, sent)| now.saturating_sub(*sent) >= PROBE_MEMORY) {
            session.probes.pop_front();
        }
        session.probes.push_back((id, now));
        self.acts.push(Act::Send { link, packet: Packet::Probe(id) });
    }

    /// The dial got through.
    pub(super) fn connected(&mut self, now: Time, link: LinkId) {
        if self.elector.candidate_of(link).is_none() {
            self.acts.push(Act::HangUp { link });
            return;
        }
        self.sessions.insert(link, Session::new());
        self.feed(now, Input::Connected { link });
    }

    /// The link ended, or the dial did.
    pub(super) fn ended(&mut self, now: Time, link: LinkId, error: &str) {
        let was_connected = self.sessions.remove(&link).is_some();
        self.releases.retain(|release| release.link != link);
        if self.active == Some(link) {
            self.doubt_since.get_or_insert(now);
        }
        let error = error.to_owned();
        self.feed(now, if was_connected { Input::Closed { link, error } } else { Input::DialFailed { link, error } });
    }

    /// A packet arrived that is not a part of a handshake. What a link says after it was let go of concerns nobody.
    pub(super) fn receive(&mut self, now: Time, link: LinkId, packet: Packet) {
        let Some(session) = self.sessions.get_mut(&link) else { return };
        match packet {
            Packet::Reply { id, state, instance } => {
                let Ok(index) = session.probes.binary_search_by_key(&id, |(id, _)| *id) else { return };
                let Some((_, sent)) = session.probes.remove(index) else { return };
                session.answered = session.answered.max(Some(sent));
                let (rtt, instance) = (now - sent, crate::proto::RelayInstance(instance));
                self.feed(now, Input::ProbeReply { link, id, rtt, state, instance });
                self.check_delivery(now);
            }
            Packet::Media(frame) => {
                session.arrivals.insert((frame.from, frame.kind), now);
                self.receiver.take(now, &frame);
                self.feed(now, Input::Heard { link });
                if self.moving.is_some() {
                    self.check_delivery(now);
                }
            }
            Packet::Subscribed(sequence) => {
                session.confirmed = session.confirmed.max(sequence);
                let admitted = session.is_admitted();
                self.feed(now, Input::Heard { link });
                if admitted {
                    self.feed(now, Input::Admitted { link });
                    self.check_delivery(now);
                }
            }
            Packet::Refused => self.feed(now, Input::Refused { link, error: "full".into() }),
            Packet::Drain { deadline, spread } => self.feed(now, Input::Drain { link, deadline, spread }),
            _ => {}
        }
    }

    fn check_delivery(&mut self, now: Time) {
        let Some(moving) = self.moving.as_mut().filter(|moving| !moving.delivered) else { return };
        let Some(old) = moving.from.and_then(|from| self.sessions.get(&from)) else { return };
        if self.sessions.get(&moving.to).is_some_and(|new| new.delivers_what(old, moving.since, now)) {
            moving.delivered = true;
            let link = moving.to;
            self.feed(now, Input::Delivered { link });
        }
    }

    /// Ten times a second while there is media: expectations, deliveries, releases.
    pub(super) fn tick(&mut self, now: Time) {
        let flows = |kind| self.receiver.streams().any(|((_, of), stream)| of == kind && stream.flows(now, EXPECTED));
        let period = if flows(Kind::Audio) {
            Some(Duration::from_millis(20))
        } else {
            flows(Kind::Video).then_some(Duration::from_millis(34))
        };
        if period != self.expected {
            self.expected = period;
            self.feed(now, Input::MediaExpected { period });
        }
        self.check_delivery(now);
        self.release(now);
    }
}
