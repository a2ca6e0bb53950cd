use std::time::Duration;

use eframe::egui;
use egui_kittest::Harness;

use super::*;
use crate::ui::{fixtures, theme};

/// Writes what the eye has to judge to the folder in `NEARCALL_SHOTS`.
#[test]
#[ignore = "draws pictures for a person; needs a Vulkan driver"]
fn shots() {
    let Ok(folder) = std::env::var("NEARCALL_SHOTS") else { return };
    let race: fn(&mut Ui, &Model, &mut Memory, &mut Vec<Action>) = race_ui;
    let panel: fn(&mut Ui, &Model, &mut Memory, &mut Vec<Action>) = panel_ui;
    let over = || fixtures::lobby(Duration::from_secs(5));
    let opened = || Memory { open: Some("tokyo-1".into()), ..Memory::default() };
    let shots = [
        ("race-wide", fixtures::lobby(Duration::from_millis(1100)), race, 868.0, 560.0, Memory::default()),
        ("race-over", over(), race, 640.0, 560.0, opened()),
        ("race-narrow", over(), race, 440.0, 600.0, Memory::default()),
        ("race-none", fixtures::lobby_without_anything(), race, 440.0, 200.0, Memory::default()),
        ("panel", fixtures::drill(), panel, 400.0, 1500.0, opened()),
        ("panel-narrow", fixtures::call(2), panel, 350.0, 600.0, Memory::default()),
    ];
    for (name, model, draw, width, height, memory) in shots {
        for (look, word) in [(egui::Theme::Dark, "dark"), (egui::Theme::Light, "light")] {
            let (model, mut memory) = (model.clone(), memory.clone());
            let size = egui::vec2(width, height);
            let mut harness =
                Harness::builder().with_size(size).with_theme(look).with_context_setup(theme::install).wgpu().build_ui(
                    move |ui| {
                        let colours = theme::palette(ui.ctx());
                        ui.painter().rect_filled(ui.max_rect().expand(50.0), 0.0, colours.panel);
                        let mut actions = Vec::new();
                        if name == "panel" {
                            banner_ui(ui, &model, &mut actions);
                        }
                        draw(ui, &model, &mut memory, &mut actions);
                    },
                );
            harness.run_steps(4);
            harness.render().unwrap().save(format!("{folder}/{name}-{word}.png")).unwrap();
        }
    }
}
