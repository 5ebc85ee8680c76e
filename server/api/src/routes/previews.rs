//! Pages drawn from an unsaved template and given values, on a bounded pool with a deadline. It never runs a node.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use document::{Assets, Context, PageText, Rendered, Template};
use engine::{
    check::Problem,
    firm::Firm,
    ids::{DocumentId, DocumentSampleId},
    kind::Field,
    value::{Record, Value, escape_pointer, record_to_json},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as AnyJson;
use sha2::{Digest as _, Sha256};
use store::Scope;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{documents::parse_template, examples::sample_values, runs::out::WarningOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Body,
    openapi::DocumentFieldSchema,
    preview::Drawing,
    rendering::fitting,
    web_pictures,
    workflow_document::parse,
};

/// One of `document_id` and `template` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewIn {
    pub document_id: Option<Uuid>,
    #[schema(value_type = Option<Object>)]
    pub template: Option<AnyJson>,
    /// By field name; absent ones are missing. Without any, the first sample of a workflow that uses it is shown, or the template's own.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub values: AnyJson,
    /// Show what fits of this sample of the document, instead of values.
    pub sample: Option<Uuid>,
    /// The template's own counts before it; the firm's when neither says one.
    pub locale: Option<String>,
    pub currency: Option<String>,
    pub time_zone: Option<String>,
    /// Names the editor: its newest request cancels the one before.
    #[schema(max_length = 100)]
    pub editor: Option<String>,
    /// Hashes of pages that the editor has, of which the first 200 count: their drawings are not sent again.
    #[serde(default)]
    pub known: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewOut {
    pub pages: Vec<PageOut>,
    pub warnings: Vec<WarningOut>,
    #[schema(value_type = Vec<DocumentFieldSchema>)]
    pub fields: AnyJson,
    /// What the pages show, by field name.
    #[schema(value_type = Object)]
    pub values: AnyJson,
    /// What the document computes of that, by field name.
    #[schema(value_type = Object)]
    pub computed: AnyJson,
    pub took_ms: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageOut {
    pub width_mm: f64,
    pub height_mm: f64,
    /// Of the drawing: pages that look the same have the same.
    pub hash: String,
    /// Empty where the hash is among those that are `known`.
    pub svg: String,
    /// What stands on the page, in reading order, for those who do not see the picture.
    pub text: String,
    pub boxes: Vec<BoxOut>,
    /// In the order of drawing.
    pub texts: Vec<TextOut>,
}

/// Where a block, or one value inside it, lies on the page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BoxOut {
    /// Block id.
    pub block: String,
    /// JSON pointer of the block in the template.
    pub path: String,
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
    /// The field whose value it shows.
    pub origin: Option<String>,
    /// It shows what was made of that field, and perhaps of others.
    pub is_computed: bool,
    /// Of a table, in the order of the template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub columns: Vec<ColumnPlaceOut>,
}

/// Where a column of a table lies on the page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnPlaceOut {
    pub x_mm: f64,
    pub width_mm: f64,
}

/// Where a piece of the template's texts, or a value in one, lies on the page; one a line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TextOut {
    /// Block id.
    pub block: String,
    /// JSON pointer of the text in the template.
    pub leaf: String,
    /// First byte of what is shown, in that text as UTF-8; of a value, its whole expression is meant.
    pub start: usize,
    /// Byte behind it.
    pub end: usize,
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
}

/// Pictures of one page that are loaded.
const MAX_IMAGES: usize = 50;

/// Hashes of pages that are compared.
const MAX_KNOWN: usize = 200;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview_document))
}

/// Draws the pages; 409 `superseded` when the same editor asked again meanwhile.
#[utoipa::path(post, path = "/documents/preview", tag = "documents", request_body = PreviewIn,
    responses((status = 200, body = PreviewOut)))]
