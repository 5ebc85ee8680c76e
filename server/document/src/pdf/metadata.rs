//! What a file says of itself: the information dictionary, the same in XMP (ISO 19005-3, 6.6), the standards it claims, and the invoice
//! it carries (Factur-X 1.0x, "XMP extension schema").

use jiff::Timestamp;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};

use super::{attachments::HybridInvoice, conformance::Conformance};

/// Letters of a title or a name; PDF/A allows strings of 32,767 bytes (ISO 19005-3, 6.1.13).
const MAX_LINE: usize = 1_000;
/// UTF-16 units of any other text, for the same reason.
const MAX_TEXT: usize = 16_000;

const FORMWORK: &str = "Formwork";

pub(super) struct Metadata<'a> {
    pub(super) title: &'a str,
    /// May be empty.
    pub(super) author: &'a str,
    pub(super) language: Option<&'a str>,
    pub(super) at: Timestamp,
    pub(super) conformance: Conformance,
    /// Name of the attached file, and what it is.
    pub(super) invoice: Option<(&'a str, &'a HybridInvoice)>,
}

impl Metadata<'_> {
    pub(super) fn information(&self) -> Dictionary {
        let mut info = dictionary! {
            "Title" => text_string(&line(self.title)), "Creator" => text_string(FORMWORK), "Producer" => text_string(FORMWORK),
            "CreationDate" => date(self.at), "ModDate" => date(self.at),
        };
        if !self.author.is_empty() {
            info.set("Author", text_string(&line(self.author)));
        }
        info
    }

    /// Adds the XMP packet to the document.
    pub(super) fn write(&self, document: &mut Document) -> ObjectId {
        let dict = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
        document.add_object(Stream::new(dict, self.xmp().into_bytes()))
    }

    fn xmp(&self) -> String {
        let mut schemas = String::new();
        let mut claims = String::new();
        match self.conformance {
            Conformance::Accessible => {
                claims.push_str(&archive("A"));
                claims.push_str(&description(
                    "pdfuaid",
                    UA,
                    "<pdfuaid:part>1</pdfuaid:part>",
                ));
                schemas.push_str(&schema(
                    "PDF/UA identification schema",
                    "pdfuaid",
                    UA,
                    UA_PROPERTIES,
                ));
            }
            Conformance::Readable => claims.push_str(&archive("U")),
            Conformance::None => {}
        }
        if let Some((name, invoice)) = self.invoice {
            let fields = format!(
                "<fx:DocumentType>{}</fx:DocumentType><fx:DocumentFileName>{}</fx:DocumentFileName>\
                 <fx:Version>{}</fx:Version><fx:ConformanceLevel>{}</fx:ConformanceLevel>",
                escape(&invoice.document_type),
                escape(name),
                escape(&invoice.version),
                escape(&invoice.conformance_level)
            );
            claims.push_str(&description("fx", FX, &fields));
            schemas.push_str(&schema(
                "Factur-X PDFA Extension Schema",
                "fx",
                FX,
                FX_PROPERTIES,
            ));
        }
        if !schemas.is_empty() {
            claims.push_str(&extensions(&schemas));
        }
        format!(
            "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
             <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
             {}{claims}</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>",
            self.common()
        )
    }

    /// What every file says.
    fn common(&self) -> String {
        let date = self.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        let title = escape(&line(self.title));
        let author = match self.author {
            "" => String::new(),
            author => format!(
                "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
                escape(&line(author))
            ),
        };
        let language = self.language.map_or_else(String::new, |language| {
            format!("<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>")
        });
        let core = format!(
            "<dc:format>application/pdf</dc:format>\
             <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title>{author}{language}"
        );
        let basic = format!(
            "<xmp:CreatorTool>{FORMWORK}</xmp:CreatorTool><xmp:CreateDate>{date}</xmp:CreateDate>\
             <xmp:ModifyDate>{date}</xmp:ModifyDate>"
        );
        let producer = format!("<pdf:Producer>{FORMWORK}</pdf:Producer>");
        [
            description("dc", "http://purl.org/dc/elements/1.1/", &core),
            description("xmp", "http://ns.adobe.com/xap/1.0/", &basic),
            description("pdf", "http://ns.adobe.com/pdf/1.3/", &producer),
        ]
        .concat()
    }
}

const UA: &str = "http://www.aiim.org/pdfua/ns/id/";
const FX: &str = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#";

/// Name, type, category and description.
type Property = (&'static str, &'static str, &'static str, &'static str);

