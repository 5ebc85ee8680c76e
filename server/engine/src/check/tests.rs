//! What people are told about a document, by example.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    graph::parse,
    testing::{catalogue, workflow},
};

#[test]
fn close_names_are_found() {
    let check = |name: &str, expected: Option<&str>| {
        let known = ["customer", "total", "days"];
        assert_eq!(close_match(name, known.into_iter()), expected, "{name}");
    };
    check("custmer", Some("customer"));
    check("cusotmer", Some("customer"));
    check("totl", Some("total"));
    check("dyas", Some("days"));
    check("country", None);
    check("", None);
}

fn found(workflow: &Workflow) -> Vec<(String, String)> {
    check(workflow, &catalogue(), &())
        .problems
        .into_iter()
        .map(|problem| (problem.pointer, problem.code))
        .collect()
}

fn tell(nodes: &[(&str, Json)], edges: &[(&str, &str, &str)], expected: &[(&str, &str)]) {
    let problems = found(&workflow(nodes, edges));
    let problems: Vec<(&str, &str)> = problems
        .iter()
        .map(|(pointer, code)| (pointer.as_str(), code.as_str()))
        .collect();
    assert_eq!(problems, expected);
}

#[test]
fn structure_is_checked_whole() {
    tell(
        &[("s", json!({})), ("a", json!({}))],
        &[("s", "out", "a")],
        &[],
    );
    tell(
        &[
            ("s", json!({})),
            ("Bad", json!({})),
            ("firm", json!({})),
            ("a", json!({"type": "plian"})),
            ("a", json!({"version": 9})),
            ("b", json!({"parent": "x", "timeout_ms": 1})),
            ("c", json!({"config": {"txt": "", "ways": "no"}})),
        ],
        &[
            ("s", "out", "zz"),
            ("s", "up", "b"),
            ("b", "out", "s"),
            ("s", "up", "b"),
        ],
        &[
            ("/edges/0/to", "edge_without_node"),
            ("/edges/1/port", "edge_without_port"),
            ("/edges/2", "edge_into_trigger"),
            ("/edges/3", "duplicate_edge"),
            ("/nodes/0", "cycle"),
            ("/nodes/1", "unreachable"),
            ("/nodes/1/id", "bad_id"),
            ("/nodes/2", "unreachable"),
            ("/nodes/2/id", "reserved_id"),
            ("/nodes/3", "unreachable"),
            ("/nodes/3/type", "unknown_node_type"),
            ("/nodes/4", "unreachable"),
            ("/nodes/4/id", "duplicate_id"),
            ("/nodes/4/version", "unknown_node_version"),
            ("/nodes/5/parent", "unknown_parent"),
            ("/nodes/5/timeout_ms", "bad_timeout"),
            ("/nodes/6", "unreachable"),
            ("/nodes/6/config/txt", "config_unknown_field"),
            ("/nodes/6/config/ways", "config_wrong_kind"),
        ],
    );
    tell(&[("a", json!({}))], &[], &[("/nodes", "no_trigger")]);
}

#[test]
fn a_cycle_names_its_steps() {
    let workflow = workflow(
        &[
            ("s", json!({})),
            ("a", json!({"name": "Write"})),
            ("b", json!({"name": "Check"})),
        ],
        &[("s", "out", "a"), ("a", "out", "b"), ("b", "out", "a")],
    );
    let checked = check(&workflow, &catalogue(), &());
    assert_eq!(checked.problems[0].params["nodes"], json!(["a", "b"]));
    assert!(
        checked.problems[0]
            .message
            .contains("Write → Check → Write")
    );
    assert_eq!(checked.nodes.len(), 3);
}

#[test]
fn only_what_has_surely_run_is_read_without_default() {
    let read = |text: &str| json!({"config": {"text": text}});
    let branch = json!({"config": {"ways": ["l", "r"]}});
    let edges = [
        ("s", "out", "b"),
        ("b", "l", "x"),
        ("b", "r", "y"),
        ("x", "out", "z"),
        ("y", "out", "z"),
    ];
    let nodes = |z: &str| {
        [
            ("s", json!({})),
            ("b", branch.clone()),
            ("x", json!({})),
            ("y", json!({})),
            ("z", read(z)),
        ]
    };
    let check = |z: &str, expected: &[&str]| {
        let found = found(&workflow(&nodes(z), &edges));
        let codes: Vec<&str> = found.iter().map(|(_, code)| code.as_str()).collect();
        assert_eq!(codes, expected, "{z}");
        assert!(found.iter().all(|(at, _)| at == "/nodes/4/config/text"));
    };
    check("{{ s.name }} {{ b.text }}", &[]);
    check("{{ x.text }}", &["default_missing"]);
    check("{{ x.text|default('') }}{{ y.text|default('') }}", &[]);
    check("{{ z.text }}", &["reference_not_before"]);
    check("{{ s.nam }}", &["unknown_reference"]);
    check("{{ w.name }}", &["unknown_reference"]);
    check("{{ firm.name }} {{ today }} {{ run.id }}", &[]);
    check("{{ s.name", &["expression_syntax"]);
}

#[test]
fn the_error_way_reads_the_error() {
    let workflow = workflow(
        &[
            ("s", json!({})),
            ("a", json!({"on_error": "branch"})),
            ("x", json!({"config": {"text": "{{ a.message }}"}})),
            ("y", json!({"config": {"text": "{{ a.text }}"}})),
        ],
        &[("s", "out", "a"), ("a", "error", "x"), ("a", "out", "y")],
    );
    assert_eq!(found(&workflow), []);
}

