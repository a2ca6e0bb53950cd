//! Why a relay does not start, in words for whoever starts it.

use std::net::SocketAddr;

use super::gate::GateError;
use crate::net::LinkError;
use crate::net::tls::TlsError;
use crate::proto::manifest::ManifestError;

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: std::io::Error },
    #[error(
        "it would listen on every address of this machine: say with --advertise HOST:PORT which one clients are to use"
    )]
    NoAddress,
    #[error("this relay cannot be listed in a manifest: {0}")]
    Manifest(#[from] ManifestError),
    #[error("cannot write {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("the keys for tokens cannot be used: {0}")]
    AuthKey(#[from] GateError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the system gave no random bytes")]
    Random,
    #[error("cannot start threads: {0}")]
    Threads(std::io::Error),
    #[error("the relay stopped while it started")]
    Stopped,
}
