//! The shipped examples: each is a sound workflow, its documents are sound, and every sample gives pages without a warning and with the
//! right amounts. The model's words are made up here; nothing is stored or sent.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use document::{Assets, Limits, Rendered, Renderer, Template};
use engine::{
    call::Callee,
    expression,
    firm::Firm,
    form::{ChoicesFrom, Setting, Source},
    format::Formats,
    graph::{Context, Named, Outputs, Plan, PlanNode, RunFacts, parse},
    ids::{ArtifactId, DocumentId, RunId, TableId, WorkflowId},
    kind::{Field, Kind},
    node::{
        Effect, Family, HttpRequest, HttpResponse, NodeContext, NodeError, Outcome, PinnedDocument,
        Services, StepInfo, TableRows, Trigger,
    },
    run::StepKey,
    table::Embedded,
    value::{FileRef, Record, Value, record_to_json},
    workflow::Workflow,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

struct Example {
    file: String,
    workflow: Workflow,
    documents: HashMap<DocumentId, Template>,
    /// Embedded tables with the ids they get.
    tables: HashMap<TableId, Embedded>,
}

/// Every shipped workflow and where it lies.
fn files() -> Vec<(PathBuf, Json)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows");
    std::fs::read_dir(folder)
        .expect("the folder of examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a file");
            let json = serde_json::from_str(&text).expect("JSON");
            (path, json)
        })
        .collect()
}

/// Every file in `workflows/`, its local document names turned into ids as creating a workflow from it does.
fn examples() -> Vec<Example> {
    let mut found = Vec::new();
    for (path, mut json) in files() {
        let mut documents = HashMap::new();
        for (number, (name, template)) in json["documents"]
            .as_object()
            .expect("documents")
            .clone()
            .into_iter()
            .enumerate()
        {
            let id = DocumentId::from_uuid(Uuid::from_u128(number as u128 + 1));
            let template = Template::parse(&template)
                .unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
            for node in json["nodes"].as_array_mut().expect("nodes") {
                if node["config"]["document"] == name.as_str() {
                    node["config"]["document"] = json!(id);
                }
            }
            documents.insert(id, template);
        }
        let tables = take_tables(&mut json);
        found.push(Example {
            file: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            workflow: parse(&json)
                .unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display())),
            documents,
            tables,
        });
    }
    assert!(!found.is_empty());
    found
}

/// Embedded tables, their local names turned into ids wherever a setting names them.
fn take_tables(json: &mut Json) -> HashMap<TableId, Embedded> {
    let embedded = json["tables"].as_object().cloned().unwrap_or_default();
    let mut tables = HashMap::new();
    for (number, (name, table)) in embedded.into_iter().enumerate() {
        let id = TableId::from_uuid(Uuid::from_u128(number as u128 + 100));
        for node in json["nodes"].as_array_mut().expect("nodes") {
            let config = &mut node["config"];
            if config["table"] == name.as_str() {
                config["table"] = json!(id);
            }
            let fields = config.get_mut("fields").and_then(Json::as_array_mut);
            for field in fields.into_iter().flatten() {
                if field["choices_from"]["table"] == name.as_str() {
                    field["choices_from"]["table"] = json!(id);
                }
            }
        }
        tables.insert(id, serde_json::from_value(table).expect("a table"));
    }
    tables
}

fn plan(example: &Example) -> Plan {
    let (documents, tables) = (example.documents.iter(), example.tables.iter());
    let columns = |table: &Embedded| -> Vec<Field> {
        let columns = table.columns.iter();
        columns.map(|column| column.field.clone()).collect()
    };
    let named = Named {
        documents: documents
            .map(|(id, template)| (*id, template.fields()))
            .collect(),
        tables: tables.map(|(id, table)| (*id, columns(table))).collect(),
        ..Named::default()
    };
    let (plan, problems) = Plan::compile(&example.workflow, &nodes::catalogue(), &named);
    let errors: Vec<_> = problems
        .iter()
        .filter(|problem| problem.is_error())
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", example.file);
    plan.expect("a plan")
}

