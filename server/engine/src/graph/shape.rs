//! What can be said of a document without knowing its node types: its shape, names and limits.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::{MAX_EDGES, MAX_NODES};
use crate::{
    check::Problem,
    kind::{MAX_NAME, is_name, is_node_id},
    schema,
    value::{escape_pointer, is_currency},
    workflow::{FORMAT, Node, Workflow},
};

/// Longest limit until a step begins or ends: the longest that one waits.
const MAX_LIMIT_MS: u64 = 731 * 24 * 60 * 60 * 1000;

pub(super) fn check_head(workflow: &Workflow, problems: &mut Vec<Problem>) -> TimeZone {
    if workflow.format != FORMAT {
        problems.push(
            Problem::error(
                "unknown_format",
                json!({"format": workflow.format, "known": FORMAT}),
                format!(
                    "This build reads \u{201c}{FORMAT}\u{201d}, not \u{201c}{}\u{201d}.",
                    workflow.format
                ),
            )
            .at("/format"),
        );
    }
    let name = workflow.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        problems.push(
            Problem::error(
                "bad_workflow_name",
                json!({"most": 200}),
                "Give the workflow a name of at most 200 characters.",
            )
            .at("/name"),
        );
    }
    if !is_currency(&workflow.currency) {
        problems.push(
            Problem::error(
                "unknown_currency",
                json!({"currency": workflow.currency}),
                format!(
                    "\u{201c}{}\u{201d} is not a currency. Write three capital letters such as EUR.",
                    workflow.currency
                ),
            )
            .at("/currency"),
        );
    }
    if !is_locale(&workflow.locale) {
        problems.push(
            Problem::error(
                "unknown_locale",
                json!({"locale": workflow.locale}),
                format!(
                    "\u{201c}{}\u{201d} is not a language. Write a tag such as en, de or zh-CN.",
                    workflow.locale
                ),
            )
            .at("/locale"),
        );
    }
    TimeZone::get(&workflow.time_zone).unwrap_or_else(|_| {
        problems.push(
            Problem::error(
                "unknown_time_zone",
                json!({"time_zone": workflow.time_zone}),
                format!(
                    "\u{201c}{}\u{201d} is not a time zone. Write one such as Europe/Berlin.",
                    workflow.time_zone
                ),
            )
            .at("/time_zone"),
        );
        TimeZone::UTC
    })
}

/// The shape of a BCP 47 tag: a language of two or three letters, then parts of one to eight letters or digits.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && tag.len() <= 35
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

pub(super) fn check_limits(workflow: &Workflow, problems: &mut Vec<Problem>) -> bool {
    let mut within = true;
    for (count, most, code, pointer, what) in [
        (
            workflow.nodes.len(),
            MAX_NODES,
            "too_many_nodes",
            "/nodes",
            "steps",
        ),
        (
            workflow.edges.len(),
            MAX_EDGES,
            "too_many_edges",
            "/edges",
            "connections",
        ),
    ] {
        if count > most {
            within = false;
            problems.push(
                Problem::error(
                    code,
                    json!({"count": count, "most": most}),
                    format!("A workflow has at most {most} {what}; this one has {count}."),
                )
                .at(pointer),
            );
        }
    }
    within
}

pub(super) fn check_node(
    node: &Node,
    pointer: &str,
    seen: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> bool {
    let before = problems.len();
    let mut add = |code: &str, params: Json, message: String, field: &str| {
        problems.push(
            Problem::error(code, params, message)
                .at(format!("{pointer}/{field}"))
                .of(&node.id),
        );
    };
    if is_name(&node.id) && !is_node_id(&node.id) {
        add(
            "reserved_id",
            json!({"id": node.id}),
            format!(
                "\u{201c}{}\u{201d} has a meaning of its own. Choose another id.",
                node.id
            ),
            "id",
        );
    } else if !is_node_id(&node.id) {
        add(
            "bad_id",
            json!({"id": node.id, "most": MAX_NAME}),
            "An id has small letters, digits and _, begins with a letter and has at most 64 characters.".into(),
            "id",
        );
    }
    if !seen.insert(node.id.clone()) {
        add(
            "duplicate_id",
            json!({"id": node.id}),
            format!("Two steps have the id \u{201c}{}\u{201d}.", node.id),
            "id",
        );
    }
    if let Some(retry) = &node.retry
        && !((1..=20).contains(&retry.max_attempts)
            && (1..=10).contains(&retry.factor)
            && retry.first_ms <= retry.max_ms
            && retry.max_ms <= 86_400_000)
    {
        add(
            "bad_retry",
            json!({}),
            "Tries lie between 1 and 20, the factor between 1 and 10, and pauses grow to at most a day.".into(),
            "retry",
        );
    }
    if let Some(timeout) = node.timeout_ms
        && !(100..=3_600_000).contains(&timeout)
    {
        add(
            "bad_timeout",
            json!({"least": 100, "most": 3_600_000}),
            "A time limit lies between 0.1 second and an hour.".into(),
            "timeout_ms",
        );
    }
    let limits = node.limits.unwrap_or_default();
    for (name, limit) in [
        ("start_ms", limits.start_ms),
        ("total_ms", limits.total_ms),
        ("heartbeat_ms", limits.heartbeat_ms),
    ] {
        if limit.is_some_and(|limit| !(1_000..=MAX_LIMIT_MS).contains(&limit)) {
            add(
                "bad_limit",
                json!({"least": 1_000, "most": MAX_LIMIT_MS}),
                "A limit until a step begins, ends or gives a sign of progress lies between a second and 731 days.".into(),
                &format!("limits/{name}"),
            );
        }
    }
    if node.name.chars().count() > 200 {
        add(
            "long_name",
            json!({"most": 200}),
            "A step's name has at most 200 characters.".into(),
            "name",
        );
    }
    problems.len() == before
}

/// Reads a workflow document: every problem of its shape, with pointers, before serde has its say.
pub fn parse(json: &Json) -> Result<Workflow, Vec<Problem>> {
    let schema = schemars::schema_for!(Workflow).to_value();
    let problems = schema::problems(&schema, json);
    if !problems.is_empty() {
        return Err(problems);
    }
    let parsed: Result<Workflow, _> = serde_json::from_value(json.clone());
    let workflow = parsed.map_err(|error| {
        vec![Problem::error(
            "workflow_invalid",
            json!({"reason": error.to_string()}),
            format!("The workflow cannot be read: {error}."),
        )]
    })?;
    match find_nul(json, &mut String::new()) {
        None => Ok(workflow),
        Some(pointer) => Err(vec![
            Problem::error(
                "bad_text",
                json!({}),
                "A text holds a NUL character, which cannot be stored.",
            )
            .at(pointer),
        ]),
    }
}

fn find_nul(json: &Json, pointer: &mut String) -> Option<String> {
    let length = pointer.len();
    match json {
        Json::String(text) => text.contains('\0').then(|| pointer.clone()),
        Json::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            pointer.truncate(length);
            pointer.push('/');
            pointer.push_str(&index.to_string());
            find_nul(item, pointer)
        }),
        Json::Object(object) => object.iter().find_map(|(name, item)| {
            pointer.truncate(length);
            if name.contains('\0') {
                return Some(pointer.clone());
            }
            pointer.push('/');
            pointer.push_str(&escape_pointer(name));
            find_nul(item, pointer)
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}
