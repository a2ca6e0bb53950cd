//! A session's two directions over one connection. The same type on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use super::figures::{Cargo, Figures, Lost, Way};
use super::outbox::Outbox;
use crate::clock;
use crate::proto::probe::{Probe, ProbeReply, RelayState};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{DecodeError, Kind, RelayInstance, SubgroupHead, Transport};

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

/// What a relay says in answer to probes. The read loop answers by itself.
#[derive(Debug)]
pub struct Responder {
    pub relay: String,
    pub instance: RelayInstance,
    /// Of all links of the relay.
    pub figures: Arc<Figures>,
    state: AtomicU8,
    load: AtomicU8,
}

impl Responder {
    /// A responder for the relay with this manifest id, which is ready.
    pub fn new(relay: String, instance: RelayInstance) -> Self {
        let state = AtomicU8::new(RelayState::Ready as u8);
        Self { relay, instance, figures: Arc::default(), state, load: AtomicU8::new(0) }
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
    responder: Option<Arc<Responder>>,
    figures: Arc<Figures>,
    quic: Option<Arc<wtransport::Connection>>,
    closed: AtomicBool,
    pub(super) closing: Notify,
    reason: std::sync::Mutex<Option<String>>,
}

impl Shared {
    /// The shared part, and the reader's end of the events.
    pub(super) fn new(
        transport: Transport,
        remote: SocketAddr,
        responder: Option<Arc<Responder>>,
        quic: Option<Arc<wtransport::Connection>>,
    ) -> (Arc<Self>, mpsc::Receiver<Incoming>) {
        let (events, incoming) = mpsc::channel(INCOMING);
        let figures = responder.as_ref().map(|responder| responder.figures.clone()).unwrap_or_default();
        let shared = Self {
            transport,
            remote,
            outbox: Outbox::new(figures.clone()),
            events,
            responder,
            figures,
            quic,
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            reason: std::sync::Mutex::new(None),
        };
        (Arc::new(shared), incoming)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
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
                if let Some(responder) = &self.responder {
                    let reply = responder.reply(Probe::from_body(&body)?, at);
                    self.figures.count(Way::In, Cargo::Probe, bytes.len());
                    self.figures.count(Way::Out, Cargo::Probe, reply.len());
                    self.send_urgent(reply);
                    self.figures.probes.since(at);
                    self.hand_over(Incoming::Probed);
                }
            }
            Ok(Kind::ProbeReply) => {
                self.hand_over(Incoming::ProbeReply { reply: ProbeReply::from_body(&body)?, at });
            }
            Ok(Kind::Audio) => {
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

    fn send_urgent(&self, message: Bytes) {
        match &self.quic {
            // A full buffer drops its oldest by itself; other errors close the connection, which is told elsewhere.
            Some(quic) => drop(quic.send_datagram(message)),
            None => self.outbox.push_urgent(message),
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
        self.shared.send_urgent(Bytes::copy_from_slice(&Probe { id }.to_bytes()));
    }

    /// Sends an audio datagram (whole, from `proto::datagram::encode`); the oldest unsent one makes room.
    pub fn audio(&self, datagram: Bytes) {
        self.shared.send_urgent(datagram);
    }

    /// Queues a video frame; bounded in time and bytes. When the queue gives up a subgroup, [`Incoming::Late`] says so.
    pub fn video(&self, frame: VideoFrame) {
        let late = self.shared.outbox.push_video(frame);
        self.shared.report_late(late);
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

    pub fn transport(&self) -> Transport {
        self.shared.transport
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        self.shared.remote
    }
}
