//! What printpdf does not write: names of fonts, structure, outline, attachments, metadata and the standards they claim.

use std::collections::BTreeMap;

use lopdf::{Document, Object, ObjectId, dictionary};

use super::{
    Failure, Result,
    attachments::{self, Attachment},
    conformance::{self, Conformance},
    enclosed::{Bound, Enclosed},
    fonts::Face,
    metadata::{Metadata, text_string},
    outline::{self, Bookmark, Heading},
    save::{Written, save},
    structure::Structure,
    watermark,
};
use crate::{display::Display, extras::Inserts};

/// What goes into the file beside its pages. What would break a standard is known here before anything is claimed.
pub(super) struct Finish<'a> {
    pub(super) display: &'a Display,
    pub(super) faces: &'a BTreeMap<usize, Face>,
    pub(super) structure: Structure,
    pub(super) headings: Vec<Heading>,
    pub(super) attachments: &'a [&'a Attachment],
    pub(super) inserts: &'a Inserts,
    pub(super) enclosed: Enclosed<'a>,
}

impl Finish<'_> {
    /// The file, of the pages that printpdf made.
    pub(super) fn write(
        self,
        mut document: Document,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Vec<u8>, Failure> {
        let password = self.inserts.password.as_ref();
        let mut written = Written::default();
        self.add(&mut document, &mut written)
            .map_err(|error| error.to_string())?;
        save(document, &written, password, stopped)
    }

    fn add(
        self,
        document: &mut Document,
        written: &mut Written,
    ) -> std::result::Result<(), lopdf::Error> {
        let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
        rename_fonts(document, &pages, self.faces)?;
        self.lay_under(document, &pages)?;
        for (index, page) in pages.iter().enumerate() {
            let dict = document.get_object_mut(*page)?.as_dict_mut()?;
            dict.set("StructParents", i64::try_from(index).unwrap_or(0));
            dict.set("Tabs", "S");
        }
        let language = conformance::language(&self.display.language);
        let language = language.as_deref();
        let metadata = Metadata {
            title: &self.display.title,
            author: &self.display.author,
            language,
            at: self.display.now,
            conformance: Conformance::of(language, self.faces, self.inserts),
            invoice: self
                .attachments
                .iter()
                .find_map(|file| Some((file.name.as_str(), file.invoice.as_ref()?))),
        };
        let tree = self.structure.write(document, &pages, written)?;
        let bound = self.enclosed.bind(document, &pages)?;
        let labels = bound.labels();
        let is_bound = !bound.is_empty();
        let own = outline::bookmarks(&self.headings, &pages);
        let bookmarks = bookmarks(&self.display.title, own, &pages, bound);
        let outlines = outline::write(document, bookmarks);
        let attached = attachments::write(document, self.attachments);
        let intents = conformance::output_intents(document);
        let packet = metadata.write(document);
        let catalog = document.catalog_mut()?;
        if let Some(language) = language {
            catalog.set("Lang", text_string(language));
        }
        let mut marked = dictionary! { "Marked" => true };
        if is_bound {
            // Pages of other files have no tags here.
            marked.set("Suspects", true);
        }
        catalog.set("MarkInfo", marked);
        if let Some(labels) = labels {
            catalog.set("PageLabels", labels);
        }
        if self.inserts.password.is_some() {
            // What a PDF 1.7 needs for this encryption (ISO 32000-2 has it without).
            let extension = dictionary! { "BaseVersion" => "1.7", "ExtensionLevel" => 8 };
            catalog.set("Extensions", dictionary! { "ADBE" => extension });
        }
        catalog.set("StructTreeRoot", tree);
        if let Some(outlines) = outlines {
            catalog.set("Outlines", outlines);
        }
        if let Some((files, names)) = attached {
            catalog.set("AF", files);
            catalog.set("Names", names);
        }
        catalog.set("OutputIntents", intents);
        catalog.set("Metadata", packet);
        catalog.set(
            "ViewerPreferences",
            dictionary! { "DisplayDocTitle" => true },
        );
        let info = document.trailer.get(b"Info")?.as_reference()?;
        document.set_object(info, metadata.information());
        Ok(())
    }

    /// What lies under the pages and how the watermark is drawn, which printpdf knows by their names alone.
    fn lay_under(
        &self,
        document: &mut Document,
        pages: &[ObjectId],
    ) -> std::result::Result<(), lopdf::Error> {
        let Some(page) = pages.first() else {
            return Ok(());
        };
        let pictures = shared(document, *page, b"XObject")?;
        self.enclosed.lay_under(document, pictures, self.display)?;
        if let Some(own) = &self.display.watermark {
            let states = shared(document, *page, b"ExtGState")?;
            let states = document.get_dictionary_mut(states)?;
            states.set(watermark::STATE, watermark::state(own));
        }
        Ok(())
    }
}

/// Those of the document between those of other files. Where it has none, it is one itself.
fn bookmarks(
    title: &str,
    mut own: Vec<Bookmark>,
    pages: &[ObjectId],
    bound: Bound,
) -> Vec<Bookmark> {
    if bound.is_empty() {
        return own;
    }
    if own.is_empty()
        && let Some(first) = pages.first()
    {
        own.push(Bookmark::file(title, *first, Vec::new()));
    }
    let mut all = bound.bookmarks_before;
    all.append(&mut own);
    all.extend(bound.bookmarks_behind);
    all
}

/// A kind of resources, of which all pages have the same.
fn shared(
    document: &Document,
    page: ObjectId,
    key: &[u8],
) -> std::result::Result<ObjectId, lopdf::Error> {
    let resources = document.get_dictionary(page)?.get(b"Resources")?;
    let resources = document.get_dictionary(resources.as_reference()?)?;
    resources.get(key)?.as_reference()
}

fn rename_fonts(
    document: &mut Document,
    pages: &[ObjectId],
    faces: &BTreeMap<usize, Face>,
) -> std::result::Result<(), lopdf::Error> {
    let Some(page) = pages.first() else {
        return Ok(());
    };
    let fonts = shared(document, *page, b"Font")?;
    for (index, face) in faces {
        let key = format!("T{index}");
        let Ok(font) = document
            .get_object(fonts)?
            .as_dict()?
            .get(key.as_bytes())
            .and_then(Object::as_reference)
        else {
            continue;
        };
        let dict = document.get_object_mut(font)?.as_dict_mut()?;
        dict.set("BaseFont", face.name.as_str());
        let descendant = dict
            .get_mut(b"DescendantFonts")?
            .as_array_mut()?
            .first_mut()
            .ok_or(lopdf::Error::DictKey("DescendantFonts".into()))?
            .as_dict_mut()?;
        descendant.set("BaseFont", face.name.as_str());
        if descendant
            .get(b"Subtype")
            .and_then(Object::as_name)
            .is_ok_and(|name| name == b"CIDFontType2")
        {
            descendant.set("CIDToGIDMap", "Identity");
        }
        let descriptor = descendant.get(b"FontDescriptor")?.as_reference()?;
        document
            .get_object_mut(descriptor)?
            .as_dict_mut()?
            .set("FontName", face.name.as_str());
    }
    Ok(())
}
