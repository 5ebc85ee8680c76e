//! Whose turn it is in the queue: workflows in turn, each in an order in which waiting counts, and nobody's while people hold it up.

use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    queue::{self, Accept, ClaimForm, ClaimedEntry, Holder, Source, Turn},
    worker::{self, Kind},
};
use tokio::task::JoinSet;

async fn light(site: &Site) -> Published {
    let nodes = [("start", "t_start", json!({})), ("a", "t_light", json!({}))];
    site.publish(&nodes, &["start>a"]).await
}

async fn worker(site: &Site) -> Holder {
    let worker = worker::register(&site.store, Kind::Work, "test", &json!({}))
        .await
        .expect("registered");
    Holder {
        worker,
        lease_ms: 30_000,
    }
}

/// Accepted without a lease, as many at once as there are.
async fn start_many(site: &Site, published: &Published, count: usize) {
    let mut started = JoinSet::new();
    for _ in 0..count {
        let (store, scope) = (site.store.clone(), published.scope);
        let new = Accept::new(
            published.workflow,
            published.version,
            "start",
            Source::Api,
            json!({}),
        );
        started.spawn(async move { queue::submit(&store, None, &scope, new).await });
    }
    while let Some(done) = started.join_next().await {
        done.expect("no panic").expect("the run is accepted");
    }
}

async fn claim(
    site: &Site,
    holder: Holder,
    turn: &mut Turn,
    limit: i64,
    form: ClaimForm,
) -> Vec<ClaimedEntry> {
    queue::claim(&site.store, holder, turn, limit, form)
        .await
        .expect("claim")
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
        let (holder, mut turn) = (worker(&site).await, Turn::default());
        let mut of_few = 0;
        for _ in 0..2 {
            of_few += of(&claim(&site, holder, &mut turn, 1, form).await, &few);
        }
        assert_eq!(of_few, 1, "{form:?}: one slot, two workflows, two claims");
        start_many(&site, &few, 3).await;
        start_many(&site, &late, 20).await;
        let claimed = claim(&site, holder, &mut turn, 12, form).await;
        assert_eq!(
            (of(&claimed, &few), of(&claimed, &late)),
            (3, 4),
            "{form:?}: a third for each, and no more than there is"
        );
        // Nobody else has anything: the whole claim is for the one that has.
        claim(&site, holder, &mut turn, 64, form).await;
        let claimed = claim(&site, holder, &mut turn, 16, form).await;
        assert_eq!(of(&claimed, &many), 16, "{form:?}");
    }
}

/// Which of the entries are claimed one after another, by the title of their run.
async fn order(site: &Site) -> String {
    let (holder, mut turn) = (worker(site).await, Turn::default());
    let mut titles = Vec::new();
    loop {
        let claimed = claim(site, holder, &mut turn, 1, ClaimForm::SkipLocked).await;
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
        let mut new = Accept::new(
            published.workflow,
            published.version,
            "start",
            source,
            json!({}),
        );
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
    let holder = worker(&site).await;
    let claimed = claim(
        &site,
        holder,
        &mut Turn::default(),
        10,
        ClaimForm::SkipLocked,
    )
    .await;
    assert_eq!((of(&claimed, &waiting), of(&claimed, &due)), (1, 1));
}
