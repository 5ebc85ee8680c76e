//! What a trigger is given to begin with: read as its form, its fields or its moment say.

use std::collections::HashMap;

use engine::{
    check::Problem,
    firm::Firm,
    form::{Setting, Source},
    ids::ArtifactId,
    kind::Kind,
    node::Trigger,
    schedule::{self, Calendar},
    value::{FileRef, Record, record_to_json},
    workflow::Workflow,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::StoreError;
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    public::run_title,
    workflow_document::{choices, triggers},
};

/// Files that one input may name.
const MAX_FILES: usize = 50;

/// A trigger's checked input.
pub(super) struct Input {
    pub(super) node: String,
    /// As it is stored with the run.
    pub(super) json: Value,
    /// What the run is called unless somebody says otherwise.
    pub(super) title: String,
}

/// Checks what the trigger takes; every problem is told.
pub(super) async fn read_input(
    app: &App,
    caller: &Caller,
    workflow: &Workflow,
    node: Option<&str>,
    input: &Value,
) -> Result<Input> {
    let triggers = triggers(&app.catalogue, &workflow.nodes);
    let found = match node {
        Some(node) => triggers.into_iter().find(|(id, _)| id == node),
        None if triggers.len() > 1 => {
            return Err(ApiError::invalid(
                "trigger_missing",
                "/trigger",
                "This workflow can begin at several steps. Name one.",
            ));
        }
        None => triggers.into_iter().next(),
    };
    let Some((node, trigger)) = found else {
        return Err(ApiError::invalid(
            "trigger_unknown",
            "/trigger",
            "This workflow has no such step to begin with.",
        ));
    };
    let checked = match trigger {
        Trigger::Form(form) => {
            let firm = store::firm::get(&app.store, &caller.scope).await?;
            let form = choices(&app.store, &caller.scope, &form).await?;
            let files = named_files(app, caller, input).await?;
            let constants = constants(&firm, &workflow.time_zone);
            let setting = Setting {
                source: Source::Program,
                locale: &workflow.locale,
                time_zone: &workflow.time_zone,
                currency: &workflow.currency,
                constants: &constants,
                files: &|id| files.get(id).cloned(),
            };
            form.submit(input, &setting)
                .map(|record| (record_to_json(&record), run_title(&form, &record)))
        }
        Trigger::Webhook(webhook) => {
            let kind = Kind::Record {
                fields: webhook.fields,
            };
            of_kind(input, &kind).map(|json| (json, workflow.name.clone()))
        }
        Trigger::Call(fields) => {
            of_kind(input, &Kind::Record { fields }).map(|json| (json, workflow.name.clone()))
        }
        // Begun by a person, or without a moment of its own: the moment is now.
        Trigger::Schedule(_) if scheduled_for_nothing(input) => {
            let calendar = Calendar::of(&workflow.time_zone, Vec::new());
            let json = schedule::input(&calendar, Timestamp::now(), None);
            Ok((json, workflow.name.clone()))
        }
        Trigger::Schedule(_) => {
            of_kind(input, &schedule::input_kind()).map(|json| (json, workflow.name.clone()))
        }
    };
    let (json, title) = checked.map_err(|problems: Vec<Problem>| {
        let problems = problems
            .into_iter()
            .map(|problem| problem.under("/input"))
            .collect();
        ApiError::from_problems("The input does not fit.", problems)
    })?;
    Ok(Input { node, json, title })
}

/// The input as it is stored, if it is of this kind.
fn of_kind(input: &Value, kind: &Kind) -> std::result::Result<Value, Vec<Problem>> {
    engine::value::Value::from_json(input, kind)
        .map(|value| value.to_json())
        .map_err(|mismatches| {
            mismatches
                .into_iter()
                .map(|mismatch| {
                    Problem::error("value_kind", json!({}), mismatch.to_string())
                        .at(mismatch.pointer)
                })
                .collect()
        })
}

fn scheduled_for_nothing(input: &Value) -> bool {
    input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Files of this workspace whose ids stand in the input.
async fn named_files(
    app: &App,
    caller: &Caller,
    input: &Value,
) -> Result<HashMap<String, FileRef>> {
    let mut ids = Vec::new();
    collect_ids(input, &mut ids);
    let mut files = HashMap::new();
    for (text, id) in ids.into_iter().take(MAX_FILES) {
        match store::artifact::get(&app.store, &caller.scope, ArtifactId(id)).await {
            Ok(artifact) => {
                files.insert(text, artifact.file);
            }
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

fn collect_ids(json: &Value, ids: &mut Vec<(String, Uuid)>) {
    match json {
        Value::String(text) => {
            if text.len() == 36
                && let Ok(id) = text.parse()
            {
                ids.push((text.clone(), id));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|value| collect_ids(value, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What computed fields of a form may read besides the answers.
pub(in crate::routes) fn constants(firm: &Firm, time_zone: &str) -> Record {
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let now = Timestamp::now();
    Record::from([
        ("firm".to_owned(), firm.to_value()),
        ("now".to_owned(), engine::value::Value::Instant(now)),
        (
            "today".to_owned(),
            engine::value::Value::Date(now.to_zoned(zone).date()),
        ),
    ])
}
