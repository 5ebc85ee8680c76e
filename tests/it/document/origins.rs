//! Where the words on the pages of a run come from: who filled them in, which model wrote them and what it was asked, what computed them.

use formwork_tests::{Office, model::ModelWorker, office::Caller};
use serde_json::{Value as Json, json};

const IBAN: &str = "DE02120300000000202051";

fn workflow(nodes: &Json, edges: &[(&str, &str, &str)], template: &Json) -> Json {
    let mut nodes = nodes.clone();
    for node in nodes.as_array_mut().expect("steps") {
        node["version"] = json!(1);
        node["name"] = json!(format!("The {}", node["id"].as_str().expect("an id")));
    }
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
        .collect();
    json!({
        "format": "formwork/1", "name": "Letter", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": nodes, "edges": edges, "documents": {"letter": template},
    })
}

fn form(fields: &Json, computed: &Json) -> Json {
    json!({"id": "form", "type": "form_input", "config": {"title": "Order", "fields": fields, "computed": computed}})
}

fn page(id: &str, parent: Option<&str>, values: &Json) -> Json {
    json!({"id": id, "type": "pdf_render", "parent": parent, "config": {
        "document": "letter", "file_name": format!("{id}.pdf"), "values": values}})
}

fn text(name: &str) -> Json {
    json!({"name": name, "title": name, "kind": "text", "optional": true})
}

/// A template with a text block for each of these.
fn template(fields: &[Json], texts: &[&str]) -> Json {
    let blocks: Vec<Json> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| json!({"id": format!("text{number}"), "type": "text", "text": text}))
        .collect();
    json!({"format": "formwork-document/1", "title": "Letter", "fields": fields, "blocks": blocks})
}

async fn ended(owner: &Caller, run: &str) -> Json {
    owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["state"], "succeeded", "{told:#}");
    told
}

/// The file that a step made.
fn file<'a>(run: &'a Json, node: &str, item_path: &str) -> &'a str {
    let steps = run["steps"].as_array().expect("steps");
    let step = steps
        .iter()
        .find(|step| step["node"] == node && step["item_path"] == item_path);
    let id = step.map(|step| &step["output"]["file"]["id"]);
    id.and_then(Json::as_str).expect("a file")
}

fn address(run: &Json, file: &str, number: usize) -> String {
    let run = run["id"].as_str().expect("an id");
    format!("/api/runs/{run}/files/{file}/pages/{number}")
}

/// The first page that a step made.
async fn first_page(owner: &Caller, run: &Json, node: &str, item_path: &str) -> Json {
    let path = address(run, file(run, node, item_path), 1);
    owner.get(&path).await.expect(200)
}

/// Of a value of the template, which stands somewhere on the page.
fn origin<'a>(page: &'a Json, expression: &str) -> &'a Json {
    let origins = page["origins"].as_array().expect("origins");
    let number = origins
        .iter()
        .position(|origin| origin["expression"] == expression)
        .unwrap_or_else(|| panic!("no {expression} in {origins:#?}"));
    let places = page["places"].as_array().expect("places");
    let is_there = |place: &Json| place["origin"] == number && place["width_mm"] != 0.0;
    assert!(places.iter().any(is_there), "{places:#?}");
    &origins[number]
}

/// Depth, kind, step and path of each source.
fn sources(origin: &Json) -> Vec<(u64, &str, &str, &str)> {
    let sources = origin["sources"].as_array().expect("sources");
    sources
        .iter()
        .map(|source| {
            let text = |name: &str| source[name].as_str().unwrap_or_default();
            let depth = source["depth"].as_u64().expect("a depth");
            (depth, text("kind"), text("node"), text("path"))
        })
        .collect()
}

