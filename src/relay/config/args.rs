//! Flags, environment and file, and how they become a [`Config`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde::Deserialize;

use super::{Access, CertificateSource, Config};
use crate::proto::DEFAULT_PORT;
use crate::relay::bus::BusConfig;

/// A configuration file, bytes.
const FILE_BYTES: u64 = 64 * 1024;

/// The regional relay of Nearcall: forwards calls, decodes nothing.
#[derive(Debug, Parser)]
#[command(name = "nearcall-relay", version, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
    /// A TOML file with the same names (underscores for dashes); flags and environment go before it
    #[arg(long, value_name = "FILE", env = "NEARCALL_RELAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Log one JSON object a line
    #[arg(long)]
    pub log_json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a token that lets somebody into a room
    Token(TokenArgs),
}

#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The private key that relays check tokens with
    #[arg(long, value_name = "FILE", env = "NEARCALL_RELAY_AUTH_KEY")]
    pub auth_key: PathBuf,
    #[arg(long)]
    pub room: String,
    /// Who it is for
    #[arg(long)]
    pub name: String,
    /// May mute, remove and lock
    #[arg(long)]
    pub host: bool,
    /// How long it is good for
    #[arg(long, default_value = "6h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
}

/// What may stand on the command line, in the environment, and in the file.
#[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The region that this relay stands for
    #[arg(long, env = "NEARCALL_RELAY_REGION")]
    pub region: Option<String>,
    /// Unique among all relays [default: the region and four digits]
    #[arg(long, env = "NEARCALL_RELAY_ID")]
    pub id: Option<String>,
    #[arg(long, env = "NEARCALL_RELAY_PROVIDER")]
    pub provider: Option<String>,
    #[arg(long, env = "NEARCALL_RELAY_CITY")]
    pub city: Option<String>,
    /// UDP and TCP [default: 127.0.0.1:4433]
    #[arg(long, value_name = "ADDR:PORT", env = "NEARCALL_RELAY_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Plain HTTP for /healthz, /readyz and /regions.json
    #[arg(long, value_name = "ADDR:PORT", env = "NEARCALL_RELAY_ADMIN")]
    pub admin: Option<SocketAddr>,
    /// What clients are told to connect to [default: where it listens]
    #[arg(long, value_name = "HOST:PORT", env = "NEARCALL_RELAY_ADVERTISE")]
    pub advertise: Option<String>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "key", env = "NEARCALL_RELAY_CERT")]
    pub cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert", env = "NEARCALL_RELAY_KEY")]
    pub key: Option<PathBuf>,
    /// A certificate of its own, pinned in the manifest [default without --cert]
    #[arg(long, conflicts_with_all = ["cert", "key"])]
    pub self_signed: bool,
    /// Ask for tokens that are signed with this key
    #[arg(long, value_name = "FILE", conflicts_with = "open", env = "NEARCALL_RELAY_AUTH_KEY")]
    pub auth_key: Option<PathBuf>,
    /// Let everybody in [default on loopback addresses]
    #[arg(long)]
    pub open: bool,
    /// The NATS server that joins this relay to others
    #[arg(long, value_name = "URL", env = "NEARCALL_RELAY_NATS")]
    pub nats: Option<String>,
    /// Write this relay's manifest here once it listens
    #[arg(long, value_name = "FILE", env = "NEARCALL_RELAY_MANIFEST_OUT")]
    pub manifest_out: Option<PathBuf>,
    /// Threads [default: one a core]
    #[arg(long, env = "NEARCALL_RELAY_WORKERS")]
    pub workers: Option<usize>,
}

/// What is wrong with what a relay was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: String },
    #[error("{path}: {error}")]
    File { path: String, error: String },
    #[error("no region: say --region NAME")]
    NoRegion,
    #[error("a certificate needs its key: give both cert and key")]
    HalfCertificate,
    #[error("self-signed, or a certificate from files: not both")]
    TwoCertificates,
    #[error("open, or with a key for tokens: not both")]
    OpenWithKey,
    #[error("{0} can be reached from outside: give --auth-key FILE, or --open to let everybody in")]
    Unguarded(SocketAddr),
    #[error("{0} is every address of this machine: say with --advertise HOST:PORT which one clients are to use")]
    NoAddress(SocketAddr),
    #[error("{0:?} is not the address of a NATS server: it looks like nats://HOST:4222")]
    Nats(String),
    #[error("--advertise {0:?} is not HOST:PORT")]
    Advertise(String),
}

