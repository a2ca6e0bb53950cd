//! What somebody sees of it and what a click or a key asks, without a display.

use std::time::Duration;

use eframe::egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::settings::{Look, Motion, Renderer, Settings};
use crate::ui::fixtures;
use crate::ui::model::{Action, Model};
use crate::ui::shell::tests::Stand;

fn open(model: Model, tab: &str) -> Stand {
    let mut stand = Stand::new(model);
    stand.memory.borrow_mut().open_settings();
    stand.step();
    stand.harness.get_by_role_and_label(Role::Tab, tab).click();
    stand.step();
    stand
}

fn lobby() -> Model {
    fixtures::lobby(Duration::from_secs(5))
}

fn changed(actions: &[Action]) -> Settings {
    match actions {
        [Action::Settings(settings)] => (**settings).clone(),
        other => panic!("{other:?}"),
    }
}

/// Presses what may stand below the edge.
fn click(stand: &mut Stand, label: &str) -> Vec<Action> {
    stand.harness.get_by_label(label).scroll_to_me();
    stand.step();
    stand.click(label)
}

#[test]
fn every_switch_and_choice_asks_for_itself_alone() {
    let base = lobby().settings;
    let mut stand = open(lobby(), "Audio");
    assert_eq!(changed(&stand.click("Take out echo")), Settings { echo: false, ..base.clone() });
    assert_eq!(changed(&stand.click("Hold down noise")), Settings { noise: false, ..base.clone() });
    assert_eq!(changed(&stand.click("Even out my loudness")), Settings { gain: false, ..base.clone() });
    assert_eq!(stand.click("Test"), [Action::TestSound]);
    let mut stand = open(lobby(), "Video");
    assert_eq!(changed(&stand.click("Mirror my picture")), Settings { mirror: false, ..base.clone() });
    assert_eq!(changed(&stand.click("Show my picture in calls")), Settings { self_view: false, ..base.clone() });
    assert_eq!(changed(&click(&mut stand, "OpenGL")), Settings { renderer: Renderer::Glow, ..base.clone() });
    let mut stand = open(lobby(), "Look");
    assert_eq!(changed(&stand.click("Light")), Settings { look: Look::Light, ..base.clone() });
    assert_eq!(changed(&stand.click("High contrast")), Settings { look: Look::HighContrast, ..base.clone() });
    assert_eq!(changed(&stand.click("No")), Settings { motion: Motion::Off, ..base.clone() });
    assert!((changed(&stand.click("Larger")).zoom - 1.1).abs() < 1e-6);
    let mut stand = open(lobby(), "Privacy");
    assert_eq!(changed(&stand.click("Keep the last elections")), Settings { history: false, ..base });
    assert_eq!(stand.click("Clear the measurements"), [Action::ClearHistory]);
}

#[test]
fn rooms_are_forgotten_and_remembered_where_one_looks_for_privacy() {
    let switch = |stand: &mut Stand| {
        let label = "Remember the rooms that I join";
        stand.harness.get_by_role_and_label(Role::Switch, label).click();
        stand.step();
        stand.taken()
    };
    let mut stand = open(fixtures::lobby_with_rooms(), "Privacy");
    assert_eq!(switch(&mut stand), [Action::RememberRooms(false)]);
    stand.harness.get_by_role_and_label(Role::Button, "Forget the recent rooms").click();
    stand.step();
    assert_eq!(stand.taken(), [Action::Forget(None)]);
    let mut model = lobby();
    model.rooms.remember(false);
    let mut stand = open(model, "Privacy");
    assert_eq!(switch(&mut stand), [Action::RememberRooms(true)]);
    let forget = stand.harness.get_by_role_and_label(Role::Button, "Forget the recent rooms");
    assert!(forget.accesskit_node().is_disabled(), "there is nothing to forget");
}

#[test]
fn every_tab_is_a_tab_and_one_of_them_is_chosen() {
    let mut stand = open(lobby(), "Audio");
    for tab in ["Audio", "Video", "Network", "Keys", "Look", "Privacy", "About"] {
        stand.harness.get_by_role_and_label(Role::Tab, tab).click();
        stand.step();
        let node = stand.harness.get_by_role_and_label(Role::Tab, tab);
        assert_eq!(node.accesskit_node().is_selected(), Some(true), "{tab}");
        assert_eq!(stand.taken(), [], "{tab}");
    }
}

