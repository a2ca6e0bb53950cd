//! What somebody sees of it and what a click or a key asks, without a display.

mod talk;

use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Event, Key, Modifiers, PointerButton, Rect};
use egui_kittest::kittest::Queryable;

use crate::call::state::{Limit, Volume};
use crate::media::Device;
use crate::settings::Settings;
use crate::ui::fixtures;
use crate::ui::model::{Action, Choice};
use crate::ui::shell::tests::Stand;

#[test]
fn a_tile_says_who_it_is_and_how_they_are() {
    let mut model = fixtures::call(4);
    fixtures::change(&mut model, |state, _| state.peers[3].quality.recent_loss = Some(0.08));
    let stand = Stand::new(model);
    let emi = "Emi 田中, camera off, poor: their network";
    for words in ["Ben Okafor, speaking", "Chloé Martin, muted", "Dmitri, frozen", emi, "You"] {
        assert!(stand.harness.query_by_label(words).is_some(), "{words}");
    }
}

#[test]
fn a_picture_of_oneself_that_is_sent_smaller_says_why() {
    for (limit, words) in [
        (Limit::Computer, "You, this computer is too slow for more"),
        (Limit::Network, "You, your network carries no more"),
    ] {
        let mut model = fixtures::call(2);
        fixtures::change(&mut model, |state, _| state.own.limited = Some(limit));
        assert!(Stand::new(model).sees(words), "{words}");
    }
}

#[test]
fn somebody_with_another_key_is_told_from_silence() {
    let mut model = fixtures::call(2);
    fixtures::change(&mut model, |state, _| {
        state.peers[0].name = None;
        state.peers[1].reconnecting = true;
    });
    let stand = Stand::new(model);
    assert!(stand.sees("someone with another key, speaking, compare your invites"));
    assert!(stand.sees("Chloé Martin, muted, reconnecting"));
}

#[test]
fn the_tools_ask_for_what_they_say() {
    let mut stand = Stand::new(fixtures::call(2));
    assert_eq!(stand.click("Turn the microphone off"), [Action::Mute(true)]);
    assert_eq!(stand.click("Turn the camera off"), [Action::Camera(false)]);
    assert_eq!(stand.click("Leave"), [Action::Leave]);
    stand.click("More");
    stand.click("Settings");
    assert!(stand.sees("Hold down noise"));
}

#[test]
fn the_tools_stand_in_the_order_in_which_people_look_for_them() {
    let stand = Stand::new(fixtures::call(2));
    let left = |label: &str| stand.harness.get_by_role_and_label(Role::Button, label).rect().left();
    let order = ["Turn the microphone off", "Turn the camera off", "Share a screen or a window", "People", "Regions"];
    let order: Vec<f32> = order.into_iter().chain(["More", "Leave"]).map(left).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn what_a_narrow_bar_has_no_room_for_is_in_the_menu() {
    let mut stand = Stand::sized(fixtures::call(2), 400.0, 480.0);
    let tool = |stand: &Stand, label: &str| stand.harness.query_by_role_and_label(Role::Button, label).is_some();
    assert!(tool(&stand, "Leave") && tool(&stand, "Turn the microphone off") && !tool(&stand, "Regions"));
    stand.click("More");
    stand.click("Regions");
    assert!(stand.sees("Close the drawer"));
}

#[test]
fn the_menu_has_how_the_call_is_shown_and_heard() {
    let mut stand = Stand::new(fixtures::call(3));
    let more = |stand: &mut Stand, row: &str| {
        stand.click("More");
        stand.click(row)
    };
    more(&mut stand, "Show who speaks large");
    assert!(tile(&stand, "Ben Okafor, speaking").width() > 2.0 * tile(&stand, "Chloé Martin, muted").width());
    assert_eq!(more(&mut stand, "Hear nobody"), [Action::Deafen(true)]);
    let changed = |asked: Vec<Action>| match &asked[..] {
        [Action::Settings(settings)] => (settings.self_view, settings.sounds),
        _ => panic!("{asked:?}"),
    };
    assert_eq!(changed(more(&mut stand, "Hide my picture")), (false, true));
    assert_eq!(changed(more(&mut stand, "Sounds of the call")), (true, false));
    more(&mut stand, "Keys");
    assert!(stand.sees("Microphone and camera off at once"));
}

/// Where a tile lies.
fn tile(stand: &Stand, label: &str) -> Rect {
    stand.harness.get_by_role_and_label(Role::Image, label).rect()
}

/// Clicks a tile twice, as fast as a hand does.
fn double_click(stand: &mut Stand, label: &str) {
    let pos = tile(stand, label).center();
    stand.harness.event(Event::PointerMoved(pos));
    stand.harness.step();
    for pressed in [true, false, true, false] {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        stand.harness.input_mut().events.push(Event::PointerButton { pos, button, pressed, modifiers });
    }
    stand.step();
}

#[test]
fn who_speaks_is_large_beside_the_others_once_that_is_wanted() {
    let mut stand = Stand::new(fixtures::call(4));
    let alike = tile(&stand, "Ben Okafor, speaking").size();
    assert_eq!(tile(&stand, "Chloé Martin, muted").size(), alike);
    stand.press(Modifiers::NONE, Key::W);
    let (large, strip) = (tile(&stand, "Ben Okafor, speaking"), tile(&stand, "Chloé Martin, muted"));
    assert!(large.width() > 3.0 * strip.width() && strip.left() > large.right() && stand.sees("You"));
    let emi = stand.model.borrow().call.as_ref().unwrap().peers[3].id;
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.speaker = Some(emi));
    stand.step();
    assert_eq!(tile(&stand, "Ben Okafor, speaking"), large, "not for a yes");
    let shown = stand.memory.borrow().stage.shown.clone();
    let ben = stand.model.borrow().call.as_ref().unwrap().peers[0].id;
    assert_eq!(shown[&emi], shown[&ben], "who may be next is asked for in full");
    stand.model.borrow_mut().now += Duration::from_millis(1500);
    stand.step();
    assert_eq!(tile(&stand, "Emi 田中, camera off").size(), large.size());
    stand.press(Modifiers::NONE, Key::W);
    assert_eq!(tile(&stand, "Ben Okafor, speaking").size(), alike);
    stand.click("Show who speaks large (W)");
    assert!(tile(&stand, "Emi 田中, camera off").width() > 3.0 * tile(&stand, "Ben Okafor, speaking").width());
}

