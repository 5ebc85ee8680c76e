//! What printpdf does not write: names of fonts, language, metadata, structure, and a file id made from the content.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};
use sha2::{Digest as _, Sha256};

use super::{Result, fonts::Face, structure::Structure};
use crate::display::{Display, Pixels};

pub(super) fn finish(
    mut document: Document,
    display: &Display,
    faces: &BTreeMap<usize, Face>,
    structure: Structure,
) -> Result<Vec<u8>> {
    document.version = "1.7".into();
    add(&mut document, display, faces, structure).map_err(|error| error.to_string())?;
    document.compress();
    let mut bytes = Vec::with_capacity(128 * 1024);
    document
        .save_to(&mut bytes)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn add(
    document: &mut Document,
    display: &Display,
    faces: &BTreeMap<usize, Face>,
    structure: Structure,
) -> std::result::Result<(), lopdf::Error> {
    let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
    let mut hash = Sha256::new();
    hash.update(display.title.as_bytes());
    hash.update(display.now.to_string().as_bytes());
    for page in &pages {
        hash.update(document.get_page_content(*page));
    }
    for picture in &display.pictures {
        match &picture.pixels {
            Pixels::Rgba(bytes) | Pixels::Jpeg { bytes, .. } => hash.update(bytes.as_slice()),
        }
    }
    rename_fonts(document, &pages, faces)?;
    // The writer leaves the pixels of a picture as they are; a logo would be most of the file.
    for object in document.objects.values_mut() {
        if let Ok(stream) = object.as_stream_mut()
            && stream.dict.has_type(b"XObject")
            && stream.dict.has(b"BitsPerComponent")
            && !stream.dict.has(b"Filter")
        {
            stream.allows_compression = true;
        }
    }
    for (index, page) in pages.iter().enumerate() {
        let dict = document.get_object_mut(*page)?.as_dict_mut()?;
        dict.set("StructParents", i64::try_from(index).unwrap_or(0));
        dict.set("Tabs", "S");
    }
    let tree = structure.write(document, &pages)?;
    let metadata = document.add_object(
        Stream::new(
            dictionary! { "Type" => "Metadata", "Subtype" => "XML" },
            xmp(display).into_bytes(),
        )
        .with_compression(false),
    );
    let root = document.trailer.get(b"Root")?.as_reference()?;
    let catalog = document.get_object_mut(root)?.as_dict_mut()?;
    catalog.set("Lang", text_string(&display.language));
    catalog.set("MarkInfo", dictionary! { "Marked" => true });
    catalog.set("StructTreeRoot", tree);
    catalog.set("Metadata", metadata);
    catalog.set(
        "ViewerPreferences",
        dictionary! { "DisplayDocTitle" => true },
    );
    let info = document.trailer.get(b"Info")?.as_reference()?;
    document.set_object(info, info_dictionary(display));
    let id = hash.finalize()[..16].to_vec();
    let id = Object::String(id, StringFormat::Hexadecimal);
    document.trailer.set("ID", vec![id.clone(), id]);
    Ok(())
}

fn info_dictionary(display: &Display) -> Dictionary {
    let date = display
        .now
        .to_zoned(TimeZone::UTC)
        .strftime("D:%Y%m%d%H%M%SZ")
        .to_string();
    let date = Object::string_literal(date);
    let mut info = dictionary! {
        "Title" => text_string(&display.title),
        "Creator" => text_string("Formwork"),
        "Producer" => text_string("Formwork"),
        "CreationDate" => date.clone(),
        "ModDate" => date,
    };
    if !display.author.is_empty() {
        info.set("Author", text_string(&display.author));
    }
    info
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

fn xmp(display: &Display) -> String {
    let date = display.now.strftime("%Y-%m-%dT%H:%M:%SZ");
    let title = escape(&display.title);
    let language = escape(&display.language);
    let author = if display.author.is_empty() {
        String::new()
    } else {
        format!(
            "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
            escape(&display.author)
        )
    };
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
         xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" xmlns:pdfuaid=\"http://www.aiim.org/pdfua/ns/id/\">\
         <dc:format>application/pdf</dc:format>\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title>{author}\
         <dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>\
         <xmp:CreatorTool>Formwork</xmp:CreatorTool><xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>\
         <pdf:Producer>Formwork</pdf:Producer><pdfuaid:part>1</pdfuaid:part>\
         </rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// UTF-16 with a byte order mark, as PDF texts beyond ASCII are written.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    bytes
}

pub(super) fn text_string(text: &str) -> Object {
    if text.is_ascii() {
        Object::string_literal(text)
    } else {
        Object::String(utf16(text), StringFormat::Hexadecimal)
    }
}
