//! The mail server: its settings, and what stands before it.

use std::time::Duration;

use formwork_tests::{
    office::Answer,
    process::{Installation, Role},
    smtp::{MailReceiver, Told},
};
use outbound::mail::{Encryption, Mail, MailError, MailServer, Person};
use serde_json::json;

use super::{SMTP_PASSWORD, office, parse, settings};

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
