//! The files that a relay's keys lie in: read when it starts, and again when they change, so that a key is changed without a
//! restart. `relay` starts it. The order of things is in [`crate::crypto::token::KeyRing`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::config::{Access, ConfigError, read};
use super::files::Watch;
use super::gate::{Gate, GateError, KeyTexts};

/// Where keys lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// For tokens, the newest first: all check.
    pub auth: Vec<PathBuf>,
    /// What tickets are sealed with; `None`: what is derived from the keys.
    pub ticket_secret: Option<PathBuf>,
}

impl KeyFiles {
    /// Their texts.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn read(&self) -> Result<KeyTexts, ConfigError> {
        let auth = self.auth.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        Ok(KeyTexts { auth, tickets: self.ticket_secret.as_deref().map(read).transpose()? })
    }

    fn all(&self) -> impl Iterator<Item = PathBuf> {
        self.auth.iter().chain(&self.ticket_secret).cloned()
    }
}

/// The door that somebody asked for.
///
/// # Errors
/// Keys that cannot be read, or are none.
pub fn gate(access: &Access) -> Result<Gate, GateError> {
    let gate = match access {
        Access::Open => return Ok(Gate::open()),
        Access::Hosted(text) => Gate::hosted(text)?,
        Access::Key(text) => Gate::with_key(text)?,
        Access::Files(files) => Gate::with_keys(&files.read().map_err(|error| GateError::Read(error.to_string()))?)?,
    };
    if !gate.gives_tickets() {
        tracing::warn!(
            "there are only public keys, from which no tickets can be sealed: whoever moves needs its token still to be \
             valid, and when it has expired is cut off; give all relays one --ticket-secret FILE"
        );
    }
    Ok(gate)
}

/// Follows the files for as long as the relay runs.
pub(super) async fn follow(core: Arc<Core>, files: KeyFiles, look: Duration) {
    let mut watch = Watch::new(files.all(), look, core.reload.subscribe());
    loop {
        watch.changed().await;
        let before = core.gate.key_ids();
        let texts = files.read().map_err(|error| error.to_string());
        match texts.and_then(|texts| core.gate.reload(&texts).map_err(|error| error.to_string())) {
            Ok(()) if core.gate.key_ids() == before => tracing::info!("the keys for tokens are the same as before"),
            Ok(()) => {
                let keys = core.gate.key_ids().join(", ");
                tracing::info!(keys, "other keys for tokens from here on, the newest first");
            }
            Err(error) => {
                tracing::error!(
                    error,
                    "the keys were not taken and the old ones stay: mend the files, they are read again"
                );
            }
        }
    }
}
