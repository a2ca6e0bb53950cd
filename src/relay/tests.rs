//! A relay in this process and clients over real sockets: one of each kind. What carries a call for long is tested end to end.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bus::{BusConfig, Hub};
use super::*;
use crate::net::{self, Incoming, Link};
use crate::proto::control::{
    self, ClientMessage, Hello, Join, Leave, MemberState, RefusalCode, Refused, Resume, ServerMessage, Subscribe, Wish,
    client_message, server_message,
};
use crate::proto::datagram::{self, AudioPacket};
use crate::proto::subgroup::VideoFrame;
use crate::proto::{Layer, MediaHeader, ParticipantId, Track, Transport, VERSION};

const PATIENCE: Duration = Duration::from_secs(5);

struct Client {
    link: Link,
    participant: u64,
}

impl Client {
    async fn dial(relay: &Relay, transport: Transport, participant: u64) -> Self {
        let entry = relay.entry();
        let link = net::dial(transport, entry.url(transport).unwrap(), &entry.pins, PATIENCE).await.unwrap();
        Self { link, participant }
    }

    /// A client in the room, with its roster, that wants everything.
    async fn join(relay: &Relay, transport: Transport, participant: u64, resume: Vec<Resume>) -> (Self, Vec<u64>) {
        let mut client = Self::dial(relay, transport, participant).await;
        client.say(client.hello(VERSION));
        client.say(client_message::Body::Join(Join::default()));
        let track = |track| Wish { participant: 0, track, max_spatial: 2, max_temporal: 2 };
        let wishes = vec![track(0), track(1), track(2)];
        client.say(client_message::Body::Subscribe(Subscribe { sequence: 1, wishes, resume }));
        let server_message::Body::Welcome(welcome) = client.hear().await else { panic!("no welcome") };
        assert_eq!(welcome.participant, participant);
        let server_message::Body::Joined(joined) = client.hear().await else { panic!("not joined") };
        loop {
            match client.hear().await {
                server_message::Body::Subscribed(subscribed) => break assert_eq!(subscribed.sequence, 1),
                server_message::Body::MemberChanged(_) => {}
                other => panic!("not subscribed: {other:?}"),
            }
        }
        (client, joined.members.iter().map(|member| member.participant).collect())
    }

    fn hello(&self, version: u32) -> client_message::Body {
        let room = "stand-up".into();
        client_message::Body::Hello(Hello { version, room, participant: self.participant, ..Hello::default() })
    }

    fn say(&self, body: client_message::Body) {
        self.link.sender.control(control::encode(&ClientMessage { body: Some(body) })).unwrap();
    }

    async fn next(&mut self) -> Incoming {
        let next = tokio::time::timeout(PATIENCE, self.link.incoming.recv()).await;
        next.expect("nothing came").expect("a link says how it ended")
    }

    async fn hear(&mut self) -> server_message::Body {
        loop {
            match self.next().await {
                Incoming::Control(body) => {
                    break control::decode::<ServerMessage>(&body).unwrap().body.expect("a body");
                }
                Incoming::Closed { reason } => panic!("closed: {reason}"),
                _ => {}
            }
        }
    }

