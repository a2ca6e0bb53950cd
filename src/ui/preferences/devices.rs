//! Which device is used: the same words and the same list in the lobby, in the call and in the settings.

use eframe::egui::{Align2, CornerRadius, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::call::state::{DeviceState, Own};
use crate::media::{Device, Problem, how_to_allow};
use crate::settings::{Chosen, Settings};
use crate::ui::model::{Action, Choice, Model};
use crate::ui::news::sentence;
use crate::ui::stage::face;
use crate::ui::theme::{self, Type};
use crate::ui::{icons, widgets};

/// Height of a row of an open list, points.
const ROW: f32 = theme::ROW;

/// The rows of a device's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// What is chosen, in words.
    pub current: String,
    /// Each row's words, and whether it is the chosen one.
    pub texts: Vec<(String, bool)>,
    /// What each row picks.
    pub picks: Vec<Option<Choice>>,
}

/// What can be picked for `device`: first the system's default by its name, then each; one that was chosen and is away
/// stays in the list, so that nobody wonders where it went.
pub fn rows(model: &Model, device: Device) -> Rows {
    let (list, chosen) = match device {
        Device::Microphone => (&model.devices.microphones, &model.settings.microphone),
        Device::Speaker => (&model.devices.speakers, &model.settings.speaker),
        Device::Camera => (&model.devices.cameras, &model.settings.camera),
    };
    let found = list.as_deref().unwrap_or_default();
    let default = found.iter().find(|choice| choice.default).or(found.first());
    let default = match (list, default) {
        (None, _) => format!("Looking for {device}s…"),
        (Some(_), None) => format!("No {device} found"),
        (Some(_), Some(choice)) => format!("Default ({})", choice.name),
    };
    let mut texts = vec![(default, chosen.is_none())];
    let mut picks = vec![None];
    for choice in found {
        texts.push((choice.name.clone(), chosen.as_ref().is_some_and(|chosen| chosen.id == choice.id)));
        picks.push(Some(choice.clone()));
    }
    if let Some(away) = chosen.as_ref().filter(|chosen| found.iter().all(|choice| choice.id != chosen.id)) {
        let name = if away.name.is_empty() { format!("Chosen {device}") } else { away.name.clone() };
        texts.push((format!("{name} (not connected)"), true));
        picks.push(Some(choice_of(away)));
    }
    let current = texts.iter().find(|(_, chosen)| *chosen).map(|(text, _)| text.clone()).unwrap_or_default();
    Rows { current, texts, picks }
}

fn choice_of(chosen: &Chosen) -> Choice {
    Choice { id: chosen.id.clone(), name: chosen.name.clone(), default: false }
}

/// A drop-down for `device`, as wide as there is room.
pub fn picker_ui(ui: &mut Ui, model: &Model, device: Device, actions: &mut Vec<Action>) {
    let rows = rows(model, device);
    let (name, icon) = match device {
        Device::Microphone => ("Microphone", icons::MIC),
        Device::Speaker => ("Speaker", icons::SPEAKER),
        Device::Camera => ("Camera", icons::CAMERA),
    };
    if let Some(index) = widgets::picker(ui, name, icon, &rows.current, &rows.texts) {
        actions.push(Action::Pick(device, rows.picks.get(index).cloned().flatten()));
    }
}

/// The same as a list that stands open, for where a drop-down would close what it stands in.
pub fn list_ui(ui: &mut Ui, model: &Model, device: Device, actions: &mut Vec<Action>) {
    let rows = rows(model, device);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for ((text, chosen), pick) in rows.texts.iter().zip(rows.picks) {
            if row_ui(ui, text, *chosen).clicked() && !chosen {
                actions.push(Action::Pick(device, pick));
            }
        }
    });
}

/// A row of an open list: a tick where it is chosen, and its words.
fn row_ui(ui: &mut Ui, text: &str, chosen: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, CornerRadius::same(theme::radius::S + 2), colours.hover);
        }
        widgets::focus_ring(ui, &response, rect.shrink(3.0), theme::radius::S);
        if chosen {
            let at = pos2(rect.left() + 16.0, rect.center().y);
            ui.painter().text(
                at,
                Align2::CENTER_CENTER,
                icons::CHECK,
                icons::font(theme::icon::M),
                colours.accent_text,
            );
        }
        let font = if chosen { Type::Strong.font() } else { Type::Body.font() };
        let words = face::line(ui, text, font, rect.width() - 40.0);
        ui.painter().galley(pos2(rect.left() + 32.0, rect.center().y - words.size().y / 2.0), words, colours.text);
    }
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, text));
    response
}

/// What the user calls the device that was picked.
pub fn called(settings: &Settings, device: Device) -> String {
    let chosen = match device {
        Device::Microphone => &settings.microphone,
        Device::Speaker => &settings.speaker,
        Device::Camera => &settings.camera,
    };
    let name = chosen.as_ref().map(|chosen| chosen.name.clone()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| format!("The {device} that you asked for"))
}

/// What is wrong with a device, in a few words, and what to do about it; `None` while it works or is off.
pub fn trouble(own: &Own, settings: &Settings, device: Device) -> Option<(String, String)> {
    let name = match device {
        Device::Microphone => "Microphone",
        Device::Speaker => "Speaker",
        Device::Camera => "Camera",
    };
    let (what, remedy) = match own.device(device) {
        DeviceState::Trouble(problem) => match problem {
            Problem::Missing => (format!("No {device} found"), "Plug one in, or join without.".to_owned()),
            Problem::Denied => (format!("{name} not allowed"), format!("{}.", sentence(&how_to_allow(device)))),
            Problem::Busy => {
                (format!("{name} in use by another program"), format!("Close that program, or pick another {device}."))
            }
            Problem::Unplugged => (format!("{name} unplugged"), format!("Plug it in again, or pick another {device}.")),
            Problem::Other(error) => {
                (format!("{name} does not work"), format!("{error}. Replug it, or pick another {device}."))
            }
        },
        DeviceState::InUse { name, instead_of: Some(_) } => {
            (format!("{} is away", called(settings, device)), format!("Using {name} until it is back."))
        }
        DeviceState::Off | DeviceState::Opening | DeviceState::InUse { .. } => return None,
    };
    Some((what, remedy))
}
