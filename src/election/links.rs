//! Connections: when they are dialled, probed, and given up.
//!
//! One link a candidate at most. Never: a choice of who carries the call.

use std::time::{Duration, Instant};

use crate::proto::probe::RelayState;
use crate::proto::{RelayInstance, Transport};

use super::contender::{Admission, Contender, Dial};
use super::probes::Path;
use super::rules::{
    BURST, CALM, DEAD_AFTER, DEAD_STRANDED, DIAL_TIMEOUT, FAST_INTERVAL, IDLE_INTERVAL, LOBBY, LOST, PROBE_INTERVAL,
    ROUND_MAX, ROUND_MIN, STANDBY_INTERVAL, TRIAL, UPLINK_PROBES,
};
use super::{CandidateId, Elector, EventKind, LinkId, Output};

impl Elector {
    /// Dials every candidate that may be dialled, those for which `first` holds first.
    pub(super) fn dial_all(&mut self, first: impl Fn(&Contender) -> bool) {
        let mut ids: Vec<_> = self
            .contenders
            .values()
            .filter(|contender| contender.is_idle() && contender.listed && !self.is_blocked(contender))
            .map(|contender| (!first(contender), contender.id))
            .collect();
        ids.sort();
        for (_, id) in ids {
            self.dial(id);
        }
    }

    /// Dials a candidate that has no link.
    pub(super) fn dial(&mut self, id: CandidateId) {
        let (now, link) = (self.now, LinkId(self.next_link));
        let Some(contender) = self.contenders.get_mut(&id).filter(|contender| contender.is_idle()) else { return };
        contender.dial = Dial::Dialling { link, since: now };
        contender.admission = Admission::No;
        let candidate = contender.candidate.clone();
        self.next_link += 1;
        self.by_link.insert(link, id);
        self.output(Output::Dial { link, candidate });
        self.event(EventKind::Candidate { candidate: id });
    }

    pub(super) fn connected(&mut self, link: LinkId) {
        let (now, trial) = (self.now, if self.race.over { TRIAL } else { self.config.window });
        let Some(contender) = self.on_link(link) else { return };
        let Dial::Dialling { since, .. } = contender.dial else { return };
        contender.dial = Dial::Connected { link, since: now };
        contender.connect = Some(now.saturating_duration_since(since));
        contender.answers = Some(true);
        contender.error = None;
        contender.failures = 0;
        contender.path = Path::new(now);
        (contender.relay_state, contender.instance) = (None, None);
        contender.trial = now + trial;
        (contender.better, contender.level) = (0, 0);
        let (candidate, websocket) = (contender.id, contender.is_websocket());
        let relay = contender.candidate.relay.clone();
        self.event(EventKind::Candidate { candidate });
        if websocket {
            // The relay is back: what it offers over QUIC is measured beside this, and not minutes later.
            let failed =
                |c: &&mut Contender| c.candidate.relay == relay && !c.is_websocket() && c.answers == Some(false);
            self.contenders.values_mut().filter(failed).for_each(|c| (c.round, c.not_before) = (now, now));
        }
        self.first_sign_of_life();
    }

    pub(super) fn dial_failed(&mut self, link: LinkId, error: String) {
        let now = self.now;
        let Some(contender) = self.on_link(link) else { return };
        if contender.connected().is_some() {
            return self.closed(link, error);
        }
        let (relay, webtransport) = (contender.candidate.relay.clone(), !contender.is_websocket());
        self.forget(link, Some(error));
        if webtransport {
            // Now the relay's WebSocket is of use, and need not wait for its round.
            let same = |c: &&mut Contender| c.candidate.relay == relay && c.is_websocket() && c.answers.is_none();
            self.contenders.values_mut().filter(same).for_each(|contender| contender.round = now);
        }
    }

    /// The link ended. Whatever hung on it is looked after at once.
    pub(super) fn closed(&mut self, link: LinkId, error: String) {
        if !self.by_link.contains_key(&link) {
            return;
        }
        self.forget(link, Some(error.clone()));
        if self.moving.as_ref().is_some_and(|moving| moving.to == link) {
            self.fail_move(&error);
        }
        if self.incumbent.as_ref().is_some_and(|incumbent| incumbent.link == link) {
            self.active_closed();
        }
        self.maintain();
    }

