//! What this installation knows of each model: where its file is, whether a process holds it, how fast it is. The table is shared
//! by all workspaces; files and processes are not kept here.

use engine::node::StepError;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::types::Json as SqlJson;

use crate::{Result, Store};

/// A model's process that was not seen for this long counts as gone.
pub const SEEN_WITHIN_MS: i64 = 30_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Missing,
    Downloading,
    Loading,
    Ready,
    Failed,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Downloading => "downloading",
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Self {
        match name {
            "downloading" => Self::Downloading,
            "loading" => Self::Loading,
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            _ => Self::Missing,
        }
    }
}

/// What a model is, before anything happened to it.
#[derive(Clone, Debug)]
pub struct About<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub file: &'a str,
    pub sha256: Option<&'a str>,
    pub size_bytes: u64,
    pub licence: &'a str,
}

/// A download as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done_bytes: u64,
    pub bytes_per_second: Option<u64>,
    pub seconds_left: Option<u64>,
}

/// What was measured when the model was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    pub tokens_per_second: f64,
    pub memory_bytes: u64,
    pub context_tokens: u32,
}

/// A model as `GET /api/models` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Model {
    pub name: String,
    pub title: String,
    pub file: String,
    pub sha256: Option<String>,
    pub licence: String,
    pub state: State,
    pub size_bytes: i64,
    pub done_bytes: i64,
    pub bytes_per_second: Option<i64>,
    pub seconds_left: Option<i64>,
    pub error: Option<StepError>,
    pub tokens_per_second: Option<f64>,
    pub memory_bytes: Option<i64>,
    pub context_tokens: Option<i32>,
    #[serde(skip)]
    pub changed_at: Timestamp,
}

/// Makes the model known, or brings its unchanging facts up to date.
pub async fn describe(store: &Store, about: &About<'_>) -> Result<()> {
    sqlx::query!(
        "insert into model (name, title, file, sha256, size_bytes, licence, state) values ($1, $2, $3, $4, $5, $6, 'missing')
         on conflict (name) do update set title = excluded.title, file = excluded.file, sha256 = excluded.sha256,
             size_bytes = excluded.size_bytes, licence = excluded.licence",
        about.name,
        about.title,
        about.file,
        about.sha256,
        big(about.size_bytes),
        about.licence,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Sets the state; `error` says what happened, why, and what to do.
pub async fn set_state(
    store: &Store,
    name: &str,
    state: State,
    error: Option<&StepError>,
) -> Result<()> {
    sqlx::query!(
        "update model set state = $2, error = $3, bytes_per_second = null, seconds_left = null, changed_at = now()
         where name = $1",
        name,
        state.name(),
        error.map(SqlJson) as _,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// A download goes on; told about once a second.
pub async fn set_progress(store: &Store, name: &str, progress: Progress) -> Result<()> {
    sqlx::query!(
        "update model set state = 'downloading', error = null, done_bytes = $2, bytes_per_second = $3, seconds_left = $4,
                changed_at = now()
         where name = $1",
        name,
        big(progress.done_bytes),
        progress.bytes_per_second.map(big),
        progress.seconds_left.map(big),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The model answers from now on.
pub async fn set_ready(store: &Store, name: &str, measured: Measured) -> Result<()> {
    sqlx::query!(
        "update model set state = 'ready', error = null, done_bytes = size_bytes, bytes_per_second = null, seconds_left = null,
                tokens_per_second = $2, memory_bytes = $3, context_tokens = $4, changed_at = now()
         where name = $1",
        name,
        measured.tokens_per_second,
        big(measured.memory_bytes),
        i32::try_from(measured.context_tokens).unwrap_or(i32::MAX),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Every model, with the state that is true now: one whose process is gone is not ready, a download that stands still is missing.
pub async fn list(store: &Store) -> Result<Vec<Model>> {
    let rows = sqlx::query!(
        r#"select name, title, file, sha256, licence, state, size_bytes, done_bytes, bytes_per_second, seconds_left,
                  error as "error: SqlJson<StepError>", tokens_per_second, memory_bytes, context_tokens, changed_at as "changed_at: jiff_sqlx::Timestamp",
                  (changed_at < now() - $1::bigint * interval '1 millisecond') as "old!",
                  exists (select 1 from worker where kind = 'model' and info ->> 'model' = model.name
                          and seen_at > now() - $1::bigint * interval '1 millisecond') as "held!"
           from model order by name"#,
        SEEN_WITHIN_MS,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let error = row.error.map(|SqlJson(error)| error);
            let (state, error) = truth(State::parse(&row.state), error, row.held, row.old);
            Model {
                name: row.name,
                title: row.title,
                file: row.file,
                sha256: row.sha256,
                licence: row.licence,
                state,
                size_bytes: row.size_bytes,
                done_bytes: row.done_bytes,
                bytes_per_second: row.bytes_per_second,
                seconds_left: row.seconds_left,
                error,
                tokens_per_second: row.tokens_per_second,
                memory_bytes: row.memory_bytes,
                context_tokens: row.context_tokens,
                changed_at: row.changed_at.to_jiff(),
            }
        })
        .collect())
}

fn truth(
    state: State,
    error: Option<StepError>,
    held: bool,
    old: bool,
) -> (State, Option<StepError>) {
    match state {
        State::Ready | State::Loading if !held => (
            State::Failed,
            Some(StepError::new(
                "model_not_running",
                "The model's process is not running. Formwork starts it again by itself; if this stays, see the server's log.",
            )),
        ),
        State::Downloading if old => (
            State::Missing,
            Some(StepError::new(
                "model_download_stopped",
                "The download stopped. It goes on where it was when the model's process runs again.",
            )),
        ),
        State::Missing | State::Downloading | State::Loading | State::Ready | State::Failed => {
            (state, error)
        }
    }
}

fn big(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_ready_only_while_a_process_holds_it() {
        let check = |state, held, old, expected| {
            assert_eq!(
                truth(state, None, held, old).0,
                expected,
                "{state:?} {held} {old}"
            );
        };
        check(State::Ready, true, true, State::Ready);
        check(State::Ready, false, true, State::Failed);
        check(State::Loading, false, false, State::Failed);
        check(State::Downloading, false, false, State::Downloading);
        check(State::Downloading, false, true, State::Missing);
        check(State::Missing, false, true, State::Missing);
        check(State::Failed, true, false, State::Failed);
    }
}
