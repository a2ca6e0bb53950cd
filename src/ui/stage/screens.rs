//! Screens that others share: one large, the newest unless another one is pressed; the rest as tiles beside it, people below them.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo, pos2};

use super::{Memory, face};
use crate::call::state::{Sharing, State};
use crate::media::video::Of;
use crate::proto::{ParticipantId, Track};
use crate::ui::model::{Action, Model};
use crate::ui::picture::{Fit, Painter, Placement};
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};

/// Of the strip beside the large one, points.
const STRIP: std::ops::RangeInclusive<f32> = 150.0..=240.0;
/// The part of the area that it takes.
const SHARE: f32 = 0.2;
/// Between tiles, points.
const GAP: f32 = 8.0;

/// Where the large screen, the other screens and the people lie. Pure.
#[derive(Debug, PartialEq)]
struct Places {
    large: Rect,
    others: Vec<Rect>,
    people: Rect,
}

fn places(area: Rect, others: usize) -> Places {
    let wide = (area.width() * SHARE).clamp(*STRIP.start(), *STRIP.end());
    let (large, strip) = area.split_left_right_at_x((area.right() - wide).max(area.left()));
    let large = large.with_max_x((large.right() - GAP).max(large.left()));
    // People keep at least half of the strip.
    let room = strip.height() / 2.0 / others.max(1) as f32;
    let height = (wide * 9.0 / 16.0).min(room - GAP).max(0.0);
    let tile = |index: usize| {
        let top = strip.top() + index as f32 * (height + GAP);
        Rect::from_min_max(pos2(strip.left(), top), pos2(strip.right(), top + height))
    };
    let others: Vec<Rect> = (0..others).map(tile).collect();
    let top = others.last().map_or(strip.top(), |last| last.bottom() + GAP);
    Places { large, others, people: strip.with_min_y(top) }
}

/// Draws what is shared in the area that is left, and returns where the people go.
pub(super) fn screens_ui(ui: &mut Ui, model: &Model, state: &State, memory: &mut Memory, painter: &Painter) -> Rect {
    let area = ui.available_rect_before_wrap();
    let pressed = memory.screen.filter(|screen| state.screens.contains(screen));
    let Some(large) = pressed.or(state.screens.first().copied()) else { return area };
    let others: Vec<ParticipantId> = state.screens.iter().copied().filter(|screen| *screen != large).collect();
    let places = places(area, others.len());
    screen_ui(ui, model, state, large, places.large, true, painter);
    for (screen, place) in others.into_iter().zip(places.others) {
        if screen_ui(ui, model, state, screen, place, false, painter) {
            memory.screen = Some(screen);
        }
    }
    places.people
}

/// Draws a screen; `true` when it was pressed.
fn screen_ui(
    ui: &mut Ui,
    model: &Model,
    state: &State,
    of: ParticipantId,
    place: Rect,
    large: bool,
    painter: &Painter,
) -> bool {
    let sense = if large { Sense::hover() } else { Sense::click() };
    let response = ui.interact(place, ui.scope_id().with(("screen", of)), sense);
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M);
    ui.painter().rect_filled(place, corner, colours.tile);
    let place_of = Of::Peer(of, Track::Screen);
    let shown = model.pictures.get(place_of);
    if let Some(shown) = &shown {
        // Nothing of a screen is cut off.
        let placement = Placement { mirrored: false, fit: Fit::Contain, rounding: 0.0, greyed: false };
        painter.paint(ui.painter(), place, place_of, shown, &placement);
    } else {
        let width = place.width() - 16.0;
        let mark = [(icons::HOURGLASS, colours.on_tile)];
        face::pill(ui, place.center(), Align2::CENTER_CENTER, "the screen is coming", &mark, width);
    }
    let owner = state.peers.iter().find(|peer| peer.id == of).map_or("Someone", |peer| peer.label());
    let name = format!("{owner} shares");
    face::name_ui(ui, place, &name, &[(icons::MONITOR, colours.on_tile)]);
    widgets::focus_ring(ui, &response, place, theme::radius::M);
    let said = format!("Screen of {owner}{}", if shown.is_some() { "" } else { ", no picture yet" });
    let role = if large { Role::Image } else { Role::Button };
    response.widget_info(|| WidgetInfo::labeled(role, true, &said));
    !large && response.on_hover_text("Make it large").clicked()
}

/// We share: said for as long as we do, with the way to end it.
pub(super) fn sharing_ui(ui: &mut Ui, state: &State, actions: &mut Vec<Action>) {
    let text = match &state.own.sharing {
        Sharing::Nothing => return,
        Sharing::Starting => "Starting to share…".to_owned(),
        Sharing::Of(name) => format!("You are sharing {name}. Everybody in the call sees it."),
    };
    widgets::banner(ui, widgets::Kind::Info, &text, |ui| {
        if widgets::danger(ui, "Stop sharing").clicked() {
            actions.push(Action::Share(None));
        }
    });
    ui.add_space(space::XS);
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Key, Modifiers, vec2};
    use egui_kittest::kittest::Queryable;

    use super::*;
    use crate::media::screen::{self, ScreenSource};
    use crate::ui::fixtures;
    use crate::ui::shell::tests::Stand;

    #[test]
    fn the_newest_screen_is_large_until_another_one_is_pressed() {
        let mut stand = Stand::new(fixtures::screens(3));
        let high = |stand: &Stand, name: &str| stand.harness.get_by_label(name).rect().height();
        let newest = high(&stand, "Screen of Ben Okafor");
        assert!(newest > 2.0 * high(&stand, "Screen of Chloé Martin"));
        stand.click("Screen of Chloé Martin");
        assert!(high(&stand, "Screen of Chloé Martin") == newest && high(&stand, "Screen of Ben Okafor") < newest);
        assert!(stand.sees("Ben Okafor, speaking") && stand.sees("You"), "people are still there");
    }

    #[test]
    fn who_shares_is_told_so_and_stops_by_a_button_or_the_key() {
        let mut stand = Stand::new(fixtures::sharing());
        assert!(stand.sees("You are sharing Quarterly figures.ods - Calc. Everybody in the call sees it."));
        assert_eq!(stand.press(Modifiers::NONE, Key::D), [Action::Share(None)]);
        let buttons: Vec<_> = stand.harness.query_all_by_label("Stop sharing").collect();
        assert_eq!(buttons.len(), 2, "in the banner and among the tools");
    }

    #[test]
    fn what_is_shared_is_picked_from_a_list_where_the_system_does_not_ask() {
        let mut stand = Stand::new(fixtures::picking_a_screen());
        let asked = stand.click("Share a screen or a window");
        if screen::system_asks() {
            assert_eq!(asked, [Action::Share(Some(ScreenSource::Screen(None)))]);
            return;
        }
        assert_eq!(asked, [Action::ListScreens]);
        assert!(stand.sees("Windows"));
        let picked = stand.click("Screen DP-2 (3840 x 2160)");
        assert_eq!(picked, [Action::Share(Some(ScreenSource::Screen(Some("DP-2".into()))))]);
        assert!(!stand.sees("Windows"), "the list goes");
    }

    #[test]
    fn the_large_screen_the_others_and_the_people_keep_apart() {
        for size in [vec2(1264.0, 680.0), vec2(700.0, 400.0), vec2(320.0, 700.0)] {
            let area = Rect::from_min_size(pos2(8.0, 52.0), size);
            for count in 0..6 {
                let Places { large, others, people } = places(area, count);
                assert_eq!(others.len(), count);
                let all: Vec<Rect> = [large, people].into_iter().chain(others).collect();
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
