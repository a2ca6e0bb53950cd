//! What a client tells its relay of the election: how far each relay is, and what its moves cost. An operator sees from it
//! how regions are for users. Nothing in it says who reports.
//!
//! Sent by a member over the link that carries the call: after the race, after a move, and about every 30 s. A relay of an
//! earlier version skips it. Nobody answers it, and nobody forwards it.

use super::control::within;
use super::{DecodeError, Transport, limits};

/// How things are for the client since its last report.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ElectionReport {
    /// What was measured lately, each relay and transport once; [`limits::REPORT_PATHS`] at most.
    #[prost(message, repeated, tag = "1")]
    pub paths: Vec<PathReport>,
    /// The moves since the last report; [`limits::REPORT_MOVES`] at most.
    #[prost(message, repeated, tag = "2")]
    pub moves: Vec<MoveReport>,
}

/// How a relay is reached by one transport. A figure that was not measured is left out, and is never 0.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PathReport {
    /// Id, region and provider, as the client's list of relays has them.
    #[prost(string, tag = "1")]
    pub relay: String,
    #[prost(string, tag = "2")]
    pub region: String,
    #[prost(string, tag = "3")]
    pub provider: String,
    #[prost(enumeration = "ReportedTransport", tag = "4")]
    pub transport: i32,
    /// Mean round trip, µs.
    #[prost(uint32, optional, tag = "5")]
    pub mean_us: Option<u32>,
    /// Mean difference of neighbouring round trips, µs.
    #[prost(uint32, optional, tag = "6")]
    pub jitter_us: Option<u32>,
    /// Probes that are lost, in 1/1000.
    #[prost(uint32, optional, tag = "7")]
    pub loss_permille: Option<u32>,
    /// Answers of probes on this link so far: how much the figures stand on.
    #[prost(uint32, tag = "8")]
    pub samples: u32,
}

/// [`Transport`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ReportedTransport {
    Unspecified = 0,
    WebTransport = 1,
    WebSocket = 2,
}

impl From<Transport> for ReportedTransport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::WebTransport => Self::WebTransport,
            Transport::WebSocket => Self::WebSocket,
        }
    }
}

/// The call went over to another link.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MoveReport {
    #[prost(enumeration = "MoveCause", tag = "1")]
    pub cause: i32,
    /// Longest time without real audio of any peer around the move, ms. Left out where nobody was heard.
    #[prost(uint32, optional, tag = "2")]
    pub audio_gap_ms: Option<u32>,
    /// Longest time between two pictures of any peer around the move, ms. Left out where nobody was seen.
    #[prost(uint32, optional, tag = "3")]
    pub video_gap_ms: Option<u32>,
}

/// Why a call moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MoveCause {
    Unspecified = 0,
    /// Better, and for long enough.
    Improve = 1,
    /// Level with the best and WebTransport.
    Transport = 2,
    /// The link closed, or fell silent.
    FailOver = 3,
    /// The relay goes away.
    Drain = 4,
    /// The user said so.
    Pin = 5,
    Force = 6,
    Block = 7,
    /// Back after every link was lost.
    Reconnect = 8,
}

impl ElectionReport {
    /// Checks every length inside. What the figures are worth is for their reader to judge.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        within("paths of a report", self.paths.len(), limits::REPORT_PATHS)?;
        within("moves of a report", self.moves.len(), limits::REPORT_MOVES)?;
        self.paths.iter().try_for_each(|path| {
            [&path.relay, &path.region, &path.provider]
                .into_iter()
                .try_for_each(|name| within("relay name", name.len(), limits::NAME_BYTES))
        })
    }
}
