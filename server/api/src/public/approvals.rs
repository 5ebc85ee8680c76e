//! `/approve/{token}`: somebody is asked for a decision and gives it, without signing in and without JavaScript. The token is one person's
//! and is the whole proof, so no other site can answer for them; opening the page decides nothing, as programs that read mail follow links.

use std::collections::HashMap;

use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::{
    approval::{Decision, MAX_COMMENT_CHARS, ShownFile},
    check::Problem,
    firm::Firm,
    form::{Form, Setting, Source},
    ids::ArtifactId,
    value::{FileRef, Record, record_to_json},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use store::approval::{self, Answered, Approval, Given, Opened};

use super::{
    Public,
    answers::{Refusal, Sent},
    arriving::Desk,
    files,
    language::Language,
    limits::Act,
    page::{Frame, Script, notice, page},
    story::moment_text,
    uploads::size_text,
    view::{FormView, Look},
    visit::missing,
};
use crate::{
    App, auth::refuse_cross_site, client::ClientAddress, error::ApiError,
    workflow_document::choices,
};

const PDF: &str = "application/pdf";

#[derive(Deserialize)]
pub(crate) struct Choice {
    lang: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    file: Option<ArtifactId>,
    download: Option<u8>,
}

/// `GET /approve/{token}`.
pub(crate) async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Response {
    let asking = match Asking::open(&app, token, choice.lang, &headers).await {
        Ok(asking) => asking,
        Err(answer) => return *answer,
    };
    match asking.closed(StatusCode::OK, None) {
        Some(page) => page,
        None => asking.draw(StatusCode::OK, &asking.at_first()),
    }
}

/// `POST /approve/{token}`: the decision.
pub(crate) async fn decide(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
    address: ClientAddress,
    request: Request,
) -> Response {
    if let Err(error) = refuse_cross_site(request.method(), request.headers()) {
        return error.into_response();
    }
    let asking = match Asking::open(&app, token, choice.lang, request.headers()).await {
        Ok(asking) => asking,
        Err(answer) => return *answer,
    };
    if let Err(wait) = public
        .limits
        .take(Act::Submit, address.0, asking.approval().workflow)
    {
        return asking.too_many(wait.as_secs() + 1);
    }
    let sent = match Sent::read(request, &asking.form, &Desk::of(&app, address)).await {
        Ok(sent) => sent,
        Err(refusal) => return asking.refuse(refusal),
    };
    match asking.take(&sent).await {
        Ok(response) => response,
        Err(error) => asking.failed(&error),
    }
}

/// `GET /approve/{token}/file?file=&download=1`: to a file that is shown, by a link that ends soon. Whoever does not see the question
/// does not see its files either.
pub(crate) async fn file(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let asking = match Asking::open(&app, token, None, &headers).await {
        Ok(asking) => asking,
        Err(answer) => return *answer,
    };
    if let Some(page) = asking.closed(StatusCode::GONE, None) {
        return page;
    }
    let mut shown = asking
        .approval()
        .request
        .files
        .iter()
        .flat_map(|shown| std::iter::once(&shown.file).chain(&shown.picture));
    let Some(known) = shown.find(|file| Some(file.id) == wanted.file) else {
        return missing(asking.language);
    };
    match files::short_path(&app, known.id, wanted.download.is_none()) {
        Ok(path) => ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&path)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// One person at one question.
struct Asking<'a> {
    app: &'a App,
    token: String,
    opened: Opened,
    firm: Firm,
    /// What may be corrected, with the choices that tables offer at this moment.
    form: Form,
    language: Language,
    /// The language somebody chose on the page.
    chosen: Option<String>,
    now: Timestamp,
}

/// The page as it stands.
struct Filled<'a> {
    answers: Json,
    comment: &'a str,
    problems: Vec<Problem>,
}

impl<'a> Asking<'a> {
    async fn open(
        app: &'a App,
        token: String,
        chosen: Option<String>,
        headers: &HeaderMap,
    ) -> Result<Self, Box<Response>> {
        let early = Language::choose(chosen.as_deref(), headers, "en");
        let lost = |error: ApiError| {
            Box::new(if error.status() == StatusCode::NOT_FOUND {
                missing(early)
            } else {
                error.into_response()
            })
        };
        let opened = approval::open(&app.store, &token)
            .await
            .map_err(|error| lost(error.into()))?;
        let firm = store::firm::get(&app.store, &opened.scope)
            .await
            .map_err(|error| lost(error.into()))?;
        let form = choices(&app.store, &opened.scope, &opened.approval.request.form())
            .await
            .map_err(lost)?;
        Ok(Self {
            app,
            token,
            firm,
            form,
            language: Language::choose(chosen.as_deref(), headers, &opened.approval.request.locale),
            chosen: chosen.filter(|tag| Language::of(tag).is_some()),
            opened,
            now: Timestamp::now(),
        })
    }

