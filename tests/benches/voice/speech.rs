//! What is said: a file's speech, or what two voices of espeak-ng read, a man's and a woman's.

use std::path::Path;

use nearcall::media::wav;

use super::espeak::{SENTENCES, read_aloud};

/// Samples at 48 kHz.
pub fn speech(file: Option<&Path>) -> Result<Vec<f32>, String> {
    let read = |path: &Path| wav::read_mono(path).map_err(|error| error.to_string());
    if let Some(file) = file {
        return read(file);
    }
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = dir.path().join("say.wav");
    let say = |voice| {
        read_aloud(SENTENCES[0], voice, "150", &path).map_err(|error| {
            format!("{error}: install it, or give speech by --wav, for example tests/it/data/speech.wav")
        })?;
        read(&path)
    };
    Ok(["en-us", "en-gb+f3"].into_iter().map(say).collect::<Result<Vec<_>, _>>()?.concat())
}
