//! A window that nobody looks at, and somebody else in the call.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Key, Modifiers, OutputCommand, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::super::*;
use crate::call::manifest::Source;
use crate::call::state::Peer;
use crate::call::{self, Call};
use crate::crypto::secret::RoomSecret;
use crate::instance::Request;
use crate::media::audio::{AudioSource, Output, Switches};
use crate::media::video::{Of, VideoConfig, VideoSource};
use crate::relay::bus::{BusConfig, Hub};
use crate::relay::{Config, Relay};
use crate::settings::store::load_from;

/// Longer than anything here takes; what hangs fails then.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// Of a race: everything is near.
const RACE: Duration = Duration::from_secs(1);

/// The app as eframe would run it: drawn when it asks for it, and not before.
pub struct Window {
    pub harness: Harness<'static, App>,
    asked: mpsc::Receiver<Duration>,
    due: Option<Instant>,
    hidden: bool,
    pub folder: TempDir,
}

impl Window {
    pub fn open(runtime: &Runtime, options: Options) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), runtime, options)
    }

    /// With the settings in this folder. No device is touched unless `options` name one.
    pub fn open_in(folder: TempDir, runtime: &Runtime, options: Options) -> Self {
        let options = Options {
            audio: options.audio.or(Some(AudioSource::Off)),
            video: options.video.or(Some(VideoSource::Off)),
            play: options.play.or(Some(Output::Off)),
            window: options.window.or(Some(RACE)),
            ..options
        };
        let loaded = load_from(folder.path());
        let (ask, asked) = mpsc::channel();
        let harness = Harness::builder()
            // Everything that scrolls fits.
            .with_size(vec2(1280.0, 1600.0))
            .allow_missing_glyphs()
            .build_eframe(move |cc| {
                cc.egui_ctx.set_request_repaint_callback(move |info| {
                    let _ = ask.send(info.delay);
                });
                App::new(cc, runtime.handle(), options, loaded)
            });
        Self { harness, asked, due: Some(clock::now()), hidden: false, folder }
    }

    /// Minimises the window, or brings it back.
    pub fn hide(&mut self, hidden: bool) {
        let viewport = self.harness.input_mut().viewports.get_mut(&egui::ViewportId::ROOT);
        let viewport = viewport.expect("there is a window");
        (viewport.minimized, viewport.occluded) = (Some(hidden), Some(false));
        // What was on its way when that happened is no business of what comes.
        (0..3).for_each(|_| self.harness.step());
        self.hidden = hidden;
        while self.asked.try_recv().is_ok() {}
        self.due = (!hidden).then(clock::now);
    }

    /// How often the window is woken, to be drawn where somebody sees it, while so many pictures of ourselves come.
    pub fn frames_while(&mut self, pictures: usize) -> usize {
        let end = clock::now() + PATIENCE;
        let own = self.harness.state().model.pictures.clone();
        let number = || own.get(Of::Own).map_or(0, |shown| shown.number);
        let (mut last, mut came, mut frames) = (number(), 0, 0);
        while came < pictures {
            assert!(clock::now() < end, "{came} of {pictures} pictures came");
            frames += usize::from(self.frame(clock::now() + Duration::from_millis(5)));
            let now = number();
            came += usize::from(std::mem::replace(&mut last, now) != now);
        }
        frames
    }

    /// The call as it is now, whether or not the window has looked.
    pub fn newest(&self) -> Arc<State> {
        self.harness.state().state.as_ref().expect("a call is open").borrow().clone()
    }

    /// Waits for the next frame that was asked for, until `end` at most, and draws it; `false` where none was asked for.
    fn frame(&mut self, end: Instant) -> bool {
        loop {
            let now = clock::now();
            let wake = self.due.map_or(end, |due| due.min(end));
            match self.asked.recv_timeout(wake.saturating_duration_since(now)) {
                Ok(delay) => {
                    let at = clock::now().checked_add(delay).unwrap_or(end);
                    self.due = Some(self.due.map_or(at, |due| due.min(at)));
                }
                Err(_) => break,
            }
            if self.due.is_some_and(|due| due <= clock::now()) {
                break;
            }
        }
        let asked = self.due.is_some_and(|due| due <= clock::now());
        if asked {
            self.draw();
        }
        asked
    }

    /// As eframe does: a window that nobody sees has its logic run, and nothing drawn.
    fn draw(&mut self) {
        self.due = None;
        while self.asked.try_recv().is_ok() {}
        if self.hidden {
            let ctx = self.harness.ctx.clone();
            eframe::App::logic(self.harness.state_mut(), &ctx, &mut eframe::Frame::_new_kittest());
        } else {
            self.harness.step();
        }
    }

    /// The same; at `end` a frame is drawn in any case.
    fn turn(&mut self, end: Instant) {
        if !self.frame(end) {
            self.draw();
        }
    }

    /// Runs the window until there is such a thing.
    pub fn until<T>(&mut self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let end = clock::now() + PATIENCE;
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            if clock::now() >= end {
                panic!("no sign of {what} in:\n{}", self.all_words("").join("\n"));
            }
            self.turn(end);
        }
    }

    pub fn until_said(&mut self, text: &str) {
        self.until(&format!("the words {text:?}"), |window| window.says(text).then_some(()));
    }

    pub fn until_button(&mut self, label: &str) {
        self.until(&format!("the button {label:?}"), |window| window.is_enabled(label).then_some(()));
    }

    /// Until this region has a row in the list of relays.
    pub fn until_row(&mut self, region: &str) {
        self.until(&format!("the row of {region}"), |window| window.row(region).map(drop));
    }

    pub fn says(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    /// The first words that have these in them, whole.
    pub fn words(&self, part: &str) -> Option<String> {
        self.all_words(part).into_iter().next()
    }

    fn all_words(&self, part: &str) -> Vec<String> {
        let all = self.harness.query_all_by_label_contains(part);
        let words = all.filter_map(|node| {
            let node = node.accesskit_node();
            node.label().or_else(|| node.value())
        });
        words.collect()
    }

    pub fn is_enabled(&self, button: &str) -> bool {
        self.harness.query_all_by_role_and_label(Role::Button, button).any(|node| !node.accesskit_node().is_disabled())
    }

    /// Waits for a button and clicks it.
    pub fn press(&mut self, label: &str) {
        self.until_button(label);
        self.click(Role::Button, label);
    }

    /// Turns a switch.
    pub fn toggle(&mut self, label: &str) {
        self.until(label, |window| window.harness.query_by_role_and_label(Role::Switch, label).map(drop));
        self.click(Role::Switch, label);
    }

    /// Turns to a part of the settings.
    pub fn turn_to(&mut self, label: &str) {
        self.until(label, |window| window.harness.query_by_role_and_label(Role::Tab, label).map(drop));
        self.click(Role::Tab, label);
    }

    /// Chooses one of a few.
    pub fn choose(&mut self, label: &str) {
        self.until(label, |window| window.harness.query_by_role_and_label(Role::RadioButton, label).map(drop));
        self.click(Role::RadioButton, label);
    }

    fn click(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click();
        self.harness.step();
    }

    fn row(&self, region: &str) -> Option<egui_kittest::Node<'_>> {
        let start = format!("{region}, ");
        let begins = |node: &egui_kittest::Node<'_>| {
            node.accesskit_node().label().is_some_and(|label| label.starts_with(&start))
        };
        self.harness.query_all_by_role(Role::Button).find(begins)
    }

    /// Opens the row of a region.
    pub fn open_row(&mut self, region: &str) {
        self.until_row(region);
        self.row(region).unwrap().click();
        self.harness.step();
    }

    /// Pastes this text over what stands in a box.
    pub fn write(&mut self, label: &str, text: &str) {
        self.harness.get_by_role_and_label(Role::TextInput, label).focus();
        self.harness.step();
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.step();
        self.harness.event(egui::Event::Paste(text.into()));
        self.harness.step();
    }

    /// What stands in a box.
    pub fn written(&self, label: &str) -> String {
        self.harness.get_by_role_and_label(Role::TextInput, label).value().unwrap_or_default()
    }

    /// Presses a button that copies, and gives what it copied.
    pub fn copied(&mut self, button: &str) -> String {
        self.press(button);
        self.until("a copy", |window| {
            let commands = &window.harness.output().platform_output.commands;
            commands.iter().find_map(|command| match command {
                OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            })
        })
    }

    /// The call as the window knows it.
    pub fn state(&self) -> Arc<State> {
        self.harness.state().model.call.clone().expect("a call is open")
    }

    /// As if another start of the program handed over its link.
    pub fn offer(&mut self, link: &str) {
        let ctx = self.harness.ctx.clone();
        self.harness.state_mut().take_in(&ctx, Word::Asked(Request::Open(link.into())));
        self.harness.step();
    }

    /// As if the window's own button that closes it were pressed.
    pub fn close(&mut self) {
        let viewport = self.harness.input_mut().viewports.get_mut(&egui::ViewportId::ROOT);
        viewport.expect("there is a window").events.push(egui::ViewportEvent::Close);
        self.harness.step();
    }
}

