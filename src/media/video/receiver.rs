//! Everything that arrives: decodes each track in the order that its [`VideoBuffer`](crate::jitter::VideoBuffer) gives,
//! shows each peer's newest picture with the sound of its moment ([`sync`](crate::media::sync)) and keeps its figures.
//! What waits for its sound waits coded.
//!
//! `call` pushes opened frames in from its tasks and never waits; one thread, `video-decode`, does the work. What it needs
//! from the other side, a key frame, is an event.

mod lane;
mod record;
mod stats;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc;

pub use self::stats::VideoPeerStats;
pub use crate::jitter::VideoIn;

use self::lane::{Lane, Outcome};
use self::record::Recorder;
use self::stats::TrackView;
use super::VideoError;
use super::pictures::{Of, Pictures};
use crate::clock;
use crate::media::sync::Heard;
use crate::media::{Event, tell};
use crate::proto::{FrameNumber, ParticipantId, SubgroupHead, Track, limits};

/// Frames that wait for the decoder's thread; the oldest goes first, and its track then needs a key frame.
const MOST_WAITING: usize = 512;
/// Bytes of the same.
const MOST_WAITING_BYTES: usize = 16 * limits::VIDEO_FRAME_BYTES;
/// Tracks that are decoded at a time; a room has no more.
const MOST_LANES: usize = 2 * limits::MEMBERS;

/// The receiving side of video. Dropping it stops and joins its threads and ends the recording.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    pictures: Pictures,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts the decoder's thread, and the recording of the first peer's pictures to a y4m file if there is to be one.
    /// Each picture is put in `pictures` when its time has come, until its peer is removed or this is dropped.
    ///
    /// # Errors
    /// The file cannot be created, or a thread cannot be started.
    pub fn start(events: mpsc::Sender<Event>, record: Option<PathBuf>, pictures: Pictures) -> Result<Self, VideoError> {
        let recorder = record.map(|path| Recorder::start(&path, events.clone())).transpose()?;
        let shared = Arc::new(Shared::default());
        let lanes = BTreeMap::new();
        let kept = pictures.clone();
        let decoding = Decoding { shared: Arc::clone(&shared), events, recorder, pictures, lanes, moving_until: None };
        let thread = std::thread::Builder::new()
            .name("video-decode".into())
            .spawn(move || decoding.run())
            .map_err(VideoError::Thread)?;
        Ok(Self { shared, pictures: kept, thread: Some(thread) })
    }

    /// Takes a frame of `peer`, its payload opened; never waits. A frame of an audio track is ignored.
    pub fn push(&self, peer: ParticipantId, frame: VideoIn, arrived: Instant) {
        if !frame.header.track.is_audio() {
            self.order(Order::Frame { peer, frame, arrived });
        }
    }

    /// What is missing of this subgroup will not come. Only for a subgroup that does not arrive by another link as well.
    pub fn gave_up(&self, head: &SubgroupHead) {
        self.order(Order::GaveUp(*head));
    }

    /// The call moves between links until `until`: missing frames of any peer are waited for longer.
    pub fn moving(&self, until: Instant) {
        self.order(Order::Moving(until));
    }

    /// The peer turned its camera off (`on`): what does not come is no gap, and its last picture goes. Or on again.
    pub fn rest(&self, peer: ParticipantId, on: bool) {
        let mut views = self.shared.views();
        let view = views.entry((peer, Track::Camera)).or_default();
        if view.is_resting() != on {
            view.rest(on);
            self.pictures.remove(Of::Peer(peer, Track::Camera));
        }
    }

    /// What of each peer is heard now: its camera's pictures are shown with the sound of their moment.
    pub fn heard(&self, heard: Vec<(ParticipantId, Heard)>) {
        if !heard.is_empty() {
            self.order(Order::Heard(heard));
        }
    }

    /// How much later than its sound a peer's pictures are ready: see [`VideoPeerStats::late_ms`].
    pub fn late_ms(&self, peer: ParticipantId) -> Option<f64> {
        self.shared.views().get(&(peer, Track::Camera)).filter(|view| !view.is_resting())?.late_ms
    }

    /// The peer shares its screen no more: the last picture of it goes.
    pub fn screen_ended(&self, peer: ParticipantId) {
        self.pictures.remove(Of::Peer(peer, Track::Screen));
    }

    /// Forgets a peer: its pictures, its figures, its decoders.
    pub fn remove(&self, peer: ParticipantId) {
        self.order(Order::Remove(peer));
    }

    fn order(&self, order: Order) {
        self.shared.lock().add(order);
        self.shared.changed.notify_one();
    }

    /// Figures of every peer that sent something.
    pub fn stats(&self) -> BTreeMap<ParticipantId, VideoPeerStats> {
        let now = clock::now();
        let mut stats = BTreeMap::<_, VideoPeerStats>::new();
        // The camera comes last, so that size and rate are its own where there is one.
        for ((peer, track), view) in self.shared.views().iter().rev() {
            let stats = stats.entry(*peer).or_default();
            match track {
                // A screen that stands still is no gap.
                Track::Screen => view.add_counts_to(stats, now),
                Track::Camera | Track::Microphone => view.add_to(stats, now),
            }
        }
        stats
    }

    /// The last frame of each track of a peer that came with everything before it, for a link that takes over: track,
    /// spatial index, group, frame. A track that needs a key frame has none.
    pub fn last_frames(&self, peer: ParticipantId) -> Vec<(Track, u8, FrameNumber, FrameNumber)> {
        let views = self.shared.views();
        let of_peer = views.iter().filter(|((of, _), _)| *of == peer);
        of_peer
            .filter_map(|((_, track), view)| {
                view.last_frame.map(|(spatial, group, frame)| (*track, spatial, group, frame))
            })
            .collect()
    }

    /// Longest time without a new picture of the peer since this was last asked, ms; the running gap is included. `None`
    /// before the first picture.
    pub fn take_longest_gap_ms(&self, peer: ParticipantId) -> Option<u64> {
        let now = clock::now();
        let mut views = self.shared.views();
        let of_peer = views.iter_mut().filter(|((of, track), _)| *of == peer && *track == Track::Camera);
        of_peer.filter_map(|(_, view)| view.take_longest_gap(now)).map(|gap| gap.as_millis() as u64).max()
    }
}

