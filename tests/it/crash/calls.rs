//! Workers that die or stand still around a call: when it is made, when the called run is over, and when its caller goes on. In no commit
//! is there a called run for which no step waits, or a step that waits for none.

use formwork_tests::{
    office::Caller,
    process::{Installation, Program, Role, until},
};
use serde_json::{Value as Json, json};

use super::POINTS;
use crate::{
    call::{caller, price},
    chaos::witness,
};

/// What is committed: the call, the end of the called run, and that of its caller.
const COMMITS: [usize; 3] = [1, 2, 3];

/// Somebody who runs a workflow that calls another, while nobody works.
struct Calls {
    /// It runs nothing itself.
    _server: Program,
    site: Installation,
    owner: Caller,
    workflow: Json,
}

impl Calls {
    async fn open() -> Self {
        let site = Installation::new(&[
            ("FORMWORK_LEASE_SECONDS", "1"),
            // What its fence keeps out is no warning.
            ("FORMWORK_LOG", "warn,executor=info"),
        ])
        .await;
        witness::install(&site.db);
        let mut server = site.start(Role::Serve, None);
        site.answers(&mut server).await;
        let owner = site.owner().await;
        let price = owner.publish(price()).await;
        let workflow = owner.publish(caller(&price)).await;
        Self {
            _server: server,
            site,
            owner,
            workflow,
        }
    }

    /// What is asked for more than ten days fails.
    async fn begin(&self, fails: bool) -> String {
        let days = if fails { 11 } else { 2 };
        self.owner
            .start(&self.workflow, json!({"days": days}))
            .await
    }

    /// The run ended as it should, and with one called run, of whose end its step was told.
    async fn ended(&self, run: &str, fails: bool, what: &str) {
        let db = &self.site.db;
        db.until("select count(*) from run where finished_at is null", "0")
            .await;
        let told = format!(
            "select state, coalesce(error ->> 'code', ''),
                    coalesce((select output ->> 'text' from step where run_id = '{run}' and node = 'text'), ''),
                    (select string_agg(state, ' ') from run called where called.parent_run = run.id),
                    (select count(*) from chaos_called where run_id = run.id), (select count(*) from chaos_ended where run_id = run.id)
             from run where id = '{run}'"
        );
        let expected = if fails {
            "failed|called_run_failed||failed|1|1"
        } else {
            "succeeded||Total 6|succeeded|1|1"
        };
        assert_eq!(db.sql(&told), expected, "{what}");
        assert_eq!(db.sql("select count(*) from queue_entry"), "0", "{what}");
        witness::nothing_broken(db);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_worker_dies_around_a_call_one_run_is_called_and_its_end_is_told() {
    let calls = Calls::open().await;
    let mut fails = false;
    for point in POINTS {
        for commit in COMMITS {
            let fault = format!("{point}:{commit}");
            let run = calls.begin(fails).await;
            let mut dying = calls.site.start(Role::Work, Some(&fault));
            until("a worker dies", || dying.ended().is_some()).await;
            let mut worker = calls.site.start(Role::Work, None);
            calls.ended(&run, fails, &fault).await;
            worker.stop();
            // An odd number of commits: each of them is met with both ends.
            fails = !fails;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_around_a_call_writes_nothing_when_it_goes_on() {
    let calls = Calls::open().await;
    for commit in COMMITS {
        // It has worked off a whole run before: what a process does at its start takes locks, which would end only with its connection.
        let fault = format!("effect_done:{}:freeze", COMMITS.len() + commit);
        let frozen = calls.site.start(Role::Work, Some(&fault));
        let before = calls.begin(false).await;
        calls.ended(&before, false, &fault).await;
        let run = calls.begin(false).await;
        until("a worker stands still", || frozen.is_frozen()).await;
        let mut worker = calls.site.start(Role::Work, None);
        calls.ended(&run, false, &fault).await;
        frozen.resume();
        let what = format!("{fault}: the fence keeps it out");
        until(&what, || frozen.log().contains("a segment was dropped")).await;
        calls.ended(&run, false, &fault).await;
        worker.stop();
    }
}
