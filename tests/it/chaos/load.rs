//! Who uses the programs while they are struck: programs that send messages and repeat them, people who send forms, and somebody who
//! stops runs, retries them and settles numbers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use formwork_tests::{
    list,
    office::{Answer, Caller},
    visitor::{self, Visitor},
};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::{Client, Method};
use serde_json::{Value as Json, json};
use store::Store;

use super::ledger::{Known, Ledger};

/// A server that stands still is not waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two tries of somebody whose connection broke.
const AGAIN: Duration = Duration::from_millis(100);
/// Longest a program or a person thinks before the next act.
const LONGEST_THOUGHT_MS: u64 = 500;

/// What can be used, and who may.
pub(super) struct Shop {
    pub(super) servers: Vec<String>,
    pub(super) owner: Caller,
    pub(super) series: String,
    /// Paths of the workflows' addresses.
    order: String,
    quote: String,
    form: String,
    pub(super) ledger: Ledger,
    /// For opening the links of forms' results.
    store: Store,
    closing: AtomicBool,
}

impl Shop {
    /// Publishes everything while the servers are well.
    pub(super) async fn open(
        owner: Caller,
        servers: Vec<String>,
        receiver: &str,
        store: Store,
    ) -> Arc<Self> {
        let endpoint = owner.endpoint(receiver).await;
        let series = owner
            .post(
                "/api/series",
                json!({"name": "Orders", "pattern": "{{ number }}", "yearly": false}),
            )
            .await
            .expect(201)["id"]
            .clone();
        let hook = |workflow: &Json| {
            let url = workflow["hook_urls"][0]["url"]
                .as_str()
                .expect("an address");
            url::Url::parse(url).expect("a URL").path().to_owned()
        };
        let order = hook(&owner.publish(order(&series, &endpoint)).await);
        let quote = hook(&owner.publish(quote(&series)).await);
        let form = owner.publish(form(&series, &endpoint)).await;
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build();
        Arc::new(Self {
            servers,
            owner: Caller {
                client: client.expect("a client"),
                ..owner
            },
            series: series.as_str().expect("an id").to_owned(),
            order,
            quote,
            form: format!("/f/{}", form["slug"].as_str().expect("an address")),
            ledger: Ledger::default(),
            store,
            closing: AtomicBool::new(false),
        })
    }

