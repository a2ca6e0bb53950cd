//! The call's one task: feeds the election, carries out what it decides, and moves media between links and the
//! participant, which outlives them all.

mod camera;
mod deaf;
mod inputs;
mod moderation;
mod orders;
mod outputs;
mod rate;
mod sending;
mod share;
mod summary;
mod timing;
mod view;
mod words;

use deaf::Deaf;
pub(super) use inputs::forward;
pub(super) use outputs::{dial, round};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ring::rand::SystemRandom;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::arrivals::Arrivals;
use super::command::{Command, Entry};
use super::delay::Delays;
use super::event::{Event, PeerSummary, Place};
use super::history::Journal;
use super::hops::Hops;
use super::house::House;
use super::membership::Membership;
use super::moves::{Ledger, Moving};
use super::publish::Publisher;
use super::rate::Uplink;
use super::reach::Reaches;
use super::recent::Recent;
use super::redundancy::Redundancy;
use super::roster::Roster;
use super::screens::Screens;
use super::session::Session;
use super::speaker::Speakers;
use super::state::{DeviceState, Relays, Sharing, State};
use super::subscribe::Subscriber;
use super::talk::Talk;
use super::views::Views;
use super::wishes::Wishes;
use super::words::Words;
use super::{CallError, Config, manifest};
use crate::clock::{self, Suspension};
use crate::election::{self, Candidate, Elector, Input, LinkId};
use crate::media::screen::Share;
use crate::media::{self, Device, Encoded, MediaClock, Problem, audio, video};
use crate::net::{Incoming, Link, LinkError};
use crate::proto::ParticipantId;
use crate::proto::manifest::Manifest;
use crate::telemetry::history::{Keep, Winners};

/// How often figures, gaps and expectations are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often each peer is told how it is received.
const REPORT: Duration = Duration::from_secs(1);
/// How often the manifest is read again: a relay that joins is raced within 20 s.
const MANIFEST: Duration = Duration::from_secs(12);
/// Asleep for less: the links survive it.
const SLEPT: Duration = Duration::from_secs(1);
/// Events of links, and frames, that may wait for the task.
const QUEUE: usize = 1024;

/// See the module.
pub(super) struct Controller {
    config: Config,
    manifest: Arc<Manifest>,
    relays: Relays,
    participant: ParticipantId,
    /// `None` in the lobby.
    membership: Option<Membership>,
    elector: Elector,
    sessions: BTreeMap<LinkId, Session>,
    /// Where each link leads, those that are gone included.
    places: BTreeMap<LinkId, Place>,
    hops: Hops,
    /// The link that carries the call.
    active: Option<LinkId>,
    moving: Option<Moving>,
    /// Audio goes over this link as well.
    duplicate: Option<LinkId>,
    /// Links that carried the call until a moment ago: what is on its way over them may still arrive.
    releases: Vec<Release>,
    doubt_since: Option<Instant>,
    ledger: Ledger,
    journal: Journal,
    /// Who carried the last calls; `None`: nobody remembers.
    winners: Option<Winners>,
    roster: Roster,
    house: House,
    words: Words,
    /// A host removed us: the call is over.
    removed: bool,
    /// How those were received who have left.
    gone: Vec<PeerSummary>,
    publisher: Publisher,
    uplink: Uplink,
    /// What the camera's encoder was given last, bits a second.
    camera_bps: Option<u64>,
    screen_bps: Option<u64>,
    /// Probes that were sent for the estimate alone.
    extra_probes: u64,
    subscriber: Subscriber,
    microphone: Option<audio::Capture>,
    camera: Option<video::Capture>,
    /// What we share, its number, and what is told of it.
    share: Option<Share>,
    shares: u64,
    sharing: Sharing,
    /// What the others share.
    screens: Screens,
    pictures: video::Pictures,
    devices: BTreeMap<Device, DeviceState>,
    /// Devices of which trouble was told.
    troubled: BTreeSet<Device>,
    muted: bool,
    talk: Talk,
    deaf: Deaf,
    /// What was lost of each peer's sound of late.
    recent: Recent,
    camera_off: bool,
    speakers: Speakers,
    wishes: Wishes,
    views: Views,
    shown: watch::Sender<Arc<State>>,
    clock: MediaClock,
    delays: Delays,
    reaches: Reaches,
    /// When the first sample of what is sent was taken.
    source_from: Option<Instant>,
    suspension: Suspension,
    /// Join was asked for and the race has a leader, since then.
    join_at: Option<Instant>,
    entered: Option<Instant>,
    /// Every link is lost since then.
    lost: Option<Instant>,
    /// What the election was told of media that should arrive.
    expected: Option<Duration>,
    redundancy: Redundancy,
    /// Receivers need it: each audio packet carries the one before.
    lossy: bool,
    reported_at: Instant,
    links: mpsc::Sender<(LinkId, Incoming)>,
    encoded: mpsc::Sender<Encoded>,
    media: mpsc::Sender<media::Event>,
    events: mpsc::UnboundedSender<Event>,
    manifests: mpsc::Sender<(u64, manifest::News)>,
    /// How often other lists were asked for: what the ones before had to say concerns nobody.
    reading: u64,
    refresh: Option<AbortHandle>,
    dials: JoinSet<(LinkId, Result<Link, LinkError>)>,
}

