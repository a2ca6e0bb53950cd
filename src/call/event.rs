//! What a call tells: events as they happen, and a summary at the end. They serialise to the stable JSON
//! of `nearcall call --events`: fields are added, never renamed.

use serde::Serialize;

use super::delay::MouthToEar;
use super::hops::Answered;
use super::state::Rates;
use crate::election::Reason;
use crate::proto::Transport;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A candidate connected or failed.
    Candidate(CandidateRow),
    /// The race's window is over: what was measured of each candidate.
    Race {
        candidates: Vec<CandidateRow>,
    },
    /// A relay was elected for the first time.
    Elected {
        relay: String,
        region: String,
        transport: Transport,
        mean_ms: Option<f64>,
        margin_ms: Option<f64>,
        runner_up: Option<String>,
        reason: Reason,
    },
    /// The room was entered.
    Joined {
        relay: String,
        region: String,
        transport: Transport,
        since_join_ms: f64,
        members: usize,
    },
    PeerJoined {
        peer: String,
        name: Option<String>,
        readable: bool,
    },
    PeerLeft {
        peer: String,
        name: Option<String>,
    },
    /// The peer's last link ended; it has half a minute to come back.
    PeerReconnecting {
        peer: String,
        name: Option<String>,
    },
    FirstFrame {
        peer: String,
        kind: &'static str,
        since_join_ms: f64,
    },
    /// The active link is in doubt (`on`), or no longer.
    Suspect {
        region: String,
        transport: Transport,
        on: bool,
    },
    Moved(Moved),
    /// Another relay was considered and not taken.
    Kept {
        candidate: String,
        reason: String,
    },
    /// Another process answers at a candidate's address than before: the relay started anew, or the address leads elsewhere.
    Answerer {
        relay: String,
        region: String,
        transport: Transport,
        answered_by: String,
        was: String,
    },
    Standby {
        relay: Option<String>,
        region: Option<String>,
    },
    /// A relay answered and does not take us in: no right, another version.
    Refused {
        relay: String,
        message: String,
    },
    Reconnecting,
    Reconnected {
        region: String,
        transport: Transport,
    },
    /// Somebody else said a line.
    Chat {
        peer: String,
        name: Option<String>,
        text: String,
    },
    /// Everybody who was there has our line with this number, counted from 1, or `missed` of them never got it.
    ChatDelivered {
        number: u64,
        missed: usize,
    },
    /// A hand went up, also before we came, or down. `place` is the one in the order of raised hands, from 1.
    Hand {
        peer: String,
        name: Option<String>,
        me: bool,
        up: bool,
        place: Option<usize>,
    },
    /// Somebody else shows this for a moment.
    Reaction {
        peer: String,
        name: Option<String>,
        reaction: &'static str,
    },
    /// What a host decided, or took back (`on` is false).
    Moderated {
        /// `mute`, `removal` or `lock`.
        kind: &'static str,
        on: bool,
        /// Whom it is about; `null` for a lock.
        peer: Option<String>,
        name: Option<String>,
        /// It is about us.
        me: bool,
        /// `microphone`, `camera` or `screen`, of a mute.
        track: Option<&'static str>,
        /// Of a mute: who is muted cannot lift it.
        firm: bool,
        by: String,
        by_name: Option<String>,
    },
    /// A host removed us: the call ends.
    Removed {
        message: String,
    },
    /// A device is missing, denied, busy or gone; or is back.
    Device {
        device: &'static str,
        state: String,
    },
    /// We share a screen or a window of this name from now on; `null`: nothing any more.
    Sharing {
        name: Option<String>,
    },
    /// Something went wrong that did not end the call.
    Error {
        message: String,
    },
    Summary(Summary),
}

/// A candidate as it was measured. A figure that was not measured is `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CandidateRow {
    pub relay: String,
    pub region: String,
    pub provider: String,
    pub transport: Transport,
    pub url: String,
    /// `connected`, `failed` or `no_answer`.
    pub state: &'static str,
    pub relay_state: Option<crate::proto::probe::RelayState>,
    pub error: Option<String>,
    pub connect_ms: Option<f64>,
    pub mean_ms: Option<f64>,
    pub median_ms: Option<f64>,
    pub min_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
    pub loss: Option<f64>,
    pub sent: u32,
    pub received: u32,
    #[serde(flatten)]
    pub answered: Answered,
}

/// The call went over to another link, and what that cost the listener.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    pub from: Option<Place>,
    pub to: Place,
    pub reason: Reason,
    pub rtt_before_ms: Option<f64>,
    pub rtt_after_ms: Option<f64>,
    /// Longest time without real audio of any peer around the move; `null` where nobody was heard.
    pub audio_gap_ms: Option<u64>,
    /// Longest time between two pictures of any peer around the move; `null` where nobody was seen.
    pub video_gap_ms: Option<u64>,
}

/// A relay and a way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub relay: String,
    pub region: String,
    pub transport: Transport,
}

/// What remains to be said at the end.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Summary {
    pub moves: usize,
    /// The way to the relay, as it was in the end.
    pub uplink: Rates,
    pub peers: Vec<PeerSummary>,
    /// When the first sample of what was sent was taken: of a file or a tone its first. ms since 1970, as this machine's clock
    /// has it; `null` where nothing was sent.
    pub source_unix_ms: Option<f64>,
    /// When the first sample of the recording went to the speaker, or would have.
    pub recording_unix_ms: f64,
}

/// One peer, as it was received.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeerSummary {
    pub peer: String,
    pub name: Option<String>,
    pub audio: AudioSummary,
    pub video: VideoSummary,
    /// How old its sound was when it was heard, mean: the sum of the parts. `null` until all but decode and playout are known.
    pub mouth_to_ear_ms: Option<f64>,
    pub mouth_to_ear: MouthToEar,
    /// How much later than the sound of their moment its pictures were shown (negative: earlier), median; and what 95 % of
    /// them were within, to either side.
    pub lip_offset_ms: Option<f64>,
    pub lip_offset_p95_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AudioSummary {
    /// Packets, without doubles.
    pub received: u64,
    /// Not there when their turn came, those included that came later.
    pub lost: u64,
    /// Of the lost, those that never came.
    pub missing: u64,
    pub recovered: u64,
    pub concealed_ms: u64,
    pub longest_gap_ms: u64,
    pub jitter_ms: Option<f64>,
    pub delay_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct VideoSummary {
    /// Frames, without doubles.
    pub received: u64,
    pub decoded: u64,
    pub lost: u64,
    pub frozen_ms: u64,
    pub longest_gap_ms: u64,
    pub key_frames_requested: u64,
    pub width: u32,
    pub height: u32,
    pub fps: Option<f64>,
}
