//! A sender in three sizes of three temporal layers, and a subscriber whose link gets narrow and wide again.

use std::time::{Duration, Instant};

use nearcall::clock;
use nearcall::net::distance::{Distance, Shape};
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{Subscribe, Wish};
use nearcall::proto::manifest::RelayEntry;
use nearcall::proto::{Layer, Track, Transport};
use nearcall::relay::Relay;
use nearcall::relay::bus::{BusConfig, Hub};
use tokio::task::JoinHandle;
use tokio::time::interval;

use super::client::{Arrival, Client, Heard, Say, layered};
use super::regions::pair;
use super::{alone, relay};

/// Bits a second of each size.
const RATES: [usize; 3] = [150_000, 700_000, 1_500_000];
/// Frames a second.
const FRAMES: usize = 30;
const SENDER: u64 = 1;

/// Speaks and shows itself until it is dropped. A key frame comes when it is asked for. One that `heeds` the relay makes the sizes that
/// somebody wants alone.
async fn send(sender: Client, heeds: bool) {
    let (mut frames, mut packets) = (interval(Duration::from_millis(33)), interval(Duration::from_millis(20)));
    let (mut number, mut packet, mut heard) = (0, 0, 0);
    let (mut groups, mut wanted, mut demand) = ([0; 3], [true; 3], 0b111);
    loop {
        tokio::select! {
            _ = packets.tick() => {
                sender.audio(packet);
                packet += 1;
            }
            _ = frames.tick() => {
                sender.look(|it| {
                    for (told, _) in &it.told[heard..] {
                        match told {
                            Told::KeyFrameWanted(key) => wanted[key.spatial as usize] = true,
                            Told::Demand(told) if heeds && told.track == Track::Camera as u32 => demand = told.sizes,
                            _ => {}
                        }
                    }
                    heard = it.told.len();
                });
                for spatial in 0..3 {
                    if demand >> spatial & 1 == 0 {
                        wanted[spatial] = true;
                        continue;
                    }
                    let key = std::mem::take(&mut wanted[spatial]);
                    if key {
                        groups[spatial] = number;
                    }
                    let temporal = [0, 2, 1, 2][(number - groups[spatial]) as usize % 4];
                    let layer = Layer { spatial: spatial as u8, temporal };
                    let bytes = RATES[spatial] / 8 / FRAMES * if key { 4 } else { 1 };
                    sender.sender.video(layered(SENDER, number, groups[spatial], layer, bytes));
                }
                number += 1;
            }
        }
    }
}

fn behind(relay: &Relay, distance: &Distance) -> RelayEntry {
    let mut entry = relay.entry().clone();
    let address = distance.address();
    entry.webtransport = Some(format!("https://{address}/v1/call"));
    entry.websocket = Some(format!("wss://{address}/v1/call"));
    entry
}

fn near() -> Shape {
    Shape::rtt(Duration::from_millis(30))
}

fn narrow(bytes_per_second: u64) -> Shape {
    Shape { bytes_per_second: Some(bytes_per_second), queue: Duration::from_millis(300), ..near() }
}

/// Somebody who watches a sender over a distance.
struct Afar {
    watcher: Client,
    distance: Distance,
    sending: JoinHandle<()>,
}

impl Afar {
    async fn watch(relay: &Relay, heeds: bool) -> Self {
        let distance = Distance::start(relay.address(), near(), 1).await.unwrap();
        let sender = Client::member(relay, Transport::WebTransport, "room", SENDER).await;
        let watcher = Client::dial(&behind(relay, &distance), Transport::WebTransport, 3).await.unwrap();
        watcher.enter("room");
        watcher.subscribe(1, &[]).await;
        Self { watcher, distance, sending: tokio::spawn(send(sender, heeds)) }
    }
}

/// The sizes that came one after the other: ms since the beginning, size, highest temporal layer, how many frames.
fn runs(came: &[Arrival], began: Instant) -> Vec<(u128, u8, u8, u32)> {
    let mut runs: Vec<(u128, u8, u8, u32)> = Vec::new();
    for it in came.iter().filter(|it| it.at >= began) {
        match runs.last_mut().filter(|(_, size, ..)| *size == it.layer.spatial) {
            Some((_, _, temporal, count)) => (*temporal, *count) = ((*temporal).max(it.layer.temporal), *count + 1),
            None => runs.push(((it.at - began).as_millis(), it.layer.spatial, it.layer.temporal, 1)),
        }
    }
    runs
}

