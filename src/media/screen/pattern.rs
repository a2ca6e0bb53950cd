//! A page of made-up text in place of a screen: it stands still for four seconds, scrolls for two, and so on. The number of
//! each picture stands along the top as a [`barcode`], so that a test at the other end can tell which one it sees.

use std::time::{Duration, Instant};

use super::{ScreenError, ScreenGrabber};
use crate::clock;
use crate::media::video::barcode;
use crate::media::video::picture::I420;

/// Pixels.
const SIZE: (u32, u32) = (1280, 720);
/// How long it stands still, and then scrolls.
const STILL: Duration = Duration::from_secs(4);
const SCROLLS: Duration = Duration::from_secs(2);
/// Pixels a second while it scrolls.
const SPEED: f64 = 240.0;
/// Of a letter's cell, pixels.
const CELL: (usize, usize) = (9, 20);
const MARGIN: usize = 24;
const INK: u8 = 30;
const PAPER: u8 = 235;

/// See the module.
pub struct Page {
    started: Instant,
    /// How far the page was scrolled when it was drawn last, pixels, and the number that was drawn.
    drawn: Option<(usize, u32)>,
}

impl Page {
    /// A page that begins to be read now.
    pub fn start() -> Self {
        Self { started: clock::now(), drawn: None }
    }
}

impl ScreenGrabber for Page {
    fn name(&self) -> String {
        "a page of text".into()
    }

    fn grab(&mut self, into: &mut I420) -> Result<bool, ScreenError> {
        let place = scrolled(clock::now().saturating_duration_since(self.started));
        let number = match self.drawn {
            Some((before, _)) if before == place => return Ok(false),
            Some((_, number)) => number.wrapping_add(1),
            None => 0,
        };
        draw(into, SIZE, place);
        barcode::write(into, number);
        self.drawn = Some((place, number));
        Ok(true)
    }
}

/// How far the page is scrolled after so much time.
fn scrolled(after: Duration) -> usize {
    let round = STILL + SCROLLS;
    let rounds = after.as_millis() / round.as_millis();
    let in_round = after.as_millis() % round.as_millis();
    let scrolls = in_round.saturating_sub(STILL.as_millis()) + rounds * SCROLLS.as_millis();
    (scrolls as f64 / 1000.0 * SPEED) as usize
}

/// Draws the part of an endless page that begins `top` pixels down.
pub fn draw(into: &mut I420, size: (u32, u32), top: usize) {
    if (into.width(), into.height()) != size {
        *into = I420::black(size.0, size.1);
    }
    let width = into.width() as usize;
    let [y, u, v] = into.planes_mut();
    u.fill(128);
    v.fill(128);
    for (row, line) in y.chunks_exact_mut(width).enumerate() {
        line.fill(PAPER);
        let (text, of_letter) = ((row + top) / CELL.1, (row + top) % CELL.1);
        let letters = (width - 2 * MARGIN) / CELL.0;
        // A line has its own length, and some are empty: about as much as on a page of a book or of code.
        let long = if mixed(text, 0).is_multiple_of(4) { 0 } else { letters / 8 + mixed(text, 1) % (letters * 2 / 5) };
        for letter in 0..long {
            if !mixed(text, letter + 2).is_multiple_of(6) {
                let shape = mixed(mixed(text, letter + 2) % 40, 77);
                strokes(&mut line[MARGIN + letter * CELL.0..][..CELL.0], shape, of_letter);
            }
        }
    }
}

/// A row of a letter: strokes of one pixel and of two, as text has them, with soft edges.
fn strokes(cell: &mut [u8], shape: usize, row: usize) {
    if !(3..15).contains(&row) {
        return;
    }
    let bit = |at: usize| shape >> at & 1 == 1;
    let (left, right) = (bit(0) || row < 9, bit(1) && row > 5 || bit(2) && row < 9);
    let across = row == 3 && bit(3) || row == 8 && bit(4) || row == 14 && (bit(5) || !right);
    if left {
        cell[1] = INK;
        cell[2] = 120;
    }
    if right {
        cell[6] = INK;
        cell[5] = 150;
    }
    if across {
        cell[1..7].fill(INK);
    }
}

/// A number that looks drawn by chance, the same each time.
fn mixed(one: usize, other: usize) -> usize {
    let mut mixed = (one as u64) << 32 ^ other as u64 ^ 0x9E37_79B9_7F4A_7C15;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ mixed >> 31) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_scrolls_and_stands_again() {
        let at = |ms| scrolled(Duration::from_millis(ms));
        assert_eq!([at(0), at(3999), at(4500), at(6000), at(9999), at(10_500)], [0, 0, 120, 480, 480, 600]);
    }

    #[test]
    fn a_page_that_was_scrolled_is_the_same_page_further_up() {
        let (mut page, mut scrolled) = (I420::black(2, 2), I420::black(2, 2));
        draw(&mut page, (640, 360), 0);
        draw(&mut scrolled, (640, 360), 100);
        assert_eq!(page.y()[100 * 640..], scrolled.y()[..260 * 640]);
        let ink = page.y().iter().filter(|level| **level < 100).count() * 100 / page.y().len();
        assert!((1..10).contains(&ink), "{ink} % of ink");
    }

    #[test]
    fn a_page_is_new_once_and_carries_its_number() {
        let mut page = Page::start();
        let mut picture = I420::black(2, 2);
        assert_eq!(page.grab(&mut picture), Ok(true));
        assert_eq!(barcode::read(&picture.view()), Some(0));
        assert_eq!(page.grab(&mut picture), Ok(false));
    }
}
