//! The fonts: bundled ones always, files of the machine when a text first needs them, and the families that a template names. Hands
//! out shapers (font list plus scratch space) so that many threads lay out at once. No file is looked through as a whole: a letter is
//! looked up where a text has it.

mod file;

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use parley::{
    FontContext, FontData, FontFamilyName, Language, LayoutContext,
    fontique::{Blob, CharmapIndex, Collection, CollectionOptions},
};
use skrifa::{FontRef, MetadataProvider};

pub use file::{FontBytes, FontError, FontFace, FontFiles, font_families};
pub(crate) use file::{has_layers, has_outlines, has_pictures};

/// What a template calls "sans" and "serif".
pub(crate) const SANS: &str = "Inter";
pub(crate) const SERIF: &str = "Noto Serif";

/// What a Swiss QR-bill is printed in (Swiss Implementation Guidelines QR-bill, section 3.4).
pub(crate) const BILL: &str = "Liberation Sans";

/// Families of `BUNDLED` and `PRESCRIBED`.
pub(crate) const BUNDLED_FAMILIES: [&str; 5] =
    [SANS, SERIF, "Noto Sans Arabic", "Noto Sans Hebrew", BILL];

const BUNDLED: [&[u8]; 9] = [
    include_bytes!("../fonts/Inter-Regular.ttf"),
    include_bytes!("../fonts/Inter-SemiBold.ttf"),
    include_bytes!("../fonts/Inter-Italic.ttf"),
    include_bytes!("../fonts/Inter-SemiBoldItalic.ttf"),
    include_bytes!("../fonts/NotoSerif-Regular.ttf"),
    include_bytes!("../fonts/NotoSerif-SemiBold.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Regular.ttf"),
    include_bytes!("../fonts/NotoSansArabic-Bold.ttf"),
    include_bytes!("../fonts/NotoSansHebrew-Regular.ttf"),
];

/// Only for what is to be set in them by name; they stand in for no other font.
const PRESCRIBED: [&[u8]; 2] = [
    include_bytes!("../fonts/LiberationSans-Regular.ttf"),
    include_bytes!("../fonts/LiberationSans-Bold.ttf"),
];

/// Which of `BUNDLED` has a letter without width, for what is read and not drawn.
const SILENT: usize = 4;

/// Idle shapers kept for the next rendering.
const POOL: usize = 8;

pub(crate) struct Fonts {
    files: Box<dyn FontFiles>,
    /// Shared by both sets, so that a font keeps its identity when further fonts arrive in the middle of a document.
    blobs: Vec<Blob<u8>>,
    prescribed: Vec<Blob<u8>>,
    bundled: OnceLock<Arc<Set>>,
    all: OnceLock<Arc<Set>>,
    /// Of the machine, by their names in small letters.
    named: Mutex<HashMap<String, Vec<Blob<u8>>>>,
    pool: Mutex<Vec<Shaper>>,
}

/// A set of registered fonts and the letters they can draw.
pub(crate) struct Set {
    collection: Collection,
    /// Letters of the bundled fonts, a bit each.
    covered: Arc<Vec<u64>>,
    further: Vec<Letters>,
    /// Family names beyond Inter and Noto Serif, in order of preference.
    families: Vec<String>,
}

/// Where the letters of one face are looked up.
#[derive(Clone)]
struct Letters {
    blob: Blob<u8>,
    index: CharmapIndex,
}

/// Scratch space of one rendering.
pub(crate) struct Shaper {
    pub(crate) fonts: FontContext,
    pub(crate) layouts: LayoutContext<u32>,
    set: Arc<Set>,
    complete: bool,
    /// Fonts of this one document, and their letters.
    own: Vec<Blob<u8>>,
    own_letters: Vec<Letters>,
    /// Letters beyond the bundled fonts that were asked for.
    known: HashMap<char, bool>,
    families: HashMap<(Arc<str>, Language), Arc<[FontFamilyName<'static>]>>,
    /// Each of the families that texts are mostly set in.
    alone: [(&'static str, Arc<[FontFamilyName<'static>]>); 2],
}

impl Fonts {
    pub(crate) fn new(files: Box<dyn FontFiles>) -> Self {
        Self {
            files,
            blobs: blobs(&BUNDLED),
            prescribed: blobs(&PRESCRIBED),
            bundled: OnceLock::new(),
            all: OnceLock::new(),
            named: Mutex::new(HashMap::new()),
            pool: Mutex::new(Vec::new()),
        }
    }

