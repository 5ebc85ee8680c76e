//! A step that kills every worker that takes it: after five of them it is given up, and who works beside it does not notice.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    routing::{get, post},
};
use formwork_tests::{
    process::{Installation, Role, is_abort, until},
    receiver,
};
use serde_json::{Value as Json, json};
use store::queue;
use tokio::sync::Semaphore;

/// A server that takes orders at once, and tells prices when it may.
#[derive(Clone)]
struct Shop {
    /// The key of each order that came.
    orders: Arc<Mutex<Vec<String>>>,
    prices: Arc<Semaphore>,
}

impl Shop {
    /// It answers until the test ends; with its address.
    async fn open() -> (Self, String) {
        let shop = Self {
            orders: Arc::default(),
            prices: Arc::new(Semaphore::new(0)),
        };
        let router = Router::new()
            .route("/order", post(take_order))
            .route("/price", get(tell_price))
            .with_state(shop.clone());
        (shop, receiver::serve(router).await)
    }

    fn orders(&self) -> Vec<String> {
        self.orders.lock().expect("no panic").clone()
    }
}

async fn take_order(State(shop): State<Shop>, headers: HeaderMap) {
    let key = headers["idempotency-key"].to_str().expect("text");
    shop.orders.lock().expect("no panic").push(key.to_owned());
}

async fn tell_price(State(shop): State<Shop>) {
    let permit = shop.prices.acquire().await.expect("never closed");
    permit.forget();
}

/// A form, and a request that may take longer than five deaths.
fn document(config: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Ask", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Ask", "fields": [
                {"name": "city", "label": "City", "kind": "text", "required": true}]}},
            {"id": "ask", "type": "http_request", "version": 1, "name": "Ask", "config": config, "timeout_ms": 600_000}],
        "edges": [{"from": "form", "port": "out", "to": "ask"}]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_kills_five_workers_is_given_up_and_a_run_beside_it_goes_on() {
    let site = Installation::new(&[("FORMWORK_LEASE_SECONDS", "2")]).await;
    let (shop, address) = Shop::open().await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let price = json!({"url": format!("{address}/price"), "answer": "none"});
    let price = owner.publish(document(&price)).await;
    let order = json!({"method": "POST", "url": format!("{address}/order"), "answer": "none"});
    let order = owner.publish(document(&order)).await;
    let input = json!({"city": "Bonn"});

    // One worker stays well. Its only place is taken until the deaths are over, so that the step meets none but those that are to die. Its
    // lease is longer, for moments in which they keep the machine busy.
    let well = [
        ("FORMWORK_EXECUTOR_SLOTS", "1"),
        ("FORMWORK_LEASE_SECONDS", "6"),
    ];
    let _well = site.start_with(Role::Work, None, &well);
    let beside = owner.start(&price, input.clone()).await;
    site.until(
        "select count(*) from queue_entry where node = 'ask' and lease_owner is not null",
        "1",
    )
    .await;
    let run = owner.start(&order, input).await;
    for death in 1..=queue::LOST_CAP {
        // The first of them has committed the form before.
        let fault = if death == 1 {
            "effect_done:2"
        } else {
            "effect_done"
        };
        let mut dying = site.start(Role::Work, Some(fault));
        until("a worker dies", || dying.ended().is_some()).await;
        assert!(dying.ended().is_some_and(is_abort), "{}", dying.log());
    }
    let unfinished = "select count(*) from run where finished_at is null";
    assert_eq!(site.db.sql(unfinished), "2");
    shop.prices.add_permits(1);
    site.until(unfinished, "0").await;

    let steps = |run: &str| {
        site.db.sql(&format!(
            "select node, state, coalesce(error ->> 'code', '') from step where run_id = '{run}' order by node"
        ))
    };
    assert_eq!(steps(&run), "ask|failed|worker_lost\nform|succeeded|");
    assert_eq!(steps(&beside), "ask|succeeded|\nform|succeeded|");
    let orders = shop.orders();
    assert_eq!(orders.len(), 5, "the last worker did not try it again");
    assert!(
        orders.iter().all(|key| *key == orders[0]),
        "whoever got them can tell that they are one: {orders:?}"
    );
    let listed = owner.get("/api/runs?error=worker_lost").await.expect(200);
    let listed = listed["items"].as_array().expect("runs");
    let listed: Vec<_> = listed
        .iter()
        .map(|run| (&run["id"], &run["state"], &run["error"]["code"]))
        .collect();
    assert_eq!(
        listed,
        [(&json!(run), &json!("failed"), &json!("worker_lost"))]
    );
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_or_stands_still_is_noticed_within_two_leases() {
    const LEASE: &str = "20";
    let one_place = [("FORMWORK_EXECUTOR_SLOTS", "1")];
    let site = Installation::new(&[("FORMWORK_LEASE_SECONDS", LEASE)]).await;
    let (shop, address) = Shop::open().await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let price = json!({"url": format!("{address}/price"), "answer": "none"});
    let price = owner.publish(document(&price)).await;
    let mut workers = Vec::new();
    let mut runs = Vec::new();
    // Each has one run, in the order in which they came.
    for number in 1..=3 {
        workers.push(site.start_with(Role::Work, None, &one_place));
        runs.push(owner.start(&price, json!({"city": "Bonn"})).await);
        let under_way =
            "select count(*) from queue_entry where node = 'ask' and lease_owner is not null";
        site.until(under_way, &number.to_string()).await;
    }
    site.db.sql(
        "create table noticed (run_id uuid not null, at timestamptz not null default clock_timestamp());
         create function notice() returns trigger language plpgsql as $$
         begin
             insert into noticed (run_id) values (new.run_id);
             return null;
         end $$;
         create trigger notice after update on queue_entry for each row when (new.lost > old.lost) execute function notice()",
    );
    workers[1].kill();
    workers[2].pause();
    let silent = site.db.sql("select clock_timestamp()");
    site.until("select count(*) from noticed", "2").await;
    // The first is at work all the time, for longer than a lease.
    for (run, expected) in runs.iter().zip(["f", "t", "t"]) {
        let in_time = format!(
            "select exists (select from noticed where run_id = '{run}' and at <= '{silent}'::timestamptz + 2 * interval '{LEASE} seconds')"
        );
        assert_eq!(site.db.sql(&in_time), expected);
    }
    shop.prices.add_permits(5);
    workers[2].resume();
    site.until("select count(*) from run where state = 'succeeded'", "3")
        .await;
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "0");
}
