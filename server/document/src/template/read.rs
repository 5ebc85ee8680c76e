//! Reading JSON with every problem kept: an object hands out its members one by one and names those it does not know.

use std::{collections::HashSet, ops::RangeInclusive, sync::Arc};

use engine::{
    check::{Problem, Severity},
    expression::Template as Expression,
};
use serde_json::{Map, Value as Json};

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
    pub(super) fn problem(&mut self, pointer: &str, code: &str, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(Problem {
                severity: Severity::Error,
                code: code.into(),
                params: Json::Null,
                message: message.into(),
                pointer: pointer.into(),
                node: None,
            });
        }
    }

    pub(super) fn object<'a>(&mut self, json: &'a Json, pointer: &str) -> Option<Object<'a>> {
        let Some(map) = json.as_object() else {
            self.problem(pointer, "wrong_type", "must be an object");
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
            self.problem(
                pointer,
                "block_id_twice",
                format!("the block id `{id}` is used twice"),
            );
        }
    }

    pub(super) fn check_ids(&mut self) {
        if self.blocks > MAX_BLOCKS {
            let message = format!(
                "the template has {} blocks, at most {MAX_BLOCKS} are possible",
                self.blocks
            );
            self.problem("/blocks", "too_many_blocks", message);
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
                reader.problem(
                    &self.at(key),
                    "too_long",
                    format!("is longer than {MAX_LEAF} bytes"),
                );
                None
            }
            _ => {
                reader.problem(&self.at(key), "wrong_type", "must be a text");
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
            reader.problem(&self.at(key), "missing", "must be filled in");
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
                reader.problem(&self.at(key), "wrong_type", "must be true or false");
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
                reader.problem(&self.at(key), "not_an_option", message);
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
                let message = format!("must be a number from {} to {}", range.start(), range.end());
                reader.problem(&self.at(key), "out_of_range", message);
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
                let message = format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                );
                reader.problem(&self.at(key), "out_of_range", message);
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
                reader.problem(&self.at(key), "wrong_type", "must be a list");
                Vec::new()
            }
        }
    }

    /// Names members that nobody asked for.
    pub(super) fn done(self, reader: &mut Reader) {
        for key in self.map.into_iter().flat_map(Map::keys) {
            if !self.seen.contains(&key.as_str()) {
                let pointer = format!("{}/{}", self.pointer, engine_escape(key));
                reader.problem(
                    &pointer,
                    "unknown_field",
                    format!("`{key}` is not known here"),
                );
            }
        }
    }
}

/// One segment of a JSON pointer (RFC 6901, section 3).
fn engine_escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}
