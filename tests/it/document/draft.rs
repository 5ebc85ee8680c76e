//! Drafts of templates, their versions and their samples.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

fn template(text: &str) -> Json {
    json!({
        "format": "formwork-document/1",
        "fields": [
            {"name": "customer", "title": "Customer", "kind": "text"},
            {"name": "total", "kind": "money", "optional": true},
        ],
        "blocks": [{"id": "a", "type": "text", "text": text}],
    })
}

pub(super) async fn make(owner: &Caller) -> (String, Json) {
    let new = json!({"name": "Letter", "template": template("Dear {{ customer }}")});
    let made = owner.post("/api/documents", new).await.expect(201);
    let id = made["id"].clone();
    (format!("/api/documents/{}", id.as_str().unwrap()), id)
}

async fn save(owner: &Caller, document: &str, on: i64, template: &Json) -> Json {
    let draft = json!({"base_revision": on, "template": template});
    let saved = owner.put(&format!("{document}/draft"), draft).await;
    saved.expect(200)
}

#[tokio::test]
async fn a_draft_is_saved_by_revisions_and_published_as_a_version() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let draft = format!("{document}/draft");
    let publish = format!("{document}/publish");
    let first = owner.get(&draft).await.expect(200);
    assert_eq!(
        (
            &first["revision"],
            &first["base_version"],
            &first["published"]
        ),
        (&json!(0), &json!(1), &json!(true))
    );
    let nothing = owner.post(&publish, json!({"base_revision": 0})).await;
    assert_eq!(
        (nothing.status, nothing.kind()),
        (409, "nothing_to_publish")
    );

    // Half a word is kept; it can only not be published.
    let half = save(&owner, &document, 0, &template("Dear {{ cust")).await;
    assert_eq!(half["revision"], 1);
    assert_eq!(half["problems"][0]["pointer"], "/template/blocks/0/text");
    let refused = owner.post(&publish, json!({"base_revision": 1})).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    assert_eq!(
        refused.json["problems"][0]["pointer"],
        "/template/blocks/0/text"
    );

    let hello = template("Hello {{ customer }}");
    let saved = save(&owner, &document, 1, &hello).await;
    assert_eq!(
        (&saved["revision"], &saved["problems"]),
        (&json!(2), &json!([]))
    );
    let stale = json!({"base_revision": 1, "template": hello});
    let stale = owner.put(&draft, stale).await;
    assert_eq!((stale.status, stale.kind()), (409, "draft_changed"));
    assert_eq!(stale.json["current"]["revision"], 2);
    let listed = owner.get("/api/documents").await.expect(200);
    assert_eq!(
        (
            &listed["items"][0]["changed"],
            &listed["items"][0]["version"]
        ),
        (&json!(true), &json!(1))
    );
    let stale = owner.post(&publish, json!({"base_revision": 1})).await;
    assert_eq!((stale.status, stale.kind()), (409, "draft_changed"));
    let published = owner.post(&publish, json!({"base_revision": 2})).await;
    let published = published.expect(201);
    assert_eq!(
        (&published["version"], &published["template"]),
        (&json!(2), &hello)
    );
    let known = owner.get(&draft).await.expect(200);
    assert_eq!(
        (
            &known["revision"],
            &known["base_version"],
            &known["published"]
        ),
        (&json!(2), &json!(2), &json!(true))
    );
    office.close().await;
}

#[tokio::test]
async fn a_document_is_renamed_and_its_versions_and_draft_stay() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let hello = template("Hello {{ customer }}");
    save(&owner, &document, 0, &hello).await;
    let rename = async |name: &str| owner.patch(&document, json!({ "name": name })).await;
    let renamed = rename("  Offer ").await.expect(200);
    assert_eq!(
        (&renamed["name"], &renamed["version"]),
        (&json!("Offer"), &json!(1))
    );
    let listed = owner.get("/api/documents").await.expect(200);
    assert_eq!(
        (&listed["items"][0]["name"], &listed["items"][0]["changed"]),
        (&json!("Offer"), &json!(true))
    );
    let draft = owner.get(&format!("{document}/draft")).await.expect(200);
    assert_eq!(
        (&draft["revision"], &draft["template"]),
        (&json!(1), &hello)
    );
    for name in ["", " ", "x".repeat(201).as_str()] {
        let refused = rename(name).await.expect(422);
        assert_eq!(refused["problems"][0]["code"], "name_invalid");
    }
    // Two documents may have one name, as two workflows may.
    let (other, _) = make(&owner).await;
    let same = owner.patch(&other, json!({"name": "Offer"})).await;
    same.expect(200);
    let nobody = "/api/documents/01890000-0000-7000-8000-000000000000";
    let nobody = owner.patch(nobody, json!({"name": "Offer"})).await;
    assert_eq!(nobody.status, 404);
    office.close().await;
}

