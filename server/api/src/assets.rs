//! The built web: hashed files for ever, index.html with a fresh CSP nonce for every other address.

use std::path::{Component, Path, PathBuf};

use axum::{
    extract::{Request, State},
    http::{HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use crate::{App, error::ApiError};

/// Stands in index.html where the nonce goes.
const NONCE_PLACEHOLDER: &str = "__CSP_NONCE__";

/// A file of the web, or its start page.
pub(crate) async fn serve(State(app): State<App>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(folder) = &app.config.web_dir else {
        return not_built();
    };
    let path = request.uri().path();
    if let Some(file) = file_of(folder, path)
        && let Ok(bytes) = tokio::fs::read(&file).await
    {
        return static_file(&file, path, bytes);
    }
    // A missing file is a 404; a page's address has no extension.
    if path.starts_with("/assets/")
        || path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.'))
    {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read_to_string(folder.join("index.html")).await {
        Ok(page) => index(&page),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => not_built(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// Only plain names below the folder; nothing that climbs out, nothing hidden.
fn file_of(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let plain = relative.components().all(|part| match part {
        Component::Normal(name) => !name.to_string_lossy().starts_with('.'),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            false
        }
    });
    let named = relative.extension().is_some() && !path.contains('%') && path != "/index.html";
    (plain && named).then(|| folder.join(relative))
}

fn static_file(file: &Path, path: &str, bytes: Vec<u8>) -> Response {
    let content_type = mime_guess::from_path(file).first_or_octet_stream();
    let content_type = if content_type.type_() == "text" || content_type.subtype() == "javascript" {
        format!("{content_type}; charset=utf-8")
    } else {
        content_type.to_string()
    };
    // Names below /assets/ hold a hash of their content.
    let cache = if path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=300"
    };
    (
        [
            (header::CONTENT_TYPE, content_type.as_str()),
            (header::CACHE_CONTROL, cache),
        ],
        bytes,
    )
        .into_response()
}

fn index(page: &str) -> Response {
    let nonce = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self' blob:; object-src 'none'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    );
    (
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        ],
        page.replace(NONCE_PLACEHOLDER, &nonce),
    )
        .into_response()
}

fn not_built() -> Response {
    const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Formwork</title>\
        <h1>The web pages are not built</h1>\
        <p>The server runs, but the folder with its web pages is empty. Run <code>make run</code>, \
        or <code>npm run build</code> in <code>web/</code>, and load this page again.</p></html>";
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (HeaderName::from_static("retry-after"), "5"),
        ],
        PAGE,
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_the_folder_are_files() {
        fn check(path: &str, expected: Option<&str>) {
            let found = file_of(Path::new("/web"), path);
            assert_eq!(found, expected.map(PathBuf::from), "{path}");
        }
        check("/assets/a-1.js", Some("/web/assets/a-1.js"));
        check("/favicon.svg", Some("/web/favicon.svg"));
        check("/workflows/1", None);
        check("/", None);
        check("/index.html", None);
        check("/../secret.txt", None);
        check("/assets/../../secret.txt", None);
        check("/%2e%2e/secret.txt", None);
        check("/.env.txt", None);
    }
}
