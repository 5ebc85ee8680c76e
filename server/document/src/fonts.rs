//! The fonts: bundled ones always, further files when a text first needs them. Hands out shapers (font list plus scratch space) so
//! that many threads lay out at once.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use parley::{
    FontContext, FontFamilyName, Language, LayoutContext,
    fontique::{Blob, Collection, CollectionOptions},
};
use skrifa::{FontRef, MetadataProvider};

use crate::context::LoadFonts;

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

/// Idle shapers kept for the next rendering.
const POOL: usize = 8;

pub(crate) struct Fonts {
    load: LoadFonts,
    /// Shared by both sets, so that a font keeps its identity when further fonts arrive in the middle of a document.
    files: Vec<Blob<u8>>,
    bundled: OnceLock<Arc<Set>>,
    all: OnceLock<Arc<Set>>,
    pool: Mutex<Vec<Shaper>>,
}

/// A set of registered fonts and the letters they can draw.
pub(crate) struct Set {
    collection: Collection,
    covered: Vec<u64>,
    /// Family names beyond Inter and Noto Serif, in order of preference.
    families: Vec<String>,
}

/// Scratch space of one rendering.
pub(crate) struct Shaper {
    pub(crate) fonts: FontContext,
    pub(crate) layouts: LayoutContext<u32>,
    set: Arc<Set>,
    complete: bool,
    families: HashMap<(bool, Language), Arc<[FontFamilyName<'static>]>>,
}

impl Fonts {
    pub(crate) fn new(load: LoadFonts) -> Self {
        Self {
            load,
            files: BUNDLED
                .iter()
                .map(|bytes| Blob::new(Arc::new(*bytes)))
                .collect(),
            bundled: OnceLock::new(),
            all: OnceLock::new(),
            pool: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn shaper(&self) -> Shaper {
        let idle = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        idle.unwrap_or_else(|| match self.all.get() {
            Some(all) => Shaper::new(all.clone(), true),
            None => Shaper::new(self.bundled().clone(), false),
        })
    }

    pub(crate) fn give_back(&self, shaper: Shaper) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOL {
            pool.push(shaper);
        }
    }

    /// Makes `shaper` able to draw `letter` if any font can; false when none does.
    pub(crate) fn cover(&self, shaper: &mut Shaper, letter: char) -> bool {
        if shaper.set.covers(letter) {
            return true;
        }
        if !shaper.complete {
            let all = self.all.get_or_init(|| {
                let files = (self.load)();
                let further = files.into_iter().map(|bytes| Blob::new(Arc::new(bytes)));
                Arc::new(Set::new(self.files.iter().cloned().chain(further)))
            });
            *shaper = Shaper::new(all.clone(), true);
        }
        shaper.set.covers(letter)
    }

    fn bundled(&self) -> &Arc<Set> {
        self.bundled
            .get_or_init(|| Arc::new(Set::new(self.files.iter().cloned())))
    }
}

impl Set {
    fn new(files: impl Iterator<Item = Blob<u8>>) -> Self {
        let mut set = Self {
            collection: Collection::new(CollectionOptions {
                shared: false,
                system_fonts: false,
            }),
            covered: vec![0; 0x11_0000 / 64],
            families: Vec::new(),
        };
        for blob in files {
            // Fonts of pictures cannot be written into a PDF; their letters are reported as missing.
            if !has_outlines(&blob) {
                continue;
            }
            let registered = set.collection.register_fonts(blob.clone(), None);
            for (family, infos) in registered {
                if let Some(name) = set.collection.family_name(family) {
                    let name = name.to_owned();
                    if !matches!(name.as_str(), "Inter" | "Noto Serif")
                        && !set.families.contains(&name)
                    {
                        set.families.push(name);
                    }
                }
                for info in infos {
                    let Ok(font) = FontRef::from_index(blob.data(), info.index()) else {
                        continue;
                    };
                    for (letter, _) in font.charmap().mappings() {
                        if let Some(word) = set.covered.get_mut(letter as usize / 64) {
                            *word |= 1 << (letter % 64);
                        }
                    }
                }
            }
        }
        set
    }

    fn covers(&self, letter: char) -> bool {
        let letter = letter as usize;
        self.covered[letter / 64] & (1 << (letter % 64)) != 0
    }

    /// The font families for a text, most wanted first; Chinese characters are drawn as the language writes them.
    fn families(&self, serif: bool, language: Language) -> Arc<[FontFamilyName<'static>]> {
        let traditional = match language.script() {
            Some(script) => script == "Hant",
            None => matches!(language.region(), Some("TW" | "HK" | "MO")),
        };
        let region = match language.language() {
            "ja" => " JP",
            "ko" => " KR",
            "zh" if traditional => " TC",
            _ => " SC",
        };
        let bundled = if serif {
            ["Noto Serif", "Inter"]
        } else {
            ["Inter", "Noto Serif"]
        };
        let preferred = |name: &&str| name.contains("CJK") && name.ends_with(region);
        let (first, then): (Vec<&str>, Vec<&str>) = self
            .families
            .iter()
            .map(String::as_str)
            .filter(|name| !name.contains("Mono"))
            .partition(preferred);
        bundled
            .into_iter()
            .chain(first)
            .chain(then)
            .map(|name| FontFamilyName::Named(Cow::Owned(name.to_owned())))
            .collect()
    }
}

fn has_outlines(blob: &Blob<u8>) -> bool {
    let first = match skrifa::raw::FileRef::new(blob.data()) {
        Ok(skrifa::raw::FileRef::Font(font)) => Some(font),
        Ok(skrifa::raw::FileRef::Collection(fonts)) => fonts.get(0).ok(),
        Err(_) => None,
    };
    first.is_some_and(|font| {
        use skrifa::raw::{TableProvider as _, types::Tag};
        font.data_for_tag(Tag::new(b"glyf")).is_some()
            || font.data_for_tag(Tag::new(b"CFF ")).is_some()
    })
}

impl Shaper {
    fn new(set: Arc<Set>, complete: bool) -> Self {
        Self {
            fonts: FontContext {
                collection: set.collection.clone(),
                source_cache: parley::fontique::SourceCache::default(),
            },
            layouts: LayoutContext::new(),
            set,
            complete,
            families: HashMap::new(),
        }
    }

    /// Kept, because every paragraph asks.
    pub(crate) fn families(
        &mut self,
        serif: bool,
        language: Language,
    ) -> Arc<[FontFamilyName<'static>]> {
        if let Some(known) = self.families.get(&(serif, language)) {
            return known.clone();
        }
        // A shaper lives on over many documents.
        if self.families.len() > 64 {
            self.families.clear();
        }
        let families = self.set.families(serif, language);
        self.families.insert((serif, language), families.clone());
        families
    }
}
