//! A participant of a drill: a real call without a window, whose events and arrivals are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::log::Log;
use crate::call::arrivals::{Arrivals, Record};
use crate::call::event::Place;
use crate::call::manifest::Source;
use crate::call::state::{Phase, State};
use crate::call::{Call, Command, Config, Entry, Event};
use crate::clock;
use crate::election;
use crate::media::audio::{AudioSource, Output, Switches};
use crate::media::video::{Codec, VideoConfig, VideoSource};
use crate::proto::manifest::Manifest;
use crate::proto::{FrameNumber, ParticipantId, Track};

/// A drill's race: shorter than a person's, for the relays are few.
const RACE: Duration = Duration::from_secs(2);
/// A small picture: a drill has many participants on one machine.
const PICTURE: VideoConfig = VideoConfig { width: 320, height: 180, fps: 15, bitrate_bps: 150_000, codec: Codec::H264 };
/// How long the end of a call is waited for.
const GOODBYE: Duration = Duration::from_secs(3);
/// Media that came within this time flows.
const FLOWS: Duration = Duration::from_secs(1);
/// Audio packets in that time without which a stream is not steady: 50 are sent.
const STEADY_PACKETS: usize = 45;

/// What somebody brings.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub entry: Entry,
    pub manifest: Manifest,
    pub seat: usize,
    /// Which of several rooms: who is in another one is not expected to be heard.
    pub group: usize,
    pub video: bool,
    /// Decides the pitch.
    pub number: usize,
}

/// See the module.
pub struct Client {
    pub name: String,
    pub seat: usize,
    pub group: usize,
    pub id: ParticipantId,
    pub video: bool,
    pub started: Instant,
    pub log: Log,
    /// Records that were dropped before they could be taken: a figure would be wrong.
    pub missed: u64,
    state: watch::Receiver<Arc<State>>,
    arrivals: Arrivals,
    events: Arc<Mutex<Vec<(Instant, Event)>>>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Client {
    /// Starts a call; nobody has joined yet when this returns.
    ///
    /// # Errors
    /// The call does not start.
    pub async fn start(ticket: Ticket) -> anyhow::Result<Self> {
        let Ticket { entry, manifest, seat, group, video, number } = ticket;
        let name = entry.name.clone();
        let started = clock::now();
        let call = Call::start(Config {
            entry: Some(entry),
            sources: vec![Source::Given(manifest)],
            window: RACE,
            pin: None,
            audio: AudioSource::Tone(220.0 + 20.0 * number as f32),
            video: if video { VideoSource::Pattern } else { VideoSource::Off },
            video_config: PICTURE,
            share: None,
            play: Output::Off,
            processing: Switches::OFF,
            muted: false,
            camera_off: !video,
            record_audio: None,
            record_video: None,
            history: None,
        })
        .await?;
        let (state, arrivals) = (call.state(), call.arrivals());
        let id = state.borrow().own.id;
        let (commands, orders) = mpsc::channel(16);
        let events = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(attend(call, orders, events.clone()));
        let (log, missed) = (Log::default(), 0);
        Ok(Self { name, seat, group, id, video, started, log, missed, state, arrivals, events, commands, task })
    }

    /// Takes in what arrived since the last look.
    pub fn look(&mut self) {
        let (mut records, missed) = self.arrivals.take();
        self.log.records.append(&mut records);
        self.missed += missed;
    }

    /// Where its call runs.
    pub fn active(&self) -> Option<Place> {
        self.state.borrow().active.clone()
    }

    pub fn has_standby(&self) -> bool {
        self.state.borrow().standby.is_some()
    }

    pub fn is_in_call(&self) -> bool {
        matches!(self.state.borrow().phase, Phase::InCall { .. })
    }

    /// How the call stands.
    pub fn state(&self) -> Arc<State> {
        self.state.borrow().clone()
    }

    /// Mean RTT of a relay by the transport that is used, ms.
    pub fn mean_ms(&self, place: &Place) -> Option<f64> {
        let is_it = |row: &&election::Standing| {
            (&row.candidate.relay, row.candidate.transport) == (&place.relay, place.transport)
        };
        self.state.borrow().candidates.iter().find(is_it)?.mean_ms
    }

    /// When the first event came of which `what` is true.
    pub fn when(&self, what: impl Fn(&Event) -> bool) -> Option<Instant> {
        self.events().iter().find(|(_, event)| what(event)).map(|(at, _)| *at)
    }

    /// How many events since `since` `what` is true of.
    pub fn count(&self, since: Instant, what: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|(at, event)| *at >= since && what(event)).count()
    }

