//! Invoices with their texts and files, and messages in every state: by webhook and by mail, waited for and not, of runs and of trials.

use formwork_tests::smtp::{MailReceiver, Told};
use reqwest::Method;
use serde_json::{Value as Json, json};
use store::{
    delivery, generation,
    queue::{self, ClaimForm, Holder},
    worker::{self, Kind},
};

use crate::{
    documents::{chain, form, node},
    maker::{Maker, id},
};

/// Longer than it takes to make the fixture.
const HOUR_MS: u64 = 3_600_000;

/// What is left to do once nothing runs any more.
pub(crate) struct Left {
    sent: String,
    /// Two runs of it, whose messages have arrived.
    delivered: [String; 2],
}

struct Workflows {
    invoices: String,
    sent: String,
    refused: String,
    gone: String,
    receipt: String,
    later: String,
    wrong: String,
    write: String,
}

pub(crate) async fn make(maker: &Maker, url: &str) -> Left {
    let workflows = publish(maker, url).await;
    end(maker, &workflows).await;
    try_out(maker, &workflows).await;
    wait(maker, &workflows).await;
    let delivered = [
        maker.start(&workflows.sent, customer("Ada")).await,
        maker.start(&workflows.sent, customer("Ada")).await,
    ];
    for run in &delivered {
        until_delivery(maker, run, "delivered").await;
    }
    Left {
        sent: workflows.sent,
        delivered,
    }
}

fn customer(name: &str) -> Json {
    json!({ "customer": name })
}

fn letter() -> Json {
    json!({"customer": "Anna", "email": "anna@example.com"})
}

fn invoice(note: Option<&str>) -> Json {
    json!({
        "customer": "Änne Müller", "address": "Hüxstraße 44\n23552 Lübeck", "date": "2027-03-08",
        "due": "2027-03-22", "note": note,
        "lines": [{"description": "Work", "quantity": "3", "unit_price": {"amount": "0.10", "currency": "EUR"}, "vat_rate": "19"}]
    })
}

async fn until_delivery(maker: &Maker, run: &str, state: &str) -> String {
    let query = format!("select state from delivery where run_id = '{run}'");
    maker.office.db.until(&query, state).await;
    maker.sql(&format!("select id from delivery where run_id = '{run}'"))
}

async fn endpoint(maker: &Maker, name: &str, url: String) -> String {
    let body = json!({"name": name, "url": url, "attach": "link"});
    id(&maker.make("/api/endpoints", body).await["endpoint"])
}

