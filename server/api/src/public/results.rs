//! `/r/{token}`: what became of a submission: named steps while it runs, then the document. Nothing internal is ever shown: no
//! reasons of failures, no values of steps.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use engine::ids::{ArtifactId, RunId};
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;
use store::{
    Scope,
    link::{self, RunLink},
};
use tokio::sync::broadcast::error::RecvError;

use super::{files, language::Language, story::Story, visit::missing};
use crate::{App, error::ApiError, serve::Stopping};

/// What is not told is asked for; the truth is in the database.
const POLL: Duration = Duration::from_secs(2);
/// A stream ends after this long; the browser opens the next one.
const LONGEST_STREAM: Duration = Duration::from_mins(10);

#[derive(Deserialize)]
pub(crate) struct Choice {
    lang: Option<String>,
}
/// `GET /r/{token}`; JSON for programs that ask for it.
pub(crate) async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Response {
    let early = Language::choose(choice.lang.as_deref(), &headers, "en");
    let story = match open(&app, &token, early).await {
        Ok(story) => story,
        Err(answer) => return *answer,
    };
    let language = Language::choose(choice.lang.as_deref(), &headers, story.locale());
    if wants_json(&headers) {
        return story.json(&app, &token);
    }
    // Who came through a form may want to fill in another one.
    let slug = if story.run.item.source == "form" {
        link::form_slug(&app.store, &story.scope, story.run.item.workflow)
            .await
            .ok()
            .flatten()
    } else {
        None
    };
    story.page(&app, &token, language, slug)
}

/// `GET /r/{token}/document?download=1`: to the file itself, by a link that ends soon.
pub(crate) async fn document(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let language = Language::choose(None, &headers, "en");
    let story = match open(&app, &token, language).await {
        Ok(story) => story,
        Err(answer) => return *answer,
    };
    let wanted = query
        .get("file")
        .and_then(|id| id.parse::<ArtifactId>().ok());
    let mut files = story.files(&app.catalogue);
    let file = match wanted {
        Some(id) => {
            files.extend(story.picture(&app.catalogue));
            files.into_iter().find(|file| file.id == id)
        }
        None => files.into_iter().next(),
    };
    let Some(file) = file else {
        return missing(language);
    };
    match files::short_path(&app, file.id, !query.contains_key("download")) {
        Ok(path) => ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&path)).into_response(),
        Err(error) => error.into_response(),
    }
}

/// `GET /r/{token}/events`: the progress as HTML, whenever it changes; `done` when there is nothing more to wait for.
pub(crate) async fn events(
    State(app): State<App>,
    Path(token): Path<String>,
    Query(choice): Query<Choice>,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
) -> Response {
    let early = Language::choose(choice.lang.as_deref(), &headers, "en");
    let story = match open(&app, &token, early).await {
        Ok(story) => story,
        Err(answer) => return *answer,
    };
    let language = Language::choose(choice.lang.as_deref(), &headers, story.locale());
    let watch = Watch {
        topic: format!("run:{}", story.run.item.id),
        changes: app.store.events.subscribe(),
        scope: story.scope,
        run: story.run.item.id,
        app,
        language,
        shown: String::new(),
        over: false,
        until: tokio::time::Instant::now() + LONGEST_STREAM,
    };
    let updates = stream::unfold(watch, |mut watch| async move {
        watch
            .next()
            .await
            .map(|event| (Ok::<_, Infallible>(event), watch))
    });
    Sse::new(crate::events::until_stop(updates, stopping))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response()
}

struct Watch {
    app: App,
    topic: String,
    changes: tokio::sync::broadcast::Receiver<store::events::Event>,
    scope: Scope,
    run: RunId,
    language: Language,
    shown: String,
    over: bool,
    until: tokio::time::Instant,
}

impl Watch {
    /// The next update; nothing is queued for a slow reader, who gets the newest state when it reads again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.over || tokio::time::Instant::now() >= self.until {
                return None;
            }
            let story = Story::read(&self.app, self.scope, self.run).await.ok()?;
            if story.run.item.finished_at.is_some() {
                self.over = true;
                return Some(Event::default().event("done").data("done"));
            }
            let html = story.progress(&self.app.catalogue, self.language).ok()?;
            if html != self.shown {
                self.shown.clone_from(&html);
                return Some(
                    Event::default()
                        .event("progress")
                        .data(html.replace(['\n', '\r'], " ")),
                );
            }
            self.changed().await;
        }
    }

    /// Waits until something about the run may have changed.
    async fn changed(&mut self) {
        let poll = tokio::time::sleep(POLL);
        tokio::pin!(poll);
        loop {
            tokio::select! {
                () = &mut poll => return,
                change = self.changes.recv() => match change {
                    Ok(change) if change.topic == self.topic && change.kind != "generation.text" => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return,
                    Err(RecvError::Closed) => { (&mut poll).await; return; }
                },
            }
        }
    }
}

async fn open(app: &App, token: &str, language: Language) -> Result<Story, Box<Response>> {
    let lost = |error: ApiError| {
        if error.status() == StatusCode::NOT_FOUND {
            missing(language)
        } else {
            error.into_response()
        }
    };
    let (scope, run) = match link::open_run(&app.store, token, Timestamp::now()).await {
        Ok(RunLink::Open(scope, run)) => (scope, run),
        Ok(RunLink::Closed { closed_at }) => {
            return Err(Box::new(files::gone(language, closed_at)));
        }
        Err(error) => return Err(Box::new(lost(error.into()))),
    };
    Story::read(app, scope, run)
        .await
        .map_err(|error| Box::new(lost(error)))
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_ask_for_json() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT,
            "text/html,application/json;q=0.9".parse().unwrap(),
        );
        assert!(!wants_json(&headers));
        headers.insert(header::ACCEPT, "application/json".parse().unwrap());
        assert!(wants_json(&headers));
    }
}
