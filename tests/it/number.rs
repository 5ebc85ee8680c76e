//! Number series: without gaps, the same on every attempt, taken over by a retry, and every number accounted for.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

async fn series(owner: &Caller, change: Json) -> Json {
    let mut body = json!({"name": "Invoices", "pattern": "RE-{{ year }}-{{ number }}"});
    for (name, value) in change.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    owner.post("/api/series", body).await.expect(201)
}

/// A form, a number, a text with the number, and a step that fails when the form says so.
fn document(series: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Invoice", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Invoice", "fields": [
                {"name": "fails", "label": "Fails", "kind": "checkbox"}]}},
            {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series["id"]}},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": "Invoice {{ no.number }}"}},
            {"id": "check", "type": "branch", "version": 1, "name": "Check", "config": {"ways": [
                {"name": "bad", "title": "Bad", "rules": [{"value": "{{ form.fails }}", "operator": "is_yes"}]}]}},
            {"id": "halt", "type": "stop", "version": 1, "name": "Halt", "config": {"ends": "with_error", "message": "No."}}],
        "edges": [{"from": "form", "port": "out", "to": "no"}, {"from": "no", "port": "out", "to": "text"},
            {"from": "text", "port": "out", "to": "check"}, {"from": "check", "port": "bad", "to": "halt"}],
    })
}

async fn ended(owner: &Caller, run: &str) -> Json {
    owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    owner.get(&format!("/api/runs/{run}")).await.expect(200)
}

fn text(office: &Office, run: &str) -> String {
    office.sql(&format!(
        "select output ->> 'text' from step where run_id = '{run}' and node = 'text'"
    ))
}

async fn states(owner: &Caller, series: &Json) -> Vec<(String, String)> {
    let id = series["id"].as_str().expect("an id");
    let page = owner
        .get(&format!("/api/series/{id}/numbers"))
        .await
        .expect(200);
    let mut found: Vec<(String, String)> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            (text("number"), text("state"))
        })
        .collect();
    found.sort();
    found
}

fn pairs(expected: &[(&str, &str)], year: &str) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(count, state)| (format!("RE-{year}-{count}"), (*state).to_owned()))
        .collect()
}

fn this_year(office: &Office) -> String {
    office.sql("select to_char(now() at time zone 'UTC', 'YYYY')")
}

