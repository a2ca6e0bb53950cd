//! Lips in time: when a picture is to be shown so that it goes with the sound that was taken at the same moment. Pure.
//!
//! Sound is the master, for its playout is even and a change of it is heard: a picture waits until the sound of its capture
//! time is heard, [`MOST_HELD`] at most. Both are stamped by one clock of their sender, so nothing has to be guessed: the
//! mixer says which capture time is heard when ([`Heard`]), and a picture's place follows from its own. Used by
//! `video::receiver`; told by `call`, for the mixer does not know the receiver. Must never: make a picture wait where
//! nothing was heard for [`STALE`].

use std::time::{Duration, Instant};

/// A picture waits no longer for its sound, counted from its arrival: what is later than this on purpose is a delay that is
/// felt in talk.
pub const MOST_HELD: Duration = Duration::from_millis(300);
/// After so long without sound its relation to the pictures is forgotten. A silent microphone sends a packet in 0.4 s.
const STALE: Duration = Duration::from_secs(10);
/// A playout that jumps further than this is followed at once; what is less, in steps that nobody sees.
const JUMP_US: i64 = 100_000;
/// How fast pictures follow the sound, µs a second.
const SLEW_US_PER_S: i64 = 200_000;

/// What of a peer is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Capture time, µs on the peer's media clock.
    pub capture_us: u64,
    /// When sound of that moment leaves the speaker.
    pub at: Instant,
}

impl Heard {
    /// When sound of another moment leaves it, if nothing changes.
    fn of(&self, capture_us: u64) -> Instant {
        if capture_us >= self.capture_us {
            self.at + Duration::from_micros(capture_us - self.capture_us)
        } else {
            let before = Duration::from_micros(self.capture_us - capture_us);
            // Only a sender whose clocks have nothing in common gets so far back.
            self.at.checked_sub(before).unwrap_or(self.at)
        }
    }
}

/// One peer's sound and pictures.
#[derive(Debug, Default)]
pub struct Lips {
    /// As it was told last.
    heard: Option<Heard>,
    /// The same as pictures follow it.
    followed: Option<Heard>,
    /// When something new was told last.
    told: Option<Instant>,
}

impl Lips {
    /// What is heard, as often as somebody looks. The same again is silence.
    pub fn hear(&mut self, now: Instant, heard: Heard) {
        if self.heard == Some(heard) {
            return;
        }
        let before = self.followed.filter(|_| !self.is_stale(now)).map(|followed| followed.of(heard.capture_us));
        let at = before.map_or(heard.at, |before| {
            let off = micros_between(before, heard.at);
            let since = self.told.map_or(Duration::ZERO, |told| now.saturating_duration_since(told));
            let most = i64::try_from(since.as_micros()).unwrap_or(i64::MAX).saturating_mul(SLEW_US_PER_S) / 1_000_000;
            if off.abs() > JUMP_US { heard.at } else { shifted(before, off.clamp(-most, most)) }
        });
        self.heard = Some(heard);
        self.followed = Some(Heard { at, ..heard });
        self.told = Some(now);
    }

    /// When to show a picture of `capture_us` that is ready to be decoded at `now` and came at `arrived`: never before
    /// `now`, and `now` where it goes with no sound.
    pub fn due(&self, now: Instant, capture_us: u64, arrived: Instant) -> Instant {
        let Some(followed) = self.followed.filter(|_| !self.is_stale(now)) else { return now };
        followed.of(capture_us).min(arrived + MOST_HELD).max(now)
    }

    /// How far a picture that is shown at `shown` is from its sound, µs: positive where the picture is later than the
    /// sound. `None` where no sound is heard that it could go with.
    pub fn offset_us(&self, capture_us: u64, shown: Instant) -> Option<i64> {
        let heard = self.heard.filter(|_| !self.is_stale(shown))?;
        Some(micros_between(heard.of(capture_us), shown))
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.told.is_none_or(|told| now.saturating_duration_since(told) > STALE)
    }
}

/// How much longer sound waits where pictures are the slower ones: a little, and slowly, for a delay is felt in talk and a
/// change of it is heard. Told how late pictures are, ten times a second.
#[derive(Debug, Default)]
pub struct Courtesy {
    ms: f64,
    at: Option<Instant>,
}

impl Courtesy {
    /// Pictures that are later than this, ms, are waited for, until they are later by half of it.
    const LATE_MS: f64 = 30.0;
    /// How fast, ms a second; and how fast it ends where it is not needed.
    const UP: f64 = 20.0;
    const DOWN: f64 = 5.0;
    /// The most, ms.
    const MOST_MS: f64 = 150.0;

