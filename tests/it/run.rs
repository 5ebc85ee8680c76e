//! What runs do: order, joins, waits, stop and trial runs. Failures and their rules, and retries from a step, have files of their own.

mod failure;
mod retry;

use formwork_tests::{process::until, site::Site};
use serde_json::json;
use store::{
    queue::{self, Source, Trial, What},
    run,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_steps_runs_to_its_end() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("a", "t_light", json!({})),
            ("b", "t_outside", json!({})),
            ("c", "t_light", json!({})),
        ])
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(
        site.steps(run),
        "a=succeeded b=succeeded c=succeeded start=succeeded"
    );
    let steps = run::steps(&site.store, &published.scope, run)
        .await
        .expect("steps");
    let start = steps
        .iter()
        .find(|step| step.node == "start")
        .expect("the trigger's step");
    assert_eq!(start.output, Some(json!({ "name": "Ada" })));
    assert!(
        steps
            .iter()
            .all(|step| step.finished_at.is_some() && step.worker == Some(executor.worker()))
    );
    assert_eq!(
        run::attempts(&site.store, &published.scope, run)
            .await
            .expect("attempts")
            .len(),
        4
    );
    let item = &run::list(
        &site.store,
        &published.scope,
        &run::Filter {
            limit: 10,
            ..run::Filter::default()
        },
    )
    .await
    .expect("list")[0];
    assert_eq!(
        (item.id, item.state.as_str(), item.version),
        (run, "succeeded", Some(1))
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_run_beside_each_other_and_join_once() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("left", "t_outside", json!({})),
                ("right", "t_outside", json!({})),
                (
                    "choice",
                    "t_light",
                    json!({ "ways": ["yes", "no"], "fires": "yes" }),
                ),
                ("never", "t_light", json!({})),
                ("join", "t_light", json!({})),
                ("end", "t_light", json!({})),
            ],
            &[
                "start>left",
                "start>right",
                "start>choice",
                "choice.no>never",
                "choice.yes>join",
                "left>join",
                "right>join",
                "never>join",
                "join>end",
            ],
        )
        .await;
    let executor = site.executor().await;
    for _ in 0..5 {
        let run = site.start(&published).await;
        assert_eq!(site.end(&published, run).await.state, "succeeded");
        assert_eq!(
            site.steps(run),
            "choice=succeeded end=succeeded join=succeeded left=succeeded never=skipped right=succeeded start=succeeded"
        );
    }
    for node in ["left", "right", "choice", "join", "end"] {
        assert_eq!(site.ledger.count(node), 5, "{node}");
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_are_at_work_at_the_same_time() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("left", "t_outside", json!({ "does": "gate" })),
                ("right", "t_outside", json!({ "does": "gate" })),
                ("join", "t_light", json!({})),
            ],
            &["start>left", "start>right", "left>join", "right>join"],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    // The gate is shut: neither has ended before the other began.
    until("both are at work", || {
        (site.ledger.count("left"), site.ledger.count("right")) == (1, 1)
    })
    .await;
    assert_eq!(site.ledger.count("join"), 0);
    site.gate.0.add_permits(2);
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(site.ledger.count("join"), 1);
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_works_at_once_and_its_fence_is_gone() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("slow", "t_outside", json!({ "does": "gate" })),
            ("after", "t_light", json!({})),
        ])
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.arrived.0.notified().await;
    assert!(
        run::stop(&site.store, &published.scope, run)
            .await
            .expect("stop")
    );
    assert!(
        !run::stop(&site.store, &published.scope, run)
            .await
            .expect("stop again"),
        "it is over already"
    );
    assert_eq!(site.end(&published, run).await.state, "cancelled");
    site.assert_idle();
    site.gate.0.add_permits(1);
    executor.shutdown().await;
    assert_eq!(site.steps(run), "slow=cancelled start=succeeded");
    assert_eq!(site.ledger.count("after"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_by_its_answer_or_by_its_time() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[("ask", "t_signal", json!({ "seconds": 3600 }))])
        .await;
    let executor = site.executor().await;
    let output = |run| {
        site.db.sql(&format!(
            "select output ->> 'answer' from step where run_id = '{run}' and node = 'ask'"
        ))
    };

    let run = site.start(&published).await;
    site.until(
        &format!("select state from run where id = '{run}'"),
        "waiting",
    )
    .await;
    assert!(
        run::signal(&site.store, &published.scope, run, "ask", &json!("yes"))
            .await
            .expect("signal")
    );
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(output(run), "yes");
    assert!(
        !run::signal(&site.store, &published.scope, run, "ask", &json!("no"))
            .await
            .expect("late signal")
    );

    let run = site.start(&published).await;
    site.until(
        &format!("select state from run where id = '{run}'"),
        "waiting",
    )
    .await;
    site.db.sql(&format!(
        "update queue_entry set due_at = now() where run_id = '{run}'"
    ));
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(output(run), "");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_ends_where_it_should_and_takes_pinned_outputs() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("a", "t_light", json!({ "does": "fail" })),
            ("b", "t_light", json!({})),
            ("c", "t_light", json!({})),
        ])
        .await;
    let executor = site.executor().await;
    let mut new = published.run(Source::Trial, json!({}));
    new.what = What::Draft(1);
    new.trial = Some(Trial {
        until_node: Some("b".into()),
        pinned: Some(json!({ "a": "pinned" })),
        really_send: false,
    });
    let run = queue::accept(&site.store, &published.scope, new)
        .await
        .expect("accepted")
        .run_id;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(
        site.steps(run),
        "a=succeeded b=succeeded c=skipped start=succeeded"
    );
    assert_eq!(site.ledger.count("a"), 0);
    assert!(
        run::list(
            &site.store,
            &published.scope,
            &run::Filter {
                limit: 10,
                ..run::Filter::default()
            }
        )
        .await
        .expect("list")
        .is_empty()
    );
    site.db
        .sql("update run set expires_at = now() - interval '1 minute'");
    assert_eq!(
        store::maintenance::pass(&site.store)
            .await
            .expect("maintenance")
            .trial_runs,
        1
    );
    assert_eq!(site.db.sql("select count(*) from step"), "0");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_committed_after_a_second_at_the_latest() {
    let site = Site::new().await;
    let gate = json!({ "does": "gate" });
    let published = site
        .publish_line(&[
            ("a", "t_light", json!({})),
            ("slow", "t_light", gate.clone()),
            ("next", "t_light", gate),
        ])
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.arrived.0.notified().await;
    assert_eq!(site.steps(run), "", "pure steps share a commit");
    let now = site.db.sql("select clock_timestamp()");
    let second =
        format!("select clock_timestamp() > '{now}'::timestamptz + interval '1.1 seconds'");
    site.until(&second, "t").await;
    site.gate.0.add_permits(1);
    site.arrived.0.notified().await;
    assert_eq!(
        site.steps(run),
        "a=succeeded next=ready slow=succeeded start=succeeded"
    );
    site.gate.0.add_permits(1);
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    for node in ["a", "slow", "next"] {
        assert_eq!(site.ledger.count(node), 1, "{node}");
    }
    executor.shutdown().await;
    site.assert_idle();
}
