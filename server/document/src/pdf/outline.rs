//! Bookmarks (ISO 32000-1, 12.3.3): the headings of a document with their ranks, and those of files that are bound.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    iter::Peekable,
    slice::Iter,
};

use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};

use super::metadata::text_string;
use crate::display::{Display, Item, TagId};

/// Bookmarks of one file that are bound, and levels of them.
const MAX_BOUND: usize = 5_000;
const MAX_LEVELS: usize = 20;

/// A heading where it is first seen.
pub(super) struct Heading {
    pub(super) tag: TagId,
    /// From 1; at most one more than the heading before has, whatever levels the template gives: it chooses them for their looks, while
    /// a rank that is left out leads readers astray (ISO 14289-1, 7.4.2).
    pub(super) rank: usize,
    text: String,
    page: usize,
    /// From the foot of the page.
    top: f32,
}

/// In reading order; headings that nothing is seen of are none.
pub(super) fn headings(display: &Display) -> Vec<Heading> {
    let mut unseen: HashMap<TagId, &str> = display
        .headings
        .iter()
        .map(|(tag, text)| (*tag, text.as_str()))
        .collect();
    let mut found: Vec<Heading> = Vec::with_capacity(unseen.len());
    let mut levels: Vec<u32> = Vec::new();
    for (page, list) in display.pages.iter().enumerate() {
        for placed in list.items.iter().filter(|placed| !placed.artifact) {
            if unseen.is_empty() {
                return found;
            }
            let Item::Glyphs(run) = &placed.item else {
                continue;
            };
            // A heading may begin with a link.
            for tag in [run.tag, display.tags[run.tag as usize].parent] {
                let Some(text) = unseen.remove(&tag) else {
                    continue;
                };
                let level = level(display.tags[tag as usize].role);
                levels.truncate(levels.iter().take_while(|above| **above < level).count());
                levels.push(level);
                found.push(Heading {
                    tag,
                    rank: levels.len(),
                    text: text.split_whitespace().collect::<Vec<_>>().join(" "),
                    page,
                    top: display.height - placed.y,
                });
            }
        }
    }
    found
}

/// Of `H1` to `H6`.
fn level(role: &str) -> u32 {
    role.trim_start_matches('H').parse().unwrap_or(1)
}

/// A bookmark with those below it.
pub(super) struct Bookmark {
    title: Object,
    place: Vec<Object>,
    /// Whether those below are shown from the start.
    open: bool,
    below: Vec<Bookmark>,
}

impl Bookmark {
    /// A file among others: its own bookmarks wait below it.
    pub(super) fn file(title: &str, page: ObjectId, below: Vec<Self>) -> Self {
        Self {
            title: text_string(title),
            place: vec![page.into(), "Fit".into()],
            open: false,
            below,
        }
    }

    /// The same where the pages that it leads to have other ids.
    pub(super) fn moved(mut self, ids: &BTreeMap<ObjectId, ObjectId>) -> Self {
        for part in &mut self.place {
            if let Object::Reference(page) = part
                && let Some(new) = ids.get(page)
            {
                *page = *new;
            }
        }
        let below = self.below.into_iter();
        self.below = below.map(|bookmark| bookmark.moved(ids)).collect();
        self
    }
}

pub(super) fn bookmarks(headings: &[Heading], pages: &[ObjectId]) -> Vec<Bookmark> {
    ranked(&mut headings.iter().peekable(), 1, pages)
}

fn ranked(
    headings: &mut Peekable<Iter<'_, Heading>>,
    rank: usize,
    pages: &[ObjectId],
) -> Vec<Bookmark> {
    let mut bookmarks = Vec::new();
    while let Some(heading) = headings.next_if(|heading| heading.rank >= rank) {
        let page = Object::from(pages[heading.page]);
        bookmarks.push(Bookmark {
            title: text_string(&heading.text),
            place: vec![
                page,
                "XYZ".into(),
                Object::Null,
                heading.top.into(),
                Object::Null,
            ],
            open: true,
            below: ranked(headings, rank + 1, pages),
        });
    }
    bookmarks
}

