//! The rows: one for each relay with a line for each way to it, and what opens below a row.
//!
//! A row is one node of the accessibility tree that says everything in it; the second way has a node of its own.

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Id, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::call::state::{State, Wished};
use crate::election::{LinkState, Standing};
use crate::ui::icons;
use crate::ui::model::{Action, Model};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{focus_ring, quality};

use super::chart::{self, Bar};
use super::columns::Columns;
use super::condition::{Condition, racing};
use super::controls::write;
use super::group::{Group, groups};
use super::scale::Scale;
use super::{Memory, order, places, words};

mod cells;
mod opened;

/// From the edge of a row to its cells, points.
const PADDING: f32 = 10.0;
/// Above and below the lines of a row, points.
const MARGIN: f32 = 7.0;
/// The line of the better way, and of a name that stands above it, points.
const FIRST: f32 = 22.0;
/// The line of the other way, points.
const SECOND: f32 = 17.0;
/// Longest move of a row to another place, seconds.
const SLIDE: f32 = 0.15;
/// Answers that a sparkline shows at least and at most.
const SLOTS: std::ops::RangeInclusive<usize> = 15..=60;

/// What all rows have in common.
struct Table<'a> {
    model: &'a Model,
    state: &'a State,
    racing: bool,
    scale: Scale,
    slots: usize,
    in_call: bool,
    /// The relay that carries the call, or that leads.
    leader: Option<&'a str>,
    /// The relay whose mean is the least.
    fastest: Option<&'a str>,
}

/// The rows, ranked.
pub fn list_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory, actions: &mut Vec<Action>) {
    let groups = groups(state);
    let racing = racing(state, model.now);
    let hold = memory.rows.is_some_and(|rows| ui.rect_contains_pointer(rows));
    order::update(&mut memory.order, &groups, !racing, hold);
    let table = Table::new(model, state, racing);

    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        heads(ui, &table);
        let top = ui.cursor().top();
        let order = memory.order.clone();
        for (place, group) in
            order.iter().filter_map(|relay| groups.iter().find(|group| group.relay == relay)).enumerate()
        {
            let open = memory.open.as_deref() == Some(group.relay);
            let response = row_ui(ui, &table, group, place, top, open);
            if response.clicked() {
                memory.open = (!open).then(|| group.relay.to_owned());
            }
            if open {
                opened::opened_ui(ui, &table, group, actions);
            }
        }
        let bottom = ui.cursor().top();
        let width = ui.available_width();
        memory.rows = Some(Rect::from_min_size(pos2(ui.cursor().left(), top), vec2(width, bottom - top)));
    });
}

impl<'a> Table<'a> {
    fn new(model: &'a Model, state: &'a State, racing: bool) -> Self {
        let longest = state.candidates.iter().map(|standing| standing.recent_ms.len()).max().unwrap_or(0);
        Self {
            model,
            state,
            racing,
            scale: Scale::of(&state.candidates),
            slots: longest.clamp(*SLOTS.start(), *SLOTS.end()),
            in_call: !matches!(state.phase, crate::call::state::Phase::Lobby),
            leader: state.leader().map(|leader| leader.candidate.relay.as_str()),
            fastest: places::fastest(model, state).map(|fastest| fastest.candidate.relay.as_str()),
        }
    }

    fn condition(&self, standing: &Standing) -> Condition {
        Condition::of(self.state, standing, self.racing)
    }
}

/// What stands above the columns.
fn heads(ui: &mut Ui, table: &Table<'_>) {
    let (_, rect) = ui.allocate_space(vec2(ui.available_width(), 20.0));
    let columns = Columns::of(rect.shrink2(vec2(PADDING, 0.0)));
    let weak = theme::palette(ui.ctx()).weak;
    let font = || FontId::new(11.0, theme::figures());
    let y = rect.center().y;
    chart::axis(ui, columns.bar, rect.bottom() - 3.0, table.scale);
    let heads = [
        (Some(columns.mean), "ms"),
        (Some(columns.jitter), "jitter"),
        (Some(columns.loss), "loss"),
        (columns.samples, "n"),
    ];
    for (cell, head) in heads {
        if let Some(cell) = cell {
            write(ui, cell, y, Align2::RIGHT_CENTER, head, font(), weak);
        }
    }
    write(ui, columns.spark, y, Align2::RIGHT_CENTER, "latest", font(), weak);
}

