//! Fonts of the system for letters that no shipped font has: a font for every script would be larger than the program.
//!
//! egui asks for a font in the middle of laying out text. The answer is "none" at first; [`tend`], once a frame, sends a
//! thread to look for one, and egui asks again when the thread is back. So no frame waits for a disk, and who needs no
//! such font never pays for a list of them. Must never: hold a frame up, or fail where a system has no fonts.

use std::collections::BTreeMap;
use std::env;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use eframe::egui::{
    Context, FallbackRequest, FontData, FontFamily, FontInsert, FontPriority, FontProvider, Id, InsertFontFamily,
};
use fontique::{
    Collection, CollectionOptions, FallbackKey, GenericFamily, Language, QueryFamily, QueryFont, QueryStatus, Script,
    SourceCache, SourceCacheOptions,
};
use skrifa::MetadataProvider as _;
use unicode_script::UnicodeScript as _;

use super::{figures, icon_family, medium, strong, strong_figures};

/// Letters that are remembered, found or not: more than any call shows.
const LETTERS: usize = 4096;
/// Chinese characters have a font for each country, and none of them has all.
const HAN: [&str; 4] = ["zh-SG", "zh-TW", "ja", "ko"];

/// What egui asks, and what the thread answers.
#[derive(Default)]
struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    /// Asked for, and not looked for yet.
    wanted: Vec<char>,
    /// Looked for; `None`: the system has no font for it.
    found: BTreeMap<char, Option<Found>>,
    /// The system's fonts, once they are listed. The thread has them while it looks.
    system: Option<System>,
    thread: Option<JoinHandle<()>>,
}

/// A font of the system.
#[derive(Clone)]
struct Found {
    name: String,
    data: FontData,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands among egui's sources of fonts.
struct Provider(Arc<Shared>);

impl FontProvider for Provider {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        let letter = request.cluster.chars().next()?;
        let mut state = self.0.state();
        if let Some(found) = state.found.get(&letter) {
            return found.clone().map(Found::insert);
        }
        if state.found.len() + state.wanted.len() < LETTERS && !state.wanted.contains(&letter) {
            state.wanted.push(letter);
        }
        None
    }
}

impl Found {
    /// For every family of ours: a name is set in more than one weight.
    fn insert(self) -> FontInsert {
        let families = [
            FontFamily::Proportional,
            FontFamily::Monospace,
            medium(),
            strong(),
            figures(),
            strong_figures(),
            icon_family(),
        ];
        let last = |family| InsertFontFamily { family, priority: FontPriority::Lowest };
        FontInsert { name: self.name, data: self.data, families: families.into_iter().map(last).collect() }
    }
}

fn id() -> Id {
    Id::unique("fonts of the system")
}

/// Makes the fonts of the system one of `ctx`'s sources.
pub(super) fn install(ctx: &Context) {
    let shared = Arc::new(Shared::default());
    ctx.data_mut(|data| data.insert_temp(id(), shared.clone()));
    ctx.set_font_providers(vec![Arc::new(Provider(shared))]);
}

/// Looks for what was missed in the last frame, on a thread of its own. Cheap where nothing was.
pub fn tend(ctx: &Context) {
    let Some(shared) = ctx.data(|data| data.get_temp::<Arc<Shared>>(id())) else { return };
    let mut state = shared.state();
    if state.wanted.is_empty() || state.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
        return;
    }
    let (looks, ctx) = (shared.clone(), ctx.clone());
    let thread = std::thread::Builder::new().name("fonts".into()).spawn(move || look(&looks, &ctx));
    state.thread = thread.inspect_err(|error| tracing::warn!(%error, "letters may be missing")).ok();
}

/// The thread: looks for every letter that is wanted, then lets egui ask again.
fn look(shared: &Arc<Shared>, ctx: &Context) {
    let system = shared.state().system.take();
    let mut system = system.unwrap_or_else(System::list);
    loop {
        let wanted = std::mem::take(&mut shared.state().wanted);
        if wanted.is_empty() {
            break;
        }
        let found: Vec<(char, Option<Found>)> =
            wanted.into_iter().map(|letter| (letter, system.font_for(letter))).collect();
        shared.state().found.extend(found);
    }
    shared.state().system = Some(system);
    // Setting them again makes egui forget which letters had no font.
    ctx.set_font_providers(vec![Arc::new(Provider(shared.clone()))]);
}

/// The fonts that are installed.
struct System {
    fonts: Collection,
    files: SourceCache,
    languages: Vec<Language>,
}

impl System {
    fn list() -> Self {
        let fonts = Collection::new(CollectionOptions { shared: false, system_fonts: true });
        let files = SourceCache::new(SourceCacheOptions::default());
        let own = own_language();
        let languages = own.iter().map(String::as_str).chain(HAN).filter_map(|tag| Language::parse(tag).ok());
        Self { fonts, files, languages: languages.collect() }
    }

