//! How far everybody in the room is from every region, and the relays from one another: figures on a ground that is the
//! stronger the farther it is. A region is as good for a call as it is for the one who is farthest from it.

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Rangef, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    pos2, vec2,
};

use super::controls::{note, write};
use super::scale::Scale;
use super::words;
use crate::call::event::Place;
use crate::call::reach::Reach;
use crate::call::state::State;
use crate::ui::icons;
use crate::ui::theme::{self, Type, space};
use crate::ui::widgets;

/// Height of a row, of one without a second line, and of the heads, points.
const ROW: f32 = 38.0;
const LOW: f32 = 28.0;
const HEAD: f32 = 22.0;
/// Of the column with the names, points.
const NAME: std::ops::RangeInclusive<f32> = 104.0..=168.0;
/// Narrowest and widest cell with a figure, points. Where narrower ones would be needed, they are scrolled.
const CELL: std::ops::RangeInclusive<f32> = 52.0..=96.0;
/// How much of the colour the farthest cell has.
const STRONGEST: f32 = 0.5;

/// What is known of the way from somebody to a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ui) enum Cell {
    /// Nobody said.
    Unknown,
    NoAnswer,
    Ms(f64),
}

/// Somebody, and every region.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Row {
    pub name: String,
    /// Where its call runs, and how far that is.
    pub place: Option<(Place, Option<f64>)>,
    pub cells: Vec<Cell>,
}

/// Everybody, and every region.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Members {
    pub regions: Vec<String>,
    pub rows: Vec<Row>,
    /// The farthest from each region, of those who said; `None` where somebody has no answer from there.
    pub farthest: Vec<Option<f64>>,
}

/// Reads them off the state; ourselves first. `order`: relays as the rows above stand.
pub(in crate::ui) fn members(state: &State, order: &[String]) -> Members {
    let own = Reach::of(&state.candidates);
    let told = state.peers.iter().map(|peer| (peer.label(), state.reaches.get(&peer.id)));
    let all: Vec<(&str, Option<&Reach>)> = std::iter::once(("You", Some(&own))).chain(told).collect();
    let mut regions: Vec<String> = Vec::new();
    let place = |relay: &str| order.iter().position(|known| known == relay).unwrap_or(usize::MAX);
    let mut ways: Vec<_> = own.ways.iter().collect();
    ways.sort_by_key(|way| place(&way.relay));
    let others = all.iter().skip(1).filter_map(|(_, reach)| *reach).flat_map(|reach| &reach.ways);
    for way in ways.into_iter().chain(others) {
        if !regions.contains(&way.region) {
            regions.push(way.region.clone());
        }
    }
    let rows: Vec<Row> = all.iter().map(|(name, reach)| row(name, *reach, &regions)).collect();
    let farthest = (0..regions.len()).map(|n| farthest(&rows, n)).collect();
    Members { regions, rows, farthest }
}

fn row(name: &str, reach: Option<&Reach>, regions: &[String]) -> Row {
    let cell = |region: &String| match reach.and_then(|reach| reach.to(region)) {
        None => Cell::Unknown,
        Some(None) => Cell::NoAnswer,
        Some(Some(ms)) => Cell::Ms(ms),
    };
    let place = reach.and_then(|reach| Some((reach.place.clone()?, reach.rtt_ms())));
    Row { name: name.to_owned(), place, cells: regions.iter().map(cell).collect() }
}

fn farthest(rows: &[Row], region: usize) -> Option<f64> {
    let ways = rows.iter().filter_map(|row| match row.cells[region] {
        Cell::Ms(ms) => Some(Some(ms)),
        Cell::NoAnswer => Some(None),
        Cell::Unknown => None,
    });
    ways.reduce(|one, other| Some(one?.max(other?))).flatten()
}

/// Everybody and every region; nothing where nobody else is here.
pub(super) fn members_ui(ui: &mut Ui, state: &State, order: &[String]) {
    if state.peers.is_empty() {
        return;
    }
    widgets::section(ui, "Everybody and every region");
    let members = members(state, order);
    let scale = scale(members.rows.iter().flat_map(|row| &row.cells));
    grid_ui(ui, "members", &members.regions, |ui, grid| {
        for row in &members.rows {
            member_ui(ui, grid, row, &members.regions, scale);
        }
        farthest_ui(ui, grid, &members);
    });
    note(ui, "Round trips in ms, as each of you measures them. The frame is where a call runs. Relays are not told.");
}

