//! What people read of a template that is not filled in, and the same template in another language. Both take JSON, since a translation is
//! a template again; neither looks whether it is sound.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::leaf::{Cut, split};

/// Members that are texts wherever they stand.
const TEXTS: [&str; 17] = [
    "alt",
    "day_label",
    "day_text",
    "day_title",
    "description",
    "detail",
    "empty",
    "heading",
    "label",
    "message",
    "place",
    "text",
    "time",
    "time_note",
    "title",
    "total_label",
    "value",
];

/// Where a member stands, as far as that says whether it is a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the headings of a table of taxes, or in the rows below a table: there everything is.
    Words,
    /// In the options of a choice, whose `value` is what is stored.
    Options,
    Other,
}

impl Place {
    fn of(member: &str) -> Self {
        match member {
            "headings" | "totals" => Self::Words,
            "options" => Self::Options,
            _ => Self::Other,
        }
    }
}

/// Every text with words of its own, once, as it first stands in the template. Words within `{{ }}` are not among them, and nor are those of
/// the sample.
pub fn texts(template: &Json) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut template = template.clone();
    visit(&mut template, Place::Other, &mut |text| {
        if !found.contains(text) {
            found.push(text.clone());
        }
    });
    found
}

/// The template in a language: its texts by what they are in it, and another sample. A text that is not among them stays.
pub fn translate(
    template: &Json,
    language: &str,
    texts: &BTreeMap<String, String>,
    sample: Option<&Json>,
) -> Json {
    let mut translated = template.clone();
    visit(&mut translated, Place::Other, &mut |text| {
        if let Some(other) = texts.get(text.as_str()) {
            text.clone_from(other);
        }
    });
    if let Some(members) = translated.as_object_mut() {
        members.insert("language".into(), language.into());
        if let Some(sample) = sample {
            members.insert("sample".into(), sample.clone());
        }
    }
    translated
}

fn visit(json: &mut Json, place: Place, each: &mut impl FnMut(&mut String)) {
    match json {
        Json::Object(members) => {
            let kind = members.get("type").and_then(Json::as_str);
            let is_signature = kind == Some("signature");
            // A field's name is what expressions call it by.
            let is_named = kind.is_some() || !members.contains_key("kind");
            for (name, member) in members {
                let is_text = match name.as_str() {
                    "sample" => continue,
                    "value" if place == Place::Options => false,
                    "name" => is_named,
                    "date" => is_signature,
                    name => place == Place::Words || TEXTS.contains(&name),
                };
                match member {
                    Json::String(text) if is_text => told(text, each),
                    other => visit(other, Place::of(name), each),
                }
            }
        }
        Json::Array(items) => {
            for item in items {
                match item {
                    Json::String(text) if place == Place::Words => told(text, each),
                    other => visit(other, place, each),
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn told(text: &mut String, each: &mut impl FnMut(&mut String)) {
    let has_words = split(text).iter().any(|part| match part {
        Cut::Literal(text) => text.chars().any(char::is_alphabetic),
        Cut::Hole(_) => false,
    });
    if has_words {
        each(text);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(parts: &Json, expected: &[&str]) {
        assert_eq!(texts(parts), expected);
    }

    #[test]
    fn finds_what_people_read() {
        check(
            &json!({"title": "Offer {{ number }}", "sample": {"title": "No text"}, "theme": {"accent": "red"}}),
            &["Offer {{ number }}"],
        );
        check(
            &json!({"fields": [{"name": "unit", "title": "Unit", "kind": "choice", "options": [{"value": "hour", "title": "Hour"}]},
                {"name": "net", "title": "Net", "kind": "money", "value": "{{ lines | sum }}"}]}),
            &["Unit", "Hour", "Net"],
        );
        check(
            &json!({"blocks": [{"id": "sign", "type": "signature", "name": "Ms Ng", "label": "Signed", "date": "Place, date"},
                {"id": "code", "type": "qr", "alt": "Code", "payment": {"name": "{{ firm.name }}"}},
                {"id": "words", "type": "text", "name": "Words", "runs": [{"text": "{{ a }}, "}, {"text": "Words"}, {"text": "{% if a %}b{% endif %}"}]}]}),
            &["Ms Ng", "Signed", "Place, date", "Code", "Words"],
        );
        check(
            &json!({"blocks": [{"id": "t", "type": "table", "rows": "{{ lines }}", "head": {"bold": true},
                "columns": [{"heading": "Thing", "value": "{{ item }}", "detail": "per {{ item.unit }}", "width": "auto"}],
                "totals": [["Sum", "{{ a }}"]], "empty": "None", "total_label": "All"},
                {"id": "x", "type": "tax_table", "taxes": "{{ taxes }}", "headings": {"rate": "Rate"}},
                {"id": "c", "type": "chart", "kind": "bar", "name": "Sales", "series": [{"name": "This year", "value": "{{ item }}"}]}]}),
            &[
                "Thing",
                "per {{ item.unit }}",
                "Sum",
                "None",
                "All",
                "Rate",
                "Sales",
                "This year",
            ],
        );
    }

    #[test]
    fn a_translation_is_the_same_template_with_other_words() {
        let template = json!({"language": "en", "title": "Offer {{ number }}", "sample": {"number": "A"},
            "blocks": [{"id": "Offer", "type": "text", "text": "Offer"}, {"id": "b", "type": "text", "text": "Untold"}]});
        let words = [
            ("Offer", "Angebot"),
            ("Offer {{ number }}", "Angebot {{ number }}"),
        ];
        let words = BTreeMap::from(words.map(|(from, to)| (from.to_owned(), to.to_owned())));
        let translated = translate(&template, "de", &words, Some(&json!({"number": "B"})));
        assert_eq!(
            translated,
            json!({"language": "de", "title": "Angebot {{ number }}", "sample": {"number": "B"},
                "blocks": [{"id": "Offer", "type": "text", "text": "Angebot"}, {"id": "b", "type": "text", "text": "Untold"}]})
        );
        assert_eq!(translate(&template, "en", &BTreeMap::new(), None), template);
    }
}
