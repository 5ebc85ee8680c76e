//! The story of a run as its visitor is told it: steps by their names, files, what was done. No reasons, no values of steps.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    catalogue::Catalogue,
    firm::Firm,
    graph,
    ids::{ArtifactId, RunId},
    node::Family,
    value::{FileRef, Value},
    workflow::Workflow,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use serde_json::{Value as Json, json};
use store::{
    Scope, artifact, delivery, generation, line, link,
    run::{self, RunDetail, StepDetail},
};

use super::{
    files,
    language::Language,
    page::{Frame, Script, page, render},
    uploads::size_text,
};
use crate::{App, error::ApiError};

const PDF: &str = "application/pdf";
/// How a page is kept beside its PDF, for eyes.
const PICTURE: &str = "image/svg+xml";

/// Everything the page of a run is drawn from.
pub(super) struct Story {
    pub(super) scope: Scope,
    pub(super) run: RunDetail,
    workflow: Option<Workflow>,
    firm: Firm,
    steps: Vec<StepDetail>,
    generations: Vec<generation::Generation>,
    /// Files that are kept no longer.
    removed: Vec<ArtifactId>,
    /// When the office had the last delivery; `None` while nothing has reached it.
    delivered_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct StepView {
    name: String,
    state: &'static str,
    text: String,
}

impl Story {
    pub(super) async fn read(app: &App, scope: Scope, id: RunId) -> Result<Self, ApiError> {
        let run = run::get(&app.store, &scope, id).await?;
        let workflow = graph::parse(&run.document).ok();
        // Whoever has the link looks as often as they like.
        let needs =
            |node: &str| family(&app.catalogue, workflow.as_ref(), node) == Some(Family::Made);
        let steps = run::steps_with(&app.store, &scope, id, needs).await?;
        let waits = steps
            .iter()
            .any(|step| step.waits_on.as_deref() == Some("generation"));
        let generations = if waits && run.item.finished_at.is_none() {
            generation::of_run(&app.store, &scope, id).await?
        } else {
            Vec::new()
        };
        let deliveries = if run.item.state == "succeeded" {
            delivery::of_run(&app.store, &scope, id).await?
        } else {
            Vec::new()
        };
        let mut files = Vec::new();
        for output in steps.iter().filter_map(|step| step.output.as_ref()) {
            collect_files(output, &mut files);
        }
        let ids: Vec<ArtifactId> = files.into_iter().map(|file| file.id).collect();
        let removed = artifact::removed(&app.store, &scope, &ids).await?;
        let arrived = deliveries.iter().filter(|delivery| {
            // A mail may have gone to anybody.
            delivery.state == "delivered" && delivery.channel == delivery::Channel::Webhook
        });
        let delivered_at = arrived.filter_map(|delivery| delivery.finished_at).max();
        Ok(Self {
            delivered_at,
            workflow,
            firm: serde_json::from_value(run.firm.clone()).unwrap_or_default(),
            scope,
            run,
            steps,
            generations,
            removed,
        })
    }

    pub(super) fn locale(&self) -> &str {
        self.workflow
            .as_ref()
            .map_or("en", |workflow| &workflow.locale)
    }

    fn zone(&self) -> TimeZone {
        self.workflow
            .as_ref()
            .and_then(|workflow| TimeZone::get(&workflow.time_zone).ok())
            .unwrap_or(TimeZone::UTC)
    }

    fn firm_name(&self) -> &str {
        if self.firm.name.is_empty() {
            &self.run.item.workflow_name
        } else {
            &self.firm.name
        }
    }

    fn family(&self, catalogue: &Catalogue, node: &str) -> Option<Family> {
        family(catalogue, self.workflow.as_ref(), node)
    }

    /// The files that this run made for the visitor, the document first. A file that came in is not one of them.
    pub(super) fn files(&self, catalogue: &Catalogue) -> Vec<FileRef> {
        let mut files = self.made(catalogue);
        files.retain(|file| file.content_type != PICTURE);
        files.sort_by_key(|file| file.content_type != PDF);
        files
    }

    /// The first page of the document as a picture.
    pub(super) fn picture(&self, catalogue: &Catalogue) -> Option<FileRef> {
        let mut files = self.made(catalogue).into_iter();
        files.find(|file| file.content_type == PICTURE)
    }

    /// The last page that was made is the finished one, so it comes first.
    fn made(&self, catalogue: &Catalogue) -> Vec<FileRef> {
        let mut files: Vec<FileRef> = Vec::new();
        for step in self.steps.iter().filter(|step| step.state == "succeeded") {
            if self.family(catalogue, &step.node) == Some(Family::Made) {
                collect_files(step.output.as_ref().unwrap_or(&Json::Null), &mut files);
            }
        }
        files.retain(|file| !self.removed.contains(&file.id));
        files.reverse();
        files
    }

