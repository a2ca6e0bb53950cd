//! Owns the look of the window: colours, sizes, type and the styles that egui draws with.
//!
//! Every screen asks here; a screen never names a colour, a font or a radius of its own. It knows neither the call nor
//! the file of settings: whoever keeps the choice of a look calls [`wear`].
//!
//! | module | owns |
//! | --- | --- |
//! | `palette` | the colours: dark, light, high contrast |
//! | `fonts` | the fonts that are shipped, and the families made of them |
//! | `fallback` | fonts of the system for letters that no shipped font has |
//! | `visuals` | egui's own style, made of all that |

pub mod fallback;
mod fonts;
mod palette;
mod visuals;

use eframe::egui::{Color32, Context, FontFamily, FontId, Id, RichText, TextStyle, Theme, ThemePreference};

pub use self::palette::{Palette, Scheme};
pub use crate::settings::{Look, Motion};

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

/// Widths of lines in points.
pub mod stroke {
    /// Edges of cards and controls, and lines that part things.
    pub const HAIR: f32 = 1.0;
    /// Lines of charts, edges that carry meaning.
    pub const MARK: f32 = 1.5;
    /// The ring of the keyboard, and of who speaks.
    pub const RING: f32 = 2.0;
}

/// Sizes of icons in points.
pub mod icon {
    /// In badges and small rows.
    pub const S: f32 = 14.0;
    /// Among words.
    pub const M: f32 = 16.0;
    /// On buttons with words.
    pub const L: f32 = 18.0;
    /// On round buttons.
    pub const XL: f32 = 22.0;
}

/// Height of a row of a list in points.
pub const ROW: f32 = 34.0;
/// Height of a button, a text box and a picker in points.
pub const CONTROL: f32 = 36.0;
/// Height of a bar of tools, and diameter of its round buttons, in points.
pub const TOOLBAR: f32 = 48.0;
/// The longest that a change may be animated, in seconds; see [`quick`].
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
    /// On buttons: 14, between regular and semibold.
    Button,
    /// On small controls and names on pictures: 13, as on buttons.
    Chip,
    /// In badges and on the caps of keys: 12, as on buttons.
    Badge,
    /// Notes and units: 12.
    Small,
    /// Figures in rows: 13, all digits of one width.
    Figures,
    /// The figure that matters: 13, semibold, all digits of one width.
    StrongFigures,
    /// Figures along the axes of charts: 11, all digits of one width.
    Axis,
}

impl Type {
    /// Every type, largest first.
    pub const ALL: [Self; 11] = [
        Self::Title,
        Self::Heading,
        Self::Body,
        Self::Strong,
        Self::Button,
        Self::Chip,
        Self::Badge,
        Self::Small,
        Self::Figures,
        Self::StrongFigures,
        Self::Axis,
    ];

    /// Its font, size in points.
    #[must_use]
    pub fn font(self) -> FontId {
        let (size, family) = match self {
            Self::Title => (24.0, strong()),
            Self::Heading => (16.0, strong()),
            Self::Body => (14.0, FontFamily::Proportional),
            Self::Strong => (14.0, strong()),
            Self::Button => (14.0, medium()),
            Self::Chip => (13.0, medium()),
            Self::Badge => (12.0, medium()),
            Self::Small => (12.0, FontFamily::Proportional),
            Self::Figures => (13.0, figures()),
            Self::StrongFigures => (13.0, strong_figures()),
            Self::Axis => (11.0, figures()),
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
            Self::Button => TextStyle::Button,
            Self::Chip => TextStyle::Name("Chip".into()),
            Self::Badge => TextStyle::Name("Badge".into()),
            Self::Small => TextStyle::Small,
            Self::Figures => TextStyle::Monospace,
            Self::StrongFigures => TextStyle::Name("Strong figures".into()),
            Self::Axis => TextStyle::Name("Axis".into()),
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

/// What the desktop prefers, as far as it says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Desktop {
    /// `None`: it does not say; the window's own system may.
    pub dark: Option<bool>,
    /// More contrast than usual.
    pub contrast: bool,
    /// Nothing that moves without need.
    pub still: bool,
}

/// What is worn now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Worn {
    look: Look,
    contrast: bool,
    preference: ThemePreference,
    motion: bool,
}

impl Worn {
    fn of(look: Look, motion: Motion, desktop: Desktop) -> Self {
        let contrast = look == Look::HighContrast || (look == Look::System && desktop.contrast);
        let preference = match (look, desktop.dark) {
            _ if contrast => ThemePreference::Dark,
            (Look::Dark | Look::HighContrast, _) | (Look::System, Some(true)) => ThemePreference::Dark,
            (Look::Light, _) | (Look::System, Some(false)) => ThemePreference::Light,
            (Look::System, None) => ThemePreference::System,
        };
        let motion = match motion {
            Motion::System => !desktop.still,
            Motion::On => true,
            Motion::Off => false,
        };
        Self { look, contrast, preference, motion }
    }

    fn now(ctx: &Context) -> Option<Self> {
        ctx.data(|data| data.get_temp(Self::id()))
    }

    fn id() -> Id {
        Id::unique("the look that is worn")
    }
}

/// Gives `ctx` the fonts and the styles. Once, before the first frame; no widget of ours draws without it.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts::definitions());
    fallback::install(ctx);
    // The shell's keys do it, so that it is kept and can be given other keys.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    dress(ctx, Worn::of(Look::System, Motion::On, Desktop::default()));
}

/// Puts `look` in force from the next frame on, with motion, whatever the desktop says.
pub fn set(ctx: &Context, look: Look) {
    wear(ctx, look, Motion::On, Desktop::default());
}

/// Puts what the user chose in force from the next frame on. Says whether things move. Costs nothing while nothing changes.
pub fn wear(ctx: &Context, look: Look, motion: Motion, desktop: Desktop) -> bool {
    let wanted = Worn::of(look, motion, desktop);
    if Worn::now(ctx) != Some(wanted) {
        dress(ctx, wanted);
        ctx.set_theme(wanted.preference);
        ctx.request_repaint();
    }
    wanted.motion
}

/// Gives egui's two themes their styles. Which of the two is in force stays as it is.
fn dress(ctx: &Context, worn: Worn) {
    let dark = if worn.contrast { Scheme::HighContrast } else { Scheme::Dark };
    ctx.set_style_of(Theme::Dark, visuals::style(dark, worn.motion));
    ctx.set_style_of(Theme::Light, visuals::style(Scheme::Light, worn.motion));
    ctx.data_mut(|data| data.insert_temp(Worn::id(), worn));
}

/// The colours in force.
#[must_use]
pub fn palette(ctx: &Context) -> &'static Palette {
    Palette::of(scheme(ctx))
}

/// The set of colours in force.
#[must_use]
pub fn scheme(ctx: &Context) -> Scheme {
    match ctx.theme() {
        Theme::Light => Scheme::Light,
        Theme::Dark if Worn::now(ctx).is_some_and(|worn| worn.contrast) => Scheme::HighContrast,
        Theme::Dark => Scheme::Dark,
    }
}

/// How long a change is animated, seconds: [`QUICK`], or not at all for who wants nothing to move.
#[must_use]
pub fn quick(ctx: &Context) -> f32 {
    if Worn::now(ctx).is_some_and(|worn| !worn.motion) { 0.0 } else { QUICK }
}

/// `share` (0..=1) of `over` on `under`, both opaque.
#[must_use]
pub fn mix(under: Color32, over: Color32, share: f32) -> Color32 {
    under.lerp_to_gamma(over, share.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
