//! Limits on what somebody who speaks the protocol may do: each bites, and a call beside it loses nothing.

use std::time::Duration;

use nearcall::clock;
use nearcall::proto::control::{Join, RefusalCode, Sealed};
use nearcall::proto::{Transport, limits as wire};
use nearcall::relay::fronts::Fronts;
use nearcall::relay::limits::{Limit, Limits};
use nearcall::relay::{Config, Relay};

use super::beside::during;
use super::client::{Client, Say, TRANSPORTS, hello, picture};
use super::{alone, only_the_call_beside, raw, relay};

async fn with(limits: Limits) -> Relay {
    Relay::start(Config { limits, ..Config::local("one") }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_holds_so_many_connections_and_is_told_so() {
    let _alone = alone().await;
    let relay = with(Limits { connections_per_address: 12, ..Limits::default() }).await;
    during(&relay, async {
        let mut idle = Vec::new();
        for id in 0..10 {
            idle.push(Client::connect(&relay, TRANSPORTS[id % 2], id as u64).await);
        }
        for (transport, says) in [(Transport::WebTransport, "refused"), (Transport::WebSocket, "429")] {
            let error = Client::dial(relay.entry(), transport, 99).await.err().expect("there are enough").to_string();
            assert!(error.contains(says), "{transport}: {error}");
        }
        assert!(relay.met(Limit::ConnectionsOfAddress) >= 2);
        assert_eq!(raw::get(relay.entry(), "/healthz").await.0, 200, "health is answered all the same");
        drop(idle);
        only_the_call_beside(&relay).await;
        for transport in TRANSPORTS {
            Client::join(&relay, transport, "newcomer", 7).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_again_and_again_is_cut_short_and_may_come_back() {
    let _alone = alone().await;
    let relay = with(Limits { new_connections_per_address: 1, ..Limits::default() }).await;
    during(&relay, async {
        let connector = raw::connector(&relay.entry().pins);
        let mut turned_away = 0;
        for _ in 0..60 {
            turned_away += u32::from(raw::tls(relay.entry(), &connector).await.is_err());
        }
        assert!((30..60).contains(&turned_away), "{turned_away} of 60");
        assert!(relay.met(Limit::NewConnectionsOfAddress) >= 30);
        let start = clock::now();
        while Client::dial(relay.entry(), Transport::WebSocket, 1).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "it is never let in again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_through_a_proxy_counts_at_its_own_address_before_tls() {
    let fronts = Fronts { proxy_protocol_from: vec!["127.0.0.1".parse().unwrap()], ..Fronts::default() };
    let limits = Limits { new_connections_per_address: 1, ..Limits::default() };
    let relay = Relay::start(Config { limits, fronts, ..Config::local("one") }).await.unwrap();
    let connector = raw::connector(&relay.entry().pins);
    let mut turned_away = 0;
    for _ in 0..60 {
        turned_away += u32::from(raw::introduced(relay.entry(), &connector, "192.0.2.7").await.is_err());
    }
    assert!((30..60).contains(&turned_away), "{turned_away} of 60");
    assert!(relay.met(Limit::NewConnectionsOfAddress) >= 30);
    raw::introduced(relay.entry(), &connector, "192.0.2.8").await.expect("another one is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_of_one_address_are_answered_so_often_and_a_link_lives_on_without() {
    let _alone = alone().await;
    let relay = with(Limits { probes_per_address: 10, ..Limits::default() }).await;
    let client = Client::connect(&relay, Transport::WebSocket, 1).await;
    let start = clock::now();
    for id in 0..100 {
        client.sender.probe(id);
        // Below what our own queue to the relay drops.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.enter("room");
    client.subscribe(1, &[]).await;
    let answers = client.look(|heard| heard.replies.len());
    let most = 20 + 10 * (1 + start.elapsed().as_secs() as usize);
    assert!((15..=most).contains(&answers), "{answers} answers");
    assert!(client.look(|heard| heard.closed.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn media_beyond_the_rate_is_dropped_and_whoever_goes_on_is_refused() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            // A room for each: numbers that were heard before are not forwarded again.
            let room = format!("flood over {transport}");
            let flood = Client::member(&relay, transport, &room, 1).await;
            let peer = Client::member(&relay, Transport::WebTransport, &room, 2).await;
            let before = relay.met(Limit::Media);
            let flooding = async {
                for number in 0.. {
                    if flood.sender.is_closed() {
                        return;
                    }
                    flood.audio(number);
                    // Below what our own queue to the relay would drop.
                    if number % 10 == 9 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), flooding).await.expect("it was not stopped");
            assert_eq!(flood.wait_refused().await.code(), RefusalCode::RateLimited, "{transport}");
            assert!(relay.met(Limit::Media) > before);
            peer.wait("sound", |heard| (!heard.audio.is_empty()).then_some(())).await;
            peer.look(|heard| assert_eq!(heard.closed, None));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_beyond_the_bytes_of_a_call_are_dropped() {
    let _alone = alone().await;
    let relay = with(Limits { media_bytes: 100_000, ..Limits::default() }).await;
    let sender = Client::member(&relay, Transport::WebSocket, "wide", 1).await;
    let peer = Client::member(&relay, Transport::WebSocket, "wide", 2).await;
    for number in 0..20 {
        sender.sender.video(picture(1, number, number, 50_000));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sender.audio(0);
    peer.wait_sound(1, 0).await;
    let pictures = peer.look(|heard| heard.pictures(1).len());
    assert!((3..8).contains(&pictures), "{pictures} pictures");
    assert!(relay.met(Limit::Media) > 10);
}

#[test]
fn what_three_sizes_and_a_screen_send_is_within_the_limits() {
    let limits = Limits::default();
    // 60 frames of each size and of the screen, sound twice while the way is in doubt; 20 Mbit/s in all.
    assert!(limits.media_packets > 2 * (4 * 60 + 2 * 50) && limits.media_bytes > 2 * 20_000_000 / 8);
    // A key for everybody else in a full room goes out at once, one message each.
    const { assert!(wire::MEMBERS < 400) };
}

#[tokio::test(flavor = "multi_thread")]
async fn going_in_and_out_without_end_is_refused() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        for transport in TRANSPORTS {
            let client = Client::connect(&relay, transport, 1).await;
            for number in 0..90 {
                client.say(Say::Hello(hello(&format!("room {number}"), 1)));
                client.say(Say::Join(Join::default()));
                client.leave(true);
                // Below what our own queue to the relay holds.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let refused = client.wait_refused().await;
            assert_eq!(refused.code(), RefusalCode::RateLimited);
            assert!(refused.message.contains("joins"), "{}", refused.message);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_as_many_rooms_as_it_can_hold_lets_people_into_those() {
    let _alone = alone().await;
    let relay = with(Limits { rooms: 2, ..Limits::default() }).await;
    during(&relay, async {
        let _second = Client::join(&relay, Transport::WebSocket, "second", 1).await;
        for transport in TRANSPORTS {
            let third = Client::connect(&relay, transport, 2).await;
            third.enter("third");
            let refused = third.wait_refused().await;
            assert_eq!(refused.code(), RefusalCode::Full);
            assert!(refused.retry_after_ms > 0 && refused.message.contains("room"), "{refused:?}");
            Client::join(&relay, transport, "second", 3).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_messages_to_everybody_have_a_rate_of_their_own() {
    let _alone = alone().await;
    let relay = relay().await;
    during(&relay, async {
        let peer = Client::member(&relay, Transport::WebSocket, "loud", 2).await;
        let sealed = |participant| Say::Sealed(Sealed { participant, payload: vec![7; 2000].into() });
        for (to, stopped) in [(2, false), (0, true)] {
            let loud = Client::member(&relay, Transport::WebSocket, "loud", 1).await;
            for _ in 0..250 {
                loud.say(sealed(to));
            }
            match stopped {
                true => assert_eq!(loud.wait_refused().await.code(), RefusalCode::RateLimited),
                // New keys for a full room.
                false => drop(loud.probe(1).await),
            }
        }
        peer.look(|heard| assert!(heard.closed.is_none()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_people_behind_one_address_talk_without_meeting_a_limit() {
    let _alone = alone().await;
    let relay = relay().await;
    let mut people = Vec::new();
    for id in 1..=8 {
        people.push(Client::member(&relay, TRANSPORTS[id % 2], "office", id as u64).await);
    }
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for number in 0..100 {
        ticks.tick().await;
        people.iter().for_each(|person| person.audio(number));
        for person in people.iter().filter(|_| number % 2 == 0) {
            person.video(number / 2, 0);
            person.sender.probe(number.into());
        }
    }
    for person in &people {
        for other in people.iter().filter(|other| other.id != person.id) {
            person.wait_sound(other.id, 99).await;
        }
        assert!(person.look(|heard| heard.closed.is_none()));
    }
    for limit in Limit::ALL {
        assert_eq!(relay.met(limit), 0, "{}", limit.as_str());
    }
}
