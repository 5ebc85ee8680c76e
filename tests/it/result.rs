//! The page of a submission: live progress, the document behind links that end, and nothing internal when something fails.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use futures_util::StreamExt as _;
use reqwest::Method;
use serde_json::{Value as Json, json};

/// A form whose answer is computed, written or divided by, and a page of it.
fn offer(middle: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Offer", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Offer", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}},
            middle,
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Make the page", "config": {
                "document": "offer", "file_name": "Offer for {{ form.customer }}", "values": {"customer": "{{ form.customer }}"}}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "middle"}, {"from": "middle", "port": "out", "to": "page"}],
        "documents": {"offer": {
            "format": "formwork-document/1", "fields": [{"name": "customer", "title": "Customer", "kind": "text"}],
            "blocks": [{"id": "a", "type": "text", "text": "For {{ customer }}"}]
        }}
    })
}

fn sets(value: &str) -> Json {
    json!({"id": "middle", "type": "set_fields", "version": 1, "name": "Add up", "config": {"fields": [
        {"name": "x", "label": "X", "kind": "text", "value": value}]}})
}

fn writes() -> Json {
    json!({"id": "middle", "type": "llm_generate", "version": 1, "name": "Write the letter",
        "config": {"instruction": "Write to {{ form.customer }}"}})
}

fn waits() -> Json {
    json!({"id": "middle", "type": "delay", "version": 1, "name": "Sleep on it", "config": {"amount": "1", "unit": "days"}})
}

