//! Series of numbers: set up by people, drawn from in the commits of segments, every number accounted for. A number is *open* until its
//! run succeeds or somebody says what became of it; how it reads is `engine::series`'s business.

mod collision;
mod draw;

pub(crate) use draw::{Draw, draw, take_over, use_numbers, voided};

use engine::{
    expression::Template,
    ids::{MemberId, NumberId, RunId, SeriesId, WorkflowId},
    series::Series,
};
use jiff::{Timestamp, civil::Date};
use sqlx::PgExecutor;

use crate::{Result, Scope, Store, StoreError, error::OnConstraint as _, fresh_id, storable};

/// Most series of a workspace.
const MAX_SERIES: i64 = 100;

/// A series with how it stands.
#[derive(Clone, Debug)]
pub struct SeriesItem {
    pub id: SeriesId,
    pub series: Series,
    /// How the next number reads, on the day that was asked for.
    pub next: String,
    pub next_count: i64,
    pub open: i64,
    pub used: i64,
    pub void: i64,
    pub created_at: Timestamp,
    /// Workflows whose draft or live version draws from it.
    pub used_by: Vec<(WorkflowId, String)>,
}

/// One number.
#[derive(Clone, Debug)]
pub struct NumberItem {
    pub id: NumberId,
    pub number: String,
    pub count: i64,
    pub year: i16,
    /// `open`, `used` or `void`.
    pub state: String,
    pub run: RunId,
    /// `None`: the run was removed.
    pub run_title: Option<String>,
    pub run_state: Option<String>,
    pub reason: Option<String>,
    pub drawn_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// Name of the person; `None` when the run or the series' own rule did it.
    pub settled_by: Option<String>,
}

/// What a person says became of an open number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Its document went out though the run did not succeed.
    Used,
    Void,
}

/// The workspace's series by name, with what comes next on this day.
pub async fn list(store: &Store, scope: &Scope, today: Date) -> Result<Vec<SeriesItem>> {
    read(&store.pool, scope, None, today).await
}

pub async fn get(store: &Store, scope: &Scope, id: SeriesId, today: Date) -> Result<SeriesItem> {
    one(&store.pool, scope, id, today).await
}

async fn one(
    executor: impl PgExecutor<'_>,
    scope: &Scope,
    id: SeriesId,
    today: Date,
) -> Result<SeriesItem> {
    let mut found = read(executor, scope, Some(id), today).await?;
    found.pop().ok_or(StoreError::NotFound("series"))
}

