//! Names and kinds in the expressions of a template: told when it is checked, and no reason not to draw it.

use document::Template;
use serde_json::{Value as Json, json};

use super::{places, render, text};

fn fields() -> Json {
    json!([
        {"name": "customer", "kind": "text"},
        {"name": "note", "kind": "text", "optional": true},
        {"name": "days", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "title", "kind": "text"},
            {"name": "stops", "kind": "list", "item": {"kind": "record", "fields": [{"name": "place", "kind": "text"}]}}]}},
    ])
}

#[track_caller]
fn check(blocks: &Json, expected: &[(&str, &str)]) {
    let json = json!({
        "format": "formwork-document/1", "title": "For {{ customer }}", "fields": fields(),
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "{{ page }} of {{ pages }}, {{ firm.name }}"}]},
        "blocks": blocks
    });
    let template = Template::parse(&json).expect("a template");
    let problems = template.check();
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str()))
        .collect();
    assert_eq!(found, expected, "{problems:#?}");
}

#[test]
fn what_is_there_has_no_problem() {
    let inner = json!({"id": "b", "type": "repeat", "list": "{{ item.stops }}", "blocks": [
        {"id": "c", "type": "text", "text": "{{ index }}. {{ item.place }}"}]});
    check(
        &json!([
            {"id": "a", "type": "repeat", "list": "{{ days }}", "blocks": [
                {"id": "d", "type": "heading", "level": 2, "text": "{{ item.title }}"}, inner]},
            {"id": "e", "type": "text", "text": "{{ note }} {{ today | date }}"},
            {"id": "f", "type": "table", "rows": "{{ days }}", "columns": [{"heading": "{{ customer }}", "value": "{{ item.title }}"}]},
            {"id": "g", "type": "totals", "lines": [{"each": "{{ days }}", "label": "{{ item.title }}", "value": "{{ index }}"}]},
            {"id": "h", "type": "if", "when": "{{ firm.logo }}", "blocks": []}]),
        &[],
    );
}

#[test]
fn what_nobody_knows_is_told_where_it_stands() {
    check(
        &json!([
            {"id": "a", "type": "text", "text": "Dear {{ custommer }}", "when": "{{ nothing }}"},
            {"id": "b", "type": "repeat", "list": "{{ days }}", "blocks": [
                {"id": "c", "type": "text", "text": "{{ item.titel }}"}]},
            {"id": "d", "type": "text", "text": "{{ item.title }} {{ page }}"},
            {"id": "e", "type": "table", "rows": "{{ customer }}", "columns": [{"heading": "{{ item }}", "value": "{{ item.x }}"}]},
            {"id": "f", "type": "text", "runs": [{"value": "{{ noote }}", "format": {"kind": "money"}}]},
            {"id": "g", "type": "text", "text": "{{ days | sum(attribute='title') }}"}]),
        &[
            ("/blocks/0/when", "unknown_reference"),
            ("/blocks/0/text", "unknown_reference"),
            ("/blocks/1/blocks/0/text", "unknown_reference"),
            ("/blocks/2/text", "unknown_reference"),
            ("/blocks/2/text", "unknown_reference"),
            ("/blocks/3/rows", "expression_wrong_kind"),
            ("/blocks/3/columns/0/heading", "unknown_reference"),
            ("/blocks/4/runs/0/value", "unknown_reference"),
            ("/blocks/5/text", "expression_wrong_kind"),
        ],
    );
}

#[test]
fn a_page_with_an_unknown_name_is_drawn_with_a_placeholder() {
    let parts = json!({
        "title": "For {{ custommer }}", "fields": fields(),
        "blocks": [
            {"id": "a", "type": "text", "text": "Dear {{ custommer }}, welcome"},
            {"id": "b", "type": "text", "text": "Hidden", "when": "{{ nothing }}"},
            {"id": "c", "type": "repeat", "list": "{{ dayz }}", "blocks": []},
            {"id": "d", "type": "qr", "content": "{{ link }}"},
            {"id": "e", "type": "text", "runs": [{"value": "{{ totl }}", "format": {"kind": "text", "empty": "none"}}]}]
    });
    let rendered = render(parts, &json!({"customer": "Ada", "days": []}));
    assert_eq!(text(&rendered), "Dear {{ custommer }}, welcome {{ totl }}");
    assert_eq!(
        places(&rendered),
        [
            ("unknown_reference", "", None),
            ("unknown_reference", "a", Some(1)),
            ("unknown_reference", "b", None),
            ("unknown_reference", "c", None),
            ("list_empty", "c", None),
            ("unknown_reference", "d", None),
            ("qr_empty", "d", None),
            ("unknown_reference", "e", Some(1)),
        ]
    );
    assert_eq!(rendered.warnings[1].params["path"], "custommer");
}

