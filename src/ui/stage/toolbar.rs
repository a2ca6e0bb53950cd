//! The tools at the bottom: what is pressed most, Leave at the right, and the devices behind a small arrow.

use eframe::egui::{
    Align, Layout, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2,
};

use super::{Drawer, Memory, chat, face, signs};
use crate::call::state::{Sharing, State};
use crate::media::Device;
use crate::ui::model::{Action, Model};
use crate::ui::preferences::devices;
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};
use widgets::{Tone, round, round_toggle};

/// Of a round button and of an arrow, points.
const BUTTON: f32 = 44.0;
const ARROW: f32 = 20.0;
/// Of all tools together, points.
const WIDTH: f32 = 9.0 * BUTTON + 2.0 * ARROW + BUTTON * 1.45 + 2.0 * 2.0 + 9.0 * 10.0;

/// Draws the tools in the middle of the bar.
pub(super) fn toolbar_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory, actions: &mut Vec<Action>) {
    let bar = ui.max_rect();
    let place = Rect::from_center_size(bar.center(), vec2(WIDTH.min(bar.width()), BUTTON));
    let builder = UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center)).id_salt("bar");
    let mut child = ui.new_child(builder);
    let ui = &mut child;
    ui.spacing_mut().item_spacing.x = 2.0;
    memory.picking = microphone_ui(ui, model, state, actions);
    ui.add_space(space::S);
    memory.picking |= camera_ui(ui, model, state, actions);
    ui.spacing_mut().item_spacing.x = 10.0;
    ui.add_space(0.0);
    let tone = |open: bool| if open { Tone::Active } else { Tone::Plain };
    let shares = state.own.sharing != Sharing::Nothing;
    let label = if shares { "Stop sharing" } else { "Share a screen or a window" };
    memory.share_asked |= round_toggle(ui, icons::MONITOR, label, "S", tone(shares), shares).clicked();
    signs::buttons_ui(ui, state, actions);
    chat::button_ui(ui, &state.conversation, memory);
    let (people, regions) = (memory.drawer == Some(Drawer::People), memory.drawer == Some(Drawer::Regions));
    if round_toggle(ui, icons::PEOPLE, "People", "P", tone(people), people).clicked() {
        memory.toggle(Drawer::People);
    }
    if round_toggle(ui, icons::REGIONS, "Regions", "N", tone(regions), regions).clicked() {
        memory.toggle(Drawer::Regions);
    }
    let command = if ui.ctx().os().is_mac() { "Cmd" } else { "Ctrl" };
    memory.settings_asked |= round(ui, icons::SETTINGS, "Settings", &format!("{command}+,"), Tone::Plain).clicked();
    if round(ui, icons::LEAVE, "Leave", &format!("{command}+Shift+L"), Tone::Danger).clicked() {
        actions.push(Action::Leave);
    }
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
        if widgets::secondary_icon(ui, icons::PLAY, "Test the speaker").clicked() {
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

/// What an arrow opens, above it; it stays while one picks. Whether it is open.
fn devices_menu(arrow: &Response, add: impl FnOnce(&mut Ui)) -> bool {
    Popup::from_toggle_button_response(arrow)
        .align(RectAlign::TOP_START)
        .gap(6.0)
        .width(300.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            ui.set_width(300.0);
            eframe::egui::Frame::new().inner_margin(8).show(ui, add);
        })
        .is_some()
}
