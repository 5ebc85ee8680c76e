//! The examples whose steps need a whole server: each is made from the gallery, published and run, and what it must come to is looked
//! at where people would: in their mail, in the answer to a program, in the run.

mod booking;
mod called;
mod lists;

use formwork_tests::{
    Office,
    office::Caller,
    smtp::{MailReceiver, Received},
};
use mail_parser::{MessageParser, MimeHeaders as _};
use serde_json::{Value as Json, json};

use super::{examples, is_plain, pdf_text};

const OFFICE: &str = "office@nordlicht.example";

/// A travel agency that sends mail.
struct Agency {
    office: Office,
    owner: Caller,
    receiver: MailReceiver,
}

/// A mail as its reader sees it.
struct Mail {
    to: Vec<String>,
    subject: String,
    text: String,
    /// Names and bytes.
    files: Vec<(String, Vec<u8>)>,
}

impl Mail {
    fn read(received: &Received) -> Self {
        let mail = MessageParser::default()
            .parse(&received.bytes)
            .expect("a mail");
        let files = mail.attachments().map(|part| {
            let name = part.attachment_name().unwrap_or_default();
            (name.to_owned(), part.contents().to_vec())
        });
        Self {
            to: received.to.clone(),
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: mail.body_text(0).unwrap_or_default().into_owned(),
            files: files.collect(),
        }
    }

    #[track_caller]
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.text.contains(word), "{word} in {}", self.text);
        }
    }
}

impl Agency {
    async fn open() -> Self {
        let (office, owner) = Office::open().await;
        let mut firm = owner.get("/api/firm").await.expect(200);
        firm["name"] = json!("Nordlicht Reisen");
        firm["email"] = json!(OFFICE);
        firm["currency"] = json!("EUR");
        firm["time_zone"] = json!("UTC");
        owner.put("/api/firm", firm).await.expect(200);
        let receiver = MailReceiver::start(&[]).await;
        let server = json!({"host": "127.0.0.1", "port": receiver.port, "encryption": "none", "sender_address": OFFICE});
        owner.put("/api/mail", server).await.expect(200);
        Self {
            office,
            owner,
            receiver,
        }
    }

    /// An example as it is shipped but for this change, published.
    async fn publish(&self, example: &str, change: impl FnOnce(&mut Json)) -> Json {
        let body = json!({ "example": example });
        let made = self.owner.post("/api/workflows", body).await.expect(201);
        let path = format!("/api/workflows/{}", text(&made["id"]));
        let mut draft = made["draft"]["document"].clone();
        change(&mut draft);
        let body = json!({"base_revision": made["draft"]["revision"], "document": draft});
        let saved = self.owner.put(&format!("{path}/draft"), body).await;
        let body = json!({"base_revision": saved.expect(200)["revision"]});
        let published = self.owner.post(&format!("{path}/publish"), body).await;
        published.expect(201);
        self.owner.get(&path).await.expect(200)
    }

    /// A run that waits for something.
    async fn waiting(&self, workflow: &Json, input: Json) -> String {
        let run = self.owner.start(workflow, input).await;
        let state = format!("select state from run where id = '{run}'");
        self.office.db.until(&state, "waiting").await;
        run
    }

    /// These steps of a run wait.
    async fn waits_at(&self, run: &str, nodes: &[&str]) {
        for node in nodes {
            let state =
                format!("select state from step where run_id = '{run}' and node = '{node}'");
            self.office.db.until(&state, "waiting").await;
        }
    }

    /// Until when a step of a run waits: day and time in UTC, and in how many hours that is.
    fn until(&self, run: &str, node: &str) -> (String, String) {
        let of = |what: &str| {
            self.office.sql(&format!(
                "select {what} from step where run_id = '{run}' and node = '{node}'"
            ))
        };
        (
            of("to_char(wait_until at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"),
            of("round(extract(epoch from wait_until - now()) / 3600)"),
        )
    }

    /// What the only run that waits has waited for is over.
    fn time_goes_by(&self) {
        self.office.sql("update queue_entry set due_at = now()");
    }

