//! All that goes out over a QUIC connection: control, datagrams, a stream for each subgroup. Used by `webtransport` and `net::link`.
//!
//! Whoever sends writes at once where nothing waits, without waking anybody. What the connection does not take waits in the outbox,
//! where it is bounded in time, and [`run`] writes it when it can. So that nothing waits where it can no longer be dropped, streams
//! may hold as much as the congestion window lets through.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use quinn::{SendStream, WriteError};
use wtransport::Connection;

use super::GIVEN_UP;
use crate::clock;
use crate::net::congestion::{self, Gauge};
use crate::net::link::Shared;
use crate::net::outbox::{Direct, MAX_AGE, Outbox};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{Kind, Layer, ParticipantId, SubgroupHead, Track, limits};
use crate::rate::Standing;

/// Between two attempts where no acknowledgement wakes the writer: for datagrams, stream credit and lateness.
const RETRY: Duration = Duration::from_millis(20);
/// Streams may hold so much of the window more: what was lost is not on its way, and counts until it has arrived.
const AGAIN_SHARE: u64 = 8;
/// The type of a WebTransport stream (draft-ietf-webtrans-http3 section 4.2).
const STREAM_TYPE: u32 = 0x54;

/// Streams that are kept for what goes on: half of what a peer allows, for it counts those that ended until it has read them.
const OPEN: usize = limits::SUBGROUPS as usize / 2;

/// What a stream is kept for: one of each is open at a time.
type LayerKey = (ParticipantId, Track, Layer);

/// The sending side of one connection.
#[derive(Debug)]
pub(in crate::net) struct Writer {
    quic: quinn::Connection,
    /// In front of each datagram: the session's number by four (RFC 9297 section 2.1).
    datagram_head: Bytes,
    /// In front of each stream: its type and the session's number.
    stream_head: Bytes,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    control: Option<wtransport::SendStream>,
    /// The rest of the control message that is being written.
    message: [Bytes; 2],
    open: BTreeMap<LayerKey, Open>,
    /// The frame that is being written.
    pending: Option<Pending>,
    /// Where the congestion window can be read, and the send window that follows it.
    gauge: Option<Arc<Gauge>>,
    send_window: u64,
}

#[derive(Debug)]
struct Open {
    head: SubgroupHead,
    stream: SendStream,
    used: Instant,
}

#[derive(Debug)]
struct Pending {
    since: Instant,
    head: SubgroupHead,
    /// The whole frame, for what was carried.
    bytes: usize,
    rest: [Bytes; 3],
}

impl Writer {
    pub(super) fn new(connection: &Connection) -> Self {
        let session = connection.session_id().into_u64();
        let mut stream_head = varint(STREAM_TYPE.into());
        stream_head.extend_from_slice(&varint(session));
        Self {
            quic: connection.quic_connection().clone(),
            datagram_head: varint(session / 4).into(),
            stream_head: stream_head.into(),
            state: Mutex::default(),
        }
    }

    /// Control messages go out on this stream.
    pub(super) fn set_control(&self, outbox: &Outbox, stream: wtransport::SendStream) {
        stream.set_priority(i32::MAX);
        let mut state = self.lock();
        state.message[0] = Bytes::from_static(&[Kind::Control as u8]);
        state.control = Some(stream);
        outbox.ready.notify_one();
    }

    /// Sends a datagram that has a byte of room in front, or queues it.
    pub(in crate::net) fn datagram(&self, outbox: &Outbox, framed: Bytes) {
        if outbox.holds_urgent() || self.send_datagram(&framed).is_pending() {
            outbox.push_urgent(framed.slice(1..));
        }
    }

    /// The byte in front is this session's number in the common case, where the memory is shared by all receivers.
    fn send_datagram(&self, framed: &Bytes) -> Poll<()> {
        let whole = if self.datagram_head[..] == framed[..1] {
            framed.clone()
        } else {
            let mut whole = BytesMut::with_capacity(self.datagram_head.len() + framed.len() - 1);
            whole.put_slice(&self.datagram_head);
            whole.put_slice(&framed[1..]);
            whole.freeze()
        };
        let sending = pin!(self.quic.send_datagram_wait(whole));
        // An error closes the connection, which is told elsewhere, or it is too long for this path, as if it were lost.
        let mut nobody = Context::from_waker(Waker::noop());
        std::future::Future::poll(sending, &mut nobody).map(drop)
    }

