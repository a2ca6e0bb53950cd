//! Every control on one board, for eyes: `cargo test --lib board -- --ignored` leaves pictures of it in the folder for
//! temporary files.

use eframe::egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Response, Role, Slider, Theme, Ui, vec2};
use egui_kittest::Harness;

use super::*;
use crate::ui::icons;
use crate::ui::theme::{self, Type, space};

/// What the board lets one change.
#[derive(Default)]
pub(super) struct Board {
    pub name: String,
    pub mirror: bool,
    pub noise: bool,
    pub look: usize,
    pub picked: Option<usize>,
    pub answered: Option<ToastAnswer>,
    pub pressed: Vec<&'static str>,
    pub level: f32,
    pub toasts: bool,
}

pub(super) fn board_ui(ui: &mut Ui, board: &mut Board) {
    let colours = theme::palette(ui.ctx());
    let frame = Frame::new().fill(colours.ground).inner_margin(Margin::same(24));
    CentralPanel::no_frame().frame(frame).show(ui, |ui| {
        banners_ui(ui, board);
        ui.add_space(space::S);
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            left.vertical(|ui| lobby_ui(ui, board));
            right.vertical(|ui| figures_ui(ui, board));
        });
        ui.add_space(space::M);
        toolbar_ui(ui, board);
    });
    if board.toasts {
        let toasts = [
            Toast::new(Kind::Info, "Headset gone. Using Built-in microphone.").with_action("Choose another"),
            Toast::new(Kind::Good, "Moved to eu-north. Nobody lost a word."),
            Toast::new(Kind::Warning, "You are muted. Press M to talk."),
        ];
        board.answered = toast_ui(ui.ctx(), &toasts, theme::TOOLBAR).or(board.answered);
    }
}

fn banners_ui(ui: &mut Ui, board: &mut Board) {
    banner(ui, Kind::Info, "A link was opened. Leave this call and join it?", |ui| {
        if secondary(ui, "Stay").clicked() {
            board.pressed.push("Stay");
        }
        if primary(ui, "Join it").clicked() {
            board.pressed.push("Join it");
        }
    });
    banner(ui, Kind::Danger, "Reconnecting. Attempt 2, next in 4 s.", |ui| {
        if secondary_icon(ui, icons::REFRESH, "Retry now").clicked() {
            board.pressed.push("Retry now");
        }
    });
    banner(ui, Kind::Good, "Back in the call after 1.2 s.", |_| {});
    drill_banner(ui, "Drill: eu-west is blocked for you. 0:41 left.", |ui| {
        if secondary(ui, "End drill").clicked() {
            board.pressed.push("End drill");
        }
    });
}

fn lobby_ui(ui: &mut Ui, board: &mut Board) {
    ui.label(theme::title("Join a call"));
    ui.label(theme::note(ui.ctx(), "Camera and microphone stay with you until you join."));
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        field(ui, "Your name", "How others see you", &mut board.name);
        let microphones = [("Default (Built-in microphone)".to_owned(), true), ("USB headset".to_owned(), false)];
        let made = picker(ui, "Microphone", icons::MIC, &microphones[0].0, &microphones);
        board.picked = made.or(board.picked);
        meter(ui, board.level, "Microphone level");
        picker(ui, "Camera", icons::CAMERA, "A camera with a very long name that goes on and on (1280 x 720)", &[]);
        switch(ui, &mut board.mirror, "Mirror my picture");
        switch(ui, &mut board.noise, "Suppress noise");
        segmented(ui, "Look", &["System", "Dark", "Light"], &mut board.look);
        if primary_wide(ui, icons::ARROW_RIGHT, "Join").clicked() {
            board.pressed.push("Join");
        }
        ui.horizontal(|ui| {
            secondary_icon(ui, icons::COPY, "Copy invite");
            danger_icon(ui, icons::POWER, "Kill relay");
            quiet(ui, "Cancel");
            icon_button(ui, icons::SETTINGS, "Settings");
        });
        ui.add_enabled_ui(false, |ui| {
            ui.horizontal(|ui| {
                primary(ui, "Not yet");
                secondary(ui, "Nor this");
            });
        });
    });
}