    /// Closes a link because nobody needs it; with an error if it is at fault.
    pub(super) fn hang_up(&mut self, link: LinkId, error: Option<String>) {
        if self.by_link.contains_key(&link) {
            self.output(Output::HangUp { link });
            let now = self.now;
            if let Some(contender) = self.on_link(link).filter(|_| error.is_none()) {
                contender.path.let_go(now);
            }
            self.forget(link, error);
        }
    }

    /// The one place where a link stops being one.
    fn forget(&mut self, link: LinkId, error: Option<String>) {
        let Some(id) = self.by_link.remove(&link) else { return };
        // A link that is silent, with nowhere to go, carries nobody.
        let carried = self.incumbent_alive() && !self.is_stranded();
        let backoff = match (carried, self.joined && self.incumbent.is_some()) {
            (true, _) => CALM,
            (false, true) => LOST,
            (false, false) => LOBBY,
        };
        let now = self.now;
        let Some(contender) = self.contenders.get_mut(&id) else { return };
        let was_connected = contender.connected().is_some();
        // From attempt to attempt, so that one that hung is not followed by a wait.
        let began = if let Dial::Dialling { since, .. } = contender.dial { since } else { now };
        contender.dial = Dial::Idle;
        contender.admission = Admission::No;
        (contender.better, contender.level) = (0, 0);
        contender.round = now + self.rng.between(ROUND_MIN, ROUND_MAX);
        if error.is_some() {
            contender.answers = Some(was_connected);
            contender.not_before = now.max(began + self.rng.backoff(contender.failures, backoff));
            contender.failures = contender.failures.saturating_add(1);
        }
        contender.error = error;
        if self.duplicating == Some(link) {
            self.duplicating = None;
        }
        if self.standby == Some(id) {
            self.standby = None;
            self.event(EventKind::Standby { candidate: None });
        }
        self.event(EventKind::Candidate { candidate: id });
    }

    /// Anything came over a link; false if there is no such link.
    pub(super) fn heard(&mut self, link: LinkId) -> bool {
        let now = self.now;
        let Some(contender) = self.on_link(link) else { return false };
        contender.path.heard = contender.path.heard.max(now);
        true
    }

    pub(super) fn probe_reply(&mut self, link: LinkId, id: u64, rtt: Duration, said: (RelayState, RelayInstance)) {
        let (now, (state, instance)) = (self.now, said);
        let Some(contender) = self.on_link(link) else { return };
        if contender.connected().is_none() || !contender.path.reply(id, rtt, now) {
            return;
        }
        let another = contender.instance.replace(instance).is_some_and(|before| before != instance);
        if another {
            // What the other one did is nothing that this one did.
            contender.path.begin_anew(id);
            (contender.better, contender.level, contender.last_score_ms) = (0, 0, None);
        }
        let before = contender.relay_state.replace(state).filter(|_| !another);
        let (candidate, relay) = (contender.id, contender.candidate.relay.clone());
        if state == RelayState::Ready {
            let asked = contender.path.proven;
            self.recovered(&relay, asked);
        }
        if before != Some(state) {
            self.event(EventKind::Candidate { candidate });
        }
        self.probed_while_moving(link, id);
        self.settle_doubt(link);
    }

    pub(super) fn expire_dials(&mut self) {
        let late = |contender: &Contender| match contender.dial {
            Dial::Dialling { link, since } if self.now >= since + DIAL_TIMEOUT => Some(link),
            _ => None,
        };
        let late: Vec<_> = self.contenders.values().filter_map(late).collect();
        for link in late {
            self.hang_up(link, Some("no answer".into()));
        }
    }

    /// When a link counts as dead if nothing comes over it.
    pub(super) fn silent_at(&self, contender: &Contender) -> Option<Instant> {
        contender.path.sent_in_silence(UPLINK_PROBES)?;
        let spare = self.is_stranded() && contender.connected() != self.active();
        Some(contender.path.heard + if spare { DEAD_STRANDED } else { DEAD_AFTER })
    }

