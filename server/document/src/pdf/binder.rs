//! Several PDFs in one, with a bookmark for each and its own bookmarks below. What else belongs to a whole document is not taken over:
//! tags, forms, names, attachments and its claim to a standard, so what comes out is an ordinary PDF 1.7 and says nothing else of itself.

use jiff::Timestamp;
use lopdf::{Document, Object, ObjectId, dictionary};

use super::{
    conformance::Conformance,
    foreign::{Foreign, Unbindable},
    metadata::Metadata,
    outline::{self, Bookmark},
    save::{Written, save},
};

/// One PDF in the making.
pub struct Binder {
    document: Document,
    pages: Vec<Object>,
    /// One a file.
    bookmarks: Vec<Bookmark>,
    tree: ObjectId,
}

impl Default for Binder {
    fn default() -> Self {
        let mut document = Document::with_version("1.7");
        let tree = document.new_object_id();
        Self {
            document,
            pages: Vec::new(),
            bookmarks: Vec::new(),
            tree,
        }
    }
}

impl Binder {
    /// Adds the pages of a PDF behind those that are there, under a bookmark.
    pub fn add(&mut self, title: &str, bytes: &[u8]) -> Result<(), Unbindable> {
        let copied = Foreign::read(bytes)?.copy(&mut self.document, self.tree);
        if let Some(first) = copied.pages.first() {
            let mark = Bookmark::file(title, *first, copied.bookmarks);
            self.bookmarks.push(mark);
        }
        self.pages
            .extend(copied.pages.into_iter().map(Object::from));
        Ok(())
    }

    /// How many pages there are so far.
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The bytes of the whole.
    pub fn finish(mut self, title: &str, now: Timestamp) -> Result<Vec<u8>, String> {
        let count = i64::try_from(self.pages.len()).unwrap_or(i64::MAX);
        let tree = dictionary! { "Type" => "Pages", "Kids" => self.pages, "Count" => count };
        self.document.objects.insert(self.tree, tree.into());
        let metadata = Metadata {
            title,
            author: "",
            language: None,
            at: now,
            conformance: Conformance::None,
            invoice: None,
        };
        let packet = metadata.write(&mut self.document);
        let mut catalog = dictionary! {
            "Type" => "Catalog", "Pages" => self.tree, "Metadata" => packet,
            "ViewerPreferences" => dictionary! { "DisplayDocTitle" => true },
        };
        if let Some(outlines) = outline::write(&mut self.document, self.bookmarks) {
            catalog.set("Outlines", outlines);
            catalog.set("PageMode", "UseOutlines");
        }
        let catalog = self.document.add_object(catalog);
        let info = self.document.add_object(metadata.information());
        self.document.trailer = dictionary! { "Root" => catalog, "Info" => info };
        save(self.document, &Written::default(), None, &|| false)
            .map_err(|failure| failure.to_string())
    }
}

#[cfg(test)]
mod tests {
    use lopdf::{Dictionary, Stream};

    use super::*;

