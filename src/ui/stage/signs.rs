//! Raised hands and reactions: on tiles, and the buttons for one's own.

use std::time::Duration;

use eframe::egui::{
    Align2, Color32, FontId, Frame, Popup, PopupCloseBehavior, Rect, RectAlign, Role, Sense, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use super::face;
use crate::call::conversation::{Conversation, Reacted};
use crate::call::state::State;
use crate::proto::ParticipantId;
use crate::proto::words::Reaction;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Palette};
use crate::ui::{icons, widgets};
use widgets::{Tone, round, round_toggle};

/// Width that a raised hand takes at the top of a tile, points.
const HAND: f32 = 56.0;
/// A reaction rises and fades for so long, s.
const LASTS: f32 = 3.0;
/// Of which it fades in the last, s.
const FADES: f32 = 0.6;
/// Between two frames of one that rises.
const FRAME: Duration = Duration::from_millis(33);
/// Diameter of a reaction, points.
const SIZE: f32 = 40.0;

/// The hand and the reactions, among the tools.
pub(super) fn buttons_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let up = state.conversation.place(state.own.id).is_some();
    let (label, tone) = if up { ("Lower your hand", Tone::Active) } else { ("Raise your hand", Tone::Plain) };
    if round_toggle(ui, icons::HAND, label, "R", tone, up).clicked() {
        actions.push(Action::Hand(!up));
    }
    let button = round(ui, icons::SMILE, "React", "Alt+1", Tone::Plain);
    Popup::from_toggle_button_response(&button)
        .align(RectAlign::TOP)
        .gap(6.0)
        .close_behavior(PopupCloseBehavior::CloseOnClick)
        .show(|ui| Frame::new().inner_margin(4).show(ui, |ui| choices_ui(ui, actions)));
}

fn choices_ui(ui: &mut Ui, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (index, reaction) in Reaction::ALL.into_iter().enumerate() {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(44.0), Sense::click());
            if ui.is_rect_visible(rect) {
                let colours = theme::palette(ui.ctx());
                if response.hovered() {
                    ui.painter().rect_filled(rect, theme::radius::M, colours.hover);
                }
                widgets::focus_ring(ui, &response, rect, theme::radius::M);
                let colour = colour(reaction, colours);
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, reaction.symbol(), font(24.0), colour);
            }
            let label = format!("React: {}", word(reaction));
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
            if response.clicked() {
                actions.push(Action::React(reaction));
            }
            response.on_hover_ui(|ui| {
                ui.horizontal(|ui| {
                    ui.label(&label);
                    widgets::key_hint(ui, &format!("Alt+{}", index + 1));
                });
            });
        }
    });
}

/// What a raised hand takes of the top of somebody's tile, points.
pub(super) fn taken(model: &Model, who: ParticipantId) -> f32 {
    let up = model.call.as_ref().is_some_and(|state| state.conversation.place(who).is_some());
    if up { HAND } else { 0.0 }
}

/// A hand and reactions of somebody, over the tile.
pub(super) fn over_ui(ui: &Ui, model: &Model, who: ParticipantId, place: Rect) {
    let Some(state) = &model.call else { return };
    hand_ui(ui, &state.conversation, who, place);
    let reactions = state.conversation.reactions.iter().filter(|it| it.from == who);
    for (index, reacted) in reactions.enumerate() {
        reaction_ui(ui, model, reacted, index, place);
    }
}

/// What goes with somebody's tile in words.
pub(super) fn words(model: &Model, who: ParticipantId) -> String {
    let Some(state) = &model.call else { return String::new() };
    let hand = if state.conversation.place(who).is_some() { ", hand raised" } else { "" };
    let newest = state.conversation.reactions.iter().rev().find(|it| it.from == who);
    newest.map_or_else(|| hand.to_owned(), |it| format!("{hand}, reacts: {}", word(it.what)))
}

fn hand_ui(ui: &Ui, talk: &Conversation, who: ParticipantId, place: Rect) {
    let Some(turn) = talk.place(who) else { return };
    let colours = theme::palette(ui.ctx());
    let at = place.left_top() + Vec2::splat(face::INSET);
    let mark = (icons::HAND, on_dark(colours.fair));
    face::pill(ui, at, Align2::LEFT_TOP, &turn.to_string(), &[mark], place.width() - 16.0);
}

/// Rises over the tile and fades; where nothing moves, it stands there until it is over.
fn reaction_ui(ui: &Ui, model: &Model, reacted: &Reacted, index: usize, place: Rect) {
    let age = model.now.saturating_duration_since(reacted.at).as_secs_f32();
    if age >= LASTS {
        return;
    }
    let colours = theme::palette(ui.ctx());
    let size = SIZE.min(place.height() * 0.4);
    if size < 4.0 {
        return;
    }
    let (rise, shown) = if model.motion {
        ui.ctx().request_repaint_after(FRAME);
        (age / LASTS, ((LASTS - age) / FADES).min(1.0))
    } else {
        (0.0, 1.0)
    };
    // What rises parts by itself; what stands still must not cover what came before.
    let apart = size * if model.motion { 0.3 } else { 1.1 };
    let column = if model.motion { (reacted.serial % 3) as f32 - 1.0 } else { 0.0 };
    let way = (place.height() - 2.0 * size - 24.0).max(0.0) * 0.8;
    let right = place.right() - face::INSET - size * 1.3 + column * size * 0.25 - index as f32 * apart;
    let bottom = place.bottom() - size - 20.0 - rise * way;
    let centre = pos2(right.max(place.left() + size / 2.0), bottom.max(place.top() + size / 2.0));
    ui.painter().circle_filled(centre, size / 2.0, colours.scrim.gamma_multiply(shown));
    let colour = colour(reacted.what, colours);
    let light = on_dark(colour).gamma_multiply(shown);
    let symbol = reacted.what.symbol();
    ui.painter().text(centre + vec2(0.0, size * 0.02), Align2::CENTER_CENTER, symbol, font(size * 0.6), light);
}

/// A colour of either theme, light enough for the dark ground that signs on pictures have in both.
fn on_dark(colour: Color32) -> Color32 {
    theme::mix(colour, Color32::WHITE, if colour.intensity() < 0.5 { 0.6 } else { 0.25 })
}

/// The emoji come from behind the icons.
fn font(size: f32) -> FontId {
    icons::font(size)
}

/// Beside its shape, each has a colour of its own.
fn colour(reaction: Reaction, colours: &Palette) -> Color32 {
    match reaction {
        Reaction::Heart => colours.danger_text,
        Reaction::Party => colours.good,
        Reaction::Surprise => colours.fastest,
        _ => colours.fair,
    }
}

/// Its name for people.
fn word(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Unspecified => "",
        Reaction::ThumbsUp => "thumbs up",
        Reaction::Clap => "applause",
        Reaction::Heart => "heart",
        Reaction::Laugh => "laughter",
        Reaction::Surprise => "surprise",
        Reaction::Party => "celebration",
    }
}
