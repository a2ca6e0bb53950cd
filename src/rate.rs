//! How much may be on its way, and how often something may happen. Pure: a window is fed with acknowledgements and losses, an
//! estimator with those and with probes, a bucket with moments.

pub mod bucket;
mod delay;
pub mod estimator;
mod meter;
pub mod window;

pub use bucket::Bucket;
pub use estimator::{Estimator, Figures, Limits, Mode};
pub use window::Window;
