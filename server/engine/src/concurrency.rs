//! How many runs of a workflow go at the same time: what its author says, whether that can be, and in which line a run stands. Who waits
//! and whose turn it is are the store's business.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    check::Problem,
    expression::{self, ExpressionError, Template},
    format::Formats,
    graph::Draft,
    kind::{Field, Kind},
    value::{Record, Value},
    workflow::{Concurrency, Workflow},
};

/// Most runs that a limit lets go at the same time.
pub const MOST_RUNS: u32 = 100;

/// Longest key of a line; of a longer one the beginning stays, and a hash of the whole.
pub const MAX_KEY_CHARS: usize = 200;

/// What is left of a longer key before its hash.
const KEPT_KEY_CHARS: usize = 160;

/// What a published version keeps of its limit: enough to tell the line of a run from what was handed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lines {
    pub runs: u32,
    /// `None`: all runs of the workflow stand in one line.
    pub key: Option<KeyRule>,
}

/// How the key of a run is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRule {
    template: Template,
    /// What each step that begins runs puts out.
    triggers: Vec<Field>,
    locale: String,
    time_zone: String,
    currency: String,
}

impl Lines {
    /// What a workflow says; `None`: nothing, or something that cannot be published.
    pub(crate) fn of(workflow: &Workflow, draft: &Draft) -> Option<Self> {
        let concurrency = workflow.concurrency.as_ref()?;
        let rule = |template: &Template| KeyRule {
            template: template.clone(),
            triggers: draft.trigger_fields(),
            locale: workflow.locale.clone(),
            time_zone: workflow.time_zone.clone(),
            currency: workflow.currency.clone(),
        };
        Some(Self {
            runs: concurrency.runs,
            key: concurrency.key.as_ref().map(rule),
        })
    }

    /// The key of the line in which a run stands that begins at `trigger` with `input`; empty where there is none.
    pub fn key(&self, trigger: &str, input: &Json) -> Result<String, ExpressionError> {
        match &self.key {
            Some(rule) => rule.key(trigger, input),
            None => Ok(String::new()),
        }
    }
}

impl KeyRule {
    fn key(&self, trigger: &str, input: &Json) -> Result<String, ExpressionError> {
        let mut values = Record::new();
        for field in &self.triggers {
            let value = if field.name == trigger {
                Value::from_json(input, &field.kind).map_err(|mismatches| {
                    let message = mismatches.first().map(ToString::to_string);
                    ExpressionError::Evaluation {
                        message: message.unwrap_or_default(),
                    }
                })?
            } else {
                Value::Empty
            };
            values.insert(field.name.clone(), value);
        }
        let formats = Formats::of(&self.locale, &self.time_zone, &self.currency);
        let program = self.template.compile()?;
        let text = match program.evaluate(&values, &formats)? {
            Value::Empty => String::new(),
            Value::Text(text) => text,
            _ => program.render(&values, &formats)?,
        };
        Ok(fit(&text))
    }
}

/// A key as it is stored: without blanks around it, without characters that cannot be stored, and not too long.
fn fit(text: &str) -> String {
    let key = text.trim().replace('\0', "\u{fffd}");
    if key.chars().count() <= MAX_KEY_CHARS {
        return key;
    }
    let begin: String = key.chars().take(KEPT_KEY_CHARS).collect();
    let hash = Uuid::new_v5(&Uuid::nil(), key.as_bytes()).simple();
    format!("{begin}\u{2026} {hash}")
}

/// What is wrong with the limit of a workflow.
pub(crate) fn check_concurrency(workflow: &Workflow, draft: &Draft) -> Vec<Problem> {
    let Some(Concurrency { runs, key }) = &workflow.concurrency else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if !(1..=MOST_RUNS).contains(runs) {
        let message =
            format!("The number of runs at the same time lies between 1 and {MOST_RUNS}.");
        let params = json!({"least": 1, "most": MOST_RUNS});
        let problem = Problem::error("concurrency_runs", params, message);
        problems.push(problem.at("/concurrency/runs"));
    }
    if let Some(key) = key {
        let found = check_key(key, draft).into_iter();
        problems.extend(found.map(|problem| problem.at("/concurrency/key")));
    }
    problems
}

