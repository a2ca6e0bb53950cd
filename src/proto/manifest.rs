//! `regions.json`: the relays that a client races. From files, a URL, or any relay.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Transport, limits};

/// A list of relays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub relays: Vec<RelayEntry>,
    /// How far relays are from one another, as they measure it. For people: what a client can reach it measures itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Distance>,
}

impl From<Vec<RelayEntry>> for Manifest {
    fn from(relays: Vec<RelayEntry>) -> Self {
        Self { relays, distances: Vec::new() }
    }
}

/// The way from one relay to another and back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// Id of the relay that measured it.
    pub from: String,
    /// Id of the other relay.
    pub to: String,
    /// The least of the last minute, over the bus, in ms.
    pub rtt_ms: f64,
}

/// One relay and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayEntry {
    /// Unique in the manifest; the relay repeats it in its probe replies.
    pub id: String,
    pub region: String,
    #[serde(default)]
    pub provider: String,
    #[serde(default)]
    pub city: String,
    /// `https://HOST:PORT/v1/call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webtransport: Option<String>,
    /// `wss://HOST:PORT/v1/call`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<String>,
    /// SHA-256 of the certificates (DER) that are accepted without an authority, in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<String>,
}

impl RelayEntry {
    /// The address for a transport, where it is offered.
    pub fn url(&self, transport: Transport) -> Option<&str> {
        match transport {
            Transport::WebTransport => self.webtransport.as_deref(),
            Transport::WebSocket => self.websocket.as_deref(),
        }
    }
}

/// JSON knows no NaN, and nobody measures one.
impl Eq for Distance {}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("not a manifest: {0}")]
    Json(String),
    #[error("the manifest has {len} bytes, more than {max}")]
    TooLong { len: usize, max: usize },
    #[error("the manifest lists no relay")]
    Empty,
    #[error("the manifest lists {0} relays, more than {max}", max = limits::RELAYS)]
    TooMany(usize),
    #[error("relay {id:?}: {what}")]
    Relay { id: String, what: &'static str },
    #[error("the manifest lists {0} distances, more than {max}", max = limits::DISTANCES)]
    TooManyDistances(usize),
    #[error("the distance from {from:?} to {to:?}: {what}")]
    Distance { from: String, to: String, what: &'static str },
}

impl Manifest {
    /// Reads and checks JSON.
    ///
    /// # Errors
    /// See [`ManifestError`]; the text says which relay and what to mend.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        if text.len() > limits::MANIFEST_BYTES {
            return Err(ManifestError::TooLong { len: text.len(), max: limits::MANIFEST_BYTES });
        }
        let manifest: Manifest = serde_json::from_str(text).map_err(|error| ManifestError::Json(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Several manifests as one; the first entry with an id stays.
    ///
    /// # Errors
    /// The whole is empty, too long, or malformed in a part.
    pub fn merge(parts: impl IntoIterator<Item = Manifest>) -> Result<Self, ManifestError> {
        let (mut seen, mut measured) = (BTreeSet::new(), BTreeSet::new());
        let mut manifest = Manifest::default();
        for part in parts {
            manifest.relays.extend(part.relays.into_iter().filter(|relay| seen.insert(relay.id.clone())));
            let new = |way: &Distance| measured.insert((way.from.clone(), way.to.clone()));
            manifest.distances.extend(part.distances.into_iter().filter(new));
        }
        // For people: too many of them keep nobody from calling.
        manifest.distances.truncate(limits::DISTANCES);
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.relays.is_empty() {
            return Err(ManifestError::Empty);
        }
        if self.relays.len() > limits::RELAYS {
            return Err(ManifestError::TooMany(self.relays.len()));
        }
        let mut seen = BTreeSet::new();
        self.relays.iter().try_for_each(|relay| {
            let wrong = |what| Err(ManifestError::Relay { id: relay.id.clone(), what });
            if relay.id.is_empty() || relay.region.is_empty() {
                return wrong("id and region must not be empty");
            }
            if [&relay.id, &relay.region, &relay.provider, &relay.city]
                .iter()
                .any(|name| name.len() > limits::NAME_BYTES)
            {
                return wrong("id, region, provider and city must have at most 64 bytes");
            }
            if !seen.insert(&relay.id) {
                return wrong("is listed twice");
            }
            if relay.webtransport.is_none() && relay.websocket.is_none() {
                return wrong("needs a webtransport or a websocket address");
            }
            if relay.webtransport.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                return wrong("its webtransport address must start with https://");
            }
            if relay.websocket.as_ref().is_some_and(|url| !url.starts_with("wss://")) {
                return wrong("its websocket address must start with wss://");
            }
            if relay.pins.iter().any(|pin| pin.len() != 64 || !pin.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                return wrong("a pin is 64 hexadecimal digits, the SHA-256 of a certificate");
            }
            Ok(())
        })?;
        self.check_distances()
    }

    fn check_distances(&self) -> Result<(), ManifestError> {
        if self.distances.len() > limits::DISTANCES {
            return Err(ManifestError::TooManyDistances(self.distances.len()));
        }
        self.distances.iter().try_for_each(|Distance { from, to, rtt_ms }| {
            let wrong = |what| Err(ManifestError::Distance { from: from.clone(), to: to.clone(), what });
            if [from, to].iter().any(|id| id.is_empty() || id.len() > limits::NAME_BYTES) {
                return wrong("an id must have 1 to 64 bytes");
            }
            if !(0.0..=limits::RTT_MS).contains(rtt_ms) {
                return wrong("rtt_ms must be from 0 to 60000");
            }
            Ok(())
        })
    }
}
