//! The colours: dark, light, and with high contrast. Nothing else.
//!
//! States wear the colours of Okabe and Ito (Color Universal Design, 2008), made lighter on dark and darker on light
//! until text in them reads at 4.5 to 1 on every surface (WCAG 2.1, 1.4.3), and at 7 to 1 with high contrast (1.4.6); a
//! test counts every pair.

use eframe::egui::Color32;

use super::mix;

/// Which of the three sets of colours is worn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scheme {
    #[default]
    Dark,
    Light,
    /// White and yellow on black.
    HighContrast,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::HighContrast];
}

/// What each colour is for. [`Palette::surfaces`] are grounds; text of every colour of [`Palette::texts`] may stand on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub ground: Color32,
    /// Cards, side panels, menus.
    pub panel: Color32,
    /// Buttons, text boxes and what lies on a panel.
    pub raised: Color32,
    /// `raised` under the pointer.
    pub hover: Color32,
    /// `raised` while it is pressed.
    pub pressed: Color32,
    /// Hair lines that part things and carry no meaning.
    pub line: Color32,
    /// Lines that carry meaning, such as the edge of a switch: 3 to 1 at least.
    pub edge: Color32,
    /// What is read.
    pub text: Color32,
    /// Notes, units, hints.
    pub weak: Color32,
    /// The one colour of our own, as a fill.
    pub accent: Color32,
    /// Text and icons on `accent`.
    pub on_accent: Color32,
    /// Our own colour as text, icon and focus ring.
    pub accent_text: Color32,
    /// State: good.
    pub good: Color32,
    /// State: fair.
    pub fair: Color32,
    /// State: poor.
    pub poor: Color32,
    /// State: no answer, down.
    pub down: Color32,
    /// The relay that carries the call.
    pub in_use: Color32,
    /// The relay that answers soonest.
    pub fastest: Color32,
    /// Leave, kill: what cannot be taken back, as a fill.
    pub danger: Color32,
    /// Text and icons on `danger`.
    pub on_danger: Color32,
    /// Danger as text and icon.
    pub danger_text: Color32,
    /// Behind a picture, or in its place. Dark in both themes.
    pub tile: Color32,
    /// Text on `tile` and on `scrim`.
    pub on_tile: Color32,
    /// Weak text on `tile`.
    pub weak_on_tile: Color32,
    /// Laid over a picture so that words on it can be read; translucent.
    pub scrim: Color32,
    /// Laid over the window behind a dialogue; translucent.
    pub veil: Color32,
    /// Shadow under what floats; translucent.
    pub shadow: Color32,
}

impl Palette {
    /// The colours of `scheme`.
    #[must_use]
    pub fn of(scheme: Scheme) -> &'static Self {
        match scheme {
            Scheme::Dark => &DARK,
            Scheme::Light => &LIGHT,
            Scheme::HighContrast => &HIGH_CONTRAST,
        }
    }

    /// The colours that text and icons may have on a surface, by their names.
    #[must_use]
    pub fn texts(&self) -> [(&'static str, Color32); 10] {
        [
            ("text", self.text),
            ("weak", self.weak),
            ("accent_text", self.accent_text),
            ("good", self.good),
            ("fair", self.fair),
            ("poor", self.poor),
            ("down", self.down),
            ("in_use", self.in_use),
            ("fastest", self.fastest),
            ("danger_text", self.danger_text),
        ]
    }

    /// What text may stand on, by its name; [`Palette::tint`]s come on top.
    #[must_use]
    pub fn surfaces(&self) -> [(&'static str, Color32); 5] {
        [
            ("ground", self.ground),
            ("panel", self.panel),
            ("raised", self.raised),
            ("hover", self.hover),
            ("pressed", self.pressed),
        ]
    }

    /// A quiet ground in `colour`, for badges and banners. `text` and the colour itself can be read on it.
    #[must_use]
    pub fn tint(&self, colour: Color32) -> Color32 {
        mix(self.panel, colour, 0.14)
    }
}

const DARK: Palette = Palette {
    ground: rgb(0x0F1216),
    panel: rgb(0x161A20),
    raised: rgb(0x20262E),
    hover: rgb(0x2A313B),
    pressed: rgb(0x1B2027),
    line: rgb(0x2B323C),
    edge: rgb(0x7A8594),
    text: rgb(0xE9EDF2),
    weak: rgb(0x9DA8B6),
    accent: rgb(0x0A74B8),
    on_accent: Color32::WHITE,
    accent_text: rgb(0x6CBBF2),
    good: rgb(0x2DBE93),
    fair: rgb(0xE69F00),
    poor: rgb(0xF0803C),
    down: rgb(0xA3A3A3),
    in_use: rgb(0x4FA6E8),
    fastest: rgb(0x7CCBF5),
    danger: rgb(0xCF3A3A),
    on_danger: Color32::WHITE,
    danger_text: rgb(0xFF8A80),
    tile: rgb(0x1A1F26),
    on_tile: rgb(0xF2F5F8),
    weak_on_tile: rgb(0xA8B2BE),
    scrim: Color32::from_black_alpha(176),
    veil: Color32::from_black_alpha(150),
    shadow: Color32::from_black_alpha(110),
};

const LIGHT: Palette = Palette {
    ground: rgb(0xF4F6F8),
    panel: rgb(0xFFFFFF),
    raised: rgb(0xEDF0F4),
    hover: rgb(0xE3E8EE),
    pressed: rgb(0xD7DEE6),
    line: rgb(0xDCE1E7),
    edge: rgb(0x6C7783),
    text: rgb(0x14181D),
    weak: rgb(0x56606C),
    accent: rgb(0x0069A6),
    on_accent: Color32::WHITE,
    accent_text: rgb(0x00659F),
    good: rgb(0x00704F),
    fair: rgb(0x805700),
    poor: rgb(0xA24200),
    down: rgb(0x616161),
    in_use: rgb(0x00659F),
    fastest: rgb(0x155F80),
    danger: rgb(0xC42B2B),
    on_danger: Color32::WHITE,
    danger_text: rgb(0xB42323),
    tile: rgb(0x232A32),
    on_tile: rgb(0xF2F5F8),
    weak_on_tile: rgb(0xAFB9C4),
    scrim: Color32::from_black_alpha(176),
    veil: Color32::from_black_alpha(90),
    shadow: Color32::from_black_alpha(36),
};

const HIGH_CONTRAST: Palette = Palette {
    ground: rgb(0x000000),
    panel: rgb(0x000000),
    raised: rgb(0x161616),
    hover: rgb(0x2B2B2B),
    pressed: rgb(0x101010),
    line: rgb(0x757575),
    edge: rgb(0xFFFFFF),
    text: rgb(0xFFFFFF),
    weak: rgb(0xDADADA),
    accent: rgb(0xFFE04A),
    on_accent: Color32::BLACK,
    accent_text: rgb(0xFFE04A),
    good: rgb(0x5FE8BE),
    fair: rgb(0xFFC247),
    poor: rgb(0xFFAB78),
    down: rgb(0xCFCFCF),
    in_use: rgb(0x8CCBFF),
    fastest: rgb(0xA8DFFF),
    danger: rgb(0xFFB8B0),
    on_danger: Color32::BLACK,
    danger_text: rgb(0xFFA59D),
    tile: rgb(0x1C1C1C),
    on_tile: Color32::WHITE,
    weak_on_tile: rgb(0xDADADA),
    scrim: Color32::from_black_alpha(216),
    veil: Color32::from_black_alpha(200),
    shadow: Color32::TRANSPARENT,
};

/// `0xRRGGBB`.
const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}
