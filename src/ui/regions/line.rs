//! The words beside Join: where it would lead. Pure.

use crate::call::state::{Phase, Relays, State};
use crate::ui::model::Model;
use crate::ui::widgets::{Quality, quality};

use super::condition::racing;
use super::group::groups;
use super::words;

/// The words, and how good that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinLine {
    /// One line, such as `singapore – 40 ms – good`.
    pub text: String,
    /// `None` while nothing is known yet.
    pub quality: Option<Quality>,
}

/// Where Join would lead, or where the call runs.
pub fn line(model: &Model) -> JoinLine {
    let Some(state) = model.call.as_deref() else {
        return JoinLine { text: "Starting…".into(), quality: None };
    };
    match &state.relays {
        Relays::Loading => JoinLine { text: "Reading the list of relays…".into(), quality: None },
        Relays::Failed(why) => {
            JoinLine { text: format!("No list of relays: {}", short(why)), quality: Some(Quality::NoAnswer) }
        }
        Relays::None => JoinLine { text: "No relays yet".into(), quality: Some(Quality::NoAnswer) },
        Relays::Known => measured(state, model),
    }
}

fn measured(state: &State, model: &Model) -> JoinLine {
    if let Phase::Reconnecting { .. } = state.phase {
        return JoinLine { text: "Reconnecting…".into(), quality: Some(Quality::NoAnswer) };
    }
    if let Some(leader) = state.leader() {
        let quality = quality(leader.mean_ms, leader.jitter_ms, leader.loss);
        let figure = match words::known(leader.mean_ms) {
            Some(_) => format!(" – {}", words::ms(leader.mean_ms)),
            None => String::new(),
        };
        return JoinLine {
            text: format!("{}{figure} – {}", leader.candidate.region, quality.word()),
            quality: Some(quality),
        };
    }
    if racing(state, model.now) {
        let text = match groups(state).len() {
            1 => "Measuring 1 relay…".to_owned(),
            relays => format!("Measuring {relays} relays…"),
        };
        return JoinLine { text, quality: None };
    }
    JoinLine { text: "No relay answers".into(), quality: Some(Quality::NoAnswer) }
}

/// The end of an error, where the cause stands, in few words; the whole of it stands in the race.
fn short(why: &str) -> String {
    const MOST: usize = 40;
    let cause = why.rsplit(": ").next().unwrap_or(why);
    match cause.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", cause[..end].trim_end()),
        None => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ui::fixtures;

    #[test]
    fn the_line_says_where_join_leads_in_every_state() {
        let said = |model: &Model| line(model).text;
        assert_eq!(said(&fixtures::lobby(Duration::from_secs(5))), "singapore – 42 ms – good");
        assert_eq!(said(&fixtures::lobby(Duration::from_millis(100))), "Measuring 6 relays…");
        assert_eq!(said(&fixtures::lobby_first_start()), "No relays yet");
        assert_eq!(said(&fixtures::lobby_without_anything()), "No list of relays: no answer");
        assert_eq!(said(&fixtures::reconnecting()), "Reconnecting…");

        let mut model = fixtures::lobby(Duration::from_secs(5));
        fixtures::change(&mut model, |state, _| state.relays = Relays::Loading);
        assert_eq!(said(&model), "Reading the list of relays…");
        fixtures::change(&mut model, |state, _| {
            state.relays = Relays::Known;
            state.race.leader = None;
        });
        assert_eq!(said(&model), "No relay answers");
        assert_eq!(line(&model).quality, Some(Quality::NoAnswer));
        model.call = None;
        assert_eq!(line(&model).quality, None);
    }

    #[test]
    fn a_long_error_is_cut_between_letters() {
        assert_eq!(short("x: no answer"), "no answer");
        assert_eq!(short(&"é".repeat(50)), format!("{}…", "é".repeat(40)));
    }
}
