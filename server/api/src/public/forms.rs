//! `/f/{slug}`: the form, its live totals, and taking what people send. A submission is stored before anything runs; sending it
//! twice is one run.

use std::collections::HashMap;

use axum::{
    Extension, Json,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::{
    check::Problem,
    firm::Firm,
    form::{Form, FormField, Setting, Source},
    ids::SubmissionId,
    value::{FileRef, Record, Value, record_to_json},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};
use store::{
    StoreError, artifact,
    link::{self, PublicWorkflow},
    queue::{self, Accept},
    submission,
};

use super::{
    Public,
    answers::Sent,
    language::Language,
    limits::Act,
    page::{Frame, Script, notice, page},
    published::{Published, constants, firm},
    uploads::{keep, refused},
    view::{FormView, Look, display, is_doubtful},
};
use crate::{App, client::ClientAddress, error::ApiError};

/// A person needs longer to read a form than a program.
const LEAST_OPEN_MS: i64 = 1_000;
/// The title of a run in lists.
const TITLE_CHARS: usize = 80;

#[derive(Deserialize)]
pub(crate) struct Choice {
    lang: Option<String>,
}

/// One visit to one form.
struct Visit<'a> {
    app: &'a App,
    workflow: PublicWorkflow,
    published: std::sync::Arc<Published>,
    firm: Firm,
    language: Language,
    chosen: Option<String>,
    now: Timestamp,
}

/// What is shown above the questions besides the problems of answers.
#[derive(Default)]
struct Notes {
    general: Vec<String>,
    first_result: Option<String>,
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
    match link::form_ticket(&app.store.sealer, visit.workflow.id) {
        Ok((_, ticket)) => visit.draw(
            StatusCode::OK,
            form,
            &ticket,
            &json!({}),
            &[],
            &[],
            &Notes::default(),
            None,
        ),
        Err(error) => ApiError::from(error).into_response(),
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
    let sent = match Sent::read(request, form).await {
        Ok(sent) => sent,
        Err(refusal) => return visit.refuse(refusal),
    };
    match visit.take(&public, address, node, form, &sent).await {
        Ok(response) => response,
        Err(error) => visit.failed(error),
    }
}

impl<'a> Visit<'a> {
    async fn open(
        app: &'a App,
        public: &Public,
        slug: &str,
        chosen: Option<String>,
        headers: &HeaderMap,
    ) -> Result<Self, Box<Response>> {
        let lost = |error: ApiError| {
            if error.status() == StatusCode::NOT_FOUND {
                missing(Language::choose(chosen.as_deref(), headers, "en"))
            } else {
                error.into_response()
            }
        };
        let workflow = link::workflow(&app.store, slug)
            .await
            .map_err(|error| lost(error.into()))?;
        let published = public.kept.get(app, &workflow).await.map_err(lost)?;
        Ok(Self {
            app,
            firm: firm(&workflow),
            language: Language::choose(chosen.as_deref(), headers, &published.workflow.locale),
            chosen: chosen.filter(|tag| Language::of(tag).is_some()),
            workflow,
            published,
            now: Timestamp::now(),
        })
    }

    /// The form while it is open.
    fn form(&self) -> Option<(&str, &Form)> {
        let (node, form) = self.published.form.as_ref()?;
        let today = self.now.to_zoned(self.published.zone()).date();
        let open = self.workflow.live && form.closes_on.is_none_or(|last| today <= last);
        open.then_some((node.as_str(), form))
    }

    fn path(&self) -> String {
        format!("/f/{}", self.workflow.slug)
    }

    fn frame(&self, script: Script) -> Frame {
        let logo = self
            .firm
            .logo
            .as_ref()
            .and_then(|file| super::files::logo_path(self.app, file, self.now));
        Frame::new(
            self.language,
            &self.firm,
            &self.workflow.name,
            &self.path(),
            script,
        )
        .logo(logo)
    }

    fn closed(&self) -> Response {
        let mut lines = vec![
            self.language
                .text("notice.closed_text", &json!({"firm": self.firm_name()})),
        ];
        let last = self
            .published
            .form
            .as_ref()
            .and_then(|(_, form)| form.closes_on);
        let today = self.now.to_zoned(self.published.zone()).date();
        if let Some(last) = last.filter(|last| today > *last) {
            let locale = self.language.locale(&self.published.workflow.locale);
            lines.insert(
                0,
                self.language.text(
                    "notice.closed_on",
                    &json!({"date": display(&Value::Date(last), locale)}),
                ),
            );
        }
        let title = self.language.text("notice.closed", &json!({}));
        notice(StatusCode::GONE, &self.frame(Script::None), &title, &lines)
    }

