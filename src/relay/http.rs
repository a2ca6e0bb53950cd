//! What is served over HTTP: the upgrade to a call, the manifest, and health, on the public port (TLS) and, without calls but
//! with metrics, on the admin port (plain).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN, UPGRADE};
use hyper::header::{SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::accept::Connection;
use super::metrics::Format;
use super::{Core, metrics, session};
use crate::clock;
use crate::net::websocket;
use crate::proto::CALL_PATH;
use crate::proto::probe::RelayState;

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const HEADERS: usize = 64;
/// What the relay spent on an upgrade, ms (W3C Server Timing, section 3). A proxy in front adds its own.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whether a request may begin a call.
pub(super) enum Calls {
    /// Yes, and its connection counts.
    Taken(Arc<Connection>),
    /// There are too many.
    Full,
    /// There are too many from there.
    Crowded,
    /// Not on this port.
    Elsewhere,
}

/// Answers one request, or begins a call. Resolves when the answer is written; a call goes on in a task of its own.
///
/// # Errors
/// The peer is not speaking HTTP, or is gone.
pub(super) async fn serve<S>(core: &Arc<Core>, stream: S, remote: SocketAddr, calls: Calls) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let answer = answer(core, request, remote, &calls);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut server = http1::Builder::new();
    server.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    server.timer(TokioTimer::new()).header_read_timeout(core.limits.handshake);
    server.serve_connection(TokioIo::new(stream), service).with_upgrades().await
}

fn answer(core: &Arc<Core>, request: Request<Incoming>, remote: SocketAddr, calls: &Calls) -> Response<Full<Bytes>> {
    if let (Calls::Elsewhere, "/drain") = (calls, request.uri().path()) {
        return drain(core, &request);
    }
    if request.method() != Method::GET {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return response;
    }
    let remote = core.fronts.client(remote, request.headers());
    match (request.uri().path(), calls) {
        (CALL_PATH, Calls::Taken(connection)) if connection.admit(remote).is_ok() => {
            upgrade(core, request, remote, connection.clone())
        }
        (CALL_PATH, Calls::Taken(_) | Calls::Crowded) => {
            text(StatusCode::TOO_MANY_REQUESTS, "too many connections from your network\n")
        }
        (CALL_PATH, Calls::Full) => text(StatusCode::SERVICE_UNAVAILABLE, "full: try another relay\n"),
        ("/healthz", _) => text(StatusCode::OK, "ok\n"),
        ("/readyz", _) => ready(core.responder.state()),
        ("/regions.json", _) => regions(core),
        // How much there is to do here is the operator's to know.
        ("/metrics", Calls::Elsewhere) => figures(core, request.headers()),
        _ => text(StatusCode::NOT_FOUND, "not here\n"),
    }
}

/// An operator empties the relay and looks on: POST begins, DELETE calls it off, GET says how many are left. No page that a browser
/// shows may do it.
fn drain(core: &Core, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    if request.headers().contains_key(ORIGIN) {
        return text(StatusCode::FORBIDDEN, "not from a page in a browser\n");
    }
    match *request.method() {
        Method::POST => {
            let sessions = *core.joined.borrow();
            tracing::info!(sessions, deadline = ?core.drain_deadline, "draining, as the admin port was asked to");
            core.begin_drain(core.drain_deadline);
        }
        Method::DELETE => {
            tracing::info!("the drain is called off");
            core.end_drain();
        }
        Method::GET => {}
        _ => return text(StatusCode::METHOD_NOT_ALLOWED, "POST drains, DELETE calls it off, GET says who is left\n"),
    }
    let state = if core.drain_left().is_some() { "draining" } else { "not draining" };
    text(StatusCode::OK, format!("{state}, {} sessions in calls\n", *core.joined.borrow()))
}

fn ready(state: RelayState) -> Response<Full<Bytes>> {
    match state {
        RelayState::Ready => text(StatusCode::OK, "ready\n"),
        RelayState::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        RelayState::Full => text(StatusCode::SERVICE_UNAVAILABLE, "full\n"),
        RelayState::Isolated => text(StatusCode::SERVICE_UNAVAILABLE, "isolated: NATS cannot be reached\n"),
    }
}

fn regions(core: &Core) -> Response<Full<Bytes>> {
    match serde_json::to_string_pretty(&core.directory.manifest()) {
        Ok(json) => {
            let mut response = text(StatusCode::OK, json + "\n");
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!(%error, "the manifest cannot be written");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the manifest cannot be written\n")
        }
    }
}

fn figures(core: &Core, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let format = Format::accepted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default());
    match metrics::text(core, format) {
        Ok(figures) => {
            let mut response = text(StatusCode::OK, figures);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
            response
        }
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n")
        }
    }
}

/// RFC 6455, section 4.2.
fn upgrade(
    core: &Arc<Core>,
    mut request: Request<Incoming>,
    remote: SocketAddr,
    connection: Arc<Connection>,
) -> Response<Full<Bytes>> {
    let begun = clock::now();
    let headers = request.headers();
    let asks = lists(headers, &CONNECTION, "upgrade") && lists(headers, &UPGRADE, "websocket");
    let Some(key) = headers.get(SEC_WEBSOCKET_KEY).filter(|key| asks && key.len() == 24) else {
        let mut response = text(StatusCode::UPGRADE_REQUIRED, "calls come over WebSocket or WebTransport\n");
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    if !lists(headers, &SEC_WEBSOCKET_VERSION, "13") {
        let mut response = text(StatusCode::BAD_REQUEST, "only version 13 of WebSocket\n");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    }
    let accept = derive_accept_key(key.as_bytes());
    let upgraded = hyper::upgrade::on(&mut request);
    let core = core.clone();
    tokio::spawn(async move {
        match upgraded.await {
            Ok(upgraded) => {
                let link = websocket::accept(TokioIo::new(upgraded), remote, connection.answers()).await;
                session::run(core, link, connection).await;
            }
            Err(error) => tracing::debug!(%error, "no upgrade"),
        }
    });
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    let spent = clock::now().saturating_duration_since(begun);
    if let Ok(timing) = HeaderValue::from_str(&format!("relay;dur={:.3}", spent.as_secs_f64() * 1e3)) {
        headers.insert(SERVER_TIMING, timing);
    }
    response
}

/// Whether a header that holds a list holds this word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
}

/// The connection ends behind it: who asks again shakes hands again, and holds nothing of ours meanwhile.
fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // hyper's own setting for it would say so on upgrades too.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_word_is_found_whatever_its_case_and_place() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        assert!(lists(&headers, &CONNECTION, "upgrade"));
        assert!(!lists(&headers, &CONNECTION, "up"));
        assert!(!lists(&headers, &UPGRADE, "websocket"));
    }
}
