//! Reading JSON with every problem kept: an object hands out its members one by one and names those it does not know.

use std::{collections::HashSet, ops::RangeInclusive, sync::Arc};

use engine::{check::Problem, expression::Template as Expression};
use serde_json::{Map, Value as Json, json};

use super::{MAX_BLOCKS, leaf::Leaf, names::Reading};

/// Longest text a leaf may hold.
const MAX_LEAF: usize = 20_000;

/// Most problems reported, so that a hostile template gets a bounded answer.
const MAX_PROBLEMS: usize = 200;

#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<Problem>,
    ids: HashSet<String>,
    blocks: usize,
    /// Families that are named and not built in, each once.
    pub(super) fonts: Vec<Arc<str>>,
    /// An expression that was read may ask for `page` or `pages`.
    pub(super) counts_pages: bool,
    readings: Vec<Reading>,
    /// Whose entries are read here, outermost first.
    lists: Vec<Arc<Expression>>,
}

/// One JSON object under reading.
#[derive(Default)]
pub(super) struct Object<'a> {
    map: Option<&'a Map<String, Json>>,
    pub(super) pointer: String,
    seen: Vec<&'static str>,
}

impl Reader {
    /// A problem whose text shows no values.
    pub(super) fn problem(&mut self, pointer: &str, code: &str, message: impl Into<String>) {
        self.problem_with(pointer, code, json!({}), message);
    }

    pub(super) fn problem_with(
        &mut self,
        pointer: &str,
        code: &str,
        params: Json,
        message: impl Into<String>,
    ) {
        if self.problems.len() < MAX_PROBLEMS {
            let problem = Problem::error(code, params, message);
            self.problems.push(problem.at(pointer));
        }
    }

    /// Something else stands where `expected` has to, such as `a list`.
    pub(super) fn wrong_type(&mut self, pointer: &str, expected: &str) {
        let params = json!({ "expected": expected });
        let message = format!("must be {expected}");
        self.problem_with(pointer, "wrong_type", params, message);
    }

    pub(super) fn missing(&mut self, pointer: &str) {
        let params = json!({"why": null});
        self.problem_with(pointer, "missing", params, "must be filled in");
    }

    pub(super) fn object<'a>(&mut self, json: &'a Json, pointer: &str) -> Option<Object<'a>> {
        let Some(map) = json.as_object() else {
            self.wrong_type(pointer, "an object");
            return None;
        };
        Some(Object {
            map: Some(map),
            pointer: pointer.into(),
            seen: Vec::new(),
        })
    }

    /// Counts a block and keeps its id; ids are unique in the whole template.
    pub(super) fn block_id(&mut self, id: &str, pointer: &str) {
        self.blocks += 1;
        if !id.is_empty() && !self.ids.insert(id.to_owned()) {
            let message = format!("the block id `{id}` is used twice");
            self.problem_with(pointer, "block_id_twice", json!({ "id": id }), message);
        }
    }

    pub(super) fn check_ids(&mut self) {
        if self.blocks > MAX_BLOCKS {
            let message = format!(
                "the template has {} blocks, at most {MAX_BLOCKS} are possible",
                self.blocks
            );
            let params = json!({"count": self.blocks, "most": MAX_BLOCKS});
            self.problem_with("/blocks", "too_many_blocks", params, message);
        }
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Reading>) {
        (self.problems, self.readings)
    }

    /// Keeps an expression, so that its names can be checked.
    pub(super) fn note(&mut self, expression: Expression, pointer: &str) {
        self.readings.push(Reading {
            expression: Arc::new(expression),
            pointer: pointer.to_owned(),
            lists: self.lists.clone(),
            is_list: false,
        });
    }

    /// What is read in `read` is filled in for each entry of a list.
    pub(super) fn for_each<T>(&mut self, list: &Leaf, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut noted = self.readings.iter_mut().rev();
        let noted = noted.find(|reading| *reading.pointer == *list.pointer);
        let expression = noted.map(|reading| {
            reading.is_list = true;
            reading.expression.clone()
        });
        self.lists.push(expression.unwrap_or_default());
        let found = read(self);
        self.lists.pop();
        found
    }

    /// The same for entries that only laying out makes, of which nothing is known here.
    pub(super) fn for_each_made<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.lists.push(Arc::default());
        let found = read(self);
        self.lists.pop();
        found
    }
}

