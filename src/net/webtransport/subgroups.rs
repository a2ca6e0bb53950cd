//! Video on its way in: one task for each subgroup's stream. Used by `webtransport` alone.
//!
//! Bounded over all streams of a connection: flow control gives credit for what was read, and what was read of a frame that
//! never ends would be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quinn::VarInt;
use wtransport::{Connection, RecvStream};

use super::GIVEN_UP;
use crate::clock;
use crate::net::link::{Incoming, Shared};
use crate::proto::subgroup::FrameSplitter;
use crate::proto::{Kind, SubgroupHead, limits};
use crate::rate::Bucket;

/// Bytes of frames that a peer may have begun and not finished: far above a key frame of every layer of a call.
const UNFINISHED: usize = 4 * limits::VIDEO_FRAME_BYTES;

/// Streams a second that a relay takes, and at once: groups of some layers begin every second or so, for one sender a few dozen.
const STREAMS: (u32, u32) = (300, 1000);
/// How long the head of a stream may take behind its beginning.
const HEAD: Duration = Duration::from_secs(10);

/// A stream's share of what is unfinished on its connection.
struct Share {
    all: Arc<AtomicUsize>,
    own: usize,
}

impl Share {
    /// Counts bytes that came; how many are unfinished on the connection then.
    fn add(&mut self, bytes: usize) -> usize {
        self.own += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// A frame is whole.
    fn remove(&mut self, bytes: usize) {
        self.own -= bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

pub(super) async fn accept_subgroups(shared: Arc<Shared>, connection: Arc<Connection>) {
    let all = Arc::new(AtomicUsize::new(0));
    let mut allowance = Bucket::new(clock::now(), STREAMS.0, STREAMS.1);
    while let Ok(stream) = connection.accept_uni().await {
        if shared.is_at_relay() && !allowance.take(clock::now()) {
            shared.close("too many streams at a time");
            return;
        }
        let shared = shared.clone();
        let share = Share { all: all.clone(), own: 0 };
        tokio::spawn(async move {
            if let Err(error) = read_subgroup(&shared, stream, share).await {
                tracing::debug!(%error, "subgroup ended");
            }
        });
    }
}

async fn read_subgroup(shared: &Shared, mut stream: RecvStream, mut share: Share) -> anyhow::Result<()> {
    let mut head = [0; SubgroupHead::LEN];
    // A stream whose first bytes never come would keep its place.
    tokio::time::timeout(HEAD, stream.read_exact(&mut head)).await??;
    if head[0] != Kind::Subgroup as u8 {
        // A kind of a later version: not for us, and not an error.
        stream.stop(VarInt::from_u32(GIVEN_UP).into_inner().try_into()?);
        return Ok(());
    }
    let head = SubgroupHead::from_body(&head[1..])?;
    let mut splitter = FrameSplitter::default();
    loop {
        let chunk = match stream.quic_stream_mut().read_chunk(64 * 1024, true).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(()),
            Err(quinn::ReadError::Reset(_)) => {
                let _ = shared.events.send(Incoming::SubgroupReset { head }).await;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let unfinished = share.add(chunk.bytes.len());
        splitter.push(&chunk.bytes);
        while let Some(frame) = splitter.next_frame()? {
            let at = clock::now();
            share.remove(4 + frame.bytes.len());
            if shared.events.send(Incoming::Video { frame, at }).await.is_err() {
                return Ok(());
            }
        }
        if unfinished > UNFINISHED && share.own > 0 {
            shared.close("too many frames were begun and not finished");
            anyhow::bail!("{unfinished} bytes of unfinished frames");
        }
    }
}
