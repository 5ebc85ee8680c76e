//! Mail, as a server of the tests receives it: what is in it, when it is tried again, what people can do about it, and what the program
//! itself writes to them.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{Answer, Caller, EMAIL, PASSWORD},
    process::{Installation, Role},
    receiver,
    smtp::{MailReceiver, Received, Told},
};
use mail_parser::{Message, MessageParser, MimeHeaders as _};
use outbound::mail::{Encryption, Mail, MailError, MailServer, Person};
use serde_json::{Value as Json, json};

const SMTP_PASSWORD: &str = "hünter two";

/// Settings for a server of the tests.
fn settings(receiver: &MailReceiver) -> Json {
    json!({
        "host": "127.0.0.1", "port": receiver.port, "encryption": "none", "user": "marta", "password": SMTP_PASSWORD,
        "sender_name": "Reisebüro Müller 旅行社", "sender_address": "office@reise.test", "reply_to": "answers@reise.test",
    })
}

/// A workflow of a form and a mail about what was filled in; `more` are further settings of the mail.
fn workflow(more: &Json) -> Json {
    let mut config = json!({
        "to": ["{{ form.email }}"], "subject": "{{ form.subject }}", "text": "Dear {{ form.name }},\n\nthank you <3\n", "attach": "inline",
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    json!({
        "format": "formwork/1", "name": "Write", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Write", "fields": [
                {"name": "name", "label": "Name", "kind": "long_text", "required": true},
                {"name": "email", "label": "E-mail", "kind": "long_text", "required": true},
                {"name": "subject", "label": "Subject", "kind": "long_text", "required": true}]}},
            {"id": "mail", "type": "email_send", "version": 1, "name": "Mail", "config": config}],
        "edges": [{"from": "form", "port": "out", "to": "mail"}],
        "samples": [{"name": "Anna", "input": answers()}],
    })
}

/// The same with a file that is fetched from elsewhere between form and mail.
fn with_file(url: &str, more: &Json) -> Json {
    let mut document = workflow(more);
    let fetch = json!({"id": "file", "type": "http_request", "version": 1, "name": "File", "config": {"url": url, "answer": "file"}});
    document["nodes"]
        .as_array_mut()
        .expect("steps")
        .insert(1, fetch);
    document["edges"] = json!([
        {"from": "form", "port": "out", "to": "file"}, {"from": "file", "port": "out", "to": "mail"}]);
    document
}

fn answers() -> Json {
    json!({"name": "Anna Größe", "email": "Anna Größe 安娜 <anna@example.com>", "subject": "Rechnung für März 发票"})
}

/// An office whose mail goes to a receiver.
async fn office(told: &[Told]) -> (Office, Caller, MailReceiver) {
    let (office, owner) = Office::open().await;
    let receiver = MailReceiver::start(told).await;
    owner
        .put("/api/mail", settings(&receiver))
        .await
        .expect(200);
    (office, owner, receiver)
}

/// Runs the workflow once and waits for its delivery to be in a state; the delivery as the API tells it.
async fn deliver(office: &Office, owner: &Caller, more: &Json, state: &str) -> Json {
    office.start(owner, workflow(more), answers()).await;
    office.db.until("select state from delivery", state).await;
    only(owner).await
}

async fn only(owner: &Caller) -> Json {
    let list = owner.get("/api/deliveries").await.expect(200);
    let id = list["items"][0]["id"]
        .as_str()
        .expect("one delivery")
        .to_owned();
    owner
        .get(&format!("/api/deliveries/{id}"))
        .await
        .expect(200)
}

fn parse(received: &Received) -> Message<'_> {
    MessageParser::default()
        .parse(&received.bytes)
        .expect("a mail")
}

