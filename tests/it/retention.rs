//! What is kept and what goes: runs by age and number, files by age and size, partitions that hold nothing. What is not over stays.

use std::{path::PathBuf, process::Command};

use engine::ids::RunId;
use formwork_tests::{
    Office,
    site::{Published, Site},
};
use futures_util::TryStreamExt as _;
use serde_json::{Value as Json, json};
use store::{
    artifact, maintenance,
    retention::{self, Retention},
    run::{self, Retry},
    series,
};
use uuid::Uuid;

/// Everything that names a run.
const NAMING: [(&str, &str); 11] = [
    ("run", "id"),
    ("run", "first_run"),
    ("run", "retry_of"),
    ("step", "run_id"),
    ("attempt", "run_id"),
    ("delivery", "run_id"),
    ("generation", "run_id"),
    ("answer", "run_id"),
    ("submission", "run_id"),
    ("artifact", "run_id"),
    ("number", "first_run"),
];

/// Makes a run as old as that; its new id.
fn age(site: &Site, run: RunId, days: u32) -> RunId {
    let old = site.db.sql(&format!(
        "select left(uuid_floor(now() - interval '{days} days')::text, 24) || right('{run}', 12)"
    ));
    for (table, column) in NAMING {
        site.db.sql(&format!(
            "update {table} set {column} = '{old}' where {column} = '{run}'"
        ));
    }
    site.db.sql(&format!(
        "update run set created_at = now() - interval '{days} days',
             finished_at = case when finished_at is not null then now() - interval '{days} days' end where id = '{old}';
         update number set run_id = '{old}' where run_id = '{run}';
         update queue_entry set run_id = '{old}' where run_id = '{run}'"
    ));
    old.parse().expect("an id")
}

/// A run that succeeded, as old as that.
async fn ended(site: &Site, published: &Published, days: u32) -> RunId {
    let run = site.start(published).await;
    site.end(published, run).await;
    age(site, run, days)
}

fn runs(site: &Site) -> String {
    site.db.sql("select count(*) from run where not trial")
}

fn last(site: &Site) -> String {
    site.db
        .sql("select runs, deliveries, files, kept from clean_up")
}

async fn file(site: &Site, published: &Published, run: RunId, text: &str) -> PathBuf {
    let new = artifact::New {
        run: Some(run),
        name: "note.txt",
        content_type: "text/plain",
        bytes: text.as_bytes().to_vec().into(),
    };
    artifact::create(&site.store, &published.scope, new)
        .await
        .expect("the file is stored");
    let digits = site.db.sql(&format!(
        "select encode(sha256, 'hex') from artifact where run_id = '{run}' and size_bytes = {}",
        text.len()
    ));
    let workspace = site.workspace.to_string();
    let place = site.db.folder().join("artifacts").join(workspace);
    place.join(&digits[..2]).join(digits)
}

async fn keep(site: &Site, published: &Published, change: impl FnOnce(&mut Retention)) {
    let mut retention = Retention {
        run_days: None,
        most_runs: None,
        file_days: None,
        most_file_bytes: None,
        workflows: Vec::new(),
    };
    change(&mut retention);
    retention::set(&site.store, &published.scope, &retention)
        .await
        .expect("it is kept to");
}

/// A site whose executor removes nothing by itself.
async fn quiet() -> Site {
    let site = Site::new().await;
    let workspace = site.workspace;
    site.db.sql(&format!(
        "insert into retention (workspace_id, run_days) values ('{workspace}', null)"
    ));
    site
}

/// As a workspace where nobody said anything.
fn by_default(site: &Site) {
    site.db.sql("delete from retention");
}

