//! Workflows that use a table: what they need of it is checked and pinned, it cannot be deleted under them, and exports take it along.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

use super::{Hotels, by_name, codes, ended, quote};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_workflow_needs_of_a_table_is_checked_pinned_and_kept() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let used = owner.delete(&hotels.path).await;
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    assert_eq!(
        owner.get(&hotels.path).await.expect(200)["used_by"][0]["name"],
        "Quote"
    );
    // One that nothing reads goes, and runs go on.
    let less = json!([{"name": "name", "title": "Hotel", "kind": "text"}, {"name": "price", "title": "Price", "kind": "money", "currency": "EUR"}]);
    hotels.write(&owner, less, true).await.expect(200);
    let run = owner
        .start(&published, json!({"hotel": "Adler", "nights": 1}))
        .await;
    assert_eq!(ended(&owner, &run, "text").await.0, "succeeded");
    // A column that the step reads goes: the editor says so, publishing is refused, and a run of the live version fails in words.
    let less = json!([{"name": "name", "title": "Hotel", "kind": "text"}, {"name": "city", "title": "City", "kind": "text", "optional": true}]);
    hotels.write(&owner, less, true).await.expect(200);
    let run = owner
        .start(&published, json!({"hotel": "Adler", "nights": 1}))
        .await;
    let (state, error) = ended(&owner, &run, "found").await;
    assert_eq!(
        (state.as_str(), &error["code"], &error["params"]["column"]),
        ("failed", &json!("table_column_changed"), &json!("Price"))
    );
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let refused = owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await;
    assert_eq!(
        (refused.status, codes(&refused)[0].1.as_str()),
        (422, "unknown_reference")
    );
    // Nobody of another workspace, and no id of nobody: the check tells it like a table that is gone.
    let nobody = "01890000-0000-7000-8000-000000000000";
    let body = json!({"document": quote(nobody, &by_name(nobody))});
    let checked = owner.post(&format!("{path}/check"), body).await.expect(200);
    let told: Vec<_> = checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| {
            (
                problem["pointer"].as_str().unwrap(),
                problem["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        told.contains(&(
            "/nodes/0/config/fields/0/choices_from/table",
            "table_missing"
        )),
        "{told:?}"
    );
    assert!(
        told.contains(&("/nodes/1/config/table", "table_missing")),
        "{told:?}"
    );
    office.close().await;
}

/// A form that asks for nothing.
fn plain() -> Json {
    json!({
        "format": "formwork/1", "name": "Quote", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [{"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Quote", "fields": [
            {"name": "note", "label": "Note", "kind": "text"}]}}],
        "edges": [],
    })
}

