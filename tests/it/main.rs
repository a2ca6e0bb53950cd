//! The tests that look at Nearcall from outside, in one program: what its source may import, what is packaged,
//! and (in modules of their own) what the two programs do.

// A helper of a test may panic as a test may; clippy's own exemption covers `#[test]` functions alone.
#![allow(clippy::unwrap_used)]

mod call;
#[cfg(target_os = "linux")]
mod devices;
mod layering;
mod migration;
mod packaging;
mod support;
