//! Files as people and programs make them, and everything that can be wrong with them.

use std::io::Write;

use engine::sheet::SheetRow;
use proptest::prelude::*;
use serde_json::Value as Json;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::testing::{FakeContext, done};

/// Reads bytes under a name in a language.
fn read_as(name: &str, bytes: &[u8], locale: &str, config: &Json) -> Result<Done, NodeError> {
    let mut context = FakeContext::new(&json!({}));
    context.step.locale = locale.into();
    let file = engine::value::FileRef {
        id: engine::ids::ArtifactId(uuid::Uuid::nil()),
        name: name.into(),
        content_type: "application/octet-stream".into(),
        size_bytes: bytes.len() as u64,
    };
    context.values.insert("file".into(), Value::File(file));
    let mut files = context.files.lock().expect("lock");
    files.push((name.into(), bytes.to_vec()));
    drop(files);
    let mut config = config.clone();
    config["file"] = json!("{{ file }}");
    done::<DataRead>(config, &context)
}

fn columns() -> Json {
    json!({"columns": [
        {"name": "customer", "title": "Customer", "kind": "text"},
        {"name": "net", "title": "Net amount", "kind": "money"},
        {"name": "day", "kind": "date", "optional": true}]})
}

fn euros(amount: &str) -> Json {
    json!({"amount": amount, "currency": "EUR"})
}

#[test]
fn columns_are_found_by_their_headings_whatever_stands_between_cells() {
    let expected = json!({"count": 2, "rows": [
        {"customer": "Brandt, Söhne", "net": euros("1234.50"), "day": "2026-12-24"},
        {"customer": "Hoffmann", "net": euros("-7.00"), "day": null}]});
    for delimiter in [";", ",", "\t", "|"] {
        let quoted = |text: &str| format!("\"{text}\"");
        let lines = [
            ["note", " CUSTOMER ", "net_amount", "Day"].join(delimiter),
            [
                "",
                &quoted("Brandt, Söhne"),
                &quoted("1.234,50 €"),
                "24.12.2026",
            ]
            .join(delimiter),
            // A blank line is no row.
            ["", "", "", ""].join(delimiter),
            ["x", "Hoffmann", "-7", ""].join(delimiter),
        ];
        for (mark, end) in [("", "\n"), ("\u{feff}", "\r\n")] {
            let text = format!("{mark}{}{end}", lines.join(end));
            let done = read_as("a.csv", text.as_bytes(), "de", &columns()).expect("rows");
            assert_eq!(done.output, expected, "{text:?}");
        }
    }
    // Excel's own hint, headings further down, and a text instead of a file.
    let text = "sep=|\nSales\nCustomer|Net amount|Day\n\nBrandt|1.5.6|\n\"of two\nlines\"|1|\nA||";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let mut config = columns();
        config["heading_row"] = json!(2);
        config["file"] = json!("{{ text }}");
        let context = FakeContext::new(&json!({"text": text}));
        let done = done::<DataRead>(config, &context).expect_err("no amount");
        assert_eq!(
            done.to_string(),
            "The file was not read. Row 4, \u{201c}Net amount\u{201d}: \u{201c}1.5.6\u{201d} is not an amount of money; an amount of money is expected. \
         Row 6, \u{201c}Net amount\u{201d} is empty. Correct the file, or the columns of this step."
        );
    }
}

#[test]
fn what_is_far_too_wide_is_refused() {
    let code = |name: &str, text: &str| match read_as(name, text.as_bytes(), "en", &columns()) {
        Err(NodeError::Failed(error)) => (error.code.clone(), error.params),
        other => panic!("{other:?}"),
    };
    let (found, _) = code(
        "a.csv",
        &format!("Customer,Net amount{}\n", ",".repeat(5_000)),
    );
    assert_eq!(found, "too_many_columns");
    let names: Vec<String> = (0..1_001).map(|at| format!("\"v{at}\": 1")).collect();
    let (found, _) = code("a.json", &format!("[{{{}}}]", names.join(", ")));
    assert_eq!(found, "too_many_columns");
    // Blank cells beyond the headings are nothing; others are told once.
    let blank = format!("Customer,Net amount,day\nBrandt,1,{}\n", ",".repeat(5_000));
    let read = read_as("a.csv", blank.as_bytes(), "en", &columns()).expect("rows");
    assert_eq!(read.output["count"], 1);
    let (found, params) = code("a.csv", &format!("{}x\n", blank.trim_end()));
    assert_eq!(
        (found.as_str(), &params["count"]),
        ("cells_do_not_fit", &json!(1))
    );
}