#[test]
fn fields_say_whose_they_are_and_what_fits() {
    let json = |fields: Json| {
        json!({"format": "formwork-document/1", "title": "T", "fields": fields,
        "blocks": [{"id": "a", "type": "text", "text": "x"}]})
    };
    let wrong = json(json!([
        {"name": "a", "kind": "money", "max_lines": 2},
        {"name": "b", "kind": "text", "max_lines": 0},
        {"name": "c", "kind": "text", "overflow": "cut"},
        {"name": "d", "kind": "money", "source": "computed"},
        {"name": "e", "kind": "money", "value": "{{ 1 }}"},
        {"name": "f", "kind": "date", "source": "written"},
        {"name": "g", "kind": "money", "source": "computed", "value": "{{ 1 +"},
    ]));
    let problems = Template::parse(&wrong).expect_err("problems");
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/fields/0/max_lines", "no_lines"),
            ("/fields/1/max_lines", "out_of_range"),
            ("/fields/2/max_lines", "missing"),
            ("/fields/3/value", "missing"),
            ("/fields/4/source", "field_source"),
            ("/fields/5/source", "field_source"),
            ("/fields/6/value", "expression_syntax"),
        ]
    );
    let order = json(json!([
        {"name": "tax", "kind": "money", "source": "computed", "value": "{{ net * 0.19 }}"},
        {"name": "net", "kind": "money"},
        {"name": "total", "kind": "money", "source": "computed", "value": "{{ net + later }}"},
        {"name": "later", "kind": "money", "source": "computed", "value": "{{ net }}"},
    ]));
    let template = Template::parse(&order).expect("a template");
    let problems = template.check();
    let found: Vec<&str> = problems.iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(found, ["/fields/2/value"]);
    let taken: Vec<String> = template.fields().into_iter().map(|one| one.name).collect();
    assert_eq!(taken, ["net"]);
}

#[test]
fn a_document_computes_what_it_declares_to() {
    let parts = json!({
        "fields": [
            {"name": "net", "kind": "money"},
            {"name": "tax", "kind": "money", "source": "computed", "value": "{{ net * 0.19 }}"},
            {"name": "total", "kind": "money", "source": "computed", "value": "{{ net + tax }}"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ tax | money }} {{ total | money }}"}]
    });
    let rendered = render(
        parts,
        &json!({"net": {"amount": "10.10", "currency": "EUR"}}),
    );
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "€1.92 €12.02");
    let computed: Vec<(&str, Json)> = rendered
        .computed
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_json()))
        .collect();
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    assert_eq!(
        computed,
        [("tax", euros("1.92")), ("total", euros("12.02"))]
    );
}

#[test]
fn the_lines_of_a_field_hold_where_nothing_else_is_printed() {
    let parts = json!({
        "fields": [{"name": "intro", "kind": "text", "max_lines": 1, "overflow": "cut"}],
        "blocks": [
            {"id": "a", "type": "text", "text": "{{ intro }}"},
            {"id": "b", "type": "text", "text": "See: {{ intro }}"},
            {"id": "c", "type": "text", "text": "{{ intro }}", "max_lines": 9},
            {"id": "d", "type": "markdown", "text": "{{ intro }}"}]
    });
    let rendered = render(parts, &json!({"intro": "many words ".repeat(40)}));
    assert_eq!(
        places(&rendered),
        [
            ("text_shortened", "a", Some(1)),
            ("text_shortened", "d", Some(1))
        ]
    );
    let fits: Vec<(String, usize, bool)> = rendered
        .fits
        .iter()
        .map(|fit| (fit.paths.join(" "), fit.max_lines, fit.is_too_long()))
        .collect();
    let intro = |most, is_too_long| ("intro".to_owned(), most, is_too_long);
    assert_eq!(fits, [intro(1, true), intro(9, false), intro(1, true)]);
    assert_eq!(rendered.warnings[0].params["path"], "intro");
    let message = &rendered.warnings[0].message;
    assert!(message.starts_with("`intro` takes "), "{message}");
}

