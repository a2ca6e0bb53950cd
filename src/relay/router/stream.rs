//! One stream: its kept group, and how far each session is with it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::cache::{After, Cache};
use super::window::Window;
use super::{FETCH, Output, SessionId, StreamId};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{FrameNumber, SubgroupHead};

/// Between two requests for a key frame of one stream, whoever asks.
const KEY_FRAME: Duration = Duration::from_millis(300);
/// Between two requests that one slow session causes: its trouble is not the sender's.
const SLOW: Duration = Duration::from_secs(2);
/// A stream is being sent if its last frame is not older than this.
const ACTIVE: Duration = Duration::from_secs(1);
/// A picture that nobody goes on sending is not shown to newcomers. A screen may stand still for long.
const STALE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) cache: Cache,
    seen: Window,
    last: Option<Instant>,
    receivers: BTreeMap<SessionId, Receiver>,
    key_asked: Option<Instant>,
    key_pending: bool,
    /// When a fetch was last asked for, and from where on.
    fetching: Option<(Instant, Option<After>)>,
}

/// How far a session is with a stream.
#[derive(Debug)]
struct Receiver {
    temporal: u8,
    state: State,
    /// It has this frame and what is before it.
    has: Option<FrameNumber>,
    /// Its queue gave this subgroup up: nothing of the group from this temporal layer on.
    given_up: Option<(FrameNumber, u8)>,
    /// When it last had the sender asked because it was slow, and whether it needs that again.
    slow: Option<Instant>,
    stuck: bool,
}

#[derive(Debug)]
enum State {
    /// Needs frames that are not here (yet).
    Waiting { since: Instant, after: Option<After> },
    /// Gets every frame as it comes.
    Live,
}

impl Receiver {
    fn takes(&self, frame: &VideoFrame) -> bool {
        let header = &frame.header;
        header.layer.temporal <= self.temporal
            && self.has.is_none_or(|has| header.frame.wrapping_sub(has).cast_signed() > 0)
            && !self
                .given_up
                .is_some_and(|(group, temporal)| header.group() == group && header.layer.temporal >= temporal)
    }

    /// Whether its being slow is reason enough to ask for a key frame now.
    fn may_trouble_the_sender(&mut self, now: Instant) -> bool {
        let due = self.stuck && self.slow.is_none_or(|asked| now.saturating_duration_since(asked) >= SLOW);
        if due {
            self.slow = Some(now);
            self.stuck = false;
        }
        due
    }

    /// Goes live if what it needs is kept. True if it is live.
    fn catch_up(&mut self, cache: &Cache, to: SessionId, out: &mut VecDeque<Output>) -> bool {
        let State::Waiting { after, .. } = self.state else { return true };
        let Some(frames) = cache.serve(after) else { return false };
        self.has = after.map(|after| after.frame);
        self.state = State::Live;
        let taken = frames.filter(|frame| self.takes(frame));
        out.extend(taken.map(|frame| Output::Video { to, frame: frame.clone() }));
        true
    }
}

impl Stream {
    /// Takes on a session, or changes what it wants. True if it is live.
    pub(super) fn add(
        &mut self,
        now: Instant,
        session: SessionId,
        temporal: u8,
        after: Option<After>,
        out: &mut VecDeque<Output>,
    ) -> bool {
        let receiver = self.receivers.entry(session).or_insert_with(|| Receiver {
            temporal,
            state: State::Waiting { since: now, after },
            has: None,
            given_up: None,
            slow: None,
            stuck: false,
        });
        receiver.temporal = temporal;
        receiver.catch_up(&self.cache, session, out)
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        self.receivers.remove(&session);
    }

