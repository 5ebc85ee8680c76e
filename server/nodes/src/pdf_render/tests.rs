//! Pages that are made, with what is told of them, and pages that are not.

use std::sync::Arc;

use document::{Renderer, WEB_PICTURE_TIME};
use engine::{
    document_field::DocumentField,
    ids::DocumentId,
    kind::Kind,
    node::{Done, Node, NodeError, OutputContext},
    value::{FileRef, Value},
    workflow::DocumentWarnings,
};
use indexmap::IndexMap;
use serde_json::json;

use super::{PdfRender, pdf_name};

#[test]
fn file_names_are_safe_and_end_once_in_pdf() {
    let check = |text: &str, expected: &str| assert_eq!(pdf_name(text), expected);
    check("Invoice 2026-7", "Invoice 2026-7.pdf");
    check("a.pdf", "a.pdf");
    check("../../etc/passwd", "-..-etc-passwd.pdf");
    check("  ", "document.pdf");
    check("R\u{0}1\n", "R 1.pdf");
    check("a\u{202e}fdp.exe", "afdp.exe.pdf");
    check(&"x".repeat(300), &format!("{}.pdf", "x".repeat(116)));
}

#[test]
fn a_page_is_rendered_and_the_same_values_give_the_same_bytes() {
    use crate::testing::{FakeContext, done};

    let template = json!({
        "format": "formwork-document/1",
        "fields": [
            {"name": "customer", "title": "Customer", "kind": "text"},
            {"name": "note", "title": "Note", "kind": "text", "optional": true},
        ],
        "blocks": [{"id": "a", "type": "text", "text": "Dear {{ customer }}"}],
    });
    let id = "018f4f5e-0000-7000-8000-000000000001";
    let config = json!({"document": id, "values": {"customer": "{{ form.name }}"}, "file_name": "For {{ form.name }}"});
    let render = || {
        let mut context = FakeContext::new(&json!({"form": {"name": "Ms Müller"}}));
        context.template.clone_from(&template);
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        let done = done::<PdfRender>(config.clone(), &context).expect("a page");
        let files = context.files.lock().expect("lock").clone();
        (done.output, files)
    };
    let (output, files) = render();
    assert_eq!(output["file"]["name"], json!("For Ms Müller.pdf"));
    assert!(files[0].1.starts_with(b"%PDF-"));
    let pdf: FileRef = serde_json::from_value(output["file"].clone()).expect("a file");
    assert_eq!(files[2].0, pdf.map_name());
    let map = document::PageMap::read(&files[2].1).expect("a page map");
    let read: Vec<&[String]> = map.origins.iter().map(|one| one.reads.as_slice()).collect();
    assert_eq!(read, [&[][..], &["customer".to_owned()]]);
    assert_eq!(render(), (output, files));
}

#[test]
fn what_the_document_computes_nobody_fills_in() {
    use crate::testing::{FakeContext, done, node};

    let fields = json!([
        {"name": "net", "title": "Net", "kind": "money"},
        {"name": "total", "title": "Total", "kind": "money", "source": "computed", "value": "{{ net * 2 }}"},
    ]);
    let id = "018f4f5e-0000-7000-8000-000000000001";
    let declared: Vec<DocumentField> = serde_json::from_value(fields.clone()).expect("fields");
    let id_of = DocumentId(id.parse().expect("an id"));
    let resources = std::collections::BTreeMap::from([(id_of, declared)]);
    let check = |values: serde_json::Value, expected: &[&str]| {
        let node: PdfRender = node(json!({"document": id, "values": values}));
        let problems = node.check(&OutputContext {
            inputs: &IndexMap::new(),
            resources: &resources,
            sources: &[],
            inside: None,
            entry: None,
        });
        let codes: Vec<&str> = problems.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, expected);
    };
    check(json!({"net": "{{ net }}"}), &[]);
    check(
        json!({"net": "{{ net }}", "total": "{{ 1 }}"}),
        &["field_computed"],
    );
    let mut context = FakeContext::new(&json!({}));
    context.template = json!({
        "format": "formwork-document/1", "fields": fields,
        "blocks": [{"id": "a", "type": "text", "text": "{{ total }}"}],
    });
    context.services = context.services.with(Arc::new(Renderer::bundled()));
    let config = json!({"document": id, "values": {"net": "{{ 3 }}", "total": "{{ 1 }}"}});
    let done = done::<PdfRender>(config, &context).expect("a page");
    assert_eq!(done.warnings, []);
}

