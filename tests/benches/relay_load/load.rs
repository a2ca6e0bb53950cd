//! The load's process: subscribers and senders on one thread. Says when all are connected, waits for the word, and says when the time
//! that counts begins and ends; then what came.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use nearcall::proto::Transport;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::figures::quantile;
use super::measure::Usage;
use super::publish::{Way, publish};
use super::receive::{self, Got, Kept, Log, SENDER, Sockets};
use super::serve::Address;
use super::{Args, Server};

/// Handshakes at a time.
const AT_A_TIME: usize = 16;
/// For what is on its way when the time is over.
const DRAIN: Duration = Duration::from_millis(1500);

/// What came of one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Came {
    /// Of what was sent to all, per cent.
    pub share: f64,
    /// Delay, ms.
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
    /// Median delay in the last quarter of the time over that in the first.
    pub growth: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub audio: Came,
    pub video: Came,
    /// What the load itself used.
    pub load: Usage,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, work(args))
}

async fn work(args: &Args) -> anyhow::Result<()> {
    let copy = args.servers.first() == Some(&Server::Copy);
    let (subscribers, senders) = (args.subscribers[0], args.senders[0]);
    let addresses: Vec<Address> = serde_json::from_str(&args.address)?;
    let wanted = usize::from(args.transport == Transport::WebSocket && !copy);
    let address = addresses.get(wanted).context("no address")?.clone();
    let transport = if copy { Transport::WebTransport } else { args.transport };
    let sockets = Rc::new(Sockets::open(transport, copy, &address, subscribers.max(1))?);
    let log: Log = Rc::new(RefCell::new(Got::default()));
    let _kept = connect(subscribers, &sockets, &address, &log).await?;
    let ways = senders_of(senders, copy, &sockets, transport, &address).await?;
    println!("connected");
    tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().next()).await?;
    let mut sent = Vec::new();
    for (n, way) in ways.into_iter().enumerate() {
        let (told, counts) = watch::channel((0, 0));
        let phase = Duration::from_micros(2_000_000 * n as u64 / senders as u64);
        let publishing = publish(way, SENDER + n as u64, phase, args.audio_only, told);
        tokio::task::spawn_local(publishing);
        sent.push(counts);
    }
    tokio::time::sleep(Duration::from_secs_f64(args.warm_up)).await;
    let counts = |sent: &[watch::Receiver<(u32, u32)>]| sent.iter().map(|it| *it.borrow()).collect::<Vec<_>>();
    let (first, before) = (counts(&sent), Usage::now());
    println!("begins");
    tokio::time::sleep(Duration::from_secs_f64(args.seconds)).await;
    println!("ends");
    let (last, load) = (counts(&sent), Usage::now().since(&before));
    tokio::time::sleep(DRAIN).await;
    let spans = |pick: fn((u32, u32)) -> u32| -> BTreeMap<u64, (u32, u32)> {
        let span = first.iter().zip(&last).map(|(first, last)| (pick(*first), pick(*last)));
        (SENDER..).zip(span).collect()
    };
    let got = log.borrow();
    let audio = came(&got.audio, &spans(|counts| counts.0), subscribers);
    let video = came(&got.video, &spans(|counts| counts.1), subscribers);
    println!("{}", serde_json::to_string(&Outcome { audio, video, load })?);
    Ok(())
}

async fn connect(count: usize, sockets: &Rc<Sockets>, address: &Address, log: &Log) -> anyhow::Result<Vec<Kept>> {
    let subscribe = |n| async move { sockets.subscribe(n, address, log.clone()).await };
    let connecting = futures_util::stream::iter((0..count).map(subscribe)).buffer_unordered(AT_A_TIME);
    connecting.collect::<Vec<_>>().await.into_iter().collect()
}

async fn senders_of(
    count: usize,
    copy: bool,
    sockets: &Sockets,
    transport: Transport,
    address: &Address,
) -> anyhow::Result<Vec<Way>> {
    let mut ways = Vec::new();
    for n in 0..count {
        if copy {
            ways.push(Way::Quinn(receive::connect_copy(sockets, address).await?, None));
            continue;
        }
        let mut link = receive::join(transport, address, SENDER + n as u64).await?;
        ways.push(Way::Link(link.sender.clone()));
        tokio::task::spawn_local(async move { while link.incoming.recv().await.is_some() {} });
    }
    Ok(ways)
}

/// Sums up what came of the numbers that were sent in the time that counts.
fn came(got: &BTreeMap<u64, Vec<(u32, u32)>>, spans: &BTreeMap<u64, (u32, u32)>, subscribers: usize) -> Came {
    let sent: usize = spans.values().map(|(first, last)| (last - first) as usize * subscribers).sum();
    let counted = |sender: &u64, number: u32| spans.get(sender).is_some_and(|span| (span.0..span.1).contains(&number));
    let quarter = |n: u32, of: u32| -> f64 {
        let inside = |sender: &u64, number: u32| {
            spans.get(sender).is_some_and(|(first, last)| {
                let length = (last - first).max(1);
                (first + length * n / of..first + length * (n + 1) / of).contains(&number)
            })
        };
        quantile(delays(got, inside), 0.5).unwrap_or(0.0)
    };
    let all = delays(got, counted);
    let ms = |share| quantile(all.iter().copied(), share).unwrap_or(0.0) / 1e3;
    Came {
        share: 100.0 * all.len() as f64 / sent.max(1) as f64,
        p50: ms(0.5),
        p99: ms(0.99),
        max: ms(1.0),
        growth: quarter(3, 4) / quarter(0, 4).max(1.0),
    }
}

fn delays(got: &BTreeMap<u64, Vec<(u32, u32)>>, counts: impl Fn(&u64, u32) -> bool) -> Vec<f64> {
    let of = |(sender, seen): (&u64, &Vec<(u32, u32)>)| {
        seen.iter()
            .filter(|(number, _)| counts(sender, *number))
            .map(|(_, delay)| f64::from(*delay))
            .collect::<Vec<_>>()
    };
    got.iter().flat_map(of).collect()
}
