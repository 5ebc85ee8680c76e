//! Documents as others see them: text, page count and size through poppler, the same bytes from two processes, hostile templates.

use std::{
    path::Path,
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use document::{Assets, Context, DocumentError, LimitKind, Limits, Rendered, Renderer, Template};
use engine::{
    firm::Firm,
    kind::Kind,
    value::{Record, Value},
};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value as Json, json};

/// Chinese, Japanese and Korean, where this system has it.
const CJK: &str = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc";

fn renderer() -> &'static Renderer {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    RENDERER.get_or_init(|| Renderer::new(Box::new(|| std::fs::read(CJK).into_iter().collect())))
}

fn context() -> Context {
    let firm = Firm {
        name: "Nordlicht Reisen".into(),
        iban: "DE02120300000000202051".into(),
        ..Firm::default()
    };
    let Value::Record(firm) = firm.to_value() else {
        panic!("a firm is a record");
    };
    Context {
        locale: "en".into(),
        currency: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
        firm,
    }
}

fn template(parts: Json) -> Template {
    let mut json = json!({"format": "formwork-document/1", "title": "A title"});
    let (Some(object), Json::Object(parts)) = (json.as_object_mut(), parts) else {
        panic!("an object");
    };
    object.extend(parts);
    Template::parse(&json).expect("a template")
}

fn values(template: &Template, json: &Json) -> Record {
    let kind = Kind::Record {
        fields: template.fields(),
    };
    match Value::from_json(json, &kind) {
        Ok(Value::Record(record)) => record,
        other => panic!("not the template's values: {other:?}"),
    }
}

fn render_with(parts: Json, json: &Json, limits: &Limits) -> Result<Rendered, DocumentError> {
    let template = template(parts);
    let values = values(&template, json);
    renderer().render(&template, &values, &context(), &Assets::default(), limits)
}

fn render(parts: Json, json: &Json) -> Rendered {
    render_with(parts, json, &Limits::default()).expect("a document")
}

/// Runs a poppler or qpdf tool on the PDF and gives its output.
fn tool(rendered: &Rendered, command: &[&str]) -> String {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("page-{}-{number}.pdf", std::process::id()));
    std::fs::write(&file, rendered.pdf().expect("a PDF")).expect("written");
    let mut run = Command::new(command[0]);
    for part in &command[1..] {
        if *part == "FILE" {
            run.arg(&file);
        } else {
            run.arg(part);
        }
    }
    let output = run
        .output()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", command[0]));
    std::fs::remove_file(&file).expect("removed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(rendered: &Rendered) -> String {
    let text = tool(rendered, &["pdftotext", "-layout", "FILE", "-"]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list_document() -> Json {
    json!({
        "fields": [{"name": "lines", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "what", "kind": "text"}, {"name": "amount", "kind": "money"}]}}],
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]},
        "blocks": [
            {"id": "lines", "type": "table", "rows": "{{ lines }}", "columns": [
                {"heading": "Thing", "value": "{{ item.what }}"},
                {"heading": "Costs", "value": "{{ item.amount | amount }}", "width": "auto", "align": "end"}]},
            {"id": "sum", "type": "totals", "lines": [
                {"label": "Together", "value": "{{ lines | sum(attribute='amount') | money }}", "strong": true}]}]
    })
}

fn rows(count: usize) -> Json {
    let row = |index| json!({"what": format!("Row number {index}"), "amount": {"amount": "0.10", "currency": "EUR"}});
    json!({"lines": (1..=count).map(row).collect::<Vec<_>>()})
}

#[test]
fn scripts_are_right_on_the_page_and_in_the_text() {
    let samples = [
        "Žluťoučký kůň, Straße, office, Ĳsselmeer, Việt Nam",
        "Ελληνικά, Αθήνα, ά",
        "Кириллица, Їжак, Љубав",
        "שלום עולם",
    ];
    let blocks: Vec<Json> = samples
        .iter()
        .enumerate()
        .map(|(index, sample)| json!({"id": format!("b{index}"), "type": "text", "text": sample}))
        .collect();
    let rendered = render(json!({"blocks": blocks}), &json!({}));
    assert_eq!(rendered.warnings, []);
    let found = text(&rendered);
    for sample in &samples[..3] {
        assert!(found.contains(sample), "{sample} in {found}");
    }
    assert!(found.contains("שלום"), "{found}");
}

