//! The only crate that knows SQL, and the only one that touches artifact bytes. It decides nothing about workflows: it stores what
//! `engine` says and hands it back, inside one workspace at a time.

pub mod account;
pub mod answer;
pub mod approval;
pub mod artifact;
pub mod batch;
pub mod call;
pub mod credential;
pub mod database;
pub mod delivery;
pub mod document;
pub mod endpoint;
mod error;
pub mod events;
mod failure;
pub mod failure_notice;
pub mod firm;
pub mod font;
mod gather;
pub mod generation;
pub mod hook_test;
mod lane;
pub mod line;
pub mod link;
pub mod mail_server;
pub mod maintenance;
pub mod model;
pub mod output;
pub mod private;
pub mod queue;
mod records;
pub mod rendering;
pub mod retention;
pub mod run;
pub mod schedule;
mod scope;
pub mod seal;
pub mod segment;
pub mod series;
pub mod storable;
pub mod submission;
pub mod table;
pub mod worker;
pub mod workflow;

use std::{path::PathBuf, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use error::{Result, StoreError};
pub use gather::gather;
pub use scope::Scope;

use artifact::ArtifactStore;
use events::Events;
use lane::Lane;
use link::Addresses;
use queue::Accepting;
use seal::{MasterKey, Sealer};

/// Connections of a process for the hot path.
const HOT_CONNECTIONS: u32 = 6;

/// Everything the rest of the program needs of storage; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub pool: PgPool,
    /// For what is asked for every run or again and again, all of it by key: accepting, claiming.
    hot: PgPool,
    /// For commits of segments.
    committing: Arc<Lane>,
    pub artifacts: ArtifactStore,
    pub sealer: Sealer,
    pub events: Events,
    accepting: Accepting,
    addresses: Addresses,
    /// What steps and forms read of tables.
    tables: Arc<table::Cache>,
    /// How many passwords are hashed at once.
    hashing: Arc<Semaphore>,
}

/// How to reach the database and the files.
pub struct StoreConfig {
    pub database: Database,
    /// Folder of the artifact bytes; made when absent.
    pub artifact_dir: PathBuf,
    /// `None` in a process that must not see secrets (the model worker): sealing and links fail there.
    pub key: Option<MasterKey>,
    pub max_connections: u32,
}

/// Where Postgres is.
pub enum Database {
    /// `postgres://…`
    Url(String),
    /// The private cluster's socket.
    Options(Box<PgConnectOptions>),
}

/// All migrations, embedded; `formwork migrate` and every start apply them.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

impl Store {
    /// Opens the pool and the artifact folder; fails if the database does not answer within ten seconds.
    pub async fn connect(config: StoreConfig) -> Result<Self> {
        let options = match config.database {
            Database::Url(url) => PgConnectOptions::from_str(&url)?,
            Database::Options(options) => *options,
        };
        let options = options
            .application_name("formwork")
            // A process that stands still in a transaction holds its locks. What it works on is taken over after a lease (30 s, unless
            // they were made shorter) and is free by then; a transaction that was forgotten would hold back vacuum, too.
            .options([("idle_in_transaction_session_timeout", "20s")]);
        // Plans are made once, and by key: a plan made while a table was empty would read all of it for as long as the connection
        // lives, and a new plan for each call costs more than the call.
        let by_key = options.clone().options([
            ("enable_seqscan", "off"),
            // Joining the few that are meant with all that there are took 90 ms a claim behind 200,000 entries.
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
            ("plan_cache_mode", "force_generic_plan"),
        ]);
        let pool = connect(options, config.max_connections).await?;
        let hot = connect(by_key.clone(), HOT_CONNECTIONS.min(config.max_connections)).await?;
        let committing = Arc::new(Lane::new(connect(by_key, 1).await?));
        let events = Events::new(pool.clone());
        Ok(Self {
            accepting: Accepting::start(hot.clone(), events.clone()),
            addresses: Addresses::start(hot.clone()),
            hot,
            committing,
            events,
            artifacts: ArtifactStore::open(&config.artifact_dir)?,
            sealer: Sealer::new(config.key),
            tables: Arc::default(),
            hashing: Arc::new(Semaphore::new(4)),
            pool,
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query!("select 1 as one")
            .fetch_one(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends every connection, when what is under way has ended; the store cannot be used any more.
    pub async fn close(&self) {
        self.committing.close().await;
        self.hot.close().await;
        self.pool.close().await;
    }

    /// Brings the schema to this program's version; safe to call from several processes at once.
    pub async fn migrate(&self) -> Result<()> {
        Ok(MIGRATIONS.run(&self.pool).await?)
    }
}

async fn connect(options: PgConnectOptions, most: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(Duration::from_secs(10))
        // Asking each time whether a connection still lives costs as much as a statement: one that was just used does.
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await?)
}

/// A fresh UUIDv7, so that ids sort by creation.
pub fn fresh_id<T: From<Uuid>>() -> T {
    T::from(Uuid::now_v7())
}
