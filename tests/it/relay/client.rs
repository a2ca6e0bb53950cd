//! A participant driven by hand: says what it is told to say, and keeps all that it hears.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use nearcall::clock;
use nearcall::net::{Incoming, LinkError, LinkSender, dial};
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{
    self, ClientMessage, Hello, Join, Leave, Member, MemberState, Refused, Resume, ServerMessage, Subscribe, Wish,
    client_message,
};
use nearcall::proto::datagram::{self, AudioPacket};
use nearcall::proto::manifest::RelayEntry;
use nearcall::proto::probe::ProbeReply;
use nearcall::proto::subgroup::VideoFrame;
use nearcall::proto::{Layer, MediaHeader, ParticipantId, Track, Transport, VERSION};
use nearcall::relay::Relay;
use tokio::sync::Notify;

pub use client_message::Body as Say;

/// How long anything may take before a test calls it missing.
pub const PATIENCE: Duration = Duration::from_secs(6);
/// Both, for tests of what holds on either.
pub const TRANSPORTS: [Transport; 2] = [Transport::WebTransport, Transport::WebSocket];

static START: LazyLock<Instant> = LazyLock::new(clock::now);

/// A media frame as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub from: u64,
    pub frame: u32,
    pub layer: Layer,
    pub at: Instant,
    /// Since it was made.
    pub delay: Duration,
}

/// All that a client has heard.
#[derive(Debug, Default)]
pub struct Heard {
    pub told: Vec<(Told, Instant)>,
    pub replies: Vec<ProbeReply>,
    pub audio: Vec<Arrival>,
    pub video: Vec<Arrival>,
    pub closed: Option<String>,
}

impl Heard {
    pub fn refused(&self) -> Option<&Refused> {
        self.told.iter().find_map(|(told, _)| if let Told::Refused(refused) = told { Some(refused) } else { None })
    }

    /// The states of a participant, in the order in which they were told.
    pub fn states(&self, participant: u64) -> Vec<MemberState> {
        let members = self.told.iter().flat_map(|(told, _)| match told {
            Told::Joined(joined) => joined.members.clone(),
            Told::MemberChanged(changed) => changed.member.clone().into_iter().collect(),
            _ => Vec::new(),
        });
        members.filter(|member| member.participant == participant).map(|member| member.state()).collect()
    }

    /// Video frame numbers of a participant, as they came.
    pub fn pictures(&self, from: u64) -> Vec<u32> {
        self.video.iter().filter(|it| it.from == from).map(|it| it.frame).collect()
    }

    /// Audio packet numbers of a participant, as they came.
    pub fn sounds(&self, from: u64) -> Vec<u32> {
        self.audio.iter().filter(|it| it.from == from).map(|it| it.frame).collect()
    }
}

/// A link and what came over it. Closes when dropped.
pub struct Client {
    pub id: u64,
    pub sender: LinkSender,
    heard: Arc<Mutex<Heard>>,
    news: Arc<Notify>,
}

impl Client {
    /// Connects and says nothing.
    pub async fn dial(entry: &RelayEntry, transport: Transport, id: u64) -> Result<Self, LinkError> {
        let mut link = dial(transport, entry.url(transport).unwrap(), &entry.pins, PATIENCE).await?;
        let (heard, news) = (Arc::new(Mutex::new(Heard::default())), Arc::new(Notify::new()));
        let (log, bell) = (heard.clone(), news.clone());
        tokio::spawn(async move {
            while let Some(incoming) = link.incoming.recv().await {
                note(&mut log.lock().unwrap(), incoming);
                bell.notify_waiters();
            }
        });
        Ok(Self { id, sender: link.sender, heard, news })
    }

    pub async fn connect(relay: &Relay, transport: Transport, id: u64) -> Self {
        Self::dial(relay.entry(), transport, id).await.unwrap()
    }

    /// Connects and is let into `room`, in one breath.
    pub async fn join(relay: &Relay, transport: Transport, room: &str, id: u64) -> Self {
        Self::join_at(relay.entry(), transport, room, id).await
    }