/// A link to be let go of.
struct Release {
    at: Instant,
    link: LinkId,
    /// The election hung up on it as well.
    close: bool,
}

/// The reading ends of a controller's channels.
pub(super) struct Inbox {
    pub commands: mpsc::Receiver<Command>,
    links: mpsc::Receiver<(LinkId, Incoming)>,
    encoded: mpsc::Receiver<Encoded>,
    media: mpsc::Receiver<media::Event>,
    manifests: mpsc::Receiver<(u64, manifest::News)>,
}

impl Controller {
    pub(super) fn new(
        mut config: Config,
        manifest: Option<Manifest>,
        pictures: video::Pictures,
        commands: mpsc::Receiver<Command>,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(Self, Inbox), CallError> {
        let rng = SystemRandom::new();
        let participant = ParticipantId(u64::from_be_bytes(crate::crypto::random(&rng)?));
        let seed = u64::from_be_bytes(crate::crypto::random(&rng)?);
        let (links, links_in) = mpsc::channel(QUEUE);
        let (encoded, encoded_in) = mpsc::channel(QUEUE / 8);
        let (media, media_in) = mpsc::channel(QUEUE / 8);
        let (manifests, manifests_in) = mpsc::channel(1);
        let subscriber = Subscriber::start(
            config.play.clone(),
            config.record_audio.clone(),
            config.record_video.clone(),
            pictures.clone(),
            media.clone(),
        )?;
        let mut winners = config.history.as_ref().map(Keep::winners);
        let (now, media_clock) = (clock::now(), MediaClock::start());
        let relays = match &manifest {
            Some(_) => Relays::Known,
            None if config.sources.is_empty() => Relays::None,
            None => Relays::Loading,
        };
        let manifest = Arc::new(manifest.unwrap_or_default());
        let candidates = manifest::candidates(&manifest);
        let election = election::Config {
            window: config.window,
            last_winner: last_winner(winners.as_mut(), &candidates),
            pin: config.pin.clone(),
        };
        let elector = Elector::new(now, election, candidates, seed);
        let own = view::nobody(participant, relays.clone(), &elector);
        let entry = config.entry.take();
        let journal = Journal::start(config.history.take());
        let mut controller = Self {
            publisher: Publisher::new(participant),
            uplink: Uplink::new(now),
            camera_bps: None,
            screen_bps: None,
            extra_probes: 0,
            participant,
            membership: None,
            elector,
            wishes: Wishes::pinned(config.pin.as_deref()),
            views: Views::default(),
            muted: config.muted,
            camera_off: config.camera_off,
            config,
            manifest,
            relays,
            sessions: BTreeMap::new(),
            places: BTreeMap::new(),
            hops: Hops::default(),
            active: None,
            moving: None,
            duplicate: None,
            releases: Vec::new(),
            doubt_since: None,
            ledger: Ledger::default(),
            journal,
            winners,
            roster: Roster::default(),
            house: House::default(),
            words: Words::new(now),
            removed: false,
            gone: Vec::new(),
            subscriber,
            microphone: None,
            camera: None,
            share: None,
            shares: 0,
            sharing: Sharing::Nothing,
            screens: Screens::default(),
            pictures,
            devices: BTreeMap::new(),
            troubled: BTreeSet::new(),
            talk: Talk::default(),
            deaf: Deaf::default(),
            recent: Recent::default(),
            speakers: Speakers::default(),
            shown: watch::Sender::new(Arc::new(own)),
            clock: media_clock,
            delays: Delays::new(media_clock),
            reaches: Reaches::default(),
            source_from: None,
            suspension: Suspension::new(),
            join_at: None,
            entered: None,
            lost: None,
            expected: None,
            redundancy: Redundancy::default(),
            lossy: false,
            reported_at: now,
            links,
            encoded,
            media,
            events,
            manifests,
            reading: 0,
            refresh: None,
            dials: JoinSet::new(),
        };
        if let Some(entry) = entry {
            controller.become_member(entry)?;
        }
        let inbox = Inbox { commands, links: links_in, encoded: encoded_in, media: media_in, manifests: manifests_in };
        Ok((controller, inbox))
    }

    /// Where the snapshots are put.
    pub(super) fn state(&self) -> watch::Sender<Arc<State>> {
        self.shown.clone()
    }

    /// What was received and when.
    pub(super) fn arrivals(&self) -> Arrivals {
        self.subscriber.arrivals().clone()
    }

    fn become_member(&mut self, entry: Entry) -> Result<(), CallError> {
        self.subscriber.enter(entry.secret.clone(), entry.room.clone());
        self.journal.keep_quiet_about([entry.room.clone(), entry.name.clone()].into_iter().chain(entry.token.clone()));
        self.membership = Some(Membership::new(entry, self.participant, self.muted, self.camera_off)?);
        Ok(())
    }

    /// Runs until [`Command::Leave`], until a host removes us or until nobody can command any more; tells the summary last.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        self.start_devices();
        if self.membership.is_some() {
            self.feed(Input::Join);
        }
        self.follow_manifest();
        let mut tick = tokio::time::interval(TICK);
        while !self.removed {
            self.drain();
            let wake = self.elector.poll_timeout();
            tokio::select! {
                biased;
                command = inbox.commands.recv() => match command {
                    None | Some(Command::Leave) => break,
                    Some(command) => self.command(command),
                },
                () = sleep_until(wake) => self.elector.handle_timeout(clock::now()),
                Some((link, event)) = inbox.links.recv() => self.incoming(link, event),
                Some(dialled) = self.dials.join_next() => self.dialled(dialled),
                Some(encoded) = inbox.encoded.recv() => self.publish(&encoded),
                Some(event) = inbox.media.recv() => self.media_event(event),
                Some((reading, news)) = inbox.manifests.recv() => self.manifest_news(reading, news),
                _ = tick.tick() => self.tick(),
            }
        }
        self.finish(inbox).await;
    }

