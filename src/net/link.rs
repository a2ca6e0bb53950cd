//! A session's two directions over one connection. The same type on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use super::figures::{Cargo, Figures, Lost, Way};
use super::outbox::Outbox;
use super::webtransport::Writer;
use crate::clock;
use crate::proto::probe::{Probe, ProbeReply, RelayState};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{DecodeError, Kind, RelayInstance, SubgroupHead, Transport};
use crate::rate::{Bucket, Feed};

/// Events that may wait for the reader: a second of a large call.
const INCOMING: usize = 1024;

/// What comes in. Bodies are without their type byte; `at` is taken in the read loop.
#[derive(Debug)]
pub enum Incoming {
    /// Protobuf of a control message.
    Control(Bytes),
    /// An answer to one of our probes.
    ProbeReply { reply: ProbeReply, at: Instant },
    /// A probe was answered. Tells a relay that the peer is alive.
    Probed,
    /// An audio datagram's body: see `proto::datagram`.
    Audio { body: Bytes, at: Instant },
    /// A video frame.
    Video { frame: VideoFrame, at: Instant },
    /// The peer gave up a subgroup (it reset the stream): what is missing of it will not come.
    SubgroupReset { head: SubgroupHead },
    /// Our own outgoing queue gave up the rest of a subgroup because it was too old: a key frame is needed.
    Late { head: SubgroupHead },
    /// The last event.
    Closed { reason: String },
}

/// Why a link did not come about or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{0}")]
    Address(String),
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    #[error("{0}")]
    Handshake(String),
    #[error("the link is closed")]
    Closed,
    #[error("the peer does not read: {0} is full")]
    Overflow(&'static str),
    #[error(transparent)]
    Tls(#[from] super::tls::TlsError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How a path keeps up with what it is given to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pressure {
    /// Age of the oldest video frame that the transport has not taken yet; zero where none waits.
    pub waiting: Duration,
    /// What the path was seen to carry of video while more waited, bits a second, in the last four seconds. `None` where it was
    /// not put to the test.
    pub rate_bps: Option<u64>,
    /// How long packets stand in the queue of the path, as acknowledgements tell; and what it delivered then, bits a second.
    pub queue: Duration,
    pub delivered_bps: Option<u64>,
}

/// What a relay says in answer to probes. The read loop answers by itself.
#[derive(Debug)]
pub struct Responder {
    pub relay: String,
    pub instance: RelayInstance,
    /// Of all links of the relay.
    pub figures: Arc<Figures>,
    started: Instant,
    state: AtomicU8,
    load: AtomicU8,
}

/// How many probes are answered, for some links together.
#[derive(Debug)]
pub struct Allowance(std::sync::Mutex<Bucket>);

impl Allowance {
    pub fn new(bucket: Bucket) -> Self {
        Self(std::sync::Mutex::new(bucket))
    }

    fn take(&self, now: Instant) -> bool {
        self.0.lock().expect("nobody panics while holding the allowance").take(now)
    }
}

/// Answers the probes of a link: a relay's responder, within what is allowed where the link comes from.
#[derive(Debug, Clone)]
pub struct Answers {
    pub responder: Arc<Responder>,
    /// `None`: every probe is answered.
    pub allowance: Option<Arc<Allowance>>,
}

impl From<Arc<Responder>> for Answers {
    fn from(responder: Arc<Responder>) -> Self {
        Self { responder, allowance: None }
    }
}

impl Answers {
    fn reply(&self, probe: Probe, since: Instant) -> Option<Bytes> {
        let allowed = self.allowance.as_ref().is_none_or(|allowance| allowance.take(since));
        allowed.then(|| self.responder.reply(probe, since))
    }
}

impl Responder {
    /// A responder for the relay with this manifest id, which is ready.
    pub fn new(relay: String, instance: RelayInstance) -> Self {
        let state = AtomicU8::new(RelayState::Ready as u8);
        Self { relay, instance, figures: Arc::default(), started: clock::now(), state, load: AtomicU8::new(0) }
    }

    pub fn state(&self) -> RelayState {
        self.state.load(Ordering::Relaxed).into()
    }

    pub fn set_state(&self, state: RelayState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// Load, 0-100 %.
    pub fn set_load(&self, percent: u8) {
        self.load.store(percent.min(100), Ordering::Relaxed);
    }

    fn reply(&self, probe: Probe, since: Instant) -> Bytes {
        let spent = clock::now().saturating_duration_since(since).as_micros();
        ProbeReply {
            id: probe.id,
            instance: self.instance,
            state: self.state(),
            load_percent: self.load.load(Ordering::Relaxed),
            spent_us: spent.try_into().unwrap_or(u32::MAX),
            relay: self.relay.clone(),
            at_us: u64::try_from(since.saturating_duration_since(self.started).as_micros()).ok(),
        }
        .to_bytes()
        .into()
    }
}

/// A connection on which a session can run.
#[derive(Debug)]
pub struct Link {
    pub sender: LinkSender,
    pub incoming: mpsc::Receiver<Incoming>,
    /// What the way said of itself when it was dialled.
    pub hop: Option<super::Hop>,
}

/// The sending half: cheap to clone, never waits. The connection closes when the last clone is gone.
#[derive(Debug, Clone)]
pub struct LinkSender {
    shared: Arc<CloseOnDrop>,
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close("hung up");
    }
}

impl std::ops::Deref for CloseOnDrop {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What the tasks of a link have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) outbox: Outbox,
    pub(super) events: mpsc::Sender<Incoming>,
    answers: Option<Answers>,
    figures: Arc<Figures>,
    /// Of a transport that has no acknowledgements: what it took.
    pub(super) taken: Arc<Feed>,
    quic: Option<Arc<wtransport::Connection>>,
    pub(super) writer: Option<Writer>,
    closed: AtomicBool,
    pub(super) closing: Notify,
    reason: std::sync::Mutex<Option<String>>,
}