fn figures_ui(ui: &mut Ui, board: &mut Board) {
    let colours = theme::palette(ui.ctx());
    section(ui, "Regions");
    card(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            badge(ui, icons::SIGNAL, "In use", colours.in_use);
            badge(ui, icons::FASTEST, "Fastest", colours.fastest);
            badge(ui, icons::PIN_FILL, "Pinned", colours.accent_text);
            badge(ui, icons::BLOCK, "Blocked", colours.poor);
            badge(ui, icons::DOWN, "Down", colours.down);
            badge(ui, "", "Stale", colours.weak);
        });
        for (name, mean, jitter, loss) in [
            ("eu-west", Some(23.4), Some(1.8), Some(0.0)),
            ("eu-north", Some(138.9), Some(14.0), Some(0.012)),
            ("us-east", Some(311.1), Some(17.7), Some(0.04)),
            ("ap-south", None, None, Some(1.0)),
        ] {
            let grade = quality(mean, jitter, loss);
            ui.horizontal(|ui| {
                ui.set_min_height(24.0);
                ui.add_sized(vec2(80.0, 20.0), Label::new(theme::strong_text(name)).halign(Align::Min));
                let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{figure:.1}"));
                for value in [figure(mean), figure(jitter)] {
                    ui.allocate_ui_with_layout(vec2(56.0, 20.0), Layout::right_to_left(Align::Center), |ui| {
                        ui.set_min_width(56.0);
                        ui.label(theme::figure(value));
                    });
                }
                ui.add_space(space::S);
                label_icon(ui, grade.icon(), grade.word(), grade.colour(colours));
            });
            divider(ui);
        }
        ui.label(theme::figure("1:11:11  0123456789  -17.4 ms  ±1.8  0.4 %"));
        ui.label(Type::StrongFigures.text("8:08:08  0123456789  -17.4 ms  ±1.8  0.4 %"));
        ui.label("The quick brown fox jumps over the lazy dog. Größe, façade, Привет, Ελλάδα, Tiếng Việt.");
        ui.label(theme::strong_text("won 14:02:11: lowest cost (worst member 61 ms; next us-east 118 ms)"));
        ui.label(theme::note(ui.ctx(), "Hold: needs 10 ms and 33 % for 20 s. AVAW To Ta Yo -> => 10x20"));
        ui.horizontal(|ui| {
            for key in ["M", "V", "Ctrl+D", "Space", "F11"] {
                key_hint(ui, key);
            }
        });
        for level in [0.0, 0.02, 0.3, 1.0] {
            meter(ui, level, "Sample level");
        }
        let mut value = 0.6_f32;
        ui.add(Slider::new(&mut value, 0.0..=2.0).text("Volume"));
        ui.checkbox(&mut board.mirror, "A plain check box");
    });
    ui.horizontal_wrapped(|ui| {
        for icon in [
            icons::MIC,
            icons::CAMERA,
            icons::LEAVE,
            icons::SETTINGS,
            icons::PEOPLE,
            icons::REGIONS,
            icons::TROPHY,
            icons::PIN,
            icons::SNOWFLAKE,
            icons::HOST,
            icons::DRAIN,
            icons::PLUGS,
            icons::SUN,
            icons::MOON,
            icons::LOCK,
        ] {
            ui.label(icons::text(icon, 20.0));
        }
    });
}

fn toolbar_ui(ui: &mut Ui, board: &mut Board) {
    let mut press = |response: Response, name| {
        if response.clicked() {
            board.pressed.push(name);
        }
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        press(round(ui, icons::MIC, "Microphone", "M", Tone::Plain), "Microphone");
        press(round(ui, icons::CAMERA_OFF, "Camera", "V", Tone::Off), "Camera");
        press(round(ui, icons::REGIONS, "Regions", "N", Tone::Active), "Regions");
        press(round(ui, icons::PEOPLE, "People", "P", Tone::Plain), "People");
        press(round(ui, icons::LEAVE, "Leave", "", Tone::Danger), "Leave");
    });
}

pub(super) fn harness(theme: Theme, scale: f32, board: Board) -> Harness<'static, Board> {
    Harness::builder()
        .with_size(vec2(1080.0, 1010.0))
        .with_pixels_per_point(scale)
        .with_theme(theme)
        .with_context_setup(theme::install)
        .build_ui_state(board_ui, board)
}

/// The banners where there is little room.
#[test]
#[ignore = "for eyes; needs a driver that draws"]
fn narrow_banners_as_a_picture() {
    let mut harness = Harness::builder()
        .with_size(vec2(340.0, 480.0))
        .with_pixels_per_point(2.0)
        .with_context_setup(theme::install)
        .build_ui_state(banners_ui, Board::default());
    harness.run();
    let picture = harness.render().expect("a driver that draws");
    let path = std::env::temp_dir().join("board-narrow.png");
    picture.save(&path).expect("the folder for temporary files can be written");
}

/// A picture of every state that the eye should see, in both themes and two scales.
#[test]
#[ignore = "for eyes; needs a driver that draws"]
fn board_as_pictures() {
    use egui_kittest::kittest::Queryable;
    for (theme, scale) in [(Theme::Dark, 1.0), (Theme::Dark, 2.0), (Theme::Light, 1.0), (Theme::Light, 2.0)] {
        let board = Board { mirror: true, look: 1, level: 0.12, toasts: scale > 1.0, ..Board::default() };
        let mut harness = harness(theme, scale, board);
        harness.run();
        if scale > 1.0 {
            harness.get_by_role_and_label(Role::Button, "Regions").focus();
        } else {
            let (role, name) = match theme {
                Theme::Dark => (Role::ComboBox, "Microphone"),
                Theme::Light => (Role::Button, "Camera"),
            };
            harness.get_by_role_and_label(role, name).hover();
            harness.run_steps(4);
            if theme == Theme::Dark {
                harness.get_by_role_and_label(role, name).click();
            }
            harness.run_steps(10);
        }
        harness.run();
        let picture = harness.render().expect("a driver that draws");
        let path = std::env::temp_dir().join(format!("board-{theme:?}-{scale}.png"));
        picture.save(&path).expect("the folder for temporary files can be written");
    }
}
