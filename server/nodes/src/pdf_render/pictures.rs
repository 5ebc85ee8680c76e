//! The pictures of a document: files of the run, and those of the web.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use document::{Assets, MAX_WEB_PICTURES, Renderer, WEB_PICTURE_TIME, WebPicture};
use engine::{
    node::{HttpRequest, NodeContext, NodeError},
    value::FileRef,
};

/// Longest wait for all pictures of the web on one document.
const WEB_TIME: Duration = Duration::from_secs(20);

/// Most bytes of all pictures on one document.
const MAX_PICTURE_BYTES: u64 = 100 * 1024 * 1024;

/// The bytes of the pictures. One that is gone is left out: the page has a place for it, says so there, and is made all the same.
pub(super) async fn pictures(
    context: &dyn NodeContext,
    files: Vec<FileRef>,
) -> Result<Assets, NodeError> {
    let mut assets = Assets::default();
    let bytes: u64 = files.iter().map(|file| file.size_bytes).sum();
    if bytes > MAX_PICTURE_BYTES {
        let (size_mb, most_mb) = (bytes / 1_048_576, MAX_PICTURE_BYTES / 1_048_576);
        return Err(NodeError::failed(
            "pictures_too_large",
            format!(
                "The PDF was not made. Its pictures have {size_mb} MB, at most {most_mb} MB are possible. Use fewer or smaller ones.",
            ),
        )
        .with("size_mb", size_mb)
        .with("most_mb", most_mb));
    }
    for file in files {
        match context.read_artifact(&file).await {
            Ok(bytes) => {
                assets.images.insert(file.id, bytes);
            }
            Err(NodeError::Failed(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(assets)
}

/// Pictures of the web, or why they are not there. Those of a batch with one logo are loaded once.
pub(super) async fn web_pictures(
    context: &dyn NodeContext,
    renderer: &Renderer,
    wanted: &[String],
) -> Result<HashMap<String, WebPicture>, NodeError> {
    let now = context.step().now;
    let end = Instant::now() + WEB_TIME;
    let mut left = MAX_PICTURE_BYTES;
    let mut found = HashMap::new();
    for (number, url) in wanted.iter().enumerate() {
        let picture = if number >= MAX_WEB_PICTURES {
            let most = MAX_WEB_PICTURES;
            Err(format!(
                "a document shows at most {most} pictures of the web"
            ))
        } else if let Some(known) = renderer.recall(url, now) {
            Ok(known)
        } else {
            let time = end.saturating_duration_since(Instant::now());
            load(context, url, time).await?.inspect(|bytes| {
                renderer.remember(url, bytes, now);
            })
        };
        let picture = picture.and_then(|bytes| {
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or("all pictures together are too large")?;
            Ok(bytes)
        });
        found.insert(url.clone(), picture);
    }
    Ok(found)
}

async fn load(
    context: &dyn NodeContext,
    url: &str,
    time: Duration,
) -> Result<WebPicture, NodeError> {
    let request = HttpRequest {
        method: "GET".into(),
        url: url.to_owned(),
        timeout: Some(time.min(WEB_PICTURE_TIME)),
        ..HttpRequest::default()
    };
    match context.http(request).await {
        Ok(answer) => Ok(document::web_picture(answer.status, answer.body)),
        Err(NodeError::Failed(error) | NodeError::Retryable { error, .. }) => {
            Ok(Err(error.message))
        }
        Err(error) => Err(error),
    }
}