/// The relays of the list that say how far they are from one another; nothing where none does.
pub(super) fn relays_ui(ui: &mut Ui, state: &State) {
    let distances = &state.manifest.distances;
    if distances.is_empty() {
        return;
    }
    widgets::section(ui, "Between the relays");
    let mut ids: Vec<&str> = Vec::new();
    for relay in &state.manifest.relays {
        if distances.iter().any(|way| way.from == relay.id || way.to == relay.id) {
            ids.push(&relay.id);
        }
    }
    let name = |id: &str| {
        let relay = state.manifest.relays.iter().find(|relay| relay.id == id);
        let shared = |region: &str| state.manifest.relays.iter().filter(|other| other.region == region).count() > 1;
        relay.filter(|relay| !shared(&relay.region)).map_or_else(|| id.to_owned(), |relay| relay.region.clone())
    };
    let names: Vec<String> = ids.iter().map(|id| name(id)).collect();
    let cell = |from: &str, to: &str| {
        let way = distances.iter().find(|way| way.from == from && way.to == to);
        way.map_or(Cell::Unknown, |way| Cell::Ms(way.rtt_ms))
    };
    let rows: Vec<Vec<Cell>> = ids.iter().map(|from| ids.iter().map(|to| cell(from, to)).collect()).collect();
    let scale = scale(rows.iter().flatten());
    grid_ui(ui, "relays", &names, |ui, grid| {
        for (name, cells) in names.iter().zip(&rows) {
            let (rect, response) = ui.allocate_exact_size(vec2(grid.width(), LOW), Sense::hover());
            let ink = theme::palette(ui.ctx()).text;
            write(ui, grid.name(rect), rect.center().y, Align2::LEFT_CENTER, name, Type::Body.font(), ink);
            for (n, cell) in cells.iter().enumerate().filter(|(n, _)| names[*n] != *name) {
                cell_ui(ui, grid.cell(rect, n), *cell, scale, false);
            }
            let said = names.iter().zip(cells).filter(|(to, _)| *to != name).map(|(to, cell)| said(to, *cell));
            let said = format!("From {name}: {}", said.collect::<Vec<_>>().join(", "));
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
        }
    });
    note(ui, "What sound takes over the relays' own network and back, as they measure it.");
}

/// Where columns stand.
#[derive(Debug, Clone, Copy)]
struct Grid {
    name: f32,
    cell: f32,
    columns: usize,
}

impl Grid {
    fn of(width: f32, columns: usize) -> Self {
        let name = (width * 0.3).clamp(*NAME.start(), *NAME.end());
        let cell = ((width - name) / columns.max(1) as f32).clamp(*CELL.start(), *CELL.end());
        Self { name, cell, columns }
    }

    fn width(&self) -> f32 {
        self.name + self.cell * self.columns as f32
    }

    fn name(&self, row: Rect) -> Rangef {
        Rangef::new(row.left(), row.left() + self.name - space::S)
    }

    fn cell(&self, row: Rect, n: usize) -> Rect {
        let left = row.left() + self.name + self.cell * n as f32;
        Rect::from_min_max(pos2(left, row.top()), pos2(left + self.cell, row.bottom())).shrink(1.5)
    }
}

/// The heads and the rows, scrolled from side to side where there are many regions.
fn grid_ui(ui: &mut Ui, id: &str, heads: &[String], rows: impl FnOnce(&mut Ui, &Grid)) {
    let grid = Grid::of(ui.available_width(), heads.len());
    ScrollArea::horizontal().id_salt(id).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let (_, rect) = ui.allocate_space(vec2(grid.width(), HEAD));
        let weak = theme::palette(ui.ctx()).weak;
        for (n, head) in heads.iter().enumerate() {
            let cell = grid.cell(rect, n);
            let font = FontId::new(11.0, eframe::egui::FontFamily::Proportional);
            write(ui, cell.x_range(), cell.center().y, Align2::CENTER_CENTER, head, font, weak);
        }
        rows(ui, &grid);
        ui.add_space(space::XS);
    });
}

fn member_ui(ui: &mut Ui, grid: &Grid, row: &Row, regions: &[String], scale: Scale) {
    let (rect, response) = ui.allocate_exact_size(vec2(grid.width(), ROW), Sense::hover());
    let colours = theme::palette(ui.ctx());
    let at = |part: f32| rect.top() + rect.height() * part;
    write(ui, grid.name(rect), at(0.3), Align2::LEFT_CENTER, &row.name, Type::Body.font(), colours.text);
    let place = match &row.place {
        Some((place, rtt_ms)) => {
            let by = words::transport_short(place.transport);
            format!("{} · {by} · {}", place.region, words::ms(*rtt_ms))
        }
        None => "has not said where".to_owned(),
    };
    write(ui, grid.name(rect), at(0.72), Align2::LEFT_CENTER, &place, Type::Small.font(), colours.weak);
    let mut spoken = Vec::new();
    for (n, (cell, region)) in row.cells.iter().zip(regions).enumerate() {
        let here = row.place.as_ref().is_some_and(|(place, _)| place.region == *region);
        cell_ui(ui, grid.cell(rect, n), *cell, scale, here);
        spoken.push(said(region, *cell));
    }
    let on = match &row.place {
        Some((place, rtt_ms)) => {
            format!("on {} by {}, {}", place.relay, words::transport(place.transport), words::ms(*rtt_ms))
        }
        None => "has not said where".to_owned(),
    };
    let spoken = format!("{}: {on}; {}", row.name, spoken.join(", "));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &spoken));
    response.on_hover_text(spoken);
}

