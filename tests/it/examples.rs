//! The shipped examples: each is a sound workflow, its documents are sound, and every sample gives pages without a warning and with the
//! right amounts. The model's words are made up here; nothing is stored or sent. What more there is to some of them runs in `real`.

mod documents;
mod head;
mod real;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use document::{Rendered, Template};
use engine::{
    call::Callable,
    check::check,
    graph::{Named, Plan, parse},
    ids::{DocumentId, SeriesId, TableId, WorkflowId},
    kind::Field,
    node::Trigger,
    table::Embedded,
    workflow::Workflow,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::head::lay_out;

struct Example {
    file: String,
    workflow: Workflow,
    documents: HashMap<DocumentId, Template>,
    /// Embedded tables with the ids they get.
    tables: HashMap<TableId, Embedded>,
    /// Other examples that it calls.
    called: HashMap<WorkflowId, Callable>,
}

/// Every shipped workflow and where it lies, with the shipped documents that it names.
fn files() -> Vec<(PathBuf, Json)> {
    let documents: HashMap<String, Json> = json_files("templates").into_iter().collect();
    let folder = workflows();
    json_files("")
        .into_iter()
        .map(|(name, mut json)| {
            let embedded = json.get_mut("documents").and_then(Json::as_object_mut);
            for document in embedded.into_iter().flat_map(serde_json::Map::values_mut) {
                if let Some(shipped) = document.as_str().map(|name| &documents[name]) {
                    *document = shipped.clone();
                }
            }
            (folder.join(format!("{name}.json")), json)
        })
        .collect()
}

fn workflows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows")
}

/// The JSON files in a folder of the shipped workflows by their names, in order.
fn json_files(folder: &str) -> Vec<(String, Json)> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(workflows().join(folder))
        .expect("a folder of examples")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a file");
        let json = serde_json::from_str(&text).expect("JSON");
        let name = path.file_stem().unwrap_or_default();
        (name.to_string_lossy().into_owned(), json)
    };
    paths.into_iter().map(read).collect()
}

/// Every file in `workflows/`.
fn examples() -> Vec<Example> {
    let found: Vec<Example> = files()
        .into_iter()
        .map(|(path, json)| example(&path, json))
        .collect();
    assert!(!found.is_empty());
    found
}

/// One of them, its local names turned into ids as creating a workflow from it does.
fn example(path: &Path, mut json: Json) -> Example {
    let mut documents = HashMap::new();
    for (number, (name, template)) in embedded(&json, "documents") {
        let id = DocumentId::from_uuid(Uuid::from_u128(number + 1));
        let template =
            Template::parse(&template).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        assert_eq!(template.check(), [], "{name}");
        rename(&mut json, "document", &name, &json!(id));
        documents.insert(id, template);
    }
    for (number, (name, _)) in embedded(&json, "series") {
        let id = SeriesId::from_uuid(Uuid::from_u128(number + 200));
        rename(&mut json, "series", &name, &json!(id));
    }
    let tables = take_tables(&mut json);
    let called = take_called(&mut json);
    let name = path.file_name().unwrap_or_default();
    Example {
        file: name.to_string_lossy().into_owned(),
        workflow: parse(&json)
            .unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display())),
        documents,
        tables,
        called,
    }
}

/// What a document brings along under local names, numbered.
fn embedded(json: &Json, what: &str) -> impl Iterator<Item = (u128, (String, Json))> + use<> {
    let found = json[what].as_object().cloned().unwrap_or_default();
    (0..).zip(found)
}

/// Lets every step that names one thing in this setting name another.
fn rename(json: &mut Json, setting: &str, name: &str, other: &Json) {
    for node in json["nodes"].as_array_mut().expect("nodes") {
        if node["config"][setting] == name {
            node["config"][setting] = other.clone();
        }
    }
}

/// Examples that this one calls, by the ids that they get.
fn take_called(json: &mut Json) -> HashMap<WorkflowId, Callable> {
    let mut called = HashMap::new();
    for (number, (path, other)) in (0..).zip(files()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        for setting in ["workflow", "credit_notes"] {
            let nodes = json["nodes"].as_array().expect("nodes");
            if nodes.iter().any(|node| node["config"][setting] == *name) {
                let id = WorkflowId::from_uuid(Uuid::from_u128(number + 300));
                rename(json, setting, &name, &json!(id));
                called.insert(id, callable(&example(&path, other.clone())));
            }
        }
    }
    called
}

/// An example that is published, as one that calls it sees it.
fn callable(example: &Example) -> Callable {
    assert!(
        example.called.is_empty(),
        "the gallery makes no chain of workflows: {}",
        example.file
    );
    let checked = check(&example.workflow, &nodes::catalogue(), &named(example));
    Callable {
        name: example.workflow.name.clone(),
        is_live: true,
        calls_back: false,
        offer: checked.offer,
    }
}

/// Embedded tables, their local names turned into ids wherever a setting names them.
fn take_tables(json: &mut Json) -> HashMap<TableId, Embedded> {
    let mut tables = HashMap::new();
    for (number, (name, table)) in embedded(json, "tables") {
        let id = TableId::from_uuid(Uuid::from_u128(number + 100));
        rename(json, "table", &name, &json!(id));
        for node in json["nodes"].as_array_mut().expect("nodes") {
            let config = &mut node["config"];
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

/// What it names by id.
fn named(example: &Example) -> Named {
    let (documents, tables) = (example.documents.iter(), example.tables.iter());
    let columns = |table: &Embedded| -> Vec<Field> {
        let columns = table.columns.iter();
        columns.map(|column| column.field.clone()).collect()
    };
    Named {
        documents: documents
            .map(|(id, template)| (*id, template.declared().to_vec()))
            .collect(),
        tables: tables.map(|(id, table)| (*id, columns(table))).collect(),
        workflows: example.called.clone(),
    }
}

fn plan(example: &Example) -> Plan {
    let (plan, problems) = Plan::compile(&example.workflow, &nodes::catalogue(), &named(example));
    let errors: Vec<_> = problems
        .iter()
        .filter(|problem| problem.is_error())
        .collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", example.file);
    plan.expect("a plan")
}

/// Whether the answers of a form go one after the other into a page; the samples of the others need a server.
fn is_plain(example: &Example) -> bool {
    let plan = plan(example);
    let has_form = plan
        .nodes()
        .any(|node| matches!(node.trigger, Some(Trigger::Form(_))));
    let is_nested = plan.nodes().any(|node| node.parent.is_some());
    has_form && !is_nested && !example.documents.is_empty()
}

fn text(rendered: &Rendered) -> String {
    pdf_text(&rendered.pdf().expect("a PDF"))
}

/// What can be read on the pages, on one line.
pub(super) fn pdf_text(bytes: &[u8]) -> String {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "example-{}-{:?}.pdf",
        std::process::id(),
        std::thread::current().id()
    ));
    std::fs::write(&file, bytes).expect("written");
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
    for example in examples().into_iter().filter(is_plain) {
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
    for example in examples().into_iter().filter(is_plain) {
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
