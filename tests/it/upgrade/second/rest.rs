//! What lies beside the runs: the firm, messages, numbers, tables, values that must go, what is kept, whose turn it is, and rows of files.

use mail_parser::MessageParser;
use serde_json::json;

use super::house::House;
use crate::upgrade::assert_signed;

pub(super) async fn the_address_has_parts(house: &House) {
    let firm = house.owner.get("/api/firm").await.expect(200);
    let parts = ["street", "post_code", "city", "vat_id", "tax_number"];
    assert_eq!(
        parts.map(|part| firm[part].clone()),
        [
            json!(["Hüxstraße 44"]),
            json!("23552"),
            json!("Lübeck"),
            json!(""),
            json!("")
        ]
    );
}

pub(super) async fn messages_arrive(house: &House) {
    let later = house.run("Later");
    house.pass_time(&later, "step");
    house.ended(&later, "succeeded").await;
    house.until_count("Invoice", "succeeded", "3").await;
    house.until_count("Sent", "succeeded", "4").await;
    house.until_count("Receipt", "succeeded", "1").await;
    house
        .until(
            "select count(*) from delivery where finished_at is null and state <> 'held'",
            "0",
        )
        .await;
    let public = store::link::workflow(&house.office.store, "sent")
        .await
        .expect("its form is open");
    let received = house.ledger.lock().expect("no panic").clone();
    // Two invoices, the receipt, and of the short ones those that were due, being sent, leased and queued.
    assert_eq!(received.len(), 7);
    assert_signed(&house.office, &public.scope, received).await;

    let to = |address: &str| {
        let received = house.mails.received().into_iter();
        let subjects = received.filter(|mail| mail.to == [address]).map(|mail| {
            let parsed = MessageParser::default().parse(&mail.bytes);
            let subject = parsed.and_then(|mail| Some(mail.subject()?.to_owned()));
            subject.expect("a subject")
        });
        subjects.collect::<Vec<_>>()
    };
    assert_eq!(to("anna@example.com"), ["For Anna"]);
    assert_eq!(to("boss@example.com").len(), 1);
    // What a trial held is sent when a person says so.
    let held = house.sql("select id from delivery where state = 'held' and channel = 'mail'");
    house
        .owner
        .post(&format!("/api/deliveries/{held}/send-again"), json!({}))
        .await
        .expect(200);
    house
        .until(
            &format!("select state from delivery where id = '{held}'"),
            "delivered",
        )
        .await;
    assert_eq!(to("anna@example.com"), ["For Anna", "For Anna"]);
}

pub(super) async fn numbers_have_no_gap(house: &House) {
    let open = house.titled("Order", "Open");
    house.pass_time(&open, "wait");
    house.ended(&open, "succeeded").await;
    assert_eq!(house.text(&open, "text"), "Order OR-0004");

    // A retry takes the number over.
    let failed = house.titled("Order", "Again");
    let input = json!({"customer": "Again", "fails": false, "waits": false});
    let retried = house
        .owner
        .post(
            &format!("/api/runs/{failed}/retry"),
            json!({ "input": input }),
        )
        .await
        .expect(202);
    let retried = retried["id"].as_str().expect("an id");
    house.ended(retried, "succeeded").await;
    assert_eq!(house.text(retried, "text"), "Order OR-0003");

    let workflow = json!({"id": house.workflow("Order")});
    let input = json!({"customer": "New", "fails": false, "waits": false});
    let new = house.owner.start(&workflow, input).await;
    house.ended(&new, "succeeded").await;
    assert_eq!(house.text(&new, "text"), "Order OR-0005");
    let numbers = house.sql(
        "select string_agg(n.count || ' ' || n.state, ', ' order by n.count)
         from number n join series s on s.id = n.series_id where s.name = 'Orders'",
    );
    assert_eq!(numbers, "1 used, 2 void, 3 used, 4 used, 5 used");
}

/// What a run has found stays; what it looks up now is what stands there now.
pub(super) async fn rows_are_as_they_are_now(house: &House) {
    let run = house.run("Hotel");
    house.pass_time(&run, "wait");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "text"), "€120.00 then €200.00");
}

