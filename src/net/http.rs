//! A GET over TLS: how a manifest is fetched, from a web server or from a relay with a pinned certificate.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use url::Url;

use super::{LinkError, tls};

/// Fetches `url` (`https://` only) and returns the body of a 200 answer, of at most `max` bytes.
///
/// # Errors
/// Not an https address, no answer within `patience`, a certificate that is not accepted, another status, or a longer body.
pub async fn get(url: &str, pins: &[String], max: usize, patience: Duration) -> Result<Vec<u8>, LinkError> {
    let url = Url::parse(url).map_err(|error| LinkError::Address(format!("{url}: {error}")))?;
    if url.scheme() != "https" {
        return Err(LinkError::Address(format!("{url}: only https:// addresses are fetched")));
    }
    tokio::time::timeout(patience, fetch(&url, pins, max)).await.unwrap_or(Err(LinkError::Timeout(patience)))
}

async fn fetch(url: &Url, pins: &[String], max: usize) -> Result<Vec<u8>, LinkError> {
    let failed = |error: &dyn std::fmt::Display| LinkError::Handshake(format!("{url}: {error}"));
    let host = url.host_str().ok_or_else(|| LinkError::Address(format!("{url}: no host")))?;
    let bare = host.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    let name = ServerName::try_from(bare).map_err(|error| failed(&error))?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls::client_config(pins, &[b"http/1.1"])));
    let stream = connector.connect(name, stream).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let driver = tokio::spawn(connection);
    let request = hyper::Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, format!("{host}:{port}"))
        .header(USER_AGENT, concat!("nearcall/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    if !response.status().is_success() {
        return Err(failed(&response.status()));
    }
    let body = Limited::new(response.into_body(), max).collect().await.map_err(|error| failed(&error))?;
    driver.abort();
    Ok(body.to_bytes().to_vec())
}