    /// `late_ms`: how much later than their sound pictures are ready to be shown, negative where they are ready before it;
    /// `None` where nobody knows. Gives what sound is to wait beyond its own need, ms: nothing for pictures that are so late
    /// that no wait would do.
    pub fn adjust(&mut self, now: Instant, late_ms: Option<f64>) -> f64 {
        let since = self.at.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let seconds = since.as_secs_f64().min(1.0);
        let spare = -late_ms.unwrap_or(f64::NEG_INFINITY);
        let hopeless = spare < -Self::LATE_MS - (Self::MOST_MS - self.ms);
        if hopeless {
            self.ms = (self.ms - Self::UP * seconds).max(0.0);
        } else if spare < -Self::LATE_MS {
            self.ms = (self.ms + Self::UP * seconds).min(Self::MOST_MS);
        } else if spare > 0.0 {
            self.ms = (self.ms - (Self::DOWN * seconds).min(spare)).max(0.0);
        } else if spare < -Self::LATE_MS / 2.0 && self.ms > 0.0 {
            self.ms = (self.ms + Self::DOWN * seconds).min(Self::MOST_MS);
        }
        self.ms
    }
}

fn micros_between(from: Instant, to: Instant) -> i64 {
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    match to.checked_duration_since(from) {
        Some(after) => micros(after),
        None => -micros(from.saturating_duration_since(to)),
    }
}

fn shifted(at: Instant, micros: i64) -> Instant {
    let by = Duration::from_micros(micros.unsigned_abs());
    if micros >= 0 { at + by } else { at.checked_sub(by).unwrap_or(at) }
}

/// How far pictures were from their sound.
#[derive(Debug, Clone)]
pub struct Offsets {
    /// How many were in each [`Self::STEP_MS`] from -[`Self::REACH`] steps on.
    counts: [u32; 2 * Self::REACH + 1],
    total: u32,
    /// Smoothed over some 60 pictures, µs.
    recent_us: Option<f64>,
}

impl Default for Offsets {
    fn default() -> Self {
        Self { counts: [0; 2 * Self::REACH + 1], total: 0, recent_us: None }
    }
}

impl Offsets {
    /// What is told apart.
    const STEP_MS: f64 = 2.0;
    /// Further off than so many steps (0.6 s) is counted as so far.
    const REACH: usize = 300;

    /// A picture was shown so far from its sound.
    pub fn add(&mut self, offset_us: i64) {
        let steps = (offset_us as f64 / 1000.0 / Self::STEP_MS).round() as i64;
        let reach = Self::REACH as i64;
        if let Some(count) = self.counts.get_mut((steps.clamp(-reach, reach) + reach) as usize) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
        let recent = self.recent_us.unwrap_or(offset_us as f64);
        self.recent_us = Some(recent + (offset_us as f64 - recent) / 60.0);
    }

    /// How it is lately, ms; positive where pictures are late.
    pub fn recent_ms(&self) -> Option<f64> {
        self.recent_us.map(|us| us / 1000.0)
    }

    /// The median of all, ms.
    pub fn median_ms(&self) -> Option<f64> {
        let all = self.counts.iter().enumerate().map(|(place, count)| (ms(place), *count));
        self.at_share(all, 0.5)
    }

    /// What 95 % of them are within, ms to either side.
    pub fn p95_ms(&self) -> Option<f64> {
        let reach = Self::REACH;
        let either = |far: usize| if far == 0 { 0 } else { self.counts[reach - far] };
        self.at_share((0..=reach).map(|far| (ms(reach + far), self.counts[reach + far] + either(far))), 0.95)
    }

    fn at_share(&self, counts: impl Iterator<Item = (f64, u32)>, share: f64) -> Option<f64> {
        let wanted = (f64::from(self.total) * share).ceil().max(1.0) as u32;
        let mut seen = 0u32;
        counts
            .filter(|_| self.total > 0)
            .find(|(_, count)| {
                seen = seen.saturating_add(*count);
                seen >= wanted
            })
            .map(|(ms, _)| ms)
    }
}

