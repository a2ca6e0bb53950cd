//! Frame numbers without their wrap, and the memory of which ones came.

use std::collections::BTreeMap;

use crate::proto::FrameNumber;

/// Turns 32-bit numbers into positions that only grow, through a wrap and through a sender that starts again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbering {
    /// Position of the newest number.
    high: i64,
    number: FrameNumber,
    /// Capture time of the newest number, µs.
    capture: i64,
}

/// Where a number belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    At(i64),
    /// The sender counts anew: the position follows the highest one.
    Restart(i64),
    /// A straggler of an earlier count: ahead by its number, behind by its capture time.
    Stale,
}

impl Numbering {
    /// Behind the newest by more than this *and* captured after it: the sender has started to count again.
    const FAR_BEHIND: i64 = 100;

    pub fn new(number: FrameNumber, capture: i64) -> Self {
        Self { high: i64::from(number), number, capture }
    }

    /// Places a number and remembers it if it is the newest.
    pub fn place(&mut self, number: FrameNumber, capture: i64) -> Place {
        let position = self.high + i64::from(number.wrapping_sub(self.number) as i32);
        if position > self.high && capture < self.capture {
            return Place::Stale;
        }
        if position < self.high - Self::FAR_BEHIND && capture > self.capture {
            *self = Self { high: self.high + 1, number, capture };
            return Place::Restart(self.high);
        }
        if position > self.high {
            *self = Self { high: position, number, capture };
        }
        Place::At(position)
    }
}

/// Which of the last [`Seen::MEMORY`] positions came, and when they were captured.
#[derive(Debug, Default)]
pub(super) struct Seen {
    positions: BTreeMap<i64, i64>,
}

/// What the memory says of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    First,
    Again,
    /// Older than the memory, or captured at another time than what came under this number.
    Strange,
}

impl Seen {
    const MEMORY: usize = 1024;

    pub fn insert(&mut self, position: i64, capture: i64) -> Sight {
        let full = self.positions.len() >= Self::MEMORY;
        if full && self.positions.first_key_value().is_some_and(|(oldest, _)| position < *oldest) {
            return Sight::Strange;
        }
        match self.positions.get(&position) {
            Some(known) if *known == capture => return Sight::Again,
            Some(_) => return Sight::Strange,
            None => self.positions.insert(position, capture),
        };
        if full {
            self.positions.pop_first();
        }
        Sight::First
    }
}

/// A capture time that can be added to and subtracted from without overflow: 2^60 µs are 36,000 years.
pub(super) fn signed_us(capture_us: u64) -> i64 {
    capture_us.min(1 << 60) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_on_through_the_wrap_in_both_directions() {
        let mut numbering = Numbering::new(u32::MAX - 1, 0);
        let start = i64::from(u32::MAX) - 1;
        assert_eq!(numbering.place(1, 60), Place::At(start + 3));
        assert_eq!(numbering.place(u32::MAX, 20), Place::At(start + 1));
        assert_eq!(numbering.place(2, 80), Place::At(start + 4));
    }

    #[test]
    fn a_sender_that_counts_anew_goes_on_behind_the_highest_and_its_old_numbers_are_stale() {
        let mut numbering = Numbering::new(5000, 1_000_000);
        assert_eq!(numbering.place(0, 1_020_000), Place::Restart(5001));
        assert_eq!(numbering.place(1, 1_040_000), Place::At(5002));
        assert_eq!(numbering.place(4999, 980_000), Place::Stale);
        assert_eq!(numbering.place(2, 1_060_000), Place::At(5003));
    }

    #[test]
    fn a_position_is_new_once_and_strange_when_it_is_another_packet() {
        let mut seen = Seen::default();
        assert_eq!(seen.insert(-5, 7), Sight::First);
        assert_eq!(seen.insert(-5, 7), Sight::Again);
        assert_eq!(seen.insert(-5, 8), Sight::Strange);
        assert!((0..2000).all(|position| seen.insert(position, 0) == Sight::First));
        assert_eq!(seen.insert(10, 0), Sight::Strange);
        assert_eq!(seen.positions.len(), Seen::MEMORY);
    }
}
