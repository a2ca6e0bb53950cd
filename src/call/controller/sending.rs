//! What devices and encoders made goes to the links.

use std::time::Instant;

use super::super::event::Event;
use super::Controller;
use crate::clock;
use crate::media::Encoded;

impl Controller {
    /// Numbers and seals a frame and sends it over the active link, over the one that is moved to, and, audio, over the
    /// standby while there is doubt.
    pub(super) fn publish(&mut self, encoded: &Encoded) {
        let Some(membership) = self.membership.as_ref().filter(|_| self.entered.is_some()) else { return };
        let now = clock::now();
        let packed = match self.publisher.pack(now, &membership.sealer, encoded) {
            Ok(packed) => packed,
            Err(error) => return self.tell(Event::Error { message: error.to_string() }),
        };
        let doubt = self.duplicate.is_some() || self.lossy;
        let to = self.moving.as_ref().map(|moving| moving.to);
        let also = self.duplicate.filter(|_| packed.is_audio());
        let mut links = vec![self.active, to, also];
        links.sort();
        links.dedup();
        for session in links.into_iter().flatten().filter_map(|link| self.sessions.get(&link)) {
            packed.send(&session.sender, doubt);
        }
        self.spoke(now, encoded);
    }

    /// A packet of the microphone goes to its link.
    fn spoke(&mut self, now: Instant, encoded: &Encoded) {
        if let Some(microphone) = self.microphone.as_ref().filter(|_| encoded.track.is_audio())
            && let Some(taken) = self.clock.at_us(encoded.capture_us)
        {
            self.source_from.get_or_insert(taken);
            self.delays.sending.sent(now.saturating_duration_since(taken), microphone.encoding());
        }
    }
}