fn firm() -> Firm {
    Firm {
        name: "Nordlicht Reisen".into(),
        address: vec!["Hüxstraße 44".into(), "23552 Lübeck".into()],
        email: "office@nordlicht.example".into(),
        phone: "+49 451 555 0142".into(),
        iban: "DE02120300000000202051".into(),
        colour: "#235b6b".into(),
        ..Firm::default()
    }
}

/// A value of the kind, as a model would write it.
fn written(kind: &Kind, wanted: usize) -> Json {
    match kind {
        Kind::Record { fields } => fields
            .iter()
            .map(|field| (field.name.clone(), written(&field.kind, wanted)))
            .collect::<Map<_, _>>()
            .into(),
        Kind::List { item, .. } => (0..wanted).map(|_| written(item, wanted)).collect(),
        Kind::Integer => json!(1),
        Kind::YesNo => json!(true),
        _ => json!("Words of a model"),
    }
}

/// Runs a sample in the head: answers, computed values, made-up words, page.
fn lay_out(example: &Example, input: &Json) -> (BTreeMap<String, Json>, Rendered) {
    let plan = plan(example);
    let now = "2027-03-08T10:00:00Z".parse().expect("an instant");
    let firm = firm();
    let formats = Formats::of(&plan.locale, &example.workflow.time_zone, &plan.currency);
    let mut outputs = BTreeMap::new();
    let mut known = Outputs::default();
    let mut page = None;
    for node in plan.nodes() {
        let context = Context {
            firm: &firm,
            run: RunFacts {
                id: RunId::from_uuid(Uuid::nil()),
                trial: true,
                started_at: now,
                links: BTreeMap::new(),
            },
            now,
        };
        let values = plan.values(node, "", &known, &context);
        let config = example
            .workflow
            .nodes
            .iter()
            .find(|known| known.id == node.id)
            .map(|known| &known.config)
            .expect("a node");
        let evaluate = |template: &Json| -> Value {
            let template = expression::Template(template.as_str().expect("a template").into());
            template
                .evaluate_in(&values, &formats)
                .unwrap_or_else(|error| panic!("{}: {error}", template.0))
        };
        let output = if let Some(Trigger::Form(form)) = &node.trigger {
            let setting = Setting {
                source: Source::Program,
                locale: &plan.locale,
                currency: &plan.currency,
                constants: &Record::new(),
                files: &|_| None,
            };
            let choices = |from: &ChoicesFrom| {
                let table = &example.tables[&from.table.parse().ok()?];
                let texts = table
                    .rows
                    .iter()
                    .filter_map(|row| row[&from.column].as_str());
                Some(texts.map(str::to_owned).collect())
            };
            let record = form
                .with_choices(&choices)
                .submit(input, &setting)
                .unwrap_or_else(|problems| panic!("{problems:#?}"));
            record_to_json(&record)
        } else if node.description.family == Family::Written {
            let days = input["days"]
                .as_u64()
                .and_then(|days| usize::try_from(days).ok());
            written(&node.output, days.unwrap_or(2))
        } else if let Ok(id) = serde_json::from_value::<TableId>(config["table"].clone()) {
            let condition = &config["conditions"][0];
            let wanted = evaluate(&condition["value"]).to_json();
            let column = condition["column"].as_str().expect("a column");
            let mut rows = example.tables[&id].rows.iter();
            let row = rows.find(|row| row[column] == wanted).expect("a row");
            Json::Object(row.clone())
        } else if let Ok(id) = serde_json::from_value::<DocumentId>(config["document"].clone()) {
            let template = &example.documents[&id];
            let mut record = Record::new();
            for field in template.fields() {
                let value = evaluate(&config["values"][&field.name]);
                let value = if field.optional && value.is_blank() {
                    Value::Empty
                } else {
                    value
                        .convert(&field.kind, &plan.currency)
                        .expect("a fitting value")
                };
                record.insert(field.name.clone(), value);
            }
            let Value::Record(firm) = firm.to_value() else {
                panic!("a record")
            };
            let context = document::Context {
                locale: plan.locale.clone(),
                currency: plan.currency.clone(),
                time_zone: example.workflow.time_zone.clone(),
                now,
                firm,
            };
            let rendered = Renderer::bundled()
                .render(
                    template,
                    &record,
                    &context,
                    &Assets::default(),
                    &Limits::default(),
                )
                .unwrap_or_else(|error| panic!("{}: {error}", example.file));
            page = Some(rendered);
            let file = json!({"id": Uuid::nil(), "name": "page.pdf", "content_type": "application/pdf", "size_bytes": 1});
            json!({"file": file, "pages": 1, "first_page": file})
        } else if node.description.effect == Effect::Pure
            || node.description.family == Family::Asked
        {
            // A trial asks people nothing: they approve at once.
            let step = step(example, &plan, node, now);
            run(
                node,
                &Head {
                    step,
                    values: values.clone(),
                    scope: plan.scope(node),
                },
            )
        } else {
            Json::Null
        };
        known.succeeded(StepKey::of(&node.id), output.clone());
        outputs.insert(node.id.clone(), output);
    }
    (outputs, page.expect("a page"))
}