fn text_of(received: &Received) -> String {
    parse(received).body_text(0).expect("a text").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_what_was_written_in_every_alphabet() {
    let (office, owner, receiver) = office(&[]).await;
    let more = json!({
        "cc": ["Büro <copy@example.com>"], "bcc": ["hidden@example.com"], "reply_to": "desk@example.com",
    });
    let delivery = deliver(&office, &owner, &more, "delivered").await;
    let received = receiver.received().remove(0);
    assert_eq!(received.from, "office@reise.test");
    assert_eq!(
        received.to,
        ["anna@example.com", "copy@example.com", "hidden@example.com"]
    );
    assert_eq!(received.login, Some(("marta".into(), SMTP_PASSWORD.into())));
    let mail = parse(&received);
    assert_eq!(mail.subject(), Some("Rechnung für März 发票"));
    let named = |address: Option<&mail_parser::Address<'_>>| {
        let first = address.and_then(|address| address.first());
        first.map(|first| {
            (
                first.name().unwrap_or_default().to_owned(),
                first.address().unwrap_or_default().to_owned(),
            )
        })
    };
    let pair = |name: &str, address: &str| Some((name.to_owned(), address.to_owned()));
    assert_eq!(
        named(mail.from()),
        pair("Reisebüro Müller 旅行社", "office@reise.test")
    );
    assert_eq!(
        named(mail.to()),
        pair("Anna Größe 安娜", "anna@example.com")
    );
    assert_eq!(named(mail.cc()), pair("Büro", "copy@example.com"));
    assert_eq!(named(mail.reply_to()), pair("", "desk@example.com"));
    assert!(mail.bcc().is_none(), "hidden means hidden");
    let text = mail.body_text(0).expect("a text");
    assert_eq!(
        text.replace("\r\n", "\n").trim_end(),
        "Dear Anna Größe,\n\nthank you <3"
    );
    let html = mail.body_html(0).expect("its HTML twin");
    assert!(
        html.contains(">Dear Anna Größe,</p>") && html.contains("thank you &lt;3"),
        "{html}"
    );
    assert_eq!(mail.attachment_count(), 0);
    let id = delivery["id"].as_str().expect("an id");
    assert_eq!(mail.message_id(), Some(format!("{id}@reise.test").as_str()));
    assert!(mail.date().is_some());
    assert_eq!(
        (&delivery["channel"], &delivery["endpoint"]),
        (&json!("mail"), &Json::Null)
    );
    assert_eq!(delivery["recipients"], json!(received.to));
    assert_eq!(
        (
            &delivery["attempts"][0]["status"],
            &delivery["attempts"][0]["answer_head"]
        ),
        (&json!(250), &json!("2.0.0 queued as 4711"))
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_attached_or_linked() {
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let served = bytes.clone();
    let app = axum::Router::new().route(
        "/invoice.bin",
        axum::routing::get(move || async move { served }),
    );
    let url = format!("{}/invoice.bin", receiver::serve(app).await);
    let (office, owner, receiver) = office(&[]).await;
    for attach in ["inline", "link"] {
        office.sql("delete from delivery");
        let more = json!({"attach": attach, "files": ["{{ file.file }}"]});
        office
            .start(&owner, with_file(&url, &more), answers())
            .await;
        office
            .db
            .until("select state from delivery", "delivered")
            .await;
    }
    let received = receiver.received();
    let attached = parse(&received[0]);
    let part = attached.attachment(0).expect("the file");
    assert_eq!(part.contents(), bytes);
    assert_eq!(part.attachment_name(), Some("invoice.bin"));
    assert!(attached.body_html(0).is_some());
    let linked = parse(&received[1]);
    assert_eq!(linked.attachment_count(), 0);
    for body in [linked.body_text(0), linked.body_html(0)] {
        assert!(
            body.is_some_and(
                |body| body.contains("http://forms.test/a/") && body.contains("7 days")
            ),
        );
    }
    // Sent again when the file is kept no longer, its link would lead nowhere.
    office.sql("update artifact set deleted_at = now()");
    let id = office.sql("select id from delivery");
    let path = format!("/api/deliveries/{id}/send-again");
    owner.post(&path, json!({})).await.expect(200);
    office
        .db
        .until("select state from delivery", "given_up")
        .await;
    let told = only(&owner).await["attempts"][0]["error"]["code"].clone();
    assert_eq!(told, json!("file_missing"));
    assert_eq!(receiver.received().len(), 2);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_busy_is_tried_again_and_can_tell_the_repetition() {
    let (office, owner, receiver) =
        office(&[Told::Answer("451 4.3.0 try again later"), Told::HangUp]).await;
    let delivery = deliver(&office, &owner, &json!({}), "retrying").await;
    assert_eq!(delivery["attempts"][0]["status"], json!(451));
    assert_eq!(
        delivery["attempts"][0]["error"]["code"],
        json!("mail_refused")
    );
    office.sql("update delivery set due_at = now()");
    office
        .db
        .until("select state || attempts from delivery", "retrying2")
        .await;
    office.sql("update delivery set due_at = now()");
    office
        .db
        .until("select state || attempts from delivery", "delivered3")
        .await;
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    let ids: std::collections::BTreeSet<String> = received
        .iter()
        .map(|mail| parse(mail).message_id().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(text_of(&received[0]), text_of(&received[2]));
    let path = format!(
        "/api/deliveries/{}/send-again",
        delivery["id"].as_str().expect("an id")
    );
    owner.post(&path, json!({})).await.expect(200);
    office
        .db
        .until("select state || attempts from delivery", "delivered4")
        .await;
    assert!(ids.contains(parse(&receiver.received()[3]).message_id().expect("an id")));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refuses_for_good_is_given_up_in_its_words() {
    let (office, owner, receiver) = office(&[Told::Refuse("550 5.1.1 no such user here")]).await;
    let delivery = deliver(&office, &owner, &json!({}), "given_up").await;
    let attempt = &delivery["attempts"][0];
    assert_eq!(attempt["status"], json!(550));
    assert!(
        attempt["error"]["message"]
            .as_str()
            .is_some_and(|message| message.ends_with("550 5.1.1 no such user here")),
        "{attempt}"
    );
    assert!(receiver.received().is_empty());
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_holds_its_mail() {
    let (office, owner, receiver) = office(&[]).await;
    let made = owner
        .post("/api/workflows", json!({"document": workflow(&json!({}))}))
        .await
        .expect(201);
    let path = format!(
        "/api/workflows/{}/trial-runs",
        made["id"].as_str().expect("an id")
    );
    let mut wanted = json!({"revision": 1, "input": answers()});
    assert!(owner.post(&path, wanted.clone()).await.json["id"].is_string());
    office.db.until("select state from delivery", "held").await;
    wanted["really_send"] = json!(true);
    assert!(owner.post(&path, wanted).await.json["id"].is_string());
    office
        .db
        .until(
            "select string_agg(state, ' ' order by state) from delivery",
            "delivered held",
        )
        .await;
    assert_eq!(receiver.received().len(), 1);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_add_neither_receivers_nor_headers() {
    let (office, owner, receiver) = office(&[]).await;
    let mut input = answers();
    input["subject"] = json!("Hello\r\nBcc: evil@example.com\r\n\r\n<b>x</b>");
    input["name"] = json!("Anna\r\n.\r\nMAIL FROM:<evil@example.com>");
    office.start(&owner, workflow(&json!({})), input).await;
    office
        .db
        .until("select coalesce(string_agg(state, ''), '') || (select string_agg(state, '') from run) from delivery", "deliveredsucceeded")
        .await;
    let received = receiver.received();
    assert_eq!((received.len(), received[0].to.len()), (1, 1));
    let mail = parse(&received[0]);
    assert_eq!(mail.subject(), Some("Hello Bcc: evil@example.com <b>x</b>"));
    assert!(mail.bcc().is_none());
    for hostile in [
        "anna@example.com, evil@example.com",
        "anna@example.com\r\nBcc: evil@example.com",
        "anna@example.com> <evil@example.com",
    ] {
        let mut input = answers();
        input["email"] = json!(hostile);
        let run = office.start(&owner, workflow(&json!({})), input).await;
        office
            .db
            .until(
                &format!("select state || ' ' || (error ->> 'code') from run where id = '{run}'"),
                "failed bad_address",
            )
            .await;
    }
    assert_eq!(receiver.received().len(), 1);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_the_editor_warns_and_the_step_says_where_to_set_it() {
    let (office, owner) = Office::open().await;
    let made = office.publish(&owner, workflow(&json!({}))).await;
    let path = format!(
        "/api/workflows/{}/check",
        made["id"].as_str().expect("an id")
    );
    let checked = owner
        .post(&path, json!({"document": workflow(&json!({}))}))
        .await
        .expect(200);
    let codes: Vec<&str> = checked["problems"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|problem| problem["code"].as_str())
        .collect();
    assert!(codes.contains(&"no_mail_server"), "{checked}");
    let run = owner.start(&made, answers()).await;
    office
        .db
        .until(
            &format!("select state || ' ' || (error ->> 'code') from run where id = '{run}'"),
            "failed no_mail_server",
        )
        .await;
    let receiver = MailReceiver::start(&[Told::Answer("451 later")]).await;
    owner
        .put("/api/mail", settings(&receiver))
        .await
        .expect(200);
    let checked = owner
        .post(&path, json!({"document": workflow(&json!({}))}))
        .await
        .expect(200);
    assert!(!checked.to_string().contains("no_mail_server"), "{checked}");
    // A mail on its way is told when its server is taken away.
    owner.start(&made, answers()).await;
    office
        .db
        .until("select state from delivery", "retrying")
        .await;
    owner.delete("/api/mail").await.expect(204);
    office.sql("update delivery set due_at = now()");
    office
        .db
        .until(
            "select state || ' ' || (error ->> 'code') from delivery",
            "given_up mail_not_set_up",
        )
        .await;
    office.close().await;
}

/// Of the first thing that is wrong.
fn code(answer: &Answer) -> &str {
    answer.json["problems"][0]["code"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_keep_their_password_to_themselves() {
    let (office, owner, receiver) = office(&[]).await;
    let told = owner.get("/api/mail").await.expect(200);
    assert_eq!(told["server"]["has_password"], json!(true));
    assert!(!told.to_string().contains(SMTP_PASSWORD));
    assert_eq!(
        office.sql("select count(*) from mail_server where mail_server::text like '%nter two%'"),
        "0"
    );
    // Saving without a password keeps it, but never for another server.
    let mut again = settings(&receiver);
    again.as_object_mut().expect("settings").remove("password");
    again["sender_name"] = json!("Office");
    owner.put("/api/mail", again.clone()).await.expect(200);
    let test = owner
        .post("/api/mail/test", json!({"to": "marta@example.com"}))
        .await
        .expect(200);
    assert_eq!(test["delivered"], json!(true), "{test}");
    let received = receiver.received();
    assert_eq!(
        received[0]
            .login
            .as_ref()
            .map(|(_, password)| password.as_str()),
        Some(SMTP_PASSWORD)
    );
    assert_eq!(
        parse(&received[0]).subject(),
        Some("Mail from Formwork works")
    );
    again["host"] = json!("mail.elsewhere.test");
    assert_eq!(
        code(&owner.put("/api/mail", again).await),
        "password_needed"
    );
    for (field, value, expected) in [
        ("host", json!("not a host"), "host_invalid"),
        ("sender_address", json!("a@b, c@d"), "email_invalid"),
        ("reply_to", json!("x\r\ny@z"), "email_invalid"),
        ("user", json!("a\r\nb"), "login_invalid"),
    ] {
        let mut wrong = settings(&receiver);
        wrong[field] = value;
        assert_eq!(
            code(&owner.put("/api/mail", wrong).await),
            expected,
            "{field}"
        );
    }
    office.close().await;
}

/// A mail for tries that need no office.
fn mail() -> Mail {
    let person = |address: &str| Person {
        name: String::new(),
        address: address.into(),
    };
    Mail {
        message_id: "1@reise.test".into(),
        date: std::time::SystemTime::UNIX_EPOCH,
        from: person("office@reise.test"),
        reply_to: None,
        to: vec![person("anna@example.com")],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: "Hello".into(),
        text: "Hello".into(),
        html: "<p>Hello</p>".into(),
        files: Vec::new(),
    }
}

fn server(port: u16, encryption: Encryption) -> MailServer {
    MailServer {
        host: "127.0.0.1".into(),
        port,
        encryption,
        login: None,
        hello: String::new(),
    }
}

fn client(allow: &str) -> outbound::Client {
    let allow = outbound::Allow::parse(allow).expect("the list is well-formed");
    outbound::Client::new(allow, "formwork-test")
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_a_while() {
    let receiver = MailReceiver::start(&[Told::Silent]).await;
    let error = client("127.0.0.1")
        .send_mail(
            &server(receiver.port, Encryption::None),
            mail(),
            Duration::from_millis(300),
        )
        .await
        .expect_err("nobody answers");
    assert!(
        matches!(error, MailError::Unsent(outbound::Error::TimedOut(_))) && error.is_retryable(),
        "{error}"
    );
}

#[tokio::test]
async fn the_guard_stands_before_mail_servers_as_well() {
    let receiver = MailReceiver::start(&[]).await;
    let patience = Duration::from_secs(5);
    let refused = client("")
        .send_mail(&server(receiver.port, Encryption::None), mail(), patience)
        .await
        .expect_err("a private address");
    assert!(
        refused.to_string().contains("FORMWORK_OUTBOUND_ALLOW") && !refused.is_retryable(),
        "{refused}"
    );
    // Public and on an open port, but in the clear and not listed.
    let mut open = server(25, Encryption::None);
    open.host = "8.8.8.8".into();
    let refused = client("")
        .send_mail(&open, mail(), patience)
        .await
        .expect_err("in the clear");
    assert!(
        refused.to_string().contains("without encryption"),
        "{refused}"
    );
    // What offers no encryption gets no mail.
    let refused = client("127.0.0.1")
        .send_mail(
            &server(receiver.port, Encryption::StartTls),
            mail(),
            patience,
        )
        .await
        .expect_err("no STARTTLS");
    assert!(refused.to_string().contains("STARTTLS"), "{refused}");
    assert!(receiver.received().is_empty());
    client("127.0.0.1")
        .send_mail(&server(receiver.port, Encryption::None), mail(), patience)
        .await
        .expect("it is listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_dies_before_it_tells_sends_the_same_mail_again() {
    let site = Installation::new(&[("FORMWORK_LEASE_SECONDS", "2")]).await;
    let mut serving = site.start(Role::Serve, None);
    site.answers(&mut serving).await;
    let receiver = MailReceiver::start(&[]).await;
    let owner = site.owner().await;
    owner
        .put("/api/mail", settings(&receiver))
        .await
        .expect(200);
    let mut dying = site.start(Role::Work, Some("effect_done"));
    let asked = tokio::spawn(async move {
        owner
            .post("/api/mail/test", json!({"to": "marta@example.com"}))
            .await
    });
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while dying.ended().is_none() {
        assert!(std::time::Instant::now() < deadline, "{}", dying.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    site.until("select state || attempts from delivery", "sending1")
        .await;
    let _working = site.start(Role::Work, None);
    site.until("select state || attempts from delivery", "delivered2")
        .await;
    let received = receiver.received();
    let ids: Vec<String> = received
        .iter()
        .map(|mail| parse(mail).message_id().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    asked.await.expect("the test mail was asked for");
}

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
