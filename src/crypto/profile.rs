//! What a participant shows of itself. Travels sealed in its roster entry: see `super::frame`.

use prost::Message;

use crate::proto::words::reorders;

/// Name and the like. Fields are added, never renumbered.
#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its microphone is off.
    #[prost(bool, tag = "2")]
    pub muted: bool,
    /// Its camera is off.
    #[prost(bool, tag = "3")]
    pub camera_off: bool,
    /// Numbers of the codecs of pictures that it reads beside H.264, which everybody does.
    #[prost(uint32, repeated, tag = "4")]
    pub codecs: Vec<u32>,
    /// It shares a screen or a window.
    #[prost(bool, tag = "5")]
    pub sharing: bool,
    /// Its hand is up: greater than that of everybody whose hand was up before; 0: it is down.
    #[prost(uint32, tag = "6")]
    pub hand: u32,
}

impl Profile {
    /// Characters of a name.
    pub const NAME_CHARS: usize = 64;
    /// Codecs that are looked at.
    pub const CODECS: usize = 16;

    /// A profile with this name, cleaned: no control characters, no spaces around it, cut to
    /// [`Self::NAME_CHARS`].
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }.cleaned()
    }

    /// What may be drawn of a profile, ours or a stranger's.
    pub(super) fn cleaned(self) -> Self {
        let visible: String = self.name.chars().filter(|c| !c.is_control() && !reorders(*c)).collect();
        let cut: String = visible.trim().chars().take(Self::NAME_CHARS).collect();
        let codecs = self.codecs.into_iter().take(Self::CODECS).collect();
        Self { name: cut.trim_end().to_owned(), codecs, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_cut_and_rid_of_control_characters() {
        assert_eq!(Profile::named(" Zo\u{7}ë\u{202E} \n").name, "Zoë");
        assert_eq!(Profile::named(&"é".repeat(100)).name.chars().count(), 64);
        assert_eq!(Profile::named(&format!("{} x", "a".repeat(63))).name, "a".repeat(63));
    }
}
