//! Who is kept warm, who is kept connected, and who is hung up.
//!
//! One warm standby, two more connected and idle, the others in light rounds. Never: a change of who carries the call.

use std::collections::BTreeSet;

use super::contender::{Admission, Contender};
use super::rules::{ATTEMPT, ATTEMPT_TRIPS, CHECKS, IDLE_LINKS, LONG_WINDOW, NEAR, NOTICEABLE_MS, STANDBY_RUN};
use super::score::{self, Row};
use super::{CandidateId, Elector, EventKind, Output};

/// How well a candidate can stand by; lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// Another relay, near.
    Near,
    /// The same relay by another transport or address: survives the path, not the relay.
    Same,
    /// Another relay, far: better than none.
    Far,
}

impl Elector {
    /// Brings standby and connections to what they should be. Cheap, and called whenever something changed.
    pub(super) fn maintain(&mut self) {
        if !self.incumbent_alive() {
            return;
        }
        self.prune_unlisted();
        if self.moving.is_some() {
            return;
        }
        self.drop_bad_standby();
        self.choose_standby();
        if self.doubt.is_none() {
            self.hang_up_spare();
            self.fill();
        }
    }

    fn prune_unlisted(&mut self) {
        let incumbent = self.incumbent.as_ref().map(|incumbent| incumbent.candidate);
        self.contenders.retain(|id, contender| contender.listed || !contender.is_idle() || Some(*id) == incumbent);
    }

    fn drop_bad_standby(&mut self) {
        let Some(contender) = self.standby.and_then(|id| self.contender(id)) else { return };
        // In doubt everything may be silent, and nobody is blamed.
        let silent = self.doubt.is_none() && contender.path.overdue_run(STANDBY_RUN, self.now);
        let Some(link) = contender.connected() else { return };
        let attempt = ATTEMPT.max(contender.path.srtt().unwrap_or_default() * ATTEMPT_TRIPS);
        let late = matches!(contender.admission, Admission::Asked { since } if self.now >= since + attempt);
        let ignored = self.doubt.is_none() && late;
        if silent || ignored || contender.unfit() || !self.may_carry(contender) {
            let why = match (silent, ignored) {
                (true, _) => "fell silent",
                (_, true) => "answers probes and admits nobody",
                _ => "not fit for a standby",
            };
            self.hang_up(link, Some(why.into()));
        }
    }

    /// Candidates that could stand by, by tier.
    fn standby_rows(&self) -> Vec<(Tier, Row)> {
        let Some(active) = self.active_contender() else { return Vec::new() };
        let active_ms = self.mean_ms(active.id, LONG_WINDOW);
        let tier = |row: &Row| {
            let contender = self.contender(row.id)?;
            if row.id == active.id || contender.unfit() || !contender.listed {
                return None;
            }
            let near = contender.candidate.region == active.candidate.region
                || active_ms.is_some_and(|active_ms| row.mean_ms <= (active_ms * NEAR).max(active_ms + NOTICEABLE_MS));
            Some(match (contender.is_same_relay(active), near) {
                (true, _) => Tier::Same,
                (false, true) => Tier::Near,
                (false, false) => Tier::Far,
            })
        };
        self.rows(1, LONG_WINDOW).into_iter().filter_map(|row| Some((tier(&row)?, row))).collect()
    }

    fn choose_standby(&mut self) {
        let rows = self.standby_rows();
        let Some(best_tier) = rows.iter().map(|(tier, _)| *tier).min() else { return };
        let of_tier = rows.iter().filter(|(tier, _)| *tier == best_tier).map(|(_, row)| row);
        let Some(best) = score::winner(of_tier) else { return };
        let Some(current) = self.standby else { return self.appoint(best.id) };
        // A change costs an admission: it takes a better tier or a worthwhile gain, for long enough.
        let better = rows.iter().find(|(_, row)| row.id == current).is_some_and(|(tier, row)| {
            best_tier < *tier || row.score_ms - best.score_ms >= score::worthwhile_ms(row.score_ms)
        });
        if !better {
            self.standby_rival = None;
        } else if self.standby_rival.is_some_and(|(id, count)| id == best.id && count >= CHECKS) {
            if let Some(link) = self.contender(current).and_then(Contender::link) {
                self.hang_up(link, None);
            }
            self.appoint(best.id);
        }
    }

