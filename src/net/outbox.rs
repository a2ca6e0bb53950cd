//! What waits to be sent on a link: three queues, each bounded, none of which waits for another.
//!
//! Used by `net::link` and the two transports. Control is bounded in number: who lets more pile up does not read. Audio and video are
//! bounded in time and bytes: a packet older than [`URGENT_AGE`] is behind what the listener plays, and a frame older than [`MAX_AGE`]
//! is worth less than the key frame that follows it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::carried::Carried;
use super::figures::{Figures, Lost};
use super::link::Pressure;
use crate::clock;
use crate::proto::SubgroupHead;
use crate::proto::subgroup::VideoFrame;

/// A frame that has waited longer is late. Longer than a key frame takes on a slow link, shorter than a key
/// frame's own way back and forth between the far ends of the world.
pub(super) const MAX_AGE: Duration = Duration::from_millis(500);
/// Bytes of video that may wait.
const MAX_VIDEO_BYTES: usize = 2 << 20;
/// Control messages that may wait; a peer that lets more pile up does not read.
const MAX_CONTROL: usize = 256;
/// Probes and audio that waited longer are dropped: a jitter buffer has gone on without them.
const URGENT_AGE: Duration = Duration::from_millis(400);
/// A frame that would take longer on a transport that cannot interrupt it is not begun: audio waits behind it.
const LONGEST: Duration = Duration::from_millis(350);
/// Bytes of them that may wait: 400 ms of a hundred voices.
const MAX_URGENT_BYTES: usize = 256 * 1024;

/// The queues of one link.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    /// Something waits for the writer.
    pub(super) ready: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Bytes>,
    /// Control messages that were taken and are not written yet.
    writing: usize,
    urgent: VecDeque<(Instant, Bytes)>,
    urgent_bytes: usize,
    video: VecDeque<(Instant, VideoFrame)>,
    video_bytes: usize,
    /// When the frame that is being written was queued.
    writing_since: Option<Instant>,
    carried: Carried,
    /// Subgroups that were given up: the rest of their frames is not taken. Bounded: a newer group of the same layer
    /// replaces the older.
    given_up: BTreeSet<SubgroupHead>,
    figures: Arc<Figures>,
}

/// What becomes of a frame that could be written at once.
pub(super) enum Direct {
    Write,
    /// Something waits already.
    Queue,
    /// The rest of its subgroup was given up.
    Drop,
}

/// What a WebSocket's writer sends next.
pub(super) enum Next {
    Control(Bytes),
    Urgent(Bytes),
    Video(VideoFrame),
}

impl Outbox {
    /// Empty queues that count what they drop.
    pub(super) fn new(figures: Arc<Figures>) -> Self {
        Self { queues: Mutex::new(Queues { figures, ..Queues::default() }), ..Self::default() }
    }

    /// Queues a control message; false where too many wait.
    pub(super) fn push_control(&self, message: Bytes) -> bool {
        let mut queues = self.lock();
        if queues.control.len() >= MAX_CONTROL {
            return false;
        }
        queues.control.push_back(message);
        drop(queues);
        self.ready.notify_one();
        true
    }

    /// Queues a probe, reply or audio message; the oldest make room.
    pub(super) fn push_urgent(&self, message: Bytes) {
        let now = clock::now();
        let mut queues = self.lock();
        queues.urgent_bytes += message.len();
        queues.urgent.push_back((now, message));
        queues.drop_old_urgent(now);
        drop(queues);
        self.ready.notify_one();
    }

    /// Whether probes or audio wait.
    pub(super) fn holds_urgent(&self) -> bool {
        !self.lock().urgent.is_empty()
    }

    /// The next probe, reply or audio message, and since when it waits.
    pub(super) fn pop_urgent(&self) -> Option<(Instant, Bytes)> {
        let mut queues = self.lock();
        queues.drop_old_urgent(clock::now());
        queues.take_urgent()
    }

