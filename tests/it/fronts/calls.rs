//! Calls through each proxy, and whose they are in the relay's eyes.

use std::net::{Ipv4Addr, SocketAddr};

use nearcall::proto::Transport;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::manifest::RelayEntry;

use super::front::{Front, Relay, connect, shake_hands, upgrade};
use crate::relay::client::Client;

const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 7);

async fn member(entry: &RelayEntry, transport: Transport, id: u64) -> Client {
    let client = Client::dial(entry, transport, id).await.unwrap();
    client.enter("room");
    client
        .wait("Joined", |heard| heard.told.iter().any(|(told, _)| matches!(told, Told::Joined(_))).then_some(()))
        .await;
    client.subscribe(1, &[]).await;
    client
}

/// Sound and pictures pass both ways between somebody behind the front and somebody at the relay itself.
async fn call_through(front: &Front, relay: &Relay) {
    let behind = member(&front.entry(&relay.entry), Transport::WebSocket, 0xa).await;
    let direct = member(&relay.entry, Transport::WebTransport, 0xb).await;
    for (from, to) in [(&behind, &direct), (&direct, &behind)] {
        to.wait("peer", |heard| (!heard.states(from.id).is_empty()).then_some(())).await;
        for number in 0..20 {
            from.audio(number);
            from.video(number, 0);
            to.wait_sound(from.id, number).await;
            to.wait_picture(from.id, number).await;
        }
    }
}

#[tokio::test]
async fn a_call_goes_through_haproxy_and_the_relay_knows_the_client_by_its_address_and_port() {
    let relay = Relay::start("oslo");
    let front = Front::haproxy(&relay);
    call_through(&front, &relay).await;
    let stream = connect(SOMEWHERE, front.address).await;
    let own = stream.local_addr().unwrap();
    let mut stream = shake_hands(stream, &relay.entry).await.unwrap();
    let before = relay.remotes().len();
    assert!(upgrade(&mut stream, "").await.starts_with("HTTP/1.1 101 "));
    super::front::eventually("one more session", || (relay.remotes().len() > before).then_some(()));
    assert_eq!(relay.wait_remote(), own);
}

#[tokio::test]
async fn a_call_goes_through_caddy_and_what_a_stranger_says_of_himself_is_not_believed() {
    let relay = Relay::start("oslo");
    let front = Front::caddy(relay.plain);
    call_through(&front, &relay).await;
    let before = relay.remotes().len();
    let mut stream = shake_hands(connect(SOMEWHERE, front.address).await, &front.entry(&relay.entry)).await.unwrap();
    let answer = upgrade(&mut stream, "X-Forwarded-For: 192.0.2.66\r\nForwarded: for=192.0.2.66\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    super::front::eventually("one more session", || (relay.remotes().len() > before).then_some(()));
    assert_eq!(relay.wait_remote(), SocketAddr::from((SOMEWHERE, 0)));
    // The relay's figure of the upgrade, and Caddy's.
    let timings: Vec<_> =
        answer.lines().filter(|line| line.to_ascii_lowercase().starts_with("server-timing:")).collect();
    assert!(timings.iter().any(|line| line.contains("relay;dur=")), "{answer}");
    assert!(timings.iter().any(|line| line.contains("proxy;dur=") && !line.contains('{')), "{answer}");
}
