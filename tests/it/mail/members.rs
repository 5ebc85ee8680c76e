//! What the program itself writes to members.

use formwork_tests::office::{EMAIL, PASSWORD};
use serde_json::json;

use super::{answers, office, only, parse, text_of, workflow};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_by_a_link_that_works_once() {
    let (office, owner, receiver) = office(&[]).await;
    let member = owner.get("/api/session").await.expect(200)["member"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    owner
        .patch(
            &format!("/api/members/{member}"),
            json!({"locale": "zh-CN"}),
        )
        .await
        .expect(200);
    let stranger = office.caller();
    // Nobody learns which accounts there are.
    let unknown = stranger
        .post(
            "/api/password-resets",
            json!({"email": "nobody@example.com"}),
        )
        .await;
    let known = stranger
        .post(
            "/api/password-resets",
            json!({"email": EMAIL.to_uppercase()}),
        )
        .await;
    assert_eq!((unknown.status, &unknown.body), (known.status, &known.body));
    assert_eq!(known.status, 202);
    office
        .db
        .until("select state from delivery", "delivered")
        .await;
    let received = receiver.received().remove(0);
    assert_eq!(received.to, [EMAIL]);
    assert_eq!(parse(&received).subject(), Some("为 Formwork 设置新密码"));
    let text = text_of(&received);
    let token = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://forms.test/password/"))
        .expect("a link")
        .to_owned();
    // Whoever may read deliveries still cannot use the link.
    let shown = only(&owner).await.to_string();
    assert!(!shown.contains(&token), "{shown}");
    assert_eq!(
        office.sql(&format!(
            "select count(*) from delivery where message::text like '%{token}%'"
        )),
        "0"
    );
    let path = format!("/api/password-resets/{token}");
    assert_eq!(stranger.get(&path).await.expect(200)["email"], json!(EMAIL));
    let short = stranger.post(&path, json!({"password": "short"})).await;
    assert_eq!(short.status, 422, "{}", short.json);
    let new = "an entirely new secret";
    let mut fresh = office.caller();
    let answer = fresh.post(&path, json!({"password": new})).await;
    fresh.keep(&answer);
    answer.expect(200);
    fresh.get("/api/session").await.expect(200);
    owner.get("/api/session").await.expect(401);
    stranger
        .post(&path, json!({"password": "yet another secret"}))
        .await
        .expect(404);
    stranger.get(&path).await.expect(404);
    let mut again = office.caller();
    again.sign_in(EMAIL, PASSWORD).await.expect(401);
    again.sign_in(EMAIL, new).await.expect(200);
    // A link whose hour is over, and one that was made up.
    stranger
        .post("/api/password-resets", json!({"email": EMAIL}))
        .await
        .expect(202);
    office
        .db
        .until(
            "select count(*) from password_reset where used_at is null",
            "1",
        )
        .await;
    office
        .db
        .until(
            "select count(*) from delivery where state = 'delivered'",
            "2",
        )
        .await;
    office.sql("update password_reset set expires_at = now() - interval '1 second'");
    let text = text_of(&receiver.received()[1]);
    let late = text
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://forms.test/password/"))
        .expect("a link");
    stranger
        .get(&format!("/api/password-resets/{late}"))
        .await
        .expect(404);
    let forged = format!("{}A", &late[..late.len() - 1]);
    stranger
        .get(&format!("/api/password-resets/{forged}"))
        .await
        .expect(404);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_to_new_passwords_are_few() {
    let (office, _, receiver) = office(&[]).await;
    for _ in 0..5 {
        store::account::request_password_reset(&office.store, EMAIL, jiff::Timestamp::now())
            .await
            .expect("asked");
    }
    office
        .db
        .until("select count(*) || ' ' || (select count(*) from delivery where state = 'delivered') from password_reset", "3 3")
        .await;
    assert_eq!(receiver.received().len(), 3);
    let mut last = 0;
    for _ in 0..7 {
        let asked = office
            .caller()
            .post(
                "/api/password-resets",
                json!({"email": "nobody@example.com"}),
            )
            .await;
        last = asked.status;
    }
    assert_eq!(last, 429);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_who_want_it_are_told_of_failures_once_an_hour() {
    let (office, owner, receiver) = office(&[]).await;
    let me = owner.get("/api/session").await.expect(200);
    let path = format!(
        "/api/members/{}",
        me["member"]["id"].as_str().expect("an id")
    );
    let mut broken = answers();
    broken["email"] = json!("nobody");
    let made = office.publish(&owner, workflow(&json!({}))).await;
    let fail = async |times: usize| {
        for _ in 0..times {
            let run = owner.start(&made, broken.clone()).await;
            office
                .db
                .until(
                    &format!("select state from run where id = '{run}'"),
                    "failed",
                )
                .await;
        }
    };
    fail(1).await;
    assert_eq!(office.sql("select count(*) from failure_notice"), "0");
    let told = owner
        .patch(&path, json!({"told_of_failures": true}))
        .await
        .expect(200);
    assert_eq!(told["told_of_failures"], json!(true));
    fail(1).await;
    office
        .db
        .until(
            "select count(*) from delivery where state = 'delivered'",
            "1",
        )
        .await;
    fail(3).await;
    assert_eq!(office.sql("select failures from failure_notice"), "3");
    let now = jiff::Timestamp::now();
    assert_eq!(
        store::failure_notice::tell(&office.store, now)
            .await
            .expect("looked"),
        0
    );
    office.sql("update failure_notice set told_at = told_at - interval '1 hour'");
    office
        .db
        .until(
            "select count(*) from delivery where state = 'delivered'",
            "2",
        )
        .await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let text = text_of(&received[1]);
    assert!(
        text.contains("\u{201c}Write\u{201d}")
            && text.contains("2 other runs")
            && text.contains("http://forms.test/runs/"),
        "{text}"
    );
    let member = office.member(&owner).await;
    let others = member
        .patch(&path, json!({"told_of_failures": false}))
        .await;
    assert_eq!(others.status, 403);
    office.close().await;
}
