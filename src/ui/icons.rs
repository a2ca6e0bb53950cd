//! Owns the names of the icons. They are glyphs of the icon font that [`super::theme::install`] loads.
//!
//! An icon never stands alone for a state: a word or an accessible name goes with it.

use eframe::egui::{FontId, RichText};

use super::theme;

/// `icon` at `size` points, in the colour of the text around it.
#[must_use]
pub fn text(icon: &str, size: f32) -> RichText {
    RichText::new(icon).font(font(size))
}

/// The icon font at `size` points.
#[must_use]
pub fn font(size: f32) -> FontId {
    FontId::new(size, theme::icon_family())
}

/// Declares the icons, and lists them for the test that looks for each in the font.
macro_rules! icons {
    ($($(#[$note:meta])* $name:ident = $glyph:literal;)*) => {
        $($(#[$note])* pub const $name: &str = $glyph;)*
        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $glyph),)*];
    };
}

icons! {
    /// Microphone on.
    MIC = "\u{E326}";
    /// Microphone off: crossed out.
    MIC_OFF = "\u{E328}";
    /// Camera on.
    CAMERA = "\u{E4DA}";
    /// Camera off: crossed out.
    CAMERA_OFF = "\u{E4DC}";
    /// Loudspeaker.
    SPEAKER = "\u{E44A}";
    /// Loudspeaker off: crossed out.
    SPEAKER_OFF = "\u{E45A}";
    /// Headphones.
    HEADPHONES = "\u{E2A6}";
    /// Leave: the receiver put down.
    LEAVE = "\u{F3BC}";
    /// Settings.
    SETTINGS = "\u{E272}";
    /// Adjust.
    SLIDERS = "\u{E434}";
    /// The people in the call.
    PEOPLE = "\u{E4D6}";
    /// One person.
    PERSON = "\u{E4C2}";
    /// Invite somebody.
    INVITE = "\u{E4D0}";
    /// The chat.
    CHAT = "\u{E168}";
    /// A hand.
    HAND = "\u{E298}";
    /// Reactions.
    SMILE = "\u{E436}";
    /// The regions.
    REGIONS = "\u{E28C}";
    /// Strength of a path.
    SIGNAL = "\u{E142}";
    /// Statistics over time.
    PULSE = "\u{E000}";
    /// Ranked bars.
    BARS = "\u{E152}";
    /// A measurement.
    GAUGE = "\u{E628}";
    /// A relay.
    SERVER = "\u{E2A0}";
    /// A way through the network.
    PATH = "\u{E39C}";
    /// On the air.
    BROADCAST = "\u{E0F2}";
    /// Copy.
    COPY = "\u{E1CA}";
    /// A link.
    LINK = "\u{E2E6}";
    /// Close.
    CLOSE = "\u{E4F6}";
    /// A cross: lost, no.
    CROSS = "\u{E4F6}";
    /// A check mark: yes.
    CHECK = "\u{E182}";
    /// Take care.
    WARNING = "\u{E4E0}";
    /// Take care, filled.
    WARNING_FILL = "\u{F4E0}";
    /// To know.
    INFO = "\u{E2CE}";
    /// To know, filled.
    INFO_FILL = "\u{F2CE}";
    /// Help.
    HELP = "\u{E3E8}";
    /// State good: a filled disc with a check mark.
    GOOD = "\u{F184}";
    /// State fair: a filled triangle.
    FAIR = "\u{F4B0}";
    /// State poor: a filled diamond.
    POOR = "\u{F1EC}";
    /// State down, no answer: a filled disc with a cross.
    DOWN = "\u{F4F8}";
    /// A filled disc.
    DOT = "\u{F18A}";
    /// The winner.
    TROPHY = "\u{E67E}";
    /// The winner, filled.
    TROPHY_FILL = "\u{F67E}";
    /// The fastest.
    FASTEST = "\u{F2DE}";
    /// Pin.
    PIN = "\u{E3E2}";
    /// Pinned: filled.
    PIN_FILL = "\u{F3E2}";
    /// Unpin: crossed out.
    PIN_OFF = "\u{E3E4}";
    /// Block.
    BLOCK = "\u{E3DE}";
    /// To the right, from one to the other.
    ARROW_RIGHT = "\u{E06C}";
    /// Back.
    ARROW_LEFT = "\u{E058}";
    /// Up, sent.
    ARROW_UP = "\u{E08E}";
    /// Down, received.
    ARROW_DOWN = "\u{E03E}";
    /// Moved from one to the other.
    SWAP = "\u{E0A0}";
    /// Time of day.
    CLOCK = "\u{E19A}";
    /// A span of time, a countdown.
    TIMER = "\u{E492}";
    /// Waiting.
    HOURGLASS = "\u{E2B8}";
    /// Export.
    EXPORT = "\u{EAF0}";
    /// Save to a file.
    DOWNLOAD = "\u{E20C}";
    /// A folder.
    FOLDER = "\u{E256}";
    /// Add.
    PLUS = "\u{E3D4}";
    /// Take away.
    MINUS = "\u{E32A}";
    /// Host.
    HOST = "\u{F616}";
    /// Play, start.
    PLAY = "\u{E3D0}";
    /// Stop.
    STOP = "\u{E46C}";
    /// Again.
    REFRESH = "\u{E036}";
    /// Encrypted.
    LOCK = "\u{E308}";
    /// Not encrypted.
    LOCK_OPEN = "\u{E30A}";
    /// Drain a relay.
    DRAIN = "\u{EB40}";
    /// Kill a relay.
    POWER = "\u{E3DA}";
    /// Frozen.
    SNOWFLAKE = "\u{E5AA}";
    /// A drill.
    DRILL = "\u{E79E}";
    /// No connection.
    OFFLINE = "\u{E4F2}";
    /// Reconnecting.
    PLUGS = "\u{EB56}";
    /// Light.
    SUN = "\u{E472}";
    /// Dark.
    MOON = "\u{E330}";
    /// As the desktop says; a screen.
    MONITOR = "\u{E32E}";
    /// Opens downwards.
    CHEVRON_DOWN = "\u{E136}";
    /// Closes upwards.
    CHEVRON_UP = "\u{E13C}";
    /// Opens to the right.
    CHEVRON_RIGHT = "\u{E13A}";
    /// Opens to the left.
    CHEVRON_LEFT = "\u{E138}";
    /// Full screen.
    FULLSCREEN = "\u{E1D0}";
    /// Back to a window.
    FULLSCREEN_EXIT = "\u{E1CE}";
    /// Tiles of one size.
    GRID = "\u{E464}";
    /// One large tile.
    SPEAKER_VIEW = "\u{E4D2}";
    /// More.
    MORE = "\u{E1FE}";
    /// Keys.
    KEYBOARD = "\u{E2D8}";
    /// Show.
    EYE = "\u{E220}";
    /// Hide.
    EYE_OFF = "\u{E224}";
    /// Remove.
    TRASH = "\u{E4A6}";
    /// Edit.
    EDIT = "\u{E3B4}";
    /// Busy.
    SPINNER = "\u{EB44}";
    /// Protected.
    SHIELD = "\u{E40C}";
    /// A picture.
    IMAGE = "\u{E2CA}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_in_the_font() {
        let ctx = eframe::egui::Context::default();
        theme::install(&ctx);
        let output = ctx.run_ui(Default::default(), |ui| {
            ui.ctx().fonts_mut(|fonts| {
                for (name, glyph) in ALL {
                    let owners = fonts.characters(&theme::icon_family());
                    let first = owners.get(&glyph.chars().next().unwrap()).and_then(|names| names.first());
                    assert_eq!(first.map(String::as_str), Some("icons"), "{name}");
                }
            });
        });
        output.drop_without_applying_deltas();
    }
}
