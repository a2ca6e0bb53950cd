//! Hosts at one relay, those whom they mute, remove and shut out at another; keys that change; numbers that are somebody else's.

use nearcall::clock;
use nearcall::crypto::{AuthKey, Claims};
use nearcall::proto::Transport;
use nearcall::proto::control::server_message::Body as Told;
use nearcall::proto::control::{Hello, MemberState, RefusalCode, Refused};
use nearcall::proto::moderation::{Action, Moderate, ModerationAnswer, Ruling, RulingKind};
use nearcall::relay::bus::{BusConfig, Hub};
use nearcall::relay::config::Access;
use nearcall::relay::{Config, KeyFiles, Relay};
use ring::rand::SystemRandom;

use super::client::{Client, Heard, Say, hello};
use super::regions::{Nats, until};
use super::{alone, relay};

pub const ROOM: &str = "room";
pub const ADA: u64 = 0xada;
const BOB: u64 = 0xb0b;
const CY: u64 = 0xc1;
const DAN: u64 = 0xda;

fn new_key() -> String {
    AuthKey::generate_ed25519(&SystemRandom::new()).unwrap()
}

fn token(key: &str, user: &str, host: bool) -> String {
    let issued = clock::unix_seconds();
    let claims = Claims { room: ROOM.into(), user: user.into(), publish: true, host, issued, expires: issued + 600 };
    AuthKey::from_file_text(key).unwrap().sign(&claims).unwrap()
}

/// Relays that ask for tokens of one key.
pub struct Place {
    key: String,
    bus: BusConfig,
}

impl Place {
    pub fn new(bus: BusConfig) -> Self {
        Self { key: new_key(), bus }
    }

    pub async fn relay(&self, region: &str) -> Relay {
        let (access, bus) = (Access::Key(self.key.clone()), self.bus.clone());
        Relay::start(Config { access, bus, id: Some(region.into()), ..Config::local(region) }).await.unwrap()
    }

    async fn pair(&self) -> (Relay, Relay) {
        let (one, two) = (self.relay("one").await, self.relay("two").await);
        until("the relays know each other", || [&one, &two].iter().all(|it| it.manifest().relays.len() == 2)).await;
        (one, two)
    }

    pub fn token(&self, user: &str) -> String {
        token(&self.key, user, user == "ada")
    }

    /// What an instance of a user says; its proof goes with its number.
    fn hello(&self, id: u64, user: &str) -> Hello {
        let proof = vec![id as u8; 16].into();
        Hello { token: self.token(user), proof, ..hello(ROOM, id) }
    }

    /// Knocks, and may be refused.
    async fn knock(&self, relay: &Relay, id: u64, user: &str) -> Client {
        let client = Client::connect(relay, Transport::WebSocket, id).await;
        client.enter_as(self.hello(id, user));
        client
    }

    /// Enters and wants everything.
    pub async fn enter(&self, relay: &Relay, id: u64, user: &str) -> Client {
        let client = self.knock(relay, id, user).await;
        client.subscribe(1, &[]).await;
        client
    }
}

pub fn order(sequence: u32, action: Action, participant: u64) -> Moderate {
    Moderate { sequence, action: action as i32, participant, ..Moderate::default() }
}

async fn ask(client: &Client, order: Moderate) -> ModerationAnswer {
    let sequence = order.sequence;
    client.say(Say::Moderate(order));
    let find = |(told, _): &(Told, _)| match told {
        Told::ModerationAnswer(answer) if answer.sequence == sequence => Some(answer.clone()),
        _ => None,
    };
    client.wait("an answer", |heard| heard.told.iter().find_map(find)).await
}

pub async fn carried_out(client: &Client, order: Moderate) {
    let answer = ask(client, order).await;
    assert!(answer.done, "{}", answer.message);
}

fn rulings(heard: &Heard) -> Vec<Ruling> {
    let of = |told: &Told| if let Told::Moderated(told) = told { told.rulings.clone() } else { Vec::new() };
    heard.told.iter().flat_map(|(told, _)| of(told)).collect()
}

/// Waits until the last ruling of this kind that was told is on, or not.
pub async fn told(client: &Client, kind: RulingKind, on: bool) {
    let last = |heard: &Heard| rulings(heard).into_iter().rfind(|ruling| ruling.kind() == kind);
    client.wait(&format!("{kind:?} {on}"), |heard| last(heard).filter(|ruling| ruling.on == on)).await;
}

