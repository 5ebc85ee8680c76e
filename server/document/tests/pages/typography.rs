//! How texts are set: words divided and lines justified with nothing lost, directions and languages, and texts of so many lines.

use std::path::Path;

use document::{Rendered, Template};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use serde_json::{Value as Json, json};

use super::{CJK, places, render, scripts::letters, tool};

const LONG: &str = "Donaudampfschifffahrtsgesellschaft";

/// The ways in which readers take the text from a file.
const READINGS: [&[&str]; 3] = [
    &["pdftotext", "FILE", "-"],
    &["pdftotext", "-raw", "FILE", "-"],
    &["pdftotext", "-layout", "FILE", "-"],
];

/// A text block in a column of a width in millimetres.
fn column(width: f32, block: &Json) -> Rendered {
    let columns = json!([{"width": width, "blocks": [block]}, {"blocks": []}]);
    render(
        json!({"blocks": [{"id": "columns", "type": "columns", "columns": columns}]}),
        &json!({}),
    )
}

fn block(text: &str, members: Json) -> Json {
    let mut block = json!({"id": "a", "type": "text", "text": text});
    let (Some(object), Json::Object(members)) = (block.as_object_mut(), members) else {
        panic!("an object");
    };
    object.extend(members);
    block
}

fn lines(rendered: &Rendered) -> usize {
    let text = rendered.text(0).expect("a page");
    text.lines().count()
}

fn glyphs(rendered: &Rendered) -> usize {
    rendered.svg(0).expect("a page").matches("<use ").count()
}

/// From where to where each line of the first page reaches, in points, top down.
fn extents(rendered: &Rendered) -> Vec<(f32, f32)> {
    let mut lines: Vec<(f32, f32, f32)> = Vec::new();
    for word in tool(rendered, &["pdftotext", "-bbox", "FILE", "-"]).lines() {
        let number = |name: &str| -> Option<f32> {
            let (_, rest) = word.split_once(&format!("{name}=\""))?;
            rest.split('"').next()?.parse().ok()
        };
        let (Some(left), Some(top), Some(right)) = (number("xMin"), number("yMin"), number("xMax"))
        else {
            continue;
        };
        match lines.last_mut() {
            Some(line) if (line.0 - top).abs() < 2.0 => {
                line.1 = line.1.min(left);
                line.2 = line.2.max(right);
            }
            _ => lines.push((top, left, right)),
        }
    }
    lines
        .into_iter()
        .map(|(_, left, right)| (left, right))
        .collect()
}

/// Of the body, in points.
const LEFT: f32 = 18.0 * 72.0 / 25.4;
const RIGHT: f32 = 192.0 * 72.0 / 25.4;

#[test]
fn a_divided_word_is_drawn_with_a_hyphen_and_read_as_a_whole() {
    let text = format!("Die {LONG} bittet um eine Eingabeaufforderung.");
    let torn = column(25.0, &block(&text, json!({"language": "de"})));
    assert!(!torn.text(0).expect("a page").contains(LONG));
    let members = json!({"language": "de", "hyphenate": true});
    let divided = column(25.0, &block(&text, members));
    assert_eq!(divided.warnings, []);
    assert!(glyphs(&divided) > glyphs(&torn), "hyphens are drawn");
    assert!(divided.text(0).expect("a page").contains(LONG));
    for reading in READINGS {
        let found = tool(&divided, reading);
        let words: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(words.join(" "), text, "{reading:?}");
    }
    let again = column(
        25.0,
        &block(&text, json!({"language": "de", "hyphenate": true})),
    );
    assert!(again.pdf().expect("a PDF") == divided.pdf().expect("a PDF"));
}

#[test]
fn a_language_without_rules_divides_no_word() {
    let text = "extensive administration of responsibility ".repeat(4);
    let plain = column(25.0, &block(&text, json!({"language": "zh"})));
    let asked = column(
        25.0,
        &block(&text, json!({"language": "zh", "hyphenate": true})),
    );
    assert_eq!(plain.text(0), asked.text(0));
    assert_eq!(glyphs(&plain), glyphs(&asked));
}

