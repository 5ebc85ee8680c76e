//! Drawing numbers in the commit of a segment. The row of the series' count is locked until that commit, after the runs and in the order
//! of (series, year), so that commits of several processes wait for each other and never in a circle.

use engine::{
    ids::{NumberId, RunId, SeriesId, WorkspaceId},
    node::{NumberRequest, StepError},
};
use jiff::civil::Date;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use super::{number, series};
use crate::{Result, StoreError, error::OnConstraint as _, fresh_id};

/// What a step asks for.
pub(crate) struct Draw<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) run: RunId,
    pub(crate) node: &'a str,
    pub(crate) item_path: &'a str,
    pub(crate) request: NumberRequest,
}

/// Draws what is asked for, in the order of `draws`: `{number, count, year}` each. The step of a retried run gets the number that the
/// first run had, unless that is void. `Step`: the number reads like an earlier one, which a changed pattern can bring about; nothing is
/// drawn, so that the next one has the same count.
pub(crate) async fn draw(connection: &mut PgConnection, draws: &[Draw<'_>]) -> Result<Vec<Json>> {
    let mut order: Vec<usize> = (0..draws.len()).collect();
    order.sort_by_key(|&at| (draws[at].request.series, draws[at].request.date.year()));
    let mut drawn = vec![Json::Null; draws.len()];
    for at in order {
        let draw = &draws[at];
        drawn[at] = match taken_over(connection, draw).await? {
            Some(number) => number,
            None => next(connection, draw).await?,
        };
    }
    Ok(drawn)
}

async fn taken_over(connection: &mut PgConnection, draw: &Draw<'_>) -> Result<Option<Json>> {
    let date = draw.request.date;
    let row = sqlx::query!(
        "update number set run_id = $2
         where workspace_id = $1 and first_run = (select first_run from run where id = $2)
           and series_id = $3 and node = $4 and item_path = $5 and state <> 'void'
         returning number, count, year",
        draw.workspace.as_uuid(),
        draw.run.as_uuid(),
        draw.request.series.as_uuid(),
        draw.node,
        draw.item_path,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| drawn(&row.number, row.count, row.year, date)))
}

/// Where numbers go on over the years, the year is that of the day.
fn drawn(number: &str, count: i64, year: i16, date: Date) -> Json {
    let year = if year == 0 { date.year() } else { year };
    json!({"number": number, "count": count, "year": year})
}

async fn next(connection: &mut PgConnection, draw: &Draw<'_>) -> Result<Json> {
    let NumberRequest { series: id, date } = draw.request;
    let row = sqlx::query!(
        "select name, pattern, digits, yearly, void_after_days from series where workspace_id = $1 and id = $2",
        draw.workspace.as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::NotFound("series"))?;
    let series = series(
        row.name,
        row.pattern,
        row.digits,
        row.yearly,
        row.void_after_days,
    )?;
    let year = series.year(date);
    let count = sqlx::query_scalar!(
        r#"insert into series_count as c (series_id, year, workspace_id, next) values ($1, $2, $3, 2)
           on conflict (series_id, year) do update set next = c.next + 1
           returning next - 1 as "count!""#,
        id.as_uuid(),
        year,
        draw.workspace.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    let text = number(&series, date, count)?;
    let number: NumberId = fresh_id();
    sqlx::query!(
        "insert into number (id, series_id, year, count, workspace_id, number, run_id, first_run, node, item_path)
         select $1, $2, $3, $4, $5, $6, id, first_run, $8, $9 from run where id = $7",
        number.as_uuid(),
        id.as_uuid(),
        year,
        count,
        draw.workspace.as_uuid(),
        text,
        draw.run.as_uuid(),
        draw.node,
        draw.item_path,
    )
    .execute(connection)
    .await
    .on_constraint("number_text_unique", || {
        StoreError::Step(StepError::new(
            "number_taken",
            "The series would give a number that reads like one it gave before. Change the pattern of its numbers, then retry this run.",
        ))
    })?;
    Ok(drawn(&text, count, year, date))
}

/// Numbers of steps that succeeded in these runs, which did too, are used.
pub(crate) async fn use_numbers(connection: &mut PgConnection, runs: &[RunId]) -> Result<()> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "update number n set state = 'used', settled_at = now(), run_id = run.id
         from run
         where run.id = any($1) and n.first_run = run.first_run and n.state = 'open'
           and exists (select 1 from step where step.run_id = run.id and step.node = n.node and step.item_path = n.item_path
                       and step.state = 'succeeded')",
        &ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The numbers of the steps that a retry keeps are its own from now on.
pub(crate) async fn take_over(
    connection: &mut PgConnection,
    from: RunId,
    to: RunId,
    kept: &[String],
) -> Result<()> {
    sqlx::query!(
        "update number n set run_id = $2 from run
         where run.id = $1 and n.first_run = run.first_run and n.node = any($3) and n.state <> 'void'",
        from.as_uuid(),
        to.as_uuid(),
        kept,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Nodes of a run whose number was made void: a retry draws a new one. The numbers are locked, so that none becomes void meanwhile.
pub(crate) async fn voided(connection: &mut PgConnection, run: RunId) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        "select n.node, n.item_path, n.series_id, n.state from number n join run on n.first_run = run.first_run
         where run.id = $1 order by n.id for update of n",
        run.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    let alive = |node: &str, path: &str, series: SeriesId| {
        rows.iter().any(|row| {
            row.state != "void"
                && row.node == node
                && row.item_path == path
                && row.series_id == series.as_uuid()
        })
    };
    Ok(rows
        .iter()
        .filter(|row| !alive(&row.node, &row.item_path, row.series_id.into()))
        .map(|row| row.node.clone())
        .collect())
}
