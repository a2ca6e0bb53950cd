//! The app that eframe runs: [`App::logic`] takes in what happened, `ui` draws it and collects what the user asks, which
//! [`super::deeds`] carries out. Holds the model; nothing else changes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::awake::Awake;
use super::desk::{Attention, Desk, Hosted, Word};
use super::model::{Action, Devices, Entry, Hosting, Model, Notice, NoticeKind, Room};
use super::options::Options;
use super::picture::Painter;
use super::preferences::devices;
use super::saver::Saver;
use super::{desktop, news, room, shell, sounds, theme};
use crate::call::state::{Phase, State};
use crate::call::views::View;
use crate::call::{self, Command, Event};
use crate::clock;
use crate::instance::Request;
use crate::media::Device;
use crate::media::video::Pictures;
use crate::proto::ParticipantId;
use crate::proto::manifest::Manifest;
use crate::settings::{self, rooms::Rooms};

/// How long a toast stays, and one that says what went wrong.
const TOAST: Duration = Duration::from_secs(5);
const LONG_TOAST: Duration = Duration::from_secs(12);
/// Toasts on the screen; an older one makes room.
const TOASTS: usize = 4;
/// Entries of the timeline that are kept: a day of a restless path.
const TIMELINE: usize = 1000;
/// Whoever is told of so soon after we came was there before.
const SETTLED: Duration = Duration::from_secs(2);
/// Settings are written when nothing changed for so long.
pub(super) const SAVE: Duration = Duration::from_millis(800);

/// See the module.
pub struct App {
    pub(super) model: Model,
    pub(super) memory: shell::Memory,
    pub(super) options: Options,
    pub(super) desk: Desk,
    pub(super) saver: Saver,
    /// When the settings are to be written.
    pub(super) save_at: Option<Instant>,
    /// The recent rooms are other ones than those that were written.
    pub(super) rooms_unsaved: bool,
    /// A picture of the region panel that is being made.
    pub(super) exporting: Option<super::deeds::Exporting>,
    /// The relays that are raced now, as the desk was told.
    pub(super) sources: Vec<crate::call::manifest::Source>,
    /// Hosts that the user agreed to contact.
    pub(super) agreed: Vec<String>,
    /// The relay that runs here.
    pub(super) hosted_relay: Option<Manifest>,
    /// What makes us host in the room that it was started for.
    pub(super) host_token: Option<String>,
    /// What Join was pressed for, until the room is left.
    pub(super) entered: Option<call::Entry>,
    pub(super) actions: Vec<Action>,
    /// How everybody is shown, as the call was told.
    views: BTreeMap<ParticipantId, View>,
    painter: Painter,
    desktop: desktop::Watch,
    attention: Arc<Attention>,
    awake: Awake,
    state: Option<watch::Receiver<Arc<State>>>,
    toasts: u64,
    /// The window's sides when it was last seen as the user made it, points.
    size: Option<[f32; 2]>,
    /// Join was asked for, and no snapshot says so yet.
    pub(super) joins: bool,
    /// The window goes without a question: somebody ends the process.
    sure: bool,
    /// A close of the window was asked for and carried out.
    closing: bool,
    /// The lobby was drawn with what a call says of itself.
    stands: bool,
}

