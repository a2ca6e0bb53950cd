//! What was lost of everybody's sound in the last seconds: a figure since the start says nothing of how it is now. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::proto::ParticipantId;

/// How far back it goes: long enough that one lost packet is none, short enough that a mended path is good again.
const SPAN: Duration = Duration::from_secs(5);
/// Most that is kept of one peer: one a second, and a little more for a clock that stutters.
const KEPT: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub struct Recent(BTreeMap<ParticipantId, VecDeque<(Instant, u32)>>);

impl Recent {
    /// Of what `peer` sent in the last second so much was lost, in 1/1000.
    pub fn add(&mut self, now: Instant, peer: ParticipantId, permille: u32) {
        let seconds = self.0.entry(peer).or_default();
        seconds.push_back((now, permille));
        if seconds.len() > KEPT {
            seconds.pop_front();
        }
    }

    /// The mean of the last seconds in which anything was expected, in 1/1000.
    pub fn of(&self, peer: ParticipantId, now: Instant) -> Option<u32> {
        let recent = |(at, _): &&(Instant, u32)| now.saturating_duration_since(*at) < SPAN;
        let seconds: Vec<u32> = self.0.get(&peer)?.iter().filter(recent).map(|(_, permille)| *permille).collect();
        seconds.iter().sum::<u32>().checked_div(seconds.len() as u32)
    }

    /// Whoever left is forgotten.
    pub fn left(&mut self, peer: ParticipantId) {
        self.0.remove(&peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_that_of_the_last_seconds_and_nothing_where_nothing_came() {
        let (start, one) = (crate::clock::now(), ParticipantId(1));
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut recent = Recent::default();
        assert_eq!(recent.of(one, start), None);
        (0..100).for_each(|second| recent.add(at(second), one, 200));
        assert_eq!(recent.of(one, at(99)), Some(200));
        (100..105).for_each(|second| recent.add(at(second), one, 0));
        assert_eq!(recent.of(one, at(104)), Some(0), "a mended path is good after five seconds");
        assert_eq!(recent.of(one, at(110)), None, "who is silent loses nothing");
        recent.left(one);
        assert_eq!(recent.of(one, at(104)), None);
    }
}
