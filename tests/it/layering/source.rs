//! A source file as the rules see it: its module, its code without strings and comments, its paths, and which
//! part of it is tests. Never: a rule.

use std::ops::Range;
use std::path::Path;

/// A path as code writes it, resolved.
#[derive(Debug, Clone)]
pub struct Mention {
    /// `crate` and the module for a path inside this crate; as written for any other.
    pub segments: Vec<String>,
    /// The name that a `use` gives it.
    pub alias: Option<String>,
    pub line: usize,
    /// In code that only tests have.
    pub test: bool,
}

#[derive(Debug)]
pub struct Source {
    path: String,
    module: Vec<String>,
    text: String,
    code: String,
    tokens: Vec<Token>,
    /// Byte ranges of code that only tests have.
    tests: Vec<Range<usize>>,
    mentions: Vec<Mention>,
}

#[derive(Debug, Clone)]
struct Token {
    /// An identifier, a number, `::` or one other character.
    text: String,
    at: usize,
}

/// Where a path stands.
struct Scope {
    /// The module, those inside the file included.
    module: Vec<String>,
    in_use: bool,
}

impl Source {
    /// Reads `text`, which is the file at `path` below `src/`.
    pub fn new(path: &Path, text: &str) -> Self {
        let code = blank(text);
        let tokens = tokens(&code);
        let mut source = Self {
            path: path.display().to_string(),
            module: module_of(path),
            text: text.to_owned(),
            tests: test_spans(&tokens, code.len()),
            code,
            tokens,
            mentions: Vec::new(),
        };
        source.mentions = source.find_mentions();
        source
    }

    /// The module's path from the crate's root; empty for `lib.rs`.
    pub fn module(&self) -> &[String] {
        &self.module
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// The file as it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file with strings and comments blanked; lines stay where they are.
    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    pub fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    pub fn is_test(&self, at: usize) -> bool {
        self.tests.iter().any(|span| span.contains(&at))
    }

    /// Lines that are not tests'.
    pub fn lines_without_tests(&self) -> usize {
        let mut at = 0;
        let mut lines = 0;
        for line in self.code.split_inclusive('\n') {
            lines += usize::from(!self.is_test(at));
            at += line.len();
        }
        lines
    }

    /// Modules that this file declares for tests alone and keeps in files of their own.
    pub fn test_modules(&self) -> Vec<Vec<String>> {
        let declared = self
            .tokens
            .windows(3)
            .filter(|window| window[0].text == "mod" && window[2].text == ";" && self.is_test(window[0].at));
        declared.map(|window| [self.module.as_slice(), &[window[1].text.clone()]].concat()).collect()
    }

    /// Takes the file for a test as a whole if it is in one of `modules`.
    pub fn mark_tests(&mut self, modules: &[Vec<String>]) {
        if modules.iter().any(|module| self.module.starts_with(module)) {
            self.tests = std::iter::once(0..self.code.len()).collect();
            self.mentions.iter_mut().for_each(|mention| mention.test = true);
        }
    }

    fn find_mentions(&self) -> Vec<Mention> {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.text.as_str());
        let mut found = Vec::new();
        let (mut inner, mut depth) = (Vec::<(String, usize)>::new(), 0);
        let mut at = 0;
        while at < self.tokens.len() {
            let before = if at == 0 { "" } else { word(at - 1) };
            match word(at) {
                "mod" if word(at + 2) == "{" => inner.push((word(at + 1).to_owned(), depth)),
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inner.pop_if(|(_, opened)| *opened == depth);
                }
                _ => {}
            }
            let in_use = before == "use";
            let starts = is_name(word(at)) && word(at + 1) == "::" && !matches!(before, "$" | "." | ":");
            if in_use || starts {
                let inner = inner.iter().map(|(name, _)| name.clone());
                let scope = Scope { module: self.module.iter().cloned().chain(inner).collect(), in_use };
                at = self.read_tree(at, &[], &scope, &mut found).max(at + 1);
            } else {
                at += 1;
            }
        }
        found
    }

    /// Reads a path, or the tree of a `use`, from token `at` on; gives the token behind it.
    fn read_tree(&self, mut at: usize, prefix: &[String], scope: &Scope, found: &mut Vec<Mention>) -> usize {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.text.as_str());
        let Some(start) = self.tokens.get(at).map(|token| token.at) else { return at };
        let mut segments = prefix.to_vec();
        if word(at) == "::" {
            at += 1;
        }
        loop {
            match word(at) {
                "{" => {
                    at += 1;
                    while !matches!(word(at), "}" | "") {
                        at = self.read_tree(at, &segments, scope, found).max(at + 1);
                        if word(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                name if name == "*" || is_name(name) => segments.push(name.to_owned()),
                _ => break,
            }
            at += 1;
            if word(at) != "::" {
                break;
            }
            at += 1;
        }
        let alias = (scope.in_use && word(at) == "as").then(|| word(at + 1).to_owned());
        if alias.is_some() {
            at += 2;
        }
        let segments = resolve(segments, &scope.module);
        if !segments.is_empty() {
            found.push(Mention { segments, alias, line: self.line(start), test: self.is_test(start) });
        }
        at
    }
}

/// A name that a path can begin or go on with; a keyword before `::` is none.
fn is_name(text: &str) -> bool {
    let is_keyword = matches!(text, "as" | "dyn" | "else" | "impl" | "in" | "mut" | "return" | "use");
    !is_keyword && text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// `net/link.rs` is `net::link`; the programs are `main` and `bin::NAME`; `lib.rs` is the root.
fn module_of(path: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    module.pop_if(|last| last == "lib" || last == "mod");
    module
}

/// Turns `crate`, `nearcall`, `self` and `super` into a path from the crate's root.
fn resolve(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let root = || vec!["crate".to_owned()];
    let rest = |skip: usize| segments[skip..].iter().filter(|segment| *segment != "self").cloned();
    match segments.first().map(String::as_str) {
        Some("crate" | "nearcall") => root().into_iter().chain(rest(1)).collect(),
        Some("self" | "super") => {
            let ups = segments.iter().filter(|segment| *segment == "super").count();
            let names = segments.iter().position(|segment| segment != "super" && segment != "self");
            let base = &module[..module.len().saturating_sub(ups)];
            root().into_iter().chain(base.iter().cloned()).chain(rest(names.unwrap_or(segments.len()))).collect()
        }
        _ => rest(0).collect(),
    }
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let len = match word {
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            word => word,
        };
        if !first.is_whitespace() {
            tokens.push(Token { text: rest[..len].to_owned(), at: code.len() - rest.len() });
        }
        rest = &rest[len..];
    }
    tokens
}

/// The items under `#[cfg(test)]`, and the whole file under `#![cfg(test)]`.
fn test_spans(tokens: &[Token], end: usize) -> Vec<Range<usize>> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut spans = Vec::new();
    for at in 0..tokens.len() {
        let whole = word(at + 1) == "!";
        let open = at + 1 + usize::from(whole);
        if word(at) != "#" || word(open) != "[" || word(open + 1) != "cfg" {
            continue;
        }
        let close = closing(tokens, open);
        let names: Vec<_> = (open..close).map(word).collect();
        if !names.contains(&"test") || names.contains(&"not") {
            continue;
        }
        if whole {
            return std::iter::once(0..end).collect();
        }
        let last = item_end(tokens, close + 1);
        spans.push(tokens[at].at..tokens.get(last).map_or(end, |token| token.at + 1));
    }
    spans
}

