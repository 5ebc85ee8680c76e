//! A template that a workflow uses, in its draft or as it is published, is not deleted, and who uses it is said.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

use super::draft::{make, workflow};

/// Saves a draft that does without the page.
async fn leave(owner: &Caller, path: &str, mut document: Json) {
    let nodes = document["nodes"].as_array_mut().expect("nodes");
    nodes.truncate(1);
    document["edges"] = json!([]);
    let draft = json!({"base_revision": 1, "document": document});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
}

fn path(made: &Json) -> String {
    format!("/api/workflows/{}", made["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn what_drafts_and_live_versions_use_is_not_deleted() {
    let (office, owner) = Office::open().await;
    let (document, id) = make(&owner).await;
    let used = async |names: &[&str]| {
        let refused = owner.delete(&document).await;
        assert_eq!((refused.status, refused.kind()), (409, "document_used"));
        let listed = owner.get("/api/documents").await.expect(200);
        for users in [
            &refused.json["current"]["used_by"],
            &listed["items"][0]["used_by"],
        ] {
            let users = users.as_array().expect("users");
            let users: Vec<&str> = users
                .iter()
                .map(|user| user["name"].as_str().expect("a name"))
                .collect();
            assert_eq!(users, names);
        }
        for name in names {
            let detail = refused.json["detail"].as_str().expect("a sentence");
            assert!(detail.contains(name), "{detail}");
        }
    };
    let letters = workflow(&id, "keep");
    let published = path(&office.publish(&owner, letters.clone()).await);
    let mut answers = letters.clone();
    answers["name"] = json!("Answers");
    let drafted = owner
        .post("/api/workflows", json!({ "document": answers }))
        .await;
    let drafted = path(&drafted.expect(201));
    used(&["Answers", "Letters"]).await;

    leave(&owner, &drafted, answers).await;
    used(&["Letters"]).await;
    // What is published prints it, whatever the draft says by now, and even while it is switched off.
    leave(&owner, &published, letters).await;
    used(&["Letters"]).await;
    let off = owner.patch(&published, json!({"state": "off"})).await;
    off.expect(200);
    used(&["Letters"]).await;
    let live = owner.patch(&published, json!({"state": "live"})).await;
    live.expect(200);

    let base = json!({"base_revision": 2});
    let replaced = owner.post(&format!("{published}/publish"), base).await;
    replaced.expect(201);
    assert_eq!(owner.delete(&document).await.status, 204);
    assert_eq!(owner.delete(&document).await.status, 404);
    assert_eq!(owner.get(&document).await.status, 404);
    // The version that printed it still says which one it was.
    let first = owner.get(&format!("{published}/versions/1")).await;
    assert_eq!(first.expect(200)["documents"][0]["number"], json!(1));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_gets_a_user_while_it_is_deleted_stays() {
    let (office, owner) = Office::open().await;
    let (document, id) = make(&owner).await;
    // As another publication would hold it.
    let holding = format!(
        "select from document where id = '{}' for share",
        id.as_str().expect("an id")
    );
    let holding = office.db.hold(&holding);
    let (caller, at) = (owner.clone(), document.clone());
    let deleting = tokio::spawn(async move { caller.delete(&at).await });
    office.db.until_waiting(1).await;
    office.publish(&owner, workflow(&id, "keep")).await;
    holding.commit();
    let used = deleting.await.expect("an answer");
    assert_eq!((used.status, used.kind()), (409, "document_used"));
    owner.get(&document).await.expect(200);
    office.close().await;
}
