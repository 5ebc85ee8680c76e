//! The whole server in process, over a database of its own and a real socket: an owner, and people who call it as browsers and programs
//! do.

use std::sync::Arc;

use api::Silence;
use document::Renderer;
use engine::{catalogue::Catalogue, node::Services};
use executor::{Config, Executor};
use reqwest::{Client, Method, RequestBuilder, header};
use serde_json::{Value as Json, json};
use store::{Store, account};

use crate::{TestDb, site};

pub const EMAIL: &str = "marta@example.com";
pub const PASSWORD: &str = "correct horse battery";

/// A running server with one workspace.
pub struct Office {
    pub store: Store,
    pub address: String,
    pub db: TestDb,
    catalogue: Arc<Catalogue>,
    renderer: Arc<Renderer>,
    outbound: outbound::Client,
    executor: Executor,
}

/// Answers connections until the test ends.
pub fn answer(listener: tokio::net::TcpListener, router: axum::Router, silence: Silence) {
    let (stopping, stop) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        api::serve(listener, router, silence, stop).await;
        drop(stopping);
    });
}

/// What a caller got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: header::HeaderMap,
    /// Null when the body is no JSON.
    pub json: Json,
    pub body: Vec<u8>,
}

impl Answer {
    /// The problem's slug.
    pub fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// Somebody who calls the server.
#[derive(Clone, Default)]
pub struct Caller {
    pub address: String,
    pub client: Client,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
    pub key: Option<String>,
}

impl Office {
    /// Nobody has an account yet.
    pub async fn empty() -> Self {
        Self::on(TestDb::new().await).await
    }

    /// On a database that is already there.
    pub async fn on(db: TestDb) -> Self {
        let store = db.store().await;
        let folder = store::artifact::check_folder(&store).await;
        folder.expect("the folder is that of the database");
        let catalogue = Arc::new(nodes::catalogue());
        let renderer = Arc::new(Renderer::bundled());
        let allow = outbound::Allow::parse("127.0.0.1").expect("the list is well-formed");
        let outbound = outbound::Client::new(allow, "formwork-test");
        let mut config = Config::new(
            store.clone(),
            catalogue.clone(),
            Services::default().with(renderer.clone()),
            outbound.clone(),
            "http://forms.test",
        );
        config.claim_form = site::claim_form();
        let executor = Executor::start(config).await.expect("the executor starts");
        // Only the first of several tests in this process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut office = Self {
            store,
            address: String::new(),
            catalogue,
            renderer,
            outbound,
            executor,
            db,
        };
        office.address = office.serve(|_| ()).await;
        office
    }

    /// One more process that answers people, over the same database; returns its address. It is what a restarted server is, too.
    pub async fn serve(&self, change: impl FnOnce(&mut api::Config)) -> String {
        self.serve_with(Silence::default(), change).await
    }

