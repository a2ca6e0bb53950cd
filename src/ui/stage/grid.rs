//! Where tiles lie: as large as they can be, 16 to 9, and oneself where nobody is covered. Pure.

use eframe::egui::{Rect, Vec2, pos2, vec2};

/// Width to height of a tile.
const SHAPE: f32 = 16.0 / 9.0;
/// Between tiles, points.
const GAP: f32 = 8.0;
/// Between oneself and the corner, points.
const INSET: f32 = 12.0;
/// Tiles on a page at most.
pub(super) const PAGE: usize = 16;
/// A face is told from others on a tile as wide as this, points: more of them go to the next page.
const LEAST: f32 = 108.0;

/// A tile of a strip may be so much lower than its shape.
const LOWEST: f32 = 0.8;

/// How many tiles `area` has room for, 1 to [`PAGE`].
pub(super) fn capacity(area: Rect) -> usize {
    let wide = |count: &usize| tiles(area, *count).first().is_some_and(|tile| tile.width() >= LEAST);
    (1..=PAGE).rev().find(wide).unwrap_or(1)
}

/// How many tiles a strip has room for beside oneself, 1 to [`PAGE`].
pub(super) fn strip_capacity(area: Rect, own: bool) -> usize {
    strip_rows(area, own).saturating_sub(usize::from(own)).clamp(1, PAGE)
}

/// The places of `count` tiles in a strip, one below the other from the top, and of oneself at its foot.
pub(super) fn strip(area: Rect, count: usize, own: bool) -> (Vec<Rect>, Option<Rect>) {
    let size = strip_tile(area, own);
    let tile = |index: usize| {
        Rect::from_min_size(pos2(area.left(), (area.top() + index as f32 * (size.y + GAP)).round()), size)
    };
    let foot = Rect::from_min_size(pos2(area.left(), (area.bottom() - size.y).round()), size);
    ((0..count).map(tile).collect(), own.then_some(foot))
}

/// Rows of a strip: one more finds room where a little is cut off each tile. One tile and oneself always do.
fn strip_rows(area: Rect, own: bool) -> usize {
    let lowest = area.width() / SHAPE * LOWEST;
    let rows = ((area.height() + GAP) / (lowest + GAP)).max(0.0) as usize;
    rows.max(if own { 2 } else { 1 })
}

/// As wide as the strip, and as high as its rows leave it.
fn strip_tile(area: Rect, own: bool) -> Vec2 {
    let rows = strip_rows(area, own) as f32;
    let most = (area.height() - GAP * (rows - 1.0)) / rows;
    vec2(area.width(), (area.width() / SHAPE).min(most).max(0.0)).floor()
}

/// The places of `count` tiles in `area`, row by row, and of oneself where `own` says how large.
pub(super) fn layout(area: Rect, count: usize, own: Option<Vec2>) -> (Vec<Rect>, Option<Rect>) {
    let Some(size) = own else {
        return (tiles(area, count), None);
    };
    let corner = Rect::from_min_size(area.max - size, size);
    let whole = tiles(area, count);
    if whole.iter().all(|tile| !tile.expand(GAP - 1.0).intersects(corner)) {
        return (whole, Some(corner));
    }
    if let [only] = whole[..] {
        // A single face is in the middle: the corner of its picture is free.
        return (whole, Some(Rect::from_min_size(only.max - size - Vec2::splat(INSET), size)));
    }
    let beside = tiles(area.with_max_x(area.right() - size.x - GAP), count);
    let below = tiles(area.with_max_y(area.bottom() - size.y - GAP), count);
    let width = |tiles: &[Rect]| tiles.first().map_or(0.0, Rect::width);
    let best = if width(&beside) >= width(&below) { beside } else { below };
    (best, Some(corner))
}

