//! Limits of a step besides that of one attempt: until somebody takes it up, and until it ends with all its tries and waits.

use formwork_tests::{
    Office,
    site::{Published, Site},
};
use serde_json::{Value as Json, json};
use store::run::Retry;

/// A beginning, and a step with these settings behind it.
async fn limited(site: &Site, node_type: &str, config: Json) -> Published {
    let nodes = [
        ("start", "t_start", json!({})),
        ("step", node_type, config),
        ("after", "t_light", json!({})),
    ];
    site.publish(&nodes, &["start>step", "step>after"]).await
}

/// The code of the error with which a run of it fails.
async fn code(site: &Site, published: &Published) -> String {
    let run = site.start(published).await;
    let standing = site.end(published, run).await;
    assert_eq!(standing.state, "failed", "{}", site.steps(run));
    site.assert_idle();
    let error = standing.error.expect("an error");
    error["code"].as_str().expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_of_a_step_is_limited_whatever_it_does() {
    let site = Site::new().await;
    let executor = site.executor().await;
    let limits = json!({"total_ms": 1_000});
    // It waits for something that does not come, or would come much later.
    for mut config in [json!({}), json!({"seconds": 600})] {
        config["@"] = json!({ "limits": limits });
        let published = limited(&site, "t_signal", config).await;
        assert_eq!(code(&site, &published).await, "total_limit");
    }
    // Between two tries, and in the middle of one.
    let slowly = json!({"max_attempts": 5, "first_ms": 600_000, "factor": 1, "max_ms": 600_000});
    let tries = json!({"does": "retryable", "@": {"limits": limits, "retry": slowly}});
    let published = limited(&site, "t_outside", tries).await;
    assert_eq!(code(&site, &published).await, "total_limit");
    let hangs = json!({"does": "hang", "@": {"limits": limits}});
    let published = limited(&site, "t_outside", hangs).await;
    assert_eq!(code(&site, &published).await, "total_limit");
    // Who keeps to it notices nothing.
    let quick = json!({"fails": 2, "@": {"limits": {"total_ms": 60_000, "start_ms": 60_000}}});
    let published = limited(&site, "t_outside", quick).await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_ends_in_time_is_not_limited_any_more() {
    let site = Site::new().await;
    let executor = site.executor().await;
    let config = json!({"@": {"limits": {"total_ms": 60_000}}});
    let published = limited(&site, "t_signal", config).await;
    let run = site.start(&published).await;
    let state = format!("select state from run where id = '{run}'");
    site.until(&state, "waiting").await;
    let due = "select due_at between now() + interval '30 seconds' and now() + interval '1 minute' from queue_entry";
    assert_eq!(site.db.sql(due), "t");
    store::run::signal(&site.store, &published.scope, run, "step", &json!("yes"))
        .await
        .expect("it waits");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_nobody_takes_up_in_time_fails() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("first", "t_outside", json!({"does": "gate"})),
                (
                    "second",
                    "t_outside",
                    json!({"@": {"limits": {"start_ms": 1_000}}}),
                ),
            ],
            &["start>first", "start>second"],
        )
        .await;
    // One of the two has to wait for the other.
    let executor = site.executor_with(|config| config.slots = 1).await;
    let run = site.start(&published).await;
    site.arrived.0.notified().await;
    site.until(
        "select bool_or(start_by < now()) from step where node = 'second'",
        "t",
    )
    .await;
    site.gate.0.add_permits(1);
    let standing = site.end(&published, run).await;
    assert_eq!(standing.error.expect("an error")["code"], "start_limit");
    assert_eq!(site.ledger.count("second"), 0);
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_for_the_step_with_which_a_retry_begins() {
    let site = Site::new().await;
    let limits = json!({"start_ms": 600_000, "total_ms": 600_000});
    let fails = json!({"does": "fail", "@": {"limits": limits}});
    let published = limited(&site, "t_outside", fails).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    assert_eq!(site.end(&published, run).await.state, "failed");
    executor.shutdown().await;
    // Nobody is there who could take it up.
    let again = store::run::retry(&site.store, &published.scope, run, Retry::default())
        .await
        .expect("a retry");
    let its = format!("where run_id = '{again}' and node = 'step'");
    let limits = format!("select start_by > now() and end_by > now() from step {its}");
    assert_eq!(site.db.sql(&limits), "t");
    site.db.sql(&format!(
        "update step set start_by = now() - interval '1 second' {its}"
    ));
    let executor = site.executor().await;
    let standing = site.end(&published, again).await;
    assert_eq!(standing.error.expect("an error")["code"], "start_limit");
    assert_eq!(site.ledger.count("step"), 1);
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_checked_where_they_stand() {
    let (office, owner) = Office::open().await;
    let step = |id: &str, node_type: &str, config: Json, limits: Json| json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config, "limits": limits});
    let document = json!({
        "format": "formwork/1", "name": "Limits", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            step("form", "form_input", json!({"title": "Form", "fields": []}), json!({"start_ms": 1_000})),
            step("each", "for_each", json!({"list": "{{ [1] }}"}), json!({"total_ms": 1_000})),
            step("text", "template_fill", json!({"template": "x"}), json!({"total_ms": 10})),
            step("more", "template_fill", json!({"template": "x"}), json!({"heartbeat_ms": 5_000}))],
        "edges": [{"from": "form", "port": "out", "to": "each"}, {"from": "each", "port": "out", "to": "text"},
            {"from": "text", "port": "out", "to": "more"}],
    });
    let made = owner
        .post("/api/workflows", json!({ "document": document }))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
    let checked = owner
        .post(&format!("{path}/check"), json!({ "document": document }))
        .await
        .expect(200);
    let problems = checked["problems"].as_array().expect("problems");
    let told: Vec<String> = problems
        .iter()
        .filter(|problem| {
            problem["pointer"]
                .as_str()
                .is_some_and(|at| at.contains("/limits"))
        })
        .map(|problem| {
            let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("code"), text("pointer"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "limits_misplaced /nodes/0/limits",
            "limits_misplaced /nodes/1/limits",
            "bad_limit /nodes/2/limits/total_ms",
            "heartbeat_without_progress /nodes/3/limits/heartbeat_ms",
        ]
    );
    office.close().await;
}
