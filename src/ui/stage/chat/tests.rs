//! What is read and written in the chat, by role and label, without a display.

use std::sync::Arc;
use std::time::Duration;

use eframe::egui::accesskit::{Live, Role};
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};

use crate::call::conversation::{Delivery, Line};
use crate::proto::ParticipantId;
use crate::ui::fixtures;
use crate::ui::model::Action;
use crate::ui::shell::tests::Stand;

const BOX: &str = "Your line of chat";

fn says(stand: &Stand, name: &str, text: &str) {
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| {
        let lines = Arc::make_mut(&mut state.conversation.lines);
        let serial = lines.last().map_or(0, |line| line.serial) + 1;
        lines.push(Arc::new(Line {
            serial,
            from: ParticipantId(2),
            name: name.into(),
            me: false,
            text: text.into(),
            at: std::time::SystemTime::UNIX_EPOCH,
            delivery: Delivery::Done,
        }));
    });
}

fn types(stand: &mut Stand, text: &str) {
    stand.harness.event(Event::Text(text.into()));
    stand.step();
}

#[test]
fn the_key_opens_the_chat_with_the_keyboard_in_its_box_and_enter_sends() {
    let mut stand = Stand::new(fixtures::call(2));
    assert_eq!(stand.press(Modifiers::NONE, Key::C), []);
    assert!(stand.sees("Nothing was said yet"));
    assert!(stand.harness.get_by_role_and_label(Role::MultilineTextInput, BOX).is_focused());
    types(&mut stand, "hello m");
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Chat("hello m".into())], "and the m mutes nobody");
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [], "nothing is left to say");
    assert!(stand.harness.get_by_label(BOX).is_focused(), "one goes on writing");
}

#[test]
fn shift_and_enter_begin_a_new_row_and_the_button_sends_too() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.press(Modifiers::NONE, Key::C);
    types(&mut stand, "one");
    assert_eq!(stand.press(Modifiers::SHIFT, Key::Enter), []);
    types(&mut stand, "two");
    assert_eq!(stand.click("Send"), [Action::Chat("one\ntwo".into())]);
}

#[test]
fn what_a_fast_hand_types_within_one_frame_is_sent_as_it_was_meant() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.press(Modifiers::NONE, Key::C);
    let key =
        |modifiers, pressed| Event::Key { key: Key::Enter, physical_key: None, pressed, repeat: false, modifiers };
    let text = |text: &str| Event::Text(text.into());
    for event in [
        text("one"),
        key(Modifiers::SHIFT, true),
        key(Modifiers::SHIFT, false),
        text("two"),
        key(Modifiers::NONE, true),
        key(Modifiers::NONE, false),
        text("three"),
        key(Modifiers::NONE, true),
        text("fo"),
    ] {
        stand.harness.input_mut().events.push(event);
    }
    stand.step();
    assert_eq!(stand.taken(), [Action::Chat("one\ntwo".into()), Action::Chat("three".into())]);
    types(&mut stand, "ur");
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Chat("four".into())]);
}

#[test]
fn a_draft_is_kept_while_the_chat_is_closed_and_escape_closes_it() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.press(Modifiers::NONE, Key::C);
    types(&mut stand, "half a");
    assert_eq!(stand.press(Modifiers::NONE, Key::Escape), []);
    assert!(!stand.sees(BOX));
    stand.click("Chat");
    types(&mut stand, " line");
    assert_eq!(stand.press(Modifiers::NONE, Key::Enter), [Action::Chat("half a line".into())]);
}

#[test]
fn the_button_counts_what_nobody_has_read() {
    let mut stand = Stand::new(fixtures::call(2));
    says(&stand, "Ben Okafor", "one");
    stand.step();
    assert!(stand.sees("Chat: 1 unread line"));
    says(&stand, "Ben Okafor", "two");
    stand.step();
    assert_eq!(stand.click("Chat: 2 unread lines"), []);
    assert!(stand.sees("two") && stand.harness.query_by_label_contains("unread").is_none());
    says(&stand, "Ben Okafor", "three");
    stand.step();
    stand.press(Modifiers::NONE, Key::Escape);
    assert!(stand.harness.query_by_label_contains("unread").is_none(), "it was looked at");
    *stand.model.borrow_mut() = fixtures::call(2);
    stand.step();
    says(&stand, "Chloé Martin", "in another call");
    stand.step();
    assert!(stand.sees("Chat: 1 unread line"));
}

#[test]
fn what_comes_is_told_to_a_screen_reader_whether_the_chat_is_open_or_not() {
    let mut stand = Stand::new(fixtures::call(2));
    for (open, text) in [(false, "Can you hear me?"), (true, "Never mind.")] {
        if open {
            stand.press(Modifiers::NONE, Key::C);
        }
        says(&stand, "Ben Okafor", text);
        stand.step();
        let said = format!("Ben Okafor says: {text}");
        let node = stand.harness.get_by_role_and_label(Role::Status, &said);
        assert_eq!(node.accesskit_node().live(), Live::Polite);
    }
    says(&stand, "Ben Okafor", "one");
    says(&stand, "Ben Okafor", "two");
    stand.step();
    assert!(stand.sees("Ben Okafor says: one. 1 more in the chat."));
}

#[test]
fn links_are_links_and_open_what_they_say() {
    let mut stand = Stand::new(fixtures::chatting());
    stand.press(Modifiers::NONE, Key::C);
    let link = "https://example.org/drill";
    stand.harness.get_by_role_and_label(Role::Link, link).click_accesskit();
    let mut opened = Vec::new();
    for _ in 0..4 {
        stand.harness.step();
        opened.extend(stand.harness.output().platform_output.commands.iter().map(|command| format!("{command:?}")));
    }
    assert!(opened.iter().any(|command| command.contains("OpenUrl") && command.contains(link)), "{opened:?}");
}

#[test]
fn a_line_of_ours_says_when_it_is_slow_or_was_not_heard() {
    let mut stand = Stand::new(fixtures::chatting_with_trouble());
    stand.press(Modifiers::NONE, Key::C);
    assert!(stand.sees("On its way: not everybody has it yet") && stand.sees("2 people did not get this"));
    let wall = stand.model.borrow().wall;
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| {
        let lines = Arc::make_mut(&mut state.conversation.lines);
        Arc::make_mut(&mut lines[8]).at = wall - Duration::from_secs(1);
    });
    stand.step();
    assert!(!stand.sees("On its way"), "most are there before anybody asks");
}

#[test]
fn an_old_conversation_is_drawn_in_parts() {
    let mut stand = Stand::new(fixtures::call(2));
    (0..150).for_each(|n| says(&stand, "Ben Okafor", &format!("line number {n}")));
    stand.press(Modifiers::NONE, Key::C);
    let drawn = |stand: &Stand, n: u32| stand.harness.query_by_label(&format!("line number {n}")).is_some();
    assert!(drawn(&stand, 149) && drawn(&stand, 50) && !drawn(&stand, 49));
    stand.harness.get_by_label("Earlier lines").click_accesskit();
    stand.step();
    assert!(drawn(&stand, 0) && !stand.sees("Earlier lines"));
}

#[test]
fn a_text_ends_where_no_more_can_be_sent() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.press(Modifiers::NONE, Key::C);
    types(&mut stand, &"日".repeat(1900));
    assert!(stand.sees("100 letters left"));
    types(&mut stand, &"日".repeat(500));
    let sent = stand.press(Modifiers::NONE, Key::Enter);
    let [Action::Chat(text)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(text.chars().count(), 2000);
    assert!(text.len() <= crate::proto::limits::TEXT_BYTES);
}
