//! The bus over NATS: one message a frame, on subjects that say room, kind and layer (see [`subject`]).
//!
//! One task owns the connection and every subscription; it ends with its [`Port`]. What it must keep:
//!
//! * **Nobody waits for NATS.** A [`Port`] puts what is said into bounded queues, or drops and counts it. Which rooms and
//!   layers are wanted is not queued but noted: the last word counts, and none is lost however slow NATS is.
//! * **Nothing comes late.** While NATS is lost nothing is queued: what is said late is worth less than what is asked anew. What
//!   waited too long, here or on the way, is dropped: every message bears a [`super::stamp`].
//! * **A frame leaves at once.** The client writes as soon as its socket takes it; its own queue is short, so that what waits
//!   waits here, where its age is known.

mod connect;
mod subject;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

use self::subject::{Subjects, Topic};
use super::stamp::{self, Delays};
use super::stats::Counters;
use super::{Direction, Event, Kind, Message, RoomId, Stats};
use crate::clock;
use crate::proto::RelayInstance;
use crate::relay::router::Interest;

pub use self::connect::{NatsConfig, NatsError};

/// Media that may wait for the connection: a third of a second of a large room.
const MEDIA: usize = 1024;
/// The same in bytes: half a second at 100 Mbit/s, which is how long media is worth anything.
const MEDIA_BYTES: usize = 6 * 1024 * 1024;
/// Control messages that may wait.
const CONTROL: usize = 4096;
/// How long the last words of a relay that stops may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// One relay's place on NATS; leaves when dropped.
#[derive(Debug)]
pub struct Port {
    control: mpsc::Sender<Word>,
    media: mpsc::Sender<Queued>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
enum Word {
    Say(Queued),
    /// All that was said before is to be on its way.
    Flush(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Queued {
    message: Message,
    since: Instant,
}

/// What the port, its task and the subscriptions share.
#[derive(Debug)]
struct Shared {
    instance: RelayInstance,
    start: Instant,
    counters: Counters,
    /// Bytes of media in the queue.
    waiting: AtomicUsize,
    /// What is wanted anew of rooms, since the task last looked.
    wanted: Mutex<BTreeMap<RoomId, Option<Interest>>>,
    news: Notify,
    /// The server asks us to leave it.
    leave: Notify,
    delays: Mutex<Delays>,
}

impl Port {
    /// Starts to connect, and goes on trying for as long as the port lives.
    pub(super) fn open(config: &NatsConfig, id: &str, instance: RelayInstance, events: mpsc::Sender<Event>) -> Self {
        let (control, words) = mpsc::channel(CONTROL);
        let (media, frames) = mpsc::channel(MEDIA);
        let shared = Arc::new(Shared {
            instance,
            start: clock::now(),
            counters: Counters::default(),
            waiting: AtomicUsize::new(0),
            wanted: Mutex::default(),
            news: Notify::new(),
            leave: Notify::new(),
            delays: Mutex::default(),
        });
        let (task_shared, config, id) = (shared.clone(), config.clone(), id.to_owned());
        tokio::spawn(async move {
            // What is said meanwhile is bounded; only the port's end matters here.
            let client = tokio::select! {
                client = connect::connect(&config, &id, &task_shared, &events) => client,
                () = events.closed() => return,
            };
            let subscriptions = BTreeMap::new();
            Task { client, events, shared: task_shared, subscriptions, subjects: Subjects::default() }
                .run(words, frames)
                .await;
        });
        Self { control, media, shared }
    }

    pub(super) fn subscribe(&self, room: RoomId, interest: Option<Interest>) {
        self.shared.wanted.lock().expect("nobody panics while holding the wishes").insert(room, interest);
        self.shared.news.notify_one();
    }

    pub(super) fn send(&self, message: Message) {
        let (kind, bytes) = (message.kind(), subject::media_bytes(&message));
        if !self.shared.counters.is_connected() || self.shared.waiting.load(Ordering::Relaxed) + bytes > MEDIA_BYTES {
            return self.shared.counters.dropped(Direction::Out, kind);
        }
        // Counted before it can be taken out.
        self.shared.waiting.fetch_add(bytes, Ordering::Relaxed);
        let queued = Queued { message, since: clock::now() };
        let sent = match queued.message.is_media() {
            true => self.media.try_send(queued).is_ok(),
            false => self.control.try_send(Word::Say(queued)).is_ok(),
        };
        if !sent {
            self.shared.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.counters.dropped(Direction::Out, kind);
        }
    }

    /// Waits until what was said is on its way, for a moment at most.
    pub(super) async fn flush(&self) {
        let (done, told) = oneshot::channel();
        if self.shared.counters.is_connected() && self.control.try_send(Word::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(GOODBYE, told).await;
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.counters.read()
    }
}

impl Shared {
    fn since_start_ms(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_millis() as u64
    }

    /// What came, if it is another relay's, can be read and was not held up.
    fn read(&self, topic: Topic, payload: Bytes) -> Option<Message> {
        let (now, bytes) = (clock::now(), payload.len());
        let (payload, from, at_ms) = stamp::split(payload)?;
        // From before we changed servers: a server knows only its own clients' echo.
        if from == self.instance {
            return None;
        }
        let message = subject::read(topic, payload, self.instance)?;
        let (kind, patience) = (message.kind(), message.patience());
        let mut delays = self.delays.lock().expect("nobody panics while holding the delays");
        if delays.excess(now, self.since_start_ms(now), from, at_ms, patience) > patience {
            self.counters.stale(Direction::In, kind);
            return None;
        }
        self.counters.passed(Direction::In, kind, bytes);
        Some(message)
    }
}

struct Task {
    client: Client,
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    subscriptions: BTreeMap<RoomId, BTreeMap<Topic, Subscription>>,
    subjects: Subjects,
}

/// Hands on what comes until it is dropped.
struct Subscription(JoinHandle<()>);

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Task {
    async fn run(mut self, mut control: mpsc::Receiver<Word>, mut media: mpsc::Receiver<Queued>) {
        let shared = self.shared.clone();
        let own = [Topic::Own, Topic::Relays];
        let mut kept = Vec::new();
        for topic in own {
            kept.extend(self.forward(topic).await);
        }
        loop {
            tokio::select! {
                biased;
                () = shared.leave.notified() => {
                    tracing::info!("the NATS server is going away: moving to another");
                    let _ = self.client.force_reconnect().await;
                }
                () = shared.news.notified() => self.subscribe().await,
                word = control.recv() => match word {
                    None => break,
                    Some(Word::Flush(done)) => {
                        let _ = tokio::time::timeout(GOODBYE, self.client.flush()).await;
                        let _ = done.send(());
                    }
                    Some(Word::Say(queued)) => {
                        // What is wanted was noted before this was said, and is known before this is heard.
                        self.subscribe().await;
                        self.publish(queued).await;
                    }
                },
                queued = media.recv() => match queued {
                    None => break,
                    Some(queued) => self.publish(queued).await,
                },
            }
        }
        // What was said last, that our members are gone, is worth a moment.
        let _ = tokio::time::timeout(GOODBYE, self.client.flush()).await;
    }

    async fn subscribe(&mut self) {
        let wanted = std::mem::take(&mut *self.shared.wanted.lock().expect("nobody panics while holding the wishes"));
        for (room, interest) in wanted {
            let Some(interest) = interest else {
                self.subscriptions.remove(&room);
                continue;
            };
            let layers = interest.iter().map(|(track, spatial)| Topic::layer(room, track, spatial));
            let topics: Vec<_> = std::iter::once(Topic::Control(room)).chain(layers).collect();
            self.subscriptions.entry(room).or_default().retain(|topic, _| topics.contains(topic));
            for topic in topics {
                if self.subscriptions.get(&room).is_some_and(|have| have.contains_key(&topic)) {
                    continue;
                }
                if let Some(subscription) = self.forward(topic).await {
                    self.subscriptions.entry(room).or_default().insert(topic, subscription);
                }
            }
        }
    }

    /// Subscribes, and hands on what comes. Returns when the subscription is on its way, ahead of whatever is sent later. What
    /// comes on one subject stays in order; subjects do not wait for one another.
    async fn forward(&self, topic: Topic) -> Option<Subscription> {
        let mut subscriber = match self.client.subscribe(subject::write(topic, self.shared.instance)).await {
            Ok(subscriber) => subscriber,
            Err(error) => {
                tracing::warn!(%error, "cannot subscribe");
                return None;
            }
        };
        let (events, shared) = (self.events.clone(), self.shared.clone());
        Some(Subscription(tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                let Some(message) = shared.read(topic, message.payload) else { continue };
                let kind = message.kind();
                if events.try_send(Event::Message(message)).is_err() {
                    shared.counters.dropped(Direction::In, kind);
                }
            }
        })))
    }

