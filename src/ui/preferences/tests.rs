//! What somebody sees of it and what a click or a key asks, without a display.

use std::time::Duration;

use egui_kittest::kittest::{NodeT, Queryable};

use super::Draft;
use crate::settings::{Look, Renderer, Settings};
use crate::ui::fixtures;
use crate::ui::model::{Action, Model};
use crate::ui::shell::tests::Stand;

fn open(model: Model, tab: &str) -> Stand {
    let mut stand = Stand::new(model);
    stand.memory.borrow_mut().open_settings();
    stand.step();
    stand.click(tab);
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

#[test]
fn every_switch_and_choice_asks_for_itself_alone() {
    let base = lobby().settings;
    let mut stand = open(lobby(), "You and devices");
    let mirror = changed(&stand.click("Mirror my picture"));
    assert_eq!(mirror, Settings { mirror: false, ..base.clone() });
    let own = changed(&stand.click("Show my picture in calls"));
    assert_eq!(own, Settings { self_view: false, ..base.clone() });
    let mut stand = open(lobby(), "Sound");
    assert_eq!(changed(&stand.click("Take out echo")), Settings { echo: false, ..base.clone() });
    assert_eq!(changed(&stand.click("Hold down noise")), Settings { noise: false, ..base.clone() });
    assert_eq!(changed(&stand.click("Even out my loudness")), Settings { gain: false, ..base.clone() });
    let mut stand = open(lobby(), "Look");
    assert_eq!(changed(&stand.click("Light")), Settings { look: Look::Light, ..base.clone() });
    assert_eq!(changed(&stand.click("OpenGL")), Settings { renderer: Renderer::Glow, ..base.clone() });
    assert!((changed(&stand.click("Larger")).zoom - 1.1).abs() < 1e-6);
}

#[test]
fn a_name_is_taken_over_when_its_box_is_left() {
    let mut model = fixtures::lobby_first_start();
    model.settings.name.clear();
    let mut stand = open(model, "You and devices");
    let name = |stand: &Stand| stand.harness.query_all_by_label("Your name").last().map(|node| node.focus());
    name(&stand);
    stand.step();
    stand.harness.query_all_by_label("Your name").last().unwrap().type_text("Zoe ");
    stand.step();
    assert_eq!(stand.taken(), []);
    stand.harness.get_by_label("Look").focus();
    stand.step();
    assert_eq!(stand.taken(), [Action::Name("Zoe".into())]);
}

#[test]
fn lists_of_relays_are_added_and_removed() {
    let mut model = lobby();
    model.settings.manifests = vec!["/etc/nearcall/relays.json".into()];
    let mut stand = open(model, "Relays");
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
    let mut stand = open(lobby(), "Relays");
    stand.harness.get_by_label("Another list").focus();
    stand.step();
    stand.harness.get_by_label("Another list").type_text("http://calls.example.org/regions.json");
    stand.step();
    assert!(stand.sees("An address must begin with https://."));
    assert!(stand.harness.get_by_label("Add").accesskit_node().is_disabled());
}

#[test]
fn the_version_and_the_file_are_shown_and_can_be_copied() {
    let mut stand = open(lobby(), "About");
    assert!(stand.sees("/home/ada/.config/nearcall/settings.toml"));
    let copied = stand.click("Copy path");
    let text = "/home/ada/.config/nearcall/settings.toml".to_owned();
    assert_eq!(copied, [Action::Copy { text, said: "Path copied" }]);
    assert!(stand.sees(concat!("Nearcall ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn what_is_typed_stays_until_the_truth_changes() {
    let mut draft = Draft::default();
    draft.follow("a");
    draft.text.push_str("bc");
    draft.follow("a");
    assert_eq!(draft.text, "abc");
    draft.follow("from a link");
    assert_eq!(draft.text, "from a link");
}
