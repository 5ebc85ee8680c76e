//! The folder with the files and the database belong together: without it runs wait, and lose nothing.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use formwork_tests::{Office, TestDb, receiver, site::Site};
use serde_json::json;
use store::{
    Database, Store, StoreConfig,
    artifact::{check_folder, sweep},
    run,
};
use uuid::Uuid;

use super::{output, text, waiting, whole};

/// The folder as it is when its disk is not mounted, and the disk.
struct Unmounted {
    folder: PathBuf,
    disk: PathBuf,
}

impl Unmounted {
    fn new(db: &TestDb) -> Self {
        let folder = db.folder().join("artifacts");
        let disk = db.folder().join("disk");
        fs::rename(&folder, &disk).expect("the folder is there");
        fs::create_dir(&folder).expect("an empty one is in its place");
        Self { folder, disk }
    }

    fn mount(self) {
        // Also: nothing was written that the disk would hide.
        fs::remove_dir(&self.folder).expect("it is empty");
        fs::rename(self.disk, self.folder).expect("the folder is back");
    }
}

const PUT_OFF: &str =
    "select count(*) from queue_entry where lease_owner is null and due_at > now() and lost = 0";

#[tokio::test(flavor = "multi_thread")]
async fn runs_wait_for_a_folder_that_is_not_mounted() {
    let site = Site::new().await;
    let (_, url) = receiver::open().await;
    let endpoint = site.endpoint(&url, "secret").await;
    let nodes = [
        ("start", "t_start", json!({})),
        ("ask", "t_signal", json!({})),
    ];
    let asking = site.publish(&nodes, &["start>ask"]).await;
    let nodes = [
        ("start", "t_start", json!({})),
        (
            "send",
            "t_deliver",
            json!({"endpoint": endpoint, "file": true}),
        ),
    ];
    let sending = site.publish(&nodes, &["start>send"]).await;
    let executor = site.executor().await;
    let input = json!({ "text": text() });
    let reads = site.accept(&asking, input.clone()).await.run_id;
    site.until("select count(*) from run where state = 'waiting'", "1")
        .await;
    let unmounted = Unmounted::new(&site.db);
    let answered = run::signal(&site.store, &asking.scope, reads, "ask", &json!("yes")).await;
    assert!(answered.expect("a signal"));
    let writes = site.accept(&asking, input.clone()).await.run_id;
    let sends = site.start(&sending).await;
    // The value that was read, the one that would be written, and the file.
    site.until(PUT_OFF, "3").await;
    unmounted.mount();
    site.db.sql("update queue_entry set due_at = now()");
    for (published, run) in [(&asking, reads), (&sending, sends)] {
        assert_eq!(site.end(published, run).await.state, "succeeded");
    }
    let state = format!("select state from run where id = '{writes}'");
    site.until(&state, "waiting").await;
    assert!(whole(&site, &asking, writes).await == input);
    assert_eq!(site.db.sql("select count(*) from artifact"), "1");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_file_meanwhile_is_told_so() {
    let (office, owner) = Office::open().await;
    let (run, input) = waiting(&office, &owner).await;
    let page = format!("/api/runs/{run}");
    let unmounted = Unmounted::new(&office.db);
    let told = owner.get(&page).await.expect(503);
    assert_eq!(told["type"], "files_unavailable");
    unmounted.mount();
    let told = owner.get(&page).await.expect(200);
    assert!(output(&told, "hook") == &input, "the value is whole");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_bytes_are_lost_is_named() {
    let (office, owner) = Office::open().await;
    let document = json!({
        "format": "formwork/1", "name": "Lost", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {
                "fields": [{"name": "who", "kind": "text"}]}},
            {"id": "guests", "type": "data_write", "version": 1, "name": "Guests", "config": {
                "list": "{{ [hook.who] }}", "file_name": "guests", "columns": [{"heading": "Who", "value": "{{ item }}"}]}},
            {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"mode": "for", "amount": "1", "unit": "days"}},
            {"id": "again", "type": "data_read", "version": 1, "name": "Again", "config": {
                "file": "{{ guests.file }}", "columns": [{"name": "who", "kind": "text"}]}}],
        "edges": [{"from": "hook", "port": "out", "to": "guests"}, {"from": "guests", "port": "out", "to": "wait"},
            {"from": "wait", "port": "out", "to": "again"}],
    });
    let run = office.start(&owner, document, json!({"who": "Ada"})).await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    let path = office.sql(
        "select workspace_id || '/' || left(hash, 2) || '/' || hash
         from (select workspace_id, encode(sha256, 'hex') as hash from artifact) file",
    );
    let bytes = office.db.folder().join("artifacts").join(path);
    fs::remove_file(bytes).expect("the bytes are there");
    office.sql("update queue_entry set due_at = now()");
    office.db.until(&state, "failed").await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["error"]["code"], "file_missing", "{}", told["error"]);
    office.close().await;
}

