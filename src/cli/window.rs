//! `nearcall` without a command: the window.

use tokio::runtime::Runtime;

use super::Exit;
use super::args::{UsageError, WindowArgs};
use crate::clock;
use crate::instance::{self, Claim};
use crate::ui::desk::Ears;
use crate::ui::options::Options;

pub fn run(runtime: &Runtime, args: WindowArgs) -> anyhow::Result<Exit> {
    if let Some(video) = &args.video {
        video.check().map_err(|error| UsageError(error.to_string()))?;
    }
    let listener = if !args.is_handed_over() {
        None
    } else {
        match instance::claim(args.link.as_deref()) {
            Claim::Forwarded => {
                println!("Nearcall is open already: it takes over from here");
                return Ok(Exit::Done);
            }
            Claim::First(listener) => Some(listener),
            Claim::Alone(trouble) => {
                tracing::info!("{trouble}: other starts will open windows of their own");
                None
            }
        }
    };
    // Only now: the log of a window that is open already is not written over.
    let events = args.events.as_deref().map(|path| super::call::open_log(path, clock::now())).transpose()?;
    let interrupted = runtime.block_on(async { super::call::interrupted() })?;
    let options = Options {
        room: args.link.or(args.room),
        manifests: args.manifest,
        name: args.name,
        audio: args.audio,
        video: args.video,
        share: args.share,
        play: args.play,
        pin: args.pin,
        join: args.join,
        renderer: args.renderer,
        history: !args.no_history,
        events,
        ears: Ears { listener, interrupted: Some(interrupted), ..Ears::default() },
        ..Options::default()
    };
    crate::ui::run(runtime.handle(), options).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Exit::Done)
}
