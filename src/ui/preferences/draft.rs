//! Text that is being typed, of which somebody else keeps the truth.

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::ui) struct Draft {
    pub text: String,
    seen: Option<String>,
    /// What was asked for since: egui may tell twice that a box was left.
    asked: Option<String>,
}

impl Draft {
    /// What was typed, once, where it is not the truth already.
    pub fn take(&mut self) -> Option<String> {
        let typed = Some(self.text.trim().to_owned());
        if typed == self.seen || typed == self.asked {
            return None;
        }
        self.asked.clone_from(&typed);
        typed
    }

    /// Takes the truth over when it changed, and otherwise leaves what is being typed.
    pub fn follow(&mut self, truth: &str) {
        if self.seen.as_deref() != Some(truth) {
            truth.clone_into(&mut self.text);
            (self.seen, self.asked) = (Some(truth.to_owned()), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Draft;

    #[test]
    fn what_is_typed_stays_until_the_truth_changes() {
        let mut draft = Draft::default();
        draft.follow("a");
        draft.text.push_str("bc");
        draft.follow("a");
        assert_eq!(draft.text, "abc");
        draft.follow("from a link");
        assert_eq!(draft.text, "from a link");
    }
}