/// Waits until for two seconds nothing but these sizes came, and enough of them.
async fn settles(watcher: &Client, sizes: std::ops::RangeInclusive<u8>) {
    let began = clock::now();
    let mut looks = interval(Duration::from_millis(100));
    let recent = |watcher: &Client| -> Vec<u8> {
        let since = clock::now() - Duration::from_secs(2);
        watcher.look(|heard| heard.video.iter().filter(|it| it.at >= since).map(|it| it.layer.spatial).collect())
    };
    loop {
        looks.tick().await;
        let came = recent(watcher);
        let waited = began.elapsed();
        if waited >= Duration::from_secs(2) && came.len() >= 12 && came.iter().all(|size| sizes.contains(size)) {
            return println!("sizes {sizes:?} after {waited:.1?}");
        }
        let runs = || watcher.look(|heard| runs(&heard.video, began));
        assert!(waited < Duration::from_secs(25), "{sizes:?} expected, but: {:?}", runs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_gets_narrow_is_given_the_small_size_and_its_sound_and_more_when_it_is_wide_again() {
    let _alone = alone().await;
    let relay = relay().await;
    let neighbour = Client::member(&relay, Transport::WebTransport, "room", 2).await;
    let Afar { watcher, distance, sending } = Afar::watch(&relay, false).await;
    settles(&watcher, 2..=2).await;
    distance.set_ways(near(), narrow(50_000));
    settles(&watcher, 0..=0).await;
    let from = watcher.look(|heard| heard.sounds(SENDER).last().copied().unwrap());
    watcher.wait_sound(SENDER, from + 150).await;
    let sounds = watcher.look(|heard| heard.sounds(SENDER));
    let came = sounds.iter().filter(|number| (from..from + 150).contains(*number)).count();
    let before = sounds.iter().filter(|number| **number < from).count();
    println!("{came} of 150 packets on the narrow link, {before} of {from} before");
    assert!(came >= 148 && before >= from as usize * 9 / 10);
    distance.set(near());
    settles(&watcher, 1..=2).await;
    neighbour.look(|heard| {
        let large: Vec<u32> = heard.video.iter().filter(|it| it.layer.spatial == 2).map(|it| it.frame).collect();
        let (first, last) = (large.iter().min().unwrap(), large.iter().max().unwrap());
        assert_eq!(large.len(), (last - first + 1) as usize, "the neighbour lost frames");
    });
    sending.abort();
    relay.shutdown().await;
}

/// A look for the sizes of its camera that a sender was told last.
fn told(sizes: u32) -> impl Fn(&Heard) -> Option<()> {
    let camera = |told: &Told| match told {
        Told::Demand(told) if told.track == Track::Camera as u32 => Some(told.sizes),
        _ => None,
    };
    move |heard| (heard.told.iter().rev().find_map(|(told, _)| camera(told)) == Some(sizes)).then_some(())
}

/// A sender who is told that somebody came to watch, at the same relay or at another.
async fn watched(here: &Relay, there: &Relay) -> [Client; 2] {
    let sender = Client::join(here, Transport::WebTransport, "room", SENDER).await;
    sender.wait("word that nobody is there", told(0)).await;
    let watcher = Client::member(there, Transport::WebTransport, "room", 2).await;
    sender.wait("a wish for the largest", told(0b100)).await;
    [sender, watcher]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_told_which_sizes_somebody_wants() {
    let _alone = alone().await;
    let relay = relay().await;
    let [sender, watcher] = watched(&relay, &relay).await;
    let other = Client::join(&relay, Transport::WebSocket, "room", 3).await;
    let small = Wish { participant: SENDER, track: Track::Camera as u32, max_spatial: 0, max_temporal: 2 };
    other.say(Say::Subscribe(Subscribe { sequence: 1, wishes: vec![small], resume: vec![] }));
    sender.wait("a wish for the smallest too", told(0b101)).await;
    watcher.leave(false);
    sender.wait("the smallest alone", told(0b001)).await;
    relay.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wanted_at_another_relay_is_told_too() {
    let _alone = alone().await;
    let (here, there) = pair(BusConfig::Local(Hub::new())).await;
    let [sender, watcher] = watched(&here, &there).await;
    watcher.leave(false);
    sender.wait("nobody again", told(0)).await;
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_makes_what_is_wanted_alone_is_seen_over_a_link_that_gets_narrow_and_wide_again() {
    let _alone = alone().await;
    let relay = relay().await;
    let Afar { watcher, distance, sending } = Afar::watch(&relay, true).await;
    settles(&watcher, 2..=2).await;
    distance.set_ways(near(), narrow(30_000));
    settles(&watcher, 0..=0).await;
    distance.set(near());
    settles(&watcher, 1..=2).await;
    sending.abort();
    relay.shutdown().await;
}
