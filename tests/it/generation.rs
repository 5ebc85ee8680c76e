//! Requests to models: the store's promises, and the real worker process with the fake backend.

use std::time::Duration;

use engine::{
    ids::{RunId, WorkerId, WorkspaceId},
    node::{GenerationRequest, GenerationResult, Message, Role, StepError, Usage},
};
use formwork_tests::{Office, TestDb, model::ModelWorker, office::Caller};
use serde_json::{Value as Json, json};
use store::{
    Scope, Store,
    events::Wake,
    generation::{self, Claimed, Fenced, Finish, New},
    link, model,
    worker::{self, Kind},
};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

const WORKSPACE: &str = "01900000-0000-7000-8000-000000000001";
const LEASE_MS: i64 = 30_000;

struct Site {
    db: TestDb,
    store: Store,
}

impl Site {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let store = db.store().await;
        db.sql(&format!(
            "insert into workspace (id, name) values ('{WORKSPACE}', 'W')"
        ));
        Self { db, store }
    }

    /// A run whose step `write` waits for this request.
    async fn ask(&self, request: &GenerationRequest) -> RunId {
        self.ask_with(request, 60_000, 0).await
    }

    async fn ask_with(&self, request: &GenerationRequest, timeout_ms: u64, priority: i16) -> RunId {
        let run = Uuid::now_v7();
        self.db.sql(&format!(
                "insert into run (id, workspace_id, workflow_id, version_id, source, trigger_node, state, input, firm, first_run)
                 values ('{run}', '{WORKSPACE}', '{run}', '{run}', 'form', 'form', 'waiting', '{{}}', '{{}}', '{run}');
                 insert into step (run_id, node, workspace_id, state, waits_on)
                 values ('{run}', 'write', '{WORKSPACE}', 'waiting', 'generation')"
            ),
        );
        let mut connection = self.store.pool.acquire().await.expect("a connection");
        let new = New {
            workspace: workspace(),
            run: run.into(),
            node: "write",
            item_path: "",
            attempt: 1,
            timeout_ms,
            heartbeat_ms: None,
            priority,
            request,
        };
        generation::insert(&mut connection, new)
            .await
            .expect("stored");
        run.into()
    }

    /// What a public form's visitor may look at.
    async fn scope(&self) -> Scope {
        let id = Uuid::now_v7();
        self.db.sql(&format!(
            "begin;
                 insert into workflow (id, workspace_id, name, slug, state, live_version_id)
                     values ('{id}', '{WORKSPACE}', 'Test', 'test', 'live', '{id}');
                 insert into version (id, workspace_id, workflow_id, number, document)
                     values ('{id}', '{WORKSPACE}', '{id}', 1, '{{}}');
                 commit"
        ));
        link::workflow(&self.store, "test")
            .await
            .expect("a workflow")
            .scope
    }

    async fn worker(&self) -> WorkerId {
        worker::register(&self.store, Kind::Model, "test", &json!({}))
            .await
            .expect("registered")
    }

    async fn claim(&self, worker: WorkerId, models: &[&str]) -> Option<Claimed> {
        self.claim_for(worker, models, LEASE_MS).await
    }

    async fn claim_for(&self, worker: WorkerId, models: &[&str], lease_ms: i64) -> Option<Claimed> {
        let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
        generation::claim(&self.store, worker, &models, lease_ms)
            .await
            .expect("claims")
    }

    async fn outcome(&self, run: RunId) -> Option<Result<GenerationResult, StepError>> {
        let mut connection = self.store.pool.acquire().await.expect("a connection");
        generation::outcome(&mut connection, run, "write", "")
            .await
            .expect("read")
    }

    /// Waits until the request of a run is over.
    async fn settled(&self, run: RunId) -> Result<GenerationResult, StepError> {
        let wait = async {
            loop {
                if let Some(outcome) = self.outcome(run).await {
                    return outcome;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_mins(1), wait)
            .await
            .expect("the worker answers")
    }

    fn state(&self, run: RunId) -> String {
        self.db.sql(&format!(
                "select g.state || ' ' || s.state || ' ' || r.state || ' ' || (select count(*) from queue_entry where run_id = r.id)
                 from generation g join step s using (run_id) join run r on r.id = g.run_id where g.run_id = '{run}'"
            ),
        )
    }
}

fn workspace() -> WorkspaceId {
    WorkspaceId::from_uuid(WORKSPACE.parse().expect("a uuid"))
}

fn request(content: &str) -> GenerationRequest {
    GenerationRequest {
        model: None,
        messages: vec![Message {
            role: Role::User,
            content: content.into(),
        }],
        schema: None,
        max_tokens: 30,
        temperature: 0.5,
        seed: 7,
        round: 0,
    }
}

fn result(text: &str, values: Option<Json>) -> GenerationResult {
    GenerationResult {
        text: text.into(),
        values,
        usage: Usage::default(),
        model: "m".into(),
        model_sha256: "ab".into(),
        seed: 7,
        finish_reason: "stop".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_silent_for_too_long_fails_and_one_that_writes_does_not() {
    let site = Site::new().await;
    let worker = site.worker().await;
    let (silent, writes) = (
        site.ask(&request("one")).await,
        site.ask(&request("two")).await,
    );
    for _ in 0..2 {
        let claimed = site.claim(worker, &["m"]).await.expect("due");
        if claimed.run == writes {
            generation::append_chunk(&site.store, &claimed, 0, "on ")
                .await
                .expect("runs");
        }
    }
    // Claimed a minute ago; ten seconds of silence are allowed.
    site.db.sql(
        "update generation set heartbeat_ms = 10000, started_at = now() - interval '1 minute'",
    );
    let failed = generation::fail_silent(&site.store).await.expect("runs");
    assert_eq!(failed, 1);
    let error = site
        .outcome(silent)
        .await
        .expect("over")
        .expect_err("failed");
    assert_eq!(error.code, "model_silent");
    assert_eq!(site.outcome(writes).await, None);
    assert_eq!(generation::fail_silent(&site.store).await.expect("runs"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_writes_nothing() {
    let site = Site::new().await;
    let run = site.ask(&request("hello")).await;
    let (first, second) = (site.worker().await, site.worker().await);
    let lost = site.claim_for(first, &["m"], 0).await.expect("due");
    let held = site.claim(second, &["m"]).await.expect("its lease ran out");
    assert!(held.fence > lost.fence);
    assert_eq!(
        site.claim(first, &["m"]).await.map(|claimed| claimed.id),
        None
    );

    let store = &site.store;
    assert_eq!(
        generation::append_chunk(store, &lost, 0, "late")
            .await
            .expect("runs"),
        Fenced::Stale
    );
    assert_eq!(
        generation::renew(store, &lost, LEASE_MS)
            .await
            .expect("runs"),
        Fenced::Stale
    );
    assert_eq!(
        generation::release(store, &lost).await.expect("runs"),
        Fenced::Stale
    );
    assert_eq!(
        generation::finish(store, &lost, &result("late", None))
            .await
            .expect("runs"),
        Finish::Stale
    );
    assert_eq!(
        generation::fail(store, &lost, &StepError::new("x", "late"))
            .await
            .expect("runs"),
        Fenced::Stale
    );
    assert_eq!(site.state(run), "running waiting waiting 0");

    assert_eq!(
        generation::append_chunk(store, &held, 0, "on ")
            .await
            .expect("runs"),
        Fenced::Done
    );
    assert_eq!(
        generation::finish(store, &held, &result("on time", None))
            .await
            .expect("runs"),
        Finish::Done
    );
    assert_eq!(site.state(run), "succeeded ready running 1");
    assert_eq!(
        site.outcome(run)
            .await
            .expect("over")
            .expect("a result")
            .text,
        "on time"
    );
    assert_eq!(site.db.sql("select count(*) from generation_chunk"), "0");
    assert_eq!(
        generation::finish(store, &held, &result("again", None))
            .await
            .expect("runs"),
        Finish::Stale
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_worker_is_gone_is_shown_as_waiting() {
    let site = Site::new().await;
    let run = site.ask(&request("hello")).await;
    let worker = site.worker().await;
    let scope = site.scope().await;
    let shown = async || {
        let all = generation::of_run(&site.store, &scope, run)
            .await
            .expect("read");
        all[0].state.clone()
    };
    assert_eq!(shown().await, "ready");
    site.claim(worker, &["m"]).await.expect("due");
    assert_eq!(shown().await, "running");
    site.db
        .sql("update generation set lease_until = now() - interval '1 second'");
    assert_eq!(shown().await, "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_loses_its_worker_three_times_fails() {
    let site = Site::new().await;
    let run = site.ask(&request("hello")).await;
    let worker = site.worker().await;
    for _ in 0..generation::MAX_CLAIMS {
        assert!(site.claim_for(worker, &["m"], 0).await.is_some());
    }
    assert!(site.claim(worker, &["m"]).await.is_none());
    let error = site.outcome(run).await.expect("over").expect_err("failed");
    assert_eq!(error.code, "model_worker_lost");
    assert_eq!(site.state(run), "failed ready running 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_release_counts_as_nothing() {
    let site = Site::new().await;
    site.ask(&request("hello")).await;
    let worker = site.worker().await;
    for _ in 0..10 {
        let held = site.claim(worker, &["m"]).await.expect("due");
        assert_eq!(
            generation::release(&site.store, &held).await.expect("runs"),
            Fenced::Done
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_breaks_its_schema_is_not_stored() {
    let site = Site::new().await;
    let mut asked = request("hello");
    asked.schema = Some(
        json!({"type": "object", "required": ["tone"], "properties": {"tone": {"enum": ["warm"]}}}),
    );
    let run = site.ask(&asked).await;
    let worker = site.worker().await;
    let held = site.claim(worker, &["m"]).await.expect("due");
    for values in [
        None,
        Some(json!({"tone": "cold"})),
        Some(json!({})),
        Some(Json::Null),
    ] {
        let refused = generation::finish(&site.store, &held, &result("", values))
            .await
            .expect("runs");
        assert!(
            matches!(&refused, Finish::Refused(error) if error.code == "output_breaks_schema"),
            "{refused:?}"
        );
    }
    assert_eq!(site.state(run), "running waiting waiting 0");
    let fits = generation::finish(
        &site.store,
        &held,
        &result("", Some(json!({"tone": "warm"}))),
    )
    .await;
    assert_eq!(fits.expect("runs"), Finish::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_take_their_own_requests_in_order() {
    let site = Site::new().await;
    let mut named = request("named");
    named.model = Some("big".into());
    named.schema = Some(
        json!({"type": "object", "properties": {"zebra": {"type": "string"}, "ant": {"type": "string"}}}),
    );
    site.ask(&named).await;
    site.ask(&request("first")).await;
    site.ask(&request("second")).await;
    site.ask_with(&request("urgent"), 1000, 5).await;
    let worker = site.worker().await;
    let mut order = Vec::new();
    while let Some(held) = site.claim(worker, &["small"]).await {
        order.push(held.request.messages[0].content.clone());
    }
    assert_eq!(order, ["urgent", "first", "second"]);
    let held = site.claim(worker, &["big"]).await.expect("its own");
    let schema = |request: &GenerationRequest| request.schema.as_ref().map(Json::to_string);
    assert_eq!(
        schema(&held.request),
        schema(&named),
        "properties keep their order"
    );

    site.db.sql("update workspace set default_model = 'big'");
    site.ask(&request("by default")).await;
    assert!(site.claim(worker, &["small"]).await.is_none());
    assert!(site.claim(worker, &["big"]).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_withdraws_its_request() {
    let site = Site::new().await;
    let (waiting, running) = (
        site.ask(&request("one")).await,
        site.ask(&request("two")).await,
    );
    let worker = site.worker().await;
    let held = site.claim(worker, &["m"]).await.expect("due");
    let mut connection = site.store.pool.acquire().await.expect("a connection");
    for run in [waiting, running] {
        assert_eq!(
            generation::cancel_for_run(&mut connection, run)
                .await
                .expect("runs"),
            1
        );
    }
    assert_eq!(
        generation::held(&site.store, &held).await.expect("runs"),
        Fenced::Stale
    );
    assert_eq!(
        generation::finish(&site.store, &held, &result("late", None))
            .await
            .expect("runs"),
        Finish::Stale
    );
    assert!(site.claim(worker, &["m"]).await.is_none());
    assert_eq!(site.state(waiting), "cancelled waiting waiting 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_answers_streams_and_tells_how_it_is() {
    let site = Site::new().await;
    site.store.events.start();
    let mut events = site.store.events.subscribe();
    // A process that knows of no other sends no notifications.
    worker::register(&site.store, Kind::Serve, "test", &json!({}))
        .await
        .expect("registered");
    let mut worker = ModelWorker::start(&site.db, &[("FORMWORK_FAKE_TOKEN_MS", "20")]);
    let is_ready = async {
        while model::list(&site.store)
            .await
            .expect("listed")
            .iter()
            .all(|m| m.state != model::State::Ready)
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_mins(1), is_ready)
        .await
        .expect("the model becomes ready");
    let mut asked = request("Write the days.");
    asked.max_tokens = 60;
    let text = site.ask(&asked).await;
    asked.schema = Some(json!({
        "type": "object", "required": ["title", "days"], "additionalProperties": false,
        "properties": {"title": {"type": "string", "maxLength": 40},
                       "days": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "string", "maxLength": 60}}},
    }));
    let fields = site.ask(&asked).await;
    site.store.events.wake(Wake::Generations);
    let written = site.settled(text).await.expect("a text");
    let filled = site.settled(fields).await.expect("values");
    assert_eq!((written.model.as_str(), written.seed), ("fake", 7));
    let values = filled.values.expect("values");
    assert_eq!(values["days"].as_array().map(Vec::len), Some(2), "{values}");
    assert_eq!(
        serde_json::from_str::<Json>(&filled.text).ok(),
        Some(values)
    );
    assert_eq!(site.state(fields), "succeeded ready running 1");

    let mut streamed = String::new();
    while let Ok(event) = events.try_recv() {
        if event.kind == "generation.text" && event.topic == format!("run:{text}") {
            streamed.push_str(event.data["text"].as_str().unwrap_or_default());
        }
    }
    // A notification may be lost while a listener connects; what arrives is in order and of this text.
    assert!(
        !streamed.is_empty() && written.text.contains(&streamed),
        "{streamed:?} of {:?}",
        written.text
    );

    let models = model::list(&site.store).await.expect("listed");
    assert_eq!(
        models
            .iter()
            .map(|m| (m.name.as_str(), m.state))
            .collect::<Vec<_>>(),
        [("fake", model::State::Ready)]
    );
    assert!(worker.stop(), "it ends well when its parent is gone");
    let models = model::list(&site.store).await.expect("listed");
    assert_eq!(
        models[0].state,
        model::State::Failed,
        "no process, not ready"
    );
    assert!(
        models[0]
            .error
            .as_ref()
            .is_some_and(|why| why.code == "model_not_running")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn time_limits_failures_and_stop_do_not_hold_up_the_next() {
    let site = Site::new().await;
    let _worker = ModelWorker::start(&site.db, &[]);
    let late = site.ask_with(&request("[[fake:hang]]"), 300, 0).await;
    let failing = site.ask(&request("[[fake:fail]]")).await;
    let stopped = site.ask(&request("[[fake:hang]]")).await;
    let last = site.ask(&request("fine")).await;
    assert_eq!(
        site.settled(late).await.expect_err("late").code,
        "model_timed_out"
    );
    assert_eq!(
        site.settled(failing).await.expect_err("failed").code,
        "model_failed"
    );
    while !site.state(stopped).starts_with("running") {
        sleep(Duration::from_millis(20)).await;
    }
    let mut connection = site.store.pool.acquire().await.expect("a connection");
    generation::cancel_for_run(&mut connection, stopped)
        .await
        .expect("stopped");
    assert!(site.settled(last).await.is_ok());
    assert_eq!(site.state(stopped), "cancelled waiting waiting 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_loses_nothing() {
    let site = Site::new().await;
    let mut runs = Vec::new();
    for number in 0..6 {
        runs.push(site.ask(&request(&format!("number {number}"))).await);
    }
    // Dies after the second claim, with the third answer before its commit, and after the fourth commit.
    for fault in ["after_claim:2", "effect_done:3", "committed:1"] {
        let environment = [
            ("FORMWORK_MODEL_FAULT", fault),
            ("FORMWORK_LEASE_SECONDS", "1"),
        ];
        let mut worker = ModelWorker::start(&site.db, &environment);
        let ended = tokio::task::spawn_blocking(move || worker.ended())
            .await
            .expect("watched");
        assert!(!ended, "{fault} was reached");
    }
    let _worker = ModelWorker::start(&site.db, &[("FORMWORK_LEASE_SECONDS", "1")]);
    for run in runs {
        site.settled(run).await.expect("a text");
        assert_eq!(site.state(run), "succeeded ready running 1");
    }
}

/// Its input stays open, as its parent's end does; the process must not wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_model_cannot_be_read_ends_by_itself() {
    let site = Site::new().await;
    let mut worker = ModelWorker::start_with(&site.db.url, "/nowhere/model.gguf", &[]);
    let ended = tokio::task::spawn_blocking(move || worker.ended());
    let ended = timeout(Duration::from_mins(1), ended).await;
    assert!(
        !ended.expect("it ends").expect("watched"),
        "it says that it failed"
    );
    let models = model::list(&site.store).await.expect("listed");
    assert_eq!(models[0].state, model::State::Failed);
    assert!(
        models[0]
            .error
            .as_ref()
            .is_some_and(|why| why.params["path"] == "/nowhere/model.gguf")
    );
}

/// A model writes what a document has two lines for.
fn letter() -> Json {
    json!({
        "format": "formwork/1", "name": "Letter", "locale": "de", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Letter", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}},
            {"id": "words", "type": "llm_generate", "version": 1, "name": "Words", "config": {
                "mode": "fields", "instruction": "Sum up for {{ form.customer }}.", "document": "letter"}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "letter", "file_name": "letter.pdf", "values": {"summary": "{{ words.summary }}"}}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "words"}, {"from": "words", "port": "out", "to": "page"}],
        "documents": {"letter": {
            "format": "formwork-document/1", "title": "Letter",
            "fields": [{"name": "summary", "title": "Summary", "kind": "text", "max_length": 2000, "max_lines": 2, "overflow": "cut"}],
            "blocks": [{"id": "a", "type": "text", "text": "{{ summary }}"}]
        }}
    })
}

/// A model that writes what a test wants it to.
struct Scripted {
    store: Store,
    worker: WorkerId,
}

impl Scripted {
    /// The next request, once it is there.
    async fn asked(&self, office: &Office) -> Claimed {
        let ready = "select count(*) from generation where state = 'ready'";
        office.db.until(ready, "1").await;
        let models = ["m".to_owned()];
        let claimed = generation::claim(&self.store, self.worker, &models, LEASE_MS).await;
        claimed.expect("claims").expect("due")
    }

    async fn writes(&self, claimed: &Claimed, summary: &str) {
        let values = json!({ "summary": summary });
        let written = result(&values.to_string(), Some(values));
        let finished = generation::finish(&self.store, claimed, &written).await;
        assert_eq!(finished.expect("runs"), Finish::Done);
    }
}

/// The run when it has succeeded, and the codes of each step's warnings.
async fn told(office: &Office, owner: &Caller, run: &str) -> (Json, Vec<String>) {
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "succeeded").await;
    let run = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    let steps = run["steps"].as_array().expect("steps").iter();
    let warnings = steps.flat_map(|step| {
        let name = step["node"].as_str().unwrap_or_default();
        let warnings = step["warnings"].as_array().into_iter().flatten();
        warnings.map(move |one| format!("{name} {}", one["code"].as_str().unwrap_or_default()))
    });
    let warnings = warnings.collect();
    (run, warnings)
}

/// What the model's step put out.
fn summary(run: &Json) -> &str {
    let mut steps = run["steps"].as_array().expect("steps").iter();
    let words = steps.find(|step| step["node"] == "words");
    words.expect("the step")["output"]["summary"]
        .as_str()
        .expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_for_its_document_is_asked_for_once_more() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, letter()).await;
    let store = office.store.clone();
    let worker = worker::register(&store, Kind::Model, "test", &json!({})).await;
    let worker = worker.expect("registered");
    let model = Scripted { store, worker };
    let input = || json!({"customer": "Ada"});
    let text = |words: usize| "Wort ".repeat(words).trim_end().to_owned();

    // The second answer fits.
    let run = owner.start(&workflow, input()).await;
    let first = model.asked(&office).await;
    assert_eq!((first.request.round, first.request.messages.len()), (0, 2));
    model.writes(&first, &text(90)).await;
    let second = model.asked(&office).await;
    assert_eq!(
        (second.request.round, second.request.messages.len()),
        (1, 4)
    );
    let said = &second.request.messages[3].content;
    assert!(
        said.contains("Platz ist für 2: Lass etwa"),
        "in the document's language: {said}"
    );
    let kept = "select kept -> 'values' ->> 'summary' from step where node = 'words'";
    assert_eq!(office.sql(kept), text(90), "the first answer is not lost");
    model.writes(&second, &text(8)).await;
    let (run, warnings) = told(&office, &owner, &run).await;
    assert_eq!((summary(&run), warnings), (text(8).as_str(), Vec::new()));
    let steps = run["steps"].as_array().expect("steps");
    let rounds: Vec<&Json> = steps
        .iter()
        .flat_map(|step| step["generations"].as_array().into_iter().flatten())
        .map(|generation| &generation["round"])
        .collect();
    assert_eq!(rounds, [0, 1]);

    // It is too long still: the shorter one is taken, and the page does as the field says.
    let too_long = || {
        vec![
            "words text_too_long".to_owned(),
            "page text_shortened".to_owned(),
        ]
    };
    let run = owner.start(&workflow, input()).await;
    model.writes(&model.asked(&office).await, &text(90)).await;
    model.writes(&model.asked(&office).await, &text(60)).await;
    let (run, warnings) = told(&office, &owner, &run).await;
    assert_eq!((summary(&run), warnings), (text(60).as_str(), too_long()));

    // It never comes: the first one is taken.
    let run = owner.start(&workflow, input()).await;
    model.writes(&model.asked(&office).await, &text(90)).await;
    let second = model.asked(&office).await;
    let error = StepError::new("model_failed", "out of memory");
    let failed = generation::fail(&model.store, &second, &error).await;
    assert_eq!(failed.expect("runs"), Fenced::Done);
    let (run, mut warnings) = told(&office, &owner, &run).await;
    assert_eq!(summary(&run), text(90));
    assert_eq!(warnings.remove(0), "words second_answer_unused");
    assert_eq!(warnings, too_long());
    office.close().await;
}
