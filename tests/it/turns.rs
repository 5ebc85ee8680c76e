//! Whose turn it is in the queue: workflows in turn, each in an order in which waiting counts, and nobody's while people hold it up.

use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    queue::{self, ClaimForm, ClaimedEntry, Source, Turn},
    run, workflow,
};
use tokio::task::JoinSet;

async fn light(site: &Site) -> Published {
    site.publish_light(&["a"]).await
}

/// Accepted without a lease, as many at once as there are.
async fn start_many(site: &Site, published: &Published, count: usize) {
    let mut started = JoinSet::new();
    for _ in 0..count {
        let (store, scope) = (site.store.clone(), published.scope);
        let new = published.run(Source::Api, json!({}));
        started.spawn(async move { queue::submit(&store, None, &scope, new).await });
    }
    while let Some(done) = started.join_next().await {
        done.expect("no panic").expect("the run is accepted");
    }
}

fn of(claimed: &[ClaimedEntry], published: &Published) -> usize {
    let workflow = published.workflow;
    claimed
        .iter()
        .filter(|e| e.run.workflow == workflow)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_queue_of_one_workflow_holds_up_no_other() {
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        let site = Site::new().await;
        let (many, few, late) = (light(&site).await, light(&site).await, light(&site).await);
        start_many(&site, &many, 2_000).await;
        start_many(&site, &few, 1).await;
        let (holder, mut turn) = (site.worker().await, Turn::default());
        let mut of_few = 0;
        for _ in 0..2 {
            of_few += of(&site.claim(holder, &mut turn, 1, form).await, &few);
        }
        assert_eq!(of_few, 1, "{form:?}: one slot, two workflows, two claims");
        start_many(&site, &few, 3).await;
        start_many(&site, &late, 20).await;
        let claimed = site.claim(holder, &mut turn, 12, form).await;
        assert_eq!(
            (of(&claimed, &few), of(&claimed, &late)),
            (3, 4),
            "{form:?}: a third for each, and no more than there is"
        );
        // Nobody else has anything: the whole claim is for the one that has.
        site.claim(holder, &mut turn, 64, form).await;
        let claimed = site.claim(holder, &mut turn, 16, form).await;
        assert_eq!(of(&claimed, &many), 16, "{form:?}");
    }
}

/// Which of the entries are claimed one after another, by the title of their run.
async fn order(site: &Site) -> String {
    let (holder, mut turn) = (site.worker().await, Turn::default());
    let mut titles = Vec::new();
    loop {
        let claimed = site
            .claim(holder, &mut turn, 1, ClaimForm::SkipLocked)
            .await;
        let Some(entry) = claimed.into_iter().next() else {
            return titles.join(" ");
        };
        titles.push(entry.run.title.clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_waited_for_comes_first_and_who_waited_long_comes_at_all() {
    let site = Site::new().await;
    let published = light(&site).await;
    for (title, source) in [
        ("old", Source::Webhook),
        ("call", Source::Api),
        ("form", Source::Form),
        ("manual", Source::Manual),
    ] {
        let mut new = published.run(source, json!({}));
        new.title = title.into();
        queue::accept(&site.store, &published.scope, new)
            .await
            .expect("the run is accepted");
    }
    site.db.sql(
        "update queue_entry q set due_at = now() - interval '61 minutes' from run where run.id = q.run_id and run.title = 'old'",
    );
    assert_eq!(order(&site).await, "old form manual call");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_due_is_looked_past() {
    let site = Site::new().await;
    let (waiting, due) = (light(&site).await, light(&site).await);
    start_many(&site, &waiting, 3).await;
    site.db
        .sql("update queue_entry set due_at = now() + interval '30 seconds', priority = 2");
    start_many(&site, &waiting, 1).await;
    start_many(&site, &due, 1).await;
    let holder = site.worker().await;
    let claimed = site
        .claim(holder, &mut Turn::default(), 10, ClaimForm::SkipLocked)
        .await;
    assert_eq!((of(&claimed, &waiting), of(&claimed, &due)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_is_stored_and_goes_on_afterwards() {
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        let site = Site::new().await;
        let (paused, other) = (light(&site).await, light(&site).await);
        let set = async |paused_now: bool| {
            let change = workflow::Change {
                paused: Some(paused_now),
                ..workflow::Change::default()
            };
            workflow::change(&site.store, &paused.scope, paused.workflow, change)
                .await
                .expect("the workflow is there");
        };
        start_many(&site, &paused, 2).await;
        start_many(&site, &other, 1).await;
        set(true).await;
        let holder = site.worker().await;
        // Accepted all the same, and not even leased to who accepts it.
        let mut new = paused.run(Source::Form, json!({}));
        new.lease = Some(holder);
        let accepted = queue::accept(&site.store, &paused.scope, new).await;
        assert!(accepted.expect("the run is accepted").claimed.is_none());
        site.db
            .sql("update queue_entry set lost = 2 where run_id = (select max(run_id::text)::uuid from queue_entry)");
        let suspect = queue::claim_suspect(&site.store, holder, form).await;
        assert!(suspect.expect("claim").is_none(), "{form:?}");
        site.db.sql("update queue_entry set lost = 0");
        let mut turn = Turn::default();
        let claimed = site.claim(holder, &mut turn, 10, form).await;
        assert_eq!((of(&claimed, &paused), of(&claimed, &other)), (0, 1));
        let listed = run::list(
            &site.store,
            &paused.scope,
            &run::Filter {
                limit: 10,
                ..run::Filter::default()
            },
        )
        .await
        .expect("the list");
        assert_eq!(listed.iter().filter(|run| run.paused).count(), 3);
        set(false).await;
        let claimed = site.claim(holder, &mut turn, 10, form).await;
        assert_eq!(of(&claimed, &paused), 3, "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_workspace_finishes_its_steps_and_begins_none() {
    let site = Site::new().await;
    let nodes = [
        ("start", "t_start", json!({})),
        ("a", "t_outside", json!({ "does": "gate" })),
        ("b", "t_outside", json!({ "does": "gate" })),
    ];
    let published = site.publish(&nodes, &["start>a", "a>b"]).await;
    let executor = site.executor().await;
    let run = site.start(&published).await;
    site.arrived.0.notified().await;
    queue::set_paused(&site.store, &published.scope, true)
        .await
        .expect("paused");
    let later = site.start(&published).await;
    site.gate.0.add_permits(10);
    site.until(
        &format!("select string_agg(node || '=' || state, ' ' order by node) from step where run_id = '{run}'"),
        "a=succeeded start=succeeded",
    )
    .await;
    let standing = queue::standing(&site.store, &published.scope).await;
    let standing = standing.expect("the workspace is there");
    assert!(standing.paused_at.is_some());
    assert_eq!((standing.due, standing.under_way), (2, 0));
    assert_eq!(site.steps(later), "");
    queue::set_paused(&site.store, &published.scope, false)
        .await
        .expect("resumed");
    for run in [run, later] {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    executor.shutdown().await;
    site.assert_idle();
}
