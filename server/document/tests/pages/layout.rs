//! Where things stand: boxes and columns over several pages, header and footer, and from which value and block each place comes.

use document::Rendered;
use serde_json::{Value as Json, json};

use super::{assert_on_paper, list_document, render, rows, text};

#[test]
fn boxes_beside_each_other_are_equally_tall() {
    let cell = |id: &str, text: &str| {
        json!({"blocks": [{"id": id, "type": "box", "fill": "fill", "blocks": [
        {"id": format!("{id}_text"), "type": "text", "text": text}]}]})
    };
    let rendered = render(
        json!({"blocks": [{"id": "a", "type": "columns", "columns": [cell("short", "One line"), cell("long", &"many words ".repeat(40))]}]}),
        &json!({}),
    );
    let height = |id: &str| {
        let found = rendered.boxes(0).iter().find(|place| place.block == id);
        found.expect("the box").height_mm
    };
    assert!((height("short") - height("long")).abs() < 0.01);
    assert!(height("long") > 25.0);
}

#[test]
fn an_automatic_column_is_as_wide_as_its_content() {
    let cell = |id: &str, width: &str, text: &str| json!({"width": width, "blocks": [{"id": id, "type": "text", "text": text}]});
    let rendered = render(
        json!({"blocks": [
            {"id": "one", "type": "columns", "gap": 5, "columns": [cell("a", "auto", "Short"), cell("b", "1fr", "The rest")]},
            {"id": "two", "type": "columns", "gap": 5, "columns": [
                cell("c", "auto", "A text that is rather longer"), cell("d", "1fr", "The rest"), {"width": "auto", "blocks": [
                    {"id": "e", "type": "box", "border": "line", "padding": 3, "blocks": [
                        {"id": "f", "type": "qr", "content": "x", "size": 20}]}]}]},
            {"id": "three", "type": "columns", "gap": 5, "columns": [
                cell("g", "auto", &"words that do not fit ".repeat(40)), cell("h", "1fr", "The rest")]}]}),
        &json!({}),
    );
    assert_eq!(rendered.warnings, []);
    let width = |id: &str| {
        let found = rendered.boxes(0).iter().find(|place| place.block == id);
        found.expect("the block").width_mm
    };
    let whole = width("one");
    assert!(width("a") > 5.0 && width("a") < 15.0, "{}", width("a"));
    assert!((width("a") + 5.0 + width("b") - whole).abs() < 0.01);
    assert!(width("c") > 2.0 * width("a") && width("c") < whole / 2.0);
    // Twenty for the code, three on either side, and a hair.
    assert!((width("e") - 26.0).abs() < 0.5, "{}", width("e"));
    assert!((width("c") + width("d") + width("e") + 10.0 - whole).abs() < 0.01);
    // What is too long leaves the others their share.
    assert!(width("h") > whole * 0.3);
    // What was only measured is neither drawn nor told.
    assert_eq!(text(&rendered).matches("Short").count(), 1);
}

#[test]
fn values_know_where_they_come_from() {
    let rendered = render(list_document(), &rows(3));
    let boxes = rendered.boxes(0);
    let amount = boxes
        .iter()
        .find(|place| place.origin.as_deref() == Some("lines.1.amount"))
        .expect("the second amount");
    assert_eq!(
        (amount.block.as_str(), amount.path.as_str()),
        ("lines", "/blocks/0")
    );
    let table = boxes
        .iter()
        .find(|place| place.block == "lines" && place.origin.is_none())
        .expect("the table");
    assert!(
        amount.x_mm >= table.x_mm
            && amount.x_mm + amount.width_mm <= table.x_mm + table.width_mm + 0.1
    );
    assert!(
        amount.y_mm >= table.y_mm
            && amount.y_mm + amount.height_mm <= table.y_mm + table.height_mm + 0.1
    );
    let svg = rendered.svg(0).expect("a page");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains("<use "));
    assert_eq!(rendered.svg(1), None);
}

