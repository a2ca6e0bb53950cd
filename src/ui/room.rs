//! What stands in the room's box: a link or a name, and where it leads. Pure.

use std::net::IpAddr;

use url::Url;

use super::model::Room;
use crate::call::Entry;
use crate::call::manifest::{self, Source};
use crate::crypto::invite::Invite;
use crate::crypto::room;
use crate::crypto::secret::RoomSecret;
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::settings::Settings;

/// A text that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub room: String,
    pub secret: RoomSecret,
    pub token: Option<String>,
    /// The relays that a link names; none for a name.
    pub at: Vec<String>,
    pub pins: Vec<String>,
    /// The text is a link.
    pub invite: Option<String>,
}

impl Place {
    /// Reads a link, also one that stands in a message, or a room's name. `Ok(None)` for nothing.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        if let Some(link) = link_in(text) {
            let invite = Invite::parse(&link).map_err(|error| error.to_string())?;
            return Ok(Some(Self {
                room: invite.room,
                secret: invite.secret,
                token: invite.grant,
                at: invite.at,
                pins: invite.pins,
                invite: Some(link),
            }));
        }
        let room = room::typed(text).map_err(|error| error.to_string())?;
        let secret = RoomSecret::of_room(&room);
        Ok(Some(Self { room, secret, token: None, at: Vec::new(), pins: Vec::new(), invite: None }))
    }

    /// Where the link's relays are listed.
    pub fn sources(&self) -> Vec<Source> {
        self.at.iter().map(|at| Source::relay(at, &self.pins)).collect()
    }

    /// What Join needs.
    pub fn entry(&self, name: &str) -> Entry {
        Entry { room: self.room.clone(), secret: self.secret.clone(), name: name.to_owned(), token: self.token.clone() }
    }

    /// The link's hosts that the user has neither listed nor agreed to. This machine needs no consent.
    pub fn strangers(&self, known: &[String]) -> Vec<String> {
        self.at.iter().filter(|at| !is_here(at) && !known.iter().any(|host| host == *at)).cloned().collect()
    }
}

/// The room's box with this text in it; hosts that are not `known` wait for a yes.
pub fn read(text: String, known: &[String]) -> Room {
    match Place::read(&text) {
        Ok(Some(place)) => {
            let strangers = place.strangers(known);
            let consent = (!strangers.is_empty()).then_some(strangers);
            Room { text, name: Some(place.room), error: None, invite: place.invite, consent }
        }
        Ok(None) => Room { text, ..Room::default() },
        Err(error) => Room { text, error: Some(error), ..Room::default() },
    }
}

/// Asks for nobody's consent where the user wants to be asked nothing.
pub fn as_told(room: &mut Room, settings: &Settings) {
    room.consent.take_if(|_| !settings.ask_hosts);
}

/// Where an invite leads others: the relay that is hosted here, as its own invite has it, and the relays of `manifest`
/// that are not on this machine. Nothing but this machine's where there is nothing else: a demo's.
pub fn ways(manifest: &Manifest, hosted: Option<&str>) -> (Vec<String>, Vec<String>) {
    let elsewhere = |relay: &&RelayEntry| !manifest::address(relay).is_some_and(|at| is_here(&at));
    let relays: Vec<_> = manifest.relays.iter().filter(elsewhere).cloned().collect();
    let (mut at, mut pins) = manifest::addresses(&Manifest::from(relays));
    if let Some(hosted) = hosted.and_then(|link| Invite::parse(link).ok()) {
        at.retain(|other| !hosted.at.contains(other));
        pins.retain(|other| !hosted.pins.contains(other));
        at.splice(0..0, hosted.at);
        pins.splice(0..0, hosted.pins);
    }
    if at.is_empty() { manifest::addresses(manifest) } else { (at, pins) }
}

/// The hosts that the settings list.
pub fn listed_hosts(settings: &Settings) -> Vec<String> {
    settings.manifests.iter().filter_map(|place| manifest::host_of(place)).collect()
}

/// The link that a text is, or that stands in it: people paste whole messages, and mails put brackets around links. Where
/// several are, the first that leads into a call.
fn link_in(text: &str) -> Option<String> {
    const AROUND: &[char] = &['<', '>', '(', ')', '"', '\'', '“', '”', ',', ';'];
    let words = || text.split_whitespace().map(|word| word.trim_matches(AROUND));
    let links = || words().filter_map(as_link);
    let found = links().find(|link| is_invite(link)).or_else(|| links().next())?;
    // A sentence ends behind its link.
    let end = found.trim_end_matches(['.', '!', '?']);
    Some(if Invite::parse(&found).is_err() { end.to_owned() } else { found })
}

/// A word that is a link, with the scheme that a browser leaves out.
fn as_link(word: &str) -> Option<String> {
    let small = word.to_ascii_lowercase();
    if ["nearcall:", "https:", "http:"].iter().any(|scheme| small.starts_with(scheme)) {
        return Some(word.to_owned());
    }
    // `join/ROOM#k=...`, `calls.example/join/ROOM#k=...`
    if !small.contains("#k=") {
        return None;
    }
    match small.find("join/")? {
        0 => Some(format!("nearcall://{word}")),
        at if small.as_bytes()[at - 1] == b'/' => Some(format!("https://{word}")),
        _ => None,
    }
}

