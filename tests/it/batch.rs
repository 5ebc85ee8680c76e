//! Batches: a run for each row of a file, exactly one whoever dies. What all of their tests begin with is here, and what becomes of a batch that
//! nobody interferes with.

mod control;
mod documents;
mod file;
mod retry;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
    process::{Installation, Role},
};
use reqwest::Method;
use serde_json::{Value as Json, json};
use store::{Store, batch::Feeder};

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

/// Hands a file in; the answer names it.
async fn upload(caller: &Caller, workflow: &Json, name: &str, bytes: Vec<u8>) -> Answer {
    let path = format!("{}/batch-files?name={name}", path(workflow));
    let request = caller.request(Method::POST, &path).body(bytes);
    caller.send(request).await
}

fn path(workflow: &Json) -> String {
    format!("/api/workflows/{}", workflow["id"].as_str().expect("an id"))
}

fn batches_path(workflow: &Json) -> String {
    format!("{}/batches", path(workflow))
}

/// Looks at a file that was handed in.
async fn preview(caller: &Caller, workflow: &Json, body: Json) -> Answer {
    let path = format!("{}/preview", batches_path(workflow));
    caller.post(&path, body).await
}

/// Hands a text in and looks at it.
async fn look(caller: &Caller, workflow: &Json, text: &str) -> Json {
    look_at_file(caller, workflow, "rows.csv", text.as_bytes().to_vec()).await
}

/// Hands a file in and looks at it.
async fn look_at_file(caller: &Caller, workflow: &Json, name: &str, bytes: Vec<u8>) -> Json {
    let file = upload(caller, workflow, name, bytes).await.expect(201)["file"].clone();
    let body = json!({"file": file, "locale": "de"});
    let mut seen = preview(caller, workflow, body).await.expect(200);
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
    let made = caller.post(&batches_path(workflow), body).await;
    made.expect(201)
}

fn batch_path(batch: &Json) -> String {
    format!("/api/batches/{}", batch["id"].as_str().expect("an id"))
}

/// What people ask of a batch: `stop`, `resume`, `discard`, `retry`.
async fn ask_of(caller: &Caller, batch: &Json, what: &str, body: Json) -> Answer {
    let path = format!("{}/{what}", batch_path(batch));
    caller.post(&path, body).await
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

    let batches = batches_path(&workflow);
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
    for (what, body) in [
        ("stop", json!({"runs": true})),
        ("resume", json!({})),
        ("discard", json!({})),
        ("retry", json!({})),
    ] {
        let asked = ask_of(&owner, &made, what, body).await;
        assert_eq!(asked.status, 404, "{what}");
    }
    let listed = owner.get(&batches_path(&workflow)).await.expect(200);
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
    let batches = batches_path(&workflow);
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
