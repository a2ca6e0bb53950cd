//! The tiles: a picture or what stands for it, a name, and how the person is heard and received.

use std::collections::BTreeMap;

use eframe::egui::{
    Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, vec2,
};

use super::{face, grid, signs, volume};
use crate::call::state::{DeviceState, Limit, Own, Peer, State};
use crate::call::views::View;
use crate::media::Device;
use crate::media::video::{Of, Shown};
use crate::proto::{ParticipantId, Track};
use crate::ui::model::{Action, Model};
use crate::ui::picture::{Fit, Painter, Placement};
use crate::ui::theme::{self, Palette, Type, space};
use crate::ui::{icons, widgets};
use widgets::Quality;

/// Width of oneself as a part of the area, and its bounds in points.
const OWN_SHARE: f32 = 0.18;
const OWN: std::ops::RangeInclusive<f32> = 128.0..=224.0;
/// A tile lower than this has room for a name and a face, points.
const LOW: f32 = 150.0;

/// Draws a page of everybody else, and oneself. Returns how everybody's camera is shown.
pub(super) fn tiles_ui(
    ui: &mut Ui,
    model: &Model,
    state: &State,
    page: &mut usize,
    painter: &Painter,
    actions: &mut Vec<Action>,
) -> BTreeMap<ParticipantId, View> {
    let mut area = ui.available_rect_before_wrap();
    let pages = state.peers.len().div_ceil(grid::PAGE).max(1);
    *page = (*page).min(pages - 1);
    if pages > 1 {
        area.max.y -= 36.0;
        pages_ui(ui, area, page, pages);
    }
    let shown: Vec<&Peer> = state.peers.iter().skip(*page * grid::PAGE).take(grid::PAGE).collect();
    let width = (area.width() * OWN_SHARE).clamp(*OWN.start(), *OWN.end());
    let own = model.settings.self_view.then_some(vec2(width, width * 9.0 / 16.0).floor());
    let (places, own) = grid::layout(area, shown.len(), own);
    if shown.is_empty() {
        alone_ui(ui, model, area, actions);
    }
    let mut seen: BTreeMap<_, _> = state.peers.iter().map(|peer| (peer.id, View::Hidden)).collect();
    for (peer, place) in shown.into_iter().zip(places) {
        seen.insert(peer.id, View::Height((place.height() * ui.ctx().pixels_per_point()).round() as u32));
        peer_ui(ui, model, peer, place, painter, actions);
    }
    if let Some(place) = own {
        own_ui(ui, model, &state.own, place, painter);
    }
    seen
}

fn peer_ui(ui: &mut Ui, model: &Model, peer: &Peer, place: Rect, painter: &Painter, actions: &mut Vec<Action>) {
    let id = ui.scope_id().with(("tile", peer.id));
    // Not on the keyboard's way: the list of people has the same.
    let response = ui.interact(place, id, Sense::CLICK);
    let colours = theme::palette(ui.ctx());
    let rounding = corner(place);
    ui.painter().rect_filled(place, rounding, colours.tile);
    let of = Of::Peer(peer.id, Track::Camera);
    let frozen = peer.quality.frozen && peer.camera;
    let shown = model.pictures.get(of).filter(|_| peer.camera);
    match &shown {
        Some(shown) => {
            let greyed = frozen || peer.reconnecting;
            let rounding = f32::from(rounding.nw);
            painter.paint(
                ui.painter(),
                place,
                of,
                shown,
                &Placement { mirrored: false, fit: fit(shown), rounding, greyed },
            );
        }
        None => {
            let radius = (place.height() * 0.2).clamp(16.0, 64.0);
            face::disc(ui.painter(), colours, place.center(), radius, peer.name.as_deref().unwrap_or("?"));
        }
    }
    let over = over(peer, shown.is_some(), frozen);
    let low = place.height() < LOW;
    // Beside the initials of a low tile there is no room for words: the sign goes to the name.
    let lead = over.filter(|_| low && shown.is_none() && peer.name.is_some());
    if let Some((icon, word)) = over.filter(|_| lead.is_none()) {
        let at = place.center() + vec2(0.0, if shown.is_some() { 0.0 } else { place.height() * 0.2 + 24.0 });
        face::pill(ui, at, Align2::CENTER_CENTER, word, &[(icon, colours.on_tile)], place.width() - 16.0);
    }
    marks_ui(ui, peer, place, lead.map(|(icon, _)| icon), colours);
    if peer.speaking && !peer.muted {
        ui.painter().rect_stroke(place, rounding, Stroke::new(3.0, colours.in_use), StrokeKind::Inside);
    }
    signs::over_ui(ui, model, peer.id, place);
    let said = said(peer, shown.is_some(), frozen) + &signs::words(model, peer.id);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    volume::on_right_click(&response, peer, actions);
    response.on_hover_ui(|ui| figures_ui(ui, peer));
}