impl Shared {
    /// The shared part, and the reader's end of the events.
    pub(super) fn new(
        transport: Transport,
        remote: SocketAddr,
        answers: Option<Answers>,
        quic: Option<Arc<wtransport::Connection>>,
        writer: Option<Writer>,
    ) -> (Arc<Self>, mpsc::Receiver<Incoming>) {
        let (events, incoming) = mpsc::channel(INCOMING);
        let figures = answers.as_ref().map(|answers| answers.responder.figures.clone()).unwrap_or_default();
        let shared = Self {
            transport,
            remote,
            outbox: Outbox::new(figures.clone()),
            events,
            answers,
            figures,
            taken: Arc::default(),
            quic,
            writer,
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            reason: std::sync::Mutex::new(None),
        };
        (Arc::new(shared), incoming)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The peer is a stranger to a relay: what it sends is limited.
    pub(super) fn is_at_relay(&self) -> bool {
        self.answers.is_some()
    }

    /// Ends the link; the first reason given is the one that is told.
    pub(super) fn close(&self, reason: &str) {
        let mut first = self.reason.lock().expect("nobody panics while holding the reason");
        first.get_or_insert_with(|| reason.to_owned());
        drop(first);
        self.closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        self.closing.notify_one();
        if let Some(quic) = &self.quic {
            quic.close(0u32.into(), reason.as_bytes());
        }
    }

    /// Why the link ended.
    pub(super) fn reason(&self) -> String {
        self.reason.lock().expect("nobody panics while holding the reason").clone().unwrap_or_default()
    }

    /// Resolves once the link is closed.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            let closing = self.closing.notified();
            if self.is_closed() {
                return;
            }
            closing.await;
        }
    }

    /// Takes in a datagram, or a WebSocket message that is one. Never waits: what the reader has no room for is lost.
    pub(super) fn take_datagram(&self, bytes: &Bytes) -> Result<(), DecodeError> {
        let at = clock::now();
        let Some(kind) = bytes.first() else {
            return Err(DecodeError::Short { what: "datagram", need: 1, have: 0 });
        };
        let body = bytes.slice(1..);
        match Kind::try_from(*kind) {
            Ok(Kind::Probe) => {
                if let Some(answers) = &self.answers {
                    self.figures.count(Way::In, Cargo::Probe, bytes.len());
                    if let Some(reply) = answers.reply(Probe::from_body(&body)?, at) {
                        self.figures.count(Way::Out, Cargo::Probe, reply.len());
                        self.send_urgent(&reply);
                        self.figures.probes.since(at);
                    }
                    self.hand_over(Incoming::Probed);
                }
            }
            Ok(Kind::ProbeReply) => {
                self.hand_over(Incoming::ProbeReply { reply: ProbeReply::from_body(&body)?, at });
            }
            Ok(Kind::Audio) => {
                // A copy: what waits for the reader must not keep the buffer alive that many datagrams came in.
                let body = Bytes::copy_from_slice(&body);
                self.hand_over(Incoming::Audio { body, at });
            }
            // Other kinds do not come as datagrams; later versions may send what we do not know.
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// What the reader has no room for is lost, and counted.
    fn hand_over(&self, event: Incoming) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            self.figures.lose(Lost::Unread);
        }
    }

    /// Says that subgroups were given up on the way out.
    pub(super) fn report_late(&self, late: Vec<SubgroupHead>) {
        for head in late {
            self.figures.lose(Lost::LateSubgroup);
            let _ = self.events.try_send(Incoming::Late { head });
        }
    }

    fn send_urgent(&self, message: &[u8]) {
        self.send_framed([&[0], message].concat().into());
    }

    /// Sends a datagram with a byte of room in front, which is 0.
    fn send_framed(&self, framed: Bytes) {
        match &self.writer {
            Some(writer) => writer.datagram(&self.outbox, framed),
            None => self.outbox.push_urgent(framed.slice(1..)),
        }
    }
}

