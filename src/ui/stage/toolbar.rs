//! The tools at the bottom, in the order in which people look for them: microphone, camera, share, hand, reactions,
//! chat, people, regions, more, and Leave at the right. What finds no room goes into the menu behind "more"; the devices are behind small arrows.

use eframe::egui::{
    Align, Layout, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};

use super::more::{self, more_ui};
use super::{Drawer, Memory, Show, chat, face, signs};
use crate::call::state::{Sharing, State};
use crate::media::Device;
use crate::ui::model::{Action, Model};
use crate::ui::preferences::devices;
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};
use widgets::{Tone, round, round_toggle};

/// Of a round button, of an arrow and of Leave, and between two tools, points.
const BUTTON: f32 = 44.0;
const ARROW: f32 = 20.0;
const LEAVE: f32 = BUTTON * 1.45;
const GAP: f32 = 10.0;
/// What is always there: both devices with their arrows, more, and Leave.
const ALWAYS: f32 = 2.0 * (BUTTON + 2.0 + ARROW) + BUTTON + LEAVE + 3.0 * GAP;
/// As are the hand, the reactions and the chat.
const TALK: f32 = 3.0 * (BUTTON + GAP);

/// A tool that goes into the menu where there is no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Share,
    People,
    Regions,
}

impl Tool {
    /// In the order of the bar: the last ones go first.
    const ALL: &'static [Self] = &[Self::Share, Self::People, Self::Regions];

    /// Its icon, its words, its key, and whether it is on.
    pub fn looks(self, state: &State, memory: &Memory) -> (&'static str, &'static str, &'static str, bool) {
        let open = |drawer| memory.drawer == Some(drawer);
        match self {
            Self::Share if state.own.sharing != Sharing::Nothing => (icons::MONITOR, "Stop sharing", "D", true),
            Self::Share => (icons::MONITOR, "Share a screen or a window", "D", false),
            Self::People => (icons::PEOPLE, "People", "P", open(Drawer::People)),
            Self::Regions => (icons::REGIONS, "Regions", "N", open(Drawer::Regions)),
        }
    }

    /// What a press of it does.
    pub fn press(self, memory: &mut Memory) {
        match self {
            Self::Share => memory.share_asked = true,
            Self::People => memory.toggle(Drawer::People),
            Self::Regions => memory.toggle(Drawer::Regions),
        }
    }
}

/// How many of the tools find room in a bar of this width, points. Pure.
fn room_for(width: f32) -> usize {
    let left = (width - ALWAYS).max(0.0);
    ((left / (BUTTON + GAP)) as usize).min(Tool::ALL.len())
}

/// Draws the tools in the middle of the bar.
pub(super) fn toolbar_ui(ui: &mut Ui, show: Show, memory: &mut Memory, actions: &mut Vec<Action>) {
    let Show { model, state, .. } = show;
    let bar = ui.max_rect();
    let (shown, hidden) = Tool::ALL.split_at(room_for(bar.width() - TALK));
    let (share, others) = shown.split_at(shown.len().min(1));
    let width = ALWAYS + TALK + shown.len() as f32 * (BUTTON + GAP);
    let place = Rect::from_center_size(bar.center(), vec2(width.min(bar.width()), BUTTON));
    let builder = UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)).id_salt("bar");
    let mut child = ui.new_child(builder);
    let ui = &mut child;
    ui.spacing_mut().item_spacing.x = 2.0;
    memory.picking = microphone_ui(ui, model, state, actions);
    ui.add_space(space::S);
    memory.picking |= camera_ui(ui, model, state, actions);
    ui.spacing_mut().item_spacing.x = GAP;
    ui.add_space(0.0);
    tools_ui(ui, state, share, memory);
    signs::buttons_ui(ui, state, actions);
    chat::button_ui(ui, &state.conversation, memory);
    tools_ui(ui, state, others, memory);
    let more = round(ui, icons::MORE, "More", "", Tone::Plain);
    if std::mem::take(&mut memory.more_asked) {
        Popup::open_id(ui.ctx(), Popup::default_response_id(&more));
    }
    menu(&more, RectAlign::TOP, more::WIDTH, PopupCloseBehavior::CloseOnClick, |ui| {
        more_ui(ui, show, hidden, memory, actions);
    });
    let leave = format!("{}+Shift+L", command_key(ui));
    if round(ui, icons::LEAVE, "Leave", &leave, Tone::Danger).clicked() {
        actions.push(Action::Leave);
    }
}

fn tools_ui(ui: &mut Ui, state: &State, tools: &[Tool], memory: &mut Memory) {
    for tool in tools {
        let (icon, label, key, on) = tool.looks(state, memory);
        let tone = if on { Tone::Active } else { Tone::Plain };
        if round_toggle(ui, icon, label, key, tone, on).clicked() {
            tool.press(memory);
        }
    }
}

