//! *Host a call here*: a relay in this process that people on the same network can reach, and the invite that leads to it.
//!
//! Called by the lobby, in a build that has the relay. The relay lets everybody in, as with `--open`: what keeps a call
//! private is the secret in its invite, which the relay never sees. Who hosts has a token besides, and with it a host's rights in
//! the room. Must never: show the invite or the token in a log.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ring::rand::{SecureRandom, SystemRandom};

use crate::clock;
use crate::crypto::invite::{Invite, InviteError};
use crate::crypto::secret::RoomSecret;
use crate::crypto::{self, AuthKey, Claims, NoRandom};
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::proto::{CALL_PATH, DEFAULT_PORT};
use crate::relay::config::Access;
use crate::relay::{Config, Relay, RelayError};

/// Ports that are tried in turn; 0 is any that is free.
const PORTS: [u16; 4] = [DEFAULT_PORT, DEFAULT_PORT + 1, DEFAULT_PORT + 2, 0];
/// What everybody's region panel calls a relay on a person's own machine. No person's name: panels are exported.
pub const REGION: &str = "host's computer";
/// Threads of a relay that shares its machine with its host's own call.
const WORKERS: usize = 2;
/// How long the token of the one who hosts is good: longer than a computer carries a call.
const TOKEN_SECONDS: u64 = 30 * 24 * 3600;

/// Letters of a room's code: none looks or sounds like another. A consonant and a vowel make a syllable.
const CONSONANTS: &[u8; 11] = b"bdfgkmrstvz";
const VOWELS: &[u8; 5] = b"aeiou";
/// Groups of two syllables in a code: 35 bits, enough that two calls do not meet. It is no secret.
const GROUPS: usize = 3;

/// A call that is hosted on this machine. Dropped, the relay stops at once; [`Hosting::stop`] says goodbye first.
pub struct Hosting {
    /// The room's code.
    pub room: String,
    /// The link for the others, with the room's secret.
    pub invite: String,
    /// With it the one who hosts may mute, remove and lock. For nobody else.
    pub token: String,
    /// The relay as this machine reaches it, over loopback: the host's own call does not hang on the network. Give it
    /// to the host's call before what the invite names.
    pub manifest: Manifest,
    /// From where it can be reached.
    pub reach: Reach,
    relay: Relay,
}

/// From where a relay can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There is no network: from this machine alone.
    ThisMachine,
    /// From the network in which this machine has this address, if its firewall lets people in.
    LocalNetwork(IpAddr),
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisMachine => write!(f, "No network: only this computer can join."),
            Self::LocalNetwork(address) => write!(f, "People on your network can join, at {address}."),
        }
    }
}

/// Why a call is not hosted.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("No port is free for the call: {0}. Close another program that hosts calls, then try again.")]
    Port(RelayError),
    #[error("The call could not be hosted here: {0}")]
    Relay(RelayError),
    #[error("The call could not be hosted here: {0}")]
    Random(#[from] NoRandom),
    #[error("The call could not be hosted here: {0}")]
    Key(String),
    #[error("The invite could not be made: {0}")]
    Invite(#[from] InviteError),
}

impl fmt::Debug for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { room, manifest, reach, .. } = self;
        let mut shown = f.debug_struct("Hosting");
        shown.field("room", room).field("manifest", manifest).field("reach", reach).finish_non_exhaustive()
    }
}

impl Hosting {
    /// Starts a relay and makes its invite. Inside a tokio runtime.
    ///
    /// # Errors
    /// See [`HostError`]: the text says what to do.
    pub async fn start() -> Result<Self, HostError> {
        Self::start_at(find_reach(), &PORTS).await
    }

    async fn start_at(reach: Reach, ports: &[u16]) -> Result<Self, HostError> {
        let random = SystemRandom::new();
        let room = room_code(&random)?;
        let key = AuthKey::generate_ed25519(&random)?;
        let token = host_token(&key, &room)?;
        let relay = start_relay(reach, ports, key).await?;
        let port = relay.address().port();
        let invite = Invite {
            room: room.clone(),
            at: vec![SocketAddr::new(reach.address(), port).to_string()],
            secret: RoomSecret::random(&random)?,
            pins: relay.entry().pins.clone(),
            grant: None,
        };
        let manifest = Manifest::from(vec![over_loopback(relay.entry(), reach, port)]);
        tracing::info!(?reach, port, "a call is hosted here");
        Ok(Self { room, invite: invite.to_link()?, token, manifest, reach, relay })
    }

