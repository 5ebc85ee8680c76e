//! What must be true all the time, and what must be true when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use formwork_tests::{TestDb, list::ENTRIES, receiver};

use super::ledger::{Entries, Known, Ledger};

/// Of a step, unless its settings say otherwise.
const MOST_TRIES: i64 = 5;

/// Writes down, in the database itself and in the commit that does it, what must never happen, and every end of a run.
pub(super) fn install_witness(db: &TestDb) {
    db.sql(
        "create table chaos_ended (run_id uuid, state text);
         create table chaos_broken (what text, before jsonb, after jsonb);
         create function chaos_step() returns trigger language plpgsql as $$
         begin
             if old.finished_at is not null and new is distinct from old then
                 insert into chaos_broken values ('a step that had ended was changed', to_jsonb(old), to_jsonb(new));
             end if;
             return null;
         end $$;
         create function chaos_run() returns trigger language plpgsql as $$
         begin
             if old.finished_at is not null and new is distinct from old then
                 insert into chaos_broken values ('a run that had ended was changed', to_jsonb(old), to_jsonb(new));
             elsif old.finished_at is null and new.finished_at is not null then
                 insert into chaos_ended values (new.id, new.state);
             end if;
             return null;
         end $$;
         create function chaos_number() returns trigger language plpgsql as $$
         begin
             if (new.series_id, new.year, new.count, new.number, new.first_run, new.node, new.item_path)
                 is distinct from (old.series_id, old.year, old.count, old.number, old.first_run, old.node, old.item_path)
                 or (old.state <> 'open' and new.state <> old.state) then
                 insert into chaos_broken values ('a number was changed', to_jsonb(old), to_jsonb(new));
             end if;
             return null;
         end $$;
         create function chaos_removed() returns trigger language plpgsql as $$
         begin
             insert into chaos_broken values (tg_table_name || ' was removed', to_jsonb(old), null);
             return null;
         end $$;
         create trigger chaos after update on step for each row execute function chaos_step();
         create trigger chaos after update on run for each row execute function chaos_run();
         create trigger chaos after update on number for each row execute function chaos_number();
         create trigger chaos_removed after delete on step for each row execute function chaos_removed();
         create trigger chaos_removed after delete on run for each row execute function chaos_removed();
         create trigger chaos_removed after delete on delivery for each row execute function chaos_removed();
         create trigger chaos_removed after delete on number for each row execute function chaos_removed();",
    );
}

/// Results of steps as they were seen, from outside of the database.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<String, String>);

impl Seen {
    /// A look while everything is under way.
    pub(super) fn look(&mut self, db: &TestDb, ledger: &Ledger) {
        // Always the same part of all runs, so that later looks meet what earlier ones saw.
        let results = db.sql(
            "select run_id || ' ' || node || ' ' || item_path, md5(output::text || ports::text) from step
             where state = 'succeeded' and hashtext(run_id::text) % 8 = 0",
        );
        for (step, result) in results.lines().filter_map(|line| line.split_once('|')) {
            let before = self.0.entry(step.to_owned()).or_insert(result.to_owned());
            assert_eq!(before, result, "{step}: a result changed");
        }
        nothing_broken(db);
        assert_eq!(
            db.sql("select count(*) from queue_entry where lost >= 5"),
            "0",
            "a cap was reached"
        );
        let entries = ledger.read();
        let stored: BTreeSet<String> = db
            .sql("select id from run")
            .lines()
            .map(str::to_owned)
            .collect();
        let lost: Vec<&Known> = entries
            .accepted
            .values()
            .chain(entries.retries.values())
            .filter(|known| !stored.contains(&known.id))
            .collect();
        assert!(lost.is_empty(), "accepted runs are lost: {lost:?}");
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn nothing_broken(db: &TestDb) {
    assert_eq!(db.sql("select * from chaos_broken limit 3"), "");
}

/// When nobody is at anything any more.
pub(super) fn at_rest(db: &TestDb, ledger: &Ledger, received: &receiver::Ledger) {
    nothing_broken(db);
    nothing_left_over(db);
    runs(db, ledger);
    steps(db);
    numbers(db, &ledger.read());
    deliveries(db, received);
}

fn nothing_left_over(db: &TestDb) {
    for left in [
        "queue_entry",
        "run where finished_at is null",
        "step where finished_at is null or wait_until is not null",
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

/// Every run is one that somebody was told of, ended once, and as its input and its ledger say.
fn runs(db: &TestDb, ledger: &Ledger) {
    let known = ledger.runs();
    let entries = ledger.read();
    assert_eq!(
        known.len(),
        entries.accepted.len() + entries.retries.len(),
        "two keys gave one run"
    );
    let mut untold = 0;
    let rows = db.sql("select id, state, coalesce(error ->> 'code', ''), input ->> 'fails' = 'true', retry_of is not null from run");
    let mut stored = BTreeMap::new();
    for row in rows.lines() {
        let [id, state, code, fails, retried] = row.split('|').collect::<Vec<_>>()[..] else {
            panic!("{row}");
        };
        if !known.contains_key(id) {
            assert_eq!(retried, "t", "nobody was told of {row}");
            untold += 1;
        }
        let as_asked = match state {
            "succeeded" => fails != "t",
            "failed" => fails == "t" && code == "stopped_here",
            "cancelled" => entries.stopped.contains_key(id),
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
        db.sql("select count(*), count(distinct run_id) from idempotency_key"),
        format!("{accepted}|{accepted}")
    );
    assert_eq!(
        db.sql("select count(*) from submission"),
        accepted.to_string()
    );
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
    // A step that met the database while it was away is tried again; nothing else here can fail a try.
    let tries = db.sql(&format!(
        "select run_id, node, item_path, state, attempt, tries from step
         cross join lateral (select count(*) as tries from attempt a
                             where a.run_id = step.run_id and a.node = step.node and a.item_path = step.item_path) t
         where attempt > {MOST_TRIES} or tries not between attempt - 1 and attempt limit 5"
    ));
    assert_eq!(tries, "", "every try that failed is kept, up to the limit");
    let others = db.sql("select run_id, node, error from attempt where error ->> 'code' <> 'storage_unavailable' limit 5");
    assert_eq!(others, "", "tries fail of the database only");
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
