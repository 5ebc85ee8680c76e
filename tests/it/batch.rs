//! Batches: a run for each row of a file, exactly one whoever dies, none for a row in error, and all of their documents in one file.

use std::{
    io::{Cursor, Read as _},
    path::Path,
    process::Command,
};

use engine::ids::RunId;
use formwork_tests::{
    Office,
    office::{Answer, Caller},
    process::{Installation, Role},
};
use reqwest::Method;
use rust_xlsxwriter::{Formula, Workbook};
use serde_json::{Value as Json, json};
use store::{
    Store, StoreError,
    batch::Feeder,
    run::{self, Retry},
};
use zip::ZipArchive;

/// A form and a text of its answers.
fn letter(fields: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Letter", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Letter", "fields": fields}},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": "Dear {{ form.customer }}"}}],
        "edges": [{"from": "form", "port": "out", "to": "text"}]
    })
}

fn customers() -> Json {
    json!([
        {"name": "customer", "label": "Customer", "kind": "text", "required": true},
        {"name": "price", "label": "Price", "kind": "money"},
    ])
}

/// A form and a page of its answers.
fn offer() -> Json {
    json!({
        "format": "formwork/1", "name": "Offer", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Offer", "fields": customers()}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "offer", "file_name": "offer.pdf", "values": {"customer": "{{ form.customer }}"}}}],
        "edges": [{"from": "form", "port": "out", "to": "page"}],
        "documents": {"offer": {
            "format": "formwork-document/1", "fields": [{"name": "customer", "title": "Customer", "kind": "text"}],
            "blocks": [{"id": "a", "type": "text", "text": "For {{ customer }}"}]
        }}
    })
}

/// A workflow whose runs wait until somebody ends them.
fn waiting() -> Json {
    let mut document = letter(&customers());
    document["nodes"][1] = json!({"id": "text", "type": "delay", "version": 1, "name": "Wait",
        "config": {"mode": "for", "amount": "1", "unit": "days"}});
    document
}

/// `Customer 1` to `Customer n`.
fn file_of(rows: usize) -> String {
    let mut file = String::from("Customer;Price\n");
    (1..=rows).for_each(|number| file.push_str(&format!("Customer {number};{number},50\n")));
    file
}

async fn upload(caller: &Caller, workflow: &Json, name: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("{}/batch-files?name={name}", path(workflow));
    let request = caller.request(Method::POST, &path).body(bytes);
    caller.send(request).await
}

fn path(workflow: &Json) -> String {
    format!("/api/workflows/{}", workflow["id"].as_str().expect("an id"))
}

/// Hands a file in and looks at it.
async fn look(caller: &Caller, workflow: &Json, text: &str) -> Json {
    let bytes = text.as_bytes().to_vec();
    let file = upload(caller, workflow, "rows.csv", bytes)
        .await
        .expect(201)["file"]
        .clone();
    let body = json!({"file": file, "locale": "de"});
    let mut seen = caller
        .post(&format!("{}/batches/preview", path(workflow)), body)
        .await
        .expect(200);
    seen["file"] = file;
    seen
}

/// What starting takes, as it was looked at.
fn start_body(seen: &Json, leave_out: &[u32]) -> Json {
    let headings = seen["headings"].as_array().expect("headings");
    let columns: Vec<&Json> = headings.iter().map(|heading| &heading["field"]).collect();
    json!({"file": seen["file"], "locale": "de", "trigger": seen["trigger"], "columns": columns, "version": seen["version"],
           "leave_out": leave_out})
}

async fn start(caller: &Caller, workflow: &Json, text: &str) -> Json {
    let seen = look(caller, workflow, text).await;
    let body = start_body(&seen, &[]);
    let path = format!("{}/batches", path(workflow));
    caller.post(&path, body).await.expect(201)
}

fn batch_path(batch: &Json) -> String {
    format!("/api/batches/{}", batch["id"].as_str().expect("an id"))
}

async fn rows(caller: &Caller, batch: &Json, query: &str) -> Vec<Json> {
    let page = caller
        .get(&format!("{}/rows{query}", batch_path(batch)))
        .await
        .expect(200);
    page["items"].as_array().expect("items").clone()
}

