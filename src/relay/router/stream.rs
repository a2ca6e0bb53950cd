//! One stream: its kept group, and how far each session is with it.
//!
//! Temporal layers are taken to be dyadic, as `jitter::video` takes them: a frame refers to the latest one of a lower
//! layer, a base frame to the base frame before it. So a session may be given a higher layer from any base frame on,
//! and stopped at once. The first frames of a session's first group come whole, though: from them a receiver learns
//! which frames it is not to wait for.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::cache::{After, Cache};
use super::choice::{Rates, nominal};
use super::meter::Meter;
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
/// A size of which nothing came for so long, while other sizes of its track had so many frames, is not offered.
const ENDED: (Duration, u32) = (Duration::from_millis(600), 5);
/// A kept group that began no longer ago, or is no larger, is as good as a key frame for who changes the size.
const FRESH: (Duration, usize) = (Duration::from_millis(500), 24 * 1024);
/// After a change of size, frames of the size before may still come that were captured before the change.
const LINGER: Duration = Duration::from_millis(300);

/// Frames from a key frame on that show the pattern of the temporal layers twice.
const TAUGHT: u16 = 8;

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) cache: Cache,
    meter: Meter,
    seen: Window,
    last: Option<Instant>,
    /// Frames of other sizes of the track since the last one of this.
    behind: u32,
    ended: bool,
    receivers: BTreeMap<SessionId, Receiver>,
    key_asked: Option<Instant>,
    key_pending: bool,
    /// When a fetch was last asked for, and from where on.
    fetching: Option<(Instant, Option<After>)>,
}

/// With what a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The kept group, or what follows this frame of it.
    Kept(Option<After>),
    /// A key frame, or a group that is [`FRESH`]; not the group with this number, which the session has.
    Key { but: Option<FrameNumber> },
}

/// How far a session is with a stream.
#[derive(Debug)]
struct Receiver {
    /// The highest temporal layer that it is to get, and that it gets: more begins with a base frame.
    temporal: u8,
    up_to: u8,
    /// It has seen which frames are of which layer.
    taught: bool,
    state: State,
    /// It has this frame and what is before it.
    has: Option<FrameNumber>,
    /// The group of the last frame that it got.
    group: Option<FrameNumber>,
    /// It gets another size: of this one only what was captured before, µs, and that not for long.
    leaving: Option<(u64, Instant)>,
    /// Its queue gave this subgroup up: nothing of the group from this temporal layer on; of a layer above the base,
    /// until the next base frame.
    given_up: Option<(FrameNumber, u8)>,
    /// When it last had the sender asked because it was slow, and whether it needs that again.
    slow: Option<Instant>,
    stuck: bool,
}

#[derive(Debug)]
enum State {
    /// Needs frames that are not here (yet).
    Waiting { since: Instant, start: Start },
    /// Gets every frame as it comes.
    Live,
}

impl Receiver {
    fn new(now: Instant, temporal: u8, start: Start) -> Self {
        Self {
            temporal,
            up_to: temporal,
            taught: !matches!(start, Start::Kept(None) | Start::Key { but: None }),
            state: State::Waiting { since: now, start },
            has: None,
            group: None,
            leaving: None,
            given_up: None,
            slow: None,
            stuck: false,
        }
    }

    fn set_temporal(&mut self, temporal: u8) {
        self.temporal = temporal;
        self.up_to = self.up_to.min(temporal);
    }

    fn takes(&mut self, frame: &VideoFrame) -> bool {
        let header = &frame.header;
        if header.layer.temporal == 0 {
            self.up_to = self.temporal;
            self.given_up = self.given_up.filter(|(_, lowest)| *lowest == 0);
        }
        self.taught |= header.since_key >= TAUGHT;
        let taken = (header.layer.temporal <= self.up_to || !self.taught)
            && self.has.is_none_or(|has| header.frame.wrapping_sub(has).cast_signed() > 0)
            && self.leaving.is_none_or(|(until, _)| header.capture_us < until)
            && !self
                .given_up
                .is_some_and(|(group, temporal)| header.group() == group && header.layer.temporal >= temporal);
        if taken {
            self.group = Some(header.group());
        }
        taken
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

    /// Goes live if what it needs is kept. True if it went live now.
    fn catch_up(&mut self, cache: &Cache, to: SessionId, out: &mut VecDeque<Output>) -> bool {
        let State::Waiting { start, .. } = self.state else { return false };
        let after = match start {
            Start::Kept(after) => after,
            Start::Key { but } if !cache.is_fresh(FRESH.0, FRESH.1) || but == cache.group() => return false,
            Start::Key { .. } => None,
        };
        let Some(frames) = cache.serve(after) else { return false };
        self.has = after.map(|after| after.frame);
        self.state = State::Live;
        let taken = frames.filter(|frame| self.takes(frame));
        out.extend(taken.map(|frame| Output::Video { to, frame: frame.clone() }));
        true
    }
}

/// What came of frames.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Something was new.
    pub new: bool,
    /// The stream was not offered before.
    pub begins: bool,
    /// Sessions that get it from now on.
    pub live: Vec<SessionId>,
}

impl Stream {
    /// Takes on a session, or changes what it gets. True if it is live.
    pub(super) fn add(
        &mut self,
        now: Instant,
        session: SessionId,
        temporal: u8,
        start: Start,
        out: &mut VecDeque<Output>,
    ) -> bool {
        self.receivers.retain(|of, receiver| *of != session || receiver.leaving.is_none());
        let receiver = self.receivers.entry(session).or_insert_with(|| Receiver::new(now, temporal, start));
        receiver.set_temporal(temporal);
        receiver.catch_up(&self.cache, session, out) || matches!(receiver.state, State::Live)
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        self.receivers.remove(&session);
    }

