//! Relays behind other people's programs: the real HAProxy and the real Caddy, started from the files of `packaging/relay/fronts`.
//!
//! `front` has the programs and the tools; the rest are tests.

#[cfg(feature = "app")]
mod anycast;
mod calls;
#[cfg(feature = "app")]
mod cost;
mod front;
mod strangers;