fn is_invite(link: &str) -> bool {
    let small = link.to_ascii_lowercase();
    small.starts_with("nearcall:") || small.contains("/join/")
}

fn is_here(at: &str) -> bool {
    let Ok(url) = Url::parse(&format!("https://{at}")) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(at: &str) -> String {
        let secret = RoomSecret::of_room("x");
        let invite = Invite { room: "kitchen".into(), at: vec![at.into()], secret, pins: Vec::new(), grant: None };
        invite.to_link().unwrap()
    }

    #[test]
    fn a_text_is_a_link_a_name_or_a_mistake_in_words() {
        assert_eq!(Place::read("  ").unwrap(), None);
        let named = Place::read(" kitchen ").unwrap().unwrap();
        assert_eq!((named.room.as_str(), named.invite, named.at.len()), ("kitchen", None, 0));
        let linked = Place::read(&format!(" <{}> ", link("a.example:4433"))).unwrap().unwrap();
        assert_eq!((linked.room.as_str(), linked.at.as_slice()), ("kitchen", &["a.example:4433".to_owned()][..]));
        assert_eq!(linked.sources().len(), 1);
        assert!(Place::read("https://example.org/join/kitchen").unwrap_err().contains("secret"));
        assert!(Place::read("nearcall://join/").is_err());
    }

    #[test]
    fn a_link_is_found_in_whatever_was_pasted_and_a_code_in_any_case() {
        let whole = link("a.example:4433");
        let web = whole.replacen("nearcall://join", "https://calls.example/join", 1);
        let texts = [
            format!("  {whole}\n"),
            whole.replacen("nearcall://join", "NearCall://JOIN", 1),
            format!("Ada invites you to a call.\nOpen <{whole}>, or type kitchen."),
            format!("See https://example.org/help first, then {web}"),
            format!("(\"{web}\")"),
            whole.replacen("nearcall://", "", 1),
            web.replacen("https://", "", 1),
        ];
        for text in texts {
            let place = Place::read(&text).unwrap().unwrap();
            assert_eq!((place.room.as_str(), place.at.len()), ("kitchen", 1), "{text}");
            assert!(place.secret == RoomSecret::of_room("x") && place.invite.is_some(), "{text}");
        }
        let code = |text: &str| Place::read(text).unwrap().unwrap();
        assert_eq!(code("  KIP-Mora-Tel "), code("kip-mora-tel"));
        assert_eq!(code("join/the-club").room, "join/the-club");
        // What somebody shows as the link is the link alone.
        assert_eq!(Place::read(&format!("here: {whole}")).unwrap().unwrap().invite, Some(whole));
    }

    #[test]
    fn a_link_to_a_host_that_nobody_agreed_to_is_found_out() {
        let strangers = |at: &str, known: &[String]| Place::read(&link(at)).unwrap().unwrap().strangers(known);
        assert_eq!(strangers("calls.example:4433", &[]), ["calls.example:4433"]);
        assert!(strangers("calls.example:4433", &["calls.example:4433".into()]).is_empty());
        for here in ["127.0.0.1:4433", "localhost:1", "[::1]:4433"] {
            assert!(strangers(here, &[]).is_empty(), "{here}");
        }
        for elsewhere in ["127.0.0.1.example:1", "192.168.1.4:4433", "localhost.example:2"] {
            assert_eq!(strangers(elsewhere, &[]).len(), 1, "{elsewhere}");
        }
        assert_eq!(manifest::host_of("https://calls.example/regions.json").as_deref(), Some("calls.example:443"));
        assert_eq!(manifest::host_of("relays.json"), None);
    }

    fn manifest_of(hosts: &[&str]) -> Manifest {
        let relay = |at: &&str| {
            format!(r#"{{"id":"{at}","region":"r","websocket":"wss://{at}/v1/call","pins":["{}"]}}"#, pin(at))
        };
        let relays: Vec<String> = hosts.iter().map(relay).collect();
        Manifest::from_json(&format!(r#"{{"relays":[{}]}}"#, relays.join(","))).unwrap()
    }

    fn pin(at: &str) -> String {
        format!("{:0>64}", at.len())
    }

    #[test]
    fn an_invite_made_while_hosting_leads_to_where_others_can_go() {
        let hosted = |at: &str| {
            let secret = RoomSecret::of_room("x");
            let at = vec![at.to_owned()];
            Invite { room: "host".into(), at, secret, pins: vec!["b".repeat(64)], grant: None }.to_link().unwrap()
        };
        let own = manifest_of(&["127.0.0.1:4433"]);
        let (at, pins) = ways(&own, Some(&hosted("192.168.1.7:4433")));
        assert_eq!((at, pins.len()), (vec!["192.168.1.7:4433".to_owned()], 1));
        let both = manifest_of(&["127.0.0.1:4433", "relay.example:4433"]);
        assert_eq!(ways(&both, Some(&hosted("192.168.1.7:4433"))).0, ["192.168.1.7:4433", "relay.example:4433"]);
        assert_eq!(ways(&both, None).0, ["relay.example:4433"]);
        // A demo has nothing else.
        assert_eq!(ways(&own, None).0, ["127.0.0.1:4433"]);
    }
}
