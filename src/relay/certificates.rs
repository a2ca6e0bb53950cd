//! The certificate that a relay shows: from files, read again when they change, or its own, replaced before it ends. Connections
//! that stand keep what they began with; new ones get the new.
//!
//! A self-signed one is known by its pin, which has to be in manifests before it is shown: so the next one is made in advance, valid
//! from the moment when it is due, and both pins are listed all the time. `relay` starts it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::config::CertificateSource;
use super::files::Watch;
use super::{Core, RelayError};
use crate::clock;
use crate::net::tls::{Certificate, SELF_SIGNED, Serving, TlsError};

/// How often the clock on the wall is looked at: it may jump, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(60);
/// From files, a certificate with less to live than this is said to end soon.
const SOON: Duration = Duration::from_secs(7 * 86_400);
/// Between two warnings of it.
const REMIND: Duration = Duration::from_secs(86_400);

/// The certificate that is shown, and the one after it.
#[derive(Debug)]
pub struct Certificates {
    pub(super) serving: Arc<Serving>,
    hosts: Vec<String>,
    lifetime: Duration,
    /// Valid from when it is due.
    next: Mutex<Option<Certificate>>,
    files: Option<(PathBuf, PathBuf)>,
    /// Unix time, s.
    warned: AtomicU64,
}

impl Certificates {
    /// Makes or reads the first one.
    ///
    /// # Errors
    /// Files that cannot be used, or a host that no certificate can be for.
    pub fn open(source: &CertificateSource, hosts: Vec<String>, lifetime: Option<Duration>) -> Result<Self, TlsError> {
        let lifetime = lifetime.unwrap_or(SELF_SIGNED);
        let (mut next, mut files) = (None, None);
        let first = match source {
            CertificateSource::SelfSigned => {
                let first = Certificate::self_signed_for(&hosts, clock::unix_seconds(), lifetime)?;
                next = Some(Certificate::self_signed_for(&hosts, due(&first), lifetime)?);
                Arc::new(first)
            }
            CertificateSource::Given(certificate) => certificate.clone(),
            CertificateSource::Files { certificate, key } => {
                files = Some((certificate.clone(), key.clone()));
                Arc::new(Certificate::from_files(certificate, key)?)
            }
        };
        let serving = Serving::new(first)?;
        Ok(Self { serving, hosts, lifetime, next: Mutex::new(next), files, warned: AtomicU64::new(0) })
    }

    /// The pins that clients are told: of what is shown, and of what will be.
    pub fn pins(&self) -> Vec<String> {
        let serving = self.serving.certificate();
        let own = serving.is_self_signed().then(|| serving.pin());
        own.into_iter().chain(self.lock().as_ref().map(Certificate::pin)).collect()
    }

    /// When the certificate that is shown ends, Unix time in s.
    pub fn not_after(&self) -> u64 {
        self.serving.certificate().not_after()
    }

    /// Shows the next self-signed one where it is due. True if pins have changed.
    fn rotate(&self, now: u64) -> Result<bool, TlsError> {
        let mut next = self.lock();
        let Some(due_one) = next.as_ref().filter(|_| now >= due(&self.serving.certificate())) else { return Ok(false) };
        // After a long sleep the one that was made ahead may be over as well.
        let shown = match due_one.not_after() > now {
            true => next.take(),
            false => None,
        };
        let shown = match shown {
            Some(shown) => shown,
            None => Certificate::self_signed_for(&self.hosts, now, self.lifetime)?,
        };
        *next = Some(Certificate::self_signed_for(&self.hosts, due(&shown), self.lifetime)?);
        self.serving.set(Arc::new(shown))?;
        Ok(true)
    }

    /// Reads the files again. True if they hold another certificate.
    fn reload(&self, (certificate, key): &(PathBuf, PathBuf)) -> Result<bool, TlsError> {
        let read = Certificate::from_files(certificate, key)?;
        let new = read != *self.serving.certificate();
        if new {
            self.serving.set(Arc::new(read))?;
        }
        Ok(new)
    }

