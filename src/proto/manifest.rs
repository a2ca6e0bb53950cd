//! `regions.json`: the relays that a client races. From files, a URL, or any relay.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Transport, limits};

/// A list of relays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub relays: Vec<RelayEntry>,
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
    /// The whole is empty or too long.
    pub fn merge(parts: impl IntoIterator<Item = Manifest>) -> Result<Self, ManifestError> {
        let mut seen = BTreeSet::new();
        let relays =
            parts.into_iter().flat_map(|part| part.relays).filter(|relay| seen.insert(relay.id.clone())).collect();
        let manifest = Manifest { relays };
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
        })
    }
}