    /// The same where a manifest's entry leads.
    pub async fn join_at(entry: &RelayEntry, transport: Transport, room: &str, id: u64) -> Self {
        let client = Self::dial(entry, transport, id).await.unwrap();
        client.enter(room);
        client
            .wait("Joined", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Joined(_))).then_some(()))
            .await;
        client
    }

    /// The same, and wants everything of everybody from here on.
    pub async fn member(relay: &Relay, transport: Transport, room: &str, id: u64) -> Self {
        Self::member_at(relay.entry(), transport, room, id).await
    }

    /// The same where a manifest's entry leads.
    pub async fn member_at(entry: &RelayEntry, transport: Transport, room: &str, id: u64) -> Self {
        let client = Self::join_at(entry, transport, room, id).await;
        client.subscribe(1, &[]).await;
        client
    }

    /// Says Hello and Join.
    pub fn enter(&self, room: &str) {
        self.enter_as(hello(room, self.id));
    }

    /// The same with a Hello of one's own.
    pub fn enter_as(&self, hello: Hello) {
        self.say(Say::Hello(hello));
        self.say(Say::Join(Join { member: Some(Member::default()), standby: false }));
    }

    pub fn say(&self, body: Say) {
        // A refusal may close the link at any moment; what it means is read from what was heard.
        let _ = self.sender.control(control::encode(&ClientMessage { body: Some(body) }));
    }

    pub fn leave(&self, moved: bool) {
        self.say(Say::Leave(Leave { moved }));
    }

    /// Wants everything, and waits until the relay knows it.
    pub async fn subscribe(&self, sequence: u32, resume: &[Resume]) {
        self.say(Say::Subscribe(Subscribe { sequence, wishes: everything(), resume: resume.to_vec() }));
        self.wait("Subscribed", |heard| {
            let told = |(told, _): &(Told, Instant)| matches!(told, Told::Subscribed(it) if it.sequence == sequence);
            heard.told.iter().any(told).then_some(())
        })
        .await;
    }

    pub fn audio(&self, number: u32) {
        self.sender.audio(sound(self.id, number));
    }

    pub fn video(&self, number: u32, group: u32) {
        self.sender.video(picture(self.id, number, group, 5_000));
    }

    /// Looks at what was heard so far.
    pub fn look<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap())
    }

    /// Waits until there is something in what was heard.
    pub async fn wait<T>(&self, what: &str, mut look: impl FnMut(&Heard) -> Option<T>) -> T {
        let found = async {
            loop {
                let news = self.news.notified();
                tokio::pin!(news);
                news.as_mut().enable();
                if let Some(found) = self.look(&mut look) {
                    return found;
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => self.look(|heard| panic!("{:x}: no {what} in {PATIENCE:?}, but {heard:?}", self.id)),
        }
    }

    /// Waits for the refusal and for the end behind it.
    pub async fn wait_refused(&self) -> Refused {
        let refused = self.wait("refusal", |heard| heard.refused().cloned()).await;
        self.wait_closed().await;
        refused
    }

    pub async fn wait_closed(&self) -> String {
        self.wait("end", |heard| heard.closed.clone()).await
    }

    /// Waits until the last state told of a participant is this one.
    pub async fn wait_state(&self, participant: u64, state: MemberState) {
        self.wait(&format!("{state:?}"), |heard| (heard.states(participant).last() == Some(&state)).then_some(()))
            .await;
    }

    pub async fn wait_picture(&self, from: u64, number: u32) {
        self.wait(&format!("picture {number}"), |heard| heard.pictures(from).contains(&number).then_some(())).await;
    }

    pub async fn wait_sound(&self, from: u64, number: u32) {
        self.wait(&format!("sound {number}"), |heard| heard.sounds(from).contains(&number).then_some(())).await;
    }

    /// Asks and waits for the answer: whatever the relay was told before on this link, over WebSocket, it has read.
    pub async fn probe(&self, id: u64) -> ProbeReply {
        self.sender.probe(id);
        self.wait("reply", |heard| heard.replies.iter().find(|reply| reply.id == id).cloned()).await
    }
}

fn note(heard: &mut Heard, incoming: Incoming) {
    match incoming {
        Incoming::Control(body) => {
            let message: ServerMessage = control::decode(&body).unwrap();
            heard.told.extend(message.body.map(|body| (body, clock::now())));
        }
        Incoming::ProbeReply { reply, .. } => heard.replies.push(reply),
        Incoming::Audio { body, at } => {
            let packets = datagram::decode(&body).unwrap();
            heard.audio.extend(packets.iter().map(|packet| arrival(&packet.header, at)));
        }
        Incoming::Video { frame, at } => heard.video.push(arrival(&frame.header, at)),
        Incoming::Closed { reason } => heard.closed = Some(reason),
        Incoming::Probed | Incoming::SubgroupReset { .. } | Incoming::Late { .. } => {}
    }
}

fn arrival(header: &MediaHeader, at: Instant) -> Arrival {
    let made = *START + Duration::from_micros(header.capture_us);
    let (from, frame, layer) = (header.participant.0, header.frame, header.layer);
    Arrival { from, frame, layer, at, delay: at.saturating_duration_since(made) }
}

pub fn hello(room: &str, participant: u64) -> Hello {
    Hello { version: VERSION, room: room.into(), participant, ..Hello::default() }
}

/// Every track of everybody, in every size.
pub fn everything() -> Vec<Wish> {
    let wish = |track: Track| Wish { participant: 0, track: track as u32, max_spatial: 2, max_temporal: 2 };
    Track::ALL.into_iter().map(wish).collect()
}

/// An audio datagram, made now.
pub fn sound(participant: u64, number: u32) -> Bytes {
    let packet =
        AudioPacket { header: header(participant, Track::Microphone, number, number), payload: vec![7; 80].into() };
    datagram::encode(&packet, None).unwrap()
}

/// A video frame, made now. `group` is the number of its key frame.
pub fn picture(participant: u64, number: u32, group: u32, bytes: usize) -> VideoFrame {
    VideoFrame::new(header(participant, Track::Camera, number, group), &vec![7; bytes])
}

/// The same of one of several sizes, each of which is numbered on its own.
pub fn layered(participant: u64, number: u32, group: u32, layer: Layer, bytes: usize) -> VideoFrame {
    let header = header(participant, Track::Camera, number, group);
    VideoFrame::new(MediaHeader { layer, discardable: layer.temporal == 2, ..header }, &vec![7; bytes])
}

fn header(participant: u64, track: Track, frame: u32, group: u32) -> MediaHeader {
    MediaHeader {
        track,
        layer: Layer::default(),
        key: frame == group,
        discardable: false,
        dtx: false,
        participant: ParticipantId(participant),
        frame,
        since_key: (frame - group) as u16,
        capture_us: START.elapsed().as_micros() as u64,
    }
}
