//! What is refused: documents beyond the limits, and templates with problems, each of which is told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use document::{Assets, DocumentError, LimitKind, Limits, Renderer, Template};
use serde_json::{Value as Json, json};

use super::{context, list_document, render, render_with, rows, template, values};

#[test]
fn limits_are_clear_errors() {
    let limits = Limits {
        max_pages: 2,
        ..Limits::default()
    };
    let error = render_with(list_document(), &rows(200), &limits).err();
    assert_eq!(
        error,
        Some(DocumentError::Limit {
            kind: LimitKind::Pages,
            max: 2,
            block: String::new()
        })
    );
    let stopped = Limits {
        stop: Some(Arc::new(|| true)),
        ..Limits::default()
    };
    let error = render_with(list_document(), &rows(200), &stopped).err();
    assert_eq!(error, Some(DocumentError::Stopped));
    // Where a single text does the work, the deadline holds, too.
    let error = render_with(
        json!({"blocks": [{"id": "a", "type": "text", "text": "Hello"}]}),
        &json!({}),
        &stopped,
    );
    assert_eq!(error.err(), Some(DocumentError::Stopped));
}

#[test]
fn each_kind_of_excess_is_told_apart() {
    let check = |parts: Json, limits: Limits<'_>, kind: LimitKind| {
        let error = render_with(parts, &rows(50), &limits).err();
        assert!(
            matches!(error, Some(DocumentError::Limit { kind: found, .. }) if found == kind),
            "{kind:?}: {error:?}"
        );
    };
    let fields = list_document()["fields"].clone();
    let nested = json!({"fields": fields, "blocks": [
        {"id": "one", "type": "repeat", "list": "{{ lines }}", "blocks": [
            {"id": "two", "type": "repeat", "list": "{{ lines }}", "blocks": [
                {"id": "three", "type": "repeat", "list": "{{ lines }}", "blocks": [
                    {"id": "x", "type": "spacer", "height": 0}]}]}]}]});
    check(
        nested,
        Limits {
            max_blocks: 20_000,
            ..Limits::default()
        },
        LimitKind::Blocks,
    );
    check(
        list_document(),
        Limits {
            max_glyphs: 100,
            ..Limits::default()
        },
        LimitKind::Glyphs,
    );
    let long =
        json!({"fields": fields, "blocks": [{"id": "x", "type": "text", "text": "é".repeat(500)}]});
    check(
        long.clone(),
        Limits {
            max_text_length: 499,
            ..Limits::default()
        },
        LimitKind::TextLength,
    );
    render_with(
        long,
        &rows(1),
        &Limits {
            max_text_length: 500,
            ..Limits::default()
        },
    )
    .expect("just fits");
}

#[test]
fn what_takes_too_much_memory_is_told_with_its_block() {
    let fields = list_document()["fields"].clone();
    let each = |block: Json| {
        json!({"fields": fields, "blocks": [
            {"id": "each", "type": "repeat", "list": "{{ lines }}", "blocks": [block]}]})
    };
    let limits = Limits {
        max_bytes: 1024 * 1024,
        ..Limits::default()
    };
    let long = "long ".repeat(2_000);
    for block in [
        json!({"id": "x", "type": "qr", "content": "{{ item.what }} https://example.com/{{ index }}"}),
        json!({"id": "x", "type": "text", "text": long}),
        // Filled in as a whole before any of it is set.
        json!({"id": "x", "type": "table", "rows": "{{ lines }}", "columns": [{"value": long}]}),
        json!({"id": "x", "type": "table", "rows": "{{ lines }}", "group": {"by": "{{ [index, lines] }}"}, "columns": [{"value": "x"}]}),
        json!({"id": "x", "type": "text", "content": vec![json!({"runs": [{"text": "", "link": "https://example.com"}]}); 100]}),
        json!({"id": "x", "type": "spacer"}),
    ] {
        let kind = block["type"].clone();
        let error = render_with(each(block), &rows(4_000), &limits).err();
        let Some(DocumentError::Limit {
            kind: LimitKind::Memory,
            max: 1,
            block,
        }) = &error
        else {
            panic!("{kind}: {error:?}");
        };
        assert_eq!(block, "x", "{kind}");
        let said = error.expect("an error").to_string();
        assert!(said.contains("1 MB to keep in memory; the block"), "{said}");
    }
}

#[test]
fn what_stands_on_every_page_counts_on_every_page() {
    let mut blocks = Vec::new();
    for number in 0..60 {
        blocks.push(json!({"id": format!("t{number}"), "type": "text", "text": "x"}));
        blocks.push(json!({"id": format!("p{number}"), "type": "page_break"}));
    }
    let head = "word ".repeat(500);
    let parts = json!({"header": {"blocks": [{"id": "head", "type": "text", "text": head}]}, "blocks": blocks});
    let check = |limits: Limits<'_>, expected: LimitKind| {
        let error = render_with(parts.clone(), &json!({}), &limits).err();
        assert!(
            matches!(error, Some(DocumentError::Limit { kind, .. }) if kind == expected),
            "{expected:?}: {error:?}"
        );
    };
    check(
        Limits {
            max_glyphs: 50_000,
            ..Limits::default()
        },
        LimitKind::Glyphs,
    );
    check(
        Limits {
            max_bytes: 3 * 1024 * 1024,
            ..Limits::default()
        },
        LimitKind::Memory,
    );
    render_with(parts.clone(), &json!({}), &Limits::default()).expect("a document");
}

