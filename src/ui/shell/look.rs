use std::time::Duration;

use eframe::egui::vec2;

use super::*;
use crate::ui::{fixtures, offscreen};

/// Draws every screen to images in the folder that `NEARCALL_LOOK` names.
#[test]
#[ignore = "for looking at; needs a Vulkan driver"]
fn every_screen_to_an_image() {
    let folder = PathBuf::from(std::env::var_os("NEARCALL_LOOK").expect("NEARCALL_LOOK names a folder"));
    let only = std::env::var("NEARCALL_ONLY").unwrap_or_default();
    let people = |memory: &mut Memory| memory.open_people();
    let regions = |memory: &mut Memory| memory.open_regions();
    let settings = |memory: &mut Memory| memory.open_settings();
    let keys = |memory: &mut Memory| memory.sheet = Some(Sheet::Keys);
    let quit = |memory: &mut Memory| memory.sheet = Some(Sheet::Quit);
    let nothing = |_: &mut Memory| {};
    type Set = fn(&mut Memory);
    let all: Vec<(&str, Model, Set)> = vec![
        ("lobby", fixtures::lobby(Duration::from_secs(5)), nothing),
        ("lobby-racing", fixtures::lobby(Duration::from_secs(1)), nothing),
        ("lobby-nothing", fixtures::lobby_without_anything(), nothing),
        ("lobby-first", fixtures::lobby_first_start(), nothing),
        ("lobby-consent", fixtures::consent(), nothing),
        ("lobby-hosting", fixtures::hosting(), nothing),
        ("call-0", fixtures::call(0), nothing),
        ("call-1", fixtures::call(1), nothing),
        ("call-3-people", fixtures::call(3), people),
        ("call-4-regions", fixtures::call(4), regions),
        ("call-7", fixtures::call(7), nothing),
        ("call-20", fixtures::call(20), nothing),
        ("reconnecting", fixtures::reconnecting(), nothing),
        ("drill", fixtures::drill(), nothing),
        ("settings", fixtures::lobby(Duration::from_secs(5)), settings),
        ("keys", fixtures::call(2), keys),
        ("quit", fixtures::call(2), quit),
    ];
    for (name, model, set) in all.into_iter().filter(|(name, ..)| name.contains(&only)) {
        for (dark, width, height) in
            [(true, 1280.0, 800.0), (true, 900.0, 600.0), (false, 900.0, 600.0), (false, 1280.0, 800.0)]
        {
            let mut memory = Memory::new(Some("/home/ada/.config/nearcall/settings.toml".into()));
            set(&mut memory);
            let mut installed = false;
            let image = offscreen::render(vec2(width, height), 1.0, dark, |ui, painter| {
                if !installed {
                    theme::install(ui.ctx());
                    installed = true;
                    return;
                }
                shell_ui(ui, &model, &mut memory, painter, &mut Vec::new());
            });
            let look = if dark { "dark" } else { "light" };
            image.unwrap().save(folder.join(format!("{name}-{look}-{width}.png"))).unwrap();
        }
    }
}

#[test]
#[ignore = "for looking at; needs a Vulkan driver"]
fn what_opens_to_an_image() {
    use egui_kittest::kittest::Queryable;
    let folder = PathBuf::from(std::env::var_os("NEARCALL_LOOK").expect("NEARCALL_LOOK names a folder"));
    let mut odd = fixtures::call(4);
    fixtures::change(&mut odd, |state, _| {
        state.peers[0].name = None;
        state.peers[1].reconnecting = true;
        state.peers[2].name = Some("A very long name of somebody who could not stop typing it, even when told".into());
        state.peers[2].quality =
            crate::call::state::Quality { audio_loss: Some(0.02), jitter_ms: Some(44.0), ..Default::default() };
        state.own.muted = true;
        state.own.camera = false;
    });
    odd.room.name = Some("the-room-with-a-name-as-long-as-it-may-be-and-then-some-more-letters".into());
    let mut alone = fixtures::call(0);
    alone.room.invite = Some("nearcall://join/kitchen?at=calls.example.org:4433#AAAABBBBCCCCDDDDEEEEFFFFGGGG".into());
    let mut joining = fixtures::lobby(Duration::from_secs(5));
    fixtures::change(&mut joining, |state, _| state.phase = crate::call::state::Phase::Joining);
    let lobby = || fixtures::lobby(Duration::from_secs(5));
    let mut lists = lobby();
    lists.settings.manifests = vec![
        "/etc/nearcall/relays.json".into(),
        "https://calls.example.org/a/very/long/path/that/goes/on/and/on/and/on/regions.json".into(),
    ];
    let all: Vec<(&str, Model, &[&str], bool)> = vec![
        ("open-microphone", fixtures::call(1), &["Microphone and speaker"], false),
        ("open-camera", fixtures::call(1), &["Camera and own picture"], false),
        ("open-picker", lobby(), &["Microphone"], false),
        ("open-odd", odd, &["People"], false),
        ("open-alone", alone, &[], false),
        ("open-joining", joining, &[], false),
        ("open-relays", lists, &["Relays"], true),
        ("open-look", lobby(), &["Look"], true),
        ("open-about", lobby(), &["About"], true),
    ];
    for (name, model, clicks, settings) in all {
        let mut memory = Memory::new(Some("/home/ada/.config/nearcall/settings.toml".into()));
        if settings {
            memory.open_settings();
        }
        let painter = Painter::none();
        let mut harness = egui_kittest::Harness::builder()
            .with_size(vec2(900.0, 600.0))
            .allow_missing_glyphs()
            .with_context_setup(theme::install)
            .wgpu()
            .build_ui(move |ui| shell_ui(ui, &model, &mut memory, &painter, &mut Vec::new()));
        harness.run_steps(3);
        for label in clicks {
            harness.get_by_label(label).click();
            harness.run_steps(6);
        }
        harness.render().unwrap().save(folder.join(format!("{name}.png"))).unwrap();
    }
}
