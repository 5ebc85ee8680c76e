//! Sends mail through somebody's SMTP server under the same guard as requests: the address is checked when it is connected to, and
//! every try is limited in time. Without encryption only servers that the operator listed are spoken to.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use lettre::{
    Address, Message,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};

use crate::{CONNECT_TIMEOUT, Client, Error, resolver};

/// Ports of mail servers that are open without being listed.
const PORTS: [u16; 4] = [25, 465, 587, 2525];

/// A farewell that nothing depends on.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Most characters of a server's answer that are kept.
const MAX_WORDS: usize = 1_000;

/// Whose server takes the mail.
pub struct MailServer {
    /// A name, or an address without brackets.
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// User and password.
    pub login: Option<(String, String)>,
    /// How this program introduces itself; an address literal when empty.
    pub hello: String,
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// From the first byte (port 465).
    Tls,
    /// After a greeting in the clear (port 587); never without.
    StartTls,
    /// Not at all.
    None,
}

/// A name, perhaps empty, and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub address: String,
}

/// One mail, complete.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Without angle brackets; the same for every try.
    pub message_id: String,
    pub date: SystemTime,
    pub from: Person,
    pub reply_to: Option<Person>,
    pub to: Vec<Person>,
    pub cc: Vec<Person>,
    /// They receive it and are named nowhere.
    pub bcc: Vec<Person>,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub files: Vec<Attached>,
}

/// A file in a mail.
#[derive(Clone, Debug)]
pub struct Attached {
    pub name: String,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// The server took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub status: u16,
    pub words: String,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There was no conversation, or it broke.
    #[error(transparent)]
    Unsent(#[from] Error),
    /// The server said no; 4xx is for now, 5xx for good (RFC 5321, section 4.2.1).
    #[error("the mail server answered {status} {words}")]
    Answered { status: u16, words: String },
}

impl Client {
    /// One try, `timeout` over all. When the server took the message and its answer was lost, the mail may arrive twice.
    pub async fn send_mail(
        &self,
        server: &MailServer,
        mail: Mail,
        timeout: Duration,
    ) -> Result<Accepted, MailError> {
        let message = message(mail)?;
        match tokio::time::timeout(timeout, self.converse(server, &message)).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut(timeout).into()),
        }
    }

    /// Signs in at the server and says goodbye.
    async fn converse(
        &self,
        server: &MailServer,
        message: &Message,
    ) -> Result<Accepted, MailError> {
        let mut connection = self.connect(server).await?;
        if let Some((user, password)) = &server.login {
            connection
                .auth(
                    &[Mechanism::Plain, Mechanism::Login],
                    &Credentials::new(user.clone(), password.clone()),
                )
                .await
                .map_err(|error| tell(&error))?;
        }
        let taken = connection
            .send(message.envelope(), &message.formatted())
            .await
            .map_err(|error| tell(&error))?;
        // The mail is taken, whatever becomes of the connection.
        let _ = tokio::time::timeout(QUIT_TIMEOUT, connection.quit()).await;
        Ok(Accepted {
            status: u16::from(taken.code()),
            words: words(taken.message()),
        })
    }

    async fn connect(&self, server: &MailServer) -> Result<AsyncSmtpConnection, MailError> {
        let addresses = self.mail_addresses(server).await?;
        let hello = if server.hello.is_empty() {
            ClientId::default()
        } else {
            ClientId::Domain(server.hello.clone())
        };
        let tls = || TlsParameters::new_rustls(server.host.clone()).map_err(|error| tell(&error));
        let at_once = match server.encryption {
            Encryption::Tls => Some(tls()?),
            Encryption::StartTls | Encryption::None => None,
        };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(CONNECT_TIMEOUT),
            &hello,
            at_once,
            None,
        );
        let mut connection = connecting.await.map_err(|error| tell(&error))?;
        match server.encryption {
            Encryption::StartTls => connection
                .starttls(tls()?, &hello)
                .await
                .map_err(|error| tell(&error))?,
            Encryption::Tls | Encryption::None => {}
        }
        Ok(connection)
    }

    /// The addresses of a server that may be connected to.
    async fn mail_addresses(&self, server: &MailServer) -> Result<Vec<SocketAddr>, Error> {
        let (host, port) = (server.host.as_str(), server.port);
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self
                .0
                .lookup
                .lookup(host.to_owned())
                .await
                .map_err(|error| Error::Unreachable(format!("{host} was not found: {error}")))?,
        };
        let allow = &self.0.allow;
        let permitted = resolver::permitted(allow, host, port, &found, &PORTS)
            .map_err(|refusal| Error::Refused(refusal.0))?;
        let clear = server.encryption == Encryption::None;
        let addresses: Vec<SocketAddr> = permitted
            .into_iter()
            .filter(|address| !clear || allow.host(host, port) || allow.address(*address, port))
            .map(|address| SocketAddr::new(address, port))
            .collect();
        if addresses.is_empty() {
            return Err(Error::Refused(format!(
                "without encryption only servers that the operator lists in FORMWORK_OUTBOUND_ALLOW are spoken to, such as {host}:{port}"
            )));
        }
        Ok(addresses)
    }
}

