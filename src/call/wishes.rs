//! What the user asked of the election and is in force, and when it ends by itself: a drill that somebody forgot must not
//! stay. Pure; the election itself knows no end of a wish.

use std::time::{Duration, Instant};

use super::state::{Wish, Wished};
use crate::election::Command;

/// Blocks that are kept: more names than anyone has regions.
const MOST: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub struct Wishes {
    list: Vec<Wish>,
}

impl Wishes {
    /// A call that begins with a pin.
    pub fn pinned(pin: Option<&str>) -> Self {
        let mut wishes = Self::default();
        wishes.take(&Command::Pin(pin.map(str::to_owned)), None);
        wishes
    }

    /// Takes note of a command. A force is over as soon as it is done, and no wish.
    pub fn take(&mut self, command: &Command, until: Option<Instant>) {
        let (what, name) = match command {
            Command::Pin(name) => {
                self.list.retain(|wish| wish.what != Wished::Pin);
                match name {
                    Some(name) => (Wished::Pin, name),
                    None => return,
                }
            }
            Command::Block(name) | Command::Unblock(name) => {
                self.list.retain(|wish| wish.what != Wished::Block || wish.name != *name);
                if matches!(command, Command::Unblock(_)) {
                    return;
                }
                (Wished::Block, name)
            }
            Command::Force(_) => return,
        };
        if self.list.len() < MOST {
            self.list.push(Wish { what, name: name.clone(), until });
        }
    }

    /// The commands that end what is over now.
    pub fn expired(&self, now: Instant) -> Vec<Command> {
        self.list.iter().filter(|wish| wish.until.is_some_and(|until| until <= now)).map(end_of).collect()
    }

    /// The commands that end everything.
    pub fn all(&self) -> Vec<Command> {
        self.list.iter().map(end_of).collect()
    }

    pub fn list(&self) -> &[Wish] {
        &self.list
    }
}

fn end_of(wish: &Wish) -> Command {
    match wish.what {
        Wished::Pin => Command::Pin(None),
        Wished::Block => Command::Unblock(wish.name.clone()),
    }
}

/// The moment at which something that lasts so long is over.
pub fn until(now: Instant, lasts: Option<Duration>) -> Option<Instant> {
    now.checked_add(lasts?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_by_itself_and_a_pin_when_it_is_said() {
        let start = crate::clock::now();
        let mut wishes = Wishes::pinned(Some("london"));
        wishes.take(&Command::Block("paris".into()), until(start, Some(Duration::from_secs(30))));
        wishes.take(&Command::Force("tokyo".into()), None);
        assert_eq!(wishes.list().len(), 2);
        assert_eq!(wishes.expired(start + Duration::from_secs(29)), []);
        let over = wishes.expired(start + Duration::from_secs(30));
        assert_eq!(over, [Command::Unblock("paris".into())]);
        over.iter().for_each(|command| wishes.take(command, None));
        assert_eq!(wishes.all(), [Command::Pin(None)]);
        wishes.take(&Command::Pin(Some("tokyo".into())), None);
        assert_eq!(wishes.list().len(), 1, "one pin at a time");
        wishes.take(&Command::Pin(None), None);
        assert_eq!(wishes.list(), []);
    }
}