    fn firm_name(&self) -> &str {
        if self.firm.name.is_empty() {
            &self.workflow.name
        } else {
            &self.firm.name
        }
    }

    fn refuse(&self, refusal: super::answers::Refusal) -> Response {
        use super::answers::Refusal;
        let key = match refusal {
            Refusal::TooLarge => "notice.too_large",
            Refusal::WrongType | Refusal::Broken => "notice.type",
        };
        let lines = [self.language.text(&format!("{key}_text"), &json!({}))];
        notice(
            refusal.status(),
            &self.frame(Script::None),
            &self.language.text(key, &json!({})),
            &lines,
        )
    }

    fn failed(&self, error: ApiError) -> Response {
        // The problem travels on for the log; people get a page.
        let status = error.status();
        let lines = [self.language.text("notice.error_text", &json!({}))];
        let mut page = notice(
            status,
            &self.frame(Script::None),
            &self.language.text("notice.error", &json!({})),
            &lines,
        );
        if let Some(cause) = error.cause() {
            tracing::error!(cause = %cause, "a form could not be taken");
        }
        if let Some(wait) = error.into_response().headers().get(header::RETRY_AFTER) {
            page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
        }
        page
    }

    fn setting<'s>(
        &'s self,
        source: Source,
        constants: &'s Record,
        files: &'s dyn Fn(&str) -> Option<FileRef>,
    ) -> Setting<'s> {
        Setting {
            source,
            locale: self.language.locale(&self.published.workflow.locale),
            currency: &self.published.workflow.currency,
            constants,
            files,
        }
    }

    async fn take(
        &self,
        public: &Public,
        address: ClientAddress,
        node: &str,
        form: &Form,
        sent: &Sent,
    ) -> Result<Response, ApiError> {
        let mut notes = Notes::default();
        let known = link::open_form_ticket(
            &self.app.store.sealer,
            self.workflow.id,
            sent.own("_ticket").unwrap_or_default(),
        )?;
        let (id, ticket) = match known {
            Some(id) => (id, sent.own("_ticket").unwrap_or_default().to_owned()),
            None => {
                notes
                    .general
                    .push(self.language.text("general.expired", &json!({})));
                link::form_ticket(&self.app.store.sealer, self.workflow.id)?
            }
        };
        let (mut answers, declined) = self.keep_files(form, sent, id).await;
        let action = sent.own("_action").unwrap_or("submit");
        let more = act(action, form, &mut answers);
        let files = self.files(id).await?;
        if action != "submit" {
            let draw = self.draw(
                StatusCode::OK,
                form,
                &ticket,
                &answers,
                &files,
                &declined,
                &Notes::default(),
                more.as_deref(),
            );
            return Ok(draw);
        }
        let again = |status: StatusCode, notes: &Notes| {
            self.draw(
                status, form, &ticket, &answers, &files, &declined, notes, None,
            )
        };
        if known.is_none() {
            return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &notes));
        }
        // What was accepted once is answered again before anything can refuse it.
        let earlier = submission::find(&self.app.store, &self.workflow.scope, id).await?;
        if earlier.is_none() {
            if let Err(wait) = public.limits.take(Act::Submit, address.0, self.workflow.id) {
                let seconds = wait.as_secs() + 1;
                notes.general.push(
                    self.language
                        .text("general.too_many", &json!({"seconds": seconds})),
                );
                let mut response = again(StatusCode::TOO_MANY_REQUESTS, &notes);
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                return Ok(response);
            }
            if sent
                .own("_website")
                .is_some_and(|text| !text.trim().is_empty())
            {
                notes
                    .general
                    .push(self.language.text("general.bot", &json!({})));
                return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &notes));
            }
            if self.now.as_millisecond() - link::opened_at(id).as_millisecond() < LEAST_OPEN_MS {
                notes
                    .general
                    .push(self.language.text("general.too_fast", &json!({})));
                return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &notes));
            }
        }
        let constants = constants(&self.firm, &self.published.zone(), self.now);
        let find = |id: &str| files.iter().find(|file| file.id.to_string() == id).cloned();
        let record = match form.submit(&answers, &self.setting(Source::Person, &constants, &find)) {
            Ok(record) if declined.is_empty() => record,
            Ok(_) => {
                return Ok(self.draw(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    form,
                    &ticket,
                    &answers,
                    &files,
                    &declined,
                    &notes,
                    None,
                ));
            }
            Err(mut problems) => {
                problems.extend(declined.iter().cloned());
                return Ok(self.draw(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    form,
                    &ticket,
                    &answers,
                    &files,
                    &problems,
                    &notes,
                    None,
                ));
            }
        };
        self.accept(node, form, id, &record, &answers, &files).await
    }

    async fn accept(
        &self,
        node: &str,
        form: &Form,
        id: SubmissionId,
        record: &Record,
        answers: &JsonValue,
        files: &[FileRef],
    ) -> Result<Response, ApiError> {
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
        let run = match submission::find(&self.app.store, scope, id).await? {
            Some(earlier) => Some(earlier),
            None => match queue::submit(&self.app.store, self.app.local.as_deref(), scope, accept)
                .await
            {
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
            },
        };
        let Some(earlier) = run else {
            let (_, ticket) = link::form_ticket(&self.app.store.sealer, self.workflow.id)?;
            let notes = Notes {
                general: vec![self.language.text("general.upload_gone", &json!({}))],
                first_result: None,
            };
            let draw = self.draw(
                StatusCode::UNPROCESSABLE_ENTITY,
                form,
                &ticket,
                answers,
                files,
                &[],
                &notes,
                None,
            );
            return Ok(draw);
        };
        if same(&earlier.input, &input, form) {
            return self.to_result(earlier.run);
        }
        self.sent_before(form, id, &earlier, answers).await
    }

    /// The same form with other answers: never the old document for new answers, never two by accident.
    async fn sent_before(
        &self,
        form: &Form,
        id: SubmissionId,
        earlier: &submission::Submission,
        answers: &JsonValue,
    ) -> Result<Response, ApiError> {
        let (fresh, ticket) = link::form_ticket(&self.app.store.sealer, self.workflow.id)?;
        let copies = artifact::copy_uploads(
            &self.app.store,
            &self.workflow.scope,
            id.as_uuid(),
            fresh.as_uuid(),
        )
        .await?;
        let mut answers = answers.clone();
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
        let notes = Notes {
            general: vec![self.language.text("general.already_sent", &json!({}))],
            first_result: Some(format!(
                "/r/{}",
                link::run_token(&self.app.store.sealer, earlier.run)?
            )),
        };
        Ok(self.draw(
            StatusCode::CONFLICT,
            form,
            &ticket,
            &answers,
            &files,
            &[],
            &notes,
            None,
        ))
    }

    fn to_result(&self, run: engine::ids::RunId) -> Result<Response, ApiError> {
        let token = link::run_token(&self.app.store.sealer, run)?;
        let query = self
            .chosen
            .as_ref()
            .map(|tag| format!("?lang={tag}"))
            .unwrap_or_default();
        let mut response = Redirect::to(&format!("/r/{token}{query}")).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
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

    async fn files(&self, id: SubmissionId) -> Result<Vec<FileRef>, ApiError> {
        let kept = artifact::uploads(&self.app.store, &self.workflow.scope, id.as_uuid()).await?;
        Ok(kept.into_iter().map(|artifact| artifact.file).collect())
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one page is drawn from all of these"
    )]
    fn draw(
        &self,
        status: StatusCode,
        form: &Form,
        ticket: &str,
        answers: &JsonValue,
        files: &[FileRef],
        problems: &[Problem],
        notes: &Notes,
        more_rows: Option<&str>,
    ) -> Response {
        let constants = constants(&self.firm, &self.published.zone(), self.now);
        let find = |id: &str| files.iter().find(|file| file.id.to_string() == id).cloned();
        let setting = self.setting(Source::Person, &constants, &find);
        let draft = form.draft(answers, &setting);
        let mut errors = HashMap::new();
        let mut summary = Vec::new();
        for problem in problems {
            let text = self.language.problem(problem);
            let target = format!(
                "#f-{}",
                problem.pointer.trim_start_matches('/').replace('/', "-")
            );
            summary.push(json!({"text": text, "href": target}));
            errors.entry(problem.pointer.clone()).or_insert(text);
        }
        let look = Look {
            language: self.language,
            locale: setting.locale,
            currency: setting.currency,
            answers,
            draft: &draft,
            errors: &errors,
            files,
            more_rows,
        };
        let submit = if form.submit_label.is_empty() {
            self.language.text("form.submit", &json!({}))
        } else {
            form.submit_label.clone()
        };
        let action = match &self.chosen {
            Some(tag) => format!("{}?lang={tag}", self.path()),
            None => self.path(),
        };
        let content = json!({
            "title": form.title, "intro": form.intro, "submit": submit, "action": action, "base": self.path(),
            "ticket": ticket, "form": FormView::new(form, &look), "summary": summary, "general": notes.general,
            "first_result": notes.first_result, "slug": self.workflow.slug, "version": self.workflow.version,
            "locale": setting.locale, "least_open_ms": LEAST_OPEN_MS, "texts": texts(self.language),
        });
        page(status, "form.html", &self.frame(Script::Form), content)
    }
}

