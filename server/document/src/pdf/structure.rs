//! The structure tree (ISO 32000-1, 14.7): which piece of a page belongs to which heading, paragraph, cell or figure, in reading order.

use std::{fmt::Write as _, mem};

use lopdf::{Dictionary, Document, Object, ObjectId, StringFormat};

use super::{
    metadata::text_string,
    outline::Heading,
    save::Written,
    syntax::{write, write_integer, write_name, write_real, write_reference},
};
use crate::display::{Display, Tag, TagId};

/// By rank.
const HEADINGS: [&str; 6] = ["H1", "H2", "H3", "H4", "H5", "H6"];
/// The element of all others.
const DOCUMENT: TagId = 1;
/// Digits behind the point of a figure's corners.
const CORNER: u32 = 2;

pub(super) struct Structure {
    tags: Vec<Tag>,
    children: Vec<Vec<TagId>>,
    kids: Vec<Vec<Kid>>,
    attached: Vec<bool>,
    boxes: Vec<Option<[f32; 4]>>,
    /// Per page: the tag of each marked content.
    contents: Vec<Vec<TagId>>,
    /// Per page: tag and address of each link, in drawing order.
    links: Vec<Vec<(TagId, String)>>,
}

enum Kid {
    Tag(TagId),
    Content { page: usize, mcid: i64 },
    Link { page: usize, index: usize },
}

impl Structure {
    pub(super) fn new(display: &Display, headings: &[Heading]) -> Self {
        let count = display.tags.len();
        let mut tags = display.tags.clone();
        for heading in headings {
            tags[heading.tag as usize].role = HEADINGS[heading.rank.clamp(1, HEADINGS.len()) - 1];
        }
        let mut children = vec![Vec::new(); count];
        for (index, tag) in display.tags.iter().enumerate().skip(2) {
            children[tag.parent as usize].push(u32::try_from(index).unwrap_or(0));
        }
        Self {
            tags,
            children,
            kids: (0..count).map(|_| Vec::new()).collect(),
            attached: vec![false; count],
            boxes: vec![None; count],
            contents: vec![Vec::new(); display.pages.len()],
            links: vec![Vec::new(); display.pages.len()],
        }
    }

    /// Role and number of a new piece of marked content; `None` for artifacts.
    pub(super) fn content(&mut self, page: usize, tag: TagId) -> Option<(&'static str, i64)> {
        if tag == 0 {
            return None;
        }
        self.attach(tag);
        let mcid = i64::try_from(self.contents[page].len()).unwrap_or(0);
        self.contents[page].push(tag);
        self.kids[tag as usize].push(Kid::Content { page, mcid });
        Some((self.tags[tag as usize].role, mcid))
    }

    /// Gives the cells that say what the figure shows: each gets a piece of content with nothing in it, because readers go by content.
    pub(super) fn figure(&mut self, tag: TagId, rect: [f32; 4]) -> Vec<TagId> {
        if tag == 0 {
            return Vec::new();
        }
        self.attach(tag);
        self.boxes[tag as usize] = Some(rect);
        mem::take(&mut self.tags[tag as usize].cells)
    }

    /// A link, be it within an artifact: the words of a page's header and footer stay outside of the tree (ISO 14289-1, 7.8), but no
    /// annotation may (7.18.5), so theirs has an element of its own that says where it leads.
    pub(super) fn link(&mut self, page: usize, tag: TagId, url: &str) {
        let tag = if tag == 0 { self.lone_link(url) } else { tag };
        let index = self.links[page].len();
        self.links[page].push((tag, url.to_owned()));
        self.attach(tag);
        self.kids[tag as usize].push(Kid::Link { page, index });
    }

    fn lone_link(&mut self, url: &str) -> TagId {
        self.tags.push(Tag {
            role: "Link",
            parent: DOCUMENT,
            alt: Some(url.to_owned()),
            actual_text: None,
            cells: Vec::new(),
            scope: None,
            numbering: None,
            columns: 1,
            language: self.tags[DOCUMENT as usize].language,
        });
        self.children.push(Vec::new());
        self.kids.push(Vec::new());
        self.attached.push(false);
        self.boxes.push(None);
        u32::try_from(self.tags.len() - 1).unwrap_or(0)
    }

