//! What is kept: numbers in every state, a table that a run looks into, values that must go, and for how long runs stay.

use serde_json::{Value as Json, json};

use crate::{
    documents::{chain, day, document, form, node, text},
    maker::{Maker, id},
};

/// What is left to do once nothing runs any more.
pub(crate) struct Left {
    /// A run whose private values must go.
    private: String,
    /// A run that is to be older than its workflow keeps runs.
    brief: String,
}

pub(crate) async fn make(maker: &Maker) -> Left {
    draw_numbers(maker).await;
    look_up(maker).await;
    Left {
        private: hold_private_values(maker).await,
        brief: keep(maker).await,
    }
}

/// Used, void, open with a failed run, and open with one that waits, in this order.
async fn draw_numbers(maker: &Maker) {
    let series = json!({"name": "Orders", "pattern": "OR-{{ number }}", "yearly": false});
    let series = id(&maker.make("/api/series", series).await);
    let ways = json!({"ways": [
        {"name": "bad", "title": "Bad", "rules": [{"value": "{{ form.fails }}", "operator": "is_yes"}]},
        {"name": "slow", "title": "Slow", "rules": [{"value": "{{ form.waits }}", "operator": "is_yes"}]}]});
    let halt = json!({"ends": "with_error", "message": "No."});
    let document = document(
        "Order",
        &[
            form(&[
                ("customer", "text"),
                ("fails", "checkbox"),
                ("waits", "checkbox"),
            ]),
            node("no", "number_draw", &json!({ "series": series })),
            text("text", "Order {{ no.number }}"),
            node("check", "branch", &ways),
            node("halt", "stop", &halt),
            day("wait"),
        ],
        &[
            ("form", "out", "no"),
            ("no", "out", "text"),
            ("text", "out", "check"),
            ("check", "bad", "halt"),
            ("check", "slow", "wait"),
        ],
    );
    let workflow = maker.publish(document).await;
    for (customer, fails, waits, state) in [
        ("Used", false, false, "succeeded"),
        ("Void", true, false, "failed"),
        ("Again", true, false, "failed"),
        ("Open", false, true, "waiting"),
    ] {
        let input = json!({"customer": customer, "fails": fails, "waits": waits});
        let run = maker.run(&workflow, input, state).await;
        if customer == "Void" {
            let number = maker.sql(&format!("select id from number where run_id = '{run}'"));
            let settled = json!({"state": "void", "reason": "The order was cancelled"});
            maker
                .make(&format!("/api/numbers/{number}/settle"), settled)
                .await;
        }
    }
    let states = "select string_agg(n.state, ' ' order by n.count) from number n join series s on s.id = n.series_id where s.name = 'Orders'";
    assert_eq!(maker.sql(states), "used void open open");
}

/// A run has looked a row up, will look it up again, and the row has changed meanwhile.
async fn look_up(maker: &Maker) {
    let table = json!({"name": "Hotels", "name_column": "name", "columns": [
        {"name": "name", "title": "Hotel", "kind": "text"},
        {"name": "price", "title": "Price", "kind": "money", "currency": "EUR"}]});
    let table = id(&maker.make("/api/tables", table).await);
    let path = format!("/api/tables/{table}");
    let change = async |changes: Json| {
        let version = maker.owner.get(&path).await.expect(200)["version"].clone();
        let body = json!({"version": version, "locale": "en", "changes": changes});
        maker.make(&format!("{path}/rows"), body).await;
    };
    let add =
        |name: &str, price: &str| json!({"op": "add", "cells": {"name": name, "price": price}});
    change(json!([add("Adler", "120"), add("Post", "90")])).await;
    let form = node(
        "form",
        "form_input",
        &json!({"title": "Hotel", "fields": [{"name": "hotel", "label": "Hotel", "kind": "select", "required": true, "options": [],
            "choices_from": {"table": table, "column": "name"}}]}),
    );
    let find = json!({"table": table, "conditions": [{"column": "name", "operator": "is", "value": "{{ form.hotel }}"}]});
    let document = chain(
        "Hotel",
        &[
            form,
            node("before", "table_lookup", &find),
            day("wait"),
            node("after", "table_lookup", &find),
            text("text", "{{ before.price }} then {{ after.price }}"),
        ],
    );
    let workflow = maker.publish(document).await;
    maker
        .run(&workflow, json!({"hotel": "Adler"}), "waiting")
        .await;
    let rows = maker.owner.get(&format!("{path}/rows")).await.expect(200);
    let adler = &rows["items"][0];
    assert_eq!(adler["cells"]["name"], "Adler");
    let dearer = json!({"op": "set", "row": adler["id"], "revision": adler["revision"], "cells": {"price": "200"}});
    change(json!([dearer])).await;
}

/// Two runs that are over, one of which is to be a day old, and one that waits with a value that goes with its end.
async fn hold_private_values(maker: &Maker) -> String {
    let secret = |name: &str, store: &str| json!({"name": name, "label": name, "kind": "text", "required": true, "store": store});
    let asks = |field: Json| {
        let who = json!({"name": "who", "label": "Who", "kind": "text", "required": true});
        node(
            "form",
            "form_input",
            &json!({"title": "Form", "fields": [field, who]}),
        )
    };
    let refund = chain(
        "Refund",
        &[
            asks(secret("iban", "mask")),
            text("text", "{{ form.who }}: {{ form.iban }}"),
        ],
    );
    let refund = maker.publish(refund).await;
    let visa = chain(
        "Visa",
        &[
            asks(secret("passport", "never")),
            day("wait"),
            text("text", "{{ form.who }}: {{ form.passport }}"),
        ],
    );
    let visa = maker.publish(visa).await;
    let kept = json!({"iban": "DE75512108001245126199", "who": "Kept"});
    maker.run(&refund, kept, "succeeded").await;
    let passport = json!({"passport": "C01X00T47", "who": "Eve"});
    maker.run(&visa, passport, "waiting").await;
    let due = json!({"iban": "DE89370400440532013000", "who": "Due"});
    maker.run(&refund, due, "succeeded").await
}

/// Runs of one workflow are kept for three days, everything else for fifty years.
async fn keep(maker: &Maker) -> String {
    let done = text("text", "Done");
    let brief = maker
        .publish(chain("Brief", &[form(&[("customer", "text")]), done]))
        .await;
    let to = json!({"run_days": 18_250, "most_runs": 100_000, "file_days": 18_250, "most_file_bytes": 1_000_000_000,
        "workflows": [{"id": brief, "days": 3}]});
    maker.owner.put("/api/retention", to).await.expect(200);
    maker
        .run(&brief, json!({"customer": "Ada"}), "succeeded")
        .await
}

impl Left {
    /// Values are due, and a run is too old; ids are instants.
    pub(crate) fn leave(&self, maker: &Maker) {
        let Self { private, brief } = self;
        maker.sql(&format!(
            "update run set finished_at = now() - interval '25 hours' where id = '{private}'"
        ));
        let old = maker.sql(&format!(
            "select left(uuid_floor(now() - interval '10 days')::text, 24) || right('{brief}', 12)"
        ));
        for (table, column) in [
            ("run", "id"),
            ("run", "first_run"),
            ("step", "run_id"),
            ("submission", "run_id"),
        ] {
            maker.sql(&format!(
                "update {table} set {column} = '{old}' where {column} = '{brief}'"
            ));
        }
        maker.sql(&format!(
            "update run set created_at = now() - interval '10 days', finished_at = now() - interval '10 days' where id = '{old}'"
        ));
    }
}