async fn settle(owner: &Caller, series: &Json, number: &str, state: &str) -> u16 {
    let id = series["id"].as_str().expect("an id");
    let page = owner
        .get(&format!("/api/series/{id}/numbers?state=open"))
        .await
        .expect(200);
    let items = page["items"].as_array().expect("items");
    let id = items
        .iter()
        .find(|item| item["number"] == number)
        .and_then(|item| item["id"].as_str())
        .unwrap_or_else(|| panic!("{number} in {page}"));
    owner
        .post(
            &format!("/api/numbers/{id}/settle"),
            json!({"state": state, "reason": "The order was cancelled"}),
        )
        .await
        .status
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gap_however_many_draw_at_once() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({"first": 40})).await;
    assert_eq!(series["next_count"], 40);
    let workflow = office.publish(&owner, document(&series)).await;
    let starts = (0..30).map(|at| owner.start(&workflow, json!({"fails": at % 5 == 0})));
    let runs = futures_util::future::join_all(starts).await;
    let mut numbers = Vec::new();
    for run in &runs {
        let told = ended(&owner, run).await;
        assert!(told["finished_at"].is_string(), "{told:#}");
        numbers.push(text(&office, run));
    }
    numbers.sort();
    let year = this_year(&office);
    let expected: Vec<String> = (40..70)
        .map(|count| format!("Invoice RE-{year}-{count:04}"))
        .collect();
    assert_eq!(numbers, expected);
    // Those of failed runs stay open, and nothing is missing.
    let id = series["id"].as_str().expect("an id");
    let told = owner.get(&format!("/api/series/{id}")).await.expect(200);
    assert_eq!(
        (
            &told["used"],
            &told["open"],
            &told["void"],
            &told["next_count"]
        ),
        (&json!(24), &json!(6), &json!(0), &json!(70))
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_stays_open_for_a_retry_that_has_not_come_to_it_yet() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({"void_after_days": 7})).await;
    let year = this_year(&office);
    let mut document = document(&series);
    document["nodes"].as_array_mut().expect("nodes").push(json!(
        {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"amount": "5", "unit": "hours"}}));
    document["edges"][0]["to"] = json!("wait");
    document["edges"]
        .as_array_mut()
        .expect("edges")
        .push(json!({"from": "wait", "port": "out", "to": "no"}));
    let workflow = office.publish(&owner, document).await;
    let waits = async |run: &str| {
        let state = format!("select state from run where id = '{run}'");
        office.db.until(&state, "waiting").await;
    };
    let goes_on = async |run: &str| {
        office.sql("update queue_entry set due_at = now()");
        ended(&owner, run).await
    };
    let first = owner.start(&workflow, json!({"fails": true})).await;
    waits(&first).await;
    assert_eq!(goes_on(&first).await["state"], "failed");
    let again = owner
        .post(
            &format!("/api/runs/{first}/retry"),
            json!({"input": {"fails": false}}),
        )
        .await
        .expect(202);
    let again = again["id"].as_str().expect("an id");
    waits(again).await;
    office.sql(&format!(
        "update run set finished_at = now() - interval '8 days' where id = '{first}'"
    ));
    store::maintenance::pass(&office.store)
        .await
        .expect("a pass");
    let number = format!("RE-{year}-0001");
    assert_eq!(settle(&owner, &series, &number, "void").await, 409);
    assert_eq!(goes_on(again).await["state"], "succeeded");
    assert_eq!(text(&office, again), format!("Invoice {number}"));
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "used")], &year)
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_takes_the_number_over_and_a_void_one_is_drawn_anew() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({})).await;
    let year = this_year(&office);
    let workflow = office.publish(&owner, document(&series)).await;
    let first = owner.start(&workflow, json!({"fails": true})).await;
    assert_eq!(ended(&owner, &first).await["state"], "failed");
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "open")], &year)
    );

    // The whole run again, with other input: the same number, which is used now.
    let retry = async |run: &str, body: Json| {
        let made = owner
            .post(&format!("/api/runs/{run}/retry"), body)
            .await
            .expect(202);
        made["id"].as_str().expect("an id").to_owned()
    };
    let second = retry(&first, json!({"input": {"fails": false}})).await;
    assert_eq!(ended(&owner, &second).await["state"], "succeeded");
    assert_eq!(text(&office, &second), format!("Invoice RE-{year}-0001"));
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "used")], &year)
    );

    // From a later step: the number is kept with the step, and stays used.
    let third = retry(&second, json!({"from_node": "text"})).await;
    assert_eq!(ended(&owner, &third).await["state"], "succeeded");
    assert_eq!(text(&office, &third), format!("Invoice RE-{year}-0001"));
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "used")], &year)
    );

    // A number that is void is not printed again, from wherever the run is retried.
    let other = owner.start(&workflow, json!({"fails": true})).await;
    ended(&owner, &other).await;
    assert_eq!(
        settle(&owner, &series, &format!("RE-{year}-0002"), "void").await,
        204
    );
    let again = retry(&other, json!({"from_node": "check"})).await;
    ended(&owner, &again).await;
    assert_eq!(text(&office, &again), format!("Invoice RE-{year}-0003"));
    assert_eq!(
        states(&owner, &series).await,
        pairs(
            &[("0001", "used"), ("0002", "void"), ("0003", "open")],
            &year
        )
    );
    // It went out by hand.
    assert_eq!(
        settle(&owner, &series, &format!("RE-{year}-0003"), "used").await,
        204
    );
    let last = retry(&again, json!({})).await;
    ended(&owner, &last).await;
    assert_eq!(text(&office, &last), format!("Invoice RE-{year}-0003"));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pattern_gives_no_number_a_second_time() {
    let (office, owner) = Office::open().await;
    let pattern = json!({"pattern": "1{{ number }}", "digits": 1, "yearly": false});
    let series = series(&owner, pattern).await;
    let path = format!("/api/series/{}", series["id"].as_str().expect("an id"));
    let change = async |pattern: &str, digits: u8| {
        let body = json!({"name": "Invoices", "pattern": pattern, "digits": digits});
        owner.put(&path, body).await
    };
    let workflow = office.publish(&owner, document(&series)).await;
    let first = owner.start(&workflow, json!({"fails": false})).await;
    ended(&owner, &first).await;
    assert_eq!(text(&office, &first), "Invoice 11");

    let refused = change("{{ number }}", 1).await.expect(422);
    let problem = &refused["problems"][0];
    assert_eq!(problem["code"], "series_collides", "{refused}");
    assert_eq!(problem["params"]["number"], "11");
    assert_eq!(problem["pointer"], "/pattern");
    change("{{ number }}", 3).await.expect(200);

    // Further ahead than anybody looked.
    office.sql("update number set number = '002'");
    let second = owner.start(&workflow, json!({"fails": false})).await;
    let told = ended(&owner, &second).await;
    assert_eq!(told["error"]["code"], "number_taken", "{told:#}");
    change("N{{ number }}", 3).await.expect(200);
    let retry = owner
        .post(&format!("/api/runs/{second}/retry"), json!({}))
        .await
        .expect(202);
    let retry = retry["id"].as_str().expect("an id");
    assert_eq!(ended(&owner, retry).await["state"], "succeeded");
    assert_eq!(text(&office, retry), "Invoice N002", "nothing is missing");
    office.close().await;
}

