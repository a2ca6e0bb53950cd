//! One's own picture before the call, or why there is none and what to do about it.

use eframe::egui::{CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use crate::call::state::DeviceState;
use crate::media::Device;
use crate::media::video::Of;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::picture::{Painter, Placement};
use crate::ui::preferences::devices;
use crate::ui::stage::face;
use crate::ui::theme;

/// Draws the picture 16 to 9, as wide as there is room.
pub(super) fn preview_ui(ui: &mut Ui, model: &Model, painter: &Painter) {
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, (width * 9.0 / 16.0).round()), Sense::hover());
    let said = said(model);
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        ui.painter().rect_filled(rect, CornerRadius::same(theme::radius::L), colours.tile);
        match (&said, model.pictures.get(Of::Own)) {
            (None, Some(shown)) => {
                let rounding = f32::from(theme::radius::L);
                let placement = Placement { mirrored: model.settings.mirror, rounding, ..Placement::default() };
                painter.paint(ui.painter(), rect, Of::Own, &shown, &placement);
                name_ui(ui, model, rect);
            }
            (Some((icon, what, remedy)), _) => face::words_ui(ui, rect, icon, what, remedy),
            (None, None) => {}
        }
    }
    let name = match &said {
        Some((_, what, remedy)) => format!("Your picture: {what}. {remedy}"),
        None => "Your picture".to_owned(),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name.trim_end()));
}

fn name_ui(ui: &Ui, model: &Model, rect: Rect) {
    let name = model.name().trim();
    if !name.is_empty() {
        face::name_ui(ui, rect, name, &[]);
    }
}

/// What stands where the picture would be: an icon, what is, what to do. `None` where there is a picture.
fn said(model: &Model) -> Option<(&'static str, String, String)> {
    let Some(state) = &model.call else {
        return Some((icons::CAMERA, "Starting…".to_owned(), String::new()));
    };
    let own = &state.own;
    if !own.camera {
        let remedy = "You can join without it, or turn it on below.".to_owned();
        return Some((icons::CAMERA_OFF, "Camera is off".to_owned(), remedy));
    }
    let device = own.device(Device::Camera);
    if let DeviceState::Trouble(_) = device {
        return devices::trouble(own, &model.settings, Device::Camera)
            .map(|(what, remedy)| (icons::CAMERA_OFF, what, remedy));
    }
    let starting = *device == DeviceState::Opening || model.pictures.get(Of::Own).is_none();
    starting.then(|| (icons::CAMERA, "Starting the camera…".to_owned(), String::new()))
}
