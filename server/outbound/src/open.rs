//! Answers whose body is read as it comes, such as a model file of a gigabyte. The guard is the same; the body has no limit of its
//! own, because the caller knows how long it must be.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream::BoxStream};

use crate::{Client, Error, Request, headers, tell};

/// An answer's head, and its body as it comes.
pub struct Opened {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}

impl Client {
    /// Sends a request and gives the answer as soon as its head is there. `timeout` bounds only the head; `max_bytes` and `cut` are
    /// the caller's business.
    pub async fn open(&self, request: Request) -> Result<Opened, Error> {
        let (url, port) = self.target(&request.url)?;
        let client = self.client(port)?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| {
            Error::Invalid(format!(
                "\u{201c}{}\u{201d} is no HTTP method",
                request.method
            ))
        })?;
        let asked = client
            .request(method, url)
            .headers(headers(&request.headers)?)
            .body(request.body)
            .send();
        let answer = match tokio::time::timeout(request.timeout, asked).await {
            Ok(answer) => answer.map_err(|error| tell(&error))?,
            Err(_) => return Err(Error::TimedOut(request.timeout)),
        };
        Ok(Opened {
            status: answer.status().as_u16(),
            headers: answer
                .headers()
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: pieces(answer).boxed(),
        })
    }
}

fn pieces(answer: reqwest::Response) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
    answer
        .bytes_stream()
        .map(|piece| piece.map_err(|error| tell(&error)))
}
