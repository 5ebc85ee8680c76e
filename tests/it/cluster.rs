//! The private Postgres: first start, warm start, recovery, and one program per data folder.

use std::time::Duration;

use app::postgres::{Cluster, ClusterOptions, PostgresError};
use formwork_tests::TestDb;

fn options(dir: &tempfile::TempDir) -> ClusterOptions {
    ClusterOptions {
        data_dir: dir.path().join("data"),
        postgres_dir: None,
        durable: true,
    }
}

/// Open to the database's own user, unlike the test runner's home.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(dir.path(), open).expect("rights");
    dir
}

/// A process that another test begins at this moment has the lock of what was stopped, too, until it is a program of its own.
async fn start_again(dir: &tempfile::TempDir) -> Cluster {
    loop {
        match Cluster::start(&options(dir)) {
            Err(PostgresError::InUse { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            started => return started.expect("another start"),
        }
    }
}

#[tokio::test]
async fn starts_again_with_its_data_and_only_once() {
    let dir = folder();
    let first = Cluster::start(&options(&dir)).expect("first start");
    store::database::ensure(&first.url("postgres"), "kept")
        .await
        .expect("make a database");
    assert!(
        matches!(
            Cluster::start(&options(&dir)),
            Err(PostgresError::InUse { .. })
        ),
        "one program per folder"
    );
    drop(first);

    let second = start_again(&dir).await;
    store::database::migrate(&second.url("kept"))
        .await
        .expect("the database is still there");
}

#[tokio::test]
async fn recovers_after_the_server_was_killed() {
    let dir = folder();
    let first = Cluster::start(&options(&dir)).expect("first start");
    store::database::ensure(&first.url("postgres"), "kept")
        .await
        .expect("make a database");
    let pid =
        std::fs::read_to_string(dir.path().join("data/postgres/postmaster.pid")).expect("pid file");
    let pid: i32 = pid
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("a number");
    let mut exited = first.exited();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).expect("a pid"),
        rustix::process::Signal::KILL,
    )
    .expect("kill");
    tokio::time::timeout(Duration::from_secs(10), exited.wait_for(|gone| *gone))
        .await
        .expect("noticed")
        .expect("told");
    drop(first);

    let second = start_again(&dir).await;
    store::database::migrate(&second.url("kept"))
        .await
        .expect("recovered");
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let (one, two) = tokio::join!(TestDb::new(), TestDb::new());
    assert_ne!(one.url, two.url);
    one.store().await;
    assert!(
        store::database::server_version(&two.url)
            .await
            .expect("version")
            >= 150_000
    );
}