    /// Steps as people planned them; items of a loop are one step.
    fn views(&self, catalogue: &Catalogue, language: Language) -> Vec<StepView> {
        let Some(workflow) = &self.workflow else {
            return Vec::new();
        };
        workflow
            .nodes
            .iter()
            .filter(|node| node.id != self.run.trigger_node && node.parent.is_none())
            .filter(|node| self.family(catalogue, &node.id) != Some(Family::Asked))
            .map(|node| {
                let step = self
                    .steps
                    .iter()
                    .find(|step| step.node == node.id && step.item_path.is_empty());
                let state = step.map_or("pending", |step| state_of(&step.state));
                StepView {
                    name: node.name.clone(),
                    state,
                    text: step.map_or_else(
                        || language.text("step.pending", &json!({})),
                        |step| self.step_text(step, state, language),
                    ),
                }
            })
            // What was not needed on the way to this document says nothing to the visitor.
            .filter(|step| step.state != "skipped")
            .collect()
    }

    fn step_text(&self, step: &StepDetail, state: &str, language: Language) -> String {
        if state == "ready" && step.due_at.is_some_and(|due| due > Timestamp::now()) {
            return language.text("step.retrying", &json!({}));
        }
        if state != "waiting" || step.waits_on.as_deref() != Some("generation") {
            return language.text(&format!("step.{state}"), &json!({}));
        }
        let last = self.generations.iter().rfind(|generation| {
            generation.node == step.node && generation.item_path == step.item_path
        });
        let Some(last) = last else {
            return language.text("step.waiting_model", &json!({}));
        };
        if last.state == "running" {
            return language.text("step.writing", &json!({}));
        }
        let waits = match &last.model {
            Some(model) => language.text("step.waiting_model_named", &json!({"model": model})),
            None => language.text("step.waiting_model", &json!({})),
        };
        match last.place {
            Some(place) if place > 0 => {
                let place = language.text("step.waiting_place", &json!({"place": place + 1}));
                format!("{waits} · {place}")
            }
            _ => waits,
        }
    }

    /// While the run waits in line: how many are ahead.
    fn line(&self, language: Language) -> Option<String> {
        let ahead = self.run.item.line.as_ref()?.ahead;
        let key = match ahead {
            0 => "result.line_next",
            1..line::MOST_COUNTED => "result.line",
            _ => "result.line_many",
        };
        Some(language.text(key, &json!({"ahead": ahead})))
    }

    pub(super) fn progress(
        &self,
        catalogue: &Catalogue,
        language: Language,
    ) -> Result<String, minijinja::Error> {
        let frame = Frame::new(language, &self.firm, "", "", Script::None);
        render(
            "progress.html",
            &frame,
            json!({"line": self.line(language), "steps": self.views(catalogue, language)}),
        )
    }

    pub(super) fn page(
        &self,
        app: &App,
        token: &str,
        language: Language,
        slug: Option<String>,
    ) -> Response {
        let item = &self.run.item;
        let zone = self.zone();
        let locale = language.locale(self.locale());
        let logo = self
            .firm
            .logo
            .as_ref()
            .and_then(|file| files::logo_path(app, file, Timestamp::now()));
        let path = format!("/r/{token}");
        let frame = Frame::new(
            language,
            &self.firm,
            &item.workflow_name,
            &path,
            Script::Result,
        )
        .logo(logo);
        let text = |key: &str, params: Json| language.text(key, &params);
        let until = date_text(link::closes_at(item.id), &zone, locale);
        let files = self.files(&app.catalogue);
        let (state, title, lines) = match item.state.as_str() {
            "succeeded" if files.is_empty() => {
                let line = text("result.done_text", json!({"firm": self.firm_name()}));
                ("ready", text("result.done", json!({})), vec![line])
            }
            "succeeded" => {
                let line = (!item.title.is_empty())
                    .then(|| text("result.for", json!({"title": item.title})));
                (
                    "ready",
                    text("result.ready", json!({})),
                    line.into_iter().collect(),
                )
            }
            "failed" => (
                "failed",
                text("result.failed", json!({})),
                vec![text("result.failed_text", json!({}))],
            ),
            "cancelled" => {
                let line = text("result.stopped_text", json!({"firm": self.firm_name()}));
                ("failed", text("result.stopped", json!({})), vec![line])
            }
            _ => (
                "working",
                text("result.working", json!({})),
                vec![text("result.close", json!({"date": until}))],
            ),
        };
        let shown: Vec<Json> = if state == "ready" {
            let file = |file: &FileRef| {
                json!({
                    "name": file.name, "pdf": file.content_type == PDF,
                    "open": format!("{path}/document?file={}", file.id),
                    "download": format!("{path}/document?download=1&file={}", file.id),
                    "download_text": text("result.download_file", json!({"name": file.name})),
                })
            };
            files.iter().map(file).collect()
        } else {
            Vec::new()
        };
        let picture = files
            .first()
            .filter(|file| state == "ready" && file.content_type == PDF)
            .zip(self.picture(&app.catalogue))
            .map(|(file, picture)| {
                let name = json!({"name": file.name});
                json!({
                    "url": format!("{path}/document?file={}", picture.id), "alt": text("result.picture", name.clone()),
                    "open_text": text("result.open", name), "meta": size_text(file.size_bytes),
                })
            });
        let content = json!({
            "state": state, "title": title, "lines": lines, "files": shown,
            "line": self.line(language), "steps": self.views(&app.catalogue, language),
            "done": self.done(language, &zone, locale),
            "until": text("result.open_until", json!({"date": until})),
            "another": slug.map(|slug| format!("/f/{slug}")),
            "another_text": text("result.another", json!({"workflow": item.workflow_name})), "picture": picture,
            "reference": (state == "failed").then(|| text("notice.reference", json!({"reference": reference(item.id)}))),
            "events": format!("{path}/events?lang={}", language.tag()), "path": path,
        });
        page(StatusCode::OK, "result.html", &frame, content)
    }

