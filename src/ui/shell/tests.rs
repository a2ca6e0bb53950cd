//! What somebody sees of it and what a click or a key asks, without a display.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use eframe::egui::{Key, Modifiers, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;

use super::*;
use crate::call::command::Talking;
use crate::ui::fixtures;

/// The whole window on a model, without a GPU.
pub(in crate::ui) struct Stand {
    pub harness: Harness<'static>,
    pub model: Rc<RefCell<Model>>,
    pub memory: Rc<RefCell<Memory>>,
    actions: Rc<RefCell<Vec<Action>>>,
}

impl Stand {
    pub fn new(model: Model) -> Self {
        Self::sized(model, 1280.0, 800.0)
    }

    pub fn sized(model: Model, width: f32, height: f32) -> Self {
        let model = Rc::new(RefCell::new(model));
        let memory = Rc::new(RefCell::new(Memory::new(Some("/home/ada/.config/nearcall/settings.toml".into()))));
        let actions = Rc::new(RefCell::new(Vec::new()));
        let (drawn, kept, pushed) = (model.clone(), memory.clone(), actions.clone());
        let painter = Painter::none();
        let harness = Harness::builder()
            .with_size(vec2(width, height))
            .allow_missing_glyphs()
            .with_context_setup(theme::install)
            .build_ui(move |ui| {
                shell_ui(ui, &drawn.borrow(), &mut kept.borrow_mut(), &painter, &mut pushed.borrow_mut());
            });
        let mut stand = Self { harness, model, memory, actions };
        stand.step();
        stand
    }

    /// A few frames: an idle window that shows a countdown never stops on its own.
    pub fn step(&mut self) {
        self.harness.run_steps(4);
    }

    pub fn click(&mut self, label: &str) -> Vec<Action> {
        self.harness.get_by_label(label).click();
        self.step();
        self.taken()
    }

    pub fn press(&mut self, held: Modifiers, key: Key) -> Vec<Action> {
        self.harness.key_press_modifiers(held, key);
        self.step();
        self.taken()
    }

    /// As [`Stand::click`], and stops at the frame that answers.
    pub fn click_and_look(&mut self, label: &str) -> Vec<Action> {
        self.harness.get_by_label(label).click();
        for _ in 0..4 {
            self.harness.step();
            if self.closes() {
                break;
            }
        }
        self.taken()
    }

    /// Whether the last frame asked for the window to be closed.
    pub fn closes(&self) -> bool {
        let commands = &self.harness.output().viewport_output[&egui::ViewportId::ROOT].commands;
        commands.contains(&ViewportCommand::Close)
    }

    pub fn sees(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
            || self.harness.query_all_by_label_contains(label).next().is_some()
    }

    pub fn taken(&mut self) -> Vec<Action> {
        self.actions.borrow_mut().drain(..).collect()
    }
}

#[test]
fn every_state_is_drawn_at_every_size_without_an_action() {
    for (width, height) in [(1280.0, 800.0), (900.0, 600.0), (480.0, 400.0), (200.0, 120.0)] {
        for model in [
            fixtures::lobby(Duration::ZERO),
            fixtures::lobby(Duration::from_secs(5)),
            fixtures::lobby_without_anything(),
            fixtures::lobby_first_start(),
            fixtures::consent(),
            fixtures::hosting(),
            fixtures::call(0),
            fixtures::call(1),
            fixtures::call(40),
            fixtures::reconnecting(),
            fixtures::drill(),
            fixtures::screens(1),
            fixtures::screens(4),
            fixtures::sharing(),
            fixtures::their_network(),
            fixtures::your_network(),
            fixtures::deaf(),
            fixtures::without_oneself(),
            fixtures::chatting(),
            fixtures::hosted(),
        ] {
            let mut stand = Stand::sized(model, width, height);
            assert_eq!(stand.taken(), [], "{width} x {height}");
        }
    }
}

#[test]
fn letters_and_their_chords_do_the_same() {
    let mut stand = Stand::new(fixtures::call(2));
    for (held, key) in [(Modifiers::NONE, Key::M), (Modifiers::COMMAND, Key::D)] {
        assert_eq!(stand.press(held, key), [Action::Mute(true)]);
    }
    for (held, key) in [(Modifiers::NONE, Key::V), (Modifiers::COMMAND, Key::E)] {
        assert_eq!(stand.press(held, key), [Action::Camera(false)]);
    }
    assert_eq!(stand.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::L), [Action::Leave]);
    let off = [Action::Mute(true), Action::Camera(false)];
    assert_eq!(stand.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Space), off);
    assert_eq!(stand.press(Modifiers::SHIFT, Key::M), []);
    assert_eq!(stand.press(Modifiers::ALT, Key::V), []);
}

