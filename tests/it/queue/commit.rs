//! Commits of segments: under which claims they write, what they do to called runs, when they are told, and what happens when the database
//! refuses or is gone.

mod onward;

use std::{sync::Arc, time::Duration};

use engine::call::{CallRequest, Callee, Offer, child_id};
use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    call::CallWrite,
    events::Wake,
    queue::{self, ClaimForm, ClaimedEntry, Holder, Lease, Source},
    run,
    segment::{self, Committed, Due, Head, RunWrite, Segment, StepWrite, Writes, Writing},
};

use tokio::sync::broadcast::error::TryRecvError;

use super::{claim, light};

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

/// An entry that is due at once.
fn head(node: &str, leased: bool) -> Head {
    Head {
        node: node.into(),
        item_path: String::new(),
        due: Due::InMs(0),
        head_at: None,
        priority: 0,
        leased,
    }
}

/// A segment that says that the run succeeded.
fn success(entry: &ClaimedEntry, holder: Holder, output: serde_json::Value) -> Segment {
    let step = StepWrite {
        ports: vec!["out".into()],
        output: Some(output.into()),
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

async fn commit(site: &Site, group: &[Segment]) -> Vec<Committed> {
    let committed = segment::commit(&site.store, group, &|| {}).await;
    committed.expect("the commit")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_fence_writes_nothing() {
    let (site, published) = light().await;
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

    let results = commit(&site, &[success(&stale, first, json!("old"))]).await;
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select count(*) from step"), "0");
    assert_eq!(site.db.sql("select state from run"), "queued");

    let results = commit(&site, &[success(&current, second, json!("new"))]).await;
    assert!(matches!(results[0], Committed::Done { .. }));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
    let results = commit(&site, &[success(&current, second, json!("twice"))]).await;
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_calls_in_the_commit_that_ends_its_caller_ends_with_both() {
    let (site, published) = light().await;
    let holder = site.worker().await;
    site.start(&published).await;
    let caller = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    // It goes on beside the call.
    let writes = Writes {
        heads: vec![head("a", false)],
        ..call(&caller, holder, &published)
    };
    commit(&site, &[segment(&caller, holder, writes)]).await;
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
    let results = commit(&site, &group).await;
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
    let (site, published) = light().await;
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
async fn a_committer_that_panics_or_loses_its_connection_fails_no_run() {
    let (site, published) = light().await;
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
    let executor = site
        .executor_with(|config| {
            config.faults = "commit_panics:1".parse().expect("a fault");
            (config.lease, config.heartbeat) = (Duration::from_secs(1), Duration::from_millis(300));
            config.rescue = Duration::from_millis(50);
        })
        .await;
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
    let (site, published) = light().await;
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
        let (results, ()) = tokio::join!(commit(&site, &group), async {
            site.db.until_waiting(1).await;
            held.commit();
        });
        let stale = matches!(results[0], Committed::Stale);
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
    let (site, published) = light().await;
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

/// Nobody hears that a run is in a state until the commit that says so is done.
async fn is_told_when_committed(
    site: &Site,
    state: &str,
    change: impl Future<Output = ()> + Send + 'static,
) {
    let mut events = site.store.events.subscribe();
    let woken = site.store.events.woken(Wake::Queue);
    let held = site.db.hold("select pg_advisory_xact_lock(1)");
    let change = tokio::spawn(change);
    site.db.until_waiting(1).await;
    assert_eq!(events.try_recv(), Err(TryRecvError::Empty));
    assert!(!woken.has_changed().expect("the hub lives"), "{state}");
    drop(held);
    change.await.expect("no panic");
    loop {
        let event = events.recv().await.expect("the hub lives");
        if event.kind == "run.changed" {
            assert_eq!(event.data["state"], json!(state));
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_has_been_committed() {
    let (site, published) = light().await;
    let holder = site.worker().await;
    // A commit that changes a run is held up at its very end while somebody has this lock.
    site.db.sql(
        "create function at_the_end() returns trigger language plpgsql as $$
         begin
             perform pg_advisory_xact_lock(1);
             return null;
         end $$;
         create constraint trigger at_the_end after insert or update on run
             deferrable initially deferred for each row execute function at_the_end()",
    );
    let scope = published.scope;

    let new = published.run(Source::Api, json!({ "name": "Ada" }));
    let store = site.store.clone();
    let accepts = async move {
        let accepted = queue::accept(&store, &scope, new).await;
        accepted.expect("the run is accepted");
    };
    is_told_when_committed(&site, "queued", accepts).await;

    let entry = claim(&site, holder, ClaimForm::SkipLocked).await.remove(0);
    let group = [success(&entry, holder, json!("done"))];
    let store = site.store.clone();
    let ends = async move {
        let committed = segment::commit(&store, &group, &|| {}).await;
        committed.expect("the commit");
    };
    is_told_when_committed(&site, "succeeded", ends).await;

    let run = site.start(&published).await;
    let store = site.store.clone();
    let stops = async move {
        let stopped = run::stop(&store, &scope, run).await;
        assert!(stopped.expect("stopped"));
    };
    is_told_when_committed(&site, "cancelled", stops).await;
}
