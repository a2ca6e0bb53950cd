//! jitter: to be written.
