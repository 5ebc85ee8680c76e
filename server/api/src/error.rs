//! `ApiError` is the only error that becomes HTTP: problem+json (RFC 9457) with a stable slug, a sentence for the user and every
//! problem found. The cause is logged once, at the edge, and never sent.

use std::{error::Error, sync::Arc};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value as Json};
use store::StoreError;
use utoipa::ToSchema;

pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// One problem in what was sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ProblemOut {
    /// `error` or `warning`; only errors block.
    pub severity: &'static str,
    /// Stable slug.
    pub code: String,
    /// JSON pointer into what was sent.
    pub pointer: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[schema(value_type = Object)]
    pub params: Json,
    /// The step it concerns, in a workflow.
    pub node: Option<String>,
}

/// The body of every error (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ErrorOut {
    /// Stable slug.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: &'static str,
    pub status: u16,
    /// What happened, why, what to do.
    pub detail: String,
    /// Request id, to be found in the log.
    pub instance: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub problems: Vec<ProblemOut>,
    /// What the server holds now, for conflicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<Json>,
}

/// Ends a request with a problem. Travels in the response's extensions until the edge adds the request id.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    body: ErrorOut,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            body: ErrorOut {
                kind,
                title: status.canonical_reason().unwrap_or("Error"),
                status: status.as_u16(),
                detail: detail.into(),
                instance: String::new(),
                problems: Vec::new(),
                current: None,
            },
            headers: Vec::new(),
            cause: None,
        }))
    }

    pub fn bad_request(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }

    /// Says the same for what does not exist and for what belongs to another workspace.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}."),
        )
    }

    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "sign_in_needed",
            "Sign in, or send an access key.",
        )
        .header(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub fn forbidden(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, detail)
    }

    /// One value that cannot be taken.
    pub fn invalid(code: &str, pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message.clone()).problems(vec![
            ProblemOut {
                severity: "error",
                code: code.into(),
                pointer: pointer.into(),
                message,
                params: Json::Object(Map::new()),
                node: None,
            },
        ])
    }

    pub fn too_many(retry_after_s: u64, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
            .header(header::RETRY_AFTER, &retry_after_s.to_string())
    }

    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        let mut error = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server could not do this. Try again; if it stays, the log has the cause under this request id.",
        );
        error.0.cause = Some(Arc::new(cause));
        error
    }

    #[must_use]
    pub(crate) fn problems(mut self, problems: Vec<ProblemOut>) -> Self {
        self.0.body.problems = problems;
        self
    }

    #[must_use]
    pub fn current(mut self, current: Json) -> Self {
        self.0.body.current = Some(current);
        self
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    pub fn detail(&self) -> &str {
        &self.0.body.detail
    }

    pub(crate) fn cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.cause.as_deref()
    }

    /// The finished answer; called once, at the edge.
    pub(crate) fn finish(mut self, request_id: &str) -> Response {
        self.0.body.instance = request_id.into();
        let body = serde_json::to_vec(&self.0.body).unwrap_or_default();
        let mut response = (
            self.0.status,
            [(header::CONTENT_TYPE, "application/problem+json")],
            body,
        )
            .into_response();
        response.headers_mut().extend(self.0.headers);
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::not_found(what),
            StoreError::Conflict { code, message } => {
                Self::new(StatusCode::CONFLICT, code, message)
            }
            StoreError::Invalid {
                code,
                message,
                pointer,
            } => Self::invalid(code, &pointer, message),
            StoreError::Problems(problems) => Self::from_problems(
                "The workflow has problems that must be solved first.",
                problems,
            ),
            error @ StoreError::Unavailable(_) => {
                let mut answer = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "The database does not answer in time. Try again in a moment.",
                )
                .header(header::RETRY_AFTER, "2");
                answer.0.cause = Some(Arc::new(error));
                answer
            }
            error @ StoreError::Files(_) => {
                let mut answer = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "files_unavailable",
                    "The server cannot use its files at the moment. Try again later; its log says why, and what to do.",
                )
                .header(header::RETRY_AFTER, "10");
                answer.0.cause = Some(Arc::new(error));
                answer
            }
            error @ (StoreError::Step(_)
            | StoreError::Key(_)
            | StoreError::Damaged(_)
            | StoreError::Database(_)
            | StoreError::Migrate(_)) => Self::internal(error),
        }
    }
}

impl ApiError {
    pub fn from_problems(detail: &str, problems: Vec<engine::check::Problem>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "problems", detail)
            .problems(problems.into_iter().map(ProblemOut::from).collect())
    }
}

impl From<engine::check::Problem> for ProblemOut {
    fn from(problem: engine::check::Problem) -> Self {
        Self {
            severity: match problem.severity {
                engine::check::Severity::Error => "error",
                engine::check::Severity::Warning => "warning",
            },
            code: problem.code,
            pointer: problem.pointer,
            message: problem.message,
            params: if problem.params.is_object() {
                problem.params
            } else {
                Json::Object(Map::new())
            },
            node: problem.node,
        }
    }
}
