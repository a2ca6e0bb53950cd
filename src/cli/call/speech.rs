//! What a participant without a window says: lines of chat from the command line and from standard input, a hand, reactions.
//!
//! Everything waits until somebody else is there: what is said to an empty room nobody hears.

use std::collections::VecDeque;
use std::io::BufRead;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::call::{Command, Event};
use crate::clock;
use crate::proto::limits;
use crate::proto::words::Reaction;

/// Between two of them: no faster than the call takes lines.
const PAUSE: Duration = Duration::from_millis(600);

/// See the module.
#[derive(Debug)]
pub struct Speech {
    said: VecDeque<Command>,
    /// Standard input, where that is read.
    lines: Option<mpsc::Receiver<String>>,
    next: Instant,
    joined: bool,
    company: bool,
}

impl Speech {
    /// `chat` are the texts of the command line; `-` among them reads standard input.
    pub fn new(chat: Vec<String>) -> Self {
        let reads = chat.iter().any(|text| text == "-");
        let said = chat.into_iter().filter(|text| text != "-").map(Command::Chat).collect();
        Self { said, lines: reads.then(standard_input), next: clock::now(), joined: false, company: false }
    }

    /// Notes when the call is entered and somebody else is there.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Joined { members, .. } => {
                self.joined = true;
                self.company |= *members > 1;
            }
            Event::PeerJoined { readable: true, .. } => self.company = true,
            _ => {}
        }
    }

    /// The next command; never, while there is nothing to say or nobody to say it to. Nothing is lost where this is dropped and
    /// called again.
    pub async fn next(&mut self) -> Command {
        loop {
            if !(self.joined && self.company) {
                std::future::pending::<()>().await;
            }
            if self.said.is_empty() {
                let line = match &mut self.lines {
                    Some(lines) => lines.recv().await,
                    None => std::future::pending().await,
                };
                match line.as_deref().map(order) {
                    None => self.lines = None,
                    Some(Ok(command)) => self.said.extend(command),
                    Some(Err(error)) => tracing::warn!("standard input: {error}"),
                }
                continue;
            }
            tokio::time::sleep_until(self.next.into()).await;
            if let Some(command) = self.said.pop_front() {
                self.next = clock::now() + PAUSE;
                return command;
            }
        }
    }
}

/// Lines of standard input, read by a thread of their own that ends with the process: reading cannot be broken off.
fn standard_input() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("standard input".into()).spawn(read) {
        tracing::warn!(%error, "standard input is not read");
    }
    receiver
}

/// What a line asks for: `/hand up`, `/hand down`, `/react heart` or its number, and else a line of chat; `//x` says `/x`.
fn order(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim();
    let Some(rest) = line.strip_prefix('/') else {
        let short = (line.len() <= limits::TEXT_BYTES).then(|| line.to_owned());
        let text = short.ok_or("a line that is too long for the chat")?;
        return Ok((!text.is_empty()).then_some(Command::Chat(text)));
    };
    if rest.starts_with('/') {
        return Ok(Some(Command::Chat(rest.to_owned())));
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    match words[..] {
        ["hand"] | ["hand", "up"] => Ok(Some(Command::Hand(true))),
        ["hand", "down"] => Ok(Some(Command::Hand(false))),
        ["react", what] => {
            let numbered = Reaction::ALL.into_iter().zip(1..);
            let found = numbered.into_iter().find(|(it, number)| it.name() == what || number.to_string() == what);
            let (reaction, _) = found.ok_or_else(|| {
                let names: Vec<_> = Reaction::ALL.iter().map(|it| it.name()).collect();
                format!("there is no reaction {what:?}: one of {}", names.join(", "))
            })?;
            Ok(Some(Command::React(reaction)))
        }
        _ => Err(format!("{line:?} is no order: /hand up, /hand down, /react NAME; // begins a line of chat with /")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_chat_unless_it_begins_with_a_slash() {
        let chat = |text: &str| Ok(Some(Command::Chat(text.into())));
        for (line, expected) in [
            ("hello there", chat("hello there")),
            ("  hello ", chat("hello")),
            ("//shrug", chat("/shrug")),
            ("", Ok(None)),
            ("/hand", Ok(Some(Command::Hand(true)))),
            ("/hand down", Ok(Some(Command::Hand(false)))),
            ("/react heart", Ok(Some(Command::React(Reaction::Heart)))),
            ("/react 6", Ok(Some(Command::React(Reaction::Party)))),
        ] {
            assert_eq!(order(line), expected, "{line}");
        }
        assert!(order("/react 7").unwrap_err().contains("thumbs_up"));
        assert!(order("/hnad").unwrap_err().contains("/hand up"));
        assert!(order(&"x".repeat(limits::TEXT_BYTES + 1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_to_be_said_waits_for_somebody_to_hear_it_and_comes_in_order() {
        let mut speech = Speech::new(vec!["one".into(), "two".into()]);
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        assert!(tokio::time::timeout(day, speech.next()).await.is_err(), "not in the call");
        let joined = Event::Joined {
            relay: "one".into(),
            region: "one".into(),
            transport: crate::proto::Transport::WebSocket,
            since_join_ms: 1.0,
            members: 1,
        };
        speech.note(&joined);
        assert!(tokio::time::timeout(day, speech.next()).await.is_err(), "alone");
        speech.note(&Event::PeerJoined { peer: "x".into(), name: Some("Ben".into()), readable: true });
        for text in ["one", "two"] {
            let said = tokio::time::timeout(second, speech.next()).await;
            assert_eq!(said, Ok(Command::Chat(text.into())));
        }
        assert!(tokio::time::timeout(day, speech.next()).await.is_err(), "nothing more");
    }
}
