//! What a setting's value may look like in a file: one [`Value`] for each type that settings have. Used by `file`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use toml::de::DeValue;

use super::file::nearest;
use crate::relay::fronts::{Network, NetworkError};

/// A type that a setting can have.
pub trait Value: Sized {
    /// What is expected, for a person, with an example.
    const EXPECTED: &'static str;

    /// Reads a value of the file.
    ///
    /// # Errors
    /// Another type; `None`: [`Value::EXPECTED`] says it all.
    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>>;
}

impl Value for String {
    const EXPECTED: &'static str = "text in quotes, such as \"oslo\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().map(str::to_owned).ok_or(None)
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path in quotes, such as \"/etc/nearcall/relay.pem\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().filter(|path| !path.is_empty()).map(PathBuf::from).ok_or(None)
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address and a port in quotes, such as \"0.0.0.0:4433\" or \"[::]:4433\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().and_then(|text| text.parse().ok()).ok_or(None)
    }
}

impl Value for Network {
    const EXPECTED: &'static str = "a network in quotes, such as \"10.0.0.0/8\" or \"::1\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        let text = value.as_str().ok_or(None)?;
        text.parse().map_err(|error: NetworkError| Some(error.to_string()))
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a duration in quotes, such as \"30s\" or \"2m\"";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_str().and_then(|text| humantime::parse_duration(text).ok()).ok_or(None)
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false, without quotes";

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        value.as_bool().ok_or(None)
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => { $(
        impl Value for $number {
            const EXPECTED: &'static str = "a whole number without quotes, such as 8";

            fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
                let number = value.as_integer().ok_or(None)?;
                Self::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| Some(format!("must be from 0 to {}", Self::MAX)))
            }
        }
    )* };
}

whole_numbers!(u8, u16, u32, u64, usize);

/// One, or a list.
impl<T: Value> Value for Vec<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn read(value: &DeValue<'_>) -> Result<Self, Option<String>> {
        match value.as_array() {
            Some(list) => list.iter().map(|item| T::read(item.get_ref())).collect(),
            None => T::read(value).map(|one| vec![one]),
        }
    }
}

/// A word out of a few.
///
/// # Errors
/// None of them, in words.
pub(super) fn word<T: clap::ValueEnum>(value: &DeValue<'_>) -> Result<T, String> {
    let words: Vec<_> = T::value_variants().iter().filter_map(T::to_possible_value).collect();
    let words: Vec<_> = words.iter().map(PossibleValue::get_name).collect();
    let all = words.join(", ");
    let text = value.as_str().ok_or_else(|| format!("must be in quotes one of {all}"))?;
    T::from_str(text, false).map_err(|_| match nearest(text, &words) {
        Some(nearest) => format!("cannot be {text:?}: did you mean {nearest:?}? It is one of {all}"),
        None => format!("cannot be {text:?}: it is one of {all}"),
    })
}