    /// A frame as it is sent. True if it is new.
    pub(super) fn take(&mut self, now: Instant, frame: &VideoFrame, out: &mut VecDeque<Output>) -> bool {
        if !self.seen.insert(frame.header.frame) {
            return false;
        }
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > ACTIVE) {
            // It begins (again): whoever waits, waits from here.
            self.restart_waiting(now);
        }
        self.last = Some(now);
        if frame.header.key {
            self.key_pending = false;
            self.receivers.values_mut().for_each(|receiver| receiver.stuck = false);
        }
        self.cache.insert(frame);
        self.offer(std::slice::from_ref(frame), out);
        true
    }

    /// Earlier frames, from another relay's cache.
    pub(super) fn backfill(&mut self, frames: &[VideoFrame], out: &mut VecDeque<Output>) {
        self.fetching = None;
        frames.iter().for_each(|frame| self.cache.insert(frame));
        let new: Vec<VideoFrame> =
            frames.iter().filter(|frame| self.seen.insert(frame.header.frame)).cloned().collect();
        self.offer(&new, out);
    }

    fn offer(&mut self, frames: &[VideoFrame], out: &mut VecDeque<Output>) {
        for (session, receiver) in &mut self.receivers {
            match receiver.state {
                State::Waiting { .. } => {
                    receiver.catch_up(&self.cache, *session, out);
                }
                State::Live => {
                    let taken = frames.iter().filter(|frame| receiver.takes(frame));
                    out.extend(taken.map(|frame| Output::Video { to: *session, frame: frame.clone() }));
                }
            }
        }
    }

    fn restart_waiting(&mut self, now: Instant) {
        for receiver in self.receivers.values_mut() {
            if let State::Waiting { since, .. } = &mut receiver.state {
                *since = now;
            }
        }
    }

    pub(super) fn is_active(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) <= ACTIVE)
    }

    /// Whether to fetch: not while an answer to a question that covers this one is on its way.
    pub(super) fn may_fetch(&mut self, now: Instant, after: Option<After>) -> bool {
        let covered = self.fetching.is_some_and(|(asked, from)| {
            now.saturating_duration_since(asked) < FETCH && (from.is_none() || from == after)
        });
        if !covered {
            self.fetching = Some((now, after));
        }
        !covered
    }

    /// Asks for a key frame, or notes that one is to be asked for when the last request is old enough.
    pub(super) fn want_key(&mut self, now: Instant, id: StreamId, out: &mut VecDeque<Output>) {
        if self.key_asked.is_some_and(|asked| now.saturating_duration_since(asked) < KEY_FRAME) {
            self.key_pending = true;
            return;
        }
        self.key_asked = Some(now);
        self.key_pending = false;
        out.push_back(Output::KeyFrame(id));
    }

    pub(super) fn late(
        &mut self,
        now: Instant,
        session: SessionId,
        id: StreamId,
        head: &SubgroupHead,
        out: &mut VecDeque<Output>,
    ) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        let temporal = head.layer.temporal;
        let lower = receiver.given_up.filter(|(group, lower)| *group == head.group && *lower <= temporal);
        if lower.is_some() {
            return;
        }
        receiver.given_up = Some((head.group, temporal));
        receiver.stuck = temporal == 0;
        if receiver.may_trouble_the_sender(now) {
            self.want_key(now, id, out);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, id: StreamId, out: &mut VecDeque<Output>) {
        let since = |at: Instant| now.saturating_duration_since(at);
        if self.key_pending && self.key_asked.is_none_or(|asked| since(asked) >= KEY_FRAME) {
            self.want_key(now, id, out);
        }
        let waits =
            |receiver: &Receiver| matches!(receiver.state, State::Waiting { since: at, .. } if since(at) >= FETCH);
        let asked = self.key_asked.is_some_and(|asked| since(asked) < ACTIVE);
        if !asked && self.is_active(now) && self.receivers.values().any(waits) {
            self.want_key(now, id, out);
        }
        let stuck =
            self.receivers.values_mut().filter_map(|receiver| receiver.may_trouble_the_sender(now).then_some(()));
        if stuck.count() > 0 {
            self.want_key(now, id, out);
        }
        if self.last.is_some_and(|last| since(last) >= STALE) {
            self.cache.clear();
        }
    }
}
