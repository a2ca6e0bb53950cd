//! What a relay says of its load in answer to probes, and whom it takes in when it is nearly full.
//!
//! `rooms` asks for the first as time passes, `session` for the second at Hello.

use std::sync::atomic::Ordering;

use super::bus::RoomId;
use super::gate::Admission;
use super::limits::Limit;
use super::load::Spent;
use super::{Core, metrics};
use crate::clock;
use crate::net::figures::Way;
use crate::proto::probe::RelayState;

impl Core {
    /// Says in probe replies how this relay is.
    pub(super) fn update_load(&self) {
        let was_full = self.load.is_full();
        self.load.count(self.connections.load(Ordering::Relaxed), *self.joined.borrow());
        let now = clock::now();
        if self.load.is_due(now) {
            let (cpu, bytes_out) = (metrics::process::cpu(), self.responder.figures.bytes(Way::Out));
            self.load.look(now, Spent { cpu, bytes_out });
        }
        let percent = self.load.percent();
        match (was_full, self.load.is_full()) {
            (false, true) => tracing::warn!(percent, "full: newcomers are sent elsewhere"),
            (true, false) => tracing::info!(percent, "newcomers are taken again"),
            _ => {}
        }
        self.responder.set_load(percent);
        self.responder.set_state(if self.drain_left().is_some() {
            RelayState::Draining
        } else if self.isolated.load(Ordering::Relaxed) {
            RelayState::Isolated
        } else if self.load.is_full() {
            RelayState::Full
        } else {
            RelayState::Ready
        });
    }

    /// Whether somebody who may enter is in a call already: with a ticket, or known in the room.
    pub(super) fn is_under_way(&self, admission: &Admission) -> bool {
        admission.resumed || self.rooms.has_member(RoomId::of(&admission.room), admission.participant)
    }

    /// As many sessions have joined as ever may.
    pub(super) fn is_at_its_limit(&self) -> bool {
        *self.joined.borrow() >= self.limits.sessions
    }

    /// Why somebody who may enter cannot: newcomers are refused some way before the limit, who is in a call at the limit.
    pub(super) fn has_no_room_for(&self, admission: &Admission) -> Option<&'static str> {
        self.update_load();
        let opens = self.rooms.count() >= self.limits.rooms && !self.rooms.is_open(RoomId::of(&admission.room));
        if self.is_at_its_limit() || (self.load.is_full() && !self.is_under_way(admission)) {
            Some("this relay is full")
        } else if opens {
            self.met.count(Limit::Rooms);
            Some("this relay has as many rooms as it takes")
        } else {
            None
        }
    }
}
