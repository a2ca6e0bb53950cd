//! The same over real sockets: our link, QUIC and its window, the estimator, and an emulated path with a rate and a queue. Pictures
//! are numbers of bytes. Judged by shares over long times: this machine may have other work.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::net::distance::{Distance, Shape};
use nearcall::net::tls::{Certificate, Serving};
use nearcall::net::webtransport::{self, Congestion, Server};
use nearcall::net::{Incoming, Link, Responder};
use nearcall::proto::datagram::{self, AudioPacket};
use nearcall::proto::subgroup::VideoFrame;
use nearcall::proto::{CALL_PATH, RelayInstance, Track};
use nearcall::rate::budget::{Budget, Wants};
use nearcall::rate::{Estimator, Limits};

use super::figures::quantile;
use super::header::header;

const CAMERA_BPS: u64 = 1_200_000;

/// A path of 100 ms and 300 ms of queue.
pub fn path(bits_per_second: u64) -> Shape {
    Shape {
        bytes_per_second: Some(bits_per_second / 8),
        queue: Duration::from_millis(300),
        ..Shape::rtt(Duration::from_millis(100))
    }
}

/// A relay's end that counts, behind a distance.
struct Place {
    server: Server,
    pins: [String; 1],
    distance: Distance,
    responder: Arc<Responder>,
}

impl Place {
    async fn new(shape: Shape) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let certificate = Certificate::self_signed(&["127.0.0.1".into()]).unwrap();
        let pins = [certificate.pin()];
        let server = Server::bind(socket, &Serving::new(certificate.into()).unwrap()).unwrap();
        let distance = Distance::start(address, Shape::rtt(shape.delay * 2), 1).await.unwrap();
        let responder = Arc::new(Responder::new("one".into(), RelayInstance(1)));
        distance.set_ways(shape, Shape::rtt(shape.delay * 2));
        Self { server, pins, distance, responder }
    }

    async fn link(&self, congestion: Congestion) -> (Link, Arc<Count>) {
        let address: SocketAddr = self.distance.address();
        let url = format!("https://{address}{CALL_PATH}");
        let (link, relay) = tokio::join!(webtransport::dial_with(&url, address, &self.pins, congestion), async {
            self.server.accept().await.unwrap().finish(self.responder.clone()).await
        });
        let count = Arc::new(Count::default());
        tokio::spawn(count.clone().take(relay.unwrap()));
        (link.unwrap(), count)
    }
}

/// What arrived: when, bytes, and how late sound was, ms.
#[derive(Default)]
struct Count {
    bytes: Mutex<Vec<(Instant, usize)>>,
    sound_ms: Mutex<Vec<(Instant, f64)>>,
}

impl Count {
    async fn take(self: Arc<Self>, link: Link) {
        let Link { sender: _open, mut incoming, .. } = link;
        while let Some(event) = incoming.recv().await {
            match event {
                Incoming::Video { frame, at } => self.bytes.lock().unwrap().push((at, frame.bytes.len())),
                Incoming::Audio { body, at } => {
                    self.bytes.lock().unwrap().push((at, body.len()));
                    let header = datagram::decode(&body).unwrap()[0].header;
                    self.sound_ms.lock().unwrap().push((at, header.capture_us as f64 / 1000.0));
                }
                _ => {}
            }
        }
    }

    /// Bits a second between two moments.
    fn rate(&self, from: Instant, to: Instant) -> f64 {
        let bytes = self.bytes.lock().unwrap();
        let sum: usize = bytes.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, bytes)| bytes).sum();
        sum as f64 * 8.0 / (to - from).as_secs_f64()
    }
}