/// What a process that starts now says of the folder.
async fn said(site: &Site) -> Option<String> {
    let store = site.db.store().await;
    let checked = check_folder(&store).await;
    checked.err().map(|error| error.to_string())
}

fn marker(folder: &Path) -> PathBuf {
    folder.join("artifacts/installation")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_somebody_else_is_not_taken() {
    let site = Site::new().await;
    let folder = site.db.folder();
    let own = fs::read_to_string(marker(&folder)).expect("it was marked");
    assert_eq!(own, site.db.sql("select id from artifact_folder"));
    fs::write(marker(&folder), "another").expect("written");
    let error = said(&site).await.expect("it is refused");
    assert!(
        error.contains("another installation") && error.contains(&own),
        "{error}"
    );
    fs::remove_file(marker(&folder)).expect("it is there");
    let error = said(&site).await.expect("it is refused");
    let place = folder.join("artifacts").display().to_string();
    for needed in ["Mount", place.as_str(), own.as_str()] {
        assert!(error.contains(needed), "{needed}: {error}");
    }
    // As it says, for files that are lost.
    fs::write(marker(&folder), &own).expect("written");
    assert_eq!(said(&site).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_from_before_is_marked_unless_it_is_empty_and_should_not_be() {
    let site = Site::new().await;
    let folder = site.db.folder();
    let forget = || {
        fs::remove_file(marker(&folder)).expect("it is there");
        site.db.sql("update artifact_folder set marked = false");
    };
    let published = site.publish(&[("start", "t_start", json!({}))], &[]).await;
    let executor = site.executor().await;
    // The database names nothing.
    forget();
    assert_eq!(said(&site).await, None);
    let run = site.accept(&published, json!({ "text": text() })).await;
    site.end(&published, run.run_id).await;
    executor.shutdown().await;
    // It has what the database names.
    forget();
    assert_eq!(said(&site).await, None);
    forget();
    let unmounted = Unmounted::new(&site.db);
    let error = said(&site).await.expect("it is refused");
    assert!(error.contains("Mount"), "{error}");
    // An empty disk has a folder that nobody may look through; this one has no end.
    let lost = unmounted.folder.join("lost+found");
    fs::create_dir(&lost).expect("the folder is there");
    symlink(&lost, lost.join("itself")).expect("a link");
    let error = said(&site).await.expect("it is refused");
    assert!(error.contains("Mount"), "{error}");
    fs::remove_dir_all(lost).expect("it was made");
    unmounted.mount();
    assert_eq!(said(&site).await, None);
    assert!(marker(&folder).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_folder_of_another_database_is_not_taken_where_a_release_marked_none() {
    let site = Site::new().await;
    fs::remove_file(marker(&site.db.folder())).expect("it is there");
    site.db.sql("update artifact_folder set marked = false");
    // Of this one nothing is named so far.
    let foreign = site
        .db
        .folder()
        .join("artifacts")
        .join(Uuid::now_v7().to_string());
    fs::create_dir(&foreign).expect("the folder is there");
    let error = said(&site).await.expect("it is refused");
    assert!(error.contains("Mount"), "{error}");
    let store = site.db.store().await;
    sweep(&store)
        .await
        .expect_err("what is theirs is not swept");
    let own = foreign.with_file_name(site.workspace.to_string());
    fs::create_dir(own).expect("the folder is there");
    assert_eq!(said(&site).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_start_at_once_with_a_folder_each_one_is_right() {
    let site = Site::new().await;
    fs::remove_file(marker(&site.db.folder())).expect("it is there");
    let beside = async |name: &str| {
        let config = StoreConfig {
            database: Database::Url(site.db.url.clone()),
            artifact_dir: site.db.folder().join(name),
            key: Some(site.db.key()),
            max_connections: 5,
        };
        Store::connect(config).await.expect("a store")
    };
    let (one, other) = (beside("one").await, beside("other").await);
    site.db.sql("update artifact_folder set marked = false");
    let held = site.db.hold("select id from artifact_folder for update");
    let (one, other, ()) = tokio::join!(check_folder(&one), check_folder(&other), async {
        site.db.until_waiting(2).await;
        held.commit();
    });
    assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
    let error = one.and(other).expect_err("one is refused").to_string();
    assert!(error.contains("Mount"), "{error}");
}
