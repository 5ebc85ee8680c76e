//! Drafts of templates: saved against a base revision, published as versions, and what a change does to the pages.

use axum::{Json, extract::State, http::StatusCode};
use document::Template;
use engine::{
    firm::Firm,
    ids::{DocumentId, DocumentSampleId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as AnyJson;
use sha2::{Digest as _, Sha256};
use store::{
    document::{Draft, PublishDraft},
    workflow::SaveDraft,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    documents::{self, DocumentOut, parse_template, sound_template},
    drafts::draft_changed,
    previews::{context, draw, first_sample, load_assets},
};
use crate::{
    App,
    auth::Caller,
    error::{ProblemOut, Result},
    extract::{Body, Path},
    openapi::DocumentFieldSchema,
    preview::Drawing,
    rendering::fitting,
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentDraftOut {
    /// 0: nobody has saved one yet.
    pub revision: i64,
    /// Number of the version that it was made from.
    pub base_version: i32,
    /// It is what that version says.
    pub published: bool,
    #[schema(value_type = Object)]
    pub template: AnyJson,
    /// The template's typed fields; none while it has problems.
    #[schema(value_type = Vec<DocumentFieldSchema>)]
    pub fields: AnyJson,
    /// What must be solved before it can be published.
    pub problems: Vec<ProblemOut>,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentDraftIn {
    /// The revision this template was made from.
    pub base_revision: i64,
    #[schema(value_type = Object)]
    pub template: AnyJson,
    /// The version that it was made from, when that is another one by now.
    pub base_version: Option<i32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentDraftSavedOut {
    pub revision: i64,
    /// What must be solved before it can be published.
    pub problems: Vec<ProblemOut>,
    pub changed_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentRevisionIn {
    /// The draft's revision that the person looked at.
    pub base_revision: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentCompareIn {
    /// Number of a version.
    pub from: i32,
    /// Number of a version; the draft when absent.
    pub to: Option<i32>,
    /// Draw both with this sample.
    pub sample: Option<Uuid>,
    /// Draw both with these values, by field name.
    #[schema(value_type = Option<Object>)]
    pub values: Option<AnyJson>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentCompareOut {
    /// In their order.
    pub pages: Vec<PageChangeOut>,
}

/// A page of one of both, or of both.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PageChangeOut {
    /// `same`, `changed`, `added` or `removed`.
    pub change: &'static str,
    /// Its number in the first, from 1.
    pub from: Option<u32>,
    /// Its number in the second, from 1.
    pub to: Option<u32>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_document_draft, save_document_draft))
        .routes(routes!(publish_document))
        .routes(routes!(restore_document_version))
        .routes(routes!(duplicate_document))
        .routes(routes!(compare_document))
}

/// The draft that people edit; without one, the newest version.
#[utoipa::path(get, path = "/documents/{id}/draft", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = DocumentDraftOut)))]
async fn read_document_draft(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DocumentDraftOut>> {
    let draft = store::document::draft(&app.store, &caller.scope, DocumentId(id)).await?;
    Ok(Json(draft.into()))
}

/// Saves the draft, also one with problems; 409 `draft_changed` with the current one when the base is stale. Runs see nothing of it.
#[utoipa::path(put, path = "/documents/{id}/draft", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentDraftIn, responses((status = 200, body = DocumentDraftSavedOut)))]
async fn save_document_draft(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentDraftIn>,
) -> Result<Json<DocumentDraftSavedOut>> {
    let saved = store::document::save_draft(
        &app.store,
        &caller.scope,
        DocumentId(id),
        body.base_revision,
        body.base_version,
        &body.template,
    )
    .await?;
    match saved {
        SaveDraft::Saved {
            revision,
            changed_at,
        } => Ok(Json(DocumentDraftSavedOut {
            revision,
            problems: problems(&body.template),
            changed_at,
        })),
        SaveDraft::Stale(current) => Err(draft_changed(&current)),
    }
}

/// Makes a version of the draft: 422 with every problem if there are some, 409 `draft_changed` if it moved on, `document_changed` if others
/// made a version since it was begun, `nothing_to_publish` if it is a version already. Workflows use it when they are published again.
#[utoipa::path(post, path = "/documents/{id}/publish", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentRevisionIn, responses((status = 201, body = DocumentOut)))]
async fn publish_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentRevisionIn>,
) -> Result<(StatusCode, Json<DocumentOut>)> {
    let (store, scope, id) = (&app.store, &caller.scope, DocumentId(id));
    let draft = store::document::draft(store, scope, id).await?;
    // Of another revision nothing is made below.
    if draft.revision == body.base_revision {
        sound_template(&draft.template)?;
    }
    match store::document::publish_draft(store, scope, id, body.base_revision).await? {
        PublishDraft::Published(document) => Ok((StatusCode::CREATED, Json(document.into()))),
        PublishDraft::Stale(current) => Err(draft_changed(&current)),
    }
}

/// Makes the draft what a version says. Of the newest one, it drops what was changed since then.
#[utoipa::path(post, path = "/documents/{id}/versions/{number}/restore", tag = "documents",
    params(("id" = Uuid, Path), ("number" = i32, Path)), request_body = DocumentRevisionIn,
    responses((status = 200, body = DocumentDraftOut)))]
async fn restore_document_version(
    State(app): State<App>,
    caller: Caller,
    Path((id, number)): Path<(Uuid, i32)>,
    Body(body): Body<DocumentRevisionIn>,
) -> Result<Json<DocumentDraftOut>> {
    let (store, scope, id) = (&app.store, &caller.scope, DocumentId(id));
    match store::document::restore(store, scope, id, number, body.base_revision).await? {
        SaveDraft::Saved { .. } => {
            let draft = store::document::draft(store, scope, id).await?;
            Ok(Json(draft.into()))
        }
        SaveDraft::Stale(current) => Err(draft_changed(&current)),
    }
}

/// Copies the newest version, the draft and the samples into a new document.
#[utoipa::path(post, path = "/documents/{id}/duplicate", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 201, body = DocumentOut)))]
async fn duplicate_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<DocumentOut>)> {
    let (store, scope) = (&app.store, &caller.scope);
    let copy = store::document::duplicate(store, scope, DocumentId(id)).await?;
    let document = store::document::get(store, scope, copy).await?;
    Ok((StatusCode::CREATED, Json(document.into())))
}

/// Which pages differ between two versions, or a version and the draft, both drawn with the same values: those that are given, a sample's, or
/// as a preview takes them. A page is the same when it looks and reads the same.
#[utoipa::path(post, path = "/documents/{id}/compare", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentCompareIn, responses((status = 200, body = DocumentCompareOut)))]
async fn compare_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentCompareIn>,
) -> Result<Json<DocumentCompareOut>> {
    let (store, scope, id) = (&app.store, &caller.scope, DocumentId(id));
    let from = store::document::version(store, scope, id, body.from).await?;
    let from = parse_template(&from.template)?;
    let to = match body.to {
        Some(number) => {
            store::document::version(store, scope, id, number)
                .await?
                .template
        }
        None => store::document::draft(store, scope, id).await?.template,
    };
    let to = parse_template(&to)?;
    let values = match (body.values, body.sample) {
        (Some(values), _) => Some(values),
        (None, Some(sample)) => {
            let sample = DocumentSampleId(sample);
            let sample = store::document::sample(store, scope, id, sample).await?;
            Some(sample.values)
        }
        (None, None) => None,
    };
    let firm = store::firm::get(store, scope).await?;
    // Of one moment, or a page with the time would always differ.
    let now = Timestamp::now();
    let mut drawn = Vec::new();
    for template in [from, to] {
        let values = values.as_ref();
        drawn.push(pages(&app, &caller, id, (&firm, now), template, values).await?);
    }
    Ok(Json(DocumentCompareOut {
        pages: changes(&drawn[0], &drawn[1]),
    }))
}

/// What a page looks like and reads, in short.
type Look = [u8; 32];

/// Draws all pages.
async fn pages(
    app: &App,
    caller: &Caller,
    id: DocumentId,
    (firm, now): (&Firm, Timestamp),
    template: Template,
    values: Option<&AnyJson>,
) -> Result<Vec<Look>> {
    let scope = &caller.scope;
    let values = match values {
        Some(values) => fitting(&template.fields(), values),
        None => first_sample(app, scope, id, firm, &template).await?,
    };
    let mut context = context(firm, None, None, None)?;
    context.now = now;
    let assets = load_assets(app, scope, &template, &values, &context).await;
    let drawing = Drawing {
        template,
        values,
        context,
        assets: assets.into(),
    };
    draw(app, None, drawing, |rendered| {
        (0..rendered.pages.len())
            .map(|number| {
                let mut page = Sha256::new();
                page.update(rendered.svg(number).unwrap_or_default());
                page.update(rendered.text(number).unwrap_or_default());
                page.finalize().into()
            })
            .collect()
    })
    .await
}

/// Puts as many pages side by side as both have in the same order; what lies between them was changed, added or removed.
fn changes(from: &[Look], to: &[Look]) -> Vec<PageChangeOut> {
    // How many pages both have from here on, at most.
    let mut common = vec![vec![0_usize; to.len() + 1]; from.len() + 1];
    for i in (0..from.len()).rev() {
        for j in (0..to.len()).rev() {
            common[i][j] = if from[i] == to[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let mut changes = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        let (mut removed, mut added) = (i..i, j..j);
        while removed.end < from.len() || added.end < to.len() {
            let (i, j) = (removed.end, added.end);
            if i < from.len() && j < to.len() && from[i] == to[j] {
                break;
            }
            if j == to.len() || (i < from.len() && common[i + 1][j] >= common[i][j + 1]) {
                removed.end += 1;
            } else {
                added.end += 1;
            }
        }
        (i, j) = (removed.end, added.end);
        loop {
            let change = match (removed.next(), added.next()) {
                (Some(from), Some(to)) => page_change("changed", Some(from), Some(to)),
                (Some(from), None) => page_change("removed", Some(from), None),
                (None, Some(to)) => page_change("added", None, Some(to)),
                (None, None) => break,
            };
            changes.push(change);
        }
        if i == from.len() && j == to.len() {
            return changes;
        }
        changes.push(page_change("same", Some(i), Some(j)));
        i += 1;
        j += 1;
    }
}

fn page_change(change: &'static str, from: Option<usize>, to: Option<usize>) -> PageChangeOut {
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    PageChangeOut {
        change,
        from: from.map(number),
        to: to.map(number),
    }
}

/// What keeps a template from being published.
fn problems(template: &AnyJson) -> Vec<ProblemOut> {
    let problems = documents::problems(template).into_iter();
    problems
        .map(|problem| ProblemOut::from(problem.under("/template")))
        .collect()
}

impl From<Draft> for DocumentDraftOut {
    fn from(draft: Draft) -> Self {
        let fields = Template::parse(&draft.template)
            .map(|template| template.declared().to_vec())
            .unwrap_or_default();
        Self {
            revision: draft.revision,
            base_version: draft.base,
            published: draft.published,
            problems: problems(&draft.template),
            template: draft.template,
            fields: serde_json::json!(fields),
            changed_at: draft.changed_at,
            changed_by: draft.changed_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_put_side_by_side() {
        fn check(from: &str, to: &str, expected: &str) {
            let pages = |text: &str| text.bytes().map(|byte| [byte; 32]).collect::<Vec<_>>();
            let told: Vec<String> = changes(&pages(from), &pages(to))
                .into_iter()
                .map(|page| {
                    let number = |number: Option<u32>| number.map_or("-".into(), |n| n.to_string());
                    let letter = &page.change[..1];
                    format!("{letter}{}{}", number(page.from), number(page.to))
                })
                .collect();
            assert_eq!(told.join(" "), expected, "{from} {to}");
        }
        check("abc", "abc", "s11 s22 s33");
        check("abc", "axc", "s11 c22 s33");
        check("abc", "xabc", "a-1 s12 s23 s34");
        check("abcd", "acd", "s11 r2- s32 s43");
        check("abc", "abcxy", "s11 s22 s33 a-4 a-5");
        check("ab", "xyz", "c11 c22 a-3");
        check("", "", "");
    }
}
