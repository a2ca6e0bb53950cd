//! Why a session is not taken, or ends, and how that is said to the client.

use std::time::Duration;

use super::super::moderation::Denied;
use super::super::registry::JoinError;
use crate::proto::control::RefusalCode;

/// A locked room may be open again after this.
const LOCKED: Duration = Duration::from_secs(30);
/// Somebody else's number may be free after this: whoever is not there any more is waited for that long.
const TAKEN: Duration = Duration::from_secs(30);

/// Why a session ends from our side.
pub(super) struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    /// 0: not with the same request.
    pub retry_after: Duration,
    pub removed: bool,
}

impl Refusal {
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: Duration::ZERO, removed: false }
    }

    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = wait;
        self
    }
}

impl From<JoinError> for Refusal {
    fn from(error: JoinError) -> Self {
        use RefusalCode::{Auth, Room};
        let refused = |code| Refusal::new(code, error.to_string());
        match error {
            JoinError::Full => refused(Room).after(Duration::from_secs(10)),
            JoinError::OtherUser => refused(Auth),
            JoinError::OtherInstance => refused(Auth).after(TAKEN),
            JoinError::Denied(Denied::Locked) => refused(Room).after(LOCKED),
            JoinError::Denied(Denied::Removed) => Refusal { removed: true, ..refused(Auth) },
        }
    }
}