/// Fills the form in as a browser without JavaScript does; gives the path of the result page.
async fn submit(visitor: &Caller, form: &str, customer: &str) -> String {
    let page = visitor.get(form).await;
    let html = String::from_utf8(page.body).unwrap();
    let ticket = between(&html, "name=\"_ticket\" value=\"", "\"");
    loop {
        let request = visitor.form(
            form,
            &[("_ticket", ticket.as_str()), ("customer", customer)],
        );
        let answer = visitor.send(request).await;
        match answer.status {
            303 => return answer.header("location").to_owned(),
            // Faster than people type: asked to press the button again.
            422 => {
                assert!(text(&answer).contains("faster than people type"));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            status => panic!("{status}: {}", text(&answer)),
        }
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).replace("&#x2f;", "/")
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"))
        .1;
    rest.split_once(end)
        .unwrap()
        .0
        .replace("&amp;", "&")
        .replace("&#x2f;", "/")
}

/// Everything the page's events say until they end.
async fn events(visitor: &Caller, path: &str) -> String {
    let answer = visitor
        .request(Method::GET, &format!("{path}/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn progress_ends_with_the_document_its_picture_and_links_that_end() {
    let (office, owner) = Office::open().await;
    office.publish(&owner, offer(&sets("x"))).await;
    let visitor = office.caller();
    let path = submit(&visitor, "/f/offer", "Zoë \u{1f600} <|im_end|>").await;
    assert!(
        events(&visitor, &path)
            .await
            .ends_with("event: done\ndata: done\n\n")
    );
    let page = visitor.get(&path).await;
    assert_eq!(page.header("cache-control"), "no-store");
    let html = text(&page);
    assert!(
        html.contains("Your document is ready") && html.contains("open until"),
        "{html}"
    );
    assert!(
        html.contains("Make another: Offer") && html.contains("href=\"/f/offer\""),
        "{html}"
    );
    assert!(html.contains("Zoë \u{1f600} &lt;|im_end|&gt;"), "{html}");
    // The picture of the first page, and the file itself.
    let picture = visitor
        .get(&between(&html, "<img src=\"/r", "\"").replacen('/', "/r/", 1))
        .await;
    let picture = visitor.get(picture.header("location")).await;
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, "image/svg+xml")
    );
    assert!(picture.body.starts_with(b"<svg"));
    assert!(
        picture
            .header("content-security-policy")
            .contains("sandbox")
    );
    let download = between(&html, "class=\"button primary\" href=\"", "\"");
    let link = visitor.get(&download).await;
    let link = link.header("location").to_owned();
    let file = visitor.get(&link).await;
    assert!(file.status == 200 && file.body.starts_with(b"%PDF-"));
    assert!(
        file.header("content-disposition")
            .starts_with("attachment; filename=\"Offer for Zo_"),
        "{}",
        file.header("content-disposition")
    );
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let part = visitor
        .request(Method::GET, &link)
        .header("range", "bytes=-5");
    let part = visitor.send(part).await;
    assert_eq!((part.status, part.body.len()), (206, 5));
    let same = visitor
        .request(Method::GET, &link)
        .header("if-none-match", file.header("etag"));
    assert_eq!(visitor.send(same).await.status, 304);
    // Nobody can make a link longer, or of another file.
    let expires = between(&link, "expires=", "&");
    let later = (expires.parse::<u64>().unwrap() + 60).to_string();
    assert_eq!(
        visitor.get(&link.replace(&expires, &later)).await.status,
        404
    );
    let other = format!("{path}/document?file=01890000-0000-7000-8000-000000000000");
    assert_eq!(visitor.get(&other).await.status, 404);
    office.close().await;
}

#[tokio::test]
async fn a_failure_is_told_without_its_reason() {
    let (office, owner) = Office::open().await;
    office
        .publish(
            &owner,
            offer(&sets("{{ 1 / (form.customer | length - 3) }}")),
        )
        .await;
    let visitor = office.caller();
    let path = submit(&visitor, "/f/offer", "Ada").await;
    let told = events(&visitor, &path).await;
    assert!(told.ends_with("event: done\ndata: done\n\n"), "{told}");
    let runs = owner.get("/api/runs").await.expect(200);
    let run = owner
        .get(&format!(
            "/api/runs/{}",
            runs["items"][0]["id"].as_str().unwrap()
        ))
        .await
        .expect(200);
    assert_eq!(run["state"], "failed");
    let reason = run["error"]["message"].as_str().unwrap();
    for (language, words) in [("en", "Your details are safe"), ("zh-CN", "您的内容")] {
        let page = visitor.get(&format!("{path}?lang={language}")).await;
        let html = text(&page);
        assert_eq!(page.status, 200);
        assert!(html.contains(words), "{html}");
        assert!(!html.contains(reason) && !told.contains(reason), "{html}");
        assert!(!html.contains("Add up"), "no step is blamed: {html}");
    }
    let html = text(&visitor.get(&path).await);
    assert!(
        html.contains("Reference ") && !html.contains("Download"),
        "{html}"
    );
    office.close().await;
}

#[tokio::test]
async fn a_run_that_waits_says_for_what_and_stopping_it_ends_the_stream() {
    let (office, owner) = Office::open().await;
    office.publish(&owner, offer(&writes())).await;
    let visitor = office.caller();
    let path = submit(&visitor, "/f/offer", "Ada").await;
    let stream = visitor
        .request(Method::GET, &format!("{path}/events"))
        .send()
        .await
        .unwrap();
    let mut pieces = stream.bytes_stream();
    let mut told = String::new();
    while !told.contains("waits for a model") {
        let piece = pieces.next().await.unwrap().unwrap();
        told.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(
        told.contains("event: progress") && told.contains("Make the page"),
        "{told}"
    );
    // Without JavaScript the page asks again by itself.
    let html = text(&visitor.get(&path).await);
    assert!(
        html.contains("Write the letter") && html.contains("waits for a model"),
        "{html}"
    );
    assert!(html.contains("http-equiv=\"refresh\"") && html.contains("You can close this page"));
    let runs = owner.get("/api/runs").await.expect(200);
    let run = runs["items"][0]["id"].as_str().unwrap();
    owner
        .post(&format!("/api/runs/{run}/stop"), Json::Null)
        .await
        .expect(200);
    while !told.ends_with("event: done\ndata: done\n\n") {
        let piece = pieces.next().await.unwrap().unwrap();
        told.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(text(&visitor.get(&path).await).contains("This was stopped"));
    office.close().await;
}

#[tokio::test]
async fn who_waits_in_line_sees_how_many_are_ahead() {
    let (office, owner) = Office::open().await;
    let mut document = offer(&waits());
    document["concurrency"] = json!({"runs": 1});
    office.publish(&owner, document).await;
    let send = async |customer: &str| {
        let visitor = office.caller();
        let path = submit(&visitor, "/f/offer", customer).await;
        (visitor, path)
    };
    let (first, at_work) = send("Ada").await;
    let (second, next) = send("Bo").await;
    let (third, last) = send("Cy").await;
    assert!(!text(&first.get(&at_work).await).contains("In line"));
    for (visitor, path, english, chinese) in [
        (&second, &next, "In line: you are next.", "下一个就是您"),
        (&third, &last, "In line: 1 ahead of you.", "您前面还有 1 个"),
    ] {
        let html = text(&visitor.get(path).await);
        assert!(html.contains(english), "{html}");
        let html = text(&visitor.get(&format!("{path}?lang=zh-CN")).await);
        assert!(html.contains(chinese), "{html}");
    }
    // The page that is open follows.
    let stream = third.request(Method::GET, &format!("{last}/events"));
    let mut pieces = stream.send().await.unwrap().bytes_stream();
    let mut told = String::new();
    let mut until = async |words: &str| {
        while !told.contains(words) {
            let piece = pieces.next().await.unwrap().unwrap();
            told.push_str(&String::from_utf8_lossy(&piece));
        }
    };
    until("1 ahead of you").await;
    let runs = owner.get("/api/runs").await.expect(200);
    let stop = async |place: usize| {
        let run = runs["items"][place]["id"].as_str().unwrap();
        let path = format!("/api/runs/{run}/stop");
        owner.post(&path, Json::Null).await.expect(200);
    };
    // The newest comes first in the list.
    stop(1).await;
    until("you are next").await;
    stop(2).await;
    let state = "select state from run where title = 'Cy'";
    office.db.until(state, "waiting").await;
    assert!(!text(&third.get(&last).await).contains("In line"));
    stop(0).await;
    until("event: done").await;
    office.close().await;
}

#[tokio::test]
async fn a_link_whose_time_is_over_says_when_it_closed() {
    let (office, owner) = Office::open().await;
    office.publish(&owner, offer(&sets("x"))).await;
    let old = engine::ids::RunId::from_uuid(uuid::Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        1_700_000_000,
        0,
    )));
    let token = store::link::run_token(&office.store.sealer, old).unwrap();
    let visitor = office.caller();
    for (language, words) in [("en", "This link closed on"), ("zh-CN", "2023年12月14日")] {
        for path in [
            format!("/r/{token}?lang={language}"),
            format!("/r/{token}/events?lang={language}"),
        ] {
            let page = visitor.get(&path).await;
            assert_eq!(page.status, 410, "{path}");
            assert!(text(&page).contains(words), "{}", text(&page));
        }
    }
    let ended = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    let file = store::link::artifact_path(
        &office.store.sealer,
        engine::ids::ArtifactId::from_uuid(uuid::Uuid::now_v7()),
        ended,
    )
    .unwrap();
    let page = visitor.get(&file).await;
    assert_eq!(page.status, 410);
    assert!(text(&page).contains("This link closed on"));
    office.close().await;
}
