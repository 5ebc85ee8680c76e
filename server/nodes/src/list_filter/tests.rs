//! Filtering, sorting and cutting lists, with properties that hold for every list.

use engine::{check::check, graph};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::testing::{FakeContext, done};

fn results(config: Json, list: &Json) -> Result<Vec<Json>, NodeError> {
    let mut config = config;
    config["list"] = json!("{{ list }}");
    let context = FakeContext::new(&json!({"list": list, "least": 2}));
    let output = done::<ListFilter>(config, &context)?.output;
    let results = output["results"].as_array().expect("results").clone();
    assert_eq!(output["count"], json!(results.len()));
    Ok(results)
}

fn names(results: &[Json]) -> Vec<&str> {
    results
        .iter()
        .map(|entry| entry["name"].as_str().unwrap_or_default())
        .collect()
}

fn guests() -> Json {
    json!([
        {"name": "Öz", "age": 30, "town": "Kiel"},
        {"name": "Zoe", "age": null, "town": "Lübeck"},
        {"name": "ada", "age": 9, "town": "kiel "},
        {"name": "Bo", "age": 30, "town": null},
    ])
}

#[test]
fn entries_that_fit_are_kept_in_their_order() {
    let check = |config: Json, expected: &[&str]| {
        let kept = results(config, &guests()).expect("a list");
        assert_eq!(names(&kept), expected);
    };
    let rule = |value: &str, operator: &str, operand: &str| json!({"value": value, "operator": operator, "operand": operand});
    check(json!({}), &["Öz", "Zoe", "ada", "Bo"]);
    check(
        json!({"rules": [rule("{{ item.age }}", "greater", "10")]}),
        &["Öz", "Bo"],
    );
    check(
        json!({"rules": [rule("{{ item.age }}", "is_empty", ""), rule("{{ item.town }}", "is_empty", "")], "match": "any"}),
        &["Zoe", "Bo"],
    );
    // The number in the list and values of earlier steps can be compared, too.
    check(
        json!({"rules": [rule("{{ index }}", "at_least", "{{ least }}")]}),
        &["ada", "Bo"],
    );
    check(
        json!({"unique_by": [{"value": "{{ item.town }}"}]}),
        &["Öz", "Zoe", "Bo"],
    );
    check(json!({"skip": 1, "limit": 2}), &["Zoe", "ada"]);
    check(json!({"skip": 9}), &[]);
}

#[test]
fn lists_sort_by_several_values_and_empty_ones_come_last() {
    let check = |keys: &[(&str, &str)], expected: &[&str]| {
        let keys: Vec<Json> = keys
            .iter()
            .map(|(value, direction)| json!({"value": value, "direction": direction}))
            .collect();
        let kept = results(json!({"sort_by": keys}), &guests()).expect("a list");
        assert_eq!(names(&kept), expected);
    };
    let (name, age) = ("{{ item.name }}", "{{ item.age }}");
    check(&[(name, "ascending")], &["ada", "Bo", "Öz", "Zoe"]);
    check(&[(age, "ascending")], &["ada", "Öz", "Bo", "Zoe"]);
    check(&[(age, "descending")], &["Öz", "Bo", "ada", "Zoe"]);
    check(
        &[(age, "descending"), (name, "ascending")],
        &["Bo", "Öz", "ada", "Zoe"],
    );
}

#[test]
fn an_empty_list_gives_an_empty_one() {
    for list in [json!([]), json!(null)] {
        let sorted = results(json!({"sort_by": [{"value": "{{ item.age }}"}]}), &list);
        assert_eq!(sorted.expect("a list"), [Json::Null; 0]);
    }
}

#[test]
fn an_error_names_the_entry() {
    let check = |config: Json, message: &str| {
        let error = results(config, &json!([{"a": 1}, {"a": true}])).expect_err("an error");
        assert_eq!(error.to_string(), message);
    };
    check(
        json!({"sort_by": [{"value": "{{ item.a }}"}]}),
        "Entry 2: A yes or no cannot be compared with a whole number.",
    );
    check(
        json!({"rules": [{"value": "{{ item.a }}", "operator": "greater", "operand": "0"}]}),
        "Entry 2: A yes or no cannot be compared with a text.",
    );
    check(
        json!({"unique_by": [{"value": "{{ item.b }}"}]}),
        "Entry 1: there is no item.b",
    );
    let many: Vec<Json> = (0..=20_000).map(Json::from).collect();
    let error = results(json!({}), &json!(many)).expect_err("too many");
    assert!(error.to_string().contains("20001 entries"), "{error}");
}

