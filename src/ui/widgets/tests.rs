//! What a screen reader finds on the board, and what pressing does.

use eframe::egui::{
    Key, Role, Theme,
    accesskit::{Live, Toggled},
};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};

use super::ToastAnswer;
use super::board::{Board, harness};

fn board(board: Board) -> Harness<'static, Board> {
    let mut harness = harness(Theme::Dark, 1.0, board);
    harness.run();
    harness
}

fn toggled(node: &Node<'_>) -> Option<Toggled> {
    node.accesskit_node().toggled()
}

#[test]
fn every_button_has_its_words_for_a_name_and_can_be_pressed() {
    let mut harness = board(Board::default());
    for name in ["Stay", "Join it", "Retry now", "End drill", "Join", "Microphone", "Camera", "Leave"] {
        harness.get_by_role_and_label(Role::Button, name).click();
        harness.run();
        assert_eq!(harness.state().pressed.last(), Some(&name));
    }
}

#[test]
fn a_button_is_pressed_by_the_keyboard() {
    let mut harness = board(Board::default());
    harness.get_by_role_and_label(Role::Button, "Leave").focus();
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().pressed, ["Leave"]);
}

#[test]
fn a_round_button_tells_whether_it_is_on_only_when_it_is_a_toggle() {
    let harness = board(Board::default());
    let state = |name| toggled(&harness.get_by_role_and_label(Role::Button, name));
    assert_eq!(state("Regions"), Some(Toggled::True));
    assert_eq!(state("Camera"), Some(Toggled::False));
    assert_eq!(state("Leave"), None);
}

#[test]
fn a_picker_tells_what_is_chosen_and_reports_the_next_choice_once() {
    let mut harness = board(Board::default());
    let picker = harness.get_by_role_and_label(Role::ComboBox, "Microphone");
    assert_eq!(picker.value().as_deref(), Some("Default (Built-in microphone)"));
    picker.click();
    harness.run();
    harness.get_by_role_and_label(Role::ListBoxOption, "USB headset").click();
    harness.run();
    assert_eq!(harness.state_mut().picked.take(), Some(1));
    harness.run();
    assert_eq!(harness.state().picked, None);
    assert!(harness.query_by_role_and_label(Role::ListBoxOption, "USB headset").is_none());
}

#[test]
fn a_text_box_is_named_by_the_label_above_it() {
    let mut harness = board(Board::default());
    harness.get_by_label("Your name").focus();
    harness.run();
    harness.get_by_label("Your name").type_text("Ana");
    harness.run();
    assert_eq!(harness.state().name, "Ana");
}

#[test]
fn a_switch_turns_and_tells_so() {
    let mut harness = board(Board::default());
    assert_eq!(toggled(&harness.get_by_role_and_label(Role::Switch, "Suppress noise")), Some(Toggled::False));
    harness.get_by_role_and_label(Role::Switch, "Suppress noise").click();
    harness.run();
    assert_eq!(toggled(&harness.get_by_role_and_label(Role::Switch, "Suppress noise")), Some(Toggled::True));
    assert!(harness.state().noise);
}

#[test]
fn one_of_a_few_is_a_group_of_which_one_is_chosen() {
    let mut harness = board(Board::default());
    harness.get_by_role_and_label(Role::RadioGroup, "Look");
    harness.get_by_role_and_label(Role::RadioButton, "Light").click();
    harness.run();
    assert_eq!(harness.state().look, 2);
    assert_eq!(toggled(&harness.get_by_role_and_label(Role::RadioButton, "Light")), Some(Toggled::True));
    assert_eq!(toggled(&harness.get_by_role_and_label(Role::RadioButton, "System")), Some(Toggled::False));
}

#[test]
fn a_meter_has_a_value_in_percent() {
    let harness = board(Board { level: 1.0, ..Board::default() });
    let meter = harness.get_by_role_and_label(Role::Meter, "Microphone level");
    assert_eq!(meter.accesskit_node().numeric_value(), Some(100.0));
}

#[test]
fn banners_and_toasts_are_announced_and_danger_at_once() {
    let mut harness = board(Board { toasts: true, ..Board::default() });
    let live = |role, text| harness.get_by_role_and_label(role, text).accesskit_node().live();
    assert_eq!(live(Role::Status, "Back in the call after 1.2 s."), Live::Polite);
    assert_eq!(live(Role::Alert, "Reconnecting. Attempt 2, next in 4 s."), Live::Assertive);
    assert_eq!(live(Role::Status, "You are muted. Press M to talk."), Live::Polite);
    harness.get_by_role_and_label(Role::Button, "Choose another").click();
    harness.run();
    assert_eq!(harness.state().answered, Some(ToastAnswer::Acted(0)));
}

#[test]
fn a_section_is_a_heading_and_a_badge_is_a_label() {
    let harness = board(Board::default());
    harness.get_by_role_and_label(Role::Heading, "Regions");
    harness.get_by_role_and_label(Role::Label, "Fastest");
}

#[test]
fn a_board_on_which_nothing_changes_asks_for_no_frame() {
    let mut harness = board(Board { toasts: true, level: 0.4, ..Board::default() });
    assert_eq!(harness.run(), 1);
}
