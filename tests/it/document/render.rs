//! PDFs of a template and values without a workflow: the bytes, what is known of them, and that one request is one PDF whatever happens.

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use reqwest::{Method, header};
use serde_json::{Value as Json, json};

/// A letter that needs a customer and a total, and says something of a note.
fn letter(greeting: &str) -> Json {
    json!({
        "format": "formwork-document/1",
        "fields": [
            {"name": "customer", "title": "Customer", "kind": "text"},
            {"name": "total", "title": "Total", "kind": "money"},
            {"name": "lines", "kind": "list", "item": {"kind": "text"}, "optional": true},
            {"name": "note", "kind": "text", "optional": true},
        ],
        "blocks": [
            {"id": "greeting", "type": "text", "text": format!("{greeting} {{{{ customer }}}}")},
            {"id": "total", "type": "text", "text": "{{ total | money }}"},
            {"id": "note", "type": "text", "text": "{{ note }}"},
        ],
    })
}

async fn make(owner: &Caller, template: Json) -> String {
    let new = json!({"name": "Letter", "template": template});
    let made = owner.post("/api/documents", new).await.expect(201);
    format!("/api/documents/{}", made["id"].as_str().unwrap())
}

fn values() -> Json {
    json!({"customer": "Ada", "total": {"amount": "7.50", "currency": "EUR"}})
}

/// Asks for a PDF under a key.
async fn render(caller: &Caller, document: &str, body: &Json, key: &str) -> Answer {
    let request = caller
        .request(Method::POST, &format!("{document}/render"))
        .header("idempotency-key", key)
        .json(body);
    caller.send(request).await
}

#[tokio::test]
async fn values_become_a_pdf_and_what_is_known_of_it() {
    let (office, owner) = Office::open().await;
    let document = make(&owner, letter("Dear")).await;
    let program = office.program(&owner).await;
    let body = json!({"values": values(), "file_name": "For Ada"});
    let answer = program.post(&format!("{document}/render"), body).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.header("content-type"), "application/pdf");
    assert!(answer.header("content-disposition").contains("For Ada.pdf"));
    assert!(answer.body.starts_with(b"%PDF-"));
    assert_eq!(answer.header("warning-count"), "1");
    let place = answer.header("location").to_owned();

    let known = program.get(&place).await.expect(200);
    assert_eq!(
        (&known["state"], &known["version"], &known["pages"]),
        (&json!("succeeded"), &json!(1), &json!(1))
    );
    let warning = &known["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["location"]),
        (&json!("value_missing"), &json!("note"))
    );
    let url = known["pdf"]["url"].as_str().unwrap();
    assert_eq!(program.get(url).await.body, answer.body);

    // The same as JSON.
    let request = program
        .request(Method::POST, &format!("{document}/render"))
        .header(header::ACCEPT, "application/json")
        .json(&json!({"values": values()}));
    let told = program.send(request).await.expect(200);
    assert_eq!(told["pdf"]["name"], "Letter.pdf");
    assert_eq!(told["warnings"], known["warnings"]);

    // Nobody keeps the values once the PDF is there.
    let kept = office.sql("select count(*) from rendering where input is not null");
    assert_eq!(kept, "0");
    office.close().await;
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let (office, owner) = Office::open().await;
    let document = make(&owner, letter("Dear")).await;
    let program = office.program(&owner).await;
    let body = json!({"values": values()});
    let first = render(&program, &document, &body, "order-1").await;
    assert_eq!(first.status, 200, "{}", first.json);
    assert_eq!(first.header("idempotent-replayed"), "");
    let update = json!({"base_version": 1, "template": letter("Hello")});
    owner.put(&document, update).await.expect(200);

    // Written otherwise, it is the same; it was for the version that was the newest then.
    let same = json!({"wait_ms": 20_000, "values": {"total": {"currency": "EUR", "amount": "7.50"}, "customer": "Ada"}});
    let again = render(&program, &document, &same, "order-1").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("location"), first.header("location"));

    let other = json!({"values": values(), "version": 2});
    let refused = render(&program, &document, &other, "order-1").await;
    assert_eq!(
        (refused.status, refused.kind()),
        (409, "idempotency_key_reused")
    );

    // Another key, and another document, make their own.
    let pinned = json!({"values": values(), "version": 1});
    let pinned = render(&program, &document, &pinned, "order-2").await;
    assert_eq!(pinned.status, 200);
    let known = program.get(pinned.header("location")).await.expect(200);
    assert_eq!(known["version"], 1);
    let newest = render(&program, &document, &body, "order-3").await;
    let known = program.get(newest.header("location")).await.expect(200);
    assert_eq!(known["version"], 2);
    let elsewhere = make(&owner, letter("Dear")).await;
    let elsewhere = render(&program, &elsewhere, &other, "order-1").await;
    assert_eq!(elsewhere.status, 422, "it has no version 2");
    assert_eq!(office.sql("select count(*) from rendering"), "3");
    let empty = render(&program, &document, &body, "").await;
    assert_eq!((empty.status, empty.kind()), (400, "wrong_idempotency_key"));

    // A key that is known never asks what the newest version takes.
    let mut strict = letter("Hello");
    let fields = strict["fields"].as_array_mut().expect("fields");
    fields.push(json!({"name": "due", "title": "Due", "kind": "date"}));
    let update = json!({"base_version": 2, "template": strict});
    owner.put(&document, update).await.expect(200);
    let again = render(&program, &document, &body, "order-1").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    let unknown = render(&program, &document, &body, "order-4").await;
    assert_eq!(unknown.status, 422, "{}", unknown.json);
    office.close().await;
}

