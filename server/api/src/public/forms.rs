//! `/f/{slug}`: the form, and taking what people send. A submission is stored before anything runs; sending it twice is one run.

use std::time::Duration;

use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::{
    check::Problem,
    form::{FieldKind, Form, FormField, Source},
    ids::{RunId, SubmissionId},
    private::Keeping,
    value::{FileRef, Record, Value, record_to_json},
};
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};
use store::{
    StoreError, artifact, link,
    queue::{self, Accept},
    submission,
};

use super::{
    Public,
    answers::Sent,
    arriving::Desk,
    limits::Act,
    published::constants,
    ticket,
    uploads::{Declined, keep},
    visit::{LEAST_OPEN_MS, Notes, Shown, Visit},
};
use crate::{App, client::ClientAddress, error::ApiError};

/// The title of a run in lists.
const TITLE_CHARS: usize = 80;

#[derive(Deserialize)]
pub(crate) struct Choice {
    lang: Option<String>,
}

/// `GET /f/{slug}`.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Response {
    let visit = match Visit::open(&app, &public, &slug, choice.lang, &headers).await {
        Ok(visit) => visit,
        Err(answer) => return *answer,
    };
    let Some((_, form)) = visit.form() else {
        return visit.closed();
    };
    match visit.begin(form, &headers).await {
        Ok(response) => response,
        Err(error) => visit.failed(error),
    }
}

/// `POST /f/{slug}`: sends the form, or one of its helping buttons for those without JavaScript.
pub(crate) async fn submit(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    Query(choice): Query<Choice>,
    address: ClientAddress,
    request: Request,
) -> Response {
    let visit = match Visit::open(&app, &public, &slug, choice.lang, request.headers()).await {
        Ok(visit) => visit,
        Err(answer) => return *answer,
    };
    let Some((node, form)) = visit.form() else {
        return visit.closed();
    };
    let sent = match Sent::read(request, form, &Desk::of(&app, address)).await {
        Ok(sent) => sent,
        Err(refusal) => return visit.refuse(refusal),
    };
    match visit.take(&public, address, node, form, &sent).await {
        Ok(response) => response,
        Err(error) => visit.failed(error),
    }
}

/// What somebody has filled in so far, under one ticket.
struct Filled<'a> {
    id: SubmissionId,
    ticket: &'a str,
    answers: &'a JsonValue,
    files: &'a [FileRef],
    /// Files that were not taken.
    declined: &'a [Problem],
}

impl Filled<'_> {
    fn shown<'s>(
        &'s self,
        status: StatusCode,
        problems: &'s [Problem],
        notes: &'s Notes,
    ) -> Shown<'s> {
        Shown {
            status,
            ticket: self.ticket,
            answers: self.answers,
            files: self.files,
            problems,
            notes,
            more_rows: None,
        }
    }
}

