//! Among thirty subscribers some cannot keep up: one behind 200 kbit/s and one that stops reading, on each transport. The others lose
//! nothing, the relay's memory stays where it is, and who is slow hears.

use std::time::Duration;

use futures_util::StreamExt;
use nearcall::net::Distance;
use nearcall::net::distance::Shape;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::manifest::RelayEntry;
use nearcall::proto::{CALL_PATH, Kind, MediaHeader, Transport};

use super::client::{Client, picture};
use super::upkeep::Process;
use super::{alone, raw};

/// 200 kbit/s.
const SLOW: u64 = 25_000;
const SECONDS: u32 = 20;
/// The first of them are not counted: who is slow has to be found out.
const SETTLED: u32 = 3;
const PACKETS: u32 = 50;
const FRAMES: u32 = 30;
const GROUP: u32 = 60;
/// Two that stop reading may cost so much together.
const MEMORY: u64 = 4 << 20;

async fn member(entry: &RelayEntry, transport: Transport, id: u64) -> Client {
    let client = Client::dial(entry, transport, id).await.unwrap();
    client.enter("slow");
    client
        .wait("Joined", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Joined(_))).then_some(()))
        .await;
    client
}

/// The numbers of the audio packets that a WebSocket brings which is read at 200 kbit/s, its kernel holding little.
async fn read_slowly(mut socket: raw::Socket) -> Vec<u32> {
    let mut heard = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        let bytes = message.into_data();
        tokio::time::sleep(Duration::from_secs_f64(bytes.len() as f64 / SLOW as f64)).await;
        if bytes.first() == Some(&(Kind::Audio as u8)) {
            heard.extend(MediaHeader::from_bytes(&bytes[1..]).map(|header| header.frame));
        }
        if heard.last().is_some_and(|last| last + 1 >= SECONDS * PACKETS) {
            break;
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_or_stops_reading_among_thirty_costs_the_others_nothing() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    // A process of its own: its memory is what is measured.
    let (relay, entry) = Process::start(folder.path(), &["--open"]).await;
    let entry = &entry;
    let sender = member(entry, Transport::WebTransport, 1).await;
    let mut others = Vec::new();
    for id in 0..28 {
        let transport = if id < 20 { Transport::WebTransport } else { Transport::WebSocket };
        let client = member(entry, transport, 100 + id).await;
        client.subscribe(1, &[]).await;
        others.push(client);
    }
    let shape = |bytes_per_second| Shape {
        delay: Duration::from_millis(20),
        queue: Duration::from_millis(600),
        bytes_per_second,
        ..Shape::default()
    };
    let address = entry.websocket.as_deref().unwrap().trim_start_matches("wss://").trim_end_matches(CALL_PATH);
    let path = Distance::start(address.parse().unwrap(), shape(None), 1).await.unwrap();
    path.set_ways(shape(None), shape(Some(SLOW)));
    let behind = RelayEntry { webtransport: Some(format!("https://{}{CALL_PATH}", path.address())), ..entry.clone() };
    let slow = member(&behind, Transport::WebTransport, 200).await;
    slow.subscribe(1, &[]).await;
    let _deaf = raw::deaf_webtransport(entry, "slow", 201).await;
    let _deaf_socket = raw::deaf_websocket(entry, "slow", 202).await;
    let slow_socket = tokio::spawn(read_slowly(raw::deaf_websocket(entry, "slow", 203).await));
    sender.wait("all", |heard| (201..204).all(|id| !heard.states(id).is_empty()).then_some(())).await;

    let mut before = 0;
    let (mut packets, mut frames) = (0, 0);
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    let start = nearcall::clock::now();
    while packets < SECONDS * PACKETS {
        ticks.tick().await;
        let at = start.elapsed().as_secs_f64();
        while f64::from(packets) < at * f64::from(PACKETS) && packets < SECONDS * PACKETS {
            sender.audio(packets);
            packets += 1;
        }
        while f64::from(frames) < at * f64::from(FRAMES) {
            let group = frames / GROUP * GROUP;
            sender.sender.video(picture(1, frames, group, if frames == group { 40_000 } else { 6_000 }));
            frames += 1;
        }
        if before == 0 && packets > SETTLED * PACKETS {
            before = relay.memory();
        }
    }
    let grown = relay.memory().saturating_sub(before);
    for client in &others {
        client.wait_sound(1, packets - 1).await;
        client.wait_picture(1, frames - 1).await;
        client.look(|heard| {
            assert_eq!(heard.sounds(1).len() as u32, packets, "sounds of {}", client.id);
            assert_eq!(heard.pictures(1).len() as u32, frames, "pictures of {}", client.id);
        });
    }
    slow.wait_sound(1, packets - 1).await;
    let (missing, usual, late) = slow.look(|heard| {
        let all = heard.sounds(1);
        let mut delays: Vec<_> =
            heard.audio.iter().filter(|it| it.frame >= SETTLED * PACKETS).map(|it| it.delay).collect();
        delays.sort();
        let missing = (SETTLED * PACKETS..packets).filter(|number| !all.contains(number)).count();
        (missing, delays[delays.len() / 2], delays[delays.len() * 99 / 100])
    });
    let over_tcp = tokio::time::timeout(Duration::from_secs(30), slow_socket).await.unwrap().unwrap();
    let missing_tcp = (SETTLED * PACKETS..packets).filter(|number| !over_tcp.contains(number)).count();
    println!(
        "the relay grew by {} KB; behind 200 kbit/s {missing} packets are missing, p50 {usual:?}, p99 {late:?}; over TCP {missing_tcp}",
        grown / 1024
    );
    assert_eq!((missing, missing_tcp), (0, 0), "who is slow hears all");
    assert!(late < Duration::from_millis(900), "{late:?}");
    assert!(grown <= MEMORY, "{grown} bytes for those that do not read");
}
