//! What people say to one another besides sound and pictures: a line of chat, a reaction, a host's request to lower hands. Travels
//! sealed: no relay reads it, and none keeps it, so whoever comes later does not get what was said before.
//!
//! Words are numbered by who says them, and whoever hears a number says so ([`Heard`]). Until all have who were there, they are
//! said again: by another link after a move, to one who was away for a moment. A number that was heard is dropped. Whose hand is up
//! is no message but part of everybody's profile, so that newcomers see it.

use prost::Message;

use super::control::{self, Limited, within};
use super::{DecodeError, limits};

/// First byte of sealed [`Words`].
pub const WORDS: u8 = 2;

/// Said to everybody, or again to those who have not heard it.
#[derive(Clone, PartialEq, Message)]
pub struct Words {
    /// From 1, by ones, in the order in which this sender said them. 0: not numbered, what is lost is lost.
    #[prost(uint64, tag = "1")]
    pub number: u64,
    #[prost(oneof = "said::Body", tags = "2, 3, 4, 5")]
    pub body: Option<said::Body>,
}

pub mod said {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Body {
        /// A line of chat, at most [`limits::TEXT_BYTES`](crate::proto::limits::TEXT_BYTES).
        #[prost(string, tag = "2")]
        Text(String),
        #[prost(enumeration = "super::Reaction", tag = "3")]
        React(i32),
        /// A host asks this participant to lower its hand; 0: everybody. From anybody else it means nothing.
        #[prost(fixed64, tag = "4")]
        LowerHand(u64),
        #[prost(message, tag = "5")]
        Heard(super::Heard),
    }
}

/// To one participant: these of your words were heard here.
#[derive(Clone, PartialEq, Message)]
pub struct Heard {
    #[prost(uint64, repeated, tag = "1")]
    pub numbers: Vec<u64>,
}

/// What is shown over somebody's picture for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Reaction {
    Unspecified = 0,
    ThumbsUp = 1,
    Clap = 2,
    Heart = 3,
    Laugh = 4,
    Surprise = 5,
    Party = 6,
}

impl Reaction {
    /// All that can be chosen, in the order in which they are offered.
    pub const ALL: [Self; 6] = [Self::ThumbsUp, Self::Clap, Self::Heart, Self::Laugh, Self::Surprise, Self::Party];

    /// Its name in events and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "none",
            Self::ThumbsUp => "thumbs_up",
            Self::Clap => "clap",
            Self::Heart => "heart",
            Self::Laugh => "laugh",
            Self::Surprise => "surprise",
            Self::Party => "party",
        }
    }

    /// The character that stands for it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::ThumbsUp => "\u{1F44D}",
            Self::Clap => "\u{1F44F}",
            Self::Heart => "\u{2764}",
            Self::Laugh => "\u{1F602}",
            Self::Surprise => "\u{1F62E}",
            Self::Party => "\u{1F389}",
        }
    }
}

impl Limited for Words {
    fn check(&self) -> Result<(), DecodeError> {
        match &self.body {
            Some(said::Body::Text(text)) => within("line of chat", text.len(), limits::TEXT_BYTES),
            Some(said::Body::Heard(heard)) => within("numbers heard", heard.numbers.len(), limits::HEARD),
            _ => Ok(()),
        }
    }
}

impl Words {
    /// The sealed message's bytes.
    pub fn encode_sealed(&self) -> Vec<u8> {
        let mut bytes = vec![WORDS];
        self.encode(&mut bytes).expect("a vector grows");
        bytes
    }

    /// Reads what follows the first byte.
    ///
    /// # Errors
    /// Malformed, or a line or a list over its limit.
    pub fn decode_sealed(bytes: &[u8]) -> Result<Self, DecodeError> {
        control::decode(bytes)
    }
}

/// A line of chat as it may be shown, ours or a stranger's: without control characters and marks that turn the text around them, with
/// at most one empty line in a row, trimmed.
pub fn clean(text: &str) -> String {
    let visible = |c: &char| *c == '\t' || !(c.is_control() || reorders(*c));
    let mut shown = String::with_capacity(text.len());
    let mut empty = 0;
    for row in text.lines() {
        let row: String = row.chars().filter(visible).map(|c| if c == '\t' { ' ' } else { c }).collect();
        empty = if row.trim().is_empty() { empty + 1 } else { 0 };
        if empty <= 1 {
            shown.push_str(row.trim_end());
            shown.push('\n');
        }
    }
    shown.trim().to_owned()
}

/// Marks that turn the text around them (Unicode UAX 9): they could rewrite the line that they stand in.
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::timing;

    #[test]
    fn words_come_back_whole_and_are_no_timing() {
        let bodies = [
            said::Body::Text("hello".into()),
            said::Body::React(Reaction::Party as i32),
            said::Body::LowerHand(0),
            said::Body::Heard(Heard { numbers: vec![1, u64::MAX] }),
        ];
        for body in bodies {
            let words = Words { number: 7, body: Some(body) };
            let bytes = words.encode_sealed();
            assert!(bytes[0] == WORDS && WORDS < timing::TEXT && WORDS != timing::TIMING);
            assert_eq!(Words::decode_sealed(&bytes[1..]).unwrap(), words);
        }
    }

    #[test]
    fn a_line_of_full_length_fits_a_sealed_message_and_a_longer_one_is_refused() {
        let line = |len| Words { number: u64::MAX, body: Some(said::Body::Text("x".repeat(len))) };
        let bytes = line(limits::TEXT_BYTES).encode_sealed();
        assert!(bytes.len() < limits::SEALED_BYTES - 100, "{}", bytes.len());
        assert!(Words::decode_sealed(&bytes[1..]).is_ok());
        assert!(Words::decode_sealed(&line(limits::TEXT_BYTES + 1).encode_sealed()[1..]).is_err());
        let heard =
            |count| Words { number: 0, body: Some(said::Body::Heard(Heard { numbers: vec![u64::MAX; count] })) };
        let bytes = heard(limits::HEARD).encode_sealed();
        assert!(bytes.len() < limits::SEALED_BYTES - 100 && Words::decode_sealed(&bytes[1..]).is_ok());
        assert!(Words::decode_sealed(&heard(limits::HEARD + 1).encode_sealed()[1..]).is_err());
    }

    #[test]
    fn what_is_shown_has_no_control_characters_and_no_desert_of_empty_lines() {
        let rows = [
            ("  hello \r\n", "hello"),
            ("a\u{202E}b\u{7}c", "abc"),
            ("one\r\n\r\n\r\n\n\ntwo", "one\n\ntwo"),
            ("one \n \n \n\t\n  two", "one\n\n  two"),
            ("tab\tstop", "tab stop"),
            ("\u{1}\n ", ""),
            ("日本 👍🏽 ok", "日本 👍🏽 ok"),
        ];
        for (text, shown) in rows {
            assert_eq!(clean(text), shown, "{text:?}");
        }
    }

    #[test]
    fn every_reaction_has_a_name_and_a_sign_of_its_own() {
        let names: std::collections::BTreeSet<_> = Reaction::ALL.iter().map(|it| it.name()).collect();
        let signs: std::collections::BTreeSet<_> = Reaction::ALL.iter().map(|it| it.symbol()).collect();
        assert_eq!((names.len(), signs.len()), (6, 6));
        assert!(Reaction::ALL.iter().all(|it| Reaction::try_from(*it as i32) == Ok(*it)));
    }
}
