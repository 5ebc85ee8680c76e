//! E-invoices through the engine: made, put into a PDF, read again by another step, taken back by a credit note.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

use super::examples::pdf_text;

const SELLER: &str = "{{ {'name': 'Reisebüro Nord GmbH', 'street': 'Kapitelstraße 9', 'post_code': '23552', 'city': 'Lübeck', 'country': 'DE', \
    'vat_id': 'DE123456788', 'phone': '+49 451 123456', 'email': 'rechnung@nord.example', 'iban': 'DE02120300000000202051'} }}";

fn node(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

/// Steps one after the other.
fn document(name: &str, nodes: &[Json]) -> Json {
    let edges: Vec<Json> = nodes
        .windows(2)
        .map(|pair| json!({"from": pair[0]["id"], "port": "out", "to": pair[1]["id"]}))
        .collect();
    json!({
        "format": "formwork/1", "name": name, "locale": "de", "time_zone": "Europe/Berlin", "currency": "EUR", "nodes": nodes, "edges": edges,
        "documents": {"page": {"format": "formwork-document/1", "title": "Rechnung",
            "fields": [{"name": "number", "title": "Number", "kind": "text"}, {"name": "total", "title": "Total", "kind": "money"}],
            "blocks": [{"id": "a", "type": "text", "text": "Rechnung {{ number }} über {{ total | money }}"}]}},
    })
}

fn fields(names: &[&str]) -> Json {
    let field = |name: &&str| json!({"name": name, "title": name, "kind": "text"});
    names.iter().map(field).collect()
}

/// An e-invoice over one line, to the customer.
fn make(from: &str, changes: &Json) -> Json {
    let mut config = json!({
        "number": "R-7", "date": "2027-03-08", "due": "2027-03-22", "delivery_date": "2027-03-05", "seller": SELLER,
        "lines": "{{ [{'name': 'Beratung', 'quantity': 8, 'unit': 'h', 'unit_price': 95, 'vat_rate': 19}] }}",
        "buyer_name": format!("{{{{ {from}.customer }}}}"), "buyer_street": "Hafenstraße 12", "buyer_post_code": "24103",
        "buyer_city": "Kiel", "buyer_country": "DE", "buyer_email": "eingang@brandt.example",
    });
    for (name, value) in changes.as_object().expect("changes") {
        config[name] = value.clone();
    }
    node("made", "einvoice_make", &config)
}

fn page() -> Json {
    let config = json!({"document": "page", "file_name": "rechnung.pdf", "einvoice": "{{ made.file }}",
        "values": {"number": "{{ made.number }}", "total": "{{ made.totals.payable }}"}});
    node("page", "pdf_render", &config)
}

fn read(file: &str) -> Json {
    node("read", "einvoice_read", &json!({ "file": file }))
}

fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

async fn run(owner: &Caller, workflow: &Json, input: Json) -> Json {
    let path = format!(
        "/api/workflows/{}/runs",
        workflow["id"].as_str().expect("an id")
    );
    let body = json!({"input": input, "wait_ms": 20000});
    let run = owner.post(&path, body).await.expect(200);
    let path = format!("/api/runs/{}", run["id"].as_str().expect("an id"));
    owner.get(&path).await.expect(200)
}

fn step<'a>(run: &'a Json, node: &str) -> &'a Json {
    let steps = run["steps"].as_array().expect("steps");
    let found = steps.iter().find(|step| step["node"] == node);
    found.expect("the step")
}

