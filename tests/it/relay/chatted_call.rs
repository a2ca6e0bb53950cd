//! What people say to one another, through the app's own client and relays with real sockets: at two relays on one bus, while one
//! moves, and while one is away.

use std::sync::Arc;
use std::time::Duration;

use nearcall::call::conversation::{Conversation, Delivery};
use nearcall::call::event::Event;
use nearcall::call::manifest::Source;
use nearcall::call::state::{Phase, State};
use nearcall::call::{self, Call, Command, Moderation};
use nearcall::crypto::secret::RoomSecret;
use nearcall::media::audio::{AudioSource, Output, Switches};
use nearcall::media::video::{VideoConfig, VideoSource};
use nearcall::net::distance::{Distance, Shape};
use nearcall::proto::manifest::{Manifest, RelayEntry};
use nearcall::proto::words::Reaction;
use nearcall::proto::{CALL_PATH, ParticipantId};
use nearcall::relay::Relay;
use nearcall::relay::bus::{BusConfig, Hub};
use tokio::sync::watch;

use super::alone;
use super::moderation::{Place, ROOM};
use super::regions::Nats;

/// How long anything may take, a way back from silence among it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody in the call, and what the call told.
struct Person {
    call: Call,
    /// Held, or the snapshot would not follow.
    state: watch::Receiver<Arc<State>>,
}

impl Person {
    async fn enter(place: &Place, name: &str, relays: &[RelayEntry]) -> Self {
        let token = Some(place.token(&name.to_lowercase()));
        let entry = call::Entry { room: ROOM.into(), secret: RoomSecret::of_room(ROOM), name: name.into(), token };
        let config = call::Config {
            entry: Some(entry),
            sources: vec![Source::Given(Manifest::from(relays.to_vec()))],
            window: Duration::from_millis(300),
            pin: None,
            audio: AudioSource::Off,
            video: VideoSource::Off,
            video_config: VideoConfig::default(),
            share: None,
            play: Output::Off,
            processing: Switches::OFF,
            muted: false,
            camera_off: true,
            record_audio: None,
            record_video: None,
            history: None,
        };
        let call = Call::start(config).await.unwrap();
        let person = Self { state: call.state(), call };
        person.sees("the call", |state| matches!(state.phase, Phase::InCall { .. })).await;
        person
    }

    fn id(&self) -> ParticipantId {
        self.state.borrow().own.id
    }

    fn does(&self, command: Command) {
        assert!(self.call.command(command));
    }

    fn says(&self, text: &str) {
        self.does(Command::Chat(text.into()));
    }

    async fn sees(&self, what: &str, is: impl Fn(&State) -> bool) {
        let mut state = self.state.clone();
        let seen = tokio::time::timeout(PATIENCE, state.wait_for(|state| is(state))).await.is_ok();
        assert!(seen, "not seen: {what}: {:?}", self.state.borrow().conversation);
    }

    async fn talks(&self, what: &str, is: impl Fn(&Conversation) -> bool) {
        self.sees(what, |state| is(&state.conversation)).await;
    }

    async fn meets(&self, others: usize) {
        self.sees("the others", |state| state.peers.len() == others && state.peers.iter().all(|it| it.name.is_some()))
            .await;
    }

    /// Every line, with who said it.
    fn lines(&self) -> Vec<String> {
        let state = self.state.borrow();
        state.conversation.lines.iter().map(|line| format!("{}: {}", line.name, line.text)).collect()
    }

    /// Waits until the newest line is this one.
    async fn hears(&self, line: &str) {
        let is =
            |talk: &Conversation| talk.lines.last().is_some_and(|last| format!("{}: {}", last.name, last.text) == line);
        self.talks(line, is).await;
    }

    /// Waits until all that was said by us is where it should be.
    async fn is_heard(&self) {
        self.talks("delivered", |talk| talk.lines.iter().all(|line| line.delivery == Delivery::Done)).await;
    }