    /// Hangs a tag below its parent at its first content, so that the tree is in reading order. A row takes all its cells, so that
    /// empty ones keep their column.
    fn attach(&mut self, tag: TagId) {
        let index = tag as usize;
        if tag <= DOCUMENT || self.attached[index] {
            return;
        }
        let parent = self.tags[index].parent;
        self.attach(parent);
        if self.attached[index] {
            return;
        }
        self.attached[index] = true;
        self.kids[parent as usize].push(Kid::Tag(tag));
        if self.tags[index].role == "TR" {
            for child in self.children[index].clone() {
                if !self.attached[child as usize] {
                    self.attached[child as usize] = true;
                    self.kids[index].push(Kid::Tag(child));
                }
            }
        }
    }

    /// Writes the tree, in objects with numbers of the document, and returns its root.
    pub(super) fn write(
        self,
        document: &mut Document,
        pages: &[ObjectId],
        written: &mut Written,
    ) -> Result<ObjectId, lopdf::Error> {
        let root = document.new_object_id();
        let parents = document.new_object_id();
        let ids: Vec<ObjectId> = self.tags.iter().map(|_| document.new_object_id()).collect();
        let annotations = self.write_links(document, pages)?;
        for (index, id) in ids.iter().enumerate().skip(1) {
            if index == 1 || self.attached[index] {
                let parent = match index {
                    1 => root,
                    _ => ids[self.tags[index].parent as usize],
                };
                let out = written.object(id.0);
                out.extend_from_slice(b"<</P ");
                write_reference(out, parent);
                self.write_kids(out, index, &ids, pages, &annotations);
                self.write_properties(out, index);
                out.extend_from_slice(b">>");
            }
        }
        let next = self.write_parents(written.object(parents.0), &ids);
        let out = written.object(root.0);
        out.extend_from_slice(b"<</Type/StructTreeRoot/K[");
        write_reference(out, ids[DOCUMENT as usize]);
        out.extend_from_slice(b"]/ParentTree ");
        write_reference(out, parents);
        out.extend_from_slice(b"/ParentTreeNextKey ");
        write_integer(out, next);
        out.extend_from_slice(b">>");
        Ok(root)
    }

    /// What an element has in it, and on which page.
    fn write_kids(
        &self,
        out: &mut Vec<u8>,
        index: usize,
        ids: &[ObjectId],
        pages: &[ObjectId],
        annotations: &[Vec<ObjectId>],
    ) {
        // Content on the element's own page needs no more than its number.
        let own = self.kids[index].iter().find_map(|kid| match kid {
            Kid::Content { page, .. } => Some(*page),
            Kid::Tag(_) | Kid::Link { .. } => None,
        });
        if let Some(page) = own {
            out.extend_from_slice(b"/Pg ");
            write_reference(out, pages[page]);
        }
        // Some readers expect a list only of several.
        let alone = self.kids[index].len() == 1;
        out.extend_from_slice(if alone { b"/K " } else { b"/K[" });
        for (place, kid) in self.kids[index].iter().enumerate() {
            if place > 0 {
                out.push(b' ');
            }
            match kid {
                Kid::Tag(tag) => write_reference(out, ids[*tag as usize]),
                Kid::Content { page, mcid } if own == Some(*page) => write_integer(out, *mcid),
                Kid::Content { page, mcid } => {
                    out.extend_from_slice(b"<</Type/MCR/Pg ");
                    write_reference(out, pages[*page]);
                    out.extend_from_slice(b"/MCID ");
                    write_integer(out, *mcid);
                    out.extend_from_slice(b">>");
                }
                Kid::Link { page, index } => {
                    out.extend_from_slice(b"<</Type/OBJR/Pg ");
                    write_reference(out, pages[*page]);
                    out.extend_from_slice(b"/Obj ");
                    write_reference(out, annotations[*page][*index]);
                    out.extend_from_slice(b">>");
                }
            }
        }
        if !alone {
            out.push(b']');
        }
    }

