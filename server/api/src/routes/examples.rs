//! The gallery of shipped workflows.

use axum::{Json, extract::State, response::Response};
use document::Template;
use engine::{
    firm::Firm,
    form::{Setting, Source},
    node::{Family, Trigger},
    value::{Record, record_to_json},
    workflow::Workflow,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Page,
    documents::parse_template,
    previews::{context, first_page},
    runs::input::constants,
    workflows::StepIconOut,
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    examples::{Card, Example},
    extract::{Path, Query},
    openapi::WorkflowSchema,
    workflow_document::{step_icons, triggers},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExampleOut {
    pub name: String,
    pub title: String,
    /// The first lines of its form, or of its first step.
    pub summary: String,
    /// A step asks a model.
    pub needs_model: bool,
    pub steps: Vec<StepIconOut>,
    /// Address of the first page, drawn with the first sample.
    pub page_url: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExamplesQuery {
    /// Language of titles and summaries, such as `en` or `zh-CN`.
    lang: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_examples))
        .routes(routes!(read_example))
        .routes(routes!(draw_example))
}

/// All shipped examples.
#[utoipa::path(get, path = "/examples", tag = "examples", params(ExamplesQuery),
    responses((status = 200, body = Page<ExampleOut>)))]
async fn list_examples(
    State(app): State<App>,
    _caller: Caller,
    Query(query): Query<ExamplesQuery>,
) -> Result<Json<Page<ExampleOut>>> {
    let language = query.lang.as_deref().unwrap_or("en");
    let items = app
        .gallery
        .iter()
        .map(|example| {
            let nodes = &example.workflow.nodes;
            let card = app.gallery.card(language, example.name);
            let Card { title, summary } = card.unwrap_or_else(|| Card {
                title: example.workflow.name.clone(),
                summary: triggers(&app.catalogue, nodes)
                    .into_iter()
                    .find_map(|(_, trigger)| match trigger {
                        Trigger::Form(form) => Some(form.intro),
                        Trigger::Webhook(_) | Trigger::Schedule(_) | Trigger::Call(_) => None,
                    })
                    .unwrap_or_default(),
            });
            let needs_model = nodes.iter().any(|node| {
                app.catalogue
                    .get(&node.node_type, node.version)
                    .is_some_and(|known| known.description.family == Family::Written)
            });
            ExampleOut {
                name: example.name.to_owned(),
                title,
                summary,
                needs_model,
                steps: step_icons(&app.catalogue, nodes),
                page_url: (!example.workflow.documents.is_empty())
                    .then(|| format!("/api/examples/{}/page.svg", example.name)),
            }
        })
        .collect();
    Ok(Json(Page::complete(items)))
}

/// One example as it is shipped, documents embedded.
#[utoipa::path(get, path = "/examples/{name}", tag = "examples", params(("name" = String, Path)),
    responses((status = 200, body = WorkflowSchema)))]
async fn read_example(
    State(app): State<App>,
    _caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let example = app
        .gallery
        .find(&name)
        .ok_or_else(|| ApiError::not_found("example"))?;
    Ok(Json(example.json.clone()))
}

/// The example's first page with its first sample and the firm's own name and logo, as SVG.
#[utoipa::path(get, path = "/examples/{name}/page.svg", tag = "examples", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String)))]
async fn draw_example(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response> {
    let example = app
        .gallery
        .find(&name)
        .ok_or_else(|| ApiError::not_found("example"))?
        .clone();
    Box::pin(picture(&app, &caller, &example)).await
}

/// The first page with the first sample's answers. No node runs here: what only a run can give, such as a model's text, is the
/// template's own sample.
async fn picture(app: &App, caller: &Caller, example: &Example) -> Result<Response> {
    let (_, template) = example
        .workflow
        .documents
        .first()
        .ok_or_else(|| ApiError::not_found("page"))?;
    let template = parse_template(template)?;
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let workflow = &example.workflow;
    let context = context(
        &firm,
        Some(&workflow.locale),
        Some(&workflow.currency),
        Some(&workflow.time_zone),
    )?;
    let sample = workflow
        .samples
        .first()
        .map_or(Value::Null, |sample| sample.input.clone());
    let values = sample_values(app, workflow, &sample, &firm, &template);
    Box::pin(first_page(app, &caller.scope, template, values, context)).await
}

/// The template's sample, and over it the sample's answers as far as they have the name and kind of a field.
pub(super) fn sample_values(
    app: &App,
    workflow: &Workflow,
    sample: &Value,
    firm: &Firm,
    template: &Template,
) -> Record {
    let form = triggers(&app.catalogue, &workflow.nodes)
        .into_iter()
        .find_map(|(_, trigger)| match trigger {
            Trigger::Form(form) => Some(form),
            Trigger::Webhook(_) | Trigger::Schedule(_) | Trigger::Call(_) => None,
        });
    let answers = form.and_then(|form| {
        // Nothing is taken here, only drawn: whatever a sample chose counts as a row that is there.
        let mut chosen = Vec::new();
        texts(sample, &mut chosen);
        let form = form.with_choices(&|_| Some(chosen.clone()));
        let constants = constants(firm, &workflow.time_zone);
        let setting = Setting {
            source: Source::Program,
            locale: &workflow.locale,
            time_zone: &workflow.time_zone,
            currency: &workflow.currency,
            constants: &constants,
            files: &|_| None,
        };
        form.submit(sample, &setting).ok()
    });
    let answers = answers.map_or_else(|| sample.clone(), |record| record_to_json(&record));
    let mut values = template.sample().clone();
    for field in template.fields() {
        if let Some(json) = answers.get(&field.name).filter(|json| !json.is_null())
            && let Ok(value) = engine::value::Value::payable_from_json(json, &field.kind)
        {
            values.insert(field.name, value);
        }
    }
    values
}

fn texts(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|item| texts(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
