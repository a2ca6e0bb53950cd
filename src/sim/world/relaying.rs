//! What relays do with what arrives, and what clients make of media that did not.

use super::{AUDIO, Event, Node, REMEMBERED, Unexplained, VIDEO, World};
use crate::proto::Transport;
use crate::sim::client::TICK;
use crate::sim::wire::{Frame, Kind, Packet, Wanted, Way};

impl World {
    pub(super) fn at_relay(&mut self, wire: usize, packet: Packet) {
        let of = &mut self.wires[wire];
        let relay = &mut self.relays[of.relay];
        match packet {
            Packet::Handshake(step) => {
                if !of.at_relay {
                    of.at_relay = true;
                    relay.wires.push(wire);
                }
                self.transmit(wire, Way::Down, Packet::HandshakeReply(step));
            }
            Packet::Probe(id) => {
                // No two relays are one process, whatever became of either.
                let (state, instance) = (relay.state, (of.relay as u64) << 32 | relay.instance);
                self.transmit(wire, Way::Down, Packet::Reply { id, state, instance });
            }
            Packet::Ask { sequence, wanted, resume } => self.admit(wire, sequence, wanted, &resume),
            Packet::Media(frame) if of.session.is_some() => {
                let (relay, room) = (of.relay, self.nodes[of.client].spec.room);
                self.publish(relay, room, frame);
            }
            Packet::Close => self.end_at_relay(wire),
            _ => {}
        }
    }

    fn admit(&mut self, wire: usize, sequence: u32, wanted: Wanted, resume: &[(usize, u32, u32)]) {
        let of = &mut self.wires[wire];
        let relay = &self.relays[of.relay];
        if of.session.is_none() && relay.refuses {
            self.transmit(wire, Way::Down, Packet::Refused);
            self.transmit_close(wire);
            return;
        }
        let before = of.session.replace(wanted);
        let (me, room) = (of.client, self.nodes[of.client].spec.room);
        if before.is_none() {
            self.relays[of.relay].rooms.entry(room).or_default().push(wire);
        }
        let relay = &self.relays[of.relay];
        let kept = match wanted == Wanted::Everything && before != Some(wanted) && !relay.withholds {
            true => relay.kept(resume),
            false => Vec::new(),
        };
        self.transmit(wire, Way::Down, Packet::Subscribed(sequence));
        for frame in kept {
            if frame.from != me && self.nodes[frame.from].spec.room == room {
                self.transmit(wire, Way::Down, Packet::Media(frame));
            }
        }
    }

    /// The relay is done with a connection, and says so behind everything else.
    pub(super) fn transmit_close(&mut self, wire: usize) {
        self.transmit(wire, Way::Down, Packet::Close);
        self.end_at_relay(wire);
    }

    /// A frame from a member that is here: to the others here, and to the other relays.
    fn publish(&mut self, relay: usize, room: u32, frame: Frame) {
        if !self.relays[relay].take(&frame) {
            return;
        }
        self.forward(relay, room, frame);
        let on_bus = self.relays[relay].is_on_bus();
        for to in 0..self.relays.len() {
            if to == relay {
            } else if on_bus && self.relays[to].is_on_bus() {
                let at = self.now + self.bus.delay(relay, to);
                self.queue.push(at, Event::Bus { to, room, frame });
            } else {
                self.note_lost(&frame, None);
            }
        }
    }

    pub(super) fn take_from_bus(&mut self, relay: usize, room: u32, frame: Frame) {
        if !self.relays[relay].is_on_bus() {
            self.note_lost(&frame, None);
        } else if self.relays[relay].take(&frame) {
            self.forward(relay, room, frame);
        }
    }

    fn forward(&mut self, relay: usize, room: u32, frame: Frame) {
        if self.relays[relay].withholds {
            return self.note_lost(&frame, None);
        }
        let members = self.relays[relay].rooms.get(&room).map_or(0, Vec::len);
        for index in 0..members {
            let wire = self.relays[relay].rooms[&room][index];
            let of = &self.wires[wire];
            let wants = match of.session {
                Some(Wanted::Everything) => true,
                Some(Wanted::Standby) => frame.kind == Kind::Audio,
                _ => false,
            };
            if wants && of.client != frame.from {
                self.transmit(wire, Way::Down, Packet::Media(frame));
            }
        }
    }

