//! What the program is made of, and under which licences: fonts and libraries.
//!
//! The libraries are listed in `assets/licences.txt`, a line each; a test compares it with `Cargo.lock`, and another,
//! ignored one writes it anew.

/// A font: its name, its version, its licence, and its files in `assets/fonts`; none for those that egui brings along.
type Font = ([&'static str; 3], &'static [&'static str]);

/// Every font in the window.
pub const FONTS: &[Font] = &[
    (
        ["Inter", "4.0 beta 7", "SIL Open Font License 1.1"],
        &["Inter.ttf", "Inter-Figures.ttf", "Inter-Figures-Strong.ttf"],
    ),
    (["Noto Emoji", "3.006", "SIL Open Font License 1.1"], &["Emoji.ttf"]),
    (["Phosphor Icons", "2.1", "MIT"], &["Icons.ttf"]),
    (["Ubuntu Light", "0.83", "Ubuntu Font Licence 1.0"], &[]),
    (["Hack", "3.003", "MIT and Bitstream Vera License"], &[]),
    (["egui icons", "0.37", "MIT OR Apache-2.0"], &[]),
];

const LIBRARIES: &str = include_str!("../../../assets/licences.txt");
const OFL: &str = include_str!("../../../assets/fonts/OFL.txt");
const PHOSPHOR: &str = include_str!("../../../assets/fonts/Phosphor-LICENSE.txt");

/// The fonts: name, version, licence.
pub fn fonts() -> impl Iterator<Item = [&'static str; 3]> {
    FONTS.iter().map(|(font, _)| *font)
}

/// The libraries: name, version, licence. Those of every system; no build has all of them.
pub fn crates() -> impl Iterator<Item = [&'static str; 3]> {
    LIBRARIES.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ' ');
        Some([parts.next()?, parts.next()?, parts.next()?])
    })
}

/// All of it as text, with the licences of the fonts.
pub fn text() -> String {
    let line = |[name, version, licence]: [&str; 3]| format!("{name} {version}: {licence}\n");
    let fonts: String = fonts().map(line).collect();
    let crates: String = crates().map(line).collect();
    format!("Fonts\n\n{fonts}\nLibraries\n\n{crates}\nInter, Noto Emoji\n\n{OFL}\nPhosphor Icons\n\n{PHOSPHOR}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// Name and version of every library of the lock file.
    fn locked() -> BTreeSet<(String, String)> {
        let text = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let lock: toml::Table = text.parse().unwrap();
        let packages = lock["package"].as_array().unwrap().iter();
        let from_elsewhere = packages.filter(|package| package.get("source").is_some());
        let of = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
        from_elsewhere.map(|package| (of(package, "name"), of(package, "version"))).collect()
    }

    #[test]
    fn the_list_of_libraries_is_that_of_the_lock_file() {
        let listed: BTreeSet<(String, String)> =
            crates().map(|[name, version, _]| (name.to_owned(), version.to_owned())).collect();
        let locked = locked();
        let missing: Vec<_> = locked.difference(&listed).collect();
        let gone: Vec<_> = listed.difference(&locked).collect();
        let how = "write it anew: cargo test --lib writes_the_list -- --ignored";
        assert!(missing.is_empty() && gone.is_empty(), "missing {missing:?}, gone {gone:?}; {how}");
        assert!(crates().all(|[.., licence]| !licence.trim().is_empty()));
    }

    #[test]
    #[ignore = "it writes assets/licences.txt: for who changed a dependency"]
    fn writes_the_list() {
        let cargo = Command::new(env!("CARGO"))
            .args(["metadata", "--locked", "--all-features", "--format-version", "1"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
        let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout).unwrap();
        let packages = metadata["packages"].as_array().unwrap().iter();
        let line = |package: &serde_json::Value| {
            let of = |key: &str| package[key].as_str().map(str::to_owned);
            let licence = of("license").or_else(|| of("license_file").map(|_| "a licence of its own".to_owned()));
            let licence = licence.unwrap_or_else(|| panic!("{} has no licence", package["name"]));
            format!("{} {} {licence}\n", of("name").unwrap(), of("version").unwrap())
        };
        let lines: BTreeSet<String> = packages.filter(|package| !package["source"].is_null()).map(line).collect();
        std::fs::write(root().join("assets/licences.txt"), lines.into_iter().collect::<String>()).unwrap();
    }

    #[test]
    fn every_font_that_is_shipped_is_listed() {
        let folder = std::fs::read_dir(root().join("assets/fonts")).unwrap();
        let files = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let shipped: BTreeSet<String> = files.filter(|name| name.ends_with(".ttf")).collect();
        let listed: BTreeSet<String> =
            FONTS.iter().flat_map(|(_, files)| files.iter().map(|&f| f.to_owned())).collect();
        assert_eq!(shipped, listed);
    }

    #[test]
    fn the_text_holds_all_of_it() {
        let text = text();
        for part in ["Inter 4.0 beta 7: SIL", "eframe 0.37", "SIL OPEN FONT LICENSE", "Phosphor"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
