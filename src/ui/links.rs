//! Finds the addresses in a text, so that they can be clicked. Pure.
//!
//! Only `http://` and `https://`: whatever else a stranger writes stays a text. What is shown is what is opened.

use url::Url;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece<'a> {
    Text(&'a str),
    Link {
        /// As it was written.
        shown: &'a str,
        /// As it is opened: a name in another script is in its ASCII form.
        url: String,
    },
}

/// The parts of a text in their order; together they are the text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(start) = next_start(text, at) {
        let shown = cut(&text[start..]);
        match Url::parse(shown).ok().filter(Url::has_host) {
            Some(url) => {
                if plain < start {
                    pieces.push(Piece::Text(&text[plain..start]));
                }
                pieces.push(Piece::Link { shown, url: url.into() });
                at = start + shown.len();
                plain = at;
            }
            None => at = start + "http".len(),
        }
    }
    if plain < text.len() {
        pieces.push(Piece::Text(&text[plain..]));
    }
    pieces
}

/// Where the next address may begin, from `at` on: not in the middle of a word.
fn next_start(text: &str, at: usize) -> Option<usize> {
    let begins = |rest: &str| {
        ["http://", "https://"].iter().any(|scheme| {
            rest.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)) && rest.len() > scheme.len()
        })
    };
    let rest = text.get(at..)?;
    rest.char_indices().map(|(index, _)| at + index).find(|index| {
        let before = text[..*index].chars().next_back();
        begins(&text[*index..]) && !before.is_some_and(char::is_alphanumeric)
    })
}

/// An address up to its end: a space, or what closes a sentence or a bracket around it.
fn cut(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c)).unwrap_or(text.len());
    let mut shown = &text[..end];
    while let Some(last) = shown.chars().next_back() {
        let closes =
            |open: char, close: char| last == close && shown.matches(close).count() > shown.matches(open).count();
        if ".,;:!?'*…".contains(last) || closes('(', ')') || closes('[', ']') || closes('{', '}') {
            shown = &shown[..shown.len() - last.len_utf8()];
        } else {
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        let of = |piece| if let Piece::Link { shown, .. } = piece { Some(shown) } else { None };
        pieces(text).into_iter().filter_map(of).collect()
    }

    #[test]
    fn addresses_are_found_and_what_is_around_them_is_not_theirs() {
        let rows: [(&str, &[&str]); 12] = [
            ("no address at all", &[]),
            ("see https://example.org.", &["https://example.org"]),
            ("(https://example.org/a_(b)), and more", &["https://example.org/a_(b)"]),
            ("<HTTPS://Example.org/?q=1&r=2#x>", &["HTTPS://Example.org/?q=1&r=2#x"]),
            ("two: http://a.example, http://b.example!", &["http://a.example", "http://b.example"]),
            ("https://", &[]),
            ("https:// example.org", &[]),
            ("xhttps://example.org", &[]),
            ("javascript:alert(1) file:///etc/passwd nearcall://join/x#k=1", &[]),
            ("日本 https://example.org/日本、", &["https://example.org/日本、"]),
            ("https://exa\u{7f}mple", &["https://exa"]),
            ("http://[::1]:8080/x]", &["http://[::1]:8080/x"]),
        ];
        for (text, expected) in rows {
            assert_eq!(links(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_pieces_together_are_the_text() {
        for text in
            ["", "a", "https://a.example", "x https://a.example/ä y\nhttp:// z https://b.example.", "http://http://"]
        {
            let whole: String = pieces(text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.to_owned(),
                    Piece::Link { shown, .. } => shown.to_owned(),
                })
                .collect();
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn a_name_that_looks_like_another_is_opened_and_told_as_what_it_is() {
        let told = pieces("https://аpple.example/");
        assert_eq!(
            told,
            [Piece::Link { shown: "https://аpple.example/", url: "https://xn--pple-43d.example/".into() }]
        );
    }
}
