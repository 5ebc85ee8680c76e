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
    use std::collections::BTreeSet;

    use super::*;

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
        let unused: Vec<&str> = messages.keys().filter(|key| !used.contains(*key)).collect();
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