#[test]
fn numbers_that_a_json_reader_changes_are_refused() {
    let config = json!({"columns": [{"name": "n", "kind": "decimal"}]});
    let read = |number: &str| {
        read_as(
            "a.json",
            format!("[{{\"N\": {number}}}]").as_bytes(),
            "en",
            &config,
        )
    };
    assert_eq!(read("1.25").expect("a row").output["rows"][0]["n"], "1.25");
    // The reader makes 0.1 of it, which has few digits again.
    for number in ["0.1000000000000000055", "12345678901234567890123"] {
        let Err(NodeError::Failed(error)) = read(number) else {
            panic!("{number} was read");
        };
        assert_eq!(
            (error.code.as_str(), &error.params["number"]),
            ("inexact_number", &json!(number))
        );
    }
    assert_eq!(
        read("\"0.1000000000000000055\"").expect("a row").output["count"],
        1
    );
}

#[test]
fn letters_that_are_not_utf8_are_those_of_the_language() {
    let check = |encoding: &'static encoding_rs::Encoding, locale: &str, name: &str| {
        let text = format!("Customer,Net amount,day\n{name},1,\n");
        let (bytes, _, _) = encoding.encode(&text);
        let done = read_as("a.csv", &bytes, locale, &columns()).expect("rows");
        assert_eq!(done.output["rows"][0]["customer"], json!(name));
    };
    check(encoding_rs::WINDOWS_1252, "de", "Müller & Söhne €");
    check(encoding_rs::GB18030, "zh-CN", "上海旅行社");
    check(encoding_rs::WINDOWS_1250, "pl", "Łukasz");
    check(encoding_rs::UTF_8, "de", "Łukasz 上海");
    let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
        .chain("Customer\tNet amount\tday\nÄ\t1\t\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let done = read_as("a.txt", &utf16, "de", &columns()).expect("rows");
    assert_eq!(done.output["rows"][0]["customer"], json!("Ä"));
    let error = read_as("a.csv", b"Customer\0\xff", "de", &columns()).expect_err("no text");
    assert!(error.to_string().contains("not a text"), "{error}");
}

#[test]
fn every_cell_that_does_not_fit_is_told_with_its_place() {
    let text = "Customer;Net amount;Day\n;abc;24.12.26\nBrandt;1,234;\nHoffmann;2;;extra\n";
    let error = read_as("a.csv", text.as_bytes(), "de", &columns()).expect_err("faults");
    let NodeError::Failed(error) = error else {
        panic!("{error}");
    };
    let told: Vec<_> = error.params["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .map(|fault| {
            let params = &fault["params"];
            let mismatch = params["mismatch"].as_str().unwrap_or_default();
            (
                fault["code"].as_str().expect("a code"),
                params["row"].as_u64(),
                mismatch,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("cell_missing", Some(2), ""),
            ("cell_unreadable", Some(2), "wrong_kind"),
            ("cell_unreadable", Some(2), "not_a_date"),
            ("cell_unreadable", Some(3), "too_many_decimals"),
            ("row_too_long", Some(4), ""),
        ]
    );
    let many = format!("Customer;Net amount\n{}", "a;x\n".repeat(60));
    let error = read_as("a.csv", many.as_bytes(), "de", &columns()).expect_err("faults");
    assert!(error.to_string().contains("And 10 more."), "{error}");
}

#[test]
fn headings_that_are_missing_or_there_twice_are_named() {
    let check = |text: &str, message: &str| {
        let error = read_as("a.csv", text.as_bytes(), "en", &columns()).expect_err("headings");
        assert!(error.to_string().contains(message), "{error}");
    };
    check(
        "Client,Net amount\nA,1\n",
        "no column: Customer. Its headings are: Client, Net amount.",
    );
    check(
        "Customer,customer,Net amount\nA,B,1\n",
        "\u{201c}Customer\u{201d} twice, as column 1 and 2",
    );
    check(" ", "Its headings are: nothing.");
    // One that may be empty is told, and left empty.
    let done = read_as("a.csv", b"Customer,Net amount\nA,1\n", "en", &columns()).expect("rows");
    assert_eq!(done.warnings[0].code, "column_left_empty");
    assert_eq!(done.output["rows"][0]["day"], Json::Null);
}