/// A call's sender until `end`: sound, pictures of the rate that it is given, probes. Returns how many packets of sound it sent.
async fn call(link: Link, start: Instant, end: Instant) -> u32 {
    let Link { sender, mut incoming, .. } = link;
    let limits = Limits { start_bps: 500_000, most_bps: 1_600_000, ..Limits::default() };
    let (mut estimator, mut budget) = (Estimator::new(start, limits), Budget::default());
    let wants = Wants { sound: true, camera_bps: Some(CAMERA_BPS), ..Wants::default() };
    let (mut camera_bps, mut sound, mut frame, mut since_key, mut tick) = (400_000, 0u32, 0u32, 0u16, 0u32);
    let mut probes = std::collections::BTreeMap::new();
    let mut timer = tokio::time::interval(Duration::from_millis(5));
    let us = |at: Instant| at.saturating_duration_since(start).as_micros() as i64;
    while clock::now() < end {
        tokio::select! {
            Some(event) = incoming.recv() => match event {
                Incoming::ProbeReply { reply, at } => {
                    let Some(sent) = probes.remove(&reply.id) else { continue };
                    estimator.round_trip(at, at - sent);
                    let there = reply.at_us.unwrap() as i64;
                    estimator.delay().ways(at, there - us(sent), us(at) - there);
                }
                Incoming::Late { .. } => since_key = 0,
                Incoming::Closed { reason } => panic!("{reason}"),
                _ => {}
            },
            _ = timer.tick() => {}
        }
        let now = clock::now();
        while start + Duration::from_millis(20) * sound <= now {
            let packet =
                AudioPacket { header: header(start, Track::Microphone, sound, 0), payload: vec![1; 96].into() };
            sender.audio(datagram::encode(&packet, None).unwrap());
            sound += 1;
        }
        while start + Duration::from_secs(1) * frame / 30 <= now {
            let bytes = (camera_bps / 8 / 30) as usize;
            if bytes > 0 {
                sender.video(VideoFrame::new(header(start, Track::Camera, frame, since_key), &vec![2; bytes]));
                since_key += 1;
            }
            frame += 1;
        }
        while start + Duration::from_millis(100) * tick <= now {
            tick += 1;
            estimator.read(&sender.feed().unwrap());
            estimator.waiting(sender.pressure().waiting);
            if estimator.update(now) {
                camera_bps = budget.divide(estimator.target_bps(), &wants).camera_bps;
            }
            if tick % 2 == 0 || estimator.wants_probe(now) {
                probes.insert(u64::from(tick), now);
                sender.probe(tick.into());
            }
        }
    }
    sound
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabit_that_falls_to_300_kilobits_and_comes_back_is_followed_and_sound_is_untouched() {
    let place = Place::new(path(1_000_000)).await;
    let (link, count) = place.link(Arc::new(webtransport::CallCongestion)).await;
    let start = clock::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let call = tokio::spawn(call(link, start, at(50)));
    for (second, rate) in [(15, 300_000), (30, 1_000_000)] {
        tokio::time::sleep_until(at(second).into()).await;
        place.distance.set_ways(path(rate), Shape::rtt(Duration::from_millis(100)));
    }
    let sent = call.await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rates = [(6, 15), (20, 30), (40, 50)].map(|(from, to)| count.rate(at(from), at(to)));
    let sound_ms: Vec<_> = count.sound_ms.lock().unwrap().clone();
    let late = |from, to| {
        let of_then = sound_ms.iter().filter(|(arrived, _)| *arrived >= at(from) && *arrived < at(to));
        let ms = of_then.map(|(arrived, ms)| (*arrived - start).as_secs_f64() * 1000.0 - ms - 50.0);
        quantile(ms, 0.95).unwrap()
    };
    let lates = [late(6, 15), late(15, 18), late(18, 30), late(31, 50)];
    let arrived = sound_ms.len() as f64 / f64::from(sent);
    println!("rates {rates:.0?} bit/s, sound p95 late by {lates:.0?} ms, {:.2} % of it arrived", 100.0 * arrived);
    assert!(rates[0] > 600_000.0 && rates[2] > 600_000.0, "{rates:?}");
    assert!(rates[1] > 150_000.0 && rates[1] < 310_000.0, "{rates:?}");
    assert!(lates[2] < 250.0 && arrived > 0.97, "{lates:?} {arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_download_a_call_gets_its_share_and_leaves_one() {
    let place = Place::new(path(2_000_000)).await;
    let (link, ours) = place.link(Arc::new(webtransport::CallCongestion)).await;
    // CUBIC is what a download over TCP or QUIC goes by.
    let (bulk, theirs) = place.link(Arc::new(quinn::congestion::CubicConfig::default())).await;
    let start = clock::now();
    let end = start + Duration::from_secs(45);
    let call = tokio::spawn(call(link, start, end));
    let Link { sender, mut incoming, .. } = bulk;
    tokio::spawn(async move { while incoming.recv().await.is_some() {} });
    let mut number = 0;
    while clock::now() < end {
        // Always more than the path takes, and never late.
        while sender.pressure().waiting < Duration::from_millis(20) && number < 1_000_000 {
            sender.video(VideoFrame::new(header(start, Track::Screen, number, number.min(1) as u16), &[3; 12_000]));
            number += 1;
            if sender.pressure().waiting > Duration::ZERO {
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    call.await.unwrap();
    let rate = |count: &Count| count.rate(start + Duration::from_secs(15), end);
    let (ours, theirs) = (rate(&ours), rate(&theirs));
    println!("the call {ours:.0}, the download {theirs:.0} bit/s: {:.2}", ours / theirs);
    assert!(ours / theirs > 0.25 && ours / theirs < 4.0, "{ours:.0} to {theirs:.0}");
    assert!(ours + theirs > 1_300_000.0, "{ours:.0} and {theirs:.0}");
}
