//! Cameras, pictures and their codecs.
