//! Without any link: dial the relay that worked last, then all, for ever; and take the first that is good enough.
//!
//! Nothing about the call is forgotten meanwhile: that is the driver's roster, tiles and keys, and it is told so once.

use std::time::{Duration, Instant};

use super::contender::{Contender, Dial};
use super::race::{Race, Verdict};
use super::rules::{GATHER, LONG_WINDOW, LOST, READY_PATIENCE};
use super::score;
use super::{CandidateId, Elector, EventKind, LinkId, Output, Reason};

/// Every link is lost.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// What carried the call last.
    last: CandidateId,
    /// When the first dial got through since.
    first_sign: Option<Instant>,
    recheck: Option<Instant>,
}

impl Lost {
    pub(super) fn due(&self) -> Option<Instant> {
        [self.first_sign.map(|at| at + GATHER), self.recheck].into_iter().flatten().min()
    }
}

impl Elector {
    /// Says so once, and starts dialling.
    pub(super) fn lose_everything(&mut self) {
        let Some(last) = self.incumbent.as_ref().map(|incumbent| incumbent.candidate) else { return };
        if self.lost.is_some() {
            return;
        }
        self.lost = Some(Lost { last, first_sign: None, recheck: None });
        self.output(Output::Reconnecting);
        let now = self.now;
        let relay = self.contender(last).map(|contender| contender.candidate.relay.clone());
        for contender in self.contenders.values_mut() {
            contender.failures = 0;
            let last = Some(&contender.candidate.relay) == relay.as_ref();
            let wait = if last { Duration::ZERO } else { self.rng.between(LOST.base / 2, LOST.base) };
            contender.not_before = now + wait;
            contender.shunned = None;
        }
    }

    /// A dial got through: the network is back, so nobody waits for a backoff.
    pub(super) fn first_sign_of_life(&mut self) {
        let now = self.now;
        let Some(lost) = &mut self.lost else { return };
        if lost.first_sign.replace(lost.first_sign.unwrap_or(now)).is_some() {
            return;
        }
        self.give_up_dials_in_the_dark();
        for contender in self.contenders.values_mut().filter(|contender| contender.is_idle()) {
            contender.not_before = now;
            contender.failures = 0;
        }
    }

    /// A dial that began in the dark waits for its retransmission; a new one does not.
    fn give_up_dials_in_the_dark(&mut self) {
        let now = self.now;
        let in_the_dark = |contender: &Contender| match contender.dial {
            Dial::Dialling { link, since } => (now >= since + READY_PATIENCE).then_some(link),
            _ => None,
        };
        let dark: Vec<LinkId> = self.contenders.values().filter_map(in_the_dark).collect();
        for link in dark {
            self.hang_up(link, None);
        }
    }

    /// Somebody does not want to wait. The count of attempts goes on, and so does what a blocked relay waits for.
    pub(super) fn retry_now(&mut self) {
        if !self.is_cut_off() {
            return;
        }
        self.give_up_dials_in_the_dark();
        let now = self.now;
        for contender in self.contenders.values_mut() {
            contender.shunned = None;
            contender.not_before = contender.not_before.min(now);
        }
    }

    /// True in a call that nothing carries: every link is lost, or silent.
    pub(super) fn is_cut_off(&self) -> bool {
        self.incumbent.is_some() && (!self.incumbent_alive() || self.is_stranded())
    }

    /// Takes the last working one at its first answer; else who leads on one sample; else, after a moment, the best.
    pub(super) fn come_back(&mut self) {
        let Some(lost) = self.lost.clone() else { return self.come_back_or_fail_over(None) };
        let rows = self.rows(1, LONG_WINDOW);
        let best_class = rows.iter().map(|row| row.class).min();
        let last = rows.iter().find(|row| row.id == lost.last && Some(row.class) == best_class).map(|row| row.id);
        let verdict = self.verdict(1);
        let gathered = lost.first_sign.is_some_and(|at| self.now >= at + GATHER);
        let target = match verdict {
            _ if last.is_some() => last,
            Verdict::Leader(id) => Some(id),
            Verdict::Wait(_) if gathered => score::winner(&rows).map(|row| row.id),
            Verdict::Wait(_) => None,
        };
        if let (Verdict::Wait(until), Some(lost)) = (verdict, &mut self.lost) {
            lost.recheck = until;
        }
        if let Some(id) = target {
            self.start_move(id, Reason::Reconnect);
        }
    }

    /// The machine slept: every link is stale, and so is every figure.
    pub(super) fn suspended(&mut self) {
        if let Some(moving) = self.moving.take() {
            self.output(Output::Abandon { to: moving.to });
        }
        if let (Some(_), Some(incumbent)) = (self.doubt.take(), &self.incumbent) {
            let candidate = incumbent.candidate;
            self.event(EventKind::Suspect { candidate, on: false });
        }
        self.stop_duplicates();
        let links: Vec<LinkId> = self.by_link.keys().copied().collect();
        for link in links {
            self.hang_up(link, None);
        }
        let now = self.now;
        self.improving = None;
        let first = match &self.incumbent {
            Some(incumbent) => self.contender(incumbent.candidate).map(|c| c.candidate.relay.clone()),
            None => self.config.last_winner.clone(),
        };
        if self.incumbent.is_some() {
            self.lose_everything();
        } else {
            self.race = Race::new(now, self.config.window);
        }
        for contender in self.contenders.values_mut() {
            contender.failures = 0;
            contender.not_before = now;
        }
        self.dial_all(|contender| Some(&contender.candidate.relay) == first.as_ref());
    }
}
