//! How a relay reaches NATS: which servers, with what credentials, how fast a dead one is left, and which is tried next.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event as NatsEvent, ReconnectToServer, Server, ServerAddr};
use tokio::sync::mpsc;
use url::Url;

use super::{Event, Shared};

/// A server that leaves three of these unanswered is dead to us: 2.25 s, so that even one that is frozen costs a call across less
/// than 5 s. NATS' own default notices after minutes.
const PING: Duration = Duration::from_millis(750);
/// A server that takes longer to let us in is as good as dead: another may answer.
const HANDSHAKE: Duration = Duration::from_millis(1500);
/// Between attempts to connect, at most.
const RETRY: Duration = Duration::from_secs(1);
/// Messages in the client's own queue. What is in it when a connection is lost is sent over the next one, however late: so it is
/// short.
const CLIENT: usize = 16;
/// Messages of one subscription that may wait for us.
const SUBSCRIPTION: usize = 1024;
/// Servers that may be named.
const SERVERS: usize = 64;

/// How to reach NATS.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NatsConfig {
    /// `nats://`, `tls://`: `[USER[:PASSWORD]@]HOST[:PORT]`; USER alone is a token. The first that names a user is whom all are
    /// told. What these servers say of others of their cluster is used as well.
    pub servers: Vec<String>,
    /// PEM: who signed the servers' certificates. With it, nothing but TLS is spoken.
    pub ca: Option<PathBuf>,
    /// PEM: the relay's certificate and its key, where servers ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// What is wrong with a [`NatsConfig`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NatsError {
    #[error("no NATS server is named: it looks like nats://HOST:4222")]
    None,
    #[error("{0} NATS servers are named, more than {SERVERS}")]
    TooMany(usize),
    /// Without what may be a password.
    #[error("{0:?} is not the address of a NATS server: it looks like nats://HOST:4222")]
    Address(String),
    #[error("cannot use {path}: {why}")]
    File { path: String, why: String },
}

impl std::fmt::Debug for NatsConfig {
    /// Without passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.servers.iter().map(|server| without_user(server))).finish()
    }
}

impl From<String> for NatsConfig {
    fn from(servers: String) -> Self {
        Self { servers: split(&servers), ..Self::default() }
    }
}

impl NatsConfig {
    /// Checks the addresses, and whether the files can be read.
    ///
    /// # Errors
    /// See [`NatsError`].
    pub fn check(&self) -> Result<(), NatsError> {
        match self.servers.len() {
            0 => return Err(NatsError::None),
            many if many > SERVERS => return Err(NatsError::TooMany(many)),
            _ => {}
        }
        self.servers.iter().try_for_each(|server| {
            let known = |url: &Url| ["nats", "tls"].contains(&url.scheme()) && url.host().is_some();
            match Url::parse(server).is_ok_and(|url| known(&url)) && server.parse::<ServerAddr>().is_ok() {
                true => Ok(()),
                false => Err(NatsError::Address(without_user(server))),
            }
        })?;
        let identity = self.identity.iter().flat_map(|(certificate, key)| [certificate, key]);
        self.ca.iter().chain(identity).try_for_each(|path| {
            let why = match std::fs::read_to_string(path) {
                Ok(text) if text.contains("-----BEGIN ") => return Ok(()),
                Ok(_) => "it holds no PEM".to_owned(),
                Err(error) => error.to_string(),
            };
            Err(NatsError::File { path: path.display().to_string(), why })
        })
    }

    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new();
        let urls: Vec<_> = self.servers.iter().filter_map(|server| Url::parse(server).ok()).collect();
        if let Some(url) = urls.iter().find(|url| !url.username().is_empty()) {
            let user = unescape(url.username());
            options = match url.password() {
                Some(password) => options.user_and_password(user, unescape(password)),
                None => options.token(user),
            };
        }
        if let Some(ca) = &self.ca {
            options = options.add_root_certificates(ca.clone());
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        options.require_tls(self.ca.is_some() || urls.iter().any(|url| url.scheme() == "tls"))
    }
}

/// Addresses that are separated by commas.
pub(super) fn split(servers: &str) -> Vec<String> {
    servers.split(',').map(|server| server.trim().to_owned()).filter(|server| !server.is_empty()).collect()
}

fn without_user(server: &str) -> String {
    match server.rsplit_once('@') {
        Some((before, host)) => {
            format!("{}{host}", before.find("://").map_or("", |at| &before[..at + 3]))
        }
        None => server.to_owned(),
    }
}

