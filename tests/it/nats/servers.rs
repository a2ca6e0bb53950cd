//! NATS servers as `packaging/nats` configures them: two regions, a cluster of two servers in each, gateways between.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use nearcall::clock;
use nearcall::relay::bus::NatsConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::wire::{Ways, Wire};

pub const REGIONS: [&str; 2] = ["east", "west"];

/// The four servers and the ways between the regions.
pub struct Servers {
    pub ways: Ways,
    servers: Vec<Server>,
    folder: tempfile::TempDir,
    wires: Vec<Wire>,
}

struct Server {
    child: Option<Child>,
    ports: Ports,
    environment: Vec<(String, String)>,
}

/// Of a server on this machine.
#[derive(Clone, Copy)]
struct Ports {
    client: u16,
    cluster: u16,
    gateway: u16,
    /// Where the other region finds its gateway.
    far: u16,
    monitor: u16,
}

/// A port that nobody is given by chance meanwhile: below those that the system deals out.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 800 * 16) as u16;
    loop {
        let port = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed) % 8000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn list(ports: impl IntoIterator<Item = u16>) -> String {
    let urls: Vec<_> = ports.into_iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    format!("[{}]", urls.join(", "))
}

fn configuration() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/nats")
}

impl Servers {
    /// Starts them, and waits until every server knows its cluster and the other region.
    pub async fn start() -> Self {
        let (ways, mut wires, mut all) = (Ways::new(), Vec::new(), Vec::new());
        for _ in 0..4 {
            let gateway = free_port();
            let wire = ways.lead_to(gateway).await;
            let ports =
                Ports { client: free_port(), cluster: free_port(), gateway, far: wire.port, monitor: free_port() };
            wires.push(wire);
            all.push(ports);
        }
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let servers =
            (0..4).map(|at| Server { child: None, ports: all[at], environment: environment(at, &all, folder.path()) });
        let mut started = Self { ways, servers: servers.collect(), folder, wires };
        for at in 0..4 {
            started.spawn(at);
        }
        started.wait_joined().await;
        started
    }

    /// How a relay of this region reaches NATS: the two servers, named in the order that begins with the relay's own.
    pub fn config(&self, region: usize, relay: usize) -> NatsConfig {
        let server = |at: usize| format!("tls://relay:secret@127.0.0.1:{}", self.servers[at].ports.client);
        let order = [2 * region + relay, 2 * region + 1 - relay];
        NatsConfig { servers: order.map(server).into(), ca: Some(self.folder.path().join("ca.pem")), identity: None }
    }

    /// Ends one like a machine that fails.
    pub fn kill(&mut self, at: usize) {
        if let Some(mut child) = self.servers[at].child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.wires[at].refuse();
    }

    /// Starts one that was killed.
    pub async fn restart(&mut self, at: usize) {
        self.spawn(at);
        self.wires[at].answer().await;
    }

    /// The server that a relay is connected to.
    pub async fn of(&self, relay: &str) -> usize {
        for at in 0..4 {
            if self.ask(at, "/connz").await.is_some_and(|text| text.contains(&format!("nearcall-relay {relay}\""))) {
                return at;
            }
        }
        panic!("{relay} is nowhere connected");
    }

    fn spawn(&mut self, at: usize) {
        let (log, server) = (self.folder.path().join(format!("{at}.log")), &mut self.servers[at]);
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("-c").arg(configuration().join("server.conf")).envs(server.environment.iter().cloned());
        let child = command.stdin(Stdio::null()).stderr(log).spawn();
        server.child = Some(child.expect("nats-server is installed: bash packaging/test.sh sees to it"));
    }

    /// Freezes one: it holds its connections and says nothing.
    pub fn freeze(&self, at: usize) {
        self.signal(at, "STOP");
    }

    pub fn thaw(&self, at: usize) {
        self.signal(at, "CONT");
    }

