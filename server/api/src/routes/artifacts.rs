//! Files made and received, for people who are signed in.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use engine::{ids::ArtifactId, value::FileRef};
use serde::{Deserialize, Serialize};
use store::Scope;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Path, Query},
};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ArtifactOut {
    pub id: Uuid,
    pub name: String,
    pub content_type: String,
    pub size_bytes: i64,
    /// For people who are signed in.
    pub url: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArtifactQuery {
    /// `1`: as a file to keep; otherwise shown when it is safe to show.
    download: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_artifact))
}

/// The bytes; understands `Range`.
#[utoipa::path(get, path = "/artifacts/{id}", tag = "runs", params(("id" = Uuid, Path), ArtifactQuery),
    responses((status = 200, content_type = "application/octet-stream"), (status = 206, content_type = "application/octet-stream")))]
async fn read_artifact(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<ArtifactQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let download = query
        .download
        .is_some_and(|value| value != "0" && value != "false");
    send_artifact(&app, &caller.scope, ArtifactId(id), download, &headers).await
}

/// Types that a browser can show without running anything of theirs.
const SAFE_TO_SHOW: &[&str] = &["application/pdf", "image/png", "image/jpeg", "image/webp"];

/// The bytes with `Range` (RFC 9110, one range), never sniffed, shown only when that is safe.
pub(super) async fn send_artifact(
    app: &App,
    scope: &Scope,
    id: ArtifactId,
    download: bool,
    headers: &HeaderMap,
) -> Result<Response> {
    let artifact = store::artifact::get(&app.store, scope, id).await?;
    let size = artifact.file.size_bytes;
    let range = match headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
    {
        Some(text) => match parse_range(text, size) {
            Asked::Whole => None,
            Asked::Part(range) => Some(range),
            Asked::Nothing => {
                return Err(ApiError::new(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "range_not_satisfiable",
                    "The file has no such bytes.",
                )
                .header(header::CONTENT_RANGE, &format!("bytes */{size}")));
            }
        },
        None => None,
    };
    let shown = !download && SAFE_TO_SHOW.contains(&artifact.file.content_type.as_str());
    let stream = store::artifact::stream(&app.store, scope, &artifact, range.clone()).await?;
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    let mut response = Response::builder()
        .status(if range.is_some() {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        })
        .header(header::CONTENT_TYPE, &artifact.file.content_type)
        .header(header::CONTENT_LENGTH, length)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, max-age=3600")
        .header(
            header::CONTENT_DISPOSITION,
            disposition(shown, &artifact.file.name),
        );
    if shown {
        // Our own pages show it in a frame; the default would forbid that.
        response = response
            .header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; img-src 'self'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'",
            )
            .header(header::X_FRAME_OPTIONS, "SAMEORIGIN");
    }
    if let Some(range) = range {
        response = response.header(
            header::CONTENT_RANGE,
            format!("bytes {}-{}/{size}", range.start, range.end - 1),
        );
    }
    response
        .body(axum::body::Body::from_stream(stream))
        .map_err(ApiError::internal)
}

#[derive(Debug, PartialEq)]
enum Asked {
    Whole,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// One range in bytes; several, or a unit we do not know, are answered with the whole file, as the RFC allows.
fn parse_range(text: &str, size: u64) -> Asked {
    let Some(set) = text.strip_prefix("bytes=") else {
        return Asked::Whole;
    };
    let Some((first, last)) = set.split_once('-') else {
        return Asked::Whole;
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::Whole,
    };
    if range.start >= range.end {
        return Asked::Nothing;
    }
    Asked::Part(range)
}

/// RFC 6266: an ASCII name for old clients, the real one in UTF-8.
fn disposition(shown: bool, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let how = if shown { "inline" } else { "attachment" };
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

impl ArtifactOut {
    pub(super) fn new(file: FileRef) -> Self {
        Self {
            id: file.id.as_uuid(),
            url: format!("/api/artifacts/{}", file.id),
            name: file.name,
            content_type: file.content_type,
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let check = |text, expected| assert_eq!(parse_range(text, 100), expected, "{text}");
        check("bytes=0-9", Asked::Part(0..10));
        check("bytes=90-", Asked::Part(90..100));
        check("bytes=-10", Asked::Part(90..100));
        check("bytes=-1000", Asked::Part(0..100));
        check("bytes=50-1000", Asked::Part(50..100));
        check("bytes=100-", Asked::Nothing);
        check("bytes=-0", Asked::Nothing);
        check("bytes=9-0", Asked::Whole);
        check("bytes=0-1,5-6", Asked::Whole);
        check("pages=1-2", Asked::Whole);
        check("bytes=x", Asked::Whole);
    }

    #[test]
    fn file_names_cannot_break_the_header() {
        assert_eq!(
            disposition(false, "Ä \"x\"\r\n.pdf"),
            "attachment; filename=\"_ _x___.pdf\"; filename*=UTF-8''%C3%84%20%22x%22%0D%0A.pdf"
        );
    }
}
