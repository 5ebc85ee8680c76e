//! A schedule of every minute, whose next moment is put back again and again: moments that had their runs come once more, and others have
//! been missed.

use formwork_tests::{TestDb, process::until};
use rand::{RngExt as _, rngs::StdRng};
use reqwest::Method;
use serde_json::json;

use super::{
    house::House,
    ledger::{Entries, Ledger},
    load::{AGAIN, Shop},
};

/// Furthest that it is put back; of more than 100 missed moments the oldest would be left out.
const MOST_MINUTES: u32 = 12;

/// Puts the next moment back, and never one forward that is due.
pub(super) fn turn_back(db: &TestDb, ledger: &Ledger, random: &mut StdRng) {
    let minutes = random.random_range(1..=MOST_MINUTES);
    let first = db.sql(&format!(
        "update schedule set next_at = least(next_at, date_trunc('minute', now()) - interval '{minutes} minutes')
         returning extract(epoch from next_at)::bigint"
    ));
    let first: i64 = first.parse().expect("a moment");
    let mut entries = ledger.read();
    let before = entries.first_moment.unwrap_or(first);
    entries.first_moment = Some(before.min(first));
}

/// Switches the workflow off at a moment at which nothing is due: what is due then would not begin any more.
pub(super) async fn stop(house: &mut House, shop: &Shop, random: &mut StdRng) {
    let mut last = String::new();
    until("everything that is due has begun", || {
        house.revive();
        last = house.site.db.sql(
            "select extract(epoch from date_trunc('minute', now()))::bigint from schedule where next_at > now()",
        );
        !last.is_empty()
    })
    .await;
    shop.ledger.read().last_moment = Some(last.parse().expect("a moment"));
    let path = format!("/api/workflows/{}", shop.flows.reports);
    let off = json!({"state": "off"});
    loop {
        house.revive();
        if let Some(answer) = shop.ask(random, Method::PATCH, &path, &off).await {
            answer.expect(200);
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Each moment has one run, and none between the first and the last was left out.
pub(super) fn check(db: &TestDb, entries: &Entries) {
    let Some((first, last)) = entries.first_moment.zip(entries.last_moment) else {
        return;
    };
    let moments = db.sql(
        "select count(*), count(distinct moment), min(moment), max(moment) from (
             select extract(epoch from (input ->> 'scheduled_at')::timestamptz)::bigint as moment from run where source = 'schedule') run",
    );
    let [count, distinct, from, to] = moments
        .split('|')
        .map(|number| number.parse::<i64>().expect("there were moments"))
        .collect::<Vec<_>>()[..]
    else {
        panic!("{moments}");
    };
    assert_eq!(count, distinct, "two runs of one moment");
    assert!(from <= first, "{moments}: {first} was due");
    assert_eq!((to - from) / 60 + 1, count, "{moments}: one was left out");
    assert!(to >= last, "{moments}: {last} was due");
}
