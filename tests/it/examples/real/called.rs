//! The examples that call others or are called by them.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

use super::{Agency, OFFICE, node, sample, step, text};

/// A workflow with a changed draft, published.
async fn publish_again(owner: &Caller, path: &str, change: impl FnOnce(&mut Json)) {
    let known = owner.get(path).await.expect(200);
    let mut draft = known["draft"]["document"].clone();
    change(&mut draft);
    let body = json!({"base_revision": known["draft"]["revision"], "document": draft});
    let saved = owner.put(&format!("{path}/draft"), body).await.expect(200);
    let body = json!({"base_revision": saved["revision"]});
    let published = owner.post(&format!("{path}/publish"), body).await;
    published.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_called_example_is_made_once_while_it_is_what_it_was() {
    let (office, owner) = Office::open().await;
    let called = async || {
        let body = json!({"example": "trip-request"});
        let mut made = owner.post("/api/workflows", body).await.expect(201);
        let price = node(&mut made["draft"]["document"], "price");
        text(&price["config"]["workflow"]).to_owned()
    };
    let first = called().await;
    assert_eq!(called().await, first);
    let counted = "select count(*) from workflow where name = 'Trip price'";
    assert_eq!(office.sql(counted), "1");

    // Another name of a step changes nothing for callers; what is asked for does.
    let path = format!("/api/workflows/{first}");
    publish_again(&owner, &path, |draft| {
        node(draft, "ask")["name"] = json!("Asked");
    })
    .await;
    assert_eq!(called().await, first);
    publish_again(&owner, &path, |draft| {
        let fields = node(draft, "ask")["config"]["fields"].as_array_mut();
        let note = json!({"name": "note", "title": "Note", "kind": "text", "optional": true});
        fields.expect("fields").push(note);
    })
    .await;
    let second = called().await;
    assert_ne!(second, first);
    // Nor is one called that is switched off.
    let off = json!({"state": "off"});
    let other = format!("/api/workflows/{second}");
    owner.patch(&other, off).await.expect(200);
    assert!(![first, second].contains(&called().await));
    assert_eq!(office.sql(counted), "3");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_with_what_another_workflow_works_out() {
    let agency = Agency::open().await;
    let workflow = agency
        .publish("trip-request", |draft| {
            let hotels = node(draft, "form")["config"]["fields"][2]["options"].as_array_mut();
            let hotels = hotels.expect("choices");
            hotels.push(json!({"value": "Hotel Sonne"}));
        })
        .await;
    // The one that it calls came with it, and is live.
    let called = agency
        .office
        .sql("select name || ' ' || state from workflow where name = 'Trip price'");
    assert_eq!(called, "Trip price live");
    let run = agency.owner.start(&workflow, sample(&workflow, 0)).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "price")["output"]["answer"]["city"], "Lisbon");
    let ways = |run: &Json| step(run, "extras")["output"]["ways"].clone();
    assert_eq!(ways(&told), json!(["car", "insurance"]));
    let mails = agency.mails(1).await;
    assert_eq!(mails[0].to, ["clara.hoffmann@example.com"]);
    assert_eq!(mails[0].subject, "Casa do Chafariz: €945.00");
    mails[0].says(&[
        "€472.50 each",
        "A rental car costs €190.00 more.",
        "Travel insurance costs €48.00 more.",
    ]);

    // Ten percent less for a group, which comes by bus.
    let run = agency.owner.start(&workflow, sample(&workflow, 1)).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(ways(&told), json!(["insurance"]));
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].subject, "Klassik Altstadt Hotel: €1,493.10");
    mails[1].says(&["€106.65 each", "Travel insurance costs €336.00 more."]);
    assert!(!mails[1].text.contains("rental car"), "{}", mails[1].text);

    // A price that is not known is the office's business.
    let mut input = sample(&workflow, 0);
    input["hotel"] = json!("Hotel Sonne");
    input["extras"] = json!([]);
    let run = agency.owner.start(&workflow, input).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(ways(&told), json!(["otherwise"]));
    let error = &step(&told, "price")["error"];
    assert_eq!(error["code"], "called_run_failed");
    assert_eq!(error["params"]["error"]["code"], "stopped_here");
    let mails = agency.mails(3).await;
    assert_eq!(mails[2].to, [OFFICE]);
    assert_eq!(mails[2].subject, "No price for Hotel Sonne");
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_office_hears_of_a_failed_run() {
    let agency = Agency::open().await;
    let notice = agency.publish("failed-run", |_| ()).await;
    let price = agency
        .publish("trip-price", |draft| {
            draft["on_failure"] = notice["id"].clone();
        })
        .await;
    let run = agency.owner.start(&price, sample(&price, 1)).await;
    let told = agency.succeeded(&run).await;
    let total = &step(&told, "price")["output"]["total"];
    assert_eq!(*total, json!({"amount": "1493.10", "currency": "EUR"}));

    let unknown = json!({"hotel": "Hotel Sonne", "nights": 2, "persons": 2});
    let run = agency.owner.start(&price, unknown).await;
    let mails = agency.mails(1).await;
    assert_eq!(mails[0].to, [OFFICE]);
    assert_eq!(mails[0].subject, "Trip price has failed at “No such hotel”");
    mails[0].says(&[
        "“Hotel Sonne” is not in the price list.",
        &format!("/runs/{run}"),
    ]);
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_e_invoice_is_sent_within_its_pdf_and_taken_back() {
    let agency = Agency::open().await;
    let mut firm = agency.owner.get("/api/firm").await.expect(200);
    firm["street"] = json!(["Hüxstraße 44"]);
    for (name, value) in [
        ("post_code", "23552"),
        ("city", "Lübeck"),
        ("country", "DE"),
        ("vat_id", "DE123456788"),
        ("iban", "DE02120300000000202051"),
    ] {
        firm[name] = json!(value);
    }
    agency.owner.put("/api/firm", firm).await.expect(200);
    let workflow = agency.publish("invoice-business", |_| ()).await;
    let run = agency.owner.start(&workflow, sample(&workflow, 0)).await;
    let told = agency.succeeded(&run).await;
    let made = &step(&told, "xml")["output"];
    let payable = json!({"amount": "4079.68", "currency": "EUR"});
    assert_eq!(made["totals"]["payable"], payable);
    // What people read and what machines do are the same.
    let page = agency.page(&told).await;
    for shown in ["€4,079.68", "€5,079.68", text(&made["number"])] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert_eq!(step(&told, "page")["warnings"], json!([]));
    assert_eq!(agency.mails(1).await[0].to, ["invoices@hoffmann.example"]);

    let path = format!("/api/runs/{run}/credit-note");
    let draft = agency.owner.get(&path).await.expect(200);
    let path = format!("/api/workflows/{}/runs", text(&draft["workflow"]));
    let body = json!({"input": draft["input"], "wait_ms": 20000});
    let credit = agency.owner.post(&path, body).await.expect(200);
    let told = agency.succeeded(text(&credit["id"])).await;
    let credited = &step(&told, "xml")["output"]["totals"]["payable"];
    assert_eq!(*credited, json!({"amount": "5079.68", "currency": "EUR"}));
    let page = agency.page(&told).await;
    for shown in ["Credit note", "€5,079.68", text(&made["number"])] {
        assert!(page.contains(shown), "{shown} in {page}");
    }

    // Where the customer owes the VAT, the page and the XML say so.
    let run = agency.owner.start(&workflow, sample(&workflow, 2)).await;
    let told = agency.succeeded(&run).await;
    let made = &step(&told, "xml")["output"];
    assert_eq!(made["taxes"][0]["reason_code"], "VATEX-EU-AE");
    let page = agency.page(&told).await;
    for shown in ["€1,740.00", "Reverse charge", "ATU12345678"] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let path = format!("/api/runs/{run}/credit-note");
    let draft = agency.owner.get(&path).await.expect(200);
    assert_eq!(draft["input"]["items"][0]["vat_category"], "AE");
    agency.close().await;
}