    /// The same of one of its steps.
    fn time_goes_by_at(&self, node: &str) {
        self.office.sql(&format!(
            "update queue_entry set due_at = now() where node = '{node}'"
        ));
    }

    /// What the owner is asked.
    async fn question(&self) -> Json {
        let waiting = "/api/approvals?open=true&mine=true";
        let list = self.owner.get(waiting).await.expect(200);
        list["items"][0].clone()
    }

    /// The owner's answer.
    async fn decide(&self, question: &Json, answer: Json) {
        let path = format!("/api/approvals/{}/answer", text(&question["id"]));
        self.owner.post(&path, answer).await.expect(200);
    }

    /// The run when it has succeeded.
    async fn succeeded(&self, run: &str) -> Json {
        let waited = format!("/api/runs/{run}/wait?wait_ms=25000");
        self.owner.get(&waited).await.expect(200);
        let told = self.owner.get(&format!("/api/runs/{run}")).await;
        let told = told.expect(200);
        assert_eq!(told["state"], "succeeded", "{told:#}");
        told
    }

    /// What can be read on the page that a run made.
    async fn page(&self, run: &Json) -> String {
        let files = run["artifacts"].as_array().expect("files");
        let pdf = files
            .iter()
            .find(|file| file["content_type"] == "application/pdf");
        let url = text(&pdf.expect("a page")["url"]);
        pdf_text(&self.owner.get(url).await.body)
    }

    /// All mails, once so many have arrived.
    async fn mails(&self, count: usize) -> Vec<Mail> {
        let arrived =
            "select count(*) from delivery where channel = 'mail' and state = 'delivered'";
        self.office.db.until(arrived, &count.to_string()).await;
        self.receiver.received().iter().map(Mail::read).collect()
    }

    /// Makes these changes, which read the rows, in the table of this name.
    async fn change(&self, table: &str, changes: impl FnOnce(&[Json]) -> Vec<Json>) {
        let tables = self.owner.get("/api/tables").await.expect(200);
        let tables = tables["items"].as_array().expect("tables");
        let found = tables.iter().find(|found| found["name"] == table);
        let path = format!("/api/tables/{}", text(&found.expect("a table")["id"]));
        let version = self.owner.get(&path).await.expect(200)["version"].clone();
        let path = format!("{path}/rows");
        let rows = self.owner.get(&path).await.expect(200);
        let changes = changes(rows["items"].as_array().expect("rows"));
        let body = json!({"version": version, "locale": "en", "changes": changes});
        self.owner.post(&path, body).await.expect(200);
    }

    async fn close(self) {
        let unfinished = "select count(*) from run where finished_at is null";
        self.office.db.until(unfinished, "0").await;
        self.office.close().await;
    }
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("a text: {json}"))
}

fn sample(workflow: &Json, number: usize) -> Json {
    workflow["draft"]["document"]["samples"][number]["input"].clone()
}

fn step<'a>(run: &'a Json, node: &str) -> &'a Json {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["node"] == node);
    found.unwrap_or_else(|| panic!("{node} in {run:#}"))
}

