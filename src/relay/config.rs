//! What a relay is told. [`Config`] is what it runs with; [`Args`] is what a person writes, on the command line, in the
//! environment or in a file, in this order of weight.
//!
//! | module | owns |
//! | --- | --- |
//! | `settings` | the table of settings: one line makes flag, variable and key of the file |
//! | `limits` | the keys of the file's table `[limits]` |
//! | `file`, `value` | the file: names, types, ranges, and all that is wrong with it at once |
//! | `args` | the command line; settings become a [`Config`] |

mod args;
#[cfg(test)]
mod example;
mod file;
mod limits;
mod settings;
mod value;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::bus::{BusConfig, Hub};
use super::fronts::Fronts;
use super::keys::KeyFiles;
use super::limits::Limits;
use crate::net::tls::Certificate;

pub(super) use self::args::read;
pub use self::args::{Args, Command, ConfigError, ConfigErrors};
pub use self::settings::{LogLevel, Settings};

/// All that a relay needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    pub region: String,
    /// Unique among all relays; `None`: the region and some digits of this run's instance.
    pub id: Option<String>,
    pub provider: String,
    pub city: String,
    /// UDP and TCP; port 0 takes any that is free for both.
    pub listen: SocketAddr,
    /// Plain HTTP for health, the manifest and metrics.
    pub admin: Option<SocketAddr>,
    /// HTTP without TLS for calls over WebSocket: behind a proxy that ends TLS.
    pub plain: Option<SocketAddr>,
    /// The proxies in front.
    pub fronts: Fronts,
    /// HOST or HOST:PORT that clients are told; `None`: where it listens.
    pub advertise: Option<String>,
    /// HOST:PORT that they are told for WebSocket alone: a proxy's. `None`: the same.
    pub advertise_websocket: Option<String>,
    pub certificate: CertificateSource,
    /// How long a self-signed certificate lives; `None`: as long as browsers accept one. For drills and tests.
    pub self_signed_lifetime: Option<Duration>,
    /// How often files are looked at for changes.
    pub watch_files: Duration,
    pub access: Access,
    pub bus: BusConfig,
    /// The relay's own manifest is written here once it listens.
    pub manifest_out: Option<PathBuf>,
    /// Threads; `None`: one a core.
    pub workers: Option<usize>,
    /// How long clients may take to move away once the program is asked to end.
    pub drain_deadline: Duration,
    pub limits: Limits,
    /// Whether the CPU time of the process counts as load: where the relay is all that the process does.
    pub cpu_counts: bool,
    /// The most networks of users (IPv4 /24, IPv6 /48) whose round trips `/metrics` shows by network; 0: none.
    pub metrics_prefixes: usize,
    /// What the program logs; for a relay inside another program, that one's to say.
    pub log_level: LogLevel,
    pub log_json: bool,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made at the start; clients need its pin.
    SelfSigned,
    /// One that outlives the relay: it starts again, and clients know it.
    Given(Arc<Certificate>),
    /// PEM files.
    Files { certificate: PathBuf, key: PathBuf },
}

/// Who may enter.
#[derive(Clone, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Everybody; who has a token that is signed with this key has the rights that it gives, and may so be host.
    Hosted(String),
    /// Who has a token that is signed with this key: the text of a key file, see [`crate::crypto::auth`].
    Key(String),
    /// Who has a token that is signed with one of the keys in these files, which are read again when they change.
    Files(KeyFiles),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Access::Open => "Open",
            Access::Hosted(_) => "Hosted",
            Access::Key(_) => "Key",
            Access::Files(_) => "Files",
        })
    }
}

impl Config {
    /// An open relay on this machine alone, on any free port: for a demo, a test, or a call that is hosted here.
    pub fn local(region: &str) -> Self {
        Self {
            region: region.into(),
            id: None,
            provider: String::new(),
            city: String::new(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            admin: None,
            plain: None,
            fronts: Fronts::default(),
            advertise: None,
            advertise_websocket: None,
            certificate: CertificateSource::SelfSigned,
            self_signed_lifetime: None,
            watch_files: Duration::from_secs(2),
            access: Access::Open,
            bus: BusConfig::Local(Hub::new()),
            manifest_out: None,
            workers: None,
            drain_deadline: Duration::from_secs(30),
            limits: Limits::default(),
            cpu_counts: false,
            metrics_prefixes: 0,
            log_level: LogLevel::Info,
            log_json: false,
        }
    }
}

#[cfg(test)]
mod tests;
