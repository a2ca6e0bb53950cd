//! Where the cells of a row stand in a given width. Pure.
//!
//! With room, the name stands left of the figures; without, on a line of its own above them. The bar takes what is left.

use eframe::egui::{Rangef, Rect};

/// From this width on the name stands beside the figures, points.
const WIDE: f32 = 720.0;
/// From this width on there is a column for samples in the narrow form, points.
const ROOMY: f32 = 400.0;
/// Between two cells, points.
const GAP: f32 = 8.0;
/// At the end of a row, for the mark that says whether it is open, points.
const CHEVRON: f32 = 18.0;

/// Horizontal extents of the cells, points. `None`: the cell is left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Columns {
    /// The name stands on a line of its own.
    pub stacked: bool,
    pub name: Rangef,
    pub transport: Rangef,
    pub bar: Rangef,
    pub mean: Rangef,
    pub jitter: Rangef,
    pub loss: Rangef,
    pub samples: Option<Rangef>,
    pub spark: Rangef,
    pub state: Rangef,
    /// Whether the row is open.
    pub chevron: Rangef,
}

impl Columns {
    /// The cells of a row that lies in `row`.
    pub fn of(row: Rect) -> Self {
        if row.width() >= WIDE { Self::wide(row) } else { Self::stacked(row) }
    }

    fn wide(row: Rect) -> Self {
        let roomy = row.width() >= 820.0;
        let mut left = Taker { from: row.left(), to: row.right() };
        let chevron = left.end(CHEVRON - GAP);
        let name = left.start(if roomy { 136.0 } else { 108.0 });
        let transport = left.start(86.0);
        let state = left.end(if roomy { 116.0 } else { 92.0 });
        let spark = left.end(if roomy { 92.0 } else { 64.0 });
        let samples = Some(left.end(44.0));
        let loss = left.end(46.0);
        let jitter = left.end(36.0);
        let mean = left.end(44.0);
        Self { stacked: false, name, transport, bar: left.rest(), mean, jitter, loss, samples, spark, state, chevron }
    }

    fn stacked(row: Rect) -> Self {
        let mut left = Taker { from: row.left(), to: row.right() };
        let transport = left.start(34.0);
        let spark = left.end(if row.width() >= ROOMY { 64.0 } else { 52.0 });
        let samples = (row.width() >= ROOMY).then(|| left.end(42.0));
        let loss = left.end(40.0);
        let jitter = left.end(32.0);
        let mean = left.end(42.0);
        let half = row.left() + row.width() * 0.62;
        Self {
            stacked: true,
            name: Rangef::new(row.left(), half - GAP),
            transport,
            bar: left.rest(),
            mean,
            jitter,
            loss,
            samples,
            spark,
            state: Rangef::new(half, row.right() - CHEVRON),
            chevron: Rangef::new(row.right() - CHEVRON + GAP, row.right()),
        }
    }
}

/// Hands out cells from both ends.
struct Taker {
    from: f32,
    to: f32,
}

impl Taker {
    fn start(&mut self, width: f32) -> Rangef {
        let cell = Rangef::new(self.from, self.from + width);
        self.from = cell.max + GAP;
        cell
    }

    fn end(&mut self, width: f32) -> Rangef {
        let cell = Rangef::new(self.to - width, self.to);
        self.to = cell.min - GAP;
        cell
    }

    fn rest(&self) -> Rangef {
        Rangef::new(self.from, self.to.max(self.from + 8.0))
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{pos2, vec2};

    use super::*;

    #[test]
    fn no_cell_overlaps_another_in_any_width_that_a_window_gives() {
        for width in [310.0, 340.0, 399.0, 400.0, 520.0, 599.0, 600.0, 700.0, 868.0, 1200.0] {
            let row = Rect::from_min_size(pos2(20.0, 0.0), vec2(width, 50.0));
            let columns = Columns::of(row);
            let mut cells = vec![columns.transport, columns.bar, columns.mean, columns.jitter, columns.loss];
            cells.extend(columns.samples);
            cells.push(columns.spark);
            if columns.stacked {
                assert!(columns.name.max < columns.state.min);
            } else {
                cells.insert(0, columns.name);
                cells.push(columns.state);
            }
            for pair in cells.windows(2) {
                assert!(pair[0].max < pair[1].min, "{width}: {pair:?}");
            }
            assert!(columns.bar.span() >= 40.0, "{width}: the bar has {} points", columns.bar.span());
            let last = if columns.stacked { columns.spark } else { columns.chevron };
            assert!((last.max - row.right()).abs() < 0.1);
            assert!(columns.state.max < columns.chevron.min && columns.chevron.max <= row.right() + 0.1);
        }
    }
}