fn corner(place: Rect) -> CornerRadius {
    CornerRadius::same(if place.width() < 240.0 { theme::radius::M } else { theme::radius::L })
}

/// A picture of nearly the tile's shape fills it; another one is shown whole.
fn fit(shown: &Shown) -> Fit {
    let aspect = shown.picture.width() as f32 / shown.picture.height().max(1) as f32;
    if (1.5..=2.1).contains(&aspect) { Fit::Cover } else { Fit::Contain }
}

/// What is wrong with the picture, in the middle of the tile.
fn over(peer: &Peer, picture: bool, frozen: bool) -> Option<(&'static str, &'static str)> {
    if peer.name.is_none() {
        Some((icons::LOCK, "compare your invites"))
    } else if peer.reconnecting {
        Some((icons::PLUGS, "reconnecting…"))
    } else if frozen && picture {
        Some((icons::SNOWFLAKE, "frozen"))
    } else if !peer.camera {
        Some((icons::CAMERA_OFF, "camera off"))
    } else if !picture {
        Some((icons::HOURGLASS, "no picture yet"))
    } else {
        None
    }
}

/// The name with what goes with it, and the quality where it is not good.
fn marks_ui(ui: &Ui, peer: &Peer, place: Rect, lead: Option<&'static str>, colours: &Palette) {
    let mut marks: Vec<(&str, Color32)> = Vec::new();
    if peer.muted {
        marks.push((icons::MIC_OFF, dark(colours.danger_text)));
    } else if peer.speaking {
        marks.push((icons::SPEAKER, dark(colours.fastest)));
    }
    if volume::is_silent(peer) {
        marks.push((icons::SPEAKER_OFF, dark(colours.danger_text)));
    }
    marks.extend(lead.map(|icon| (icon, colours.on_tile)));
    let name = match &peer.name {
        Some(name) => name.clone(),
        None => {
            marks.push((icons::WARNING, dark(colours.fair)));
            "Someone with another key".to_owned()
        }
    };
    face::name_ui(ui, place, &name, &marks);
    let quality = quality(peer);
    if quality != Quality::Good {
        let at = place.right_top() + vec2(-face::INSET, face::INSET);
        let mark = (quality.icon(), dark(quality.colour(colours)));
        face::pill(ui, at, Align2::RIGHT_TOP, quality.word(), &[mark], place.width() - 16.0);
    }
}

/// The same colour, light enough for the dark ground that marks on pictures have in both themes.
fn dark(colour: Color32) -> Color32 {
    let light = colour.intensity();
    if light < 0.5 { theme::mix(colour, Color32::WHITE, 0.5) } else { colour }
}

/// How a peer is received: its delay is not known from one side, so sound's loss and jitter speak.
fn quality(peer: &Peer) -> Quality {
    widgets::quality(Some(0.0), peer.quality.jitter_ms, peer.quality.audio_loss)
}

/// A tile in words.
fn said(peer: &Peer, picture: bool, frozen: bool) -> String {
    let mut words = vec![peer.label().to_owned()];
    let mut add = |on: bool, word: &str| {
        if on {
            words.push(word.to_owned());
        }
    };
    add(peer.speaking && !peer.muted, "speaking");
    add(peer.muted, "muted");
    add(volume::is_silent(peer), "muted for you");
    if let Some((_, word)) = over(peer, picture, frozen) {
        add(true, word.trim_end_matches('…'));
    }
    let quality = quality(peer);
    add(quality != Quality::Good, quality.word());
    words.join(", ")
}

/// How a peer is received, in figures: the tooltip of a tile.
fn figures_ui(ui: &mut Ui, peer: &Peer) {
    let or = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_owned());
    let quality = &peer.quality;
    let picture =
        (quality.height > 0).then(|| format!("{} x {}, {:.0} fps", quality.width, quality.height, quality.fps));
    let rows = [
        ("Picture", or(picture)),
        ("Sound lost", or(quality.audio_loss.map(|loss| format!("{:.1} %", loss * 100.0)))),
        ("Jitter", or(quality.jitter_ms.map(|ms| format!("{ms:.1} ms")))),
        ("Held back to be smooth", or(quality.delay_ms.map(|ms| format!("{ms:.0} ms")))),
    ];
    ui.label(theme::strong_text(peer.label()));
    eframe::egui::Grid::new("figures").spacing(vec2(space::L, 4.0)).show(ui, |ui| {
        for (what, figure) in rows {
            ui.label(theme::note(ui.ctx(), what));
            ui.label(theme::figure(figure));
            ui.end_row();
        }
    });
}