impl App {
    /// Opens the lobby. `loaded` are the settings, as they were found.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        runtime: &Handle,
        mut options: Options,
        loaded: settings::Loaded,
    ) -> Self {
        let ctx = &cc.egui_ctx;
        theme::install(ctx);
        theme::wear(ctx, loaded.settings.look, loaded.settings.motion, desktop::Desktop::default());
        ctx.set_zoom_factor(loaded.settings.zoom);
        let mut model = blank(loaded.settings);
        let (rooms, unread) = loaded.store.path().map(Rooms::load).unwrap_or_default();
        model.rooms = rooms;
        model.given_name.clone_from(&options.name);
        model.room = room::read(options.room.clone().unwrap_or_default(), &room::listed_hosts(&model.settings));
        room::as_told(&mut model.room, &model.settings);
        let sources = options.sources(&model.settings, &model.room, None);
        let config = options.config(&model.settings, sources.clone());
        let ears = std::mem::take(&mut options.ears);
        let attention = Arc::new(Attention::new(Painter::is_software(cc)));
        let desk = Desk::start(runtime, ctx.clone(), attention.clone(), config, ears);
        let mut app = Self {
            model,
            memory: shell::Memory::new(loaded.store.path().map(Into::into)),
            options,
            desk,
            desktop: desktop::Watch::start(runtime, ctx.clone()),
            saver: Saver::start(loaded.store, ctx.clone()),
            save_at: None,
            rooms_unsaved: false,
            exporting: None,
            sources,
            agreed: Vec::new(),
            hosted_relay: None,
            host_token: None,
            entered: None,
            actions: Vec::new(),
            views: BTreeMap::new(),
            painter: Painter::new(cc),
            attention,
            awake: Awake::default(),
            state: None,
            toasts: 0,
            size: None,
            joins: false,
            sure: false,
            closing: false,
            stands: false,
        };
        if let Some(notice) = loaded.notice {
            app.toast(NoticeKind::Warning, notice.to_string());
        }
        if let Some(unread) = unread {
            app.toast(NoticeKind::Warning, unread);
        }
        app
    }

    fn take_in(&mut self, ctx: &egui::Context, word: Word) {
        match word {
            Word::Opened { pictures, state } => {
                (self.model.pictures, self.model.race, self.joins) = (pictures, None, false);
                self.model.call = Some(state.borrow().clone());
                self.awake.keep(false);
                self.views.clear();
                self.state = Some(state);
            }
            Word::Event(event) => self.happened(&event),
            Word::Devices(devices) => self.model.devices = devices,
            Word::Screens(screens) => self.model.screens = Some(screens),
            Word::Asked(request) => {
                ctx.send_viewport_cmd(egui::ViewportCommand::Minimized(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
                if let Request::Open(link) = request {
                    tracing::info!("a link came from another start");
                    self.offered(link);
                }
            }
            Word::Hosting(Ok(hosted)) => self.hosted(hosted),
            Word::Hosting(Err(error)) => self.model.hosting = Hosting::Failed(error),
            Word::Drills(relays) => self.model.drills = relays,
            Word::Quit => {
                self.sure = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Word::Broken(why) => {
                self.joins = false;
                self.awake.keep(false);
                self.toast(NoticeKind::Danger, format!("No call: {why}. Restart the app."));
            }
        }
    }

    fn happened(&mut self, event: &Event) {
        if let Some(Err(error)) = self.options.events.as_mut().map(|log| log.write(event)) {
            self.options.events = None;
            self.toast(NoticeKind::Danger, format!("Events are not written any more: {error}"));
        }
        if let Some(what) = news::entry(event) {
            self.model.timeline.push(Entry { at: clock::wall(), what });
            let more = self.model.timeline.len().saturating_sub(TIMELINE);
            self.model.timeline.drain(..more);
        }
        match event {
            Event::Race { candidates } => self.model.race = Some(candidates.clone()),
            Event::Joined { .. } => self.remember_room(),
            // It may be that the room could not be entered.
            Event::Error { .. } => self.joins = false,
            _ => {}
        }
        let sound = self.model.call.as_deref().and_then(|state| sounds::of_event(event, state, self.settled_in()));
        self.sound(sound);
        // Who was there before is no news.
        let greeted =
            matches!(event, Event::PeerJoined { name: Some(_), .. } | Event::Hand { .. }) && !self.settled_in();
        if let Some((kind, text)) = news::toast(event).filter(|_| !greeted) {
            self.toast(kind, text);
        }
    }

    /// Plays a sound, where they are not turned off.
    fn sound(&self, sound: Option<crate::media::audio::Sound>) {
        if let Some(sound) = sound.filter(|_| self.model.settings.sounds) {
            self.command(Command::Sound(sound));
        }
    }

    /// The room was entered a while ago.
    fn settled_in(&self) -> bool {
        let phase = self.model.call.as_ref().map(|state| state.phase);
        matches!(phase, Some(Phase::InCall { since }) if clock::now().saturating_duration_since(since) > SETTLED)
    }

    fn hosted(&mut self, hosted: Hosted) {
        self.model.hosting = Hosting::Yes { invite: hosted.invite.clone(), reach: hosted.reach };
        self.host_token = Some(hosted.token);
        self.memory_of_host(&hosted.invite, hosted.manifest);
    }

    pub(super) fn in_lobby(&self) -> bool {
        !self.joins && self.model.call.as_ref().is_none_or(|state| state.phase == Phase::Lobby)
    }

    pub(super) fn toast(&mut self, kind: NoticeKind, text: String) {
        let stays = if matches!(kind, NoticeKind::Info | NoticeKind::Good) { TOAST } else { LONG_TOAST };
        self.model.toasts.retain(|toast| toast.text != text);
        if self.model.toasts.len() >= TOASTS {
            self.model.toasts.remove(0);
        }
        self.toasts += 1;
        let until = clock::now() + stays;
        self.model.toasts.push(Notice { id: self.toasts, kind, text, about: None, until });
    }

    fn take_snapshot(&mut self) {
        let Some(state) = self.state.as_mut().filter(|state| state.has_changed().unwrap_or(false)) else { return };
        let now = state.borrow_and_update().clone();
        let before = self.model.call.replace(now.clone());
        self.make_invite();
        self.awake.keep(now.phase != Phase::Lobby);
        let Some(before) = before.filter(|_| now.phase != Phase::Lobby) else { return };
        self.sound(sounds::of_phases(before.phase, now.phase));
        for what in [Device::Microphone, Device::Speaker, Device::Camera] {
            let wanted = devices::called(&self.model.settings, what);
            if let Some((kind, text)) = news::device(what, &wanted, before.own.device(what), now.own.device(what)) {
                self.model.toasts.retain(|toast| toast.about != Some(what));
                self.toast(kind, text);
                if let Some(toast) = self.model.toasts.last_mut() {
                    toast.about = Some(what);
                }
            }
        }
    }

    /// Says how large the others are drawn, where that changed. Nobody is, in a window that nobody sees.
    fn tell_views(&mut self, hidden: bool) {
        let nobody = |state: &State| state.peers.iter().map(|peer| (peer.id, View::Hidden)).collect();
        let shown = match &self.model.call {
            Some(state) if hidden => nobody(state),
            _ => self.memory.stage.shown.clone(),
        };
        if !self.in_lobby() && self.views != shown {
            self.views = shown.clone();
            self.command(Command::View(shown));
        }
    }

    /// What is due by itself. Asks to be called again in time for the next of it.
    fn keep_time(&mut self, ctx: &egui::Context, hidden: bool) {
        let now = self.model.now;
        self.model.toasts.retain(|toast| toast.until > now);
        if self.save_at.is_some_and(|at| at <= now) {
            self.save();
        }
        self.exported();
        while let Some(error) = self.saver.error() {
            self.toast(NoticeKind::Danger, error);
        }
        let toast = self.model.toasts.iter().map(|toast| toast.until).min().filter(|_| !hidden);
        if let Some(next) = [self.save_at, toast].into_iter().flatten().min() {
            ctx.request_repaint_after(next.saturating_duration_since(now));
        }
    }

    /// The window was asked to close: where a call is lost with it, the first time is a question.
    fn close_or_ask(&mut self, ctx: &egui::Context) {
        if shell::ends_a_call(&self.model) && !self.sure && !self.memory.asks_to_quit() {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.memory.ask_to_quit();
            ctx.request_repaint();
        } else {
            self.close();
        }
    }

    /// Leaves before the window goes.
    fn close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) {
            self.model.settings.window = self.size.or(self.model.settings.window);
            if self.rooms_unsaved {
                self.saver.save_rooms(&self.model.rooms);
            }
            self.saver.close(&self.model.settings);
            self.desk.close();
            // What the call had to say at its end belongs to the log.
            while let Some(word) = self.desk.word() {
                if let Word::Event(event) = word {
                    self.happened(&event);
                }
            }
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        (self.model.now, self.model.wall) = (clock::now(), clock::wall());
        // Asked before the input is held: both are one lock.
        let zoom = ctx.zoom_factor();
        let (hidden, closing, size) = ctx.input(|input| {
            let viewport = input.viewport();
            let size = own_size(viewport, zoom);
            (viewport.visible() == Some(false), viewport.close_requested(), size)
        });
        self.size = size.or(self.size);
        let picking = self.in_lobby() || self.memory.settings_open();
        self.attention.set(hidden, self.memory.figures_open(), picking);
        while let Some(word) = self.desk.word() {
            self.take_in(ctx, word);
        }
        self.take_snapshot();
        let settings = &self.model.settings;
        self.model.motion = theme::wear(ctx, settings.look, settings.motion, self.desktop.now());
        self.join_when_possible();
        for action in std::mem::take(&mut self.actions) {
            self.carry_out(ctx, action);
        }
        self.tell_views(hidden);
        self.keep_time(ctx, hidden);
        if closing {
            self.close_or_ask(ctx);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        tracing::trace!("drawing");
        shell::shell_ui(ui, &self.model, &mut self.memory, &self.painter, &mut self.actions);
        theme::fallback::tend(ui.ctx());
        if self.model.call.is_some() && !std::mem::replace(&mut self.stands, true) {
            tracing::debug!("the lobby stands");
        }
        if !self.actions.is_empty() {
            // Carried out at once, not at the next event.
            ui.ctx().request_repaint();
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.close();
    }
}

/// The sides of the window as the user made it, in the system's points; `None` while it is as the screen is.
fn own_size(viewport: &egui::ViewportInfo, zoom: f32) -> Option<[f32; 2]> {
    let given = [viewport.maximized, viewport.minimized, viewport.fullscreen];
    let sides = viewport.inner_rect.filter(|_| !given.contains(&Some(true)))?.size() * zoom;
    (sides.min_elem() > 0.0).then(|| sides.into())
}

fn blank(settings: settings::Settings) -> Model {
    Model {
        now: clock::now(),
        wall: clock::wall(),
        call: None,
        pictures: Pictures::default(),
        devices: Devices::default(),
        screens: None,
        settings,
        given_name: None,
        room: Room::default(),
        timeline: Vec::new(),
        toasts: Vec::new(),
        hosting: Hosting::No,
        drills: Vec::new(),
        race: None,
        rooms: Rooms::default(),
        offered: None,
        motion: true,
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sizes {
    use super::*;

    #[test]
    fn the_size_that_is_kept_is_the_one_that_the_user_gave() {
        let sides = egui::vec2(800.0, 600.0);
        let inner_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, sides));
        let viewport = egui::ViewportInfo { inner_rect, ..egui::ViewportInfo::default() };
        assert_eq!(own_size(&viewport, 1.0), Some([800.0, 600.0]));
        // The next window is opened before its content is zoomed.
        assert_eq!(own_size(&viewport, 1.5), Some([1200.0, 900.0]));
        let maximized = egui::ViewportInfo { maximized: Some(true), ..viewport.clone() };
        let full = egui::ViewportInfo { fullscreen: Some(true), ..viewport };
        for odd in [maximized, full, egui::ViewportInfo::default()] {
            assert_eq!(own_size(&odd, 1.0), None);
        }
    }
}