#[test]
fn limits_are_told() {
    let rows = format!("Customer,Net amount,day\n{}", "a,1,\n".repeat(20_001));
    let error = read_as("a.csv", rows.as_bytes(), "en", &columns()).expect_err("rows");
    assert!(
        error.to_string().contains("more than 20000 rows"),
        "{error}"
    );
    let wide = format!("Customer,Net amount,day{}", ",x".repeat(1000));
    let error = read_as("a.csv", wide.as_bytes(), "en", &columns()).expect_err("columns");
    assert!(error.to_string().contains("1003 columns"), "{error}");
    let large = vec![b' '; 20 * 1024 * 1024 + 1];
    let error = read_as("a.csv", &large, "en", &columns()).expect_err("bytes");
    assert!(
        error.to_string().contains("20971520 are the most"),
        "{error}"
    );
}

#[test]
fn json_is_a_list_or_holds_one() {
    let rows = json!([
        {"customer": "A", "Net Amount": {"amount": "1.50", "currency": "USD"}, "day": "2026-12-24"},
        {"customer": "B", "net": 2.5}, {"customer": "C", "net": "3.25"}]);
    let expected = json!([
        {"customer": "A", "net": {"amount": "1.50", "currency": "USD"}, "day": "2026-12-24"},
        {"customer": "B", "net": euros("2.50"), "day": null}, {"customer": "C", "net": euros("3.25"), "day": null}]);
    let read = |json: &Json, list: &str| {
        let mut config = columns();
        config["list"] = json!(list);
        read_as("a.json", json.to_string().as_bytes(), "de", &config)
    };
    assert_eq!(read(&rows, "").expect("rows").output["rows"], expected);
    let inside = json!({"page": 1, "data": {"sales": rows}});
    assert_eq!(
        read(&inside, "data.sales").expect("rows").output["rows"],
        expected
    );
    assert_eq!(
        read(&json!({"page": 1, "sales": rows}), "")
            .expect("rows")
            .output["rows"],
        expected
    );
    let check = |json: &Json, list: &str, message: &str| {
        let error = read(json, list).expect_err("a fault");
        assert!(error.to_string().contains(message), "{error}");
    };
    check(&json!({"a": [], "b": []}), "", "It holds: a, b.");
    check(&json!({"a": []}), "c", "It holds: a.");
    check(&json!([1]), "", "Row 1 is not a group");
    let long = br#"[{"customer": "A", "net": 12345678901234567.89}]"#;
    let error = read_as("a.json", long, "de", &columns()).expect_err("too many digits");
    assert!(
        error.to_string().contains("Let the file have it as a text"),
        "{error}"
    );
    check(
        &json!([{"customer": "A", "net": 1.505}]),
        "",
        "more decimals",
    );
    let error = read_as("a.json", b"[{", "de", &columns()).expect_err("broken");
    assert!(error.to_string().contains("not JSON"), "{error}");
}

