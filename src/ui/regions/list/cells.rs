//! What stands in a row: the name, and for each way its figures, its bar and its sparkline.

use super::*;
use crate::election::rules;

/// Paints the cells of a row that lies in `rect`.
pub(super) fn paint(ui: &Ui, table: &Table<'_>, group: &Group<'_>, rect: Rect, open: bool) {
    let inner = rect.shrink2(vec2(PADDING, MARGIN));
    let columns = Columns::of(inner);
    let mut top = inner.top();
    if columns.stacked {
        let y = top + FIRST / 2.0 - 1.0;
        let used = name(ui, table, group, columns.name, y);
        let rest = eframe::egui::Rangef::new(used + theme::space::S, columns.name.max);
        write(
            ui,
            rest,
            y + 0.5,
            Align2::LEFT_CENTER,
            &origin(group),
            Type::Small.font(),
            theme::palette(ui.ctx()).weak,
        );
        state(ui, table.condition(group.best()), columns.state, y, true, true);
        top += FIRST;
    } else {
        name(ui, table, group, columns.name, top + FIRST / 2.0);
        let y = top + FIRST + SECOND / 2.0;
        write(
            ui,
            columns.name,
            y,
            Align2::LEFT_CENTER,
            &origin(group),
            Type::Small.font(),
            theme::palette(ui.ctx()).weak,
        );
    }
    let chevron = if open { icons::CHEVRON_UP } else { icons::CHEVRON_DOWN };
    let y = inner.top() + FIRST / 2.0;
    let edge = theme::palette(ui.ctx()).edge;
    write(ui, columns.chevron.expand(3.0), y, Align2::RIGHT_CENTER, chevron, icons::font(12.0), edge);
    for (n, standing) in group.ways.iter().enumerate() {
        let height = if n == 0 { FIRST } else { SECOND };
        let line = Rect::from_min_size(pos2(inner.left(), top), vec2(inner.width(), height));
        let told = n > 0 && standing.error == group.best().error;
        way(ui, table, standing, line, &columns, (n > 0).then_some(told));
        top += height;
    }
}

/// The provider, and the relay where the region does not tell it.
fn origin(group: &Group<'_>) -> String {
    let provider = &group.best().candidate.provider;
    if group.shared { format!("{provider} · {}", group.relay) } else { provider.clone() }
}

/// The region and its marks; returns where they end.
fn name(ui: &Ui, table: &Table<'_>, group: &Group<'_>, cell: eframe::egui::Rangef, y: f32) -> f32 {
    let colours = theme::palette(ui.ctx());
    let leads = table.leader == Some(group.relay);
    let out = table.condition(group.best()).is_out();
    let pinned = group.wish(&table.state.wishes, Wished::Pin).is_some();
    let fastest = table.fastest == Some(group.relay);
    let marks = [
        (pinned, icons::PIN_FILL, colours.accent_text),
        (leads && !table.in_call, icons::TROPHY_FILL, colours.fair),
        (fastest && !leads, icons::FASTEST, colours.fastest),
    ];
    let count = marks.iter().filter(|mark| mark.0).count() as f32;
    let room = eframe::egui::Rangef::new(cell.min, cell.max - 18.0 * count);
    let colour = if out { colours.weak } else { colours.text };
    let mut right = write(ui, room, y, Align2::LEFT_CENTER, group.region(), Type::Strong.font(), colour).right();
    for (_, icon, colour) in marks.into_iter().filter(|mark| mark.0) {
        let place = eframe::egui::Rangef::new(right + 4.0, right + 20.0);
        right = write(ui, place, y, Align2::LEFT_CENTER, icon, icons::font(14.0), colour).right();
    }
    right
}

