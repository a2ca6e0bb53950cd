//! Somebody who reads aloud: espeak-ng.

use std::path::Path;
use std::process::Command;

/// Lists 1 and 2 of the Harvard sentences (IEEE 1969): phonemes of all kinds, with pauses between the sentences.
pub const SENTENCES: [&str; 2] = [
    "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell the depth \
     of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The juice of lemons makes \
     fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage. Four hours of \
     steady work faced us. A large size in stockings is hard to sell.",
    "The boy was there when the sun rose. A rod is used to catch pink salmon. The source of the huge river is the clear \
     spring. Kick the ball straight and follow through. Help the woman get back to her feet. A pot of tea helps to pass \
     the evening. Smoky fires lack flame and heat. The soft cushion broke the man's fall. The salt breeze came across \
     from the sea. The girl at the booth sold fifty bonds.",
];

/// Has a text read into a WAV file, by one of its voices and at so many words a minute.
pub fn read_aloud(text: &str, voice: &str, pace: &str, path: &Path) -> Result<(), String> {
    let read = Command::new("espeak-ng").args(["-v", voice, "-s", pace, "-w"]).arg(path).arg(text).output();
    match read {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("espeak-ng failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Err(format!("espeak-ng does not start ({error})")),
    }
}