impl Drop for Receiver {
    /// What was pushed before is decoded, and recorded.
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the decoder's thread panicked");
        }
    }
}

/// What the decoder's thread is told.
#[derive(Debug)]
enum Order {
    Frame { peer: ParticipantId, frame: VideoIn, arrived: Instant },
    GaveUp(SubgroupHead),
    Moving(Instant),
    Heard(Vec<(ParticipantId, Heard)>),
    Remove(ParticipantId),
}

impl Order {
    fn bytes(&self) -> usize {
        match self {
            Order::Frame { frame, .. } => frame.payload.len(),
            Order::GaveUp(_) | Order::Moving(_) | Order::Heard(_) | Order::Remove(_) => 0,
        }
    }

    /// True for what the network sends, as much of it as it likes.
    fn may_be_dropped(&self) -> bool {
        matches!(self, Order::Frame { .. } | Order::GaveUp(_) | Order::Heard(_))
    }
}

#[derive(Debug, Default)]
struct Inbox {
    orders: VecDeque<Order>,
    bytes: usize,
    stop: bool,
}

impl Inbox {
    fn add(&mut self, order: Order) {
        self.bytes += order.bytes();
        self.orders.push_back(order);
        while self.orders.len() > MOST_WAITING || self.bytes > MOST_WAITING_BYTES {
            let Some(oldest) = self.orders.iter().position(Order::may_be_dropped) else { return };
            self.bytes -= self.orders.remove(oldest).map_or(0, |order| order.bytes());
        }
    }
}

type Views = BTreeMap<(ParticipantId, Track), TrackView>;

#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    changed: Condvar,
    views: Mutex<Views>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn views(&self) -> MutexGuard<'_, Views> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for orders or the deadline. True if it is time to stop.
    fn wait(&self, deadline: Option<Instant>) -> (VecDeque<Order>, bool) {
        let mut inbox = self.lock();
        while inbox.orders.is_empty() && !inbox.stop {
            let Some(deadline) = deadline else {
                inbox = self.changed.wait(inbox).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(clock::now());
            if left.is_zero() {
                break;
            }
            (inbox, _) = self.changed.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner);
        }
        inbox.bytes = 0;
        (std::mem::take(&mut inbox.orders), inbox.stop)
    }
}

