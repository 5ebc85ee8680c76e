//! Named values to look at a template with, written by hand or taken from what a past run filled in.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use document::Template;
use engine::{
    check::Problem,
    expression,
    firm::Firm,
    format::Formats,
    graph::{Context, Outputs, Plan, RunFacts},
    ids::{DocumentId, DocumentSampleId, RunId},
    kind::Field,
    run::StepKey,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as AnyJson, json};
use store::{
    document::Sample,
    run::{RunDetail, StepDetail},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
    workflow_document::{Resources, filled_in, parse},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentSampleOut {
    pub id: Uuid,
    pub name: String,
    /// By field name; they may fit earlier fields of the template only.
    #[schema(value_type = Object)]
    pub values: AnyJson,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentSampleIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// By field name.
    #[schema(value_type = Object)]
    pub values: AnyJson,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentSampleFromRunIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    pub run: Uuid,
    /// Id of the step that filled the document in; the first one when absent.
    pub node: Option<String>,
    /// Which entry's, where the step lies in one that goes through a list.
    pub item_path: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_document_samples, add_document_sample))
        .routes(routes!(take_document_sample))
        .routes(routes!(change_document_sample, remove_document_sample))
}

/// All samples of a document, by name.
#[utoipa::path(get, path = "/documents/{id}/samples", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<DocumentSampleOut>)))]
async fn list_document_samples(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Page<DocumentSampleOut>>> {
    let document = store::document::get(&app.store, &caller.scope, DocumentId(id)).await?;
    let rows = store::document::samples(&app.store, &caller.scope, document.id).await?;
    Ok(Json(Page::all(rows)))
}

/// Keeps values under a name; 50 samples of at most 512 KB each are the most of one document.
#[utoipa::path(post, path = "/documents/{id}/samples", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentSampleIn, responses((status = 201, body = DocumentSampleOut)))]
async fn add_document_sample(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentSampleIn>,
) -> Result<(StatusCode, Json<DocumentSampleOut>)> {
    add(&app, &caller, DocumentId(id), &body.name, &body.values).await
}

/// Keeps what a step of a past run filled in for the document's fields. Values that are kept for less long than their run are not copied.
#[utoipa::path(post, path = "/documents/{id}/samples/from-run", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentSampleFromRunIn, responses((status = 201, body = DocumentSampleOut)))]
async fn take_document_sample(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentSampleFromRunIn>,
) -> Result<(StatusCode, Json<DocumentSampleOut>)> {
    let (store, scope) = (&app.store, &caller.scope);
    let document = store::document::get(store, scope, DocumentId(id)).await?;
    let detail = store::run::get(store, scope, RunId(body.run)).await?;
    if store::private::concerns(store, scope, detail.item.id).await? {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "run_private",
            "Some values of this run are kept for a short time only. They are not copied into a sample.",
        ));
    }
    let steps = store::run::steps(store, scope, detail.item.id).await?;
    let fields = Template::parse(&document.template)
        .map(|template| template.fields())
        .unwrap_or_default();
    let values = read_run(
        &app,
        &caller,
        &detail,
        &steps,
        (&body, document.id, &fields),
    )
    .await?;
    add(&app, &caller, document.id, &body.name, &values).await
}

/// Replaces the name and the values of a sample.
#[utoipa::path(put, path = "/documents/{id}/samples/{sample}", tag = "documents",
    params(("id" = Uuid, Path), ("sample" = Uuid, Path)), request_body = DocumentSampleIn,
    responses((status = 200, body = DocumentSampleOut)))]
async fn change_document_sample(
    State(app): State<App>,
    caller: Caller,
    Path((id, sample)): Path<(Uuid, Uuid)>,
    Body(body): Body<DocumentSampleIn>,
) -> Result<Json<DocumentSampleOut>> {
    let (store, scope) = (&app.store, &caller.scope);
    let place = (DocumentId(id), DocumentSampleId(sample));
    store::document::change_sample(store, scope, place, &body.name, &body.values).await?;
    let sample = store::document::sample(store, scope, place.0, place.1).await?;
    Ok(Json(sample.into()))
}

/// Deletes a sample.
#[utoipa::path(delete, path = "/documents/{id}/samples/{sample}", tag = "documents",
    params(("id" = Uuid, Path), ("sample" = Uuid, Path)), responses((status = 204)))]
