//! Which frame numbers were seen: a sliding window, so that a frame that comes over two links goes on once.

use crate::proto::FrameNumber;

/// Frames behind the newest that are still told apart: 20 s of audio, more of video.
const WIDTH: u32 = 1024;

/// A bit for each of the newest [`WIDTH`] numbers. Numbers wrap around.
#[derive(Debug, Default)]
pub struct Window {
    newest: Option<FrameNumber>,
    bits: [u64; (WIDTH / 64) as usize],
}

impl Window {
    /// Marks a number; true if it was not seen before. What is behind the window counts as seen.
    pub fn insert(&mut self, number: FrameNumber) -> bool {
        let Some(newest) = self.newest else {
            self.newest = Some(number);
            self.set(number);
            return true;
        };
        let ahead = number.wrapping_sub(newest).cast_signed();
        if ahead > 0 {
            self.forget(newest, ahead.unsigned_abs());
            self.newest = Some(number);
        } else if ahead.unsigned_abs() >= WIDTH || self.get(number) {
            return false;
        }
        self.set(number);
        true
    }

    fn forget(&mut self, newest: FrameNumber, count: u32) {
        if count >= WIDTH {
            self.bits.fill(0);
            return;
        }
        for step in 1..=count {
            let (word, bit) = place(newest.wrapping_add(step));
            self.bits[word] &= !bit;
        }
    }

    fn get(&self, number: FrameNumber) -> bool {
        let (word, bit) = place(number);
        self.bits[word] & bit != 0
    }

    fn set(&mut self, number: FrameNumber) {
        let (word, bit) = place(number);
        self.bits[word] |= bit;
    }
}

/// 2^32 is a multiple of [`WIDTH`], so neighbours stay neighbours across the wrap.
fn place(number: FrameNumber) -> (usize, u64) {
    let index = number % WIDTH;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once_whatever_the_order() {
        let mut window = Window::default();
        let order = [5, 3, 4, 5, 3, 900, 4, 899, 900];
        let new: Vec<bool> = order.iter().map(|number| window.insert(*number)).collect();
        assert_eq!(new, [true, true, true, false, false, true, false, true, false]);
    }

    #[test]
    fn what_is_behind_the_window_is_not_new() {
        let mut window = Window::default();
        assert!(window.insert(0));
        assert!(window.insert(5000));
        assert!(!window.insert(5000 - WIDTH));
        assert!(window.insert(5001 - WIDTH));
    }

    #[test]
    fn numbers_wrap() {
        let mut window = Window::default();
        assert!(window.insert(u32::MAX));
        assert!(window.insert(1));
        assert!(window.insert(0));
        assert!(!window.insert(u32::MAX));
        assert!(window.insert(u32::MAX - 1));
    }

    #[test]
    fn a_slot_that_is_used_again_is_forgotten_first() {
        let mut window = Window::default();
        for number in 0..3 * WIDTH {
            assert!(window.insert(number));
            assert!(!window.insert(number));
        }
    }
}
