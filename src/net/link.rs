//! A session's two directions over one connection. The same type on both sides.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::proto::probe::{ProbeReply, RelayState};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{RelayInstance, SubgroupHead, Transport};

/// What comes in. Bodies are without their type byte; `at` is taken in the read loop.
#[derive(Debug)]
pub enum Incoming {
    /// Protobuf of a control message.
    Control(Bytes),
    /// An answer to one of our probes.
    ProbeReply {
        reply: ProbeReply,
        at: Instant,
    },
    /// An audio datagram's body: see `proto::datagram`.
    Audio {
        body: Bytes,
        at: Instant,
    },
    Video {
        frame: VideoFrame,
        at: Instant,
    },
    /// The peer gave up a subgroup (it reset the stream): what is missing of it will not come.
    SubgroupReset {
        head: SubgroupHead,
    },
    /// Our own outgoing queue gave up the rest of a subgroup because it was too old: a key frame is needed.
    Late {
        head: SubgroupHead,
    },
    /// The last event.
    Closed {
        reason: String,
    },
}

/// Why a link did not come about or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("{0}")]
    Address(String),
    #[error("no answer from {0}")]
    Timeout(String),
    #[error("{0}")]
    Handshake(String),
    #[error("the link is closed")]
    Closed,
    #[error("the peer does not read: {0} is full")]
    Overflow(&'static str),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What a relay says in answer to probes. The read loop answers by itself.
#[derive(Debug)]
pub struct Responder {
    pub relay: String,
    pub instance: RelayInstance,
    state: AtomicU8,
    load: AtomicU8,
}

impl Responder {
    pub fn new(relay: String, instance: RelayInstance) -> Self {
        Self { relay, instance, state: AtomicU8::new(RelayState::Ready as u8), load: AtomicU8::new(0) }
    }

    pub fn state(&self) -> RelayState {
        self.state.load(Ordering::Relaxed).into()
    }

    pub fn set_state(&self, state: RelayState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub fn set_load(&self, percent: u8) {
        self.load.store(percent.min(100), Ordering::Relaxed);
    }
}

/// A connection on which a session can run.
#[derive(Debug)]
pub struct Link {
    pub sender: LinkSender,
    pub incoming: mpsc::Receiver<Incoming>,
}

/// The sending half: cheap to clone, never waits.
#[derive(Debug, Clone)]
pub struct LinkSender {}

impl LinkSender {
    /// Queues a control message (protobuf).
    ///
    /// # Errors
    /// Closed; or the peer does not read and the queue is full, which closes the link.
    pub fn control(&self, message: Bytes) -> Result<(), LinkError> {
        todo!("{message:?}")
    }

    /// Sends a probe.
    pub fn probe(&self, id: u64) {
        todo!("{id}")
    }

    /// Sends an audio datagram (whole, from `proto::datagram::encode`); the oldest unsent one makes room.
    pub fn audio(&self, datagram: Bytes) {
        todo!("{datagram:?}")
    }

    /// Queues a video frame; bounded in time and bytes. When the queue gives up a subgroup, `Incoming::Late` says so.
    pub fn video(&self, frame: VideoFrame) {
        todo!("{frame:?}")
    }

    /// Closes the link; what is queued is not waited for.
    pub fn close(&self, reason: &str) {
        todo!("{reason}")
    }

    pub fn transport(&self) -> Transport {
        todo!()
    }

    pub fn remote(&self) -> SocketAddr {
        todo!()
    }
}
