//! What participants tell one another so that each knows how old the sound is that it hears. Travels sealed: no relay reads it.
//!
//! The first byte of a sealed message says what it is: [`TIMING`] is this, [`WORDS`](super::words::WORDS) is what people say, and
//! other kinds are skipped.

use prost::Message;

use super::control::{self, Limited, within};
use super::{DecodeError, limits};

/// First byte of a sealed [`Timing`].
pub const TIMING: u8 = 1;
/// Every kind is below this: a text as such is none.
pub const TEXT: u8 = 0x20;

/// Said to everybody in the room, each 5 s, and a few times in the first seconds. A time that was not measured is left out.
///
/// With the echoes a receiver measures the round trip to the sender and how far their clocks are apart (RFC 3550 section
/// 6.4.1, LSR and DLSR; RFC 5905 section 8): one way is taken to be as long as the other.
#[derive(Clone, PartialEq, Message)]
pub struct Timing {
    /// When this was sent, µs on the sender's media clock.
    #[prost(uint64, tag = "1")]
    pub sent_us: u64,
    /// From the first sample of a packet to its encoder, µs.
    #[prost(uint32, optional, tag = "2")]
    pub capture_us: Option<u32>,
    /// In the encoder, and from there to the link, µs.
    #[prost(uint32, optional, tag = "3")]
    pub encode_us: Option<u32>,
    /// From the sender to its relay: half a mean round trip, µs.
    #[prost(uint32, optional, tag = "4")]
    pub uplink_us: Option<u32>,
    /// The last that was heard of each of the others.
    #[prost(message, repeated, tag = "5")]
    pub echoes: Vec<Echo>,
    /// The relay that it goes to: its running instance.
    #[prost(fixed64, optional, tag = "6")]
    pub relay: Option<u64>,
}

/// The answer to somebody's [`Timing`].
#[derive(Clone, PartialEq, Message)]
pub struct Echo {
    /// Whose.
    #[prost(fixed64, tag = "1")]
    pub participant: u64,
    /// Its [`Timing::sent_us`].
    #[prost(uint64, tag = "2")]
    pub sent_us: u64,
    /// From its arrival to this answer, µs.
    #[prost(uint64, tag = "3")]
    pub held_us: u64,
}

impl Limited for Timing {
    fn check(&self) -> Result<(), DecodeError> {
        within("echoes", self.echoes.len(), limits::MEMBERS)
    }
}

impl Timing {
    /// The sealed message's bytes.
    pub fn encode_sealed(&self) -> Vec<u8> {
        let mut bytes = vec![TIMING];
        self.encode(&mut bytes).expect("a vector grows");
        bytes
    }

    /// Reads what follows the first byte.
    ///
    /// # Errors
    /// Malformed, or more echoes than a room has members.
    pub fn decode_sealed(bytes: &[u8]) -> Result<Self, DecodeError> {
        control::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timing_comes_back_whole() {
        let echoes = vec![Echo { participant: 7, sent_us: 1, held_us: 2 }];
        let timing = Timing {
            sent_us: 5,
            capture_us: Some(0),
            encode_us: None,
            uplink_us: Some(20_000),
            echoes,
            relay: Some(9),
        };
        let bytes = timing.encode_sealed();
        assert!(bytes[0] == TIMING && TIMING < TEXT);
        assert_eq!(Timing::decode_sealed(&bytes[1..]).unwrap(), timing);
    }

    #[test]
    fn a_room_of_echoes_fits_a_sealed_message_and_more_are_refused() {
        let echo = Echo { participant: u64::MAX, sent_us: u64::MAX, held_us: u64::MAX };
        let mut timing = Timing { echoes: vec![echo.clone(); limits::MEMBERS], ..Timing::default() };
        let bytes = timing.encode_sealed();
        assert!(bytes.len() < limits::SEALED_BYTES - 100, "{}", bytes.len());
        assert!(Timing::decode_sealed(&bytes[1..]).is_ok());
        timing.echoes.push(echo);
        assert!(Timing::decode_sealed(&timing.encode_sealed()[1..]).is_err());
    }
}
