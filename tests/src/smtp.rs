//! A mail server as small as the protocol allows (RFC 5321, section 4.5.1): it keeps what it takes, and answers, hangs or hangs up as
//! it is told. It knows no encryption.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does with the next mail.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// Answers this line to the message.
    Answer(&'static str),
    /// Answers this line to every receiver.
    Refuse(&'static str),
    /// Takes the message and hangs up without a word.
    HangUp,
    /// Says nothing, not even hello, and keeps the line.
    Silent,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// User and password, if somebody signed in.
    pub login: Option<(String, String)>,
    pub bytes: Vec<u8>,
}

/// The server; it listens until the test ends.
#[derive(Clone, Default)]
pub struct MailReceiver {
    received: Arc<Mutex<Vec<Received>>>,
    told: Arc<Mutex<VecDeque<Told>>>,
    pub port: u16,
}

impl MailReceiver {
    pub async fn start(told: &[Told]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self {
            port: listener.local_addr().expect("an address").port(),
            told: Arc::new(Mutex::new(told.iter().copied().collect())),
            ..Self::default()
        };
        let answering = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = answering.clone();
                // A client that leaves in the middle is no failure of the server.
                tokio::spawn(async move { receiver.converse(stream).await.ok() });
            }
        });
        receiver
    }

    /// Everything that came, also what was not taken.
    pub fn received(&self) -> Vec<Received> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let told = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let mut stream = BufReader::new(stream);
        if matches!(told, Some(Told::Silent)) {
            // The other side gives up first.
            return stream.read_line(&mut String::new()).await.map(drop);
        }
        say(&mut stream, "220 fake.test ready").await?;
        let (mut from, mut to, mut login) = (String::new(), Vec::new(), None);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" => {
                    say(
                        &mut stream,
                        "250-fake.test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
                    )
                    .await?;
                }
                "AUTH" => {
                    login = plain(line.trim_start_matches("AUTH PLAIN "));
                    say(&mut stream, "235 welcome").await?;
                }
                "MAIL" => {
                    from = between(line);
                    say(&mut stream, "250 ok").await?;
                }
                "RCPT" => match told {
                    Some(Told::Refuse(answer)) => say(&mut stream, answer).await?,
                    Some(Told::Answer(_) | Told::HangUp | Told::Silent) | None => {
                        to.push(between(line));
                        say(&mut stream, "250 ok").await?;
                    }
                },
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let bytes = message(&mut stream).await?;
                    self.received
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(Received {
                            from: from.clone(),
                            to: std::mem::take(&mut to),
                            login: login.clone(),
                            bytes,
                        });
                    match told {
                        Some(Told::HangUp) => return Ok(()),
                        Some(Told::Answer(answer)) => say(&mut stream, answer).await?,
                        Some(Told::Refuse(_) | Told::Silent) | None => {
                            say(&mut stream, "250 2.0.0 queued as 4711").await?;
                        }
                    }
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "250 ok").await?,
            }
        }
    }
}

async fn say(stream: &mut BufReader<TcpStream>, answer: &str) -> std::io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await
}

/// Up to the line with one full stop, with doubled ones undone.
async fn message(stream: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(bytes);
        }
        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn between(line: &str) -> String {
    let address = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    address.map_or(String::new(), |(address, _)| address.to_owned())
}

fn plain(encoded: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let mut parts = decoded.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}