    /// Writes a frame, or queues what cannot be written now.
    pub(in crate::net) fn video(&self, shared: &Shared, frame: VideoFrame) {
        let mut state = self.lock();
        let direct = if state.pending.is_some() { Direct::Queue } else { shared.outbox.direct(&frame) };
        match direct {
            Direct::Drop => {}
            Direct::Queue => {
                let late = shared.outbox.push_video(frame);
                for head in &late {
                    if state.pending.as_ref().is_some_and(|pending| pending.head == *head) {
                        state.pending = None;
                        shared.outbox.video_written(0);
                    }
                    reset(&mut state.open, head);
                }
                drop(state);
                shared.report_late(late);
            }
            Direct::Write => {
                let now = clock::now();
                self.begin(&mut state, now, frame);
                let mut nobody = Context::from_waker(Waker::noop());
                if self.go_on(&mut state, &mut nobody).is_pending() {
                    shared.outbox.video_waits(now);
                    shared.outbox.ready.notify_one();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the streams")
    }

    fn begin(&self, state: &mut State, since: Instant, frame: VideoFrame) {
        let head = SubgroupHead::of(&frame.header);
        let key = key_of(&head);
        let mut first = Bytes::new();
        if state.open.get(&key).is_none_or(|open| open.head != head) {
            // Who left and what is not wanted any more ends with nothing that says so.
            let idle = || state.open.iter().min_by_key(|(_, open)| open.used).map(|(key, _)| *key);
            let over = if state.open.len() < OPEN || state.open.contains_key(&key) { Some(key) } else { idle() };
            if let Some(mut before) = over.and_then(|key| state.open.remove(&key)) {
                let _ = before.stream.finish();
            }
            first = [&self.stream_head[..], &head.to_bytes()].concat().into();
            state.gauge = congestion::gauge(&self.quic);
        }
        self.follow_window(state);
        let [length, body] = frame.framed();
        state.pending = Some(Pending { since, head, bytes: frame.bytes.len(), rest: [first, length, body] });
    }

    /// What stands in the path's queue, and what the path delivers; `None` before a picture was sent, and where nothing is known.
    pub(in crate::net) fn standing(&self, now: Instant) -> Option<Standing> {
        self.lock().gauge.as_ref()?.standing(now)
    }

    /// Streams hold what the window lets through and hardly more: the rest waits where it can be dropped, and sound finds the room that
    /// QUIC's own window has beyond.
    fn follow_window(&self, state: &mut State) {
        let Some(gauge) = &state.gauge else { return };
        let window = gauge.window();
        let wanted = window + window / AGAIN_SHARE;
        if wanted.abs_diff(state.send_window) > state.send_window / 8 {
            state.send_window = wanted;
            self.quic.set_send_window(wanted);
        }
    }

    /// Writes on at the pending frame. Ready when it is written, or its stream is wanted no more.
    fn go_on(&self, state: &mut State, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pending) = &mut state.pending else { return Poll::Ready(()) };
        let key = key_of(&pending.head);
        if state.open.get(&key).is_none_or(|open| open.head != pending.head) {
            let opening = pin!(self.quic.open_uni());
            let Poll::Ready(opened) = std::future::Future::poll(opening, cx) else { return Poll::Pending };
            // Only a connection that ended opens none.
            let Ok(stream) = opened else {
                state.pending = None;
                return Poll::Ready(());
            };
            let _ = stream.set_priority(priority(&pending.head));
            state.open.insert(key, Open { head: pending.head, stream, used: pending.since });
        }
        let Some(open) = state.open.get_mut(&key) else { return Poll::Ready(()) };
        open.used = pending.since;
        match write(&mut open.stream, &mut pending.rest, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                // The peer stopped the stream: it wants no more of this subgroup.
                tracing::debug!(%error, "subgroup cannot be written");
                state.open.remove(&key);
            }
        }
        state.pending = None;
        Poll::Ready(())
    }

    /// Writes what waits, in order of priority. True if something is left that the connection does not take now.
    fn drive(&self, shared: &Shared, cx: &mut Context<'_>) -> Result<bool, WriteError> {
        let mut state = self.lock();
        if drive_control(&mut state, &shared.outbox, cx)?.is_pending() {
            return Ok(true);
        }
        let mut blocked = false;
        while let Some((since, message)) = shared.outbox.pop_urgent() {
            let framed = [&[0][..], &message].concat().into();
            if self.send_datagram(&framed).is_pending() {
                shared.outbox.unpop_urgent(since, message);
                blocked = true;
                break;
            }
        }
        loop {
            if state.pending.is_none() {
                let (frame, late) = shared.outbox.pop_video();
                late.iter().for_each(|head| reset(&mut state.open, head));
                shared.report_late(late);
                let Some((since, frame)) = frame else { return Ok(blocked) };
                self.begin(&mut state, since, frame);
            }
            let Some(pending) = &state.pending else { return Ok(blocked) };
            let (since, head, bytes) = (pending.since, pending.head, pending.bytes);
            if clock::now().saturating_duration_since(since) > MAX_AGE {
                state.pending = None;
                reset(&mut state.open, &head);
                shared.outbox.video_written(0);
                shared.outbox.give_up(head);
                shared.report_late(vec![head]);
                continue;
            }
            if self.go_on(&mut state, cx).is_pending() {
                self.follow_window(&mut state);
                return Ok(true);
            }
            shared.outbox.video_written(bytes);
        }
    }
}

/// Writes what could not be written at once, until the link is closed.
pub(super) async fn run(shared: Arc<Shared>) {
    let Some(writer) = &shared.writer else { return };
    while !shared.is_closed() {
        let mut news = pin!(async {
            tokio::select! {
                () = shared.outbox.ready.notified() => {}
                () = shared.closed() => {}
            }
        });
        let mut retry: Option<Pin<Box<tokio::time::Sleep>>> = None;
        let driven = std::future::poll_fn(|cx| {
            let blocked = match writer.drive(&shared, cx) {
                Ok(blocked) => blocked,
                Err(error) => return Poll::Ready(Err(error)),
            };
            if blocked {
                let retry = retry.get_or_insert_with(|| Box::pin(tokio::time::sleep(RETRY)));
                if retry.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
            }
            news.as_mut().poll(cx).map(Ok)
        });
        if let Err(error) = driven.await {
            // A stream that ends with its connection does not know why; the connection does, and tells it itself.
            if writer.quic.close_reason().is_none() {
                shared.close(&format!("control stream: {error}"));
            }
            return;
        }
    }
}

fn drive_control(state: &mut State, outbox: &Outbox, cx: &mut Context<'_>) -> Result<Poll<()>, WriteError> {
    let State { control: Some(stream), message, .. } = state else { return Ok(Poll::Ready(())) };
    loop {
        // The kind alone is no message.
        let counts = !message[1].is_empty();
        match write(stream.quic_stream_mut(), message, cx) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(written) => written?,
        }
        if counts {
            outbox.control_written();
        }
        let Some(next) = outbox.pop_control() else { return Ok(Poll::Ready(())) };
        *message = [Bytes::copy_from_slice(&(next.len() as u32).to_be_bytes()), next];
    }
}

