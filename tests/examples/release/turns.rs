//! Whose turn it is: runs in line, a workflow that is paused, a schedule, and the rows of files.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    documents::{chain, day, form, node, text},
    maker::Maker,
};

/// What is left to do once nothing runs any more.
pub(crate) struct Left {
    /// A workflow that has begun with the rows of one file.
    letters: String,
}

pub(crate) async fn make(maker: &Maker) -> Left {
    stand_in_line(maker).await;
    pause(maker).await;
    plan(maker).await;
    Left {
        letters: begin_rows(maker).await,
    }
}

/// One run goes, two wait for its end.
async fn stand_in_line(maker: &Maker) {
    let mut line = chain("Line", &[form(&[("customer", "text")]), day("wait")]);
    line["concurrency"] = json!({"runs": 1});
    let line = maker.publish(line).await;
    maker
        .run(&line, json!({"customer": "First"}), "waiting")
        .await;
    for customer in ["Second", "Third"] {
        maker.start(&line, json!({ "customer": customer })).await;
    }
    let places =
        "select string_agg((admitted_at is not null)::text, ' ' order by run_id) from run_place";
    assert_eq!(maker.sql(places), "true false false");
}

async fn pause(maker: &Maker) {
    let done = text("text", "Done");
    let paused = maker
        .publish(chain("Paused", &[form(&[("customer", "text")]), done]))
        .await;
    maker.pause(&paused, true).await;
    for customer in ["One", "Two"] {
        maker.start(&paused, json!({ "customer": customer })).await;
    }
}

async fn plan(maker: &Maker) {
    let clock = json!({"mode": "daily", "at": "09:00", "missed": "once"});
    let mut report = chain(
        "Report",
        &[
            node("clock", "schedule_trigger", &clock),
            text("text", "Report of {{ clock.date | date(\"iso\") }}"),
        ],
    );
    // Every day has this moment, and only once.
    report["time_zone"] = json!("UTC");
    maker.publish(report).await;
    assert_eq!(maker.sql("select next_at > now() from schedule"), "t");
}

/// Two rows, of which one is over and the other waits.
async fn begin_rows(maker: &Maker) -> String {
    let asked = form(&[("customer", "text"), ("place", "text")]);
    let letters = maker.publish(chain("Letter", &[asked, day("wait")])).await;
    hand_in(maker, &letters, ["Row 1", "Row 2"]).await;
    let waiting =
        format!("select count(*) from run where workflow_id = '{letters}' and state = 'waiting'");
    maker.office.db.until(&waiting, "2").await;
    let first = maker.sql("select run_id from batch_row order by number limit 1");
    maker.let_time_pass(&first);
    let states = "select string_agg(state, ' ' order by number) from batch_row";
    maker.office.db.until(states, "succeeded begun").await;
    letters
}

/// A file with a row for each customer.
async fn hand_in(maker: &Maker, workflow: &str, customers: [&str; 2]) {
    let rows = customers.map(|customer| format!("{customer};Lübeck\n"));
    let path = format!("/api/workflows/{workflow}");
    let upload = maker
        .owner
        .request(Method::POST, &format!("{path}/batch-files?name=rows.csv"))
        .body(format!("customer;place\n{}", rows.concat()));
    let file = maker.owner.send(upload).await.expect(201)["file"].clone();
    let look = json!({"file": file, "locale": "de"});
    let seen = maker.make(&format!("{path}/batches/preview"), look).await;
    let headings = seen["headings"].as_array().expect("headings");
    let columns: Vec<&Json> = headings.iter().map(|heading| &heading["field"]).collect();
    let start = json!({"file": file, "locale": "de", "trigger": seen["trigger"], "columns": columns, "version": seen["version"],
        "leave_out": []});
    maker.make(&format!("{path}/batches"), start).await;
}

impl Left {
    /// Rows that have not begun.
    pub(crate) async fn leave(&self, maker: &Maker) {
        hand_in(maker, &self.letters, ["Row 3", "Row 4"]).await;
        let states = "select string_agg(state, ' ' order by batch_id, number) from batch_row";
        assert_eq!(maker.sql(states), "succeeded begun ready ready");
    }
}
