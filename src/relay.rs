//! The regional relay: takes in sessions, forwards their media, is one of many on a bus.
//!
//! Used by the relay's program, by `cli` for the demo and for hosting a call here, and by tests. Must never see a codec, a frame's
//! payload or a frame key.
//!
//! | module | owns |
//! | --- | --- |
//! | [`config`] | what a relay is told, from flags, environment and file |
//! | `accept`, `http` | sockets, handshakes, what is served over HTTP |
//! | `gate` | who may enter |
//! | `session` | one client's connection: its order of messages |
//! | [`registry`] | who is in a room (sans-IO) |
//! | [`router`] | who gets which frame (sans-IO) |
//! | `forward` | a room at work: registry and router, links and bus |
//! | `rooms` | all rooms; what comes from the bus; time |
//! | [`bus`] | other relays: in this process, or over NATS |
//! | `directory` | which relays there are |
//! | `limits` | how much of everything |
//! | `metrics` | what users report, for `/metrics` |
//! | [`program`] | the relay as a program: signals and exit codes |

mod accept;
pub mod bus;
pub mod config;
mod directory;
mod forward;
mod gate;
mod http;
pub mod limits;
mod metrics;
pub mod program;
pub mod registry;
mod rooms;
pub mod router;
mod session;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::bus::{Bus, Event, Message};
use self::config::{Access, CertificateSource};
use self::directory::Directory;
use self::gate::Gate;
use self::limits::Limits;
use self::metrics::Metrics;
use self::rooms::Rooms;
use self::router::SessionId;
use crate::clock;
use crate::crypto::auth::AuthKeyError;
use crate::net::tls::{Certificate, TlsError};
use crate::net::webtransport::Server;
use crate::net::{LinkError, Responder};
use crate::proto::control::Drain;
use crate::proto::manifest::{Manifest, ManifestError, RelayEntry};
use crate::proto::probe::RelayState;
use crate::proto::{CALL_PATH, RelayInstance};

pub use self::config::Config;

