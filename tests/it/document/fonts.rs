//! Fonts that somebody brings: what is taken, how documents are set in them, and what becomes of those documents without them.

use std::path::Path;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use reqwest::Method;
use serde_json::{Value as Json, json};

/// One of the bundled fonts under another name of the same length, with another `fsType`.
fn outer(fs_type: u16) -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/document/fonts/Inter-Regular.ttf");
    let mut bytes = std::fs::read(path).expect("a font");
    let wide = |name: &str| -> Vec<u8> { name.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let (from, to) = (wide("Inter"), wide("Outer"));
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(from.len())
        .position(|part| part == from)
    {
        bytes[at + found..at + found + from.len()].copy_from_slice(&to);
        at += found + from.len();
    }
    // The table directory: 16 bytes an entry behind the first twelve, with the offset in the third word.
    let entry = bytes[12..]
        .chunks_exact(16)
        .find(|entry| entry.starts_with(b"OS/2"))
        .expect("a table");
    let offset = u32::from_be_bytes(entry[8..12].try_into().expect("a word")) as usize;
    bytes[offset + 8..offset + 10].copy_from_slice(&fs_type.to_be_bytes());
    bytes
}

async fn upload(caller: &Caller, bytes: Vec<u8>) -> Answer {
    let request = caller.request(Method::POST, "/api/fonts").body(bytes);
    caller.send(request).await
}

/// Codes of the warnings of a page that is set in a font, with what they name.
async fn warnings(owner: &Caller) -> Vec<(String, String)> {
    let template = json!({
        "format": "formwork-document/1",
        "theme": {"font": "outer"},
        "blocks": [{"id": "a", "type": "text", "text": "Hello"}],
    });
    let preview = owner
        .post("/api/documents/preview", json!({"template": template}))
        .await
        .expect(200);
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    preview["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .map(|warning| (text(&warning["code"]), text(&warning["params"]["name"])))
        .collect()
}

#[tokio::test]
async fn a_font_is_brought_used_replaced_and_forgotten() {
    let (office, owner) = Office::open().await;
    let missing = [("font_missing".to_owned(), "outer".to_owned())];
    assert_eq!(warnings(&owner).await, missing);
    let made = upload(&owner, outer(0)).await.expect(201);
    assert_eq!(made["family"], "Outer");
    assert_eq!(
        (&made["weight"], &made["italic"]),
        (&json!(400), &json!(false))
    );
    assert_eq!(warnings(&owner).await, []);
    // The same face again takes its place.
    let again = upload(&owner, outer(8)).await.expect(201);
    let list = owner.get("/api/fonts").await.expect(200);
    assert_eq!(list["items"], json!([again]));
    for family in ["Inter", "Noto Serif", "Outer"] {
        let families = list["families"].as_array().expect("families");
        assert!(families.contains(&json!(family)), "{family}");
    }
    let place = format!("/api/fonts/{}", again["id"].as_str().expect("an id"));
    owner.delete(&place).await.expect(204);
    assert_eq!(owner.delete(&place).await.status, 404);
    assert_eq!(warnings(&owner).await, missing);
    let files = office.db.sql("select count(*) from artifact");
    assert_eq!(files.trim(), "0", "no file is left behind");
    office.close().await;
}

#[tokio::test]
async fn what_is_no_font_for_documents_is_refused_and_not_kept() {
    let (office, owner) = Office::open().await;
    for (bytes, code) in [
        (outer(2), "font_restricted"),
        (b"wOF2\0\x01\0\0".to_vec(), "font_web"),
        (b"%PDF-1.7".to_vec(), "font_unreadable"),
        (Vec::new(), "font_unreadable"),
    ] {
        let answer = upload(&owner, bytes).await;
        assert_eq!((answer.status, answer.kind()), (415, code));
    }
    let large = upload(&owner, vec![0; 21 * 1024 * 1024]).await;
    assert_eq!(large.status, 413);
    let list = owner.get("/api/fonts").await.expect(200);
    assert_eq!(list["items"], json!([]));
    office.close().await;
}
