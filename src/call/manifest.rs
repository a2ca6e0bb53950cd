//! Where the relays are listed: files, addresses, an invite's relays. Read at the start and again during the call.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use crate::election::Candidate;
use crate::net::{LinkError, http};
use crate::proto::manifest::{Manifest, ManifestError, RelayEntry};
use crate::proto::{Transport, limits};

/// How long a manifest's server is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// How soon a list that nobody has read yet is tried again: it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(8);

/// Relays that an invite names: enough to find the others through.
const NAMED: usize = 3;

/// One place that lists relays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    /// An `https://` address, and the pins of its certificate where no authority signed it.
    Url {
        url: String,
        pins: Vec<String>,
    },
    /// Given, not read: the demo's own relays.
    Given(Manifest),
}

/// Why a source gave no manifest.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("cannot read the manifest {path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("cannot fetch the manifest {url}: {error}")]
    Fetch { url: String, error: LinkError },
    #[error("{place}: {error}")]
    Manifest { place: String, error: ManifestError },
    #[error("no manifest: give one with --manifest FILE or URL, or open an invite link")]
    None,
}

impl SourceError {
    /// Not the weather: it stays until somebody mends it.
    fn is_mistake(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Manifest { .. })
    }
}

impl std::str::FromStr for Source {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = text.starts_with("https://") || text.starts_with("http://");
        Ok(if url { Source::Url { url: text.into(), pins: Vec::new() } } else { Source::File(text.into()) })
    }
}

impl Source {
    /// The list of a relay at `HOST:PORT`, which has one of these pins.
    pub fn relay(at: &str, pins: &[String]) -> Self {
        Source::Url { url: format!("https://{at}/regions.json"), pins: pins.to_vec() }
    }

    async fn load(&self) -> Result<Manifest, SourceError> {
        let (text, place) = match self {
            Source::Given(manifest) => return Ok(manifest.clone()),
            Source::File(path) => {
                let place = path.display().to_string();
                let text = tokio::fs::read_to_string(path).await;
                (text.map_err(|error| SourceError::File { path: place.clone(), error })?, place)
            }
            Source::Url { url, pins } => {
                let body = http::get(url, pins, limits::MANIFEST_BYTES, PATIENCE).await;
                let body = body.map_err(|error| SourceError::Fetch { url: url.clone(), error })?;
                (String::from_utf8_lossy(&body).into_owned(), url.clone())
            }
        };
        Manifest::from_json(&text).map_err(|error| SourceError::Manifest { place, error })
    }
}

/// Reads all sources as one manifest. A source that does not answer is an error only where it is the last one left: with
/// several relays named, one that is down is what the race is for. A file that cannot be read is a mistake, and an error.
///
/// # Errors
/// No source gave anything; or the first mistake.
pub async fn load(sources: &[Source]) -> Result<Manifest, SourceError> {
    let (manifest, mut errors) = read(sources).await;
    match errors.iter().position(SourceError::is_mistake) {
        Some(mistake) => Err(errors.swap_remove(mistake)),
        None => manifest.ok_or_else(|| errors.into_iter().next().unwrap_or(SourceError::None)),
    }
}

/// Reads all sources at once; what can be read is one manifest, whatever becomes of the others.
async fn read(sources: &[Source]) -> (Option<Manifest>, Vec<SourceError>) {
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    for outcome in futures_util::future::join_all(sources.iter().map(Source::load)).await {
        match outcome {
            Ok(manifest) => parts.push(manifest),
            Err(error) => {
                tracing::debug!("{error}");
                errors.push(error);
            }
        }
    }
    if parts.is_empty() {
        return (None, errors);
    }
    match Manifest::merge(parts) {
        Ok(manifest) => (Some(manifest), errors),
        Err(error) => {
            errors.push(SourceError::Manifest { place: "the manifests together".into(), error });
            (None, errors)
        }
    }
}

/// What became of reading the sources again.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Other relays than before.
    Manifest(Manifest),
    /// Nothing could be read yet, and why.
    Failed(String),
    /// One of several could not be read, and why.
    Partly(String),
}

/// Tells the news of one reading.
#[derive(Debug)]
pub struct Teller {
    pub reading: u64,
    pub news: mpsc::Sender<(u64, News)>,
}

impl Teller {
    /// `None` where nobody listens.
    async fn tell(&self, news: News) -> Option<()> {
        self.news.send((self.reading, news)).await.ok()
    }
}