pub(super) async fn private_values_go(house: &House) {
    let lies_somewhere = |text: &str| {
        ["run", "submission", "step"].iter().any(|table| {
            let query =
                format!("select exists (select from {table} t where t::text like '%{text}%')");
            house.sql(&query) == "t"
        })
    };
    let hidden = |run: &str| format!("select masked_at is not null from run where id = '{run}'");
    let (due, kept) = ("DE89370400440532013000", "DE75512108001245126199");
    let run = house.titled("Refund", "Due");
    house.until(&hidden(&run), "t").await;
    assert!(!lies_somewhere(due));
    assert!(lies_somewhere(kept), "a day has not passed");
    let run = house.titled("Refund", "Kept");
    house.sql(&format!(
        "update run set finished_at = now() - interval '25 hours' where id = '{run}'"
    ));
    house.until(&hidden(&run), "t").await;
    assert!(!lies_somewhere(kept));

    let passport = "C01X00T47";
    assert!(lies_somewhere(passport), "its run has not ended");
    let run = house.run("Visa");
    house.pass_time(&run, "wait");
    house.ended(&run, "succeeded").await;
    house.until(&hidden(&run), "t").await;
    assert!(!lies_somewhere(passport));
    let refused = house
        .owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await;
    assert_eq!(
        (refused.status, refused.kind()),
        (409, "private_values_gone")
    );
}

pub(super) async fn retention_is_kept_to(house: &House) {
    house.until_count("Brief", "succeeded", "0").await;
    let told = house.read("/api/retention").await;
    let limits = ["run_days", "most_runs", "file_days", "most_file_bytes"].map(|name| &told[name]);
    let expected = [18_250, 100_000, 18_250, 1_000_000_000].map(|limit| json!(limit));
    assert_eq!(limits, expected.each_ref());
    let brief = house.workflow("Brief");
    assert_eq!(told["workflows"], json!([{"id": brief, "days": 3}]));
}

/// Those in line come one after the other, in their order.
pub(super) async fn the_line_moves_on(house: &House) {
    for (goes, next) in [
        ("First", Some("Second")),
        ("Second", Some("Third")),
        ("Third", None),
    ] {
        let run = house.titled("Line", goes);
        let wait = format!("select state from step where run_id = '{run}' and node = 'wait'");
        house.until(&wait, "waiting").await;
        if let Some(next) = next {
            let next = house.titled("Line", next);
            let waits = house.sql(&format!(
                "select admitted_at is null from run_place where run_id = '{next}'"
            ));
            assert_eq!(waits, "t", "{goes} still goes");
        }
        house.pass_time(&run, "wait");
        house.ended(&run, "succeeded").await;
    }
}

pub(super) async fn the_pause_ends(house: &House) {
    house.until_count("Paused", "queued", "2").await;
    let path = format!("/api/workflows/{}", house.workflow("Paused"));
    house
        .owner
        .patch(&path, json!({"paused": false}))
        .await
        .expect(200);
    house.until_count("Paused", "succeeded", "2").await;
}

pub(super) async fn the_schedule_begins_one_run(house: &House) {
    house.until_count("Report", "succeeded", "1").await;
    let day = house.sql("select (last_at at time zone 'UTC')::date from schedule");
    let run = house.run("Report");
    assert_eq!(house.text(&run, "text"), format!("Report of {day}"));
    // Its moment comes back, and its run is there already.
    house.sql("update schedule set next_at = last_at");
    store::schedule::begin_due(&house.office.store)
        .await
        .expect("begun");
    house
        .until("select next_at > now() from schedule", "t")
        .await;
    assert_eq!(house.run("Report"), run);
}

/// One row was over, one waited, and two had not begun.
pub(super) async fn rows_become_runs(house: &House) {
    let states = "select string_agg(state, ' ' order by batch_id, number) from batch_row";
    house.until(states, "succeeded begun begun begun").await;
    for title in ["Row 2", "Row 3", "Row 4"] {
        let run = house.titled("Letter", title);
        let wait = format!("select state from step where run_id = '{run}' and node = 'wait'");
        house.until(&wait, "waiting").await;
        house.pass_time(&run, "wait");
        house.ended(&run, "succeeded").await;
    }
    house
        .until(
            "select string_agg(state, ' ') from batch",
            "finished finished",
        )
        .await;
}