fn check_key(key: &Template, draft: &Draft) -> Vec<Problem> {
    let fields = draft.trigger_fields();
    let scope = Kind::Record { fields };
    let (kind, found) = expression::infer(key, &scope, true);
    let explained = found.into_iter().map(|problem| explain(problem, &scope));
    let mut problems: Vec<Problem> = explained.collect();
    if matches!(kind, Kind::Record { .. } | Kind::List { .. } | Kind::File) {
        let message = "Choose a single value, such as a text, a number or a day.";
        problems.push(Problem::error("concurrency_key_kind", json!({}), message));
    }
    let reads_nothing = key.references().is_ok_and(|read| read.is_empty());
    if reads_nothing {
        let message = "This reads no value, so that all runs wait in one line. Choose a value, or leave it empty.";
        problems.push(Problem::warning("concurrency_key_same", json!({}), message));
    }
    problems
}

/// A value that is not there yet when a run is accepted; a mistyped one of those that are stays what it is.
fn explain(problem: Problem, scope: &Kind) -> Problem {
    let path = problem.params.get("path").and_then(Json::as_str);
    let first = path.and_then(|path| path.split('.').next());
    let is_known = first.is_some_and(|first| scope.field(first).is_some());
    if problem.code != "unknown_reference" || is_known {
        return problem;
    }
    let message = "Where a run waits is decided when it is handed in: only values of the step that begins it are known then.";
    Problem::error("concurrency_reference", problem.params, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(key: &str, kind: Kind) -> Lines {
        let field = |name: &str, kind: Kind| Field {
            name: name.into(),
            title: String::new(),
            kind,
            optional: true,
        };
        Lines {
            runs: 1,
            key: Some(KeyRule {
                template: Template(key.into()),
                triggers: vec![
                    field("form", Kind::record([("customer", "Customer", kind)])),
                    field("hook", Kind::record([("id", "Id", Kind::Integer)])),
                ],
                locale: "de".into(),
                time_zone: "Europe/Berlin".into(),
                currency: "EUR".into(),
            }),
        }
    }

    #[test]
    fn the_key_is_what_the_template_writes() {
        let check = |key: &str, trigger: &str, input: Json, expected: &str| {
            let made = lines(key, Kind::text()).key(trigger, &input);
            assert_eq!(made.as_deref(), Ok(expected), "{key} {input}");
        };
        let ada = || json!({"customer": " Ada "});
        check("{{ form.customer }}", "form", ada(), "Ada");
        check("{{ form.customer | lower }}/x", "form", ada(), "ada /x");
        check("{{ form.customer }}", "form", json!({"customer": ""}), "");
        // Begun at another step: the value is empty.
        check("{{ form.customer }}", "hook", json!({"id": 7}), "");
        check("{{ hook.id }}", "hook", json!({"id": 7}), "7");
        let either = "{{ form.customer | default(hook.id) }}";
        check(either, "hook", json!({"id": 7}), "7");
        check(either, "form", ada(), "Ada");
        let none = Lines { runs: 3, key: None };
        assert_eq!(none.key("form", &ada()).as_deref(), Ok(""));
    }

    #[test]
    fn numbers_are_keys_as_people_read_them() {
        let made = lines("{{ form.customer }}", Kind::Decimal);
        let key = made.key("form", &json!({"customer": "1.5"}));
        assert_eq!(key.as_deref(), Ok("1,5"));
    }

    #[test]
    fn a_key_that_cannot_be_made_says_so() {
        let fails = |key: &str, input: Json| lines(key, Kind::Integer).key("form", &input).is_err();
        assert!(fails(
            "{{ form.customer }}",
            json!({"customer": "no number"})
        ));
        assert!(fails("{{ 1 / form.customer }}", json!({"customer": 0})));
    }

    proptest! {
        #[test]
        fn every_key_can_be_stored_and_long_ones_differ(text in "\\PC{0,500}", more in "[a-z]{1,5}") {
            let key = fit(&text);
            prop_assert!(key.chars().count() <= MAX_KEY_CHARS);
            prop_assert!(!key.contains('\0'));
            prop_assert_eq!(fit(&key), key.clone());
            prop_assert_ne!(fit(&format!("x{text}{more}")), fit(&format!("x{text}")));
        }
    }
}
