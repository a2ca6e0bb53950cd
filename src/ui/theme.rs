//! Owns the look of the window: colours, sizes, type and the two styles that egui draws with.
//!
//! Every screen asks here; a screen never names a colour or a font of its own. It knows neither the call nor the
//! settings: whoever keeps the choice of a look calls [`set`].

mod palette;
mod visuals;

use eframe::egui::{
    Color32, Context, FontData, FontDefinitions, FontFamily, FontId, RichText, TextStyle, Theme, ThemePreference,
    epaint::text::{FontTweak, VariationCoords},
};

pub use crate::settings::Look;
pub use palette::Palette;

/// Distances in points, on a grid of 4.
pub mod space {
    /// Between an icon and its word.
    pub const XS: f32 = 4.0;
    /// Between things that belong together.
    pub const S: f32 = 8.0;
    /// Between rows of a form.
    pub const M: f32 = 12.0;
    /// Inside a card, at the edge of a screen.
    pub const L: f32 = 16.0;
    /// Between groups.
    pub const XL: f32 = 24.0;
}

/// Radii of corners in points.
pub mod radius {
    /// Badges, key hints, rows of a menu.
    pub const S: u8 = 4;
    /// Buttons, text boxes, pickers.
    pub const M: u8 = 8;
    /// Cards, tiles, toasts.
    pub const L: u8 = 12;
}

/// Height of a button, a text box and a picker in points.
pub const CONTROL: f32 = 36.0;
/// Height of a bar of tools, and diameter of its round buttons, in points.
pub const TOOLBAR: f32 = 48.0;
/// The longest that a change may be animated, in seconds.
pub const QUICK: f32 = 0.12;

/// The sizes and weights of text. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// The name of a screen: 24, semibold.
    Title,
    /// The name of a group: 16, semibold.
    Heading,
    /// What is read: 14.
    Body,
    /// What stands out in it: 14, semibold.
    Strong,
    /// Notes and units: 12.
    Small,
    /// Figures in rows: 13, all digits of one width.
    Figures,
    /// The figure that matters: 13, semibold, all digits of one width.
    StrongFigures,
}

impl Type {
    /// Every type, largest first.
    pub const ALL: [Self; 7] =
        [Self::Title, Self::Heading, Self::Body, Self::Strong, Self::Small, Self::Figures, Self::StrongFigures];

    /// Its font, size in points.
    #[must_use]
    pub fn font(self) -> FontId {
        let (size, family) = match self {
            Self::Title => (24.0, strong()),
            Self::Heading => (16.0, strong()),
            Self::Body => (14.0, FontFamily::Proportional),
            Self::Strong => (14.0, strong()),
            Self::Small => (12.0, FontFamily::Proportional),
            Self::Figures => (13.0, figures()),
            Self::StrongFigures => (13.0, strong_figures()),
        };
        FontId::new(size, family)
    }

    /// The name under which egui's styles know it.
    #[must_use]
    pub fn style(self) -> TextStyle {
        match self {
            Self::Title => TextStyle::Name("Title".into()),
            Self::Heading => TextStyle::Heading,
            Self::Body => TextStyle::Body,
            Self::Strong => TextStyle::Name("Strong".into()),
            Self::Small => TextStyle::Small,
            Self::Figures => TextStyle::Monospace,
            Self::StrongFigures => TextStyle::Name("Strong figures".into()),
        }
    }

    /// `text` set in it.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> RichText {
        RichText::new(text).font(self.font())
    }
}

/// Text of [`Type::Title`].
#[must_use]
pub fn title(text: impl Into<String>) -> RichText {
    Type::Title.text(text)
}

/// Text of [`Type::Heading`].
#[must_use]
pub fn heading(text: impl Into<String>) -> RichText {
    Type::Heading.text(text)
}

/// Text of [`Type::Strong`].
#[must_use]
pub fn strong_text(text: impl Into<String>) -> RichText {
    Type::Strong.text(text)
}

/// Text of [`Type::Small`] in the weak colour.
#[must_use]
pub fn note(ctx: &Context, text: impl Into<String>) -> RichText {
    Type::Small.text(text).color(palette(ctx).weak)
}

/// Text of [`Type::Figures`]: its width does not change while its digits do.
#[must_use]
pub fn figure(text: impl Into<String>) -> RichText {
    Type::Figures.text(text)
}

/// Semibold text.
#[must_use]
pub fn strong() -> FontFamily {
    FontFamily::Name("strong".into())
}

/// The weight of buttons, between regular and semibold.
#[must_use]
pub fn medium() -> FontFamily {
    FontFamily::Name("medium".into())
}

/// Digits of one width.
#[must_use]
pub fn figures() -> FontFamily {
    FontFamily::Name("figures".into())
}

/// Semibold digits of one width.
#[must_use]
pub fn strong_figures() -> FontFamily {
    FontFamily::Name("strong figures".into())
}

/// The icons of [`super::icons`].
#[must_use]
pub fn icon_family() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// Gives `ctx` the fonts and both styles. Once, before the first frame; no widget of ours draws without it.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    // The shell's keys do it, so that it is kept and can be given other keys.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, visuals::style(theme));
    }
}

/// Puts `look` in force from the next frame on.
pub fn set(ctx: &Context, look: Look) {
    ctx.set_theme(match look {
        Look::System => ThemePreference::System,
        Look::Dark | Look::HighContrast => ThemePreference::Dark,
        Look::Light => ThemePreference::Light,
    });
}

/// The colours of the theme in force.
#[must_use]
pub fn palette(ctx: &Context) -> &'static Palette {
    Palette::of(ctx.theme())
}

/// `share` (0..=1) of `over` on `under`, both opaque.
#[must_use]
pub fn mix(under: Color32, over: Color32, share: f32) -> Color32 {
    under.lerp_to_gamma(over, share.clamp(0.0, 1.0))
}

/// Inter in four cuts, the icons, and egui's own fonts behind them for every script that Inter has not.
fn fonts() -> FontDefinitions {
    const TEXT: &[u8] = include_bytes!("../../assets/fonts/Inter.ttf");
    const FIGURES: &[u8] = include_bytes!("../../assets/fonts/Inter-Figures.ttf");
    const STRONG_FIGURES: &[u8] = include_bytes!("../../assets/fonts/Inter-Figures-Strong.ttf");
    const ICONS: &[u8] = include_bytes!("../../assets/fonts/Icons.ttf");

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
    ];

    let mut fonts = FontDefinitions::default();
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
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
        let chain = names.iter().map(|name| (*name).to_owned()).chain(fallback.iter().cloned()).collect();
        fonts.families.insert(family, chain);
    }
    fonts
}

#[cfg(test)]
mod tests;