fn node<'a>(document: &'a mut Json, id: &str) -> &'a mut Json {
    let nodes = document["nodes"].as_array_mut().expect("steps");
    let found = nodes.iter_mut().find(|node| node["id"] == id);
    found.unwrap_or_else(|| panic!("there is no {id}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_has_the_price_of_the_list_and_goes_out_when_its_page_was_approved() {
    let agency = Agency::open().await;
    let workflow = agency.publish("quote", |_| ()).await;
    let run = agency.waiting(&workflow, sample(&workflow, 0)).await;
    let question = agency.question().await;
    assert_eq!(question["title"], "Send the offer to Ms Clara Hoffmann?");
    // Who decides sees the page itself.
    let pdf = agency
        .office
        .sql("select id from artifact where content_type = 'application/pdf'");
    let link = format!("{}/file?file={pdf}", text(&question["url"]));
    let link = agency.owner.get(&link).await;
    assert_eq!(link.status, 303);
    let seen = agency.owner.get(link.header("location")).await;
    let page = pdf_text(&seen.body);
    for shown in [
        "Ms Clara Hoffmann",
        "Casa do Chafariz",
        "Lisbon",
        "€189.00",
        "€945.00",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    // So far only the owner has been written to, who is asked.
    agency.mails(1).await;
    let yes = json!({"decision": "approved"});
    agency.decide(&question, yes).await;
    let told = agency.succeeded(&run).await;
    let total = &step(&told, "totals")["output"]["total"];
    assert_eq!(*total, json!({"amount": "945.00", "currency": "EUR"}));
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, ["clara.hoffmann@example.com"]);
    assert_eq!(mails[1].subject, "Your offer: Casa do Chafariz");
    mails[1].says(&["€945.00 in all"]);
    let offer = ("offer-Ms Clara Hoffmann.pdf".to_owned(), seen.body);
    assert_eq!(mails[1].files, [offer]);

    // What is refused is not sent.
    let run = agency.waiting(&workflow, sample(&workflow, 1)).await;
    agency.mails(3).await;
    let no = json!({"decision": "refused", "comment": "They get a group price."});
    agency.decide(&agency.question().await, no).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "mail")["state"], "skipped");
    assert_eq!(agency.receiver.received().len(), 3);

    // Only what is on the list can be chosen.
    let mut other = sample(&workflow, 0);
    other["hotel"] = json!("Hotel Sonne");
    let path = format!("/api/workflows/{}/runs", text(&workflow["id"]));
    let refused = agency.owner.post(&path, json!({ "input": other })).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_ordered_for_what_somebody_else_approved_or_not_at_all() {
    let agency = Agency::open().await;
    let jonas = agency.office.member(&agency.owner).await;
    let workflow = agency.publish("purchase", |_| ()).await;
    let waiting = "/api/approvals?open=true&mine=true";
    let answer = async |body: Json| {
        let list = jonas.get(waiting).await.expect(200);
        let asked = &list["items"][0];
        assert_eq!(asked["title"], "Buy Two desks that can be raised?");
        let path = format!("/api/approvals/{}/answer", text(&asked["id"]));
        jonas.post(&path, body).await.expect(200)
    };

    let run = agency.waiting(&workflow, sample(&workflow, 0)).await;
    let mine = agency.owner.get(waiting).await.expect(200);
    assert_eq!(mine["items"], json!([]), "who asks does not decide");
    let less = json!({"amount": "990.00", "currency": "EUR"});
    let body =
        json!({"decision": "approved", "values": {"amount": less}, "comment": "Not so dear."});
    answer(body).await;
    let told = agency.succeeded(&run).await;
    let page = agency.page(&told).await;
    for shown in ["Büro Hansen GmbH", "€990.00", "Jonas", "Not so dear."] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(!page.contains("1,180.00"), "{page}");

    let run = agency.waiting(&workflow, sample(&workflow, 0)).await;
    answer(json!({"decision": "refused", "comment": "We have two."})).await;
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "page")["state"], "skipped");

    // Two weeks pass.
    let run = agency.waiting(&workflow, sample(&workflow, 0)).await;
    agency.time_goes_by();
    let told = agency.succeeded(&run).await;
    assert_eq!(step(&told, "decision")["output"]["decision"], "expired");
    assert_eq!(step(&told, "page")["state"], "skipped");
    agency.close().await;
}

