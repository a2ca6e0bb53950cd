//! What waits to be sent on a link: three queues, each bounded, none of which waits for another.
//!
//! Used by `net::link` and the two transports. The queues of control and urgent messages are bounded in number,
//! video is bounded in time: what is older than [`MAX_AGE`] is worth less than the key frame that follows it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

use super::figures::{Figures, Lost};
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
/// Probes and audio that may wait where datagrams are queued by us (WebSocket): 320 ms of audio.
const MAX_URGENT: usize = 16;

/// The queues of one link.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queues: Mutex<Queues>,
    pub(super) control_ready: Notify,
    pub(super) video_ready: Notify,
}

#[derive(Debug, Default)]
struct Queues {
    control: VecDeque<Bytes>,
    /// Control messages that were taken and are not written yet.
    writing: usize,
    urgent: VecDeque<Bytes>,
    video: VecDeque<(Instant, VideoFrame)>,
    video_bytes: usize,
    /// Subgroups that were given up: the rest of their frames is not taken. Bounded: a newer group of the same layer
    /// replaces the older.
    given_up: BTreeSet<SubgroupHead>,
    figures: Arc<Figures>,
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
        self.control_ready.notify_one();
        self.video_ready.notify_one();
        true
    }

    /// Queues a probe, reply or audio message; the oldest makes room.
    pub(super) fn push_urgent(&self, message: Bytes) {
        let mut queues = self.lock();
        if queues.urgent.len() >= MAX_URGENT {
            queues.urgent.pop_front();
            queues.figures.lose(Lost::AudioQueue);
        }
        queues.urgent.push_back(message);
        drop(queues);
        self.video_ready.notify_one();
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
        }
        queues.video_bytes += frame.bytes.len();
        queues.video.push_back((now, frame));
        let late = queues.give_up_late(now);
        drop(queues);
        self.video_ready.notify_one();
        late
    }

    /// The next frame, if it is not late already.
    pub(super) fn pop_video(&self) -> (Option<VideoFrame>, Vec<SubgroupHead>) {
        let now = clock::now();
        let mut queues = self.lock();
        let late = queues.give_up_late(now);
        (queues.next_video(now), late)
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
        if let Some(message) = queues.urgent.pop_front() {
            return (Some(Next::Urgent(message)), Vec::new());
        }
        let now = clock::now();
        let late = queues.give_up_late(now);
        (queues.next_video(now).map(Next::Video), late)
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

    /// A frame for the transport, which takes it when it can.
    fn next_video(&mut self, now: Instant) -> Option<VideoFrame> {
        if let Some((since, _)) = self.video.front() {
            self.figures.queue_age.note(now.saturating_duration_since(*since));
        }
        self.take_video()
    }

    fn take_video(&mut self) -> Option<VideoFrame> {
        let (_, frame) = self.video.pop_front()?;
        self.video_bytes -= frame.bytes.len();
        Some(frame)
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
