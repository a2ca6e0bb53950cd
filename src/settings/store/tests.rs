//! The file of settings: kept, mended, written back.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::settings::Look;

fn folder_with(text: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn named(name: &str) -> Settings {
    Settings { name: name.into(), ..Settings::default() }
}

#[test]
fn a_first_start_has_defaults_and_no_notice_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load_from(&folder.path().join("not/yet"));
    assert_eq!((loaded.settings, loaded.notice), (Settings::default(), None));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_saved_is_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("not/yet");
    let Loaded { mut store, .. } = load_from(&inner);
    assert!(store.save(&named("Ada")).unwrap());
    let next = load_from(&inner);
    assert_eq!((next.settings, next.notice), (named("Ada"), None));
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn saving_the_same_again_writes_nothing_and_leaves_a_file_that_a_person_wrote() {
    let (_folder, path) = folder_with("# mine\nname = 'Ada'\n");
    let Loaded { settings, mut store, .. } = load_from(path.parent().unwrap());
    assert!(!store.save(&settings).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\nname = 'Ada'\n");
    assert!(store.save(&named("Ben")).unwrap());
    fs::remove_file(&path).unwrap();
    assert!(!store.save(&named("Ben")).unwrap());
    assert!(!path.exists());
}

#[test]
fn unknown_keys_are_written_back() {
    let (_folder, path) = folder_with("version = 1\nname = \"Ada\"\nshiny = true\n[panel]\nwidth = 3\n");
    let Loaded { mut store, .. } = load_from(path.parent().unwrap());
    store.save(&named("Ben")).unwrap();
    let table: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    assert_eq!((table["shiny"].as_bool(), table["panel"]["width"].as_integer()), (Some(true), Some(3)));
    assert_eq!(table["name"].as_str(), Some("Ben"));
}

#[test]
fn a_file_that_cannot_be_read_is_kept_and_each_has_its_own_name() {
    let (folder, path) = folder_with("");
    for (n, bad) in [&b"name = "[..], b"\xFF\xFE\x00", b"name = 'a'\nname = 'b'\n"].into_iter().enumerate() {
        fs::write(&path, bad).unwrap();
        let Loaded { settings, mut store, notice } = load_from(folder.path());
        let kept = folder.path().join(format!("settings.toml.bad-{}", n + 1));
        assert_eq!(settings, Settings::default());
        assert_eq!(fs::read(&kept).unwrap(), bad);
        let notice = notice.unwrap();
        assert!(matches!(&notice, Notice::Kept { kept: at, .. } if *at == kept), "{notice:?}");
        assert!(notice.to_string().contains(&kept.display().to_string()), "{notice}");
        assert!(store.save(&named("Ada")).unwrap());
        assert_eq!(load_from(folder.path()).notice, None);
    }
}

#[test]
fn a_notice_says_which_line_is_wrong() {
    let (folder, _) = folder_with("version = 1\nname = \"Ada\nmuted = true\n");
    let notice = load_from(folder.path()).notice.unwrap().to_string();
    assert!(notice.contains("(line 2: "), "{notice}");
}

#[test]
fn a_folder_in_the_place_of_the_file_is_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("inside"), "x").unwrap();
    let Loaded { mut store, notice, .. } = load_from(folder.path());
    assert!(matches!(notice, Some(Notice::Kept { .. })), "{notice:?}");
    assert_eq!(fs::read_to_string(folder.path().join("settings.toml.bad-1/inside")).unwrap(), "x");
    assert!(store.save(&named("Ada")).unwrap());
}

#[test]
fn a_bad_value_is_told_and_the_others_stay_even_if_nothing_is_saved() {
    let text = "name = 'Ada'\nmuted = 'perhaps'\nlook = 'dark'\n";
    let (folder, path) = folder_with(text);
    let first = load_from(folder.path());
    let kept = folder.path().join("settings.toml.bad-1");
    assert_eq!(first.notice, Some(Notice::Partly { kept: kept.clone(), keys: vec!["muted"] }));
    assert_eq!(fs::read_to_string(kept).unwrap(), text);
    let second = load_from(folder.path());
    assert_eq!((&second.settings, second.notice), (&first.settings, None));
    assert_eq!((second.settings.name.as_str(), second.settings.look), ("Ada", Look::Dark));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(path.exists());
}

#[test]
fn a_newer_file_is_read_and_a_copy_is_kept_before_it_is_changed() {
    let text = "version = 7\nname = 'Ada'\nlook = 'hologram'\n[new]\nx = 1\n";
    let (folder, path) = folder_with(text);
    let Loaded { settings, mut store, notice } = load_from(folder.path());
    assert!(matches!(notice, Some(Notice::Newer { version: 7, .. })), "{notice:?}");
    assert_eq!(settings, named("Ada"));
    assert!(!store.save(&settings).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    store.save(&named("Ben")).unwrap();
    store.save(&named("Cy")).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("settings.toml.v7-1")).unwrap(), text);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(load_from(folder.path()).settings, named("Cy"));
}

#[test]
fn a_place_that_cannot_be_written_to_is_an_error_in_words() {
    let (_folder, path) = folder_with("");
    // Below a file there is no folder, for nobody.
    let Loaded { mut store, .. } = load_from(&path.join("below"));
    let error = store.save(&named("Ada")).unwrap_err().to_string();
    assert!(error.starts_with("settings are not saved: ") && error.contains("below"), "{error}");
}

#[cfg(unix)]
#[test]
fn in_a_read_only_folder_the_old_file_stays_whole_and_nothing_is_left_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder_with("name = 'Ada'\n");
    let Loaded { mut store, .. } = load_from(folder.path());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let result = store.save(&named("Ben"));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    match result {
        // Root may write everywhere.
        Ok(wrote) => assert!(wrote),
        Err(error) => {
            assert!(matches!(error, SaveError::ReadOnly { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "name = 'Ada'\n");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            assert!(store.save(&named("Ben")).unwrap(), "the next try succeeds");
        }
    }
}

#[test]
fn what_could_not_be_moved_away_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, "name = ").unwrap();
    let mut store = Store { path: Some(path.clone()), table: Table::new(), saved: None, keep: Keep::Aside };
    store.save(&named("Ada")).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("settings.toml.bad-1")).unwrap(), "name = ");
    assert_eq!(load_from(folder.path()).settings, named("Ada"));
}

#[test]
fn an_error_says_what_to_do() {
    let path = Path::new("/somewhere");
    let text = |kind: io::ErrorKind| save_error(path, kind.into()).to_string();
    assert!(text(io::ErrorKind::StorageFull).ends_with("/somewhere is full; free some space"));
    assert!(text(io::ErrorKind::ReadOnlyFilesystem).contains("change its permissions"));
}