    /// Everybody finishes what they are at and goes.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        !self.closing.load(Ordering::Relaxed)
    }

    /// One try at one of the servers; `None`: no answer, or one of a server that lost its database.
    async fn ask(
        &self,
        random: &mut StdRng,
        method: Method,
        path: &str,
        body: &Json,
        key: Option<&str>,
    ) -> Option<Answer> {
        let caller = Caller {
            address: self.servers.choose(random).expect("a server").clone(),
            ..self.owner.clone()
        };
        let mut request = caller.request(method.clone(), path);
        if method == Method::POST {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = caller.try_send(request).await.ok()?;
        (answer.status < 500).then_some(answer)
    }

    /// Sends a message until it is answered.
    async fn message(&self, random: &mut StdRng, path: &str, body: &Json, key: &str) -> Json {
        loop {
            let answer = self.ask(random, Method::POST, path, body, Some(key)).await;
            match answer {
                Some(answer) if [200, 202].contains(&answer.status) => return answer.json,
                Some(answer) => panic!("{key}: {} {}", answer.status, answer.json),
                None => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

fn document(name: &str, nodes: &Json, edges: &[(&str, &str)]) -> Json {
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, to)| {
            let (from, port) = from.split_once('.').unwrap_or((from, "out"));
            json!({"from": from, "port": port, "to": to})
        })
        .collect();
    json!({"format": "formwork/1", "name": name, "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": nodes, "edges": edges})
}

/// A number, a list whose entries run beside each other, a wait, and then a message or a failure.
fn order(series: &Json, endpoint: &Json) -> Json {
    let [each, line] = list::steps("{{ item }} of {{ no.number }}");
    let nodes = json!([
        {"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": {"fields": [
            {"name": "fails", "title": "Fails", "kind": "yes_no"},
            {"name": "until", "title": "Until", "kind": "instant"}]}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        each,
        line,
        {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"mode": "until", "until": "{{ order.until }}"}},
        {"id": "check", "type": "branch", "version": 1, "name": "Check", "config": {"ways": [
            {"name": "bad", "title": "Bad", "rules": [{"value": "{{ order.fails }}", "operator": "is_yes"}]}]}},
        {"id": "halt", "type": "stop", "version": 1, "name": "Halt", "config": {"ends": "with_error", "message": "No."}},
        {"id": "send", "type": "webhook_deliver", "version": 1, "name": "Send",
         "config": {"endpoint": endpoint, "values": {"number": "{{ no.number }}"}}},
    ]);
    let edges = [
        ("order", "no"),
        ("no", "each"),
        ("each", "wait"),
        ("wait", "check"),
        ("check.bad", "halt"),
        ("check.otherwise", "send"),
    ];
    document("Order", &nodes, &edges)
}

/// A number that the caller waits for.
fn quote(series: &Json) -> Json {
    let nodes = json!([
        {"id": "ask", "type": "webhook_input", "version": 1, "name": "Ask", "config": {"answer": "when_done", "fields": []}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        {"id": "reply", "type": "respond", "version": 1, "name": "Reply",
         "config": {"values": {"run_id": "{{ run.id }}", "number": "{{ no.number }}"}}},
    ]);
    document("Quote", &nodes, &[("ask", "no"), ("no", "reply")])
}

/// What a person fills in.
fn form(series: &Json, endpoint: &Json) -> Json {
    let nodes = json!([
        {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Order", "fields": [
            {"name": "name", "label": "Name", "kind": "text"}]}},
        {"id": "no", "type": "number_draw", "version": 1, "name": "Number", "config": {"series": series}},
        {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": "{{ form.name | default(\"\") }} {{ no.number }}"}},
        {"id": "send", "type": "webhook_deliver", "version": 1, "name": "Send",
         "config": {"endpoint": endpoint, "values": {"text": "{{ text.text }}"}}},
    ]);
    let edges = [("form", "no"), ("no", "text"), ("text", "send")];
    document("Form", &nodes, &edges)
}

fn an_order(random: &mut StdRng, fails: bool) -> Json {
    let wait = SignedDuration::from_millis(random.random_range(0..2_500));
    json!({"fails": fails, "until": (Timestamp::now() + wait).to_string()})
}

async fn think(random: &mut StdRng) {
    let thought = random.random_range(0..LONGEST_THOUGHT_MS);
    tokio::time::sleep(Duration::from_millis(thought)).await;
}

/// Another program: sends orders and asks for numbers, each message under a key of its own, and some of them again, at once or much later.
pub(super) async fn program(shop: Arc<Shop>, mut random: StdRng, number: usize) {
    let mut sent = Vec::new();
    while shop.is_open() {
        let key = format!("program-{number}-{}", sent.len());
        let awaited = random.random_bool(0.4);
        let fails = !awaited && random.random_bool(0.3);
        let body = if awaited {
            json!({})
        } else {
            an_order(&mut random, fails)
        };
        let message = (key, awaited, fails, body);
        send(&shop, &mut random, &message).await;
        sent.push(message);
        if random.random_bool(0.2) {
            let again = sent.choose(&mut random).expect("one was sent");
            send(&shop, &mut random, again).await;
        }
        think(&mut random).await;
    }
}

async fn send(
    shop: &Shop,
    random: &mut StdRng,
    (key, awaited, fails, body): &(String, bool, bool, Json),
) {
    let path = if *awaited { &shop.quote } else { &shop.order };
    let answer = shop.message(random, path, body, key).await;
    let known = Known {
        id: answer["run_id"].as_str().expect("a run").to_owned(),
        fails: *fails,
        awaited: *awaited,
    };
    shop.ledger.accepted(key, &known);
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
            &shop.form,
            visitor,
            "name=Ada".to_owned(),
        );
        let place = visitor.send(random.random_bool(0.3)).await;
        let known = Known {
            id: visitor::run_at(&shop.store, &place).to_string(),
            fails: false,
            awaited: false,
        };
        shop.ledger
            .accepted(&format!("person-{number}-{sent}"), &known);
        sent += 1;
    }
}

/// Somebody in the office: stops runs, retries what failed, and makes numbers void.
pub(super) async fn clerk(shop: Arc<Shop>, mut random: StdRng) {
    while shop.is_open() {
        let runs: Vec<Known> = shop.ledger.runs().into_values().collect();
        match random.random_range(0..3) {
            0 => stop(&shop, &mut random, &runs).await,
            1 => retry(&shop, &mut random, &runs).await,
            _ => make_void(&shop, &mut random).await,
        }
        think(&mut random).await;
    }
}

/// Ids sort by time: the last ones are those that may still be under way.
async fn stop(shop: &Shop, random: &mut StdRng, runs: &[Known]) {
    let last = &runs[runs.len().saturating_sub(8)..];
    let Some(run) = last.choose(random).filter(|run| !run.awaited) else {
        return;
    };
    let path = format!("/api/runs/{}/stop", run.id);
    let answer = loop {
        let asked = shop.ask(random, Method::POST, &path, &Json::Null, None);
        match asked.await {
            Some(answer) => break answer.expect(200),
            None => tokio::time::sleep(AGAIN).await,
        }
    };
    assert!(
        answer["finished_at"].is_string(),
        "Stop works at once: {answer}"
    );
    let state = answer["state"].as_str().expect("a state").to_owned();
    shop.ledger.read().stopped.insert(run.id.clone(), state);
}

async fn retry(shop: &Shop, random: &mut StdRng, runs: &[Known]) {
    let failing: Vec<&Known> = runs.iter().filter(|run| run.fails).collect();
    let Some(run) = failing.choose(random) else {
        return;
    };
    let fails = random.random_bool(0.4);
    let body = if fails {
        json!({})
    } else {
        json!({"input": an_order(random, false)})
    };
    let path = format!("/api/runs/{}/retry", run.id);
    match shop.ask(random, Method::POST, &path, &body, None).await {
        Some(answer) if answer.status == 202 => {
            let id = answer.json["id"].as_str().expect("a run").to_owned();
            let known = Known {
                id: id.clone(),
                fails,
                awaited: false,
            };
            shop.ledger.read().retries.insert(id, known);
        }
        // It is not over yet.
        Some(answer) => assert_eq!(answer.status, 409, "{}", answer.json),
        None => shop.ledger.read().unanswered_retries += 1,
    }
}

async fn make_void(shop: &Shop, random: &mut StdRng) {
    let path = format!("/api/series/{}/numbers?state=open", shop.series);
    let open = shop
        .ask(random, Method::GET, &path, &Json::Null, None)
        .await;
    let Some(open) = open.map(|answer| answer.expect(200)) else {
        return;
    };
    let numbers = open["items"].as_array().expect("items");
    let Some(id) = numbers
        .choose(random)
        .and_then(|number| number["id"].as_str())
    else {
        return;
    };
    let path = format!("/api/numbers/{id}/settle");
    let body = json!({"state": "void", "reason": "The order was called off"});
    match shop.ask(random, Method::POST, &path, &body, None).await {
        Some(answer) if answer.status == 204 => {
            shop.ledger.read().voided.insert(id.to_owned());
        }
        // Its run is under way.
        Some(answer) => assert_eq!(answer.status, 409, "{}", answer.json),
        None => shop.ledger.read().unanswered_voids += 1,
    }
}
