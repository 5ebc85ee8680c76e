//! Set-up, sign-in, sessions, invitations, access keys, and what protects them.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{EMAIL, PASSWORD},
};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn the_set_up_link_makes_one_owner_and_works_once() {
    let office = Office::empty().await;
    let mut visitor = office.caller();
    assert_eq!(
        visitor.get("/api/setup").await.expect(200)["owner_needed"],
        true
    );
    let token = store::account::setup_token(&office.store)
        .await
        .unwrap()
        .unwrap();
    let later = store::account::setup_token(&office.store)
        .await
        .unwrap()
        .unwrap();
    let person = |token: &str, password: &str| json!({"token": token, "name": "Marta", "email": EMAIL, "password": password, "locale": "zh-CN"});
    let wrong = visitor
        .post("/api/setup", person("guessed", PASSWORD))
        .await;
    assert_eq!(
        (wrong.status, wrong.json["problems"][0]["code"].as_str()),
        (422, Some("setup_link"))
    );
    let weak = visitor.post("/api/setup", person(&token, "short")).await;
    assert_eq!(
        (weak.status, weak.json["problems"][0]["pointer"].as_str()),
        (422, Some("/password"))
    );
    let made = visitor.post("/api/setup", person(&token, PASSWORD)).await;
    visitor.keep(&made);
    assert_eq!(made.expect(201)["member"]["role"], "owner");
    visitor.get("/api/session").await.expect(200);
    for used in [token, later] {
        visitor
            .post("/api/setup", person(&used, PASSWORD))
            .await
            .expect(422);
    }
    assert_eq!(
        visitor.get("/api/setup").await.expect(200)["owner_needed"],
        false
    );
    assert_eq!(
        store::account::setup_token(&office.store).await.unwrap(),
        None
    );
    office.close().await;
}

