//! Steps inside `for_each` run once for each entry; `merge` and `stop` decide how ways meet and how a run ends.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

/// A form with rows `{name, days}`, and these steps behind it, each named as its id.
fn document(steps: &Json, edges: &[(&str, &str, &str)]) -> Json {
    let mut nodes = vec![
        json!({"id": "form", "type": "form_input", "config": {"title": "Guests", "fields": [
            {"name": "guests", "label": "Guests", "kind": "rows", "required": false, "columns": [
                {"name": "name", "label": "Name", "kind": "text", "required": true},
                {"name": "days", "label": "Days", "kind": "number", "decimals": 0, "required": false}]}]}}),
    ];
    nodes.extend_from_slice(steps.as_array().expect("steps"));
    for node in &mut nodes {
        node["version"] = json!(1);
        node["name"] = node["id"].clone();
    }
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
        .collect();
    json!({
        "format": "formwork/1", "name": "Guests", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    })
}

fn text(id: &str, parent: Option<&str>, template: &str) -> Json {
    json!({"id": id, "type": "template_fill", "parent": parent, "config": {"template": template}})
}

/// Puts out `n`.
fn number(id: &str, parent: Option<&str>, value: &str) -> Json {
    json!({"id": id, "type": "set_fields", "parent": parent, "config": {"fields": [
        {"name": "n", "label": "N", "kind": "decimal", "value": value}]}})
}

/// Waits for a day.
fn day(id: &str, parent: Option<&str>) -> Json {
    json!({"id": id, "type": "delay", "parent": parent, "config": {"mode": "for", "amount": "1", "unit": "days"}})
}

/// Fails for Bo.
fn days() -> Json {
    number("number", Some("each"), "{{ 7 / item.days | default(1) }}")
}

fn three_guests() -> Json {
    json!({"guests": [{"name": "Ada", "days": 7}, {"name": "Bo", "days": 0}, {"name": "Cy", "days": 1}]})
}

/// The run, which is over and in this state.
async fn ended(owner: &Caller, run: &str, state: &str) -> Json {
    owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["state"], state, "{told:#}");
    told
}

fn output(office: &Office, run: &str, node: &str) -> Json {
    let text = office.sql(&format!(
        "select output from step where run_id = '{run}' and node = '{node}' and item_path = ''"
    ));
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{node}: {text}"))
}

fn guests(names: &[&str]) -> Json {
    let rows: Vec<Json> = names.iter().map(|name| json!({"name": name})).collect();
    json!({ "guests": rows })
}

#[tokio::test(flavor = "multi_thread")]
async fn results_come_in_the_order_of_the_list_at_any_number_at_once() {
    let (office, owner) = Office::open().await;
    for at_once in [1, 3] {
        let document = document(
            &json!([
                {"id": "each", "type": "for_each", "config":
                    {"list": "{{ form.guests }}", "concurrency": at_once, "result": "{{ greeting.text }}"}},
                text("greeting", Some("each"), "{{ index + 1 }}. Dear {{ item.name }}"),
                text("all", None, "{{ each.results | join(\", \") }}; {{ each.count }}"),
            ]),
            &[("form", "out", "each"), ("each", "out", "all")],
        );
        let run = office
            .start(&owner, document, guests(&["Ada", "Bo", "Cy", "Di"]))
            .await;
        ended(&owner, &run, "succeeded").await;
        assert_eq!(
            output(&office, &run, "all")["text"],
            "1. Dear Ada, 2. Dear Bo, 3. Dear Cy, 4. Dear Di; 4"
        );
        let paths = office.sql(&format!(
            "select string_agg(item_path, ',' order by item_path) from step where run_id = '{run}' and node = 'greeting'"
        ));
        assert_eq!(paths, "0,1,2,3");
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_gives_an_empty_result() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            {"id": "each", "type": "for_each", "config": {"list": "{{ form.guests }}"}},
            text("greeting", Some("each"), "{{ item.name }}"),
        ]),
        &[("form", "out", "each")],
    );
    let run = office.start(&owner, document, guests(&[])).await;
    ended(&owner, &run, "succeeded").await;
    assert_eq!(
        output(&office, &run, "each"),
        json!({"results": [], "count": 0})
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_whose_entries_nobody_could_read_back_is_told() {
    let (office, owner) = Office::open().await;
    let nested = |value: &str| {
        let (open, close) = ("[".repeat(50), "]".repeat(50));
        format!("{{{{ {open}{value}{close} }}}}")
    };
    let deep = json!([{"name": "value", "label": "Value", "kind": "any", "value": nested("1")}]);
    let document = document(
        &json!([
            {"id": "deep", "type": "set_fields", "config": {"fields": deep}},
            {"id": "each", "type": "for_each", "config": {"list": nested("deep.value"), "result": "{{ number.text }}"}},
            text("number", Some("each"), "{{ index }}"),
        ]),
        &[("form", "out", "deep"), ("deep", "out", "each")],
    );
    let run = office.start(&owner, document, guests(&[])).await;
    ended(&owner, &run, "failed").await;
    let error = format!("select error ->> 'code' from run where id = '{run}'");
    assert_eq!(office.sql(&error), "nested_too_deep");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_lie_in_lists_and_an_entry_reads_those_around_it() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            {"id": "outer", "type": "for_each", "config":
                {"list": "{{ form.guests }}", "result": "{{ inner.results | join(\"+\") }}"}},
            {"id": "inner", "type": "for_each", "parent": "outer", "config":
                {"list": "{{ form.guests }}", "result": "{{ pair.text }}"}},
            text("pair", Some("inner"), "{{ outer.item.name }}{{ item.name }}"),
        ]),
        &[("form", "out", "outer")],
    );
    let run = office.start(&owner, document, guests(&["a", "b"])).await;
    let told = ended(&owner, &run, "succeeded").await;
    assert_eq!(
        output(&office, &run, "outer")["results"],
        json!(["aa+ab", "ba+bb"])
    );
    // The run tells it entry by entry, with what each step read.
    let steps: Vec<String> = told["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| {
            format!(
                "{}@{}",
                step["node"].as_str().expect("a node"),
                step["item_path"].as_str().expect("a path")
            )
        })
        .collect();
    assert_eq!(
        steps.join(" "),
        "form@ outer@ inner@0 pair@0.0 pair@0.1 inner@1 pair@1.0 pair@1.1"
    );
    assert_eq!(
        told["steps"][4]["input"],
        json!({"outer.item.name": "a", "item.name": "b"})
    );
    office.close().await;
}

