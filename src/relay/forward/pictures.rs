//! Pictures on their way to many subscribers: in slices, so that sound never waits behind a picture for a whole large room.
//!
//! A picture for some hundred subscribers keeps a core busy for milliseconds, a key frame for tens of them, most of it in the
//! connections that send it. What is handed to links at a time is therefore little, and between two slices everything else has its
//! turn: these connections, and sound that came meanwhile. Used by `forward` alone. Never: sound, or the order of a session's pictures.

use std::collections::VecDeque;
use std::sync::Weak;
use std::time::{Duration, Instant};

use super::{Room, State};
use crate::clock;
use crate::net::figures::{Amount, Cargo, Way};
use crate::proto::subgroup::VideoFrame;
use crate::relay::router::SessionId;

/// Bytes that are handed to links at a time: about half a millisecond of a core, with what its connections make of them.
const SLICE: usize = 256 * 1024;
/// Where more pictures wait, or one for longer, the core is what there is too little of; then whoever sends them waits until they are
/// handed over: what waits here is not bounded in time by its subscriber's queue yet.
const MOST: usize = 4096;
const LONGEST: Duration = Duration::from_millis(100);

/// Pictures that no link was given yet.
#[derive(Debug, Default)]
pub(super) struct Pictures {
    waiting: VecDeque<Picture>,
    /// A task hands them over.
    pumped: bool,
}

#[derive(Debug)]
struct Picture {
    to: SessionId,
    frame: VideoFrame,
    since: Instant,
}

impl Pictures {
    fn is_behind(&self, now: Instant) -> bool {
        let oldest = self.waiting.front();
        self.waiting.len() > MOST || oldest.is_some_and(|oldest| now.saturating_duration_since(oldest.since) > LONGEST)
    }

    pub(super) fn push(&mut self, since: Instant, to: SessionId, frame: VideoFrame) {
        self.waiting.push_back(Picture { to, frame, since });
    }
}

impl Room {
    /// Hands over a slice; a task of its own goes on with what is left.
    pub(super) fn send_pictures(&self, now: Instant, state: &mut State) {
        if !state.pictures.pumped {
            self.send_slice(state);
        }
        while state.pictures.is_behind(now) {
            self.send_slice(state);
        }
        if !state.pictures.waiting.is_empty() && !state.pictures.pumped {
            state.pictures.pumped = true;
            tokio::spawn(pump(self.me.clone()));
        }
    }

    fn send_slice(&self, state: &mut State) {
        let mut sent = [Amount::default(); Cargo::ALL.len()];
        let mut bytes = 0;
        let mut oldest = None;
        while bytes < SLICE
            && let Some(Picture { to, frame, since }) = state.pictures.waiting.pop_front()
        {
            oldest.get_or_insert(since);
            let Some(attached) = state.sessions.get(&to) else { continue };
            bytes += frame.bytes.len();
            let amount = &mut sent[Cargo::of(frame.header.track) as usize];
            amount.packets += 1;
            amount.bytes += frame.bytes.len() as u64;
            attached.sender.video(frame);
        }
        Cargo::ALL.into_iter().for_each(|cargo| self.figures.add(Way::Out, cargo, sent[cargo as usize]));
        if let Some(since) = oldest {
            self.figures.forwarding.note(clock::now().saturating_duration_since(since));
        }
    }

    /// One slice more. True when nothing is left.
    fn pump_once(&self) -> bool {
        let mut state = self.lock();
        self.send_slice(&mut state);
        state.pictures.pumped = !state.pictures.waiting.is_empty();
        !state.pictures.pumped
    }
}

async fn pump(room: Weak<Room>) {
    loop {
        // Behind everything that can run now.
        tokio::task::yield_now().await;
        if room.upgrade().is_none_or(|room| room.pump_once()) {
            return;
        }
    }
}