/// The last row: how good each region would be for all of them; the best has a mark.
fn farthest_ui(ui: &mut Ui, grid: &Grid, members: &Members) {
    let (rect, response) = ui.allocate_exact_size(vec2(grid.width(), LOW), Sense::hover());
    let colours = theme::palette(ui.ctx());
    ui.painter().hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, colours.line));
    write(ui, grid.name(rect), rect.center().y, Align2::LEFT_CENTER, "Farthest", Type::Strong.font(), colours.text);
    let known = || members.farthest.iter().enumerate().filter_map(|(n, ms)| Some((n, (*ms)?)));
    let best = known().min_by(|one, other| one.1.total_cmp(&other.1)).map(|(n, _)| n);
    for (n, ms) in members.farthest.iter().enumerate() {
        let cell = grid.cell(rect, n);
        let text = ms.map_or_else(|| words::NOTHING.to_owned(), |ms| format!("{ms:.0}"));
        let text = if best == Some(n) { format!("{} {text}", icons::CHECK) } else { text };
        let (font, ink) = match best == Some(n) {
            true => (Type::StrongFigures.font(), colours.good),
            false => (Type::Figures.font(), colours.weak),
        };
        write(ui, cell.x_range(), cell.center().y, Align2::CENTER_CENTER, &text, font, ink);
    }
    let said = match best.and_then(|n| Some((&members.regions[n], members.farthest[n]?))) {
        Some((region, ms)) => format!("{region} is the best for all who said: {ms:.0} ms to the one who is farthest"),
        None => "No region answers everybody".to_owned(),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &said));
    response.on_hover_text(said);
}

/// A figure on its ground; a frame where the call runs.
fn cell_ui(ui: &Ui, rect: Rect, cell: Cell, scale: Scale, here: bool) {
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::S);
    let (text, fill, ink) = match cell {
        Cell::Unknown => (words::NOTHING.to_owned(), Color32::TRANSPARENT, colours.weak),
        Cell::NoAnswer => (icons::CROSS.to_owned(), colours.raised, colours.down),
        Cell::Ms(ms) => {
            let share = scale.share(ms) * STRONGEST;
            (format!("{ms:.0}"), theme::mix(colours.raised, colours.fair, share), colours.text)
        }
    };
    ui.painter().rect_filled(rect, corner, fill);
    if here {
        ui.painter().rect_stroke(rect, corner, Stroke::new(2.0, colours.in_use), StrokeKind::Inside);
    }
    let font = if here { Type::StrongFigures.font() } else { Type::Figures.font() };
    write(ui, rect.x_range(), rect.center().y, Align2::CENTER_CENTER, &text, font, ink);
}

fn said(region: &str, cell: Cell) -> String {
    match cell {
        Cell::Unknown => format!("{region} not known"),
        Cell::NoAnswer => format!("{region} no answer"),
        Cell::Ms(ms) => format!("{region} {}", words::ms(Some(ms))),
    }
}

fn scale<'a>(cells: impl Iterator<Item = &'a Cell>) -> Scale {
    let ms = cells.filter_map(|cell| match cell {
        Cell::Ms(ms) => words::known(Some(*ms)),
        Cell::Unknown | Cell::NoAnswer => None,
    });
    Scale::to(ms.fold(100.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures;
    use crate::ui::model::Model;

    fn of(model: &Model) -> Members {
        members(model.call.as_deref().unwrap(), &[])
    }

    #[test]
    fn everybody_has_a_row_and_a_region_is_as_good_as_for_the_one_who_is_farthest() {
        let members = of(&fixtures::call(3));
        let names: Vec<&str> = members.rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["You", "Ben Okafor", "Chloé Martin", "Dmitri"]);
        assert_eq!(members.regions, ["singapore", "tokyo", "frankfurt", "us-east", "us-west", "sao-paulo"]);
        let (ben, dmitri) = (&members.rows[1], &members.rows[3]);
        assert_eq!(ben.place.as_ref().unwrap().0.region, "tokyo");
        assert_eq!(members.rows[0].cells[5], Cell::NoAnswer);
        // Dmitri's program is an old one: it does not say.
        assert!(dmitri.place.is_none() && dmitri.cells.iter().all(|cell| *cell == Cell::Unknown));
        assert_eq!(members.farthest[0], Some(166.0), "of those who said");
        let members = of(&fixtures::call(2));
        assert_eq!(members.farthest[0], Some(166.0), "Chloé's");
        assert_eq!(members.farthest[5], None, "nobody answers there");
    }

    #[test]
    fn the_columns_stand_as_the_rows_above_do() {
        let order = ["tokyo-1", "us-west-1"].map(str::to_owned);
        let model = fixtures::call(1);
        let members = members(model.call.as_deref().unwrap(), &order);
        assert_eq!(members.regions[..3], ["tokyo", "us-west", "singapore"]);
    }
}