#[test]
fn kinds_of_values_are_compared_with_the_fields_before_a_run() {
    use crate::testing::node;

    let fields = json!([
        {"name": "total", "title": "Total", "kind": "money", "optional": true},
        {"name": "each", "kind": "money", "decimals": 4, "optional": true},
        {"name": "mood", "kind": "choice", "options": [{"value": "warm"}], "optional": true},
        {"name": "lines", "kind": "list", "optional": true, "item": {"kind": "record", "fields": [
            {"name": "what", "kind": "text"}, {"name": "price", "kind": "money"}]}},
    ]);
    let declared: Vec<DocumentField> = serde_json::from_value(fields).expect("fields");
    let id = "018f4f5e-0000-7000-8000-000000000001";
    let id_of = DocumentId(id.parse().expect("an id"));
    let resources = std::collections::BTreeMap::from([(id_of, declared)]);
    let lines = Kind::list(Kind::record([("price", "", Kind::Date)]));
    let form = Kind::record([
        ("day", "", Kind::Date),
        ("price", "", Kind::Decimal),
        ("unit", "", Kind::Money { decimals: Some(4) }),
        ("word", "", Kind::text()),
        ("lines", "", lines),
        (
            "bare",
            "",
            Kind::list(Kind::record([("price", "", Kind::money())])),
        ),
    ]);
    let inputs = IndexMap::from([("form".to_owned(), form)]);
    let check = |name: &str, value: &str, expected: &[(&str, bool)]| {
        let node: PdfRender = node(json!({"document": id, "values": {name: value}}));
        let problems = node.check(&OutputContext {
            inputs: &inputs,
            resources: &resources,
            sources: &[],
            inside: None,
            entry: None,
        });
        let told: Vec<(&str, bool)> = problems
            .iter()
            .map(|problem| (problem.code.as_str(), problem.is_error()))
            .collect();
        assert_eq!(told, expected, "{name}: {value}");
        let place = format!("/values/{name}");
        assert!(problems.iter().all(|problem| problem.pointer == place));
    };
    check("total", "{{ form.price }}", &[]);
    check("total", "{{ form.day }}", &[("field_kind_differs", true)]);
    check(
        "total",
        "{{ form.word }}",
        &[("field_kind_doubtful", false)],
    );
    check("total", "{{ form.gone }}", &[]);
    check("total", "{{ form.unit | round(2) }}", &[]);
    check(
        "total",
        "{{ form.unit }}",
        &[("field_decimals_lost", false)],
    );
    check("each", "{{ form.unit }}", &[]);
    check(
        "each",
        "{{ form.price }}",
        &[("field_decimals_doubtful", false)],
    );
    check("each", "0.0834", &[]);
    check("each", "0.08345", &[("field_text_unfit", true)]);
    check("total", "12.50", &[]);
    check("total", "a lot", &[("field_text_unfit", true)]);
    check("mood", "warm", &[]);
    check("mood", "cold", &[("field_text_unfit", true)]);
    check("lines", "{{ form.lines }}", &[("field_kind_differs", true)]);
    check("lines", "{{ form.bare }}", &[("field_value_lacks", false)]);
}