async fn clean(site: &Site) {
    maintenance::pass(&site.store).await.expect("a pass");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_run_goes_with_all_that_is_its_own() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    let old = ended(&site, &published, 91).await;
    let young = ended(&site, &published, 89).await;
    let (its, shared) = (
        file(&site, &published, old, "its own").await,
        file(&site, &published, old, "both have this").await,
    );
    file(&site, &published, young, "both have this").await;
    let workspace = site.workspace;
    for run in [old, young] {
        site.db.sql(&format!(
            "insert into attempt (run_id, node, attempt, workspace_id, error, started_at, finished_at)
                 values ('{run}', 'start', 1, '{workspace}', '{{}}', now(), now());
             insert into answer (run_id, workspace_id, answer) values ('{run}', '{workspace}', '{{}}');
             insert into generation (id, workspace_id, run_id, node, item_path, attempt, round, request, timeout_ms, state, finished_at)
                 values (gen_random_uuid(), '{workspace}', '{run}', 'write', '', 1, 1, '{{}}', 1, 'cancelled', now());
             insert into delivery (id, workspace_id, run_id, channel, state, message, finished_at)
                 values (gen_random_uuid(), '{workspace}', '{run}', 'mail', 'delivered', '{{}}', now());
             insert into delivery_attempt (delivery_id, attempt, workspace_id, started_at, took_ms)
                 select id, 1, workspace_id, now(), 1 from delivery where run_id = '{run}'"
        ));
    }
    by_default(&site);
    clean(&site).await;
    for table in [
        "step",
        "attempt",
        "answer",
        "generation",
        "delivery",
        "submission",
    ] {
        let left = site.db.sql(&format!("select distinct run_id from {table}"));
        assert_eq!(left, young.to_string(), "{table}");
    }
    assert_eq!(site.db.sql("select id from run"), young.to_string());
    assert_eq!(site.db.sql("select count(*) from delivery_attempt"), "1");
    assert_eq!(
        site.db.sql("select run_id from artifact"),
        young.to_string()
    );
    assert!(!its.exists(), "nobody names these bytes");
    assert!(shared.exists(), "the other run names them");
    assert_eq!(last(&site), "1|1|2|0");
    // Nothing more is due, and what was removed stays told.
    clean(&site).await;
    assert_eq!(
        (runs(&site).as_str(), last(&site).as_str()),
        ("1", "1|1|2|0")
    );
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_over_stays() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let waits = site.start(&published).await;
    age(&site, waits, 400);
    let executor = site.executor().await;
    site.until("select count(*) from run where finished_at is null", "0")
        .await;
    site.db
        .sql("update run set state = 'waiting', finished_at = null");
    let (numbered, sending, retried) = (
        ended(&site, &published, 400).await,
        ended(&site, &published, 400).await,
        ended(&site, &published, 400).await,
    );
    let workspace = site.workspace;
    site.db.sql(&format!(
        "insert into series (id, workspace_id, name, pattern, digits, yearly)
             values (gen_random_uuid(), '{workspace}', 'Invoices', '{{{{ number }}}}', 1, false);
         insert into number (id, series_id, year, count, workspace_id, number, run_id, first_run, node, item_path)
             select gen_random_uuid(), id, 0, 1, workspace_id, '1', '{numbered}', '{numbered}', 'no', '' from series;
         insert into delivery (id, workspace_id, run_id, channel, state, message, due_at)
             values (gen_random_uuid(), '{workspace}', '{sending}', 'mail', 'retrying', '{{}}', now() + interval '1 day')"
    ));
    let retry = Retry {
        from_node: Some("start".into()),
        input: None,
        unattended: false,
    };
    let again = run::retry(&site.store, &published.scope, retried, retry)
        .await
        .expect("a retry");
    site.end(&published, again).await;
    by_default(&site);
    clean(&site).await;
    assert_eq!(runs(&site), "5", "each of them is kept by something");
    // Nothing was removed, so there is nothing to tell.
    assert_eq!(last(&site), "");

    site.db
        .sql("update number set state = 'void', reason = 'never sent', settled_at = now()");
    site.db
        .sql("update delivery set state = 'stopped', finished_at = now()");
    age(&site, again, 399);
    clean(&site).await;
    assert_eq!(site.db.sql("select state from run"), "waiting");
    assert_eq!(last(&site), "4|1|0|0");
    // The number is accounted for, though its run is gone.
    assert_eq!(site.db.sql("select number, state from number"), "1|void");
    let id = site.db.sql("select id from series").parse().expect("an id");
    let numbers = series::numbers(&site.store, &published.scope, id, None, None, 10)
        .await
        .expect("a list");
    assert_eq!(numbers.len(), 1);
    assert_eq!(numbers[0].run_title, None);
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_stays_as_long_as_whoever_called_its_caller_may_need_it() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    let top = ended(&site, &published, 402).await;
    let middle = ended(&site, &published, 401).await;
    let bottom = ended(&site, &published, 400).await;
    file(&site, &published, bottom, "made at the bottom").await;
    let workspace = site.workspace;
    site.db.sql(&format!(
        "update run set parent_run = '{top}', parent_node = 'call', parent_item_path = '', depth = 1 where id = '{middle}';
         update run set parent_run = '{middle}', parent_node = 'call', parent_item_path = '', depth = 2 where id = '{bottom}';
         update run set state = 'waiting', finished_at = null where id = '{top}'"
    ));
    let left = "select (select count(*) from run), (select count(*) from artifact where deleted_at is null)";
    keep(&site, &published, |keep| {
        keep.run_days = Some(200);
        keep.file_days = Some(10);
    })
    .await;
    clean(&site).await;
    assert_eq!(site.db.sql(left), "3|1", "the top one waits");
    site.db.sql(&format!(
        "insert into delivery (id, workspace_id, run_id, channel, state, message, due_at)
             values (gen_random_uuid(), '{workspace}', '{top}', 'mail', 'retrying', '{{}}', now() + interval '1 day');
         update run set state = 'succeeded', finished_at = now() - interval '400 days' where id = '{top}'"
    ));
    clean(&site).await;
    assert_eq!(site.db.sql(left), "3|1", "its message is under way");
    site.db
        .sql("update delivery set state = 'stopped', finished_at = now()");
    clean(&site).await;
    assert_eq!(site.db.sql(left), "0|0");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_called_stays_for_a_retry_of_its_caller_that_begins_meanwhile() {
    let site = quiet().await;
    let published = site.publish(&[("start", "t_start", json!({}))], &[]).await;
    let executor = site.executor().await;
    let caller = ended(&site, &published, 21).await;
    let called = ended(&site, &published, 20).await;
    executor.shutdown().await;
    file(&site, &published, called, "made by a called run").await;
    let made = site.db.sql("select id from artifact");
    site.db.sql(&format!(
        "update run set parent_run = '{caller}', parent_node = 'call', parent_item_path = '', depth = 1 where id = '{called}';
         update run set input = '{{\"file\": {{\"id\": \"{made}\"}}}}' where id = '{caller}'"
    ));
    keep(&site, &published, |keep| keep.file_days = Some(10)).await;
    let from_start = Retry {
        from_node: Some("start".into()),
        input: None,
        unattended: false,
    };
    // It has looked for its files by then, and nobody sees it yet.
    let held = site.db.hold("lock table queue_entry in share mode");
    let (again, ()) = tokio::join!(
        run::retry(&site.store, &published.scope, caller, from_start),
        async {
            site.db.until_waiting(1).await;
            let mut cleaning = std::pin::pin!(clean(&site));
            tokio::select! {
                () = &mut cleaning => held.commit(),
                () = site.db.until_waiting(2) => {
                    held.commit();
                    cleaning.await;
                }
            }
        }
    );
    again.expect("a retry");
    let kept = "select count(*) from artifact where deleted_at is null";
    assert_eq!(site.db.sql(kept), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_runs_stay_where_their_number_is_limited() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    for days in [9, 8, 7, 2, 1] {
        ended(&site, &published, days).await;
    }
    keep(&site, &published, |keep| keep.most_runs = Some(3)).await;
    clean(&site).await;
    assert_eq!(runs(&site), "3");
    assert_eq!(last(&site), "2|0|0|0");
    // What is younger than three days stays, whatever was asked for.
    keep(&site, &published, |keep| keep.most_runs = Some(1)).await;
    clean(&site).await;
    assert_eq!(runs(&site), "2");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_can_have_days_of_its_own() {
    let site = quiet().await;
    let one = site.publish_line(&[]).await;
    let other = site.publish_line(&[]).await;
    let executor = site.executor().await;
    for published in [&one, &other] {
        ended(&site, published, 30).await;
        ended(&site, published, 300).await;
    }
    keep(&site, &one, |keep| {
        keep.run_days = Some(200);
        keep.workflows = vec![(other.workflow, 10)];
    })
    .await;
    clean(&site).await;
    assert_eq!(
        site.db.sql("select workflow_id from run"),
        one.workflow.to_string()
    );
    // Without a limit of the workspace only the workflow's own counts.
    keep(&site, &one, |keep| {
        keep.workflows = vec![(other.workflow, 10)];
    })
    .await;
    ended(&site, &one, 5000).await;
    ended(&site, &other, 11).await;
    clean(&site).await;
    assert_eq!(
        site.db.sql("select distinct workflow_id from run"),
        one.workflow.to_string()
    );
    let standing = retention::standing(&site.store, &one.scope)
        .await
        .expect("it stands");
    assert_eq!(standing.retention.workflows, [(other.workflow, 10)]);
    assert_eq!(standing.retention.run_days, None);
    assert_eq!(
        standing.last.map(|last| (last.runs, last.kept)),
        Some((1, 0))
    );
    // What is deleted is not shown, and keeps its days until it is restored.
    let own = format!(
        "select run_days from workflow where id = '{}'",
        other.workflow
    );
    site.db.sql(&format!(
        "update workflow set deleted_at = now() where id = '{}'",
        other.workflow
    ));
    keep(&site, &one, |keep| keep.run_days = Some(200)).await;
    assert_eq!(site.db.sql(&own), "10");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_can_go_before_their_runs() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    let oldest = ended(&site, &published, 50).await;
    let middle = ended(&site, &published, 20).await;
    let newest = ended(&site, &published, 1).await;
    let place = file(&site, &published, oldest, &"a".repeat(400_000)).await;
    file(&site, &published, middle, &"b".repeat(500_000)).await;
    file(&site, &published, newest, &"c".repeat(900_000)).await;
    let kept = "select run_id from artifact where deleted_at is null order by run_id";
    keep(&site, &published, |keep| keep.file_days = Some(40)).await;
    clean(&site).await;
    assert_eq!(site.db.sql(kept), format!("{middle}\n{newest}"));
    assert!(!place.exists());
    // Together they are more than a megabyte: the oldest goes, and no more than is needed.
    keep(&site, &published, |keep| {
        keep.most_file_bytes = Some(1_000_000);
    })
    .await;
    clean(&site).await;
    assert_eq!(site.db.sql(kept), newest.to_string());
    assert_eq!(runs(&site), "3", "their history stays");
    // A retry that would go on with a file that is gone says so; one that makes it again does not need it.
    let gone = site.db.sql(&format!(
        "select id from artifact where run_id = '{middle}'"
    ));
    site.db.sql(&format!(
        "update run set input = '{{\"file\": {{\"id\": \"{gone}\"}}}}' where id = '{middle}'"
    ));
    let from_start = || Retry {
        from_node: Some("start".into()),
        input: None,
        unattended: false,
    };
    let refused = run::retry(&site.store, &published.scope, middle, from_start()).await;
    let refused = refused.expect_err("its file is gone").to_string();
    assert!(refused.contains("note.txt"), "{refused}");
    // It may be what a called run made.
    site.db.sql(&format!(
        "update run set parent_run = '{middle}', parent_node = 'call', parent_item_path = '', depth = 1 where id = '{newest}';
         update artifact set deleted_at = now(), name = 'called.txt' where run_id = '{newest}'"
    ));
    let gone = site.db.sql(&format!(
        "select id from artifact where run_id = '{newest}'"
    ));
    site.db.sql(&format!(
        "update run set input = '{{\"file\": {{\"id\": \"{gone}\"}}}}' where id = '{middle}'"
    ));
    let refused = run::retry(&site.store, &published.scope, middle, from_start()).await;
    let refused = refused.expect_err("its file is gone").to_string();
    assert!(refused.contains("called.txt"), "{refused}");
    // The called run may be gone as a whole.
    let lost = json!({
        "id": Uuid::now_v7(), "name": "lost.txt", "content_type": "text/plain", "size_bytes": 4,
    });
    site.db.sql(&format!(
        "update run set input = '{{\"file\": {lost}}}' where id = '{middle}'"
    ));
    let refused = run::retry(&site.store, &published.scope, middle, from_start()).await;
    let refused = refused.expect_err("its file is gone").to_string();
    assert!(refused.contains("lost.txt"), "{refused}");
    // A message that tells of a file of its sender names none of those that are kept here.
    site.db.sql(&format!(
        "update run set source = 'webhook' where id = '{middle}'"
    ));
    run::retry(&site.store, &published.scope, middle, from_start())
        .await
        .expect("the file lies elsewhere");
    run::retry(&site.store, &published.scope, oldest, from_start())
        .await
        .expect("it needs no file");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_years_keep_everything() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    let run = ended(&site, &published, 50).await;
    file(&site, &published, run, "kept for good").await;
    let workspace = site.workspace;
    site.db.sql(&format!(
        "insert into delivery (id, workspace_id, channel, state, message, finished_at)
             values (uuid_floor(now() - interval '50 days'), '{workspace}', 'mail', 'delivered', '{{}}', now() - interval '50 days')"
    ));
    keep(&site, &published, |keep| {
        keep.run_days = Some(36_500);
        keep.file_days = Some(36_500);
    })
    .await;
    clean(&site).await;
    assert_eq!(last(&site), "", "nothing was removed");
    let kept = "select (select count(*) from run), (select count(*) from artifact where deleted_at is null), (select count(*) from delivery)";
    assert_eq!(site.db.sql(kept), "1|1|1");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_something_waits_for_stay() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let executor = site.executor().await;
    let run = ended(&site, &published, 50).await;
    file(&site, &published, run, "attached").await;
    let workspace = site.workspace;
    site.db.sql(&format!(
        "insert into delivery (id, workspace_id, run_id, channel, state, message, due_at)
             values (gen_random_uuid(), '{workspace}', '{run}', 'mail', 'retrying', '{{}}', now() + interval '1 day')"
    ));
    keep(&site, &published, |keep| keep.file_days = Some(10)).await;
    clean(&site).await;
    let kept = "select count(*) from artifact where deleted_at is null";
    assert_eq!(site.db.sql(kept), "1");
    site.db
        .sql("update delivery set state = 'given_up', finished_at = now()");
    clean(&site).await;
    assert_eq!(site.db.sql(kept), "0");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_set_aside_by_a_process_that_died_are_put_back_or_deleted() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let run = site.start(&published).await;
    let named = file(&site, &published, run, "named").await;
    let unnamed = file(&site, &published, run, "unnamed by now").await;
    let trash = site
        .db
        .folder()
        .join("artifacts/trash")
        .join(site.workspace.to_string());
    std::fs::create_dir_all(&trash).expect("a folder");
    for place in [&named, &unnamed] {
        let aside = trash.join(place.file_name().expect("a name"));
        std::fs::rename(place, aside).expect("set aside");
    }
    site.db.sql("delete from artifact where size_bytes = 14");
    maintenance::daily(&site.store).await.expect("done");
    assert!(named.exists());
    assert!(!unnamed.exists());
    assert_eq!(std::fs::read_dir(&trash).map_or(0, Iterator::count), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_set_aside_at_this_moment_is_read_and_streamed() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let run = site.start(&published).await;
    let place = file(&site, &published, run, "set aside").await;
    let trash = site
        .db
        .folder()
        .join("artifacts/trash")
        .join(site.workspace.to_string());
    std::fs::create_dir_all(&trash).expect("a folder");
    let aside = trash.join(place.file_name().expect("a name"));
    std::fs::rename(&place, aside).expect("set aside");
    let kept = artifact::of_run(&site.store, &published.scope, run)
        .await
        .expect("the files")
        .remove(0);
    let read = artifact::read(&site.store, &published.scope, kept.file.id).await;
    assert_eq!(read.expect("it is read"), "set aside");
    let pieces = artifact::stream(&site.store, &published.scope, &kept, Some(4..9))
        .await
        .expect("it is there");
    let pieces: Vec<_> = pieces.try_collect().await.expect("it is streamed");
    assert_eq!(pieces.concat(), b"aside");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_go_before_their_row_is_there_are_written_again() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    let run = site.start(&published).await;
    // Where the same bytes will lie.
    let place = file(&site, &published, run, "written again").await;
    site.db.sql("delete from artifact");
    let held = site.db.hold("lock table artifact in share mode");
    let (again, ()) = tokio::join!(file(&site, &published, run, "written again"), async {
        site.db.until_waiting(1).await;
        std::fs::remove_file(&place).expect("they are there");
        held.commit();
    });
    assert_eq!(again, place);
    assert!(place.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_dropped_when_they_hold_nothing() {
    let site = quiet().await;
    let published = site.publish_line(&[]).await;
    for family in ["run", "step", "attempt", "delivery", "delivery_attempt"] {
        for (month, from, to) in [
            ("2020_01", "2020-01-01", "2020-02-01"),
            ("2020_02", "2020-02-01", "2020-03-01"),
        ] {
            site.db.sql(&format!(
                "create table {family}_{month} (like {family} including all);
                 do $$ begin execute format('alter table {family} attach partition {family}_{month} for values from (%L) to (%L)',
                     uuid_floor('{from}'), uuid_floor('{to}')); end $$"
            ));
        }
    }
    // A run of January that has not ended; its steps are none so far.
    let run = site.start(&published).await;
    site.db.sql(&format!(
        "update run set id = (left(uuid_floor('2020-01-15')::text, 24) || right('{run}', 12))::uuid"
    ));
    let old = "select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' and relname ~ '_2020_'";
    maintenance::daily(&site.store).await.expect("done");
    assert_eq!(site.db.sql(old), "attempt_2020_01 run_2020_01 step_2020_01");
    site.db.sql("delete from run");
    // Somebody is reading there: it is dropped another day, and nobody waits.
    let reads = "begin; select count(*) from run_2020_01; select pg_sleep(60)";
    let mut reader = Command::new("psql")
        .args(["-X", "-q", "-c", reads, &site.db.url])
        .spawn()
        .expect("psql is installed with Postgres");
    let readers = "select count(*) from pg_locks where relation = 'run_2020_01'::regclass and pid <> pg_backend_pid()";
    site.until(readers, "1").await;
    maintenance::daily(&site.store).await.expect("done");
    assert_eq!(site.db.sql(old), "attempt_2020_01 run_2020_01 step_2020_01");
    site.db.sql(
        "select pg_terminate_backend(pid) from pg_locks where relation = 'run_2020_01'::regclass",
    );
    site.until(readers, "0").await;
    reader.wait().expect("it ended");
    maintenance::daily(&site.store).await.expect("done");
    assert_eq!(site.db.sql(old), "");
    // Those of this and the coming months stay, empty as they are, and so do those for what fits nowhere.
    assert_eq!(
        site.db
            .sql("select count(*) from pg_inherits where inhparent = 'run'::regclass"),
        "5"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_looked_for_in_whole_tables() {
    let site = Site::new().await;
    let id = "'00000000-0000-0000-0000-000000000000'";
    let many = format!("any (array[{id}]::uuid[])");
    for statement in [
        format!("select id, first_run from run where workspace_id = {id} and workflow_id = {id} and not trial and id > {id} and id < {id}
                 and finished_at < now() order by id limit 100"),
        format!("with recursive above (chain, height) as (
                     select chain, 0 from unnest(array[{id}]::uuid[]) chain
                     union
                     select caller.first_run, above.height + 1
                     from above join run called on called.first_run = above.chain join run caller on caller.id = called.parent_run
                     where above.height < 5)
                 select id, first_run = {many} from run
                 where workspace_id = {id} and first_run in (select chain from above) and not trial order by id for update"),
        format!("select from run where workspace_id = {id} and not trial order by id desc offset 1000 limit 1"),
        format!("select from number where first_run = {id} and state = 'open'"),
        format!("select id from delivery where run_id = {many} order by id for update"),
        format!("select id from delivery where workspace_id = {id} and id > {id} and id < {id} order by id limit 100"),
        format!("delete from delivery where run_id = {many}"),
        format!("delete from delivery_attempt where delivery_id = {many}"),
        format!("delete from step where run_id = {many}"),
        format!("delete from attempt where run_id = {many}"),
        format!("delete from generation where run_id = {many}"),
        format!("delete from answer where run_id = {many}"),
        format!("delete from submission where workspace_id = {id} and run_id = {many}"),
        format!("delete from artifact where workspace_id = {id} and run_id = {many}"),
        format!("delete from run where id = {many}"),
        format!("select sum(size_bytes) from artifact where workspace_id = {id} and run_id is not null and deleted_at is null"),
        format!("select run_id, sum(size_bytes) from artifact where workspace_id = {id} and run_id > {id} and run_id < {id}
                 and deleted_at is null group by run_id order by run_id limit 100"),
    ] {
        let plan = site
            .db
            .sql(&format!("set enable_seqscan = off; explain {statement}"));
        assert!(!plan.contains("Seq Scan"), "{statement}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_says_how_long_things_are_kept() {
    let (office, owner) = Office::open().await;
    let told = owner.get("/api/retention").await.expect(200);
    assert_eq!(told["run_days"], 90);
    assert_eq!(told["last"], Json::Null);
    let to = json!({"run_days": 30, "most_runs": 1000, "file_days": null, "most_file_bytes": 5_000_000_000_i64});
    let told = owner.put("/api/retention", to).await.expect(200);
    assert_eq!(
        (&told["run_days"], &told["most_runs"]),
        (&json!(30), &json!(1000))
    );
    assert_eq!(told["file_days"], Json::Null);
    let wrong = json!({"run_days": 2, "most_runs": 0, "file_days": 40_000, "most_file_bytes": 1,
        "workflows": [{"id": uuid(), "days": 1}]});
    let refused = owner.put("/api/retention", wrong).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    let pointers: Vec<&str> = refused.json["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|problem| problem["pointer"].as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/run_days",
            "/file_days",
            "/most_runs",
            "/most_file_bytes",
            "/workflows/0/days"
        ]
    );
    let unknown = json!({"run_days": 30, "workflows": [{"id": uuid(), "days": 10}]});
    let refused = owner.put("/api/retention", unknown).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    let told = owner.get("/api/retention").await.expect(200);
    assert_eq!(told["most_runs"], 1000, "all or nothing");
    office.close().await;
}

fn uuid() -> String {
    Uuid::now_v7().to_string()
}
