//! What is drawn: borders and codes as vectors, and what the file says of them to those who do not see them.

use document::Rendered;
use serde_json::{Value as Json, json};

use super::{assert_on_paper, list_document, places, render, text, tool};

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

fn alt(text: &str) -> String {
    said("Alt", text)
}

/// How a dictionary in the clear holds a text.
fn said(key: &str, text: &str) -> String {
    if text.is_ascii() {
        return format!("/{key} ({text})");
    }
    let units: String = text
        .encode_utf16()
        .map(|unit| format!("{unit:04x}"))
        .collect();
    format!("/{key} <feff{units}>")
}

/// The path of the bars on the first page.
fn bars(rendered: &Rendered) -> String {
    let svg = rendered.svg(0).expect("a page");
    let (_, rest) = svg
        .split_once(r##"<path fill="#000000" d=""##)
        .expect("a black path");
    rest.split('"').next().expect("its segments").to_owned()
}

#[test]
fn barcodes_are_bars_with_what_people_read() {
    let block = json!({"id": "a", "type": "barcode", "symbology": "ean13", "content": "400638133393", "alt": "A pen"});
    let rendered = render(json!({"blocks": [block]}), &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "4 006381 333931");
    assert!(objects(&rendered).contains(&alt("A pen")));
    // Two bars for each of twelve digits and for each of three guards, which reach down further.
    assert_eq!(bars(&rendered).matches('M').count(), 30 + 6);

    let block = json!({"id": "a", "type": "barcode", "content": "RE-2027-0042", "text": false, "height": 10, "module": 0.5});
    let rendered = render(json!({"blocks": [block]}), &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "");
    assert!(objects(&rendered).contains(&alt("RE-2027-0042")));
    // Three bars for each of thirteen values, four for the end.
    assert_eq!(bars(&rendered).matches('M').count(), 13 * 3 + 4);
    assert_on_paper(&rendered);
}

#[test]
fn a_barcode_that_cannot_be_read_is_none() {
    let codes = |symbology: &str, content: &str| {
        let rendered = render(
            json!({
                "fields": [{"name": "content", "kind": "text"}],
                "blocks": [{"id": "a", "type": "barcode", "symbology": symbology, "content": "{{ content }}"}]
            }),
            &json!({"content": content}),
        );
        assert_eq!(text(&rendered), "", "{content}");
        let [warning] = rendered.warnings.as_slice() else {
            panic!("{content}: {:?}", rendered.warnings);
        };
        assert_eq!(warning.location, "a");
        warning.code.clone()
    };
    assert_eq!(codes("code128", " "), "barcode_empty");
    assert_eq!(codes("code128", "Müller"), "barcode_letter");
    assert_eq!(codes("code128", &"x".repeat(80)), "barcode_too_long");
    assert_eq!(codes("code128", &"x".repeat(81)), "barcode_too_long");
    assert_eq!(codes("ean13", "4006381"), "barcode_digits");
    assert_eq!(codes("ean13", "4006381333932"), "barcode_check_digit");
}

#[test]
fn a_line_to_sign_on_has_its_label_below() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "signature", "label": "The customer", "name": "Clara Hoffmann", "date": "Place, date", "width": 60},
        {"id": "b", "type": "signature", "label": "The office", "width": 200, "align": "end"}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_on_paper(&rendered);
    let found = text(&rendered);
    for words in [
        "Place, date",
        "Clara Hoffmann",
        "The customer",
        "The office",
    ] {
        assert!(found.contains(words), "{words} in {found}");
    }
    let svg = rendered.svg(0).expect("a page");
    assert_eq!(svg.matches(r#"<path fill="none" stroke="#).count(), 3);
}

fn chart(kind: &str, amounts: &[(&str, &str)]) -> Rendered {
    let lines: Vec<Json> = amounts
        .iter()
        .enumerate()
        .map(|(index, (amount, currency))| json!({"what": format!("Row {}", index + 1), "amount": {"amount": amount, "currency": currency}}))
        .collect();
    let parts = json!({
        "fields": list_document()["fields"],
        "blocks": [{"id": "chart", "type": "chart", "kind": kind, "rows": "{{ lines }}", "label": "{{ item.what }}",
            "series": [{"name": "Costs", "value": "{{ item.amount }}"}], "alt": "What things cost"}]
    });
    render(parts, &json!({"lines": lines}))
}

#[test]
fn a_chart_is_drawn_from_its_list_and_says_its_figures() {
    let amounts = [("12.50", "EUR"), ("37.50", "EUR")];
    let accent = "#2b47c9";
    for (kind, drawn, written) in [
        ("bar", format!(r#"<path fill="{accent}""#), ["EUR", "40"]),
        ("line", format!(r#"stroke="{accent}""#), ["EUR", "35"]),
        (
            "pie",
            format!(r#"<path fill="{accent}""#),
            ["€37.50", "75.0%"],
        ),
    ] {
        let rendered = chart(kind, &amounts);
        assert_eq!(rendered.warnings, [], "{kind}");
        assert_on_paper(&rendered);
        assert!(rendered.svg(0).expect("a page").contains(&drawn), "{kind}");
        let found = text(&rendered);
        for words in ["Row 1", "Row 2", written[0], written[1]] {
            assert!(found.contains(words), "{kind}: {words} in {found}");
        }
        let objects = objects(&rendered);
        assert_eq!(objects.matches("/S /Figure").count(), 1, "{kind}");
        assert_eq!(objects.matches("/BBox [").count(), 1, "{kind}");
        assert!(objects.contains(&alt("What things cost")), "{kind}");
        // Behind it a table: its head, and two rows with a label and a number.
        for (part, count) in [
            ("/S /Table", 1),
            ("/S /THead", 1),
            ("/S /TR", 3),
            ("/S /TD", 3),
            ("/Scope /Column", 1),
            ("/Scope /Row", 2),
        ] {
            assert_eq!(objects.matches(part).count(), count, "{kind}: {part}");
        }
        for words in ["Costs", "Row 1", "€12.50", "Row 2", "€37.50"] {
            let cell = said("ActualText", words);
            assert_eq!(objects.matches(&cell).count(), 1, "{kind}: {words}");
        }
    }
}

#[test]
fn several_series_have_a_legend_and_may_stand_on_each_other() {
    let parts = |stacked: bool| {
        json!({
            "fields": list_document()["fields"],
            "blocks": [{"id": "chart", "type": "chart", "rows": "{{ lines }}", "label": "{{ item.what }}", "stacked": stacked,
                "series": [{"name": "This year", "value": "{{ item.amount }}"}, {"name": "Last year", "value": "{{ item.amount * 2 }}", "colour": "#112233"}]}]
        })
    };
    let lines: Vec<Json> = ["10", "-20", "30"]
        .iter()
        .map(|amount| json!({"what": "Row", "amount": {"amount": amount, "currency": "EUR"}}))
        .collect();
    for (stacked, highest) in [(false, "60"), (true, "100")] {
        let rendered = render(parts(stacked), &json!({"lines": lines}));
        assert_eq!(rendered.warnings, []);
        let found = text(&rendered);
        for words in ["This year", "Last year", highest] {
            assert!(found.contains(words), "{words} in {found}");
        }
        let svg = rendered.svg(0).expect("a page");
        // The key in the legend and the bars.
        assert_eq!(svg.matches(r##"<path fill="#112233""##).count(), 2);
    }
}

#[test]
fn a_chart_that_cannot_be_drawn_says_why() {
    let check = |kind: &str, amounts: &[(&str, &str)], code: &str| {
        let rendered = chart(kind, amounts);
        let page = (code == "list_empty").then_some(1);
        assert_eq!(places(&rendered), [(code, "chart", page)], "{amounts:?}");
    };
    check("bar", &[], "list_empty");
    check("bar", &[("1", "EUR"); 201], "chart_too_long");
    check("pie", &[("1", "EUR"); 25], "chart_too_long");
    check("line", &[("1", "EUR"), ("1", "USD")], "chart_currencies");
    check("pie", &[("1", "EUR"), ("-1", "EUR")], "chart_no_shares");
    check("pie", &[("0", "EUR")], "chart_no_shares");
    check("bar", &[("1000000000000000.01", "EUR")], "chart_too_large");
    assert_eq!(text(&chart("bar", &[])), "No items");
}

#[test]
fn a_row_without_a_number_leaves_a_gap_and_is_told() {
    let parts = json!({
        "fields": [{"name": "days", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "guests", "kind": "integer", "optional": true}, {"name": "day", "kind": "text"}]}}],
        "blocks": [
            {"id": "a", "type": "chart", "kind": "line", "rows": "{{ days }}", "label": "{{ item.day }}", "series": [{"value": "{{ item.guests }}"}]},
            {"id": "b", "type": "chart", "rows": "{{ days }}", "label": "{{ item.day }}", "series": [{"value": "{{ item.day }}"}]}]
    });
    let days =
        json!({"days": [{"day": "Mon", "guests": 4}, {"day": "Tue"}, {"day": "Wed", "guests": 6}]});
    let rendered = render(parts, &days);
    assert_eq!(
        places(&rendered),
        [
            ("value_missing", "a", Some(1)),
            ("not_a_number", "b", Some(1))
        ]
    );
    assert_eq!(rendered.warnings[0].params["path"], "days.1.guests");
    let objects = objects(&rendered);
    assert!(objects.contains(&alt("Mon, Tue, Wed")));
    assert!(!objects.contains("/S /THead"));
    for words in ["Tue", "–", "6"] {
        assert!(objects.contains(&said("ActualText", words)), "{words}");
    }
}
