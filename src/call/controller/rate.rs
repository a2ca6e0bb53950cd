//! Gives each encoder its share of what the link that carries the call can carry.

use std::time::Instant;

use super::Controller;
use crate::media::video::{Capture, VideoSource};
use crate::rate::budget::Wants;

/// Marks probes that are ours and not the election's.
const OURS: u64 = 1 << 63;
/// An encoder is told of a change of more than this part of its rate.
const CHANGE: u64 = 20;

impl Controller {
    /// Ten times a second.
    pub(super) fn pace(&mut self, now: Instant) {
        let Some(link) = self.active.filter(|_| self.entered.is_some()) else { return };
        let Some(place) = self.places.get(&link) else { return };
        let way = (place.relay.clone(), place.transport);
        if self.uplink.goes_over(now, link, way) {
            for (_, other) in self.sessions.iter().filter(|(id, _)| **id != link) {
                other.sender.feed().iter().for_each(|feed| feed.forget());
            }
        }
        let wants = self.wants();
        let Some(session) = self.sessions.get_mut(&link) else { return };
        if self.uplink.tick(now, link, &session.sender, &wants) {
            self.extra_probes += 1;
            session.probe(now, OURS | self.extra_probes);
        }
        self.give_shares();
    }

    fn wants(&self) -> Wants {
        let camera = self.camera.as_ref().filter(|_| self.config.video != VideoSource::Off);
        let most = self.config.video_config.bitrate_bps;
        // Nothing is told before the first picture.
        let of_use = |told: u32| if told > 0 { told.min(most) } else { most };
        Wants {
            sound: !self.muted,
            doubled: self.lossy || self.duplicate.is_some(),
            screen_bps: None,
            camera_bps: camera.map(|camera| of_use(camera.figures().of_use_bps).into()),
        }
    }

    fn give_shares(&mut self) {
        let (Some(camera), Some(shares)) = (&self.camera, self.uplink.shares()) else {
            self.camera_bps = None;
            return;
        };
        let bps = shares.camera_bps;
        let before = self.camera_bps.replace(bps);
        if before.is_some_and(|before| before.abs_diff(bps) <= before / CHANGE && (before == 0) == (bps == 0)) {
            self.camera_bps = before;
            return;
        }
        if before.is_none_or(|before| (before == 0) != (bps == 0)) {
            camera.send(bps > 0);
        }
        if bps > 0 {
            camera.set_bitrate(bps.try_into().unwrap_or(u32::MAX));
        }
    }
}

/// Whether a probe was sent for the estimate alone.
pub(super) fn is_ours(probe: u64) -> bool {
    probe & OURS != 0
}
