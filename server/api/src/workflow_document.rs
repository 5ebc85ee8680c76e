//! Workflow documents as the API takes and gives them: reading and checking one, and moving document templates, series and tables between
//! "embedded under a local name" (exports, examples) and "a resource of its own" (drafts). Which settings name one says the schema
//! (`x-widget: "document"`, `"table"`), never a node type.

mod called;
mod members;
mod series;
mod tables;

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use document::Template;
use engine::{
    call::{Callable, Offer},
    catalogue::Catalogue,
    check::{Checked, Problem},
    graph::{self, Named},
    ids::{CredentialId, DocumentId, MemberId, SeriesId, WorkflowId},
    node::Trigger,
    private::Private,
    schedule::Schedule,
    schema,
    series::Series,
    workflow::{DocumentWarnings, Node, Workflow},
};
use serde_json::{Value as Json, json};
use store::{
    Scope, Store,
    document::{Document, NewDocument},
    fresh_id,
    table::Table,
};

use crate::{
    error::{ApiError, Result},
    routes::StepIconOut,
};

pub(crate) use called::{called_names, rename_called};
pub(crate) use series::{embed_series, extract_series};
pub(crate) use tables::{choices, embed_tables, extract_tables};

/// The controls of settings that name a document template, members, a series, a table, or a workflow.
const DOCUMENT: &str = "document";
const MEMBERS: &str = "members";
const SERIES: &str = "series";
const TABLE: &str = "table";
const WORKFLOW: &str = "workflow";

/// Reads a document, or says everything that is wrong with its shape.
pub(crate) fn parse(document: &Json) -> Result<Workflow> {
    graph::parse(document).map_err(|problems| {
        let problems = problems
            .into_iter()
            .map(|problem| problem.under("/document"))
            .collect();
        ApiError::from_problems("This is not a workflow.", problems)
    })
}

/// What a workflow names by id, as it is now.
pub(crate) struct Resources {
    /// Newest versions.
    pub(crate) templates: Vec<Document>,
    pub(crate) tables: Vec<Table>,
    pub(crate) series: Vec<(SeriesId, Series)>,
    /// Those that it calls.
    pub(crate) workflows: Vec<(WorkflowId, Callable)>,
    /// The one that is to hear of failed runs.
    pub(crate) on_failure: Vec<(WorkflowId, Callable)>,
    /// All of the workspace, with their kinds.
    pub(crate) credentials: Vec<(CredentialId, String)>,
    pub(crate) members: Vec<MemberId>,
    /// A mail server is set up.
    pub(crate) sends_mail: bool,
}

impl Resources {
    /// `id`: the workflow's own, if it has one; calls must not lead back to it.
    pub(crate) async fn read(
        store: &Store,
        scope: &Scope,
        catalogue: &Catalogue,
        workflow: &Workflow,
        id: Option<WorkflowId>,
    ) -> Result<Self> {
        let named = |widget: &str| -> Vec<String> {
            let nodes = workflow.nodes.iter();
            nodes
                .flat_map(|node| settings(catalogue, node, widget))
                .map(|(_, name)| name)
                .collect()
        };
        let documents: Vec<_> = ids(&named(DOCUMENT));
        let tables: Vec<_> = ids(&named(TABLE));
        let series: Vec<_> = ids(&named(SERIES));
        let workflows: Vec<_> = ids(&named(WORKFLOW));
        let on_failure: Vec<_> = workflow.on_failure.into_iter().collect();
        let credentials = store::credential::list(store, scope).await?;
        let members = store::account::members(store, scope).await?;
        Ok(Self {
            templates: store::document::newest(store, scope, &documents).await?,
            tables: store::table::several(store, scope, &tables).await?,
            series: store::series::known(store, scope, &series).await?,
            workflows: store::call::callables(store, scope, &workflows, id).await?,
            on_failure: store::call::callables(store, scope, &on_failure, None).await?,
            credentials: credentials
                .into_iter()
                .map(|credential| (credential.id, credential.kind))
                .collect(),
            members: members.into_iter().map(|member| member.id).collect(),
            sends_mail: store::mail_server::is_set(store, scope).await?,
        })
    }