/// Writes as much as the stream takes; ready when nothing is left.
fn write(stream: &mut SendStream, rest: &mut [Bytes], cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
    loop {
        let Some(from) = rest.iter().position(|chunk| !chunk.is_empty()) else { return Poll::Ready(Ok(())) };
        let writing = pin!(stream.write_chunks(&mut rest[from..]));
        match std::future::Future::poll(writing, cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(_)) => {}
        }
    }
}

fn key_of(head: &SubgroupHead) -> LayerKey {
    (head.participant, head.track, head.layer)
}

/// Small before large, base layers before those that refer to them.
fn priority(head: &SubgroupHead) -> i32 {
    100 - 10 * i32::from(head.layer.spatial) - i32::from(head.layer.temporal)
}

fn reset(open: &mut BTreeMap<LayerKey, Open>, head: &SubgroupHead) {
    let key = key_of(head);
    if open.get(&key).is_some_and(|open| open.head == *head)
        && let Some(mut open) = open.remove(&key)
    {
        // Dropped without this, the stream would end as if it were whole.
        let _ = open.stream.reset(GIVEN_UP.into());
    }
}

/// RFC 9000 section 16.
fn varint(value: u64) -> Vec<u8> {
    match value {
        0..0x40 => vec![value as u8],
        0x40..0x4000 => (value as u16 | 0x4000).to_be_bytes().into(),
        0x4000..0x4000_0000 => (value as u32 | 0x8000_0000).to_be_bytes().into(),
        _ => (value | 0xc000_0000_0000_0000).to_be_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_lengths_of_quic() {
        // RFC 9000 appendix A.1.
        assert_eq!(varint(37), [0x25]);
        assert_eq!(varint(15_293), [0x7b, 0xbd]);
        assert_eq!(varint(494_878_333), [0x9d, 0x7f, 0x3e, 0x7d]);
        assert_eq!(varint(151_288_809_941_952_652), [0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]);
    }
}