#[tokio::test]
async fn an_invoice_goes_out_within_its_pdf_and_is_taken_back_by_a_credit_note() {
    let (office, owner) = Office::open().await;
    let called = json!({"fields": fields(&["customer", "invoice_number", "invoice_date"])});
    let credit = json!({
        "document_type": "credit_note", "number": "G-1", "format": "xrechnung_ubl", "buyer_reference": "04011000-12345-34",
        "preceding_number": "{{ called.invoice_number }}", "preceding_date": "{{ called.invoice_date }}",
    });
    let credits = office
        .publish(
            &owner,
            document(
                "Credit notes",
                &[
                    node("called", "call_input", &called),
                    make("called", &credit),
                    read("{{ made.file }}"),
                ],
            ),
        )
        .await;
    let form = json!({"title": "Invoice", "fields": [{"name": "customer", "label": "Customer", "kind": "text", "required": true}]});
    let invoices = office
        .publish(
            &owner,
            document(
                "Invoices",
                &[
                    node("form", "form_input", &form),
                    make("form", &json!({"credit_notes": credits["id"]})),
                    page(),
                    read("{{ page.file }}"),
                ],
            ),
        )
        .await;

    let invoice = run(&owner, &invoices, json!({"customer": "Brandt & Söhne"})).await;
    assert_eq!(invoice["state"], "succeeded", "{invoice:#}");
    let found = &step(&invoice, "read")["output"];
    assert_eq!(found["is_valid"], true, "{found:#}");
    assert_eq!(found["profile"], "EN 16931");
    assert_eq!(found["invoice"]["buyer"]["name"], "Brandt & Söhne");
    let totals = &step(&invoice, "made")["output"]["totals"];
    assert_eq!(totals["payable"]["amount"], "904.40");
    assert_eq!(found["invoice"]["totals"]["payable"], totals["payable"]);
    assert_eq!(step(&invoice, "read")["warnings"], json!([]));

    assert_eq!(invoice["invoices"], 1);
    let id = invoice["id"].as_str().expect("an id");
    let path = format!("/api/runs/{id}/credit-note");
    let draft = owner.get(&path).await.expect(200);
    assert_eq!(draft["workflow"], credits["id"]);
    assert_eq!(draft["name"], "Credit notes");
    assert_eq!(draft["invoice"]["credit_notes"], json!([]));
    assert_eq!(
        (&draft["invoice"]["total"], &draft["invoice"]["left"]),
        (&euros("904.40"), &euros("904.40"))
    );
    assert_eq!(
        draft["input"],
        json!({"customer": "Brandt & Söhne", "invoice_number": "R-7", "invoice_date": "2027-03-08"})
    );
    // By another rule for prices the same rows come to other amounts.
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["prices"] = json!("gross");
    owner.put("/api/firm", firm.clone()).await.expect(200);
    let refused = owner.get(&path).await;
    assert_eq!(
        (refused.status, refused.kind()),
        (409, "credit_note_prices")
    );
    firm["prices"] = json!("net");
    owner.put("/api/firm", firm).await.expect(200);
    let credit = run(&owner, &credits, draft["input"].clone()).await;
    assert_eq!(credit["state"], "succeeded", "{credit:#}");
    let found = &step(&credit, "read")["output"];
    assert_eq!(found["invoice"]["type"], "credit_note");
    assert_eq!(found["invoice"]["preceding"][0]["number"], "R-7");
    assert_eq!(found["invoice"]["totals"]["payable"], totals["payable"]);
    let told = owner.get(&path).await.expect(200);
    let standing = &told["invoice"];
    assert_eq!(standing["credit_notes"][0]["run"], credit["id"]);
    assert_eq!(standing["credit_notes"][0]["amount"], euros("904.40"));
    assert_eq!(standing["credited"], euros("904.40"));
    assert_eq!(standing["left"], euros("0.00"));
    // Whoever saw it may make another one, and whoever did not is led to it.
    assert_ne!(told["idempotency_key"], draft["idempotency_key"]);
    // A credit note is not taken back.
    assert_eq!(credit["invoices"], 0);
    let id = credit["id"].as_str().expect("an id");
    let refused = owner.get(&format!("/api/runs/{id}/credit-note")).await;
    assert_eq!(refused.kind(), "no_invoice");
    office.close().await;
}

