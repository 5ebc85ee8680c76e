//! `/a/{id}`: files behind signed links that end. Sent as attachments unless they are harmless to show, with ranges.

use std::ops::Range;

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{firm::Firm, ids::ArtifactId, value::FileRef};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::json;
use store::{
    Scope,
    artifact::{self, Artifact},
    link::{self, ArtifactLink},
};

use super::{
    language::Language,
    page::{Frame, Script, notice},
};
use crate::{App, error::ApiError};

#[derive(Deserialize)]
pub(crate) struct Signed {
    expires: i64,
    signature: String,
    /// Show it in the browser where that is safe.
    #[serde(default)]
    inline: Option<u8>,
}

/// `GET /a/{id}?expires=&signature=`.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    query: Result<Query<Signed>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let language = Language::choose(None, &headers, "en");
    let (Ok(id), Ok(Query(query))) = (id.parse::<ArtifactId>(), query) else {
        return super::visit::missing(language);
    };
    match link::open_artifact(
        &app.store,
        id,
        query.expires,
        &query.signature,
        Timestamp::now(),
    )
    .await
    {
        Ok(ArtifactLink::Open(scope, artifact)) => {
            send(&app, &scope, &artifact, query.inline.is_some(), &headers)
                .await
                .unwrap_or_else(IntoResponse::into_response)
        }
        Ok(ArtifactLink::Closed { expired_at }) => gone(language, expired_at),
        Err(error) => {
            let error = ApiError::from(error);
            if error.status() == StatusCode::NOT_FOUND {
                super::visit::missing(language)
            } else {
                error.into_response()
            }
        }
    }
}

/// A page that says when a link ended.
pub(crate) fn gone(language: Language, at: Timestamp) -> Response {
    let frame = Frame::new(language, &Firm::default(), "", "", Script::None);
    let date = super::story::date_text(at, &TimeZone::UTC, language.tag());
    let title = language.text("notice.gone", &json!({"date": date}));
    let who = match language {
        Language::English => "whoever sent it to you",
        Language::Chinese => "发送者",
    };
    notice(
        StatusCode::GONE,
        &frame,
        &title,
        &[language.text("notice.gone_text", &json!({"firm": who}))],
    )
}

/// The bytes, all or a range of them.
pub(crate) async fn send(
    app: &App,
    scope: &Scope,
    artifact: &Artifact,
    inline: bool,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let size = artifact.file.size_bytes;
    let tag = format!(
        "\"{}\"",
        artifact
            .sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    );
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes())
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let wanted = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let usable = headers
        .get(header::IF_RANGE)
        .is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let range = match wanted
        .filter(|_| usable)
        .map(|text| parse_range(text, size))
    {
        Some(Asked::Part(range)) => Some(range),
        Some(Asked::Nothing) => {
            let response = (
                StatusCode::RANGE_NOT_SATISFIABLE,
                [(header::CONTENT_RANGE, format!("bytes */{size}"))],
            );
            return Ok(response.into_response());
        }
        Some(Asked::Everything) | None => None,
    };
    let stream = artifact::stream(&app.store, scope, artifact, range.clone()).await?;
    let mut response = Body::from_stream(stream).into_response();
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    if let Some(range) = &range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        insert(
            response.headers_mut(),
            header::CONTENT_RANGE,
            &format!("bytes {}-{}/{size}", range.start, range.end - 1),
        );
    }
    let shown = inline && is_safe_to_show(&artifact.file.content_type);
    let headers = response.headers_mut();
    insert(
        headers,
        header::CONTENT_TYPE,
        &content_type(&artifact.file.content_type),
    );
    insert(headers, header::CONTENT_LENGTH, &length.to_string());
    insert(
        headers,
        header::CONTENT_DISPOSITION,
        &disposition(&artifact.file.name, shown),
    );
    insert(headers, header::ACCEPT_RANGES, "bytes");
    insert(headers, header::ETAG, &tag);
    insert(headers, header::CACHE_CONTROL, "private, max-age=300");
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if shown && artifact.file.content_type == "application/pdf" {
        // A browser's own PDF viewer needs a document without restrictions; our pages may frame it.
        insert(
            headers,
            header::CONTENT_SECURITY_POLICY,
            "frame-ancestors 'self'",
        );
        insert(headers, header::X_FRAME_OPTIONS, "SAMEORIGIN");
    } else {
        insert(
            headers,
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        );
    }
    insert(headers, HeaderName::from_static("x-robots-tag"), "noindex");
    Ok(response)
}

