//! The regional relay: takes in sessions, forwards their media, is one of many on a bus.
//!
//! Used by the relay's program, by `cli` for the demo and for hosting a call here, and by tests. Must never see a codec, a frame's
//! payload or a frame key.
//!
//! | module | owns |
//! | --- | --- |
//! | [`config`] | what a relay is told, from flags, environment and file |
//! | `accept`, `http` | sockets, handshakes, what is served over HTTP |
//! | [`fronts`] | proxies before it: who they are, for whom they stand |
//! | `gate`, `keys` | who may enter, and the files of the keys |
//! | [`moderation`] | what hosts decided (sans-IO) |
//! | `session` | one client's connection: its order of messages |
//! | [`registry`] | who is in a room (sans-IO) |
//! | [`router`] | who gets which frame (sans-IO) |
//! | `forward` | a room at work: registry and router, links and bus |
//! | `rooms` | all rooms; what comes from the bus; time |
//! | [`bus`] | other relays: in this process, or over NATS |
//! | `directory` | which relays there are |
//! | `certificates` | what is shown to whoever comes; replaced before it ends |
//! | `files` | files that are replaced while the relay runs |
//! | `listing` | what clients are told to connect to |
//! | `limits` | how much of everything |
//! | `load`, `capacity` | how near its limit it is (pure), and who is taken in then |
//! | `metrics` | what `/metrics` says: of itself, and what users report |
//! | [`program`] | the relay as a program: signals and exit codes |

mod accept;
pub mod bus;
mod capacity;
mod certificates;
pub mod config;
mod directory;
mod error;
mod files;
mod forward;
pub mod fronts;
mod gate;
mod http;
mod keys;
pub mod limits;
mod listing;
mod load;
mod metrics;
pub mod moderation;
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

use self::bus::{Bus, Event, Message, Stats};
use self::certificates::Certificates;
use self::config::Access;
use self::directory::Directory;
use self::fronts::Fronts;
use self::gate::Gate;
use self::limits::{Addresses, Limit, Limits, Met};
use self::listing::{advertised, advertised_websocket, names};
use self::load::Load;
use self::metrics::Metrics;
use self::rooms::Rooms;
use self::router::SessionId;
use crate::clock;
use crate::net::Responder;
use crate::net::webtransport::Server;
use crate::proto::control::Drain;
use crate::proto::manifest::{Manifest, RelayEntry};
use crate::proto::probe::RelayState;
use crate::proto::{CALL_PATH, RelayInstance};

pub use self::config::Config;
pub use self::error::RelayError;
pub use self::keys::KeyFiles;

/// How long clients that are told to move may take to begin; less where the deadline is short.
const SPREAD: Duration = Duration::from_secs(10);
/// How long a relay that stops waits for its peers to hear of it.
const GOODBYE: Duration = Duration::from_secs(1);

/// A running relay, on threads of its own. Dropped, it stops at once.
pub struct Relay {
    core: Arc<Core>,
    server: Arc<Server>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    plain: Option<SocketAddr>,
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
    fronts: Fronts,
    gate: Gate,
    limits: Limits,
    addresses: Arc<Addresses>,
    met: Met,
    drain_deadline: Duration,
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
            // That it is back is said by the bus, which knows by which server.
            if isolated {
                self.metrics.bus_lost();
                tracing::warn!("NATS is lost: calls go on among those who are here");
            }
        }
        self.update_load();
    }

    /// Tells clients to move, and newcomers to go elsewhere.
    fn begin_drain(&self, deadline: Duration) {
        let until = Some(clock::now() + deadline);
        *self.drained_by.lock().expect("nobody panics while holding the deadline") = until;
        self.update_load();
        if let Some(drain) = self.drain_left() {
            self.rooms.all().iter().for_each(|room| room.drain(&drain));
        }
    }

    /// Takes newcomers again.
    fn end_drain(&self) {
        *self.drained_by.lock().expect("nobody panics while holding the deadline") = None;
        self.update_load();
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
        let admin = listen_besides(config.admin).await?;
        let plain = listen_besides(config.plain).await?;
        let host = advertised(&config, address)?;
        let certificates = Certificates::open(&config.certificate, names(&host), config.self_signed_lifetime)?;
        let (core, events) = Self::core(&config, &host, certificates)?;
        let serving = &core.certificates.serving;
        let server = Arc::new(Server::bind(udp, serving)?);
        let tls = TlsAcceptor::from(Arc::new(serving.server_config(&[b"http/1.1"])));
        tokio::spawn(certificates::keep(core.clone(), config.watch_files));
        if let Access::Files(files) = &config.access {
            tokio::spawn(keys::follow(core.clone(), files.clone(), config.watch_files));
        }
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
        let plain = plain.map(|(address, listener)| {
            doors.push(tokio::spawn(accept::serve_plain(core.clone(), listener)));
            address
        });
        core.write_manifest()?;
        Ok(Self { core, server, address, admin, plain, doors, threads: Threads::default() })
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
            websocket: Some(format!("wss://{}{CALL_PATH}", advertised_websocket(config, host))),
            pins: certificates.pins(),
        };
        Manifest::merge([Manifest::from(vec![own.clone()])])?;
        let gate = keys::gate(&config.access)?;
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
            fronts: config.fronts.clone(),
            gate,
            certificates,
            manifest_out: config.manifest_out.clone(),
            reload: watch::Sender::new(0),
            limits: config.limits.clone(),
            addresses: Addresses::new(&config.limits),
            met: Met::default(),
            drain_deadline: config.drain_deadline,
            load: Load::new(config.limits.clone(), workers.filter(|_| config.cpu_counts)),
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

    /// Where it takes calls without TLS, if it was told to: for a proxy that ends it.
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.plain
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

    /// How often a limit was met.
    pub fn met(&self, limit: Limit) -> u64 {
        self.core.met.times(limit)
    }

    /// Reads the files again that it was told to use: certificate and key, and the keys for tokens.
    pub fn reload(&self) {
        self.core.reload.send_modify(|times| *times += 1);
    }

    /// When the certificate that it shows ends, Unix time in s.
    pub fn certificate_ends(&self) -> u64 {
        self.core.certificates.not_after()
    }

    /// Tells clients to move and waits until all have, at most for `deadline`. True if nobody was left.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.core.begin_drain(deadline);
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

/// One more TCP port, if it is wanted, and its address.
async fn listen_besides(address: Option<SocketAddr>) -> Result<Option<(SocketAddr, TcpListener)>, RelayError> {
    let Some(address) = address else { return Ok(None) };
    let listen = |error| RelayError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    Ok(Some((listener.local_addr().map_err(listen)?, listener)))
}

#[cfg(test)]
mod tests;
