//! Who works in the office while the programs are struck: somebody who stops runs, retries them and settles numbers, and somebody who hands
//! in files whose rows become visits.

use std::sync::Arc;

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    flows::{Flow, LAST_GOOD_VISIT},
    ledger::Known,
    load::{AGAIN, CUSTOMERS, Shop, an_order, customer, think},
};

/// Rows of a file, of which some fail.
const ROWS: u32 = 30;
const EACH_FAILS: u32 = 10;
/// Messages that are accepted before the next file is handed in.
const BETWEEN_FILES: usize = 30;

/// Stops runs, retries what failed, and makes numbers void.
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
    // Nobody stops a run whose caller waits.
    let Some(run) = last.choose(random).filter(|run| run.flow != Flow::Quote) else {
        return;
    };
    let called = if run.flow == Flow::Trip && random.random_bool(0.5) {
        one_called(shop, random, &run.id).await
    } else {
        None
    };
    let id = called.unwrap_or_else(|| run.id.clone());
    let path = format!("/api/runs/{id}/stop");
    let answer = loop {
        match shop.ask(random, Method::POST, &path, &Json::Null).await {
            Some(answer) => break answer.expect(200),
            None => tokio::time::sleep(AGAIN).await,
        }
    };
    assert!(
        answer["finished_at"].is_string(),
        "Stop works at once: {answer}"
    );
    let state = answer["state"].as_str().expect("a state").to_owned();
    shop.ledger.read().stopped.insert(id, state);
}

/// A run that steps of another one called, if there is one.
async fn one_called(shop: &Shop, random: &mut StdRng, run: &str) -> Option<String> {
    let path = format!("/api/runs/{run}");
    let told = shop.ask(random, Method::GET, &path, &Json::Null).await?;
    let told = told.expect(200);
    let steps = told["steps"].as_array().expect("steps").iter();
    let called: Vec<&str> = steps
        .filter_map(|step| step["called"]["run"].as_str())
        .collect();
    called.choose(random).map(|run| (*run).to_owned())
}

async fn retry(shop: &Shop, random: &mut StdRng, runs: &[Known]) {
    let failing: Vec<&Known> = runs.iter().filter(|run| run.fails).collect();
    let Some(run) = failing.choose(random) else {
        return;
    };
    let fails = run.flow != Flow::Order || random.random_bool(0.4);
    let body = if fails {
        json!({})
    } else {
        json!({"input": an_order(random, false)})
    };
    let path = format!("/api/runs/{}/retry", run.id);
    match shop.ask(random, Method::POST, &path, &body).await {
        Some(answer) if answer.status == 202 => {
            let id = answer.json["id"].as_str().expect("a run").to_owned();
            let known = Known {
                id: id.clone(),
                flow: run.flow,
                fails,
            };
            shop.ledger.read().retries.insert(id, known);
        }
        // It is not over yet.
        Some(answer) => assert_eq!(answer.status, 409, "{}", answer.json),
        None => shop.ledger.read().unanswered_retries += 1,
    }
}

async fn make_void(shop: &Shop, random: &mut StdRng) {
    let path = format!("/api/series/{}/numbers?state=open", shop.flows.series);
    let open = shop.ask(random, Method::GET, &path, &Json::Null).await;
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
    match shop.ask(random, Method::POST, &path, &body).await {
        Some(answer) if answer.status == 204 => {
            shop.ledger.read().voided.insert(id.to_owned());
        }
        // Its run is under way.
        Some(answer) => assert_eq!(answer.status, 409, "{}", answer.json),
        None => shop.ledger.read().unanswered_voids += 1,
    }
}

/// Hands in one file after the other.
pub(super) async fn files(shop: Arc<Shop>, mut random: StdRng) {
    for number in 0.. {
        let name = format!("visits-{number}.csv");
        hand_in(&shop, &mut random, &name).await;
        let enough = shop.ledger.accepted_so_far() + BETWEEN_FILES;
        while shop.ledger.accepted_so_far() < enough {
            if !shop.is_open() {
                return;
            }
            think(&mut random).await;
        }
    }
}

/// Hands a file in and starts it; a start that nobody was answered is asked for again.
async fn hand_in(shop: &Shop, random: &mut StdRng, name: &str) {
    let path = format!("/api/workflows/{}", shop.flows.visits);
    let upload = format!("{path}/batch-files?name={name}");
    let file = loop {
        let request = shop.owner(random).request(Method::POST, &upload);
        match shop.send(request.body(rows())).await {
            Some(answer) => break answer.expect(201)["file"].clone(),
            None => tokio::time::sleep(AGAIN).await,
        }
    };
    let start = format!("{path}/batches");
    let body = json!({
        "file": file, "locale": "en", "trigger": "visit", "columns": ["customer", "number"], "version": 1});
    let mut may_have_begun = false;
    loop {
        match shop.ask(random, Method::POST, &start, &body).await {
            Some(answer) if answer.status == 201 => break,
            // A file starts one batch, and this one has.
            Some(answer) => {
                let code = &answer.json["problems"][0]["code"];
                assert!(
                    may_have_begun && code == "batch_file_gone",
                    "{}",
                    answer.json
                );
                break;
            }
            None => {
                may_have_begun = true;
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    shop.ledger.read().files.insert(name.to_owned(), ROWS);
}

/// Visits of all customers by turns.
fn rows() -> String {
    let rows = (1..=ROWS).map(|row| {
        let number = if row.is_multiple_of(EACH_FAILS) {
            LAST_GOOD_VISIT + row
        } else {
            row
        };
        format!("{};{number}\n", customer(row % CUSTOMERS))
    });
    std::iter::once("Customer;Number\n".to_owned())
        .chain(rows)
        .collect()
}
