//! What printpdf does not write: names of fonts, structure, outline, attachments, metadata and the standards they claim.

use std::collections::BTreeMap;

use lopdf::{Document, Object, ObjectId, dictionary};

use super::{
    Result,
    attachments::{self, Attachment},
    conformance::{self, Conformance},
    fonts::Face,
    metadata::{Metadata, text_string},
    outline::{self, Heading},
    save::save,
    structure::Structure,
};
use crate::display::Display;

/// What goes into the file beside its pages. What would break a standard is known here before anything is claimed.
pub(super) struct Finish<'a> {
    pub(super) display: &'a Display,
    pub(super) faces: &'a BTreeMap<usize, Face>,
    pub(super) structure: Structure,
    pub(super) headings: Vec<Heading>,
    pub(super) attachments: &'a [Attachment],
}

impl Finish<'_> {
    /// The file, of the pages that printpdf made.
    pub(super) fn write(self, mut document: Document) -> Result<Vec<u8>> {
        self.add(&mut document).map_err(|error| error.to_string())?;
        save(document)
    }

    fn add(self, document: &mut Document) -> std::result::Result<(), lopdf::Error> {
        let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
        rename_fonts(document, &pages, self.faces)?;
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
            conformance: Conformance::of(language, self.faces),
            invoice: self
                .attachments
                .iter()
                .find_map(|file| Some((file.name.as_str(), file.invoice.as_ref()?))),
        };
        let tree = self.structure.write(document, &pages)?;
        let outlines = outline::write(document, outline::bookmarks(&self.headings, &pages));
        let attached = attachments::write(document, self.attachments);
        let intents = conformance::output_intents(document);
        let packet = metadata.write(document);
        let catalog = document.catalog_mut()?;
        if let Some(language) = language {
            catalog.set("Lang", text_string(language));
        }
        catalog.set("MarkInfo", dictionary! { "Marked" => true });
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
}

fn rename_fonts(
    document: &mut Document,
    pages: &[ObjectId],
    faces: &BTreeMap<usize, Face>,
) -> std::result::Result<(), lopdf::Error> {
    let Some(page) = pages.first() else {
        return Ok(());
    };
    let resources = document
        .get_object(*page)?
        .as_dict()?
        .get(b"Resources")?
        .as_reference()?;
    let fonts = document
        .get_object(resources)?
        .as_dict()?
        .get(b"Font")?
        .as_reference()?;
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