    /// A PDF whose pages have their size and fonts from above, with tags and a password if wanted.
    fn pdf(pages: usize, width: i64) -> Vec<u8> {
        let mut document = Document::with_version("1.4");
        let tree = document.new_object_id();
        let mut kids: Vec<Object> = Vec::new();
        for index in 0..pages {
            let content = Stream::new(Dictionary::new(), format!("% page {index}").into_bytes());
            let content = document.add_object(content);
            let page = dictionary! {
                "Type" => "Page", "Parent" => tree, "Contents" => content, "StructParents" => 0, "Tabs" => "S",
            };
            kids.push(document.add_object(page).into());
        }
        let first = kids.first().cloned();
        let count = i64::try_from(pages).expect("few");
        let size: Vec<Object> = vec![0.into(), 0.into(), width.into(), 500.into()];
        let node = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count, "MediaBox" => size, "Rotate" => 90 };
        document.objects.insert(tree, node.into());
        let tags = document.add_object(dictionary! { "Type" => "StructTreeRoot" });
        let mut catalog =
            dictionary! { "Type" => "Catalog", "Pages" => tree, "StructTreeRoot" => tags };
        if let Some(page) = first {
            // The first leads nowhere that is known, and after the second comes the first again.
            let lost = document.new_object_id();
            let inner = document.add_object(dictionary! {
                "Title" => Object::string_literal("Inside"), "Parent" => lost, "Dest" => vec![page.clone(), "Fit".into()],
            });
            let place = vec![page, "XYZ".into(), 0.into(), 9.into(), 0.into()];
            let action = dictionary! { "S" => "GoTo", "D" => place };
            let second = document.add_object(dictionary! {
                "Title" => Object::string_literal("Second"), "A" => action, "Next" => lost,
            });
            document.set_object(
                lost,
                dictionary! { "Title" => Object::string_literal("Lost"), "Dest" => "a-name", "First" => inner, "Next" => second },
            );
            let outlines =
                document.add_object(dictionary! { "Type" => "Outlines", "First" => lost });
            catalog.set("Outlines", outlines);
        }
        let catalog = document.add_object(catalog);
        document.trailer.set("Root", catalog);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).expect("written");
        bytes
    }

    #[test]
    fn pages_stay_in_order_with_what_they_had_from_above() {
        let mut binder = Binder::default();
        binder.add("First", &pdf(2, 300)).expect("bound");
        binder.add("Zweites für Ø", &pdf(1, 400)).expect("bound");
        assert_eq!(binder.page_count(), 3);
        let now = Timestamp::UNIX_EPOCH;
        let bytes = binder.finish("All", now).expect("written");
        let document = Document::load_mem(&bytes).expect("a PDF");
        let widths: Vec<i64> = document
            .page_iter()
            .map(|page| {
                let page = document.get_dictionary(page).expect("a page");
                assert!(!page.has(b"StructParents") && !page.has(b"Tabs"));
                assert_eq!(page.get(b"Rotate").and_then(Object::as_i64).ok(), Some(90));
                let size = page.get(b"MediaBox").and_then(Object::as_array);
                size.expect("a size")[2].as_i64().expect("a width")
            })
            .collect();
        assert_eq!(widths, [300, 300, 400]);
        let has_tags = document.objects.values().any(|object| {
            object
                .type_name()
                .is_ok_and(|name| name == b"StructTreeRoot")
        });
        assert!(!has_tags);
        let root = document.catalog().expect("a catalogue");
        let outlines = root.get(b"Outlines").and_then(Object::as_reference);
        let outlines = document.get_dictionary(outlines.expect("bookmarks"));
        let count = outlines.expect("bookmarks").get(b"Count");
        assert_eq!(count.and_then(Object::as_i64).ok(), Some(2));
    }

    /// The bookmarks right below one, with their titles.
    fn below<'a>(document: &'a Document, above: &'a Dictionary) -> Vec<(String, &'a Dictionary)> {
        let mut found = Vec::new();
        let mut next = above.get_deref(b"First", document);
        while let Ok(item) = next.and_then(Object::as_dict) {
            let title = item.get(b"Title").and_then(Object::as_str);
            let title = String::from_utf8_lossy(title.expect("a title")).into_owned();
            found.push((title, item));
            next = item.get_deref(b"Next", document);
        }
        found
    }

    #[test]
    fn the_bookmarks_of_a_file_are_below_its_own() {
        let mut binder = Binder::default();
        binder.add("First", &pdf(2, 300)).expect("bound");
        binder.add("Second", &pdf(1, 300)).expect("bound");
        let bytes = binder.finish("All", Timestamp::UNIX_EPOCH);
        let document = Document::load_mem(&bytes.expect("written")).expect("a PDF");
        let root = document.catalog().expect("a catalogue");
        let outlines = root.get_deref(b"Outlines", &document);
        let files = outlines.and_then(Object::as_dict).expect("bookmarks");
        let files = below(&document, files);
        let pages: Vec<ObjectId> = document.page_iter().collect();
        for ((title, file), page) in files.iter().zip([pages[0], pages[2]]) {
            assert_eq!(file.get(b"Count").and_then(Object::as_i64).ok(), Some(-2));
            let own = below(&document, file);
            let titles: Vec<&str> = own.iter().map(|(title, _)| title.as_str()).collect();
            assert_eq!(titles, ["Inside", "Second"], "{title}");
            for (_, item) in &own {
                let place = item
                    .get(b"Dest")
                    .and_then(Object::as_array)
                    .expect("a place");
                assert_eq!(place[0].as_reference().ok(), Some(page));
            }
        }
        assert_eq!(files.len(), 2);
    }

    #[test]
    fn what_is_bound_claims_no_standard() {
        let mut binder = Binder::default();
        binder.add("A", &pdf(1, 300)).expect("bound");
        let bytes = binder.finish("Title & more", Timestamp::UNIX_EPOCH);
        let document = Document::load_mem(&bytes.expect("written")).expect("a PDF");
        let root = document.catalog().expect("a catalogue");
        let packet = root.get_deref(b"Metadata", &document);
        let packet = packet.and_then(Object::as_stream).expect("metadata");
        let packet = String::from_utf8_lossy(&packet.content);
        assert!(packet.contains("Title &amp; more"), "{packet}");
        assert!(!packet.contains("pdfaid") && !packet.contains("pdfuaid"));
        assert!(!root.has(b"MarkInfo") && !root.has(b"OutputIntents"));
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let bound = || {
            let mut binder = Binder::default();
            binder.add("A", &pdf(1, 300)).expect("bound");
            binder
                .finish("All", Timestamp::UNIX_EPOCH)
                .expect("written")
        };
        assert_eq!(bound(), bound());
    }

    #[test]
    fn what_is_no_pdf_is_refused_and_leaves_nothing_behind() {
        let mut binder = Binder::default();
        assert_eq!(binder.add("A", b"no PDF"), Err(Unbindable::Unreadable));
        assert_eq!(binder.add("A", &pdf(0, 300)), Err(Unbindable::Empty));
        assert_eq!(binder.page_count(), 0);
    }
}
