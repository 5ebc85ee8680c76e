//! What runs do: order, joins, failures and their rules, retries, waits, stop, trial runs and retries from a step.

use formwork_tests::{process::until, site::Site};
use serde_json::json;
use store::{
    queue::{self, Source, Trial, What},
    run::{self, Retry},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_steps_runs_to_its_end() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("a", "t_light", json!({})),
                ("b", "t_outside", json!({})),
                ("c", "t_light", json!({})),
            ],
            &["start>a", "a>b", "b>c"],
        )
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
async fn a_failure_follows_its_rule() {
    let site = Site::new().await;
    let executor = site.executor().await;
    for (rule, does, run_state, steps) in [
        (
            "stop",
            "fail",
            "failed",
            "after=cancelled bad=failed start=succeeded",
        ),
        (
            "stop",
            "panic",
            "failed",
            "after=cancelled bad=failed start=succeeded",
        ),
        (
            "stop",
            "nul",
            "failed",
            "after=cancelled bad=failed start=succeeded",
        ),
        (
            "stop",
            "too_large",
            "failed",
            "after=cancelled bad=failed start=succeeded",
        ),
        (
            "continue",
            "fail",
            "succeeded",
            "after=succeeded bad=failed start=succeeded",
        ),
    ] {
        let published = site
            .publish(
                &[
                    ("start", "t_start", json!({})),
                    (
                        "bad",
                        "t_light",
                        json!({ "does": does, "@": { "on_error": rule } }),
                    ),
                    ("after", "t_light", json!({})),
                ],
                &["start>bad", "bad>after"],
            )
            .await;
        let run = site.start(&published).await;
        let standing = site.end(&published, run).await;
        assert_eq!(
            (standing.state.as_str(), site.steps(run).as_str()),
            (run_state, steps),
            "{rule} {does}"
        );
        if run_state == "failed" {
            let error = standing.error.expect("a failed run says why");
            let code = match does {
                "panic" => "step_panicked",
                "nul" => "nul_character",
                "too_large" => "output_too_large",
                _ => "refused",
            };
            assert_eq!(
                (&error["code"], &error["node"]),
                (&json!(code), &json!("bad"))
            );
        }
    }
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                (
                    "bad",
                    "t_light",
                    json!({ "does": "fail", "@": { "on_error": "branch" } }),
                ),
                ("after", "t_light", json!({})),
                ("rescue", "t_light", json!({})),
            ],
            &["start>bad", "bad>after", "bad.error>rescue"],
        )
        .await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(
        site.steps(run),
        "after=skipped bad=failed rescue=succeeded start=succeeded"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_recorded_and_keep_their_key() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("b", "t_outside", json!({ "fails": 2 })),
                ("c", "t_outside", json!({ "does": "retryable" })),
            ],
            &["start>b", "b>c"],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(standing.error.expect("an error")["attempts"], json!(3));
    let tries: Vec<(String, u32)> = site
        .ledger
        .entries()
        .into_iter()
        .map(|(node, attempt, _)| (node, attempt))
        .collect();
    let expected = [("b", 1), ("b", 2), ("b", 3), ("c", 1), ("c", 2), ("c", 3)]
        .map(|(node, attempt)| (node.to_owned(), attempt));
    assert_eq!(tries, expected);
    let mut keys: Vec<String> = site
        .ledger
        .entries()
        .into_iter()
        .map(|(_, _, key)| key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 2, "one key a step, the same for every try");
    assert_eq!(site.db.sql("select count(*) from attempt"), "4");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pure_step_is_tried_once() {
    let site = Site::new().await;
    let retry = json!({ "max_attempts": 5, "first_ms": 1, "factor": 1, "max_ms": 1 });
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                (
                    "a",
                    "t_light",
                    json!({ "does": "retryable", "@": { "retry": retry } }),
                ),
            ],
            &["start>a"],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(standing.error.expect("an error")["attempts"], json!(1));
    assert_eq!(site.ledger.count("a"), 1, "it would only fail again");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_step_that_is_tried_again_the_others_go_on() {
    const DAY_MS: u32 = 86_400_000;
    let site = Site::new().await;
    let retry = json!({ "max_attempts": 2, "first_ms": DAY_MS, "factor": 1, "max_ms": DAY_MS });
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                (
                    "late",
                    "t_outside",
                    json!({ "fails": 1, "@": { "retry": retry } }),
                ),
                ("other", "t_outside", json!({})),
                ("after", "t_light", json!({})),
                ("join", "t_light", json!({})),
            ],
            &[
                "start>late",
                "start>other",
                "other>after",
                "late>join",
                "after>join",
            ],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.until(
        &format!("select string_agg(node || '=' || state, ' ' order by node) from step where run_id = '{run}'"),
        "after=succeeded late=retryable other=succeeded start=succeeded",
    )
    .await;
    assert_eq!(
        site.db
            .sql("select error ->> 'code' from attempt where node = 'late'"),
        "not_yet",
        "the try is kept with what was done so far"
    );
    site.db.sql("update queue_entry set due_at = now()");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    for (node, times) in [("late", 2), ("other", 1), ("after", 1), ("join", 1)] {
        assert_eq!(site.ledger.count(node), times, "{node}");
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_works_at_once_and_its_fence_is_gone() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("slow", "t_outside", json!({ "does": "gate" })),
                ("after", "t_light", json!({})),
            ],
            &["start>slow", "slow>after"],
        )
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
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("ask", "t_signal", json!({ "seconds": 3600 })),
            ],
            &["start>ask"],
        )
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
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("a", "t_light", json!({ "does": "fail" })),
                ("b", "t_light", json!({})),
                ("c", "t_light", json!({})),
            ],
            &["start>a", "a>b", "b>c"],
        )
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
async fn a_retry_is_a_new_run_that_keeps_what_went_well() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("a", "t_light", json!({})),
                ("b", "t_light", json!({ "does": "fail" })),
                ("c", "t_light", json!({})),
            ],
            &["start>a", "a>b", "b>c"],
        )
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
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("a", "t_outside", json!({})),
                ("b", "t_outside", json!({ "does": "fail" })),
            ],
            &["start>a", "a>b"],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    let again = run::retry(&site.store, &published.scope, run, Retry::default())
        .await
        .expect("retry");
    assert_eq!(site.end(&published, again).await.state, "failed");
    assert_eq!((site.ledger.count("a"), site.ledger.count("b")), (1, 2));
    let mut keys: Vec<String> = site
        .ledger
        .entries()
        .into_iter()
        .map(|(_, _, key)| key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3, "what a person asks for again is sent again");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_has_only_its_time() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                (
                    "slow",
                    "t_light",
                    json!({ "does": "hang", "@": { "timeout_ms": 1000 } }),
                ),
            ],
            &["start>slow"],
        )
        .await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    let error = site
        .end(&published, run)
        .await
        .error
        .expect("the run failed");
    assert_eq!(error["code"], json!("timed_out"));
    executor.shutdown().await;
    site.assert_idle();
}
