//! What the desktop prefers: dark or light, more contrast, nothing that moves. Followed live where the system tells it.
//!
//! On Linux it is the settings' portal of the desktop (org.freedesktop.portal.Settings, `org.freedesktop.appearance`:
//! `color-scheme`, `contrast`, `reduced-motion`; GNOME says the last as `enable-animations` too). Elsewhere the window's
//! system tells dark and light by itself, and nothing is known of the rest. [`super::app`] asks for it once a frame.
//! Must never: hold up the first frame, or fail where no desktop answers.

use eframe::egui::Context;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use super::theme::Desktop;

/// Follows the desktop until it is dropped.
#[derive(Debug)]
pub struct Watch {
    now: watch::Receiver<Desktop>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins to follow; `ctx` is drawn anew when something changed.
    pub fn start(runtime: &Handle, ctx: Context) -> Self {
        let (tell, now) = watch::channel(Desktop::default());
        #[cfg(target_os = "linux")]
        let follow = portal::follow(tell, ctx);
        #[cfg(not(target_os = "linux"))]
        let follow = async move { drop((tell, ctx)) };
        Self { now, task: runtime.spawn(follow) }
    }

    /// What it prefers, as far as it said so until now.
    pub fn now(&self) -> Desktop {
        *self.now.borrow()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(target_os = "linux")]
mod portal {
    use eframe::egui::Context;
    use futures_util::StreamExt as _;
    use tokio::sync::watch;
    use zbus::zvariant::{OwnedValue, Value};

    use super::Desktop;

    const APPEARANCE: &str = "org.freedesktop.appearance";
    const GNOME: &str = "org.gnome.desktop.interface";
    /// What is asked for at the start.
    const KEYS: [(&str, &str); 4] = [
        (APPEARANCE, "color-scheme"),
        (APPEARANCE, "contrast"),
        // Where both are said, the common one counts.
        (GNOME, "enable-animations"),
        (APPEARANCE, "reduced-motion"),
    ];

    /// Tells what the desktop says, until nobody listens or the bus is gone.
    pub(super) async fn follow(tell: watch::Sender<Desktop>, ctx: Context) {
        let connection = match zbus::Connection::session().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::debug!(%error, "no session bus: the desktop's preferences are not known");
                return;
            }
        };
        if let Err(error) = follow_on(&connection, &tell, &ctx).await {
            tracing::debug!(%error, "the desktop does not tell its preferences");
        }
    }

    /// [`follow`] on this connection.
    ///
    /// # Errors
    /// No portal answers, or the bus is gone.
    pub(super) async fn follow_on(
        connection: &zbus::Connection,
        tell: &watch::Sender<Desktop>,
        ctx: &Context,
    ) -> zbus::Result<()> {
        let portal = zbus::Proxy::new(
            connection,
            "org.freedesktop.portal.Desktop",
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Settings",
        )
        .await?;
        // Listened for before it is asked, so that no change falls between.
        let mut changes = portal.receive_signal("SettingChanged").await?;
        let mut desktop = Desktop::default();
        for (space, key) in KEYS {
            // A key that this desktop does not have is no error.
            if let Ok(value) = portal.call::<_, _, OwnedValue>("Read", &(space, key)).await {
                note(&mut desktop, space, key, &value);
            }
        }
        publish(tell, ctx, desktop);
        while let Some(change) = changes.next().await {
            let body = change.body();
            if let Ok((space, key, value)) = body.deserialize::<(&str, &str, Value<'_>)>() {
                note(&mut desktop, space, key, &value);
                publish(tell, ctx, desktop);
            }
        }
        Ok(())
    }

    fn publish(tell: &watch::Sender<Desktop>, ctx: &Context, desktop: Desktop) {
        let news = tell.send_if_modified(|now| std::mem::replace(now, desktop) != desktop);
        if news {
            ctx.request_repaint();
        }
    }

    /// Takes in one setting; what is strange changes nothing.
    pub(super) fn note(desktop: &mut Desktop, space: &str, key: &str, value: &Value<'_>) {
        match (space, key, plain(value)) {
            (APPEARANCE, "color-scheme", Value::U32(scheme)) => {
                desktop.dark = match scheme {
                    1 => Some(true),
                    2 => Some(false),
                    _ => None,
                };
            }
            (APPEARANCE, "contrast", Value::U32(contrast)) => desktop.contrast = *contrast == 1,
            (APPEARANCE, "reduced-motion", Value::U32(reduced)) => desktop.still = *reduced == 1,
            (GNOME, "enable-animations", Value::Bool(animations)) => desktop.still = !animations,
            _ => {}
        }
    }

    /// The old call wraps a value twice.
    fn plain<'r, 'v>(value: &'r Value<'v>) -> &'r Value<'v> {
        match value {
            Value::Value(inner) => plain(inner),
            value => value,
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
