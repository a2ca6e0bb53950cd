//! Strips across the window: what happens to the call, and what can be done about it.

use eframe::egui::{
    Align, Color32, CornerRadius, Frame, Id, Label, Layout, Margin, Pos2, Rect, Role, Shape, Stroke, StrokeKind, Ui,
    UiBuilder, accesskit, epaint::RectShape, pos2, vec2,
};

use super::paint::{line, put_left};
use crate::ui::icons;
use crate::ui::theme::{self, Palette, Type};

/// Room of the icon and the space after it, in points.
const MARK: f32 = 28.0;
/// Words get a row of their own when less than this is left for them, in points.
const NARROW: f32 = 180.0;
/// Wider than any row of buttons, in points.
const UNBOUND: f32 = 2000.0;

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
    let edge = Stroke::new(theme::stroke::HAIR, theme::mix(fill, colour, 0.35));
    let mut shapes = vec![Shape::rect_filled(rect, corner, fill)];
    if striped {
        shapes.extend(stripes(rect, theme::mix(fill, colour, 0.16)));
    }
    shapes.push(RectShape::stroke(rect, corner, edge, StrokeKind::Inside).into());
    ui.painter().set(ground, Shape::Vec(shapes));
}

/// The icon and the words at the left, the buttons at the right on one centre line; below the words where it is narrow.
fn content(ui: &mut Ui, icon: &str, colour: Color32, text: &str, urgent: bool, buttons: impl FnOnce(&mut Ui)) {
    // The words get what the buttons leave, and the width of the buttons is known only once they were drawn.
    let memory: Id = ui.auto_id_with("buttons");
    let known: Option<f32> = ui.data(|data| data.get_temp(memory));
    let taken = known.unwrap_or(0.0);
    let room = (ui.available_width() - MARK - theme::space::S).max(0.0);
    let narrow = room - taken < NARROW;
    let drawn = ui
        .horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = theme::space::S;
            words(ui, icon, colour, text, urgent, if narrow { room } else { room - taken });
            if narrow { Err(buttons) } else { Ok(measured(ui, buttons)) }
        })
        .inner
        .unwrap_or_else(|buttons| ui.horizontal(|ui| measured(ui, buttons)).inner);
    if known.is_none_or(|known| (known - drawn).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(memory, drawn));
        ui.ctx().request_discard("the buttons of a banner changed their width");
    }
}

/// The icon, and `text` wrapped to `width` points.
fn words(ui: &mut Ui, icon: &str, colour: Color32, text: &str, urgent: bool, width: f32) {
    let (_, mark) = ui.allocate_space(vec2(MARK - theme::space::S, theme::CONTROL));
    put_left(ui, mark, line(ui, icon, icons::font(20.0), MARK), colour);
    let layout = Layout::left_to_right(Align::Center).with_main_wrap(false);
    let words = ui.allocate_ui_with_layout(vec2(width, theme::CONTROL), layout, |ui| {
        ui.set_min_width(width);
        ui.add(Label::new(Type::Body.text(text)).wrap())
    });
    announce(ui, words.inner.id, text, urgent);
}

/// Draws `buttons` as if there were room for all of them, and returns how wide they are, in points.
fn measured(ui: &mut Ui, buttons: impl FnOnce(&mut Ui)) -> f32 {
    let place = Rect::from_min_size(ui.cursor().min, vec2(UNBOUND, theme::CONTROL));
    let builder = UiBuilder::new().max_rect(place).layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(builder, buttons).response.rect.width().clamp(0.0, UNBOUND)
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

/// Diagonal stripes that end a little inside `rect`, clear of its round corners.
fn stripes(rect: Rect, colour: Color32) -> Vec<Shape> {
    const WIDTH: f32 = 10.0;
    let rect = rect.shrink(2.5);
    let height = rect.height();
    let count = ((rect.width() + height) / (2.0 * WIDTH)).ceil() as usize;
    (0..count)
        .filter_map(|index| {
            let foot = rect.left() - height + index as f32 * 2.0 * WIDTH;
            let corners = stripe(rect, foot, foot + WIDTH);
            (corners.len() >= 3).then(|| Shape::convex_polygon(corners, colour, Stroke::NONE))
        })
        .collect()
}

/// The corners, clockwise, of the band between two lines that start at `one` and `two` on the foot of `rect` (or left
/// of it) and lean right by 45 degrees, cut off at the sides of `rect`.
fn stripe(rect: Rect, one: f32, two: f32) -> Vec<Pos2> {
    let (left, right, height) = (rect.left(), rect.right(), rect.height());
    // Where the line from `foot` comes in and goes out.
    let start = |foot: f32| pos2(foot.max(left), rect.bottom() - (left - foot).max(0.0));
    let end = |foot: f32| pos2((foot + height).min(right), rect.top() + (foot + height - right).max(0.0));
    let mut corners = Vec::with_capacity(6);
    if one < right {
        corners.extend([start(one), end(one)]);
    }
    if one + height < right && two + height > right {
        corners.push(rect.right_top());
    }
    if two < right {
        corners.extend([end(two), start(two)]);
    } else if one < right {
        corners.push(rect.right_bottom());
    }
    if one < left && two > left {
        corners.push(rect.left_bottom());
    }
    corners
}
