//! Checks JSON against the JSON Schemas that schemars makes of our own types, and words every problem for people. It knows the
//! keywords those schemas use (draft 2020-12) and is no general validator; serde has the last word.

use serde_json::{Map, Value as Json, json};

use crate::{
    check::{Problem, close_match},
    value::escape_pointer,
};

/// Deepest JSON that is looked at.
const MAX_DEPTH: usize = 64;

/// Every problem of `json`, with pointers from its root.
pub fn problems(schema: &Json, json: &Json) -> Vec<Problem> {
    let mut checker = Checker {
        root: schema,
        problems: Vec::new(),
    };
    checker.check(schema, json, "", 0);
    checker.problems
}

/// The schema a property, item or alternative really has, after following `$ref` into `$defs`.
pub fn resolve<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let mut schema = schema;
    // A chain of references longer than this can only be a circle.
    for _ in 0..16 {
        let Some(name) = schema.get("$ref").and_then(Json::as_str) else {
            break;
        };
        let target = if name == "#" {
            Some(root)
        } else {
            name.strip_prefix('#').and_then(|path| root.pointer(path))
        };
        match target {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

/// Calls `visit` for every place in `json` with the schemas that describe it, outermost first: the property's own (which carries
/// `x-widget`) and the one it refers to.
pub fn walk<'a>(root: &'a Json, json: &'a Json, visit: &mut dyn FnMut(&str, &'a Json, &'a Json)) {
    walk_at(root, root, json, &mut String::new(), 0, visit);
}

fn walk_at<'a>(
    root: &'a Json,
    schema: &'a Json,
    json: &'a Json,
    pointer: &mut String,
    depth: usize,
    visit: &mut dyn FnMut(&str, &'a Json, &'a Json),
) {
    if depth > MAX_DEPTH {
        return;
    }
    visit(pointer, schema, json);
    let resolved = resolve(root, schema);
    if !std::ptr::eq(resolved, schema) {
        visit(pointer, resolved, json);
    }
    for alternative in alternatives(resolved) {
        let alternative_schema = resolve(root, alternative);
        if fits_shape(root, alternative_schema, json) {
            walk_at(root, alternative, json, pointer, depth + 1, visit);
            break;
        }
    }
    let length = pointer.len();
    match json {
        Json::Object(object) => {
            for (name, value) in object {
                let below = resolved
                    .get("properties")
                    .and_then(|properties| properties.get(name))
                    .or_else(|| {
                        resolved
                            .get("additionalProperties")
                            .filter(|schema| schema.is_object())
                    });
                if let Some(schema) = below {
                    pointer.push('/');
                    pointer.push_str(&escape_pointer(name));
                    walk_at(root, schema, value, pointer, depth + 1, visit);
                    pointer.truncate(length);
                }
            }
        }
        Json::Array(items) => {
            if let Some(schema) = resolved.get("items") {
                for (index, value) in items.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    walk_at(root, schema, value, pointer, depth + 1, visit);
                    pointer.truncate(length);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> {
    ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|keyword| schema.get(keyword)?.as_array())
        .flatten()
}

/// Whether an alternative is the one meant: the JSON type fits and every `const` property has its value.
fn fits_shape(root: &Json, schema: &Json, json: &Json) -> bool {
    if let Some(expected) = schema.get("const") {
        return json == expected;
    }
    if let Some(options) = schema.get("enum").and_then(Json::as_array) {
        return options.contains(json);
    }
    if !fits_type(schema, json) {
        return false;
    }
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return true;
    };
    properties
        .iter()
        .all(|(name, schema)| match resolve(root, schema).get("const") {
            Some(expected) => json.get(name) == Some(expected),
            None => true,
        })
}

fn fits_type(schema: &Json, json: &Json) -> bool {
    match schema.get("type") {
        Some(Json::String(name)) => is_type(name, json),
        Some(Json::Array(names)) => names
            .iter()
            .filter_map(Json::as_str)
            .any(|name| is_type(name, json)),
        _ => true,
    }
}

fn is_type(name: &str, json: &Json) -> bool {
    match name {
        "null" => json.is_null(),
        "boolean" => json.is_boolean(),
        "integer" => json.is_i64() || json.is_u64(),
        "number" => json.is_number(),
        "string" => json.is_string(),
        "array" => json.is_array(),
        "object" => json.is_object(),
        _ => true,
    }
}

struct Checker<'a> {
    root: &'a Json,
    problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    fn check(&mut self, schema: &'a Json, json: &Json, pointer: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.add(pointer, "config_too_deep", json!({}), "Nested too deeply.");
            return;
        }
        let schema = resolve(self.root, schema);
        if !fits_type(schema, json) {
            let expected = expected_type(schema);
            self.add(
                pointer,
                "config_wrong_kind",
                json!({"expected": expected}),
                &format!("Expected {expected}."),
            );
            return;
        }
        if let Some(options) = schema.get("enum").and_then(Json::as_array)
            && !options.contains(json)
        {
            self.not_an_option(pointer, options.iter(), json);
        }
        if let Some(expected) = schema.get("const")
            && json != expected
        {
            self.not_an_option(pointer, std::iter::once(expected), json);
        }
        if let Some(parts) = schema.get("allOf").and_then(Json::as_array) {
            for part in parts {
                self.check(part, json, pointer, depth + 1);
            }
        }
        self.check_alternatives(schema, json, pointer, depth);
        match json {
            Json::Object(object) => self.check_object(schema, object, pointer, depth),
            Json::Array(items) => self.check_array(schema, items, pointer, depth),
            Json::String(text) => self.check_text(schema, text, pointer),
            Json::Number(number) => self.check_number(schema, number, pointer),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn check_alternatives(&mut self, schema: &'a Json, json: &Json, pointer: &str, depth: usize) {
        let all: Vec<&Json> = alternatives(schema).collect();
        if all.is_empty() {
            return;
        }
        let fitting: Vec<&Json> = all
            .iter()
            .copied()
            .filter(|alternative| fits_shape(self.root, resolve(self.root, alternative), json))
            .collect();
        match fitting.as_slice() {
            [] => self.no_alternative(&all, json, pointer),
            [only] => self.check(only, json, pointer, depth + 1),
            several => {
                // The alternative with the fewest problems is the one meant.
                let best = several
                    .iter()
                    .map(|alternative| {
                        let mut checker = Checker {
                            root: self.root,
                            problems: Vec::new(),
                        };
                        checker.check(alternative, json, pointer, depth + 1);
                        checker.problems
                    })
                    .min_by_key(Vec::len);
                self.problems.extend(best.unwrap_or_default());
            }
        }
    }

    fn no_alternative(&mut self, all: &[&'a Json], json: &Json, pointer: &str) {
        let resolved: Vec<&Json> = all
            .iter()
            .map(|alternative| resolve(self.root, alternative))
            .collect();
        // Unit variants of an enum: constants, or enums of one.
        let constants: Vec<&Json> = resolved
            .iter()
            .flat_map(|schema| {
                schema.get("const").into_iter().chain(
                    schema
                        .get("enum")
                        .and_then(Json::as_array)
                        .into_iter()
                        .flatten(),
                )
            })
            .collect();
        if constants.len() >= resolved.len() {
            self.not_an_option(pointer, constants.into_iter(), json);
            return;
        }
        // A tagged enum: the tag is the property that is a constant in every alternative.
        let tag = resolved
            .first()
            .and_then(|schema| schema.get("properties")?.as_object())
            .and_then(|properties| {
                properties
                    .iter()
                    .find(|(_, schema)| schema.get("const").is_some())
                    .map(|(name, _)| name.clone())
            });
        if let (Some(tag), true) = (tag, json.is_object()) {
            let constants: Vec<&Json> = resolved
                .iter()
                .filter_map(|schema| schema.get("properties")?.get(&tag)?.get("const"))
                .collect();
            let at = format!("{pointer}/{}", escape_pointer(&tag));
            match json.get(&tag) {
                Some(found) => self.not_an_option(&at, constants.into_iter(), found),
                None => self.missing(pointer, &tag),
            }
            return;
        }
        let expected = resolved
            .iter()
            .copied()
            .find(|schema| schema.get("type").and_then(Json::as_str) != Some("null"))
            .map_or("another kind of value", expected_type);
        self.add(
            pointer,
            "config_wrong_kind",
            json!({"expected": expected}),
            &format!("Expected {expected}."),
        );
    }

    fn check_object(
        &mut self,
        schema: &'a Json,
        object: &Map<String, Json>,
        pointer: &str,
        depth: usize,
    ) {
        let properties = schema.get("properties").and_then(Json::as_object);
        for name in schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
        {
            if !object.contains_key(name) {
                self.missing(pointer, name);
            }
        }
        for (name, value) in object {
            let at = format!("{pointer}/{}", escape_pointer(name));
            if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                self.check(schema, value, &at, depth + 1);
                continue;
            }
            match schema.get("additionalProperties") {
                Some(Json::Bool(false)) => {
                    let known = properties.into_iter().flat_map(Map::keys);
                    let close = close_match(name, known.map(String::as_str));
                    let hint = close.map_or(String::new(), |close| {
                        format!(" Did you mean \u{201c}{close}\u{201d}?")
                    });
                    self.add(
                        &at,
                        "config_unknown_field",
                        json!({"name": name, "close": close}),
                        &format!("There is no setting \u{201c}{name}\u{201d}.{hint}"),
                    );
                }
                Some(schema @ Json::Object(_)) => self.check(schema, value, &at, depth + 1),
                _ => {}
            }
        }
    }

    fn check_array(&mut self, schema: &'a Json, items: &[Json], pointer: &str, depth: usize) {
        let length = items.len() as u64;
        if let Some(least) = limit(schema, "minItems")
            && length < least
        {
            self.add(
                pointer,
                "config_too_few",
                json!({"least": least}),
                &format!("At least {least} entries are needed."),
            );
        }
        if let Some(most) = limit(schema, "maxItems")
            && length > most
        {
            self.add(
                pointer,
                "config_too_many",
                json!({"most": most}),
                &format!("At most {most} entries fit."),
            );
        }
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.check(schema, item, &format!("{pointer}/{index}"), depth + 1);
            }
        }
    }

    fn check_text(&mut self, schema: &Json, text: &str, pointer: &str) {
        if let Some(most) = limit(schema, "maxLength")
            && text.chars().count() as u64 > most
        {
            self.add(
                pointer,
                "config_too_long",
                json!({"most": most}),
                &format!("At most {most} characters fit."),
            );
        }
        let format_fits = match schema.get("format").and_then(Json::as_str) {
            Some("uuid") => text.parse::<uuid::Uuid>().is_ok(),
            Some("date") => text.parse::<jiff::civil::Date>().is_ok(),
            _ => true,
        };
        if !format_fits {
            let expected = expected_type(schema);
            self.add(
                pointer,
                "config_wrong_kind",
                json!({"expected": expected}),
                &format!("Expected {expected}."),
            );
        }
    }

    fn check_number(&mut self, schema: &Json, number: &serde_json::Number, pointer: &str) {
        let value = number.as_f64().unwrap_or(0.0);
        let least = schema.get("minimum").and_then(Json::as_f64);
        let most = schema.get("maximum").and_then(Json::as_f64);
        if least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
            let message = match (least, most) {
                (Some(least), Some(most)) => format!("Must lie between {least} and {most}."),
                (Some(least), None) => format!("Must be at least {least}."),
                (None, Some(most)) => format!("Must be at most {most}."),
                (None, None) => String::new(),
            };
            self.add(
                pointer,
                "config_out_of_range",
                json!({"least": least, "most": most}),
                &message,
            );
        }
    }

    fn missing(&mut self, pointer: &str, name: &str) {
        self.add(
            &format!("{pointer}/{}", escape_pointer(name)),
            "config_missing",
            json!({"name": name}),
            &format!("\u{201c}{name}\u{201d} is missing."),
        );
    }

    fn not_an_option<'b>(
        &mut self,
        pointer: &str,
        options: impl Iterator<Item = &'b Json>,
        found: &Json,
    ) {
        let names: Vec<String> = options
            .filter(|option| !option.is_null())
            .map(|option| {
                option
                    .as_str()
                    .map_or_else(|| option.to_string(), str::to_owned)
            })
            .collect();
        let close = found
            .as_str()
            .and_then(|found| close_match(found, names.iter().map(String::as_str)));
        let hint = close.map_or(String::new(), |close| {
            format!(" Did you mean \u{201c}{close}\u{201d}?")
        });
        self.add(
            pointer,
            "config_not_an_option",
            json!({"options": names, "close": close}),
            &format!("Must be one of: {}.{hint}", names.join(", ")),
        );
    }

    fn add(&mut self, pointer: &str, code: &str, params: Json, message: &str) {
        self.problems
            .push(Problem::error(code, params, message).at(pointer));
    }
}

