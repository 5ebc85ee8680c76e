//! Where what stands on a page comes from.

use document::{How, PageMap};
use serde_json::{Value as Json, json};

use super::{list_document, render, rows};

/// Leaf, how, and what is read, of everything on the first page, each once.
fn origins(map: &PageMap) -> Vec<(&str, How, String)> {
    let found = map.origins.iter();
    found
        .map(|one| (one.leaf.as_str(), one.how, one.reads.join(" ")))
        .collect()
}

#[track_caller]
fn check(parts: Json, values: &Json, expected: &[(&str, How, &str)]) {
    let map = render(parts, values).map();
    let found = origins(&map);
    for (leaf, how, reads) in expected {
        assert!(
            found.contains(&(*leaf, *how, (*reads).to_owned())),
            "{leaf} {how:?} {reads}: {found:#?}"
        );
    }
}

#[test]
fn texts_values_and_what_is_computed_are_told_apart() {
    let parts = json!({
        "fields": [
            {"name": "name", "kind": "text"},
            {"name": "net", "kind": "money"},
            {"name": "note", "kind": "text", "optional": true},
            {"name": "gross", "kind": "money", "source": "computed", "value": "{{ net * 1.19 }}"}],
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}, {{ firm.name }}"}]},
        "blocks": [
            {"id": "a", "type": "text", "text": "Dear {{ name }}, {{ (net + net) | money }} {{ note | default('–') }} {{ gross | money }}"},
            {"id": "b", "type": "text", "text": "{% if name %}For {{ name }}, {{ net | money }}{% endif %}"},
            {"id": "c", "type": "text", "runs": [
                {"value": "{{ net }}", "format": {"kind": "money"}},
                {"text": " / "},
                {"value": "{{ note }}", "format": {"kind": "text", "empty": "none"}}]}]
    });
    let values = json!({"name": "Ms Hoffmann", "net": {"amount": "100", "currency": "EUR"}});
    check(
        parts.clone(),
        &values,
        &[
            ("/blocks/0/text", How::Literal, ""),
            ("/blocks/0/text", How::Shown, "name"),
            ("/blocks/0/text", How::Computed, "net"),
            // Its value is empty, so what is shown is not that.
            ("/blocks/0/text", How::Computed, "note"),
            ("/blocks/0/text", How::Shown, "gross"),
            ("/blocks/1/text", How::Computed, "name net"),
            ("/blocks/2/runs/0/value", How::Shown, "net"),
            ("/blocks/2/runs/1/text", How::Literal, ""),
            ("/blocks/2/runs/2/value", How::Literal, "note"),
            ("/footer/blocks/0/text", How::Shown, "page"),
            ("/footer/blocks/0/text", How::Shown, "firm.name"),
        ],
    );
    let map = render(parts, &values).map();
    assert_eq!(map.computed[0].name, "gross");
    assert_eq!(map.computed[0].reads, ["net"]);
    let sum = map.origins.iter().find(|one| one.reads == ["net"]);
    let expression = sum.and_then(|one| one.expression.as_deref());
    assert_eq!(expression, Some("{{ (net + net) | money }}"));
}

#[test]
fn rows_know_their_entries_and_totals_their_columns() {
    check(
        list_document(),
        &rows(2),
        &[
            ("/blocks/0/columns/0/heading", How::Literal, ""),
            ("/blocks/0/columns/0/value", How::Shown, "lines.1.what"),
            ("/blocks/0/columns/1/value", How::Shown, "lines.0.amount"),
            ("/blocks/1/lines/0/value", How::Computed, "lines"),
        ],
    );
    let mut parts = list_document();
    parts["blocks"][0] = json!({
        "id": "lines", "type": "table", "rows": "{{ lines | reverse }}", "total_label": "All",
        "columns": [
            {"value": "{{ item.what }}"},
            {"value": "{{ item.amount }}", "format": {"kind": "money"}, "total": "sum"}]});
    // Which row it was nobody knows any more.
    check(
        parts.clone(),
        &rows(2),
        &[
            ("/blocks/0/columns/0/value", How::Computed, "lines"),
            ("/blocks/0/columns/1/value", How::Sum, "lines"),
        ],
    );
    parts["blocks"][0]["rows"] = json!("{{ lines }}");
    parts["blocks"][0]["group"] = json!({"by": "{{ item.what }}", "heading": "{{ item.key }}"});
    check(
        parts,
        &rows(2),
        &[
            ("/blocks/0/columns/1/value", How::Shown, "lines.1.amount"),
            ("/blocks/0/columns/1/value", How::Sum, "lines.*.amount"),
            ("/blocks/0/group/heading", How::Computed, "lines"),
            ("/blocks/0/total_label", How::Literal, ""),
        ],
    );
}

