//! Grouping and adding up, with properties that hold for every list.

use engine::{check::check, graph};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::testing::{FakeContext, done};

fn sales() -> Json {
    json!([
        {"customer": "Brandt", "rate": "19", "net": {"amount": "100.00", "currency": "EUR"}, "day": "2027-03-02"},
        {"customer": "Hoffmann", "rate": "7", "net": {"amount": "50.10", "currency": "EUR"}, "day": "2027-03-01"},
        {"customer": "brandt ", "rate": "7", "net": {"amount": "0.05", "currency": "EUR"}, "day": null},
    ])
}

fn fields() -> Json {
    json!([
        {"name": "customer", "title": "Customer", "kind": "text"}, {"name": "rate", "kind": "decimal"},
        {"name": "net", "title": "Net", "kind": "money"}, {"name": "day", "kind": "date", "optional": true}])
}

/// What a step behind a list of sales knows before the first run, and the same list while it runs.
fn context(list: &Json) -> FakeContext {
    let kind: Kind = serde_json::from_value(
        json!({"kind": "list", "item": {"kind": "record", "fields": fields()}}),
    )
    .expect("a kind");
    let value = Value::from_json(list, &kind).expect("sales");
    let mut context = FakeContext::new(&json!({}));
    context.values.insert("list".into(), value);
    context.scope = Kind::Record {
        fields: vec![field("list", "Sales", kind)],
    };
    context
}

fn grouped(config: &Json, list: &Json) -> Result<Json, NodeError> {
    let mut config = config.clone();
    config["list"] = json!("{{ list }}");
    Ok(done::<ListGroup>(config, &context(list))?.output)
}

fn result(operation: &str, value: &str, name: &str) -> Json {
    json!({"operation": operation, "value": value, "name": name})
}

fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

#[test]
fn each_group_is_a_row_with_its_sums() {
    let config = json!({
        "by": [{"value": "{{ item.customer }}"}],
        "results": [result("sum", "{{ item.net }}", ""), result("count", "", ""), result("average", "{{ item.net }}", "average"),
            result("max", "{{ item.day }}", "last_day"), result("list", "{{ item.rate }}", "rates")],
    });
    let output = grouped(&config, &sales()).expect("groups");
    assert_eq!(output["count"], json!(2));
    assert_eq!(
        output["groups"][0],
        json!({"customer": "Brandt", "net": euros("100.05"), "count": 2, "average": euros("50.03"),
            "last_day": "2027-03-02", "rates": ["19", "7"]})
    );
    assert_eq!(
        output["totals"],
        json!({"net": euros("150.15"), "count": 3, "average": euros("50.05"), "last_day": "2027-03-02", "rates": ["19", "7", "7"]})
    );
}

#[test]
fn an_empty_list_has_no_group_and_sums_of_nothing() {
    let config = json!({
        "by": [{"value": "{{ item.customer }}"}],
        "results": [result("sum", "{{ item.net }}", ""), result("average", "{{ item.rate }}", "rate"), result("count", "", "")],
    });
    let empty = json!({"net": euros("0.00"), "rate": null, "count": 0});
    let output = grouped(&config, &json!([])).expect("no groups");
    assert_eq!(output, json!({"count": 0, "groups": [], "totals": empty}));
    // Without anything to group by, the whole list is the group.
    let mut whole = config;
    whole["by"] = json!([]);
    let output = grouped(&whole, &json!([])).expect("a group");
    assert_eq!(output["groups"], json!([empty]));
}

#[test]
fn currencies_are_never_added_up() {
    let mut list = sales();
    list[2]["net"]["currency"] = json!("USD");
    let sum = json!({"results": [result("sum", "{{ item.net }}", "")]});
    let error = grouped(&sum, &list).expect_err("two currencies");
    assert_eq!(
        error.to_string(),
        "\u{201c}Net\u{201d}: Entry 3: EUR and USD cannot be added up. Group by the currency, or filter by it first."
    );
    let largest = json!({"results": [result("max", "{{ item.net }}", "")]});
    assert!(grouped(&largest, &list).is_err());
    let listed = json!({"by": [{"value": "{{ item.net.currency }}"}], "results": [result("list", "{{ item.net }}", "")]});
    let output = grouped(&listed, &list).expect("lists");
    assert_eq!(output["count"], json!(2));
}

#[test]
fn averages_round_half_away_from_zero_to_the_decimals_that_are_said() {
    let average = |values: &[&str], decimals: Option<u32>| {
        let list: Vec<Json> = values
            .iter()
            .map(|rate| json!({"customer": "a", "rate": rate, "net": euros("1"), "day": null}))
            .collect();
        let mut config = json!({"results": [result("average", "{{ item.rate }}", "")]});
        config["results"][0]["decimals"] = json!(decimals);
        grouped(&config, &json!(list)).expect("an average")["totals"]["rate"].clone()
    };
    assert_eq!(average(&["1", "2"], None), json!("1.50"));
    assert_eq!(average(&["0.01", "0.02"], None), json!("0.02"));
    assert_eq!(average(&["-0.01", "-0.02"], None), json!("-0.02"));
    assert_eq!(average(&["1", "1", "2"], Some(4)), json!("1.3333"));
    assert_eq!(average(&["1", "2"], Some(0)), json!("2"));
}

