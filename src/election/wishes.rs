//! What others want: the user's pin, force and block, a relay that goes away, a manifest that changed.
//!
//! All of them are make before break, and all of them say so when they cannot be had.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::rules::{DRAIN_SHARE, DRAIN_SPREAD, DWELL, LONG_WINDOW, WISH};
use super::score::{self, Row};
use super::{Candidate, CandidateId, Command, Elector, EventKind, LinkId, Reason};

#[derive(Debug, Clone)]
pub(super) struct Wishes {
    pin: Option<String>,
    /// Until then nothing is said about a pin that is not honoured yet; a fail over starts a dwell.
    pin_from: Instant,
    pin_patience: Instant,
    force: Option<(String, Instant)>,
    pub(super) blocked: BTreeSet<String>,
    /// When the active relay is left.
    leave_at: Option<Instant>,
    /// The relay itself said to leave: nothing takes that back.
    told: bool,
    /// What was last said not to be met.
    unmet: Option<(String, String)>,
}

impl Wishes {
    pub(super) fn new(pin: Option<String>, now: Instant) -> Self {
        Self {
            pin,
            pin_from: now,
            pin_patience: now + WISH,
            force: None,
            blocked: BTreeSet::new(),
            leave_at: None,
            told: false,
            unmet: None,
        }
    }

    /// For a new race: what the user said holds, what relays said does not.
    pub(super) fn anew(&self, now: Instant) -> Self {
        Self { blocked: self.blocked.clone(), ..Self::new(self.pin.clone(), now) }
    }

    /// The active relay goes away, and the moment to leave it is set.
    pub(super) fn is_leaving(&self) -> bool {
        self.leave_at.is_some()
    }

    /// True where there is no pin.
    pub(super) fn is_pinned(&self, contender: &Contender) -> bool {
        self.pin.as_ref().is_none_or(|name| contender.is_called(name))
    }

    pub(super) fn has_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// True if the user asked for this one by name.
    pub(super) fn wants(&self, contender: &Contender) -> bool {
        let forced = self.force.as_ref().is_some_and(|(name, _)| contender.is_called(name));
        forced || self.pin.as_ref().is_some_and(|name| contender.is_called(name))
    }

    /// The incumbent was set: what concerned the old one is over.
    pub(super) fn moved(&mut self) {
        (self.leave_at, self.told) = (None, false);
    }

    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let force = self.force.as_ref().map(|(_, until)| *until);
        let pin = self.pin.is_some().then_some([self.pin_from, self.pin_patience]).into_iter().flatten();
        [self.leave_at, force].into_iter().flatten().chain(pin).filter(|at| *at > now).min()
    }
}

impl Elector {
    pub(super) fn command(&mut self, command: Command) {
        self.wishes.unmet = None;
        match command {
            Command::Pin(name) => {
                (self.wishes.pin_from, self.wishes.pin_patience) = (self.now, self.now + WISH);
                self.wishes.pin.clone_from(&name);
                self.improving = None;
                if let Some(name) = name {
                    self.ask_for(&name);
                }
            }
            Command::Force(name) => {
                if !self.incumbent_alive() {
                    return self.unmet(&name, "no link carries the call yet");
                }
                if self.ask_for(&name) {
                    self.wishes.force = Some((name, self.now + WISH));
                }
            }
            Command::Block(name) => self.block(name),
            Command::Unblock(name) => {
                self.wishes.blocked.remove(&name);
                let named: Vec<_> = self.contenders.values().filter(|c| c.is_called(&name)).map(|c| c.id).collect();
                for id in named {
                    self.race_soon(id);
                }
            }
        }
    }

    /// Lets what is called so be dialled and moved to at once; false, and said, if that cannot be.
    fn ask_for(&mut self, name: &str) -> bool {
        let now = self.now;
        let mut known = false;
        for contender in self.contenders.values_mut().filter(|contender| contender.is_called(name)) {
            known = true;
            contender.not_before = now;
            contender.shunned = None;
        }
        let usable = self.contenders.values().any(|c| c.is_called(name) && !self.is_blocked(c));
        match (known, usable) {
            (false, _) => self.unmet(name, "no such relay or region"),
            (true, false) => self.unmet(name, "it is blocked"),
            (true, true) => {}
        }
        usable
    }

