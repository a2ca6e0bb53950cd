//! The commented example that is handed out, read by the code that it is for.

use std::path::Path;

use super::{Settings, file, limits};

/// The example with every setting set.
fn uncommented(text: &str) -> String {
    let set = |line: &str| {
        let name = line.strip_prefix('#').and_then(|line| line.split_once(" = ")).map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
    };
    text.lines()
        .map(|line| if set(line) { &line[1..] } else { line })
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn the_example_has_every_setting_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/relay/relay.toml");
    let text = uncommented(&std::fs::read_to_string(path).unwrap());
    let example = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(example.path(), &text).unwrap();
    let errors = file::take(example.path(), Settings::KEYS, &mut Settings::default());
    assert!(errors.is_empty(), "{errors:?}");
    let table: toml::Table = text.parse().unwrap();
    for key in Settings::KEYS {
        assert!(table.contains_key(key.name), "relay.toml does not show `{}`", key.name);
    }
    for key in limits::KEYS {
        assert!(table["limits"].get(key.name).is_some(), "relay.toml does not show `{}` of [limits]", key.name);
    }
}
