//! Make before break: who carries the call, who is about to, and the one place where that changes.

use std::time::Instant;

use super::contender::{Admission, Contender};
use super::probes::ms;
use super::rules::{ATTEMPT, ATTEMPT_TRIPS, EVALUATION, SHORT_WINDOW, SHUN, SHUN_LOST};
use super::{CandidateId, Elector, EventKind, LinkId, Output, Reason};

/// Who carries the call, or did until its link ended.
#[derive(Debug, Clone)]
pub(super) struct Incumbent {
    pub(super) candidate: CandidateId,
    pub(super) link: LinkId,
    /// Mean RTT with which it was elected, ms.
    pub(super) baseline_ms: Option<f64>,
}

/// A move under way.
#[derive(Debug, Clone)]
pub(super) struct Moving {
    pub(super) to: LinkId,
    pub(super) candidate: CandidateId,
    pub(super) reason: Reason,
    pub(super) since: Instant,
    pub(super) deadline: Instant,
    /// Nothing to keep on the old link: take the new one as soon as it is admitted.
    pub(super) urgent: bool,
    delivered: bool,
    /// Probes from here on were sent after it began.
    first_probe: u64,
    probed: bool,
}

impl Elector {
    /// The link that carries the call.
    pub fn active(&self) -> Option<LinkId> {
        let incumbent = self.incumbent.as_ref()?;
        self.by_link.contains_key(&incumbent.link).then_some(incumbent.link)
    }

    pub(super) fn incumbent_alive(&self) -> bool {
        self.active().is_some()
    }

    /// The contender that carries the call.
    pub(super) fn active_contender(&self) -> Option<&Contender> {
        self.active()?;
        self.contender(self.incumbent.as_ref()?.candidate)
    }

    /// Begins a move; ends it too where the standby is warm and there is no time.
    pub(super) fn start_move(&mut self, id: CandidateId, reason: Reason) {
        let Some(contender) = self.contender(id) else { return };
        let Some(to) = contender.connected() else { return };
        let attempt = ATTEMPT.max(contender.path.srtt().unwrap_or_default() * ATTEMPT_TRIPS);
        let from = self.active();
        if self.active() == Some(to) {
            return;
        }
        let urgent = from.is_none() || reason == Reason::FailOver;
        if urgent {
            self.stop_duplicates();
        }
        self.improving = None;
        self.output(Output::Move { from, to, reason });
        let (since, deadline) = (self.now, self.now + attempt);
        let first_probe = self.next_probe;
        self.moving = Some(Moving {
            to,
            candidate: id,
            reason,
            since,
            deadline,
            urgent,
            delivered: false,
            first_probe,
            probed: false,
        });
        self.probe(id);
        self.finish_move();
    }

    /// The session on a link is admitted.
    pub(super) fn admitted(&mut self, link: LinkId) {
        let moving = self.moving.as_ref().is_some_and(|moving| moving.to == link);
        let Some(contender) = self.on_link(link) else { return };
        if contender.connected().is_none() || !(moving || contender.is_asked()) {
            return;
        }
        contender.admission = Admission::Yes;
        let candidate = contender.id;
        self.event(EventKind::Candidate { candidate });
        if self.standby == Some(candidate) && !moving {
            self.event(EventKind::Standby { candidate: Some(candidate) });
        }
        self.sync_duplicates();
        self.finish_move();
    }

    pub(super) fn delivered(&mut self, link: LinkId) {
        if let Some(moving) = self.moving.as_mut().filter(|moving| moving.to == link) {
            moving.delivered = true;
        }
        self.finish_move();
    }

    /// A probe over the new link was answered: one within the session is a part of the proof.
    pub(super) fn probed_while_moving(&mut self, link: LinkId, probe: u64) {
        if let Some(moving) = self.moving.as_mut().filter(|moving| moving.to == link) {
            moving.probed |= probe >= moving.first_probe;
        }
        self.finish_move();
    }

    /// Takes the new link if it has delivered; or is admitted, where there is nothing else.
    pub(super) fn finish_move(&mut self) {
        let Some(moving) = self.moving.clone() else { return };
        if self.is_warm(moving.candidate) && (moving.urgent || (moving.delivered && moving.probed)) {
            self.set_incumbent(moving.candidate, moving.to, moving.reason);
        }
    }

