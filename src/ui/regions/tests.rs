//! What somebody sees of it and what a click or a key asks, without a display.

use std::time::Duration;

use eframe::egui;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::election::Command;
use crate::ui::model::{Drill, Format};
use crate::ui::{fixtures, theme};

type Draw = fn(&mut Ui, &Model, &mut Memory, &mut Vec<Action>);

const RACE: Draw = race_ui;
const PANEL: Draw = panel_ui;
const BANNER: Draw = |ui, model, _, actions| banner_ui(ui, model, actions);

/// A window that draws one of the views.
struct Window {
    draw: Draw,
    model: Model,
    memory: Memory,
    actions: Vec<Action>,
}

fn window(draw: Draw, model: Model, width: f32) -> Harness<'static, Window> {
    let window = Window { draw, model, memory: Memory::default(), actions: Vec::new() };
    let mut harness =
        Harness::builder().with_size(egui::vec2(width, 2400.0)).with_context_setup(theme::install).build_ui_state(
            |ui, window: &mut Window| (window.draw)(ui, &window.model, &mut window.memory, &mut window.actions),
            window,
        );
    harness.run_steps(3);
    harness
}

/// Everything that a screen reader can say.
fn said(harness: &Harness<'_, Window>) -> String {
    let nodes = harness.root().children_recursive();
    nodes
        .filter_map(|node| node.accesskit_node().label().or(node.accesskit_node().value()))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Clicks what is named so, and returns what that asked for.
fn click(harness: &mut Harness<'_, Window>, name: &str) -> Vec<Action> {
    harness.state_mut().actions.clear();
    harness.get_by_label(name).click();
    harness.run_steps(3);
    harness.state_mut().actions.clone()
}

const SINGAPORE: &str = "singapore, webtransport, 42 ms, jitter 1.3 ms, no loss, in use";
const TOKYO: &str = "tokyo, webtransport, 77 ms, jitter 1.3 ms, no loss, standby";

#[test]
fn every_way_to_every_relay_has_a_node_that_says_all_of_its_row() {
    let said = said(&window(PANEL, fixtures::call(2), 400.0));
    for row in [
        SINGAPORE,
        TOKYO,
        "singapore, websocket, 44 ms, jitter 1.3 ms, 11 % loss, ready",
        "us-west, webtransport, 183 ms, jitter 1.3 ms, no loss, draining",
        "sao-paulo, webtransport, no answer, no answer in 5 s: UDP may be blocked",
    ] {
        assert!(said.contains(row), "{row}\n{said}");
    }
}

#[test]
fn figures_that_are_old_say_how_old_they_are() {
    let mut model = fixtures::call(2);
    fixtures::change(&mut model, |state, now| {
        let row = &mut state.candidates[4];
        (row.mean_ms, row.state) = (None, crate::election::LinkState::Idle);
        row.measured = now.checked_sub(Duration::from_secs(130));
    });
    let said = said(&window(PANEL, model, 400.0));
    assert!(said.contains("frankfurt, webtransport, idle, last answer 2:10 ago"), "{said}");
    assert!(!said.contains("singapore, webtransport, 42 ms, jitter 1.3 ms, no loss, in use, last"), "{said}");
}

#[test]
fn each_peer_s_delay_is_said_by_its_parts_and_what_is_not_known_has_a_dash() {
    let said = said(&window(PANEL, fixtures::call(3), 400.0)).replace('\u{a0}', " ");
    for words in [
        ", from mouth to ear: 143 ms; C capture 24 · E encode 1 · U uplink 9 · R between regions 31 · D downlink 12 · \
            J jitter buffer 38 · d decode 1 · P playout 27; picture 5 ms before the sound",
        "P playout –",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn the_race_counts_down_then_says_who_won_and_why() {
    let running = said(&window(RACE, fixtures::lobby(Duration::from_millis(900)), 440.0));
    assert!(running.contains("Measuring 6 relays, 2.1 s left"), "{running}");
    assert!(running.contains("singapore leads – 42 ms"), "{running}");
    let over = said(&window(RACE, fixtures::lobby(Duration::from_secs(5)), 440.0));
    assert!(over.contains("singapore won – 42 ms"), "{over}");
    assert!(over.contains("35 ms before tokyo-1 by WebTransport"), "{over}");
}

#[test]
fn all_can_be_measured_again_once_the_window_is_over_and_in_the_lobby_alone() {
    let mut over = window(RACE, fixtures::lobby(Duration::from_secs(5)), 440.0);
    assert_eq!(click(&mut over, "Measure again"), [Action::RaceAgain]);
    let mut running = window(RACE, fixtures::lobby(Duration::from_secs(1)), 440.0);
    assert_eq!(click(&mut running, "Measure again"), []);
    assert!(window(RACE, fixtures::call(1), 440.0).query_by_label("Measure again").is_none());
}

#[test]
fn a_lobby_without_relays_says_what_is_missing_and_what_to_do() {
    let first = said(&window(RACE, fixtures::lobby_first_start(), 440.0));
    assert!(first.contains("Paste an invite link"), "{first}");
    let failed = said(&window(RACE, fixtures::lobby_without_anything(), 440.0));
    assert!(failed.contains("cannot fetch the manifest"), "{failed}");
    let mut silent = fixtures::lobby(Duration::from_secs(5));
    fixtures::change(&mut silent, |state, _| {
        state.race.leader = None;
        state.candidates.drain(..10);
    });
    let silent = said(&window(RACE, silent, 440.0));
    assert!(silent.contains("No relay answers."), "{silent}");
}

#[test]
fn a_row_opens_and_offers_what_can_be_asked_of_the_election() {
    let command = |command, seconds: Option<u64>| [Action::Elect(command, seconds.map(Duration::from_secs))];
    let mut panel = window(PANEL, fixtures::call(2), 400.0);
    assert!(panel.query_by_label("Pin tokyo").is_none());
    click(&mut panel, TOKYO);
    let tokyo = || "tokyo".to_owned();
    assert_eq!(click(&mut panel, "Move to tokyo now"), command(Command::Force(tokyo()), None));
    assert_eq!(click(&mut panel, "Pin tokyo"), command(Command::Pin(Some(tokyo())), None));
    assert_eq!(click(&mut panel, "Block tokyo for 30 s"), command(Command::Block(tokyo()), Some(30)));
    assert_eq!(click(&mut panel, "Block tokyo for 2 min"), command(Command::Block(tokyo()), Some(120)));
    assert_eq!(click(&mut panel, "Block tokyo for 10 min"), command(Command::Block(tokyo()), Some(600)));
    assert!(panel.query_by_label_contains("until stopped").is_none(), "every block ends by itself");
    click(&mut panel, SINGAPORE);
    assert!(panel.query_by_label("Pin tokyo").is_none(), "one row is open at a time");
    assert!(panel.query_by_label("Move to singapore now").is_none(), "the call is there already");
}

#[test]
fn a_row_opens_by_the_keyboard_alone() {
    let mut panel = window(PANEL, fixtures::call(2), 400.0);
    panel.get_by_label(TOKYO).focus();
    panel.run_steps(2);
    panel.key_press(egui::Key::Enter);
    panel.run_steps(2);
    assert!(panel.query_by_label("Pin tokyo").is_some());
    panel.key_press(egui::Key::Tab);
    panel.run_steps(2);
    assert!(panel.get_by_label("Move to tokyo now").is_focused());
}

#[test]
fn wishes_and_drills_show_their_countdown_and_can_be_ended_one_by_one() {
    let mut panel = window(PANEL, fixtures::drill(), 400.0);
    let words = said(&panel);
    for expected in ["tokyo blocked – 0:41", "frankfurt dead – 0:41", "us-east draining – 0:41", "blocked", "pinned"]
    {
        assert!(words.contains(expected), "{expected}\n{words}");
    }
    assert_eq!(click(&mut panel, "Unpin singapore now"), [Action::Elect(Command::Pin(None), None)]);
    assert_eq!(click(&mut panel, "Unblock tokyo now"), [Action::Elect(Command::Unblock("tokyo".into()), None)]);
    assert_eq!(click(&mut panel, "Revive frankfurt"), [Action::Drill("frankfurt".into(), Drill::Revive)]);
    for (name, drill) in [("Kill", Drill::Kill), ("Drain", Drill::Drain), ("Slow down", Drill::Degrade)] {
        assert_eq!(click(&mut panel, &format!("{name} singapore")), [Action::Drill("singapore".into(), drill)]);
    }
}

#[test]
fn in_every_call_a_failure_can_be_rehearsed_and_says_what_the_last_one_cost() {
    let mut panel = window(PANEL, fixtures::call(2), 400.0);
    let block = |seconds| [Action::Elect(Command::Block("singapore-1".into()), Some(Duration::from_secs(seconds)))];
    assert_eq!(click(&mut panel, "Leave singapore for 30 s"), block(30));
    assert_eq!(click(&mut panel, "Leave singapore for 2 min"), block(120));
    let said = said(&panel);
    assert!(said.contains("The last one: to singapore – 75 ms before, 40 ms after, audio gap 0 ms"), "{said}");
    assert!(window(PANEL, fixtures::reconnecting(), 400.0).query_by_label("Leave singapore for 30 s").is_none());
}

#[test]
fn in_use_fastest_and_pinned_are_told_apart() {
    let mut model = fixtures::drill();
    fixtures::change(&mut model, |state, _| state.candidates[4].mean_ms = Some(31.0));
    let said = said(&window(PANEL, model, 400.0));
    for words in ["In use: singapore, 42 ms", "Fastest: frankfurt, 31 ms", "Pinned: singapore, 42 ms", ", fastest"] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn everybody_s_way_to_every_region_is_said_and_which_region_is_best_for_all() {
    let said_in = |peers: usize| said(&window(PANEL, fixtures::call(peers), 480.0));
    let said = said_in(2);
    for words in [
        "You: on singapore-1 by WebTransport, 42 ms; singapore 42 ms, tokyo 77 ms",
        "Ben Okafor: on tokyo-1 by WebTransport, 9 ms; singapore 71 ms, tokyo 9 ms",
        "Chloé Martin: on frankfurt-1 by WebSocket, 12 ms;",
        "sao-paulo no answer",
        "singapore is the best for all who said: 166 ms to the one who is farthest",
        "From singapore: tokyo 68 ms, frankfurt 158 ms, us-east 215 ms",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
    assert!(said_in(3).contains("Dmitri: has not said where; singapore not known"));
    assert!(!said_in(0).contains("Everybody and every region"), "alone");
}

#[test]
fn the_banner_stops_everything_at_once_and_is_away_when_nothing_is_in_force() {
    let mut banner = window(BANNER, fixtures::drill(), 900.0);
    let words = "Drill: tokyo blocked – 0:41 · frankfurt dead – 0:41 · us-east draining – 0:41";
    assert!(said(&banner).contains(words), "a pin for good is no drill");
    let wanted = [
        Action::StopWishes,
        Action::Drill("frankfurt".into(), Drill::Revive),
        Action::Drill("us-east".into(), Drill::Revive),
    ];
    assert_eq!(click(&mut banner, "Stop all"), wanted);
    for calm in [fixtures::call(2), fixtures::lobby_first_start()] {
        assert!(window(BANNER, calm, 900.0).query_by_label("Stop all").is_none());
    }
}

#[test]
fn the_timeline_says_what_a_move_cost_and_why_there_was_none() {
    let words = said(&window(PANEL, fixtures::call(2), 400.0));
    for expected in [
        "10:10, Moved from tokyo to singapore, you blocked the old one, 75 to 40 ms, audio gap 0 ms, video gap 0 ms",
        "8:42, Moved from singapore to tokyo, the old link fell silent or closed, 40 to 75 ms, audio gap 212 ms",
        "Stayed: singapore-1 webtransport is not worth a move, 9 ms better: less than 10 ms or 20 %",
    ] {
        assert!(words.contains(expected), "{expected}\n{words}");
    }
    let newest = words.find("10:10, Moved").unwrap();
    assert!(newest < words.find("8:42, Moved").unwrap());
    let mut fresh = fixtures::call(2);
    fresh.timeline.clear();
    assert!(said(&window(PANEL, fresh, 400.0)).contains("Nothing yet."));
}

#[test]
fn a_long_call_draws_a_bounded_timeline() {
    let mut model = fixtures::call(2);
    let entry = model.timeline[1].clone();
    model.timeline.extend(std::iter::repeat_n(entry, 500));
    let words = said(&window(PANEL, model, 400.0));
    assert!(words.contains("448 older: they are in the export."), "{words}");
}

#[test]
fn the_export_is_asked_for_and_the_text_goes_to_the_clipboard() {
    let mut panel = window(PANEL, fixtures::call(2), 400.0);
    assert_eq!(click(&mut panel, "Export JSON"), [Action::Export(Format::Json)]);
    assert_eq!(click(&mut panel, "Export CSV"), [Action::Export(Format::Csv)]);
    assert_eq!(click(&mut panel, "Export PNG"), [Action::Export(Format::Png)]);
    let copied = click(&mut panel, "Copy as text");
    assert!(matches!(&copied[..], [Action::Copy { text, .. }] if text.contains("In use:  singapore by WebTransport")));
}

#[test]
fn rows_stay_where_they_are_while_the_pointer_is_over_them() {
    let mut race = window(RACE, fixtures::lobby(Duration::from_secs(1)), 440.0);
    let before = race.state().memory.order.clone();
    let row = race.state().memory.rows.unwrap();
    race.hover_at(row.center());
    race.state_mut().model = fixtures::lobby(Duration::from_secs(5));
    race.run_steps(3);
    assert_eq!(race.state().memory.order, before);
    race.hover_at(egui::pos2(5.0, 2390.0));
    race.run_steps(3);
    assert_ne!(race.state().memory.order, before);
}

#[test]
fn a_window_where_nothing_moves_by_itself_asks_for_no_frame() {
    let mut race = window(RACE, fixtures::lobby(Duration::from_secs(5)), 440.0);
    race.run();
    let delay = race.output().viewport_output.values().map(|output| output.repaint_delay).min().unwrap();
    assert!(delay > Duration::from_secs(60), "{delay:?}");
}

#[test]
fn every_state_is_drawn_in_every_width_without_a_panic() {
    let mut starting = fixtures::lobby_first_start();
    starting.call = None;
    let models = [
        starting,
        fixtures::lobby(Duration::ZERO),
        fixtures::lobby(Duration::from_secs(5)),
        fixtures::lobby_without_anything(),
        fixtures::lobby_first_start(),
        fixtures::call(0),
        fixtures::reconnecting(),
        fixtures::drill(),
        fixtures::hosting(),
        fixtures::consent(),
    ];
    for model in models {
        for width in [120.0, 340.0, 900.0] {
            for draw in [RACE, PANEL, BANNER] {
                window(draw, model.clone(), width);
            }
        }
    }
}
