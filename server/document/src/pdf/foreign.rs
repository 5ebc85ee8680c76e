//! PDFs that somebody else made, as pages for a document or as the ground of one. Copied is what the pages show, with links and notes, and
//! nothing else of the file: no scripts, no forms, no tags, no names. What a hostile file can take is bounded (`guard`); its size is
//! the caller's to bound.

mod copier;
mod guard;

use std::collections::BTreeSet;

use lopdf::{DecompressError, Dictionary, Document, Error, Object, ObjectId, Stream};

use self::{
    copier::{Copier, places},
    guard::weight_of,
};
use super::outline::{self, Bookmark};

/// What a page has from those above it in its document (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// Levels of pages above one another that are looked through.
const MAX_LEVELS: usize = 50;
/// Bytes of what is drawn on a page that becomes the ground of others.
const MAX_CONTENT: usize = 16 * 1024 * 1024;
/// Shortest and longest side of a page in points (ISO 32000-1, annex C).
const SIDES: std::ops::RangeInclusive<f32> = 3.0..=14_400.0;

/// What a page shows, and how.
const PAGE: [&[u8]; 9] = [
    b"MediaBox",
    b"CropBox",
    b"TrimBox",
    b"BleedBox",
    b"ArtBox",
    b"Rotate",
    b"UserUnit",
    b"Resources",
    b"Group",
];

/// A file whose pages cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbindable {
    #[error("the file is not a PDF that can be read")]
    Unreadable,
    #[error("the PDF has a password")]
    Locked,
    #[error("the PDF has no pages")]
    Empty,
    #[error("the PDF is too large or too complicated")]
    Complex,
}

/// Whether a file says that it is a PDF.
pub(crate) fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    head.windows(5).any(|part| part == b"%PDF-")
}

/// How many pages a file has that can be taken.
pub(crate) fn check_pages(bytes: &[u8]) -> Result<usize, Unbindable> {
    Foreign::read(bytes).map(|foreign| foreign.page_count())
}

/// A file that was read.
pub(super) struct Foreign {
    document: Document,
    pages: Vec<ObjectId>,
}

/// What became of its pages.
pub(super) struct Copied {
    pub(super) pages: Vec<ObjectId>,
    pub(super) bookmarks: Vec<Bookmark>,
}

/// A page as the ground of others.
pub(super) struct Ground {
    page: Dictionary,
    content: Vec<u8>,
    /// Left, bottom, right, top.
    area: [f32; 4],
    /// Quarters to the right.
    turns: i64,
}

impl Foreign {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unbindable> {
        let (document, mut left) = guard::load(bytes)?;
        let mut seen = BTreeSet::new();
        let pages: Vec<ObjectId> = document
            .page_iter()
            .filter(|page| seen.insert(*page))
            .collect();
        if pages.is_empty() {
            return Err(Unbindable::Empty);
        }
        // What pages have from above is written once for each of them.
        for page in &pages {
            let page = with_inherited(&document, *page).ok_or(Unbindable::Unreadable)?;
            area(&document, &page).ok_or(Unbindable::Unreadable)?;
            left = left
                .checked_sub(weight_of(&page))
                .ok_or(Unbindable::Complex)?;
        }
        Ok(Self { document, pages })
    }

    pub(super) fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Copies all pages, for a tree of pages that the caller puts them into.
    pub(super) fn copy(&self, into: &mut Document, tree: ObjectId) -> Copied {
        let places = places(&self.document);
        let mut copier = Copier::new(&self.document, into);
        let pages: Vec<ObjectId> = self
            .pages
            .iter()
            .map(|page| copier.reserve(*page))
            .collect();
        for (page, id) in self.pages.iter().zip(&pages) {
            let Some(page) = with_inherited(&self.document, *page) else {
                continue;
            };
            let mut copy = copier.members(&page, &PAGE);
            if let Ok(contents) = page.get(b"Contents") {
                copy.set("Contents", copier.object(contents));
            }
            let notes = copier.notes(&page, &places);
            if !notes.is_empty() {
                copy.set("Annots", notes);
            }
            copy.set("Type", "Page");
            copy.set("Parent", tree);
            copier.into.objects.insert(*id, copy.into());
        }
        let ids = copier.finish();
        let own = self.pages.iter().copied().collect();
        let bookmarks = outline::read(&self.document, &own)
            .into_iter()
            .map(|bookmark| bookmark.moved(&ids))
            .collect();
        Copied { pages, bookmarks }
    }

    /// A page, counted from 0, as the ground of others; `None` beyond the last one.
    pub(super) fn ground(&self, index: usize) -> Result<Option<Ground>, Unbindable> {
        let Some(id) = self.pages.get(index) else {
            return Ok(None);
        };
        let page = with_inherited(&self.document, *id).ok_or(Unbindable::Unreadable)?;
        let area = area(&self.document, &page).ok_or(Unbindable::Unreadable)?;
        let turns = page
            .get_deref(b"Rotate", &self.document)
            .and_then(Object::as_i64);
        let mut content = Vec::new();
        for part in self.document.get_page_contents(*id) {
            let Ok(stream) = self.document.get_object(part).and_then(Object::as_stream) else {
                continue;
            };
            let left = MAX_CONTENT.saturating_sub(content.len());
            match stream.get_plain_content_with_limit(left) {
                Ok(plain) => content.extend(plain),
                Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => {
                    return Err(Unbindable::Complex);
                }
                Err(_) => return Err(Unbindable::Unreadable),
            }
            // Words never go over from one part to the next (ISO 32000-1, 7.8.2).
            content.push(b'\n');
        }
        Ok(Some(Ground {
            page,
            content,
            area,
            turns: turns.unwrap_or(0).div_euclid(90).rem_euclid(4),
        }))
    }