/// A look at every batch; whether one is under way.
async fn pass(store: &Store) -> bool {
    Feeder::default().pass(store, &[]).await.expect("a pass")
}

const FINISHED: &str = "select count(*) from batch where state = 'finished'";

fn codes(problems: &Json) -> Vec<&str> {
    let problems = problems.as_array().expect("problems").iter();
    problems
        .filter_map(|problem| problem["code"].as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_a_run() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let seen = look(&owner, &workflow, &file_of(500)).await;
    assert_eq!(
        (&seen["row_count"], &seen["problem_count"]),
        (&json!(500), &json!(0))
    );
    assert_eq!(
        seen["headings"][1],
        json!({"text": "Price", "field": "price"})
    );
    // Looking begins nothing.
    assert_eq!(
        office.sql("select (select count(*) from batch) + (select count(*) from run)"),
        "0"
    );

    let batches = format!("{}/batches", path(&workflow));
    let made = owner
        .post(&batches, start_body(&seen, &[]))
        .await
        .expect(201);
    assert_eq!(office.sql("select count(*) from batch_row"), "500");
    office.db.until(FINISHED, "1").await;
    let batch = owner.get(&batch_path(&made)).await.expect(200);
    assert_eq!(batch["counts"]["succeeded"], 500);
    assert_eq!(
        office.sql("select count(*), count(distinct input ->> 'customer'), max(priority), bool_and(source = 'batch') from run"),
        "500|500|0|t"
    );
    assert_eq!(
        office.sql("select count(*) from batch_row where input is not null"),
        "0"
    );
    let first = &rows(&owner, &made, "").await[0];
    assert_eq!(
        (&first["number"], &first["title"], &first["state"]),
        (&json!(2), &json!("Customer 1"), &json!("succeeded"))
    );
    let run = owner
        .get(&format!(
            "/api/runs/{}",
            first["run"].as_str().expect("a run")
        ))
        .await
        .expect(200);
    assert_eq!(
        run["input"]["price"],
        json!({"amount": "1.50", "currency": "EUR"})
    );
    assert_eq!(
        run["batch"],
        json!({"id": made["id"], "name": "rows.csv", "row": 2})
    );
    // Pages of rows and the list of batches.
    let second = owner
        .get(&format!("{}/rows?after=201", batch_path(&made)))
        .await
        .expect(200);
    assert_eq!(
        (
            second["items"][0]["number"].as_i64(),
            second["next"].as_str()
        ),
        (Some(202), Some("401"))
    );
    let listed = owner.get(&batches).await.expect(200);
    assert_eq!(listed["items"][0]["name"], "rows.csv");
    // The file is kept, and only once: it starts no second batch.
    let kept = owner.get(batch["file_url"].as_str().expect("a file")).await;
    assert_eq!(kept.body, file_of(500).as_bytes());
    let again = owner.post(&batches, start_body(&seen, &[])).await;
    assert_eq!(
        (again.status, codes(&again.json["problems"])),
        (422, vec!["batch_file_gone"])
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_doubles_and_loses_no_row() {
    let site = Installation::new(&[("FORMWORK_LEASE_SECONDS", "2")]).await;
    let mut server = site.start(Role::Run, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let workflow = owner.publish(letter(&customers())).await;
    start(&owner, &workflow, &file_of(500)).await;
    for begun in [40, 160, 320] {
        let query = format!("select count(*) >= {begun} from run");
        site.until(&query, "t").await;
        server.kill();
        server = site.start(Role::Run, None);
        site.answers(&mut server).await;
    }
    site.until(FINISHED, "1").await;
    let counted = "select count(*), count(distinct input ->> 'customer'), count(*) filter (where state = 'succeeded') from run";
    assert_eq!(site.db.sql(counted), "500|500|500");
    let rows = "select count(*), count(distinct run_id) from batch_row where state = 'succeeded'";
    assert_eq!(site.db.sql(rows), "500|500");
    server.stop();
}

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
    let batches = format!("{}/batches", path(&workflow));
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
    let preview = format!("{}/batches/preview", path(&workflow));
    let matched = json!({"file": seen["file"], "locale": "de", "columns": ["customer", "price"]});
    let mut seen_again = owner.post(&preview, matched).await.expect(200);
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
    let batches = format!("{}/batches", path(&workflow));
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
    let none = owner
        .post(&format!("{}/batches/preview", path(&clock)), body)
        .await;
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
    let file = upload(&owner, &workflow, "rows.xlsx", book)
        .await
        .expect(201)["file"]
        .clone();
    let preview = format!("{}/batches/preview", path(&workflow));
    let seen = owner
        .post(&preview, json!({"file": file, "locale": "de"}))
        .await
        .expect(200);
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
    let told = owner
        .post(&preview, json!({"file": broken["file"], "locale": "de"}))
        .await;
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
    let preview = format!("{}/batches/preview", path(&workflow));
    let look_at = async |sheet: Option<&str>| {
        let body = json!({"file": file, "locale": "en", "sheet": sheet});
        owner.post(&preview, body).await
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
    let batches = format!("{}/batches", path(&workflow));
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
    let file = upload(&owner, &workflow, "rows.xlsx", bytes)
        .await
        .expect(201)["file"]
        .clone();
    let preview = format!("{}/batches/preview", path(&workflow));
    let mut seen = owner
        .post(&preview, json!({"file": file, "locale": "de"}))
        .await
        .expect(200);
    assert_eq!(codes(&seen["problems"]), ["batch_cell_fault"]);
    let params = &seen["problems"][0]["params"];
    assert_eq!(
        (&params["row"], &params["column"], &params["content"]),
        (&json!(3), &json!("Customer"), &json!("#N/A"))
    );
    seen["file"] = file;
    let batches = format!("{}/batches", path(&workflow));
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
async fn a_stopped_batch_begins_no_row_until_it_is_resumed() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    // So that the office's own executor does not begin them all at once.
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(30)).await;
    let store = office.db.store().await;
    assert!(pass(&store).await);
    assert_eq!(office.sql("select count(*) from run"), "25");
    let path = batch_path(&made);
    let stopped = owner
        .post(&format!("{path}/stop"), json!({"runs": false}))
        .await
        .expect(200);
    assert_eq!(stopped["state"], "stopped");
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "25");
    let retry = owner.post(&format!("{path}/retry"), json!({})).await;
    assert_eq!(
        (retry.status, retry.json["type"].as_str()),
        (409, Some("batch_stopped"))
    );

    owner
        .post(&format!("{path}/resume"), json!({}))
        .await
        .expect(200);
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "30");

    // Those that have begun are stopped as well, bit by bit; then nothing is left to do.
    owner
        .post(&format!("{path}/stop"), json!({"runs": true}))
        .await
        .expect(200);
    for _ in 0..3 {
        pass(&store).await;
    }
    let done = owner.get(&path).await.expect(200);
    assert_eq!(
        (&done["state"], &done["counts"]["cancelled"]),
        (&json!("finished"), &json!(30))
    );
    assert!(!pass(&store).await);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_looked_at_when_something_tells_that_there_is_something_to_do() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(60)).await;
    let store = office.db.store().await;
    let mut feeder = Feeder::default();
    let mut look = async |over: &[RunId]| {
        feeder.pass(&store, over).await.expect("a pass");
        office.sql("select count(*) from run")
    };
    let end = |row: u32| -> RunId {
        let run = format!("(select run_id from batch_row where number = {row})");
        office.sql(&format!(
            "update run set state = 'cancelled', finished_at = now() where id = {run}"
        ));
        office.sql(&format!("select {run}")).parse().expect("an id")
    };
    assert_eq!(look(&[]).await, "25");
    assert_eq!(look(&[]).await, "50");
    // There is no more room, and nothing changes: the next pass leaves it alone, the one after it does not.
    assert_eq!(look(&[]).await, "50");
    end(2);
    assert_eq!(look(&[]).await, "50");
    assert_eq!(look(&[]).await, "51");
    // Whoever hears of the end of a run begins the next row at once.
    assert_eq!(look(&[]).await, "51");
    let over = end(3);
    assert_eq!(look(&[over]).await, "52");
    // So does whoever sees what people have done.
    assert_eq!(look(&[]).await, "52");
    let stop = format!("{}/stop", batch_path(&made));
    owner.post(&stop, json!({"runs": true})).await.expect(200);
    assert_eq!(look(&[]).await, "52");
    let cancelled = "select count(*) > 2 from batch_row where state = 'cancelled'";
    assert_eq!(office.sql(cancelled), "t");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_begun_of_a_stopped_batch_is_discarded() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(30)).await;
    let store = office.db.store().await;
    pass(&store).await;
    let path = batch_path(&made);
    let early = owner.post(&format!("{path}/discard"), json!({})).await;
    assert_eq!(
        (early.status, early.json["type"].as_str()),
        (409, Some("batch_not_stopped"))
    );
    owner
        .post(&format!("{path}/stop"), json!({"runs": false}))
        .await
        .expect(200);
    let discarded = owner
        .post(&format!("{path}/discard"), json!({}))
        .await
        .expect(200);
    // It is no longer stopped, so that nothing can be resumed, and ends with its runs.
    assert_eq!(discarded["state"], "running");
    assert_eq!(
        (
            &discarded["counts"]["ready"],
            &discarded["counts"]["begun"],
            &discarded["counts"]["discarded"]
        ),
        (&json!(0), &json!(25), &json!(5))
    );
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "25");
    assert_eq!(
        office.sql("select count(*) from batch_row where input is not null"),
        "0"
    );
    let shown = rows(&owner, &made, "?state=discarded").await;
    assert_eq!(shown.len(), 5);
    assert_eq!(
        (&shown[0]["title"], &shown[0]["state"]),
        (&json!("Customer 26"), &json!("discarded"))
    );
    owner
        .post(&format!("{path}/stop"), json!({"runs": true}))
        .await
        .expect(200);
    for _ in 0..3 {
        pass(&store).await;
    }
    assert_eq!(
        owner.get(&path).await.expect(200)["state"],
        json!("finished")
    );
    // There is nothing left to discard.
    owner
        .post(&format!("{path}/discard"), json!({}))
        .await
        .expect(200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_which_nothing_began_ends_when_it_is_discarded() {
    let (office, owner) = Office::open().await;
    let mut fields = customers();
    fields[1]["store"] = json!("never");
    let workflow = office.publish(&owner, letter(&fields)).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    let path = batch_path(&made);
    for (ask, body) in [("stop", json!({"runs": false})), ("discard", json!({}))] {
        owner.post(&format!("{path}/{ask}"), body).await.expect(200);
    }
    let over = owner.get(&path).await.expect(200);
    // What may hold private values is not kept for rows that never begin.
    assert_eq!(
        (&over["state"], &over["file_url"]),
        (&json!("finished"), &json!(null))
    );
    assert_eq!(
        office.sql("select count(*) from artifact where name = 'rows.csv'"),
        "0"
    );
    // Nothing holds it back when its time is over.
    office.sql("delete from retention");
    office.sql("update batch set created_at = now() - interval '91 days'");
    let store = office.db.store().await;
    store::maintenance::pass(&store).await.unwrap();
    assert_eq!(office.sql("select count(*) from batch"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_failed_are_tried_again_by_the_run_that_takes_their_place() {
    let (office, owner) = Office::open().await;
    let mut document = letter(&customers());
    document["nodes"][1]["config"]["template"] = json!("{{ 1 / (form.customer | length - 10) }}");
    let workflow = office.publish(&owner, document).await;
    let made = start(&owner, &workflow, &file_of(3)).await;
    office.db.until(FINISHED, "1").await;
    assert_eq!(rows(&owner, &made, "?state=failed").await.len(), 3);
    let retried = owner
        .post(&format!("{}/retry", batch_path(&made)), json!({}))
        .await
        .expect(200);
    assert_eq!(retried, json!({"retried": 3, "gone": 0}));
    office
        .db
        .until("select count(*) from run where retry_of is not null", "3")
        .await;
    office.db.until(FINISHED, "1").await;
    // One by hand takes its row over, too.
    let row = &rows(&owner, &made, "").await[0];
    let run = row["run"].as_str().expect("a run");
    owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await
        .expect(202);
    office.db.until(FINISHED, "1").await;
    assert_ne!(rows(&owner, &made, "").await[0]["run"], row["run"]);
    // The one that it took over from still tells its row.
    let old = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(old["batch"]["row"], 2);
    assert_eq!(
        office.sql("select count(*), count(distinct first_run) from run"),
        "7|3"
    );
    // Somebody waits for the one that was tried by hand.
    assert_eq!(
        office.sql("select sum(priority) from run where retry_of is not null"),
        "1"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_batch_tries_no_row_again_until_it_is_resumed() {
    let (office, owner) = Office::open().await;
    let mut document = letter(&customers());
    document["nodes"][1]["config"]["template"] = json!("{{ 1 / (form.customer | length - 10) }}");
    let workflow = office.publish(&owner, document).await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    office.db.until(FINISHED, "1").await;
    office.rest().await;
    let path = batch_path(&made);
    owner
        .post(&format!("{path}/retry"), json!({}))
        .await
        .expect(200);
    owner
        .post(&format!("{path}/stop"), json!({"runs": false}))
        .await
        .expect(200);
    // Who saw it before it was stopped.
    let store = office.db.store().await;
    let slug = office.sql("select slug from workflow");
    let public = store::link::workflow(&store, &slug).await.expect("a form");
    let row = rows(&owner, &made, "").await.remove(0);
    let run = row["run"].as_str().expect("a run");
    let again = Retry {
        unattended: true,
        ..Retry::default()
    };
    let refused = run::retry(&store, &public.scope, run.parse().expect("an id"), again).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                code: "batch_stopped",
                ..
            })
        ),
        "{refused:?}"
    );
    let asking = "select count(*) from batch_row where retry";
    assert_eq!(office.sql(asking), "2");
    // Whoever tries one by hand knows what they do.
    owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await
        .expect(202);
    assert_eq!(office.sql(asking), "1");
    pass(&store).await;
    let retries = "select count(*) from run where retry_of is not null";
    assert_eq!(office.sql(retries), "1");
    owner
        .post(&format!("{path}/resume"), json!({}))
        .await
        .expect(200);
    pass(&store).await;
    assert_eq!(office.sql(retries), "2");
    assert_eq!(office.sql(asking), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_runs_are_gone_are_told_when_failed_ones_are_tried_again() {
    let (office, owner) = Office::open().await;
    let mut document = letter(&customers());
    document["nodes"][1]["config"]["template"] = json!("{{ 1 / (form.customer | length - 10) }}");
    let workflow = office.publish(&owner, document).await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    office.db.until(FINISHED, "1").await;
    // As if the time of the first one were over.
    office.sql("delete from run where id = (select run_id from batch_row where number = 2)");
    let retry = format!("{}/retry", batch_path(&made));
    let asked = owner.post(&retry, json!({})).await.expect(200);
    assert_eq!(asked, json!({"retried": 1, "gone": 1}));
    office.db.until(FINISHED, "1").await;
    office.sql("delete from run");
    let none = owner.post(&retry, json!({})).await;
    assert_eq!(
        (none.status, none.json["type"].as_str()),
        (409, Some("batch_nothing_to_retry"))
    );
    assert_eq!(
        owner.get(&batch_path(&made)).await.expect(200)["state"],
        "finished"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_while_the_workflow_is_off() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    owner
        .patch(&path(&workflow), json!({"state": "off"}))
        .await
        .expect(200);
    let store = office.db.store().await;
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "0");
    assert_eq!(owner.get(&batch_path(&made)).await.expect(200)["off"], true);
    owner
        .patch(&path(&workflow), json!({"state": "live"}))
        .await
        .expect(200);
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "2");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_documents_come_as_a_zip_or_bound_as_one_pdf() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, offer()).await;
    let empty = start(
        &owner,
        &office.publish(&owner, letter(&customers())).await,
        &file_of(1),
    )
    .await;
    let made = start(&owner, &workflow, "Customer\n\"Müller, Ada\"\nBo\nCy\n").await;
    office.db.until(FINISHED, "2").await;
    let path = batch_path(&made);
    let counted = owner.get(&format!("{path}/documents")).await.expect(200);
    assert_eq!(
        (&counted["count"], &counted["pdf_count"]),
        (&json!(3), &json!(3))
    );

    let zip = owner.get(&format!("{path}/documents.zip")).await;
    assert_eq!(
        (zip.status, zip.header("content-type")),
        (200, "application/zip")
    );
    let mut archive = ZipArchive::new(Cursor::new(zip.body)).expect("a ZIP");
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.expect("a name").into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "0002 Müller, Ada - offer.pdf",
            "0003 Bo - offer.pdf",
            "0004 Cy - offer.pdf"
        ]
    );
    let mut first = Vec::new();
    archive
        .by_index(0)
        .expect("a file")
        .read_to_end(&mut first)
        .expect("whole");
    assert!(first.starts_with(b"%PDF-"));

    let bound = owner.get(&format!("{path}/documents.pdf")).await;
    assert_eq!(
        (bound.status, bound.header("content-type")),
        (200, "application/pdf")
    );
    let file =
        tempfile::NamedTempFile::new_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a file");
    std::fs::write(file.path(), &bound.body).expect("written");
    assert_eq!(ask("qpdf", &["--show-npages"], file.path()).trim(), "3");
    let said = ask("qpdf", &["--check"], file.path());
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
    let text = ask("pdftotext", &[], file.path());
    let places = ["For Müller, Ada", "For Bo", "For Cy"].map(|line| text.find(line));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    // It says nothing of itself that was not shown.
    let bytes = String::from_utf8_lossy(&bound.body);
    assert!(!bytes.contains("StructTreeRoot") && !bytes.contains("pdfaid"));

    // Whoever asks first is told the same without the file.
    let zip = format!("{path}/documents.zip?check=true");
    assert_eq!(owner.get(&zip).await.status, 204);
    for ending in ["zip", "zip?check=true", "pdf"] {
        let none = owner
            .get(&format!("{}/documents.{ending}", batch_path(&empty)))
            .await;
        assert_eq!(
            (none.status, none.json["type"].as_str()),
            (409, Some("batch_no_documents"))
        );
    }
    office.close().await;
}