    /// What was popped last cannot be sent yet.
    pub(super) fn unpop_urgent(&self, since: Instant, message: Bytes) {
        let mut queues = self.lock();
        queues.urgent_bytes += message.len();
        queues.urgent.push_front((since, message));
    }

    /// What is to be done with a frame of a transport that could write it at once.
    pub(super) fn direct(&self, frame: &VideoFrame) -> Direct {
        let head = SubgroupHead::of(&frame.header);
        let mut queues = self.lock();
        if queues.given_up.contains(&head) {
            return Direct::Drop;
        }
        if !queues.video.is_empty() || !queues.control.is_empty() || queues.writing > 0 || !queues.urgent.is_empty() {
            return Direct::Queue;
        }
        if frame.header.key {
            queues.supersede(&head);
        }
        Direct::Write
    }

    /// The transport took a part of a frame; the rest waits.
    pub(super) fn video_waits(&self, since: Instant) {
        let mut queues = self.lock();
        queues.writing_since = Some(since);
        queues.carried.waits(since, true);
    }

    /// Queues a video frame. Returns subgroups that were given up to make room.
    pub(super) fn push_video(&self, frame: VideoFrame) -> Vec<SubgroupHead> {
        let now = clock::now();
        let head = SubgroupHead::of(&frame.header);
        let mut queues = self.lock();
        if queues.given_up.contains(&head) {
            return Vec::new();
        }
        if frame.header.key {
            queues.supersede(&head);
        } else if head.layer.temporal == 0 {
            queues.begin_again(&head);
        }
        queues.video_bytes += frame.bytes.len();
        queues.video.push_back((now, frame));
        let late = queues.give_up_late(now);
        drop(queues);
        self.ready.notify_one();
        late
    }

    /// The next frame, if it is not late already.
    pub(super) fn pop_video(&self) -> (Option<(Instant, VideoFrame)>, Vec<SubgroupHead>) {
        let now = clock::now();
        let mut queues = self.lock();
        let late = queues.give_up_late(now);
        (queues.next_video(now), late)
    }

    /// The frame that was popped last is the transport's now, or given up.
    pub(super) fn video_written(&self, bytes: usize) {
        let now = clock::now();
        let mut queues = self.lock();
        queues.writing_since = None;
        queues.carried.took(now, bytes);
        let waits = !queues.video.is_empty();
        queues.carried.waits(now, waits);
    }

    /// How the path keeps up.
    pub(super) fn pressure(&self) -> Pressure {
        let now = clock::now();
        let mut queues = self.lock();
        let oldest = queues.writing_since.or_else(|| queues.video.front().map(|(since, _)| *since));
        Pressure {
            waiting: oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            rate_bps: queues.carried.rate_bps(now),
            ..Pressure::default()
        }
    }

    /// The next control message.
    pub(super) fn pop_control(&self) -> Option<Bytes> {
        self.lock().take_control()
    }

    /// A control message that was popped has been handed to the transport.
    pub(super) fn control_written(&self) {
        self.lock().writing -= 1;
    }

    /// Whether no control message waits.
    pub(super) fn control_is_flushed(&self) -> bool {
        let queues = self.lock();
        queues.control.is_empty() && queues.writing == 0
    }

    /// The next of all, in order of priority: control, urgent, video.
    pub(super) fn pop(&self) -> (Option<Next>, Vec<SubgroupHead>) {
        let mut queues = self.lock();
        if let Some(message) = queues.take_control() {
            return (Some(Next::Control(message)), Vec::new());
        }
        let now = clock::now();
        queues.drop_old_urgent(now);
        if let Some((_, message)) = queues.take_urgent() {
            return (Some(Next::Urgent(message)), Vec::new());
        }
        let mut late = queues.give_up_late(now);
        late.extend(queues.give_up_too_long(now));
        (queues.next_video(now).map(|(_, frame)| Next::Video(frame)), late)
    }

    /// Takes no more frames of a subgroup.
    pub(super) fn give_up(&self, head: SubgroupHead) {
        self.lock().give_up(head);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.queues.lock().expect("nobody panics while holding the queues")
    }
}