const UA_PROPERTIES: &[Property] = &[(
    "part",
    "Integer",
    "internal",
    "Indicates, which part of ISO 14289 standard is followed",
)];
const FX_PROPERTIES: &[Property] = &[
    (
        "DocumentFileName",
        "Text",
        "external",
        "The name of the embedded XML document",
    ),
    (
        "DocumentType",
        "Text",
        "external",
        "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER",
    ),
    (
        "Version",
        "Text",
        "external",
        "The actual version of the standard applying to the embedded XML document",
    ),
    (
        "ConformanceLevel",
        "Text",
        "external",
        "The conformance level of the embedded XML document",
    ),
];

fn description(prefix: &str, namespace: &str, properties: &str) -> String {
    format!(
        "<rdf:Description rdf:about=\"\" xmlns:{prefix}=\"{namespace}\">{properties}</rdf:Description>\n"
    )
}

/// The level of PDF/A-3 (ISO 19005-3, 6.6.4).
fn archive(level: &str) -> String {
    let properties =
        format!("<pdfaid:part>3</pdfaid:part><pdfaid:conformance>{level}</pdfaid:conformance>");
    description("pdfaid", "http://www.aiim.org/pdfa/ns/id/", &properties)
}

/// Properties that PDF/A does not know are described in the file itself (ISO 19005-3, 6.6.2.3).
fn extensions(schemas: &str) -> String {
    format!(
        "<rdf:Description rdf:about=\"\" xmlns:pdfaExtension=\"http://www.aiim.org/pdfa/ns/extension/\" \
         xmlns:pdfaSchema=\"http://www.aiim.org/pdfa/ns/schema#\" xmlns:pdfaProperty=\"http://www.aiim.org/pdfa/ns/property#\">\
         <pdfaExtension:schemas><rdf:Bag>{schemas}</rdf:Bag></pdfaExtension:schemas></rdf:Description>\n"
    )
}

fn schema(title: &str, prefix: &str, namespace: &str, properties: &[Property]) -> String {
    let properties: String = properties
        .iter()
        .map(|(name, kind, category, description)| {
            format!(
                "<rdf:li rdf:parseType=\"Resource\"><pdfaProperty:name>{name}</pdfaProperty:name>\
                 <pdfaProperty:valueType>{kind}</pdfaProperty:valueType><pdfaProperty:category>{category}</pdfaProperty:category>\
                 <pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
            )
        })
        .collect();
    format!(
        "<rdf:li rdf:parseType=\"Resource\"><pdfaSchema:schema>{title}</pdfaSchema:schema>\
         <pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI><pdfaSchema:prefix>{prefix}</pdfaSchema:prefix>\
         <pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A text as both the information dictionary and XML can hold it.
fn line(text: &str) -> String {
    text.chars()
        .filter(|letter| {
            !letter.is_control() && !matches!(letter, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        })
        .take(MAX_LINE)
        .collect()
}

pub(super) fn date(at: Timestamp) -> Object {
    Object::string_literal(at.strftime("D:%Y%m%d%H%M%SZ").to_string())
}

/// UTF-16 with a byte order mark, as PDF texts beyond ASCII are written.
fn utf16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(
        text.encode_utf16()
            .take(MAX_TEXT)
            .flat_map(u16::to_be_bytes),
    );
    bytes
}

/// A text for people; what is longer than a string may be is cut off.
pub(super) fn text_string(text: &str) -> Object {
    if text.is_ascii() {
        Object::string_literal(&text.as_bytes()[..text.len().min(MAX_TEXT)])
    } else {
        Object::String(utf16(text), StringFormat::Hexadecimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_same_in_both_places() {
        let metadata = Metadata {
            title: "A <b>&\u{7}\u{feff}\" title",
            author: "",
            language: None,
            at: Timestamp::UNIX_EPOCH,
            conformance: Conformance::None,
            invoice: None,
        };
        let info = metadata.information();
        let title = info.get(b"Title").and_then(Object::as_str).ok();
        assert_eq!(title, Some(&b"A <b>&\" title"[..]));
        let xmp = metadata.xmp();
        assert!(xmp.contains("A &lt;b&gt;&amp;&quot; title"), "{xmp}");
        assert!(!xmp.contains("pdfaid") && !xmp.contains("pdfuaid") && !xmp.contains("dc:creator"));
    }

    #[test]
    fn no_string_is_longer_than_the_standard_allows() {
        for text in ["a".repeat(50_000), "ä".repeat(50_000)] {
            let string = text_string(&text);
            assert!(string.as_str().expect("a string").len() < 32_767);
            assert!(line(&text).chars().count() == MAX_LINE);
        }
    }
}