    /// Copies a ground as a form (ISO 32000-1, 8.10) that fits into a page of this size and stands in its middle.
    pub(super) fn form(
        &self,
        ground: &Ground,
        into: &mut Document,
        (width, height): (f32, f32),
    ) -> ObjectId {
        let mut copier = Copier::new(&self.document, into);
        let mut dict = copier.members(&ground.page, &[b"Resources", b"Group"]);
        copier.finish();
        let real = |numbers: &[f32]| -> Vec<Object> {
            numbers.iter().map(|number| Object::Real(*number)).collect()
        };
        dict.set("Type", "XObject");
        dict.set("Subtype", "Form");
        dict.set("BBox", real(&ground.area));
        dict.set("Matrix", real(&ground.matrix(width, height)));
        into.add_object(Stream::new(dict, ground.content.clone()))
    }
}

impl Ground {
    /// From the page as it was drawn to the page it lies under.
    fn matrix(&self, width: f32, height: f32) -> [f32; 6] {
        let [left, bottom, right, top] = self.area;
        let (own_width, own_height) = (right - left, top - bottom);
        let (turned, seen_width, seen_height) = match self.turns {
            1 => ([0.0, -1.0, 1.0, 0.0, -bottom, right], own_height, own_width),
            2 => ([-1.0, 0.0, 0.0, -1.0, right, top], own_width, own_height),
            3 => ([0.0, 1.0, -1.0, 0.0, top, -left], own_height, own_width),
            _ => ([1.0, 0.0, 0.0, 1.0, -left, -bottom], own_width, own_height),
        };
        let scale = (width / seen_width).min(height / seen_height);
        let mut matrix = turned.map(|part| part * scale);
        matrix[4] += (width - seen_width * scale) / 2.0;
        matrix[5] += (height - seen_height * scale) / 2.0;
        matrix
    }
}

/// The page with what it has from those above it.
fn with_inherited(document: &Document, page: ObjectId) -> Option<Dictionary> {
    let mut dict = document.get_dictionary(page).ok()?.clone();
    let mut above = dict.get(b"Parent").and_then(Object::as_reference).ok();
    for _ in 0..MAX_LEVELS {
        let Some(node) = above.and_then(|id| document.get_dictionary(id).ok()) else {
            break;
        };
        for key in INHERITED {
            if !dict.has(key)
                && let Ok(value) = node.get(key)
            {
                dict.set(key, value.clone());
            }
        }
        above = node.get(b"Parent").and_then(Object::as_reference).ok();
    }
    Some(dict)
}

/// What is seen of a page.
fn area(document: &Document, page: &Dictionary) -> Option<[f32; 4]> {
    let rectangle = |key: &[u8]| -> Option<[f32; 4]> {
        let sides = page.get_deref(key, document).and_then(Object::as_array);
        let mut numbers = [0.0; 4];
        let sides = sides.ok().filter(|sides| sides.len() == numbers.len())?;
        for (number, side) in numbers.iter_mut().zip(sides) {
            let (_, side) = document.dereference(side).ok()?;
            *number = side.as_float().ok().filter(|side| side.is_finite())?;
        }
        let [a, b, c, d] = numbers;
        Some([a.min(c), b.min(d), a.max(c), b.max(d)])
    };
    let media = rectangle(b"MediaBox")?;
    let area = match rectangle(b"CropBox") {
        Some(crop) => [
            crop[0].max(media[0]),
            crop[1].max(media[1]),
            crop[2].min(media[2]),
            crop[3].min(media[3]),
        ],
        None => media,
    };
    let fits = |area: &[f32; 4]| {
        SIDES.contains(&(area[2] - area[0])) && SIDES.contains(&(area[3] - area[1]))
    };
    [area, media].into_iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_is_turned_and_fits() {
        let ground = |turns| Ground {
            page: Dictionary::new(),
            content: Vec::new(),
            area: [10.0, 20.0, 110.0, 220.0],
            turns,
        };
        let check = |turns, (x, y): (f32, f32), expected: (f32, f32)| {
            let [a, b, c, d, e, f] = ground(turns).matrix(200.0, 200.0);
            let found: (f32, f32) = (a * x + c * y + e, b * x + d * y + f);
            let near = (found.0 - expected.0).abs() < 0.01 && (found.1 - expected.1).abs() < 0.01;
            assert!(near, "{turns}: {found:?}");
        };
        // The lower left corner, once it is turned.
        check(0, (10.0, 20.0), (50.0, 0.0));
        check(1, (10.0, 20.0), (0.0, 150.0));
        check(2, (10.0, 20.0), (150.0, 200.0));
        check(3, (10.0, 20.0), (200.0, 50.0));
    }
}
