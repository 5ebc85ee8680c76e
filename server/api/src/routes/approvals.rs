//! Decisions that people are asked for while runs wait. Most are given on the page behind a person's own link; a signed-in member can
//! also answer here.

use axum::{Json, extract::State};
use engine::{
    approval::{Decision, MAX_COMMENT_CHARS},
    check::Problem,
    form::{Setting, Source},
    ids::ApprovalId,
    value::{Record, record_to_json},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    Scope, StoreError,
    approval::{Answered, Approval, Filter, Given, Person},
    link,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, cursor};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    workflow_document::choices,
};

const PAGE: i64 = 50;

/// How a question stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApprovalState {
    Open,
    Approved,
    Refused,
    /// Nobody answered in time.
    Expired,
    /// The run ended before anybody answered.
    Withdrawn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Decision)]
pub(crate) enum DecisionWire {
    Approved,
    Refused,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApprovalOut {
    pub id: Uuid,
    pub title: String,
    pub text: String,
    pub state: ApprovalState,
    pub workflow_id: Uuid,
    pub workflow_name: String,
    pub run_id: Uuid,
    pub run_title: String,
    /// Id of the step that asks.
    pub node: String,
    /// Every member may answer.
    pub everybody: bool,
    /// Names of the others who are asked.
    pub asked: Vec<String>,
    /// What people are shown, besides files.
    pub shown: Vec<ShownOut>,
    /// What may be corrected, in the JSON form of the fields' kinds.
    #[schema(value_type = Object)]
    pub values: Value,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub verdict: Option<VerdictOut>,
    /// The page on which the signed-in member decides; null when they may not.
    pub url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownOut {
    pub label: String,
    pub text: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictOut {
    pub decision: DecisionWire,
    pub by: String,
    pub at: Timestamp,
    pub comment: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalsQuery {
    /// Only those that wait for an answer.
    pub open: Option<bool>,
    /// Only those that the signed-in member may answer, or has answered.
    pub mine: Option<bool>,
    /// `next` of the page before.
    pub after: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalAnswer {
    pub decision: DecisionWire,
    #[serde(default)]
    #[schema(required = false, max_length = 2000)]
    pub comment: String,
    /// Corrected values, by field name; those that are left out stay as they are. Not looked at when it is refused.
    #[serde(default)]
    #[schema(required = false, value_type = Object)]
    pub values: Value,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_approvals))
        .routes(routes!(read_approval))
        .routes(routes!(answer_approval))
}

/// Questions to people, newest first; those of trial runs are left out.
#[utoipa::path(get, path = "/approvals", tag = "approvals", params(ApprovalsQuery), responses((status = 200, body = Page<ApprovalOut>)))]
async fn list_approvals(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ApprovalsQuery>,
) -> Result<Json<Page<ApprovalOut>>> {
    let mine = query.mine.unwrap_or(false);
    if mine && caller.member().is_none() {
        return Err(ApiError::bad_request(
            "nobody_signed_in",
            "An access key is nobody, so nothing is asked of it. Leave `mine` out.",
        ));
    }
    let filter = Filter {
        open: query.open.unwrap_or(false),
        of: caller.member().filter(|_| mine),
        after: cursor(query.after.as_deref())?.map(ApprovalId),
        limit: PAGE + 1,
    };
    let person = person(&app, &caller).await?;
    let found = store::approval::list(&app.store, &caller.scope, filter).await?;
    let items = found
        .into_iter()
        .map(|approval| approval_out(&app, approval, person.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    Ok(Json(Page::cut(items, PAGE, |row: &ApprovalOut| {
        row.id.to_string()
    })))
}

/// One question.
#[utoipa::path(get, path = "/approvals/{id}", tag = "approvals", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApprovalOut)))]
async fn read_approval(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<ApprovalOut>> {
    let person = person(&app, &caller).await?;
    let found = store::approval::get(&app.store, &caller.scope, ApprovalId(id)).await?;
    Ok(Json(approval_out(&app, found, person.as_ref())?))
}

/// Decides as the signed-in member. The first answer counts; a later one is refused with 409.
#[utoipa::path(post, path = "/approvals/{id}/answer", tag = "approvals", params(("id" = Uuid, Path)), request_body = ApprovalAnswer,
    responses((status = 200, body = ApprovalOut), (status = 409, description = "Somebody answered before, or its time is over.")))]
async fn answer_approval(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<ApprovalAnswer>,
) -> Result<Json<ApprovalOut>> {
    let (id, scope) = (ApprovalId(id), &caller.scope);
    let found = store::approval::get(&app.store, scope, id).await?;
    let person = store::approval::person(&app.store, scope).await?;
    if found.is_open() && !found.bars(&person) && !found.may_answer(&person) {
        return Err(ApiError::forbidden(
            "approval_of_others",
            "This decision is not asked of you.",
        ));
    }
    let given = given(&app, scope, &found, body).await?;
    let now = Timestamp::now();
    match store::approval::answer(&app.store, scope, &found, &person, given, now).await? {
        Answered::Done(_) => {
            let settled = store::approval::get(&app.store, scope, id).await?;
            Ok(Json(approval_out(&app, settled, Some(&person))?))
        }
        Answered::Late(settled) => Err(late(&settled).into()),
    }
}

/// The answer, its values checked by the question's form.
async fn given(
    app: &App,
    scope: &Scope,
    approval: &Approval,
    body: ApprovalAnswer,
) -> Result<Given> {
    let comment = body.comment.trim().to_owned();
    let mut problems = Vec::new();
    if comment.chars().count() > MAX_COMMENT_CHARS {
        let message = format!("At most {MAX_COMMENT_CHARS} characters fit here.");
        let params = json!({"most": MAX_COMMENT_CHARS});
        problems.push(Problem::error("comment_too_long", params, message).at("/comment"));
    }
    let decision = match body.decision {
        DecisionWire::Approved => Decision::Approved,
        DecisionWire::Refused => Decision::Refused,
    };
    let mut values = Value::Null;
    match decision {
        Decision::Refused => {
            if approval.request.reason_needed && comment.is_empty() {
                let problem = Problem::error("reason_missing", json!({}), "Say why you refuse.");
                problems.push(problem.at("/comment"));
            }
        }
        Decision::Approved => {
            let mut answers = approval.request.values.clone();
            match (&mut answers, body.values) {
                (_, Value::Null) => {}
                (Value::Object(all), Value::Object(given)) => all.extend(given),
                (answers, given) => *answers = given,
            }
            let form = choices(&app.store, scope, &approval.request.form()).await?;
            let setting = Setting {
                source: Source::Program,
                locale: &approval.request.locale,
                time_zone: &approval.request.time_zone,
                currency: &approval.request.currency,
                constants: &Record::new(),
                files: &|_| None,
            };
            match form.submit(&answers, &setting) {
                Ok(record) => values = record_to_json(&record),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| problem.under("/values")));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(Given {
            decision,
            comment,
            values,
        })
    } else {
        Err(ApiError::from_problems(
            "The answer was not taken.",
            problems,
        ))
    }
}

fn late(approval: &Approval) -> StoreError {
    match (&approval.verdict, approval.state.as_str()) {
        (Some(verdict), _) => StoreError::conflict(
            "approval_answered",
            format!(
                "{} answered before you, so your answer was not taken.",
                verdict.by
            ),
        ),
        (None, "withdrawn") => StoreError::conflict(
            "approval_withdrawn",
            "The run ended before you answered. There is nothing to decide any more.",
        ),
        (None, _) => StoreError::conflict(
            "approval_expired",
            "The time to answer is over, so your answer was not taken.",
        ),
    }
}

/// The signed-in member; `None` behind an access key.
async fn person(app: &App, caller: &Caller) -> Result<Option<Person>> {
    Ok(match caller.member() {
        Some(_) => Some(store::approval::person(&app.store, &caller.scope).await?),
        None => None,
    })
}

/// The path of the page on which this member decides, if they may.
pub(super) fn page_of(
    app: &App,
    approval: &Approval,
    person: Option<&Person>,
) -> Result<Option<String>> {
    let member = person
        .filter(|person| approval.may_answer(person))
        .and_then(|person| person.member);
    let Some(member) = member else {
        return Ok(None);
    };
    let token = link::approval_token(&app.store.sealer, approval.id, member.as_uuid())?;
    Ok(Some(format!("/approve/{token}")))
}

fn approval_out(app: &App, approval: Approval, person: Option<&Person>) -> Result<ApprovalOut> {
    let url = page_of(app, &approval, person)?;
    Ok(ApprovalOut {
        id: approval.id.as_uuid(),
        state: match approval.state.as_str() {
            "open" => ApprovalState::Open,
            "approved" => ApprovalState::Approved,
            "refused" => ApprovalState::Refused,
            "withdrawn" => ApprovalState::Withdrawn,
            _ => ApprovalState::Expired,
        },
        workflow_id: approval.workflow.as_uuid(),
        workflow_name: approval.workflow_name,
        run_id: approval.run.as_uuid(),
        run_title: approval.run_title,
        node: approval.node,
        everybody: approval.request.asked.everybody,
        asked: approval.asked,
        title: approval.request.title,
        text: approval.request.text,
        shown: approval
            .request
            .shown
            .into_iter()
            .map(|shown| ShownOut {
                label: shown.label,
                text: shown.text,
            })
            .collect(),
        values: approval.request.values,
        expires_at: approval.expires_at,
        created_at: approval.created_at,
        verdict: approval.verdict.map(|verdict| VerdictOut {
            decision: match verdict.decision {
                Decision::Approved => DecisionWire::Approved,
                Decision::Refused => DecisionWire::Refused,
            },
            by: verdict.by,
            at: verdict.at,
            comment: verdict.comment,
        }),
        url,
    })
}
