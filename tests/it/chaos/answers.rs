//! Who is asked while the programs are struck: somebody in the office who decides, and a bank that calls the links of payments. One answer
//! to each question is taken, and the run goes on with that one.

use std::{collections::BTreeSet, sync::Arc};

use formwork_tests::{TestDb, receiver};
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{
    fork,
    ledger::{Decided, Entries},
    load::{AGAIN, Shop},
};

/// Somebody who decides on what is asked, over the API or on the page behind a link, and now and then twice.
pub(super) async fn approver(shop: Arc<Shop>, mut random: StdRng) {
    let (mut said, mut other) = (0, fork(&mut random));
    while !shop.is_over() {
        let path = "/api/approvals?open=true";
        let listed = shop
            .ask(&mut random, Method::GET, path, &Json::Null)
            .await
            .map(|answer| answer.expect(200));
        let open = listed
            .as_ref()
            .and_then(|listed| listed["items"].as_array()?.choose(&mut random));
        let Some(question) = open else {
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        said += 2;
        let first = Saying::new(&mut random, said);
        let second = Saying::new(&mut random, said + 1);
        if random.random_bool(0.3) {
            tokio::join!(
                first.say(&shop, &mut random, question),
                second.say(&shop, &mut other, question)
            );
        } else {
            first.say(&shop, &mut random, question).await;
            if random.random_bool(0.3) {
                second.say(&shop, &mut random, question).await;
            }
        }
    }
}

/// One answer to a question.
struct Saying {
    decided: Decided,
    by_link: bool,
    /// Where they are, as who answers too often from one place has to wait.
    from: String,
}

impl Saying {
    fn new(random: &mut StdRng, number: usize) -> Self {
        let decision = *["approved", "refused"].choose(random).expect("one of both");
        Self {
            decided: Decided {
                decision: decision.to_owned(),
                comment: format!("said-{number}"),
            },
            by_link: random.random_bool(0.5),
            from: format!("10.200.{}.{}", number / 250 % 250, number % 250 + 1),
        }
    }

    /// Gives it once. That no other one was taken before is seen by the ledger.
    async fn say(&self, shop: &Shop, random: &mut StdRng, question: &Json) {
        let id = question["id"].as_str().expect("an id");
        let Decided { decision, comment } = &self.decided;
        shop.ledger.said(id, comment);
        let answer = if self.by_link {
            let page = question["url"].as_str().expect("a page");
            let button = if decision == "approved" {
                "approve"
            } else {
                "refuse"
            };
            let form = [("_decision", button), ("_comment", comment.as_str())];
            let request = shop.owner(random).form(page, &form);
            let request = request.header("x-forwarded-for", self.from.as_str());
            shop.send(request).await
        } else {
            let path = format!("/api/approvals/{id}/answer");
            let body = json!({"decision": decision, "comment": comment});
            shop.ask(random, Method::POST, &path, &body).await
        };
        let taken = if self.by_link { 303 } else { 200 };
        match answer {
            Some(answer) if answer.status == taken => shop.ledger.decided(id, &self.decided),
            // Another answer was taken, or the run is over.
            Some(answer) if [409, 410].contains(&answer.status) => {
                shop.ledger.read().refused += 1;
            }
            Some(answer) => panic!("{comment}: {} {}", answer.status, answer.json),
            None => {}
        }
    }
}

/// Calls the links that payments send, and now and then twice, with the same reference or another one.
pub(super) async fn bank(shop: Arc<Shop>, mut random: StdRng, received: receiver::Ledger) {
    let (mut known, mut open) = (BTreeSet::new(), Vec::new());
    let (mut called, mut other) = (0, fork(&mut random));
    while !shop.is_over() {
        open.extend(links(&received, &mut known));
        if open.is_empty() {
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        let at = random.random_range(0..open.len());
        let link: &Link = &open[at];
        called += 2;
        let first = format!("paid-{called}");
        let second = format!("paid-{}", called + 1);
        let is_settled = if random.random_bool(0.3) {
            let (one, two) = tokio::join!(
                link.call(&shop, &mut random, &first),
                link.call(&shop, &mut other, &second)
            );
            one || two
        } else {
            let is_settled = link.call(&shop, &mut random, &first).await;
            if random.random_bool(0.3) {
                let again = if random.random_bool(0.5) {
                    &first
                } else {
                    &second
                };
                link.call(&shop, &mut random, again).await;
            }
            is_settled
        };
        if is_settled {
            open.swap_remove(at);
        }
    }
}

/// What a payment told.
struct Link {
    run: String,
    path: String,
}

/// Those that came since the last look.
fn links(received: &receiver::Ledger, known: &mut BTreeSet<String>) -> Vec<Link> {
    let received = received.lock().expect("no panic");
    let fresh = received.iter().filter(|(id, _)| !known.contains(*id));
    let fresh: Vec<(String, Json)> = fresh
        .map(|(id, messages)| {
            let body = serde_json::from_slice(&messages[0].body).expect("JSON");
            (id.clone(), body)
        })
        .collect();
    known.extend(fresh.iter().map(|(id, _)| id.clone()));
    fresh
        .iter()
        .filter_map(|(_, body)| {
            let link = body["data"]["values"]["link"].as_str()?;
            let link = url::Url::parse(link).expect("a URL");
            Some(Link {
                run: body["data"]["run_id"].as_str().expect("a run").to_owned(),
                path: link.path().to_owned(),
            })
        })
        .collect()
}

impl Link {
    /// Calls it once; whether there was an answer. That no other reference was taken before is seen by the ledger.
    async fn call(&self, shop: &Shop, random: &mut StdRng, reference: &str) -> bool {
        shop.ledger.referred(&self.run, reference);
        let body = json!({"reference": reference});
        match shop.ask(random, Method::POST, &self.path, &body).await {
            Some(answer) if answer.status == 200 => shop.ledger.called_back(&self.run, reference),
            // Another call was taken, or the run is over.
            Some(answer) if [409, 410].contains(&answer.status) => {
                shop.ledger.read().refused += 1;
            }
            Some(answer) => panic!("{reference}: {} {}", answer.status, answer.json),
            None => return false,
        }
        true
    }
}

/// Every question that was put was answered once or withdrawn, and what was taken is what its run went on with.
pub(super) fn decisions(db: &TestDb, entries: &Entries) {
    let rows = db.sql(
        "select a.id, a.state, coalesce(a.verdict ->> 'comment', ''), s.state, coalesce(s.output ->> 'decision', ''),
                coalesce(s.output ->> 'comment', ''), run.state
         from approval a join step s using (run_id, node, item_path) join run on run.id = a.run_id",
    );
    let mut stored = BTreeSet::new();
    for row in rows.lines() {
        let [id, state, comment, step, decision, told, run] =
            row.split('|').collect::<Vec<_>>()[..]
        else {
            panic!("{row}");
        };
        stored.insert(id.to_owned());
        let is_answered = ["approved", "refused"].contains(&state);
        let as_told = match step {
            "succeeded" => is_answered && (decision, told) == (state, comment),
            // It was stopped before anybody answered, or before it went on with the answer.
            "cancelled" => run == "cancelled" && (is_answered || state == "withdrawn"),
            _ => false,
        };
        assert!(as_told, "{row}");
        let said = entries.said.get(id);
        assert!(
            !is_answered || said.is_some_and(|said| said.contains(comment)),
            "nobody said this: {row}"
        );
        if let Some(taken) = entries.decided.get(id) {
            assert_eq!(
                (taken.decision.as_str(), taken.comment.as_str()),
                (state, comment),
                "{id}: the answer that was taken"
            );
        }
    }
    for question in entries.decided.keys() {
        assert!(stored.contains(question), "lost: {question}");
    }
    let unasked = db.sql(
        "select run.id from run join workflow w on w.id = run.workflow_id
         where w.name = 'Offer' and run.state = 'succeeded' and 1 <> (
             select count(*) from approval a join step s on s.run_id = a.run_id and s.state = 'succeeded'
                  and s.node = case a.state when 'approved' then 'yes' when 'refused' then 'refused' end
             where a.run_id = run.id and s.output ->> 'text' = a.verdict ->> 'comment') limit 5",
    );
    assert_eq!(unasked, "", "the way that was decided on was taken, once");
}

/// Every payment was called back once or stopped, and the reference that was taken is what it went on with.
pub(super) fn payments(db: &TestDb, entries: &Entries) {
    let rows = db.sql(
        "select run.id, run.state, coalesce(paid.state, ''), coalesce(paid.output ->> 'reference', ''), coalesce(done.output ->> 'text', '')
         from run join workflow w on w.id = run.workflow_id left join step paid on paid.run_id = run.id and paid.node = 'paid'
              left join step done on done.run_id = run.id and done.node = 'done'
         where w.name = 'Payment'",
    );
    for row in rows.lines() {
        let [id, state, paid, reference, text] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        if paid != "succeeded" {
            assert_eq!(state, "cancelled", "{row}");
            continue;
        }
        let called = entries.references.get(id);
        assert!(
            called.is_some_and(|called| called.contains(reference)),
            "nobody called so: {row}"
        );
        let goes_on = text == reference || state == "cancelled";
        assert!(goes_on, "{row}");
        if let Some(taken) = entries.called_back.get(id) {
            assert_eq!(taken, reference, "{id}: the call that was taken");
        }
    }
}
