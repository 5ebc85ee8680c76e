//! Steps that fail: what follows by their rule, when they are tried again, and how long they may take.

use formwork_tests::site::Site;
use serde_json::json;

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
            .publish_line(&[
                (
                    "bad",
                    "t_light",
                    json!({ "does": does, "@": { "on_error": rule } }),
                ),
                ("after", "t_light", json!({})),
            ])
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
        .publish_line(&[
            ("b", "t_outside", json!({ "fails": 2 })),
            ("c", "t_outside", json!({ "does": "retryable" })),
        ])
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
    assert_eq!(
        site.ledger.keys(),
        2,
        "one key a step, the same for every try"
    );
    assert_eq!(site.db.sql("select count(*) from attempt"), "4");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_fail_together_do_not_come_back_together() {
    const RUNS: usize = 12;
    let site = Site::new().await;
    let retry =
        json!({ "max_attempts": 2, "first_ms": 3_600_000, "factor": 1, "max_ms": 3_600_000 });
    let published = site
        .publish_line(&[(
            "b",
            "t_outside",
            json!({ "fails": 1, "@": { "retry": retry } }),
        )])
        .await;
    let executor = site.executor().await;
    for _ in 0..RUNS {
        site.start(&published).await;
    }
    site.until("select count(*) from attempt", &RUNS.to_string())
        .await;
    // From the commit that stores the try, which is the pause after it.
    let pauses = "select extract(epoch from q.due_at - a.finished_at) as pause from queue_entry q join attempt a using (run_id)";
    let within = format!("select bool_and(pause between 0 and 3601) from ({pauses}) p");
    assert_eq!(site.db.sql(&within), "t");
    let minutes = format!("select count(distinct (pause / 60)::integer) from ({pauses}) p");
    let minutes: usize = site.db.sql(&minutes).parse().expect("a number");
    assert!(minutes > RUNS / 2, "{minutes} of {RUNS}");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pure_step_is_tried_once() {
    let site = Site::new().await;
    let retry = json!({ "max_attempts": 5, "first_ms": 1, "factor": 1, "max_ms": 1 });
    let published = site
        .publish_line(&[(
            "a",
            "t_light",
            json!({ "does": "retryable", "@": { "retry": retry } }),
        )])
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
async fn a_step_has_only_its_time() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[(
            "slow",
            "t_light",
            json!({ "does": "hang", "@": { "timeout_ms": 1000 } }),
        )])
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
