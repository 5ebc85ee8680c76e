//! What must be true of runs, steps, numbers and messages when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use formwork_tests::{TestDb, list::ENTRIES, receiver};

use super::{
    answers, clock,
    desk::{self, Visits},
    flows::{Flow, fails_sql},
    ledger::{Entries, Ledger},
    together, witness,
};

/// Of a step, unless its settings say otherwise.
const MOST_TRIES: i64 = 5;

/// When nobody is at anything any more.
pub(super) fn at_rest(db: &TestDb, ledger: &Ledger, received: &receiver::Ledger, visits: &Visits) {
    witness::nothing_broken(db);
    nothing_left_over(db);
    runs(db, ledger);
    steps(db);
    let entries = ledger.read();
    numbers(db, &entries);
    deliveries(db, received);
    together::calls(db, &entries);
    together::failures(db);
    together::lines(db);
    together::files(db, &entries);
    answers::decisions(db, &entries);
    answers::payments(db, &entries);
    clock::check(db, &entries);
    desk::check(db, visits);
}

fn nothing_left_over(db: &TestDb) {
    for left in [
        "queue_entry",
        "run_place",
        "run where finished_at is null",
        "step where finished_at is null or wait_until is not null",
        "approval where state not in ('approved', 'refused', 'withdrawn')",
        "batch where state <> 'finished'",
        "batch_row where state not in ('succeeded', 'failed')",
        "delivery where state <> 'delivered' or lease_owner is not null or lease_until is not null",
        "generation",
    ] {
        assert_eq!(
            db.sql(&format!("select count(*) from {left}")),
            "0",
            "{left}"
        );
    }
}

/// Every run ended once, as its input and the ledger say; what somebody outside began, somebody was told of.
fn runs(db: &TestDb, ledger: &Ledger) {
    let known = ledger.runs();
    let entries = ledger.read();
    assert_eq!(
        known.len(),
        entries.accepted.len() + entries.retries.len(),
        "two keys gave one run"
    );
    let mut untold = 0;
    let rows = db.sql(&format!(
        "select run.id, w.name, run.source, run.state, coalesce(run.error ->> 'code', ''), {}, run.retry_of is not null,
                coalesce(parent.state in ('failed', 'cancelled'), false)
         from run join workflow w on w.id = run.workflow_id left join run parent on parent.id = run.parent_run",
        fails_sql()
    ));
    let mut stored = BTreeMap::new();
    for row in rows.lines() {
        let columns = row.split('|').collect::<Vec<_>>();
        let [id, name, source, state, code, fails, retried, orphaned] = columns[..] else {
            panic!("{row}");
        };
        let flow = Flow::of(name);
        let from_outside = ["form", "webhook"].contains(&source);
        match known.get(id) {
            Some(known) => assert_eq!((known.flow, from_outside), (flow, true), "{row}"),
            None if from_outside => {
                assert_eq!(retried, "t", "nobody was told of {row}");
                untold += 1;
            }
            None => {}
        }
        let as_asked = match state {
            "succeeded" => fails != "t",
            "failed" => may_fail_of(flow, fails == "t").contains(&code),
            "cancelled" => entries.stopped.contains_key(id) || orphaned == "t",
            _ => false,
        };
        assert!(as_asked, "{row}: {}", db.sql(&format!(
            "select node, item_path, state, attempt, error from step where run_id = '{id}' order by started_at"
        )));
        stored.insert(id.to_owned(), state.to_owned());
    }
    assert!(
        untold <= entries.unanswered_retries,
        "{untold} retries that nobody asked for"
    );
    for known in known.values() {
        assert!(stored.contains_key(&known.id), "lost: {known:?}");
    }
    for (run, state) in &entries.stopped {
        assert_eq!(stored.get(run), Some(state), "what Stop told stays so");
    }
    assert_eq!(
        db.sql("select count(*), count(distinct run_id) from chaos_ended e join run on run.id = run_id and run.state = e.state"),
        format!("{0}|{0}", stored.len()),
        "every run ended once"
    );
    let accepted = entries.accepted.len();
    assert_eq!(
        db.sql("select count(*), count(distinct run_id) from idempotency_key where scope ~ '^(form|hook):'"),
        format!("{accepted}|{accepted}")
    );
    assert_eq!(
        db.sql("select count(*) from submission where source in ('form', 'webhook')"),
        accepted.to_string()
    );
}

/// The reasons for which a run may fail, if its input makes it, and if somebody stopped what it called.
fn may_fail_of(flow: Flow, fails: bool) -> &'static [&'static str] {
    match (flow, fails) {
        (Flow::Order | Flow::Price | Flow::Visit, true) => &["stopped_here"],
        (Flow::Trip | Flow::Fare, true) => &["called_run_failed", "called_run_stopped"],
        (Flow::Trip, false) => &["called_run_stopped"],
        (Flow::Overdue, _) => &["timed_out", "total_limit", "start_limit"],
        (
            Flow::Order
            | Flow::Quote
            | Flow::Form
            | Flow::Price
            | Flow::Fare
            | Flow::Visit
            | Flow::Offer
            | Flow::Payment
            | Flow::Hears
            | Flow::Report,
            _,
        ) => &[],
    }
}

