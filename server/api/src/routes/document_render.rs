//! PDFs of a template and values, without a workflow. `rendering` makes them.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    check::Problem,
    ids::{DocumentId, RenderingId},
    kind::Field,
    value::{Mismatch, Record, Value, escape_pointer, record_to_json},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as AnyJson, json};
use sha2::{Digest as _, Sha256};
use store::{
    Scope, StoreError,
    document::Document,
    rendering::{self, Accepted, NewRendering, Rendering},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    artifacts::ArtifactOut, documents::parse_template, previews::context, runs::out::WarningOut,
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query},
    public::send_file,
    rendering::{Input, settle},
    replay,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenderIn {
    /// By field name.
    #[schema(value_type = Object)]
    pub values: AnyJson,
    /// Number of the template's version; the newest when absent.
    pub version: Option<i32>,
    /// BCP 47; of a template that says no language of its own. The firm's when absent.
    pub locale: Option<String>,
    /// ISO 4217; the firm's when absent.
    pub currency: Option<String>,
    /// IANA; the firm's when absent.
    pub time_zone: Option<String>,
    /// Of the PDF; the document's name when absent.
    #[schema(max_length = 200)]
    pub file_name: Option<String>,
    /// Answer with a link when the PDF takes longer than this (25,000, which is also the longest).
    #[schema(maximum = 25000)]
    pub wait_ms: Option<u64>,
}

/// One PDF that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RenderingOut {
    pub id: Uuid,
    /// `running`, `succeeded` or `failed`.
    pub state: &'static str,
    pub document: Uuid,
    /// Number of the template's version.
    pub version: i32,
    pub pages: Option<i32>,
    /// What a person should look at on the pages.
    pub warnings: Vec<WarningOut>,
    /// Null until it is made, and when it is kept no longer.
    pub pdf: Option<ArtifactOut>,
    /// Why there is no PDF.
    pub problems: Vec<ProblemOut>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RenderingQuery {
    /// Answer when the PDF is made, at most after this time (25,000); at once when absent.
    #[param(maximum = 25000)]
    pub wait_ms: Option<u64>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(render_document))
        .routes(routes!(read_rendering))
}

/// Makes a PDF of the template and values: the bytes, or with `Accept: application/json` what is known of them. `Location` leads to that,
/// `Warning-Count` says how many warnings it has. 202 when it takes longer than `wait_ms`: ask there for it. 422 when values do not fit, or
/// there can be no PDF. The same `Idempotency-Key` gives the same PDF for 72 hours (`Idempotent-Replayed: true`), and 409 for another request.
/// It is kept as long as runs and their files are.
#[utoipa::path(post, path = "/documents/{id}/render", tag = "documents",
    params(("id" = Uuid, Path), ("idempotency-key" = Option<String>, Header, description = "1 to 200 characters")),
    request_body = RenderIn,
    responses((status = 200, content((RenderingOut = "application/json"), ("application/pdf"))), (status = 202, body = RenderingOut)))]
async fn render_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<RenderIn>,
) -> Result<Response> {
    let (store, scope, id) = (&app.store, &caller.scope, DocumentId(id));
    let key = replay::key(&headers)?;
    let asked_sha256 = asked(&body);
    // First of all: what was asked for then need not be what the newest version takes.
    let earlier = match &key {
        Some(key) => rendering::known(store, scope, id, key, &asked_sha256).await?,
        None => None,
    };
    let (accepted, room) = match earlier {
        Some(id) => (Accepted { id, already: true }, app.renderings.room().ok()),
        None => {
            let (document, input) = read_request(&app, scope, id, &body).await?;
            let new = NewRendering {
                document: document.id,
                version: document.version,
                asked_sha256,
                input: serde_json::to_value(input).map_err(ApiError::internal)?,
                file_name: pdf_name(body.file_name.as_deref(), &document.name),
                key,
            };
            let room = app.renderings.room()?;
            (rendering::accept(store, scope, new).await?, Some(room))
        }
    };
    let wait = Duration::from_millis(body.wait_ms.unwrap_or(MAX_WAIT_MS).min(MAX_WAIT_MS));
    let standing = settle(&app, scope, accepted.id, wait, room).await?;
    let answer = answer(&app, scope, standing, wants_json(&headers)).await?;
    Ok(replay::mark(answer, accepted.already))
}

/// The version that is asked for, and what is made of it.
async fn read_request(
    app: &App,
    scope: &Scope,
    id: DocumentId,
    body: &RenderIn,
) -> Result<(Document, Input)> {
    let document = wanted(app, scope, id, body.version).await?;
    let firm = store::firm::get(&app.store, scope).await?;
    let context = context(
        &firm,
        body.locale.as_deref(),
        body.currency.as_deref(),
        body.time_zone.as_deref(),
    )?;
    let fields = parse_template(&document.template)?.fields();
    let values = read_values(&fields, &body.values, &context.currency)?;
    let input = Input {
        values: record_to_json(&values),
        locale: context.locale,
        currency: context.currency,
        time_zone: context.time_zone,
        firm,
    };
    Ok((document, input))
}