/// The firm's logo for public pages; its link changes once a day, so that browsers keep the picture.
pub(crate) fn logo_path(app: &App, logo: &FileRef, now: Timestamp) -> Option<String> {
    let day = 24 * 60 * 60;
    let end = Timestamp::from_second((now.as_second() / day + 2) * day).ok()?;
    link::artifact_path(&app.store.sealer, logo.id, end)
        .ok()
        .map(|path| format!("{path}&inline=1"))
}

/// A link to a file of a run that a page of ours shows or offers.
pub(crate) fn short_path(app: &App, id: ArtifactId, inline: bool) -> Result<String, ApiError> {
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let path = link::artifact_path(&app.store.sealer, id, end)?;
    Ok(if inline {
        format!("{path}&inline=1")
    } else {
        path
    })
}

/// No scripts can run in these.
fn is_safe_to_show(content_type: &str) -> bool {
    matches!(
        content_type,
        "application/pdf" | "image/png" | "image/jpeg" | "image/webp" | "image/gif"
    )
}

fn content_type(stored: &str) -> String {
    if stored.starts_with("text/") {
        format!("{stored}; charset=utf-8")
    } else {
        stored.to_owned()
    }
}

/// RFC 6266: a plain name for old programs, the real one in UTF-8.
pub(crate) fn disposition(name: &str, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%' | ';') || c == ' ' {
                c
            } else {
                '_'
            }
        })
        .collect();
    let encoded: String = name
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Everything,
    Part(Range<u64>),
    Nothing,
}

/// One range of bytes (RFC 9110, 14); several at once get everything.
fn parse_range(text: &str, size: u64) -> Asked {
    let Some(spec) = text
        .strip_prefix("bytes=")
        .filter(|spec| !spec.contains(','))
    else {
        return Asked::Everything;
    };
    let Some((first, last)) = spec.trim().split_once('-') else {
        return Asked::Everything;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Asked::Everything,
    };
    if range.start >= range.end {
        Asked::Nothing
    } else {
        Asked::Part(range)
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file() {
        fn check(text: &str, expected: &Asked) {
            assert_eq!(&parse_range(text, 100), expected, "{text}");
        }
        check("bytes=0-9", &Asked::Part(0..10));
        check("bytes=90-", &Asked::Part(90..100));
        check("bytes=-5", &Asked::Part(95..100));
        check("bytes=-500", &Asked::Part(0..100));
        check("bytes=50-5000", &Asked::Part(50..100));
        check("bytes=100-", &Asked::Nothing);
        check("bytes=-0", &Asked::Nothing);
        check("bytes=9-0", &Asked::Everything);
        check("bytes=0-1,5-6", &Asked::Everything);
        check("lines=0-1", &Asked::Everything);
        check("bytes=0-18446744073709551615", &Asked::Part(0..100));
    }

    #[test]
    fn names_survive_in_headers() {
        fn check(name: &str, expected: &str) {
            assert_eq!(disposition(name, false), expected);
        }
        check(
            "a.pdf",
            "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf",
        );
        check(
            "Rechnung Müller.pdf",
            "attachment; filename=\"Rechnung M_ller.pdf\"; filename*=UTF-8''Rechnung%20M%C3%BCller.pdf",
        );
        check(
            "a\"; x=\"b.pdf",
            "attachment; filename=\"a__ x=_b.pdf\"; filename*=UTF-8''a%22%3B%20x%3D%22b.pdf",
        );
    }
}
