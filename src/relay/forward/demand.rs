//! Tells senders which sizes of their pictures somebody has a use for, here or at other relays.
//!
//! Looked at with the room's timer, so that many changes at once are one word. A word that is lost with its link is said anew on the
//! next: what a session was told belongs to it. Nothing is said of a room that was just opened: other relays have not spoken yet.

use std::time::{Duration, Instant};

use super::{Room, State, UNKNOWN, send};
use crate::proto::Track;
use crate::proto::control::{Demand, server_message};

/// Tracks of pictures.
const TRACKS: [Track; 2] = [Track::Camera, Track::Screen];
/// In a large room everybody's wishes are added up less often: so long for each session.
const EACH: Duration = Duration::from_millis(2);

/// What a session was told of each track.
pub(super) type Told = [Option<u8>; TRACKS.len()];

/// What all of it was made of last.
#[derive(Debug, Default)]
pub(super) struct Asked {
    at: Option<Instant>,
    /// There is something new since.
    due: bool,
    /// How many were here, and what others wanted.
    of: Option<(usize, [u8; TRACKS.len()])>,
}

impl Room {
    pub(super) fn tell_demand(&self, now: Instant, state: &mut State) {
        let elsewhere = state.registry.wanted_elsewhere();
        let of = (state.sessions.len(), TRACKS.map(|track| elsewhere.demand(track)));
        let changed = state.router.take_demand_changed();
        let told_nothing = || state.sessions.values().any(|attached| attached.publish && attached.demand[0].is_none());
        state.demand.due |= changed || state.demand.of != Some(of) || told_nothing();
        let apart = EACH * u32::try_from(state.sessions.len()).unwrap_or(u32::MAX);
        let soon = state.demand.at.is_some_and(|at| now.saturating_duration_since(at) < apart);
        if !state.demand.due || soon || now.saturating_duration_since(state.opened) < UNKNOWN {
            return;
        }
        (state.demand.at, state.demand.due, state.demand.of) = (Some(now), false, Some(of));
        for (index, track) in TRACKS.into_iter().enumerate() {
            let here = state.router.demand(track);
            for attached in state.sessions.values_mut().filter(|attached| attached.publish) {
                let sizes = here.of(attached.participant) | elsewhere.demand(track);
                if attached.demand[index].replace(sizes) != Some(sizes) {
                    let demand = Demand { track: track as u32, sizes: sizes.into() };
                    send(&attached.sender, server_message::Body::Demand(demand));
                }
            }
        }
    }
}
