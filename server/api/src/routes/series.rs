//! Series of numbers, such as those of invoices, and what became of each number.

use axum::{Json, extract::State, http::StatusCode};
use engine::{
    expression::Template,
    ids::{NumberId, SeriesId},
    series::Series,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use store::series::{NumberItem, SeriesItem, Settled};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, cursor, documents::WorkflowUseOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    workflow_document::slug,
};

const PAGE: i64 = 100;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeriesOut {
    pub id: Uuid,
    pub name: String,
    /// Reads `number`, `year` and `month`, such as `RE-{{ year }}-{{ number }}`.
    pub pattern: String,
    pub digits: u8,
    pub yearly: bool,
    pub void_after_days: Option<u16>,
    /// How the next number reads today.
    pub next: String,
    pub next_count: i64,
    /// Numbers by what became of them.
    pub open: i64,
    pub used: i64,
    pub void: i64,
    pub created_at: Timestamp,
    /// Workflows that draw from it.
    pub used_by: Vec<WorkflowUseOut>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Reads `number`, `year` and `month`, such as `RE-{{ year }}-{{ number }}`.
    #[schema(max_length = 500)]
    pub pattern: String,
    /// Zeros are put before a number with fewer digits.
    #[serde(default = "four")]
    #[schema(required = false, minimum = 1, maximum = 12)]
    pub digits: u8,
    /// Numbers begin again with every year.
    #[serde(default = "yes")]
    #[schema(required = false)]
    pub yearly: bool,
    /// Open numbers of ended runs are void after so many days; absent: a person decides.
    #[schema(minimum = 1, maximum = 3650)]
    pub void_after_days: Option<u16>,
    /// The first number that is given.
    #[serde(default = "one")]
    #[schema(required = false, minimum = 1)]
    pub first: i64,
}

fn four() -> u8 {
    4
}

fn yes() -> bool {
    true
}

fn one() -> i64 {
    1
}

/// All that can change; numbers that were given keep how they read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeriesPut {
    pub name: String,
    #[schema(max_length = 500)]
    pub pattern: String,
    #[schema(minimum = 1, maximum = 12)]
    pub digits: u8,
    #[schema(minimum = 1, maximum = 3650)]
    pub void_after_days: Option<u16>,
}

/// What became of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NumberState {
    /// Drawn by a run that has not succeeded.
    Open,
    Used,
    Void,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NumberOut {
    pub id: Uuid,
    pub number: String,
    pub count: i64,
    /// 0 where numbers go on over the years.
    pub year: i16,
    pub state: NumberState,
    pub run_id: Uuid,
    /// Null when the run was removed.
    pub run_title: Option<String>,
    pub run_state: Option<String>,
    pub reason: Option<String>,
    pub drawn_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// Null when its run or the series' own rule settled it.
    pub settled_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumberSettle {
    pub state: SettledWire,
    /// Kept with the number.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Settled)]
pub(crate) enum SettledWire {
    Used,
    Void,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NumbersQuery {
    pub state: Option<NumberState>,
    /// `next` of the page before.
    pub after: Option<String>,
}

impl From<SeriesItem> for SeriesOut {
    fn from(item: SeriesItem) -> Self {
        Self {
            id: item.id.as_uuid(),
            name: item.series.name,
            pattern: item.series.pattern.0,
            digits: item.series.digits,
            yearly: item.series.yearly,
            void_after_days: item.series.void_after_days,
            next: item.next,
            next_count: item.next_count,
            open: item.open,
            used: item.used,
            void: item.void,
            created_at: item.created_at,
            used_by: item.used_by.into_iter().map(WorkflowUseOut::from).collect(),
        }
    }
}

impl From<NumberItem> for NumberOut {
    fn from(item: NumberItem) -> Self {
        Self {
            id: item.id.as_uuid(),
            number: item.number,
            count: item.count,
            year: item.year,
            state: match item.state.as_str() {
                "used" => NumberState::Used,
                "void" => NumberState::Void,
                _ => NumberState::Open,
            },
            run_id: item.run.as_uuid(),
            run_title: item.run_title,
            run_state: item.run_state,
            reason: item.reason,
            drawn_at: item.drawn_at,
            settled_at: item.settled_at,
            settled_by: item.settled_by,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_series, create_series))
        .routes(routes!(read_series, change_series, delete_series))
        .routes(routes!(list_numbers))
        .routes(routes!(settle_number))
}

/// All series.
#[utoipa::path(get, path = "/series", tag = "series", responses((status = 200, body = Page<SeriesOut>)))]
async fn list_series(State(app): State<App>, caller: Caller) -> Result<Json<Page<SeriesOut>>> {
    let today = today(&app, &caller).await?;
    let rows = store::series::list(&app.store, &caller.scope, today).await?;
    Ok(Json(Page::all(rows)))
}

/// Sets up a series.
#[utoipa::path(post, path = "/series", tag = "series", request_body = SeriesIn,
    responses((status = 201, body = SeriesOut)))]
async fn create_series(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<SeriesIn>,
) -> Result<(StatusCode, Json<SeriesOut>)> {
    let today = today(&app, &caller).await?;
    let new = Series {
        name: body.name,
        pattern: Template(body.pattern),
        digits: body.digits,
        yearly: body.yearly,
        void_after_days: body.void_after_days,
    };
    let id = store::series::create(&app.store, &caller.scope, &new, body.first, today).await?;
    let made = store::series::get(&app.store, &caller.scope, id, today).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// One series.
#[utoipa::path(get, path = "/series/{id}", tag = "series", params(("id" = Uuid, Path)),
    responses((status = 200, body = SeriesOut)))]