/// What a pure step sees: files that it writes are not kept.
struct Head {
    step: StepInfo,
    values: Record,
    scope: Kind,
}

#[async_trait]
impl NodeContext for Head {
    fn step(&self) -> &StepInfo {
        &self.step
    }
    fn values(&self) -> &Record {
        &self.values
    }
    fn scope(&self) -> Kind {
        self.scope.clone()
    }
    fn services(&self) -> &Services {
        panic!("no step of an example needs a service")
    }
    async fn document(&self, _id: DocumentId) -> Result<PinnedDocument, NodeError> {
        panic!("pages are laid out elsewhere")
    }
    async fn table(&self, _id: TableId, _named: &[&str]) -> Result<TableRows, NodeError> {
        panic!("tables are looked up elsewhere")
    }
    async fn callee(&self, _id: WorkflowId) -> Result<Callee, NodeError> {
        panic!("no example calls a workflow")
    }
    async fn read_artifact(&self, file: &FileRef) -> Result<Vec<u8>, NodeError> {
        panic!("samples hand in no files: {}", file.name)
    }
    async fn write_artifact(
        &self,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<FileRef, NodeError> {
        Ok(FileRef {
            id: ArtifactId(Uuid::nil()),
            name: name.into(),
            content_type: content_type.into(),
            size_bytes: bytes.len() as u64,
        })
    }
    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, NodeError> {
        panic!("a pure step asks nobody: {}", request.url)
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn progress(&self, _text: &str) {}
}

fn step(example: &Example, plan: &Plan, node: &PlanNode, now: Timestamp) -> StepInfo {
    StepInfo {
        run: RunId::from_uuid(Uuid::nil()),
        node: node.id.clone(),
        item_path: String::new(),
        attempt: 1,
        trial: true,
        now,
        locale: plan.locale.clone(),
        time_zone: example.workflow.time_zone.clone(),
        currency: plan.currency.clone(),
        idempotency_key: String::new(),
        seed: 0,
        kept: Json::Null,
        arrived: Vec::new(),
    }
}

/// The step's output, which must be of the kind it promises.
fn run(node: &PlanNode, head: &Head) -> Json {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let outcome = runtime
        .block_on(node.node.run(head))
        .unwrap_or_else(|error| panic!("{}: {error}", node.id));
    let Outcome::Done(done) = outcome else {
        panic!("{} waits", node.id)
    };
    Value::from_json(&done.output, &node.output)
        .unwrap_or_else(|faults| panic!("{}: {faults:#?}", node.id));
    done.output
}

fn text(rendered: &Rendered) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "example-{}-{:?}.pdf",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&file, rendered.pdf().expect("a PDF")).expect("written");
    let output = std::process::Command::new("pdftotext")
        .arg("-layout")
        .arg(&file)
        .arg("-")
        .output()
        .expect("pdftotext");
    std::fs::remove_file(&file).expect("removed");
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn every_example_is_sound() {
    for example in examples() {
        plan(&example);
        assert!(
            example.workflow.samples.len() >= 2,
            "{} needs two samples",
            example.file
        );
    }
}

/// A small model never ends a text that has no limit, and a page has only so much room.
#[test]
fn every_text_of_an_example_has_a_greatest_length() {
    let (mut limited, mut endless) = (0, Vec::new());
    for (path, json) in files() {
        let mut open = vec![(path.display().to_string(), &json)];
        while let Some((at, json)) = open.pop() {
            let is_text = matches!(json["kind"].as_str(), Some("text" | "long_text"))
                || (json["instruction"].is_string() && json["mode"] != "fields");
            match (is_text, json["max_length"].is_u64()) {
                (true, true) => limited += 1,
                (true, false) => endless.push(at.clone()),
                (false, _) => {}
            }
            let inside: Vec<(String, &Json)> = match json {
                Json::Array(list) => list
                    .iter()
                    .enumerate()
                    .map(|(index, inner)| (index.to_string(), inner))
                    .collect(),
                Json::Object(map) => map
                    .iter()
                    .map(|(name, inner)| (name.clone(), inner))
                    .collect(),
                _ => Vec::new(),
            };
            open.extend(
                inside
                    .into_iter()
                    .map(|(name, inner)| (format!("{at}/{name}"), inner)),
            );
        }
    }
    assert!(limited > 20, "the texts are found");
    assert!(endless.is_empty(), "{endless:#?}");
}

#[test]
fn every_sample_gives_pages_without_a_warning() {
    for example in examples() {
        for sample in &example.workflow.samples {
            let (_, rendered) = lay_out(&example, &sample.input);
            assert_eq!(rendered.warnings, [], "{}: {}", example.file, sample.name);
            assert!(!rendered.pages.is_empty());
        }
    }
}

#[test]
fn amounts_are_the_same_as_values_and_on_the_page() {
    // Wherever an example has priced rows: three rows of 0.1 + 0.2 at 19 %.
    let mut checked = 0;
    for example in examples() {
        let Some(sample) = example
            .workflow
            .samples
            .iter()
            .find(|sample| sample.input["lines"].is_array())
        else {
            continue;
        };
        let mut input = sample.input.clone();
        let row = |price: &str| json!({"description": "Thing", "quantity": "1", "unit_price": {"amount": price, "currency": "EUR"}, "vat_rate": "19"});
        input["lines"] = json!([
            row("0.10"),
            row("0.20"),
            row("0.10"),
            row("0.20"),
            row("0.10"),
            row("0.20")
        ]);
        let (outputs, rendered) = lay_out(&example, &input);
        let totals = outputs
            .values()
            .find(|output| output["taxes"].is_array())
            .expect("totals");
        let amount = |value: &Json| value["amount"].as_str().unwrap_or_default().to_owned();
        assert_eq!(amount(&totals["net"]), "0.90");
        assert_eq!(amount(&totals["taxes"][0]["tax"]), "0.17");
        assert_eq!(amount(&totals["total"]), "1.07");
        let page = text(&rendered);
        for shown in ["€0.90", "€0.17", "€1.07"] {
            assert!(page.contains(shown), "{shown} in {page}");
        }
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn a_report_adds_up_what_lies_in_its_period() {
    let report = examples()
        .into_iter()
        .find(|example| example.workflow.samples[0].input["pasted"].is_string())
        .expect("the report");
    let (outputs, rendered) = lay_out(&report, &report.workflow.samples[0].input);
    let totals = outputs
        .values()
        .find(|output| output["totals"].is_object())
        .expect("totals");
    // The last of the 18 sales lies behind the quarter.
    assert_eq!(totals["totals"]["sales"], json!(17));
    assert_eq!(
        totals["totals"]["amount"],
        json!({"amount": "28821.70", "currency": "EUR"})
    );
    let page = text(&rendered);
    for shown in [
        "€28,821.70",
        "Brandt & Söhne GmbH",
        "Team retreat, Fischland, 14 persons",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let largest = page.find("Brandt & Söhne GmbH").expect("a customer");
    assert!(
        largest < page.find("Tomáš Dvořák").expect("another"),
        "{page}"
    );
}