/// Equal tiles in as many columns as makes them largest; rows are centred, the last one too.
fn tiles(area: Rect, count: usize) -> Vec<Rect> {
    let across = |columns: usize| {
        let rows = count.div_ceil(columns);
        let wide = (area.width() - GAP * (columns - 1) as f32) / columns as f32;
        let high = (area.height() - GAP * (rows - 1) as f32) / rows as f32;
        wide.min(high * SHAPE).max(0.0)
    };
    let best = (1..=count).map(|columns| (columns, across(columns))).reduce(|a, b| if b.1 > a.1 { b } else { a });
    let Some((columns, width)) = best else {
        return Vec::new();
    };
    let size = vec2(width, width / SHAPE).floor();
    let rows = count.div_ceil(columns);
    let height = rows as f32 * (size.y + GAP) - GAP;
    let top = area.center().y - height / 2.0;
    (0..count)
        .map(|index| {
            let (row, column) = (index / columns, index % columns);
            let in_row = columns.min(count - row * columns);
            let row_width = in_row as f32 * (size.x + GAP) - GAP;
            let left = area.center().x - row_width / 2.0 + column as f32 * (size.x + GAP);
            Rect::from_min_size(pos2(left.round(), (top + row as f32 * (size.y + GAP)).round()), size)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREAS: [Vec2; 4] = [vec2(1264.0, 680.0), vec2(884.0, 480.0), vec2(480.0, 480.0), vec2(200.0, 700.0)];

    #[test]
    fn tiles_stay_in_their_area_and_apart_and_are_equal() {
        for size in AREAS {
            let area = Rect::from_min_size(pos2(10.0, 50.0), size);
            for count in 1..=PAGE {
                let (tiles, _) = layout(area, count, None);
                assert_eq!(tiles.len(), count);
                for (index, tile) in tiles.iter().enumerate() {
                    assert!(area.expand(1.0).contains_rect(*tile), "{count} in {size}: {tile}");
                    assert!(tile.width() > 30.0 && tile.size() == tiles[0].size());
                    assert!((tile.width() / tile.height() - SHAPE).abs() < 0.05);
                    assert!(tiles[..index].iter().all(|other| !other.intersects(*tile)));
                }
            }
        }
    }

    #[test]
    fn oneself_covers_nobody_among_several() {
        let own = vec2(200.0, 112.0);
        for size in &AREAS[..2] {
            let area = Rect::from_min_size(pos2(0.0, 0.0), *size);
            for count in 2..=PAGE {
                let (tiles, own) = layout(area, count, Some(own));
                let own = own.unwrap();
                assert!(area.contains_rect(own));
                assert!(tiles.iter().all(|tile| !tile.intersects(own)), "{count} in {size}");
            }
        }
    }

    #[test]
    fn a_page_has_no_more_tiles_than_can_be_told_apart() {
        let of = |size: Vec2| capacity(Rect::from_min_size(pos2(0.0, 0.0), size));
        assert_eq!([of(AREAS[0]), of(AREAS[1])], [PAGE, PAGE]);
        assert_eq!(
            [of(vec2(480.0, 280.0)), of(vec2(330.0, 300.0)), of(vec2(200.0, 100.0)), of(vec2(-5.0, 9.0))],
            [16, 8, 1, 1]
        );
    }

    #[test]
    fn a_strip_holds_whole_tiles_and_oneself_at_its_foot() {
        for size in [vec2(240.0, 620.0), vec2(150.0, 420.0), vec2(150.0, 60.0), vec2(200.0, 170.0)] {
            let area = Rect::from_min_size(pos2(900.0, 52.0), size);
            for with_own in [false, true] {
                let count = strip_capacity(area, with_own);
                let (tiles, own) = strip(area, count, with_own);
                assert_eq!((tiles.len(), own.is_some()), (count, with_own));
                let all: Vec<Rect> = tiles.into_iter().chain(own).collect();
                for (index, tile) in all.iter().enumerate() {
                    assert!(area.expand(1.0).contains_rect(*tile), "{tile} in {area}");
                    assert!(all[..index].iter().all(|other| !other.shrink(0.5).intersects(*tile)));
                }
            }
        }
    }

    #[test]
    fn one_tile_fills_the_area_and_two_stand_side_by_side_in_a_wide_one() {
        let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(1600.0, 700.0));
        assert_eq!(layout(area, 1, None).0[0].height(), 700.0);
        let (two, _) = layout(area, 2, None);
        assert_eq!(two[0].top(), two[1].top());
        assert!(layout(area, 0, None).0.is_empty());
        assert!(
            layout(Rect::from_min_size(area.max, vec2(-9.0, -9.0)), 3, None).0.iter().all(|tile| tile.width() >= 0.0)
        );
    }
}
