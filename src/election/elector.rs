//! The elector: what it knows, how it is asked, and the order in which its rules run.
//!
//! The rules live next door, one file a rule. Everything happens inside [`Elector::handle_input`] and
//! [`Elector::handle_timeout`]; [`Elector::poll_timeout`] is exact, so a simulator may jump to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::contender::{Contender, Dial};
use super::doubt::Doubt;
use super::dwell::Dwell;
use super::migration::{Incumbent, Moving};
use super::race::Race;
use super::reconnect::Lost;
use super::rng::Rng;
use super::rules::{DIAL_TIMEOUT, EVALUATION, LONG_WINDOW};
use super::wishes::Wishes;
use super::{Candidate, CandidateId, Event, EventKind, Input, LinkId, Output, Reason};

/// Media that comes less often than this is no sign of life.
const MOST_PERIOD: Duration = Duration::from_secs(60);

/// What may be chosen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long the race goes on, 0-60 s. Nobody waits for it: a leader is there sooner.
    pub window: Duration,
    /// The relay (id) that carried the last call: a hint, dialled first and measured like any other.
    pub last_winner: Option<String>,
    /// A relay or region to stay with, as by [`super::Command::Pin`].
    pub pin: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { window: Duration::from_secs(3), last_winner: None, pin: None }
    }
}

/// Elects the relay that carries a call. See [the module](super) for the rules.
#[derive(Debug)]
pub struct Elector {
    pub(super) now: Instant,
    /// When something is due, as of the last time that the rules ran.
    wake: Option<Instant>,
    pub(super) config: Config,
    pub(super) rng: Rng,
    pub(super) contenders: BTreeMap<CandidateId, Contender>,
    /// Live links: dialled or connected.
    pub(super) by_link: BTreeMap<LinkId, CandidateId>,
    outputs: VecDeque<Output>,
    pub(super) next_link: u64,
    pub(super) next_probe: u64,
    pub(super) next_candidate: u32,
    pub(super) joined: bool,
    pub(super) race: Race,
    pub(super) incumbent: Option<Incumbent>,
    pub(super) standby: Option<CandidateId>,
    /// Looks better as a standby, for so many evaluations.
    pub(super) standby_rival: Option<(CandidateId, u8)>,
    pub(super) moving: Option<Moving>,
    pub(super) doubt: Option<Doubt>,
    /// The other link that audio goes over.
    pub(super) duplicating: Option<LinkId>,
    /// Period of the media that is expected, and since when it is.
    pub(super) media: Option<(Duration, Instant)>,
    pub(super) lost: Option<Lost>,
    pub(super) dwell: Dwell,
    pub(super) next_evaluation: Instant,
    /// A move for the better, at its random moment.
    pub(super) improving: Option<(CandidateId, Reason, Instant)>,
    pub(super) alarmed: Option<Instant>,
    pub(super) wishes: Wishes,
    /// The last reason given for not moving to a candidate.
    pub(super) kept: BTreeMap<CandidateId, &'static str>,
}

impl Elector {
    /// Starts the race at once: the dials are queued. Of candidates with equal relay and transport the first counts.
    /// `seed` decides every random moment.
    pub fn new(now: Instant, config: Config, candidates: Vec<Candidate>, seed: u64) -> Elector {
        Self::racing(now, config, candidates, Rng::new(seed), Ids::default())
    }

    /// Starts a race among other candidates, as if nothing had been measured: for a lobby, in which nobody has joined. The
    /// caller closes every link that it has; ids go on where they were, and so do pins and blocks.
    pub fn race_anew(&mut self, now: Instant, candidates: Vec<Candidate>, last_winner: Option<String>) {
        let ids = Ids { link: self.next_link, probe: self.next_probe, candidate: self.next_candidate };
        let now = now.max(self.now);
        let wishes = self.wishes.anew(now);
        let config = Config { last_winner, ..self.config.clone() };
        *self = Self::racing(now, config, candidates, self.rng.clone(), ids);
        self.wishes = wishes;
    }

    fn racing(now: Instant, config: Config, candidates: Vec<Candidate>, rng: Rng, ids: Ids) -> Elector {
        let config = Config { window: config.window.min(Duration::from_secs(60)), ..config };
        let mut elector = Elector {
            now,
            wake: None,
            race: Race::new(now, config.window),
            wishes: Wishes::new(config.pin.clone(), now),
            config,
            rng,
            contenders: BTreeMap::new(),
            by_link: BTreeMap::new(),
            outputs: VecDeque::new(),
            next_link: ids.link,
            next_probe: ids.probe,
            next_candidate: ids.candidate,
            joined: false,
            incumbent: None,
            standby: None,
            standby_rival: None,
            moving: None,
            doubt: None,
            duplicating: None,
            media: None,
            lost: None,
            dwell: Dwell::new(),
            next_evaluation: now,
            improving: None,
            alarmed: None,
            kept: BTreeMap::new(),
        };
        for candidate in candidates {
            elector.enlist(candidate);
        }
        let first = elector.config.last_winner.clone();
        elector.dial_all(|contender| Some(&contender.candidate.relay) == first.as_ref());
        elector.step();
        elector
    }