fn zip(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        let options = SimpleFileOptions::default();
        writer.start_file(*name, options).expect("a part");
        writer.write_all(bytes).expect("bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

#[test]
fn a_workbook_that_unpacks_too_far_is_never_unpacked() {
    let bomb = zip(&[("xl/worksheets/sheet1.xml", &vec![b' '; 201 * 1024 * 1024])]);
    assert!(bomb.len() < 1024 * 1024);
    let told = |bytes: &[u8]| {
        read_as("a.xlsx", bytes, "en", &columns())
            .expect_err("a bomb")
            .to_string()
    };
    assert!(told(&bomb).contains("more than 200 MB"));
    // One that lies about its size: what both headers say of it is made small.
    let size = (201_u32 * 1024 * 1024).to_le_bytes();
    let mut lying = bomb;
    let mut at = 0;
    while let Some(found) = lying[at..].windows(4).position(|part| part == size) {
        at += found;
        lying[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
    }
    assert!(at > 0, "the size is found");
    let error = told(&lying);
    assert!(
        error.contains("200 MB") || error.contains("not an Excel workbook"),
        "{error}"
    );
    assert!(told(&zip(&[("a.txt", b"a")])).contains("not an Excel workbook"));
    assert!(told(b"PK\x03\x04 broken").contains("not an Excel workbook"));
    let old = [&OLE[..], &[0; 100]].concat();
    assert!(told(&old).contains("Save it as .xlsx"));
}

#[test]
fn a_sheet_is_read_as_people_of_a_language_type_it() {
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let dollars = Format::new().set_num_format("#,##0.00 [$USD]");
    let day = ExcelDateTime::from_ymd(2026, 12, 24).expect("a day");
    page.write(0, 0, "Customer").expect("a heading");
    page.write(0, 1, "Net").expect("a heading");
    page.write(2, 0, 4711).expect("a number");
    page.write_with_format(2, 1, 1234.5, &dollars)
        .expect("dollars");
    page.write(3, 0, true).expect("a yes");
    page.write_with_format(3, 1, &day, &date).expect("a date");
    page.write(4, 0, "#N/A is a text here").expect("a text");
    page.write_formula(4, 1, Formula::new("=NA()").set_result("#N/A"))
        .expect("a formula");
    let bytes = book.save_to_buffer().expect("a workbook");
    let row = |number: u64, cells: [&str; 2]| SheetRow {
        number,
        cells: cells.map(str::to_owned).to_vec(),
        faults: Vec::new(),
    };
    let read = |locale: &str, most: usize| {
        read_sheet("a.xlsx", &bytes, None, locale, most)
            .expect("rows")
            .rows
    };
    let first = row(1, ["Customer", "Net"]);
    let german = [
        first.clone(),
        row(3, ["4711", "1234,5 USD"]),
        row(4, ["yes", "2026-12-24"]),
        SheetRow {
            faults: vec![1],
            ..row(5, ["#N/A is a text here", "#N/A"])
        },
    ];
    assert_eq!(read("de", 10), german);
    assert_eq!(read("en", 10)[1], row(3, ["4711", "1234.5 USD"]));
    // One more than wanted says that there are more.
    assert_eq!(read("de", 1), german[..3]);
    assert_eq!(read("de", 0), german[..2]);
    let mut empty = Workbook::new();
    empty.add_worksheet().write(5, 0, "late").expect("a cell");
    let bytes = empty.save_to_buffer().expect("a workbook");
    let blank = read_sheet("a.xlsx", &bytes, None, "en", 10).expect("a sheet");
    assert!(blank.rows.is_empty(), "{:?}", blank.rows);
    let error = read_sheet("a.xls", &OLE, None, "en", 10).expect_err("an old one");
    assert_eq!(
        (error.code.as_str(), error.params["file"].as_str()),
        ("old_workbook", Some("a.xls"))
    );
}

#[test]
fn the_first_sheet_that_people_see_is_read_unless_one_is_named() {
    let mut book = rust_xlsxwriter::Workbook::new();
    for (name, text) in [
        ("Blank", " "),
        ("Notes", "x"),
        ("Sales", "a"),
        ("Costs", "b"),
    ] {
        let page = book.add_worksheet();
        page.set_name(name).expect("a name");
        page.write(0, 0, text).expect("a text");
        page.set_hidden(name == "Notes");
    }
    let bytes = book.save_to_buffer().expect("a workbook");
    let check = |sheet: Option<&str>, expected: Result<(&str, &str), &str>| {
        let read = read_sheet("a.xlsx", &bytes, sheet, "en", 10);
        let read = read.map_err(|error| error.code);
        let read = read.as_ref().map(|sheet| {
            assert_eq!(sheet.names, ["Blank", "Sales", "Costs"]);
            (sheet.name.as_str(), sheet.rows[0].cells[0].as_str())
        });
        assert_eq!(read.map_err(String::as_str), expected);
    };
    check(None, Ok(("Sales", "a")));
    check(Some("costs"), Ok(("Costs", "b")));
    check(Some("Notes"), Ok(("Notes", "x")));
    check(Some("Other"), Err("no_sheet"));
    let error = read_sheet("a.xlsx", &bytes, Some("Other"), "en", 10).expect_err("no sheet");
    assert_eq!(error.params["sheets"], "Blank, Sales, Costs");
}

#[test]
fn cells_of_a_workbook_keep_their_kinds() {
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
    let mut book = Workbook::new();
    book.add_worksheet().set_name("Notes").expect("a name");
    let page = book.add_worksheet();
    page.set_name("Sales 2026").expect("a name");
    let date = Format::new().set_num_format("yyyy-mm-dd");
    let dollars = Format::new().set_num_format("#,##0.00 [$USD]");
    let day = ExcelDateTime::from_ymd(2026, 12, 24).expect("a day");
    for (column, heading) in (0..).zip(["Customer", "Net amount", "Day"]) {
        page.write(1, column, heading).expect("a heading");
    }
    page.write(2, 0, 4711).expect("a number");
    page.write(2, 1, 0.1 + 0.2).expect("a number");
    page.write_with_format(2, 2, &day, &date).expect("a date");
    page.write(4, 0, "Hoffmann").expect("a text");
    page.write_with_format(4, 1, 12.5, &dollars)
        .expect("dollars");
    // A note far to the right, and far below a cell with nothing in it but its look.
    page.write(4, 16_000, "far").expect("a note");
    page.write_blank(900_000, 0, &date).expect("a look");
    let bytes = book.save_to_buffer().expect("a workbook");
    let mut config = columns();
    config["sheet"] = json!("sales 2026");
    config["heading_row"] = json!(2);
    let done = read_as("a.xlsx", &bytes, "de", &config).expect("rows");
    assert_eq!(
        done.output["rows"],
        json!([
            {"customer": "4711", "net": euros("0.30"), "day": "2026-12-24"},
            {"customer": "Hoffmann", "net": {"amount": "12.50", "currency": "USD"}, "day": null}])
    );
    config["sheet"] = json!("Costs");
    let error = read_as("a.xlsx", &bytes, "de", &config).expect_err("no sheet");
    assert!(
        error.to_string().contains("It has: Notes, Sales 2026."),
        "{error}"
    );

    let page = book.worksheet_from_index(1).expect("the sheet");
    page.write(6, 0, "X").expect("a text");
    page.write_formula(6, 1, Formula::new("=1/0").set_result("#DIV/0!"))
        .expect("a formula");
    let bytes = book.save_to_buffer().expect("a workbook");
    config["sheet"] = json!("Sales 2026");
    let error = read_as("a.xlsx", &bytes, "de", &config).expect_err("a fault");
    assert!(
        error
            .to_string()
            .contains("Row 7, \u{201c}Net amount\u{201d}"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_a_problem_before_the_first_run() {
    let codes = |config: Json| -> Vec<String> {
        let node: DataRead = crate::testing::node(config);
        let mut problems = node.check_columns();
        problems.sort_by(|a, b| a.code.cmp(&b.code));
        problems.into_iter().map(|problem| problem.code).collect()
    };
    assert_eq!(codes(columns()), [""; 0]);
    assert_eq!(codes(json!({})), ["bad_column_count"]);
    let twice = json!([{"name": "a", "title": "Due date", "kind": "text"}, {"name": "due_date", "kind": "text"}]);
    assert_eq!(codes(json!({"columns": twice})), ["duplicate_heading"]);
    let nested = json!([{"name": "a", "kind": "list", "item": {"kind": "text"}}]);
    assert_eq!(codes(json!({"columns": nested})), ["column_not_a_cell"]);
    assert_eq!(codes(json!({"columns": nested, "format": "json"})), [""; 0]);
}

proptest! {
    /// Whatever stands in a file, reading it ends with rows or with an error.
    #[test]
    fn no_file_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..3_usize) {
        let format = ["csv", "excel", "json"][kind];
        let mut config = columns();
        config["format"] = json!(format);
        let _ends = read_as("a", &bytes, "de", &config);
    }

    #[test]
    fn no_damaged_workbook_breaks_the_reader(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut book = rust_xlsxwriter::Workbook::new();
        let page = book.add_worksheet();
        page.write(0, 0, "Customer").expect("a heading");
        page.write(1, 0, "A").expect("a text");
        let mut bytes = book.save_to_buffer().expect("a workbook");
        for (place, byte) in places {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let mut config = columns();
        config["format"] = json!("excel");
        let _ends = read_as("a.xlsx", &bytes, "de", &config);
    }

    /// The same with parts that are whole archives but broken documents.
    #[test]
    fn no_broken_sheet_breaks_the_reader(
        sheet in "(<row( r=\"[0-9a]{1,12}\")?>|</row>|<c( r=\"[A-Z]{0,9}[0-9]{0,12}\")?( s=\"[0-9]{1,3}\")?( t=\"(s|b|e|str|d|n|inlineStr)\")?>|</c>|<v>|</v>|<is><t>|</t></is>|[0-9]{1,4}|-|\\.|e){0,14}"
    ) {
        let sheet = format!("<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{sheet}</sheetData></worksheet>");
        let bytes = zip(&[
            ("xl/workbook.xml", b"<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"),
            ("xl/_rels/workbook.xml.rels", b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        ]);
        let _ends = read_as("a.xlsx", &bytes, "de", &columns());
    }
}