#[test]
fn texts_know_where_they_stand_in_the_template() {
    let source = "Dear {{ name }}, thank you";
    let parts = json!({
        "fields": [{"name": "name", "kind": "text"}],
        "blocks": [
            {"id": "hello", "type": "text", "text": source},
            {"id": "facts", "type": "key_value", "items": [{"label": "Für", "value": "{{ name }}"}]}]
    });
    let rendered = render(parts, &json!({"name": "Ms Hoffmann"}));
    let texts = rendered.texts(0);
    let shown: Vec<(&str, &str, &str)> = texts
        .iter()
        .map(|text| {
            let source = match text.leaf.as_str() {
                "/blocks/0/text" => source,
                "/blocks/1/items/0/label" => "Für",
                _ => "{{ name }}",
            };
            let part = source[text.bytes.clone()].trim();
            (text.block.as_str(), text.leaf.as_str(), part)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("hello", "/blocks/0/text", "Dear"),
            ("hello", "/blocks/0/text", "{{ name }}"),
            ("hello", "/blocks/0/text", ", thank you"),
            ("facts", "/blocks/1/items/0/label", "Für"),
            ("facts", "/blocks/1/items/0/value", "{{ name }}"),
        ]
    );
    let (dear, name) = (&texts[0], &texts[1]);
    assert!(dear.x_mm + dear.width_mm <= name.x_mm + 0.1 && (dear.y_mm - name.y_mm).abs() < 0.01);
    assert_eq!(rendered.texts(1), []);
}

#[test]
fn texts_of_every_kind_know_where_they_stand_in_the_template() {
    let item =
        json!({"content": [{"runs": [{"value": "{{ name }}", "format": {"kind": "text"}}]}]});
    let parts = json!({
        "fields": [
            {"name": "name", "kind": "text"},
            {"name": "rows", "kind": "list", "item": {"kind": "record", "fields": [
                {"name": "rate", "kind": "integer"}, {"name": "net", "kind": "money"}, {"name": "tax", "kind": "money"}]}}],
        "blocks": [
            {"id": "letter", "type": "markdown", "text": "Dear **{{ name }}**, 5 &lt; 6\n\n- see"},
            {"id": "list", "type": "text", "content": [{"type": "list", "items": [item]}]},
            {"id": "table", "type": "table", "rows": "{{ rows }}", "total_label": "All", "columns": [
                {"heading": "Of", "value": "row"},
                {"value": "{{ item.net }}", "format": {"kind": "money"}, "total": "sum"}]},
            {"id": "taxes", "type": "tax_table", "taxes": "{{ rows }}", "headings": {"rate": "VAT rate"}}]
    });
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let values = json!({"name": "Ms *Hoffmann*", "rows": [{"rate": 19, "net": euros("100"), "tax": euros("19")}]});
    let rendered = render(parts.clone(), &values);
    assert_eq!(rendered.warnings, []);
    let texts = rendered.texts(0);
    let shown: Vec<(&str, &str)> = texts
        .iter()
        .map(|text| {
            let source = parts.pointer(&text.leaf).and_then(Json::as_str);
            let part = source.and_then(|source| source.get(text.bytes.clone()));
            let part = part.unwrap_or_else(|| panic!("no text of the template: {text:?}"));
            (text.leaf.as_str(), part.trim())
        })
        .collect();
    for expected in [
        ("/blocks/0/text", "Dear"),
        ("/blocks/0/text", "{{ name }}"),
        ("/blocks/0/text", ", 5"),
        ("/blocks/0/text", "&lt;"),
        ("/blocks/0/text", "6"),
        ("/blocks/0/text", "see"),
        (
            "/blocks/1/content/0/items/0/content/0/runs/0/value",
            "{{ name }}",
        ),
        ("/blocks/2/columns/0/heading", "Of"),
        ("/blocks/2/columns/0/value", "row"),
        ("/blocks/2/columns/1/value", "{{ item.net }}"),
        ("/blocks/2/total_label", "All"),
        ("/blocks/3/headings/rate", "VAT rate"),
    ] {
        assert!(shown.contains(&expected), "{expected:?} in {shown:?}");
    }
}

#[test]
fn an_edited_template_changes_the_page() {
    let mut parts = list_document();
    parts["blocks"][0]["columns"]
        .as_array_mut()
        .expect("columns")
        .remove(1);
    parts["blocks"].as_array_mut().expect("blocks").extend([
        json!({"id": "break", "type": "page_break"}),
        json!({"id": "again", "type": "repeat", "list": "{{ lines }}", "blocks": [
            {"id": "each", "type": "text", "text": "{{ index }}: {{ item.what }}"}]}),
    ]);
    let rendered = render(parts, &rows(2));
    let found = text(&rendered);
    assert!(!found.contains("Costs"));
    assert!(found.contains("2: Row number 2"));
    assert_eq!(rendered.pages.len(), 2);
}

/// What each page says.
fn page_texts(rendered: &Rendered) -> Vec<String> {
    (0..rendered.pages.len())
        .filter_map(|page| rendered.text(page))
        .collect()
}

