//! One private cluster for the test binary and a fresh clone of the migrated template for every test.

use std::{
    fs::OpenOptions,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
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
    /// Another database of the same server.
    server: String,
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
        Self::at(admin_url(), name)
    }

    /// A new, migrated database on a server of the caller's own; `server` is the address of one of its databases.
    pub async fn on(server: String) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        store::database::ensure(&server, &name)
            .await
            .expect("make a database");
        let db = Self::at(server, name);
        store::database::migrate(&db.url)
            .await
            .expect("migrate the database");
        db
    }

    fn at(server: String, name: String) -> Self {
        Self {
            url: beside(&server, &name),
            server,
            name,
            files: tempfile::tempdir().expect("a folder for artifacts"),
        }
    }

    /// The same database once more, with the same key and without the files. Nobody may be connected to it.
    pub async fn copy(&self) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        store::database::clone(&self.server, &self.name, &name)
            .await
            .expect("copy the database");
        let copy = Self::at(self.server.clone(), name);
        copy.set_key(&std::fs::read_to_string(self.key_file()).expect("a key file"));
        // Its folder is that of this database, too, if it has one.
        let marker = "artifacts/installation";
        if let Ok(id) = std::fs::read(self.folder().join(marker)) {
            copy.put_file(marker, &id);
        }
        copy
    }

    /// A database with what `pg_dump` wrote into a compressed file, by another version perhaps; `key` is the master key it was made
    /// with, as 64 hexadecimal digits.
    pub async fn load(dump: &Path, key: &str) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        store::database::ensure(&admin_url(), &name)
            .await
            .expect("make a database");
        let db = Self::at(admin_url(), name);
        db.set_key(key);
        // Its files are not kept; one stands for them, or this would be a folder that is not mounted.
        db.put_file("artifacts/before", b"");
        let script = "set -o pipefail; gunzip -c \"$1\" | psql -X -q -v ON_ERROR_STOP=1 \"$2\"";
        let output = Command::new("bash")
            .args(["-c", script, "load"])
            .arg(dump)
            .arg(&db.url)
            .output()
            .expect("bash, gunzip and psql are installed");
        assert!(
            output.status.success(),
            "{}: {}",
            dump.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        db
    }

    /// Another database's address, and this one's name.
    pub(crate) fn beside(&self) -> (&str, &str) {
        (&self.server, &self.name)
    }

    /// Gives the database a master key that others know.
    pub fn set_key(&self, key: &str) {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.key_file())
            .expect("there is no key yet");
        file.write_all(key.as_bytes()).expect("the key is written");
    }

    /// Puts a file into the data folder.
    fn put_file(&self, name: &str, bytes: &[u8]) {
        let file = self.folder().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(file, bytes).expect("the file is written");
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
        MasterKey::load_or_create(&self.key_file()).expect("a key file")
    }

    fn key_file(&self) -> PathBuf {
        self.files.path().join("key")
    }

    /// The folder that stands for the program's data folder.
    pub fn folder(&self) -> PathBuf {
        self.files.path().to_path_buf()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // Dropping needs a runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime
                .block_on(store::database::drop(&server, &name))
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
        return beside(&server, database);
    }
    cluster().url(database)
}

/// The address of another database of the same server.
fn beside(server: &str, database: &str) -> String {
    let mut url: url::Url = server.parse().expect("a server's address is a URL");
    url.set_path(database);
    url.into()
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
