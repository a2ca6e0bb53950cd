//! Screens that others share: one large, the newest unless another one is pressed; and what is said while we share.

use eframe::egui::{Align2, CornerRadius, Rect, Role, Sense, Ui, WidgetInfo};

use super::view::Large;
use super::{Memory, Show, face, tile};
use crate::call::state::{Sharing, State};
use crate::media::video::Of;
use crate::proto::{ParticipantId, Track};
use crate::ui::model::Action;
use crate::ui::picture::{Fit, Placement};
use crate::ui::theme::{self, space};
use crate::ui::{icons, widgets};

/// Draws a screen; `true` when it was pressed.
pub(super) fn screen_ui(
    ui: &mut Ui,
    show: Show,
    of: ParticipantId,
    place: Rect,
    large: bool,
    memory: &mut Memory,
) -> bool {
    let sense = if large { Sense::hover() } else { Sense::click() };
    let response = ui.interact(place, ui.scope_id().with(("screen", of)), sense);
    let colours = theme::palette(ui.ctx());
    let corner = CornerRadius::same(theme::radius::M);
    ui.painter().rect_filled(place, corner, colours.tile);
    let place_of = Of::Peer(of, Track::Screen);
    let shown = show.model.pictures.get(place_of);
    if let Some(shown) = &shown {
        // Nothing of a screen is cut off.
        let placement = Placement { mirrored: false, fit: Fit::Contain, rounding: 0.0, greyed: false };
        show.painter.paint(ui.painter(), place, place_of, shown, &placement);
    } else {
        let width = place.width() - 16.0;
        let mark = [(icons::HOURGLASS, colours.on_tile)];
        face::pill(ui, place.center(), Align2::CENTER_CENTER, "the screen is coming", &mark, width);
    }
    let owner = show.state.peers.iter().find(|peer| peer.id == of).map_or("Someone", |peer| peer.label());
    let name = format!("{owner} shares");
    face::name_ui(ui, place, &name, &[(icons::MONITOR, colours.on_tile)]);
    widgets::focus_ring(ui, &response, place, theme::radius::M);
    let said = format!("Screen of {owner}{}", if shown.is_some() { "" } else { ", no picture yet" });
    let role = if large { Role::Image } else { Role::Button };
    response.widget_info(|| WidgetInfo::labeled(role, true, &said));
    tile::unpin_ui(ui, place, Large::Screen(of), &format!("the screen of {owner}"), memory);
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
    use eframe::egui::{Key, Modifiers};
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
}
