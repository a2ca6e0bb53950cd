//! What the theme promises: contrast, digits of one width, a look that survives the settings file.

use eframe::egui::{Color32, Theme};

use super::*;

/// Relative luminance (WCAG 2.1).
fn luminance(colour: Color32) -> f64 {
    let [red, green, blue] = [colour.r(), colour.g(), colour.b()].map(|byte| {
        let share = f64::from(byte) / 255.0;
        if share <= 0.039_28 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Contrast ratio (WCAG 2.1), 1..=21.
fn contrast(one: Color32, other: Color32) -> f64 {
    let (high, low) = (luminance(one).max(luminance(other)), luminance(one).min(luminance(other)));
    (high + 0.05) / (low + 0.05)
}

/// `scrim` over the brightest picture.
fn over_white(scrim: Color32) -> Color32 {
    mix(Color32::WHITE, Color32::BLACK, f32::from(scrim.a()) / 255.0)
}

#[test]
fn every_text_can_be_read_on_every_ground_of_both_themes() {
    for theme in [Theme::Dark, Theme::Light] {
        let p = Palette::of(theme);
        let states = [p.good, p.fair, p.poor, p.down, p.in_use, p.fastest, p.accent_text, p.danger_text, p.weak];
        let mut pairs: Vec<(Color32, Color32)> = Vec::new();
        for ground in [p.ground, p.panel, p.raised] {
            pairs.extend(states.iter().chain([&p.text]).map(|text| (*text, ground)));
        }
        for state in states {
            pairs.extend([(state, p.tint(state)), (p.text, p.tint(state)), (p.weak, p.tint(state))]);
        }
        pairs.extend([p.hover, p.pressed].map(|ground| (p.text, ground)));
        pairs.extend([(p.on_accent, p.accent), (p.on_danger, p.danger), (p.on_tile, p.tile)]);
        pairs.extend([(p.weak_on_tile, p.tile), (p.on_tile, over_white(p.scrim))]);
        for (text, ground) in pairs {
            let ratio = contrast(text, ground);
            assert!(ratio >= 4.5, "{theme:?}: {text:?} on {ground:?} is {ratio:.2} to 1");
        }
    }
}

#[test]
fn what_carries_meaning_without_words_stands_out_three_to_one() {
    for theme in [Theme::Dark, Theme::Light] {
        let p = Palette::of(theme);
        for mark in [p.edge, p.good, p.fair, p.poor, p.down, p.in_use, p.fastest, p.accent, p.danger, p.accent_text] {
            for ground in [p.ground, p.panel] {
                let ratio = contrast(mark, ground);
                assert!(ratio >= 3.0, "{theme:?}: {mark:?} on {ground:?} is {ratio:.2} to 1");
            }
        }
    }
}

#[test]
fn digits_of_figures_are_of_one_width() {
    let mut fonts = eframe::egui::epaint::text::Fonts::new(Default::default(), fonts());
    let mut view = fonts.with_pixels_per_point(1.0);
    for kind in [Type::Figures, Type::StrongFigures] {
        let widths: Vec<f32> = ('0'..='9').map(|digit| view.glyph_width(&kind.font(), digit)).collect();
        assert!(widths[0] > 0.0);
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
}

#[test]
fn a_look_is_kept_in_small_letters_and_said_in_words() {
    for look in Look::ALL {
        let kept = serde_json::to_string(&look).unwrap();
        assert_eq!(kept, format!("\"{}\"", look.to_string().to_lowercase()));
        assert_eq!(serde_json::from_str::<Look>(&kept).unwrap(), look);
    }
    assert_eq!(Look::default(), Look::System);
}
