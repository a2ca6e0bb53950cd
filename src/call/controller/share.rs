//! Shares a screen, and ends that: at the user's wish, a host's, or because what was shared is gone.

use super::super::event::Event;
use super::super::state::Sharing;
use super::Controller;
use crate::media::screen::{ScreenSource, Share};
use crate::proto::Track;

impl Controller {
    /// Shares this in place of what was shared before; before the room is entered it is kept in mind.
    pub(super) fn set_share(&mut self, source: Option<ScreenSource>) {
        if source.is_some() && !self.may_send(Track::Screen) {
            return;
        }
        self.config.share = source;
        if self.entered.is_some() {
            self.restart_share();
        }
    }

    /// What is to be shared, from now on.
    pub(super) fn restart_share(&mut self) {
        if let Some(before) = self.share.take() {
            before.stop_later();
        }
        self.sharing = Sharing::Nothing;
        self.screen_bps = None;
        if let Some(source) = self.config.share.clone() {
            self.shares += 1;
            let (encoded, media) = (self.encoded.clone(), self.media.clone());
            self.share = Some(Share::start(self.shares, source, self.clock, encoded, media));
            self.sharing = Sharing::Starting;
        }
        self.announce();
    }

    /// Our screen is seen from now on.
    pub(super) fn share_runs(&mut self, number: u64, name: String) {
        if number == self.shares && self.share.is_some() {
            self.tell(Event::Sharing { name: Some(name.clone()) });
            self.sharing = Sharing::Of(name);
            self.announce();
        }
    }

    /// A share ended by itself.
    pub(super) fn share_ended(&mut self, number: u64, trouble: Option<String>) {
        if number != self.shares || self.share.is_none() {
            return;
        }
        self.config.share = None;
        if let Some(message) = trouble {
            self.tell(Event::Error { message });
        }
        self.tell(Event::Sharing { name: None });
        self.restart_share();
    }
}
