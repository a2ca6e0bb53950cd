//! Strips across the window: what happens to the call, and what can be done about it.

use eframe::egui::{
    Align, Color32, CornerRadius, Frame, Id, Layout, Margin, Rect, Role, Shape, Stroke, StrokeKind, Ui, UiBuilder,
    accesskit, pos2, vec2,
};

use super::paint::{line, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Palette, Type};

/// What a banner or a toast is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To know.
    Info,
    /// It went well.
    Good,
    /// Take care.
    Warning,
    /// Something is broken or about to end.
    Danger,
}

impl Kind {
    /// The icon that goes with it.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Info => icons::INFO_FILL,
            Self::Good => icons::GOOD,
            Self::Warning => icons::WARNING_FILL,
            Self::Danger => icons::DOWN,
        }
    }

    /// The colour that goes with it.
    #[must_use]
    pub fn colour(self, colours: &Palette) -> Color32 {
        match self {
            Self::Info => colours.accent_text,
            Self::Good => colours.good,
            Self::Warning => colours.fair,
            Self::Danger => colours.danger_text,
        }
    }
}

/// A strip as wide as there is room, with `buttons` at its right, in the order in which they are added. Announced
/// politely; danger at once.
pub fn banner(ui: &mut Ui, kind: Kind, text: &str, buttons: impl FnOnce(&mut Ui)) {
    let colour = kind.colour(theme::palette(ui.ctx()));
    strip(ui, kind.icon(), colour, text, kind == Kind::Danger, false, buttons);
}

/// A [`banner`] with stripes, for a drill: what happens now was asked for.
pub fn drill_banner(ui: &mut Ui, text: &str, buttons: impl FnOnce(&mut Ui)) {
    let colour = theme::palette(ui.ctx()).fair;
    strip(ui, icons::DRILL, colour, text, false, true, buttons);
}

fn strip(
    ui: &mut Ui,
    icon: &str,
    colour: Color32,
    text: &str,
    urgent: bool,
    striped: bool,
    buttons: impl FnOnce(&mut Ui),
) {
    let colours = theme::palette(ui.ctx());
    let ground = ui.painter().add(Shape::Noop);
    let shown = Frame::new().inner_margin(Margin::symmetric(14, 8)).show(ui, |ui| {
        ui.take_available_width();
        content(ui, icon, colour, text, urgent, buttons);
    });
    let rect = shown.response.rect;
    let corner = CornerRadius::same(theme::radius::M);
    let fill = colours.tint(colour);
    let edge = Stroke::new(1.0, theme::mix(fill, colour, 0.35));
    let mut shapes = vec![Shape::rect_filled(rect, corner, fill)];
    if striped {
        shapes.extend(stripes(rect, theme::mix(fill, colour, 0.16)));
    }
    shapes.push(eframe::egui::epaint::RectShape::stroke(rect, corner, edge, StrokeKind::Inside).into());
    ui.painter().set(ground, Shape::Vec(shapes));
}

/// The icon and the words at the left, the buttons at the right, all on one centre line.
fn content(ui: &mut Ui, icon: &str, colour: Color32, text: &str, urgent: bool, buttons: impl FnOnce(&mut Ui)) {
    // The words get what the buttons leave, and the width of the buttons is known only once they were drawn.
    let memory: Id = ui.auto_id_with("banner buttons");
    let known: Option<f32> = ui.data(|data| data.get_temp(memory));
    let taken = known.unwrap_or(0.0);
    let words_room = (ui.available_width() - 30.0 - if taken > 0.0 { taken + theme::space::M } else { 0.0 }).max(80.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme::space::S;
        let (_, mark) = ui.allocate_space(vec2(20.0, theme::CONTROL));
        put_left(ui, mark, line(ui, icon, icons::font(20.0), 24.0), colour);
        let words =
            ui.allocate_ui_with_layout(vec2(words_room, theme::CONTROL), Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(words_room);
                ui.add(eframe::egui::Label::new(Type::Body.text(text)).wrap())
            });
        announce(ui, words.inner.id, text, urgent);
        let builder = UiBuilder::new().layout(Layout::left_to_right(Align::Center));
        let drawn = ui.scope_builder(builder, |ui| buttons(ui)).response.rect.width().max(0.0);
        if known.is_none_or(|known| (known - drawn).abs() > 0.5) {
            ui.data_mut(|data| data.insert_temp(memory, drawn));
            ui.ctx().request_discard("the buttons of a banner changed their width");
        }
    });
}

/// Makes the node with `id` a live region.
pub(super) fn announce(ui: &Ui, id: Id, text: &str, urgent: bool) {
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_role(if urgent { Role::Alert } else { Role::Status });
        node.set_live(if urgent { accesskit::Live::Assertive } else { accesskit::Live::Polite });
        node.set_label(text);
        node.set_value(text);
    });
}

/// Diagonal stripes that end at the edges of `rect`.
fn stripes(rect: Rect, colour: Color32) -> Vec<Shape> {
    const WIDTH: f32 = 10.0;
    let rect = rect.shrink(1.0);
    let height = rect.height();
    let count = ((rect.width() + height) / (2.0 * WIDTH)).ceil() as usize;
    (0..count)
        .filter_map(|index| {
            let foot = rect.left() - height + index as f32 * 2.0 * WIDTH;
            // A band leans right by its height; cut at both sides it has up to six corners.
            let at = |x: f32| x.clamp(rect.left(), rect.right());
            let up = |x: f32| (rect.bottom() - (at(x) - x)).clamp(rect.top(), rect.bottom());
            let top = |x: f32| (rect.top() + (x - at(x))).clamp(rect.top(), rect.bottom());
            let (one, two) = (foot, foot + WIDTH);
            let corners = vec![
                pos2(at(one), up(one)),
                pos2(at(one + height), top(one + height)),
                pos2(at(two + height), rect.top()),
                pos2(at(two + height), top(two + height)),
                pos2(at(two), up(two)),
                pos2(at(one.max(rect.left())), rect.bottom()),
            ];
            let visible = corners.iter().any(|corner| (corner.x - corners[0].x).abs() > 0.5);
            visible.then(|| Shape::convex_polygon(corners, colour, Stroke::NONE))
        })
        .collect()
}
