//! The bus over NATS: one message a frame, on subjects that say room, kind and layer.
//!
//! | subject | what |
//! | --- | --- |
//! | `nearcall.v1.ROOM.audio` | an audio datagram without its type byte |
//! | `nearcall.v1.ROOM.video.TRACK.SPATIAL` | a video frame: header and payload |
//! | `nearcall.v1.ROOM.ctl` | [`super::message::RoomMessage`] |
//! | `nearcall.v1.relay.INSTANCE` | [`super::message::DirectMessage`] |
//! | `nearcall.v1.relays` | a relay's manifest entry, JSON |
//!
//! ROOM is [`RoomId`] in hexadecimal. One task owns the connection and every subscription; it ends with its [`Port`].
//! While NATS is lost nothing is queued: what is said late is worth less than what is asked anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event as NatsEvent};
use bytes::Bytes;
use futures_util::StreamExt;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::message::decode;
use super::{Event, Message, RoomId};
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{RelayInstance, Track, limits};
use crate::relay::router::Interest;

/// Media that may wait for the connection: a third of a second of a large room.
const MEDIA: usize = 1024;
/// Control messages and subscriptions that may wait.
const CONTROL: usize = 4096;
/// NATS' own default, two minutes, notices a dead peer after everybody else has.
const PING: Duration = Duration::from_secs(5);
/// Between attempts to connect.
const RETRY: Duration = Duration::from_secs(1);
/// A relay's manifest entry, bytes of JSON.
const ENTRY_BYTES: usize = 8192;

/// One relay's place on NATS; leaves when dropped.
#[derive(Debug)]
pub struct Port {
    control: mpsc::Sender<Command>,
    media: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    connected: AtomicBool,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Command {
    Subscribe(RoomId, Option<Interest>),
    Send(Message),
}

impl Port {
    /// Starts to connect, and goes on trying for as long as the port lives.
    pub(super) fn open(url: &str, id: &str, instance: RelayInstance, events: mpsc::Sender<Event>) -> Self {
        let (control, commands) = mpsc::channel(CONTROL);
        let (media, queued) = mpsc::channel(MEDIA);
        let shared = Arc::new(Shared::default());
        let task = Task { events, shared: shared.clone(), subscriptions: BTreeMap::new() };
        tokio::spawn(task.run(url.to_owned(), id.to_owned(), instance, commands, queued));
        Self { control, media, shared }
    }

    pub(super) fn subscribe(&self, room: RoomId, interest: Option<Interest>) {
        self.count(self.control.try_send(Command::Subscribe(room, interest)).is_ok());
    }