    /// What happened, in at most three lines.
    fn done(&self, language: Language, zone: &TimeZone, locale: &str) -> Vec<Json> {
        let item = &self.run.item;
        let at = |instant: Timestamp| moment_text(instant, zone, locale);
        let mut lines = vec![
            json!({"title": language.text("result.received", &json!({})), "text": at(item.created_at)}),
        ];
        let (Some(finished), "succeeded") = (item.finished_at, item.state.as_str()) else {
            return lines;
        };
        let count = self
            .steps
            .iter()
            .filter(|step| step.state == "succeeded" && step.node != self.run.trigger_node)
            .count();
        let tenths = finished.duration_since(item.created_at).as_millis().max(0) / 100;
        let seconds = format!("{}.{}", tenths / 10, tenths % 10);
        lines.push(json!({
            "title": language.text("result.made", &json!({"count": count})),
            "text": language.text("result.took", &json!({"seconds": seconds})),
        }));
        if let Some(delivered) = self.delivered_at {
            lines.push(json!({
                "title": language.text("result.sent", &json!({"firm": self.firm_name()})),
                "text": at(delivered),
            }));
        }
        lines
    }

    pub(super) fn json(&self, app: &App, token: &str) -> Response {
        let item = &self.run.item;
        let documents: Vec<Json> = if item.state == "succeeded" {
            self.files(&app.catalogue)
                .iter()
                .map(|file| {
                    let path = format!("/r/{token}/document?download=1&file={}", file.id);
                    json!({"name": file.name, "content_type": file.content_type, "size_bytes": file.size_bytes,
                           "url": app.config.absolute(&path)})
                })
                .collect()
        } else {
            Vec::new()
        };
        let body = json!({
            "run_id": item.id, "state": item.state, "finished": item.finished_at.is_some(), "documents": documents,
        });
        ([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
    }
}

fn state_of(state: &str) -> &'static str {
    match state {
        "ready" | "retryable" => "ready",
        "running" => "running",
        "waiting" => "waiting",
        "succeeded" => "succeeded",
        "skipped" => "skipped",
        "failed" => "failed",
        "cancelled" => "cancelled",
        _ => "pending",
    }
}

fn family(catalogue: &Catalogue, workflow: Option<&Workflow>, node: &str) -> Option<Family> {
    let node = workflow?.nodes.iter().find(|known| known.id == node)?;
    Some(
        catalogue
            .get(&node.node_type, node.version)?
            .description
            .family,
    )
}

fn collect_files(output: &Json, files: &mut Vec<FileRef>) {
    if let Ok(file) = serde_json::from_value::<FileRef>(output.clone()) {
        if !files.iter().any(|known| known.id == file.id) {
            files.push(file);
        }
        return;
    }
    match output {
        Json::Array(items) => items.iter().for_each(|item| collect_files(item, files)),
        Json::Object(fields) => fields
            .values()
            .for_each(|field| collect_files(field, files)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// What people read to the office on the telephone: the end of the id, which differs between runs of one moment.
fn reference(run: RunId) -> String {
    let digits = run.as_uuid().simple().to_string().to_uppercase();
    format!("{}-{}", &digits[24..28], &digits[28..])
}

/// `7 April 2027`.
pub(super) fn date_text(at: Timestamp, zone: &TimeZone, locale: &str) -> String {
    super::view::display(&Value::Date(at.to_zoned(zone.clone()).date()), locale)
}

/// `8 March 2027, 14:02`.
pub(super) fn moment_text(at: Timestamp, zone: &TimeZone, locale: &str) -> String {
    let local = at.to_zoned(zone.clone());
    format!(
        "{}, {:02}:{:02}",
        date_text(at, zone, locale),
        local.hour(),
        local.minute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_wherever_an_output_holds_them() {
        let file = json!({"id": "0190b3a0-0000-7000-8000-000000000001", "name": "a.pdf", "content_type": "application/pdf", "size_bytes": 5});
        let mut files = Vec::new();
        collect_files(
            &json!({"file": file, "pages": 1, "all": [file]}),
            &mut files,
        );
        assert_eq!(files.len(), 1);
        collect_files(&json!({"id": "x", "name": "no file"}), &mut files);
        assert_eq!(files.len(), 1);
    }
}