/// The decoder's thread.
struct Decoding {
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    recorder: Option<Recorder>,
    pictures: Pictures,
    lanes: BTreeMap<(ParticipantId, Track), Lane>,
    /// For tracks that begin during a move.
    moving_until: Option<Instant>,
}

impl Decoding {
    fn run(mut self) {
        loop {
            let deadline = self.lanes.values().filter_map(Lane::poll_timeout).min();
            let (orders, stop) = self.shared.wait(deadline);
            orders.into_iter().for_each(|order| self.carry_out(order));
            if stop {
                self.lanes.values_mut().for_each(Lane::release);
                let all: Vec<_> = self.lanes.keys().copied().collect();
                all.into_iter().for_each(|id| self.advance(id));
                self.lanes.keys().for_each(|(peer, _)| self.pictures.remove_peer(*peer));
                return;
            }
            let now = clock::now();
            let due = |lane: &Lane| lane.poll_timeout().is_some_and(|at| at <= now);
            let due: Vec<_> = self.lanes.iter().filter(|(_, lane)| due(lane)).map(|(id, _)| *id).collect();
            due.into_iter().for_each(|id| self.advance(id));
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Frame { peer, frame, arrived } => self.take(peer, frame, arrived),
            Order::GaveUp(head) => {
                let id = (head.participant, head.track);
                if let Some(lane) = self.lanes.get_mut(&id) {
                    lane.gave_up(&head);
                    self.advance(id);
                }
            }
            Order::Moving(until) => {
                self.moving_until = Some(until);
                self.lanes.values_mut().for_each(|lane| lane.moving(until));
            }
            Order::Heard(heard) => {
                let now = clock::now();
                for (peer, heard) in heard {
                    if let Some(lane) = self.lanes.get_mut(&(peer, Track::Camera)) {
                        lane.hear(now, heard);
                    }
                }
            }
            Order::Remove(peer) => {
                self.lanes.retain(|(of, _), _| *of != peer);
                self.shared.views().retain(|(of, _), _| *of != peer);
                self.pictures.remove_peer(peer);
            }
        }
    }

    fn take(&mut self, peer: ParticipantId, frame: VideoIn, arrived: Instant) {
        let id = (peer, frame.header.track);
        if !self.lanes.contains_key(&id) && self.lanes.len() >= MOST_LANES {
            return;
        }
        let lane = self.lanes.entry(id).or_insert_with(|| {
            let mut lane = Lane::default();
            self.moving_until.into_iter().for_each(|until| lane.moving(until));
            lane
        });
        lane.push(frame, arrived);
        self.advance(id);
    }

    /// Decodes what is ready of one track and tells everyone.
    fn advance(&mut self, id: (ParticipantId, Track)) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let (peer, track) = id;
        let mut outcomes = Vec::new();
        let now = clock::now();
        lane.advance(now, &mut outcomes);
        let done = clock::now();
        if let [Outcome::Picture(..)] = outcomes[..] {
            lane.took(done.saturating_duration_since(now));
        }
        let (stats, last_frame) = (lane.stats(now), lane.last());
        let mut told = Vec::new();
        let mut drawn = Vec::new();
        {
            let mut views = self.shared.views();
            let view = views.entry(id).or_default();
            (view.received, view.lost, view.last_frame) = (stats.received, stats.lost, last_frame);
            view.late_ms = lane.late_ms();
            for outcome in outcomes {
                match outcome {
                    Outcome::Picture(picture, capture_us) => {
                        if view.is_resting() {
                            view.decoded += 1;
                            continue;
                        }
                        if view.size.is_none() {
                            told.push(Event::FirstFrame { peer, track });
                        }
                        view.drew((picture.width(), picture.height()), done);
                        lane.shown(capture_us, done).into_iter().for_each(|offset| view.lips.add(offset));
                        drawn.push(picture);
                    }
                    Outcome::Passed => view.decoded += 1,
                    Outcome::KeyFrameNeeded { spatial } => {
                        view.key_frames_requested += 1;
                        told.push(Event::KeyFrameNeeded { peer, track, spatial });
                    }
                }
            }
        }
        for picture in drawn {
            if let Some(recorder) = &mut self.recorder {
                recorder.take(peer, track, &picture);
            }
            self.pictures.put(Of::Peer(peer, track), picture, done);
        }
        // Whoever hears of a first picture finds it.
        for event in told {
            tell(&self.events, event);
        }
    }
}

#[cfg(test)]
mod tests;
