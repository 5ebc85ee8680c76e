//! What the second release left: whatever the engine could do then was under way, and comes to its right end with this one. It was
//! made by `tests/examples/release`.

mod house;
mod rest;
mod runs;

use formwork_tests::{TestDb, fixture, model::ModelWorker};

use house::House;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_second_release_left_is_finished_by_this_one() {
    let db = TestDb::load(&fixture::path("release-2"), fixture::KEY).await;
    everything_is_there(&db);
    let house = House::open(db).await;
    let mut model = ModelWorker::start(&house.office.db, &[]);
    rest::the_address_has_parts(&house).await;
    rest::messages_arrive(&house).await;
    runs::people_decide(&house).await;
    runs::others_call(&house).await;
    runs::called_runs_answer(&house).await;
    runs::failures_are_told(&house).await;
    runs::times_come(&house).await;
    runs::entries_keep_their_order(&house).await;
    runs::ways_meet(&house).await;
    rest::numbers_have_no_gap(&house).await;
    rest::rows_are_as_they_are_now(&house).await;
    rest::private_values_go(&house).await;
    rest::retention_is_kept_to(&house).await;
    rest::the_line_moves_on(&house).await;
    rest::the_pause_ends(&house).await;
    rest::the_schedule_begins_one_run(&house).await;
    rest::rows_become_runs(&house).await;
    house.nothing_is_left().await;
    assert!(model.stop());
    house.office.close().await;
}

/// A fixture in which something was over already would prove nothing about it.
fn everything_is_there(db: &TestDb) {
    let states = |query: &str, expected: &str| assert_eq!(db.sql(query), expected, "{query}");
    states(
        "select string_agg(distinct state, ' ' order by state) from run",
        "cancelled failed queued running succeeded waiting",
    );
    states(
        "select string_agg(distinct state, ' ' order by state) from delivery",
        "delivered due given_up held retrying sending stopped",
    );
    states(
        "select string_agg(distinct state, ' ' order by state) from step
         where state in ('ready', 'retryable', 'waiting')",
        "ready retryable waiting",
    );
    states(
        "select string_agg(distinct waits_on, ' ' order by waits_on) from step where state = 'waiting'",
        "call delivery generation items nothing signal",
    );
    states(
        "select string_agg(distinct state, ' ' order by state) from approval",
        "approved open",
    );
    states(
        "select string_agg(distinct state, ' ' order by state) from number",
        "open used void",
    );
    states(
        "select string_agg(distinct state, ' ' order by state) from batch_row",
        "begun ready succeeded",
    );
    states(
        "select count(*) filter (where admitted_at is null), count(*) from run_place",
        "2|3",
    );
    states("select count(start_by), count(end_by) from step", "1|2");
    states("select count(*) from answer", "2");
    states(
        "select count(*) from workflow where paused_at is not null",
        "1",
    );
}
