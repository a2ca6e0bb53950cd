//! One direction of a way between a client and a relay: what becomes of a packet, and when it arrives.
//!
//! What a path is like is data over time ([`Course`]), so that a test can draw it, shrink it and print it. `world` asks
//! [`Path::send`] for every packet. Never: retransmission, which is the business of whoever wants a packet to arrive.

use std::time::Duration;

use super::Time;
use super::rng::Rng;

/// The Gilbert-Elliott chain takes a step so often, whatever is sent: a burst lasts for a time, not for a count.
const SLOT: Duration = Duration::from_millis(20);

/// What one direction is like at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Condition {
    /// One way, without everything below.
    pub delay: Duration,
    /// Added to the delay of each packet.
    pub jitter: Jitter,
    /// A slow swing of the delay.
    pub swing: Option<Swing>,
    pub loss: Loss,
    /// Without it packets arrive in the order in which they were sent.
    pub reorder: Option<Reorder>,
    /// Without it there is room for everything.
    pub rate: Option<Rate>,
    /// Nothing gets through.
    pub down: bool,
}

/// What is added to each packet's delay: never negative, so that `delay` stays the least.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Jitter {
    #[default]
    None,
    /// Anything up to this, all of it alike; half of it on the average.
    Uniform(Duration),
    /// The size of a normally distributed number with this standard deviation; 0.8 of it on the average.
    Normal(Duration),
}

/// `amplitude` x sin(turn), added to the delay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Swing {
    pub amplitude: Duration,
    pub period: Duration,
    /// Where it begins, in turns: 0.5 is antiphase.
    pub phase: f64,
}

/// How packets are lost. Probabilities are 0-1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Loss {
    #[default]
    None,
    /// Each by itself.
    Random(f64),
    /// In bursts (Gilbert 1960, Elliott 1963): two states, each with its loss, and the probabilities of going from one to
    /// the other every 20 ms.
    Gilbert { good: f64, bad: f64, worsens: f64, recovers: f64 },
}

/// A share of the packets, 0-1, is late by up to so much, and others overtake them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reorder {
    pub share: f64,
    pub by: Duration,
}

/// A bottleneck with a queue before it. What does not fit into the queue is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub bits_per_second: u64,
    pub queue_bytes: u32,
}

impl Condition {
    /// Half of this round trip, and nothing else.
    pub fn half_of_rtt_ms(rtt_ms: f64) -> Self {
        Self { delay: super::ms(rtt_ms / 2.0), ..Self::default() }
    }

    /// Nothing gets through.
    pub fn down() -> Self {
        Self { down: true, ..Self::default() }
    }
}

/// What one direction is like over time: each condition holds from its moment on, the first from the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Course(Vec<(Time, Condition)>);

impl Course {
    /// The same for ever.
    pub fn steady(condition: Condition) -> Self {
        Self(vec![(Time::ZERO, condition)])
    }

    /// From `at` on it is like this.
    #[must_use]
    pub fn then(mut self, at: Time, condition: Condition) -> Self {
        self.0.push((at, condition));
        self.0.sort_by_key(|(at, _)| *at);
        self
    }

    /// From `from` to `to` (excluded) it is changed by `change`, condition by condition.
    #[must_use]
    pub fn during(mut self, from: Time, to: Time, change: impl Fn(&mut Condition)) -> Self {
        for edge in [from, to] {
            let before = self.at(edge);
            self = self.then(edge, before);
        }
        self.0.iter_mut().filter(|(at, _)| (from..to).contains(at)).for_each(|(_, condition)| change(condition));
        self
    }

    /// What holds at a moment.
    pub fn at(&self, at: Time) -> Condition {
        let next = self.0.partition_point(|(from, _)| *from <= at);
        self.0[next.saturating_sub(1)].1
    }

    /// The moments at which something changes, the start included.
    pub fn steps(&self) -> &[(Time, Condition)] {
        &self.0
    }
}

/// A course and where packets are on it.
#[derive(Debug, Clone)]
pub(super) struct Path {
    course: Course,
    /// The condition that holds at the last moment that was asked about.
    step: usize,
    /// State of the Gilbert-Elliott chain, and up to when it was followed.
    bad: bool,
    followed: Time,
    /// The bottleneck is busy until then.
    busy: Time,
    /// When the last packet arrives that was not overtaken.
    last: Time,
}

impl Path {
    pub(super) fn new(course: Course) -> Self {
        Self { course, step: 0, bad: false, followed: Time::ZERO, busy: Time::ZERO, last: Time::ZERO }
    }

    /// From now on it goes by another course. What is under way arrives as it was to.
    pub(super) fn set(&mut self, course: Course) {
        (self.course, self.step) = (course, 0);
    }

    /// What holds now. Time does not go back.
    pub(super) fn condition(&mut self, now: Time) -> Condition {
        let steps = &self.course.0;
        while steps.get(self.step + 1).is_some_and(|(at, _)| *at <= now) {
            self.step += 1;
        }
        steps[self.step].1
    }

