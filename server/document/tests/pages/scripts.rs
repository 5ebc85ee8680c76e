//! Letters: scripts and directions on the page and in the text that readers take from the file, and how values are written.

use std::path::Path;

use document::{Assets, Context, Limits};
use engine::value::Record;
use serde_json::{Value as Json, json};

use super::{CJK, assert_on_paper, context, render, renderer, template, text, tool};

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
    assert_eq!(text(&rendered), "CHF 1'234.50, 8. März 2027, 11:00");
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

/// Without blanks and letters that steer.
pub(super) fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| {
            !letter.is_whitespace()
                && !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect()
}
