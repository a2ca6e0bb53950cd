//! Which size of each track a session gets: chosen when something changes, begun and switched without a gap.

use std::time::{Duration, Instant};

use super::choice::{self, Ladder};
use super::stream::Start;
use super::{After, FETCH, Load, Output, Router, SessionId, StreamId, Verdict, Wishes};
use crate::proto::{FrameNumber, Layer, ParticipantId, Track};

/// A moved session keeps the size that it came with for so long.
const HOLD: Duration = Duration::from_secs(1);
/// Within this time of its beginning a view takes whatever larger picture is kept, however old its group is.
const BEGINNING: Duration = FETCH;

/// One track of one participant, as a session gets it.
#[derive(Debug)]
pub(super) struct View {
    began: Instant,
    /// The size that it gets, or waits for.
    size: Option<u8>,
    /// The size that it is to get, from the next key frame on.
    next: Option<u8>,
    /// What was chosen; `None`: left out for now.
    chosen: Option<Layer>,
    /// It came with a size, and keeps it for a while.
    holds: bool,
    /// The last group that it had of each size.
    had: [Option<FrameNumber>; Layer::MAX_SPATIAL as usize + 1],
}

impl View {
    fn new(now: Instant) -> Self {
        Self { began: now, size: None, next: None, chosen: None, holds: false, had: Default::default() }
    }

    /// It waits for the key frame of another size.
    pub fn is_switching(&self) -> bool {
        self.next.is_some()
    }

    /// This is the size that was chosen last.
    pub fn has_chosen(&self, spatial: u8) -> bool {
        self.chosen.is_some_and(|layer| layer.spatial == spatial)
    }
}

/// A track of a participant.
pub(super) type TrackId = (ParticipantId, Track);

impl Router {
    /// How a session's link does. Call it every 50 ms or so.
    pub fn set_link(&mut self, now: Instant, session: SessionId, load: Load) {
        let Some(subscriber) = self.subscribers.get_mut(&session) else { return };
        if subscriber.budget.is_unconcerned(load) {
            return;
        }
        let switching = subscriber.views.values().any(View::is_switching);
        match subscriber.budget.judge(now, load, switching) {
            Verdict::Stay => {}
            Verdict::Less => {
                let spent = choice::spent(&self.ladders(session));
                let Some(subscriber) = self.subscribers.get_mut(&session).filter(|_| spent > 0) else { return };
                let first = subscriber.budget.bps().is_none();
                subscriber.budget.cut(now, spent, load);
                if first {
                    self.sum_interest();
                }
                self.choose(now, session);
            }
            Verdict::More => {
                let mut ladders = self.ladders(session);
                let more = choice::step_up(&mut ladders);
                let Some(subscriber) = self.subscribers.get_mut(&session) else { return };
                subscriber.budget.stepped(now, more.then(|| choice::spent(&ladders)));
                if more {
                    self.aim_all(now, session, &ladders);
                }
            }
        }
    }

    /// Chooses anew for a session, after what it wants, what is offered, or what its link carries has changed.
    pub(super) fn choose(&mut self, now: Instant, session: SessionId) {
        let Some(subscriber) = self.subscribers.get(&session) else { return };
        let budget = subscriber.budget.bps();
        let mut ladders = self.ladders(session);
        choice::share(&mut ladders, budget);
        self.aim_all(now, session, &ladders);
    }

    /// The same for everybody who wants a track.
    pub(super) fn choose_all(&mut self, now: Instant, (participant, track): TrackId) {
        let all = self.subscribers.iter();
        let wanting = all.filter(|(_, subscriber)| subscriber.limit(participant, track).is_some());
        let sessions: Vec<SessionId> = wanting.map(|(session, _)| *session).collect();
        sessions.into_iter().for_each(|session| self.choose(now, session));
    }

    /// Goes on with what a moved session held on to.
    pub(super) fn end_holds(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (session, subscriber) in &mut self.subscribers {
            for (of, view) in subscriber.views.iter_mut().filter(|(_, view)| view.holds) {
                let stream = view.size.and_then(|size| self.streams.get(&stream_id(*of, size)));
                let live = stream.is_some_and(|stream| stream.is_live(*session));
                let since = now.saturating_duration_since(view.began);
                if since >= HOLD || !live && since >= 2 * FETCH {
                    view.holds = false;
                    due.push(*session);
                }
            }
        }
        due.into_iter().for_each(|session| self.choose(now, session));
    }

