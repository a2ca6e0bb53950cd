//! How everybody was received, for the end of the call.

use super::super::event::{AudioSummary, PeerSummary, Summary, VideoSummary};
use super::Controller;
use crate::media::video;
use crate::proto::ParticipantId;

impl Controller {
    /// Everybody who was heard or seen, those who left included.
    pub(super) fn summary(&self) -> Summary {
        let here = self.subscriber.peers().map(|peer| self.peer_summary(peer));
        let uplink = self.uplink.rates();
        Summary { moves: self.ledger.count(), uplink, peers: self.gone.iter().cloned().chain(here).collect() }
    }

    pub(super) fn peer_summary(&self, peer: ParticipantId) -> PeerSummary {
        let (sound, pictures) = (self.subscriber.mixer().stats(), self.subscriber.receiver().stats());
        PeerSummary {
            peer: peer.to_string(),
            name: self.subscriber.name(peer),
            audio: sound.get(&peer).map(audio_summary).unwrap_or_default(),
            video: pictures.get(&peer).map(video_summary).unwrap_or_default(),
            mouth_to_ear_ms: None,
        }
    }
}

fn audio_summary(stats: &crate::jitter::audio::AudioStats) -> AudioSummary {
    AudioSummary {
        received: stats.received,
        lost: stats.lost,
        missing: stats.missing,
        recovered: stats.recovered,
        concealed_ms: stats.concealed_ms,
        longest_gap_ms: stats.longest_gap_ms,
        jitter_ms: Some(round_ms(stats.jitter_ms)),
        delay_ms: Some(round_ms(stats.delay_ms)),
    }
}

fn video_summary(stats: &video::receiver::VideoPeerStats) -> VideoSummary {
    VideoSummary {
        received: stats.received,
        decoded: stats.decoded,
        lost: stats.lost,
        frozen_ms: stats.frozen_ms,
        longest_gap_ms: stats.longest_gap_ms,
        key_frames_requested: stats.key_frames_requested,
        width: stats.width,
        height: stats.height,
        fps: (stats.decoded > 0).then_some(stats.fps.into()),
    }
}

/// To a tenth: what a person compares.
fn round_ms(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}
