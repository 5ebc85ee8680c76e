//! Values that are kept for less long than their run: they go from wherever they lie, what is not private stays, and what needs them says
//! that they are gone.

use std::path::PathBuf;

use formwork_tests::{Office, office::Caller, process::until, smtp::MailReceiver};
use serde_json::{Value as Json, json};
use store::{
    artifact, link, private,
    queue::{self, Accept, Source},
};
use uuid::Uuid;

const IBAN: &str = "DE02120300000000202051";
const PASSPORT: &str = "C01X00T47";
const COPY: &str = "passport-of-ada.txt";

/// A form with two private answers, and a text that is made of one of them.
fn document(iban: &str, passport: &str) -> Json {
    json!({
        "format": "formwork/1", "name": "Refund", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Refund",
                "fields": [
                    {"name": "iban", "label": "IBAN", "kind": "text", "required": true, "store": iban},
                    {"name": "who", "label": "Who", "kind": "text", "required": true},
                    {"name": "guests", "label": "Guests", "kind": "rows", "required": true, "columns": [
                        {"name": "name", "label": "Name", "kind": "text"},
                        {"name": "passport", "label": "Passport", "kind": "text", "required": true, "store": passport}]}],
                "computed": [{"name": "to", "label": "To", "kind": "text", "value": "to {{ iban }}"}]}},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text",
             "config": {"template": "{{ form.who }}: {{ form.to }}, {% for guest in form.guests %}{{ guest.passport }}{% endfor %}"}}],
        "edges": [{"from": "form", "port": "out", "to": "text"}],
    })
}

fn input() -> Json {
    json!({"iban": IBAN, "who": "Ada", "guests": [{"name": "Eve", "passport": PASSPORT}]})
}

async fn ended(owner: &Caller, run: &str) -> Json {
    owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    owner.get(&format!("/api/runs/{run}")).await.expect(200)
}

/// Whether the database holds a text in any place that a run writes to.
fn lies_somewhere(office: &Office, text: &str) -> bool {
    [
        "run",
        "submission",
        "step",
        "attempt",
        "generation",
        "answer",
        "delivery",
        "delivery_attempt",
        "approval",
    ]
    .iter()
    .any(|table| {
        office.sql(&format!(
            "select exists (select from {table} t where t::text like '%{text}%')"
        )) == "t"
    })
}

