//! Runs that waited: for people, other programs, other runs, a time, the entries of a list and the other way.

use mail_parser::MessageParser;
use reqwest::Method;
use serde_json::json;

use super::house::House;

pub(super) async fn people_decide(house: &House) {
    // Answered before, and nobody had gone on with it.
    let answered = house.titled("Approval", "Answered");
    house.ended(&answered, "succeeded").await;
    assert_eq!(house.text(&answered, "yes"), "Answered may: Go on");

    let open = house.titled("Approval", "Open");
    let approval = house.sql(&format!("select id from approval where run_id = '{open}'"));
    let path = format!("/api/approvals/{approval}/answer");
    let answer = json!({"decision": "approved"});
    house.owner.post(&path, answer.clone()).await.expect(200);
    house.ended(&open, "succeeded").await;
    assert_eq!(house.text(&open, "yes"), "Open may: -");
    let late = house.owner.post(&path, answer).await;
    assert_eq!((late.status, late.kind()), (409, "approval_answered"));

    // The link came with the mail that was not taken then.
    let outside = house.run("Outside");
    let received = house.mails.received();
    let mail = received
        .iter()
        .find(|mail| mail.to == ["boss@example.com"])
        .expect("a mail to the boss");
    let text = MessageParser::default()
        .parse(&mail.bytes)
        .and_then(|mail| Some(mail.body_text(0)?.into_owned()))
        .expect("a text");
    let page = text
        .lines()
        .find(|line| line.contains("/approve/"))
        .expect("a link")
        .trim()
        .trim_start_matches("http://forms.test");
    let visitor = house.office.caller();
    let decision = visitor.form(page, &[("_decision", "approve")]);
    assert_eq!(visitor.send(decision).await.status, 303);
    house.ended(&outside, "succeeded").await;
    assert_eq!(house.text(&outside, "yes"), "Anna may: -");

    // Its time is over.
    let overdue = house.run("Overdue");
    house.sql(&format!(
        "update step set end_by = now() - interval '1 second' where run_id = '{overdue}' and end_by is not null"
    ));
    house.pass_time(&overdue, "ask");
    house.ended(&overdue, "failed").await;
    let told = house.sql(&format!(
        "select step.error ->> 'code', approval.state = 'open' from step join approval using (run_id, node)
         where run_id = '{overdue}'"
    ));
    assert_eq!(told, "total_limit|f");
}

pub(super) async fn others_call(house: &House) {
    let run = house.run("Pay");
    let link = house.text(&run, "link");
    let path = link
        .strip_prefix("http://forms.test")
        .expect("the public address");
    let other = house.office.caller();
    let paid = json!({"amount": "12.50", "reference": "P-7"});
    let first = other.post(path, paid.clone()).await.expect(200);
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "done"), "€12.50 P-7");
    assert_eq!(other.post(path, paid).await.expect(200), first);
    let differs = json!({"amount": "99.00", "reference": "P-8"});
    let refused = other.post(path, differs).await;
    assert_eq!((refused.status, refused.kind()), (409, "callback_used"));

    // Who asks again gets the answer that was kept, from the same run.
    let run = house.run("Shop");
    let told = house
        .read(&format!("/api/workflows/{}", house.workflow("Shop")))
        .await;
    let path = told["hook_urls"][0]["url"]
        .as_str()
        .and_then(|url| url.strip_prefix(&house.office.address))
        .expect("our own address");
    let call = other
        .request(Method::POST, path)
        .header("idempotency-key", "order-1")
        .json(&json!({"order_id": "A-1"}));
    let answer = other.send(call).await.expect(201);
    assert_eq!(answer, json!({"number": "A-1"}));
    house.pass_time(&run, "later");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.run("Shop"), run);
}

pub(super) async fn called_runs_answer(house: &House) {
    // What it called was over already.
    let run = house.run_where("Stay", "run.input ->> 'days' = '4'");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "text"), "Total 12");

    let run = house.run_where("Stay", "run.input ->> 'days' = '2'");
    let called = house.run_where("Price", &format!("run.parent_run = '{run}'"));
    house.pass_time(&called, "wait");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "text"), "Total 6");
    house.ended(&called, "succeeded").await;
}

pub(super) async fn failures_are_told(house: &House) {
    let run = house.titled("Fails", "Late");
    house.pass_time(&run, "wait");
    house.ended(&run, "failed").await;
    house.until_count("Hears", "succeeded", "2").await;
    let told = house.run_where("Hears", &format!("run.failure_of = '{run}'"));
    assert_eq!(house.text(&told, "text"), "Fails: No.");
}

pub(super) async fn times_come(house: &House) {
    let run = house.run("Until");
    house.pass_time(&run, "wait");
    house.ended(&run, "succeeded").await;
    let day = house.sql(&format!(
        "select input ->> 'day' from run where id = '{run}'"
    ));
    assert_eq!(house.text(&run, "text"), format!("until {day}"));

    // Taken up before its limit.
    let run = house.run("In time");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "text"), "taken up");
}

pub(super) async fn entries_keep_their_order(house: &House) {
    let run = house.run("Guests");
    let waiting = format!(
        "select string_agg(item_path, ',' order by item_path) from queue_entry where run_id = '{run}'"
    );
    // The third one comes back before the second one.
    for (entries, over) in [("1,2", "2"), ("1,3", "1"), ("3,4", "4"), ("3", "3")] {
        house.until(&waiting, entries).await;
        house.sql(&format!(
            "update queue_entry set due_at = now() where run_id = '{run}' and item_path = '{over}'"
        ));
    }
    house.ended(&run, "succeeded").await;
    assert_eq!(
        house.text(&run, "all"),
        "1. Ada, 2. Bo, 3. Cy, 4. Di, 5. Eve; 5"
    );
}

pub(super) async fn ways_meet(house: &House) {
    let run = house.run("Both ways");
    house.pass_time(&run, "late");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "end"), "at once and later");

    // The second way comes, and changes nothing any more.
    let run = house.run("First way");
    house.pass_time(&run, "late");
    let late = format!("select state from step where run_id = '{run}' and node = 'late'");
    house.until(&late, "succeeded").await;
    house.pass_time(&run, "rest");
    house.ended(&run, "succeeded").await;
    assert_eq!(house.text(&run, "end"), "soon came first");
}
