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
//!
//! Layers. A session gets one size of each track: the largest that it wishes, that is offered, and that its link
//! carries (`choice`, `budget`).
//!
//! * What is offered is known by what comes. A size of which nothing came for 600 ms, while another size of the track
//!   had five frames, is offered no more; silence of the whole track says nothing, a screen may stand still for long. A
//!   sender that offers nothing as small as the wish is seen in its smallest size.
//! * The size changes at a key frame of the new one, for which its sender is asked, or with the group that is kept if
//!   that is fresh. The size before goes on until then, and after it with what was captured before. No key frame:
//!   it is asked for each second, and the size before stays.
//! * Of a strained link's trouble nobody else hears but by key frames: of a size that another session asked for within
//!   the last second none is asked again for a change.
//! * Fewer temporal layers hold at once, more from the next base frame on.
//! * A moved session goes on with the size that it had, and is judged a second later.
//! * A sender is told which sizes somebody has a use for (`demand`), so that it makes no others.
//! * Other relays are asked for every size up to the largest wish of anybody here: what a sender offers there cannot be known
//!   before it comes.

mod budget;
mod cache;
mod choice;
mod demand;
mod meter;
mod stream;
mod views;
mod window;
mod wishes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::budget::{Budget, Verdict};
use self::stream::{Stream, Taken};
use self::views::{TrackId, View};
use self::window::Window;
use crate::proto::control::Resume;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{FrameNumber, Layer, ParticipantId, SubgroupHead, Track};

pub use self::budget::Load;
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
    /// What is wanted of somebody may have changed.
    demand_changed: bool,
    out: VecDeque<Output>,
}

#[derive(Debug)]
struct Subscriber {
    participant: ParticipantId,
    wishes: Wishes,
    resume: BTreeMap<StreamId, After>,
    views: BTreeMap<TrackId, View>,
    budget: Budget,
}

impl Subscriber {
    /// The highest layer of a track that it wants.
    fn limit(&self, participant: ParticipantId, track: Track) -> Option<Layer> {
        if participant == self.participant { None } else { self.wishes.limit(participant, track) }
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
        let subscriber = self.subscribers.entry(session).or_insert_with(|| Subscriber {
            participant,
            wishes: Wishes::default(),
            resume: BTreeMap::new(),
            views: BTreeMap::new(),
            budget: Budget::default(),
        });
        let before = std::mem::replace(&mut subscriber.wishes, wishes);
        subscriber.resume = resume.iter().filter_map(read_resume).collect();
        let views: Vec<TrackId> = subscriber.views.keys().copied().collect();
        let unwanted = views.into_iter().filter(|(of, track)| subscriber.limit(*of, *track).is_none());
        let unwanted: Vec<TrackId> = unwanted.collect();
        self.sum_interest();
        unwanted.into_iter().for_each(|of| self.end_view(session, of));
        self.choose(now, session);
        let elsewhere: Vec<ParticipantId> = self.elsewhere.iter().copied().collect();
        elsewhere.into_iter().for_each(|participant| self.fetch_unknown(now, session, participant, &before));
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
        let sessions: Vec<SessionId> = self.subscribers.keys().copied().collect();
        let nothing = Wishes::default();
        sessions.into_iter().for_each(|session| self.fetch_unknown(now, session, participant, &nothing));
    }

    /// The participant is gone: its streams are forgotten.
    pub fn remove_participant(&mut self, participant: ParticipantId) {
        self.elsewhere.remove(&participant);
        self.heard.remove(&participant);
        self.streams.retain(|id, _| id.participant != participant);
        let views = self.subscribers.values_mut().map(|subscriber| &mut subscriber.views);
        views.for_each(|views| views.retain(|(of, _), _| *of != participant));
    }

