//! One installation as several processes: they share the work, tell each other what happens, and refuse what none of them could do.

use std::collections::BTreeSet;

use formwork_tests::{
    office::Caller,
    process::{Installation, Program, Role},
};
use futures_util::StreamExt as _;
use reqwest::{Method, Response};
use serde_json::{Value as Json, json};

/// A form, a text by the model and a page.
fn letter() -> Json {
    json!({
        "format": "formwork/1", "name": "Letter", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Letter", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}},
            {"id": "words", "type": "llm_generate", "version": 1, "name": "Words", "config": {
                "mode": "text", "instruction": "Greet {{ form.customer }}.", "max_length": 200, "max_tokens": 60}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "letter", "file_name": "letter.pdf", "values": {"text": "{{ words.text }}"}}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "words"}, {"from": "words", "port": "out", "to": "page"}],
        "samples": [{"name": "Ada", "input": {"customer": "Ada"}}],
        "documents": {"letter": {
            "format": "formwork-document/1", "title": "Letter",
            "fields": [{"name": "text", "title": "Text", "kind": "text"}],
            "blocks": [{"id": "a", "type": "text", "text": "{{ text }}"}]
        }}
    })
}

async fn publish(owner: &Caller) -> String {
    let made = owner
        .post("/api/workflows", json!({"document": letter()}))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
    owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await
        .expect(201);
    path
}

/// A browser's stream of a topic; from here on it hears everything.
async fn listen(owner: &Caller, run: &str) -> Response {
    let path = format!("/api/events?topics=run:{run}");
    owner
        .request(Method::GET, &path)
        .send()
        .await
        .expect("the server answers")
}

/// What is heard until the run is over.
async fn hear(answer: Response) -> Vec<Json> {
    let (mut stream, mut text, mut heard) = (answer.bytes_stream(), String::new(), Vec::new());
    while let Some(piece) = stream.next().await {
        text.push_str(&String::from_utf8_lossy(
            &piece.expect("the stream goes on"),
        ));
        while let Some((event, rest)) = text.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            heard.extend(data.and_then(|data| serde_json::from_str::<Json>(data).ok()));
            text = rest.to_owned();
        }
        if heard
            .iter()
            .any(|event| event["kind"] == "run.changed" && event["finished"] == true)
        {
            return heard;
        }
    }
    panic!("the stream ended: {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_serves_two_work_and_what_happens_is_heard_where_people_look() {
    let site = Installation::new(&[
        ("FORMWORK_EXECUTOR_SLOTS", "1"),
        ("FORMWORK_FAKE_TOKEN_MS", "15"),
    ])
    .await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let path = publish(&owner).await;
    let mut workers = [site.start(Role::Work, None), site.start(Role::Work, None)];
    site.until(
        "select string_agg(kind, ' ' order by kind) from worker",
        "serve work work",
    )
    .await;

    // A trial run waits for a model; the one who looks is there before the model is.
    let trial = owner
        .post(
            &format!("{path}/trial-runs"),
            json!({"revision": 1, "input": {"customer": "Ada"}}),
        )
        .await;
    let run = trial.expect(202)["id"].as_str().expect("a run").to_owned();
    site.until("select state from run", "waiting").await;
    let listening = tokio::spawn(hear(listen(&owner, &run).await));
    let mut model = site.start(Role::Model, None);
    let heard = listening.await.expect("no panic");
    let kinds: BTreeSet<&str> = heard
        .iter()
        .filter_map(|event| event["kind"].as_str())
        .collect();
    assert!(
        kinds.is_superset(&BTreeSet::from([
            "generation.text",
            "run.changed",
            "step.changed"
        ])),
        "{kinds:?}"
    );
    let state = |node: &str| {
        heard
            .iter()
            .filter(|event| event["kind"] == "step.changed" && event["node"] == node)
            .filter_map(|event| event["state"].as_str())
            .next_back()
    };
    assert_eq!(
        (state("words"), state("page")),
        (Some("succeeded"), Some("succeeded"))
    );

    // Both take from the same queue, and nothing is done twice.
    for number in 0..40 {
        owner
            .post(
                &format!("{path}/runs"),
                json!({"input": {"customer": format!("Customer {number}")}}),
            )
            .await
            .expect(202);
    }
    site.until(
        "select count(*), count(distinct state) from run where not trial and state = 'succeeded'",
        "40|1",
    )
    .await;
    assert_eq!(
        site.db.sql("select count(distinct worker_id) from step"),
        "2"
    );
    assert_eq!(
        site.db
            .sql("select count(*) from artifact where content_type = 'application/pdf'"),
        "41"
    );
    for program in workers.iter_mut().chain([&mut model, &mut server]) {
        let status = program.stop();
        assert!(status.success(), "{status}: {}", program.log());
    }
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "0");
    assert_eq!(
        site.db.sql("select count(*) from worker"),
        "0",
        "everybody said goodbye"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_starts_without_the_steps_that_are_needed() {
    let site = Installation::new(&[]).await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    publish(&owner).await;
    assert!(server.stop().success());
    // What a later version of Formwork might have left.
    site.db.sql(
        "alter table version disable trigger user;
         update version set document = jsonb_set(document, '{nodes,1,version}', '7');
         update version set document = jsonb_set(document, '{nodes,2,type}', '\"hologram\"')",
    );
    for role in [Role::Serve, Role::Work, Role::Run] {
        let mut program: Program = site.start(role, None);
        let status = program.wait();
        let said = program.log();
        assert!(!status.success(), "{role:?}");
        assert!(
            said.contains("hologram version 1 (in Letter)")
                && said.contains("llm_generate version 7 (in Letter)"),
            "{role:?}: {said}"
        );
    }
    // Nothing open needs them any more.
    site.db.sql("update workflow set state = 'off'");
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
}
