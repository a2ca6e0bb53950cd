//! What somebody sees of it and what a click or a key asks, without a display.

mod talk;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use crate::call::state::{Limit, Volume};
use crate::media::Device;
use crate::ui::fixtures;
use crate::ui::model::{Action, Choice};
use crate::ui::shell::tests::Stand;

#[test]
fn a_tile_says_who_it_is_and_how_they_are() {
    let mut model = fixtures::call(4);
    fixtures::change(&mut model, |state, _| state.peers[3].quality.audio_loss = Some(0.08));
    let stand = Stand::new(model);
    for words in ["Ben Okafor, speaking", "Chloé Martin, muted", "Dmitri, frozen", "Emi 田中, camera off, poor", "You"]
    {
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
    stand.click("Settings");
    assert!(stand.sees("You and devices"));
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
    assert_eq!(stand.press(Modifiers::NONE, Key::Escape), []);
    assert!(!stand.sees("Test the speaker"));
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
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.peers.truncate(3));
    stand.step();
    assert_eq!(tiles(&stand), 3, "who is left is seen");
}

#[test]
fn a_lost_call_says_so_at_once_and_can_be_left() {
    let stand = Stand::new(fixtures::reconnecting());
    assert!(stand.sees("Everybody stays; you need not do anything.") && stand.sees("4 s"));
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
