//! Steps that ask people: whoever is first counts, values are checked, nobody approves their own doing, and what is over is told so.

use std::time::Duration;

use formwork_tests::{
    Office,
    office::{Answer, Caller},
    smtp::MailReceiver,
};
use mail_parser::MessageParser;
use serde_json::{Value as Json, json};

/// A form, a question about it, and a text for each of its ways.
fn document(more: &Json) -> Json {
    let mut config = json!({
        "who": "everybody", "by_mail": false, "title": "Approve {{ form.total }}?", "text": "For {{ form.name }}.",
        "shown": {"Total": "{{ form.total }}"}, "reason_needed": true,
        "fields": [{"name": "discount", "label": "Discount", "kind": "number", "required": true, "max": "10"}],
        "starts": {"discount": "{{ form.discount }}"},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    let text = |id: &str, template: &str| json!({"id": id, "type": "template_fill", "version": 1, "name": id, "config": {"template": template}});
    json!({
        "format": "formwork/1", "name": "Quote", "locale": "de", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Quote", "fields": [
                {"name": "name", "label": "Name", "kind": "text", "required": true},
                {"name": "email", "label": "E-mail", "kind": "email", "required": true},
                {"name": "total", "label": "Total", "kind": "money", "required": true},
                {"name": "discount", "label": "Discount", "kind": "number", "required": true}]}},
            {"id": "ask", "type": "approval_ask", "version": 1, "name": "Ask", "config": config},
            text("yes", "{{ ask.by | default(\"-\") }} gave {{ ask.values.discount }}: {{ ask.comment | default(\"-\") }}"),
            text("no", "{{ ask.by | default(\"-\") }} refused: {{ ask.comment | default(\"-\") }}"),
            text("late", "nobody answered, still {{ ask.values.discount }}")],
        "edges": [{"from": "form", "port": "out", "to": "ask"}, {"from": "ask", "port": "approved", "to": "yes"},
            {"from": "ask", "port": "refused", "to": "no"}, {"from": "ask", "port": "expired", "to": "late"}],
        "samples": [{"name": "Anna", "input": answers()}],
    })
}

fn answers() -> Json {
    json!({"name": "Anna <Größe>", "email": "anna@example.com", "total": {"amount": "7420.00", "currency": "EUR"}, "discount": "2.5"})
}

/// A run that waits for its answer.
async fn asked(office: &Office, owner: &Caller, more: &Json) -> String {
    let run = office.start(owner, document(more), answers()).await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    run
}

/// The only question that waits, as this person sees it.
async fn open(caller: &Caller) -> Json {
    let list = caller
        .get("/api/approvals?open=true&mine=true")
        .await
        .expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list:#}");
    list["items"][0].clone()
}

fn page_of(approval: &Json) -> String {
    approval["url"].as_str().expect("a page").to_owned()
}