    /// For a document that names families, of which some come with it.
    pub(crate) fn shaper(&self, named: &[Arc<str>], uploaded: &[FontBytes]) -> Shaper {
        let mut own: Vec<Blob<u8>> = uploaded.iter().cloned().map(Blob::new).collect();
        let come: Vec<String> = uploaded
            .iter()
            .flat_map(|bytes| font_families((**bytes).as_ref()))
            .collect();
        for name in named {
            if !come.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                own.extend(self.of_machine(name));
            }
        }
        if own.is_empty() {
            let idle = lock(&self.pool).pop();
            if let Some(shaper) = idle {
                return shaper;
            }
        }
        match self.all.get() {
            Some(all) => Shaper::new(all.clone(), true, own),
            None => Shaper::new(self.bundled().clone(), false, own),
        }
    }

    pub(crate) fn give_back(&self, shaper: Shaper) {
        let mut pool = lock(&self.pool);
        if pool.len() < POOL && shaper.own.is_empty() {
            pool.push(shaper);
        }
    }

    /// Makes `shaper` able to draw `letter` if any font can; false when none does.
    pub(crate) fn cover(&self, shaper: &mut Shaper, letter: char) -> bool {
        if shaper.set.is_bundled(letter) {
            return true;
        }
        if let Some(known) = shaper.known.get(&letter) {
            return *known;
        }
        if !shaper.complete && !shaper.finds(letter) {
            let all = self.all.get_or_init(|| {
                let further = self.files.fallbacks().into_iter().map(Blob::new);
                let covered = self.bundled().covered.clone();
                Arc::new(self.set(further, covered))
            });
            *shaper = Shaper::new(all.clone(), true, std::mem::take(&mut shaper.own));
        }
        let found = shaper.finds(letter);
        // A shaper lives on over many documents.
        if shaper.known.len() > 20_000 {
            shaper.known.clear();
        }
        shaper.known.insert(letter, found);
        found
    }

    /// The font with a letter that has no width.
    pub(crate) fn silent(&self) -> FontData {
        FontData::new(self.blobs[SILENT].clone(), 0)
    }

    /// Families that a template can name on this machine.
    pub(crate) fn families(&self) -> Vec<String> {
        let mut families: Vec<String> = BUNDLED_FAMILIES.map(str::to_owned).into();
        families.extend(self.files.families());
        families.sort();
        families.dedup();
        families
    }

    /// Kept, so that a font has one identity in all documents.
    fn of_machine(&self, name: &str) -> Vec<Blob<u8>> {
        let key = name.to_lowercase();
        if let Some(known) = lock(&self.named).get(&key) {
            return known.clone();
        }
        let files = self.files.family(name).into_iter().map(Blob::new);
        let found: Vec<Blob<u8>> = files.filter(file::is_drawable).collect();
        // What is not there is asked for again: somebody may put it there, and names are anybody's.
        if !found.is_empty() {
            lock(&self.named).insert(key, found.clone());
        }
        found
    }

    fn bundled(&self) -> &Arc<Set> {
        self.bundled.get_or_init(|| {
            let covered = covered(&self.blobs);
            Arc::new(self.set(std::iter::empty(), Arc::new(covered)))
        })
    }

    fn set(&self, further: impl Iterator<Item = Blob<u8>>, covered: Arc<Vec<u64>>) -> Set {
        let mut set = Set::new(&self.blobs, further, covered);
        for blob in &self.prescribed {
            register(&mut set.collection, blob);
        }
        set
    }
}

