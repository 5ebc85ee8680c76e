//! What a browser sends becomes the tree of answers that `engine::form` reads: `items.0.price` is a cell. Files become uploads on
//! the way in; a client can only ever name a file by the id the server gave it.

use std::pin::pin;

use axum::{
    body::Body,
    extract::{
        FromRequest as _, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::{StatusCode, header},
};
use engine::form::{FieldKind, Form, FormField, MAX_FILE_BYTES, MOST_FILE_BYTES};
use futures_util::StreamExt as _;
use serde_json::{Map, Value as Json};
use store::artifact::Spool;

use super::arriving::{Desk, Memory, pieces, unwritten};
use crate::{extract::drain, incoming::Held};

/// Typed answers of one form, without its files.
pub(crate) const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;
/// Answers of one form; the largest table has fewer cells.
const MAX_ENTRIES: usize = 60_000;
/// Files of one form.
const MAX_FILES: usize = 20;

/// What a browser sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// `(name, value)` in their order.
    entries: Vec<(String, String)>,
    pub(crate) files: Vec<SentFile>,
    memory: Memory,
    disk: Held,
}

#[derive(Debug)]
pub(crate) struct SentFile {
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Empty,
    /// Larger than the field takes.
    TooLarge,
    Whole(Spool),
}

/// Why a request is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    WrongType,
    TooLarge,
    Broken,
    /// Others send so much that there is no room for it now.
    Busy,
}

impl Refusal {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Key of the title of the page that says so; its text is under the same with `_text`.
    pub(crate) fn notice(self) -> &'static str {
        match self {
            Self::TooLarge => "notice.too_large",
            Self::WrongType | Self::Broken => "notice.type",
            Self::Busy => "notice.busy",
        }
    }

    /// After how many seconds the same may be taken.
    pub(crate) fn retry_after(self) -> Option<u64> {
        match self {
            Self::Busy => Some(30),
            Self::WrongType | Self::TooLarge | Self::Broken => None,
        }
    }
}

fn broken(_: MultipartError) -> Refusal {
    Refusal::Broken
}