/// How long clients that are told to move may take to begin; less where the deadline is short.
const SPREAD: Duration = Duration::from_secs(10);
/// From this share of its connections on, per cent, a relay says that it is full: who is here may still move about.
const FULL_PERCENT: usize = 90;
/// How long a relay that stops waits for its peers to hear of it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error(
        "it would listen on every address of this machine: say with --advertise HOST:PORT which one clients are to use"
    )]
    NoAddress,
    #[error("this relay cannot be listed in a manifest: {0}")]
    Manifest(#[from] ManifestError),
    #[error("cannot write {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("the key for tokens cannot be used: {0}")]
    AuthKey(#[from] AuthKeyError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the system gave no random bytes")]
    Random,
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
    #[error("the relay stopped while it started")]
    Stopped,
}

/// A running relay, on threads of its own. Dropped, it stops at once.
pub struct Relay {
    core: Arc<Core>,
    server: Arc<Server>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    /// What takes in connections.
    doors: Vec<JoinHandle<()>>,
    threads: Threads,
}

/// A relay's threads. Dropped, they stop without being waited for: a relay may be dropped where waiting is forbidden.
#[derive(Default)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What all tasks of a relay share.
#[derive(Debug)]
pub(crate) struct Core {
    instance: RelayInstance,
    started: Instant,
    responder: Arc<Responder>,
    rooms: Rooms,
    bus: Arc<Bus>,
    directory: Directory,
    gate: Gate,
    limits: Limits,
    metrics: Metrics,
    isolated: AtomicBool,
    /// When the drain that is on ends.
    drained_by: Mutex<Option<Instant>>,
    sessions: AtomicU64,
    connections: AtomicUsize,
    /// Sessions that have joined.
    joined: watch::Sender<usize>,
}

impl Core {
    fn next_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    fn announce(&self) {
        self.bus.send(Message::Announce(self.directory.announcement(false).into()));
    }

    fn set_isolated(&self, isolated: bool) {
        if self.isolated.swap(isolated, Ordering::Relaxed) != isolated {
            match isolated {
                true => tracing::warn!("the bus is lost: calls go on among those who are here"),
                false => tracing::info!("the bus is there"),
            }
        }
        self.update_load();
    }

    /// Says in probe replies how this relay is.
    fn update_load(&self) {
        let percent = self.connections.load(Ordering::Relaxed) * 100 / self.limits.connections.max(1);
        self.responder.set_load(percent.min(100) as u8);
        self.responder.set_state(if self.drain_left().is_some() {
            RelayState::Draining
        } else if self.isolated.load(Ordering::Relaxed) {
            RelayState::Isolated
        } else if percent >= FULL_PERCENT {
            RelayState::Full
        } else {
            RelayState::Ready
        });
    }

    /// What a session is told while a drain is on.
    fn drain_left(&self) -> Option<Drain> {
        let drained_by = *self.drained_by.lock().expect("nobody panics while holding the deadline");
        let left = drained_by?.saturating_duration_since(clock::now());
        let spread = SPREAD.min(left / 3);
        Some(Drain { deadline_ms: left.as_millis() as u32, spread_ms: spread.as_millis() as u32 })
    }
}

impl Relay {
    /// Starts a relay. It listens when this returns.
    ///
    /// # Errors
    /// See [`RelayError`].
    pub async fn start(config: Config) -> Result<Self, RelayError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().thread_name(format!("relay-{}", config.region));
        if let Some(workers) = config.workers {
            builder.worker_threads(workers.max(1));
        }
        let mut threads = Threads(Some(builder.build().map_err(RelayError::Threads)?));
        let runtime = threads.0.as_ref().ok_or(RelayError::Stopped)?;
        // On its own threads from the first socket on.
        let mut relay = runtime.spawn(Self::start_here(config)).await.map_err(|_| RelayError::Stopped)??;
        std::mem::swap(&mut relay.threads, &mut threads);
        Ok(relay)
    }

    async fn start_here(config: Config) -> Result<Self, RelayError> {
        let listen = |error| RelayError::Listen { address: config.listen, error };
        let (tcp, udp) = accept::bind(config.listen).map_err(listen)?;
        let address = tcp.local_addr().map_err(listen)?;
        let tcp = TcpListener::from_std(tcp).map_err(listen)?;
        let admin = match config.admin {
            Some(address) => {
                let listen = |error| RelayError::Listen { address, error };
                let listener = TcpListener::bind(address).await.map_err(listen)?;
                Some((listener.local_addr().map_err(listen)?, listener))
            }
            None => None,
        };
        let host = advertised(&config, address)?;
        let certificate = match &config.certificate {
            CertificateSource::SelfSigned => Arc::new(Certificate::self_signed(&names(&host))?),
            CertificateSource::Given(certificate) => certificate.clone(),
            CertificateSource::Files { certificate, key } => Arc::new(Certificate::from_files(certificate, key)?),
        };
        let (core, events) = Self::core(&config, &host, &certificate)?;
        let server = Arc::new(Server::bind(udp, &certificate)?);
        let tls = TlsAcceptor::from(certificate.server_config(&[b"http/1.1"])?);
        tokio::spawn(rooms::serve_bus(core.clone(), events));
        tokio::spawn(rooms::keep_time(core.clone()));
        let mut doors = vec![
            tokio::spawn(accept::serve_quic(core.clone(), server.clone())),
            tokio::spawn(accept::serve_tcp(core.clone(), tcp, tls)),
        ];
        let admin = admin.map(|(address, listener)| {
            doors.push(tokio::spawn(accept::serve_admin(core.clone(), listener)));
            address
        });
        if let Some(path) = &config.manifest_out {
            write_manifest(path, core.directory.own())
                .map_err(|error| RelayError::Write { path: path.display().to_string(), error })?;
        }
        Ok(Self { core, server, address, admin, doors, threads: Threads::default() })
    }

    fn core(
        config: &Config,
        host: &str,
        certificate: &Certificate,
    ) -> Result<(Arc<Core>, mpsc::Receiver<Event>), RelayError> {
        let random = crate::crypto::random::<8>(&ring::rand::SystemRandom::new());
        let instance = RelayInstance(u64::from_be_bytes(random.map_err(|_| RelayError::Random)?));
        let id = config.id.clone().unwrap_or_else(|| format!("{}-{:04x}", config.region, instance.0 >> 48));
        let own = RelayEntry {
            id: id.clone(),
            region: config.region.clone(),
            provider: config.provider.clone(),
            city: config.city.clone(),
            webtransport: Some(format!("https://{host}{CALL_PATH}")),
            websocket: Some(format!("wss://{host}{CALL_PATH}")),
            pins: if certificate.is_self_signed() { vec![certificate.pin()] } else { Vec::new() },
        };
        Manifest::merge([Manifest::from(vec![own.clone()])])?;
        let gate = match &config.access {
            Access::Open => Gate::open(),
            Access::Key(text) => Gate::with_key(text)?,
        };
        let (bus, events) = Bus::open(&config.bus, &id, instance);
        let bus = Arc::new(bus);
        let core = Core {
            instance,
            started: clock::now(),
            responder: Arc::new(Responder::new(id, instance)),
            rooms: Rooms::new(instance, bus.clone()),
            isolated: AtomicBool::new(matches!(*bus, Bus::Nats(_))),
            bus,
            directory: Directory::new(own, instance),
            gate,
            limits: config.limits.clone(),
            metrics: Metrics::new(),
            drained_by: Mutex::new(None),
            sessions: AtomicU64::new(1),
            connections: AtomicUsize::new(0),
            joined: watch::Sender::new(0),
        };
        core.update_load();
        Ok((Arc::new(core), events))
    }

    /// This relay as a manifest lists it.
    pub fn entry(&self) -> &RelayEntry {
        self.core.directory.own()
    }

    /// All relays that this one knows of, itself first.
    pub fn manifest(&self) -> Manifest {
        self.core.directory.manifest()
    }

    /// Where it listens, UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves health, the manifest and metrics in the clear, if it was told to.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Tells one run of a relay from another.
    pub fn instance(&self) -> RelayInstance {
        self.core.instance
    }

    /// What it says in probe replies.
    pub fn state(&self) -> RelayState {
        self.core.responder.state()
    }

    /// Sessions that have joined a room, and open connections.
    pub fn load(&self) -> (usize, usize) {
        (*self.core.joined.borrow(), self.core.connections.load(Ordering::Relaxed))
    }

    /// Tells clients to move and waits until all have, at most for `deadline`. True if nobody was left.
    pub async fn drain(&self, deadline: Duration) -> bool {
        *self.core.drained_by.lock().expect("nobody panics while holding the deadline") = Some(clock::now() + deadline);
        self.core.update_load();
        if let Some(drain) = self.core.drain_left() {
            self.core.rooms.all().iter().for_each(|room| room.drain(&drain));
        }
        let mut joined = self.core.joined.subscribe();
        let emptied = joined.wait_for(|joined| *joined == 0);
        tokio::time::timeout(deadline, emptied).await.is_ok()
    }

    /// Stops: peers are told that their connections end.
    pub async fn shutdown(mut self) {
        // The endpoint must not be asked for connections once it is closed.
        for door in self.doors.drain(..) {
            door.abort();
            let _ = door.await;
        }
        self.core.rooms.all().iter().for_each(|room| room.cut("the relay stops"));
        self.server.close("the relay stops");
        let mut joined = self.core.joined.subscribe();
        let server = self.server.clone();
        let told = async {
            let _ = joined.wait_for(|joined| *joined == 0).await;
            server.wait_idle().await;
        };
        let _ = tokio::time::timeout(GOODBYE, told).await;
        self.core.bus.send(Message::Announce(self.core.directory.announcement(true).into()));
        self.core.bus.flush().await;
    }

    /// Stops like a process that is killed: no goodbye on any connection. For drills.
    pub fn kill(self) {
        drop(self);
    }
}

/// HOST:PORT as clients reach it.
fn advertised(config: &Config, address: SocketAddr) -> Result<String, RelayError> {
    let port = address.port();
    match &config.advertise {
        Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(format!("[{host}]:{port}")),
        Some(host) if host.ends_with(']') || !host.contains(':') => Ok(format!("{host}:{port}")),
        Some(host) => Ok(host.clone()),
        None if address.ip().is_unspecified() => Err(RelayError::NoAddress),
        None => Ok(address.to_string()),
    }
}

/// The names that a self-signed certificate is for.
fn names(advertised: &str) -> Vec<String> {
    let host = advertised.rsplit_once(':').map_or(advertised, |(host, _)| host).trim_matches(['[', ']']);
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}

/// Whoever reads the file finds a whole one, old or new.
fn write_manifest(path: &std::path::Path, own: &RelayEntry) -> std::io::Result<()> {
    let manifest = Manifest::from(vec![own.clone()]);
    let json = serde_json::to_string_pretty(&manifest).map_err(std::io::Error::other)? + "\n";
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    std::fs::write(&beside, json)?;
    std::fs::rename(&beside, path).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}

#[cfg(test)]
mod tests;
