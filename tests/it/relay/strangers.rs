//! Strangers who are slow on purpose, or ask the transports for much at no cost of theirs: each ends early, and a call beside it loses
//! nothing.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use nearcall::clock;
use nearcall::proto::{Kind, SubgroupHead};
use nearcall::relay::limits::Limits;
use nearcall::relay::{Config, Relay};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::beside::{CallBeside, during};
use super::client::{PATIENCE, picture};
use super::upkeep::Process;
use super::{alone, memory, raw, relay};

const PATCH: Duration = Duration::from_millis(400);

/// A relay that waits less long than most.
async fn brisk() -> Relay {
    let limits = Limits { handshake: PATCH, first_word: PATCH, idle: PATCH, ..Limits::default() };
    Relay::start(Config { limits, ..Config::local("one") }).await.unwrap()
}

fn soon(start: Instant) {
    assert!(start.elapsed() < PATCH * 5, "it took {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_and_a_request_byte_by_byte_end_with_the_time_for_a_handshake() {
    let _alone = alone().await;
    let relay = brisk().await;
    during(&relay, async {
        let start = clock::now();
        let mut stream = TcpStream::connect(relay.address()).await.unwrap();
        // The head of a TLS record of 512 bytes, and then too little of it.
        let trickle = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc][..], &[0; 500]].concat();
        drip(&mut stream, &trickle).await;
        soon(start);
        let start = clock::now();
        let mut stream = raw::tls(relay.entry(), &raw::connector(&relay.entry().pins)).await.unwrap();
        drip(&mut stream, "GET /v1/call HTTP/1.1\r\nX: ".repeat(50).as_bytes()).await;
        soon(start);
    })
    .await;
}

