//! The table of settings: each is declared once, and may then stand on the command line, in the environment and in the file.
//! Used by `args`, which puts the three together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::file::Key;
use super::limits;
use crate::relay::fronts::{ForwardedHeader, Network};
use crate::relay::limits::Limits;

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// `NAME: TYPE` is a flag of that name (dashes for underscores) and a key of the file; `= READ` says how the file's value is read
/// where the type alone does not.
macro_rules! settings {
    ($( $(#[$attribute:meta])* $name:ident: $type:ty $(= $read:expr)?; )*) => {
        /// What may stand on the command line, in the environment, and in the file.
        #[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args)]
        pub struct Settings {
            $( $(#[$attribute])* pub $name: Option<$type>, )*
            /// How much of everything: the file's table `[limits]`.
            #[arg(skip)]
            pub limits: Option<Limits>,
        }

        impl Settings {
            /// What may stand in the file.
            pub(super) const KEYS: &[Key<Self>] = &[
                $( Key { name: stringify!($name), take: |to, found| to.$name = settings!(@read found $(, $read)?) }, )*
                Key { name: "limits", take: |to, found| found.table(limits::KEYS, to.limits.get_or_insert_default()) },
            ];

            /// These, and those of the file where they say nothing.
            pub(super) fn or(self, file: Self) -> Self {
                Self { $( $name: self.$name.or(file.$name), )* limits: self.limits.or(file.limits) }
            }
        }
    };
    (@read $found:ident) => { $found.value() };
    (@read $found:ident, $read:expr) => { { let read: fn(&mut super::file::Found<'_, '_>) -> Option<_> = $read; read($found) } };
}

settings! {
    /// The region that this relay stands for
    #[arg(long, env = "NEARCALL_RELAY_REGION")]
    region: String;
    /// Unique among all relays [default: the region and four digits]
    #[arg(long, env = "NEARCALL_RELAY_ID")]
    id: String;
    #[arg(long, env = "NEARCALL_RELAY_PROVIDER")]
    provider: String;
    #[arg(long, env = "NEARCALL_RELAY_CITY")]
    city: String;
    /// UDP and TCP [default: 127.0.0.1:4433]
    #[arg(long, value_name = "ADDR:PORT", env = "NEARCALL_RELAY_LISTEN")]
    listen: SocketAddr;
    /// Plain HTTP for /healthz, /readyz, /regions.json and /metrics
    #[arg(long, value_name = "ADDR:PORT", env = "NEARCALL_RELAY_ADMIN")]
    admin: SocketAddr;
    /// What clients are told to connect to [default: where it listens]
    #[arg(long, value_name = "HOST:PORT", env = "NEARCALL_RELAY_ADVERTISE")]
    advertise: String;
    /// What they are told for WebSocket, where a proxy stands in front of TCP alone [default: the same]
    #[arg(long, value_name = "HOST:PORT", env = "NEARCALL_RELAY_ADVERTISE_WEBSOCKET")]
    advertise_websocket: String;
    /// HTTP without TLS for calls over WebSocket, behind a proxy that ends TLS; loopback only
    #[arg(long, value_name = "ADDR:PORT", env = "NEARCALL_RELAY_PLAIN")]
    plain: SocketAddr;
    /// Let --plain be an address that others can reach: a private network, as between containers
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    plain_beyond_loopback: bool;
    /// Connections to the TCP port from here begin with a PROXY header (version 1 or 2)
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', env = "NEARCALL_RELAY_PROXY_PROTOCOL_FROM")]
    proxy_protocol_from: Vec<Network>;
    /// Proxies whose forwarded headers are believed
    #[arg(long, value_name = "NETWORK", value_delimiter = ',', env = "NEARCALL_RELAY_TRUSTED_PROXIES")]
    trusted_proxies: Vec<Network>;
    /// The one header that they write [default: x-forwarded-for]
    #[arg(long, value_enum, value_name = "NAME", env = "NEARCALL_RELAY_FORWARDED_HEADER")]
    forwarded_header: ForwardedHeader = |found| found.word();
    /// Certificate chain, PEM; read again when it changes
    #[arg(long, value_name = "FILE", requires = "key", env = "NEARCALL_RELAY_CERT")]
    cert: PathBuf;
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert", env = "NEARCALL_RELAY_KEY")]
    key: PathBuf;
    /// A certificate of its own, pinned in the manifest [default without --cert]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", conflicts_with_all = ["cert", "key"])]
    self_signed: bool;
    /// Ask for tokens that are signed with this key; several (again, or with commas): with any of them, the newest first. Read
    /// again when they change
    #[arg(long, value_name = "FILE", value_delimiter = ',', conflicts_with = "open", env = "NEARCALL_RELAY_AUTH_KEY")]
    auth_key: Vec<PathBuf>;
    /// What tickets are sealed with, a line of 16 bytes or more; the same for all relays [default: derived from --auth-key, which
    /// a public key does not allow]
    #[arg(long, value_name = "FILE", conflicts_with = "open", env = "NEARCALL_RELAY_TICKET_SECRET")]
    ticket_secret: PathBuf;
    /// Let everybody in [default on loopback addresses]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    open: bool;
    /// The NATS servers that join this relay to others, with commas between them: nats://[USER:PASSWORD@]HOST:4222. One is enough to
    /// find the others of its cluster, once it was reached
    #[arg(long, value_name = "URL,...", env = "NEARCALL_RELAY_NATS")]
    nats: String;
    /// Who signed the NATS servers' certificates, PEM: nothing but TLS is spoken then
    #[arg(long, value_name = "FILE", env = "NEARCALL_RELAY_NATS_CA")]
    nats_ca: PathBuf;
    /// The certificate that this relay shows to NATS, PEM
    #[arg(long, value_name = "FILE", requires = "nats_key", env = "NEARCALL_RELAY_NATS_CERT")]
    nats_cert: PathBuf;
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", requires = "nats_cert", env = "NEARCALL_RELAY_NATS_KEY")]
    nats_key: PathBuf;
    /// Write this relay's manifest here once it listens
    #[arg(long, value_name = "FILE", env = "NEARCALL_RELAY_MANIFEST_OUT")]
    manifest_out: PathBuf;
    /// Threads [default: one a core]
    #[arg(long, env = "NEARCALL_RELAY_WORKERS", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    workers: usize = |found| found.within(&(1..=1024), "from 1 to 1024");
    /// Whether the CPU time of this process is part of its load [default: true]
    #[arg(long, value_name = "BOOL", env = "NEARCALL_RELAY_CPU_COUNTS")]
    cpu_counts: bool;
    /// Show users' round trips by their network, IPv4 /24 and IPv6 /48, for at most N of them; a small network says something
    /// about whoever is behind it [default: 0, none]
    #[arg(long, value_name = "N", env = "NEARCALL_RELAY_METRICS_PREFIXES", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=10_000))]
    metrics_prefixes: usize = |found| found.within(&(0..=10_000), "from 0 to 10000");
    /// How long clients may take to move away after SIGTERM [default: 30s]
    #[arg(long, value_name = "DURATION", env = "NEARCALL_RELAY_DRAIN_DEADLINE", value_parser = drain_deadline)]
    drain_deadline: Duration = |found| found.within(&(Duration::ZERO..=LONGEST_DRAIN), "from \"0s\" to \"1h\"");
    /// Log one JSON object a line
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", env = "NEARCALL_RELAY_LOG_JSON")]
    log_json: bool;
    /// What is logged [default: info]; NEARCALL_LOG says it by module
    #[arg(long, value_name = "LEVEL", env = "NEARCALL_RELAY_LOG_LEVEL")]
    log_level: LogLevel = |found| found.word();
}

const LONGEST_DRAIN: Duration = Duration::from_secs(3600);

fn drain_deadline(text: &str) -> Result<Duration, String> {
    let deadline = humantime::parse_duration(text).map_err(|error| format!("{error}; it looks like 30s"))?;
    if deadline <= LONGEST_DRAIN { Ok(deadline) } else { Err("at most 1h".into()) }
}
