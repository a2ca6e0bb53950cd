//! How everybody was received, for the end of the call.

use super::super::event::{AudioSummary, PeerSummary, Summary, VideoSummary};
use super::Controller;
use crate::clock;
use crate::media::video;
use crate::proto::ParticipantId;

impl Controller {
    /// Everybody who was heard or seen, those who left included.
    pub(super) fn summary(&self) -> Summary {
        let here = self.subscriber.peers().map(|peer| self.peer_summary(peer));
        Summary {
            moves: self.ledger.count(),
            uplink: self.uplink.rates(),
            peers: self.gone.iter().cloned().chain(here).collect(),
            source_unix_ms: self.source_from.map(clock::unix_ms_at).map(round_ms),
            recording_unix_ms: round_ms(clock::unix_ms_at(self.subscriber.mixer().recorded_from())),
        }
    }

    pub(super) fn peer_summary(&self, peer: ParticipantId) -> PeerSummary {
        let (sound, pictures) = (self.subscriber.mixer().stats(), self.subscriber.receiver().stats());
        let (seen, parts) = (pictures.get(&peer), self.delays.mean(peer));
        PeerSummary {
            peer: peer.to_string(),
            name: self.subscriber.name(peer),
            audio: sound.get(&peer).map(audio_summary).unwrap_or_default(),
            video: seen.map(video_summary).unwrap_or_default(),
            mouth_to_ear_ms: parts.sum_ms().map(round_ms),
            mouth_to_ear: parts.map(round_ms),
            lip_offset_ms: seen.and_then(|seen| seen.lip_median_ms),
            lip_offset_p95_ms: seen.and_then(|seen| seen.lip_p95_ms),
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