    /// When it first doubted its link, from `since` on.
    pub fn doubted(&self, since: Instant) -> Option<Instant> {
        let is_doubt = |event: &Event| matches!(event, Event::Suspect { on: true, .. });
        self.events().iter().find(|(at, event)| *at >= since && is_doubt(event)).map(|(at, _)| *at)
    }

    /// The first thing that `what` finds in an event.
    pub fn find<T>(&self, what: impl Fn(&Event) -> Option<T>) -> Option<T> {
        self.events().iter().find_map(|(_, event)| what(event))
    }

    fn events(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Event)>> {
        self.events.lock().expect("nobody panics while holding the events")
    }

    pub fn elect(&self, command: election::Command) {
        // Sixteen may wait, and a drill gives one.
        let _ = self.commands.try_send(Command::Elect { command, lasts: None });
    }

    /// Whom it heard in the last second without a hole, and of whom it saw something.
    pub fn follows(&self, now: Instant) -> Followed {
        let age = |record: &Record| match record {
            Record::Frame(frame) => now.saturating_duration_since(frame.at),
            _ => Duration::ZERO,
        };
        let mut packets: BTreeMap<ParticipantId, BTreeSet<FrameNumber>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        // Nearly in the order of their time: by several links.
        for record in self.log.records.iter().rev().take_while(|record| age(record) < 2 * FLOWS) {
            match record {
                Record::Frame(frame) if now.saturating_duration_since(frame.at) >= FLOWS => {}
                Record::Frame(frame) if frame.track == Track::Microphone => {
                    packets.entry(frame.peer).or_default().insert(frame.number);
                }
                Record::Frame(frame) => drop(seen.insert(frame.peer)),
                _ => {}
            }
        }
        packets.retain(|_, numbers| numbers.len() >= STEADY_PACKETS);
        Followed { heard: packets.into_keys().collect(), seen }
    }

    /// Moves since `since`.
    pub fn moves(&self, since: Instant) -> impl Iterator<Item = (Instant, &Option<Place>, &Place, election::Reason)> {
        self.log.records.iter().filter_map(move |record| match record {
            Record::Moved { at, from, to, reason } if *at >= since => Some((*at, from, to, *reason)),
            _ => None,
        })
    }

    /// Leaves the room.
    pub async fn leave(self) {
        drop(self.commands);
        let mut task = self.task;
        if tokio::time::timeout(GOODBYE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Whom somebody hears and sees.
#[derive(Debug)]
pub struct Followed {
    heard: BTreeSet<ParticipantId>,
    seen: BTreeSet<ParticipantId>,
}

impl Followed {
    /// All that `peer` sends arrives.
    pub fn whole(&self, peer: &Client) -> bool {
        self.heard.contains(&peer.id) && (!peer.video || self.seen.contains(&peer.id))
    }
}

/// Passes orders on and keeps events until nobody orders any more, then leaves.
async fn attend(mut call: Call, mut orders: mpsc::Receiver<Command>, events: Arc<Mutex<Vec<(Instant, Event)>>>) {
    loop {
        tokio::select! {
            event = call.event() => match event {
                Some(event) => {
                    let mut events = events.lock().expect("nobody panics while holding the events");
                    events.push((clock::now(), event));
                }
                None => break,
            },
            order = orders.recv() => match order {
                Some(order) => drop(call.command(order)),
                None => {
                    call.command(Command::Leave);
                    break;
                }
            },
        }
    }
    call.ended().await;
}