#[test]
fn the_keys_of_the_settings_take_the_place_of_the_first_ones() {
    let mut model = fixtures::call(2);
    model.settings.keys =
        [("mute".to_owned(), vec!["F9".to_owned()]), ("talk".to_owned(), vec!["F8".to_owned()])].into();
    fixtures::change(&mut model, |state, _| state.own.muted = true);
    let mut stand = Stand::new(model);
    assert_eq!(stand.press(Modifiers::NONE, Key::M), []);
    assert_eq!(stand.press(Modifiers::NONE, Key::F9), [Action::Mute(false)]);
    stand.harness.key_down(Key::F8);
    stand.step();
    assert_eq!(stand.taken(), [Action::Talk(Talking::Starts)]);
    stand.harness.key_up(Key::F8);
    stand.step();
    assert_eq!(stand.taken(), [Action::Talk(Talking::Ends)]);
}

#[test]
fn single_keys_that_are_off_do_nothing_and_their_chords_still_do() {
    let mut model = fixtures::call(2);
    model.settings.single_keys = false;
    let mut stand = Stand::new(model);
    for key in [Key::M, Key::V, Key::P, Key::Questionmark] {
        assert_eq!(stand.press(Modifiers::NONE, key), [], "{key:?}");
    }
    assert!(!stand.sees("People (3)"));
    assert_eq!(stand.press(Modifiers::COMMAND, Key::D), [Action::Mute(true)]);
    stand.press(Modifiers::NONE, Key::F1);
    assert!(stand.sees("Single letters, digits and signs are off"));
}

#[test]
fn everything_is_made_larger_smaller_and_as_at_first_by_keys_that_are_kept() {
    let mut model = fixtures::call(2);
    model.settings.zoom = 1.2;
    let mut stand = Stand::new(model);
    let mut zoom = |held, key| match &stand.press(held, key)[..] {
        [Action::Settings(settings)] => settings.zoom,
        other => panic!("{other:?}"),
    };
    assert_eq!(zoom(Modifiers::COMMAND, Key::Plus), 1.3);
    assert_eq!(zoom(Modifiers::COMMAND | Modifiers::SHIFT, Key::Equals), 1.3);
    assert_eq!(zoom(Modifiers::COMMAND, Key::Minus), 1.1);
    assert_eq!(zoom(Modifiers::COMMAND, Key::Num0), 1.0);
    stand.model.borrow_mut().settings.zoom = 3.0;
    assert_eq!(stand.press(Modifiers::COMMAND, Key::Plus), [], "it is as large as it may be");
    assert_eq!(stand.harness.ctx.zoom_factor(), 1.0, "egui itself leaves these keys alone");
}

#[test]
fn one_key_turns_microphone_and_camera_off_whatever_is_open() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.memory.borrow_mut().open_settings();
    stand.step();
    let pressed = stand.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Space);
    assert_eq!(pressed, [Action::Mute(true), Action::Camera(false)]);
}

#[test]
fn letters_are_text_while_a_text_box_has_the_keyboard() {
    let mut stand = Stand::new(fixtures::lobby(Duration::from_secs(5)));
    stand.harness.get_by_label("Your name").focus();
    stand.step();
    assert_eq!(stand.press(Modifiers::NONE, Key::M), []);
    assert_eq!(stand.press(Modifiers::COMMAND, Key::D), [Action::Mute(true)]);
}

#[test]
fn everything_is_off_at_once_also_while_one_types_or_has_a_sheet_open() {
    let off = [Action::Mute(true), Action::Camera(false)];
    let panic = Modifiers::COMMAND | Modifiers::SHIFT;
    let mut muted = fixtures::call(2);
    fixtures::change(&mut muted, |state, _| (state.own.muted, state.own.camera) = (true, false));
    let mut stand = Stand::new(muted);
    assert_eq!(stand.press(panic, Key::Space), off, "whatever they are now");
    stand.memory.borrow_mut().open_settings();
    stand.step();
    assert_eq!(stand.press(panic, Key::Space), off);
    let mut lobby = Stand::new(fixtures::lobby(Duration::from_secs(5)));
    lobby.harness.get_by_label("Your name").focus();
    lobby.step();
    assert_eq!(lobby.press(panic, Key::Space), off);
}

