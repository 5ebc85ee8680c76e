//! The shipped documents, embedded when the server is built (`build.rs` lists the folder), in every language that there are words for.

use std::collections::BTreeMap;

use document::translate;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value as Json;

/// (name, JSON) of every file in `workflows/templates/`.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/document_examples.rs"));

/// (language, JSON) of every file in `workflows/templates/messages/`.
const MESSAGES: &[(&str, &str)] =
    include!(concat!(env!("OUT_DIR"), "/document_example_messages.rs"));

/// The language that the files are in, and that stands in for those that nobody wrote.
const ENGLISH: &str = "en";

/// The shipped documents, in the order in which they are shown.
pub(crate) struct DocumentGallery {
    examples: Vec<DocumentExample>,
}

/// One shipped document.
pub(crate) struct DocumentExample {
    pub name: String,
    translations: Vec<Translation>,
}

/// A shipped document in one language.
pub(crate) struct Translation {
    pub language: &'static str,
    pub title: String,
    pub summary: String,
    /// As plain as one that somebody wrote.
    pub template: Json,
}

/// What a language says of a document, and in it; the texts and the sample of the files themselves are not said again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    title: String,
    summary: String,
    #[serde(default)]
    texts: BTreeMap<String, String>,
    sample: Option<Json>,
}

/// By name of the document.
type Messages = IndexMap<String, Words>;

impl DocumentGallery {
    pub(crate) fn new() -> Self {
        let languages: Vec<(&'static str, Messages)> = MESSAGES
            .iter()
            .filter_map(|(language, text)| Some((*language, serde_json::from_str(text).ok()?)))
            .collect();
        let order = languages.iter().find(|(language, _)| *language == ENGLISH);
        let names = order.into_iter().flat_map(|(_, messages)| messages.keys());
        let examples = names
            .filter_map(|name| {
                let (_, text) = SHIPPED.iter().find(|(shipped, _)| shipped == name)?;
                let template: Json = serde_json::from_str(text).ok()?;
                let translations = languages.iter().filter_map(|(language, messages)| {
                    let words = messages.get(name)?;
                    let sample = words.sample.as_ref();
                    Some(Translation {
                        language,
                        title: words.title.clone(),
                        summary: words.summary.clone(),
                        template: translate(&template, language, &words.texts, sample),
                    })
                });
                Some(DocumentExample {
                    name: name.clone(),
                    translations: translations.collect(),
                })
            })
            .collect();
        Self { examples }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DocumentExample> {
        self.examples.iter()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&DocumentExample> {
        self.examples.iter().find(|example| example.name == name)
    }
}

impl DocumentExample {
    /// What it can be made in.
    pub(crate) fn languages(&self) -> Vec<&'static str> {
        let translations = self.translations.iter();
        translations
            .map(|translation| translation.language)
            .collect()
    }

    /// In exactly this language.
    pub(crate) fn in_language(&self, language: &str) -> Option<&Translation> {
        let mut translations = self.translations.iter();
        translations.find(|translation| translation.language == language)
    }

    /// In the language of a locale, whatever its region, or else in English.
    pub(crate) fn closest(&self, locale: &str) -> Option<&Translation> {
        let primary = |tag: &str| -> String {
            let first = tag.split(['-', '_']).next().unwrap_or_default();
            first.to_ascii_lowercase()
        };
        let mut translations = self.translations.iter();
        self.in_language(locale)
            .or_else(|| {
                translations.find(|translation| primary(translation.language) == primary(locale))
            })
            .or_else(|| self.in_language(ENGLISH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_words_for_every_document() {
        let gallery = DocumentGallery::new();
        assert_eq!(gallery.iter().count(), SHIPPED.len());
        for (language, text) in MESSAGES {
            let messages: Messages = serde_json::from_str(text).unwrap();
            assert_eq!(messages.len(), SHIPPED.len(), "{language}");
            for example in gallery.iter() {
                assert!(
                    example.in_language(language).is_some(),
                    "{language} lacks {}",
                    example.name
                );
            }
        }
    }

    #[test]
    fn a_locale_gets_its_language_or_english() {
        let gallery = DocumentGallery::new();
        let example = gallery.iter().next().unwrap();
        for (locale, expected) in [
            ("de", "de"),
            ("de-AT", "de"),
            ("zh-Hans-CN", "zh-CN"),
            ("zh_SG", "zh-CN"),
            ("en-GB", "en"),
            ("pl", "en"),
            ("", "en"),
        ] {
            let found = example.closest(locale).map(|found| found.language);
            assert_eq!(found, Some(expected), "{locale}");
        }
    }
}
