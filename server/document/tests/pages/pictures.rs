//! Pictures: drawings as paths, and those of the web, which somebody else loads.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use document::{Assets, DocumentError, Limits, Rendered, WebPicture};
use engine::value::Record;
use serde_json::{Value as Json, json};

use super::{
    DOT, assert_on_paper, context, places, render, render_with, renderer, template, text, tool,
};

fn drawing(inside: &str) -> String {
    format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">{inside}</svg>"#)
}

fn block(id: &str, svg: &str) -> Json {
    json!({"id": id, "type": "image", "data": BASE64.encode(svg), "width": 50, "height": 50, "alt": "A logo"})
}

#[test]
fn a_drawing_stays_a_drawing() {
    let svg = drawing(
        r##"<rect width="200" height="100" fill="#123456"/>
        <path d="M0 0H60V60H0zM20 20H40V40H20z" fill="#fedcba" fill-rule="evenodd"/>
        <circle cx="100" cy="50" r="400" fill="none" stroke="#aabbcc" stroke-width="4"/>"##,
    );
    let rendered = render(json!({"blocks": [block("a", &svg)]}), &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_on_paper(&rendered);
    let images = tool(&rendered, &["pdfimages", "-list", "FILE"]);
    assert_eq!(images.lines().count(), 2, "only the head: {images}");
    let objects = tool(&rendered, &["qpdf", "--qdf", "FILE", "-"]);
    assert!(objects.contains("/Alt (A logo)"));
    let lines: Vec<&str> = objects.lines().map(str::trim_end).collect();
    let count = |operator: &str| lines.iter().filter(|line| **line == operator).count();
    assert_eq!((count("W n"), count("f*")), (1, 1), "clipped, and one hole");
    let page = rendered.svg(0).expect("a page");
    for part in [
        "#123456",
        "#fedcba",
        "#aabbcc",
        r#"fill-rule="evenodd""#,
        "<svg x=",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(
        rendered.pdf().expect("a PDF"),
        render(json!({"blocks": [block("a", &svg)]}), &json!({}))
            .pdf()
            .expect("a PDF")
    );
}

#[test]
fn what_a_drawing_cannot_be_drawn_with_is_told() {
    let simple = drawing(
        r#"<rect width="9" height="9" opacity="0.5"/><text>Hello</text><script>x()</script>"#,
    );
    let laughing: String = (1..9)
        .map(|level| {
            let uses = format!(r##"<use href="#l{}"/>"##, level - 1).repeat(20);
            format!(r#"<g id="l{level}">{uses}</g>"#)
        })
        .collect();
    let endless = drawing(&format!(
        r#"<rect id="l0" width="1" height="1"/>{laughing}"#
    ));
    let rendered = render(
        json!({"blocks": [
            block("a", &simple),
            block("b", &endless),
            block("c", "<svg><broken"),
            block("d", &drawing("")),
            {"id": "e", "type": "text", "text": "After"}]}),
        &json!({}),
    );
    assert_eq!(
        places(&rendered),
        [
            ("image_simplified", "a", Some(1)),
            ("image_complex", "b", None),
            ("image_unreadable", "c", None),
            ("image_unreadable", "d", None)
        ]
    );
    assert_eq!(rendered.warnings[0].params["what"], "texts, transparency");
    assert_eq!(text(&rendered), "After");
}

#[test]
fn a_drawing_that_is_shown_again_and_again_counts_each_time() {
    let path = "L1 1".repeat(9_000);
    let svg = drawing(&format!(r#"<path d="M0 0{path}"/>"#));
    let many = json!({
        "fields": [{"name": "rows", "kind": "list", "item": {"kind": "text"}}],
        "blocks": [{"id": "r", "type": "repeat", "list": "{{ rows }}", "blocks": [block("a", &svg)]}]
    });
    let rows = json!({"rows": vec!["x"; 300]});
    let outcome = render_with(many, &rows, &Limits::default());
    assert!(matches!(outcome, Err(DocumentError::Limit { .. })));
}

fn with_web(parts: Json, web: HashMap<String, WebPicture>) -> Rendered {
    let assets = Assets {
        web,
        ..Assets::default()
    };
    let limits = Limits::default();
    renderer()
        .render(
            &template(parts),
            &Record::new(),
            &context(),
            &assets,
            &limits,
        )
        .expect("a document")
}

#[test]
fn pictures_of_the_web_are_asked_for_and_shown_when_they_are_there() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "image", "url": "https://example.com/{{ firm.name | lower | replace(' ', '-') }}.svg", "alt": "A"},
        {"id": "b", "type": "image", "url": "https://example.com/b.png", "alt": "B"},
        {"id": "c", "type": "image", "url": "https://example.com/b.png", "alt": "C"},
        {"id": "d", "type": "image", "url": "file:///etc/passwd", "alt": "D"},
        {"id": "e", "type": "text", "text": "After"}]});
    let first = with_web(parts.clone(), HashMap::new());
    let wanted = [
        "https://example.com/nordlicht-reisen.svg",
        "https://example.com/b.png",
    ];
    assert_eq!(first.wanted, wanted);
    let svg = drawing(r##"<rect width="9" height="9" fill="#123456"/>"##);
    let web = HashMap::from([
        (wanted[0].to_owned(), Ok(Arc::new(svg.into_bytes()))),
        (
            wanted[1].to_owned(),
            Err("the server answered 404".to_owned()),
        ),
    ]);
    let rendered = with_web(parts, web);
    assert_eq!(rendered.wanted, [] as [&str; 0]);
    assert_eq!(
        places(&rendered),
        [
            ("image_not_loaded", "b", None),
            ("image_not_loaded", "c", None),
            ("image_address", "d", None)
        ]
    );
    assert!(rendered.warnings[0].message.contains("404"));
    assert!(rendered.svg(0).expect("a page").contains("#123456"));
}

#[test]
fn a_picture_that_is_shown_again_is_in_the_preview_once() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "image", "data": DOT, "alt": "A"}, {"id": "b", "type": "image", "data": DOT, "alt": "B"},
        {"id": "r", "type": "repeat", "list": "{{ [1, 2, 3] }}", "blocks": [{"id": "c", "type": "image", "data": DOT, "alt": "C"}]}]});
    let svg = render(parts, &json!({})).svg(0).expect("a page");
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(
        (count("data:image/png"), count(r##"<use href="#p0i"##)),
        (3, 5)
    );
}
