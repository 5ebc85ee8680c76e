//! What is refused: documents beyond the limits, and templates with problems, each of which is told.

use document::{DocumentError, LimitKind, Limits, Template};
use serde_json::{Value as Json, json};

use super::{list_document, render_with, rows};

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
            max: 2
        })
    );
    let stopped = Limits {
        stop: Some(std::sync::Arc::new(|| true)),
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