fn steps(db: &TestDb) {
    let wrong = db.sql(&format!(
        "select run_id, node, item_path, state, attempt from step
         where (node = 'each' and state = 'succeeded' and (output ->> 'count')::int <> {ENTRIES})
            or (node = 'each' and state = 'succeeded' and (
                select count(*) from step line
                where line.run_id = step.run_id and line.node = 'line' and line.state = 'succeeded') <> {ENTRIES})
         limit 5"
    ));
    assert_eq!(wrong, "", "every entry has one result");
    // A step that met the database while it was away is tried again, and so is one that asks another program; nothing else here can fail
    // a try. What a retry keeps has its tries in the run that made them.
    let tries = db.sql(&format!(
        "select step.run_id, node, item_path, step.state, attempt, tries from step join run on run.id = step.run_id
         cross join lateral (select count(*) as tries from attempt a
                             where a.run_id = step.run_id and a.node = step.node and a.item_path = step.item_path) t
         where (run.retry_of is null or step.started_at > run.created_at)
           and (attempt > {MOST_TRIES} or tries not between attempt - 1 and attempt) limit 5"
    ));
    assert_eq!(tries, "", "every try that failed is kept, up to the limit");
    let others = db.sql(
        "select run_id, node, error from attempt
         where node not in ('enter', 'silence') and error ->> 'code' <> 'storage_unavailable' limit 5",
    );
    assert_eq!(others, "", "tries fail of nothing else");
    let silent = db.sql("select run_id, attempt from step where node = 'silence' and state = 'failed' and attempt <> 2 limit 5");
    assert_eq!(silent, "", "who is silent is asked as often as may be");
    let unfinished = db.sql(
        "select run.id, node, step.state from run join step on run_id = run.id
         where run.state = 'succeeded' and step.state not in ('succeeded', 'skipped') limit 5",
    );
    assert_eq!(unfinished, "", "a run succeeds with all of its steps");
}

/// Used, open and void are 1 to n, each of them what its runs and the ledger say.
fn numbers(db: &TestDb, entries: &Entries) {
    assert_eq!(
        db.sql("select min(count) = 1 and max(count) = count(*) and count(distinct count) = count(*) from number"),
        "t",
        "no gap and no double"
    );
    assert_eq!(
        db.sql("select max(count) + 1 = (select next from series_count) from number"),
        "t"
    );
    let wrong = db.sql(
        "select n.count, n.state, run.state from number n join run on run.id = n.run_id
         cross join lateral (
             select exists (select from run r join step s on s.run_id = r.id
                            where r.first_run = n.first_run and r.state = 'succeeded' and s.node = n.node
                              and s.state = 'succeeded' and s.output ->> 'number' = n.number) as printed) p
         where n.state <> 'void' and (n.state = 'used') <> printed limit 5",
    );
    assert_eq!(
        wrong, "",
        "used where a run succeeded with it, open where none did"
    );
    let unknown = db.sql(
        "select s.run_id, s.output ->> 'number' from step s join run on run.id = s.run_id
         left join number n on n.first_run = run.first_run and n.node = s.node and n.number = s.output ->> 'number'
         where s.node = 'no' and s.state = 'succeeded' and n.id is null limit 5",
    );
    assert_eq!(
        unknown, "",
        "what a step put out is a number that was drawn for it"
    );
    let void: BTreeSet<String> = db
        .sql("select id from number where state = 'void'")
        .lines()
        .map(str::to_owned)
        .collect();
    assert!(entries.voided.is_subset(&void), "void stays void");
    assert!(void.len() <= entries.voided.len() + entries.unanswered_voids);
    let drawn: BTreeMap<String, String> = db
        .sql("select run_id, number from number")
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(run, number)| (run.to_owned(), number.to_owned()))
        .collect();
    for (run, number) in &entries.numbers {
        assert_eq!(
            drawn.get(run),
            Some(number),
            "{run} was answered its number"
        );
    }
}

/// Each step that sends has one message, and each message arrived under its id.
fn deliveries(db: &TestDb, received: &receiver::Ledger) {
    assert_eq!(
        db.sql("select count(*) from delivery"),
        db.sql("select count(*) from step where node = 'send' and state = 'succeeded'")
    );
    assert_eq!(
        db.sql("select count(distinct (run_id, node, item_path)) from delivery"),
        db.sql("select count(*) from delivery")
    );
    let stored: BTreeMap<String, String> = db
        .sql("select id, run_id from delivery")
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(id, run)| (id.to_owned(), run.to_owned()))
        .collect();
    assert_eq!(receiver::once(received), stored);
}