fn ms(place: usize) -> f64 {
    (place as f64 - Offsets::REACH as f64) * Offsets::STEP_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Sound that was taken `n` ms after the first is heard `delay` ms after it was taken.
    fn heard(start: Instant, n: u64, delay: u64) -> Heard {
        Heard { capture_us: n * 1000, at: start + MS(n + delay) }
    }

    #[test]
    fn a_picture_waits_for_its_sound_and_no_longer_than_the_bound() {
        let (mut lips, start) = (Lips::default(), crate::clock::now());
        lips.hear(start + MS(120), heard(start, 0, 120));
        let due = |capture_ms: u64, now: u64| lips.due(start + MS(now), capture_ms * 1000, start + MS(now)) - start;
        assert_eq!(due(100, 150), MS(220), "early: waits");
        assert_eq!(due(100, 230), MS(230), "late: at once");
        assert_eq!(due(1000, 150), MS(450), "far ahead: shown without its sound");
        assert_eq!(lips.offset_us(100_000, start + MS(250)), Some(30_000), "late is positive");
        assert_eq!(lips.offset_us(100_000, start + MS(200)), Some(-20_000));
    }

    #[test]
    fn without_sound_no_picture_waits() {
        let (mut lips, start) = (Lips::default(), crate::clock::now());
        assert_eq!(lips.due(start, 5_000, start), start);
        assert_eq!(lips.offset_us(5_000, start), None);
        let said = heard(start, 0, 200);
        lips.hear(start, said);
        for second in 1..=9 {
            // Nothing new: whoever looks tells the same again.
            lips.hear(start + MS(second * 1000), said);
        }
        let (soon, late) = (start + MS(9_900), start + MS(10_100));
        assert_eq!(lips.due(soon, 9_900_000, soon), soon + MS(200), "a pause keeps the relation");
        assert_eq!(lips.due(late, 10_100_000, late), late, "a sender without sound");
    }

    #[test]
    fn a_playout_that_grows_is_followed_smoothly_and_a_jump_at_once() {
        let (mut lips, start) = (Lips::default(), crate::clock::now());
        let told = |lips: &mut Lips, n: u64, delay: u64| {
            let now = start + MS(n + delay);
            lips.hear(now, heard(start, n, delay));
            lips.due(now, (n + 500) * 1000, now + MS(500)) - now
        };
        assert_eq!(told(&mut lips, 0, 100), MS(500));
        assert_eq!(told(&mut lips, 100, 160), MS(472), "32 of 60 ms: 160 ms have passed");
        let mut last = Duration::ZERO;
        (2..10).for_each(|n| last = told(&mut lips, n * 100, 160));
        assert_eq!(last, MS(500));
        assert_eq!(told(&mut lips, 1000, 400), MS(500), "at once");
    }

    #[test]
    fn sound_waits_for_slow_pictures_a_little_and_slowly_and_no_longer_than_it_must() {
        let (mut courtesy, start) = (Courtesy::default(), crate::clock::now());
        let mut tick = 0;
        // Pictures are ready `slow` ms after the sound that does not wait.
        let mut run = |courtesy: &mut Courtesy, seconds: u32, slow: Option<f64>| {
            let mut ms = 0.0;
            for _ in 0..seconds * 10 {
                tick += 1;
                let late = slow.map(|slow| slow - courtesy.ms);
                ms = courtesy.adjust(start + MS(100) * tick, late);
            }
            ms
        };
        assert_eq!(run(&mut courtesy, 10, Some(20.0)), 0.0, "nobody sees 20 ms");
        let waits = run(&mut courtesy, 1, Some(120.0));
        assert!((15.0..=20.5).contains(&waits), "{waits} ms after a second");
        let waits = run(&mut courtesy, 20, Some(120.0));
        assert!((90.0..=106.0).contains(&waits), "{waits} ms for 120");
        assert_eq!(run(&mut courtesy, 60, Some(900.0)), 0.0, "no wait would do");
        assert!(run(&mut courtesy, 60, Some(170.0)) <= 150.0);
        assert!((run(&mut courtesy, 60, Some(10.0)) - 10.0).abs() < 0.01, "pictures are quick again");
        assert_eq!(run(&mut courtesy, 60, None), 0.0, "there are none");
    }

    #[test]
    fn clocks_that_have_nothing_in_common_are_no_trouble() {
        let (mut lips, now) = (Lips::default(), crate::clock::now());
        for capture_us in [u64::MAX, 0, u64::MAX / 2] {
            lips.hear(now, Heard { capture_us, at: now });
            for of in [0, 1, u64::MAX / 4] {
                assert!(lips.due(now, of, now) <= now + MOST_HELD);
                assert!(lips.offset_us(of, now).is_some());
            }
        }
    }

    #[test]
    fn offsets_are_told_by_their_middle_and_by_what_most_are_within() {
        let mut offsets = Offsets::default();
        assert_eq!((offsets.median_ms(), offsets.p95_ms(), offsets.recent_ms()), (None, None, None));
        (0..90).for_each(|_| offsets.add(-12_000));
        (0..8).for_each(|_| offsets.add(30_000));
        (0..2).for_each(|_| offsets.add(5_000_000));
        assert_eq!((offsets.median_ms(), offsets.p95_ms()), (Some(-12.0), Some(30.0)));
    }
}
