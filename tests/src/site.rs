//! A database with a workspace, published workflows of the test's steps, and executors on it.

use std::{sync::Arc, time::Duration};

use engine::{
    ids::{EndpointId, RunId, VersionId, WorkflowId, WorkspaceId},
    node::Services,
};
use executor::{Config, Executor};
use serde_json::{Value as Json, json};
use store::{
    Scope, Store, link,
    queue::{self, Accept, Accepted, ClaimForm, ClaimedEntry, Holder, Source, Turn},
    run::{self, Standing},
    seal,
    worker::{self, Kind},
};
use uuid::Uuid;

use crate::{
    TestDb,
    steps::{self, Arrived, Gate, Ledger},
};

/// Longest wait for something that should happen at once; only a broken test takes it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place to run things.
pub struct Site {
    pub db: TestDb,
    pub store: Store,
    pub workspace: WorkspaceId,
    pub services: Services,
    pub ledger: Arc<Ledger>,
    pub gate: Arc<Gate>,
    pub arrived: Arc<Arrived>,
}

/// A published workflow.
#[derive(Clone)]
pub struct Published {
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub version: VersionId,
}

impl Published {
    /// A run of it that begins at its step `start`, to be accepted.
    pub fn run(&self, source: Source, input: Json) -> Accept {
        Accept::new(self.workflow, self.version, "start", source, input)
    }
}

impl Site {
    pub async fn new() -> Self {
        let db = TestDb::new().await;
        let store = db.store().await;
        let folder = store::artifact::check_folder(&store).await;
        folder.expect("the folder is that of the database");
        let workspace = Uuid::now_v7();
        db.sql(&format!(
            "insert into workspace (id, name) values ('{workspace}', 'Test')"
        ));
        let (services, ledger, gate, arrived) = steps::services();
        Self {
            db,
            store,
            workspace: workspace.into(),
            services,
            ledger,
            gate,
            arrived,
        }
    }

    /// Publishes `nodes` (`[id, type, config, extra?]`) connected by `edges` (`from.port>to`).
    pub async fn publish(&self, nodes: &[(&str, &str, Json)], edges: &[&str]) -> Published {
        let nodes: Vec<Json> = nodes
            .iter()
            .map(|(id, node_type, config)| {
                let mut config = config.clone();
                let mut node = json!({ "id": id, "type": node_type, "version": 1, "name": id });
                // Settings of the node itself travel in its config under `@`.
                if let Some(own) = config.as_object_mut().and_then(|config| config.remove("@")) {
                    for (name, value) in own.as_object().into_iter().flatten() {
                        node[name] = value.clone();
                    }
                }
                node["config"] = config;
                node
            })
            .collect();
        let edges: Vec<Json> = edges
            .iter()
            .map(|edge| {
                let (from, to) = edge.split_once('>').expect("an edge is from.port>to");
                let (from, port) = from.split_once('.').unwrap_or((from, "out"));
                json!({ "from": from, "port": port, "to": to })
            })
            .collect();
        let document = json!({
            "format": "formwork/1", "name": "Test", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
            "nodes": nodes, "edges": edges,
        });
        let (workflow, version) = (Uuid::now_v7(), Uuid::now_v7());
        let workspace = self.workspace;
        self.db.sql(&format!(
            "begin;
             insert into workflow (id, workspace_id, name, slug, state, live_version_id)
                 values ('{workflow}', '{workspace}', 'Test', '{workflow}', 'live', '{version}');
             insert into version (id, workspace_id, workflow_id, number, document)
                 values ('{version}', '{workspace}', '{workflow}', 1, $doc${document}$doc$);
             insert into draft_revision (workflow_id, revision, workspace_id, document)
                 values ('{workflow}', 1, '{workspace}', $doc${document}$doc$);
             commit"
        ));
        let public = link::workflow(&self.store, &workflow.to_string())
            .await
            .expect("the workflow was just published");
        Published {
            scope: public.scope,
            workflow: workflow.into(),
            version: version.into(),
        }
    }

    /// Publishes steps one behind the other; the first is behind the trigger `start`.
    pub async fn publish_line(&self, steps: &[(&str, &str, Json)]) -> Published {
        let mut nodes = vec![("start", "t_start", json!({}))];
        nodes.extend_from_slice(steps);
        let edges: Vec<String> = nodes
            .windows(2)
            .map(|pair| format!("{}>{}", pair[0].0, pair[1].0))
            .collect();
        let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
        self.publish(&nodes, &edges).await
    }