/// The shipped invoice, sent to an endpoint; saved and published twice.
async fn publish_invoice(maker: &Maker, endpoint: &str) -> String {
    let made = maker
        .make("/api/workflows", json!({"example": "invoice"}))
        .await;
    let path = format!("/api/workflows/{}", id(&made));
    maker
        .make(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await;
    let mut document = made["draft"]["document"].clone();
    for node in document["nodes"].as_array_mut().expect("steps") {
        if node["type"] == "webhook_deliver" {
            node["config"]["endpoint"] = json!(endpoint);
        }
    }
    let draft = json!({"base_revision": 1, "document": document});
    let request = maker.owner.request(Method::PUT, &format!("{path}/draft"));
    maker.owner.send(request.json(&draft)).await.expect(200);
    maker
        .make(&format!("{path}/publish"), json!({"base_revision": 2}))
        .await;
    id(&made)
}

async fn publish(maker: &Maker, url: &str) -> Workflows {
    // Nothing is taken as long as the fixture is made: whoever loads it receives all mails.
    let mails = MailReceiver::start(&[Told::Answer("451 4.3.0 try again later"); 100]).await;
    let settings = json!({
        "host": "127.0.0.1", "port": mails.port, "encryption": "none", "sender_name": "Office", "sender_address": "office@reise.test",
    });
    maker.owner.put("/api/mail", settings).await.expect(200);
    let ok = endpoint(maker, "Office", format!("{url}/ok")).await;
    let busy = endpoint(maker, "Busy", format!("{url}/busy")).await;
    let gone = endpoint(maker, "Gone", format!("{url}/gone")).await;
    let short = async |name: &str, step: Json| {
        let form = form(&[("customer", "text")]);
        maker.publish(chain(name, &[form, step])).await
    };
    let send = |endpoint: &str, wait: bool| {
        let values = json!({"customer": "{{ form.customer }}"});
        let config = json!({"endpoint": endpoint, "wait_for_receipt": wait, "values": values});
        node("step", "webhook_deliver", &config)
    };
    let fetch = |url: &str| {
        node(
            "step",
            "http_request",
            &json!({"url": url, "answer": "none"}),
        )
    };
    // Nobody listens on port 9.
    let mut tries = fetch("http://127.0.0.1:9/");
    tries["on_error"] = json!("continue");
    tries["retry"] =
        json!({"max_attempts": 2, "first_ms": HOUR_MS, "factor": 1, "max_ms": HOUR_MS});
    let mail = node(
        "step",
        "email_send",
        &json!({"to": ["{{ form.email }}"], "subject": "For {{ form.customer }}", "text": "Thank you."}),
    );
    let write = chain(
        "Write",
        &[form(&[("customer", "text"), ("email", "email")]), mail],
    );
    Workflows {
        invoices: publish_invoice(maker, &ok).await,
        sent: short("Sent", send(&ok, false)).await,
        refused: short("Refused", send(&busy, false)).await,
        gone: short("Gone", send(&gone, false)).await,
        receipt: short("Receipt", send(&busy, true)).await,
        later: short("Later", tries).await,
        wrong: short("Wrong", fetch("http://10.0.0.1/")).await,
        write: maker.publish(write).await,
    }
}

/// Over: succeeded, failed, retried, cancelled; deliveries that arrived, were given up and stopped.
async fn end(maker: &Maker, workflows: &Workflows) {
    let done = invoice(Some("Thank you."));
    let run = maker.run(&workflows.invoices, done, "succeeded").await;
    until_delivery(maker, &run, "delivered").await;
    let run = maker.start(&workflows.gone, customer("Ada")).await;
    until_delivery(maker, &run, "given_up").await;
    let run = maker.start(&workflows.refused, customer("Ada")).await;
    let stopped = until_delivery(maker, &run, "retrying").await;
    maker
        .make(&format!("/api/deliveries/{stopped}/stop"), json!({}))
        .await;
    let run = maker.run(&workflows.wrong, customer("Ada"), "failed").await;
    let again = maker
        .make(&format!("/api/runs/{run}/retry"), json!({}))
        .await;
    maker.until(&id(&again), "failed").await;
    let run = maker
        .run(&workflows.invoices, invoice(None), "waiting")
        .await;
    maker
        .make(&format!("/api/runs/{run}/stop"), json!({}))
        .await;
}

/// Trial runs that are over, their messages held, and one that waits.
async fn try_out(maker: &Maker, workflows: &Workflows) {
    let (invoices, write) = (&workflows.invoices, &workflows.write);
    for (workflow, revision, input, state) in [
        (invoices, 2, invoice(Some("Thank you.")), "succeeded"),
        (invoices, 2, invoice(None), "waiting"),
        (write, 1, letter(), "succeeded"),
    ] {
        let trial = maker.try_out(workflow, revision, input).await;
        maker.until(&trial, state).await;
    }
}

/// Waiting for a model, for a receipt and for the next try; a mail that was not taken.
async fn wait(maker: &Maker, workflows: &Workflows) {
    for _ in 0..2 {
        maker
            .run(&workflows.invoices, invoice(None), "waiting")
            .await;
    }
    let run = maker.start(&workflows.receipt, customer("Ada")).await;
    until_delivery(maker, &run, "retrying").await;
    let run = maker
        .run(&workflows.later, customer("Ada"), "waiting")
        .await;
    // The pause is drawn, and might be short.
    maker.sql(&format!(
        "update queue_entry set due_at = now() + interval '1 hour' where run_id = '{run}'"
    ));
    let run = maker.run(&workflows.write, letter(), "succeeded").await;
    until_delivery(maker, &run, "retrying").await;
}

impl Left {
    /// What a sudden end leaves: runs that are queued or leased, a text and a message under way, messages that are due. Nothing else may
    /// be due yet.
    pub(crate) async fn leave(&self, maker: &Maker) {
        let store = &maker.office.store;
        let lost = worker::register(store, Kind::Run, "lost", &json!({}))
            .await
            .expect("registered");
        let holder = Holder {
            worker: lost,
            lease_ms: 30_000,
        };
        let claimed = generation::claim(store, lost, &[], 30_000)
            .await
            .expect("claim");
        assert!(claimed.is_some(), "a text is under way");
        // Whatever was to be tried again soon is not what is taken now.
        maker
            .sql("update delivery set due_at = now() + interval '1 hour' where state = 'retrying'");
        for run in &self.delivered {
            maker.sql(&format!(
                "update delivery set state = 'due', due_at = now(), finished_at = null, attempts = 0, tries = 0 where run_id = '{run}'"
            ));
        }
        let sending = delivery::claim(store, holder, 1, 1).await.expect("claim");
        assert_eq!(sending.len(), 1, "a message is under way");
        let mail = maker.sql(
            "select id from delivery where channel = 'mail' and state = 'retrying' and message ->> 'type' = 'mail.message'",
        );
        maker
            .make(&format!("/api/deliveries/{mail}/send-again"), json!({}))
            .await;
        maker.start(&self.sent, customer("Leased")).await;
        let mut turn = queue::Turn::default();
        let leased = queue::claim(store, holder, &mut turn, 1, ClaimForm::SkipLocked)
            .await
            .expect("claim");
        assert_eq!(leased.len(), 1, "a run is under way");
        assert_eq!(leased[0].run.title, "Leased");
        maker.sql(&format!(
            "update run set state = 'running', started_at = now() where id = '{}'",
            leased[0].lease.run
        ));
        maker.start(&self.sent, customer("Queued")).await;
    }
}
