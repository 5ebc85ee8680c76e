//! The queue's promises: one run a submission, one worker an entry, nothing written under an old fence, nothing lost with a worker.

use std::{sync::Arc, time::Duration};

use engine::{
    call::{CallRequest, Callee, Offer, child_id},
    ids::RunId,
};
use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    call::CallWrite,
    queue::{self, ClaimForm, ClaimedEntry, Holder, Lease, Source, Turn},
    run,
    segment::{self, Committed, Due, Head, RunWrite, Segment, StepWrite, Writes, Writing},
    worker::{self, Kind},
};

async fn light(site: &Site) -> Published {
    site.publish_light(&["a", "b", "c", "d"]).await
}

async fn claim(site: &Site, holder: Holder, form: ClaimForm) -> Vec<ClaimedEntry> {
    site.claim(holder, &mut Turn::default(), 10, form).await
}

/// As if the process that holds leases had died long ago.
async fn lose(site: &Site) {
    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second' where lease_owner is not null");
    queue::rescue(&site.store).await.expect("rescue");
}

/// The step of a head, which it ended now.
fn step(entry: &ClaimedEntry, holder: Holder, state: &str) -> StepWrite {
    StepWrite {
        node: entry.lease.node.clone(),
        item_path: entry.lease.item_path.clone(),
        state: state.into(),
        attempt: 1,
        ports: Vec::new(),
        output: None,
        large: None,
        error: None,
        warnings: None,
        kept: None,
        waits_on: None,
        wait_until: None,
        worker_id: Some(holder.worker),
        started_ago_ms: Some(1),
        finished_ago_ms: Some(0),
        start_ms: None,
        total_ms: None,
    }
}

fn segment(entry: &ClaimedEntry, holder: Holder, writes: Writes) -> Segment {
    Segment {
        lease: entry.lease.clone(),
        scope: entry.run.scope,
        workflow: entry.run.workflow,
        trial: false,
        parent: entry.run.parent,
        may_have_called: false,
        draws_numbers: false,
        limited: false,
        holder,
        writes: Writing::Known(Arc::new(writes)),
    }
}

/// A segment that says that the run succeeded.
fn success(entry: &ClaimedEntry, holder: Holder, output: serde_json::Value) -> Segment {
    let step = StepWrite {
        ports: vec!["out".into()],
        output: Some(output),
        ..step(entry, holder, "succeeded")
    };
    let writes = Writes {
        steps: vec![step],
        run: Some(RunWrite {
            state: "succeeded".into(),
            error: None,
            cancels: false,
        }),
        ..Writes::default()
    };
    segment(entry, holder, writes)
}

