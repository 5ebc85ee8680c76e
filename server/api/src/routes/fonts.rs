//! Fonts that people bring for their documents, beside those that are built in or on the machine. What a file may be is decided by
//! `document`; only people who may set up the firm bring one.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use document::{FontError, FontFace};
use engine::ids::FontId;
use jiff::Timestamp;
use serde::Serialize;
use store::font::{Face, Font, MAX_BYTES};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Path, raw_body},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FontsOut {
    /// Faces that were uploaded.
    pub items: Vec<FontOut>,
    /// Names of all families that a template can be set in: uploaded, built in, on the server's machine.
    pub families: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FontOut {
    pub id: Uuid,
    /// What a template names it by.
    pub family: String,
    /// 1 to 1000; 400 is regular, 700 bold.
    pub weight: i32,
    pub italic: bool,
    pub size_bytes: i64,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_fonts, add_font))
        .routes(routes!(remove_font))
}

/// Fonts that documents can be set in.
#[utoipa::path(get, path = "/fonts", tag = "documents", responses((status = 200, body = FontsOut)))]
async fn list_fonts(State(app): State<App>, caller: Caller) -> Result<Json<FontsOut>> {
    let fonts = store::font::list(&app.store, &caller.scope).await?;
    let renderer = app.renderer.clone();
    // The first look goes through the machine's folders.
    let families = tokio::task::spawn_blocking(move || renderer.families()).await;
    let mut families = families.map_err(ApiError::internal)?;
    families.extend(fonts.iter().map(|font| font.family.clone()));
    families.sort();
    families.dedup();
    Ok(Json(FontsOut {
        items: fonts.into_iter().map(FontOut::from).collect(),
        families,
    }))
}

/// Keeps a face: TTF or OTF that may be embedded, at most 20 MB. It takes the place of one of the same family, weight and slope.
#[utoipa::path(post, path = "/fonts", tag = "documents", request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = FontOut)))]
async fn add_font(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<(StatusCode, Json<FontOut>)> {
    let bytes = raw_body(request, MAX_BYTES).await?;
    let looked_at = bytes.clone();
    let read = tokio::task::spawn_blocking(move || FontFace::read(&looked_at)).await;
    let face = read.map_err(ApiError::internal)?.map_err(refused)?;
    let own = Face {
        family: &face.family,
        weight: face.weight,
        italic: face.italic,
    };
    let id = store::font::add(&app.store, &caller.scope, own, bytes).await?;
    let fonts = store::font::list(&app.store, &caller.scope).await?;
    let made = fonts.into_iter().find(|font| font.id == id);
    // Somebody else may have replaced it by now.
    let made = made.ok_or_else(|| ApiError::not_found("font"))?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Forgets a face; documents that name its family use a built-in font from then on and say so.
#[utoipa::path(delete, path = "/fonts/{id}", tag = "documents", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn remove_font(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::font::remove(&app.store, &caller.scope, FontId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: FontError) -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        error.code(),
        match error {
            FontError::Web => {
                "The file is compressed for the web (WOFF). Convert it to TTF or OTF."
            }
            FontError::Collection => {
                "The file holds several fonts (TTC). Extract the one that you need."
            }
            FontError::Unreadable => "The file is not a TTF or OTF font that can be read.",
            FontError::Incomplete => "The font has no name, no letters or no outlines.",
            FontError::Variable => "The font is variable. Upload a file for each of its styles.",
            FontError::Coloured => "The font has colours of its own. Upload its plain version.",
            FontError::Restricted => {
                "The font may not be embedded in documents, as its maker says in it. Choose another one."
            }
            FontError::Bundled => "A font of this name is built in. Nothing needs to be uploaded.",
        },
    )
}

impl From<Font> for FontOut {
    fn from(font: Font) -> Self {
        Self {
            id: font.id.as_uuid(),
            family: font.family,
            weight: font.weight.into(),
            italic: font.italic,
            size_bytes: i64::try_from(font.size_bytes).unwrap_or(i64::MAX),
            created_at: font.created_at,
            created_by: font.created_by,
        }
    }
}
