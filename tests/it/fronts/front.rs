//! HAProxy, Caddy and a relay as programs, each on ports of its own, and clients with addresses of their own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream as StdTcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nearcall::clock;
use nearcall::net::tls;
use nearcall::proto::CALL_PATH;
use nearcall::proto::manifest::{Manifest, RelayEntry};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a program may take to be there.
const PATIENCE: Duration = Duration::from_secs(15);

/// A program that ends with the test.
pub struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{name}: {error}; packaging/test.sh installs what the tests need")))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks again and again until there is something, or panics.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn listens(what: &str, address: SocketAddr) {
    eventually(what, || StdTcpStream::connect(address).ok());
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/relay/fronts").join(name)
}

/// A relay that knows both proxies: they are on 127.0.0.1, and clients are elsewhere.
pub struct Relay {
    pub entry: RelayEntry,
    pub plain: SocketAddr,
    pub admin: SocketAddr,
    log: PathBuf,
    _program: Program,
    _dir: TempDir,
}

impl Relay {
    pub fn start(region: &str) -> Self {
        let (plain, admin, dir) = (free(), free(), tempfile::tempdir().unwrap());
        let (log, manifest) = (dir.path().join("log"), dir.path().join("manifest"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_nearcall-relay"));
        command.args(["--region", region, "--provider", "metal", "--listen", "127.0.0.1:0", "--open", "--log-json"]);
        command.args(["--proxy-protocol-from", "127.0.0.1", "--trusted-proxies", "127.0.0.1/32"]);
        command.args(["--plain", &plain.to_string(), "--admin", &admin.to_string(), "--manifest-out"]).arg(&manifest);
        command.env("NEARCALL_LOG", "nearcall=debug").stderr(fs::File::create(&log).unwrap());
        let program = Program::start(&mut command);
        let entry = eventually("the relay writes its manifest", || {
            Manifest::from_json(&fs::read_to_string(&manifest).ok()?).ok()?.relays.pop()
        });
        Self { entry, plain, admin, log, _program: program, _dir: dir }
    }

    pub fn address(&self) -> SocketAddr {
        let url = self.entry.websocket.as_deref().unwrap();
        url.trim_start_matches("wss://").trim_end_matches(CALL_PATH).parse().unwrap()
    }

    /// The addresses of those who were let in, as the relay's log tells them.
    pub fn remotes(&self) -> Vec<SocketAddr> {
        let log = fs::read_to_string(&self.log).unwrap();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let connected = lines.filter(|line| line["fields"]["message"] == "connected");
        connected.map(|line| line["fields"]["remote"].as_str().unwrap().parse().unwrap()).collect()
    }

    pub fn wait_remote(&self) -> SocketAddr {
        eventually("a session in the log", || self.remotes().pop())
    }
}

/// A proxy in front of one relay.
pub struct Front {
    pub address: SocketAddr,
    pins: Vec<String>,
    _program: Program,
    _dir: TempDir,
}

impl Front {
    pub fn haproxy(relay: &Relay) -> Self {
        let (address, to, dir) = (free(), relay.address(), tempfile::tempdir().unwrap());
        let mut command = Command::new("haproxy");
        command.arg("-f").arg(file("haproxy.cfg")).env("FRONT_ADDRESS", address.to_string());
        command.env("RELAY_HOST", to.ip().to_string()).env("RELAY_PORT", to.port().to_string());
        command.env("RELAY_ADMIN_PORT", relay.admin.port().to_string()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = Program::start(&mut command);
        listens("haproxy listens", address);
        // TLS ends at the relay.
        Self { address, pins: relay.entry.pins.clone(), _program: program, _dir: dir }
    }

    /// Leads to a relay's plain port, or to what stands before that.
    pub fn caddy(to: SocketAddr) -> Self {
        let (address, dir) = (free(), tempfile::tempdir().unwrap());
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| dir.path().join(name));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file("Caddyfile"));
        command.env("HOME", dir.path()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_DATA_HOME");
        command.env("CALLS_SITE", format!("https://{address}")).env("CALLS_RELAYS", to.to_string());
        command.env("CALLS_TLS", format!("tls {} {}", certificate.display(), key.display()));
        command.env("CADDY_ADMIN", free().to_string()).env("CADDY_HTTP_PORT", free().port().to_string());
        let program = Program::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        listens("caddy listens", address);
        Self { address, pins: vec![nearcall::crypto::pin(made.cert.der())], _program: program, _dir: dir }
    }

    /// The relay with its WebSocket here.
    pub fn entry(&self, relay: &RelayEntry) -> RelayEntry {
        RelayEntry {
            websocket: Some(format!("wss://{}{CALL_PATH}", self.address)),
            pins: [&relay.pins[..], &self.pins].concat(),
            ..relay.clone()
        }
    }
}

/// A TCP connection from an address of this machine.
pub async fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// TLS over it, accepted with the entry's pins.
pub async fn shake_hands(stream: TcpStream, entry: &RelayEntry) -> std::io::Result<TlsStream<TcpStream>> {
    let config = tls::client_config(&entry.pins, &[b"http/1.1"]);
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Asks for a WebSocket with these further lines, and returns the answer's head. The connection stays open meanwhile.
pub async fn upgrade<S>(stream: &mut S, lines: &str) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let request = format!(
        "GET {CALL_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{lines}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("an answer");
    String::from_utf8(head).unwrap()
}