    /// Sessions that get a stream from now on: those that changed to it leave the size before.
    pub(super) fn went_live(&mut self, now: Instant, id: StreamId, sessions: &[SessionId]) {
        let capture = self.streams.get(&id).and_then(|stream| stream.cache.key_capture_us());
        for session in sessions {
            let subscriber = self.subscribers.get_mut(session);
            let view = subscriber.and_then(|subscriber| subscriber.views.get_mut(&(id.participant, id.track)));
            let Some(view) = view.filter(|view| view.next == Some(id.spatial)) else { continue };
            view.next = None;
            let Some(before) = view.size.replace(id.spatial) else { continue };
            if let Some(stream) = self.streams.get_mut(&StreamId { spatial: before, ..id }) {
                view.had[usize::from(before)] = stream.leave(now, *session, capture.unwrap_or(0));
            }
        }
    }

    /// What a session wants of what is offered.
    fn ladders(&self, session: SessionId) -> Vec<Ladder> {
        let Some(subscriber) = self.subscribers.get(&session) else { return Vec::new() };
        let mut ladders = Vec::new();
        let mut streams = self.streams.iter().peekable();
        while let Some((StreamId { participant, track, spatial }, stream)) = streams.next() {
            let mut offer = choice::Offer::default();
            offer[usize::from(*spatial)] = stream.rates(*spatial);
            while let Some((id, stream)) =
                streams.next_if(|(id, _)| (id.participant, id.track) == (*participant, *track))
            {
                offer[usize::from(id.spatial)] = stream.rates(id.spatial);
            }
            if let Some(wish) = subscriber.limit(*participant, *track) {
                let view = subscriber.views.get(&(*participant, *track));
                ladders.extend(Ladder::new(*participant, *track, wish, &offer, view.and_then(|view| view.chosen)));
            }
        }
        ladders
    }

    fn aim_all(&mut self, now: Instant, session: SessionId, ladders: &[Ladder]) {
        for ladder in ladders {
            self.aim(now, session, (ladder.participant, ladder.track), ladder.layer());
        }
    }

    /// Brings a session to a layer of a track, or to nothing of it.
    fn aim(&mut self, now: Instant, session: SessionId, of: TrackId, chosen: Option<Layer>) {
        let Some(subscriber) = self.subscribers.get_mut(&session) else { return };
        let limited = subscriber.budget.bps().is_some();
        let view = subscriber.views.entry(of).or_insert_with(|| View::new(now));
        view.chosen = chosen;
        let Some(layer) = chosen else { return self.end_view(session, of) };
        let Some(size) = view.size else { return self.begin(now, session, of, layer) };
        let to = if view.holds { size } else { layer.spatial };
        let next = view.next;
        if !self.is_live(session, of, size) && to != size {
            self.end_view(session, of);
            return self.begin(now, session, of, layer);
        }
        if let Some(next) = next.filter(|next| *next != to) {
            self.detach(session, of, next);
        }
        if to == size {
            self.set_temporal(session, of, size, layer.temporal);
        } else {
            // A link that is strained is not to carry more of the old size than it must.
            let old = if limited && to < size { 0 } else { layer.temporal };
            self.set_temporal(session, of, size, old);
            self.switch(now, session, of, layer);
        }
    }

    /// Begins a view: with the size that the session came with, with the chosen one, or with one that is here at once
    /// until the chosen one is.
    fn begin(&mut self, now: Instant, session: SessionId, of: TrackId, layer: Layer) {
        if let Some((spatial, after)) = self.take_resume(session, of) {
            self.attach(now, session, of, Layer { spatial, ..layer }, Start::Kept(Some(after)));
            if let Some(view) = self.view(session, of) {
                (view.size, view.began, view.holds) = (Some(spatial), now, true);
            }
            return;
        }
        let kept = |router: &Self, spatial: u8| {
            let stream = router.streams.get(&stream_id(of, spatial));
            stream.is_some_and(|stream| stream.rates(spatial).is_some() && stream.cache.serve(None).is_some())
        };
        let here = |router: &Self| (0..=Layer::MAX_SPATIAL).rev().find(|spatial| kept(router, *spatial));
        if let Some(view) = self.view(session, of) {
            (view.began, view.size) = (now, Some(layer.spatial));
        }
        if kept(self, layer.spatial) {
            return self.attach(now, session, of, layer, Start::Kept(None));
        }
        let Some(other) = here(self) else { return self.attach(now, session, of, layer, Start::Kept(None)) };
        if let Some(view) = self.view(session, of) {
            view.size = Some(other);
        }
        self.attach(now, session, of, Layer { spatial: other, ..layer }, Start::Kept(None));
        self.switch(now, session, of, layer);
    }

    /// Changes the size at the next key frame; the size before goes on until then.
    fn switch(&mut self, now: Instant, session: SessionId, of: TrackId, layer: Layer) {
        let Some(view) = self.view(session, of) else { return };
        if view.next == Some(layer.spatial) {
            return self.set_temporal(session, of, layer.spatial, layer.temporal);
        }
        view.next = Some(layer.spatial);
        let (size, but) = (view.size.unwrap_or(0), view.had[usize::from(layer.spatial)]);
        let beginning = now.saturating_duration_since(view.began) < BEGINNING;
        let ended = self.streams.get(&stream_id(of, size)).is_none_or(|stream| stream.rates(size).is_none());
        let start = if but.is_none() && (beginning || ended) { Start::Kept(None) } else { Start::Key { but } };
        self.attach(now, session, of, layer, start);
    }

