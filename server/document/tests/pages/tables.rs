//! Tables: their heads on every page, their rows and what is added up below them.

use document::{Rendered, Template};
use serde_json::{Value as Json, json};

use super::{assert_on_paper, list_document, places, render, rows, text, tool};

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

/// A table of sales and what stands beside it in the template.
fn sales_document(members: Json, columns: &Json) -> Json {
    let mut table =
        json!({"id": "sales", "type": "table", "rows": "{{ sales }}", "columns": columns});
    let (Some(table_members), Json::Object(members)) = (table.as_object_mut(), members) else {
        panic!("an object");
    };
    table_members.extend(members);
    json!({
        "fields": [{"name": "sales", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "what", "kind": "text"}, {"name": "area", "kind": "text"}, {"name": "day", "kind": "date"},
            {"name": "weight", "kind": "decimal"}, {"name": "amount", "kind": "money", "optional": true}]}}],
        "blocks": [table]
    })
}

fn sale(what: &str, area: &str, weight: &str, (amount, currency): (&str, &str)) -> Json {
    json!({"what": what, "area": area, "day": "2027-03-08", "weight": weight, "amount": {"amount": amount, "currency": currency}})
}

fn sales() -> Json {
    json!({"sales": [
        sale("Tea", "North", "1.5", ("10.105", "EUR")),
        sale("Salt", "South", "12.25", ("20.00", "EUR")),
        sale("Rope", "North", "3", ("30.00", "EUR"))]})
}

fn money(total: &str) -> Json {
    json!({"heading": "Costs", "value": "{{ item.amount }}", "format": {"kind": "money"}, "total": total, "width": "auto", "align": "end"})
}

fn name() -> Json {
    json!({"heading": "Thing", "value": "{{ item.what }}"})
}

#[test]
fn columns_are_written_and_added_up_as_chosen() {
    let columns = json!([
        name(),
        {"heading": "Day", "value": "{{ item.day }}", "format": {"kind": "date", "style": "%d/%m"}, "total": "count"},
        {"heading": "Weight", "value": "{{ item.weight }}", "format": {"kind": "number", "decimals": 2}, "total": "avg"},
        {"heading": "Share", "value": "{{ item.weight }}", "format": {"kind": "percent"}, "total": "max"},
        money("sum")]);
    let rendered = render(
        sales_document(json!({"total_label": "All of it"}), &columns),
        &sales(),
    );
    assert_eq!(rendered.warnings, []);
    let found = text(&rendered);
    assert!(found.contains("Tea 08/03 1.50 1.5% €10.11"), "{found}");
    // What is added up is what is printed.
    assert!(found.contains("All of it 3 5.58 12.25% €60.11"), "{found}");
}

#[test]
fn a_price_has_the_decimals_of_its_field() {
    let columns = json!([
        name(),
        money("sum"),
        {"heading": "Bare", "value": "{{ item.amount }}"},
        {"heading": "Twice", "value": "{{ item.amount * 2 }}", "format": {"kind": "amount"}, "total": "sum"}]);
    let mut document = sales_document(json!({"total_label": "All"}), &columns);
    document["fields"][0]["item"]["fields"][4]["decimals"] = json!(4);
    let mut sales = sales();
    sales["sales"][1]["amount"]["amount"] = json!("0.0834");
    let rendered = render(document, &sales);
    assert_eq!(rendered.warnings, []);
    let found = text(&rendered);
    for row in [
        "Tea €10.105 €10.105 20.21",
        "Salt €0.0834 €0.0834 0.17",
        "Rope €30.00 €30.00 60.00",
        "All €40.1884 80.38",
    ] {
        assert!(found.contains(row), "{row} in {found}");
    }
}

#[test]
fn a_tables_box_says_where_its_columns_lie() {
    let columns = json!([
        {"heading": "Thing", "value": "{{ item.what }}", "width": "2fr"},
        {"heading": "Area", "value": "{{ item.area }}", "width": 30},
        {"heading": "Weight", "value": "{{ item.weight }}"}]);
    let places = |members: Json| {
        let rendered = render(sales_document(members, &columns), &sales());
        let boxes = rendered.boxes(0).iter();
        let found: Vec<_> = boxes.filter(|place| place.origin.is_none()).collect();
        assert_eq!(found.len(), 1);
        let table = found[0].clone();
        let columns = table.columns.clone();
        (table, columns)
    };
    let (table, columns) = places(json!({"gutter": 3}));
    let widths: Vec<f32> = columns.iter().map(|column| column.width_mm).collect();
    let near = |a: f32, b: f32| assert!((a - b).abs() < 0.05, "{a} {b}");
    near(widths[1], 30.0);
    near(widths[0], 2.0 * widths[2]);
    near(widths.iter().sum::<f32>() + 6.0, table.width_mm);
    near(columns[0].x_mm, table.x_mm);
    near(columns[1].x_mm, table.x_mm + widths[0] + 3.0);
    near(columns[2].x_mm + widths[2], table.x_mm + table.width_mm);
    let (table, columns) = places(json!({"direction": "rtl", "gutter": 3}));
    near(
        columns[0].x_mm + columns[0].width_mm,
        table.x_mm + table.width_mm,
    );
    near(columns[2].x_mm, table.x_mm);
}

