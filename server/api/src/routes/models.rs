//! The models of this installation and how they are.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::runs::out::StepErrorOut;
use crate::{App, auth::Caller, error::Result, extract::Body, workflow_document::slug};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsOut {
    pub items: Vec<ModelOut>,
    /// Name of the model that steps without one use.
    pub default: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelOut {
    pub name: String,
    pub title: String,
    /// `ready`, `loading`, `downloading`, `missing` or `failed`.
    pub state: String,
    pub size_bytes: Option<i64>,
    pub done_bytes: Option<i64>,
    pub bytes_per_second: Option<i64>,
    pub seconds_left: Option<i64>,
    pub error: Option<StepErrorOut>,
    /// Measured here.
    pub tokens_per_second: Option<f64>,
    pub memory_bytes: Option<i64>,
    pub licence: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelsPatch {
    /// Name of the model that steps without one use.
    pub default: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_models, change_models))
}

/// All models.
#[utoipa::path(get, path = "/models", tag = "models", responses((status = 200, body = ModelsOut)))]
async fn list_models(State(app): State<App>, caller: Caller) -> Result<Json<ModelsOut>> {
    Ok(Json(models_out(&app, &caller).await?))
}

/// Chooses the default model.
#[utoipa::path(patch, path = "/models", tag = "models", request_body = ModelsPatch, responses((status = 200, body = ModelsOut)))]
async fn change_models(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<ModelsPatch>,
) -> Result<Json<ModelsOut>> {
    store::account::set_default_model(&app.store, &caller.scope, &body.default).await?;
    Ok(Json(models_out(&app, &caller).await?))
}

async fn models_out(app: &App, caller: &Caller) -> Result<ModelsOut> {
    let models = store::model::list(&app.store).await?;
    Ok(ModelsOut {
        default: store::account::default_model(&app.store, &caller.scope).await?,
        items: models
            .into_iter()
            .map(|model| ModelOut {
                state: slug(&model.state),
                name: model.name,
                title: model.title,
                size_bytes: Some(model.size_bytes),
                done_bytes: Some(model.done_bytes),
                bytes_per_second: model.bytes_per_second,
                seconds_left: model.seconds_left,
                error: model.error.map(StepErrorOut::from),
                tokens_per_second: model.tokens_per_second,
                memory_bytes: model.memory_bytes,
                licence: model.licence,
            })
            .collect(),
    })
}