fn own_ui(ui: &mut Ui, model: &Model, own: &Own, place: Rect, painter: &Painter) {
    let response = ui.interact(place, ui.scope_id().with("own"), Sense::hover());
    let colours = theme::palette(ui.ctx());
    let rounding = CornerRadius::same(theme::radius::M);
    ui.painter().rect_filled(place.expand(2.0), CornerRadius::same(theme::radius::M + 2), colours.ground);
    ui.painter().rect_filled(place, rounding, colours.tile);
    let trouble = matches!(own.device(Device::Camera), DeviceState::Trouble(_));
    let shown = model.pictures.get(Of::Own).filter(|_| own.camera && !trouble);
    match &shown {
        Some(shown) => {
            let placement = Placement {
                mirrored: model.settings.mirror,
                fit: fit(shown),
                rounding: f32::from(theme::radius::M),
                greyed: false,
            };
            painter.paint(ui.painter(), place, Of::Own, shown, &placement);
        }
        None => face::disc(ui.painter(), colours, place.center(), place.height() * 0.25, &own.name),
    }
    let muted = own.muted.then(|| (icons::MIC_OFF, dark(colours.danger_text)));
    if place.width() >= 160.0 || own.muted {
        face::name_ui(ui, place, "You", muted.as_slice());
    }
    let limited = own.limited.filter(|_| shown.is_some()).map(limit);
    if let Some((word, _)) = limited {
        let at = place.right_top() + vec2(-face::INSET, face::INSET);
        let mark = (icons::WARNING, dark(colours.fair));
        face::pill(ui, at, Align2::RIGHT_TOP, word, &[mark], place.width() - 16.0);
    }
    let state = match (&shown, trouble) {
        (Some(_), _) => "",
        (None, true) => ", camera does not work",
        (None, false) => ", no picture",
    };
    let why = limited.map(|(_, why)| format!(", {why}")).unwrap_or_default();
    signs::over_ui(ui, model, own.id, place);
    let said = format!("You{}{state}{why}{}", if own.muted { ", muted" } else { "" }, signs::words(model, own.id));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    if let Some((_, why)) = limited {
        response.on_hover_text(format!("Others see a smaller picture of you: {why}."));
    }
}

/// Why less of our picture is sent than others want: in a word, and as it is.
fn limit(limit: Limit) -> (&'static str, &'static str) {
    match limit {
        Limit::Computer => ("this computer", "this computer is too slow for more"),
        Limit::Network => ("network", "your network carries no more"),
    }
}

/// Nobody else is here yet: how they get here.
fn alone_ui(ui: &mut Ui, model: &Model, area: Rect, actions: &mut Vec<Action>) {
    let size = vec2(440.0_f32.min(area.width() - 2.0 * space::S), 170.0);
    let place = Rect::from_center_size(area.center() - vec2(0.0, area.height() * 0.08), size);
    let mut child = ui.new_child(UiBuilder::new().id_salt("alone").max_rect(place));
    widgets::card(&mut child, |ui| {
        ui.label(Type::Heading.text("You are alone here"));
        match &model.room.invite {
            Some(invite) => {
                ui.label(theme::note(ui.ctx(), "Whoever opens this link is with you at once."));
                ui.add(eframe::egui::Label::new(Type::Figures.text(invite)).truncate());
                if widgets::primary_icon(ui, icons::COPY, "Copy invite").clicked() {
                    actions.push(Action::Copy { text: invite.clone(), said: "Invite copied" });
                }
            }
            None => {
                let room = model.room.name.as_deref().unwrap_or("this room");
                ui.label(format!("Others join by the name of the room: {room}."));
            }
        }
    });
}

/// Which part of everybody is shown.
fn pages_ui(ui: &mut Ui, area: Rect, page: &mut usize, pages: usize) {
    let place = Rect::from_center_size(area.center_bottom() + vec2(0.0, 19.0), vec2(140.0, 32.0));
    let mut child = ui.new_child(
        UiBuilder::new()
            .id_salt("pages")
            .max_rect(place)
            .layout(eframe::egui::Layout::left_to_right(eframe::egui::Align::Center)),
    );
    let ui = &mut child;
    ui.add_enabled_ui(*page > 0, |ui| {
        if widgets::icon_button(ui, icons::CHEVRON_LEFT, "Earlier people").clicked() {
            *page -= 1;
        }
    });
    ui.label(theme::figure(format!("{} / {pages}", *page + 1)));
    ui.add_enabled_ui(*page + 1 < pages, |ui| {
        if widgets::icon_button(ui, icons::CHEVRON_RIGHT, "More people").clicked() {
            *page += 1;
        }
    });
}
