//! Keys in tooltips: where the user gave an action another key than its first, the tooltip tells that one.
//!
//! Controls name an action's first key. The shell says at the start of a frame what stands for it, if anything does.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{Context, Id};

/// First keys, and what takes their place; empty: no key at all.
type Hints = Arc<BTreeMap<String, String>>;

fn id() -> Id {
    Id::unique("keys in tooltips")
}

/// Says what takes the place of which first key from now on.
pub fn set_key_hints(ctx: &Context, hints: BTreeMap<String, String>) {
    let now: Option<Hints> = ctx.data(|data| data.get_temp(id()));
    if now.as_deref().map_or(!hints.is_empty(), |now| *now != hints) {
        ctx.data_mut(|data| data.insert_temp::<Hints>(id(), Arc::new(hints)));
    }
}

/// The key that stands for the action whose first one is `first`; empty where it has none.
pub fn key_now(ctx: &Context, first: &str) -> String {
    let hints: Option<Hints> = ctx.data(|data| data.get_temp(id()));
    hints.and_then(|hints| hints.get(first).cloned()).unwrap_or_else(|| first.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_itself_until_another_takes_its_place() {
        let ctx = Context::default();
        assert_eq!(key_now(&ctx, "M"), "M");
        set_key_hints(&ctx, [("M".to_owned(), "F9".to_owned()), ("V".to_owned(), String::new())].into());
        assert_eq!((key_now(&ctx, "M"), key_now(&ctx, "V"), key_now(&ctx, "P")), ("F9".into(), "".into(), "P".into()));
        set_key_hints(&ctx, BTreeMap::new());
        assert_eq!(key_now(&ctx, "M"), "M");
    }
}
