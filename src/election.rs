//! Which relay carries the call, and when to move.
//!
//! Sans-IO: [`Elector`] holds no socket, no clock and no random source of its own. Its caller (`call`, `cli probe`, a
//! simulator) tells it what happened, drains what is to be done, and sleeps until [`Elector::poll_timeout`]:
//!
//! ```text
//! handle_input(now, Input)   handle_timeout(now)   poll_timeout() -> Option<Instant>   poll_output() -> Option<Output>
//! ```
//!
//! # Words
//!
//! A *candidate* is a relay and a transport. It has one *link* at most. The *incumbent* is the candidate that carries
//! the call, over the *active* link. The *standby* is warm: connected, admitted, subscribed to control and audio. A
//! *round* is a short series of probes to a candidate that is not connected all the time.
//!
//! # Rules
//!
//! Probes may only promote; only distress on the live path demotes. Each rule has its file; each figure has its reason in
//! [`rules`]; a test a rule, and tables of steps, are in `tests/it/sim`.
//!
//! * **Score** (`score`, `rtt`): mean RTT + loss x (mean + 100 ms), lowest wins. An outlier may be trimmed from the
//!   mean, a lost probe may not; one that may still be answered counts neither way. WebTransport wins within
//!   max(10 ms, 10 %) of the best, never beyond, and that of the best relay before any other: a tie is about the
//!   transport. A relay that is not ready never wins while a ready one answers, and is never excluded when nothing else does.
//! * **Race** (`race`): all are dialled at once, the relay of the last call first (measured like any other), and
//!   probed each 200 ms, the first three probes faster. There is a leader as soon as a candidate has three samples and no
//!   other could still beat it; one that has not answered stops mattering 4 x the leader's mean + 100 ms after its dial.
//!   Join takes the leader. A refusal goes to the next best. Of
//!   several relays in the best one's region (providers, mostly), between which there is no noticeable difference, the one
//!   that carried the last call wins; in a call the margin of a move keeps the incumbent.
//! * **Afterwards** (`standby`, `links`): active at 5 Hz, one standby at 1 Hz (another relay before the same one, another
//!   region within twice the RTT, a far one before none), two more connected and idle, the others in rounds of 2-5 min
//!   at random phases, all at once when the active mean exceeds 1.5 x what it was elected with. WebSocket only where
//!   WebTransport does not answer. Two addresses behind which one process answers are one relay;
//!   one address behind which the process changes (anycast, a proxy that balances) is another relay from that answer on:
//!   figures of the old one do not decide for the new one.
//! * **Improve** (`improve`, `dwell`): once a second, on windows of equal length. A gain of max(10 ms, 20 %) over 20 s, or
//!   twice that over 5 s, in three evaluations in a row; 30 s after the last such move, doubling to 8 min on flapping and
//!   halving after 10 quiet minutes; at a random moment of the next 3 s, so that a crowd does not move as one. Another
//!   transport to the incumbent's relay gains only what its path gains without any queue: the call's own queue would go along.
//!   WebTransport of the incumbent's relay that stays level replaces WebSocket.
//! * **Suspect and fail over** (`doubt`): something expected is overdue by SRTT + 4 x var + 60 ms: both links at 20 Hz,
//!   audio on both. Missing for clamp(3 x SRTT + 4 x var, 250 ms, 1 s), 700 ms at least on WebSocket, with two probes
//!   unanswered since: to the standby, if it answered since the doubt began. Four probes in a row unanswered while data
//!   arrives, or a closed link: likewise, at once, without margin or dwell. Silence of all links is the local network: no
//!   move, no blame, and what is silent is no refuge; but the others are dialled, spare links that stay silent for 3 s are
//!   dialled anew, and who refused is asked again. A fail over to a link that admits nobody yet is called off when the old one
//!   answers.
//! * **Wishes** (`wishes`): a drain moves within min(10 s, a third of the deadline), at a random moment; what drains is the
//!   last resort until it says ready. Pin, force and block are done as said, or it says why not; a pin that fails is
//!   followed again after a dwell.
//! * **Manifest** (`wishes`): a relay that joins is raced within seconds, one that is gone is left as if it drained.
//! * **Make before break** (`migration`): the old link stays until the new one has delivered; a failed attempt leaves it
//!   as it was and the candidate alone for a while. The incumbent is set in one function, which starts every counter anew.
//! * **Reconnect** (`reconnect`): without any link, the last relay first, then all, 250 ms to 5 s with jitter, for ever.
//!   After a sleep every link is stale and is dialled again.
//!
//! Every decision is an [`Event`], decisions not to move included. Ids are never reused; what concerns a dead link is
//! ignored; an empty report changes nothing; memory is bounded.

mod contender;
mod doubt;
mod dwell;
mod elector;
pub mod event;
mod improve;
mod links;
mod migration;
mod probes;
mod race;
mod reconnect;
mod report;
mod rng;
mod rtt;
pub mod rules;
mod score;
mod standby;
mod wishes;

pub use elector::{Config, Elector};
pub use event::*;
pub use report::{Outcome, Outlook, Redial};
pub use rng::Rng;