/// Messages that the script says.
fn texts(language: Language) -> String {
    let wanted: serde_json::Map<String, JsonValue> = language
        .messages()
        .iter()
        .filter(|(key, _)| key.starts_with("problem.") || key.starts_with("form."))
        .map(|(key, text)| (key.clone(), json!(text)))
        .collect();
    JsonValue::Object(wanted).to_string()
}

/// A page for an address where nothing is, in the visitor's language.
pub(crate) fn missing(language: Language) -> Response {
    let frame = Frame::new(language, &Firm::default(), "", "", Script::None);
    let lines = [language.text("notice.missing_text", &json!({}))];
    notice(
        StatusCode::NOT_FOUND,
        &frame,
        &language.text("notice.missing", &json!({})),
        &lines,
    )
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
                if let engine::form::FieldKind::Rows { computed, .. } = &field.kind {
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
    let mut texts =
        form.fields
            .iter()
            .filter_map(|field| match (&field.kind, record.get(&field.name)) {
                (
                    engine::form::FieldKind::Text { .. } | engine::form::FieldKind::Email,
                    Some(Value::Text(text)),
                ) => Some(text),
                _ => None,
            });
    texts
        .next()
        .map(|text| text.chars().take(TITLE_CHARS).collect())
        .unwrap_or_default()
}

/// What the script asks for live totals.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComputeIn {
    /// The tree of typed texts.
    answers: JsonValue,
    #[serde(default)]
    lang: Option<String>,
}