#[test]
fn lists_in_lists_are_followed_to_the_field() {
    let parts = json!({
        "fields": [{"name": "days", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "stops", "kind": "list", "item": {"kind": "text"}}]}}],
        "blocks": [{"id": "days", "type": "repeat", "list": "{{ days }}", "blocks": [
            {"id": "stops", "type": "repeat", "list": "{{ item.stops }}", "blocks": [
                {"id": "stop", "type": "markdown", "text": "**{{ index }}** {{ item }}"}]}]}]
    });
    let values = json!({"days": [{"stops": ["a"]}, {"stops": ["b", "c"]}]});
    let leaf = "/blocks/0/blocks/0/blocks/0/text";
    check(
        parts,
        &values,
        &[
            (leaf, How::Shown, "days.1.stops.1"),
            (leaf, How::Shown, "index"),
        ],
    );
}

#[test]
fn codes_and_charts_know_what_they_are_made_of() {
    let parts = json!({
        "fields": [
            {"name": "iban", "kind": "text"},
            {"name": "total", "kind": "money"},
            {"name": "lines", "kind": "list", "item": {"kind": "record", "fields": [
                {"name": "what", "kind": "text"}, {"name": "count", "kind": "integer"}]}}],
        "blocks": [
            {"id": "qr", "type": "qr", "payment": {"name": "X", "iban": "{{ iban }}", "amount": "{{ total }}"}},
            {"id": "bar", "type": "barcode", "content": "{{ iban }}"},
            {"id": "chart", "type": "chart", "rows": "{{ lines }}", "label": "{{ item.what }}",
                "series": [{"name": "Count", "value": "{{ item.count }}"}]}]
    });
    let values = json!({
        "iban": "DE02120300000000202051", "total": {"amount": "9", "currency": "EUR"},
        "lines": [{"what": "a", "count": 1}, {"what": "b", "count": 2}]});
    check(
        parts,
        &values,
        &[
            ("/blocks/0/payment/name", How::Computed, "iban total"),
            ("/blocks/1/content", How::Shown, "iban"),
            (
                "/blocks/2/series/0/value",
                How::Computed,
                "lines.*.count lines.*.what",
            ),
            ("/blocks/2/label", How::Shown, "lines.1.what"),
        ],
    );
}

#[test]
fn every_line_of_a_value_has_a_place_of_its_own() {
    let parts = json!({
        "fields": [{"name": "body", "kind": "text"}],
        "blocks": [{"id": "a", "type": "text", "text": "Note: {{ body }}"}]
    });
    let rendered = render(parts, &json!({"body": "one two three ".repeat(40)}));
    let map = rendered.map();
    let body = map.origins.iter().position(|one| one.how == How::Shown);
    let body = body.expect("the value");
    let places: Vec<[i32; 4]> = map.pages[0]
        .places
        .iter()
        .filter(|place| place.0 == body)
        .map(|place| place.1)
        .collect();
    assert!(places.len() > 3, "{places:?}");
    for pair in places.windows(2) {
        assert!(pair[0][1] + pair[0][3] <= pair[1][1] + 1, "{places:?}");
    }
    assert!(places.iter().all(|[x, _, width, _]| x + width <= 21_000));
}

#[test]
fn a_map_is_written_and_read_and_holds_no_value() {
    let rendered = render(list_document(), &rows(60));
    let map = rendered.map();
    let count = rendered.pages.len();
    assert!(count > 1 && (map.page_count, map.pages.len()) == (count, count));
    assert_eq!(map.pages[0].svg, None);
    assert_eq!(map.pages[1].svg, rendered.svg(1));
    let bytes = map.to_bytes().expect("bytes");
    assert_eq!(bytes, rendered.map().to_bytes().expect("bytes"));
    assert_eq!(PageMap::read(&bytes), Some(map));
    for broken in [&bytes[..bytes.len() / 2], b"{}"] {
        assert_eq!(PageMap::read(broken), None);
    }
    let mut told = PageMap::read(&bytes).expect("a map");
    for page in &mut told.pages {
        page.svg = None;
    }
    let told = serde_json::to_string(&told).expect("JSON");
    assert!(told.contains("lines.7.what") && !told.contains("Row number"));
}