#[test]
fn in_a_narrow_window_the_tabs_are_a_list_to_pick_from() {
    let mut stand = Stand::sized(lobby(), 480.0, 600.0);
    stand.memory.borrow_mut().open_settings();
    stand.step();
    stand.click("Part of the settings");
    stand.harness.get_by_role_and_label(Role::ListBoxOption, "Look").click();
    stand.step();
    assert!(stand.sees("Let things move"));
}

#[test]
fn a_name_is_taken_over_when_its_box_is_left() {
    let mut model = fixtures::lobby_first_start();
    model.settings.name.clear();
    let mut stand = open(model, "Privacy");
    let name = |stand: &Stand| stand.harness.query_all_by_label("Your name").last().map(|node| node.focus());
    name(&stand);
    stand.step();
    stand.harness.query_all_by_label("Your name").last().unwrap().type_text("Zoe ");
    stand.step();
    assert_eq!(stand.taken(), []);
    stand.harness.get_by_role_and_label(Role::Tab, "Look").focus();
    stand.step();
    assert_eq!(stand.taken(), [Action::Name("Zoe".into())]);
}

#[test]
fn lists_of_relays_are_added_and_removed() {
    let mut model = lobby();
    model.settings.manifests = vec!["/etc/nearcall/relays.json".into()];
    let mut stand = open(model, "Network");
    let removed = changed(&stand.click("Remove /etc/nearcall/relays.json"));
    assert!(removed.manifests.is_empty());
    stand.harness.get_by_label("Another list").focus();
    stand.step();
    stand.harness.get_by_label("Another list").type_text("https://calls.example.org/regions.json");
    stand.step();
    let added = changed(&stand.click("Add"));
    assert_eq!(added.manifests.last().map(String::as_str), Some("https://calls.example.org/regions.json"));
}

#[test]
fn a_list_over_plain_http_is_refused_with_the_reason() {
    let mut stand = open(lobby(), "Network");
    stand.harness.get_by_label("Another list").focus();
    stand.step();
    stand.harness.get_by_label("Another list").type_text("http://calls.example.org/regions.json");
    stand.step();
    assert!(stand.sees("An address must begin with https://."));
    assert!(stand.harness.get_by_label("Add").accesskit_node().is_disabled());
}

#[test]
fn a_region_is_preferred_and_the_race_is_as_long_as_one_wants() {
    let base = lobby().settings;
    let mut stand = open(lobby(), "Network");
    stand.click("Preferred region");
    stand.harness.get_by_role_and_label(Role::ListBoxOption, "tokyo").click();
    stand.step();
    let pinned = changed(&stand.taken());
    assert_eq!(pinned, Settings { pin: Some("tokyo".into()), ..base.clone() });
    assert_eq!(changed(&click(&mut stand, "5 s")), Settings { race_ms: 5_000, ..base.clone() });
    let ask = "Ask before a link's servers are contacted";
    assert_eq!(changed(&click(&mut stand, ask)), Settings { ask_hosts: false, ..base });

    let mut model = lobby();
    model.settings.pin = Some("a region that is away".into());
    let mut stand = open(model, "Network");
    stand.click("Preferred region");
    stand.harness.get_by_role_and_label(Role::ListBoxOption, "The fastest").click();
    stand.step();
    assert_eq!(changed(&stand.taken()).pin, None);
}

#[test]
fn an_action_is_given_the_key_that_is_pressed() {
    let mut stand = open(lobby(), "Keys");
    click(&mut stand, "Other keys: Chat");
    assert!(stand.sees("Press the key for “Chat”."));
    let given = changed(&stand.press(Modifiers::ALT, Key::T));
    assert_eq!(given.keys["chat"], ["Alt+T"]);
    assert!(!stand.sees("Press the key for"));
    click(&mut stand, "One more key: Chat");
    assert_eq!(changed(&stand.press(Modifiers::NONE, Key::F9)).keys["chat"], ["C", "F9"]);
    assert_eq!(changed(&click(&mut stand, "No key: Chat")).keys["chat"], Vec::<String>::new());
    assert!(stand.harness.get_by_label("Keys as at first: Chat").accesskit_node().is_disabled());
}