    /// A session is to get a stream: what is kept of it at once; fetched where another relay may have it, or the sender
    /// is asked.
    fn attach(&mut self, now: Instant, session: SessionId, of: TrackId, layer: Layer, start: Start) {
        let id = stream_id(of, layer.spatial);
        let stream = self.streams.entry(id).or_default();
        if stream.add(now, session, layer.temporal, start, &mut self.out) {
            return self.went_live(now, id, &[session]);
        }
        if let Start::Kept(after) = start
            && self.elsewhere.contains(&id.participant)
        {
            if stream.may_fetch(now, after) {
                self.out.push_back(Output::Fetch { stream: id, after });
            }
            return;
        }
        // A change of size is no hurry: the key frame that others asked for may be for this session too.
        let may_wait = matches!(start, Start::Key { .. }) && stream.asked_lately(now);
        if stream.is_active(now) && !may_wait {
            stream.want_key(now, id, &mut self.out);
        } else {
            self.wake(now, id);
        }
    }

    /// Asks other relays for every size of a track that a session wants and nobody here knows, unless it did `before`.
    pub(super) fn fetch_unknown(
        &mut self,
        now: Instant,
        session: SessionId,
        participant: ParticipantId,
        before: &Wishes,
    ) {
        for track in Track::ALL.into_iter().filter(|track| !track.is_audio()) {
            let of = (participant, track);
            let Some(subscriber) = self.subscribers.get_mut(&session) else { return };
            let Some(limit) = subscriber.limit(participant, track) else { continue };
            let known =
                |spatial| self.streams.get(&stream_id(of, spatial)).is_some_and(|it| it.rates(spatial).is_some());
            if (0..=Layer::MAX_SPATIAL).any(known) || subscriber.views.get(&of).is_some_and(|view| view.size.is_some())
            {
                continue;
            }
            if subscriber.resume.keys().any(|id| (id.participant, id.track) == of && id.spatial <= limit.spatial) {
                self.aim(now, session, of, Some(limit));
                continue;
            }
            if before.limit(participant, track).is_some_and(|before| before.spatial >= limit.spatial) {
                continue;
            }
            for spatial in 0..=limit.spatial {
                let stream = self.streams.entry(stream_id(of, spatial)).or_default();
                if stream.may_fetch(now, None) {
                    self.out.push_back(Output::Fetch { stream: stream_id(of, spatial), after: None });
                }
            }
        }
    }

    /// The size that a moved session had of a track, and its last frame. Of several the largest.
    fn take_resume(&mut self, session: SessionId, (participant, track): TrackId) -> Option<(u8, After)> {
        let subscriber = self.subscribers.get_mut(&session)?;
        let limit = subscriber.limit(participant, track)?;
        let of = |id: &StreamId| (id.participant, id.track) == (participant, track);
        let found = subscriber.resume.iter().rev().find(|(id, _)| of(id) && id.spatial <= limit.spatial);
        let found = found.map(|(id, after)| (id.spatial, *after));
        subscriber.resume.retain(|id, _| !of(id));
        found
    }

    /// A session gets nothing more of a track.
    pub(super) fn end_view(&mut self, session: SessionId, of: TrackId) {
        (0..=Layer::MAX_SPATIAL).for_each(|spatial| self.detach(session, of, spatial));
        if let Some(view) = self.view(session, of) {
            (view.size, view.next, view.holds) = (None, None, false);
        }
    }

    fn detach(&mut self, session: SessionId, of: TrackId, spatial: u8) {
        if let Some(stream) = self.streams.get_mut(&stream_id(of, spatial)) {
            stream.remove(session);
        }
        if let Some(view) = self.view(session, of).filter(|view| view.next == Some(spatial)) {
            view.next = None;
        }
    }

    fn set_temporal(&mut self, session: SessionId, of: TrackId, spatial: u8, temporal: u8) {
        if let Some(stream) = self.streams.get_mut(&stream_id(of, spatial)) {
            stream.set_temporal(session, temporal);
        }
    }

    fn is_live(&self, session: SessionId, of: TrackId, spatial: u8) -> bool {
        self.streams.get(&stream_id(of, spatial)).is_some_and(|stream| stream.is_live(session))
    }

    fn view(&mut self, session: SessionId, of: TrackId) -> Option<&mut View> {
        self.subscribers.get_mut(&session)?.views.get_mut(&of)
    }
}

fn stream_id((participant, track): TrackId, spatial: u8) -> StreamId {
    StreamId { participant, track, spatial }
}