fn is_removal(refused: &Refused) -> bool {
    refused.removed && refused.code() == RefusalCode::Auth && refused.retry_after_ms == 0
}

async fn mutes(host: &Client, bob: &Client) {
    carried_out(host, order(1, Action::Mute, BOB)).await;
    told(bob, RulingKind::Mute, true).await;
    bob.audio(1);
    bob.probe(1).await;
    carried_out(bob, order(1, Action::Unmute, BOB)).await;
    told(host, RulingKind::Mute, false).await;
    bob.audio(2);
    host.wait_sound(BOB, 2).await;
    host.look(|heard| assert_eq!(heard.sounds(BOB), [0, 2]));
    carried_out(host, Moderate { firm: true, ..order(2, Action::Mute, BOB) }).await;
    told(bob, RulingKind::Mute, true).await;
    let refused = ask(bob, order(2, Action::Unmute, BOB)).await;
    assert!(!refused.done && refused.message.contains("only a host can lift it"), "{}", refused.message);
    bob.audio(3);
    bob.probe(2).await;
    carried_out(host, order(3, Action::Unmute, BOB)).await;
    told(bob, RulingKind::Mute, false).await;
    bob.audio(4);
    host.wait_sound(BOB, 4).await;
    host.look(|heard| assert_eq!(heard.sounds(BOB), [0, 2, 4]));
}

async fn who_is_no_host_is_told_so_and_stays(bob: &Client) {
    for (sequence, action) in [(10, Action::Mute), (11, Action::Remove), (12, Action::Lock)] {
        let answer = ask(bob, order(sequence, action, ADA)).await;
        assert!(!answer.done && answer.message.contains("only a host"), "{}", answer.message);
    }
    bob.look(|heard| assert_eq!(heard.closed, None));
}

async fn removes(place: &Place, relays: [&Relay; 2], host: &Client, bob: &Client) {
    let find = |(told, _): &(Told, _)| if let Told::Welcome(it) = told { Some(it.ticket.clone()) } else { None };
    let ticket = bob.look(|heard| heard.told.iter().find_map(find)).expect("bob was welcomed");
    carried_out(host, order(20, Action::Remove, BOB)).await;
    let refused = bob.wait_refused().await;
    assert!(is_removal(&refused) && refused.message.contains("a host removed you"), "{refused:?}");
    host.wait_state(BOB, MemberState::Left).await;
    for relay in relays {
        // With the same instance's token, with its ticket, and as another instance of the same user.
        let by_ticket = Hello { token: String::new(), ticket: ticket.clone(), ..place.hello(BOB, "bob") };
        for hello in [place.hello(BOB, "bob"), by_ticket, place.hello(BOB + 1, "bob")] {
            let again = Client::connect(relay, Transport::WebSocket, hello.participant).await;
            again.enter_as(hello);
            assert!(is_removal(&again.wait_refused().await));
        }
    }
    carried_out(host, Moderate { user: "bob".into(), ..order(21, Action::Readmit, 0) }).await;
    told(host, RulingKind::Removal, false).await;
}

async fn locks(place: &Place, [one, two]: [&Relay; 2], host: &Client) {
    let cy = place.enter(one, CY, "cy").await;
    host.wait_state(CY, MemberState::Connected).await;
    let bob = place.enter(two, BOB, "bob").await;
    host.wait_state(BOB, MemberState::Connected).await;
    carried_out(host, order(30, Action::Lock, 0)).await;
    told(&bob, RulingKind::Lock, true).await;
    for relay in [one, two] {
        let refused = place.knock(relay, DAN, "dan").await.wait_refused().await;
        assert_eq!((refused.code(), refused.removed), (RefusalCode::Room, false));
        assert!(refused.message.contains("locked") && refused.retry_after_ms > 0, "{refused:?}");
    }
    let moved = place.enter(two, CY, "cy").await;
    told(&moved, RulingKind::Lock, true).await;
    cy.leave(true);
    moved.audio(0);
    host.wait_sound(CY, 0).await;
    carried_out(host, order(31, Action::Unlock, 0)).await;
    told(&bob, RulingKind::Lock, false).await;
    let _dan = place.enter(two, DAN, "dan").await;
    host.wait_state(DAN, MemberState::Connected).await;
}