    /// The session gets another size, from what was captured at `capture_us` on. Returns the group that it had last.
    pub(super) fn leave(&mut self, now: Instant, session: SessionId, capture_us: u64) -> Option<FrameNumber> {
        let receiver = self.receivers.get_mut(&session)?;
        receiver.leaving = Some((capture_us, now));
        receiver.stuck = false;
        receiver.group
    }

    /// Changes how much of it a session gets.
    pub(super) fn set_temporal(&mut self, session: SessionId, temporal: u8) {
        if let Some(receiver) = self.receivers.get_mut(&session) {
            receiver.set_temporal(temporal);
        }
    }

    /// Whether the session gets every frame as it comes.
    pub(super) fn is_live(&self, session: SessionId) -> bool {
        self.receivers.get(&session).is_some_and(|receiver| matches!(receiver.state, State::Live))
    }

    /// A frame as it is sent.
    pub(super) fn take(&mut self, now: Instant, frame: &VideoFrame, out: &mut VecDeque<Output>) -> Taken {
        if !self.seen.insert(frame.header.frame) {
            return Taken::default();
        }
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > ACTIVE) {
            // It begins (again): whoever waits, waits from here.
            self.restart_waiting(now);
        }
        let begins = self.last.is_none() && self.cache.group().is_none() || self.ended;
        (self.last, self.behind, self.ended) = (Some(now), 0, false);
        self.meter.take(now, frame.header.layer.temporal, frame.bytes.len());
        if frame.header.key {
            self.key_pending = false;
            self.receivers.values_mut().for_each(|receiver| receiver.stuck = false);
        }
        self.cache.insert(frame);
        Taken { new: true, begins, live: self.offer(std::slice::from_ref(frame), out) }
    }

    /// Earlier frames, from another relay's cache.
    pub(super) fn backfill(&mut self, frames: &[VideoFrame], out: &mut VecDeque<Output>) -> Taken {
        self.fetching = None;
        let begins = self.last.is_none() && self.cache.group().is_none() && !frames.is_empty();
        frames.iter().for_each(|frame| self.cache.insert(frame));
        let new: Vec<VideoFrame> =
            frames.iter().filter(|frame| self.seen.insert(frame.header.frame)).cloned().collect();
        Taken { new: !new.is_empty(), begins, live: self.offer(&new, out) }
    }

    fn offer(&mut self, frames: &[VideoFrame], out: &mut VecDeque<Output>) -> Vec<SessionId> {
        let mut live = Vec::new();
        for (session, receiver) in &mut self.receivers {
            match receiver.state {
                State::Waiting { .. } => {
                    if receiver.catch_up(&self.cache, *session, out) {
                        live.push(*session);
                    }
                }
                State::Live => {
                    let taken = frames.iter().filter(|frame| receiver.takes(frame));
                    out.extend(taken.map(|frame| Output::Video { to: *session, frame: frame.clone() }));
                }
            }
        }
        live
    }

    fn restart_waiting(&mut self, now: Instant) {
        for receiver in self.receivers.values_mut() {
            if let State::Waiting { since, .. } = &mut receiver.state {
                *since = now;
            }
        }
    }

    /// Another size of the track had a frame.
    pub(super) fn sibling(&mut self) {
        self.behind = self.behind.saturating_add(1);
    }

    /// What it costs, if its sender offers it.
    pub(super) fn rates(&self, spatial: u8) -> Option<Rates> {
        let known = self.last.is_some() || self.cache.group().is_some();
        (known && !self.ended).then(|| self.meter.rates().unwrap_or_else(|| nominal(spatial)))
    }

    pub(super) fn is_active(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) <= ACTIVE)
    }

    /// It is offered, and nothing comes of it now.
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.last.is_some() && !self.ended && !self.is_active(now)
    }

    /// Whether a key frame was asked for lately: another one may wait.
    pub(super) fn asked_lately(&self, now: Instant) -> bool {
        self.key_asked.is_some_and(|asked| now.saturating_duration_since(asked) < ACTIVE)
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

    /// The session's queue gave up a subgroup. Where it is about to get another size, nobody is asked for this one.
    pub(super) fn late(
        &mut self,
        now: Instant,
        session: SessionId,
        id: StreamId,
        head: &SubgroupHead,
        switching: bool,
        out: &mut VecDeque<Output>,
    ) {
        let Some(receiver) = self.receivers.get_mut(&session) else { return };
        let temporal = head.layer.temporal;
        let lower = receiver.given_up.filter(|(group, lower)| *group == head.group && *lower <= temporal);
        if lower.is_some() {
            return;
        }
        receiver.given_up = Some((head.group, temporal));
        receiver.stuck = temporal == 0 && !switching;
        if receiver.may_trouble_the_sender(now) {
            self.want_key(now, id, out);
        }
    }

    /// Asks again where nothing came. True if the stream has just ended.
    pub(super) fn handle_timeout(&mut self, now: Instant, id: StreamId, out: &mut VecDeque<Output>) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        self.meter.handle_timeout(now);
        self.receivers.retain(|_, receiver| receiver.leaving.is_none_or(|(_, at)| since(at) < LINGER));
        if self.key_pending && self.key_asked.is_none_or(|asked| since(asked) >= KEY_FRAME) {
            self.want_key(now, id, out);
        }
        let waits =
            |receiver: &Receiver| matches!(receiver.state, State::Waiting { since: at, .. } if since(at) >= FETCH);
        if !self.asked_lately(now) && self.is_active(now) && self.receivers.values().any(waits) {
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
        let (silence, frames) = ENDED;
        let ends = self.behind >= frames && self.last.is_none_or(|last| since(last) >= silence);
        let newly = ends && !self.ended;
        self.ended |= ends;
        newly
    }
}
