//! Two relays and what is between them: the hub of one process, or a NATS server that comes and goes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nearcall::clock;
use nearcall::proto::Transport;
use nearcall::proto::control::MemberState;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::manifest::Manifest;
use nearcall::proto::probe::RelayState;
use nearcall::relay::bus::{BusConfig, Hub};
use nearcall::relay::{Config, Relay};

use super::alone;
use super::beside::CallBeside;
use super::client::{Client, TRANSPORTS};
use super::raw::get;

/// A NATS server that ends with the test.
pub struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    pub async fn start() -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        Self::start_at(port).await
    }

    async fn start_at(port: u16) -> Self {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("nats-server is installed");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        until("nats-server listens", || TcpStream::connect(address).is_ok()).await;
        Self { child, port }
    }

    pub fn bus(&self) -> BusConfig {
        BusConfig::Nats(format!("nats://127.0.0.1:{}", self.port).into())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = clock::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(8), "{what}: not within 8 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn pair(bus: BusConfig) -> (Relay, Relay) {
    let relay =
        |region: &str| Relay::start(Config { id: Some(region.into()), bus: bus.clone(), ..Config::local(region) });
    let (one, two) = (relay("one").await.unwrap(), relay("two").await.unwrap());
    until("the relays know each other", || [&one, &two].iter().all(|it| it.manifest().relays.len() == 2)).await;
    assert_eq!((one.state(), two.state()), (RelayState::Ready, RelayState::Ready));
    (one, two)
}

async fn members_come_and_go_across(bus: BusConfig) {
    let (one, two) = pair(bus).await;
    let here = Client::member(&one, Transport::WebSocket, "room", 1).await;
    let there = Client::member(&two, Transport::WebTransport, "room", 2).await;
    here.wait_state(2, MemberState::Connected).await;
    there.wait_state(1, MemberState::Connected).await;
    drop(there);
    here.wait_state(2, MemberState::Reconnecting).await;
    let back = Client::member(&one, Transport::WebSocket, "room", 2).await;
    here.wait_state(2, MemberState::Connected).await;
    // From relay to relay with both links for a moment: no news.
    let moved = Client::member(&two, Transport::WebTransport, "room", 2).await;
    let news = here.look(|heard| heard.states(2).len());
    back.leave(true);
    moved.wait_state(1, MemberState::Connected).await;
    moved.audio(0);
    here.wait_sound(2, 0).await;
    here.look(|heard| assert_eq!(heard.states(2).len(), news, "{:?}", heard.states(2)));
    moved.leave(false);
    here.wait_state(2, MemberState::Left).await;
}