    /// Workflows that it calls, with what they offer.
    pub(crate) fn calls(&self) -> Vec<(WorkflowId, String, Offer)> {
        let known = self.workflows.iter();
        known
            .filter_map(|(id, other)| Some((*id, other.name.clone(), other.offer.clone()?)))
            .collect()
    }

    /// Typed fields and columns, as checks and plans want them.
    pub(crate) fn named(&self) -> Named {
        let fields = |document: &Document| {
            Template::parse(&document.template)
                .map(|template| template.declared().to_vec())
                .unwrap_or_default()
        };
        Named {
            documents: self
                .templates
                .iter()
                .map(|document| (document.id, fields(document)))
                .collect(),
            tables: self
                .tables
                .iter()
                .map(|table| (table.id, table.layout.fields()))
                .collect(),
            // What a step calls comes last: whether that leads back here counts for steps only.
            workflows: self
                .on_failure
                .iter()
                .chain(&self.workflows)
                .cloned()
                .collect(),
        }
    }
}

fn ids<T: FromStr>(names: &[String]) -> Vec<T> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Every problem of a document, and what the editor draws of its steps.
pub(crate) fn check(workflow: &Workflow, catalogue: &Catalogue, resources: &Resources) -> Checked {
    let mut checked = engine::check::check(workflow, catalogue, &resources.named());
    let series = series::problems(workflow, catalogue, resources);
    let members = members::problems(workflow, catalogue, resources);
    let nodes = workflow.nodes.iter().enumerate();
    let others = nodes.flat_map(|(index, node)| {
        let proof = proof_problem(index, node, catalogue, resources);
        proof
            .into_iter()
            .chain(mail_problem(index, node, catalogue, resources))
    });
    checked
        .problems
        .extend(series.into_iter().chain(members).chain(others));
    checked
}

/// Callers of an inbound webhook can only prove themselves with a credential of the kind that the proof needs.
fn proof_problem(
    index: usize,
    node: &Node,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Option<Problem> {
    let known = catalogue.get(&node.node_type, node.version)?;
    let Some(Trigger::Webhook(webhook)) = known.bind(&node.config).ok()?.trigger() else {
        return None;
    };
    let (needed, id) = (webhook.proof.credential()?, webhook.credential?);
    let found = resources.credentials.iter().find(|(known, _)| *known == id);
    let problem = match found {
        Some((_, kind)) if kind == needed => return None,
        Some(_) => Problem::error(
            "credential_kind",
            json!({"kind": needed}),
            "This proof needs a credential of another kind.",
        ),
        None => Problem::error(
            "credential_unknown",
            json!({}),
            "This credential does not exist. Choose another one.",
        ),
    };
    let place = format!("/nodes/{index}/config/credential");
    Some(problem.at(place).of(&node.id))
}

/// Without a mail server nothing can be sent; a workflow may still be built before there is one.
fn mail_problem(
    index: usize,
    node: &Node,
    catalogue: &Catalogue,
    resources: &Resources,
) -> Option<Problem> {
    let known = catalogue.get(&node.node_type, node.version)?;
    if resources.sends_mail || !known.bind(&node.config).ok()?.sends_mail() {
        return None;
    }
    let message = "No mail server is set up, so nothing can be sent. An owner can set one up under Settings, Mail.";
    let problem = Problem::warning("no_mail_server", json!({}), message);
    Some(problem.at(format!("/nodes/{index}/config")).of(&node.id))
}

/// Settings of a node that name something by this widget: (pointer in the config, value).
fn settings(catalogue: &Catalogue, node: &Node, wanted: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Some(known) = catalogue.get(&node.node_type, node.version) {
        schema::walk(
            &known.schema,
            &node.config,
            &mut |pointer, schema, value| {
                let widget = schema.get("x-widget").and_then(Json::as_str);
                if let (true, Some(name)) = (widget == Some(wanted), value.as_str()) {
                    found.push((pointer.to_owned(), name.to_owned()));
                }
            },
        );
    }
    found
}

/// What a step fills in for the fields of a document that it names: expressions by field.
pub(crate) fn filled_in<'a>(
    catalogue: &Catalogue,
    node: &'a Node,
    document: DocumentId,
) -> Option<&'a serde_json::Map<String, Json>> {
    let id = document.to_string();
    let (named, filled) = filled(catalogue, node)?;
    (named == id).then_some(filled)
}

