//! Who one is, which room, and Join, with the reason where it cannot be pressed.

use eframe::egui::{Key, Ui, vec2};

use super::{Memory, recent};
use crate::call::state::{Phase, Relays, State};
use crate::election::LinkState;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, regions, widgets};

/// From here on the line about the region stands beside Join, in points.
const BESIDE: f32 = 380.0;

/// Draws the name, the room and Join.
pub(super) fn join_ui(ui: &mut Ui, model: &Model, memory: &mut Memory, actions: &mut Vec<Action>) {
    memory.name.follow(model.name());
    let joining = model.call.as_ref().is_some_and(|state| state.phase == Phase::Joining);
    memory.room.follow(&model.room.text);
    let name = widgets::field(ui, "Your name", "Guest", &mut memory.name.text);
    if name.changed() {
        actions.push(Action::Name(memory.name.text.clone()));
    }
    ui.add_space(space::XS);
    // The room that is being joined stays the one that is shown.
    let room = ui.add_enabled_ui(!joining, |ui| {
        widgets::field(ui, "Room or invite link", "kitchen, or nearcall://join/…", &mut memory.room.text)
    });
    let room = room.inner;
    if room.changed() {
        actions.push(Action::Room(memory.room.text.clone()));
    }
    if let Some(error) = &model.room.error {
        problem(ui, error);
    }
    if !joining {
        recent::recent_ui(ui, model, &mut memory.recent_open, actions);
        consent_ui(ui, model, actions);
    }
    ui.add_space(space::XS);

    let submitted = (name.lost_focus() || room.lost_focus() || nothing_focused(ui))
        && ui.input(|input| input.key_pressed(Key::Enter));
    if joining {
        joining_ui(ui, actions);
        return;
    }
    let reason = why_not(model);
    let pressed = button_ui(ui, model, reason.is_none());
    if reason.is_none() && (pressed || submitted) {
        actions.push(Action::Join);
    }
    match reason {
        Some(reason) => {
            ui.label(theme::note(ui.ctx(), reason));
        }
        None => invite_ui(ui, model, actions),
    }
}

fn nothing_focused(ui: &Ui) -> bool {
    ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none())
}

/// Join, and beside it how near the relay is that it would take.
fn button_ui(ui: &mut Ui, model: &Model, enabled: bool) -> bool {
    if ui.available_width() < BESIDE {
        let pressed = ui.add_enabled_ui(enabled, |ui| widgets::primary_wide(ui, "", "Join")).inner.clicked();
        line_ui(ui, model);
        return pressed;
    }
    ui.horizontal(|ui| {
        let width = ui.available_width();
        let join = ui.allocate_ui(vec2(width * 0.42, theme::CONTROL), |ui| {
            ui.add_enabled_ui(enabled, |ui| widgets::primary_wide(ui, "", "Join")).inner
        });
        ui.add_space(space::XS);
        line_ui(ui, model);
        join.inner.clicked()
    })
    .inner
}

fn line_ui(ui: &mut Ui, model: &Model) {
    let line = regions::line(model);
    let colours = theme::palette(ui.ctx());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if let Some(quality) = line.quality {
            ui.label(icons::text(quality.icon(), 16.0).color(quality.colour(colours)));
        }
        ui.add(eframe::egui::Label::new(Type::Body.text(line.text)).truncate());
    });
}

fn joining_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        let width = ui.available_width();
        ui.allocate_ui(vec2(width * 0.42, theme::CONTROL), |ui| {
            ui.add_enabled_ui(false, |ui| widgets::primary_wide(ui, icons::SPINNER, "Joining…"));
        });
        if widgets::secondary(ui, "Cancel").clicked() {
            actions.push(Action::Leave);
        }
    });
}

fn invite_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    if let Some(invite) = &model.room.invite
        && widgets::quiet_icon(ui, icons::LINK, "Copy invite").clicked()
    {
        actions.push(Action::Copy { text: invite.clone(), said: "Invite copied" });
    }
}

/// Why Join would lead nowhere; `None` where it leads somewhere.
fn why_not(model: &Model) -> Option<String> {
    let Some(state) = &model.call else {
        return Some("Starting…".to_owned());
    };
    let room = &model.room;
    if room.consent.is_some() {
        return Some("Say first whether the link's host may be contacted.".to_owned());
    }
    if room.name.is_none() {
        let typed = !room.text.trim().is_empty();
        return Some(if typed { "This is no room yet." } else { "Type a room, or paste an invite link." }.to_owned());
    }
    match &state.relays {
        Relays::Failed(_) => Some("The list is tried again by itself. You can also host a call here.".to_owned()),
        Relays::None => Some("Paste an invite link, add a list of relays in the settings, or host here.".to_owned()),
        Relays::Known if nobody_answers(model, state) => Some("No relay answers. Trying again.".to_owned()),
        Relays::Known | Relays::Loading => None,
    }
}

/// The window of the race is over and not one link stands.
fn nobody_answers(model: &Model, state: &State) -> bool {
    let idle = |link: LinkState| matches!(link, LinkState::Failed | LinkState::Idle | LinkState::Dialling);
    model.now >= state.race.ends && state.leader().is_none() && state.candidates.iter().all(|row| idle(row.state))
}

/// A link may name hosts that nobody here has heard of.
fn consent_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let Some(hosts) = &model.room.consent else {
        return;
    };
    let (them, they) = if hosts.len() == 1 { ("it", "It") } else { ("them", "They") };
    let text = format!("This link leads to {}. Contact {them}? {they} will see your address.", hosts.join(", "));
    widgets::card(ui, |ui| {
        ui.horizontal_top(|ui| {
            let colour = theme::palette(ui.ctx()).fair;
            ui.label(icons::text(icons::SHIELD, 20.0).color(colour));
            ui.vertical(|ui| {
                ui.add(eframe::egui::Label::new(Type::Body.text(text)).wrap());
                ui.add_space(space::XS);
                ui.horizontal(|ui| {
                    if widgets::primary(ui, "Contact").clicked() {
                        actions.push(Action::Consent(true));
                    }
                    if widgets::secondary(ui, "No").clicked() {
                        actions.push(Action::Consent(false));
                    }
                });
            });
        });
    });
}

fn problem(ui: &mut Ui, text: &str) {
    let colour = theme::palette(ui.ctx()).danger_text;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.label(icons::text(icons::WARNING, 16.0).color(colour));
        ui.add(eframe::egui::Label::new(Type::Small.text(text).color(colour)).wrap());
    });
}
