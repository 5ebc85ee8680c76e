//! What tables read, refuse and lose.

use proptest::prelude::*;

use super::*;

fn layout(columns: Json, name: Option<&str>) -> Layout {
    Layout {
        columns: serde_json::from_value(columns).expect("columns"),
        name_column: name.map(str::to_owned),
    }
}

fn hotels() -> Layout {
    layout(
        json!([
            {"name": "name", "title": "Name", "kind": "text"},
            {"name": "price", "title": "Price", "kind": "money", "currency": "EUR"},
            {"name": "rooms", "title": "Rooms", "kind": "integer", "optional": true},
            {"name": "rate", "title": "Rate", "kind": "decimal", "optional": true},
            {"name": "from", "title": "From", "kind": "date", "optional": true},
            {"name": "sauna", "title": "Sauna", "kind": "yes_no", "optional": true},
            {"name": "board", "title": "Board", "kind": "choice", "optional": true,
             "options": [{"value": "half", "title": "Half board"}, {"value": "full"}]},
        ]),
        Some("name"),
    )
}

fn read(given: &Json, locale: &str, source: Source) -> Result<Json, Vec<(String, String)>> {
    let constants = Record::new();
    let setting = setting(source, locale, "EUR", &constants);
    hotels()
        .read_row(given.as_object().expect("an object"), &setting)
        .map(Json::Object)
        .map_err(|problems| {
            let told = problems.into_iter();
            told.map(|problem| (problem.pointer, problem.code))
                .collect()
        })
}

#[test]
fn cells_are_read_as_the_firm_types_them() {
    let typed = json!({
        "name": " Adler ", "price": "1.234,50 €", "rooms": "12", "rate": "7,5", "from": "8.3.2027", "sauna": "ja",
        "board": "half BOARD",
    });
    let row = json!({
        "name": "Adler", "price": {"amount": "1234.50", "currency": "EUR"}, "rooms": 12, "rate": "7.5",
        "from": "2027-03-08", "sauna": true, "board": "half",
    });
    assert_eq!(read(&typed, "de", Source::Person), Ok(row.clone()));
    assert_eq!(read(&row, "de", Source::Program), Ok(row));
}

#[test]
fn every_wrong_cell_of_a_row_is_told() {
    let typed = json!({
        "price": "$ 5", "rooms": "1.5", "rate": "many", "from": "3/8/2027", "sauna": "perhaps", "board": "none", "pool": "1",
    });
    let found = read(&typed, "en", Source::Person).expect_err("wrong cells");
    assert_eq!(
        found,
        [
            ("/pool", "table_column_unknown"),
            ("/name", "required"),
            ("/price", "money_currency"),
            ("/rooms", "number_decimals"),
            ("/rate", "number"),
            ("/from", "date"),
            ("/sauna", "table_yes_no"),
            ("/board", "choice"),
        ]
        .map(|(at, code)| (at.to_owned(), code.to_owned()))
    );
    let large = json!({"name": "A", "price": "1", "rooms": 9_007_199_254_740_992_i64});
    let found = read(&large, "en", Source::Program).expect_err("too large");
    assert_eq!(found, [("/rooms".to_owned(), "number_too_long".to_owned())]);
}

#[test]
fn a_row_has_a_size() {
    let columns: Vec<Json> = (0..20)
        .map(|at| json!({"name": format!("c{at}"), "title": format!("C{at}"), "kind": "text"}))
        .collect();
    let layout = layout(json!(columns), None);
    let given: Map<String, Json> = (0..20)
        .map(|at| (format!("c{at}"), json!("x".repeat(2_000))))
        .collect();
    let constants = Record::new();
    let setting = setting(Source::Person, "en", "EUR", &constants);
    let found = layout.read_row(&given, &setting).expect_err("too large");
    assert_eq!(found[0].code, "table_row_size");
}

#[test]
fn a_layout_tells_all_its_problems() {
    let found = layout(
        json!([
            {"name": "Name", "title": "Name", "kind": "text"},
            {"name": "a", "title": "name ", "kind": "money"},
            {"name": "a", "title": "B", "kind": "list", "item": {"kind": "text"}},
            {"name": "c", "title": "C", "kind": "choice", "options": [{"value": "x"}, {"value": "X"}]},
            {"name": "d", "title": "D", "kind": "text", "max_length": 9000},
        ]),
        Some("c"),
    )
    .check();
    let told: Vec<_> = found
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("/columns/0/name", "table_column_name"),
            ("/columns/1/title", "table_column_title"),
            ("/columns/1", "table_column_currency"),
            ("/columns/2/name", "table_column_name"),
            ("/columns/2", "table_column_kind"),
            ("/columns/3", "table_column_options"),
            ("/columns/4", "table_column_length"),
            ("/name_column", "table_name_column"),
        ]
    );
    assert!(hotels().check().is_empty());
}

