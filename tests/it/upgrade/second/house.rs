//! The installation that was left, under this version: time has passed, receivers have other addresses, and a clerk looks into it.

use formwork_tests::{
    Office, TestDb,
    office::{Caller, EMAIL, PASSWORD},
    receiver::{self, Ledger},
    smtp::MailReceiver,
};
use serde_json::Value as Json;

/// Every run that there is in the end: its workflow, whether it is a trial, how it ended, and how many.
const ENDS: [&str; 34] = [
    "Approval|f|succeeded|2",
    "Both ways|f|succeeded|1",
    "Fails|f|failed|2",
    "First way|f|succeeded|1",
    "Gone|f|succeeded|1",
    "Guests|f|succeeded|1",
    "Hears|f|succeeded|2",
    "Hotel|f|succeeded|1",
    "In time|f|succeeded|1",
    "Invoice|f|cancelled|1",
    "Invoice|f|succeeded|3",
    "Invoice|t|succeeded|2",
    "Later|f|succeeded|1",
    "Letter|f|succeeded|4",
    "Line|f|succeeded|3",
    "Order|f|failed|2",
    "Order|f|succeeded|4",
    "Outside|f|succeeded|1",
    "Overdue|f|failed|1",
    "Paused|f|succeeded|2",
    "Pay|f|succeeded|1",
    "Price|f|succeeded|2",
    "Receipt|f|succeeded|1",
    "Refund|f|succeeded|2",
    "Refused|f|succeeded|1",
    "Report|f|succeeded|1",
    "Sent|f|succeeded|4",
    "Shop|f|succeeded|1",
    "Stay|f|succeeded|2",
    "Until|f|succeeded|1",
    "Visa|f|succeeded|1",
    "Write|f|succeeded|1",
    "Write|t|succeeded|1",
    "Wrong|f|failed|2",
];

pub(super) struct House {
    pub(super) office: Office,
    pub(super) owner: Caller,
    pub(super) mails: MailReceiver,
    pub(super) ledger: Ledger,
}

impl House {
    pub(super) async fn open(db: TestDb) -> Self {
        let store = db.store_with(5).await;
        store.migrate().await.expect("it comes to this version");
        drop(store);
        let (ledger, url) = receiver::open().await;
        let mails = MailReceiver::start(&[]).await;
        move_in(&db, &url, mails.port);
        let office = Office::on(db).await;
        let mut owner = office.caller();
        owner.sign_in(EMAIL, PASSWORD).await.expect(200);
        Self {
            office,
            owner,
            mails,
            ledger,
        }
    }

    pub(super) fn sql(&self, statement: &str) -> String {
        self.office.sql(statement)
    }

    pub(super) async fn until(&self, query: &str, expected: &str) {
        self.office.db.until(query, expected).await;
    }

    pub(super) fn workflow(&self, name: &str) -> String {
        self.sql(&format!("select id from workflow where name = '{name}'"))
    }

    /// The only run of a workflow, trials aside.
    pub(super) fn run(&self, workflow: &str) -> String {
        self.run_where(workflow, "true")
    }

    pub(super) fn titled(&self, workflow: &str, title: &str) -> String {
        self.run_where(workflow, &format!("run.title = '{title}'"))
    }

    pub(super) fn run_where(&self, workflow: &str, condition: &str) -> String {
        let found = self.sql(&format!(
            "select run.id from run join workflow on workflow.id = run.workflow_id
             where workflow.name = '{workflow}' and not run.trial and {condition}"
        ));
        assert_eq!(found.len(), 36, "{workflow}, {condition}: {found}");
        found
    }

    /// What a step of a run waits for is due.
    pub(super) fn pass_time(&self, run: &str, node: &str) {
        let due = self.sql(&format!(
            "update queue_entry set due_at = now() where run_id = '{run}' and node = '{node}' returning node"
        ));
        assert_eq!(due, node, "it waits");
    }

    /// The run's end.
    pub(super) async fn ended(&self, run: &str, state: &str) {
        let told = self
            .owner
            .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
            .await
            .expect(200);
        assert_eq!(told["state"], state, "{told:#}");
    }

    pub(super) fn text(&self, run: &str, node: &str) -> String {
        self.sql(&format!(
            "select output ->> 'text' from step where run_id = '{run}' and node = '{node}' and item_path = ''"
        ))
    }

    /// How many of a workflow's runs are in a state, trials aside.
    pub(super) async fn until_count(&self, workflow: &str, state: &str, count: &str) {
        let query = format!(
            "select count(*) from run join workflow on workflow.id = run.workflow_id
             where workflow.name = '{workflow}' and not run.trial and run.state = '{state}'"
        );
        self.until(&query, count).await;
    }

    pub(super) async fn read(&self, path: &str) -> Json {
        self.owner.get(path).await.expect(200)
    }

    /// Everything is over, and everything that was can be looked at.
    pub(super) async fn nothing_is_left(&self) {
        self.until("select count(*) from queue_entry", "0").await;
        for left in [
            "run where finished_at is null",
            "step where finished_at is null",
            "run_place",
            "batch where state <> 'finished'",
            "approval where state = 'open'",
            "number n join series s on s.id = n.series_id where s.name = 'Orders' and n.state = 'open'",
            "delivery where finished_at is null and state <> 'held'",
        ] {
            assert_eq!(
                self.sql(&format!("select count(*) from {left}")),
                "0",
                "{left}"
            );
        }
        let ends = self.sql(
            "select workflow.name collate \"C\", run.trial, run.state, count(*)
             from run join workflow on workflow.id = run.workflow_id group by 1, 2, 3 order by 1, 2, 3",
        );
        assert_eq!(ends, ENDS.join("\n"));
        for run in self.sql("select id from run").lines() {
            self.read(&format!("/api/runs/{run}")).await;
        }
    }
}

/// However old the file is: nothing is due but what was due when it was made, and receivers are where the test's are.
fn move_in(db: &TestDb, url: &str, mail_port: u16) {
    db.sql(&format!(
        "update endpoint set url = '{url}', disabled_at = null, disabled_reason = null"
    ));
    db.sql(&format!(
        "update mail_server set host = '127.0.0.1', port = {mail_port}"
    ));
    for table in ["queue_entry", "generation", "delivery"] {
        db.sql(&format!(
            "update {table} set lease_until = now() - interval '1 second' where lease_owner is not null"
        ));
    }
    for statement in [
        "update queue_entry set due_at = now()",
        "update queue_entry q set due_at = now() + interval '10 days' from step s
         where s.run_id = q.run_id and s.node = q.node and s.item_path = q.item_path and s.state in ('waiting', 'retryable')",
        "update delivery set due_at = now() where state in ('due', 'retrying')",
        "update run set expires_at = now() + interval '1 hour' where trial",
        "update idempotency_key set expires_at = now() + interval '1 hour'",
        "update approval set expires_at = now() + interval '7 days' where state = 'open'",
        "update delivery set message = jsonb_set(message, '{data,values,expires_at}', to_jsonb(now() + interval '7 days'))
         where message #> '{data,values,expires_at}' is not null",
        "update step set start_by = now() + interval '1 hour' where start_by is not null",
        "update step set end_by = now() + interval '10 days' where end_by is not null",
        "update run set finished_at = now() where title = 'Kept'",
        // The last time that it was nine o'clock.
        "update schedule set next_at = (date_trunc('day', (now() at time zone 'UTC') - interval '9 hours') + interval '9 hours')
                                           at time zone 'UTC'",
    ] {
        db.sql(statement);
    }
}