    /// Tells the election, and carries out what it says.
    fn feed(&mut self, input: Input) {
        self.elector.handle_input(clock::now(), input);
        self.drain();
    }

    fn tell(&self, event: Event) {
        // Whoever does not listen any more does not miss it.
        let _ = self.events.send(event);
    }

    /// Devices start at once, so that they are warm, and so does everything in a lobby, to be looked at; otherwise files
    /// and patterns begin with the call.
    fn start_devices(&mut self) {
        let lobby = self.membership.is_none();
        if lobby || matches!(self.config.audio, audio::AudioSource::Microphone(_)) {
            self.start_audio();
        }
        if lobby || matches!(self.config.video, video::VideoSource::Camera(_)) {
            self.start_video();
        }
    }

    /// Reads the manifest again and again, anew where the sources have changed.
    fn follow_manifest(&mut self) {
        let known = (self.relays == Relays::Known).then(|| Manifest::clone(&self.manifest));
        let sources = self.config.sources.clone();
        self.reading += 1;
        let news = manifest::Teller { reading: self.reading, news: self.manifests.clone() };
        let task = tokio::spawn(manifest::follow(sources, known, MANIFEST, news)).abort_handle();
        if let Some(before) = self.refresh.replace(task) {
            before.abort();
        }
    }

    fn start_audio(&mut self) {
        if self.microphone.is_some() {
            return;
        }
        let source = self.config.audio.clone();
        let device = matches!(source, audio::AudioSource::Microphone(_));
        let cleaning = audio::Cleaning { switches: self.config.processing, played: self.subscriber.mixer().played() };
        let (encoded, media) = (self.encoded.clone(), self.media.clone());
        match audio::Capture::start(source, self.muted, cleaning, self.clock, encoded, media) {
            Ok(capture) => {
                self.microphone = Some(capture);
                self.devices.insert(Device::Microphone, opening(device));
            }
            Err(error) => {
                self.devices.insert(Device::Microphone, DeviceState::Trouble(Problem::Other(error.to_string())));
                self.tell(Event::Error { message: error.to_string() });
            }
        }
    }

    async fn finish(mut self, mut inbox: Inbox) {
        if let Some(refresh) = self.refresh.take() {
            refresh.abort();
        }
        self.sessions.values_mut().for_each(|session| session.leave(false));
        if let Some(microphone) = self.microphone.take() {
            microphone.stop_later();
        }
        if let Some(camera) = self.camera.take() {
            camera.stop_later();
        }
        if let Some(share) = self.share.take() {
            share.stop_later();
        }
        if let Some(session) = self.active.and_then(|active| self.sessions.get(&active)) {
            session.sender.close_gracefully("left").await;
        }
        while let Ok(event) = inbox.media.try_recv() {
            self.media_event(event);
        }
        let subscriber = &mut self.subscriber;
        for moved in self.ledger.settle(clock::now(), true, || subscriber.take_longest_gaps_ms()) {
            self.journal.moved(&self.elector, &moved);
            let _ = self.events.send(Event::Moved(moved));
        }
        self.journal.close(&self.elector).await;
        self.tell(Event::Summary(self.summary()));
    }
}

/// Who carried the last call, among these.
fn last_winner(winners: Option<&mut Winners>, candidates: &[Candidate]) -> Option<String> {
    // Before there is a list nobody waits for who may be in it.
    let winners = winners.filter(|_| !candidates.is_empty())?;
    winners.newest(|relay| candidates.iter().any(|candidate| candidate.relay == relay))
}

fn opening(device: bool) -> DeviceState {
    if device { DeviceState::Opening } else { DeviceState::Off }
}

/// Sleeps for ever where there is nothing to wait for.
pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
