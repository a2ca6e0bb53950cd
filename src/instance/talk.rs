//! What goes over the socket: a greeting, the link's length in two bytes (most significant first) and the link; no
//! bytes of link ask for the window. One byte comes back once the window has the request.
//!
//! Called by the thread in `instance`. Must never: wait for one peer while another asks, nor take more than a link.

use std::io;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::traits::tokio::{Listener as _, Stream as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::Sender;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::place::{Door, Place, is_same_user};
use super::{LINK_BYTES, Request};

/// Says who speaks, and which version of these few bytes.
const GREETING: &[u8; 10] = b"nearcall1\n";
/// The window has it.
const TAKEN: u8 = b'+';
/// How long a peer may take to say what it wants.
const PEER: Duration = Duration::from_secs(1);
/// Peers that speak at one time.
const PEERS: usize = 8;
/// After a failed accept (no file descriptors, mostly) a moment's rest, or the loop spins.
const REST: Duration = Duration::from_millis(50);
/// Between two tries to reach one that has its lock and not yet its socket.
const AGAIN: Duration = Duration::from_millis(20);

/// Takes in requests until it is stopped, or nobody wants them.
pub(super) async fn serve(door: &Door, sender: Sender<Request>, mut stopped: oneshot::Receiver<()>) {
    let mut peers = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = door.listener().accept() => accepted,
            _ = &mut stopped => return,
            Some(_) = peers.join_next() => continue,
        };
        match accepted {
            // Who finds the room full is turned away, and starts alone.
            Ok(stream) if peers.len() < PEERS => {
                peers.spawn(hear(stream, door.owner(), sender.clone()));
            }
            Ok(_) => tracing::debug!("too many starts at one time"),
            Err(error) => {
                tracing::warn!(%error, "cannot hear of later starts");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

async fn hear(stream: Stream, owner: Option<u32>, sender: Sender<Request>) {
    let heard = tokio::time::timeout(PEER, async {
        if !is_same_user(&stream, owner) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let request = read(&mut &stream).await?;
        sender.try_send(request).map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
        (&stream).write_all(&[TAKEN]).await?;
        (&stream).flush().await
    });
    match heard.await {
        Ok(Ok(())) => tracing::info!("a later start was taken in"),
        Ok(Err(error)) => tracing::debug!(%error, "a later start that is none"),
        Err(_) => tracing::debug!("a later start that says nothing"),
    }
}

/// Reads a request from whoever it is.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Request> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut greeting = [0; GREETING.len()];
    stream.read_exact(&mut greeting).await?;
    if &greeting != GREETING {
        return Err(wrong("no greeting"));
    }
    let len = usize::from(stream.read_u16().await?);
    if len > LINK_BYTES {
        return Err(wrong("longer than a link"));
    }
    if len == 0 {
        return Ok(Request::Show);
    }
    let mut link = vec![0; len];
    stream.read_exact(&mut link).await?;
    let link = String::from_utf8(link).map_err(|_| wrong("not text"))?;
    if link.chars().any(char::is_control) { Err(wrong("not a link")) } else { Ok(Request::Open(link)) }
}

/// Asks the one that runs. Waits for ever where that does not answer: the caller has the patience.
///
/// # Errors
/// It speaks another language, belongs to another user, or does not want the request.
pub(super) async fn ask(place: &Place, request: &Request) -> io::Result<()> {
    let stream = loop {
        match Stream::connect(place.name()?).await {
            Ok(stream) => break stream,
            // It has taken its lock and is about to listen, or has many at its door.
            Err(error) if is_for_now(&error) => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error),
        }
    };
    if !is_same_user(&stream, place.owner) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let link = match request {
        Request::Show => "",
        Request::Open(link) => link.trim(),
    };
    let len = u16::try_from(link.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let message = [GREETING, &len.to_be_bytes()[..], link.as_bytes()].concat();
    (&stream).write_all(&message).await?;
    (&stream).flush().await?;
    match (&stream).read_u8().await? {
        TAKEN => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn is_for_now(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound, ResourceBusy, WouldBlock};
    matches!(error.kind(), ConnectionRefused | NotFound | ResourceBusy | WouldBlock)
}
