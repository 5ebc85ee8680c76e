//! What a browser sends becomes the tree of answers that `engine::form` reads: `items.0.price` is a cell. Files become uploads on
//! the way in; a client can only ever name a file by the id the server gave it.

use axum::{
    RequestExt as _,
    body::Body,
    extract::{FromRequest as _, Multipart, Request},
    http::{StatusCode, header},
};
use engine::form::{FieldKind, Form, FormField, MAX_FILE_BYTES, MOST_FILE_BYTES};
use serde_json::{Map, Value as Json};

use crate::extract::{drain, raw_body};

/// Typed answers of one form, without its files.
pub(crate) const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;
/// Answers of one form; the largest table has fewer cells.
const MAX_ENTRIES: usize = 60_000;
/// Files of one form.
const MAX_FILES: usize = 20;

/// What a browser sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// `(name, value)` in their order.
    entries: Vec<(String, String)>,
    pub(crate) files: Vec<SentFile>,
}

#[derive(Debug)]
pub(crate) struct SentFile {
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) bytes: axum::body::Bytes,
    /// Larger than the field takes; its bytes are not here.
    pub(crate) too_large: bool,
}

/// Why a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    WrongType,
    TooLarge,
    Broken,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl Sent {
    /// Reads the two content types that HTML forms have, and no other.
    pub(crate) async fn read(request: Request<Body>, form: &Form) -> Result<Self, Refusal> {
        let most = MAX_TEXT_BYTES as u64 + file_fields(form).map(max_bytes).sum::<u64>();
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > most) {
            return Err(too_large(request).await);
        }
        match media_type(&request).as_deref() {
            Some("application/x-www-form-urlencoded") => Self::read_urlencoded(request).await,
            Some("multipart/form-data") => Self::read_multipart(request, form).await,
            _ => Err(Refusal::WrongType),
        }
    }

    async fn read_urlencoded(request: Request<Body>) -> Result<Self, Refusal> {
        let bytes =
            raw_body(request, MAX_TEXT_BYTES)
                .await
                .map_err(|error| match error.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
                    _ => Refusal::Broken,
                })?;
        let entries: Vec<(String, String)> = url::form_urlencoded::parse(&bytes)
            .take(MAX_ENTRIES + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if entries.len() > MAX_ENTRIES {
            return Err(Refusal::TooLarge);
        }
        Ok(Self {
            entries,
            files: Vec::new(),
        })
    }

    async fn read_multipart(request: Request<Body>, form: &Form) -> Result<Self, Refusal> {
        let request = request.with_limited_body();
        let mut parts = Multipart::from_request(request, &())
            .await
            .map_err(|_| Refusal::Broken)?;
        let mut sent = Self::default();
        let mut text_bytes = 0;
        while let Some(mut part) = parts.next_field().await.map_err(|_| Refusal::Broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.file_name().map(str::to_owned);
            let file_field = file_fields(form).find(|field| field.name == name);
            let limit = match (&file_name, file_field) {
                (Some(_), Some(field)) => usize::try_from(max_bytes(field)).unwrap_or(usize::MAX),
                _ => MAX_TEXT_BYTES,
            };
            let mut bytes = Vec::new();
            let mut too_large = false;
            while let Some(chunk) = part.chunk().await.map_err(|_| Refusal::Broken)? {
                if bytes.len() + chunk.len() > limit {
                    if file_name.is_none() {
                        return Err(Refusal::TooLarge);
                    }
                    // The rest is read and dropped, so that the other answers are kept.
                    too_large = true;
                    bytes = Vec::new();
                }
                if !too_large {
                    bytes.extend_from_slice(&chunk);
                }
            }
            match (file_name, file_field) {
                (Some(file_name), Some(_)) if !(file_name.is_empty() && bytes.is_empty()) => {
                    if sent.files.len() >= MAX_FILES {
                        return Err(Refusal::TooLarge);
                    }
                    sent.files.push(SentFile {
                        field: name,
                        name: file_name,
                        bytes: bytes.into(),
                        too_large,
                    });
                }
                // A file where none is asked for is not an answer.
                (Some(_), _) => {}
                (None, _) => {
                    text_bytes += bytes.len();
                    if text_bytes > MAX_TEXT_BYTES || sent.entries.len() >= MAX_ENTRIES {
                        return Err(Refusal::TooLarge);
                    }
                    sent.entries
                        .push((name, String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
        }
        Ok(sent)
    }

    /// The last value of a name that is no question, such as the ticket.
    pub(crate) fn own(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .rev()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The tree of answers: only questions of the form, as texts.
    pub(crate) fn answers(&self, form: &Form) -> Json {
        let mut answers = Map::new();
        for field in &form.fields {
            let answer = match &field.kind {
                FieldKind::Rows { columns, .. } => self.rows(&field.name, columns),
                FieldKind::MultiSelect { .. } => {
                    Json::Array(self.all(&field.name).map(Json::from).collect())
                }
                FieldKind::File { .. } => self
                    .own(&format!("{}.kept", field.name))
                    .map_or(Json::Null, Json::from),
                _ => self.own(&field.name).map_or(Json::Null, Json::from),
            };
            answers.insert(field.name.clone(), answer);
        }
        Json::Object(answers)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Rows in the order of their numbers; gaps close.
    fn rows(&self, name: &str, columns: &[FormField]) -> Json {
        let mut rows: std::collections::BTreeMap<u32, Map<String, Json>> =
            std::collections::BTreeMap::new();
        for (entry, value) in &self.entries {
            let Some(rest) = entry
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
            else {
                continue;
            };
            let Some((number, column)) = rest.split_once('.') else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            if columns.iter().any(|known| known.name == column) {
                rows.entry(number)
                    .or_default()
                    .insert(column.to_owned(), Json::from(value.as_str()));
            }
        }
        Json::Array(rows.into_values().map(Json::Object).collect())
    }
}

/// A browser that is still writing would show a broken connection instead of the page that says so.
async fn too_large(request: Request<Body>) -> Refusal {
    drain(&mut request.into_body().into_data_stream()).await;
    Refusal::TooLarge
}

/// The media type without its parameters, in small letters.
pub(crate) fn media_type(request: &Request<Body>) -> Option<String> {
    let value = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

fn file_fields(form: &Form) -> impl Iterator<Item = &FormField> {
    form.fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::File { .. }))
}

/// The largest file a question takes.
pub(crate) fn max_bytes(field: &FormField) -> u64 {
    match &field.kind {
        FieldKind::File { max_bytes, .. } => {
            max_bytes.unwrap_or(MAX_FILE_BYTES).min(MOST_FILE_BYTES)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use super::*;

    fn form() -> Form {
        serde_json::from_value(json!({"title": "T", "fields": [
            {"name": "guest", "label": "Guest", "kind": "text"},
            {"name": "likes", "label": "Likes", "kind": "multi_select", "options": [{"value": "a"}, {"value": "b"}]},
            {"name": "photo", "label": "Photo", "kind": "file", "max_bytes": 10},
            {"name": "items", "label": "Items", "kind": "rows", "columns": [
                {"name": "what", "label": "What", "kind": "text"}, {"name": "price", "label": "Price", "kind": "money"}]}
        ]}))
        .unwrap()
    }

    fn request(content_type: &str, body: impl Into<Body>) -> Request<Body> {
        Request::builder()
            .method(Method::POST)
            .header(header::CONTENT_TYPE, content_type)
            .body(body.into())
            .unwrap()
    }

    #[tokio::test]
    async fn names_become_a_tree_and_nothing_else_gets_in() {
        let body = "guest=M%C3%BCller&likes=a&likes=b&items.7.what=x&items.2.what=y&items.2.price=1%2C5\
                    &items.2.evil=1&items.x.what=1&photo.kept=../../etc/passwd&other=1&_ticket=t";
        let sent = Sent::read(
            request("application/x-www-form-urlencoded; charset=UTF-8", body),
            &form(),
        )
        .await
        .unwrap();
        assert_eq!(
            sent.answers(&form()),
            json!({"guest": "Müller", "likes": ["a", "b"], "photo": "../../etc/passwd",
                   "items": [{"what": "y", "price": "1,5"}, {"what": "x"}]})
        );
        assert_eq!(sent.own("_ticket"), Some("t"));
    }

    #[tokio::test]
    async fn only_what_html_forms_send_is_read() {
        for content_type in ["application/json", "text/plain", "application/xml", ""] {
            let result = Sent::read(
                request(content_type, r#"{"photo": {"filepath": "/etc/passwd"}}"#),
                &form(),
            )
            .await;
            assert_eq!(result.unwrap_err(), Refusal::WrongType, "{content_type}");
        }
        let long = "guest=".to_owned() + &"x".repeat(MAX_TEXT_BYTES);
        let result = Sent::read(request("application/x-www-form-urlencoded", long), &form()).await;
        assert_eq!(result.unwrap_err(), Refusal::TooLarge);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_costs_no_other_answer() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../a.png\"\r\n\r\n0123456789ABC\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"guest\"\r\n\r\nM\u{fc}ller\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"guest\"; filename=\"x\"\r\n\r\nno answer\r\n--b--\r\n";
        let sent = Sent::read(request("multipart/form-data; boundary=b", body), &form())
            .await
            .unwrap();
        assert_eq!(sent.answers(&form())["guest"], "Müller");
        assert_eq!(sent.files.len(), 1);
        assert!(sent.files[0].too_large && sent.files[0].bytes.is_empty());
    }
}