/// What a head writes that calls a workflow.
fn call(entry: &ClaimedEntry, holder: Holder, published: &Published) -> Writes {
    let Lease {
        run,
        node,
        item_path,
        head_at,
        ..
    } = &entry.lease;
    let step = StepWrite {
        waits_on: Some("call".into()),
        finished_ago_ms: None,
        ..step(entry, holder, "waiting")
    };
    let callee = Callee {
        workflow: published.workflow,
        name: "Test".into(),
        version: published.version,
        number: 1,
        offer: Offer {
            trigger: "start".into(),
            fields: Vec::new(),
            answer: None,
        },
    };
    let call = CallWrite {
        node: node.clone(),
        item_path: item_path.clone(),
        child: child_id(*run, node, item_path, head_at.as_millisecond()),
        request: CallRequest {
            callee,
            input: json!({}),
        },
    };
    Writes {
        steps: vec![step],
        calls: vec![call],
        run: Some(RunWrite {
            state: "waiting".into(),
            error: None,
            cancels: false,
        }),
        ..Writes::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_takes_no_more_than_it_asked_for() {
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        let site = Site::new().await;
        let published = light(&site).await;
        // The planner believes in a table of one row, and could pick the due entries anew for each row that it meets.
        site.db
            .sql("alter table queue_entry set (autovacuum_enabled = off)");
        site.start(&published).await;
        site.db.sql("vacuum analyze queue_entry");
        for _ in 0..20 {
            site.start(&published).await;
        }
        let holder = site.worker().await;
        let claimed = site.claim(holder, &mut Turn::default(), 3, form).await;
        assert_eq!(claimed.len(), 3, "{form:?}");
        let leased = "select count(*) from queue_entry where lease_owner is not null";
        assert_eq!(site.db.sql(leased), "3", "{form:?}");
        site.db
            .sql("update queue_entry set lost = 2 where lease_owner is null");
        assert!(
            queue::claim_suspect(&site.store, holder, form)
                .await
                .expect("claim")
                .is_some()
        );
        assert_eq!(site.db.sql(leased), "4", "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_claimed_and_cannot_be_read_is_given_back() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    let holder = site.worker().await;
    site.db.sql("alter table step rename to step_elsewhere");
    let claimed = queue::claim(
        &site.store,
        holder,
        &mut Turn::default(),
        10,
        ClaimForm::SkipLocked,
    )
    .await;
    assert!(claimed.is_err());
    assert_eq!(
        site.db
            .sql("select lease_owner is null, lost from queue_entry"),
        "t|0"
    );
    site.db.sql("alter table step_elsewhere rename to step");
    let executor = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_a_run_is_accepted_does_not_hold_it_up() {
    let site = Site::new().await;
    let published = light(&site).await;
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
    let site = Site::new().await;
    let published = light(&site).await;
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
async fn an_old_fence_writes_nothing() {
    let site = Site::new().await;
    let published = light(&site).await;
    site.start(&published).await;
    let (first, second) = (site.worker().await, site.worker().await);
    let stale = claim(&site, first, ClaimForm::SkipLocked).await.remove(0);
    assert!(claim(&site, second, ClaimForm::SkipLocked).await.is_empty());
    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second'");
    assert_eq!(queue::rescue(&site.store).await.expect("rescue"), 1);
    let current = claim(&site, second, ClaimForm::Compare).await.remove(0);
    assert!(current.lease.fence > stale.lease.fence);
    assert_eq!(current.lease.lost, 1);
    assert!(
        queue::heartbeat(&site.store, first, std::slice::from_ref(&stale.lease))
            .await
            .expect("heartbeat")
            .is_empty()
    );
    assert_eq!(
        queue::heartbeat(&site.store, second, std::slice::from_ref(&current.lease))
            .await
            .expect("heartbeat"),
        [(current.lease.run, current.lease.fence)]
    );

    let results = segment::commit(&site.store, &[success(&stale, first, json!("old"))], &|| {})
        .await
        .expect("commit");
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select count(*) from step"), "0");
    assert_eq!(site.db.sql("select state from run"), "queued");

    let results = segment::commit(
        &site.store,
        &[success(&current, second, json!("new"))],
        &|| {},
    )
    .await
    .expect("commit");
    assert!(matches!(results[0], Committed::Done { .. }));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
    let results = segment::commit(
        &site.store,
        &[success(&current, second, json!("twice"))],
        &|| {},
    )
    .await
    .expect("commit");
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_calls_in_the_commit_that_ends_its_caller_ends_with_both() {
    let site = Site::new().await;
    let published = light(&site).await;
    let holder = site.worker().await;
    site.start(&published).await;
    let caller = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    // It goes on beside the call.
    let beside = Head {
        node: "a".into(),
        item_path: String::new(),
        due: Due::InMs(0),
        head_at: None,
        priority: 0,
        leased: false,
    };
    let writes = Writes {
        heads: vec![beside],
        ..call(&caller, holder, &published)
    };
    segment::commit(&site.store, &[segment(&caller, holder, writes)], &|| {})
        .await
        .expect("commit");
    let mut claimed = claim(&site, holder, ClaimForm::SkipLocked).await;
    claimed.sort_by_key(|entry| entry.lease.run);
    let [beside, called] = claimed.as_slice() else {
        panic!("not two heads: {claimed:?}");
    };
    assert_eq!(called.run.parent, Some(beside.lease.run));

    let error = json!({"code": "refused", "message": "no"});
    let fails = Writes {
        steps: vec![StepWrite {
            error: Some(error.clone()),
            ..step(beside, holder, "failed")
        }],
        run: Some(RunWrite {
            state: "failed".into(),
            error: Some(error),
            cancels: true,
        }),
        ..Writes::default()
    };
    let group = [
        Segment {
            may_have_called: true,
            ..segment(beside, holder, fails)
        },
        segment(called, holder, call(called, holder, &published)),
    ];
    let results = segment::commit(&site.store, &group, &|| {})
        .await
        .expect("commit");
    for result in &results {
        assert!(matches!(result, Committed::Done { .. }), "{result:?}");
    }
    assert_eq!(
        site.db
            .sql("select string_agg(state, ' ' order by id) from run"),
        "failed cancelled cancelled"
    );
    assert_eq!(
        site.db
            .sql("select count(*) from step where finished_at is null"),
        "0"
    );
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_the_database_refuses_fails_its_own_run_only() {
    let site = Site::new().await;
    let published = light(&site).await;
    // Stands for any row that Postgres refuses.
    site.db.sql(
        "create function poison() returns trigger language plpgsql as $$
         begin
             if new.output ->> 'by' = 'c' and new.run_id = (select min(id::text)::uuid from run) then
                 raise exception 'poison' using errcode = '22023';
             end if;
             return new;
         end $$;
         create trigger poison before insert on step for each row execute function poison()",
    );
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(site.start(&published).await);
    }
    let executor = site.executor().await;
    for (index, run) in runs.iter().enumerate() {
        let standing = site.end(&published, *run).await;
        let expected = if index == 0 { "failed" } else { "succeeded" };
        assert_eq!(standing.state, expected, "{index} {:?}", standing.error);
        if index == 0 {
            assert_eq!(
                standing.error.expect("an error")["code"],
                json!("result_not_stored")
            );
        }
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_kills_its_workers_fails_and_the_run_with_it() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    let lost = site.worker().await;
    for time in 0..queue::LOST_CAP {
        if time < queue::LOST_BEFORE_SUSPECT {
            assert_eq!(claim(&site, lost, ClaimForm::SkipLocked).await.len(), 1);
        } else {
            let suspect = queue::claim_suspect(&site.store, lost, ClaimForm::SkipLocked).await;
            assert!(suspect.expect("claim").is_some());
        }
        lose(&site).await;
    }
    let executor = suspicious(&site).await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(
        standing.error.expect("an error")["code"],
        json!("worker_lost")
    );

    // Those that were given up are listed, and no others; their retries begin with a good name.
    let refusing = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("a", "t_light", json!({"does": "fail"})),
            ],
            &["start>a"],
        )
        .await;
    let refused = site.start(&refusing).await;
    assert_eq!(site.end(&refusing, refused).await.state, "failed");
    let retry = run::Retry::default();
    let again = run::retry(&site.store, &published.scope, run, retry).await;
    let again = again.expect("it is retried");
    assert_eq!(site.end(&published, again).await.state, "succeeded");
    assert_eq!(failed_with(&site, &published, "worker_lost").await, [run]);
    assert_eq!(failed_with(&site, &published, "refused").await, [refused]);
    assert!(failed_with(&site, &published, "worker").await.is_empty());
    // Where the entry of a list was given up, the error of the list tells of it.
    site.db.sql(&format!(
        "update run set error = jsonb_build_object('code', 'entry_failed', 'params', jsonb_build_object('error', error))
         where id = '{run}'"
    ));
    for code in ["worker_lost", "entry_failed"] {
        assert_eq!(failed_with(&site, &published, code).await, [run]);
    }
    executor.shutdown().await;
    site.assert_idle();
}

/// The runs that the list shows for the code of an error.
async fn failed_with(site: &Site, published: &Published, code: &str) -> Vec<RunId> {
    let filter = run::Filter {
        error: Some(code.to_owned()),
        limit: 50,
        ..run::Filter::default()
    };
    let listed = run::list(&site.store, &published.scope, &filter).await;
    let listed = listed.expect("the list");
    listed.into_iter().map(|item| item.id).collect()
}

/// An executor that looks for suspects all the time.
async fn suspicious(site: &Site) -> executor::Executor {
    let mut config = site.config();
    config.rescue = Duration::from_millis(20);
    executor::Executor::start(config)
        .await
        .expect("the executor starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_tried_one_at_a_time() {
    let site = Site::new().await;
    let published = light(&site).await;
    let runs = [
        site.start(&published).await,
        site.start(&published).await,
        site.start(&published).await,
    ];
    let holder = site.worker().await;
    for _ in 0..queue::LOST_BEFORE_SUSPECT {
        assert_eq!(claim(&site, holder, ClaimForm::SkipLocked).await.len(), 3);
        lose(&site).await;
    }
    // One of the three kills its process. Who claims all of them again would blame all of them, until all fail.
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        assert!(claim(&site, holder, form).await.is_empty());
    }
    let killer = queue::claim_suspect(&site.store, holder, ClaimForm::SkipLocked).await;
    assert!(killer.expect("claim").is_some());
    lose(&site).await;
    assert_eq!(
        site.db
            .sql("select lost, count(*) from queue_entry group by 1 order by 1"),
        "2|2\n3|1"
    );
    let executor = suspicious(&site).await;
    for run in runs {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_that_panics_or_loses_its_connection_fails_no_run() {
    let site = Site::new().await;
    let published = light(&site).await;
    // The first commits lose their connection in the middle: more of them than one executor tries again.
    site.db.sql(
        "create sequence cut;
         create function cut() returns trigger language plpgsql as $$
         begin
             if nextval('cut') <= 10 then
                 perform pg_terminate_backend(pg_backend_pid());
             end if;
             return null;
         end $$;
         create trigger cut after insert on step for each statement execute function cut()",
    );
    let mut config = site.config();
    config.faults = "commit_panics:1".parse().expect("a fault");
    (config.lease, config.heartbeat) = (Duration::from_secs(1), Duration::from_millis(300));
    config.rescue = Duration::from_millis(50);
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    let local = executor.local();
    let mut runs = Vec::new();
    for _ in 0..8 {
        let new = published.run(Source::Form, json!({}));
        let accepted = queue::submit(&site.store, Some(&local), &published.scope, new)
            .await
            .expect("accepted");
        runs.push(accepted.run_id);
    }
    for run in runs {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    assert!(site.db.sql("select last_value > 10 from cut") == "t");
    assert_eq!(
        site.db
            .sql("select count(*) from step where state <> 'succeeded'"),
        "0"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_a_commit_waits_counts() {
    let site = Site::new().await;
    let published = light(&site).await;
    let holder = site.worker().await;
    // What somebody does who holds the run, and what there is afterwards: the run's state, its steps, its entries.
    for (meanwhile, expected) in [
        ("select 1", "succeeded|1|0"),
        (
            "update queue_entry set lease_until = now() + interval '1 hour'",
            "succeeded|1|0",
        ),
        ("update run set title = 'other'", "succeeded|1|0"),
        ("update queue_entry set fence = fence + 1", "queued|0|1"),
        (
            "delete from queue_entry; update run set state = 'cancelled', finished_at = now()",
            "cancelled|0|0",
        ),
    ] {
        let run = site.start(&published).await;
        let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
        let group = [success(&entry, holder, json!("done"))];
        let held = site.db.hold(&format!(
            "select id from run where id = '{run}' for update; {meanwhile}"
        ));
        let (results, ()) = tokio::join!(segment::commit(&site.store, &group, &|| {}), async {
            site.db.until_waiting(1).await;
            held.commit();
        });
        let stale = matches!(results.expect("commit")[0], Committed::Stale);
        assert_eq!(stale, !expected.starts_with("succeeded"), "{meanwhile}");
        let found = site.db.sql(&format!(
            "select state, (select count(*) from step where run_id = run.id), (select count(*) from queue_entry where run_id = run.id)
             from run where id = '{run}'"
        ));
        assert_eq!(found, expected, "{meanwhile}");
        site.db.sql("delete from queue_entry");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stood_still_in_a_transaction_fails_no_run() {
    let site = Site::new().await;
    let published = light(&site).await;
    // What the database tells a session whose transaction it ended because nothing came.
    site.db.sql(
        "create sequence stood_still;
         create function stood_still() returns trigger language plpgsql as $$
         begin
             if nextval('stood_still') <= 3 then
                 raise exception 'terminating connection due to idle-in-transaction timeout' using errcode = '25P03';
             end if;
             return null;
         end $$;
         create trigger stood_still after insert on step for each statement execute function stood_still()",
    );
    let run = site.start(&published).await;
    let executor = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(site.db.sql("select last_value > 3 from stood_still"), "t");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_lost_leases_a_segment_is_one_step() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    site.db.sql("update queue_entry set lost = 2");
    // The first head stands at lost = 2; what it enters begins at 0 and runs on in one segment.
    let executor = suspicious(&site).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    let instants = site.db.sql("select count(distinct finished_at) from step");
    assert!(
        instants.parse::<i32>().is_ok_and(|instants| instants >= 2),
        "{instants}"
    );
    // What was cut by chance sees the time it would have seen in one piece: its results, files among them, are the same.
    assert_eq!(
        site.db
            .sql("select count(distinct output ->> 'now') from step where node <> 'start'"),
        "1"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_executors_share_the_work_and_repeat_nothing() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("left", "t_outside", json!({})),
                ("right", "t_outside", json!({})),
                ("join", "t_outside", json!({})),
            ],
            &["start>left", "start>right", "left>join", "right>join"],
        )
        .await;
    let mut other = site.config();
    other.store = site.db.store_with(10).await;
    let first = site.executor().await;
    let second = executor::Executor::start(other)
        .await
        .expect("the second executor starts");
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(site.start(&published).await);
    }
    for run in runs {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    for node in ["left", "right", "join"] {
        assert_eq!(site.ledger.count(node), 40, "{node}");
    }
    first.shutdown().await;
    second.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_lost_process_is_done_by_another() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    let mut lost = site.worker().await;
    lost.lease_ms = 50;
    assert_eq!(claim(&site, lost, ClaimForm::SkipLocked).await.len(), 1);
    let mut config = site.config();
    config.rescue = Duration::from_millis(20);
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_gives_back_what_it_does_not_finish() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("gate", "t_outside", json!({ "does": "gate" })),
                ("after", "t_light", json!({})),
            ],
            &["start>gate", "gate>after"],
        )
        .await;
    let run = site.start(&published).await;
    let executor = site.executor().await;
    site.arrived.0.notified().await;
    let stopping = executor.shutdown();
    tokio::pin!(stopping);
    // Polled once, so that the stop is asked for before the step may end.
    tokio::select! {
        biased;
        () = &mut stopping => panic!("a step is still running"),
        () = std::future::ready(()) => {}
    }
    site.gate.0.add_permits(1);
    stopping.await;
    assert_eq!(
        site.db
            .sql("select count(*) from queue_entry where lease_owner is not null"),
        "0"
    );
    assert_eq!(site.ledger.count("after"), 0, "nothing new is begun");
    let next = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(site.ledger.count("gate"), 1);
    next.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_run_costs_two_commits() {
    const RUNS: i64 = 2_000;
    let site = Site::new().await;
    let published = light(&site).await;
    // Vacuuming is counted, too, and comes when it comes, to the system's own tables as well.
    site.db.sql("alter system set autovacuum = off");
    site.db.sql("select pg_reload_conf()");
    while site
        .db
        .sql("select count(*) from pg_stat_activity where backend_type like 'autovacuum %'")
        != "0"
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (busy, took) = spend(&site, &published, Stretch::Runs(RUNS)).await;
    let (idle, _) = spend(&site, &published, Stretch::Idle(took)).await;
    site.db.sql("alter system reset autovacuum");
    site.db.sql("select pg_reload_conf()");
    // An executor beats and keeps house in both; a hundredth is for what falls on the edges. One more commit a run would be as many
    // as there are runs.
    assert!(
        busy - idle <= 2 * RUNS + RUNS / 100,
        "{busy} commits for {RUNS} runs in {took:?}, {idle} in an idle stretch as long"
    );
    assert_eq!(
        site.db
            .sql("select count(*) from run where state <> 'succeeded'"),
        "0"
    );
}

/// What goes on while commits are counted.
enum Stretch {
    Runs(i64),
    Idle(Duration),
}

/// The commits of an executor's whole life, and how long the stretch in it was. Some runs come first either way: opening connections
/// and preparing statements on them are commits of their own.
async fn spend(site: &Site, published: &Published, stretch: Stretch) -> (i64, Duration) {
    const FIRST: i64 = 50;
    const BACKENDS: &str = "select count(*) from pg_stat_activity where datname = :db and application_name = 'formwork'";
    let others = site.db.sql_from_beside(BACKENDS);
    let store = site.db.store_with(5).await;
    let mut config = site.config();
    config.store = store.clone();
    // Looks without a cause would be more than what is counted, and never the same number twice.
    config.poll = Duration::from_hours(1);
    let before = commits(site);
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    for _ in 0..FIRST {
        submit_and_wait(&store, &executor, published).await;
    }
    let since = std::time::Instant::now();
    match stretch {
        Stretch::Runs(runs) => {
            for _ in 0..runs {
                submit_and_wait(&store, &executor, published).await;
            }
        }
        Stretch::Idle(time) => tokio::time::sleep(time).await,
    }
    let took = since.elapsed();
    executor.shutdown().await;
    // Backends tell what they did when they end.
    store.close().await;
    while site.db.sql_from_beside(BACKENDS) != others {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (commits(site) - before, took)
}

/// What taking a form does once it is checked, up to the run's end as the hub tells it.
async fn submit_and_wait(
    store: &store::Store,
    executor: &executor::Executor,
    published: &Published,
) {
    let mut events = store.events.subscribe();
    let mut new = published.run(Source::Form, json!({ "name": "Ada" }));
    let ticket: engine::ids::SubmissionId = store::fresh_id();
    new.submission_id = Some(ticket);
    new.idempotency = Some(("form".into(), ticket.to_string()));
    let local = executor.local();
    let accepted = queue::submit(store, Some(&local), &published.scope, new)
        .await
        .expect("accepted");
    let topic = format!("run:{}", accepted.run_id);
    loop {
        let event = events.recv().await.expect("the hub lives");
        if event.topic == topic && event.data["finished"] == json!(true) {
            assert_eq!(event.data["state"], json!("succeeded"));
            return;
        }
    }
}

fn commits(site: &Site) -> i64 {
    site.db
        .sql_from_beside("select xact_commit from pg_stat_database where datname = :db")
        .parse()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_gone_refuses_the_submission() {
    let site = Site::new().await;
    let published = light(&site).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_hear_what_changed() {
    let site = Site::new().await;
    let published = light(&site).await;
    let other = site.db.store_with(5).await;
    // An executor that believes itself alone does not speak.
    worker::register(&other, Kind::Serve, "test", &json!({}))
        .await
        .expect("registered");
    site.store.events.start();
    other.events.start();
    let mut heard = other.events.subscribe();
    // The other process listens once its connection says so.
    site.until("select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'", "2").await;
    let run = site.start(&published).await;
    let waiting = tokio::spawn({
        let (other, published) = (other.clone(), published.clone());
        async move {
            run::wait(
                &other,
                &published.scope,
                run,
                run::Until::Finished,
                Duration::from_secs(30),
            )
            .await
            .expect("the run is there");
            run::standing(&other, &published.scope, run)
                .await
                .expect("the run is there")
        }
    });
    let executor = site.executor().await;
    assert!(waiting.await.expect("no panic").finished);
    loop {
        let event = heard.recv().await.expect("the hub lives");
        if event.topic == format!("run:{run}") && event.data["state"] == json!("succeeded") {
            break;
        }
    }
    executor.shutdown().await;
}