    /// What kind of element it is, what it says and how it lies.
    fn write_properties(&self, out: &mut Vec<u8>, index: usize) {
        let tag = &self.tags[index];
        out.extend_from_slice(b"/S");
        write_name(out, tag.role.as_bytes());
        if let Some(alt) = &tag.alt {
            out.extend_from_slice(b"/Alt");
            write(out, &text_string(alt));
        }
        if let Some(text) = &tag.actual_text {
            out.extend_from_slice(b"/ActualText");
            write(out, &text_string(text));
        }
        // The document's own stands in the catalogue.
        if index > 1 && tag.language != self.tags[tag.parent as usize].language {
            out.extend_from_slice(b"/Lang");
            write(out, &text_string(tag.language.as_str()));
        }
        if tag.columns > 1 || tag.scope.is_some() {
            out.extend_from_slice(b"/A<</O/Table");
            if tag.columns > 1 {
                out.extend_from_slice(b"/ColSpan ");
                write_integer(out, i64::try_from(tag.columns).unwrap_or(1));
            }
            if let Some(scope) = tag.scope {
                out.extend_from_slice(b"/Scope");
                write_name(out, scope.as_bytes());
            }
            out.extend_from_slice(b">>");
        } else if let Some(numbering) = tag.numbering {
            out.extend_from_slice(b"/A<</O/List/ListNumbering");
            write_name(out, numbering.as_bytes());
            out.extend_from_slice(b">>");
        } else if let Some(corners) = self.boxes[index] {
            out.extend_from_slice(b"/A<</O/Layout/Placement/Block/BBox[");
            for corner in corners {
                write_real(out, corner, CORNER);
                out.push(b' ');
            }
            out.extend_from_slice(b"]>>");
        }
    }

    /// To which element each piece of a page and each link belongs. Returns the number after theirs.
    fn write_parents(&self, out: &mut Vec<u8>, ids: &[ObjectId]) -> i64 {
        let mut next = 0;
        out.extend_from_slice(b"<</Nums[");
        for contents in &self.contents {
            write_integer(out, next);
            out.push(b'[');
            for tag in contents {
                write_reference(out, ids[*tag as usize]);
                out.push(b' ');
            }
            out.push(b']');
            next += 1;
        }
        for (tag, _) in self.links.iter().flatten() {
            out.push(b' ');
            write_integer(out, next);
            out.push(b' ');
            write_reference(out, ids[*tag as usize]);
            next += 1;
        }
        out.extend_from_slice(b"]>>");
        next
    }

    /// Links become objects of their own with a description, printed, and known to the tree.
    fn write_links(
        &self,
        document: &mut Document,
        pages: &[ObjectId],
    ) -> Result<Vec<Vec<ObjectId>>, lopdf::Error> {
        let mut number = i64::try_from(self.contents.len()).unwrap_or(0);
        let mut all = Vec::with_capacity(pages.len());
        for (page, links) in pages.iter().zip(&self.links) {
            let dict = document.get_object_mut(*page)?.as_dict_mut()?;
            let drawn = match dict.remove(b"Annots") {
                Some(Object::Array(drawn)) => drawn,
                _ => Vec::new(),
            };
            let mut ids = Vec::with_capacity(drawn.len());
            for (annotation, (_, url)) in drawn.into_iter().zip(links) {
                let mut annotation: Dictionary = annotation.as_dict()?.clone();
                annotation.set("F", 4);
                annotation.set("Contents", text_string(url));
                annotation.remove(b"C");
                if let Ok(action) = annotation.get_mut(b"A").and_then(Object::as_dict_mut) {
                    action.set(
                        "URI",
                        Object::String(ascii(url).into_bytes(), StringFormat::Literal),
                    );
                }
                annotation.set("StructParent", number);
                number += 1;
                ids.push(document.add_object(annotation));
            }
            if !ids.is_empty() {
                let references: Vec<Object> = ids.iter().map(|id| Object::Reference(*id)).collect();
                let dict = document.get_object_mut(*page)?.as_dict_mut()?;
                dict.set("Annots", references);
            }
            all.push(ids);
        }
        Ok(all)
    }
}

/// An address as PDF wants it (ISO 32000-1, 12.6.4.7): seven bits, anything else percent-encoded.
fn ascii(url: &str) -> String {
    url.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii() {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