#[tokio::test]
async fn a_draft_that_others_overtook_is_published_only_when_somebody_has_looked() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let draft = format!("{document}/draft");
    let publish = format!("{document}/publish");
    let mine = template("Mine {{ customer }}");
    save(&owner, &document, 0, &mine).await;
    let theirs = json!({"base_version": 1, "template": template("Theirs {{ customer }}")});
    owner.put(&document, theirs).await.expect(200);
    let overtaken = owner.post(&publish, json!({"base_revision": 1})).await;
    assert_eq!(
        (overtaken.status, overtaken.kind()),
        (409, "document_changed")
    );
    let unknown = json!({"base_revision": 1, "base_version": 3, "template": mine});
    let unknown = owner.put(&draft, unknown).await.expect(422);
    assert_eq!(unknown["problems"][0]["pointer"], "/base_version");
    let looked = json!({"base_revision": 1, "base_version": 2, "template": mine});
    owner.put(&draft, looked).await.expect(200);
    let published = owner.post(&publish, json!({"base_revision": 2})).await;
    assert_eq!(published.expect(201)["version"], 3);

    // Without changes of its own it follows.
    let theirs = json!({"base_version": 3, "template": template("Again {{ customer }}")});
    owner.put(&document, theirs).await.expect(200);
    let known = owner.get(&draft).await.expect(200);
    assert_eq!(
        (
            &known["revision"],
            &known["base_version"],
            &known["published"]
        ),
        (&json!(3), &json!(4), &json!(true))
    );
    assert_eq!(known["template"], template("Again {{ customer }}"));

    // An old version comes back as a draft, the newest one drops it.
    let restore = async |number: i32, on: i64| {
        let path = format!("{document}/versions/{number}/restore");
        owner.post(&path, json!({"base_revision": on})).await
    };
    assert_eq!(restore(1, 2).await.kind(), "draft_changed");
    let first = restore(1, 3).await.expect(200);
    assert_eq!(first["template"], template("Dear {{ customer }}"));
    assert_eq!(
        (
            &first["revision"],
            &first["base_version"],
            &first["published"]
        ),
        (&json!(4), &json!(4), &json!(false))
    );
    let newest = restore(4, 4).await.expect(200);
    assert_eq!(newest["published"], json!(true));
    office.close().await;
}

#[tokio::test]
async fn pages_are_compared_and_documents_copied() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let sample = json!({"name": "Ada", "values": {"customer": "Ada"}});
    let sample = owner.post(&format!("{document}/samples"), sample).await;
    let sample = sample.expect(201)["id"].clone();
    let mut longer = template("Dear {{ customer }}");
    longer["blocks"].as_array_mut().unwrap().extend([
        json!({"id": "b", "type": "page_break"}),
        json!({"id": "c", "type": "text", "text": "Overleaf"}),
    ]);
    save(&owner, &document, 0, &longer).await;
    let compare = async |body: Json| {
        let told = owner.post(&format!("{document}/compare"), body).await;
        told.expect(200)["pages"].clone()
    };
    let same = json!({"change": "same", "from": 1, "to": 1});
    let added = json!({"change": "added", "from": null, "to": 2});
    let told = compare(json!({"from": 1, "sample": sample})).await;
    assert_eq!(told, json!([same, added]));
    let told = compare(json!({"from": 1, "to": 1, "values": {"customer": "Bo"}})).await;
    assert_eq!(told, json!([same]));
    save(&owner, &document, 1, &template("Hello {{ customer }}")).await;
    let told = compare(json!({"from": 1})).await;
    assert_eq!(told, json!([{"change": "changed", "from": 1, "to": 1}]));

    let copy = owner
        .post(&format!("{document}/duplicate"), Json::Null)
        .await;
    let copy = copy.expect(201);
    assert_eq!(
        (&copy["name"], &copy["version"]),
        (&json!("Letter (copy)"), &json!(1))
    );
    let copy = format!("/api/documents/{}", copy["id"].as_str().unwrap());
    let draft = owner.get(&format!("{copy}/draft")).await.expect(200);
    assert_eq!(
        (&draft["template"], &draft["published"]),
        (&template("Hello {{ customer }}"), &json!(false))
    );
    let samples = owner.get(&format!("{copy}/samples")).await.expect(200);
    assert_eq!(samples["items"][0]["values"], json!({"customer": "Ada"}));
    assert_ne!(samples["items"][0]["id"], sample);
    office.close().await;
}

