//! Runs that wait: for a time, for people, for another program, for the other way, for entries of a list; and steps with limits.

use serde_json::{Value as Json, json};

use crate::{
    documents::{chain, day, document, form, node, text},
    maker::{Maker, Receiver},
};

/// Thirty days.
const LIMIT_MS: u64 = 2_592_000_000;

/// What is left to do once nothing runs any more.
pub(crate) struct Left {
    /// A run whose question is still open.
    asked: String,
    /// A paused workflow, a step of which nobody has taken up.
    limited: String,
}

pub(crate) async fn make(maker: &Maker, receiver: &Receiver) -> Left {
    until_a_day(maker).await;
    let asked = ask_people(maker).await;
    call_back(maker).await;
    go_through_a_list(maker).await;
    meet(maker).await;
    Left {
        asked,
        limited: limit(maker, receiver).await,
    }
}

async fn until_a_day(maker: &Maker) {
    let wait = node(
        "wait",
        "delay",
        &json!({"mode": "until", "until": "{{ form.day }}"}),
    );
    let told = text("text", "until {{ wait.until | date(\"iso\") }}");
    let document = chain("Until", &[form(&[("day", "date")]), wait, told]);
    let workflow = maker.publish(document).await;
    let day = maker.sql("select current_date + 30");
    maker.run(&workflow, json!({ "day": day }), "waiting").await;
}

/// A form, a question about it, and a text if it is approved.
fn question(name: &str, ask: &Json) -> Json {
    document(
        name,
        &[
            form(&[("customer", "text")]),
            ask.clone(),
            text(
                "yes",
                "{{ form.customer }} may: {{ ask.comment | default(\"-\") }}",
            ),
        ],
        &[("form", "out", "ask"), ("ask", "approved", "yes")],
    )
}

/// Members and somebody outside; one question has a limit. The run whose question is answered later.
async fn ask_people(maker: &Maker) -> String {
    let title = "May {{ form.customer }}?";
    let members = json!({"who": "everybody", "by_mail": false, "title": title});
    let mut ask = node("ask", "approval_ask", &members);
    let workflow = maker.publish(question("Approval", &ask)).await;
    maker
        .run(&workflow, json!({"customer": "Open"}), "waiting")
        .await;
    let asked = maker
        .run(&workflow, json!({"customer": "Answered"}), "waiting")
        .await;
    ask["limits"] = json!({ "total_ms": LIMIT_MS });
    let workflow = maker.publish(question("Overdue", &ask)).await;
    maker
        .run(&workflow, json!({"customer": "Late"}), "waiting")
        .await;
    let outside =
        json!({"who": "outside", "addresses": ["Boss <boss@example.com>"], "title": title});
    let ask = node("ask", "approval_ask", &outside);
    let workflow = maker.publish(question("Outside", &ask)).await;
    maker
        .run(&workflow, json!({"customer": "Anna"}), "waiting")
        .await;
    let mail = "select state from delivery where message ->> 'type' <> 'mail.message' and channel = 'mail'";
    maker.office.db.until(mail, "retrying").await;
    asked
}

async fn call_back(maker: &Maker) {
    let waits = json!({
        "fields": [{"name": "amount", "kind": "money"}, {"name": "reference", "kind": "text"}],
        "sample": "{\"amount\": {\"amount\": \"1.00\", \"currency\": \"EUR\"}, \"reference\": \"S-1\"}",
    });
    let document = document(
        "Pay",
        &[
            form(&[("customer", "text")]),
            text("link", "{{ run.links.paid }}"),
            node("paid", "callback_wait", &waits),
            text("done", "{{ paid.amount }} {{ paid.reference }}"),
        ],
        &[
            ("form", "out", "link"),
            ("link", "out", "paid"),
            ("paid", "called", "done"),
        ],
    );
    let workflow = maker.publish(document).await;
    maker
        .run(&workflow, json!({"customer": "Ada"}), "waiting")
        .await;
}

