//! Commits of runs that only go on: they keep one entry under a new number, and write alone what they write among others.

use std::{sync::Arc, time::Duration};

use engine::ids::RunId;
use formwork_tests::site::Site;
use serde_json::json;
use store::{
    output,
    queue::{self, ClaimForm, ClaimedEntry, Holder},
    run,
    segment::{Committed, Head, RunWrite, Segment, StepWrite, Writes},
};

use super::{commit, head, segment, step, success};
use crate::queue::{claim, light};

/// A step that nobody has taken up.
fn ready(entry: &ClaimedEntry, holder: Holder, node: &str) -> StepWrite {
    StepWrite {
        node: node.into(),
        started_ago_ms: None,
        finished_ago_ms: None,
        worker_id: None,
        ..step(entry, holder, "ready")
    }
}

/// A segment that ends its head and goes on with `next`.
fn onward(entry: &ClaimedEntry, holder: Holder, next: &str) -> Segment {
    onward_to(entry, holder, ready(entry, holder, next))
}

fn onward_to(entry: &ClaimedEntry, holder: Holder, next: StepWrite) -> Segment {
    let head = Head {
        item_path: next.item_path.clone(),
        priority: entry.run.priority,
        ..head(&next.node, true)
    };
    let ended = StepWrite {
        ports: vec!["out".into()],
        output: Some(json!({}).into()),
        ..step(entry, holder, "succeeded")
    };
    let writes = Writes {
        steps: vec![ended, next],
        heads: vec![head],
        ..Writes::default()
    };
    segment(entry, holder, writes)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_only_go_on_keep_one_entry_under_a_new_number() {
    let (site, published) = light().await;
    for _ in 0..3 {
        site.start(&published).await;
    }
    let holder = site.worker().await;
    let claimed = claim(&site, holder, ClaimForm::SkipLocked).await;
    let [one, two, lost] = claimed.as_slice() else {
        panic!("not three heads: {claimed:?}");
    };
    site.db.sql(&format!(
        "update queue_entry set fence = nextval('queue_fence') where run_id = '{}'",
        lost.lease.run
    ));
    let next = |entry| onward(entry, holder, "a");
    let results = commit(&site, &[next(two), next(lost), next(one)]).await;
    let [
        Committed::Done { leases: second, .. },
        Committed::Stale,
        Committed::Done { leases: first, .. },
    ] = results.as_slice()
    else {
        panic!("not as they were handed in: {results:?}");
    };
    for (entry, leases) in [(one, first), (two, second)] {
        let [lease] = leases.as_slice() else {
            panic!("not one lease: {leases:?}");
        };
        assert_eq!((lease.run, lease.node.as_str()), (entry.lease.run, "a"));
        assert!(lease.fence > entry.lease.fence);
        assert!(lease.head_at > entry.lease.head_at);
        let stored = format!(
            "select node, fence = {}, due_at = head_at, lease_owner = '{}', lease_until > now(), lost from queue_entry where run_id = '{}'",
            lease.fence,
            holder.worker.as_uuid(),
            lease.run
        );
        assert_eq!(site.db.sql(&stored), "a|t|t|t|t|0");
        // That the next one is ready is what the entry says.
        let node = &entry.lease.node;
        assert_eq!(stored_steps(&site, lease.run), format!("{node} succeeded"));
    }
    let left = "select count(*) from step where run_id not in (select run_id from queue_entry where node = 'a')";
    assert_eq!(site.db.sql(left), "0");

    // What is paused meanwhile goes on with nobody.
    site.db.sql("update workflow set paused_at = now()");
    let going_on = ClaimedEntry {
        lease: first[0].clone(),
        ..one.clone()
    };
    let results = commit(&site, &[onward(&going_on, holder, "b")]).await;
    assert!(matches!(&results[0], Committed::Done { leases, .. } if leases.is_empty()));
    assert_eq!(
        site.db.sql("select node, lease_owner is null, lease_until is null from queue_entry where node = 'b'"),
        "b|t|t"
    );
    let results = commit(&site, &[next(one)]).await;
    assert!(matches!(results[0], Committed::Stale));
}

fn stored_steps(site: &Site, run: RunId) -> String {
    site.db.sql(&format!(
        "select string_agg(node || ' ' || state, ', ' order by node = 'start' desc, node) from step where run_id = '{run}'"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_alone_writes_what_it_writes_among_others_and_waits_for_nobody() {
    let (site, published) = light().await;
    let holder = site.worker().await;
    let large = json!("x".repeat(300_000));
    let large = output::put(&site.store, published.scope, &large).await;
    let large = Arc::new(large.expect("it is put").expect("it is large"));
    let more: [&dyn Fn(&mut StepWrite); 8] = [
        &|_| {},
        &|step| step.output = None,
        &|step| step.output = Some(json!(null).into()),
        &|step| step.large = Some(large.clone()),
        &|step| step.ports = Vec::new(),
        &|step| step.ports = vec!["one".into(), "two".into()],
        &|step| step.warnings = Some(json!([{"code": "a"}])),
        &|step| {
            step.state = "failed".into();
            step.attempt = 3;
            step.error = Some(json!({"code": "a", "message": "\u{201c}b\u{201d}"}));
            step.kept = Some(json!([1, 2]));
            step.worker_id = None;
        },
    ];
    for tell in more {
        for _ in 0..3 {
            site.start(&published).await;
        }
        let claimed = claim(&site, holder, ClaimForm::SkipLocked).await;
        let segments: Vec<Segment> = (claimed.iter())
            .map(|entry| {
                let mut ended = StepWrite {
                    ports: vec!["out".into()],
                    output: Some(json!({"total": "12.50"}).into()),
                    ..step(entry, holder, "succeeded")
                };
                tell(&mut ended);
                let writes = Writes {
                    steps: vec![ended, ready(entry, holder, "a")],
                    heads: vec![head("a", true)],
                    ..Writes::default()
                };
                segment(entry, holder, writes)
            })
            .collect();
        let (alone, others) = segments.split_first().expect("three");
        let run = alone.lease.run;
        // Somebody has the run's lock all the time.
        let held = site
            .db
            .hold(&format!("select from run where id = '{run}' for update"));
        let alone = commit(&site, std::slice::from_ref(alone));
        let alone = tokio::time::timeout(Duration::from_secs(30), alone).await;
        assert!(matches!(
            alone.expect("it waits for the run's lock")[0],
            Committed::Done { .. }
        ));
        drop(held);
        commit(&site, others).await;
        let written = |run: RunId| {
            site.db.sql(&format!(
                "select to_jsonb(step) - array['run_id', 'started_at', 'finished_at'], finished_at - started_at from step where run_id = '{run}'"
            ))
        };
        assert_eq!(written(run), written(others[0].lease.run));
        assert_eq!(written(run), written(others[1].lease.run));
        site.db.sql("delete from queue_entry");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_counted_is_not_undone_by_who_had_the_time_limit() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    let holder = site.worker().await;
    let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    let waits = StepWrite {
        waits_on: Some("signal".into()),
        finished_ago_ms: None,
        ..step(&entry, holder, "waiting")
    };
    let its_time_is_up = Writes {
        steps: vec![waits],
        heads: vec![head("start", false)],
        run: Some(RunWrite {
            state: "waiting".into(),
            error: None,
            cancels: false,
        }),
        ..Writes::default()
    };
    commit(&site, &[segment(&entry, holder, its_time_is_up)]).await;
    // Its worker falls silent, and before another takes the entry the answer comes.
    let silent = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second'");
    assert_eq!(queue::rescue(&site.store).await.expect("rescue"), 1);
    let mut transaction = site.store.pool.begin().await.expect("a transaction");
    let counts = queue::ready_waiting(&mut transaction, run, "start", "").await;
    assert!(counts.expect("it is asked"));
    transaction.commit().await.expect("a commit");
    let late = commit(&site, &[success(&silent, holder, json!("too late"))]).await;
    assert!(matches!(late[0], Committed::Stale), "{late:?}");
    assert_eq!(stored_steps(&site, run), "start ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_only_its_entry_tells_of_is_shown_stopped_and_taken_over() {
    let (site, published) = light().await;
    let runs = [site.start(&published).await, site.start(&published).await];
    let holder = site.worker().await;
    for entry in claim(&site, holder, ClaimForm::SkipLocked).await {
        commit(&site, &[onward(&entry, holder, "a")]).await;
    }
    let shown = async |run| {
        let steps = run::steps(&site.store, &published.scope, run).await;
        let steps = steps.expect("the steps").into_iter();
        let of_a: Vec<String> = (steps.filter(|step| step.node == "a"))
            .map(|step| step.state)
            .collect();
        of_a
    };
    assert_eq!(stored_steps(&site, runs[0]), "start succeeded");
    assert_eq!(shown(runs[0]).await, ["running"]);

    let stopped = run::stop(&site.store, &published.scope, runs[0]).await;
    assert!(stopped.expect("stopped"));
    assert_eq!(stored_steps(&site, runs[0]), "start succeeded, a cancelled");

    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second'");
    assert_eq!(queue::rescue(&site.store).await.expect("rescue"), 1);
    assert_eq!(shown(runs[1]).await, ["ready"]);
    let executor = site.executor().await;
    assert_eq!(site.end(&published, runs[1]).await.state, "succeeded");
    let ran = ["a", "b", "c", "d"].map(|node| site.ledger.count(node));
    assert_eq!(ran, [1, 1, 1, 1]);
    assert_eq!(
        stored_steps(&site, runs[1]),
        "start succeeded, a succeeded, b succeeded, c succeeded, d succeeded"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_and_a_step_that_ends_at_the_same_moment_do_not_miss_each_other() {
    let (site, published) = light().await;
    let holder = site.worker().await;
    let stop = |run| {
        let (store, scope) = (site.store.clone(), published.scope);
        tokio::spawn(async move { run::stop(&store, &scope, run).await })
    };
    let on_its_way = |segment: Segment| {
        let store = site.store.clone();
        tokio::spawn(async move { segment::commit(&store, &[segment], &|| {}).await })
    };

    let start_step_held = |run: RunId| {
        site.db.hold(&format!(
            "insert into step (run_id, workspace_id, node, state) select id, workspace_id, 'start', 'ready' from run where id = '{run}'"
        ))
    };

    // The step is first: it has its entry, and is held up before it writes its row.
    let run = site.start(&published).await;
    let mut entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    let held = start_step_held(run);
    let ends = on_its_way(onward(&entry, holder, "a"));
    site.db.until_waiting(1).await;
    let stopped = stop(run);
    site.db.until_waiting(2).await;
    drop(held);
    let ended = ends.await.expect("no panic").expect("the commit").remove(0);
    let Committed::Done { mut leases, .. } = ended else {
        panic!("it had its entry: {ended:?}");
    };
    assert!(stopped.await.expect("no panic").expect("stopped"));
    assert_eq!(stored_steps(&site, run), "start succeeded, a cancelled");
    entry.lease = leases.remove(0);
    let late = commit(&site, &[onward(&entry, holder, "b")]).await;
    assert!(matches!(late[0], Committed::Stale), "{late:?}");
    assert_eq!(stored_steps(&site, run), "start succeeded, a cancelled");

    // The stop is first.
    let run = site.start(&published).await;
    let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    let held = start_step_held(run);
    let stopped = stop(run);
    site.db.until_waiting(1).await;
    let ends = on_its_way(onward(&entry, holder, "a"));
    site.db.until_waiting(2).await;
    drop(held);
    assert!(stopped.await.expect("no panic").expect("stopped"));
    let ended = ends.await.expect("no panic").expect("the commit").remove(0);
    assert!(matches!(ended, Committed::Stale), "{ended:?}");
    assert_eq!(stored_steps(&site, run), "start cancelled");
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_entry_does_not_tell_of_the_next_step_is_stored() {
    let (site, published) = light().await;
    let holder = site.worker().await;
    let more: [fn(&mut StepWrite); 5] = [
        |step| step.attempt = 2,
        |step| step.kept = Some(json!(["start"])),
        |step| step.waits_on = Some("items".into()),
        |step| step.start_ms = Some(60_000),
        |step| step.item_path = "0".into(),
    ];
    for tell in more {
        let run = site.start(&published).await;
        let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
        let mut next = ready(&entry, holder, "a");
        tell(&mut next);
        let results = commit(&site, &[onward_to(&entry, holder, next.clone())]).await;
        assert!(matches!(&results[0], Committed::Done { leases, .. } if leases.len() == 1));
        assert_eq!(
            stored_steps(&site, run),
            "start succeeded, a ready",
            "{next:?}"
        );
    }

    // Beside a step that waits it is not alone: who goes on after the wait must see that another is under way.
    let run = site.start(&published).await;
    let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    let waits = StepWrite {
        waits_on: Some("signal".into()),
        finished_ago_ms: None,
        ..step(&entry, holder, "waiting")
    };
    let next = ready(&entry, holder, "a");
    let writes = Writes {
        heads: vec![head(&next.node, true)],
        steps: vec![waits, next],
        ..Writes::default()
    };
    commit(&site, &[segment(&entry, holder, writes)]).await;
    assert_eq!(stored_steps(&site, run), "start waiting, a ready");
}