#[test]
fn a_key_that_somebody_has_is_told_and_taken_only_after_a_yes() {
    let mut stand = open(lobby(), "Keys");
    click(&mut stand, "Other keys: Chat");
    assert_eq!(stand.press(Modifiers::COMMAND, Key::D), []);
    assert!(stand.sees("Ctrl+D is the key for “Microphone on or off” already."));
    click(&mut stand, "Leave it as it is");
    assert!(!stand.sees("already."));
    click(&mut stand, "Other keys: Chat");
    stand.press(Modifiers::COMMAND, Key::D);
    let given = changed(&click(&mut stand, "Take it from there"));
    assert_eq!((&given.keys["chat"][..], &given.keys["mute"][..]), (&["Ctrl+D".into()][..], &["M".into()][..]));
}

#[test]
fn keys_that_nobody_may_have_are_refused_with_the_reason_and_esc_leaves_it_as_it_is() {
    let mut stand = open(lobby(), "Keys");
    click(&mut stand, "Other keys: Chat");
    assert_eq!(stand.press(Modifiers::COMMAND, Key::A), []);
    assert!(stand.sees("Ctrl+A cannot be given. This edits text."));
    assert_eq!(stand.press(Modifiers::NONE, Key::Num3), []);
    assert!(stand.sees("3 cannot be given. This key is fixed, as below."));
    stand.press(Modifiers::NONE, Key::Escape);
    assert!(!stand.sees("cannot be given") && stand.sees("Other keys: Chat"), "the sheet stays open");
    stand.press(Modifiers::NONE, Key::Escape);
    assert!(!stand.sees("Other keys: Chat"));
}

#[test]
fn while_an_action_waits_no_key_does_anything_else() {
    let mut stand = open(fixtures::call(1), "Keys");
    click(&mut stand, "Other keys: Chat");
    stand.press(Modifiers::COMMAND, Key::Comma);
    assert!(stand.sees("Ctrl+, is the key for “Settings” already."), "and the settings stay open");
    stand.press(Modifiers::NONE, Key::Escape);
    click(&mut stand, "Other keys: Chat");
    stand.harness.get_by_role_and_label(Role::Tab, "Look").click();
    stand.step();
    assert!(stand.press(Modifiers::COMMAND, Key::Plus).len() == 1, "nothing waits behind another tab");
}

#[test]
fn single_keys_are_turned_off_and_all_keys_are_as_at_first() {
    let mut model = lobby();
    model.settings.keys.insert("chat".into(), vec!["F9".into()]);
    let base = model.settings.clone();
    let mut stand = open(model, "Keys");
    let label = "Letters, digits and signs by themselves are keys";
    assert_eq!(changed(&click(&mut stand, label)), Settings { single_keys: false, ..base.clone() });
    assert_eq!(
        changed(&click(&mut stand, "Keys as at first: Chat")),
        Settings { keys: Default::default(), ..base.clone() }
    );
    assert_eq!(changed(&click(&mut stand, "All keys as at first")), Settings { keys: Default::default(), ..base });
}

#[test]
fn the_version_the_file_and_the_diagnostics_can_be_copied() {
    let mut stand = open(lobby(), "About");
    assert!(stand.sees("/home/ada/.config/nearcall/settings.toml"));
    let copied = click(&mut stand, "Copy path");
    let text = "/home/ada/.config/nearcall/settings.toml".to_owned();
    assert_eq!(copied, [Action::Copy { text, said: "Path copied" }]);
    assert!(stand.sees(concat!("Nearcall ", env!("CARGO_PKG_VERSION"))));
    match &click(&mut stand, "Copy diagnostics")[..] {
        [Action::Copy { text, .. }] => assert!(text.contains("singapore") && !text.contains("Ada"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_the_program_is_made_of_is_shown_and_can_be_copied() {
    let mut stand = open(lobby(), "About");
    click(&mut stand, "Show the list");
    assert!(stand.sees("Inter 4.0 beta 7") && stand.sees("Hide the list"));
    match &click(&mut stand, "Copy the list")[..] {
        [Action::Copy { text, .. }] => assert!(text.contains("eframe") && text.contains("SIL OPEN FONT LICENSE")),
        other => panic!("{other:?}"),
    }
}
