//! `/assets-public/{name}`: scripts, styles and fonts of public pages, and a firm's colour. Names hold a hash, so they are kept for ever.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::colour::Colour;

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FONT: &str = "font/woff2";

/// Inter (SIL Open Font License): the letters of western, and of other Latin languages.
static LATIN: LazyLock<Asset> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!("assets/inter-latin.woff2");
    Asset::new("inter-latin", ".woff2", FONT, Bytes::from_static(bytes))
});
static LATIN_EXT: LazyLock<Asset> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!("assets/inter-latin-ext.woff2");
    Asset::new("inter-latin-ext", ".woff2", FONT, Bytes::from_static(bytes))
});

/// The styles, with the addresses of their fonts.
static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let style = include_str!("assets/public.css")
        .replace("INTER_LATIN_EXT", &LATIN_EXT.path())
        .replace("INTER_LATIN", &LATIN.path());
    Asset::new("public", ".css", CSS, style.into())
});

/// The script of the form: the checks of answers, which have their own tests, and what uses them, as one module.
static FORM: LazyLock<Asset> = LazyLock::new(|| {
    let parts = [
        include_str!("assets/form.js"),
        include_str!("assets/rows.js"),
        include_str!("assets/uploads.js"),
        include_str!("assets/draft.js"),
        include_str!("assets/send.js"),
    ];
    let mut script = include_str!("assets/validate.js").replace("export ", "");
    for part in parts {
        script.push_str(part.split_once("\n// ---\n").map_or(part, |(_, part)| part));
    }
    Asset::new("form", ".js", SCRIPT, script.into())
});

static RESULT: LazyLock<Asset> = LazyLock::new(|| {
    let script = include_str!("assets/result.js");
    Asset::new("result", ".js", SCRIPT, script.into())
});

struct Asset {
    name: String,
    content_type: &'static str,
    body: Bytes,
}

impl Asset {
    fn new(name: &str, ending: &str, content_type: &'static str, body: Bytes) -> Self {
        let hash: String = Sha256::digest(&body)
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            name: format!("{name}-{hash}{ending}"),
            content_type,
            body,
        }
    }

    fn path(&self) -> String {
        format!("/assets-public/{}", self.name)
    }
}

/// Address of the styles.
pub(super) fn style() -> String {
    STYLE.path()
}

/// Address of the form's script.
pub(super) fn form_script() -> String {
    FORM.path()
}

/// Address of the result page's script.
pub(super) fn result_script() -> String {
    RESULT.path()
}

/// Address of a firm's colour.
pub(super) fn brand(colour: &str) -> String {
    format!("/assets-public/brand-{colour}.css")
}

/// `GET /assets-public/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let known = [&STYLE, &FORM, &RESULT, &LATIN, &LATIN_EXT];
    let (content_type, body) = match known.into_iter().find(|asset| asset.name == name) {
        Some(asset) => (asset.content_type, asset.body.clone()),
        None => match brand_of(&name) {
            Some(colour) => (CSS, colour.stylesheet().into()),
            None => return StatusCode::NOT_FOUND.into_response(),
        },
    };
    (
        [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ],
        body,
    )
        .into_response()
}

fn brand_of(name: &str) -> Option<Colour> {
    Colour::parse(name.strip_prefix("brand-")?.strip_suffix(".css")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_one_file_without_imports() {
        let script = String::from_utf8(FORM.body.to_vec()).unwrap();
        for line in script.lines() {
            assert!(
                !line.starts_with("import ") && !line.starts_with("export "),
                "{line}"
            );
        }
        assert!(script.contains("function check(") && script.contains("function renumber("));
    }

    #[test]
    fn the_styles_name_fonts_that_are_here() {
        let style = String::from_utf8(STYLE.body.to_vec()).unwrap();
        for font in [&LATIN, &LATIN_EXT] {
            assert!(style.contains(&format!("url({})", font.path())));
        }
        assert!(!style.contains("INTER_"));
    }
}
