//! Gives each encoder its share of what the link that carries the call can carry.

use std::time::Instant;

use super::Controller;
use crate::media::screen;
use crate::media::video::VideoSource;
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
            screen_bps: self.share.is_some().then_some(screen::BITRATE_BPS.into()),
            camera_bps: camera.map(|camera| of_use(camera.figures().of_use_bps).into()),
        }
    }

    fn give_shares(&mut self) {
        let shares = self.uplink.shares();
        let (camera, screen) = (shares.map(|shares| shares.camera_bps), shares.map(|shares| shares.screen_bps));
        let (camera_before, screen_before) = (self.camera_bps, self.screen_bps);
        self.camera_bps = camera.filter(|_| self.camera.is_some()).map(|bps| steady(camera_before, bps));
        self.screen_bps = screen.filter(|_| self.share.is_some()).map(|bps| steady(screen_before, bps));
        if let (Some(camera), Some(bps)) = (&self.camera, self.camera_bps.filter(|bps| camera_before != Some(*bps))) {
            if camera_before.is_none_or(|before| (before == 0) != (bps == 0)) {
                camera.send(bps > 0);
            }
            if bps > 0 {
                camera.set_bitrate(bps.try_into().unwrap_or(u32::MAX));
            }
        }
        if let (Some(share), Some(bps)) = (&self.share, self.screen_bps.filter(|bps| screen_before != Some(*bps))) {
            share.set_bitrate(bps.try_into().unwrap_or(u32::MAX));
        }
    }
}

/// What an encoder is told, b/s: what it was told before unless that is another figure by much.
fn steady(before: Option<u64>, bps: u64) -> u64 {
    before.filter(|before| before.abs_diff(bps) <= before / CHANGE && (*before == 0) == (bps == 0)).unwrap_or(bps)
}

/// Whether a probe was sent for the estimate alone.
pub(super) fn is_ours(probe: u64) -> bool {
    probe & OURS != 0
}