    /// Publishes what is still worth it. Waits while the socket is full, and no longer than that worth lasts.
    async fn publish(&mut self, queued: Queued) {
        let Queued { message, since } = queued;
        let (kind, patience) = (message.kind(), message.patience());
        self.shared.waiting.fetch_sub(subject::media_bytes(&message), Ordering::Relaxed);
        let now = clock::now();
        let left = patience.saturating_sub(now.saturating_duration_since(since));
        if left.is_zero() {
            return self.shared.counters.stale(Direction::Out, kind);
        }
        let Some((subject, payload)) = self.subjects.write(&message) else { return };
        let stamped = stamp::stamp(&payload, self.shared.instance, self.shared.since_start_ms(since));
        let bytes = stamped.len();
        match tokio::time::timeout(left, self.client.publish(subject, stamped)).await {
            Ok(Ok(())) => self.shared.counters.passed(Direction::Out, kind, bytes),
            Ok(Err(error)) => {
                tracing::debug!(%error, kind = kind.name(), "not published");
                self.shared.counters.dropped(Direction::Out, kind);
            }
            Err(_) => self.shared.counters.stale(Direction::Out, kind),
        }
    }
}

/// What came is counted as it is read; this is what did not fit the client's own queue.
fn slow_consumer(shared: &Shared) {
    shared.counters.dropped(Direction::In, Kind::Video);
}
