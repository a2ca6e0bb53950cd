//! A server's process: says where it listens, then what it used whenever it is asked, until nobody is there to ask.

use std::io::BufRead;
use std::time::Duration;

use nearcall::proto::Transport;
use nearcall::relay::limits::Limits;
use nearcall::relay::{Config, Relay};
use serde::{Deserialize, Serialize};

use super::measure::Usage;
use super::{Args, Server, copy};

/// Where a server is to be found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub url: String,
    pub pins: Vec<String>,
}

pub fn run(args: &Args, server: Server) -> anyhow::Result<()> {
    // One thread that waits for questions; the server has its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (addresses, _kept) = match server {
        Server::Relay => {
            let relay = runtime.block_on(start_relay(args.workers))?;
            let entry = relay.entry();
            let urls = [Transport::WebTransport, Transport::WebSocket].map(|transport| entry.url(transport));
            let pins = &entry.pins;
            let addresses = urls.map(|url| Address { url: url.unwrap_or_default().to_owned(), pins: pins.clone() });
            (addresses.to_vec(), Some(relay))
        }
        Server::Copy => (vec![copy::start()?], None),
    };
    println!("{}", serde_json::to_string(&addresses)?);
    for _ in std::io::stdin().lock().lines() {
        println!("{}", serde_json::to_string(&Usage::now())?);
    }
    Ok(())
}

async fn start_relay(workers: usize) -> anyhow::Result<Relay> {
    // All of the load comes at once from one address.
    let limits = Limits {
        connections: 8192,
        sessions: 8192,
        connections_per_address: 8192,
        new_connections_per_address: 100_000,
        probes_per_address: 1_000_000,
        half_open: 2048,
        handshake: Duration::from_secs(60),
        first_word: Duration::from_secs(60),
        idle: Duration::from_secs(600),
        ..Limits::default()
    };
    Ok(Relay::start(Config { workers: Some(workers), limits, ..Config::local("bench") }).await?)
}
