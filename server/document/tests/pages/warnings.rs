//! What is told of a document that is made all the same: what is missing, cannot be drawn or does not fit, and where.

use serde_json::{Value as Json, json};

use super::{DOT, list_document, places, render, rows, text};

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
            ("payment_iban", "c", None)
        ]
    );
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
fn a_picture_without_words_is_told_unless_it_is_decoration() {
    let picture = |id: &str| json!({"id": id, "type": "image", "data": DOT, "width": 5});
    let with = |id: &str, name: &str, value: Json| {
        let mut block = picture(id);
        block[name] = value;
        block
    };
    let rendered = render(
        json!({
            "header": {"blocks": [picture("logo")]},
            "blocks": [picture("a"), with("b", "alt", json!("A dot")), with("c", "decorative", json!(true))]
        }),
        &json!({}),
    );
    assert_eq!(places(&rendered), [("image_without_alt", "a", Some(1))]);
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