    /// Forgets what came of those who are not in the room: frames may come behind the word that their sender left. Who is
    /// being sent of still may be a newcomer, of whom word is behind.
    pub fn forget_strangers(&mut self, now: Instant, is_member: impl Fn(ParticipantId) -> bool) {
        let strangers = self.streams.keys().map(|id| id.participant).chain(self.heard.keys().copied());
        let strangers: BTreeSet<_> = strangers.filter(|participant| !is_member(*participant)).collect();
        let is_sending = |participant: ParticipantId| {
            let of = self.streams.iter().filter(|(id, _)| id.participant == participant);
            of.map(|(_, stream)| stream).any(|stream| stream.is_active(now))
        };
        let silent: Vec<_> = strangers.into_iter().filter(|participant| !is_sending(*participant)).collect();
        silent.into_iter().for_each(|participant| self.remove_participant(participant));
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
        let taken = self.streams.entry(id).or_default().take(now, frame, &mut self.out);
        if taken.new {
            let others = (0..=Layer::MAX_SPATIAL).filter(|spatial| *spatial != id.spatial);
            for spatial in others {
                self.streams.get_mut(&StreamId { spatial, ..id }).into_iter().for_each(Stream::sibling);
            }
        }
        self.follow(now, id, &taken);
        taken.new
    }

    /// The answer to a [`Output::Fetch`], or a part of it.
    pub fn fetched(&mut self, now: Instant, id: StreamId, frames: &[VideoFrame]) {
        if frames.iter().all(|frame| stream_of(frame) == id) {
            let taken = self.streams.entry(id).or_default().backfill(frames, &mut self.out);
            self.follow(now, id, &taken);
        }
    }

    fn follow(&mut self, now: Instant, id: StreamId, taken: &Taken) {
        if !taken.live.is_empty() {
            self.went_live(now, id, &taken.live);
        }
        if taken.begins {
            self.choose_all(now, (id.participant, id.track));
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

    /// Somebody wants a stream that may rest: where nothing is kept of a screen that stands still, its sender is asked.
    pub fn wake(&mut self, now: Instant, id: StreamId) {
        let stream = self.streams.get_mut(&id).filter(|_| id.track == Track::Screen);
        if let Some(stream) = stream.filter(|it| it.rests(now) && it.cache.serve(None).is_none()) {
            stream.want_key(now, id, &mut self.out);
        }
    }

    /// The queue to a session gave up the rest of a subgroup.
    pub fn late(&mut self, now: Instant, session: SessionId, head: &SubgroupHead) {
        let Some(subscriber) = self.subscribers.get_mut(&session) else { return };
        let view = subscriber.views.get(&(head.participant, head.track));
        let switching = view.is_some_and(View::is_switching);
        let chosen = view.is_some_and(|view| view.has_chosen(head.layer.spatial));
        subscriber.budget.late(chosen && head.layer.temporal == 0);
        let id = StreamId { participant: head.participant, track: head.track, spatial: head.layer.spatial };
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.late(now, session, id, head, switching, &mut self.out);
        }
    }

    /// Asks again where nothing came, forgets what nobody sends any more. Call it every 50 ms or so.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut ended = BTreeSet::new();
        for (id, stream) in &mut self.streams {
            if stream.handle_timeout(now, *id, &mut self.out) {
                ended.insert((id.participant, id.track));
            }
        }
        ended.into_iter().for_each(|of| self.choose_all(now, of));
        self.end_holds(now);
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
        let of = |subscriber: &Subscriber| subscriber.wishes.interest(subscriber.budget.bps().is_some());
        self.interest = self.subscribers.values().map(of).fold(Interest::NONE, Interest::and);
        self.demand_changed = true;
        // What no longer comes from other relays must not be served later as if nothing were missing.
        for (id, stream) in &mut self.streams {
            if self.elsewhere.contains(&id.participant) && !self.interest.contains(id.track, id.spatial) {
                stream.cache.clear();
            }
        }
    }
}

fn stream_of(frame: &VideoFrame) -> StreamId {
    let header = &frame.header;
    StreamId { participant: header.participant, track: header.track, spatial: header.layer.spatial }
}

fn read_resume(resume: &Resume) -> Option<(StreamId, After)> {
    let track = Track::try_from(u8::try_from(resume.track).ok()?).ok()?;
    let spatial = u8::try_from(resume.spatial).ok()?;
    let id = StreamId { participant: ParticipantId(resume.participant), track, spatial };
    Some((id, After { group: resume.group, frame: resume.frame }))
}

#[cfg(test)]
mod tests;
