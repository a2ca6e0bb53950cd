//! A relay: which sessions it has, and who gets which frame. The counterpart of `relay::router`.
//!
//! A frame goes on once, however often it came in, to every session of the room that wants it, and never back to who sent
//! it. Of each sender's video the current group is kept, so that a newcomer goes on inside it. What a relay asks of the
//! bus is not modelled: every relay gets everything.

use std::collections::BTreeMap;

use super::media::Seen;
use super::scene::RelaySpec;
use super::wire::{Frame, Kind};
use crate::proto::probe::RelayState;

#[derive(Debug)]
pub(super) struct Relay {
    pub(super) spec: RelaySpec,
    /// Runs of its process so far; the number of this one.
    pub(super) instance: u64,
    pub(super) up: bool,
    pub(super) listed: bool,
    pub(super) state: RelayState,
    pub(super) refuses: bool,
    pub(super) withholds: bool,
    /// No client reaches it.
    pub(super) cut: bool,
    /// Connections that it knows.
    pub(super) wires: Vec<usize>,
    /// Those with a session, by room.
    pub(super) rooms: BTreeMap<u32, Vec<usize>>,
    seen: BTreeMap<(usize, Kind), Seen>,
    groups: BTreeMap<usize, Vec<Frame>>,
}

impl Relay {
    pub(super) fn new(spec: RelaySpec) -> Self {
        Self {
            instance: 1,
            up: true,
            listed: spec.listed,
            state: spec.state,
            refuses: false,
            withholds: false,
            cut: false,
            wires: Vec::new(),
            rooms: BTreeMap::new(),
            seen: BTreeMap::new(),
            groups: BTreeMap::new(),
            spec,
        }
    }

    /// The process ends, and with it all that it knew. Its connections.
    pub(super) fn end(&mut self) -> Vec<usize> {
        self.up = false;
        self.instance += 1;
        self.seen.clear();
        self.groups.clear();
        self.rooms.clear();
        std::mem::take(&mut self.wires)
    }

    /// A new process.
    pub(super) fn revive(&mut self) {
        if !self.up {
            self.up = true;
            (self.state, self.refuses, self.withholds) = (RelayState::Ready, false, false);
        }
    }

    /// True while frames travel between it and other relays.
    pub(super) fn is_on_bus(&self) -> bool {
        self.up && self.state != RelayState::Isolated
    }

    /// Notes a frame; true if it is new.
    pub(super) fn take(&mut self, frame: &Frame) -> bool {
        let seen = self.seen.entry((frame.from, frame.kind)).or_default();
        let before = frame.doubled && frame.number > 0 && seen.insert(frame.number - 1);
        if !(seen.insert(frame.number) || before) {
            return false;
        }
        if frame.kind == Kind::Video {
            let group = self.groups.entry(frame.from).or_default();
            if group.first().is_some_and(|first| first.group < frame.group) {
                group.clear();
            }
            if group.first().is_none_or(|first| first.group == frame.group) {
                let place = group.partition_point(|kept| kept.number < frame.number);
                group.insert(place, *frame);
            }
        }
        true
    }

    /// What a newcomer gets of each sender's video, given the group and frame that it has.
    pub(super) fn kept(&self, resume: &[(usize, u32, u32)]) -> Vec<Frame> {
        let after =
            |from: usize| resume.iter().find(|(of, _, _)| *of == from).map(|(_, group, frame)| (*group, *frame));
        let mut kept = Vec::new();
        for (from, group) in &self.groups {
            let after = after(*from);
            let missing = |frame: &&Frame| match after {
                Some((of, number)) if of == frame.group => frame.number > number,
                Some((of, _)) => frame.group > of,
                None => true,
            };
            kept.extend(group.iter().filter(missing));
        }
        kept
    }
}