    fn block(&mut self, name: String) {
        self.wishes.blocked.insert(name.clone());
        let moving = self.moving.as_ref().and_then(|moving| self.contender(moving.candidate));
        if moving.is_some_and(|contender| contender.is_called(&name)) {
            self.fail_move("blocked");
        }
        let active = self.active();
        let named = self.contenders.values().filter(|contender| contender.is_called(&name));
        let links: Vec<LinkId> = named.filter_map(Contender::link).filter(|link| Some(*link) != active).collect();
        for link in links {
            self.hang_up(link, None);
        }
        if self.contenders.values().all(|contender| self.is_blocked(contender)) {
            self.unmet(&name, "nothing else is left");
        }
        self.maintain();
    }

    /// Says once that a wish is not met, and why.
    fn unmet(&mut self, wish: &str, reason: &str) {
        let said = Some((wish.to_owned(), reason.to_owned()));
        if self.wishes.unmet != said {
            self.wishes.unmet = said;
            self.event(EventKind::Unmet { wish: wish.to_owned(), reason: reason.to_owned() });
        }
    }

    /// A move that somebody wished for failed.
    pub(super) fn wish_failed(&mut self, reason: Reason, error: &str) {
        match reason {
            Reason::Pin => {
                let wish = self.wishes.pin.clone().unwrap_or_default();
                self.unmet(&wish, error);
            }
            Reason::Force => self.unmet("force", error),
            Reason::Block => self.unmet("block", error),
            _ => {}
        }
    }

    /// The relay says that it goes away.
    pub(super) fn drain(&mut self, link: LinkId, deadline: Duration, spread: Duration) {
        let now = self.now;
        let Some(told) = self.on_link(link).cloned() else { return };
        for contender in self.contenders.values_mut().filter(|contender| contender.is_same_relay(&told)) {
            contender.draining = Some(now);
        }
        let moving = self.moving.as_ref().and_then(|moving| self.contender(moving.candidate));
        if moving.is_some_and(|contender| contender.is_same_relay(&told)) {
            self.fail_move("the relay goes away");
        }
        if self.active() == Some(link) && self.wishes.leave_at.is_none() {
            let spread = DRAIN_SPREAD.min(deadline / DRAIN_SHARE).min(spread);
            self.leave_within(spread);
        }
        self.wishes.told |= self.active() == Some(link);
        self.maintain();
    }

    /// A relay said ready in answer to a probe that was sent then: what drained is back.
    pub(super) fn recovered(&mut self, relay: &str, asked: Option<Instant>) {
        for contender in self.contenders.values_mut().filter(|contender| contender.candidate.relay == relay) {
            if contender.draining < asked {
                contender.draining = None;
            }
        }
    }

    fn leave_within(&mut self, spread: Duration) {
        self.wishes.leave_at = Some(self.now + self.rng.between(Duration::ZERO, spread));
        if self.best_elsewhere().is_none() {
            self.race_again(Duration::ZERO);
        }
    }

    /// Notices in an evaluation that the active relay drains or is gone from the manifest, or no longer.
    pub(super) fn plan_leaving(&mut self) {
        let Some(active) = self.active_contender() else { return };
        let said = active.relay_state == Some(crate::proto::probe::RelayState::Draining);
        match (active.draining.is_some() || said || !active.listed, self.wishes.leave_at) {
            (true, None) => self.leave_within(DRAIN_SPREAD),
            (false, Some(_)) if !self.wishes.told => self.wishes.leave_at = None,
            _ => {}
        }
    }

