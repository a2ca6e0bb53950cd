//! Audio datagrams and one video stream a subgroup, through a relay, over 170 ms of RTT with 2 % loss: our
//! congestion window beside CUBIC on the same path, with the same load.
//!
//! Bars (design, section 10): audio added delay p99 <= 40 ms, video >= 1.5 Mbit/s.

#[path = "common/figures.rs"]
mod figures;
#[path = "common/header.rs"]
mod header;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nearcall::clock;
use nearcall::net::distance::{Distance, Shape};
use nearcall::net::tls::{Certificate, Serving};
use nearcall::net::webtransport::{self, Congestion, Server};
use nearcall::net::{Incoming, Link, Responder};
use nearcall::proto::datagram::{self, AudioPacket};
use nearcall::proto::subgroup::VideoFrame;
use nearcall::proto::{CALL_PATH, MediaHeader, RelayInstance, Track};

use self::figures::quantile;
use self::header::header;

const RTT: Duration = Duration::from_millis(170);
const LOSS: f64 = 0.02;
const SECONDS: u64 = 20;
/// 1.9 Mbit/s with the key frames: more than the bar, so that the path decides.
const FRAME: usize = 7_600;
const KEY_FRAME: usize = 30_000;
const GROUP: u16 = 150;

#[derive(Debug, Default)]
struct Figures {
    audio_sent: usize,
    audio_added_ms: Vec<f64>,
    video_added_ms: Vec<f64>,
    video_bits: f64,
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` asks for the list only.
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    println!("170 ms RTT, 2 % loss, 50 audio packets and 30 frames a second, {SECONDS} s a run, in turn");
    println!(
        "{:<8} {:>10} {:>12} {:>12} {:>12} {:>12} {:>12}",
        "window", "audio in", "audio p50", "audio p99", "video p50", "video p99", "video"
    );
    let mut rates = Vec::new();
    for seed in 1..=3 {
        for (name, congestion) in [
            ("call", Arc::new(webtransport::CallCongestion) as Congestion),
            ("cubic", Arc::new(quinn::congestion::CubicConfig::default()) as Congestion),
        ] {
            let figures = run(seed, congestion).await;
            let ms = |of: &[f64], share| quantile(of.iter().copied(), share).unwrap_or(f64::NAN);
            let rate = figures.video_bits / SECONDS as f64 / 1e6;
            println!(
                "{name:<8} {:>8.2} % {:>9.1} ms {:>9.1} ms {:>9.1} ms {:>9.1} ms {rate:>5.2} Mbit/s",
                100.0 * figures.audio_added_ms.len() as f64 / figures.audio_sent as f64,
                ms(&figures.audio_added_ms, 0.5),
                ms(&figures.audio_added_ms, 0.99),
                ms(&figures.video_added_ms, 0.5),
                ms(&figures.video_added_ms, 0.99),
            );
            rates.push(rate);
        }
    }
    let ratios = rates.chunks(2).map(|pair| pair[0] / pair[1].max(0.001));
    let (count, median) = (ratios.len(), quantile(ratios, 0.5).unwrap_or(f64::NAN));
    println!("video delivered, call : cubic, median of {count}: {median:.2}");
}

async fn run(seed: u64, congestion: Congestion) -> Figures {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    let certificate = Certificate::self_signed(&["127.0.0.1".into()]).expect("a certificate");
    let pins = [certificate.pin()];
    let serving = Serving::new(certificate.into()).expect("a certificate with its key");
    let server = Server::bind(socket, &serving).expect("a server");
    let shape = Shape { loss: LOSS, ..Shape::rtt(RTT) };
    let distance = Distance::start(address, shape, seed).await.expect("a distance");
    let responder = Arc::new(Responder::new("bench".into(), RelayInstance(1)));

    let url = |address: SocketAddr| format!("https://{address}{CALL_PATH}");
    let (sender, at_relay) = tokio::join!(
        async {
            webtransport::dial_with(&url(distance.address()), distance.address(), &pins, congestion)
                .await
                .expect("a link")
        },
        async { server.accept().await.expect("open").finish(responder.clone()).await.expect("a link") }
    );
    let (receiver, to_receiver) =
        tokio::join!(async { webtransport::dial(&url(address), address, &pins).await.expect("a link") }, async {
            server.accept().await.expect("open").finish(responder.clone()).await.expect("a link")
        });
    tokio::spawn(forward(at_relay, to_receiver));
    let start = clock::now();
    let sent = tokio::spawn(send(sender, start));
    let mut figures = receive(receiver, start).await;
    figures.audio_sent = sent.await.expect("the sender ends");
    figures
}

/// The relay: every frame goes on as it came.
async fn forward(mut from: Link, to: Link) {
    while let Some(event) = from.incoming.recv().await {
        match event {
            Incoming::Audio { body, .. } => {
                let packets = datagram::decode(&body).expect("what we sent");
                to.sender.audio(datagram::encode(&packets[0], None).expect("what we sent"));
            }
            Incoming::Video { frame, .. } => to.sender.video(frame),
            Incoming::Closed { .. } => break,
            _ => {}
        }
    }
}

async fn send(link: Link, start: Instant) -> usize {
    let (mut audio, mut video, mut since_key) = (0u32, 0u32, 0u16);
    let mut incoming = link.incoming;
    tokio::spawn(async move { while incoming.recv().await.is_some() {} });
    let payload = Bytes::from(vec![0x5a; KEY_FRAME]);
    loop {
        let next_audio = start + Duration::from_millis(20) * audio;
        let next_video = start + Duration::from_secs(1) * video / 30;
        let next = next_audio.min(next_video);
        if next > start + Duration::from_secs(SECONDS) {
            break;
        }
        tokio::time::sleep_until(next.into()).await;
        if next_audio <= next_video {
            let packet =
                AudioPacket { header: header(start, Track::Microphone, audio, 0), payload: payload.slice(..106) };
            link.sender.audio(datagram::encode(&packet, None).expect("it fits"));
            audio += 1;
        } else {
            let size = if since_key == 0 { KEY_FRAME } else { FRAME };
            link.sender.video(VideoFrame::new(header(start, Track::Camera, video, since_key), &payload[..size]));
            video += 1;
            since_key = (since_key + 1) % GROUP;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    audio as usize
}

async fn receive(link: Link, start: Instant) -> Figures {
    let mut figures = Figures::default();
    let mut incoming = link.incoming;
    let end = start + Duration::from_secs(SECONDS + 1);
    let added_ms = |at: Instant, header: &MediaHeader| {
        let taken = at.saturating_duration_since(start + Duration::from_micros(header.capture_us));
        (taken.as_secs_f64() - RTT.as_secs_f64() / 2.0) * 1000.0
    };
    while let Ok(Some(event)) = tokio::time::timeout_at(end.into(), incoming.recv()).await {
        match event {
            Incoming::Audio { body, at } => {
                let packets = datagram::decode(&body).expect("what we sent");
                figures.audio_added_ms.push(added_ms(at, &packets[0].header));
            }
            Incoming::Video { frame, at } => {
                figures.video_added_ms.push(added_ms(at, &frame.header));
                figures.video_bits += 8.0 * frame.bytes.len() as f64;
            }
            _ => {}
        }
    }
    figures
}