    /// The weather took a copy of a frame on its way to a receiver, or before it went to anybody.
    pub(super) fn note_lost(&mut self, frame: &Frame, receiver: Option<usize>) {
        let mut note = |number| {
            let of = self.lost.entry((frame.from, frame.kind, number)).or_default();
            if !of.contains(&receiver) {
                of.push(receiver);
            }
        };
        note(frame.number);
        if frame.doubled && frame.number > 0 {
            note(frame.number - 1);
        }
    }

    /// Begins to send what the client is to send.
    pub(super) fn plan_media(&mut self, index: usize) {
        for kind in [Kind::Audio, Kind::Video] {
            let node = &mut self.nodes[index];
            let sends = node.client.as_ref().is_some_and(|client| client.sends(kind));
            if sends && !std::mem::replace(&mut node.running[kind as usize], true) {
                let phase = period(kind).mul_f64(self.rng.unit());
                self.queue.push(self.now + phase, Event::Frame(index, kind));
            }
        }
    }

    pub(super) fn frame(&mut self, index: usize, kind: Kind) {
        let now = self.now;
        let Node { client: Some(client), running, .. } = &mut self.nodes[index] else { return };
        let sends = client.sends(kind);
        running[kind as usize] = sends;
        if sends {
            self.queue.push(now + period(kind), Event::Frame(index, kind));
        }
        let mut number = None;
        self.with(index, |client, now| number = client.publish(now, index, kind, !sends));
        let Some(number) = number else { return };
        let (first, sent) = &mut self.nodes[index].sent[kind as usize];
        sent.push_back(now);
        if sent.len() > REMEMBERED as usize {
            sent.pop_front();
            *first += 1;
            self.lost.remove(&(index, kind, number.saturating_sub(REMEMBERED)));
        }
    }

    pub(super) fn tick_from_now(&mut self, index: usize) {
        if !std::mem::replace(&mut self.nodes[index].ticking, true) {
            let phase = TICK.mul_f64(self.rng.unit());
            self.queue.push(self.now + phase, Event::Tick(index));
        }
    }

    /// Looks why a client misses what it misses.
    pub(super) fn explain(&mut self, receiver: usize) {
        let Some(client) = self.nodes[receiver].client.as_mut() else { return };
        for (from, kind, number) in client.take_missing() {
            let taken = self.lost.get(&(from, kind, number));
            if taken.is_some_and(|of| of.contains(&None) || of.contains(&Some(receiver))) {
                continue;
            }
            let (first, sent) = &self.nodes[from].sent[kind as usize];
            let sent = number.checked_sub(*first).and_then(|index| sent.get(index as usize)).copied();
            let sent = sent.unwrap_or_default();
            self.unexplained.push(Unexplained { sent, from, receiver, kind, number });
        }
    }

    /// Connections of a client to a relay, by a transport or by any.
    pub(super) fn wires_of(&self, client: usize, relay: Option<usize>, transport: Option<Transport>) -> Vec<usize> {
        let links = self.nodes[client].links.values().copied();
        let fits = |wire: &usize| {
            let of = &self.wires[*wire];
            relay.is_none_or(|relay| of.relay == relay) && transport.is_none_or(|transport| of.transport == transport)
        };
        links.filter(fits).collect()
    }

    /// Changes what a client sends.
    pub(super) fn set_media(&mut self, index: usize, voice: bool, camera: bool) {
        if let Some(client) = &mut self.nodes[index].client {
            client.set_sends(voice, camera);
        }
        self.plan_media(index);
    }
}

fn period(kind: Kind) -> std::time::Duration {
    match kind {
        Kind::Audio => AUDIO,
        Kind::Video => VIDEO,
    }
}