/// Whether a step names a document.
pub(crate) fn names_document(catalogue: &Catalogue, node: &Node) -> bool {
    !settings(catalogue, node, DOCUMENT).is_empty()
}

/// The document that a step fills in, and with what: expressions by field.
pub(crate) fn filled<'a>(
    catalogue: &Catalogue,
    node: &'a Node,
) -> Option<(&'a str, &'a serde_json::Map<String, Json>)> {
    let known = catalogue.get(&node.node_type, node.version)?;
    let properties = known.schema.get("properties")?.as_object()?;
    properties.iter().find_map(|(name, schema)| {
        let document = schema["x-keys"]["document_fields"].as_str()?;
        let is_filled =
            schema["x-widget"] == "key_value" && properties.get(document)?["x-widget"] == DOCUMENT;
        let named = node.config[document].as_str().filter(|_| is_filled)?;
        Some((named, node.config[name.as_str()].as_object()?))
    })
}

/// Turns embedded templates into resources with fresh ids. A name that nothing embeds stays and becomes a problem of the check.
pub(crate) fn extract_documents(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
) -> Result<Vec<NewDocument>> {
    let embedded = std::mem::take(&mut workflow.documents);
    let mut ids: HashMap<String, DocumentId> = HashMap::new();
    let mut made = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for (local, template) in embedded {
        let found = match Template::parse(&template) {
            Ok(template) => template.check(),
            Err(found) => found,
        };
        if !found.is_empty() {
            let place = format!(
                "/document/documents/{}",
                engine::value::escape_pointer(&local)
            );
            problems.extend(found.into_iter().map(|problem| problem.under(&place)));
            continue;
        }
        let id: DocumentId = fresh_id();
        made.push(NewDocument {
            id,
            name: readable(&local),
            template,
        });
        ids.insert(local, id);
    }
    if !problems.is_empty() {
        return Err(ApiError::from_problems(
            "A document in this workflow cannot be read.",
            problems,
        ));
    }
    rename(catalogue, workflow, DOCUMENT, |name| {
        ids.get(name).map(ToString::to_string)
    });
    Ok(made)
}

/// Embeds templates under local names, for an export.
pub(crate) fn embed_documents(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
    templates: Vec<Document>,
) {
    let mut names: HashMap<String, String> = HashMap::new();
    for template in templates {
        let local = free_name(&local_name(&template.name, "document"), |local| {
            workflow.documents.contains_key(local)
        });
        names.insert(template.id.to_string(), local.clone());
        workflow.documents.insert(local, template.template);
    }
    rename(catalogue, workflow, DOCUMENT, |id| names.get(id).cloned());
}

fn rename(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
    widget: &str,
    rename: impl Fn(&str) -> Option<String>,
) {
    for node in &mut workflow.nodes {
        for (pointer, name) in settings(catalogue, node, widget) {
            if let (Some(place), Some(other)) = (node.config.pointer_mut(&pointer), rename(&name)) {
                *place = Json::String(other);
            }
        }
    }
}

fn readable(local: &str) -> String {
    let text = local.replace(['_', '-'], " ");
    let mut letters = text.trim().chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).take(200).collect(),
        None => "Unnamed".into(),
    }
}