#[tokio::test]
async fn what_does_not_fit_is_told_where_it_stands() {
    let (office, owner) = Office::open().await;
    let document = make(&owner, letter("Dear")).await;
    let ask = async |body: Json| {
        let answer = owner.post(&format!("{document}/render"), body).await;
        let problems = answer.json["problems"].as_array().cloned();
        let told = problems
            .unwrap_or_default()
            .iter()
            .map(|problem| {
                let part = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
                format!("{} {}", part("code"), part("pointer"))
            })
            .collect::<Vec<_>>();
        (answer.status, told)
    };
    let wrong = json!({"values": {"total": {"amount": 7.5, "currency": "EUR"}, "lines": ["a", 2], "nte": "x"}});
    let (status, told) = ask(wrong).await;
    assert_eq!(status, 422);
    assert_eq!(
        told,
        [
            "field_unknown /values/nte",
            "field_not_filled /values/customer",
            "value_kind /values/total",
            "value_kind /values/lines/1"
        ]
    );
    let (status, told) = ask(json!({"values": values(), "version": 9})).await;
    assert_eq!(
        (status, told),
        (422, vec!["version_unknown /version".to_owned()])
    );
    let (status, told) = ask(json!({"values": values(), "currency": "euro"})).await;
    assert_eq!(
        (status, told),
        (422, vec!["currency_unknown /currency".to_owned()])
    );
    assert_eq!(office.sql("select count(*) from rendering"), "0");

    // What only laying out finds is kept, so that the key goes on saying it.
    let mut broken = letter("Dear");
    broken["blocks"][0]["text"] = json!("{{ customer | sum }}");
    let broken = make(&owner, broken).await;
    for _ in 0..2 {
        let answer = render(&owner, &broken, &json!({"values": values()}), "a").await;
        assert_eq!(answer.status, 422, "{}", answer.json);
        assert_eq!(
            answer.json["problems"][0]["pointer"],
            "/template/blocks/0/text"
        );
        let known = owner.get(answer.header("location")).await.expect(200);
        assert_eq!(
            (&known["state"], &known["pdf"]),
            (&json!("failed"), &Json::Null)
        );
    }
    assert_eq!(office.sql("select count(*) from rendering"), "1");
    office.close().await;
}

#[tokio::test]
async fn whoever_asks_goes_on_with_what_a_lost_process_left() {
    let (office, owner) = Office::open().await;
    let document = make(&owner, letter("Dear")).await;
    let made = render(&owner, &document, &json!({"values": values()}), "a").await;
    let place = made.header("location").to_owned();
    let leave = |tries: u8, lease: &str| {
        office.sql(&format!(
            "update rendering set finished_at = null, artifact_id = null, page_count = null, warnings = null, problems = null,
                 tries = {tries}, leased_until = now() + interval '{lease}', input = jsonb_build_object(
                     'values', '{}'::jsonb, 'locale', 'en', 'currency', 'EUR', 'time_zone', 'UTC', 'firm', '{{}}'::jsonb)",
            values()
        ));
    };
    // Somebody is at it.
    leave(1, "1 minute");
    let known = owner.get(&place).await.expect(202);
    assert_eq!(
        (&known["state"], &known["pdf"]),
        (&json!("running"), &Json::Null)
    );
    let waits = render(
        &owner,
        &document,
        &json!({"values": values(), "wait_ms": 0}),
        "a",
    )
    .await;
    assert_eq!(
        (waits.status, waits.header("location")),
        (202, place.as_str())
    );

    leave(1, "-1 second");
    let known = owner
        .get(&format!("{place}?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(known["state"], "succeeded");
    assert_eq!(office.sql("select tries from rendering"), "2");

    // The third process was lost with it, too.
    leave(3, "-1 second");
    let known = owner
        .get(&format!("{place}?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(
        (&known["state"], &known["problems"][0]["code"]),
        (&json!("failed"), &json!("rendering_lost"))
    );
    office.close().await;
}

#[tokio::test]
async fn it_is_kept_as_long_as_runs_are() {
    let (office, owner) = Office::open().await;
    let document = make(&owner, letter("Dear")).await;
    for key in ["old", "young"] {
        let answer = render(&owner, &document, &json!({"values": values()}), key).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
    }
    let age = |days: u32| {
        office.sql(&format!(
            "with old as (select run_id as id, uuid_floor(now() - interval '{days} days') as aged from idempotency_key where key = 'old'),
                  file as (update artifact set run_id = old.aged from old where run_id = old.id),
                  made as (update rendering set id = old.aged from old where rendering.id = old.id)
             update idempotency_key set run_id = old.aged from old where run_id = old.id"
        ));
    };
    let left = || {
        office.sql(
            "select (select count(*) from rendering), (select count(*) from artifact where deleted_at is null and run_id is not null)",
        )
    };
    age(89);
    store::maintenance::pass(&office.store).await.unwrap();
    assert_eq!(left(), "2|2");

    // Files may go before.
    let keep = json!({"run_days": 90, "most_runs": null, "file_days": 30, "most_file_bytes": null, "workflows": []});
    owner.put("/api/retention", keep).await.expect(200);
    store::maintenance::pass(&office.store).await.unwrap();
    assert_eq!(left(), "2|1");

    age(91);
    store::maintenance::pass(&office.store).await.unwrap();
    assert_eq!(left(), "1|1");
    assert_eq!(
        office.sql("select count(*) from artifact where run_id is not null"),
        "1"
    );
    office.close().await;
}