async fn read(
    executor: impl PgExecutor<'_>,
    scope: &Scope,
    id: Option<SeriesId>,
    today: Date,
) -> Result<Vec<SeriesItem>> {
    let rows = sqlx::query!(
        r#"select s.id, s.name, s.pattern, s.digits, s.yearly, s.void_after_days, s.created_at as "created_at: jiff_sqlx::Timestamp",
                  coalesce((select next from series_count c where c.series_id = s.id and c.year = case when s.yearly then $3 else 0 end), 1)
                      as "next!",
                  coalesce(n.open, 0) as "open!", coalesce(n.used, 0) as "used!", coalesce(n.void, 0) as "void!",
                  coalesce(u.ids, '{}') as "ids!: Vec<uuid::Uuid>", coalesce(u.names, '{}') as "names!: Vec<String>"
           from series s
           left join lateral (
               select count(*) filter (where state = 'open') as open, count(*) filter (where state = 'used') as used,
                      count(*) filter (where state = 'void') as void
               from number where workspace_id = s.workspace_id and series_id = s.id
           ) n on true
           left join lateral (
               select array_agg(w.id order by w.name, w.id) as ids, array_agg(w.name order by w.name, w.id) as names
               from workflow w join draft on draft.workflow_id = w.id left join version on version.id = w.live_version_id
               where w.workspace_id = s.workspace_id and w.deleted_at is null
                 and (draft.document::text like '%"' || s.id::text || '"%' or version.document::text like '%"' || s.id::text || '"%')
           ) u on true
           where s.workspace_id = $1 and s.deleted_at is null and ($2::uuid is null or s.id = $2)
           order by lower(s.name), s.id limit 200"#,
        scope.workspace().as_uuid(),
        id.map(SeriesId::as_uuid),
        i32::from(today.year()),
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter()
        .map(|row| {
            let series = series(
                row.name,
                row.pattern,
                row.digits,
                row.yearly,
                row.void_after_days,
            )?;
            Ok(SeriesItem {
                id: row.id.into(),
                next: number(&series, today, row.next)?,
                series,
                next_count: row.next,
                open: row.open,
                used: row.used,
                void: row.void,
                created_at: row.created_at.to_jiff(),
                used_by: row.ids.into_iter().map(WorkflowId).zip(row.names).collect(),
            })
        })
        .collect()
}

fn series(
    name: String,
    pattern: String,
    digits: i16,
    yearly: bool,
    void_after_days: Option<i16>,
) -> Result<Series> {
    let damaged = |_| StoreError::Damaged("a series has impossible settings".into());
    Ok(Series {
        name,
        pattern: Template(pattern),
        digits: digits.try_into().map_err(damaged)?,
        yearly,
        void_after_days: void_after_days
            .map(u16::try_from)
            .transpose()
            .map_err(damaged)?,
    })
}

fn number(series: &Series, date: Date, count: i64) -> Result<String> {
    series
        .number(date, count)
        .map_err(|error| StoreError::Damaged(format!("the pattern of a series: {error}")))
}

/// Sets a series up; `first` is the first number given, in the year of `today` where numbers begin again every year.
pub async fn create(
    store: &Store,
    scope: &Scope,
    new: &Series,
    first: i64,
    today: Date,
) -> Result<SeriesId> {
    check(new)?;
    if !(1..=999_999_999).contains(&first) {
        return Err(StoreError::invalid(
            "series_first",
            "/first",
            "The first number is between 1 and 999,999,999.",
        ));
    }
    let mut transaction = store.pool.begin().await?;
    let known = sqlx::query_scalar!(
        r#"select count(*) as "count!" from series where workspace_id = $1 and deleted_at is null"#,
        scope.workspace().as_uuid()
    )
    .fetch_one(&mut *transaction)
    .await?;
    if known >= MAX_SERIES {
        return Err(StoreError::conflict(
            "too_many_series",
            format!("A workspace has at most {MAX_SERIES} series."),
        ));
    }
    let id: SeriesId = fresh_id();
    sqlx::query!(
        "insert into series (id, workspace_id, name, pattern, digits, yearly, void_after_days) values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        new.name.trim(),
        new.pattern.0,
        i16::from(new.digits),
        new.yearly,
        days(new)?,
    )
    .execute(&mut *transaction)
    .await
    .on_constraint("series_name_unique", name_taken)?;
    sqlx::query!(
        "insert into series_count (series_id, year, workspace_id, next) values ($1, $2, $3, $4)",
        id.as_uuid(),
        new.year(today),
        scope.workspace().as_uuid(),
        first,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(id)
}

/// The series of this name, made if there is none: what an imported workflow asks for.
pub async fn find_or_create(
    store: &Store,
    scope: &Scope,
    wanted: &Series,
    today: Date,
) -> Result<SeriesId> {
    let known = sqlx::query_scalar!(
        "select id from series where workspace_id = $1 and lower(name) = lower($2) and deleted_at is null",
        scope.workspace().as_uuid(),
        wanted.name.trim(),
    )
    .fetch_optional(&store.pool)
    .await?;
    match known {
        Some(id) => Ok(id.into()),
        None => create(store, scope, wanted, 1, today).await,
    }
}

/// Changes how later numbers read, which must not be as earlier ones do. Whether they begin again every year stays: it says which count
/// they go on from.
pub async fn change(
    store: &Store,
    scope: &Scope,
    id: SeriesId,
    to: &Series,
    today: Date,
) -> Result<()> {
    check(to)?;
    let mut transaction = store.pool.begin().await?;
    let before = sqlx::query!(
        "select pattern, digits, yearly from series where workspace_id = $1 and id = $2 and deleted_at is null for update",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("series"))?;
    if before.yearly != to.yearly {
        return Err(StoreError::conflict(
            "series_yearly_fixed",
            "Whether numbers begin again every year cannot be changed. Make a new series.",
        ));
    }
    if before.pattern != to.pattern.0 || before.digits != i16::from(to.digits) {
        collision::refuse(&mut transaction, scope, id, to, today).await?;
    }
    sqlx::query!(
        "update series set name = $3, pattern = $4, digits = $5, void_after_days = $6 where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        to.name.trim(),
        to.pattern.0,
        i16::from(to.digits),
        days(to)?,
    )
    .execute(&mut *transaction)
    .await
    .on_constraint("series_name_unique", name_taken)?;
    transaction.commit().await?;
    Ok(())
}

/// Forgets a series that no workflow draws from; its numbers stay.
pub async fn delete(store: &Store, scope: &Scope, id: SeriesId, today: Date) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    // Held before its users are looked for: whoever publishes meanwhile is seen, or finds it deleted.
    sqlx::query!(
        "select id from series where workspace_id = $1 and id = $2 and deleted_at is null for no key update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("series"))?;
    let item = one(&mut *transaction, scope, id, today).await?;
    if let Some((_, name)) = item.used_by.first() {
        return Err(StoreError::conflict(
            "series_used",
            format!(
                "The workflow \"{name}\" draws from this series. Choose another one there first."
            ),
        ));
    }
    sqlx::query!(
        "update series set deleted_at = now() where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Which of these series there are.
pub async fn known(
    store: &Store,
    scope: &Scope,
    ids: &[SeriesId],
) -> Result<Vec<(SeriesId, Series)>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        "select id, name, pattern, digits, yearly, void_after_days from series
         where workspace_id = $1 and id = any($2) and deleted_at is null order by id",
        scope.workspace().as_uuid(),
        &ids
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let series = series(
                row.name,
                row.pattern,
                row.digits,
                row.yearly,
                row.void_after_days,
            )?;
            Ok((row.id.into(), series))
        })
        .collect()
}

/// Numbers of a series, newest first, after the one named.
pub async fn numbers(
    store: &Store,
    scope: &Scope,
    id: SeriesId,
    state: Option<&str>,
    after: Option<NumberId>,
    limit: i64,
) -> Result<Vec<NumberItem>> {
    let rows = sqlx::query!(
        r#"select n.id, n.number, n.count, n.year, n.state, n.run_id, run.title as "title?", run.state as "run_state?", n.reason,
                  n.drawn_at as "drawn_at: jiff_sqlx::Timestamp", n.settled_at as "settled_at: jiff_sqlx::Timestamp",
                  member.name as "settled_by?"
           from number n left join run on run.id = n.run_id left join member on member.id = n.settled_by
           where n.workspace_id = $1 and n.series_id = $2 and ($3::text is null or n.state = $3)
             and ($4::uuid is null or n.id < $4)
           order by n.id desc limit $5"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        state,
        after.map(NumberId::as_uuid),
        limit.clamp(1, 500),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NumberItem {
            id: row.id.into(),
            number: row.number,
            count: row.count,
            year: row.year,
            state: row.state,
            run: row.run_id.into(),
            run_title: row.title,
            run_state: row.run_state,
            reason: row.reason,
            drawn_at: row.drawn_at.to_jiff(),
            settled_at: row.settled_at.map(jiff_sqlx::Timestamp::to_jiff),
            settled_by: row.settled_by,
        })
        .collect())
}

