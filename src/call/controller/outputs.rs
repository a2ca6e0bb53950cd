//! Carries out what the election decides.

use std::time::{Duration, Instant};

use super::super::arrivals::Record;
use super::super::event::{CandidateRow, Event, Place};
use super::super::hops::Answered;
use super::super::moves::Moving;
use super::super::session::{Session, Wanted};
use super::{Controller, Release};
use crate::clock;
use crate::election::{Candidate, CandidateId, EventKind, Input, LinkId, Output, Reason, Standing};
use crate::net::{self, Link, LinkError};
use crate::proto::manifest::Manifest;

/// A dial that takes longer failed: more than three round trips to anywhere, with a lost packet among them.
const PATIENCE: Duration = Duration::from_secs(4);
/// Links that are remembered after they are gone.
const PLACES: usize = 1024;
/// A link that was moved away from is kept so long for what is on its way over it.
const LINGER: Duration = Duration::from_millis(600);
/// Pictures are taken to come by two links for so long after a move begins.
const PICTURES_MOVE: Duration = Duration::from_secs(2);

impl Controller {
    /// Carries out everything that the election has to say.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.elector.poll_output() {
            match output {
                Output::Dial { link, candidate } => self.dial(link, candidate),
                Output::HangUp { link } => self.hang_up(link),
                Output::Probe { link, id } => {
                    if let Some(session) = self.sessions.get_mut(&link) {
                        session.probe(clock::now(), id);
                    }
                }
                Output::Admit { link } => self.ask(link, Wanted::Standby),
                Output::Move { from, to, reason } => self.start_move(from, to, reason),
                Output::Abandon { to } => self.abandon(to),
                Output::Elected { from, to, reason } => self.elected(from, to, reason),
                Output::Duplicate { on, link } => self.duplicate = on.then_some(link),
                Output::Reconnecting => {
                    self.active = None;
                    self.moving = None;
                    self.duplicate = None;
                    self.doubt_since.get_or_insert(clock::now());
                    self.lost.get_or_insert(clock::now());
                    self.journal.reconnecting(&self.elector);
                    self.tell(Event::Reconnecting);
                }
                Output::Event(event) => self.election_event(event.kind),
            }
        }
    }

    fn dial(&mut self, link: LinkId, candidate: Candidate) {
        let place =
            Place { relay: candidate.relay.clone(), region: candidate.region.clone(), transport: candidate.transport };
        self.places.insert(link, place);
        if self.places.len() > PLACES {
            // The oldest one that is gone: the best links are the oldest of all.
            let gone = self.places.keys().find(|link| !self.sessions.contains_key(link)).copied();
            gone.map(|link| self.places.remove(&link));
        }
        self.dials.spawn(dial(&self.manifest, link, candidate));
    }

    fn hang_up(&mut self, link: LinkId) {
        if let Some(release) = self.releases.iter_mut().find(|release| release.link == link) {
            release.close = true;
            return;
        }
        self.uplink.closed(link);
        if let Some(mut session) = self.sessions.remove(&link) {
            self.roster.forget(link);
            session.leave(true);
            tokio::spawn(async move { session.sender.close_gracefully("moved on").await });
        }
    }

    /// Asks for admission and for media, unless that was done.
    fn ask(&mut self, link: LinkId, wanted: Wanted) {
        let (wishes, resume) = match wanted {
            Wanted::Everything => (self.views.wishes(self.roster.order()), self.subscriber.resume()),
            _ => (Vec::new(), Vec::new()),
        };
        let (Some(session), Some(membership)) = (self.sessions.get_mut(&link), &self.membership) else { return };
        if session.wanted() != wanted {
            session.ask(&membership.identity, wanted, wishes, resume);
        } else if session.is_admitted() {
            self.elector.handle_input(clock::now(), Input::Admitted { link });
        }
    }

    fn start_move(&mut self, from: Option<LinkId>, to: LinkId, reason: Reason) {
        let now = clock::now();
        tracing::info!(?from, %to, %reason, "moving");
        self.journal.moving(&self.elector, from, to, reason);
        self.releases.retain(|release| release.link != to);
        if self.moving.is_none() && !self.ledger.is_settling() && from.is_some() {
            // What was missed before is not this move's.
            self.subscriber.take_longest_gaps_ms();
        }
        if from.is_some() {
            self.subscriber.receiver().moving(now + PICTURES_MOVE);
        }
        if reason == Reason::First {
            self.join_at.get_or_insert(now);
        }
        let demand = from.and_then(|from| self.sessions.get(&from)).map(Session::demands);
        if let (Some(demand), Some(session)) = (demand, self.sessions.get_mut(&to)) {
            session.expect(demand);
        }
        self.moving = Some(Moving { from, to, since: now, delivered: false });
        self.ask(to, Wanted::Everything);
        if from.is_none() && self.entered.is_some() {
            self.replay(now, to);
        }
    }

    /// The old link is gone, and with it what was on its way: the new one gets the last of it again.
    fn replay(&mut self, now: Instant, to: LinkId) {
        let since = self.doubt_since.unwrap_or(now) - Duration::from_millis(300);
        let whole = self.sessions.get(&to).is_some_and(|session| self.publisher.replay(since, &session.sender));
        if !whole {
            self.force_all_keys();
        }
    }

    fn abandon(&mut self, to: LinkId) {
        self.moving = None;
        if !self.elector.is_in_doubt() && self.active.is_some() {
            self.doubt_since = None;
        }
        if self.sessions.get(&to).is_some_and(|session| session.wanted() == Wanted::Everything) {
            self.ask(to, Wanted::Standby);
        }
    }

    fn elected(&mut self, from: Option<LinkId>, to: LinkId, reason: Reason) {
        let now = clock::now();
        let before = self.active.replace(to);
        self.reaches.changed();
        self.moving = None;
        self.lost = None;
        self.lift_again();
        self.words.outbox.again(now);
        for link in [from, before].into_iter().flatten().filter(|link| *link != to) {
            if self.sessions.contains_key(&link) && !self.releases.iter().any(|release| release.link == link) {
                self.releases.push(Release { at: now + LINGER, link, close: false });
            }
        }
        let Some(place) = self.places.get(&to).cloned() else { return };
        if self.entered.is_none() {
            return self.enter(now, place);
        }
        if reason == Reason::Reconnect {
            self.tell(Event::Reconnected { region: place.region.clone(), transport: place.transport });
            self.force_all_keys();
        }
        let old = from.or(before);
        let rtt = |link: Option<LinkId>| link.and_then(|link| self.rtt_ms(link));
        let rtt_ms = [rtt(old), rtt(Some(to))];
        let from = old.and_then(|link| self.places.get(&link).cloned());
        let moved = || Record::Moved { at: now, from: from.clone(), to: place.clone(), reason };
        self.subscriber.arrivals().push(moved);
        self.ledger.add(now, from, place, reason, rtt_ms);
        self.doubt_since = None;
    }

    /// The room is entered for the first time.
    fn enter(&mut self, now: Instant, place: Place) {
        self.entered = Some(now);
        let Place { relay, region, transport } = place;
        let since_join_ms = self.since_join_ms(now);
        self.tell(Event::Joined { relay, region, transport, since_join_ms, members: self.roster.count() + 1 });
        self.start_audio();
        self.start_video();
        if let Some(camera) = &self.camera {
            camera.send(true);
        }
        self.force_all_keys();
        self.restart_share();
    }

    /// Lets go of links whose time has come: the election may keep them connected, but nothing is subscribed to on them.
    pub(super) fn release(&mut self, now: Instant) {
        let due: Vec<_> = self.releases.extract_if(.., |release| release.at <= now).collect();
        for Release { link, close, .. } in due {
            let taken = self.active == Some(link) || self.moving.as_ref().is_some_and(|moving| moving.to == link);
            match self.sessions.get_mut(&link) {
                _ if close => self.hang_up(link),
                // Unless it became the standby meanwhile.
                Some(session) if !taken && session.wanted() == Wanted::Everything => {
                    if let Some(membership) = &self.membership {
                        session.ask(&membership.identity, Wanted::Nothing, Vec::new(), Vec::new());
                    }
                }
                _ => {}
            }
        }
    }

    fn election_event(&mut self, kind: EventKind) {
        self.journal.event(&self.elector, &kind);
        match kind {
            EventKind::Candidate { candidate } => {
                if let Some(standing) = self.standing(candidate).filter(|_| self.entered.is_none()) {
                    self.tell(Event::Candidate(standing.into()));
                }
            }
            EventKind::Leader { .. } => {
                if self.membership.is_some() {
                    self.join_at.get_or_insert(clock::now());
                }
            }
            EventKind::Elected { to, reason, margin_ms, runner_up, from } => {
                if from.is_none()
                    && let Some(standing) = self.standing(to)
                {
                    let runner_up =
                        runner_up.and_then(|id| self.standing(id)).map(|standing| label(&standing.candidate));
                    let Candidate { relay, region, transport, .. } = standing.candidate;
                    self.tell(Event::Elected {
                        relay,
                        region,
                        transport,
                        mean_ms: standing.mean_ms,
                        margin_ms,
                        runner_up,
                        reason,
                    });
                }
            }
            EventKind::Kept { candidate, reason } => {
                self.tell(Event::Kept { candidate: self.label(candidate), reason })
            }
            EventKind::MoveFailed { to, reason } => {
                self.tell(Event::Kept { candidate: self.label(to), reason: format!("the move failed: {reason}") });
            }
            EventKind::Suspect { candidate, on } => {
                if on {
                    self.doubt_since.get_or_insert(clock::now());
                } else if self.moving.is_none() {
                    self.doubt_since = None;
                }
                if let Some(Standing { candidate, .. }) = self.standing(candidate) {
                    self.tell(Event::Suspect { region: candidate.region, transport: candidate.transport, on });
                }
            }
            EventKind::Standby { candidate } => {
                let candidate = candidate.and_then(|id| self.standing(id)).map(|standing| standing.candidate);
                let (relay, region) = candidate.map(|candidate| (candidate.relay, candidate.region)).unzip();
                self.tell(Event::Standby { relay, region });
            }
            EventKind::Unmet { wish, reason } => {
                self.tell(Event::Error { message: format!("{wish} was asked for: {reason}") });
            }
            EventKind::RaceOver => self.tell(Event::Race { candidates: self.rows() }),
        }
    }

    fn standing(&self, id: CandidateId) -> Option<Standing> {
        self.elector.standings().into_iter().find(|standing| standing.id == id)
    }

    fn label(&self, id: CandidateId) -> String {
        self.standing(id).map(|standing| label(&standing.candidate)).unwrap_or_default()
    }

    /// Mean RTT of the candidate that a link leads to.
    pub(super) fn rtt_ms(&self, link: LinkId) -> Option<f64> {
        let place = self.places.get(&link)?;
        let same = |standing: &Standing| {
            (&standing.candidate.relay, standing.candidate.transport) == (&place.relay, place.transport)
        };
        round(self.elector.standings().into_iter().find(same)?.mean_ms)
    }

    pub(super) fn since_join_ms(&self, now: Instant) -> f64 {
        let since = self.join_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (since.as_secs_f64() * 10_000.0).round() / 10.0
    }
}