/// The same with the day that counts.
fn on_a_day(series: &Json) -> Json {
    let mut document = document(series);
    let fields = document["nodes"][0]["config"]["fields"].as_array_mut();
    fields
        .expect("fields")
        .push(json!({"name": "day", "label": "Day", "kind": "date", "required": true}));
    document["nodes"][1]["config"]["date"] = json!("{{ form.day }}");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn each_year_begins_with_one_unless_the_series_goes_on_and_a_retry_stays_in_its_year() {
    let (office, owner) = Office::open().await;
    for (name, yearly, second) in [("Invoices", true, "0001"), ("Orders", false, "0002")] {
        let series = series(&owner, json!({"name": name, "yearly": yearly})).await;
        let workflow = office.publish(&owner, on_a_day(&series)).await;
        let last = json!({"fails": true, "day": "2026-12-31"});
        let last = owner.start(&workflow, last).await;
        assert_eq!(ended(&owner, &last).await["state"], "failed");
        assert_eq!(text(&office, &last), "Invoice RE-2026-0001");
        let new = json!({"fails": false, "day": "2027-01-01"});
        let new = owner.start(&workflow, new).await;
        ended(&owner, &new).await;
        assert_eq!(text(&office, &new), format!("Invoice RE-2027-{second}"));
        // The retry comes a year later.
        let input = json!({"input": {"fails": false, "day": "2027-01-02"}});
        let again = owner
            .post(&format!("/api/runs/{last}/retry"), input)
            .await
            .expect(202);
        let again = again["id"].as_str().expect("an id");
        ended(&owner, again).await;
        assert_eq!(text(&office, again), "Invoice RE-2026-0001");
        let used = office.sql(&format!(
            "select string_agg(number, ' ' order by number) from number where state = 'used' and series_id = '{}'",
            series["id"].as_str().expect("an id")
        ));
        assert_eq!(used, format!("RE-2026-0001 RE-2027-{second}"));
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_of_a_list_has_its_number_and_a_retry_keeps_them() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({})).await;
    let mut document = document(&series);
    let each = json!({"list": "{{ [1, 2, 3] }}", "concurrency": 2, "result": "{{ no.number }}"});
    let each =
        json!({"id": "each", "type": "for_each", "version": 1, "name": "Each", "config": each});
    let nodes = document["nodes"].as_array_mut().expect("nodes");
    nodes[1]["parent"] = json!("each");
    nodes[2]["config"]["template"] = json!("{{ each.results | join(\", \") }}");
    nodes.push(each);
    document["edges"][0]["to"] = json!("each");
    document["edges"][1]["from"] = json!("each");
    let workflow = office.publish(&owner, document).await;
    let run = owner.start(&workflow, json!({"fails": true})).await;
    assert_eq!(ended(&owner, &run).await["state"], "failed");
    let mut numbers: Vec<String> = text(&office, &run).split(", ").map(str::to_owned).collect();
    let printed = numbers.clone();
    numbers.sort();
    let year = this_year(&office);
    assert_eq!(
        numbers,
        [1, 2, 3].map(|count| format!("RE-{year}-{count:04}"))
    );
    let input = json!({"input": {"fails": false}});
    let again = owner
        .post(&format!("/api/runs/{run}/retry"), input)
        .await
        .expect(202);
    let again = again["id"].as_str().expect("an id");
    assert_eq!(ended(&owner, again).await["state"], "succeeded");
    assert_eq!(text(&office, again), printed.join(", "));
    let all = states(&owner, &series).await;
    assert_eq!(
        all,
        pairs(
            &[("0001", "used"), ("0002", "used"), ("0003", "used")],
            &year
        )
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_of_a_chain_goes_at_a_time() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({})).await;
    let workflow = office.publish(&owner, document(&series)).await;
    let first = owner.start(&workflow, json!({"fails": true})).await;
    ended(&owner, &first).await;
    let path = format!("/api/runs/{first}/retry");
    let second = owner.post(&path, json!({})).await.expect(202)["id"].clone();
    let second = second.as_str().expect("an id");
    ended(&owner, second).await;
    let kept = office.sql(&format!(
        "select finished_at from run where id = '{second}'"
    ));
    // As while it waits for something.
    office.sql(&format!(
        "update run set state = 'waiting', finished_at = null, error = null where id = '{second}' returning id"
    ));
    let refused = owner.post(&path, json!({})).await;
    assert_eq!((refused.status, refused.kind()), (409, "retry_under_way"));
    office.sql(&format!(
        "update run set state = 'failed', finished_at = '{kept}', error = (select error from run where id = '{first}') where id = '{second}' returning id"
    ));
    let third = owner.post(&path, json!({})).await.expect(202)["id"].clone();
    ended(&owner, third.as_str().expect("an id")).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_shows_a_preview_and_draws_nothing() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({})).await;
    let workflow = office.publish(&owner, document(&series)).await;
    let id = workflow["id"].as_str().expect("an id");
    for really_send in [false, true] {
        let trial = owner
            .post(
                &format!("/api/workflows/{id}/trial-runs"),
                json!({"revision": 1, "input": {"fails": false}, "really_send": really_send}),
            )
            .await
            .json;
        let run = trial["id"].as_str().unwrap_or_else(|| panic!("{trial}"));
        assert_eq!(ended(&owner, run).await["state"], "succeeded");
        assert_eq!(text(&office, run), "Invoice PREVIEW");
    }
    assert!(states(&owner, &series).await.is_empty());
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_settled_once_its_run_is_over_and_by_rule_after_days() {
    let (office, owner) = Office::open().await;
    let series = series(&owner, json!({"void_after_days": 7})).await;
    let year = this_year(&office);
    let mut document = document(&series);
    document["nodes"].as_array_mut().expect("nodes").push(json!(
        {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"amount": "5", "unit": "hours"}}));
    document["edges"]
        .as_array_mut()
        .expect("edges")
        .push(json!({"from": "text", "port": "out", "to": "wait"}));
    let workflow = office.publish(&owner, document).await;
    let run = owner.start(&workflow, json!({"fails": false})).await;
    while office.sql(&format!("select state from run where id = '{run}'")) != "waiting" {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        settle(&owner, &series, &format!("RE-{year}-0001"), "void").await,
        409
    );
    owner
        .post(&format!("/api/runs/{run}/stop"), json!({}))
        .await
        .expect(200);
    // The rule of the series looks at how long ago the run ended.
    store::maintenance::pass(&office.store)
        .await
        .expect("a pass");
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "open")], &year)
    );
    office.sql(&format!(
        "update run set finished_at = now() - interval '8 days' where id = '{run}'"
    ));
    store::maintenance::pass(&office.store)
        .await
        .expect("a pass");
    assert_eq!(
        states(&owner, &series).await,
        pairs(&[("0001", "void")], &year)
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_is_checked_kept_while_it_is_used_and_travels_with_the_workflow() {
    let (office, owner) = Office::open().await;
    let wrong = owner
        .post("/api/series", json!({"name": "", "pattern": "{{ year }}"}))
        .await;
    assert_eq!(wrong.status, 422, "{}", wrong.json);
    let codes: Vec<&str> = wrong.json["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|problem| problem["code"].as_str())
        .collect();
    assert_eq!(codes, ["name_invalid", "series_without_number"]);
    let series = series(&owner, json!({})).await;
    let same = owner
        .post(
            "/api/series",
            json!({"name": "invoices", "pattern": "{{ year }}/{{ number }}"}),
        )
        .await;
    assert_eq!(same.json["problems"][0]["code"], "series_name_taken");

    let workflow = office.publish(&owner, document(&series)).await;
    let id = series["id"].as_str().expect("an id");
    let used = owner.delete(&format!("/api/series/{id}")).await;
    assert_eq!((used.status, used.kind()), (409, "series_used"));

    let path = format!("/api/workflows/{}", workflow["id"].as_str().expect("an id"));
    let exported = owner.get(&format!("{path}/export")).await.expect(200);
    assert_eq!(
        exported["series"]["invoices"]["pattern"],
        "RE-{{ year }}-{{ number }}"
    );
    assert_eq!(exported["nodes"][1]["config"]["series"], "invoices");
    let copy = owner
        .post("/api/workflows", json!({"document": exported}))
        .await
        .expect(201);
    assert_eq!(
        copy["draft"]["document"]["nodes"][1]["config"]["series"], id,
        "the series of that name"
    );

    // What is not there cannot be published.
    let mut lost = document(&series);
    lost["nodes"][1]["config"]["series"] = json!("01890000-0000-7000-8000-000000000000");
    let made = owner
        .post("/api/workflows", json!({"document": lost}))
        .await
        .expect(201);
    let refused = owner
        .post(
            &format!(
                "/api/workflows/{}/publish",
                made["id"].as_str().expect("an id")
            ),
            json!({"base_revision": 1}),
        )
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json["problems"][0]["code"], "series_unknown");
    office.close().await;
}
