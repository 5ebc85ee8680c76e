//! Texts of several paragraphs: lists, looks of words, values with a format and a rule for empty ones.

use document::Template;
use lopdf::Document;
use serde_json::{Value as Json, json};

use super::{archive::tags, places, render, text};

fn content(content: &Json) -> Json {
    json!([{"id": "a", "type": "text", "content": content}])
}

fn words(text: &str) -> Json {
    json!({"text": text})
}

fn item(passages: &Json) -> Json {
    json!({"content": passages})
}

#[test]
fn lists_are_numbered_nested_and_known_to_readers() {
    let inner = json!({"type": "list", "items": [item(&json!([words("Pool")])), item(&json!([words("Sauna")]))]});
    let parts = json!({"blocks": content(&json!([
        words("What you get:"),
        {"type": "list", "ordered": true, "start": 9, "items": [
            item(&json!([words("A room")])),
            item(&json!([words("{{ nothing | default('') }}")])),
            item(&json!([words("The spa"), inner])),
        ]},
        words("See you."),
    ]))});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(
        text(&rendered),
        "What you get: 9. A room 10. The spa – Pool – Sauna See you."
    );
    let document = Document::load_mem(&rendered.pdf().expect("a PDF")).expect("a PDF");
    assert_eq!(
        tags(&document),
        [
            "Document",
            " P",
            " L",
            "  LI",
            "   Lbl",
            "   LBody",
            "    P",
            "  LI",
            "   Lbl",
            "   LBody",
            "    P",
            "    L",
            "     LI",
            "      Lbl",
            "      LBody",
            "       P",
            "     LI",
            "      Lbl",
            "      LBody",
            "       P",
            " P"
        ]
    );
    let mut numberings: Vec<String> = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok()?.get(b"A").ok()?.as_dict().ok())
        .filter_map(|attributes| attributes.get(b"ListNumbering").ok())
        .filter_map(|numbering| numbering.as_name().ok())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect();
    numberings.sort();
    assert_eq!(numberings, ["Decimal", "Disc"]);
}

#[test]
fn a_text_of_one_paragraph_prints_as_a_plain_one() {
    let plain = json!([{"id": "a", "type": "text", "text": "Dear Ms Müller", "size": 11}]);
    let mut rich = content(&json!([words("Dear Ms Müller")]));
    rich[0]["size"] = json!(11);
    let pdf = |blocks: Json| {
        let rendered = render(json!({"blocks": blocks}), &json!({}));
        rendered.pdf().expect("a PDF")
    };
    assert!(pdf(plain) == pdf(rich));
}

#[test]
fn a_list_of_a_document_from_right_to_left_has_its_labels_on_the_right() {
    let list = json!([{"type": "list", "items": [item(&json!([words("שלום עולם")]))]}]);
    let svg = |direction: &str| {
        let parts = json!({"page": {"direction": direction}, "blocks": content(&list)});
        let rendered = render(parts, &json!({}));
        assert_eq!(rendered.warnings, []);
        rendered.svg(0).expect("a page")
    };
    // Where the first glyph is drawn, which is the bullet.
    let first = |svg: &str| -> f32 {
        let (_, rest) = svg.split_once("translate(").expect("a glyph");
        let (x, _) = rest.split_once(' ').expect("a place");
        x.parse().expect("a number")
    };
    assert!(first(&svg("ltr")) < 100.0);
    assert!(first(&svg("rtl")) > 400.0);
}

#[test]
fn values_are_written_as_their_format_says_and_empty_ones_as_their_rule_says() {
    let parts = json!({
        "fields": [
            {"name": "total", "kind": "money"}, {"name": "share", "kind": "decimal"}, {"name": "due", "kind": "date"},
            {"name": "note", "kind": "text", "optional": true}, {"name": "paid", "kind": "money", "optional": true},
            {"name": "begins", "kind": "instant"}],
        "blocks": [{"id": "a", "type": "text", "runs": [
            {"value": "{{ total }}", "format": {"kind": "money", "language": "de"}},
            {"text": " / "},
            {"value": "{{ share }}", "format": {"kind": "percent", "decimals": 1}},
            {"text": " / "},
            {"value": "{{ due }}", "format": {"kind": "date", "style": "iso"}, "bold": true},
            {"text": " / "},
            {"value": "{{ due }}", "format": {"kind": "date", "style": "%d.%m.%Y"}},
            {"text": " / "},
            {"value": "{{ total + total }}", "format": {"kind": "amount"}},
            {"text": " / "},
            {"value": "{{ note }}", "format": {"kind": "text", "empty": "no note"}},
            {"text": " / "},
            {"value": "{{ paid }}", "format": {"kind": "money", "empty": "open"}},
            {"text": " / "},
            {"value": "{{ begins }}", "format": {"kind": "time"}}]}]
    });
    let values = json!({"total": {"amount": "1234.50", "currency": "EUR"}, "share": "19", "due": "2027-03-08",
        "begins": "2027-03-08T13:30:00Z"});
    let rendered = render(parts, &values);
    assert_eq!(rendered.warnings, []);
    assert_eq!(
        text(&rendered),
        "1.234,50 € / 19.0% / 2027-03-08 / 08.03.2027 / 2,469.00 / no note / open / 14:30"
    );
    let origins: Vec<&str> = rendered
        .boxes(0)
        .iter()
        .filter_map(|place| place.origin.as_deref())
        .collect();
    assert_eq!(origins, ["total", "share", "due", "due", "total", "begins"]);
    let computed = rendered.boxes(0).iter().filter(|place| place.is_computed);
    assert_eq!(computed.count(), 1);
}