/// One relay.
fn row_ui(ui: &mut Ui, table: &Table<'_>, group: &Group<'_>, place: usize, top: f32, open: bool) -> Response {
    let width = ui.available_width();
    let stacked = Columns::of(Rect::from_min_size(pos2(0.0, 0.0), vec2(width - 2.0 * PADDING, 0.0))).stacked;
    let lines = FIRST + SECOND * (group.ways.len() - 1) as f32 + if stacked { FIRST } else { 0.0 };
    // A single way still needs room for the name and the provider below it.
    let lines = if stacked { lines } else { lines.max(FIRST + SECOND) };
    let (_, rect) = ui.allocate_space(vec2(width, lines + 2.0 * MARGIN));
    let id = Id::unique(("region row", group.relay));
    let response = ui.interact(rect, id, Sense::click());
    let drawn = slid(ui, table, rect, id, top);
    if ui.is_rect_visible(drawn) {
        ground(ui, table, group, drawn, &response, open, place);
        cells::paint(ui, table, group, drawn, open);
        focus_ring(ui, &response, drawn.shrink(3.0), theme::radius::M - 3);
    }
    describe(ui, table, group, &response, drawn, open);
    // An open row tells its facts below it.
    if open { response } else { response.on_hover_ui(|ui| opened::facts_ui(ui, table, group)) }
}

/// Where the row is drawn: it slides to its place.
fn slid(ui: &Ui, table: &Table<'_>, rect: Rect, id: Id, top: f32) -> Rect {
    if !table.model.motion {
        return rect;
    }
    let target = rect.top() - top;
    let now = ui.ctx().animate_value_with_time(id.with("slide"), target, SLIDE);
    rect.translate(vec2(0.0, now - target))
}

fn ground(ui: &Ui, table: &Table<'_>, group: &Group<'_>, rect: Rect, response: &Response, open: bool, place: usize) {
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M);
    let leads = table.leader == Some(group.relay);
    if place > 0 && !leads {
        let inner = rect.shrink2(vec2(PADDING, 0.0));
        ui.painter().hline(inner.x_range(), rect.top(), Stroke::new(1.0, colours.line.gamma_multiply(0.6)));
    }
    let share = ui.ctx().animate_bool_with_time(response.id.with("hover"), response.hovered(), theme::quick(ui.ctx()));
    let rest = if leads { theme::mix(colours.panel, colours.in_use, 0.10) } else { colours.panel };
    let fill = theme::mix(rest, colours.hover, if open { 0.6 } else { 0.45 * share });
    if leads || open || share > 0.0 {
        ui.painter().rect_filled(rect.shrink2(vec2(0.0, 1.0)), corner, fill);
    }
    if leads {
        let stripe = Rect::from_min_size(rect.min + vec2(0.0, 8.0), vec2(3.0, rect.height() - 16.0));
        ui.painter().rect_filled(stripe, CornerRadius::same(2), colours.in_use);
    }
}

/// Gives the row and its second way their names.
fn describe(ui: &Ui, table: &Table<'_>, group: &Group<'_>, response: &Response, rect: Rect, open: bool) {
    let best = group.best();
    let mut label = label(table, group, best);
    if group.wish(&table.state.wishes, Wished::Pin).is_some() {
        label.push_str(", pinned");
    }
    if table.fastest == Some(group.relay) && table.leader != Some(group.relay) {
        label.push_str(", fastest");
    }
    if table.leader == Some(group.relay) && !table.in_call {
        label.push_str(if table.racing { ", leads" } else { ", won" });
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &label));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
    for (n, way) in group.ways.iter().enumerate().skip(1) {
        let top = rect.bottom() - MARGIN - SECOND * (group.ways.len() - n) as f32;
        let place = Rect::from_min_size(pos2(rect.left(), top), vec2(rect.width(), SECOND));
        let other = ui.interact(place, response.id.with(n), Sense::hover());
        other.widget_info(|| WidgetInfo::labeled(Role::Label, true, self::label(table, group, way)));
    }
}

/// `singapore, webtransport, 40 ms, jitter 1.3 ms, no loss, in use`.
fn label(table: &Table<'_>, group: &Group<'_>, way: &Standing) -> String {
    let name = if group.shared { format!("{} {}", group.region(), group.relay) } else { group.region().to_owned() };
    let mut parts = vec![name, way.candidate.transport.to_string()];
    let condition = table.condition(way);
    if words::known(way.mean_ms).is_some() {
        parts.push(words::ms(way.mean_ms));
        if words::known(way.jitter_ms).is_some() {
            parts.push(format!("jitter {} ms", words::figure(way.jitter_ms)));
        }
        parts.push(words::loss_words(way.loss));
    }
    parts.push(condition.word().to_owned());
    if let Some(age) = opened::age(table.model.now, way) {
        parts.push(format!("last answer {} ago", words::span(age)));
    }
    if condition.is_out() {
        parts.extend(way.error.clone());
    }
    parts.join(", ")
}
