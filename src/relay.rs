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
//! | `certificates` | what is shown to whoever comes; replaced before it ends |
//! | `files` | files that are replaced while the relay runs |
//! | `limits` | how much of everything |
//! | `load` | how near its limit it is (pure) |
//! | `metrics` | what `/metrics` says: of itself, and what users report |
//! | [`program`] | the relay as a program: signals and exit codes |

mod accept;
pub mod bus;
mod certificates;
pub mod config;
mod directory;
mod files;
mod forward;
mod gate;
mod http;
pub mod limits;
mod load;
mod metrics;
pub mod program;
pub mod registry;
mod rooms;
pub mod router;
mod session;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use self::bus::{Bus, Event, Message, RoomId, Stats};
use self::certificates::Certificates;
use self::config::Access;
use self::directory::Directory;
use self::gate::{Admission, Gate};
use self::limits::Limits;
use self::load::{Load, Spent};
use self::metrics::Metrics;
use self::rooms::Rooms;
use self::router::SessionId;
use crate::clock;
use crate::crypto::auth::AuthKeyError;
use crate::net::figures::Way;
use crate::net::tls::TlsError;
use crate::net::webtransport::Server;
use crate::net::{LinkError, Responder};
use crate::proto::control::Drain;
use crate::proto::manifest::{Manifest, ManifestError, RelayEntry};
use crate::proto::probe::RelayState;
use crate::proto::{CALL_PATH, RelayInstance};

pub use self::config::Config;

/// How long clients that are told to move may take to begin; less where the deadline is short.
const SPREAD: Duration = Duration::from_secs(10);
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
    load: Load,
    metrics: Metrics,
    certificates: Certificates,
    manifest_out: Option<PathBuf>,
    /// Counts how often files are to be read again whether they look changed or not.
    reload: watch::Sender<u64>,
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

    /// Writes the relay's own manifest where it was told to.
    fn write_manifest(&self) -> Result<(), RelayError> {
        let Some(path) = &self.manifest_out else { return Ok(()) };
        self.directory.write(path).map_err(|error| RelayError::Write { path: path.display().to_string(), error })
    }

    fn set_isolated(&self, isolated: bool) {
        if self.isolated.swap(isolated, Ordering::Relaxed) != isolated {
            match isolated {
                true => {
                    self.metrics.bus_lost();
                    tracing::warn!("the bus is lost: calls go on among those who are here");
                }
                false => tracing::info!("the bus is there"),
            }
        }
        self.update_load();
    }

    /// Says in probe replies how this relay is.
    fn update_load(&self) {
        let was_full = self.load.is_full();
        self.load.count(self.connections.load(Ordering::Relaxed), *self.joined.borrow());
        let now = clock::now();
        if self.load.is_due(now) {
            let (cpu, bytes_out) = (metrics::process::cpu(), self.responder.figures.bytes(Way::Out));
            self.load.look(now, Spent { cpu, bytes_out });
        }
        let percent = self.load.percent();
        match (was_full, self.load.is_full()) {
            (false, true) => tracing::warn!(percent, "full: newcomers are sent elsewhere"),
            (true, false) => tracing::info!(percent, "newcomers are taken again"),
            _ => {}
        }
        self.responder.set_load(percent);
        self.responder.set_state(if self.drain_left().is_some() {
            RelayState::Draining
        } else if self.isolated.load(Ordering::Relaxed) {
            RelayState::Isolated
        } else if self.load.is_full() {
            RelayState::Full
        } else {
            RelayState::Ready
        });
    }

    /// Why somebody who may enter cannot: newcomers are refused some way before the limit, who holds a ticket or is known in the
    /// room at the limit.
    fn has_no_room_for(&self, admission: &Admission) -> Option<&'static str> {
        self.update_load();
        let id = RoomId::of(&admission.room);
        let room = self.rooms.get(id);
        let opens = room.is_none() && self.rooms.count() >= self.limits.rooms;
        let known = admission.resumed || room.is_some_and(|room| room.knows(admission.participant));
        if *self.joined.borrow() >= self.limits.sessions || (self.load.is_full() && !known) {
            Some("this relay is full")
        } else if opens {
            Some("this relay has as many rooms as it takes")
        } else {
            None
        }
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
        let certificates = Certificates::open(&config.certificate, names(&host), config.self_signed_lifetime)?;
        let (core, events) = Self::core(&config, &host, certificates)?;
        let serving = &core.certificates.serving;
        let server = Arc::new(Server::bind(udp, serving)?);
        let tls = TlsAcceptor::from(Arc::new(serving.server_config(&[b"http/1.1"])));
        tokio::spawn(certificates::keep(core.clone(), config.watch_files));
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
        core.write_manifest()?;
        Ok(Self { core, server, address, admin, doors, threads: Threads::default() })
    }

    fn core(
        config: &Config,
        host: &str,
        certificates: Certificates,
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
            pins: certificates.pins(),
        };
        Manifest::merge([Manifest::from(vec![own.clone()])])?;
        let gate = match &config.access {
            Access::Open => Gate::open(),
            Access::Key(text) => Gate::with_key(text)?,
        };
        let (bus, events) = Bus::open(&config.bus, &id, instance);
        let bus = Arc::new(bus);
        let responder = Arc::new(Responder::new(id, instance));
        let workers = config.workers.or_else(|| std::thread::available_parallelism().ok().map(usize::from));
        let core = Core {
            instance,
            started: clock::now(),
            rooms: Rooms::new(instance, bus.clone(), responder.figures.clone()),
            responder,
            isolated: AtomicBool::new(matches!(*bus, Bus::Nats(_))),
            bus,
            directory: Directory::new(own, instance),
            gate,
            certificates,
            manifest_out: config.manifest_out.clone(),
            reload: watch::Sender::new(0),
            limits: config.limits.clone(),
            load: Load::new(config.limits.clone(), workers.unwrap_or(1)),
            metrics: Metrics::new(config.metrics_prefixes),
            drained_by: Mutex::new(None),
            sessions: AtomicU64::new(1),
            connections: AtomicUsize::new(0),
            joined: watch::Sender::new(0),
        };
        core.update_load();
        Ok((Arc::new(core), events))
    }

    /// This relay as a manifest listed it when it started. Its pins change with its certificate: see [`Relay::manifest`].
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

    /// What its bus carried so far, and what it dropped.
    pub fn bus_stats(&self) -> Stats {
        self.core.bus.stats()
    }

    /// Sessions that have joined a room, and open connections.
    pub fn load(&self) -> (usize, usize) {
        (*self.core.joined.borrow(), self.core.connections.load(Ordering::Relaxed))
    }

    /// Reads the files again that it was told to use: certificate and key.
    pub fn reload(&self) {
        self.core.reload.send_modify(|times| *times += 1);
    }

    /// When the certificate that it shows ends, Unix time in s.
    pub fn certificate_ends(&self) -> u64 {
        self.core.certificates.not_after()
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

#[cfg(test)]
mod tests;
