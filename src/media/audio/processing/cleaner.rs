//! The microphone's thread's use of the processor: brings what was played in step with each frame, and follows switches.

use super::follow::Follower;
use super::played::Claim;
use super::{CHUNK, Cleaning, Processor, Switches};
use crate::media::MediaClock;
use crate::media::audio::Frame;

/// Length of a chunk, µs.
const CHUNK_US: u64 = 10_000;

/// Cleans what one microphone delivers.
pub struct Cleaner {
    processor: Processor,
    claim: Claim,
    clock: MediaClock,
    /// The stream of the speaker that is followed, by its number.
    follows: Option<(u64, Follower)>,
}

impl Cleaner {
    /// For a microphone whose frames have times of `clock`.
    pub fn new(cleaning: &Cleaning, clock: MediaClock) -> Self {
        let (processor, claim) = (Processor::new(cleaning.switches), cleaning.played.claim());
        Self { processor, claim, clock, follows: None }
    }

    /// The microphone is another one, or began anew: its count starts again.
    pub fn restart(&mut self) {
        self.follows = None;
        self.processor.forget_echo();
    }

    /// Cleans a frame, in place, whose first sample was taken at `capture_us`; returns when the first sample of what came out
    /// was taken.
    pub fn clean(&mut self, frame: &mut Frame, capture_us: u64, switches: Switches) -> u64 {
        self.processor.set(switches);
        self.listen();
        let mut far = [0.0; CHUNK];
        for (near, n) in frame.as_chunks_mut::<CHUNK>().0.iter_mut().zip(0..) {
            let follower = self.follows.as_mut().map(|(_, follower)| follower);
            let played = follower.map(|follower| {
                follower.take(capture_us + n * CHUNK_US, &mut far);
                &far
            });
            self.processor.process(near, played);
        }
        capture_us.saturating_sub(self.processor.delay_us())
    }

    /// Takes in what was played since the last time.
    fn listen(&mut self) {
        let (follows, processor, clock) = (&mut self.follows, &mut self.processor, &self.clock);
        let heard = self.claim.read(|stream, heard| {
            if follows.as_ref().is_none_or(|(known, _)| *known != stream) {
                processor.forget_echo();
                let follower = Follower::new(heard.rate()).inspect_err(|error| tracing::error!(%error, "echo"));
                *follows = follower.ok().map(|follower| (stream, follower));
            }
            while let Some((at, start, samples)) = heard.take_next() {
                if let Some((_, follower)) = follows {
                    follower.played(clock.us_at(at), start, samples);
                }
            }
        });
        if heard.is_none() {
            self.follows = None;
        }
    }
}
