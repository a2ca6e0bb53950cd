//! The table of settings: each is declared once, and may then stand on the command line, in the environment and in the file.
//! Used by `args`, which puts the three together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::file::Key;
use super::limits;
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
    /// Certificate chain, PEM; read again when it changes
    #[arg(long, value_name = "FILE", requires = "key", env = "NEARCALL_RELAY_CERT")]
    cert: PathBuf;
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert", env = "NEARCALL_RELAY_KEY")]
    key: PathBuf;
    /// A certificate of its own, pinned in the manifest [default without --cert]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", conflicts_with_all = ["cert", "key"])]
    self_signed: bool;
    /// Ask for tokens that are signed with this key
    #[arg(long, value_name = "FILE", conflicts_with = "open", env = "NEARCALL_RELAY_AUTH_KEY")]
    auth_key: PathBuf;
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
