//! A sender: 30 frames a second of 6,000 bytes, 40,000 every 60th, and 50 audio packets a second of 120 bytes.

use std::time::Duration;

use bytes::Bytes;
use nearcall::clock;
use nearcall::net::LinkSender;
use nearcall::proto::datagram::{self, AudioPacket};
use nearcall::proto::subgroup::VideoFrame;
use nearcall::proto::{Layer, MediaHeader, ParticipantId, SubgroupHead, Track};
use tokio::sync::watch;

use super::measure::now_us;

const FRAMES_PER_SECOND: u32 = 30;
const GROUP: u32 = 60;
const FRAME: usize = 6_000;
const KEY_FRAME: usize = 40_000;
const PACKETS_PER_SECOND: u32 = 50;
const PACKET: usize = 120;

/// Where a sender's media goes.
pub enum Way {
    Link(LinkSender),
    /// The plain copy: its connection, and the stream of the current group.
    Quinn(quinn::Connection, Option<quinn::SendStream>),
}

/// Numbers of what was sent so far, audio and video.
pub type Sent = watch::Sender<(u32, u32)>;

/// Sends until it is aborted.
pub async fn publish(mut way: Way, id: u64, phase: Duration, audio_only: bool, sent: Sent) {
    let begin = tokio::time::Instant::from_std(clock::now() + phase);
    let (mut packets, mut frames) = (0, 0);
    loop {
        let audio_at = begin + Duration::from_secs(1) * packets / PACKETS_PER_SECOND;
        // Half a packet later, so that the two do not always meet.
        let video_at = begin + Duration::from_millis(7) + Duration::from_secs(1) * frames / FRAMES_PER_SECOND;
        if audio_at <= video_at || audio_only {
            tokio::time::sleep_until(audio_at).await;
            way.audio(packet(id, packets));
            packets += 1;
        } else {
            tokio::time::sleep_until(video_at).await;
            way.video(frame(id, frames)).await;
            frames += 1;
        }
        sent.send_replace((packets, frames));
    }
}

impl Way {
    fn audio(&self, datagram: Bytes) {
        match self {
            Way::Link(link) => link.audio(datagram),
            Way::Quinn(connection, _) => drop(connection.send_datagram(datagram)),
        }
    }

    async fn video(&mut self, frame: VideoFrame) {
        match self {
            Way::Link(link) => link.video(frame),
            Way::Quinn(connection, stream) => {
                let mut chunks = vec![];
                if frame.header.key {
                    if let Some(mut before) = stream.take() {
                        let _ = before.finish();
                    }
                    *stream = connection.open_uni().await.ok();
                    chunks.push(Bytes::copy_from_slice(&SubgroupHead::of(&frame.header).to_bytes()));
                }
                chunks.push(Bytes::copy_from_slice(&(frame.bytes.len() as u32).to_be_bytes()));
                chunks.push(frame.bytes);
                if let Some(stream) = stream {
                    let _ = stream.write_all_chunks(&mut chunks).await;
                }
            }
        }
    }
}

fn packet(id: u64, number: u32) -> Bytes {
    let header = header(id, Track::Microphone, number, number);
    let packet = AudioPacket { header, payload: vec![7; PACKET].into() };
    datagram::encode(&packet, None).expect("it is short")
}

fn frame(id: u64, number: u32) -> VideoFrame {
    let group = number / GROUP * GROUP;
    let bytes = if number == group { KEY_FRAME } else { FRAME };
    VideoFrame::new(header(id, Track::Camera, number, group), &vec![7; bytes])
}

fn header(participant: u64, track: Track, frame: u32, group: u32) -> MediaHeader {
    MediaHeader {
        track,
        layer: Layer::default(),
        key: frame == group && track == Track::Camera,
        discardable: false,
        dtx: false,
        participant: ParticipantId(participant),
        frame,
        since_key: (frame - group) as u16,
        capture_us: now_us(),
    }
}
