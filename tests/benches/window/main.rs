//! What the window costs: how soon it stands, and what drawing it takes of a processor, on a display that nobody looks at.
//!
//! A card is not needed: where there is none, the processor draws, and that is what most of the figures are then. *Drawing* is
//! the CPU time of the main thread and of the driver's own threads, by the kernel's account of each thread; media and network
//! have other ones.
//!
//! Bars, in a release build: the first frame is on the display 500 ms after the start, the lobby can be used after 1 s while no
//! relay answers, and drawing takes at most 1 % of a core in a lobby without a preview and in a call whose window is minimised.
//! What a call of nine tiles costs where the processor draws is printed.

#[cfg(target_os = "linux")]
mod linux;

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("This bench looks at a window through X11: it runs on Linux.");
}
