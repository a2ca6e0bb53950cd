//! What a room may be called. Both programs check against it: the app what a person typed or a link says, the
//! relay what a stranger sends.

use crate::proto::limits;

/// Why a name is not a room's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    #[error("the room has no name")]
    Empty,
    #[error("the room's name has {0} bytes, more than {max}: choose a shorter one", max = limits::ROOM_BYTES)]
    TooLong(usize),
    #[error("the room's name holds a control character: leave it out")]
    Control,
    #[error("the room's name begins or ends with a space: leave it out")]
    Space,
    /// `.` and `..` cannot stand in the path of a link.
    #[error("a room cannot be called {0:?}: choose another name")]
    Dots(String),
}

/// Checks a name as it stands: 1 to [`limits::ROOM_BYTES`] bytes, no control character, no space around it,
/// not `.` or `..`.
///
/// # Errors
/// See [`RoomError`].
pub fn check(name: &str) -> Result<(), RoomError> {
    if name.is_empty() {
        return Err(RoomError::Empty);
    }
    if name.len() > limits::ROOM_BYTES {
        return Err(RoomError::TooLong(name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(RoomError::Control);
    }
    if name.trim() != name {
        return Err(RoomError::Space);
    }
    if name == "." || name == ".." {
        return Err(RoomError::Dots(name.to_owned()));
    }
    Ok(())
}

/// A name as a person types it: without the spaces around it, then as [`check`].
///
/// # Errors
/// See [`RoomError`].
pub fn clean(typed: &str) -> Result<&str, RoomError> {
    let name = typed.trim();
    check(name)?;
    Ok(name)
}

/// A name by which a room is found, as a person types or pastes it: capitals and the width of its spaces do not count, so
/// that who reads it aloud and who hears it meet. Then as [`check`].
///
/// # Errors
/// See [`RoomError`].
pub fn typed(text: &str) -> Result<String, RoomError> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    check(&name)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_in_any_script_are_taken() {
        for name in ["a", "stand-up", "Zoë & Jürgen", "会議", "a/b?c#d%2e", "..."] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn what_is_typed_loses_the_spaces_around_it() {
        assert_eq!(clean("  stand-up\n"), Ok("stand-up"));
        assert_eq!(check(" stand-up"), Err(RoomError::Space));
    }

    #[test]
    fn a_code_is_the_same_room_however_it_is_typed() {
        for text in ["kip-mora-tel", " KIP-Mora-Tel ", "Kip-mora-TEL\n"] {
            assert_eq!(typed(text).unwrap(), "kip-mora-tel");
        }
        assert_eq!(typed("  Zoë  &\tJÜRGEN ").unwrap(), "zoë & jürgen");
        assert_eq!(typed(" \n"), Err(RoomError::Empty));
        assert_eq!(typed("a\u{0}b"), Err(RoomError::Control));
    }

    #[test]
    fn empty_long_dotted_and_control_names_are_refused() {
        assert_eq!(clean("   "), Err(RoomError::Empty));
        assert_eq!(check(&"x".repeat(129)), Err(RoomError::TooLong(129)));
        assert_eq!(check("a\u{0}b"), Err(RoomError::Control));
        assert_eq!(check(".."), Err(RoomError::Dots("..".into())));
    }
}