async fn a_host_rules_across(bus: BusConfig) {
    let place = Place::new(bus);
    let (one, two) = place.pair().await;
    let host = place.enter(&one, ADA, "ada").await;
    let bob = place.enter(&two, BOB, "bob").await;
    host.wait_state(BOB, MemberState::Connected).await;
    bob.wait_state(ADA, MemberState::Connected).await;
    bob.audio(0);
    host.wait_sound(BOB, 0).await;
    mutes(&host, &bob).await;
    who_is_no_host_is_told_so_and_stays(&bob).await;
    removes(&place, [&one, &two], &host, &bob).await;
    locks(&place, [&one, &two], &host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_at_one_relay_mutes_removes_and_locks_at_another() {
    let _alone = alone().await;
    a_host_rules_across(BusConfig::Local(Hub::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_at_one_relay_mutes_removes_and_locks_at_another_over_nats() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    a_host_rules_across(nats.bus()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_opens_the_room_later_keeps_out_whom_the_others_do() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    let place = Place::new(nats.bus());
    let (one, two) = place.pair().await;
    let host = place.enter(&one, ADA, "ada").await;
    let (bob, cy) = (place.enter(&one, BOB, "bob").await, place.enter(&one, CY, "cy").await);
    carried_out(&host, order(1, Action::Remove, BOB)).await;
    assert!(is_removal(&bob.wait_refused().await));
    carried_out(&host, order(2, Action::Lock, 0)).await;
    // The first to come opens the room there, before that relay can know anything of it.
    let again = place.knock(&two, BOB, "bob").await;
    let (newcomer, mover) = (place.knock(&two, DAN, "dan").await, place.enter(&two, CY, "cy").await);
    assert!(is_removal(&again.wait_refused().await));
    assert_eq!(newcomer.wait_refused().await.code(), RefusalCode::Room);
    cy.leave(true);
    mover.audio(0);
    host.wait_sound(CY, 0).await;
    mover.look(|heard| assert_eq!(heard.closed, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_muted_for_good_is_mute_at_a_relay_that_had_not_heard_of_it_and_as_whoever_is_here_besides() {
    let _alone = alone().await;
    let hub = Hub::new();
    hub.set_delay("one", "two", std::time::Duration::from_millis(100));
    let place = Place::new(BusConfig::Local(hub));
    let (one, two) = place.pair().await;
    let host = place.enter(&one, ADA, "ada").await;
    let (_bob, besides) = (place.enter(&one, BOB, "bob").await, place.enter(&one, BOB + 1, "bob").await);
    carried_out(&host, Moderate { firm: true, ..order(1, Action::Mute, BOB) }).await;
    // The first to come opens the room there, before that relay can know anything of it.
    let again = place.enter(&two, BOB + 2, "bob").await;
    for (client, participant) in [(&besides, BOB + 1), (&again, BOB + 2)] {
        let his = |it: &Ruling| it.kind() == RulingKind::Mute && it.on && it.firm && it.participant == participant;
        client.wait("the mute", |heard| rulings(heard).into_iter().find(his)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_open_room_nobody_is_host() {
    let _alone = alone().await;
    let relay = relay().await;
    let client = Client::member(&relay, Transport::WebTransport, ROOM, ADA).await;
    let answer = ask(&client, order(1, Action::Lock, 0)).await;
    assert!(!answer.done && answer.message.contains("no hosts"), "{}", answer.message);
    client.look(|heard| assert_eq!(heard.closed, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_while_relays_run() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    let keys = [new_key(), new_key()];
    // What is called "new" is the old key until it is replaced; both relays share the files.
    std::fs::write(&old, &keys[0]).unwrap();
    std::fs::write(&new, &keys[0]).unwrap();
    let access = Access::Files(KeyFiles { auth: vec![new.clone(), old.clone()], ticket_secret: None });
    let start = || Relay::start(Config { access: access.clone(), ..Config::local("one") });
    let (one, two) = (start().await.unwrap(), start().await.unwrap());
    let say = async |relay: &Relay, hello: Hello| {
        let client = Client::connect(relay, Transport::WebSocket, hello.participant).await;
        client.say(Say::Hello(hello));
        let welcome = |told: &Told| if let Told::Welcome(it) = told { Some(Some(it.ticket.clone())) } else { None };
        let answer = |(told, _): &(Told, _)| welcome(told).or(matches!(told, Told::Refused(_)).then_some(None));
        client.wait("an answer", |heard| heard.told.iter().find_map(answer)).await
    };
    let with = |key: usize| Hello { token: token(&keys[key], "ada", false), ..hello(ROOM, ADA) };
    let enters = async |relay: &Relay, key: usize| say(relay, with(key)).await.is_some();
    let resume = |ticket: &bytes::Bytes| Hello { ticket: ticket.clone(), ..hello(ROOM, ADA) };
    let ticket = say(&one, with(0)).await.expect("the old key lets in");
    assert!(!enters(&one, 1).await);

    std::fs::write(&new, &keys[1]).unwrap();
    for relay in [&one, &two] {
        relay.reload();
        while !enters(relay, 1).await {}
        assert!(enters(relay, 0).await, "both keys count");
    }
    let renewed = say(&two, resume(&ticket)).await.expect("a ticket from before the change");
    assert_ne!(renewed, ticket);

    std::fs::write(&old, &keys[1]).unwrap();
    one.reload();
    while enters(&one, 0).await {}
    assert!(enters(&one, 1).await);
    assert!(say(&one, resume(&ticket)).await.is_none(), "its key is gone");
    assert!(say(&one, resume(&renewed)).await.is_some());
    std::fs::write(&new, "no key at all").unwrap();
    one.reload();
    assert!(enters(&one, 1).await, "what cannot be read changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_an_open_room_nobody_takes_the_number_of_somebody_else() {
    let _alone = alone().await;
    let bus = BusConfig::Local(Hub::new());
    let start = |region: &str| Relay::start(Config { bus: bus.clone(), ..Config::local(region) });
    let (one, two) = (start("one").await.unwrap(), start("two").await.unwrap());
    let enter = async |relay: &Relay, id: u64, proof: u8| {
        let client = Client::connect(relay, Transport::WebTransport, id).await;
        let proof = vec![proof; if proof == 0 { 0 } else { 16 }].into();
        client.enter_as(Hello { proof, ..hello(ROOM, id) });
        client
    };
    let victim = enter(&one, ADA, 1).await;
    victim.subscribe(1, &[]).await;
    let watcher = enter(&two, BOB, 2).await;
    watcher.wait_state(ADA, MemberState::Connected).await;
    for relay in [&one, &two] {
        for proof in [0, 3] {
            let impostor = enter(relay, ADA, proof).await;
            impostor.leave(false);
            let refused = impostor.wait_refused().await;
            assert_eq!(refused.code(), RefusalCode::Auth);
            assert!(refused.message.contains("somebody else"), "{}", refused.message);
        }
    }
    // Its own second link is let in, and it was never told to have left.
    let second = enter(&two, ADA, 1).await;
    second.subscribe(1, &[]).await;
    second.audio(0);
    watcher.subscribe(1, &[]).await;
    second.audio(1);
    watcher.wait_sound(ADA, 1).await;
    watcher.look(|heard| assert!(!heard.states(ADA).contains(&MemberState::Left), "{:?}", heard.states(ADA)));
    victim.look(|heard| assert_eq!(heard.closed, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_slips_in_under_a_number_before_the_relay_hears_of_it_is_put_out() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    let start = |region: &str| Relay::start(Config { bus: nats.bus(), ..Config::local(region) });
    let (one, two) = (start("one").await.unwrap(), start("two").await.unwrap());
    until("the relays know each other", || [&one, &two].iter().all(|it| it.manifest().relays.len() == 2)).await;
    let enter = async |relay: &Relay, id: u64, proof: u8| {
        let client = Client::connect(relay, Transport::WebSocket, id).await;
        client.enter_as(Hello { proof: vec![proof; 16].into(), ..hello(ROOM, id) });
        client
    };
    let (victim, watcher) = (enter(&one, ADA, 1).await, enter(&one, BOB, 2).await);
    victim.subscribe(1, &[]).await;
    watcher.subscribe(1, &[]).await;
    // Nobody is there yet: that relay knows neither of them when it takes these in.
    for leaves in [false, true] {
        let impostor = enter(&two, ADA, 3).await;
        if leaves {
            impostor.leave(false);
        }
        assert_eq!(impostor.wait_refused().await.code(), RefusalCode::Auth);
    }
    victim.audio(0);
    watcher.wait_sound(ADA, 0).await;
    watcher.look(|heard| assert!(!heard.states(ADA).contains(&MemberState::Left), "{:?}", heard.states(ADA)));
    victim.look(|heard| assert_eq!(heard.closed, None));
}