#[test]
fn a_setting_may_accept_an_empty_value() {
    let nodes = |field: &str| {
        let mut config = serde_json::Map::new();
        config.insert(field.into(), json!("{{ a.text }}"));
        [
            ("s", json!({})),
            ("a", json!({"on_error": "continue"})),
            ("b", json!({"config": config})),
        ]
    };
    let edges = [("s", "out", "a"), ("a", "out", "b")];
    tell(
        &nodes("text"),
        &edges,
        &[("/nodes/2/config/text", "default_missing")],
    );
    tell(&nodes("maybe"), &edges, &[]);
}

#[test]
fn references_tell_their_kind_and_place() {
    let workflow = workflow(
        &[
            ("s", json!({})),
            ("a", json!({"config": {"text": "Hi {{ s.name }}"}})),
        ],
        &[("s", "out", "a")],
    );
    let checked = check(&workflow, &catalogue(), &());
    assert_eq!(
        checked.nodes["a"].references,
        [CheckedReference {
            pointer: "/nodes/1/config/text".into(),
            path: "s.name".into(),
            span: [6, 12],
            kind: Some(Kind::text()),
            optional: false,
        }]
    );
    assert_eq!(checked.nodes["a"].readable, ["s"]);
    assert_eq!(checked.nodes["s"].trigger, Some("webhook"));
}

#[test]
fn too_large_a_document_is_refused() {
    let many: Vec<(String, Json)> = (0..501).map(|n| (format!("n{n}"), json!({}))).collect();
    let nodes: Vec<(&str, Json)> = many
        .iter()
        .map(|(id, rest)| (id.as_str(), rest.clone()))
        .collect();
    let problems = found(&workflow(&nodes, &[]));
    assert!(problems.contains(&("/nodes".into(), "too_many_nodes".into())));
}

#[test]
fn a_malformed_document_is_told_with_every_place() {
    let problems = parse(&json!({
        "format": "formwork/1", "name": 3, "locale": "en", "time_zone": "UTC",
        "nodes": [{"id": "a", "type": "plain", "version": 1, "name": "a", "on_error": "explode", "colour": 1}],
        "edges": [{"from": "a"}], "steps": [],
    }))
    .expect_err("malformed");
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "/currency",
            "/name",
            "/nodes/0/on_error",
            "/nodes/0/colour",
            "/edges/0/port",
            "/edges/0/to",
            "/steps",
        ]
    );
    let nul = parse(&json!({
        "format": "formwork/1", "name": "a\u{0}", "locale": "en", "time_zone": "UTC", "currency": "EUR",
    }))
    .expect_err("NUL");
    assert_eq!(
        (nul[0].code.as_str(), nul[0].pointer.as_str()),
        ("bad_text", "/name")
    );
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[a-z{}% ./|]{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key = prop_oneof![
            Just("nodes".to_owned()),
            Just("edges".to_owned()),
            Just("id".to_owned()),
            Just("config".to_owned()),
            Just("type".to_owned()),
            "[a-z]{0,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::vec((key, inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_reading_a_workflow_panic(json in any_json()) {
        let _ = parse(&json);
    }

    #[test]
    fn no_config_makes_a_check_panic(config in any_json(), text in "\\PC{0,60}") {
        let workflow = workflow(
            &[("s", json!({})), ("a", json!({"config": config})), ("b", json!({"config": {"text": text}}))],
            &[("s", "out", "a"), ("a", "out", "b")],
        );
        let first = check(&workflow, &catalogue(), &());
        let second = check(&workflow, &catalogue(), &());
        prop_assert_eq!(first.problems, second.problems);
    }
}

#[test]
fn a_limit_of_runs_reads_only_what_a_run_begins_with() {
    let check = |concurrency: Json, expected: &[(&str, &str)]| {
        let nodes = ["s", "s2", "a"].map(|id| (id, json!({})));
        let mut workflow = workflow(&nodes, &[("s", "out", "a"), ("s2", "out", "a")]);
        workflow.concurrency = serde_json::from_value(concurrency.clone()).expect("a limit");
        let mut problems = found(&workflow);
        problems.retain(|(pointer, _)| pointer.starts_with("/concurrency"));
        let problems: Vec<(&str, &str)> = problems
            .iter()
            .map(|(pointer, code)| (pointer.as_str(), code.as_str()))
            .collect();
        assert_eq!(problems, expected, "{concurrency}");
    };
    let (runs, key) = ("/concurrency/runs", "/concurrency/key");
    let reads = |text: &str| json!({"runs": 1, "key": text});
    check(json!({"runs": 100}), &[]);
    check(json!({"runs": 0}), &[(runs, "concurrency_runs")]);
    check(json!({"runs": 101}), &[(runs, "concurrency_runs")]);
    // Begun at the other step it is empty, which is a value like any other.
    check(reads("{{ s.name }}"), &[]);
    check(reads("{{ s.name | default(s2.name) }}"), &[]);
    check(reads("{{ a.text }}"), &[(key, "concurrency_reference")]);
    check(reads("{{ today }}"), &[(key, "concurrency_reference")]);
    check(reads("{{ s.nmae }}"), &[(key, "unknown_reference")]);
    check(reads("{{ s.names }}"), &[(key, "concurrency_key_kind")]);
    check(reads("{{ s }}"), &[(key, "concurrency_key_kind")]);
    check(reads("all"), &[(key, "concurrency_key_same")]);
}
