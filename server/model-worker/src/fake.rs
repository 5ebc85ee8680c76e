//! A backend for tests: answers by schema and seed alone, always the same, in the shape and about the length of a real answer. It
//! is the same process, thread and protocol; only the words are not a model's.

use std::{thread, time::Duration};

use engine::node::{GenerationResult, Usage};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Map, Value as Json};

use crate::{
    backend::{About, Backend, Control, Failure, Request},
    schema::resolve,
};

/// An instruction with this text fails, so that tests see a failing model.
pub const FAIL: &str = "[[fake:fail]]";
/// An instruction with this text is never answered, so that tests see time limits and Stop.
pub const HANG: &str = "[[fake:hang]]";

const WORDS: [&str; 48] = [
    "the", "morning", "begins", "with", "a", "quiet", "walk", "through", "old", "streets", "and",
    "small", "shops", "after", "lunch", "we", "visit", "museum", "near", "river", "where", "guide",
    "waits", "for", "you", "evening", "brings", "dinner", "at", "harbour", "thank", "your",
    "order", "it", "was", "pleasure", "to", "work", "together", "please", "find", "all", "details",
    "below", "in", "clear", "short", "form",
];

/// The scripted backend.
pub struct Fake {
    name: String,
    /// Pause after each word.
    pause: Duration,
}

impl Fake {
    pub fn new(name: String, pause: Duration) -> Self {
        Self { name, pause }
    }
}

impl Backend for Fake {
    fn about(&self) -> About {
        About {
            name: self.name.clone(),
            sha256: "0".repeat(64),
            context_tokens: 8192,
            tokens_per_second: 1000.0,
            memory_bytes: 0,
        }
    }

    fn generate(
        &mut self,
        request: &Request,
        control: &Control,
    ) -> Result<GenerationResult, Failure> {
        let asked = &request.generation;
        let says = |what: &str| asked.messages.iter().any(|m| m.content.contains(what));
        control.check()?;
        if says(FAIL) {
            return Err(Failure::new(
                "model_failed",
                "The model failed because the instruction asked it to.",
            ));
        }
        while says(HANG) {
            control.check()?;
            thread::sleep(Duration::from_millis(5));
        }
        let mut random = StdRng::seed_from_u64(asked.seed);
        let (text, values) = match &asked.schema {
            Some(schema) => {
                let values = value(schema, schema, &mut random, 0);
                (values.to_string(), Some(values))
            }
            None => {
                let most = (asked.max_tokens as usize * 4).clamp(8, 240);
                (prose(&mut random, 0, most), None)
            }
        };
        let mut tokens = 0;
        for piece in text.split_inclusive(' ') {
            control.check()?;
            control.text(piece.to_owned());
            tokens += 1;
            thread::sleep(self.pause);
        }
        Ok(GenerationResult {
            text,
            values,
            usage: Usage {
                prompt_tokens: asked
                    .messages
                    .iter()
                    .map(|m| count(m.content.split_whitespace().count()))
                    .sum(),
                output_tokens: tokens,
                ..Usage::default()
            },
            model: self.name.clone(),
            model_sha256: "0".repeat(64),
            seed: asked.seed,
            finish_reason: "stop".into(),
        })
    }
}

fn value(root: &Json, schema: &Json, random: &mut StdRng, depth: usize) -> Json {
    let Json::Object(map) = resolve(root, schema) else {
        return Json::Null;
    };
    if depth > 32 {
        return Json::Null;
    }
    if let Some(value) = map.get("const") {
        return value.clone();
    }
    for key in ["enum", "anyOf", "oneOf"] {
        if let Some(Json::Array(list)) = map.get(key)
            && !list.is_empty()
        {
            let one = &list[random.random_range(0..list.len())];
            return if key == "enum" {
                one.clone()
            } else {
                value(root, one, random, depth + 1)
            };
        }
    }
    let kind = match map.get("type") {
        Some(Json::String(kind)) => kind.as_str(),
        Some(Json::Array(kinds)) => kinds.first().and_then(Json::as_str).unwrap_or("null"),
        _ if map.contains_key("properties") => "object",
        _ => "string",
    };
    match kind {
        "object" => {
            let mut object = Map::new();
            if let Some(Json::Object(properties)) = map.get("properties") {
                for (name, inner) in properties {
                    object.insert(name.clone(), value(root, inner, random, depth + 1));
                }
            }
            Json::Object(object)
        }
        "array" => {
            let least = number(map, "minItems").unwrap_or(0);
            let most = number(map, "maxItems")
                .unwrap_or(least.max(3))
                .min(least.max(3));
            let count = least.max(1).min(most.max(least));
            let inner = map.get("items").unwrap_or(&Json::Null);
            (0..count)
                .map(|_| value(root, inner, random, depth + 1))
                .collect()
        }
        "string" => Json::String(text(map, random)),
        "integer" => {
            let least = map.get("minimum").and_then(Json::as_i64).unwrap_or(1);
            let most = map
                .get("maximum")
                .and_then(Json::as_i64)
                .unwrap_or(least.saturating_add(9))
                .max(least);
            random
                .random_range(least..=most.min(least.saturating_add(9)))
                .into()
        }
        "number" => map.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        "boolean" => Json::Bool(random.random::<bool>()),
        _ => Json::Null,
    }
}

