//! The gallery of shipped documents: each is offered, drawn and made one's own in every language, and draws with its own sample.

use formwork_tests::Office;
use serde_json::{Value as Json, json};

#[tokio::test]
async fn every_shipped_document_is_drawn_and_made_in_every_language() {
    let (office, owner) = Office::open().await;
    let path = "/api/document-examples?lang=zh-CN";
    let list = owner.get(path).await.expect(200);
    let examples = list["items"].as_array().expect("examples");
    assert!(!examples.is_empty());
    for example in examples {
        let name = example["name"].as_str().expect("a name");
        let page = example["page_url"].as_str().expect("an address");
        let languages = example["languages"].as_array().expect("languages");
        assert_eq!(languages.len(), 4, "{name}");
        for language in languages.iter().filter_map(Json::as_str) {
            let drawn = owner.get(&format!("{page}?language={language}")).await;
            assert_eq!(drawn.status, 200, "{name} in {language}: {}", drawn.json);
            assert_eq!(drawn.header("content-type"), "image/svg+xml");
            let new = json!({"example": name, "language": language});
            let made = owner.post("/api/documents", new).await.expect(201);
            assert_eq!(made["template"]["language"], language);
            let id = made["id"].as_str().expect("an id");
            let body = json!({"values": made["template"]["sample"]});
            let pdf = owner
                .post(&format!("/api/documents/{id}/render"), body)
                .await;
            assert_eq!(pdf.status, 200, "{name} in {language}: {}", pdf.json);
            // The fonts that Chinese needs are not those of this test.
            if language != "zh-CN" {
                let warnings = pdf.header("warning-count").to_owned();
                assert!(
                    ["", "0"].contains(&warnings.as_str()),
                    "{name} in {language}: {warnings}"
                );
            }
        }
    }
    office.close().await;
}

#[tokio::test]
async fn a_document_is_made_in_the_firms_language_and_shows_its_sample_until_a_workflow_uses_it() {
    let (office, owner) = Office::open().await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["locale"] = json!("de-AT");
    owner.put("/api/firm", firm).await.expect(200);
    let list = owner.get("/api/document-examples").await.expect(200);
    let examples = list["items"].as_array().expect("examples");
    let invoice = examples.iter().find(|one| one["name"] == "invoice");
    let invoice = invoice.expect("the invoice");
    assert_eq!(
        (&invoice["title"], &invoice["language"]),
        (&json!("Rechnung"), &json!("de"))
    );

    let made = owner
        .post("/api/documents", json!({"example": "invoice"}))
        .await
        .expect(201);
    assert_eq!(made["name"], "Rechnung");
    // Dates and amounts are German, too, whatever whoever asks for the page speaks.
    let asked = json!({"document_id": made["id"], "locale": "en"});
    let preview = owner
        .post("/api/documents/preview", asked)
        .await
        .expect(200);
    let page = preview["pages"][0]["text"].as_str().expect("a page");
    for shown in ["Rechnungsnummer", "8. März 2027", "4.079,68"] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert_eq!(preview["warnings"], json!([]));

    for (body, pointer) in [
        (
            json!({"example": "invoice", "language": "tlh"}),
            "/language",
        ),
        (json!({"example": "nothing"}), "/example"),
        (json!({"example": "invoice", "template": {}}), "/template"),
        (json!({"name": "Nothing"}), "/template"),
        (json!({"template": made["template"]}), "/name"),
        (
            json!({"name": "Nothing", "template": made["template"], "language": "de"}),
            "/language",
        ),
    ] {
        let refused = owner.post("/api/documents", body.clone()).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.json["problems"][0]["pointer"], pointer, "{body}");
    }
    let nowhere = "/api/document-examples/nothing/page.svg";
    assert_eq!(owner.get(nowhere).await.status, 404);
    office.close().await;
}

#[tokio::test]
async fn pictures_of_the_gallery_show_the_firm_of_who_asks() {
    let (office, owner) = Office::open().await;
    for page in [
        "/api/examples/invoice/page.svg",
        "/api/document-examples/invoice/page.svg",
    ] {
        let before = owner.get(page).await;
        assert_eq!(before.status, 200, "{}", before.json);
        assert!(before.header("vary").contains("cookie"), "{page}");
        let mut firm = owner.get("/api/firm").await.expect(200);
        firm["name"] = json!(format!("Nordlicht Reisen {}", page.len()));
        owner.put("/api/firm", firm).await.expect(200);
        let after = owner.get(page).await;
        assert_eq!(after.status, 200, "{}", after.json);
        assert_ne!(before.body, after.body, "{page}");
    }
    office.close().await;
}
