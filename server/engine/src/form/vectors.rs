//! The answers of `tests/fixtures/form-vectors.json`, which the browser's checks run as well, and whole forms.

use serde_json::{Value as Json, json};

use super::{Form, FormField, Setting, Source, answer};
use crate::{
    ids::ArtifactId,
    value::{FileRef, Record, record_to_json},
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
