//! media: to be written.
