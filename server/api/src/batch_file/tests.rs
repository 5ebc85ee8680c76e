//! Files as people make them, their columns, and what is wrong with their rows.

use engine::node::Webhook;

use super::*;

fn reader<'a>(trigger: &'a Trigger, constants: &'a Record, locale: &'a str) -> Reader<'a> {
    Reader {
        trigger,
        workflow_name: "Invoices",
        locale,
        workflow_locale: "en",
        time_zone: "UTC",
        currency: "EUR",
        constants,
    }
}

fn no_sheets(_: &str, _: &[u8], _: Option<&str>, _: &str, _: usize) -> Result<Sheet, StepError> {
    panic!("no workbook")
}

fn file(text: &str) -> File {
    File::read("f.csv", text.as_bytes(), None, "en", no_sheets).expect("a file")
}

fn form(fields: &Json) -> Trigger {
    let form = json!({"title": "Invoice", "fields": fields});
    Trigger::Form(serde_json::from_value(form).expect("a form"))
}

fn booking() -> Trigger {
    form(&json!([
        {"name": "guest", "label": "Name of the guest", "kind": "text", "required": true},
        {"name": "total", "label": "Total", "kind": "money", "required": true},
        {"name": "arrival", "label": "Arrival", "kind": "date"},
        {"name": "agreed", "label": "Agreed", "kind": "checkbox"},
        {"name": "room", "label": "Room", "kind": "select", "options": [{"value": "d", "title": "Double"}, {"value": "s"}]},
        {"name": "extras", "label": "Extras", "kind": "multi_select", "options": [{"value": "sauna"}, {"value": "bed, small"}]},
        {"name": "photo", "label": "Photo", "kind": "file"},
    ]))
}

#[test]
fn columns_are_found_whatever_their_spelling() {
    let constants = Record::new();
    let trigger = booking();
    let reader = reader(&trigger, &constants, "en");
    let check = |headings: &[&str], expected: &[Option<&str>]| {
        let headings: Vec<String> = headings.iter().map(|text| (*text).to_owned()).collect();
        let found = reader.suggest(&headings);
        let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, expected, "{headings:?}");
    };
    check(
        &["name_of_the-guest", " TOTAL "],
        &[Some("guest"), Some("total")],
    );
    check(&["Guest", "nameOfTheGuest"], &[Some("guest"), None]);
    check(&["Photo", "Note"], &[None, None]);
}

#[test]
fn every_row_is_read_as_people_write() {
    let constants = Record::new();
    let trigger = booking();
    let reader = reader(&trigger, &constants, "de");
    let file = file(
        "Guest;Total;Arrival;Agreed;Room;Extras\nKrön;1.234,50 €;8.3.2027;ja;double;sauna, bed\n\nMay;7;;;S;bed, small\n;x;soon;vielleicht;;\n",
    );
    let columns = reader.suggest(&file.headings);
    let reading = reader.read(&file, &columns);
    assert!(reading.problems.is_empty(), "{:?}", reading.problems);
    assert_eq!(reading.bad_rows(), [2, 5]);
    let told: Vec<_> = reading
        .told()
        .map(|one| {
            (
                one.code.as_str(),
                one.params["row"].as_u64(),
                one.params["column"].as_str(),
            )
        })
        .collect();
    assert_eq!(told[0], ("choice", Some(2), Some("Extras")));
    assert!(told.contains(&("required", Some(5), Some("Guest"))));
    assert!(told.contains(&("date", Some(5), Some("Arrival"))));
    let input = reading.rows[1].input.as_ref().expect("a sound row");
    assert_eq!(
        *input,
        json!({"guest": "May", "total": {"amount": "7.00", "currency": "EUR"}, "arrival": null, "agreed": false, "room": "s",
               "extras": ["bed, small"], "photo": null})
    );
}

