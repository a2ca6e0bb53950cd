//! What is kept of each picture on the graphics card: one set of planes for each [`Of`]. Knows no renderer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::KEPT;
use crate::media::video::{I420, Of, Shown};

/// Planes of a renderer, `T`, by whose picture they hold.
#[derive(Debug)]
pub struct Cache<T>(BTreeMap<Of, Kept<T>>);

#[derive(Debug)]
struct Kept<T> {
    planes: T,
    size: (u32, u32),
    uploaded: Option<Picture>,
    /// Seconds of the window's time.
    drawn: f64,
}

/// Numbers differ among the pictures of one call; the address tells those of two calls apart.
type Picture = (u64, usize);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Cache<T> {
    /// Notes that `of` is drawn in the pass at `now`.
    pub fn mark(&mut self, of: Of, now: f64) {
        if let Some(kept) = self.0.get_mut(&of) {
            kept.drawn = now;
        }
    }

    /// The planes of `of`, holding `shown`: made by `make` where there are none of that size, filled by `fill` where they
    /// hold another picture. Planes of another size are handed to `free`. `None` if `make` gives none.
    pub fn planes(
        &mut self,
        of: Of,
        shown: &Shown,
        now: f64,
        make: impl FnOnce(&I420) -> Option<T>,
        fill: impl FnOnce(&T, &I420),
        free: impl FnOnce(T),
    ) -> Option<&T> {
        let picture = &shown.picture;
        let size = (picture.width(), picture.height());
        if let Some(other) = self.0.get(&of).is_some_and(|kept| kept.size != size).then(|| self.0.remove(&of)).flatten()
        {
            free(other.planes);
        }
        let kept = match self.0.entry(of) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Kept { planes: make(picture)?, size, uploaded: None, drawn: now })
            }
        };
        let wanted = (shown.number, Arc::as_ptr(picture) as usize);
        if kept.uploaded != Some(wanted) {
            fill(&kept.planes, picture);
            kept.uploaded = Some(wanted);
        }
        kept.drawn = kept.drawn.max(now);
        Some(&kept.planes)
    }

    /// What is kept for `of`.
    pub fn get(&self, of: Of) -> Option<&T> {
        self.0.get(&of).map(|kept| &kept.planes)
    }

    /// Takes out what was not drawn for [`KEPT`].
    pub fn take_stale(&mut self, now: f64) -> Vec<T> {
        let stale: Vec<Of> =
            self.0.iter().filter(|(_, kept)| now - kept.drawn >= KEPT.as_secs_f64()).map(|(of, _)| *of).collect();
        stale.iter().filter_map(|of| self.0.remove(of)).map(|kept| kept.planes).collect()
    }

    /// How long until something that is not drawn in the pass at `now` goes stale.
    pub fn next_stale(&self, now: f64) -> Option<Duration> {
        let waits = self.0.values().filter(|kept| kept.drawn < now).map(|kept| kept.drawn + KEPT.as_secs_f64() - now);
        // A little later, so that it is stale by then however the time is rounded.
        waits.reduce(f64::min).map(|wait| Duration::from_secs_f64(wait.max(0.0) + 0.05))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn shown(number: u64, width: u32) -> Shown {
        Shown { picture: Arc::new(I420::black(width, 16)), number, at: crate::clock::now() }
    }

    /// Draws and tells what was done: `m`ade, `f`illed, freed (`x`).
    fn draw(cache: &mut Cache<u32>, shown: &Shown, now: f64) -> String {
        let done = RefCell::new(String::new());
        let push = |what| done.borrow_mut().push(what);
        let make = |picture: &I420| {
            push('m');
            Some(picture.width())
        };
        assert_eq!(
            cache.planes(Of::Own, shown, now, make, |_, _| push('f'), |_| push('x')),
            Some(&shown.picture.width())
        );
        done.into_inner()
    }

    #[test]
    fn a_picture_is_uploaded_once_and_planes_last_as_long_as_its_size() {
        let mut cache = Cache::default();
        let (first, second, wider) = (shown(1, 16), shown(2, 16), shown(3, 32));
        assert_eq!(draw(&mut cache, &first, 0.0), "mf");
        assert_eq!(draw(&mut cache, &first, 0.1), "");
        assert_eq!(draw(&mut cache, &second, 0.2), "f");
        assert_eq!(draw(&mut cache, &wider, 0.3), "xmf");
    }

    #[test]
    fn a_picture_of_another_call_with_the_same_number_is_uploaded() {
        let mut cache = Cache::default();
        let (one, other) = (shown(7, 16), shown(7, 16));
        draw(&mut cache, &one, 0.0);
        assert_eq!(draw(&mut cache, &other, 0.1), "f");
    }

    #[test]
    fn what_is_not_drawn_for_two_seconds_goes_and_what_is_drawn_stays() {
        let mut cache = Cache::default();
        let picture = shown(1, 16);
        draw(&mut cache, &picture, 10.0);
        assert_eq!(cache.next_stale(10.0), None, "it is drawn in this pass");
        assert!(cache.next_stale(11.0).is_some_and(|wait| wait > Duration::from_secs(1)));
        cache.mark(Of::Own, 12.5);
        assert!(cache.take_stale(12.5).is_empty());
        assert_eq!(cache.take_stale(14.5), [16]);
        assert_eq!(cache.next_stale(14.5), None);
    }
}