impl Queues {
    fn take_control(&mut self) -> Option<Bytes> {
        let message = self.control.pop_front()?;
        self.writing += 1;
        Some(message)
    }

    fn take_urgent(&mut self) -> Option<(Instant, Bytes)> {
        let (since, message) = self.urgent.pop_front()?;
        self.urgent_bytes -= message.len();
        Some((since, message))
    }

    fn drop_old_urgent(&mut self, now: Instant) {
        while self.urgent.front().is_some_and(|(since, _)| {
            now.saturating_duration_since(*since) > URGENT_AGE || self.urgent_bytes > MAX_URGENT_BYTES
        }) {
            self.take_urgent();
            self.figures.lose(Lost::AudioQueue);
        }
    }

    /// A frame for the transport, which takes it when it can; and since when it waits.
    fn next_video(&mut self, now: Instant) -> Option<(Instant, VideoFrame)> {
        let next = self.take_video();
        self.writing_since = next.as_ref().map(|(since, _)| *since);
        if let Some(since) = self.writing_since {
            self.figures.queue_age.note(now.saturating_duration_since(since));
        }
        self.carried.waits(now, next.is_some());
        next
    }

    fn take_video(&mut self) -> Option<(Instant, VideoFrame)> {
        let (since, frame) = self.video.pop_front()?;
        self.video_bytes -= frame.bytes.len();
        Some((since, frame))
    }

    /// A key frame makes the queued frames of older groups of its layer worthless, where they have begun to pile up.
    fn supersede(&mut self, head: &SubgroupHead) {
        let same = |other: &SubgroupHead| {
            (other.participant, other.track, other.layer) == (head.participant, head.track, head.layer)
        };
        self.given_up.retain(|other| !same(other));
        let older = |frame: &VideoFrame| {
            let other = SubgroupHead::of(&frame.header);
            same(&other) && other.group != head.group
        };
        if self.video.iter().filter(|(_, frame)| older(frame)).count() > 3 {
            self.drop_where(older);
        }
    }

    /// A base frame is all that the higher temporal layers behind it go back to: those that were given up go on.
    fn begin_again(&mut self, head: &SubgroupHead) {
        let size = |head: &SubgroupHead| (head.participant, head.track, head.layer.spatial);
        self.given_up.retain(|other| other.layer.temporal == 0 || size(other) != size(head));
    }

    /// Drops what is late: discardable frames alone, of others the rest of their subgroup.
    fn give_up_late(&mut self, now: Instant) -> Vec<SubgroupHead> {
        let mut late = Vec::new();
        while let Some((since, frame)) = self.video.front() {
            let old = now.saturating_duration_since(*since) > MAX_AGE;
            if !old && self.video_bytes <= MAX_VIDEO_BYTES {
                break;
            }
            if frame.header.discardable {
                self.take_video();
                self.figures.lose(Lost::LateDiscardable);
                continue;
            }
            let head = SubgroupHead::of(&frame.header);
            self.give_up(head);
            late.push(head);
        }
        late
    }

    /// Gives up what would keep audio waiting.
    fn give_up_too_long(&mut self, now: Instant) -> Vec<SubgroupHead> {
        let mut late = Vec::new();
        while let Some((_, frame)) = self.video.front() {
            let (bytes, head) = (frame.bytes.len(), SubgroupHead::of(&frame.header));
            if self.carried.duration_of(now, bytes) <= LONGEST {
                break;
            }
            self.give_up(head);
            late.push(head);
        }
        late
    }

    fn give_up(&mut self, head: SubgroupHead) {
        self.drop_where(|frame| SubgroupHead::of(&frame.header) == head);
        self.given_up.retain(|other| {
            (other.participant, other.track, other.layer) != (head.participant, head.track, head.layer)
        });
        self.given_up.insert(head);
    }

    fn drop_where(&mut self, gone: impl Fn(&VideoFrame) -> bool) {
        self.video.retain(|(_, frame)| !gone(frame));
        self.video_bytes = self.video.iter().map(|(_, frame)| frame.bytes.len()).sum();
    }
}