/// Reads the sources again and again, and asks each relay for the relays that it knows; sends what changed. A source
/// or relay that does not answer takes nothing away. Where nothing is known yet, reads at once and soon again.
pub async fn follow(sources: Vec<Source>, known: Option<Manifest>, every: Duration, news: Teller) {
    let mut known = match known {
        Some(known) => known,
        None => match first(&sources, &news).await {
            Some(manifest) => manifest,
            None => return,
        },
    };
    loop {
        tokio::time::sleep(every).await;
        let mut parts = Vec::new();
        parts.push(read(&sources).await.0.unwrap_or_else(|| known.clone()));
        if let Some(heard) = first_answer(&known).await {
            parts.push(heard);
        }
        match Manifest::merge(parts) {
            Ok(manifest) if manifest != known => {
                known = manifest.clone();
                if news.tell(News::Manifest(manifest)).await.is_none() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "manifests do not fit together"),
        }
    }
}

/// Tries until a source can be read; `None` where there is none, or nobody listens.
async fn first(sources: &[Source], news: &Teller) -> Option<Manifest> {
    if sources.is_empty() {
        return None;
    }
    let mut wait = FIRST_RETRY;
    loop {
        let (manifest, errors) = read(sources).await;
        let first = errors.first().map(ToString::to_string);
        match (manifest, first) {
            (Some(manifest), error) => {
                news.tell(News::Manifest(manifest.clone())).await?;
                if let Some(error) = error {
                    news.tell(News::Partly(error)).await?;
                }
                return Some(manifest);
            }
            (None, error) => news.tell(News::Failed(error.unwrap_or_default())).await?,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LAST_RETRY);
    }
}

/// The list of the first relay that answers: relays that share a bus know one another.
async fn first_answer(known: &Manifest) -> Option<Manifest> {
    for relay in &known.relays {
        let Some(url) = relay.websocket.as_deref().and_then(regions_url) else { continue };
        if let Ok(manifest) = (Source::Url { url, pins: relay.pins.clone() }).load().await {
            return Some(manifest);
        }
    }
    None
}

/// `wss://HOST:PORT/v1/call` to `https://HOST:PORT/regions.json`.
fn regions_url(websocket: &str) -> Option<String> {
    let host = websocket.strip_prefix("wss://")?.split('/').next()?;
    Some(format!("https://{host}/regions.json"))
}

/// `HOST:PORT` of a relay's TCP side, where its list of relays is read.
pub fn address(relay: &RelayEntry) -> Option<String> {
    host_of(relay.websocket.as_deref()?)
}

/// `HOST:PORT` of an address.
pub fn host_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

/// How an invite leads to a manifest: `HOST:PORT` of some of its relays, where the list of all is read, and their pins.
pub fn addresses(manifest: &Manifest) -> (Vec<String>, Vec<String>) {
    let named: Vec<_> = manifest.relays.iter().filter_map(|relay| Some((relay, address(relay)?))).take(NAMED).collect();
    let pins: BTreeSet<String> = named.iter().flat_map(|(relay, _)| relay.pins.clone()).collect();
    (named.into_iter().map(|(_, at)| at).collect(), pins.into_iter().collect())
}

/// The candidates of a manifest, in its order: each relay by each transport that it offers.
pub fn candidates(manifest: &Manifest) -> Vec<Candidate> {
    let of = |transport: Transport| {
        move |relay: &RelayEntry| {
            Some(Candidate {
                relay: relay.id.clone(),
                region: relay.region.clone(),
                provider: relay.provider.clone(),
                transport,
                url: relay.url(transport)?.to_owned(),
            })
        }
    };
    let relays = manifest.relays.iter();
    relays.flat_map(|relay| [of(Transport::WebTransport)(relay), of(Transport::WebSocket)(relay)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &str) -> Source {
        let entry = RelayEntry {
            id: id.into(),
            region: id.into(),
            provider: String::new(),
            city: String::new(),
            webtransport: None,
            websocket: Some(format!("wss://{id}.example:4433/v1/call")),
            pins: vec!["ab".repeat(32)],
        };
        Source::Given(Manifest::from(vec![entry]))
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_is_told_and_takes_no_other_away() {
        let sources = [Source::File("/nonexistent/relays.json".into()), given("here"), given("there")];
        assert!(load(&sources).await.is_err(), "on the command line it is a mistake");
        let (news, mut told) = mpsc::channel(4);
        let follower = tokio::spawn(follow(sources.to_vec(), None, PATIENCE, Teller { reading: 7, news }));
        let (reading, first) = told.recv().await.unwrap();
        assert!(matches!(&first, News::Manifest(manifest) if manifest.relays.len() == 2), "{first:?}");
        assert_eq!(reading, 7);
        assert!(matches!(told.recv().await, Some((7, News::Partly(error))) if error.contains("/nonexistent")));
        follower.abort();
    }

    #[tokio::test]
    async fn an_invite_names_each_address_and_each_pin_once() {
        let (manifest, _) = read(&[given("here"), given("there")]).await;
        let (at, pins) = addresses(&manifest.unwrap());
        assert_eq!(at, ["here.example:4433", "there.example:4433"]);
        assert_eq!(pins.len(), 1);
    }
}