/// Somebody else in the call.
pub struct Other {
    call: Call,
    state: watch::Receiver<Arc<State>>,
}

/// Enters a room that is known by its name.
pub fn peer(runtime: &Runtime, name: &str, room: &str, relays: Source) -> Other {
    let entry = call::Entry { room: room.into(), secret: RoomSecret::of_room(room), name: name.into(), token: None };
    let config = call::Config {
        entry: Some(entry),
        sources: vec![relays],
        window: RACE,
        pin: None,
        audio: AudioSource::Tone(300.0),
        video: VideoSource::Off,
        video_config: VideoConfig::default(),
        share: None,
        play: Output::Off,
        processing: Switches::OFF,
        muted: false,
        camera_off: false,
        record_audio: None,
        record_video: None,
        history: None,
    };
    let call = runtime.block_on(Call::start(config)).unwrap();
    Other { state: call.state(), call }
}

impl Other {
    /// Waits until the one other participant is seen like that.
    pub fn until_sees(&mut self, runtime: &Runtime, wanted: impl Fn(&Peer) -> bool) {
        let seen = self.state.wait_for(|state| state.peers.iter().any(&wanted));
        let seen =
            runtime.block_on(async { tokio::time::timeout(PATIENCE, seen).await.map(|seen| drop(seen.unwrap())) });
        assert!(seen.is_ok(), "not seen");
    }

    /// Waits until somebody leaves; gives the name.
    pub async fn until_left(&mut self) -> Option<String> {
        loop {
            if let Event::PeerLeft { name, .. } = self.call.event().await.expect("the call goes on") {
                return name;
            }
        }
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A relay on its own, at this address.
pub fn relay(runtime: &Runtime, region: &str, address: IpAddr) -> Relay {
    let advertise = Some(address.to_string());
    let config = Config { listen: (address, 0).into(), advertise, workers: Some(1), ..Config::local(region) };
    runtime.block_on(Relay::start(config)).unwrap()
}

/// Relays on one bus, and their list.
pub fn relays(runtime: &Runtime, regions: &[&str]) -> (Vec<Relay>, Manifest) {
    let hub = Hub::new();
    let start = |region: &&str| {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let bus = BusConfig::Local(hub.clone());
        let config = Config { listen, bus, workers: Some(1), ..Config::local(region) };
        runtime.block_on(Relay::start(config)).unwrap()
    };
    let relays: Vec<Relay> = regions.iter().map(start).collect();
    let manifest = Manifest::from(relays.iter().map(|relay| relay.entry().clone()).collect::<Vec<_>>());
    (relays, manifest)
}
