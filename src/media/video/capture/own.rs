//! Where our own pictures are shown, by one capture at a time.
//!
//! When one capture takes over from another, the old one may still be ending while the new one already shows
//! pictures: an end takes away what it showed itself and nothing else, and nothing is shown after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock;
use crate::media::video::picture::I420;
use crate::media::video::pictures::{Of, Pictures};

/// The place of our own picture, as one capture has it.
#[derive(Debug)]
pub struct Own {
    pictures: Pictures,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ended: bool,
    /// The number of the picture that was shown last.
    shown: Option<u64>,
}

impl Own {
    pub fn new(pictures: Pictures) -> Self {
        Self { pictures, state: Mutex::default() }
    }

    /// Shows a picture.
    pub fn show(&self, picture: Arc<I420>) {
        let mut state = self.lock();
        if !state.ended {
            state.shown = Some(self.pictures.put(Of::Own, picture, clock::now()));
        }
    }

    /// Shows nothing any more.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Some(number) = state.shown.take() {
            self.pictures.remove_number(Of::Own, number);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Pictures to draw into: one that nobody looks at any more is drawn over, so that a source that draws its own needs two of
/// them and no copy.
#[derive(Debug)]
pub struct Canvases {
    all: [Arc<I420>; 2],
    last: usize,
}

impl Canvases {
    pub fn new(width: u32, height: u32) -> Self {
        Self { all: [Arc::new(I420::black(width, height)), Arc::new(I420::black(width, height))], last: 0 }
    }

    /// Draws a picture and returns it.
    ///
    /// # Errors
    /// What `draw` says.
    pub fn draw<E>(&mut self, draw: impl FnOnce(&mut I420) -> Result<(), E>) -> Result<Arc<I420>, E> {
        self.last = 1 - self.last;
        let canvas = &mut self.all[self.last];
        if Arc::get_mut(canvas).is_none() {
            *canvas = Arc::new(I420::black(canvas.width(), canvas.height()));
        }
        if let Some(picture) = Arc::get_mut(canvas) {
            draw(picture)?;
        }
        Ok(Arc::clone(canvas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_that_ends_late_leaves_the_picture_of_the_one_after_it() {
        let pictures = Pictures::default();
        let (old, new) = (Own::new(pictures.clone()), Own::new(pictures.clone()));
        old.show(Arc::new(I420::black(16, 16)));
        new.show(Arc::new(I420::black(32, 16)));
        old.end();
        old.show(Arc::new(I420::black(16, 16)));
        assert_eq!(pictures.get(Of::Own).unwrap().picture.width(), 32);
        new.end();
        assert!(pictures.get(Of::Own).is_none());
    }

    #[test]
    fn a_picture_that_is_looked_at_is_not_drawn_over_and_the_others_are() {
        let mut canvases = Canvases::new(16, 16);
        let mut draw = |level| {
            let drawn = canvases.draw(|picture| {
                picture.planes_mut()[0].fill(level);
                Ok::<_, ()>(())
            });
            drawn.unwrap()
        };
        let kept = draw(1);
        let places: Vec<_> = (2..9).map(|level| Arc::as_ptr(&draw(level))).collect();
        assert_eq!(kept.y()[0], 1);
        assert!(places.iter().all(|place| *place != Arc::as_ptr(&kept)));
        let mut different = places.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), 2, "two are enough");
    }
}