/// A workflow that others call and that makes a page of this name, with further steps behind it.
fn called(file: &str, further: &[Json]) -> Json {
    let mut document = offer();
    document["nodes"][0] = json!({"id": "form", "type": "call_input", "version": 1, "name": "Call",
        "config": {"fields": [{"name": "customer", "title": "Customer", "kind": "text"}]}});
    document["nodes"][1]["config"]["file_name"] = json!(file);
    with_steps(document, further)
}

/// The page's document with further steps, one after the other.
fn with_steps(mut document: Json, further: &[Json]) -> Json {
    let mut last = json!("page");
    for step in further {
        let edge = json!({"from": last, "port": "out", "to": step["id"]});
        last = step["id"].clone();
        document["edges"].as_array_mut().expect("edges").push(edge);
        document["nodes"]
            .as_array_mut()
            .expect("nodes")
            .push(step.clone());
    }
    document
}

fn call(id: &str, workflow: &Json) -> Json {
    json!({"id": id, "type": "workflow_call", "version": 1, "name": id, "on_error": "continue",
        "config": {"workflow": workflow["id"], "values": {"customer": "{{ form.customer }}"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_of_called_runs_come_too_unless_they_failed() {
    let (office, owner) = Office::open().await;
    let annex = owner.publish(called("annex.pdf", &[])).await;
    let terms = owner
        .publish(called("terms.pdf", &[call("annex", &annex)]))
        .await;
    let halt = json!({"id": "halt", "type": "stop", "version": 1, "name": "Halt", "config": {"ends": "with_error", "message": "No."}});
    // What it calls succeeds, and comes to nothing with it.
    let void = owner
        .publish(called("void.pdf", &[call("annex", &annex), halt]))
        .await;
    let steps = [call("terms", &terms), call("void", &void)];
    let workflow = owner.publish(with_steps(offer(), &steps)).await;
    let made = start(&owner, &workflow, "Customer\nAda\nBo\n").await;
    office.db.until(FINISHED, "1").await;
    let names = async || {
        let path = format!("{}/documents.zip", batch_path(&made));
        let zip = owner.get(&path).await;
        assert_eq!(zip.status, 200, "{}", zip.json);
        let archive = ZipArchive::new(Cursor::new(zip.body)).expect("a ZIP");
        archive
            .file_names()
            .map(|name| name.expect("a name").into_owned())
            .collect::<Vec<String>>()
    };
    let expected = [
        "0002 Ada - offer.pdf",
        "0002 Ada - terms.pdf",
        "0002 Ada - annex.pdf",
        "0003 Bo - offer.pdf",
        "0003 Bo - terms.pdf",
        "0003 Bo - annex.pdf",
    ];
    assert_eq!(names().await, expected);
    // A retry keeps the first call and makes the second anew.
    let first = rows(&owner, &made, "").await[0]["run"].clone();
    let first = first.as_str().expect("a run");
    owner
        .post(
            &format!("/api/runs/{first}/retry"),
            json!({"from_node": "void"}),
        )
        .await
        .expect(202);
    office
        .db
        .until("select count(*) from run where finished_at is null", "0")
        .await;
    office.db.until(FINISHED, "1").await;
    assert_eq!(names().await, expected);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let preview = format!("{}/batches/preview", path(&workflow));
    for (text, code) in [
        (file_of(5_001), "batch_row_count"),
        ("Customer\n".to_owned(), "batch_no_rows"),
        (String::new(), "csv_empty"),
        ("a\0b\n1\n".to_owned(), "csv_no_text"),
    ] {
        let file = upload(&owner, &workflow, "rows.csv", text.into_bytes())
            .await
            .expect(201);
        let told = owner
            .post(&preview, json!({"file": file["file"], "locale": "en"}))
            .await;
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

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_another_workspace_are_not_there() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    let made = start(&owner, &workflow, &file_of(1)).await;
    office.db.until(FINISHED, "1").await;
    // As if it were somebody else's.
    office.sql(
        "insert into workspace (id, name) values ('00000000-0000-7000-8000-000000000001', 'Other')",
    );
    office.sql("update batch_row set workspace_id = '00000000-0000-7000-8000-000000000001'");
    office.sql("update batch set workspace_id = '00000000-0000-7000-8000-000000000001'");
    let path = batch_path(&made);
    for place in [
        "",
        "/rows",
        "/documents",
        "/documents.zip",
        "/documents.pdf",
    ] {
        assert_eq!(
            owner.get(&format!("{path}{place}")).await.status,
            404,
            "{place}"
        );
    }
    for (place, body) in [
        ("/stop", json!({"runs": true})),
        ("/resume", json!({})),
        ("/discard", json!({})),
        ("/retry", json!({})),
    ] {
        assert_eq!(
            owner.post(&format!("{path}{place}"), body).await.status,
            404,
            "{place}"
        );
    }
    let listed = owner
        .get(&format!("{}/batches", self::path(&workflow)))
        .await
        .expect(200);
    assert_eq!(listed["items"], json!([]));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_hold_private_values_is_not_kept() {
    let (office, owner) = Office::open().await;
    let mut fields = customers();
    fields[1]["store"] = json!("never");
    let workflow = office.publish(&owner, letter(&fields)).await;
    let seen = look(&owner, &workflow, "Customer;Price\nAda;secret\nBo;7\n").await;
    assert_eq!(seen["problems"][0]["params"]["content"], json!(null));
    let batches = format!("{}/batches", path(&workflow));
    let made = owner
        .post(&batches, start_body(&seen, &[2]))
        .await
        .expect(201);
    office.db.until(FINISHED, "1").await;
    assert_eq!(
        owner.get(&batch_path(&made)).await.expect(200)["file_url"],
        json!(null)
    );
    assert_eq!(
        office.sql("select count(*) from artifact where name = 'rows.csv'"),
        "0"
    );
    assert_eq!(office.sql("select count(*) from batch_row where problems::text like '%secret%' or input is not null"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_with_its_runs_and_not_before() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter(&customers())).await;
    start(&owner, &workflow, &file_of(2)).await;
    office.db.until(FINISHED, "1").await;
    let store = office.db.store().await;
    office.sql("delete from retention");
    office.sql("update batch set created_at = now() - interval '91 days'");
    store::maintenance::pass(&store).await.unwrap();
    assert_eq!(office.sql("select count(*) from batch"), "1");
    office.sql("delete from run");
    store::maintenance::pass(&store).await.unwrap();
    assert_eq!(
        office.sql("select (select count(*) from batch) + (select count(*) from batch_row) + (select count(*) from artifact)"),
        "0"
    );
    office.close().await;
}

fn ask(tool: &str, arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new(tool);
    command.args(arguments).arg(file);
    if tool == "pdftotext" {
        command.arg("-");
    }
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{tool} is needed: {error}"));
    assert!(output.status.success(), "{tool}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
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
