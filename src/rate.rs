//! How much may be on its way. Pure: fed with acknowledgements and losses, answers with a window.

pub mod window;

pub use window::Window;