/// `POST /f/{slug}/compute`: totals of what is typed so far; the only arithmetic is here.
pub(crate) async fn compute(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    if super::answers::media_type(&request).as_deref() != Some("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the answers as application/json.",
        ));
    }
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), super::answers::MAX_TEXT_BYTES)
        .await
        .map_err(|_| refused(super::answers::Refusal::TooLarge))?;
    let sent: ComputeIn = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(
            "malformed_json",
            format!("The answers cannot be read: {error}."),
        )
    })?;
    let visit = Visit::open(&app, &public, &slug, sent.lang, &headers)
        .await
        .map_err(|_| ApiError::not_found("form"))?;
    let Some((_, form)) = visit.form() else {
        return Err(ApiError::new(
            StatusCode::GONE,
            "form_closed",
            "This form is closed.",
        ));
    };
    public
        .limits
        .take(Act::Compute, address.0, visit.workflow.id)
        .map_err(super::uploads::too_many)?;
    let constants = constants(&visit.firm, &visit.published.zone(), visit.now);
    let setting = visit.setting(Source::Person, &constants, &|_| None);
    let draft = form.draft(&sent.answers, &setting);
    let mut computed = serde_json::Map::new();
    let mut understood = serde_json::Map::new();
    for (pointer, value) in &draft.values {
        let text = display(value, setting.locale);
        match sent.answers.pointer(pointer) {
            Some(JsonValue::String(typed))
                if matches!(
                    value,
                    Value::Decimal(_) | Value::Integer(_) | Value::Money(_)
                ) =>
            {
                if is_doubtful(typed) {
                    understood.insert(pointer.clone(), json!(text));
                }
            }
            Some(_) => {}
            None => {
                computed.insert(
                    pointer.clone(),
                    json!({"value": value.to_json(), "text": text}),
                );
            }
        }
    }
    Ok(Json(json!({"computed": computed, "understood": understood})).into_response())
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
