//! When a picture of a screen is sent, and how fine. Pure: it is told the time.
//!
//! Text is useless when it is blurred and fine when it is late, so the quantiser moves in a narrow band and the rate of
//! pictures gives way first: 15 a second while the budget carries them, 5 while it does not, fewer only for as long as a whole
//! new page takes. What stands still is sent once more in full detail, and then once a second, a few bytes that say that
//! nothing is missing.
//!
//! The quantiser is ours (H.264's, 0 the finest to 51), not the encoder's rate control: a bucket is filled by what was sent
//! and drained by the budget, and the next picture waits until it is empty.

use std::time::{Duration, Instant};

/// Pictures are no closer together: 15 a second.
const APART: Duration = Duration::from_micros(66_667);
/// What moves is aimed to come this often: 5 a second.
const SLOWEST: Duration = Duration::from_millis(200);
/// A screen on which nothing happened for [`CALM`] is looked at so often.
const CALM_APART: Duration = Duration::from_millis(200);
const CALM: Duration = Duration::from_secs(3);
/// Nothing moved for so long: it stands still, and is worth its detail.
const SETTLED: Duration = Duration::from_millis(150);
/// What stands still is sent so often.
const STILL_APART: Duration = Duration::from_secs(1);
/// A new page may take so long; one that would take longer is sent coarser.
const PAGE: Duration = Duration::from_millis(1750);
/// Requests for key frames are served no closer together.
const KEYS_APART: Duration = Duration::from_millis(300);
/// What moves begins anew with a key frame so often, so that who joins later has little to catch up with.
const LONGEST_GROUP: Duration = Duration::from_secs(30);
/// Quantisers: of the last word on what stands still, and of what moves, from finest to coarsest. Ink on paper has 48, 45 and 35 dB
/// of luma with them.
pub const SHARP: u8 = 22;
const FINEST: u8 = 24;
const COARSEST: u8 = 36;
/// Of a page that would take longer than [`PAGE`] even so.
const ROUGH: u8 = 42;
/// A block that was sent with this quantiser or a finer one is as good as sharp: OpenH264 leaves it as it is.
const SHARP_ENOUGH: u8 = 26;
/// A finer quantiser than that of the block that is there is taken up from this difference on.
const STEP: u8 = 6;
/// A budget that carries a page in full detail in a second, bits a second.
const WIDE_BPS: u32 = 600_000;
/// So many steps of the quantiser halve what a page of text costs (measured: 13 to 15).
const HALVING: f64 = 14.0;

/// A picture to be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shot {
    pub quantiser: u8,
    /// It begins anew.
    pub key: bool,
    /// Nothing moved: it is for the detail alone.
    pub still: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Detail {
    budget_bps: u32,
    /// Bits that were sent and are not on their way yet, at that time.
    owed: (f64, Instant),
    sent: Option<Instant>,
    /// When something last changed on the screen.
    moved: Instant,
    /// It changed since a picture was sent.
    pending: bool,
    /// The quantiser for what moves.
    moving: u8,
    /// The coarsest that is on the other side's screen.
    shown: u8,
    key_wanted: bool,
    key_sent: Option<Instant>,
    /// The last key frame that was asked for.
    key_served: Option<Instant>,
}

impl Detail {
    /// Nothing was sent; `budget_bps` is what may be sent, bits a second.
    pub fn new(now: Instant, budget_bps: u32) -> Self {
        Self {
            budget_bps: budget_bps.max(1),
            owed: (0.0, now),
            sent: None,
            moved: now,
            pending: true,
            moving: FINEST,
            shown: COARSEST,
            key_wanted: false,
            key_sent: None,
            key_served: None,
        }
    }

    /// Changes the budget, bits a second; what is owed stays.
    pub fn set_budget(&mut self, now: Instant, bps: u32) {
        self.owed = (self.owed(now), now);
        self.budget_bps = bps.max(1);
    }

    /// Somebody cannot go on without a key frame.
    pub fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// When to look at the screen again.
    pub fn next_look(&self, now: Instant) -> Instant {
        let calm = now.saturating_duration_since(self.moved) >= CALM && !self.key_wanted;
        now + if calm { CALM_APART } else { APART }
    }

