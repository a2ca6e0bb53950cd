//! Many connections that want something, nothing, or do not even finish their handshake; and receivers that do not read.

use std::time::Duration;

use nearcall::clock;
use nearcall::proto::Transport;
use nearcall::proto::probe::RelayState;
use nearcall::relay::limits::Limits;
use nearcall::relay::{Config, Relay};
use tokio::net::{TcpStream, UdpSocket};

use super::beside::{CallBeside, during};
use super::client::{Client, TRANSPORTS};
use super::{alone, memory, only_the_call_beside, raw, relay};

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_on_tcp_that_never_end_keep_nobody_out() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let mut open = Vec::new();
        for _ in 0..300 {
            open.push(TcpStream::connect(relay.address()).await.unwrap());
        }
        newcomers_enter(&relay).await;
        drop(open);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_packets_without_a_second_keep_nobody_out() {
    let _alone = alone().await;
    let relay = relay().await;
    let packets = raw::initials(relay.entry(), 300).await;
    during(&relay, async {
        let mut sockets = Vec::new();
        for packet in packets.chunks(10) {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            for packet in packet {
                socket.send_to(packet, relay.address()).await.unwrap();
            }
            sockets.push(socket);
        }
        newcomers_enter(&relay).await;
    })
    .await;
}

async fn newcomers_enter(relay: &Relay) {
    for transport in TRANSPORTS {
        let start = clock::now();
        Client::join(relay, transport, "newcomer", 7).await;
        let took = start.elapsed();
        println!("{transport}: in within {took:?}");
        assert!(took < Duration::from_secs(2), "{transport}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_limit_a_relay_turns_newcomers_away_at_once() {
    let _alone = alone().await;
    let limits = Limits { connections: 12, ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("one") }).await.unwrap();
    during(&relay, async {
        let mut idle = Vec::new();
        for id in 0..10 {
            idle.push(Client::connect(&relay, TRANSPORTS[id % 2], id as u64).await);
        }
        for transport in TRANSPORTS {
            let start = clock::now();
            let error = Client::dial(relay.entry(), transport, 99).await.err().expect("there is no room").to_string();
            assert!(["refused", "503"].iter().any(|word| error.contains(word)), "{transport}: {error}");
            assert!(start.elapsed() < Duration::from_secs(2), "{transport} waited: {error}");
        }
        assert_eq!(raw::get(relay.entry(), "/healthz").await.0, 200, "health has room of its own");
        while relay.state() != RelayState::Full {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(raw::get(relay.entry(), "/readyz").await, (503, "full\n".into()));
        drop(idle);
        only_the_call_beside(&relay).await;
        for transport in TRANSPORTS {
            Client::join(&relay, transport, "newcomer", 7).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_are_ended_after_the_limits() {
    let _alone = alone().await;
    let limits =
        Limits { first_word: Duration::from_millis(400), idle: Duration::from_millis(900), ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("one") }).await.unwrap();
    during(&relay, async {
        for transport in TRANSPORTS {
            let (silent, idle) =
                (Client::connect(&relay, transport, 1).await, Client::connect(&relay, transport, 2).await);
            let start = clock::now();
            idle.probe(1).await;
            silent.wait_closed().await;
            assert!(start.elapsed() < Duration::from_millis(900) && idle.look(|heard| heard.closed.is_none()));
            idle.wait_closed().await;
            assert!(idle.look(|heard| heard.refused().is_some_and(|refused| refused.message.contains("too long"))));
        }
        only_the_call_beside(&relay).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections_cost_little_and_disturb_nobody() {
    let _alone = alone().await;
    let relay = relay().await;
    let call = CallBeside::start(&relay).await;
    let before = memory();
    let connector = raw::connector(&relay.entry().pins);
    let endpoint = raw::endpoint(relay.entry());
    let (mut sockets, mut connections) = (Vec::new(), Vec::new());
    for _ in 0..800 {
        sockets.push(raw::websocket(relay.entry(), &connector).await);
    }
    for _ in 0..200 {
        connections.push(raw::connect(&endpoint, relay.entry()).await);
    }
    let (joined, open) = relay.load();
    assert_eq!((joined, open >= 900), (2, true), "{open} are open");
    let grown = memory().saturating_sub(before) / 1000;
    println!("{grown} bytes a connection, both ends together");
    assert!(grown < 150 * 1024, "{grown} bytes a connection");
    call.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_do_not_read_cost_a_bounded_queue_and_disturb_nobody() {
    let _alone = alone().await;
    let relay = relay().await;
    let call = CallBeside::start(&relay).await;
    let sender = Client::member(&relay, Transport::WebSocket, "deaf", 1).await;
    let reader = Client::member(&relay, Transport::WebTransport, "deaf", 2).await;
    let mut deaf_sockets = Vec::new();
    let mut deaf_sessions = Vec::new();
    for id in 10..13 {
        deaf_sockets.push(raw::deaf_websocket(relay.entry(), "deaf", id).await);
        deaf_sessions.push(raw::deaf_webtransport(relay.entry(), "deaf", 10 + id).await);
    }
    sender
        .wait("six deaf members", |heard| {
            (10..13).all(|id| !heard.states(id).is_empty() && !heard.states(10 + id).is_empty()).then_some(())
        })
        .await;
    let before = memory();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for number in 0..400 {
        ticks.tick().await;
        sender.sender.video(super::client::picture(1, number, number - number % 40, 30_000));
        sender.audio(number);
    }
    reader.wait_picture(1, 399).await;
    reader.wait_sound(1, 399).await;
    let grown = memory().saturating_sub(before) >> 20;
    println!("{grown} MB for six that do not read 12 MB each");
    assert!(grown < 24, "{grown} MB");
    reader.look(|heard| assert_eq!((heard.pictures(1).len(), heard.sounds(1).len()), (400, 400)));
    call.finish().await;
}