#[test]
fn full_screen_has_a_key_a_letter_a_button_and_a_way_out() {
    let asked = |stand: &Stand| {
        let commands = &stand.harness.output().viewport_output[&egui::ViewportId::ROOT].commands;
        commands.iter().find_map(|command| match command {
            ViewportCommand::Fullscreen(on) => Some(*on),
            _ => None,
        })
    };
    for key in [Key::F11, Key::S] {
        let mut stand = Stand::new(fixtures::call(1));
        stand.harness.key_down(key);
        stand.harness.step();
        assert_eq!(asked(&stand), Some(true), "{key:?}");
    }
    let mut stand = Stand::new(fixtures::call(1));
    let viewport = stand.harness.input_mut().viewports.get_mut(&egui::ViewportId::ROOT);
    viewport.expect("there is a window").fullscreen = Some(true);
    stand.press(Modifiers::NONE, Key::P);
    assert!(stand.sees("Leave full screen (F11)"));
    stand.harness.key_up(Key::Escape);
    stand.harness.step();
    stand.harness.key_down(Key::Escape);
    stand.harness.step();
    assert_eq!(asked(&stand), None, "first the drawer closes");
    stand.step();
    stand.harness.key_up(Key::Escape);
    stand.harness.step();
    stand.harness.key_down(Key::Escape);
    stand.harness.step();
    assert_eq!(asked(&stand), Some(false));
}

#[test]
fn keys_open_and_close_the_drawers_and_the_sheets() {
    let mut stand = Stand::new(fixtures::call(2));
    stand.press(Modifiers::NONE, Key::P);
    assert!(stand.sees("People (3)"));
    stand.press(Modifiers::NONE, Key::N);
    assert!(!stand.sees("People (3)") && stand.sees("Close the drawer"));
    stand.press(Modifiers::NONE, Key::F1);
    assert!(stand.sees("Microphone on or off"));
    assert_eq!(stand.press(Modifiers::NONE, Key::M), [], "a sheet has the keyboard");
    stand.press(Modifiers::NONE, Key::Escape);
    assert!(!stand.sees("Microphone on or off") && stand.sees("Close the drawer"));
    stand.press(Modifiers::NONE, Key::Escape);
    assert!(!stand.sees("Close the drawer"));
    stand.press(Modifiers::COMMAND, Key::Comma);
    assert!(stand.sees("Hold down noise"));
    stand.click("Close");
    assert!(!stand.sees("Hold down noise"));
}

#[test]
fn the_key_that_quits_asks_first_in_a_call() {
    let mut stand = Stand::new(fixtures::call(1));
    assert_eq!(stand.press(Modifiers::COMMAND, Key::Q), []);
    assert!(stand.sees("Leave the call and quit?"));
    stand.click("Stay");
    assert!(!stand.sees("Leave the call and quit?"));
    stand.press(Modifiers::COMMAND, Key::Q);
    assert!(stand.sees("The others stay in the call."));
    assert_eq!(stand.click_and_look("Leave and quit"), [], "the window leaves as it closes: no lobby opens before");
    assert!(stand.closes());
}

#[test]
fn who_hosts_is_told_that_quitting_ends_the_call_for_everybody() {
    let mut hosts = fixtures::call(1);
    hosts.hosting = fixtures::hosting().hosting;
    for (model, question) in [(hosts, "Leave the call and quit?"), (fixtures::hosting(), "Stop hosting and quit?")] {
        let mut stand = Stand::new(model);
        stand.press(Modifiers::COMMAND, Key::Q);
        assert!(stand.sees(question) && stand.sees("This computer carries the call: it ends for everybody."));
        assert!(!stand.sees("The others stay"));
        stand.click("Stay");
        assert!(!stand.sees(question));
    }
}

#[test]
fn a_call_that_is_lost_keeps_its_screen_and_joining_keeps_the_lobby() {
    let stand = Stand::new(fixtures::reconnecting());
    assert!(stand.sees("Reconnecting…") && stand.sees("Ben Okafor"));
    let mut model = fixtures::lobby(Duration::from_secs(5));
    fixtures::change(&mut model, |state, _| state.phase = Phase::Joining);
    let mut stand = Stand::new(model);
    assert!(stand.sees("Joining…"));
    assert_eq!(stand.click("Cancel"), [Action::Leave]);
}

#[test]
fn an_idle_window_asks_for_no_frame_before_something_changes() {
    let cases = [
        (fixtures::lobby(Duration::from_secs(5)), Duration::from_secs(60)),
        (fixtures::lobby_without_anything(), Duration::from_secs(60)),
        (fixtures::call(4), Duration::from_millis(900)),
        (fixtures::reconnecting(), Duration::from_millis(900)),
    ];
    for (model, least) in cases {
        let mut stand = Stand::new(model);
        stand.step();
        let output = stand.harness.output();
        let delay = output.viewport_output[&egui::ViewportId::ROOT].repaint_delay;
        assert!(delay >= least, "{delay:?}");
    }
}

