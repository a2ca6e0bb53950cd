//! `nearcall link`: an invite with a fresh secret.

use ring::rand::SystemRandom;

use super::Exit;
use super::args::{LinkArgs, UsageError};
use crate::call::manifest;
use crate::crypto::invite::Invite;
use crate::crypto::room;
use crate::crypto::secret::RoomSecret;

pub async fn run(args: LinkArgs) -> anyhow::Result<Exit> {
    let manifest = manifest::load(&args.manifest).await?;
    let room = room::clean(&args.room).map_err(|error| UsageError(error.to_string()))?.to_owned();
    let (at, pins) = manifest::addresses(&manifest);
    let invite = Invite { room, at, secret: RoomSecret::random(&SystemRandom::new())?, pins, grant: args.token };
    println!("{}", invite.to_link()?);
    Ok(Exit::Done)
}
