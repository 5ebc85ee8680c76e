//! The public form over HTTP without JavaScript: it keeps what people typed, takes a submission once, and refuses what is hostile.

mod browser;

use std::{sync::Arc, time::Duration};

use api::Silence;
use formwork_tests::{TestDb, office::answer};
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use serde_json::{Value as Json, json};
use store::{Scope, Store, account, run, workflow};

const MULTIPART: &str = "multipart/form-data; boundary=b";

struct Site {
    store: Store,
    scope: Scope,
    address: String,
    client: Client,
    workflow: engine::ids::WorkflowId,
    _db: TestDb,
}

impl Site {
    async fn open(form: Json) -> Self {
        let db = TestDb::new().await;
        let store = db.store().await;
        account::ensure_owner(&store, "owner@example.com", "correct horse battery")
            .await
            .unwrap();
        let member = account::check_password(&store, "owner@example.com", "correct horse battery")
            .await
            .unwrap()
            .unwrap();
        let token = account::begin_session(&store, member).await.unwrap();
        let scope = account::check_session(&store, &token)
            .await
            .unwrap()
            .unwrap()
            .scope;
        let document = json!({
            "format": "formwork/1", "name": "Order", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
            "nodes": [{"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": form}], "edges": []
        });
        let new = workflow::NewWorkflow {
            name: "Order".into(),
            example: None,
            document,
            documents: Vec::new(),
            tables: Vec::new(),
        };
        let workflow = workflow::create(&store, &scope, new).await.unwrap();
        let revision = workflow::get(&store, &scope, workflow)
            .await
            .unwrap()
            .draft
            .revision;
        workflow::publish(
            &store,
            &scope,
            workflow,
            revision,
            "",
            &workflow::Pins::default(),
        )
        .await
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = api::router(api::State {
            store: store.clone(),
            config: api::Config {
                public_url: address.parse().unwrap(),
                trusted_proxies: Vec::new(),
                web_dir: None,
            },
            catalogue: Arc::new(nodes::catalogue()),
            renderer: Arc::new(document::Renderer::bundled()),
            outbound: outbound::Client::new(outbound::Allow::default(), "formwork-test"),
            local: None,
            read_sheet: nodes::read_sheet,
        });
        answer(listener, router, Silence::default());
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self {
            store,
            scope,
            address,
            client,
            workflow,
            _db: db,
        }
    }

    async fn page(&self) -> (String, String) {
        let html = self
            .client
            .get(self.form())
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let ticket = between(&html, "name=\"_ticket\" value=\"", "\"");
        (html, ticket)
    }

    fn form(&self) -> String {
        format!("{}/f/order", self.address)
    }

    async fn send(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        self.client
            .post(self.form())
            .header(header::CONTENT_TYPE, content_type)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    async fn runs(&self) -> usize {
        let filter = run::Filter {
            limit: 100,
            ..run::Filter::default()
        };
        run::list(&self.store, &self.scope, &filter)
            .await
            .unwrap()
            .len()
    }

    /// A ticket of a form that has been open long enough for a person to fill it in.
    async fn ripe(&self) -> String {
        let (_, ticket) = self.page().await;
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        ticket
    }
}

fn order() -> Json {
    json!({
        "title": "Order",
        "fields": [
            {"name": "guest", "label": "Guest", "kind": "text", "required": true},
            {"name": "photo", "label": "Photo", "kind": "file", "accept": ["image/*"], "max_bytes": 1000},
            {"name": "items", "label": "Items", "kind": "rows", "columns": [
                {"name": "what", "label": "What", "kind": "text", "required": true},
                {"name": "price", "label": "Price", "kind": "money", "required": true}],
             "computed": [{"name": "taxed", "label": "With tax", "kind": "money", "value": "{{ row.price * 1.19 }}"}]}
        ],
        "computed": [{"name": "net", "label": "Net", "kind": "money", "value": "{{ items | sum('price') }}"}]
    })
}

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"))
        .1;
    rest.split_once(end).unwrap().0.to_owned()
}