#[tokio::test]
async fn a_price_of_four_decimals_is_printed_and_goes_into_the_e_invoice() {
    let (office, owner) = Office::open().await;
    let form = json!({"title": "Invoice", "fields": [
        {"name": "customer", "label": "Customer", "kind": "text", "required": true},
        {"name": "lines", "label": "Lines", "kind": "rows", "columns": [
            {"name": "name", "label": "What", "kind": "text", "required": true},
            {"name": "quantity", "label": "Quantity", "kind": "number", "required": true},
            {"name": "unit_price", "label": "Price each", "kind": "money", "decimals": 4, "required": true},
            {"name": "vat_rate", "label": "VAT", "kind": "number", "required": true}]}]});
    let mut page = page();
    page["config"]["values"]["lines"] = json!("{{ form.lines }}");
    let mut workflow = document(
        "Invoices",
        &[
            node("form", "form_input", &form),
            make("form", &json!({"lines": "{{ form.lines }}"})),
            page,
            read("{{ page.file }}"),
        ],
    );
    let printed = &mut workflow["documents"]["page"];
    let fields = printed["fields"].as_array_mut().expect("fields");
    fields.push(
        json!({"name": "lines", "title": "Lines", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "name", "title": "What", "kind": "text"},
            {"name": "unit_price", "title": "Price each", "kind": "money", "decimals": 4}]}}),
    );
    let blocks = printed["blocks"].as_array_mut().expect("blocks");
    blocks.push(
        json!({"id": "b", "type": "table", "rows": "{{ lines }}", "columns": [
        {"heading": "What", "value": "{{ item.name }}"},
        {"heading": "Price each", "value": "{{ item.unit_price }}", "format": {"kind": "money"}}]}),
    );
    let workflow = office.publish(&owner, workflow).await;
    let lines = |price: &str| {
        json!({"customer": "Brandt & Söhne", "lines": [{"name": "Schrauben", "quantity": "1000", "vat_rate": "19",
            "unit_price": {"amount": price, "currency": "EUR"}}]})
    };

    let made = run(&owner, &workflow, lines("0.0834")).await;
    assert_eq!(made["state"], "succeeded", "{made:#}");
    let found = &step(&made, "read")["output"];
    assert_eq!(found["is_valid"], true, "{found:#}");
    let price = &found["invoice"]["lines"][0]["unit_price"];
    assert_eq!(price["amount"], "0.0834");
    let totals = &step(&made, "made")["output"]["totals"];
    assert_eq!(totals["payable"]["amount"], "99.25");
    let files = made["artifacts"].as_array().expect("files");
    let page = files.iter().find(|file| file["name"] == "rechnung.pdf");
    let path = page.expect("the page")["url"].as_str().expect("a path");
    let text = pdf_text(&owner.get(path).await.body);
    assert!(text.contains("0,0834 €"), "{text}");
    assert!(text.contains("99,25 €"), "{text}");

    // More decimals than the field has are refused, not rounded.
    let path = format!(
        "/api/workflows/{}/runs",
        workflow["id"].as_str().expect("an id")
    );
    let refused = owner.post(&path, json!({"input": lines("0.08345")})).await;
    assert_eq!(refused.status, 422, "{:?}", refused.kind());
    office.close().await;
}

