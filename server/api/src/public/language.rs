//! The languages of the public pages: message files, the visitor's choice, and how a problem reads in their language.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::http::{HeaderMap, header};
use engine::check::Problem;
use serde_json::Value as Json;

/// A language of the public pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

type Messages = BTreeMap<String, String>;

static ENGLISH: LazyLock<Messages> = LazyLock::new(|| read(include_str!("messages/en.json")));
static CHINESE: LazyLock<Messages> = LazyLock::new(|| read(include_str!("messages/zh-CN.json")));

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// What the visitor chose, else what the browser asks for, else the workflow's own.
    pub(crate) fn choose(chosen: Option<&str>, headers: &HeaderMap, locale: &str) -> Self {
        chosen
            .and_then(Self::of)
            .or_else(|| preferred(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?))
            .or_else(|| Self::of(locale))
            .unwrap_or(Self::English)
    }

    /// The language of a BCP 47 tag.
    pub(crate) fn of(tag: &str) -> Option<Self> {
        match tag
            .trim()
            .split(['-', '_'])
            .next()?
            .to_ascii_lowercase()
            .as_str()
        {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Its name in itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "简体中文",
        }
    }

    /// How numbers and dates are written and read: the workflow's own way where it speaks the page's language.
    pub(crate) fn locale(self, workflow: &str) -> &str {
        if Self::of(workflow) == Some(self) {
            workflow
        } else {
            self.tag()
        }
    }

    pub(crate) fn messages(self) -> &'static Messages {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// The text under a key, its `{params}` filled in.
    pub(crate) fn text(self, key: &str, params: &Json) -> String {
        let Some(pattern) = self.messages().get(key) else {
            return key.to_owned();
        };
        fill(pattern, params)
    }

    /// What a problem says beside its field.
    pub(crate) fn problem(self, problem: &Problem) -> String {
        let key = format!("problem.{}", problem.code);
        if self.messages().contains_key(&key) {
            self.text(&key, &problem.params)
        } else {
            problem.message.clone()
        }
    }
}

/// The first language of `Accept-Language` that is here, by weight.
fn preferred(header: &str) -> Option<Language> {
    let mut wanted: Vec<(f32, Language)> = header
        .split(',')
        .filter_map(|part| {
            let mut pieces = part.split(';');
            let language = Language::of(pieces.next()?)?;
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0);
            Some((weight, language))
        })
        .filter(|(weight, _)| *weight > 0.0)
        .collect();
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    wanted.first().map(|(_, language)| *language)
}

fn fill(pattern: &str, params: &Json) -> String {
    let mut text = pattern.to_owned();
    for (name, value) in params.as_object().into_iter().flatten() {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    text
}

fn read(file: &str) -> Messages {
    serde_json::from_str(file).expect("the message files are part of the program and tested")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_language_says_everything() {
        let english: Vec<_> = ENGLISH.keys().collect();
        let chinese: Vec<_> = CHINESE.keys().collect();
        assert_eq!(english, chinese);
        for (key, text) in ENGLISH.iter() {
            let holes = |text: &str| {
                let mut holes: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
                    .collect();
                holes.sort();
                holes.dedup();
                holes
            };
            assert_eq!(holes(text), holes(&CHINESE[key]), "{key}");
        }
    }

    #[test]
    fn the_choice_comes_before_the_browser_and_the_browser_before_the_workflow() {
        fn check(chosen: Option<&str>, accept: Option<&str>, locale: &str, expected: Language) {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            }
            assert_eq!(
                Language::choose(chosen, &headers, locale),
                expected,
                "{chosen:?} {accept:?} {locale}"
            );
        }
        check(Some("zh-CN"), Some("en"), "en", Language::Chinese);
        check(Some("xx"), Some("zh"), "en", Language::Chinese);
        check(
            None,
            Some("de-DE,de;q=0.9,en;q=0.5,zh;q=0.7"),
            "en",
            Language::Chinese,
        );
        check(None, Some("de"), "zh-CN", Language::Chinese);
        check(None, Some("en;q=0, zh;q=0.1"), "en", Language::Chinese);
        check(None, None, "de", Language::English);
    }

    #[test]
    fn problems_read_in_the_page_language() {
        let problem = Problem::error(
            "too_long",
            json!({"label": "Name", "max": 80, "length": 90}),
            "English",
        );
        assert!(Language::Chinese.problem(&problem).contains("80"));
        let unknown = Problem::error("brand_new", json!({}), "English");
        assert_eq!(Language::Chinese.problem(&unknown), "English");
    }
}