fn blobs(files: &[&'static [u8]]) -> Vec<Blob<u8>> {
    files
        .iter()
        .map(|bytes| Blob::new(Arc::new(*bytes)))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All letters of some fonts, a bit each.
fn covered(blobs: &[Blob<u8>]) -> Vec<u64> {
    let mut covered = vec![0_u64; 0x11_0000 / 64];
    for blob in blobs {
        let Ok(font) = FontRef::new(blob.data()) else {
            continue;
        };
        for (letter, _) in font.charmap().mappings() {
            if let Some(word) = covered.get_mut(letter as usize / 64) {
                *word |= 1 << (letter % 64);
            }
        }
    }
    covered
}

/// Registers a file, and gives its families and where their letters are, in the order of its faces.
fn register(collection: &mut Collection, blob: &Blob<u8>) -> Vec<(String, Letters)> {
    if !file::is_drawable(blob) {
        return Vec::new();
    }
    let mut found: Vec<(u32, String, Letters)> = Vec::new();
    for (family, faces) in collection.register_fonts(blob.clone(), None) {
        let name = collection
            .family_name(family)
            .unwrap_or_default()
            .to_owned();
        found.extend(faces.into_iter().map(|face| {
            let letters = Letters {
                blob: blob.clone(),
                index: face.charmap_index(),
            };
            (face.index(), name.clone(), letters)
        }));
    }
    found.sort_by_key(|(index, ..)| *index);
    found
        .into_iter()
        .map(|(_, name, letters)| (name, letters))
        .collect()
}

impl Letters {
    fn has(&self, letter: char) -> bool {
        let charmap = self.index.charmap(self.blob.data());
        charmap.is_some_and(|charmap| charmap.map(letter).is_some_and(|glyph| glyph != 0))
    }
}

impl Set {
    fn new(
        bundled: &[Blob<u8>],
        further: impl Iterator<Item = Blob<u8>>,
        covered: Arc<Vec<u64>>,
    ) -> Self {
        let mut set = Self {
            collection: Collection::new(CollectionOptions {
                shared: false,
                system_fonts: false,
            }),
            covered,
            further: Vec::new(),
            families: Vec::new(),
        };
        for blob in bundled {
            for (name, _) in register(&mut set.collection, blob) {
                set.add_family(name);
            }
        }
        for blob in further {
            for (name, letters) in register(&mut set.collection, &blob) {
                set.add_family(name);
                set.further.push(letters);
            }
        }
        set
    }

    fn add_family(&mut self, name: String) {
        if name != SANS && name != SERIF && !self.families.contains(&name) {
            self.families.push(name);
        }
    }

    fn is_bundled(&self, letter: char) -> bool {
        let letter = letter as usize;
        self.covered[letter / 64] & (1 << (letter % 64)) != 0
    }

    /// The font families for a text, most wanted first; Chinese characters are drawn as the language writes them.
    fn families(&self, wanted: &str, language: Language) -> Arc<[FontFamilyName<'static>]> {
        let regions = regions(language);
        let serif = wanted == SERIF;
        let bundled = if serif { [SERIF, SANS] } else { [SANS, SERIF] };
        let mut further: Vec<&str> = self
            .families
            .iter()
            .map(String::as_str)
            .filter(|name| !name.contains("Mono"))
            .collect();
        further.sort_by_key(|name| {
            let region = regions.iter().position(|region| name.ends_with(*region));
            match region.filter(|_| name.contains("CJK")) {
                Some(region) => (false, name.contains("Serif") != serif, region),
                None => (true, false, 0),
            }
        });
        std::iter::once(wanted)
            .chain(bundled.into_iter().filter(|name| *name != wanted))
            .chain(further)
            .map(|name| FontFamilyName::Named(Cow::Owned(name.to_owned())))
            .collect()
    }
}

/// Which glyphs of Chinese characters a language wants, by the ends of the names of Noto's families.
fn regions(language: Language) -> &'static [&'static str] {
    let region = language.region();
    let traditional = match language.script() {
        Some(script) => script == "Hant",
        None => matches!(region, Some("TW" | "HK" | "MO")),
    };
    match language.language() {
        "ja" => &[" JP"],
        "ko" => &[" KR"],
        "zh" if traditional && matches!(region, Some("HK" | "MO")) => &[" HK", " TC"],
        "zh" if traditional => &[" TC"],
        _ => &[" SC"],
    }
}

impl Shaper {
    fn new(set: Arc<Set>, complete: bool, own: Vec<Blob<u8>>) -> Self {
        let mut collection = set.collection.clone();
        let mut own_letters = Vec::new();
        for blob in &own {
            let faces = register(&mut collection, blob);
            own_letters.extend(faces.into_iter().map(|(_, letters)| letters));
        }
        Self {
            fonts: FontContext {
                collection,
                source_cache: parley::fontique::SourceCache::default(),
            },
            layouts: LayoutContext::new(),
            set,
            complete,
            own,
            own_letters,
            known: HashMap::new(),
            families: HashMap::new(),
            alone: [SANS, SERIF].map(|name| {
                let family = FontFamilyName::Named(Cow::Borrowed(name));
                (name, Arc::from([family]))
            }),
        }
    }

    fn finds(&self, letter: char) -> bool {
        let mut faces = self.own_letters.iter().chain(&self.set.further);
        faces.any(|face| face.has(letter))
    }

    /// Whether a template that names a family gets it.
    pub(crate) fn has_family(&mut self, name: &str) -> bool {
        self.fonts.collection.family_id(name).is_some()
    }

    /// Kept, because every paragraph asks. `is_plain`: nothing but the letters of ASCII, which the bundled families have all of, so that
    /// no other one is looked up.
    pub(crate) fn families(
        &mut self,
        wanted: &Arc<str>,
        language: Language,
        is_plain: bool,
    ) -> Arc<[FontFamilyName<'static>]> {
        let mut alone = self.alone.iter();
        if is_plain && let Some((_, families)) = alone.find(|(name, _)| **wanted == **name) {
            return families.clone();
        }
        let key = (wanted.clone(), language);
        if let Some(known) = self.families.get(&key) {
            return known.clone();
        }
        // A shaper lives on over many documents.
        if self.families.len() > 64 {
            self.families.clear();
        }
        let families = self.set.families(wanted, language);
        self.families.insert(key, families.clone());
        families
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `Shaper::families` relies on.
    #[test]
    fn the_families_of_texts_have_all_letters_of_ascii() {
        for bytes in &BUNDLED[..6] {
            let charmap = FontRef::new(bytes).expect("a font").charmap();
            let missing: Vec<char> = (' '..='~')
                .filter(|letter| charmap.map(*letter).is_none())
                .collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
    }
}
