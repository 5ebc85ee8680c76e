//! Plans of days and hours along a line.

use document::Rendered;
use lopdf::Document;
use serde_json::{Value as Json, json};

use super::{DOT, archive::tags, assert_on_paper, places, render, text};

fn fields() -> Json {
    json!([{"name": "days", "kind": "list", "item": {"kind": "record", "fields": [
        {"name": "title", "kind": "text"},
        {"name": "stops", "kind": "list", "item": {"kind": "record", "fields": [
            {"name": "time", "kind": "text"}, {"name": "what", "kind": "text"}, {"name": "place", "kind": "text", "optional": true},
            {"name": "text", "kind": "text", "optional": true}]}}]}}])
}

fn block() -> Json {
    json!({"id": "plan", "type": "plan", "days": "{{ days }}", "day_label": "Day {{ index }}", "day_title": "{{ item.title }}",
        "entries": "{{ item.stops }}", "time": "{{ item.time }}", "title": "{{ item.what }}", "place": "{{ item.place | default('') }}",
        "text": "{{ item.text | default('') }}"})
}

fn days(count: usize, stops: usize, text: &str) -> Json {
    let stop = |number: usize| json!({"time": format!("{number:02}:00"), "what": format!("Stop {number}"), "place": "Harbour", "text": text});
    let day = |number: usize| json!({"title": format!("Round {number}"), "stops": (1..=stops).map(stop).collect::<Vec<_>>()});
    json!({"days": (1..=count).map(day).collect::<Vec<_>>()})
}

/// The structure tree.
fn read(rendered: &Rendered) -> Vec<String> {
    let pdf = rendered.pdf().expect("a PDF");
    tags(&Document::load_mem(&pdf).expect("a PDF"))
}

fn plan(block: &Json, values: &Json) -> Rendered {
    render(json!({"fields": fields(), "blocks": [block]}), values)
}

#[test]
fn days_are_headings_and_what_happens_in_them_is_a_list() {
    let mut values = days(2, 2, "By boat.");
    values["days"][1]["stops"] = json!([]);
    let rendered = plan(&block(), &values);
    assert_eq!(rendered.warnings, []);
    assert_on_paper(&rendered);
    assert_eq!(
        text(&rendered),
        "Day 1 Round 1 01:00 Stop 1 Harbour By boat. 02:00 Stop 2 Harbour By boat. Day 2 Round 2"
    );
    let entry = ["  LI", "   LBody", "    P", "    P", "    P", "    P"];
    let day = [" P", " H1"];
    let entries = [" L"].into_iter().chain(entry).chain(entry);
    let expected: Vec<&str> = ["Document"]
        .into_iter()
        .chain(day)
        .chain(entries)
        .chain(day)
        .collect();
    assert_eq!(read(&rendered), expected);
    let svg = rendered.svg(0).expect("a page");
    // A dot for each day and a ring for each entry; no line below the last mark.
    assert_eq!(svg.matches(r##"<path fill="#2b47c9""##).count(), 2);
    assert_eq!(svg.matches(r##"stroke="#2b47c9""##).count(), 2);
    assert_eq!(svg.matches(r#" width="1.20""#).count(), 4);
}

#[test]
fn entries_without_days_are_headings() {
    let block = json!({"id": "plan", "type": "plan", "entries": "{{ days }}", "time": "Day {{ index }}", "time_note": "at sea", "title": "{{ item.title }}"});
    let rendered = plan(&block, &days(3, 0, ""));
    assert_eq!(rendered.warnings, []);
    let entry = [" P", " P", " H1"];
    let entries = entry.into_iter().chain(entry).chain(entry);
    let expected: Vec<&str> = ["Document"].into_iter().chain(entries).collect();
    assert_eq!(read(&rendered), expected);
    assert_eq!(
        text(&rendered),
        "Day 1 Round 1 at sea Day 2 Round 2 at sea Day 3 Round 3 at sea"
    );
}

#[test]
fn the_heading_of_a_day_stays_with_its_first_entry() {
    for stops in 1..24 {
        let rendered = plan(&block(), &days(3, stops, "By boat to the next harbour."));
        assert_eq!(rendered.warnings, []);
        assert_on_paper(&rendered);
        for page in 0..rendered.pages.len() {
            let found = rendered.text(page).expect("a page");
            let last = found.lines().last().expect("a line");
            assert_eq!(last, "By boat to the next harbour.", "{stops}: {found}");
        }
    }
}

#[test]
fn a_long_entry_goes_on_overleaf_with_its_line() {
    let long = "By boat to the next harbour. ".repeat(300);
    let rendered = plan(&block(), &days(2, 1, &long));
    assert_eq!(rendered.warnings, []);
    assert_on_paper(&rendered);
    assert!(rendered.pages.len() > 2);
    let found = text(&rendered);
    assert_eq!(found.matches("harbour").count(), 600);
    assert_eq!(found.matches("Stop 1").count(), 2);
    // A title is never alone at the foot of its page.
    let first = rendered.text(0).expect("a page");
    assert!(first.lines().count() > 4, "{first}");
}

#[test]
fn pictures_stand_beside_the_words_or_above_them() {
    for (place, x) in [("beside", 100.0), ("above", 20.0)] {
        let mut block = block();
        block["picture"] = json!({"data": DOT, "width": 40, "height": 25, "alt": "A harbour"});
        block["picture_place"] = json!(place);
        let rendered = plan(&block, &days(1, 2, "By boat."));
        assert_eq!(rendered.warnings, [], "{place}");
        assert_on_paper(&rendered);
        let svg = rendered.svg(0).expect("a page");
        let (_, image) = svg
            .split_once("i0\" transform=\"translate(")
            .expect("a picture");
        let left: f32 = image
            .split(' ')
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number");
        assert!(left / 72.0 * 25.4 > x, "{place}: {left}");
    }
}

#[test]
fn a_plan_runs_from_right_to_left() {
    let parts = json!({"page": {"direction": "rtl"}, "fields": fields(), "blocks": [block()]});
    let rendered = render(parts, &days(1, 1, "بالقارب"));
    assert_eq!(rendered.warnings, []);
    assert_on_paper(&rendered);
    let texts = rendered.texts(0);
    let left = |leaf: &str| {
        let found = texts.iter().find(|text| text.leaf.ends_with(leaf));
        found.expect("a text").x_mm
    };
    assert!(left("/time") > left("/title"));
}

#[test]
fn an_empty_plan_says_so() {
    let rendered = plan(&block(), &json!({"days": []}));
    assert_eq!(places(&rendered), [("list_empty", "plan", Some(1))]);
    assert_eq!(text(&rendered), "No entries");
    // A picture that is not there leaves its room to the words.
    let mut with_picture = block();
    with_picture["picture"] = json!({"source": "{{ firm.logo }}", "alt": "Our logo"});
    let rendered = plan(&with_picture, &days(1, 1, "By boat."));
    assert_eq!(rendered.warnings, []);
}
