//! One visit to one form: what is published there, in which language, and how its pages are drawn.

use std::{collections::HashMap, sync::Arc};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    check::Problem,
    firm::Firm,
    form::{Form, Setting, Source},
    ids::SubmissionId,
    value::{FileRef, Record, Value},
};
use jiff::Timestamp;
use serde_json::{Value as JsonValue, json};
use store::{
    artifact,
    link::{self, PublicWorkflow},
};

use super::{
    Public,
    answers::Refusal,
    language::Language,
    page::{Frame, Script, notice, page},
    published::{Published, constants, firm},
    ticket,
    view::{FormView, Look, display},
};
use crate::{App, error::ApiError, workflow_document::choices};

/// A person needs longer to read a form than a program.
pub(super) const LEAST_OPEN_MS: i64 = 1_000;

/// One visit to one form.
pub(super) struct Visit<'a> {
    pub(super) app: &'a App,
    pub(super) workflow: PublicWorkflow,
    pub(super) published: Arc<Published>,
    /// The form with the choices that tables offer at this moment.
    form: Option<(String, Form)>,
    pub(super) firm: Firm,
    pub(super) language: Language,
    /// The language somebody chose on the page.
    pub(super) chosen: Option<String>,
    pub(super) now: Timestamp,
}

/// What is shown above the questions besides the problems of answers.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) general: Vec<String>,
    pub(super) first_result: Option<String>,
}

/// A form as it stands: what was typed, what is wrong with it, and what goes on.
pub(super) struct Shown<'a> {
    pub(super) status: StatusCode,
    pub(super) ticket: &'a str,
    pub(super) answers: &'a JsonValue,
    /// Everything that was handed in under this ticket.
    pub(super) files: &'a [FileRef],
    pub(super) problems: &'a [Problem],
    pub(super) notes: &'a Notes,
    /// Rows that get more spare ones.
    pub(super) more_rows: Option<&'a str>,
}

impl<'a> Visit<'a> {
    pub(super) async fn open(
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
        let form = match &published.form {
            Some((node, form)) => {
                let form = choices(&app.store, &workflow.scope, form).await;
                Some((node.clone(), form.map_err(lost)?))
            }
            None => None,
        };
        Ok(Self {
            app,
            form,
            firm: firm(&workflow),
            language: Language::choose(chosen.as_deref(), headers, &published.workflow.locale),
            chosen: chosen.filter(|tag| Language::of(tag).is_some()),
            workflow,
            published,
            now: Timestamp::now(),
        })
    }

    /// The form while it is open.
    pub(super) fn form(&self) -> Option<(&str, &Form)> {
        let (node, form) = self.form.as_ref()?;
        let today = self.now.to_zoned(self.published.zone()).date();
        let open = self.workflow.live && form.closes_on.is_none_or(|last| today <= last);
        open.then_some((node.as_str(), form))
    }

    pub(super) fn path(&self) -> String {
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

    pub(super) fn closed(&self) -> Response {
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

    pub(super) fn refuse(&self, refusal: Refusal) -> Response {
        let key = refusal.notice();
        let lines = [self.language.text(&format!("{key}_text"), &json!({}))];
        let mut page = notice(
            refusal.status(),
            &self.frame(Script::None),
            &self.language.text(key, &json!({})),
            &lines,
        );
        if let Some(seconds) = refusal.retry_after() {
            page.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        page
    }

    pub(super) fn failed(&self, error: ApiError) -> Response {
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

    pub(super) fn setting<'s>(
        &'s self,
        source: Source,
        constants: &'s Record,
        files: &'s dyn Fn(&str) -> Option<FileRef>,
    ) -> Setting<'s> {
        Setting {
            source,
            locale: self.language.locale(&self.published.workflow.locale),
            time_zone: &self.published.workflow.time_zone,
            currency: &self.published.workflow.currency,
            constants,
            files,
        }
    }

    /// Tables have many answers of one name.
    fn in_row(&self, pointer: &str, text: &str) -> String {
        let parts: Vec<&str> = pointer.split('/').collect();
        match parts.as_slice() {
            ["", _, row, _] => match row.parse::<usize>() {
                Ok(row) => self
                    .language
                    .text("form.in_row", &json!({"number": row + 1, "problem": text})),
                Err(_) => text.to_owned(),
            },
            _ => text.to_owned(),
        }
    }

    /// Everything that was handed in under a ticket.
    pub(super) async fn files(&self, id: SubmissionId) -> Result<Vec<FileRef>, ApiError> {
        let kept = artifact::uploads(&self.app.store, &self.workflow.scope, id.as_uuid()).await?;
        Ok(kept.into_iter().map(|artifact| artifact.file).collect())
    }

    /// The form's page; its ticket travels in a cookie, too, so that a reload and a second tab go on with it.
    pub(super) fn draw(&self, form: &Form, shown: &Shown<'_>) -> Response {
        let constants = constants(&self.firm, &self.published.zone(), self.now);
        let find = |id: &str| {
            let mut files = shown.files.iter();
            files.find(|file| file.id.to_string() == id).cloned()
        };
        let setting = self.setting(Source::Person, &constants, &find);
        let draft = form.draft(shown.answers, &setting);
        let mut errors = HashMap::new();
        let mut summary = Vec::new();
        for problem in shown.problems {
            let text = self.language.problem(problem);
            let target = problem.pointer.trim_start_matches('/').replace('/', "-");
            let told = self.in_row(&problem.pointer, &text);
            summary.push(json!({"text": told, "href": format!("#f-{target}")}));
            errors.entry(problem.pointer.clone()).or_insert(text);
        }
        let look = Look {
            form,
            language: self.language,
            locale: setting.locale,
            currency: setting.currency,
            answers: shown.answers,
            draft: &draft,
            errors: &errors,
            files: shown.files,
            more_rows: shown.more_rows,
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
            "ticket": shown.ticket, "form": FormView::new(form, &look), "summary": summary,
            "general": shown.notes.general, "first_result": shown.notes.first_result, "slug": self.workflow.slug,
            "version": self.workflow.version, "least_open_ms": LEAST_OPEN_MS, "texts": texts(self.language),
            "uploads": json!(look.uploads()).to_string(),
        });
        let mut response = page(
            shown.status,
            "form.html",
            &self.frame(Script::Form),
            content,
        );
        let cookie = ticket::cookie(&self.app.config, &self.workflow.slug, shown.ticket);
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
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
pub(super) fn missing(language: Language) -> Response {
    let frame = Frame::new(language, &Firm::default(), "", "", Script::None);
    let lines = [language.text("notice.missing_text", &json!({}))];
    notice(
        StatusCode::NOT_FOUND,
        &frame,
        &language.text("notice.missing", &json!({})),
        &lines,
    )
}
