//! TLS on both sides: a relay's certificate, and what a client accepts.
//!
//! A certificate is trusted when its SHA-256 is *pinned* (manifest or invite), or when an authority that
//! the public web trusts signed it. One provider, ring, given explicitly.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};

use crate::{clock, crypto};

/// How long a self-signed certificate lives: the most that `serverCertificateHashes` allows (W3C WebTransport, section 6.8).
const SELF_SIGNED: Duration = Duration::from_secs(14 * 86_400);
/// How far a clock may be off before a fresh certificate is not yet valid.
const BACKDATED: Duration = Duration::from_secs(3600);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: String },
    #[error("the certificate and the key do not fit: {0}")]
    Mismatch(rustls::Error),
    #[error("cannot make a certificate: {0}")]
    SelfSigned(String),
}

/// A certificate chain and its key.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    self_signed: bool,
}

impl Certificate {
    /// A fresh ECDSA P-256 certificate for these host names and addresses.
    ///
    /// # Errors
    /// A host that is neither.
    pub fn self_signed(hosts: &[String]) -> Result<Self, TlsError> {
        let failed = |error: rcgen::Error| TlsError::SelfSigned(error.to_string());
        let mut params = rcgen::CertificateParams::new(hosts.to_vec()).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "nearcall relay");
        let from = time::OffsetDateTime::from_unix_timestamp(clock::unix_seconds() as i64)
            .map_err(|error| TlsError::SelfSigned(format!("the clock is off: {error}")))?
            - BACKDATED;
        params.not_before = from;
        params.not_after = from + SELF_SIGNED;
        let key = rcgen::KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| TlsError::SelfSigned(error.into()))?;
        Ok(Self { chain: vec![certificate.der().clone()], key, self_signed: true })
    }

    /// Reads PEM files.
    ///
    /// # Errors
    /// Unreadable, no certificate or key inside, or they do not belong together.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |path: &Path, error: String| TlsError::Read { path: path.display().to_string(), error };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(certificate, error.to_string()))?;
        if chain.is_empty() {
            return Err(unreadable(certificate, "it holds no certificate".into()));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
        let certificate = Self { chain, key, self_signed: false };
        certificate.try_server_config(&[])?;
        Ok(certificate)
    }

    /// SHA-256 of the certificate, hexadecimal.
    pub fn pin(&self) -> String {
        crypto::pin(&self.chain[0])
    }

    /// Whether clients need the pin.
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    /// The relay's side, for these protocols (ALPN).
    ///
    /// # Errors
    /// The key does not belong to the certificate.
    pub fn server_config(&self, alpn: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsError> {
        self.try_server_config(alpn).map(Arc::new)
    }

    pub(super) fn try_server_config(&self, alpn: &[&[u8]]) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(TlsError::Mismatch)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }
}

/// The client's side: accepts certificates with one of these pins, and those that the web's authorities signed.
pub fn client_config(pins: &[String], alpn: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(provider::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let authorities = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .expect("the list of authorities is not empty");
    let verifier = Pinned {
        pins: pins.iter().map(|pin| pin.to_ascii_lowercase()).collect(),
        authorities,
        provider: provider.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

#[derive(Debug)]
struct Pinned {
    pins: Vec<String>,
    authorities: Arc<rustls::client::WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.pins.contains(&crypto::pin(end_entity)) {
            return Ok(ServerCertVerified::assertion());
        }
        if !self.pins.is_empty() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
