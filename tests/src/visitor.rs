//! Somebody who fills in a public form of servers that may die at any moment, and sends it again when the connection breaks.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use engine::ids::RunId;
use reqwest::{
    Client, StatusCode,
    header::{self, HeaderMap},
    redirect::Policy,
};
use store::{Store, link};

/// No program takes a form that was filled in faster than people type.
const FILLING: Duration = Duration::from_millis(1_100);
/// Between two tries of somebody whose connection broke.
const AGAIN: Duration = Duration::from_millis(100);
/// A server that stands still is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One person with one form.
pub struct Visitor {
    http: Client,
    servers: Vec<String>,
    form: String,
    answers: String,
    tries: AtomicUsize,
}

/// The run whose result will be at the place that a visitor is sent to.
pub fn run_at(store: &Store, place: &str) -> RunId {
    let token = place.trim_start_matches("/r/");
    let token = token.split_once('?').map_or(token, |(token, _)| token);
    link::open_run_token(&store.sealer, token).expect("our own link")
}

/// The ticket that a form's page carries.
pub fn ticket(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("name=\"_ticket\" value=\"")?;
    let (ticket, _) = rest.split_once('"')?;
    Some(ticket)
}

impl Visitor {
    /// A visitor of an address of their own; `number` tells people apart. Each try goes to the next server.
    pub fn new(servers: Vec<String>, form: &str, number: usize, answers: String) -> Self {
        let mut headers = HeaderMap::new();
        let address = format!(
            "10.{}.{}.{}",
            number / 62_500,
            number / 250 % 250,
            number % 250 + 1
        );
        headers.insert(
            "x-forwarded-for",
            address.parse().expect("a header's value"),
        );
        Self {
            http: Client::builder()
                .redirect(Policy::none())
                .default_headers(headers)
                // A killed server's connections are of no use to its successor.
                .pool_max_idle_per_host(0)
                .timeout(PATIENCE)
                .build()
                .expect("a client"),
            servers,
            form: form.to_owned(),
            answers,
            tries: AtomicUsize::new(number),
        }
    }

    /// Sends the form until it is taken, and perhaps once more; where the result will be.
    pub async fn send(&self, twice: bool) -> String {
        let ticket = self.ticket().await;
        tokio::time::sleep(FILLING).await;
        let taken = self.post(&ticket).await;
        if twice {
            assert_eq!(self.post(&ticket).await, taken);
        }
        taken
    }

    fn address(&self) -> String {
        let turn = self.tries.fetch_add(1, Ordering::Relaxed) % self.servers.len();
        format!("{}{}", self.servers[turn], self.form)
    }

    async fn ticket(&self) -> String {
        loop {
            if let Ok(answer) = self.http.get(self.address()).send().await
                && let Ok(page) = answer.text().await
                && let Some(ticket) = ticket(&page)
            {
                return ticket.to_owned();
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn post(&self, ticket: &str) -> String {
        let body = format!("_ticket={ticket}&{}&_action=submit", self.answers);
        loop {
            let sent = self
                .http
                .post(self.address())
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(answer) if answer.status() == StatusCode::SEE_OTHER => {
                    return answer.headers()[header::LOCATION]
                        .to_str()
                        .expect("text")
                        .to_owned();
                }
                // The database is the same, but the server that asked it may be on its way out.
                Ok(answer) if answer.status().is_server_error() => {}
                Ok(answer) => panic!(
                    "{}: {}",
                    answer.status(),
                    answer.text().await.unwrap_or_default()
                ),
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}