#[test]
fn soft_hyphens_are_obeyed_and_never_read() {
    let text = "Donau\u{ad}dampf\u{ad}schiff\u{ad}fahrt";
    let whole = "Donaudampfschifffahrt";
    let wide = column(100.0, &block(text, json!({})));
    let narrow = column(20.0, &block(text, json!({})));
    assert_eq!((lines(&wide), wide.text(0).as_deref()), (1, Some(whole)));
    assert_eq!(narrow.text(0).as_deref(), Some(whole));
    assert!(glyphs(&narrow) > glyphs(&wide), "a hyphen is drawn");
    for rendered in [&wide, &narrow] {
        assert_eq!(rendered.warnings, []);
        for reading in READINGS {
            assert_eq!(tool(rendered, reading).trim(), whole, "{reading:?}");
        }
    }
}

#[test]
fn justified_lines_reach_from_side_to_side() {
    let english = "The quick brown fox jumps over the lazy dog. ".repeat(12);
    let mut texts = vec![english];
    if Path::new(CJK).exists() {
        texts.push("感谢您的惠顾，请在三十天内付款，逾期将按照合同约定收取滞纳金并可能影响后续服务的正常提供。".repeat(4));
    }
    for text in texts {
        let ragged = render(json!({"blocks": [block(&text, json!({}))]}), &json!({}));
        let members = json!({"align": "justify"});
        let rendered = render(json!({"blocks": [block(&text, members)]}), &json!({}));
        assert_eq!(rendered.warnings, []);
        assert_eq!(rendered.text(0), ragged.text(0), "the lines are the same");
        let mut lines = extents(&rendered);
        let last = lines.pop().expect("a line");
        assert!(lines.len() > 2);
        for (left, right) in lines {
            assert!((left - LEFT).abs() < 1.0, "{left}");
            assert!((right - RIGHT).abs() < 1.0, "{right}");
        }
        assert!(
            (last.0 - LEFT).abs() < 1.0 && last.1 < RIGHT - 5.0,
            "{last:?}"
        );
    }
}

#[test]
fn a_block_runs_as_it_is_told() {
    let check = |text: &str, members: Json, right: bool| {
        let rendered = render(
            json!({"blocks": [block(text, members.clone())]}),
            &json!({}),
        );
        let line = extents(&rendered)[0];
        let found = (line.1 - RIGHT).abs() < 1.0;
        assert_eq!(found, right, "{text} with {members}: {line:?}");
        assert_eq!((line.0 - LEFT).abs() < 1.0, !right);
    };
    check("Hello", json!({}), false);
    check("Hello", json!({"direction": "rtl"}), true);
    check("Hello", json!({"direction": "auto"}), false);
    check("שלום", json!({}), false);
    check("שלום", json!({"direction": "auto"}), true);
    check("שלום", json!({"direction": "rtl", "align": "end"}), false);
    // Words of two directions stand in the order of the whole text.
    let order = |members: Json| {
        let rendered = render(json!({"blocks": [block("שלום abc", members)]}), &json!({}));
        let words = tool(&rendered, &["pdftotext", "-bbox", "FILE", "-"]);
        let of = |text: &str| -> f32 {
            let line = words.lines().find(|line| line.contains(text));
            let (_, rest) = line
                .and_then(|line| line.split_once("xMin=\""))
                .expect("a word");
            let number = rest
                .split('"')
                .next()
                .and_then(|number| number.parse().ok());
            number.expect("a number")
        };
        of(">abc<") > of("ש")
    };
    assert!(order(json!({"direction": "ltr"})));
    assert!(!order(json!({"direction": "rtl"})));
}

#[test]
fn a_column_runs_as_it_is_told() {
    let table = |direction: Option<&str>| {
        let mut column = json!({"value": "{{ item }}"});
        if let Some(direction) = direction {
            column["direction"] = json!(direction);
        }
        let parts = json!({
            "fields": [{"name": "list", "kind": "list", "item": {"kind": "text"}}],
            "blocks": [{"id": "a", "type": "table", "rows": "{{ list }}", "columns": [column]}]
        });
        extents(&render(parts, &json!({"list": ["Hello"]})))[0].0
    };
    assert!((table(None) - LEFT).abs() < 1.0);
    assert!(table(Some("rtl")) > LEFT + 100.0);
    let cell = json!({"direction": "rtl", "width": 50, "blocks": [block("Hello", json!({}))]});
    let parts =
        json!({"blocks": [{"id": "c", "type": "columns", "columns": [cell, {"blocks": []}]}]});
    let left = extents(&render(parts, &json!({})))[0].0;
    assert!(left > LEFT + 50.0, "{left}");
}

