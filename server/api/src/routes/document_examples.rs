//! The gallery of shipped documents; `documents` makes one's own of them.

use axum::{Json, extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Page,
    documents::parse_template,
    previews::{context, first_page},
};
use crate::{
    App,
    auth::Caller,
    document_examples::{DocumentExample, Translation},
    error::{ApiError, Result},
    extract::{Path, Query},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentExampleOut {
    pub name: String,
    pub title: String,
    pub summary: String,
    /// What it can be made in.
    pub languages: Vec<&'static str>,
    /// What it is made in where none is named: the firm's, as far as it is among them.
    pub language: &'static str,
    /// Address of the first page, drawn with the sample; `language` may be added as a query.
    pub page_url: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DocumentExamplesQuery {
    /// Language of titles and summaries, such as `en` or `zh-CN`.
    lang: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DocumentExamplePageQuery {
    /// One of those that it can be made in; the firm's when absent.
    language: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_document_examples))
        .routes(routes!(draw_document_example))
}

/// All shipped documents.
#[utoipa::path(get, path = "/document-examples", tag = "documents", params(DocumentExamplesQuery),
    responses((status = 200, body = Page<DocumentExampleOut>)))]
async fn list_document_examples(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DocumentExamplesQuery>,
) -> Result<Json<Page<DocumentExampleOut>>> {
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let shown = query.lang.as_deref().unwrap_or(&firm.locale);
    let items = app.documents.iter().filter_map(|example| {
        let words = example.closest(shown)?;
        Some(DocumentExampleOut {
            name: example.name.clone(),
            title: words.title.clone(),
            summary: words.summary.clone(),
            languages: example.languages(),
            language: example.closest(&firm.locale)?.language,
            page_url: format!("/api/document-examples/{}/page.svg", example.name),
        })
    });
    Ok(Json(Page::complete(items.collect())))
}

/// The first page with the document's sample and the firm's own name and logo, as SVG.
#[utoipa::path(get, path = "/document-examples/{name}/page.svg", tag = "documents",
    params(("name" = String, Path), DocumentExamplePageQuery),
    responses((status = 200, content_type = "image/svg+xml", body = String)))]
async fn draw_document_example(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Query(query): Query<DocumentExamplePageQuery>,
) -> Result<Response> {
    let example = app
        .documents
        .find(&name)
        .ok_or_else(|| ApiError::not_found("example"))?;
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let translation = spoken(example, query.language.as_deref(), &firm.locale)?;
    let template = parse_template(&translation.template)?;
    let context = context(&firm, None, None, None)?;
    let values = template.sample().clone();
    Box::pin(first_page(&app, &caller.scope, template, values, context)).await
}

/// The example in the language that is named, or else in the firm's.
pub(super) fn spoken<'a>(
    example: &'a DocumentExample,
    language: Option<&str>,
    locale: &str,
) -> Result<&'a Translation> {
    match language {
        Some(language) => example.in_language(language).ok_or_else(|| {
            ApiError::invalid(
                "example_language",
                "/language",
                format!(
                    "There is no such document in this language. There is one in {}.",
                    example.languages().join(", ")
                ),
            )
        }),
        None => example
            .closest(locale)
            .ok_or_else(|| ApiError::not_found("example")),
    }
}