    pub(super) fn bury_silent_links(&mut self) {
        let silent = |contender: &Contender| {
            contender.connected().filter(|_| self.silent_at(contender).is_some_and(|at| self.now >= at))
        };
        let silent: Vec<_> = self.contenders.values().filter_map(silent).collect();
        for link in silent {
            self.output(Output::HangUp { link });
            self.closed(link, "fell silent".into());
        }
    }

    /// How often a connected candidate is probed now.
    fn pace(&self, contender: &Contender) -> Duration {
        let link = contender.connected();
        let active = self.incumbent_alive() && self.incumbent.as_ref().map(|incumbent| incumbent.link) == link;
        let standby = self.standby == Some(contender.id);
        let tried = self.now < contender.trial;
        if !self.incumbent_alive() {
            let racing = !self.race.over || self.joined || tried;
            return match racing {
                true if contender.path.sent < BURST => FAST_INTERVAL,
                true => PROBE_INTERVAL,
                false => STANDBY_INTERVAL,
            };
        }
        if self.doubt.is_some() {
            return if active || standby { FAST_INTERVAL } else { PROBE_INTERVAL };
        }
        if active {
            // Two in a row unanswered while data still arrives: find out.
            return if self.is_silent(contender) { FAST_INTERVAL } else { PROBE_INTERVAL };
        }
        if tried || self.moving.as_ref().is_some_and(|moving| Some(moving.to) == link) {
            return PROBE_INTERVAL;
        }
        if standby || contender.better > 0 || self.is_sibling_of_active(contender) {
            return STANDBY_INTERVAL;
        }
        IDLE_INTERVAL
    }

    pub(super) fn next_probe_at(&self, contender: &Contender) -> Option<Instant> {
        let Dial::Connected { since, .. } = contender.dial else { return None };
        Some(contender.path.last_sent.map_or(since, |sent| sent + self.pace(contender)))
    }

    pub(super) fn probe_due(&mut self) {
        let due = |contender: &Contender| self.next_probe_at(contender).is_some_and(|at| self.now >= at);
        let due: Vec<_> = self.contenders.values().filter(|contender| due(contender)).map(|c| c.id).collect();
        for id in due {
            self.probe(id);
        }
    }

    /// Probes a connected candidate now.
    pub(super) fn probe(&mut self, candidate: CandidateId) {
        let (now, id) = (self.now, self.next_probe);
        let Some(contender) = self.contenders.get_mut(&candidate) else { return };
        let Some(link) = contender.connected() else { return };
        contender.path.send(id, now);
        self.next_probe += 1;
        self.output(Output::Probe { link, id });
    }

    /// WebSocket is for relays whose WebTransport does not answer.
    pub(super) fn is_superfluous(&self, contender: &Contender) -> bool {
        contender.is_websocket()
            && self.contenders.values().any(|other| {
                other.candidate.relay == contender.candidate.relay
                    && other.candidate.transport == Transport::WebTransport
                    && other.listed
                    && other.answers != Some(false)
            })
    }

    /// When an idle candidate is dialled again; `None` for one that is not.
    pub(super) fn dial_at(&self, contender: &Contender) -> Option<Instant> {
        if !contender.is_idle() || !contender.listed || self.is_blocked(contender) {
            return None;
        }
        if !self.incumbent_alive() || self.is_stranded() {
            return Some(contender.not_before);
        }
        if self.is_superfluous(contender) {
            return None;
        }
        Some(if self.wishes.wants(contender) {
            contender.not_before
        } else {
            contender.round.max(contender.not_before)
        })
    }

    pub(super) fn dial_due(&mut self) {
        let due = |contender: &Contender| self.dial_at(contender).is_some_and(|at| self.now >= at);
        let due: Vec<_> = self.contenders.values().filter(|contender| due(contender)).map(|c| c.id).collect();
        for id in due {
            self.dial(id);
        }
    }

    /// All candidates are raced within `spread`, now that something is wrong with the active one.
    pub(super) fn race_again(&mut self, spread: Duration) {
        let now = self.now;
        for contender in self.contenders.values_mut() {
            contender.round = now + self.rng.between(Duration::ZERO, spread);
            contender.trial = contender.trial.max(now + TRIAL);
        }
    }
}
