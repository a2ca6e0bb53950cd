//! Distress on the live path, and nothing else, demotes: suspicion, and failing over.
//!
//! Three signs. Silence: something expected is missing. A dead uplink: probes stay unanswered while data arrives. A
//! closed link. Silence of all links at once is the local network's, and moves nobody.

use std::time::{Duration, Instant};

use super::contender::{Admission, Contender};
use super::migration::Incumbent;
use super::probes::Path;
use super::rules::{LONG_WINDOW, LOST, SILENCE, SILENCE_TCP, SILENT_PROBES, UPLINK_PROBES};
use super::score;
use super::{CandidateId, Elector, EventKind, LinkId, Output, Reason};
use crate::proto::Transport;

/// The active link is in doubt.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    pub(super) since: Instant,
    /// The rule to fail over was met, and there was nowhere to go.
    expired: Option<Instant>,
    /// Another link came back first, after a silence of all.
    returned: Option<Instant>,
}

impl Elector {
    fn active_path(&self) -> Option<&Path> {
        self.active_contender().map(|contender| &contender.path)
    }

    /// The period of the media that is expected, and when any was due to be heard from.
    fn media_from(&self, path: &Path) -> Option<Instant> {
        self.media.map(|(period, since)| path.heard.max(since) + period)
    }

    fn silence_after(&self, path: &Path) -> Duration {
        let tcp = self.active_contender().is_some_and(Contender::is_websocket);
        path.fail_over_after(if tcp { SILENCE_TCP } else { SILENCE })
    }

    /// When doubt begins: something expected is overdue.
    fn suspect_at(&self) -> Option<Instant> {
        let path = self.active_path()?;
        let allowance = path.allowance().min(self.silence_after(path));
        match self.media_from(path) {
            Some(expected) => Some(expected + allowance),
            None => Some(path.awaited()? + path.allowance()),
        }
    }

    /// When silence has lasted long enough.
    fn silent_too_long_at(&self) -> Option<Instant> {
        let path = self.active_path()?;
        let expected = match self.media_from(path) {
            Some(expected) => expected,
            None => path.awaited()? + path.srtt().unwrap_or_default(),
        };
        let probes = path.sent_in_silence(SILENT_PROBES)? + path.allowance();
        Some(probes.max(expected + self.silence_after(path)))
    }

    /// When the uplink counts as dead: four probes in a row unanswered while data still arrives.
    fn uplink_dead_at(&self) -> Option<Instant> {
        let path = self.active_path()?;
        let first = path.unanswered_run(1)?;
        if path.heard <= first + path.srtt()? {
            return None;
        }
        let last = path.unanswered_run(UPLINK_PROBES)? + path.allowance();
        Some(last.max(first + path.allowance() + self.silence_after(path)))
    }

    fn give_up_at(&self) -> Option<Instant> {
        [self.doubt.as_ref().and_then(|_| self.silent_too_long_at()), self.uplink_dead_at()].into_iter().flatten().min()
    }