#[test]
fn the_lines_of_a_column_hold_wherever_it_is_printed_alone() {
    let item = |name: &str| format!("{{{{ item.{name} }}}}");
    let stops = json!({"name": "stops", "kind": "list", "item": {"kind": "record", "fields": [{"name": "text", "kind": "text"}]}});
    let parts = json!({
        "fields": [{
            "name": "days", "kind": "list", "item": {"kind": "record", "fields": [{"name": "text", "kind": "text"}, stops]},
            "columns": {"text": {"max_lines": 2}, "stops.text": {"max_lines": 1, "overflow": "cut"}},
        }],
        "blocks": [
            {"id": "repeat", "type": "repeat", "list": "{{ days }}", "blocks": [
                {"id": "text", "type": "text", "text": item("text")},
                {"id": "beside", "type": "text", "text": format!("See: {}", item("text"))}]},
            {"id": "table", "type": "table", "rows": "{{ days }}", "columns": [
                {"heading": "Text", "value": item("text"), "detail": item("text")}]},
            {"id": "plan", "type": "plan", "days": "{{ days }}", "day_title": "Day", "day_text": item("text"),
                "entries": item("stops"), "title": "Stop", "text": item("text")}]
    });
    let long = "many words ".repeat(60);
    let days = json!({"days": [{"text": long, "stops": [{"text": "short"}, {"text": long}]}]});
    let rendered = render(parts, &days);
    assert_eq!(
        places(&rendered),
        [
            ("text_runs_on", "text", Some(1)),
            ("text_runs_on", "table", Some(1)),
            ("text_runs_on", "table", Some(1)),
            ("text_runs_on", "plan", Some(1)),
            ("text_shortened", "plan", Some(1)),
        ]
    );
    let fits: Vec<(&str, usize, bool)> = rendered
        .fits
        .iter()
        .map(|fit| (fit.paths[0].as_str(), fit.max_lines, fit.is_too_long()))
        .collect();
    assert_eq!(
        fits,
        [
            ("days.0.text", 2, true),
            ("days.0.text", 2, true),
            ("days.0.text", 2, true),
            ("days.0.text", 2, true),
            ("days.0.stops.0.text", 1, false),
            ("days.0.stops.1.text", 1, true),
        ]
    );
}

#[test]
fn lines_of_a_column_are_those_of_a_text_that_is_there() {
    let item = json!({"kind": "record", "fields": [{"name": "text", "kind": "text"}, {"name": "costs", "kind": "money"}]});
    let columns =
        json!({"text": {"max_lines": 0}, "costs": {"max_lines": 1}, "a/b": {"max_lines": 1}});
    let json = json!({"format": "formwork-document/1", "title": "T", "blocks": [{"id": "a", "type": "text", "text": "x"}],
        "fields": [{"name": "days", "kind": "list", "item": item, "columns": columns}]});
    let problems = Template::parse(&json).expect_err("problems");
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/fields/0/columns/text/max_lines", "out_of_range"),
            ("/fields/0/columns/costs", "no_lines"),
            ("/fields/0/columns/a~1b", "column_unknown"),
        ]
    );
}

#[test]
fn a_text_of_an_entry_that_is_too_long_is_told_by_its_path() {
    let parts = json!({
        "fields": [{"name": "days", "kind": "list", "item": {"kind": "record", "fields": [{"name": "text", "kind": "text"}]}}],
        "blocks": [{"id": "r", "type": "repeat", "list": "{{ days }}", "blocks": [
            {"id": "a", "type": "text", "text": "{{ item.text }}", "max_lines": 1}]}]
    });
    let long = "many words ".repeat(40);
    let rendered = render(parts, &json!({"days": [{"text": "short"}, {"text": long}]}));
    let [short, long] = rendered.fits.as_slice() else {
        panic!("two texts: {:?}", rendered.fits);
    };
    assert_eq!(
        (short.paths[0].as_str(), short.excess_letters),
        ("days.0.text", 0)
    );
    assert_eq!(long.paths, ["days.1.text"]);
    assert!(long.excess_letters > 200, "{}", long.excess_letters);
}
