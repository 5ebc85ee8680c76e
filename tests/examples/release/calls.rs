//! Workflows that call others, that hear of failures, and that answer their callers.

use reqwest::Method;
use serde_json::json;

use crate::{
    documents::{chain, day, form, node, text},
    maker::Maker,
};

/// What is left to do once nothing runs any more.
pub(crate) struct Left {
    /// A paused workflow; what one of its runs called is over, and the run has not gone on.
    caller: String,
}

pub(crate) async fn make(maker: &Maker) -> Left {
    hear_of_failures(maker).await;
    answer(maker).await;
    Left {
        caller: call(maker).await,
    }
}

/// One run whose called run waits, and one whose called run is over.
async fn call(maker: &Maker) -> String {
    let days = json!({"fields": [{"name": "days", "title": "Days", "kind": "integer"}]});
    let price = chain(
        "Price",
        &[
            node("called", "call_input", &days),
            day("wait"),
            node(
                "tell",
                "respond",
                &json!({"values": {"total": "{{ called.days * 3 }}"}}),
            ),
        ],
    );
    let price = maker.publish(price).await;
    let stay = json!({"title": "Stay", "fields": [
        {"name": "days", "label": "Days", "kind": "number", "decimals": 0, "required": true}]});
    let caller = chain(
        "Stay",
        &[
            node("form", "form_input", &stay),
            node(
                "call",
                "workflow_call",
                &json!({"workflow": price, "values": {"days": "{{ form.days }}"}}),
            ),
            text("text", "Total {{ call.answer.total }}"),
        ],
    );
    let caller = maker.publish(caller).await;
    let begin = async |days: u32| {
        let run = maker.run(&caller, json!({ "days": days }), "waiting").await;
        let child = maker.sql(&format!("select id from run where parent_run = '{run}'"));
        maker.until(&child, "waiting").await;
        (run, child)
    };
    begin(2).await;
    let (run, child) = begin(4).await;
    maker.pause(&caller, true).await;
    maker.let_time_pass(&child);
    maker.until(&child, "succeeded").await;
    let step = format!("select state from step where run_id = '{run}' and node = 'call'");
    maker.office.db.until(&step, "ready").await;
    caller
}

/// One run that has failed and was told of, and one that will fail.
async fn hear_of_failures(maker: &Maker) {
    let values =
        ["workflow", "message"].map(|name| json!({"name": name, "title": name, "kind": "text"}));
    let hears = chain(
        "Hears",
        &[
            node("called", "call_input", &json!({ "fields": values })),
            text("text", "{{ called.workflow }}: {{ called.message }}"),
        ],
    );
    let hears = maker.publish(hears).await;
    let halt = json!({"ends": "with_error", "message": "No."});
    let mut fails = chain(
        "Fails",
        &[
            form(&[("customer", "text")]),
            day("wait"),
            node("halt", "stop", &halt),
        ],
    );
    fails["on_failure"] = json!(hears);
    let fails = maker.publish(fails).await;
    let run = maker
        .run(&fails, json!({"customer": "Early"}), "waiting")
        .await;
    maker.let_time_pass(&run);
    maker.until(&run, "failed").await;
    let told = "select state from run where source = 'failure'";
    maker.office.db.until(told, "succeeded").await;
    maker
        .run(&fails, json!({"customer": "Late"}), "waiting")
        .await;
}

/// A caller has its answer, and the run goes on.
async fn answer(maker: &Maker) {
    let shop = chain(
        "Shop",
        &[
            node(
                "order",
                "webhook_input",
                &json!({"answer": "when_done", "fields": [{"name": "order_id", "title": "Order", "kind": "text"}]}),
            ),
            node(
                "reply",
                "respond",
                &json!({"values": {"number": "{{ order.order_id }}"}, "status": 201}),
            ),
            day("later"),
        ],
    );
    let shop = maker.publish(shop).await;
    let told = maker.owner.get(&format!("/api/workflows/{shop}")).await;
    let told = told.expect(200);
    let path = told["hook_urls"][0]["url"]
        .as_str()
        .and_then(|url| url.strip_prefix(&maker.office.address))
        .expect("our own address");
    let caller = maker.office.caller();
    let call = caller
        .request(Method::POST, path)
        .header("idempotency-key", "order-1")
        .json(&json!({"order_id": "A-1"}));
    let answer = caller.send(call).await.expect(201);
    assert_eq!(answer, json!({"number": "A-1"}));
    let state = format!("select state from run where workflow_id = '{shop}'");
    maker.office.db.until(&state, "waiting").await;
}

impl Left {
    pub(crate) async fn leave(&self, maker: &Maker) {
        maker.pause(&self.caller, false).await;
    }
}