    /// When a packet that is sent now arrives; `None` if it does not.
    pub(super) fn send(&mut self, now: Time, bytes: u32, rng: &mut Rng) -> Option<Time> {
        let condition = self.condition(now);
        if condition.down || self.loses(now, condition.loss, rng) {
            return None;
        }
        let sent = self.through_the_bottleneck(now, bytes, condition.rate)?;
        let mut delay = condition.delay;
        if let Some(Swing { amplitude, period, phase }) = condition.swing {
            let turns = now.as_secs_f64() / period.as_secs_f64().max(1e-3) + phase;
            let swing = amplitude.as_secs_f64() * (turns * std::f64::consts::TAU).sin();
            delay = Duration::from_secs_f64((delay.as_secs_f64() + swing).max(0.0));
        }
        delay += match condition.jitter {
            Jitter::None => Duration::ZERO,
            Jitter::Uniform(most) => most.mul_f64(rng.unit()),
            Jitter::Normal(deviation) => deviation.mul_f64(rng.normal().abs()),
        };
        if let Some(Reorder { share, by }) = condition.reorder
            && rng.chance(share)
        {
            return Some(sent + delay + by.mul_f64(rng.unit()));
        }
        self.last = self.last.max(sent + delay);
        Some(self.last)
    }

    fn loses(&mut self, now: Time, loss: Loss, rng: &mut Rng) -> bool {
        match loss {
            Loss::None => false,
            Loss::Random(share) => rng.chance(share),
            Loss::Gilbert { good, bad, worsens, recovers } => {
                let slots = (now.saturating_sub(self.followed).as_nanos() / SLOT.as_nanos()) as i32;
                if slots > 0 {
                    // Many steps of the chain at once: its eigenvalue tells how much of the old state is left.
                    let total = (worsens + recovers).clamp(1e-9, 2.0);
                    let (share, left) = (worsens / total, (1.0 - total).powi(slots));
                    self.bad = rng.chance(share + (f64::from(u8::from(self.bad)) - share) * left);
                    self.followed += SLOT * slots.unsigned_abs();
                }
                rng.chance(if self.bad { bad } else { good })
            }
        }
    }

    /// When the packet has passed the bottleneck; `None` if the queue is full.
    fn through_the_bottleneck(&mut self, now: Time, bytes: u32, rate: Option<Rate>) -> Option<Time> {
        let Some(Rate { bits_per_second, queue_bytes }) = rate else { return Some(now) };
        let takes = |bytes: u32| Duration::from_secs_f64(f64::from(bytes) * 8.0 / bits_per_second.max(1) as f64);
        let start = self.busy.max(now);
        if start - now + takes(bytes) > takes(queue_bytes.max(bytes)) {
            return None;
        }
        self.busy = start + takes(bytes);
        Some(self.busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::ms;

    fn path(condition: Condition) -> Path {
        Path::new(Course::steady(condition))
    }

    #[test]
    fn a_course_holds_from_step_to_step_and_an_interval_changes_only_itself() {
        let of = Condition::half_of_rtt_ms;
        let course = Course::steady(of(40.0)).then(ms(100.0), of(80.0)).during(ms(50.0), ms(150.0), |c| c.down = true);
        let read = |at: f64| (course.at(ms(at)).delay.as_millis(), course.at(ms(at)).down);
        assert_eq!(
            [49.0, 50.0, 99.0, 100.0, 149.0, 150.0].map(read),
            [(20, false), (20, true), (20, true), (40, true), (40, true), (40, false)]
        );
    }

    #[test]
    fn jitter_alone_never_reorders_and_reordering_does() {
        let jittery = Condition { jitter: Jitter::Uniform(ms(50.0)), ..Condition::half_of_rtt_ms(40.0) };
        let reorder = Some(Reorder { share: 0.2, by: ms(60.0) });
        for (condition, ordered) in [(jittery, true), (Condition { reorder, ..jittery }, false)] {
            let (mut path, mut rng) = (path(condition), Rng::new(1));
            let arrivals: Vec<_> = (0..200).map(|n| path.send(ms(f64::from(n) * 20.0), 100, &mut rng)).collect();
            assert_eq!(arrivals.is_sorted(), ordered);
            assert!(arrivals.iter().enumerate().all(|(n, at)| at.unwrap() >= ms(n as f64 * 20.0 + 20.0)));
        }
    }

    #[test]
    fn losses_are_as_many_as_asked_for_and_bursts_come_in_bursts() {
        let gilbert = Loss::Gilbert { good: 0.0, bad: 0.5, worsens: 0.02, recovers: 0.18 };
        for (loss, share, in_a_row) in [(Loss::Random(0.05), 0.05, 0.05), (gilbert, 0.05, 0.41)] {
            let (mut path, mut rng) = (path(Condition { loss, ..Condition::default() }), Rng::new(2));
            let lost: Vec<bool> = (0..100_000).map(|n| path.send(SLOT * n, 100, &mut rng).is_none()).collect();
            let count = lost.iter().filter(|lost| **lost).count() as f64;
            let pairs = lost.windows(2).filter(|pair| pair[0] && pair[1]).count() as f64;
            assert!((count / 1e5 - share).abs() < 0.005, "{loss:?}: {count}");
            assert!((pairs / count - in_a_row).abs() < 0.03, "{loss:?}: {}", pairs / count);
        }
    }

    #[test]
    fn a_bottleneck_queues_and_then_drops_the_tail() {
        // A packet takes 10 ms; four fit.
        let rate = Some(Rate { bits_per_second: 80_000, queue_bytes: 400 });
        let (mut path, mut rng) = (path(Condition { rate, ..Condition::default() }), Rng::new(3));
        let mut send = |at: f64| path.send(ms(at), 100, &mut rng).map(|at| at.as_millis());
        assert_eq!([0.0; 6].map(&mut send), [Some(10), Some(20), Some(30), Some(40), None, None]);
        assert_eq!(send(25.0), Some(50));
    }

    #[test]
    fn nothing_passes_a_path_that_is_down() {
        let (mut path, mut rng) = (path(Condition::down()), Rng::new(4));
        assert_eq!(path.send(Time::ZERO, 1, &mut rng), None);
    }
}
