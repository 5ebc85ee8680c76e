//! Copies what pages show out of the file that they stand in: each object once, in linear time, and nothing that belongs to the whole file.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId, dictionary};

/// Places with a name that are looked at, and links and notes of a page.
const MAX_NAMES: usize = 20_000;
const MAX_NOTES: usize = 5_000;

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

/// Copies objects with all that they lead to, each once.
pub(super) struct Copier<'a> {
    from: &'a Document,
    pub(super) into: &'a mut Document,
    ids: BTreeMap<ObjectId, ObjectId>,
    waiting: Vec<ObjectId>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(from: &'a Document, into: &'a mut Document) -> Self {
        Self {
            from,
            into,
            ids: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// An id for an object that the caller copies.
    pub(super) fn reserve(&mut self, id: ObjectId) -> ObjectId {
        let new = self.into.new_object_id();
        self.ids.insert(id, new);
        new
    }

    /// Copies what was led to. Gives the new ids by the old ones.
    pub(super) fn finish(mut self) -> BTreeMap<ObjectId, ObjectId> {
        let from = self.from;
        while let Some(id) = self.waiting.pop() {
            if let Some(object) = from.objects.get(&id) {
                let copy = self.object(object);
                self.into.objects.insert(self.ids[&id], copy);
            }
        }
        self.ids
    }

    pub(super) fn object(&mut self, object: &Object) -> Object {
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

    pub(super) fn members(&mut self, dict: &Dictionary, keys: &[&[u8]]) -> Dictionary {
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
    pub(super) fn notes(
        &mut self,
        page: &Dictionary,
        places: &BTreeMap<Vec<u8>, Object>,
    ) -> Vec<Object> {
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

/// Where links lead that name a place (ISO 32000-1, 12.3.2.3).
pub(super) fn places(document: &Document) -> BTreeMap<Vec<u8>, Object> {
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
