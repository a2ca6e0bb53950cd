//! call: to be written.
