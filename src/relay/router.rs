//! Who gets which frame of a room. Sans-IO: inputs in, [`Output`]s out, time as an argument.
//!
//! `forward` calls it under the room's lock and carries out what it says. It knows sessions and participants by
//! number and never sees a link, a payload or the bus.
//!
//! * A frame goes on once to every session that wants it, however often it came in (a participant that moves
//!   sends over two links at once), and never back to who sent it. Frames out of order go on: receivers order.
//! * Of every stream, one size of one track of one participant, the current group is kept. A newcomer gets it at once;
//!   who comes from another relay gets what follows the last frame that it has.
//! * What is not here is fetched from the relays that hold the participant; what nobody has, the sender is asked for:
//!   a key frame, at most every 300 ms, whoever asks.
//! * A session that cannot keep up is left out until the next key frame; nobody else notices.

mod cache;
mod stream;
mod window;
mod wishes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::stream::Stream;
use self::window::Window;
use crate::proto::control::Resume;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{FrameNumber, Layer, ParticipantId, SubgroupHead, Track};

pub use self::cache::After;
pub use self::wishes::{Interest, Wishes};

/// How long the answer to a [`Output::Fetch`] is waited for before the sender is asked for a key frame.
pub const FETCH: Duration = Duration::from_millis(200);

/// One session of this relay, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// One size of one video track of one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    pub participant: ParticipantId,
    pub track: Track,
    pub spatial: u8,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Audio {
        to: SessionId,
        datagram: Bytes,
    },
    Video {
        to: SessionId,
        frame: VideoFrame,
    },
    /// Ask the sender of this stream for a key frame.
    KeyFrame(StreamId),
    /// Ask the relays that hold the participant for the current group, or what follows a frame of it.
    Fetch {
        stream: StreamId,
        after: Option<After>,
    },
}

/// The subscriptions and streams of a room.
#[derive(Debug, Default)]
pub struct Router {
    subscribers: BTreeMap<SessionId, Subscriber>,
    streams: BTreeMap<StreamId, Stream>,
    heard: BTreeMap<ParticipantId, Window>,
    /// Participants that other relays hold.
    elsewhere: BTreeSet<ParticipantId>,
    interest: Interest,
    out: VecDeque<Output>,
}

#[derive(Debug)]
struct Subscriber {
    participant: ParticipantId,
    wishes: Wishes,
    resume: BTreeMap<StreamId, After>,
}

impl Subscriber {
    /// The highest temporal layer of a stream that it wants.
    fn wants(&self, stream: StreamId) -> Option<u8> {
        if stream.participant == self.participant {
            return None;
        }
        let limit = self.wishes.limit(stream.participant, stream.track)?;
        (stream.spatial <= limit.spatial).then_some(limit.temporal)
    }
}

impl Router {
    /// The next thing to do; drain after every input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Replaces what a session receives. Streams that it got before and still wants go on untouched.
    pub fn subscribe(
        &mut self,
        now: Instant,
        session: SessionId,
        participant: ParticipantId,
        wishes: Wishes,
        resume: &[Resume],
    ) {
        let resume = resume.iter().filter_map(read_resume).collect();
        let subscriber = Subscriber { participant, wishes, resume };
        let mut wanted: BTreeMap<StreamId, u8> =
            self.streams.keys().filter_map(|stream| Some((*stream, subscriber.wants(*stream)?))).collect();
        for stream in self.elsewhere.iter().flat_map(|participant| streams_of(*participant)) {
            if let Some(temporal) = subscriber.wants(stream) {
                wanted.insert(stream, temporal);
            }
        }
        self.subscribers.insert(session, subscriber);
        self.sum_interest();
        for (id, stream) in &mut self.streams {
            if !wanted.contains_key(id) {
                stream.remove(session);
            }
        }
        for (id, temporal) in wanted {
            self.attach(now, session, id, temporal);
        }
    }

    /// The session receives nothing more.
    pub fn unsubscribe(&mut self, session: SessionId) {
        self.subscribers.remove(&session);
        self.sum_interest();
        self.streams.values_mut().for_each(|stream| stream.remove(session));
    }

    /// Another relay holds a participant, or none does any more. What it sends may be running: fetch it.
    pub fn set_elsewhere(&mut self, now: Instant, participant: ParticipantId, held: bool) {
        if !held {
            self.elsewhere.remove(&participant);
            return;
        }
        if !self.elsewhere.insert(participant) {
            return;
        }
        for id in streams_of(participant) {
            for (session, temporal) in self.wanting(id) {
                self.attach(now, session, id, temporal);
            }
        }
    }

    /// The participant is gone: its streams are forgotten.
    pub fn remove_participant(&mut self, participant: ParticipantId) {
        self.elsewhere.remove(&participant);
        self.heard.remove(&participant);
        self.streams.retain(|id, _| id.participant != participant);
    }