    fn approval(&self) -> &Approval {
        &self.opened.approval
    }

    fn text(&self, key: &str, params: &Json) -> String {
        self.language.text(key, params)
    }

    fn path(&self) -> String {
        format!("/approve/{}", self.token)
    }

    /// The same with the language somebody chose.
    fn address(&self) -> String {
        match &self.chosen {
            Some(tag) => format!("{}?lang={tag}", self.path()),
            None => self.path(),
        }
    }

    fn locale(&self) -> &str {
        self.language.locale(&self.approval().request.locale)
    }

    fn moment(&self, at: Timestamp) -> String {
        let zone = TimeZone::get(&self.approval().request.time_zone).unwrap_or(TimeZone::UTC);
        moment_text(at, &zone, self.locale())
    }

    fn setting<'s>(
        &'s self,
        constants: &'s Record,
        files: &'s dyn Fn(&str) -> Option<FileRef>,
    ) -> Setting<'s> {
        Setting {
            source: Source::Person,
            locale: self.locale(),
            time_zone: &self.approval().request.time_zone,
            currency: &self.approval().request.currency,
            constants,
            files,
        }
    }

    fn at_first(&self) -> Filled<'static> {
        Filled {
            answers: self.approval().request.typed(self.locale()),
            comment: "",
            problems: Vec::new(),
        }
    }

    async fn take(&self, sent: &Sent) -> Result<Response, ApiError> {
        if let Some(page) = self.closed(StatusCode::CONFLICT, Some("approve.late")) {
            return Ok(page);
        }
        let mut filled = Filled {
            answers: sent.answers(&self.form),
            comment: sent.own("_comment").unwrap_or_default().trim(),
            problems: Vec::new(),
        };
        let decision = match sent.own("_decision") {
            Some("approve") => Decision::Approved,
            Some("refuse") => Decision::Refused,
            // Enter in a field decides nothing.
            _ => return Ok(self.draw(StatusCode::OK, &filled)),
        };
        let values = self.check(decision, &mut filled);
        if !filled.problems.is_empty() {
            return Ok(self.draw(StatusCode::UNPROCESSABLE_ENTITY, &filled));
        }
        let given = Given {
            decision,
            comment: filled.comment.to_owned(),
            values,
        };
        let Opened {
            scope,
            approval,
            person,
        } = &self.opened;
        match approval::answer(&self.app.store, scope, approval, person, given, self.now).await? {
            Answered::Done(_) => {
                let to = Redirect::to(&self.address());
                Ok(([(header::CACHE_CONTROL, "no-store")], to).into_response())
            }
            Answered::Late(now) => {
                Ok(self.settled(&now, StatusCode::CONFLICT, Some("approve.late")))
            }
        }
    }

    /// What is wrong with what was sent, by its place; the corrected values.
    fn check(&self, decision: Decision, filled: &mut Filled<'_>) -> Json {
        let mut say = |code: &str, message: String, params: Json| {
            let problem = Problem::error(code, params, message);
            filled.problems.push(problem.at("/_comment"));
        };
        if filled.comment.chars().count() > MAX_COMMENT_CHARS {
            let params = json!({"most": MAX_COMMENT_CHARS});
            say(
                "comment_too_long",
                self.text("approve.comment_too_long", &params),
                params,
            );
        }
        match decision {
            Decision::Refused => {
                if self.approval().request.reason_needed && filled.comment.is_empty() {
                    say(
                        "reason_missing",
                        self.text("approve.reason_missing", &json!({})),
                        json!({}),
                    );
                }
                Json::Null
            }
            Decision::Approved => {
                let constants = Record::new();
                let setting = self.setting(&constants, &|_| None);
                match self.form.submit(&filled.answers, &setting) {
                    Ok(record) => record_to_json(&record),
                    Err(problems) => {
                        filled.problems.extend(problems);
                        Json::Null
                    }
                }
            }
        }
    }

    fn frame(&self) -> Frame {
        let logo = self
            .firm
            .logo
            .as_ref()
            .and_then(|file| files::logo_path(self.app, file, self.now));
        Frame::new(
            self.language,
            &self.firm,
            &self.approval().workflow_name,
            &self.path(),
            Script::None,
        )
        .logo(logo)
    }

    fn notice(&self, status: StatusCode, key: &str, lines: &[String]) -> Response {
        notice(status, &self.frame(), &self.text(key, &json!({})), lines)
    }

    /// The page of a question that this person cannot answer any more, or never could.
    fn closed(&self, answered: StatusCode, first: Option<&str>) -> Option<Response> {
        if !self.approval().is_open() {
            return Some(self.settled(self.approval(), answered, first));
        }
        if self.approval().bars(&self.opened.person) {
            let lines = [self.text("approve.barred_text", &json!({}))];
            return Some(self.notice(StatusCode::FORBIDDEN, "approve.barred", &lines));
        }
        None
    }

    fn settled(&self, approval: &Approval, answered: StatusCode, first: Option<&str>) -> Response {
        let mut lines = Vec::new();
        let (status, key) = match (&approval.verdict, approval.state.as_str()) {
            (Some(verdict), _) => {
                let key = verdict.decision.as_str();
                let at = self.moment(verdict.at);
                lines.extend(first.map(|key| self.text(key, &json!({}))));
                lines.push(approval.request.title.clone());
                lines.push(self.text(
                    &format!("approve.{key}_by"),
                    &json!({"name": verdict.by, "date": at}),
                ));
                if !verdict.comment.is_empty() {
                    lines.push(self.text("approve.said", &json!({"comment": verdict.comment})));
                }
                (answered, format!("approve.{key}"))
            }
            (None, "withdrawn") => {
                lines.push(self.text("approve.withdrawn_text", &json!({})));
                (StatusCode::GONE, "approve.withdrawn".to_owned())
            }
            (None, _) => {
                let at = self.moment(approval.expires_at);
                lines.push(self.text("approve.expired_text", &json!({"date": at})));
                (StatusCode::GONE, "approve.expired".to_owned())
            }
        };
        self.notice(status, &key, &lines)
    }

    fn too_many(&self, seconds: u64) -> Response {
        let lines = [self.text("general.too_many", &json!({"seconds": seconds}))];
        let mut page = self.notice(StatusCode::TOO_MANY_REQUESTS, "notice.error", &lines);
        page.headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        page
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        let key = refusal.notice();
        let lines = [self.text(&format!("{key}_text"), &json!({}))];
        let mut page = self.notice(refusal.status(), key, &lines);
        if let Some(seconds) = refusal.retry_after() {
            page.headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        page
    }

    fn failed(&self, error: &ApiError) -> Response {
        if let Some(cause) = error.cause() {
            tracing::error!(cause = %cause, "a decision could not be taken");
        }
        let lines = [self.text("notice.error_text", &json!({}))];
        self.notice(error.status(), "notice.error", &lines)
    }

    /// The question with everything that is shown, and the answer as it stands.
    fn draw(&self, status: StatusCode, filled: &Filled<'_>) -> Response {
        let request = &self.approval().request;
        let constants = Record::new();
        let setting = self.setting(&constants, &|_| None);
        let draft = self.form.draft(&filled.answers, &setting);
        let mut errors: HashMap<String, String> = HashMap::new();
        let mut summary = Vec::new();
        for problem in &filled.problems {
            let text = self.language.problem(problem);
            let target = problem.pointer.trim_start_matches('/').replace('/', "-");
            summary.push(json!({"text": text, "href": format!("#f-{target}")}));
            errors.entry(problem.pointer.clone()).or_insert(text);
        }
        let look = Look {
            form: &self.form,
            language: self.language,
            locale: setting.locale,
            currency: setting.currency,
            answers: &filled.answers,
            draft: &draft,
            errors: &errors,
            files: &[],
            more_rows: None,
        };
        let hint = if request.reason_needed {
            "approve.reason_hint"
        } else {
            "approve.comment_hint"
        };
        let content = json!({
            "title": request.title, "text": request.text.split("\n\n").collect::<Vec<_>>(), "shown": request.shown,
            "files": request.files.iter().map(|shown| self.file(shown)).collect::<Vec<_>>(),
            "about": self.approval().run_title, "action": self.address(), "form": FormView::new(&self.form, &look),
            "has_fields": !self.form.fields.is_empty(), "summary": summary, "comment": filled.comment,
            "comment_error": errors.get("/_comment"), "comment_hint": self.text(hint, &json!({})),
            "you": self.text("approve.you", &json!({"name": self.opened.person.title()})),
            "until": self.text("approve.until", &json!({"date": self.moment(self.approval().expires_at)})),
        });
        page(status, "approval.html", &self.frame(), content)
    }

    fn file(&self, shown: &ShownFile) -> Json {
        let address = |id: ArtifactId| format!("{}/file?file={id}", self.path());
        let name = json!({"name": shown.file.name});
        let open = address(shown.file.id);
        json!({
            "name": shown.file.name, "meta": size_text(shown.file.size_bytes), "pdf": shown.file.content_type == PDF,
            "download": format!("{open}&download=1"), "open": open,
            "download_text": self.text("result.download_file", &name), "open_text": self.text("result.open", &name),
            "picture": shown.picture.as_ref().map(|picture| address(picture.id)), "alt": self.text("result.picture", &name),
        })
    }
}