async fn what_is_sent_twice_arrives_once(bus: BusConfig) {
    let (one, two) = pair(bus).await;
    let here = Client::member(&one, Transport::WebSocket, "room", 1).await;
    let there = Client::member(&two, Transport::WebTransport, "room", 2).await;
    let links = [
        Client::member(&one, Transport::WebTransport, "room", 3).await,
        Client::member(&two, Transport::WebSocket, "room", 3).await,
    ];
    for client in [&here, &there] {
        client.wait_state(3, MemberState::Connected).await;
    }
    for number in 0..60 {
        for link in &links {
            link.audio(number);
            link.video(number, number - number % 20);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for client in [&here, &there] {
        client.wait_sound(3, 59).await;
        client.wait_picture(3, 59).await;
    }
    // Their own copies have passed once this is through.
    there.audio(0);
    here.wait_sound(2, 0).await;
    here.audio(0);
    there.wait_sound(1, 0).await;
    for client in [&here, &there] {
        client.look(|heard| {
            let (mut sounds, mut pictures) = (heard.sounds(3), heard.pictures(3));
            sounds.sort();
            pictures.sort();
            assert_eq!(sounds, (0..60).collect::<Vec<_>>());
            assert_eq!(pictures, (0..60).collect::<Vec<_>>());
        });
    }
    links
        .iter()
        .for_each(|link| link.look(|heard| assert!(heard.sounds(3).is_empty() && heard.pictures(3).is_empty())));
}

async fn a_newcomer_elsewhere_gets_the_running_group(bus: BusConfig) {
    let (one, two) = pair(bus).await;
    let sender = Client::member(&one, Transport::WebSocket, "room", 1).await;
    let watcher = Client::member(&one, Transport::WebSocket, "room", 2).await;
    for number in 0..25 {
        sender.video(number, 0);
    }
    watcher.wait_picture(1, 24).await;
    for (n, transport) in TRANSPORTS.into_iter().enumerate() {
        let newcomer = Client::member(&two, transport, "room", 10 + n as u64).await;
        newcomer.wait_picture(1, 24).await;
        newcomer.look(|heard| {
            let welcome = heard.told.iter().find(|(told, _)| matches!(told, Told::Welcome(_))).unwrap().1;
            println!("{transport}: first picture {:?} after Welcome", heard.video[0].at - welcome);
        });
        let next = 25 + 5 * n as u32;
        for number in next..next + 5 {
            sender.video(number, 0);
        }
        newcomer.wait_picture(1, next + 4).await;
        newcomer.look(|heard| assert_eq!(heard.pictures(1), (0..next + 5).collect::<Vec<_>>()));
        newcomer.leave(false);
        watcher.wait_state(newcomer.id, MemberState::Left).await;
    }
    sender.look(|heard| assert!(!heard.told.iter().any(|(told, _)| matches!(told, Told::KeyFrameWanted(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_across_the_hub() {
    let _alone = alone().await;
    members_come_and_go_across(BusConfig::Local(Hub::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_come_and_go_across_nats() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    members_come_and_go_across(nats.bus()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_across_the_hub_loses_nothing() {
    let _alone = alone().await;
    let (one, two) = pair(BusConfig::Local(Hub::new())).await;
    CallBeside::between(&one, &two).await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_across_nats_loses_nothing() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    let (one, two) = pair(nats.bus()).await;
    CallBeside::between(&one, &two).await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_over_two_relays_arrives_once_across_the_hub() {
    let _alone = alone().await;
    what_is_sent_twice_arrives_once(BusConfig::Local(Hub::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_over_two_relays_arrives_once_across_nats() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    what_is_sent_twice_arrives_once(nats.bus()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_at_another_relay_gets_the_running_group_across_the_hub() {
    let _alone = alone().await;
    a_newcomer_elsewhere_gets_the_running_group(BusConfig::Local(Hub::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_at_another_relay_gets_the_running_group_across_nats() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    a_newcomer_elsewhere_gets_the_running_group(nats.bus()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_relay_lists_both_in_its_manifest() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    let (one, two) = pair(nats.bus()).await;
    for relay in [&one, &two] {
        let (status, body) = get(relay.entry(), "/regions.json").await;
        let manifest = Manifest::from_json(&body).unwrap();
        let mut ids: Vec<_> = manifest.relays.iter().map(|relay| relay.id.as_str()).collect();
        assert_eq!((status, ids[0]), (200, relay.entry().id.as_str()));
        ids.sort();
        assert_eq!(ids, ["one", "two"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_local_calls_go_on_and_with_it_the_rest_comes_back() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    let port = nats.port;
    let (one, two) = pair(nats.bus()).await;
    let here = Client::member(&one, Transport::WebSocket, "room", 1).await;
    let there = Client::member(&two, Transport::WebTransport, "room", 2).await;
    here.wait_state(2, MemberState::Connected).await;
    there.wait_state(1, MemberState::Connected).await;
    let local = CallBeside::start(&one).await;
    here.audio(0);
    there.wait_sound(1, 0).await;

    drop(nats);
    until("both are isolated", || [&one, &two].iter().all(|it| it.state() == RelayState::Isolated)).await;
    assert_eq!(here.probe(1).await.state, RelayState::Isolated);
    let (status, body) = get(one.entry(), "/readyz").await;
    assert_eq!((status, body.contains("isolated")), (503, true));
    assert_eq!(get(one.entry(), "/healthz").await.0, 200);
    here.audio(1);
    here.video(0, 0);

    let nats = Nats::start_at(port).await;
    let start = clock::now();
    until("both are ready", || [&one, &two].iter().all(|it| it.state() == RelayState::Ready)).await;
    let mut number = 10;
    until("sound passes", || {
        here.audio(number);
        here.video(number - 9, 0);
        number += 1;
        there.look(|heard| heard.sounds(1).iter().any(|heard| *heard >= 10))
    })
    .await;
    println!("healed {:?} after NATS was back", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5));
    // What was sent meanwhile is lost: the picture goes on with a key frame that is asked for.
    here.wait("KeyFrameWanted", |heard| {
        heard.told.iter().any(|(told, _)| matches!(told, Told::KeyFrameWanted(_))).then_some(())
    })
    .await;
    here.video(number, number);
    there.wait_picture(1, number).await;
    assert_eq!(get(one.entry(), "/readyz").await.0, 200);
    here.look(|heard| assert_eq!(heard.states(2), [MemberState::Connected], "a short cut in the bus is no news"));
    local.finish().await;
    drop(nats);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_starts_without_its_nats_and_finds_it_later() {
    let _alone = alone().await;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let bus = BusConfig::Nats(format!("nats://127.0.0.1:{port}").into());
    let relay =
        |region: &str| Relay::start(Config { id: Some(region.into()), bus: bus.clone(), ..Config::local(region) });
    let (one, two) = (relay("one").await.unwrap(), relay("two").await.unwrap());
    assert_eq!(one.state(), RelayState::Isolated);
    let here = Client::member(&one, Transport::WebSocket, "room", 1).await;
    let there = Client::member(&two, Transport::WebSocket, "room", 2).await;
    let nats = Nats::start_at(port).await;
    here.wait_state(2, MemberState::Connected).await;
    there.wait_state(1, MemberState::Connected).await;
    here.audio(0);
    there.wait_sound(1, 0).await;
    drop(nats);
}