/// One entry in which a step fails, with the rule of the container.
async fn with_a_failure(office: &Office, owner: &Caller, rule: &str, at_once: u32) -> String {
    let document = document(
        &json!([
            {"id": "each", "type": "for_each", "config":
                {"list": "{{ form.guests }}", "on_item_error": rule, "concurrency": at_once, "result": "{{ after.text }}"}},
            days(),
            text("after", Some("each"), "{{ item.name }}"),
        ]),
        &[("form", "out", "each"), ("number", "out", "after")],
    );
    office.start(owner, document, three_guests()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_entry_stops_is_left_out_or_is_listed() {
    let (office, owner) = Office::open().await;
    for at_once in [1, 2] {
        let run = with_a_failure(&office, &owner, "stop", at_once).await;
        let told = ended(&owner, &run, "failed").await;
        assert_eq!(told["error"]["code"], "entry_failed");
        assert_eq!(told["error"]["params"]["number"], 2);

        let run = with_a_failure(&office, &owner, "skip", at_once).await;
        ended(&owner, &run, "succeeded").await;
        assert_eq!(
            output(&office, &run, "each"),
            json!({"results": ["Ada", "Cy"], "count": 2})
        );
        let warned = office.sql(&format!(
            "select warnings -> 0 ->> 'code' from step where run_id = '{run}' and node = 'each'"
        ));
        assert_eq!(warned, "entry_left_out");

        let run = with_a_failure(&office, &owner, "collect", at_once).await;
        ended(&owner, &run, "succeeded").await;
        let each = output(&office, &run, "each");
        assert_eq!(each["results"], json!(["Ada", "Cy"]));
        assert_eq!(each["failed"][0]["number"], 2);
        assert_eq!(each["failed"][0]["node"], "number");
        let cancelled = office.sql(&format!(
            "select state from step where run_id = '{run}' and node = 'after' and item_path = '1'"
        ));
        assert_eq!(cancelled, "cancelled");
    }
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_entries_wait_than_may_be_at_once_and_stop_ends_them_all() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            {"id": "each", "type": "for_each", "config":
                {"list": "{{ form.guests }}", "concurrency": 2, "result": "{{ item.name }}"}},
            day("wait", Some("each")),
        ]),
        &[("form", "out", "each")],
    );
    let run = office
        .start(&owner, document, guests(&["a", "b", "c"]))
        .await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    let waiting = "select string_agg(item_path, ',' order by item_path) from queue_entry";
    assert_eq!(office.sql(waiting), "0,1");
    // The second one comes back first; the third begins.
    office.sql("update queue_entry set due_at = now() where item_path = '1'");
    office.db.until(waiting, "0,2").await;
    owner
        .post(&format!("/api/runs/{run}/stop"), Json::Null)
        .await;
    ended(&owner, &run, "cancelled").await;
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    let open = office.sql("select count(*) from step where finished_at is null");
    assert_eq!(open, "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_gives_the_value_of_the_way_that_was_taken() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            {"id": "check", "type": "branch", "config": {"ways": [
                {"name": "some", "rules": [{"value": "{{ form.guests | length }}", "operator": "greater", "operand": "0"}]}]}},
            text("yes", None, "{{ form.guests | length }} guests"),
            text("no", None, "nobody"),
            {"id": "merged", "type": "merge", "config": {}},
            text("end", None, "{{ merged.value.text }}"),
        ]),
        &[
            ("form", "out", "check"),
            ("check", "some", "yes"),
            ("check", "otherwise", "no"),
            ("yes", "out", "merged"),
            ("no", "out", "merged"),
            ("merged", "out", "end"),
        ],
    );
    let made = office.publish(&owner, document).await;
    for (names, expected) in [(vec!["Ada"], "1 guests"), (vec![], "nobody")] {
        let run = owner.start(&made, guests(&names)).await;
        ended(&owner, &run, "succeeded").await;
        assert_eq!(output(&office, &run, "end")["text"], expected);
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_way_goes_on_and_a_stop_ends_the_other() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            day("late", None),
            text("soon", None, "at once"),
            {"id": "merged", "type": "merge", "config": {"waits_for": "first"}},
            {"id": "end", "type": "stop", "config": {"message": "{{ merged.from }} came first"}},
        ]),
        &[
            ("form", "out", "late"),
            ("form", "out", "soon"),
            ("late", "out", "merged"),
            ("soon", "out", "merged"),
            ("merged", "out", "end"),
        ],
    );
    let run = office.start(&owner, document, guests(&[])).await;
    ended(&owner, &run, "succeeded").await;
    assert_eq!(output(&office, &run, "end")["message"], "soon came first");
    let late = office.sql(&format!(
        "select state from step where run_id = '{run}' and node = 'late'"
    ));
    assert_eq!(late, "cancelled");
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failure_no_further_entry_begins_where_the_list_stops() {
    let (office, owner) = Office::open().await;
    let document = document(
        &json!([
            {"id": "each", "type": "for_each", "config": {"list": "{{ form.guests }}", "result": "{{ item.name }}"}},
            day("wait", Some("each")),
            days(),
        ]),
        &[("form", "out", "each"), ("wait", "out", "number")],
    );
    let run = office.start(&owner, document, three_guests()).await;
    let waiting = "select string_agg(item_path, ',' order by item_path) from queue_entry";
    for entry in ["0", "1"] {
        office.db.until(waiting, entry).await;
        office.sql("update queue_entry set due_at = now()");
    }
    let told = ended(&owner, &run, "failed").await;
    assert_eq!(told["error"]["code"], "entry_failed");
    assert_eq!(told["error"]["params"]["number"], 2);
    assert_eq!(
        office.sql("select count(*) from step where item_path = '2'"),
        "0"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_beside_each_other_send_each_message_once() {
    let (office, owner) = Office::open().await;
    let endpoint = owner.endpoint("http://127.0.0.1:9/hook").await;
    let names: Vec<String> = (0..30).map(|number| format!("guest {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let document = document(
        &json!([
            {"id": "each", "type": "for_each", "config":
                {"list": "{{ form.guests }}", "concurrency": 4, "result": "{{ text.text }}"}},
            text("text", Some("each"), "Dear {{ item.name }}"),
            {"id": "send", "type": "webhook_deliver", "parent": "each", "config":
                {"endpoint": endpoint, "values": {"text": "{{ text.text }}"}}},
        ]),
        &[("form", "out", "each"), ("text", "out", "send")],
    );
    let run = office.start(&owner, document, guests(&names)).await;
    ended(&owner, &run, "succeeded").await;
    assert_eq!(output(&office, &run, "each")["count"], 30);
    assert_eq!(
        office.sql("select count(*), count(distinct item_path) from delivery"),
        "30|30"
    );
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_carries_errors_and_a_retry_may_begin_with_it() {
    let (office, owner) = Office::open().await;
    let failing = |id: &str| {
        let mut node = number(id, None, "{{ 1 / 0 }}");
        node["on_error"] = json!("branch");
        node
    };
    let document = document(
        &json!([
            failing("one"),
            failing("two"),
            {"id": "merged", "type": "merge", "config": {"waits_for": "first"}},
            text("end", None, "{{ merged.from }}: {{ merged.value.code }}"),
        ]),
        &[
            ("form", "out", "one"),
            ("form", "out", "two"),
            ("one", "error", "merged"),
            ("two", "error", "merged"),
            ("merged", "out", "end"),
        ],
    );
    let run = office.start(&owner, document, guests(&[])).await;
    ended(&owner, &run, "succeeded").await;
    let text = output(&office, &run, "end")["text"].clone();
    let (from, code) = text
        .as_str()
        .and_then(|text| text.split_once(": "))
        .expect("a text");
    assert!(["one", "two"].contains(&from) && !code.is_empty(), "{text}");
    let again = owner
        .post(
            &format!("/api/runs/{run}/retry"),
            json!({"from_node": "merged"}),
        )
        .await;
    let again = again.json["id"].as_str().expect("a run").to_owned();
    ended(&owner, &again, "succeeded").await;
    office.close().await;
}
