//! Hearing nobody: who does not hear is not heard either, and has the microphone back as it was.

use super::Controller;

/// Whether we hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Deaf {
    #[default]
    No,
    Yes {
        /// The microphone was open, and nobody has touched it since.
        microphone: bool,
    },
}

impl Deaf {
    pub fn is_on(self) -> bool {
        self != Self::No
    }

    /// Somebody turned the microphone off or on: it stays as that left it.
    pub fn forget_microphone(&mut self) {
        if self.is_on() {
            *self = Self::Yes { microphone: false };
        }
    }
}

impl Controller {
    pub(super) fn set_deaf(&mut self, on: bool) {
        if on == self.deaf.is_on() {
            return;
        }
        let microphone = match std::mem::take(&mut self.deaf) {
            Deaf::No => !self.muted && !self.talk.is_open(),
            Deaf::Yes { microphone } => microphone,
        };
        if on {
            if !self.muted {
                self.set_muted(true);
            }
            self.deaf = Deaf::Yes { microphone };
        } else if microphone {
            self.set_muted(false);
        }
        self.subscriber.mixer().set_deaf(on);
    }

    /// Whoever opens the microphone wants to hear the answer.
    pub(super) fn heed_mute(&mut self, muted: bool) {
        if !muted {
            self.set_deaf(false);
        }
    }
}
