//! What is drawn: borders and codes as vectors, and what the file says of them to those who do not see them.

use document::Rendered;
use serde_json::json;

use super::{render, tool};

/// The file with its dictionaries in the clear.
fn objects(rendered: &Rendered) -> String {
    tool(rendered, &["qpdf", "--qdf", "FILE", "-"])
}

#[test]
fn a_border_leaves_what_is_behind_it() {
    let parts = json!({"blocks": [{"id": "ground", "type": "box", "fill": "#ffee00", "blocks": [
        {"id": "square", "type": "box", "border": "#112233", "blocks": [{"id": "a", "type": "text", "text": "Square"}]},
        {"id": "round", "type": "box", "border": "#445566", "radius": 3, "blocks": [{"id": "b", "type": "text", "text": "Round"}]}]}]});
    let rendered = render(parts, &json!({}));
    let svg = rendered.svg(0).expect("a page");
    assert_eq!(svg.matches("#ffffff").count(), 1, "only the paper is white");
    assert_eq!(svg.matches("#ffee00").count(), 1);
    for colour in ["#112233", "#445566"] {
        let line = format!(r#"<path fill="none" stroke="{colour}" stroke-width="0.60""#);
        assert_eq!(svg.matches(&line).count(), 1, "{colour}");
    }
}

#[test]
fn a_code_is_a_figure_with_words() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "qr", "content": "https://example.com", "alt": "Our web page"},
        {"id": "b", "type": "qr", "content": "https://example.com"}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    let objects = objects(&rendered);
    assert_eq!(objects.matches("/S /Figure").count(), 2);
    assert_eq!(objects.matches("/BBox [").count(), 2);
    for words in ["/Alt (Our web page)", "/Alt (QR code)"] {
        assert!(objects.contains(words), "{words}");
    }
}