fn checked(config: &Json) -> (Kind, Vec<String>) {
    let mut config = config.clone();
    config["list"] = json!("{{ hook.sales }}");
    let workflow = graph::parse(&json!({
        "format": "formwork/1", "name": "Sales", "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": [
            {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {"fields": [
                {"name": "sales", "kind": "list", "item": {"kind": "record", "fields": fields()}}]}},
            {"id": "sum", "type": "list_group", "version": 1, "name": "Sum", "config": config}],
        "edges": [{"from": "hook", "port": "out", "to": "sum"}],
    }))
    .expect("a readable workflow");
    let checked = check(&workflow, &crate::catalogue(), &());
    let codes = checked.problems.into_iter().map(|problem| problem.code);
    (checked.nodes["sum"].output.clone(), codes.collect())
}

#[test]
fn the_rows_of_a_table_are_known_before_the_first_run() {
    let (output, codes) = checked(&json!({
        "by": [{"value": "{{ item.customer }}"}],
        "results": [result("sum", "{{ item.net }}", ""), result("max", "{{ item.day }}", ""), result("average", "{{ item.rate }}", "")],
    }));
    assert_eq!(codes, [""; 0]);
    let Some(Kind::List { item, .. }) = output.field("groups").map(|field| &field.kind) else {
        panic!("{output:?}");
    };
    let Kind::Record { fields } = item.as_ref() else {
        panic!("{item:?}");
    };
    let found: Vec<_> = fields
        .iter()
        .map(|field| {
            (
                field.name.as_str(),
                field.title.as_str(),
                &field.kind,
                field.optional,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("customer", "Customer", &Kind::text(), false),
            ("net", "Net", &Kind::money(), false),
            ("day", "", &Kind::Date, true),
            ("rate", "", &Kind::Decimal, false),
        ]
    );
    // An empty list has no average.
    let totals = output.field("totals").map(|field| &field.kind);
    let rate = totals.and_then(|totals| totals.field("rate"));
    assert!(rate.is_some_and(|rate| rate.optional));
}

#[test]
fn what_cannot_be_worked_out_is_a_problem() {
    let codes = |results: &[Json]| {
        checked(&json!({"by": [{"value": "{{ item.customer }}"}], "results": results})).1
    };
    assert_eq!(
        codes(&[result("sum", "{{ item.customer }}", "a")]),
        ["not_summable"]
    );
    assert_eq!(codes(&[result("max", "{{ item }}", "a")]), ["not_sortable"]);
    assert_eq!(codes(&[result("sum", "", "a")]), ["setting_incomplete"]);
    assert_eq!(
        codes(&[result("first", "{{ item.customer }}", "")]),
        ["duplicate_field"]
    );
    assert_eq!(codes(&[result("count", "", "Number")]), ["bad_field_name"]);
}

proptest! {
    #[test]
    fn groups_partition_the_list_and_their_sums_are_its_sum(entries in prop::collection::vec((0_u8..4, -100_000_i64..100_000), 0..40)) {
        let list: Vec<Json> = entries
            .iter()
            .map(|(customer, cents)| {
                let amount = rust_decimal::Decimal::new(*cents, 2).to_string();
                json!({"customer": format!("c{customer}"), "rate": "1", "net": euros(&amount), "day": null})
            })
            .collect();
        let config = json!({
            "by": [{"value": "{{ item.customer }}"}],
            "results": [result("sum", "{{ item.net }}", ""), result("count", "", ""), result("list", "", "")],
        });
        let output = grouped(&config, &json!(list)).expect("groups");
        let groups = output["groups"].as_array().expect("groups").clone();
        let cents = |json: &Json| {
            let amount = json["net"]["amount"].as_str().expect("an amount");
            amount.parse::<rust_decimal::Decimal>().expect("a number")
        };
        let total: rust_decimal::Decimal = entries.iter().map(|(_, cents)| rust_decimal::Decimal::new(*cents, 2)).sum();
        prop_assert_eq!(groups.iter().map(cents).sum::<rust_decimal::Decimal>(), total);
        prop_assert_eq!(cents(&output["totals"]), total);
        for group in &groups {
            let inside = group["entries"].as_array().expect("entries");
            let wanted: Vec<&Json> = list.iter().filter(|entry| entry["customer"] == group["customer"]).collect();
            prop_assert_eq!(inside.iter().collect::<Vec<_>>(), wanted);
            prop_assert_eq!(&group["count"], &json!(inside.len()));
        }
        let counted: u64 = groups.iter().filter_map(|group| group["count"].as_u64()).sum();
        prop_assert_eq!(counted, list.len() as u64);
    }
}
