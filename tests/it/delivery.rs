//! Deliveries: what receivers get, how long it is tried, and what people can do about it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, http::HeaderMap, response::IntoResponse, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use engine::ids::{DeliveryId, EndpointId};
use formwork_tests::{
    receiver,
    site::{Published, Site},
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{
    delivery::{self, Filter},
    queue::{self, Source, Trial, What},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver got: id, timestamp, signature, body.
type Received = Vec<(String, i64, String, Vec<u8>)>;

/// A status and, perhaps, a `Retry-After`.
type Told = (u16, Option<&'static str>);

/// A receiver that answers as told, and 200 when nothing is told.
#[derive(Clone, Default)]
struct Receiver {
    received: Arc<Mutex<Received>>,
    answers: Arc<Mutex<VecDeque<Told>>>,
}

impl Receiver {
    async fn start(answers: &[Told]) -> (Self, String) {
        let receiver = Self {
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            ..Self::default()
        };
        let answering = receiver.clone();
        let app = Router::new().route(
            "/hook",
            post(move |headers: HeaderMap, body: Bytes| {
                let receiver = answering.clone();
                async move { receiver.receive(&headers, &body) }
            }),
        );
        let url = format!("{}/hook", receiver::serve(app).await);
        (receiver, url)
    }

    fn receive(&self, headers: &HeaderMap, body: &[u8]) -> axum::response::Response {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let timestamp = header("webhook-timestamp").parse().unwrap_or_default();
        self.received.lock().expect("no panic").push((
            header("webhook-id"),
            timestamp,
            header("webhook-signature"),
            body.to_vec(),
        ));
        let (status, location) = self
            .answers
            .lock()
            .expect("no panic")
            .pop_front()
            .unwrap_or((200, None));
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        let mut answer = (status, "thank you\0").into_response();
        if let Some(value) = location {
            let name = if status.is_redirection() {
                "location"
            } else {
                "retry-after"
            };
            answer
                .headers_mut()
                .insert(name, value.parse().expect("a header value"));
        }
        answer
    }

    fn received(&self) -> Received {
        self.received.lock().expect("no panic").clone()
    }
}

async fn publish(site: &Site, endpoint: EndpointId, more: Json) -> Published {
    let mut config = json!({ "endpoint": endpoint });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    site.publish_line(&[("send", "t_deliver", config)]).await
}

async fn only(site: &Site, published: &Published) -> delivery::DeliveryItem {
    delivery::list(
        &site.store,
        &published.scope,
        &Filter {
            limit: 10,
            ..Filter::default()
        },
    )
    .await
    .expect("list")
    .remove(0)
}

async fn until_state(site: &Site, id: DeliveryId, state: &str) {
    site.until(
        &format!("select state from delivery where id = '{id}'"),
        state,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_signed_and_names_its_files() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({ "file": true })).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    site.until("select state from delivery", "delivered").await;
    let (id, timestamp, signature, body) = receiver.received().remove(0);
    let item = only(&site, &published).await;
    assert_eq!(
        (item.id.to_string(), item.run, item.last_status),
        (id.clone(), Some(run), Some(200))
    );
    assert_eq!(
        executor::signature::sign(&[SECRET.into()], &id, timestamp, &body),
        Some(signature)
    );
    let message: Json = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(message["type"], json!("document.ready"));
    assert!(
        message["timestamp"]
            .as_str()
            .is_some_and(|at| at.parse::<Timestamp>().is_ok())
    );
    let data = &message["data"];
    assert_eq!(
        (&data["run_id"], &data["values"]),
        (&json!(run), &json!({ "total": "12.00" }))
    );
    assert_eq!(
        data["workflow"],
        json!({ "id": published.workflow, "name": "Test", "version": 1 })
    );
    let file = &data["artifacts"][0];
    assert_eq!(
        (&file["name"], &file["size_bytes"]),
        (&json!("letter.txt"), &json!(11))
    );
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64));
    assert!(
        file["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("http://forms.test/a/")),
        "{file}"
    );
    assert!(file["expires_at"].is_string());
    let attempts = delivery::attempts(&site.store, &published.scope, item.id)
        .await
        .expect("attempts");
    assert_eq!(
        (attempts.len(), attempts[0].answer_head.as_deref()),
        (1, Some("thank you\u{fffd}"))
    );

    delivery::send_again(&site.store, &published.scope, item.id)
        .await
        .expect("sent again");
    site.until(
        &format!(
            "select state, attempts from delivery where id = '{}'",
            item.id
        ),
        "delivered|2",
    )
    .await;
    assert_eq!(
        receiver.received()[1].0,
        id,
        "the receiver can tell a repetition"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_travels_inside_when_asked() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({ "file": true, "inline": true })).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.end(&published, run).await;
    site.until("select state from delivery", "delivered").await;
    let message: Json = serde_json::from_slice(&receiver.received()[0].3).expect("JSON");
    let file = &message["data"]["artifacts"][0];
    assert_eq!(file["content_base64"], json!(BASE64.encode("Dear reader")));
    assert_eq!(file.get("url"), None);
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_receiver_is_tried_on_a_schedule_until_patience_runs_out() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[
        (500, None),
        (302, Some("http://127.0.0.1/other")),
        (429, Some("7200")),
        (503, None),
    ])
    .await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let executor = site
        .executor_with(|config| config.delivery_schedule.truncate(4))
        .await;
    let run = site.start(&published).await;
    site.end(&published, run).await;
    let mut id = None;
    for (attempt, low, high) in [(1, 4, 6), (2, 299, 360), (3, 7199, 7200)] {
        site.until(
            "select state || attempts from delivery",
            &format!("retrying{attempt}"),
        )
        .await;
        id = Some(only(&site, &published).await.id);
        let pause = format!(
            "select extract(epoch from due_at - now()) between {low} and {high} from delivery"
        );
        assert_eq!(
            site.db.sql(&pause),
            "t",
            "{}",
            site.db.sql("select due_at - now() from delivery")
        );
        site.db.sql("update delivery set due_at = now()");
    }
    let id = id.expect("the delivery was seen");
    until_state(&site, id, "given_up").await;
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(
        received.iter().all(|(name, ..)| *name == id.to_string()),
        "one id for all tries"
    );
    let attempts = delivery::attempts(&site.store, &published.scope, id)
        .await
        .expect("attempts");
    let statuses: Vec<Option<i32>> = attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(500), Some(302), Some(429), Some(503)]);
    delivery::send_again(&site.store, &published.scope, id)
        .await
        .expect("sent again");
    until_state(&site, id, "delivered").await;
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_turns_the_endpoint_off_and_a_person_can_stop_trying() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[(410, None), (500, None)]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.end(&published, run).await;
    site.until("select state from delivery", "given_up").await;
    assert_eq!(site.db.sql("select disabled_reason from endpoint"), "gone");
    let run = site.start(&published).await;
    site.end(&published, run).await;
    site.until(
        "select count(*) from delivery where state = 'given_up'",
        "2",
    )
    .await;
    assert_eq!(
        receiver.received().len(),
        1,
        "nothing goes to an endpoint that is off"
    );

    site.db
        .sql("update endpoint set disabled_at = null, disabled_reason = null");
    let id = only(&site, &published).await.id;
    delivery::send_again(&site.store, &published.scope, id)
        .await
        .expect("sent again");
    until_state(&site, id, "retrying").await;
    delivery::stop(&site.store, &published.scope, id)
        .await
        .expect("stopped");
    until_state(&site, id, "stopped").await;
    assert!(
        delivery::stop(&site.store, &published.scope, id)
            .await
            .is_err()
    );
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_can_wait_for_the_receipt() {
    let site = Site::new().await;
    let (_receiver, url) = Receiver::start(&[(500, None), (204, None), (410, None)]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({ "wait": true })).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.until("select state from delivery", "retrying").await;
    site.until(
        &format!("select state from run where id = '{run}'"),
        "waiting",
    )
    .await;
    site.db.sql("update delivery set due_at = now()");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    let output = site.db.sql("select output -> 'answer' ->> 'status', output -> 'kept' ->> 'kept' from step where node = 'send'");
    assert_eq!(output, "204|1");
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_holds_what_it_would_send() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let executor = site.executor().await;
    for (wait, really_send, state) in [
        (false, false, "held"),
        (true, false, "held"),
        (false, true, "delivered"),
    ] {
        site.db.sql("delete from delivery");
        let published = publish(&site, endpoint, json!({ "wait": wait })).await;
        let mut new = published.run(Source::Trial, json!({}));
        new.what = What::Draft(1);
        new.trial = Some(Trial {
            really_send,
            ..Trial::default()
        });
        let run = queue::accept(&site.store, &published.scope, new)
            .await
            .expect("accepted")
            .run_id;
        assert_eq!(site.end(&published, run).await.state, "succeeded", "{wait}");
        if wait {
            assert_eq!(
                site.db.sql("select count(*) from delivery"),
                "0",
                "a wait is answered at once"
            );
        } else {
            site.until("select state from delivery", state).await;
        }
    }
    assert_eq!(receiver.received().len(), 1);
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_can_be_tried_without_a_run() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let executor = site.executor().await;
    let id = delivery::test(&site.store, &published.scope, endpoint, Timestamp::now())
        .await
        .expect("written");
    until_state(&site, id, "delivered").await;
    let message: Json = serde_json::from_slice(&receiver.received()[0].3).expect("JSON");
    assert_eq!(message["type"], json!("endpoint.test"));
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_private_address_is_given_up_at_once() {
    let site = Site::new().await;
    let endpoint = site.endpoint("http://10.0.0.1/hook", SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.end(&published, run).await;
    site.until(
        "select state || ' ' || (error ->> 'code') from delivery",
        "given_up address_refused",
    )
    .await;
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_is_not_asked_twice() {
    let site = Site::new().await;
    let open = Arc::new(tokio::sync::Semaphore::new(0));
    let asked = Arc::new(Mutex::new(0));
    let app = Router::new().route(
        "/hook",
        post({
            let (open, asked) = (open.clone(), asked.clone());
            async move || {
                *asked.lock().expect("no panic") += 1;
                open.acquire().await.expect("the door stays").forget();
            }
        }),
    );
    let url = format!("{}/hook", receiver::serve(app).await);
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let mut config = site.config();
    (config.lease, config.heartbeat) = (
        std::time::Duration::from_secs(1),
        std::time::Duration::from_millis(200),
    );
    let mut executors = Vec::new();
    for _ in 0..2 {
        executors.push(
            executor::Executor::start(config.clone())
                .await
                .expect("the executor starts"),
        );
    }
    site.start(&published).await;
    site.until("select state from delivery", "sending").await;
    let first_end = site.db.sql("select lease_until from delivery");
    site.until(&format!("select now() > '{first_end}'"), "t")
        .await;
    open.add_permits(1);
    site.until("select state, attempts from delivery", "delivered|1")
        .await;
    assert_eq!(*asked.lock().expect("no panic"), 1);
    for executor in executors {
        executor.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_does_not_answer_holds_up_nobody_else() {
    let site = Site::new().await;
    let open = Arc::new(tokio::sync::Semaphore::new(0));
    let app = Router::new().route(
        "/hook",
        post({
            let open = open.clone();
            async move || open.acquire().await.expect("the door stays").forget()
        }),
    );
    let url = format!("{}/hook", receiver::serve(app).await);
    let (receiver, other) = Receiver::start(&[]).await;
    let silent = site.endpoint(&url, SECRET).await;
    let quick = site.endpoint(&other, SECRET).await;
    let published = publish(&site, silent, json!({})).await;
    for _ in 0..20 {
        delivery::test(&site.store, &published.scope, silent, Timestamp::now())
            .await
            .expect("written");
    }
    let executor = site.executor().await;
    let under_way = "select count(*) from delivery where state = 'sending'";
    site.until(under_way, "6").await;
    let id = delivery::test(&site.store, &published.scope, quick, Timestamp::now())
        .await
        .expect("written");
    until_state(&site, id, "delivered").await;
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(site.db.sql(under_way), "6");
    open.add_permits(20);
    site.until(
        "select count(*) from delivery where state = 'delivered'",
        "21",
    )
    .await;
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_senders_is_given_up() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.end(&published, run).await;
    site.until("select state from delivery", "delivered").await;
    // As many claims as the schedule has tries, and no sender lived to tell.
    site.db.sql(
        "update delivery set state = 'sending', tries = 10, finished_at = null, lease_owner = gen_random_uuid(),
                lease_until = now() - interval '1 second'",
    );
    site.until(
        "select state || ' ' || (error ->> 'code') from delivery",
        "given_up sender_lost",
    )
    .await;
    assert_eq!(receiver.received().len(), 1);
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_is_given_up_and_keeps_no_other_waiting() {
    let site = Site::new().await;
    let (receiver, url) = Receiver::start(&[]).await;
    let endpoint = site.endpoint(&url, SECRET).await;
    let published = publish(&site, endpoint, json!({})).await;
    let mut written = Vec::new();
    for _ in 0..3 {
        let now = Timestamp::now();
        let id = delivery::test(&site.store, &published.scope, endpoint, now).await;
        written.push(id.expect("written"));
    }
    // Deeper than anybody reads JSON; the database takes it.
    for (column, id) in [("message", written[0]), ("artifacts", written[1])] {
        site.db.sql(&format!(
            "update delivery set {column} = (repeat('[', 200) || repeat(']', 200))::jsonb where id = '{id}'"
        ));
    }
    let executor = site.executor().await;
    until_state(&site, written[2], "delivered").await;
    for broken in &written[..2] {
        site.until(
            &format!(
                "select state || ' ' || (error ->> 'code') from delivery where id = '{broken}'"
            ),
            "given_up message_unreadable",
        )
        .await;
    }
    assert_eq!(receiver.received().len(), 1);
    executor.shutdown().await;
}
