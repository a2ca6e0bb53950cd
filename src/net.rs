//! A [`Link`] to the other side of a session, whatever it rides on, and everything below it: dialling, TLS,
//! congestion window, emulated distance.
//!
//! Called by `call` (which dials) and `relay` (which accepts). Never: what a message means, who may send it,
//! where it goes.

mod carried;
mod congestion;
pub mod dial;
pub mod distance;
pub mod figures;
pub mod hop;
pub mod http;
pub mod link;
mod outbox;
pub mod tls;
pub mod websocket;
pub mod webtransport;

pub use dial::dial;
pub use distance::Distance;
pub use figures::Figures;
pub use hop::Hop;
pub use link::{Answers, Incoming, Link, LinkError, LinkSender, Pressure, Responder};
