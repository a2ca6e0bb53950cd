//! Where the relays are listed: files, addresses, an invite's relays. Read at the start and again during the call.

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

/// Reads all sources as one manifest. A source that fails is an error only where it is the last one left: with
/// several relays named, one that is down is what the race is for.
///
/// # Errors
/// No source gave anything; the first error of a file, which is a mistake and not weather.
pub async fn load(sources: &[Source]) -> Result<Manifest, SourceError> {
    let mut parts = Vec::new();
    let mut first_error = None;
    for source in sources {
        match source.load().await {
            Ok(manifest) => parts.push(manifest),
            Err(error @ (SourceError::File { .. } | SourceError::Manifest { .. })) => return Err(error),
            Err(error) => {
                tracing::warn!("{error}");
                first_error.get_or_insert(error);
            }
        }
    }
    match (parts.is_empty(), first_error) {
        (true, error) => Err(error.unwrap_or(SourceError::None)),
        (false, _) => Manifest::merge(parts)
            .map_err(|error| SourceError::Manifest { place: "the manifests together".into(), error }),
    }
}

/// What became of reading the sources again.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Other relays than before.
    Manifest(Manifest),
    /// Nothing could be read yet, and why.
    Failed(String),
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
        match load(&sources).await {
            Ok(manifest) => parts.push(manifest),
            Err(error) => {
                tracing::debug!(%error, "manifest not read again");
                parts.push(known.clone());
            }
        }
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
        match load(sources).await {
            Ok(manifest) => {
                news.tell(News::Manifest(manifest.clone())).await?;
                return Some(manifest);
            }
            Err(error) => news.tell(News::Failed(error.to_string())).await?,
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

/// How an invite leads to a manifest: `HOST:PORT` of some of its relays, where the list of all is read, and their pins.
pub fn addresses(manifest: &Manifest) -> (Vec<String>, Vec<String>) {
    let address = |relay: &RelayEntry| {
        let url = Url::parse(relay.websocket.as_deref()?).ok()?;
        Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
    };
    let named: Vec<_> = manifest.relays.iter().filter_map(|relay| Some((relay, address(relay)?))).take(NAMED).collect();
    let mut pins: Vec<String> = named.iter().flat_map(|(relay, _)| relay.pins.clone()).collect();
    pins.dedup();
    (named.into_iter().map(|(_, at)| at).collect(), pins)
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
