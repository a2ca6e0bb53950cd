//! Packets on their way: dials, deliveries, losses and retransmissions.

use std::time::Duration;

use super::{Event, World, place};
use crate::election::{Candidate, LinkId};
use crate::proto::Transport;
use crate::sim::client::Client;
use crate::sim::wire::{Frame, Lane, Packet, Way, Wire};

/// A dial that takes longer failed, as in a call.
const PATIENCE: Duration = Duration::from_secs(4);
/// QUIC ends a connection on which nothing was heard for so long; a relay ends any such session.
const IDLE: Duration = Duration::from_secs(15);

impl World {
    pub(super) fn dial(&mut self, client: usize, link: LinkId, candidate: &Candidate) {
        let Some(relay) = self.relays.iter().position(|relay| relay.spec.id == candidate.relay) else {
            return self.queue.push(self.now, Event::NoSuchRelay { client, link });
        };
        let wire = self.wires.len();
        self.wires.push(Wire {
            client,
            link,
            relay,
            transport: candidate.transport,
            instance: self.relays[relay].instance,
            lanes: Default::default(),
            at_client: true,
            connected: false,
            at_relay: false,
            session: None,
            severed: false,
            heard_by_client: self.now,
            heard_by_relay: self.now,
        });
        self.nodes[client].links.insert(link, wire);
        self.queue.push(self.now + PATIENCE, Event::DialTimeout { wire });
        self.transmit(wire, Way::Up, Packet::Handshake(1));
    }

    pub(super) fn dial_timeout(&mut self, wire: usize) {
        if self.wires[wire].at_client && !self.wires[wire].connected {
            self.end_at_client(wire, "no answer within 4 s");
        }
    }

    /// The client lets go of a link, and says so to the relay.
    pub(super) fn hang_up(&mut self, client: usize, link: LinkId) {
        let Some(wire) = self.nodes[client].links.remove(&link) else { return };
        if self.wires[wire].connected {
            self.transmit(wire, Way::Up, Packet::Close);
        }
        self.wires[wire].at_client = false;
        self.note_stuck(wire);
    }

    /// The weather took what waited behind something that it took.
    fn note_stuck(&mut self, wire: usize) {
        let of = &self.wires[wire];
        let mut stuck = Vec::new();
        for (way, receiver) in [(Way::Up, None), (Way::Down, Some(of.client))] {
            let packets = of.lanes[way as usize].iter().flat_map(Lane::stuck);
            stuck.extend(packets.filter_map(|packet| Some((packet.frame()?, receiver))));
        }
        for (frame, receiver) in stuck {
            self.note_lost(&frame, receiver);
        }
    }

    /// The link ended without the client's doing.
    pub(super) fn end_at_client(&mut self, wire: usize, error: &str) {
        let Wire { client, link, .. } = self.wires[wire];
        self.wires[wire].at_client = false;
        self.nodes[client].links.remove(&link);
        self.note_stuck(wire);
        self.with(client, |client, now| client.ended(now, link, error));
    }

    /// The relay forgets a connection.
    pub(super) fn end_at_relay(&mut self, wire: usize) {
        let of = &mut self.wires[wire];
        (of.at_relay, of.session) = (false, None);
        let room = self.nodes[of.client].spec.room;
        let relay = &mut self.relays[of.relay];
        relay.wires.retain(|known| *known != wire);
        if let Some(members) = relay.rooms.get_mut(&room) {
            members.retain(|known| *known != wire);
        }
    }

    /// QUIC's idle timeout, at the client.
    pub(super) fn idle(&mut self, wire: usize) {
        let heard = self.wires[wire].heard_by_client;
        if !self.wires[wire].at_client {
        } else if self.nodes[self.wires[wire].client].asleep || self.now < heard + IDLE {
            self.queue.push((heard + IDLE).max(self.now + Duration::from_secs(1)), Event::Idle { wire });
        } else {
            self.end_at_client(wire, "timed out");
        }
    }

    /// Sends a packet: its first attempt.
    pub(super) fn transmit(&mut self, wire: usize, way: Way, packet: Packet) {
        let of = &mut self.wires[wire];
        let lane = packet.lane(of.transport).map(|lane| (lane, of.lane(way, lane).next(), 0));
        self.attempt(wire, way, packet, lane);
    }

    /// Nothing passes between the two, whatever the path is like.
    fn is_cut(&self, wire: &Wire) -> bool {
        let node = &self.nodes[wire.client];
        let udp = wire.transport == Transport::WebTransport && node.spec.udp_blocked;
        udp || wire.severed || node.outage || self.relays[wire.relay].cut
    }

