//! What a request's JSON Schema means for the length of an answer: every open end gets a bound, so that an answer always fits into
//! a number of tokens that is known before it is written. A tightened schema accepts only what the request's schema accepts.

use serde_json::{Map, Value as Json, json};

/// Longest text where the schema sets no limit, in characters.
const MOST_TEXT: u64 = 2_000;
/// Most entries where the schema sets no limit.
const MOST_ITEMS: u64 = 20;
/// Largest whole number that every reader of JSON keeps exact.
const LARGEST: i64 = 9_007_199_254_740_991;
/// References are followed this deep.
const DEPTH: usize = 32;

/// A schema with every length bounded, and the tokens its longest answer takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded {
    pub schema: Json,
    pub max_tokens: usize,
}

/// Bounds `schema`: texts without a limit share `free_tokens`.
pub fn bound(schema: &Json, free_tokens: usize) -> Bounded {
    let open = open_texts(schema, schema, 0).max(1);
    // Three characters are about one token in prose; the rest is room for the structure.
    let share = (free_tokens as u64 * 2 / open).clamp(40, MOST_TEXT);
    let mut tight = schema.clone();
    tighten(&mut tight, share, 0);
    let max_tokens = longest(&tight, &tight, 0).saturating_add(16);
    Bounded {
        schema: tight,
        max_tokens: usize::try_from(max_tokens).unwrap_or(usize::MAX),
    }
}

/// The same schema, to be written without optional white space.
pub fn compact(mut schema: Json) -> Json {
    if let Json::Object(map) = &mut schema {
        map.insert(
            "x-guidance".into(),
            json!({"whitespace_flexible": false, "item_separator": ",", "key_separator": ":"}),
        );
    }
    schema
}

/// The schema that a `$ref` within the document names, else the schema itself.
pub fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    schema
        .get("$ref")
        .and_then(Json::as_str)
        .and_then(|reference| reference.strip_prefix('#'))
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

fn is_type(schema: &Map<String, Json>, name: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(any)) => any.iter().any(|one| one == name),
        _ => false,
    }
}

fn is_open_text(schema: &Map<String, Json>) -> bool {
    is_type(schema, "string")
        && !["maxLength", "enum", "const", "format"]
            .iter()
            .any(|key| schema.contains_key(*key))
}

/// Calls `each` with every schema directly inside.
fn inside<'a>(schema: &'a Map<String, Json>, each: &mut dyn FnMut(&'a Json)) {
    for key in ["properties", "$defs", "definitions"] {
        if let Some(Json::Object(map)) = schema.get(key) {
            map.values().for_each(&mut *each);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner @ Json::Object(_)) = schema.get(key) {
            each(inner);
        }
    }
    for key in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        if let Some(Json::Array(list)) = schema.get(key) {
            list.iter().for_each(&mut *each);
        }
    }
}

fn open_texts(root: &Json, schema: &Json, depth: usize) -> u64 {
    let Json::Object(map) = resolve(root, schema) else {
        return 0;
    };
    if depth > DEPTH {
        return 0;
    }
    let mut count = u64::from(is_open_text(map));
    let times = if is_type(map, "array") {
        map.get("maxItems")
            .and_then(Json::as_u64)
            .unwrap_or(MOST_ITEMS)
    } else {
        1
    };
    inside(map, &mut |inner| {
        count = count.saturating_add(open_texts(root, inner, depth + 1).saturating_mul(times));
    });
    count
}

