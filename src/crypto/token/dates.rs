//! NumericDate (RFC 7519 section 2): seconds since 1970, which may have a fraction.

use serde::{Deserialize, Deserializer, de::Error};

/// When something begins, whole seconds: never before it does.
pub(super) fn begins<'de, D: Deserializer<'de>>(date: D) -> Result<u64, D::Error> {
    read(date, f64::ceil)
}

/// When something ends, whole seconds: never after it does.
pub(super) fn ends<'de, D: Deserializer<'de>>(date: D) -> Result<u64, D::Error> {
    read(date, f64::floor)
}

fn read<'de, D: Deserializer<'de>>(date: D, round: fn(f64) -> f64) -> Result<u64, D::Error> {
    let date = serde_json::Number::deserialize(date)?;
    let seconds = date.as_u64().or_else(|| date.as_f64().filter(|it| *it >= 0.0).map(|it| round(it) as u64));
    seconds.ok_or_else(|| D::Error::custom("a time is no number of seconds since 1970"))
}