    /// The same with a patience of its own.
    pub async fn serve_with(
        &self,
        silence: Silence,
        change: impl FnOnce(&mut api::Config),
    ) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("its address"));
        let mut config = api::Config {
            public_url: address.parse().expect("a URL"),
            trusted_proxies: Vec::new(),
            web_dir: None,
        };
        change(&mut config);
        let router = api::router(api::State {
            store: self.db.store_with(5).await,
            catalogue: self.catalogue.clone(),
            renderer: self.renderer.clone(),
            outbound: self.outbound.clone(),
            local: Some(self.executor.local()),
            read_sheet: nodes::read_sheet,
            config,
        });
        answer(listener, router, silence);
        address
    }

    /// Puts a workflow into use and returns what the API says of it.
    pub async fn publish(&self, owner: &Caller, document: Json) -> Json {
        owner.publish(document).await
    }

    /// Publishes a document and starts a run of it; the run's id.
    pub async fn start(&self, owner: &Caller, document: Json, input: Json) -> String {
        let made = self.publish(owner, document).await;
        owner.start(&made, input).await
    }

    pub fn sql(&self, statement: &str) -> String {
        self.db.sql(statement)
    }

    /// With an owner, signed in.
    pub async fn open() -> (Self, Caller) {
        let office = Self::empty().await;
        account::ensure_owner(&office.store, EMAIL, PASSWORD)
            .await
            .expect("the owner is made");
        let mut owner = office.caller();
        owner.sign_in(EMAIL, PASSWORD).await.expect(200);
        (office, owner)
    }

    pub fn caller(&self) -> Caller {
        Caller {
            address: self.address.clone(),
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("a client"),
            ..Caller::default()
        }
    }

    /// A second person, invited by the owner.
    pub async fn member(&self, owner: &Caller) -> Caller {
        let made = owner
            .post("/api/invitations", json!({"role": "member"}))
            .await
            .expect(201);
        let token = made["url"]
            .as_str()
            .and_then(|url| url.rsplit('/').next())
            .expect("a link");
        let mut member = self.caller();
        let body = json!({"name": "Jonas", "email": "jonas@example.com", "password": "another long secret"});
        let answer = member
            .post(&format!("/api/invitations/{token}"), body)
            .await;
        member.keep(&answer);
        answer.expect(201);
        member
    }

    /// A program with an access key.
    pub async fn program(&self, owner: &Caller) -> Caller {
        let made = owner
            .post("/api/access-keys", json!({"name": "ci"}))
            .await
            .expect(201);
        Caller {
            key: made["key"].as_str().map(str::to_owned),
            ..self.caller()
        }
    }

    pub async fn close(self) {
        self.rest().await;
    }

    /// Runs nothing any more; what people ask is still answered.
    pub async fn rest(&self) {
        self.executor.shutdown().await;
    }
}

impl Caller {
    /// Puts a workflow into use and returns what the API says of it.
    pub async fn publish(&self, document: Json) -> Json {
        let made = self
            .post("/api/workflows", json!({ "document": document }))
            .await
            .expect(201);
        let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
        self.post(&format!("{path}/publish"), json!({"base_revision": 1}))
            .await
            .expect(201);
        self.get(&path).await.expect(200)
    }

    /// A receiver of messages, with links to their files; its id.
    pub async fn endpoint(&self, url: &str) -> Json {
        let new = json!({"name": "Office", "url": url, "attach": "link"});
        let made = self.post("/api/endpoints", new).await.expect(201);
        made["endpoint"]["id"].clone()
    }

    /// Starts a run of a published workflow; its id.
    pub async fn start(&self, workflow: &Json, input: Json) -> String {
        let path = format!(
            "/api/workflows/{}/runs",
            workflow["id"].as_str().expect("an id")
        );
        let answer = self.post(&path, json!({ "input": input })).await;
        answer.json["id"]
            .as_str()
            .unwrap_or_else(|| panic!("{}", answer.json))
            .to_owned()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    pub async fn put(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body))
            .await
    }

    /// What a browser sends for a form without files.
    pub fn form(&self, path: &str, answers: &[(&str, &str)]) -> RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(answers);
        self.request(Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.finish())
    }

    /// A request with this caller's proofs, for what the short forms do not say.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let changes = method != Method::GET && method != Method::HEAD;
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.address));
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        if let (true, Some(csrf)) = (changes, &self.csrf) {
            request = request.header("x-csrf-token", csrf);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        request
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("the server answers")
    }

    /// The same for servers that may die.
    pub async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?.to_vec();
        Ok(Answer {
            status,
            headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
            body,
        })
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let answer = self
            .post(
                "/api/session",
                json!({"email": email, "password": password}),
            )
            .await;
        if answer.status == 200 {
            self.keep(&answer);
        }
        answer
    }

    /// Takes over the session that an answer began.
    pub fn keep(&mut self, answer: &Answer) {
        self.cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .map(str::to_owned);
        self.csrf = answer.json["csrf_token"].as_str().map(str::to_owned);
    }
}