#[test]
fn somebody_is_pinned_by_a_double_click_a_menu_or_a_key_and_unpinned_by_each_and_by_a_button() {
    let mut stand = Stand::new(fixtures::call(4));
    let large = |stand: &Stand| tile(stand, "Dmitri, frozen, pinned").width();
    double_click(&mut stand, "Dmitri, frozen");
    assert!(large(&stand) > 700.0);
    double_click(&mut stand, "Dmitri, frozen, pinned");
    stand.harness.get_by_label("Dmitri, frozen").click_secondary();
    stand.step();
    stand.click("Pin Dmitri");
    assert!(large(&stand) > 700.0);
    stand.click("Unpin Dmitri");
    assert!(tile(&stand, "Dmitri, frozen").width() < 700.0);
    stand.press(Modifiers::NONE, Key::Num3);
    assert!(large(&stand) > 700.0);
    stand.press(Modifiers::NONE, Key::Num1);
    assert!(tile(&stand, "Ben Okafor, speaking, pinned").width() > 700.0, "one pin at a time");
    stand.press(Modifiers::NONE, Key::Num1);
    stand.press(Modifiers::NONE, Key::Num9);
    assert!(!stand.sees("pinned"), "there is no ninth");
    stand.press(Modifiers::NONE, Key::Num0);
    assert!(tile(&stand, "You, pinned").width() > 700.0);
    assert_eq!(stand.taken(), [], "a pin is nobody else's business");
}

#[test]
fn a_pin_stays_with_its_person_while_others_come_and_go_and_goes_with_them() {
    let mut stand = Stand::new(fixtures::call(3));
    stand.press(Modifiers::NONE, Key::Num2);
    let pinned = "Chloé Martin, muted, pinned";
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| drop(state.peers.remove(0)));
    stand.step();
    assert!(tile(&stand, pinned).width() > 700.0);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| drop(state.peers.remove(0)));
    stand.step();
    assert!(!stand.sees("pinned") && stand.sees("Dmitri"));
}

