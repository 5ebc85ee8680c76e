//! One private cluster for the test binary and a fresh clone of the migrated template for every test.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::OnceLock,
};

use app::postgres::{Cluster, ClusterOptions};
use store::{Database, Store, StoreConfig, seal::MasterKey};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Lives as long as the test binary; the kernel's death signal stops it with the process.
static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A database of its own, dropped with the value.
pub struct TestDb {
    pub url: String,
    name: String,
    files: TempDir,
}

impl TestDb {
    pub async fn new() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        store::database::clone(&admin_url(), template, &name)
            .await
            .expect("clone the template");
        let files = tempfile::tempdir().expect("a folder for artifacts");
        Self {
            url: url(&name),
            name,
            files,
        }
    }

    /// A store on this database, with a key of its own.
    pub async fn store(&self) -> Store {
        self.store_with(20).await
    }

    pub async fn store_with(&self, max_connections: u32) -> Store {
        Store::connect(StoreConfig {
            database: Database::Url(self.url.clone()),
            artifact_dir: self.files.path().join("artifacts"),
            key: Some(self.key()),
            max_connections,
        })
        .await
        .expect("connect to the test database")
    }

    pub fn key(&self) -> MasterKey {
        MasterKey::load_or_create(&self.files.path().join("key")).expect("a key file")
    }

    /// The folder that stands for the program's data folder.
    pub fn folder(&self) -> PathBuf {
        self.files.path().to_path_buf()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let name = self.name.clone();
        // Dropping needs a runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(store::database::drop(&admin_url(), &name))
                .map_err(std::io::Error::other)
        });
        let _ = dropping.join();
    }
}

/// Migrated once per state of `migrations/`.
async fn template() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in store::MIGRATIONS.iter() {
        migration.checksum.hash(&mut hasher);
    }
    let name = format!("template_{:016x}", hasher.finish());
    store::database::ensure(&admin_url(), &name)
        .await
        .expect("make the template");
    store::database::migrate(&url(&name))
        .await
        .expect("migrate the template");
    name
}

fn admin_url() -> String {
    url("postgres")
}

fn url(database: &str) -> String {
    // Somebody's own server, for running the suite against another version of Postgres.
    if let Ok(server) = std::env::var("FORMWORK_TEST_DATABASE_URL") {
        let mut server: url::Url = server.parse().expect("FORMWORK_TEST_DATABASE_URL is a URL");
        server.set_path(database);
        return server.into();
    }
    cluster().url(database)
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| {
        // One folder per test binary, so that two checkouts can test at the same time; not below a home, which the database's own
        // user may not enter.
        let mut hasher = DefaultHasher::new();
        std::env::current_exe()
            .expect("the test binary")
            .parent()
            .hash(&mut hasher);
        let data_dir = std::env::temp_dir().join(format!("formwork-test-{:016x}", hasher.finish()));
        Cluster::start(&ClusterOptions {
            data_dir,
            postgres_dir: None,
            durable: false,
        })
        .expect("start the tests' Postgres")
    })
}
