//! How much may be on its way: the congestion window, pure.
pub mod window;
