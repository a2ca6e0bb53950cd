//! The tests that look at Nearcall from outside, in one program: what its source may import, what is packaged,
//! and (in modules of their own) what the two programs do.

// A helper of a test may panic as a test may; clippy's own exemption covers `#[test]` functions alone.
#![allow(clippy::unwrap_used)]

#[cfg(feature = "app")]
mod call;
#[cfg(feature = "app")]
mod delay;
#[cfg(all(target_os = "linux", feature = "app"))]
mod devices;
#[cfg(feature = "app")]
mod drill;
#[path = "../benches/common/figures.rs"]
mod figures;
#[cfg(all(target_os = "linux", feature = "relay"))]
mod fronts;
#[cfg(feature = "app")]
mod full;
#[cfg(feature = "relay")]
mod fuzz;
#[path = "../benches/common/header.rs"]
mod header;
#[cfg(feature = "app")]
mod history;
mod layering;
#[cfg(feature = "app")]
mod migration;
#[cfg(all(unix, feature = "relay"))]
mod nats;
mod packaging;
mod rate;
#[cfg(feature = "relay")]
mod relay;
#[cfg(all(target_os = "linux", feature = "app"))]
mod screen;
mod sim;
#[cfg(feature = "app")]
mod simulate;
#[cfg(feature = "app")]
mod support;
#[cfg(feature = "app")]
mod voice;
#[cfg(all(target_os = "linux", feature = "app"))]
mod window;