/// Undoes `%XX`.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = more.first_chunk::<2>().and_then(|hex| data_encoding::HEXLOWER_PERMISSIVE.decode(hex).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.extend(byte);
                rest = &more[2..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Starts a client, which connects by itself for as long as it lives.
pub(super) async fn connect(
    config: &NatsConfig,
    id: &str,
    shared: &Arc<Shared>,
    events: &mpsc::Sender<Event>,
) -> Client {
    let servers: Vec<ServerAddr> = config.servers.iter().filter_map(|server| server.parse().ok()).collect();
    loop {
        let next = Arc::new(Next { seed: shared.instance.0 as usize, ..Next::default() });
        let told = Arc::new(Told {
            events: events.clone(),
            shared: shared.clone(),
            next: next.clone(),
            last: Mutex::default(),
        });
        let connected = async {
            let options = config
                .options()
                .name(format!("nearcall-relay {id}"))
                .no_echo()
                .ping_interval(PING)
                .connection_timeout(HANDSHAKE)
                .client_capacity(CLIENT)
                .subscription_capacity(SUBSCRIPTION)
                .retry_on_initial_connect()
                .reconnect_to_server_callback(move |pool, _| {
                    let target = next.choose(&pool);
                    async move { target }
                })
                .event_callback(move |event| {
                    let told = told.clone();
                    async move { told.tell(event).await }
                });
            options.connect(&servers[..]).await
        };
        match connected.await {
            Ok(client) => return client,
            Err(error) => tracing::warn!(%error, "NATS cannot be used"),
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Which server is next: the one that failed the least, and not the one that was just left if there is another.
#[derive(Debug, Default)]
struct Next {
    /// Differs from relay to relay: they spread over the servers.
    seed: usize,
    /// By host and port: a cluster names its servers in its own way, and one may be in the pool twice.
    last: Mutex<Option<(String, u16)>>,
    attempts: AtomicU32,
}

impl Next {
    fn choose(&self, pool: &[Server]) -> Option<ReconnectToServer> {
        let mut last = self.last.lock().expect("nobody panics while holding the last server");
        let turn = |at: usize| self.seed.wrapping_add(at) % pool.len();
        let place = |server: &Server| (server.addr.host().to_owned(), server.addr.port());
        let worse = |at: usize, server: &Server| (*last == Some(place(server)), server.failed_attempts, turn(at));
        let (_, server) = pool.iter().enumerate().min_by_key(|(at, server)| worse(*at, server))?;
        *last = Some(place(server));
        let attempts = self.attempts.fetch_add(1, Ordering::Relaxed);
        // The first of a round goes at once, and so does the second: most often one server is down and another is not.
        let round = attempts / u32::try_from(pool.len()).unwrap_or(u32::MAX).max(1);
        let delay = RETRY.min(Duration::from_millis(50) * round);
        Some(ReconnectToServer { addr: server.addr.clone(), delay: Some(delay) })
    }

    fn connected(&self) {
        self.attempts.store(0, Ordering::Relaxed);
    }

    /// The server that was tried last, for a person.
    fn server(&self) -> String {
        let last = self.last.lock().expect("nobody panics while holding the last server");
        last.as_ref().map_or_else(String::new, |(host, port)| format!("{host}:{port}"))
    }
}

/// Hands on what the client says of its connection.
struct Told {
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    next: Arc<Next>,
    /// The same trouble each second is one line.
    last: Mutex<String>,
}

impl Told {
    async fn tell(&self, event: NatsEvent) {
        match event {
            NatsEvent::Connected => {
                self.next.connected();
                self.trouble(String::new());
                if self.shared.counters.set_connected(true) {
                    tracing::info!(server = self.next.server(), "NATS is there");
                    self.shared.counters.connected();
                }
                let _ = self.events.send(Event::Connected(true)).await;
            }
            NatsEvent::Disconnected | NatsEvent::Closed => {
                self.shared.counters.set_connected(false);
                let _ = self.events.send(Event::Connected(false)).await;
            }
            NatsEvent::SlowConsumer(_) => super::slow_consumer(&self.shared),
            NatsEvent::LameDuckMode => self.shared.leave.notify_one(),
            NatsEvent::ServerError(error) => self.trouble(error.to_string()),
            NatsEvent::ClientError(error) => self.trouble(error.to_string()),
            NatsEvent::Draining => {}
        }
    }

    fn trouble(&self, what: String) {
        let mut last = self.last.lock().expect("nobody panics while holding the last trouble");
        if *last != what {
            if !what.is_empty() {
                tracing::warn!(server = self.next.server(), "NATS: {}", explained(&what));
            }
            *last = what;
        }
    }
}

/// What the client library says in two words, for whoever has to mend it.
fn explained(what: &str) -> &str {
    match what {
        "nats: IO error" => {
            "no connection: nobody listens there, or one side does not trust the other's certificate; still trying"
        }
        "nats: TLS error" => {
            "TLS cannot begin: see nats_ca, nats_cert and nats_key, and whether the server speaks it; still trying"
        }
        "nats: DNS error" => "the server's name is not known; still trying",
        "nats: timed out" => "the server does not answer; still trying",
        "nats: authorization violation" => "the server knows no such user and password; still trying",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(servers: &str) -> Result<(), NatsError> {
        NatsConfig::from(servers.to_owned()).check()
    }

    #[test]
    fn servers_are_named_one_or_several() {
        assert_eq!(check("nats://one:4222, tls://relay:secret@two"), Ok(()));
        assert_eq!(check(""), Err(NatsError::None));
        assert!(matches!(check("one:4222"), Err(NatsError::Address(_))));
        assert!(matches!(check("http://one"), Err(NatsError::Address(_))));
        let unread = NatsConfig { ca: Some("no such file".into()), ..NatsConfig::from("tls://one".to_owned()) };
        assert!(matches!(unread.check(), Err(NatsError::File { path, .. }) if path == "no such file"));
        let other = NatsConfig { ca: Some("Cargo.toml".into()), ..unread };
        assert_eq!(other.check().unwrap_err().to_string(), "cannot use Cargo.toml: it holds no PEM");
    }

    #[test]
    fn no_password_is_shown() {
        let config = NatsConfig::from("nats://relay:secret@one:4222,http://relay:s@cret@two".to_owned());
        let shown = format!("{config:?} {}", config.check().unwrap_err());
        assert!(!shown.contains("cret") && shown.contains("one:4222") && shown.contains("http://two"), "{shown}");
    }

    #[test]
    fn what_an_address_escapes_is_read_as_it_was_meant() {
        assert_eq!(unescape("p%40ss%3Aword%"), "p@ss:word%");
    }
}