    fn signal(&self, at: usize, signal: &str) {
        let id = self.servers[at].child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }

    /// Waits until every server has its route and reaches the other region.
    pub async fn wait_joined(&self) {
        let start = clock::now();
        for at in 0..4 {
            loop {
                let routes = self.ask(at, "/routez").await.is_some_and(|text| text.contains("\"num_routes\": 1"));
                let gateways = self.ask(at, "/gatewayz").await.unwrap_or_default();
                let out = gateways.split("\"inbound_gateways\"").next().unwrap_or_default();
                let other = REGIONS[1 - at / 2];
                if routes && out.contains(&format!("\"{other}\": {{")) {
                    break;
                }
                if start.elapsed() > Duration::from_secs(15) {
                    panic!("{} is not joined: {gateways}\n{}", at, self.log(at));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        println!("four NATS servers joined after {:?}", start.elapsed());
    }

    /// What a server says of itself.
    async fn ask(&self, at: usize, path: &str) -> Option<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.servers[at].ports.monitor));
        let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        Some(text)
    }

    pub fn log(&self, at: usize) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{at}.log"))).unwrap_or_default()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for at in 0..4 {
            if self.servers[at].child.is_some() {
                self.thaw(at);
                self.kill(at);
            }
            if std::thread::panicking() {
                eprintln!("--- NATS server {at}\n{}", self.log(at));
            }
        }
    }
}

fn environment(at: usize, all: &[Ports], folder: &Path) -> Vec<(String, String)> {
    let (region, own) = (at / 2, all[at]);
    let here = |port: u16| format!("127.0.0.1:{port}");
    let file = |name: &str| folder.join(name).display().to_string();
    let gateways = REGIONS.iter().enumerate().map(|(other, name)| {
        let of = all[2 * other..2 * other + 2].iter();
        let urls = if other == region { list(of.map(|it| it.gateway)) } else { list(of.map(|it| it.far)) };
        format!("{{name: {name}, urls: {urls}}}")
    });
    let values = [
        ("NAME", format!("{}-{}", REGIONS[region], at % 2 + 1)),
        ("REGION", REGIONS[region].to_owned()),
        ("LISTEN", here(own.client)),
        ("ADVERTISE", here(own.client)),
        ("CLUSTER_LISTEN", here(own.cluster)),
        ("CLUSTER_ADVERTISE", here(own.cluster)),
        ("ROUTES", list(all[2 * region..2 * region + 2].iter().map(|it| it.cluster))),
        ("GATEWAY_LISTEN", here(own.gateway)),
        ("GATEWAY_ADVERTISE", here(own.far)),
        ("GATEWAYS", format!("[{}]", gateways.collect::<Vec<_>>().join(", "))),
        ("MONITOR", here(own.monitor)),
        ("CERT", file("server.pem")),
        ("KEY", file("server.key")),
        ("CA", file("ca.pem")),
        ("USER", "relay".into()),
        ("PASSWORD", "secret".into()),
        ("OPERATOR", "operator".into()),
        ("OPERATOR_PASSWORD", "other".into()),
    ];
    values.map(|(name, value)| (format!("NATS_{name}"), value)).into()
}

/// An authority, and a certificate of it for everything on this machine.
fn certify(folder: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth].into();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("ca.pem", authority.pem());
    write("server.pem", certificate.pem());
    write("server.key", key.serialize_pem());
}

/// The configuration of each server as it is shipped is one that nats-server takes.
#[test]
fn nats_server_takes_every_environment_that_is_shipped() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    for name in ["east-1", "east-2", "west-1", "west-2"] {
        let script = format!(
            "set -a; . ./{name}.env; NATS_CERT={0}/server.pem NATS_KEY={0}/server.key NATS_CA={0}/ca.pem; \
            exec nats-server -t -c server.conf",
            folder.path().display()
        );
        let output = Command::new("sh").args(["-ec", &script]).current_dir(configuration()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
