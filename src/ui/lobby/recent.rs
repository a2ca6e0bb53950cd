//! Rooms that were joined before: one click puts one into the box.

use std::time::{Duration, SystemTime};

use eframe::egui::{Align, CornerRadius, Layout, Response, Role, Sense, Ui, WidgetInfo, vec2};

use crate::settings::rooms::Room;
use crate::ui::model::{Action, Model};
use crate::ui::regions::chip;
use crate::ui::stage::face;
use crate::ui::theme::{self, Type, space};
use crate::ui::{icons, widgets};

/// Height of a row, points.
const ROW: f32 = 36.0;
/// Rooms that stand below the box; the list has all of them.
const CHIPS: usize = 3;
/// Letters of a name on a chip.
const LETTERS: usize = 18;

/// Draws the newest rooms in a line, and behind its last button the list in which they are forgotten; nothing where rooms are
/// remembered and there is none yet.
pub(super) fn recent_ui(ui: &mut Ui, model: &Model, open: &mut bool, actions: &mut Vec<Action>) {
    let rooms = &model.rooms;
    if rooms.remember && rooms.rooms.is_empty() {
        return;
    }
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        for room in rooms.rooms.iter().take(CHIPS) {
            let said = format!("{}, {}", room.name, ago(model.wall, room.joined));
            if chip(ui, icons::CLOCK, &shortened(&room.name), &said).on_hover_text(&said).clicked() {
                actions.push(Action::Again(room.clone()));
            }
        }
        let (icon, words) = if *open { (icons::CHEVRON_UP, "Close the list") } else { (icons::MORE, "Recent rooms") };
        if chip(ui, icon, words, words).clicked() {
            *open = !*open;
        }
    });
    if *open {
        ui.add_space(space::XS);
        widgets::card(ui, |ui| list_ui(ui, model, actions));
    }
}

/// Every room, and how to forget it.
fn list_ui(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>) {
    let rooms = &model.rooms;
    ui.spacing_mut().item_spacing.y = 2.0;
    if !rooms.remember {
        ui.label(theme::note(ui.ctx(), "Rooms that you join are not remembered."));
        if widgets::secondary(ui, "Remember rooms").clicked() {
            actions.push(Action::RememberRooms(true));
        }
        return;
    }
    for room in &rooms.rooms {
        row_ui(ui, model.wall, room, actions);
    }
    ui.label(theme::note(ui.ctx(), "Kept on this computer alone. Whoever uses your account can join them."));
    ui.add_space(space::XS);
    ui.horizontal_wrapped(|ui| {
        if widgets::secondary(ui, "Forget all").clicked() {
            actions.push(Action::Forget(None));
        }
        if widgets::quiet(ui, "Do not remember rooms").clicked() {
            actions.push(Action::RememberRooms(false));
        }
    });
}

/// A name may be a sentence.
fn shortened(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    name.chars().take(LETTERS - 1).chain(['…']).collect()
}

fn row_ui(ui: &mut Ui, now: SystemTime, room: &Room, actions: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.set_min_height(ROW);
            let forget = widgets::icon_button(ui, icons::CLOSE, &format!("Forget {}", room.name));
            if forget.clicked() {
                actions.push(Action::Forget(Some(room.clone())));
            }
            if name_ui(ui, room, &ago(now, room.joined)).clicked() {
                actions.push(Action::Again(room.clone()));
            }
        });
    });
}

/// The name, and when that was.
fn name_ui(ui: &mut Ui, room: &Room, ago: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if ui.is_rect_visible(rect) {
        let colours = theme::palette(ui.ctx());
        let corner = CornerRadius::same(theme::radius::M);
        let share = ui.ctx().animate_bool_with_time(response.id.with("hover"), response.hovered(), theme::QUICK);
        ui.painter().rect_filled(rect, corner, theme::mix(colours.panel, colours.hover, share));
        widgets::focus_ring(ui, &response, rect.shrink(2.0), theme::radius::M - 2);
        let inner = rect.shrink2(vec2(space::S, 0.0));
        let icon = if room.link.is_some() { icons::LINK } else { icons::PEOPLE };
        let middle = inner.center().y;
        let at = |x: f32, height: f32| eframe::egui::pos2(x, middle - height / 2.0);
        let glyph = face::line(ui, icon, icons::font(16.0), 20.0);
        ui.painter().galley(at(inner.left(), glyph.size().y), glyph, colours.weak);
        let when = face::line(ui, ago, Type::Small.font(), inner.width() * 0.45);
        let right = inner.right() - when.size().x;
        ui.painter().galley(at(right, when.size().y), when, colours.weak);
        let left = inner.left() + 26.0;
        let name = face::line(ui, &room.name, Type::Body.font(), right - space::S - left);
        ui.painter().galley(at(left, name.size().y), name, colours.text);
    }
    let said = format!("{} again, {ago}", room.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &said));
    response.on_hover_text("Puts it into the box above")
}

/// How long ago that was, in words; `joined` in seconds since 1970.
fn ago(now: SystemTime, joined: u64) -> String {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(joined.min(u32::MAX.into()));
    let minutes = now.duration_since(then).unwrap_or_default().as_secs() / 60;
    let (hours, days) = (minutes / 60, minutes / 60 / 24);
    match (minutes, hours, days) {
        (0, ..) => "just now".to_owned(),
        (1, ..) => "a minute ago".to_owned(),
        (2..60, ..) => format!("{minutes} minutes ago"),
        (_, 1, _) => "an hour ago".to_owned(),
        (_, 2..24, _) => format!("{hours} hours ago"),
        (.., 1) => "yesterday".to_owned(),
        (.., 2..60) => format!("{days} days ago"),
        _ => "long ago".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_room_was_joined_is_said_as_people_say_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_270_600);
        let said = |seconds: u64| ago(now, 1_795_270_600 - seconds);
        let cases = [
            (0, "just now"),
            (61, "a minute ago"),
            (59 * 60, "59 minutes ago"),
            (3600, "an hour ago"),
            (23 * 3600, "23 hours ago"),
            (30 * 3600, "yesterday"),
            (49 * 3600, "2 days ago"),
            (90 * 24 * 3600, "long ago"),
        ];
        for (seconds, words) in cases {
            assert_eq!(said(seconds), words);
        }
        assert_eq!(ago(now, u64::MAX), "just now", "a clock that was put back");
    }
}
