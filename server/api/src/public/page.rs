//! How public pages are put together: templates, the firm's look, security headers and the files of these pages.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::firm::Firm;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{colour::Colour, language::Language};
use crate::error::ApiError;

const DEFAULT_COLOUR: &str = "2b47c9";

/// Nothing inline, nothing from elsewhere; the page may show a PDF of its own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    connect-src 'self'; font-src 'self'; frame-src 'self'; object-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, source) in [
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

/// The script: the checks of answers, which have their own tests, and what uses them.
static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let checks = include_str!("assets/validate.js").replace("export ", "");
    let page = include_str!("assets/form.js");
    let page = page.split_once("\n// ---\n").map_or(page, |(_, page)| page);
    format!("{checks}\n{page}")
});
const STYLE: &str = include_str!("assets/public.css");
const RESULT_SCRIPT: &str = include_str!("assets/result.js");

/// What every page shows around its content.
#[derive(Serialize)]
pub(crate) struct Frame {
    lang: &'static str,
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
            languages: Language::ALL
                .into_iter()
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
            brand_css: format!("/assets-public/brand-{colour}.css"),
            style: format!("/assets-public/public-{}.css", digest(STYLE)),
            script: match script {
                Script::None => None,
                Script::Form => Some(format!("/assets-public/form-{}.js", digest(&SCRIPT))),
                Script::Result => Some(format!(
                    "/assets-public/result-{}.js",
                    digest(RESULT_SCRIPT)
                )),
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

/// `GET /assets-public/{name}`: the script, the styles, a firm's colour. Names hold a hash, so they are kept for ever.
pub(crate) async fn serve_asset(Path(name): Path<String>) -> Response {
    let (content_type, body) = if let Some(colour) = brand_of(&name) {
        ("text/css; charset=utf-8", colour.stylesheet())
    } else if is(&name, "public-", STYLE, ".css") {
        ("text/css; charset=utf-8", STYLE.to_owned())
    } else if is(&name, "form-", &SCRIPT, ".js") {
        ("text/javascript; charset=utf-8", SCRIPT.clone())
    } else if is(&name, "result-", RESULT_SCRIPT, ".js") {
        ("text/javascript; charset=utf-8", RESULT_SCRIPT.to_owned())
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    response
}

fn brand_of(name: &str) -> Option<Colour> {
    Colour::parse(name.strip_prefix("brand-")?.strip_suffix(".css")?)
}

fn is(name: &str, prefix: &str, content: &str, suffix: &str) -> bool {
    name.strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(suffix))
        .is_some_and(|hash| hash == digest(content))
}

fn digest(content: &str) -> String {
    Sha256::digest(content)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
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

    #[test]
    fn the_script_is_one_file_without_imports() {
        assert!(
            !SCRIPT.contains("import "),
            "{}",
            SCRIPT
                .lines()
                .find(|line| line.contains("import "))
                .unwrap_or_default()
        );
        assert!(!SCRIPT.contains("export "));
        assert!(SCRIPT.len() < 60_000);
    }
}