/// What a step behind it reads, and what is wrong with the settings.
fn checked(config: &Json, parent: bool) -> (Kind, Vec<String>) {
    let config = |list: &str| {
        let mut config = config.clone();
        config["list"] = json!(list);
        config
    };
    let mut nodes = vec![
        json!({"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {"fields": [
        {"name": "trips", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "town", "title": "Town", "kind": "text"}, {"name": "price", "kind": "money", "optional": true},
            {"name": "days", "kind": "list", "item": {"kind": "record", "fields": [{"name": "hotel", "kind": "text"}]}}]}}]}}),
    ];
    if parent {
        nodes.push(json!({"id": "each", "type": "for_each", "version": 1, "name": "Each", "config": {"list": "{{ hook.trips }}"}}));
        nodes.push(json!({"id": "some", "type": "list_filter", "version": 1, "name": "Some", "parent": "each", "config": config("{{ item.days }}")}));
    } else {
        nodes.push(json!({"id": "some", "type": "list_filter", "version": 1, "name": "Some", "config": config("{{ hook.trips }}")}));
    }
    let to = if parent { "each" } else { "some" };
    let workflow = graph::parse(&json!({
        "format": "formwork/1", "name": "Trips", "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": nodes,
        "edges": [{"from": "hook", "port": "out", "to": to}],
    }))
    .expect("a readable workflow");
    let checked = check(&workflow, &crate::catalogue(), &());
    let codes = checked.problems.into_iter().map(|problem| problem.code);
    (checked.nodes["some"].output.clone(), codes.collect())
}

#[test]
fn what_it_puts_out_is_known_before_the_first_run() {
    let sorted = json!({"sort_by": [{"value": "{{ item.town }}"}, {"value": "{{ item.price }}"}]});
    let (output, codes) = checked(&sorted, false);
    assert_eq!(codes, [""; 0]);
    let results = output.field("results").map(|field| &field.kind);
    let Some(Kind::List { item, .. }) = results else {
        panic!("{output:?}");
    };
    assert_eq!(
        item.field("price").map(|field| &field.kind),
        Some(&Kind::money())
    );
    let unknown = json!({"sort_by": [{"value": "{{ item.twon }}"}]});
    assert_eq!(checked(&unknown, false).1, ["unknown_reference"]);
    let list = json!({"sort_by": [{"value": "{{ item.days }}"}]});
    assert_eq!(checked(&list, false).1, ["not_sortable"]);
    let half = json!({"rules": [{"value": "{{ item.town }}", "operator": "is"}]});
    assert_eq!(checked(&half, false).1, ["setting_incomplete"]);
}

/// Within entries of another list the own entry is `item`, the outer one is read under its step's id.
#[test]
fn an_outer_entry_keeps_its_name() {
    let rule = |value: &str| json!({"rules": [{"value": value, "operator": "is", "operand": "{{ each.item.town }}"}]});
    assert_eq!(checked(&rule("{{ item.hotel }}"), true).1, [""; 0]);
    assert_eq!(
        checked(&rule("{{ item.town }}"), true).1,
        ["unknown_reference"]
    );
}

proptest! {
    #[test]
    fn filtering_keeps_the_order_and_sorting_is_a_stable_permutation(numbers in prop::collection::vec((0_i64..6, any::<bool>()), 0..40)) {
        let list: Vec<Json> = numbers
            .iter()
            .enumerate()
            .map(|(at, (number, empty))| json!({"at": at, "n": if *empty { json!(null) } else { json!(number) }}))
            .collect();
        let at = |entry: &Json| entry["at"].as_u64().expect("a number");
        let rule = json!({"value": "{{ item.n }}", "operator": "at_least", "operand": "3"});
        let kept = results(json!({"rules": [rule]}), &json!(list)).expect("a list");
        prop_assert!(kept.windows(2).all(|pair| at(&pair[0]) < at(&pair[1])));
        let wanted = list.iter().filter(|entry| entry["n"].as_i64().is_some_and(|n| n >= 3));
        prop_assert_eq!(kept.iter().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());

        for direction in ["ascending", "descending"] {
            let key = json!({"value": "{{ item.n }}", "direction": direction});
            let sorted = results(json!({"sort_by": [key]}), &json!(list)).expect("a list");
            let mut places: Vec<u64> = sorted.iter().map(at).collect();
            let rank = |entry: &Json| match entry["n"].as_i64() {
                Some(n) if direction == "ascending" => n,
                Some(n) => -n,
                None => i64::MAX,
            };
            let ordered = sorted.windows(2).all(|pair| (rank(&pair[0]), at(&pair[0])) < (rank(&pair[1]), at(&pair[1])));
            prop_assert!(ordered, "{:?}", sorted);
            places.sort_unstable();
            prop_assert_eq!(places, (0..list.len() as u64).collect::<Vec<_>>());
        }
    }
}
