//! The one text Postgres cannot keep: a NUL character. It is refused where values enter, so that no commit fails on it later.

use serde_json::Value as Json;

/// Whether Postgres can store the value as `jsonb`.
pub fn json(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
        Json::String(value) => text(value),
        Json::Array(items) => items.iter().all(json),
        Json::Object(fields) => fields.iter().all(|(name, value)| text(name) && json(value)),
    }
}

/// Whether Postgres can store the text.
pub fn text(value: &str) -> bool {
    !value.contains('\0')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn only_nul_is_refused() {
        let check = |value, expected| assert_eq!(super::json(&value), expected, "{value}");
        check(json!({"a": ["b", 1, null, true, "\u{1}\u{202e}😀"]}), true);
        check(json!({"a": ["b\0"]}), false);
        check(json!({"a\0": 1}), false);
    }
}