#[tokio::test]
async fn an_editor_is_sent_what_changed_and_where_its_texts_lie() {
    let (office, owner) = Office::open().await;
    let (document, id) = make(&owner).await;
    let sample = json!({"name": "Ada", "values": {"customer": "Ada", "gone": 1}});
    let sample = owner.post(&format!("{document}/samples"), sample).await;
    let sample = sample.expect(201)["id"].clone();
    let mut two = template("Dear {{ customer }}");
    two["blocks"].as_array_mut().unwrap().extend([
        json!({"id": "b", "type": "page_break"}),
        json!({"id": "c", "type": "text", "text": "Page two"}),
    ]);
    let preview = async |template: &Json, known: &[&Json]| {
        let body =
            json!({"document_id": id, "template": template, "sample": sample, "known": known});
        owner.post("/api/documents/preview", body).await.expect(200)
    };
    let first = preview(&two, &[]).await;
    assert_eq!(first["values"], json!({"customer": "Ada"}));
    let greeting = &first["pages"][0]["texts"];
    assert_eq!(
        (
            &greeting[0]["leaf"],
            &greeting[0]["start"],
            &greeting[0]["end"]
        ),
        (&json!("/blocks/0/text"), &json!(0), &json!(5))
    );
    assert_eq!(
        (&greeting[1]["start"], &greeting[1]["end"]),
        (&json!(5), &json!(19))
    );

    two["blocks"][2]["text"] = json!("Page 2");
    let known = [&first["pages"][0]["hash"], &first["pages"][1]["hash"]];
    let second = preview(&two, &known).await;
    assert_eq!(second["pages"][0]["hash"], *known[0]);
    assert_eq!(second["pages"][0]["svg"], "");
    assert_ne!(second["pages"][1]["hash"], *known[1]);
    assert!(
        second["pages"][1]["svg"]
            .as_str()
            .unwrap()
            .starts_with("<svg")
    );
    let other = json!({"template": two, "sample": sample});
    owner
        .post("/api/documents/preview", other)
        .await
        .expect(404);
    office.close().await;
}

#[tokio::test]
async fn what_a_document_computes_is_told_with_its_pages() {
    let (office, owner) = Office::open().await;
    let template = json!({
        "format": "formwork-document/1",
        "fields": [
            {"name": "days", "kind": "integer"},
            {"name": "nights", "kind": "integer", "source": "computed", "value": "{{ days - 1 }}"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ nights }}"}]
    });
    let body = json!({"template": template, "values": {"days": 3}});
    let drawn = owner.post("/api/documents/preview", body).await.expect(200);
    // What nobody fills in is no part of what is filled in.
    assert_eq!(drawn["values"], json!({"days": 3}));
    assert_eq!(drawn["computed"], json!({"nights": 2}));
    let text = drawn["pages"][0]["text"].as_str().expect("a text");
    assert_eq!(text.trim(), "2");
    office.close().await;
}

#[tokio::test]
async fn samples_are_named_and_few() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let samples = format!("{document}/samples");
    let add = async |name: &str, values: Json| {
        let sample = json!({"name": name, "values": values});
        owner.post(&samples, sample).await
    };
    let ada = add(" Ada ", json!({"customer": "Ada"})).await.expect(201);
    assert_eq!(ada["name"], "Ada");
    let taken = add("ADA", json!({})).await;
    assert_eq!((taken.status, taken.kind()), (409, "sample_name_taken"));
    add("", json!({})).await.expect(422);
    add("List", json!([])).await.expect(422);
    let large = add("Large", json!({"customer": "x".repeat(600_000)}))
        .await
        .expect(422);
    assert_eq!(large["problems"][0]["code"], "sample_large");
    let place = format!("{samples}/{}", ada["id"].as_str().unwrap());
    let changed = json!({"name": "Bo", "values": {"customer": "Bo"}});
    let changed = owner.put(&place, changed).await.expect(200);
    assert_eq!(changed["values"], json!({"customer": "Bo"}));
    for number in 1..50 {
        add(&format!("Sample {number}"), json!({}))
            .await
            .expect(201);
    }
    let many = add("One more", json!({})).await;
    assert_eq!((many.status, many.kind()), (409, "samples_many"));
    assert_eq!(owner.delete(&place).await.status, 204);
    assert_eq!(owner.delete(&place).await.status, 404);
    add("One more", json!({})).await.expect(201);
    office.close().await;
}

