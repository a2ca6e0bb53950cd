//! A host over real sockets, and the words of its invite.

use std::time::Duration;

use super::*;
use crate::net::http;
use crate::proto::limits;

const PATIENCE: Duration = Duration::from_secs(10);

/// The list of relays at `HOST:PORT`, over a certificate with one of these pins.
async fn regions(at: &str, pins: &[String]) -> Manifest {
    let url = format!("https://{at}/regions.json");
    let body = http::get(&url, pins, limits::MANIFEST_BYTES, PATIENCE).await.unwrap();
    Manifest::from_json(&String::from_utf8(body).unwrap()).unwrap()
}

fn own_address(hosting: &Hosting) -> String {
    let url = hosting.manifest.relays[0].websocket.clone().unwrap();
    url.strip_prefix("wss://").unwrap().strip_suffix(CALL_PATH).unwrap().to_owned()
}

#[tokio::test]
async fn the_invite_of_a_hosted_call_leads_to_its_relay() {
    let hosting = Hosting::start().await.unwrap();
    let invite = Invite::parse(&hosting.invite).unwrap();
    assert_eq!(invite.room, hosting.room);
    let listed = regions(&invite.at[0], &invite.pins).await;
    let own = regions(&own_address(&hosting), &hosting.manifest.relays[0].pins).await;
    assert_eq!(listed, own);
    let (listed, own) = (&listed.relays[0], &hosting.manifest.relays[0]);
    assert_eq!((&listed.id, listed.region.as_str(), &listed.pins), (&own.id, REGION, &invite.pins));
    assert!(listed.websocket.as_ref().unwrap().contains(&invite.at[0]), "{listed:?}");
    assert!(own_address(&hosting).starts_with("127.0.0.1:") || own_address(&hosting).starts_with("[::1]:"));
    hosting.stop().await;
}

#[tokio::test]
async fn who_hosts_is_host_and_the_invite_makes_nobody_else_so() {
    let hosting = Hosting::start_at(Reach::ThisMachine, &[0]).await.unwrap();
    let invite = Invite::parse(&hosting.invite).unwrap();
    assert_eq!(invite.grant, None);
    let (_, claims) = crypto::token::read_unchecked(&hosting.token).unwrap();
    assert_eq!((claims["host"].as_bool(), claims["room"].as_str()), (Some(true), Some(hosting.room.as_str())));
}

#[tokio::test]
async fn without_a_network_this_machine_alone_is_named() {
    let hosting = Hosting::start_at(Reach::ThisMachine, &[0]).await.unwrap();
    let invite = Invite::parse(&hosting.invite).unwrap();
    assert!(invite.at[0].starts_with("127.0.0.1:"), "{:?}", invite.at);
    assert_eq!(regions(&invite.at[0], &invite.pins).await.relays[0].region, REGION);
    assert!(hosting.relay.address().ip().is_loopback());
}

#[tokio::test]
async fn a_port_that_is_taken_is_passed_over_and_none_left_is_said() {
    let first = Hosting::start_at(Reach::ThisMachine, &[0]).await.unwrap();
    let taken = first.relay.address().port();
    let second = Hosting::start_at(Reach::ThisMachine, &[taken, 0]).await.unwrap();
    assert_ne!(second.relay.address().port(), taken);
    let error = Hosting::start_at(Reach::ThisMachine, &[taken]).await.unwrap_err();
    assert!(matches!(error, HostError::Port(_)), "{error}");
    assert!(error.to_string().starts_with("No port is free"), "{error}");
}

#[tokio::test]
async fn after_the_end_nobody_answers() {
    let hosting = Hosting::start_at(Reach::ThisMachine, &[0]).await.unwrap();
    let address = hosting.relay.address();
    hosting.stop().await;
    let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_debug_line_does_not_show_the_secret() {
    let hosting = Hosting::start_at(Reach::ThisMachine, &[0]).await.unwrap();
    let shown = format!("{hosting:?}");
    assert!(shown.contains(&hosting.room) && !shown.contains("#k=") && !shown.contains(&hosting.token), "{shown}");
}

#[test]
fn a_code_can_be_read_out_and_is_another_each_time() {
    let random = SystemRandom::new();
    let codes: std::collections::BTreeSet<_> = (0..100).map(|_| room_code(&random).unwrap()).collect();
    assert_eq!(codes.len(), 100);
    for code in codes {
        assert_eq!(code.len(), 14, "{code}");
        for group in code.split('-') {
            for pair in group.as_bytes().chunks(2) {
                assert!(CONSONANTS.contains(&pair[0]) && VOWELS.contains(&pair[1]), "{code}");
            }
        }
    }
}

#[test]
fn an_address_that_means_nothing_to_others_is_not_told_them() {
    for (address, told) in [
        ("192.168.1.7", true),
        ("2001:db8::7", true),
        ("127.0.0.1", false),
        ("0.0.0.0", false),
        ("fe80::1", false),
        ("::1", false),
    ] {
        assert_eq!(is_of_a_network(&address.parse().unwrap()), told, "{address}");
    }
}
