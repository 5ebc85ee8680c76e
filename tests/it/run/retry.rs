//! Retries of runs that are over: new runs, from a step.

use formwork_tests::site::Site;
use serde_json::json;
use store::run::{self, Retry};

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_a_new_run_that_keeps_what_went_well() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("a", "t_light", json!({})),
            ("b", "t_light", json!({ "does": "fail" })),
            ("c", "t_light", json!({})),
        ])
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    let again = run::retry(&site.store, &published.scope, run, Retry::default())
        .await
        .expect("retry");
    assert_eq!(site.end(&published, again).await.state, "failed");
    assert_eq!((site.ledger.count("a"), site.ledger.count("b")), (1, 2));
    let whole = Retry {
        from_node: Some("start".into()),
        input: None,
        unattended: false,
    };
    let again = run::retry(&site.store, &published.scope, run, whole)
        .await
        .expect("retry");
    assert_eq!(site.end(&published, again).await.state, "failed");
    assert_eq!((site.ledger.count("a"), site.ledger.count("b")), (2, 3));
    let detail = run::get(&site.store, &published.scope, again)
        .await
        .expect("run");
    assert_eq!((detail.item.retry_of, detail.first_run), (Some(run), run));
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_beside_ways_that_waited_waits_anew_and_repeats_nothing() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("ask", "t_signal", json!({})),
                ("pause", "t_signal", json!({ "seconds": 3_600 })),
                ("done", "t_outside", json!({})),
                // Nobody opens the gate in time.
                (
                    "fails",
                    "t_light",
                    json!({ "does": "gate", "@": { "timeout_ms": 5_000 } }),
                ),
                ("end", "t_light", json!({})),
            ],
            &[
                "start>ask",
                "start>pause",
                "start>done",
                "start>fails",
                "ask>end",
                "pause>end",
                "done>end",
                "fails>end",
            ],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    assert_eq!(
        site.steps(run),
        "ask=cancelled done=succeeded end=cancelled fails=failed pause=cancelled start=succeeded"
    );
    site.assert_idle();
    site.gate.0.add_permits(1);
    let retry = Retry {
        from_node: Some("fails".into()),
        ..Retry::default()
    };
    let again = run::retry(&site.store, &published.scope, run, retry)
        .await
        .expect("retry");
    let state = format!("select state from run where id = '{again}'");
    site.until(&state, "waiting").await;
    assert_eq!(
        site.steps(again),
        "ask=waiting done=succeeded fails=succeeded pause=waiting start=succeeded"
    );
    let signal = async |run| {
        run::signal(&site.store, &published.scope, run, "ask", &json!("yes"))
            .await
            .expect("the run is there")
    };
    assert!(!signal(run).await, "the first one waits for nothing");
    assert!(signal(again).await);
    site.db
        .sql("update queue_entry set due_at = now() where node = 'pause'");
    assert_eq!(site.end(&published, again).await.state, "succeeded");
    assert!(!signal(again).await, "it ended once");
    let count = |node: &str| site.ledger.count(node);
    assert_eq!((count("done"), count("fails"), count("end")), (1, 2, 1));
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_run_again_in_a_retry_have_keys_of_their_own() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("a", "t_outside", json!({})),
            ("b", "t_outside", json!({ "does": "fail" })),
        ])
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    let again = run::retry(&site.store, &published.scope, run, Retry::default())
        .await
        .expect("retry");
    assert_eq!(site.end(&published, again).await.state, "failed");
    assert_eq!((site.ledger.count("a"), site.ledger.count("b")), (1, 2));
    assert_eq!(
        site.ledger.keys(),
        3,
        "what a person asks for again is sent again"
    );
    executor.shutdown().await;
    site.assert_idle();
}