impl LinkSender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared: Arc::new(CloseOnDrop(shared)) }
    }

    /// Queues a control message (protobuf).
    ///
    /// # Errors
    /// Closed; or the peer does not read and the queue is full, which closes the link.
    pub fn control(&self, message: Bytes) -> Result<(), LinkError> {
        if self.shared.is_closed() {
            return Err(LinkError::Closed);
        }
        self.shared.figures.count(Way::Out, Cargo::Control, message.len());
        if self.shared.outbox.push_control(message) {
            return Ok(());
        }
        let error = LinkError::Overflow("the queue of control messages");
        self.shared.close(&error.to_string());
        Err(error)
    }

    /// Sends a probe.
    pub fn probe(&self, id: u64) {
        self.shared.send_urgent(&Probe { id }.to_bytes());
    }

    /// Sends an audio datagram (whole, from `proto::datagram::encode`); the oldest unsent one makes room.
    pub fn audio(&self, datagram: Bytes) {
        self.shared.send_urgent(&datagram);
    }

    /// The same for a datagram that goes to many: with a byte 0 in front, where a transport may need one, so that all share it.
    pub fn audio_framed(&self, framed: Bytes) {
        self.shared.send_framed(framed);
    }

    /// Queues a video frame; bounded in time and bytes. When the queue gives up a subgroup, [`Incoming::Late`] says so.
    pub fn video(&self, frame: VideoFrame) {
        match &self.shared.writer {
            Some(writer) => writer.video(&self.shared, frame),
            None => {
                let late = self.shared.outbox.push_video(frame);
                self.shared.report_late(late);
            }
        }
    }

    /// Closes the link; what is queued is not waited for.
    pub fn close(&self, reason: &str) {
        self.shared.close(reason);
    }

    /// Closes the link once the control messages that are queued have been handed to the transport, or after a second.
    pub async fn close_gracefully(&self, reason: &str) {
        let flushed = async {
            while !self.shared.is_closed() && !self.shared.outbox.control_is_flushed() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), flushed).await;
        if let Some(quic) = &self.shared.quic {
            // One more round trip for what is in flight: closing QUIC discards it.
            tokio::time::sleep((quic.rtt() * 3 / 2).min(std::time::Duration::from_millis(500))).await;
        }
        self.shared.close(reason);
    }

    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// How the path keeps up.
    pub fn pressure(&self) -> Pressure {
        let standing = self.shared.writer.as_ref().and_then(|writer| writer.standing(clock::now()));
        Pressure {
            queue: standing.map_or(Duration::ZERO, |standing| standing.queue),
            delivered_bps: standing.map(|standing| standing.delivered_bps),
            ..self.shared.outbox.pressure()
        }
    }

    /// What happens to packets on the way to the peer: acknowledgements and losses of QUIC, what TCP took of a WebSocket. To be asked
    /// for again each time: a path that changed has another one. `None` where that is not known.
    pub fn feed(&self) -> Option<Arc<Feed>> {
        match &self.shared.quic {
            Some(quic) => super::congestion::feed(quic.quic_connection()),
            None => Some(self.shared.taken.clone()),
        }
    }

    pub fn transport(&self) -> Transport {
        self.shared.transport
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        self.shared.remote
    }
}
