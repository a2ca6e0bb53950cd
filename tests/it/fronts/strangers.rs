//! Who goes past the proxies, and who pretends to be one.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use nearcall::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::front::{Relay, connect, shake_hands, upgrade};

/// What the relay takes for a proxy.
const PROXY: Ipv4Addr = Ipv4Addr::LOCALHOST;
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// The relay's time for handshakes, and some more for a busy machine.
const HANDSHAKE: Duration = Duration::from_secs(5 + 3);

async fn closes(mut stream: impl tokio::io::AsyncRead + Unpin) -> Duration {
    let start = clock::now();
    let mut bytes = Vec::new();
    let ended = tokio::time::timeout(HANDSHAKE, stream.read_to_end(&mut bytes)).await;
    assert!(ended.is_ok(), "the relay holds on to it");
    clock::now() - start
}

#[tokio::test]
async fn a_proxy_that_does_not_say_for_whom_it_comes_is_cut_off() {
    let relay = Relay::start("oslo");
    // TLS at once: seen by its first byte.
    assert!(shake_hands(connect(PROXY, relay.address()).await, &relay.entry).await.is_err());
    let mut wrong = connect(PROXY, relay.address()).await;
    wrong.write_all(b"PROXY TCP4 192.0.2.66\r\n").await.unwrap();
    let mut half = connect(PROXY, relay.address()).await;
    half.write_all(b"PROXY TCP4 192.0.2.66").await.unwrap();
    let silent = connect(PROXY, relay.address()).await;
    let (wrong, ..) = tokio::join!(closes(wrong), closes(half), closes(silent));
    assert!(wrong < Duration::from_secs(3), "{wrong:?}");
    assert_eq!(relay.remotes(), []);
}

#[tokio::test]
async fn a_stranger_needs_no_header_and_is_believed_none() {
    let relay = Relay::start("oslo");
    let mut liar = connect(STRANGER, relay.address()).await;
    liar.write_all(b"PROXY TCP4 192.0.2.66 192.0.2.1 4711 443\r\n").await.unwrap();
    assert!(shake_hands(liar, &relay.entry).await.is_err(), "to the relay these bytes are broken TLS");
    assert_eq!(relay.remotes(), []);

    let stream = connect(STRANGER, relay.address()).await;
    let own = stream.local_addr().unwrap();
    let mut stream = shake_hands(stream, &relay.entry).await.unwrap();
    let answer = upgrade(&mut stream, "X-Forwarded-For: 192.0.2.66\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!(relay.wait_remote(), own);
}

#[tokio::test]
async fn the_plain_port_believes_its_proxy_alone() {
    let relay = Relay::start("oslo");
    let mut stream = connect(STRANGER, relay.plain).await;
    let own = stream.local_addr().unwrap();
    upgrade(&mut stream, "X-Forwarded-For: 192.0.2.66\r\n").await;
    assert_eq!(relay.wait_remote(), own);
    let mut stream = connect(PROXY, relay.plain).await;
    upgrade(&mut stream, "X-Forwarded-For: 192.0.2.66, 192.0.2.77\r\n").await;
    let expected: SocketAddr = "192.0.2.77:0".parse().unwrap();
    super::front::eventually("the proxy's client", || relay.remotes().contains(&expected).then_some(()));
}
