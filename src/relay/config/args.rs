//! The command line, and how flags, environment and file become a [`Config`], in this order of weight.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser, Subcommand};

use super::{Access, CertificateSource, Config, Settings, file};
use crate::net::tls::{Certificate, TlsError};
use crate::proto::DEFAULT_PORT;
use crate::relay::bus::{BusConfig, NatsConfig, NatsError};
use crate::relay::fronts::Fronts;
use crate::relay::gate::Gate;
use crate::relay::keys::KeyFiles;
use crate::relay::program::{KeyArgs, TokenArgs};

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
    /// Print a token that lets somebody into a room, or explain one
    Token(TokenArgs),
    /// Make a key for tokens, or print its public half
    Key(KeyArgs),
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
    #[error("no key for tokens in {path}: {error}")]
    AuthKey { path: String, error: String },
    #[error("{0} can be reached from outside: give --auth-key FILE, or --open to let everybody in")]
    Unguarded(String),
    #[error("a ticket secret is of use with --auth-key alone")]
    TicketSecretAlone,
    #[error("a relay behind a proxy can be reached from outside: give --auth-key FILE, or --open to let everybody in")]
    UnguardedProxy,
    #[error(
        "{0} can be reached from outside and nothing on it is encrypted: if only a proxy can, say --plain-beyond-loopback"
    )]
    Plain(SocketAddr),
    #[error("{0} is every address of this machine: say with --advertise HOST:PORT which one clients are to use")]
    NoAddress(SocketAddr),
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error("{0} says how to reach NATS, and no NATS server is named: give nats as well")]
    NoNats(&'static str),
    #[error("a certificate for NATS needs its key: give both nats-cert and nats-key")]
    HalfNatsCertificate,
    #[error("{name} {host:?} is not HOST:PORT")]
    Host { name: &'static str, host: String },
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
        if self.open.is_some() {
            file.ticket_secret = None;
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
        if let Some(plain) =
            self.plain.filter(|it| !it.ip().to_canonical().is_loopback() && self.plain_beyond_loopback != Some(true))
        {
            keep(ConfigError::Plain(plain));
        }
        let websocket = self.advertise_websocket.clone().map(|host| check_host("--advertise-websocket", host));
        let advertise_websocket = websocket.transpose().map_err(&mut keep).ok();
        let fronts = self.fronts();
        let advertise = self.advertise.map(|host| check_host("--advertise", host)).transpose().map_err(&mut keep).ok();
        if advertise == Some(None) && listen.ip().to_canonical().is_unspecified() {
            keep(ConfigError::NoAddress(listen));
        }
        let local = Config::local(&region?);
        Some(Config {
            id: self.id,
            provider: self.provider.unwrap_or_default(),
            city: self.city.unwrap_or_default(),
            listen,
            admin: self.admin,
            plain: self.plain,
            fronts,
            advertise: advertise?,
            advertise_websocket: advertise_websocket?,
            certificate: certificate?,
            access: access?,
            bus: nats?.map_or(local.bus.clone(), BusConfig::Nats),
            manifest_out: self.manifest_out,
            workers: self.workers,
            drain_deadline: self.drain_deadline.unwrap_or(local.drain_deadline),
            limits: self.limits.unwrap_or_default(),
            cpu_counts: self.cpu_counts.unwrap_or(true),
            metrics_prefixes: self.metrics_prefixes.unwrap_or(0),
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

    fn fronts(&self) -> Fronts {
        Fronts {
            proxy_protocol_from: self.proxy_protocol_from.clone().unwrap_or_default(),
            trusted_proxies: self.trusted_proxies.clone().unwrap_or_default(),
            header: self.forwarded_header.unwrap_or_default(),
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

    /// Beyond loopback means that clients elsewhere are told of it, or could find it: also through a proxy on this machine.
    fn access(&self, listen: SocketAddr) -> Result<Access, ConfigError> {
        let open = self.open == Some(true);
        let told = [&self.advertise, &self.advertise_websocket].into_iter().flatten().find(|host| !is_local(host));
        let outside = match told {
            Some(host) => Some(host.clone()),
            None if !listen.ip().to_canonical().is_loopback() => Some(listen.to_string()),
            None => None,
        };
        match (&self.auth_key, outside) {
            (Some(_), _) if open => Err(ConfigError::OpenWithKey),
            (Some(paths), _) => {
                let files = KeyFiles { auth: paths.clone(), ticket_secret: self.ticket_secret.clone() };
                let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                let wrong = |error: &dyn std::fmt::Display| ConfigError::AuthKey {
                    path: names.join(", "),
                    error: error.to_string(),
                };
                Gate::with_keys(&files.read()?).map_err(|error| wrong(&error))?;
                Ok(Access::Files(files))
            }
            (None, _) if self.ticket_secret.is_some() => Err(ConfigError::TicketSecretAlone),
            (None, _) if open => Ok(Access::Open),
            _ if self.plain.is_some() || self.fronts() != Fronts::default() => Err(ConfigError::UnguardedProxy),
            (None, Some(outside)) => Err(ConfigError::Unguarded(outside)),
            (None, None) => Ok(Access::Open),
        }
    }
}

/// Whether HOST or HOST:PORT leads nowhere but to this machine.
fn is_local(host: &str) -> bool {
    let bare = match host.parse::<std::net::Ipv6Addr>() {
        Ok(_) => host,
        Err(_) => host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name }),
    };
    let bare = bare.trim_matches(['[', ']']);
    let is_name = bare.eq_ignore_ascii_case("localhost") || bare.to_ascii_lowercase().ends_with(".localhost");
    is_name || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
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

fn check_host(name: &'static str, host: String) -> Result<String, ConfigError> {
    match url::Url::parse(&format!("https://{host}/")) {
        Ok(url) if url.host().is_some() && url.username().is_empty() && url.path() == "/" => Ok(host),
        _ if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(host),
        _ => Err(ConfigError::Host { name, host }),
    }
}