#[test]
fn nothing_is_added_up_that_does_not_go_together() {
    let document = || {
        let columns = json!([name(), money("sum")]);
        sales_document(json!({"total_label": "Together"}), &columns)
    };
    let mut mixed = sales();
    mixed["sales"][2]["amount"]["currency"] = json!("USD");
    let rendered = render(document(), &mixed);
    assert_eq!(places(&rendered), [("total_failed", "sales", Some(1))]);
    assert_eq!(rendered.warnings[0].params["column"], "Costs");
    assert!(text(&rendered).ends_with("Together"));
    // What is not there is told and counts nothing.
    let mut partial = sales();
    partial["sales"][2]["amount"] = Json::Null;
    let rendered = render(document(), &partial);
    assert_eq!(places(&rendered), [("value_missing", "sales", Some(1))]);
    assert_eq!(rendered.warnings[0].params["path"], "sales.2.amount");
    assert!(text(&rendered).ends_with("Together €30.11"));
}

#[test]
fn a_value_of_another_kind_is_told() {
    let mut column = money("sum");
    column["value"] = json!("{{ item.what }}");
    let rendered = render(
        sales_document(json!({"total_label": "Together"}), &json!([name(), column])),
        &sales(),
    );
    assert_eq!(
        places(&rendered),
        [
            ("not_a_number", "sales", Some(1)),
            ("total_failed", "sales", Some(1))
        ]
    );
    assert!(text(&rendered).contains("Tea Tea"));
    let column = json!({"value": "{{ item.amount }}", "format": {"kind": "money", "empty": "–"}});
    let mut partial = sales();
    partial["sales"][0]["amount"] = Json::Null;
    let rendered = render(
        sales_document(json!({}), &json!([name(), column])),
        &partial,
    );
    assert_eq!(rendered.warnings, []);
    assert!(text(&rendered).contains("Tea –"));
}

#[test]
fn rows_stand_in_groups_with_their_own_totals() {
    let group = json!({"by": "{{ item.area }}", "heading": "{{ item.key }} ({{ item.items | count }})", "total_label": "Sum of {{ item.key }}"});
    let rendered = render(
        sales_document(
            json!({"group": group, "total_label": "All"}),
            &json!([name(), money("sum")]),
        ),
        &sales(),
    );
    assert_eq!(rendered.warnings, []);
    assert_eq!(
        text(&rendered),
        "Thing Costs North (2) Tea €10.11 Rope €30.00 Sum of North €40.11 South (1) Salt €20.00 Sum of South €20.00 All €60.11"
    );
    // A value in a group still knows its row of the list.
    let origins: Vec<&str> = rendered
        .boxes(0)
        .iter()
        .filter_map(|place| place.origin.as_deref())
        .filter(|origin| origin.ends_with("what"))
        .collect();
    assert_eq!(origins, ["sales.0.what", "sales.2.what", "sales.1.what"]);
    let structure = tool(&rendered, &["qpdf", "--qdf", "FILE", "-"]);
    assert_eq!(structure.matches("/S /TBody").count(), 2);
    assert_eq!(structure.matches("/ColSpan 2").count(), 2);
}

/// So many rows in each of the areas.
fn areas(counts: &[(&str, usize)]) -> Json {
    let mut sales = Vec::new();
    for (area, count) in counts {
        for row in 1..=*count {
            sales.push(sale(&format!("{area} {row}"), area, "1", ("1.00", "EUR")));
        }
    }
    json!({"sales": sales})
}

fn pages(rendered: &Rendered) -> Vec<String> {
    assert_eq!(rendered.warnings, []);
    assert_on_paper(rendered);
    (0..rendered.pages.len())
        .filter_map(|page| rendered.text(page))
        .collect()
}

#[test]
fn a_group_that_goes_on_overleaf_says_so() {
    let group = json!({"by": "{{ item.area }}", "heading": "Area {{ item.key }}"});
    let document = sales_document(json!({"group": group}), &json!([name()]));
    let pages = pages(&render(document, &areas(&[("North", 5), ("South", 80)])));
    assert!(pages.len() > 2);
    for page in &pages {
        assert_eq!(page.matches("Thing").count(), 1);
        assert_eq!(page.matches("Area South").count(), 1);
    }
}

