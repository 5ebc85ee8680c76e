//! The size of the paper, as the PDF has it.

use document::Template;
use lopdf::{Document, Object};
use serde_json::{Value as Json, json};

use super::{assert_on_paper, render};

fn label(page: &Json) -> Json {
    json!({"format": "formwork-document/1", "title": "T", "page": page,
        "blocks": [{"id": "a", "type": "text", "text": "Label"}]})
}

#[test]
fn paper_has_the_size_that_the_template_says() {
    let check = |page: Json, width: f32, height: f32| {
        let rendered = render(label(&page), &json!({}));
        assert_on_paper(&rendered);
        let size = &rendered.pages[0];
        assert_eq!((size.width_mm, size.height_mm), (width, height), "{page}");
        let pdf = Document::load_mem(&rendered.pdf().expect("a PDF")).expect("a PDF");
        let id = pdf.page_iter().next().expect("a page");
        let media = pdf
            .get_dictionary(id)
            .and_then(|page| page.get(b"MediaBox"))
            .and_then(Object::as_array)
            .expect("the size of the page");
        let found: Vec<f32> = media
            .iter()
            .filter_map(|side| side.as_float().ok())
            .collect();
        let expected = [0.0, 0.0, width, height].map(|mm| mm * 72.0 / 25.4);
        assert_eq!(found.len(), 4);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 0.01, "{page}: {media:?}");
        }
    };
    let narrow = json!({"top": 0, "right": 5, "bottom": 0, "left": 5});
    check(json!({}), 210.0, 297.0);
    check(
        json!({"size": "A5", "orientation": "landscape"}),
        210.0,
        148.0,
    );
    check(
        json!({"size": "custom", "width": 100, "height": 150.5}),
        100.0,
        150.5,
    );
    check(
        json!({"size": "custom", "width": 62, "height": 20, "margins": narrow}),
        62.0,
        20.0,
    );
    check(
        json!({"size": "custom", "width": 2000, "height": 2000}),
        2000.0,
        2000.0,
    );
    // A side that is not said is that of A4.
    check(json!({"size": "custom", "width": 300}), 300.0, 297.0);
}

#[test]
fn paper_that_cannot_be_is_a_problem_where_its_size_stands() {
    let check = |page: Json, expected: &[(&str, &str)]| {
        let problems = Template::parse(&label(&page)).expect_err("problems");
        let found: Vec<(&str, &str)> = problems
            .iter()
            .map(|one| (one.pointer.as_str(), one.code.as_str()))
            .collect();
        assert_eq!(found, expected, "{page}");
    };
    check(
        json!({"size": "custom", "width": 29, "height": 2001}),
        &[
            ("/page/width", "out_of_range"),
            ("/page/height", "out_of_range"),
        ],
    );
    check(
        json!({"size": "custom", "width": 50, "height": 50}),
        &[
            ("/page/width", "page_too_small"),
            ("/page/height", "page_too_small"),
        ],
    );
    check(
        json!({"size": "custom", "orientation": "landscape"}),
        &[("/page/orientation", "unknown_member")],
    );
    check(
        json!({"size": "A5", "width": 100}),
        &[("/page/width", "unknown_member")],
    );
}
