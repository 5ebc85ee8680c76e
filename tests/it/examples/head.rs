//! A sample worked out in the head, without a server: what the steps of a form and a page would put out, and the page.

use std::collections::BTreeMap;

use async_trait::async_trait;
use document::{Assets, Limits, Rendered, Renderer};
use engine::{
    call::Callee,
    expression,
    firm::Firm,
    form::{ChoicesFrom, Setting, Source},
    format::Formats,
    graph::{Context, Outputs, Plan, PlanNode, RunFacts},
    ids::{ArtifactId, DocumentId, RunId, TableId, WorkflowId},
    kind::Kind,
    node::{
        Effect, Family, HttpRequest, HttpResponse, NodeContext, NodeError, Outcome, PinnedDocument,
        Services, StepInfo, TableRows, Trigger,
    },
    run::StepKey,
    value::{FileRef, Record, Value, record_to_json},
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Example, plan};

/// Runs a sample in the head: answers, computed values, made-up words, page.
pub(super) fn lay_out(example: &Example, input: &Json) -> (BTreeMap<String, Json>, Rendered) {
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
                time_zone: &example.workflow.time_zone,
                currency: &plan.currency,
                constants: &Record::from_iter([("firm".to_owned(), firm.to_value())]),
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
                let value = match &config["values"][&field.name] {
                    Json::Null => Value::Empty,
                    template => evaluate(template),
                };
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
        } else if node.node.series().is_some() {
            // A trial draws no number.
            json!({"number": "PREVIEW", "count": 0, "year": 2027})
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
        known.succeeded(StepKey::of(&node.id), output.clone().into());
        outputs.insert(node.id.clone(), output);
    }
    (outputs, page.expect("a page"))
}

/// A firm that can write e-invoices.
pub(super) fn firm() -> Firm {
    Firm {
        name: "Nordlicht Reisen".into(),
        street: vec!["Hüxstraße 44".into()],
        post_code: "23552".into(),
        city: "Lübeck".into(),
        country: "DE".into(),
        vat_id: "DE123456788".into(),
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
        panic!("what calls a workflow needs a server")
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
        document_warnings: plan.document_warnings,
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