#[test]
fn groups_keep_together_or_begin_a_page() {
    let with = |member: &str| {
        let group = json!({"by": "{{ item.area }}", "heading": "Area {{ item.key }}", "total_label": "Sum of {{ item.key }}", member: true});
        let document = sales_document(json!({"group": group}), &json!([name(), money("sum")]));
        pages(&render(document, &areas(&[("North", 20), ("South", 20)])))
    };
    for member in ["keep_together", "new_page"] {
        let pages = with(member);
        assert_eq!(pages.len(), 2, "{member}");
        for (page, area) in pages.iter().zip(["North", "South"]) {
            assert!(page.contains(&format!("Area {area}")), "{member}: {page}");
            assert!(page.contains(&format!("Sum of {area}")), "{member}: {page}");
            assert_eq!(page.matches(&format!("{area} ")).count(), 20);
        }
    }
}

#[test]
fn first_rows_stay_with_the_heading() {
    let document = |keep_first: usize| {
        let mut document = sales_document(json!({"keep_first": keep_first}), &json!([name()]));
        let above =
            json!({"id": "above", "type": "box", "min_height": 225, "padding": 0, "blocks": []});
        let table = document["blocks"][0].clone();
        document["blocks"] = json!([above, table]);
        document
    };
    let on_first = |keep_first| -> usize {
        let rendered = render(document(keep_first), &areas(&[("North", 10)]));
        pages(&rendered)[0].matches("North").count()
    };
    let room = on_first(1);
    assert!(room > 0 && room < 6, "{room}");
    assert_eq!(on_first(room), room);
    assert_eq!(on_first(room + 1), 0);
}

#[test]
fn a_row_is_divided_only_where_it_may_be() {
    let long = "word ".repeat(200);
    let on_first = |split: bool| -> usize {
        let values = json!({"sales": [
            sale(&"few ".repeat(120), "x", "1", ("1", "EUR")), sale(&long, "x", "1", ("1", "EUR"))]});
        let document = sales_document(
            json!({"split_rows": split}),
            &json!([{"value": "{{ item.what }}", "width": 40}, {"value": "", "width": "1fr"}]),
        );
        let pages = pages(&render(document, &values));
        assert_eq!(pages.concat().matches("word").count(), 200);
        pages[0].matches("word").count()
    };
    assert!(on_first(true) > 0);
    assert_eq!(on_first(false), 0);
}

#[test]
fn decimal_marks_stand_below_one_another() {
    let column = json!({"value": "{{ item.weight }}", "format": {"kind": "number"}, "align": "decimal", "width": "auto"});
    let rendered = render(
        sales_document(json!({}), &json!([name(), column])),
        &sales(),
    );
    assert_eq!(rendered.warnings, []);
    let place = |row: usize| {
        let origin = format!("sales.{row}.weight");
        let found = rendered
            .boxes(0)
            .iter()
            .find(|place| place.origin.as_deref() == Some(origin.as_str()));
        found.expect("a weight")
    };
    let right = |row: usize| place(row).x_mm + place(row).width_mm;
    // 1.5, 12.25 and 3: all digits are equally wide.
    let digit = place(2).width_mm;
    let mark = place(0).width_mm - 2.0 * digit;
    assert!((right(1) - right(0) - digit).abs() < 0.1);
    assert!((right(0) - right(2) - digit - mark).abs() < 0.1);
}

#[test]
fn a_table_looks_as_the_template_says() {
    let looks = json!({"head": {"fill": "#112233", "colour": "#ffffee", "bold": true}, "zebra": true, "zebra_fill": "#ddeeff",
        "grid": true, "line_colour": "#445566"});
    let columns = json!([name(), money("sum")]);
    let with = |members: &Json| {
        let mut members = members.clone();
        members["total_label"] = json!("All");
        let rendered = render(sales_document(members, &columns), &sales());
        assert_eq!(rendered.warnings, []);
        assert_on_paper(&rendered);
        rendered
    };
    let plain = with(&json!({}));
    let rendered = with(&looks);
    let svg = rendered.svg(0).expect("a page");
    for colour in ["#112233", "#ddeeff"] {
        assert_eq!(svg.matches(colour).count(), 1, "{colour}");
    }
    assert!(svg.contains("#ffffee"));
    // Three lines from top to bottom in four rows and two in the last one, one above the head and one below each row but the head's.
    assert_eq!(svg.matches("#445566").count(), 3 * 4 + 2 + 1 + 4);
    assert_eq!(text(&rendered), text(&plain));
    let height = |rendered: &Rendered| {
        let table = rendered
            .boxes(0)
            .iter()
            .find(|place| place.block == "sales");
        table.expect("the table").height_mm
    };
    let wide = with(&json!({"padding": 4}));
    // Five rows, each wider by what it has above and below.
    let more = 4.0 * 2.0 * (4.0 - 1.6) + 2.0 * (4.0 - 1.2);
    assert!((height(&wide) - height(&plain) - more).abs() < 0.05);
}

