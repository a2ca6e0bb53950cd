//! What somebody sees of it and what a click or a key asks, without a display.

use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::call::state::{DeviceState, Phase, Relays, State};
use crate::media::{Device, Problem};
use crate::settings::Chosen;
use crate::ui::fixtures;
use crate::ui::model::{Action, Choice, Hosting, Model};
use crate::ui::shell::tests::Stand;

fn ready() -> Model {
    fixtures::lobby(Duration::from_secs(5))
}

#[test]
fn join_is_pressed_by_click_and_by_enter() {
    let mut stand = Stand::new(ready());
    assert_eq!(stand.click("Join"), [Action::Join]);
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Join]);
    stand.harness.get_by_label("Room or invite link").focus();
    stand.step();
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Join]);
}

#[test]
fn enter_on_another_button_presses_that_one_alone() {
    let mut stand = Stand::new(ready());
    stand.harness.get_by_label("Host a call here").focus();
    stand.step();
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Host]);
}

#[test]
fn what_is_typed_is_told_at_once() {
    let mut stand = Stand::new(fixtures::lobby_first_start());
    stand.harness.get_by_label("Room or invite link").focus();
    stand.step();
    stand.harness.get_by_label("Room or invite link").type_text("den");
    stand.step();
    assert_eq!(stand.taken(), [Action::Room("den".into())]);
    stand.harness.get_by_label("Your name").focus();
    stand.step();
    stand.harness.get_by_label("Your name").type_text("Zoe");
    stand.step();
    assert_eq!(stand.taken(), [Action::Name("Zoe".into())]);
}

#[test]
fn join_says_why_it_cannot_be_pressed() {
    let mut without_relays = ready();
    fixtures::change(&mut without_relays, |state, _| state.relays = Relays::None);
    let mut wrong = ready();
    (wrong.room.name, wrong.room.error) = (None, Some("The link is cut short: copy it again".into()));
    let cases = [
        (fixtures::lobby_first_start(), "Type a room, or paste an invite link."),
        (fixtures::lobby_without_anything(), "The list is tried again by itself."),
        (without_relays, "Paste an invite link, add a list of relays in the settings, or host here."),
        (fixtures::consent(), "Say first whether the link's host may be contacted."),
        (wrong, "The link is cut short: copy it again"),
    ];
    for (model, why) in cases {
        let mut stand = Stand::new(model);
        assert!(stand.sees(why), "{why}");
        assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [], "{why}");
        assert!(stand.harness.get_by_label("Join").accesskit_node().is_disabled());
    }
}

#[test]
fn nobody_is_contacted_before_the_question_is_answered() {
    let mut stand = Stand::new(fixtures::consent());
    assert!(stand.sees("This link leads to calls.example.org:4433. Contact it? It will see your address."));
    assert_eq!(stand.click("Contact"), [Action::Consent(true)]);
    assert_eq!(stand.click("No"), [Action::Consent(false)]);
}

#[test]
fn microphone_and_camera_are_switched_and_the_speaker_is_tested() {
    let mut stand = Stand::new(ready());
    assert_eq!(stand.click("Turn the microphone off"), [Action::Mute(true)]);
    assert_eq!(stand.click("Turn the camera off"), [Action::Camera(false)]);
    assert_eq!(stand.click("Play a test sound"), [Action::TestSound]);
}

#[test]
fn a_device_is_picked_by_its_name_and_one_that_is_away_stays_in_the_list() {
    let mut model = ready();
    model.settings.microphone = Some(Chosen { id: "gone".into(), name: "Desk microphone".into() });
    let mut stand = Stand::new(model);
    let picker = stand.harness.get_by_label("Microphone");
    assert_eq!(picker.value().as_deref(), Some("Desk microphone (not connected)"));
    stand.click("Microphone");
    assert!(stand.sees("Default (Built-in microphone)"));
    let jabra = Choice { id: "b".into(), name: "Jabra Evolve2 65".into(), default: false };
    assert_eq!(stand.click("Jabra Evolve2 65"), [Action::Pick(Device::Microphone, Some(jabra))]);
    stand.click("Microphone");
    assert_eq!(stand.click("Default (Built-in microphone)"), [Action::Pick(Device::Microphone, None)]);
}

#[test]
fn the_place_of_the_picture_says_why_there_is_none_and_what_to_do() {
    let cases = [
        (DeviceState::Opening, "Starting the camera…"),
        (DeviceState::Trouble(Problem::Missing), "No camera found. Plug one in, or join without."),
        (DeviceState::Trouble(Problem::Denied), "Camera not allowed. "),
        (DeviceState::Trouble(Problem::Busy), "Camera in use by another program. Close that program"),
        (DeviceState::Trouble(Problem::Unplugged), "Camera unplugged. Plug it in again"),
    ];
    for (device, words) in cases {
        let mut model = ready();
        fixtures::change(&mut model, |state, _| {
            state.own.devices.insert(Device::Camera, device);
        });
        assert!(Stand::new(model).sees(words), "{words}");
    }
    let mut off = ready();
    fixtures::change(&mut off, |state, _| state.own.camera = false);
    assert!(Stand::new(off).sees("Camera is off"));
}