/// Saves a draft on top of revision `base` of a workflow.
async fn save(owner: &Caller, path: &str, base: u32, document: Json) {
    let draft = json!({"base_revision": base, "document": document});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_a_workflow_is_published_is_not_pinned() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let series = json!({"name": "Quotes", "pattern": "Q-{{ year }}-{{ number }}"});
    let series = owner.post("/api/series", series).await.expect(201);
    let mut document = quote(&hotels.id, &by_name(&hotels.id));
    document["nodes"].as_array_mut().unwrap().extend([
        json!({"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series["id"]}}),
        json!({"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
            "document": "quote", "file_name": "quote.pdf", "values": {"hotel": "{{ form.hotel }}"}}}),
    ]);
    document["edges"].as_array_mut().unwrap().extend([
        json!({"from": "text", "port": "out", "to": "no"}),
        json!({"from": "no", "port": "out", "to": "page"}),
    ]);
    document["documents"] = json!({"quote": {
        "format": "formwork-document/1", "title": "Quote", "fields": [{"name": "hotel", "title": "Hotel", "kind": "text"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ hotel }}"}]}});
    let made = json!({ "document": document });
    let made = owner.post("/api/workflows", made).await.expect(201);
    let path = format!("/api/workflows/{}/publish", made["id"].as_str().unwrap());
    for table in ["data_table", "document", "series"] {
        let deleting = format!("update {table} set deleted_at = now()");
        let deleting = office.db.hold(&deleting);
        let (caller, at) = (owner.clone(), path.clone());
        let publishing =
            tokio::spawn(async move { caller.post(&at, json!({"base_revision": 1})).await });
        office.db.until_waiting(1).await;
        deleting.commit();
        let refused = publishing.await.unwrap();
        assert_eq!(
            (refused.status, refused.kind()),
            (409, "resource_gone"),
            "{table}"
        );
        assert_eq!(office.sql("select count(*) from version"), "0", "{table}");
        office.sql(&format!("update {table} set deleted_at = null"));
    }
    let published = owner.post(&path, json!({"base_revision": 1})).await;
    published.expect(201);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_gets_a_user_while_it_is_deleted_stays() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let made = json!({ "document": plain() });
    let made = owner.post("/api/workflows", made).await.expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().unwrap());
    // As another publication would hold it.
    let holding = format!(
        "select from data_table where id = '{}' for share",
        hotels.id
    );
    let holding = office.db.hold(&holding);
    let (caller, at) = (owner.clone(), hotels.path.clone());
    let deleting = tokio::spawn(async move { caller.delete(&at).await });
    office.db.until_waiting(1).await;
    save(&owner, &path, 1, quote(&hotels.id, &by_name(&hotels.id))).await;
    let base = json!({"base_revision": 2});
    let published = owner.post(&format!("{path}/publish"), base).await;
    published.expect(201);
    holding.commit();
    let used = deleting.await.unwrap();
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    owner.get(&hotels.path).await.expect(200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_switched_off_keeps_its_table() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let off = owner.patch(&path, json!({"state": "off"})).await;
    off.expect(200);
    save(&owner, &path, 1, plain()).await;
    let used = owner.delete(&hotels.path).await;
    assert_eq!((used.status, used.kind()), (409, "table_used"));
    let live = owner.patch(&path, json!({"state": "live"})).await;
    live.expect(200);
    let input = json!({"hotel": "Adler", "nights": 2});
    let run = owner.start(&published, input).await;
    assert_eq!(ended(&owner, &run, "text").await.0, "succeeded");
    let base = json!({"base_revision": 2});
    let replaced = owner.post(&format!("{path}/publish"), base).await;
    replaced.expect(201);
    assert_eq!(owner.delete(&hotels.path).await.status, 204);
    office.close().await;
}

#[tokio::test]
async fn an_export_takes_tables_along_and_an_import_makes_them_anew() {
    let (office, owner) = Office::open().await;
    let hotels = Hotels::new(&owner).await;
    let published = office
        .publish(&owner, quote(&hotels.id, &by_name(&hotels.id)))
        .await;
    let path = format!("/api/workflows/{}", published["id"].as_str().unwrap());
    let file = owner.get(&format!("{path}/export")).await.expect(200);
    assert_eq!(
        (
            &file["nodes"][1]["config"]["table"],
            &file["tables"]["hotels"]["rows"][0]["name"]
        ),
        (&json!("hotels"), &json!("Adler"))
    );
    assert_eq!(
        file["nodes"][0]["config"]["fields"][0]["choices_from"]["table"],
        "hotels"
    );
    assert!(!file.to_string().contains(&hotels.id));
    let made = owner
        .post("/api/workflows", json!({ "document": file }))
        .await
        .expect(201);
    let tables = owner.get("/api/tables").await.expect(200);
    let names: Vec<_> = tables["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| {
            (
                table["name"].as_str().unwrap(),
                table["row_count"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(names, [("Hotels", 3), ("Hotels 2", 3)]);
    assert_eq!(
        made["draft"]["document"]["nodes"][1]["config"]["table"],
        tables["items"][1]["id"]
    );
    // A copy in the same workspace looks into the same table.
    owner
        .post(&format!("{path}/duplicate"), json!({}))
        .await
        .expect(201);
    assert_eq!(
        owner.get("/api/tables").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let mut broken = file;
    broken["tables"]["hotels"]["rows"][1]["price"] = json!("ninety");
    let refused = owner
        .post("/api/workflows", json!({ "document": broken }))
        .await;
    assert_eq!(
        codes(&refused),
        [(
            "/document/tables/hotels/rows/1/price".to_owned(),
            "number".to_owned()
        )]
    );
    office.close().await;
}