fn limit(schema: &Json, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Json::as_u64)
}

fn expected_type(schema: &Json) -> &'static str {
    match schema.get("format").and_then(Json::as_str) {
        Some("uuid") => return "an id",
        Some("date") => return "a date such as 2026-11-23",
        _ => {}
    }
    let name = match schema.get("type") {
        Some(Json::String(name)) => name.as_str(),
        Some(Json::Array(names)) => names
            .iter()
            .filter_map(Json::as_str)
            .find(|name| *name != "null")
            .unwrap_or("null"),
        _ => "",
    };
    match name {
        "null" => "nothing",
        "boolean" => "yes or no",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a group of settings",
        _ => "another kind of value",
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Config {
        title: String,
        #[serde(default)]
        tries: Option<u8>,
        #[serde(default)]
        way: Way,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Default, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        /// One.
        #[default]
        First,
        Second,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Part {
        Word { text: String },
        Gap,
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn check(json: Json, expected: &[(&str, &str)]) {
        let schema = schemars::schema_for!(Config).to_value();
        let found = problems(&schema, &json);
        let found: Vec<_> = found
            .iter()
            .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_problem_has_its_place() {
        check(json!({"title": "a"}), &[]);
        check(
            json!({"title": "a", "tries": 3, "way": "second", "parts": [{"kind": "word", "text": "x"}, {"kind": "gap"}]}),
            &[],
        );
        check(
            json!({"titel": "a", "tries": 300, "way": "frist"}),
            &[
                ("/title", "config_missing"),
                ("/titel", "config_unknown_field"),
                ("/tries", "config_out_of_range"),
                ("/way", "config_not_an_option"),
            ],
        );
        check(
            json!({"title": 1, "parts": [{"kind": "wrod"}, {"text": "x"}, {"kind": "word", "text": 1}, 3]}),
            &[
                ("/title", "config_wrong_kind"),
                ("/parts/0/kind", "config_not_an_option"),
                ("/parts/1/kind", "config_missing"),
                ("/parts/2/text", "config_wrong_kind"),
                ("/parts/3", "config_wrong_kind"),
            ],
        );
        check(json!([]), &[("", "config_wrong_kind")]);
    }
}
