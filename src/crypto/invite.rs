//! Invites: the link that opens a call.
//!
//! `nearcall://join/ROOM?at=HOST:PORT#k=SECRET&p=PIN&t=TOKEN`, and the same over `https://ANY/join/ROOM?...#...`. A web
//! server sees room and address and never what follows the `#`: the secret (base64url), the pins of a self-signed
//! relay (SHA-256, hexadecimal), and a token where rooms are not open. `at`, `p` repeat; `at`, `p`, `t` may be missing:
//! the app then races the relays of its own manifest. Unknown parameters are skipped.
//!
//! Called by `cli` and `call`. Must never: be written to a log, for which it has no `Display`.

use std::fmt;
use std::fmt::Write as _;

use url::form_urlencoded::byte_serialize;
use url::{Host, Url};

use super::RoomSecret;
use super::room::{self, RoomError};
use crate::proto::{DEFAULT_PORT, limits};

/// A link, bytes.
const LINK_BYTES: usize = 16 * 1024;
/// Addresses in a link.
const ADDRESSES: usize = 16;
/// Pins in a link.
const PINS: usize = 2 * ADDRESSES;

/// Everything that one needs to join a call.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    pub room: String,
    /// Relays to start from, `HOST:PORT` (an IPv6 address in brackets).
    pub at: Vec<String>,
    pub secret: RoomSecret,
    /// Pins of their certificates, as `super::pin` gives them; empty where an authority vouches for them.
    pub pins: Vec<String>,
    /// A signed token for this room.
    pub grant: Option<String>,
}