#[test]
fn a_microphone_that_gives_nothing_at_all_is_told_unless_muted_or_changed() {
    const WORDS: &str = "We can't hear you. Is ";
    let mut model = ready();
    fixtures::change(&mut model, |state, _| state.own.level = 0.0);
    let mut stand = Stand::new(model);
    let pass = |stand: &mut Stand, seconds: u64, edit: &dyn Fn(&mut State)| {
        stand.model.borrow_mut().now += Duration::from_secs(seconds);
        fixtures::change(&mut stand.model.borrow_mut(), |state, _| edit(state));
        stand.step();
        stand.sees(WORDS)
    };
    assert!(!pass(&mut stand, 4, &|_| ()));
    assert!(pass(&mut stand, 1, &|_| ()));
    assert!(!pass(&mut stand, 0, &|state| state.own.muted = true));
    let another = DeviceState::InUse { name: "Jabra Evolve2 65".into(), instead_of: None };
    assert!(!pass(&mut stand, 1, &|state| state.own.muted = false));
    assert!(!pass(&mut stand, 4, &|state| drop(state.own.devices.insert(Device::Microphone, another.clone()))));
    assert!(!pass(&mut stand, 1, &|_| ()), "the other one was not listened to for so long");
    // However quiet, it is heard.
    assert!(!pass(&mut stand, 9, &|state| state.own.level = 1e-7));
}

#[test]
fn while_joining_the_room_cannot_be_changed() {
    let mut stand = Stand::new(fixtures::joining());
    assert!(stand.harness.get_by_label("Room or invite link").accesskit_node().is_disabled());
    let mut asked = fixtures::consent();
    fixtures::change(&mut asked, |state, _| state.phase = Phase::Joining);
    assert!(!Stand::new(asked).sees("This link leads to"));
    assert_eq!(stand.click("Cancel"), [Action::Leave]);
}

#[test]
fn who_hosts_sees_the_invite_whom_it_reaches_and_how_to_stop() {
    let mut model = ready();
    assert_eq!(Stand::new(model.clone()).click("Host a call here"), [Action::Host]);
    model.hosting = Hosting::Starting;
    assert!(Stand::new(model.clone()).sees("Starting…"));
    model.hosting = Hosting::Failed("no free port".into());
    let mut stand = Stand::new(model);
    assert!(stand.sees("no free port"));
    assert_eq!(stand.click("Try again"), [Action::Host]);

    let mut model = fixtures::hosting();
    model.toasts.clear();
    let mut stand = Stand::new(model);
    assert!(stand.sees("People on your network can join, at 192.168.1.20."));
    assert_eq!(stand.click("Stop hosting"), [Action::StopHosting]);
}

#[test]
fn without_device_and_network_everything_still_has_its_place() {
    let mut stand = Stand::sized(fixtures::lobby_without_anything(), 900.0, 600.0);
    for words in ["No microphone found", "Camera not allowed", "Speaker in use by another program", "Host a call here"]
    {
        assert!(stand.sees(words), "{words}");
    }
    assert_eq!(stand.click("Host a call here"), [Action::Host]);
}

#[test]
fn a_test_sound_moves_a_meter_of_its_own() {
    let mut model = ready();
    fixtures::change(&mut model, |state, _| state.own.output_level = 0.5);
    let mut stand = Stand::new(model);
    let level = |stand: &Stand| {
        let meter = stand.harness.get_by_role_and_label(Role::Meter, "Speaker level");
        meter.accesskit_node().numeric_value().unwrap()
    };
    assert!(level(&stand) > 50.0);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.own.output_level = 0.0);
    stand.step();
    assert_eq!(level(&stand), 0.0);
}

#[test]
fn a_room_that_was_joined_before_is_one_click_away_and_can_be_forgotten() {
    let model = fixtures::lobby_with_rooms();
    let rooms = model.rooms.rooms.clone();
    let mut stand = Stand::new(model);
    assert_eq!(rooms[2].name, "kip-mora-tel");
    assert_eq!(stand.click("kip-mora-tel, yesterday"), [Action::Again(rooms[2].clone())]);
    assert!(!stand.sees("Forget kitchen"));
    stand.click("Recent rooms");
    assert_eq!(stand.click("stand-up again, 3 hours ago"), [Action::Again(rooms[1].clone())]);
    assert_eq!(stand.click("Forget kitchen"), [Action::Forget(Some(rooms[0].clone()))]);
    assert_eq!(stand.click("Forget all"), [Action::Forget(None)]);
    assert_eq!(stand.click("Do not remember rooms"), [Action::RememberRooms(false)]);
    stand.model.borrow_mut().rooms.remember(false);
    stand.step();
    assert!(!stand.sees("kip-mora-tel,") && stand.sees("Rooms that you join are not remembered."));
    assert_eq!(stand.click("Remember rooms"), [Action::RememberRooms(true)]);
    assert!(!Stand::new(ready()).sees("Recent rooms"), "nothing to show, nothing shown");
}

#[test]
fn whoever_has_no_device_or_may_use_none_joins_all_the_same() {
    for problem in [Problem::Missing, Problem::Denied, Problem::Busy, Problem::Unplugged] {
        let mut model = ready();
        fixtures::change(&mut model, |state, _| {
            for device in [Device::Microphone, Device::Speaker, Device::Camera] {
                state.own.devices.insert(device, DeviceState::Trouble(problem.clone()));
            }
        });
        assert_eq!(Stand::new(model).click("Join"), [Action::Join], "{problem:?}");
    }
}

#[test]
fn a_block_that_was_set_before_the_call_has_its_banner_in_the_lobby() {
    let mut stand = Stand::new(fixtures::lobby_blocked());
    assert!(stand.sees("Drill: tokyo blocked – 1:33"));
    assert_eq!(stand.click("Stop all"), [Action::StopWishes]);
}