async fn preview_document(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<PreviewIn>,
) -> Result<Json<PreviewOut>> {
    let sampled = body.document_id.filter(|_| body.values.is_null());
    let json = match (body.template, body.document_id) {
        (Some(template), _) => template,
        (None, Some(id)) => {
            store::document::get(&app.store, &caller.scope, DocumentId(id))
                .await?
                .template
        }
        (None, None) => {
            return Err(ApiError::invalid(
                "template_missing",
                "/template",
                "Send a template, or the id of a document.",
            ));
        }
    };
    let template = parse_template(&json)?;
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let context = context(
        &firm,
        body.locale.as_deref(),
        body.currency.as_deref(),
        body.time_zone.as_deref(),
    )?;
    let (fields, declared) = (template.fields(), serde_json::json!(template.declared()));
    let values = match (body.sample, sampled) {
        (Some(sample), _) => {
            let id = DocumentId(body.document_id.unwrap_or_default());
            let sample = DocumentSampleId(sample);
            let sample = store::document::sample(&app.store, &caller.scope, id, sample).await?;
            fitting(&fields, &sample.values)
        }
        (None, Some(id)) => {
            first_sample(&app, &caller.scope, DocumentId(id), &firm, &template).await?
        }
        (None, None) => read_values(&fields, &body.values)?,
    };
    let assets = load_assets(&app, &caller.scope, &template, &values, &context).await;
    // Of one editor of one person; another person's tab never ends it.
    let editor = body.editor.map(|editor| {
        let who = caller.member().map(|id| id.to_string()).unwrap_or_default();
        format!("{who} {}", editor.chars().take(100).collect::<String>())
    });
    let shown = record_to_json(&values);
    let drawing = Drawing {
        template,
        values,
        context,
        assets: assets.into(),
    };
    let known = body.known;
    let started = Instant::now();
    let (pages, warnings, computed) = draw(&app, editor, drawing, move |rendered| {
        let pages = (0..rendered.pages.len())
            .map(|number| page_out(rendered, number, &known))
            .collect();
        let told = rendered.warnings.iter().chain(&rendered.notes).cloned();
        let warnings = told
            .chain(rendered.unseen())
            .map(WarningOut::from)
            .collect();
        (pages, warnings, record_to_json(&rendered.computed))
    })
    .await?;
    Ok(Json(PreviewOut {
        pages,
        warnings,
        fields: declared,
        values: shown,
        computed,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

/// Draws, and once more with the pictures of the web that it shows, if there are any.
pub(super) async fn draw<T: Send + 'static>(
    app: &App,
    editor: Option<String>,
    mut drawing: Drawing,
    view: impl Fn(&Rendered) -> T + Clone + Send + 'static,
) -> Result<T> {
    let first = view.clone();
    let seen = app
        .previews
        .draw(editor.clone(), drawing.clone(), move |rendered| {
            if rendered.wanted.is_empty() {
                Ok(first(rendered))
            } else {
                Err(rendered.wanted.clone())
            }
        })
        .await?;
    match seen {
        Ok(seen) => Ok(seen),
        Err(wanted) => {
            let web = web_pictures::load(app, wanted).await;
            Arc::make_mut(&mut drawing.assets).web = web;
            app.previews.draw(editor, drawing, view).await
        }
    }
}

/// The first page as an answer. Never kept for others: it shows the caller's firm.
pub(super) async fn first_page(
    app: &App,
    scope: &Scope,
    template: Template,
    values: Record,
    context: Context,
) -> Result<Response> {
    let assets = load_assets(app, scope, &template, &values, &context).await;
    let drawing = Drawing {
        template,
        values,
        context,
        assets: assets.into(),
    };
    let svg = draw(app, None, drawing, |rendered| {
        rendered.svg(0).unwrap_or_default()
    })
    .await?;
    Ok((
        [
            (header::CONTENT_TYPE, "image/svg+xml"),
            (header::CACHE_CONTROL, "private, max-age=300"),
            // A browser may be of several people, one after the other.
            (header::VARY, "cookie, authorization"),
        ],
        svg,
    )
        .into_response())
}

/// What the first sample of a workflow that uses the document gives; the template's own sample when there is none.
pub(super) async fn first_sample(
    app: &App,
    scope: &Scope,
    document: DocumentId,
    firm: &Firm,
    template: &Template,
) -> Result<Record> {
    let Some(id) = store::document::user_of(&app.store, scope, document).await? else {
        return Ok(template.sample().clone());
    };
    let draft = store::workflow::get(&app.store, scope, id).await?.draft;
    // A draft that cannot be read shows its problems in the editor.
    let Ok(workflow) = parse(&draft.document) else {
        return Ok(template.sample().clone());
    };
    Ok(match workflow.samples.first() {
        Some(sample) => sample_values(app, &workflow, &sample.input, firm, template),
        None => template.sample().clone(),
    })
}

fn page_out(rendered: &Rendered, number: usize, known: &[String]) -> PageOut {
    let size = &rendered.pages[number];
    let mut svg = rendered.svg(number).unwrap_or_default();
    let hash: String = Sha256::digest(&svg)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if known.iter().take(MAX_KNOWN).any(|one| *one == hash) {
        svg.clear();
    }
    let texts = rendered.texts(number).into_iter().map(TextOut::from);
    PageOut {
        width_mm: f64::from(size.width_mm),
        height_mm: f64::from(size.height_mm),
        hash,
        svg,
        texts: texts.collect(),
        text: rendered.text(number).unwrap_or_default(),
        boxes: rendered
            .boxes(number)
            .iter()
            .map(|found| BoxOut {
                block: found.block.clone(),
                path: found.path.clone(),
                x_mm: f64::from(found.x_mm),
                y_mm: f64::from(found.y_mm),
                width_mm: f64::from(found.width_mm),
                height_mm: f64::from(found.height_mm),
                origin: found.origin.clone(),
                is_computed: found.is_computed,
                columns: found
                    .columns
                    .iter()
                    .map(|column| ColumnPlaceOut {
                        x_mm: f64::from(column.x_mm),
                        width_mm: f64::from(column.width_mm),
                    })
                    .collect(),
            })
            .collect(),
    }
}

impl From<PageText> for TextOut {
    fn from(text: PageText) -> Self {
        Self {
            block: text.block,
            leaf: text.leaf,
            start: text.bytes.start,
            end: text.bytes.end,
            x_mm: f64::from(text.x_mm),
            y_mm: f64::from(text.y_mm),
            width_mm: f64::from(text.width_mm),
            height_mm: f64::from(text.height_mm),
        }
    }
}

pub(super) fn context(
    firm: &Firm,
    locale: Option<&str>,
    currency: Option<&str>,
    time_zone: Option<&str>,
) -> Result<Context> {
    let currency = currency.unwrap_or(&firm.currency);
    if !engine::value::is_currency(currency) {
        return Err(ApiError::invalid(
            "currency_unknown",
            "/currency",
            "This is not a currency code such as EUR.",
        ));
    }
    let time_zone = time_zone.unwrap_or(&firm.time_zone);
    if jiff::tz::TimeZone::get(time_zone).is_err() {
        return Err(ApiError::invalid(
            "time_zone_unknown",
            "/time_zone",
            "This is not a time zone such as Europe/Berlin.",
        ));
    }
    let locale: String = locale.unwrap_or(&firm.locale).chars().take(35).collect();
    Ok(Context {
        locale,
        currency: currency.to_owned(),
        time_zone: time_zone.to_owned(),
        now: jiff::Timestamp::now(),
        firm: match firm.to_value() {
            Value::Record(record) => record,
            _ => Record::new(),
        },
    })
}

/// Values by field; what is absent or null is missing on the page and told there.
fn read_values(fields: &[Field], json: &AnyJson) -> Result<Record> {
    let mut values = Record::new();
    let mut problems = Vec::new();
    for field in fields {
        let Some(value) = json.get(&field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        match Value::payable_from_json(value, &field.kind) {
            Ok(value) => {
                values.insert(field.name.clone(), value);
            }
            Err(mismatches) => problems.extend(mismatches.into_iter().map(|mismatch| {
                let place = format!(
                    "/values/{}{}",
                    escape_pointer(&field.name),
                    mismatch.pointer
                );
                Problem::error("value_kind", serde_json::json!({}), mismatch.to_string()).at(place)
            })),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(ApiError::from_problems(
            "Some values do not fit the document's fields.",
            problems,
        ))
    }
}

/// What the page shows of files, and the fonts of the workspace that it names; one that cannot be read is left out, and the page says so.
pub(super) async fn load_assets(
    app: &App,
    scope: &Scope,
    template: &Template,
    values: &Record,
    context: &Context,
) -> Assets {
    let mut assets = Assets::default();
    let needs = document::needs(template, values, context);
    let fonts = store::font::of_families(&app.store, scope, &needs.fonts).await;
    for font in fonts.unwrap_or_default() {
        assets.fonts.push(Arc::new(font));
    }
    for file in needs.images.into_iter().take(MAX_IMAGES) {
        if let Ok(bytes) = store::artifact::read(&app.store, scope, file.id).await {
            assets.images.insert(file.id, bytes.to_vec());
        }
    }
    assets
}
