//! What happens to the world from outside: see [`Step`].

use super::{Event, SLEPT, Time, World};
use crate::election::Input;
use crate::proto::Transport;
use crate::proto::probe::RelayState;
use crate::sim::scene::{Reach, Step};
use crate::sim::wire::{Packet, Way};

impl World {
    /// Lets something happen now.
    pub fn apply(&mut self, step: Step) {
        match step {
            // Nobody is at the machine until it wakes.
            Step::Join { client } | Step::Command { client, .. } if self.nodes[client].asleep => {
                self.queue.push(self.nodes[client].wakes, Event::Step(Box::new(step)));
            }
            Step::Kill(relay) => self.kill(relay),
            Step::Revive(relay) => self.relays[relay].revive(),
            Step::Blackhole(relay, on) => self.relays[relay].cut = on,
            Step::State(relay, state) => self.relays[relay].state = state,
            Step::Refuse(relay, on) => self.relays[relay].refuses = on,
            Step::Withhold(relay, on) => self.relays[relay].withholds = on,
            Step::Drain { relay, deadline, spread } => self.drain(relay, deadline, spread),
            Step::List(relay, on) => self.list(relay, on),
            Step::Reach { client, relay, reach } => self.set_reach(client, relay, &reach),
            Step::Outage { client, on } => self.nodes[client].outage = on,
            Step::UdpBlocked { client, on } => self.nodes[client].spec.udp_blocked = on,
            Step::Rebind { client } => {
                for wire in self.wires_of(client, None, Some(Transport::WebSocket)) {
                    self.wires[wire].severed = true;
                }
            }
            Step::Reset { client, relay } => {
                for wire in self.wires_of(client, Some(relay), None) {
                    if self.wires[wire].at_relay {
                        self.end_at_relay(wire);
                    }
                    self.end_at_client(wire, "reset");
                }
            }
            Step::Suspend { client, length } => self.suspend(client, length),
            Step::Join { client } => self.with(client, |client, now| client.feed(now, Input::Join)),
            Step::Command { client, command } => {
                self.with(client, |client, now| client.feed(now, Input::Command(command)));
            }
            Step::Media { client, voice, camera } => self.set_media(client, voice, camera),
        }
    }

    fn kill(&mut self, relay: usize) {
        for wire in self.relays[relay].end() {
            if self.wires[wire].transport == Transport::WebSocket {
                self.transmit(wire, Way::Down, Packet::Reset);
            }
            (self.wires[wire].at_relay, self.wires[wire].session) = (false, None);
        }
    }

    fn drain(&mut self, relay: usize, deadline: Time, spread: Time) {
        let of = &mut self.relays[relay];
        if !of.up || of.state == RelayState::Draining {
            return;
        }
        (of.state, of.refuses) = (RelayState::Draining, true);
        let instance = of.instance;
        for wire in of.wires.clone() {
            if self.wires[wire].session.is_some() {
                self.transmit(wire, Way::Down, Packet::Drain { deadline, spread });
            }
        }
        self.queue.push(self.now + deadline, Event::End { relay, instance });
    }

    /// A relay that drained is done, and says so to whoever is left.
    pub(super) fn end(&mut self, relay: usize, instance: u64) {
        if self.relays[relay].instance != instance {
            return;
        }
        for wire in self.relays[relay].wires.clone() {
            self.transmit_close(wire);
        }
        self.relays[relay].end();
    }

    fn list(&mut self, relay: usize, on: bool) {
        self.relays[relay].listed = on;
        let candidates = self.manifest();
        for client in 0..self.nodes.len() {
            let candidates = candidates.clone();
            self.nodes[client].outdated = self.nodes[client].asleep;
            self.with(client, |client, now| client.feed(now, Input::Manifest(candidates)));
        }
    }

    fn set_reach(&mut self, client: usize, relay: usize, reach: &Reach) {
        let paths = &mut self.nodes[client].paths[relay];
        for (paths, route) in paths.iter_mut().zip([&reach.webtransport, &reach.websocket]) {
            paths[Way::Up as usize].set(route.up.clone());
            paths[Way::Down as usize].set(route.down.clone());
        }
    }

    /// The machine sleeps; whoever looks at its clock finds out a moment after it woke.
    fn suspend(&mut self, index: usize, length: Time) {
        let node = &mut self.nodes[index];
        let Some(client) = node.client.as_mut().filter(|_| !node.asleep) else { return };
        client.slept(length);
        node.asleep = true;
        let wakes = self.now + length;
        node.wakes = wakes;
        self.queue.push(wakes, Event::Thaw(index));
        if length >= SLEPT {
            let notices = wakes + crate::sim::client::TICK.mul_f64(self.rng.unit());
            self.queue.push(notices, Event::Slept(index));
        }
    }
}
