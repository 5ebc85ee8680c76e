//! What other files add to a document: the ground of its pages, pages before and behind them, each with bookmarks of its own.

use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};

use super::{
    foreign::{Foreign, Ground},
    outline::Bookmark,
};
use crate::{
    context::{DocumentError, LimitKind},
    display::Display,
    extras::{FileFault, FilePlace, Inserts, MAX_BOUND_PAGES, Sheets},
};

/// The files, read, before anything is written.
pub(super) struct Enclosed<'a> {
    /// Each with its first page and its second one.
    letterheads: Vec<(Foreign, [Option<Ground>; 2])>,
    before: Vec<(&'a str, Foreign)>,
    behind: Vec<(&'a str, Foreign)>,
}

/// What was put around the pages of a document.
pub(super) struct Bound {
    pub(super) before: Vec<ObjectId>,
    pub(super) behind: Vec<ObjectId>,
    pub(super) bookmarks_before: Vec<Bookmark>,
    pub(super) bookmarks_behind: Vec<Bookmark>,
}

impl<'a> Enclosed<'a> {
    pub(super) fn read(inserts: &'a Inserts) -> Result<Self, DocumentError> {
        if let Some((place, name)) = inserts.missing.first() {
            return Err(DocumentError::File {
                place: *place,
                name: name.clone(),
                fault: FileFault::Missing,
            });
        }
        let letterheads = inserts
            .letterheads
            .iter()
            .map(|sheets| {
                let foreign = read(sheets, FilePlace::Letterhead)?;
                let ground = |index| {
                    let ground = foreign.ground(index);
                    ground.map_err(|fault| refused(sheets, FilePlace::Letterhead, fault.into()))
                };
                let grounds = [ground(0)?, ground(1)?];
                Ok((foreign, grounds))
            })
            .collect::<Result<Vec<_>, DocumentError>>()?;
        let mut left = MAX_BOUND_PAGES;
        let mut bound = |list: &'a [Sheets], place| {
            list.iter()
                .map(|sheets| {
                    let foreign = read(sheets, place)?;
                    left = left
                        .checked_sub(foreign.page_count())
                        .ok_or(DocumentError::Limit {
                            kind: LimitKind::BoundPages,
                            max: MAX_BOUND_PAGES as u64,
                            block: String::new(),
                        })?;
                    Ok((sheets.name.as_str(), foreign))
                })
                .collect::<Result<Vec<_>, DocumentError>>()
        };
        Ok(Self {
            before: bound(&inserts.before, FilePlace::Before)?,
            behind: bound(&inserts.behind, FilePlace::Behind)?,
            letterheads,
        })
    }

    /// Makes the grounds known to the pages under their names.
    pub(super) fn lay_under(
        &self,
        document: &mut Document,
        pictures: ObjectId,
        display: &Display,
    ) -> Result<(), lopdf::Error> {
        for (file, (foreign, grounds)) in self.letterheads.iter().enumerate() {
            for second in [false, true] {
                // One page is the ground of all.
                let ground = grounds[usize::from(second)].as_ref();
                let Some(ground) = ground.or(grounds[0].as_ref()) else {
                    continue;
                };
                if !display.lies_under((file, second)) {
                    continue;
                }
                let form = foreign.form(ground, document, (display.width, display.height));
                document
                    .get_dictionary_mut(pictures)?
                    .set(name((file, second)), form);
            }
        }
        Ok(())
    }

    /// Puts the pages of other files around those of the document.
    pub(super) fn bind(
        &self,
        document: &mut Document,
        pages: &[ObjectId],
    ) -> Result<Bound, lopdf::Error> {
        let mut bound = Bound {
            before: Vec::new(),
            behind: Vec::new(),
            bookmarks_before: Vec::new(),
            bookmarks_behind: Vec::new(),
        };
        let Some(first) = pages.first() else {
            return Ok(bound);
        };
        if self.before.is_empty() && self.behind.is_empty() {
            return Ok(bound);
        }
        let tree = document.get_dictionary(*first)?.get(b"Parent")?;
        let tree = tree.as_reference()?;
        for (list, ids, bookmarks) in [
            (&self.before, &mut bound.before, &mut bound.bookmarks_before),
            (&self.behind, &mut bound.behind, &mut bound.bookmarks_behind),
        ] {
            for (name, foreign) in list {
                let copied = foreign.copy(document, tree);
                if let Some(first) = copied.pages.first() {
                    let title = name.strip_suffix(".pdf").unwrap_or(name);
                    bookmarks.push(Bookmark::file(title, *first, copied.bookmarks));
                }
                ids.extend(copied.pages);
            }
        }
        let all = bound.before.iter().chain(pages).chain(&bound.behind);
        let all: Vec<Object> = all.map(|page| Object::from(*page)).collect();
        let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let tree = document.get_dictionary_mut(tree)?;
        tree.set("Kids", all);
        tree.set("Count", count);
        Ok(bound)
    }
}

impl Bound {
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.behind.is_empty()
    }

    /// The document's own pages keep the numbers that are printed on them; those before are i, ii, iii.
    pub(super) fn labels(&self) -> Option<Dictionary> {
        if self.before.is_empty() {
            return None;
        }
        let first = i64::try_from(self.before.len()).unwrap_or(i64::MAX);
        let labels: Vec<Object> = vec![
            0.into(),
            dictionary! { "S" => "r" }.into(),
            first.into(),
            dictionary! { "S" => "D" }.into(),
        ];
        Some(dictionary! { "Nums" => labels })
    }
}

/// What a page calls its ground.
pub(super) fn name((file, second): (usize, bool)) -> String {
    format!("L{file}{}", if second { "b" } else { "a" })
}

fn read(sheets: &Sheets, place: FilePlace) -> Result<Foreign, DocumentError> {
    Foreign::read(&sheets.bytes).map_err(|fault| refused(sheets, place, fault.into()))
}

fn refused(sheets: &Sheets, place: FilePlace, fault: FileFault) -> DocumentError {
    DocumentError::File {
        place,
        name: sheets.name.clone(),
        fault,
    }
}
