//! Texts that were shaped to be measured and are set afterwards: shaping is what costs.

use std::{collections::HashMap, sync::Arc};

use parley::Language;

use super::{Look, Span, shape::Shaped};
use crate::template::Direction;

/// Most that are kept; a table of many thousands of rows is measured before its first row is set.
const MOST: usize = 4_096;

#[derive(Default)]
pub(crate) struct Measured {
    texts: HashMap<Key, Vec<Shaped>>,
    count: usize,
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
    pub(crate) fn keep(&mut self, spans: &[Span], look: &Look, shaped: Shaped) {
        if self.count < MOST {
            self.count += 1;
            let key = Key::new(spans, look);
            self.texts.entry(key).or_default().push(shaped);
        }
    }

    pub(crate) fn take(&mut self, spans: &[Span], look: &Look) -> Option<Shaped> {
        if self.count == 0 {
            return None;
        }
        let shaped = self.texts.get_mut(&Key::new(spans, look))?.pop()?;
        self.count -= 1;
        Some(shaped)
    }

    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.count = 0;
    }
}
