//! Outputs that are too large for their rows: they lie in the file store, are whole wherever somebody reads them, and go with their runs.

mod folder;
mod refused;

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use engine::{ids::RunId, node::Services};
use executor::{Config, Executor};
use formwork_tests::{
    Office, TestDb,
    office::Caller,
    process::until,
    site::{Published, Site, claim_form},
};
use serde_json::{Value as Json, json};
use store::{
    StoreError, link, maintenance, private,
    run::{self, Retry},
};

const IBAN: &str = "DE02120300000000202051";

/// 640 kB that cannot be compressed.
fn text() -> String {
    (0..40_000_u64)
        .map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect()
}

/// Where the bytes of an output lie.
fn place(db: &TestDb, run: &str, node: &str) -> PathBuf {
    let path = db.sql(&format!(
        "select workspace_id || '/' || left(hash, 2) || '/' || hash
         from (select workspace_id, encode(output_sha256, 'hex') as hash from step where run_id = '{run}' and node = '{node}') step"
    ));
    db.folder().join("artifacts").join(path)
}

/// A message with a large value, a wait, and a text that needs something else of the message.
fn document() -> Json {
    json!({
        "format": "formwork/1", "name": "Large", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {
                "fields": [{"name": "who", "kind": "text"}, {"name": "iban", "kind": "text"}, {"name": "text", "kind": "text"}],
                "private": [{"name": "iban", "store": "mask"}]}},
            {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"mode": "for", "amount": "1", "unit": "days"}},
            {"id": "letter", "type": "template_fill", "version": 1, "name": "Letter", "config": {"template": "for {{ hook.who }}"}}],
        "edges": [{"from": "hook", "port": "out", "to": "wait"}, {"from": "wait", "port": "out", "to": "letter"}],
    })
}

/// A run of it that waits.
async fn waiting(office: &Office, owner: &Caller) -> (String, Json) {
    let input = json!({"who": "Ada", "iban": IBAN, "text": text()});
    let run = office.start(owner, document(), input.clone()).await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    (run, input)
}

async fn ended(office: &Office, owner: &Caller, run: &str) -> Json {
    office.sql("update queue_entry set due_at = now()");
    let path = format!("/api/runs/{run}");
    owner
        .get(&format!("{path}/wait?wait_ms=25000"))
        .await
        .expect(200);
    let told = owner.get(&path).await.expect(200);
    assert_eq!(told["state"], "succeeded", "{}", told["error"]);
    told
}

/// Looks at a run as its visitor does.
async fn open_page(office: &Office, run: &str) {
    let id: RunId = run.parse().expect("an id");
    let token = link::run_token(&office.store.sealer, id).expect("a key");
    let page = office.caller().get(&format!("/r/{token}")).await;
    assert_eq!(page.status, 200);
}

