//! How much may be on its way, and how often something may happen. Pure: a window is fed with acknowledgements and losses, a
//! bucket with moments.

pub mod bucket;
pub mod window;

pub use bucket::Bucket;
pub use window::Window;
