//! Texts that were shaped to be measured and are set afterwards: shaping is what costs. What many cells say is shaped once.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use parley::Language;

use super::{Look, Span, shape::Shaped};
use crate::{context::MB, template::Direction};

/// Most that is kept; a table of many thousands of rows is measured before its first row is set.
const MOST_BYTES: usize = 24 * MB;

/// What a shaped text takes, and each byte of it.
const TEXT: usize = 2_000;
const LETTER: usize = 200;

#[derive(Default)]
pub(crate) struct Measured {
    texts: HashMap<Key, Kept>,
    bytes: usize,
}

struct Kept {
    shaped: Shaped,
    /// How often it was measured and not set yet.
    times: usize,
}

/// Text, bold, italic and language.
type Spanned = (String, Option<bool>, Option<bool>, Option<Language>);

/// All that shaping depends on.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    spans: Vec<Spanned>,
    /// Size, height of a line and tracking, bit by bit.
    numbers: [u32; 3],
    switches: [bool; 4],
    font: Arc<str>,
    language: Language,
    direction: Option<Direction>,
}

impl Key {
    fn new(spans: &[Span], look: &Look) -> Self {
        Self {
            spans: spans
                .iter()
                .map(|span| (span.text.clone(), span.bold, span.italic, span.language))
                .collect(),
            numbers: [look.size, look.line_height, look.tracking].map(f32::to_bits),
            switches: [look.bold, look.italic, look.tabular, look.hyphenate],
            font: look.font.clone(),
            language: look.language,
            direction: look.direction,
        }
    }
}

impl Measured {
    /// The width of a text that is kept already, measured once more.
    pub(crate) fn again(&mut self, spans: &[Span], look: &Look) -> Option<f32> {
        if self.bytes == 0 {
            return None;
        }
        let kept = self.texts.get_mut(&Key::new(spans, look))?;
        kept.times += 1;
        Some(kept.shaped.width)
    }

    pub(crate) fn keep(&mut self, spans: &[Span], look: &Look, shaped: Shaped) {
        let bytes = self.bytes + size(spans);
        match self.texts.entry(Key::new(spans, look)) {
            Entry::Occupied(mut kept) => kept.get_mut().times += 1,
            Entry::Vacant(place) if bytes <= MOST_BYTES => {
                self.bytes = bytes;
                place.insert(Kept { shaped, times: 1 });
            }
            Entry::Vacant(_) => {}
        }
    }

    pub(crate) fn take(&mut self, spans: &[Span], look: &Look) -> Option<Shaped> {
        if self.bytes == 0 {
            return None;
        }
        let Entry::Occupied(mut kept) = self.texts.entry(Key::new(spans, look)) else {
            return None;
        };
        if kept.get().times > 1 {
            kept.get_mut().times -= 1;
            return Some(kept.get().shaped.clone());
        }
        self.bytes -= size(spans);
        Some(kept.remove().shaped)
    }

    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.bytes = 0;
    }
}

fn size(spans: &[Span]) -> usize {
    let letters: usize = spans.iter().map(|span| span.text.len()).sum();
    TEXT + LETTER * letters
}
