//! Probe and reply: the smallest exchange from which an RTT can be read.

use super::{DecodeError, Kind, RelayInstance, VERSION, limits};

/// Asks a relay to answer at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Chosen by the asker, never used twice.
    pub id: u64,
}

impl Probe {
    /// Bytes with the type byte.
    pub const LEN: usize = 10;

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut out = [0; Self::LEN];
        out[0] = Kind::Probe as u8;
        out[1] = VERSION as u8;
        out[2..].copy_from_slice(&self.id.to_be_bytes());
        out
    }

    /// Reads what follows the type byte. Bytes behind the id belong to later versions and are skipped.
    pub fn from_body(body: &[u8]) -> Result<Self, DecodeError> {
        let (version, id) = head(body, "probe")?;
        check(version)?;
        Ok(Self { id })
    }
}

/// Whether a relay wants participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum RelayState {
    /// Takes newcomers.
    Ready = 0,
    /// Going away: members are asked to move.
    Draining = 1,
    /// At its limit: members stay, newcomers should not come.
    Full = 2,
    /// Cut off from the bus: whoever is here hears only who else is here.
    Isolated = 3,
}

impl From<u8> for RelayState {
    /// A state of a later version reads as [`RelayState::Full`]: still usable, not preferred.
    fn from(value: u8) -> Self {
        match value {
            0 => RelayState::Ready,
            1 => RelayState::Draining,
            3 => RelayState::Isolated,
            _ => RelayState::Full,
        }
    }
}

/// The answer to a [`Probe`]: version u8, id u64, instance u64, state u8, load u8, spent u32, length u8, relay id, arrival u64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReply {
    pub id: u64,
    pub instance: RelayInstance,
    pub state: RelayState,
    /// Load in percent, 0-100.
    pub load_percent: u8,
    /// Time between the arrival of the probe and this answer, µs.
    pub spent_us: u32,
    /// Which relay answers: the id of its manifest entry.
    pub relay: String,
    /// When the probe arrived, by a steady clock of the relay's own, µs: tells which way a queue is in. Relays of before do not say.
    pub at_us: Option<u64>,
}

impl ProbeReply {
    const FIXED: usize = 24;

    /// The bytes with the type byte. A relay id over [`limits::NAME_BYTES`] is cut.
    pub fn to_bytes(&self) -> Vec<u8> {
        let name = &self.relay.as_bytes()[..self.relay.floor_char_boundary(limits::NAME_BYTES)];
        let mut out = Vec::with_capacity(1 + Self::FIXED + name.len() + 8);
        out.extend([Kind::ProbeReply as u8, VERSION as u8]);
        out.extend(self.id.to_be_bytes());
        out.extend(self.instance.0.to_be_bytes());
        out.extend([self.state as u8, self.load_percent.min(100)]);
        out.extend(self.spent_us.to_be_bytes());
        out.push(name.len() as u8);
        out.extend(name);
        out.extend(self.at_us.into_iter().flat_map(u64::to_be_bytes));
        out
    }

    /// Reads what follows the type byte. Bytes behind the arrival are skipped.
    pub fn from_body(body: &[u8]) -> Result<Self, DecodeError> {
        let (version, id) = head(body, "probe reply")?;
        check(version)?;
        if body.len() < Self::FIXED {
            return Err(DecodeError::Short { what: "probe reply", need: Self::FIXED, have: body.len() });
        }
        let len = usize::from(body[23]);
        if len > limits::NAME_BYTES {
            return Err(DecodeError::TooLong { what: "relay id", len, max: limits::NAME_BYTES });
        }
        let Some(name) = body.get(24..24 + len) else {
            return Err(DecodeError::Short { what: "relay id", need: len, have: body.len() - Self::FIXED });
        };
        let relay = std::str::from_utf8(name).map_err(|_| DecodeError::Text { what: "relay id" })?;
        let mut instance = [0; 8];
        instance.copy_from_slice(&body[9..17]);
        Ok(Self {
            id,
            instance: RelayInstance(u64::from_be_bytes(instance)),
            state: body[17].into(),
            load_percent: body[18].min(100),
            spent_us: u32::from_be_bytes([body[19], body[20], body[21], body[22]]),
            relay: relay.to_owned(),
            at_us: body[24 + len..].first_chunk().map(|at| u64::from_be_bytes(*at)),
        })
    }
}

fn head(body: &[u8], what: &'static str) -> Result<(u8, u64), DecodeError> {
    match body.first_chunk::<9>() {
        Some([version, id @ ..]) => Ok((*version, u64::from_be_bytes(*id))),
        None => Err(DecodeError::Short { what, need: 9, have: body.len() }),
    }
}

fn check(version: u8) -> Result<(), DecodeError> {
    if u32::from(version) == VERSION { Ok(()) } else { Err(DecodeError::Version { theirs: version.into() }) }
}
