//! The microphone of somebody who is muted: open while a key is held, and whether somebody talks into it unheard. Pure.
//!
//! Push-to-talk fails closed. Whoever holds the key says so again and again; where that stays out, whatever the reason,
//! the microphone is muted again. Nobody has to be told that the key went up.

use std::time::{Duration, Instant};

use super::speaker::Talker;

/// The microphone stays open for so long after the key was last said to be held: twice and a half what a window takes
/// to say it again.
const LEASE: Duration = Duration::from_millis(500);
/// Frames of 20 ms for which it is shown that somebody talks unheard, after the last word of it (3 s).
const SHOWN: usize = 150;

/// See the module.
#[derive(Debug, Default)]
pub struct Talk {
    /// The key was held: open until then.
    until: Option<Instant>,
    talker: Talker,
    shown: usize,
}

impl Talk {
    /// The key is held: open for the time of a lease from now.
    pub fn hold(&mut self, now: Instant) {
        self.until = Some(now + LEASE);
    }

    /// Ends it; whether it was open.
    pub fn end(&mut self) -> bool {
        self.until.take().is_some()
    }

    /// Ends it where nobody says any more that the key is held; whether that is so.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until) && self.end()
    }

    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// Takes in how loud the microphone was, 20 ms by 20 ms: RMS, 0.0..=1.0; whether that is a voice; and whether it is
    /// muted.
    pub fn listen(&mut self, levels: &[f32], voice: bool, muted: bool) {
        if !muted {
            (self.talker, self.shown) = (Talker::default(), 0);
            return;
        }
        for level in levels {
            self.talker.feed(if voice { *level } else { 0.0 });
            self.shown = if self.talker.insists() { SHOWN } else { self.shown.saturating_sub(1) };
        }
    }

    /// Whether somebody talks into the muted microphone, or did a moment ago.
    pub fn is_unheard(&self) -> bool {
        self.shown > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microphone_that_nobody_holds_open_any_more_closes() {
        let start = crate::clock::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut talk = Talk::default();
        assert!(!talk.is_open() && !talk.expire(at(0)) && !talk.end());
        for ms in [0, 200, 400, 800] {
            talk.hold(at(ms));
        }
        assert!(!talk.expire(at(1299)) && talk.is_open());
        assert!(talk.expire(at(1300)) && !talk.is_open(), "it was said for the last time at 800");
        assert!(!talk.expire(at(1400)), "it closes once");
        talk.hold(at(2000));
        assert!(talk.end() && !talk.is_open());
    }

    #[test]
    fn whoever_talks_while_muted_is_told_and_whoever_coughs_or_is_heard_is_not() {
        let (speech, silence) = ([0.1; 75], [0.001; 75]);
        let mut unheard = Talk::default();
        unheard.listen(&silence, true, true);
        unheard.listen(&speech[..15], true, true);
        unheard.listen(&silence, true, true);
        assert!(!unheard.is_unheard(), "a cough");
        unheard.listen(&speech, true, false);
        assert!(!unheard.is_unheard(), "heard");
        unheard.listen(&speech[..30], true, true);
        assert!(!unheard.is_unheard(), "the end of a sentence after the key");
        unheard.listen(&speech, true, true);
        assert!(unheard.is_unheard());
        unheard.listen(&silence, true, true);
        assert!(unheard.is_unheard(), "for a moment after the last word");
        (0..3).for_each(|_| unheard.listen(&silence, true, true));
        assert!(!unheard.is_unheard());
        unheard.listen(&speech, true, true);
        unheard.listen(&[], true, false);
        assert!(!unheard.is_unheard(), "unmuted");
        unheard.listen(&speech, false, true);
        assert!(!unheard.is_unheard(), "a vacuum cleaner");
    }
}