/// Writes a byte at a time until the other side has enough.
async fn drip(stream: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin), bytes: &[u8]) {
    let mut ended = [0; 1024];
    for byte in bytes {
        tokio::select! {
            // An answer, an alert or an end.
            read = stream.read(&mut ended) => if !matches!(read, Ok(1..)) { return },
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
        if stream.write_all(&[*byte]).await.and(stream.flush().await).is_err() {
            return;
        }
    }
    panic!("all of it was waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_a_connection_and_what_comes_behind_it_is_not_read() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let many = "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n".repeat(100);
        let told = raw::answer(relay.entry(), many.as_bytes()).await;
        assert_eq!(told.matches("HTTP/1.1 200").count(), 1, "{told}");
        let head =
            "POST /healthz HTTP/1.1\r\nHost: relay\r\nContent-Encoding: gzip\r\nContent-Length: 1000000000\r\n\r\n";
        let told = raw::answer(relay.entry(), head.as_bytes()).await;
        assert!(told.starts_with("HTTP/1.1 405"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compression_is_not_taken_up_however_it_is_offered() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let mut stream = raw::tls(relay.entry(), &raw::connector(&relay.entry().pins)).await.unwrap();
        let request = "GET /v1/call HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; 4096];
        let len = stream.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..len]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101") && !head.contains("extensions"), "{head}");
        // A frame that says that it is compressed, as if it had been agreed: final, RSV1, binary, masked, 4 bytes.
        stream.write_all(&[0xc2, 0x84, 0, 0, 0, 0, 1, 2, 3, 4]).await.unwrap();
        raw::read_to_end(stream).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_message_in_pieces_for_ever_is_not_a_word() {
    let _alone = alone().await;
    let relay = brisk().await;
    during(&relay, async {
        let start = clock::now();
        let mut socket = raw::websocket(relay.entry(), &raw::connector(&relay.entry().pins)).await;
        let piece = |code, last| Message::Frame(Frame::message(vec![1; 10], OpCode::Data(code), last));
        let mut next = piece(Data::Binary, false);
        while socket.send(next).await.is_ok() {
            // Pings between them are no word either.
            let _ = socket.send(Message::Ping(Bytes::new())).await;
            next = piece(Data::Continue, false);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(start.elapsed() < PATIENCE, "it is listened to for ever");
        }
        soon(start);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_ends_the_connection() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let socket = raw::websocket(relay.entry(), &raw::connector(&relay.entry().pins)).await;
        let (mut sink, mut stream) = socket.split();
        let pongs = tokio::spawn(async move { while let Some(Ok(_)) = stream.next().await {} });
        let flood = async { while sink.send(Message::Ping(Bytes::from_static(&[7; 100]))).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, flood).await.expect("they are answered for ever");
        pongs.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_without_data_cost_little_and_end_with_their_connection() {
    let _alone = alone().await;
    let relay = brisk().await;
    during(&relay, async {
        let (start, before) = (clock::now(), memory());
        let connection = raw::webtransport(relay.entry()).await;
        let mut control = connection.open_bi().await.unwrap().await.unwrap();
        // A control message that is announced and never comes.
        control.0.write_all(&[Kind::Control as u8, 0, 0, 0xff, 0xff, 1, 2]).await.unwrap();
        let head = SubgroupHead::of(&picture(5, 0, 0, 10).header).to_bytes();
        let mut open = Vec::new();
        let opening = async {
            for number in 0..250usize {
                let mut stream = connection.open_uni().await.unwrap().await.unwrap();
                let _ = stream.write_all(&head[..number % head.len()]).await;
                open.push(stream);
            }
        };
        let _ = tokio::time::timeout(PATCH / 2, opening).await;
        println!("{} streams, {} kB", open.len(), memory().saturating_sub(before) / 1024);
        assert!(memory().saturating_sub(before) < 8 << 20);
        tokio::time::timeout(PATIENCE, connection.closed()).await.expect("it is kept for ever");
        soon(start);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_reset_in_a_loop_disturb_nobody() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let connection = raw::webtransport(relay.entry()).await;
        let (before, end) = (memory(), clock::now() + Duration::from_secs(2));
        let mut streams = 0;
        while clock::now() < end && connection.quic_connection().close_reason().is_none() {
            let once = async { connection.quic_connection().open_uni().await.ok()?.reset(7u32.into()).ok() };
            streams += u32::from(matches!(tokio::time::timeout(PATCH, once).await, Ok(Some(()))));
        }
        let grown = memory().saturating_sub(before) >> 20;
        println!("{streams} streams, {grown} MB, {:?}", connection.quic_connection().close_reason());
        assert!(grown < 24, "{grown} MB");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_finished_in_a_loop_end_the_connection() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let connection = raw::webtransport(relay.entry()).await;
        let flood = async {
            while let Ok(opening) = connection.open_uni().await {
                let Ok(mut stream) = opening.await else { break };
                if stream.write_all(&[0xee]).await.is_err() || stream.quic_stream_mut().finish().is_err() {
                    break;
                }
            }
            connection.closed().await.to_string()
        };
        let told = tokio::time::timeout(Duration::from_secs(20), flood).await.expect("they are taken for ever");
        assert!(told.contains("too many streams"), "{told}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_datagrams_disturbs_nobody() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    // A process of its own: whoever floods keeps a queue too, and that is not what is measured.
    let (relay, entry) = Process::start(folder.path(), &[]).await;
    let call = CallBeside::at(&entry, &entry).await;
    let connection = raw::webtransport(&entry).await;
    let before = relay.memory();
    let end = clock::now() + Duration::from_secs(2);
    let mut sent = 0u32;
    while clock::now() < end && connection.quic_connection().close_reason().is_none() {
        for kind in [Kind::Audio as u8, 0xee] {
            sent += u32::from(connection.send_datagram(vec![kind; 900]).is_ok());
        }
        tokio::task::yield_now().await;
    }
    let grown = relay.memory().saturating_sub(before) >> 20;
    println!("{sent} datagrams, {grown} MB, {:?}", connection.quic_connection().close_reason());
    assert!(grown < 24, "{grown} MB");
    call.finish().await;
}