#[test]
fn arabic_joins_and_keeps_every_letter() {
    let blocks = json!([{"id": "a", "type": "text", "text": "المثال شكرا 42"}]);
    let rendered = render(json!({"blocks": blocks}), &json!({}));
    assert_eq!(rendered.warnings, []);
    let letters: String = text(&rendered)
        .chars()
        .filter(|letter| !('\u{202a}'..='\u{202e}').contains(letter))
        .collect();
    for word in ["المثال", "شكرا", "42"] {
        assert!(letters.contains(word), "{word} in {letters}");
    }
}

#[test]
fn chinese_comes_from_a_font_loaded_on_demand() {
    if !Path::new(CJK).exists() {
        return;
    }
    let long = "感谢您的惠顾，请在三十天内付款，逾期将按照合同约定收取滞纳金并可能影响后续服务的正常提供。".repeat(3);
    let rendered = render(
        json!({"blocks": [{"id": "a", "type": "text", "text": long}]}),
        &json!({}),
    );
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered).replace(' ', ""), long);
    assert!(
        rendered.pdf().expect("a PDF").len() < 100_000,
        "only the letters in use are embedded"
    );
}

#[test]
fn a_long_table_repeats_its_heading_and_counts_its_pages() {
    let rendered = render(list_document(), &rows(100));
    let found = text(&rendered);
    let pages = rendered.pages.len();
    assert!(pages >= 3);
    assert_eq!(found.matches("Thing").count(), pages);
    assert!(found.contains(&format!("Page {pages} of {pages}")));
    assert!(found.contains("Row number 100 0.10"));
    assert!(found.contains("Together €10.00"), "{found}");
    let info = tool(&rendered, &["pdfinfo", "FILE"]);
    assert!(
        info.contains("Title: A title") || info.contains("A title"),
        "{info}"
    );
    assert!(
        info.contains("(A4)") && info.contains("Tagged:          yes"),
        "{info}"
    );
}

#[test]
fn five_thousand_rows_are_laid_out() {
    let rendered = render(list_document(), &rows(5_000));
    assert!(rendered.pages.len() > 100);
    assert!(text(&rendered).contains("Together €500.00"));
}

#[test]
fn no_rows_say_so() {
    let rendered = render(list_document(), &rows(0));
    assert!(text(&rendered).contains("No items"));
    assert_eq!(rendered.warnings[0].code, "list_empty");
    assert_eq!(rendered.warnings[0].location, "lines, page 1");
}

#[test]
fn a_row_taller_than_a_page_goes_on_overleaf() {
    let mut long = rows(2);
    long["lines"][1]["what"] = json!("word ".repeat(6_000));
    let rendered = render(list_document(), &long);
    assert!(rendered.pages.len() > 1);
    assert_eq!(text(&rendered).matches("word").count(), 6_000);
}

#[test]
fn what_is_missing_is_a_located_warning() {
    let parts = json!({
        "fields": [{"name": "note", "kind": "text", "optional": true}],
        "blocks": [
            {"id": "a", "type": "text", "text": "Note: {{ note }}"},
            {"id": "b", "type": "text", "text": "Rocket \u{1f680}"},
            {"id": "c", "type": "qr", "payment": {"name": "X", "iban": "DE00", "amount": "{{ 1 }}"}}]
    });
    let rendered = render(parts, &json!({}));
    let found: Vec<(&str, &str)> = rendered
        .warnings
        .iter()
        .map(|warning| (warning.code.as_str(), warning.location.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("value_missing", "a, page 1"),
            ("missing_glyph", "b, page 1"),
            ("payment_code", "c")
        ]
    );
}

#[test]
fn letters_that_disguise_are_stripped() {
    let parts = json!({
        "fields": [{"name": "name", "kind": "text"}],
        "blocks": [{"id": "a", "type": "text", "text": "{{ name }}"}]
    });
    let rendered = render(parts, &json!({"name": "Pay \u{202e}001\u{202c} EUR\u{7}"}));
    assert_eq!(text(&rendered), "Pay 001 EUR");
}

