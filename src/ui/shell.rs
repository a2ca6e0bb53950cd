//! Owns what surrounds the screens: which one is shown, the sheets over it, the keys, the notices.
//!
//! The app calls [`shell_ui`] once a frame with the whole window. It only reads the model, and asks by pushing actions.

pub mod keys;
mod offer;
mod removal;
mod screens;
mod sheet;
mod talk;

use std::path::PathBuf;

use eframe::egui::{self, Ui, UiBuilder, ViewportCommand};

use self::keys::{Chord, Key};
use self::screens::screens_ui;
use super::lobby;
use super::model::{Action, Hosting, Model};
use super::picture::Painter;
use super::preferences;
use super::stage::{self, Drawer, is_full};
use super::theme;
use super::toasts;
use crate::call::state::{Own, Phase, Sharing};
use crate::media::screen::{self, ScreenSource};
use crate::proto::ParticipantId;
use crate::proto::words::Reaction;

/// What the window itself remembers from frame to frame.
#[derive(Debug, Default)]
pub struct Memory {
    pub lobby: lobby::Memory,
    pub stage: stage::Memory,
    pub preferences: preferences::Memory,
    sheet: Option<Sheet>,
    /// It was asked about the link that came.
    offered: bool,
    talk: talk::PushToTalk,
}

/// What lies over the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sheet {
    Settings,
    Keys,
    /// What to share.
    Share,
    /// Whether to leave the call and quit.
    Quit,
    /// Whether to remove somebody.
    Remove(ParticipantId),
    /// Whether to leave the call for the one of a link that came.
    Offer,
}

impl Memory {
    /// `settings_file` is where the settings are kept, for people who look for it; `None` where nothing is kept.
    pub fn new(settings_file: Option<PathBuf>) -> Self {
        Self { preferences: preferences::Memory::new(settings_file), ..Self::default() }
    }

    /// Opens the settings.
    pub fn open_settings(&mut self) {
        self.sheet = Some(Sheet::Settings);
    }

    /// Opens the settings at one of their tabs.
    pub fn open_settings_at(&mut self, tab: preferences::Tab) {
        self.preferences.turn_to(tab);
        self.open_settings();
    }

    /// Opens the settings where an action asks for a key that another one has.
    pub fn open_a_question_of_keys(&mut self) {
        self.preferences.ask_for_a_key();
        self.open_settings();
    }

    /// Opens the drawer with the regions.
    pub fn open_regions(&mut self) {
        self.stage.open(Drawer::Regions);
    }

    /// Shows who speaks large.
    pub fn show_speaker(&mut self) {
        self.stage.toggle_view();
    }

    /// Pins the second person.
    pub fn pin_somebody(&mut self) {
        self.stage.pin(crate::proto::ParticipantId(3));
    }

    /// Shows figures on every tile.
    pub fn show_figures(&mut self) {
        self.stage.toggle_figures();
    }

    /// Opens the menu of what the bar has no room for.
    pub fn open_more(&mut self) {
        self.stage.more_asked = true;
    }

    /// Opens the drawer with the people.
    pub fn open_people(&mut self) {
        self.stage.open(Drawer::People);
    }

    /// Opens the chat.
    pub fn open_chat(&mut self) {
        self.stage.open(Drawer::Chat);
    }

    /// Asks whether to remove somebody.
    pub fn ask_to_remove(&mut self, whom: ParticipantId) {
        self.sheet = Some(Sheet::Remove(whom));
    }

    /// Opens the list of what can be shared.
    pub fn open_share(&mut self) {
        self.sheet = Some(Sheet::Share);
    }

    /// Opens the sheet of keys.
    pub fn open_keys(&mut self) {
        self.sheet = Some(Sheet::Keys);
    }

    /// Asks whether to leave the call and quit.
    pub fn ask_to_quit(&mut self) {
        self.sheet = Some(Sheet::Quit);
    }

    /// Whether it is asked now.
    pub fn asks_to_quit(&self) -> bool {
        self.sheet == Some(Sheet::Quit)
    }

    /// Whether a device may be picked here now, and the lists of them are worth renewing.
    pub fn settings_open(&self) -> bool {
        self.sheet == Some(Sheet::Settings) || self.stage.picking
    }

    /// Whether somebody reads figures of a call.
    pub fn figures_open(&self) -> bool {
        self.stage.figures_open()
    }
}

