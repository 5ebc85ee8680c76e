//! Files that a visitor hands in before there is a run: recognised by their first bytes, never by what the browser says of them.

use std::borrow::Cow;

use axum::{
    Extension, Json,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    form::{FieldKind, Form, accepts},
    ids::{ArtifactId, SubmissionId},
    value::FileRef,
};
use serde::Deserialize;
use serde_json::json;
use store::{
    Scope, StoreError,
    artifact::{self, New, UploadQuota},
    link,
};

use super::{
    Public,
    answers::{Content, Refusal, Sent, SentFile, max_bytes},
    arriving::Desk,
    language::Language,
    limits::Act,
    visit::Visit,
};
use crate::{App, client::ClientAddress, error::ApiError};

/// What one form ticket may hand in.
const QUOTA: UploadQuota = UploadQuota {
    files: 20,
    bytes: 100 * 1024 * 1024,
};

/// Why a file is not taken; the text people read is `general.<slug>`.
#[derive(Debug)]
pub(crate) enum Declined {
    Type,
    Size { max_bytes: u64 },
    Empty,
    Quota,
    Store(StoreError),
}

impl Declined {
    pub(crate) fn text(&self, language: Language, name: &str) -> String {
        let name = artifact::clean_name(name);
        match self {
            Self::Type => language.text("general.upload_type", &json!({"name": name})),
            Self::Size { max_bytes } => language.text(
                "general.upload_size",
                &json!({"name": name, "size": size_text(*max_bytes)}),
            ),
            Self::Empty => language.text("general.upload_empty", &json!({"name": name})),
            Self::Quota => language.text("general.upload_quota", &json!({})),
            Self::Store(_) => language.text("notice.error_text", &json!({})),
        }
    }
}

/// Stores a file for the ticket if its question takes it.
pub(crate) async fn keep(
    app: &App,
    scope: &Scope,
    ticket: SubmissionId,
    form: &Form,
    file: &SentFile,
) -> Result<FileRef, Declined> {
    let field = form
        .fields
        .iter()
        .find(|field| field.name == file.field)
        .ok_or(Declined::Type)?;
    let FieldKind::File { accept, .. } = &field.kind else {
        return Err(Declined::Type);
    };
    let spool = match &file.content {
        Content::Whole(spool) => spool,
        Content::Empty => return Err(Declined::Empty),
        Content::TooLarge => {
            return Err(Declined::Size {
                max_bytes: max_bytes(field),
            });
        }
    };
    let _turn = app.incoming.turn().await;
    let bytes = spool.read().await.map_err(Declined::Store)?;
    let content_type = sniff(&bytes, &file.name).ok_or(Declined::Type)?;
    if !accepts(accept, content_type) {
        return Err(Declined::Type);
    }
    let new = New {
        run: None,
        name: &file.name,
        content_type,
        bytes,
    };
    artifact::create_upload(&app.store, scope, ticket.as_uuid(), new, QUOTA)
        .await
        .map_err(|error| match error {
            StoreError::Invalid {
                code: "upload_quota",
                ..
            } => Declined::Quota,
            other => Declined::Store(other),
        })
}