#[test]
fn text_without_spaces_breaks_anywhere() {
    let parts = json!({"blocks": [{"id": "a", "type": "text", "text": "m".repeat(5_000)}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered).matches('m').count(), 5_000);
}

#[test]
fn a_number_never_breaks_unseen() {
    let mut large = rows(150);
    large["lines"][149]["amount"]["amount"] = json!("123456789012345.10");
    let rendered = render(list_document(), &large);
    assert_eq!(rendered.warnings, []);
    assert!(text(&rendered).contains("123,456,789,012,345.10"));
    let narrow = json!({"blocks": [{"id": "a", "type": "columns", "columns": [
        {"width": 8, "blocks": [{"id": "b", "type": "text", "text": "123456789.00"}]}, {"blocks": []}]}]});
    let rendered = render(narrow, &json!({}));
    assert_eq!(rendered.warnings[0].code, "number_cut");
    assert_eq!(rendered.warnings[0].location, "b, page 1");
}

#[test]
fn limits_are_clear_errors() {
    let limits = Limits {
        max_pages: 2,
        ..Limits::default()
    };
    let error = render_with(list_document(), &rows(200), &limits).err();
    assert_eq!(
        error,
        Some(DocumentError::Limit {
            kind: LimitKind::Pages,
            max: 2
        })
    );
    let stopped = Limits {
        stop: Some(std::sync::Arc::new(|| true)),
        ..Limits::default()
    };
    let error = render_with(list_document(), &rows(200), &stopped).err();
    assert_eq!(error, Some(DocumentError::Stopped));
}

#[test]
fn values_know_where_they_come_from() {
    let rendered = render(list_document(), &rows(3));
    let boxes = rendered.boxes(0);
    let amount = boxes
        .iter()
        .find(|place| place.origin.as_deref() == Some("lines.1.amount"))
        .expect("the second amount");
    assert_eq!(
        (amount.block.as_str(), amount.path.as_str()),
        ("lines", "/blocks/0")
    );
    let table = boxes
        .iter()
        .find(|place| place.block == "lines" && place.origin.is_none())
        .expect("the table");
    assert!(
        amount.x_mm >= table.x_mm
            && amount.x_mm + amount.width_mm <= table.x_mm + table.width_mm + 0.1
    );
    assert!(
        amount.y_mm >= table.y_mm
            && amount.y_mm + amount.height_mm <= table.y_mm + table.height_mm + 0.1
    );
    let svg = rendered.svg(0).expect("a page");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains("<use "));
    assert_eq!(rendered.svg(1), None);
}

#[test]
fn an_edited_template_changes_the_page() {
    let mut parts = list_document();
    parts["blocks"][0]["columns"]
        .as_array_mut()
        .expect("columns")
        .remove(1);
    parts["blocks"].as_array_mut().expect("blocks").extend([
        json!({"id": "break", "type": "page_break"}),
        json!({"id": "again", "type": "repeat", "list": "{{ lines }}", "blocks": [
            {"id": "each", "type": "text", "text": "{{ index }}: {{ item.what }}"}]}),
    ]);
    let rendered = render(parts, &rows(2));
    let found = text(&rendered);
    assert!(!found.contains("Costs"));
    assert!(found.contains("2: Row number 2"));
    assert_eq!(rendered.pages.len(), 2);
}

#[test]
fn every_problem_of_a_template_is_told() {
    let problems = Template::parse(&json!({
        "format": "formwork-document/1",
        "page": {"size": "A0", "margins": {"top": -1}},
        "fields": [{"name": "X", "kind": "text"}, {"name": "firm", "kind": "text"}],
        "blocks": [
            {"id": "a", "type": "text", "text": "{{ 1 +", "colour": 3},
            {"id": "a", "type": "tabel"},
            {"id": "b", "type": "table", "columns": []},
            {"id": "c", "type": "box", "blocks": [{"type": "rule", "thick": 2}]}]
    }))
    .expect_err("problems");
    let found: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "/page/size",
            "/page/margins/top",
            "/fields/0",
            "/fields/1",
            "/blocks/0/text",
            "/blocks/0/colour",
            "/blocks/1/id",
            "/blocks/1/type",
            "/blocks/2/rows",
            "/blocks/2/columns",
            "/blocks/3/blocks/0/id",
            "/blocks/3/blocks/0/thick",
        ]
    );
}

