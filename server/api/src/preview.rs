//! Drawing pages for people who look at them: few at a time, each with a deadline, the newest request of an editor ending the older.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use document::{Assets, Context, DocumentError, Limits, Rendered, Renderer, Stop, Template};
use engine::value::Record;
use tokio::{sync::Semaphore, task::JoinError};

use crate::error::{ApiError, Result};

/// Of work, and by the clock where others are busy, too.
const DEADLINE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 2;
/// A preview is for eyes: nobody looks at more. Its drawings are larger than a file, letter for letter.
const MAX_PAGES: usize = 100;
const MAX_GLYPHS: usize = 500_000;

/// The pool of one process.
pub(crate) struct Previews {
    renderer: Arc<Renderer>,
    permits: Arc<Semaphore>,
    newest: Mutex<HashMap<String, Arc<AtomicBool>>>,
}

/// What to draw.
#[derive(Clone)]
pub(crate) struct Drawing {
    pub template: Template,
    pub values: Record,
    pub context: Context,
    pub assets: Arc<Assets>,
}

impl Previews {
    pub(crate) fn new(renderer: Arc<Renderer>) -> Self {
        Self {
            renderer,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            newest: Mutex::new(HashMap::new()),
        }
    }

    /// Draws, and makes what people see of it on the same thread. `editor` names who looks.
    pub(crate) async fn draw<T: Send + 'static>(
        &self,
        editor: Option<String>,
        drawing: Drawing,
        view: impl FnOnce(&Rendered) -> T + Send + 'static,
    ) -> Result<T> {
        let replaced = Arc::new(AtomicBool::new(false));
        if let Some(editor) = &editor {
            let older = self.lock().insert(editor.clone(), replaced.clone());
            if let Some(older) = older {
                older.store(true, Ordering::Relaxed);
            }
        }
        let done = self.draw_unless(replaced.clone(), drawing, view).await;
        if let Some(editor) = &editor {
            let mut newest = self.lock();
            if newest
                .get(editor)
                .is_some_and(|mine| Arc::ptr_eq(mine, &replaced))
            {
                newest.remove(editor);
            }
        }
        done
    }

    async fn draw_unless<T: Send + 'static>(
        &self,
        replaced: Arc<AtomicBool>,
        drawing: Drawing,
        view: impl FnOnce(&Rendered) -> T + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(ApiError::internal)?;
        if replaced.load(Ordering::Relaxed) {
            return Err(superseded());
        }
        let renderer = self.renderer.clone();
        let flag = replaced.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let worked = renderer.worked(DEADLINE);
            let until = Instant::now() + LONGEST;
            let stop: Stop<'_> = Arc::new(move || {
                flag.load(Ordering::Relaxed) || worked() || Instant::now() > until
            });
            let limits = Limits {
                max_pages: MAX_PAGES,
                max_glyphs: MAX_GLYPHS,
                stop: Some(stop.clone()),
                ..Limits::default()
            };
            let rendered = renderer.render(
                &drawing.template,
                &drawing.values,
                &drawing.context,
                &drawing.assets,
                &limits,
            )?;
            if stop() {
                return Err(DocumentError::Stopped);
            }
            Ok(view(&rendered))
        })
        .await
        .map_err(broken)?;
        outcome.map_err(|error| match error {
            DocumentError::Stopped if replaced.load(Ordering::Relaxed) => superseded(),
            DocumentError::Internal(text) => ApiError::internal(std::io::Error::other(text)),
            DocumentError::Expression { ref pointer, .. } => ApiError::invalid(
                error.code(),
                &format!("/template{pointer}"),
                error.to_string(),
            ),
            DocumentError::Stopped
            | DocumentError::Limit { .. }
            | DocumentError::Attachment(_)
            | DocumentError::File { .. }
            | DocumentError::Password(_)
            | DocumentError::EInvoice(_) => {
                ApiError::invalid(error.code(), "/template", error.to_string())
            }
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<AtomicBool>>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only this drawing is lost: its thread and its place among those at once are free again.
fn broken(error: JoinError) -> ApiError {
    if !error.is_panic() {
        return ApiError::internal(error);
    }
    tracing::error!(%error, "drawing a document panicked");
    ApiError::invalid(
        "document_failed",
        "/template",
        "The pages could not be drawn. This is a fault of Formwork; see the server's log. Take back the last change, or try other values.",
    )
}

fn superseded() -> ApiError {
    ApiError::new(
        axum::http::StatusCode::CONFLICT,
        "superseded",
        "A newer preview of the same editor took its place.",
    )
}

#[cfg(test)]
mod tests {
    use axum::{http::StatusCode, response::IntoResponse as _};
    use serde_json::json;

    use super::*;

    fn drawing() -> Drawing {
        let template = json!({"format": document::FORMAT, "blocks": [{"id": "a", "type": "text", "text": "Hello"}]});
        Drawing {
            template: Template::parse(&template).expect("a template"),
            values: Record::new(),
            context: Context {
                locale: "en".into(),
                currency: "EUR".into(),
                time_zone: "UTC".into(),
                now: "2027-03-08T10:00:00Z".parse().expect("an instant"),
                firm: Record::new(),
            },
            assets: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_panic_ends_one_drawing_and_nothing_else() {
        let previews = Previews::new(Arc::new(Renderer::bundled()));
        let editor = Some("one".to_owned());
        for _ in 0..2 * AT_ONCE {
            let view = |_: &Rendered| -> usize { panic!("a defect") };
            let outcome = previews.draw(editor.clone(), drawing(), view).await;
            let error = outcome.expect_err("an error");
            assert!(format!("{error:?}").contains("document_failed"));
            let status = error.into_response().status();
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        assert!(previews.lock().is_empty());
        let view = |rendered: &Rendered| rendered.pages.len();
        let pages = previews.draw(editor, drawing(), view).await;
        assert_eq!(pages.expect("pages"), 1);
    }
}
