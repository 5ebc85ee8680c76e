//! Workflows that call others: a step waits for a run of another workflow; ends and stops go both ways. What deaths do to calls is in
//! `crash`.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::Caller,
    process::{Installation, Role},
};
use serde_json::{Value as Json, json};

fn node(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

fn document(name: &str, nodes: &[Json], edges: &[(&str, &str, &str)]) -> Json {
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
        .collect();
    json!({
        "format": "formwork/1", "name": name, "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    })
}

fn called(fields: &Json) -> Json {
    node("called", "call_input", &json!({ "fields": fields }))
}

fn days() -> Json {
    json!([{"name": "days", "title": "Days", "kind": "integer"}])
}

/// Answers with the price of some days; more than ten it does not sell.
pub(crate) fn price() -> Json {
    document(
        "Price",
        &[
            called(&days()),
            node(
                "check",
                "branch",
                &json!({"ways": [{"name": "long", "title": "Long", "rules": [
                    {"value": "{{ called.days }}", "operator": "greater", "operand": "10"}]}]}),
            ),
            node(
                "halt",
                "stop",
                &json!({"ends": "with_error", "message": "Too long"}),
            ),
            node(
                "tell",
                "respond",
                &json!({"values": {"total": "{{ called.days * 3 }}", "note": "{{ called.days }} days"}}),
            ),
        ],
        &[
            ("called", "out", "check"),
            ("check", "long", "halt"),
            ("check", "otherwise", "tell"),
        ],
    )
}

/// The same for another price.
fn dearer() -> Json {
    let mut document = price();
    document["nodes"][3]["config"]["values"]["total"] = json!("{{ called.days * 5 }}");
    document
}

/// Waits for a month before it answers.
fn slow() -> Json {
    document(
        "Slow",
        &[
            called(&days()),
            node(
                "wait",
                "delay",
                &json!({"mode": "business_days", "amount": "20"}),
            ),
            node("tell", "respond", &json!({"values": {"total": "{{ 1 }}"}})),
        ],
        &[("called", "out", "wait"), ("wait", "out", "tell")],
    )
}

/// A form that asks for days, a call with them, and a text with the answer.
pub(crate) fn caller(workflow: &Json) -> Json {
    document(
        "Caller",
        &[
            node(
                "form",
                "form_input",
                &json!({"title": "Stay", "fields": [
                    {"name": "days", "label": "Days", "kind": "number", "decimals": 0, "required": true}]}),
            ),
            node(
                "call",
                "workflow_call",
                &json!({"workflow": workflow["id"], "values": {"days": "{{ form.days }}"}}),
            ),
            node(
                "text",
                "template_fill",
                &json!({"template": "Total {{ call.answer.total }}"}),
            ),
        ],
        &[("form", "out", "call"), ("call", "out", "text")],
    )
}

/// Is called with days, calls another with them and answers what that answers.
fn between(workflow: &Json) -> Json {
    let mut document = caller(workflow);
    document["name"] = json!("Between");
    document["nodes"][0] = called(&days());
    document["nodes"][0]["id"] = json!("form");
    let nodes = document["nodes"].as_array_mut().expect("steps");
    nodes.push(node(
        "tell",
        "respond",
        &json!({"values": {"total": "{{ call.answer.total }}"}}),
    ));
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "text", "port": "out", "to": "tell"}));
    document
}

async fn ended(owner: &Caller, run: &str) -> Json {
    owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    owner.get(&format!("/api/runs/{run}")).await.expect(200)
}

fn step<'a>(run: &'a Json, node: &str) -> &'a Json {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["node"] == node);
    found.unwrap_or_else(|| panic!("{node} in {run:#}"))
}

