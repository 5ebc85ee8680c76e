//! Pictures of the web: what an answer of a server means, and those that were loaded a short while ago. Nothing is loaded here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::Renderer;

/// A picture of the web as it was loaded, or in words why it was not.
pub type WebPicture = Result<Arc<Vec<u8>>, String>;

/// Most pictures of the web in one document.
pub const MAX_WEB_PICTURES: usize = 50;

/// Most bytes of one of them.
pub const MAX_WEB_PICTURE_BYTES: usize = 10 * 1024 * 1024;

/// Longest wait for one of them.
pub const WEB_PICTURE_TIME: Duration = Duration::from_secs(10);

/// Bytes of all that are kept.
const MOST_BYTES: usize = 32 * 1024 * 1024;
const MOST: usize = 500;
/// Whoever changes a picture sees it after so many seconds.
const KEPT_SECONDS: i64 = 300;

/// The last ones, the newest behind.
#[derive(Default)]
pub(crate) struct Kept(Mutex<VecDeque<One>>);

struct One {
    url: String,
    bytes: Arc<Vec<u8>>,
    loaded_at: Timestamp,
}

/// The picture in the answer of a server.
pub fn web_picture(status: u16, body: Vec<u8>) -> WebPicture {
    match status {
        200 if body.is_empty() => Err("the server answered with nothing".into()),
        200 if body.len() > MAX_WEB_PICTURE_BYTES => {
            let most = MAX_WEB_PICTURE_BYTES / 1024 / 1024;
            Err(format!("it has more than {most} MB"))
        }
        200 => Ok(Arc::new(body)),
        300..=399 => Err("the server names another address; use that one".into()),
        other => Err(format!("the server answered {other}")),
    }
}

impl Renderer {
    /// A picture that was loaded a short while before `now`.
    pub fn recall(&self, url: &str, now: Timestamp) -> Option<Arc<Vec<u8>>> {
        self.web.recall(url, now)
    }

    /// Keeps a picture for a short while.
    pub fn remember(&self, url: &str, bytes: &Arc<Vec<u8>>, now: Timestamp) {
        self.web.remember(url, bytes, now);
    }
}

impl Kept {
    fn recall(&self, url: &str, now: Timestamp) -> Option<Arc<Vec<u8>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().rev().find(|one| one.url == url)?;
        let age = now.as_second() - found.loaded_at.as_second();
        (0..KEPT_SECONDS)
            .contains(&age)
            .then(|| found.bytes.clone())
    }

    fn remember(&self, url: &str, bytes: &Arc<Vec<u8>>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| one.url != url);
        kept.push_back(One {
            url: url.to_owned(),
            bytes: bytes.clone(),
            loaded_at: now,
        });
        let mut size: usize = kept.iter().map(|one| one.bytes.len()).sum();
        while size > MOST_BYTES || kept.len() > MOST {
            let Some(oldest) = kept.pop_front() else {
                return;
            };
            size -= oldest.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("an instant")
    }

    #[test]
    fn an_answer_is_a_picture_or_says_why_not() {
        assert_eq!(web_picture(200, b"x".to_vec()), Ok(Arc::new(b"x".to_vec())));
        let check = |status, body: Vec<u8>, words: &str| {
            let why = web_picture(status, body).expect_err("no picture");
            assert!(why.contains(words), "{why}");
        };
        check(200, Vec::new(), "nothing");
        check(200, vec![0; MAX_WEB_PICTURE_BYTES + 1], "10 MB");
        check(302, b"x".to_vec(), "another address");
        check(404, b"x".to_vec(), "404");
        check(204, Vec::new(), "204");
    }

    #[test]
    fn pictures_are_kept_for_a_while_and_within_bounds() {
        let kept = Kept::default();
        let large = Arc::new(vec![0; MOST_BYTES / 2]);
        kept.remember("a", &large, at(0));
        assert!(kept.recall("a", at(299)).is_some());
        assert!(kept.recall("a", at(300)).is_none());
        assert!(kept.recall("a", at(-1)).is_none());
        assert!(kept.recall("b", at(0)).is_none());
        kept.remember("b", &large, at(1));
        kept.remember("a", &large, at(2));
        kept.remember("c", &large, at(3));
        assert!(kept.recall("b", at(4)).is_none(), "the oldest goes");
        assert!(kept.recall("a", at(4)).is_some() && kept.recall("c", at(4)).is_some());
    }
}