fn letter() -> Json {
    let fields = json!([
        {"name": "customer", "label": "Customer", "kind": "text", "required": true},
        {"name": "lines", "label": "Items", "kind": "rows", "required": true,
            "columns": [{"name": "price", "label": "Price", "kind": "money", "required": true}],
            "computed": [{"name": "net", "label": "Net", "kind": "money", "value": "{{ row.price * 2 }}"}]},
    ]);
    let computed = json!([
        {"name": "total", "label": "Total", "kind": "money", "value": "{{ lines | sum(attribute='net') }}"},
    ]);
    let greeting = json!([{"name": "text", "label": "Greeting", "kind": "text", "value": "Dear {{ form.customer }}"}]);
    let values = json!({
        "customer": "{{ form.customer }}", "note": "{{ write.text }}", "greeting": "{{ greet.text }}", "place": "Lübeck",
        "lines": "{{ form.lines }}", "total": "{{ form.total }}",
    });
    let lines = json!({"name": "lines", "kind": "list", "item": {"kind": "record", "fields": [
        {"name": "price", "kind": "money"}, {"name": "net", "kind": "money"}]}});
    let mut template = template(
        &[
            text("customer"),
            text("note"),
            text("greeting"),
            text("place"),
            lines,
            json!({"name": "total", "kind": "money"}),
        ],
        &[
            "For {{ customer }}, {{ greeting }}",
            "{{ place }}, {{ today | date }}",
            "{{ note }}",
            "{{ total | money }} of {{ lines | count }}",
        ],
    );
    let blocks = template["blocks"].as_array_mut().expect("blocks");
    blocks.push(json!({"id": "table", "type": "table", "rows": "{{ lines }}", "total_label": "All", "columns": [
        {"heading": "No.", "value": "{{ index }}"},
        {"heading": "Net", "value": "{{ item.net }}", "format": {"kind": "money"}, "total": "sum"}]}));
    workflow(
        &json!([
            form(&fields, &computed),
            {"id": "write", "type": "llm_generate", "config": {"instruction": "Write to {{ form.customer }}.", "temperature": 0.5}},
            {"id": "greet", "type": "set_fields", "config": {"fields": greeting}},
            page("page", None, &values),
        ]),
        &[
            ("form", "out", "write"),
            ("write", "out", "greet"),
            ("greet", "out", "page"),
        ],
        &template,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_word_leads_to_whoever_gave_it() {
    let (office, owner) = Office::open().await;
    let _model = ModelWorker::start(&office.db, &[]);
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let input = json!({"customer": "Ada", "lines": [{"price": euros("3")}, {"price": euros("4")}]});
    let run = office.start(&owner, letter(), input).await;
    let run = ended(&owner, &run).await;
    let made = run["artifacts"].as_array().expect("files");
    assert!(
        made.iter()
            .all(|file| file["content_type"] != engine::value::PAGE_MAP),
        "{made:#?}"
    );
    let first = first_page(&owner, &run, "page", "").await;
    assert!(
        first["svg"]
            .as_str()
            .is_some_and(|svg| svg.starts_with("<svg"))
    );
    assert_eq!(
        (&first["page_count"], &first["mapped_count"]),
        (&json!(1), &json!(1))
    );

    let literal = first["origins"].as_array().expect("origins");
    let literal = literal.iter().find(|origin| origin["how"] == "literal");
    assert_eq!(literal.expect("a text")["family"], Json::Null);
    let customer = origin(&first, "{{ customer }}");
    assert_eq!(
        (&customer["family"], &customer["how"]),
        (&json!("asked"), &json!("shown"))
    );
    assert_eq!(sources(customer), [(0, "answer", "form", "customer")]);
    assert_eq!(customer["sources"][0]["title"], "Customer");
    assert_eq!(customer["sources"][0]["name"], "The form");

    let greeting = origin(&first, "{{ greeting }}");
    assert_eq!(greeting["family"], "computed");
    assert_eq!(
        greeting["sources"][0]["expression"],
        "Dear {{ form.customer }}"
    );
    assert_eq!(
        sources(greeting),
        [
            (0, "computed", "greet", "text"),
            (1, "answer", "form", "customer")
        ]
    );
    let place = origin(&first, "{{ place }}");
    assert_eq!(place["family"], Json::Null);
    assert_eq!(sources(place), [(0, "setting", "page", "place")]);
    let today = origin(&first, "{{ today | date }}");
    assert_eq!(sources(today), [(0, "time", "", "today")]);

    let note = origin(&first, "{{ note }}");
    assert_eq!(note["family"], "written");
    assert_eq!(sources(note), [(0, "written", "write", "text")]);
    let model = &first["models"][0];
    assert_eq!(note["sources"][0]["model"], 0);
    assert_eq!(
        (&model["model"], &model["node"]),
        (&json!("fake"), &json!("write"))
    );
    assert_eq!(
        (&model["temperature"], &model["round"]),
        (&json!(0.5), &json!(0))
    );
    assert!(model["seed"].is_string());
    let asked = model["messages"].to_string();
    assert!(asked.contains("Write to Ada."), "{asked}");

    let total = origin(&first, "{{ total | money }}");
    assert_eq!(total["how"], "shown");
    assert_eq!(
        sources(total),
        [
            (0, "computed", "form", "total"),
            (1, "answer", "form", "lines")
        ]
    );
    let count = origin(&first, "{{ lines | count }}");
    assert_eq!(
        (&count["how"], &count["family"]),
        (&json!("computed"), &json!("computed"))
    );
    assert_eq!(sources(count), [(0, "answer", "form", "lines")]);
    let net = origin(&first, "{{ item.net }}");
    assert_eq!(net["sources"][0]["expression"], "{{ row.price * 2 }}");
    assert_eq!(net["sources"][1]["title"], "Items · 1 · Price");
    assert_eq!(
        sources(net),
        [
            (0, "computed", "form", "lines.0.net"),
            (1, "answer", "form", "lines.0.price")
        ]
    );
    let all = first["origins"].as_array().expect("origins");
    let sum = all.iter().find(|origin| origin["how"] == "sum");
    assert_eq!(
        sources(sum.expect("the total of the column")),
        [
            (0, "computed", "form", "lines.*.net"),
            (1, "answer", "form", "lines.*.price")
        ]
    );

    // A retry that keeps what the model wrote still knows what it was asked.
    let path = format!("/api/runs/{}/retry", run["id"].as_str().expect("an id"));
    let again = owner
        .post(&path, json!({"from_node": "page"}))
        .await
        .expect(202);
    let again = ended(&owner, again["id"].as_str().expect("an id")).await;
    let kept = first_page(&owner, &again, "page", "").await;
    assert_eq!(kept["models"], first["models"]);
    assert_eq!(sources(origin(&kept, "{{ note }}")), sources(note));

    // What is not there is not there for anybody.
    let pdf = file(&run, "page", "");
    for (file, number) in [(pdf, 0), (pdf, 2), (run["id"].as_str().expect("an id"), 1)] {
        assert_eq!(owner.get(&address(&run, file, number)).await.status, 404);
    }
    let other = first["models"][0]["id"].as_str().expect("an id");
    assert_eq!(
        owner
            .get(&format!("/api/runs/{other}/files/{pdf}/pages/1"))
            .await
            .status,
        404
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn private_answers_and_what_models_were_asked_about_them_are_gone() {
    let (office, owner) = Office::open().await;
    let _model = ModelWorker::start(&office.db, &[]);
    let fields = json!([
        {"name": "iban", "label": "IBAN", "kind": "text", "required": true, "store": "never"},
    ]);
    let values = json!({"iban": "{{ form.iban }}", "note": "{{ write.text }}"});
    let document = workflow(
        &json!([
            form(&fields, &json!([])),
            {"id": "write", "type": "llm_generate", "config": {"instruction": "Write about {{ form.iban }}."}},
            page("page", None, &values),
        ]),
        &[("form", "out", "write"), ("write", "out", "page")],
        &template(&[text("iban"), text("note")], &["{{ iban }}", "{{ note }}"]),
    );
    let run = office.start(&owner, document, json!({"iban": IBAN})).await;
    office
        .db
        .until(
            &format!("select masked_at is not null from run where id = '{run}'"),
            "t",
        )
        .await;
    let run = ended(&owner, &run).await;
    let answer = owner.get(&address(&run, file(&run, "page", ""), 1)).await;
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!told.contains(IBAN), "{told}");
    let page = answer.expect(200);
    assert_eq!(
        (&page["is_masked"], &page["models"]),
        (&json!(true), &json!([]))
    );
    let iban = origin(&page, "{{ iban }}");
    assert_eq!(sources(iban), [(0, "answer", "form", "iban")]);
    let note = origin(&page, "{{ note }}");
    assert_eq!(sources(note), [(0, "written", "write", "text")]);
    assert_eq!(note["sources"][0]["model"], Json::Null);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_lists_lead_to_their_own_steps() {
    let (office, owner) = Office::open().await;
    let fields = json!([{"name": "guests", "label": "Guests", "kind": "rows", "required": true, "columns": [
        {"name": "name", "label": "Name", "kind": "text", "required": true}]}]);
    let lines =
        json!({"name": "lines", "kind": "list", "item": {"kind": "text"}, "optional": true});
    let mut template = template(&[text("name"), lines], &["{{ name | default('–') }}"]);
    template["blocks"].as_array_mut().expect("blocks").push(
        json!({"id": "all", "type": "repeat", "list": "{{ lines }}", "empty": "None", "blocks": [
            {"id": "one", "type": "text", "text": "{{ item }}"}]}),
    );
    let document = workflow(
        &json!([
            form(&fields, &json!([])),
            {"id": "each", "type": "for_each", "config": {"list": "{{ form.guests }}", "result": "{{ greeting.text }}"}},
            {"id": "greeting", "type": "template_fill", "parent": "each", "config": {"template": "Dear {{ item.name }}"}},
            page("card", Some("each"), &json!({"name": "{{ item.name }}"})),
            page("all", None, &json!({"lines": "{{ each.results }}"})),
        ]),
        &[
            ("form", "out", "each"),
            ("greeting", "out", "card"),
            ("each", "out", "all"),
        ],
        &template,
    );
    let guests = json!({"guests": [{"name": "Ada"}, {"name": "Bo"}]});
    let run = office.start(&owner, document, guests).await;
    let run = ended(&owner, &run).await;
    let card = first_page(&owner, &run, "card", "1").await;
    let name = origin(&card, "{{ name | default('–') }}");
    assert_eq!(sources(name), [(0, "answer", "form", "guests.1.name")]);
    assert_eq!(name["sources"][0]["title"], "Guests · 2 · Name");
    let all = first_page(&owner, &run, "all", "").await;
    let found = all["origins"].as_array().expect("origins");
    let items = found
        .iter()
        .filter(|origin| origin["expression"] == "{{ item }}");
    let items: Vec<&Json> = items.collect();
    assert_eq!(items.len(), 2);
    for (number, item) in items.into_iter().enumerate() {
        let answer = format!("guests.{number}.name");
        assert_eq!(
            sources(item),
            [
                (0, "step", "greeting", "text"),
                (1, "answer", "form", answer.as_str())
            ]
        );
        assert_eq!(item["sources"][0]["item_path"], json!(number.to_string()));
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_corrected_before_approving_is_theirs() {
    let (office, owner) = Office::open().await;
    let fields = json!([{"name": "place", "label": "Place", "kind": "text", "required": true}]);
    let document = workflow(
        &json!([
            form(&fields, &json!([])),
            {"id": "ask", "type": "approval_ask", "config": {"who": "everybody", "by_mail": false, "title": "Right?",
                "fields": [{"name": "place", "label": "Place", "kind": "text", "required": true}], "starts": {"place": "{{ form.place }}"}}},
            page("page", None, &json!({"place": "{{ ask.values.place }}"})),
        ]),
        &[("form", "out", "ask"), ("ask", "approved", "page")],
        &template(&[text("place")], &["{{ place }}"]),
    );
    let workflow = office.publish(&owner, document).await;
    for corrected in [None, Some("Kiel")] {
        let run = owner.start(&workflow, json!({"place": "Lübeck"})).await;
        let state = format!("select state from run where id = '{run}'");
        office.db.until(&state, "waiting").await;
        let open = owner
            .get("/api/approvals?open=true&mine=true")
            .await
            .expect(200);
        let id = open["items"][0]["id"].as_str().expect("a question");
        let mut answer = json!({"decision": "approved"});
        if let Some(place) = corrected {
            answer["values"] = json!({"place": place});
        }
        let path = format!("/api/approvals/{id}/answer");
        owner.post(&path, answer).await.expect(200);
        let run = ended(&owner, &run).await;
        let page = first_page(&owner, &run, "page", "").await;
        let place = origin(&page, "{{ place }}");
        assert_eq!(place["family"], "asked");
        match corrected {
            None => assert_eq!(sources(place), [(0, "answer", "form", "place")]),
            Some(_) => {
                assert_eq!(sources(place), [(0, "corrected", "ask", "values.place")]);
                assert!(place["sources"][0]["by"].is_string());
            }
        }
    }
    office.close().await;
}
