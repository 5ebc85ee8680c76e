//! What makes a file fit for archives and for people who do not see it: claims, tags, outline, attachments (ISO 19005-3, ISO 14289-1).

use document::{
    Assets, Attachment, Context, DocumentError, HybridInvoice, Limits, NoInvoice, Relationship,
    embedded_invoice,
};
use engine::value::Record;
use lopdf::{Dictionary, Document, Object};
use serde_json::{Value as Json, json};

use super::{context, list_document, render, renderer, rows, template, tool_on};

pub(super) fn read(bytes: &[u8]) -> Document {
    Document::load_mem(bytes).expect("a PDF")
}

pub(super) fn packet(document: &Document) -> String {
    let packet = document
        .catalog()
        .and_then(|root| root.get_deref(b"Metadata", document))
        .and_then(Object::as_stream)
        .expect("metadata");
    String::from_utf8(packet.content.clone()).expect("UTF-8")
}

fn text(object: &Object) -> String {
    lopdf::decode_text_string(object).expect("a text")
}

/// The tree of tags, one line an element, with its text for others.
pub(super) fn tags(document: &Document) -> Vec<String> {
    let root = document.catalog().expect("a catalogue");
    let tree = root.get_deref(b"StructTreeRoot", document);
    let mut lines = Vec::new();
    walk(
        document,
        tree.and_then(Object::as_dict).expect("tags"),
        0,
        &mut lines,
    );
    lines
}

fn walk(document: &Document, element: &Dictionary, depth: usize, lines: &mut Vec<String>) {
    let kids = match element.get_deref(b"K", document) {
        Ok(Object::Array(kids)) => kids.clone(),
        Ok(kid) => vec![kid.clone()],
        Err(_) => Vec::new(),
    };
    for kid in &kids {
        let Ok((_, Object::Dictionary(kid))) = document.dereference(kid) else {
            continue;
        };
        let Ok(role) = kid.get(b"S").and_then(Object::as_name) else {
            continue;
        };
        lines.push(format!(
            "{}{}",
            " ".repeat(depth),
            String::from_utf8_lossy(role)
        ));
        walk(document, kid, depth + 1, lines);
    }
}

/// Titles of the bookmarks with their depth.
pub(super) fn outline(document: &Document) -> Vec<String> {
    fn below(document: &Document, above: &Dictionary, depth: usize, lines: &mut Vec<String>) {
        let mut next = above.get_deref(b"First", document);
        while let Ok(item) = next.and_then(Object::as_dict) {
            let title = text(item.get(b"Title").expect("a title"));
            lines.push(format!("{}{title}", " ".repeat(depth)));
            below(document, item, depth + 1, lines);
            next = item.get_deref(b"Next", document);
        }
    }
    let mut lines = Vec::new();
    let root = document.catalog().expect("a catalogue");
    if let Ok(outlines) = root
        .get_deref(b"Outlines", document)
        .and_then(Object::as_dict)
    {
        below(document, outlines, 0, &mut lines);
    }
    lines
}

#[test]
fn a_document_claims_what_it_keeps() {
    let bytes = render(list_document(), &rows(3)).pdf().expect("a PDF");
    let document = read(&bytes);
    let root = document.catalog().expect("a catalogue");
    let packet = packet(&document);
    for claim in [
        "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>",
        "<xmp:CreateDate>2027-03-08T10:00:00Z</xmp:CreateDate>",
        ">A title</rdf:li>",
    ] {
        assert!(packet.contains(claim), "{claim} in {packet}");
    }
    let info = document.trailer.get(b"Info").and_then(Object::as_reference);
    let info = document.get_dictionary(info.expect("a reference"));
    let info = info.expect("information");
    assert_eq!(text(info.get(b"Title").expect("a title")), "A title");
    assert_eq!(
        text(info.get(b"ModDate").expect("a date")),
        "D:20270308100000Z"
    );
    let intents = root.get_deref(b"OutputIntents", &document);
    let intent = intents.and_then(Object::as_array).expect("intents")[0].clone();
    let intent = intent.as_dict().expect("an intent");
    assert_eq!(
        intent.get(b"S").and_then(Object::as_name).ok(),
        Some(&b"GTS_PDFA1"[..])
    );
    let profile = intent.get_deref(b"DestOutputProfile", &document);
    let profile = profile
        .and_then(Object::as_stream)
        .and_then(lopdf::Stream::decompressed_content)
        .expect("a profile");
    assert_eq!(&profile[36..40], b"acsp");
    assert_eq!(root.get(b"Lang").map(text).ok().as_deref(), Some("en"));
    assert!(document.trailer.has(b"ID"));
}

