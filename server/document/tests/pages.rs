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
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assume, prop_oneof, proptest};
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

fn render_with(parts: Json, json: &Json, limits: &Limits<'_>) -> Result<Rendered, DocumentError> {
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

/// Code, block and page of each warning.
fn places(rendered: &Rendered) -> Vec<(&str, &str, Option<u64>)> {
    let place = |warning: &engine::node::Warning| warning.params.get("page").and_then(Json::as_u64);
    rendered
        .warnings
        .iter()
        .map(|warning| {
            (
                warning.code.as_str(),
                warning.location.as_str(),
                place(warning),
            )
        })
        .collect()
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
fn right_to_left_letters_come_back_in_their_order() {
    // Ligatures of lam and alef, marks above and below: several letters in one glyph, several glyphs for one letter.
    let words = [
        "المثال",
        "شكرا",
        "سلام",
        "لا",
        "الآن",
        "لأجل",
        "الإسلام",
        "مُحَمَّد",
        "لَا",
        "الله",
        "שָׁלוֹם",
        "עולם",
    ];
    let blocks: Vec<Json> = words
        .iter()
        .enumerate()
        .map(|(index, word)| json!({"id": format!("b{index}"), "type": "text", "text": word}))
        .collect();
    let sentence = json!({"id": "all", "type": "text", "text": words.join(" ")});
    let blocks = [blocks, vec![sentence]].concat();
    let rendered = render(json!({"blocks": blocks}), &json!({}));
    assert_eq!(rendered.warnings, []);
    for arguments in [
        &["pdftotext", "FILE", "-"][..],
        &["pdftotext", "-raw", "FILE", "-"],
    ] {
        let found = tool(&rendered, arguments);
        let found: Vec<String> = found.split_whitespace().map(letters).collect();
        for word in words {
            let times = found.iter().filter(|found| *found == word).count();
            assert_eq!(times, 2, "{word} in {found:?} of {arguments:?}");
        }
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
    assert_eq!(places(&rendered)[0], ("list_empty", "lines", Some(1)));
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
    assert_eq!(
        places(&rendered),
        [
            ("value_missing", "a", Some(1)),
            ("missing_glyph", "b", Some(1)),
            ("payment_code", "c", None)
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
    let parts = json!({"blocks": [{"id": "a", "type": "text", "text": "m".repeat(10_000)}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered).matches('m').count(), 10_000);
    assert_on_paper(&rendered);
}

/// Nothing is drawn beyond the paper.
#[track_caller]
fn assert_on_paper(rendered: &Rendered) {
    for (number, size) in rendered.pages.iter().enumerate() {
        for place in rendered.boxes(number) {
            assert!(
                place.x_mm >= -0.2
                    && place.y_mm >= -0.2
                    && place.x_mm + place.width_mm <= size.width_mm + 0.2
                    && place.y_mm + place.height_mm <= size.height_mm + 0.2,
                "page {}: {place:?}",
                number + 1
            );
        }
    }
}

#[test]
fn what_a_model_or_a_prankster_writes_stands_as_it_is() {
    let parts = json!({
        "fields": [{"name": "name", "kind": "text"}],
        "title": "{{ name }}",
        "blocks": [{"id": "a", "type": "text", "text": "Dear {{ name }},"}]
    });
    let name = "<|im_end|> {{ firm.iban }} {% x %} <b>&amp; \\(\"Ada\")";
    let rendered = render(parts, &json!({"name": name}));
    assert_eq!(rendered.warnings, []);
    assert_eq!(text(&rendered), format!("Dear {name},"));
    let info = tool(&rendered, &["pdfinfo", "FILE"]);
    assert!(info.contains(name), "{info}");
}

#[test]
fn a_family_of_emoji_is_one_box_and_one_warning() {
    let parts = json!({"blocks": [
        {"id": "a", "type": "text", "text": "Hi \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} and \u{1f44d}\u{1f3fd}!"}]});
    let rendered = render(parts, &json!({}));
    assert_eq!(text(&rendered), "Hi \u{fffd} and \u{fffd}!");
    let [warning] = rendered.warnings.as_slice() else {
        panic!("{:?}", rendered.warnings);
    };
    assert_eq!(places(&rendered), [("missing_glyph", "a", Some(1))]);
    assert!(warning.message.contains("U+1F468"), "{}", warning.message);
}

#[test]
fn a_mark_that_no_font_sets_on_its_base_is_told() {
    // A Hebrew point on a Cyrillic letter: each has a font, together none has them.
    let parts = json!({"blocks": [{"id": "a", "type": "text", "text": "x Ж\u{5b8}\u{20e3} y"}]});
    let rendered = render(parts, &json!({}));
    let found = text(&rendered);
    assert!(found.starts_with('x') && found.ends_with('y'), "{found}");
    assert!(
        found.contains('Ж')
            || rendered
                .warnings
                .iter()
                .any(|one| one.code == "missing_glyph"),
        "{found}: {:?}",
        rendered.warnings
    );
}

#[test]
fn a_picture_that_is_gone_or_broken_is_a_located_warning() {
    let parts = json!({
        "fields": [{"name": "photo", "kind": "file"}],
        "blocks": [
            {"id": "a", "type": "image", "source": "{{ photo }}"},
            {"id": "b", "type": "image", "data": "bm8gcGljdHVyZQ=="},
            {"id": "c", "type": "text", "text": "After"}]
    });
    let photo = json!({"photo": {"id": "018f4f5e-0000-7000-8000-000000000001", "name": "beach.jpg", "content_type": "image/jpeg", "size_bytes": 7}});
    let rendered = render(parts, &photo);
    assert_eq!(
        places(&rendered),
        [
            ("image_missing", "a", None),
            ("image_unreadable", "b", None)
        ]
    );
    assert!(rendered.warnings[0].message.contains("beach.jpg"));
    assert_eq!(rendered.warnings[0].params["name"], "beach.jpg");
    assert_eq!(text(&rendered), "After");
}

#[test]
fn amounts_are_written_in_the_documents_currency_and_instants_in_its_zone() {
    let template = template(
        json!({"blocks": [{"id": "a", "type": "text", "text": "{{ 1234.5 | money }}, {{ now }}"}]}),
    );
    let context = Context {
        currency: "CHF".into(),
        locale: "de-CH".into(),
        ..context()
    };
    let rendered = renderer()
        .render(
            &template,
            &Record::new(),
            &context,
            &Assets::default(),
            &Limits::default(),
        )
        .expect("a document");
    assert_eq!(text(&rendered), "CHF 1’234.50, 8. März 2027, 11:00");
}

#[test]
fn a_document_without_a_title_is_called_after_its_first_heading() {
    let heading = json!({"id": "a", "type": "heading", "text": "Offer"});
    for (blocks, expected) in [
        (
            json!([{"id": "b", "type": "text", "text": "Hello"}, heading]),
            "Offer",
        ),
        (json!([]), "Document"),
    ] {
        let rendered = render(json!({"title": " ", "blocks": blocks}), &json!({}));
        let info = tool(&rendered, &["pdfinfo", "FILE"]);
        assert!(
            info.lines()
                .any(|line| line.starts_with("Title:") && line.ends_with(expected)),
            "{info}"
        );
    }
}

#[test]
fn what_does_not_fit_on_the_paper_is_told() {
    let mut block = json!({"id": "deep", "type": "text", "text": "Deep"});
    for depth in 0..12 {
        block =
            json!({"id": format!("box{depth}"), "type": "box", "padding": 20, "blocks": [block]});
    }
    let rendered = render(json!({"blocks": [block]}), &json!({}));
    let codes: Vec<&str> = rendered
        .warnings
        .iter()
        .map(|one| one.code.as_str())
        .collect();
    assert!(codes.contains(&"beyond_paper"), "{codes:?}");
    let tall = json!({
        "header": {"blocks": (0..60).map(|line| json!({"id": format!("h{line}"), "type": "text", "text": "Header"})).collect::<Vec<_>>()},
        "blocks": [{"id": "a", "type": "text", "text": "Body"}]
    });
    let rendered = render(tall, &json!({}));
    assert_eq!(rendered.warnings[0].code, "beyond_paper");
    assert!(text(&rendered).contains("Body"));
}

#[test]
fn the_text_of_a_page_is_in_reading_order() {
    let parts = json!({
        "footer": {"blocks": [{"id": "foot", "type": "text", "text": "Page {{ page }} of {{ pages }}"}]},
        "blocks": [
            {"id": "a", "type": "text", "runs": [{"text": "One "}, {"text": "bold", "bold": true}, {"text": " word."}]},
            {"id": "b", "type": "text", "text": "שלום 42 עולם and more"}]
    });
    let rendered = render(parts, &json!({}));
    assert_eq!(
        rendered.text(0).as_deref(),
        Some("One bold word.\nשלום 42 עולם and more\nPage 1 of 1")
    );
    assert_eq!(rendered.text(1), None);
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
    assert_eq!(places(&rendered), [("number_cut", "b", Some(1))]);
}

#[test]
fn boxes_beside_each_other_are_equally_tall() {
    let cell = |id: &str, text: &str| {
        json!({"blocks": [{"id": id, "type": "box", "fill": "fill", "blocks": [
        {"id": format!("{id}_text"), "type": "text", "text": text}]}]})
    };
    let rendered = render(
        json!({"blocks": [{"id": "a", "type": "columns", "columns": [cell("short", "One line"), cell("long", &"many words ".repeat(40))]}]}),
        &json!({}),
    );
    let height = |id: &str| {
        let found = rendered.boxes(0).iter().find(|place| place.block == id);
        found.expect("the box").height_mm
    };
    assert!((height("short") - height("long")).abs() < 0.01);
    assert!(height("long") > 25.0);
}

#[test]
fn totals_never_stand_alone_on_a_page() {
    let mut parts = list_document();
    parts["blocks"][0]["keep_with_next"] = json!(true);
    let mut pages = 0;
    for count in 20..50 {
        let rendered = render(parts.clone(), &rows(count));
        pages = rendered.pages.len();
        let last = rendered.text(pages - 1).expect("a page");
        assert!(
            last.contains("Together") && last.contains(&format!("Row number {count}")),
            "{count}: {last}"
        );
    }
    assert!(pages > 1);
}

#[test]
fn a_link_is_written_in_seven_bits() {
    let parts = json!({"blocks": [{"id": "a", "type": "text", "runs": [{"text": "here", "link": "https://example.com/ä?q=北"}]}]});
    let bytes = render(parts, &json!({})).pdf().expect("a PDF");
    let wanted = b"https://example.com/%C3%A4?q=%E5%8C%97";
    assert!(bytes.windows(wanted.len()).any(|part| part == wanted));
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
    // Where a single text does the work, the deadline holds, too.
    let error = render_with(
        json!({"blocks": [{"id": "a", "type": "text", "text": "Hello"}]}),
        &json!({}),
        &stopped,
    );
    assert_eq!(error.err(), Some(DocumentError::Stopped));
}

#[test]
fn each_kind_of_excess_is_told_apart() {
    let check = |parts: Json, limits: Limits<'_>, kind: LimitKind| {
        let error = render_with(parts, &rows(50), &limits).err();
        assert!(
            matches!(error, Some(DocumentError::Limit { kind: found, .. }) if found == kind),
            "{kind:?}: {error:?}"
        );
    };
    let fields = list_document()["fields"].clone();
    let nested = json!({"fields": fields, "blocks": [
        {"id": "one", "type": "repeat", "list": "{{ lines }}", "blocks": [
            {"id": "two", "type": "repeat", "list": "{{ lines }}", "blocks": [
                {"id": "three", "type": "repeat", "list": "{{ lines }}", "blocks": [
                    {"id": "x", "type": "spacer", "height": 0}]}]}]}]});
    check(
        nested,
        Limits {
            max_blocks: 20_000,
            ..Limits::default()
        },
        LimitKind::Blocks,
    );
    check(
        list_document(),
        Limits {
            max_glyphs: 100,
            ..Limits::default()
        },
        LimitKind::Glyphs,
    );
    let long =
        json!({"fields": fields, "blocks": [{"id": "x", "type": "text", "text": "é".repeat(500)}]});
    check(
        long.clone(),
        Limits {
            max_text_length: 499,
            ..Limits::default()
        },
        LimitKind::TextLength,
    );
    render_with(
        long,
        &rows(1),
        &Limits {
            max_text_length: 500,
            ..Limits::default()
        },
    )
    .expect("just fits");
}

#[test]
fn a_template_cannot_be_nested_or_large_without_end() {
    let mut block = json!({"id": "x", "type": "text", "text": "x"});
    for depth in 0..80 {
        block = json!({"id": format!("b{depth}"), "type": "box", "blocks": [block]});
    }
    let many: Vec<Json> = (0..3_000)
        .map(|number| json!({"id": format!("b{number}"), "type": "spacer"}))
        .collect();
    let numbers = json!([
        {"id": "a", "type": "spacer", "height": 1e300}, {"id": "b", "type": "text", "text": "x", "size": -1},
        {"id": "c", "type": "box", "padding": "12"}]);
    for (blocks, expected) in [
        (json!([block]), vec!["too_deep"]),
        (json!(many), vec!["too_many_blocks"]),
        (numbers, vec!["out_of_range"; 3]),
    ] {
        let problems = Template::parse(
            &json!({"format": "formwork-document/1", "title": "T", "blocks": blocks}),
        )
        .expect_err("problems");
        let codes: Vec<&str> = problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, expected);
    }
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

/// Words of one direction, each drawn by a font that is there.
const LEFT_TO_RIGHT: &[&str] = &[
    "office",
    "Straße",
    "naïve",
    "Ångström",
    "Žluťoučký",
    "Việt",
    "fjörd",
    "e\u{301}te\u{301}",
    "AV.",
    "1,485.00",
    "€",
    "Αθήνα",
    "ά",
    "ελληνικά",
    "Кириллица",
    "Їжак",
    "Љубав",
    "--",
    "ffi",
    "x\u{a0}y",
    "\"quoted\"",
    "(42%)",
    "&<>",
];
const CHINESE: &[&str] = &[
    "感谢您",
    "请在三十天内付款。",
    "日本語のテキスト",
    "한국어",
    "々〆",
];
const RIGHT_TO_LEFT: &[&str] = &[
    "المثال",
    "شكرا",
    "لا",
    "بسم",
    "مرحبا",
    "שלום",
    "עולם",
    "תודה",
];

/// A paragraph of one direction.
fn paragraph() -> impl Strategy<Value = String> {
    let words = |list: Vec<&'static str>| {
        prop::collection::vec(prop::sample::select(list), 1..25).prop_map(|words| words.join(" "))
    };
    let mut plain = LEFT_TO_RIGHT.to_vec();
    if Path::new(CJK).exists() {
        plain.extend(CHINESE);
    }
    prop_oneof![
        3 => words(plain),
        1 => words(RIGHT_TO_LEFT.to_vec()),
    ]
}

/// Blocks that show `texts.0`, `texts.1`, … of the values, each once, in all kinds of containers.
#[derive(Clone, Debug)]
enum Tree {
    Text(String),
    Heading(String),
    Table(Vec<String>),
    Box(Vec<Tree>),
    Columns(Vec<Vec<Tree>>),
    Together(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Vec<Tree>> {
    let leaf = prop_oneof![
        4 => paragraph().prop_map(Tree::Text),
        1 => paragraph().prop_map(Tree::Heading),
        1 => prop::collection::vec(paragraph(), 0..8).prop_map(Tree::Table),
    ];
    let node = leaf.prop_recursive(4, 24, 5, |inner| {
        let list = prop::collection::vec(inner, 1..5);
        prop_oneof![
            list.clone().prop_map(Tree::Box),
            list.clone().prop_map(Tree::Together),
            prop::collection::vec(list, 1..3).prop_map(Tree::Columns),
        ]
    });
    prop::collection::vec(node, 1..8)
}

/// The blocks in JSON; the texts go into `texts` in the order in which they are drawn.
fn blocks_of(trees: &[Tree], texts: &mut Vec<String>, ids: &mut u32) -> Json {
    let mut one = |tree: &Tree| -> Json {
        *ids += 1;
        let id = format!("b{ids}");
        match tree {
            Tree::Text(text) | Tree::Heading(text) => {
                texts.push(text.clone());
                let kind = if matches!(tree, Tree::Text(_)) {
                    "text"
                } else {
                    "heading"
                };
                json!({"id": id, "type": kind, "text": format!("{{{{ texts[{}] }}}}", texts.len() - 1)})
            }
            Tree::Table(rows) => {
                let first = texts.len();
                texts.extend(rows.iter().cloned());
                json!({"id": id, "type": "table", "rows": format!("{{{{ texts[{first}:{}] }}}}", texts.len()),
                    "columns": [{"value": "{{ item }}"}, {"value": "", "width": "2fr"}]})
            }
            Tree::Box(inner) => {
                json!({"id": id, "type": "box", "fill": "fill", "blocks": blocks_of(inner, texts, ids)})
            }
            Tree::Together(inner) => {
                json!({"id": id, "type": "keep_together", "blocks": blocks_of(inner, texts, ids)})
            }
            Tree::Columns(cells) => {
                let cells: Vec<Json> = cells
                    .iter()
                    .map(|cell| json!({"blocks": blocks_of(cell, texts, ids)}))
                    .collect();
                json!({"id": id, "type": "columns", "columns": cells})
            }
        }
    };
    trees.iter().map(&mut one).collect()
}

/// Without blanks and letters that steer.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| {
            !letter.is_whitespace()
                && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_of_the_values_is_on_the_paper_and_in_the_file(trees in tree()) {
        let mut texts = Vec::new();
        let blocks = blocks_of(&trees, &mut texts, &mut 0);
        let parts = json!({
            "theme": {"size": 6.5},
            "fields": [{"name": "texts", "kind": "list", "item": {"kind": "text"}}], "blocks": blocks
        });
        let rendered = render(parts.clone(), &json!({"texts": texts}));
        let codes: Vec<&str> = rendered.warnings.iter().map(|one| one.code.as_str()).filter(|code| *code != "list_empty").collect();
        // Columns in columns in columns may be so narrow that one row is taller than a page, which is told (`what_does_not_fit_on_the_paper_is_told`).
        prop_assume!(!codes.contains(&"block_overflow"));
        // Narrow columns may cut a number and say so; nothing else is wrong.
        assert!(codes.iter().all(|code| *code == "number_cut"), "{:?}", rendered.warnings);
        assert_on_paper(&rendered);
        let bytes = rendered.pdf().expect("a PDF");
        assert!(bytes == render(parts, &json!({"texts": texts})).pdf().expect("a PDF"), "two renderings differ");
        let own: String = (0..rendered.pages.len()).filter_map(|page| rendered.text(page)).map(|text| letters(&text)).collect();
        let raw = letters(&tool(&rendered, &["pdftotext", "-raw", "FILE", "-"]));
        // Nothing is lost and nothing is drawn twice.
        let sorted = |text: &str| -> Vec<char> {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        let given: String = texts.iter().map(|text| letters(text)).collect();
        assert_eq!(sorted(&own.replace("Noitems", "")), sorted(&given));
        // Columns that go on overleaf interleave; on one page each paragraph is whole.
        if rendered.pages.len() > 1 {
            return Ok(());
        }
        for text in &texts {
            assert!(own.contains(&letters(text)), "{text:?} in {own:?}");
            let right_to_left = text.chars().any(|letter| matches!(letter, '\u{590}'..='\u{6ff}'));
            if right_to_left {
                // Readers put the words of a line in an order of their own; each word is whole.
                for word in text.split_whitespace() {
                    assert!(raw.contains(&letters(word)), "{word:?} in {raw:?}");
                }
            } else {
                assert!(raw.contains(&letters(text)), "{text:?} in {raw:?}");
            }
        }
    }
}
