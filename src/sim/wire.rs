//! A connection between a client and a relay: what travels on it, and in which order it arrives.
//!
//! WebTransport has datagrams, a reliable lane for control and one for video; WebSocket has one lane for everything, so
//! that one lost packet holds up all that follow.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Time;
use crate::election::LinkId;
use crate::proto::Transport;
use crate::proto::probe::RelayState;

/// Without any round trip measured, a lost packet is sent again after this (QUIC and TCP alike).
const FIRST_RETRANSMISSION: Duration = Duration::from_secs(1);
/// What TCP waits beyond the round trip, at the least (Linux, `TCP_RTO_MIN`).
const TCP_SLACK: Duration = Duration::from_millis(200);
/// The longest wait between two attempts, where nothing else goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// On QUIC probes go on as datagrams: the first acknowledgement of one shows what was lost before it.
const QUIC_WAIT: Duration = Duration::from_millis(250);

/// What a client wants to receive on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    Nothing,
    /// Audio.
    Standby,
    Everything,
}

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Audio,
    Video,
}

/// A piece of media. Numbers run by ones for each sender and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// The client that sent it.
    pub(super) from: usize,
    pub(super) number: u32,
    /// Number of the key frame that it builds on; its own for audio.
    pub(super) group: u32,
    /// The sender falls silent after it.
    pub(super) last: bool,
    /// The packet before is in it too.
    pub(super) doubled: bool,
}

/// What travels.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Packet {
    Handshake(u8),
    HandshakeReply(u8),
    Probe(u64),
    Reply {
        id: u64,
        state: RelayState,
        instance: u64,
    },
    /// Hello if it is the first, and what is wanted; with, of each sender's video, the group and frame that is there.
    Ask {
        sequence: u32,
        wanted: Wanted,
        resume: Vec<(usize, u32, u32)>,
    },
    Subscribed(u32),
    Refused,
    Drain {
        deadline: Duration,
        spread: Duration,
    },
    Media(Frame),
    /// The other end is done with the connection.
    Close,
    /// The other end knows no such connection.
    Reset,
}

impl Packet {
    /// On the wire, headers included.
    pub(super) fn bytes(&self) -> u32 {
        match self {
            Packet::Media(Frame { kind: Kind::Audio, doubled, .. }) => 180 + 110 * u32::from(*doubled),
            // 1.2 Mbit/s at 30 frames a second; a key frame is four others.
            Packet::Media(Frame { kind: Kind::Video, number, group, .. }) => {
                if number == group {
                    20_000
                } else {
                    5_000
                }
            }
            Packet::Handshake(_) | Packet::HandshakeReply(_) => 1_200,
            Packet::Probe(_) | Packet::Reply { .. } => 80,
            _ => 200,
        }
    }

    /// The media in it.
    pub(super) fn frame(&self) -> Option<Frame> {
        match self {
            Packet::Media(frame) => Some(*frame),
            _ => None,
        }
    }

    /// The lane by which it goes; `None` for a datagram.
    pub(super) fn lane(&self, transport: Transport) -> Option<usize> {
        match (self, transport) {
            (Packet::Reset, _) => None,
            (_, Transport::WebSocket) => Some(0),
            (Packet::Probe(_) | Packet::Reply { .. } | Packet::Close, _) => None,
            (Packet::Media(Frame { kind: Kind::Audio, .. }), _) => None,
            (Packet::Media(_), _) => Some(1),
            _ => Some(0),
        }
    }
}

/// Towards whom a packet travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

/// A reliable, ordered stream in one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    sent: u64,
    awaited: u64,
    early: BTreeMap<u64, Packet>,
}

impl Lane {
    /// The number of the next packet.
    pub(super) fn next(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }

    /// What can be read now that this packet arrived, in order.
    pub(super) fn arrive(&mut self, number: u64, packet: Packet) -> Vec<Packet> {
        if number < self.awaited {
            return Vec::new();
        }
        self.early.insert(number, packet);
        let mut ready = Vec::new();
        while let Some(packet) = self.early.remove(&self.awaited) {
            self.awaited += 1;
            ready.push(packet);
        }
        ready
    }

    /// What arrived and waits for something that was lost.
    pub(super) fn stuck(&self) -> impl Iterator<Item = &Packet> {
        self.early.values()
    }
}

/// A connection, as both ends see it.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) client: usize,
    pub(super) link: LinkId,
    pub(super) relay: usize,
    pub(super) transport: Transport,
    /// The run of the relay's process that it leads to.
    pub(super) instance: u64,
    /// By way and number.
    pub(super) lanes: [[Lane; 2]; 2],
    /// The client has not let go of it.
    pub(super) at_client: bool,
    /// The handshake is done.
    pub(super) connected: bool,
    /// The relay knows it.
    pub(super) at_relay: bool,
    /// Admitted, and what is wanted.
    pub(super) session: Option<Wanted>,
    /// Nothing passes any more, and nobody is told.
    pub(super) severed: bool,
    /// When each end heard of the other last.
    pub(super) heard_by_client: Time,
    pub(super) heard_by_relay: Time,
}

impl Wire {
    /// Round trips until it can be used: QUIC and the CONNECT, or TCP, TLS and the upgrade.
    pub(super) fn trips(&self) -> u8 {
        match self.transport {
            Transport::WebTransport => 2,
            Transport::WebSocket => 3,
        }
    }

    /// When a packet that was lost at its `attempt`th time (from 0) is sent again, from then on.
    pub(super) fn retransmission(&self, rtt: Duration, attempt: u32) -> Duration {
        let (first, longest) = match (self.connected, self.transport) {
            (false, _) => (FIRST_RETRANSMISSION, LONGEST_WAIT),
            (true, Transport::WebSocket) => (rtt + TCP_SLACK, LONGEST_WAIT),
            // A probe timeout of RFC 9002 on a calm path: the round trip, a quarter of it and the delay of an ack.
            (true, Transport::WebTransport) => (rtt * 5 / 4 + Duration::from_millis(25), rtt * 2 + QUIC_WAIT),
        };
        first.saturating_mul(1 << attempt.min(10)).min(longest)
    }

    pub(super) fn lane(&mut self, way: Way, lane: usize) -> &mut Lane {
        &mut self.lanes[way as usize][lane]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_hands_over_in_order_and_each_packet_once() {
        let mut lane = Lane::default();
        let numbers = [lane.next(), lane.next(), lane.next()];
        assert_eq!(lane.arrive(numbers[1], Packet::Probe(1)), []);
        assert_eq!(lane.arrive(numbers[0], Packet::Probe(0)), [Packet::Probe(0), Packet::Probe(1)]);
        assert_eq!(lane.arrive(numbers[1], Packet::Probe(1)), []);
        assert_eq!(lane.arrive(numbers[2], Packet::Probe(2)), [Packet::Probe(2)]);
    }
}
