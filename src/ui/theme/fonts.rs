//! The fonts that are shipped, and the families made of them.

use eframe::egui::{
    FontData, FontDefinitions, FontFamily,
    epaint::text::{FontTweak, VariationCoords},
};

use super::{figures, icon_family, medium, strong, strong_figures};

/// Inter in four cuts, the icons, emoji without colour, and egui's own fonts behind them.
pub(super) fn definitions() -> FontDefinitions {
    const TEXT: &[u8] = include_bytes!("../../../assets/fonts/Inter.ttf");
    const FIGURES: &[u8] = include_bytes!("../../../assets/fonts/Inter-Figures.ttf");
    const STRONG_FIGURES: &[u8] = include_bytes!("../../../assets/fonts/Inter-Figures-Strong.ttf");
    const ICONS: &[u8] = include_bytes!("../../../assets/fonts/Icons.ttf");
    const EMOJI: &[u8] = include_bytes!("../../../assets/fonts/Emoji.ttf");

    let cut = |bytes: &'static [u8], weight: f32| {
        let coords = VariationCoords::new([(b"wght", weight)]);
        FontData::from_static(bytes).tweak(FontTweak { coords, ..FontTweak::default() })
    };
    // An icon is centred on its square; among letters it goes down to the middle of a capital.
    let among_letters = FontTweak { y_offset_factor: 0.07, ..FontTweak::default() };
    let faces = [
        ("inter", cut(TEXT, 410.0)),
        ("inter medium", cut(TEXT, 520.0)),
        ("inter strong", cut(TEXT, 600.0)),
        ("inter figures", FontData::from_static(FIGURES)),
        ("inter strong figures", FontData::from_static(STRONG_FIGURES)),
        ("icons", FontData::from_static(ICONS)),
        ("icons in text", FontData::from_static(ICONS).tweak(among_letters)),
        ("emoji", FontData::from_static(EMOJI)),
    ];

    let mut fonts = FontDefinitions::default();
    // Signs that egui brings along stand before emoji, which have some of them too, larger.
    let mut behind = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    behind.push("emoji".to_owned());
    for (name, face) in faces {
        fonts.font_data.insert(name.to_owned(), face.into());
    }
    let families: [(FontFamily, &[&str]); 7] = [
        (FontFamily::Proportional, &["inter", "icons in text"]),
        (medium(), &["inter medium", "icons in text"]),
        (strong(), &["inter strong", "icons in text"]),
        (figures(), &["inter figures", "inter", "icons in text"]),
        (strong_figures(), &["inter strong figures", "inter strong", "icons in text"]),
        (FontFamily::Monospace, &["inter figures", "inter", "icons in text"]),
        (icon_family(), &["icons", "inter"]),
    ];
    for (family, names) in families {
        let chain = names.iter().map(|name| (*name).to_owned()).chain(behind.iter().cloned()).collect();
        fonts.families.insert(family, chain);
    }
    fonts
}