impl Settings {
    /// These, and where they say nothing the file's.
    ///
    /// # Errors
    /// The file cannot be read, or holds a name that has no meaning.
    pub fn or_file(self, path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(self) };
        let text = read(path)?;
        let file: Settings = toml::from_str(&text)
            .map_err(|error| ConfigError::File { path: path.display().to_string(), error: error.to_string() })?;
        Ok(self.or(file))
    }

    /// A choice on the command line replaces the file's whole: `--open` its key, `--self-signed` its certificate.
    fn or(self, file: Self) -> Self {
        let certificate = self.self_signed || self.cert.is_some() || self.key.is_some();
        let access = self.open || self.auth_key.is_some();
        let (cert, key, self_signed) = match certificate {
            true => (self.cert, self.key, self.self_signed),
            false => (file.cert, file.key, file.self_signed),
        };
        let (auth_key, open) = if access { (self.auth_key, self.open) } else { (file.auth_key, file.open) };
        Self {
            region: self.region.or(file.region),
            id: self.id.or(file.id),
            provider: self.provider.or(file.provider),
            city: self.city.or(file.city),
            listen: self.listen.or(file.listen),
            admin: self.admin.or(file.admin),
            advertise: self.advertise.or(file.advertise),
            cert,
            key,
            self_signed,
            auth_key,
            open,
            nats: self.nats.or(file.nats),
            manifest_out: self.manifest_out.or(file.manifest_out),
            workers: self.workers.or(file.workers),
        }
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// See [`ConfigError`]; the text says what to mend.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        let region = self.region.filter(|region| !region.is_empty()).ok_or(ConfigError::NoRegion)?;
        let listen = self.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into());
        let certificate = match (self.cert, self.key) {
            (None, None) => CertificateSource::SelfSigned,
            (Some(_), Some(_)) if self.self_signed => return Err(ConfigError::TwoCertificates),
            (Some(certificate), Some(key)) => CertificateSource::Files { certificate, key },
            _ => return Err(ConfigError::HalfCertificate),
        };
        let access = match self.auth_key {
            Some(_) if self.open => return Err(ConfigError::OpenWithKey),
            Some(path) => Access::Key(read(&path)?),
            None if self.open || listen.ip().is_loopback() => Access::Open,
            None => return Err(ConfigError::Unguarded(listen)),
        };
        let advertise = self.advertise.map(check_host).transpose()?;
        if advertise.is_none() && listen.ip().is_unspecified() {
            return Err(ConfigError::NoAddress(listen));
        }
        let local = Config::local(&region);
        Ok(Config {
            id: self.id,
            provider: self.provider.unwrap_or_default(),
            city: self.city.unwrap_or_default(),
            listen,
            admin: self.admin,
            advertise,
            certificate,
            access,
            bus: self.nats.map(check_nats).transpose()?.map_or(local.bus.clone(), |nats| BusConfig::Nats(nats.into())),
            manifest_out: self.manifest_out,
            workers: self.workers,
            ..local
        })
    }
}

/// Reads a small file of text.
pub(in crate::relay) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error: String| ConfigError::Read { path: path.display().to_string(), error };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > FILE_BYTES {
        return Err(unreadable(format!("it has {length} bytes, more than {FILE_BYTES}")));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))
}

fn check_host(advertise: String) -> Result<String, ConfigError> {
    match url::Url::parse(&format!("https://{advertise}/")) {
        Ok(url) if url.host().is_some() && url.username().is_empty() && url.path() == "/" => Ok(advertise),
        _ if advertise.parse::<std::net::Ipv6Addr>().is_ok() => Ok(advertise),
        _ => Err(ConfigError::Advertise(advertise)),
    }
}

fn check_nats(nats: String) -> Result<String, ConfigError> {
    let known = |url: &url::Url| ["nats", "tls", "ws", "wss"].contains(&url.scheme()) && url.host().is_some();
    if url::Url::parse(&nats).is_ok_and(|url| known(&url)) { Ok(nats) } else { Err(ConfigError::Nats(nats)) }
}

#[cfg(test)]
mod tests;
