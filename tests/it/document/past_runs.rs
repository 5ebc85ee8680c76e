//! The runs that a document's samples can be taken from: found by document, number, workflow, text and day.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

use super::draft::{make, workflow};

/// Publishes a workflow and runs it to its end; both ids.
async fn ended(office: &Office, owner: &Caller, document: Json, customer: &str) -> (Json, Json) {
    let made = office.publish(owner, document).await;
    let path = format!(
        "/api/workflows/{}/runs",
        made["id"].as_str().expect("an id")
    );
    let euro = json!({"amount": "7.50", "currency": "EUR"});
    let body = json!({"input": {"customer": customer, "total": euro}, "wait_ms": 25_000});
    let run = owner.post(&path, body).await.expect(200);
    assert_eq!(run["state"], "succeeded", "{run}");
    (made["id"].clone(), run["id"].clone())
}

#[tokio::test]
async fn past_runs_of_a_document_are_found() {
    let (office, owner) = Office::open().await;
    let (_, id) = make(&owner).await;
    let (_, other) = make(&owner).await;
    let series = json!({"name": "Letters", "pattern": "LT-{{ year }}-{{ number }}"});
    let series = owner.post("/api/series", series).await.expect(201);
    let mut numbered = workflow(&id, "keep");
    numbered["name"] = json!("Numbered");
    numbered["nodes"].as_array_mut().expect("nodes").insert(
        1,
        json!({"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series["id"]}}),
    );
    numbered["edges"] = json!([
        {"from": "form", "port": "out", "to": "no"},
        {"from": "no", "port": "out", "to": "page"},
    ]);
    let (letters, ada) = ended(&office, &owner, workflow(&id, "keep"), "Ada").await;
    let (_, bo) = ended(&office, &owner, numbered, "Bo").await;
    ended(&office, &owner, workflow(&other, "keep"), "Ada").await;

    let id = id.as_str().expect("an id");
    let found = async |query: &str| {
        let path = format!("/api/runs?document={id}{query}");
        let page = owner.get(&path).await.expect(200);
        let items = page["items"].as_array().expect("items").iter();
        items.map(|run| run["id"].clone()).collect::<Vec<Json>>()
    };
    let (ada, bo) = (ada.as_str().expect("an id"), bo.as_str().expect("an id"));
    assert_eq!(found("").await, [bo, ada]);
    assert_eq!(found("&q=lt-").await, [bo]);
    assert_eq!(found("&q=numbered").await, [bo]);
    assert_eq!(found("&q=ada").await, [ada]);
    let letters = letters.as_str().expect("an id");
    assert_eq!(found(&format!("&workflow={letters}")).await, [ada]);
    assert_eq!(found(&format!("&after={bo}")).await, [ada]);

    // Half an hour before midnight in London is the next day where the firm is.
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["time_zone"] = json!("Europe/Berlin");
    owner.put("/api/firm", firm).await.expect(200);
    office.sql(&format!(
        "update run set created_at = '2026-03-01T23:30:00Z' where id = '{ada}'"
    ));
    assert_eq!(found("&from=2026-03-02&until=2026-03-02").await, [ada]);
    assert_eq!(found("&until=2026-03-02").await, [ada]);
    assert_eq!(found("&until=2026-03-01").await, Vec::<Json>::new());
    assert_eq!(found("&from=2026-03-03").await, [bo]);
    for wrong in ["from=yesterday", "from=1969-12-31", "until=9999-12-31"] {
        owner.get(&format!("/api/runs?{wrong}")).await.expect(400);
    }
    office.close().await;
}