async fn remove_document_sample(
    State(app): State<App>,
    caller: Caller,
    Path((id, sample)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode> {
    let (document, sample) = (DocumentId(id), DocumentSampleId(sample));
    store::document::remove_sample(&app.store, &caller.scope, document, sample).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add(
    app: &App,
    caller: &Caller,
    document: DocumentId,
    name: &str,
    values: &AnyJson,
) -> Result<(StatusCode, Json<DocumentSampleOut>)> {
    let (store, scope) = (&app.store, &caller.scope);
    let id = store::document::add_sample(store, scope, document, name, values).await?;
    let sample = store::document::sample(store, scope, document, id).await?;
    Ok((StatusCode::CREATED, Json(sample.into())))
}

/// What a step filled in for the document's fields: its settings, evaluated over what was stored when it ran. No node runs here.
async fn read_run(
    app: &App,
    caller: &Caller,
    detail: &RunDetail,
    steps: &[StepDetail],
    (wanted, document, fields): (&DocumentSampleFromRunIn, DocumentId, &[Field]),
) -> Result<AnyJson> {
    let workflow = parse(&detail.document)?;
    let resources =
        Resources::read(&app.store, &caller.scope, &app.catalogue, &workflow, None).await?;
    let (plan, problems) = Plan::compile(&workflow, &app.catalogue, &resources.named());
    let Some(plan) = plan else {
        return Err(ApiError::from_problems(
            "The workflow of this run cannot be read any more.",
            problems,
        ));
    };
    let found = steps.iter().find_map(|step| {
        let node = workflow.nodes.iter().find(|node| node.id == step.node)?;
        let is_it = step.state == "succeeded"
            && wanted.node.as_ref().is_none_or(|id| *id == step.node)
            && wanted
                .item_path
                .as_ref()
                .is_none_or(|path| *path == step.item_path);
        let settings = filled_in(&app.catalogue, node, document).filter(|_| is_it)?;
        Some((step, plan.node(&step.node)?, settings))
    });
    let Some((step, node, settings)) = found else {
        return Err(ApiError::invalid(
            "run_without_page",
            "/run",
            "No step of this run filled in this document.",
        ));
    };
    let firm: Firm = serde_json::from_value(detail.firm.clone()).map_err(ApiError::internal)?;
    let context = Context {
        firm: &firm,
        run: RunFacts {
            id: detail.item.id,
            started_at: detail.item.created_at,
            trial: detail.item.trial,
            links: BTreeMap::new(),
        },
        now: step.started_at.unwrap_or(detail.item.created_at),
    };
    let values = plan.values(node, &step.item_path, &outputs(steps), &context);
    let formats = Formats::new(&plan.locale, plan.time_zone.clone(), &plan.currency);
    let mut filled = Map::new();
    let mut problems = Vec::new();
    for (name, text) in settings {
        let text = text.as_str().unwrap_or_default();
        let template = expression::Template(text.to_owned());
        match template.evaluate_in(&values, &formats) {
            Ok(value) => {
                // What fitted an earlier field only stays as it was.
                let field = fields.iter().find(|field| field.name == *name);
                let value = field
                    .and_then(|field| value.clone().convert(&field.kind, &plan.currency).ok())
                    .unwrap_or(value);
                filled.insert(name.clone(), value.to_json());
            }
            Err(error) => {
                let problem = Problem::error(error.code(), json!({}), error.to_string());
                problems.push(problem.at(format!("/values/{name}")).of(&step.node));
            }
        }
    }
    if problems.is_empty() {
        Ok(AnyJson::Object(filled))
    } else {
        Err(ApiError::from_problems(
            "Some values of this run cannot be read any more.",
            problems,
        ))
    }
}

/// What has come of the run's steps.
fn outputs(steps: &[StepDetail]) -> Outputs {
    let mut outputs = Outputs::default();
    for step in steps {
        let key = StepKey {
            node: step.node.clone(),
            item_path: step.item_path.clone(),
        };
        if let Some(entries) = step.kept.as_ref().and_then(AnyJson::as_array) {
            outputs.expanded(key.clone(), entries.clone());
        }
        match step.state.as_str() {
            "succeeded" => {
                let output = step.output.clone().unwrap_or_default();
                outputs.succeeded(key, Arc::new(output));
            }
            "failed" => outputs.failed(key, step.error.clone().unwrap_or_default()),
            _ => {}
        }
    }
    outputs
}

impl From<Sample> for DocumentSampleOut {
    fn from(sample: Sample) -> Self {
        Self {
            id: sample.id.as_uuid(),
            name: sample.name,
            values: sample.values,
            changed_at: sample.changed_at,
            changed_by: sample.changed_by,
        }
    }
}
