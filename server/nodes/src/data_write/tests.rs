//! What is written, and that reading gives back what was written.

use engine::{
    check::check,
    graph,
    kind::Field,
    value::{FileRef, Money, Record},
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::*;
use crate::testing::{FakeContext, done};

fn sales_kind() -> Kind {
    serde_json::from_value(json!({"kind": "list", "item": {"kind": "record", "fields": [
        {"name": "customer", "title": "Customer", "kind": "text"}, {"name": "net", "title": "Net amount", "kind": "money"},
        {"name": "pieces", "kind": "integer", "optional": true}, {"name": "rate", "kind": "decimal"}, {"name": "day", "kind": "date"},
        {"name": "at", "kind": "time"}, {"name": "moment", "kind": "instant"}, {"name": "paid", "kind": "yes_no"}]}}))
    .expect("a kind")
}

fn sales() -> Json {
    json!([
        {"customer": "Brandt; \"Söhne\"", "net": {"amount": "1234.50", "currency": "EUR"}, "pieces": 3, "rate": "19.25", "day": "2026-12-24",
         "at": "14:30:00", "moment": "2026-12-24T13:30:00Z", "paid": true},
        {"customer": "=HYPERLINK(1)", "net": {"amount": "-7.00", "currency": "USD"}, "pieces": null, "rate": "-0.5", "day": "2026-01-01",
         "at": "00:00:00", "moment": "2026-07-01T00:00:00Z", "paid": false}])
}

/// A step behind a list of sales in a language.
fn context(locale: &str, kind: &Kind, list: Value) -> FakeContext {
    let mut context = FakeContext::new(&json!({}));
    context.step.locale = locale.into();
    context.values.insert("list".into(), list);
    context.scope = Kind::Record {
        fields: vec![field("list", "Sales", kind.clone())],
    };
    context
}

fn written(context: &FakeContext, config: &Json) -> Result<(FileRef, Vec<u8>), NodeError> {
    let mut config = config.clone();
    config["list"] = json!("{{ list }}");
    let output = done::<DataWrite>(config, context)?.output;
    let file = serde_json::from_value(output["file"].clone()).expect("a file");
    let files = context.files.lock().expect("lock");
    let (_, bytes) = files.last().expect("a file");
    Ok((file, bytes.clone()))
}

fn sales_in(locale: &str) -> FakeContext {
    let list = Value::from_json(&sales(), &sales_kind()).expect("sales");
    context(locale, &sales_kind(), list)
}

#[test]
fn entries_with_too_many_names_make_no_file() {
    // Of a list whose kind is not known the names are those that appear, each with a cell in every row.
    let write = |names: usize| {
        let entry = |at: usize| Record::from_iter([(format!("v{at}"), Value::Integer(1))]);
        let list = (0..names).map(|at| Value::Record(entry(at))).collect();
        let unknown = context("en", &Kind::Any, Value::List(list));
        written(&unknown, &json!({"format": "csv"}))
    };
    let (_, bytes) = write(200).expect("a file");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(
        text.lines().next().map(|line| line.split(',').count()),
        Some(200)
    );
    let Err(NodeError::Failed(error)) = write(201) else {
        panic!("written");
    };
    assert_eq!(error.code, "too_many_values");
}

#[test]
fn a_csv_opens_in_the_spreadsheet_of_its_language() {
    let text = |locale: &str, config: Json| {
        let (file, bytes) = written(&sales_in(locale), &config).expect("a file");
        assert_eq!(
            (file.name.as_str(), file.content_type.as_str()),
            ("data.csv", "text/csv")
        );
        String::from_utf8(bytes).expect("UTF-8")
    };
    assert_eq!(
        text("de", json!({"format": "csv"})),
        "\u{feff}Customer;Net amount;pieces;rate;day;at;moment;paid\r\n\
         \"Brandt; \"\"Söhne\"\"\";1234,50;3;19,25;2026-12-24;14:30:00;2026-12-24T14:30:00+01:00;ja\r\n\
         '=HYPERLINK(1);-7,00 USD;;-0,5;2026-01-01;00:00:00;2026-07-01T02:00:00+02:00;nein\r\n"
    );
    let columns = json!([{"heading": "Who", "value": "{{ item.customer | upper }}"}, {"heading": "No.", "value": "{{ index + 1 }}"}, {"value": "{{ item.rate }}"}]);
    let config =
        json!({"format": "csv", "delimiter": "tab", "numbers": "point", "columns": columns});
    assert_eq!(
        text("de", config),
        "\u{feff}Who\tNo.\trate\r\n\"BRANDT; \"\"SÖHNE\"\"\"\t1\t19.25\r\n'=HYPERLINK(1)\t2\t-0.5\r\n"
    );
}

#[test]
fn json_keeps_the_form_of_values() {
    let (file, bytes) = written(
        &sales_in("de"),
        &json!({"format": "json", "file_name": "Sales.JSON"}),
    )
    .expect("a file");
    assert_eq!(file.name, "Sales.json");
    let json: Json = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(json, sales());
    let columns = json!([{"heading": "who", "value": "{{ item.customer }}"}, {"heading": "net", "value": "{{ item.net }}"}]);
    let (_, bytes) = written(
        &sales_in("de"),
        &json!({"format": "json", "columns": columns}),
    )
    .expect("a file");
    let json: Json = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(
        json[1],
        json!({"who": "=HYPERLINK(1)", "net": {"amount": "-7.00", "currency": "USD"}})
    );
}

#[test]
fn what_is_no_record_is_written_in_one_column_or_by_its_names() {
    let any = Kind::list(Kind::Any);
    let check = |list: Json, expected: &str| {
        let value = Value::from_any_json(&list).expect("a list");
        let (_, bytes) =
            written(&context("en", &any, value), &json!({"format": "csv"})).expect("a file");
        assert_eq!(
            String::from_utf8(bytes).expect("UTF-8"),
            format!("\u{feff}{expected}")
        );
    };
    check(json!(["a", "b"]), "Value\r\na\r\nb\r\n");
    check(
        json!([{"a": 1}, {"b": [1, 2]}]),
        "a,b\r\n1,\r\n,\"1, 2\"\r\n",
    );
    check(json!([]), "Value\r\n");
    let nested = Value::from_any_json(&json!([{"a": {"b": 1}}])).expect("a list");
    for format in ["csv", "excel"] {
        let error = written(
            &context("en", &any, nested.clone()),
            &json!({"format": format}),
        )
        .expect_err("no cell");
        assert_eq!(
            error.to_string(),
            "Entry 1: \u{201c}a\u{201d} is a record, which has no place in a cell. Choose one of its values."
        );
    }
}

#[test]
fn a_workbook_is_the_same_bytes_and_its_texts_have_a_limit() {
    let config = json!({"sheet": "a/b", "file_name": "Sales"});
    let (file, one) = written(&sales_in("de"), &config).expect("a file");
    assert_eq!(file.name, "Sales.xlsx");
    let (_, two) = written(&sales_in("de"), &config).expect("a file");
    assert_eq!(one, two);
    let long = Value::List(vec![Value::Text("x".repeat(32_768))]);
    let context = context("en", &Kind::list(Kind::text()), long);
    let error = written(&context, &config).expect_err("too long");
    assert!(
        error.to_string().contains("more than 32767 letters"),
        "{error}"
    );
}

#[test]
fn what_has_no_cell_is_a_problem_before_the_first_run() {
    let codes = |config: Json| -> Vec<String> {
        let mut config = config;
        config["list"] = json!("{{ hook.trips }}");
        let workflow = graph::parse(&json!({
            "format": "formwork/1", "name": "Trips", "locale": "en", "time_zone": "UTC", "currency": "EUR", "nodes": [
                {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {"fields": [
                    {"name": "trips", "kind": "list", "item": {"kind": "record", "fields": [
                        {"name": "town", "kind": "text"}, {"name": "guest", "kind": "record", "fields": [{"name": "name", "kind": "text"}]}]}}]}},
                {"id": "file", "type": "data_write", "version": 1, "name": "File", "config": config}],
            "edges": [{"from": "hook", "port": "out", "to": "file"}],
        }))
        .expect("a readable workflow");
        let problems = check(&workflow, &crate::catalogue(), &()).problems;
        problems.into_iter().map(|problem| problem.code).collect()
    };
    assert_eq!(codes(json!({})), ["column_not_a_cell"]);
    assert_eq!(codes(json!({"format": "json"})), [""; 0]);
    assert_eq!(
        codes(json!({"columns": [{"value": "{{ item.guest.name }}"}]})),
        [""; 0]
    );
    assert_eq!(
        codes(json!({"columns": [{"value": "{{ item.guest }}"}]})),
        ["column_not_a_cell"]
    );
    assert_eq!(
        codes(json!({"columns": [{"value": "{{ item.town | upper }}-"}]})),
        ["no_heading"]
    );
}

/// A text that people would write into a cell: without blanks around, which reading takes away.
fn a_text() -> impl Strategy<Value = String> {
    "['=+@;,|\"-]{0,3}[a-zäß上0-9 '\"\n;,|\t=-]{0,8}"
        .prop_map(|text| text.trim().to_owned())
        .prop_filter("a cell of blanks is empty", |text| !text.is_empty())
}

fn a_row() -> impl Strategy<Value = Json> {
    (
        a_text(),
        -1_000_000_000_i64..1_000_000_000,
        any::<bool>(),
        prop::option::of(-1000_i64..1000),
        (-999_999_999_999_999_i64..999_999_999_999_999, 0_u32..9),
        (1901_i16..2200, 1_i8..13, 1_i8..29),
        (0_i8..24, 0_i8..60, 0_i8..60),
        any::<bool>(),
    )
        .prop_map(
            |(
                customer,
                cents,
                euros,
                pieces,
                (digits, scale),
                (year, month, day),
                (hour, minute, second),
                paid,
            )| {
                let net = Money {
                    amount: Decimal::new(cents, 2),
                    currency: if euros { "EUR" } else { "USD" }.into(),
                };
                let date = jiff::civil::date(year, month, day);
                let time = jiff::civil::time(hour, minute, second, 0);
                let moment = date
                    .to_datetime(time)
                    .to_zoned(jiff::tz::TimeZone::UTC)
                    .expect("a moment");
                let record = Record::from_iter([
                    ("customer".to_owned(), Value::Text(customer)),
                    ("net".to_owned(), Value::Money(net)),
                    (
                        "pieces".to_owned(),
                        pieces.map_or(Value::Empty, Value::Integer),
                    ),
                    (
                        "rate".to_owned(),
                        Value::Decimal(Decimal::new(digits, scale)),
                    ),
                    ("day".to_owned(), Value::Date(date)),
                    ("at".to_owned(), Value::Time(time)),
                    ("moment".to_owned(), Value::Instant(moment.timestamp())),
                    ("paid".to_owned(), Value::YesNo(paid)),
                ]);
                Value::Record(record).to_json()
            },
        )
}

/// Numbers by what they say: a spreadsheet keeps no zeros at the end.
fn plain(list: &Json) -> Json {
    let mut list = list.clone();
    for row in list.as_array_mut().into_iter().flatten() {
        let rate = row["rate"]
            .as_str()
            .and_then(|rate| rate.parse::<Decimal>().ok());
        row["rate"] = json!(rate.map(|rate| rate.normalize().to_string()));
    }
    list
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_reads_the_same(list in prop::collection::vec(a_row(), 1..8), language in 0..5_usize, format in 0..4_usize) {
        let locale = ["de", "en", "zh-CN", "sv", "he"][language];
        let kind = sales_kind();
        let value = Value::from_json(&json!(list), &kind).expect("sales");
        let mut writer = context(locale, &kind, value);
        // In a zone without summer time an hour is never told twice.
        writer.step.time_zone = "Asia/Tokyo".into();
        let writing = [
            json!({"format": "csv"}),
            json!({"format": "csv", "numbers": "point", "delimiter": "tab"}),
            json!({"format": "excel"}),
            json!({"format": "json"}),
        ];
        let (file, _) = written(&writer, &writing[format]).expect("a file");
        let Kind::List { item, .. } = &kind else { unreachable!() };
        let Kind::Record { fields } = item.as_ref() else { unreachable!() };
        let fields: &Vec<Field> = fields;
        writer.values.insert("file".into(), Value::File(file));
        let numbers = if format == 1 { "point" } else { "language" };
        let config = json!({"file": "{{ file }}", "columns": fields, "numbers": numbers});
        let output = done::<crate::data_read::DataRead>(config, &writer).expect("rows").output;
        prop_assert_eq!(plain(&output["rows"]), plain(&json!(list)));
    }
}