    /// Takes note of what happened. Drain [`Elector::poll_output`] afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        if let Input::Heard { link } = input {
            // Media: hundreds a second. It can only put deadlines off, unless there is doubt.
            let due = self.wake.is_some_and(|wake| wake <= self.now);
            if self.heard(link) && self.doubt.is_none() && !due {
                return;
            }
        } else {
            self.dispatch(input);
        }
        self.step();
    }

    /// Does whatever is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.step();
    }

    /// When to call [`Elector::handle_timeout`]: not after now while an output is queued. `None` without candidates.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.outputs.is_empty() { self.wake } else { Some(self.now) }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn dispatch(&mut self, input: Input) {
        match input {
            Input::Join => self.joined = true,
            Input::Connected { link } => self.connected(link),
            Input::DialFailed { link, error } => self.dial_failed(link, error),
            Input::ProbeReply { link, id, rtt, state, instance } => self.probe_reply(link, id, rtt, (state, instance)),
            Input::Closed { link, error } => self.closed(link, error),
            Input::Admitted { link } => self.admitted(link),
            Input::Refused { link, error } => self.refused(link, &error),
            Input::Heard { .. } => {}
            Input::MediaExpected { period } => {
                self.media = period.map(|period| (period.min(MOST_PERIOD), self.now));
            }
            Input::Delivered { link } => self.delivered(link),
            Input::Drain { link, deadline, spread } => self.drain(link, deadline, spread),
            Input::Command(command) => self.command(command),
            Input::Manifest(candidates) => self.manifest(candidates),
            Input::Suspended => self.suspended(),
            Input::Retry => self.retry_now(),
        }
    }

    /// Runs every rule once, in order of urgency. What is not due does nothing.
    fn step(&mut self) {
        self.expire_dials();
        self.expire_move();
        self.watch();
        self.bury_silent_links();
        self.run_race();
        self.carry_on();
        if self.incumbent_alive() && self.now >= self.next_evaluation {
            self.next_evaluation = self.now + EVALUATION;
            self.evaluate();
        }
        self.pursue();
        self.dial_due();
        self.probe_due();
        self.wake = self.due();
    }

    /// The next moment at which a rule could act although nothing comes in.
    fn due(&self) -> Option<Instant> {
        let mut due = Due { now: self.now, at: None };
        for contender in self.contenders.values() {
            match contender.dial {
                Dial::Dialling { since, .. } => due.at(since + DIAL_TIMEOUT),
                Dial::Connected { .. } => {
                    due.maybe(self.next_probe_at(contender));
                    due.maybe(self.silent_at(contender));
                }
                Dial::Idle => due.maybe(self.dial_at(contender)),
            }
            if !self.incumbent_alive() {
                due.maybe(contender.shunned);
            }
        }
        due.maybe(self.race.due());
        due.maybe(self.moving.as_ref().map(|moving| moving.deadline));
        due.maybe(self.watch_due());
        due.maybe(self.lost.as_ref().and_then(Lost::due));
        if self.incumbent_alive() {
            due.at(self.next_evaluation);
            due.maybe(self.improving.as_ref().map(|(_, _, at)| *at));
            due.maybe(self.wishes.due(self.now));
        }
        due.at
    }

    /// Makes a candidate known, unless it is.
    pub(super) fn enlist(&mut self, candidate: Candidate) -> Option<CandidateId> {
        let same = |known: &Contender| {
            known.candidate.relay == candidate.relay && known.candidate.transport == candidate.transport
        };
        if let Some(known) = self.contenders.values_mut().find(|known| same(known)) {
            known.candidate = candidate;
            known.listed = true;
            return None;
        }
        let id = CandidateId(self.next_candidate);
        self.next_candidate += 1;
        self.contenders.insert(id, Contender::new(id, candidate, self.now));
        Some(id)
    }

    pub(super) fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn event(&mut self, kind: EventKind) {
        self.outputs.push_back(Output::Event(Event { at: self.now, kind }));
    }

    /// The contender that a live link belongs to.
    pub(super) fn on_link(&mut self, link: LinkId) -> Option<&mut Contender> {
        self.contenders.get_mut(self.by_link.get(&link)?)
    }

    pub(super) fn contender(&self, id: CandidateId) -> Option<&Contender> {
        self.contenders.get(&id)
    }

    /// Mean RTT of a candidate over the last `window`, ms.
    pub(super) fn mean_ms(&self, id: CandidateId, window: Duration) -> Option<f64> {
        Some(self.contender(id)?.path.summary(self.now, window.min(LONG_WINDOW))?.trimmed)
    }

    /// True if the user forbade the candidate's relay or region.
    pub(super) fn is_blocked(&self, contender: &Contender) -> bool {
        self.wishes.blocked.iter().any(|name| contender.is_called(name))
    }

    /// Names that the user blocked.
    pub fn blocked(&self) -> &BTreeSet<String> {
        &self.wishes.blocked
    }
}

/// The next of each kind: none is ever used twice.
#[derive(Debug, Default)]
struct Ids {
    link: u64,
    probe: u64,
    candidate: u32,
}

/// Collects the earliest moment that is yet to come: what is past was acted upon when it came.
struct Due {
    now: Instant,
    at: Option<Instant>,
}

impl Due {
    fn at(&mut self, at: Instant) {
        if at > self.now && self.at.is_none_or(|earliest| at < earliest) {
            self.at = Some(at);
        }
    }

    fn maybe(&mut self, at: Option<Instant>) {
        if let Some(at) = at {
            self.at(at);
        }
    }
}