#[test]
fn the_language_of_a_part_is_told_to_readers() {
    let runs = json!([{"text": "A word: "}, {"text": "fromage", "language": "fr"}]);
    let parts = json!({"blocks": [
        {"id": "a", "type": "text", "runs": runs},
        {"id": "b", "type": "text", "language": "de", "text": "Hallo"}]});
    let rendered = render(parts, &json!({}));
    let objects = tool(&rendered, &["qpdf", "--qdf", "FILE", "-"]);
    for language in ["/Lang (en)", "/Lang (fr)", "/Lang (de)"] {
        assert_eq!(objects.matches(language).count(), 1, "{language}");
    }
}

#[test]
fn letters_are_drawn_as_their_language_writes_them() {
    if !Path::new(CJK).exists() {
        return;
    }
    let drawn = |language: &str| {
        let parts = json!({"blocks": [block("直", json!({"language": language}))]});
        render(parts, &json!({})).svg(0).expect("a page")
    };
    assert_ne!(drawn("ja"), drawn("zh"));
    // Korean goes on between words.
    let text = "한국어 문장은 단어 사이에서 줄을 바꾸고 단어 안에서는 바꾸지 않습니다";
    let rendered = column(25.0, &block(text, json!({"language": "ko"})));
    assert!(lines(&rendered) > 2);
    let found = rendered.text(0).expect("a page");
    assert_eq!(found.split_whitespace().collect::<Vec<_>>().join(" "), text);
}

#[test]
fn few_lines_never_stand_alone_as_the_template_has_it() {
    // 12 mm are left for two lines, 16 mm for three.
    let check = |space: u32, count: usize, members: Json, expected: usize| {
        let text: Vec<String> = (1..=count).map(|line| format!("line {line}")).collect();
        let parts = json!({"blocks": [
            {"id": "space", "type": "box", "fill": "fill", "padding": 0, "min_height": space, "blocks": []}, block(&text.join("\n"), members.clone())]});
        let rendered = render(parts, &json!({}));
        let text = rendered.text(0).unwrap_or_default();
        assert_eq!(
            text.lines().count(),
            expected,
            "{count} lines with {members}"
        );
    };
    check(248, 8, json!({}), 2);
    check(248, 8, json!({"orphans": 1}), 2);
    check(248, 8, json!({"orphans": 3}), 0);
    check(244, 4, json!({}), 2);
    check(244, 4, json!({"widows": 1}), 3);
    check(244, 4, json!({"widows": 3}), 0);
}

#[test]
fn a_text_takes_as_many_lines_as_it_may() {
    let text = format!("{}word", "word ".repeat(51));
    let set = |members: Json| render(json!({"blocks": [block(&text, members)]}), &json!({}));
    let words = |rendered: &Rendered| -> Vec<String> {
        let text = rendered.text(0).expect("a page");
        text.split_whitespace().map(str::to_owned).collect()
    };
    let free = set(json!({"size": 12}));
    assert_eq!((lines(&free), free.warnings.len()), (4, 0));
    let fits = set(json!({"size": 12, "max_lines": 4, "overflow": "cut"}));
    assert_eq!((words(&fits), fits.warnings.len()), (words(&free), 0));

    let shrunk = set(json!({"size": 12, "max_lines": 3, "overflow": "shrink"}));
    assert_eq!(places(&shrunk), [("text_shrunk", "a", Some(1))]);
    assert_eq!((lines(&shrunk), words(&shrunk).len()), (3, 52));
    let params = &shrunk.warnings[0].params;
    let size = params["size"].as_f64().expect("a size");
    assert!((9.6..12.0).contains(&size), "{size}");
    assert_eq!(
        (&params["lines"], &params["excess_lines"]),
        (&json!(4), &json!(1))
    );

    let cut = set(json!({"size": 12, "max_lines": 2, "overflow": "cut"}));
    assert_eq!(places(&cut), [("text_shortened", "a", Some(1))]);
    assert_eq!(lines(&cut), 2);
    let kept = words(&cut);
    let (last, whole) = kept.split_last().expect("words");
    assert_eq!(last, "word…");
    assert!(whole.iter().all(|word| word == "word"));
    // What is told to be too long is about what is left out.
    let excess = cut.warnings[0].params["excess_letters"]
        .as_u64()
        .expect("letters");
    let left_out = (52 - kept.len() as u64) * 5;
    assert!(excess.abs_diff(left_out) <= 10, "{excess} for {left_out}");

    let too_small = set(json!({"size": 12, "min_size": 11, "max_lines": 1, "overflow": "shrink"}));
    assert_eq!(places(&too_small), [("text_shortened", "a", Some(1))]);
    assert_eq!(lines(&too_small), 1);

    let on = set(json!({"size": 12, "max_lines": 1}));
    assert_eq!(places(&on), [("text_runs_on", "a", Some(1))]);
    assert_eq!((words(&on).len(), lines(&on)), (52, 4));
}

