//! Texts in Markdown, as models write them: a safe subset, and nothing hostile gets through.

use document::{DocumentError, LimitKind, Limits, Rendered};
use lopdf::Document;
use proptest::prelude::{ProptestConfig, proptest};
use serde_json::json;

use super::{archive::tags, places, render, render_with, text};

fn markdown(source: &str) -> Rendered {
    let parts = json!({
        "fields": [{"name": "letter", "kind": "text"}],
        "blocks": [{"id": "a", "type": "markdown", "text": "{{ letter }}"}]
    });
    render(parts, &json!({"letter": source}))
}

#[track_caller]
fn check(source: &str, expected: &str, codes: &[&str]) {
    let rendered = markdown(source);
    assert_eq!(text(&rendered), expected, "{source:?}");
    let found: Vec<&str> = rendered
        .warnings
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert_eq!(found, codes, "{source:?}");
    let pdf = rendered.pdf().expect("a PDF");
    for hostile in ["javascript", "file:///"] {
        let found = pdf
            .windows(hostile.len())
            .any(|part| part == hostile.as_bytes());
        assert!(!found, "{hostile} of {source:?}");
    }
}

#[test]
fn marks_become_looks_and_lists() {
    check(
        "Dear **Ms Müller**,\n\nwe *look forward* to:\n\n- the sea\n- walks\n  1. short\n  2. long\n\nYours",
        "Dear Ms Müller, we look forward to: • the sea • walks 1. short 2. long Yours",
        &[],
    );
    check(
        "one\ntwo  \nthree \\* `four` 5 &lt; 6",
        "one two three * four 5 < 6",
        &[],
    );
    check("> quoted\n\n---\n\n    code", "quoted code", &[]);
}

#[test]
fn what_could_do_harm_is_printed_as_words() {
    check(
        "a <b>bold</b> <script>alert(1)</script>",
        "a <b>bold</b> <script>alert(1)</script>",
        &["markdown_html"],
    );
    check(
        "<div onclick=\"x\">\nboxed\n</div>",
        "<div onclick=\"x\"> boxed </div>",
        &["markdown_html"],
    );
    check(
        "![the beach](https://example.com/track.png)",
        "the beach",
        &["markdown_image"],
    );
    check("[here](javascript:alert(1))", "here", &["link"]);
    check("[here](file:///etc/passwd)", "here", &["link"]);
    check("[call](tel:+4930)", "call", &["link"]);
    check("a&#x202e;b", "ab", &[]);
    check(
        "{{ firm.name }} {% raw %}",
        "{{ firm.name }} {% raw %}",
        &[],
    );
}

#[test]
fn links_lead_to_the_web_and_to_mailboxes() {
    let rendered = markdown("[us](https://example.com/a) <https://example.com/b> <a@example.com>");
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "us https://example.com/b a@example.com");
    let document = Document::load_mem(&rendered.pdf().expect("a PDF")).expect("a PDF");
    let mut links: Vec<String> = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok()?.get(b"A").ok()?.as_dict().ok())
        .filter_map(|action| action.get(b"URI").ok()?.as_str().ok())
        .map(|url| String::from_utf8_lossy(url).into_owned())
        .collect();
    links.sort();
    assert_eq!(
        links,
        [
            "https://example.com/a",
            "https://example.com/b",
            "mailto:a@example.com"
        ]
    );
}

#[test]
fn headings_are_below_the_one_above() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "heading", "level": 2, "text": "Offer"},
        {"id": "b", "type": "markdown", "text": "# Rooms\n\nBig\n\n## Beds\n\nSoft"},
        {"id": "c", "type": "markdown", "text": "# Food\n\nGood"}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    let document = Document::load_mem(&rendered.pdf().expect("a PDF")).expect("a PDF");
    // Ranks are closed up: a document begins with the first.
    assert_eq!(
        tags(&document),
        ["Document", " H1", " H2", " P", " H3", " P", " H2", " P"]
    );
}

#[test]
fn lists_deeper_than_three_go_on_in_the_third() {
    check(
        "- a\n  - b\n    - c\n      - d\n        - e\n- f",
        "• a – b • c • d • e • f",
        &[],
    );
}

#[test]
fn a_plain_text_keeps_its_marks() {
    let parts = json!({"blocks": [{"id": "a", "type": "text", "text": "**5** # 6 [x](https://example.com)"}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(text(&rendered), "**5** # 6 [x](https://example.com)");
}

#[test]
fn nothing_in_it_prints_nothing() {
    let rendered = markdown(" \n\n ");
    assert_eq!(text(&rendered), "");
    assert_eq!(rendered.warnings, []);
}

#[test]
fn its_length_and_its_lines_are_bounded() {
    let parts = |text: &str| json!({"blocks": [{"id": "a", "type": "markdown", "text": text, "max_lines": 2, "overflow": "cut"}]});
    let rendered = render(parts("- one\n- two\n- three"), &json!({}));
    assert_eq!(places(&rendered), [("text_shortened", "a", Some(1))]);
    assert_eq!(text(&rendered), "• one • two");
    let limits = Limits {
        max_text_length: 10,
        ..Limits::default()
    };
    let error = render_with(parts("- one\n- two\n- three"), &json!({}), &limits).err();
    assert!(matches!(
        error,
        Some(DocumentError::Limit {
            kind: LimitKind::TextLength,
            ..
        })
    ));
}

#[test]
fn deep_nesting_ends() {
    for source in [
        "> ".repeat(5_000) + "x",
        "- ".repeat(5_000) + "x",
        "[".repeat(20_000),
        "*a ".repeat(20_000),
        "![".repeat(10_000) + "x" + &"](y)".repeat(10_000),
        "<".repeat(20_000),
        "`".repeat(20_000),
    ] {
        let rendered = markdown(&source);
        rendered.pdf().expect("a PDF");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_laid_out(source in r"[\[\]()*_#>`<!&;:=~|0-9. \n\t\\a-cxX/+-]{0,400}") {
        let rendered = markdown(&source);
        rendered.pdf().expect("a PDF");
    }
}