    /// An audio datagram whose packets have these numbers. True if anything in it is new.
    pub fn audio(&mut self, from: ParticipantId, packets: &[FrameNumber], datagram: &Bytes) -> bool {
        let window = self.heard.entry(from).or_default();
        let new = packets.iter().filter(|number| window.insert(**number)).count();
        if new == 0 {
            return false;
        }
        for (session, subscriber) in &self.subscribers {
            if subscriber.participant != from && subscriber.wishes.limit(from, Track::Microphone).is_some() {
                self.out.push_back(Output::Audio { to: *session, datagram: datagram.clone() });
            }
        }
        true
    }

    /// A video frame. True if it is new.
    pub fn video(&mut self, now: Instant, frame: &VideoFrame) -> bool {
        let id = stream_of(frame);
        self.open(now, id);
        self.streams.get_mut(&id).is_some_and(|stream| stream.take(now, frame, &mut self.out))
    }

    /// The answer to a [`Output::Fetch`], or a part of it.
    pub fn fetched(&mut self, now: Instant, id: StreamId, frames: &[VideoFrame]) {
        if frames.iter().all(|frame| stream_of(frame) == id) {
            self.open(now, id);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.backfill(frames, &mut self.out);
            }
        }
    }

    /// What is kept of a stream is not to be served any more.
    pub fn forget(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.cache.clear();
        }
    }

    /// What another relay fetches: the current group, or what follows a frame of it.
    pub fn cached(&self, id: StreamId, after: Option<After>) -> Vec<VideoFrame> {
        let served = self.streams.get(&id).and_then(|stream| stream.cache.serve(after));
        served.map(|frames| frames.cloned().collect()).unwrap_or_default()
    }

    /// Somebody cannot go on without a key frame.
    pub fn key_frame_wanted(&mut self, now: Instant, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.want_key(now, id, &mut self.out);
        }
    }

    /// The queue to a session gave up the rest of a subgroup.
    pub fn late(&mut self, now: Instant, session: SessionId, head: &SubgroupHead) {
        let id = StreamId { participant: head.participant, track: head.track, spatial: head.layer.spatial };
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.late(now, session, id, head, &mut self.out);
        }
    }

    /// Asks again where nothing came, forgets pictures that nobody sends any more. Call it every 50 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (id, stream) in &mut self.streams {
            stream.handle_timeout(now, *id, &mut self.out);
        }
    }

    /// What all sessions here want together.
    pub fn interest(&self) -> Interest {
        self.interest
    }

    /// Frames from other relays were missed: what is kept of their participants' streams has holes.
    pub fn missed_elsewhere(&mut self) {
        let held = self.streams.iter_mut().filter(|(id, _)| self.elsewhere.contains(&id.participant));
        held.for_each(|(_, stream)| stream.cache.clear());
    }

    fn sum_interest(&mut self) {
        let all = self.subscribers.values().map(|subscriber| subscriber.wishes.interest());
        self.interest = all.fold(Interest::NONE, Interest::and);
        // What no longer comes from other relays must not be served later as if nothing were missing.
        for (id, stream) in &mut self.streams {
            if self.elsewhere.contains(&id.participant) && !self.interest.contains(id.track, id.spatial) {
                stream.cache.clear();
            }
        }
    }

    /// Begins a stream where there is none.
    fn open(&mut self, now: Instant, id: StreamId) {
        if self.streams.contains_key(&id) {
            return;
        }
        self.streams.insert(id, Stream::default());
        for (session, temporal) in self.wanting(id) {
            self.attach(now, session, id, temporal);
        }
    }

    fn wanting(&self, id: StreamId) -> Vec<(SessionId, u8)> {
        let all = self.subscribers.iter();
        all.filter_map(|(session, subscriber)| Some((*session, subscriber.wants(id)?))).collect()
    }

    /// A session gets a stream from here on: what is kept of it at once; fetched where another relay may have it.
    fn attach(&mut self, now: Instant, session: SessionId, id: StreamId, temporal: u8) {
        let after = self.subscribers.get(&session).and_then(|subscriber| subscriber.resume.get(&id).copied());
        let stream = self.streams.entry(id).or_default();
        if stream.add(now, session, temporal, after, &mut self.out) {
            return;
        }
        if self.elsewhere.contains(&id.participant) {
            if stream.may_fetch(now, after) {
                self.out.push_back(Output::Fetch { stream: id, after });
            }
        } else if stream.is_active(now) {
            stream.want_key(now, id, &mut self.out);
        }
    }
}

fn stream_of(frame: &VideoFrame) -> StreamId {
    let header = &frame.header;
    StreamId { participant: header.participant, track: header.track, spatial: header.layer.spatial }
}

/// Every video stream that a participant may send.
fn streams_of(participant: ParticipantId) -> impl Iterator<Item = StreamId> {
    let video = Track::ALL.into_iter().filter(|track| !track.is_audio());
    video.flat_map(move |track| (0..=Layer::MAX_SPATIAL).map(move |spatial| StreamId { participant, track, spatial }))
}

fn read_resume(resume: &Resume) -> Option<(StreamId, After)> {
    let track = Track::try_from(u8::try_from(resume.track).ok()?).ok()?;
    let spatial = u8::try_from(resume.spatial).ok()?;
    let id = StreamId { participant: ParticipantId(resume.participant), track, spatial };
    Some((id, After { group: resume.group, frame: resume.frame }))
}

#[cfg(test)]
mod tests;
