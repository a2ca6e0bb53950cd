//! What the camera sends, and how much of it: as those who watch, the relays, the network and this computer allow.

use super::{Controller, opening};
use crate::media::video::Codec;
use crate::media::{Device, video};
use crate::proto::{Layer, Track};

impl Controller {
    pub(super) fn start_video(&mut self) {
        if self.camera.is_some() || self.camera_off {
            return;
        }
        self.camera_bps = None;
        let (source, config) = (self.config.video.clone(), self.config.video_config);
        self.devices.insert(Device::Camera, opening(matches!(source, video::VideoSource::Camera(_))));
        let (encoded, media, pictures) = (self.encoded.clone(), self.media.clone(), self.pictures.clone());
        let sends = self.entered.is_some();
        self.camera = Some(video::Capture::start(source, config, sends, self.clock, encoded, media, pictures));
        self.choose_codec();
        self.heed_demand();
    }

    /// Makes a key frame of a track soon, of one size or of all.
    pub(super) fn force_key(&self, track: Track, spatial: Option<u8>) {
        if let Some(camera) = self.camera.as_ref().filter(|_| track == Track::Camera) {
            camera.force_key(spatial);
        }
        if let Some(share) = self.share.as_ref().filter(|_| track == Track::Screen) {
            share.force_key();
        }
    }

    /// The same of everything that is sent.
    pub(super) fn force_all_keys(&self) {
        self.force_key(Track::Camera, None);
        self.force_key(Track::Screen, None);
    }

    /// Sends the sizes that somebody wants, as the relays that carry the call say. Before they do, the largest alone: who comes has a whole
    /// picture at once. While nobody wants any, what was sent goes on: word of who comes is here before word of what they want.
    pub(super) fn heed_demand(&self) {
        let Some(camera) = &self.camera else { return };
        let links = [self.active, self.moving.as_ref().map(|moving| moving.to)];
        let told = links.into_iter().flatten().filter_map(|link| self.sessions.get(&link)?.demand(Track::Camera));
        match told.reduce(|one, other| one | other) {
            Some(0) => {}
            Some(sizes) => camera.set_wanted(sizes),
            None => camera.set_wanted(1 << Layer::MAX_SPATIAL),
        }
    }

    /// Sends in the codec that is wished where everybody in the room reads it.
    pub(super) fn choose_codec(&self) {
        let Some(camera) = &self.camera else { return };
        let profiles = self.roster.order().map(|peer| self.subscriber.profile(peer));
        let readers = profiles.map(|profile| profile.map_or(&[][..], |profile| &profile.codecs[..]));
        camera.set_codec(Codec::for_all(self.config.video_config.codec, readers));
    }

    /// Why less is sent than others want.
    pub(super) fn limited(&self) -> Option<video::Limit> {
        if self.uplink.shares().is_some_and(|shares| shares.camera_off) {
            return Some(video::Limit::Network);
        }
        self.camera.as_ref().and_then(|camera| camera.figures().limit)
    }
}
