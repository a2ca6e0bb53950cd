//! The same over D-Bus: the screen saver's service or the desktop portal for the screen, logind for the system.

use std::collections::HashMap;
use std::time::Duration;

use zbus::blocking::{Connection, connection};
use zbus::zvariant::{OwnedFd, OwnedObjectPath, Value};

/// A service that does not answer for so long does not.
const PATIENCE: Duration = Duration::from_secs(2);
const NAME: &str = "Nearcall";
const REASON: &str = "A call";

const SAVER: &str = "org.freedesktop.ScreenSaver";
const SAVER_PATH: &str = "/org/freedesktop/ScreenSaver";
const PORTAL: &str = "org.freedesktop.portal.Desktop";
const PORTAL_PATH: &str = "/org/freedesktop/portal/desktop";
const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_PATH: &str = "/org/freedesktop/login1";
/// What the portal is asked to hold back: suspending, and the session's being idle.
const SUSPEND_AND_IDLE: u32 = 4 | 8;

/// Where the buses are; as the environment says where nothing else is said.
#[derive(Debug, Clone, Default)]
pub struct Buses {
    pub session: Option<String>,
    pub system: Option<String>,
}

/// What is held.
pub struct Hold {
    screen: Option<(Connection, Screen)>,
    /// Open as long as the system is to stay awake, with the connection that it came by.
    _system: Option<(Connection, OwnedFd)>,
}

/// How the screen is kept on.
enum Screen {
    /// The number to give back.
    Saver(u32),
    /// The request to close.
    Portal(OwnedObjectPath),
}

impl Hold {
    /// Asks whoever can be asked.
    pub fn take(buses: &Buses) -> Self {
        let screen = screen(buses).inspect_err(|error| tracing::info!(%error, "the screen may go dark")).ok();
        let system = system(buses).inspect_err(|error| tracing::debug!(%error, "the system may sleep")).ok();
        Self { screen, _system: system }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some((bus, screen)) = self.screen.take() else { return };
        let released = match screen {
            Screen::Saver(cookie) => bus.call_method(Some(SAVER), SAVER_PATH, Some(SAVER), "UnInhibit", &cookie),
            Screen::Portal(request) => {
                bus.call_method(Some(PORTAL), request.as_ref(), Some("org.freedesktop.portal.Request"), "Close", &())
            }
        };
        if let Err(error) = released {
            // Whoever leaves the bus holds nothing.
            tracing::debug!(%error, "the screen was not given back");
        }
    }
}

fn screen(buses: &Buses) -> zbus::Result<(Connection, Screen)> {
    let builder = match &buses.session {
        Some(address) => connection::Builder::address(address.as_str())?,
        None => connection::Builder::session()?,
    };
    let bus = builder.method_timeout(PATIENCE).build()?;
    let held = saver(&bus).or_else(|_| portal(&bus))?;
    Ok((bus, held))
}

fn saver(bus: &Connection) -> zbus::Result<Screen> {
    let reply = bus.call_method(Some(SAVER), SAVER_PATH, Some(SAVER), "Inhibit", &(NAME, REASON))?;
    Ok(Screen::Saver(reply.body().deserialize()?))
}

/// Inside of a sandbox nobody else is there.
fn portal(bus: &Connection) -> zbus::Result<Screen> {
    let options = HashMap::from([("reason", Value::from(REASON))]);
    let wish = ("", SUSPEND_AND_IDLE, options);
    let interface = Some("org.freedesktop.portal.Inhibit");
    let reply = bus.call_method(Some(PORTAL), PORTAL_PATH, interface, "Inhibit", &wish)?;
    Ok(Screen::Portal(reply.body().deserialize()?))
}