    /// Sends a packet, or sends it again. `lane`: which, the packet's number, and how often it was lost.
    pub(super) fn attempt(&mut self, wire: usize, way: Way, packet: Packet, lane: Option<(usize, u64, u32)>) {
        let of = &self.wires[wire];
        let gone = match way {
            Way::Up => !of.at_client && !matches!(packet, Packet::Close),
            Way::Down => !of.at_relay && !matches!(packet, Packet::Close | Packet::Reset | Packet::Refused),
        };
        if gone {
            return;
        }
        let cut = self.is_cut(of) || (way == Way::Up && self.nodes[of.client].asleep);
        let path = &mut self.nodes[of.client].paths[of.relay][place(of.transport)][way as usize];
        let arrives = if cut { None } else { path.send(self.now, packet.bytes(), &mut self.rng) };
        match arrives {
            Some(at) => self.queue.push(at, Event::Arrive { wire, way, packet, lane }),
            None => self.lose(wire, way, packet, lane),
        }
    }

    /// The weather took a packet. What goes by a lane is sent again.
    fn lose(&mut self, wire: usize, way: Way, packet: Packet, lane: Option<(usize, u64, u32)>) {
        let (client, relay) = (self.wires[wire].client, self.wires[wire].relay);
        if let Some(frame) = packet.frame() {
            let receiver = (way == Way::Down).then_some(client);
            self.note_lost(&frame, receiver);
        }
        let Some((lane, number, attempt)) = lane else { return };
        let paths = &mut self.nodes[client].paths[relay][place(self.wires[wire].transport)];
        let rtt: Duration = paths.iter_mut().map(|path| path.condition(self.now).delay).sum();
        let wait = self.wires[wire].retransmission(rtt, attempt);
        self.queue.push(self.now + wait, Event::Again { wire, way, packet, lane: (lane, number, attempt + 1) });
    }

    pub(super) fn arrive(&mut self, wire: usize, way: Way, packet: Packet, lane: Option<(usize, u64, u32)>) {
        let of = &self.wires[wire];
        let asleep = self.nodes[of.client].asleep;
        if way == Way::Down && asleep && of.at_client {
            return self.lose(wire, way, packet, lane);
        }
        if way == Way::Up && !self.is_known(wire, &packet) {
            return;
        }
        match way {
            Way::Up => self.wires[wire].heard_by_relay = self.now,
            Way::Down => self.wires[wire].heard_by_client = self.now,
        }
        let ready = match lane {
            Some((lane, number, _)) => self.wires[wire].lane(way, lane).arrive(number, packet),
            None => vec![packet],
        };
        if ready.is_empty() && !self.wires[wire].at_client {
            self.note_stuck(wire);
        }
        for packet in ready {
            match way {
                Way::Up => self.at_relay(wire, packet),
                Way::Down => self.at_client(wire, packet),
            }
        }
    }

    /// Whether the relay's process is there, and is the one that the connection leads to. TCP says so if not.
    fn is_known(&mut self, wire: usize, packet: &Packet) -> bool {
        let of = &self.wires[wire];
        let relay = &self.relays[of.relay];
        if relay.up && relay.instance == of.instance {
            return true;
        }
        let (transport, first) = (of.transport, matches!(packet, Packet::Handshake(1)));
        if relay.up && first {
            // A new process took the place of the old one while the first packet was under way.
            self.wires[wire].instance = relay.instance;
            return true;
        }
        if let Some(frame) = packet.frame() {
            self.note_lost(&frame, None);
        }
        if transport == Transport::WebSocket {
            self.transmit(wire, Way::Down, Packet::Reset);
        }
        false
    }

    fn at_client(&mut self, wire: usize, packet: Packet) {
        let of = &mut self.wires[wire];
        let (client, link) = (of.client, of.link);
        if !of.at_client {
            return;
        }
        match packet {
            Packet::HandshakeReply(step) if step < of.trips() => {
                self.transmit(wire, Way::Up, Packet::Handshake(step + 1));
            }
            Packet::HandshakeReply(_) => {
                of.connected = true;
                if of.transport == Transport::WebTransport {
                    self.queue.push(self.now + IDLE, Event::Idle { wire });
                }
                self.with(client, |client, now| client.connected(now, link));
            }
            Packet::Close => self.end_at_client(wire, "closed by the relay"),
            Packet::Reset => {
                self.end_at_client(wire, if self.wires[wire].connected { "reset" } else { "refused" });
            }
            packet => {
                if let Some(frame) = packet.frame() {
                    self.receive(client, wire, frame);
                } else {
                    self.with(client, |client, now| client.receive(now, link, packet));
                }
            }
        }
    }

    /// Media for a client: from the first of it on, the client looks at it ten times a second.
    fn receive(&mut self, client: usize, wire: usize, frame: Frame) {
        let link = self.wires[wire].link;
        self.with(client, |client: &mut Client, now| client.receive(now, link, Packet::Media(frame)));
        self.tick_from_now(client);
    }
}