/// Why a link is none, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    #[error("this is not a link of a call: it begins with nearcall://join/ or https://")]
    NotALink,
    #[error("the link is longer than any invite: copy the link alone")]
    TooLong,
    #[error("the link names no room: it should read nearcall://join/ROOM?...#...")]
    NoRoom,
    #[error(transparent)]
    Room(#[from] RoomError),
    #[error("the link has no secret: copy it whole, with the part after #")]
    NoSecret,
    #[error("the link's secret is not whole: copy the link whole, to its last character")]
    BadSecret,
    #[error("the link has an address that is not HOST:PORT: {0:?}")]
    Address(String),
    #[error("the link has a pin that is not 64 hexadecimal digits: copy the link whole, to its last character")]
    Pin,
    #[error("the link's token has characters that no token has: copy the link whole")]
    Grant,
    #[error("the link has more than {max} {what}")]
    TooMany { what: &'static str, max: usize },
}

impl Invite {
    /// Reads a link, with the spaces or angle brackets that a mail or a chat puts around it.
    ///
    /// # Errors
    /// See [`InviteError`]: the text says what to do.
    pub fn parse(link: &str) -> Result<Self, InviteError> {
        if link.len() > LINK_BYTES {
            return Err(InviteError::TooLong);
        }
        let link = link.trim().trim_start_matches('<').trim_end_matches('>');
        let url = Url::parse(link).map_err(|_| InviteError::NotALink)?;
        let fragment = Fragment::parse(url.fragment().unwrap_or_default())?;
        let invite = Self {
            room: room_of(&url)?,
            at: url
                .query_pairs()
                .filter(|(key, _)| key == "at")
                .map(|(_, value)| address(&value))
                .collect::<Result<_, _>>()?,
            secret: fragment.secret,
            pins: fragment.pins,
            grant: fragment.grant,
        };
        invite.check()?;
        Ok(invite)
    }

    /// The link that opens the app.
    ///
    /// # Errors
    /// A field that [`Invite::parse`] would refuse.
    pub fn to_link(&self) -> Result<String, InviteError> {
        self.link_from("nearcall://join/")
    }

    /// The link that opens a web page at `host` first, from where the app is one click away.
    ///
    /// # Errors
    /// A field that [`Invite::parse`] would refuse, or no host.
    pub fn to_https(&self, host: &str) -> Result<String, InviteError> {
        self.link_from(&format!("https://{host}/join/"))
    }

    fn link_from(&self, base: &str) -> Result<String, InviteError> {
        self.check()?;
        let mut url = Url::parse(base).map_err(|_| InviteError::NotALink)?;
        url.path_segments_mut().map_err(|()| InviteError::NotALink)?.pop_if_empty().push(&self.room);
        if !self.at.is_empty() {
            let query: Vec<String> = self.at.iter().map(|at| format!("at={}", encode_address(at))).collect();
            url.set_query(Some(&query.join("&")));
        }
        let mut link = String::from(url);
        let _ = write!(link, "#k={}", self.secret.to_text());
        self.pins.iter().for_each(|pin| link.extend(["&p=", pin]));
        self.grant.iter().for_each(|grant| link.extend(["&t=", grant]));
        Ok(link)
    }

    fn check(&self) -> Result<(), InviteError> {
        room::check(&self.room)?;
        if self.at.len() > ADDRESSES {
            return Err(InviteError::TooMany { what: "addresses", max: ADDRESSES });
        }
        if self.pins.len() > PINS {
            return Err(InviteError::TooMany { what: "pins", max: PINS });
        }
        self.at.iter().try_for_each(|at| address(at).map(drop))?;
        if self.pins.iter().any(|pin| pin.len() != 64 || !pin.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err(InviteError::Pin);
        }
        match &self.grant {
            Some(grant) if !is_token_like(grant) => Err(InviteError::Grant),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("room", &self.room)
            .field("at", &self.at)
            .field("pins", &self.pins)
            .field("grant", &self.grant.as_ref().map(|_| ".."))
            .finish_non_exhaustive()
    }
}

/// What follows the `#`.
struct Fragment {
    secret: RoomSecret,
    pins: Vec<String>,
    grant: Option<String>,
}

impl Fragment {
    fn parse(text: &str) -> Result<Self, InviteError> {
        let mut secret = None;
        let mut pins = Vec::new();
        let mut grant = None;
        for (key, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match &*key {
                // Two different secrets: somebody glued two links together.
                "k" if secret.is_some() => return Err(InviteError::BadSecret),
                "k" => secret = Some(RoomSecret::from_text(&value).ok_or(InviteError::BadSecret)?),
                "p" => pins.push(value.to_ascii_lowercase()),
                "t" => grant = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(Self { secret: secret.ok_or(InviteError::NoSecret)?, pins, grant })
    }
}

/// The room that a link names: the segment behind `join`, which is the host of `nearcall:`.
fn room_of(url: &Url) -> Result<String, InviteError> {
    let mut segments = url.path_segments().ok_or(InviteError::NotALink)?;
    match url.scheme() {
        "nearcall" if url.host_str().is_some_and(is_join) => {}
        "https" if segments.next().is_some_and(is_join) => {}
        "nearcall" | "https" => return Err(InviteError::NoRoom),
        _ => return Err(InviteError::NotALink),
    }
    let room = segments.next().unwrap_or_default();
    // A slash at the end is what some programs add.
    if room.is_empty() || segments.any(|rest| !rest.is_empty()) {
        return Err(InviteError::NoRoom);
    }
    let name = percent_decode(room).ok_or(InviteError::NoRoom)?;
    Ok(room::clean(&name)?.to_owned())
}

/// Some keyboards begin with a capital.
fn is_join(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("join")
}

/// Strict, unlike a form's decoder: `+` is a plus, a lone `%` or broken UTF-8 is an error.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Checks `HOST:PORT`, puts in the port where it is missing, and writes the host as it is looked up (punycode).
fn address(text: &str) -> Result<String, InviteError> {
    let wrong = || InviteError::Address(text.chars().take(100).collect());
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?)
        }
        _ => (text, DEFAULT_PORT),
    };
    let host = Host::parse(host).map_err(|_| wrong())?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    match &host {
        Host::Domain(name) if name.is_empty() || !name.bytes().all(plain) => Err(wrong()),
        _ => Ok(format!("{host}:{port}")),
    }
}

/// An address in a query, readable: the colons and brackets of an address need no escape there.
fn encode_address(at: &str) -> String {
    byte_serialize(at.as_bytes()).collect::<String>().replace("%3A", ":").replace("%5B", "[").replace("%5D", "]")
}

/// A compact JWS has base64url and dots (RFC 7515 section 7.1).
fn is_token_like(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= limits::TOKEN_BYTES && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn invite() -> Invite {
        Invite {
            room: "stand-up".into(),
            at: vec!["relay.example:4433".into(), "[2001:db8::1]:443".into()],
            secret: RoomSecret::from([0xFB; 32]),
            pins: vec!["ab".repeat(32), "01".repeat(32)],
            grant: Some("aGk.eyJ-_.c2ln".into()),
        }
    }

    #[test]
    fn a_link_reads_as_the_design_writes_it() {
        let link = invite().to_link().unwrap();
        assert!(
            link.starts_with("nearcall://join/stand-up?at=relay.example:4433&at=[2001:db8::1]:443#k=-_v7"),
            "{link}"
        );
        assert!(link.ends_with("&t=aGk.eyJ-_.c2ln"));
        assert_eq!(Invite::parse(&link), Ok(invite()));
        let web = invite().to_https("call.example").unwrap();
        assert!(web.starts_with("https://call.example/join/stand-up?at=relay"), "{web}");
        assert_eq!(Invite::parse(&format!(" <{web}>\n")), Ok(invite()));
    }

    #[test]
    fn capitals_before_the_room_are_the_same_link() {
        let link = invite().to_link().unwrap();
        assert_eq!(Invite::parse(&link.replacen("nearcall://join", "NEARCALL://Join", 1)), Ok(invite()));
        let web = invite().to_https("call.example").unwrap();
        assert_eq!(
            Invite::parse(&web.replacen("https://call.example/join", "Https://Call.Example/JOIN", 1)),
            Ok(invite())
        );
    }

    #[test]
    fn a_link_without_addresses_pins_and_token_is_whole() {
        let bare = Invite { at: vec![], pins: vec![], grant: None, ..invite() };
        let link = bare.to_link().unwrap();
        assert!(!link.contains('?'), "{link}");
        assert_eq!(Invite::parse(&link), Ok(bare));
    }

    #[test]
    fn what_is_missing_is_said() {
        let secret = invite().secret.to_text();
        let cases = [
            ("nearcall://join/r?at=a:1".to_owned(), InviteError::NoSecret),
            (format!("nearcall://join/r#k={}", &secret[..40]), InviteError::BadSecret),
            (format!("nearcall://join/r#k={secret}&k={secret}"), InviteError::BadSecret),
            (format!("nearcall://join/?at=a:1#k={secret}"), InviteError::NoRoom),
            (format!("nearcall://call/r#k={secret}"), InviteError::NoRoom),
            (format!("https://h/other/r#k={secret}"), InviteError::NoRoom),
            (format!("https://h/join/r/s#k={secret}"), InviteError::NoRoom),
            (format!("nearcall://join/%ff#k={secret}"), InviteError::NoRoom),
            (format!("nearcall://join/a%00#k={secret}"), InviteError::Room(RoomError::Control)),
            (format!("http://h/join/r#k={secret}"), InviteError::NotALink),
            ("stand-up".to_owned(), InviteError::NotALink),
            (format!("nearcall://join/r?at=a:0#k={secret}"), InviteError::Address("a:0".into())),
            (format!("nearcall://join/r?at=a%26b:1#k={secret}"), InviteError::Address("a&b:1".into())),
            (format!("nearcall://join/r#k={secret}&p=abc"), InviteError::Pin),
            (format!("nearcall://join/r#k={secret}&t=a%20b"), InviteError::Grant),
            (format!("nearcall://join/r#{}", "x".repeat(LINK_BYTES)), InviteError::TooLong),
        ];
        for (link, error) in cases {
            assert_eq!(Invite::parse(&link), Err(error), "{link}");
        }
        let text = InviteError::NoSecret.to_string();
        assert_eq!(text, "the link has no secret: copy it whole, with the part after #");
    }

    #[test]
    fn an_address_gets_the_port_that_it_lacks_and_keeps_its_kind() {
        assert_eq!(address("relay.example").unwrap(), "relay.example:4433");
        assert_eq!(address("[::1]").unwrap(), "[::1]:4433");
        assert_eq!(address("[::1]:9").unwrap(), "[::1]:9");
        assert_eq!(address("10.0.0.1:65535").unwrap(), "10.0.0.1:65535");
        assert_eq!(address("Bücher.example:1").unwrap(), "xn--bcher-kva.example:1");
        for text in ["", ":1", "a:65536", "a:b", "a b:1", "user@a:1", "a/b:1", "::1"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_parameters_are_skipped() {
        let link = format!("nearcall://join/r?x=1&at=a:1#z=2&k={}", invite().secret.to_text());
        assert_eq!(Invite::parse(&link).unwrap().at, ["a:1"]);
    }

    #[test]
    fn what_cannot_be_read_back_is_not_written() {
        assert!(Invite { room: "..".into(), ..invite() }.to_link().is_err());
        assert!(Invite { at: vec!["a b".into()], ..invite() }.to_link().is_err());
        assert!(Invite { pins: vec!["12".into()], ..invite() }.to_link().is_err());
        assert!(Invite { grant: Some("a&k=b".into()), ..invite() }.to_link().is_err());
        assert!(Invite { at: vec!["a:1".into(); 17], ..invite() }.to_link().is_err());
    }

    #[test]
    fn a_link_cut_anywhere_before_the_end_of_its_secret_is_an_error() {
        let link = invite().to_link().unwrap();
        let end = link.find("&p=").unwrap();
        for len in 0..end {
            assert!(Invite::parse(&link[..len]).is_err(), "{}", &link[..len]);
        }
    }

    #[test]
    fn debug_shows_neither_secret_nor_token() {
        let shown = format!("{:?}", invite());
        assert!(!shown.contains("aGk") && !shown.contains("-_v7") && !shown.contains("251"), "{shown}");
    }

    proptest! {
        #[test]
        fn every_room_survives_the_link(name in "\\PC{1,40}") {
            let Ok(room) = room::clean(&name) else { return Ok(()) };
            let invite = Invite { room: room.to_owned(), ..invite() };
            prop_assert_eq!(&Invite::parse(&invite.to_link().unwrap()).unwrap(), &invite);
            prop_assert_eq!(Invite::parse(&invite.to_https("h").unwrap()).unwrap(), invite);
        }

        #[test]
        fn no_text_panics(text in "(nearcall://|https://)?\\PC{0,80}") {
            let _ = Invite::parse(&text);
        }

        #[test]
        fn a_changed_link_is_refused_or_reads_as_a_link_that_can_be_written(at in 0usize..1000, bit in 0u8..8) {
            let mut bytes = invite().to_link().unwrap().into_bytes();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = String::from_utf8(bytes)
                && let Ok(changed) = Invite::parse(&text)
            {
                prop_assert_eq!(Invite::parse(&changed.to_link().unwrap()).unwrap(), changed);
            }
        }
    }
}
