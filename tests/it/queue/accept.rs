//! Accepting: what is handed in is one run, and what cannot be one is refused.

use serde_json::json;
use store::queue::{self, Source};

use super::light;

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_a_run_is_accepted_does_not_hold_it_up() {
    let (site, published) = light().await;
    let executor = site.executor().await;
    let local = executor.local();
    {
        let new = published.run(Source::Form, json!({}));
        let submitting = queue::submit(&site.store, Some(&local), &published.scope, new);
        tokio::pin!(submitting);
        // Polled once and dropped, as the server does with the request of somebody who is gone.
        tokio::select! {
            biased;
            _ = &mut submitting => panic!("nothing is stored without waiting"),
            () = std::future::ready(()) => {}
        }
    }
    site.until(
        "select state, (select count(*) from queue_entry) from run",
        "succeeded|0",
    )
    .await;
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_equal_submissions_are_one_run() {
    let (site, published) = light().await;
    let mut tasks = Vec::new();
    for _ in 0..32 {
        let (store, published) = (site.store.clone(), published.clone());
        tasks.push(tokio::spawn(async move {
            let mut new = published.run(Source::Form, json!({ "a": 1 }));
            new.idempotency = Some(("form".into(), "ticket-1".into()));
            queue::accept(&store, &published.scope, new)
                .await
                .expect("accepted")
        }));
    }
    let mut runs = Vec::new();
    for task in tasks {
        runs.push(task.await.expect("no panic"));
    }
    assert_eq!(runs.iter().filter(|accepted| !accepted.already).count(), 1);
    assert!(
        runs.iter()
            .all(|accepted| accepted.run_id == runs[0].run_id)
    );
    assert_eq!(site.db.sql("select count(*) from run"), "1");
    assert_eq!(site.db.sql("select count(*) from submission"), "1");
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_gone_refuses_the_submission() {
    let (site, published) = light().await;
    let mut new = published.run(Source::Form, json!({}));
    new.uploads = vec![store::fresh_id()];
    assert!(
        queue::accept(&site.store, &published.scope, new)
            .await
            .is_err()
    );
    assert_eq!(site.db.sql("select count(*) from run"), "0");
    let mut new = published.run(Source::Form, json!({ "a": "b\0" }));
    new.title = "x".into();
    assert!(matches!(
        queue::accept(&site.store, &published.scope, new).await,
        Err(store::StoreError::Invalid {
            code: "nul_character",
            ..
        })
    ));
}
