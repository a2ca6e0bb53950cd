//! Hands, reactions, and what a host can do, by role and label, without a display.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;

use crate::call::Moderation;
use crate::proto::words::Reaction;
use crate::proto::{ParticipantId, Track};
use crate::ui::fixtures;
use crate::ui::model::Action;
use crate::ui::shell::tests::Stand;

const BEN: ParticipantId = ParticipantId(2);
const CHLOE: ParticipantId = ParticipantId(3);
const EMI: ParticipantId = ParticipantId(5);

#[test]
fn a_hand_is_raised_and_lowered_by_its_button_and_two_keys() {
    let mut stand = Stand::new(fixtures::call(2));
    assert_eq!(stand.click("Raise your hand"), [Action::Hand(true)]);
    assert_eq!(stand.press(Modifiers::NONE, Key::R), [Action::Hand(true)]);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.conversation.hands = vec![BEN, state.own.id]);
    stand.step();
    assert!(stand.sees("Ben Okafor, speaking, hand raised") && stand.sees("You, hand raised"), "on the tiles");
    assert_eq!(stand.press(Modifiers::NONE, Key::H), [Action::Hand(false)]);
    assert_eq!(stand.click("Lower your hand"), [Action::Hand(false)]);
}

#[test]
fn reactions_are_chosen_from_the_tools_and_by_keys_and_stand_on_the_tile() {
    let mut stand = Stand::new(fixtures::hands());
    stand.click("React");
    assert_eq!(stand.click("React: applause"), [Action::React(Reaction::Clap)]);
    assert_eq!(stand.press(Modifiers::ALT, Key::Num6), [Action::React(Reaction::Party)]);
    assert_eq!(stand.press(Modifiers::ALT, Key::Num7), []);
    assert!(stand.sees("Chloé Martin, muted, reacts: applause"));
    assert!(stand.sees("You, hand raised, reacts: thumbs up"));
}

#[test]
fn reactions_pass_and_cost_no_drawing_where_nothing_moves() {
    use std::time::Duration;
    let delay = |stand: &Stand| {
        let output = stand.harness.output();
        output.viewport_output[&eframe::egui::ViewportId::ROOT].repaint_delay
    };
    let mut model = fixtures::hands();
    model.motion = false;
    assert!(delay(&Stand::new(model.clone())) > Duration::from_millis(500));
    model.motion = true;
    let mut stand = Stand::new(model);
    assert!(delay(&stand) <= Duration::from_millis(33), "it rises");
    stand.model.borrow_mut().now += Duration::from_secs(3);
    stand.step();
    assert!(delay(&stand) > Duration::from_millis(33), "it is over");
}

#[test]
fn the_list_of_people_shows_hands_in_their_order_and_lets_nobody_but_a_host_lower_them() {
    let mut stand = Stand::new(fixtures::hands());
    stand.press(Modifiers::NONE, Key::P);
    assert!(stand.sees("Raised hands (3)"));
    for line in [
        "Emi 田中: hand raised, number 1 in the order",
        "Ada (you): hand raised, number 2 in the order",
        "Ben Okafor: hand raised, number 3 in the order",
    ] {
        assert!(stand.sees(line), "{line}");
    }
    assert!(!stand.sees("Lower all hands") && !stand.sees("Lower the hand of Emi"));
    assert!(stand.sees("host · speaking"), "who the host is can be seen");
    assert!(!stand.sees("Mute everyone") && !stand.sees("Lock the room") && !stand.sees("What a host can do"));
    assert_eq!(stand.click("Lower the hand of Ada (you)"), [Action::Hand(false)]);
}

#[test]
fn a_host_lowers_hands_mutes_and_locks() {
    let mut stand = Stand::new(fixtures::hosted());
    stand.press(Modifiers::NONE, Key::P);
    assert_eq!(stand.click("Lower the hand of Emi 田中"), [Action::LowerHands(Some(EMI))]);
    assert_eq!(stand.click("Lower all hands"), [Action::LowerHands(None)]);
    assert_eq!(stand.click("Mute everyone"), [Action::Moderate(Moderation::MuteEveryone)]);
    let lock = "Lock the room: nobody new comes in";
    stand.harness.get_by_role_and_label(Role::Switch, lock).click();
    stand.step();
    assert_eq!(stand.taken(), [Action::Moderate(Moderation::Unlock)]);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.conversation.locked = false);
    stand.step();
    assert_eq!(stand.click(lock), [Action::Moderate(Moderation::Lock)]);
}

#[test]
fn a_host_mutes_one_and_lets_who_was_muted_speak_again() {
    let mut stand = Stand::new(fixtures::hosted());
    stand.press(Modifiers::NONE, Key::P);
    let mute = |firm| Action::Moderate(Moderation::Mute { peer: BEN, track: Track::Microphone, firm });
    for (words, action) in [
        ("Mute", mute(false)),
        ("Mute until a host lifts it", mute(true)),
        ("Turn their camera off", Action::Moderate(Moderation::Mute { peer: BEN, track: Track::Camera, firm: false })),
        ("Lower the hand", Action::LowerHands(Some(BEN))),
    ] {
        stand.click("What a host can do about Ben Okafor");
        assert_eq!(stand.click(words), [action], "{words}");
        assert!(!stand.sees("You are asked before anybody is removed."), "the list closes");
    }
    stand.click("What a host can do about Chloé Martin");
    let unmute = Action::Moderate(Moderation::Unmute { peer: CHLOE, track: Track::Microphone });
    assert_eq!(stand.click("Let them unmute"), [unmute]);
}

#[test]
fn nobody_is_removed_before_a_yes() {
    let mut stand = Stand::new(fixtures::hosted());
    stand.press(Modifiers::NONE, Key::P);
    let ask = |stand: &mut Stand| {
        stand.click("What a host can do about Ben Okafor");
        assert_eq!(stand.click("Remove from the call…"), []);
        assert!(stand.sees("Remove Ben Okafor?") && stand.sees("are not let in again"));
    };
    ask(&mut stand);
    assert_eq!(stand.click("Keep them"), []);
    assert!(!stand.sees("Remove Ben Okafor?"));
    ask(&mut stand);
    assert_eq!(stand.press(Modifiers::NONE, Key::Escape), []);
    assert!(!stand.sees("Remove Ben Okafor?"));
    ask(&mut stand);
    assert_eq!(stand.click("Remove"), [Action::Moderate(Moderation::Remove { peer: BEN })]);
    assert!(!stand.sees("Remove Ben Okafor?"));
    ask(&mut stand);
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| drop(state.peers.remove(0)));
    stand.step();
    assert!(!stand.sees("Remove Ben Okafor?"), "there is nobody to ask about any more");
}