    /// Counts an evaluation for whoever looks better than the standby.
    pub(super) fn evaluate_standby(&mut self) {
        let rows = self.standby_rows();
        let Some(best_tier) = rows.iter().map(|(tier, _)| *tier).min() else { return };
        let best = score::winner(rows.iter().filter(|(tier, _)| *tier == best_tier).map(|(_, row)| row));
        self.standby_rival = best.filter(|row| Some(row.id) != self.standby).map(|row| match self.standby_rival {
            Some((id, count)) if id == row.id => (id, count.saturating_add(1)),
            _ => (row.id, 1),
        });
    }

    fn appoint(&mut self, id: CandidateId) {
        let Some(contender) = self.contenders.get_mut(&id) else { return };
        let Some(link) = contender.connected() else { return };
        let warm = contender.admission == Admission::Yes;
        self.standby = Some(id);
        self.standby_rival = None;
        if warm {
            self.event(EventKind::Standby { candidate: Some(id) });
            self.sync_duplicates();
        } else if contender.admission == Admission::No {
            contender.admission = Admission::Asked { since: self.now };
            self.output(Output::Admit { link });
        }
    }

    /// True for links that have a purpose of their own.
    fn has_purpose(&self, contender: &Contender) -> bool {
        let active = self.incumbent.as_ref().is_some_and(|incumbent| incumbent.candidate == contender.id);
        active
            || self.standby == Some(contender.id)
            || self.wishes.wants(contender)
            || self.is_sibling_of_active(contender)
            || self.now < contender.trial
            || contender.better > 0
            || contender.level > 0
            || self.improving.as_ref().is_some_and(|(id, _, _)| *id == contender.id)
    }

    /// The next two stay; the rest is hung up, once the race is over.
    fn hang_up_spare(&mut self) {
        if !self.race.over {
            return;
        }
        let purposeful = |contender: &&Contender| contender.connected().is_some() && self.has_purpose(contender);
        let mut kept: BTreeSet<CandidateId> = self.contenders.values().filter(purposeful).map(|c| c.id).collect();
        let near = [self.active_contender().map(|c| c.id), self.standby];
        let named = near.into_iter().flatten().filter_map(|id| self.contender(id));
        let mut relays: BTreeSet<String> = named.map(|c| c.candidate.relay.clone()).collect();
        let mut rows = self.rows(1, LONG_WINDOW);
        rows.retain(|row| self.contender(row.id).is_some_and(|c| !self.is_superfluous(c)));
        score::rank(&mut rows);
        let mut idle = 0;
        for row in rows {
            if idle < IDLE_LINKS && relays.insert(row.relay) {
                kept.insert(row.id);
                idle += 1;
            }
        }
        let spare = |contender: &&Contender| contender.connected().is_some() && !kept.contains(&contender.id);
        let spare: Vec<_> = self.contenders.values().filter(spare).filter_map(Contender::connected).collect();
        for link in spare {
            self.hang_up(link, None);
        }
    }

    /// Dials what is missing of the next two and the standby.
    fn fill(&mut self) {
        if !self.race.over {
            return;
        }
        let Some(active) = self.active_contender() else { return };
        let own = active.candidate.relay.clone();
        let linked = self.contenders.values().filter(|c| !c.is_idle() && !c.unfit());
        let mut relays: BTreeSet<String> = linked.map(|c| c.candidate.relay.clone()).collect();
        relays.remove(&own);
        let abroad = self.standby.and_then(|id| self.contender(id)).is_some_and(|c| c.candidate.relay != own);
        let wanted = IDLE_LINKS + usize::from(abroad);
        let may = |c: &&Contender| c.is_idle() && c.listed && !self.is_blocked(c) && self.now >= c.not_before;
        let mut spare: Vec<&Contender> = self
            .contenders
            .values()
            .filter(may)
            .filter(|c| c.candidate.relay != own && !self.is_superfluous(c))
            .collect();
        let key = |c: &Contender| c.last_score_ms.unwrap_or(f64::MAX);
        spare.sort_by(|a, b| a.failures.cmp(&b.failures).then(key(a).total_cmp(&key(b))));
        let mut dials = Vec::new();
        for contender in spare {
            if relays.len() < wanted && relays.insert(contender.candidate.relay.clone()) {
                dials.push(contender.id);
            }
        }
        if relays.is_empty() && self.standby.is_none() {
            // One relay alone: its other transport is all the standby that there can be.
            dials.extend(self.contenders.values().filter(may).filter(|c| c.candidate.relay == own).map(|c| c.id));
        }
        for id in dials {
            self.dial(id);
        }
    }
}
