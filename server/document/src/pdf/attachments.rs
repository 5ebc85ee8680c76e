//! Files within the file (ISO 19005-3, 6.8): each embedded, listed by its name, and associated with the document.

use jiff::Timestamp;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, dictionary};

use super::metadata::{date, text_string};
use crate::context::DocumentError;

/// Bytes of a name or a MIME type, as many as a PDF name may have (ISO 19005-3, 6.1.13).
const MAX_NAME: usize = 127;

/// A file to go into a PDF. All of them are held in memory together with the document; the caller bounds their size.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// With its ending, without folders; no two of a document are called alike.
    pub name: String,
    /// MIME type such as `text/xml`.
    pub content_type: String,
    pub relationship: Relationship,
    /// For people; may be empty.
    pub description: String,
    pub modified: Timestamp,
    pub bytes: Vec<u8>,
    /// The file is the document's invoice for machines. At most one attachment is.
    pub invoice: Option<HybridInvoice>,
}

/// What an attached file is to the document (ISO 19005-3, annex E).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relationship {
    /// The document was made from it.
    Source,
    /// Data shown in the document.
    Data,
    /// The same for other readers, such as an invoice as XML.
    Alternative,
    Supplement,
    Unspecified,
}

impl Relationship {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "Source",
            Self::Data => "Data",
            Self::Alternative => "Alternative",
            Self::Supplement => "Supplement",
            Self::Unspecified => "Unspecified",
        }
    }
}

/// What the metadata of a hybrid invoice say of its XML (Factur-X 1.0x, of which the German profile of the same name differs in
/// nothing here).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridInvoice {
    /// `INVOICE`; credit notes are invoices here, too.
    pub document_type: String,
    /// Of the standard: `1.0`.
    pub version: String,
    /// The profile as the standard writes it: `MINIMUM`, `BASIC WL`, `BASIC`, `EN 16931`, `EXTENDED` or `XRECHNUNG`.
    pub conformance_level: String,
}

/// Refuses what a file cannot hold, in words that go on after the document's name.
pub(crate) fn check(attachments: &[&Attachment]) -> Result<(), DocumentError> {
    let refuse = |reason: String| Err(DocumentError::Attachment(reason));
    let mut invoices = 0;
    for (index, file) in attachments.iter().enumerate() {
        let name = &file.name;
        if name.trim().is_empty() || name.len() > MAX_NAME || name.contains(is_odd) {
            return refuse(format!("a file to attach cannot be called `{name}`"));
        }
        if attachments[..index].iter().any(|other| other.name == *name) {
            return refuse(format!("two files to attach are called `{name}`"));
        }
        let kind = &file.content_type;
        if !is_media_type(kind) {
            return refuse(format!("`{kind}` of the file `{name}` is no MIME type"));
        }
        invoices += usize::from(file.invoice.is_some());
    }
    if invoices > 1 {
        return refuse("more than one file to attach is the invoice".into());
    }
    Ok(())
}

/// Letters that the name of a file cannot have.
fn is_odd(letter: char) -> bool {
    letter.is_control() || matches!(letter, '/' | '\\' | ':')
}

fn is_media_type(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && text
            .split_once('/')
            .is_some_and(|(kind, sort)| !kind.is_empty() && !sort.is_empty() && !sort.contains('/'))
}

/// A name as a PDF can hold it, which is none of `others`: `photo (2).jpg`.
pub(crate) fn name_beside(others: &[Attachment], wanted: &str) -> String {
    let clean: String = wanted
        .chars()
        .map(|letter| if is_odd(letter) { '-' } else { letter })
        .collect();
    let (stem, ending) = match clean.rfind('.') {
        Some(dot) if dot > 0 && clean.len() - dot <= 20 => clean.split_at(dot),
        _ => (clean.as_str(), ""),
    };
    let stem = match stem.trim() {
        "" => "file",
        stem => stem,
    };
    let mut copy = 1;
    loop {
        let number = match copy {
            1 => String::new(),
            copy => format!(" ({copy})"),
        };
        let room = MAX_NAME - number.len() - ending.len();
        let name = format!(
            "{}{number}{ending}",
            &stem[..stem.floor_char_boundary(room)]
        );
        if others.iter().all(|other| other.name != name) {
            return name;
        }
        copy += 1;
    }
}

/// A MIME type without what goes with it.
pub(crate) fn media_type(text: &str) -> String {
    let text = text.split(';').next().unwrap_or_default().trim();
    if is_media_type(text) {
        text.into()
    } else {
        "application/octet-stream".into()
    }
}

/// Embeds the files. Gives the catalogue's list of associated files and its tree of names.
pub(super) fn write(
    document: &mut Document,
    attachments: &[&Attachment],
) -> Option<(Vec<Object>, Dictionary)> {
    if attachments.is_empty() {
        return None;
    }
    let files: Vec<ObjectId> = attachments
        .iter()
        .map(|file| embed(document, file))
        .collect();
    let mut named: Vec<(Object, ObjectId)> = attachments
        .iter()
        .map(|file| text_string(&file.name))
        .zip(files.iter().copied())
        .collect();
    // Readers search the names by halving.
    named.sort_by(|(a, _), (b, _)| {
        a.as_str()
            .unwrap_or_default()
            .cmp(b.as_str().unwrap_or_default())
    });
    let names: Vec<Object> = named
        .into_iter()
        .flat_map(|(name, file)| [name, file.into()])
        .collect();
    let tree = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } };
    Some((files.into_iter().map(Object::from).collect(), tree))
}

fn embed(document: &mut Document, file: &Attachment) -> ObjectId {
    let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
    let dict = dictionary! {
        "Type" => "EmbeddedFile", "Subtype" => file.content_type.as_str(),
        "Params" => dictionary! { "ModDate" => date(file.modified), "Size" => size },
    };
    let stream = document.add_object(Stream::new(dict, file.bytes.clone()));
    let mut specification = dictionary! {
        "Type" => "Filespec", "F" => text_string(&file.name), "UF" => text_string(&file.name),
        "AFRelationship" => file.relationship.name(), "EF" => dictionary! { "F" => stream, "UF" => stream },
    };
    if !file.description.is_empty() {
        specification.set("Desc", text_string(&file.description));
    }
    document.add_object(specification)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_never_alike() {
        let mut files: Vec<Attachment> = Vec::new();
        let mut check = |wanted: &str, expected: &str| {
            let name = name_beside(&files, wanted);
            assert_eq!(name, expected);
            files.push(Attachment {
                name,
                content_type: media_type("text/plain; charset=utf-8"),
                relationship: Relationship::Supplement,
                description: String::new(),
                modified: Timestamp::UNIX_EPOCH,
                bytes: Vec::new(),
                invoice: None,
            });
        };
        check("photo.jpg", "photo.jpg");
        check("photo.jpg", "photo (2).jpg");
        check("a/b\u{7}.txt", "a-b-.txt");
        check(" ", "file");
        check(".x", ".x");
        let long = format!("{}.pdf", "ü".repeat(100));
        check(&long, &format!("{}.pdf", "ü".repeat(61)));
        let all: Vec<&Attachment> = files.iter().collect();
        assert_eq!(super::check(&all), Ok(()));
        assert_eq!(media_type("nonsense"), "application/octet-stream");
    }
}