#[test]
fn all_paragraphs_of_a_text_are_one_text() {
    let paragraph = json!({"text": "x".repeat(300)});
    let parts = json!({"blocks": [{"id": "x", "type": "text", "content": [paragraph, paragraph]}]});
    let limits = Limits {
        max_text_length: 599,
        ..Limits::default()
    };
    let error = render_with(parts, &json!({}), &limits).err();
    let expected = DocumentError::Limit {
        kind: LimitKind::TextLength,
        max: 599,
        block: "x".into(),
    };
    assert_eq!(error, Some(expected));
}

#[test]
fn writing_the_file_ends_when_it_is_stopped() {
    let rendered = render(list_document(), &rows(60));
    let whole = AtomicUsize::new(0);
    let count = |asked: &AtomicUsize, most: usize| asked.fetch_add(1, Ordering::Relaxed) >= most;
    let bytes = rendered
        .pdf_unless(&|| count(&whole, usize::MAX), &[])
        .expect("a PDF");
    assert!(bytes == rendered.pdf().expect("a PDF"), "the same bytes");
    let whole = whole.into_inner();
    assert!(whole > 5, "asked {whole} times");
    for most in 0..whole {
        let asked = AtomicUsize::new(0);
        let error = rendered.pdf_unless(&|| count(&asked, most), &[]).err();
        assert_eq!(error, Some(DocumentError::Stopped), "{most} of {whole}");
    }
}

#[test]
fn work_counts_by_the_clock_of_the_program() {
    fn clock() -> Duration {
        static NOW: AtomicU64 = AtomicU64::new(0);
        Duration::from_millis(NOW.fetch_add(1, Ordering::Relaxed))
    }
    let template = template(list_document());
    let values = values(&template, &rows(200));
    let check = |renderer: &Renderer, expected: Option<DocumentError>| {
        let limits = Limits {
            stop: Some(Arc::new(renderer.worked(Duration::from_millis(100)))),
            ..Limits::default()
        };
        let outcome = renderer.render(&template, &values, &context(), &Assets::default(), &limits);
        assert_eq!(outcome.err(), expected);
    };
    check(&Renderer::bundled(), None);
    let renderer = Renderer::bundled().with_clock(clock);
    check(&renderer, Some(DocumentError::Stopped));
}

#[test]
fn a_template_cannot_be_nested_or_large_without_end() {
    let mut block = json!({"id": "x", "type": "text", "text": "x"});
    for depth in 0..80 {
        block = json!({"id": format!("b{depth}"), "type": "box", "blocks": [block]});
    }
    let many: Vec<Json> = (0..3_000)
        .map(|number| json!({"id": format!("b{number}"), "type": "spacer"}))
        .collect();
    let numbers = json!([
        {"id": "a", "type": "spacer", "height": 1e300}, {"id": "b", "type": "text", "text": "x", "size": -1},
        {"id": "c", "type": "box", "padding": "12"}]);
    for (blocks, expected) in [
        (json!([block]), vec!["too_deep"]),
        (json!(many), vec!["too_many_blocks"]),
        (numbers, vec!["out_of_range"; 3]),
    ] {
        let problems = Template::parse(
            &json!({"format": "formwork-document/1", "title": "T", "blocks": blocks}),
        )
        .expect_err("problems");
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, expected);
    }
}

#[test]
fn a_chart_is_of_one_kind() {
    let series = json!([{"value": "{{ item }}"}, {"value": "{{ item }}", "name": "B"}]);
    let problems = Template::parse(&json!({
        "format": "formwork-document/1",
        "blocks": [
            {"id": "a", "type": "chart", "kind": "pie", "rows": "{{ x }}", "label": "y", "series": series, "stacked": true},
            {"id": "b", "type": "chart", "kind": "ring", "rows": "{{ x }}", "label": "y"}]
    }))
    .expect_err("problems");
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "/blocks/0/series/0/name",
            "/blocks/0/series",
            "/blocks/0/stacked",
            "/blocks/1/kind",
            "/blocks/1/series",
        ]
    );
}

#[test]
fn every_problem_of_a_template_is_told() {
    let problems = Template::parse(&json!({
        "format": "formwork-document/1",
        "page": {"size": "A0", "margins": {"top": -1}},
        "fields": [{"name": "X", "kind": "text"}, {"name": "firm", "kind": "text"}],
        "blocks": [
            {"id": "a", "type": "text", "text": "{{ 1 +", "colour": 3},
            {"id": "a", "type": "tabel"},
            {"id": "b", "type": "table", "columns": []},
            {"id": "c", "type": "box", "blocks": [{"type": "rule", "thick": 2}]}]
    }))
    .expect_err("problems");
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "/page/size",
            "/page/margins/top",
            "/fields/0",
            "/fields/1",
            "/blocks/0/text",
            "/blocks/0/colour",
            "/blocks/1/id",
            "/blocks/1/type",
            "/blocks/2/rows",
            "/blocks/2/columns",
            "/blocks/3/blocks/0/id",
            "/blocks/3/blocks/0/thick",
        ]
    );
}
