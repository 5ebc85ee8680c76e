//! Reads the message files: sections and `key = "text"` lines of TOML, nothing more. A test holds them complete.

use std::collections::BTreeMap;

use engine::catalogue::Messages;

/// Simplified Chinese.
pub(crate) fn zh_cn() -> Messages {
    Messages::new(parse(include_str!("../messages/zh-CN.toml")))
}

/// `[section]` and `key = "text"` or `"key" = "text"` become `section.key`; comments and empty lines are left out.
fn parse(text: &str) -> BTreeMap<String, String> {
    let mut section = String::new();
    let mut texts = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = line.split_once(" = ")
            && !line.starts_with('#')
            // A basic string without escapes is a JSON string, too.
            && let Ok(value) = serde_json::from_str::<String>(value)
        {
            let key = key.trim_matches('"');
            texts.insert(format!("{section}.{key}"), value);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, ffi::OsStr, fs};

    use engine::{kind::Kind, schedule};

    use super::*;

    /// `<type>.titles.<title>` of all that node types call their ways and values, as their sources say it.
    fn titles() -> BTreeSet<String> {
        let catalogue = crate::catalogue();
        let mut titles = BTreeSet::new();
        for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("a folder") {
            let path = file.expect("a file").path();
            let stem = path.file_stem().and_then(OsStr::to_str);
            let Some(node_type) = stem.filter(|stem| catalogue.newest(stem).is_some()) else {
                continue;
            };
            if path.is_file() {
                let source = fs::read_to_string(&path).expect("a source");
                let found = titles_in(&source).into_iter();
                titles.extend(found.map(|title| format!("{node_type}.titles.{title}")));
            }
        }
        let nothing = Kind::Record { fields: Vec::new() };
        for (node_type, kind) in [
            ("schedule_trigger", schedule::input_kind()),
            ("einvoice_make", engine::invoice::kind(&nothing)),
            ("einvoice_read", einvoice::kind()),
        ] {
            let mut found = Vec::new();
            titles_of(&kind, &mut found);
            titles.extend(
                found
                    .into_iter()
                    .map(|title| format!("{node_type}.titles.{title}")),
            );
        }
        titles
    }

    /// What a kind from another crate calls its values; the problems of an invoice are not put out.
    fn titles_of(kind: &Kind, titles: &mut Vec<String>) {
        match kind {
            Kind::Record { fields } => {
                for field in fields.iter().filter(|field| field.name != "problems") {
                    titles.push(field.title.clone());
                    titles_of(&field.kind, titles);
                }
            }
            Kind::List { item, .. } => titles_of(item, titles),
            _ => {}
        }
    }

    /// Texts that stand behind a name (`"count", "Number of rows"`, `FOUND, "Found"`) or are given to a `title`.
    fn titles_in(source: &str) -> Vec<String> {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let code = code.replace("\\\"", "'").replace("'\"'", "' '");
        // Every other piece is a text.
        let pieces: Vec<&str> = code.split('"').collect();
        let is_name = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        let is_title = |at: usize| {
            let (text, before) = (pieces[at], pieces[at - 1].trim_end());
            if !text.starts_with(char::is_uppercase) || text.ends_with('.') || text.contains('{') {
                return false;
            }
            let Some(before) = before.strip_suffix(',').map(str::trim_end) else {
                let after = pieces.get(at + 1).map_or("", |after| after.trim_start());
                return before.ends_with("title:") && after.starts_with(".into()");
            };
            let word = before
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default();
            let is_constant =
                word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            let is_named = before.is_empty() && at >= 3 && is_name(pieces[at - 2]);
            is_named || is_constant || before.ends_with(".as_str()")
        };
        let texts = (1..pieces.len()).step_by(2);
        texts
            .filter(|at| is_title(*at))
            .map(|at| pieces[at].to_owned())
            .collect()
    }

    #[test]
    fn every_way_and_value_has_a_title_in_chinese_and_none_is_left_over() {
        let titles = titles();
        for known in [
            "approval_ask.titles.Approved",
            "callback_wait.titles.Called",
            "merge.titles.Step it came from",
            "table_lookup.titles.Not found",
            "list_group.titles.Over all entries",
        ] {
            assert!(titles.contains(known), "{known} is not found: {titles:#?}");
        }
        let messages = zh_cn();
        let translated: BTreeSet<String> = messages
            .keys()
            .filter(|key| key.contains(".titles."))
            .map(str::to_owned)
            .collect();
        let missing: Vec<_> = titles.difference(&translated).collect();
        assert!(missing.is_empty(), "missing: {missing:#?}");
        let unused: Vec<_> = translated.difference(&titles).collect();
        assert!(unused.is_empty(), "no such title: {unused:#?}");
    }

    #[test]
    fn every_text_has_a_translation_and_none_is_left_over() {
        let catalogue = crate::catalogue();
        let messages = zh_cn();
        let mut missing = Vec::new();
        let mut used = BTreeSet::new();
        for entry in catalogue.iter() {
            for (key, english) in entry.texts() {
                let own = format!("{}.{key}", entry.node_type);
                let shared = format!("any.{key}");
                let known: Vec<&str> = messages.keys().collect();
                if known.contains(&own.as_str()) {
                    used.insert(own);
                } else if known.contains(&shared.as_str()) {
                    used.insert(shared);
                } else {
                    missing.push(format!("{own} = {english:?}"));
                }
            }
        }
        assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
        let unused: Vec<&str> = messages
            .keys()
            .filter(|key| !used.contains(*key) && !key.contains(".titles."))
            .collect();
        assert!(unused.is_empty(), "no such text: {unused:?}");
    }

    #[test]
    fn sections_and_keys_are_read() {
        let texts = parse("# a comment\n[form]\n\"a.label\" = \"表单\"\n\nbroken\n");
        assert_eq!(
            texts,
            BTreeMap::from([("form.a.label".to_owned(), "表单".to_owned())])
        );
    }
}
