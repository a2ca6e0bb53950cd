//! The portal's words, and a portal of our own on a bus of our own.

use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use zbus::zvariant::Value;

use super::portal::{follow_on, note};
use super::*;

#[test]
fn what_the_portal_says_is_understood_and_what_is_strange_changes_nothing() {
    let space = "org.freedesktop.appearance";
    let mut desktop = Desktop::default();
    note(&mut desktop, space, "color-scheme", &Value::U32(1));
    assert_eq!(desktop.dark, Some(true));
    note(&mut desktop, space, "color-scheme", &Value::Value(Box::new(Value::U32(2))));
    assert_eq!(desktop.dark, Some(false));
    note(&mut desktop, space, "color-scheme", &Value::U32(0));
    note(&mut desktop, space, "contrast", &Value::U32(1));
    note(&mut desktop, "org.gnome.desktop.interface", "enable-animations", &Value::Bool(false));
    let expected = Desktop { dark: None, contrast: true, still: true };
    assert_eq!(desktop, expected);
    note(&mut desktop, space, "contrast", &Value::from("very much"));
    note(&mut desktop, "org.example", "reduced-motion", &Value::U32(0));
    assert_eq!(desktop, expected);
}

/// A bus of this test's own.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let started = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .spawn();
        let mut daemon = started.expect("dbus-daemon runs: install dbus, or run packaging's set-up");
        let mut address = String::new();
        let out = daemon.stdout.take().expect("it is piped");
        std::io::BufReader::new(out).read_line(&mut address).expect("it says its address");
        Self { daemon, address: address.trim().to_owned() }
    }

    async fn connect(&self) -> zbus::Connection {
        let builder = zbus::connection::Builder::address(self.address.as_str());
        builder.expect("it is an address").build().await.expect("the bus answers")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A desktop that prefers dark, and knows nothing else.
struct Portal;

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Portal {
    fn read(&self, namespace: &str, key: &str) -> zbus::fdo::Result<Value<'static>> {
        match (namespace, key) {
            ("org.freedesktop.appearance", "color-scheme") => Ok(Value::Value(Box::new(Value::U32(1)))),
            _ => Err(zbus::fdo::Error::Failed("no such setting".into())),
        }
    }
}

#[tokio::test]
async fn a_desktop_is_followed_from_dark_to_light() {
    let bus = Bus::start();
    let desktop = bus.connect().await;
    desktop.object_server().at("/org/freedesktop/portal/desktop", Portal).await.unwrap();
    desktop.request_name("org.freedesktop.portal.Desktop").await.unwrap();
    let (tell, mut now) = watch::channel(Desktop::default());
    let window = bus.connect().await;
    let follows = tokio::spawn(async move { follow_on(&window, &tell, &Context::default()).await });
    let changed = tokio::time::timeout(Duration::from_secs(20), now.changed());
    changed.await.expect("it answers").unwrap();
    assert_eq!(now.borrow_and_update().dark, Some(true));
    let change = ("org.freedesktop.appearance", "color-scheme", Value::U32(2));
    let path = "/org/freedesktop/portal/desktop";
    let face = "org.freedesktop.portal.Settings";
    desktop.emit_signal(None::<&str>, path, face, "SettingChanged", &change).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), now.changed()).await.expect("it tells").unwrap();
    assert_eq!(now.borrow().dark, Some(false));
    follows.abort();
}
