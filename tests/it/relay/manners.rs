//! Clients that speak the protocol and break its rules: refused in words, or ignored, while a call goes on beside them.

use std::time::Duration;

use nearcall::clock;
use nearcall::crypto::{AuthKey, Claims};
use nearcall::net::LinkError;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{Hello, Join, RefusalCode, Subscribe, Welcome, Wish};
use nearcall::proto::{Transport, limits};
use nearcall::relay::config::Access;
use nearcall::relay::{Config, Relay};
use ring::rand::SystemRandom;

use super::beside::during;
use super::client::{Client, Say, TRANSPORTS, hello, picture, sound};
use super::{alone, relay};

#[tokio::test(flavor = "multi_thread")]
async fn another_version_is_refused_and_told_what_to_update() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            for (version, what) in [(99, "relay needs an update"), (0, "app needs an update")] {
                let client = Client::connect(&relay, transport, 1).await;
                client.say(Say::Hello(Hello { version, ..hello("beside", 1) }));
                let refused = client.wait_refused().await;
                assert_eq!((refused.code(), refused.retry_after_ms), (RefusalCode::Version, 0));
                assert!(refused.message.contains(what), "{}", refused.message);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_out_of_order_or_over_a_limit_are_refused() {
    let _alone = alone().await;
    let relay = relay().await;
    let wishes =
        |count| Say::Subscribe(Subscribe { sequence: 2, wishes: vec![Wish::default(); count], resume: Vec::new() });
    let join = || Say::Join(Join::default());
    let greet = |room: &str| Say::Hello(hello(room, 1));
    let table = [
        ("Join without Hello", vec![join()], "Hello"),
        ("Subscribe without Hello", vec![wishes(1)], "Hello"),
        ("a second Hello", vec![greet("a"), join(), greet("a")], "second Hello"),
        ("2,000 wishes", vec![greet("a"), join(), wishes(2_000)], "wishes"),
        ("a long name", vec![greet(&"x".repeat(limits::ROOM_BYTES + 1))], "room"),
    ];
    during(&relay, async {
        for transport in TRANSPORTS {
            for (what, messages, reason) in &table {
                let client = Client::connect(&relay, transport, 1).await;
                messages.iter().for_each(|message| client.say(message.clone()));
                let refused = client.wait_refused().await;
                assert_eq!(refused.code(), RefusalCode::Malformed, "{what}");
                assert!(refused.message.contains(reason), "{what}: {}", refused.message);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_a_name_and_a_participant_without_a_number_are_refused() {
    let _alone = alone().await;
    let relay = relay().await;
    for (room, participant) in [("", 1), ("a", 0)] {
        let client = Client::connect(&relay, Transport::WebSocket, participant).await;
        client.say(Say::Hello(hello(room, participant)));
        assert_eq!(client.wait_refused().await.code(), RefusalCode::Auth);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_under_another_name_is_never_delivered() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            let liar = Client::member(&relay, transport, "lies", 1).await;
            let peer = Client::member(&relay, Transport::WebSocket, "lies", 2).await;
            for victim in [2, 3, 0xa] {
                liar.sender.audio(sound(victim, 0));
                liar.sender.video(picture(victim, 0, 0, 100));
            }
            liar.audio(1);
            liar.video(1, 1);
            // What it may send comes behind what it may not.
            peer.wait_sound(1, 1).await;
            peer.wait_picture(1, 1).await;
            peer.look(|heard| assert_eq!((heard.audio.len(), heard.video.len()), (1, 1)));
            liar.leave(false);
            peer.wait("leaving", |heard| (heard.states(1).len() > 1).then_some(())).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn media_before_joining_goes_nowhere() {
    let _alone = alone().await;
    let relay = relay().await;
    let peer = Client::member(&relay, Transport::WebTransport, "room", 2).await;
    // Over WebSocket, where all comes in order.
    let early = Client::connect(&relay, Transport::WebSocket, 1).await;
    early.audio(0);
    early.video(0, 0);
    early.probe(1).await;
    early.enter("room");
    early.subscribe(1, &[]).await;
    early.audio(9);
    early.video(9, 9);
    peer.wait_sound(1, 9).await;
    peer.wait_picture(1, 9).await;
    peer.look(|heard| assert_eq!((heard.sounds(1), heard.pictures(1)), (vec![9], vec![9])));
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_before_hello() {
    let _alone = alone().await;
    let relay = relay().await;
    for transport in TRANSPORTS {
        let client = Client::connect(&relay, transport, 1).await;
        for id in [3, u64::MAX] {
            let reply = client.probe(id).await;
            assert_eq!((reply.relay.as_str(), reply.instance), (relay.entry().id.as_str(), relay.instance()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_probes_ends_in_a_refusal_while_others_are_answered() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            let flood = Client::connect(&relay, transport, 1).await;
            let other = Client::connect(&relay, transport, 2).await;
            let flooding = async {
                for id in 0.. {
                    if flood.sender.is_closed() {
                        return;
                    }
                    flood.sender.probe(id);
                    // Below what our own queue to the relay would drop.
                    if id % 10 == 9 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            };
            tokio::join!(tokio::time::timeout(Duration::from_secs(5), flooding), async {
                for id in 0..20 {
                    other.probe(id).await;
                }
            })
            .0
            .expect("it was not stopped");
            let answers = flood.look(|heard| heard.replies.len());
            println!("{transport}: {answers} answers");
            assert!((100..600).contains(&answers), "{transport}: {answers} answers");
            assert_eq!(flood.wait_refused().await.code(), RefusalCode::RateLimited);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_messages_ends_in_a_refusal() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            let flood = Client::member(&relay, transport, "flood", 1).await;
            let mut sequence = 1;
            let code = loop {
                sequence += 1;
                let message = Say::Subscribe(Subscribe { sequence, ..Subscribe::default() });
                let bytes =
                    nearcall::proto::control::encode(&nearcall::proto::control::ClientMessage { body: Some(message) });
                match flood.sender.control(bytes) {
                    Err(LinkError::Closed) => break flood.look(|heard| heard.refused().map(|refused| refused.code())),
                    Err(error) => panic!("{error}"),
                    Ok(()) => tokio::task::yield_now().await,
                }
                assert!(sequence < 100_000);
                if sequence % 50 == 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            assert_eq!(code, Some(RefusalCode::RateLimited), "{transport}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_a_key_takes_tokens_and_the_tickets_of_its_neighbours() {
    let _alone = alone().await;
    let key = AuthKey::generate_ed25519(&SystemRandom::new()).unwrap();
    let start = || Relay::start(Config { access: Access::Key(key.clone()), ..Config::local("one") });
    let (one, two) = (start().await.unwrap(), start().await.unwrap());
    let issued = clock::unix_seconds();
    let claims = |room: &str| Claims {
        room: room.into(),
        user: "ada".into(),
        publish: true,
        host: false,
        issued,
        expires: issued + 60,
    };
    let token = |room: &str| AuthKey::from_file_text(&key).unwrap().sign(&claims(room)).unwrap();
    let refused = [
        hello("room", 1),
        Hello { token: token("attic"), ..hello("room", 1) },
        Hello { ticket: vec![7; 80].into(), ..hello("room", 1) },
    ];
    for hello in refused {
        let client = Client::connect(&one, Transport::WebSocket, 1).await;
        client.say(Say::Hello(hello));
        assert_eq!(client.wait_refused().await.code(), RefusalCode::Auth);
    }
    let client = Client::connect(&one, Transport::WebTransport, 1).await;
    client.say(Say::Hello(Hello { token: token("room"), ..hello("room", 1) }));
    let ticket = welcome(&client).await.ticket;
    for (participant, welcomed) in [(1, true), (2, false)] {
        let moved = Client::connect(&two, Transport::WebSocket, participant).await;
        moved.say(Say::Hello(Hello { ticket: ticket.clone(), ..hello("room", participant) }));
        match welcomed {
            true => drop(welcome(&moved).await),
            false => assert_eq!(moved.wait_refused().await.code(), RefusalCode::Auth),
        }
    }
}

async fn welcome(client: &Client) -> Welcome {
    let find = |(told, _): &(Told, _)| if let Told::Welcome(welcome) = told { Some(welcome.clone()) } else { None };
    client.wait("Welcome", |heard| heard.told.iter().find_map(find)).await
}