/// `POST /f/{slug}/uploads`: multipart with `_ticket` and one file under its question's name.
pub(crate) async fn upload(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    let visit = Visit::open(&app, &public, &slug, None, request.headers())
        .await
        .map_err(|_| ApiError::not_found("form"))?;
    let (_, form) = visit.form().ok_or_else(closed)?;
    let workflow = &visit.workflow;
    public
        .limits
        .take(Act::Upload, address.0, workflow.id)
        .map_err(too_many)?;
    if super::answers::media_type(&request).as_deref() != Some("multipart/form-data") {
        return Err(refused(Refusal::WrongType, visit.language));
    }
    let desk = Desk::of(&app, address);
    let sent = Sent::read(request, form, &desk)
        .await
        .map_err(|refusal| refused(refusal, visit.language))?;
    let language = sent
        .own("_lang")
        .and_then(Language::of)
        .unwrap_or(visit.language);
    let ticket = sent.own("_ticket").unwrap_or_default();
    let ticket =
        link::open_form_ticket(&app.store.sealer, workflow.id, ticket)?.ok_or_else(|| {
            ApiError::bad_request(
                "ticket_unknown",
                language.text("general.expired", &json!({})),
            )
        })?;
    let [file] = sent.files.as_slice() else {
        return Err(ApiError::bad_request(
            "file_missing",
            "Send one file under the name of its question.",
        ));
    };
    match keep(&app, &workflow.scope, ticket, form, file).await {
        Ok(kept) => Ok((StatusCode::CREATED, Json(out(&kept))).into_response()),
        Err(Declined::Store(error)) => Err(error.into()),
        Err(declined) => {
            let status = match declined {
                Declined::Size { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                Declined::Quota => StatusCode::TOO_MANY_REQUESTS,
                Declined::Type | Declined::Empty | Declined::Store(_) => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
            };
            Err(ApiError::new(
                status,
                "file_declined",
                declined.text(language, &file.name),
            ))
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Ticket {
    ticket: String,
}

/// `DELETE /f/{slug}/uploads/{id}?ticket=`: takes a file back before the form is sent.
pub(crate) async fn remove(
    State(app): State<App>,
    Path((slug, id)): Path<(String, ArtifactId)>,
    Query(query): Query<Ticket>,
) -> Result<StatusCode, ApiError> {
    let workflow = link::workflow(&app.store, &slug).await?;
    let ticket = link::open_form_ticket(&app.store.sealer, workflow.id, &query.ticket)?
        .ok_or_else(|| ApiError::not_found("file"))?;
    artifact::remove_upload(&app.store, &workflow.scope, ticket.as_uuid(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn out(file: &FileRef) -> serde_json::Value {
    json!({
        "id": file.id, "name": file.name, "content_type": file.content_type, "size_bytes": file.size_bytes,
        "size": size_text(file.size_bytes),
    })
}

fn refused(refusal: Refusal, language: Language) -> ApiError {
    let (kind, detail) = match refusal {
        // The form shows it.
        Refusal::Busy => {
            let text = language.text("notice.busy_text", &json!({}));
            let error = ApiError::new(refusal.status(), "busy", text);
            let seconds = refusal.retry_after().unwrap_or_default();
            return error.header(header::RETRY_AFTER, &seconds.to_string());
        }
        Refusal::WrongType => (
            "unsupported_media_type",
            "Send the form as a browser does: multipart/form-data.",
        ),
        Refusal::TooLarge => (
            "body_too_large",
            "The body is larger than this address takes.",
        ),
        Refusal::Broken => ("body_unreadable", "The body did not arrive completely."),
    };
    ApiError::new(refusal.status(), kind, detail)
}

pub(crate) fn closed() -> ApiError {
    ApiError::new(StatusCode::GONE, "form_closed", "This form is closed.")
}

pub(crate) fn too_many(wait: std::time::Duration) -> ApiError {
    let seconds = wait.as_secs() + 1;
    ApiError::too_many(seconds, format!("Too many at once. Wait {seconds} s."))
}

/// The media type of what people hand in, from its first bytes; `None` for programs, archives, pages with scripts and all that
/// is not known.
fn sniff(bytes: &[u8], name: &str) -> Option<&'static str> {
    const TAKEN: [&str; 17] = [
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/heif",
        "image/tiff",
        "image/bmp",
        "image/avif",
        "application/pdf",
        "application/rtf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
    ];
    if let Some(kind) = infer::get(bytes) {
        return TAKEN.into_iter().find(|taken| *taken == kind.mime_type());
    }
    let ending = name
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_csv = ending == "csv";
    // Spreadsheets still write the old encoding of their country; whoever reads the file finds out which.
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if is_csv => String::from_utf8_lossy(bytes),
        Err(_) => return None,
    };
    let plain = text
        .chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    // Markup and scripts without a signature that `infer` knows.
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if !plain || start.starts_with('<') || start.starts_with("#!") {
        return None;
    }
    Some(if is_csv { "text/csv" } else { "text/plain" })
}

/// `84 kB`, `2.5 MB`.
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => {
            let tenths = bytes.div_ceil(100_000);
            match tenths % 10 {
                0 => format!("{} MB", tenths / 10),
                tenth => format!("{}.{tenth} MB", tenths / 10),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_and_not_the_name() {
        fn check(bytes: &[u8], name: &str, expected: Option<&str>) {
            assert_eq!(sniff(bytes, name), expected, "{name}");
        }
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        check(png, "photo.png", Some("image/png"));
        check(png, "page.html", Some("image/png"));
        check(b"%PDF-1.7\n<script>", "a.pdf", Some("application/pdf"));
        check(b"<html><script>alert(1)</script>", "photo.png", None);
        check(
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'>",
            "logo.svg",
            None,
        );
        check(b"\xef\xbb\xbf  <!DOCTYPE html>", "a.txt", None);
        check(b"#!/bin/sh\nrm -rf /", "a.txt", None);
        check(b"MZ\x90\0", "setup.png", None);
        check(b"\x7fELF\x02\x01\x01", "a.pdf", None);
        check(b"PK\x03\x04whatever", "a.zip", None);
        check(
            "Name;Preis\nMüller;1,5".as_bytes(),
            "a.csv",
            Some("text/csv"),
        );
        // As a German spreadsheet writes it.
        check(b"Name;Preis\nM\xfcller;1,5 \x80", "a.csv", Some("text/csv"));
        check(b"M\xfcller", "a.txt", None);
        check(b"<html>\xfc", "a.csv", None);
        check(b"hello", "a.txt", Some("text/plain"));
        check(b"hel\0lo", "a.txt", None);
        check(b"\xff\xfe\xfd", "a.txt", None);
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(size_text(12), "12 B");
        assert_eq!(size_text(84_000), "84 kB");
        assert_eq!(size_text(10 * 1024 * 1024), "10.5 MB");
        assert_eq!(size_text(5_000_000), "5 MB");
    }
}
