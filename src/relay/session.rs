//! One connection of a client: Hello, Join, Subscribe, media, Leave, in that order, and nothing that breaks it.
//!
//! `accept` runs one in a task of its own for every link. It checks what the client says and hands it to the room; what the
//! client gets, the room sends by itself. Must never: let a client's mistake reach anybody but that client.

mod pace;
mod refusal;

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use self::pace::Pace;
use self::refusal::Refusal;
use super::Core;
use super::accept::Connection;
use super::bus::RoomId;
use super::forward::{Room, send};
use super::gate::Admission;
use super::limits::Limit;
use super::registry::{Ended, JoinError};
use super::router::{SessionId, StreamId, Wishes};
use crate::clock;
use crate::net::figures::{Cargo, Lost, Way};
use crate::net::{Figures, Incoming, Link, LinkSender};
use crate::proto::control::{
    self, ClientMessage, Hello, Join, KeyFrameRequest, Member, RefusalCode, Refused, RelayInfo, Welcome,
    client_message, server_message,
};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{ParticipantId, Track, Transport, VERSION, datagram};

/// When whoever was sent elsewhere because the relay was full may ask again.
const FULL: Duration = Duration::from_secs(15);
/// A relay that goes away may be back so long after its deadline.
const RESTART: Duration = Duration::from_secs(5);

/// Longer than any call.
const FOREVER: Duration = Duration::from_secs(86_400);

/// How far a client has come.
enum Phase {
    Connected,
    Admitted(Box<Admission>),
    Joined(Box<Admission>, Arc<Room>),
}

struct Session {
    core: Arc<Core>,
    id: SessionId,
    sender: LinkSender,
    phase: Phase,
    /// The room's way to end this session.
    dismiss: mpsc::Sender<JoinError>,
    pace: Pace,
    /// When silence becomes too long.
    patience: Instant,
    /// Media that came, for the summary.
    packets: u64,
    bytes: u64,
}

/// Serves a link until it ends.
pub(super) async fn run(core: Arc<Core>, mut link: Link, connection: Arc<Connection>) {
    let now = clock::now();
    let (dismiss, mut dismissed) = mpsc::channel(1);
    let mut session = Session {
        id: core.next_session(),
        sender: link.sender.clone(),
        phase: Phase::Connected,
        dismiss,
        pace: Pace::new(now, &core.limits),
        patience: now + core.limits.first_word,
        packets: 0,
        bytes: 0,
        core,
    };
    let sender = &session.sender;
    let (remote, transport) = (sender.remote(), sender.transport());
    tracing::debug!(session = session.id.0, %remote, %transport, "connected");
    let mut alarm = pin!(tokio::time::sleep_until(session.patience.into()));
    let refusal = loop {
        tokio::select! {
            incoming = link.incoming.recv() => match incoming {
                None | Some(Incoming::Closed { .. }) => break None,
                Some(incoming) => match session.handle(incoming).await {
                    ControlFlow::Continue(()) => {}
                    ControlFlow::Break(refusal) => break Some(refusal),
                },
            },
            Some(why) = dismissed.recv() => break Some(why.into()),
            () = alarm.as_mut() => {
                if clock::now() >= session.patience {
                    break Some(Refusal::new(RefusalCode::Unspecified, "nothing was heard for too long"));
                }
                // Patience may have become shorter when it is looked at next.
                alarm.as_mut().reset(session.patience.min(clock::now() + session.core.limits.idle).into());
            }
        }
    };
    session.leave(Ended::Lost);
    session.sum_up(now);
    if let Some(refusal) = refusal {
        session.core.metrics.refused(refusal.code);
        tracing::debug!(session = session.id.0, code = ?refusal.code, why = refusal.message, "refused");
        // What still comes is thrown away, or it would pile up while the last words go out.
        tokio::select! {
            () = session.refuse(refusal) => {}
            () = async { while link.incoming.recv().await.is_some() {} } => {}
        }
    }
    drop(connection);
}

