//! Where what is large lies, and the rest beside it; or everybody in tiles of one size.

use eframe::egui::{Rect, Ui, pos2};

use super::view::{Large, Who};
use super::{Memory, Show, grid, own, screens, tile, tiles};
use crate::call::views::View;
use crate::proto::ParticipantId;
use crate::ui::model::Action;

/// Of the strip beside the large one, points.
const STRIP: std::ops::RangeInclusive<f32> = 150.0..=240.0;
/// The part of the area that it takes.
const SHARE: f32 = 0.2;
/// Between tiles, points.
const GAP: f32 = 8.0;

/// Where the large one, the other screens and the people lie. Pure.
#[derive(Debug, PartialEq)]
struct Places {
    large: Rect,
    screens: Vec<Rect>,
    people: Rect,
}

fn places(area: Rect, screens: usize) -> Places {
    let wide = (area.width() * SHARE).clamp(*STRIP.start(), *STRIP.end());
    let (large, strip) = area.split_left_right_at_x((area.right() - wide).max(area.left()));
    let large = large.with_max_x((large.right() - GAP).max(large.left()));
    // People keep at least half of the strip.
    let room = strip.height() / 2.0 / screens.max(1) as f32;
    let height = (wide * 9.0 / 16.0).min(room - GAP).max(0.0);
    let tile = |index: usize| {
        let top = strip.top() + index as f32 * (height + GAP);
        Rect::from_min_max(pos2(strip.left(), top), pos2(strip.right(), top + height))
    };
    let screens: Vec<Rect> = (0..screens).map(tile).collect();
    let top = screens.last().map_or(strip.top(), |last| last.bottom() + GAP);
    Places { large, screens, people: strip.with_min_y(top) }
}

/// Draws everybody and everything that is shared, and notes how large.
pub(super) fn scene_ui(ui: &mut Ui, show: Show, memory: &mut Memory, actions: &mut Vec<Action>) {
    let area = ui.available_rect_before_wrap();
    let state = show.state;
    memory.shown = state.peers.iter().map(|peer| (peer.id, View::Hidden)).collect();
    let large = memory.view.large(state, show.model.now);
    if let Some(due) = memory.view.due() {
        ui.ctx().request_repaint_after(due.saturating_duration_since(show.model.now));
    }
    let Some(large) = large else {
        return tiles::gallery_ui(ui, show, area, memory, actions);
    };
    let who = match large {
        Large::Person(who) => Some(who),
        Large::Screen(_) => None,
    };
    let others: Vec<ParticipantId> =
        state.screens.iter().copied().filter(|screen| large != Large::Screen(*screen)).collect();
    let peers = state.peers.iter().filter(|peer| who != Some(Who::Peer(peer.id))).count();
    if others.is_empty() && peers == 0 {
        return alone_ui(ui, show, area, large, memory, actions);
    }
    let places = places(area, others.len());
    large_ui(ui, show, large, places.large, memory, actions);
    for (screen, place) in others.into_iter().zip(places.screens) {
        if screens::screen_ui(ui, show, screen, place, false, memory) {
            memory.view.pin(Large::Screen(screen));
        }
    }
    tiles::strip_ui(ui, show, places.people, who, memory, actions);
    // Who is large next comes with a picture, and not with initials.
    if let (Large::Person(Who::Peer(now)), Some(next)) = (large, memory.view.coming())
        && !memory.view.is_pinned(large)
        && let Some(full) = memory.shown.get(&now).copied()
    {
        memory.shown.insert(next, full);
    }
}

fn large_ui(ui: &mut Ui, show: Show, large: Large, place: Rect, memory: &mut Memory, actions: &mut Vec<Action>) {
    match large {
        Large::Screen(screen) => drop(screens::screen_ui(ui, show, screen, place, true, memory)),
        Large::Person(Who::Own) => own::own_ui(ui, show, place, memory, actions),
        Large::Person(Who::Peer(id)) => {
            if let Some(peer) = show.state.peers.iter().find(|peer| peer.id == id) {
                tile::peer_ui(ui, show, peer, place, memory, actions);
            }
        }
    }
}

/// The large one and oneself: no strip for that.
fn alone_ui(ui: &mut Ui, show: Show, area: Rect, large: Large, memory: &mut Memory, actions: &mut Vec<Action>) {
    let is_own = large == Large::Person(Who::Own);
    let own_size = tiles::own_size(show.model, area).filter(|_| !is_own);
    let (places, own) = grid::layout(area, 1, own_size);
    large_ui(ui, show, large, places.first().copied().unwrap_or(area), memory, actions);
    match own {
        Some(place) => own::own_ui(ui, show, place, memory, actions),
        None if !is_own => own::come_back_ui(ui, show.model, area, actions),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::vec2;

    use super::*;

    #[test]
    fn the_large_one_the_screens_and_the_people_keep_apart() {
        for size in [vec2(1264.0, 680.0), vec2(700.0, 400.0), vec2(320.0, 700.0)] {
            let area = Rect::from_min_size(pos2(8.0, 52.0), size);
            for count in 0..6 {
                let Places { large, screens, people } = places(area, count);
                assert_eq!(screens.len(), count);
                let all: Vec<Rect> = [large, people].into_iter().chain(screens).collect();
                for (index, one) in all.iter().enumerate() {
                    assert!(area.expand(0.5).contains_rect(*one), "{one} in {area}");
                    assert!(all[..index].iter().all(|other| !other.shrink(0.5).intersects(*one)));
                }
                assert!(people.height() >= area.height() * 0.45, "{people}");
                assert!(large.width() >= area.width() * 0.45);
            }
        }
    }
}
