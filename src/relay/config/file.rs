//! The file of settings: TOML in which every name has a meaning. All that is wrong with it is said at once, with lines and the
//! nearest name that exists. Used by `args`. Never: what a setting is good for.

use std::fmt::Display;
use std::ops::RangeBounds;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::value::{Value, word};
use super::{ConfigError, read};

/// How alike two names must be for one to be taken for a slip of the other (Jaro, 0 to 1).
const ALIKE: f64 = 0.7;

/// A name that may stand in a table of the file.
pub struct Key<T> {
    pub name: &'static str,
    /// Puts the value into place.
    pub take: fn(&mut T, &mut Found<'_, '_>),
}

/// A value in the file.
pub struct Found<'a, 'p> {
    name: &'a str,
    value: &'a DeValue<'a>,
    line: usize,
    text: &'a str,
    problems: &'p mut Vec<(usize, String)>,
}

impl Found<'_, '_> {
    /// The value, if it is one; a problem, if not.
    pub fn value<T: Value>(&mut self) -> Option<T> {
        let value = T::read(self.value);
        value.map_err(|says| self.wrong(says.unwrap_or_else(|| self.expected(T::EXPECTED)))).ok()
    }

    /// The value, if it is one within the range, which `says` puts into words.
    pub fn within<T: Value + PartialOrd>(&mut self, range: &impl RangeBounds<T>, says: &str) -> Option<T> {
        let value = self.value::<T>()?;
        let fits = range.contains(&value);
        if !fits {
            self.wrong(self.expected(says));
        }
        fits.then_some(value)
    }

    /// One of a few words.
    pub fn word<T: clap::ValueEnum>(&mut self) -> Option<T> {
        word(self.value).map_err(|says| self.wrong(says)).ok()
    }

    /// Reads a table with names of its own.
    pub fn table<T>(&mut self, keys: &[Key<T>], into: &mut T) {
        match self.value.as_table() {
            Some(table) => walk(table, keys, into, self.text, self.problems),
            None => self.wrong(format!("must be a table: write [{}] above its names", self.name)),
        }
    }

    fn expected(&self, expected: &str) -> String {
        format!("must be {expected}; here it is {}", what(self.value))
    }

    fn wrong(&mut self, says: String) {
        self.problems.push((self.line, format!("`{}` {says}", self.name)));
    }
}

/// A value as a person would call it.
fn what(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// Reads a file into `into`; all that is wrong with it, by line.
pub(super) fn take<T>(path: &Path, keys: &[Key<T>], into: &mut T) -> Vec<ConfigError> {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) => return vec![error],
    };
    let (table, errors) = DeTable::parse_recoverable(&text);
    let syntax =
        |error: &toml::de::Error| (line(&text, error.span().map_or(0, |span| span.start)), error.message().to_owned());
    let mut problems: Vec<_> = errors.iter().map(syntax).collect();
    // What was read beside broken lines may be half a value.
    if problems.is_empty() {
        walk(table.get_ref(), keys, into, &text, &mut problems);
    }
    problems.sort();
    let path = path.display().to_string();
    problems.into_iter().map(|(line, error)| ConfigError::File { path: path.clone(), line, error }).collect()
}

fn walk<T>(table: &DeTable<'_>, keys: &[Key<T>], into: &mut T, text: &str, problems: &mut Vec<(usize, String)>) {
    for (name, value) in table {
        let line = line(text, name.span().start);
        let name: &str = name.get_ref();
        match keys.iter().find(|key| key.name == name) {
            Some(key) => (key.take)(into, &mut Found { name, value: value.get_ref(), line, text, problems }),
            None => problems.push((line, unknown("key", name, keys.iter().map(|key| key.name)))),
        }
    }
}

/// Lines count from 1.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// What is said of a name that has no meaning.
pub(super) fn unknown<S: AsRef<str> + Display>(what: &str, name: &str, known: impl IntoIterator<Item = S>) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`: did you mean `{nearest}`?"),
        None => format!("unknown {what} `{name}`"),
    }
}

/// The known name that is most like this one, if any is.
pub(super) fn nearest<S: AsRef<str>>(name: &str, known: impl IntoIterator<Item = S>) -> Option<S> {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    let scored = known.into_iter().map(|known| (strsim::jaro(&plain(name), &plain(known.as_ref())), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(alike, _)| *alike > ALIKE).map(|(_, known)| known)
}
