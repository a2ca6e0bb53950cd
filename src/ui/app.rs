//! The app that eframe runs: [`App::logic`] takes in what happened, `ui` draws it and collects what the user asks, which
//! [`super::deeds`] carries out. Holds the model; nothing else changes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::desk::{Attention, Desk, Hosted, Word};
use super::model::{Action, Devices, Entry, Hosting, Model, Notice, NoticeKind, Room};
use super::options::{self, Options};
use super::picture::Painter;
use super::preferences::devices;
use super::{news, shell, theme};
use crate::call::state::{Phase, State};
use crate::call::{self, Event};
use crate::clock;
use crate::instance::Request;
use crate::media::Device;
use crate::media::video::Pictures;
use crate::proto::manifest::Manifest;
use crate::settings::{self, Store};

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
    pub(super) store: Store,
    /// When the settings are to be written.
    pub(super) save_at: Option<Instant>,
    /// The relays that are raced now, as the desk was told.
    pub(super) sources: Vec<crate::call::manifest::Source>,
    /// Hosts that the user agreed to contact.
    pub(super) agreed: Vec<String>,
    /// The relay that runs here.
    pub(super) hosted_relay: Option<Manifest>,
    /// What Join was pressed for, until the room is left.
    pub(super) entered: Option<call::Entry>,
    pub(super) actions: Vec<Action>,
    painter: Painter,
    attention: Arc<Attention>,
    state: Option<watch::Receiver<Arc<State>>>,
    toasts: u64,
    /// A close of the window was asked for and carried out.
    closing: bool,
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
        theme::set(ctx, loaded.settings.look);
        ctx.set_zoom_factor(loaded.settings.zoom);
        let config = options.config(&loaded.settings, options::listed(&loaded.settings));
        let sources = config.sources.clone();
        let ears = std::mem::take(&mut options.ears);
        let attention = Arc::new(Attention::new(Painter::is_software(cc)));
        let desk = Desk::start(runtime, ctx.clone(), attention.clone(), config, ears);
        let mut app = Self {
            model: blank(loaded.settings),
            memory: shell::Memory::new(loaded.store.path().map(Into::into)),
            options,
            desk,
            store: loaded.store,
            save_at: None,
            sources,
            agreed: Vec::new(),
            hosted_relay: None,
            entered: None,
            actions: Vec::new(),
            painter: Painter::new(cc),
            attention,
            state: None,
            toasts: 0,
            closing: false,
        };
        if let Some(notice) = loaded.notice {
            app.toast(NoticeKind::Warning, notice.to_string());
        }
        if let Some(name) = app.options.name.clone() {
            app.model.settings.name = name;
        }
        app.read_room(app.options.room.clone().unwrap_or_default());
        app
    }

    fn take_in(&mut self, ctx: &egui::Context, word: Word) {
        match word {
            Word::Opened { pictures, state } => {
                self.model.pictures = pictures;
                self.model.call = Some(state.borrow().clone());
                self.state = Some(state);
            }
            Word::Event(event) => self.happened(&event),
            Word::Devices(devices) => self.model.devices = devices,
            Word::Asked(request) => {
                ctx.send_viewport_cmd(egui::ViewportCommand::Minimized(false));
                ctx.send_viewport_cmd(egui::ViewportCommand::Focus);
                if let Request::Open(link) = request {
                    self.offered(link);
                }
            }
            Word::Hosting(Ok(hosted)) => self.hosted(hosted),
            Word::Hosting(Err(error)) => self.model.hosting = Hosting::Failed(error),
            Word::Drills(relays) => self.model.drills = relays,
            Word::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Word::Broken(why) => self.toast(NoticeKind::Danger, format!("No call: {why}. Restart the app.")),
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
        if let Event::Race { candidates } = event {
            self.model.race = Some(candidates.clone());
        }
        // Who was there before is no news.
        let greeted = matches!(event, Event::PeerJoined { name: Some(_), .. }) && !self.settled_in();
        if let Some((kind, text)) = news::toast(event).filter(|_| !greeted) {
            self.toast(kind, text);
        }
    }

    /// The room was entered a while ago.
    fn settled_in(&self) -> bool {
        let phase = self.model.call.as_ref().map(|state| state.phase);
        matches!(phase, Some(Phase::InCall { since }) if clock::now().saturating_duration_since(since) > SETTLED)
    }

    /// Another start of the program was given a link.
    fn offered(&mut self, link: String) {
        if self.in_lobby() {
            self.read_room(link);
        } else {
            self.toast(NoticeKind::Info, "You are in a call: leave it, then open the link again".into());
        }
    }

    fn hosted(&mut self, hosted: Hosted) {
        self.model.hosting = Hosting::Yes { invite: hosted.invite.clone(), reach: hosted.reach };
        self.memory_of_host(&hosted.invite, hosted.manifest);
    }

    pub(super) fn in_lobby(&self) -> bool {
        self.model.call.as_ref().is_none_or(|state| state.phase == Phase::Lobby)
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
        let Some(before) = before.filter(|_| now.phase != Phase::Lobby) else { return };
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

    /// What is due by itself. Asks to be called again in time for the next of it.
    fn keep_time(&mut self, ctx: &egui::Context, hidden: bool) {
        let now = self.model.now;
        self.model.toasts.retain(|toast| toast.until > now);
        if self.save_at.is_some_and(|at| at <= now) {
            self.save();
        }
        let toast = self.model.toasts.iter().map(|toast| toast.until).min().filter(|_| !hidden);
        if let Some(next) = [self.save_at, toast].into_iter().flatten().min() {
            ctx.request_repaint_after(next.saturating_duration_since(now));
        }
    }

    /// Leaves before the window goes.
    fn close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) {
            if self.save_at.is_some() {
                self.save();
            }
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
        let (hidden, closing) = ctx.input(|input| {
            let viewport = input.viewport();
            (viewport.visible() == Some(false), viewport.close_requested())
        });
        let picking = self.in_lobby() || self.memory.settings_open();
        self.attention.set(hidden, self.memory.figures_open(), picking);
        while let Some(word) = self.desk.word() {
            self.take_in(ctx, word);
        }
        self.take_snapshot();
        self.join_when_possible();
        for action in std::mem::take(&mut self.actions) {
            self.carry_out(ctx, action);
        }
        self.keep_time(ctx, hidden);
        if closing {
            self.close();
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        tracing::trace!("drawing");
        shell::shell_ui(ui, &self.model, &mut self.memory, &self.painter, &mut self.actions);
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

fn blank(settings: settings::Settings) -> Model {
    Model {
        now: clock::now(),
        wall: clock::wall(),
        call: None,
        pictures: Pictures::default(),
        devices: Devices::default(),
        settings,
        room: Room::default(),
        timeline: Vec::new(),
        toasts: Vec::new(),
        hosting: Hosting::No,
        drills: Vec::new(),
        race: None,
        motion: true,
    }
}

#[cfg(test)]
mod tests;