fn tighten(schema: &mut Json, share: u64, depth: usize) {
    let Json::Object(map) = schema else { return };
    if depth > DEPTH {
        return;
    }
    if is_open_text(map) {
        let least = map.get("minLength").and_then(Json::as_u64).unwrap_or(0);
        map.insert("maxLength".into(), share.max(least).into());
    }
    if is_type(map, "array") && !map.contains_key("maxItems") {
        let least = map.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        map.insert("maxItems".into(), MOST_ITEMS.max(least).into());
    }
    if is_type(map, "integer") && !map.contains_key("enum") && !map.contains_key("const") {
        if !map.contains_key("minimum") && !map.contains_key("exclusiveMinimum") {
            map.insert("minimum".into(), (-LARGEST).into());
        }
        if !map.contains_key("maximum") && !map.contains_key("exclusiveMaximum") {
            map.insert("maximum".into(), LARGEST.into());
        }
    }
    if is_type(map, "object")
        && map.contains_key("properties")
        && !map.contains_key("additionalProperties")
    {
        map.insert("additionalProperties".into(), false.into());
    }
    for key in ["properties", "$defs", "definitions"] {
        if let Some(Json::Object(inner)) = map.get_mut(key) {
            inner
                .values_mut()
                .for_each(|inner| tighten(inner, share, depth + 1));
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            tighten(inner, share, depth + 1);
        }
    }
    for key in ["anyOf", "oneOf", "prefixItems"] {
        if let Some(Json::Array(list)) = map.get_mut(key) {
            list.iter_mut()
                .for_each(|inner| tighten(inner, share, depth + 1));
        }
    }
}

/// Tokens of the longest answer, at one token for each character.
fn longest(root: &Json, schema: &Json, depth: usize) -> u64 {
    let Json::Object(map) = resolve(root, schema) else {
        return 64;
    };
    if depth > DEPTH {
        return 64;
    }
    if let Some(value) = map.get("const") {
        return value.to_string().chars().count() as u64;
    }
    if let Some(Json::Array(values)) = map.get("enum") {
        return values
            .iter()
            .map(|value| value.to_string().chars().count() as u64)
            .max()
            .unwrap_or(0);
    }
    let mut most: u64 = 0;
    for key in ["anyOf", "oneOf"] {
        if let Some(Json::Array(list)) = map.get(key) {
            for inner in list {
                most = most.max(longest(root, inner, depth + 1));
            }
        }
    }
    if let Some(Json::Array(list)) = map.get("allOf") {
        for inner in list {
            most = most.saturating_add(longest(root, inner, depth + 1));
        }
    }
    if is_type(map, "string") {
        let chars = map.get("maxLength").and_then(Json::as_u64).unwrap_or(64);
        most = most.max(chars.saturating_add(2));
    }
    if is_type(map, "integer") || is_type(map, "number") {
        most = most.max(24);
    }
    if is_type(map, "boolean") || is_type(map, "null") {
        most = most.max(2);
    }
    if is_type(map, "array") {
        let each = map
            .get("items")
            .map_or(0, |inner| longest(root, inner, depth + 1))
            .saturating_add(1);
        let count = map
            .get("maxItems")
            .and_then(Json::as_u64)
            .unwrap_or(MOST_ITEMS);
        most = most.max(each.saturating_mul(count).saturating_add(2));
    }
    if let Some(Json::Object(properties)) = map.get("properties") {
        let all = properties.iter().fold(2_u64, |sum, (name, inner)| {
            sum.saturating_add(name.chars().count() as u64 + 4)
                .saturating_add(longest(root, inner, depth + 1))
        });
        most = most.max(all);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schema: &Json, free: usize, expected: &Json, tokens: usize) {
        let bounded = bound(schema, free);
        assert_eq!(&bounded.schema, expected);
        assert_eq!(bounded.max_tokens, tokens);
    }

    #[test]
    fn open_ends_are_bounded() {
        check(
            &json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string", "maxLength": 30}}}),
            100,
            &json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 200}, "b": {"type": "string", "maxLength": 30}},
                    "additionalProperties": false}),
            2 + (5 + 202) + (5 + 32) + 16,
        );
        check(
            &json!({"type": "array", "items": {"type": "integer"}}),
            100,
            &json!({"type": "array", "items": {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}, "maxItems": 20}),
            25 * 20 + 2 + 16,
        );
    }

    #[test]
    fn texts_of_a_list_share_the_room() {
        let rows = json!({"type": "array", "maxItems": 5, "items": {"type": "object", "properties": {"x": {"type": "string"}}}});
        let bounded = bound(&rows, 500);
        assert_eq!(bounded.schema["items"]["properties"]["x"]["maxLength"], 200);
    }

    #[test]
    fn closed_values_cost_their_length() {
        check(
            &json!({"enum": ["grault", "x"]}),
            10,
            &json!({"enum": ["grault", "x"]}),
            8 + 16,
        );
    }
}