#[test]
fn taxes_have_a_table_of_their_own() {
    let parts = json!({
        "fields": [{"name": "taxes", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "rate", "kind": "decimal"}, {"name": "net", "kind": "money"}, {"name": "tax", "kind": "money"},
            {"name": "reason", "kind": "text", "optional": true}]}}],
        "blocks": [{"id": "taxes", "type": "tax_table", "taxes": "{{ taxes }}", "headings": {"rate": "VAT rate"}, "total_label": "Total"}]
    });
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let taxes = json!({"taxes": [
        {"rate": "19", "net": euros("100.00"), "tax": euros("19.00")},
        {"rate": "0", "net": euros("50.00"), "tax": euros("0.00"), "reason": "Reverse charge"}]});
    let rendered = render(parts.clone(), &taxes);
    assert_eq!(rendered.warnings, []);
    assert_eq!(
        text(&rendered),
        "VAT rate Net Tax Gross 19% 100.00 19.00 119.00 0% 50.00 0.00 50.00 Reverse charge Total 150.00 19.00 169.00"
    );
    // Without taxes there is none.
    let rendered = render(parts, &json!({"taxes": []}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), "");
}

#[test]
fn pairs_and_totals_are_written_as_chosen_too() {
    let parts = json!({
        "fields": [{"name": "due", "kind": "date"}, {"name": "net", "kind": "money"}, {"name": "rate", "kind": "decimal"}],
        "blocks": [
            {"id": "a", "type": "key_value", "items": [{"label": "Due", "value": "{{ due }}", "format": {"kind": "date", "style": "iso"}}]},
            {"id": "b", "type": "key_value", "columns": 2, "items": [{"label": "Rate", "value": "{{ rate }}", "format": {"kind": "percent"}}]},
            {"id": "c", "type": "totals", "lines": [
                {"label": "Net", "value": "{{ net }}", "format": {"kind": "money"}},
                {"label": "Netto", "value": "{{ net }}", "format": {"kind": "money", "language": "de"}}]}]
    });
    let values =
        json!({"due": "2027-03-08", "net": {"amount": "1485", "currency": "EUR"}, "rate": "7.5"});
    let rendered = render(parts, &values);
    assert_eq!(rendered.warnings, []);
    let found = text(&rendered);
    for words in [
        "Due 2027-03-08",
        "7.5%",
        "Net €1,485.00",
        "Netto 1.485,00 €",
    ] {
        assert!(found.contains(words), "{words} in {found}");
    }
}

#[test]
fn what_a_table_cannot_do_is_told_when_it_is_saved() {
    let table = |id: &str, members: Json, columns: Json| {
        let mut document = sales_document(members, &columns);
        document["blocks"][0]["id"] = json!(id);
        document["blocks"][0].take()
    };
    let problems = Template::parse(&json!({
        "format": "formwork-document/1",
        "blocks": [
            table("a", json!({"total_label": "T"}), json!([name(), {"value": "{{ item.amount }} EUR", "format": {"kind": "money"}, "total": "sum"}])),
            table("b", json!({"total_label": "T"}), json!([name(), {"value": "{{ item.amount | money }}", "total": "sum"}])),
            table("c", json!({"total_label": "T"}), json!([money("sum")])),
            table("d", json!({}), json!([name(), money("sum")])),
            table("e", json!({"total_label": "T"}), json!([name()])),
            table("f", json!({"group": {"by": "item.area"}, "keep_first": 0}), json!([{"value": "{{ item.day }}", "format": {"kind": "date", "style": "soon"}}])),
            table("g", json!({"head": {"fil": "line"}}), json!([{"value": "{{ item.amount }}", "format": {"kind": "money", "currency": "Euro", "decimals": 2}}]))]
    }))
    .expect_err("problems");
    let found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/blocks/0/columns/1/format", "format"),
            ("/blocks/1/columns/1/total", "total"),
            ("/blocks/2/columns/0/total", "total"),
            ("/blocks/3/total_label", "missing"),
            ("/blocks/4", "total"),
            ("/blocks/5/columns/0/format/style", "date_style"),
            ("/blocks/5/group/by", "group"),
            ("/blocks/5/keep_first", "out_of_range"),
            ("/blocks/6/columns/0/format/currency", "currency"),
            ("/blocks/6/columns/0/format/decimals", "unknown_member"),
            ("/blocks/6/head/fil", "unknown_member"),
        ]
    );
}