/// What is known of a PDF that was asked for; 202 while it is being made.
#[utoipa::path(get, path = "/renderings/{id}", tag = "documents", params(("id" = Uuid, Path), RenderingQuery),
    responses((status = 200, body = RenderingOut), (status = 202, body = RenderingOut)))]
async fn read_rendering(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RenderingQuery>,
) -> Result<(StatusCode, Json<RenderingOut>)> {
    let mut standing = rendering::get(&app.store, &caller.scope, RenderingId(id)).await?;
    if standing.finished_at.is_none() {
        let wait = Duration::from_millis(query.wait_ms.unwrap_or(0).min(MAX_WAIT_MS));
        // Its process may be gone; without room somebody else goes on with it.
        let room = app.renderings.room().ok();
        standing = settle(&app, &caller.scope, standing.id, wait, room).await?;
    }
    rendering_out(&app, &caller.scope, standing).await
}

const MAX_WAIT_MS: u64 = 25_000;

/// How many warnings a PDF has.
const WARNING_COUNT: HeaderName = HeaderName::from_static("warning-count");

/// The version that is asked for.
async fn wanted(
    app: &App,
    scope: &Scope,
    id: DocumentId,
    version: Option<i32>,
) -> Result<Document> {
    let newest = store::document::get(&app.store, scope, id).await?;
    let Some(number) = version.filter(|number| *number != newest.number) else {
        return Ok(newest);
    };
    match store::document::version(&app.store, scope, id, number).await {
        Err(StoreError::NotFound(_)) => Err(ApiError::invalid(
            "version_unknown",
            "/version",
            format!(
                "This document has no version {number}. The newest one is {}.",
                newest.number
            ),
        )),
        found => Ok(found?),
    }
}

/// Values as the document takes them; every problem is told. As in a run, amounts have their currency's decimals and what is cleared is
/// empty.
fn read_values(fields: &[Field], json: &AnyJson, currency: &str) -> Result<Record> {
    let Some(given) = json.as_object() else {
        let message = "Values are an object by field name.";
        return Err(ApiError::invalid("wrong_value", "/values", message));
    };
    let mut values = Record::new();
    let mut problems = Vec::new();
    for name in given.keys() {
        if !fields.iter().any(|field| field.name == *name) {
            let message = format!("The document has no field \"{name}\".");
            let problem = Problem::error("field_unknown", json!({"field": name}), message);
            problems.push(problem.at(format!("/values/{}", escape_pointer(name))));
        }
    }
    for field in fields {
        let place = format!("/values/{}", escape_pointer(&field.name));
        match read_value(field, given.get(&field.name), currency) {
            Ok(Value::Empty) if !field.optional => {
                let title = match field.title.as_str() {
                    "" => field.name.as_str(),
                    title => title,
                };
                let message = format!("The document needs \"{title}\". Fill it in.");
                let params = json!({"field": field.name, "title": title});
                problems.push(Problem::error("field_not_filled", params, message).at(place));
            }
            Ok(value) => {
                values.insert(field.name.clone(), value);
            }
            Err(mismatches) => problems.extend(mismatches.into_iter().map(|mismatch| {
                let place = format!("{place}{}", mismatch.pointer);
                Problem::error("value_kind", json!({}), mismatch.to_string()).at(place)
            })),
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(ApiError::from_problems(
            "Some values do not fit the document's fields. No PDF was made.",
            problems,
        ))
    }
}

fn read_value(
    field: &Field,
    json: Option<&AnyJson>,
    currency: &str,
) -> std::result::Result<Value, Vec<Mismatch>> {
    let Some(json) = json.filter(|json| !json.is_null()) else {
        return Ok(Value::Empty);
    };
    let value = Value::from_json(json, &field.kind)?;
    if field.optional && value.is_blank() && !matches!(value, Value::List(_)) {
        return Ok(Value::Empty);
    }
    value
        .convert(&field.kind, currency)
        .map_err(|mismatch| vec![mismatch])
}

/// Of everything that a PDF is made of, in whatever order it was written.
fn asked(body: &RenderIn) -> [u8; 32] {
    let mut asked = json!({
        "values": body.values,
        "version": body.version,
        "locale": body.locale,
        "currency": body.currency,
        "time_zone": body.time_zone,
        "file_name": body.file_name,
    });
    asked.sort_all_objects();
    Sha256::digest(asked.to_string()).into()
}

/// A safe name that ends once in `.pdf`.
fn pdf_name(wanted: Option<&str>, document: &str) -> String {
    let stem = |name: &str| {
        let name = name.trim();
        let stem = name.strip_suffix(".pdf").or(name.strip_suffix(".PDF"));
        stem.unwrap_or(name).trim().to_owned()
    };
    let stem = match wanted.map(stem) {
        Some(wanted) if !wanted.is_empty() => wanted,
        _ => stem(document),
    };
    store::artifact::clean_name(&format!("{stem}.pdf"))
}

/// Whether the caller asks for what is known of the PDF rather than for its bytes.
fn wants_json(headers: &HeaderMap) -> bool {
    let names = |media_type: &str| {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|part| part.split(';').next())
            .any(|part| part.trim().eq_ignore_ascii_case(media_type))
    };
    names("application/json") && !names("application/pdf")
}