/// A person says what became of an open number whose run is over.
pub async fn settle(
    store: &Store,
    scope: &Scope,
    id: NumberId,
    to: Settled,
    reason: &str,
) -> Result<()> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 || !storable::text(reason) {
        return Err(StoreError::invalid(
            "reason_invalid",
            "/reason",
            "Say why, in 1 to 500 characters.",
        ));
    }
    let mut transaction = store.pool.begin().await?;
    let row = sqlx::query!(
        "select state, first_run from number where workspace_id = $1 and id = $2 for update",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("number"))?;
    // Asked once the number is held: a retry may have begun while this waited, which draws it again or has it already.
    let is_under_way = sqlx::query_scalar!(
        r#"select exists (select 1 from run where first_run = $1 and finished_at is null) as "under_way!""#,
        row.first_run,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if row.state != "open" {
        return Err(StoreError::conflict(
            "number_settled",
            "This number is not open any more.",
        ));
    }
    if is_under_way {
        return Err(StoreError::conflict(
            "number_under_way",
            "The run of this number is not over yet. Stop it first, or wait for its end.",
        ));
    }
    sqlx::query!(
        "update number set state = $3, reason = $4, settled_at = now(), settled_by = $5 where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        match to {
            Settled::Used => "used",
            Settled::Void => "void",
        },
        reason,
        scope.member().map(MemberId::as_uuid),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// The series' own rule: open numbers of runs that ended long enough ago are void, unless a retry is under way, which may not have come
/// to them yet. Whether one is, is asked once they are held: those that begin later wait.
pub(crate) async fn void_abandoned(store: &Store) -> Result<u64> {
    let mut transaction = store.pool.begin().await?;
    let held = sqlx::query_scalar!(
        "select n.id from number n join series s on s.id = n.series_id join run on run.id = n.run_id
         where s.void_after_days is not null and n.state = 'open' and run.finished_at < now() - make_interval(days => s.void_after_days)
         order by n.id for update of n skip locked"
    )
    .fetch_all(&mut *transaction)
    .await?;
    if held.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query!(
        "update number n set state = 'void', settled_at = now(), reason = 'open for ' || s.void_after_days || ' days'
         from series s
         where n.id = any($1) and s.id = n.series_id
           and not exists (select from run where run.first_run = n.first_run and run.finished_at is null)",
        &held
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(done.rows_affected())
}

fn check(series: &Series) -> Result<()> {
    let mut problems = series.check();
    if series
        .void_after_days
        .is_some_and(|days| !(1..=3650).contains(&days))
    {
        let message = "Between 1 and 3650 days.";
        problems.push(
            engine::check::Problem::error("series_void_after", serde_json::json!({}), message)
                .at("/void_after_days"),
        );
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Problems(problems))
    }
}

fn days(series: &Series) -> Result<Option<i16>> {
    series
        .void_after_days
        .map(i16::try_from)
        .transpose()
        .map_err(|_| StoreError::Damaged("a series waits too long".into()))
}

fn name_taken() -> StoreError {
    StoreError::invalid(
        "series_name_taken",
        "/name",
        "There is a series of this name already.",
    )
}
