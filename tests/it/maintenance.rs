//! What happens now and then: partitions ahead of time, and old things that go.

use formwork_tests::site::Site;
use store::maintenance;

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_made_late_takes_its_rows_along() {
    let site = Site::new().await;
    let published = site.publish_line(&[]).await;
    site.start(&published).await;
    // A program that was off for months accepts before it has made this month's partition.
    site.db.sql(
        "update run set id = (left(uuid_floor(now() + interval '4 months')::text, 24) || right(id::text, 12))::uuid",
    );
    assert_eq!(
        site.db.sql("select tableoid::regclass from run"),
        "run_other"
    );
    assert_eq!(site.db.sql("select ensure_partitions('run', 5)"), "3");
    assert_eq!(
        site.db
            .sql("select count(*), bool_and(tableoid <> 'run_other'::regclass) from run"),
        "1|t"
    );
    assert_eq!(site.db.sql("select ensure_partitions('run', 5)"), "0");
    // It has what its brothers have.
    let indexes = "select count(*) from pg_index where indrelid = (select tableoid from run)";
    let others = "select count(*) from pg_index where indrelid = 'run_other'::regclass";
    assert_eq!(site.db.sql(indexes), site.db.sql(others));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failure_does_not_keep_the_rest_from_being_done() {
    let site = Site::new().await;
    site.db.sql(
        "insert into idempotency_key values (gen_random_uuid(), 'a', 'b', gen_random_uuid(), now() - interval '1 day');
         insert into worker (id, kind, host, seen_at) values (gen_random_uuid(), 'work', 'gone', now() - interval '1 hour');
         drop function ensure_partitions",
    );
    assert!(maintenance::pass(&site.store).await.is_err());
    assert_eq!(
        site.db
            .sql("select (select count(*) from idempotency_key) + (select count(*) from worker)"),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_revisions_are_thinned_out_and_those_of_trial_runs_stay() {
    let site = Site::new().await;
    let published = site.publish_line(&[]).await;
    let id = published.workflow;
    // One day, six revisions; the second is what a trial run ran, the last is the draft.
    site.db.sql(&format!(
        "insert into draft_revision (workflow_id, revision, workspace_id, document, changed_at)
         select '{id}', number, workspace_id, '{{}}', date_trunc('day', now()) - interval '20 days' + number * interval '1 minute'
         from generate_series(2, 6) number, workflow where workflow.id = '{id}';
         update draft_revision set changed_at = date_trunc('day', now()) - interval '20 days' where revision = 1;
         insert into draft (workflow_id, workspace_id, revision, document)
         select workflow_id, workspace_id, revision, document from draft_revision where revision = 5"
    ));
    site.start(&published).await;
    site.db.sql(
        "update run set version_id = null, draft_revision = 2, trial = true, expires_at = now() + interval '1 hour'",
    );
    maintenance::daily(&site.store).await.expect("done");
    assert_eq!(
        site.db
            .sql("select string_agg(revision::text, ' ' order by revision) from draft_revision"),
        "2 5 6"
    );
}
