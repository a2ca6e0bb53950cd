//! Links over real sockets: what a link to a relay and back does with its streams.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::Duration;

use super::*;
use crate::net::link::Responder;
use crate::net::tls::Certificate;
use crate::proto::subgroup::VideoFrame;
use crate::proto::{Layer, MediaHeader, ParticipantId, RelayInstance, SubgroupHead, Track};

const PATIENCE: Duration = Duration::from_secs(20);

/// A link from a relay to a client, both ends, and what has to stay for them.
async fn links() -> (Link, Link, Server) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    let certificate = Certificate::self_signed(&["127.0.0.1".into()]).unwrap();
    let pins = [certificate.pin()];
    let server = Server::bind(socket, &Serving::new(certificate.into()).unwrap()).unwrap();
    let responder = Arc::new(Responder::new("one".into(), RelayInstance(1)));
    let url = format!("https://{address}{CALL_PATH}");
    let (client, relay) =
        tokio::join!(dial(&url, address, &pins), async { server.accept().await.unwrap().finish(responder).await });
    (relay.unwrap(), client.unwrap(), server)
}

fn frame(participant: u64, number: u32, since_key: u16, bytes: usize) -> VideoFrame {
    let header = MediaHeader {
        track: Track::Camera,
        layer: Layer::default(),
        key: since_key == 0,
        discardable: false,
        dtx: false,
        participant: ParticipantId(participant),
        frame: number,
        since_key,
        capture_us: 0,
    };
    VideoFrame::new(header, &vec![7; bytes])
}

/// What comes in, up to the first picture of this group.
async fn until_group(client: &mut Link, group: u32) -> Vec<Incoming> {
    let mut came = Vec::new();
    loop {
        let event = tokio::time::timeout(PATIENCE, client.incoming.recv()).await.unwrap().unwrap();
        let arrived = matches!(&event, Incoming::Video { frame, .. } if frame.header.group() == group);
        came.push(event);
        if arrived {
            return came;
        }
    }
}

#[tokio::test]
async fn pictures_of_more_people_than_streams_may_be_open_all_arrive() {
    let (relay, mut client, _server) = links().await;
    let mut seen = BTreeSet::new();
    for participant in 1..=2 * u64::from(limits::SUBGROUPS) {
        relay.sender.video(frame(participant, 0, 0, 100));
        while !seen.contains(&participant) {
            match tokio::time::timeout(PATIENCE, client.incoming.recv()).await {
                Ok(Some(Incoming::Video { frame, .. })) => drop(seen.insert(frame.header.participant.0)),
                Ok(other) => panic!("{other:?} instead of the picture of {participant}"),
                Err(_) => panic!("no picture of {participant}"),
            }
        }
    }
    // Whoever was there first is still seen.
    relay.sender.video(frame(1, 1, 1, 100));
    let event = tokio::time::timeout(PATIENCE, client.incoming.recv()).await.unwrap();
    assert!(matches!(event, Some(Incoming::Video { .. })), "{event:?}");
}

#[tokio::test]
async fn a_group_that_is_given_up_while_it_is_queued_ends_as_one_that_is_not_whole() {
    let (mut relay, mut client, _server) = links().await;
    relay.sender.video(frame(1, 0, 0, 1000));
    until_group(&mut client, 0).await;
    // Nothing leaves meanwhile: these are more than may wait.
    for number in 1..40 {
        relay.sender.video(frame(1, number, number as u16, 100_000));
    }
    relay.sender.video(frame(1, 40, 0, 1000));
    let head = SubgroupHead::of(&frame(1, 0, 0, 0).header);
    let late = tokio::time::timeout(PATIENCE, relay.incoming.recv()).await.unwrap();
    assert!(matches!(late, Some(Incoming::Late { head: late }) if late == head), "{late:?}");
    let came = until_group(&mut client, 40).await;
    let reset = |event: &Incoming| matches!(event, Incoming::SubgroupReset { head: reset } if *reset == head);
    // Streams overtake one another.
    let next = tokio::time::timeout(PATIENCE / 10, client.incoming.recv()).await;
    assert!(came.iter().any(reset) || matches!(&next, Ok(Some(event)) if reset(event)));
}