fn system(buses: &Buses) -> zbus::Result<(Connection, OwnedFd)> {
    let builder = match &buses.system {
        Some(address) => connection::Builder::address(address.as_str())?,
        None => connection::Builder::system()?,
    };
    let bus = builder.method_timeout(PATIENCE).build()?;
    let wish = ("idle", NAME, REASON, "block");
    let reply = bus.call_method(Some(LOGIN), LOGIN_PATH, Some("org.freedesktop.login1.Manager"), "Inhibit", &wish)?;
    let held = reply.body().deserialize()?;
    Ok((bus, held))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use tempfile::TempDir;
    use zbus::zvariant::OwnedValue;

    use super::*;
    use crate::ui::awake::Awake;

    /// A bus of our own.
    struct Bus {
        address: String,
        daemon: Child,
        _folder: TempDir,
    }

    impl Bus {
        fn start() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let config = folder.path().join("bus.conf");
            let listen = folder.path().join("bus");
            let text = format!(
                "<busconfig><type>session</type><listen>unix:path={}</listen><policy context=\"default\">\
                 <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
                listen.display()
            );
            std::fs::write(&config, text).unwrap();
            let mut daemon = Command::new("dbus-daemon")
                .arg(format!("--config-file={}", config.display()))
                .args(["--nofork", "--print-address"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("dbus-daemon is missing: on Debian and Ubuntu, install dbus-daemon");
            let mut address = String::new();
            // It says where it is when it can be called.
            BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
            Self { address: address.trim().to_owned(), daemon, _folder: folder }
        }

        fn buses(&self) -> Buses {
            Buses { session: Some(self.address.clone()), system: Some(self.address.clone()) }
        }
    }

    impl Drop for Bus {
        fn drop(&mut self) {
            let _ = self.daemon.kill();
            let _ = self.daemon.wait();
        }
    }

    /// What a service was asked.
    #[derive(Debug, PartialEq)]
    enum Asked {
        Inhibit(String, String),
        UnInhibit(u32),
        Portal(u32),
        Close,
    }

    struct Saver(Sender<Asked>);

    #[zbus::interface(name = "org.freedesktop.ScreenSaver")]
    impl Saver {
        fn inhibit(&self, application: String, reason: String) -> u32 {
            self.0.send(Asked::Inhibit(application, reason)).unwrap();
            7
        }

        fn un_inhibit(&self, cookie: u32) {
            self.0.send(Asked::UnInhibit(cookie)).unwrap();
        }
    }

    struct Portal(Sender<Asked>);

    #[zbus::interface(name = "org.freedesktop.portal.Inhibit")]
    impl Portal {
        fn inhibit(&self, _window: String, flags: u32, _options: HashMap<String, OwnedValue>) -> OwnedObjectPath {
            self.0.send(Asked::Portal(flags)).unwrap();
            OwnedObjectPath::try_from("/request/1").unwrap()
        }
    }

    struct Request(Sender<Asked>);

    #[zbus::interface(name = "org.freedesktop.portal.Request")]
    impl Request {
        fn close(&self) {
            self.0.send(Asked::Close).unwrap();
        }
    }

    fn awake_at(place: Buses) -> Awake {
        let mut awake = Awake::default();
        awake.place = place;
        awake
    }

    fn next(asked: &Receiver<Asked>) -> Asked {
        asked.recv_timeout(Duration::from_secs(10)).expect("it is asked")
    }

    #[test]
    fn the_screen_is_held_for_as_long_as_a_call_and_given_back_with_it() {
        let bus = Bus::start();
        let (told, asked) = channel();
        let _service = connection::Builder::address(bus.address.as_str())
            .and_then(|builder| builder.name(SAVER)?.serve_at(SAVER_PATH, Saver(told))?.build())
            .unwrap();
        let mut awake = awake_at(bus.buses());
        awake.keep(true);
        let inhibit = || Asked::Inhibit(NAME.into(), REASON.into());
        assert_eq!(next(&asked), inhibit());
        awake.keep(true);
        awake.keep(false);
        assert_eq!(next(&asked), Asked::UnInhibit(7), "asked once, given back once");
        awake.keep(true);
        assert_eq!(next(&asked), inhibit());
        drop(awake);
        assert_eq!(next(&asked), Asked::UnInhibit(7), "also where the window goes");
    }

    #[test]
    fn where_there_is_no_screen_saver_the_portal_is_asked() {
        let bus = Bus::start();
        let (told, asked) = channel();
        let (request, portal) = (Request(told.clone()), Portal(told));
        let _service = connection::Builder::address(bus.address.as_str())
            .and_then(|builder| {
                builder.name(PORTAL)?.serve_at(PORTAL_PATH, portal)?.serve_at("/request/1", request)?.build()
            })
            .unwrap();
        let mut awake = awake_at(bus.buses());
        awake.keep(true);
        assert_eq!(next(&asked), Asked::Portal(12));
        awake.keep(false);
        assert_eq!(next(&asked), Asked::Close);
    }

    #[test]
    fn without_a_bus_or_a_service_nothing_happens_and_nothing_breaks() {
        let nowhere = || Some("unix:path=/nonexistent/bus".to_owned());
        let bus = Bus::start();
        for place in [Buses { session: nowhere(), system: nowhere() }, bus.buses()] {
            let mut awake = awake_at(place);
            awake.keep(true);
            awake.keep(false);
            drop(awake);
        }
    }
}