#[tokio::test]
async fn each_invoice_of_a_run_is_taken_back_by_itself() {
    let (office, owner) = Office::open().await;
    let called = json!({"fields": fields(&["customer", "invoice_number", "invoice_date"])});
    let credit = json!({
        "document_type": "credit_note", "number": "G-{{ called.invoice_number }}", "preceding_number": "{{ called.invoice_number }}",
        "preceding_date": "{{ called.invoice_date }}",
    });
    let credits = document(
        "Credit notes",
        &[
            node("called", "call_input", &called),
            make("called", &credit),
        ],
    );
    let credits = office.publish(&owner, credits).await;
    let form = json!({"title": "Invoices", "fields": [
        {"name": "customer", "label": "Customer", "kind": "text", "required": true},
        {"name": "others", "label": "Others", "kind": "rows", "required": false, "columns": [
            {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}]});
    let mut inner = make(
        "item",
        &json!({"number": "R-{{ index + 2 }}", "credit_notes": credits["id"]}),
    );
    inner["id"] = json!("inner");
    inner["name"] = json!("inner");
    inner["parent"] = json!("each");
    let first = json!({"number": "R-1", "credit_notes": credits["id"]});
    let each = node("each", "for_each", &json!({"list": "{{ form.others }}"}));
    let mut invoices = document(
        "Invoices",
        &[
            node("form", "form_input", &form),
            make("form", &first),
            each,
            inner,
        ],
    );
    let edges = invoices["edges"].as_array_mut().expect("edges");
    edges.retain(|edge| edge["to"] != "inner");
    let invoices = office.publish(&owner, invoices).await;
    let input = json!({"customer": "Ada", "others": [{"customer": "Bo"}, {"customer": "Cy"}]});
    let made = run(&owner, &invoices, input).await;
    assert_eq!(made["state"], "succeeded", "{made:#}");
    assert_eq!(made["invoices"], 3);
    let path = format!("/api/runs/{}", made["id"].as_str().expect("an id"));
    let list = owner.get(&format!("{path}/invoices")).await.expect(200);
    let told: Vec<Json> = list
        .as_array()
        .expect("invoices")
        .iter()
        .map(|one| json!([one["node"], one["item_path"], one["number"]]))
        .collect();
    assert_eq!(
        json!(told),
        json!([
            ["made", "", "R-1"],
            ["inner", "0", "R-2"],
            ["inner", "1", "R-3"]
        ])
    );
    let refused = owner.get(&format!("{path}/credit-note")).await;
    assert_eq!((refused.status, refused.kind()), (409, "several_invoices"));
    let draft_of = |place: &'static str| {
        let path = format!("{path}/credit-note?{place}");
        let owner = &owner;
        async move { owner.get(&path).await.expect(200) }
    };
    let first = draft_of("node=made").await;
    assert_eq!(first["input"]["customer"], "Ada");
    let second = draft_of("node=inner&item_path=0").await;
    assert_eq!(
        second["input"],
        json!({"customer": "Bo", "invoice_number": "R-2", "invoice_date": "2027-03-08"})
    );
    assert_ne!(first["idempotency_key"], second["idempotency_key"]);

    // Twice more than was invoiced, of the one and not of the others.
    let credit = run(&owner, &credits, second["input"].clone()).await;
    assert_eq!(credit["state"], "succeeded", "{credit:#}");
    let again = run(&owner, &credits, second["input"].clone()).await;
    assert_eq!(again["state"], "succeeded", "{again:#}");
    let list = owner.get(&format!("{path}/invoices")).await.expect(200);
    assert_eq!(list[0]["left"], euros("904.40"));
    assert_eq!(list[1]["credited"], euros("1808.80"));
    assert_eq!(list[1]["left"], euros("-904.40"));
    let runs: Vec<&Json> = list[1]["credit_notes"]
        .as_array()
        .expect("credit notes")
        .iter()
        .map(|one| &one["run"])
        .collect();
    assert_eq!(runs, [&again["id"], &credit["id"]]);
    assert_eq!(list[2]["credit_notes"], json!([]));
    office.close().await;
}

#[tokio::test]
async fn an_invoice_that_breaks_a_rule_is_not_made_and_says_why() {
    let (office, owner) = Office::open().await;
    let form = json!({"title": "Invoice", "fields": [{"name": "customer", "label": "Customer", "kind": "text", "required": true}]});
    let broken = json!({"format": "xrechnung_cii", "buyer_country": "Germany"});
    let workflow = office
        .publish(
            &owner,
            document(
                "Invoices",
                &[
                    node("form", "form_input", &form),
                    make("form", &broken),
                    page(),
                ],
            ),
        )
        .await;
    let run = run(&owner, &workflow, json!({"customer": "Brandt"})).await;
    assert_eq!(run["state"], "failed");
    assert_eq!(run["invoices"], 0);
    let error = &step(&run, "made")["error"];
    assert_eq!(error["code"], "einvoice_invalid");
    let rules: Vec<&str> = error["params"]["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|problem| problem["params"]["rule"].as_str())
        .collect();
    assert!(
        rules.contains(&"BR-11") && rules.contains(&"BR-DE-15"),
        "{rules:?}"
    );
    let message = error["message"].as_str().expect("a message");
    assert!(
        message
            .contains("\u{201c}Buyer country\u{201d}: The country must be a code of two letters"),
        "{message}"
    );
    assert_eq!(run["artifacts"], json!([]), "nothing was delivered");
    office.close().await;
}
