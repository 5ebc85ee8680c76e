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
pub(crate) fn check(attachments: &[Attachment]) -> Result<(), DocumentError> {
    let refuse = |reason: String| Err(DocumentError::Attachment(reason));
    let mut invoices = 0;
    for (index, file) in attachments.iter().enumerate() {
        let name = &file.name;
        let odd = |letter: char| letter.is_control() || matches!(letter, '/' | '\\' | ':');
        if name.trim().is_empty() || name.len() > MAX_NAME || name.contains(odd) {
            return refuse(format!("a file to attach cannot be called `{name}`"));
        }
        if attachments[..index].iter().any(|other| other.name == *name) {
            return refuse(format!("two files to attach are called `{name}`"));
        }
        let kind = &file.content_type;
        if kind.len() > MAX_NAME
            || !kind.bytes().all(|byte| byte.is_ascii_graphic())
            || kind
                .split_once('/')
                .is_none_or(|(kind, sort)| kind.is_empty() || sort.is_empty() || sort.contains('/'))
        {
            return refuse(format!("`{kind}` of the file `{name}` is no MIME type"));
        }
        invoices += usize::from(file.invoice.is_some());
    }
    if invoices > 1 {
        return refuse("more than one file to attach is the invoice".into());
    }
    Ok(())
}

/// Embeds the files. Gives the catalogue's list of associated files and its tree of names.
pub(super) fn write(
    document: &mut Document,
    attachments: &[Attachment],
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