    fn warn_of_end(&self, now: u64) {
        let left = Duration::from_secs(self.not_after().saturating_sub(now));
        let warned = Duration::from_secs(now.saturating_sub(self.warned.load(Ordering::Relaxed)));
        if self.files.is_some() && left < SOON && warned >= REMIND {
            self.warned.store(now, Ordering::Relaxed);
            let hours = left.as_secs() / 3600;
            tracing::warn!(hours, "the certificate ends soon: renew the files, they are read again by themselves");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Certificate>> {
        self.next.lock().expect("nobody panics while holding the next certificate")
    }
}

/// When the certificate after this one is shown: with a seventh of its life left, so that clocks may be off.
fn due(certificate: &Certificate) -> u64 {
    let (from, to) = (certificate.not_before(), certificate.not_after());
    to - (to - from) / 7
}

/// Keeps the certificate fresh for as long as the relay runs.
pub(super) async fn keep(core: Arc<Core>, look: Duration) {
    let certificates = &core.certificates;
    let files = certificates.files.iter().flat_map(|(certificate, key)| [certificate.clone(), key.clone()]);
    let mut watch = Watch::new(files, look, core.reload.subscribe());
    loop {
        let now = clock::unix_seconds();
        certificates.warn_of_end(now);
        match certificates.rotate(now) {
            Ok(true) => core.tell_pins(),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "no new certificate was made: the old one is shown until it ends"),
        }
        tokio::select! {
            () = watch.changed() => {}
            () = tokio::time::sleep(LOOK.min(certificates.lifetime / 20)) => continue,
        }
        let Some(files) = &certificates.files else { continue };
        match certificates.reload(files) {
            Ok(true) => tracing::info!(not_after = certificates.not_after(), "a new certificate is shown from here on"),
            Ok(false) => tracing::info!("the certificate is the same as before"),
            Err(error) => {
                tracing::error!(%error, "the certificate was not taken and the old one is shown: mend the files, they are read again");
            }
        }
    }
}

impl Core {
    /// Lists the pins of a certificate that has come: in the manifest, to other relays, in the file.
    fn tell_pins(&self) {
        self.directory.set_pins(self.certificates.pins());
        self.announce();
        tracing::info!(not_after = self.certificates.not_after(), "a new certificate of its own is shown from here on");
        if let Err(RelayError::Write { path, error }) = self.write_manifest() {
            tracing::error!(%path, %error, "the manifest with the new pins cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn own(lifetime: Duration) -> Certificates {
        Certificates::open(&CertificateSource::SelfSigned, vec!["localhost".into()], Some(lifetime)).unwrap()
    }

    #[test]
    fn two_pins_are_listed_and_whoever_has_them_is_served_for_nearly_two_lifetimes() {
        let certificates = own(SELF_SIGNED);
        let start = clock::unix_seconds();
        let pins = certificates.pins();
        assert_eq!(pins.len(), 2);
        for day in 0..24 {
            certificates.rotate(start + day * 24 * HOUR).unwrap();
            let serving = certificates.serving.certificate();
            assert!(pins.contains(&serving.pin()), "day {day}");
            let now = start + day * 24 * HOUR;
            assert!((serving.not_before()..serving.not_after()).contains(&now), "day {day}");
            assert!(serving.not_after() - serving.not_before() <= SELF_SIGNED.as_secs());
            assert!(certificates.pins().contains(&serving.pin()) && certificates.pins().len() == 2);
        }
    }

    #[test]
    fn after_a_sleep_of_months_a_fresh_one_is_made() {
        let certificates = own(SELF_SIGNED);
        let later = clock::unix_seconds() + 90 * 24 * HOUR;
        assert!(certificates.rotate(later).unwrap());
        let serving = certificates.serving.certificate();
        assert!(serving.not_before() <= later && later < serving.not_after());
        assert!(!certificates.rotate(later).unwrap());
    }

    #[test]
    fn files_that_do_not_fit_keep_the_old_one_and_good_ones_replace_it() {
        let folder = tempfile::tempdir().unwrap();
        let paths = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let write = |days: i64| {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
            params.not_after = time::OffsetDateTime::from_unix_timestamp(clock::unix_seconds() as i64).unwrap()
                + time::Duration::days(days);
            let key = rcgen::KeyPair::generate().unwrap();
            std::fs::write(&paths.0, params.self_signed(&key).unwrap().pem()).unwrap();
            std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        };
        write(30);
        let source = CertificateSource::Files { certificate: paths.0.clone(), key: paths.1.clone() };
        let certificates = Certificates::open(&source, Vec::new(), None).unwrap();
        let (first, ends) = (certificates.serving.certificate(), certificates.not_after());
        assert!(ends > clock::unix_seconds() + 29 * 24 * HOUR && certificates.pins().is_empty());
        assert!(!certificates.reload(&paths).unwrap());
        let key = std::fs::read(&paths.1).unwrap();
        write(60);
        let other = std::fs::read(&paths.1).unwrap();
        for (broken, says) in [(&key[..], "do not fit"), (b"", "key"), (b"-----BEGIN PRIVATE KEY-----\n", "key")] {
            std::fs::write(&paths.1, broken).unwrap();
            let error = certificates.reload(&paths).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        write(-1);
        assert!(certificates.reload(&paths).unwrap_err().to_string().contains("ended on"));
        assert_eq!(certificates.serving.certificate(), first);
        write(60);
        assert_ne!(std::fs::read(&paths.1).unwrap(), other);
        assert!(certificates.reload(&paths).unwrap());
        assert!(certificates.not_after() > ends);
    }
}