    /// The best of another relay that is not going away itself.
    fn best_elsewhere(&self) -> Option<CandidateId> {
        let active = self.active_contender()?;
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| self.contender(row.id).is_some_and(|c| !c.is_same_relay(active) && !c.unfit()));
        score::winner(&rows).map(|row| row.id)
    }

    /// Follows the wishes, the most pressing first. One move at a time, and none while the active link is in doubt.
    pub(super) fn pursue(&mut self) {
        let free = |elector: &Self| elector.incumbent_alive() && elector.moving.is_none() && elector.doubt.is_none();
        for rule in [Self::pursue_force, Self::pursue_block, Self::pursue_leaving, Self::pursue_pin, Self::improve_due]
        {
            if free(self) {
                rule(self);
            }
        }
    }

    fn best_called(&self, name: &str, fit: impl Fn(&Row) -> bool) -> Option<CandidateId> {
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| fit(row) && self.contender(row.id).is_some_and(|c| c.is_called(name)));
        score::winner(&rows).map(|row| row.id)
    }

    fn pursue_force(&mut self) {
        let Some((name, until)) = self.wishes.force.clone() else { return };
        let Some(active) = self.active_contender() else { return };
        let (active, there) = (active.id, active.is_called(&name));
        if there {
            self.wishes.force = None;
            self.keep(active, "force", format!("the call is at {name} already"));
        } else if let Some(id) = self.best_called(&name, |_| true) {
            self.wishes.force = None;
            self.start_move(id, Reason::Force);
        } else if self.now >= until {
            self.wishes.force = None;
            self.unmet(&name, "it does not answer");
        }
    }

    fn pursue_block(&mut self) {
        let Some(active) = self.active_contender().filter(|active| self.is_blocked(active)) else { return };
        let active = (active.id, active.candidate.relay.clone());
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| row.id != active.0);
        match score::winner(&rows).map(|row| row.id) {
            Some(id) => self.start_move(id, Reason::Block),
            None => self.unmet(&active.1, "blocked, but nothing else answers"),
        }
    }

    fn pursue_leaving(&mut self) {
        if self.wishes.leave_at.is_none_or(|at| self.now < at) {
            return;
        }
        let Some(active) = self.active_contender().map(|active| active.id) else { return };
        match self.best_elsewhere() {
            Some(id) => self.start_move(id, Reason::Drain),
            None => self.keep(active, "drain", "the relay goes away, and there is no other to go to".into()),
        }
    }

    fn pursue_pin(&mut self) {
        let Some(name) = self.wishes.pin.clone() else { return };
        if self.active_contender().is_some_and(|active| active.is_called(&name)) {
            self.wishes.unmet = None;
            return;
        }
        let ready = self.best_called(&name, |row| !row.class.not_ready);
        match ready {
            Some(id) if self.now >= self.wishes.pin_from => self.start_move(id, Reason::Pin),
            None if self.now >= self.wishes.pin_patience => self.unmet(&name, "it does not answer, or is not ready"),
            _ => {}
        }
    }

    /// The call had to leave: a pin that is no longer met says so, and is not followed back at once.
    pub(super) fn pin_left(&mut self, reason: Reason) {
        let Some(name) = self.wishes.pin.clone() else { return };
        let Some(active) = self.active_contender().filter(|active| !active.is_called(&name)) else { return };
        let carried = format!("carried by {} for now", active.candidate.relay);
        if reason == Reason::FailOver {
            self.wishes.pin_from = self.now + DWELL;
        }
        self.unmet(&name, &carried);
    }

    /// The manifest, whole. An empty one changes nothing.
    pub(super) fn manifest(&mut self, candidates: Vec<Candidate>) {
        if candidates.is_empty() {
            return;
        }
        for contender in self.contenders.values_mut() {
            contender.listed = false;
        }
        for candidate in candidates {
            if let Some(id) = self.enlist(candidate) {
                self.race_soon(id);
            }
        }
        let incumbent = self.incumbent.as_ref().map(|incumbent| incumbent.candidate);
        let gone = self.contenders.values().filter(|c| !c.listed && Some(c.id) != incumbent);
        let gone: Vec<_> = gone.map(|c| (c.id, c.link())).collect();
        for (id, link) in gone {
            if self.moving.as_ref().is_some_and(|moving| moving.candidate == id) {
                self.fail_move("gone from the manifest");
            }
            if let Some(link) = link {
                self.hang_up(link, None);
            }
            self.contenders.remove(&id);
        }
        self.plan_leaving();
        self.maintain();
    }
}
