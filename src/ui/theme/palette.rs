//! The colours, once for the dark and once for the light theme, and nothing else.
//!
//! States wear the colours of Okabe and Ito (Color Universal Design, 2008), made lighter on dark and darker on light
//! until text in them reads at 4.5 to 1 on every ground of the theme (WCAG 2.1, 1.4.3); a test counts it.

use eframe::egui::{Color32, Theme};

use super::mix;

/// What each colour is for. `ground`, `panel` and `raised` are grounds; text of any colour here may stand on them.
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
    /// The colours of `theme`.
    #[must_use]
    pub fn of(theme: Theme) -> &'static Self {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// A quiet ground in `colour`, for badges and banners. `text` and the colour itself can be read on it.
    #[must_use]
    pub fn tint(&self, colour: Color32) -> Color32 {
        mix(self.panel, colour, 0.14)
    }
}

const DARK: Palette = Palette {
    ground: rgb(0x0F_12_16),
    panel: rgb(0x16_1A_20),
    raised: rgb(0x20_26_2E),
    hover: rgb(0x2A_31_3B),
    pressed: rgb(0x1B_20_27),
    line: rgb(0x2B_32_3C),
    edge: rgb(0x6B_76_84),
    text: rgb(0xE9_ED_F2),
    weak: rgb(0x9D_A8_B6),
    accent: rgb(0x0A_74_B8),
    on_accent: Color32::WHITE,
    accent_text: rgb(0x6C_BB_F2),
    good: rgb(0x2D_BE_93),
    fair: rgb(0xE6_9F_00),
    poor: rgb(0xF0_80_3C),
    down: rgb(0xA3_A3_A3),
    in_use: rgb(0x4F_A6_E8),
    fastest: rgb(0x7C_CB_F5),
    danger: rgb(0xCF_3A_3A),
    on_danger: Color32::WHITE,
    danger_text: rgb(0xFF_8A_80),
    tile: rgb(0x1A_1F_26),
    on_tile: rgb(0xF2_F5_F8),
    weak_on_tile: rgb(0xA8_B2_BE),
    scrim: Color32::from_black_alpha(176),
    veil: Color32::from_black_alpha(150),
    shadow: Color32::from_black_alpha(110),
};

const LIGHT: Palette = Palette {
    ground: rgb(0xF4_F6_F8),
    panel: rgb(0xFF_FF_FF),
    raised: rgb(0xED_F0_F4),
    hover: rgb(0xE3_E8_EE),
    pressed: rgb(0xD7_DE_E6),
    line: rgb(0xDC_E1_E7),
    edge: rgb(0x7E_89_96),
    text: rgb(0x14_18_1D),
    weak: rgb(0x56_60_6C),
    accent: rgb(0x00_69_A6),
    on_accent: Color32::WHITE,
    accent_text: rgb(0x00_65_9F),
    good: rgb(0x00_70_4F),
    fair: rgb(0x84_5A_00),
    poor: rgb(0xA8_45_00),
    down: rgb(0x61_61_61),
    in_use: rgb(0x00_65_9F),
    fastest: rgb(0x1C_6F_93),
    danger: rgb(0xC4_2B_2B),
    on_danger: Color32::WHITE,
    danger_text: rgb(0xB4_23_23),
    tile: rgb(0x23_2A_32),
    on_tile: rgb(0xF2_F5_F8),
    weak_on_tile: rgb(0xAF_B9_C4),
    scrim: Color32::from_black_alpha(176),
    veil: Color32::from_black_alpha(90),
    shadow: Color32::from_black_alpha(36),
};

/// `0xRR_GG_BB`.
const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}