    /// True while the active link is given up and there is nowhere to go.
    pub(super) fn is_stranded(&self) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| doubt.expired.is_some())
    }

    /// True while an urgent move runs: there is nothing more to decide, unless the standby could still be the faster way.
    fn is_rescued(&self) -> bool {
        self.moving.as_ref().is_some_and(|moving| moving.urgent && !self.has_warmer_standby(moving.candidate))
    }

    /// True if a move to `to` waits for an admission that the standby has.
    fn has_warmer_standby(&self, to: CandidateId) -> bool {
        !self.is_warm(to) && self.standby.is_some_and(|id| id != to && self.is_warm(id))
    }

    pub(super) fn watch_due(&self) -> Option<Instant> {
        if !self.incumbent_alive() || self.is_rescued() {
            return None;
        }
        let Some(doubt) = &self.doubt else {
            let two = self.active_path().and_then(|path| Some(path.unanswered_run(SILENT_PROBES)? + path.allowance()));
            return [self.suspect_at(), self.uplink_dead_at(), two]
                .into_iter()
                .flatten()
                .filter(|at| *at > self.now)
                .min();
        };
        match (doubt.expired, doubt.returned) {
            (None, _) => self.give_up_at(),
            (Some(_), Some(returned)) => self.active_path().map(|path| returned + self.silence_after(path)),
            (Some(_), None) => None,
        }
    }

    /// Runs the three rules.
    pub(super) fn watch(&mut self) {
        if !self.incumbent_alive() || self.is_rescued() {
            return;
        }
        let now = self.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if self.doubt.is_none() && due([self.suspect_at(), self.uplink_dead_at()].into_iter().flatten().min()) {
            self.begin_doubt();
        }
        if self.doubt.is_none() {
            return;
        }
        let give_up = due(self.give_up_at());
        if give_up {
            self.give_up();
        } else if let Some(doubt) = &mut self.doubt {
            // Heard again, if only one way: the clock starts anew.
            (doubt.expired, doubt.returned) = (None, None);
        }
    }

    fn begin_doubt(&mut self) {
        self.doubt = Some(Doubt { since: self.now, expired: None, returned: None });
        if let Some(candidate) = self.incumbent.as_ref().map(|incumbent| incumbent.candidate) {
            self.event(EventKind::Suspect { candidate, on: true });
        }
        self.sync_duplicates();
    }

    /// An answer over the active link ends the doubt: it works both ways.
    pub(super) fn settle_doubt(&mut self, link: LinkId) {
        if self.active() != Some(link) || self.doubt.take().is_none() {
            return;
        }
        self.stop_duplicates();
        if let Some(candidate) = self.incumbent.as_ref().map(|incumbent| incumbent.candidate) {
            self.event(EventKind::Suspect { candidate, on: false });
        }
        // Nobody leaves a link that answers for one that has not admitted anybody yet.
        if self.moving.as_ref().is_some_and(|moving| moving.urgent && !self.is_warm(moving.candidate)) {
            self.call_off("the old link answers again");
        }
    }

    /// The rule to fail over is met: goes where life is, if there is any.
    fn give_up(&mut self) {
        let Some(doubt) = self.doubt.clone() else { return };
        let silence = self.active_path().map_or(SILENCE, |path| self.silence_after(path));
        let expired = doubt.expired.unwrap_or(self.now);
        if doubt.expired.is_none() {
            self.doubt = Some(Doubt { expired: Some(expired), ..doubt.clone() });
        }
        if let Some(to) = self.moving.as_ref().map(|moving| moving.candidate) {
            let heard = |c: &Contender| c.path.proven_since(doubt.since);
            if self.has_warmer_standby(to) && self.standby.and_then(|id| self.contender(id)).is_some_and(heard) {
                self.fail_move("the old link fell silent before the new one was ready");
            } else if let Some(moving) = &mut self.moving {
                // A planned move is under way: it is the way out.
                moving.urgent = true;
                moving.reason = Reason::FailOver;
                self.stop_duplicates();
                return self.finish_move();
            }
        }
        let Some(target) = self.refuge(Some(doubt.since)) else {
            if doubt.expired.is_none() {
                self.look_for_others();
            }
            return;
        };
        // Within one silence of ours the others were merely slower to answer. Later, everything was silent: the local
        // network, and the active link gets the same time to come back that it had to be missed.
        let returned = doubt.returned.unwrap_or(self.now);
        if let Some(doubt) = &mut self.doubt {
            doubt.returned = Some(returned);
        }
        let outage = returned >= expired + silence;
        if !outage || self.now >= returned + silence {
            self.start_move(target, Reason::FailOver);
        }
    }

    /// Where to go: the warm standby, or else the best that is connected; heard since the doubt began, if there is one.
    fn refuge(&self, doubted: Option<Instant>) -> Option<CandidateId> {
        let active = self.incumbent.as_ref().map(|Incumbent { candidate, .. }| *candidate);
        let alive = |contender: &Contender| match doubted {
            Some(since) => contender.path.proven_since(since),
            None => !self.is_silent(contender),
        };
        let standby = self.standby.filter(|id| self.is_warm(*id));
        if let Some(id) = standby.filter(|id| self.contender(*id).is_some_and(|c| alive(c) && self.may_carry(c))) {
            return Some(id);
        }
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| Some(row.id) != active && self.contender(row.id).is_some_and(alive));
        score::winner(&rows).map(|row| row.id)
    }

    /// True if two probes in a row are overdue.
    pub(super) fn is_silent(&self, contender: &Contender) -> bool {
        contender.path.overdue_run(SILENT_PROBES, self.now)
    }

    /// The active link closed.
    pub(super) fn active_closed(&mut self) {
        let doubted = self.doubt.take();
        if let Some(candidate) = self.incumbent.as_ref().map(|incumbent| incumbent.candidate)
            && doubted.is_some()
        {
            self.event(EventKind::Suspect { candidate, on: false });
        }
        self.stop_duplicates();
        self.improving = None;
        if let Some(moving) = &mut self.moving {
            moving.urgent = true;
            let (to, reason) = (moving.candidate, std::mem::replace(&mut moving.reason, Reason::FailOver));
            if reason == Reason::FailOver || !self.has_warmer_standby(to) {
                return self.finish_move();
            }
            self.fail_move("the old link closed before the new one was ready");
        }
        self.come_back_or_fail_over(doubted.map(|doubt| doubt.since));
    }

    /// Nobody carries the call: the refuge, or else everything is dialled.
    pub(super) fn come_back_or_fail_over(&mut self, doubted: Option<Instant>) {
        // Connected and not measured yet is better than nothing; connected and silent is nothing.
        let unmeasured =
            || self.contenders.values().find(|c| self.may_carry(c) && c.path.proven.is_none() && !self.is_silent(c));
        let refuge = doubted.and_then(|since| self.refuge(Some(since))).or_else(|| self.refuge(None));
        match refuge.or_else(|| unmeasured().map(|c| c.id)) {
            Some(id) => self.start_move(id, Reason::FailOver),
            None => self.lose_everything(),
        }
    }

    /// Audio goes over both links while there is doubt and a warm standby.
    pub(super) fn sync_duplicates(&mut self) {
        let warm = |c: &&Contender| c.admission == Admission::Yes;
        let wanted = match (&self.doubt, self.standby) {
            (Some(_), Some(id)) => self.contender(id).filter(warm).and_then(Contender::connected),
            _ => None,
        };
        if wanted == self.duplicating {
            return;
        }
        self.stop_duplicates();
        if let Some(link) = wanted {
            self.duplicating = Some(link);
            self.output(Output::Duplicate { on: true, link });
        }
    }

    pub(super) fn stop_duplicates(&mut self) {
        if let Some(link) = self.duplicating.take() {
            self.output(Output::Duplicate { on: false, link });
        }
    }

    /// In distress without a refuge: the others are dialled, without hurry enough to harm, and who refused is asked again.
    fn look_for_others(&mut self) {
        let now = self.now;
        self.contenders.values_mut().for_each(|contender| contender.shunned = None);
        let relay = self.active_contender().map(|active| active.candidate.relay.clone());
        let blocked: Vec<_> = self.contenders.values().filter(|c| self.is_blocked(c)).map(|c| c.id).collect();
        for contender in self.contenders.values_mut().filter(|c| c.is_idle() && !blocked.contains(&c.id)) {
            let wait = self.rng.backoff(contender.failures, LOST);
            let other = Some(&contender.candidate.relay) != relay.as_ref();
            let at = if other && contender.candidate.transport == Transport::WebTransport { now } else { now + wait };
            contender.round = contender.round.min(at);
            contender.not_before = contender.not_before.min(at);
        }
    }
}
