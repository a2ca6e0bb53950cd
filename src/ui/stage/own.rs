//! Oneself: as in a mirror, in the corner or large, or hidden with the way back.

use eframe::egui::{CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, vec2};

use super::view::{Large, Who};
use super::{Memory, Show, face, menu, quality, signs, tile};
use crate::call::state::DeviceState;
use crate::media::Device;
use crate::media::video::Of;
use crate::ui::model::{Action, Model};
use crate::ui::picture::Placement;
use crate::ui::theme;
use crate::ui::{icons, widgets};

const WHAT: Large = Large::Person(Who::Own);

/// Draws oneself.
pub(super) fn own_ui(ui: &mut Ui, show: Show, place: Rect, memory: &mut Memory, actions: &mut Vec<Action>) {
    let own = &show.state.own;
    let response = ui.interact(place, ui.scope_id().with("own"), Sense::CLICK);
    let colours = theme::palette(ui.ctx());
    let rounding = CornerRadius::same(theme::radius::M);
    ui.painter().rect_filled(place.expand(2.0), CornerRadius::same(theme::radius::M + 2), colours.ground);
    ui.painter().rect_filled(place, rounding, colours.tile);
    let broken = matches!(own.device(Device::Camera), DeviceState::Trouble(_));
    let shown = show.model.pictures.get(Of::Own).filter(|_| own.camera && !broken);
    match &shown {
        Some(shown) => {
            let mirrored = show.model.settings.mirror;
            let rounding = f32::from(theme::radius::M);
            let placement = Placement { mirrored, fit: tile::fit(shown), rounding, greyed: false };
            show.painter.paint(ui.painter(), place, Of::Own, shown, &placement);
        }
        None => {
            let radius = (place.height() * 0.25).min(64.0);
            face::disc(ui.painter(), colours, place.center(), radius, &own.name);
        }
    }
    let mut marks = Vec::new();
    if own.muted {
        marks.push((icons::MIC_OFF, tile::dark(colours.danger_text)));
    }
    if own.deaf {
        marks.push((icons::SPEAKER_OFF, tile::dark(colours.danger_text)));
    }
    if place.width() >= 160.0 || !marks.is_empty() {
        face::name_ui(ui, place, "You", &marks);
    }
    // A picture that is sent smaller is about a picture; sound that is lost is about sound.
    let trouble = quality::own(own).filter(|_| shown.is_some() || own.sent_loss.is_some() && !own.muted);
    if let Some((word, _)) = trouble {
        let mark = (icons::WARNING, tile::dark(colours.fair));
        face::trouble_ui(ui, place, signs::taken(show.model, own.id), word, mark);
    }
    let state = match (&shown, broken) {
        (Some(_), _) => "",
        (None, true) => ", camera does not work",
        (None, false) => ", no picture",
    };
    let muted = if own.muted { ", muted" } else { "" };
    let deaf = if own.deaf { ", hearing nobody" } else { "" };
    let pinned = if memory.view.is_pinned(WHAT) { ", pinned" } else { "" };
    let why = trouble.map(|(_, why)| format!(", {why}")).unwrap_or_default();
    signs::over_ui(ui, show.model, own.id, place);
    let signs = signs::words(show.model, own.id);
    let said = format!("You{muted}{deaf}{state}{why}{pinned}{signs}");
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    if response.double_clicked() {
        memory.view.toggle_pin(WHAT);
    }
    menu::of_own(&response, show.model, &mut memory.view, actions);
    if let Some((_, why)) = trouble {
        response.on_hover_text(format!("Others have less of you: {why}."));
    }
    tile::unpin_ui(ui, place, WHAT, "yourself", memory);
}

/// Where oneself would be: the button that brings it back.
pub(super) fn come_back_ui(ui: &mut Ui, model: &Model, area: Rect, actions: &mut Vec<Action>) {
    let place = Rect::from_min_max(area.max - vec2(32.0, 32.0), area.max);
    if model.settings.self_view || !area.contains_rect(place) {
        return;
    }
    if widgets::picture_button(ui, place, icons::EYE, "Show my picture").clicked() {
        let mut settings = model.settings.clone();
        settings.self_view = true;
        actions.push(Action::Settings(Box::new(settings)));
    }
}
