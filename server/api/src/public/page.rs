//! How public pages are put together: templates, the firm's look and security headers.

use std::sync::LazyLock;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::firm::Firm;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;
use serde_json::json;

use super::{asset, colour::Colour, language::Language};
use crate::error::ApiError;

const DEFAULT_COLOUR: &str = "2b47c9";

/// Nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in [
        ("approval.html", include_str!("templates/approval.html")),
        ("layout.html", include_str!("templates/layout.html")),
        ("controls.html", include_str!("templates/controls.html")),
        ("form.html", include_str!("templates/form.html")),
        ("notice.html", include_str!("templates/notice.html")),
        ("progress.html", include_str!("templates/progress.html")),
        ("result.html", include_str!("templates/result.html")),
    ] {
        templates
            .add_template(name, source)
            .expect("the page templates are part of the program and tested");
    }
    templates
});

/// What every page shows around its content.
#[derive(Serialize)]
pub(crate) struct Frame {
    lang: &'static str,
    /// The page's language in itself.
    language: &'static str,
    /// None where there is no address to come back to.
    languages: Vec<LanguageLink>,
    firm: String,
    subtitle: String,
    logo: Option<String>,
    brand_css: String,
    style: String,
    script: Option<String>,
    t: &'static std::collections::BTreeMap<String, String>,
}

#[derive(Serialize)]
struct LanguageLink {
    tag: &'static str,
    name: &'static str,
    href: String,
    current: bool,
}

/// Which script a page brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    None,
    Form,
    Result,
}

impl Frame {
    /// `path` is the page's own address, for the language menu.
    pub(crate) fn new(
        language: Language,
        firm: &Firm,
        subtitle: &str,
        path: &str,
        script: Script,
    ) -> Self {
        let colour =
            Colour::parse(&firm.colour).map_or_else(|| DEFAULT_COLOUR.to_owned(), Colour::hex);
        Self {
            lang: language.tag(),
            language: language.name(),
            languages: Language::ALL
                .into_iter()
                .filter(|_| !path.is_empty())
                .map(|other| LanguageLink {
                    tag: other.tag(),
                    name: other.name(),
                    href: format!("{path}?lang={}", other.tag()),
                    current: other == language,
                })
                .collect(),
            firm: firm.name.clone(),
            subtitle: subtitle.to_owned(),
            logo: None,
            brand_css: asset::brand(&colour),
            style: asset::style(),
            script: match script {
                Script::None => None,
                Script::Form => Some(asset::form_script()),
                Script::Result => Some(asset::result_script()),
            },
            t: language.messages(),
        }
    }

    #[must_use]
    pub(crate) fn logo(mut self, url: Option<String>) -> Self {
        self.logo = url;
        self
    }
}

/// A finished page.
pub(crate) fn page(
    status: StatusCode,
    template: &str,
    frame: &Frame,
    content: impl Serialize,
) -> Response {
    match render(template, frame, content) {
        Ok(html) => html_response(status, html),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// A template's text.
pub(crate) fn render(
    template: &str,
    frame: &Frame,
    content: impl Serialize,
) -> Result<String, minijinja::Error> {
    let context = minijinja::context! {
        page => Value::from(Serde(frame)), t => Value::from(Serde(frame.t)), ..Value::from(Serde(content))
    };
    TEMPLATES.get_template(template)?.render(context)
}

fn html_response(status: StatusCode, html: String) -> Response {
    (
        status,
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
            (header::VARY, "Accept-Language"),
        ],
        html,
    )
        .into_response()
}

/// A page of one heading and a few sentences.
pub(crate) fn notice(status: StatusCode, frame: &Frame, title: &str, lines: &[String]) -> Response {
    page(
        status,
        "notice.html",
        frame,
        json!({"title": title, "lines": lines}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses_and_notices_escape() {
        let firm = Firm {
            name: "<script>alert(1)</script> & Co".into(),
            ..Firm::default()
        };
        let frame = Frame::new(Language::English, &firm, "", "/f/x", Script::Form);
        let html = render(
            "notice.html",
            &frame,
            json!({"title": "<b>", "lines": ["\"quoted\" <i>"]}),
        )
        .unwrap();
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(html.contains("&lt;script&gt;"));
        assert!(!html.contains("<b>"));
        assert!(!html.contains(" style="), "no inline styles");
    }
}