#[test]
fn no_number_is_cut() {
    let number = "1\u{a0}234\u{a0}567.89";
    let text = format!("The sum is EUR {number} and more words follow it");
    for width in 12_u16..70 {
        let members = json!({"max_lines": 1, "overflow": "cut"});
        let rendered = column(f32::from(width), &block(&text, members));
        let found = rendered.text(0).expect("a page");
        let kept = found.trim_end_matches('…');
        assert!(text.starts_with(kept), "{kept}");
        let digits = kept.contains(|letter: char| letter.is_ascii_digit());
        assert_eq!(digits, kept.contains(number), "{kept} at {width} mm");
    }
}

#[test]
fn what_cannot_be_set_is_a_problem_of_the_template() {
    let blocks = json!([
        block("x", json!({"language": "klingon language"})),
        {"id": "b", "type": "text", "text": "x", "max_lines": 0, "direction": "up"},
        {"id": "c", "type": "text", "text": "x", "overflow": "cut"},
        {"id": "d", "type": "text", "text": "x", "widows": 2.5, "align": "middle"}]);
    let json = json!({"format": "formwork-document/1", "title": "T", "blocks": blocks});
    let problems = Template::parse(&json).expect_err("problems");
    let mut found: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/blocks/0/language", "language"),
            ("/blocks/1/direction", "not_an_option"),
            ("/blocks/1/max_lines", "out_of_range"),
            ("/blocks/2/max_lines", "missing"),
            ("/blocks/3/align", "not_an_option"),
            ("/blocks/3/widows", "out_of_range"),
        ]
    );
}

const WORDS: &[&str] = &[
    LONG,
    "Eingabe\u{ad}auf\u{ad}for\u{ad}de\u{ad}rung",
    "administration",
    "(responsibility)",
    "anticonstitutionnellement,",
    "Žluťoučký",
    "Straßenbahn-Haltestelle",
    "office",
    "ffi",
    "AV.",
    "1,485.00",
    "€",
    "x\u{a0}y",
    "a",
    "of",
    "Кириллица",
    "e\u{301}te\u{301}",
    "\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_letter_is_lost_however_a_text_is_set(
        words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 1..60), width in 14.0_f32..120.0, hyphenate in any::<bool>(),
        justify in any::<bool>(), serif in any::<bool>(), language in prop::sample::select(vec!["de", "en", "fr", "zh"])) {
        let text = words.join(" ");
        let members = json!({
            "hyphenate": hyphenate, "align": if justify { "justify" } else { "start" }, "language": language,
            "font": if serif { "serif" } else { "sans" }
        });
        let rendered = column(width, &block(&text, members.clone()));
        assert!(rendered.warnings.iter().all(|warning| warning.code == "number_cut"), "{:?}", rendered.warnings);
        let bytes = rendered.pdf().expect("a PDF");
        assert!(bytes == column(width, &block(&text, members)).pdf().expect("a PDF"), "two renderings differ");
        let given = letters(&text.replace('\u{ad}', ""));
        let own: String = (0..rendered.pages.len()).filter_map(|page| rendered.text(page)).collect();
        assert_eq!(letters(&own), given);
        assert_eq!(letters(&tool(&rendered, &["pdftotext", "-raw", "FILE", "-"])), given);
    }
}
