//! The way between regions: TCP that the test can cut, as a network does (nothing passes, nobody is told) and mend.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// All ways between regions at once. Clones are the same.
#[derive(Clone)]
pub struct Ways {
    open: Arc<watch::Sender<bool>>,
}

/// One address that leads to another. Ends when dropped.
pub struct Wire {
    pub port: u16,
    to: u16,
    ways: Ways,
    /// `None` where nobody is there to be called.
    task: Option<JoinHandle<()>>,
}

impl Ways {
    pub fn new() -> Self {
        Self { open: Arc::new(watch::Sender::new(true)) }
    }

    /// Nothing passes any more.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }

    /// A way to this port of this machine.
    pub async fn lead_to(&self, to: u16) -> Wire {
        let mut wire = Wire { port: 0, to, ways: self.clone(), task: None };
        wire.answer().await;
        wire
    }
}

impl Wire {
    /// Takes calls, at the same address as before.
    pub async fn answer(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let (to, open) = (self.to, self.ways.open.subscribe());
        self.task = Some(tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                tokio::spawn(join(stream, to, open.clone()));
            }
        }));
    }

    /// Refuses calls, as a machine does on which nothing listens.
    pub fn refuse(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.refuse();
    }
}

async fn join(near: TcpStream, port: u16, mut open: watch::Receiver<bool>) {
    // Who dials while it is cut waits.
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let Ok(far) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(carry(near_in, far_out, open.clone()), carry(far_in, near_out, open));
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if open.wait_for(|open| *open).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
    // The end passes no cut either.
    let _ = open.wait_for(|open| *open).await;
}
