//! `nearcall gallery`: every screen in every state, as images.

use super::Exit;
use super::args::GalleryArgs;
use crate::ui::gallery;

pub fn run(args: &GalleryArgs) -> anyhow::Result<Exit> {
    let count = gallery::render(&args.folder)?;
    println!("{count} images in {}", args.folder.display());
    Ok(Exit::Done)
}
