//! What participants tell one another so that each sees how far everybody is from every region. Travels sealed: no relay
//! reads it, and nothing is decided on it.
//!
//! A sealed message whose first byte is [`REACH`]; see [`super::timing`] for the others.

use prost::Message;

use super::control::{self, Limited, within};
use super::report::ReportedTransport;
use super::{DecodeError, limits};

/// First byte of a sealed [`Reach`].
pub const REACH: u8 = 0x10;

/// Said to everybody in the room, each 10 s, and soon after somebody came or the sender moved.
#[derive(Clone, PartialEq, Message)]
pub struct Reach {
    /// The relay that carries the call for the sender, and its region; empty while none does.
    #[prost(string, tag = "1")]
    pub relay: String,
    #[prost(string, tag = "2")]
    pub region: String,
    #[prost(enumeration = "ReportedTransport", tag = "3")]
    pub transport: i32,
    /// Each relay that the sender knows, by the better way to it; [`limits::REPORT_PATHS`] at most.
    #[prost(message, repeated, tag = "4")]
    pub ways: Vec<Way>,
}

/// How far a relay is.
#[derive(Clone, PartialEq, Message)]
pub struct Way {
    #[prost(string, tag = "1")]
    pub relay: String,
    #[prost(string, tag = "2")]
    pub region: String,
    #[prost(enumeration = "ReportedTransport", tag = "3")]
    pub transport: i32,
    /// Mean round trip, whole ms. Left out where nothing answers, and never 0 for that.
    #[prost(uint32, optional, tag = "4")]
    pub rtt_ms: Option<u32>,
}

impl Limited for Reach {
    fn check(&self) -> Result<(), DecodeError> {
        within("ways", self.ways.len(), limits::REPORT_PATHS)?;
        let ways = self.ways.iter().flat_map(|way| [&way.relay, &way.region]);
        [&self.relay, &self.region]
            .into_iter()
            .chain(ways)
            .try_for_each(|name| within("relay name", name.len(), limits::NAME_BYTES))
    }
}

impl Reach {
    /// The sealed message's bytes.
    pub fn encode_sealed(&self) -> Vec<u8> {
        let mut bytes = vec![REACH];
        self.encode(&mut bytes).expect("a vector grows");
        bytes
    }

    /// Reads what follows the first byte.
    ///
    /// # Errors
    /// Malformed, or over a limit.
    pub fn decode_sealed(bytes: &[u8]) -> Result<Self, DecodeError> {
        control::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::timing;

    fn way(name: usize) -> Way {
        let name = "x".repeat(name);
        let transport = ReportedTransport::WebTransport.into();
        Way { relay: name.clone(), region: name, transport, rtt_ms: Some(u32::MAX) }
    }

    #[test]
    fn a_reach_comes_back_whole_and_is_neither_text_nor_timing() {
        let reach = Reach {
            relay: "oslo-1".into(),
            region: "oslo".into(),
            transport: ReportedTransport::WebSocket.into(),
            ways: vec![way(3), Way { rtt_ms: None, ..way(4) }],
        };
        let bytes = reach.encode_sealed();
        assert!(bytes[0] == REACH && REACH < timing::TEXT && REACH != timing::TIMING);
        assert_eq!(Reach::decode_sealed(&bytes[1..]).unwrap(), reach);
    }

    #[test]
    fn the_most_that_may_be_told_fits_a_sealed_message_and_more_is_refused() {
        let most = Reach { ways: vec![way(limits::NAME_BYTES); limits::REPORT_PATHS], ..Reach::default() };
        let bytes = most.encode_sealed();
        assert!(bytes.len() < limits::SEALED_BYTES - 100, "{}", bytes.len());
        assert!(Reach::decode_sealed(&bytes[1..]).is_ok());
        let many = Reach { ways: vec![way(1); limits::REPORT_PATHS + 1], ..Reach::default() };
        let long = Reach { ways: vec![way(limits::NAME_BYTES + 1)], ..Reach::default() };
        for wrong in [many, long] {
            assert!(Reach::decode_sealed(&wrong.encode_sealed()[1..]).is_err());
        }
        assert!(Reach::decode_sealed(&[0xFF; 9]).is_err());
    }
}
