//! TLS on both sides: a relay's certificate, and what a client accepts.
//!
//! A certificate is trusted when its SHA-256 is *pinned* (manifest or invite), or when an authority that
//! the public web trusts signed it. One provider, ring, given explicitly.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};

use crate::{clock, crypto};

/// How long a self-signed certificate lives: the most that `serverCertificateHashes` allows (W3C WebTransport, section 6.8).
pub const SELF_SIGNED: Duration = Duration::from_secs(14 * 86_400);
/// How far a clock may be off before a fresh certificate is not yet valid.
const BACKDATED: Duration = Duration::from_secs(3600);

/// The last second of the year 9999: what can be written as a date.
const LAST_DATE: u64 = 253_402_300_799;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: String },
    #[error("the certificate and the key do not fit: {0}")]
    Mismatch(rustls::Error),
    #[error("the certificate in {path} ended on {ended}: renew it")]
    Ended { path: String, ended: String },
    #[error("cannot make a certificate: {0}")]
    SelfSigned(String),
}

/// A certificate chain and its key.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    self_signed: bool,
    /// Unix time, s.
    valid: (u64, u64),
}

impl Certificate {
    /// A fresh ECDSA P-256 certificate for these host names and addresses.
    ///
    /// # Errors
    /// A host that is neither.
    pub fn self_signed(hosts: &[String]) -> Result<Self, TlsError> {
        Self::self_signed_for(hosts, clock::unix_seconds(), SELF_SIGNED)
    }

    /// One that is good from `from` (Unix time, s) on, or a little earlier, and lives so long.
    ///
    /// # Errors
    /// A host that is neither name nor address, or a time that no certificate can hold.
    pub fn self_signed_for(hosts: &[String], from: u64, lifetime: Duration) -> Result<Self, TlsError> {
        let failed = |error: rcgen::Error| TlsError::SelfSigned(error.to_string());
        let mut params = rcgen::CertificateParams::new(hosts.to_vec()).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "nearcall relay");
        let from = from.saturating_sub(BACKDATED.min(lifetime / 14).as_secs());
        let valid = (from, from.saturating_add(lifetime.as_secs()));
        let date = |seconds: u64| {
            time::OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap_or(i64::MAX))
                .map_err(|error| TlsError::SelfSigned(format!("the clock is off: {error}")))
        };
        (params.not_before, params.not_after) = (date(valid.0)?, date(valid.1)?);
        let key = rcgen::KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| TlsError::SelfSigned(error.into()))?;
        Ok(Self { chain: vec![certificate.der().clone()], key, self_signed: true, valid })
    }

    /// Reads PEM files.
    ///
    /// # Errors
    /// Unreadable, no certificate or key inside, they do not belong together, or the certificate has ended.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |path: &Path, error: String| TlsError::Read { path: path.display().to_string(), error };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(certificate, error.to_string()))?;
        let Some(first) = chain.first() else { return Err(unreadable(certificate, "it holds no certificate".into())) };
        let valid = validity(first).map_err(|error| unreadable(certificate, error))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
        if valid.1 <= clock::unix_seconds() {
            let ended = std::time::UNIX_EPOCH + Duration::from_secs(valid.1.min(LAST_DATE));
            let ended = humantime::format_rfc3339_seconds(ended).to_string();
            return Err(TlsError::Ended { path: certificate.display().to_string(), ended });
        }
        let certificate = Self { chain, key, self_signed: false, valid };
        certificate.certified_key()?;
        Ok(certificate)
    }

    /// From when it is valid, Unix time in s.
    pub fn not_before(&self) -> u64 {
        self.valid.0
    }

    /// When it ends, Unix time in s.
    pub fn not_after(&self) -> u64 {
        self.valid.1
    }

    /// SHA-256 of the certificate, hexadecimal.
    pub fn pin(&self) -> String {
        crypto::pin(&self.chain[0])
    }

    /// Whether clients need the pin.
    pub fn is_self_signed(&self) -> bool {
        self.self_signed
    }

    fn certified_key(&self) -> Result<CertifiedKey, TlsError> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), &provider::default_provider())
            .map_err(TlsError::Mismatch)
    }
}

/// From when to when a certificate is valid, Unix time in s.
fn validity(certificate: &CertificateDer<'_>) -> Result<(u64, u64), String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
    let seconds = |at: x509_parser::time::ASN1Time| u64::try_from(at.timestamp()).unwrap_or(0);
    Ok((seconds(parsed.validity().not_before), seconds(parsed.validity().not_after)))
}

/// The certificate that a relay shows to whoever comes next: replaced in one moment, for all transports.
#[derive(Debug)]
pub struct Serving {
    current: RwLock<(Arc<Certificate>, Arc<CertifiedKey>)>,
}

impl Serving {
    /// Shows this one first.
    ///
    /// # Errors
    /// The key does not belong to the certificate.
    pub fn new(certificate: Arc<Certificate>) -> Result<Arc<Self>, TlsError> {
        let key = certificate.certified_key()?.into();
        Ok(Arc::new(Self { current: RwLock::new((certificate, key)) }))
    }

    /// Shows this one from now on; connections that stand are left alone.
    ///
    /// # Errors
    /// As [`Serving::new`]; the one before is shown on.
    pub fn set(&self, certificate: Arc<Certificate>) -> Result<(), TlsError> {
        let key = certificate.certified_key()?.into();
        *self.current.write().expect("nobody panics while holding the certificate") = (certificate, key);
        Ok(())
    }

    /// What is shown.
    pub fn certificate(&self) -> Arc<Certificate> {
        self.current.read().expect("nobody panics while holding the certificate").0.clone()
    }

    /// The relay's side, for these protocols (ALPN).
    pub fn server_config(self: &Arc<Self>, alpn: &[&[u8]]) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }
}

impl ResolvesServerCert for Serving {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().ok().map(|current| current.1.clone())
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
