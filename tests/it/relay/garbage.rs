//! Bytes that mean nothing, at every layer, while a call goes on beside them.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use nearcall::election::Rng;
use nearcall::proto::{Kind, MediaHeader, limits};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio_tungstenite::tungstenite::Message;
use wtransport::error::ConnectionError;

use super::beside::during;
use super::client::{Client, PATIENCE, TRANSPORTS, picture};
use super::raw::{self, answer, connector, framed, read_to_end, tagged};
use super::{alone, relay};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_datagrams_disturb_nobody() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut rng = Rng::new(1);
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..400 {
            ticks.tick().await;
            for _ in 0..25 {
                let len = rng.bits() as usize % 1400;
                let mut bytes = raw::garbage(&mut rng, len);
                // Half of them look like the start of a QUIC connection.
                if len % 2 == 1 && len > 5 {
                    bytes[..5].copy_from_slice(&[0xc3, 0, 0, 0, 1]);
                }
                socket.send_to(&bytes, relay.address()).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_tcp_and_inside_tls_ends_the_connection() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let mut rng = Rng::new(2);
        for len in [1, 5, 100, 5_000, 50_000] {
            let mut stream = TcpStream::connect(relay.address()).await.unwrap();
            let _ = stream.write_all(&raw::garbage(&mut rng, len)).await;
            let _ = stream.shutdown().await;
            read_to_end(stream).await;
        }
        for _ in 0..20 {
            let noise = raw::garbage(&mut rng, 3_000);
            let told = answer(relay.entry(), &[&noise[..], b"\r\n\r\n"].concat()).await;
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 400"), "{told}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_huge_head_is_refused() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let big = format!("GET /v1/call HTTP/1.1\r\nHost: relay\r\nX: {}\r\n\r\n", "x".repeat(2 << 20));
        let many = format!("GET /v1/call HTTP/1.1\r\nHost: relay\r\n{}\r\n", "X: y\r\n".repeat(1_000));
        let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(1 << 20));
        for request in [big, many, endless] {
            let told = answer(relay.entry(), request.as_bytes()).await;
            // Refused in words, or cut off in the middle of it.
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 4"), "{told}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket_messages_that_mean_nothing_are_skipped_or_end_the_connection() {
    let _alone = alone().await;
    let relay = relay().await;
    let connector = connector(&relay.entry().pins);
    during(&relay, async {
        let mut tolerant = raw::websocket(relay.entry(), &connector).await;
        let probe = tagged(Kind::Probe, &[&[1][..], &7u64.to_be_bytes()].concat());
        for skipped in [Message::text("hello"), Message::binary(vec![0xee; 100]), Message::binary(probe)] {
            tolerant.send(skipped).await.unwrap();
        }
        let reply = tolerant.next().await.unwrap().unwrap().into_data();
        assert_eq!(reply[0], Kind::ProbeReply as u8, "text and unknown kinds are passed over");
        let endings = [
            Message::binary(Vec::new()),
            Message::binary(tagged(Kind::Control, &vec![0; limits::CONTROL_BYTES + 1])),
            Message::binary(tagged(Kind::Video, &vec![1; limits::VIDEO_FRAME_BYTES + 1])),
            Message::binary(tagged(Kind::Video, &[1; MediaHeader::LEN - 1])),
            Message::binary(tagged(Kind::Probe, &[1, 2])),
            Message::binary(vec![5; 8 << 20]),
        ];
        for message in endings {
            let mut socket = raw::websocket(relay.entry(), &connector).await;
            let len = message.len();
            let _ = socket.send(message).await;
            assert!(ends(&mut socket).await, "{len} bytes were taken");
        }
    })
    .await;
}

/// Whether the relay ends a WebSocket without a word.
async fn ends(socket: &mut raw::Socket) -> bool {
    let ended = async {
        loop {
            match socket.next().await {
                None | Some(Err(_) | Ok(Message::Close(_))) => return true,
                Some(Ok(_)) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap_or(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_stream_that_breaks_the_rules_ends_the_session_with_the_reason() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let oversized = [&[Kind::Control as u8][..], &(limits::CONTROL_BYTES as u32 + 1).to_be_bytes()].concat();
        let largest = [&[Kind::Control as u8][..], &u32::MAX.to_be_bytes()].concat();
        for (bytes, reason) in
            [(oversized, "over the limit"), (largest, "over the limit"), (vec![9; 50], "begins with 0x09")]
        {
            let connection = raw::webtransport(relay.entry()).await;
            let (mut send, _receive) = connection.open_bi().await.unwrap().await.unwrap();
            send.write_all(&bytes).await.unwrap();
            let told = closing_words(&connection).await;
            assert!(told.contains(reason), "{told}");
        }
    })
    .await;
}

async fn closing_words(connection: &wtransport::Connection) -> String {
    match tokio::time::timeout(PATIENCE, connection.closed()).await.expect("the relay holds on to it") {
        ConnectionError::ApplicationClosed(close) => String::from_utf8_lossy(close.reason()).into_owned(),
        other => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_protobuf_is_refused_with_a_reason() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            let mut rng = Rng::new(3);
            for _ in 0..10 {
                let client = Client::connect(&relay, transport, 1).await;
                // A Hello of a length that does not follow.
                client.sender.control([&[0x0a, 0xff, 0x03][..], &raw::garbage(&mut rng, 40)].concat().into()).unwrap();
                let refused = client.wait_refused().await;
                assert!(refused.message.contains("malformed"), "{refused:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_datagrams_that_mean_nothing_cost_their_sender_at_most() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let connection = raw::webtransport(relay.entry()).await;
        let mut rng = Rng::new(4);
        for _ in 0..200 {
            let len = rng.bits() as usize % 1000;
            let _ = connection.send_datagram(raw::garbage(&mut rng, len));
        }
        let head = nearcall::proto::SubgroupHead::of(&picture(5, 0, 0, 10).header).to_bytes();
        let mut open = Vec::new();
        for bytes in [
            raw::garbage(&mut rng, 300),
            vec![Kind::Subgroup as u8; 5],
            [&head[..], &u32::MAX.to_be_bytes()].concat(),
            [&head[..], &framed(&[0xff; 30])].concat(),
        ] {
            let mut stream = connection.open_uni().await.unwrap().await.unwrap();
            let _ = stream.write_all(&bytes).await;
            open.push(stream);
        }
        // It still answers on this connection, or has ended it: both are fine, holding still is not.
        let probe = Bytes::copy_from_slice(&nearcall::proto::probe::Probe { id: 77 }.to_bytes());
        let _ = connection.send_datagram(probe);
        let answered = async {
            while let Ok(datagram) = connection.receive_datagram().await {
                if datagram.payload().first() == Some(&(Kind::ProbeReply as u8)) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, answered).await.expect("an answer or an end");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_begun_and_never_finished_end_the_connection() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let connection = raw::webtransport(relay.entry()).await;
        let head = picture(5, 0, 0, 10).header;
        let mut streams = tokio::task::JoinSet::new();
        for number in 0..100 {
            let head = nearcall::proto::SubgroupHead { group: number, ..nearcall::proto::SubgroupHead::of(&head) };
            let Ok(opening) = connection.open_uni().await else { break };
            let Ok(mut stream) = opening.await else { break };
            streams.spawn(async move {
                let length = limits::VIDEO_FRAME_BYTES as u32;
                let begun = [&head.to_bytes()[..], &length.to_be_bytes(), &vec![0; 900_000]].concat();
                let _ = stream.write_all(&begun).await;
                // Held open: an end would end the frame.
                stream
            });
        }
        let told = closing_words(&connection).await;
        assert!(told.contains("not finished"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_does_not_fit_is_noticed_by_the_client() {
    let _alone = alone().await;
    let relay = relay().await;
    let mut entry = relay.entry().clone();
    entry.pins = vec![nearcall::crypto::pin(b"another certificate")];
    for transport in TRANSPORTS {
        assert!(Client::dial(&entry, transport, 1).await.is_err());
    }
}