    /// Waits for an event.
    async fn event<T>(&mut self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let call = &mut self.call;
        let found = async {
            while let Some(event) = call.event().await {
                if let Some(found) = find(&event) {
                    return found;
                }
            }
            panic!("the call ended without {what}")
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {what}"))
    }
}

fn entries(relays: &[&Relay]) -> Vec<RelayEntry> {
    relays.iter().map(|relay| relay.entry().clone()).collect()
}

fn up(who: &Person) -> ParticipantId {
    who.id()
}

async fn talk_between_two_relays(bus: BusConfig) {
    let place = Place::new(bus);
    let (one, two) = (place.relay("one").await, place.relay("two").await);
    // Ada is host.
    let mut ada = Person::enter(&place, "Ada", &entries(&[&one])).await;
    let mut bob = Person::enter(&place, "Bob", &entries(&[&two])).await;
    ada.meets(1).await;
    bob.meets(1).await;
    ada.talks("that we are host", |talk| talk.host && talk.hosts.is_empty()).await;
    let host = ada.id();
    bob.talks("that Ada is host", |talk| !talk.host && talk.hosts == [host]).await;

    ada.says(" Good morning,\r\nBob \u{202E}");
    bob.hears("Ada: Good morning,\nBob").await;
    bob.says("Good morning");
    ada.hears("Bob: Good morning").await;
    ada.is_heard().await;
    bob.is_heard().await;
    let delivered = |event: &Event| match event {
        Event::ChatDelivered { number, missed } => Some((*number, *missed)),
        _ => None,
    };
    assert_eq!(ada.event("delivery", delivered).await, (1, 0));
    for number in 0..8 {
        bob.says(&number.to_string());
    }
    ada.hears("Bob: 7").await;
    let numbers: Vec<_> = (0..8).map(|number| format!("Bob: {number}")).collect();
    assert_eq!(ada.lines()[2..], numbers, "in order");

    bob.does(Command::React(Reaction::Heart));
    let heart = |event: &Event| match event {
        Event::Reaction { name, reaction, .. } => Some((name.clone(), *reaction)),
        _ => None,
    };
    assert_eq!(ada.event("reaction", heart).await, (Some("Bob".into()), "heart"));
    bob.talks("our own reaction", |talk| talk.reactions.len() == 1).await;
    bob.talks("that it passes", |talk| talk.reactions.is_empty()).await;

    bob.does(Command::Hand(true));
    let first = up(&bob);
    ada.talks("a hand", |talk| talk.hands == [first]).await;
    ada.does(Command::Hand(true));
    let second = up(&ada);
    bob.talks("two hands", |talk| talk.hands == [first, second]).await;

    // A newcomer sees whose hand is up, and nothing of what was said before.
    let mut cy = Person::enter(&place, "Cy", &entries(&[&two])).await;
    cy.meets(2).await;
    cy.talks("the hands", |talk| talk.hands == [first, second]).await;
    ada.meets(2).await;
    bob.meets(2).await;
    bob.says("Welcome");
    cy.hears("Bob: Welcome").await;
    assert_eq!(cy.lines(), ["Bob: Welcome"]);
    bob.is_heard().await;
    ada.hears("Bob: Welcome").await;

    cy.does(Command::LowerHands(None));
    let error = |event: &Event| if let Event::Error { message } = event { Some(message.clone()) } else { None };
    assert!(cy.event("refusal", error).await.contains("only a host"));
    ada.does(Command::LowerHands(Some(first)));
    cy.talks("Ada's hand alone", |talk| talk.hands == [second]).await;
    let down = |event: &Event| matches!(event, Event::Hand { me: true, up: false, .. }).then_some(());
    bob.event("that our hand is down", down).await;
    ada.does(Command::LowerHands(None));
    cy.talks("no hand", |talk| talk.hands.is_empty()).await;

    ada.does(Command::Moderate(Moderation::MuteEveryone));
    bob.sees("that a host muted us", |state| state.own.muted).await;
    cy.sees("that a host muted us", |state| state.own.muted && state.conversation.muted.len() == 2).await;
    ada.does(Command::Moderate(Moderation::Lock));
    cy.talks("the lock", |talk| talk.locked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_two_relays_of_one_process_talk() {
    let _alone = alone().await;
    talk_between_two_relays(BusConfig::Local(Hub::new())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_two_relays_over_nats_talk() {
    let _alone = alone().await;
    let nats = Nats::start().await;
    talk_between_two_relays(nats.bus()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_the_relay_dies_arrives_once_and_in_order() {
    let _alone = alone().await;
    let place = Place::new(BusConfig::Local(Hub::new()));
    let mut relays = vec![place.relay("one").await, place.relay("two").await];
    let bob = Person::enter(&place, "Bob", &entries(&[&relays[0], &relays[1]])).await;
    let home = bob.state.borrow().active.clone().unwrap().relay;
    let dying = relays.remove(usize::from(home == "two"));
    let other = relays.remove(0);
    let ada = Person::enter(&place, "Ada", &entries(&[&other])).await;
    ada.meets(1).await;
    bob.meets(1).await;
    bob.sees("a standby", |state| state.standby.is_some()).await;
    bob.does(Command::Hand(true));
    bob.says("before");
    ada.hears("Bob: before").await;

    dying.kill();
    bob.says("one");
    bob.says("two");
    ada.says("are you there?");
    bob.sees("the other relay", |state| state.active.as_ref().is_some_and(|active| active.relay != home)).await;
    bob.says("three");
    let three = |talk: &Conversation| talk.lines.iter().any(|line| line.text == "three");
    ada.talks("all of it", three).await;
    ada.is_heard().await;
    bob.is_heard().await;
    let mut from_bob = ada.lines();
    from_bob.retain(|line| line.starts_with("Bob"));
    assert_eq!(from_bob, ["Bob: before", "Bob: one", "Bob: two", "Bob: three"]);
    assert_eq!(bob.lines().iter().filter(|line| *line == "Ada: are you there?").count(), 1);
    let hand = up(&bob);
    ada.talks("the hand, still", |talk| talk.hands == [hand]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_while_somebody_was_away_is_heard_when_they_are_back_and_once() {
    let _alone = alone().await;
    let place = Place::new(BusConfig::Local(Hub::new()));
    let relay = place.relay("one").await;
    let far = Shape::rtt(Duration::from_millis(20));
    let url = relay.entry().websocket.as_deref().unwrap();
    let address = url.trim_start_matches("wss://").trim_end_matches(CALL_PATH).parse::<std::net::SocketAddr>().unwrap();
    let way = Distance::start(address, far, 7).await.unwrap();
    let behind = RelayEntry {
        webtransport: None,
        websocket: Some(format!("wss://{}{CALL_PATH}", way.address())),
        ..relay.entry().clone()
    };
    let ada = Person::enter(&place, "Ada", &entries(&[&relay])).await;
    let mut bob = Person::enter(&place, "Bob", &[behind]).await;
    ada.meets(1).await;
    bob.meets(1).await;

    // Nobody listens at the port of the one that is gone.
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    way.lead_to(nowhere);
    bob.event("the loss", |event| matches!(event, Event::Reconnecting).then_some(())).await;
    ada.says("you are away");
    bob.says("I am away");
    let newcomer = Person::enter(&place, "Cy", &entries(&[&relay])).await;
    newcomer.sees("Ada", |state| state.peers.iter().any(|peer| peer.name.as_deref() == Some("Ada"))).await;
    way.lead_to(address);
    bob.talks("what was said meanwhile", |talk| talk.lines.len() == 2).await;
    ada.is_heard().await;
    bob.is_heard().await;
    assert_eq!(bob.lines(), ["Bob: I am away", "Ada: you are away"]);
    assert_eq!(ada.lines(), ["Ada: you are away", "Bob: I am away"]);
    assert!(newcomer.lines().iter().all(|line| !line.starts_with("Ada")), "it was said before they came");
}