/// Draws everything.
pub fn shell_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, painter: &Painter, actions: &mut Vec<Action>) {
    let in_call = in_call(model);
    // All of it, whatever margin stands around `ui`.
    let window = ui.ctx().content_rect();
    let mut whole = ui.new_child(UiBuilder::new().max_rect(window).id_salt("window"));
    let ui = &mut whole;
    ui.set_clip_rect(window);
    ui.painter().rect_filled(window, 0.0, theme::palette(ui.ctx()).ground);
    keys::tell_tooltips(ui.ctx(), &model.settings);
    offer::follow(model, memory, actions);
    guard_quit(ui, model, memory);
    obey_keys(ui, model, memory, in_call, actions);
    push_to_talk(ui, model, memory, in_call, actions);

    let open = if in_call {
        stage::stage_ui(ui, model, &mut memory.stage, painter, actions);
        if std::mem::take(&mut memory.stage.share_asked) {
            share(model.call.as_ref().map(|state| &state.own), memory, actions);
        }
        let removal = std::mem::take(&mut memory.stage.removal).map(Sheet::Remove);
        let settings = std::mem::take(&mut memory.stage.settings_asked).then_some(Sheet::Settings);
        let keys = std::mem::take(&mut memory.stage.keys_asked).then_some(Sheet::Keys);
        removal.or(settings).or(keys)
    } else {
        lobby::lobby_ui(ui, model, &mut memory.lobby, painter, actions);
        let lobby = &mut memory.lobby;
        let settings = std::mem::take(&mut lobby.settings_asked).then_some(Sheet::Settings);
        settings.or(std::mem::take(&mut lobby.keys_asked).then_some(Sheet::Keys))
    };
    memory.sheet = open.or(memory.sheet);
    sheet_ui(ui, model, memory, actions);
    offer::follow(model, memory, actions);
    toasts::toasts_ui(ui.ctx(), model, if in_call { stage::BOTTOM } else { 0.0 }, actions);
}

/// Whether the call's own screen is shown: from the first link on, until the call was left.
fn in_call(model: &Model) -> bool {
    let phase = model.call.as_ref().map(|state| state.phase);
    matches!(phase, Some(Phase::InCall { .. } | Phase::Reconnecting { .. }))
}

/// Whether a call is lost with the window: one's own, or the one that this computer carries.
pub fn ends_a_call(model: &Model) -> bool {
    in_call(model) || matches!(model.hosting, Hosting::Yes { .. })
}

/// Where a call would be lost, the key that quits asks first; elsewhere it quits.
fn guard_quit(ui: &Ui, model: &Model, memory: &mut Memory) {
    let asks = ends_a_call(model);
    let wanted = if asks { Vec::new() } else { egui::Options::default().quit_shortcuts };
    ui.ctx().options_mut(|options| options.quit_shortcuts = wanted);
    if !asks && memory.sheet == Some(Sheet::Quit) {
        memory.sheet = None;
    }
}

fn obey_keys(ui: &Ui, model: &Model, memory: &mut Memory, in_call: bool, actions: &mut Vec<Action>) {
    let own = model.call.as_ref().map(|state| &state.own);
    let joined = model.call.as_ref().is_some_and(|state| state.phase != Phase::Lobby);
    if memory.sheet == Some(Sheet::Settings) && memory.preferences.listens() {
        // The next key is the one that an action is given.
        return;
    }
    for key in keys::pressed(ui.ctx(), memory.sheet.is_some(), &model.settings) {
        match key {
            Key::Mute => actions.extend(own.map(|own| Action::Mute(!own.muted))),
            Key::Camera => actions.extend(own.map(|own| Action::Camera(!own.camera))),
            Key::Share if in_call => share(own, memory, actions),
            Key::Regions if in_call => memory.stage.toggle(Drawer::Regions),
            Key::People if in_call => memory.stage.toggle(Drawer::People),
            Key::Chat if in_call => memory.stage.toggle(Drawer::Chat),
            Key::Hand if in_call => actions.extend(
                model.call.as_ref().map(|state| Action::Hand(state.conversation.place(state.own.id).is_none())),
            ),
            Key::React(number) if in_call => actions.extend(reaction(number).map(Action::React)),
            Key::View if in_call => memory.stage.toggle_view(),
            Key::Figures if in_call => memory.stage.toggle_figures(),
            Key::Earlier | Key::Later if in_call => memory.stage.turn_page(key == Key::Later),
            Key::Deafen if in_call => actions.extend(own.map(|own| Action::Deafen(!own.deaf))),
            Key::Focus(number) if in_call => {
                if let Some(state) = &model.call {
                    memory.stage.focus(state, number);
                }
            }
            // Whatever they are now: who presses it does not look first.
            Key::Panic => actions.extend([Action::Mute(true), Action::Camera(false)]),
            Key::Leave if joined => actions.push(Action::Leave),
            Key::Quit if ends_a_call(model) => memory.sheet = Some(Sheet::Quit),
            Key::Share | Key::Regions | Key::People | Key::Leave | Key::Quit => {}
            Key::Larger => actions.extend(preferences::zoomed(model, 1.0)),
            Key::Smaller => actions.extend(preferences::zoomed(model, -1.0)),
            Key::AsItWas => actions.extend(preferences::zoomed(model, 0.0)),
            // `talk` watches the one that is held.
            Key::Talk => {}
            Key::Hand | Key::React(_) | Key::Chat => {}
            Key::View | Key::Figures | Key::Focus(_) | Key::Earlier | Key::Later | Key::Deafen => {}
            Key::Settings => memory.sheet = toggled(memory.sheet, Sheet::Settings),
            Key::Help => memory.sheet = toggled(memory.sheet, Sheet::Keys),
            Key::FullScreen => ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(!is_full(ui))),
            Key::Close if memory.sheet.is_some() => memory.sheet = None,
            Key::Close if memory.stage.close_drawer() => {}
            Key::Close if is_full(ui) => ui.ctx().send_viewport_cmd(ViewportCommand::Fullscreen(false)),
            Key::Close => {}
        }
    }
}