#[test]
fn oneself_is_hidden_by_a_right_click_and_brought_back_where_it_was() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.harness.get_by_role_and_label(Role::Image, "You").click_secondary();
    stand.step();
    assert!(stand.sees("Mirror my picture") && stand.sees("Pin yourself"));
    let asked = stand.click("Hide my picture");
    let [Action::Settings(settings)] = &asked[..] else { panic!("{asked:?}") };
    assert!(!settings.self_view);
    stand.model.borrow_mut().settings = Settings::clone(settings);
    stand.step();
    assert!(stand.harness.query_by_role_and_label(Role::Image, "You").is_none());
    let asked = stand.click("Show my picture");
    assert!(matches!(&asked[..], [Action::Settings(settings)] if settings.self_view), "{asked:?}");
}

#[test]
fn it_is_said_whose_network_or_computer_is_in_the_way() {
    let theirs = Stand::new(fixtures::their_network());
    assert!(theirs.sees("Ben Okafor, speaking, poor: their network") && theirs.sees("Chloé Martin, muted"));
    assert!(theirs.sees("Emi 田中, camera off, fair: their network"));
    let ours = Stand::new(fixtures::your_network());
    assert!(ours.sees("Chloé Martin, muted, poor: your network"));
    assert!(ours.sees("You, your network loses much of what you say"));
    let computer = Stand::new(fixtures::slow_computer());
    assert!(computer.sees("Chloé Martin, muted, poor: this computer"));
    assert!(computer.sees("You, this computer is too slow for more"));
}

#[test]
fn figures_stand_on_every_tile_for_who_asks() {
    let mut stand = Stand::new(fixtures::call(2));
    assert!(!stand.memory.borrow().figures_open());
    stand.press(Modifiers::NONE, Key::A);
    assert!(stand.memory.borrow().figures_open(), "and they are renewed");
    stand.press(Modifiers::NONE, Key::A);
    assert!(!stand.memory.borrow().figures_open());
}

#[test]
fn who_hears_nobody_is_told_so_and_comes_back_by_the_key() {
    let mut stand = Stand::new(fixtures::deaf());
    assert!(stand.sees("You hear nobody, and nobody hears you") && stand.sees("You, muted, hearing nobody"));
    assert_eq!(stand.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::D), [Action::Deafen(false)]);
    assert_eq!(stand.click("Hear everybody again"), [Action::Deafen(false)]);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.own.deaf = false);
    stand.step();
    assert_eq!(stand.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::D), [Action::Deafen(true)]);
}

#[test]
fn who_is_on_another_page_is_hidden_and_the_others_are_as_high_as_their_tiles() {
    use crate::call::views::View;
    let stand = Stand::new(fixtures::call(2));
    let heights = |stand: &Stand| -> Vec<Option<u32>> {
        let shown = stand.memory.borrow().stage.shown.clone();
        shown.values().map(|shown| if let View::Height(height) = shown { Some(*height) } else { None }).collect()
    };
    let two = heights(&stand);
    assert!(two.len() == 2 && two.iter().all(|height| height.is_some_and(|height| height > 200)), "{two:?}");
    let mut model = fixtures::call(4);
    fixtures::change(&mut model, |state, _| {
        let one = state.peers[0].clone();
        let peer = |id| crate::call::state::Peer { id: crate::proto::ParticipantId(1000 + id), ..one.clone() };
        state.peers = (0..20_u64).map(peer).collect();
    });
    let mut stand = Stand::new(model);
    let many = heights(&stand);
    assert!(many[..16].iter().all(|height| *height < two[0] && height.is_some()), "{many:?}");
    assert_eq!(many[16..], [None; 4]);
    stand.click("More people");
    let second = heights(&stand);
    assert!(second[..16].iter().all(Option::is_none) && second[16..].iter().all(Option::is_some), "{second:?}");
}

#[test]
fn a_device_is_picked_behind_the_arrow() {
    let mut stand = Stand::new(fixtures::call(1));
    assert!(!stand.memory.borrow().settings_open());
    stand.click("Microphone and speaker");
    assert!(stand.memory.borrow().settings_open(), "lists of devices are worth renewing");
    stand.harness.query_all_by_label("Jabra Evolve2 65").next().unwrap().click();
    stand.step();
    let jabra = Choice { id: "b".into(), name: "Jabra Evolve2 65".into(), default: false };
    assert_eq!(stand.taken(), [Action::Pick(Device::Microphone, Some(jabra))]);
    assert!(stand.sees("Play a test sound"));
    assert_eq!(stand.press(Modifiers::NONE, Key::Escape), []);
    assert!(!stand.sees("Play a test sound"));
}