impl<'a> Object<'a> {
    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    /// The member, marked as known; `null` counts as absent.
    pub(super) fn child(&mut self, key: &'static str) -> Option<&'a Json> {
        self.seen.push(key);
        self.map?.get(key).filter(|json| !json.is_null())
    }

    pub(super) fn text(&mut self, reader: &mut Reader, key: &'static str) -> Option<String> {
        match self.child(key)? {
            Json::String(text) if text.len() <= MAX_LEAF => Some(text.clone()),
            Json::String(_) => {
                let message = format!("is longer than {MAX_LEAF} bytes");
                let params = json!({"most": MAX_LEAF});
                reader.problem_with(&self.at(key), "leaf_too_long", params, message);
                None
            }
            _ => {
                reader.wrong_type(&self.at(key), "a text");
                None
            }
        }
    }

    /// A text with `{{ }}`; empty when absent.
    pub(super) fn leaf(&mut self, reader: &mut Reader, key: &'static str) -> Leaf {
        let text = self.text(reader, key).unwrap_or_default();
        Leaf::parse(reader, text, self.at(key))
    }

    /// As `leaf`, but it must be there.
    pub(super) fn required_leaf(&mut self, reader: &mut Reader, key: &'static str) -> Leaf {
        let leaf = self.leaf(reader, key);
        if leaf.is_blank() {
            reader.missing(&self.at(key));
        }
        leaf
    }

    pub(super) fn optional_leaf(&mut self, reader: &mut Reader, key: &'static str) -> Option<Leaf> {
        let leaf = self.leaf(reader, key);
        (!leaf.is_blank()).then_some(leaf)
    }

    pub(super) fn flag(&mut self, reader: &mut Reader, key: &'static str, default: bool) -> bool {
        match self.child(key) {
            None => default,
            Some(Json::Bool(yes)) => *yes,
            Some(_) => {
                reader.wrong_type(&self.at(key), "true or false");
                default
            }
        }
    }

    pub(super) fn optional_flag(&mut self, reader: &mut Reader, key: &'static str) -> Option<bool> {
        self.map
            .is_some_and(|map| map.contains_key(key))
            .then(|| self.flag(reader, key, false))
    }

    pub(super) fn choice(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        options: &[&str],
        default: &str,
    ) -> String {
        match self.text(reader, key) {
            None => default.into(),
            Some(text) if options.contains(&text.as_str()) => text,
            Some(_) => {
                let message = format!("must be one of {}", options.join(", "));
                let params = json!({ "options": options });
                reader.problem_with(&self.at(key), "not_an_option", params, message);
                default.into()
            }
        }
    }

    pub(super) fn optional_number(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        range: RangeInclusive<f32>,
    ) -> Option<f32> {
        let json = self.child(key)?;
        let number = json.as_f64().map(|number| {
            #[expect(clippy::cast_possible_truncation, reason = "a length, bounded below")]
            {
                number as f32
            }
        });
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = (range.start().to_string(), range.end().to_string());
                let message = format!("must be a number from {least} to {most}");
                let params = json!({"least": least, "most": most, "whole": null});
                reader.problem_with(&self.at(key), "out_of_range", params, message);
                None
            }
        }
    }

    pub(super) fn number(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        range: RangeInclusive<f32>,
        default: f32,
    ) -> f32 {
        self.optional_number(reader, key, range).unwrap_or(default)
    }

    /// A whole number.
    pub(super) fn count(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        range: RangeInclusive<u16>,
    ) -> Option<usize> {
        let json = self.child(key)?;
        match json.as_u64().and_then(|number| u16::try_from(number).ok()) {
            Some(number) if range.contains(&number) => Some(number.into()),
            _ => {
                let (least, most) = (range.start(), range.end());
                let message = format!("must be a whole number from {least} to {most}");
                let params = json!({"least": least, "most": most, "whole": "whole"});
                reader.problem_with(&self.at(key), "out_of_range", params, message);
                None
            }
        }
    }

    /// A small whole number such as a heading's level; 0 when absent or no number.
    pub(super) fn choice_number(&mut self, reader: &mut Reader, key: &'static str) -> u8 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 3"
        )]
        {
            self.number(reader, key, 1.0..=3.0, 0.0) as u8
        }
    }

    /// The member without marking it as known.
    pub(super) fn peek(&self, key: &str) -> Option<&'a Json> {
        self.map?.get(key).filter(|json| !json.is_null())
    }

    /// The members of a list with their pointers.
    pub(super) fn list(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
    ) -> Vec<(&'a Json, String)> {
        match self.child(key) {
            None => Vec::new(),
            Some(Json::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, json)| (json, format!("{}/{index}", self.at(key))))
                .collect(),
            Some(_) => {
                reader.wrong_type(&self.at(key), "a list");
                Vec::new()
            }
        }
    }

    /// Names members that nobody asked for.
    pub(super) fn done(self, reader: &mut Reader) {
        for key in self.map.into_iter().flat_map(Map::keys) {
            if !self.seen.contains(&key.as_str()) {
                let pointer = format!("{}/{}", self.pointer, engine_escape(key));
                let message = format!("`{key}` is not known here");
                reader.problem_with(&pointer, "unknown_member", json!({ "name": key }), message);
            }
        }
    }
}

/// One segment of a JSON pointer (RFC 6901, section 3).
fn engine_escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
