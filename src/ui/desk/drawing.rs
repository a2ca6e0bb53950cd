//! When the window is drawn again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eframe::egui;

use crate::call::state::State;
use crate::clock;
use crate::ui::pace;

/// Pictures are drawn no closer together than this: 30 a second, and a little more for those that come early.
const FRAME: Duration = Duration::from_millis(31);
/// The same where a processor draws: 20 a second, for the call itself needs the processor more.
const SOFTWARE_FRAME: Duration = Duration::from_millis(48);

/// What somebody can see now. The window writes it, the desk reads it.
#[derive(Debug, Default)]
pub struct Attention {
    hidden: AtomicBool,
    panel: AtomicBool,
    picking: AtomicBool,
    software: bool,
}

impl Attention {
    /// `software`: a processor draws.
    pub fn new(software: bool) -> Self {
        Self { software, ..Self::default() }
    }

    /// Whether the window is minimised or covered, whether figures are open in it, and whether somebody may be picking a
    /// device.
    pub fn set(&self, hidden: bool, panel: bool, picking: bool) {
        self.hidden.store(hidden, Ordering::Relaxed);
        self.panel.store(panel, Ordering::Relaxed);
        self.picking.store(picking && !hidden, Ordering::Relaxed);
    }

    /// Whether a list of devices is looked at.
    pub fn is_picking(&self) -> bool {
        self.picking.load(Ordering::Relaxed)
    }
}

/// Asks for drawing, no more often than it is worth.
pub struct Drawing {
    ctx: egui::Context,
    attention: Arc<Attention>,
    before: Option<Arc<State>>,
    drawn: Instant,
    due: Option<Instant>,
}

impl Drawing {
    pub fn new(ctx: egui::Context, attention: Arc<Attention>) -> Self {
        Self { ctx, attention, before: None, drawn: clock::now(), due: None }
    }

    /// Another snapshot.
    pub fn state(&mut self, state: &Arc<State>) {
        let now = clock::now();
        let wait = match &self.before {
            Some(before) => pace::after(before, state, self.attention.panel.load(Ordering::Relaxed), now),
            None => Duration::ZERO,
        };
        self.before = Some(state.clone());
        self.ask(self.drawn + wait);
    }

    /// Another picture.
    pub fn picture(&mut self) {
        self.ask(self.drawn + if self.attention.software { SOFTWARE_FRAME } else { FRAME });
    }

    fn ask(&mut self, at: Instant) {
        if !self.attention.hidden.load(Ordering::Relaxed) {
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// When [`Drawing::draw`] is to be called.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    pub fn draw(&mut self) {
        (self.due, self.drawn) = (None, clock::now());
        self.wake();
    }

    /// For who wakes the window from elsewhere.
    pub fn ctx(&self) -> egui::Context {
        self.ctx.clone()
    }

    /// Lets the window run, hidden or not.
    pub fn wake(&self) {
        self.ctx.request_repaint();
    }
}

/// Sleeps for ever where there is nothing to wait for.
pub async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
