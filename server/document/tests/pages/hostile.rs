//! Made-up templates: hostile ones panic nowhere, and of sound ones every text is on the paper and in the file.

use std::path::Path;

use document::{Assets, Limits, Template};
use engine::value::{Record, Value};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assume, prop_oneof, proptest};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::{
    CJK, DOT, assert_on_paper, context, payment, render, renderer, scripts::letters, tool,
};

/// Words of templates, and what stands where one is expected.
const WORDS: &[&str] = &[
    "text",
    "table",
    "columns",
    "box",
    "repeat",
    "totals",
    "tax_table",
    "money",
    "percent",
    "decimal",
    "sum",
    "qr",
    "barcode",
    "signature",
    "swiss_bill",
    "plan",
    "chart",
    "pie",
    "line",
    "ean13",
    "image",
    "heading",
    "list",
    "markdown",
    "paragraph",
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
];
/// Members of blocks.
const KEYS: &[&str] = &[
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
    "ordered",
    "format",
    "empty",
    "strike",
    "min_height",
    "language",
    "direction",
    "hyphenate",
    "align",
    "max_lines",
    "overflow",
    "kind",
    "series",
    "stacked",
    "total",
    "total_label",
    "group",
    "by",
    "keep_first",
    "split_rows",
    "grid",
    "symbology",
    "module",
    "name",
    "date",
    "days",
    "day_title",
    "entries",
    "title",
    "time",
    "place",
    "picture",
    "picture_place",
    "payment",
    "iban",
    "creditor",
    "amount",
    "reference",
];

/// JSON that often looks like a template.
fn hostile() -> impl Strategy<Value = Json> {
    let word = prop_oneof![
        prop::sample::select(WORDS).prop_map(str::to_owned),
        ".{0,30}",
    ];
    let leaf = prop_oneof![
        word.prop_map(Json::from),
        any::<f32>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Json::from),
        (0_u32..200).prop_map(Json::from),
    ];
    let key = prop::sample::select(KEYS);
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
    fn a_hostile_template_never_panics(blocks in hostile(), text in ".{0,200}", width in 1.0_f32..400.0, size in 4.0_f32..100.0,
        amounts in prop::collection::vec((any::<i64>(), 0_u32..28), 0..30), kind in 0_usize..3, stacked in any::<bool>()) {
        let kind = ["bar", "line", "pie"][kind];
        let series = if kind == "pie" {
            json!([{"value": "{{ item }}"}])
        } else {
            json!([{"name": "{{ name }}", "value": "{{ item }}"}, {"name": "x", "value": "{{ 0 - item }}"}])
        };
        let known = json!([
            {"id": "x1", "type": "columns", "columns": [{"width": width, "blocks": [{"id": "x2", "type": "text", "text": "{{ name }}", "size": size}]},
                {"width": "auto", "blocks": [{"id": "x3", "type": "qr", "content": "{{ name }}", "size": 20}]}]},
            {"id": "x4", "type": "box", "padding": 60, "bleed": true, "blocks": [{"id": "x5", "type": "text", "text": "{{ name }}"},
                {"id": "x12", "type": "text", "text": "{{ name }}", "hyphenate": true, "align": "justify", "direction": "auto", "size": size, "max_lines": 2, "overflow": "shrink"}]},
            {"id": "x13", "type": "text", "size": size, "max_lines": 3, "overflow": "cut", "content": [{"runs": [{"value": "{{ name }}", "underline": true}]},
                {"type": "list", "ordered": true, "items": [{"content": [{"type": "list", "items": [{"content": [{"text": "{{ name }}"}]}]}, {"text": "{{ name }}"}]}]}]},
            {"id": "x6", "type": "barcode", "content": "{{ name }}x"},
            {"id": "x7", "type": "barcode", "symbology": "ean13", "content": "{{ name }}400638133393"},
            {"id": "x8", "type": "columns", "columns": [{"width": "auto", "blocks": [
                {"id": "x9", "type": "signature", "label": "{{ name }}", "name": "{{ name }}", "date": "x", "width": 20.0 + width / 4.0}]},
                {"width": width, "blocks": [{"id": "x10", "type": "barcode", "content": "1234567890"}]}]},
            {"id": "x11", "type": "chart", "kind": kind, "rows": "{{ amounts }}", "label": "{{ name }}", "size": size,
                "stacked": stacked && kind == "bar", "series": series},
            {"id": "x16", "type": "columns", "columns": [{"width": width, "blocks": [
                {"id": "x17", "type": "plan", "days": "{{ amounts }}", "day_title": "{{ name }}", "day_label": "{{ item }}", "entries": "{{ amounts[:3] }}",
                    "time": "{{ item }}", "time_note": "{{ name }}", "title": "{{ name }}", "place": "{{ name }}", "text": "{{ name }}", "size": size,
                    "picture": {"data": DOT, "width": width, "height": width, "decorative": true}, "picture_place": if stacked { "above" } else { "beside" }}]}, {"blocks": []}]},
            {"id": "x18", "type": "qr", "payment": {"name": "{{ name }}", "iban": "DE02120300000000202051", "amount": "{{ 1 }}", "creditor_reference": "{{ name }}", "purpose": "{{ name }}"}},
            {"id": "x15", "type": "box", "blocks": [{"id": "x14", "type": "table", "rows": "{{ amounts }}", "total_label": "{{ name }}", "grid": true,
                "keep_first": 3, "split_rows": stacked, "size": size, "group": {"by": "{{ item > 0 }}", "heading": "{{ name }}", "total_label": "{{ name }}", "keep_together": stacked},
                "columns": [{"value": "{{ name }}", "detail": "{{ name }}", "width": width}, {"value": "{{ item }}", "format": {"kind": "money"}, "total": "sum", "width": "auto"},
                    {"value": "{{ item }}", "format": {"kind": "number"}, "total": "avg", "align": "decimal", "width": "auto"}]}]}]);
        let mut bill = payment::bill("CH4431999123000889012");
        bill["reference"] = json!("{{ name }}");
        bill["message"] = json!("{{ name }}");
        bill["creditor"]["name"] = json!("{{ name }}");
        bill["amount"] = json!("{{ amounts | sum }}");
        for (blocks, size) in [(blocks, "A4"), (known, "A5"), (json!([bill]), "A4")] {
            let json = json!({
                "format": "formwork-document/1", "title": "T", "page": {"size": size},
                "fields": [{"name": "name", "kind": "text"}, {"name": "amounts", "kind": "list", "item": {"kind": "decimal"}}], "blocks": blocks
            });
            if let Ok(template) = Template::parse(&json) {
                let amounts = amounts.iter().map(|(digits, scale)| Value::Decimal(Decimal::new(*digits, *scale))).collect();
                let values = Record::from_iter([("name".to_owned(), Value::Text(text.clone())), ("amounts".to_owned(), Value::List(amounts))]);
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