#[test]
fn whoever_is_alone_gets_the_invite() {
    let mut model = fixtures::call(0);
    model.room.invite = Some("nearcall://join/kitchen#AAAA".into());
    let mut stand = Stand::new(model);
    assert!(stand.sees("You are alone here"));
    let text = "nearcall://join/kitchen#AAAA".to_owned();
    assert_eq!(stand.click("Copy invite"), [Action::Copy { text, said: "Invite copied" }]);
}

#[test]
fn the_list_of_people_has_oneself_first_and_everybody_of_the_call() {
    let mut stand = Stand::new(fixtures::call(20));
    stand.click("People");
    assert!(stand.sees("People (21)") && stand.sees("Ada (you)"));
    assert!(stand.harness.query_all_by_label("Ben Okafor: microphone on").count() >= 1);
}

#[test]
fn more_than_sixteen_people_are_on_pages() {
    let mut stand = Stand::new(fixtures::call(18));
    // Without oneself.
    let tiles = |stand: &Stand| stand.harness.query_all_by_role(Role::Image).count() - 1;
    assert!(stand.sees("1 / 2"));
    assert_eq!(tiles(&stand), 16);
    stand.click("More people");
    assert!(stand.sees("2 / 2"));
    assert_eq!(tiles(&stand), 2);
    stand.press(Modifiers::NONE, Key::PageUp);
    assert_eq!(tiles(&stand), 16);
    stand.press(Modifiers::NONE, Key::PageDown);
    stand.press(Modifiers::NONE, Key::PageDown);
    assert_eq!(tiles(&stand), 2);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.peers.truncate(3));
    stand.step();
    assert_eq!(tiles(&stand), 3, "who is left is seen");
}

#[test]
fn a_lost_call_says_so_at_once_and_can_be_left() {
    let mut stand = Stand::new(fixtures::reconnecting());
    assert!(stand.sees("Everybody stays; you need not do anything.") && stand.sees("Attempt 3 in 3 s"));
    stand.model.borrow_mut().now += Duration::from_millis(2100);
    stand.step();
    assert!(stand.sees("Attempt 3 in 1 s"));
    assert_eq!(stand.click("Retry now"), [Action::Retry]);
    let leave = stand.harness.query_all_by_label("Leave").count();
    assert_eq!(leave, 2, "in the banner and among the tools");
}

#[test]
fn the_chip_opens_the_regions_and_names_the_one_in_use() {
    let mut stand = Stand::new(fixtures::call(1));
    assert!(stand.sees("Regions: singapore · "));
    stand.press(Modifiers::NONE, Key::N);
    assert!(stand.memory.borrow().figures_open());
}

#[test]
fn oneself_can_be_hidden() {
    let mut model = fixtures::call(1);
    model.settings.self_view = false;
    assert!(Stand::new(model).harness.query_by_label("You").is_none());
}

#[test]
fn time_in_the_call_reads_as_a_clock() {
    let of = |seconds| super::top::clock(std::time::Duration::from_secs(seconds));
    assert_eq!([of(0), of(761), of(3599), of(3761)], ["0:00", "12:41", "59:59", "1:02:41"]);
}

#[test]
fn somebody_is_made_louder_or_silent_for_oneself_in_the_list_of_people() {
    let mut stand = Stand::new(fixtures::call(2));
    let ben = stand.model.borrow().call.as_ref().unwrap().peers[0].id;
    stand.press(Modifiers::NONE, Key::P);
    stand.click("Volume of Ben Okafor: 100 %");
    let slider = stand.harness.get_by_role_and_label(Role::Slider, "Volume of Ben Okafor");
    slider.focus();
    stand.step();
    let louder = stand.press(Modifiers::NONE, Key::ArrowRight);
    let volume = |percent, muted| Action::Volume(ben, Volume { percent, muted });
    assert_eq!(louder.last(), Some(&volume(105, false)), "{louder:?}");
    assert_eq!(stand.click("Mute for me").last(), Some(&volume(100, true)));
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| {
        state.peers[0].volume = Volume { percent: 150, muted: true };
    });
    stand.step();
    assert!(stand.sees("Volume of Ben Okafor: muted for you"));
    assert!(stand.sees("Ben Okafor, speaking, muted for you"), "on the tile");
    assert_eq!(stand.click("As it was").last(), Some(&volume(100, false)));
}

#[test]
fn a_right_click_on_a_tile_offers_the_same() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.harness.get_by_label("Ben Okafor, speaking").click_secondary();
    stand.step();
    assert!(stand.sees("Mute for me"));
}
