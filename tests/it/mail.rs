//! Mail, as a server of the tests receives it: what is in it, when it is tried again, what people can do about it, and what the program
//! itself writes to them.

mod members;
mod server;

use formwork_tests::{
    Office,
    office::Caller,
    receiver,
    smtp::{MailReceiver, Received, Told},
};
use mail_parser::{Message, MessageParser, MimeHeaders as _};
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