#[test]
fn every_example_that_needs_a_server_runs_on_one() {
    let all = examples().into_iter();
    let mut found: Vec<String> = all
        .filter(|example| !is_plain(example))
        .map(|example| example.file)
        .collect();
    found.sort();
    // Each has its test below or in a file of its kind. The others are laid out in the head; those that no other test runs have one, too, above.
    assert_eq!(
        found,
        [
            "credit-e-invoice.json",
            "failed-run.json",
            "group-vouchers.json",
            "payment-reminder.json",
            "supplier-confirmation.json",
            "trip-price.json",
            "trip-request.json",
            "web-order.json",
            "weekly-offers.json",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_gets_a_number_a_page_and_a_mail_or_is_refused() {
    let agency = Agency::open().await;
    let workflow = agency.publish("web-order", |_| ()).await;
    let url = text(&workflow["hook_urls"][0]["url"]);
    let path = url.strip_prefix(&agency.office.address).expect("our own");
    let website = agency.office.caller();
    let year = agency
        .office
        .sql("select to_char(now() at time zone 'UTC', 'YYYY')");

    let answer = website.post(path, sample(&workflow, 0)).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/pdf"),
        "{}",
        answer.json
    );
    let page = pdf_text(&answer.body);
    let number = format!("O-{year}-0001");
    for shown in [
        number.as_str(),
        "W-10071",
        "Lisbon on foot, guide book",
        "€48.70",
        "€4.90",
        "€53.60",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let mails = agency.mails(1).await;
    assert_eq!(mails[0].to, ["clara.hoffmann@example.com"]);
    assert_eq!(mails[0].subject, format!("Your order {number}"));
    assert_eq!(
        mails[0].files,
        [(format!("order-{number}.pdf"), answer.body)]
    );

    // The customer cannot be written to: the website gets its page, and the office hears of it.
    let mut order = sample(&workflow, 1);
    order["email"] = json!("nobody at all");
    let answer = website.post(path, order).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let page = pdf_text(&answer.body);
    for shown in ["€12.90", "€162.90"] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, [OFFICE]);
    assert!(
        mails[1].subject.contains(&format!("O-{year}-0002")),
        "{}",
        mails[1].subject
    );
    mails[1].says(&["Matthias Gruber", "nobody at all"]);

    // Nothing is numbered or sent for a country that is not served.
    let answer = website.post(path, sample(&workflow, 2)).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.body, b"We do not send to BR.");
    let succeeded = "select count(*) from run where state = 'succeeded'";
    agency.office.db.until(succeeded, "3").await;
    let reason = "select output ->> 'message' from step where node = 'end' and state = 'succeeded'";
    assert_eq!(agency.office.sql(reason), "Refused: we do not send to BR.");
    let series = agency.owner.get("/api/series").await.expect(200);
    assert_eq!(series["items"][0]["next_count"], 3);
    assert_eq!(agency.receiver.received().len(), 2);
    agency.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_paid_after_the_due_date_is_reminded_or_called() {
    let agency = Agency::open().await;
    let workflow = agency.publish("payment-reminder", |_| ()).await;
    let due = agency
        .office
        .sql("select (now() at time zone 'UTC')::date + 30");
    let when_it_is_over = async |mut input: Json| {
        input["due"] = json!(due);
        let run = agency.waiting(&workflow, input).await;
        let told = agency.owner.get(&format!("/api/runs/{run}")).await;
        assert_eq!(told.expect(200)["waits"][0]["on"], "time");
        assert_eq!(agency.until(&run, "due").0, format!("{due} 09:00"));
        agency.time_goes_by();
        // Then the bank has three business days, which are three days at least.
        agency.waits_at(&run, &["wait"]).await;
        let (until, hours) = agency.until(&run, "wait");
        assert!(until.ends_with(" 09:00"), "{until}");
        assert!(hours.parse().is_ok_and(|left: u32| left > 48), "{hours}");
        agency.time_goes_by();
        agency.succeeded(&run).await
    };
    when_it_is_over(sample(&workflow, 0)).await;
    let mails = agency.mails(1).await;
    assert_eq!(mails[0].to, ["gruber@example.com"]);
    assert_eq!(mails[0].subject, "Reminder: invoice NR-2027-0185");
    mails[0].says(&["€236.40"]);

    let told = when_it_is_over(sample(&workflow, 1)).await;
    let reason = text(&step(&told, "paid")["output"]["message"]);
    assert!(reason.starts_with("Paid on "), "{reason}");

    let mut large = sample(&workflow, 0);
    large["amount"]["amount"] = json!("1000.00");
    when_it_is_over(large).await;
    let mails = agency.mails(2).await;
    assert_eq!(mails[1].to, [OFFICE]);
    assert_eq!(
        mails[1].subject,
        "Please call Matthias Gruber about NR-2027-0185"
    );
    agency.close().await;
}