/// A form, and a page of its answers; the name is perhaps kept for a short time only.
pub(super) fn workflow(document: &Json, store: &str) -> Json {
    json!({
        "format": "formwork/1", "name": "Letters", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "F", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true, "store": store},
                {"name": "total", "label": "Total", "kind": "money", "required": true}]}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": document,
                "values": {"customer": "Ms {{ form.customer }}", "total": "{{ form.total }}"}}},
        ],
        "edges": [{"from": "form", "port": "out", "to": "page"}],
    })
}

#[tokio::test]
async fn a_past_run_gives_a_sample_unless_it_is_private() {
    let (office, owner) = Office::open().await;
    let (document, id) = make(&owner).await;
    let euro = json!({"amount": "7.50", "currency": "EUR"});
    let input = json!({"customer": "Ada", "total": euro});
    let run = async |store: &str| {
        let made = office.publish(&owner, workflow(&id, store)).await;
        let path = format!("/api/workflows/{}/runs", made["id"].as_str().unwrap());
        let body = json!({"input": input, "wait_ms": 25_000});
        let ended = owner.post(&path, body).await.expect(200);
        assert_eq!(ended["state"], "succeeded", "{ended}");
        ended["id"].clone()
    };
    let take = async |name: &str, run: &Json| {
        let body = json!({"name": name, "run": run});
        owner
            .post(&format!("{document}/samples/from-run"), body)
            .await
    };
    let open = run("keep").await;
    let taken = take("Ada", &open).await.expect(201);
    assert_eq!(
        taken["values"],
        json!({"customer": "Ms Ada", "total": euro})
    );
    let private = run("mask").await;
    let refused = take("Private", &private).await;
    assert_eq!((refused.status, refused.kind()), (409, "run_private"));

    let (elsewhere, _) = make(&owner).await;
    let body = json!({"name": "Ada", "run": open});
    let other = owner
        .post(&format!("{elsewhere}/samples/from-run"), body)
        .await;
    assert_eq!(other.expect(422)["problems"][0]["code"], "run_without_page");
    office.close().await;
}

#[tokio::test]
async fn a_version_has_no_names_that_nobody_knows() {
    let (office, owner) = Office::open().await;
    let (document, _) = make(&owner).await;
    let wrong = template("Dear {{ custommer }}");
    let saved = save(&owner, &document, 0, &wrong).await;
    let problem = &saved["problems"][0];
    assert_eq!(
        (&problem["code"], &problem["pointer"]),
        (
            &json!("unknown_reference"),
            &json!("/template/blocks/0/text")
        )
    );
    assert_eq!(problem["params"]["close"], "customer");
    let publish = json!({"base_revision": 1});
    let refused = owner.post(&format!("{document}/publish"), publish).await;
    assert_eq!(
        (
            refused.status,
            &refused.json["problems"][0]["params"]["path"]
        ),
        (422, &json!("custommer"))
    );
    let new = json!({"name": "Letter", "template": wrong});
    let refused = owner.post("/api/documents", new).await;
    assert_eq!(refused.status, 422, "{}", refused.json);

    // While it is edited, the page shows what is not known.
    let body = json!({"template": wrong, "values": {"customer": "Ada"}});
    let preview = owner.post("/api/documents/preview", body).await.expect(200);
    assert_eq!(preview["pages"][0]["text"], "Dear {{ custommer }}");
    assert_eq!(
        (
            &preview["warnings"][0]["code"],
            &preview["warnings"][0]["location"]
        ),
        (&json!("unknown_reference"), &json!("a"))
    );
    office.close().await;
}