#[test]
fn two_processes_give_the_same_bytes() {
    let mine = fingerprint();
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "fingerprint_for_the_other_process",
            "--ignored",
            "--nocapture",
        ])
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        printed.contains(&format!("fingerprint={mine};")),
        "{mine} is not in {printed}"
    );
}

#[test]
#[ignore = "the second process of two_processes_give_the_same_bytes"]
#[expect(clippy::print_stdout, reason = "read by the first process")]
fn fingerprint_for_the_other_process() {
    println!("fingerprint={};", fingerprint());
}

fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut parts = list_document();
    parts["blocks"].as_array_mut().expect("blocks").extend([
        json!({"id": "t", "type": "heading", "text": "感谢 شكرا Ελλάδα"}),
        json!({"id": "q", "type": "qr", "content": "https://example.com"}),
        json!({"id": "l", "type": "text", "runs": [{"text": "a link", "link": "https://example.com"}]}),
    ]);
    // The first document of a process loads fonts in its middle, the second has them from the start.
    let first = render(parts.clone(), &rows(40)).pdf().expect("a PDF");
    let second = render(parts, &rows(40)).pdf().expect("a PDF");
    assert!(first == second, "the second rendering differs");
    let mut hasher = DefaultHasher::new();
    first.hash(&mut hasher);
    format!("{:x}-{}", hasher.finish(), first.len())
}

#[test]
fn the_file_is_sound() {
    let rendered = render(list_document(), &rows(60));
    let said = tool(&rendered, &["qpdf", "--check", "FILE"]);
    assert!(
        said.contains("No syntax or stream encoding errors"),
        "{said}"
    );
}

/// JSON that often looks like a template.
fn hostile() -> impl Strategy<Value = Json> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "text",
            "table",
            "columns",
            "box",
            "repeat",
            "totals",
            "qr",
            "image",
            "heading",
            "key_value",
            "rule",
            "spacer",
            "keep_together",
            "page_break",
            "{{ lines }}",
            "{{ item.what }}",
            "{{ nothing }}",
            "{{",
            "auto",
            "2fr",
            "#123456",
        ])
        .prop_map(str::to_owned),
        ".{0,30}",
    ];
    let leaf = prop_oneof![
        word.prop_map(Json::from),
        any::<f32>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Json::from),
        (0_u32..200).prop_map(Json::from),
    ];
    let key = prop::sample::select(vec![
        "id",
        "type",
        "text",
        "blocks",
        "columns",
        "rows",
        "list",
        "lines",
        "items",
        "value",
        "label",
        "heading",
        "width",
        "height",
        "size",
        "content",
        "padding",
        "background",
        "shapes",
        "path",
        "fill",
        "when",
        "each",
        "gap",
        "runs",
        "min_height",
    ]);
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<Json>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_template_never_panics(blocks in hostile(), text in ".{0,200}", width in 1.0_f32..400.0, size in 4.0_f32..100.0) {
        let known = json!([
            {"id": "x1", "type": "columns", "columns": [{"width": width, "blocks": [{"id": "x2", "type": "text", "text": "{{ name }}", "size": size}]},
                {"width": "auto", "blocks": [{"id": "x3", "type": "qr", "content": "{{ name }}", "size": 20}]}]},
            {"id": "x4", "type": "box", "padding": 60, "bleed": true, "blocks": [{"id": "x5", "type": "text", "text": "{{ name }}"}]}]);
        for blocks in [blocks, known] {
            let json = json!({
                "format": "formwork-document/1", "title": "T", "page": {"size": "A5"},
                "fields": [{"name": "name", "kind": "text"}], "blocks": blocks
            });
            if let Ok(template) = Template::parse(&json) {
                let values = Record::from_iter([("name".to_owned(), Value::Text(text.clone()))]);
                let limits = Limits { max_pages: 20, max_glyphs: 50_000, ..Limits::default() };
                if let Ok(rendered) = renderer().render(&template, &values, &context(), &Assets::default(), &limits) {
                    rendered.pdf().expect("a PDF");
                    rendered.svg(0);
                }
            }
        }
    }
}
