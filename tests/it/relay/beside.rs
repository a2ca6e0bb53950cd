//! The call beside: two participants, one over WebTransport and one over WebSocket, who hear and see each other while
//! something else goes on. At the end nothing is lost or doubled, and nothing took long.

use std::time::Duration;

use nearcall::clock;
use nearcall::proto::Transport;
use nearcall::proto::manifest::RelayEntry;
use nearcall::relay::Relay;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::Client;

const AUDIO: Duration = Duration::from_millis(20);
const VIDEO: Duration = Duration::from_micros(33_333);
const NAP: Duration = Duration::from_millis(2);
/// Frames from one key frame to the next.
const GROUP: u32 = 60;
/// The least that is looked at: a second of sound.
const LEAST: u32 = 50;
/// 99 of 100 packets are faster, but for what the machine itself stood still meanwhile: tests run on busy ones.
const SLOW: Duration = Duration::from_millis(150);

/// A call that runs in the background.
pub struct CallBeside {
    clients: [std::sync::Arc<Client>; 2],
    stop: watch::Sender<bool>,
    senders: Vec<JoinHandle<(u32, u32)>>,
    /// How late a thread that asks for nothing but to be woken is woken, at worst.
    witness: std::thread::JoinHandle<Duration>,
}

impl CallBeside {
    pub async fn start(relay: &Relay) -> Self {
        Self::between(relay, relay).await
    }

    /// Begins a call where two entries of a manifest lead.
    pub async fn at(one: &RelayEntry, other: &RelayEntry) -> Self {
        let a = Client::member_at(one, Transport::WebTransport, "beside", 0xa).await;
        let b = Client::member_at(other, Transport::WebSocket, "beside", 0xb).await;
        Self::of([a, b].map(std::sync::Arc::new)).await
    }

    /// Begins a call between a participant at each of two relays, or both at one.
    pub async fn between(one: &Relay, other: &Relay) -> Self {
        Self::at(one.entry(), other.entry()).await
    }

    async fn of(clients: [std::sync::Arc<Client>; 2]) -> Self {
        for (me, peer) in [(0, 0xb), (1, 0xa)] {
            clients[me].wait("peer", |heard| (!heard.states(peer).is_empty()).then_some(())).await;
        }
        let stop = watch::Sender::new(false);
        let stopped = stop.subscribe();
        let witness = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !*stopped.borrow() {
                let start = clock::now();
                std::thread::sleep(NAP);
                worst = worst.max(start.elapsed().saturating_sub(NAP));
            }
            worst
        });
        let senders = clients.iter().map(|client| tokio::spawn(send(client.clone(), stop.subscribe()))).collect();
        Self { clients, stop, senders, witness }
    }

    /// Ends it and looks back.
    pub async fn finish(self) {
        for peer in [0xa, 0xb] {
            let other = &self.clients[usize::from(peer == 0xa)];
            other.wait("a second of sound", |heard| (heard.sounds(peer).len() >= LEAST as usize).then_some(())).await;
        }
        self.stop.send_replace(true);
        let slow = SLOW + self.witness.join().unwrap();
        for (n, sender) in self.senders.into_iter().enumerate() {
            let (sounds, pictures) = sender.await.unwrap();
            let (from, to) = (&self.clients[n], &self.clients[1 - n]);
            to.wait_sound(from.id, sounds - 1).await;
            to.wait_picture(from.id, pictures - 1).await;
            to.look(|heard| {
                assert_all_once("sounds", heard.sounds(from.id), sounds);
                assert_all_once("pictures", heard.pictures(from.id), pictures);
                assert_eq!(heard.states(from.id).len(), 1, "it never seemed to leave: {:?}", heard.states(from.id));
                for (kind, arrivals) in [("sound", &heard.audio), ("picture", &heard.video)] {
                    let mut delays: Vec<_> = arrivals.iter().map(|arrival| arrival.delay).collect();
                    delays.sort();
                    let p99 = delays[(delays.len() - 1) * 99 / 100];
                    println!(
                        "{:x} -> {:x}: {} {kind}s, p50 {:?}, p99 {p99:?}",
                        from.id,
                        to.id,
                        delays.len(),
                        delays[delays.len() / 2]
                    );
                    assert!(p99 < slow, "{kind}s took {p99:?}, over {slow:?}");
                }
            });
            assert!(to.look(|heard| heard.closed.is_none()));
        }
    }
}

/// Does something while a call goes on beside it.
pub async fn during<T>(relay: &Relay, something: impl Future<Output = T>) -> T {
    let call = CallBeside::start(relay).await;
    let done = something.await;
    call.finish().await;
    done
}

fn assert_all_once(what: &str, mut numbers: Vec<u32>, sent: u32) {
    numbers.sort();
    let missing: Vec<u32> = (0..sent).filter(|number| numbers.binary_search(number).is_err()).collect();
    let doubled: Vec<_> = numbers.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(missing.is_empty() && doubled.is_empty(), "{sent} {what}: missing {missing:?}, doubled {doubled:?}");
}

/// Speaks until it is stopped; how many packets and frames there were.
async fn send(client: std::sync::Arc<Client>, mut stop: watch::Receiver<bool>) -> (u32, u32) {
    let (mut audio, mut video) = (tokio::time::interval(AUDIO), tokio::time::interval(VIDEO));
    audio.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    video.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut sounds, mut pictures) = (0, 0);
    loop {
        tokio::select! {
            _ = stop.changed() => return (sounds, pictures),
            _ = audio.tick() => {
                client.audio(sounds);
                sounds += 1;
            }
            _ = video.tick() => {
                client.video(pictures, pictures - pictures % GROUP);
                pictures += 1;
            }
        }
    }
}