fn free_name(base: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut local = base.to_owned();
    let mut number = 2;
    while is_taken(&local) {
        local = format!("{base}_{number}");
        number += 1;
    }
    local
}

/// A name's letters as an identifier; `noun` begins it where they do not.
fn local_name(name: &str, noun: &str) -> String {
    let mut local = String::new();
    for letter in name.chars().take(60) {
        if letter.is_ascii_alphanumeric() {
            local.push(letter.to_ascii_lowercase());
        } else if !local.is_empty() && !local.ends_with('_') {
            local.push('_');
        }
    }
    let local = local.trim_end_matches('_');
    if local.starts_with(|letter: char| letter.is_ascii_lowercase()) {
        local.to_owned()
    } else {
        format!("{noun}_{local}").trim_end_matches('_').to_owned()
    }
}

/// An empty workflow with the firm's language, zone and currency.
pub(crate) fn empty(name: &str, firm: &engine::firm::Firm) -> Workflow {
    Workflow {
        format: engine::workflow::FORMAT.into(),
        name: name.into(),
        locale: firm.locale.clone(),
        time_zone: firm.time_zone.clone(),
        currency: firm.currency.clone(),
        nodes: Vec::new(),
        edges: Vec::new(),
        samples: Vec::new(),
        on_failure: None,
        concurrency: None,
        document_warnings: DocumentWarnings::default(),
        documents: indexmap::IndexMap::new(),
        series: indexmap::IndexMap::new(),
        tables: indexmap::IndexMap::new(),
    }
}

/// The steps in small; unknown types keep their name and a neutral look.
pub(crate) fn step_icons(catalogue: &Catalogue, nodes: &[Node]) -> Vec<StepIconOut> {
    nodes
        .iter()
        .map(|node| {
            let known = catalogue.get(&node.node_type, node.version);
            StepIconOut {
                name: node.name.clone(),
                family: known.map_or("computed".into(), |known| slug(&known.description.family)),
                icon: known.map_or("circle-help".into(), |known| known.description.icon.into()),
            }
        })
        .collect()
}

/// How the engine's small enums stand in JSON.
pub(crate) fn slug(value: &impl serde::Serialize) -> String {
    match json!(value) {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

/// What can start a run, by node id, in document order.
pub(crate) fn triggers(catalogue: &Catalogue, nodes: &[Node]) -> Vec<(String, Trigger)> {
    nodes
        .iter()
        .filter_map(|node| {
            let known = catalogue.get(&node.node_type, node.version)?;
            let trigger = known.bind(&node.config).ok()?.trigger()?;
            Some((node.id.clone(), trigger))
        })
        .collect()
}

/// The schedules by which runs begin, by node.
pub(crate) fn schedules(catalogue: &Catalogue, workflow: &Workflow) -> Vec<(String, Schedule)> {
    triggers(catalogue, &workflow.nodes)
        .into_iter()
        .filter_map(|(node, trigger)| match trigger {
            Trigger::Schedule(schedule) => Some((node, schedule?)),
            Trigger::Form(_) | Trigger::Webhook(_) | Trigger::Call(_) => None,
        })
        .collect()
}

/// What is handed in and not kept as long as the run, by the step that takes it in.
pub(crate) fn private(catalogue: &Catalogue, workflow: &Workflow) -> BTreeMap<String, Private> {
    triggers(catalogue, &workflow.nodes)
        .into_iter()
        .map(|(node, trigger)| (node, trigger.private()))
        .filter(|(_, private)| !private.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_names_are_identifiers() {
        fn check(name: &str, expected: &str) {
            assert_eq!(local_name(name, "document"), expected, "{name}");
        }
        check("Invoice page", "invoice_page");
        check("  Ä 2 ", "document_2");
        check("发票", "document");
        check("2027", "document_2027");
    }

    #[test]
    fn readable_names_begin_with_a_capital() {
        assert_eq!(readable("travel_itinerary"), "Travel itinerary");
        assert_eq!(readable("_"), "Unnamed");
    }
}