    /// Ends the call for everybody: they are told.
    pub async fn stop(self) {
        self.relay.shutdown().await;
    }
}

/// What makes its holder host of this room, at relays that have this key: it goes into no invite.
///
/// # Errors
/// The text is no key, or the name no room's.
pub fn host_token(key: &str, room: &str) -> Result<String, HostError> {
    let issued = clock::unix_seconds();
    let (room, user) = (room.to_owned(), "host".to_owned());
    let claims = Claims { room, user, publish: true, host: true, issued, expires: issued + TOKEN_SECONDS };
    let key = AuthKey::from_file_text(key).map_err(|error| HostError::Key(error.to_string()))?;
    key.sign(&claims).map_err(|error| HostError::Key(error.to_string()))
}

async fn start_relay(reach: Reach, ports: &[u16], key: String) -> Result<Relay, HostError> {
    let address = reach.address();
    let listen = match (reach, address) {
        (Reach::ThisMachine, address) => address,
        (Reach::LocalNetwork(_), IpAddr::V4(_)) => Ipv4Addr::UNSPECIFIED.into(),
        (Reach::LocalNetwork(_), IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let (last, others) = ports.split_last().expect("a port is named");
    let config = |port: &u16| Config {
        listen: (listen, *port).into(),
        advertise: Some(address.to_string()),
        workers: Some(WORKERS),
        access: Access::Hosted(key.clone()),
        ..Config::local(REGION)
    };
    for port in others {
        match Relay::start(config(port)).await {
            Err(RelayError::Listen { error, .. }) => tracing::debug!(port, %error, "another port"),
            other => return other.map_err(HostError::Relay),
        }
    }
    Relay::start(config(last)).await.map_err(|error| match error {
        RelayError::Listen { .. } => HostError::Port(error),
        error => HostError::Relay(error),
    })
}

impl Reach {
    /// The address that others are told.
    fn address(self) -> IpAddr {
        match self {
            Self::ThisMachine => Ipv4Addr::LOCALHOST.into(),
            Self::LocalNetwork(address) => address,
        }
    }
}

/// The address from which this machine would reach the outside: the one in its network. Nothing is sent, for a UDP
/// socket is only told where it would send to: addresses for documentation (RFC 5737, RFC 3849).
pub fn find_reach() -> Reach {
    let towards = |own: IpAddr, outside: IpAddr| {
        let socket = UdpSocket::bind((own, 0)).ok()?;
        socket.connect((outside, DEFAULT_PORT)).ok()?;
        socket.local_addr().ok().map(|address| address.ip()).filter(is_of_a_network)
    };
    towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into())
        .or_else(|| towards(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()))
        .map_or(Reach::ThisMachine, Reach::LocalNetwork)
}

/// An IPv6 address of one link alone means nothing without the name of an interface.
fn is_of_a_network(address: &IpAddr) -> bool {
    let of_link = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    !address.is_loopback() && !address.is_unspecified() && !of_link
}

/// The relay's entry with the addresses that this machine has for itself.
fn over_loopback(entry: &RelayEntry, reach: Reach, port: u16) -> RelayEntry {
    let own: IpAddr = match reach.address() {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let own = SocketAddr::new(own, port);
    RelayEntry {
        webtransport: Some(format!("https://{own}{CALL_PATH}")),
        websocket: Some(format!("wss://{own}{CALL_PATH}")),
        ..entry.clone()
    }
}

/// A code that can be read out: `bako-mitu-feze`.
fn room_code(random: &dyn SecureRandom) -> Result<String, NoRandom> {
    let mut code = String::new();
    for group in 0..GROUPS {
        if group > 0 {
            code.push('-');
        }
        for _ in 0..2 {
            code.push(pick(random, CONSONANTS)?);
            code.push(pick(random, VOWELS)?);
        }
    }
    Ok(code)
}

/// One of these letters, each as likely as any other.
fn pick(random: &dyn SecureRandom, letters: &[u8]) -> Result<char, NoRandom> {
    let even = 256 - 256 % letters.len();
    loop {
        let [byte] = crypto::random::<1>(random)?;
        if usize::from(byte) < even {
            return Ok(char::from(letters[usize::from(byte) % letters.len()]));
        }
    }
}

#[cfg(test)]
mod tests;