#[test]
fn a_change_of_columns_tells_what_it_loses() {
    let from = layout(
        json!([
            {"name": "name", "title": "Name", "kind": "text"},
            {"name": "price", "title": "Price", "kind": "text", "optional": true},
            {"name": "note", "title": "Note", "kind": "text", "optional": true},
            {"name": "open", "title": "Open", "kind": "yes_no", "optional": true},
        ]),
        None,
    );
    let to = layout(
        json!([
            {"name": "price", "title": "Price", "kind": "money", "currency": "EUR", "optional": true},
            {"name": "name", "title": "Hotel", "kind": "text"},
            {"name": "open", "title": "Open", "kind": "text", "optional": true},
            {"name": "stars", "title": "Stars", "kind": "integer"},
        ]),
        None,
    );
    let cells = |json: Json| json.as_object().cloned().expect("cells");
    let mut rows = vec![
        cells(json!({"name": "Adler", "price": "12,50", "note": "quiet", "open": true})),
        cells(json!({"name": "Post", "price": "on request", "note": null, "open": null})),
    ];
    let constants = Record::new();
    let setting = setting(Source::Person, "de", "EUR", &constants);
    let (losses, gaps) = from.convert(&to, &mut rows, &setting);
    let lost: Vec<_> = losses
        .iter()
        .map(|loss| {
            (
                loss.column.as_str(),
                loss.removed,
                loss.cells,
                loss.example.as_str(),
            )
        })
        .collect();
    assert_eq!(
        lost,
        [
            ("price", false, 1, "on request"),
            ("note", true, 1, "quiet")
        ]
    );
    assert_eq!(gaps[0].code, "table_column_gaps");
    assert_eq!(
        json!(rows),
        json!([
            {"price": {"amount": "12.50", "currency": "EUR"}, "name": "Adler", "open": "yes", "stars": null},
            {"price": null, "name": "Post", "open": null, "stars": null},
        ])
    );
}

#[test]
fn what_rows_are_recognised_by_is_short() {
    let columns = json!([{"name": "name", "title": "Name", "kind": "text"}]);
    let (free, named) = (layout(columns.clone(), None), layout(columns, Some("name")));
    let constants = Record::new();
    let setting = setting(Source::Person, "en", "EUR", &constants);
    let row =
        |length: usize| Cells::from_iter([("name".to_owned(), json!("\u{20ac}".repeat(length)))]);
    let code = |read: Result<Cells, Vec<Problem>>| {
        read.err()
            .map(|problems| (problems[0].pointer.clone(), problems[0].code.clone()))
    };
    let told = Some(("/name".to_owned(), "row_name_too_long".to_owned()));
    assert_eq!(code(named.read_row(&row(500), &setting)), None);
    assert_eq!(code(named.read_row(&row(501), &setting)), told);
    assert_eq!(code(named.read_cells(&row(501), &setting)), told);
    assert_eq!(code(free.read_row(&row(501), &setting)), None);
    let (_, problems) = free.convert(&named, &mut [row(501), row(2)], &setting);
    assert_eq!(problems[0].code, "row_names_too_long");
    assert_eq!(problems[0].params["rows"], 1);
}

#[test]
fn figures_keep_their_value_between_kinds_of_figures() {
    fn check(cell: Json, from: &Json, to: &Json, expected: &Json) {
        let column = |kind: &Json| {
            let mut column = json!({"name": "a", "title": "A", "optional": true});
            let fields = column.as_object_mut().expect("an object");
            fields.extend(kind.as_object().cloned().expect("a kind"));
            layout(json!([column]), None)
        };
        let mut rows = vec![Cells::from_iter([("a".to_owned(), cell)])];
        let constants = Record::new();
        let setting = setting(Source::Person, "de", "EUR", &constants);
        column(from).convert(&column(to), &mut rows, &setting);
        assert_eq!(&rows[0]["a"], expected);
    }
    let euro = json!({"kind": "money", "currency": "EUR"});
    let franc = json!({"kind": "money", "currency": "CHF"});
    let (integer, decimal) = (json!({"kind": "integer"}), json!({"kind": "decimal"}));
    let ten = json!({"amount": "10.00", "currency": "EUR"});
    check(
        ten.clone(),
        &euro,
        &franc,
        &json!({"amount": "10.00", "currency": "CHF"}),
    );
    check(ten.clone(), &euro, &integer, &json!(10));
    check(ten.clone(), &euro, &decimal, &json!("10.00"));
    check(json!("1.234"), &decimal, &decimal, &json!("1.234"));
    check(
        json!(1200),
        &integer,
        &euro,
        &json!({"amount": "1200.00", "currency": "EUR"}),
    );
    check(json!("1.5"), &decimal, &integer, &Json::Null);
}

proptest! {
    /// Whatever is typed into whatever column: it is read into the column's kind, or told; never a panic.
    #[test]
    fn what_is_read_fits_its_column(text in "\\PC{0,40}", german in any::<bool>()) {
        let constants = Record::new();
        let locale = if german { "de" } else { "en" };
        let setting = setting(Source::Person, locale, "EUR", &constants);
        for column in hotels().columns {
            if let Ok(cell) = column.read(&json!(text), &setting) {
                let again = Setting { source: Source::Program, ..setting };
                prop_assert!(cell.is_null() || Value::from_json(&cell, &column.field.kind).is_ok());
                prop_assert_eq!(column.read(&cell, &again).ok(), Some(cell));
            }
        }
    }
}
