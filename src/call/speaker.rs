//! Who speaks: from loudness, with a hold so that what follows it does not flicker. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::proto::ParticipantId;

/// Peaks above this are speech rather than a room, 0-1 (-30 dBFS).
const SPEECH: f32 = 0.03;
/// Whoever spoke is speaking for so long: the pauses between words.
const WORDS: Duration = Duration::from_millis(600);
/// The speaker of the room stays one at least so long, unless it falls silent.
const HOLD: Duration = Duration::from_millis(1500);

/// See the module.
#[derive(Debug, Default)]
pub struct Speakers {
    heard: BTreeMap<ParticipantId, Instant>,
    current: Option<(ParticipantId, Instant)>,
}

impl Speakers {
    /// Takes in how loud everybody is, 0.0..=1.0. Whoever is not listed has left.
    pub fn feed(&mut self, now: Instant, levels: &BTreeMap<ParticipantId, f32>) {
        self.heard.retain(|id, _| levels.contains_key(id));
        for (id, level) in levels {
            if *level >= SPEECH {
                self.heard.insert(*id, now);
            }
        }
        let loudest = levels.iter().filter(|(_, level)| **level >= SPEECH).max_by(|a, b| a.1.total_cmp(b.1));
        let (keeps, gone) = match self.current {
            Some((id, since)) => {
                let held = now.saturating_duration_since(since) < HOLD;
                ((held || loudest.is_none()) && levels.contains_key(&id), !levels.contains_key(&id))
            }
            None => (false, true),
        };
        match loudest {
            _ if keeps => {}
            Some((id, _)) if self.current.is_none_or(|(current, _)| current != *id) => self.current = Some((*id, now)),
            Some(_) => {}
            None if gone => self.current = None,
            None => {}
        }
    }

    /// Whether somebody is speaking.
    pub fn speaks(&self, now: Instant, id: ParticipantId) -> bool {
        self.heard.get(&id).is_some_and(|at| now.saturating_duration_since(*at) < WORDS)
    }

    /// Who speaks, or spoke last.
    pub fn current(&self) -> Option<ParticipantId> {
        self.current.map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speaker_changes_after_a_hold_and_stays_through_silence() {
        let (ada, ben) = (ParticipantId(1), ParticipantId(2));
        let start = crate::clock::now();
        let mut speakers = Speakers::default();
        let rows: [(u64, f32, f32, Option<ParticipantId>, &str); 7] = [
            (0, 0.0, 0.0, None, "nobody has spoken"),
            (100, 0.2, 0.0, Some(ada), "the first one who does"),
            (300, 0.1, 0.5, Some(ada), "a cough does not take over"),
            (1700, 0.1, 0.5, Some(ben), "somebody louder does after the hold"),
            (3500, 0.0, 0.0, Some(ben), "silence changes nothing"),
            (3600, 0.2, 0.0, Some(ada), "and the next one takes over at once"),
            (3700, 0.01, 0.01, Some(ada), "a room's noise is no speech"),
        ];
        for (ms, a, b, expected, why) in rows {
            let now = start + Duration::from_millis(ms);
            speakers.feed(now, &BTreeMap::from([(ada, a), (ben, b)]));
            assert_eq!(speakers.current(), expected, "{why}");
        }
        let now = start + Duration::from_millis(3800);
        assert!(speakers.speaks(now, ada) && !speakers.speaks(now, ben));
        speakers.feed(now, &BTreeMap::from([(ben, 0.0)]));
        assert_eq!(speakers.current(), None, "whoever left speaks no more");
    }
}
