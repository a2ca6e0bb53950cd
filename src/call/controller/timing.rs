//! Feeds what is known of times to those who reckon with them: pictures to their sound, and how old the sound is.

use std::time::{Duration, Instant};

use super::super::delay::OwnSide;
use super::super::reach::Reach;
use super::Controller;
use crate::media::audio::LOOKAHEAD;
use crate::media::sync::Heard;
use crate::proto::ParticipantId;
use crate::proto::reach;
use crate::proto::timing::Timing;

impl Controller {
    /// Ten times a second: what is heard of each peer goes to its pictures and into its delay, and now and then everybody is
    /// told what the others cannot know.
    pub(super) fn keep_time(&mut self, now: Instant) {
        let mixer = self.subscriber.mixer();
        let decode_ms = mixer.mixing_ms().map(|ms| ms + LOOKAHEAD.as_secs_f64() * 1000.0);
        let playout_ms = mixer.playout_ms();
        let link_ms = self.active.and_then(|link| self.rtt_ms(link)).map(|rtt_ms| rtt_ms / 2.0);
        let candidate = self.active.and_then(|link| self.elector.link_candidate_id(link));
        let relay = candidate.and_then(|candidate| self.hops.instance(candidate)).map(|instance| instance.0);
        let own = OwnSide { link_ms, relay, decode_ms, playout_ms };
        let later = LOOKAHEAD + Duration::from_secs_f64(playout_ms.unwrap_or(0.0) / 1000.0);
        let mut all = Vec::new();
        let peers: Vec<ParticipantId> = self.subscriber.peers().collect();
        for peer in peers {
            let playing = self.subscriber.mixer().playing(peer);
            let late_ms = self.subscriber.receiver().late_ms(peer);
            let wait_ms = self.delays.courtesy(peer).adjust(now, late_ms);
            self.subscriber.mixer().wait_longer(peer, Duration::from_secs_f64(wait_ms / 1000.0));
            let mut transit = self.subscriber.transit(peer);
            self.delays.heard(peer, &mut transit, playing, own);
            all.extend(playing.map(|(capture_us, at)| (peer, Heard { capture_us, at: at + later })));
        }
        self.subscriber.receiver().heard(all);
        if self.active.is_some() && self.entered.is_some() && self.roster.count() > 0 {
            let timing = self.delays.due(now, own);
            timing.into_iter().for_each(|timing| self.say_sealed(None, &timing.encode_sealed()));
            let reach = self.reaches.due(now, || Reach::of(&self.elector.standings()));
            reach.into_iter().for_each(|reach| self.say_sealed(None, &reach.encode_sealed()));
        }
    }

    /// Where a peer's call runs and what it measured, opened.
    pub(super) fn reach_came(&mut self, from: ParticipantId, bytes: &[u8]) {
        match reach::Reach::decode_sealed(bytes) {
            Ok(reach) => self.reaches.heard(from, &reach),
            Err(error) => tracing::debug!(%from, %error, "unreadable reach"),
        }
    }

    /// A peer's times, opened.
    pub(super) fn timing_came(&mut self, now: Instant, from: ParticipantId, bytes: &[u8]) {
        match Timing::decode_sealed(bytes) {
            Ok(timing) => self.delays.timing(now, from, self.participant, &timing),
            Err(error) => tracing::debug!(%from, %error, "unreadable timing"),
        }
    }
}
