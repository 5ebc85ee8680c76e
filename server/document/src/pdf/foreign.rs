//! PDFs that somebody else made, as pages for a document or as the ground of one. Copied is what the pages show, with links and notes, and
//! nothing else of the file: no scripts, no forms, no tags, no names. What a hostile file can take is bounded here; its size is the
//! caller's to bound.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    panic,
};

use lopdf::{
    DecompressError, Dictionary, Document, Error, LoadOptions, Object, ObjectId, Stream, dictionary,
};

use super::outline::{self, Bookmark};

/// What a page has from those above it in its document (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// Levels of pages above one another that are looked through.
const MAX_LEVELS: usize = 50;
/// Bytes that an object stream unpacks to.
const MAX_UNPACKED: usize = 10 * 1024 * 1024;
/// What all objects of a file weigh at most, beside sixteen times its size: they are larger in memory.
const MAX_WEIGHT: usize = 64 * 1024 * 1024;
/// Bytes of what is drawn on a page that becomes the ground of others.
const MAX_CONTENT: usize = 16 * 1024 * 1024;
/// Places with a name that are looked at, and links and notes of a page.
const MAX_NAMES: usize = 20_000;
const MAX_NOTES: usize = 5_000;
/// Bytes in which the widths of three fields are written.
const MAX_FIELDS: usize = 4_096;
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
/// Notes that are seen and do nothing. What is filled into a form is kept as it looks.
const NOTES: [&[u8]; 15] = [
    b"FreeText",
    b"Line",
    b"Square",
    b"Circle",
    b"Polygon",
    b"PolyLine",
    b"Highlight",
    b"Underline",
    b"Squiggly",
    b"StrikeOut",
    b"Stamp",
    b"Caret",
    b"Ink",
    b"Link",
    b"Widget",
];
/// What is kept of them.
const NOTE: [&[u8]; 15] = [
    b"Rect",
    b"Contents",
    b"F",
    b"AP",
    b"AS",
    b"Border",
    b"BS",
    b"C",
    b"IC",
    b"CA",
    b"QuadPoints",
    b"L",
    b"Vertices",
    b"InkList",
    b"H",
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

/// Thrown where a file weighs too much.
struct TooMuch;

thread_local! {
    /// What may still be read; the parser lets its filter carry nothing along.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

impl Foreign {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unbindable> {
        look_through(bytes)?;
        LEFT.set(bytes.len().saturating_mul(16).saturating_add(MAX_WEIGHT));
        let options = LoadOptions {
            filter: Some(weighed),
            max_decompressed_size: Some(MAX_UNPACKED),
            ..LoadOptions::default()
        };
        // A file can also lead the parser to where it never should be.
        let loaded = panic::catch_unwind(move || Document::load_mem_with_options(bytes, options));
        let document = match loaded {
            Ok(Ok(document)) => document,
            Err(cause) if cause.is::<TooMuch>() => return Err(Unbindable::Complex),
            Ok(Err(_)) | Err(_) => return Err(Unbindable::Unreadable),
        };
        if document.trailer.has(b"Encrypt") || document.was_encrypted() {
            return Err(Unbindable::Locked);
        }
        let mut seen = BTreeSet::new();
        let pages: Vec<ObjectId> = document
            .page_iter()
            .filter(|page| seen.insert(*page))
            .collect();
        if pages.is_empty() {
            return Err(Unbindable::Empty);
        }
        // What pages have from above is written once for each of them.
        let mut left = LEFT.get();
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

/// Refuses what the parser must not see, by the names in the file, wherever they stand: encryption, which it would undo, and the fields of
/// a table of objects (ISO 32000-1, 7.5.8) that are so wide or so narrow that it would take all memory or count without end.
fn look_through(pdf: &[u8]) -> Result<(), Unbindable> {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"()<>[]{}/%\0".contains(byte);
    let mut rest = pdf;
    while let Some(slash) = rest.iter().position(|byte| *byte == b'/') {
        rest = &rest[slash + 1..];
        let length = rest.iter().position(is_end).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        match plain_name(name).as_slice() {
            b"Encrypt" => return Err(Unbindable::Locked),
            b"W" if !are_fields(behind) => return Err(Unbindable::Complex),
            _ => {}
        }
        rest = behind;
    }
    Ok(())
}

/// A name without its escapes (ISO 32000-1, 7.3.5); a long one is none of those that are looked for.
fn plain_name(name: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut plain = Vec::new();
    let mut rest = name;
    while let Some((first, others)) = rest.split_first()
        && plain.len() < 10
    {
        let escaped = match (digit(others.first()), digit(others.get(1))) {
            (Some(high), Some(low)) if *first == b'#' => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        plain.push(escaped.unwrap_or(*first));
        rest = match escaped {
            Some(_) => &others[2..],
            None => others,
        };
    }
    plain
}

/// Whether what follows the name can be the widths of three fields, or is something else of that name, such as the widths of letters.
fn are_fields(text: &[u8]) -> bool {
    let (mut is_open, mut is_comment) = (false, false);
    let (mut digits, mut fields, mut all_zero) = (0, 0, true);
    for byte in text.iter().take(MAX_FIELDS) {
        if is_comment {
            is_comment = !matches!(byte, b'\r' | b'\n');
            continue;
        }
        match byte {
            b'0'..=b'9' if is_open => {
                digits += 1;
                all_zero &= *byte == b'0';
                continue;
            }
            b'[' if !is_open => is_open = true,
            b'%' => is_comment = true,
            b'+' | b'-' | b']' | b'\0' => {}
            space if space.is_ascii_whitespace() => {}
            _ => return true,
        }
        if digits >= 8 {
            return false;
        }
        fields += usize::from(digits > 0);
        digits = 0;
        if fields == 3 {
            return !all_zero;
        }
        if *byte == b']' {
            return true;
        }
    }
    text.len() < MAX_FIELDS
}

/// Lets objects into memory as long as they weigh too little to harm: a table may name one of them a million times. Object streams are
/// unpacked here, for the same reason. What comes out of them is taken as it is given back here, everything else as it is.
#[expect(clippy::unnecessary_wraps, reason = "as a filter of lopdf is")]
fn weighed(id: ObjectId, object: &mut Object) -> Option<(ObjectId, Object)> {
    let mut left = LEFT.get();
    if let Object::Stream(stream) = object
        && stream.dict.has_type(b"ObjStm")
    {
        match stream.decompressed_content_with_limit(left.min(MAX_UNPACKED)) {
            Ok(plain) => stream.set_plain_content(plain),
            Err(Error::Decompress(DecompressError::MemoryLimitExceeded { .. })) => left = 0,
            Err(_) => {}
        }
    }
    match left.checked_sub(weight(object)) {
        Some(left) => LEFT.set(left),
        None => panic::resume_unwind(Box::new(TooMuch)),
    }
    let given = match object {
        Object::Stream(_) => Object::Null,
        other => other.clone(),
    };
    Some((id, given))
}

/// About as many bytes as it takes.
fn weight(object: &Object) -> usize {
    32 + match object {
        Object::String(bytes, _) | Object::Name(bytes) => bytes.len(),
        Object::Array(items) => items.iter().map(weight).sum(),
        Object::Dictionary(dict) => weight_of(dict),
        Object::Stream(stream) => stream.content.len() + weight_of(&stream.dict),
        _ => 0,
    }
}

fn weight_of(dict: &Dictionary) -> usize {
    dict.iter()
        .map(|(key, value)| key.len() + weight(value))
        .sum()
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

/// Where links lead that name a place (ISO 32000-1, 12.3.2.3).
fn places(document: &Document) -> BTreeMap<Vec<u8>, Object> {
    let mut places = BTreeMap::new();
    let Ok(catalog) = document.catalog() else {
        return places;
    };
    if let Ok(old) = document.get_dict_in_dict(catalog, b"Dests") {
        let old = old.iter().take(MAX_NAMES);
        places.extend(old.map(|(name, place)| (name.clone(), place.clone())));
    }
    let names = document.get_dict_in_dict(catalog, b"Names");
    let root = names.and_then(|names| document.get_dict_in_dict(names, b"Dests"));
    let mut nodes: Vec<&Dictionary> = root.into_iter().collect();
    // A node may lead back to itself.
    let mut left = MAX_NAMES;
    while let Some(node) = nodes.pop() {
        let list = |key: &[u8]| match node.get_deref(key, document) {
            Ok(Object::Array(items)) => items.as_slice(),
            _ => &[],
        };
        for pair in list(b"Names").chunks_exact(2).take(left) {
            left -= 1;
            if let Ok((_, Object::String(name, _))) = document.dereference(&pair[0]) {
                places.insert(name.clone(), pair[1].clone());
            }
        }
        for kid in list(b"Kids").iter().take(left) {
            left -= 1;
            if let Ok((_, Object::Dictionary(kid))) = document.dereference(kid) {
                nodes.push(kid);
            }
        }
    }
    places
}

/// Copies objects with all that they lead to, each once.
struct Copier<'a> {
    from: &'a Document,
    into: &'a mut Document,
    ids: BTreeMap<ObjectId, ObjectId>,
    waiting: Vec<ObjectId>,
}

impl<'a> Copier<'a> {
    fn new(from: &'a Document, into: &'a mut Document) -> Self {
        Self {
            from,
            into,
            ids: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// An id for an object that the caller copies.
    fn reserve(&mut self, id: ObjectId) -> ObjectId {
        let new = self.into.new_object_id();
        self.ids.insert(id, new);
        new
    }

    /// Copies what was led to. Gives the new ids by the old ones.
    fn finish(mut self) -> BTreeMap<ObjectId, ObjectId> {
        let from = self.from;
        while let Some(id) = self.waiting.pop() {
            if let Some(object) = from.objects.get(&id) {
                let copy = self.object(object);
                self.into.objects.insert(self.ids[&id], copy);
            }
        }
        self.ids
    }

    fn object(&mut self, object: &Object) -> Object {
        match object {
            Object::Reference(id) => self.reference(*id),
            Object::Array(items) => {
                let items: Vec<Object> = items.iter().map(|item| self.object(item)).collect();
                items.into()
            }
            Object::Dictionary(dict) => self.dictionary(dict).into(),
            Object::Stream(stream) => {
                let mut copy = stream.clone();
                copy.dict = self.dictionary(&stream.dict);
                copy.into()
            }
            // No PDF can hold such a number.
            Object::Real(number) if !number.is_finite() => 0.into(),
            other => other.clone(),
        }
    }

    fn dictionary(&mut self, dict: &Dictionary) -> Dictionary {
        let mut copy = Dictionary::new();
        for (key, value) in dict {
            let value = self.object(value);
            copy.set(key.clone(), value);
        }
        copy
    }

    fn members(&mut self, dict: &Dictionary, keys: &[&[u8]]) -> Dictionary {
        let mut copy = Dictionary::new();
        for key in keys {
            if let Ok(value) = dict.get(key) {
                let value = self.object(value);
                copy.set(*key, value);
            }
        }
        copy
    }

    fn reference(&mut self, id: ObjectId) -> Object {
        if let Some(known) = self.ids.get(&id) {
            return (*known).into();
        }
        match self.from.objects.get(&id) {
            Some(object) if !is_of_whole(object) => {
                let new = self.reserve(id);
                self.waiting.push(id);
                new.into()
            }
            Some(_) | None => Object::Null,
        }
    }

    /// Links and notes of a page. A link leads to a page of the same file or to an address, or it is none.
    fn notes(&mut self, page: &Dictionary, places: &BTreeMap<Vec<u8>, Object>) -> Vec<Object> {
        let from = self.from;
        let notes = page.get_deref(b"Annots", from).and_then(Object::as_array);
        let mut copies = Vec::new();
        for note in notes.into_iter().flatten().take(MAX_NOTES) {
            let Ok((_, Object::Dictionary(note))) = from.dereference(note) else {
                continue;
            };
            let kind = note.get_deref(b"Subtype", from).and_then(Object::as_name);
            let Some(kind) = kind.ok().filter(|kind| NOTES.contains(kind)) else {
                continue;
            };
            let mut copy = self.members(note, &NOTE);
            match kind {
                b"Link" => {
                    let Some((key, leads)) = self.leads(note, places) else {
                        continue;
                    };
                    copy.set(key, leads);
                    copy.set("Subtype", "Link");
                }
                b"Widget" if !copy.has(b"AP") => continue,
                b"Widget" => copy.set("Subtype", "Stamp"),
                kind => copy.set("Subtype", Object::Name(kind.to_vec())),
            }
            copy.set("Type", "Annot");
            copies.push(copy.into());
        }
        copies
    }

    /// Where a link leads, as a member of it.
    fn leads(
        &mut self,
        link: &Dictionary,
        places: &BTreeMap<Vec<u8>, Object>,
    ) -> Option<(&'static str, Object)> {
        let action = self.from.get_dict_in_dict(link, b"A").ok();
        let place = match action {
            None => link.get(b"Dest").ok()?,
            Some(action) => match action.get_deref(b"S", self.from).and_then(Object::as_name) {
                Ok(b"URI") => {
                    let address = action.get_deref(b"URI", self.from).ok()?;
                    let Object::String(address, format) = address else {
                        return None;
                    };
                    let address = Object::String(address.clone(), *format);
                    let action = dictionary! { "S" => "URI", "URI" => address };
                    return Some(("A", action.into()));
                }
                Ok(b"GoTo") => action.get(b"D").ok()?,
                _ => return None,
            },
        };
        let place = place_of(self.from, place, places)?;
        let page = place.first()?.as_reference().ok()?;
        if !self.ids.contains_key(&page) {
            return None;
        }
        let place: Vec<Object> = place.iter().map(|part| self.object(part)).collect();
        Some(("Dest", place.into()))
    }
}

/// A page and where on it, named or not.
fn place_of<'a>(
    document: &'a Document,
    place: &'a Object,
    places: &'a BTreeMap<Vec<u8>, Object>,
) -> Option<&'a Vec<Object>> {
    let (_, place) = document.dereference(place).ok()?;
    let place = match place {
        Object::Name(name) | Object::String(name, _) => {
            document.dereference(places.get(name)?).ok()?.1
        }
        place => place,
    };
    let place = match place {
        Object::Dictionary(dict) => dict.get_deref(b"D", document).ok()?,
        place => place,
    };
    place.as_array().ok()
}

/// Whether it belongs to the whole file rather than to a page: the tree of pages, that of tags, the catalogue.
fn is_of_whole(object: &Object) -> bool {
    object.as_dict().is_ok_and(|dict| {
        let whole: [&[u8]; 5] = [
            b"Page",
            b"Pages",
            b"Catalog",
            b"StructTreeRoot",
            b"StructElem",
        ];
        dict.get_type().is_ok_and(|kind| whole.contains(&kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_harm_the_parser_is_found_by_its_name() {
        let check = |text: &str, expected| assert_eq!(look_through(text.as_bytes()), expected);
        check("<</W [1 2 1]/Size 9>>", Ok(()));
        check("/W [0 [500 600] 7 9 1000]", Ok(()));
        check("/W", Ok(()));
        check("/BS <</W 0/S/S>> 0000000016 00000 n", Ok(()));
        check("/W [0 0] 99999999", Ok(()));
        check("/Width 99999999 /W1 [99999999]", Ok(()));
        for wide in [
            "/W[1 99999999 1]",
            "/#57 [1 % ]\n 4294967296 1]",
            "/W [0 0 00]",
        ] {
            check(wide, Err(Unbindable::Complex));
        }
        for locked in ["/Encrypt 7 0 R", "<</Encr#79pt<<", "/#45#6ecrypt "] {
            check(locked, Err(Unbindable::Locked));
        }
        check("/EncryptMetadata true", Ok(()));
    }

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
