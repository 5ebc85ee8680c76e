//! Values that several node types make of their templates in the same way.

use engine::{
    check::Problem,
    expression::Template,
    kind::{Field, Kind},
    node::{NodeContext, NodeError, PinnedDocument},
    value::{FileRef, Mismatch, Record, Value},
};
use indexmap::IndexMap;
use serde_json::json;

/// Most files of one delivery.
const MAX_FILES_TO_SEND: usize = 20;

/// Evaluates named templates; an error names the one that failed.
pub(crate) fn evaluate_all(
    context: &dyn NodeContext,
    templates: &IndexMap<String, Template>,
) -> Result<Record, NodeError> {
    templates
        .iter()
        .map(|(name, template)| {
            let value = context
                .evaluate(template)
                .map_err(|error| named(error, name))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// Fits a value to a field; an empty value where one is needed is an error.
pub(crate) fn fit(value: Value, field: &Field, currency: &str) -> Result<Value, NodeError> {
    let title = if field.title.is_empty() {
        &field.name
    } else {
        &field.title
    };
    let value = value.convert(&field.kind, currency).map_err(|mismatch| {
        let place = place(&mismatch).map_or(String::new(), |place| format!(" ({place})"));
        let error = NodeError::failed(
            "wrong_value",
            format!("\u{201c}{title}\u{201d}{place}: {}.", mismatch.message),
        );
        misfit(error.with("title", title.as_str()), mismatch)
    })?;
    if !field.optional && value == Value::Empty {
        let error = NodeError::failed(
            "value_missing",
            format!("\u{201c}{title}\u{201d} is empty. Fill it in, or give its value a default."),
        );
        return Err(error.with("title", title.as_str()));
    }
    Ok(value)
}

/// What the text of an error shows of a value that does not fit.
pub(crate) fn misfit(error: NodeError, mismatch: Mismatch) -> NodeError {
    error
        .with("place", place(&mismatch))
        .with("mismatch", mismatch.code)
        .with("reason", mismatch.message)
}

/// Where in a value something does not fit, as people write it.
fn place(mismatch: &Mismatch) -> Option<String> {
    let pointer = mismatch.pointer.trim_start_matches('/');
    (!pointer.is_empty()).then(|| pointer.replace('/', "."))
}

/// A value is given for a field that the document computes.
pub(crate) fn field_computed(name: &str) -> Problem {
    Problem::warning(
        "field_computed",
        json!({"field": name}),
        format!(
            "The document computes \u{201c}{name}\u{201d} itself. What is given for it is not used."
        ),
    )
}

/// The template of a document that was published with the workflow.
pub(crate) fn parse_template(pinned: &PinnedDocument) -> Result<document::Template, NodeError> {
    document::Template::parse(&pinned.template).map_err(|problems| {
        let reason = problems.first().map_or(String::new(), |problem| {
            format!("{}: {}", problem.pointer, problem.message)
        });
        NodeError::config(
            "document_broken",
            format!(
                "The document \u{201c}{}\u{201d} has problems. {reason}. Correct it and publish again.",
                pinned.name
            ),
        )
        .with("document", pinned.name.as_str())
        .with("reason", reason)
    })
}

/// Puts the name of a value in front of its error.
pub(crate) fn named(error: NodeError, name: &str) -> NodeError {
    error.map(|mut error| {
        error.message = format!("\u{201c}{name}\u{201d}: {}", error.message);
        error.with("within", name)
    })
}

/// The files in a value: a file, or a list of files; empty entries are left out.
pub(crate) fn files(value: Value) -> Result<Vec<FileRef>, NodeError> {
    match value {
        Value::Empty => Ok(Vec::new()),
        Value::File(file) => Ok(vec![file]),
        Value::List(items) => {
            let nested: Vec<Vec<FileRef>> =
                items.into_iter().map(files).collect::<Result<_, _>>()?;
            Ok(nested.into_iter().flatten().collect())
        }
        other => {
            let kind = other.kind_name();
            let message = format!("Expected a file, found {kind}.");
            Err(NodeError::failed("not_a_file", message).with("kind", kind))
        }
    }
}

/// The one file of a value whose bytes are read, if it has any; several are an error, and so is one of more than `most` bytes.
pub(crate) fn file_to_read(value: Value, most: u64) -> Result<Option<FileRef>, NodeError> {
    let mut found = files(value)?;
    if found.len() > 1 {
        let message = format!("There are {} files; one is read.", found.len());
        return Err(NodeError::failed("several_files", message).with("count", found.len()));
    }
    let file = found.pop();
    match &file {
        Some(FileRef { size_bytes, .. }) if *size_bytes > most => {
            let message = format!("The file has {size_bytes} bytes; {most} are the most.");
            let error = NodeError::failed("file_too_large", message);
            Err(error.with("bytes", *size_bytes).with("most", most))
        }
        Some(_) | None => Ok(file),
    }
}

/// A value that should have a file to read has none.
pub(crate) fn no_file() -> NodeError {
    NodeError::failed("no_data_file", "There is no file to read.")
}

/// The files of a delivery.
pub(crate) fn files_to_send(
    context: &dyn NodeContext,
    templates: &[Template],
) -> Result<Vec<FileRef>, NodeError> {
    let mut found = Vec::new();
    for template in templates {
        found.extend(files(context.evaluate(template)?)?);
    }
    if found.len() > MAX_FILES_TO_SEND {
        let message = format!("At most {MAX_FILES_TO_SEND} files fit into one delivery.");
        return Err(NodeError::failed("too_many_files", message).with("most", MAX_FILES_TO_SEND));
    }
    Ok(found)
}

/// A field that is always there.
pub(crate) fn field(name: &str, title: &str, kind: Kind) -> Field {
    Field {
        name: name.into(),
        title: title.into(),
        kind,
        optional: false,
    }
}

/// The first words of a template, for a card.
pub(crate) fn excerpt(template: &Template) -> Vec<engine::node::CardLine> {
    template
        .0
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(2)
        .map(|line| engine::node::CardLine {
            text: line.chars().take(120).collect(),
            trailing: String::new(),
        })
        .collect()
}

/// With a capital first letter, to begin a sentence.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A name that every file system takes: no path, no letters that steer or disguise, at most 116 characters before an ending.
pub(crate) fn file_name(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'))
        .map(|letter| match letter {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect();
    let name = clean.trim().trim_matches('.').trim();
    match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 8 => {
            let stem: String = stem.chars().take(116).collect();
            format!("{}.{ending}", stem.trim_end())
        }
        _ => name.chars().take(116).collect(),
    }
}

#[cfg(test)]
mod tests {
    use engine::ids::ArtifactId;

    use super::*;

    #[test]
    fn one_file_is_read_and_none_that_is_too_large() {
        let file = |size_bytes| {
            Value::File(FileRef {
                id: ArtifactId(uuid::Uuid::from_u128(3)),
                name: "a.csv".into(),
                content_type: "text/csv".into(),
                size_bytes,
            })
        };
        let check = |value: Value, expected: Result<Option<u64>, &str>| {
            let found = match file_to_read(value, 100) {
                Ok(file) => Ok(file.map(|file| file.size_bytes)),
                Err(NodeError::Failed(error)) => Err(error.code),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(found, expected.map_err(String::from));
        };
        check(Value::Empty, Ok(None));
        check(Value::List(Vec::new()), Ok(None));
        check(file(100), Ok(Some(100)));
        check(Value::List(vec![Value::Empty, file(7)]), Ok(Some(7)));
        check(file(101), Err("file_too_large"));
        check(Value::List(vec![file(1), file(2)]), Err("several_files"));
        check(Value::Text("a;b".into()), Err("not_a_file"));
    }
}