async fn read_series(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<SeriesOut>> {
    let today = today(&app, &caller).await?;
    let found = store::series::get(&app.store, &caller.scope, SeriesId(id), today).await?;
    Ok(Json(found.into()))
}

/// Changes how later numbers read.
#[utoipa::path(put, path = "/series/{id}", tag = "series", params(("id" = Uuid, Path)), request_body = SeriesPut,
    responses((status = 200, body = SeriesOut)))]
async fn change_series(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<SeriesPut>,
) -> Result<Json<SeriesOut>> {
    let today = today(&app, &caller).await?;
    let id = SeriesId(id);
    let before = store::series::get(&app.store, &caller.scope, id, today).await?;
    let to = Series {
        name: body.name,
        pattern: Template(body.pattern),
        digits: body.digits,
        yearly: before.series.yearly,
        void_after_days: body.void_after_days,
    };
    store::series::change(&app.store, &caller.scope, id, &to, today).await?;
    let changed = store::series::get(&app.store, &caller.scope, id, today).await?;
    Ok(Json(changed.into()))
}

/// Forgets a series that no workflow draws from; its numbers stay.
#[utoipa::path(delete, path = "/series/{id}", tag = "series", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_series(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    let today = today(&app, &caller).await?;
    store::series::delete(&app.store, &caller.scope, SeriesId(id), today).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Numbers of a series, newest first.
#[utoipa::path(get, path = "/series/{id}/numbers", tag = "series", params(("id" = Uuid, Path), NumbersQuery),
    responses((status = 200, body = Page<NumberOut>)))]
async fn list_numbers(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<NumbersQuery>,
) -> Result<Json<Page<NumberOut>>> {
    let state = query.state.map(|state| slug(&state));
    let rows = store::series::numbers(
        &app.store,
        &caller.scope,
        SeriesId(id),
        state.as_deref(),
        cursor(query.after.as_deref())?.map(NumberId),
        PAGE + 1,
    )
    .await?;
    let items = rows.into_iter().map(NumberOut::from).collect();
    Ok(Json(Page::cut(items, PAGE, |row: &NumberOut| {
        row.id.to_string()
    })))
}

/// Says what became of an open number whose run did not succeed.
#[utoipa::path(post, path = "/numbers/{id}/settle", tag = "series", params(("id" = Uuid, Path)), request_body = NumberSettle,
    responses((status = 204)))]
async fn settle_number(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<NumberSettle>,
) -> Result<StatusCode> {
    let to = match body.state {
        SettledWire::Used => Settled::Used,
        SettledWire::Void => Settled::Void,
    };
    store::series::settle(&app.store, &caller.scope, NumberId(id), to, &body.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The day it is where the firm is.
pub(crate) async fn today(app: &App, caller: &Caller) -> Result<Date> {
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let zone = TimeZone::get(&firm.time_zone).map_err(ApiError::internal)?;
    Ok(Timestamp::now().to_zoned(zone).date())
}