#[test]
fn without_a_language_no_accessibility_is_claimed() {
    let template = template(json!({"blocks": [{"id": "a", "type": "text", "text": "Hello"}]}));
    let context = Context {
        locale: "e".into(),
        ..context()
    };
    let (assets, limits) = (Assets::default(), Limits::default());
    let rendered = renderer().render(&template, &Record::new(), &context, &assets, &limits);
    let document = read(&rendered.expect("a document").pdf().expect("a PDF"));
    let packet = packet(&document);
    assert!(
        packet.contains("<pdfaid:conformance>U</pdfaid:conformance>"),
        "{packet}"
    );
    assert!(!packet.contains("pdfuaid"), "{packet}");
    assert!(!document.catalog().expect("a catalogue").has(b"Lang"));
}

#[test]
fn a_template_that_says_its_language_is_in_it_whoever_fills_it_in() {
    let fields = json!([{"name": "day", "kind": "date"}, {"name": "sum", "kind": "money"}]);
    let given = json!({"day": "2027-03-08", "sum": {"amount": "1485.00", "currency": "EUR"}});
    for (language, expected, page) in [
        (json!("de"), "de", "8. März 2027: 1.485,00 €"),
        (Json::Null, "en", "8 March 2027: €1,485.00"),
    ] {
        let blocks = json!([{"id": "a", "type": "text", "text": "{{ day }}: {{ sum }}"}]);
        let parts = json!({"language": language, "fields": fields, "blocks": blocks});
        let rendered = render(parts, &given);
        assert_eq!(super::text(&rendered), page);
        let document = read(&rendered.pdf().expect("a PDF"));
        let root = document.catalog().expect("a catalogue");
        assert_eq!(root.get(b"Lang").map(text).ok().as_deref(), Some(expected));
    }
    let unknown = json!({"format": document::FORMAT, "title": "A", "language": "Klingon"});
    let problems = document::Template::parse(&unknown).expect_err("no language");
    assert_eq!(problems[0].pointer, "/language");
}

#[test]
fn headings_never_leave_out_a_rank_and_are_the_outline() {
    let heading = |level: u8, text: &str| {
        let id = format!("h{level}{}", text.len());
        json!({"id": id, "type": "heading", "level": level, "text": text})
    };
    let parts = json!({
        "header": {"blocks": [{"id": "h", "type": "heading", "text": "On each page"}]},
        "blocks": [
            heading(2, "Offer für"), heading(3, "Days"), {"id": "p", "type": "page_break"}, heading(3, "Nights"),
            heading(1, "Terms"), heading(3, "Payment")]
    });
    let document = read(&render(parts, &json!({})).pdf().expect("a PDF"));
    assert_eq!(
        outline(&document),
        ["Offer für", " Days", " Nights", "Terms", " Payment"]
    );
    assert_eq!(
        tags(&document),
        ["Document", " H1", " H2", " H2", " H1", " H2"]
    );
}

#[test]
fn a_document_without_headings_has_no_outline() {
    let document = read(&render(list_document(), &rows(1)).pdf().expect("a PDF"));
    assert!(!document.catalog().expect("a catalogue").has(b"Outlines"));
}

#[test]
fn a_table_has_head_body_and_foot() {
    let mut parts = list_document();
    parts["blocks"] = json!([parts["blocks"][0]]);
    parts["blocks"][0]["totals"] = json!([["Together", "0.10"]]);
    let document = read(&render(parts, &rows(1)).pdf().expect("a PDF"));
    assert_eq!(
        tags(&document),
        [
            "Document", " Table", "  THead", "   TR", "    TH", "    TH", "  TBody", "   TR",
            "    TD", "    TD", "  TFoot", "   TR", "    TD", "    TD"
        ]
    );
}

