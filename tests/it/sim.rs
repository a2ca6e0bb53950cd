//! Nights of weather in virtual time.

mod basics;