/// One way: its line of figures, or why there are none. `second` for the other way: whether the line above told its error.
fn way(ui: &Ui, table: &Table<'_>, standing: &Standing, line: Rect, columns: &Columns, second: Option<bool>) {
    let (told, second) = (second == Some(true), second.is_some());
    let colours = theme::palette(ui.ctx());
    let y = line.center().y;
    let condition = table.condition(standing);
    let small = Type::Small.font();
    let transport = standing.candidate.transport;
    let text = if columns.stacked { words::transport_short(transport) } else { words::transport(transport) };
    let ink = if second || condition.is_out() { colours.weak } else { colours.text };
    write(ui, columns.transport, y, Align2::LEFT_CENTER, text, small.clone(), ink);
    if !columns.stacked {
        state(ui, condition, columns.state, y, !second, false);
    }
    if words::known(standing.mean_ms).is_none() {
        let stale = super::opened::age(table.model.now, standing);
        let stale = stale.map(|age| format!("{}, last answer {} ago", condition.word(), words::span(age)));
        let why = standing.error.as_deref().filter(|_| condition.is_out() && !told).or(stale.as_deref());
        let why = why.unwrap_or(condition.word());
        let end = if columns.stacked { line.right() } else { columns.spark.min - theme::space::S };
        let room = eframe::egui::Rangef::new(columns.bar.min, end);
        write(ui, room, y, Align2::LEFT_CENTER, why, small, colours.weak);
        return;
    }
    chart::grid(ui, columns.bar, eframe::egui::Rangef::new(line.top(), line.bottom()), table.scale);
    let cell = Rect::from_x_y_ranges(columns.bar, line.y_range());
    let good = quality(standing.mean_ms, standing.jitter_ms, standing.loss).colour(colours);
    let colour = if condition.is_out() { colours.down } else { good };
    chart::bar(ui, cell, standing, table.scale, Bar { colour, height: if second { 4.0 } else { 11.0 }, second });
    figures(ui, table, standing, columns, y, second);
    let spark = Rect::from_x_y_ranges(columns.spark, line.y_range()).shrink2(vec2(0.0, if second { 2.5 } else { 3.0 }));
    let trace = match standing.state {
        LinkState::Active => colours.in_use,
        _ if second => colours.edge,
        _ => colours.weak,
    };
    chart::sparkline(ui, spark, &standing.recent_ms, table.slots, table.scale, trace);
}

fn figures(ui: &Ui, table: &Table<'_>, standing: &Standing, columns: &Columns, y: f32, second: bool) {
    let colours = theme::palette(ui.ctx());
    let plain = if second { colours.weak } else { colours.text };
    let size = if second { 12.0 } else { 13.0 };
    let font = || FontId::new(size, theme::figures());
    let mean = if second { font() } else { Type::StrongFigures.font() };
    let right = Align2::RIGHT_CENTER;
    write(ui, columns.mean, y, right, &words::figure(standing.mean_ms), mean, plain);
    let graded = |jitter_ms, loss| match quality(Some(0.0), jitter_ms, loss) {
        crate::ui::widgets::Quality::Good => colours.weak,
        worse => worse.colour(colours),
    };
    let jitter = graded(standing.jitter_ms, None);
    write(ui, columns.jitter, y, right, &words::figure(standing.jitter_ms), font(), jitter);
    write(ui, columns.loss, y, right, &words::loss(standing.loss), font(), graded(None, standing.loss));
    if let Some(cell) = columns.samples {
        write(ui, cell, y, right, &samples(table, standing), font(), colours.weak);
    }
}

/// `6/15` in the race: how many of those that its window has room for. Afterwards the answers alone.
pub(super) fn samples(table: &Table<'_>, standing: &Standing) -> String {
    if !table.racing {
        return standing.received.to_string();
    }
    let window = table.state.race.ends.saturating_duration_since(table.state.race.started);
    let planned = u32::try_from(window.as_millis() / rules::PROBE_INTERVAL.as_millis()).unwrap_or(u32::MAX);
    format!("{}/{}", standing.received, planned.max(standing.sent))
}

/// The shape and the word of a state; at the right edge of its cell if `right`.
fn state(ui: &Ui, condition: Condition, cell: eframe::egui::Rangef, y: f32, first: bool, right: bool) {
    let colours = theme::palette(ui.ctx());
    let colour: Color32 = condition.colour(colours);
    let font = FontId::new(12.0, if first { theme::medium() } else { eframe::egui::FontFamily::Proportional });
    let width = super::super::controls::fitted(ui, condition.word(), font.clone(), cell.span() - 18.0).size().x + 18.0;
    let left = if right { cell.max - width } else { cell.min };
    let icon = eframe::egui::Rangef::new(left, left + 16.0);
    write(ui, icon, y, Align2::LEFT_CENTER, condition.icon(), icons::font(14.0), colour);
    let word = eframe::egui::Rangef::new(left + 18.0, left + width + 1.0);
    write(ui, word, y, Align2::LEFT_CENTER, condition.word(), font, colour);
}