async fn answer(app: &App, scope: &Scope, standing: Rendering, as_json: bool) -> Result<Response> {
    let place = format!("/api/renderings/{}", standing.id);
    if !standing.problems.is_empty() {
        let error = ApiError::from_problems("The PDF was not made.", standing.problems);
        return Err(error.header(header::LOCATION, &place));
    }
    let mut response = match standing.file {
        Some(file) if !as_json => {
            let count = standing.warnings.len();
            let artifact = store::artifact::get(&app.store, scope, file).await?;
            let mut pdf = send_file(app, scope, &artifact, false, &HeaderMap::new()).await?;
            pdf.headers_mut().insert(WARNING_COUNT, count.into());
            pdf
        }
        _ => rendering_out(app, scope, standing).await?.into_response(),
    };
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn rendering_out(
    app: &App,
    scope: &Scope,
    standing: Rendering,
) -> Result<(StatusCode, Json<RenderingOut>)> {
    let pdf = match standing.file {
        Some(file) => match store::artifact::get(&app.store, scope, file).await {
            Ok(artifact) => Some(ArtifactOut::new(artifact.file)),
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let (status, state) = match (standing.finished_at, standing.file) {
        (None, _) => (StatusCode::ACCEPTED, "running"),
        (Some(_), Some(_)) => (StatusCode::OK, "succeeded"),
        (Some(_), None) => (StatusCode::OK, "failed"),
    };
    let out = RenderingOut {
        id: standing.id.as_uuid(),
        state,
        document: standing.document.as_uuid(),
        version: standing.version,
        pages: standing.page_count,
        warnings: standing
            .warnings
            .into_iter()
            .map(WarningOut::from)
            .collect(),
        pdf,
        problems: standing
            .problems
            .into_iter()
            .map(ProblemOut::from)
            .collect(),
        created_at: standing.created_at,
        finished_at: standing.finished_at,
    };
    Ok((status, Json(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_once_in_pdf() {
        let check = |wanted, expected| assert_eq!(pdf_name(wanted, "Invoice"), expected);
        check(None, "Invoice.pdf");
        check(Some("  "), "Invoice.pdf");
        check(Some("a/b.pdf"), "a-b.pdf");
        check(Some("Rechnung 7"), "Rechnung 7.pdf");
        check(Some(".pdf"), "Invoice.pdf");
    }

    #[test]
    fn a_request_is_the_same_in_any_order_and_however_long_it_waits() {
        let body = |json: AnyJson| serde_json::from_value::<RenderIn>(json).unwrap();
        let one = body(json!({"values": {"a": {"x": 1, "y": 2}, "b": 1}, "wait_ms": 0}));
        let same = body(json!({"values": {"b": 1, "a": {"y": 2, "x": 1}}}));
        let other = body(json!({"values": {"b": 1, "a": {"y": 2, "x": 1}}, "version": 1}));
        assert_eq!(asked(&one), asked(&same));
        assert_ne!(asked(&one), asked(&other));
    }

    #[test]
    fn values_are_read_as_a_run_reads_them() {
        let fields: Vec<Field> = serde_json::from_value(json!([
            {"name": "total", "title": "Total", "kind": "money"},
            {"name": "note", "kind": "text", "optional": true},
            {"name": "lines", "kind": "list", "item": {"kind": "text"}, "optional": true},
        ]))
        .unwrap();
        let total = json!({"amount": "1.005", "currency": "EUR"});
        let given = json!({"total": total, "note": " ", "lines": []});
        let values = record_to_json(&read_values(&fields, &given, "EUR").unwrap());
        let total = json!({"amount": "1.01", "currency": "EUR"});
        assert_eq!(values, json!({"total": total, "note": null, "lines": []}));

        let error = read_values(&fields, &json!({"lines": ["a", 2], "nte": 1}), "EUR").unwrap_err();
        let said = format!("{error:?}");
        for (code, pointer) in [
            ("field_unknown", "/values/nte"),
            ("field_not_filled", "/values/total"),
            ("value_kind", "/values/lines/1"),
        ] {
            let place = format!("code: {code:?}, pointer: {pointer:?}");
            assert!(said.contains(&place), "{place}: {said}");
        }
    }

    #[test]
    fn json_is_sent_to_those_who_ask_for_nothing_else() {
        let check = |accept: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_json(&headers), expected, "{accept}");
        };
        check("application/json", true);
        check("application/JSON; q=1", true);
        check("application/pdf, application/json", false);
        check("*/*", false);
        assert!(!wants_json(&HeaderMap::new()));
    }
}
