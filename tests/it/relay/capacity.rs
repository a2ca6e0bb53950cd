//! A relay near its limit: newcomers are sent elsewhere in so many words, and who is here or known stays.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nearcall::clock;
use nearcall::crypto::{AuthKey, Claims};
use nearcall::proto::Transport;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{Hello, RefusalCode};
use nearcall::proto::probe::RelayState;
use nearcall::relay::config::Access;
use nearcall::relay::limits::Limits;
use nearcall::relay::{Config, Relay};

use super::alone;
use super::client::{Client, PATIENCE, Say, TRANSPORTS, hello};

async fn relay_for(sessions: usize) -> Relay {
    let limits = Limits { sessions, ..Limits::default() };
    Relay::start(Config { limits, ..Config::local("one") }).await.unwrap()
}

/// Asks until the relay says that it is in this state.
async fn wait_state(client: &Client, state: RelayState) {
    static ASKED: AtomicU64 = AtomicU64::new(1_000);
    let end = clock::now() + PATIENCE;
    loop {
        let reply = client.probe(ASKED.fetch_add(1, Ordering::Relaxed)).await;
        if reply.state == state {
            return;
        }
        assert!(clock::now() < end, "{reply:?}");
        // Well below the rate at which probes are refused.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_of_a_full_relay_is_told_so_and_members_go_on_undisturbed() {
    let _alone = alone().await;
    let relay = relay_for(4).await;
    let [ada, bob] = [1, 2].map(|id| Client::member(&relay, Transport::WebTransport, "room", id));
    let (ada, bob) = (ada.await, bob.await);
    wait_state(&ada, RelayState::Ready).await;
    let mut more = Vec::new();
    for id in 3..=4 {
        more.push(Client::join(&relay, Transport::WebSocket, "room", id).await);
    }
    wait_state(&ada, RelayState::Full).await;
    for (id, transport) in (10..).zip(TRANSPORTS) {
        let newcomer = Client::connect(&relay, transport, id).await;
        let reply = newcomer.probe(1).await;
        assert_eq!((reply.state, reply.load_percent), (RelayState::Full, 100));
        newcomer.enter("room");
        let refused = newcomer.wait_refused().await;
        assert_eq!((refused.code(), refused.retry_after_ms > 0), (RefusalCode::Full, true), "{refused:?}");
    }
    ada.audio(7);
    bob.wait_sound(1, 7).await;
    drop(more);
    wait_state(&ada, RelayState::Ready).await;
    Client::join(&relay, Transport::WebTransport, "room", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_kept_for_who_is_known() {
    let _alone = alone().await;
    let relay = relay_for(20).await;
    let mut here = Vec::new();
    for id in 1..=18 {
        here.push(Client::join(&relay, Transport::WebSocket, "room", id).await);
    }
    wait_state(&here[0], RelayState::Full).await;
    let newcomer = Client::connect(&relay, Transport::WebTransport, 50).await;
    newcomer.enter("room");
    assert_eq!(newcomer.wait_refused().await.code(), RefusalCode::Full);
    for id in 1..=2 {
        here.push(Client::join(&relay, Transport::WebTransport, "room", id).await);
    }
    let one_too_many = Client::connect(&relay, Transport::WebTransport, 3).await;
    one_too_many.enter("room");
    assert_eq!(one_too_many.wait_refused().await.code(), RefusalCode::Full, "the limit holds for everybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_welcomed_before_the_last_place_was_taken_is_refused_at_the_door_of_the_room() {
    let _alone = alone().await;
    let limits = Limits { sessions: 2, full_percent: 100, ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("one") }).await.unwrap();
    let mut welcomed = Vec::new();
    for id in 1..=3 {
        let client = Client::connect(&relay, Transport::WebSocket, id).await;
        client.say(Say::Hello(hello("room", id)));
        client
            .wait("Welcome", |heard| heard.told.iter().find(|(told, _)| matches!(told, Told::Welcome(_))).map(drop))
            .await;
        welcomed.push(client);
    }
    for client in &welcomed[..2] {
        client.say(Say::Join(Default::default()));
        client.subscribe(1, &[]).await;
    }
    welcomed[2].say(Say::Join(Default::default()));
    let refused = welcomed[2].wait_refused().await;
    assert_eq!((refused.code(), refused.retry_after_ms > 0), (RefusalCode::Full, true), "{refused:?}");
    // Who is in may say anew what it is.
    welcomed[1].say(Say::Join(Default::default()));
    welcomed[1].subscribe(2, &[]).await;
    assert_eq!(relay.load().0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_another_region_is_worth_a_place() {
    let _alone = alone().await;
    let text = AuthKey::generate_hs256(&ring::rand::SystemRandom::new()).unwrap();
    let key = AuthKey::from_file_text(&text).unwrap();
    let access = || Access::Key(text.clone());
    let far = Relay::start(Config { access: access(), ..Config::local("far") }).await.unwrap();
    let limits = Limits { sessions: 10, full_percent: 1, ..Limits::default() };
    let full = Relay::start(Config { access: access(), limits, ..Config::local("full") }).await.unwrap();
    let issued = clock::unix_seconds();
    let claims = |user: &str| Claims {
        room: "room".into(),
        user: user.into(),
        publish: true,
        host: false,
        issued,
        expires: issued + 600,
    };
    let asks = |id: u64| Hello { token: key.sign(&claims(&id.to_string())).unwrap(), ..hello("room", id) };
    let welcomed = |client: Client| async move {
        client
            .wait("Welcome", |heard| {
                heard.told.iter().find_map(|(told, _)| match told {
                    Told::Welcome(welcome) => Some(welcome.ticket.clone()),
                    _ => None,
                })
            })
            .await
    };
    let first = Client::connect(&full, Transport::WebTransport, 1).await;
    first.say(Say::Hello(asks(1)));
    first.say(Say::Join(Default::default()));
    wait_state(&first, RelayState::Full).await;
    let newcomer = Client::connect(&full, Transport::WebTransport, 2).await;
    newcomer.say(Say::Hello(asks(2)));
    assert_eq!(newcomer.wait_refused().await.code(), RefusalCode::Full);
    let elsewhere = Client::connect(&far, Transport::WebTransport, 2).await;
    elsewhere.say(Say::Hello(asks(2)));
    let ticket = welcomed(elsewhere).await;
    let moving = Client::connect(&full, Transport::WebTransport, 2).await;
    moving.say(Say::Hello(Hello { ticket, ..hello("room", 2) }));
    welcomed(moving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_beyond_the_limit_are_not_opened_and_those_that_are_open_take_people() {
    let _alone = alone().await;
    let limits = Limits { rooms: 1, ..Limits::default() };
    let relay = Relay::start(Config { limits, ..Config::local("one") }).await.unwrap();
    let _ada = Client::join(&relay, Transport::WebTransport, "room", 1).await;
    let other = Client::connect(&relay, Transport::WebTransport, 2).await;
    other.enter("another room");
    let refused = other.wait_refused().await;
    assert_eq!(refused.code(), RefusalCode::Full);
    assert!(refused.message.contains("rooms") && Duration::from_millis(refused.retry_after_ms.into()) > Duration::ZERO);
    Client::join(&relay, Transport::WebSocket, "room", 3).await;
}