/// Dials a candidate, with the pins that the manifest gives for its relay.
pub fn dial(
    manifest: &Manifest,
    link: LinkId,
    candidate: Candidate,
) -> impl Future<Output = (LinkId, Result<Link, LinkError>)> + use<> {
    let relay = manifest.relays.iter().find(|relay| relay.id == candidate.relay);
    let pins = relay.map(|relay| relay.pins.clone()).unwrap_or_default();
    async move { (link, net::dial(candidate.transport, &candidate.url, &pins, PATIENCE).await) }
}

/// A candidate as people read it.
fn label(candidate: &Candidate) -> String {
    format!("{} {}", candidate.relay, candidate.transport)
}

impl From<Standing> for CandidateRow {
    fn from(standing: Standing) -> Self {
        let state = match (standing.received, &standing.error) {
            (0, Some(_)) => "failed",
            (0, None) => "no_answer",
            _ => "connected",
        };
        Self {
            relay: standing.candidate.relay,
            region: standing.candidate.region,
            provider: standing.candidate.provider,
            transport: standing.candidate.transport,
            url: standing.candidate.url,
            state,
            relay_state: standing.relay_state,
            error: standing.error,
            connect_ms: round(standing.connect_ms),
            mean_ms: round(standing.mean_ms),
            median_ms: round(standing.median_ms),
            min_ms: round(standing.min_ms),
            p95_ms: round(standing.p95_ms),
            jitter_ms: round(standing.jitter_ms),
            loss: standing.loss,
            sent: standing.sent,
            received: standing.received,
            answered: Answered::default(),
        }
    }
}

/// To a hundredth: what the clock is good for.
pub fn round(ms: Option<f64>) -> Option<f64> {
    ms.map(|ms| (ms * 100.0).round() / 100.0)
}