#[test]
fn an_e_invoice_goes_into_the_pdf_if_it_keeps_its_rules() {
    use crate::testing::{FakeContext, done};

    let render_saying = |xml: &str, said: &str| {
        let file = json!({"id": "018f4f5e-0000-7000-8000-000000000003", "name": "e.xml", "content_type": "text/xml", "size_bytes": xml.len()});
        let mut context = FakeContext::new(&json!({}));
        let file = Value::from_json(&file, &Kind::File).expect("a file");
        context.values.insert("file".into(), file);
        context.template = json!({"format": "formwork-document/1", "fields": [], "blocks": [{"id": "a", "type": "text", "text": said}]});
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        let bytes = xml.as_bytes().to_vec();
        context
            .files
            .lock()
            .expect("lock")
            .push(("e.xml".into(), bytes));
        let config =
            json!({"document": "018f4f5e-0000-7000-8000-000000000001", "einvoice": "{{ file }}"});
        done::<PdfRender>(config, &context)?;
        let files = context.files.lock().expect("lock");
        Ok::<Vec<u8>, NodeError>(files[1].1.clone())
    };
    let render = |xml: &str| render_saying(xml, "R-7 over €957.69");
    let xml = crate::einvoice_make::sample("factur_x");
    let pdf = render(&xml).expect("a PDF");
    let found = document::embedded_invoice(&pdf).expect("an invoice within");
    assert_eq!(found.name, "factur-x.xml");
    assert_eq!(found.xml, xml.as_bytes());
    assert!(found.doubts.is_empty(), "{:?}", found.doubts);
    let check = |xml: &str, code: &str| {
        let NodeError::Failed(error) = render(xml).expect_err("no PDF") else {
            panic!("another end");
        };
        assert_eq!(error.code, code, "{}", error.message);
    };
    check(
        &crate::einvoice_make::sample("xrechnung_ubl"),
        "einvoice_not_for_pdf",
    );
    check(&xml.replace("957.69", "957.70"), "einvoice_broken");
    check("<html/>", "einvoice_unreadable");
    // Whoever gets two invoices in one owes what either of them demands.
    for (said, code) in [
        ("R-8 over €957.69", "einvoice_number_differs"),
        ("R-7 over €957.70", "einvoice_total_differs"),
    ] {
        let NodeError::Failed(error) = render_saying(&xml, said).expect_err("no PDF") else {
            panic!("another end");
        };
        assert_eq!(error.code, code, "{}", error.message);
    }
}

#[test]
fn what_is_missing_is_named() {
    use crate::testing::{FakeContext, done};

    let error =
        done::<PdfRender>(json!({}), &FakeContext::new(&json!({}))).expect_err("no document");
    assert!(matches!(error, NodeError::Config(error) if error.code == "no_document"));
}

#[test]
fn a_missing_value_is_a_warning_unless_the_workflow_stops_at_those() {
    use crate::testing::{FakeContext, done};

    let render = |document_warnings| {
        let mut context = FakeContext::new(&json!({"form": {"name": null, "total": null}}));
        context.step.document_warnings = document_warnings;
        context.template = json!({
            "format": "formwork-document/1",
            "fields": [
                {"name": "customer", "title": "Customer", "kind": "text"},
                {"name": "total", "title": "Total", "kind": "money"},
            ],
            "blocks": [
                {"id": "a", "type": "text", "text": "Dear {{ customer }}"},
                {"id": "b", "type": "text", "text": "Paid", "when": "{{ total }}"},
            ],
        });
        context.services = context.services.with(Arc::new(Renderer::bundled()));
        let config = json!({
            "document": "018f4f5e-0000-7000-8000-000000000001",
            "values": {"customer": "{{ form.name }}", "total": "{{ form.total }}"},
        });
        done::<PdfRender>(config, &context)
    };
    let done = render(DocumentWarnings::Warn).expect("a page all the same");
    let told: Vec<(&str, &str)> = done
        .warnings
        .iter()
        .map(|warning| (warning.code.as_str(), warning.location.as_str()))
        .collect();
    assert_eq!(told, [("value_missing", "a"), ("value_missing", "")]);
    let error = render(DocumentWarnings::Stop).expect_err("no page");
    let NodeError::Failed(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.code, "document_warnings");
    assert!(
        error.message.contains("In the block \u{201c}a\u{201d}:"),
        "{error}"
    );
    assert_eq!(error.params["warnings"][1]["params"]["path"], "total");
    assert_eq!(error.params["more"], 0);
}

/// Renders one block over a list and a photo.
fn render(
    block: &serde_json::Value,
    list: &[String],
    photo: Option<FileRef>,
) -> Result<Done, NodeError> {
    use crate::testing::{FakeContext, done};

    let mut context = FakeContext::new(&json!({"list": list}));
    if let Some(photo) = photo {
        context.values.insert("photo".into(), Value::File(photo));
    }
    context.template = json!({
        "format": "formwork-document/1",
        "fields": [
            {"name": "list", "kind": "list", "item": {"kind": "text"}, "optional": true},
            {"name": "photo", "kind": "file", "optional": true},
        ],
        "blocks": [block],
    });
    context.services = context.services.with(Arc::new(Renderer::bundled()));
    let config = json!({
        "document": "018f4f5e-0000-7000-8000-000000000001",
        "values": {"list": "{{ list }}", "photo": "{{ photo | default(none) }}"},
    });
    done::<PdfRender>(config, &context)
}