#[test]
fn a_link_in_the_footer_is_known_to_the_tree_on_every_page() {
    let link = json!([{"text": "our terms", "link": "https://example.com/terms"}]);
    let parts = json!({
        "footer": {"blocks": [{"id": "f", "type": "text", "runs": link}]},
        "blocks": [
            {"id": "a", "type": "text", "text": "One"}, {"id": "p", "type": "page_break"},
            {"id": "b", "type": "text", "text": "Two"}]
    });
    let document = read(&render(parts, &json!({})).pdf().expect("a PDF"));
    assert_eq!(tags(&document), ["Document", " P", " Link", " P", " Link"]);
    for page in document.page_iter() {
        let annotations = document.get_page_annotations(page).expect("annotations");
        assert_eq!(annotations.len(), 1);
        assert!(annotations[0].has(b"StructParent") && annotations[0].has(b"Contents"));
        let content = document.get_page_content(page);
        let content = String::from_utf8_lossy(&content);
        assert!(
            content.contains("/Pagination") && content.contains("/Footer"),
            "{content}"
        );
    }
}

#[test]
fn every_glyph_has_a_text() {
    let blocks = json!([{"id": "a", "type": "text", "text": "مُحَمَّد لَا office e\u{301}"}]);
    let document = read(
        &render(json!({"blocks": blocks}), &json!({}))
            .pdf()
            .expect("a PDF"),
    );
    let mut maps = 0;
    for object in document.objects.values() {
        let Ok(font) = object.as_dict() else {
            continue;
        };
        let Ok(map) = font
            .get_deref(b"ToUnicode", &document)
            .and_then(Object::as_stream)
        else {
            continue;
        };
        maps += 1;
        let map = map.decompressed_content().expect("a map");
        let map = String::from_utf8(map).expect("text");
        let said: Vec<&str> = map
            .lines()
            .filter(|line| line.starts_with('<') && line.contains("> <"))
            .collect();
        assert!(!said.is_empty(), "{map}");
        for line in said {
            let wrong = ["<>", "<0000>", "<FEFF>", "<FFFE>"];
            assert!(!wrong.iter().any(|wrong| line.ends_with(wrong)), "{line}");
        }
    }
    assert!(maps > 0);
}

pub(super) fn invoice() -> Attachment {
    Attachment {
        name: "factur-x.xml".into(),
        content_type: "text/xml".into(),
        relationship: Relationship::Alternative,
        description: "The invoice for machines".into(),
        modified: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        bytes: b"<rsm:CrossIndustryInvoice/>".to_vec(),
        invoice: Some(HybridInvoice {
            document_type: "INVOICE".into(),
            version: "1.0".into(),
            conformance_level: "EN 16931".into(),
        }),
    }
}

#[test]
fn attached_files_are_found_by_name_and_belong_to_the_document() {
    let photo = Attachment {
        name: "Ausflug für zwei.png".into(),
        content_type: "image/png".into(),
        relationship: Relationship::Unspecified,
        invoice: None,
        ..invoice()
    };
    let rendered = render(list_document(), &rows(1));
    let bytes = rendered
        .pdf_with(&[invoice(), photo])
        .expect("a PDF with files");
    assert_ne!(bytes, rendered.pdf().expect("a PDF"));
    let said = tool_on(&bytes, &["qpdf", "--check", "FILE"]);
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
    let listed = tool_on(&bytes, &["pdfdetach", "-list", "FILE"]);
    assert!(
        listed.contains("factur-x.xml") && listed.contains("Ausflug für zwei.png"),
        "{listed}"
    );
    let document = read(&bytes);
    let root = document.catalog().expect("a catalogue");
    let files = root.get(b"AF").and_then(Object::as_array).expect("files");
    let relations: Vec<&[u8]> = files
        .iter()
        .map(|file| {
            let file = file.as_reference().expect("a reference");
            let file = document.get_dictionary(file).expect("a file");
            assert!(file.has(b"F") && file.has(b"UF") && file.has(b"Desc"));
            file.get(b"AFRelationship")
                .and_then(Object::as_name)
                .expect("a relation")
        })
        .collect();
    assert_eq!(relations, [&b"Alternative"[..], b"Unspecified"]);
    let packet = packet(&document);
    for part in [
        "<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>",
        "<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>",
        "<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>",
    ] {
        assert!(packet.contains(part), "{part} in {packet}");
    }
}