/// Whoever is muted is heard while the key is held.
fn push_to_talk(ui: &Ui, model: &Model, memory: &mut Memory, in_call: bool, actions: &mut Vec<Action>) {
    let muted = model.call.as_ref().is_some_and(|state| state.own.muted);
    let held: Vec<Chord> = if in_call { keys::Map::new(&model.settings).of(Key::Talk).collect() } else { Vec::new() };
    let seen = talk::Seen::of(ui.ctx(), in_call && memory.sheet.is_none(), &held);
    actions.extend(memory.talk.step(model.now, seen, muted).map(Action::Talk));
    if memory.talk.is_held() {
        ui.ctx().request_repaint_after(talk::TELL);
    }
}

/// Ends what is shared, or asks what to share: here, or by the system.
fn share(own: Option<&Own>, memory: &mut Memory, actions: &mut Vec<Action>) {
    match own.map(|own| &own.sharing) {
        None => {}
        Some(Sharing::Starting | Sharing::Of(_)) => actions.push(Action::Share(None)),
        Some(Sharing::Nothing) if screen::system_asks() => {
            actions.push(Action::Share(Some(ScreenSource::Screen(None))))
        }
        Some(Sharing::Nothing) => {
            actions.push(Action::ListScreens);
            memory.sheet = Some(Sheet::Share);
        }
    }
}

/// The reaction of this number, from 1.
fn reaction(number: u8) -> Option<Reaction> {
    Reaction::ALL.get(usize::from(number.checked_sub(1)?)).copied()
}

fn toggled(open: Option<Sheet>, sheet: Sheet) -> Option<Sheet> {
    (open != Some(sheet)).then_some(sheet)
}

fn sheet_ui(ui: &Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    if memory.sheet != Some(Sheet::Settings) {
        memory.preferences.close();
    }
    let Some(sheet) = memory.sheet else {
        return;
    };
    let keep = match sheet {
        Sheet::Settings => sheet::show(ui.ctx(), "Settings", 820.0, |ui| {
            preferences::preferences_ui(ui, model, &mut memory.preferences, actions);
            true
        }),
        Sheet::Keys => sheet::show(ui.ctx(), "Keys", 760.0, |ui| {
            keys::table_ui(ui, &model.settings);
            true
        }),
        // The call may be over while somebody thinks about it.
        Sheet::Share => in_call(model) && sheet::show(ui.ctx(), "Share", 480.0, |ui| screens_ui(ui, model, actions)),
        Sheet::Remove(whom) => removal::removal_ui(ui.ctx(), model, whom, actions),
        Sheet::Offer => sheet::show(ui.ctx(), "Leave this call?", 440.0, |ui| offer::offer_ui(ui, model, actions)),
        Sheet::Quit => {
            let question = if in_call(model) { "Leave the call and quit?" } else { "Stop hosting and quit?" };
            sheet::show(ui.ctx(), question, 400.0, |ui| quit_ui(ui, model))
        }
    };
    if !keep {
        memory.sheet = None;
    }
}

/// The question before the window closes on a call; `false` once the answer is no. With a yes it stays, so that the
/// window knows what it was asked.
fn quit_ui(ui: &mut Ui, model: &Model) -> bool {
    ui.label(match model.hosting {
        Hosting::Yes { .. } => "This computer carries the call: it ends for everybody.",
        _ => "The others stay in the call.",
    });
    ui.add_space(theme::space::S);
    ui.horizontal(|ui| {
        let words = if in_call(model) { "Leave and quit" } else { "Stop and quit" };
        if super::widgets::danger(ui, words).clicked() {
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
        }
        !super::widgets::secondary(ui, "Stay").clicked()
    })
    .inner
}

#[cfg(test)]
pub(super) mod tests;