fn text<'a>(json: &'a Json, what: &str) -> &'a str {
    json.as_str().unwrap_or_else(|| panic!("{what}: {json}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_with_the_answer_and_knows_the_run() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let offered = owner.get("/api/callable-workflows").await.expect(200);
    assert_eq!(offered["items"][0]["id"], price["id"]);
    assert_eq!(offered["items"][0]["fields"][0]["name"], "days");
    let workflow = office.publish(&owner, caller(&price)).await;
    let run = owner.start(&workflow, json!({"days": 4})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "succeeded", "{told:#}");
    assert_eq!(step(&told, "text")["output"]["text"], "Total 12");
    let call = step(&told, "call");
    assert_eq!(call["output"]["answer"]["note"], "4 days");
    assert_eq!(call["output"]["version"], 1);
    assert_eq!(call["output"]["run"], call["called"]["run"]);
    assert_eq!(call["called"]["workflow"]["name"], "Price");
    let child = text(&call["called"]["run"], "the called run");
    let child = owner.get(&format!("/api/runs/{child}")).await.expect(200);
    assert_eq!(child["state"], "succeeded");
    assert_eq!(child["source"], "call");
    assert_eq!(child["input"], json!({"days": 4}));
    assert_eq!(child["called_by"]["run"], json!(run));
    assert_eq!(child["called_by"]["node"], "call");
    office
        .db
        .until("select count(*) from queue_entry", "0")
        .await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_runs_what_is_live_then_and_names_the_version() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let workflow = office.publish(&owner, caller(&price)).await;
    let path = format!("/api/workflows/{}", text(&price["id"], "an id"));
    let draft = json!({"base_revision": 1, "document": dearer()});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
    let total = async |version: u32| {
        let run = owner.start(&workflow, json!({"days": 4})).await;
        let told = ended(&owner, &run).await;
        assert_eq!(step(&told, "call")["output"]["version"], version);
        text(&step(&told, "text")["output"]["text"], "a text").to_owned()
    };
    assert_eq!(total(1).await, "Total 12", "a draft is nobody's promise");
    let publish = json!({"base_revision": 2});
    owner
        .post(&format!("{path}/publish"), publish)
        .await
        .expect(201);
    assert_eq!(total(2).await, "Total 20");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_is_a_failed_step_and_a_retry_calls_anew() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let workflow = office.publish(&owner, caller(&price)).await;
    let run = owner.start(&workflow, json!({"days": 11})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "failed", "{told:#}");
    let call = step(&told, "call");
    assert_eq!(call["error"]["code"], "called_run_failed");
    assert_eq!(call["error"]["params"]["workflow"], "Price");
    assert_eq!(call["error"]["params"]["error"]["code"], "stopped_here");
    assert_eq!(call["error"]["params"]["run"], call["called"]["run"]);
    assert_eq!(
        call["attempts"].as_array().map(Vec::len),
        Some(1),
        "a failed call is not tried again"
    );
    let again = owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await
        .expect(202);
    let again = ended(&owner, text(&again["id"], "a run")).await;
    assert_ne!(step(&again, "call")["called"]["run"], call["called"]["run"]);
    // Without a rule for the failure it is the caller's; with one the caller goes on.
    let mut document = caller(&price);
    document["nodes"][1]["on_error"] = json!("branch");
    document["edges"][1]["port"] = json!("error");
    document["nodes"][2]["config"]["template"] =
        json!("{{ call.node }}, {{ call.attempts }}: {{ call.code }}. {{ call.message }}");
    let workflow = office.publish(&owner, document).await;
    let run = owner.start(&workflow, json!({"days": 11})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "succeeded", "{told:#}");
    assert_eq!(
        step(&told, "text")["output"]["text"],
        "call, 1: called_run_failed. The called run of “Price” failed: Too long"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_now_costs_no_try() {
    let (office, owner) = Office::open().await;
    let slow = office.publish(&owner, slow()).await;
    let workflow = office.publish(&owner, caller(&slow)).await;
    let run = owner.start(&workflow, json!({"days": 1})).await;
    let waiting = "select count(*) from run where state = 'waiting'";
    office.db.until(waiting, "2").await;
    // The first answer counts.
    office.sql(
        "insert into answer (run_id, workspace_id, answer) select id, workspace_id, '\"no answer\"' from run where parent_run is not null",
    );
    office.sql("update queue_entry set due_at = now()");
    let put_off = "select lease_owner is null and due_at > now() and lost = 0 from queue_entry where node = 'call'";
    office.db.until(put_off, "t").await;
    let answer = json!({"status": 200, "body": {"values": {"total": 1}}});
    office.sql(&format!("update answer set answer = '{answer}'"));
    office.sql("update queue_entry set due_at = now()");
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "succeeded", "{told:#}");
    assert_eq!(step(&told, "text")["output"]["text"], "Total 1");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_goes_down_to_what_was_called_and_up_as_a_failure() {
    let (office, owner) = Office::open().await;
    let slow = office.publish(&owner, slow()).await;
    let middle = office.publish(&owner, between(&slow)).await;
    let workflow = office.publish(&owner, caller(&middle)).await;
    let waiting = "select count(*) from run where state = 'waiting'";
    let run = owner.start(&workflow, json!({"days": 1})).await;
    office.db.until(waiting, "3").await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["waits"][0]["on"], "call");
    owner
        .post(&format!("/api/runs/{run}/stop"), json!({}))
        .await
        .expect(200);
    assert_eq!(
        office.sql("select string_agg(distinct state, ',') from run"),
        "cancelled"
    );
    assert_eq!(
        office.sql("select count(*) from step where finished_at is null"),
        "0"
    );
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    // From below: the callers fail, one after the other.
    let run = owner.start(&workflow, json!({"days": 1})).await;
    office.db.until(waiting, "3").await;
    let lowest =
        office.sql("select id from run where state = 'waiting' order by depth desc limit 1");
    owner
        .post(&format!("/api/runs/{lowest}/stop"), json!({}))
        .await
        .expect(200);
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "failed", "{told:#}");
    let error = &step(&told, "call")["error"];
    assert_eq!(error["code"], "called_run_failed");
    assert_eq!(error["params"]["error"]["code"], "called_run_stopped");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_failure_of_a_caller_ends_what_it_called() {
    let (office, owner) = Office::open().await;
    let slow = office.publish(&owner, slow()).await;
    let mut document = caller(&slow);
    let nodes = document["nodes"].as_array_mut().expect("steps");
    nodes.push(node(
        "soon",
        "delay",
        &json!({"amount": "1", "unit": "days"}),
    ));
    nodes.push(node(
        "halt",
        "stop",
        &json!({"ends": "with_error", "message": "No."}),
    ));
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "form", "port": "out", "to": "soon"}));
    edges.push(json!({"from": "soon", "port": "out", "to": "halt"}));
    let workflow = office.publish(&owner, document).await;
    let run = owner.start(&workflow, json!({"days": 1})).await;
    let waiting = "select count(*) from run where state = 'waiting'";
    office.db.until(waiting, "2").await;
    // The day is over.
    office.sql("update queue_entry set due_at = now() where node = 'soon'");
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "failed", "{told:#}");
    assert_eq!(step(&told, "call")["state"], "cancelled");
    assert_eq!(step(&told, "call")["called"]["state"], "cancelled");
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_have_a_depth_and_never_go_round() {
    let (office, owner) = Office::open().await;
    let mut last = office.publish(&owner, price()).await;
    let first = last.clone();
    // Eight workflows, each of which calls the one before it.
    for _ in 0..7 {
        last = office.publish(&owner, between(&last)).await;
    }
    let run = owner.start(&last, json!({"days": 1})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(told["state"], "failed", "{told:#}");
    assert_eq!(office.sql("select max(depth) from run"), "5");
    assert_eq!(
        office.sql("select count(*) from step where error ->> 'code' = 'call_too_deep'"),
        "1"
    );
    // The first of them cannot call the last one.
    let path = format!("/api/workflows/{}", text(&first["id"], "an id"));
    let mut document = price();
    let nodes = document["nodes"].as_array_mut().expect("steps");
    nodes.push(node(
        "round",
        "workflow_call",
        &json!({"workflow": last["id"], "values": {"days": "{{ called.days }}"}}),
    ));
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "called", "port": "out", "to": "round"}));
    let checked = owner
        .post(&format!("{path}/check"), json!({ "document": document }))
        .await
        .expect(200);
    let problems = checked["problems"].as_array().expect("problems");
    let codes: Vec<&str> = problems
        .iter()
        .filter(|problem| problem["severity"] == "error")
        .map(|problem| text(&problem["code"], "a code"))
        .collect();
    assert_eq!(codes, ["call_circle"], "{checked:#}");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_cannot_be_called_is_a_problem_and_an_error() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let workflow = office.publish(&owner, caller(&price)).await;
    let id = text(&price["id"], "an id");
    owner
        .patch(&format!("/api/workflows/{id}"), json!({"state": "off"}))
        .await
        .expect(200);
    let run = owner.start(&workflow, json!({"days": 1})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(step(&told, "call")["error"]["code"], "call_off");
    let path = format!("/api/workflows/{}/check", text(&workflow["id"], "an id"));
    let checked = owner
        .post(&path, json!({"document": caller(&price)}))
        .await
        .expect(200);
    assert_eq!(checked["problems"][0]["code"], "call_off", "{checked:#}");
    assert_eq!(
        checked["problems"][0]["pointer"],
        "/nodes/1/config/workflow"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_calls_a_trial_run_of_the_live_version() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let workflow = office.publish(&owner, caller(&price)).await;
    let path = format!("/api/workflows/{}", text(&workflow["id"], "an id"));
    let run = owner
        .post(
            &format!("{path}/trial-runs"),
            json!({"revision": 1, "input": {"days": 2}}),
        )
        .await
        .expect(202);
    let told = ended(&owner, text(&run["id"], "a run")).await;
    assert_eq!(told["state"], "succeeded", "{told:#}");
    assert_eq!(step(&told, "text")["output"]["text"], "Total 6");
    assert_eq!(
        office.sql("select string_agg(trial::text || ':' || (version_id is not null)::text, ' ' order by id) from run"),
        "true:false true:true"
    );
    let runs = owner.get("/api/runs").await.expect(200);
    assert_eq!(runs["items"], json!([]));
    office.close().await;
}

/// Callers and called ones of many runs end at the same time in two processes, and some are stopped: nobody waits in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn many_calls_in_two_processes_lock_in_one_order() {
    const RUNS: usize = 40;
    let site = Installation::new(&[]).await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let price = owner.publish(price()).await;
    let middle = owner.publish(between(&price)).await;
    let mut workflow = caller(&middle);
    // Two calls beside each other in every run.
    let nodes = workflow["nodes"].as_array_mut().expect("steps");
    nodes.push(node(
        "also",
        "workflow_call",
        &json!({"workflow": price["id"], "values": {"days": "{{ form.days }}"}}),
    ));
    let edges = workflow["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "form", "port": "out", "to": "also"}));
    let workflow = owner.publish(workflow).await;
    let workers = [site.start(Role::Work, None), site.start(Role::Work, None)];
    let starts = (0..RUNS).map(|_| owner.start(&workflow, json!({"days": 2})));
    let runs = futures_util::future::join_all(starts).await;
    for run in runs.iter().step_by(5) {
        owner
            .post(&format!("/api/runs/{run}/stop"), json!({}))
            .await
            .expect(200);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.until("select count(*) from run where finished_at is null", "0")
        .await;
    site.until("select count(*) from queue_entry", "0").await;
    // What was not stopped succeeded, and with it everything that it called.
    let odd = site.db.sql(
        "select count(*) from run child join run parent on parent.id = child.parent_run
         where parent.state = 'succeeded' and child.state <> 'succeeded' or child.state = 'failed'",
    );
    assert_eq!(odd, "0");
    for program in workers.iter().chain([&server]) {
        let log = program.log();
        assert!(!log.contains("deadlock"), "{log}");
    }
    for mut program in workers {
        program.stop();
    }
    server.stop();
}

/// Hears of failed runs: what it gets becomes a text.
fn hears(fails: bool) -> Json {
    let values = ["run_id", "workflow", "step", "code", "message", "link"]
        .map(|name| json!({"name": name, "title": name, "kind": "text"}));
    let mut nodes = vec![
        called(&json!(values)),
        node(
            "text",
            "template_fill",
            &json!({"template": "{{ called.workflow }}: {{ called.step }}, {{ called.code }}, {{ called.message }} {{ called.link }}"}),
        ),
    ];
    let mut edges = vec![("called", "out", "text")];
    if fails {
        nodes.push(node(
            "halt",
            "stop",
            &json!({"ends": "with_error", "message": "No."}),
        ));
        edges.push(("text", "out", "halt"));
    }
    document("Hears", &nodes, &edges)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_told_to_another_workflow_once_and_its_failure_to_nobody() {
    let (office, owner) = Office::open().await;
    let mut own = hears(true);
    let hears = office.publish(&owner, own.clone()).await;
    // It would hear of its own failures, too.
    own["on_failure"] = hears["id"].clone();
    let path = format!("/api/workflows/{}", text(&hears["id"], "an id"));
    let draft = json!({"base_revision": 1, "document": own});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
    owner
        .post(&format!("{path}/publish"), json!({"base_revision": 2}))
        .await
        .expect(201);
    let mut document = price();
    document["on_failure"] = hears["id"].clone();
    let price = office.publish(&owner, document.clone()).await;
    let run = owner.start(&price, json!({"days": 2})).await;
    assert_eq!(ended(&owner, &run).await["state"], "succeeded");
    let run = owner.start(&price, json!({"days": 11})).await;
    assert_eq!(ended(&owner, &run).await["state"], "failed");
    office
        .db
        .until("select count(*) from run where finished_at is null", "0")
        .await;
    let told = office.sql(&format!(
        "select run.id from run where source = 'failure' and failure_of = '{run}'"
    ));
    let told = ended(&owner, &told).await;
    let written = text(&step(&told, "text")["output"]["text"], "a text");
    let expected = "Price: halt, stopped_here, Too long http";
    assert!(written.starts_with(expected), "{written}");
    assert!(written.ends_with(&format!("/runs/{run}")), "{written}");
    assert_eq!(told["state"], "failed");
    assert_eq!(office.sql("select count(*) from run"), "3");
    // A trial run that fails is nobody's business.
    let path = format!("/api/workflows/{}", text(&price["id"], "an id"));
    let trial = owner
        .post(
            &format!("{path}/trial-runs"),
            json!({"revision": 1, "input": {"days": 11}}),
        )
        .await
        .expect(202);
    let trial = ended(&owner, text(&trial["id"], "a run")).await;
    assert_eq!(trial["state"], "failed");
    assert_eq!(
        office.sql("select count(*) from run where source = 'failure'"),
        "1"
    );
    // What the other workflow needs must be something that a failure brings.
    let other = office.publish(&owner, slow()).await;
    document["on_failure"] = other["id"].clone();
    let checked = owner
        .post(&format!("{path}/check"), json!({ "document": document }))
        .await
        .expect(200);
    assert_eq!(checked["problems"][0]["code"], "failure_value_unknown");
    assert_eq!(checked["problems"][0]["pointer"], "/on_failure");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_tells_which_published_ones_call_it() {
    let (office, owner) = Office::open().await;
    let price = office.publish(&owner, price()).await;
    let hears = office.publish(&owner, hears(false)).await;
    let callers = async |workflow: &Json| {
        let id = text(&workflow["id"], "an id");
        let path = format!("/api/workflows/{id}/callers");
        let told = owner.get(&path).await.expect(200);
        let items = told["items"].as_array().expect("items").iter();
        let named = items.map(|item| {
            let how = if item["on_failure"] == true { "!" } else { "" };
            format!("{}{how}", text(&item["name"], "a name"))
        });
        named.collect::<Vec<_>>().join(" ")
    };
    // A draft is nobody's promise.
    let draft = json!({ "document": caller(&price) });
    owner.post("/api/workflows", draft).await.expect(201);
    assert_eq!(callers(&price).await, "");
    let mut document = caller(&price);
    document["on_failure"] = hears["id"].clone();
    let workflow = office.publish(&owner, document).await;
    office.publish(&owner, between(&price)).await;
    assert_eq!(callers(&price).await, "Between Caller");
    assert_eq!(callers(&hears).await, "Caller!");
    let path = format!("/api/workflows/{}", text(&workflow["id"], "an id"));
    owner.delete(&path).await.expect(204);
    assert_eq!(callers(&price).await, "Between");
    assert_eq!(callers(&hears).await, "");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_ends_what_it_called() {
    let (office, owner) = Office::open().await;
    let slow = office.publish(&owner, slow()).await;
    let mut document = caller(&slow);
    document["nodes"][1]["limits"] = json!({"total_ms": 1_000});
    let workflow = office.publish(&owner, document).await;
    let run = owner.start(&workflow, json!({"days": 1})).await;
    let told = ended(&owner, &run).await;
    assert_eq!(step(&told, "call")["error"]["code"], "total_limit");
    assert_eq!(step(&told, "call")["called"]["state"], "cancelled");
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}
