//! `http_request`: asks another server through the guard. Private addresses, credentials and limits are the client's business; this node
//! builds the request and reads the answer.

use std::borrow::Cow;

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    foreign::with_exact_numbers,
    ids::CredentialId,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, HttpRequest as Request, HttpResponse,
        Node, NodeContext, NodeError, Outcome, OutputContext, StepError, Surface,
    },
    value::{Mismatch, Value, record_to_json},
    workflow::Retry,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    values::{evaluate_all, field, file_name, misfit, named},
    webhook_input::check_sent_fields,
};

/// Longest text of an answer that is repeated in an error.
const EXCERPT: usize = 200;

/// Ask another server, or tell it something, over HTTP.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpRequest {
    /// What to do at the address.
    #[serde(default)]
    method: Method,
    /// The address, beginning with https://.
    #[serde(default)]
    #[schemars(title = "Address")]
    url: Template,
    /// What is added to the address after the question mark.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-empty" = true))]
    query: IndexMap<String, Template>,
    /// Further headers of the request.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-group" = "advanced"))]
    headers: IndexMap<String, Template>,
    /// How the content is sent.
    #[serde(default)]
    #[schemars(title = "Content")]
    body: BodyKind,
    /// The values that are sent.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-empty" = true, "x-when" = {"body": ["json", "form"]}))]
    values: IndexMap<String, Template>,
    /// The text that is sent.
    #[serde(default)]
    #[schemars(extend("x-when" = {"body": "text"}))]
    text: Template,
    /// The key or password to use; it is kept apart and never shown.
    #[serde(default)]
    #[schemars(extend("x-widget" = "credential"))]
    credential: Option<CredentialId>,
    /// What to make of the answer.
    #[serde(default)]
    answer: Answer,
    /// The values in the answer that later steps use.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields", "x-when" = {"answer": "json"}))]
    answer_fields: Vec<Field>,
    /// It only reads, so that trial runs may send it, too.
    #[serde(default)]
    #[schemars(title = "Only reads")]
    read_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(extend("x-labels" = {
    "GET": "Read (GET)", "POST": "Create (POST)", "PUT": "Replace (PUT)", "PATCH": "Change (PATCH)", "DELETE": "Delete (DELETE)"
}))]
enum Method {
    #[default]
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"none": "Nothing", "json": "JSON", "form": "Form", "text": "Text"}))]
enum BodyKind {
    #[default]
    None,
    Json,
    Form,
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"json": "Values (JSON)", "text": "Text", "file": "A file", "none": "Nothing"}))]
enum Answer {
    #[default]
    Json,
    Text,
    File,
    None,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

#[async_trait]
impl Node for HttpRequest {
    const TYPE: &'static str = "http_request";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "HTTP request",
            family: Family::Looked,
            icon: "globe",
            effect: Effect::Outside,
            surface: Surface::Message,
            timeout_ms: 30_000,
            retry: Some(Retry {
                max_attempts: 4,
                first_ms: 1_000,
                factor: 3,
                max_ms: 60_000,
            }),
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let mut fields = vec![field("status", "Status", Kind::Integer)];
        match self.answer {
            Answer::Json if self.answer_fields.is_empty() => {
                fields.push(field("body", "Answer", Kind::Any));
            }
            Answer::Json => fields.push(field(
                "body",
                "Answer",
                Kind::Record {
                    fields: self.answer_fields.clone(),
                },
            )),
            Answer::Text => fields.push(field("body", "Answer", Kind::text())),
            Answer::File => fields.push(field("file", "File", Kind::File)),
            Answer::None => {}
        }
        Kind::Record { fields }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self.method.as_str().into(),
            well: vec![CardLine {
                text: self.url.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_sent_fields(&self.answer_fields, "/answer_fields");
        let url = self.url.0.trim();
        let good =
            url.starts_with("https://") || url.starts_with("http://") || url.starts_with("{{");
        if !good {
            problems.push(
                Problem::error(
                    "bad_url",
                    json!({}),
                    "Write an address that begins with https://.",
                )
                .at("/url"),
            );
        }
        for name in self.headers.keys() {
            let lower = name.to_ascii_lowercase();
            let taken = ["host", "content-length", "transfer-encoding", "connection"];
            if !is_header_name(name) || taken.contains(&lower.as_str()) {
                problems.push(
                    Problem::error(
                        "bad_header",
                        json!({"header": name}),
                        format!("\u{201c}{name}\u{201d} cannot be used as a header."),
                    )
                    .at(format!("/headers/{}", engine::value::escape_pointer(name))),
                );
            }
            if lower == "authorization" {
                problems.push(
                    Problem::warning(
                        "secret_in_header",
                        json!({}),
                        "Choose a credential instead: what stands here is visible to everybody who opens the workflow.",
                    )
                    .at(format!("/headers/{}", engine::value::escape_pointer(name))),
                );
            }
        }
        if self.method == Method::Get && self.body != BodyKind::None {
            problems.push(
                Problem::error(
                    "body_with_get",
                    json!({}),
                    "A reading request sends no content.",
                )
                .at("/body"),
            );
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        if context.step().trial && !self.read_only {
            return Err(NodeError::config(
                "held_in_trial",
                "The request was not sent, because this is a trial run. Mark it as only reading, or start the run with Really send.",
            ));
        }
        let request = self.request(context)?;
        let url = request.url.clone();
        let host = host(&url);
        context.progress(&format!("asks {host}"));
        let answer = context.http(request).await?;
        if !(200..300).contains(&answer.status) {
            return Err(refused(&answer, host));
        }
        self.read(context, answer, &url).await
    }
}

impl HttpRequest {
    fn request(&self, context: &dyn NodeContext) -> Result<Request, NodeError> {
        let mut url = context.render(&self.url)?.trim().to_owned();
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(NodeError::failed(
                "bad_url",
                "The address does not begin with https://.",
            ));
        }
        let mut headers = Vec::new();
        for (name, template) in &self.headers {
            let value = context
                .render(template)
                .map_err(|error| named(error, name))?;
            if value.contains(['\r', '\n', '\0']) {
                return Err(NodeError::failed(
                    "bad_header",
                    format!("The header \u{201c}{name}\u{201d} holds a line break."),
                )
                .with("header", name.as_str()));
            }
            headers.push((name.clone(), value));
        }
        let query = Self::pairs(context, &self.query)?;
        if !query.is_empty() {
            let (address, fragment) = url
                .split_once('#')
                .map_or((url.clone(), None), |(address, fragment)| {
                    (address.to_owned(), Some(fragment.to_owned()))
                });
            let join = if address.contains('?') { '&' } else { '?' };
            url = format!("{address}{join}{}", encode_pairs(&query));
            if let Some(fragment) = fragment {
                url = format!("{url}#{fragment}");
            }
        }
        let has = |headers: &[(String, String)], wanted: &str| {
            headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        let (content_type, body) = match self.body {
            BodyKind::None => (None, Vec::new()),
            BodyKind::Json => {
                let values = record_to_json(&evaluate_all(context, &self.values)?);
                (Some("application/json"), values.to_string().into_bytes())
            }
            BodyKind::Form => (
                Some("application/x-www-form-urlencoded"),
                encode_pairs(&Self::pairs(context, &self.values)?).into_bytes(),
            ),
            BodyKind::Text => (
                Some("text/plain; charset=utf-8"),
                context.render(&self.text)?.into_bytes(),
            ),
        };
        if let Some(content_type) = content_type
            && !has(&headers, "content-type")
        {
            headers.push(("content-type".into(), content_type.into()));
        }
        if self.answer == Answer::Json && !has(&headers, "accept") {
            headers.push(("accept".into(), "application/json".into()));
        }
        if self.method != Method::Get && !has(&headers, "idempotency-key") {
            headers.push((
                "idempotency-key".into(),
                context.step().idempotency_key.clone(),
            ));
        }
        Ok(Request {
            method: self.method.as_str().into(),
            url,
            headers,
            body,
            credential: self.credential,
            timeout: None,
        })
    }

    /// Names and texts; what is empty is left out.
    fn pairs(
        context: &dyn NodeContext,
        templates: &IndexMap<String, Template>,
    ) -> Result<Vec<(String, String)>, NodeError> {
        let mut pairs = Vec::new();
        for (name, value) in evaluate_all(context, templates)? {
            if value == Value::Empty {
                continue;
            }
            let text = match value {
                Value::YesNo(yes) => yes.to_string(),
                value => match value.convert(&Kind::text(), "") {
                    Ok(Value::Text(text)) => text,
                    _ => {
                        return Err(NodeError::failed(
                            "not_a_text",
                            format!("\u{201c}{name}\u{201d} cannot be sent as text."),
                        )
                        .with("name", name));
                    }
                },
            };
            pairs.push((name, text));
        }
        Ok(pairs)
    }

    async fn read(
        &self,
        context: &dyn NodeContext,
        answer: HttpResponse,
        url: &str,
    ) -> Result<Outcome, NodeError> {
        let host = host(url);
        let status = answer.status;
        let output = match self.answer {
            Answer::None => json!({"status": status}),
            Answer::Text => {
                let text = String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}");
                json!({"status": status, "body": text})
            }
            Answer::File => {
                let header = |wanted: &str| {
                    answer
                        .headers
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                        .map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
                };
                let content_type = header("content-type")
                    .filter(|text| !text.is_empty())
                    .unwrap_or("application/octet-stream")
                    .to_owned();
                let name = answer_name(url, host, &content_type);
                let file = context
                    .write_artifact(&name, &content_type, answer.body)
                    .await?;
                json!({"status": status, "file": Value::File(file).to_json()})
            }
            Answer::Json => {
                let body = self.read_json(&answer.body, host, &context.step().currency)?;
                json!({"status": status, "body": body})
            }
        };
        Ok(Outcome::Done(Done::out(output)))
    }

    fn read_json(&self, body: &[u8], host: &str, currency: &str) -> Result<Json, NodeError> {
        let not_json = || {
            let said = excerpt(body);
            let message = format!("{host} did not answer with JSON. Its answer begins: {said}");
            NodeError::failed("answer_not_json", message)
                .with("host", host)
                .with("said", said)
        };
        let mut json: Json = serde_json::from_slice(body).map_err(|_| not_json())?;
        // With more digits than a JSON reader keeps it would be another number, which nobody would see.
        let text = std::str::from_utf8(body).map_err(|_| not_json())?;
        if let Cow::Owned(exact) = with_exact_numbers(text) {
            json = serde_json::from_str(&exact).map_err(|_| not_json())?;
        }
        let kind = if self.answer_fields.is_empty() {
            Kind::Any
        } else {
            Kind::Record {
                fields: self.answer_fields.clone(),
            }
        };
        let does_not_fit = |mismatches: Vec<Mismatch>| {
            let first = mismatches.first().map_or(String::new(), |mismatch| {
                format!(" {} {}.", mismatch.pointer, mismatch.message)
            });
            let error = NodeError::failed(
                "answer_does_not_fit",
                format!("The answer of {host} does not fit.{first}"),
            )
            .with("host", host);
            mismatches.into_iter().take(1).fold(error, misfit)
        };
        // Foreign JSON has numbers where we have texts for amounts: read it freely, then fit it.
        let value = Value::from_any_json(&json)
            .and_then(|value| {
                value
                    .convert(&kind, currency)
                    .map_err(|mismatch| vec![mismatch])
            })
            .map_err(does_not_fit)?;
        Value::from_json(&value.to_json(), &kind).map_err(does_not_fit)?;
        Ok(value.to_json())
    }
}

/// 429 and 5xx may pass by themselves; other answers will not.
fn refused(answer: &HttpResponse, host: &str) -> NodeError {
    let status = answer.status;
    if (300..400).contains(&status) {
        return NodeError::failed(
            "redirected",
            format!("{host} answered {status}. Redirects are not followed; use the final address."),
        )
        .with("status", status);
    }
    let said = Some(excerpt(&answer.body)).filter(|text| !text.is_empty());
    let saying = said
        .as_ref()
        .map_or(String::new(), |said| format!(", saying: {said}"));
    let (cause, advice) = match status {
        401 | 403 => ("credential", "Check the credential."),
        404 | 410 => ("address", "Check the address."),
        408 | 425 | 429 | 500.. => ("server", "Try again later, or ask whoever runs it."),
        _ => ("content", "Check what is sent."),
    };
    let error = StepError::new(
        "http_status",
        format!("{host} refused the request with status {status}{saying}. {advice}"),
    )
    .with("host", host)
    .with("status", status)
    .with("said", said)
    .with("cause", cause);
    if status == 408 || status == 425 || status == 429 || status >= 500 {
        return NodeError::Retryable {
            error,
            after_ms: retry_after(answer),
        };
    }
    NodeError::Failed(error)
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3), at most an hour; its form as a date is not read.
fn retry_after(answer: &HttpResponse) -> Option<u64> {
    let (_, value) = answer
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let seconds: u64 = value.trim().parse().ok()?;
    Some(seconds.min(3600) * 1000)
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(EXCERPT)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// What the file is called at its address; the host and its kind where the address has no file.
fn answer_name(url: &str, host: &str, content_type: &str) -> String {
    let address = url.split(['?', '#']).next().unwrap_or(url);
    let last = address
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .and_then(|(_, path)| path.rsplit('/').next())
        .map(file_name)
        .filter(|name| name.contains('.'));
    let ending = match content_type {
        "application/pdf" => "pdf",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/plain" => "txt",
        _ => "bin",
    };
    last.unwrap_or_else(|| file_name(&format!("{host}.{ending}")))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
fn encode_pairs(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                    char::from(byte).to_string()
                }
                b' ' => "+".to_owned(),
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, done};

    fn context() -> FakeContext {
        FakeContext::new(&json!({"form": {"city": "Köln & Bonn", "empty": null, "price": "1.10"}}))
    }

    #[test]
    fn the_request_carries_query_headers_and_a_stable_key() {
        let context = context().answering(200, &[], r#"{"id": 7, "price": 0.1}"#);
        let config = json!({
            "method": "POST", "url": "https://example.com/a?b=1#c",
            "query": {"city": "{{ form.city }}", "gone": "{{ form.empty }}"},
            "body": "json", "values": {"price": "{{ form.price }}"},
        });
        let done = done::<HttpRequest>(config, &context).expect("an answer");
        assert_eq!(
            done.output,
            json!({"status": 200, "body": {"id": 7, "price": "0.1"}})
        );
        let request = context.requests.lock().expect("lock").remove(0);
        assert_eq!(
            request.url,
            "https://example.com/a?b=1&city=K%C3%B6ln+%26+Bonn#c"
        );
        assert_eq!(request.body, br#"{"price":"1.10"}"#);
        assert!(
            request
                .headers
                .contains(&("idempotency-key".into(), "key-1".into()))
        );
    }

    #[test]
    fn an_answer_is_read_as_its_declared_kinds() {
        let config = json!({"url": "https://example.com", "answer_fields": [{"name": "total", "kind": "decimal"}]});
        let good = context().answering(200, &[], r#"{"total": 12.5, "more": 1}"#);
        assert_eq!(
            done::<HttpRequest>(config.clone(), &good)
                .expect("fits")
                .output["body"],
            json!({"total": "12.5"})
        );
        for body in [r#"{"total": "many"}"#, "{}", "<html>"] {
            let bad = context().answering(200, &[], body);
            let error = done::<HttpRequest>(config.clone(), &bad).expect_err("does not fit");
            assert!(matches!(error, NodeError::Failed(_)), "{body}: {error}");
        }
    }

    #[test]
    fn amounts_and_long_numbers_of_an_answer_stay_what_they_are() {
        let config = |kind: &str| json!({"url": "https://example.com", "answer_fields": [{"name": "total", "kind": kind}]});
        let check = |kind: &str, body: &str, expected: Json| {
            let answered = context().answering(200, &[], body);
            let found = done::<HttpRequest>(config(kind), &answered).expect("it fits");
            assert_eq!(found.output["body"]["total"], expected, "{kind} {body}");
        };
        // The currency is the workflow's, unless the answer names one.
        let euros = json!({"amount": "12.50", "currency": "EUR"});
        check("money", r#"{"total": 12.5}"#, euros.clone());
        check("money", r#"{"total": "12.50"}"#, euros);
        let named = r#"{"total": {"amount": "12.50", "currency": "USD"}}"#;
        check(
            "money",
            named,
            json!({"amount": "12.50", "currency": "USD"}),
        );
        let long = r#"{"total": 12345678901234567.89, "said": "not \"0.1234567890123456789"}"#;
        check("decimal", long, json!("12345678901234567.89"));
        check("text", long, json!("12345678901234567.89"));
        let anything = context().answering(200, &[], "[0.1, 123456789012345678901]");
        let found = done::<HttpRequest>(json!({"url": "https://example.com"}), &anything);
        assert_eq!(
            found.expect("an answer").output["body"],
            json!(["0.1", "123456789012345678901"])
        );
    }

    #[test]
    fn answers_are_classified() {
        let check = |status: u16, headers: &[(&str, &str)], expected: &str| {
            let context = context().answering(status, headers, "sorry");
            let error = done::<HttpRequest>(json!({"url": "https://example.com/x"}), &context)
                .expect_err("refused");
            let found = match &error {
                NodeError::Retryable { after_ms, .. } => format!("again {after_ms:?}"),
                NodeError::Failed(error) => format!("failed {}", error.code),
                other => format!("{other:?}"),
            };
            assert_eq!(found, expected);
            assert!(error.to_string().contains("example.com"));
        };
        check(429, &[("Retry-After", "7")], "again Some(7000)");
        check(503, &[], "again None");
        check(404, &[], "failed http_status");
        check(302, &[("location", "http://10.0.0.1")], "failed redirected");
    }

    #[test]
    fn a_trial_run_sends_only_what_reads() {
        let mut context = context().answering(200, &[], "{}");
        context.step.trial = true;
        let config = |read_only| json!({"url": "https://example.com", "read_only": read_only});
        let error = done::<HttpRequest>(config(false), &context).expect_err("held");
        assert!(matches!(error, NodeError::Config(error) if error.code == "held_in_trial"));
        assert!(context.requests.lock().expect("lock").is_empty());
        done::<HttpRequest>(config(true), &context).expect("sent");
    }

    #[test]
    fn a_file_is_called_as_at_its_address() {
        let check = |url: &str, content_type: &str, expected: &str| {
            assert_eq!(answer_name(url, host(url), content_type), expected);
        };
        check(
            "https://a.example/x/rates.csv?d=1.2",
            "text/csv",
            "rates.csv",
        );
        check(
            "https://a.example:8080/",
            "application/pdf",
            "a.example-8080.pdf",
        );
        check("https://a.example/x/..", "", "a.example.bin");
        check("https://a.example/latest", "image/png", "a.example.png");
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        let mut context = context();
        context
            .values
            .insert("evil".into(), Value::Text("a\r\nb: c".into()));
        let config = json!({"url": "https://example.com", "headers": {"x-a": "{{ evil }}"}});
        assert!(done::<HttpRequest>(config, &context).is_err());
    }
}