impl Visit<'_> {
    /// A form to fill in, under the ticket that this visitor holds already or a fresh one.
    async fn begin(&self, form: &Form, headers: &HeaderMap) -> Result<Response, ApiError> {
        let held = ticket::open(self.app, &self.workflow, headers, self.now).await?;
        let (ticket, files) = match held {
            Some((id, ticket)) => (ticket, self.files(id).await?),
            None => (self.fresh_ticket()?.1, Vec::new()),
        };
        let shown = Shown {
            status: StatusCode::OK,
            ticket: &ticket,
            answers: &json!({}),
            files: &files,
            problems: &[],
            notes: &Notes::default(),
            more_rows: None,
        };
        Ok(self.draw(form, &shown))
    }

    fn fresh_ticket(&self) -> Result<(SubmissionId, String), ApiError> {
        Ok(link::form_ticket(&self.app.store.sealer, self.workflow.id)?)
    }

    async fn take(
        &self,
        public: &Public,
        address: ClientAddress,
        node: &str,
        form: &Form,
        sent: &Sent,
    ) -> Result<Response, ApiError> {
        let given = sent.own("_ticket").unwrap_or_default();
        let known = link::open_form_ticket(&self.app.store.sealer, self.workflow.id, given)?;
        let (id, ticket) = match known {
            Some(id) => (id, given.to_owned()),
            None => self.fresh_ticket()?,
        };
        // Files are stored before the answers are looked at: whoever sends too many is stopped before that.
        let count = u32::try_from(sent.files.len()).unwrap_or(u32::MAX);
        let (limits, workflow) = (&public.limits, self.workflow.id);
        if count > 0
            && let Err(wait) = limits.take_all(Act::Upload, count, address.0, workflow)
        {
            let files = self.files(id).await?;
            let filled = Filled {
                id,
                ticket: &ticket,
                answers: &sent.answers(form),
                files: &files,
                declined: &[],
            };
            return Ok(self.too_many(form, &filled, wait));
        }
        let (mut answers, declined) = self.keep_files(form, sent, id).await;
        let action = sent.own("_action").unwrap_or("submit");
        let more_rows = act(action, form, &mut answers);
        let files = self.files(id).await?;
        let filled = Filled {
            id,
            ticket: &ticket,
            answers: &answers,
            files: &files,
            declined: &declined,
        };
        if action != "submit" {
            let notes = Notes::default();
            let shown = Shown {
                more_rows: more_rows.as_deref(),
                ..filled.shown(StatusCode::OK, &declined, &notes)
            };
            return Ok(self.draw(form, &shown));
        }
        if known.is_none() {
            let notes = self.note("general.expired", &json!({}));
            let shown = filled.shown(StatusCode::UNPROCESSABLE_ENTITY, &declined, &notes);
            return Ok(self.draw(form, &shown));
        }
        // What was accepted once is answered again before anything can refuse it.
        let earlier = submission::find(&self.app.store, &self.workflow.scope, id).await?;
        if earlier.is_none()
            && let Some(refusal) = self.doubt(public, address, form, sent, &filled)
        {
            return Ok(refusal);
        }
        let constants = constants(&self.firm, &self.published.zone(), self.now);
        let find = |id: &str| files.iter().find(|file| file.id.to_string() == id).cloned();
        let checked = form.submit(&answers, &self.setting(Source::Person, &constants, &find));
        let mut problems = Vec::new();
        match checked {
            Ok(record) if declined.is_empty() => {
                let limit = || public.limits.take(Act::Submit, address.0, self.workflow.id);
                return self.accept(node, form, &record, &filled, &limit).await;
            }
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
        problems.extend(declined.iter().cloned());
        let notes = Notes::default();
        let shown = filled.shown(StatusCode::UNPROCESSABLE_ENTITY, &problems, &notes);
        Ok(self.draw(form, &shown))
    }

    fn note(&self, key: &str, params: &JsonValue) -> Notes {
        Notes {
            general: vec![self.language.text(key, params)],
            first_result: None,
        }
    }

    /// What speaks against a person at the form: too many at once, a filled-in trap, a hand too fast.
    fn doubt(
        &self,
        public: &Public,
        address: ClientAddress,
        form: &Form,
        sent: &Sent,
        filled: &Filled<'_>,
    ) -> Option<Response> {
        if let Err(wait) = public.limits.take(Act::Submit, address.0, self.workflow.id) {
            return Some(self.too_many(form, filled, wait));
        }
        let trapped = sent
            .own("_website")
            .is_some_and(|text| !text.trim().is_empty());
        let open_ms = self.now.as_millisecond() - link::opened_at(filled.id).as_millisecond();
        let key = if trapped {
            "general.bot"
        } else if open_ms < LEAST_OPEN_MS {
            "general.too_fast"
        } else {
            return None;
        };
        let notes = self.note(key, &json!({}));
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Some(self.draw(form, &filled.shown(status, filled.declined, &notes)))
    }

    /// The form as it stands, for later.
    fn too_many(&self, form: &Form, filled: &Filled<'_>, wait: Duration) -> Response {
        let seconds = wait.as_secs() + 1;
        let notes = self.note("general.too_many", &json!({"seconds": seconds}));
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut response = self.draw(form, &filled.shown(status, filled.declined, &notes));
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }

    /// `limit` counts what was not counted yet: asking about other answers keeps copies of files.
    async fn accept(
        &self,
        node: &str,
        form: &Form,
        record: &Record,
        filled: &Filled<'_>,
        limit: &(dyn Fn() -> Result<(), Duration> + Sync),
    ) -> Result<Response, ApiError> {
        let id = filled.id;
        let input = record_to_json(record);
        let used: Vec<_> = record
            .values()
            .filter_map(|value| match value {
                Value::File(file) => Some(file.id),
                _ => None,
            })
            .collect();
        let scope = &self.workflow.scope;
        let mut accept = Accept::new(
            self.workflow.id,
            self.workflow.version,
            node,
            queue::Source::Form,
            input.clone(),
        );
        accept.submission_id = Some(id);
        accept.title = title(form, record);
        accept.idempotency = Some((format!("form:{}", self.workflow.id), id.to_string()));
        accept.uploads = used;
        let earlier = match submission::find(&self.app.store, scope, id).await? {
            Some(earlier) => Some(earlier),
            None => {
                match queue::submit(&self.app.store, self.app.local.as_ref(), scope, accept).await {
                    Ok(accepted) if !accepted.already => {
                        return self.to_result(accepted.run_id);
                    }
                    Ok(_) => submission::find(&self.app.store, scope, id).await?,
                    Err(StoreError::Invalid {
                        code: "upload_gone",
                        ..
                    }) => {
                        // Two at once: the other one took the files along.
                        submission::find(&self.app.store, scope, id).await?
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        let Some(earlier) = earlier else {
            let (_, ticket) = self.fresh_ticket()?;
            let notes = self.note("general.upload_gone", &json!({}));
            let shown = Shown {
                ticket: &ticket,
                files: &[],
                ..filled.shown(StatusCode::UNPROCESSABLE_ENTITY, &[], &notes)
            };
            return Ok(self.draw(form, &shown));
        };
        if same(&earlier.input, &input, form) {
            return self.to_result(earlier.run);
        }
        if let Err(wait) = limit() {
            return Ok(self.too_many(form, filled, wait));
        }
        self.sent_before(form, &earlier, filled).await
    }

    /// The same form with other answers: never the old document for new answers, never two by accident.
    async fn sent_before(
        &self,
        form: &Form,
        earlier: &submission::Submission,
        filled: &Filled<'_>,
    ) -> Result<Response, ApiError> {
        let (fresh, ticket) = self.fresh_ticket()?;
        let copies = artifact::copy_uploads(
            &self.app.store,
            &self.workflow.scope,
            filled.id.as_uuid(),
            fresh.as_uuid(),
        )
        .await?;
        let mut answers = filled.answers.clone();
        for answer in answers
            .as_object_mut()
            .into_iter()
            .flat_map(|answers| answers.values_mut())
        {
            let copy = copies
                .iter()
                .find(|(old, _)| answer.as_str() == Some(&old.to_string()));
            if let Some((_, copy)) = copy {
                *answer = json!(copy.id);
            }
        }
        let files: Vec<FileRef> = copies.into_iter().map(|(_, file)| file).collect();
        let first = link::run_token(&self.app.store.sealer, earlier.run)?;
        let notes = Notes {
            first_result: Some(format!("/r/{first}")),
            ..self.note("general.already_sent", &json!({}))
        };
        let shown = Shown {
            status: StatusCode::CONFLICT,
            ticket: &ticket,
            answers: &answers,
            files: &files,
            problems: &[],
            notes: &notes,
            more_rows: None,
        };
        Ok(self.draw(form, &shown))
    }

    fn to_result(&self, run: RunId) -> Result<Response, ApiError> {
        let token = link::run_token(&self.app.store.sealer, run)?;
        let query = self
            .chosen
            .as_ref()
            .map(|tag| format!("?lang={tag}"))
            .unwrap_or_default();
        let mut response = Redirect::to(&format!("/r/{token}{query}")).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let cookie = ticket::used(&self.app.config, &self.workflow.slug);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// Files that came along become uploads, so that they outlive an error; what is not taken is a problem of its question.
    async fn keep_files(
        &self,
        form: &Form,
        sent: &Sent,
        id: SubmissionId,
    ) -> (JsonValue, Vec<Problem>) {
        let mut answers = sent.answers(form);
        let mut problems = Vec::new();
        for file in &sent.files {
            match keep(self.app, &self.workflow.scope, id, form, file).await {
                Ok(kept) => answers[&file.field] = json!(kept.id),
                Err(declined) => {
                    if let Declined::Store(error) = &declined {
                        tracing::error!(%error, "a file that came with a form could not be stored");
                    }
                    let text = declined.text(self.language, &file.name);
                    problems.push(
                        Problem::error("file_declined", json!({}), text)
                            .at(format!("/{}", file.field)),
                    );
                }
            }
        }
        (answers, problems)
    }
}

/// Does what a helping button asks for; returns the rows that get more spare ones.
fn act(action: &str, form: &Form, answers: &mut JsonValue) -> Option<String> {
    let mut parts = action.split(':');
    let (verb, name) = (parts.next()?, parts.next()?);
    let field: &FormField = form.fields.iter().find(|field| field.name == name)?;
    match verb {
        "more" => Some(field.name.clone()),
        "remove" => {
            let index: usize = parts.next()?.parse().ok()?;
            let rows = answers.get_mut(name)?.as_array_mut()?;
            if index < rows.len() {
                rows.remove(index);
            }
            None
        }
        "remove-file" => {
            *answers.get_mut(name)? = JsonValue::Null;
            None
        }
        _ => None,
    }
}

/// Computed values are left out: `today` may have changed between two clicks.
fn same(stored: &JsonValue, input: &JsonValue, form: &Form) -> bool {
    let asked = |values: &JsonValue| -> Vec<JsonValue> {
        form.fields
            .iter()
            .map(|field| {
                let mut value = values.get(&field.name).cloned().unwrap_or_default();
                if let FieldKind::Rows { computed, .. } = &field.kind {
                    for row in value
                        .as_array_mut()
                        .into_iter()
                        .flatten()
                        .filter_map(JsonValue::as_object_mut)
                    {
                        row.retain(|name, _| !computed.iter().any(|cell| cell.name == *name));
                    }
                }
                value
            })
            .collect()
    };
    asked(stored) == asked(input)
}

/// What the run is called in lists: the first words somebody wrote.
pub(crate) fn title(form: &Form, record: &Record) -> String {
    let mut texts = form
        .fields
        .iter()
        // A title is read by everybody, and stays.
        .filter(|field| field.store == Keeping::Keep)
        .filter_map(|field| match (&field.kind, record.get(&field.name)) {
            (FieldKind::Text { .. } | FieldKind::Email, Some(Value::Text(text))) => Some(text),
            _ => None,
        });
    texts
        .next()
        .map(|text| text.chars().take(TITLE_CHARS).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        serde_json::from_value(json!({"title": "T", "fields": [
            {"name": "due", "label": "Due", "kind": "date"},
            {"name": "guest", "label": "Guest", "kind": "text"},
            {"name": "items", "label": "Items", "kind": "rows", "columns": [{"name": "what", "label": "What", "kind": "text"}],
             "computed": [{"name": "at", "label": "At", "kind": "text", "value": "{{ today }}"}]}
        ]}))
        .unwrap()
    }

    #[test]
    fn helping_buttons_change_only_what_they_name() {
        let mut answers =
            json!({"guest": "A", "items": [{"what": "1"}, {"what": "2"}, {"what": "3"}]});
        assert_eq!(
            act("more:items", &form(), &mut answers),
            Some("items".into())
        );
        assert_eq!(act("remove:items:1", &form(), &mut answers), None);
        assert_eq!(answers["items"], json!([{"what": "1"}, {"what": "3"}]));
        for nonsense in [
            "remove:items:9",
            "remove:items:x",
            "remove:nothing:0",
            "remove",
            "",
            "more:guest:1:2",
        ] {
            let before = answers.clone();
            act(nonsense, &form(), &mut answers);
            assert_eq!(answers, before, "{nonsense}");
        }
    }

    #[test]
    fn the_same_answers_are_the_same_whatever_was_computed() {
        let one = json!({"guest": "A", "items": [{"what": "1", "at": "2027-01-01"}]});
        let two = json!({"guest": "A", "items": [{"what": "1", "at": "2027-01-02"}], "total": "5"});
        assert!(same(&one, &two, &form()));
        assert!(!same(&one, &json!({"guest": "B", "items": []}), &form()));
    }

    #[test]
    fn a_run_is_called_after_the_first_text() {
        let record = Record::from_iter([(
            "guest".to_owned(),
            Value::Text("Clara \u{1f600}".repeat(40)),
        )]);
        assert_eq!(title(&form(), &record).chars().count(), TITLE_CHARS);
        assert_eq!(title(&form(), &Record::new()), "");
    }
}