/// The token that closes the bracket at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// The last token of the item that starts at `at`: its `;`, or the `}` of its first braces.
fn item_end(tokens: &[Token], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => return closing(tokens, at),
            "(" | "[" => at = closing(tokens, at) + 1,
            ";" | "}" => return at,
            _ => at += 1,
        }
    }
    at
}

/// `text` with comments, strings and character literals turned into blanks; line ends stay.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_name = false;
    while let Some(first) = rest.chars().next() {
        let len = if in_name { 0 } else { literal(rest) };
        if len == 0 {
            code.push(first);
            // The r of a name such as `for` begins no raw string.
            in_name = first.is_alphanumeric() || first == '_';
            rest = &rest[first.len_utf8()..];
        } else {
            code.extend(rest[..len].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[len..];
            in_name = false;
        }
    }
    code
}

/// Bytes of the comment, string or character that `rest` begins with; 0 if it begins with none.
fn literal(rest: &str) -> usize {
    let to = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return to(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return comment(rest);
    }
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(0);
    let (name, body) = rest.split_at(prefix.min(2));
    if name.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        if body[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            return to(body[hashes + 1..].find(&end).map(|at| prefix + hashes + 1 + at + end.len()));
        }
        return 0;
    }
    if body.starts_with('"') {
        return to(quoted(body, '"').map(|len| prefix + len));
    }
    // A lifetime has no second quote behind its one character.
    let is_character = body.starts_with("'\\") || body.chars().nth(2) == Some('\'');
    if body.starts_with('\'') && is_character {
        return to(quoted(body, '\'').map(|len| prefix + len));
    }
    0
}

/// Bytes of a comment that may hold comments.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let len = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += len;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Bytes from the first quote to the one that is not escaped.
fn quoted(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}
