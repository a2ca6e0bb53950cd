//! One row for each real device out of ALSA's many names for it. Pure; on other systems each device has one name, and
//! passes as it is.
//!
//! A card's device is listed as `hw:`, `plughw:`, `sysdefault:`, `front:`, `dmix:`, `surround51:` and more, and once more
//! with the card's number for its name. What is picked of them converts to any format, and lets others play as well
//! where there is such a one.

use std::collections::BTreeMap;

/// Plug-ins of ALSA that its list shows beside devices; they can be asked for, but nobody looks for them.
const PLUGINS: [&str; 9] = ["null", "lavrate", "samplerate", "speexrate", "jack", "oss", "speex", "upmix", "vdownmix"];

/// A device as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// ALSA's name for it, or what stands for that elsewhere.
    pub id: String,
    /// The first line of its description: of a card's device `CARD, DEVICE`.
    pub name: String,
    /// It goes the way that is asked for.
    pub fits: bool,
}

/// A device as a person picks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The name to open it by: a place in the list.
    pub at: usize,
    pub name: String,
    /// All its names.
    pub all: Vec<usize>,
}

/// A card's device while its names are gathered.
struct Real<'a> {
    card: &'a str,
    device: Option<&'a str>,
    name: &'a str,
    best: (u8, usize),
    all: Vec<usize>,
}

/// The rows of a list, in its order: first what belongs to no card. `cards` gives a card's name for its number.
pub fn rows(listed: &[Listed], cards: &BTreeMap<String, String>) -> Vec<Row> {
    let fits = |at: &usize| listed[*at].fits;
    let (on_card, free): (Vec<_>, Vec<_>) = (0..listed.len()).partition(|at| Pcm::read(&listed[*at].id).is_some());
    let free = free.into_iter().filter(fits).filter(|at| !PLUGINS.contains(&listed[*at].id.as_str()));
    let mut rows: Vec<Row> = free.map(|at| Row { at, name: listed[at].name.clone(), all: vec![at] }).collect();
    let reals = gather(listed, &on_card, cards);
    for real in &reals {
        let alone = reals.iter().filter(|other| other.card == real.card).count() == 1;
        let card = real.name.rsplit_once(", ").map(|(card, _)| card).filter(|_| alone);
        let name = unused(card.unwrap_or(real.name), &rows);
        rows.push(Row { at: real.best.1, name, all: real.all.clone() });
    }
    rows
}

fn gather<'a>(listed: &'a [Listed], on_card: &[usize], cards: &'a BTreeMap<String, String>) -> Vec<Real<'a>> {
    let pcms: Vec<_> = on_card.iter().filter_map(|at| Some((*at, Pcm::read(&listed[*at].id)?.named(cards)))).collect();
    let mut reals: Vec<Real<'a>> = Vec::new();
    // Hardware says how many devices there are; the other names belong to one of them.
    let (hardware, others): (Vec<_>, Vec<_>) = pcms.iter().partition(|(_, pcm)| pcm.is_hardware());
    for (at, pcm) in hardware.iter().chain(&others).filter(|(at, _)| listed[*at].fits) {
        let name = listed[*at].name.as_str();
        let same = |real: &&mut Real<'_>| {
            let device = if pcm.is_hardware() { real.device == pcm.device } else { real.name == name };
            real.card == pcm.card && device
        };
        let known = reals.iter_mut().find(same);
        let has_hardware = || hardware.iter().any(|(_, other)| other.card == pcm.card);
        match (known, pcm.rank()) {
            (Some(real), rank) => {
                real.all.push(*at);
                let first = matches!(real.device, None | Some("0"));
                if let Some(rank) = rank.filter(|_| first || !pcm.is_of_first_device()) {
                    real.best = real.best.min((rank, *at));
                }
            }
            // The card does not go this way, whatever its names say.
            (None, _) if !pcm.is_hardware() && has_hardware() => {}
            (None, Some(rank)) => {
                let device = pcm.device.filter(|_| pcm.is_hardware());
                reals.push(Real { card: pcm.card, device, name, best: (rank, *at), all: vec![*at] });
            }
            (None, None) => {}
        }
    }
    reals
}

/// The name, with a number where another row has it.
fn unused(name: &str, rows: &[Row]) -> String {
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let free = |name: &String| rows.iter().all(|row| row.name != *name);
    std::iter::once(name.to_owned()).chain(numbered).find(free).unwrap_or_default()
}

/// ALSA's name for a device of a card: `PREFIX:CARD=card[,DEV=device]`.
#[derive(Debug, Clone, Copy)]
struct Pcm<'a> {
    prefix: &'a str,
    card: &'a str,
    device: Option<&'a str>,
}

impl<'a> Pcm<'a> {
    fn read(id: &'a str) -> Option<Self> {
        let (prefix, rest) = id.split_once(':')?;
        let value = |key: &str| rest.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        Some(Self { prefix, card: value("CARD")?, device: value("DEV") })
    }

    fn named(self, cards: &'a BTreeMap<String, String>) -> Self {
        Self { card: cards.get(self.card).map_or(self.card, String::as_str), ..self }
    }

    fn is_hardware(&self) -> bool {
        matches!(self.prefix, "hw" | "plughw")
    }

    /// It leads to the card's first device alone.
    fn is_of_first_device(&self) -> bool {
        matches!(self.prefix, "default" | "sysdefault" | "front")
    }

    /// Lower is better: what mixes and converts, what converts, what does neither. `None` is for special uses.
    fn rank(&self) -> Option<u8> {
        match self.prefix {
            "sysdefault" => Some(0),
            "default" => Some(1),
            "plughw" => Some(2),
            "front" | "hdmi" | "iec958" => Some(3),
            "hw" => Some(4),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
