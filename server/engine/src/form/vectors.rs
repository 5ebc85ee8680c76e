//! The answers of `tests/fixtures/form-vectors.json`, which the browser's checks run as well, and whole forms.

use serde_json::{Value as Json, json};

use super::{Form, FormField, Setting, Source, answer};
use crate::{
    ids::ArtifactId,
    value::{FileRef, Record, Value, record_to_json},
};

fn setting<'a>(
    source: Source,
    locale: &'a str,
    currency: &'a str,
    constants: &'a Record,
) -> Setting<'a> {
    Setting {
        source,
        locale,
        time_zone: "UTC",
        currency,
        constants,
        files: &|_| None,
    }
}

#[test]
fn answers_are_read_as_the_vectors_say() {
    let vectors: Json =
        serde_json::from_str(include_str!("../../../../tests/fixtures/form-vectors.json")).unwrap();
    let mut wrong = Vec::new();
    for vector in vectors["answers"].as_array().unwrap() {
        let field: FormField = serde_json::from_value(vector["field"].clone()).unwrap();
        let source = if vector["source"] == "program" {
            Source::Program
        } else {
            Source::Person
        };
        let locale = vector["locale"].as_str().unwrap_or("en");
        let currency = vector["currency"].as_str().unwrap_or("EUR");
        let constants = Record::new();
        let found = match answer::read(
            &field,
            &vector["input"],
            &setting(source, locale, currency, &constants),
        ) {
            Ok(value) => json!({"value": value.to_json()}),
            Err(problem) => json!({"problem": {"code": problem.code, "params": problem.params}}),
        };
        let key = if vector.get("problem").is_some() {
            "problem"
        } else {
            "value"
        };
        if found.get(key) != vector.get(key) {
            wrong.push(format!(
                "{} {}\n  expected {}\n  found    {found}",
                vector["field"]["kind"], vector["input"], vector[key]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn invoice() -> Form {
    serde_json::from_value(json!({
        "title": "Invoice",
        "fields": [
            {"name": "customer", "label": "Customer", "kind": "text", "required": true},
            {"name": "items", "label": "Items", "kind": "rows", "required": true, "max_rows": 4,
             "columns": [
                {"name": "what", "label": "What", "kind": "text", "required": true},
                {"name": "quantity", "label": "Quantity", "kind": "number", "required": true},
                {"name": "price", "label": "Price", "kind": "money", "required": true}],
             "computed": [{"name": "amount", "label": "Amount", "kind": "money", "value": "{{ row.quantity * row.price }}"}]}
        ],
        "computed": [{"name": "rows", "label": "Rows", "kind": "integer", "value": "{{ items | length }}"}]
    }))
    .unwrap()
}

#[test]
fn rows_are_computed_exactly_and_spare_rows_are_none() {
    let constants = Record::new();
    let answers = json!({"customer": "A", "items": [
        {"what": "", "quantity": "", "price": ""},
        {"what": "x", "quantity": "3", "price": "0,10"},
        {"what": "y", "quantity": "1.10", "price": "3"},
        {}
    ]});
    let record = invoice()
        .submit(&answers, &setting(Source::Person, "en", "EUR", &constants))
        .unwrap();
    let json = record_to_json(&record);
    assert_eq!(
        json["items"][0]["amount"],
        json!({"amount": "0.30", "currency": "EUR"})
    );
    assert_eq!(
        json["items"][1]["amount"],
        json!({"amount": "3.30", "currency": "EUR"})
    );
    assert_eq!(json["rows"], 2);
    // What is stored can be handed in again by a program.
    let again = invoice()
        .submit(&json, &setting(Source::Program, "en", "EUR", &constants))
        .unwrap();
    assert_eq!(again, record);
}

#[test]
fn computed_texts_are_in_the_workflow_s_currency_and_zone() {
    let form: Form = serde_json::from_value(json!({
        "title": "Trip",
        "fields": [{"name": "nights", "label": "Nights", "kind": "number", "decimals": 0}],
        "computed": [
            {"name": "price", "label": "Price", "kind": "text", "value": "{{ (nights * 1200)|money }}"},
            {"name": "sent", "label": "Sent", "kind": "text", "value": "{{ now|date(\"iso\") }} {{ now|time }}"}]
    }))
    .unwrap();
    let now: jiff::Timestamp = "2027-03-07T23:30:00Z".parse().unwrap();
    let constants = Record::from_iter([("now".to_owned(), Value::Instant(now))]);
    let check = |currency: &str, time_zone: &str, expected: [&str; 2]| {
        let setting = Setting {
            time_zone,
            ..setting(Source::Person, "en", currency, &constants)
        };
        let record = form.submit(&json!({"nights": "2"}), &setting).unwrap();
        let json = record_to_json(&record);
        assert_eq!([&json["price"], &json["sent"]], expected, "{currency}");
    };
    check("USD", "UTC", ["$2,400.00", "2027-03-07 23:30"]);
    // An amount without decimals, and the next day.
    check("JPY", "Asia/Tokyo", ["¥2,400", "2027-03-08 08:30"]);
}

#[test]
fn every_problem_is_told_where_it_is() {
    let constants = Record::new();
    let answers = json!({"items": [{"what": "x", "quantity": "z"}, {"what": "y", "quantity": "1", "price": "1"}]});
    let problems = invoice()
        .submit(&answers, &setting(Source::Person, "en", "EUR", &constants))
        .unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("/customer", "required"),
            ("/items/0/quantity", "number"),
            ("/items/0/price", "required")
        ]
    );
    let none = invoice()
        .submit(
            &json!({"customer": "A"}),
            &setting(Source::Person, "en", "EUR", &constants),
        )
        .unwrap_err();
    assert_eq!(none[0].code, "rows_min");
    let row = json!({"what": "x", "quantity": "1", "price": "1"});
    let many = json!({"customer": "A", "items": vec![row; 5]});
    let many = invoice()
        .submit(&many, &setting(Source::Person, "en", "EUR", &constants))
        .unwrap_err();
    assert_eq!(many[0].code, "rows_max");
    let unknown = json!({"customer": "A", "items": [{"what": "x", "quantity": "1", "price": "1", "evil": 1}], "x": 1});
    let unknown = invoice()
        .submit(&unknown, &setting(Source::Program, "en", "EUR", &constants))
        .unwrap_err();
    let found: Vec<_> = unknown
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(found, ["/x", "/items/0/evil"]);
}

#[test]
fn a_draft_gives_what_can_be_computed_so_far() {
    let constants = Record::new();
    let answers =
        json!({"items": [{"what": "x", "quantity": "2", "price": "1.5"}, {"what": "unfinished"}]});
    let draft = invoice().draft(&answers, &setting(Source::Person, "en", "EUR", &constants));
    assert_eq!(
        draft.values["/items/0/amount"].to_json(),
        json!({"amount": "3.00", "currency": "EUR"})
    );
    assert!(!draft.values.contains_key("/items/1/amount"));
    assert_eq!(draft.values["/rows"].to_json(), json!(1));
}

#[test]
fn many_rows_are_chosen_from_a_long_list() {
    let from = json!({"table": "00000000-0000-0000-0000-000000000009", "column": "name"});
    let choice = |name: &str| json!({"name": name, "label": name, "kind": "select", "options": [], "choices_from": from});
    let form: Form = serde_json::from_value(json!({"title": "T", "fields": [
        choice("one"), {"name": "items", "label": "Items", "kind": "rows", "columns": [choice("hotel")]}]}))
    .unwrap();
    let mut hotels: Vec<String> = (0..20_000).map(|at| format!("Hotel {at}")).collect();
    hotels.extend(["Adler".into(), "ADLER".into()]);
    let form = form.with_choices(&|_| Some(hotels.clone()));
    let constants = Record::new();
    let setting = setting(Source::Person, "en", "EUR", &constants);
    // Typed in small letters: none of them is on the list as it is.
    let rows: Vec<Json> = (0..1_000)
        .map(|at| json!({"hotel": format!("hotel {at}")}))
        .collect();
    let read = form.submit(&json!({"one": "Adler", "items": rows}), &setting);
    let read = Value::Record(read.expect("all of them are on the list")).to_json();
    assert_eq!(
        (&read["one"], &read["items"][999]["hotel"]),
        (&json!("Adler"), &json!("Hotel 999"))
    );
    let wrong = json!({"one": "adler", "items": [{"hotel": "Hotel x"}]});
    let problems = form.submit(&wrong, &setting).unwrap_err();
    let told: Vec<_> = problems
        .iter()
        .map(|one| (one.pointer.as_str(), one.code.as_str()))
        .collect();
    // Which of the two that differ in capitals alone is meant, nobody knows.
    assert_eq!(
        told,
        [("/one", "choice_gone"), ("/items/0/hotel", "choice_gone")]
    );
}

#[test]
fn files_are_only_those_the_server_knows() {
    let field: FormField = serde_json::from_value(
        json!({"name": "photo", "label": "Photo", "kind": "file", "accept": ["image/*"], "max_bytes": 100}),
    )
    .unwrap();
    let file = |content_type: &str, size_bytes| FileRef {
        id: ArtifactId::from_uuid(uuid::Uuid::from_u128(1)),
        name: "a.png".into(),
        content_type: content_type.into(),
        size_bytes,
    };
    let check = |known: Option<FileRef>, answer: Json, code: Option<&str>| {
        let constants = Record::new();
        let files = |_: &str| known.clone();
        let setting = Setting {
            files: &files,
            ..setting(Source::Person, "en", "EUR", &constants)
        };
        assert_eq!(
            answer::read(&field, &answer, &setting)
                .err()
                .map(|problem| problem.code)
                .as_deref(),
            code
        );
    };
    check(Some(file("image/png", 5)), json!("id"), None);
    check(
        Some(file("image/png", 5)),
        json!({"id": "id", "filepath": "/etc/passwd"}),
        None,
    );
    check(Some(file("text/html", 5)), json!("id"), Some("file_type"));
    check(Some(file("image/png", 101)), json!("id"), Some("file_size"));
    check(None, json!("../../etc/passwd"), Some("file_gone"));
    check(
        Some(file("image/png", 5)),
        json!([{"filepath": "/etc/passwd"}]),
        Some("file_gone"),
    );
    check(None, json!(""), None);
}

#[test]
fn authors_hear_of_every_mistake() {
    let form: Form = serde_json::from_value(json!({"title": "T", "fields": [
        {"name": "Bad Name", "label": "", "kind": "text"},
        {"name": "a", "label": "A", "kind": "select", "options": []},
        {"name": "a", "label": "A", "kind": "number", "min": "5", "max": "1"},
        {"name": "items", "label": "I", "kind": "rows", "columns": [{"name": "f", "label": "F", "kind": "file"}]}
    ]}))
    .unwrap();
    let codes: Vec<_> = form
        .check(&())
        .into_iter()
        .map(|problem| problem.code)
        .collect();
    assert_eq!(
        codes,
        [
            "form_name_invalid",
            "form_label_missing",
            "form_options_count",
            "form_name_taken",
            "form_limits_crossed",
            "form_column_kind"
        ]
    );
    assert!(
        invoice().check(&()).is_empty(),
        "{:?}",
        invoice().check(&())
    );
}