/// The table of `list_document` within other blocks.
fn enclosed(enclose: impl Fn(Json) -> Json) -> Json {
    let mut parts = list_document();
    parts["blocks"] = json!([enclose(parts["blocks"][0].clone())]);
    parts
}

#[test]
fn a_table_in_a_box_or_a_column_repeats_its_heading() {
    let enclosures: [fn(Json) -> Json; 4] = [
        |table| json!({"id": "a", "type": "box", "border": "line", "blocks": [table]}),
        |table| json!({"id": "a", "type": "keep_together", "blocks": [table]}),
        |table| {
            json!({"id": "a", "type": "columns", "columns": [
                {"blocks": [table]}, {"blocks": [{"id": "b", "type": "text", "text": "Beside"}]}]})
        },
        |table| {
            json!({"id": "a", "type": "box", "blocks": [{"id": "b", "type": "columns", "columns": [
                {"blocks": [{"id": "c", "type": "box", "fill": "fill", "blocks": [table]}]}]}]})
        },
    ];
    for enclose in enclosures {
        let rendered = render(enclosed(enclose), &rows(100));
        assert_eq!(rendered.warnings, []);
        assert_on_paper(&rendered);
        let pages = page_texts(&rendered);
        assert!(pages.len() > 2);
        for page in &pages {
            assert_eq!(page.matches("Thing").count(), 1, "{page}");
        }
        let all = pages.join("\n");
        for row in 1..=100 {
            assert_eq!(all.matches(&format!("Row number {row}\n")).count(), 1);
        }
    }
}

#[test]
fn what_keeps_together_moves_to_a_page_that_has_room_for_it() {
    let lines = |id: &str, count: usize| {
        let lines = vec![id; count].join("\n");
        json!({"id": id, "type": "text", "text": lines, "orphans": 1, "widows": 1})
    };
    let together =
        |count| json!({"id": "c", "type": "keep_together", "blocks": [lines("Kept", count)]});
    let on_pages = |blocks: Json| -> Vec<usize> {
        let rendered = render(json!({"blocks": blocks}), &json!({}));
        assert_eq!(rendered.warnings, []);
        let pages = page_texts(&rendered);
        pages
            .iter()
            .map(|page| page.matches("Kept").count())
            .collect()
    };
    assert_eq!(on_pages(json!([lines("Other", 20), together(38)])), [0, 38]);
    let long = on_pages(json!([lines("Other", 20), together(80)]));
    assert!(long[0] > 10, "{long:?}");
    assert_eq!(long.iter().sum::<usize>(), 80);
}

#[test]
fn a_page_may_end_within_a_box() {
    let rendered = render(
        json!({"blocks": [
            {"id": "a", "type": "box", "fill": "fill", "blocks": [
                {"id": "b", "type": "text", "text": "Before"}, {"id": "c", "type": "page_break"}, {"id": "d", "type": "text", "text": "After"}]},
            {"id": "e", "type": "text", "text": "Below"}]}),
        &json!({}),
    );
    assert_eq!(page_texts(&rendered), ["Before", "After\nBelow"]);
    for page in 0..2 {
        assert!(rendered.boxes(page).iter().any(|place| place.block == "a"));
    }
}

#[test]
fn space_at_the_top_gives_way_to_what_has_no_room_below_it() {
    let rendered = render(
        json!({"blocks": [
            {"id": "a", "type": "spacer", "height": 180},
            {"id": "b", "type": "box", "min_height": 150, "fill": "fill", "blocks": [{"id": "c", "type": "text", "text": "Tall"}]}]}),
        &json!({}),
    );
    assert_eq!(rendered.warnings, []);
    assert_eq!(page_texts(&rendered), ["Tall"]);
}

#[test]
fn header_and_footer_stand_on_every_page() {
    let mut parts = list_document();
    let words = |id: &str, text: &str| json!([{"id": id, "type": "text", "text": text}]);
    parts["header"] = json!({"first": words("first", "Welcome {{ firm.name }}"), "blocks": words("head", "{{ firm.name }}")});
    let pages = page_texts(&render(parts, &rows(100)));
    let count = pages.len();
    for (index, page) in pages.iter().enumerate() {
        let head = if index == 0 {
            "Welcome Nordlicht Reisen\n"
        } else {
            "Nordlicht Reisen\n"
        };
        assert!(page.starts_with(head), "{page}");
        let foot = format!("\nPage {} of {count}", index + 1);
        assert!(page.ends_with(&foot), "{page}");
    }
}