#[tokio::test]
async fn a_session_begins_with_the_password_and_ends_with_sign_out() {
    let (office, owner) = Office::open().await;
    let mut stranger = office.caller();
    assert_eq!(
        stranger.sign_in(EMAIL, "not the password").await.kind(),
        "wrong_password"
    );
    assert_eq!(
        stranger
            .sign_in("nobody@example.com", PASSWORD)
            .await
            .kind(),
        "wrong_password"
    );
    let answer = stranger
        .sign_in(&format!(" {} ", EMAIL.to_uppercase()), PASSWORD)
        .await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("formwork=")
            && cookie.contains("HttpOnly")
            && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    answer.expect(200);
    // Each sign-in has a session of its own; a second sign-in of the same browser ends its first.
    assert_ne!(stranger.cookie, owner.cookie);
    let first = stranger.clone();
    stranger.sign_in(EMAIL, PASSWORD).await.expect(200);
    first.get("/api/session").await.expect(401);
    stranger.delete("/api/session").await;
    stranger.get("/api/session").await.expect(401);
    owner.get("/api/session").await.expect(200);
    office.close().await;
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down() {
    let (office, _) = Office::open().await;
    let mut stranger = office.caller();
    let mut last = 0;
    for _ in 0..7 {
        last = stranger.sign_in(EMAIL, "not the password").await.status;
    }
    assert_eq!(last, 429);
    let right = stranger.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(
        right.status, 429,
        "the right password must not tell itself from a wrong one"
    );
    assert!(right.header("retry-after").parse::<u64>().unwrap() > 0);
    office.close().await;
}

#[tokio::test]
async fn other_sites_cannot_act_in_a_persons_name() {
    let (office, owner) = Office::open().await;
    let make = |caller: &formwork_tests::office::Caller| {
        caller
            .request(Method::POST, "/api/workflows")
            .json(&json!({}))
    };
    let without = formwork_tests::office::Caller {
        csrf: None,
        ..owner.clone()
    };
    assert_eq!(without.send(make(&without)).await.kind(), "csrf_token");
    let wrong = formwork_tests::office::Caller {
        csrf: Some("x".into()),
        ..owner.clone()
    };
    assert_eq!(wrong.send(make(&wrong)).await.kind(), "csrf_token");
    let foreign = make(&owner).header("sec-fetch-site", "cross-site");
    assert_eq!(owner.send(foreign).await.kind(), "cross_site");
    let foreign = make(&owner).header("origin", "https://evil.example");
    assert_eq!(owner.send(foreign).await.kind(), "cross_site");
    let own = make(&owner)
        .header("origin", &office.address)
        .header("sec-fetch-site", "same-origin");
    owner.send(own).await.expect(201);
    let login = owner
        .request(Method::POST, "/api/session")
        .header("sec-fetch-site", "cross-site")
        .json(&json!({"email": EMAIL, "password": PASSWORD}));
    assert_eq!(owner.send(login).await.kind(), "cross_site");
    office.close().await;
}

#[tokio::test]
async fn an_invitation_works_once_and_a_removed_person_is_out_at_once() {
    let (office, owner) = Office::open().await;
    let made = owner
        .post("/api/invitations", json!({"role": "member"}))
        .await
        .expect(201);
    let token = made["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(
        owner.get("/api/invitations").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut jonas = office.caller();
    assert_eq!(
        jonas
            .get(&format!("/api/invitations/{token}"))
            .await
            .expect(200)["role"],
        "member"
    );
    let person =
        |email: &str| json!({"name": "Jonas", "email": email, "password": "another long secret"});
    let path = format!("/api/invitations/{token}");
    let taken = jonas.post(&path, person(&EMAIL.to_uppercase())).await;
    assert_eq!(
        taken.json["problems"][0]["code"], "email_taken",
        "and the link is not used up by it"
    );
    let joined = jonas.post(&path, person("jonas@example.com")).await;
    jonas.keep(&joined);
    let joined = joined.expect(201);
    jonas
        .post(&path, person("other@example.com"))
        .await
        .expect(404);
    let id = joined["member"]["id"].as_str().unwrap();
    jonas
        .delete(&format!("/api/members/{id}"))
        .await
        .expect(403);
    owner
        .delete(&format!("/api/members/{id}"))
        .await
        .expect(204);
    jonas.get("/api/session").await.expect(401);
    let own = owner.get("/api/session").await.expect(200)["member"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let last = owner.delete(&format!("/api/members/{own}")).await;
    assert_eq!((last.status, last.kind()), (409, "last_owner"));
    office.close().await;
}

#[tokio::test]
async fn a_withdrawn_invitation_lets_nobody_in() {
    let (office, owner) = Office::open().await;
    let made = owner
        .post("/api/invitations", json!({"role": "owner"}))
        .await
        .expect(201);
    let token = made["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let open = owner.get("/api/invitations").await.expect(200);
    let id = open["items"][0]["id"].as_str().unwrap();
    assert_ne!(id, token, "the list does not give the link away");
    let path = format!("/api/members/invitations/{id}");
    owner.delete(&path).await.expect(204);
    owner.delete(&path).await.expect(404);
    let person =
        json!({"name": "Jonas", "email": "jonas@example.com", "password": "another long secret"});
    let link = format!("/api/invitations/{token}");
    office.caller().get(&link).await.expect(404);
    office.caller().post(&link, person).await.expect(404);
    assert_eq!(
        owner.get("/api/invitations").await.expect(200)["items"],
        json!([])
    );
    office.close().await;
}

#[tokio::test]
async fn a_member_cannot_raise_their_own_role() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let id = member.get("/api/session").await.expect(200)["member"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/members/{id}");
    member
        .patch(&path, json!({"role": "owner"}))
        .await
        .expect(403);
    assert_eq!(
        member
            .patch(&path, json!({"name": "Jo", "locale": "zh-CN"}))
            .await
            .expect(200)["name"],
        "Jo"
    );
    assert_eq!(
        owner
            .patch(&path, json!({"role": "owner"}))
            .await
            .expect(200)["role"],
        "owner"
    );
    office.close().await;
}

#[tokio::test]
async fn an_access_key_is_shown_once_and_ends_when_revoked() {
    let (office, owner) = Office::open().await;
    let program = office.program(&owner).await;
    program.get("/api/workflows").await.expect(200);
    let listed = owner.get("/api/access-keys").await.expect(200);
    let key = program.key.clone().unwrap();
    assert!(!listed.to_string().contains(&key));
    assert!(key.starts_with(listed["items"][0]["prefix"].as_str().unwrap()));
    assert!(listed["items"][0]["last_used_at"].is_string());
    let id = listed["items"][0]["id"].as_str().unwrap();
    owner
        .delete(&format!("/api/access-keys/{id}"))
        .await
        .expect(204);
    program.get("/api/workflows").await.expect(401);
    let guess = formwork_tests::office::Caller {
        key: Some("fwk_guess".into()),
        ..office.caller()
    };
    guess.get("/api/workflows").await.expect(401);
    office.close().await;
}

#[tokio::test]
async fn who_is_removed_hears_no_more_events() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    office
        .caller()
        .get("/api/events?topics=runs")
        .await
        .expect(401);
    let open = member
        .request(Method::GET, "/api/events?topics=runs")
        .send()
        .await
        .unwrap();
    assert_eq!(open.status(), 200);
    let id = member.get("/api/session").await.expect(200)["member"]["id"].clone();
    owner
        .delete(&format!("/api/members/{}", id.as_str().unwrap()))
        .await
        .expect(204);
    let ended = tokio::time::timeout(Duration::from_mins(1), open.bytes()).await;
    assert!(ended.is_ok(), "the stream goes on");
    office.close().await;
}

#[tokio::test]
async fn with_https_cookies_are_for_this_host_and_never_sent_in_the_clear() {
    let (office, _) = Office::open().await;
    let address = office
        .serve(|config| config.public_url = "https://forms.example".parse().unwrap())
        .await;
    let mut person = formwork_tests::office::Caller {
        address,
        ..office.caller()
    };
    let answer = person.sign_in(EMAIL, PASSWORD).await;
    let cookie = answer.header("set-cookie").to_owned();
    for part in [
        "__Host-formwork=",
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Secure",
    ] {
        assert!(cookie.contains(part), "{cookie} lacks {part}");
    }
    assert!(cookie.starts_with("__Host-") && !cookie.contains("Domain"));
    assert!(
        answer
            .header("strict-transport-security")
            .starts_with("max-age=")
    );
    person.get("/api/session").await.expect(200);
    // The cookie of plain http is worth nothing here.
    let plain = formwork_tests::office::Caller {
        cookie: person
            .cookie
            .clone()
            .map(|cookie| cookie.replace("__Host-", "")),
        ..person.clone()
    };
    plain.get("/api/session").await.expect(401);
    office.close().await;
}

#[tokio::test]
async fn what_proves_who_somebody_is_is_stored_as_a_hash() {
    let (office, owner) = Office::open().await;
    let program = office.program(&owner).await;
    let invited = owner
        .post("/api/invitations", json!({"role": "member"}))
        .await
        .expect(201);
    let stored: String = ["access_key", "session", "invitation", "member"]
        .map(|table| {
            office.sql(&format!(
                "select coalesce(string_agg(r::text, ' '), '') from {table} r"
            ))
        })
        .join("\n");
    let cookie = owner.cookie.unwrap();
    for secret in [
        program.key.unwrap().trim_start_matches("fwk_"),
        cookie.split_once('=').unwrap().1,
        invited["url"].as_str().unwrap().rsplit('/').next().unwrap(),
        PASSWORD,
    ] {
        assert!(secret.len() > 16 && !stored.contains(secret), "{secret}");
    }
    assert!(stored.contains("$argon2id$"), "{stored}");
    office.close().await;
}