/// The bookmarks of a file that lead to one of `pages`; those below others that lead nowhere take their place.
pub(super) fn read(document: &Document, pages: &BTreeSet<ObjectId>) -> Vec<Bookmark> {
    let outlines = document
        .catalog()
        .and_then(|catalog| catalog.get_deref(b"Outlines", document))
        .and_then(Object::as_dict);
    let mut seen = BTreeSet::new();
    outlines.map_or_else(
        |_| Vec::new(),
        |outlines| read_below(document, outlines, pages, MAX_LEVELS, &mut seen),
    )
}

fn read_below(
    document: &Document,
    above: &Dictionary,
    pages: &BTreeSet<ObjectId>,
    levels: usize,
    seen: &mut BTreeSet<ObjectId>,
) -> Vec<Bookmark> {
    let mut found = Vec::new();
    let mut next = above.get(b"First");
    while let Ok(id) = next.and_then(Object::as_reference)
        && let Ok(item) = document.get_dictionary(id)
        && levels > 0
        && seen.len() < MAX_BOUND
        && seen.insert(id)
    {
        let below = read_below(document, item, pages, levels - 1, seen);
        let title = item.get_deref(b"Title", document);
        match (title, place(document, item, pages)) {
            (Ok(title @ Object::String(..)), Some(place)) => found.push(Bookmark {
                title: title.clone(),
                place,
                open: false,
                below,
            }),
            _ => found.extend(below),
        }
        next = item.get(b"Next");
    }
    found
}

/// Where a bookmark leads, if that is a page; places that are known by a name only stay behind with the names.
fn place(
    document: &Document,
    item: &Dictionary,
    pages: &BTreeSet<ObjectId>,
) -> Option<Vec<Object>> {
    let place = match item.get_deref(b"Dest", document) {
        Ok(place) => place,
        Err(_) => {
            let action = item
                .get_deref(b"A", document)
                .and_then(Object::as_dict)
                .ok()?;
            action.get_deref(b"D", document).ok()?
        }
    };
    let place = place.as_array().ok()?;
    let page = place.first()?.as_reference().ok()?;
    let plain = place[1..].iter().all(|part| {
        matches!(
            part,
            Object::Null | Object::Name(_) | Object::Integer(_) | Object::Real(_)
        )
    });
    (pages.contains(&page) && plain).then(|| place.clone())
}

/// Adds the bookmarks to the document; `None` if there are none.
pub(super) fn write(document: &mut Document, bookmarks: Vec<Bookmark>) -> Option<ObjectId> {
    let root = document.new_object_id();
    let count = shown(&bookmarks);
    let (first, last) = write_below(document, root, bookmarks)?;
    document.set_object(
        root,
        dictionary! { "Type" => "Outlines", "First" => first, "Last" => last, "Count" => count },
    );
    Some(root)
}

/// First and last of those below one.
fn write_below(
    document: &mut Document,
    above: ObjectId,
    bookmarks: Vec<Bookmark>,
) -> Option<(ObjectId, ObjectId)> {
    let ids: Vec<ObjectId> = bookmarks.iter().map(|_| document.new_object_id()).collect();
    for (index, bookmark) in bookmarks.into_iter().enumerate() {
        let mut item = dictionary! {
            "Title" => bookmark.title, "Parent" => above, "Dest" => bookmark.place
        };
        if let Some(before) = index.checked_sub(1) {
            item.set("Prev", ids[before]);
        }
        if let Some(next) = ids.get(index + 1) {
            item.set("Next", *next);
        }
        let count = shown(&bookmark.below);
        if let Some((first, last)) = write_below(document, ids[index], bookmark.below) {
            item.set("First", first);
            item.set("Last", last);
            // Of those that are not shown, the number is negative.
            item.set("Count", if bookmark.open { count } else { -count });
        }
        document.set_object(ids[index], item);
    }
    Some((*ids.first()?, *ids.last()?))
}

/// How many are seen where these are.
fn shown(bookmarks: &[Bookmark]) -> i64 {
    bookmarks
        .iter()
        .map(|bookmark| {
            if bookmark.open {
                1 + shown(&bookmark.below)
            } else {
                1
            }
        })
        .sum()
}
