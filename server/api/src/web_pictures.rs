//! Pictures of the web that a page shows, through the guarded client: several at once, with limits of time and size, and kept for a short
//! while, so that a page that is edited does not ask for them with every letter.

use std::{collections::HashMap, sync::Arc, time::Duration};

use document::{
    MAX_WEB_PICTURE_BYTES, MAX_WEB_PICTURES, WEB_PICTURE_TIME, WebPicture, web_picture,
};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::App;

const AT_ONCE: usize = 6;

/// Longest wait for all together, as in a run.
const TIME: Duration = Duration::from_secs(20);

/// Most bytes of all together.
const MOST_BYTES: usize = 50 * 1024 * 1024;

/// Each of `wanted`, or why it is not there.
pub(crate) async fn load(app: &App, wanted: Vec<String>) -> HashMap<String, WebPicture> {
    let most = MAX_WEB_PICTURES;
    let end = Instant::now() + TIME;
    let asked = wanted.clone().into_iter().take(most);
    let mut loads = futures_util::stream::iter(asked)
        .map(|url| async move {
            let picture = picture(app, &url).await;
            (url, picture)
        })
        .buffer_unordered(AT_ONCE);
    let mut found = HashMap::new();
    let mut left = MOST_BYTES;
    while let Ok(Some((url, picture))) = timeout_at(end, loads.next()).await {
        let picture = picture.and_then(|bytes| match left.checked_sub(bytes.len()) {
            Some(rest) => {
                left = rest;
                Ok(bytes)
            }
            None => Err("all pictures together are too large".into()),
        });
        found.insert(url, picture);
    }
    for (number, url) in wanted.into_iter().enumerate() {
        found.entry(url).or_insert_with(|| {
            Err(if number < most {
                let seconds = TIME.as_secs();
                format!("all pictures together took longer than {seconds} s")
            } else {
                format!("a document shows at most {most} pictures of the web")
            })
        });
    }
    found
}

async fn picture(app: &App, url: &str) -> WebPicture {
    let now = Timestamp::now();
    if let Some(known) = app.renderer.recall(url, now) {
        return Ok(known);
    }
    let request = outbound::Request {
        method: "GET".into(),
        url: url.to_owned(),
        timeout: WEB_PICTURE_TIME,
        max_bytes: MAX_WEB_PICTURE_BYTES,
        ..outbound::Request::default()
    };
    let answer = app.outbound.send(request).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let bytes: Arc<Vec<u8>> = web_picture(answer.status, answer.body.into())?;
    app.renderer.remember(url, &bytes, now);
    Ok(bytes)
}