/// Two of five entries at once: the first one is over, the second and the third wait, the others have not begun.
async fn go_through_a_list(maker: &Maker) {
    let guests = node(
        "form",
        "form_input",
        &json!({"title": "Guests", "fields": [{"name": "guests", "label": "Guests", "kind": "rows", "required": true, "columns": [
            {"name": "name", "label": "Name", "kind": "text", "required": true}]}]}),
    );
    let each =
        json!({"list": "{{ form.guests }}", "concurrency": 2, "result": "{{ greeting.text }}"});
    let mut inside = [
        day("wait"),
        text("greeting", "{{ index + 1 }}. {{ item.name }}"),
    ];
    for node in &mut inside {
        node["parent"] = json!("each");
    }
    let [wait, greeting] = inside;
    let all = text("all", "{{ each.results | join(\", \") }}; {{ each.count }}");
    let document = document(
        "Guests",
        &[guests, node("each", "for_each", &each), wait, greeting, all],
        &[
            ("form", "out", "each"),
            ("wait", "out", "greeting"),
            ("each", "out", "all"),
        ],
    );
    let workflow = maker.publish(document).await;
    let names = ["Ada", "Bo", "Cy", "Di", "Eve"].map(|name| json!({ "name": name }));
    let run = maker
        .run(&workflow, json!({ "guests": names }), "waiting")
        .await;
    let waiting = format!(
        "select string_agg(item_path, ',' order by item_path) from queue_entry where run_id = '{run}'"
    );
    maker.office.db.until(&waiting, "0,1").await;
    maker.sql(&format!(
        "update queue_entry set due_at = now() where run_id = '{run}' and item_path = '0'"
    ));
    maker.office.db.until(&waiting, "1,2").await;
}

/// A merge that has one of its two ways, and one that has gone on with the first while the other is still to come.
async fn meet(maker: &Maker) {
    let both = document(
        "Both ways",
        &[
            form(&[("customer", "text")]),
            text("soon", "at once"),
            day("late"),
            node("merged", "merge", &json!({})),
            text("end", "{{ soon.text }} and later"),
        ],
        &[
            ("form", "out", "soon"),
            ("form", "out", "late"),
            ("soon", "out", "merged"),
            ("late", "out", "merged"),
            ("merged", "out", "end"),
        ],
    );
    let workflow = maker.publish(both).await;
    let run = maker
        .run(&workflow, json!({"customer": "Ada"}), "waiting")
        .await;
    let soon = format!("select state from step where run_id = '{run}' and node = 'soon'");
    maker.office.db.until(&soon, "succeeded").await;
    let first = document(
        "First way",
        &[
            form(&[("customer", "text")]),
            text("soon", "at once"),
            day("late"),
            node("merged", "merge", &json!({"waits_for": "first"})),
            day("rest"),
            text("end", "{{ merged.from }} came first"),
        ],
        &[
            ("form", "out", "soon"),
            ("form", "out", "late"),
            ("soon", "out", "merged"),
            ("late", "out", "merged"),
            ("merged", "out", "rest"),
            ("rest", "out", "end"),
        ],
    );
    let workflow = maker.publish(first).await;
    let run = maker.start(&workflow, json!({"customer": "Ada"})).await;
    let waiting = format!(
        "select string_agg(node, ',' order by node) from step where run_id = '{run}' and state = 'waiting'"
    );
    maker.office.db.until(&waiting, "late,rest").await;
}

/// A step that is ready and has limits: its workflow was paused while the step before was under way.
async fn limit(maker: &Maker, receiver: &Receiver) -> String {
    let url = format!("{}/slow", receiver.url);
    let slow = node(
        "slow",
        "http_request",
        &json!({"url": url, "answer": "none"}),
    );
    let mut last = text("text", "taken up");
    last["limits"] = json!({"start_ms": LIMIT_MS, "total_ms": LIMIT_MS});
    let document = chain("In time", &[form(&[("customer", "text")]), slow, last]);
    let workflow = maker.publish(document).await;
    let run = maker.start(&workflow, json!({"customer": "Ada"})).await;
    receiver.asked.notified().await;
    maker.pause(&workflow, true).await;
    receiver.gate.add_permits(1);
    let last = format!(
        "select state, start_by is not null from step where run_id = '{run}' and node = 'text'"
    );
    maker.office.db.until(&last, "ready|t").await;
    workflow
}

impl Left {
    /// Answered, and nobody has gone on with it; a step that may be taken up.
    pub(crate) async fn leave(&self, maker: &Maker) {
        let approval = maker.sql(&format!(
            "select id from approval where run_id = '{}'",
            self.asked
        ));
        let answer = json!({"decision": "approved", "comment": "Go on"});
        maker
            .make(&format!("/api/approvals/{approval}/answer"), answer)
            .await;
        maker.pause(&self.limited, false).await;
    }
}