/// The message on the wire: text and HTML as alternatives, files beside them.
fn message(mail: Mail) -> Result<Message, Error> {
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}>", mail.message_id)))
        .date(mail.date)
        .from(mailbox(&mail.from)?)
        .subject(&mail.subject);
    if let Some(reply_to) = &mail.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    for person in &mail.to {
        builder = builder.to(mailbox(person)?);
    }
    for person in &mail.cc {
        builder = builder.cc(mailbox(person)?);
    }
    // They go into the envelope; the header is dropped when the message is written.
    for person in &mail.bcc {
        builder = builder.bcc(mailbox(person)?);
    }
    let body = MultiPart::alternative_plain_html(mail.text, mail.html);
    let parts = if mail.files.is_empty() {
        body
    } else {
        let whole = MultiPart::mixed().multipart(body);
        mail.files
            .into_iter()
            .fold(whole, |whole, file| whole.singlepart(attached(file)))
    };
    builder
        .multipart(parts)
        .map_err(|error| Error::Invalid(format!("the mail cannot be written: {error}")))
}

fn mailbox(person: &Person) -> Result<Mailbox, Error> {
    let address: Address = person.address.parse().map_err(|_| {
        Error::Invalid(format!(
            "\u{201c}{}\u{201d} is no e-mail address",
            person.address
        ))
    })?;
    let name = (!person.name.is_empty()).then(|| person.name.clone());
    Ok(Mailbox::new(name, address))
}

fn attached(file: Attached) -> SinglePart {
    let content_type = ContentType::parse(&file.content_type)
        .or_else(|_| ContentType::parse("application/octet-stream"))
        .expect("the second one is a content type");
    Attachment::new(file.name).body(file.bytes, content_type)
}

/// What the server, the connection or this client said.
fn tell(error: &lettre::transport::smtp::Error) -> MailError {
    use std::error::Error as _;
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    if let Some(status) = error.status() {
        return MailError::Answered {
            status: status.into(),
            words: words([source.as_str()]),
        };
    }
    if error.is_timeout() {
        return Error::TimedOut(CONNECT_TIMEOUT).into();
    }
    // What this client cannot do with this server, such as signing in where no way to sign in is offered.
    if error.is_client() {
        return Error::Invalid(format!("the mail server does not fit: {source}")).into();
    }
    let what = if error.is_tls() {
        "the connection could not be encrypted"
    } else {
        "no connection, or it broke"
    };
    Error::Unreachable(if source.is_empty() {
        what.into()
    } else {
        format!("{what}: {source}")
    })
    .into()
}

/// An answer on one line.
fn words<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let text = lines.into_iter().collect::<Vec<_>>().join(" ");
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_WORDS)
        .collect()
}

impl MailError {
    /// Whether the same mail may be taken later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unsent(error) => error.is_retryable(),
            Self::Answered { status, .. } => (400..500).contains(status),
        }
    }
}