fn location(response: &Response) -> String {
    response.headers()[header::LOCATION]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_clicks_are_one_run_and_other_answers_are_asked_about() {
    let site = Arc::new(Site::open(order()).await);
    let ticket = site.ripe().await;
    let body = format!(
        "_ticket={ticket}&guest=M%C3%BCller&items.0.what=x&items.0.price=1,50&_action=submit"
    );
    let clicks = (0..32).map(|_| {
        let (site, body) = (site.clone(), body.clone());
        tokio::spawn(async move {
            let response = site.send("application/x-www-form-urlencoded", body).await;
            (response.status(), location(&response))
        })
    });
    let mut places = std::collections::HashSet::new();
    for click in clicks.collect::<Vec<_>>() {
        let (status, place) = click.await.unwrap();
        assert_eq!(status, StatusCode::SEE_OTHER);
        places.insert(place);
    }
    assert_eq!(places.len(), 1, "{places:?}");
    assert_eq!(site.runs().await, 1);
    let other = site
        .send(
            "application/x-www-form-urlencoded",
            body.replace("1,50", "2,50"),
        )
        .await;
    assert_eq!(other.status(), StatusCode::CONFLICT);
    let html = other.text().await.unwrap();
    assert!(html.contains("value=\"2,50\"") && html.contains("You have sent this form before"));
    assert_eq!(site.runs().await, 1);
    let place = places.into_iter().next().unwrap();
    let result = site
        .client
        .get(format!("{}{place}", site.address))
        .send()
        .await
        .unwrap();
    assert_eq!(result.status(), StatusCode::OK);
    let html = result.text().await.unwrap();
    assert!(
        html.contains("Your document is being made") && html.contains("http-equiv=\"refresh\""),
        "{html}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_keeps_values_and_files() {
    let site = Site::open(order()).await;
    let ticket = site.ripe().await;
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../../me.html\"\r\nContent-Type: text/html\r\n\r\n";
    let mut body =
        (part("_ticket", &ticket) + &part("items.0.what", "\"><script>alert(1)</script>") + file)
            .into_bytes();
    body.extend_from_slice(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR<script>\r\n--b--\r\n");
    let response = site.send(MULTIPART, body).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    let html = response.text().await.unwrap().replace("&#x2f;", "/");
    assert!(
        html.contains("href=\"#f-guest\"") && html.contains("href=\"#f-items-0-price\""),
        "{html}"
    );
    assert!(
        html.contains("&quot;&gt;&lt;script&gt;") && !html.contains("<script>alert"),
        "{html}"
    );
    assert!(html.contains("-..-me.html"), "the name is harmless");
    let kept = between(&html, "name=\"photo.kept\" value=\"", "\"");
    assert_eq!(kept.len(), 36);
    // The file is sent by its id the second time.
    let body = format!("_ticket={ticket}&guest=A&photo.kept={kept}&items.0.what=x&items.0.price=1");
    let response = site.send("application/x-www-form-urlencoded", body).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    // Another visitor's form cannot use it.
    let stranger = site.ripe().await;
    let body = format!("_ticket={stranger}&guest=A&photo.kept={kept}");
    let response = site.send("application/x-www-form-urlencoded", body).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.runs().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_get_a_clear_answer_and_start_nothing() {
    let site = Site::open(order()).await;
    let ticket = site.ripe().await;
    let json = r#"{"guest": "A", "photo": {"filepath": "/etc/passwd"}}"#;
    assert_eq!(
        site.send("application/json", json).await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(
        site.send("text/plain", "guest=A").await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let honey = format!("_ticket={ticket}&guest=A&_website=spam");
    assert_eq!(
        site.send("application/x-www-form-urlencoded", honey)
            .await
            .status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let forged = "_ticket=AAAA&guest=A";
    assert_eq!(
        site.send("application/x-www-form-urlencoded", forged)
            .await
            .status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let (_, fresh) = site.page().await;
    let fast = site
        .send(
            "application/x-www-form-urlencoded",
            format!("_ticket={fresh}&guest=A"),
        )
        .await;
    assert_eq!(fast.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        fast.text()
            .await
            .unwrap()
            .contains("faster than people type")
    );
    let huge = vec![b'x'; 50 * 1024 * 1024];
    let large = site
        .send("application/x-www-form-urlencoded", huge.clone())
        .await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        large
            .text()
            .await
            .unwrap()
            .contains("more than this form takes")
    );
    assert_eq!(
        site.send(MULTIPART, huge).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(site.runs().await, 0);
    let odd = format!("_ticket={ticket}&guest=%00%F0%9F%98%80%E2%80%AE%3C%7Cim_end%7C%3E");
    assert_eq!(
        site.send("application/x-www-form-urlencoded", odd)
            .await
            .status(),
        StatusCode::SEE_OTHER
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_exact_and_only_the_server_computes_them() {
    let site = Site::open(order()).await;
    let rows = json!([{"what": "a", "price": "0.1"}, {"what": "b", "price": "0,20"}, {"what": "c", "price": "0.3"}]);
    let body = json!({"answers": {"items": rows}}).to_string();
    let send = |content_type: &'static str| {
        site.client
            .post(format!("{}/compute", site.form()))
            .header(header::CONTENT_TYPE, content_type)
            .body(body.clone())
            .send()
    };
    assert_eq!(
        send("text/plain").await.unwrap().status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let text = send("application/json")
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let answer: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(
        answer["computed"]["/net"]["value"],
        json!({"amount": "0.60", "currency": "EUR"}),
        "{text}"
    );
    assert_eq!(
        answer["computed"]["/items/0/taxed"]["value"]["amount"], "0.12",
        "{text}"
    );
    assert_eq!(answer["understood"]["/items/1/price"], "€0.20", "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_and_missing_forms_say_so_in_the_visitors_language() {
    let site = Site::open(order()).await;
    let get = |path: &str, language: &str| {
        site.client
            .get(format!("{}{path}", site.address))
            .header(header::ACCEPT_LANGUAGE, language)
            .send()
    };
    let missing = get("/f/nothing", "zh-CN").await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(missing.text().await.unwrap().contains("此地址没有内容"));
    for path in [
        "/r/AAAA",
        "/a/0190b3a0-0000-7000-8000-000000000001?expires=1&signature=AAAA",
        "/a/x",
    ] {
        assert_eq!(
            get(path, "en").await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let off = workflow::Change {
        state: Some("off".into()),
        ..workflow::Change::default()
    };
    workflow::change(&site.store, &site.scope, site.workflow, off)
        .await
        .unwrap();
    let closed = get("/f/order", "en").await.unwrap();
    assert_eq!(closed.status(), StatusCode::GONE);
    assert!(closed.text().await.unwrap().contains("This form is closed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_files_are_refused_whatever_they_come_with() {
    let site = Site::open(order()).await;
    let head = "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n";
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\r\n";
    let mut body = [head.as_bytes(), picture].concat().repeat(20);
    body.extend_from_slice(b"--b--\r\n");
    // No ticket, so that no quota counts them; a token comes back every second, however slow this machine is.
    let mut statuses = Vec::new();
    for _ in 0..50 {
        statuses.push(site.send(MULTIPART, body.clone()).await.status());
        if statuses.last() == Some(&StatusCode::TOO_MANY_REQUESTS) {
            break;
        }
    }
    let (refused, taken) = statuses.split_last().unwrap();
    assert_eq!(*refused, StatusCode::TOO_MANY_REQUESTS);
    let all = |status: &StatusCode| *status == StatusCode::UNPROCESSABLE_ENTITY;
    assert!(taken.len() >= 2 && taken.iter().all(all), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_sent_is_not_asked_about_without_end() {
    let site = Site::open(order()).await;
    let ticket = site.ripe().await;
    let send = async |guest: &str| {
        let body = format!("_ticket={ticket}&guest={guest}");
        let sent = site.send("application/x-www-form-urlencoded", body).await;
        sent.status()
    };
    assert_eq!(send("A").await, StatusCode::SEE_OTHER);
    // A token comes back every second, however slow this machine is.
    let mut status = StatusCode::CONFLICT;
    for _ in 0..500 {
        status = send("B").await;
        if status != StatusCode::CONFLICT {
            break;
        }
    }
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    // What was taken is told at any time.
    assert_eq!(send("A").await, StatusCode::SEE_OTHER);
    assert_eq!(site.runs().await, 1);
}
