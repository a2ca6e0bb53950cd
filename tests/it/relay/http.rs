//! What a relay serves over plain HTTP, on the port of its calls.

use nearcall::proto::manifest::Manifest;
use nearcall::relay::{Config, Relay};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::raw::{answer, get, read_to_end};
use super::{alone, relay};

#[tokio::test]
async fn health_readiness_and_the_manifest_are_served_and_nothing_else() {
    let _alone = alone().await;
    let relay = relay().await;
    let entry = relay.entry();
    assert_eq!(get(entry, "/healthz").await.0, 200);
    assert_eq!(get(entry, "/readyz").await.0, 200);
    let (status, body) = get(entry, "/regions.json").await;
    assert_eq!((status, Manifest::from_json(&body).unwrap()), (200, relay.manifest()));
    for path in ["/", "/metrics", "/metrics/../..", "/v2/call", "/healthz/", "/regions.json.bak"] {
        assert_eq!(get(entry, path).await.0, 404, "{path}");
    }
    assert!(
        answer(entry, b"POST /healthz HTTP/1.1\r\nHost: relay\r\nContent-Length: 0\r\n\r\n").await.contains(" 405 ")
    );
    assert_eq!(get(entry, "/v1/call").await.0, 426);
}

#[tokio::test]
async fn the_admin_port_serves_the_same_in_the_clear_and_no_calls() {
    let _alone = alone().await;
    let admin = Some(([127, 0, 0, 1], 0).into());
    let relay = Relay::start(Config { admin, ..Config::local("one") }).await.unwrap();
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/regions.json", 200), ("/metrics", 200), ("/v1/call", 404)]
    {
        let mut stream = TcpStream::connect(relay.admin_address().unwrap()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: relay\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_to_end(stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
    }
}