    /// Whether the picture of now is sent, and how. To be asked at every look; `changed`: it differs from the one before.
    pub fn plan(&mut self, now: Instant, changed: bool) -> Option<Shot> {
        if changed {
            (self.pending, self.moved) = (true, now);
        }
        let Some(sent) = self.sent else { return Some(Shot { quantiser: self.moving, key: true, still: false }) };
        // A look may come a little early: it is not the next one that is meant.
        if now + APART / 4 < sent + APART {
            return None;
        }
        let owed = self.owed(now);
        if self.key_due(now) && owed <= 0.3 * f64::from(self.budget_bps) {
            return Some(Shot { quantiser: self.moving, key: true, still: false });
        }
        if owed > 0.0 {
            return None;
        }
        if self.pending {
            let old = self.key_sent.is_none_or(|key| now.saturating_duration_since(key) >= LONGEST_GROUP);
            return Some(Shot { quantiser: self.moving, key: old, still: false });
        }
        let settled = now.saturating_duration_since(self.moved) >= SETTLED;
        let blurred = settled && self.shown > SHARP_ENOUGH;
        let due = now.saturating_duration_since(sent) >= STILL_APART;
        (blurred || due).then_some(Shot { quantiser: self.sharper(), key: false, still: true })
    }

    /// A picture came out so large that it is worth encoding again, coarser and on its own, before it is sent.
    pub fn again(&mut self, shot: Shot, bits: usize) -> Option<Shot> {
        let times = bits as f64 / (f64::from(self.budget_bps) * PAGE.as_secs_f64());
        if times <= 1.0 || shot.quantiser >= ROUGH || shot.still {
            return None;
        }
        let quantiser = coarser(shot.quantiser, times).min(ROUGH);
        self.moving = quantiser.min(COARSEST);
        Some(Shot { quantiser, key: true, still: false })
    }

    /// The quantiser for what stands still: at once the finest where the budget carries it, otherwise by steps, so that
    /// what moves next need not wait for long.
    fn sharper(&self) -> u8 {
        let step = if self.budget_bps >= WIDE_BPS { u8::MAX } else { STEP };
        if self.shown <= SHARP_ENOUGH { SHARP } else { self.shown.saturating_sub(step).max(SHARP) }
    }

    /// A picture was sent; `key` is what it became.
    pub fn sent(&mut self, now: Instant, shot: Shot, bits: usize, key: bool) {
        self.owed = (self.owed(now) + bits as f64, now);
        let first = self.sent.replace(now).is_none();
        if key {
            self.key_sent = Some(now);
            if std::mem::take(&mut self.key_wanted) {
                self.key_served = Some(now);
            }
        }
        self.shown = if key || shot.still { shot.quantiser } else { self.shown.max(shot.quantiser) };
        if !shot.still {
            self.pending = false;
        }
        if !key && !shot.still && !first {
            self.aim(bits);
        }
    }

    /// What moves is to cost no more than a fifth of a second of the budget.
    fn aim(&mut self, bits: usize) {
        let times = bits as f64 / (f64::from(self.budget_bps) * SLOWEST.as_secs_f64());
        self.moving = match times {
            1.0.. => coarser(self.moving, times.min(1.4)).min(COARSEST),
            ..0.33 => self.moving.saturating_sub(2).max(FINEST),
            _ => self.moving,
        };
    }

    fn key_due(&self, now: Instant) -> bool {
        self.key_wanted && self.key_served.is_none_or(|at| now.saturating_duration_since(at) >= KEYS_APART)
    }

    fn owed(&self, now: Instant) -> f64 {
        let (owed, at) = self.owed;
        (owed - now.saturating_duration_since(at).as_secs_f64() * f64::from(self.budget_bps)).max(0.0)
    }
}

/// The quantiser with which something costs a `times`-th.
fn coarser(quantiser: u8, times: f64) -> u8 {
    let steps = (HALVING * times.log2()).ceil().clamp(0.0, 51.0) as u8;
    quantiser + steps
}

#[cfg(test)]
mod tests;
