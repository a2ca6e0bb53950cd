//! How much may be on its way, and how often something may happen. Pure: a window is fed with acknowledgements and losses, an
//! estimator with those and with probes, a budget divides what it finds, a bucket is fed with moments.

pub mod bucket;
pub mod budget;
mod coupling;
mod delay;
pub mod estimator;
pub mod feed;
mod meter;
mod unsteady;
pub mod window;

pub use bucket::Bucket;
pub use delay::Delay;
pub use estimator::{Estimator, Figures, Limits, Mode};
pub use feed::{Feed, Happened};
pub use window::{Standing, Window};
