//! Workflow documents, written short.

use serde_json::{Value as Json, json};

pub(crate) fn node(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

pub(crate) fn text(id: &str, template: &str) -> Json {
    node(id, "template_fill", &json!({ "template": template }))
}

/// Waits for a day, which a test lets pass.
pub(crate) fn day(id: &str) -> Json {
    node(id, "delay", &json!({"amount": "1", "unit": "days"}))
}

/// A form with these fields, `(name, kind)`, all of them needed except what is ticked.
pub(crate) fn form(fields: &[(&str, &str)]) -> Json {
    let fields: Vec<Json> = fields
        .iter()
        .map(|(name, kind)| {
            json!({"name": name, "label": name, "kind": kind, "required": *kind != "checkbox"})
        })
        .collect();
    node(
        "form",
        "form_input",
        &json!({"title": "Form", "fields": fields}),
    )
}

/// Edges are `(from, port, to)`.
pub(crate) fn document(name: &str, nodes: &[Json], edges: &[(&str, &str, &str)]) -> Json {
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
        .collect();
    json!({
        "format": "formwork/1", "name": name, "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    })
}

/// Steps one after the other.
pub(crate) fn chain(name: &str, nodes: &[Json]) -> Json {
    let ids: Vec<&str> = nodes
        .iter()
        .map(|node| node["id"].as_str().expect("an id"))
        .collect();
    let edges: Vec<(&str, &str, &str)> = ids
        .windows(2)
        .map(|pair| (pair[0], "out", pair[1]))
        .collect();
    document(name, nodes, &edges)
}