#[test]
fn a_picture_that_is_gone_is_a_warning_on_its_block() {
    let photo = |size_bytes| {
        Some(FileRef {
            id: engine::ids::ArtifactId(uuid::Uuid::from_u128(2)),
            name: "beach.jpg".into(),
            content_type: "image/jpeg".into(),
            size_bytes,
        })
    };
    let block = json!({"id": "photo", "type": "image", "source": "{{ photo }}"});
    let done = render(&block, &[], photo(10)).expect("a page all the same");
    assert_eq!(done.warnings[0].code, "image_missing");
    assert_eq!(done.warnings[0].location, "photo");
    let error = render(&block, &[], photo(500 * 1024 * 1024)).expect_err("too large");
    assert!(error.to_string().contains("500 MB"), "{error}");
}

#[test]
fn a_picture_of_the_web_is_loaded_once_and_one_that_is_not_there_is_a_warning() {
    use crate::testing::{FakeContext, done};

    let renderer = Arc::new(Renderer::bundled());
    let context = || {
        let mut context = FakeContext::new(&json!({}));
        let picture = |id: &str| json!({"id": id, "type": "image", "url": "https://example.com/logo.svg", "alt": "Logo"});
        context.template = json!({
            "format": "formwork-document/1",
            "blocks": [picture("a"), picture("b")],
        });
        context.services = context.services.with(renderer.clone());
        context
    };
    let config = json!({"document": "018f4f5e-0000-7000-8000-000000000001"});
    let gone = context().answering(404, &[], "sorry");
    let without = done::<PdfRender>(config.clone(), &gone).expect("a page all the same");
    assert_eq!(without.warnings[0].code, "image_not_loaded");
    assert_eq!(without.warnings[0].location, "a");
    assert!(without.warnings[0].message.contains("404"));
    // What was not there is asked for again, what was there is not.
    let drawing = r#"<svg viewBox="0 0 9 9"><rect width="9" height="9"/></svg>"#;
    let there = context().answering(200, &[], drawing);
    let first = done::<PdfRender>(config.clone(), &there).expect("a page");
    assert_eq!(first.warnings, []);
    let requests = there.requests.lock().expect("lock");
    let [request] = requests.as_slice() else {
        panic!("one request");
    };
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("GET", "https://example.com/logo.svg")
    );
    assert!(request.timeout.is_some_and(|time| time <= WEB_PICTURE_TIME));
    let again = context();
    let second = done::<PdfRender>(config, &again).expect("a page");
    assert_eq!((second.warnings, second.output), (Vec::new(), first.output));
    assert!(again.requests.lock().expect("lock").is_empty());
}

#[test]
fn what_cannot_be_laid_out_says_what_why_and_what_to_do() {
    let items: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let inner = json!({"id": "c", "type": "repeat", "list": "{{ list }}", "blocks": [{"id": "d", "type": "spacer"}]});
    let middle = json!({"id": "b", "type": "repeat", "list": "{{ list }}", "blocks": [inner]});
    let outer = json!({"id": "a", "type": "repeat", "list": "{{ list }}", "blocks": [middle]});
    let check = |block: &serde_json::Value, parts: [&str; 3]| {
        let error = render(block, &items, None).expect_err("an error");
        let NodeError::Failed(error) = error else {
            panic!("{error:?}");
        };
        for part in parts {
            assert!(error.message.contains(part), "{part}: {}", error.message);
        }
    };
    check(
        &outer,
        [
            "The PDF was not made from \u{201c}Letter\u{201d}.",
            "more than 200000 blocks",
            "Use fewer rows",
        ],
    );
    check(
        &json!({"id": "sum", "type": "text", "text": "{{ list | sum }}"}),
        [
            "The PDF was not made",
            "In the block \u{201c}sum\u{201d}:",
            "Correct it",
        ],
    );
}