impl Session {
    async fn handle(&mut self, incoming: Incoming) -> ControlFlow<Refusal> {
        let now = clock::now();
        let patience = match (&self.phase, &incoming) {
            (Phase::Joined(..), _) if self.sender.transport() == Transport::WebTransport => Some(FOREVER),
            (Phase::Joined(..), _) => Some(self.core.limits.silent),
            (_, Incoming::Probed) => Some(self.core.limits.idle),
            _ => None,
        };
        self.patience = patience.map_or(self.patience, |patience| now + patience);
        let media = match &incoming {
            Incoming::Audio { body, .. } => Some(body.len()),
            Incoming::Video { frame, .. } => Some(frame.bytes.len()),
            _ => None,
        };
        match media.map_or(pace::Media::Taken, |bytes| self.pace.media(now, bytes)) {
            pace::Media::Taken => {}
            pace::Media::Dropped => {
                self.core.met.count(Limit::Media);
                return ControlFlow::Continue(());
            }
            pace::Media::Endless => return ControlFlow::Break(self.too_much(Limit::Media)),
        }
        match incoming {
            Incoming::Control(body) => match self.control(now, &body).await {
                Ok(()) => {}
                Err(refusal) => return ControlFlow::Break(refusal),
            },
            Incoming::Probed if !self.pace.probes.take(now) => {
                return ControlFlow::Break(self.too_much(Limit::Probes));
            }
            Incoming::Audio { body, at } => self.audio(now, at, &body),
            Incoming::Video { frame, .. } => self.video(now, frame),
            Incoming::Late { head } => {
                if let Phase::Joined(_, room) = &self.phase {
                    room.late(now, self.id, &head);
                }
            }
            // A relay sends no probes; a subgroup that a sender gave up is the receivers' to notice.
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn too_much(&self, limit: Limit) -> Refusal {
        self.core.met.count(limit);
        let message = format!("too many {} at a time", limit.as_str());
        Refusal::new(RefusalCode::RateLimited, message).after(Duration::from_secs(5))
    }

    async fn control(&mut self, now: Instant, body: &Bytes) -> Result<(), Refusal> {
        use client_message::Body;
        self.figures().count(Way::In, Cargo::Control, body.len());
        if !self.pace.control.take(now) {
            return Err(self.too_much(Limit::Messages));
        }
        let message: ClientMessage =
            control::decode(body).map_err(|error| Refusal::new(RefusalCode::Malformed, error.to_string()))?;
        // A message of a later version: skipped.
        let Some(body) = message.body else { return Ok(()) };
        match (body, &self.phase) {
            (Body::Hello(hello), Phase::Connected | Phase::Admitted(_)) => self.hello(&hello),
            (Body::Hello(_), Phase::Joined(..)) => Err(Refusal::new(RefusalCode::Malformed, "a second Hello")),
            (_, Phase::Connected) => Err(Refusal::new(RefusalCode::Malformed, "the first message must be Hello")),
            (Body::Join(_), _) if !self.pace.joins.take(now) => Err(self.too_much(Limit::Joins)),
            (Body::Join(join), _) => self.join(join).await,
            (Body::Sealed(sealed), _) if sealed.participant == 0 && !self.pace.sealed.take(now) => {
                Err(self.too_much(Limit::Sealed))
            }
            (Body::Leave(leave), _) => {
                self.leave(if leave.moved { Ended::Moved } else { Ended::Left });
                self.patience = now + self.core.limits.idle;
                Ok(())
            }
            (Body::ElectionReport(report), Phase::Joined(..)) => {
                let verdict = self.core.metrics.users.take(
                    &report,
                    self.sender.remote().ip(),
                    self.pace.reports.take(now),
                    &self.core.directory,
                );
                tracing::trace!(session = self.id.0, ?verdict, "election report");
                Ok(())
            }
            (Body::Moderate(order), Phase::Joined(_, room)) => {
                room.moderate(now, self.id, &order, self.core.gate.is_open());
                Ok(())
            }
            (body, Phase::Joined(_, room)) => {
                in_room(now, self.id, room, body);
                Ok(())
            }
            // Sent before the client knew that it had left.
            (_, Phase::Admitted(_)) => Ok(()),
        }
    }

    fn hello(&mut self, hello: &Hello) -> Result<(), Refusal> {
        if hello.version != VERSION {
            let theirs = hello.version;
            let older = if theirs < VERSION { "app" } else { "relay" };
            let message =
                format!("this relay speaks version {VERSION}, the app version {theirs}: the {older} needs an update");
            return Err(Refusal::new(RefusalCode::Version, message));
        }
        let admission = self.core.gate.admit(hello).map_err(|message| Refusal::new(RefusalCode::Auth, message))?;
        if let Some(drain) = self.core.drain_left()
            && !self.core.is_under_way(&admission)
        {
            let back = Duration::from_millis(drain.deadline_ms.into()) + RESTART;
            return Err(Refusal::new(RefusalCode::Draining, "this relay is going away").after(back));
        }
        if let Some(why) = self.core.has_no_room_for(&admission) {
            return Err(Refusal::new(RefusalCode::Full, why).after(FULL));
        }
        let core = &self.core;
        let info = RelayInfo {
            id: core.directory.own().id.clone(),
            region: core.directory.own().region.clone(),
            provider: core.directory.own().provider.clone(),
            instance: core.instance.0,
        };
        let welcome = Welcome {
            version: VERSION,
            relay: Some(info),
            participant: admission.participant.0,
            ticket: admission.ticket.clone().into(),
            host: admission.host,
        };
        send(&self.sender, server_message::Body::Welcome(welcome));
        self.patience = clock::now() + core.limits.idle;
        self.phase = Phase::Admitted(admission.into());
        Ok(())
    }

    async fn join(&mut self, join: Join) -> Result<(), Refusal> {
        let (Phase::Admitted(admission) | Phase::Joined(admission, _)) = &self.phase else { return Ok(()) };
        // Others may have joined since it was welcomed.
        if matches!(self.phase, Phase::Admitted(_)) && self.core.is_at_its_limit() {
            return Err(Refusal::new(RefusalCode::Full, "this relay is full").after(FULL));
        }
        let member = Member {
            participant: admission.participant.0,
            user: admission.user.clone(),
            host: admission.host,
            stamp: admission.stamp.clone(),
            since_ms: clock::unix_ms(),
            ..join.member.unwrap_or_default()
        };
        let id = RoomId::of(&admission.room);
        let room = loop {
            let Some(room) = self.core.rooms.enter(id, self.core.limits.rooms) else {
                self.core.met.count(Limit::Rooms);
                let refusal = Refusal::new(RefusalCode::Room, "this relay holds as many rooms as it can");
                return Err(refusal.after(Duration::from_secs(10)));
            };
            let joined =
                room.join(clock::now(), self.id, member.clone(), admission.publish, &self.sender, &self.dismiss);
            if joined?.is_some() {
                break room;
            }
            // It was just closed: the next one is open in a moment.
            tokio::task::yield_now().await;
        };
        self.phase = match std::mem::replace(&mut self.phase, Phase::Connected) {
            Phase::Admitted(admission) => {
                self.core.joined.send_modify(|joined| *joined += 1);
                Phase::Joined(admission, room)
            }
            Phase::Joined(admission, _) => Phase::Joined(admission, room),
            Phase::Connected => Phase::Connected,
        };
        if let Some(drain) = self.core.drain_left() {
            send(&self.sender, server_message::Body::Drain(drain));
        }
        Ok(())
    }

    /// Ends membership through this session; what was admitted stays admitted.
    fn leave(&mut self, how: Ended) {
        match std::mem::replace(&mut self.phase, Phase::Connected) {
            Phase::Joined(admission, room) => {
                room.end(clock::now(), self.id, how);
                self.core.joined.send_modify(|joined| *joined -= 1);
                self.phase = Phase::Admitted(admission);
            }
            phase => self.phase = phase,
        }
    }

    fn audio(&mut self, now: Instant, arrived: Instant, body: &Bytes) {
        self.note(body.len());
        let figures = self.figures();
        let timed = figures.count(Way::In, Cargo::Audio, body.len());
        let Phase::Joined(admission, room) = &self.phase else { return figures.lose(Lost::NotPermitted) };
        let Ok(packets) = datagram::decode(body) else { return figures.lose(Lost::Malformed) };
        if packets.iter().any(|packet| packet.header.participant != admission.participant) {
            return figures.lose(Lost::NotPermitted);
        }
        let numbers: Vec<_> = packets.iter().map(|packet| packet.header.frame).collect();
        room.audio(now, self.id, &numbers, body);
        if timed {
            figures.forwarding.since(arrived);
        }
    }

    fn video(&mut self, now: Instant, frame: VideoFrame) {
        self.note(frame.bytes.len());
        let figures = self.figures();
        let header = &frame.header;
        figures.count(Way::In, Cargo::of(header.track), frame.bytes.len());
        let Phase::Joined(admission, room) = &self.phase else { return figures.lose(Lost::NotPermitted) };
        if header.participant != admission.participant {
            return figures.lose(Lost::NotPermitted);
        }
        if header.key != (header.since_key == 0) {
            return figures.lose(Lost::Malformed);
        }
        room.video(now, self.id, frame);
    }

    fn note(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    fn figures(&self) -> &Figures {
        &self.core.responder.figures
    }

    /// What there is to say of a session once it is over; nothing that tells whose it was.
    fn sum_up(&self, began: Instant) {
        let seconds = clock::now().saturating_duration_since(began).as_secs();
        let admitted = !matches!(self.phase, Phase::Connected);
        tracing::debug!(
            session = self.id.0,
            transport = %self.sender.transport(),
            seconds,
            admitted,
            packets = self.packets,
            bytes = self.bytes,
            "session ended"
        );
    }

    async fn refuse(&self, refusal: Refusal) {
        let refused = Refused {
            code: refusal.code as i32,
            message: refusal.message.clone(),
            retry_after_ms: refusal.retry_after.as_millis() as u32,
            removed: refusal.removed,
        };
        send(&self.sender, server_message::Body::Refused(refused));
        self.sender.close_gracefully(&refusal.message).await;
    }
}

/// What a member says.
fn in_room(now: Instant, session: SessionId, room: &Room, body: client_message::Body) {
    use client_message::Body;
    match body {
        Body::Subscribe(subscribe) => {
            room.subscribe(now, session, subscribe.sequence, Wishes::new(&subscribe.wishes), &subscribe.resume);
        }
        Body::KeyFrameRequest(request) => {
            if let Some(stream) = stream_of(&request) {
                room.key_frame_wanted(now, session, stream);
            }
        }
        Body::Sealed(sealed) => room.sealed(session, sealed),
        Body::ReceiverReport(report) => room.report(session, report),
        // Standby or not, a link carries what its client subscribes to and sends.
        Body::Activate(_)
        | Body::Hello(_)
        | Body::Join(_)
        | Body::Leave(_)
        | Body::ElectionReport(_)
        | Body::Moderate(_) => {}
    }
}

fn stream_of(request: &KeyFrameRequest) -> Option<StreamId> {
    let track = Track::try_from(u8::try_from(request.track).ok()?).ok()?;
    let spatial = u8::try_from(request.spatial).ok()?;
    Some(StreamId { participant: ParticipantId(request.participant), track, spatial })
}