    pub(super) fn send(&self, message: Message) {
        let sent = self.shared.connected.load(Ordering::Relaxed)
            && match message.is_media() {
                true => self.media.try_send(message).is_ok(),
                false => self.control.try_send(Command::Send(message)).is_ok(),
            };
        self.count(sent);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    fn count(&self, sent: bool) {
        if !sent {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a subscription is for: control, or a layer.
type Topic = (RoomId, Option<(Track, u8)>);
/// Stands for what every relay hears, with or without rooms.
const OWN: Topic = (RoomId([0; 16]), None);

struct Task {
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    subscriptions: BTreeMap<Topic, Vec<JoinHandle<()>>>,
}

impl Task {
    async fn run(
        mut self,
        url: String,
        id: String,
        instance: RelayInstance,
        mut commands: mpsc::Receiver<Command>,
        mut media: mpsc::Receiver<Message>,
    ) {
        let client = tokio::select! {
            client = self.connect(&url, &id) => client,
            // Commands pile up meanwhile, and are bounded; only the port's end matters here.
            () = self.port_is_gone() => return,
        };
        let own = [format!("nearcall.v1.relay.{instance}"), "nearcall.v1.relays".to_owned()];
        for subject in own {
            self.forward(&client, OWN, subject, move |payload| read_own(payload, instance)).await;
        }
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    None => break,
                    Some(Command::Subscribe(room, interest)) => self.subscribe(&client, room, interest).await,
                    Some(Command::Send(message)) => publish(&client, message).await,
                },
                message = media.recv() => match message {
                    None => break,
                    Some(message) => publish(&client, message).await,
                },
            }
        }
        self.subscriptions.values().flatten().for_each(JoinHandle::abort);
        // What was said last, that our members are gone, is worth a moment.
        let _ = tokio::time::timeout(RETRY, client.flush()).await;
    }

    async fn port_is_gone(&self) {
        self.events.closed().await;
    }

    async fn connect(&self, url: &str, id: &str) -> Client {
        loop {
            let (events, shared) = (self.events.clone(), self.shared.clone());
            let options = ConnectOptions::new()
                .name(format!("nearcall-relay {id}"))
                .no_echo()
                .ping_interval(PING)
                .retry_on_initial_connect()
                .reconnect_delay_callback(|attempts| RETRY.min(Duration::from_millis(50 * attempts as u64)))
                .event_callback(move |event| {
                    let (events, shared) = (events.clone(), shared.clone());
                    async move { tell(event, &events, &shared).await }
                });
            match options.connect(url).await {
                Ok(client) => return client,
                Err(error) => tracing::warn!(%error, "NATS cannot be used"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn subscribe(&mut self, client: &Client, room: RoomId, interest: Option<Interest>) {
        let layers = interest.into_iter().flat_map(Interest::iter).map(Some);
        let wanted: Vec<Topic> = interest.map(|_| None).into_iter().chain(layers).map(|layer| (room, layer)).collect();
        self.subscriptions.retain(|topic, tasks| {
            let keep = topic.0 != room || wanted.contains(topic);
            if !keep {
                tasks.iter().for_each(JoinHandle::abort);
            }
            keep
        });
        for topic in wanted {
            if !self.subscriptions.contains_key(&topic) {
                self.forward(client, topic, subject(topic), move |payload| read(topic, payload)).await;
            }
        }
    }

    /// Subscribes, and hands on what comes until the topic is dropped. Returns when the subscription is on its way, ahead of
    /// whatever is sent later.
    async fn forward(
        &mut self,
        client: &Client,
        topic: Topic,
        subject: String,
        read: impl Fn(Bytes) -> Option<Message> + Send + 'static,
    ) {
        let mut subscriber = match client.subscribe(subject).await {
            Ok(subscriber) => subscriber,
            Err(error) => return tracing::warn!(%error, "cannot subscribe"),
        };
        let (events, shared) = (self.events.clone(), self.shared.clone());
        let task = tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                let Some(message) = read(message.payload) else { continue };
                if events.try_send(Event::Message(message)).is_err() {
                    shared.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        self.subscriptions.entry(topic).or_default().push(task);
    }
}

async fn tell(event: NatsEvent, events: &mpsc::Sender<Event>, shared: &Shared) {
    let connected = match event {
        NatsEvent::Connected => true,
        NatsEvent::Disconnected | NatsEvent::Closed => false,
        NatsEvent::SlowConsumer(_) => {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        other => return tracing::debug!(event = %other, "NATS"),
    };
    shared.connected.store(connected, Ordering::Relaxed);
    let _ = events.send(Event::Connected(connected)).await;
}

async fn publish(client: &Client, message: Message) {
    let (subject, payload) = match message {
        Message::Audio { room, body } => (subject((room, Some((Track::Microphone, 0)))), body),
        Message::Video { room, frame } => {
            (subject((room, Some((frame.header.track, frame.header.layer.spatial)))), frame.bytes)
        }
        Message::Room { room, message } => (subject((room, None)), message.encode_to_vec().into()),
        Message::Direct { to, message } => (format!("nearcall.v1.relay.{to}"), message.encode_to_vec().into()),
        Message::Announce { entry } => match serde_json::to_vec(&entry) {
            Ok(json) => ("nearcall.v1.relays".to_owned(), json.into()),
            Err(error) => return tracing::warn!(%error, "the manifest entry cannot be written"),
        },
    };
    if let Err(error) = client.publish(subject, payload).await {
        tracing::debug!(%error, "not published");
    }
}

fn subject((room, layer): Topic) -> String {
    match layer {
        None => format!("nearcall.v1.{room}.ctl"),
        Some((track, _)) if track.is_audio() => format!("nearcall.v1.{room}.audio"),
        Some((track, spatial)) => format!("nearcall.v1.{room}.video.{}.{spatial}", track.name()),
    }
}

/// A message of a room. What cannot be read is skipped: another version may have written it.
fn read((room, layer): Topic, payload: Bytes) -> Option<Message> {
    match layer {
        None => Some(Message::Room { room, message: decode(payload).ok()? }),
        Some((track, _)) if track.is_audio() => {
            (payload.len() < limits::AUDIO_DATAGRAM_BYTES).then_some(Message::Audio { room, body: payload })
        }
        Some(_) => Some(Message::Video { room, frame: VideoFrame::from_bytes(payload).ok()? }),
    }
}

/// A message to this relay, or another relay's announcement.
fn read_own(payload: Bytes, instance: RelayInstance) -> Option<Message> {
    if payload.first() != Some(&b'{') {
        return Some(Message::Direct { to: instance, message: decode(payload).ok()? });
    }
    let entry: RelayEntry = (payload.len() <= ENTRY_BYTES).then(|| serde_json::from_slice(&payload).ok())??;
    Manifest::merge([Manifest { relays: vec![entry.clone()] }]).ok()?;
    Some(Message::Announce { entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_say_room_kind_and_layer() {
        let room = RoomId([0xab; 16]);
        let hex = "ab".repeat(16);
        assert_eq!(subject((room, None)), format!("nearcall.v1.{hex}.ctl"));
        assert_eq!(subject((room, Some((Track::Microphone, 0)))), format!("nearcall.v1.{hex}.audio"));
        assert_eq!(subject((room, Some((Track::Camera, 2)))), format!("nearcall.v1.{hex}.video.camera.2"));
    }

    #[test]
    fn what_cannot_be_read_is_skipped() {
        let room = RoomId([1; 16]);
        assert!(read((room, None), Bytes::from_static(&[0xff; 8])).is_none());
        assert!(read((room, Some((Track::Camera, 0))), Bytes::from_static(&[9; 40])).is_none());
        assert!(read_own(Bytes::from_static(b"{\"id\": 3}"), RelayInstance(1)).is_none());
    }
}
