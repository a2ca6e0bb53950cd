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