#[test]
fn an_error_of_the_spreadsheet_is_a_problem_of_its_row() {
    let sheet: SheetReader = |_, _, _, _, _| {
        let row = |number, cells: [&str; 3], faults| SheetRow {
            number,
            cells: cells.map(str::to_owned).to_vec(),
            faults,
        };
        Ok(Sheet {
            rows: vec![
                row(1, ["Guest", "Total", "Note"], vec![]),
                row(2, ["#N/A", "#REF!", "#N/A"], vec![0, 1, 2]),
                row(3, ["#N/A", "7", "#N/A"], vec![2]),
            ],
            ..Sheet::default()
        })
    };
    let constants = Record::new();
    let trigger = booking();
    let reader = reader(&trigger, &constants, "en");
    let file = File::read("f.xlsx", b"PK\x03\x04", None, "en", sheet).expect("a file");
    let reading = reader.read(&file, &reader.suggest(&file.headings));
    let told: Vec<_> = reading
        .told()
        .map(|one| {
            (
                one.code.as_str(),
                &one.params["column"],
                &one.params["content"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("batch_cell_fault", &json!("Guest"), &json!("#N/A")),
            ("batch_cell_fault", &json!("Total"), &json!("#REF!")),
        ]
    );
    // A text is one, and a column that fills nothing is not looked at.
    assert_eq!(reading.bad_rows(), [2]);
}

#[test]
fn columns_that_do_not_do_are_told_before_rows_are_read() {
    let constants = Record::new();
    let trigger = form(&json!([
        {"name": "a", "label": "A", "kind": "text", "required": true},
        {"name": "b", "label": "B", "kind": "file", "required": true},
    ]));
    let reader = reader(&trigger, &constants, "en");
    let file = file("x;y\n1;2\n");
    let check = |columns: [Option<&str>; 2], expected: &[&str]| {
        let columns: Vec<_> = columns.iter().map(|one| one.map(str::to_owned)).collect();
        let reading = reader.read(&file, &columns);
        let codes: Vec<_> = reading
            .problems
            .iter()
            .map(|one| one.code.as_str())
            .collect();
        assert_eq!(codes, expected);
    };
    check(
        [None, None],
        &["batch_field_missing", "batch_field_no_cell"],
    );
    check(
        [Some("a"), Some("a")],
        &["batch_field_twice", "batch_field_no_cell"],
    );
    check(
        [Some("a"), Some("b")],
        &["batch_field_unknown", "batch_field_no_cell"],
    );
}

#[test]
fn records_are_filled_by_what_lies_in_them() {
    let constants = Record::new();
    let fields = serde_json::from_value(json!([
        {"name": "order_id", "title": "Order", "kind": "integer"},
        {"name": "customer", "title": "Customer", "kind": "record", "optional": true, "fields": [
            {"name": "city", "title": "City", "kind": "text"}]},
        {"name": "lines", "title": "Lines", "kind": "list", "item": {"kind": "text"}, "optional": true},
    ]))
    .expect("fields");
    let trigger = Trigger::Webhook(Webhook {
        fields,
        ..Webhook::default()
    });
    let reader = reader(&trigger, &constants, "en");
    let file = file("orderId;customer.city;Lines\n7;Bern;a\n8;;\nx;;\n");
    let columns = reader.suggest(&file.headings);
    assert_eq!(
        columns,
        [
            Some("order_id".to_owned()),
            Some("customer.city".to_owned()),
            None
        ]
    );
    let reading = reader.read(&file, &columns);
    let inputs: Vec<_> = reading
        .rows
        .iter()
        .map(|row| row.input.as_ref().ok())
        .collect();
    assert_eq!(inputs[0].expect("a row")["customer"]["city"], "Bern");
    assert_eq!(inputs[1].expect("a row")["order_id"], 8);
    assert_eq!(reading.bad_rows(), [4]);
    let told = reading.told().next().expect("a problem");
    assert_eq!(
        (told.code.as_str(), told.params["content"].as_str()),
        ("number", Some("x"))
    );
}

#[test]
fn a_file_has_no_more_rows_than_a_batch() {
    let read = |rows: usize| {
        let text = format!("a\n{}", "1\n".repeat(rows));
        File::read("f.csv", text.as_bytes(), None, "en", no_sheets).map(|file| file.row_count())
    };
    assert_eq!(read(MAX_ROWS).expect("a file"), MAX_ROWS);
    for (rows, code) in [
        (MAX_ROWS + 1, "batch_row_count"),
        (25_000, "batch_row_count"),
        (0, "batch_no_rows"),
    ] {
        assert_eq!(read(rows).expect_err("refused").code, code);
    }
}
