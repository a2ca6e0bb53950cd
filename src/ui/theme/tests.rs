//! What the theme promises: contrast, who decides about it, digits of one width, a look that survives the settings file.

use eframe::egui::{Color32, Context, Theme};

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

/// Every surface with its name, the tinted ones among them.
fn surfaces(p: &Palette) -> Vec<(String, Color32)> {
    let plain = p.surfaces().map(|(name, colour)| (name.to_owned(), colour));
    let tinted = p.texts().into_iter().filter(|(name, _)| *name != "text");
    let tints = tinted.chain([("accent", p.accent), ("danger", p.danger)]);
    let tints = tints.map(|(name, colour)| (format!("a tint of {name}"), p.tint(colour)));
    plain.into_iter().chain(tints).collect()
}

#[test]
fn every_text_can_be_read_on_every_surface_of_all_three_schemes() {
    for scheme in Scheme::ALL {
        let p = Palette::of(scheme);
        let least = if scheme == Scheme::HighContrast { 7.0 } else { 4.5 };
        let check = |text: &str, colour: Color32, surface: &str, ground: Color32| {
            let ratio = contrast(colour, ground);
            assert!(ratio >= least, "{scheme:?}: {text} on {surface} is {ratio:.2} to 1");
        };
        for (surface, ground) in surfaces(p) {
            for (text, colour) in p.texts() {
                check(text, colour, &surface, ground);
            }
        }
        // A full colour darkens under the pointer.
        for share in [0.0, 0.12, 0.25] {
            let dark = |colour| mix(colour, Color32::BLACK, share);
            check("on_accent", p.on_accent, "accent", dark(p.accent));
            check("on_danger", p.on_danger, "danger", dark(p.danger));
        }
        check("on_tile", p.on_tile, "tile", p.tile);
        check("weak_on_tile", p.weak_on_tile, "tile", p.tile);
        check("on_tile", p.on_tile, "a scrim over white", over_white(p.scrim));
    }
}

#[test]
fn what_carries_meaning_without_words_stands_out_three_to_one() {
    for scheme in Scheme::ALL {
        let p = Palette::of(scheme);
        let check = |name: &str, mark: Color32, surface: &str, ground: Color32| {
            let ratio = contrast(mark, ground);
            assert!(ratio >= 3.0, "{scheme:?}: {name} on {surface} is {ratio:.2} to 1");
        };
        for (surface, ground) in p.surfaces() {
            check("edge", p.edge, surface, ground);
            check("the ring of the keyboard", p.accent_text, surface, ground);
        }
        for (name, mark) in [("accent", p.accent), ("danger", p.danger)] {
            check(name, mark, "ground", p.ground);
            check(name, mark, "panel", p.panel);
        }
    }
}

#[test]
fn the_desktop_decides_for_who_leaves_it_to_the_system_and_for_nobody_else() {
    let ctx = Context::default();
    install(&ctx);
    let worn = |look, desktop| {
        wear(&ctx, look, Motion::System, desktop);
        scheme(&ctx)
    };
    let (dark, light) =
        (Desktop { dark: Some(true), ..Desktop::default() }, Desktop { dark: Some(false), ..Desktop::default() });
    let contrast = Desktop { contrast: true, ..light };
    assert_eq!(worn(Look::System, light), Scheme::Light);
    assert_eq!(worn(Look::System, dark), Scheme::Dark);
    assert_eq!(worn(Look::System, contrast), Scheme::HighContrast);
    assert_eq!(worn(Look::Light, contrast), Scheme::Light);
    assert_eq!(worn(Look::Dark, light), Scheme::Dark);
    assert_eq!(worn(Look::HighContrast, light), Scheme::HighContrast);
    assert_eq!(worn(Look::Dark, dark), Scheme::Dark, "and it is taken off again");
}

#[test]
fn motion_is_off_where_the_user_or_the_desktop_wants_none() {
    let ctx = Context::default();
    install(&ctx);
    let still = Desktop { still: true, ..Desktop::default() };
    assert!(quick(&ctx) > 0.0);
    for (motion, desktop, moves) in [
        (Motion::System, Desktop::default(), true),
        (Motion::System, still, false),
        (Motion::On, still, true),
        (Motion::Off, Desktop::default(), false),
    ] {
        assert_eq!(wear(&ctx, Look::Dark, motion, desktop), moves);
        assert_eq!(quick(&ctx) > 0.0, moves);
        assert_eq!(ctx.style_of(Theme::Dark).animation_time > 0.0, moves);
    }
}

#[test]
fn digits_of_figures_are_of_one_width() {
    let mut fonts = eframe::egui::epaint::text::Fonts::new(Default::default(), fonts::definitions());
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