impl Sent {
    /// Reads the two content types that HTML forms have, and no other.
    pub(crate) async fn read(
        request: Request<Body>,
        form: &Form,
        desk: &Desk<'_>,
    ) -> Result<Self, Refusal> {
        let most = MAX_TEXT_BYTES as u64 + file_fields(form).map(max_bytes).sum::<u64>();
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > most) {
            return Err(too_large(request).await);
        }
        match media_type(&request).as_deref() {
            Some("application/x-www-form-urlencoded") => Self::read_urlencoded(request, desk).await,
            Some("multipart/form-data") => Self::read_multipart(request, form, desk).await,
            _ => Err(Refusal::WrongType),
        }
    }

    fn begin(desk: &Desk<'_>) -> Self {
        Self {
            entries: Vec::new(),
            files: Vec::new(),
            memory: desk.memory(),
            disk: desk.incoming.disk.hold(desk.address),
        }
    }

    async fn read_urlencoded(request: Request<Body>, desk: &Desk<'_>) -> Result<Self, Refusal> {
        let mut sent = Self::begin(desk);
        let mut pieces = pin!(pieces(request.into_body(), sent.memory.clone()));
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| sent.memory.refusal().unwrap_or(Refusal::Broken))?;
            if bytes.len() + piece.len() > MAX_TEXT_BYTES {
                drop(bytes);
                sent.memory.refuse(Refusal::TooLarge);
                pieces.next().await;
                return Err(Refusal::TooLarge);
            }
            bytes.extend_from_slice(&piece);
        }
        sent.entries = url::form_urlencoded::parse(&bytes)
            .take(MAX_ENTRIES + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if sent.entries.len() > MAX_ENTRIES {
            return Err(Refusal::TooLarge);
        }
        Ok(sent)
    }

    async fn read_multipart(
        request: Request<Body>,
        form: &Form,
        desk: &Desk<'_>,
    ) -> Result<Self, Refusal> {
        let sent = Self::begin(desk);
        let memory = sent.memory.clone();
        let (head, body) = request.into_parts();
        let body = Body::from_stream(pieces(body, memory.clone()));
        let mut parts = Multipart::from_request(Request::from_parts(head, body), &())
            .await
            .map_err(|_| Refusal::Broken)?;
        let refusal = match sent.read_parts(&mut parts, form, desk).await {
            Ok(sent) => return Ok(sent),
            Err(refusal) => refusal,
        };
        if let Some(told) = memory.refusal() {
            return Err(told);
        }
        if refusal != Refusal::Broken {
            memory.refuse(refusal);
            // Reads on, and keeps nothing.
            let _ = parts.next_field().await;
        }
        Err(refusal)
    }

    async fn read_parts(
        mut self,
        parts: &mut Multipart,
        form: &Form,
        desk: &Desk<'_>,
    ) -> Result<Self, Refusal> {
        let mut left = MAX_TEXT_BYTES;
        while let Some(mut part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let Some(file_name) = part.file_name().map(str::to_owned) else {
                let value = read_text(&mut part, left).await?;
                left -= value.len();
                if self.entries.len() >= MAX_ENTRIES {
                    return Err(Refusal::TooLarge);
                }
                let value = String::from_utf8_lossy(&value).into_owned();
                self.entries.push((name, value));
                continue;
            };
            let field = file_fields(form).find(|field| field.name == name);
            let most = field.map_or(0, max_bytes);
            let content = self.read_file(&mut part, most, desk).await?;
            let is_none = file_name.is_empty() && matches!(content, Content::Empty);
            // A file where none is asked for is not an answer.
            if is_none || field.is_none() {
                continue;
            }
            if self.files.len() >= MAX_FILES {
                return Err(Refusal::TooLarge);
            }
            self.files.push(SentFile {
                field: name,
                name: file_name,
                content,
            });
        }
        Ok(self)
    }

    /// Puts a file on the disk as it arrives.
    async fn read_file(
        &mut self,
        part: &mut Field<'_>,
        most: u64,
        desk: &Desk<'_>,
    ) -> Result<Content, Refusal> {
        let mut content = Content::Empty;
        let mut arrived = 0;
        while let Some(piece) = part.chunk().await.map_err(broken)? {
            arrived += piece.len() as u64;
            if arrived > most {
                // The rest is read and dropped, so that the other answers are kept.
                content = Content::TooLarge;
            } else if !piece.is_empty() {
                if !self.disk.grow(piece.len()) {
                    return Err(Refusal::Busy);
                }
                let mut spool = match content {
                    Content::Whole(spool) => spool,
                    Content::Empty | Content::TooLarge => desk.spool().await?,
                };
                let written = spool.write(&piece).await;
                written.map_err(|error| unwritten(&error))?;
                content = Content::Whole(spool);
            }
            self.memory.put_down(piece.len());
        }
        Ok(content)
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

async fn read_text(part: &mut Field<'_>, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(broken)? {
        if bytes.len() + piece.len() > most {
            return Err(Refusal::TooLarge);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
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
    use std::net::{IpAddr, Ipv4Addr};

    use axum::http::Method;
    use serde_json::json;
    use store::artifact::ArtifactStore;

    use super::*;
    use crate::incoming::Incoming;

    const MULTIPART: &str = "multipart/form-data; boundary=b";

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

    async fn read(incoming: &Incoming, request: Request<Body>) -> Result<Sent, Refusal> {
        let artifacts = ArtifactStore::open(&std::env::temp_dir()).unwrap();
        let desk = Desk {
            incoming,
            artifacts: &artifacts,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        Sent::read(request, &form(), &desk).await
    }

    #[tokio::test]
    async fn names_become_a_tree_and_nothing_else_gets_in() {
        let body = "guest=M%C3%BCller&likes=a&likes=b&items.7.what=x&items.2.what=y&items.2.price=1%2C5\
                    &items.2.evil=1&items.x.what=1&photo.kept=../../etc/passwd&other=1&_ticket=t";
        let request = request("application/x-www-form-urlencoded; charset=UTF-8", body);
        let sent = read(&Incoming::new(), request).await.unwrap();
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
            let body = r#"{"photo": {"filepath": "/etc/passwd"}}"#;
            let result = read(&Incoming::new(), request(content_type, body)).await;
            assert_eq!(result.unwrap_err(), Refusal::WrongType, "{content_type}");
        }
        let long = "guest=".to_owned() + &"x".repeat(MAX_TEXT_BYTES);
        let request = request("application/x-www-form-urlencoded", long);
        let result = read(&Incoming::new(), request).await;
        assert_eq!(result.unwrap_err(), Refusal::TooLarge);
    }

    #[tokio::test]
    async fn a_file_that_is_too_large_costs_no_other_answer() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"../a.png\"\r\n\r\n0123456789ABC\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"guest\"\r\n\r\nM\u{fc}ller\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"guest\"; filename=\"x\"\r\n\r\nno answer\r\n--b--\r\n";
        let sent = read(&Incoming::new(), request(MULTIPART, body))
            .await
            .unwrap();
        assert_eq!(sent.answers(&form())["guest"], "Müller");
        assert_eq!(sent.files.len(), 1);
        assert!(matches!(sent.files[0].content, Content::TooLarge));
    }

    #[tokio::test]
    async fn files_lie_on_the_disk_and_wait_for_room() {
        let photo = "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n01234567\r\n--b--\r\n";
        let incoming = Incoming::of(64 * 1024, 48);
        let sent = read(&incoming, request(MULTIPART, photo)).await.unwrap();
        let Content::Whole(spool) = &sent.files[0].content else {
            panic!("{sent:?}");
        };
        assert_eq!(spool.read().await.unwrap(), "01234567");
        // One network has a quarter of the room, and most of that is taken.
        let result = read(&incoming, request(MULTIPART, photo)).await;
        assert_eq!(result.unwrap_err(), Refusal::Busy);
        drop(sent);
        read(&incoming, request(MULTIPART, photo)).await.unwrap();
    }

    #[tokio::test]
    async fn nothing_of_a_request_is_held_beyond_its_limit() {
        let tight = Incoming::of(1024, 48);
        for content_type in ["application/x-www-form-urlencoded", MULTIPART] {
            let result = read(&tight, request(content_type, "guest=".repeat(100))).await;
            assert_eq!(result.unwrap_err(), Refusal::Busy, "{content_type}");
        }
        // The head of a part that never ends.
        let endless = "--b\r\nContent-Disposition: form-data; x=".to_owned();
        let endless = endless + &"x".repeat(13 * 1024 * 1024);
        let result = read(&Incoming::new(), request(MULTIPART, endless)).await;
        assert_eq!(result.unwrap_err(), Refusal::TooLarge);
    }
}
