//! Pictures of the web on a page: through the guard, asked for once, and told where they are not there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use formwork_tests::{Office, receiver};
use serde_json::{Value as Json, json};

const LOGO: &str = r##"<svg viewBox="0 0 9 9"><rect width="9" height="9" fill="#123456"/></svg>"##;

fn template(urls: &[String]) -> Json {
    let blocks: Vec<Json> = urls
        .iter()
        .enumerate()
        .map(|(index, url)| json!({"id": format!("p{index}"), "type": "image", "url": url, "alt": "A logo"}))
        .collect();
    json!({"format": "formwork-document/1", "blocks": blocks})
}

/// Code and block of each warning.
fn warnings(preview: &Json) -> Vec<(String, String)> {
    let text = |warning: &Json, key: &str| warning[key].as_str().unwrap_or_default().to_owned();
    preview["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .map(|warning| (text(warning, "code"), text(warning, "location")))
        .collect()
}

#[tokio::test]
async fn a_picture_of_the_web_is_on_the_page_and_asked_for_once() {
    let (office, owner) = Office::open().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let logo = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { LOGO }
    };
    let server = receiver::serve(Router::new().route("/logo.svg", get(logo))).await;
    let template = template(&[format!("{server}/logo.svg")]);
    for _ in 0..2 {
        let preview = owner
            .post("/api/documents/preview", json!({"template": template}))
            .await
            .expect(200);
        assert_eq!(warnings(&preview), []);
        let page = preview["pages"][0]["svg"].as_str().expect("a page");
        assert!(page.contains("#123456"), "{page}");
    }
    let new = json!({"name": "Letter", "template": template});
    let made = owner.post("/api/documents", new).await.expect(201);
    let path = format!(
        "/api/documents/{}/render",
        made["id"].as_str().expect("an id")
    );
    let program = office.program(&owner).await;
    let answer = program.post(&path, json!({"values": {}})).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.header("warning-count"), "0");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    office.close().await;
}

#[tokio::test]
async fn addresses_that_are_closed_or_give_no_picture_are_told() {
    let (office, owner) = Office::open().await;
    let server = receiver::serve(
        Router::new()
            .route("/page", get(|| async { "<html></html>" }))
            .route("/large", get(|| async { vec![0_u8; 11 * 1024 * 1024] })),
    )
    .await;
    let urls = [
        // The operator allowed 127.0.0.1 and nothing else of this kind.
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]:8080/".to_owned(),
        format!("{server}/none"),
        format!("{server}/page"),
        format!("{server}/large"),
    ];
    let preview = owner
        .post(
            "/api/documents/preview",
            json!({"template": template(&urls)}),
        )
        .await
        .expect(200);
    let expected = [
        "image_not_loaded",
        "image_not_loaded",
        "image_not_loaded",
        "image_unreadable",
        "image_not_loaded",
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .enumerate()
        .map(|(index, code)| ((*code).to_owned(), format!("p{index}")))
        .collect();
    assert_eq!(warnings(&preview), expected);
    office.close().await;
}