    /// The one place where the incumbent is set, and where everything that is counted for it starts anew.
    fn set_incumbent(&mut self, candidate: CandidateId, link: LinkId, reason: Reason) {
        let (margin_ms, runner_up) = self.margin(candidate);
        self.stop_duplicates();
        let suspect = self.doubt.is_some();
        let old = self.incumbent.take();
        let baseline_ms = self.mean_ms(candidate, SHORT_WINDOW);
        self.incumbent = Some(Incumbent { candidate, link, baseline_ms });
        (self.moving, self.doubt, self.lost, self.improving) = (None, None, None, None);
        (self.alarmed, self.standby_rival) = (None, None);
        self.race.leader = Some(candidate);
        self.kept.clear();
        self.wishes.moved();
        self.next_evaluation = self.now + EVALUATION;
        for contender in self.contenders.values_mut() {
            (contender.better, contender.level) = (0, 0);
        }
        if let Some(contender) = self.contenders.get_mut(&candidate) {
            (contender.refusals, contender.shunned) = (0, None);
        }
        if self.standby == Some(candidate) {
            self.standby = None;
            self.event(EventKind::Standby { candidate: None });
        }
        let from = old.as_ref().map(|old| old.candidate);
        match (reason, from) {
            (Reason::Improve | Reason::Transport, Some(from)) => self.dwell.moved(from, candidate, self.now),
            (Reason::Force, _) => self.dwell.hold(self.now),
            _ => {}
        }
        // Told before it is done: who enters a room was elected first.
        self.event(EventKind::Elected { from, to: candidate, reason, margin_ms, runner_up });
        self.output(Output::Elected { from: old.as_ref().map(|old| old.link), to: link, reason });
        if let Some(candidate) = from.filter(|_| suspect) {
            self.event(EventKind::Suspect { candidate, on: false });
        }
        if let Some(old) = old.filter(|old| old.link != link) {
            self.release(&old, reason);
        }
        self.pin_left(reason);
        self.maintain();
    }

    /// What becomes of the link that carried the call: its session is released, and a bad one is closed.
    fn release(&mut self, old: &Incumbent, reason: Reason) {
        let Some(contender) = self.on_link(old.link) else { return };
        contender.admission = Admission::No;
        let unfit = contender.unfit() || !contender.listed;
        if reason == Reason::FailOver {
            self.hang_up(old.link, Some("fell silent".into()));
        } else if unfit || reason == Reason::Block {
            self.hang_up(old.link, None);
        }
    }

    /// The relay does not want the session.
    pub(super) fn refused(&mut self, link: LinkId, error: &str) {
        if self.moving.as_ref().is_some_and(|moving| moving.to == link) {
            return self.fail_move(error);
        }
        let Some(contender) = self.on_link(link).filter(|contender| contender.is_asked()) else {
            return;
        };
        contender.admission = Admission::No;
        let id = contender.id;
        self.shun(id, error);
        self.maintain();
    }

    /// The move did not come about: the old link stays as it was, and the candidate is left alone for a while.
    pub(super) fn fail_move(&mut self, error: &str) {
        let Some(moving) = self.abandon(error) else { return };
        self.shun(moving.candidate, error);
        self.wish_failed(moving.reason, error);
        self.maintain();
    }

    /// The move is not needed any more: the old link stays as it was, and nobody is blamed.
    pub(super) fn call_off(&mut self, why: &str) {
        if self.abandon(why).is_some() {
            self.maintain();
        }
    }

    fn abandon(&mut self, why: &str) -> Option<Moving> {
        let moving = self.moving.take()?;
        self.output(Output::Abandon { to: moving.to });
        self.event(EventKind::MoveFailed { to: moving.candidate, reason: why.to_owned() });
        let standby = self.standby == Some(moving.candidate);
        if let Some(contender) = self.on_link(moving.to).filter(|_| !standby) {
            contender.admission = Admission::No;
        }
        Some(moving)
    }

    fn shun(&mut self, id: CandidateId, error: &str) {
        let carried = self.incumbent_alive() && !self.is_stranded();
        let backoff = if carried { SHUN } else { SHUN_LOST };
        let now = self.now;
        let Some(contender) = self.contenders.get_mut(&id) else { return };
        contender.shunned = Some(now + backoff.after(contender.refusals));
        contender.refusals = contender.refusals.saturating_add(1);
        (contender.better, contender.level) = (0, 0);
        contender.error = Some(error.to_owned());
    }

    pub(super) fn expire_move(&mut self) {
        if let Some(moving) = self.moving.as_ref().filter(|moving| self.now >= moving.deadline) {
            let took = ms(self.now.saturating_duration_since(moving.since));
            self.fail_move(&format!("nothing delivered in {took:.0} ms"));
        }
    }
}