/// A call of somebody who is muted.
fn muted() -> Stand {
    let mut model = fixtures::call(2);
    fixtures::change(&mut model, |state, _| state.own.muted = true);
    Stand::new(model)
}

#[test]
fn space_opens_the_microphone_of_who_is_muted_for_as_long_as_it_is_held() {
    let talk = |talking| [Action::Talk(talking)];
    let mut stand = muted();
    stand.harness.key_down(Key::Space);
    stand.step();
    assert_eq!(stand.taken(), talk(Talking::Starts));
    stand.model.borrow_mut().now += Duration::from_millis(200);
    stand.step();
    assert_eq!(stand.taken(), talk(Talking::GoesOn));
    stand.harness.key_up(Key::Space);
    stand.step();
    assert_eq!(stand.taken(), talk(Talking::Ends));

    type End = (&'static str, fn(&mut Stand));
    let ends: [End; 5] = [
        ("the window loses the keyboard", |stand| stand.harness.event(egui::Event::WindowFocused(false))),
        ("a sheet opens", |stand| stand.memory.borrow_mut().open_keys()),
        ("the call ends", |stand| *stand.model.borrow_mut() = fixtures::lobby(Duration::ZERO)),
        ("something takes the keyboard", |stand| {
            stand.harness.get_by_label("More").focus();
        }),
        ("the key says nothing any more", |stand| stand.model.borrow_mut().now += Duration::from_secs(3)),
    ];
    for (what, end) in ends {
        let mut stand = muted();
        stand.harness.key_down(Key::Space);
        stand.step();
        assert_eq!(stand.taken(), talk(Talking::Starts), "{what}");
        end(&mut stand);
        stand.step();
        assert_eq!(stand.taken(), talk(Talking::Ends), "{what}");
        stand.step();
        assert_eq!(stand.taken(), [], "{what}");
    }
}

#[test]
fn space_is_no_push_to_talk_for_who_is_heard_or_stands_on_a_button_or_is_in_the_lobby() {
    let mut stand = Stand::new(fixtures::call(2));
    assert_eq!(stand.press(Modifiers::NONE, Key::Space), []);
    let mut stand = muted();
    stand.harness.get_by_label("Regions").focus();
    stand.step();
    stand.press(Modifiers::NONE, Key::Space);
    assert_eq!(stand.taken(), [], "the button has it");
    let mut lobby = fixtures::lobby(Duration::from_secs(5));
    fixtures::change(&mut lobby, |state, _| state.own.muted = true);
    assert_eq!(Stand::new(lobby).press(Modifiers::NONE, Key::Space), []);
}

#[test]
fn who_is_muted_is_told_when_it_matters() {
    let mut stand = muted();
    let hint = "You are muted: press M, or hold Space, to be heard";
    assert!(!stand.sees(hint));
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| state.own.talks_unheard = true);
    stand.step();
    assert!(stand.sees(hint));
    stand.model.borrow_mut().settings.keys = [("talk".to_owned(), vec!["F8".to_owned()])].into();
    stand.step();
    assert!(stand.sees("You are muted: press M, or hold F8, to be heard"));
    stand.model.borrow_mut().settings.keys.clear();
    fixtures::change(&mut stand.model.borrow_mut(), |state, _| {
        (state.own.muted, state.own.holds_to_talk, state.own.talks_unheard) = (false, true, false);
    });
    stand.step();
    assert!(!stand.sees(hint) && stand.sees("You are heard while you hold Space"));
}

#[test]
fn a_link_that_comes_in_a_call_is_a_question_and_whatever_closes_it_is_a_no() {
    let mut stand = Stand::new(fixtures::offered());
    assert!(stand.sees("The link leads to the room garden."));
    assert_eq!(stand.press(Modifiers::NONE, Key::M), [], "letters rest under a sheet");
    for close in ["Stay here", "Close"] {
        assert_eq!(stand.click(close)[..1], [Action::Offered(false)], "{close}");
    }
    let mut stand = Stand::new(fixtures::offered());
    assert_eq!(stand.press(Modifiers::NONE, Key::Escape)[..1], [Action::Offered(false)]);
    let mut stand = Stand::new(fixtures::offered());
    assert_eq!(stand.click("Leave this call")[..1], [Action::Offered(true)]);
    stand.model.borrow_mut().offered = None;
    stand.step();
    assert!(!stand.sees("Leave this call") && stand.memory.borrow().sheet.is_none());
}