fn text(map: &Map<String, Json>, random: &mut StdRng) -> String {
    match map.get("format").and_then(Json::as_str) {
        Some("date") => return "2027-03-08".into(),
        Some("time") => return "09:30:00Z".into(),
        Some("date-time") => return "2027-03-08T09:30:00Z".into(),
        Some("email") => return "someone@example.com".into(),
        Some("uri") => return "https://example.com/".into(),
        Some(_) | None => {}
    }
    if let Some(pattern) = map.get("pattern").and_then(Json::as_str)
        && (pattern.contains("[0-9]") || pattern.contains("\\d"))
    {
        return "1".into();
    }
    let least = number(map, "minLength").unwrap_or(0);
    let most = number(map, "maxLength").unwrap_or(160).min(least.max(160));
    prose(random, least, most)
}

/// Sentences of at least `least` and at most `most` characters.
fn prose(random: &mut StdRng, least: usize, most: usize) -> String {
    let wanted = if most > least {
        random.random_range((most * 2 / 3).max(least)..=most)
    } else {
        most
    };
    let mut prose = String::new();
    let mut start = true;
    let mut words = 0;
    while prose.len() < wanted {
        let word = WORDS[random.random_range(0..WORDS.len())];
        if prose.len() + word.len() + 2 > wanted {
            break;
        }
        if !prose.is_empty() {
            prose.push(' ');
        }
        if start {
            prose.push_str(&word[..1].to_uppercase());
            prose.push_str(&word[1..]);
        } else {
            prose.push_str(word);
        }
        words += 1;
        start = words % 9 == 0;
        if start {
            prose.push('.');
        }
    }
    if !prose.is_empty() && !prose.ends_with('.') && prose.len() < wanted {
        prose.push('.');
    }
    while prose.len() < least.min(most) {
        prose.push('x');
    }
    prose.truncate(most);
    prose
}

fn number(map: &Map<String, Json>, key: &str) -> Option<usize> {
    map.get(key)
        .and_then(Json::as_u64)
        .and_then(|n| usize::try_from(n).ok())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_fit_their_schema() {
        let schema = json!({
            "type": "object",
            "properties": {
                "note": {"type": "string", "minLength": 3, "maxLength": 12},
                "tone": {"enum": ["warm", "plain"]},
                "days": {"type": "array", "minItems": 2, "maxItems": 4, "items": {"$ref": "#/$defs/day"}},
                "stars": {"type": "integer", "minimum": 4, "maximum": 5},
            },
            "$defs": {"day": {"type": "object", "properties": {"title": {"type": "string", "maxLength": 40}}}},
        });
        for seed in 0..200 {
            let made = value(&schema, &schema, &mut StdRng::seed_from_u64(seed), 0);
            let note = made["note"].as_str().expect("a text");
            assert!((3..=12).contains(&note.len()), "{note:?}");
            assert!(made["tone"] == "warm" || made["tone"] == "plain");
            assert!((4..=5).contains(&made["stars"].as_i64().expect("a number")));
            let days = made["days"].as_array().expect("a list");
            assert!((2..=4).contains(&days.len()));
            assert!(days.iter().all(|day| {
                day["title"]
                    .as_str()
                    .is_some_and(|t| !t.is_empty() && t.len() <= 40)
            }));
        }
    }

    #[test]
    fn the_seed_decides() {
        let draw = |seed| prose(&mut StdRng::seed_from_u64(seed), 0, 120);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).starts_with(char::is_uppercase));
    }
}
