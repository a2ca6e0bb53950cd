//! Painting: the bar of a mean with its whisker, the sparkline of the last answers, the axis above them.

use eframe::egui::{Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rangef, Rect, Shape, Stroke, Ui, pos2, vec2};

use crate::election::Standing;
use crate::ui::theme::{self, Palette, Type};

use super::scale::Scale;
use super::words::known;

/// Half the width of the cross of a lost probe, points.
const CROSS: f32 = 2.25;
/// Crosses closer than this are drawn as one, points.
const CROSS_STEP: f32 = 6.0;

/// How a bar is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    pub colour: Color32,
    /// Height, points.
    pub height: f32,
    /// The other way to a relay: paler.
    pub second: bool,
}

/// A bar from 0 to the mean, a whisker from the minimum to the 95th percentile, and a dot at the mean.
pub fn bar(ui: &Ui, cell: Rect, standing: &Standing, scale: Scale, look: Bar) {
    let colours = theme::palette(ui.ctx());
    let painter = ui.painter();
    let middle = cell.center().y;
    let x = |ms: f64| cell.left() + cell.width() * scale.share(ms);
    let Some(mean_ms) = known(standing.mean_ms) else { return };
    let fill = theme::mix(colours.panel, look.colour, if look.second { 0.38 } else { 0.62 });
    let body = Rect::from_min_max(
        pos2(cell.left(), middle - look.height / 2.0),
        pos2(x(mean_ms).max(cell.left() + 2.0), middle + look.height / 2.0),
    );
    painter.rect_filled(body, CornerRadius::same((look.height / 2.0).min(3.0) as u8), fill);
    if let (Some(min_ms), Some(p95_ms)) = (known(standing.min_ms), known(standing.p95_ms)) {
        let ink = Stroke::new(if look.second { 1.0 } else { 1.5 }, colours.text.gamma_multiply(0.75));
        let cap = look.height * 0.36;
        painter.hline(x(min_ms)..=x(p95_ms), middle, ink);
        for end in [x(min_ms), x(p95_ms)] {
            painter.vline(end, middle - cap..=middle + cap, ink);
        }
    }
    let radius = if look.second { 2.0 } else { 3.5 };
    painter.circle(pos2(x(mean_ms), middle), radius, colours.text, Stroke::new(1.0, colours.panel));
    if scale.overflows(mean_ms.max(known(standing.p95_ms).unwrap_or(mean_ms))) {
        let mark = Type::StrongFigures.font();
        painter.text(pos2(cell.right() - 1.0, middle), Align2::RIGHT_CENTER, "›", mark, colours.text);
    }
}

/// The last answers in order, on `scale`; a lost probe is a cross on the base line. `slots`: how many answers the width
/// holds; fewer leave room at the right.
pub fn sparkline(ui: &Ui, cell: Rect, recent_ms: &[Option<f64>], slots: usize, scale: Scale, colour: Color32) {
    let colours = theme::palette(ui.ctx());
    let painter = ui.painter();
    let slots = slots.max(2);
    let shown = &recent_ms[recent_ms.len().saturating_sub(slots)..];
    let step = cell.width() / (slots - 1) as f32;
    let base = cell.bottom();
    painter.hline(cell.x_range(), base, Stroke::new(1.0, colours.line));
    let mut run: Vec<Pos2> = Vec::with_capacity(shown.len());
    let mut last_cross = f32::NEG_INFINITY;
    for (n, sample) in shown.iter().enumerate() {
        let x = cell.left() + step * n as f32;
        match known(*sample) {
            Some(ms) => run.push(pos2(x, base - cell.height() * scale.share(ms))),
            None => {
                stroke_run(painter, &mut run, colour);
                if x - last_cross >= CROSS_STEP {
                    cross(painter, pos2(x.clamp(cell.left() + CROSS, cell.right() - CROSS), base), colours);
                    last_cross = x;
                }
            }
        }
    }
    stroke_run(painter, &mut run, colour);
}

/// Answers without a loss between them: one line. A single one is a dot.
fn stroke_run(painter: &Painter, run: &mut Vec<Pos2>, colour: Color32) {
    match run.len() {
        0 => {}
        1 => drop(painter.circle_filled(run[0], 1.5, colour)),
        _ => drop(painter.add(Shape::line(run.clone(), Stroke::new(1.5, colour)))),
    }
    run.clear();
}

fn cross(painter: &Painter, at: Pos2, colours: &Palette) {
    let ink = Stroke::new(1.5, colours.poor);
    for arm in [vec2(CROSS, CROSS), vec2(CROSS, -CROSS)] {
        painter.line_segment([at - arm, at + arm], ink);
    }
}

/// Hair lines of the scale through a row.
pub fn grid(ui: &Ui, bar: Rangef, rows: Rangef, scale: Scale) {
    let colours = theme::palette(ui.ctx());
    for ms in scale.ticks() {
        let shade = if ms == 0.0 { colours.edge.gamma_multiply(0.6) } else { colours.line };
        ui.painter().vline(bar.min + bar.span() * scale.share(ms), rows, Stroke::new(1.0, shade));
    }
}

/// The figures of the scale, standing on `foot`, as many as there is room for.
pub fn axis(ui: &Ui, bar: Rangef, foot: f32, scale: Scale) {
    let colours = theme::palette(ui.ctx());
    let font = FontId::new(11.0, theme::figures());
    let mut taken = f32::NEG_INFINITY;
    for ms in scale.ticks() {
        let align = if ms == 0.0 { Align2::LEFT_BOTTOM } else { Align2::CENTER_BOTTOM };
        let at = pos2(bar.min + bar.span() * scale.share(ms), foot);
        let galley = ui.painter().layout_no_wrap(format!("{ms:.0}"), font.clone(), colours.weak);
        let place = align.anchor_size(at, galley.size());
        if place.left() < taken + 8.0 || place.right() > bar.max + 12.0 {
            continue;
        }
        taken = place.right();
        ui.painter().galley(place.min, galley, colours.weak);
    }
}