    /// The same with light steps of these names.
    pub async fn publish_light(&self, names: &[&str]) -> Published {
        let steps: Vec<_> = names
            .iter()
            .map(|name| (*name, "t_light", json!({})))
            .collect();
        self.publish_line(&steps).await
    }

    /// An endpoint with a known secret.
    pub async fn endpoint(&self, url: &str, secret: &str) -> EndpointId {
        let id = Uuid::now_v7();
        let mut connection = self.store.pool.acquire().await.expect("a connection");
        let key = seal::data_key(&mut connection, &self.store.sealer, self.workspace)
            .await
            .expect("a data key");
        let owner = seal::Owner {
            workspace: self.workspace,
            id,
            version: 1,
        };
        let sealed: String = key
            .seal(&owner, secret.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.db.sql(&format!(
            "insert into endpoint (id, workspace_id, name, url, sealed_secret)
             values ('{id}', '{}', 'Receiver', '{url}', '\\x{sealed}')",
            self.workspace
        ));
        id.into()
    }

    /// What an executor of a test is: quick to look and to take back.
    pub fn config(&self) -> Config {
        let allow = outbound::Allow::parse("127.0.0.1").expect("the list is well-formed");
        let mut config = Config::new(
            self.store.clone(),
            Arc::new(steps::catalogue()),
            self.services.clone(),
            outbound::Client::new(allow, "formwork-test"),
            "http://forms.test",
        );
        config.poll = Duration::from_millis(20);
        config.claim_form = claim_form();
        config
    }

    pub async fn executor(&self) -> Executor {
        self.executor_with(|_| ()).await
    }

    /// One that is configured otherwise.
    pub async fn executor_with(&self, change: impl FnOnce(&mut Config)) -> Executor {
        let mut config = self.config();
        change(&mut config);
        Executor::start(config).await.expect("the executor starts")
    }

    /// A registered process that leases for 30 s.
    pub async fn worker(&self) -> Holder {
        let worker = worker::register(&self.store, Kind::Work, "test", &json!({}))
            .await
            .expect("registered");
        Holder {
            worker,
            lease_ms: 30_000,
        }
    }

    pub async fn claim(
        &self,
        holder: Holder,
        turn: &mut Turn,
        limit: i64,
        form: ClaimForm,
    ) -> Vec<ClaimedEntry> {
        queue::claim(&self.store, holder, turn, limit, form)
            .await
            .expect("claim")
    }

    /// Accepts without a lease: whoever polls first takes it.
    pub async fn start(&self, published: &Published) -> RunId {
        self.accept(published, json!({ "name": "Ada" }))
            .await
            .run_id
    }

    pub async fn accept(&self, published: &Published, input: Json) -> Accepted {
        let new = published.run(Source::Api, input);
        queue::accept(&self.store, &published.scope, new)
            .await
            .expect("the run is accepted")
    }

    /// The run's end.
    pub async fn end(&self, published: &Published, run: RunId) -> Standing {
        run::wait(
            &self.store,
            &published.scope,
            run,
            run::Until::Finished,
            PATIENCE,
        )
        .await
        .expect("the run is there");
        let standing = run::standing(&self.store, &published.scope, run)
            .await
            .expect("the run is there");
        assert!(
            standing.finished,
            "the run is not over: {standing:?} {}",
            self.steps(run)
        );
        standing
    }

    /// `node=state` of every step, in the order of their names.
    pub fn steps(&self, run: RunId) -> String {
        self.db
            .sql(&format!(
                "select node || '=' || state from step where run_id = '{run}' order by node"
            ))
            .replace('\n', " ")
    }

    /// Waits until a query gives what is expected.
    pub async fn until(&self, query: &str, expected: &str) {
        self.db.until(query, expected).await;
    }

    /// Nothing is left in the queue.
    pub fn assert_idle(&self) {
        assert_eq!(self.db.sql("select count(*) from queue_entry"), "0");
    }
}

/// How executors of tests claim: CI runs the tests of the queue and of what hangs on it once in each form.
pub fn claim_form() -> ClaimForm {
    std::env::var("FORMWORK_QUEUE").map_or(ClaimForm::SkipLocked, |form| {
        form.parse().expect("a form of the claim")
    })
}
