//! What must hold for every output of an election, whatever the weather: checked as it runs.
//!
//! No output for a dead link, no id twice, no wake-up without work. Rules that need a longer look are left to whoever
//! reads the records.

use std::collections::BTreeSet;

use crate::election::{Input, LinkId, Output};
use crate::sim::Time;

/// Breaches that are kept: the first ones tell the story.
const KEPT: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Check {
    live: BTreeSet<LinkId>,
    last_link: Option<LinkId>,
    last_probe: Option<u64>,
    breaches: Vec<(Time, String)>,
}

impl Check {
    pub(super) fn breach(&mut self, now: Time, what: String) {
        if self.breaches.len() < KEPT {
            self.breaches.push((now, what));
        }
    }

    pub(super) fn breaches(&self) -> &[(Time, String)] {
        &self.breaches
    }

    pub(super) fn told(&mut self, _now: Time, input: &Input) {
        if let Input::DialFailed { link, .. } | Input::Closed { link, .. } = input {
            self.live.remove(link);
        }
    }

    pub(super) fn said(&mut self, now: Time, output: &Output) {
        match output {
            Output::Dial { link, .. } => {
                if self.last_link.is_some_and(|last| *link <= last) {
                    self.breach(now, format!("link id {link} is not new"));
                }
                self.last_link = Some(*link);
                self.live.insert(*link);
            }
            Output::HangUp { link } => {
                self.alive(now, *link, output);
                self.live.remove(link);
            }
            Output::Probe { link, id } => {
                self.alive(now, *link, output);
                if self.last_probe.is_some_and(|last| *id <= last) {
                    self.breach(now, format!("probe id {id} is not new"));
                }
                self.last_probe = Some(*id);
            }
            Output::Admit { link } | Output::Duplicate { link, .. } => self.alive(now, *link, output),
            Output::Move { from, to, .. } => {
                from.iter().for_each(|from| self.alive(now, *from, output));
                self.alive(now, *to, output);
            }
            Output::Elected { to, .. } => self.alive(now, *to, output),
            Output::Abandon { .. } | Output::Reconnecting | Output::Event(_) => {}
        }
    }

    fn alive(&mut self, now: Time, link: LinkId, output: &Output) {
        if !self.live.contains(&link) {
            self.breach(now, format!("output for the dead link {link}: {output:?}"));
        }
    }
}