    /// A font that draws `letter`.
    fn font_for(&mut self, letter: char) -> Option<Found> {
        let font = match script(letter) {
            Some(script) => {
                let tries: Vec<Option<Language>> = match script {
                    script if script == Script::from_bytes(*b"Hani") => {
                        self.languages.iter().copied().map(Some).collect()
                    }
                    _ => vec![self.languages.first().copied(), None],
                };
                tries.into_iter().find_map(|language| {
                    let key = FallbackKey::new(script, language.as_ref());
                    self.query(letter, &[GenericFamily::SansSerif], Some(key))
                })
            }
            // Signs belong to no script.
            None => {
                use GenericFamily::{Math, Monospace, SansSerif, Serif, SystemUi};
                self.query(letter, &[SansSerif, SystemUi, Math, Serif, Monospace], None)
            }
        }?;
        let family = self.fonts.family_name(font.family.0).unwrap_or("of no name").to_owned();
        tracing::debug!(%family, letter = %letter.escape_unicode(), "a font of the system");
        let name = format!("system {family} {} {}", font.family.1, font.index);
        let (bytes, _) = font.blob.into_raw_parts();
        Some(Found { name, data: FontData::from_blob(bytes, font.index) })
    }

    fn query(&mut self, letter: char, families: &[GenericFamily], fallback: Option<FallbackKey>) -> Option<QueryFont> {
        let mut query = self.fonts.query(&mut self.files);
        query.set_families(families.iter().copied().map(QueryFamily::Generic));
        if let Some(key) = fallback {
            query.set_fallbacks(key);
        }
        let mut found = None;
        query.matches_with(|font| {
            if !draws(font, letter) {
                return QueryStatus::Continue;
            }
            found = Some(font.clone());
            QueryStatus::Stop
        });
        found
    }
}

/// Whether the font has an outline for it: pictures in colour are not drawn here.
fn draws(font: &QueryFont, letter: char) -> bool {
    let glyph = font.charmap().and_then(|map| map.map(letter)).filter(|glyph| *glyph != 0);
    let Some((glyph, face)) = glyph.zip(skrifa::FontRef::from_index(font.blob.as_ref(), font.index).ok()) else {
        return false;
    };
    face.outline_glyphs().get(skrifa::GlyphId::new(glyph)).is_some()
}

/// The script of a letter; `None` for signs that many scripts share.
fn script(letter: char) -> Option<Script> {
    use unicode_script::Script as Of;
    match letter.script() {
        Of::Common | Of::Inherited | Of::Unknown => None,
        script => Script::parse(script.short_name()).ok(),
    }
}

/// The user's language as the environment has it, such as "zh-TW": of two fonts for one script it takes the fitting one.
fn own_language() -> Option<String> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let value = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set)?;
    let tag = value.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
    (tag != "C" && tag != "POSIX").then_some(tag)
}

/// Waits until the thread is back.
#[cfg(test)]
pub(crate) fn settle(ctx: &Context) {
    let shared = ctx.data(|data| data.get_temp::<Arc<Shared>>(id()));
    let thread = shared.and_then(|shared| shared.state().thread.take());
    if let Some(thread) = thread {
        thread.join().expect("the thread does not panic");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{self, Type};

    /// In DejaVu, which every desktop has, and in no shipped font.
    const ARMENIAN: char = 'Ա';
    /// Nobody's.
    const PRIVATE: char = '\u{10FFF0}';

    fn frame(ctx: &Context, letter: char) -> bool {
        let mut has = false;
        let output = ctx.run_ui(Default::default(), |ui| {
            has = ui.ctx().fonts_mut(|fonts| fonts.has_glyph(&Type::Strong.font(), letter));
        });
        output.drop_without_applying_deltas();
        has
    }

    #[test]
    fn a_letter_that_no_shipped_font_has_comes_from_the_system_a_frame_later() {
        let ctx = Context::default();
        theme::install(&ctx);
        assert!(frame(&ctx, 'a') && frame(&ctx, '🙂'), "shipped fonts have these");
        tend(&ctx);
        let shared = ctx.data(|data| data.get_temp::<Arc<Shared>>(id())).unwrap();
        assert!(shared.state().thread.is_none(), "nothing is missing, so nobody looks");
        assert!(!frame(&ctx, ARMENIAN), "the frame does not wait");
        assert!(!frame(&ctx, PRIVATE));
        tend(&ctx);
        settle(&ctx);
        let reason = "no Armenian font: install fonts-dejavu-core, or run packaging's set-up";
        assert!(frame(&ctx, ARMENIAN), "{reason}");
        assert!(!frame(&ctx, PRIVATE), "nobody has it");
        tend(&ctx);
        assert!(shared.state().thread.is_none(), "and nobody looks for it twice");
    }

    #[test]
    fn every_script_is_known_and_signs_belong_to_none() {
        let of = |letter| script(letter).map(|script| script.to_bytes());
        assert_eq!(of('日'), Some(*b"Hani"));
        assert_eq!(of('ع'), Some(*b"Arab"));
        assert_eq!((of('1'), of('⌥')), (None, None));
    }
}
