//! Who begins runs while the programs are struck: programs that send messages and repeat them, and people who send forms.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use formwork_tests::{
    office::{Answer, Caller},
    visitor::{self, Visitor},
};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value as Json, json};
use store::Store;

use super::{
    flows::{Flow, Flows, LAST_GOOD_VISIT, days},
    ledger::{Known, Ledger},
};

/// A server that stands still is not waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two tries of somebody whose connection broke.
pub(super) const AGAIN: Duration = Duration::from_millis(100);
/// Longest a program or a person thinks before the next act.
const LONGEST_THOUGHT_MS: u64 = 500;
/// Who comes for visits.
pub(super) const CUSTOMERS: u32 = 3;
/// What programs send messages for, each as often as it stands here.
const SENT: [Flow; 12] = [
    Flow::Order,
    Flow::Order,
    Flow::Order,
    Flow::Quote,
    Flow::Quote,
    Flow::Quote,
    Flow::Trip,
    Flow::Trip,
    Flow::Visit,
    Flow::Offer,
    Flow::Payment,
    Flow::Overdue,
];

/// What can be used, and who may.
pub(super) struct Shop {
    servers: Vec<String>,
    owner: Caller,
    pub(super) flows: Flows,
    pub(super) ledger: Ledger,
    /// For opening the links of forms' results.
    store: Store,
    closing: AtomicBool,
    over: AtomicBool,
}

impl Shop {
    /// Opens when everything is published.
    pub(super) fn open(owner: Caller, servers: Vec<String>, flows: Flows, store: Store) -> Self {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build();
        Self {
            servers,
            owner: Caller {
                client: client.expect("a client"),
                ..owner
            },
            flows,
            ledger: Ledger::default(),
            store,
            closing: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Nobody begins anything any more.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_open(&self) -> bool {
        !self.closing.load(Ordering::Relaxed)
    }

    /// Nobody waits for an answer any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// The owner, at one of the servers.
    pub(super) fn owner(&self, random: &mut StdRng) -> Caller {
        Caller {
            address: self.servers.choose(random).expect("a server").clone(),
            ..self.owner.clone()
        }
    }

    /// One try; `None`: no answer, or one of a server that lost its database.
    pub(super) async fn send(&self, request: RequestBuilder) -> Option<Answer> {
        let answer = self.owner.try_send(request).await.ok()?;
        (answer.status < 500).then_some(answer)
    }

    /// One try at one of the servers, in JSON.
    pub(super) async fn ask(
        &self,
        random: &mut StdRng,
        method: Method,
        path: &str,
        body: &Json,
    ) -> Option<Answer> {
        let is_read = method == Method::GET;
        let request = self.owner(random).request(method, path);
        let request = if is_read { request } else { request.json(body) };
        self.send(request).await
    }

    /// Sends a message until it is answered.
    async fn message(&self, random: &mut StdRng, message: &Message) -> Json {
        let path = self.flows.hook(message.flow);
        loop {
            let request = self.owner(random).request(Method::POST, path);
            let request = request.json(&message.body);
            let request = request.header("idempotency-key", message.key.as_str());
            match self.send(request).await {
                Some(answer) if [200, 202].contains(&answer.status) => return answer.json,
                Some(answer) => panic!("{}: {} {}", message.key, answer.status, answer.json),
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// What a program sends, under a key of its own.
struct Message {
    key: String,
    flow: Flow,
    fails: bool,
    body: Json,
}

impl Message {
    fn new(random: &mut StdRng, key: String) -> Self {
        let flow = *SENT.choose(random).expect("there is something");
        let fails = match flow {
            Flow::Order | Flow::Trip | Flow::Visit => random.random_bool(0.3),
            Flow::Overdue => true,
            Flow::Quote
            | Flow::Form
            | Flow::Price
            | Flow::Fare
            | Flow::Offer
            | Flow::Payment
            | Flow::Hears
            | Flow::Report => false,
        };
        let body = match flow {
            Flow::Order => an_order(random, fails),
            Flow::Trip => json!({"days": days(fails), "until": soon(random)}),
            Flow::Visit => {
                let customer = customer(random.random_range(0..CUSTOMERS));
                let number = if fails { LAST_GOOD_VISIT + 1 } else { 1 };
                json!({"customer": customer, "number": number})
            }
            Flow::Offer | Flow::Payment => json!({"total": 12}),
            Flow::Overdue => json!({"silent": random.random_bool(0.5)}),
            Flow::Quote | Flow::Form | Flow::Price | Flow::Fare | Flow::Hears | Flow::Report => {
                json!({})
            }
        };
        Self {
            key,
            flow,
            fails,
            body,
        }
    }
}

pub(super) fn an_order(random: &mut StdRng, fails: bool) -> Json {
    json!({"fails": fails, "until": soon(random)})
}

pub(super) fn customer(number: u32) -> String {
    format!("Customer {number}")
}

fn soon(random: &mut StdRng) -> String {
    let wait = SignedDuration::from_millis(random.random_range(0..2_500));
    (Timestamp::now() + wait).to_string()
}

pub(super) async fn think(random: &mut StdRng) {
    let thought = random.random_range(0..LONGEST_THOUGHT_MS);
    tokio::time::sleep(Duration::from_millis(thought)).await;
}

/// Another program: sends messages, each under a key of its own, and some of them again, at once or much later.
pub(super) async fn program(shop: Arc<Shop>, mut random: StdRng, number: usize) {
    let mut sent = Vec::new();
    while shop.is_open() {
        let key = format!("program-{number}-{}", sent.len());
        let message = Message::new(&mut random, key);
        send(&shop, &mut random, &message).await;
        sent.push(message);
        if random.random_bool(0.2) {
            let again = sent.choose(&mut random).expect("one was sent");
            send(&shop, &mut random, again).await;
        }
        think(&mut random).await;
    }
}

async fn send(shop: &Shop, random: &mut StdRng, message: &Message) {
    let answer = shop.message(random, message).await;
    let known = Known {
        id: answer["run_id"].as_str().expect("a run").to_owned(),
        flow: message.flow,
        fails: message.fails,
    };
    shop.ledger.accepted(&message.key, &known);
    if let Some(number) = answer["number"].as_str() {
        shop.ledger.numbered(&known.id, number);
    }
}

/// A person who fills in one form after the other.
pub(super) async fn person(shop: Arc<Shop>, mut random: StdRng, number: usize) {
    let mut sent = 0;
    while shop.is_open() {
        let visitor = number * 10_000 + sent;
        let visitor = Visitor::new(
            shop.servers.clone(),
            &shop.flows.form,
            visitor,
            "name=Ada".to_owned(),
        );
        let place = visitor.send(random.random_bool(0.3)).await;
        let known = Known {
            id: visitor::run_at(&shop.store, &place).to_string(),
            flow: Flow::Form,
            fails: false,
        };
        shop.ledger
            .accepted(&format!("person-{number}-{sent}"), &known);
        sent += 1;
    }
}