async fn hidden(office: &Office, run: &str) {
    office
        .db
        .until(
            &format!("select masked_at is not null from run where id = '{run}'"),
            "t",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_go_with_the_run_goes_at_its_end() {
    let (office, owner) = Office::open().await;
    let run = office
        .start(&owner, document("mask", "never"), input())
        .await;
    ended(&owner, &run).await;
    hidden(&office, &run).await;
    assert!(!lies_somewhere(&office, IBAN));
    assert!(!lies_somewhere(&office, PASSPORT));
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["state"], "succeeded");
    assert_eq!(told["title"], "Ada");
    assert_eq!(
        told["input"],
        json!({"iban": "•••", "who": "Ada", "to": "•••", "guests": [{"name": "Eve", "passport": null}]})
    );
    assert!(told["masked_at"].is_string());
    let text = told["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["node"] == "text")
        .expect("the text");
    assert_eq!(text["output"], json!({"text": "•••"}));

    // It cannot run again without the values, and says so; with them it can.
    let path = format!("/api/runs/{run}/retry");
    let refused = owner.post(&path, json!({"from_node": "text"})).await;
    assert_eq!(refused.status, 409, "{}", refused.json);
    assert!(
        refused.json["type"]
            .as_str()
            .is_some_and(|slug| slug.ends_with("private_values_gone")),
        "{}",
        refused.json
    );
    let mut again = input();
    again["iban"] = json!("•••");
    let refused = owner.post(&path, json!({ "input": again })).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    assert_eq!(refused.json["problems"][0]["pointer"], "/input/iban");
    let retried = owner
        .post(&path, json!({ "input": input() }))
        .await
        .expect(202);
    let retried = retried["id"].as_str().expect("an id").to_owned();
    ended(&owner, &retried).await;
    hidden(&office, &retried).await;
    assert!(!lies_somewhere(&office, IBAN));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_were_asked_and_other_runs_were_given_goes_too() {
    let (office, owner) = Office::open().await;
    let text = |id: &str, template: &str| json!({"id": id, "type": "template_fill", "version": 1, "name": id, "config": {"template": template}});
    let edge = |from: &str, port: &str, to: &str| json!({"from": from, "port": port, "to": to});
    let bank = owner
        .publish(json!({
            "format": "formwork/1", "name": "Bank", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": [
                {"id": "called", "type": "call_input", "version": 1, "name": "Called", "config": {
                    "fields": [{"name": "iban", "title": "IBAN", "kind": "text"}]}},
                text("text", "to {{ called.iban }}")],
            "edges": [edge("called", "out", "text")],
        }))
        .await;
    let receiver = MailReceiver::start(&[]).await;
    let settings = json!({
        "host": "127.0.0.1", "port": receiver.port, "encryption": "none", "sender_name": "Office", "sender_address": "office@reise.test",
    });
    owner.put("/api/mail", settings).await.expect(200);
    let mut asks = document("mask", "keep");
    let nodes = asks["nodes"].as_array_mut().expect("steps");
    nodes.push(
        json!({"id": "ask", "type": "approval_ask", "version": 1, "name": "Ask", "config": {
        "who": "everybody", "addresses": ["{{ form.iban }} <boss@example.com>"], "title": "To {{ form.iban }}?", "shown": {"IBAN": "{{ form.iban }}"}}}),
    );
    nodes.push(
        json!({"id": "call", "type": "workflow_call", "version": 1, "name": "Call", "config": {
        "workflow": bank["id"], "values": {"iban": "{{ form.iban }}"}}}),
    );
    let edges = asks["edges"].as_array_mut().expect("edges");
    edges.push(edge("text", "out", "ask"));
    edges.push(edge("ask", "approved", "call"));
    let run = office.start(&owner, asks, input()).await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    let asked = office.sql("select id from approval");
    owner
        .post(
            &format!("/api/approvals/{asked}/answer"),
            json!({"decision": "approved", "comment": IBAN}),
        )
        .await
        .expect(200);
    ended(&owner, &run).await;
    // A retry of what was called belongs to it, too.
    let child = office.sql("select id from run where parent_run is not null");
    let path = format!("/api/runs/{child}/retry");
    let again = owner
        .post(&path, json!({"from_node": "text"}))
        .await
        .expect(202);
    ended(&owner, again["id"].as_str().expect("an id")).await;
    office
        .db
        .until(
            "select count(*) from delivery where finished_at is null",
            "0",
        )
        .await;
    assert!(
        office
            .sql("select count(*) from delivery")
            .parse::<u32>()
            .is_ok_and(|mails| mails > 0)
    );
    office.sql("update run set finished_at = now() - interval '25 hours'");
    hidden(&office, &run).await;
    assert!(!lies_somewhere(&office, IBAN));
    assert_eq!(
        office.sql("select count(*) from run where masked_at is null"),
        "0"
    );
    let told = owner.get("/api/approvals").await.expect(200);
    assert_eq!(
        told["items"][0]["verdict"]["decision"], "approved",
        "{told:#}"
    );
    // What was called cannot run again on what is hidden.
    let refused = owner.post(&path, json!({"from_node": "text"})).await;
    assert_eq!(
        (refused.status, refused.kind()),
        (409, "private_values_gone"),
        "{}",
        refused.json
    );
    let refused = owner.post(&path, json!({"input": {"iban": "•••"}})).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_later_can_be_retried_until_then() {
    let (office, owner) = Office::open().await;
    let run = office
        .start(&owner, document("mask", "keep"), input())
        .await;
    ended(&owner, &run).await;
    private::hide(&office.store).await.expect("a pass");
    assert!(lies_somewhere(&office, IBAN), "a day has not passed");
    let path = format!("/api/runs/{run}/retry");
    let retried = owner
        .post(&path, json!({"from_node": "text"}))
        .await
        .expect(202);
    let retried = retried["id"].as_str().expect("an id").to_owned();
    ended(&owner, &retried).await;
    office.sql("update run set finished_at = now() - interval '25 hours'");
    hidden(&office, &run).await;
    hidden(&office, &retried).await;
    assert!(!lies_somewhere(&office, IBAN));
    assert!(lies_somewhere(&office, "Eve"));
    assert!(office.sql("select count(*) from run where masked_at is null") == "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_way_keeps_its_values_until_it_is_over() {
    let (office, owner) = Office::open().await;
    let run = office
        .start(&owner, document("keep", "keep"), input())
        .await;
    ended(&owner, &run).await;
    // As if the version had a private answer, and the run a message.
    office.sql(&format!(
        "alter table version disable trigger user;
         update version set private = '{{\"form\": {{\"iban\": \"never\", \"to\": \"never\"}}}}';
         alter table version enable trigger user;
         insert into delivery (id, workspace_id, run_id, channel, state, message, due_at)
             select gen_random_uuid(), workspace_id, id, 'mail', 'retrying',
                    '{{\"type\": \"mail\", \"data\": {{\"values\": {{\"to\": [{{\"address\": \"{IBAN}\"}}]}}}}}}', now() + interval '1 day'
             from run where id = '{run}';
         update run set private = 'never', title = ''"
    ));
    private::hide(&office.store).await.expect("a pass");
    assert!(lies_somewhere(&office, IBAN));
    let delivery = office.sql("select id from delivery");
    owner
        .post(&format!("/api/deliveries/{delivery}/stop"), json!({}))
        .await
        .expect(200);
    hidden(&office, &run).await;
    assert!(!lies_somewhere(&office, IBAN));
    assert_eq!(
        office.sql("select message ->> 'type' from delivery"),
        "mail"
    );
    let refused = owner
        .post(&format!("/api/deliveries/{delivery}/send-again"), json!({}))
        .await;
    assert_eq!(refused.status, 409, "{}", refused.json);
    assert!(
        refused.json["type"]
            .as_str()
            .is_some_and(|slug| slug.ends_with("delivery_masked")),
        "{}",
        refused.json
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_without_private_values_are_left_alone() {
    let (office, owner) = Office::open().await;
    let run = office
        .start(&owner, document("keep", "keep"), input())
        .await;
    let told = ended(&owner, &run).await;
    office.sql("update run set finished_at = now() - interval '25 hours'");
    assert_eq!(private::hide(&office.store).await.expect("a pass"), 0);
    assert_eq!(told["title"], IBAN);
    assert_eq!(told["masked_at"], Json::Null);
    assert!(lies_somewhere(&office, PASSPORT));
    // Whoever looks for them reads an index that holds nothing else.
    let plan = office.sql(
        "set enable_seqscan = off; explain select id from run where private = 'mask' and masked_at is null and finished_at < now()",
    );
    assert!(!plan.contains("Seq Scan"), "{plan}");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_names_its_private_values() {
    let (office, owner) = Office::open().await;
    let hook = |name: &str| {
        json!({
            "format": "formwork/1", "name": "Hook", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": [{"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {
                "fields": [{"name": "iban", "kind": "text"}, {"name": "sum", "kind": "integer"}],
                "private": [{"name": name, "store": "never"}]}}],
            "edges": [],
        })
    };
    let made = owner
        .post("/api/workflows", json!({"document": hook("ibam")}))
        .await
        .expect(201);
    let path = format!(
        "/api/workflows/{}/publish",
        made["id"].as_str().expect("an id")
    );
    let refused = owner.post(&path, json!({"base_revision": 1})).await;
    assert_eq!(refused.json["problems"][0]["code"], "private_unknown");
    let run = office
        .start(&owner, hook("iban"), json!({"iban": IBAN, "sum": 5}))
        .await;
    ended(&owner, &run).await;
    hidden(&office, &run).await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["input"], json!({"iban": null, "sum": 5}));
    assert!(!lies_somewhere(&office, IBAN));
    office.close().await;
}

/// A form with a private upload, which is handed on, sent and given to another workflow.
async fn hands_on(owner: &Caller, keeping: &str) -> Json {
    let step = |id: &str, node_type: &str, config: Json| json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config});
    let document = |name: &str, nodes: Json, edges: Json| {
        json!({
            "format": "formwork/1", "name": name, "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": nodes, "edges": edges,
        })
    };
    let copy = |value: &str| json!({"fields": [{"name": "copy", "label": "Copy", "kind": "file", "value": value}]});
    let fields = json!({"fields": [{"name": "copy", "title": "Copy", "kind": "file"}]});
    let called = owner
        .publish(document(
            "Archive",
            json!([
                step("called", "call_input", fields),
                step("again", "set_fields", copy("{{ called.copy }}"))
            ]),
            json!([{"from": "called", "port": "out", "to": "again"}]),
        ))
        .await;
    let form = json!({"title": "Booking", "fields": [
        {"name": "who", "label": "Who", "kind": "text", "required": true},
        {"name": "copy", "label": "Passport", "kind": "file", "required": true, "store": keeping}]});
    let mail = json!({"to": ["office@example.com"], "subject": "Passport", "text": "See.", "files": ["{{ form.copy }}"], "attach": "inline"});
    let call = json!({"workflow": called["id"], "values": {"copy": "{{ form.copy }}"}});
    owner
        .publish(document(
            "Booking",
            json!([
                step("form", "form_input", form),
                step("take", "set_fields", copy("{{ form.copy }}")),
                step("send", "email_send", mail),
                step("call", "workflow_call", call),
            ]),
            json!([
                {"from": "form", "port": "out", "to": "take"}, {"from": "take", "port": "out", "to": "send"},
                {"from": "send", "port": "out", "to": "call"},
            ]),
        ))
        .await
}

/// A run with an upload, and where its bytes are.
async fn handed_in(office: &Office, workflow: &Json) -> (String, PathBuf) {
    let id = workflow["id"].as_str().expect("an id");
    let slug = office.sql(&format!("select slug from workflow where id = '{id}'"));
    let public = link::workflow(&office.store, &slug).await.expect("a form");
    let new = artifact::New {
        run: None,
        name: COPY,
        content_type: "text/plain",
        bytes: b"Ada".to_vec().into(),
    };
    let quota = artifact::UploadQuota {
        files: 1,
        bytes: 1_000,
    };
    let file = artifact::create_upload(&office.store, &public.scope, Uuid::now_v7(), new, quota)
        .await
        .expect("it is taken");
    let digits = office.sql("select encode(sha256, 'hex') from artifact");
    let workspace = public.scope.workspace().to_string();
    let place = office.db.folder().join("artifacts").join(workspace);
    let input = json!({"who": "Ada", "copy": file});
    let mut new = Accept::new(public.id, public.version, "form", Source::Form, input);
    new.uploads = vec![file.id];
    let accepted = queue::accept(&office.store, &public.scope, new)
        .await
        .expect("it is accepted");
    let run = accepted.run_id.to_string();
    (run, place.join(&digits[..2]).join(digits))
}

async fn with_mail(owner: &Caller) -> MailReceiver {
    let receiver = MailReceiver::start(&[]).await;
    let settings = json!({
        "host": "127.0.0.1", "port": receiver.port, "encryption": "none", "sender_name": "Office", "sender_address": "office@reise.test",
    });
    owner.put("/api/mail", settings).await.expect(200);
    receiver
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_upload_goes_with_its_name_wherever_it_was_handed_on() {
    let (office, owner) = Office::open().await;
    let receiver = with_mail(&owner).await;
    let workflow = hands_on(&owner, "never").await;
    let (run, place) = handed_in(&office, &workflow).await;
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "succeeded", "{told:#}");
    hidden(&office, &run).await;
    assert_eq!(receiver.received().len(), 1);
    let id = office.sql("select id from artifact");
    assert!(!lies_somewhere(&office, COPY));
    assert!(!lies_somewhere(&office, &id));
    assert_eq!(office.sql("select name from artifact"), "•••");
    until("the bytes are gone", || !place.exists()).await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["state"], "succeeded", "{told:#}");
    let sent = owner.get("/api/deliveries").await.expect(200);
    let sent = sent["items"][0]["id"].as_str().expect("a mail").to_owned();
    owner
        .get(&format!("/api/deliveries/{sent}"))
        .await
        .expect(200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_upload_stays_as_long_as_a_run_of_the_chain_has_it() {
    let (office, owner) = Office::open().await;
    let _receiver = with_mail(&owner).await;
    let workflow = hands_on(&owner, "mask").await;
    let (run, place) = handed_in(&office, &workflow).await;
    ended(&owner, &run).await;
    let retried = owner
        .post(
            &format!("/api/runs/{run}/retry"),
            json!({"from_node": "take"}),
        )
        .await
        .expect(202);
    let retried = retried["id"].as_str().expect("an id").to_owned();
    ended(&owner, &retried).await;
    let over = "select count(*) from delivery where finished_at is null";
    office.db.until(over, "0").await;
    let a_day_passes = |run: &str| {
        office.sql(&format!(
            "update run set finished_at = now() - interval '25 hours' where id = '{run}'"
        ))
    };
    a_day_passes(&run);
    hidden(&office, &run).await;
    let kept = "select count(*) from artifact where deleted_at is null";
    assert_eq!(office.sql(kept), "1", "the retry can be tried again");
    assert!(place.exists());
    a_day_passes(&retried);
    hidden(&office, &retried).await;
    assert_eq!(office.sql(kept), "0");
    assert!(!lies_somewhere(&office, COPY));
    until("the bytes are gone", || !place.exists()).await;
    office.close().await;
}
