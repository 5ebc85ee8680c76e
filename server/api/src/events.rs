//! `GET /api/events?topics=`: changes of the caller's workspace as they happen. A reader that is too slow is told to read again
//! instead of being queued for; whoever begins to watch a run gets what its models have written so far.

use std::{collections::HashSet, collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderMap, Method, StatusCode},
    response::sse::{Event, KeepAlive, KeepAliveStream, Sse},
};
use engine::ids::RunId;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use store::{Scope, generation};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    App,
    auth::{self, Caller},
    error::ApiError,
    serve::Stopping,
};

/// Topics of one stream; a browser's tabs share one.
const MAX_TOPICS: usize = 100;
/// Proxies close connections that say nothing.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often an open stream asks whether its caller may still listen.
const RECHECK: Duration = Duration::from_secs(10);
/// Longest text of a topic.
const MAX_TOPIC_CHARS: usize = 80;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// Separated by commas: `run:<id>`, `runs`, `workflow:<id>`, `models`, `deliveries`, `tables`, `table:<id>`.
    #[serde(default)]
    topics: String,
}

/// The stream: `event: change` with `{topic, kind, …}`; `event: gap` says that some were missed.
pub(crate) async fn serve(
    State(app): State<App>,
    caller: Caller,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Sse<KeepAliveStream<impl Stream<Item = Result<Event, Infallible>>>>, ApiError> {
    let topics = parse(&wanted.topics)?;
    // Listening begins before the look at what is there, so that nothing falls between the two.
    let changes = app.store.events.subscribe();
    let mut first = VecDeque::new();
    for run in topics
        .iter()
        .filter_map(|topic| topic.strip_prefix("run:")?.parse::<RunId>().ok())
    {
        first.extend(written(&app, &caller.scope, run).await?);
    }
    let reader = Reader {
        changes,
        first,
        topics,
        scope: caller.scope,
    };
    let events = stream::unfold(reader, |mut reader| async move {
        let data = reader.next().await?;
        let name = if data["kind"] == "gap" {
            "gap"
        } else {
            "change"
        };
        Some((
            Ok(Event::default().event(name).data(data.to_string())),
            reader,
        ))
    });
    let events = events.take_until(refused(app, headers));
    Ok(Sse::new(until_stop(events, stopping)).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// Returns when the caller's proof no longer holds: who signs out, is removed or loses a key hears nothing more.
async fn refused(app: App, headers: HeaderMap) {
    loop {
        tokio::time::sleep(RECHECK).await;
        if let Err(error) = auth::identify(&app, &Method::GET, &headers).await
            && error.status() == StatusCode::UNAUTHORIZED
        {
            return;
        }
    }
}

/// Ends a stream when the server stops; it would never end by itself and hold the server up.
pub(crate) fn until_stop<S: Stream>(
    events: S,
    stopping: Option<Extension<Stopping>>,
) -> impl Stream<Item = S::Item> {
    events.take_until(async move {
        match stopping {
            Some(Extension(stopping)) => stopping.stopped().await,
            None => std::future::pending().await,
        }
    })
}

struct Reader {
    changes: Receiver<store::events::Event>,
    first: VecDeque<Json>,
    topics: HashSet<String>,
    scope: Scope,
}

impl Reader {
    async fn next(&mut self) -> Option<Json> {
        if let Some(data) = self.first.pop_front() {
            return Some(data);
        }
        loop {
            match self.changes.recv().await {
                Ok(change) if is_for(&change, &self.topics, &self.scope) => {
                    return Some(data_of(change.topic, &change.kind, change.data));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(json!({"topic": "*", "kind": "gap"})),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Models belong to the installation; everything else to one workspace.
fn is_for(change: &store::events::Event, topics: &HashSet<String>, scope: &Scope) -> bool {
    topics.contains(&change.topic)
        && (change.topic == "models" || change.workspace == scope.workspace())
}

fn data_of(topic: String, kind: &str, data: Json) -> Json {
    let mut merged = match data {
        Json::Object(fields) => Json::Object(fields),
        Json::Null => json!({}),
        other => json!({"data": other}),
    };
    merged["topic"] = Json::String(topic);
    merged["kind"] = Json::from(kind);
    merged
}

/// The text that this run's models have written so far, in the form of the events that carried it.
async fn written(app: &App, scope: &Scope, run: RunId) -> Result<Vec<Json>, ApiError> {
    let mut events = Vec::new();
    for one in generation::of_run(&app.store, scope, run).await? {
        if one.state != "running" {
            continue;
        }
        for chunk in generation::chunks_after(&app.store, scope, one.id, 0, -1).await? {
            let data = json!({
                "node": one.node, "item_path": one.item_path, "generation": one.id,
                "fence": chunk.fence, "seq": chunk.seq, "text": chunk.text,
            });
            events.push(data_of(format!("run:{run}"), "generation.text", data));
        }
    }
    Ok(events)
}

fn parse(text: &str) -> Result<HashSet<String>, ApiError> {
    let topics: HashSet<String> = text
        .split(',')
        .map(str::trim)
        .filter(|topic| !topic.is_empty())
        .map(str::to_owned)
        .collect();
    let known = |topic: &String| {
        matches!(
            topic.as_str(),
            "approvals" | "batches" | "runs" | "models" | "deliveries" | "workflows" | "tables"
        ) || topic
            .strip_prefix("run:")
            .is_some_and(|id| id.parse::<RunId>().is_ok())
            || ["workflow:", "document:", "table:"].iter().any(|noun| {
                topic
                    .strip_prefix(noun)
                    .is_some_and(|id| id.parse::<RunId>().is_ok())
            })
    };
    if topics.len() > MAX_TOPICS {
        return Err(ApiError::bad_request(
            "too_many_topics",
            format!("A stream has at most {MAX_TOPICS} topics."),
        ));
    }
    if let Some(unknown) = topics.iter().find(|topic| !known(topic)) {
        let shown: String = unknown.chars().take(MAX_TOPIC_CHARS).collect();
        return Err(ApiError::bad_request(
            "unknown_topic",
            format!("There is no topic \"{shown}\"."),
        ));
    }
    Ok(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_known_and_few() {
        assert_eq!(parse("runs, models,,runs").unwrap().len(), 2);
        assert!(parse("run:0190b3a0-0000-7000-8000-000000000001").is_ok());
        assert!(parse("run:1").is_err());
        assert!(parse("secrets").is_err());
        let many: Vec<String> = (0..=MAX_TOPICS)
            .map(|n| format!("run:0190b3a0-0000-7000-8000-{n:012}"))
            .collect();
        assert!(parse(&many.join(",")).is_err());
    }

    #[test]
    fn data_is_one_object() {
        let data = data_of("runs".into(), "run.changed", json!({"id": 1}));
        assert_eq!(
            data,
            json!({"id": 1, "topic": "runs", "kind": "run.changed"})
        );
        assert_eq!(
            data_of("runs".into(), "x", Json::Null),
            json!({"topic": "runs", "kind": "x"})
        );
    }
}
