//! What people do with a batch that is under way: stop it, resume it, discard what has not begun; and when it is looked at.

use engine::ids::RunId;
use formwork_tests::Office;
use serde_json::json;
use store::batch::Feeder;

use super::{ask_of, batch_path, customers, file_of, letter, pass, rows, start, waiting};

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_batch_begins_no_row_until_it_is_resumed() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    // So that the office's own executor does not begin them all at once.
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(30)).await;
    let store = office.db.store().await;
    assert!(pass(&store).await);
    assert_eq!(office.sql("select count(*) from run"), "25");
    let stopped = ask_of(&owner, &made, "stop", json!({"runs": false}))
        .await
        .expect(200);
    assert_eq!(stopped["state"], "stopped");
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "25");
    let retry = ask_of(&owner, &made, "retry", json!({})).await;
    assert_eq!(
        (retry.status, retry.json["type"].as_str()),
        (409, Some("batch_stopped"))
    );

    ask_of(&owner, &made, "resume", json!({})).await.expect(200);
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "30");

    // Those that have begun are stopped as well, bit by bit; then nothing is left to do.
    ask_of(&owner, &made, "stop", json!({"runs": true}))
        .await
        .expect(200);
    for _ in 0..3 {
        pass(&store).await;
    }
    let done = owner.get(&batch_path(&made)).await.expect(200);
    assert_eq!(
        (&done["state"], &done["counts"]["cancelled"]),
        (&json!("finished"), &json!(30))
    );
    assert!(!pass(&store).await);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_looked_at_when_something_tells_that_there_is_something_to_do() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(60)).await;
    let store = office.db.store().await;
    let mut feeder = Feeder::default();
    let mut look = async |over: &[RunId]| {
        feeder.pass(&store, over).await.expect("a pass");
        office.sql("select count(*) from run")
    };
    let end = |row: u32| -> RunId {
        let run = format!("(select run_id from batch_row where number = {row})");
        office.sql(&format!(
            "update run set state = 'cancelled', finished_at = now() where id = {run}"
        ));
        office.sql(&format!("select {run}")).parse().expect("an id")
    };
    assert_eq!(look(&[]).await, "25");
    assert_eq!(look(&[]).await, "50");
    // There is no more room, and nothing changes: the next pass leaves it alone, the one after it does not.
    assert_eq!(look(&[]).await, "50");
    end(2);
    assert_eq!(look(&[]).await, "50");
    assert_eq!(look(&[]).await, "51");
    // Whoever hears of the end of a run begins the next row at once.
    assert_eq!(look(&[]).await, "51");
    let over = end(3);
    assert_eq!(look(&[over]).await, "52");
    // So does whoever sees what people have done.
    assert_eq!(look(&[]).await, "52");
    ask_of(&owner, &made, "stop", json!({"runs": true}))
        .await
        .expect(200);
    assert_eq!(look(&[]).await, "52");
    let cancelled = "select count(*) > 2 from batch_row where state = 'cancelled'";
    assert_eq!(office.sql(cancelled), "t");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_begun_of_a_stopped_batch_is_discarded() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, waiting()).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(30)).await;
    let store = office.db.store().await;
    pass(&store).await;
    let early = ask_of(&owner, &made, "discard", json!({})).await;
    assert_eq!(
        (early.status, early.json["type"].as_str()),
        (409, Some("batch_not_stopped"))
    );
    ask_of(&owner, &made, "stop", json!({"runs": false}))
        .await
        .expect(200);
    let discarded = ask_of(&owner, &made, "discard", json!({}))
        .await
        .expect(200);
    // It is no longer stopped, so that nothing can be resumed, and ends with its runs.
    assert_eq!(discarded["state"], "running");
    assert_eq!(
        (
            &discarded["counts"]["ready"],
            &discarded["counts"]["begun"],
            &discarded["counts"]["discarded"]
        ),
        (&json!(0), &json!(25), &json!(5))
    );
    pass(&store).await;
    assert_eq!(office.sql("select count(*) from run"), "25");
    assert_eq!(
        office.sql("select count(*) from batch_row where input is not null"),
        "0"
    );
    let shown = rows(&owner, &made, "?state=discarded").await;
    assert_eq!(shown.len(), 5);
    assert_eq!(
        (&shown[0]["title"], &shown[0]["state"]),
        (&json!("Customer 26"), &json!("discarded"))
    );
    ask_of(&owner, &made, "stop", json!({"runs": true}))
        .await
        .expect(200);
    for _ in 0..3 {
        pass(&store).await;
    }
    assert_eq!(
        owner.get(&batch_path(&made)).await.expect(200)["state"],
        json!("finished")
    );
    // There is nothing left to discard.
    ask_of(&owner, &made, "discard", json!({}))
        .await
        .expect(200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_which_nothing_began_ends_when_it_is_discarded() {
    let (office, owner) = Office::open().await;
    let mut fields = customers();
    fields[1]["store"] = json!("never");
    let workflow = office.publish(&owner, letter(&fields)).await;
    office.rest().await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    for (what, body) in [("stop", json!({"runs": false})), ("discard", json!({}))] {
        ask_of(&owner, &made, what, body).await.expect(200);
    }
    let over = owner.get(&batch_path(&made)).await.expect(200);
    // What may hold private values is not kept for rows that never begin.
    assert_eq!(
        (&over["state"], &over["file_url"]),
        (&json!("finished"), &json!(null))
    );
    assert_eq!(
        office.sql("select count(*) from artifact where name = 'rows.csv'"),
        "0"
    );
    // Nothing holds it back when its time is over.
    office.sql("delete from retention");
    office.sql("update batch set created_at = now() - interval '91 days'");
    let store = office.db.store().await;
    store::maintenance::pass(&store).await.unwrap();
    assert_eq!(office.sql("select count(*) from batch"), "0");
    office.close().await;
}
