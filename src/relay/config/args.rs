//! The command line, and how flags, environment and file become a [`Config`], in this order of weight.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};

use super::{Access, CertificateSource, Config, Settings, file};
use crate::net::tls::{Certificate, TlsError};
use crate::proto::DEFAULT_PORT;
use crate::relay::bus::{BusConfig, NatsConfig, NatsError};
use crate::relay::gate::Gate;

/// A configuration file, bytes.
const FILE_BYTES: u64 = 64 * 1024;
/// What the environment's names begin with.
const PREFIX: &str = "NEARCALL_RELAY_";

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
    /// Say what is wrong with the settings, or "fine", and do not start
    #[arg(long)]
    pub check: bool,
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

/// One thing that is wrong with what a relay was told.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: String },
    #[error("{path}, line {line}: {error}")]
    File { path: String, line: usize, error: String },
    #[error("{0}, in the environment")]
    Environment(String),
    #[error("no region: say --region NAME")]
    NoRegion,
    #[error("a certificate needs its key: give both cert and key")]
    HalfCertificate,
    #[error("self-signed, or a certificate from files: not both")]
    TwoCertificates,
    #[error(transparent)]
    Certificate(TlsError),
    #[error("open, or with a key for tokens: not both")]
    OpenWithKey,
    #[error("{path} is no key for tokens: {error}")]
    AuthKey { path: String, error: String },
    #[error("{0} can be reached from outside: give --auth-key FILE, or --open to let everybody in")]
    Unguarded(SocketAddr),
    #[error("{0} is every address of this machine: say with --advertise HOST:PORT which one clients are to use")]
    NoAddress(SocketAddr),
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error("{0} says how to reach NATS, and no NATS server is named: give nats as well")]
    NoNats(&'static str),
    #[error("a certificate for NATS needs its key: give both nats-cert and nats-key")]
    HalfNatsCertificate,
    #[error("--advertise {0:?} is not HOST:PORT")]
    Advertise(String),
}

/// All that is wrong, a line each.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl std::error::Error for ConfigErrors {}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl Args {
    /// Puts flags, environment and file together and checks all of it. `environment`: the names and values that are set.
    ///
    /// # Errors
    /// All that is wrong; the text says what to mend.
    pub fn into_config(self, environment: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigErrors> {
        let mut errors = unknown_environment(environment);
        let mut file = Settings::default();
        if let Some(path) = &self.config {
            errors.extend(file::take(path, Settings::KEYS, &mut file));
        }
        // What a broken file would have said is missing, and not worth a word of its own.
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        let config = self.settings.over(file).check(&mut errors);
        config.filter(|_| errors.is_empty()).ok_or(ConfigErrors(errors))
    }
}

impl Settings {
    /// A choice on the command line replaces the file's whole: `--open` its key, `--self-signed` its certificate.
    fn over(self, mut file: Self) -> Self {
        if self.self_signed.is_some() || self.cert.is_some() || self.key.is_some() {
            (file.cert, file.key, file.self_signed) = (None, None, None);
        }
        if self.open.is_some() || self.auth_key.is_some() {
            (file.auth_key, file.open) = (None, None);
        }
        self.or(file)
    }

    /// Checks all of it; `None` where nothing can be made of it.
    fn check(self, errors: &mut Vec<ConfigError>) -> Option<Config> {
        let mut keep = |error| errors.push(error);
        let listen = self.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into());
        let region = self.region.clone().filter(|region| !region.is_empty());
        if region.is_none() {
            keep(ConfigError::NoRegion);
        }
        let certificate = self.certificate().map_err(&mut keep).ok();
        let access = self.access(listen).map_err(&mut keep).ok();
        let nats = self.bus().map_err(&mut keep).ok();
        let advertise = self.advertise.map(check_host).transpose().map_err(&mut keep).ok();
        if advertise == Some(None) && listen.ip().is_unspecified() {
            keep(ConfigError::NoAddress(listen));
        }
        let local = Config::local(&region?);
        Some(Config {
            id: self.id,
            provider: self.provider.unwrap_or_default(),
            city: self.city.unwrap_or_default(),
            listen,
            admin: self.admin,
            advertise: advertise?,
            certificate: certificate?,
            access: access?,
            bus: nats?.map_or(local.bus.clone(), BusConfig::Nats),
            manifest_out: self.manifest_out,
            workers: self.workers,
            drain_deadline: self.drain_deadline.unwrap_or(local.drain_deadline),
            limits: self.limits.unwrap_or_default(),
            log_level: self.log_level.unwrap_or(local.log_level),
            log_json: self.log_json.unwrap_or(false),
            ..local
        })
    }

    fn bus(&self) -> Result<Option<NatsConfig>, ConfigError> {
        let identity = match (&self.nats_cert, &self.nats_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => return Err(ConfigError::HalfNatsCertificate),
        };
        match &self.nats {
            Some(servers) => {
                let nats = NatsConfig { ca: self.nats_ca.clone(), identity, ..NatsConfig::from(servers.clone()) };
                nats.check()?;
                Ok(Some(nats))
            }
            None if self.nats_ca.is_some() => Err(ConfigError::NoNats("nats-ca")),
            None if identity.is_some() => Err(ConfigError::NoNats("nats-cert")),
            None => Ok(None),
        }
    }

    fn certificate(&self) -> Result<CertificateSource, ConfigError> {
        match (&self.cert, &self.key) {
            (None, None) => Ok(CertificateSource::SelfSigned),
            (Some(_), Some(_)) if self.self_signed == Some(true) => Err(ConfigError::TwoCertificates),
            (Some(certificate), Some(key)) => {
                Certificate::from_files(certificate, key).map_err(ConfigError::Certificate)?;
                Ok(CertificateSource::Files { certificate: certificate.clone(), key: key.clone() })
            }
            _ => Err(ConfigError::HalfCertificate),
        }
    }

    fn access(&self, listen: SocketAddr) -> Result<Access, ConfigError> {
        let open = self.open == Some(true);
        match &self.auth_key {
            Some(_) if open => Err(ConfigError::OpenWithKey),
            Some(path) => {
                let text = read(path)?;
                let wrong = |error: &dyn std::fmt::Display| ConfigError::AuthKey {
                    path: path.display().to_string(),
                    error: error.to_string(),
                };
                Gate::with_key(&text).map_err(|error| wrong(&error))?;
                Ok(Access::Key(text))
            }
            None if open || listen.ip().is_loopback() => Ok(Access::Open),
            None => Err(ConfigError::Unguarded(listen)),
        }
    }
}

/// Names that look like ours and that nobody knows: a slip there would be a setting that is silently not made.
fn unknown_environment(environment: impl Iterator<Item = (String, String)>) -> Vec<ConfigError> {
    let command = Args::command();
    let all = std::iter::once(&command).chain(command.get_subcommands());
    let variables = all.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_env);
    let known: Vec<_> = variables.filter_map(std::ffi::OsStr::to_str).collect();
    let strange = |(name, value): &(String, String)| {
        name.starts_with(PREFIX) && !known.contains(&name.as_str()) && !is_service_link(name, value)
    };
    let mut unknown: Vec<_> = environment.filter(strange).map(|(name, _)| name).collect();
    unknown.sort();
    unknown.iter().map(|name| ConfigError::Environment(file::unknown("name", name, known.iter().copied()))).collect()
}

/// Kubernetes tells every pod of a namespace where each service is; one that is called `nearcall-relay` gets our prefix.
fn is_service_link(name: &str, value: &str) -> bool {
    let port =
        name.rsplit_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || port
        || value.contains("://") && name.ends_with("_PORT")
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
