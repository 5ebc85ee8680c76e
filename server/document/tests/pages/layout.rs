//! Where things stand: tables over several pages, totals, boxes, and from which value and block each place comes.

use serde_json::json;

use super::{list_document, places, render, rows, text, tool};

#[test]
fn a_long_table_repeats_its_heading_and_counts_its_pages() {
    let rendered = render(list_document(), &rows(100));
    let found = text(&rendered);
    let pages = rendered.pages.len();
    assert!(pages >= 3);
    assert_eq!(found.matches("Thing").count(), pages);
    assert!(found.contains(&format!("Page {pages} of {pages}")));
    assert!(found.contains("Row number 100 0.10"));
    assert!(found.contains("Together €10.00"), "{found}");
    let info = tool(&rendered, &["pdfinfo", "FILE"]);
    assert!(
        info.contains("Title: A title") || info.contains("A title"),
        "{info}"
    );
    assert!(
        info.contains("(A4)") && info.contains("Tagged:          yes"),
        "{info}"
    );
}

#[test]
fn five_thousand_rows_are_laid_out() {
    let rendered = render(list_document(), &rows(5_000));
    assert!(rendered.pages.len() > 100);
    assert!(text(&rendered).contains("Together €500.00"));
}

#[test]
fn no_rows_say_so() {
    let rendered = render(list_document(), &rows(0));
    assert!(text(&rendered).contains("No items"));
    assert_eq!(places(&rendered)[0], ("list_empty", "lines", Some(1)));
}

#[test]
fn a_row_taller_than_a_page_goes_on_overleaf() {
    let mut long = rows(2);
    long["lines"][1]["what"] = json!("word ".repeat(6_000));
    let rendered = render(list_document(), &long);
    assert!(rendered.pages.len() > 1);
    assert_eq!(text(&rendered).matches("word").count(), 6_000);
}

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
fn totals_never_stand_alone_on_a_page() {
    let mut parts = list_document();
    parts["blocks"][0]["keep_with_next"] = json!(true);
    let mut pages = 0;
    for count in 20..50 {
        let rendered = render(parts.clone(), &rows(count));
        pages = rendered.pages.len();
        let last = rendered.text(pages - 1).expect("a page");
        assert!(
            last.contains("Together") && last.contains(&format!("Row number {count}")),
            "{count}: {last}"
        );
    }
    assert!(pages > 1);
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