/// What a step put out, as the run's page shows it.
fn output<'a>(told: &'a Json, node: &str) -> &'a Json {
    let steps = told["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["node"] == node);
    &step.expect("the step")["output"]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_value_is_whole_for_a_worker_that_comes_later_and_on_the_page() {
    let (office, owner) = Office::open().await;
    let (run, input) = waiting(&office, &owner).await;
    office.rest().await;
    assert_eq!(
        office.sql(&format!(
            "select output, pg_column_size(step) < 1000 from step where run_id = '{run}' and node = 'hook'"
        )),
        "{\"files\": []}|t"
    );
    let allow = outbound::Allow::parse("127.0.0.1").expect("the list is well-formed");
    let mut config = Config::new(
        office.store.clone(),
        Arc::new(nodes::catalogue()),
        Services::default(),
        outbound::Client::new(allow, "formwork-test"),
        "http://forms.test",
    );
    config.claim_form = claim_form();
    let executor = Executor::start(config).await.expect("the executor starts");
    let told = ended(&office, &owner, &run).await;
    assert_eq!(output(&told, "letter"), &json!({"text": "for Ada"}));
    assert!(output(&told, "hook") == &input, "the value is whole");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_values_leave_a_large_value_with_its_bytes() {
    let (office, owner) = Office::open().await;
    let (run, input) = waiting(&office, &owner).await;
    ended(&office, &owner, &run).await;
    let before = place(&office.db, &run, "hook");
    assert!(fs::read_to_string(&before).expect("bytes").contains(IBAN));
    office.sql("update run set finished_at = now() - interval '25 hours'");
    private::hide(&office.store).await.expect("a pass");
    let hidden = format!("select masked_at is not null from run where id = '{run}'");
    office.db.until(&hidden, "t").await;
    until("the bytes are gone", || !before.exists()).await;
    let after = fs::read_to_string(place(&office.db, &run, "hook")).expect("bytes");
    assert!(!after.contains(IBAN));
    let path = format!("/api/runs/{run}");
    let told = owner.get(&path).await.expect(200);
    let hook = output(&told, "hook");
    assert_eq!(hook["iban"], "•••");
    assert!(hook["text"] == input["text"], "what is not private stays");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_values_are_read_before_anything_is_held() {
    let (office, owner) = Office::open().await;
    let (run, input) = waiting(&office, &owner).await;
    ended(&office, &owner, &run).await;
    office.rest().await;
    office.sql("update run set finished_at = now() - interval '25 hours'");
    let before = place(&office.db, &run, "hook");
    let hold = format!("select id from run where id = '{run}' for update");
    let held = office.db.hold(&hold);
    let (hidden, ()) = tokio::join!(private::hide(&office.store), async {
        office.db.until_waiting(1).await;
        // Whoever read it only now would find nothing.
        fs::remove_file(before).expect("the bytes are there");
        held.commit();
    });
    assert_eq!(hidden.expect("a pass"), 1);
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    let hook = output(&told, "hook");
    assert_eq!(hook["iban"], "•••");
    assert!(hook["text"] == input["text"], "what is not private stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_value_whose_bytes_are_lost_is_no_obstacle() {
    let (office, owner) = Office::open().await;
    let (run, _) = waiting(&office, &owner).await;
    ended(&office, &owner, &run).await;
    fs::remove_file(place(&office.db, &run, "hook")).expect("the bytes are there");
    office.sql("update run set finished_at = now() - interval '25 hours'");
    private::hide(&office.store).await.expect("a pass");
    let hidden = format!("select masked_at is not null from run where id = '{run}'");
    office.db.until(&hidden, "t").await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(output(&told, "letter"), &json!({"text": "•••"}));
    office.close().await;
}

/// What the first step of a run put out.
async fn whole(site: &Site, published: &Published, run: RunId) -> Json {
    let steps = run::steps(&site.store, &published.scope, run)
        .await
        .expect("steps");
    let start = steps.into_iter().find(|step| step.node == "start");
    start.and_then(|step| step.output).expect("an output")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_keeps_a_large_value_and_its_row_names_the_files() {
    let site = Site::new().await;
    let nodes = [
        ("start", "t_start", json!({})),
        ("bad", "t_light", json!({"does": "fail"})),
    ];
    let published = site.publish(&nodes, &["start>bad"]).await;
    let executor = site.executor().await;
    let id = "0190b2c4-0000-7000-8000-000000000001";
    let file = json!({"id": id, "name": "a.png", "content_type": "image/png", "size_bytes": 3});
    let workspace = site.workspace;
    site.db.sql(&format!(
        "insert into artifact (id, workspace_id, name, content_type, size_bytes, sha256)
             values ('{id}', '{workspace}', 'a.png', 'image/png', 3, sha256('abc'))"
    ));
    let input = json!({"text": text(), "files": [file, file]});
    let run = site.accept(&published, input.clone()).await.run_id;
    assert_eq!(site.end(&published, run).await.state, "failed");
    assert_eq!(
        site.db.sql("select output from step where node = 'start'"),
        format!("{{\"files\": [\"{id}\"]}}")
    );
    let outcome = run::outcome(&site.store, &published.scope, run)
        .await
        .expect("an outcome");
    assert!(outcome.outputs["start"] == input, "the value is whole");
    let again = run::retry(&site.store, &published.scope, run, Retry::default())
        .await
        .expect("a retry");
    assert_eq!(site.end(&published, again).await.state, "failed");
    assert_eq!(site.ledger.count("bad"), 2);
    for run in [run, again] {
        assert!(whole(&site, &published, run).await == input, "{run}");
    }
    let bytes =
        "select count(output_sha256), count(distinct output_sha256) from step where node = 'start'";
    assert_eq!(site.db.sql(bytes), "2|1");
    executor.shutdown().await;
}

/// Makes a run older than what is kept by default.
fn age(site: &Site, run: RunId) {
    let old = site.db.sql(&format!(
        "select left(uuid_floor(now() - interval '91 days')::text, 24) || right('{run}', 12)"
    ));
    site.db.sql(&format!(
        "update step set run_id = '{old}' where run_id = '{run}';
         update submission set run_id = '{old}' where run_id = '{run}';
         update run set id = '{old}', first_run = '{old}', finished_at = now() - interval '91 days' where id = '{run}'"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_with_the_last_run_that_names_them() {
    let site = Site::new().await;
    let published = site.publish(&[("start", "t_start", json!({}))], &[]).await;
    let executor = site.executor().await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let accepted = site.accept(&published, json!({ "text": text() })).await;
        site.end(&published, accepted.run_id).await;
        runs.push(accepted.run_id);
    }
    executor.shutdown().await;
    let bytes = place(&site.db, &runs[0].to_string(), "start");
    // Their date alone would let the sweep take them.
    let two_days = Duration::from_hours(48);
    let date = |bytes: &PathBuf| {
        let file = File::options().write(true).open(bytes).expect("bytes");
        file.set_modified(SystemTime::now() - two_days)
            .expect("a date");
    };
    date(&bytes);
    maintenance::daily(&site.store).await.expect("done");
    assert!(bytes.exists(), "two runs name them");
    age(&site, runs[0]);
    maintenance::pass(&site.store).await.expect("a pass");
    assert_eq!(site.db.sql("select count(*) from run"), "1");
    assert!(bytes.exists(), "the other run names them");
    age(&site, runs[1]);
    maintenance::pass(&site.store).await.expect("a pass");
    assert_eq!(site.db.sql("select count(*) from run"), "0");
    assert!(!bytes.exists(), "nobody names them");
    // What no row came to name goes with the sweep.
    fs::write(&bytes, "left by a process that died").expect("written");
    date(&bytes);
    maintenance::daily(&site.store).await.expect("done");
    assert!(!bytes.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_value_fails_its_run_alone_and_says_which_it_was() {
    let site = Site::new().await;
    let nodes = [
        ("start", "t_start", json!({})),
        ("ask", "t_signal", json!({})),
    ];
    let published = site.publish(&nodes, &["start>ask"]).await;
    let executor = site.executor().await;
    let large = site.accept(&published, json!({ "text": text() })).await;
    let small = site.start(&published).await;
    site.until("select count(*) from run where state = 'waiting'", "2")
        .await;
    fs::remove_file(place(&site.db, &large.run_id.to_string(), "start")).expect("the bytes");
    for run in [large.run_id, small] {
        let answered = run::signal(&site.store, &published.scope, run, "ask", &json!("yes")).await;
        assert!(answered.expect("a signal"));
    }
    assert_eq!(site.end(&published, small).await.state, "succeeded");
    let standing = site.end(&published, large.run_id).await;
    assert_eq!(standing.state, "failed");
    let error = standing.error.expect("an error");
    assert_eq!(error["code"], "value_damaged");
    let reason = error["params"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("step start of run"), "{reason}");
    let retry = |from: &str| Retry {
        from_node: Some(from.into()),
        ..Retry::default()
    };
    let refused = run::retry(&site.store, &published.scope, large.run_id, retry("ask")).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { code, .. }) if code == "retry_value_lost"),
        "{refused:?}"
    );
    run::retry(&site.store, &published.scope, large.run_id, retry("start"))
        .await
        .expect("it makes the value anew");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_set_aside_at_this_moment_is_not_lost() {
    let (office, owner) = Office::open().await;
    let (run, input) = waiting(&office, &owner).await;
    let bytes = place(&office.db, &run, "hook");
    // As it is between two looks for rows that name them, the second of which finds one that was written meanwhile.
    let aside = office.sql(&format!(
        "select workspace_id || '/' || encode(output_sha256, 'hex') from step where run_id = '{run}' and node = 'hook'"
    ));
    let aside = office.db.folder().join("artifacts/trash").join(aside);
    fs::create_dir_all(aside.parent().expect("a folder")).expect("the folder is made");
    fs::rename(bytes, aside).expect("set aside");
    let told = ended(&office, &owner, &run).await;
    assert!(output(&told, "hook") == &input, "the value is whole");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_run_open_although_a_value_is_lost() {
    let (office, owner) = Office::open().await;
    let (run, _) = waiting(&office, &owner).await;
    fs::remove_file(place(&office.db, &run, "hook")).expect("the bytes are there");
    office.sql("update queue_entry set due_at = now()");
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "failed").await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["error"]["code"], "value_damaged");
    assert_eq!(output(&told, "hook"), &Json::Null);
    open_page(&office, &run).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_says_that_its_value_is_lost_and_needs_no_other() {
    let (office, owner) = Office::open().await;
    let (run, _) = waiting(&office, &owner).await;
    let lost = place(&office.db, &run, "hook");
    let result = format!("/api/runs/{run}/result");
    // Nothing ran behind it so far: it is the result.
    let told = owner.get(&result).await.expect(200);
    assert_eq!(told["state"], "waiting");
    let bytes = fs::read(&lost).expect("the bytes are there");
    fs::remove_file(&lost).expect("the bytes are there");
    let told = owner.get(&result).await.expect(410);
    assert_eq!(told["type"], "value_lost");
    let detail = told["detail"].as_str().expect("a text");
    assert!(
        detail.contains("\"hook\"") && detail.contains("retry"),
        "{detail}"
    );
    fs::write(&lost, bytes).expect("the bytes are back");
    ended(&office, &owner, &run).await;
    fs::remove_file(&lost).expect("the bytes are there");
    let told = owner.get(&result).await.expect(200);
    assert_eq!(told["output"], json!({"letter": {"text": "for Ada"}}));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_visitor_reads_no_value_that_it_does_not_show() {
    let (office, owner) = Office::open().await;
    let (run, _) = waiting(&office, &owner).await;
    let place = place(&office.db, &run, "hook");
    fs::remove_file(&place).expect("the bytes are there");
    // It cannot be read, and is not lost either.
    symlink(&place, &place).expect("a link");
    open_page(&office, &run).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_read_now_holds_up_its_run_alone() {
    let site = Site::new().await;
    let nodes = [
        ("start", "t_start", json!({})),
        ("ask", "t_signal", json!({})),
    ];
    let published = site.publish(&nodes, &["start>ask"]).await;
    let executor = site.executor().await;
    let large = site.accept(&published, json!({ "text": text() })).await;
    let small = site.start(&published).await;
    site.until("select count(*) from run where state = 'waiting'", "2")
        .await;
    let place = place(&site.db, &large.run_id.to_string(), "start");
    let bytes = fs::read(&place).expect("the bytes are there");
    fs::remove_file(&place).expect("the bytes are there");
    // A folder would be told as nothing, and whoever may do everything reads what nobody may read: a link to itself is an error for all.
    symlink(&place, &place).expect("a link");
    for run in [large.run_id, small] {
        let answered = run::signal(&site.store, &published.scope, run, "ask", &json!("yes")).await;
        assert!(answered.expect("a signal"));
    }
    assert_eq!(site.end(&published, small).await.state, "succeeded");
    let put_off = "select lease_owner is null and due_at > now() from queue_entry";
    site.until(put_off, "t").await;
    fs::remove_file(&place).expect("the link is there");
    fs::write(&place, bytes).expect("the bytes are back");
    site.db.sql("update queue_entry set due_at = now()");
    assert_eq!(site.end(&published, large.run_id).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_a_step_may_put_out_fails_it() {
    let site = Site::new().await;
    let published = site.publish(&[("start", "t_start", json!({}))], &[]).await;
    let executor = site.executor().await;
    let text = |megabytes: usize| json!({ "text": "x".repeat(megabytes * 1024 * 1024) });
    let most = site.accept(&published, text(3)).await.run_id;
    assert_eq!(site.end(&published, most).await.state, "succeeded");
    assert!(whole(&site, &published, most).await == text(3));
    let over = site.accept(&published, text(4)).await.run_id;
    let standing = site.end(&published, over).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(
        standing.error.expect("an error")["code"],
        "output_too_large"
    );
    executor.shutdown().await;
}
