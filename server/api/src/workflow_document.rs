//! Workflow documents as the API takes and gives them: reading and checking one, and moving document templates between "embedded
//! under a local name" (exports, examples) and "a resource of its own" (drafts). Which settings name a template says the schema
//! (`x-widget: "document"`), never a node type.

use std::{collections::HashMap, str::FromStr};

use document::Template;
use engine::{
    catalogue::Catalogue,
    check::{Checked, Problem},
    graph,
    ids::{CredentialId, DocumentId, SeriesId},
    kind::Field,
    node::Trigger,
    schema,
    series::Series,
    workflow::{Node, Workflow},
};
use indexmap::IndexMap;
use jiff::civil::Date;
use serde_json::{Value as Json, json};
use store::{
    Scope, Store,
    document::{Document, NewDocument},
    fresh_id,
};

use crate::{
    App,
    error::{ApiError, Result},
    routes::StepIconOut,
};

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

/// What a document names of its workspace.
pub(crate) struct Resources {
    /// Newest versions.
    pub templates: Vec<Document>,
    pub series: Vec<(SeriesId, Series)>,
    /// With their kinds.
    pub credentials: Vec<(CredentialId, String)>,
}

pub(crate) async fn resources(
    store: &Store,
    scope: &Scope,
    catalogue: &Catalogue,
    workflow: &Workflow,
) -> Result<Resources> {
    Ok(Resources {
        templates: templates(store, scope, catalogue, workflow).await?,
        series: store::series::known(store, scope, &named(catalogue, workflow, "series")).await?,
        credentials: credentials(store, scope).await?,
    })
}

async fn credentials(store: &Store, scope: &Scope) -> Result<Vec<(CredentialId, String)>> {
    let known = store::credential::list(store, scope).await?;
    Ok(known
        .into_iter()
        .map(|credential| (credential.id, credential.kind))
        .collect())
}

/// The ids that settings with this widget hold.
fn named<I: FromStr>(catalogue: &Catalogue, workflow: &Workflow, widget: &str) -> Vec<I> {
    let nodes = workflow.nodes.iter();
    nodes
        .flat_map(|node| settings(catalogue, node, widget))
        .filter_map(|(_, name)| name.parse().ok())
        .collect()
}

/// The templates a document names, newest versions.
pub(crate) async fn templates(
    store: &Store,
    scope: &Scope,
    catalogue: &Catalogue,
    workflow: &Workflow,
) -> Result<Vec<Document>> {
    let ids: Vec<DocumentId> = named(catalogue, workflow, "document");
    Ok(store::document::newest(store, scope, &ids).await?)
}

/// The typed fields of templates, as checks and plans want them.
pub(crate) fn fields(templates: &[Document]) -> HashMap<DocumentId, Vec<Field>> {
    templates
        .iter()
        .map(|document| {
            let fields = Template::parse(&document.template)
                .map(|template| template.fields())
                .unwrap_or_default();
            (document.id, fields)
        })
        .collect()
}

/// Every problem of a document, and what the editor draws of its steps.
pub(crate) fn check(workflow: &Workflow, catalogue: &Catalogue, resources: &Resources) -> Checked {
    let mut checked = engine::check::check(workflow, catalogue, &fields(&resources.templates));
    for (index, node) in workflow.nodes.iter().enumerate() {
        for (pointer, name) in settings(catalogue, node, "series") {
            let known = |(id, _): &(SeriesId, Series)| id.to_string() == name;
            if !resources.series.iter().any(known) {
                let message = "This series of numbers does not exist. Choose another one.";
                let problem = Problem::error("series_unknown", json!({}), message)
                    .at(format!("/nodes/{index}/config{pointer}"))
                    .of(&node.id);
                checked.problems.push(problem);
            }
        }
    }
    for (index, node) in workflow.nodes.iter().enumerate() {
        checked
            .problems
            .extend(proof_problem(index, node, catalogue, resources));
    }
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

/// Settings of a node that name a thing of the workspace, told by their widget: (pointer in the config, value).
fn settings(catalogue: &Catalogue, node: &Node, widget: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Some(known) = catalogue.get(&node.node_type, node.version) {
        schema::walk(
            &known.schema,
            &node.config,
            &mut |pointer, schema, value| {
                let told = schema.get("x-widget").and_then(Json::as_str);
                if let (true, Some(name)) = (told == Some(widget), value.as_str()) {
                    found.push((pointer.to_owned(), name.to_owned()));
                }
            },
        );
    }
    found
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
        if let Err(found) = Template::parse(&template) {
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
    rename(catalogue, workflow, "document", |name| {
        ids.get(name).map(ToString::to_string)
    });
    Ok(made)
}

/// Turns embedded series into those of this workspace: of the same name, or new ones.
pub(crate) async fn extract_series(
    app: &App,
    scope: &Scope,
    workflow: &mut Workflow,
    today: Date,
) -> Result<()> {
    let embedded = std::mem::take(&mut workflow.series);
    let mut ids: HashMap<String, SeriesId> = HashMap::new();
    for (local, series) in embedded {
        let place = format!("/document/series/{}", engine::value::escape_pointer(&local));
        let problems = series.check();
        if !problems.is_empty() {
            let problems = problems.into_iter().map(|problem| problem.under(&place));
            return Err(ApiError::from_problems(
                "A series of numbers in this workflow cannot be used.",
                problems.collect(),
            ));
        }
        let id = store::series::find_or_create(&app.store, scope, &series, today).await?;
        ids.insert(local, id);
    }
    rename(&app.catalogue, workflow, "series", |name| {
        ids.get(name).map(ToString::to_string)
    });
    Ok(())
}

/// Embeds what a document names of its workspace under local names, for an export.
pub(crate) fn embed(catalogue: &Catalogue, workflow: &mut Workflow, resources: Resources) {
    embed_documents(catalogue, workflow, resources.templates);
    let mut names: HashMap<String, String> = HashMap::new();
    for (id, series) in resources.series {
        let local = free_name(&workflow.series, &local_name(&series.name, "series"));
        names.insert(id.to_string(), local.clone());
        workflow.series.insert(local, series);
    }
    rename(catalogue, workflow, "series", |id| names.get(id).cloned());
}

fn embed_documents(catalogue: &Catalogue, workflow: &mut Workflow, templates: Vec<Document>) {
    let mut names: HashMap<String, String> = HashMap::new();
    for template in templates {
        let local = free_name(&workflow.documents, &local_name(&template.name, "document"));
        names.insert(template.id.to_string(), local.clone());
        workflow.documents.insert(local, template.template);
    }
    rename(catalogue, workflow, "document", |id| names.get(id).cloned());
}

fn free_name<T>(taken: &IndexMap<String, T>, base: &str) -> String {
    let mut local = base.to_owned();
    let mut number = 2;
    while taken.contains_key(&local) {
        local = format!("{base}_{number}");
        number += 1;
    }
    local
}

fn rename(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
    widget: &str,
    other: impl Fn(&str) -> Option<String>,
) {
    for node in &mut workflow.nodes {
        for (pointer, name) in settings(catalogue, node, widget) {
            if let (Some(place), Some(other)) = (node.config.pointer_mut(&pointer), other(&name)) {
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
        None => "Document".into(),
    }
}

fn local_name(name: &str, kind: &str) -> String {
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
        format!("{kind}_{local}").trim_end_matches('_').to_owned()
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
        documents: IndexMap::new(),
        series: IndexMap::new(),
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
        assert_eq!(readable("_"), "Document");
    }
}
