//! Push-to-talk: whoever is muted is heard while a key is held, Space at first. Pure; the shell asks it once a frame.
//!
//! It fails closed: anything but a key that is seen to be held, in a window that has the keyboard, ends it. The call keeps
//! its own watch, for a window that draws no more frames.

use std::time::{Duration, Instant};

use eframe::egui::{Context, Event, Key, Popup};

use super::keys::Chord;
use crate::call::command::Talking;

/// How often the call is told that the key is held: it stays open for half a second each time.
pub(super) const TELL: Duration = Duration::from_millis(150);
/// A key that is held repeats itself, at first after this long at most (keyboards are set to up to 2 s) ...
const FIRST: Duration = Duration::from_millis(2500);
/// ... and then at least so often (the slowest is twice a second). A key that does not may be one whose release was lost.
const NEXT: Duration = Duration::from_millis(1000);

/// What a frame shows of the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// It went down.
    pub pressed: bool,
    /// It says that it is still down.
    pub repeated: bool,
    /// It went up, or may have: the keyboard was elsewhere for a moment.
    pub released: bool,
    /// The window has the keyboard, in a call, and nothing in it takes the key for itself.
    pub allowed: bool,
}

impl Seen {
    /// Of this frame, for these `keys`. `free`: a call is shown and nothing lies over it.
    pub fn of(ctx: &Context, free: bool, keys: &[Chord]) -> Self {
        let is = |key: Key| keys.iter().any(|chord| chord.key == key);
        // With something under the keyboard, Space is its own.
        let pressed_with_space = is(Key::Space) && ctx.memory(|memory| memory.focused().is_some());
        let taken = ctx.text_edit_focused() || pressed_with_space || Popup::is_any_open(ctx);
        ctx.input(|input| {
            let mut seen = Self { allowed: free && !taken && input.focused, ..Self::default() };
            for event in &input.events {
                match event {
                    Event::Key { key, pressed: true, repeat: false, modifiers, .. } if is(*key) => {
                        seen.pressed |= Chord::pressed(*key, *modifiers).is_some_and(|chord| keys.contains(&chord));
                    }
                    Event::Key { key, pressed: true, .. } if is(*key) => seen.repeated = true,
                    Event::Key { key, pressed: false, .. } if is(*key) => seen.released = true,
                    Event::WindowFocused(false) => seen.released = true,
                    _ => {}
                }
            }
            seen
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct PushToTalk {
    held: Option<Hold>,
}

#[derive(Debug)]
struct Hold {
    /// When the key was last seen to be down, and whether it has repeated itself.
    seen: Instant,
    repeats: bool,
    told: Instant,
}

impl PushToTalk {
    /// What to tell the call after this frame. It begins where `muted` alone.
    pub fn step(&mut self, now: Instant, seen: Seen, muted: bool) -> Option<Talking> {
        let Some(hold) = &mut self.held else {
            if !(seen.pressed && seen.allowed && !seen.released && muted) {
                return None;
            }
            self.held = Some(Hold { seen: now, repeats: false, told: now });
            return Some(Talking::Starts);
        };
        if seen.repeated {
            (hold.seen, hold.repeats) = (now, true);
        }
        let patience = if hold.repeats { NEXT } else { FIRST };
        if seen.released || !seen.allowed || now.saturating_duration_since(hold.seen) >= patience {
            self.held = None;
            return Some(Talking::Ends);
        }
        if now.saturating_duration_since(hold.told) < TELL {
            return None;
        }
        hold.told = now;
        Some(Talking::GoesOn)
    }

    /// A frame is wanted soon: the key has to be seen.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }
}

#[cfg(test)]
mod tests {
    use Talking::{Ends, GoesOn, Starts};

    use super::*;

    const IDLE: Seen = Seen { pressed: false, repeated: false, released: false, allowed: true };
    const PRESS: Seen = Seen { pressed: true, ..IDLE };
    const REPEAT: Seen = Seen { repeated: true, ..IDLE };
    const RELEASE: Seen = Seen { released: true, ..IDLE };
    const ELSEWHERE: Seen = Seen { allowed: false, ..IDLE };

    /// The ms of a frame, and what it shows.
    type Frame = (u64, Seen);

    /// Steps at these ms; what was told of each.
    fn play(frames: &[Frame], muted: bool) -> Vec<Option<Talking>> {
        let start = crate::clock::now();
        let mut talk = PushToTalk::default();
        frames.iter().map(|(ms, seen)| talk.step(start + Duration::from_millis(*ms), *seen, muted)).collect()
    }

    #[test]
    fn holding_is_told_again_and_again_and_letting_go_at_once() {
        let frames = [(0, PRESS), (100, IDLE), (200, IDLE), (300, REPEAT), (400, REPEAT), (410, RELEASE), (420, IDLE)];
        let told = [Some(Starts), None, Some(GoesOn), None, Some(GoesOn), Some(Ends), None];
        assert_eq!(play(&frames, true), told);
        assert_eq!(play(&frames, false), [None; 7], "who is not muted is heard anyway");
    }

    #[test]
    fn whatever_is_not_a_held_key_ends_it_and_only_a_new_press_begins_again() {
        let both = Seen { released: true, ..PRESS };
        let aside = Seen { allowed: false, ..PRESS };
        let rows: [(&str, &[Frame], Option<Talking>); 8] = [
            ("the window loses the keyboard", &[(0, PRESS), (50, ELSEWHERE)], Some(Ends)),
            ("and a repeat brings nothing back", &[(0, PRESS), (50, ELSEWHERE), (90, REPEAT)], None),
            ("a key that repeated and stopped", &[(0, PRESS), (900, REPEAT), (1900, IDLE)], Some(Ends)),
            ("a key that never repeats", &[(0, PRESS), (2500, IDLE)], Some(Ends)),
            ("a key of a slow keyboard", &[(0, PRESS), (2000, REPEAT), (2900, REPEAT), (3000, IDLE)], None),
            ("pressed and let go within a frame", &[(0, both)], None),
            ("a text box has the keyboard", &[(0, aside)], None),
            ("after the watch ended it", &[(0, PRESS), (2500, IDLE), (2600, REPEAT)], None),
        ];
        for (what, frames, expected) in rows {
            let last = *play(frames, true).last().unwrap();
            // In the middle of holding it is said again, or not yet.
            let fits = last == expected || (expected.is_none() && last == Some(GoesOn) && what.contains("slow"));
            assert!(fits, "{what}: {last:?}");
        }
    }

    #[test]
    fn a_window_that_draws_no_frame_for_a_while_ends_it_with_the_next_one() {
        assert_eq!(play(&[(0, PRESS), (60_000, IDLE)], true), [Some(Starts), Some(Ends)]);
    }
}