/// The key that goes with letters in chords, as this system's people call it.
pub(super) fn command_key(ui: &Ui) -> &'static str {
    if ui.ctx().os().is_mac() { "Cmd" } else { "Ctrl" }
}

/// Whether its list is open.
fn microphone_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) -> bool {
    let muted = state.own.muted;
    let (icon, label, tone) = if muted {
        (icons::MIC_OFF, "Turn the microphone on", Tone::Off)
    } else {
        (icons::MIC, "Turn the microphone off", Tone::Plain)
    };
    if round_toggle(ui, icon, label, "M", tone, !muted).clicked() {
        actions.push(Action::Mute(!muted));
    }
    let arrow = arrow_ui(ui, "Microphone and speaker");
    devices_menu(&arrow, |ui| {
        widgets::section(ui, "Microphone");
        devices::list_ui(ui, model, Device::Microphone, actions);
        widgets::meter(ui, state.own.level, "Microphone level");
        trouble_ui(ui, model, state, Device::Microphone);
        widgets::section(ui, "Speaker");
        devices::list_ui(ui, model, Device::Speaker, actions);
        trouble_ui(ui, model, state, Device::Speaker);
        if widgets::secondary_icon(ui, icons::PLAY, "Play a test sound").clicked() {
            actions.push(Action::TestSound);
        }
    })
}

/// Whether its list is open.
fn camera_ui(ui: &mut Ui, model: &Model, state: &State, actions: &mut Vec<Action>) -> bool {
    let on = state.own.camera;
    let (icon, label, tone) = if on {
        (icons::CAMERA, "Turn the camera off", Tone::Plain)
    } else {
        (icons::CAMERA_OFF, "Turn the camera on", Tone::Off)
    };
    if round_toggle(ui, icon, label, "V", tone, on).clicked() {
        actions.push(Action::Camera(!on));
    }
    let arrow = arrow_ui(ui, "Camera and own picture");
    devices_menu(&arrow, |ui| {
        widgets::section(ui, "Camera");
        devices::list_ui(ui, model, Device::Camera, actions);
        trouble_ui(ui, model, state, Device::Camera);
        let mut settings = model.settings.clone();
        let mirror = widgets::switch(ui, &mut settings.mirror, "Mirror my picture").changed();
        if widgets::switch(ui, &mut settings.self_view, "Show my picture").changed() || mirror {
            actions.push(Action::Settings(Box::new(settings)));
        }
    })
}

fn trouble_ui(ui: &mut Ui, model: &Model, state: &State, device: Device) {
    if let Some((what, remedy)) = devices::trouble(&state.own, &model.settings, device) {
        let colour = theme::palette(ui.ctx()).fair;
        let text = theme::Type::Small.text(format!("{what}. {remedy}")).color(colour);
        ui.add(eframe::egui::Label::new(text).wrap());
    }
}

/// The small arrow beside a device's button.
fn arrow_ui(ui: &mut Ui, label: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ARROW, BUTTON), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let colour = if response.hovered() { colours.text } else { colours.weak };
        widgets::focus_ring(ui, &response, rect.shrink(3.0), theme::radius::S);
        let glyph = face::line(ui, icons::CHEVRON_UP, icons::font(14.0), ARROW);
        ui.painter().galley(rect.center() - glyph.size() / 2.0, glyph, colour);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
    response.on_hover_text(label)
}

/// What an arrow opens; it stays while one picks. Whether it is open.
fn devices_menu(arrow: &Response, add: impl FnOnce(&mut Ui)) -> bool {
    menu(arrow, RectAlign::TOP_START, 300.0, PopupCloseBehavior::CloseOnClickOutside, add)
}

/// What a button opens above it. Whether it is open.
fn menu(button: &Response, align: RectAlign, width: f32, close: PopupCloseBehavior, add: impl FnOnce(&mut Ui)) -> bool {
    Popup::from_toggle_button_response(button)
        .align(align)
        .gap(6.0)
        .width(width)
        .close_behavior(close)
        .show(|ui| {
            ui.set_width(width);
            eframe::egui::Frame::new().inner_margin(8).show(ui, add);
        })
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_bar_keeps_the_devices_and_leave_and_hides_the_last_tools_first() {
        assert_eq!([room_for(1280.0), room_for(640.0), room_for(480.0)], [3, 3, 3]);
        assert_eq!([room_for(ALWAYS + 110.0), room_for(ALWAYS + 54.0), room_for(ALWAYS), room_for(0.0)], [2, 1, 0, 0]);
    }
}