#[test]
fn an_empty_value_without_a_rule_is_told() {
    let parts = json!({
        "fields": [{"name": "note", "kind": "text", "optional": true}],
        "blocks": [{"id": "a", "type": "text", "runs": [{"text": "Note: "}, {"value": "{{ note }}"}]}]
    });
    let rendered = render(parts, &json!({}));
    assert_eq!(places(&rendered), [("value_missing", "a", Some(1))]);
}

#[test]
fn words_are_underlined_and_struck_through() {
    let lines = |run: Json| {
        let parts = json!({"blocks": [{"id": "a", "type": "text", "runs": [run]}]});
        let rendered = render(parts, &json!({}));
        let pdf = rendered.pdf().expect("a PDF");
        Document::load_mem(&pdf).expect("a PDF");
        rendered.svg(0).expect("a page").matches("<rect ").count()
    };
    let plain = lines(json!({"text": "word"}));
    assert_eq!(lines(json!({"text": "word", "underline": true})), plain + 1);
    assert_eq!(
        lines(json!({"text": "word", "underline": true, "strike": true})),
        plain + 2
    );
}

#[test]
fn a_limit_of_lines_counts_all_paragraphs() {
    let passages = json!([
        words("One"),
        {"type": "list", "items": [item(&json!([words("Two")])), item(&json!([words("Three")]))]},
        words("Four"),
    ]);
    let set = |overflow: &str| {
        let mut blocks = content(&passages);
        blocks[0]["max_lines"] = json!(3);
        blocks[0]["overflow"] = json!(overflow);
        render(json!({"blocks": blocks}), &json!({}))
    };
    let on = set("next_page");
    assert_eq!(places(&on), [("text_runs_on", "a", Some(1))]);
    assert_eq!(on.warnings[0].params["excess_letters"], 4);
    assert!(text(&on).contains("Four"));
    let cut = set("cut");
    assert_eq!(places(&cut), [("text_shortened", "a", Some(1))]);
    assert_eq!(text(&cut), "One • Two • Three");
}

#[test]
fn a_list_goes_on_overleaf_with_nothing_lost() {
    let items: Vec<Json> = (1..=120)
        .map(|number| item(&json!([words(&format!("Number {number} of the list"))])))
        .collect();
    let list = json!([{"type": "list", "ordered": true, "items": items}]);
    let rendered = render(json!({"blocks": content(&list)}), &json!({}));
    assert_eq!(rendered.warnings, []);
    assert!(rendered.pages.len() > 1);
    let found = text(&rendered);
    for number in 1..=120 {
        let item = format!("{number}. Number {number} of the list");
        assert!(found.contains(&item), "{item}");
    }
}

#[test]
fn what_a_text_cannot_be_is_told_where_it_stands() {
    let list = |inner: Json| json!({"type": "list", "items": [{"content": [inner]}]});
    let deep = list(list(list(list(words("x")))));
    let json = json!({"format": "formwork-document/1", "title": "T", "blocks": [
        {"id": "a", "type": "text", "text": "x", "content": []},
        {"id": "b", "type": "text", "content": [{"type": "table"}, {"type": "list", "start": 3}]},
        {"id": "c", "type": "text", "content": [deep]},
        {"id": "d", "type": "text", "runs": [
            {"value": "total"},
            {"value": "{{ a }} {{ b }}"},
            {"value": "{{ a }}", "format": {"kind": "money", "currency": "euro", "language": "no one's"}},
            {"value": "{{ a }}", "format": {"kind": "date", "style": "\"}}"}},
            {"text": "x", "empty": "y"}]}]});
    let problems = Template::parse(&json).expect_err("problems");
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/blocks/0", "text_twice"),
            ("/blocks/1/content/0/type", "not_an_option"),
            ("/blocks/1/content/1/start", "unknown_member"),
            (
                "/blocks/2/content/0/items/0/content/0/items/0/content/0/items/0/content/0",
                "list_too_deep"
            ),
            ("/blocks/3/runs/0/value", "no_value"),
            ("/blocks/3/runs/1/value", "no_value"),
            ("/blocks/3/runs/2/format/currency", "currency"),
            ("/blocks/3/runs/2/format/language", "language"),
            ("/blocks/3/runs/3/format/style", "date_style"),
            ("/blocks/3/runs/4/empty", "unknown_member"),
        ]
    );
}