#[test]
fn files_that_no_pdf_can_hold_are_refused_in_words() {
    let rendered = render(list_document(), &rows(1));
    let named = |name: &str| Attachment {
        name: name.into(),
        ..invoice()
    };
    let plain = |name: &str| Attachment {
        invoice: None,
        ..named(name)
    };
    let typed = Attachment {
        content_type: "xml".into(),
        ..invoice()
    };
    let cases: [(Vec<Attachment>, &str); 5] = [
        (vec![plain("a/b.xml")], "cannot be called `a/b.xml`"),
        (vec![plain(" ")], "cannot be called ` `"),
        (
            vec![plain("a.xml"), plain("a.xml")],
            "two files to attach are called `a.xml`",
        ),
        (
            vec![typed],
            "`xml` of the file `factur-x.xml` is no MIME type",
        ),
        (
            vec![invoice(), named("b.xml")],
            "more than one file to attach is the invoice",
        ),
    ];
    for (files, words) in cases {
        match rendered.pdf_with(&files) {
            Err(DocumentError::Attachment(reason)) => assert!(reason.contains(words), "{reason}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}

#[test]
fn a_picture_that_shines_through_needs_no_colour_space_of_its_own() {
    // One blue pixel, half transparent.
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYPjfAAACgwGAQ7v4AwAAAABJRU5ErkJggg==";
    let parts = json!({"blocks": [{"id": "a", "type": "image", "data": pixel, "alt": "A dot"}]});
    let document = read(&render(parts, &json!({})).pdf().expect("a PDF"));
    let masks = document
        .objects
        .values()
        .filter_map(|object| object.as_stream().ok())
        .filter(|stream| stream.dict.has(b"SMask"))
        .count();
    assert_eq!(masks, 1);
    assert!(
        document
            .catalog()
            .expect("a catalogue")
            .has(b"OutputIntents")
    );
}

#[test]
fn the_invoice_within_a_pdf_is_found_by_its_name() {
    let rendered = render(list_document(), &rows(1));
    let bytes = rendered.pdf_with(&[invoice()]).expect("a PDF with a file");
    let found = embedded_invoice(&bytes).expect("an invoice");
    assert_eq!(found.name, "factur-x.xml");
    assert_eq!(found.xml, invoice().bytes);
    // The sample names no rules, which our metadata do.
    let others: Vec<&String> = found
        .doubts
        .iter()
        .filter(|doubt| !doubt.contains("profile"))
        .collect();
    assert!(others.is_empty(), "{others:#?}");
    let plain = rendered.pdf().expect("a PDF");
    assert_eq!(embedded_invoice(&plain), Err(NoInvoice::Missing));
    for broken in [&bytes[..bytes.len() / 2], b"%PDF-1.7", b""] {
        assert!(embedded_invoice(broken).is_err());
    }
}

#[test]
fn a_pdf_that_unpacks_to_very_much_is_refused() {
    let bomb = Attachment {
        bytes: vec![b' '; 11 * 1024 * 1024],
        ..invoice()
    };
    let rendered = render(list_document(), &rows(1));
    let bytes = rendered.pdf_with(&[bomb]).expect("a PDF with a file");
    assert_eq!(embedded_invoice(&bytes), Err(NoInvoice::TooLarge));
}

#[test]
fn a_pdf_whose_tables_would_take_all_memory_is_refused_before_it_is_read() {
    // A thousand entries, each of them the same string of a megabyte.
    let mut heavy = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    let string = heavy.len();
    heavy.extend(format!("9 0 obj\n({})\nendobj\n", "x".repeat(1_000_000)).into_bytes());
    let table = heavy.len();
    heavy.extend(b"xref\n0 1001\n0000000000 65535 f \n");
    for _ in 0..1_000 {
        heavy.extend(format!("{string:010} 00000 n \n").into_bytes());
    }
    let end = format!("trailer\n<</Root 1 0 R/Size 1001>>\nstartxref\n{table}\n%%EOF\n");
    heavy.extend(end.into_bytes());
    // A table with a field of a hundred terabytes, within what reads as the data of something else.
    let mut hidden = b"%PDF-1.7\n1 0 obj\n<</Length 99>>\nstream\n".to_vec();
    let table = hidden.len();
    hidden.extend(b"9 0 obj\n<</Type/XRef/Size 3/W[1 99999999999999 1]/Length 2>>\nstream\n");
    hidden.extend(b"\n\nendstream\nendobj\n");
    hidden.extend(format!("startxref\n{table}\n%%EOF\n").into_bytes());
    for pdf in [heavy, hidden] {
        assert_eq!(embedded_invoice(&pdf), Err(NoInvoice::TooLarge));
    }
}
