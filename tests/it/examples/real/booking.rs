//! The example that asks a hotel's booking system, which is here.

use std::sync::{Arc, Mutex};

use axum::{Json as JsonBody, Router, http::StatusCode, routing::post};
use formwork_tests::receiver;
use serde_json::{Value as Json, json};

use super::{Agency, OFFICE, node, sample, step, text};

/// A booking system: what it was asked, and its address. What is sent to `/gone` is refused for good.
async fn booking_system() -> (Arc<Mutex<Vec<Json>>>, String) {
    let asked: Arc<Mutex<Vec<Json>>> = Arc::default();
    let asking = asked.clone();
    let take = move |JsonBody(body): JsonBody<Json>| {
        asking.lock().expect("no panic").push(body);
        std::future::ready(())
    };
    let app = Router::new()
        .route("/hook", post(take))
        .route("/gone", post(|| std::future::ready(StatusCode::GONE)));
    (asked, receiver::serve(app).await)
}

/// The example that asks a booking system, which is here.
async fn publish_booking(agency: &Agency, url: &str) -> Json {
    let body = json!({"name": "Booking system", "url": url});
    let endpoint = agency.owner.post("/api/endpoints", body).await.expect(201);
    let change = |draft: &mut Json| {
        node(draft, "ask")["config"]["endpoint"] = endpoint["endpoint"]["id"].clone();
    };
    agency.publish("supplier-confirmation", change).await
}

/// A run that has asked the booking system, or tried to, and waits for it and for four hours.
async fn book(agency: &Agency, workflow: &Json) -> String {
    let run = agency.owner.start(workflow, sample(workflow, 0)).await;
    agency.waits_at(&run, &["answer", "patience"]).await;
    run
}

/// Where the booking system was last told to answer.
fn told_to_answer(asked: &Mutex<Vec<Json>>) -> String {
    let asked = asked.lock().expect("no panic");
    let message = asked.last().expect("a message");
    assert_eq!(message["type"], "booking.requested");
    let link = text(&message["data"]["values"]["answer_to"]);
    let path = link.strip_prefix("http://forms.test").expect("our own");
    path.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_waits_for_the_hotel_and_goes_on_whatever_it_says() {
    let agency = Agency::open().await;
    let (asked, url) = booking_system().await;
    let workflow = publish_booking(&agency, &format!("{url}/hook")).await;
    let hotel = agency.office.caller();

    let run = book(&agency, &workflow).await;
    let answer = json!({"confirmed": true, "reference": "KA-20417"});
    let path = told_to_answer(&asked);
    assert_eq!(hotel.post(&path, answer).await.status, 200);
    let told = agency.succeeded(&run).await;
    let mails = agency.mails(1).await;
    assert_eq!(mails[0].to, ["clara.hoffmann@example.com"]);
    assert_eq!(mails[0].subject, "Klassik Altstadt Hotel is booked");
    mails[0].says(&["for 2 nights", "KA-20417"]);
    // Nobody is asked any more.
    assert_eq!(step(&told, "first")["output"]["from"], "says");
    assert_eq!(step(&told, "patience")["state"], "cancelled");
    assert_eq!(agency.office.sql("select count(*) from approval"), "0");

    let run = book(&agency, &workflow).await;
    let answer = json!({"confirmed": false, "note": "We are full."});
    let path = told_to_answer(&asked);
    assert_eq!(hotel.post(&path, answer).await.status, 200);
    agency.succeeded(&run).await;
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, [OFFICE]);
    mails[1].says(&["another hotel", "We are full."]);
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_four_hours_the_office_calls_the_hotel_and_the_first_to_hear_counts() {
    let agency = Agency::open().await;
    let (asked, url) = booking_system().await;
    let workflow = publish_booking(&agency, &format!("{url}/hook")).await;
    let hotel = agency.office.caller();
    let confirmed = json!({"confirmed": true, "reference": "KA-20417"});
    let late = async |mails: usize| {
        let run = book(&agency, &workflow).await;
        assert_eq!(agency.until(&run, "patience").1, "4");
        agency.time_goes_by_at("patience");
        agency.waits_at(&run, &["call"]).await;
        // The office reads it in its mail, too.
        agency.mails(mails).await;
        run
    };

    // The office hears of it first: the booking system is too late.
    let run = late(1).await;
    let question = agency.question().await;
    assert_eq!(
        question["title"],
        "Has Klassik Altstadt Hotel a room for Clara Hoffmann?"
    );
    let yes = json!({"decision": "approved", "values": {"reference": "Ms Petersen"}});
    agency.decide(&question, yes).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "first")["output"]["from"], "heard");
    assert_eq!(step(&told, "answer")["state"], "cancelled");
    let path = told_to_answer(&asked);
    assert_eq!(hotel.post(&path, confirmed.clone()).await.status, 410);
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, ["clara.hoffmann@example.com"]);
    mails[1].says(&["The hotel's reference is Ms Petersen."]);

    // The booking system is first: the office need not call any more.
    let run = late(3).await;
    let path = told_to_answer(&asked);
    assert_eq!(hotel.post(&path, confirmed).await.status, 200);
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "first")["output"]["from"], "says");
    assert_eq!(step(&told, "call")["state"], "cancelled");
    let asks = format!("select state from approval where run_id = '{run}'");
    assert_eq!(agency.office.sql(&asks), "withdrawn");
    agency.mails(4).await;

    // Neither of them says anything.
    let run = late(5).await;
    agency.time_goes_by();
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "first")["state"], "skipped");
    let mails = agency.mails(6).await;
    assert_eq!(mails[5].to, [OFFICE]);
    assert_eq!(mails[5].subject, "Klassik Altstadt Hotel has not answered");
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_goes_on_without_the_booking_system_when_that_cannot_be_reached() {
    let agency = Agency::open().await;
    let (asked, url) = booking_system().await;
    let workflow = publish_booking(&agency, &format!("{url}/gone")).await;
    let run = book(&agency, &workflow).await;
    agency.time_goes_by_at("patience");
    agency.waits_at(&run, &["call"]).await;
    agency.mails(1).await;
    let question = agency.question().await;
    let reached = json!({"label": "Booking system was reached", "text": "no"});
    let shown = question["shown"].as_array().expect("values");
    assert!(shown.contains(&reached), "{question:#}");
    let no = json!({"decision": "refused", "comment": "They are full."});
    agency.decide(&question, no).await;
    let told = agency.succeeded(&run).await;
    let ask = step(&told, "ask");
    assert_eq!(ask["state"], "failed");
    assert_eq!(ask["error"]["code"], "gone", "{ask:#}");
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, [OFFICE]);
    mails[1].says(&["another hotel", "They are full."]);
    assert!(asked.lock().expect("no panic").is_empty());
    agency.close().await;
}