fn html(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

async fn decide(caller: &Caller, page: &str, answers: &[(&str, &str)]) -> Answer {
    caller.send(caller.form(page, answers)).await
}

/// The text of the way that was taken.
async fn ended(office: &Office, owner: &Caller, run: &str) -> String {
    let told = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(told["state"], "succeeded", "{told:#}");
    office.sql(&format!(
        "select output ->> 'text' from step where run_id = '{run}' and output ? 'text'"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_corrected_and_the_first_answer_counts() {
    let (office, owner) = Office::open().await;
    let run = asked(&office, &owner, &json!({})).await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["waits"][0]["on"], "signal", "{told:#}");
    assert!(told["waits"][0]["answer_url"].is_string());
    let page = page_of(&open(&owner).await);
    // Nobody need be signed in, and looking at it decides nothing.
    let visitor = office.caller();
    let shown = visitor.get(&page).await;
    let text = html(&shown);
    assert_eq!(shown.status, 200, "{text}");
    for part in ["7.420,00", "For Anna &lt;Gr", "value=\"2.5\""] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<script"), "{text}");
    assert!(
        shown
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert!(html(&visitor.get(&format!("{page}?lang=zh-CN")).await).contains("批准"));
    assert_eq!(
        office.sql("select state from approval"),
        "open",
        "only looked at"
    );
    // Enter in a field decides nothing, and what is wrong is told beside it.
    let again = decide(&visitor, &page, &[("_decision", ""), ("discount", "3")]).await;
    assert_eq!(again.status, 200);
    let wrong = decide(
        &visitor,
        &page,
        &[("_decision", "approve"), ("discount", "11")],
    )
    .await;
    assert_eq!(wrong.status, 422);
    let unsaid = decide(
        &visitor,
        &page,
        &[("_decision", "refuse"), ("discount", "3")],
    )
    .await;
    assert_eq!(unsaid.status, 422);
    let other = visitor
        .form(&page, &[("_decision", "approve"), ("discount", "3.5")])
        .header("sec-fetch-site", "cross-site");
    assert_eq!(visitor.send(other).await.status, 403);
    let taken = decide(
        &visitor,
        &page,
        &[
            ("_decision", "approve"),
            ("discount", "3.5"),
            ("_comment", "good"),
        ],
    )
    .await;
    assert_eq!(taken.status, 303, "{}", html(&taken));
    let text = ended(&office, &owner, &run).await;
    assert!(text.ends_with(" gave 3,5: good"), "{text}");
    // The link is used up.
    let late = decide(
        &visitor,
        &page,
        &[("_decision", "refuse"), ("_comment", "no")],
    )
    .await;
    assert_eq!(late.status, 409);
    let shown = visitor.get(&page).await;
    assert_eq!(shown.status, 200);
    assert!(html(&shown).contains("good"));
    let all = owner.get("/api/approvals").await.expect(200);
    assert_eq!(all["items"][0]["verdict"]["decision"], "approved");
    assert_eq!(all["items"][0]["url"], Json::Null);
    let none = owner
        .get("/api/approvals?open=true&mine=true")
        .await
        .expect(200);
    assert_eq!(none["items"], json!([]));
    let forged = page.replace("/approve/", "/approve/A");
    assert_eq!(visitor.get(&forged).await.status, 404);
    office.close().await;
}

/// The same with a page that is made before somebody is asked, and shown to them.
fn with_page() -> Json {
    let mut document = document(&json!({"files": ["{{ page.file }}"]}));
    let page = json!({"document": "quote", "file_name": "quote.pdf", "values": {"total": "{{ form.total }}"}});
    let page =
        json!({"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": page});
    let nodes = document["nodes"].as_array_mut().expect("nodes");
    nodes.push(page);
    document["edges"][0]["to"] = json!("page");
    let edges = document["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "page", "port": "out", "to": "ask"}));
    document["documents"] = json!({"quote": {
        "format": "formwork-document/1", "title": "Quote", "fields": [{"name": "total", "title": "Total", "kind": "money"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ total }}"}]}});
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_sees_the_page_as_long_as_they_are_asked_and_no_other_file() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, with_page()).await;
    let asked = async || {
        let run = owner.start(&workflow, answers()).await;
        let state = format!("select state from run where id = '{run}'");
        office.db.until(&state, "waiting").await;
        run
    };
    let file = |run: &str, content_type: &str| {
        office.sql(&format!(
            "select id from artifact where run_id = '{run}' and content_type = '{content_type}'"
        ))
    };
    let run = asked().await;
    let page = page_of(&open(&owner).await);
    let visitor = office.caller();
    let shown = html(&visitor.get(&page).await);
    assert!(shown.contains("quote.pdf"), "{shown}");
    let pdf = format!("{page}/file?file={}", file(&run, "application/pdf"));
    let picture = format!("{page}/file?file={}", file(&run, "image/svg+xml"));
    for (address, content_type) in [(&pdf, "application/pdf"), (&picture, "image/svg+xml")] {
        let (_, id) = address.rsplit_once('=').expect("an id");
        assert!(shown.contains(id), "{content_type} in {shown}");
        let link = visitor.get(address).await;
        assert_eq!(link.status, 303, "{content_type}");
        let file = visitor.get(link.header("location")).await;
        assert_eq!(
            (file.status, file.header("content-type")),
            (200, content_type)
        );
    }
    let other = asked().await;
    let strange = file(&other, "application/pdf");
    let strange = visitor.get(&format!("{page}/file?file={strange}")).await;
    assert_eq!(strange.status, 404, "the page of another run");
    let answers = [("_decision", "approve"), ("discount", "3")];
    let taken = decide(&visitor, &page, &answers).await;
    assert_eq!(taken.status, 303, "{}", html(&taken));
    assert_eq!(visitor.get(&pdf).await.status, 410, "it is decided");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_answer_at_once_are_one_answer() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let run = asked(&office, &owner, &json!({})).await;
    let path = format!(
        "/api/approvals/{}/answer",
        open(&owner).await["id"].as_str().expect("an id")
    );
    let wrong = owner
        .post(
            &path,
            json!({"decision": "approved", "values": {"discount": "99"}}),
        )
        .await;
    assert_eq!(wrong.status, 422, "{}", wrong.json);
    assert_eq!(wrong.json["problems"][0]["pointer"], "/values/discount");
    let (one, two) = tokio::join!(
        owner.post(&path, json!({"decision": "approved"})),
        member.post(&path, json!({"decision": "refused", "comment": "too dear"})),
    );
    let mut states = [one.status, two.status];
    states.sort_unstable();
    assert_eq!(states, [200, 409], "{} {}", one.json, two.json);
    let late = if one.status == 409 { &one } else { &two };
    assert_eq!(late.kind(), "approval_answered");
    let text = ended(&office, &owner, &run).await;
    if one.status == 200 {
        assert!(text.ends_with(" gave 2,5: -"), "{text}");
    } else {
        assert_eq!(text, "Jonas refused: too dear");
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_is_over_the_run_goes_on_without_an_answer() {
    let (office, owner) = Office::open().await;
    let run = asked(&office, &owner, &json!({})).await;
    let page = page_of(&open(&owner).await);
    // Over, and no executor has noticed: it is too late all the same.
    office.sql("update approval set expires_at = now() - interval '1 second'");
    let late = decide(
        &owner,
        &page,
        &[("_decision", "approve"), ("discount", "1")],
    )
    .await;
    assert_eq!(late.status, 410, "{}", html(&late));
    office.sql("update queue_entry set due_at = now()");
    let text = ended(&office, &owner, &run).await;
    assert_eq!(text, "nobody answered, still 2,5");
    assert_eq!(office.sql("select state from approval"), "expired");
    assert_eq!(owner.get(&page).await.status, 410);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_withdraws_the_question_and_a_retry_asks_anew() {
    let (office, owner) = Office::open().await;
    let run = asked(&office, &owner, &json!({})).await;
    let page = page_of(&open(&owner).await);
    owner
        .post(&format!("/api/runs/{run}/stop"), Json::Null)
        .await;
    assert_eq!(office.sql("select state from approval"), "withdrawn");
    let late = decide(
        &owner,
        &page,
        &[("_decision", "approve"), ("discount", "1")],
    )
    .await;
    assert_eq!(late.status, 410);
    let retried = owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await;
    let retried = retried.json["id"].as_str().expect("a run").to_owned();
    let state = format!("select state from run where id = '{retried}'");
    office.db.until(&state, "waiting").await;
    let fresh = open(&owner).await;
    assert_ne!(page_of(&fresh), page);
    let answered = decide(
        &owner,
        &page_of(&fresh),
        &[("_decision", "refuse"), ("_comment", "no")],
    )
    .await;
    assert_eq!(answered.status, 303);
    assert!(
        ended(&office, &owner, &retried)
            .await
            .ends_with("refused: no")
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_what_they_started() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let run = asked(&office, &owner, &json!({"not_starter": true})).await;
    let mine = owner
        .get("/api/approvals?open=true&mine=true")
        .await
        .expect(200);
    assert_eq!(mine["items"], json!([]));
    let all = owner.get("/api/approvals?open=true").await.expect(200);
    let id = all["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(all["items"][0]["url"], Json::Null);
    let path = format!("/api/approvals/{id}/answer");
    let refused = owner.post(&path, json!({"decision": "approved"})).await;
    assert_eq!((refused.status, refused.kind()), (409, "approval_barred"));
    // A link that somebody has all the same does not help them.
    let owner_id = office.sql("select id from member where role = 'owner'");
    let token = store::link::approval_token(
        &office.store.sealer,
        id.parse().expect("an id"),
        owner_id.parse().expect("an id"),
    )
    .expect("a token");
    assert_eq!(owner.get(&format!("/approve/{token}")).await.status, 403);
    let taken = member.post(&path, json!({"decision": "approved"})).await;
    assert_eq!(taken.status, 200, "{}", taken.json);
    assert_eq!(ended(&office, &owner, &run).await, "Jonas gave 2,5: -");
    // Whoever retries a run with values of their own has started it.
    let again = json!({"input": answers()});
    let retried = member
        .post(&format!("/api/runs/{run}/retry"), again)
        .await
        .expect(202);
    let retried = retried["id"].as_str().expect("an id").to_owned();
    let state = format!("select state from run where id = '{retried}'");
    office.db.until(&state, "waiting").await;
    let open = "/api/approvals?open=true&mine=true";
    assert_eq!(member.get(open).await.expect(200)["items"], json!([]));
    let theirs = owner.get(open).await.expect(200);
    let id = theirs["items"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/approvals/{id}/answer");
    let taken = owner.post(&path, json!({"decision": "approved"})).await;
    assert_eq!(taken.status, 200, "{}", taken.json);
    ended(&office, &owner, &retried).await;
    // The address that a form names counts as whoever started it.
    let more = json!({"not_starter": true, "starter": ["JONAS@example.com"]});
    let run = office.start(&owner, document(&more), answers()).await;
    office
        .db
        .until(
            &format!("select state || ' ' || (error ->> 'code') from run where id = '{run}'"),
            "failed approval_nobody_left",
        )
        .await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_outside_are_asked_by_mail_each_by_a_link_of_their_own() {
    let (office, owner) = Office::open().await;
    let more =
        json!({"who": "outside", "addresses": ["Boss <boss@example.com>", "{{ form.email }}"]});
    // Without a mail server nobody could be asked.
    let made = office.start(&owner, document(&more), answers()).await;
    office
        .db
        .until(
            &format!("select state || ' ' || (error ->> 'code') from run where id = '{made}'"),
            "failed no_mail_server",
        )
        .await;
    let receiver = MailReceiver::start(&[]).await;
    let settings = json!({
        "host": "127.0.0.1", "port": receiver.port, "encryption": "none", "sender_name": "Office", "sender_address": "office@reise.test",
    });
    owner.put("/api/mail", settings).await.expect(200);
    let run = asked(&office, &owner, &more).await;
    office
        .db
        .until(
            "select count(*) from delivery where state = 'delivered'",
            "2",
        )
        .await;
    let page = |address: &str| {
        let received = receiver.received();
        let mail = received
            .iter()
            .find(|mail| mail.to == [address])
            .unwrap_or_else(|| panic!("a mail to {address}"));
        let parsed = MessageParser::default()
            .parse(&mail.bytes)
            .expect("a mail")
            .body_text(0)
            .expect("a text")
            .into_owned();
        let link = parsed
            .lines()
            .find(|line| line.contains("/approve/"))
            .expect("a link");
        link.trim_start_matches("http://forms.test").to_owned()
    };
    let (boss, anna) = (page("boss@example.com"), page("anna@example.com"));
    assert_ne!(boss, anna);
    let visitor = office.caller();
    assert!(html(&visitor.get(&boss).await).contains("Boss"));
    let taken = decide(
        &visitor,
        &boss,
        &[("_decision", "approve"), ("discount", "2")],
    )
    .await;
    assert_eq!(taken.status, 303, "{}", html(&taken));
    assert_eq!(ended(&office, &owner, &run).await, "Boss gave 2: -");
    // The other one is told who was faster.
    let told = visitor.get(&anna).await;
    assert!(html(&told).contains("Boss"), "{}", html(&told));
    let late = decide(
        &visitor,
        &anna,
        &[("_decision", "approve"), ("discount", "2")],
    )
    .await;
    assert_eq!(late.status, 409);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_run_asks_nobody() {
    let (office, owner) = Office::open().await;
    let made = owner
        .post("/api/workflows", json!({"document": document(&json!({}))}))
        .await
        .expect(201);
    let path = format!(
        "/api/workflows/{}/trial-runs",
        made["id"].as_str().expect("an id")
    );
    let started = owner
        .post(&path, json!({"revision": 1, "input": answers()}))
        .await;
    let run = started.json["id"].as_str().expect("a run").to_owned();
    let told = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(told["state"], "succeeded", "{told:#}");
    let text = office.sql(&format!(
        "select output ->> 'text' from step where run_id = '{run}' and node = 'yes'"
    ));
    assert_eq!(text, "Sample gave 2,5: -");
    assert_eq!(office.sql("select count(*) from approval"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_the_end_of_its_time_are_one_of_both() {
    let (office, owner) = Office::open().await;
    for _ in 0..5 {
        let run = asked(&office, &owner, &json!({})).await;
        let page = page_of(&open(&owner).await);
        let answers = [("_decision", "approve"), ("discount", "1")];
        let (taken, ()) = tokio::join!(decide(&owner, &page, &answers), async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            office.sql(&format!(
                "update queue_entry set due_at = now() where run_id = '{run}'"
            ));
        });
        let text = ended(&office, &owner, &run).await;
        let state = office.sql(&format!(
            "select state from approval where run_id = '{run}'"
        ));
        if taken.status == 303 {
            assert!(text.contains("gave 1"), "{text}");
            assert_eq!(state, "approved");
        } else {
            assert_eq!(text, "nobody answered, still 2,5");
            assert_eq!(state, "expired");
        }
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_decide_sees_no_file_of_the_question() {
    let (office, owner) = Office::open().await;
    let member = office.member(&owner).await;
    let run = asked(&office, &owner, &json!({"not_starter": true})).await;
    let file = "01890a5d-ac96-774b-bcce-b302099a8057";
    let shown = json!([{"file": {"id": file, "name": "quote.pdf", "content_type": "application/pdf", "size_bytes": 4}}]);
    office.sql(&format!(
        "update approval set request = jsonb_set(request, '{{files}}', '{shown}')"
    ));
    let approval = open(&member).await;
    let page = page_of(&approval);
    let path = format!("{page}/file?file={file}");
    assert_eq!(member.get(&path).await.status, 303);
    let owner_id = office.sql("select id from member where role = 'owner'");
    let id = approval["id"].as_str().expect("an id");
    let barred = store::link::approval_token(
        &office.store.sealer,
        id.parse().expect("an id"),
        owner_id.parse().expect("an id"),
    )
    .expect("a token");
    let barred = format!("/approve/{barred}/file?file={file}");
    assert_eq!(owner.get(&barred).await.status, 403);
    let taken = decide(
        &member,
        &page,
        &[("_decision", "approve"), ("discount", "1")],
    )
    .await;
    assert_eq!(taken.status, 303, "{}", html(&taken));
    ended(&office, &owner, &run).await;
    assert_eq!(member.get(&path).await.status, 410);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_all_who_are_asked_are_written_at_once() {
    let (office, owner) = Office::open().await;
    let receiver = MailReceiver::start(&[]).await;
    let settings = json!({
        "host": "127.0.0.1", "port": receiver.port, "encryption": "none", "sender_name": "Office", "sender_address": "office@reise.test",
    });
    owner.put("/api/mail", settings).await.expect(200);
    office.sql(
        "insert into member (id, workspace_id, email, name, role, password_hash)
         select gen_random_uuid(), id, 'person' || number || '@example.com', 'Person', 'member', ''
         from workspace, generate_series(1, 3) number",
    );
    office.sql(
        "create table written (mails bigint);
         create function count_mails() returns trigger language plpgsql as
             $$ begin insert into written select count(*) from fresh; return null; end $$;
         create trigger count_mails after insert on delivery referencing new table as fresh
             for each statement execute function count_mails()",
    );
    let run = asked(&office, &owner, &json!({"by_mail": true})).await;
    assert_eq!(office.sql("select mails from written"), "4");
    let delivered = "select count(*) from delivery where state = 'delivered'";
    office.db.until(delivered, "4").await;
    let mut told: Vec<String> = receiver
        .received()
        .into_iter()
        .flat_map(|mail| mail.to)
        .collect();
    told.sort();
    let expected = [
        "marta@example.com",
        "person1@example.com",
        "person2@example.com",
        "person3@example.com",
    ];
    assert_eq!(told, expected);
    owner
        .post(&format!("/api/runs/{run}/stop"), json!({}))
        .await
        .expect(200);
    office.close().await;
}

/// Waits until those who look at the list of questions are told that it changed.
async fn told(events: &mut tokio::sync::broadcast::Receiver<store::events::Event>) {
    let heard = async { while events.recv().await.expect("the hub lives").topic != "approvals" {} };
    tokio::time::timeout(Duration::from_secs(30), heard)
        .await
        .expect("the list changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_at_the_list_is_told_when_a_question_is_withdrawn() {
    let (office, owner) = Office::open().await;
    let mut events = office.store.events.subscribe();
    // Beside the question something fails, and with it the run.
    let mut fails = document(&json!({}));
    let step = |id: &str, node_type: &str, config: Json| json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config});
    let nodes = fails["nodes"].as_array_mut().expect("steps");
    nodes.push(step(
        "pause",
        "delay",
        json!({"mode": "business_days", "amount": "20"}),
    ));
    nodes.push(step(
        "halt",
        "stop",
        json!({"ends": "with_error", "message": "No."}),
    ));
    let edges = fails["edges"].as_array_mut().expect("edges");
    edges.push(json!({"from": "form", "port": "out", "to": "pause"}));
    edges.push(json!({"from": "pause", "port": "out", "to": "halt"}));
    let run = office.start(&owner, fails, answers()).await;
    told(&mut events).await;
    let waits = format!("select count(*) from step where run_id = '{run}' and state = 'waiting'");
    office.db.until(&waits, "2").await;
    office.sql("update queue_entry set due_at = now() where node = 'pause'");
    told(&mut events).await;
    assert_eq!(office.sql("select state from approval"), "withdrawn");
    // Somebody stops it.
    let run = asked(&office, &owner, &json!({})).await;
    told(&mut events).await;
    let slug = office.sql(&format!(
        "select slug from workflow join run on run.workflow_id = workflow.id where run.id = '{run}'"
    ));
    let public = store::link::workflow(&office.store, &slug)
        .await
        .expect("a form");
    let run = run.parse().expect("an id");
    store::run::stop(&office.store, &public.scope, run)
        .await
        .expect("it is stopped");
    told(&mut events).await;
    office.close().await;
}
