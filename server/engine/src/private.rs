//! Values that are kept in the history for less long than their run: which of the values handed in, and what is left of them and of what
//! steps made of them. When that happens, and where the values lie, is the store's business.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{ids::ArtifactId, value::FileRef};

/// What stands where a value was.
pub const MASK: &str = "•••";

/// How long a value that was handed in stays in the history.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "keep": "As long as the run",
    "mask": "A day after the run's end, then hidden",
    "never": "Until the run's end, then removed",
}))]
pub enum Keeping {
    #[default]
    Keep,
    /// Hidden a day after the run's end: a failed one can be retried until then.
    Mask,
    /// Removed when the run has ended.
    Never,
}

impl Keeping {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if hands out a reference"
    )]
    pub(crate) fn is_keep(&self) -> bool {
        *self == Self::Keep
    }
}

/// The private ones of the values handed in. JSON: `{"iban": "mask", "guests.passport": "never"}`; the second is a column of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private(BTreeMap<String, Keeping>);

impl Private {
    /// Without those that are kept.
    pub fn new(values: impl IntoIterator<Item = (String, Keeping)>) -> Self {
        let values = values.into_iter();
        Self(values.filter(|(_, keeping)| !keeping.is_keep()).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them must go with the run's end. The others go then, too: without it nothing can be retried.
    pub fn ends_with_run(&self) -> bool {
        self.0.values().any(|keeping| *keeping == Keeping::Never)
    }

    /// Hides or removes them in what was handed in.
    pub fn hide(&self, input: &mut Json) {
        for (path, keeping) in &self.0 {
            each(input, &parts(path), &mut |value| match keeping {
                Keeping::Keep => {}
                Keeping::Mask => veil_all(value),
                Keeping::Never => *value = Json::Null,
            });
        }
    }

    /// The files among them.
    pub fn files(&self, input: &Json) -> Vec<FileRef> {
        let mut files = Vec::new();
        let mut input = input.clone();
        for path in self.0.keys() {
            each(&mut input, &parts(path), &mut |value| {
                collect_files(value, &mut files);
            });
        }
        files
    }

    /// The first that is hidden in there and was not written anew.
    pub fn hidden_in(&self, input: &Json) -> Option<&str> {
        let mut input = input.clone();
        self.0.keys().map(String::as_str).find(|path| {
            let mut is_hidden = false;
            each(&mut input, &parts(path), &mut |value| {
                is_hidden |= has_mask(value);
            });
            is_hidden
        })
    }
}

/// Hides whatever a step put out, since it may hold what is private. Files stay, which have a retention of their own, but not the `private`
/// ones, which were handed in.
pub fn veil(value: &mut Json, private: &[ArtifactId]) {
    match value {
        Json::Object(entries) if is_file(entries) && !is_one_of(entries, private) => {}
        Json::Object(entries) => entries.values_mut().for_each(|value| veil(value, private)),
        Json::Array(items) => items.iter_mut().for_each(|item| veil(item, private)),
        value => veil_all(value),
    }
}

/// The same for an error: its code stays, so that people still know what kind it was.
pub fn veil_error(error: &mut Json, private: &[ArtifactId]) {
    for (name, value) in error.as_object_mut().into_iter().flatten() {
        if name != "code" && name != "node" && name != "attempts" {
            veil(value, private);
        }
    }
}

fn veil_all(value: &mut Json) {
    match value {
        Json::Null => {}
        Json::Object(entries) => entries.values_mut().for_each(veil_all),
        Json::Array(items) => items.iter_mut().for_each(veil_all),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => *value = MASK.into(),
    }
}

fn parts(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// Every value at a path; of a list it is the path in each entry.
fn each(value: &mut Json, path: &[&str], act: &mut dyn FnMut(&mut Json)) {
    match (path, value) {
        ([], value) => act(value),
        (path, Json::Array(items)) => items.iter_mut().for_each(|item| each(item, path, act)),
        ([name, rest @ ..], Json::Object(entries)) => {
            if let Some(value) = entries.get_mut(*name) {
                each(value, rest, act);
            }
        }
        _ => {}
    }
}

/// Whether something in it was hidden.
pub fn has_mask(value: &Json) -> bool {
    match value {
        Json::String(text) => text == MASK,
        Json::Array(items) => items.iter().any(has_mask),
        Json::Object(entries) => entries.values().any(has_mask),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// A file as `FileRef` writes it.
fn is_file(entries: &Map<String, Json>) -> bool {
    entries.len() == 4
        && ["id", "name", "content_type"]
            .iter()
            .all(|name| entries.get(*name).is_some_and(Json::is_string))
        && entries.get("size_bytes").is_some_and(Json::is_u64)
}

fn is_one_of(file: &Map<String, Json>, files: &[ArtifactId]) -> bool {
    let id = file.get("id").and_then(Json::as_str);
    id.and_then(|id| id.parse().ok())
        .is_some_and(|id| files.contains(&id))
}

/// The files that a value names.
pub fn files_in(value: &Json) -> Vec<FileRef> {
    let mut files = Vec::new();
    collect_files(value, &mut files);
    files
}

fn collect_files(value: &Json, files: &mut Vec<FileRef>) {
    match value {
        Json::Object(entries) if is_file(entries) => {
            files.extend(serde_json::from_value::<FileRef>(value.clone()));
        }
        Json::Object(entries) => entries
            .values()
            .for_each(|value| collect_files(value, files)),
        Json::Array(items) => items.iter().for_each(|value| collect_files(value, files)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Json {
        json!({"id": "0190b2c4-0000-7000-8000-000000000001", "name": "id.png", "content_type": "image/png", "size_bytes": 3})
    }

    fn private() -> Private {
        Private::new([
            ("iban".into(), Keeping::Mask),
            ("guests.passport".into(), Keeping::Never),
            ("copy".into(), Keeping::Mask),
            ("name".into(), Keeping::Keep),
        ])
    }

    #[test]
    fn private_values_are_hidden_or_removed_and_the_rest_stays() {
        let mut input = json!({
            "name": "Ada", "iban": "DE02", "copy": file(),
            "guests": [{"who": "Eve", "passport": "X1"}, {"who": "Max", "passport": null}],
        });
        assert_eq!(private().files(&input).len(), 1);
        assert!(private().ends_with_run());
        assert_eq!(private().hidden_in(&input), None);
        private().hide(&mut input);
        assert_eq!(
            input,
            json!({
                "name": "Ada", "iban": MASK,
                "copy": {"id": MASK, "name": MASK, "content_type": MASK, "size_bytes": MASK},
                "guests": [{"who": "Eve", "passport": null}, {"who": "Max", "passport": null}],
            })
        );
        assert_eq!(private().hidden_in(&input), Some("copy"));
        input["copy"] = file();
        assert_eq!(private().hidden_in(&input), Some("iban"));
        input["iban"] = json!("DE03");
        assert_eq!(private().hidden_in(&input), None);
    }

    #[test]
    fn of_what_steps_made_only_files_stay() {
        let mut output =
            json!({"text": "Dear Ada", "paid": true, "sum": 5, "none": null, "files": [file()]});
        veil(&mut output, &[]);
        assert_eq!(
            output,
            json!({"text": MASK, "paid": MASK, "sum": MASK, "none": null, "files": [file()]})
        );
        let handed_in = private().files(&json!({"copy": file()}));
        veil(&mut output, &[handed_in[0].id]);
        assert_eq!(
            output["files"],
            json!([{"id": MASK, "name": MASK, "content_type": MASK, "size_bytes": MASK}])
        );
        let mut error =
            json!({"code": "refused", "message": "DE02 is blocked", "params": {"iban": "DE02"}});
        veil_error(&mut error, &[]);
        assert_eq!(
            error,
            json!({"code": "refused", "message": MASK, "params": {"iban": MASK}})
        );
    }
}
