//! `nearcall link`: an invite with a fresh secret.

use ring::rand::SystemRandom;
use url::Url;

use super::Exit;
use super::args::{LinkArgs, UsageError};
use crate::call::manifest;
use crate::crypto::invite::Invite;
use crate::crypto::room;
use crate::crypto::secret::RoomSecret;
use crate::proto::manifest::RelayEntry;

/// Relays named in an invite: enough to find the others through.
const AT: usize = 3;

pub async fn run(args: LinkArgs) -> anyhow::Result<Exit> {
    let manifest = manifest::load(&args.manifest).await?;
    let room = room::clean(&args.room).map_err(|error| UsageError(error.to_string()))?.to_owned();
    let relays = || manifest.relays.iter().filter_map(|relay| Some((relay, address(relay)?))).take(AT);
    let mut pins: Vec<_> = relays().flat_map(|(relay, _)| relay.pins.clone()).collect();
    pins.dedup();
    let invite = Invite {
        room,
        at: relays().map(|(_, at)| at).collect(),
        secret: RoomSecret::random(&SystemRandom::new())?,
        pins,
        grant: args.token,
    };
    println!("{}", invite.to_link()?);
    Ok(Exit::Done)
}

/// `HOST:PORT` of a relay's TCP side, where its list of relays is read.
fn address(relay: &RelayEntry) -> Option<String> {
    let url = Url::parse(relay.websocket.as_deref()?).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}
