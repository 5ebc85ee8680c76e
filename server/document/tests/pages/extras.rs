//! What goes with the pages: watermark, letterhead, other PDFs, attached files, a password; and what they rule out.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use document::{
    Assets, DocumentError, FileFault, FilePlace, Limits, Obstacle, PasswordFault, Rendered,
    Template, Unbindable, needs,
};
use lopdf::{Document, Object, dictionary};
use serde_json::{Value as Json, json};

use super::{
    DOT,
    archive::{invoice, outline, packet, read},
    context, render, renderer, template, tool_on, values,
};

/// A document of so many pages, each with its number after a word.
fn pages(word: &str, count: usize) -> Json {
    let blocks: Vec<Json> = (1..=count)
        .map(|number| json!({"id": format!("p{number}"), "type": "heading", "text": format!("{word} {number}"), "break_before": number > 1}))
        .collect();
    json!({"blocks": blocks})
}

fn with(mut parts: Json, member: &str, value: Json) -> Json {
    parts[member] = value;
    parts
}

fn kept(bytes: &[u8], name: &str) -> Json {
    json!({"data": BASE64.encode(bytes), "name": name})
}

fn pdf(parts: Json) -> Vec<u8> {
    render(parts, &json!({})).pdf().expect("a PDF")
}

/// The words of one page.
fn words(pdf: &[u8], page: usize) -> String {
    let page = page.to_string();
    let text = tool_on(pdf, &["pdftotext", "-f", &page, "-l", &page, "FILE", "-"]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_sound(pdf: &[u8]) {
    let said = tool_on(pdf, &["qpdf", "--check", "FILE"]);
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
}

/// How the first page is drawn.
fn content(document: &Document) -> String {
    let page = document.page_iter().next().expect("a page");
    String::from_utf8_lossy(&document.get_page_content(page)).into_owned()
}

fn claims(pdf: &[u8]) -> bool {
    packet(&read(pdf)).contains("pdfaid")
}

fn codes(rendered: &Rendered) -> Vec<&str> {
    let notes = rendered.notes.iter();
    notes
        .map(|note| note.params["obstacle"].as_str().expect("a slug"))
        .collect()
}

#[test]
fn a_watermark_is_on_every_page_and_the_file_is_still_to_be_kept() {
    let mark =
        json!({"text": "DRAFT {{ firm.name }}", "colour": "#ff0000", "opacity": 0.25, "angle": 0});
    let rendered = render(with(pages("Page", 2), "watermark", mark), &json!({}));
    assert!(rendered.warnings.is_empty(), "{:?}", rendered.warnings);
    let bytes = rendered.pdf().expect("a PDF");
    is_sound(&bytes);
    assert!(claims(&bytes));
    let document = read(&bytes);
    let drawn = content(&document);
    assert!(drawn.contains("/Watermark"), "{drawn}");
    for page in [1, 2] {
        let words = words(&bytes, page);
        assert!(words.contains("DRAFT"), "{words}");
        let svg = rendered.svg(page - 1).expect("a picture");
        assert!(
            svg.contains(r#"<g opacity="0.25" transform="rotate(0.00 "#),
            "{svg}"
        );
        // It is no part of what the page says.
        let said = rendered.text(page - 1).expect("a text");
        assert!(!said.contains("DRAFT"), "{said}");
    }
    let across = json!({"text": "COPY"});
    let rendered = render(with(pages("Page", 1), "watermark", across), &json!({}));
    let svg = rendered.svg(0).expect("a picture");
    assert!(
        svg.contains(r#"<g opacity="0.15" transform="rotate(-54.7"#),
        "{svg}"
    );
    let absent = json!({"text": "DRAFT", "when": "{{ false }}"});
    let rendered = render(with(pages("Page", 1), "watermark", absent), &json!({}));
    assert!(!words(&rendered.pdf().expect("a PDF"), 1).contains("DRAFT"));
}

#[test]
fn a_picture_under_the_pages_is_seen_everywhere() {
    let letterhead = json!({"data": DOT, "first_only": true});
    let rendered = render(with(pages("Page", 2), "letterhead", letterhead), &json!({}));
    let bytes = rendered.pdf().expect("a PDF");
    is_sound(&bytes);
    assert!(claims(&bytes) && rendered.notes.is_empty() && rendered.unseen().is_none());
    assert!(content(&read(&bytes)).contains("/Background"));
    let has_picture = |page| rendered.svg(page).expect("a picture").contains("<image");
    assert!(has_picture(0) && !has_picture(1));
}

#[test]
fn a_pdf_lies_under_the_pages_with_its_second_page_under_those_that_follow() {
    let head = pdf(with(
        pages("Head", 2),
        "page",
        json!({"margins": {"top": 60}}),
    ));
    let letterhead = kept(&head, "head.pdf");
    let rendered = render(with(pages("Page", 3), "letterhead", letterhead), &json!({}));
    let bytes = rendered.pdf().expect("a PDF");
    is_sound(&bytes);
    for (page, head) in [(1, "Head 1"), (2, "Head 2"), (3, "Head 2")] {
        let words = words(&bytes, page);
        assert!(
            words.contains(head) && words.contains(&format!("Page {page}")),
            "{words}"
        );
    }
    assert!(!claims(&bytes));
    assert_eq!(codes(&rendered), ["letterhead"]);
    assert_eq!(
        rendered.unseen().map(|note| note.code),
        Some("letterhead_unseen".into())
    );
    // A page across fits an upright one.
    let across = pdf(
        json!({"page": {"orientation": "landscape"}, "blocks": [{"id": "a", "type": "text", "text": "Across"}]}),
    );
    let letterhead = json!({"data": BASE64.encode(&across), "following": {"data": DOT}});
    let bytes = pdf(with(pages("Page", 2), "letterhead", letterhead));
    assert!(words(&bytes, 1).contains("Across") && !words(&bytes, 2).contains("Across"));
}

#[test]
fn pages_of_others_are_put_around_those_of_a_document() {
    let cover = kept(&pdf(pages("Cover", 1)), "Cover.pdf");
    let terms = kept(&pdf(pages("Terms", 2)), "Terms.pdf");
    let parts = with(pages("Page", 2), "prepend", json!([cover]));
    let rendered = render(with(parts, "append", json!([terms])), &json!({}));
    let bytes = rendered.pdf().expect("a PDF");
    is_sound(&bytes);
    let found: Vec<String> = (1..=5).map(|page| words(&bytes, page)).collect();
    assert_eq!(found, ["Cover 1", "Page 1", "Page 2", "Terms 1", "Terms 2"]);
    let document = read(&bytes);
    assert_eq!(
        outline(&document),
        [
            "Cover", " Cover 1", "Page 1", "Page 2", "Terms", " Terms 1", " Terms 2"
        ]
    );
    let root = document.catalog().expect("a catalogue");
    assert!(root.has(b"PageLabels"));
    assert!(!claims(&bytes));
    assert_eq!(codes(&rendered), ["bound"]);
    assert_eq!(bytes, rendered.pdf().expect("the same"));
}

/// Two pages as another program writes them, nothing of it packed.
fn foreign() -> (Document, [lopdf::ObjectId; 2]) {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let pages = ["One", "Two"].map(|word| {
        let drawn = format!("BT /F 12 Tf 9 9 Td ({word}) Tj ET");
        let content = lopdf::Stream::new(lopdf::Dictionary::new(), drawn.into_bytes());
        let content = document.add_object(content);
        let font =
            dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica" };
        let fonts = dictionary! { "Font" => dictionary! { "F" => font } };
        document.add_object(dictionary! {
            "Type" => "Page", "Parent" => tree, "Contents" => content, "Resources" => fonts,
        })
    });
    let kids = pages.map(Object::from).to_vec();
    let size: Vec<Object> = vec![0.into(), 0.into(), 300.into(), 400.into()];
    let node = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => 2, "MediaBox" => size };
    document.objects.insert(tree, node.into());
    let root = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", root);
    (document, pages)
}

#[test]
fn links_of_others_lead_to_pages_and_addresses_and_nothing_is_run() {
    let (mut foreign, ids) = foreign();
    let link = |more: lopdf::Dictionary| {
        let mut link = dictionary! {
            "Type" => "Annot", "Subtype" => "Link", "Rect" => vec![Object::from(0), 0.into(), 9.into(), 9.into()],
        };
        link.extend(&more);
        Object::from(link)
    };
    let text = |text: &str| Object::string_literal(text);
    let script = dictionary! { "S" => "JavaScript", "JS" => text("app.alert(1)") };
    let web = dictionary! { "S" => "URI", "URI" => text("https://example.com/terms") };
    let notes = vec![
        link(dictionary! { "Dest" => text("second") }),
        link(dictionary! { "Dest" => text("nowhere") }),
        link(dictionary! { "A" => web }),
        link(dictionary! { "A" => script.clone() }),
    ];
    let place = vec![Object::from(ids[1]), "Fit".into()];
    let names = vec![text("second"), place.into()];
    let page = foreign.get_dictionary_mut(ids[0]).expect("a page");
    page.set("Annots", notes);
    page.set("AA", dictionary! { "O" => script.clone() });
    let root = foreign.catalog_mut().expect("a catalogue");
    root.set("OpenAction", script);
    root.set(
        "Names",
        dictionary! { "Dests" => dictionary! { "Names" => names } },
    );
    let mut bytes = Vec::new();
    foreign.save_to(&mut bytes).expect("written");
    let bytes = pdf(with(
        pages("Page", 1),
        "append",
        json!([kept(&bytes, "terms.pdf")]),
    ));
    is_sound(&bytes);
    let document = read(&bytes);
    let pages: Vec<_> = document.page_iter().collect();
    let notes = document.get_dictionary(pages[1]).expect("a page");
    let notes = notes.get(b"Annots").and_then(Object::as_array);
    let notes = notes.expect("links");
    assert_eq!(notes.len(), 2);
    let first = notes[0].as_dict().expect("a link");
    let place = first.get(b"Dest").and_then(Object::as_array);
    let leads = place.expect("a place")[0].as_reference();
    assert_eq!(leads.ok(), Some(pages[2]));
    let mut objects = document.objects.values();
    assert!(!objects.any(|object| format!("{object:?}").contains("JavaScript")));
}

#[test]
fn attached_files_keep_their_names_apart_and_the_file_fit_to_be_kept() {
    let photo = json!({"source": "{{ photos }}", "description": "For {{ firm.name }}", "relationship": "unspecified"});
    let data = json!({"data": BASE64.encode(b"a,b\n"), "name": "rows.csv", "content_type": "text/csv", "relationship": "data"});
    let none = json!({"data": "", "name": "none.txt", "when": "{{ false }}"});
    let fields = json!([{"name": "photos", "kind": "list", "item": {"kind": "file"}}]);
    let template =
        template(json!({"fields": fields, "blocks": [], "attachments": [photo, data, none]}));
    let file = |number: u8| json!({"id": format!("018f4f5e-0000-7000-8000-00000000000{number}"), "name": "photo.jpg", "content_type": "image/jpeg", "size_bytes": 3});
    let values = values(&template, &json!({"photos": [file(1), file(2)]}));
    let wanted = needs(&template, &values, &context());
    assert_eq!((wanted.images.len(), wanted.files.len()), (0, 2));
    let draw = |assets: &Assets| {
        let limits = Limits::default();
        let rendered = renderer().render(&template, &values, &context(), assets, &limits);
        rendered.expect("a document").pdf()
    };
    let mut assets = Assets::default();
    for file in &wanted.files {
        assets.files.insert(file.id, b"jpg".to_vec().into());
    }
    let bytes = draw(&assets).expect("a PDF");
    is_sound(&bytes);
    assert!(claims(&bytes));
    let listed = tool_on(&bytes, &["pdfdetach", "-list", "FILE"]);
    for name in ["photo.jpg", "photo (2).jpg", "rows.csv"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(!listed.contains("none.txt"), "{listed}");
    // Nothing is left out in silence.
    let error = draw(&Assets::default()).expect_err("no files");
    let expected = DocumentError::File {
        place: FilePlace::Attachment,
        name: "photo.jpg".into(),
        fault: FileFault::Missing,
    };
    assert_eq!(error, expected);
}

#[test]
fn a_file_that_the_document_chooses_is_asked_for() {
    let fields = json!([
        {"name": "files", "kind": "list", "item": {"kind": "file"}},
        {"name": "last", "kind": "file", "source": "computed", "value": "{{ files | last }}"},
    ]);
    let template = template(
        json!({"fields": fields, "blocks": [], "attachments": [{"source": "{{ last }}"}]}),
    );
    let file = |number: u8| json!({"id": format!("018f4f5e-0000-7000-8000-00000000000{number}"), "name": format!("{number}.txt"), "content_type": "text/plain", "size_bytes": 3});
    let values = values(&template, &json!({"files": [file(1), file(2)]}));
    let wanted = needs(&template, &values, &context());
    let names: Vec<&str> = wanted.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["2.txt"]);
}

fn locked() -> Json {
    let password = json!({"open": "{{ 'Geheim' }}-7", "print": false});
    with(pages("Page", 1), "password", password)
}

#[test]
fn a_password_opens_the_file_and_nothing_else_does() {
    let rendered = render(locked(), &json!({}));
    assert!(rendered.warnings.is_empty(), "{:?}", rendered.warnings);
    assert_eq!(codes(&rendered), ["password"]);
    let bytes = rendered.pdf().expect("a PDF");
    assert_eq!(bytes, render(locked(), &json!({})).pdf().expect("the same"));
    let key = "--password=Geheim-7";
    let said = tool_on(&bytes, &["qpdf", key, "--show-encryption", "FILE"]);
    for part in ["R = 6", "AESv3", "print low resolution: not allowed"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = tool_on(&bytes, &["qpdf", key, "--check", "FILE"]);
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
    let text = tool_on(&bytes, &["pdftotext", "-upw", "Geheim-7", "FILE", "-"]);
    assert!(text.contains("Page 1"), "{text}");
    let info = tool_on(&bytes, &["pdfinfo", "-upw", "Geheim-7", "FILE"]);
    assert!(info.contains("A title"), "{info}");
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    assert!(holds(b"/Encrypt") && !holds(b"A title") && !holds(b"Geheim"));
    // Neither does what an empty owner's password would open.
    assert!(read(&bytes).trailer.has(b"Encrypt"));
}

#[test]
fn an_owner_may_open_what_everybody_may_read() {
    let password = json!({"owner": "chief", "annotate": false});
    let bytes = pdf(with(pages("Page", 1), "password", password));
    assert!(words(&bytes, 1).contains("Page 1"));
    let said = tool_on(
        &bytes,
        &["qpdf", "--password=chief", "--show-encryption", "FILE"],
    );
    assert!(
        said.contains("Supplied password is owner password")
            && said.contains("modify annotations: not allowed"),
        "{said}"
    );
}

#[test]
fn a_password_that_cannot_be_is_refused_and_never_said() {
    let check = |open: &str, fault: PasswordFault| {
        let parts = with(pages("Page", 1), "password", json!({"open": open}));
        let error = super::render_with(parts, &json!({}), &Limits::default());
        let error = error.err().expect("no document");
        assert_eq!(error, DocumentError::Password(fault));
        assert!(!error.to_string().contains("Geheim"), "{error}");
    };
    check("{{ firm.bic }}", PasswordFault::Empty);
    check(&"Geheim".repeat(30), PasswordFault::TooLong);
    check("{{ 'Geheim' | money }}", PasswordFault::Failed);
    // A document goes out open where that is what the template says, only then.
    let open = json!({"open": "{{ firm.bic }}", "when": "{{ firm.bic }}"});
    let rendered = render(with(pages("Page", 1), "password", open), &json!({}));
    assert!(claims(&rendered.pdf().expect("a PDF")));
}

#[test]
fn an_e_invoice_is_never_put_into_what_cannot_be_kept() {
    let terms = kept(&pdf(pages("Terms", 1)), "terms.pdf");
    let cases = [
        (locked(), Some(Obstacle::Password)),
        (
            with(pages("Page", 1), "append", json!([terms])),
            Some(Obstacle::Bound),
        ),
        (
            with(pages("Page", 1), "letterhead", terms.clone()),
            Some(Obstacle::Letterhead),
        ),
        (
            with(pages("Page", 1), "letterhead", json!({"data": DOT})),
            None,
        ),
        (
            with(pages("Page", 1), "watermark", json!({"text": "COPY"})),
            None,
        ),
        (
            with(
                pages("Page", 1),
                "attachments",
                json!([{"data": "", "name": "factur-x.txt"}]),
            ),
            None,
        ),
    ];
    for (parts, obstacle) in cases {
        let made = render(parts, &json!({})).pdf_with(&[invoice()]);
        match obstacle {
            Some(obstacle) => assert_eq!(made, Err(DocumentError::EInvoice(obstacle))),
            None => assert!(made.is_ok(), "{made:?}"),
        }
    }
}

#[test]
fn files_that_are_no_use_are_told_by_name() {
    let whole = pdf(pages("Terms", 1));
    let secret = pdf(locked());
    let check = |bytes: &[u8], fault: Unbindable| {
        for (member, place) in [
            ("append", FilePlace::Behind),
            ("prepend", FilePlace::Before),
        ] {
            let parts = with(pages("Page", 1), member, json!([kept(bytes, "terms.pdf")]));
            let expected = DocumentError::File {
                place,
                name: "terms.pdf".into(),
                fault: FileFault::Pdf(fault),
            };
            assert_eq!(render(parts.clone(), &json!({})).pdf(), Err(expected));
            // One that the template keeps is found before.
            let problems = template(parts).check();
            assert_eq!(problems[0].code, "document_file");
            assert_eq!(problems[0].pointer, format!("/{member}/0"));
        }
    };
    check(b"Dear customer", Unbindable::Unreadable);
    check(&whole[..whole.len() / 2], Unbindable::Unreadable);
    check(&secret, Unbindable::Locked);
    let letterhead = kept(&whole[..whole.len() / 2], "head.pdf");
    let rendered = render(with(pages("Page", 1), "letterhead", letterhead), &json!({}));
    let error = rendered.pdf().expect_err("no PDF");
    assert_eq!(
        error.to_string(),
        "the letterhead, `head.pdf`: the file is not a PDF that can be read"
    );
}

#[test]
fn too_many_pages_of_others_are_refused() {
    let terms = kept(&pdf(pages("Terms", 60)), "terms.pdf");
    let many: Vec<&Json> = std::iter::repeat_n(&terms, 9).collect();
    let rendered = render(with(pages("Page", 1), "append", json!(many)), &json!({}));
    let error = rendered.pdf().expect_err("too many");
    assert_eq!(error.code(), "document_files_too_large");
    assert_eq!(
        error.to_string(),
        "the document has more than 500 pages in other files"
    );
}

#[test]
fn a_damaged_pdf_is_an_error_or_a_page_and_never_more() {
    let whole = pdf(pages("Terms", 2));
    let mut plain = Vec::new();
    foreign().0.save_to(&mut plain).expect("written");
    let mut seed = 7_u32;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    for round in 0..120 {
        let mut bytes = if round % 2 == 0 {
            whole.clone()
        } else {
            plain.clone()
        };
        for _ in 0..=round / 20 {
            let place = random(bytes.len());
            bytes[place] = u8::try_from(random(256)).expect("a byte");
        }
        for member in ["append", "letterhead"] {
            let file = kept(&bytes, "damaged.pdf");
            let file = if member == "append" {
                json!([file])
            } else {
                file
            };
            let rendered = render(with(pages("Page", 1), member, file), &json!({}));
            match rendered.pdf() {
                Ok(bytes) => assert!(bytes.starts_with(b"%PDF-")),
                Err(error) => assert_eq!(error.code(), "document_file"),
            }
        }
    }
}

#[test]
fn a_table_that_names_one_object_again_and_again_ends() {
    // Ten thousand entries, each of them the same long string.
    let mut bytes = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    let heavy = bytes.len();
    bytes.extend(format!("9 0 obj\n({})\nendobj\n", "x".repeat(100_000)).into_bytes());
    let table = bytes.len();
    bytes.extend(b"xref\n0 10001\n0000000000 65535 f \n");
    for _ in 0..10_000 {
        bytes.extend(format!("{heavy:010} 00000 n \n").into_bytes());
    }
    let end = format!("trailer\n<</Root 1 0 R/Size 10001>>\nstartxref\n{table}\n%%EOF\n");
    bytes.extend(end.into_bytes());
    let parts = with(
        pages("Page", 1),
        "append",
        json!([kept(&bytes, "heavy.pdf")]),
    );
    let error = render(parts, &json!({})).pdf().expect_err("no PDF");
    assert_eq!(
        error.to_string(),
        "the file to put behind the pages, `heavy.pdf`: the PDF is too large or too complicated"
    );
}

#[test]
fn what_a_template_says_twice_or_not_at_all_is_found() {
    let check = |parts: Json, code: &str, pointer: &str| {
        let mut json = json!({"format": "formwork-document/1", "blocks": []});
        let (Some(object), Json::Object(parts)) = (json.as_object_mut(), parts) else {
            panic!("an object");
        };
        object.extend(parts);
        let problems = Template::parse(&json).expect_err("problems");
        let found = problems
            .iter()
            .any(|problem| problem.code == code && problem.pointer == pointer);
        assert!(found, "{problems:#?}");
    };
    check(json!({"watermark": {}}), "missing", "/watermark/text");
    check(
        json!({"letterhead": {"source": "{{ a }}", "data": ""}}),
        "file_source",
        "/letterhead",
    );
    check(
        json!({"letterhead": {"data": DOT, "first_only": true, "following": {"data": DOT}}}),
        "letterhead_following",
        "/letterhead/following",
    );
    check(json!({"append": [{}]}), "file_source", "/append/0");
    check(
        json!({"attachments": [{"data": DOT}]}),
        "missing",
        "/attachments/0/name",
    );
    check(json!({"password": {}}), "missing", "/password/open");
    check(
        json!({"password": {"open": "a", "print": "no"}}),
        "wrong_type",
        "/password/print",
    );
    check(
        json!({"append": vec![json!({"data": ""}); 51]}),
        "too_many_files",
        "/append",
    );
}
