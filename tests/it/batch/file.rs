//! The file of a batch: texts and workbooks, columns that are matched with fields, rows in error, which begin nothing, and limits.

use formwork_tests::Office;
use rust_xlsxwriter::{Formula, Workbook};
use serde_json::json;

use super::{
    FINISHED, batches_path, codes, customers, file_of, letter, look, look_at_file, path, preview,
    rows, start_body, upload,
};

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_error_begin_nothing_and_are_left_out_only_on_purpose() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let file = "customer ;PRICE;Note\nAda;cheap;x\n;;\nBo;7;\n;8;\n";
    let seen = look(&owner, &workflow, file).await;
    assert_eq!(
        (&seen["bad_rows"], &seen["blank_rows"]),
        (&json!([2, 5]), &json!(1))
    );
    let told = &seen["problems"];
    assert_eq!(codes(told), ["number", "required"]);
    assert_eq!(
        (
            &told[0]["params"]["row"],
            &told[0]["params"]["column"],
            &told[0]["params"]["content"]
        ),
        (&json!(2), &json!("PRICE"), &json!("cheap"))
    );
    let batches = batches_path(&workflow);
    for leave_out in [&[][..], &[2]] {
        let refused = owner.post(&batches, start_body(&seen, leave_out)).await;
        assert_eq!(refused.status, 422);
    }
    let nothing = owner.post(&batches, start_body(&seen, &[2, 4, 5])).await;
    assert_eq!(codes(&nothing.json["problems"]), ["batch_all_left_out"]);
    assert_eq!(office.sql("select count(*) from batch"), "0");

    let made = owner
        .post(&batches, start_body(&seen, &[2, 5]))
        .await
        .expect(201);
    office.db.until(FINISHED, "1").await;
    assert_eq!(
        office.sql("select string_agg(input ->> 'customer', ',') from run"),
        "Bo"
    );
    let left_out = rows(&owner, &made, "?state=left_out").await;
    assert_eq!(left_out.len(), 2);
    assert_eq!(codes(&left_out[0]["problems"]), ["number"]);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_matched_by_people() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let seen = look(&owner, &workflow, "Who;Sum\nAda;7\n").await;
    assert_eq!(codes(&seen["column_problems"]), ["batch_field_missing"]);
    let matched = json!({"file": seen["file"], "locale": "de", "columns": ["customer", "price"]});
    let mut seen_again = preview(&owner, &workflow, matched).await.expect(200);
    assert_eq!(
        (
            &seen_again["problem_count"],
            &seen_again["sample"][0]["cells"]
        ),
        (&json!(0), &json!(["Ada", "7"]))
    );
    seen_again["file"] = seen["file"].clone();
    // Another version asks other things.
    let mut document = letter(&customers());
    document["nodes"][0]["config"]["title"] = json!("Another letter");
    let draft = json!({"base_revision": 1, "document": document});
    let saved = owner
        .put(&format!("{}/draft", path(&workflow)), draft)
        .await
        .expect(200);
    let publish = json!({"base_revision": saved["revision"]});
    owner
        .post(&format!("{}/publish", path(&workflow)), publish)
        .await
        .expect(201);
    let batches = batches_path(&workflow);
    let stale = owner.post(&batches, start_body(&seen_again, &[])).await;
    assert_eq!(
        (stale.status, stale.json["type"].as_str()),
        (409, Some("batch_version_changed"))
    );
    // No step takes values.
    let clock = json!({
        "format": "formwork/1", "name": "Clock", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "clock", "type": "schedule_trigger", "version": 1, "name": "Clock", "config": {"mode": "daily", "at": "07:00"}},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": "{{ clock.date }}"}}],
        "edges": [{"from": "clock", "port": "out", "to": "text"}]});
    let clock = office.publish(&owner, clock).await;
    let body = json!({"file": seen["file"], "locale": "de"});
    let none = preview(&owner, &clock, body).await;
    assert_eq!(codes(&none.json["problems"]), ["batch_no_trigger"]);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_a_file_as_well() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let book = workbook(&[
        ["Customer", "Price"],
        ["Ada", "1234.5"],
        ["", ""],
        ["Bo", "7"],
    ]);
    let seen = look_at_file(&owner, &workflow, "rows.xlsx", book).await;
    assert_eq!(
        (
            &seen["row_count"],
            &seen["problem_count"],
            &seen["encoding"]
        ),
        (&json!(2), &json!(0), &json!(null))
    );
    // Numbers are written as the language does, so that none is taken for another.
    assert_eq!(seen["sample"][0]["cells"], json!(["Ada", "1234,5"]));
    assert_eq!(seen["sample"][1]["number"], 4);
    let broken = upload(&owner, &workflow, "a.xlsx", b"PK\x03\x04 broken".to_vec())
        .await
        .expect(201);
    let body = json!({"file": broken["file"], "locale": "de"});
    let told = preview(&owner, &workflow, body).await;
    assert_eq!(
        (told.status, codes(&told.json["problems"])),
        (422, vec!["not_a_workbook"])
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_of_a_workbook_is_chosen() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let mut book = Workbook::new();
    for (name, texts) in [
        ("Blank", vec![]),
        ("Notes", vec!["What this is about"]),
        ("2026", vec!["Customer", "Ada"]),
        ("2027", vec!["Customer", "Bo", "Cy"]),
    ] {
        let sheet = book.add_worksheet();
        sheet.set_name(name).expect("a name");
        for (row, text) in (0..).zip(texts) {
            sheet.write(row, 0, text).expect("a text");
        }
    }
    let bytes = book.save_to_buffer().expect("a workbook");
    let file = upload(&owner, &workflow, "rows.xlsx", bytes)
        .await
        .expect(201)["file"]
        .clone();
    let look_at = async |sheet: Option<&str>| {
        let body = json!({"file": file, "locale": "en", "sheet": sheet});
        preview(&owner, &workflow, body).await
    };
    // The first one that is not empty; which others there are is told even if that one has no rows.
    let first = look_at(None).await.expect(200);
    assert_eq!(
        (&first["sheet"], &first["sheets"]),
        (&json!("Notes"), &json!(["Blank", "Notes", "2026", "2027"]))
    );
    assert_eq!(codes(&first["column_problems"]), ["batch_no_rows"]);
    assert_eq!(look_at(Some(" ")).await.expect(200)["sheet"], "Notes");
    let blank = look_at(Some("Blank")).await.expect(200);
    assert_eq!(codes(&blank["column_problems"]), ["no_heading_row"]);
    let none = look_at(Some("2028")).await;
    assert_eq!(
        (none.status, codes(&none.json["problems"])),
        (422, vec!["no_sheet"])
    );

    // Nothing begins of such a sheet.
    let mut body = start_body(&first, &[]);
    body["file"] = file.clone();
    let batches = batches_path(&workflow);
    let refused = owner.post(&batches, body).await;
    assert_eq!(
        (refused.status, codes(&refused.json["problems"])),
        (422, vec!["batch_no_rows"])
    );

    let mut seen = look_at(Some("2027")).await.expect(200);
    assert_eq!(
        (&seen["row_count"], &seen["problem_count"]),
        (&json!(2), &json!(0))
    );
    seen["file"] = file.clone();
    let mut body = start_body(&seen, &[]);
    body["sheet"] = seen["sheet"].clone();
    owner.post(&batches, body).await.expect(201);
    office.db.until(FINISHED, "1").await;
    assert_eq!(
        office.sql("select string_agg(input ->> 'customer', ',' order by id) from run"),
        "Bo,Cy"
    );
    // A text has none.
    let text = look(&owner, &workflow, &file_of(1)).await;
    assert_eq!(
        (&text["sheet"], &text["sheets"]),
        (&json!(null), &json!([]))
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_spreadsheet_fills_nothing() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write(0, 0, "Customer").expect("a heading");
    sheet.write(1, 0, "Ada").expect("a text");
    let lookup = Formula::new("=VLOOKUP(7,A1:A2,1,FALSE)").set_result("#N/A");
    sheet.write_formula(2, 0, lookup).expect("a formula");
    let bytes = book.save_to_buffer().expect("a workbook");
    let seen = look_at_file(&owner, &workflow, "rows.xlsx", bytes).await;
    assert_eq!(codes(&seen["problems"]), ["batch_cell_fault"]);
    let params = &seen["problems"][0]["params"];
    assert_eq!(
        (&params["row"], &params["column"], &params["content"]),
        (&json!(3), &json!("Customer"), &json!("#N/A"))
    );
    let batches = batches_path(&workflow);
    let refused = owner.post(&batches, start_body(&seen, &[])).await;
    assert_eq!(refused.status, 422);
    owner
        .post(&batches, start_body(&seen, &[3]))
        .await
        .expect(201);
    office.db.until(FINISHED, "1").await;
    assert_eq!(
        office.sql("select string_agg(input ->> 'customer', ',') from run"),
        "Ada"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    for (text, code) in [
        (file_of(5_001), "batch_row_count"),
        ("Customer\n".to_owned(), "batch_no_rows"),
        (String::new(), "csv_empty"),
        ("a\0b\n1\n".to_owned(), "csv_no_text"),
    ] {
        let file = upload(&owner, &workflow, "rows.csv", text.into_bytes())
            .await
            .expect(201);
        let body = json!({"file": file["file"], "locale": "en"});
        let told = preview(&owner, &workflow, body).await;
        assert_eq!(
            (told.status, codes(&told.json["problems"])),
            (422, vec![code])
        );
    }
    let large = upload(
        &owner,
        &workflow,
        "rows.csv",
        vec![b'a'; 10 * 1024 * 1024 + 1],
    )
    .await;
    assert_eq!(
        (large.status, large.json["type"].as_str()),
        (413, Some("body_too_large"))
    );
    // A question that no cell answers.
    let photo = json!([{"name": "photo", "label": "Photo", "kind": "file", "required": true}]);
    let mut document = letter(&photo);
    document["nodes"][1]["config"]["template"] = json!("Thanks");
    let workflow = office.publish(&owner, document).await;
    let seen = look(&owner, &workflow, "Photo\na.png\n").await;
    assert_eq!(codes(&seen["column_problems"]), ["batch_field_no_cell"]);
    office.close().await;
}

/// A workbook with these cells; what reads as a number is one.
fn workbook(rows: &[[&str; 2]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            let written = match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number).map(drop),
                Err(_) if cell.is_empty() => Ok(()),
                Err(_) => sheet.write_string(row, column, *cell).map(drop),
            };
            written.expect("a cell");
        }
    }
    book.save_to_buffer().expect("a workbook")
}