    async fn refusal(&mut self) -> Refused {
        match self.hear().await {
            server_message::Body::Refused(refused) => refused,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn member(&mut self, participant: u64, state: MemberState) {
        loop {
            if let server_message::Body::MemberChanged(changed) = self.hear().await
                && let Some(member) = changed.member
                && member.participant == participant
                && member.state() == state
            {
                return;
            }
        }
    }

    fn header(&self, track: Track, frame: u32, since_key: u16) -> MediaHeader {
        MediaHeader {
            track,
            layer: Layer::default(),
            key: since_key == 0 && !track.is_audio(),
            discardable: false,
            dtx: false,
            participant: ParticipantId(self.participant),
            frame,
            since_key,
            capture_us: 0,
        }
    }

    fn show(&self, frame: u32, since_key: u16) {
        self.link.sender.video(VideoFrame::new(self.header(Track::Camera, frame, since_key), &[7; 3000]));
    }

    fn speak(&self, frame: u32) {
        let packet =
            AudioPacket { header: self.header(Track::Microphone, frame, 0), payload: Bytes::from_static(&[9; 80]) };
        self.link.sender.audio(datagram::encode(&packet, None).unwrap());
    }

    async fn see(&mut self) -> u32 {
        loop {
            match self.next().await {
                Incoming::Video { frame, .. } => break frame.header.frame,
                Incoming::Closed { reason } => panic!("closed: {reason}"),
                _ => {}
            }
        }
    }

    async fn listen(&mut self) -> u32 {
        loop {
            match self.next().await {
                Incoming::Audio { body, .. } => break datagram::decode(&body).unwrap()[0].header.frame,
                Incoming::Closed { reason } => panic!("closed: {reason}"),
                _ => {}
            }
        }
    }
}

async fn relay(region: &str, bus: BusConfig) -> Relay {
    let admin = Some("127.0.0.1:0".parse().unwrap());
    Relay::start(Config { bus, admin, workers: Some(1), ..Config::local(region) }).await.unwrap()
}

async fn alone() -> Relay {
    relay("oslo", BusConfig::Local(Hub::new())).await
}

async fn get(relay: &Relay, path: &str) -> String {
    let mut stream = TcpStream::connect(relay.admin_address().unwrap()).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn sound_and_picture_go_between_the_transports_and_a_newcomer_sees_at_once() {
    let relay = alone().await;
    let (mut ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    let (mut bob, roster) = Client::join(&relay, Transport::WebSocket, 2, vec![]).await;
    assert_eq!(roster, [1]);
    ada.member(2, MemberState::Connected).await;
    (0..3).for_each(|frame| ada.show(frame, frame as u16));
    assert_eq!([bob.see().await, bob.see().await, bob.see().await], [0, 1, 2]);
    bob.speak(5);
    assert_eq!(ada.listen().await, 5);
    let (mut eve, _) = Client::join(&relay, Transport::WebTransport, 3, vec![]).await;
    assert_eq!([eve.see().await, eve.see().await, eve.see().await], [0, 1, 2]);
    let resume = Resume { participant: 1, track: 1, spatial: 0, group: 0, frame: 1 };
    let (mut eve_moved, _) = Client::join(&relay, Transport::WebSocket, 3, vec![resume]).await;
    assert_eq!(eve_moved.see().await, 2);
    relay.shutdown().await;
}

#[tokio::test]
async fn another_version_is_refused_with_a_reason() {
    let relay = alone().await;
    for transport in [Transport::WebTransport, Transport::WebSocket] {
        let mut client = Client::dial(&relay, transport, 1).await;
        client.say(client.hello(VERSION + 1));
        let refused = client.refusal().await;
        assert_eq!(refused.code(), RefusalCode::Version);
        assert!(refused.message.contains("relay needs an update"), "{}", refused.message);
    }
}

#[tokio::test]
async fn who_breaks_the_protocol_is_refused_and_nobody_else_notices() {
    let relay = alone().await;
    let (ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    let (mut bob, _) = Client::join(&relay, Transport::WebSocket, 2, vec![]).await;
    for bad in [
        Bytes::from_static(&[0xff; 9]),
        control::encode(&ClientMessage { body: Some(client_message::Body::Join(Join::default())) }),
    ] {
        let mut mallory = Client::dial(&relay, Transport::WebSocket, 3).await;
        mallory.link.sender.control(bad).unwrap();
        assert_eq!(mallory.refusal().await.code(), RefusalCode::Malformed);
    }
    let (mallory, _) = Client::join(&relay, Transport::WebSocket, 3, vec![]).await;
    let forged = Client { participant: 1, ..mallory };
    forged.show(0, 0);
    forged.speak(0);
    ada.show(1, 0);
    assert_eq!(bob.see().await, 1);
}

#[tokio::test]
async fn who_leaves_is_told_and_who_is_cut_off_is_reconnecting() {
    let relay = alone().await;
    let (mut ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    let (bob, _) = Client::join(&relay, Transport::WebSocket, 2, vec![]).await;
    bob.say(client_message::Body::Leave(Leave { moved: false }));
    ada.member(2, MemberState::Left).await;
    let (eve, _) = Client::join(&relay, Transport::WebTransport, 3, vec![]).await;
    drop(eve);
    ada.member(3, MemberState::Reconnecting).await;
}

/// A room on two relays: what is said at one is heard at the other, and what was shown before is fetched.
async fn a_call_across(oslo: Relay, lima: Relay) {
    let (mut ada, _) = Client::join(&oslo, Transport::WebTransport, 1, vec![]).await;
    (0..3).for_each(|frame| ada.show(frame, frame as u16));
    let (mut bob, _) = Client::join(&lima, Transport::WebSocket, 2, vec![]).await;
    ada.member(2, MemberState::Connected).await;
    assert_eq!([bob.see().await, bob.see().await, bob.see().await], [0, 1, 2]);
    ada.show(3, 3);
    assert_eq!(bob.see().await, 3);
    bob.speak(1);
    assert_eq!(ada.listen().await, 1);
    // Bob moves to the other relay: his first frame there is no second Bob.
    let (bob_moved, roster) = Client::join(&oslo, Transport::WebTransport, 2, vec![]).await;
    assert_eq!(roster, [1]);
    bob.say(client_message::Body::Leave(Leave { moved: true }));
    bob_moved.speak(1);
    bob_moved.speak(2);
    assert_eq!(ada.listen().await, 2, "the first was heard before");
    ada.show(4, 0);
    bob_moved.say(client_message::Body::KeyFrameRequest(control::KeyFrameRequest {
        participant: 1,
        track: 1,
        spatial: 0,
    }));
    loop {
        if let server_message::Body::KeyFrameWanted(wanted) = ada.hear().await {
            break assert_eq!(wanted.track, 1);
        }
    }
    assert_eq!(oslo.manifest().relays.len(), 2);
    oslo.shutdown().await;
    lima.shutdown().await;
}

#[tokio::test]
async fn a_call_goes_across_two_relays_of_one_process() {
    let hub = Hub::new();
    let oslo = relay("oslo", BusConfig::Local(hub.clone())).await;
    let lima = relay("lima", BusConfig::Local(hub.clone())).await;
    hub.set_delay(&oslo.entry().id, &lima.entry().id, Duration::from_millis(10));
    a_call_across(oslo, lima).await;
}

#[tokio::test]
async fn a_drain_tells_everybody_to_move_and_ends_when_all_have() {
    let relay = alone().await;
    let (mut ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    let moving = async {
        loop {
            if let server_message::Body::Drain(drain) = ada.hear().await {
                assert!((29_000..=30_000).contains(&drain.deadline_ms) && drain.spread_ms <= 10_000);
                break;
            }
        }
        assert_eq!(relay.state(), RelayState::Draining);
        assert!(get(&relay, "/readyz").await.contains("503"));
        let mut late = Client::dial(&relay, Transport::WebSocket, 9).await;
        late.say(late.hello(VERSION));
        assert_eq!(late.refusal().await.code(), RefusalCode::Draining);
        ada.say(client_message::Body::Leave(Leave { moved: true }));
    };
    let (emptied, ()) = tokio::join!(relay.drain(Duration::from_secs(30)), moving);
    assert!(emptied);
}

#[tokio::test]
async fn with_nobody_there_a_drain_ends_at_once() {
    assert!(alone().await.drain(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn health_and_manifest_are_served_and_the_manifest_is_written_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("oslo.json");
    let config = Config {
        manifest_out: Some(path.clone()),
        admin: Some("127.0.0.1:0".parse().unwrap()),
        ..Config::local("oslo")
    };
    let relay = Relay::start(config).await.unwrap();
    assert!(get(&relay, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(&relay, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get(&relay, CALL_PATH).await.starts_with("HTTP/1.1 404"), "no calls in the clear");
    let served = get(&relay, "/regions.json").await;
    let served = served.split_once("\r\n\r\n").unwrap().1;
    let manifest = Manifest::from_json(served).unwrap();
    assert_eq!(manifest, Manifest::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap());
    assert_eq!(manifest.relays, [relay.entry().clone()]);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_address_of_every_interface_is_no_address_to_tell_clients() {
    let config = Config { listen: "0.0.0.0:0".parse().unwrap(), ..Config::local("oslo") };
    assert!(matches!(Relay::start(config.clone()).await, Err(RelayError::NoAddress)));
    let relay = Relay::start(Config { advertise: Some("relay.example".into()), ..config }).await.unwrap();
    let expected = format!("wss://relay.example:{}/v1/call", relay.address().port());
    assert_eq!(relay.entry().websocket.as_deref(), Some(expected.as_str()));
}

#[tokio::test]
async fn more_connections_than_the_limit_are_turned_away() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("oslo") }).await.unwrap();
    let _ada = Client::dial(&relay, Transport::WebTransport, 1).await;
    let _bob = Client::dial(&relay, Transport::WebSocket, 2).await;
    let entry = relay.entry();
    for transport in [Transport::WebTransport, Transport::WebSocket] {
        let third = net::dial(transport, entry.url(transport).unwrap(), &entry.pins, PATIENCE).await;
        assert!(third.is_err(), "{transport}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let limits = Limits { first_word: Duration::from_millis(100), ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("oslo") }).await.unwrap();
    let mut silent = Client::dial(&relay, Transport::WebSocket, 1).await;
    assert!(silent.refusal().await.message.contains("too long"));
    let mut probing = Client::dial(&relay, Transport::WebTransport, 1).await;
    probing.link.sender.probe(7);
    assert!(matches!(probing.next().await, Incoming::ProbeReply { .. }));
    let quiet = tokio::time::timeout(Duration::from_millis(300), probing.link.incoming.recv()).await;
    assert!(quiet.is_err(), "a race keeps its connections");
}

#[tokio::test]
async fn a_relay_that_is_killed_says_no_goodbye_over_quic_and_its_port_is_free_again() {
    let hub = Hub::new();
    let oslo = relay("oslo", BusConfig::Local(hub.clone())).await;
    let (mut ada, _) = Client::join(&oslo, Transport::WebTransport, 1, vec![]).await;
    let address = oslo.address();
    oslo.kill();
    let quiet = tokio::time::timeout(Duration::from_millis(300), ada.link.incoming.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    let again = Relay::start(Config { listen: address, ..Config::local("oslo") }).await.unwrap();
    assert_eq!(again.address(), address);
}

#[tokio::test]
async fn a_relay_that_stops_says_so() {
    let relay = alone().await;
    let (mut ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    relay.shutdown().await;
    let closed = async { while !matches!(ada.next().await, Incoming::Closed { .. }) {} };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
}

/// A NATS server of this test alone, where one is installed.
struct Nats {
    process: std::process::Child,
    url: String,
}

impl Nats {
    fn start(port: u16) -> Option<Self> {
        let mut command = std::process::Command::new("nats-server");
        let null = std::process::Stdio::null;
        let process = command.args(["-a", "127.0.0.1", "-p", &port.to_string()]).stdout(null()).stderr(null()).spawn();
        let url = format!("nats://127.0.0.1:{port}");
        process
            .inspect_err(|error| eprintln!("not tested: no nats-server ({error})"))
            .ok()
            .map(|process| Self { process, url })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn until(relay: &Relay, state: RelayState) {
    let reached = async {
        while relay.state() != state {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, reached).await.unwrap_or_else(|_| panic!("{:?}, not {state:?}", relay.state()));
}

fn free_port() -> u16 {
    accept::bind("127.0.0.1:0".parse().unwrap()).unwrap().0.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_call_goes_across_two_relays_on_nats() {
    let Some(nats) = Nats::start(free_port()) else { return };
    let oslo = relay("oslo", BusConfig::Nats(nats.url.clone().into())).await;
    let lima = relay("lima", BusConfig::Nats(nats.url.clone().into())).await;
    until(&oslo, RelayState::Ready).await;
    until(&lima, RelayState::Ready).await;
    a_call_across(oslo, lima).await;
}

#[tokio::test]
async fn without_nats_a_relay_is_isolated_serves_who_is_here_and_comes_back_by_itself() {
    let port = free_port();
    let relay = relay("oslo", BusConfig::Nats(format!("nats://127.0.0.1:{port}").into())).await;
    assert_eq!(relay.state(), RelayState::Isolated);
    assert!(get(&relay, "/readyz").await.contains("503"));
    let (mut ada, _) = Client::join(&relay, Transport::WebTransport, 1, vec![]).await;
    let (bob, _) = Client::join(&relay, Transport::WebSocket, 2, vec![]).await;
    bob.speak(1);
    assert_eq!(ada.listen().await, 1);
    let Some(nats) = Nats::start(port) else { return };
    until(&relay, RelayState::Ready).await;
    drop(nats);
    until(&relay, RelayState::Isolated).await;
    bob.speak(2);
    assert_eq!(ada.listen().await, 2);
}
