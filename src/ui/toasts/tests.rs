//! What somebody sees of it and what a click or a key asks, without a display.

use egui_kittest::kittest::Queryable;

use crate::ui::fixtures;
use crate::ui::model::Action;
use crate::ui::shell::tests::Stand;

#[test]
fn every_notice_is_seen_and_can_be_closed() {
    let mut stand = Stand::new(fixtures::hosting());
    assert!(stand.sees("Headset is back") && stand.sees("The settings file was broken"));
    let count = stand.harness.query_all_by_label("Close notice").count();
    assert_eq!(count, 4);
    stand.harness.query_all_by_label("Close notice").nth(1).unwrap().click();
    stand.step();
    assert_eq!(stand.taken(), [Action::Dismiss(1)]);
}

#[test]
fn a_notice_whose_time_is_over_is_not_drawn() {
    let mut model = fixtures::hosting();
    model.now += std::time::Duration::from_secs(7);
    assert!(!Stand::new(model).sees("Headset is back"));
}
